/**
 * Edits of the files of a state as commands do them: writing, making, removing, moving, copying. Each edit is done as a
 * whole or, when it throws, not at all, and leaves a tree that a disk can have (see `FileUnit`). Symbolic links are entries
 * and never followed: a path with one above its end is an error. Costs O(changes × depth). Layer: state.
 */
import {DbosError} from '../errors.js';
import type {ObjectSink} from '../objects/store.js';
import {BodyWriter} from '../tree/bodies.js';
import {ContentRef} from '../tree/cell.js';
import type {TreeRoot} from '../tree/spec.js';
import {EditedFiles} from './file-tree.js';
import {FileUnit, notDirectory, notEmpty} from './file-unit.js';
import {directoryRange, type FileRow, type FileType, subtreeRange, typeName, unknownPath} from './files.js';
import {isWithin} from './path.js';
import type {OnFilesRead} from './stored-files.js';

/** Who owns a file. */
export type FileOwner = Pick<FileRow, 'uid' | 'gid' | 'user' | 'group'>;

/** What of an entry is beside its content. */
export type FileMeta = FileOwner & Pick<FileRow, 'mode' | 'mtime' | 'xattrs'>;

export interface FileEditOptions {
  /** Who owns what is made. */
  readonly owner: FileOwner;
  /** Returns the time that entries get, in nanoseconds since 1970. */
  readonly now: () => bigint;
  readonly onRead?: OnFilesRead | undefined;
}

/** The permission bits of new entries. */
export const NEW_MODE: Readonly<Record<FileType, number>> = {file: 0o644, dir: 0o755, symlink: 0o777, fifo: 0o644};

export interface PlaceOptions {
  /** Make the directories that are missing above; without it they are an error. */
  readonly parents?: boolean;
}

export interface MakeOptions extends PlaceOptions {
  /** Permission bits of an entry that is made. */
  readonly mode?: number;
}

export interface MoveOptions extends PlaceOptions {
  /** Put it in the place of a file that is there, or, a directory, of one that is empty. */
  readonly replace?: boolean;
}

export interface CopyOptions extends PlaceOptions {
  /** Copy a directory with all that is in it. */
  readonly recursive?: boolean;
  /** Write into files that are there, and into directories. */
  readonly replace?: boolean;
  /** Keep owners, times and attributes; without it copies are new files of whoever copies. */
  readonly preserve?: boolean;
}

/** The files of a state while they are edited. Bodies that were written can be read after `root`. */
export class FileEdits {
  private readonly files: EditedFiles;
  private readonly bodies: BodyWriter;

  constructor(
    sink: ObjectSink,
    base: TreeRoot,
    private readonly options: FileEditOptions,
  ) {
    this.files = new EditedFiles(sink, base, options.onRead);
    this.bodies = new BodyWriter(sink);
  }

  /** Puts everything into the sink and returns the root of the files. */
  root(): TreeRoot {
    this.bodies.flush();
    return this.files.root();
  }

  // -------------------------------------------------------------------------------------------------- reading

  /** Returns the entry at a path, or undefined; the root itself has none. */
  find(path: string): FileRow | undefined {
    return this.files.find(path);
  }

  /** Returns the entry at a path. Throws PATH_UNKNOWN. */
  read(path: string): FileRow {
    const found = this.find(path);
    if (found === undefined) throw unknownPath(path, 'this state');
    return found;
  }

  /** Yields the entries of a directory by name, as they are when it begins. Throws PATH_UNKNOWN or PATH_NOT_DIRECTORY. */
  *list(directory: string): Generator<FileRow, void, undefined> {
    if (directory !== '') this.readDirectory(directory);
    yield* this.files.scan(directoryRange(directory));
  }

  private readDirectory(path: string): FileRow {
    const found = this.read(path);
    if (found.type !== 'dir') throw notDirectory(found);
    return found;
  }

  // -------------------------------------------------------------------------------------------------- making

