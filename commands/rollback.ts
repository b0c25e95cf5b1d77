import {Args, Flags, StoreCommand, txnFlag} from '../src/cli/command.js';

export default class Rollback extends StoreCommand {
  static override summary = 'End an open transaction without effect, or go back to one of its savepoints.';
  static override description =
    'What was done in the transaction is dropped; `dbos undo` opens it again. With --to it stays open, as it was at the savepoint.';
  static override examples = [
    '<%= config.bin %> rollback --txn T4k2m7q2xw5ab',
    {
      description: 'Back to a savepoint of the transaction in DBOS_TXN:',
      command: '<%= config.bin %> rollback to loaded',
    },
  ];
  static override args = {
    to: Args.string({description: 'The word `to`, before the name of a savepoint.', options: ['to']}),
    savepoint: Args.string({description: 'The savepoint, as with --to.'}),
  };
  static override flags = {
    to: Flags.string({description: 'Go back to this savepoint; those made after it are gone.', helpValue: 'NAME'}),
    ...txnFlag,
  };
  static override exits = [4];
  static override looksInside = false;
  static override completes = {to: 'none', savepoint: 'none', txn: 'none'} as const;

  async run(): Promise<unknown> {
    const {args, flags} = await this.parse(Rollback);
    const to = flags.to ?? args.savepoint;
    if (args.to !== undefined && args.savepoint === undefined) throw this.usage('Name the savepoint to go back to.');
    if (flags.to !== undefined && args.savepoint !== undefined) throw this.usage('Name the savepoint once.');
    return this.withTransaction(async (repository, open) => {
      const {rollbackToSavepoint, rollbackTransaction} = await import('../src/repo/opentransactions.js');
      if (to === undefined) {
        await rollbackTransaction(repository, open);
        this.report(`Transaction ${this.style.yellow(open.name)} rolled back.`);
      } else {
        await rollbackToSavepoint(repository, open, to);
        this.report(`Transaction ${this.style.yellow(open.name)} is as it was at ${to}.`);
      }
      return {id: open.name, savepoint: to ?? null};
    });
  }
}
