/**
 * Nodes of the tree as objects. A leaf holds rows, one vector for each column; an inner node holds for each child its
 * id, its number of rows and its greatest key. Encoding is canonical. Decoding checks all that a reader relies on
 * within the node; what ties a node to its parent is checked where a child is read (`nodes.ts`). Layer: tree.
 *
 * Fields of a leaf: 0, rows, columns, body = (varint length of each vector) vectors.
 * Fields of an inner node: level, children, body = ids, sized vector of row counts, sized common prefix of the keys,
 * width of a length, lengths of the rest of the keys, rests of the keys.
 */
import {asBuffer, ByteReader, ByteWriter} from '../bytes.js';
import {asBytes, asCount, decodeObject, invalid, writeObject} from '../objects/codec.js';
import {ID_BYTES, type ObjectId} from '../objects/id.js';
import {FORMAT_VERSION, OBJECT_KINDS} from '../objects/kinds.js';
import type {Cell, Row} from './cell.js';
import {firstAtLeast, type Heads, headOf, makeHeads} from './heads.js';
import {compareNumber, compareText, isTextKey, KeyWriter, leadingNumber} from './key.js';
import type {KeyColumn, TreeSpec} from './spec.js';
import {
  type BytesVector,
  type CellChange,
  type IntegerVector,
  isUniform,
  patchVector,
  type RowRange,
  readCellAt,
  readVector,
  refsOf,
  type Vector,
  writePieces,
  writeVector,
} from './vector.js';

/** No tree is higher: 2⁵³ rows with two children a node have fewer levels. */
const MAX_LEVEL = 60;

/** An entry of an inner node. */
export interface Child {
  /** The greatest key below it. */
  readonly key: Buffer;
  readonly id: ObjectId;
  /** The number of rows below it. */
  readonly rows: number;
}

/** Compares the first bytes of two keys. Faster than `Buffer.compare` for keys, which are short. */
export function compareKeys(a: Uint8Array, aLength: number, b: Uint8Array, bLength: number): number {
  const shared = Math.min(aLength, bLength);
  for (let i = 0; i < shared; i++) {
    const difference = (a[i] as number) - (b[i] as number);
    if (difference !== 0) return difference;
  }
  return aLength - bLength;
}

/** Appends a cell of a decoded leaf to a key. Throws OBJECT_INVALID for one that no builder would have put there. */
export function writeOldCell(writer: KeyWriter, column: KeyColumn, cell: Cell): void {
  try {
    writer.cell(column, cell);
  } catch (error) {
    throw invalid('is a leaf with a key that cannot be one', error);
  }
}

// everything here is synchronous and none of it calls back, so one of each is enough
const probe = new KeyWriter();
const vectors = new ByteWriter(16_384);
const body = new ByteWriter(16_384);
/** What the functions that encode return: it holds until the next node is encoded. */
const encoded = new ByteWriter(16_384);

/** A decoded leaf: rows 0 to `count` − 1. */
export class LeafNode {
  readonly level = 0;
  private readonly columns: (Vector | undefined)[];
  private cellsRead = 0;
  private searches = 0;
  /** What the texts of the first column begin with; null where that does not sort as they do. */
  private heads: Heads | null | undefined;
  private wholeSearches = 0;
  /** The keys of all rows, one after the other, and where each begins; for a leaf that is searched again and again. */
  private keys: {readonly bytes: Buffer; readonly starts: Uint32Array} | undefined;

  constructor(
    readonly spec: TreeSpec,
    readonly count: number,
    private readonly body: Buffer,
    /** Where the vector of each column starts in the body, and the end of the body. */
    private readonly starts: Uint32Array,
  ) {
    this.columns = new Array<Vector | undefined>(starts.length - 1).fill(undefined);
  }

  /** The number of rows, as for an inner node. */
  get rows(): number {
    return this.count;
  }

  /** Returns the bytes of the vector of a column. */
  vectorBytes(column: number): Buffer {
    return this.body.subarray(this.starts[column], this.starts[column + 1]);
  }

