/**
 * One file of a work tree as the source of a body. The file is looked at before and after it is read, so a file that
 * changes meanwhile is noticed; a symlink or a device that has come in its place is not read. Layer: worktree.
 */
import {type BigIntStats, closeSync, constants, fstatSync, openSync, readSync} from 'node:fs';
import {systemCode} from '../errors.js';
import type {BodySource} from '../tree/bodies.js';
import type {FsPath} from './fspath.js';

/** What a file was when it was read: plain numbers, so that a worker thread can send them. */
export interface FileStat {
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
  readonly nlink: number;
  readonly size: number;
  readonly ino: number;
  /** Milliseconds with fraction, computed as `Stats` does. */
  readonly mtimeMs: number;
  readonly ctimeMs: number;
  readonly mtimeNs: bigint;
}

/** Returns milliseconds with fraction: the very number that `Stats` has for the same time. */
export function millisecondsOf(nanoseconds: bigint): number {
  const seconds = nanoseconds / 1_000_000_000n - (nanoseconds < 0n && nanoseconds % 1_000_000_000n !== 0n ? 1n : 0n);
  return Number(seconds) * 1000 + Number(nanoseconds - seconds * 1_000_000_000n) / 1_000_000;
}

/** Returns the plain numbers of a file's status. */
export function fileStatOf(stat: BigIntStats): FileStat {
  return {
    mode: Number(stat.mode),
    uid: Number(stat.uid),
    gid: Number(stat.gid),
    nlink: Number(stat.nlink),
    size: Number(stat.size),
    ino: Number(stat.ino),
    mtimeMs: millisecondsOf(stat.mtimeNs),
    ctimeMs: millisecondsOf(stat.ctimeNs),
    mtimeNs: stat.mtimeNs,
  };
}

/** What came of reading a file: its status, or the system's code of the failure; CHANGING if it was not the same before and after. */
export type FileOutcome = FileStat | string;

export const CHANGING = 'CHANGING';

export class FileSource implements BodySource {
  outcome: FileOutcome | undefined;
  private fd = -1;
  private before: BigIntStats | undefined;
  private left = 0;

  constructor(private readonly path: FsPath) {}

  read(target: Buffer, offset: number, length: number): number {
    try {
      if (this.fd < 0 && !this.open()) return 0;
      if (this.left > 0) {
        const read = readSync(this.fd, target, offset, Math.min(length, this.left), null);
        this.left -= read;
        if (read > 0) return read;
      }
      this.finish();
    } catch (error) {
      const code = systemCode(error);
      if (code === undefined) throw error;
      this.outcome = code;
      this.close();
    }
    return 0;
  }

  private open(): boolean {
    // a pipe that has come in place of the file must not make this wait
    this.fd = openSync(this.path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
    this.before = fstatSync(this.fd, {bigint: true});
    if (!this.before.isFile()) {
      this.outcome = CHANGING;
      this.close();
      return false;
    }
    this.left = Number(this.before.size);
    return true;
  }

  private finish(): void {
    const before = this.before as BigIntStats;
    const after = fstatSync(this.fd, {bigint: true});
    const same =
      this.left === 0 &&
      before.size === after.size &&
      before.mtimeNs === after.mtimeNs &&
      before.ctimeNs === after.ctimeNs;
    this.outcome = same ? fileStatOf(after) : CHANGING;
    this.close();
  }

  private close(): void {
    if (this.fd < 0) return;
    closeSync(this.fd);
    this.fd = -1;
  }
}
