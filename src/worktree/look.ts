/**
 * Looks at entries on disk without making garbage. `lstatSync` of Node 20 makes a `Stats` and four dates for each call,
 * which costs as much as the system call. So the numbers are taken from the function below it, where that is known (Node 20
 * from 20.19 on; 22 makes no dates) and answers just as `lstatSync` does, which is tried out first; else `lstatSync` does
 * it. Layer: worktree.
 */
import {lstatSync} from 'node:fs';
import type {FsPath} from './fspath.js';

/** What a scan needs of a status. */
export interface Look {
  readonly mode: number;
  readonly nlink: number;
  readonly size: number;
  readonly mtimeMs: number;
  readonly ctimeMs: number;
  readonly ino: number;
  readonly dev: number;
}

/** Returns the status of an entry, or undefined if there is none; the next call may overwrite it. Throws as `lstatSync`. */
export type Looker = (path: FsPath) => Look | undefined;

/** Node's own function: the numbers of a status in an array that every call overwrites, or undefined if there is no entry. */
export type RawLstat = (path: FsPath, bigint: boolean, request: undefined, throwIfNoEntry: boolean) => unknown;

/** Looks with public means only. */
export const plainLook: Looker = path => lstatSync(path, {throwIfNoEntry: false});

/** Returns what looks at entries fastest. It is tried out on `directory`, which is there. */
export function lookerFor(directory: string): Looker {
  const raw = rawLstat();
  return (raw && trustedLooker(raw, directory)) ?? plainLook;
}

function rawLstat(): RawLstat | undefined {
  const [major, minor] = process.versions.node.split('.').map(Number);
  if (major !== 20 || (minor as number) < 19) return undefined;
  const {noDeprecation} = process;
  try {
    // who asks Node for warnings of what is going away means their own code
    process.noDeprecation = true;
    const {binding} = process as unknown as {binding(name: string): {lstat?: RawLstat}};
    return binding('fs').lstat;
  } catch {
    return undefined;
  } finally {
    process.noDeprecation = noDeprecation as boolean;
  }
}

/** Returns a looker over `raw`, or undefined if that is not what it is taken for. */
export function trustedLooker(raw: RawLstat, directory: string): Looker | undefined {
  try {
    const look = lookerOver(raw);
    for (const path of [directory, Buffer.from(directory), `${directory}/..`]) {
      // nobody is to change an entry between the two calls; if somebody does, that only costs time
      if (!sameLook(look(path), lstatSync(path))) return undefined;
    }
    if (look(`${directory}/absent.${process.pid}/entry`) !== undefined) return undefined;
    return look;
  } catch {
    return undefined;
  }
}

function lookerOver(raw: RawLstat): Looker {
  const last = {mode: 0, nlink: 0, size: 0, mtimeMs: 0.5, ctimeMs: 0.5, ino: 0, dev: 0};
  return path => {
    const numbers = raw(path, false, undefined, false);
    // whatever is not plain is asked again by public means
    if (!(numbers instanceof Float64Array)) return plainLook(path);
    last.dev = numbers[0] as number;
    last.mode = numbers[1] as number;
    last.nlink = numbers[2] as number;
    last.ino = numbers[7] as number;
    last.size = numbers[8] as number;
    last.mtimeMs = (numbers[12] as number) * 1000 + (numbers[13] as number) / 1_000_000;
    last.ctimeMs = (numbers[14] as number) * 1000 + (numbers[15] as number) / 1_000_000;
    return last;
  };
}

function sameLook(a: Look | undefined, b: Look): boolean {
  return (
    a !== undefined &&
    a.mode === b.mode &&
    a.nlink === b.nlink &&
    a.size === b.size &&
    a.mtimeMs === b.mtimeMs &&
    a.ctimeMs === b.ctimeMs &&
    a.ino === b.ino &&
    a.dev === b.dev
  );
}
