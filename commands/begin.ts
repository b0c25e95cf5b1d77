import {beginFlags, beginOptions} from '../src/cli/begin-flags.js';
import {StoreCommand} from '../src/cli/command.js';
import {transactionJson} from '../src/cli/transaction-text.js';
import {beginTransaction} from '../src/repo/opentransactions.js';
import {active} from '../src/repo/transactionlog.js';

export default class Begin extends StoreCommand {
  static override summary = 'Begin a transaction that stays open over several commands.';
  static override description =
    'Prints its id. Commands that are given it with --txn, or in DBOS_TXN, read the state as it was when the transaction began, with what they changed in it; others see nothing of that until `dbos commit` makes it one commit. Several may be open at once, and they stay open after a crash. docs/transactions.md says what is promised.';
  static override examples = [
    "<%= config.bin %> begin -m 'Move the savings'",
    {
      description: 'In a script:',
      command: 'export DBOS_TXN=$(<%= config.bin %> begin --json | jq -r .id)',
    },
  ];
  static override flags = beginFlags;
  static override exits = [4];
  static override completes = {branch: 'branch', message: 'none'} as const;

  async run(): Promise<unknown> {
    const {flags} = await this.parse(Begin);
    return this.withRepository(async repository => {
      const open = await beginTransaction(repository, beginOptions(flags));
      this.report(
        `Transaction ${this.style.yellow(open.name)} started on ${this.style.green(open.transaction.branch)}.`,
      );
      this.note(`Name it with --txn ${open.name} or in DBOS_TXN; \`dbos commit\` and \`dbos rollback\` end it.`);
      return transactionJson(active(open));
    });
  }
}
