/**
 * What a storage backend offers: bytes under keys, read synchronously, written in atomic, durable batches. Small values
 * may live inside the index; large ones in an append-only value log, packed into frames. A backend knows nothing of
 * objects. `test/storage/suite.ts` is the contract: it runs on every backend. Layer: storage.
 */

/** A key: a binary string (one character per byte), compared byte by byte; 1 to 1,024 bytes. */
export type Key = string;

/** How the payload of a frame stands in the log. */
export type FrameCodec = 'stored' | 'brotli';

/**
 * Several values packed, and perhaps compressed, as one piece, so that many small bodies compress and travel together.
 * `stored` is the payload as it goes to disk; unpacked it is the values one after the other, `rawLength` bytes in all.
 */
export interface Frame {
  readonly codec: FrameCodec;
  readonly rawLength: number;
  readonly stored: Uint8Array;
  readonly entries: readonly {readonly key: Key; readonly length: number}[];
}

/** Where a value stands in the value log; plain data, so that another thread can read it with a `LogReader`. */
export interface Location {
  readonly segment: number;
  /** Offset of the frame in the segment, in bytes. */
  readonly frame: number;
  /** Offset of the value in the unpacked payload of the frame, in bytes. */
  readonly offset: number;
  readonly length: number;
  readonly codec: FrameCodec;
  /** Length of the payload of the frame as it stands in the log, so that one read fetches it. */
  readonly storedLength: number;
}

/** Takes what one read brings into memory along with a value: for a caller who can tell by a value alone what it is. */
export interface ReadAlong {
  /** Is given the values, without their keys, even if they have none any more. */
  add(value: Uint8Array): void;
  /**
   * Returns memory of `length` bytes to read into. Everything in it, the value that was asked for too, is good until the next call;
   * values that are read without it are good for ever.
   */
  room?(length: number): Buffer;
}

export interface StorageReader {
  /**
   * Returns the value, or undefined if the key is absent. The caller may keep it, unless it has memory of its own read into, but must
   * not change it. `beside` is given what else is read.
   */
  get(key: Key, beside?: ReadAlong): Uint8Array | undefined;
  has(key: Key): boolean;
  /** Returns the values in the order of the keys. */
  getMany(keys: readonly Key[]): (Uint8Array | undefined)[];
  /** Returns where a value stands in the value log, or undefined if it is absent, not in the log, or only staged. */
  locate(key: Key): Location | undefined;
}

export interface KeyRange {
  readonly gte?: Key;
  readonly lt?: Key;
  /** From the greatest key down. */
  readonly reverse?: boolean;
  readonly limit?: number;
}

export interface Storage extends StorageReader {
  /** Yields the committed keys and values of a range in key order, as they were when the iteration began. */
  range(range: KeyRange): AsyncIterable<[Key, Uint8Array]>;
  /** Returns a writer with nothing staged. Writers of one storage must not commit at the same time. */
  writer(): StorageWriter;
  /** Returns the folder of the value log for readers in other threads, or undefined if there is none. */
  readonly logDirectory: string | undefined;
  /** Returns how many bytes the storage takes on disk (0 in memory). */
  size(): number;
  /** Releases everything. Idempotent. */
  close(): Promise<void>;
}

/**
 * Stages changes and commits them at once. Its reads see what is staged first, then what is committed.
 * `commit` may be called again: each call commits what was staged since the last one.
 */
export interface StorageWriter extends StorageReader {
  /** Stages a value. The bytes are the caller's again when it returns. */
  put(key: Key, value: Uint8Array): void;
  /**
   * Stages a value that the key may have already, and that never has another: whether it has is asked only where looking costs
   * less than writing it again.
   */
  putOnce(key: Key, value: Uint8Array): void;
  /** Stages a packed frame: each of its entries becomes a key. The frame's bytes must not change afterwards. */
  putFrame(frame: Frame): void;
  delete(key: Key): void;
  /** Returns how many bytes are staged in memory. */
  readonly stagedBytes: number;
  /** Makes what is staged visible and durable: all of it or nothing. Throws STORE_FULL or STORE_IO, and then nothing is changed. */
  commit(): Promise<void>;
  /** Forgets what is staged. */
  discard(): void;
}
