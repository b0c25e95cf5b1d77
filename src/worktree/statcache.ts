/**
 * The stat cache: the listing of a work tree as of the last command that looked, in one binary file of columns, so that
 * unchanged files are not read and unchanged directories are not listed again. It is a cache and nothing more: a file that
 * is lost, damaged, or of another version or byte order only costs time.
 *
 * An entry is trusted only if its inode had not changed for a while when its content was read: a file system stamps times
 * in ticks, so a change in the tick of the reading leaves the same signature. Layer: worktree.
 */
import {hash} from 'node:crypto';
import {closeSync, fstatSync, lstatSync, openSync, readSync, renameSync, unlinkSync, writeSync} from 'node:fs';
import {ID_BYTES, idFromBytes, idToBytes} from '../objects/id.js';
import type {TreeRoot} from '../tree/spec.js';
import {CLEAN, DIRTY, type Listing, UNKNOWN} from './listing.js';
import {countEntries, decodeListing, encodeListing, LISTING_HEADER} from './listingbytes.js';

/** The listing with the root that its states refer to. */
export interface CachedListing {
  readonly root: TreeRoot;
  readonly listing: Listing;
  /** The bytes that the listing shares, for other threads. */
  readonly bytes: Buffer;
}

const MAGIC = 0x44425331;
const VERSION = 1;
const ROOT_AT = 32;
const DIGEST = 32;

/** Ticks of Linux are at most 10 ms; twice that and some. */
const TICK_MS = 30;
/** Of file systems with whole seconds (FAT: two). */
const COARSE_TICK_MS = 2_100;

/** Returns whether a signature with this change time is safe for content that was read at `moment`, by the clock of the file system. */
export function isSettled(ctime: number, moment: number): boolean {
  return ctime + (ctime % 1000 === 0 ? COARSE_TICK_MS : TICK_MS) < moment;
}

/** Returns the present time of the file system that holds `folder`, in milliseconds; 0, which trusts nothing, if it cannot be written. */
export function fileSystemTime(folder: string): number {
  const path = `${folder}/clock.${process.pid}`;
  try {
    const fd = openSync(path, 'w');
    try {
      writeSync(fd, '0');
      return fstatSync(fd).mtimeMs;
    } finally {
      closeSync(fd);
      unlinkSync(path);
    }
  } catch {
    return 0;
  }
}

function cachePath(store: string): string {
  return `${store}/statcache`;
}

/** The file of a stat cache as it was when it was opened, checked but not decoded. */
export class StatCacheFile {
  private constructor(
    private readonly path: string,
    private readonly fd: number,
    /** In memory that threads can share. */
    readonly bytes: Buffer,
  ) {}

  /** Returns the file, open, or undefined if there is none that can be used. */
  static open(store: string): StatCacheFile | undefined {
    const path = cachePath(store);
    let fd: number;
    try {
      fd = openSync(path, 'r');
    } catch {
      return undefined;
    }
    const bytes = readShared(fd);
    if (bytes !== undefined) return new StatCacheFile(path, fd, bytes);
    closeSync(fd);
    return undefined;
  }

  /** The number of entries. */
  get count(): number {
    return countEntries(this.bytes);
  }

  /** Returns whether the store still has this file: whoever writes the cache puts another file in its place. */
  isCurrent(): boolean {
    try {
      const own = fstatSync(this.fd);
      const now = lstatSync(this.path);
      return own.ino === now.ino && own.dev === now.dev;
    } catch {
      return false;
    }
  }

  /** Returns what it holds. */
  decode(): CachedListing {
    const {bytes} = this;
    const isNull = new Uint32Array(bytes.buffer, 0, 8)[7] !== 1;
    return {
      root: isNull ? null : idFromBytes(bytes.subarray(ROOT_AT, ROOT_AT + ID_BYTES)),
      listing: decodeListing(bytes),
      bytes,
    };
  }

  close(): void {
    closeSync(this.fd);
  }
}

/** Returns the cached listing, or undefined if there is none that can be used. */
export function loadStatCache(store: string): CachedListing | undefined {
  const file = StatCacheFile.open(store);
  file?.close();
  return file?.decode();
}

/** Returns the bytes of the file without the digest, in memory that threads can share; undefined if they are not what was written. */
function readShared(fd: number): Buffer | undefined {
  try {
    const file = Buffer.from(new SharedArrayBuffer(fstatSync(fd).size));
    for (let at = 0; at < file.length; ) {
      const read = readSync(fd, file, at, file.length - at, at);
      if (read === 0) return undefined;
      at += read;
    }
    if (file.length < LISTING_HEADER + DIGEST) return undefined;
    const head = new Uint32Array(file.buffer, 0, 2);
    if (head[0] !== MAGIC || head[1] !== VERSION) return undefined;
    const body = file.subarray(0, file.length - DIGEST);
    return hash('sha256', body, 'buffer').equals(file.subarray(body.length)) ? body : undefined;
  } catch {
    return undefined;
  }
}

/** Writes the listing as `encodeStatCache` makes it. A failure is none: the next command reads more. */
export function saveStatCache(store: string, root: TreeRoot, listing: Listing, moment: number): void {
  writeStatCache(store, encodeStatCache(root, listing, moment));
}

/**
 * Returns the file for a listing, whose states refer to `root`. States of entries that changed within a tick of `moment`, the
 * time before which everything was read, are forgotten.
 */
export function encodeStatCache(root: TreeRoot, listing: Listing, moment: number): Buffer {
  const {dirCount, count, state, ctime} = listing;
  for (let i = 0; i < count; i++) {
    const known = state[i];
    if ((known === CLEAN || known === DIRTY) && !isSettled(ctime[i] as number, moment)) state[i] = UNKNOWN;
  }
  for (let dir = 0; dir < dirCount; dir++) {
    if (!isSettled(listing.dirCtime[dir] as number, moment)) listing.dirCtime[dir] = 0;
  }
  const bytes = encodeListing(listing, DIGEST);
  const head = new Uint32Array(bytes.buffer, 0, 8);
  head[0] = MAGIC;
  head[1] = VERSION;
  head[7] = root === null ? 0 : 1;
  if (root !== null) bytes.set(idToBytes(root), ROOT_AT);
  const length = bytes.length - DIGEST;
  hash('sha256', bytes.subarray(0, length), 'buffer').copy(bytes, length);
  return bytes;
}

/** Writes the file. A failure is none: the next command reads more. */
export function writeStatCache(store: string, bytes: Buffer): void {
  const path = cachePath(store);
  const temporary = `${path}.${process.pid}`;
  try {
    const fd = openSync(temporary, 'w');
    try {
      for (let at = 0; at < bytes.length; ) at += writeSync(fd, bytes, at);
    } finally {
      closeSync(fd);
    }
    renameSync(temporary, path);
  } catch {
    dropFile(temporary);
  }
}

function dropFile(path: string): void {
  try {
    unlinkSync(path);
  } catch {
    // it is not there, or it cannot be removed and then is too old to match anything
  }
}
