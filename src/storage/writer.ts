/**
 * Stages changes for a storage with a value log. Values of 1 KiB and more go to the log while they are staged, so memory
 * holds little more than keys; smaller ones wait for the index. Values that are put one by one are gathered in stored
 * frames, in which each is read on its own. Where commits follow each other, those that are small as a whole go to the index,
 * which saves the sync of the log. Nothing counts before `commit`. Layer: storage.
 */
import type {DbosError} from '../errors.js';
import {isDbosError} from '../errors.js';
import {checkLengths} from './frame.js';
import {encodeInline} from './indexvalue.js';
import {checkKey} from './key.js';
import type {Frame, Key, Location, ReadAlong, StorageReader, StorageWriter} from './storage.js';
import type {AppendedFrame} from './valuelog.js';

/** A staged value in the log; `frame` is undefined while it waits in the writer's group. */
export interface StagedEntry {
  frame: AppendedFrame | undefined;
  readonly offset: number;
  readonly length: number;
}

/** The index value of a small value, a value in the log, or null for a deletion. */
export type Staged = Buffer | StagedEntry | null;

/** What a writer needs of its storage. */
export interface WriterHost extends StorageReader {
  append(writer: object, frame: Frame): AppendedFrame;
  readLog(location: Location): Uint8Array;
  publish(writer: object, staged: ReadonlyMap<Key, Staged>): Promise<void>;
  abandon(writer: object): void;
  /** Returns whether a commit was made since the storage was opened. */
  hasCommitted(): boolean;
  /** Returns a buffer of `GROUP_BYTES`, which the writer gives back when it needs it no more. */
  lendGroup(): Buffer;
  takeGroup(group: Buffer): void;
}

const INLINE_LIMIT = 1024;
/** Values that are put one by one are gathered until they are so many bytes. */
export const GROUP_BYTES = 64 * 1024;
/** The bytes of larger values up to which a commit that is not the first goes to the index with all of them. */
const SMALL_COMMIT = 32 * 1024;
/** What a staged key costs in memory, roughly. */
const ENTRY_BYTES = 128;

export class LogWriter implements StorageWriter {
  private readonly staged = new Map<Key, Staged>();
  private group: Buffer | undefined;
  private groupLength = 0;
  private groupEntries: StagedEntry[] = [];
  private groupKeys: {key: Key; length: number}[] = [];
  private inlineBytes = 0;
  /** Whether the log has values of the commit already, so that it has to be synced. */
  private hasAppended = false;
  /** What the disk said first; from then on only `discard` helps. */
  private failure: DbosError | undefined;
  private committing = false;

  constructor(private readonly host: WriterHost) {}

  get stagedBytes(): number {
    return this.groupLength + this.inlineBytes + this.staged.size * ENTRY_BYTES;
  }

  get(key: Key, beside?: ReadAlong): Uint8Array | undefined {
    const staged = this.staged.get(key);
    if (staged === undefined) return this.host.get(key, beside);
    if (staged === null) return undefined;
    if (Buffer.isBuffer(staged)) return staged.subarray(1);
    const {frame, offset, length} = staged;
    if (frame === undefined) return Buffer.from((this.group as Buffer).subarray(offset, offset + length));
    return this.host.readLog(locationOf(frame, staged));
  }

  has(key: Key): boolean {
    const staged = this.staged.get(key);
    return staged === undefined ? this.host.has(key) : staged !== null;
  }

  getMany(keys: readonly Key[]): (Uint8Array | undefined)[] {
    return keys.map(key => this.get(key));
  }

  locate(key: Key): Location | undefined {
    return this.staged.has(key) ? undefined : this.host.locate(key);
  }

  put(key: Key, value: Uint8Array): void {
    this.checkUsable();
    checkKey(key);
    const {length} = value;
    if (length < INLINE_LIMIT) {
      this.staged.set(key, encodeInline(value));
      this.inlineBytes += length;
    } else if (length > GROUP_BYTES / 2) {
      this.append({codec: 'stored', rawLength: length, stored: value, entries: [{key, length}]});
    } else {
      this.putIntoGroup(key, value);
    }
  }

