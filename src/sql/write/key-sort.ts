/**
 * Sorts many rows by their keys: the keys lie one after the other in one buffer, and are sorted from the left by a few bytes at
 * a time, as numbers; the cells lie column by column. Layer: sql.
 */
import type {Cell, Row} from '../../tree/cell.js';
import {KeyWriter} from '../../tree/key.js';
import type {KeyedRows} from '../../tree/sorted.js';
import type {KeyColumn, TreeSpec} from '../../tree/spec.js';

/** Fewer keys than this are sorted by comparing them. */
const FEW = 24;

export class KeySort implements KeyedRows {
  private readonly writer = new KeyWriter();
  private buffer = Buffer.allocUnsafeSlow(1 << 16);
  private length = 0;
  private starts = new Float64Array(1 << 10);
  private termEnds = new Float64Array(1 << 10);
  private readonly columns: Cell[][];
  private ascending = true;
  private sorting: Uint32Array | undefined;
  /** The number of rows. */
  count = 0;

  /** `terms` is how many of the first key columns are of interest to `sameTerms`. */
  constructor(
    private readonly spec: TreeSpec,
    private readonly terms = 0,
  ) {
    this.columns = Array.from({length: spec.columns}, () => []);
  }

  add(row: Row): void {
    const {writer, spec, terms} = this;
    const {keys} = spec;
    writer.reset();
    let termLength = 0;
    let isNull = false;
    for (let i = 0; i < keys.length; i++) {
      const cell = row[i] ?? null;
      writer.cell(keys[i] as KeyColumn, cell);
      if (i >= terms) continue;
      termLength = writer.length;
      if (cell === null) isNull = true;
    }
    const start = this.length;
    const end = start + writer.length;
    if (end > this.buffer.length) {
      const grown = Buffer.allocUnsafeSlow(Math.max(end, this.buffer.length * 2));
      this.buffer.copy(grown, 0, 0, start);
      this.buffer = grown;
    }
    copyKey(writer, this.buffer, start);
    const index = this.count++;
    if (index + 2 > this.starts.length) {
      this.starts = doubled(this.starts);
      this.termEnds = doubled(this.termEnds);
    }
    this.starts[index] = start;
    this.starts[index + 1] = end;
    this.termEnds[index] = isNull ? start : start + termLength;
    this.length = end;
    const {columns} = this;
    for (let i = 0; i < columns.length; i++) (columns[i] as Cell[]).push(row[i] as Cell);
    if (this.ascending && index > 0 && this.compare(index - 1, index, 0) >= 0) this.ascending = false;
  }

  /** The keys of all rows. */
  get bytes(): Buffer {
    return this.buffer;
  }

  /** Returns where the key of the `i`-th row begins. */
  start(i: number): number {
    return this.starts[i] as number;
  }

  /** Returns where the key of the `i`-th row ends. */
  end(i: number): number {
    return this.starts[i + 1] as number;
  }

  /** Returns the row that was added as the `i`-th. */
  row(i: number): Row {
    const {columns} = this;
    const row = new Array<Cell>(columns.length);
    for (let column = 0; column < columns.length; column++) row[column] = (columns[column] as Cell[])[i] as Cell;
    return row;
  }

  /** Returns the bytes of the terms of a row, until the next row is added; undefined if one of them is NULL. */
  termBytes(i: number): Buffer | undefined {
    const start = this.start(i);
    const end = this.termEnds[i] as number;
    return end === start ? undefined : this.buffer.subarray(start, end);
  }

  /** Returns whether two rows have the same terms, none of them NULL. */
  sameTerms(i: number, j: number): boolean {
    const {buffer} = this;
    let a = this.start(i);
    let b = this.start(j);
    const end = this.termEnds[i] as number;
    if (end === a || end - a !== (this.termEnds[j] as number) - b) return false;
    for (; a < end; a++, b++) if (buffer[a] !== buffer[b]) return false;
    return true;
  }

  /** Returns whether there are two rows with the same terms, none of them NULL. */
  hasSameTerms(): boolean {
    const order = this.order();
    for (let i = 1; i < order.length; i++) {
      if (this.sameTerms(order[i - 1] as number, order[i] as number)) return true;
    }
    return false;
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
    // numbers of 53 bits: some bytes of a key, and behind them which row it is of
    const scale = 2 ** Math.ceil(Math.log2(count));
    const width = scale <= 2 ** 21 ? 4 : 3;
    const packed = new Float64Array(count);
    // [from, to, depth] of what is still to be sorted
    const pending = [0, count, 0];
    while (pending.length > 0) {
      let depth = pending.pop() as number;
      const to = pending.pop() as number;
      const from = pending.pop() as number;
      if (to - from <= FEW) {
        this.sortFew(order, from, to, depth);
        continue;
      }
      depth = this.commonLength(order, from, to, depth);
      for (let i = from; i < to; i++) {
        const row = order[i] as number;
        packed[i] = this.bytesAt(row, depth, width) * scale + row;
      }
      packed.subarray(from, to).sort();
      let start = from;
      let last = -1;
      for (let i = from; i < to; i++) {
        const each = packed[i] as number;
        const bytes = Math.floor(each / scale);
        order[i] = each - bytes * scale;
        if (bytes === last) continue;
        if (i - start > 1 && depth + width < this.keyLength(order[start] as number))
          pending.push(start, i, depth + width);
        start = i;
        last = bytes;
      }
      if (to - start > 1 && depth + width < this.keyLength(order[start] as number))
        pending.push(start, to, depth + width);
    }
    return order;
  }

  private keyLength(i: number): number {
    return this.end(i) - this.start(i);
  }

  /** Returns how many bytes the keys of some rows share; they share `depth` of them. */
  private commonLength(order: Uint32Array, from: number, to: number, depth: number): number {
    const {buffer} = this;
    const first = this.start(order[from] as number);
    let common = this.keyLength(order[from] as number);
    for (let i = from + 1; i < to && common > depth; i++) {
      const row = order[i] as number;
      const start = this.start(row);
      const length = Math.min(common, this.keyLength(row));
      let at = depth;
      while (at < length && buffer[first + at] === buffer[start + at]) at++;
      common = at;
    }
    return common;
  }

  /** Returns some bytes of a key as a number; what lies past its end counts as zeros. */
  private bytesAt(row: number, depth: number, width: number): number {
    const {buffer} = this;
    let at = this.start(row) + depth;
    const end = this.end(row);
    let value = 0;
    for (let i = 0; i < width; i++, at++) value = value * 256 + (at < end ? (buffer[at] as number) : 0);
    return value;
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
    const {buffer: bytes, starts} = this;
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

/** Faster than `Buffer.copy` for keys, which are short. */
function copyKey({bytes, length}: KeyWriter, target: Buffer, at: number): void {
  for (let i = 0; i < length; i++) target[at + i] = bytes[i] as number;
}

function doubled(numbers: Float64Array): Float64Array<ArrayBuffer> {
  const grown = new Float64Array(numbers.length * 2);
  grown.set(numbers);
  return grown;
}
