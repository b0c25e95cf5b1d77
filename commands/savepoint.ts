import {Args, StoreCommand, txnFlag} from '../src/cli/command.js';
import {makeSavepoint} from '../src/repo/opentransactions.js';

export default class Savepoint extends StoreCommand {
  static override summary = 'Mark what an open transaction is at, to come back to it.';
  static override examples = [
    '<%= config.bin %> savepoint loaded --txn T4k2m7q2xw5ab',
    {description: 'And back:', command: '<%= config.bin %> rollback --to loaded --txn T4k2m7q2xw5ab'},
  ];
  static override args = {name: Args.string({description: 'The name of the savepoint.', required: true})};
  static override flags = {...txnFlag};
  static override exits = [4];
  static override looksInside = false;
  static override completes = {name: 'none', txn: 'none'} as const;

  async run(): Promise<unknown> {
    const {args} = await this.parse(Savepoint);
    return this.withTransaction(async (repository, open) => {
      await makeSavepoint(repository, open, args.name);
      this.report(`Savepoint ${args.name} in transaction ${this.style.yellow(open.name)}.`);
      return {id: open.name, savepoint: args.name};
    });
  }
}
