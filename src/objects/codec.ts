/**
 * The canonical form of structured objects: a MessagePack array `[kind, version, …fields]` of whole numbers, text, byte
 * strings, null and arrays; never maps (their order would change the bytes), never floats. Decoding checks everything
 * that it is asked for: a malformed object is an OBJECT_INVALID error. Layer: objects.
 */
import {Packr} from 'msgpackr/pack';
import {asBuffer, type ByteWriter, compareBytes, decodeText, encodeText, isWellFormed} from '../bytes.js';
import {DbosError} from '../errors.js';
import {ID_BYTES, type ObjectId} from './id.js';
import {OBJECT_KINDS, type ObjectKind, versionOf} from './kinds.js';

/** What a field may be. Whole numbers are safe integers; text is well formed; anything else is bytes. */
export type Field = null | number | string | Uint8Array | readonly Field[];

const packr = new Packr({useRecords: false, variableMapSize: true, int64AsType: 'number'});

/**
 * Returns the canonical bytes of an object, of the newest version of its kind unless told. Throws a `TypeError` for a field that has
 * no canonical form.
 */
export function encodeObject(kind: ObjectKind, fields: readonly Field[], version = versionOf(kind)): Buffer {
  return packFields([OBJECT_KINDS[kind], version, ...fields]);
}

/**
 * Writes the canonical bytes of an object of whole numbers and one byte string, which is given in parts: what `encodeObject` returns,
 * without new memory and copies for each step. Nodes are most of what is ever written.
 */
export function writeObject(
  out: ByteWriter,
  kind: ObjectKind,
  numbers: readonly number[],
  ...parts: readonly Uint8Array[]
): void {
  let length = 0;
  for (const part of parts) length += part.length;
  out.u8(0x90 + numbers.length + 3).u8(OBJECT_KINDS[kind]);
  writeNumber(out, versionOf(kind));
  for (const number of numbers) writeNumber(out, number);
  writeHead(out, 0xc4, length);
  for (const part of parts) out.bytes(part);
}

function writeNumber(out: ByteWriter, value: number): void {
  if (value < 0x80) out.u8(value);
  else writeHead(out, 0xcc, value);
}

/** Writes the first of three bytes in a row, by how many bytes a number takes, and the number. */
function writeHead(out: ByteWriter, head: number, value: number): void {
  const size = value < 0x100 ? 0 : value < 0x10000 ? 1 : 2;
  out.u8(head + size);
  for (let shift = (8 << size) - 8; shift >= 0; shift -= 8) out.u8((value >>> shift) & 0xff);
}

/** Returns fields in the form that they have in objects. Throws a `TypeError` for one that has no canonical form. */
export function packFields(fields: readonly Field[]): Buffer {
  for (const field of fields) checkField(field);
  return packr.pack(fields) as Buffer;
}

/** Returns what `packFields` packed. The byte strings in it share memory with `bytes`. Throws OBJECT_INVALID. */
export function unpackFields(bytes: Uint8Array): readonly unknown[] {
  return asArray(unpack(bytes));
}

function checkField(field: Field): void {
  if (typeof field === 'number') {
    // msgpackr writes −0 as a float and whole numbers over 2³² in two ways
    if (!Number.isSafeInteger(field) || Object.is(field, -0) || field > 0xffffffff || field < -0x80000000) {
      throw new TypeError(`${field} has no canonical form; write larger numbers with wideInteger`);
    }
  } else if (typeof field === 'string') {
    if (!isWellFormed(field)) throw new TypeError('text that is not well formed goes into an object as bytes');
  } else if (Array.isArray(field)) {
    for (const inner of field as readonly Field[]) checkField(inner);
  } else if (field !== null && !(field instanceof Uint8Array)) {
    throw new TypeError(`a ${typeof field} has no canonical form`);
  }
}

/**
 * Returns the fields after the kind and version. The byte strings in them share memory with `bytes`. Throws
 * OBJECT_INVALID, and STORE_FORMAT for another version, whatever that may have in its fields.
 */
export function decodeObject(bytes: Uint8Array, kind: ObjectKind): readonly unknown[] {
  return decodeVersions(bytes, kind).fields;
}

