/**
 * Vectors: one column of one leaf as bytes. The encoding is a function of the cells alone, the same for equal cells
 * however they came about, so nodes are canonical. Decoded, a vector offers its cells one by one, all at once, or as
 * the typed arrays behind them, which is what a query engine reads. `docs/format.md` has the bytes. Layer: tree.
 */
import {isAscii} from 'node:buffer';
import {asBuffer, ByteReader, type ByteWriter, decodeText, encodeText} from '../bytes.js';
import {invalid} from '../objects/codec.js';
import {ID_BYTES, type ObjectId} from '../objects/id.js';
import {type Cell, ContentRef, integerCell, MAX_INTEGER, Real, realCell, sameCell} from './cell.js';

/** The longest text or blob in a row, in bytes. Callers move longer ones out of the row long before (`INLINE_LIMIT`). */
export const MAX_CELL_BYTES = 1 << 20;

/** The first byte of a vector, without `HAS_NULLS`. */
const TAG = {
  null: 0,
  constant: 1,
  integer: 2,
  real: 3,
  text: 4,
  blob: 5,
  textDictionary: 6,
  blobDictionary: 7,
  ref: 8,
  mixed: 9,
} as const;

/** Set in the first byte where a bitmap of the nulls follows it: bit i of byte ⌊i / 8⌋, from the least, is row i. */
const HAS_NULLS = 0x80;

/** The first byte of a cell in a mixed or constant vector. */
const CELL = {null: 0, integer: 1, real: 2, text: 3, blob: 4, ref: 5} as const;

const REF_CHUNKED = 1;
const REF_TEXT = 2;
/** In place of the flags that all refs share: each has its own. */
const REF_FLAGS_DIFFER = 4;

const MAX_DICTIONARY = 255;

/** A column of text or blobs whose first distinct values, this many, come without a repetition gets no dictionary. */
const SAMPLE = 16;

// ---------------------------------------------------------------------------------------------------- encoding

/** Writes the first `count` (at least 1) cells of a column. Throws a `TypeError` for what is no cell, or too large a one. */
export function writeVector(out: ByteWriter, cells: readonly Cell[], count: number): void {
  let nulls = 0;
  let integers = 0;
  let reals = 0;
  let texts = 0;
  let blobs = 0;
  let refs = 0;
  for (let i = 0; i < count; i++) {
    const cell = cells[i] as Cell;
    if (typeof cell === 'string') texts++;
    else if (typeof cell === 'number') {
      if (Number.isSafeInteger(cell)) integers++;
      else reals++;
    } else if (cell === null) nulls++;
    else if (typeof cell === 'bigint') integers++;
    else if (cell instanceof ContentRef) refs++;
    else if (cell instanceof Uint8Array) blobs++;
    else if (cell instanceof Real) reals++;
    else throw new TypeError(`a ${typeof cell} is no cell`);
  }
  const present = count - nulls;
  if (present === 0) out.u8(TAG.null);
  else if (integers === present) writeIntegers(out, cells, count, nulls > 0);
  else if (texts === present) writeTexts(out, cells as readonly (string | null)[], count, nulls > 0);
  else if (reals === present) writeReals(out, cells, count, nulls > 0);
  else if (refs === present) writeRefs(out, cells as readonly (ContentRef | null)[], count, nulls);
  else if (blobs === present) writeBlobs(out, cells as readonly (Uint8Array | null)[], count, nulls > 0);
  else {
    out.u8(TAG.mixed);
    for (let i = 0; i < count; i++) writeCell(out, cells[i] as Cell);
  }
}

/** Rows as columns. */
export interface ColumnSource {
  /** Returns a column as it stands in a leaf; undefined for one that is only cells. */
  vector(column: number): Vector | undefined;
  /** Returns the cells of a column, those of the rows at least that are taken. */
  cells(column: number): readonly Cell[];
}

/** Rows `from` to `to` − 1 of a source. */
export interface RowRange {
  readonly source: ColumnSource;
  readonly from: number;
  readonly to: number;
}

/** Cells `from` to `to` − 1 of a column: of a vector, or where there is none of an array. */
interface Piece {
  readonly vector: Vector | undefined;
  readonly from: number;
  readonly to: number;
}

const gathered: Cell[] = [];

/** Writes the vector of a column of these rows one after the other, `count` in all, as `writeVector` does. */
export function writePieces(out: ByteWriter, ranges: readonly RowRange[], column: number, count: number): void {
  const pieces: Piece[] = [];
  for (const {source, from, to} of ranges) pieces.push({vector: source.vector(column), from, to});
  const first = pieces[0]?.vector;
  const alike = pieces.every(({vector}) => vector?.kind === first?.kind);
  if (alike && first?.kind === 'text' && pieces.every(hasNoNulls) && writeTextPieces(out, pieces, count)) return;
  if (alike && (first?.kind === 'null' || first?.kind === 'constant')) {
    const cell = first.cell(0);
    // the vector of equal cells does not depend on their number
    if (pieces.every(({vector}) => sameCell((vector as NullVector | ConstantVector).cell(0), cell))) {
      writeVector(out, [cell], 1);
      return;
    }
  }
  let at = 0;
  if (alike && (first?.kind === 'integer' || first?.kind === 'real') && pieces.every(hasNoNulls)) {
    const target = numbersFor(count);
    for (const {vector, from, to} of pieces) {
      const {values} = vector as IntegerVector | RealVector;
      for (let i = from; i < to; i++) target[at++] = values[i] as number;
    }
    if (first.kind === 'integer') writeWholeNumbers(out, target, count, target[0] as number, undefined);
    else writeRealNumbers(out, target, count, undefined);
    return;
  }
  for (const {source, from, to} of ranges) {
    const all = source.cells(column);
    for (let i = from; i < to; i++) gathered[at++] = all[i] as Cell;
  }
  writeVector(out, gathered, count);
  // a text can hold on to those of its whole leaf
  gathered.fill(null, 0, count);
}

function hasNoNulls({vector}: Piece): boolean {
  return (vector as Column).nulls === undefined;
}

