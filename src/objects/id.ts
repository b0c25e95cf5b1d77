/**
 * Object ids. In memory an id is the sha2-256 digest as a binary string of 32 characters (cheap as a Map key and as a
 * storage key); outside it is a CIDv1 in base32, whose digest part starts at the tenth character. Layer: objects.
 */
import {hash} from 'node:crypto';
import {base32} from 'multiformats/bases/base32';
import {compareBytes, fromBinary, toBinary} from '../bytes.js';

declare const idBrand: unique symbol;

/** The digest of an object: a binary string of 32 characters. */
export type ObjectId = string & {readonly [idBrand]: true};

/** The multicodec of an object: `raw` for bodies, `messagepack` for structure. */
export type Codec = 'raw' | 'messagepack';

export const ID_BYTES = 32;

/** The number of characters of the short form of an id. */
export const SHORT_ID_LENGTH = 12;

/** Returns the id of an object's bytes: their sha2-256 digest, by Node's one-shot hash (5× faster than noble on small input). */
export function idOf(bytes: Uint8Array): ObjectId {
  return hash('sha256', bytes, 'binary') as ObjectId;
}

/** Returns the id with these 32 digest bytes. Throws a `TypeError` for another length. */
export function idFromBytes(bytes: Uint8Array): ObjectId {
  if (bytes.length !== ID_BYTES) throw new TypeError(`an id has ${ID_BYTES} bytes, not ${bytes.length}`);
  return toBinary(bytes) as ObjectId;
}

/** Returns the 32 digest bytes of an id. */
export function idToBytes(id: ObjectId): Buffer {
  return fromBinary(id);
}

/** CIDv1 headers before the digest: version, codec, hash function, digest length. */
const HEADERS: Record<Codec, Buffer> = {
  messagepack: Buffer.from([0x01, 0x81, 0x04, 0x12, 0x20]),
  raw: Buffer.from([0x01, 0x55, 0x12, 0x20]),
};

/** What a CIDv1 says: an id, and what its object is. */
export interface Cid {
  readonly id: ObjectId;
  readonly codec: Codec;
}

/** Returns the bytes of a CIDv1. */
export function encodeCid({id, codec}: Cid): Buffer {
  return Buffer.concat([HEADERS[codec], fromBinary(id)]);
}

/** Returns the CIDv1 that some bytes begin with, and how many it takes; undefined if it is none of ours. */
export function findCid(bytes: Uint8Array): (Cid & {readonly size: number}) | undefined {
  for (const codec of ['messagepack', 'raw'] as const) {
    const header = HEADERS[codec];
    const size = header.length + ID_BYTES;
    if (bytes.length < size || compareBytes(bytes.subarray(0, header.length), header) !== 0) continue;
    return {id: idFromBytes(bytes.subarray(header.length, size)), codec, size};
  }
  return undefined;
}

/** Returns the CIDv1 text of an id. */
export function formatId(id: ObjectId, codec: Codec = 'messagepack'): string {
  return base32.encode(encodeCid({id, codec}));
}

/** Returns the digest part of an id in base32 (52 characters); prefixes of it name objects on the command line. */
export function digestText(id: ObjectId): string {
  return base32.baseEncode(fromBinary(id));
}

/** Returns the short id: the first 12 characters of the digest part. */
export function shortId(id: ObjectId): string {
  return base32.baseEncode(fromBinary(id).subarray(0, 8)).slice(0, SHORT_ID_LENGTH);
}

/** Returns the id and codec that a CIDv1 text names, or undefined if it is none of ours. */
export function parseId(text: string): Cid | undefined {
  let bytes: Uint8Array;
  try {
    bytes = base32.decode(text);
  } catch {
    return undefined;
  }
  const cid = findCid(bytes);
  if (cid === undefined || cid.size !== bytes.length) return undefined;
  const {id, codec} = cid;
  return formatId(id, codec) === text ? {id, codec} : undefined;
}

const DIGITS = 'abcdefghijklmnopqrstuvwxyz234567';

/**
 * Returns the range [gte, lte] of ids whose digest text starts with `prefix` (1 to 52 base32 characters), or undefined if
 * the prefix has other characters.
 */
export function idRangeOfPrefix(prefix: string): {readonly gte: ObjectId; readonly lte: ObjectId} | undefined {
  if (prefix.length === 0 || prefix.length > 52) return undefined;
  for (const char of prefix) if (!DIGITS.includes(char)) return undefined;
  // 52 digits hold 260 bits: the last digit has 4 bits of padding, which a decoder wants to be zero
  const bound = (filler: string, last: string) => {
    const text = prefix.padEnd(52, filler);
    const digit = DIGITS.indexOf(text[51] as string) & 0x10;
    return idFromBytes(base32.baseDecode(text.slice(0, 51) + (prefix.length === 52 ? DIGITS[digit] : last)));
  };
  return {gte: bound('a', 'a'), lte: bound('7', 'q')};
}
