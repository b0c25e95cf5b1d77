/**
 * Carries out the plan of a checkout: removes, makes directories, writes files, links, and last of all gives directories
 * their modes, so that a directory which its owner may not write is filled all the same. Layer: worktree.
 */
import {spawnSync} from 'node:child_process';
import {
  chmodSync,
  closeSync,
  constants,
  lchownSync,
  linkSync,
  lstatSync,
  lutimesSync,
  mkdirSync,
  openSync,
  rmdirSync,
  type Stats,
  symlinkSync,
  unlinkSync,
} from 'node:fs';
import {asBuffer, encodeText} from '../bytes.js';
import {DbosError, systemCode} from '../errors.js';
import type {ObjectReader} from '../objects/store.js';
import {type FileRow, findFile, sameFile} from '../state/files.js';
import {parentOf, pathProblem} from '../state/path.js';
import {ContentRef, sameCell} from '../tree/cell.js';
import {readWhole} from '../tree/content.js';
import type {TreeRoot} from '../tree/spec.js';
import {isPrivileged} from './entry.js';
import type {WorkProgress} from './examine.js';
import {type FsPath, fsPath} from './fspath.js';
import {CLEAN, type Listing, type Signature, signatureOf, UNKNOWN} from './listing.js';
import type {Outtake} from './outtake.js';
import {groups, users} from './owners.js';
import type {Plan, PlannedChange} from './plan.js';
import {listPaths} from './record.js';
import type {ListingUpdate} from './relist.js';
import {applyMeta, type MetaTask, OWNER_NOT_SET, TIME_NOT_SET, XATTRS_NOT_SET} from './writefile.js';
import {loadXattrs} from './xattr.js';

export interface ApplyOptions {
  readonly reader: ObjectReader;
  readonly root: string;
  readonly outtake: Outtake;
  readonly to: TreeRoot;
  readonly listing: Listing | undefined;
  readonly restoreTimes: boolean;
  readonly signal?: AbortSignal | undefined;
  readonly progress?: ((progress: WorkProgress) => void) | undefined;
}

/** How many entries did not get everything that their rows say, because the system refused. */
export interface NotSet {
  readonly owners: number;
  readonly xattrs: number;
  readonly times: number;
}

export interface Applied {
  /** Entries written or changed, and removed. */
  readonly written: number;
  readonly removed: number;
  /** Directories that have no row any more but stay, because something untracked is in them. */
  readonly kept: readonly string[];
  readonly notSet: NotSet;
  /** What the listing does not know yet. */
  readonly updates: readonly ListingUpdate[];
}

/** Carries out a plan whose endangered paths, if any, are saved. Throws FILE_UNWRITABLE with what could not be written in `data.paths`. */
export async function applyPlan(plan: Plan, options: ApplyOptions): Promise<Applied> {
  return new Apply(plan, options).run();
}

interface Failure {
  readonly path: string;
  readonly code: string;
}

class Apply {
  private written = 0;
  private removed = 0;
  private readonly kept: string[] = [];
  private readonly updates: ListingUpdate[] = [];
  private readonly failures: Failure[] = [];
  private changesByPath: ReadonlyMap<string, PlannedChange> | undefined;
  private readonly created = new Set<string>();
  /** Directories made writable for the time being, with the mode that they had. */
  private readonly opened = new Map<string, number>();
  private readonly privileged = isPrivileged();
  private readonly uid = process.geteuid?.() ?? -1;
  private owners = 0;
  private xattrs = 0;
  private times = 0;

  constructor(
    private readonly plan: Plan,
    private readonly options: ApplyOptions,
  ) {}

  /** Only hard links ask for it, and it is large. */
  private get byPath(): ReadonlyMap<string, PlannedChange> {
    this.changesByPath ??= new Map(this.plan.changes.map(change => [change.path, change]));
    return this.changesByPath;
  }

  async run(): Promise<Applied> {
    await loadXattrs();
    const {changes, inTheWay} = this.plan;
    for (let i = inTheWay.length - 1; i >= 0; i--) this.remove(inTheWay[i] as string);
    this.removeOld(changes);
    this.makeDirectories(changes);
    const links: PlannedChange[] = [];
    const fifos: PlannedChange[] = [];
    const files: PlannedChange[] = [];
    for (const change of changes) {
      const {after, path} = change;
      if (after === undefined || after.type === 'dir') continue;
      if (this.isInPlace(change)) continue;
      if (after.link !== null && after.link !== path && this.sharesInode(after)) links.push(change);
      else if (after.type === 'symlink') this.makeSymlink(change);
      else if (after.type === 'fifo') fifos.push(change);
      else if (this.isReady(change)) files.push(change);
    }
    this.stopAt();
    await this.writeContents(files);
    if (fifos.length > 0) this.makeFifos(fifos);
    for (const change of links) this.makeLink(change);
    this.finishDirectories(changes);
    for (const [path, mode] of this.opened) this.attempt(path, () => chmodSync(this.full(path), mode));
    if (this.failures.length > 0) throw unwritable(this.failures);
    return {
      written: this.written,
      removed: this.removed,
      kept: this.kept,
      notSet: {owners: this.owners, xattrs: this.xattrs, times: this.times},
      updates: this.updates,
    };
  }

