import {tmpdir} from 'node:os';
import {basename, extname, resolve} from 'node:path';
import {Args, Flags, StoreCommand, txnFlag} from '../src/cli/command.js';
import {formatCount} from '../src/cli/progress.js';
import {formatId, shortId} from '../src/objects/id.js';
import {foldName} from '../src/sql/catalog/names.js';
import {formatOfInput, IMPORT_FORMATS, type ImportFormat} from '../src/sql/transfer/format.js';
import type {Imported} from '../src/sql/transfer/import.js';
import {Input} from '../src/sql/transfer/input.js';
import type {Existing} from '../src/sql/transfer/table-target.js';

/** The word that means stdin. */
const STDIN = '-';

export default class Import extends StoreCommand {
  static override summary = 'Import a file into tables, as one commit or inside a transaction.';
  static override description =
    'Reads CSV and TSV, JSON (one array of objects), NDJSON (an object a line), and SQLite databases. A new table gets columns of the types that fit all of their values. docs/import-export.md tells how, and what comes from a SQLite database.';
  static override examples = [
    '<%= config.bin %> import cities.csv --key id',
    {
      description: 'Change rows by their key, and add those that are new:',
      command: '<%= config.bin %> import cities.csv --update',
    },
    {
      description: 'From another program, which writes no names of columns:',
      command:
        'sort -u words | <%= config.bin %> import - --format csv --table words --no-header --columns word --key word',
    },
    {
      description: 'All of a SQLite database:',
      command: '<%= config.bin %> import places.sqlite -m "Take over the places"',
    },
  ];
  static override args = {
    file: Args.string({description: 'The file; `-` is stdin.', required: true}),
  };
  static override flags = {
    table: Flags.string({
      description: 'The table; the name of the file unless given. Of a SQLite database, which tables are taken.',
      helpValue: 'NAME',
      multiple: true,
      multipleNonGreedy: true,
    }),
    key: Flags.string({
      description: 'The columns of the primary key of a new table, or of the unique index that --update goes by.',
      helpValue: 'NAME[,NAME]',
    }),
    append: Flags.boolean({description: 'Add rows to a table that is there.'}),
    update: Flags.boolean({description: 'Change the rows of a table that have the same key, and add the others.'}),
    replace: Flags.boolean({description: 'Replace the contents of a table; its definition stays.'}),
    message: Flags.string({char: 'm', description: 'The message of the commit.', helpValue: 'MESSAGE'}),
    separator: Flags.string({
      description: 'What stands between the fields of CSV, one character or `tab`: a comma unless given.',
      helpValue: 'CHAR',
    }),
    'no-header': Flags.boolean({
      description:
        'The first line of CSV or TSV is a row: fields go into columns by their place; a new table has c1, c2, …',
    }),
    columns: Flags.string({
      description: 'With --no-header: the names of the columns.',
      helpValue: 'NAME[,NAME]',
    }),
    fill: Flags.boolean({description: 'Lines of CSV or TSV may lack their last fields, which are NULL then.'}),
    format: Flags.string({
      description: 'The form of the file; what it looks like unless given.',
      options: [...IMPORT_FORMATS],
      helpValue: 'FORMAT',
    }),
    ...txnFlag,
  };
  static override exits = [4, 5];
  static override completes = {file: 'file'} as const;

  async run(): Promise<unknown> {
    const {args, flags} = await this.parse(Import);
    const existing = this.existing(flags);
    const separator = flags.separator === 'tab' ? '\t' : flags.separator;
    if (separator !== undefined && !/^[\t\x20-\x7e]$/.test(separator)) {
      throw this.usage('--separator takes one ASCII character, or `tab`.');
    }
    if (separator === '"') throw this.usage('A quote cannot separate fields.');
    const header = !flags['no-header'];
    const columns = this.columnsOf(flags.columns, header);
    const path = args.file === STDIN ? undefined : resolve(this.workingDirectory(), args.file);
    const name = path === undefined ? 'stdin' : args.file;
    const temporary = tmpdir();
    // a pipe is read to its end before the store is opened, which keeps others waiting
    const input = Input.open({path, name, temporary});
    try {
      const format = this.formatOf(flags.format ?? (separator === undefined ? undefined : 'csv'), input);
      if (separator !== undefined && format !== 'csv') throw this.usage('Only CSV has a --separator.');
      const option = header ? flags.fill && '--fill' : '--no-header';
      if (option && format !== 'csv' && format !== 'tsv') throw this.usage(`Only CSV and TSV are read with ${option}.`);
      const tables = this.tablesOf(flags.table ?? [], format, path);
      const imported = await this.withRepository(async (repository, signal) => {
        const {importFile} = await import('../src/sql/transfer/import.js');
        return importFile(repository, input, {
          format,
          tables,
          key: flags.key?.split(',') ?? [],
          existing,
          temporary,
          separator,
          header,
          columns,
          fill: flags.fill,
          message: flags.message ?? `Import ${name}`,
          transaction: this.transaction,
          progress: this.showProgress,
          signal,
        });
      });
      return this.told(imported, format);
    } finally {
      input.close();
    }
  }

  private existing({append, update, replace}: {append: boolean; update: boolean; replace: boolean}): Existing {
    if ([append, update, replace].filter(Boolean).length > 1) {
      throw this.usage('Give one of --append, --update and --replace.');
    }
    return append ? 'append' : update ? 'update' : replace ? 'replace' : 'refuse';
  }

  private columnsOf(given: string | undefined, header: boolean): readonly string[] {
    if (given === undefined) return [];
    if (header) throw this.usage('--columns names the columns of a file without a header: give --no-header, too.');
    const names = given.split(',');
    if (names.includes('')) throw this.usage('--columns takes names with commas between them.');
    const twice = names.find((name, i) => names.slice(0, i).some(other => foldName(other) === foldName(name)));
    if (twice !== undefined) throw this.usage(`--columns names ${twice} twice.`);
    return names;
  }

  private formatOf(given: string | undefined, input: Input): ImportFormat {
    const format = given ?? formatOfInput(input);
    if (format !== 'sql') return format as ImportFormat;
    throw this.usage(`SQL is run, not imported: dbos query --file ${input.name}`);
  }

  private tablesOf(names: readonly string[], format: ImportFormat, path: string | undefined): readonly string[] {
    if (format === 'sqlite') return names;
    if (names.length > 1) throw this.usage('Only a SQLite database has more than one table: give --table once.');
    if (names.length === 1 && names[0] !== '') return names;
    if (names.length === 1) throw this.usage('--table names a table.');
    if (path === undefined) throw this.usage('Which table are the rows of stdin for? Give --table NAME.');
    return [basename(path, extname(path))];
  }

  private told({commit, changed, tables, leftOut}: Imported, format: ImportFormat): unknown {
    this.progress.finish();
    for (const {kind, name, reason} of leftOut) this.warning(`left out the ${kind} ${name}: ${reason}`);
    for (const {name, created, rows} of tables) {
      const count = rows === 1 ? '1 row' : `${formatCount(rows)} rows`;
      this.report(`Imported ${count} into ${created ? 'the new table ' : ''}${name}.`);
    }
    const {transaction} = this;
    if (!changed) this.report('Nothing has changed.');
    else this.report(commit === undefined ? `In transaction ${transaction?.name}.` : `Commit ${shortId(commit)}.`);
    return {
      commit: commit === undefined ? null : formatId(commit),
      transaction: transaction?.name ?? null,
      format,
      tables: tables.map(({name, created, rows}) => ({table: name, created, rows})),
      leftOut,
    };
  }
}
