/** What a SQLite file has: its schema, and the rows of its tables with the types and bytes that they have. Layer: sql. */
import {asBuffer, decodeText} from '../../bytes.js';
import {integerCell, realCell} from '../../tree/cell.js';
import {foldName} from '../catalog/names.js';
import type {Value} from '../values/value.js';
import {quotedName} from '../write/quoted-name.js';
import type {RowBatch} from './row-source.js';
import type {SqliteDatabase} from './sqlite-file.js';

const ROWS = 1024;
const BATCH_BYTES = 4 * 1024 * 1024;

/** Something that a CREATE statement made. */
export interface SqliteObject {
  readonly kind: 'table' | 'index' | 'view' | 'trigger';
  readonly name: string;
  /** The table that it belongs to, or that it is. */
  readonly table: string;
  readonly sql: string;
}

/** Returns what a file has, without what SQLite made for itself; `virtual` has the names of tables that are not kept as rows. */
export function sqliteObjects(database: SqliteDatabase): {
  readonly objects: readonly SqliteObject[];
  readonly virtual: readonly string[];
} {
  const rows = database.all(
    'SELECT type AS kind, name, tbl_name AS "table", sql FROM sqlite_schema WHERE sql IS NOT NULL ORDER BY rowid',
  ) as unknown as SqliteObject[];
  const virtual = rows.filter(({sql}) => /^\s*CREATE\s+VIRTUAL\s/i.test(sql)).map(({name}) => name);
  const shadows = new Set(
    (database.all("SELECT name FROM pragma_table_list WHERE type = 'shadow'") as {name: string}[]).map(
      ({name}) => name,
    ),
  );
  const objects = rows.filter(
    ({name, table}) => !foldName(name).startsWith('sqlite_') && !virtual.includes(table) && !shadows.has(table),
  );
  return {objects, virtual};
}

/** Returns the numbers that AUTOINCREMENT has come to, by table. */
export function sqliteSequences(database: SqliteDatabase): ReadonlyMap<string, number | bigint> {
  if (database.get("SELECT 1 FROM sqlite_schema WHERE name = 'sqlite_sequence'") === null) return new Map();
  const rows = database.all('SELECT name, seq FROM sqlite_sequence WHERE seq IS NOT NULL') as unknown as {
    readonly name: string;
    readonly seq: number | bigint;
  }[];
  return new Map(rows.map(({name, seq}) => [name, seq]));
}

/** A table of a file, with the columns that are not computed. */
export interface SqliteTable {
  readonly name: string;
  readonly columns: readonly string[];
  /** A name of the rowid that no column has; undefined where rows have none that can be named. */
  readonly rowid: string | undefined;
}

/** Returns a table of a file. */
export function sqliteTable(database: SqliteDatabase, name: string): SqliteTable {
  const all = database.all('SELECT name, hidden FROM pragma_table_xinfo(?)', [name]) as unknown as {
    readonly name: string;
    readonly hidden: number;
  }[];
  const taken = new Set(all.map(column => foldName(column.name)));
  const listed = database.get("SELECT wr FROM pragma_table_list WHERE schema = 'main' AND name = ?", [name]);
  const rowid = listed?.wr === 0 ? ['rowid', '_rowid_', 'oid'].find(each => !taken.has(each)) : undefined;
  return {name, columns: all.filter(({hidden}) => hidden === 0).map(column => column.name), rowid};
}

/** Yields the rows of a table, in its order: the columns, and its rowid before them if `withRowid` says so. */
export function* sqliteRows(
  database: SqliteDatabase,
  {name, columns, rowid}: SqliteTable,
  withRowid: boolean,
): Generator<RowBatch, void, undefined> {
  const names = [...(withRowid && rowid !== undefined ? [rowid] : []), ...columns.map(quotedName)];
  // the bytes of texts, since JavaScript's strings do not have them all; types, since 1.0 and 1 are one number there
  const types = names.map(each => `substr(typeof(${each}), 1, 1)`).join(' || ');
  const values = names.map(
    (each, i) => `CASE typeof(${each}) WHEN 'text' THEN CAST(${each} AS BLOB) ELSE ${each} END AS c${i}`,
  );
  const statement = database.prepare(`SELECT ${types} AS types, ${values.join(', ')} FROM ${quotedName(name)}`);
  try {
    const keys = names.map((_, i) => `c${i}`);
    let rows: Value[][] = [];
    let lines: number[] = [];
    let bytes = 0;
    let begun = 0;
    let count = 0;
    for (const found of statement.iterate() as IterableIterator<Record<string, unknown>>) {
      const kinds = found.types as string;
      const row = keys.map((key, i): Value => {
        const value = found[key];
        switch (kinds.charCodeAt(i)) {
          case 0x69:
            return typeof value === 'bigint' ? integerCell(value) : (value as number);
          case 0x72:
            return realCell(value as number);
          case 0x74:
            bytes += (value as Uint8Array).length;
            return decodeText(value as Uint8Array);
          case 0x62:
            bytes += (value as Uint8Array).length;
            return asBuffer(value as Uint8Array);
          default:
            return null;
        }
      });
      bytes += 8 * keys.length;
      rows.push(row);
      lines.push(++count);
      if (rows.length < ROWS && bytes - begun < BATCH_BYTES) continue;
      yield {rows, lines, bytes};
      rows = [];
      lines = [];
      begun = bytes;
    }
    if (rows.length > 0) yield {rows, lines, bytes};
  } finally {
    statement.finalize();
  }
}
