import {existsSync} from 'node:fs';
import {basename, dirname, resolve} from 'node:path';
import {STREAM} from '../src/cli/bundle-text.js';
import {Args, Flags, StoreCommand} from '../src/cli/command.js';
import {interruptible} from '../src/cli/interrupt.js';
import {moveJson, moveWarnings} from '../src/cli/move-text.js';
import {transferText} from '../src/cli/sync-text.js';
import {formatId} from '../src/objects/id.js';
import {Input} from '../src/sql/transfer/input.js';
import {cloneStore} from '../src/sync/clone.js';
import {isBundle, normalUrl} from '../src/sync/connect.js';
import {WHOLE_DEPTH} from '../src/sync/journal.js';

export default class Clone extends StoreCommand {
  static override summary = 'Make a store from another one, with its history.';
  static override description =
    'The other store is the remote origin of the new one, and its current branch is checked out. With the name of a tag HEAD is on no branch. What comes is checked as fsck would.';
  static override examples = [
    '<%= config.bin %> clone ../project copy',
    {description: 'A bare store, for others to push to:', command: '<%= config.bin %> clone --bare project shared'},
    {
      description: 'From a bundle that comes through a pipe:',
      command: 'ssh host "cd project && dbos bundle create - --all" | <%= config.bin %> clone - copy',
    },
    {description: 'Only what the branches hold now:', command: '<%= config.bin %> clone --depth 1 ../project copy'},
  ];
  static override args = {
    url: Args.string({
      description: 'The folder of a work tree or a bare store, a bundle (- is stdin), or a URL.',
      required: true,
    }),
    directory: Args.string({description: 'The directory, missing or empty; named like the other one unless given.'}),
  };
  static override flags = {
    bare: Flags.boolean({description: 'Make a store without a work tree, with the branches as its own.'}),
    branch: Flags.string({char: 'b', description: 'The branch to check out, or a tag.', helpValue: 'NAME'}),
    depth: Flags.integer({
      description: 'Only so many commits of each branch: a shallow store.',
      min: 1,
      max: WHOLE_DEPTH - 1,
      helpValue: 'N',
    }),
  };
  static override exits = [4, 5];
  static override completes = {url: 'file', directory: 'directory', branch: 'none'} as const;

  async run(): Promise<unknown> {
    const {args, flags} = await this.parse(Clone);
    const here = this.workingDirectory();
    const isStream = args.url === STREAM;
    if (isStream && args.directory === undefined) throw this.usage('Into which directory does the bundle of stdin go?');
    const url = isStream ? STREAM : normalUrl(args.url, here);
    const directory = resolve(here, args.directory ?? basename(url, isBundle(url) ? '.car' : undefined));
    // before a store is made: until then nothing is left by whoever is stopped
    const place = isStream ? Input.open({path: undefined, name: 'stdin', temporary: nearestFolder(directory)}) : url;
    const context = await this.context();
    return interruptible(
      async signal => {
        const options = {
          bare: flags.bare === true,
          branch: flags.branch,
          depth: flags.depth,
          signal,
          progress: this.showProgress,
        };
        const cloned = await cloneStore(place, directory, options, context);
        const {repo, branch, move, objects, bytes} = cloned;
        const {store, workTree} = repo.location;
        const shallow = repo.shallow.size > 0;
        const {commit} = repo.head();
        await repo.close();
        const where = branch === undefined ? `at ${flags.branch}` : `on branch ${branch}`;
        this.note(`Cloned into ${directory}, ${where}: ${transferText(cloned)}.`);
        if (branch === undefined) this.note('HEAD is on no branch; `dbos switch -c NAME` makes one here.');
        if (shallow && flags.depth === undefined) this.warning('The other store is shallow, and so is this one.');
        for (const line of moveWarnings(move)) this.warning(line);
        return {
          store,
          workTree: workTree ?? null,
          branch: branch ?? null,
          head: commit === undefined ? null : formatId(commit),
          shallow,
          objects,
          bytes,
          ...moveJson(move),
        };
      },
      async () => undefined,
    );
  }
}

/** Returns the folder in which a directory is, or is to be made. */
function nearestFolder(directory: string): string {
  return existsSync(directory) ? directory : nearestFolder(dirname(directory));
}
