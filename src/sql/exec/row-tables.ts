/**
 * The tables that a running query builds: rows by their keys for joins, members of IN, the first rows of an order, the queue
 * of a recursive table. Layer: sql.
 */
import {encodeText} from '../../bytes.js';
import type {Vector} from '../../tree/vector.js';
import {compareBinary, hashKey, hashKeys} from '../values/compare.js';
import type {CollationName, Value} from '../values/value.js';

type Key = number | bigint | string | null;

/** Returns the key of several values; null where one of them is. */
export function keysOf(values: readonly Value[], collations: readonly CollationName[]): Key {
  for (const value of values) if (value === null) return null;
  return hashKeys(values, collations);
}

/**
 * The rows of the inner side of a join: numbers from 0, whose values stand in columns, found by their keys. Rows with one
 * key come in the order in which they were added.
 */
export class JoinTable {
  /** For each key its last row; `next` of that one is the first, so a chain is a ring. */
  private readonly lasts = new Map<Key, number>();
  /** For each row the next one of its ring. */
  next = new Int32Array(64);
  /** For each row whether it had a match. */
  matched = new Uint8Array(0);
  rows = 0;
  readonly columns: readonly Value[][];

  constructor(
    columns: number,
    /** Whether rows without a key are kept: those of a right join, and all where there are no keys. */
    private readonly keepAll: boolean,
  ) {
    this.columns = Array.from({length: columns}, () => []);
  }

  /** Adds a row, and returns whether it was kept: then the caller appends its values to the columns. */
  add(key: Key): boolean {
    if (key === null && !this.keepAll) return false;
    const row = this.rows++;
    if (row === this.next.length) {
      const grown = new Int32Array(row * 2);
      grown.set(this.next);
      this.next = grown;
    }
    if (key === null) return true;
    const last = this.lasts.get(key);
    if (last === undefined) this.next[row] = row;
    else {
      this.next[row] = this.next[last] as number;
      this.next[last] = row;
    }
    this.lasts.set(key, row);
    return true;
  }

  /** Returns the last row with this key, or −1. */
  last(key: Key): number {
    return key === null ? -1 : (this.lasts.get(key) ?? -1);
  }

  /** Makes room for what `matched` says of each row. */
  noteMatches(): void {
    this.matched = new Uint8Array(this.rows);
  }
}

/** The rows of the subquery of an IN. */
export class Members {
  private readonly keys = new Set<Key>();
  private readonly withNulls: (readonly Value[])[] = [];
  private readonly whole: (readonly Value[])[] = [];
  private rows = 0;

  constructor(private readonly collations: readonly CollationName[]) {}

  add(value: Value): void {
    this.rows++;
    if (value === null) this.withNulls.push([null]);
    else this.keys.add(hashKey(value, this.collations[0] ?? 'binary'));
  }

  addRow(row: readonly Value[]): void {
    this.rows++;
    if (row.includes(null)) this.withNulls.push(row);
    else {
      this.keys.add(hashKeys(row, this.collations));
      this.whole.push(row);
    }
  }

  /** Returns 1, 0, or null where NULLs leave it open. */
  find(value: Value): 1 | 0 | null {
    if (this.rows === 0) return 0;
    if (value === null) return null;
    if (this.keys.has(hashKey(value, this.collations[0] ?? 'binary'))) return 1;
    return this.withNulls.length > 0 ? null : 0;
  }

  findRow(row: readonly Value[]): 1 | 0 | null {
    if (this.rows === 0) return 0;
    const candidates = row.includes(null) ? [...this.withNulls, ...this.whole] : this.withNulls;
    if (!row.includes(null) && this.keys.has(hashKeys(row, this.collations))) return 1;
    return candidates.some(each => this.mayEqual(row, each)) ? null : 0;
  }

  private mayEqual(a: readonly Value[], b: readonly Value[]): boolean {
    return a.every((value, index) => {
      const other = b[index] as Value;
      const collation = this.collations[index] ?? 'binary';
      return value === null || other === null || hashKey(value, collation) === hashKey(other, collation);
    });
  }
}

/** Keeps the first rows of an order: a heap whose root is the last of them. */
export class TopRows {
  private readonly heap: (readonly Value[])[] = [];
  /** Whether there are as many rows as are wanted; then `bound` is the first key of the last of them. */
  full = false;
  bound = Number.NaN;
  /** The same where it is a text. */
  boundText: string | undefined;
  /** Its bytes, once they were asked for. */
  private boundBytes: Buffer | undefined;

