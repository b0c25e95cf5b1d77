/**
 * Keys: the key columns of a row as bytes that sort as the rows do, so that every comparison in a tree is one of bytes.
 * Each column is self-delimiting, so the bytes of a prefix of the columns are a prefix of the bytes, and all rows that
 * share it are one range. Cells that compare as equal in SQLite (1 and 1.0; 'a' and 'A' under nocase) give equal bytes.
 *
 * A column is a tag and its value: NULL 05; numbers 10 + order-preserving double + remainder; text 20 and blobs 30 + the
 * mapped bytes + 00. The value bytes are mapped so that 00 never occurs in them. A descending column has all bits
 * inverted. `docs/format.md` has the tables. Layer: tree.
 */
import {decodeText, encodeText} from '../bytes.js';
import {DbosError} from '../errors.js';
import {invalid} from '../objects/codec.js';
import {type Cell, ContentRef, integerCell, MAX_INTEGER, Real} from './cell.js';
import type {Collation, KeyColumn, TreeSpec} from './spec.js';

/** Keys longer than this many bytes are VALUE_TOO_LARGE: inner nodes repeat keys. */
export const MAX_KEY_BYTES = 65_536;

const NULL_TAG = 0x05;
const NUMBER_TAG = 0x10;
export const TEXT_TAG = 0x20;
const BLOB_TAG = 0x30;
const END = 0x00;

/** For each byte of text or blob the byte that it becomes, and the byte that follows it (0: none). */
interface ByteMap {
  readonly lead: Uint8Array;
  readonly trail: Uint8Array;
}

function byteMap(escaped: readonly (readonly [byte: number, lead: number, trail: number])[], fold = false): ByteMap {
  const lead = Uint8Array.from({length: 256}, (_, byte) => (fold && byte >= 0x41 && byte <= 0x5a ? byte + 0x20 : byte));
  const trail = new Uint8Array(256);
  for (const [byte, first, second] of escaped) {
    lead[byte] = first;
    trail[byte] = second;
  }
  return {lead, trail};
}

const BINARY_ESCAPES = [
  [0x00, 0x01, 0x01],
  [0x01, 0x01, 0x02],
] as const;

const MAPS: Readonly<Record<Collation, ByteMap>> = {
  binary: byteMap(BINARY_ESCAPES),
  nocase: byteMap(BINARY_ESCAPES, true),
  rtrim: byteMap(BINARY_ESCAPES),
  path: byteMap([
    [0x2f, 0x01, 0x00],
    [0x00, 0x02, 0x01],
    [0x01, 0x02, 0x02],
    [0x02, 0x02, 0x03],
  ]),
};

const TWO_53 = 2 ** 53;
const TWO_63 = 2 ** 63;
const double = new DataView(new ArrayBuffer(8));

/** Returns the next double below a finite `value` that is neither 0 nor the least double. */
function below(value: number): number {
  double.setFloat64(0, value);
  const bits = double.getBigInt64(0);
  double.setBigInt64(0, value > 0 ? bits - 1n : bits + 1n);
  return double.getFloat64(0);
}

/** Builds keys cell by cell in a buffer of its own. */
export class KeyWriter {
  /** The key; only the first `length` bytes count, and they hold until the next change. */
  bytes = Buffer.allocUnsafe(256);
  length = 0;

  reset(): void {
    this.length = 0;
  }

  /** Appends the bytes of a cell. Throws ROW_INVALID for NaN and for a value outside its row, VALUE_TOO_LARGE. */
  cell(column: KeyColumn, cell: Cell): void {
    const start = this.length;
    if (typeof cell === 'string') this.text(column.collation, cell);
    else if (typeof cell === 'number') this.number(cell, 0);
    else if (cell === null) this.tag(NULL_TAG, 0);
    else if (typeof cell === 'bigint') this.bigint(cell);
    else if (cell instanceof Uint8Array) this.mapped(BLOB_TAG, MAPS.binary, cell, cell.length);
    else if (cell instanceof Real) this.number(cell.value, 0);
    else throw notAKey(cell);
    if (column.descending) {
      const {bytes, length} = this;
      for (let i = start; i < length; i++) bytes[i] = ~(bytes[i] as number);
    }
    if (this.length > MAX_KEY_BYTES) {
      throw new DbosError('VALUE_TOO_LARGE', `A key is longer than ${MAX_KEY_BYTES} bytes.`, {
        hint: 'Use a shorter value in the primary key or index.',
      });
    }
  }

