import {resolve} from 'node:path';
import {Args, Flags, StoreCommand, txnFlag} from '../src/cli/command.js';
import {formatCount} from '../src/cli/progress.js';
import {writeResultFile} from '../src/cli/result-file.js';
import type {Repository} from '../src/repo/repository.js';
import {databaseOf} from '../src/sql/repository-query.js';
import {exportedSchema} from '../src/sql/transfer/exported-schema.js';
import {EXPORT_FORMATS, type ExportFormat, formatOfName} from '../src/sql/transfer/format.js';
import type {LeftOut} from '../src/sql/transfer/import.js';
import {Pace} from '../src/sql/transfer/pace.js';
import {rowsParts} from '../src/sql/transfer/rows-text.js';
import {sqlParts} from '../src/sql/transfer/sql-text.js';
import {writeSqlite} from '../src/sql/transfer/sqlite-writer.js';

interface Chosen {
  readonly tables: readonly string[];
  readonly format: ExportFormat;
  readonly at: string | undefined;
  readonly files: boolean;
}

export default class Export extends StoreCommand {
  static override summary = 'Export tables into a file or to stdout.';
  static override description =
    'One table or view as CSV, TSV, JSON or NDJSON with all that its values are; any number of them, or all with --all, as SQL that sqlite3 runs, or as a SQLite database. `dbos import` reads what this writes. docs/import-export.md says what each form keeps.';
  static override examples = [
    '<%= config.bin %> export city --output city.csv',
    '<%= config.bin %> export city --at yesterday --format ndjson | jq .name',
    {description: 'Everything, for another program:', command: '<%= config.bin %> export --all --output state.sqlite'},
  ];
  static override args = {
    tables: Args.string({description: 'The tables and views.', multiple: true}),
  };
  static override flags = {
    all: Flags.boolean({description: 'All tables, views, indexes and triggers.'}),
    files: Flags.boolean({description: 'With --all: the table of files with their bodies, too.'}),
    output: Flags.string({
      description: 'Write into a file, whose name tells the format unless --format does.',
      helpValue: 'FILE',
    }),
    format: Flags.string({
      description: 'The form: csv for one table and sql for more, unless given.',
      options: [...EXPORT_FORMATS],
      helpValue: 'FORMAT',
    }),
    at: Flags.string({description: 'The state of a revision or time (HEAD unless given).', helpValue: 'REV'}),
    ...txnFlag,
  };
  static override exits = [4, 5];
  static override completes = {tables: 'table', at: 'revision', output: 'file'} as const;

  async run(): Promise<unknown> {
    const {args, flags} = await this.parse(Export);
    const tables = (args.tables as unknown as string[] | undefined) ?? [];
    if (Boolean(flags.all) === tables.length > 0) throw this.usage('Name tables, or give --all.');
    if (flags.files && !flags.all) throw this.usage('--files goes with --all; the table alone is `dbos export files`.');
    const {output} = flags;
    const format = this.formatOf(flags.format as ExportFormat | undefined, output, tables);
    const chosen: Chosen = {tables, format, at: flags.at, files: Boolean(flags.files)};
    if (output === undefined) return this.toStdout(chosen);
    const {rows, leftOut} = await this.withRepository((repo, signal) => this.toFile(repo, chosen, output, signal));
    this.progress.finish();
    for (const {kind, name, reason} of leftOut) this.warning(`left out the ${kind} ${name}: ${reason}`);
    this.report(`Wrote ${rows === 1 ? '1 row' : `${formatCount(rows)} rows`} to ${output}.`);
    return {output, format, rows, leftOut};
  }

  private formatOf(
    given: ExportFormat | undefined,
    output: string | undefined,
    tables: readonly string[],
  ): ExportFormat {
    const named = given ?? (output === undefined ? undefined : formatOfName(output));
    const format = named ?? (this.json && output === undefined ? 'json' : tables.length === 1 ? 'csv' : 'sql');
    if (format === 'sqlite' && output === undefined)
      throw this.usage('A SQLite database is a file: give --output FILE.');
    if (format !== 'sql' && format !== 'sqlite' && tables.length !== 1) {
      throw this.usage(`The form ${format} holds one table: name one, or take sql or sqlite.`);
    }
    if (this.json && output === undefined && format !== 'json') {
      throw this.usage(`Give --json or --format ${format}, not both.`);
    }
    if (format === 'json' && output === undefined) this.json = true;
    return format;
  }

  private async toStdout(chosen: Chosen): Promise<unknown> {
    const repository = await this.openRepository();
    try {
      const parts = this.parts(repository, chosen, new Pace({}));
      return await this.streamParts(parts, () => this.leave(repository));
    } finally {
      await this.leave(repository);
    }
  }

  private async toFile(
    repository: Repository,
    chosen: Chosen,
    output: string,
    signal: AbortSignal,
  ): Promise<{readonly rows: number; readonly leftOut: readonly LeftOut[]}> {
    const path = resolve(this.workingDirectory(), output);
    const pace = new Pace({progress: this.showProgress, signal});
    if (chosen.format === 'sqlite') {
      const database = this.database(repository, chosen);
      const schema = await exportedSchema(database, {names: chosen.tables, files: chosen.files});
      return writeSqlite({path, name: output}, database, schema, rows =>
        pace.step({label: 'Exporting rows', done: rows}),
      );
    }
    await writeResultFile(path, output, this.parts(repository, chosen, pace));
    return {rows: pace.done, leftOut: []};
  }

  private database(repository: Repository, {at}: Chosen) {
    if (at === undefined) this.reads?.noteState();
    return databaseOf(repository, at === undefined ? {} : {at});
  }

  private async *parts(repository: Repository, chosen: Chosen, pace: Pace): AsyncGenerator<Uint8Array> {
    const {tables, format, files} = chosen;
    const database = this.database(repository, chosen);
    const told = (rows: number) => pace.step({label: 'Exporting rows', done: rows});
    if (format === 'sqlite') throw new TypeError('a SQLite database is no text');
    if (format === 'sql') yield* sqlParts(database, await exportedSchema(database, {names: tables, files}), told);
    else yield* rowsParts(database, tables[0] as string, format, told);
  }
}
