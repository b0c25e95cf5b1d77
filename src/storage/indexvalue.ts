/**
 * What LevelDB holds for a key: a tag byte, then the value itself (tag 0), or as LEB128 numbers where it stands in the
 * log: segment, frame, offset, length, stored length (tag 1: in a stored frame, tag 2: in a brotli frame). The empty
 * key, which no user of the storage has, holds the log record: version 1, segment, length, number of commits.
 * Layer: storage.
 */
import {ByteReader, ByteWriter} from '../bytes.js';
import {corrupt} from './failure.js';
import {type LogEnd, SEGMENT_LIMIT} from './segment.js';
import type {Location} from './storage.js';

const INLINE = 0;
const STORED = 1;
const BROTLI = 2;
const RECORD_VERSION = 1;

/** What the log record says: how far the log counts, and how many commits there were. */
export interface LogRecord extends LogEnd {
  readonly commits: number;
}

export const EMPTY_RECORD: LogRecord = {segment: 0, length: 0, commits: 0};

/** Returns the index value that holds the value itself. */
export function encodeInline(value: Uint8Array): Buffer {
  const bytes = Buffer.allocUnsafe(value.length + 1);
  bytes[0] = INLINE;
  bytes.set(value, 1);
  return bytes;
}

/** Returns the index value that says where a value stands; a view that the next call with the same writer overwrites. */
export function encodeLocation(writer: ByteWriter, location: Location): Buffer {
  writer.length = 0;
  writer.u8(location.codec === 'stored' ? STORED : BROTLI);
  writer.varint(location.segment).varint(location.frame).varint(location.offset).varint(location.length);
  return writer.varint(location.storedLength).finish();
}

/** Returns the value, if it is in the index itself, or where it stands. Throws STORE_CORRUPT. */
export function decodeIndexValue(bytes: Buffer): Uint8Array | Location {
  const tag = bytes[0];
  if (tag === INLINE) return bytes.subarray(1);
  try {
    if (tag !== STORED && tag !== BROTLI) throw new RangeError(`unknown tag ${tag}`);
    const reader = new ByteReader(bytes, 1);
    const location: Location = {
      segment: reader.varint(),
      frame: reader.varint(),
      offset: reader.varint(),
      length: reader.varint(),
      codec: tag === STORED ? 'stored' : 'brotli',
      storedLength: reader.varint(),
    };
    if (reader.remaining > 0) throw new RangeError('bytes left over');
    if (location.segment === 0 || location.segment >= 2 ** 32 || location.frame >= SEGMENT_LIMIT)
      throw new RangeError('no such place');
    return location;
  } catch (cause) {
    throw corrupt('The index holds a malformed entry.', {}, cause);
  }
}

export function encodeRecord(record: LogRecord): Buffer {
  const writer = new ByteWriter(32).u8(RECORD_VERSION);
  return writer.varint(record.segment).varint(record.length).varint(record.commits).finish();
}

/** Returns the log record; that of an empty store for undefined. Throws STORE_CORRUPT. */
export function decodeRecord(bytes: Buffer | undefined): LogRecord {
  if (bytes === undefined) return EMPTY_RECORD;
  try {
    const reader = new ByteReader(bytes);
    const version = reader.u8();
    if (version !== RECORD_VERSION) throw new RangeError(`unknown version ${version}`);
    const record = {segment: reader.varint(), length: reader.varint(), commits: reader.varint()};
    if (reader.remaining > 0 || record.segment >= 2 ** 32 || record.length > SEGMENT_LIMIT)
      throw new RangeError('no such place');
    return record;
  } catch (cause) {
    throw corrupt('The record of the log is malformed.', {}, cause);
  }
}
