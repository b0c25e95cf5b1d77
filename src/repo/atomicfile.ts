/**
 * Writes a small file so that after a crash it has the old or the new content, never a part. Layer: repo.
 */
import {closeSync, fchmodSync, fsyncSync, openSync, renameSync, rmSync, writeSync} from 'node:fs';
import {dirname} from 'node:path';
import {DbosError} from '../errors.js';

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
  const folder = openSync(dirname(path), 'r');
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
