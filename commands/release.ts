import {Args, StoreCommand, txnFlag} from '../src/cli/command.js';
import {releaseSavepoint} from '../src/repo/opentransactions.js';

export default class Release extends StoreCommand {
  static override summary = 'Forget a savepoint of an open transaction; what was done since stays.';
  static override examples = ['<%= config.bin %> release loaded --txn T4k2m7q2xw5ab'];
  static override args = {name: Args.string({description: 'The name of the savepoint.', required: true})};
  static override flags = {...txnFlag};
  static override exits = [4];
  static override looksInside = false;
  static override completes = {name: 'none', txn: 'none'} as const;

  async run(): Promise<unknown> {
    const {args} = await this.parse(Release);
    return this.withTransaction(async (repository, open) => {
      await releaseSavepoint(repository, open, args.name);
      this.report(`Released ${args.name} in transaction ${this.style.yellow(open.name)}.`);
      return {id: open.name, savepoint: args.name};
    });
  }
}
