import {Flags, StoreCommand, txnFlag} from '../../src/cli/command.js';
import {formatCount} from '../../src/cli/progress.js';
import {alignRows} from '../../src/cli/table.js';
import {tableList} from '../../src/sql/catalog/table-facts.js';
import {databaseOf} from '../../src/sql/repository-query.js';
import {plainText} from '../../src/state/quote.js';

export default class TableLs extends StoreCommand {
  static override summary = 'List the tables and views of a state.';
  static override description = 'With the numbers of their rows, columns and indexes.';
  static override examples = ['<%= config.bin %> table ls', '<%= config.bin %> table ls --at yesterday --json'];
  static override flags = {
    at: Flags.string({description: 'The state of a revision or time (HEAD unless given).', helpValue: 'REV'}),
    ...txnFlag,
  };
  static override pages = true;
  static override exits = [4];
  static override completes = {at: 'revision'} as const;

  async run(): Promise<unknown> {
    const {flags} = await this.parse(TableLs);
    return this.withRepository(async repo => {
      if (flags.at === undefined) this.reads?.noteState();
      const list = await tableList(databaseOf(repo, flags.at === undefined ? {} : {at: flags.at}));
      const {style} = this;
      const lines = alignRows(
        [
          ['name', 'rows', 'columns', 'indexes'].map(style.dim),
          ...list.map(({name, kind, rows, columns, indexes}) => [
            plainText(name),
            rows === null ? kind : formatCount(rows),
            columns === null ? '?' : `${columns}`,
            `${indexes}`,
          ]),
        ],
        [1, 2, 3],
      );
      await this.printLines(lines);
      return list;
    });
  }
}