/** Returns the fields as `decodeObject`, for a kind that has had several versions, with the one that the object has. */
export function decodeVersions(
  bytes: Uint8Array,
  kind: ObjectKind,
): {readonly version: number; readonly fields: readonly unknown[]} {
  const at = firstElement(bytes);
  if (bytes[at] === OBJECT_KINDS[kind]) checkVersion(bytes, at + 1, kind);
  const value = unpack(bytes);
  if (!Array.isArray(value) || value[0] !== OBJECT_KINDS[kind]) throw invalid(`is not a ${kind}`);
  const version: unknown = value[1];
  if (typeof version !== 'number' || !isKnown(kind, version)) throw invalid(`is a ${kind} without a version`);
  return {version, fields: value.slice(2) as unknown[]};
}

function isKnown(kind: ObjectKind, version: number): boolean {
  return version >= 1 && version <= versionOf(kind);
}

/** Throws STORE_FORMAT if the whole number at `at` is a version that this program does not know. */
function checkVersion(bytes: Uint8Array, at: number, kind: ObjectKind): void {
  const head = bytes[at] as number;
  const size = head >= 0xcc && head <= 0xce ? 1 << (head - 0xcc) : 0;
  if (isKnown(kind, head) || (head > 0x7f && size === 0) || at + size >= bytes.length) return;
  const version = size === 0 ? head : asBuffer(bytes).readUIntBE(at + 1, size);
  throw new DbosError('STORE_FORMAT', `A ${kind} object has format version ${version}.`, {
    hint: 'A newer version of dbos wrote it: use that one.',
  });
}

/** Returns where the first element of a structured object stands, or −1 if the bytes are none. */
function firstElement(bytes: Uint8Array): number {
  // a fixarray or array16/32 whose first element is a positive fixint
  const first = bytes[0] as number;
  return first >= 0x92 && first <= 0x9f ? 1 : first === 0xdc ? 3 : first === 0xdd ? 5 : -1;
}

/** Returns the kind of a structured object, or undefined if the bytes are none. */
export function kindOf(bytes: Uint8Array): ObjectKind | undefined {
  const number = bytes[firstElement(bytes)];
  return (Object.keys(OBJECT_KINDS) as ObjectKind[]).find(kind => OBJECT_KINDS[kind] === number);
}

/** Returns whether every value of an object has its one form. Throws OBJECT_INVALID if the bytes are no object. */
export function isCanonical(bytes: Uint8Array): boolean {
  return compareBytes(packr.pack(unpack(bytes)), bytes) === 0;
}

function unpack(bytes: Uint8Array): unknown {
  if (bytes.length === 0) throw invalid('is empty');
  checkShape(bytes);
  try {
    return packr.unpack(asBuffer(bytes));
  } catch (error) {
    throw invalid('is not MessagePack', error);
  }
}

const MAX_DEPTH = 16;

/**
 * Walks the headers before anything is built: only the forms that `encodeObject` writes, lengths within the bytes,
 * bounded depth, nothing after the end. So no forged length makes the decoder allocate.
 */
function checkShape(bytes: Uint8Array): void {
  countValues(bytes);
}

/** Returns how many values an object has, lists too. Throws OBJECT_INVALID as `unpackFields`. */
export function countValues(bytes: Uint8Array): number {
  let at = 0;
  let values = 0;
  const pending: number[] = [];
  let left = 1;
  const take = (size: number): number => {
    if (at + size > bytes.length) throw invalid('ends too early');
    let value = 0;
    for (let i = 0; i < size; i++) value = value * 256 + (bytes[at++] as number);
    return value;
  };
  const skip = (size: number): void => {
    if (at + size > bytes.length) throw invalid('ends too early');
    at += size;
  };
  const open = (count: number): void => {
    if (count > bytes.length - at) throw invalid('has an impossible count');
    if (pending.length >= MAX_DEPTH) throw invalid('is nested too deep');
    pending.push(left);
    left = count;
  };
  for (;;) {
    while (left === 0) {
      const outer = pending.pop();
      if (outer === undefined) {
        if (at !== bytes.length) throw invalid('has bytes after its end');
        return values;
      }
      left = outer;
    }
    left--;
    values++;
    const head = take(1);
    if (head <= 0x7f || head >= 0xe0 || head === 0xc0) continue;
    if (head >= 0xa0 && head <= 0xbf) skip(head & 0x1f);
    else if (head >= 0x90 && head <= 0x9f) open(head & 0x0f);
    else if (head >= 0xc4 && head <= 0xc6) skip(take(1 << (head - 0xc4)));
    else if (head >= 0xcc && head <= 0xce) skip(1 << (head - 0xcc));
    else if (head >= 0xd0 && head <= 0xd2) skip(1 << (head - 0xd0));
    else if (head >= 0xd9 && head <= 0xdb) skip(take(1 << (head - 0xd9)));
    else if (head === 0xdc || head === 0xdd) open(take(head === 0xdc ? 2 : 4));
    else throw invalid(`has a byte 0x${head.toString(16)} where a value starts`);
  }
}

