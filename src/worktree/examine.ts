/**
 * Compares a work tree with a root of the `files` table. What the stat cache vouches for is neither read nor looked up;
 * the rest is: names that are missing, entries whose signature changed, and files whose content must be hashed to know.
 * With a sink it also stages the bodies of what changed and gives the new rows: that is the first half of a commit.
 * Layer: worktree.
 */
import {lstatSync} from 'node:fs';
import {DbosError, systemCode} from '../errors.js';
import type {ObjectReader, ObjectSink} from '../objects/store.js';
import {diffFiles, directoryRange, type FileRow, findFile, scanFiles, subtreeRange} from '../state/files.js';
import {joinPath, nameOf, parentOf} from '../state/path.js';
import {BodyWriter} from '../tree/bodies.js';
import {type ContentRef, INLINE_LIMIT, sameCell} from '../tree/cell.js';
import type {TreeRoot} from '../tree/spec.js';
import {type EntryMeta, matchesRow, readEntry, rowOf, typeOfMode} from './entry.js';
import {CHANGING, type FileOutcome, fileStatOf} from './filesource.js';
import {fsPath} from './fspath.js';
import {Intake, isStat} from './intake.js';
import {
  CLEAN,
  COVERED,
  DIRTY,
  LINKED,
  type Listing,
  S_IFMT,
  S_IFREG,
  SKIPPED,
  UNKNOWN,
  UNREADABLE,
  UNTRACKED,
} from './listing.js';
import {LookAhead} from './lookahead.js';
import {Scan, type SkippedEntry, type UnreadablePath} from './scan.js';
import type {Selection} from './selection.js';
import type {CachedListing} from './statcache.js';
import {loadXattrs} from './xattr.js';

export type ChangeKind = 'added' | 'modified' | 'deleted' | 'typechange';

/** How far long work is, for whoever shows it. */
export interface WorkProgress {
  readonly label: string;
  readonly done: number;
  readonly total?: number | undefined;
  readonly bytes?: number | undefined;
}

export interface ExamineOptions {
  readonly reader: ObjectReader;
  /** Where bodies of what changed are staged; without it nothing is staged and no new rows are made. */
  readonly sink: ObjectSink | undefined;
  /** The work tree, and the store's folder. */
  readonly root: string;
  readonly store: string;
  readonly base: TreeRoot;
  readonly cached: CachedListing | undefined;
  /** The thread that looks at the entries of `cached`, if there is one already. */
  readonly ahead?: Promise<LookAhead | undefined> | undefined;
  readonly selection: Selection;
  /** Another root in which a selected path may be. */
  readonly other?: TreeRoot;
  /** Paths that count although they are ignored. */
  readonly include?: ReadonlySet<string>;
  /** How many entries the stat cache must have for a second thread to look at them. */
  readonly lookAheadFrom?: number;
  readonly signal?: AbortSignal | undefined;
  readonly progress?: ((progress: WorkProgress) => void) | undefined;
}

/** A path that differs from the base. */
export interface Difference {
  readonly path: string;
  readonly change: ChangeKind;
  readonly before: FileRow | undefined;
  /** What stands there now: undefined if nothing does, or if rows are not made. */
  readonly after: FileRow | undefined;
  /** Its type now, or the one it had. */
  readonly type: FileRow['type'];
}

export interface Examination {
  /** What differs, in no particular order. */
  readonly differences: Difference[];
  /** The work tree; its states refer to the base, or with a sink to the base with the differences. */
  readonly listing: Listing;
  /** A time, by the clock of the file system, before which nothing was read; 0 if nothing changed. */
  readonly moment: number;
  /** Whether the listing says more than the cached one. */
  readonly changed: boolean;
  readonly skipped: readonly SkippedEntry[];
  /** Selected paths that could not be read. */
  readonly unreadable: readonly UnreadablePath[];
  /** Selected files that changed whenever they were read. */
  readonly changing: readonly string[];
}

interface Candidate {
  readonly entry: number;
  readonly path: string;
  readonly before: FileRow | undefined;
  /** The number of the candidate whose content it shares as a hard link, or −1. */
  readonly twin: number;
  content: ContentRef | undefined;
  outcome: FileOutcome | undefined;
  decided: boolean;
}

/** Returns how a work tree differs from the base. Throws PATH_UNKNOWN for a selected path that is in neither, INTERRUPTED. */
export async function examine(options: ExamineOptions): Promise<Examination> {
  const {root, cached} = options;
  const ahead =
    cached &&
    (await (options.ahead ?? LookAhead.start(root, cached.listing.count, cached.bytes, options.lookAheadFrom)));
  const run = new Run(options, ahead);
  try {
    return await run.run();
  } finally {
    ahead?.stop();
    await run.intake.close();
  }
}

