/**
 * Extended attributes of files and directories through the optional package `fs-xattr`; without it, and on file systems
 * that have none, there are none. Attributes are reached through `/proc/self/fd`, so that neither a symlink that appears
 * meanwhile nor a name that is not UTF-8 leads elsewhere. Those of symlinks are not kept: Linux allows users none.
 * Layer: worktree.
 */
import {closeSync, constants, openSync} from 'node:fs';
import {isWellFormed} from '../bytes.js';
import {systemCode} from '../errors.js';
import {encodeXattrs} from '../state/xattrs.js';
import type {FsPath} from './fspath.js';

interface Binding {
  /** Whether the package is there. */
  readonly present: boolean;
  listAttributesSync(path: string): string[];
  getAttributeSync(path: string, name: string): Buffer;
  setAttributeSync(path: string, name: string, value: Buffer): void;
  removeAttributeSync(path: string, name: string): void;
}

let binding: Binding | undefined;

/** Loads the package; must have been awaited before the other functions do anything. */
export async function loadXattrs(): Promise<void> {
  if (binding !== undefined) return;
  try {
    binding = {...(await import('fs-xattr')), present: true};
  } catch {
    // optional: not installed, or not built for this system
    binding = {
      present: false,
      listAttributesSync: () => [],
      getAttributeSync: () => Buffer.alloc(0),
      setAttributeSync: () => {
        throw Object.assign(new Error('extended attributes need the package fs-xattr'), {code: 'ENOTSUP'});
      },
      removeAttributeSync: () => undefined,
    };
  }
}

function loaded(): Binding {
  if (binding === undefined) throw new TypeError('extended attributes are not loaded');
  return binding;
}

/**
 * Returns the canonical bytes of the attributes of a file or directory, null if it has none, or undefined where they
 * cannot be read at all, so that nobody can say.
 */
export function readXattrs(path: FsPath): Uint8Array | null | undefined {
  if (!loaded().present) return undefined;
  if (typeof path === 'string') return listAt(path);
  let fd: number;
  try {
    fd = openSync(path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
  } catch {
    return undefined;
  }
  try {
    return listAt(`/proc/self/fd/${fd}`);
  } finally {
    closeSync(fd);
  }
}

function listAt(path: string): Uint8Array | null | undefined {
  let names: string[];
  try {
    names = loaded().listAttributesSync(path);
  } catch {
    return undefined;
  }
  if (names.length === 0) return null;
  const values = new Map<string, Uint8Array>();
  for (const name of names) {
    try {
      values.set(name, loaded().getAttributeSync(path, name));
    } catch {
      // trusted.* and security.* may be listed but not read: an attribute that cannot be read cannot be kept
    }
  }
  return values.size === 0 ? null : encodeXattrs(values);
}

/**
 * Sets the attributes of an open file or directory to exactly these, and returns the names of those that the system did not take.
 */
export function writeXattrs(fd: number, wanted: ReadonlyMap<string, Uint8Array>): string[] {
  const path = `/proc/self/fd/${fd}`;
  const failed: string[] = [];
  for (const name of listNames(path)) {
    if (wanted.has(name)) continue;
    try {
      loaded().removeAttributeSync(path, name);
    } catch (error) {
      if (systemCode(error) === undefined) throw error;
    }
  }
  for (const [name, value] of wanted) {
    try {
      if (!isWellFormed(name)) throw Object.assign(new Error('a name that is not UTF-8'), {code: 'EINVAL'});
      loaded().setAttributeSync(path, name, Buffer.from(value));
    } catch (error) {
      if (systemCode(error) === undefined) throw error;
      failed.push(name);
    }
  }
  return failed;
}

function listNames(path: string): string[] {
  try {
    return loaded().listAttributesSync(path);
  } catch {
    return [];
  }
}
