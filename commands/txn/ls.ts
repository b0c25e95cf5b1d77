import {Flags, StoreCommand} from '../../src/cli/command.js';
import {transactionJson, transactionLines} from '../../src/cli/transaction-text.js';
import {listOpenTransactions} from '../../src/repo/opentransactions.js';
import {active, listTransactions} from '../../src/repo/transactionlog.js';

export default class TxnLs extends StoreCommand {
  static override summary = 'List the transactions that are open.';
  static override description =
    'The oldest first. In SQL they are the table transactions, those that have ended among them.';
  static override examples = [
    '<%= config.bin %> txn ls',
    {description: 'Those that have ended too:', command: '<%= config.bin %> txn ls --all'},
  ];
  static override flags = {
    all: Flags.boolean({char: 'a', description: 'List also those that were committed or rolled back.'}),
  };
  static override pages = true;

  async run(): Promise<unknown> {
    const {flags} = await this.parse(TxnLs);
    return this.withRepository(async repository => {
      const all = flags.all === true;
      const listed = all ? [...listTransactions(repository)] : [...listOpenTransactions(repository)].map(active);
      listed.sort((a, b) => a.transaction.author.time - b.transaction.author.time);
      await this.printLines(transactionLines(listed, this.style));
      return listed.map(transactionJson);
    });
  }
}