/** Writes texts that stand in vectors without nulls, if their first ones tell that they get no dictionary; returns whether it did. */
function writeTextPieces(out: ByteWriter, pieces: readonly Piece[], count: number): boolean {
  if (!beginDistinct(pieces, count)) return false;
  let longest = 0;
  for (const {vector, from, to} of pieces) {
    const {offsets} = vector as BytesVector;
    for (let i = from; i < to; i++) {
      const length = (offsets[i + 1] as number) - (offsets[i] as number);
      if (length > longest) longest = length;
    }
  }
  const width = widthOf(longest);
  out.u8(TAG.text).u8(width);
  if (width === 1) {
    const target = out.room(count);
    let at = 0;
    for (const {vector, from, to} of pieces) {
      const {offsets} = vector as BytesVector;
      for (let i = from; i < to; i++) target[at++] = (offsets[i + 1] as number) - (offsets[i] as number);
    }
  } else {
    for (const {vector, from, to} of pieces) {
      const {offsets} = vector as BytesVector;
      for (let i = from; i < to; i++) writeUnsigned(out, (offsets[i + 1] as number) - (offsets[i] as number), width);
    }
  }
  for (const {vector, from, to} of pieces) {
    const {bytes, offsets} = vector as BytesVector;
    out.range(bytes, offsets[from] as number, offsets[to] as number);
  }
  return true;
}

/** As `beginsDistinct`, of texts that stand in vectors. */
function beginDistinct(pieces: readonly Piece[], count: number): boolean {
  if (count <= SAMPLE) return false;
  let at = 0;
  for (const {vector, from, to} of pieces) {
    const {bytes, offsets} = vector as BytesVector;
    for (let i = from; i < to && at <= SAMPLE; i++, at++) {
      const start = offsets[i] as number;
      const end = offsets[i + 1] as number;
      let print = end - start;
      for (let k = Math.max(start, end - 4); k < end; k++) print = print * 256 + (bytes[k] as number);
      for (let j = 0; j < at; j++) {
        if (fingerprints[j] !== print) continue;
        const other = sampleStarts[j] as number;
        if (bytes.compare(samples[j] as Buffer, other, other + end - start, start, end) === 0) return false;
      }
      fingerprints[at] = print;
      samples[at] = bytes;
      sampleStarts[at] = start;
    }
  }
  return true;
}

function writeTag(out: ByteWriter, tag: number, cells: readonly unknown[], count: number, hasNulls: boolean): void {
  if (!hasNulls) {
    out.u8(tag);
    return;
  }
  out.u8(tag | HAS_NULLS);
  for (let i = 0; i < count; i += 8) {
    let bits = 0;
    for (let j = 0; j < 8 && i + j < count; j++) if (cells[i + j] === null) bits |= 1 << j;
    out.u8(bits);
  }
}

function writeConstant(out: ByteWriter, cell: Cell): void {
  out.u8(TAG.constant);
  writeCell(out, cell);
}

function writeCell(out: ByteWriter, cell: Cell): void {
  if (cell === null) out.u8(CELL.null);
  else if (typeof cell === 'string') out.u8(CELL.text).sized(checkSize(encodeText(cell)));
  else if (typeof cell === 'bigint') writeInteger(out.u8(CELL.integer), cell);
  else if (typeof cell === 'number' && Number.isSafeInteger(cell)) writeInteger(out.u8(CELL.integer), cell);
  else if (typeof cell === 'number') out.u8(CELL.real).f64(plainNaN(cell));
  else if (cell instanceof Real) out.u8(CELL.real).f64(plainNaN(cell.value));
  else if (cell instanceof ContentRef) {
    out.u8(CELL.ref).u8(flagsOf(cell)).varint(cell.size).binary(cell.id);
  } else out.u8(CELL.blob).sized(checkSize(cell));
}

function checkSize(bytes: Uint8Array): Uint8Array {
  if (bytes.length > MAX_CELL_BYTES) throw new TypeError(`a cell of ${bytes.length} bytes belongs outside its row`);
  return bytes;
}

/** NaN has many bit patterns; the one that `NaN` gives in the format is 7ff8000000000000. */
function plainNaN(value: number): number {
  return Number.isNaN(value) ? Number.NaN : value;
}

function widthOf(range: number): 1 | 2 | 4 | 8 {
  return range < 0x100 ? 1 : range < 0x10000 ? 2 : range < 0x100000000 ? 4 : 8;
}

function writeUnsigned(out: ByteWriter, value: number, width: number): void {
  if (width === 1) out.u8(value);
  else if (width === 2) {
    out.u8(value & 0xff);
    out.u8(value >>> 8);
  } else if (width === 4) out.u32(value);
  else writeInteger(out, value);
}

const eight = new DataView(new ArrayBuffer(8));

/** Writes 64 bits, little-endian; several times as fast as `ByteWriter.i64`, and most of what a leaf of times costs. */
function writeInteger(out: ByteWriter, value: number | bigint): void {
  if (typeof value === 'bigint') {
    eight.setBigInt64(0, value, true);
    out.u32(eight.getUint32(0, true)).u32(eight.getUint32(4, true));
  } else {
    const high = Math.floor(value / 2 ** 32);
    out.u32(value - high * 2 ** 32).u32(high >>> 0);
  }
}

/** The numbers of a column in the making; a column of `Cell`s would make an object of each that is not small. */
let numbers = new Float64Array(1024);

/** Returns room for the numbers of a column. */
function numbersFor(count: number): Float64Array {
  if (numbers.length < count) numbers = new Float64Array(count * 2);
  return numbers;
}

function writeIntegers(out: ByteWriter, cells: readonly Cell[], count: number, hasNulls: boolean): void {
  const values = numbersFor(count);
  let some = 0;
  for (let i = 0; i < count; i++) {
    const cell = cells[i] as Cell;
    if (typeof cell === 'bigint') {
      writeBigIntegers(out, cells as readonly (number | bigint | null)[], count, hasNulls);
      return;
    }
    if (cell === null) values[i] = Number.NaN;
    else {
      some = cell as number;
      values[i] = some;
    }
  }
  writeWholeNumbers(out, values, count, some, hasNulls ? cells : undefined);
}

