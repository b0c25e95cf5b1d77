/**
 * The journal: what small commits change in the index, one record after the other, in a file that has its room before it is
 * needed. Making a record durable changes no length and no name, which takes the disk a third of the time of a synced batch of
 * LevelDB. When the index has taken in what many of them have the journal begins anew. Whoever opens a store after a process was killed
 * puts what it holds into the index first. Layer: storage.
 *
 * A record is "DBJ", version (1 byte), length of the body (4), the number of the commit (8), CRC-32 of the body (4), of these 20
 * bytes (4); then the body: for each key its length, its bytes, and 0 for a deletion, or the length of the value plus 1 and
 * the value; lengths are LEB128 numbers. Records count from the start of the file on, for as long as each is whole and has
 * the number after the one before.
 */
import {join} from 'node:path';
import {ByteReader, ByteWriter} from '../bytes.js';
import {DbosError} from '../errors.js';
import {crc32} from './checksum.js';
import {fileFailure} from './failure.js';
import type {LogFile, LogFiles} from './files.js';

const NAME = 'journal';
const MAGIC = Buffer.from('DBJ\x01', 'latin1');
const HEADER = 24;
const NOTHING = Buffer.alloc(HEADER);
/** The journal grows by so many bytes at once, with zeros. */
const ROOM = 256 * 1024;
/** It is no longer than this, less than LevelDB gathers: so much whoever opens the store may have to put into the index. */
export const JOURNAL_LENGTH = 2 * 2 ** 20;
/** What stays of it when the store is closed. */
const KEPT = 64 * 1024;
/** While the disk is faster than this, in milliseconds, the thread that commits waits for it; else another one does. */
const FAST_SYNC = 4;
/** After so many milliseconds of commits whatever else waits in this thread has its turn. */
const TURN_MS = 20;
const MAX_NUMBER = Number.MAX_SAFE_INTEGER;

/** A key of the index with its value, or null for a deletion. */
export type JournalEntry = readonly [key: Buffer, value: Buffer | null];

/** What one commit changes in the index. */
export interface JournalRecord {
  readonly commit: number;
  readonly entries: readonly JournalEntry[];
}

/** The journal of the store at `root`, which nobody else has open. */
export class Journal {
  private file: LogFile | undefined;
  /** Where the last record begins, and where the next one will. */
  private last = 0;
  private end = 0;
  private room = 0;
  /** How long the last sync took, and when something else had its turn. */
  private syncMs = 0;
  private turn = 0;
  private readonly body = new ByteWriter(32 * 1024);
  private readonly header = Buffer.from(NOTHING);

  constructor(
    private readonly root: string,
    private readonly files: LogFiles,
  ) {}

  /** Whether the journal has anything that counts. */
  get counts(): boolean {
    return this.end > 0;
  }

  /** Begins a record. */
  begin(): void {
    this.body.length = 0;
  }

  /** Appends a key to the record that was begun. */
  add(key: Uint8Array, value: Uint8Array | null): void {
    this.body.sized(key);
    if (value === null) this.body.u8(0);
    else this.body.varint(value.length + 1).bytes(value);
  }

  /** How many bytes the record that was begun has so far. */
  get length(): number {
    return this.body.length;
  }

  /** Whether there is room for the record that was begun. */
  get hasRoom(): boolean {
    return this.end + HEADER + this.body.length <= JOURNAL_LENGTH;
  }

  /** Makes the record that was begun durable, as that of a commit. Throws STORE_FULL or STORE_IO. */
  async write(commit: number): Promise<void> {
    const {header} = this;
    const body = this.body.finish();
    MAGIC.copy(header);
    header.writeUInt32LE(body.length, 4);
    header.writeUInt32LE(commit % 2 ** 32, 8);
    header.writeUInt32LE(Math.floor(commit / 2 ** 32), 12);
    header.writeUInt32LE(crc32(body), 16);
    header.writeUInt32LE(crc32(header.subarray(0, 20)), 20);
    this.last = this.end;
    try {
      const isNew = this.file === undefined && this.files.size(journalPath(this.root)) === undefined;
      const file = this.open(isNew);
      const end = this.end + HEADER + body.length;
      const parts: Buffer[] = [header, body];
      if (end > this.room) {
        parts.push(Buffer.alloc(ROOM));
        this.room = end + ROOM;
      }
      file.write(parts, this.end);
      await this.sync(file);
      if (isNew) await this.files.syncDirectory(this.root);
      this.end = end;
    } catch (error) {
      throw fileFailure(error, journalPath(this.root));
    }
  }

