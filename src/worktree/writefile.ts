/**
 * Writes one new file of a work tree, in any thread. Until it is complete it has the mode UNFINISHED, by which the next
 * command knows and removes what an interrupted one left. It never follows a symlink and never writes into a file that is
 * there: one that is to be replaced is removed at the last moment. Holes stay holes. Layer: worktree.
 */
import {
  closeSync,
  constants,
  fchmodSync,
  fchownSync,
  fstatSync,
  ftruncateSync,
  futimesSync,
  openSync,
  unlinkSync,
  writeSync,
} from 'node:fs';
import {systemCode} from '../errors.js';
import type {ObjectId} from '../objects/id.js';
import {decodeXattrs} from '../state/xattrs.js';
import type {Location} from '../storage/storage.js';
import {MAX_CHUNK} from '../tree/chunker.js';
import {zeroChunkId} from '../tree/content.js';
import type {FsPath} from './fspath.js';
import {type Signature, signatureOf} from './listing.js';
import {writeXattrs} from './xattr.js';

/** The mode of a file that is not complete: readable by its owner only, and sticky, which means nothing for a file. */
export const UNFINISHED = 0o1600;

/** Where the bytes of a chunk are: in the value log, or here. */
export interface ChunkTask {
  readonly id: ObjectId;
  readonly size: number;
  readonly location: Location | undefined;
  readonly bytes: Uint8Array | undefined;
}

/** What an entry gets besides its content. Plain data. */
export interface MetaTask {
  readonly mode: number;
  /** −1 to leave the owner as it is. */
  readonly uid: number;
  readonly gid: number;
  /** Canonical bytes, or null. */
  readonly xattrs: Uint8Array | null;
  /** Seconds since 1970 with fraction; undefined for the present. */
  readonly mtime: number | undefined;
}

/** A file to write. */
export interface FileTask extends MetaTask {
  readonly path: FsPath;
  /** Whether something stands there that goes first. */
  readonly replace: boolean;
  readonly chunks: Iterable<ChunkTask>;
}

/** What the system refused, as bits. */
export const OWNER_NOT_SET = 1;
export const XATTRS_NOT_SET = 2;
export const TIME_NOT_SET = 4;

export interface Written {
  readonly signature: Signature;
  readonly refused: number;
}

/** Writes the file. `read` returns the verified bytes of a chunk. Throws what the system throws, and then removes nothing. */
export function writeFile(task: FileTask, read: (chunk: ChunkTask) => Uint8Array): Written {
  const {O_WRONLY, O_CREAT, O_EXCL, O_NOFOLLOW} = constants;
  if (task.replace) unlinkSync(task.path);
  const fd = openSync(task.path, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, UNFINISHED);
  try {
    let at = 0;
    let hole = false;
    for (const chunk of task.chunks) {
      hole = chunk.size === MAX_CHUNK && chunk.id === zeroChunkId();
      if (!hole) writeAll(fd, read(chunk), at);
      at += chunk.size;
    }
    if (hole) ftruncateSync(fd, at);
    return applyMeta(fd, task);
  } finally {
    closeSync(fd);
  }
}

function writeAll(fd: number, bytes: Uint8Array, position: number): void {
  for (let done = 0; done < bytes.length; ) {
    done += writeSync(fd, bytes, done, bytes.length - done, position + done);
  }
}

/**
 * Sets owner, attributes, mode and time of an open entry and returns its signature then. A refusal is noted, not thrown. The order matters:
 * a new owner clears setuid and capabilities, and attributes need a mode that lets the owner write.
 */
export function applyMeta(fd: number, task: MetaTask): Written {
  let refused = 0;
  let {mode} = task;
  let stat = fstatSync(fd);
  if (task.uid >= 0 && (stat.uid !== task.uid || stat.gid !== task.gid)) {
    try {
      fchownSync(fd, task.uid, task.gid);
    } catch (error) {
      if (systemCode(error) === undefined) throw error;
      refused |= OWNER_NOT_SET;
    }
  } else if (task.uid < 0) refused |= OWNER_NOT_SET;
  // the bits that act in the owner's name are not for another owner
  if (refused & OWNER_NOT_SET) mode &= ~0o6000;
  if (task.xattrs !== null && writeXattrs(fd, decodeXattrs(task.xattrs)).length > 0) refused |= XATTRS_NOT_SET;
  fchmodSync(fd, mode);
  if (task.mtime !== undefined) {
    try {
      futimesSync(fd, task.mtime, task.mtime);
    } catch (error) {
      if (systemCode(error) === undefined) throw error;
      refused |= TIME_NOT_SET;
    }
  }
  stat = fstatSync(fd);
  return {signature: signatureOf(stat), refused};
}