  /**
   * Writes the body of a file, which is made if it is not there; one that is keeps its mode, owner and attributes, and so do
   * its hard links, which get the body too. The bytes must not change before the sink has committed. Throws PATH_NOT_FILE for
   * what is none, and as `FileUnit`.
   */
  write(path: string, body: Uint8Array | ContentRef, {mode, parents}: MakeOptions = {}): void {
    this.unit(parents, unit => {
      const found = unit.find(path);
      if (found !== undefined && found.type !== 'file') throw notFile(found);
      const content = body instanceof ContentRef ? body : this.bodies.write(body, false);
      const file = found ?? this.made(path, 'file', mode);
      unit.set({...file, content, mtime: this.options.now()});
    });
  }

  /** Makes a directory. With `parents` one that is there is no error. Throws PATH_EXISTS, and as `FileUnit`. */
  makeDirectory(path: string, {mode, parents}: MakeOptions = {}): void {
    this.unit(parents, unit => {
      const found = unit.find(path);
      if (found?.type === 'dir' && parents) return;
      this.make(unit, path, this.made(path, 'dir', mode));
    });
  }

  /** Makes a symbolic link. Throws PATH_EXISTS, and as `FileUnit`. */
  makeSymlink(path: string, target: string, {parents}: PlaceOptions = {}): void {
    this.unit(parents, unit => this.make(unit, path, {...this.made(path, 'symlink', undefined), target}));
  }

  /** Makes a named pipe. Throws PATH_EXISTS, and as `FileUnit`. */
  makeFifo(path: string, {mode, parents}: MakeOptions = {}): void {
    this.unit(parents, unit => this.make(unit, path, this.made(path, 'fifo', mode)));
  }

  /** Makes a hard link of a file. Throws PATH_UNKNOWN, PATH_NOT_FILE, PATH_EXISTS, and as `FileUnit`. */
  makeLink(existing: string, path: string, {parents}: PlaceOptions = {}): void {
    this.unit(parents, unit => {
      const file = this.read(existing);
      if (file.type !== 'file') throw notFile(file);
      const link = file.link ?? file.path;
      if (file.link === null) unit.set({...file, link});
      this.make(unit, path, {...file, path, link});
    });
  }

  // -------------------------------------------------------------------------------------------------- changing

  /** Changes what is beside the content of an entry, and of its hard links. Throws PATH_UNKNOWN. */
  change(path: string, meta: Partial<FileMeta>): void {
    this.unit(false, unit => unit.set({...this.read(path), ...meta}));
  }

  /** Removes an entry; a directory with something in it only if `recursive` is set. Throws PATH_UNKNOWN, DIRECTORY_NOT_EMPTY. */
  remove(path: string, {recursive = false}: {readonly recursive?: boolean} = {}): void {
    this.unit(false, unit => {
      const found = this.read(path);
      if (recursive && found.type === 'dir') for (const entry of this.below(path)) unit.remove(entry.path);
      unit.remove(path);
    });
  }

  /**
   * Moves an entry, a directory with all that is in it. Throws PATH_UNKNOWN; PATH_INVALID for a directory that would go into
   * itself; without `replace` PATH_EXISTS, with it PATH_NOT_FILE, PATH_NOT_DIRECTORY or DIRECTORY_NOT_EMPTY for what cannot be
   * replaced; and as `FileUnit`.
   */
  move(from: string, to: string, {parents, replace}: MoveOptions = {}): void {
    this.unit(parents, unit => {
      const entry = this.read(from);
      if (from === to) return;
      if (entry.type === 'dir' && isWithin(to, from)) throw intoItself(from, to);
      const there = unit.find(to);
      if (there !== undefined && !replace) throw pathExists(there);
      if (there !== undefined) this.checkReplaceable(entry, there);
      const below = entry.type === 'dir' ? this.below(from) : [];
      for (const each of [entry, ...below]) {
        unit.remove(each.path);
        unit.set({...each, path: to + each.path.slice(from.length)});
      }
    });
  }

