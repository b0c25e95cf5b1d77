/**
 * A state as a SQLite file. Guarantee: it has everything, or the file is what it was before. Layer: sql.
 */
import {
  chmodSync,
  closeSync,
  fsyncSync,
  mkdtempSync,
  openSync,
  realpathSync,
  renameSync,
  rmSync,
  statSync,
} from 'node:fs';
import {dirname, join} from 'node:path';
import {asBuffer, encodeText, isWellFormed} from '../../bytes.js';
import {DbosError, systemCode} from '../../errors.js';
import {Real} from '../../tree/cell.js';
import type {Database} from '../query.js';
import type {Value} from '../values/value.js';
import {quotedName} from '../write/quoted-name.js';
import type {ExportedSchema, ExportedTable} from './exported-schema.js';
import type {LeftOut} from './import.js';
import {selectOf} from './sql-text.js';
import {loadSqlite, type SqliteDatabase, type SqliteStatement} from './sqlite-file.js';

/** Statements that are kept prepared for one table. */
const PREPARED = 64;

/** What was written. */
export interface WrittenFile {
  readonly rows: number;
  readonly leftOut: readonly LeftOut[];
}

/** A file that is written. */
export interface OutputFile {
  /** An absolute path. */
  readonly path: string;
  /** What the user calls it. */
  readonly name: string;
}

/** Writes a SQLite file. Throws FILE_UNWRITABLE, and SQL_UNSUPPORTED for a table that SQLite cannot have. */
export async function writeSqlite(
  {path, name}: OutputFile,
  database: Database,
  schema: ExportedSchema,
  progress: (rows: number) => Promise<void>,
): Promise<WrittenFile> {
  const existing = statSync(path, {throwIfNoEntry: false});
  if (existing !== undefined && !existing.isFile()) throw unwritable(name, 'it is no regular file');
  const target = existing === undefined ? path : realpathSync(path);
  const {Database: SqliteFile, SQLite3Error} = await loadSqlite();
  let directory: string;
  try {
    directory = mkdtempSync(join(dirname(target), '.dbos-export-'));
  } catch (error) {
    const reason = systemCode(error) === 'ENOENT' ? 'there is no such directory' : (error as Error).message;
    throw unwritable(name, reason, error);
  }
  try {
    const made = join(directory, 'db');
    // SQLite would let nobody else read it
    closeSync(openSync(made, 'wx', 0o666));
    if (existing !== undefined) chmodSync(made, existing.mode & 0o7777);
    const file = new SqliteFile(made);
    try {
      const written = await fill(file, database, schema, progress);
      file.close();
      sync(made);
      renameSync(made, target);
      return written;
    } catch (error) {
      if (file.isOpen) file.close();
      if (error instanceof SQLite3Error) throw unwritable(name, error.message, error);
      throw error;
    }
  } finally {
    rmSync(directory, {recursive: true, force: true});
  }
}

function unwritable(name: string, reason: string, cause?: unknown): DbosError {
  return new DbosError('FILE_UNWRITABLE', `'${name}' cannot be written: ${reason}.`, {
    hint: 'Check what follows --output.',
    data: {paths: [name]},
    cause,
  });
}

function sync(path: string): void {
  const file = openSync(path, 'r');
  try {
    fsyncSync(file);
  } finally {
    closeSync(file);
  }
}

async function fill(
  file: SqliteDatabase,
  database: Database,
  {tables, sequences, definitions}: ExportedSchema,
  progress: (rows: number) => Promise<void>,
): Promise<WrittenFile> {
  // nobody sees the file before it is whole
  file.exec('PRAGMA journal_mode = OFF; PRAGMA synchronous = OFF; PRAGMA foreign_keys = OFF; BEGIN');
  let rows = 0;
  for (const table of tables) {
    make(file, table);
    const writer = new TableWriter(file, table);
    try {
      const statement = await database.statement(selectOf(table));
      for (const batch of statement.batches()) {
        for (const row of batch) writer.row(row);
        rows += batch.length;
        await progress(rows);
      }
    } finally {
      writer.end();
    }
  }
  for (const [name, value] of sequences) {
    file.run('DELETE FROM sqlite_sequence WHERE name = ?', [name as string]);
    file.run('INSERT INTO sqlite_sequence (name, seq) VALUES (?, ?)', [name as string, value as number | bigint]);
  }
  const leftOut: LeftOut[] = [];
  for (const {kind, name, sql} of definitions) {
    try {
      file.exec(sql);
    } catch (error) {
      leftOut.push({kind, name, reason: (error as Error).message});
    }
  }
  file.exec('COMMIT');
  return {rows, leftOut};
}

function make(file: SqliteDatabase, {name, sql}: ExportedTable): void {
  try {
    file.exec(sql);
  } catch (error) {
    throw new DbosError('SQL_UNSUPPORTED', `SQLite cannot have the table ${name}: ${(error as Error).message}.`, {
      hint: 'Export the other tables, or this one as csv or json.',
      data: {table: name},
      cause: error,
    });
  }
}

/** Puts rows into a table. Values that the package cannot hand over as they are, are cast. */
class TableWriter {
  private readonly statements = new Map<string, SqliteStatement>();
  private readonly isReal: readonly boolean[];

  constructor(
    private readonly file: SqliteDatabase,
    private readonly table: ExportedTable,
  ) {
    const {definition, columns} = table;
    const own = definition.columns
      .filter(({generated}) => generated === undefined)
      .map(each => each.affinity === 'real');
    this.isReal = columns.length > own.length ? [false, ...own] : own;
  }

  row(values: readonly Value[]): void {
    let form = '';
    const bound = values.map((value, i) => {
      if (value instanceof Real) {
        // a column of REALs makes one of an integer by itself
        form += this.isReal[i] ? '.' : 'r';
        return value.value;
      }
      if (typeof value !== 'string' || (isWellFormed(value) && !value.includes('\0'))) {
        form += '.';
        return value;
      }
      form += 't';
      return asBuffer(encodeText(value));
    });
    this.statement(form).run(bound);
  }

  private statement(form: string): SqliteStatement {
    const known = this.statements.get(form);
    if (known) return known;
    if (this.statements.size === PREPARED) this.end();
    const {name, columns} = this.table;
    const values = [...form].map(each => (each === 'r' ? 'CAST(? AS REAL)' : each === 't' ? 'CAST(? AS TEXT)' : '?'));
    const made = this.file.prepare(
      `INSERT INTO ${quotedName(name)} (${columns.join(', ')}) VALUES (${values.join(', ')})`,
    );
    this.statements.set(form, made);
    return made;
  }

  /** Lets go of what is prepared. */
  end(): void {
    for (const statement of this.statements.values()) statement.finalize();
    this.statements.clear();
  }
}