  constructor(
    private readonly compare: (a: readonly Value[], b: readonly Value[]) => number,
    private readonly limit: number,
  ) {}

  push(row: readonly Value[]): void {
    const {heap, compare, limit} = this;
    if (heap.length < limit) {
      heap.push(row);
      this.up(heap.length - 1);
      if (heap.length >= limit) this.fill();
      return;
    }
    if (limit <= 0 || compare(row, heap[0] as readonly Value[]) >= 0) return;
    heap[0] = row;
    this.down();
    this.fill();
  }

  /**
   * Returns whether a row with this text as its first key comes after all that are kept, if texts are ordered by their bytes;
   * false for NULL.
   */
  textIsPast(texts: Vector, row: number, descending: boolean): boolean {
    const {boundText} = this;
    if (boundText === undefined || !this.full) return false;
    let order: number;
    if (texts.kind === 'text') {
      if (texts.isNullAt(row)) return false;
      this.boundBytes ??= encodeText(boundText);
      order = texts.compareAt(row, this.boundBytes);
    } else {
      const text = texts.cell(row);
      if (text === null) return false;
      order = compareBinary(text as string, boundText);
    }
    return descending ? order < 0 : order > 0;
  }

  sorted(): readonly (readonly Value[])[] {
    return this.heap.sort(this.compare);
  }

  private fill(): void {
    this.full = true;
    const key = this.heap[0]?.[0];
    this.boundText = typeof key === 'string' ? key : undefined;
    this.boundBytes = undefined;
    // NaN compares as false with everything: then every row is looked at
    this.bound =
      typeof key === 'number'
        ? key
        : key !== null && typeof key === 'object' && 'value' in key
          ? key.value
          : Number.NaN;
  }

  private up(from: number): void {
    const {heap, compare} = this;
    let i = from;
    const row = heap[i] as readonly Value[];
    while (i > 0) {
      const parent = (i - 1) >> 1;
      if (compare(heap[parent] as readonly Value[], row) >= 0) break;
      heap[i] = heap[parent] as readonly Value[];
      i = parent;
    }
    heap[i] = row;
  }

  private down(): void {
    const {heap, compare} = this;
    const row = heap[0] as readonly Value[];
    let i = 0;
    for (;;) {
      let child = 2 * i + 1;
      if (child >= heap.length) break;
      if (child + 1 < heap.length && compare(heap[child + 1] as readonly Value[], heap[child] as readonly Value[]) > 0)
        child++;
      if (compare(row, heap[child] as readonly Value[]) >= 0) break;
      heap[i] = heap[child] as readonly Value[];
      i = child;
    }
    heap[i] = row;
  }
}

export interface QueueOptions {
  readonly unique: boolean;
  readonly collations: readonly CollationName[];
  /** Compares rows of the table; undefined for first in, first out. */
  readonly order: ((a: readonly Value[], b: readonly Value[]) => number) | undefined;
}

/** The rows of a recursive table that have not been taken yet. */
export class Queue {
  private rows: (readonly Value[])[] = [];
  private head = 0;
  private readonly seen = new Set<string>();
  /** Whether the row taken last is past OFFSET. */
  shows = true;

  constructor(
    private readonly options: QueueOptions,
    private limit: number,
    private offset: number,
  ) {}

  put(row: readonly Value[]): void {
    const {unique, collations, order} = this.options;
    if (unique) {
      const key = hashKeys(row, collations);
      if (this.seen.has(key)) return;
      this.seen.add(key);
    }
    if (order === undefined) {
      this.rows.push(row);
      return;
    }
    // after all rows that are not greater
    let low = this.head;
    let high = this.rows.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (order(this.rows[middle] as readonly Value[], row) <= 0) low = middle + 1;
      else high = middle;
    }
    this.rows.splice(low, 0, row);
  }

  take(): readonly Value[] | undefined {
    if (this.limit <= 0) return undefined;
    const row = this.rows[this.head];
    if (row === undefined) return undefined;
    this.head++;
    if (this.head > 1024 && this.head * 2 > this.rows.length) {
      this.rows = this.rows.slice(this.head);
      this.head = 0;
    }
    this.shows = this.offset <= 0;
    if (this.shows) this.limit--;
    else this.offset--;
    return row;
  }
}
