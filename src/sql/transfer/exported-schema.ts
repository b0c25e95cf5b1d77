/** What a state has, as it is exported: tables with the columns that are written, and the definitions that follow them. Layer: sql. */
import {FILES_TABLE} from '../../state/files.js';
import type {CreateTable} from '../ast.js';
import {foldName} from '../catalog/names.js';
import {defineTable, type TableDefinition} from '../catalog/table-definition.js';
import {unknownTable} from '../catalog/table-facts.js';
import {parseStatement} from '../parser/parser.js';
import type {Database} from '../query.js';
import type {Value} from '../values/value.js';
import {quotedName} from '../write/quoted-name.js';
import {SEQUENCE_TABLE} from '../write/sequences.js';

export interface ExportedTable {
  readonly name: string;
  /** The CREATE TABLE statement. */
  readonly sql: string;
  /** The columns that are not computed, quoted; before them the rowid, where no column has it. */
  readonly columns: readonly string[];
  readonly definition: TableDefinition;
}

/** A CREATE statement of an index, a view or a trigger. */
export interface ExportedDefinition {
  readonly kind: string;
  readonly name: string;
  readonly sql: string;
}

export interface ExportedSchema {
  readonly tables: readonly ExportedTable[];
  /** The numbers that AUTOINCREMENT has come to. */
  readonly sequences: readonly (readonly Value[])[];
  readonly definitions: readonly ExportedDefinition[];
}

export interface ExportChoice {
  /** The tables and views; all if there are none. */
  readonly names: readonly string[];
  /** Whether the table `files` is among all. */
  readonly files: boolean;
}

interface SchemaRow {
  readonly kind: string;
  readonly name: string;
  readonly table: string;
  readonly sql: string;
}

/** Returns what is exported of a state. Throws TABLE_UNKNOWN. */
export async function exportedSchema(database: Database, {names, files}: ExportChoice): Promise<ExportedSchema> {
  const statement = await database.statement(
    'SELECT type, name, tbl_name, sql FROM sqlite_schema WHERE sql IS NOT NULL',
  );
  const found = statement.all().map(([kind, name, table, sql]) => ({kind, name, table, sql}) as SchemaRow);
  const own = found.filter(({table}) => foldName(table) !== SEQUENCE_TABLE);
  const all = own.filter(({table}) => files || table !== FILES_TABLE);
  const chosen = names.length === 0 ? all : chooseRows(own, names);
  const tables = chosen.filter(({kind}) => kind === 'table').map(({name, sql}) => exportedTable(name, sql));
  const counted = new Set(tables.filter(({definition}) => definition.autoincrement).map(({name}) => name));
  const sequences = counted.size === 0 ? [] : (await database.statement('SELECT name, seq FROM sqlite_sequence')).all();
  return {
    tables,
    sequences: sequences.filter(([name]) => counted.has(name as string)),
    definitions: chosen.filter(({kind}) => kind !== 'table'),
  };
}

function chooseRows(rows: readonly SchemaRow[], names: readonly string[]): SchemaRow[] {
  const wanted = names.map(foldName);
  const known = rows.filter(({kind}) => kind === 'table' || kind === 'view');
  const missing = names.find(name => !known.some(row => foldName(row.name) === foldName(name)));
  if (missing !== undefined)
    throw unknownTable(
      missing,
      known.map(({name}) => name),
    );
  return rows.filter(({table}) => wanted.includes(foldName(table)));
}

function exportedTable(name: string, sql: string): ExportedTable {
  const definition = defineTable(parseStatement(sql) as CreateTable, sql);
  const {rowid} = definition;
  const columns = definition.columns
    .filter(({generated}) => generated === undefined)
    .map(each => quotedName(each.name));
  return {name, sql, definition, columns: rowid.kind === 'hidden' ? [rowid.name, ...columns] : columns};
}