  private async sync(file: LogFile): Promise<void> {
    const start = performance.now();
    if (this.syncMs < FAST_SYNC) file.syncHere();
    else await file.sync();
    const end = performance.now();
    this.syncMs = end - start;
    if (end - this.turn < TURN_MS) return;
    await new Promise(done => setImmediate(done));
    this.turn = performance.now();
  }

  /** Takes back the record that was written last, as far as the disk can. */
  async revoke(): Promise<void> {
    this.end = this.last;
    try {
      this.file?.write([NOTHING], this.last);
      await this.file?.sync();
    } catch {
      // then it is for whoever opens the store next to find out whether the record is there
    }
  }

  /** Forgets all records: the index has them. */
  clear(): void {
    this.end = 0;
    try {
      this.open(false).write([NOTHING], 0);
    } catch {
      // records that the index has as well do no harm
    }
  }

  /** Closes the file, and gives back most of its room unless it is needed. */
  close(): void {
    const {file, counts} = this;
    this.file = undefined;
    this.end = 0;
    if (file === undefined) return;
    try {
      if (!counts && this.room > KEPT) file.truncate(KEPT);
    } catch {
      // it is as long as it was
    }
    this.room = 0;
    file.close();
  }

  private open(isNew: boolean): LogFile {
    if (this.file === undefined) {
      this.file = this.files.open(journalPath(this.root), isNew ? 'create' : 'write');
      this.room = this.file.size();
    }
    return this.file;
  }
}

function journalPath(root: string): string {
  return join(root, NAME);
}

/** Returns the records of the journal of the store at `root`. Throws STORE_IO. */
export function readJournal(root: string, files: LogFiles): JournalRecord[] {
  const path = journalPath(root);
  if (files.size(path) === undefined) return [];
  try {
    const file = files.open(path, 'read');
    try {
      return recordsOf(file);
    } finally {
      file.close();
    }
  } catch (error) {
    throw fileFailure(error, path);
  }
}

/** Returns the error for an index that lacks what came before the journal of the store at `root`: `what` is how much. */
export function lostCommits(root: string, what: string, data: Readonly<Record<string, unknown>>): DbosError {
  const path = journalPath(root);
  return new DbosError('STORE_CORRUPT', `The index of the store at ${root} has lost ${what}.`, {
    hint: `Restore the store from a copy; or remove the file ${path} to go on with what is left.`,
    data: {path, ...data},
  });
}

/** Removes a journal that the store at `root` has from before. */
export function removeJournal(root: string, files: LogFiles): void {
  files.remove(journalPath(root));
}

/** Returns how many bytes the journal of the store at `root` takes. */
export function journalSize(root: string, files: LogFiles): number {
  return files.size(journalPath(root)) ?? 0;
}

function recordsOf(file: LogFile): JournalRecord[] {
  const records: JournalRecord[] = [];
  const header = Buffer.alloc(HEADER);
  for (let at = 0; ; ) {
    if (file.read(header, at) < HEADER || header.compare(MAGIC, 0, 4, 0, 4) !== 0) return records;
    const length = header.readUInt32LE(4);
    const commit = header.readUInt32LE(8) + header.readUInt32LE(12) * 2 ** 32;
    const expected = records.at(-1)?.commit ?? commit - 1;
    if (header.readUInt32LE(20) !== crc32(header.subarray(0, 20)) || commit !== expected + 1) return records;
    if (length > JOURNAL_LENGTH || commit > MAX_NUMBER) return records;
    const body = Buffer.alloc(length);
    if (file.read(body, at + HEADER) < length || crc32(body) !== header.readUInt32LE(16)) return records;
    records.push({commit, entries: entriesOf(body)});
    at += HEADER + length;
  }
}

function entriesOf(body: Buffer): JournalEntry[] {
  const reader = new ByteReader(body);
  const entries: JournalEntry[] = [];
  while (reader.remaining > 0) {
    const key = reader.sized();
    const length = reader.varint();
    entries.push([key, length === 0 ? null : reader.bytes(length - 1)]);
  }
  return entries;
}