  putOnce(key: Key, value: Uint8Array): void {
    const small = this.groupLength + this.inlineBytes + value.length <= SMALL_COMMIT && this.goesToIndex();
    // LevelDB keeps one value of a key, and looking for one that is new makes it merge its tables before long
    if (small ? !this.staged.get(key) : !this.has(key)) this.put(key, value);
  }

  /** Returns whether all that is staged would go to the index. */
  private goesToIndex(): boolean {
    return !this.hasAppended && this.groupLength <= SMALL_COMMIT && this.host.hasCommitted();
  }

  putFrame(frame: Frame): void {
    this.checkUsable();
    checkLengths(frame);
    for (const {key} of frame.entries) checkKey(key);
    if (frame.entries.length > 0) this.append(frame);
  }

  delete(key: Key): void {
    this.checkUsable();
    checkKey(key);
    this.staged.set(key, null);
  }

  async commit(): Promise<void> {
    this.checkUsable();
    if (this.goesToIndex()) this.inlineGroup();
    else this.flushGroup();
    if (this.staged.size === 0) return;
    this.committing = true;
    try {
      await this.host.publish(this, this.staged);
    } catch (error) {
      if (isDbosError(error)) this.failure = error;
      throw error;
    } finally {
      this.committing = false;
    }
    this.forget();
  }

  discard(): void {
    if (this.committing) throw new TypeError('the writer is committing');
    this.forget();
    this.failure = undefined;
    this.host.abandon(this);
  }

  private checkUsable(): void {
    if (this.committing) throw new TypeError('the writer is committing');
    if (this.failure) throw this.failure;
  }

  private putIntoGroup(key: Key, value: Uint8Array): void {
    const {length} = value;
    if (this.groupLength + length > GROUP_BYTES) this.flushGroup();
    this.group ??= this.host.lendGroup();
    const entry: StagedEntry = {frame: undefined, offset: this.groupLength, length};
    this.group.set(value, this.groupLength);
    this.groupLength += length;
    this.groupEntries.push(entry);
    this.groupKeys.push({key, length});
    this.staged.set(key, entry);
  }

  private flushGroup(): void {
    if (this.groupKeys.length === 0) return;
    const stored = (this.group as Buffer).subarray(0, this.groupLength);
    const appended = this.write({codec: 'stored', rawLength: stored.length, stored, entries: this.groupKeys});
    for (const entry of this.groupEntries) entry.frame = appended;
    this.endGroup();
  }

  /** Has the values that wait for the log go to the index instead. */
  private inlineGroup(): void {
    for (const [i, {key}] of this.groupKeys.entries()) {
      const entry = this.groupEntries[i] as StagedEntry;
      // unless the key was put anew or deleted since
      if (this.staged.get(key) !== entry) continue;
      const {offset, length} = entry;
      this.staged.set(key, encodeInline((this.group as Buffer).subarray(offset, offset + length)));
    }
    this.endGroup();
  }

  private endGroup(): void {
    this.groupLength = 0;
    this.groupEntries = [];
    this.groupKeys = [];
  }

  private append(frame: Frame): void {
    const appended = this.write(frame);
    let offset = 0;
    for (const {key, length} of frame.entries) {
      this.staged.set(key, {frame: appended, offset, length});
      offset += length;
    }
  }

  private write(frame: Frame): AppendedFrame {
    this.hasAppended = true;
    try {
      return this.host.append(this, frame);
    } catch (error) {
      // A value that is too large is refused and nothing else is lost; after a failed write something would be missing.
      if (isDbosError(error) && error.code !== 'VALUE_TOO_LARGE') this.failure = error;
      throw error;
    }
  }

  private forget(): void {
    this.staged.clear();
    this.endGroup();
    if (this.group) this.host.takeGroup(this.group);
    this.group = undefined;
    this.inlineBytes = 0;
    this.hasAppended = false;
  }
}

/** Returns where a staged value stands. */
export function locationOf(frame: AppendedFrame, entry: StagedEntry): Location {
  const {segment, frame: at, codec, storedLength} = frame;
  return {segment, frame: at, offset: entry.offset, length: entry.length, codec, storedLength};
}