/** Writes safe integers, of which `some` is one; with nulls, which are NaN, `cells` are the same. */
function writeWholeNumbers(
  out: ByteWriter,
  values: Float64Array,
  count: number,
  some: number,
  cells: readonly Cell[] | undefined,
): void {
  let least = some;
  let most = some;
  for (let i = 0; i < count; i++) {
    const value = values[i] as number;
    if (value < least) least = value;
    else if (value > most) most = value;
  }
  if (least === most && cells === undefined) {
    writeConstant(out, least);
    return;
  }
  const width = widthOf(most - least);
  writeTag(out, TAG.integer, cells ?? [], count, cells !== undefined);
  out.u8(width);
  const base = width === 8 ? 0 : least;
  if (cells !== undefined) for (let i = 0; i < count; i++) if (cells[i] === null) values[i] = base;
  if (width === 8) {
    for (let i = 0; i < count; i++) writeInteger(out, values[i] as number);
    return;
  }
  writeInteger(out, least);
  const target = out.room(count * width);
  if (width === 1) for (let i = 0; i < count; i++) target[i] = (values[i] as number) - least;
  else {
    for (let i = 0, at = 0; i < count; i++) {
      const rest = (values[i] as number) - least;
      target[at++] = rest;
      target[at++] = rest >>> 8;
      if (width === 2) continue;
      target[at++] = rest >>> 16;
      target[at++] = rest >>> 24;
    }
  }
}

function writeBigIntegers(
  out: ByteWriter,
  cells: readonly (number | bigint | null)[],
  count: number,
  hasNulls: boolean,
): void {
  let least: bigint | undefined;
  let most: bigint | undefined;
  for (let i = 0; i < count; i++) {
    const cell = cells[i] as number | bigint | null;
    if (cell === null) continue;
    const value = typeof cell === 'bigint' ? cell : BigInt(cell);
    if (least === undefined || value < least) least = value;
    if (most === undefined || value > most) most = value;
  }
  const base = least as bigint;
  if (base === most && !hasNulls) {
    writeConstant(out, base);
    return;
  }
  const width = widthOf(Number((most as bigint) - base));
  writeTag(out, TAG.integer, cells, count, hasNulls);
  out.u8(width);
  if (width < 8) writeInteger(out, base);
  for (let i = 0; i < count; i++) {
    const cell = cells[i] as number | bigint | null;
    if (width === 8) writeInteger(out, cell ?? 0);
    else writeUnsigned(out, cell === null ? 0 : Number(BigInt(cell) - base), width);
  }
}

function realOf(cell: Cell): number {
  return typeof cell === 'number' ? cell : cell === null ? 0 : (cell as Real).value;
}

function writeReals(out: ByteWriter, cells: readonly Cell[], count: number, hasNulls: boolean): void {
  const values = numbersFor(count);
  for (let i = 0; i < count; i++) values[i] = realOf(cells[i] as Cell);
  writeRealNumbers(out, values, count, hasNulls ? cells : undefined);
}

/** Writes REALs; with nulls, which are 0, `cells` are the same. */
function writeRealNumbers(
  out: ByteWriter,
  values: Float64Array,
  count: number,
  cells: readonly Cell[] | undefined,
): void {
  if (cells === undefined) {
    const first = values[0] as number;
    let same = 1;
    while (same < count && Object.is(values[same], first)) same++;
    if (same === count) {
      writeConstant(out, realCell(first));
      return;
    }
  }
  writeTag(out, TAG.real, cells ?? [], count, cells !== undefined);
  const view = viewOf(out.room(count * 8));
  for (let i = 0; i < count; i++) view.setFloat64(i * 8, plainNaN(values[i] as number), true);
}

function writeTexts(out: ByteWriter, cells: readonly (string | null)[], count: number, hasNulls: boolean): void {
  const joined = join(cells, count);
  if (Buffer.byteLength(joined) === joined.length) {
    writeStrings(out, cells, joined, count, hasNulls, TAG.text, TAG.textDictionary);
    return;
  }
  // by bytes: two texts may differ as strings and yet be the same bytes (see bytes.ts)
  const strings: (string | null)[] = [];
  for (let i = 0; i < count; i++) {
    const cell = cells[i] as string | null;
    strings.push(cell === null ? null : encodeText(cell).toString('latin1'));
  }
  writeStrings(out, strings, join(strings, count), count, hasNulls, TAG.text, TAG.textDictionary);
}

function join(cells: readonly (string | null)[], count: number): string {
  let joined = '';
  for (let i = 0; i < count; i++) {
    const cell = cells[i] as string | null;
    if (cell !== null) joined += cell;
  }
  return joined;
}

function writeBlobs(out: ByteWriter, cells: readonly (Uint8Array | null)[], count: number, hasNulls: boolean): void {
  const strings: (string | null)[] = [];
  for (let i = 0; i < count; i++) {
    const cell = cells[i] as Uint8Array | null;
    strings.push(cell === null ? null : asBuffer(cell).toString('latin1'));
  }
  writeStrings(out, strings, join(strings, count), count, hasNulls, TAG.blob, TAG.blobDictionary);
}

/** Writes byte strings (one character a byte): as a constant, as a dictionary where that is smaller, or one after the other. */
function writeStrings(
  out: ByteWriter,
  cells: readonly (string | null)[],
  joined: string,
  count: number,
  hasNulls: boolean,
  tag: number,
  dictionaryTag: number,
): void {
  let longest = 0;
  for (let i = 0; i < count; i++) {
    const cell = cells[i] as string | null;
    if (cell !== null && cell.length > longest) longest = cell.length;
  }
  if (longest > MAX_CELL_BYTES) throw new TypeError(`a cell of ${longest} bytes belongs outside its row`);
  const width = widthOf(longest);
  if (beginsDistinct(cells, count)) {
    writeTag(out, tag, cells, count, hasNulls);
    writeLengths(out, cells, count, width);
    out.binary(joined);
    return;
  }
  // no dictionary, and no more counting, with more distinct values than half the rows, or if the first ones all differ
  const limit = Math.min(MAX_DICTIONARY, count >> 1);
  const indexes = new Map<string, number>();
  let distinctTotal = 0;
  let distinctLongest = 0;
  let last: string | null = null;
  let repeated = false;
  for (let i = 0; i < count && indexes.size <= limit; i++) {
    const cell = cells[i] as string | null;
    if (cell === null) continue;
    if (cell === last || indexes.has(cell)) {
      repeated = true;
      continue;
    }
    if (indexes.size === SAMPLE && !repeated) break;
    last = cell;
    indexes.set(cell, indexes.size);
    distinctTotal += cell.length;
    if (cell.length > distinctLongest) distinctLongest = cell.length;
  }
  if (indexes.size === 1 && !hasNulls) {
    const [only] = indexes.keys();
    out
      .u8(TAG.constant)
      .u8(tag === TAG.text ? CELL.text : CELL.blob)
      .varint((only as string).length)
      .binary(only as string);
    return;
  }
  const plainSize = count * width + joined.length;
  const dictionarySize = 1 + indexes.size * widthOf(distinctLongest) + count + distinctTotal;
  if (repeated && indexes.size <= limit && dictionarySize < plainSize) {
    writeTag(out, dictionaryTag, cells, count, hasNulls);
    out.u8(indexes.size);
    const distinct = [...indexes.keys()];
    writeLengths(out, distinct, distinct.length, widthOf(distinctLongest));
    let index = 0;
    last = null;
    for (let i = 0; i < count; i++) {
      const cell = cells[i] as string | null;
      if (cell !== null && cell !== last) {
        index = indexes.get(cell) as number;
        last = cell;
      }
      out.u8(cell === null ? 0 : index);
    }
    out.binary(distinct.join(''));
    return;
  }
  writeTag(out, tag, cells, count, hasNulls);
  writeLengths(out, cells, count, width);
  out.binary(joined);
}

