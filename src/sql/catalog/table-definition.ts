/**
 * What a CREATE TABLE statement makes: columns, key and rowid, and how rows of the table stand in its tree. The tree has the
 * key columns first, then the others as they were declared; a table without a primary key has its rowid for a key, in a
 * first column of its own. The stored schema keeps the statement, so everything here can be read from it again.
 * Layer: sql.
 */
import {isWellFormed} from '../../bytes.js';
import {newSchema, type Schema} from '../../state/schema.js';
import type {ColumnConstraint, ColumnDefinition, CreateTable, Expr, IndexedColumn, Name, Span} from '../ast.js';
import {sqlError} from '../fault.js';
import {affinityOf} from '../values/affinity.js';
import type {Affinity, CollationName} from '../values/value.js';
import {foldName} from './names.js';

export interface TableColumn {
  readonly name: string;
  /** The declared type, as written; may be empty. */
  readonly type: string;
  readonly affinity: Affinity;
  readonly collation: CollationName;
  /** Whether it was declared so; a column of the key is never NULL, whatever this says. */
  readonly notNull: boolean;
  readonly default: {readonly expr: Expr; readonly text: string} | undefined;
}

export interface TableKey {
  /** The position of the column among the declared ones. */
  readonly column: number;
  readonly collation: CollationName;
  readonly descending: boolean;
}

/** `alias`: a column is the rowid; `hidden`: the rowid is a column of the tree that was not declared. */
export type TableRowid =
  | {readonly kind: 'alias'; readonly column: number}
  | {readonly kind: 'hidden'; readonly name: string}
  | {readonly kind: 'none'};

export interface TableDefinition {
  readonly name: string;
  readonly columns: readonly TableColumn[];
  /** The primary key; empty without one. */
  readonly key: readonly TableKey[];
  readonly rowid: TableRowid;
  readonly withoutRowid: boolean;
  readonly strict: boolean;
  /** For each column of the tree the position of the declared column; −1 is the hidden rowid. */
  readonly storage: readonly number[];
  /** The statement, from CREATE TABLE to its end. */
  readonly sql: string;
}

const COLLATIONS: readonly string[] = ['binary', 'nocase', 'rtrim'] satisfies CollationName[];
const ROWID_NAMES = ['rowid', 'oid', '_rowid_'];

/** The types that a column of a STRICT table can have, with their affinities. */
const STRICT_TYPES: ReadonlyMap<string, Affinity> = new Map([
  ['int', 'integer'],
  ['integer', 'integer'],
  ['real', 'real'],
  ['text', 'text'],
  ['blob', 'blob'],
  ['any', 'blob'],
]);

interface PrimaryKey {
  readonly parts: readonly TableKey[];
  /** Written behind the column, and as DESC. */
  readonly descendingColumn: boolean;
  readonly autoincrement: boolean;
  readonly at: Span;
}

/**
 * Returns the table that a statement makes; `source` is the text that its spans are places of. Throws SQL_MISUSE for a
 * definition that contradicts itself, SQL_UNSUPPORTED for generated columns and for CREATE TABLE AS.
 */
export function defineTable(statement: CreateTable, source: string): TableDefinition {
  const name = statement.name.name.text;
  if (statement.query) {
    throw sqlError('SQL_UNSUPPORTED', 'CREATE TABLE AS has no columns to define a table from.', statement, {
      hint: 'Declare the columns.',
    });
  }
  // SQLite keeps a statement in this form too: without TEMP, IF NOT EXISTS and the schema
  const sql = `CREATE TABLE ${source.slice(statement.name.name.from, statement.to)}`;
  if (!isWellFormed(sql)) {
    throw sqlError('SQL_UNSUPPORTED', 'The definition of a table must be valid UTF-8.', statement, {
      hint: 'Rename the columns.',
    });
  }
  const places = new Map<string, number>();
  for (const column of statement.columns) {
    const folded = foldName(column.name.text);
    if (places.has(folded)) throw misuse(`duplicate column name: ${column.name.text}`, column.name);
    places.set(folded, places.size);
  }
  const columns = statement.columns.map(column => columnOf(statement, column));
  const primary = primaryKeyOf(statement, columns, places);
  if (statement.withoutRowid && primary === undefined) throw misuse(`PRIMARY KEY missing on table ${name}`, statement);

  const rowid = rowidOf(statement, columns, primary, places);
  if (primary?.autoincrement) {
    if (statement.withoutRowid) throw misuse('AUTOINCREMENT not allowed on WITHOUT ROWID tables', primary.at);
    if (rowid.kind !== 'alias') throw misuse('AUTOINCREMENT is only allowed on an INTEGER PRIMARY KEY', primary.at);
  }
  // the order of rowids is that of numbers, whatever was written
  const key =
    rowid.kind === 'alias'
      ? [{column: rowid.column, collation: 'binary' as const, descending: false}]
      : (primary?.parts ?? []);
  const inKey = new Set(key.map(part => part.column));
  const rest = columns.map((_, column) => column).filter(column => !inKey.has(column));
  return {
    name,
    // in a WITHOUT ROWID table the key is declared NOT NULL by being the key
    columns: statement.withoutRowid
      ? columns.map((column, i) => (inKey.has(i) ? {...column, notNull: true} : column))
      : columns,
    key,
    rowid,
    withoutRowid: statement.withoutRowid,
    strict: statement.strict,
    storage: [...(rowid.kind === 'hidden' ? [-1] : key.map(part => part.column)), ...rest],
    sql,
  };
}

