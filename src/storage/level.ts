/**
 * The storage of a store on disk: LevelDB as the index, in `level/`, and the value log, in `log/`. One process has it
 * open at a time; the others wait. A commit appends to the log, syncs it, then writes one synced LevelDB batch that
 * also says how far the log counts; one that appends nothing needs the batch only, and where such commits follow each other they are made durable
 * by the journal, and LevelDB gets one batch for many. So a process that is killed, or a disk that fills up, leaves all of a commit or
 * nothing. A witness beside them tells when the index has lost commits that were durable. Layer: storage.
 */
import fs from 'node:fs';
import {dirname, join} from 'node:path';
import {Level} from 'level';
import {ByteWriter, fromBinary, toBinary} from '../bytes.js';
import {DbosError, systemCode} from '../errors.js';
import {corrupt, fileFailure, indexFailure, reasonOf} from './failure.js';
import {diskFiles, type LogFiles} from './files.js';
import {FRAME_HEADER} from './frame.js';
import {decodeIndexValue, decodeRecord, encodeLocation, encodeRecord, type LogRecord} from './indexvalue.js';
import {Journal, journalSize, lostCommits, readJournal, removeJournal} from './journal.js';
import {openLocked, releaseLock} from './lock.js';
import {checkLog, type LogProblem} from './logcheck.js';
import {LogReader} from './logreader.js';
import {copyToRead, isWritable, readOnly, withRealPaths} from './read-only.js';
import {SEGMENT_LIMIT, segmentNumber, segmentPath} from './segment.js';
import type {Frame, Key, KeyRange, Location, ReadAlong, Storage, StorageWriter} from './storage.js';
import {type AppendedFrame, ValueLog} from './valuelog.js';
import {checkWitness, removeWitness, Witness} from './witness.js';
import {GROUP_BYTES, LogWriter, locationOf, type Staged, type WriterHost} from './writer.js';

export interface LevelOptions {
  /** Makes a new store if there is none; else its absence is STORE_NOT_FOUND. */
  readonly createIfMissing: boolean;
  /** How long to wait for another process that has the store open, in milliseconds; 30,000 unless told. */
  readonly lockTimeout?: number;
  /** Who opens it, for the messages of those who wait: a command, say. */
  readonly holder?: string;
  /** The disk underneath the log. */
  readonly fileSystem?: LogFiles;
  /** The greatest length of a segment of the log, in bytes; at most 1 GiB, which is the default. */
  readonly segmentLimit?: number;
}

/** An entry of the index that cannot be right. */
export interface IndexProblem {
  readonly key: Key;
  readonly problem: string;
}

/** What `level` is on Node, which has more than it has everywhere. */
type Index = Level<Buffer, Buffer> & {
  compactRange(start: Buffer, end: Buffer): Promise<void>;
  getProperty(property: string): string;
};

/** From so many tables on that are not merged yet, whoever closes the store waits until there are fewer; so long at most. */
const MANY_TABLES = 12;
/** LevelDB begins to merge at so many. */
const FEW_TABLES = 4;
const MERGE_WAIT = 2000;
const MERGE_STEP = 2;
const RECORD_KEY = Buffer.alloc(0);
const FIRST_KEY = Buffer.from([0]);
const PAST_LAST_KEY = Buffer.alloc(1025, 0xff);
const LOCK_TIMEOUT = 30_000;
/** LevelDB gathers so many bytes before it writes a table, which it merges with most of the others before long. */
const WRITE_BUFFER = 16 * 2 ** 20;
/** The next open replays what waits there. From so many bytes on whoever closes the store writes them out. */
const BIG_REPLAY = 4 * 2 ** 20;
/** After batches beyond this many bytes the write buffer is written out at once, in the background. */
const BIG_BATCH = 2 ** 20;
const RANGE_STEP = 1000;
/** The journal is worth its file for whoever makes more commits than this. */
const FEW_COMMITS = 2;
/** What would be a longer record goes into the index. */
const JOURNAL_RECORD = 64 * 1024;

