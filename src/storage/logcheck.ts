/**
 * Walks the whole value log and reports every damage that it finds: headers, checksums, lengths, missing segments. Goes
 * on after each, at the next place that looks like a frame. Layer: storage.
 */
import {crc32} from './checksum.js';
import {fileFailure, reasonOf} from './failure.js';
import type {LogFile, LogFiles} from './files.js';
import {decodeFrameHeader, FRAME_HEADER, type FrameHeader, tableProblem} from './frame.js';
import {decodeSegmentHeader, type LogEnd, SEGMENT_HEADER, segmentPath} from './segment.js';

/** A damaged place of the log: the segment, the byte in it, and one clause that says what is wrong. */
export interface LogProblem {
  readonly segment: number;
  readonly offset: number;
  readonly problem: string;
}

const PIECE = 2 ** 20;

/** Yields what is damaged in the log up to `end`; reads all of it, a piece at a time. */
export function* checkLog(directory: string, files: LogFiles, end: LogEnd): Generator<LogProblem> {
  let previousLength = 0;
  for (let segment = 1; segment <= end.segment; segment++) {
    const path = segmentPath(directory, segment);
    const size = files.size(path);
    if (size === undefined) {
      yield {segment, offset: 0, problem: 'the segment is missing'};
      previousLength = -1;
      continue;
    }
    let length = size;
    if (segment === end.segment) {
      if (size < end.length)
        yield {segment, offset: size, problem: `the segment ends here, ${end.length - size} bytes too early`};
      length = Math.min(size, end.length);
    }
    let file: LogFile;
    try {
      file = files.open(path, 'read');
    } catch (error) {
      yield {segment, offset: 0, problem: reasonOf(fileFailure(error, path))};
      previousLength = size;
      continue;
    }
    try {
      yield* checkSegment(file, segment, length, previousLength);
    } finally {
      file.close();
    }
    previousLength = size;
  }
}

function* checkSegment(file: LogFile, segment: number, length: number, previousLength: number): Generator<LogProblem> {
  const start = Buffer.alloc(SEGMENT_HEADER);
  const expected = read(file, start, 0) === SEGMENT_HEADER ? decodeSegmentHeader(start, segment) : undefined;
  if (expected === undefined) yield {segment, offset: 0, problem: 'the header of the segment is damaged'};
  else if (previousLength >= 0 && expected !== previousLength) {
    const problem = `the segment has ${previousLength} bytes instead of ${expected}`;
    yield {segment: segment - 1, offset: Math.min(previousLength, expected), problem};
  }
  const head = Buffer.alloc(FRAME_HEADER);
  let offset = SEGMENT_HEADER;
  while (offset < length) {
    const available = read(file, head, offset);
    const header = available === FRAME_HEADER ? decodeFrameHeader(head) : undefined;
    if (header === undefined) {
      yield {segment, offset, problem: 'the header of a frame is damaged'};
      offset = nextFrame(file, offset + 1, length);
      continue;
    }
    const next = offset + FRAME_HEADER + header.storedLength + header.tableLength;
    if (next > length) {
      yield {segment, offset, problem: 'a frame reaches past the end of the segment'};
      offset = nextFrame(file, offset + 1, length);
      continue;
    }
    const problem = frameProblem(file, offset, header);
    if (problem !== undefined) yield {segment, offset, problem};
    offset = next;
  }
}

function frameProblem(file: LogFile, offset: number, header: FrameHeader): string | undefined {
  let checksum = 0;
  let at = offset + FRAME_HEADER;
  const payloadEnd = at + header.storedLength;
  const piece = Buffer.allocUnsafe(Math.min(PIECE, header.storedLength));
  while (at < payloadEnd) {
    const part = piece.subarray(0, Math.min(PIECE, payloadEnd - at));
    if (read(file, part, at) !== part.length) return 'a frame cannot be read';
    checksum = crc32(part, checksum);
    at += part.length;
  }
  if (checksum !== header.payloadChecksum) return 'the payload of a frame has a wrong checksum';
  const table = Buffer.allocUnsafe(header.tableLength);
  if (read(file, table, payloadEnd) !== table.length) return 'a frame cannot be read';
  return tableProblem(header, table);
}

/** Returns the offset of the next sound header of a frame, or `length` if there is none. */
function nextFrame(file: LogFile, from: number, length: number): number {
  const piece = Buffer.allocUnsafe(Math.min(PIECE, Math.max(0, length - from)));
  let at = from;
  while (at + FRAME_HEADER <= length) {
    const part = piece.subarray(0, read(file, piece.subarray(0, Math.min(piece.length, length - at)), at));
    if (part.length < FRAME_HEADER) return length;
    let found = part.indexOf('Fr', 0, 'latin1');
    while (found >= 0 && found + FRAME_HEADER <= part.length) {
      if (decodeFrameHeader(part, found) !== undefined) return at + found;
      found = part.indexOf('Fr', found + 1, 'latin1');
    }
    // A header may lie across the edge of two pieces.
    at += part.length - FRAME_HEADER + 1;
  }
  return length;
}

/** Reads what can be read: where the disk itself fails, nothing. */
function read(file: LogFile, target: Uint8Array, position: number): number {
  try {
    return file.read(target, position);
  } catch {
    return 0;
  }
}
