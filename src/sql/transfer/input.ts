/**
 * A file that is imported. Guarantee: it can be read again from any place; what cannot (a pipe) is copied to a file without
 * a name first. Layer: sql.
 */
import {randomBytes} from 'node:crypto';
import {closeSync, constants, fstatSync, openSync, readSync, unlinkSync, writeSync} from 'node:fs';
import {join} from 'node:path';
import {DbosError, isDbosError, systemCode} from '../../errors.js';
import {fileFailure} from '../../storage/failure.js';

const PIECE = 256 * 1024;
const RETRY_MS = 5;

export interface InputSource {
  /** An absolute path; undefined for stdin. */
  readonly path: string | undefined;
  /** What the user calls it. */
  readonly name: string;
  /** Where a copy is kept while it is needed. */
  readonly temporary: string;
}

export class Input {
  private constructor(
    readonly name: string,
    private readonly file: number,
    readonly size: number,
    /** A path that leads to it as long as it is open. */
    readonly path: string,
    private readonly changed: number,
  ) {}

  /** Returns a file, open. Waits for all of a pipe. Throws PATH_UNKNOWN, FILE_UNREADABLE; STORE_FULL or STORE_IO for the copy. */
  static open({path, name, temporary}: InputSource): Input {
    try {
      const file = path === undefined ? 0 : openSync(path, constants.O_RDONLY);
      try {
        const stat = fstatSync(file);
        if (stat.isDirectory()) throw unreadable(name, 'it is a directory');
        if (path !== undefined && stat.isFile()) return new Input(name, file, stat.size, path, stat.mtimeMs);
      } catch (error) {
        if (file !== 0) closeSync(file);
        throw error;
      }
      return Input.copied(name, file, temporary);
    } catch (error) {
      if (isDbosError(error)) throw error;
      const code = systemCode(error);
      if (code === 'ENOENT' || code === 'ENOTDIR') {
        throw new DbosError('PATH_UNKNOWN', `There is no file '${name}'.`, {hint: 'Check the name.'});
      }
      if (code !== undefined) throw unreadable(name, (error as Error).message, error);
      throw error;
    }
  }

  private static copied(name: string, from: number, temporary: string): Input {
    const file = nameless(temporary);
    const piece = Buffer.allocUnsafe(PIECE);
    let size = 0;
    try {
      for (let count = readWaiting(from, piece); count > 0; count = readWaiting(from, piece)) {
        write(file, piece.subarray(0, count), temporary);
        size += count;
      }
    } catch (error) {
      closeSync(file);
      throw error;
    }
    if (from !== 0) closeSync(from);
    return new Input(name, file, size, `/dev/fd/${file}`, fstatSync(file).mtimeMs);
  }

  /** Reads bytes from a position of the file into a buffer, as many as fit; returns how many. Throws FILE_UNREADABLE. */
  read(into: Buffer, at: number, position: number): number {
    try {
      return readSync(this.file, into, at, into.length - at, position);
    } catch (error) {
      throw unreadable(this.name, (error as Error).message, error);
    }
  }

  /** Throws FILE_CHANGING if the file is not what it was when it was opened. */
  checkUnchanged(): void {
    const {size, mtimeMs} = fstatSync(this.file);
    if (size === this.size && mtimeMs === this.changed) return;
    throw new DbosError('FILE_CHANGING', `'${this.name}' changed while it was read.`, {
      hint: 'Import it when nobody writes it, or a copy.',
      data: {paths: [this.name]},
    });
  }

  close(): void {
    closeSync(this.file);
  }
}

/** Returns a file in a folder that is gone once it is closed. Throws STORE_FULL or STORE_IO. */
function nameless(folder: string): number {
  const path = join(folder, `dbos-import-${randomBytes(8).toString('hex')}`);
  try {
    const file = openSync(path, 'wx+', 0o600);
    unlinkSync(path);
    return file;
  } catch (error) {
    throw fileFailure(error, folder);
  }
}

/** Throws STORE_FULL or STORE_IO. */
function write(file: number, bytes: Buffer, folder: string): void {
  try {
    for (let at = 0; at < bytes.length; ) at += writeSync(file, bytes, at);
  } catch (error) {
    throw fileFailure(error, folder);
  }
}

/** Reads what is there, and waits for a pipe in non-blocking mode. */
function readWaiting(file: number, piece: Buffer): number {
  for (;;) {
    try {
      return readSync(file, piece);
    } catch (error) {
      if (systemCode(error) !== 'EAGAIN') throw error;
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, RETRY_MS);
    }
  }
}

function unreadable(name: string, reason: string, cause?: unknown): DbosError {
  return new DbosError('FILE_UNREADABLE', `'${name}' cannot be read: ${reason}.`, {
    hint: 'Check the name.',
    data: {paths: [name]},
    cause,
  });
}