  /** Returns a column, decoded when it is first asked for. Throws OBJECT_INVALID. */
  column(column: number): Vector {
    let vector = this.columns[column];
    if (vector === undefined) {
      vector = readVector(this.body, this.count, this.starts[column], this.starts[column + 1]);
      this.columns[column] = vector;
    }
    return vector;
  }

  /** Returns one cell, without decoding its column. Throws OBJECT_INVALID. */
  cell(column: number, row: number): Cell {
    const vector = this.columns[column] ?? this.uniformColumn(column);
    if (vector !== undefined) return vector.cell(row);
    if (++this.cellsRead > CELLS) return this.column(column).cell(row);
    return readCellAt(this.vectorBytes(column), this.count, row);
  }

  /** Returns a column of which all cells are one, whose decoding is that of the cell. */
  private uniformColumn(column: number): Vector | undefined {
    return isUniform(this.body[this.starts[column] as number]) ? this.column(column) : undefined;
  }

  /** Yields the objects that the cells of all rows stand in. */
  *refs(): Generator<ObjectId, void, undefined> {
    for (let column = 0; column < this.columns.length; column++) {
      for (const {id} of refsOf(this.vectorBytes(column), this.count)) yield id;
    }
  }

  /** Returns one row, without decoding columns; for many, take `cellsByColumn`. Throws OBJECT_INVALID. */
  row(row: number): Row {
    const cells: Cell[] = [];
    for (let column = 0; column < this.columns.length; column++) cells.push(this.cell(column, row));
    return cells;
  }

  /** Returns one row out of decoded columns: all of the leaf is checked by it. Throws OBJECT_INVALID. */
  wholeRow(row: number): Row {
    const cells: Cell[] = [];
    for (let column = 0; column < this.columns.length; column++) cells.push(this.column(column).cell(row));
    return cells;
  }

  /** Returns the cells of every column, each as one array. */
  cellsByColumn(): Cell[][] {
    const columns: Cell[][] = [];
    for (let column = 0; column < this.columns.length; column++) columns.push(this.column(column).cells());
    return columns;
  }

  /** Replaces what the writer holds by the key of a row. */
  writeKey(writer: KeyWriter, row: number): void {
    writer.reset();
    const {keys} = this.spec;
    for (let i = 0; i < keys.length; i++) writeOldCell(writer, keys[i] as KeyColumn, this.column(i).cell(row));
  }

  keyAt(row: number): Buffer {
    this.writeKey(probe, row);
    return probe.copy();
  }

  /** Returns less than, equal to or greater than 0 as the key of the row sorts before, with or after `key`. */
  compareAt(row: number, key: Uint8Array): number {
    this.writeKey(probe, row);
    return compareKeys(probe.bytes, probe.length, key, key.length);
  }

  /** Returns whether the first `columns` columns of the row's key are `key`. */
  beginsWith(row: number, key: Uint8Array, columns: number): boolean {
    if (columns === 1) {
      const first = this.plainFirst();
      // a number without a remainder is a key that ends with it
      const number = first?.kind === 'integer' ? leadingNumber(key) : undefined;
      if (number !== undefined && compareNumber(number, number, key) === 1)
        return (first as IntegerVector).values[row] === number;
      if (first?.kind === 'text') {
        const is = isTextKey(first.bytes, first.offsets[row] as number, first.offsets[row + 1] as number, key);
        if (is !== undefined) return is;
      }
    }
    const {keys} = this.spec;
    probe.reset();
    for (let i = 0; i < columns; i++) writeOldCell(probe, keys[i] as KeyColumn, this.column(i).cell(row));
    return compareKeys(probe.bytes, probe.length, key, key.length) === 0;
  }

  /** Returns the first row, from `from` on, whose key is `key` or greater, like `search`; fast for one close by. */
  searchNear(key: Uint8Array, from: number): number {
    let low = from;
    for (let step = 1; low + step < this.count; step *= 2) {
      if (this.search(key, low + step - 1, low + step) < low + step) return this.search(key, low, low + step - 1);
      low += step;
    }
    return this.search(key, low);
  }