/** What tells most texts apart without a look at all of them: their lengths and last characters. */
const fingerprints = new Float64Array(SAMPLE + 1);
/** Where the texts are of which these are, in columns at hand. */
const samples: Buffer[] = [];
const sampleStarts = new Uint32Array(SAMPLE + 1);

/** Returns whether a column has more than `SAMPLE` values of which the first ones all differ, so that it gets no dictionary; false says nothing. */
function beginsDistinct(cells: readonly (string | null)[], count: number): boolean {
  if (count <= SAMPLE) return false;
  for (let i = 0; i <= SAMPLE; i++) {
    const cell = cells[i] as string | null;
    if (cell === null) return false;
    const {length} = cell;
    let print = length;
    for (let at = Math.max(0, length - 4); at < length; at++) print = print * 256 + cell.charCodeAt(at);
    for (let j = 0; j < i; j++) if (fingerprints[j] === print && cells[j] === cell) return false;
    fingerprints[i] = print;
  }
  return true;
}

function writeLengths(out: ByteWriter, cells: readonly (string | null)[], count: number, width: number): void {
  out.u8(width);
  if (width > 1) {
    for (let i = 0; i < count; i++) writeUnsigned(out, (cells[i] as string | null)?.length ?? 0, width);
    return;
  }
  const target = out.room(count);
  for (let i = 0; i < count; i++) target[i] = (cells[i] as string | null)?.length ?? 0;
}

function flagsOf(ref: ContentRef): number {
  if (ref.id.length !== ID_BYTES || !Number.isSafeInteger(ref.size) || ref.size < 0) {
    throw new TypeError('a ContentRef needs an id and a size');
  }
  return (ref.chunked ? REF_CHUNKED : 0) | (ref.text ? REF_TEXT : 0);
}

function writeRefs(out: ByteWriter, cells: readonly (ContentRef | null)[], count: number, nulls: number): void {
  let first: ContentRef | undefined;
  let same = true;
  let flags = 0;
  let largest = 0;
  let ids = '';
  for (let i = 0; i < count; i++) {
    const ref = cells[i] as ContentRef | null;
    if (ref === null) continue;
    const own = flagsOf(ref);
    if (first === undefined) {
      first = ref;
      flags = own;
    } else {
      if (own !== flags) flags = REF_FLAGS_DIFFER;
      if (same && (ref.id !== first.id || ref.size !== first.size)) same = false;
    }
    if (ref.size > largest) largest = ref.size;
    ids += ref.id;
  }
  if (same && nulls === 0 && flags !== REF_FLAGS_DIFFER) {
    writeConstant(out, first as ContentRef);
    return;
  }
  writeTag(out, TAG.ref, cells, count, nulls > 0);
  out.u8(flags);
  if (flags === REF_FLAGS_DIFFER) {
    for (let i = 0; i < count; i++) {
      const ref = cells[i] as ContentRef | null;
      if (ref !== null) out.u8(flagsOf(ref));
    }
  }
  const width = widthOf(largest);
  out.u8(width);
  for (let i = 0; i < count; i++) {
    const ref = cells[i] as ContentRef | null;
    if (ref !== null) writeUnsigned(out, ref.size, width);
  }
  out.binary(ids);
}

// ---------------------------------------------------------------------------------------------------- decoding

/**
 * A decoded column of a leaf. `nulls` is a bitmap (bit i of byte ⌊i / 8⌋, from the least, is row i), undefined where no
 * row is null; what the other arrays hold for a null row means nothing.
 */
export type Vector =
  | NullVector
  | ConstantVector
  | IntegerVector
  | BigIntegerVector
  | RealVector
  | BytesVector
  | DictionaryVector
  | RefVector
  | MixedVector;

function isNull(nulls: Uint8Array | undefined, i: number): boolean {
  return nulls !== undefined && (((nulls[i >> 3] as number) >> (i & 7)) & 1) === 1;
}

abstract class Column {
  constructor(
    readonly length: number,
    readonly nulls: Uint8Array | undefined,
  ) {}

  /** Returns a cell that is not null. */
  protected abstract value(i: number): Cell;

  isNullAt(i: number): boolean {
    return isNull(this.nulls, i);
  }

  /** Returns the cell of a row, 0 to `length` − 1. */
  cell(i: number): Cell {
    return isNull(this.nulls, i) ? null : this.value(i);
  }

  /** Returns all cells as a new array. */
  cells(): Cell[] {
    const cells = new Array<Cell>(this.length);
    for (let i = 0; i < this.length; i++) cells[i] = isNull(this.nulls, i) ? null : this.value(i);
    return cells;
  }
}

/** Every row is null. */
export class NullVector {
  readonly kind = 'null';

  constructor(readonly length: number) {}

  cell(_i: number): Cell {
    return null;
  }

  cells(): Cell[] {
    return new Array<Cell>(this.length).fill(null);
  }
}

/** Every row is the same cell, which is not null. */
export class ConstantVector {
  readonly kind = 'constant';

  constructor(
    readonly length: number,
    readonly constant: Cell,
  ) {}