  /** Becomes the key that is in `source` from `from` to `to`. */
  take(source: Uint8Array, from: number, to: number): void {
    const length = to - from;
    if (length > this.bytes.length) this.bytes = Buffer.allocUnsafe(length * 2);
    const {bytes} = this;
    for (let i = 0; i < length; i++) bytes[i] = source[from + i] as number;
    this.length = length;
  }

  /** Returns a copy of the key. */
  copy(): Buffer {
    const {bytes, length} = this;
    const copy = Buffer.allocUnsafe(length);
    for (let i = 0; i < length; i++) copy[i] = bytes[i] as number;
    return copy;
  }

  private tag(tag: number, size: number): void {
    const needed = this.length + size + 1;
    if (needed > this.bytes.length) {
      const grown = Buffer.allocUnsafe(needed * 2);
      grown.set(this.bytes.subarray(0, this.length));
      this.bytes = grown;
    }
    this.bytes[this.length++] = tag;
  }

  private text(collation: Collation, text: string): void {
    const start = this.length;
    let end = text.length;
    if (collation === 'rtrim') while (end > 0 && text.charCodeAt(end - 1) === 0x20) end--;
    const {lead, trail} = MAPS[collation];
    this.tag(TEXT_TAG, end * 2 + 1);
    const {bytes} = this;
    let at = this.length;
    for (let i = 0; i < end; i++) {
      const unit = text.charCodeAt(i);
      if (unit > 0x7f) {
        this.length = start;
        const encoded = encodeText(end === text.length ? text : text.slice(0, end));
        this.mapped(TEXT_TAG, MAPS[collation], encoded, encoded.length);
        return;
      }
      bytes[at++] = lead[unit] as number;
      const second = trail[unit] as number;
      if (second !== 0) bytes[at++] = second;
    }
    bytes[at++] = END;
    this.length = at;
  }

  private mapped(tag: number, {lead, trail}: ByteMap, value: Uint8Array, end: number): void {
    this.tag(tag, end * 2 + 1);
    const {bytes} = this;
    let at = this.length;
    for (let i = 0; i < end; i++) {
      const byte = value[i] as number;
      bytes[at++] = lead[byte] as number;
      const second = trail[byte] as number;
      if (second !== 0) bytes[at++] = second;
    }
    bytes[at++] = END;
    this.length = at;
  }

  /**
   * Appends the greatest double that is not above the number, then what is missing to it: two bytes that are there only
   * from ±2⁵³ on, where not every integer is a double. So integers of 64 bits and reals sort exactly among each other.
   */
  private number(value: number, remainder: number): void {
    if (Number.isNaN(value)) {
      throw new DbosError('ROW_INVALID', 'NaN cannot be part of a key.', {hint: 'Use a number or NULL.'});
    }
    this.tag(NUMBER_TAG, 10);
    double.setFloat64(0, value + 0); // −0 + 0 is 0: both zeros are one key
    let high = double.getUint32(0);
    let low = double.getUint32(4);
    if (high >= 0x80000000) {
      high = ~high;
      low = ~low;
    } else {
      high |= 0x80000000;
    }
    const {bytes} = this;
    let at = this.length;
    bytes[at++] = high >>> 24;
    bytes[at++] = high >>> 16;
    bytes[at++] = high >>> 8;
    bytes[at++] = high;
    bytes[at++] = low >>> 24;
    bytes[at++] = low >>> 16;
    bytes[at++] = low >>> 8;
    bytes[at++] = low;
    if (value >= TWO_53 || value <= -TWO_53) {
      bytes[at++] = remainder >>> 8;
      bytes[at++] = remainder;
    }
    this.length = at;
  }

