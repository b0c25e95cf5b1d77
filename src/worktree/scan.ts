/**
 * Walks a work tree and gives its listing. With a listing from the stat cache a directory whose signature is unchanged
 * is not read again, only its entries are looked at. It reads no file but `.dbosignore`, follows no symlink, and never
 * enters a store. What vanishes meanwhile is left out. Layer: worktree.
 */
import {lstatSync, readdirSync, readFileSync, type Stats} from 'node:fs';
import {compareText, decodeText} from '../bytes.js';
import {DbosError, systemCode} from '../errors.js';
import {isStoreFolder, joinPath, STORE_FOLDER} from '../state/path.js';
import {type FsPath, fsPath} from './fspath.js';
import {hasIgnoreParser, IGNORE_FILE, IgnoreRules, loadIgnoreParser} from './ignore.js';
import {
  COVERED,
  HAS_RULES,
  LINKED,
  Listing,
  modeOf,
  S_IFDIR,
  S_IFIFO,
  S_IFLNK,
  S_IFMT,
  S_IFREG,
  S_IFSOCK,
  SKIPPED,
  UNKNOWN,
  UNREADABLE,
} from './listing.js';
import {type Look, type Looker, lookerFor} from './look.js';
import type {LookAhead} from './lookahead.js';
import {fileSystemTime} from './statcache.js';

export interface ScanOptions {
  /** The work tree. */
  readonly root: string;
  /** The store's folder, for the clock of the file system. */
  readonly store: string;
  /** What the last command saw, with states for the same reference root. */
  readonly cached: Listing | undefined;
  /** Returns the names that have rows in a directory: they are kept although ignored. */
  readonly tracked: (directory: string) => ReadonlySet<string>;
  /** Looks at the entries of the cached listing in another thread. */
  readonly ahead?: LookAhead | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** An entry that is no part of a state. */
export interface SkippedEntry {
  readonly path: string;
  readonly reason: 'socket' | 'device' | 'nested store';
}

export interface UnreadablePath {
  readonly path: string;
  /** The system's code. */
  readonly code: string;
}

/** What `Scan.steps` yields instead of a directory when it needs the parser of ignore rules before it goes on. */
const NEEDS_PARSER = -1;

const TURN_MS = 5;

interface Pending {
  readonly path: string;
  readonly ctime: number;
  readonly ino: number;
  /** Number of the directory in the cached listing, or −1. */
  readonly old: number;
  readonly rules: IgnoreRules | undefined;
}

const NO_NAMES: readonly string[] = [];

export class Scan {
  readonly listing: Listing;
  readonly skipped: SkippedEntry[] = [];
  readonly unreadable: UnreadablePath[] = [];
  /** Entries with more than one hard link, by device and inode, each list in key order. */
  readonly linked = new Map<string, number[]>();
  /** The device and inode of those entries. */
  readonly linkKeys = new Map<number, string>();
  /** Whether anything differs from the cached listing. */
  changed = false;
  private readonly old: Listing | undefined;
  private readonly looker: Looker;
  private readonly oddRoot: boolean;
  private started: number | undefined;
  private readonly pending: Pending[] = [];

  constructor(private readonly options: ScanOptions) {
    this.old = options.cached;
    this.looker = lookerFor(options.root);
    this.oddRoot = SURROGATE.test(options.root);
    this.listing = new Listing((this.old?.dirCount ?? 64) + 8, (this.old?.count ?? 512) + 64);
  }

  /** A time, by the clock of the file system, before which no name and no content was read. */
  get moment(): number {
    this.started ??= fileSystemTime(this.options.store);
    return this.started;
  }

  /** Walks to the end; `visit` is called with the number of each directory when its entries are in the listing. */
  async run(visit?: (directory: number) => Promise<void> | undefined): Promise<void> {
    let turn = performance.now();
    for (const step of this.steps()) {
      if (step === NEEDS_PARSER) await loadIgnoreParser();
      else {
        const wait = visit?.(step);
        if (wait !== undefined) await wait;
      }
      if ((step & 15) === 15 && performance.now() - turn > TURN_MS) {
        // signals and messages of workers come only between turns of the event loop
        await new Promise(setImmediate);
        if (this.options.signal?.aborted) throw interrupted();
        turn = performance.now();
      }
    }
  }

  private *steps(): Generator<number, void, undefined> {
    const {root} = this.options;
    const {old, pending} = this;
    let top: Stats;
    try {
      top = lstatSync(fsPath(root, ''));
    } catch (error) {
      throw new DbosError('FILE_UNREADABLE', `The work tree ${root} cannot be read.`, {cause: error});
    }
    pending.push({path: '', ctime: top.ctimeMs, ino: top.ino, old: old && old.dirCount > 0 ? 0 : -1, rules: undefined});
    if (old === undefined) this.noteChange();
    for (let next = pending.pop(); next !== undefined; next = pending.pop()) {
      yield* this.readDirectory(next);
    }
    this.listing.finish();
  }

  private noteChange(): void {
    this.changed = true;
    // the clock is asked before anything is read
    void this.moment;
  }