export class LevelStorage implements Storage {
  readonly logDirectory: string;
  private readonly reader: LogReader;
  private readonly log: ValueLog;
  private readonly host: WriterHost;
  private readonly witness: Witness;
  private readonly journal: Journal;
  private readonly scratch = new ByteWriter(64);
  /** Buffers for the keys of lookups, by their length: LevelDB reads them before it returns. */
  private readonly keys: Buffer[] = [];
  /** Writers with uncommitted frames in the log. */
  private readonly staging = new Set<object>();
  /** Writers whose frames in the log are gone. */
  private readonly lost = new Map<object, DbosError>();
  /** Why nothing works any more: the index could not be opened again after a failed commit. */
  private unavailable: DbosError | undefined;
  private publishing: Promise<void> | undefined;
  /** What the index lacks that the journal made durable: readers find it here. */
  private readonly recent = new Map<Key, Buffer | null>();
  private settling: Promise<void> | undefined;
  /** Memory for the next writer: most commits are small, and would spend their time getting it anew. */
  private spareGroup: Buffer | undefined;
  /** How many commits there were when the store was opened. */
  private readonly commitsBefore: number;
  /** The bytes of the batches since the last one that was written out. */
  private unwritten = 0;
  private writingOut: Promise<void> | undefined;
  private closing: Promise<void> | undefined;

  /** `copy` is the folder that is used in place of `root`, but for the log, if that may not be written. */
  private constructor(
    private readonly root: string,
    private readonly copy: string | undefined,
    private readonly index: Index,
    private record: LogRecord,
    private readonly options: LevelOptions,
  ) {
    const files = this.files;
    this.logDirectory = join(root, 'log');
    this.witness = new Witness(copy ?? root);
    this.reader = new LogReader(this.logDirectory, files);
    this.log = new ValueLog(
      this.logDirectory,
      files,
      record,
      Math.min(SEGMENT_LIMIT, options.segmentLimit ?? SEGMENT_LIMIT),
    );
    this.journal = new Journal(copy ?? root, files);
    this.commitsBefore = record.commits;
    this.host = {
      get: (key, beside) => this.get(key, beside),
      has: key => this.has(key),
      getMany: keys => this.getMany(keys),
      locate: key => this.locate(key),
      readLog: location => this.reader.readAlone(location),
      append: (writer, frame) => this.append(writer, frame),
      publish: (writer, staged) => this.publish(writer, staged),
      abandon: writer => this.abandon(writer),
      hasCommitted: () => this.record.commits > this.commitsBefore,
      lendGroup: () => {
        const group = this.spareGroup ?? Buffer.allocUnsafeSlow(GROUP_BYTES);
        this.spareGroup = undefined;
        return group;
      },
      takeGroup: group => {
        this.spareGroup = group;
      },
    };
  }

  /**
   * Opens the store in `directory`; waits while another process has it open, or opens it to be read where its folder may not be
   * written. Throws STORE_NOT_FOUND, STORE_LOCKED, STORE_CORRUPT, STORE_FULL or STORE_IO.
   */
  static async open(directory: string, options: LevelOptions): Promise<LevelStorage> {
    const files = options.fileSystem ?? diskFiles;
    const root = await prepare(directory, files, options.createIfMissing);
    const copy = options.createIfMissing || isWritable(root) ? undefined : await copied(root);
    const location = join(copy ?? root, 'level');
    let index: Index | undefined;
    try {
      // Made only under the lock: a new instance opens itself before long.
      await openLocked(copy ?? root, options.lockTimeout ?? LOCK_TIMEOUT, options.holder ?? '', () => {
        index ??= newIndex(location, options.createIfMissing);
        return index.open();
      });
    } catch (error) {
      removeCopy(copy);
      throw failureOf(error, location, root, copy);
    }
    return LevelStorage.over(index as unknown as Index, root, copy, options);
  }

  private static async over(
    index: Index,
    root: string,
    copy: string | undefined,
    options: LevelOptions,
  ): Promise<LevelStorage> {
    const files = options.fileSystem ?? diskFiles;
    try {
      const record = await replayJournal(index, copy ?? root, files);
      checkWitness(copy ?? root, record.commits);
      checkLogLength(join(root, 'log'), files, record);
      return new LevelStorage(root, copy, index, record, options);
    } catch (error) {
      await index.close();
      releaseLock(copy ?? root);
      removeCopy(copy);
      throw failureOf(error, index.location, root, copy);
    }
  }

  /** The folder of the index. */
  private get home(): string {
    return this.copy ?? this.root;
  }