  cell(_i: number): Cell {
    return this.constant;
  }

  cells(): Cell[] {
    return new Array<Cell>(this.length).fill(this.constant);
  }
}

/** INTEGERs, all safe as numbers. */
export class IntegerVector extends Column {
  readonly kind = 'integer';

  constructor(
    nulls: Uint8Array | undefined,
    readonly values: Float64Array,
  ) {
    super(values.length, nulls);
  }

  protected value(i: number): Cell {
    return this.values[i] as number;
  }
}

/** INTEGERs of which some are beyond ±2⁵³. */
export class BigIntegerVector extends Column {
  readonly kind = 'bigint';

  constructor(
    nulls: Uint8Array | undefined,
    readonly values: BigInt64Array,
  ) {
    super(values.length, nulls);
  }

  protected value(i: number): Cell {
    return integerCell(this.values[i] as bigint);
  }
}

/** REALs. */
export class RealVector extends Column {
  readonly kind = 'real';

  constructor(
    nulls: Uint8Array | undefined,
    readonly values: Float64Array,
  ) {
    super(values.length, nulls);
  }

  protected value(i: number): Cell {
    return realCell(this.values[i] as number);
  }
}

/** Text or blobs: row i is `bytes` from `offsets[i]` to `offsets[i + 1]`. */
export class BytesVector extends Column {
  private begins: Uint32Array | undefined;

  constructor(
    readonly kind: 'text' | 'blob',
    length: number,
    nulls: Uint8Array | undefined,
    /** The cells one after the other. */
    readonly bytes: Buffer,
    private readonly lengths: Lengths,
  ) {
    super(length, nulls);
  }

  /** Where each cell begins in the bytes, and where the last one ends. Throws OBJECT_INVALID, as all do that look at single cells. */
  get offsets(): Uint32Array {
    this.begins ??= offsetsOf(this.lengths, this.length, this.bytes.length);
    return this.begins;
  }

  /** Whether all bytes are ASCII, which can be decoded as one piece and without a look at each; undefined if not known yet. */
  private ascii: boolean | undefined;

  private isAsciiText(): boolean {
    this.ascii ??= this.kind === 'text' && isAscii(this.bytes);
    return this.ascii;
  }

  /** Returns less than, equal to or greater than 0 as the bytes of a row that is not null sort before, with or after these. */
  compareAt(i: number, other: Uint8Array): number {
    const {bytes} = this;
    const start = this.offsets[i] as number;
    const length = (this.offsets[i + 1] as number) - start;
    const shared = Math.min(length, other.length);
    for (let at = 0; at < shared; at++) {
      const difference = (bytes[start + at] as number) - (other[at] as number);
      if (difference !== 0) return difference;
    }
    return length - other.length;
  }

  protected value(i: number): Cell {
    if (this.isAsciiText()) return this.bytes.toString('latin1', this.offsets[i], this.offsets[i + 1]);
    const bytes = this.bytes.subarray(this.offsets[i], this.offsets[i + 1]);
    // a cell must not depend on the memory of its leaf
    return this.kind === 'text' ? decodeText(bytes) : Buffer.from(bytes);
  }

  override cells(): Cell[] {
    const {bytes, offsets, length} = this;
    if (!this.isAsciiText()) return super.cells();
    const joined = bytes.toString('latin1');
    const cells = new Array<Cell>(length);
    for (let i = 0; i < length; i++) {
      cells[i] = isNull(this.nulls, i) ? null : joined.slice(offsets[i], offsets[i + 1]);
    }
    return cells;
  }
}

/** Text or blobs of few distinct values: row i is `entries[indexes[i]]`. */
export class DictionaryVector extends Column {
  readonly kind = 'dictionary';

  constructor(
    nulls: Uint8Array | undefined,
    /** The distinct values, all of one type, in the order of their first rows. */
    readonly entries: readonly Cell[],
    readonly indexes: Uint8Array,
  ) {
    super(indexes.length, nulls);
  }

  protected value(i: number): Cell {
    return this.entries[this.indexes[i] as number] as Cell;
  }
}

/** Values outside their rows. */
export class RefVector extends Column {
  readonly kind = 'ref';

  constructor(
    nulls: Uint8Array | undefined,
    private readonly ids: Buffer,
    readonly sizes: Float64Array,
    private readonly flags: Uint8Array,
    /** The place of each row among those that are not null. */
    private readonly ranks: Uint32Array | undefined,
    length: number,
  ) {
    super(length, nulls);
  }

  override cells(): Cell[] {
    const {length, nulls, ranks, sizes, flags} = this;
    const ids = this.ids.toString('latin1');
    const cells = new Array<Cell>(length);
    for (let i = 0; i < length; i++) {
      if (isNull(nulls, i)) {
        cells[i] = null;
        continue;
      }
      const rank = ranks === undefined ? i : (ranks[i] as number);
      const id = ids.slice(rank * ID_BYTES, (rank + 1) * ID_BYTES) as ObjectId;
      cells[i] = refOf(id, sizes[rank] as number, flags[rank] as number);
    }
    return cells;
  }

  protected value(i: number): Cell {
    const rank = this.ranks === undefined ? i : (this.ranks[i] as number);
    const id = this.ids.toString('latin1', rank * ID_BYTES, (rank + 1) * ID_BYTES) as ObjectId;
    return refOf(id, this.sizes[rank] as number, this.flags[rank] as number);
  }

  /** Returns whether row `i` has the same value here and in another vector. */
  sameAt(i: number, other: RefVector): boolean {
    const isNullHere = isNull(this.nulls, i);
    if (isNullHere || isNull(other.nulls, i)) return isNullHere && isNull(other.nulls, i);
    const a = this.ranks === undefined ? i : (this.ranks[i] as number);
    const b = other.ranks === undefined ? i : (other.ranks[i] as number);
    if (this.sizes[a] !== other.sizes[b] || this.flags[a] !== other.flags[b]) return false;
    for (let k = 0, x = a * ID_BYTES, y = b * ID_BYTES; k < ID_BYTES; k++, x++, y++) {
      if (this.ids[x] !== other.ids[y]) return false;
    }
    return true;
  }
}

/** Cells of several types. */
export class MixedVector {
  readonly kind = 'mixed';

  constructor(private readonly all: readonly Cell[]) {}

