/**
 * The statements that make the rows of one version of a table those of another one with the same definition. Guarantee: at no
 * moment do two rows have the same values in a unique index that both versions have. Layer: sql.
 */
import {DbosError} from '../../errors.js';
import {type Cell, type Row, sameCell} from '../../tree/cell.js';
import type {RowChange} from '../../tree/diff.js';
import {readCell} from '../catalog/cell-value.js';
import type {TableDefinition} from '../catalog/table-definition.js';
import {diffVersions, type Version} from '../catalog/table-diff.js';
import type {IndexSource, TreeSource} from '../source.js';
import {sqlLiteral} from '../values/literal.js';
import {quotedName} from '../write/quoted-name.js';

/** An INSERT has at most so many rows, and about so many characters. */
const INSERTED_ROWS = 100;
const INSERTED_LENGTH = 32_768;

/** A column that statements name. */
interface Named {
  readonly name: string;
  /** Its column in the tree. */
  readonly stored: number;
}

/** Yields the statements: first what is deleted, then what is updated, then what is inserted. */
export function* rowStatements(
  before: Version,
  after: TreeSource,
  definition: TableDefinition,
): Generator<string, void, undefined> {
  const table = new RowTexts(after, definition);
  const replaced = replacedRows(before, after);
  if (before) {
    for (const change of diffVersions(before, after)) {
      if (change.before && (change.after === undefined || replaced(change))) yield table.delete(change.before);
    }
    for (const change of diffVersions(before, after)) {
      if (change.before && change.after && !replaced(change)) {
        const text = table.update(change.before, change.after);
        if (text !== undefined) yield text;
      }
    }
  }
  yield* table.inserts(insertedRows(before, after, replaced));
}

function* insertedRows(
  before: Version,
  after: TreeSource,
  replaced: (change: RowChange) => boolean,
): Generator<Row, void, undefined> {
  for (const change of diffVersions(before, after)) {
    if (change.after && (change.before === undefined || replaced(change))) yield change.after;
  }
}

/**
 * Returns which changed rows are deleted and inserted again: those that change what a unique index has of them, since an
 * update could meet a row that is to be updated later. If only one row does, there is no such row.
 */
function replacedRows(before: Version, after: TreeSource): (change: RowChange) => boolean {
  const unique = (before?.indexes ?? []).filter(index => index.unique);
  if (before === undefined || unique.length === 0) return () => false;
  const touches = (change: RowChange) => unique.some(index => differsIn(index, after, change));
  let count = 0;
  for (const change of diffVersions(before, after)) {
    if (change.before && change.after && touches(change) && ++count > 1) return touches;
  }
  return () => false;
}

function differsIn({where, columns, terms}: IndexSource, {origins}: TreeSource, {before, after}: RowChange): boolean {
  if (where !== undefined) return true;
  return terms.some((_, term) => {
    const column = columns[term];
    const origin = column === undefined ? undefined : origins[column];
    if (origin?.kind !== 'stored') return true;
    return !sameCell((before as Row)[origin.column] as Cell, (after as Row)[origin.column] as Cell);
  });
}

/** Rows of a table as parts of statements. */
class RowTexts {
  private readonly name: string;
  /** The columns that can be given a value. */
  private readonly columns: readonly Named[] = [];
  private readonly key: readonly (Named & {readonly collate: string})[];

  constructor(
    private readonly source: TreeSource,
    definition: TableDefinition,
  ) {
    this.name = quotedName(definition.name);
    const stored = (column: number): number => {
      const origin = source.origins[column];
      if (origin?.kind !== 'stored') throw new TypeError('a column of a table is stored');
      return origin.column;
    };
    const named = (column: number): Named => {
      const {name, hidden} = source.columns[column] as TreeSource['columns'][number];
      if (hidden && !['rowid', 'oid', '_rowid_'].includes(name)) throw unnamedRowid(definition.name);
      return {name: quotedName(name), stored: stored(column)};
    };
    this.key = source.key.map((column, i) => {
      const collation = source.spec.keys[i]?.collation ?? 'binary';
      const own = source.columns[column]?.collation;
      return {...named(column), collate: collation === own ? '' : ` COLLATE ${collation.toUpperCase()}`};
    });
    this.columns = [...source.columns.keys()].filter(column => !definition.columns[column]?.generated).map(named);
  }

  private literal(row: Row, {stored}: Named): string {
    return sqlLiteral(readCell(this.source.reader, row[stored] as Cell));
  }

  private where(row: Row): string {
    return this.key.map(part => `${part.name} = ${this.literal(row, part)}${part.collate}`).join(' AND ');
  }

  delete(row: Row): string {
    return `DELETE FROM ${this.name} WHERE ${this.where(row)};`;
  }

  /** Returns undefined if only generated columns differ. */
  update(before: Row, after: Row): string | undefined {
    const changed = this.columns.filter(({stored}) => !sameCell(before[stored] as Cell, after[stored] as Cell));
    if (changed.length === 0) return undefined;
    const set = changed.map(column => `${column.name} = ${this.literal(after, column)}`);
    return `UPDATE ${this.name} SET ${set.join(', ')} WHERE ${this.where(before)};`;
  }

  *inserts(rows: Iterable<Row>): Generator<string, void, undefined> {
    const head = `INSERT INTO ${this.name}(${this.columns.map(({name}) => name).join(', ')}) VALUES`;
    let tuples: string[] = [];
    let length = 0;
    const statement = () => (tuples.length === 1 ? `${head} ${tuples[0]};` : `${head}\n  ${tuples.join(',\n  ')};`);
    for (const row of rows) {
      const tuple = `(${this.columns.map(column => this.literal(row, column)).join(', ')})`;
      tuples.push(tuple);
      length += tuple.length;
      if (tuples.length < INSERTED_ROWS && length < INSERTED_LENGTH) continue;
      yield statement();
      tuples = [];
      length = 0;
    }
    if (tuples.length > 0) yield statement();
  }
}

function unnamedRowid(table: string): DbosError {
  return new DbosError('SQL_UNSUPPORTED', `SQL has no name for the rows of ${table}.`, {
    hint: 'Its columns have all names of the rowid. Show its changes without --patch.',
    data: {table},
  });
}