  private get files(): LogFiles {
    return this.options.fileSystem ?? diskFiles;
  }

  get(key: Key, beside?: ReadAlong): Uint8Array | undefined {
    const bytes = this.lookUp(key);
    if (bytes === undefined) return undefined;
    if (bytes[0] === 0) return bytes.subarray(1);
    return this.resolve(key, bytes, beside);
  }

  has(key: Key): boolean {
    return this.lookUp(key) !== undefined;
  }

  getMany(keys: readonly Key[]): (Uint8Array | undefined)[] {
    return keys.map(key => this.get(key));
  }

  locate(key: Key): Location | undefined {
    const bytes = this.lookUp(key);
    if (bytes === undefined) return undefined;
    const value = this.decode(key, bytes);
    return value instanceof Uint8Array ? undefined : value;
  }

  async *range(range: KeyRange): AsyncGenerator<[Key, Uint8Array]> {
    for await (const [key, bytes] of this.entries(range)) yield [key, this.resolve(key, bytes)];
  }

  writer(): StorageWriter {
    this.checkOpen();
    return new LogWriter(this.host);
  }

  size(): number {
    let total = journalSize(this.home, this.files);
    for (const name of this.files.list(this.logDirectory)) total += this.files.size(join(this.logDirectory, name)) ?? 0;
    const level = join(this.home, 'level');
    // Files may vanish between the two calls, since LevelDB works in the background.
    for (const name of fs.readdirSync(level))
      total += fs.statSync(join(level, name), {throwIfNoEntry: false})?.size ?? 0;
    return total;
  }

  /** Yields what is damaged in the value log; reads all of it. */
  checkLog(): Generator<LogProblem> {
    return checkLog(this.logDirectory, this.files, this.record);
  }

  /** Yields the entries of the index that are malformed or point past the end of the log. */
  async *checkIndex(): AsyncGenerator<IndexProblem> {
    const lengths = new Map<number, number>();
    for await (const [key, bytes] of this.entries({})) {
      try {
        const value = decodeIndexValue(bytes);
        if (!(value instanceof Uint8Array) && !this.isInside(value, lengths))
          yield {key, problem: 'it points past the end of the log'};
      } catch (error) {
        yield {key, problem: reasonOf(error)};
      }
    }
  }

  close(): Promise<void> {
    this.closing ??= this.shutDown();
    return this.closing;
  }

  private async shutDown(): Promise<void> {
    await this.publishing?.catch(() => undefined);
    // what is in the journal counts all the same
    if (!this.unavailable) await this.settle().catch(() => undefined);
    if (this.unwritten > BIG_REPLAY && !this.unavailable) this.writeOut();
    await this.writingOut;
    this.journal.close();
    // What the log holds beyond the record may count after all, if the index was lost in the middle of a commit.
    if (!this.unavailable) this.log.rollback();
    await this.log.close();
    this.reader.close();
    this.witness.close();
    if (this.index.status === 'closed') return;
    if (this.copy === undefined) await this.mergeTables();
    await this.index.close();
    releaseLock(this.home);
    removeCopy(this.copy);
  }

  /**
   * Lets LevelDB merge its newest tables where they have piled up. Whoever opens a store after a commit writes one, each lookup
   * asks them all, and LevelDB breaks a merge off when it is closed: many short commands in a row would never get one done.
   */
  private async mergeTables(): Promise<void> {
    const tables = () => Number(this.index.getProperty('leveldb.num-files-at-level0'));
    if (this.index.status !== 'open' || tables() < MANY_TABLES) return;
    const deadline = performance.now() + MERGE_WAIT;
    while (tables() >= FEW_TABLES && performance.now() < deadline) {
      await new Promise(resolve => setTimeout(resolve, MERGE_STEP));
    }
  }

  private checkOpen(): void {
    if (this.closing !== undefined) throw new TypeError('the storage is closed');
    if (this.unavailable) throw this.unavailable;
  }

  private lookUp(key: Key): Buffer | undefined {
    this.checkOpen();
    const {length} = key;
    if (length === 0) throw new TypeError('a key has 1 to 1,024 bytes');
    const recent = this.recent.get(key);
    if (recent !== undefined) return recent ?? undefined;
    let buffer = this.keys[length];
    if (buffer === undefined) {
      buffer = Buffer.allocUnsafe(length);
      if (length <= 64) this.keys[length] = buffer;
    }
    buffer.write(key, 0, length, 'latin1');
    try {
      return this.index.getSync(buffer);
    } catch (error) {
      throw failureOf(error, this.index.location, this.root, this.copy);
    }
  }

