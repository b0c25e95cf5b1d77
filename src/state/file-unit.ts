/**
 * One unit of changes to files, by a command or a statement: it notes what each entry was before, and when it is settled
 * the tree is one that a disk can have. Writing P for a path that the unit changed, the rules are:
 *
 * 1. P, its mode and its target can stand in a state
 * 2. what P lies in is a directory
 * 3. if P was a directory and is none any more, nothing lies in it
 * 4. files that share their `link` are alike, as hard links of one file are, and it is the first of their paths
 *
 * Where the unit leaves files of one link unlike each other, the one that it changed last says what all are. Checking
 * costs O(changes × depth), and one look at all links where files with some were changed. Layer: state.
 */
import {encodeText} from '../bytes.js';
import {DbosError} from '../errors.js';
import type {TreeRange} from '../tree/read.js';
import type {FileTree} from './file-tree.js';
import {directoryRange, type FileRow, sameFile, typeName} from './files.js';
import {checkPath, parentOf} from './path.js';

/** The longest target of a symbolic link in bytes, as Linux has it. */
const MAX_TARGET_BYTES = 4095;

export interface SettleOptions {
  /** Makes the row of a directory that is missing above an entry; without it such an entry is an error. */
  readonly parents?: ((path: string) => FileRow) | undefined;
}

/** Changes a tree of files, and knows what it was. */
export class FileUnit implements FileTree {
  private readonly before = new Map<string, FileRow | undefined>();

  constructor(private readonly tree: FileTree) {}

  find(path: string): FileRow | undefined {
    return this.tree.find(path);
  }

  scan(range: TreeRange): Iterable<FileRow> {
    return this.tree.scan(range);
  }

  linked(links: ReadonlySet<string>): Iterable<FileRow> {
    return this.tree.linked(links);
  }

  /** Puts an entry at its path. Throws NAME_UNSAFE and ROW_INVALID, and changes nothing then. */
  set(file: FileRow): void {
    checkPath(file.path); // (1)
    checkValues(file); // (1)
    this.note(file.path);
    this.tree.set(file);
  }

  remove(path: string): void {
    this.note(path);
    this.tree.remove(path);
  }

  /** Brings back what there was before the unit. */
  undo(): void {
    for (const [path, file] of this.before) {
      if (file === undefined) this.tree.remove(path);
      else this.tree.set(file);
    }
    this.before.clear();
  }

  /**
   * Holds the other rules. Throws PATH_UNKNOWN for a directory that is missing, PATH_NOT_DIRECTORY for what stands in the
   * place of one, DIRECTORY_NOT_EMPTY; the tree is as the unit has left it then.
   */
  settle({parents}: SettleOptions = {}): void {
    const directories = new Set(['']);
    for (const path of [...this.before.keys()]) {
      if (this.tree.find(path)) this.checkAbove(path, directories, parents); // (2)
    }
    for (const [path, was] of this.before) {
      if (was?.type !== 'dir' || this.tree.find(path)?.type === 'dir') continue;
      for (const {path: entry} of this.tree.scan(directoryRange(path))) throw notEmpty(path, entry); // (3)
    }
    this.joinLinks(); // (4)
  }

  private note(path: string): void {
    const known = this.before.has(path);
    const before = known ? this.before.get(path) : this.tree.find(path);
    // the last change comes last
    if (known) this.before.delete(path);
    this.before.set(path, before);
  }

  private checkAbove(path: string, known: Set<string>, parents: SettleOptions['parents']): void {
    for (let above = parentOf(path); !known.has(above); above = parentOf(above)) {
      known.add(above);
      const found = this.tree.find(above);
      if (found !== undefined) {
        if (found.type !== 'dir') throw notDirectory(found);
        // what that one lies in is none of this path's business: it was a directory before, or is looked at by itself
        return;
      }
      if (parents === undefined) throw parentMissing(path, above);
      this.set(parents(above));
    }
  }

  private joinLinks(): void {
    const {tree} = this;
    const links = new Set<string>();
    const leaders = new Map<string, FileRow>();
    for (const [path, was] of this.before) {
      const is = tree.find(path);
      if (was?.link) links.add(was.link);
      if (!is?.link) continue;
      links.add(is.link);
      if (was === undefined || was.mtime !== is.mtime || !sameFile(was, is)) leaders.set(is.link, is);
    }
    if (links.size === 0) return;
    const groups = new Map<string, FileRow[]>();
    for (const file of tree.linked(links)) {
      const group = groups.get(file.link as string);
      if (group) group.push(file);
      else groups.set(file.link as string, [file]);
    }
    for (const [name, group] of groups) {
      const leader = leaders.get(name);
      const link = group.length === 1 ? null : (group[0] as FileRow).path;
      for (const file of group) {
        const joined = {...(leader ?? file), path: file.path, link};
        if (joined.mtime !== file.mtime || !sameFile(joined, file)) this.set(joined);
      }
    }
  }
}

function checkValues({path, mode, target}: FileRow): void {
  if (!(Number.isInteger(mode) && mode >= 0 && mode <= 0o7777)) {
    throw new DbosError('ROW_INVALID', `'${path}' cannot have the mode ${mode}.`, {
      hint: 'A mode is permission bits with setuid, setgid and sticky: 0 to 4095, which is 0o7777.',
      data: {path},
    });
  }
  if (target === null) return;
  if (target !== '' && !target.includes('\0') && encodeText(target).length <= MAX_TARGET_BYTES) return;
  throw new DbosError('NAME_UNSAFE', `The symbolic link '${path}' cannot have that target.`, {
    hint: `A target is a text of 1 to ${MAX_TARGET_BYTES} bytes without NUL.`,
    data: {path},
  });
}

function parentMissing(path: string, parent: string): DbosError {
  return new DbosError('PATH_UNKNOWN', `There is no directory '${parent}' for '${path}'.`, {
    hint: 'Make it first, or have missing directories made (--parents).',
    data: {path: parent},
  });
}

/** Returns the error for an entry that stands where a directory must be. */
export function notDirectory({path, type}: FileRow): DbosError {
  return new DbosError('PATH_NOT_DIRECTORY', `'${path}' is a ${typeName(type)}, not a directory.`, {
    hint: 'Nothing can lie in it: choose another path, or remove it first.',
    data: {path},
  });
}

/** Returns the error for a directory that is to go and has something in it. */
export function notEmpty(path: string, entry: string): DbosError {
  return new DbosError('DIRECTORY_NOT_EMPTY', `The directory '${path}' is not empty: it has '${entry}'.`, {
    hint: 'Remove what is in it, too.',
    data: {path, entry},
  });
}
