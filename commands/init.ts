import {resolve} from 'node:path';
import {Args, Flags, StoreCommand} from '../src/cli/command.js';
import {Repository} from '../src/repo/repository.js';

export default class Init extends StoreCommand {
  static override summary = 'Make a store for a directory.';
  static override description =
    'The store is the folder .dbos in the directory, which becomes its work tree; with --bare it is the directory itself.';
  static override examples = [
    {description: 'Start to keep the versions of the current directory:', command: '<%= config.bin %> init'},
    {description: 'Make a store without a work tree:', command: '<%= config.bin %> init --bare backup'},
  ];
  static override args = {
    directory: Args.string({description: 'The directory, made if it is missing; the current one unless given.'}),
  };
  static override flags = {
    bare: Flags.boolean({description: 'Make a store without a work tree.'}),
    branch: Flags.string({char: 'b', description: 'The name of the first branch.', helpValue: 'NAME'}),
  };
  static override completes = {directory: 'directory', branch: 'none'} as const;

  async run(): Promise<{store: string; workTree: string | null; branch: string | null}> {
    const {args, flags} = await this.parse(Init);
    const directory = resolve(this.workingDirectory(), args.directory ?? '.');
    const options = {bare: flags.bare === true, ...(flags.branch !== undefined && {branch: flags.branch})};
    const repository = await Repository.init(directory, options, await this.context());
    const {store, workTree} = repository.location;
    const {branch} = repository.head();
    await repository.close();
    this.note(`Made the store ${store}, on branch ${branch}.`);
    return {store, workTree: workTree ?? null, branch: branch ?? null};
  }
}
