/**
 * Commands that copy between the state and the disk of this machine: import and export. Nothing on disk is written over, and
 * nothing is written through a symbolic link. Layer: shell.
 */
import {
  closeSync,
  constants,
  fchmodSync,
  futimesSync,
  lstatSync,
  mkdirSync,
  openSync,
  readdirSync,
  symlinkSync,
  writeSync,
} from 'node:fs';
import {basename, resolve} from 'node:path';
import {decodeText, encodeText} from '../bytes.js';
import {DbosError, systemCode} from '../errors.js';
import type {ObjectSink} from '../objects/store.js';
import type {FileEdits} from '../state/file-edits.js';
import type {FileRow} from '../state/files.js';
import {checkPath, joinPath, parentOf} from '../state/path.js';
import type {StoredFiles} from '../state/stored-files.js';
import {writeBodies} from '../tree/bodies.js';
import {ContentRef} from '../tree/cell.js';
import {readEntry} from '../worktree/entry.js';
import {FileSource, fileStatOf} from '../worktree/filesource.js';
import {fsPath} from '../worktree/fspath.js';
import {loadXattrs} from '../worktree/xattr.js';
import type {Builtin} from './builtin.js';

export const importFiles: Builtin = {
  usage: 'HOSTPATH PATH',
  summary: 'Copy a file or directory of this machine into the state.',
  least: 2,
  most: 2,
  completes: 'host',
  changes: true,
  async run({args: [from = '', typed = ''], session, workspace, host}) {
    await loadXattrs();
    const target = session.resolve(typed);
    let count = 0;
    const skipped: string[] = [];
    await workspace.change((edits, signal, _files, sink) => {
      const into = target === '' || edits.find(target)?.type === 'dir';
      const source = resolve(host.directory, from);
      const intake = new HostIntake(edits, sink, source, into ? joinPath(target, basename(source)) : target);
      intake.take('', signal);
      count = intake.count;
      skipped.push(...intake.skipped);
    });
    for (const path of skipped)
      host.note(`${path} is neither a file, a directory nor a symbolic link, and was left out.`);
    host.note(`Copied ${count} ${count === 1 ? 'entry' : 'entries'}.`);
    return undefined;
  },
};

/** Copies a tree of the disk into a state. */
class HostIntake {
  count = 0;
  readonly skipped: string[] = [];

  constructor(
    private readonly edits: FileEdits,
    private readonly sink: ObjectSink,
    private readonly root: string,
    private readonly target: string,
  ) {}

  take(path: string, signal: AbortSignal): void {
    signal.throwIfAborted();
    const {edits, root} = this;
    const full = fsPath(root, path);
    const stat = this.asked(path, () => lstatSync(full, {bigint: true}));
    const there = path === '' ? this.target : `${this.target}/${path}`;
    if (!stat.isFile() && !stat.isDirectory() && !stat.isSymbolicLink()) {
      this.skipped.push(path === '' ? root : `${root}/${path}`);
      return;
    }
    const {type, target, mode, uid, gid, user, group, mtime, xattrs} = this.asked(path, () =>
      readEntry(root, path, fileStatOf(stat)),
    );
    if (type === 'dir') edits.makeDirectory(there, {parents: edits.find(there)?.type === 'dir'});
    else if (type === 'symlink') edits.makeSymlink(there, target as string);
    else edits.write(there, this.body(path));
    edits.change(there, {mode, uid, gid, user, group, mtime, xattrs: xattrs ?? null});
    this.count++;
    if (type !== 'dir') return;
    const names = this.asked(path, () => readdirSync(full, {encoding: 'buffer'}));
    for (const name of names) this.take(joinPath(path, decodeText(name)), signal);
  }

  private body(path: string): ContentRef {
    const source = new FileSource(fsPath(this.root, path));
    const [body] = writeBodies(this.sink, [source]);
    if (typeof source.outcome === 'string' || body === undefined) {
      throw new DbosError('FILE_UNREADABLE', `'${this.root}/${path}' cannot be read: ${source.outcome}.`, {
        hint: 'Check its permissions, and that nobody writes to it; nothing was copied.',
        data: {path},
      });
    }
    return new ContentRef(body.id, body.size, body.chunked, false);
  }

