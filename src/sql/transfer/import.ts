/**
 * Importing a file: its tables and rows become one commit. Guarantee: all of it or nothing, also if the process is killed; what
 * has been read is let go of, so memory does not grow with the file. Layer: sql.
 */
import {DbosError, isDbosError} from '../../errors.js';
import type {ObjectId} from '../../objects/id.js';
import type {Repository} from '../../repo/repository.js';
import type {CreateTable} from '../ast.js';
import {foldName} from '../catalog/names.js';
import {defineTable, type TableDefinition} from '../catalog/table-definition.js';
import {parseStatement} from '../parser/parser.js';
import {quotedName} from '../write/quoted-name.js';
import {ScriptWrites, type WriteOptions} from '../write/script-writes.js';
import {type DelimitedForm, delimitedRows} from './delimited-rows.js';
import type {ImportFormat} from './format.js';
import type {Input} from './input.js';
import {jsonRows} from './json-rows.js';
import {hasNullKeys, withoutPrimaryKey} from './null-keys.js';
import {Pace, type PaceOptions, type TransferProgress} from './pace.js';
import type {FileColumn, RowSource} from './row-source.js';
import {readingSqlite, type SqliteDatabase} from './sqlite-file.js';
import {type SqliteObject, sqliteObjects, sqliteRows, sqliteSequences, sqliteTable} from './sqlite-rows.js';
import {createStatement, type Existing, findTable, refuseExisting, TableTarget} from './table-target.js';

export interface ImportOptions extends WriteOptions, PaceOptions {
  readonly format: ImportFormat;
  /** The table that rows go into; of a SQLite file the tables that are taken, all without any. */
  readonly tables: readonly string[];
  /** The primary key of a new table, or what --update finds rows by. */
  readonly key: readonly string[];
  readonly existing: Existing;
  /** Where files are made for the time being. */
  readonly temporary: string;
  /** What stands between the fields of CSV: one ASCII character, a comma unless given. */
  readonly separator?: string | undefined;
  /** Whether the first line of CSV and TSV names the columns; it does unless given. */
  readonly header?: boolean | undefined;
  /** The names of the columns of a file without a header; without any those of the table, or c1, c2 and so on. */
  readonly columns?: readonly string[] | undefined;
  /** Whether lines of CSV and TSV may lack their last fields. */
  readonly fill?: boolean | undefined;
}

export interface ImportedTable {
  readonly name: string;
  readonly created: boolean;
  readonly rows: number;
}

/** Something of a SQLite file that could not be taken over. */
export interface LeftOut {
  readonly kind: string;
  readonly name: string;
  readonly reason: string;
}

export interface Imported {
  /** Undefined if nothing has changed, and in an open transaction. */
  readonly commit: ObjectId | undefined;
  readonly changed: boolean;
  readonly tables: readonly ImportedTable[];
  readonly leftOut: readonly LeftOut[];
}

/** What was taken over. */
type Taken = Omit<Imported, 'commit' | 'changed'>;

/**
 * Imports a file into the tables of HEAD, or of an open transaction. Throws IMPORT_INVALID for what cannot be read, TABLE_EXISTS, COLUMN_UNKNOWN, and what
 * the rows break in the tables; then nothing has changed.
 */
export async function importFile(repo: Repository, input: Input, options: ImportOptions): Promise<Imported> {
  const writes = new ScriptWrites(repo, options);
  try {
    const work = new Import(writes, input, options);
    const {database} = writes;
    if (options.format === 'sqlite') {
      // as in a dump of SQLite: tables come in any order, and their rows are taken as they are
      database.prepare('PRAGMA foreign_keys = OFF').all();
    }
    database.prepare('BEGIN').all();
    const done = await work.run();
    input.checkUnchanged();
    database.prepare('COMMIT').all();
    await database.settled();
    const {commits, units} = await writes.publish();
    return {...done, commit: commits[0], changed: units > 0};
  } catch (error) {
    await writes.abandon();
    throw error;
  }
}

class Import {
  private readonly pace: Pace;

  constructor(
    private readonly writes: ScriptWrites,
    private readonly input: Input,
    private readonly options: ImportOptions,
  ) {
    this.pace = new Pace(options);
  }

  run(): Promise<Taken> {
    const {input, options} = this;
    const {format} = options;
    switch (format) {
      case 'csv':
      case 'tsv': {
        const separator = format === 'csv' ? options.separator?.charCodeAt(0) : undefined;
        return this.one(before =>
          delimitedRows(input, {delimiter: format, separator, names: this.namesFor(before), fill: options.fill}),
        );
      }
      case 'json':
      case 'ndjson':
        return this.one(() => jsonRows(input, format));
      case 'sqlite':
        return this.sqlite();
    }
  }

  private execute(sql: string): void {
    this.writes.database.prepare(sql).all();
  }

  // -------------------------------------------------------------------------------------------------- one table

  /** Returns the names for the columns of a file without a header: those of the table that it goes into, if it is there. */
  private namesFor(table: TableDefinition | undefined): DelimitedForm['names'] {
    const {header = true, columns = []} = this.options;
    if (header) return undefined;
    if (columns.length > 0) return columns;
    return table?.columns.filter(({generated}) => generated === undefined).map(({name}) => name) ?? 'numbered';
  }

