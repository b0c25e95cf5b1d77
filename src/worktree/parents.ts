/**
 * The directories on the way to a path, as they are on disk: nothing is written or removed through a symlink, or through
 * a file. Each directory is looked at once. Layer: worktree.
 */
import {lstatSync, type Stats} from 'node:fs';
import {systemCode} from '../errors.js';
import {parentOf} from '../state/path.js';
import {fsPath} from './fspath.js';

/** A directory, nothing, or the path of the first thing on the way that is no directory. */
export type Way =
  /** `stat` is undefined for a directory that was made here, and so is writable. */
  | {readonly kind: 'directory'; readonly stat: Stats | undefined}
  | {readonly kind: 'absent'}
  | {readonly kind: 'blocked'; readonly by: string};

const ABSENT: Way = {kind: 'absent'};
const MADE: Way = {kind: 'directory', stat: undefined};

export class Parents {
  private readonly known = new Map<string, Way>();

  constructor(private readonly root: string) {}

  /** Returns what a directory path is on disk; `''` is the work tree. */
  way(directory: string): Way {
    const known = this.known.get(directory);
    if (known !== undefined) return known;
    const above = directory === '' ? undefined : this.way(parentOf(directory));
    const way = above === undefined || above.kind === 'directory' ? this.look(directory) : above;
    this.known.set(directory, way);
    return way;
  }

  /** Returns the status of an entry, or undefined if nothing is there or the way to it is no way. */
  lstat(path: string): Stats | undefined {
    return this.way(parentOf(path)).kind === 'directory' ? lookAt(this.root, path) : undefined;
  }

  /** Takes note of a directory that was made here. */
  made(directory: string): void {
    this.known.set(directory, MADE);
  }

  /** Takes note of an entry that was removed here; what was below it was removed before. */
  removed(path: string): void {
    this.known.set(path, ABSENT);
  }

  private look(directory: string): Way {
    const stat = lookAt(this.root, directory);
    if (stat === undefined) return ABSENT;
    return stat.isDirectory() ? {kind: 'directory', stat} : {kind: 'blocked', by: directory};
  }
}

function lookAt(root: string, path: string): Stats | undefined {
  try {
    return lstatSync(fsPath(root, path), {throwIfNoEntry: false});
  } catch (error) {
    // a name that this file system cannot have is not there
    const code = systemCode(error);
    if (code === 'ENAMETOOLONG' || code === 'EINVAL' || code === 'EILSEQ') return undefined;
    throw error;
  }
}
