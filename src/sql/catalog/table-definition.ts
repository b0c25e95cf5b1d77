/**
 * What a CREATE TABLE statement makes: columns, key and rowid, and how rows of the table stand in its tree. The tree has the
 * key columns first, then the others as they were declared; a table without a primary key has its rowid for a key, in a
 * first column of its own. The stored schema keeps the statement, so everything here can be read from it again.
 * Layer: sql.
 */
import {isWellFormed} from '../../bytes.js';
import {newSchema, type Schema} from '../../state/schema.js';
import type {
  ColumnConstraint,
  ColumnDefinition,
  ConflictAction,
  CreateTable,
  Expr,
  ForeignKey,
  IndexedColumn,
  Name,
  Span,
} from '../ast.js';
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
  readonly notNullConflict: ConflictAction | undefined;
  readonly default: {readonly expr: Expr; readonly text: string} | undefined;
  /** How it is computed from other columns. It is stored like any other, whether it was declared STORED or VIRTUAL. */
  readonly generated: {readonly expr: Expr; readonly text: string; readonly stored: boolean} | undefined;
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

/** A UNIQUE constraint, of a column or of the table; the keys of its index, in order. */
export interface TableUnique {
  readonly name: string | undefined;
  readonly key: readonly TableKey[];
  readonly onConflict: ConflictAction | undefined;
}

export interface TableCheck {
  /** The name of the constraint, if it has one. */
  readonly name: string | undefined;
  readonly expr: Expr;
  /** As written. */
  readonly text: string;
}

/** REFERENCES; which columns of the parent are meant is known only where that table is. */
export interface TableForeignKey {
  readonly name: string | undefined;
  /** Positions of the columns of this table. */
  readonly columns: readonly number[];
  readonly references: ForeignKey;
}

export interface TableDefinition {
  readonly name: string;
  readonly columns: readonly TableColumn[];
  /** The primary key; empty without one. */
  readonly key: readonly TableKey[];
  /** What ON CONFLICT says at the primary key. */
  readonly keyConflict: ConflictAction | undefined;
  readonly autoincrement: boolean;
  /** In the order in which they were written, without those that say what the key or an earlier one does. */
  readonly uniques: readonly TableUnique[];
  readonly checks: readonly TableCheck[];
  readonly foreignKeys: readonly TableForeignKey[];
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
  readonly onConflict: ConflictAction | undefined;
  readonly at: Span;
}