  private bigint(value: bigint): void {
    let floor = Number(value);
    if (BigInt(floor) > value) floor = below(floor);
    this.number(floor, Number(value - BigInt(floor)));
  }
}

function notAKey(cell: Cell): Error {
  if (!(cell instanceof ContentRef)) return new TypeError(`a ${typeof cell} is no cell`);
  return new DbosError('ROW_INVALID', 'A value that stands outside its row cannot be part of a key.', {
    hint: 'Use a shorter value in the primary key or index.',
  });
}

/**
 * Compares the key that begins with a text, by its bytes in UTF-8, with another key: less than 0 if it sorts before, greater if
 * it does not, as the first column of an ascending binary key tells it; 0 where that does not.
 */
export function compareText(text: Uint8Array, from: number, to: number, key: Uint8Array): number {
  if (key[0] !== TEXT_TAG) return TEXT_TAG - (key[0] ?? 0);
  let at = 1;
  for (let i = from; i < to; i++) {
    const byte = text[i] as number;
    // one that a key has in another form
    if (byte < 2) return 0;
    if (at === key.length) return 1;
    const difference = byte - (key[at++] as number);
    if (difference !== 0) return difference;
  }
  if (at === key.length) return 1;
  const difference = END - (key[at] as number);
  // nothing sorts before what it begins with
  return difference === 0 && at + 1 === key.length ? 1 : difference;
}

/** Returns whether `key` is that of a text alone, given as its bytes in UTF-8; undefined where those do not tell. */
export function isTextKey(text: Uint8Array, from: number, to: number, key: Uint8Array): boolean | undefined {
  if (key[0] !== TEXT_TAG) return false;
  let at = 1;
  for (let i = from; i < to; i++) {
    const byte = text[i] as number;
    // one that a key has in another form
    if (byte < 2) return undefined;
    if (byte !== key[at++]) return false;
  }
  return key[at] === END && at + 1 === key.length;
}

/** The bytes of a number in a key that has no remainder. */
const NUMBER_BYTES = 9;

/** Returns the number that an ascending key begins with; undefined if it is none, or one that is not exact. */
export function leadingNumber(key: Uint8Array): number | undefined {
  if (key.length < NUMBER_BYTES || key[0] !== NUMBER_TAG) return undefined;
  let high =
    (((key[1] as number) << 24) | ((key[2] as number) << 16) | ((key[3] as number) << 8) | (key[4] as number)) >>> 0;
  let low = ((key[5] as number) << 24) | ((key[6] as number) << 16) | ((key[7] as number) << 8) | (key[8] as number);
  if (high >= 0x80000000) {
    high &= 0x7fffffff;
  } else {
    high = ~high;
    low = ~low;
  }
  double.setUint32(0, high);
  double.setUint32(4, low);
  const value = double.getFloat64(0);
  return value > -TWO_53 && value < TWO_53 ? value : undefined;
}

/** Compares the key that begins with an integer below 2⁵³ with another one that begins with `number`, as `compareText` does. */
export function compareNumber(integer: number, number: number, key: Uint8Array): number {
  if (integer !== number) return integer - number;
  return key.length === NUMBER_BYTES ? 1 : 0;
}

const scratch = new KeyWriter();

/** Returns the key of the first cells of a row; fewer cells than key columns give the prefix of a range. */
export function encodeKey(spec: TreeSpec, cells: readonly Cell[]): Buffer {
  scratch.reset();
  const columns = Math.min(cells.length, spec.keys.length);
  for (let i = 0; i < columns; i++) scratch.cell(spec.keys[i] as KeyColumn, cells[i] as Cell);
  return scratch.copy();
}

