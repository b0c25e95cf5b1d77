/**
 * Content objects: bodies of more than one chunk as a list of chunk ids and sizes. A long list is itself cut by content
 * into levels, so that a local edit of a huge body rewrites one object a level.
 *
 * 1. A level is cut after an entry by the id of that entry alone, between MIN_ENTRIES and MAX_ENTRIES; so the same chunks
 *    give the same objects, however they arrived.
 * 2. The root has at least two entries; a body of one chunk is that chunk, a plain blob.
 * 3. Decoding accepts only what encoding writes: one form, sizes that a cut can give, bounded counts and levels.
 *
 * Layer: tree.
 */
import {ByteReader, ByteWriter} from '../bytes.js';
import {DbosError} from '../errors.js';
import {asBytes, asCount, decodeObject, encodeObject, invalid} from '../objects/codec.js';
import {ID_BYTES, idOf, type ObjectId} from '../objects/id.js';
import type {ObjectReader} from '../objects/store.js';
import {ContentRef} from './cell.js';
import {MAX_CHUNK, MIN_CHUNK, nextCut, SINGLE_LIMIT} from './chunker.js';

/** A node has at least this many entries, unless it is the last of its level. */
const MIN_ENTRIES = 256;
const MAX_ENTRIES = 2048;

/** The greatest level that chunks of a body under 2⁵³ bytes can reach: 2⁵³ / MIN_CHUNK / MIN_ENTRIES⁵ < 1. */
export const MAX_LEVEL = 4;

/** Returns whether a node ends after its `count`-th entry, which has this id (1): one id in 256, so 512 entries on average. */
function endsNode(count: number, id: ObjectId): boolean {
  return count >= MAX_ENTRIES || (count >= MIN_ENTRIES && id.charCodeAt(0) === 0);
}

/** The entries of one content object: chunks at level 0, content objects of the level below at the others. */
interface ContentNode {
  readonly level: number;
  readonly ids: readonly ObjectId[];
  /** Bytes of the body that each entry stands for. */
  readonly sizes: readonly number[];
  /** The sum of the sizes. */
  readonly size: number;
}

function encodeContent(level: number, ids: readonly ObjectId[], sizes: readonly number[]): Buffer {
  const packed = new ByteWriter(sizes.length * 3);
  for (const size of sizes) packed.varint(size);
  return encodeObject('content', [level, Buffer.from(ids.join(''), 'latin1'), packed.finish()]);
}

function decodeContent(bytes: Uint8Array): ContentNode {
  const fields = decodeObject(bytes, 'content');
  if (fields.length !== 3) throw invalid('is not a list of chunks');
  const level = asCount(fields[0], MAX_LEVEL);
  const joined = asBytes(fields[1]);
  const count = joined.length / ID_BYTES;
  if (!Number.isInteger(count) || count < 1 || count > MAX_ENTRIES) throw invalid('has an impossible count of chunks');
  const ids: ObjectId[] = [];
  const sizes: number[] = [];
  let size = 0;
  const packed = new ByteReader(asBytes(fields[2]));
  const least = MIN_CHUNK * MIN_ENTRIES ** level;
  const most = MAX_CHUNK * MAX_ENTRIES ** level;
  for (let i = 0; i < count; i++) {
    const id = joined.toString('latin1', i * ID_BYTES, (i + 1) * ID_BYTES) as ObjectId;
    const entry = readSize(packed);
    const last = i === count - 1;
    if (entry < (last ? 1 : least) || entry > most) throw invalid('has a chunk of an impossible size');
    if (!last && endsNode(i + 1, id)) throw invalid('goes on after its end');
    ids.push(id);
    sizes.push(entry);
    size += entry;
    if (size > Number.MAX_SAFE_INTEGER) throw invalid('has an impossible size');
  }
  // (3) MessagePack has several forms of one value
  if (Buffer.compare(encodeContent(level, ids, sizes), bytes) !== 0) throw invalid('is not in its one form');
  return {level, ids, sizes, size};
}

function readSize(packed: ByteReader): number {
  try {
    return packed.varint();
  } catch (error) {
    throw invalid('lacks the size of a chunk', error);
  }
}

/** What a body is stored as; plain data, so that a worker thread can send it. */
export interface PackedBody {
  /** A blob, or a content object if `chunked`. */
  readonly id: ObjectId;
  /** Length of the body in bytes. */
  readonly size: number;
  readonly chunked: boolean;
}

interface Level {
  ids: ObjectId[];
  sizes: number[];
  size: number;
  /** Whether a node of this level was written: then the root is above. */
  closed: boolean;
}

/** Builds the content objects of one body as its chunks come; holds at most MAX_ENTRIES entries of each level. */
export class ContentBuilder {
  private readonly levels: Level[] = [];

  /** `emit` takes each finished content object, children before parents. */
  constructor(private readonly emit: (bytes: Buffer) => void) {}

  /** Appends a chunk. */
  add(id: ObjectId, size: number): void {
    this.append(0, id, size);
  }

