/**
 * LevelDB's logs of records (`doc/log_format.md` of google/leveldb), which its write-ahead log and its MANIFEST are:
 * blocks of 32 KiB, each with parts of records, each part with a masked CRC-32C, length, type (full, first, middle,
 * last). LevelDB itself drops what is damaged without an error. Layer: storage.
 */
import {maskedCrc32c} from './crc32c.js';

const BLOCK = 32_768;
const HEADER = 7;
const FULL = 1;
const FIRST = 2;
const LAST = 4;

/** A whole record, or something wrong at a byte of the log: one clause. */
export type RecordEvent = {readonly record: Buffer} | {readonly offset: number; readonly problem: string};

/**
 * Yields the records of a log and what is wrong with it. A record that the end of the log cuts off is no damage: that is
 * how a process leaves it that died while it wrote.
 */
export function* readRecords(log: Buffer): Generator<RecordEvent, void, undefined> {
  /** The parts of a record that is not yet whole; undefined outside of one. */
  let parts: Buffer[] | undefined;
  /** Whether the start of a record may be in what was skipped. */
  let lost = false;
  let at = 0;
  while (at < log.length) {
    const blockEnd = at - (at % BLOCK) + BLOCK;
    if (blockEnd - at < HEADER) {
      at = blockEnd;
      continue;
    }
    const part = readPart(log, at, blockEnd);
    if (part === undefined) return;
    if (typeof part === 'string') {
      yield {offset: at, problem: part};
      parts = undefined;
      lost = true;
      at = blockEnd;
      continue;
    }
    const begins = part.type === FULL || part.type === FIRST;
    if (begins === (parts !== undefined) && !lost) {
      yield {offset: at, problem: begins ? 'a record lacks its end' : 'a record lacks its start'};
    }
    if (begins) {
      parts = [part.bytes];
      lost = false;
    } else parts?.push(part.bytes);
    if (part.type === FULL || part.type === LAST) {
      if (parts) yield {record: Buffer.concat(parts)};
      parts = undefined;
    }
    at += HEADER + part.bytes.length;
  }
}

/** Returns the part at a byte, undefined if the log ends there, else what is wrong with it. */
function readPart(
  log: Buffer,
  at: number,
  blockEnd: number,
): {readonly type: number; readonly bytes: Buffer} | string | undefined {
  const end = Math.min(blockEnd, log.length);
  if (end - at < HEADER) return undefined;
  const length = log.readUInt16LE(at + 4);
  const type = log[at + 6] as number;
  if (at + HEADER + length > end) return end === blockEnd ? 'a record reaches past its block' : undefined;
  if (type === 0 && length === 0) {
    // some file systems leave zeros where a file had grown when the power was cut
    return log.subarray(at).every(byte => byte === 0) ? undefined : 'there are zeros where a record should be';
  }
  if (log.readUInt32LE(at) !== maskedCrc32c(log.subarray(at + 6, at + HEADER + length))) {
    return 'a record has a wrong checksum';
  }
  if (type < FULL || type > LAST) return 'a record is of an unknown type';
  return {type, bytes: log.subarray(at + HEADER, at + HEADER + length)};
}