/** Returns the least key that is greater than every key that starts with `prefix`. */
export function afterPrefix(prefix: Uint8Array): Buffer {
  const next = Buffer.from(prefix);
  for (let i = next.length - 1; i >= 0; i--) {
    if (next[i] !== 0xff) {
      next[i] = (next[i] as number) + 1;
      return next.subarray(0, i + 1);
    }
  }
  throw new TypeError('no key is greater than every key with this prefix');
}

/** A key with this after it comes right behind that key. */
const NEXT = Buffer.of(0);

/** Returns the range, `gte` to `lt`, that has one key and no other. */
export function keyRange(key: Uint8Array): {readonly gte: Uint8Array; readonly lt: Buffer} {
  return {gte: key, lt: Buffer.concat([key, NEXT])};
}

/**
 * Returns the keys, `gte` to `lt`, of all rows whose first key column is `path` or lies under it ('a' has 'a' and
 * 'a/b', not 'ab'). The first key column must be ascending with the collation `path`.
 */
export function pathRange(spec: TreeSpec, path: string): {readonly gte: Buffer; readonly lt: Buffer} {
  const [first] = spec.keys;
  if (first?.collation !== 'path' || first.descending) throw new TypeError('the first key column is not a path');
  const gte = encodeKey(spec, [path]);
  const lt = Buffer.from(gte);
  lt[lt.length - 1] = 0x02; // END is 00 and '/' is 01: this is after both and before every other byte
  return {gte, lt};
}

/**
 * Returns cells whose key these bytes are, for messages and for showing where damage is: equal under the order of the
 * columns, but not always the same cells (nocase text comes back in lower case, 1.0 as 1). Throws OBJECT_INVALID.
 */
export function decodeKey(spec: TreeSpec, key: Uint8Array): Cell[] {
  const cells: Cell[] = [];
  let at = 0;
  for (const column of spec.keys) {
    if (at === key.length) break;
    const flip = column.descending ? 0xff : 0;
    const next = (): number => {
      if (at >= key.length) throw invalid('has a key that ends too early');
      return (key[at++] as number) ^ flip;
    };
    const tag = next();
    if (tag === NULL_TAG) cells.push(null);
    else if (tag === NUMBER_TAG) cells.push(readNumber(next));
    else if (tag === TEXT_TAG) cells.push(decodeText(decodeMapped(MAPS[column.collation], next)));
    else if (tag === BLOB_TAG) cells.push(Uint8Array.from(decodeMapped(MAPS.binary, next)));
    else throw invalid('has a key with an unknown tag');
  }
  if (at !== key.length) throw invalid('has a key with bytes after its end');
  return cells;
}

function readNumber(next: () => number): Cell {
  let bits = 0n;
  for (let i = 0; i < 8; i++) bits = (bits << 8n) | BigInt(next());
  double.setBigUint64(0, bits >> 63n === 1n ? bits & 0x7fffffffffffffffn : ~bits & 0xffffffffffffffffn);
  const floor = double.getFloat64(0);
  if (Number.isNaN(floor)) throw invalid('has NaN in a key');
  if (floor > -TWO_53 && floor < TWO_53) return floor;
  const remainder = (next() << 8) | next();
  if (floor >= TWO_63 || floor < -TWO_63) return floor;
  const value = BigInt(floor) + BigInt(remainder);
  if (value > MAX_INTEGER) throw invalid('has a key beyond 64 bits');
  return integerCell(value);
}

function decodeMapped({lead, trail}: ByteMap, next: () => number): Buffer {
  const bytes: number[] = [];
  for (let byte = next(); byte !== END; byte = next()) {
    const candidates = [...lead.keys()].filter(from => lead[from] === byte);
    const plain = candidates.findLast(from => trail[from] === 0);
    if (plain !== undefined) {
      bytes.push(plain);
      continue;
    }
    const second = next();
    const escaped = candidates.find(from => trail[from] === second);
    if (escaped === undefined) throw invalid('has a key with an unknown escape');
    bytes.push(escaped);
  }
  return Buffer.from(bytes);
}
