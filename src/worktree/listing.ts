/**
 * What stands on disk, as columns: the directories of a work tree in key order of the `files` table (a directory, then
 * its subtree), and the entries of each directory by the bytes of their names. So a directory's entries are one range, a
 * subtree's directories and entries are one range each, and a million entries are a dozen arrays. A scan makes a listing,
 * the stat cache keeps one on disk. Layer: worktree.
 */
import {compareText} from '../bytes.js';
import {joinPath, nameOf, parentOf} from '../state/path.js';

/** How an entry stands to its row in the reference root of the listing, as long as its signature is the same. */
export const UNKNOWN = 0;
export const CLEAN = 1;
/** Its row differs. */
export const DIRTY = 2;
/** It has no row. */
export const UNTRACKED = 3;
/** It is a socket, a device or a nested store: never in a state. */
export const SKIPPED = 4;

/** The entries of the directory include every row that the reference root has in it. */
export const COVERED = 1;
/** The directory could not be read: its entries are unknown. */
export const UNREADABLE = 2;
/** The directory has a file of ignore rules. */
export const HAS_RULES = 4;

export const S_IFMT = 0o170000;
export const S_IFDIR = 0o040000;
export const S_IFREG = 0o100000;
export const S_IFLNK = 0o120000;
export const S_IFIFO = 0o010000;
export const S_IFSOCK = 0o140000;

/** Set in `mode` above the 16 bits of the system: the file has more than one hard link. */
export const LINKED = 0x10000;

/** What a listing keeps of a status. */
export interface Signature {
  readonly mode: number;
  readonly nlink: number;
  readonly size: number;
  readonly mtimeMs: number;
  readonly ctimeMs: number;
  readonly ino: number;
}

const FEW = 64;

export class Listing {
  dirCount = 0;
  dirPaths: string[] = [];
  /** The first entry of each directory; one more element than directories. */
  dirFirst: Uint32Array;
  /** One past the last directory of the subtree. */
  dirEnd: Uint32Array;
  dirFlags: Uint8Array;
  /** A number for the ignore rules in force when the directory was read; 0 without rules. */
  dirRules: Uint32Array;
  /** Signature of the directory before it was read: the names are all names as long as it is the same. Time 0: never. */
  dirCtime: Float64Array;
  dirIno: Float64Array;

  count = 0;
  names: string[] = [];
  mode: Uint32Array;
  state: Uint8Array;
  size: Float64Array;
  /** Milliseconds with fraction, as `Stats` gives them. */
  mtime: Float64Array;
  ctime: Float64Array;
  ino: Float64Array;
  /** Entry to the `link` of its row, for entries that have one. */
  links = new Map<number, string>();

  private index: Map<string, number> | undefined;

  constructor(dirs = 64, entries = 512) {
    this.dirFirst = new Uint32Array(dirs + 1);
    this.dirEnd = new Uint32Array(dirs);
    this.dirFlags = new Uint8Array(dirs);
    this.dirRules = new Uint32Array(dirs);
    this.dirCtime = new Float64Array(dirs);
    this.dirIno = new Float64Array(dirs);
    this.mode = new Uint32Array(entries);
    this.state = new Uint8Array(entries);
    this.size = new Float64Array(entries);
    this.mtime = new Float64Array(entries);
    this.ctime = new Float64Array(entries);
    this.ino = new Float64Array(entries);
  }

  /** Returns whether an entry is a directory that the listing descends into. */
  isDirectory(entry: number): boolean {
    return ((this.mode[entry] as number) & S_IFMT) === S_IFDIR && this.state[entry] !== SKIPPED;
  }

  /** Returns the path of an entry. */
  pathOf(entry: number): string {
    let low = 0;
    let high = this.dirCount;
    // the last directory that starts at or before the entry; empty ones before it start there too
    while (low < high) {
      const middle = (low + high) >>> 1;
      if ((this.dirFirst[middle] as number) <= entry) low = middle + 1;
      else high = middle;
    }
    return joinPath(this.dirPaths[low - 1] as string, this.names[entry] as string);
  }