/** Returns the error for an object that is not what its place asks for; `what` continues "An object …". */
export function invalid(what: string, cause?: unknown): DbosError {
  return new DbosError('OBJECT_INVALID', `An object ${what}.`, {
    hint: 'Run `dbos fsck` to see what is damaged.',
    cause,
  });
}

export function asArray(value: unknown): readonly unknown[] {
  if (!Array.isArray(value)) throw invalid('lacks a list');
  return value;
}

/** Returns a whole number from 0 to `max`. */
export function asCount(value: unknown, max = Number.MAX_SAFE_INTEGER): number {
  if (!Number.isSafeInteger(value) || (value as number) < 0 || (value as number) > max) throw invalid('lacks a count');
  return value as number;
}

/** Returns a list of that many fields. */
export function asFields(value: unknown, count: number): readonly unknown[] {
  const fields = asArray(value);
  if (fields.length !== count) throw invalid('has a list with a wrong number of fields');
  return fields;
}

export function asInteger(value: unknown): number {
  if (!Number.isSafeInteger(value)) throw invalid('lacks a whole number');
  return value as number;
}

export function asString(value: unknown): string {
  if (typeof value !== 'string') throw invalid('lacks a text');
  return value;
}

export function asBytes(value: unknown): Buffer {
  if (!(value instanceof Uint8Array)) throw invalid('lacks a byte string');
  return asBuffer(value);
}

export function asId(value: unknown): ObjectId {
  const bytes = asBytes(value);
  if (bytes.length !== ID_BYTES) throw invalid('lacks an id');
  return bytes.toString('latin1') as ObjectId;
}

export function asIdOrNull(value: unknown): ObjectId | null {
  return value === null ? null : asId(value);
}

/** Returns a text that may stand for any bytes; the inverse of `anyText`. */
export function asAnyText(value: unknown): string {
  if (typeof value === 'string') return value;
  const text = decodeText(asBytes(value));
  if (isWellFormed(text)) throw invalid('has the bytes of a text that could be text');
  return text;
}

/** Returns the field of a text that may not be well formed: text where its bytes are valid UTF-8, else these. */
export function anyText(text: string): Field {
  if (isWellFormed(text)) return text;
  const bytes = encodeText(text);
  // bytes that stood for themselves may be valid together, as where two texts were joined
  const whole = decodeText(bytes);
  return isWellFormed(whole) ? whole : bytes;
}

/** Returns the field of a whole number up to 2⁵³: eight bytes, big-endian, two's complement. */
export function wideInteger(value: number): Field {
  const bytes = Buffer.allocUnsafe(8);
  bytes.writeBigInt64BE(BigInt(value));
  return bytes;
}

/** Returns the number of a `wideInteger` field. */
export function asWideInteger(value: unknown): number {
  const bytes = asBytes(value);
  if (bytes.length !== 8) throw invalid('lacks a number');
  const number = Number(bytes.readBigInt64BE());
  if (!Number.isSafeInteger(number)) throw invalid('has a number beyond 2⁵³');
  return number;
}

export function fieldOfId(id: ObjectId): Field {
  return Buffer.from(id, 'latin1');
}

export function fieldOfIdOrNull(id: ObjectId | null): Field {
  return id === null ? null : fieldOfId(id);
}
