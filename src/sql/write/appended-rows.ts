/**
 * The rows that a statement appends to a table without asking its unique indexes: those are held against all of them at once,
 * and brought up to date by it. Layer: sql.
 */
import type {ObjectSink} from '../../objects/store.js';
import type {Row} from '../../tree/cell.js';
import {Cursor} from '../../tree/cursor.js';
import {KeyWriter} from '../../tree/key.js';
import {compareKeys, type LeafNode} from '../../tree/node.js';
import {nodesOf} from '../../tree/nodes.js';
import {countRows, greatestKey, rowAt} from '../../tree/read.js';
import {putSorted} from '../../tree/sorted.js';
import type {TreeRoot, TreeSpec} from '../../tree/spec.js';
import type {IndexEntries} from './index-entries.js';
import {entriesOf} from './index-sync.js';
import type {KeySort} from './key-sort.js';
import type {StoredTable, TableHost} from './stored-table.js';
import type {WorkingIndex} from './working-index.js';

/** A row that has the values of another one in a unique index. */
export interface Duplicate {
  /** How many rows were appended before it. */
  readonly row: number;
  /** The last of those, as the tree has it. */
  readonly previous: Row | undefined;
  readonly index: WorkingIndex;
}

/** A key with this after it comes right behind that key. */
const AFTER = Buffer.of(0);

export class AppendedRows {
  private readonly before: TreeRoot;
  private readonly indexes: readonly {readonly index: WorkingIndex; readonly root: TreeRoot}[];

  /** Begins: what the table has now are the rows before. */
  constructor(
    private readonly host: TableHost,
    private readonly table: StoredTable,
  ) {
    this.before = table.flush();
    this.indexes = table.indexes.filter(index => index.unique).map(index => ({index, root: index.rootAt(this.before)}));
  }

  /**
   * Returns the first row whose values were taken already; of several indexes that of the first in `order`. Without one the
   * unique indexes are up to date.
   */
  firstDuplicate(order: readonly WorkingIndex[]): Duplicate | undefined {
    const after = this.table.flush();
    if (after === this.before) return undefined;
    const {sink} = this.host;
    const {spec} = this.table;
    const last = greatestKey(sink, spec, this.before);
    const range = last === undefined ? {} : {gte: Buffer.concat([last, AFTER])};
    let first: {readonly row: number; readonly index: WorkingIndex} | undefined;
    const made: (() => void)[] = [];
    for (const {index, root} of this.indexes) {
      const rows: number[] = [];
      const sort = entriesOf(sink, spec, after, index.entries, range, row => rows.push(row));
      const row = duplicateOf(sink, index.entries, root, sort, rows);
      if (row !== undefined) {
        const isFirst =
          first === undefined ||
          row < first.row ||
          (row === first.row && order.indexOf(index) < order.indexOf(first.index));
        if (isFirst) first = {row, index};
      } else if (first === undefined) {
        const merged = putSorted(sink, index.entries.spec, root, sort);
        made.push(() => index.moveTo(merged, after));
      }
    }
    if (first === undefined) {
      for (const take of made) take();
      return undefined;
    }
    const previous =
      first.row === 0 ? undefined : rowAt(sink, spec, after, countRows(sink, spec, this.before) + first.row - 1);
    return {...first, previous};
  }
}

/** Returns the least number of a row whose terms another one has: one of the index, or one with a lesser number. */
function duplicateOf(
  sink: ObjectSink,
  {spec}: IndexEntries,
  index: TreeRoot,
  sort: KeySort,
  rows: readonly number[],
): number | undefined {
  const present = index === null ? undefined : new Presence(sink, spec, index);
  let first: number | undefined;
  const found = (row: number) => {
    if (first === undefined || row < first) first = row;
  };
  let last = -1;
  /** The least number of a row that has the terms of the last one; a row of the index is before all of them. */
  let holder = -1;
  for (const i of sort.order()) {
    const row = rows[i] as number;
    if (last >= 0 && sort.sameTerms(last, i)) {
      found(Math.max(row, holder));
      holder = Math.min(row, holder);
    } else {
      holder = row;
      const terms = present && sort.termBytes(i);
      if (terms && present.has(terms)) {
        holder = -1;
        found(row);
      }
    }
    last = i;
  }
  return first;
}

/** Tells whether an index has entries with some terms; these are asked for in ascending order. */
class Presence {
  private readonly cursor: Cursor;
  private leaf: LeafNode;
  private at = 0;
  /** The key of that place. */
  private readonly key = new KeyWriter();

  constructor(sink: ObjectSink, spec: TreeSpec, root: NonNullable<TreeRoot>) {
    this.cursor = new Cursor(nodesOf(sink), spec, root);
    this.leaf = this.cursor.leaf();
    this.leaf.writeKey(this.key, 0);
  }

  has(terms: Buffer): boolean {
    if (this.compare(terms) < 0) this.seek(terms);
    return this.at < this.leaf.count && this.compare(terms) === 0;
  }

  private seek(terms: Buffer): void {
    this.at = this.leaf.search(terms, this.at);
    if (this.at === this.leaf.count && !this.cursor.isLast()) {
      this.cursor.seek(terms);
      this.leaf = this.cursor.leaf();
      this.at = this.leaf.search(terms);
    }
    if (this.at < this.leaf.count) this.leaf.writeKey(this.key, this.at);
  }

  /** Compares the terms of the place with others. */
  private compare(terms: Buffer): number {
    const {bytes, length} = this.key;
    return compareKeys(bytes, Math.min(length, terms.length), terms, terms.length);
  }
}