  /** Returns the number of the directory with this path, or −1. */
  findDirectory(path: string): number {
    if (this.index === undefined) {
      this.index = new Map();
      const {dirPaths} = this;
      for (let dir = 0; dir < dirPaths.length; dir++) this.index.set(dirPaths[dir] as string, dir);
    }
    return this.index.get(path) ?? -1;
  }

  /** Returns the number of the entry with this path, or −1. */
  findEntry(path: string): number {
    const dir = this.findDirectory(parentOf(path));
    if (dir < 0) return -1;
    const name = nameOf(path);
    let low = this.dirFirst[dir] as number;
    let high = this.dirFirst[dir + 1] as number;
    while (low < high) {
      const middle = (low + high) >>> 1;
      const order = compareText(this.names[middle] as string, name);
      if (order === 0) return middle;
      if (order < 0) low = middle + 1;
      else high = middle;
    }
    return -1;
  }

  /** Appends a directory, whose entries follow, and returns its number. `dirEnd` is set by `finish`. */
  openDirectory(path: string, ctime: number, ino: number, rules: number, flags: number): number {
    if (this.dirCount === this.dirEnd.length) this.growDirectories(this.dirCount * 2);
    const dir = this.dirCount++;
    this.dirPaths.push(path);
    this.dirFirst[dir] = this.count;
    this.dirFirst[dir + 1] = this.count;
    this.dirFlags[dir] = flags;
    this.dirRules[dir] = rules;
    this.dirCtime[dir] = ctime;
    this.dirIno[dir] = ino;
    this.index = undefined;
    return dir;
  }

  /** Appends an entry to the directory that was opened last, and returns its number. */
  add(name: string, stat: Signature, state: number): number {
    if (this.count === this.state.length) this.growEntries(this.count * 2);
    const entry = this.count++;
    this.names.push(name);
    this.state[entry] = state;
    this.sign(entry, stat);
    this.dirFirst[this.dirCount] = this.count;
    return entry;
  }

  /** Sets the signature of an entry. */
  sign(entry: number, stat: Signature): void {
    this.mode[entry] = modeOf(stat);
    this.size[entry] = stat.size;
    this.mtime[entry] = stat.mtimeMs;
    this.ctime[entry] = stat.ctimeMs;
    this.ino[entry] = stat.ino;
  }

  /** Returns whether the signature of an entry is that of `stat`. */
  matches(entry: number, stat: Signature): boolean {
    return (
      this.ctime[entry] === stat.ctimeMs &&
      this.mtime[entry] === stat.mtimeMs &&
      this.size[entry] === stat.size &&
      this.ino[entry] === stat.ino &&
      this.mode[entry] === modeOf(stat)
    );
  }

  /** Appends the entries [from, to) of another listing to the directory that was opened last. */
  copyEntries(other: Listing, from: number, to: number): void {
    const at = this.count;
    const count = to - from;
    if (at + count > this.state.length) this.growEntries(Math.max((at + count) * 2, 64));
    if (count < FEW) {
      // a view of a few elements costs more than they do
      for (let i = from, j = at; i < to; i++, j++) {
        this.mode[j] = other.mode[i] as number;
        this.state[j] = other.state[i] as number;
        this.size[j] = other.size[i] as number;
        this.mtime[j] = other.mtime[i] as number;
        this.ctime[j] = other.ctime[i] as number;
        this.ino[j] = other.ino[i] as number;
      }
    } else {
      this.mode.set(other.mode.subarray(from, to), at);
      this.state.set(other.state.subarray(from, to), at);
      this.size.set(other.size.subarray(from, to), at);
      this.mtime.set(other.mtime.subarray(from, to), at);
      this.ctime.set(other.ctime.subarray(from, to), at);
      this.ino.set(other.ino.subarray(from, to), at);
    }
    for (let i = from; i < to; i++) this.names.push(other.names[i] as string);
    if (other.links.size > 0) {
      for (let i = from; i < to; i++) {
        const link = other.links.get(i);
        if (link !== undefined) this.links.set(at + i - from, link);
      }
    }
    this.count += count;
    this.dirFirst[this.dirCount] = this.count;
  }

