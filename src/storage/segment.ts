/**
 * Segments: the files `00000001.log`, `00000002.log`, … that make up the value log. Each starts with a header that
 * holds its number and the length of the segment before it, so that a segment cut short at a frame's edge is noticed.
 * Byte for byte: "DBOSLOG", version (1 byte), number (4), length of the segment before (4), CRC-32 of these 16 (4);
 * numbers are little-endian. Frames follow (see frame.ts). Layer: storage.
 */
import {join} from 'node:path';
import {crc32} from './checksum.js';

/** The length of a segment's header in bytes. */
export const SEGMENT_HEADER = 20;

/** The greatest length of a segment in bytes. */
export const SEGMENT_LIMIT = 2 ** 30;

/** How far the log is written: the last segment and its length. Segment 0 means that nothing was ever written. */
export interface LogEnd {
  readonly segment: number;
  readonly length: number;
}

const MAGIC = Buffer.from('DBOSLOG\x01', 'latin1');
const NAME = /^[0-9]{8,10}\.log$/;

/** Returns the path of a segment. */
export function segmentPath(directory: string, segment: number): string {
  return join(directory, `${String(segment).padStart(8, '0')}.log`);
}

/** Returns the number of the segment with this file name, or undefined if it is not the name of one. */
export function segmentNumber(name: string): number | undefined {
  if (!NAME.test(name)) return undefined;
  const segment = Number.parseInt(name, 10);
  return segment > 0 && segment < 2 ** 32 ? segment : undefined;
}

/** Returns the header of a segment. */
export function encodeSegmentHeader(segment: number, previousLength: number): Buffer {
  const header = Buffer.alloc(SEGMENT_HEADER);
  MAGIC.copy(header);
  header.writeUInt32LE(segment, 8);
  header.writeUInt32LE(previousLength, 12);
  header.writeUInt32LE(crc32(header.subarray(0, 16)), 16);
  return header;
}

/** Returns the length of the segment before, or undefined if this is not the header of that segment. */
export function decodeSegmentHeader(header: Buffer, segment: number): number | undefined {
  if (header.length < SEGMENT_HEADER || header.compare(MAGIC, 0, 8, 0, 8) !== 0) return undefined;
  if (header.readUInt32LE(16) !== crc32(header.subarray(0, 16)) || header.readUInt32LE(8) !== segment) return undefined;
  return header.readUInt32LE(12);
}