  private append(index: number, id: ObjectId, size: number): void {
    let level = this.levels[index];
    if (level === undefined) {
      level = {ids: [], sizes: [], size: 0, closed: false};
      this.levels.push(level);
    }
    level.ids.push(id);
    level.sizes.push(size);
    level.size += size;
    if (endsNode(level.ids.length, id)) this.close(index, level);
  }

  private close(index: number, level: Level): void {
    const {size} = level;
    const id = this.write(index, level);
    level.ids = [];
    level.sizes = [];
    level.size = 0;
    level.closed = true;
    this.append(index + 1, id, size);
  }

  private write(index: number, level: Level): ObjectId {
    const bytes = encodeContent(index, level.ids, level.sizes);
    this.emit(bytes);
    return idOf(bytes);
  }

  /** Returns the body of the chunks since the last call, of which there must be one at least. */
  finish(): PackedBody {
    for (let index = 0; ; index++) {
      const level = this.levels[index];
      if (level === undefined) throw new TypeError('a body has at least one chunk');
      if (level.closed) {
        if (level.ids.length > 0) this.close(index, level);
        continue;
      }
      const {size} = level;
      // (2)
      const single = level.ids.length === 1;
      const id = single ? (level.ids[0] as ObjectId) : this.write(index, level);
      this.levels.length = 0;
      return {id, size, chunked: !single || index > 0};
    }
  }
}

/** Returns what a content object refers to, in order. Throws OBJECT_INVALID. */
export function contentLinks(bytes: Uint8Array): ContentRef[] {
  const {level, ids, sizes} = decodeContent(bytes);
  return ids.map((id, i) => new ContentRef(id, sizes[i] as number, level > 0, false));
}

/** A piece of a body that is one object. */
export interface Chunk {
  readonly id: ObjectId;
  readonly size: number;
  /** Where it starts in the body, in bytes. */
  readonly offset: number;
}

/** Yields the chunks of a body that hold bytes of [from, to). Throws OBJECT_INVALID if the sizes do not agree. */
export function* chunksOf(
  reader: ObjectReader,
  ref: ContentRef,
  from = 0,
  to: number = Number.MAX_SAFE_INTEGER,
): Generator<Chunk, void, undefined> {
  if (ref.chunked) {
    const root = readRoot(reader, ref);
    yield* chunksBelow(reader, root, 0, from, to);
  } else if (from < ref.size && to > 0 && from < to) {
    yield {id: ref.id, size: ref.size, offset: 0};
  }
}

function* chunksBelow(
  reader: ObjectReader,
  node: ContentNode,
  start: number,
  from: number,
  to: number,
): Generator<Chunk, void, undefined> {
  let offset = start;
  for (let i = 0; i < node.ids.length && offset < to; i++) {
    const id = node.ids[i] as ObjectId;
    const size = node.sizes[i] as number;
    if (offset + size > from) {
      if (node.level === 0) yield {id, size, offset};
      else yield* chunksBelow(reader, readChild(reader, node, i), offset, from, to);
    }
    offset += size;
  }
}

function readRoot(reader: ObjectReader, ref: ContentRef): ContentNode {
  const root = decodeContent(reader.read(ref.id));
  if (root.size !== ref.size) throw invalid(`holds ${root.size} bytes where ${ref.size} are expected`);
  // (2)
  if (root.ids.length < 2 || root.size <= SINGLE_LIMIT) throw invalid('is a list of chunks for a body of one');
  return root;
}

function readChild(reader: ObjectReader, parent: ContentNode, index: number): ContentNode {
  const child = decodeContent(reader.read(parent.ids[index] as ObjectId));
  const size = parent.sizes[index];
  if (child.level !== parent.level - 1) throw invalid(`of level ${child.level} stands below level ${parent.level}`);
  if (child.size !== size) throw invalid(`holds ${child.size} bytes where ${size} are expected`);
  return child;
}

function readChunk(reader: ObjectReader, id: ObjectId, size: number): Uint8Array {
  const bytes = reader.read(id);
  if (bytes.length !== size) throw invalid(`holds ${bytes.length} bytes where ${size} are expected`);
  return bytes;
}

/**
 * Yields the bytes [from, to) of a body, clipped to its size, a chunk at a time; reads only what holds them. The pieces
 * must not be changed. Throws OBJECT_MISSING, OBJECT_CORRUPT or OBJECT_INVALID.
 */
export function* readRange(
  reader: ObjectReader,
  ref: ContentRef,
  from: number,
  to: number,
): Generator<Uint8Array, void, undefined> {
  for (const {id, size, offset} of chunksOf(reader, ref, from, to)) {
    const bytes = readChunk(reader, id, size);
    yield from <= offset && to >= offset + size ? bytes : bytes.subarray(Math.max(0, from - offset), to - offset);
  }
}

/** Yields the bytes of a body, a chunk at a time. The pieces must not be changed. Throws as `readRange`. */
export function* readContent(reader: ObjectReader, ref: ContentRef): Generator<Uint8Array, void, undefined> {
  for (const {id, size} of chunksOf(reader, ref)) yield readChunk(reader, id, size);
}

