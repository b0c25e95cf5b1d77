import {Flags, StoreCommand} from '../src/cli/command.js';
import {transactionJson} from '../src/cli/transaction-text.js';
import {ISOLATIONS, type Isolation} from '../src/repo/opentransaction.js';
import {beginTransaction} from '../src/repo/opentransactions.js';
import {branchName} from '../src/repo/refs.js';
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
  static override flags = {
    branch: Flags.string({
      description: 'The branch that it will be committed to (the current one unless given).',
      helpValue: 'BRANCH',
    }),
    message: Flags.string({char: 'm', description: 'The message of its commit.', helpValue: 'MSG'}),
    isolation: Flags.string({
      description: 'serializable: it fails if what it has read changes before it is committed.',
      options: [...ISOLATIONS],
      default: 'snapshot',
    }),
  };
  static override exits = [4];
  static override completes = {branch: 'branch', message: 'none'} as const;

  async run(): Promise<unknown> {
    const {flags} = await this.parse(Begin);
    return this.withRepository(async repository => {
      const open = await beginTransaction(repository, {
        branch: flags.branch === undefined ? undefined : branchName(flags.branch),
        message: flags.message,
        isolation: flags.isolation as Isolation,
      });
      this.report(
        `Transaction ${this.style.yellow(open.name)} started on ${this.style.green(open.transaction.branch)}.`,
      );
      this.note(`Name it with --txn ${open.name} or in DBOS_TXN; \`dbos commit\` and \`dbos rollback\` end it.`);
      return transactionJson(active(open));
    });
  }
}