  private decode(key: Key, bytes: Buffer): Uint8Array | Location {
    try {
      return decodeIndexValue(bytes);
    } catch (error) {
      throw corrupt('The index holds a malformed entry.', {key: fromBinary(key).toString('hex')}, error);
    }
  }

  private resolve(key: Key, bytes: Buffer, beside?: ReadAlong): Uint8Array {
    const value = this.decode(key, bytes);
    return value instanceof Uint8Array ? value : this.reader.readAlone(value, beside);
  }

  /** Returns whether a location lies within the log; `lengths` keeps the lengths of the segments that were asked for. */
  private isInside(location: Location, lengths: Map<number, number>): boolean {
    const {segment, frame, offset, length, codec, storedLength} = location;
    if (codec === 'stored' && offset + length > storedLength) return false;
    let end = segment === this.record.segment ? this.record.length : lengths.get(segment);
    if (end === undefined) {
      end = segment < this.record.segment ? (this.files.size(segmentPath(this.logDirectory, segment)) ?? 0) : 0;
      lengths.set(segment, end);
    }
    return frame + FRAME_HEADER + storedLength <= end;
  }

  private async *entries(range: KeyRange): AsyncGenerator<[Key, Buffer]> {
    this.checkOpen();
    await this.settle();
    const {gte, lt, reverse = false, limit = -1} = range;
    const iterator = this.index.iterator({
      gte: gte ? fromBinary(gte) : FIRST_KEY,
      ...(lt === undefined ? {} : {lt: fromBinary(lt)}),
      reverse,
      limit,
    });
    try {
      for (;;) {
        const rows = await iterator.nextv(RANGE_STEP);
        if (rows.length === 0) return;
        for (const [key, bytes] of rows) yield [toBinary(key), bytes];
      }
    } catch (error) {
      if (error instanceof TypeError) throw error;
      throw failureOf(error, this.index.location, this.root, this.copy);
    } finally {
      await iterator.close();
    }
  }

  private append(writer: object, frame: Frame): AppendedFrame {
    this.checkWriter(writer);
    this.checkWritable();
    this.staging.add(writer);
    return this.log.append(frame);
  }

  private checkWriter(writer: object): void {
    this.checkOpen();
    const failure = this.lost.get(writer);
    if (failure) throw failure;
  }

  /** Throws READ_ONLY if nothing can be changed here. */
  checkWritable(): void {
    if (this.copy !== undefined) throw readOnly(this.root);
  }

  private abandon(writer: object): void {
    this.lost.delete(writer);
    if (!this.staging.delete(writer) || this.staging.size > 0 || this.closing !== undefined) return;
    this.reader.forget();
    this.log.rollback();
  }

  private async publish(writer: object, staged: ReadonlyMap<Key, Staged>): Promise<void> {
    this.checkWriter(writer);
    this.checkWritable();
    if (this.publishing !== undefined) throw new TypeError('two writers of a storage must not commit at the same time');
    const publishing = this.writeBatch(writer, staged);
    this.publishing = publishing;
    try {
      await publishing;
    } finally {
      this.publishing = undefined;
    }
  }

  private async writeBatch(writer: object, staged: ReadonlyMap<Key, Staged>): Promise<void> {
    if (this.settling !== undefined) {
      await this.settling;
      this.checkWriter(writer);
    }
    const end = this.staging.has(writer) ? await this.log.sync() : this.record;
    const next: LogRecord = {segment: end.segment, length: end.length, commits: this.record.commits + 1};
    const {journal, recent} = this;
    const journaled = !this.staging.has(writer) && this.beginRecord(staged, next);
    let recorded = false;
    try {
      if (journaled) {
        if (!journal.hasRoom) await this.writeIndex(this.record);
        recorded = true;
        await journal.write(next.commits);
        for (const [key, value] of staged) recent.set(key, value as Buffer | null);
      } else await this.writeIndex(next, staged);
      this.record = next;
      this.log.commit(end);
    } catch (error) {
      if (recorded) await journal.revoke();
      await this.recover(indexFailure(error, this.index.location), next.commits);
    }
    this.witness.write(next.commits);
    this.staging.delete(writer);
    this.lost.delete(writer);
  }

