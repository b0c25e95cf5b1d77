/**
 * Reads values from the log by their location, in any thread: it needs only the folder. Keeps the last unpacked frames,
 * so that values that were packed together are unpacked once. Compressed frames are checked against their checksum;
 * values of stored frames are not: objects are checked by their id, which is stronger. Layer: storage.
 */
import {asBuffer, ByteReader, Scratch} from '../bytes.js';
import {crc32} from './checksum.js';
import {corrupt, fileFailure} from './failure.js';
import {diskFiles, type LogFile, type LogFiles} from './files.js';
import {decodeFrameHeader, FRAME_HEADER, tableProblem, unpackPayload} from './frame.js';
import {SEGMENT_LIMIT, segmentPath} from './segment.js';
import type {FrameCodec, Location, ReadAlong} from './storage.js';

/** A frame without the keys of its values. */
export interface StoredFrame {
  readonly codec: FrameCodec;
  readonly rawLength: number;
  readonly stored: Uint8Array;
  readonly lengths: readonly number[];
}

interface Segment {
  readonly file: LogFile;
  size: number;
}

const CACHE_BYTES = 16 * 2 ** 20;
/** Stored frames up to this length are read whole once several values in a row come from the same one, or from one after the other. */
const READ_AHEAD = 2 ** 20;
const READ_AHEAD_AFTER = 2;
/** The table of a frame of values that were put one by one is shorter; it stands between the frame's payload and the next frame. */
const SMALL_TABLE = 256;

export class LogReader {
  private readonly segments = new Map<number, Segment>();
  /** Unpacked payloads, the one used longest ago first. */
  private readonly payloads = new Map<number, Uint8Array>();
  private cachedBytes = 0;
  private lastId = -1;
  private last: Uint8Array | undefined;
  private lastStored = -1;
  private storedRun = 0;
  /** Where the frame ends that was read last because its values came in a row, without its table. */
  private runEnd = Number.NEGATIVE_INFINITY;
  private readonly temporary = new Scratch();

  /** `directory` is the `logDirectory` of a storage. A reader that goes through the log in its order needs no cache beyond the last frame. */
  constructor(
    private readonly directory: string,
    private readonly files: LogFiles = diskFiles,
    private readonly cacheBytes = CACHE_BYTES,
  ) {}

  /**
   * Returns the value at a location. It may share memory with the unpacked frame: copy what is to be kept for long; with
   * `temporary` it may be overwritten by the next call. Throws STORE_CORRUPT if the log does not hold it. `beside` is given
   * the other values of a frame that is read because its values come in a row.
   */
  read(location: Location, temporary = false, beside?: ReadAlong): Uint8Array {
    const {offset, length} = location;
    // Segments are shorter than 2³⁰, so this is unique and exact.
    const id = location.segment * SEGMENT_LIMIT + location.frame;
    const payload = id === this.lastId ? this.last : this.cached(id);
    if (payload !== undefined) return this.slice(payload, location);
    if (location.codec === 'stored') {
      if (offset + length > location.storedLength) throw this.damaged(location, 'a value reaches past its frame');
      if (!this.isRun(id, location)) {
        return this.readAt(
          location,
          location.frame + FRAME_HEADER + offset,
          length,
          temporary ? this.temporary : undefined,
        );
      }
      const whole = this.readRun(location, beside);
      this.runEnd = id + FRAME_HEADER + location.storedLength;
      if (beside === undefined) this.keep(id, whole);
      else {
        // who was given the values does not ask for them again
        const isOurs = beside.room === undefined;
        this.lastId = isOurs ? id : -1;
        this.last = isOurs ? whole : undefined;
      }
      return this.slice(whole, location);
    }
    const unpacked = this.unpack(location);
    // nothing else is in a frame of one value
    if (unpacked.length > length || this.cacheBytes > 0) this.keep(id, unpacked);
    return this.slice(unpacked, location);
  }

  /** Returns the value at a location like `read`, but a copy where keeping it would keep a much larger frame in memory. */
  readAlone(location: Location, beside?: ReadAlong): Uint8Array {
    const value = this.read(location, false, beside);
    const {last} = this;
    return value.buffer === last?.buffer && last.length > 2 * value.length ? Buffer.from(value) : value;
  }

  /**
   * Returns the frame that a value lies in, as it stands in the log, with the lengths of its values in their order. Throws
   * STORE_CORRUPT if there is no such frame, or it is damaged.
   */
  readFrame(location: Location): StoredFrame {
    const end = FRAME_HEADER + location.storedLength;
    const bytes = this.readAt(location, location.frame, end, undefined, SMALL_TABLE);
    const header = decodeFrameHeader(bytes);
    if (header?.codec !== location.codec || header.storedLength !== location.storedLength) {
      throw this.damaged(location, 'there is no such frame');
    }
    const stored = bytes.subarray(FRAME_HEADER, end);
    if (crc32(stored) !== header.payloadChecksum) throw this.damaged(location, 'a frame has a wrong checksum');
    const {codec, rawLength, tableLength, entryCount} = header;
    const table =
      tableLength > bytes.length - end
        ? this.readAt(location, location.frame + end, tableLength)
        : bytes.subarray(end, end + tableLength);
    const problem = tableProblem(header, table);
    if (problem !== undefined) throw this.damaged(location, problem);
    const lengths = new ByteReader(table);
    return {codec, rawLength, stored, lengths: Array.from({length: entryCount}, () => lengths.varint())};
  }