class Run {
  readonly intake: Intake;
  private readonly scan: Scan;
  private readonly candidates: Candidate[] = [];
  private readonly firstOfLink = new Map<string, number>();
  private readonly differences: Difference[] = [];
  private readonly unreadable: UnreadablePath[] = [];
  private readonly changing: string[] = [];
  private readonly bodies: BodyWriter | undefined;
  /** Names that count although they are ignored, by directory. */
  private readonly included = new Map<string, string[]>();
  private updated = false;
  private ready = false;

  constructor(
    private readonly options: ExamineOptions,
    ahead: LookAhead | undefined,
  ) {
    const {reader, base, cached, root, store, sink, signal} = options;
    this.bodies = sink && new BodyWriter(sink);
    for (const path of options.include ?? []) {
      const names = this.included.get(parentOf(path));
      if (names === undefined) this.included.set(parentOf(path), [nameOf(path)]);
      else names.push(nameOf(path));
    }
    this.scan = new Scan({
      root,
      store,
      cached: cached && rebase(reader, cached, base),
      tracked: directory => this.trackedNames(directory),
      ahead,
      signal,
    });
    this.intake = new Intake({
      sink,
      signal,
      receive: (number, content, outcome) => {
        const candidate = this.candidates[number] as Candidate;
        candidate.content = content;
        candidate.outcome = outcome;
        // the link of a file is known only at the end of the scan
        if (this.ready && !this.isLinked(candidate)) this.settle(candidate);
        const {files, bytes} = this.intake;
        options.progress?.({label: 'Reading files', done: files, bytes});
      },
    });
  }

  async run(): Promise<Examination> {
    const {scan} = this;
    await scan.run(directory => this.compareDirectory(directory));
    this.checkSelection();
    this.compareLinks();
    if (this.candidates.length > 0) {
      await this.prepare();
      for (const candidate of this.candidates) if (!this.isFile(candidate)) this.settle(candidate);
      await this.intake.finish();
      for (const candidate of this.candidates) this.settle(candidate);
      this.bodies?.flush();
    }
    for (const {path, code} of scan.unreadable) {
      if (this.options.selection.includes(path)) this.unreadable.push({path, code});
    }
    const {cached, base} = this.options;
    const changed = scan.changed || this.updated || cached?.root !== base;
    return {
      differences: this.differences,
      listing: scan.listing,
      moment: changed ? scan.moment : 0,
      changed,
      skipped: scan.skipped,
      unreadable: this.unreadable,
      changing: this.changing,
    };
  }

  private trackedNames(directory: string): Set<string> {
    const names = new Set(this.rowsOf(directory).keys());
    for (const name of this.included.get(directory) ?? []) names.add(name);
    return names;
  }

  /** Loads what is needed to decide about entries. */
  private async prepare(): Promise<void> {
    await loadXattrs();
    this.ready = true;
  }

  private isFile({entry}: Candidate): boolean {
    return ((this.scan.listing.mode[entry] as number) & S_IFMT) === S_IFREG;
  }

  private isLinked({entry}: Candidate): boolean {
    return ((this.scan.listing.mode[entry] as number) & LINKED) !== 0;
  }

  private rowsOf(directory: string): Map<string, FileRow> {
    const {reader, base} = this.options;
    const rows = new Map<string, FileRow>();
    if (base === null) return rows;
    const cut = directory === '' ? 0 : directory.length + 1;
    for (const row of scanFiles(reader, base, directoryRange(directory))) rows.set(row.path.slice(cut), row);
    return rows;
  }

  private compareDirectory(directory: number): Promise<void> | undefined {
    this.compareEntries(directory);
    if (this.ready || this.candidates.length === 0) return undefined;
    return this.prepare();
  }

  private compareEntries(directory: number): void {
    const {listing} = this.scan;
    const {selection, reader, base} = this.options;
    const path = listing.dirPaths[directory] as string;
    const flags = listing.dirFlags[directory] as number;
    if (flags & UNREADABLE || !selection.reaches(path)) return;
    const first = listing.dirFirst[directory] as number;
    const last = listing.dirFirst[directory + 1] as number;
    const {state} = listing;
    if (flags & COVERED) {
      for (let entry = first; entry < last; entry++) {
        const known = state[entry];
        if (known === CLEAN || known === SKIPPED) continue;
        const at = joinPath(path, listing.names[entry] as string);
        this.consider(entry, at, known === UNTRACKED ? undefined : findFile(reader, base, at));
      }
      return;
    }
    const rows = this.rowsOf(path);
    for (let entry = first; entry < last; entry++) {
      const name = listing.names[entry] as string;
      if (state[entry] === SKIPPED) continue;
      const row = rows.get(name);
      if (row !== undefined) rows.delete(name);
      if (state[entry] !== CLEAN) this.consider(entry, joinPath(path, name), row);
    }
    let covered = true;
    for (const row of rows.values()) if (!this.noteMissing(row)) covered = false;
    if (!covered) return;
    listing.dirFlags[directory] = flags | COVERED;
    this.updated = true;
  }