  get length(): number {
    return this.all.length;
  }

  cell(i: number): Cell {
    return this.all[i] as Cell;
  }

  cells(): Cell[] {
    return this.all.slice();
  }
}

function refOf(id: ObjectId, size: number, flags: number): ContentRef {
  return new ContentRef(id, size, (flags & REF_CHUNKED) !== 0, (flags & REF_TEXT) !== 0);
}

/** Returns the vector of `count` cells that these bytes, or a part of them, hold; it may share their memory. Throws OBJECT_INVALID. */
export function readVector(bytes: Uint8Array, count: number, from = 0, to = bytes.length): Vector {
  const reader = new ByteReader(bytes, from, to);
  let vector: Vector;
  try {
    vector = readTagged(reader, count);
  } catch (error) {
    if (error instanceof RangeError) throw invalid('has a malformed vector', error);
    throw error;
  }
  if (reader.remaining !== 0) throw invalid('has a vector with bytes after its end');
  return vector;
}

function readTagged(reader: ByteReader, count: number): Vector {
  const first = reader.u8();
  const tag = first & ~HAS_NULLS;
  if (tag === TAG.null && first === tag) return new NullVector(count);
  if (tag === TAG.constant && first === tag) {
    const cell = readCell(reader);
    if (cell === null) throw invalid('has a null constant');
    return new ConstantVector(count, cell);
  }
  if (tag === TAG.mixed && first === tag) {
    if (count > reader.remaining) throw invalid('has a vector that ends too early');
    const cells: Cell[] = [];
    for (let i = 0; i < count; i++) cells.push(readCell(reader));
    return new MixedVector(cells);
  }
  const nulls = first === tag ? undefined : reader.bytes((count + 7) >> 3);
  switch (tag) {
    case TAG.integer:
      return readIntegers(reader, count, nulls);
    case TAG.real: {
      const view = viewOf(reader.bytes(count * 8));
      const values = new Float64Array(count);
      for (let i = 0; i < count; i++) values[i] = view.getFloat64(i * 8, true);
      return new RealVector(nulls, values);
    }
    case TAG.text:
    case TAG.blob: {
      const lengths = readLengths(reader, count);
      return new BytesVector(tag === TAG.text ? 'text' : 'blob', count, nulls, reader.bytes(reader.remaining), lengths);
    }
    case TAG.textDictionary:
    case TAG.blobDictionary: {
      const size = reader.u8();
      const lengths = readLengths(reader, size);
      const indexes = reader.bytes(count);
      for (let i = 0; i < count; i++) {
        if ((indexes[i] as number) >= size) throw invalid('has an index outside its dictionary');
      }
      const kind = tag === TAG.textDictionary ? 'text' : 'blob';
      const entries = new BytesVector(kind, size, undefined, reader.bytes(reader.remaining), lengths);
      return new DictionaryVector(nulls, entries.cells(), indexes);
    }
    case TAG.ref:
      return readRefs(reader, count, nulls);
    default:
      throw invalid('has a vector of an unknown kind');
  }
}

function readCell(reader: ByteReader): Cell {
  const tag = reader.u8();
  switch (tag) {
    case CELL.null:
      return null;
    case CELL.integer:
      return integerCell(reader.i64());
    case CELL.real:
      return realCell(reader.f64());
    case CELL.text:
      return decodeText(readSized(reader));
    case CELL.blob:
      return Buffer.from(readSized(reader));
    case CELL.ref: {
      const flags = reader.u8();
      if (flags > (REF_CHUNKED | REF_TEXT)) throw invalid('has a reference with unknown flags');
      const size = reader.varint();
      return refOf(reader.binary(ID_BYTES) as ObjectId, size, flags);
    }
    default:
      throw invalid('has a cell of an unknown type');
  }
}

function readSized(reader: ByteReader): Buffer {
  const bytes = reader.sized();
  if (bytes.length > MAX_CELL_BYTES) throw invalid('has a cell that is too large');
  return bytes;
}

function readWidth(reader: ByteReader): 1 | 2 | 4 | 8 {
  const width = reader.u8();
  if (width !== 1 && width !== 2 && width !== 4 && width !== 8) throw invalid('has a vector of an unknown width');
  return width;
}

function readUnsigned(bytes: Buffer, i: number, width: 1 | 2 | 4 | 8): number {
  if (width === 1) return bytes[i] as number;
  const at = i * width;
  const low = (bytes[at] as number) | ((bytes[at + 1] as number) << 8);
  if (width === 2) return low;
  if (width === 4) return (low | ((bytes[at + 2] as number) << 16) | ((bytes[at + 3] as number) << 24)) >>> 0;
  return bytes.readUInt32LE(at) + bytes.readUInt32LE(at + 4) * 2 ** 32;
}

function readIntegers(reader: ByteReader, count: number, nulls: Uint8Array | undefined): Vector {
  const width = readWidth(reader);
  if (width === 8) return readWideIntegers(reader.bytes(count * 8), count, nulls);
  const base = reader.i64();
  const bytes = reader.bytes(count * width);
  const low = integerCell(base);
  if (typeof low === 'number' && low + 2 ** (width * 8) <= Number.MAX_SAFE_INTEGER) {
    const values = new Float64Array(count);
    if (width === 1) for (let i = 0; i < count; i++) values[i] = low + (bytes[i] as number);
    else {
      const view = viewOf(bytes);
      if (width === 2) for (let i = 0; i < count; i++) values[i] = low + view.getUint16(i * 2, true);
      else for (let i = 0; i < count; i++) values[i] = low + view.getUint32(i * 4, true);
    }
    return new IntegerVector(nulls, values);
  }
  const values = new BigInt64Array(count);
  for (let i = 0; i < count; i++) {
    const value = base + BigInt(readUnsigned(bytes, i, width));
    if (value > MAX_INTEGER) throw invalid('has an integer beyond 64 bits');
    values[i] = value;
  }
  return new BigIntegerVector(nulls, values);
}

/** `DataView` is inlined by the compiler, the number readers of `Buffer` are not. */
function viewOf(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
}

