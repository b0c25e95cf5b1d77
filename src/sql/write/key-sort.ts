/**
 * Sorts many rows by their keys: the keys lie one after the other in one buffer, and are sorted byte by byte from the left,
 * bucket by bucket; the cells lie column by column. Layer: sql.
 */
import type {Cell, Row} from '../../tree/cell.js';
import {KeyWriter} from '../../tree/key.js';
import type {KeyColumn, TreeSpec} from '../../tree/spec.js';

/** Fewer keys than this are sorted by comparing them. */
const FEW = 24;

export class KeySort {
  private readonly writer = new KeyWriter();
  private bytes = Buffer.allocUnsafeSlow(1 << 16);
  private length = 0;
  private starts = new Float64Array(1 << 10);
  private readonly columns: Cell[][];
  private ascending = true;
  private sorting: Uint32Array | undefined;
  /** The number of rows. */
  count = 0;

  constructor(private readonly spec: TreeSpec) {
    this.columns = Array.from({length: spec.columns}, () => []);
  }

  add(row: Row): void {
    const {writer, spec} = this;
    const {keys} = spec;
    writer.reset();
    for (let i = 0; i < keys.length; i++) writer.cell(keys[i] as KeyColumn, row[i] ?? null);
    const end = this.length + writer.length;
    if (end > this.bytes.length) {
      const grown = Buffer.allocUnsafeSlow(Math.max(end, this.bytes.length * 2));
      this.bytes.copy(grown, 0, 0, this.length);
      this.bytes = grown;
    }
    writer.bytes.copy(this.bytes, this.length, 0, writer.length);
    const index = this.count++;
    if (index + 2 > this.starts.length) {
      const grown = new Float64Array(this.starts.length * 2);
      grown.set(this.starts);
      this.starts = grown;
    }
    this.starts[index] = this.length;
    this.starts[index + 1] = end;
    this.length = end;
    const {columns} = this;
    for (let i = 0; i < columns.length; i++) (columns[i] as Cell[]).push(row[i] as Cell);
    if (this.ascending && index > 0 && this.compare(index - 1, index, 0) >= 0) this.ascending = false;
  }

  /** Yields the rows in the order of their keys. */
  *sorted(): Generator<Row, void, undefined> {
    const order = this.order();
    for (let i = 0; i < order.length; i++) yield this.row(order[i] as number);
  }

  /** Returns the row that was added as the `i`-th. */
  row(i: number): Row {
    const {columns} = this;
    const row = new Array<Cell>(columns.length);
    for (let column = 0; column < columns.length; column++) row[column] = (columns[column] as Cell[])[i] as Cell;
    return row;
  }

  /** Returns a copy of the key of the `i`-th row. */
  key(i: number): Buffer {
    return Buffer.from(this.bytes.subarray(this.starts[i] as number, this.starts[i + 1] as number));
  }

  /** Returns the numbers of the rows in the order of their keys. Nothing can be added afterwards. */
  order(): Uint32Array {
    this.sorting ??= this.sort();
    return this.sorting;
  }

  private sort(): Uint32Array {
    const {count} = this;
    const order = new Uint32Array(count);
    for (let i = 0; i < count; i++) order[i] = i;
    if (this.ascending) return order;
    const other = new Uint32Array(count);
    // [from, to, depth] of what is still to be sorted
    const pending = [0, count, 0];
    const sizes = new Uint32Array(257);
    const places = new Uint32Array(257);
    const {bytes, starts} = this;
    while (pending.length > 0) {
      const depth = pending.pop() as number;
      const to = pending.pop() as number;
      const from = pending.pop() as number;
      if (to - from <= FEW) {
        this.sortFew(order, from, to, depth);
        continue;
      }
      sizes.fill(0);
      for (let i = from; i < to; i++) {
        const key = order[i] as number;
        const at = (starts[key] as number) + depth;
        const bucket = at < (starts[key + 1] as number) ? (bytes[at] as number) + 1 : 0;
        sizes[bucket] = (sizes[bucket] as number) + 1;
      }
      let place = from;
      let filled = 0;
      for (let bucket = 0; bucket <= 256; bucket++) {
        const size = sizes[bucket] as number;
        places[bucket] = place;
        place += size;
        if (size === 0) continue;
        filled++;
        if (size > 1 && bucket > 0) pending.push(place - size, place, depth + 1);
      }
      if (filled === 1) continue;
      for (let i = from; i < to; i++) {
        const key = order[i] as number;
        const at = (starts[key] as number) + depth;
        const bucket = at < (starts[key + 1] as number) ? (bytes[at] as number) + 1 : 0;
        const target = places[bucket] as number;
        other[target] = key;
        places[bucket] = target + 1;
      }
      order.set(other.subarray(from, to), from);
    }
    return order;
  }

  private sortFew(order: Uint32Array, from: number, to: number, depth: number): void {
    for (let i = from + 1; i < to; i++) {
      const key = order[i] as number;
      let at = i;
      while (at > from && this.compare(order[at - 1] as number, key, depth) > 0) {
        order[at] = order[at - 1] as number;
        at--;
      }
      order[at] = key;
    }
  }

  private compare(a: number, b: number, depth: number): number {
    const {bytes, starts} = this;
    let i = (starts[a] as number) + depth;
    let j = (starts[b] as number) + depth;
    const aEnd = starts[a + 1] as number;
    const bEnd = starts[b + 1] as number;
    for (; i < aEnd && j < bEnd; i++, j++) {
      const difference = (bytes[i] as number) - (bytes[j] as number);
      if (difference !== 0) return difference;
    }
    return aEnd - i - (bEnd - j);
  }
}
