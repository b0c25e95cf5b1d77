import {basename, resolve} from 'node:path';
import {Args, Flags, StoreCommand} from '../src/cli/command.js';
import {interruptible} from '../src/cli/interrupt.js';
import {moveJson, moveWarnings} from '../src/cli/move-text.js';
import {transferText} from '../src/cli/sync-text.js';
import {cloneStore} from '../src/sync/clone.js';
import {isBundle, normalUrl} from '../src/sync/connect.js';

export default class Clone extends StoreCommand {
  static override summary = 'Make a store from another one, with all its history.';
  static override description =
    'The other store is the remote origin of the new one, and its current branch is checked out. What comes is checked as fsck would.';
  static override examples = [
    '<%= config.bin %> clone ../project copy',
    {description: 'A bare store, for others to push to:', command: '<%= config.bin %> clone --bare project shared'},
  ];
  static override args = {
    url: Args.string({description: 'The folder of a work tree or a bare store, a bundle, or a URL.', required: true}),
    directory: Args.string({description: 'The directory, missing or empty; named like the other one unless given.'}),
  };
  static override flags = {
    bare: Flags.boolean({description: 'Make a store without a work tree, with the branches as its own.'}),
    branch: Flags.string({char: 'b', description: 'The branch to check out.', helpValue: 'NAME'}),
  };
  static override exits = [4, 5];
  static override completes = {url: 'file', directory: 'directory', branch: 'none'} as const;

  async run(): Promise<unknown> {
    const {args, flags} = await this.parse(Clone);
    const here = this.workingDirectory();
    const url = normalUrl(args.url, here);
    const directory = resolve(here, args.directory ?? basename(url, isBundle(url) ? '.car' : undefined));
    const context = await this.context();
    return interruptible(
      async signal => {
        const options = {bare: flags.bare === true, branch: flags.branch, signal, progress: this.showProgress};
        const cloned = await cloneStore(url, directory, options, context);
        const {repo, branch, move, objects, bytes} = cloned;
        const {store, workTree} = repo.location;
        await repo.close();
        this.note(`Cloned into ${directory}, on branch ${branch}: ${transferText(cloned)}.`);
        for (const line of moveWarnings(move)) this.warning(line);
        return {store, workTree: workTree ?? null, branch, objects, bytes, ...moveJson(move)};
      },
      async () => undefined,
    );
  }
}