  /** Begins the record of a commit that the log has nothing of, and returns whether it is for the journal. */
  private beginRecord(staged: ReadonlyMap<Key, Staged>, next: LogRecord): boolean {
    const {journal} = this;
    if (this.record.commits - this.commitsBefore < FEW_COMMITS) return false;
    journal.begin();
    for (const [key, value] of staged) {
      journal.add(fromBinary(key), value as Buffer | null);
      if (journal.length > JOURNAL_RECORD) return false;
    }
    journal.add(RECORD_KEY, encodeRecord(next));
    return true;
  }

  /** Has the index take in what only the journal has, and what more is staged, as of a record of the log: in one synced batch. */
  private async writeIndex(record: LogRecord, staged?: ReadonlyMap<Key, Staged>): Promise<void> {
    const {recent} = this;
    // A chained batch costs 1 µs an entry, an array of operations 10.
    const batch = this.index.batch();
    let bytes = 0;
    const add = (key: Key, value: Staged) => {
      const keyBytes = fromBinary(key);
      if (value === null) {
        batch.del(keyBytes);
        return;
      }
      const entry = Buffer.isBuffer(value)
        ? value
        : encodeLocation(this.scratch, locationOf(value.frame as AppendedFrame, value));
      batch.put(keyBytes, entry);
      bytes += keyBytes.length + entry.length;
    };
    for (const [key, value] of recent) add(key, value);
    if (staged) for (const [key, value] of staged) add(key, value);
    batch.put(RECORD_KEY, encodeRecord(record));
    await batch.write({sync: true} as object);
    recent.clear();
    if (this.journal.counts) this.journal.clear();
    this.unwritten += bytes;
    if (staged !== undefined && bytes > BIG_BATCH) this.writeOut();
  }

  /** Has the index take in what only the journal has. Throws as `recover`. */
  private settle(): Promise<void> {
    this.settling ??= this.catchUp().finally(() => {
      this.settling = undefined;
    });
    return this.settling;
  }

  private async catchUp(): Promise<void> {
    await this.publishing?.catch(() => undefined);
    if (this.recent.size === 0) return;
    try {
      await this.writeIndex(this.record);
    } catch (error) {
      await this.recover(indexFailure(error, this.index.location), this.record.commits);
    }
  }

  /**
   * After a failed batch LevelDB's own log may end in half a record, behind which the next batch would be lost, or hold
   * the batch in a buffer that is still written when it closes. So it is closed and opened again, which tells what
   * counts. Returns if the batch counts after all, else throws `failure`. If even opening fails, as it may while the
   * disk is full, the storage is of no more use: whatever is called throws `failure`, and it must be opened anew.
   */
  private async recover(failure: DbosError, commits: number): Promise<void> {
    const {root, index, options} = this;
    this.unavailable = failure;
    for (const writer of this.staging) this.lost.set(writer, failure);
    this.staging.clear();
    await this.writingOut;
    this.journal.close();
    await index.close();
    releaseLock(root);
    let record: LogRecord;
    try {
      await openLocked(root, options.lockTimeout ?? LOCK_TIMEOUT, options.holder ?? '', () => index.open());
      record = await replayJournal(index, root, this.files);
    } catch {
      // What the user has to know is the first failure.
      throw failure;
    }
    // Another process that came between made this view of the store stale.
    if (record.commits !== commits && record.commits !== commits - 1) throw failure;
    this.record = record;
    this.recent.clear();
    this.reader.forget();
    this.log.reset(record);
    this.unavailable = undefined;
    if (record.commits !== commits) throw failure;
  }

  /** Has LevelDB write out its buffer, so that the next open need not replay it. */
  private writeOut(): void {
    this.unwritten = 0;
    const previous = this.writingOut ?? Promise.resolve();
    // Compacting a range that is empty does just that. A failure here fails the next batch, which reports it.
    this.writingOut = previous.then(() => this.index.compactRange(PAST_LAST_KEY, PAST_LAST_KEY)).catch(() => undefined);
  }
}