  private *readDirectory(at: Pending): Generator<number, void, undefined> {
    const {listing, old} = this;
    const {path} = at;
    let known = old !== undefined && at.old >= 0 && old.dirCtime[at.old] === at.ctime && old.dirIno[at.old] === at.ino;
    let hasRules = known && ((old as Listing).dirFlags[at.old] as number) & HAS_RULES;
    let names: readonly string[] | undefined = known ? undefined : this.readNames(path);
    if (names !== undefined) hasRules = names.includes(IGNORE_FILE) ? HAS_RULES : 0;
    let {rules} = at;
    if (hasRules) {
      if (!hasIgnoreParser()) yield NEEDS_PARSER;
      rules = this.readRules(path, rules);
    }
    const version = rules?.version ?? 0;
    if (known && version !== (old as Listing).dirRules[at.old]) {
      known = false;
      names = this.readNames(path);
    }
    const failed = names === NO_NAMES;
    const flags = (hasRules ? HAS_RULES : 0) | (failed ? UNREADABLE : 0);
    const dir = listing.openDirectory(path, failed ? 0 : at.ctime, at.ino, version, flags);
    const first = this.pending.length;
    if (known) this.addKnown(dir, at, rules);
    else this.addNamed(dir, at, names as readonly string[], rules);
    reverseFrom(this.pending, first);
    yield dir;
  }

  private readNames(path: string): readonly string[] {
    this.noteChange();
    const full = fsPath(this.options.root, path);
    try {
      let names = readdirSync(full);
      let odd = false;
      let wide = false;
      for (const name of names) {
        if (!ASCII.test(name)) {
          wide = true;
          if (name.includes('\ufffd')) odd = true;
        }
      }
      if (odd) names = readdirSync(full, {encoding: 'buffer'}).map(decodeText);
      if (wide) names.sort(compareText);
      else names.sort();
      return names;
    } catch (error) {
      this.fail(path, error);
      return NO_NAMES;
    }
  }

  private readRules(path: string, outer: IgnoreRules | undefined): IgnoreRules | undefined {
    const file = joinPath(path, IGNORE_FILE);
    try {
      const full = fsPath(this.options.root, file);
      if (!lstatSync(full).isFile()) return outer;
      return new IgnoreRules(path, readFileSync(full), outer);
    } catch (error) {
      this.fail(file, error);
      return outer;
    }
  }

  /** Notes what could not be read. An entry that is gone is no failure. */
  private fail(path: string, error: unknown): void {
    const code = systemCode(error);
    if (code === undefined) throw error;
    if (code !== 'ENOENT' && code !== 'ENOTDIR') this.unreadable.push({path, code});
  }

  private look(path: FsPath, directory: string, name: string): Look | undefined {
    try {
      return this.looker(path);
    } catch (error) {
      this.fail(joinPath(directory, name), error);
      return undefined;
    }
  }

  /** Adds the entries of a directory whose names are those of the cached listing. */
  private addKnown(dir: number, at: Pending, rules: IgnoreRules | undefined): void {
    const old = this.old as Listing;
    const {listing} = this;
    const {ahead} = this.options;
    const prefix = at.path === '' ? `${this.options.root}/` : `${this.options.root}/${at.path}/`;
    const plain = !this.hasOddPath(at.path);
    const first = old.dirFirst[at.old] as number;
    const last = old.dirFirst[at.old + 1] as number;
    let child = at.old + 1;
    let whole = true;
    // entries that are as they were are taken over together
    let kept = first;
    for (let i = first; i < last; i++) {
      const name = old.names[i] as string;
      const oldChild = old.isDirectory(i) ? child : -1;
      if (oldChild >= 0) child = old.dirEnd[oldChild] as number;
      const simple = old.state[i] !== SKIPPED && ((old.mode[i] as number) & LINKED) === 0 && !startsOdd(name);
      if (ahead?.isSame(i) && simple) {
        if (oldChild >= 0) this.descend(at, name, old.ctime[i] as number, old.ino[i] as number, oldChild, rules);
        continue;
      }
      const full = plain && !SURROGATE.test(name) ? prefix + name : fsPath(this.options.root, joinPath(at.path, name));
      const stat = ahead?.at(i) ?? this.look(full, at.path, name);
      if (simple && stat !== undefined && old.matches(i, stat)) {
        if (oldChild >= 0) this.descend(at, name, stat.ctimeMs, stat.ino, oldChild, rules);
        continue;
      }
      if (kept < i) listing.copyEntries(old, kept, i);
      kept = i + 1;
      if (stat === undefined) {
        // it went after the directory was looked at
        listing.dirCtime[dir] = 0;
        whole = false;
        this.noteChange();
        continue;
      }
      this.addEntry(at, name, stat, i, oldChild, rules);
    }
    if (kept < last) listing.copyEntries(old, kept, last);
    if (whole) listing.dirFlags[dir] = (listing.dirFlags[dir] as number) | ((old.dirFlags[at.old] as number) & COVERED);
  }