  /** Notes that a row stands for nothing on disk, and returns whether the root that the listing will refer to lacks it. */
  private noteMissing(row: FileRow): boolean {
    const {selection, sink} = this.options;
    if (this.scan.unreadable.some(({path}) => path === row.path)) return false;
    const selected = selection.includes(row.path);
    if (selected)
      this.differences.push({path: row.path, change: 'deleted', before: row, after: undefined, type: row.type});
    if (row.type === 'dir') this.noteMissingBelow(row.path);
    return selected && sink !== undefined;
  }

  private noteMissingBelow(directory: string): void {
    const {reader, base, selection} = this.options;
    for (const row of scanFiles(reader, base, subtreeRange(directory))) {
      if (!selection.includes(row.path)) continue;
      this.differences.push({path: row.path, change: 'deleted', before: row, after: undefined, type: row.type});
    }
  }

  private consider(entry: number, path: string, before: FileRow | undefined): void {
    const {listing} = this.scan;
    const {selection, sink, root} = this.options;
    const mode = listing.mode[entry] as number;
    const type = typeOfMode(mode);
    if (before?.type === 'dir' && type !== 'dir') this.noteMissingBelow(path);
    if (!selection.includes(path)) {
      // what is committed needs its directories
      const needed = sink !== undefined && type === 'dir' && before?.type !== 'dir' && selection.leadsTo(path);
      if (!needed) return;
    }
    if (sink === undefined && this.decideUnread(entry, path, before)) return;
    // the clock is asked before anything is read
    void this.scan.moment;
    const number = this.candidates.length;
    let twin = -1;
    if ((mode & S_IFMT) === S_IFREG) {
      if (mode & LINKED) {
        const key = this.scan.linkKeys.get(entry) as string;
        twin = this.firstOfLink.get(key) ?? -1;
        if (twin < 0) this.firstOfLink.set(key, number);
      }
      if (twin < 0) this.intake.add(number, fsPath(root, path), listing.size[entry] as number);
    }
    this.candidates.push({entry, path, before, twin, content: undefined, outcome: undefined, decided: false});
  }

  /** Decides, where no rows are made, what needs no look at the entry. */
  private decideUnread(entry: number, path: string, before: FileRow | undefined): boolean {
    const {listing} = this.scan;
    const type = typeOfMode(listing.mode[entry] as number) as FileRow['type'];
    const known = listing.state[entry];
    let change: ChangeKind;
    if (before === undefined) change = 'added';
    else if (before.type !== type) change = 'typechange';
    else if (known === DIRTY || (before.content !== null && before.content.size !== listing.size[entry]))
      change = 'modified';
    else return false;
    this.differences.push({path, change, before, after: undefined, type});
    this.setState(entry, before === undefined ? UNTRACKED : DIRTY);
    return true;
  }

  private setState(entry: number, state: number): void {
    const {listing} = this.scan;
    if (listing.state[entry] === state) return;
    listing.state[entry] = state;
    this.updated = true;
  }

  private checkSelection(): void {
    const {selection, reader, base, other} = this.options;
    if (selection.all) return;
    const {listing} = this.scan;
    for (const path of selection.paths) {
      const entry = listing.findEntry(path);
      if (entry >= 0 && listing.state[entry] !== SKIPPED) continue;
      if (findFile(reader, base, path) !== undefined) continue;
      if (other !== undefined && findFile(reader, other, path) !== undefined) continue;
      throw new DbosError('PATH_UNKNOWN', `There is no '${path}' in the work tree or in HEAD.`, {
        hint: 'Check the spelling; a path that .dbosignore excludes is not there either.',
        data: {path},
      });
    }
  }

  /** Finds files that are untouched but whose group of hard links has another first path now. */
  private compareLinks(): void {
    const {listing} = this.scan;
    const {reader, base, selection} = this.options;
    for (const group of this.scan.linked.values()) {
      const link = this.linkOf(group);
      for (const entry of group) {
        if (listing.state[entry] === CLEAN && (listing.links.get(entry) ?? null) !== link) {
          const path = listing.pathOf(entry);
          if (!selection.includes(path)) continue;
          const before = findFile(reader, base, path);
          if (this.options.sink === undefined && before !== undefined && before.link !== link) {
            this.differences.push({path, change: 'modified', before, after: undefined, type: before.type});
            this.setState(entry, DIRTY);
          } else {
            this.setState(entry, UNKNOWN);
            this.consider(entry, path, before);
          }
        }
        if (link === null) listing.links.delete(entry);
        else listing.links.set(entry, link);
      }
    }
  }

