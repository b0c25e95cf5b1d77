/** What is worth knowing of the tables of a state: rows, columns, indexes, definitions, size. Layer: sql. */
import {DbosError} from '../../errors.js';
import {parseId} from '../../objects/id.js';
import type {ObjectReader} from '../../objects/store.js';
import {didYouMean, nearestNames} from '../../repo/nearest.js';
import {readTable} from '../../state/table.js';
import {treeBytes} from '../../tree/size.js';
import type {Database, Parameters} from '../query.js';
import type {Value} from '../values/value.js';
import {quotedName} from '../write/quoted-name.js';
import {foldName, SYSTEM_TABLES} from './names.js';

/** A table or view, in short. */
export interface TableSummary {
  readonly name: string;
  readonly kind: 'table' | 'view';
  /** Null for a view. */
  readonly rows: number | null;
  /** Null for a view that cannot be read: what it names is not there. */
  readonly columns: number | null;
  readonly indexes: number;
}

export interface ColumnFacts {
  readonly name: string;
  readonly type: string;
  readonly notNull: boolean;
  /** Its DEFAULT, as written. */
  readonly default: string | null;
  /** Its place in the primary key, from 1. */
  readonly key: number | null;
}

export interface IndexFacts {
  readonly name: string;
  readonly unique: boolean;
  readonly columns: string;
  /** Bytes of its nodes. */
  readonly size: number;
}

export interface TableFacts extends Pick<TableSummary, 'name' | 'kind' | 'rows'> {
  /** Bytes of the nodes of its rows; null for a view. */
  readonly size: number | null;
  readonly id: string | null;
  readonly columns: readonly ColumnFacts[];
  readonly indexes: readonly IndexFacts[];
  readonly triggers: readonly string[];
  readonly sql: string | null;
  /** Why a view cannot be read. */
  readonly fault?: string;
}

/** A CREATE statement of a state. */
export interface SchemaEntry {
  readonly type: string;
  readonly name: string;
  readonly table: string;
  readonly sql: string;
}

/** Returns the error for a table that there is not. */
export function unknownTable(name: string, names: readonly string[]): DbosError {
  return new DbosError('TABLE_UNKNOWN', `There is no table ${name}.`, {
    hint: tableHint(name, names),
    data: {table: name},
  });
}

function tableHint(name: string, names: readonly string[]): string {
  const computed = SYSTEM_TABLES.find(each => each === foldName(name));
  if (computed !== undefined) {
    return `${computed} is computed from the store: \`PRAGMA table_info(${computed})\` tells its columns, \`SELECT * FROM ${computed}\` its rows.`;
  }
  const listed = names.length === 0 ? 'There are no tables yet.' : `There are ${names.slice(0, 12).join(', ')}.`;
  return didYouMean(nearestNames(name, names)) ?? listed;
}

async function rowsOf(database: Database, sql: string, parameters: Parameters = []): Promise<Value[][]> {
  return (await database.statement(sql, parameters)).all(parameters) as Value[][];
}

/** Returns the tables and views of a state by name. */
export async function tableList(database: Database): Promise<TableSummary[]> {
  const counts = await rowsOf(database, 'SELECT table_name, count(*) FROM indexes GROUP BY table_name');
  const indexes = new Map(counts.map(([name, count]) => [name, count as number]));
  const found = await rowsOf(database, 'SELECT name, kind, rows, columns FROM tables ORDER BY name');
  const list: TableSummary[] = [];
  for (const [name, kind, rows, columns] of found as [string, 'table' | 'view', number | null, number | null][]) {
    const width = columns ?? (await viewColumns(database, name)).columns?.length ?? null;
    list.push({name, kind, rows, columns: width, indexes: indexes.get(name) ?? 0});
  }
  return list;
}

/** Returns the columns of a view, or why there are none: as in SQLite what a view names may have been dropped. */
async function viewColumns(
  database: Database,
  name: string,
): Promise<{readonly columns?: readonly ColumnFacts[]; readonly fault?: string}> {
  try {
    const {columns} = await database.statement(`SELECT * FROM ${quotedName(name)}`);
    return {
      columns: columns.map(column => ({
        name: column.name,
        type: column.type,
        notNull: false,
        default: null,
        key: null,
      })),
    };
  } catch (error) {
    if (!(error instanceof DbosError)) throw error;
    return {fault: error.message};
  }
}

/** Returns what there is to know of a table or view, whose name may be in any case. Throws TABLE_UNKNOWN. */
export async function tableFacts(database: Database, reader: ObjectReader, wanted: string): Promise<TableFacts> {
  const named = await rowsOf(database, 'SELECT name, kind, rows, table_id FROM tables WHERE name = ? COLLATE NOCASE', [
    wanted,
  ]);
  const [name, kind, rows, id] = (named[0] ?? []) as [string, 'table' | 'view', number | null, string | null];
  if (name === undefined) {
    const names = await rowsOf(database, 'SELECT name FROM tables');
    throw unknownTable(
      wanted,
      names.map(([each]) => each as string),
    );
  }
  const definitions = await schemaEntries(database, name);
  const triggers = definitions.filter(({type}) => type === 'trigger').map(entry => entry.name);
  const sql = definitions.find(entry => entry.type === kind)?.sql ?? null;
  if (kind === 'view') {
    const view = await viewColumns(database, name);
    return {name, kind, rows, size: null, id, columns: [], indexes: [], triggers, sql, ...view};
  }
  const tableId = id === null ? undefined : parseId(id)?.id;
  const stored = tableId && readTable(reader, tableId);
  const columns = await rowsOf(
    database,
    'SELECT name, type, not_null, default_value, key_position FROM columns WHERE table_name = ? ORDER BY position',
    [name],
  );
  const indexes = await rowsOf(database, 'SELECT name, "unique", columns FROM indexes WHERE table_name = ?', [name]);
  return {
    name,
    kind,
    rows,
    size: treeBytes(reader, stored?.root ?? null),
    id,
    columns: columns.map(([column, type, notNull, value, key]) => ({
      name: column as string,
      type: type as string,
      notNull: notNull === 1,
      default: value as string | null,
      key: key as number | null,
    })),
    indexes: indexes.map(([index, unique, terms]) => ({
      name: index as string,
      unique: unique === 1,
      columns: terms as string,
      size: treeBytes(reader, stored?.indexes?.find(each => each.name === index)?.root ?? null),
    })),
    triggers,
    sql,
  };
}

/** Returns the CREATE statements of a state, or those that belong to one table or view. */
export async function schemaEntries(database: Database, table?: string): Promise<SchemaEntry[]> {
  const where = table === undefined ? "tbl_name <> 'files'" : 'tbl_name = ? COLLATE NOCASE';
  const found = await rowsOf(
    database,
    `SELECT type, name, tbl_name, sql FROM sqlite_schema WHERE sql IS NOT NULL AND ${where}`,
    table === undefined ? [] : [table],
  );
  return (found as [string, string, string, string][]).map(([type, name, of, sql]) => ({type, name, table: of, sql}));
}
