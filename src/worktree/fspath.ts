/**
 * Paths of a work tree as the file system calls take them. Node turns lone surrogates into U+FFFD, so a path that is not
 * UTF-8 goes to the system as bytes; every call in this layer gets its path from here. Layer: worktree.
 */
import {encodeText, isWellFormed} from '../bytes.js';

/** A path for a file system call: text, or bytes where the path is not UTF-8. */
export type FsPath = string | Buffer;

/** Returns the path of an entry for file system calls; `root` is the work tree, `path` lies in it (`''`: the root itself). */
export function fsPath(root: string, path: string): FsPath {
  const full = path === '' ? root : `${root}/${path}`;
  return isWellFormed(full) ? full : encodeText(full);
}