  /** Returns the `link` of the entries of a group: its first path among those that will have rows, if there are two. */
  private linkOf(group: readonly number[]): string | null {
    const {listing} = this.scan;
    const {reader, base, selection} = this.options;
    let paths = group.length > 1 ? group.map(entry => listing.pathOf(entry)) : [];
    if (!selection.all) {
      paths = paths.filter(path => selection.includes(path) || findFile(reader, base, path) !== undefined);
    }
    return paths.length > 1 ? (paths[0] as string) : null;
  }

  private settle(candidate: Candidate): void {
    if (candidate.decided) return;
    candidate.decided = true;
    this.decide(candidate);
  }

  private decide(candidate: Candidate): void {
    const {listing} = this.scan;
    const {root} = this.options;
    const {entry, path, before, twin} = candidate;
    const source = twin < 0 ? candidate : (this.candidates[twin] as Candidate);
    let outcome = source.outcome;
    if (outcome === undefined || (twin >= 0 && isStat(outcome))) {
      // not a file, or one that was read under another name
      outcome = lookAt(root, path, listing.mode[entry] as number);
    }
    if (!isStat(outcome)) {
      this.fail(candidate, outcome);
      return;
    }
    let meta: EntryMeta;
    try {
      meta = readEntry(root, path, outcome);
    } catch (error) {
      const code = systemCode(error);
      if (code === undefined) throw error;
      this.fail(candidate, code);
      return;
    }
    listing.sign(entry, outcome);
    const content = source.content ?? null;
    const link = listing.links.get(entry) ?? null;
    const {reader, sink} = this.options;
    if (
      before !== undefined &&
      matchesRow(reader, before, meta) &&
      sameCell(before.content, content) &&
      before.link === link
    ) {
      this.setState(entry, CLEAN);
      return;
    }
    const change = before === undefined ? 'added' : before.type !== meta.type ? 'typechange' : 'modified';
    const after = sink && rowOf(path, meta, before, content, link, this.storedXattrs(meta, before));
    this.differences.push({path, change, before, after, type: meta.type});
    this.setState(entry, sink !== undefined ? CLEAN : before === undefined ? UNTRACKED : DIRTY);
  }

  private storedXattrs(meta: EntryMeta, before: FileRow | undefined): FileRow['xattrs'] {
    if (meta.xattrs === undefined) return before?.xattrs ?? null;
    if (meta.xattrs === null || meta.xattrs.length <= INLINE_LIMIT) return meta.xattrs;
    return (this.bodies as BodyWriter).write(meta.xattrs, false);
  }

  private fail({entry, path, before}: Candidate, code: string): void {
    this.setState(entry, UNKNOWN);
    if (code === 'ENOENT') {
      // it went after the directory was read
      if (before === undefined) return;
      if (before.type === 'dir') this.noteMissingBelow(path);
      this.differences.push({path, change: 'deleted', before, after: undefined, type: before.type});
    } else if (code === CHANGING || code === 'ELOOP' || code === 'ENOTDIR') this.changing.push(path);
    else this.unreadable.push({path, code});
  }
}

function lookAt(root: string, path: string, mode: number): FileOutcome {
  try {
    const stat = lstatSync(fsPath(root, path), {bigint: true});
    return (Number(stat.mode) & S_IFMT) === (mode & S_IFMT) ? fileStatOf(stat) : CHANGING;
  } catch (error) {
    const code = systemCode(error);
    if (code === undefined) throw error;
    return code;
  }
}

/** Returns the cached listing with states for another root: what differs between the roots becomes unknown. */
export function rebase(reader: ObjectReader, cached: CachedListing, root: TreeRoot): Listing {
  const {listing} = cached;
  if (cached.root === root) return listing;
  try {
    for (const {path} of diffFiles(reader, cached.root, root)) forget(listing, path);
  } catch {
    // the old root is gone or damaged; whatever is wrong with the new one will show where it is read
    listing.state.fill(UNKNOWN);
    listing.dirFlags.fill(0);
    listing.dirCtime.fill(0);
  }
  return listing;
}

function forget(listing: Listing, path: string): void {
  const slash = path.lastIndexOf('/');
  const directory = listing.findDirectory(slash < 0 ? '' : path.slice(0, slash));
  if (directory < 0) return;
  listing.dirFlags[directory] = (listing.dirFlags[directory] as number) & ~COVERED;
  // an ignored name counts as soon as it has a row
  if (listing.dirRules[directory] !== 0) listing.dirCtime[directory] = 0;
  const entry = listing.findEntry(path);
  if (entry >= 0 && listing.state[entry] !== SKIPPED) listing.state[entry] = UNKNOWN;
}