  /** Appends the directories [from, to) of another listing with their entries; they are whole subtrees. */
  copyDirectories(other: Listing, from: number, to: number): void {
    const at = this.dirCount;
    const count = to - from;
    if (at + count > this.dirEnd.length) this.growDirectories(Math.max((at + count) * 2, 64));
    const first = other.dirFirst[from] as number;
    const shift = this.count - first;
    for (let i = 0; i < count; i++) this.dirFirst[at + i] = (other.dirFirst[from + i] as number) + shift;
    this.dirFlags.set(other.dirFlags.subarray(from, to), at);
    this.dirRules.set(other.dirRules.subarray(from, to), at);
    this.dirCtime.set(other.dirCtime.subarray(from, to), at);
    this.dirIno.set(other.dirIno.subarray(from, to), at);
    for (let dir = from; dir < to; dir++) this.dirPaths.push(other.dirPaths[dir] as string);
    this.dirCount += count;
    this.index = undefined;
    this.copyEntries(other, first, other.dirFirst[to] as number);
  }

  /** Computes where each subtree ends, once all directories are there; they must stand in key order. */
  finish(): this {
    const {dirCount, dirEnd, dirFirst} = this;
    // the directories that are still to come below each one that is open, innermost last
    const open: number[] = [];
    const left: number[] = [];
    for (let dir = 0; dir < dirCount; dir++) {
      let children = 0;
      for (let i = dirFirst[dir] as number; i < (dirFirst[dir + 1] as number); i++) if (this.isDirectory(i)) children++;
      open.push(dir);
      left.push(children);
      while (left[left.length - 1] === 0) {
        dirEnd[open.pop() as number] = dir + 1;
        left.pop();
        if (left.length > 0) left[left.length - 1] = (left[left.length - 1] as number) - 1;
      }
    }
    if (open.length > 0) throw new TypeError('a directory of the listing is missing');
    return this;
  }

  private growDirectories(size: number): void {
    this.dirFirst = grown(this.dirFirst, new Uint32Array(size + 1));
    this.dirEnd = grown(this.dirEnd, new Uint32Array(size));
    this.dirFlags = grown(this.dirFlags, new Uint8Array(size));
    this.dirRules = grown(this.dirRules, new Uint32Array(size));
    this.dirCtime = grown(this.dirCtime, new Float64Array(size));
    this.dirIno = grown(this.dirIno, new Float64Array(size));
  }

  private growEntries(size: number): void {
    this.mode = grown(this.mode, new Uint32Array(size));
    this.state = grown(this.state, new Uint8Array(size));
    this.size = grown(this.size, new Float64Array(size));
    this.mtime = grown(this.mtime, new Float64Array(size));
    this.ctime = grown(this.ctime, new Float64Array(size));
    this.ino = grown(this.ino, new Float64Array(size));
  }
}

function grown<T extends Uint8Array | Uint32Array | Float64Array>(from: T, to: T): T {
  to.set(from);
  return to;
}

/** Returns the mode of a listing: type and permissions, with LINKED. */
export function modeOf(stat: Signature): number {
  const {mode} = stat;
  return stat.nlink > 1 && (mode & S_IFMT) !== S_IFDIR ? mode | LINKED : mode;
}

/** Returns the signature of a status. */
export function signatureOf({mode, nlink, size, mtimeMs, ctimeMs, ino}: Signature): Signature {
  return {mode, nlink, size, mtimeMs, ctimeMs, ino};
}
