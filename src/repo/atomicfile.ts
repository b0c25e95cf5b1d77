/**
 * Writes a file so that after a crash it has the old or the new content, never a part. Layer: repo.
 */
import {randomBytes} from 'node:crypto';
import {
  chmodSync,
  closeSync,
  fchmodSync,
  fsyncSync,
  openSync,
  realpathSync,
  renameSync,
  rmSync,
  statSync,
  writeSync,
} from 'node:fs';
import {dirname} from 'node:path';
import {DbosError, isDbosError, systemCode} from '../errors.js';
import {isWritable, readOnly} from '../storage/read-only.js';

/**
 * Writes the text to a file beside it, makes it durable, and renames it into place. The file has the mode from the first byte
 * on, if one is given. Throws system errors.
 */
export function writeFileAtomically(path: string, text: string, mode?: number): void {
  const temporary = `${path}.${process.pid}.new`;
  try {
    const file = openSync(temporary, 'w', mode);
    try {
      // one that a killed process left may have another
      if (mode !== undefined) fchmodSync(file, mode);
      writeSync(file, text);
      fsyncSync(file);
    } finally {
      closeSync(file);
    }
    renameSync(temporary, path);
  } catch (error) {
    rmSync(temporary, {force: true});
    throw error;
  }
  syncFolder(dirname(path));
}

/** Why a file cannot be written, by the code of the system. */
const WRITE_FAULTS: Readonly<Record<string, string>> = {
  ENOSPC: 'the disk is full',
  EDQUOT: 'the disk is full',
  ENOENT: 'there is no such directory',
  ENOTDIR: 'there is no such directory',
  EISDIR: 'it is a directory',
  EACCES: 'permission is denied',
  EROFS: 'the file system is read-only',
};

/**
 * Returns FILE_UNWRITABLE for what a system call threw that wrote a file of the user; what is no error of the system as it is. `hint` is for
 * all but a disk that is full.
 */
export function unwritable(error: unknown, name: string, hint: string): unknown {
  const code = systemCode(error);
  if (code === undefined || isDbosError(error)) return error;
  const reason = WRITE_FAULTS[code] ?? (error as Error).message;
  const isFull = reason === WRITE_FAULTS.ENOSPC;
  return new DbosError('FILE_UNWRITABLE', `'${name}' cannot be written: ${reason}.`, {
    hint: isFull ? 'Free some space, or name a file on another disk.' : hint,
    data: {paths: [name]},
    cause: error,
  });
}

/**
 * Writes a file of any size in the same way, its parts as they come. What was there keeps its mode, and a symlink stays one.
 * Throws system errors, and what the parts throw; then nothing has changed.
 */
export async function writePartsAtomically(path: string, parts: AsyncIterable<Uint8Array>): Promise<void> {
  const existing = statSync(path, {throwIfNoEntry: false});
  const target = existing === undefined ? path : realpathSync(path);
  // the folder may be one that others write to
  const temporary = `${target}.${randomBytes(6).toString('hex')}.new`;
  try {
    const file = openSync(temporary, 'wx', 0o666);
    try {
      for await (const part of parts) writeWhole(file, part);
      fsyncSync(file);
    } finally {
      closeSync(file);
    }
    if (existing !== undefined) chmodSync(temporary, existing.mode & 0o7777);
    renameSync(temporary, target);
  } catch (error) {
    rmSync(temporary, {force: true});
    throw error;
  }
  syncFolder(dirname(target));
}

/** Writes all of the bytes: the system may take them in several parts. */
export function writeWhole(file: number, bytes: Uint8Array): void {
  for (let at = 0; at < bytes.length; ) at += writeSync(file, bytes, at);
}

function syncFolder(path: string): void {
  const folder = openSync(path, 'r');
  try {
    fsyncSync(folder);
  } finally {
    closeSync(folder);
  }
}

/** Returns the error for a file that could not be written: `what` is what it holds, in the plural. */
export function cannotWrite(what: string, path: string, error: unknown): DbosError {
  return new DbosError('STORE_IO', `The ${what} in '${path}' cannot be written: ${(error as Error).message}.`, {
    hint: 'Check the permissions of the folder and the disk.',
    data: {path},
    cause: error,
  });
}

/** Returns the same for a file in the folder of a store: READ_ONLY where the store can only be read. */
export function cannotWriteInStore(what: string, path: string, error: unknown): DbosError {
  const store = dirname(path);
  return isWritable(store) ? cannotWrite(what, path, error) : readOnly(store);
}