function readWideIntegers(bytes: Uint8Array, count: number, nulls: Uint8Array | undefined): Vector {
  const view = viewOf(bytes);
  const values = new Float64Array(count);
  for (let i = 0; i < count; i++) {
    const value = view.getInt32(i * 8 + 4, true) * 2 ** 32 + view.getUint32(i * 8, true);
    if (!Number.isSafeInteger(value)) {
      const wide = new BigInt64Array(count);
      for (let j = 0; j < count; j++) wide[j] = view.getBigInt64(j * 8, true);
      return new BigIntegerVector(nulls, wide);
    }
    values[i] = value;
  }
  return new IntegerVector(nulls, values);
}

/** The lengths of texts or blobs as they stand in a vector: numbers of `width` bytes from `at` on. */
interface Lengths {
  readonly source: Buffer;
  readonly at: number;
  readonly width: 1 | 2 | 4 | 8;
}

function readLengths(reader: ByteReader, count: number): Lengths {
  const width = readWidth(reader);
  return {source: reader.buffer, at: reader.skip(count * width), width};
}

/** Offsets are cut out of arrays of so many: making one for each vector costs more than filling it. */
const SLAB = 4096;
let slab = new Uint32Array(0);
let slabUsed = 0;

/** Returns memory for so many offsets, of which the first is 0. */
function offsetsFor(count: number): Uint32Array {
  if (count > SLAB / 8) return new Uint32Array(count);
  if (slabUsed + count > slab.length) {
    slab = new Uint32Array(SLAB);
    slabUsed = 0;
  }
  slabUsed += count;
  return slab.subarray(slabUsed - count, slabUsed);
}

/** Returns where each of `count` cells begins, and the end of the last, which is that of all bytes. */
function offsetsOf({source, at, width}: Lengths, count: number, size: number): Uint32Array {
  const offsets = offsetsFor(count + 1);
  let end = 0;
  if (width === 1) {
    for (let i = 0; i < count; i++) {
      end += source[at + i] as number;
      offsets[i + 1] = end;
    }
  } else {
    const lengths = source.subarray(at, at + count * width);
    for (let i = 0; i < count; i++) {
      const length = readUnsigned(lengths, i, width);
      if (length > MAX_CELL_BYTES) throw invalid('has a cell that is too large');
      end += length;
      if (end > size) break;
      offsets[i + 1] = end;
    }
  }
  if (end > size) throw invalid('has a vector that ends too early');
  if (end < size) throw invalid('has a vector with bytes after its end');
  return offsets;
}

function readRefs(reader: ByteReader, count: number, nulls: Uint8Array | undefined): Vector {
  let present = count;
  let ranks: Uint32Array | undefined;
  if (nulls) {
    present = 0;
    ranks = new Uint32Array(count);
    for (let i = 0; i < count; i++) {
      ranks[i] = present;
      if (!isNull(nulls, i)) present++;
    }
  }
  const shared = reader.u8();
  if (shared > REF_FLAGS_DIFFER) throw invalid('has a reference with unknown flags');
  let flags: Uint8Array;
  if (shared === REF_FLAGS_DIFFER) {
    flags = reader.bytes(present);
    for (let i = 0; i < present; i++) {
      if ((flags[i] as number) > (REF_CHUNKED | REF_TEXT)) throw invalid('has a reference with unknown flags');
    }
  } else flags = new Uint8Array(Math.min(present, reader.remaining)).fill(shared);
  const width = readWidth(reader);
  const bytes = reader.bytes(present * width);
  const sizes = new Float64Array(present);
  for (let i = 0; i < present; i++) {
    const size = readUnsigned(bytes, i, width);
    if (size > Number.MAX_SAFE_INTEGER) throw invalid('has a reference with an impossible size');
    sizes[i] = size;
  }
  return new RefVector(nulls, reader.bytes(present * ID_BYTES), sizes, flags, ranks, count);
}

/** Returns whether the first byte of a vector says that all its cells are one. */
export function isUniform(first: number | undefined): boolean {
  return first === TAG.null || first === TAG.constant;
}

/** Sets `differs` to 1 at the rows at which two vectors of the same length differ. */
export function markDifferences(a: Vector, b: Vector, differs: Uint8Array): void {
  const {length} = a;
  if (a.kind === 'ref' && b.kind === 'ref') {
    for (let i = 0; i < length; i++) if (!a.sameAt(i, b)) differs[i] = 1;
  } else if (a.kind === 'integer' && b.kind === 'integer' && a.nulls === undefined && b.nulls === undefined) {
    for (let i = 0; i < length; i++) if (a.values[i] !== b.values[i]) differs[i] = 1;
  } else {
    for (let i = 0; i < length; i++) if (!sameCell(a.cell(i), b.cell(i))) differs[i] = 1;
  }
}

/**
 * Returns cell `i` of the vector of `count` cells that these bytes hold, without decoding the others: checks no more than it
 * reads. Throws OBJECT_INVALID.
 */
export function readCellAt(bytes: Buffer, count: number, i: number): Cell {
  try {
    return cellAt(bytes, count, i);
  } catch (error) {
    if (error instanceof RangeError) throw invalid('has a malformed vector', error);
    throw error;
  }
}

