/**
 * What a CREATE INDEX statement or a UNIQUE constraint makes: the terms of the index, and the schema of its tree. The tree has
 * the terms, then the key columns of the table that are not among them; all of its columns are its key. Layer: sql.
 */
import {newSchema, type Schema} from '../../state/schema.js';
import type {KeyColumn, TreeSpec} from '../../tree/spec.js';
import type {ConflictAction, CreateIndex, Expr, IndexedColumn} from '../ast.js';
import {sqlError} from '../fault.js';
import type {SourceColumn, TreeColumn, TreeSource} from '../source.js';
import type {CollationName} from '../values/value.js';
import {foldName} from './names.js';
import type {TableDefinition} from './table-definition.js';

export interface IndexTerm {
  /** The position of the column among those of the table's source, a hidden rowid included; undefined for an expression. */
  readonly column: number | undefined;
  readonly expr: Expr;
  readonly collation: CollationName;
  readonly descending: boolean;
}

export interface IndexDefinition {
  readonly name: string;
  readonly unique: boolean;
  readonly terms: readonly IndexTerm[];
  /** The rows that are in the index; undefined for all. */
  readonly where: Expr | undefined;
  /** The CREATE INDEX text; undefined for the index of a UNIQUE constraint. */
  readonly sql: string | undefined;
  /** What ON CONFLICT says at the constraint. */
  readonly onConflict: ConflictAction | undefined;
}

/** What an index needs to know of its table, whatever makes it: columns as queries see them, and its tree. */
export type IndexedTable = Pick<TreeSource, 'name' | 'columns' | 'origins' | 'rowid' | 'key' | 'spec'>;

const ROWID_NAMES = new Set(['rowid', 'oid', '_rowid_']);
const COLLATIONS: readonly CollationName[] = ['binary', 'nocase', 'rtrim'];

/**
 * Returns the index that a statement makes; `source` is the text that its spans are places of. Throws COLUMN_UNKNOWN, and
 * SQL_MISUSE for a collation that there is none of.
 */
export function defineIndex(statement: CreateIndex, source: string, table: IndexedTable): IndexDefinition {
  return {
    name: statement.name.name.text,
    unique: statement.unique,
    terms: statement.columns.map(each => termOf(each, table)),
    where: statement.where,
    // SQLite keeps a statement in this form too: without IF NOT EXISTS and the schema
    sql: `CREATE ${statement.unique ? 'UNIQUE ' : ''}INDEX ${source.slice(statement.name.name.from, statement.to)}`,
    onConflict: undefined,
  };
}

function termOf(part: IndexedColumn, table: IndexedTable): IndexTerm {
  const {expr, descending} = part;
  let explicit: CollationName | undefined;
  if (part.collation) {
    const folded = foldName(part.collation.text);
    explicit = COLLATIONS.find(each => each === folded);
    if (explicit === undefined) {
      throw sqlError('SQL_MISUSE', `no such collation sequence: ${part.collation.text}.`, part.collation, {
        hint: 'There are BINARY, NOCASE and RTRIM.',
      });
    }
  }
  if (expr.kind !== 'column' || expr.table !== undefined) {
    return {column: undefined, expr, collation: explicit ?? 'binary', descending};
  }
  const wanted = foldName(expr.name.text);
  const named = table.columns.findIndex(column => foldName(column.name) === wanted);
  const column = named < 0 && ROWID_NAMES.has(wanted) ? table.rowid : named;
  if (column === undefined || column < 0) {
    throw sqlError('COLUMN_UNKNOWN', `table ${table.name} has no column named ${expr.name.text}.`, expr.name, {
      hint: 'An index is of columns of its table.',
    });
  }
  return {column, expr, collation: explicit ?? (table.columns[column] as SourceColumn).collation, descending};
}

/** Returns the indexes of the UNIQUE constraints of a table, with the names that SQLite gives them. */
export function constraintIndexes(table: TableDefinition): IndexDefinition[] {
  // a primary key that is no rowid has the first name in SQLite, unless a UNIQUE stands before it
  const keyFirst = table.rowid.kind === 'none' ? 1 : 0;
  return table.uniques.map(({key, onConflict}, index) => ({
    name: `sqlite_autoindex_${table.name}_${index + 1 + keyFirst}`,
    unique: true,
    terms: key.map(({column, collation, descending}): IndexTerm => {
      const name = {text: table.columns[column]?.name ?? '', quoted: true, from: 0, to: 0};
      const expr: Expr = {kind: 'column', schema: undefined, table: undefined, name, from: 0, to: 0};
      return {column, expr, collation, descending};
    }),
    where: undefined,
    sql: undefined,
    onConflict,
  }));
}

/** How the rows of an index are made from those of its table. */
export interface IndexLayout {
  readonly schema: Schema;
  /** The key columns of the table's tree that follow the terms. */
  readonly rest: readonly number[];
  /** For each key column of the table's tree the column of the index that has it. */
  readonly key: readonly number[];
  /** For each column of the index the column of the table's source that it is; undefined for an expression. */
  readonly columns: readonly (number | undefined)[];
}

/** Returns the layout of an index. */
export function indexLayout(definition: IndexDefinition, table: IndexedTable): IndexLayout {
  const {terms} = definition;
  const names = new Set<string>();
  const columns: {name: string; type: string; notNull: boolean}[] = [];
  const key: KeyColumn[] = [];
  const from: (number | undefined)[] = [];
  const add = (name: string, type: string, notNull: boolean, part: KeyColumn, column: number | undefined) => {
    let unique = name;
    for (let n = 2; names.has(unique); n++) unique = `${name}:${n}`;
    names.add(unique);
    columns.push({name: unique, type, notNull});
    key.push({collation: part.collation, descending: part.descending});
    from.push(column);
    return columns.length - 1;
  };
  for (const term of terms) {
    const column = term.column === undefined ? undefined : table.columns[term.column];
    add(column?.name ?? 'expression', column?.type ?? '', column?.notNull ?? false, term, term.column);
  }
  const rest: number[] = [];
  const places = table.spec.keys.map((part, stored) => {
    const column = sourceOf(table.origins, stored);
    // under another collation two keys of the table could be one of the index
    const place = terms.findIndex(each => each.column === column && each.collation === part.collation);
    if (place >= 0 && column !== undefined) return place;
    rest.push(stored);
    const described = column === undefined ? undefined : table.columns[column];
    return add(described?.name ?? `key${stored + 1}`, described?.type ?? '', true, part, column);
  });
  return {schema: newSchema(columns, key, definition.sql), rest, key: places, columns: from};
}

/** Returns the column of a source that is a column of its tree. */
function sourceOf(origins: readonly TreeColumn[], stored: number): number | undefined {
  const column = origins.findIndex(origin => origin.kind === 'stored' && origin.column === stored);
  return column < 0 ? undefined : column;
}

/** Returns whether a stored schema is that of an index with this layout. */
export function hasLayout(schema: Schema, layout: IndexLayout): boolean {
  const {schema: made} = layout;
  return (
    made.columns.length === schema.columns.length &&
    made.key.length === schema.key.length &&
    made.columns.every((column, i) => {
      const stored = schema.columns[i];
      return column.name === stored?.name && column.type === stored.type && column.notNull === stored.notNull;
    }) &&
    sameKeys(made.key, schema.key)
  );
}

function sameKeys(a: TreeSpec['keys'], b: TreeSpec['keys']): boolean {
  return a.every((part, i) => part.collation === b[i]?.collation && part.descending === b[i]?.descending);
}