  private asked<T>(path: string, work: () => T): T {
    try {
      return work();
    } catch (error) {
      if (systemCode(error) === undefined) throw error;
      throw new DbosError(
        'FILE_UNREADABLE',
        `'${joinPath(this.root, path)}' cannot be read: ${(error as Error).message}.`,
        {
          hint: 'Check the path and its permissions; nothing was copied.',
          data: {path},
          cause: error,
        },
      );
    }
  }
}

export const exportFiles: Builtin = {
  usage: 'PATH HOSTPATH',
  summary: 'Copy a file or directory of the state to this machine, where nothing may be yet.',
  least: 2,
  most: 2,
  completes: 'path',
  async run({args: [typed = '', to = ''], session, workspace, host}) {
    const path = session.resolve(typed);
    let count = 0;
    await workspace.read((files, signal) => {
      const outtake = new HostOuttake(files, resolve(host.directory, to));
      const row = files.read(path);
      outtake.put(row, '');
      if (row === undefined || row.type === 'dir') {
        for (const entry of files.below(path)) {
          signal.throwIfAborted();
          outtake.put(entry, path === '' ? entry.path : entry.path.slice(path.length + 1));
        }
      }
      outtake.finish();
      count = outtake.count;
    });
    host.note(`Copied ${count} ${count === 1 ? 'entry' : 'entries'}.`);
    return undefined;
  },
};

/** Copies rows of a state to the disk, parents before their children. */
class HostOuttake {
  count = 0;
  /** The directories that were made, with what they get at the end. */
  private readonly made = new Map<string, FileRow | undefined>();

  constructor(
    private readonly files: StoredFiles,
    private readonly root: string,
  ) {}

  /** Writes an entry; undefined is the root of the state. */
  put(row: FileRow | undefined, path: string): void {
    if (path !== '') {
      // what comes from a store may be anybody's
      checkPath(path);
      if (!this.made.has(parentOf(path)))
        throw new DbosError('NAME_UNSAFE', `'${path}' is not in a directory.`, {hint: 'Run `dbos fsck`.'});
    }
    const full = fsPath(this.root, path);
    try {
      if (row === undefined || row.type === 'dir') {
        mkdirSync(full, {mode: 0o700});
        this.made.set(path, row);
      } else if (row.type === 'symlink') symlinkSync(encodeText(row.target as string), full);
      else if (row.type === 'file') this.writeFile(row, full);
      else return;
    } catch (error) {
      if (systemCode(error) === undefined) throw error;
      throw new DbosError('FILE_UNWRITABLE', `'${this.root}/${path}' cannot be written: ${(error as Error).message}.`, {
        hint: 'Export to a path where nothing is yet.',
        data: {path},
        cause: error,
      });
    }
    this.count++;
  }

  private writeFile(row: FileRow, full: string | Buffer): void {
    const {O_WRONLY, O_CREAT, O_EXCL, O_NOFOLLOW} = constants;
    const fd = openSync(full, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, 0o600);
    try {
      for (const part of this.files.body(row)) for (let at = 0; at < part.length; ) at += writeSync(fd, part, at);
      setMeta(fd, row);
    } finally {
      closeSync(fd);
    }
  }

  /** Gives directories their modes, which may not let anybody write. */
  finish(): void {
    for (const [path, row] of [...this.made].reverse()) {
      const fd = openSync(fsPath(this.root, path), constants.O_RDONLY | constants.O_DIRECTORY | constants.O_NOFOLLOW);
      try {
        if (row === undefined) fchmodSync(fd, 0o755);
        else setMeta(fd, row);
      } finally {
        closeSync(fd);
      }
    }
  }
}

/** The bits that act in an owner's name are not for whoever exports. */
function setMeta(fd: number, {mode, mtime}: FileRow): void {
  fchmodSync(fd, mode & 0o777);
  const seconds = Number(mtime) / 1e9;
  futimesSync(fd, seconds, seconds);
}
