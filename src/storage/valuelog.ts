/**
 * Appends frames to the value log. What is appended goes to the disk at once but counts only when `commit` says so: up
 * to then `rollback` takes it back, and whoever opens the log later overwrites it. While much is written, syncs run in
 * the background, so that the one before a commit is short. Layer: storage.
 */
import {DbosError} from '../errors.js';
import {corrupt, fileFailure} from './failure.js';
import type {LogFile, LogFiles} from './files.js';
import {encodeFrame, FRAME_HEADER} from './frame.js';
import {encodeSegmentHeader, type LogEnd, SEGMENT_HEADER, segmentNumber, segmentPath} from './segment.js';
import type {Frame, FrameCodec} from './storage.js';

/** Where a frame was appended. */
export interface AppendedFrame {
  readonly segment: number;
  readonly frame: number;
  readonly codec: FrameCodec;
  readonly storedLength: number;
}

const SYNC_EVERY = 32 * 2 ** 20;

export class ValueLog {
  private committed: LogEnd;
  private end: LogEnd;
  /** The last segment, open for writing; undefined until the first append has cleared away what is past the end. */
  private file: LogFile | undefined;
  /** Full segments that are not yet synced. */
  private finished: LogFile[] = [];
  /** Files of no more use that a running sync keeps open. */
  private leftover: LogFile[] = [];
  private newNames = false;
  private unsynced = 0;
  private flushing: Promise<void> | undefined;
  /** A failed sync: the system may have dropped what was written, so nothing counts until it is written again. */
  private failure: DbosError | undefined;
  private epoch = 0;

  constructor(
    private readonly directory: string,
    private readonly files: LogFiles,
    committed: LogEnd,
    private readonly segmentLimit: number,
  ) {
    this.committed = committed;
    this.end = committed;
  }

  /** Returns whether anything was appended that is not committed. */
  get hasTail(): boolean {
    return this.end.segment !== this.committed.segment || this.end.length !== this.committed.length;
  }

  /** Writes a frame at the end of the log. Throws STORE_FULL or STORE_IO, and VALUE_TOO_LARGE if it fits into no segment. */
  append(frame: Frame): AppendedFrame {
    if (this.failure) throw this.failure;
    const {header, table} = encodeFrame(frame);
    const length = FRAME_HEADER + frame.stored.length + table.length;
    if (length > this.segmentLimit - SEGMENT_HEADER) {
      throw new DbosError(
        'VALUE_TOO_LARGE',
        `A value of ${frame.rawLength} bytes is too large to be stored in one piece.`,
        {hint: `A piece has at most ${this.segmentLimit - SEGMENT_HEADER} bytes.`},
      );
    }
    try {
      const file = this.fileFor(length);
      file.write([header, frame.stored, table], this.end.length);
    } catch (error) {
      throw fileFailure(error, this.directory);
    }
    const at = this.end;
    this.end = {segment: at.segment, length: at.length + length};
    this.unsynced += length;
    if (this.unsynced >= SYNC_EVERY && this.flushing === undefined) void this.startFlush();
    return {segment: at.segment, frame: at.length, codec: frame.codec, storedLength: frame.stored.length};
  }

  /** Makes durable what was appended before the call; returns how far that reaches. */
  async sync(): Promise<LogEnd> {
    while (this.flushing !== undefined) await this.flushing;
    const end = this.end;
    if (!this.failure && this.unsynced > 0) await this.startFlush();
    if (this.failure) throw this.failure;
    return end;
  }

  /** Makes everything up to `end` count, which `sync` returned. */
  commit(end: LogEnd): void {
    this.committed = end;
  }

  /** Takes back whatever is not committed, and gives its room on the disk free. */
  rollback(): void {
    if (!this.hasTail && !this.failure) return;
    this.reset(this.committed);
    try {
      this.file = this.openTail();
    } catch {
      // Nothing depends on it: the next append, here or in another process, does the same, and there it must succeed.
    }
  }

  /** Forgets what was appended; `committed` is how far the log counts now. */
  reset(committed: LogEnd): void {
    this.release();
    this.epoch++;
    this.committed = committed;
    this.end = committed;
    this.newNames = false;
    this.unsynced = 0;
    this.failure = undefined;
  }

  async close(): Promise<void> {
    this.release();
    while (this.flushing !== undefined) await this.flushing;
  }

  /** Closes the open files; those under a running sync when it is done. */
  private release(): void {
    this.leftover.push(...this.finished);
    if (this.file) this.leftover.push(this.file);
    this.file = undefined;
    this.finished = [];
    if (this.flushing === undefined) this.closeLeftover();
  }

  private closeLeftover(): void {
    for (const file of this.leftover) file.close();
    this.leftover = [];
  }

  /** Returns the segment that takes `length` more bytes; begins a new one if the last is full. */
  private fileFor(length: number): LogFile {
    if (this.file === undefined) this.file = this.openTail();
    if (this.file !== undefined && this.end.length + length <= this.segmentLimit) return this.file;
    const segment = this.end.segment + 1;
    const next = this.files.open(segmentPath(this.directory, segment), 'create');
    try {
      next.write([encodeSegmentHeader(segment, this.end.length)], 0);
    } catch (error) {
      next.close();
      throw error;
    }
    if (this.file) this.finished.push(this.file);
    this.file = next;
    this.newNames = true;
    this.end = {segment, length: SEGMENT_HEADER};
    return next;
  }

  /** Clears away what lies past the end of the log; returns its last segment, or undefined if there is none. */
  private openTail(): LogFile | undefined {
    const {segment, length} = this.end;
    if (segment === 0) this.files.makeDirectory(this.directory);
    for (const name of this.files.list(this.directory)) {
      const number = segmentNumber(name);
      if (number !== undefined && number > segment) this.files.remove(segmentPath(this.directory, number));
    }
    if (segment === 0) return undefined;
    const path = segmentPath(this.directory, segment);
    const file = this.files.open(path, 'write');
    try {
      const size = file.size();
      if (size < length)
        throw corrupt(`The log ${path} is shorter than it was: ${size} of ${length} bytes.`, {path, size, length});
      if (size > length) file.truncate(length);
    } catch (error) {
      file.close();
      throw error;
    }
    return file;
  }

  private startFlush(): Promise<void> {
    this.flushing = this.flush().then(() => {
      this.flushing = undefined;
      this.closeLeftover();
    });
    return this.flushing;
  }

  /** Syncs what is written by now. Never rejects: a failure stays until the log is rolled back. */
  private async flush(): Promise<void> {
    const {finished, file, newNames, epoch} = this;
    this.finished = [];
    this.newNames = false;
    this.unsynced = 0;
    try {
      for (const full of finished) {
        try {
          await full.sync();
        } finally {
          full.close();
        }
      }
      await file?.sync();
      if (newNames) await this.files.syncDirectory(this.directory);
    } catch (error) {
      if (epoch === this.epoch) this.failure = fileFailure(error, this.directory);
    }
  }
}