  /**
   * Copies an entry; hard links become files of their own. A file that is written into keeps its mode and owner. Throws
   * PATH_UNKNOWN; PATH_NOT_FILE for a directory without `recursive`; PATH_INVALID for one that would go into itself; without
   * `replace` PATH_EXISTS, with it PATH_NOT_FILE or PATH_NOT_DIRECTORY where the types differ; and as `FileUnit`.
   */
  copy(from: string, to: string, {parents, recursive, replace, preserve}: CopyOptions = {}): void {
    this.unit(parents, unit => {
      const entry = this.read(from);
      if (entry.type === 'dir' && !recursive) throw notFile(entry);
      if (isWithin(to, from)) throw intoItself(from, to);
      const below = entry.type === 'dir' ? this.below(from) : [];
      for (const each of [entry, ...below]) {
        const path = to + each.path.slice(from.length);
        const there = unit.find(path);
        const copied = preserve ? each : this.copied(each);
        if (there === undefined) unit.set({...copied, path, link: null});
        else if (!replace) throw pathExists(there);
        else if (there.type !== each.type) throw each.type === 'dir' ? notDirectory(there) : notFile(there);
        else if (each.type !== 'dir') {
          const {content, target, mtime} = copied;
          unit.set(preserve ? {...copied, path, link: there.link} : {...there, content, target, mtime});
        }
      }
    });
  }

  // -------------------------------------------------------------------------------------------------- inside

  private unit(parents: boolean | undefined, work: (unit: FileUnit) => void): void {
    const unit = new FileUnit(this.files);
    try {
      work(unit);
      unit.settle({parents: parents ? path => this.made(path, 'dir', undefined) : undefined});
    } catch (error) {
      unit.undo();
      throw error;
    }
  }

  private made(path: string, type: FileType, mode = NEW_MODE[type]): FileRow {
    const {owner, now} = this.options;
    return {path, type, mode, ...owner, mtime: now(), content: null, target: null, link: null, xattrs: null};
  }

  private make(unit: FileUnit, path: string, file: FileRow): void {
    const there = unit.find(path);
    if (there !== undefined) throw pathExists(there);
    unit.set(file);
  }

  private copied(file: FileRow): FileRow {
    return {...file, ...this.options.owner, mode: file.mode & 0o777, mtime: this.options.now(), xattrs: null};
  }

  private below(directory: string): FileRow[] {
    return [...this.files.scan(subtreeRange(directory))];
  }

  private checkReplaceable(entry: FileRow, there: FileRow): void {
    if (entry.type === 'dir' && there.type !== 'dir') throw notDirectory(there);
    if (entry.type !== 'dir' && there.type === 'dir') throw notFile(there);
    if (there.type !== 'dir') return;
    for (const {path} of this.files.scan(directoryRange(there.path))) throw notEmpty(there.path, path);
  }
}

/** Returns the error for an entry that is in the way. */
function pathExists({path, type}: FileRow): DbosError {
  return new DbosError('PATH_EXISTS', `There is a ${typeName(type)} '${path}' already.`, {
    hint: 'Choose another path, or remove it first.',
    data: {path},
  });
}

/** Returns the error for an entry that is no file where one must be. */
function notFile({path, type}: FileRow): DbosError {
  return new DbosError('PATH_NOT_FILE', `'${path}' is a ${typeName(type)}, not a file.`, {
    hint:
      type === 'dir'
        ? 'Name a file in it, or do it with all that is in it.'
        : 'Choose another path, or remove it first.',
    data: {path},
  });
}

function intoItself(from: string, to: string): DbosError {
  return new DbosError('PATH_INVALID', `'${from}' cannot go into itself as '${to}'.`, {
    hint: 'Choose a path outside of it.',
    data: {path: to},
  });
}
