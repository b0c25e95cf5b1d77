/**
 * The entry that a row of a table has in an index: its terms, then what its key has besides them. Layer: sql.
 */
import {invalid} from '../../objects/codec.js';
import type {ObjectReader} from '../../objects/store.js';
import {type Schema, treeSpec} from '../../state/schema.js';
import {type Cell, ContentRef, type Row, sameCell} from '../../tree/cell.js';
import {KeyWriter} from '../../tree/key.js';
import type {LeafNode} from '../../tree/node.js';
import type {KeyColumn, TreeSpec} from '../../tree/spec.js';
import type {Expr} from '../ast.js';
import {readCell} from '../catalog/cell-value.js';
import {
  hasLayout,
  type IndexDefinition,
  type IndexedTable,
  type IndexLayout,
  indexLayout,
} from '../catalog/index-definition.js';
import type {TreeColumn} from '../source.js';
import type {Value} from '../values/value.js';
import {type RowFunction, RowScope, type RowTest} from './row-scope.js';

const writer = new KeyWriter();

export class IndexEntries {
  readonly layout: IndexLayout;
  readonly schema: Schema;
  readonly spec: TreeSpec;
  private readonly compute: RowFunction | undefined;
  private readonly test: RowTest | undefined;
  /** For each term the column of the tree that it is, or undefined if it has to be computed. */
  private readonly stored: readonly (number | undefined)[];
  /** For each term its place among the computed ones. */
  private readonly computed: readonly number[];

  /** Throws what binding an expression of the index throws. */
  constructor(
    readonly definition: IndexDefinition,
    table: IndexedTable,
    private readonly reader: ObjectReader,
    /** The stored schema of the index, if there is one: its node sizes stay what they are. */
    stored?: Schema,
  ) {
    this.layout = indexLayout(definition, table);
    this.schema = stored ?? this.layout.schema;
    if (!hasLayout(this.schema, this.layout))
      throw invalid('is a schema of an index whose definition is of another one');
    this.spec = treeSpec(this.schema);
    const scope = new RowScope(table);
    this.stored = definition.terms.map(({column}) => {
      const origin = column === undefined ? undefined : (table.origins[column] as TreeColumn);
      return origin?.kind === 'stored' ? origin.column : undefined;
    });
    const expressions: Expr[] = [];
    this.computed = definition.terms.map(({expr}, i) => {
      return this.stored[i] === undefined ? expressions.push(expr) - 1 : -1;
    });
    if (expressions.length > 0) {
      const bounds = expressions.map(expr => scope.bind(expr, 'index expressions'));
      this.compute = scope.compile(bounds, reader, table.origins);
    }
    if (definition.where) {
      this.test = scope.compileTest(scope.bind(definition.where, 'partial index WHERE clauses'), reader, table.origins);
    }
  }

  /** Returns whether a row of the table's tree is in the index. */
  includes(row: Row): boolean {
    return this.test === undefined || this.test(row);
  }

  /** Returns the values of the terms for a row of the table's tree. */
  terms(row: Row): Value[] {
    const {stored, computed} = this;
    const extra = this.compute?.(row);
    const values = new Array<Value>(stored.length);
    for (let i = 0; i < stored.length; i++) {
      const column = stored[i];
      if (column === undefined) values[i] = extra?.[computed[i] as number] as Value;
      else {
        const cell = row[column] as Cell;
        values[i] = cell instanceof ContentRef ? readCell(this.reader, cell) : cell;
      }
    }
    return values;
  }

  /** Returns the row of the index for a row of the table's tree, or undefined if that is not in the index. */
  entry(row: Row): Row | undefined {
    if (!this.includes(row)) return undefined;
    const entry: Cell[] = this.terms(row);
    const {rest} = this.layout;
    for (let i = 0; i < rest.length; i++) entry.push(row[rest[i] as number] as Cell);
    return entry;
  }

  /** Returns whether two rows of the table's tree have the same entry; false where that takes computing it. */
  areSame(a: Row, b: Row): boolean {
    if (this.compute || this.test) return false;
    const same = (column: number | undefined) => sameCell(a[column as number] as Cell, b[column as number] as Cell);
    return this.stored.every(same) && this.layout.rest.every(same);
  }

  /** Calls `take` for each row of a leaf that is in the index, with its entry and its place in the leaf. */
  eachOf(leaf: LeafNode, from: number, to: number, take: (entry: Row, at: number) => void): void {
    const {stored, layout} = this;
    if (this.compute || this.test) {
      for (let i = from; i < to; i++) {
        const entry = this.entry(leaf.row(i));
        if (entry) take(entry, i);
      }
      return;
    }
    const columns = [...(stored as readonly number[]), ...layout.rest].map(column => leaf.column(column).cells());
    for (let i = from; i < to; i++) {
      const entry = new Array<Cell>(columns.length);
      for (let j = 0; j < columns.length; j++) {
        const cell = (columns[j] as Cell[])[i] as Cell;
        entry[j] = cell instanceof ContentRef ? readCell(this.reader, cell) : cell;
      }
      take(entry, i);
    }
  }

  /** Returns the bytes that the keys of all rows with these values of the first terms begin with, as a writer's, until its next use. */
  prefix(values: readonly Value[]): KeyWriter {
    writer.reset();
    const {keys} = this.spec;
    for (let i = 0; i < values.length; i++) writer.cell(keys[i] as KeyColumn, values[i] as Cell);
    return writer;
  }
}