  /** Returns the first row, from `from` on, whose key is `key` or greater; `to`, the end unless given, if there is none. */
  search(key: Uint8Array, from = 0, to = this.count): number {
    let low = from;
    let high = to;
    const {keys} = this;
    if (keys === undefined) {
      const first = this.plainFirst();
      const number = first?.kind === 'integer' ? leadingNumber(key) : undefined;
      let wholeKeys = 0;
      const heads = first?.kind === 'text' ? this.headsOf(first) : undefined;
      const head = heads && headOf(heads, key);
      if (head !== undefined) {
        const {values} = heads as Heads;
        low = firstAtLeast(values, head, low, high);
        high = firstAtLeast(values, head + 1, low, high);
      }
      while (low < high) {
        const middle = (low + high) >>> 1;
        // most often the text or number at the beginning tells, without a key that has to be made
        let order = 0;
        if (first?.kind === 'text')
          order = compareText(first.bytes, first.offsets[middle] as number, first.offsets[middle + 1] as number, key);
        else if (number !== undefined)
          order = compareNumber((first as IntegerVector).values[middle] as number, number, key);
        if (order === 0) {
          wholeKeys++;
          order = this.compareAt(middle, key);
        }
        if (order < 0) low = middle + 1;
        else high = middle;
      }
      if (wholeKeys > 1 && ++this.wholeSearches > SEARCHES) this.keepKeys();
      return low;
    }
    const {bytes, starts} = keys;
    const {length} = key;
    while (low < high) {
      const middle = (low + high) >>> 1;
      let at = starts[middle] as number;
      const end = starts[middle + 1] as number;
      const size = end - at;
      let order = 0;
      for (let i = 0; i < length && at < end; i++, at++) {
        order = (bytes[at] as number) - (key[i] as number);
        if (order !== 0) break;
      }
      if (order < 0 || (order === 0 && size < length)) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  /** Returns the first column if it sorts as its texts or numbers do. */
  private plainFirst(): BytesVector | IntegerVector | undefined {
    const {collation, descending} = this.spec.keys[0] as KeyColumn;
    if (descending) return undefined;
    const first = this.column(0);
    const isPlain = first.kind === 'integer' || (first.kind === 'text' && collation === 'binary');
    return isPlain && first.nulls === undefined ? first : undefined;
  }

  private headsOf(first: BytesVector): Heads | undefined {
    // not for a leaf that is searched once
    if (this.heads === undefined && ++this.searches > 1) this.heads = makeHeads(first) ?? null;
    return this.heads ?? undefined;
  }

  private keepKeys(): void {
    const starts = new Uint32Array(this.count + 1);
    const all = new ByteWriter(this.count * 16);
    for (let row = 0; row < this.count; row++) {
      this.writeKey(probe, row);
      all.bytes(probe.bytes.subarray(0, probe.length));
      starts[row + 1] = all.length;
    }
    this.keys = {bytes: all.finish(), starts};
  }
}

/** A leaf of which more single cells than this were read decodes the columns that are read. */
const CELLS = 8;

/** A leaf of which whole keys were made in more searches than this keeps them. */
const SEARCHES = 3;

/** A decoded inner node: children 0 to `count` − 1. */
export class InnerNode {
  /** The number of rows below the node. */
  readonly rows: number;
  /** The children that were found to be what this node says of them. */
  readonly sound: Uint8Array;
  /** The decoded children that whoever keeps nodes has at hand. */
  readonly kept: (Node | undefined)[] = [];
  private readonly childIds: ObjectId[];

  constructor(
    readonly spec: TreeSpec,
    readonly level: number,
    readonly count: number,
    private readonly ids: Buffer,
    private readonly rowCounts: Float64Array,
    /** What all keys start with. */
    private readonly prefix: Buffer,
    /** The rests of the keys, and where each starts. */
    private readonly rests: Buffer,
    private readonly offsets: Uint32Array,
  ) {
    let rows = 0;
    for (let i = 0; i < count; i++) rows += rowCounts[i] as number;
    this.rows = rows;
    this.sound = new Uint8Array(count);
    this.childIds = new Array<ObjectId>(count);
  }

  idAt(child: number): ObjectId {
    let id = this.childIds[child];
    if (id === undefined) {
      id = this.ids.toString('latin1', child * ID_BYTES, (child + 1) * ID_BYTES) as ObjectId;
      this.childIds[child] = id;
    }
    return id;
  }

  /** Returns the number of rows below a child. */
  rowsAt(child: number): number {
    return this.rowCounts[child] as number;
  }

  /** Returns the greatest key below a child. */
  keyAt(child: number): Buffer {
    const rest = this.rests.subarray(this.offsets[child], this.offsets[child + 1]);
    return this.prefix.length === 0 ? rest : Buffer.concat([this.prefix, rest]);
  }

  childAt(child: number): Child {
    return {key: this.keyAt(child), id: this.idAt(child), rows: this.rowsAt(child)};
  }

  /** Returns the first child, from `from` on, whose greatest key is `key` or greater; `count` if there is none. */
  search(key: Uint8Array, from = 0): number {
    const {prefix, rests, offsets} = this;
    for (let i = 0; i < prefix.length; i++) {
      if (i === key.length || (key[i] as number) < (prefix[i] as number)) return from;
      if ((key[i] as number) > (prefix[i] as number)) return this.count;
    }
    let low = from;
    let high = this.count;
    while (low < high) {
      const middle = (low + high) >>> 1;
      const start = offsets[middle] as number;
      const end = offsets[middle + 1] as number;
      let order = 0;
      let at = prefix.length;
      for (let i = start; i < end && order === 0; i++, at++) {
        order = at === key.length ? 1 : (rests[i] as number) - (key[at] as number);
      }
      if (order < 0 || (order === 0 && at < key.length)) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}

export type Node = LeafNode | InnerNode;

// ---------------------------------------------------------------------------------------------------- encoding

/**
 * Returns the bytes of the leaf with the first `count` cells of each column. A column for which `uniform` has a cell
 * has that one in every row.
 */
export function encodeLeaf(
  columns: readonly (readonly Cell[])[],
  count: number,
  uniform: readonly (Cell | undefined)[] = [],
): Buffer {
  return writeLeaf(columns.length, count, column => {
    const cell = uniform[column];
    if (cell === undefined) writeVector(vectors, columns[column] as readonly Cell[], count);
    else writeVector(vectors, [cell], 1); // the vector of equal cells does not depend on their number
  });
}

/**
 * Returns the bytes that a leaf with these cells has. Columns that are byte for byte those of `sound`, a leaf of a sound tree with as many
 * rows, are taken over as they are.
 */
export function reencodeLeaf(leaf: LeafNode, sound?: LeafNode): Buffer {
  const other = sound?.count === leaf.count ? sound : undefined;
  return writeLeaf(leaf.spec.columns, leaf.count, column => {
    const bytes = leaf.vectorBytes(column);
    if (other && sameBytes(bytes, other.vectorBytes(column))) vectors.bytes(bytes);
    else writeVector(vectors, leaf.column(column).cells(), leaf.count);
  });
}

/** Returns the bytes of the leaf with these rows, `count` in all. */
export function encodeRanges(columns: number, count: number, ranges: readonly RowRange[]): Buffer {
  return writeLeaf(columns, count, column => writePieces(vectors, ranges, column, count));
}

/** Returns the bytes of a leaf that differs from `leaf` only in the cells given, by column, in the order of their rows. */
export function encodeChangedLeaf(leaf: LeafNode, changed: ReadonlyMap<number, readonly CellChange[]>): Buffer {
  return writeLeaf(leaf.spec.columns, leaf.count, column => {
    const bytes = leaf.vectorBytes(column);
    const changes = changed.get(column);
    const patched = changes === undefined ? bytes : patchVector(bytes, leaf.count, changes);
    if (patched !== undefined) {
      vectors.bytes(patched);
      return;
    }
    const cells = leaf.column(column).cells();
    for (const {row, cell} of changes as readonly CellChange[]) cells[row] = cell;
    writeVector(vectors, cells, leaf.count);
  });
}

function writeLeaf(columns: number, count: number, write: (column: number) => void): Buffer {
  vectors.length = 0;
  body.length = 0;
  for (let column = 0; column < columns; column++) {
    const start = vectors.length;
    write(column);
    body.varint(vectors.length - start);
  }
  encoded.length = 0;
  writeObject(encoded, 'node', [0, count, columns], body.finish(), vectors.finish());
  return encoded.finish();
}

/** Returns the bytes of an inner node. */
export function encodeInner(level: number, children: readonly Child[]): Buffer {
  const count = children.length;
  const first = (children[0] as Child).key;
  const last = (children[count - 1] as Child).key;
  let shared = 0;
  while (shared < first.length && shared < last.length && first[shared] === last[shared]) shared++;
  const rowCounts: number[] = [];
  let longest = 0;
  body.length = 0;
  for (const {id, rows, key} of children) {
    body.binary(id);
    rowCounts.push(rows);
    if (key.length - shared > longest) longest = key.length - shared;
  }
  vectors.length = 0;
  writeVector(vectors, rowCounts, count);
  body.sized(vectors.finish());
  body.sized(first.subarray(0, shared));
  const width = longest < 0x100 ? 1 : 4;
  body.u8(width);
  for (const {key} of children) {
    if (width === 1) body.u8(key.length - shared);
    else body.u32(key.length - shared);
  }
  for (const {key} of children) body.bytes(key.subarray(shared));
  encoded.length = 0;
  writeObject(encoded, 'node', [level, count], body.finish());
  return encoded.finish();
}

// ---------------------------------------------------------------------------------------------------- decoding

/** Returns the node that these bytes are; it shares their memory. Throws OBJECT_INVALID. */
export function decodeNode(spec: TreeSpec, bytes: Uint8Array): Node {
  const shape = readShape(bytes);
  if (shape.level === 0) {
    if (shape.columns !== spec.columns) throw invalid('is a leaf with another number of columns than its table');
    if (shape.count > spec.leafRows * 3) throw invalid('is a leaf with too many rows');
    return new LeafNode(spec, shape.count, shape.body, shape.starts);
  }
  if (shape.count > spec.innerRows * 3) throw invalid('is an inner node with too many children');
  return decodeInner(spec, shape.level, shape.count, shape.body);
}

/** What the bytes of a node say of its parts, before anything is decoded. */
type Shape =
  | {
      readonly level: 0;
      readonly count: number;
      readonly columns: number;
      readonly body: Buffer;
      readonly starts: Uint32Array;
    }
  | {readonly level: number; readonly count: number; readonly columns: undefined; readonly body: Buffer};

/** Returns the parts of a node, without knowing the spec. Throws OBJECT_INVALID. */
export function readShape(bytes: Uint8Array): Shape {
  const fields = quickFields(asBuffer(bytes)) ?? decodeObject(bytes, 'node');
  const level = asCount(fields[0], MAX_LEVEL);
  const count = asCount(fields[1], 0xffffff);
  if (count === 0) throw invalid('is a node without entries');
  if (level > 0) {
    if (fields.length !== 3) throw invalid('is an inner node with a wrong number of fields');
    const innerBody = asBytes(fields[2]);
    if (count * ID_BYTES > innerBody.length) throw invalid('is an inner node that ends too early');
    return {level, count, columns: undefined, body: innerBody};
  }
  if (fields.length !== 4) throw invalid('is a leaf with a wrong number of fields');
  const leafBody = asBytes(fields[3]);
  const columns = asCount(fields[2], leafBody.length);
  const starts = new Uint32Array(columns + 1);
  const reader = new ByteReader(leafBody);
  let end = 0;
  try {
    for (let column = 0; column < columns; column++) {
      end += reader.varint();
      if (end > leafBody.length) throw invalid('is a leaf that ends too early');
      starts[column + 1] = end;
    }
  } catch (error) {
    throw error instanceof RangeError ? invalid('is a leaf that ends too early', error) : error;
  }
  if (reader.offset + end !== leafBody.length) throw invalid('is a leaf of a wrong length');
  for (let column = 0; column <= columns; column++) starts[column] = (starts[column] as number) + reader.offset;
  return {level: 0, count, columns, body: leafBody, starts};
}

/** Returns the fields of a node of the form that all nodes have, without the decoder of any object; undefined for another form. */
function quickFields(bytes: Buffer): readonly unknown[] | undefined {
  const leaf = bytes[0] === 0x96;
  if ((!leaf && bytes[0] !== 0x95) || bytes[1] !== OBJECT_KINDS.node || bytes[2] !== FORMAT_VERSION) return undefined;
  const level = bytes[3] as number;
  if (leaf !== (level === 0) || level > MAX_LEVEL || bytes.length < 16) return undefined;
  let at = 4;
  let count = bytes[at++] as number;
  if (count === 0xcc) count = bytes[at++] as number;
  else if (count === 0xcd) {
    count = bytes.readUInt16BE(at);
    at += 2;
  } else if (count > 0x7f) return undefined;
  let columns = 0;
  if (leaf) {
    columns = bytes[at++] as number;
    if (columns > 0x7f) return undefined;
  }
  const head = bytes[at++] as number;
  // a byte string whose length has 1, 2 or 4 bytes
  if (head < 0xc4 || head > 0xc6) return undefined;
  const size = 1 << (head - 0xc4);
  const length = bytes.readUIntBE(at, size);
  at += size;
  if (at + length !== bytes.length) return undefined;
  const rest = bytes.subarray(at);
  return leaf ? [level, count, columns, rest] : [level, count, rest];
}

function decodeInner(spec: TreeSpec, level: number, count: number, bytes: Buffer): InnerNode {
  const reader = new ByteReader(bytes);
  try {
    const ids = reader.bytes(count * ID_BYTES);
    const rowCounts = new Float64Array(count);
    const vector = readVector(reader.sized(), count);
    let total = 0;
    for (let i = 0; i < count; i++) {
      const rows = vector.cell(i);
      if (typeof rows !== 'number' || !Number.isSafeInteger(rows) || rows < 1) throw invalid('has an impossible count');
      rowCounts[i] = rows;
      total += rows;
    }
    if (total > Number.MAX_SAFE_INTEGER) throw invalid('has an impossible count');
    const prefix = reader.sized();
    const width = reader.u8();
    if (width !== 1 && width !== 4) throw invalid('is an inner node with keys of an unknown width');
    const offsets = new Uint32Array(count + 1);
    for (let i = 0; i < count; i++) {
      const end = (offsets[i] as number) + (width === 1 ? reader.u8() : reader.u32());
      if (end > bytes.length) throw invalid('is an inner node that ends too early');
      offsets[i + 1] = end;
    }
    const rests = reader.bytes(offsets[count] as number);
    if (reader.remaining !== 0) throw invalid('is an inner node with bytes after its end');
    for (let i = 1; i < count; i++) {
      const order = rests.compare(rests, offsets[i - 1], offsets[i], offsets[i], offsets[i + 1]);
      if (order <= 0) throw invalid('is an inner node whose keys do not ascend');
    }
    return new InnerNode(spec, level, count, ids, rowCounts, prefix, rests, offsets);
  } catch (error) {
    throw error instanceof RangeError ? invalid('is an inner node that ends too early', error) : error;
  }
}

/** Returns whether two buffers have the same bytes. */
export function sameBytes(a: Uint8Array, b: Uint8Array): boolean {
  return a.length === b.length && asBuffer(a).equals(b);
}