function misuse(message: string, at: Span): Error {
  return sqlError('SQL_MISUSE', `${message}.`, at, {hint: 'Correct the definition of the table.'});
}

function constraintsOf<K extends ColumnConstraint['kind']>(column: ColumnDefinition, kind: K) {
  return column.constraints.filter((each): each is ColumnConstraint & {kind: K} => each.kind === kind);
}

function columnOf(statement: CreateTable, column: ColumnDefinition): TableColumn {
  const [generated] = constraintsOf(column, 'generated');
  if (generated) {
    throw sqlError('SQL_UNSUPPORTED', `The generated column '${column.name.text}' is not supported.`, generated, {
      hint: 'Compute it in a view.',
    });
  }
  const collate = constraintsOf(column, 'collate').at(-1);
  const defaulted = constraintsOf(column, 'default').at(-1);
  const folded = foldName(column.type);
  let affinity = affinityOf(column.type);
  if (statement.strict) {
    const full = `${statement.name.name.text}.${column.name.text}`;
    if (folded === '') throw misuse(`missing datatype for ${full}`, column);
    const strict = STRICT_TYPES.get(folded);
    if (strict === undefined) throw misuse(`unknown datatype for ${full}: "${column.type}"`, column);
    affinity = strict;
  }
  return {
    name: column.name.text,
    type: column.type,
    affinity,
    collation: collate ? collationOf(collate.collation) : 'binary',
    notNull: constraintsOf(column, 'notNull').length > 0,
    default: defaulted && {expr: defaulted.expr, text: defaulted.text},
  };
}

function collationOf(name: Name): CollationName {
  const folded = foldName(name.text);
  if (!COLLATIONS.includes(folded)) throw misuse(`no such collation sequence: ${name.text}`, name);
  return folded as CollationName;
}

function primaryKeyOf(
  statement: CreateTable,
  columns: readonly TableColumn[],
  places: ReadonlyMap<string, number>,
): PrimaryKey | undefined {
  let found: PrimaryKey | undefined;
  const take = (key: PrimaryKey) => {
    if (found) throw misuse(`table "${statement.name.name.text}" has more than one primary key`, key.at);
    found = key;
  };
  for (const [column, definition] of statement.columns.entries()) {
    for (const at of constraintsOf(definition, 'primaryKey')) {
      const {collation} = columns[column] as TableColumn;
      const {descending, autoincrement} = at;
      take({parts: [{column, collation, descending}], descendingColumn: descending, autoincrement, at});
    }
  }
  for (const at of statement.constraints) {
    if (at.kind !== 'primaryKey') continue;
    const parts: TableKey[] = [];
    for (const part of at.columns) {
      const column = keyColumn(statement, part, places);
      const collation = part.collation ? collationOf(part.collation) : (columns[column] as TableColumn).collation;
      // a column can stand in a tree only once, and again it would add nothing to the key
      if (!parts.some(other => other.column === column)) parts.push({column, collation, descending: part.descending});
    }
    take({parts, descendingColumn: false, autoincrement: at.autoincrement, at});
  }
  return found;
}

function keyColumn(statement: CreateTable, part: IndexedColumn, places: ReadonlyMap<string, number>): number {
  const {expr} = part;
  if (expr.kind !== 'column' || expr.table !== undefined) {
    throw misuse('expressions prohibited in PRIMARY KEY and UNIQUE constraints', part);
  }
  const column = places.get(foldName(expr.name.text));
  if (column === undefined) {
    throw misuse(`table ${statement.name.name.text} has no column named ${expr.name.text}`, part);
  }
  return column;
}

function rowidOf(
  statement: CreateTable,
  columns: readonly TableColumn[],
  primary: PrimaryKey | undefined,
  places: ReadonlyMap<string, number>,
): TableRowid {
  if (statement.withoutRowid) return {kind: 'none'};
  if (primary === undefined) {
    let name = ROWID_NAMES.find(each => !places.has(each));
    for (let i = 1; name === undefined; i++) if (!places.has(`rowid_${i}`)) name = `rowid_${i}`;
    return {kind: 'hidden', name};
  }
  const [only, more] = primary.parts;
  // INTEGER PRIMARY KEY DESC is no alias of the rowid, PRIMARY KEY (id DESC) is one: so it is in SQLite
  if (only === undefined || more !== undefined || primary.descendingColumn) return {kind: 'none'};
  return foldName((columns[only.column] as TableColumn).type) === 'integer'
    ? {kind: 'alias', column: only.column}
    : {kind: 'none'};
}

/** Returns the schema of a table with this definition. */
export function schemaOf(definition: TableDefinition): Schema {
  const {columns, key, rowid, storage, sql} = definition;
  const inKey = new Set(key.map(part => part.column));
  return newSchema(
    storage.map(column => {
      if (column < 0) return {name: rowid.kind === 'hidden' ? rowid.name : '', type: 'INTEGER', notNull: true};
      const {name, type, notNull} = columns[column] as TableColumn;
      return {name, type, notNull: notNull || inKey.has(column)};
    }),
    rowid.kind === 'hidden'
      ? [{collation: 'binary', descending: false}]
      : key.map(({collation, descending}) => ({collation, descending})),
    sql,
  );
}
