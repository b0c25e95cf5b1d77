/**
 * The rows that a statement appends to a table without asking its unique indexes: those are held against all of them at once,
 * and brought up to date by it. Layer: sql.
 */
import type {Row} from '../../tree/cell.js';
import {Cursor} from '../../tree/cursor.js';
import type {LeafNode} from '../../tree/node.js';
import {nodesOf} from '../../tree/nodes.js';
import {countRows, greatestKey, rowAt, scanLeaves} from '../../tree/read.js';
import type {TreeRoot} from '../../tree/spec.js';
import type {Value} from '../values/value.js';
import type {IndexEntries} from './index-entries.js';
import {mergeEntries} from './index-sync.js';
import {KeySort} from './key-sort.js';
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
    let first: {readonly row: number; readonly index: WorkingIndex} | undefined;
    const made: (() => void)[] = [];
    for (const {index, root} of this.indexes) {
      const {sort, rows} = this.entriesOf(index.entries, after);
      const row = duplicateOf(this.host, index.entries, root, sort, rows);
      if (row !== undefined) {
        const isFirst =
          first === undefined ||
          row < first.row ||
          (row === first.row && order.indexOf(index) < order.indexOf(first.index));
        if (isFirst) first = {row, index};
      } else if (first === undefined) {
        const merged = mergeEntries(this.host.sink, index.entries, root, sort);
        made.push(() => index.moveTo(merged, after));
      }
    }
    if (first === undefined) {
      for (const take of made) take();
      return undefined;
    }
    const {sink} = this.host;
    const {spec} = this.table;
    const previous =
      first.row === 0 ? undefined : rowAt(sink, spec, after, countRows(sink, spec, this.before) + first.row - 1);
    return {...first, previous};
  }

  /** Returns the entries of the rows, and for each its row's number. */
  private entriesOf(
    entries: IndexEntries,
    after: TreeRoot,
  ): {readonly sort: KeySort; readonly rows: readonly number[]} {
    const {host, table, before} = this;
    const sort = new KeySort(entries.spec);
    const rows: number[] = [];
    const last = greatestKey(host.sink, table.spec, before);
    const range = last === undefined ? {} : {gte: Buffer.concat([last, AFTER])};
    let start = 0;
    for (const {leaf, from, to} of scanLeaves(host.sink, table.spec, after, range)) {
      entries.eachOf(leaf, from, to, (entry, at) => {
        sort.add(entry);
        rows.push(start + at - from);
      });
      start += to - from;
    }
    return {sort, rows};
  }
}

/** Returns the least number of a row whose terms another one has: one of the index, or one with a lesser number. */
function duplicateOf(
  host: TableHost,
  entries: IndexEntries,
  index: TreeRoot,
  sort: KeySort,
  rows: readonly number[],
): number | undefined {
  const terms = entries.definition.terms.length;
  const present = index === null ? undefined : new Presence(host, entries, index);
  let first: number | undefined;
  const found = (row: number) => {
    if (first === undefined || row < first) first = row;
  };
  let last: Buffer | undefined;
  /** The least number of a row that has the last terms. */
  let holder = -1;
  for (const i of sort.order()) {
    const values = sort.row(i).slice(0, terms) as Value[];
    if (values.includes(null)) {
      last = undefined;
      continue;
    }
    const {bytes, length} = entries.prefix(values);
    const row = rows[i] as number;
    if (last !== undefined && last.length === length && bytes.compare(last, 0, length, 0, length) === 0) {
      found(Math.max(row, holder));
      holder = Math.min(row, holder);
      continue;
    }
    last = Buffer.from(bytes.subarray(0, length));
    // one that is there already is before all of them
    holder = present?.has(last) ? -1 : row;
    if (holder < 0) found(row);
  }
  return first;
}

/** Tells which terms an index has; they are asked for in ascending order. */
class Presence {
  private readonly cursor: Cursor;

  constructor(host: TableHost, {spec}: IndexEntries, root: NonNullable<TreeRoot>) {
    this.cursor = new Cursor(nodesOf(host.sink), spec, root);
  }

  has(prefix: Buffer): boolean {
    this.cursor.seek(prefix);
    const leaf: LeafNode = this.cursor.leaf();
    const at = leaf.search(prefix);
    return at < leaf.count && leaf.keyAt(at).subarray(0, prefix.length).equals(prefix);
  }
}