/**
 * Puts into the index what the journal of a store has, unless it has that, and returns the record of the log. Throws
 * STORE_CORRUPT if the index lacks what came before, and as LevelDB does.
 */
async function replayJournal(index: Index, root: string, files: LogFiles): Promise<LogRecord> {
  const record = decodeRecord(index.getSync(RECORD_KEY));
  const records = readJournal(root, files);
  const [first] = records;
  const last = records.at(-1);
  if (first === undefined || last === undefined) return record;
  if (first.commit > record.commits + 1) {
    const lost = first.commit - 1 - record.commits;
    const what = lost === 1 ? '1 commit' : `${lost} commits`;
    throw lostCommits(root, what, {commits: record.commits});
  }
  // later commits were made when the index had all of these
  if (last.commit > record.commits) {
    const batch = index.batch();
    for (const {entries} of records) {
      for (const [key, value] of entries) {
        if (value === null) batch.del(key);
        else batch.put(key, value);
      }
    }
    await batch.write({sync: true} as object);
  }
  const journal = new Journal(root, files);
  journal.clear();
  journal.close();
  return decodeRecord(index.getSync(RECORD_KEY));
}

/** Returns the folder in which the index of a store is read that may not be written. Throws STORE_LOCKED, STORE_FULL or STORE_IO. */
async function copied(root: string): Promise<string> {
  try {
    return await copyToRead(root);
  } catch (error) {
    throw fileFailure(error, root);
  }
}

/** Returns the error for a failed operation on the index in `location`, which names the store wherever a copy was meant. */
function failureOf(error: unknown, location: string, root: string, copy: string | undefined): DbosError {
  const failure = indexFailure(error, location);
  return copy === undefined ? failure : withRealPaths(failure, copy, root);
}

function removeCopy(copy: string | undefined): void {
  if (copy !== undefined) fs.rmSync(copy, {recursive: true, force: true});
}

function newIndex(location: string, createIfMissing: boolean): Index {
  const options = {keyEncoding: 'buffer', valueEncoding: 'buffer', writeBufferSize: WRITE_BUFFER, createIfMissing};
  return new Level<Buffer, Buffer>(location, options) as Index;
}

/** Returns the real path of the store, made if it may be. Throws STORE_NOT_FOUND or STORE_CORRUPT. */
async function prepare(directory: string, files: LogFiles, create: boolean): Promise<string> {
  try {
    if (create) fs.mkdirSync(directory, {recursive: true});
    const root = fs.realpathSync.native(directory);
    const level = join(root, 'level');
    if (fs.existsSync(join(level, 'CURRENT'))) return root;
    const log = join(root, 'log');
    // LevelDB would make a new, empty database over what is left of the old one.
    const remains = fs.existsSync(level) && fs.readdirSync(level).some(name => /\.(ldb|sst|log)$/.test(name));
    if (remains || files.list(log).some(name => segmentNumber(name) !== undefined)) {
      throw corrupt(`The index of the store at ${root} has lost its file CURRENT.`, {path: level});
    }
    if (!create) throw notFound(directory);
    removeWitness(root);
    removeJournal(root, files);
    fs.mkdirSync(level, {recursive: true});
    files.makeDirectory(log);
    await diskFiles.syncDirectory(root);
    await diskFiles.syncDirectory(dirname(root));
    return root;
  } catch (error) {
    if (!create && (systemCode(error) === 'ENOENT' || systemCode(error) === 'ENOTDIR')) throw notFound(directory);
    throw fileFailure(error, directory);
  }
}

function notFound(directory: string): DbosError {
  return new DbosError('STORE_NOT_FOUND', `There is no store at ${directory}.`, {
    hint: 'Make one with `dbos init`.',
    data: {path: directory},
  });
}

/** Throws STORE_CORRUPT if the log is shorter than it was when the last commit was made. */
function checkLogLength(directory: string, files: LogFiles, record: LogRecord): void {
  if (record.segment === 0) return;
  const path = segmentPath(directory, record.segment);
  const size = files.size(path);
  if (size !== undefined && size >= record.length) return;
  const what = size === undefined ? 'is missing' : `has ${size} of ${record.length} bytes`;
  throw corrupt(`The log of the store is damaged: ${path} ${what}.`, {path, size: size ?? null, length: record.length});
}