function cellAt(bytes: Buffer, count: number, i: number): Cell {
  const reader = new ByteReader(bytes);
  const first = reader.u8();
  const tag = first & ~HAS_NULLS;
  const nulls = first === tag ? undefined : reader.bytes((count + 7) >> 3);
  // of a kind that has no nulls, or with nothing to skip
  if (tag === TAG.null || tag === TAG.constant || tag === TAG.mixed) return readVector(bytes, count).cell(i);
  if (isNull(nulls, i)) return null;
  switch (tag) {
    case TAG.integer: {
      const width = readWidth(reader);
      if (width === 8) {
        reader.bytes(i * 8);
        return integerCell(reader.i64());
      }
      const base = reader.i64();
      const value = readUnsigned(reader.bytes(count * width), i, width);
      const low = integerCell(base);
      if (typeof low === 'number' && low + value <= Number.MAX_SAFE_INTEGER) return low + value;
      if (base + BigInt(value) > MAX_INTEGER) throw invalid('has an integer beyond 64 bits');
      return integerCell(base + BigInt(value));
    }
    case TAG.real:
      reader.bytes(i * 8);
      return realCell(reader.f64());
    case TAG.text:
    case TAG.blob: {
      const cell = bytesAt(reader, count, i);
      return tag === TAG.text ? decodeText(cell) : Buffer.from(cell);
    }
    case TAG.textDictionary:
    case TAG.blobDictionary: {
      const size = reader.u8();
      const width = readWidth(reader);
      const lengths = reader.offset;
      reader.bytes(size * width);
      const index = reader.bytes(count)[i] as number;
      if (index >= size) throw invalid('has an index outside its dictionary');
      const start = reader.offset;
      const cell = sliceAt(bytes.subarray(lengths, lengths + size * width), width, index, bytes.subarray(start));
      return tag === TAG.textDictionary ? decodeText(cell) : Buffer.from(cell);
    }
    case TAG.ref: {
      let rank = i;
      let present = count;
      if (nulls !== undefined) {
        rank = 0;
        present = 0;
        for (let row = 0; row < count; row++) {
          if (row === i) rank = present;
          if (!isNull(nulls, row)) present++;
        }
      }
      let flags = reader.u8();
      if (flags === REF_FLAGS_DIFFER) flags = reader.bytes(present)[rank] as number;
      if (flags > (REF_CHUNKED | REF_TEXT)) throw invalid('has a reference with unknown flags');
      const width = readWidth(reader);
      const size = readUnsigned(reader.bytes(present * width), rank, width);
      if (size > Number.MAX_SAFE_INTEGER) throw invalid('has a reference with an impossible size');
      reader.bytes(rank * ID_BYTES);
      return refOf(reader.binary(ID_BYTES) as ObjectId, size, flags);
    }
    default:
      throw invalid('has a vector of an unknown kind');
  }
}

function bytesAt(reader: ByteReader, count: number, i: number): Buffer {
  const width = readWidth(reader);
  const lengths = reader.bytes(count * width);
  return sliceAt(lengths, width, i, reader.bytes(reader.remaining));
}

function sliceAt(lengths: Buffer, width: 1 | 2 | 4 | 8, i: number, body: Buffer): Buffer {
  let start = 0;
  for (let row = 0; row < i; row++) start += readUnsigned(lengths, row, width);
  const length = readUnsigned(lengths, i, width);
  if (length > MAX_CELL_BYTES) throw invalid('has a cell that is too large');
  if (start + length > body.length) throw invalid('has a vector that ends too early');
  return body.subarray(start, start + length);
}

/** A new cell for a row. */
export interface CellChange {
  readonly row: number;
  readonly cell: Cell;
}

/**
 * Returns the bytes of a vector with some cells replaced, made from the old bytes; undefined where that does not tell what
 * the vector of the new cells is. For the columns that edits of files change: times and references.
 */
export function patchVector(bytes: Buffer, count: number, changes: readonly CellChange[]): Buffer | undefined {
  const tag = (bytes[0] as number) & ~HAS_NULLS;
  if (tag === TAG.integer) return patchIntegers(bytes, count, changes);
  return tag === TAG.ref ? patchRefs(bytes, count, changes) : undefined;
}

function patchIntegers(bytes: Buffer, count: number, changes: readonly CellChange[]): Buffer | undefined {
  if (bytes[0] !== TAG.integer || bytes[1] !== 8 || bytes.length !== 2 + count * 8) return undefined;
  const patched = Buffer.from(bytes);
  for (const {row, cell} of changes) {
    if (typeof cell !== 'bigint' && !Number.isSafeInteger(cell)) return undefined;
    patched.writeBigInt64LE(BigInt(cell as bigint | number), 2 + row * 8);
  }
  // two numbers whose upper halves are more than one apart need all eight bytes
  const view = viewOf(patched);
  const first = view.getInt32(6, true);
  for (let i = 1; i < count; i++) if (Math.abs(view.getInt32(6 + i * 8, true) - first) > 1) return patched;
  return undefined;
}

function patchRefs(bytes: Buffer, count: number, changes: readonly CellChange[]): Buffer | undefined {
  const nulls = bytes[0] === TAG.ref ? undefined : bytes.subarray(1, 1 + ((count + 7) >> 3));
  let present = count;
  if (nulls !== undefined) {
    present = 0;
    for (let i = 0; i < count; i++) if (!isNull(nulls, i)) present++;
  }
  let at = 1 + (nulls?.length ?? 0);
  const flags = bytes[at++] as number;
  const width = bytes[at++] as 1 | 2 | 4 | 8;
  const ids = at + present * width;
  if (flags === REF_FLAGS_DIFFER || bytes.length !== ids + present * ID_BYTES) return undefined;
  const patched = Buffer.from(bytes);
  let rank = 0;
  let row = 0;
  for (const change of changes) {
    const {cell} = change;
    if (!(cell instanceof ContentRef) || flagsOf(cell) !== flags || isNull(nulls, change.row)) return undefined;
    if (widthOf(cell.size) > width) return undefined;
    for (; row < change.row; row++) if (!isNull(nulls, row)) rank++;
    if (width === 8) patched.writeBigInt64LE(BigInt(cell.size), at + rank * 8);
    else patched.writeUIntLE(cell.size, at + rank * width, width);
    patched.write(cell.id, ids + rank * ID_BYTES, 'latin1');
  }
  const sizes = patched.subarray(at, ids);
  let largest = 0;
  for (let i = 0; i < present; i++) {
    const size = readUnsigned(sizes, i, width);
    if (size > largest) largest = size;
  }
  if (widthOf(largest) !== width) return undefined;
  // equal references would be a constant
  for (let i = ids + ID_BYTES; nulls === undefined && i < patched.length; i += ID_BYTES) {
    if (patched.compare(patched, ids, ids + ID_BYTES, i, i + ID_BYTES) !== 0) return patched;
  }
  return nulls === undefined ? undefined : patched;
}

/** Yields the references of the vector of `count` cells that these bytes hold, decoding nothing where there are none. Throws OBJECT_INVALID. */
export function* refsOf(bytes: Uint8Array, count: number): Generator<ContentRef, void, undefined> {
  const tag = (bytes[0] as number) & ~HAS_NULLS;
  if (tag !== TAG.ref && tag !== TAG.constant && tag !== TAG.mixed) return;
  const vector = readVector(bytes, count);
  const rows = vector.kind === 'constant' ? 1 : count;
  for (let i = 0; i < rows; i++) {
    const cell = vector.cell(i);
    if (cell instanceof ContentRef) yield cell;
  }
}