  /** Forgets everything read so far, since the end of the log may be overwritten. */
  forget(): void {
    for (const {file} of this.segments.values()) file.close();
    this.segments.clear();
    this.payloads.clear();
    this.cachedBytes = 0;
    this.lastId = -1;
    this.last = undefined;
    this.lastStored = -1;
  }

  close(): void {
    this.forget();
    this.temporary.release();
  }

  private slice(payload: Uint8Array, location: Location): Uint8Array {
    const end = location.offset + location.length;
    if (end > payload.length) throw this.damaged(location, 'a value reaches past its frame');
    return payload.subarray(location.offset, end);
  }

  /** Returns whether the values of a frame, and of those before it, come in a row. */
  private isRun(id: number, location: Location): boolean {
    if (location.storedLength > READ_AHEAD) return false;
    const gap = id - this.runEnd;
    if (gap >= 0 && gap <= SMALL_TABLE) return true;
    if (id !== this.lastStored) {
      this.lastStored = id;
      this.storedRun = 0;
      return false;
    }
    return ++this.storedRun >= READ_AHEAD_AFTER;
  }

  /** Returns the payload of a stored frame. */
  private readRun(location: Location, beside?: ReadAlong): Uint8Array {
    const end = FRAME_HEADER + location.storedLength;
    if (beside === undefined) return this.readAt(location, location.frame, end).subarray(FRAME_HEADER);
    const bytes = this.readAt(location, location.frame, end, beside, SMALL_TABLE);
    const payload = bytes.subarray(FRAME_HEADER, end);
    const header = decodeFrameHeader(bytes);
    // where the frame is damaged its values are, which their reader finds out
    if (header?.storedLength !== payload.length || header.tableLength > bytes.length - end) return payload;
    const table = bytes.subarray(end, end + header.tableLength);
    if (tableProblem(header, table) !== undefined) return payload;
    const lengths = new ByteReader(table);
    for (let at = 0; at < payload.length; ) {
      const start = at;
      at += lengths.varint();
      if (start !== location.offset) beside.add(payload.subarray(start, at));
    }
    return payload;
  }

  private unpack(location: Location): Uint8Array {
    const length = FRAME_HEADER + location.storedLength;
    const bytes = this.readAt(location, location.frame, length, this.temporary);
    const header = decodeFrameHeader(bytes);
    if (header?.codec !== location.codec || header.storedLength !== location.storedLength) {
      throw this.damaged(location, 'there is no such frame');
    }
    const stored = bytes.subarray(FRAME_HEADER);
    if (crc32(stored) !== header.payloadChecksum) throw this.damaged(location, 'a frame has a wrong checksum');
    return unpackPayload(header.codec, header.rawLength, stored);
  }

  /** Reads exactly `length` bytes, and up to `more` where there are; into memory of its own, or of whoever gives room. */
  private readAt(
    location: Location,
    position: number,
    length: number,
    into?: Pick<ReadAlong, 'room'>,
    more = 0,
  ): Buffer {
    try {
      const segment = this.segment(location.segment);
      const end = position + length;
      // The file grows while a writer is at work. Asking before allocating bounds what a damaged location can cost.
      if (end + more > segment.size) segment.size = segment.file.size();
      if (!(end <= segment.size)) throw this.damaged(location, 'the log is too short');
      const wanted = Math.min(length + more, segment.size - position);
      const target = into?.room?.(wanted) ?? asBuffer(Buffer.allocUnsafe(wanted));
      if (segment.file.read(target, position) !== wanted) throw this.damaged(location, 'the log is too short');
      return target;
    } catch (error) {
      throw fileFailure(error, segmentPath(this.directory, location.segment));
    }
  }

  private segment(number: number): Segment {
    let segment = this.segments.get(number);
    if (segment === undefined) {
      const path = segmentPath(this.directory, number);
      try {
        segment = {file: this.files.open(path, 'read'), size: 0};
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
        throw corrupt(`The log has no segment ${number}.`, {path, segment: number}, error);
      }
      this.segments.set(number, segment);
    }
    return segment;
  }

  private cached(id: number): Uint8Array | undefined {
    const payload = this.payloads.get(id);
    if (payload === undefined) return undefined;
    this.payloads.delete(id);
    this.payloads.set(id, payload);
    this.lastId = id;
    this.last = payload;
    return payload;
  }

  private keep(id: number, payload: Uint8Array): void {
    if (payload.length > Math.max(this.cacheBytes / 4, READ_AHEAD)) return;
    this.lastId = id;
    this.last = payload;
    if (payload.length > this.cacheBytes / 4) return;
    this.payloads.set(id, payload);
    this.cachedBytes += payload.length;
    for (const [oldest, dropped] of this.payloads) {
      if (this.cachedBytes <= this.cacheBytes) break;
      this.payloads.delete(oldest);
      this.cachedBytes -= dropped.length;
    }
  }

  private damaged(location: Location, what: string): Error {
    const path = segmentPath(this.directory, location.segment);
    return corrupt(`The log is damaged at byte ${location.frame} of ${path}: ${what}.`, {path, ...location});
  }
}
