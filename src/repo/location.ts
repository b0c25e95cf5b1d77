/**
 * Where a store is: the folder `.dbos` in a work tree, or a bare store, a folder of its own without a work tree.
 * Layer: repo.
 */
import {basename, dirname, join, resolve} from 'node:path';
import {DbosError} from '../errors.js';
import {STORE_FOLDER} from '../state/path.js';
import {isStore} from './format.js';

export interface StoreLocation {
  /** The folder with `format`, `level/` and `log/`; absolute. */
  readonly store: string;
  /** The root of the work tree, absolute; undefined for a bare store. */
  readonly workTree: string | undefined;
}

/** Returns the location of a store for a directory that is to have one. */
export function locationFor(directory: string, bare: boolean): StoreLocation {
  const folder = resolve(directory);
  return bare ? {store: folder, workTree: undefined} : {store: join(folder, STORE_FOLDER), workTree: folder};
}

/** Returns whether a directory lies in a store. */
export function hasStore(start: string): boolean {
  return nearestStore(start) !== undefined;
}

/** Returns the store that `start` lies in, walking upwards. Throws STORE_NOT_FOUND. */
export function findStore(start: string): StoreLocation {
  const found = nearestStore(start);
  if (found) return found;
  throw new DbosError('STORE_NOT_FOUND', `Neither '${resolve(start)}' nor any folder above it has a store.`, {
    hint: 'Make one with `dbos init`, or name the folder with `-C DIR`.',
    data: {path: resolve(start)},
  });
}

function nearestStore(start: string): StoreLocation | undefined {
  for (let folder = resolve(start); ; folder = dirname(folder)) {
    const inside = join(folder, STORE_FOLDER);
    if (isStore(inside)) return {store: inside, workTree: folder};
    if (isStore(folder)) {
      // from inside `.dbos` itself the work tree is still the folder above
      return {store: folder, workTree: basename(folder) === STORE_FOLDER ? dirname(folder) : undefined};
    }
    if (folder === dirname(folder)) return undefined;
  }
}
