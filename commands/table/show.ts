import {Args, Flags, StoreCommand, txnFlag} from '../../src/cli/command.js';
import {formatBytes, formatCount} from '../../src/cli/progress.js';
import type {Style} from '../../src/cli/style.js';
import {alignRows} from '../../src/cli/table.js';
import {type TableFacts, tableFacts} from '../../src/sql/catalog/table-facts.js';
import {databaseOf} from '../../src/sql/repository-query.js';
import {plainText} from '../../src/state/quote.js';

export default class TableShow extends StoreCommand {
  static override summary = 'Show what a table is like.';
  static override description =
    'Its rows, columns, indexes and triggers. Sizes are those of the tree nodes; values of more than 1,024 bytes stand outside of them.';
  static override examples = [
    '<%= config.bin %> table show city',
    '<%= config.bin %> table show city --at v1.0 --json',
  ];
  static override args = {table: Args.string({description: 'The table or view.', required: true})};
  static override flags = {
    at: Flags.string({description: 'The state of a revision or time (HEAD unless given).', helpValue: 'REV'}),
    ...txnFlag,
  };
  static override pages = true;
  static override exits = [4];
  static override completes = {table: 'table', at: 'revision'} as const;

  async run(): Promise<unknown> {
    const {args, flags} = await this.parse(TableShow);
    return this.withRepository(async repo => {
      if (flags.at === undefined) this.reads?.noteState();
      const database = databaseOf(repo, flags.at === undefined ? {} : {at: flags.at});
      const facts = await tableFacts(database, repo.objects, args.table);
      await this.printLines(lines(facts, this.style));
      return facts;
    });
  }
}

function lines({name, kind, rows, size, columns, indexes, triggers, fault}: TableFacts, style: Style): string[] {
  const counted =
    rows === null || size === null
      ? ''
      : `: ${rows === 1 ? '1 row' : `${formatCount(rows)} rows`}, ${formatBytes(size)}`;
  return [
    `${style.bold(`${kind} ${plainText(name)}`)}${counted}`,
    ...(fault === undefined ? [] : [`It cannot be read: ${plainText(fault)}`]),
    ...section('columns', columns, style, column => [
      column.name,
      column.type,
      [
        column.key === null ? '' : `key ${column.key}`,
        column.notNull ? 'NOT NULL' : '',
        column.default === null ? '' : `DEFAULT ${column.default}`,
      ]
        .filter(Boolean)
        .join(', '),
    ]),
    ...section('indexes', indexes, style, index => [
      index.name,
      index.unique ? 'unique' : '',
      `on ${index.columns}`,
      formatBytes(index.size),
    ]),
    ...section('triggers', triggers, style, trigger => [trigger]),
  ];
}

function section<T>(title: string, items: readonly T[], style: Style, cells: (item: T) => readonly string[]): string[] {
  if (items.length === 0) return [];
  return ['', style.dim(title), ...alignRows(items.map(item => ['', ...cells(item).map(plainText)]))];
}