  private full(path: string): FsPath {
    return fsPath(this.options.root, path);
  }

  private attempt(path: string, work: () => void): boolean {
    try {
      work();
      return true;
    } catch (error) {
      const code = systemCode(error);
      if (error instanceof DbosError || code === undefined) throw error;
      this.failures.push({path, code});
      return false;
    }
  }

  private stopAt(): void {
    if (!this.options.signal?.aborted) return;
    throw new DbosError('INTERRUPTED', 'The checkout was interrupted.', {
      hint: 'Some files are at the target already: run the command again, or `dbos restore .` to go back.',
    });
  }

  /** Makes a directory writable for its owner until the end, if it is not. */
  private openParent(path: string): void {
    if (this.privileged) return;
    const parent = parentOf(path);
    const way = this.plan.parents.way(parent);
    if (way.kind !== 'directory' || way.stat === undefined || this.opened.has(parent)) return;
    const {mode, uid} = way.stat;
    if ((mode & 0o300) === 0o300 || uid !== this.uid) return;
    this.opened.set(parent, mode & 0o7777);
    this.attempt(parent, () => chmodSync(this.full(parent), (mode & 0o7777) | 0o700));
  }

  /** Removes an entry that is not needed; a directory only if it is empty. */
  private remove(path: string): void {
    this.openParent(path);
    this.attempt(path, () => {
      const stat = this.plan.parents.lstat(path);
      if (stat === undefined) return;
      if (stat.isDirectory()) rmdirSync(this.full(path));
      else unlinkSync(this.full(path));
    });
  }

  /** Removes what has no row any more, and what has a row of another type; children before parents. */
  private removeOld(changes: readonly PlannedChange[]): void {
    const {parents} = this.plan;
    for (let i = changes.length - 1; i >= 0; i--) {
      const {path, before, after, stat} = changes[i] as PlannedChange;
      if (stat === undefined) {
        if (after === undefined) this.note(path, null, null);
        continue;
      }
      const directory = stat.isDirectory();
      // a directory stays one, and what is none is replaced where it is written
      if (after !== undefined && directory === (after.type === 'dir')) continue;
      this.openParent(path);
      if (after !== undefined) this.attempt(path, () => (directory ? rmdirSync : unlinkSync)(this.full(path)));
      else if (directory) this.removeDirectory(path, before);
      else if (this.attempt(path, () => unlinkSync(this.full(path)))) {
        this.removed++;
        this.note(path, null, null);
      }
      parents.removed(path);
    }
  }

  private removeDirectory(path: string, before: FileRow | undefined): void {
    try {
      rmdirSync(this.full(path));
      this.removed++;
      this.opened.delete(path);
      this.note(path, null, null);
    } catch (error) {
      const code = systemCode(error);
      if (code === 'ENOTEMPTY' || code === 'EEXIST') {
        this.kept.push(path);
        this.updates.push({path, signature: signatureOf(lstatSync(this.full(path))), state: UNKNOWN, link: null});
      } else if (code === 'ENOENT' || before === undefined) this.note(path, null, null);
      else if (code === undefined) throw error;
      else this.failures.push({path, code});
    }
  }

  private makeDirectories(changes: readonly PlannedChange[]): void {
    for (const {path, after, stat} of changes) {
      if (after?.type !== 'dir' || stat?.isDirectory()) continue;
      this.openParent(path);
      if (!this.attempt(path, () => mkdirSync(this.full(path), 0o700))) continue;
      this.created.add(path);
      this.plan.parents.made(path);
    }
  }

