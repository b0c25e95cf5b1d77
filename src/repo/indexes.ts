/**
 * The keys of a store beside its objects: the one mutable cell, and two indexes of the operation chain that make looking
 * up the past O(log n). They are written in one batch, so they agree after any crash.
 *
 * - `c` → id of the newest operation: the cell
 * - `p` + seq → id and time of each operation
 * - `r` + ref + NUL + seq → time and new id (or nothing) of each change of a ref; HEAD is indexed like a ref, under the
 *   commit that it came to
 *
 * The shallow commits have a key of their own (`shallow.ts`). Layer: repo.
 */
import {asBuffer, decodeText, encodeText, fromBinary, toBinary} from '../bytes.js';
import {DbosError} from '../errors.js';
import {ID_BYTES, idFromBytes, idToBytes, type ObjectId} from '../objects/id.js';
import type {StorageReader, StorageWriter} from '../storage/storage.js';
import type {StoredOperation} from './operation.js';
import {HEAD, type IndexedName} from './refs.js';
import {SHALLOW_KEY} from './shallow.js';

const CELL = 'c';
const TIME_BYTES = 8;

/** Returns the id of the newest operation, or undefined in a store without one. Throws STORE_CORRUPT. */
export function readCell(storage: StorageReader): ObjectId | undefined {
  const bytes = storage.get(CELL);
  if (bytes !== undefined && bytes.length !== ID_BYTES) throw damagedIndex('the newest operation');
  return bytes && idFromBytes(bytes);
}

function sequenceKey(seq: number): string {
  const bytes = Buffer.allocUnsafe(8);
  bytes.writeBigUInt64BE(BigInt(seq));
  return toBinary(bytes);
}

/** Returns the key of an operation in the index of operations. */
export function operationKey(seq: number): string {
  return `p${sequenceKey(seq)}`;
}

/** Returns the key of the change of a ref by the operation `seq`. */
function refKey(name: IndexedName, seq: number): string {
  return `r${toBinary(encodeText(name))}\0${sequenceKey(seq)}`;
}

/** Returns the range of keys of the changes of a ref by operations before `end`. */
export function refKeyRange(name: IndexedName, end: number): {readonly gte: string; readonly lt: string} {
  return {gte: refKey(name, 0), lt: refKey(name, end)};
}

/** The keys of each whole index. */
export const OPERATION_KEYS = {gte: 'p', lt: 'q'} as const;
export const REF_KEYS = {gte: 'r', lt: 's'} as const;

/** One change of a ref, or of HEAD. */
export interface RefEntry {
  /** Of the operation that changed it. */
  readonly seq: number;
  /** When, in milliseconds since 1970. */
  readonly time: number;
  /** What it held from then on; null for nothing. */
  readonly id: ObjectId | null;
}

/** One operation in the index. */
export interface OperationEntry {
  readonly id: ObjectId;
  readonly time: number;
}

function encodeTime(time: number): Buffer {
  const bytes = Buffer.allocUnsafe(TIME_BYTES);
  bytes.writeBigInt64BE(BigInt(time));
  return bytes;
}

function encodeRefEntry(time: number, id: ObjectId | null): Buffer {
  return id === null ? encodeTime(time) : Buffer.concat([encodeTime(time), idToBytes(id)]);
}

/** Stages the cell and the index entries that a new operation makes. */
export function stageIndexes(
  writer: StorageWriter,
  operation: StoredOperation,
  head: ObjectId | null | undefined,
): void {
  for (const [key, value] of entriesOf(operation, head)) writer.put(key, value);
  writer.put(CELL, idToBytes(operation.id));
}

/**
 * Returns the keys and values that the indexes hold for an operation. `head` is the commit that HEAD came to by it (null
 * for none), or undefined if neither it nor what HEAD means changed.
 */
export function entriesOf(
  operation: StoredOperation,
  head: ObjectId | null | undefined,
): [key: string, value: Buffer][] {
  const {seq, time} = operation;
  const entries: [string, Buffer][] = [[operationKey(seq), Buffer.concat([encodeTime(time), idToBytes(operation.id)])]];
  for (const {name, after} of operation.refChanges) entries.push([refKey(name, seq), encodeRefEntry(time, after)]);
  if (head !== undefined) entries.push([refKey(HEAD, seq), encodeRefEntry(time, head)]);
  return entries;
}

/** Returns the operation with this sequence number. Throws STORE_CORRUPT if the index lacks it. */
export function readOperationEntry(storage: StorageReader, seq: number): OperationEntry {
  const bytes = storage.get(operationKey(seq));
  const entry = bytes && decodeOperationEntry(bytes);
  if (entry === undefined) throw damagedIndex(`operation ${seq}`);
  return entry;
}

/** Returns the operation of an index value, or undefined if it is malformed. */
export function decodeOperationEntry(value: Uint8Array): OperationEntry | undefined {
  if (value.length !== TIME_BYTES + ID_BYTES) return undefined;
  return {time: Number(asBuffer(value).readBigInt64BE()), id: idFromBytes(value.subarray(TIME_BYTES))};
}

/** Returns the change of a ref from its key and value. Throws STORE_CORRUPT. */
export function decodeRefEntry(key: string, value: Uint8Array): RefEntry {
  const bytes = fromBinary(key);
  const hasId = value.length === TIME_BYTES + ID_BYTES;
  if (bytes.length < 10 || (!hasId && value.length !== TIME_BYTES)) throw damagedIndex('a ref');
  return {
    seq: Number(bytes.readBigUInt64BE(bytes.length - 8)),
    time: Number(asBuffer(value).readBigInt64BE()),
    id: hasId ? idFromBytes(value.subarray(TIME_BYTES)) : null,
  };
}

/** Returns the number of the operation that a key of an index is of. */
export function seqOfKey(key: string): bigint {
  return fromBinary(key.slice(-8)).readBigUInt64BE();
}

/** Returns the words for an index key in a message. */
export function describeKey(key: string): string {
  if (key === SHALLOW_KEY) return 'the list of shallow commits';
  const bytes = fromBinary(key);
  const seq = bytes.length >= 9 ? bytes.readBigUInt64BE(bytes.length - 8) : '?';
  return key.startsWith('r')
    ? `the change of ${decodeText(bytes.subarray(1, Math.max(1, bytes.length - 9)))} by operation ${seq}`
    : `operation ${seq}`;
}

function damagedIndex(what: string): DbosError {
  return new DbosError('STORE_CORRUPT', `The index of operations is damaged: its entry for ${what} is wrong.`, {
    hint: 'Run `dbos fsck` to see what is damaged.',
  });
}