  private descend(
    at: Pending,
    name: string,
    ctime: number,
    ino: number,
    old: number,
    rules: IgnoreRules | undefined,
  ): void {
    this.pending.push({path: joinPath(at.path, name), ctime, ino, old, rules});
  }

  private hasOddPath(path: string): boolean {
    return this.oddRoot || SURROGATE.test(path);
  }

  /** Adds the entries of a directory that was read, merged with what the cached listing has of them. */
  private addNamed(dir: number, at: Pending, names: readonly string[], rules: IgnoreRules | undefined): void {
    const {old, listing} = this;
    const {root} = this.options;
    let i = at.old < 0 ? 0 : ((old as Listing).dirFirst[at.old] as number);
    const last = at.old < 0 ? 0 : ((old as Listing).dirFirst[at.old + 1] as number);
    let child = at.old + 1;
    let same = at.old >= 0 && names !== NO_NAMES;
    let tracked: ReadonlySet<string> | undefined;
    for (const name of names) {
      if (at.path === '' && name === STORE_FOLDER) continue;
      const path = joinPath(at.path, name);
      const stat = this.look(fsPath(root, path), at.path, name);
      if (stat === undefined) {
        listing.dirCtime[dir] = 0;
        continue;
      }
      let skip = false;
      if (rules?.ignores(path, (stat.mode & S_IFMT) === S_IFDIR)) {
        tracked ??= this.options.tracked(at.path);
        if (!tracked.has(name)) {
          // its rules count although it is ignored, and the listing must tell that it is there
          if (name !== IGNORE_FILE) continue;
          skip = true;
        }
      }
      let order = 1;
      let oldChild = -1;
      while (i < last) {
        order = compareText((old as Listing).names[i] as string, name);
        if (order > 0) break;
        oldChild = (old as Listing).isDirectory(i) ? child : -1;
        if (oldChild >= 0) child = (old as Listing).dirEnd[oldChild] as number;
        i++;
        if (order === 0) break;
        same = false;
      }
      if (order !== 0) same = false;
      if (skip) listing.add(name, stat, SKIPPED);
      else if (order === 0) this.addEntry(at, name, stat, i - 1, oldChild, rules);
      else this.addEntry(at, name, stat, -1, -1, rules);
    }
    if (same && i === last) {
      listing.dirFlags[dir] =
        (listing.dirFlags[dir] as number) | (((old as Listing).dirFlags[at.old] as number) & COVERED);
    }
  }

  /** Adds an entry; `i` is its number in the cached listing, or −1. */
  private addEntry(
    at: Pending,
    name: string,
    stat: Look,
    i: number,
    oldChild: number,
    rules: IgnoreRules | undefined,
  ): void {
    const {old, listing} = this;
    const type = stat.mode & S_IFMT;
    const same = i >= 0 && (old as Listing).matches(i, stat);
    if (!same) this.noteChange();
    let state = same ? ((old as Listing).state[i] as number) : UNKNOWN;
    if (startsOdd(name) && isStoreFolder(name)) {
      state = SKIPPED;
      this.skipped.push({path: joinPath(at.path, name), reason: 'nested store'});
    } else if (type !== S_IFREG && type !== S_IFDIR && type !== S_IFLNK && type !== S_IFIFO) {
      state = SKIPPED;
      this.skipped.push({path: joinPath(at.path, name), reason: type === S_IFSOCK ? 'socket' : 'device'});
    } else if (name === IGNORE_FILE && i >= 0 && (old as Listing).state[i] === SKIPPED) {
      // ignored by rules that have not changed, for else the directory had been read again
      state = SKIPPED;
    } else if (state === SKIPPED) state = UNKNOWN;
    const entry = listing.add(name, stat, state);
    if (state === SKIPPED) return;
    if (type === S_IFDIR) {
      this.descend(at, name, stat.ctimeMs, stat.ino, oldChild, rules);
      return;
    }
    if (same) {
      const link = (old as Listing).links.get(i);
      if (link !== undefined) listing.links.set(entry, link);
    }
    if (modeOf(stat) & LINKED) {
      const key = `${stat.dev}:${stat.ino}`;
      this.linkKeys.set(entry, key);
      const group = this.linked.get(key);
      if (group === undefined) this.linked.set(key, [entry]);
      else group.push(entry);
    }
  }
}

const ASCII = /^[\x00-\x7f]*$/;
const SURROGATE = /[\ud800-\udfff]/;

/** Returns whether a name starts with a character with which a name of a store folder can. */
function startsOdd(name: string): boolean {
  const first = name.charCodeAt(0);
  return first === 0x2e || first > 0x7f;
}

function reverseFrom<T>(list: T[], from: number): void {
  for (let a = from, b = list.length - 1; a < b; a++, b--) {
    const held = list[a] as T;
    list[a] = list[b] as T;
    list[b] = held;
  }
}

/** Returns the error for work that was stopped by its signal. */
export function interrupted(): DbosError {
  return new DbosError('INTERRUPTED', 'The work was interrupted.', {
    hint: 'Nothing was committed; run the command again.',
  });
}