  /** Returns whether nothing has to be written for an entry; sets what is beside the content if only that differs. */
  private isInPlace(change: PlannedChange): boolean {
    const {path, before, after, stat} = change;
    if (stat === undefined || after === undefined) return false;
    const linked = before !== undefined && before.link !== null && before.link !== after.link;
    if (change.done) {
      if (after.link !== null ? after.link !== path : stat.nlink > 1) return false;
      this.note(path, signatureOf(stat), after.link);
      return true;
    }
    if (!change.unchanged || before === undefined || after.type !== 'file' || linked) return false;
    // with other names the inode is not this row's alone
    if (!sameCell(before.content, after.content) || stat.nlink > 1 || (after.link !== null && after.link !== path))
      return false;
    return this.attempt(path, () => this.changeMeta(path, after, constants.O_RDONLY));
  }

  private changeMeta(path: string, row: FileRow, flags: number): void {
    const fd = openSync(this.full(path), flags | constants.O_NOFOLLOW | constants.O_NONBLOCK);
    try {
      const {signature, refused} = applyMeta(fd, this.metaOf(row));
      this.noteWritten(path, signature, refused, row);
    } finally {
      closeSync(fd);
    }
  }

  /** Returns whether the first file of a group of hard links is, or will be, what this row says. */
  private sharesInode(row: FileRow): boolean {
    const link = row.link as string;
    const planned = this.byPath.get(link);
    if (planned !== undefined) return planned.after !== undefined && sameFile(planned.after, row);
    const {reader, to, listing} = this.options;
    // not part of the plan, so it was not looked at
    const entry = listing === undefined || pathProblem(link) !== undefined ? -1 : listing.findEntry(link);
    if (entry < 0 || listing?.state[entry] !== CLEAN) return false;
    const stat = this.plan.parents.lstat(link);
    const first = findFile(reader, to, link);
    return stat !== undefined && listing.matches(entry, stat) && first !== undefined && sameFile(first, row);
  }

  /** Removes what stands where a new entry goes. */
  private clear(change: PlannedChange): boolean {
    if (!this.isReady(change)) return false;
    return !isReplaced(change) || this.attempt(change.path, () => unlinkSync(this.full(change.path)));
  }

  /** Returns whether an entry can be written where it goes; what stands there is to be removed if `isReplaced` says so. */
  private isReady({path}: PlannedChange): boolean {
    const parent = parentOf(path);
    if (this.plan.parents.way(parent).kind !== 'directory') {
      this.failures.push({path, code: 'ENOTDIR'});
      return false;
    }
    this.openParent(path);
    return true;
  }

  private metaOf(row: FileRow): MetaTask {
    const {mode, mtime} = row;
    const uid = this.privileged ? ((row.user === null ? undefined : users.idOf(row.user)) ?? row.uid) : row.uid;
    const gid = this.privileged ? ((row.group === null ? undefined : groups.idOf(row.group)) ?? row.gid) : row.gid;
    const xattrs = row.xattrs instanceof ContentRef ? readWhole(this.options.reader, row.xattrs) : row.xattrs;
    return {mode, uid, gid, xattrs, mtime: this.options.restoreTimes ? secondsOf(mtime) : undefined};
  }

  private async writeContents(files: readonly PlannedChange[]): Promise<void> {
    const {outtake, progress} = this.options;
    let bytes = 0;
    let done = 0;
    await outtake.write({
      rows: files.map(({after}) => after as FileRow),
      pathOf: ({path}) => this.full(path),
      metaOf: row => this.metaOf(row),
      // by the thread that writes the file: removing costs as much as writing
      replaces: number => isReplaced(files[number] as PlannedChange),
      receive: (number, {signature, refused}) => {
        const {path, after} = files[number] as PlannedChange;
        this.noteWritten(path, signature, refused, after as FileRow);
        bytes += signature.size;
        progress?.({label: 'Writing files', done: ++done, total: files.length, bytes});
      },
      fail: (number, code) => this.failures.push({path: (files[number] as PlannedChange).path, code}),
    });
  }

  private makeSymlink(change: PlannedChange): void {
    const {path} = change;
    const row = change.after as FileRow;
    if (!this.clear(change)) return;
    this.attempt(path, () => {
      const full = this.full(path);
      symlinkSync(encodeText(row.target as string), full);
      this.finishOther(path, row);
    });
  }

  private makeFifos(changes: readonly PlannedChange[]): void {
    const paths: Buffer[] = [];
    for (const change of changes) {
      if (this.clear(change)) paths.push(bytesOf(this.full(change.path)), Buffer.from([0]));
    }
    // Node has no call for it; names may be any bytes, so they cannot be arguments
    spawnSync('xargs', ['-0', 'mkfifo', '-m', '600', '--'], {
      input: Buffer.concat(paths),
      stdio: ['pipe', 'ignore', 'ignore'],
    });
    for (const {path, after} of changes) {
      this.attempt(path, () => {
        chmodSync(this.full(path), (after as FileRow).mode & 0o777);
        this.finishOther(path, after as FileRow);
      });
    }
  }

