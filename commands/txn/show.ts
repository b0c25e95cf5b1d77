import {Args, StoreCommand} from '../../src/cli/command.js';
import {transactionJson, transactionParagraph} from '../../src/cli/transaction-text.js';
import {findTransaction} from '../../src/repo/transactionlog.js';

export default class TxnShow extends StoreCommand {
  static override summary = 'Show a transaction: what it began from, what it did, how it ended.';
  static override examples = ['<%= config.bin %> txn show T4k2m7q2xw5ab'];
  static override args = {
    id: Args.string({description: 'The transaction, or the start of its id (the one in DBOS_TXN unless given).'}),
  };
  static override exits = [4];
  static override completes = {id: 'transaction'} as const;

  async run(): Promise<unknown> {
    const {args} = await this.parse(TxnShow);
    const id = this.transactionNamed(args.id);
    if (id === undefined) throw this.usage('Name the transaction, or set DBOS_TXN.');
    return this.withRepository(async repository => {
      const found = findTransaction(repository, id);
      for (const line of transactionParagraph(found, this.style)) this.print(line);
      return transactionJson(found);
    });
  }
}