  private async one(open: (before: TableDefinition | undefined) => RowSource): Promise<Taken> {
    const {options, writes} = this;
    const {database} = writes;
    const [name] = options.tables;
    if (name === undefined) throw new TypeError('rows need a table');
    const before = findTable(database, name);
    if (before && options.existing === 'refuse') refuseExisting(before.name);
    const source = open(before);
    const columns = await this.inspected(source, before === undefined);
    if (before === undefined) this.execute(createStatement(name, columns, options.key));
    else if (options.existing === 'replace') this.execute(`DELETE FROM ${quotedName(before.name)}`);
    const table = before ?? findTable(database, name);
    if (table === undefined) throw new TypeError('the table was not made');
    const target = new TableTarget(
      database,
      table,
      columns.map(column => column.name),
      source.unit,
    );
    const update = options.existing === 'update' && (before || options.key.length > 0) ? options.key : undefined;
    const statement = target.insertStatement(update);
    const rows = await target.insert(
      statement,
      () => source.batches(target.affinities),
      (done, bytes) => this.step({label: 'Importing rows', done, bytes}),
    );
    return {tables: [{name: table.name, created: before === undefined, rows}], leftOut: []};
  }

  private async inspected(source: RowSource, types: boolean): Promise<readonly FileColumn[]> {
    const steps = source.inspect(types);
    for (;;) {
      const step = steps.next();
      if (step.done) return step.value;
      await this.step({label: 'Looking at the file', done: step.value, total: this.input.size});
    }
  }

  private async step(state: TransferProgress): Promise<void> {
    await this.writes.relieve();
    await this.pace.step(state);
  }

  // -------------------------------------------------------------------------------------------------- SQLite

  private sqlite(): Promise<Taken> {
    const {input, options, writes} = this;
    return readingSqlite(input, options.temporary, async file => {
      const {objects, virtual} = sqliteObjects(file);
      const chosen = chooseTables(objects, options.tables, input.name);
      const leftOut: LeftOut[] = options.tables.length > 0 ? [] : virtual.map(virtualTable);
      const tables: ImportedTable[] = [];
      const created = new Set<string>();
      let before = 0;
      for (const {name, sql} of chosen) {
        const existing = findTable(writes.database, name);
        if (existing === undefined) {
          const changed = this.makeTable(file, name, sql);
          if (changed) leftOut.push(changed);
          created.add(foldName(name));
        } else if (options.existing === 'refuse') refuseExisting(existing.name);
        else if (options.existing === 'replace') this.execute(`DELETE FROM ${quotedName(existing.name)}`);
        const table = findTable(writes.database, name);
        if (table === undefined) throw new TypeError('the table was not made');
        const found = sqliteTable(file, name);
        const target = new TableTarget(writes.database, table, found.columns, 'Row');
        const withRowid = existing === undefined && table.rowid.kind === 'hidden' && found.rowid !== undefined;
        const update = existing && options.existing === 'update' ? options.key : undefined;
        const statement = target.insertStatement(update, withRowid ? found.rowid : undefined);
        const rows = await target.insert(
          statement,
          () => sqliteRows(file, found, withRowid),
          (done, bytes) => this.step({label: `Importing ${name}`, done: before + done, bytes}),
        );
        before += rows;
        tables.push({name: table.name, created: existing === undefined, rows});
      }
      for (const [name, value] of sqliteSequences(file)) {
        if (!created.has(foldName(name))) continue;
        writes.database.prepare('DELETE FROM sqlite_sequence WHERE name = ?').all([name]);
        writes.database.prepare('INSERT INTO sqlite_sequence(name, seq) VALUES (?, ?)').all([name, value]);
      }
      const everything = options.tables.length === 0;
      for (const object of objects) {
        const ofTable = created.has(foldName(object.table));
        if (object.kind === 'table' || !(ofTable || (everything && isOfView(object, objects)))) continue;
        await this.step({label: 'Making indexes, views and triggers', done: tables.length});
        const reason = this.tryMaking(object);
        if (reason !== undefined) leftOut.push({kind: object.kind, name: object.name, reason});
      }
      return {tables, leftOut};
    });
  }

  /** Makes a table of a file; returns what could not be as it is there. */
  private makeTable(file: SqliteDatabase, name: string, sql: string): LeftOut | undefined {
    try {
      const definition = defineTable(parseStatement(sql) as CreateTable, sql);
      const nulls = hasNullKeys(file, definition);
      this.execute(nulls ? withoutPrimaryKey(sql) : sql);
      return nulls ? {kind: 'primary key', name, reason: 'it has NULL, so it is UNIQUE instead.'} : undefined;
    } catch (error) {
      if (!isDbosError(error)) throw error;
      throw new DbosError(error.code, `The table ${name} cannot be made: ${error.message}`, {
        hint: 'Import other tables with --table NAME, or rename this one first.',
        data: {table: name},
        cause: error,
      });
    }
  }

  /** Makes an index, a view or a trigger; returns why that cannot be. */
  private tryMaking({sql}: SqliteObject): string | undefined {
    try {
      this.execute(sql);
      return undefined;
    } catch (error) {
      if (isDbosError(error)) return error.message;
      throw error;
    }
  }
}

/** Returns whether an object is a view or belongs to one. */
function isOfView({kind, table}: SqliteObject, objects: readonly SqliteObject[]): boolean {
  return kind === 'view' || objects.some(each => each.kind === 'view' && each.name === table);
}

function virtualTable(name: string): LeftOut {
  return {kind: 'table', name, reason: 'it is a virtual table.'};
}

function chooseTables(
  objects: readonly SqliteObject[],
  names: readonly string[],
  file: string,
): readonly SqliteObject[] {
  const tables = objects.filter(({kind}) => kind === 'table');
  if (names.length === 0) return tables;
  return names.map(name => {
    const found = tables.find(table => foldName(table.name) === foldName(name));
    if (found) return found;
    throw new DbosError('TABLE_UNKNOWN', `'${file}' has no table ${name}.`, {
      hint: `It has ${tables
        .slice(0, 12)
        .map(table => table.name)
        .join(', ')}.`,
      data: {table: name},
    });
  });
}