  /** Sets owner and time of what cannot be opened: a symlink or a fifo. */
  private finishOther(path: string, row: FileRow): void {
    const full = this.full(path);
    const {uid, gid, mtime, mode} = this.metaOf(row);
    let refused = 0;
    const stat = lstatSync(full);
    if (stat.uid !== uid || stat.gid !== gid) {
      try {
        lchownSync(full, uid, gid);
      } catch (error) {
        if (systemCode(error) === undefined) throw error;
        refused |= OWNER_NOT_SET;
      }
    }
    if (row.type === 'fifo' && (stat.mode & 0o7777) !== mode) chmodSync(full, refused ? mode & ~0o6000 : mode);
    if (mtime !== undefined) lutimesSync(full, mtime, mtime);
    this.noteWritten(path, signatureOf(lstatSync(full)), refused, row);
  }

  private makeLink(change: PlannedChange): void {
    const {path} = change;
    const row = change.after as FileRow;
    if (!this.clear(change)) return;
    this.attempt(path, () => {
      const full = this.full(path);
      linkSync(this.full(row.link as string), full);
      this.noteWritten(path, signatureOf(lstatSync(full)), 0, row);
    });
  }

  /** Gives directories what their rows say, deepest first: a mode may lock what is below, and a time is set last. */
  private finishDirectories(changes: readonly PlannedChange[]): void {
    for (let i = changes.length - 1; i >= 0; i--) {
      const {path, after} = changes[i] as PlannedChange;
      if (after?.type !== 'dir') continue;
      this.opened.delete(path);
      this.attempt(path, () => {
        const meta = this.metaOf(after);
        const full = this.full(path);
        const stat = lstatSync(full);
        if (!stat.isDirectory()) throw Object.assign(new Error('no directory'), {code: 'ENOTDIR'});
        if (this.created.has(path) && meta.xattrs === null && meta.mtime === undefined && isMine(stat, meta)) {
          // the common case, without opening it
          if ((stat.mode & 0o7777) !== meta.mode) chmodSync(full, meta.mode);
          this.noteWritten(path, signatureOf(lstatSync(full)), 0, after);
        } else {
          if ((stat.mode & 0o400) === 0 && !this.privileged) chmodSync(full, 0o700);
          this.changeMeta(path, after, constants.O_RDONLY | constants.O_DIRECTORY);
        }
      });
    }
  }

  private noteWritten(path: string, signature: Signature, refused: number, row: FileRow): void {
    this.written++;
    if (refused & OWNER_NOT_SET) this.owners++;
    if (refused & XATTRS_NOT_SET) this.xattrs++;
    if (refused & TIME_NOT_SET) this.times++;
    this.updates.push({
      path,
      signature,
      state: refused & (OWNER_NOT_SET | XATTRS_NOT_SET) ? UNKNOWN : CLEAN,
      link: row.link,
    });
  }

  private note(path: string, signature: Signature | null, link: string | null): void {
    this.updates.push({path, signature, state: CLEAN, link});
  }
}

/** Returns whether something is removed before an entry is written: what was not there before is written only if it is not there now. */
function isReplaced({stat}: PlannedChange): boolean {
  return stat !== undefined && !stat.isDirectory();
}

function isMine(stat: Stats, meta: MetaTask): boolean {
  return stat.uid === meta.uid && stat.gid === meta.gid;
}

function bytesOf(path: FsPath): Buffer {
  return typeof path === 'string' ? Buffer.from(path) : asBuffer(path);
}

/**
 * Node takes a time as seconds in a double and cuts it to whole microseconds, so that is what can be restored. A double of
 * this century is off by up to a quarter of one, hence the addition: a time of whole microseconds must not lose one.
 */
function secondsOf(nanoseconds: bigint): number {
  const seconds = nanoseconds / 1_000_000_000n;
  return Number(seconds) + (Number(nanoseconds - seconds * 1_000_000_000n) + 250) / 1e9;
}

function unwritable(failures: readonly Failure[]): DbosError {
  const paths = failures.map(({path}) => path);
  const codes = [...new Set(failures.map(({code}) => code))];
  return new DbosError('FILE_UNWRITABLE', `Cannot write ${listPaths(paths)} (${codes.join(', ')}).`, {
    hint: 'Some files are at the target already: make room or change the permissions, then run the command again.',
    data: {paths, codes: failures.map(({code}) => code)},
  });
}