/**
 * Returns the table that a statement makes; `source` is the text that its spans are places of. Throws SQL_MISUSE for a
 * definition that contradicts itself, SQL_UNSUPPORTED for CREATE TABLE AS.
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
  if (columns.every(column => column.generated)) throw misuse('must have at least one non-generated column', statement);
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
    keyConflict: primary?.onConflict,
    autoincrement: primary?.autoincrement ?? false,
    uniques: uniquesOf(statement, columns, places, primary),
    checks: checksOf(statement),
    foreignKeys: foreignKeysOf(statement, places),
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
  const generated = constraintsOf(column, 'generated').at(-1);
  const collate = constraintsOf(column, 'collate').at(-1);
  const defaulted = constraintsOf(column, 'default').at(-1);
  if (generated && defaulted) throw misuse('cannot use DEFAULT on a generated column', defaulted);
  const notNull = constraintsOf(column, 'notNull').at(-1);
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
    notNull: notNull !== undefined,
    notNullConflict: notNull?.onConflict,
    default: defaulted && {expr: defaulted.expr, text: defaulted.text},
    generated: generated && {expr: generated.expr, text: generated.text, stored: generated.stored},
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
    if (key.parts.some(part => columns[part.column]?.generated)) {
      throw misuse('generated columns cannot be part of the PRIMARY KEY', key.at);
    }
    found = key;
  };
  for (const [column, definition] of statement.columns.entries()) {
    for (const at of constraintsOf(definition, 'primaryKey')) {
      const {collation} = columns[column] as TableColumn;
      const {descending, autoincrement, onConflict} = at;
      take({parts: [{column, collation, descending}], descendingColumn: descending, autoincrement, onConflict, at});
    }
  }
  for (const at of statement.constraints) {
    if (at.kind !== 'primaryKey') continue;
    const {autoincrement, onConflict} = at;
    const parts = keyParts(statement, at.columns, columns, places);
    take({parts, descendingColumn: false, autoincrement, onConflict, at});
  }
  return found;
}

function keyParts(
  statement: CreateTable,
  written: readonly IndexedColumn[],
  columns: readonly TableColumn[],
  places: ReadonlyMap<string, number>,
): TableKey[] {
  const parts: TableKey[] = [];
  for (const part of written) {
    const column = keyColumn(statement, part, places);
    const collation = part.collation ? collationOf(part.collation) : (columns[column] as TableColumn).collation;
    // a column can stand in a tree only once, and again it would add nothing to the key
    if (!parts.some(other => other.column === column)) parts.push({column, collation, descending: part.descending});
  }
  return parts;
}

/** Returns the UNIQUE constraints that need an index: not those that say again what the key or another one says. */
function uniquesOf(
  statement: CreateTable,
  columns: readonly TableColumn[],
  places: ReadonlyMap<string, number>,
  primary: PrimaryKey | undefined,
): TableUnique[] {
  const uniques: TableUnique[] = [];
  const add = (unique: TableUnique, at: Span): void => {
    const same = (parts: readonly TableKey[]) =>
      parts.length === unique.key.length &&
      parts.every((part, i) => part.column === unique.key[i]?.column && part.collation === unique.key[i]?.collation);
    for (const other of [...uniques, ...(primary ? [{key: primary.parts, onConflict: primary.onConflict}] : [])]) {
      if (!same(other.key)) continue;
      if (other.onConflict && unique.onConflict && other.onConflict !== unique.onConflict) {
        throw misuse('conflicting ON CONFLICT clauses specified', at);
      }
      return;
    }
    uniques.push(unique);
  };
  for (const [column, definition] of statement.columns.entries()) {
    for (const at of constraintsOf(definition, 'unique')) {
      const {collation} = columns[column] as TableColumn;
      add({name: at.name?.text, key: [{column, collation, descending: false}], onConflict: at.onConflict}, at);
    }
  }
  for (const at of statement.constraints) {
    if (at.kind !== 'unique') continue;
    const key = keyParts(statement, at.columns, columns, places);
    add({name: at.name?.text, key, onConflict: at.onConflict}, at);
  }
  return uniques;
}

function checksOf(statement: CreateTable): TableCheck[] {
  const ofColumns = statement.columns.flatMap(column => constraintsOf(column, 'check'));
  const ofTable = statement.constraints.filter(each => each.kind === 'check');
  return [...ofColumns, ...ofTable].map(({name, expr, text}) => ({name: name?.text, expr, text}));
}

function foreignKeysOf(statement: CreateTable, places: ReadonlyMap<string, number>): TableForeignKey[] {
  const keys: TableForeignKey[] = [];
  for (const [column, definition] of statement.columns.entries()) {
    for (const at of constraintsOf(definition, 'references')) {
      if (at.foreignKey.columns.length > 1) {
        const parent = at.foreignKey.table.text;
        throw misuse(`foreign key on ${definition.name.text} should reference only one column of table ${parent}`, at);
      }
      keys.push({name: at.name?.text, columns: [column], references: at.foreignKey});
    }
  }
  for (const at of statement.constraints) {
    if (at.kind !== 'foreignKey') continue;
    const columns = at.columns.map(name => {
      const column = places.get(foldName(name.text));
      if (column === undefined) throw misuse(`unknown column "${name.text}" in foreign key definition`, name);
      return column;
    });
    if (at.foreignKey.columns.length > 0 && at.foreignKey.columns.length !== columns.length) {
      throw misuse('number of columns in foreign key does not match the number of columns in the referenced table', at);
    }
    keys.push({name: at.name?.text, columns, references: at.foreignKey});
  }
  return keys;
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