/** No value in memory is longer: more than this is read in pieces. */
const WHOLE_LIMIT = 2 ** 31 - 1;

/** Returns all bytes of a body, which must not be changed. Throws VALUE_TOO_LARGE from 2 GiB, else as `readRange`. */
export function readWhole(reader: ObjectReader, ref: ContentRef): Uint8Array {
  if (!ref.chunked) return readChunk(reader, ref.id, ref.size);
  if (ref.size > WHOLE_LIMIT) {
    throw new DbosError('VALUE_TOO_LARGE', `A value of ${ref.size} bytes does not fit into memory.`, {
      hint: 'Read it in pieces, or export it to a file.',
      data: {size: ref.size},
    });
  }
  const pieces = chunksOf(reader, ref);
  let whole: Buffer | undefined;
  for (const {id, size, offset} of pieces) {
    // only after the root has confirmed the size; the system gives the memory as it is filled
    whole ??= Buffer.allocUnsafeSlow(ref.size);
    whole.set(readChunk(reader, id, size), offset);
  }
  return whole as Buffer;
}

/**
 * Yields each damage of a body: objects that are missing, corrupt or invalid, sizes and levels that do not agree, and
 * cuts that are not where the chunker makes them (the same bytes would have two ids). `seen` remembers what was found
 * whole, so that shared parts are read once.
 */
export function* verifyContent(
  reader: ObjectReader,
  ref: ContentRef,
  seen: Set<string> = new Set(),
): Generator<DbosError, void, undefined> {
  try {
    if (ref.chunked) yield* verifyNode(reader, readRoot(reader, ref), true, seen);
    else verifyChunk(reader, ref.id, ref.size, true, true, seen);
  } catch (error) {
    yield damage(error);
  }
}

function* verifyNode(
  reader: ObjectReader,
  node: ContentNode,
  final: boolean,
  seen: Set<string>,
): Generator<DbosError, void, undefined> {
  const count = node.ids.length;
  if (!final && !endsNode(count, node.ids[count - 1] as ObjectId)) yield invalid('ends too early');
  for (let i = 0; i < count; i++) {
    const id = node.ids[i] as ObjectId;
    const size = node.sizes[i] as number;
    const last = final && i === count - 1;
    try {
      if (node.level === 0) {
        verifyChunk(reader, id, size, last, false, seen);
        continue;
      }
      const key = `${id}${node.level},${size},${last}`;
      if (seen.has(key)) continue;
      let whole = true;
      for (const error of verifyNode(reader, readChild(reader, node, i), last, seen)) {
        whole = false;
        yield error;
      }
      if (whole) seen.add(key);
    } catch (error) {
      yield damage(error);
    }
  }
}

function verifyChunk(
  reader: ObjectReader,
  id: ObjectId,
  size: number,
  final: boolean,
  alone: boolean,
  seen: Set<string>,
): void {
  const key = chunkKey(id, size, final, alone);
  if (seen.has(key)) return;
  const bytes = readChunk(reader, id, size);
  if (!(alone && size <= SINGLE_LIMIT) && nextCut(bytes, 0, size, final) !== size) {
    throw invalid('is a chunk that was cut at another place than its bytes say');
  }
  seen.add(key);
}

/** Where an object of plain bytes may stand in a body, as bits: as all of it, at its end, and before that. */
const ALONE = 1;
const LAST = 2;
const INNER = 4;

/** Returns what `verifyContent` would find out of an object of plain bytes, for `noteChunk`: for who has it in hand before a store has. */
export function chunkForms(bytes: Uint8Array): number {
  const size = bytes.length;
  if (size === 0 || size > MAX_CHUNK) return 0;
  const isLast = nextCut(bytes, 0, size, true) === size;
  if (!isLast) return size <= SINGLE_LIMIT ? ALONE : 0;
  return ALONE | LAST | (nextCut(bytes, 0, size, false) === size ? INNER : 0);
}

/** Notes in `seen` where an object of plain bytes may stand, so that `verifyContent` need not read it. */
export function noteChunk(id: ObjectId, size: number, forms: number, seen: Set<string>): void {
  if (forms & ALONE) seen.add(chunkKey(id, size, true, true));
  if (forms & LAST) seen.add(chunkKey(id, size, true, false));
  if (forms & INNER) seen.add(chunkKey(id, size, false, false));
}

function chunkKey(id: ObjectId, size: number, final: boolean, alone: boolean): string {
  return `${id}0,${size},${final},${alone}`;
}

function damage(error: unknown): DbosError {
  if (error instanceof DbosError) return error;
  throw error;
}

let zeroChunk: ObjectId | undefined;

/** Returns the id of MAX_CHUNK zero bytes, which is what the inside of a hole is cut into; checkout can leave it a hole. */
export function zeroChunkId(): ObjectId {
  zeroChunk ??= idOf(Buffer.alloc(MAX_CHUNK));
  return zeroChunk;
}
