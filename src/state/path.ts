/**
 * Paths inside a state: names joined by `/`, without a leading one; the root is the empty path. A name is any bytes but
 * NUL and `/`, and none of those that would lead outside or into the store. Layer: state.
 */
import {encodeText} from '../bytes.js';
import {DbosError} from '../errors.js';

/** The name of the store's own folder in a work tree. */
export const STORE_FOLDER = '.dbos';

/** The longest name of a file in bytes, as Linux and most others have it. */
export const MAX_NAME_BYTES = 255;

/** Returns the directory part of a path: `''` for an entry of the root. */
export function parentOf(path: string): string {
  const slash = path.lastIndexOf('/');
  return slash < 0 ? '' : path.slice(0, slash);
}

/** Returns the last name of a path. */
export function nameOf(path: string): string {
  return path.slice(path.lastIndexOf('/') + 1);
}

/** Returns the path of an entry of a directory. */
export function joinPath(directory: string, name: string): string {
  return directory === '' ? name : `${directory}/${name}`;
}

/** Returns whether `path` is `directory` or lies below it. */
export function isWithin(path: string, directory: string): boolean {
  return directory === '' || path === directory || path.startsWith(`${directory}/`);
}

/**
 * Returns whether a name would reach the store's own folder on some file system: `.dbos` in any case, with trailing dots
 * or spaces, or with characters that HFS+ ignores.
 */
export function isStoreFolder(name: string): boolean {
  if (name.length < STORE_FOLDER.length) return false;
  const plain = name.replace(/[\u200b-\u200f\u202a-\u202e\u2060-\u206f\ufeff]/g, '').replace(/[. ]+$/, '');
  return plain.toLowerCase() === STORE_FOLDER;
}

/** Returns why a name cannot stand for an entry of a directory, or undefined if it can. */
export function nameProblem(name: string): string | undefined {
  if (name === '') return 'is empty';
  if (name === '.' || name === '..') return 'means another directory';
  if (name.includes('/')) return "contains '/'";
  if (name.includes('\0')) return 'contains NUL';
  if (isStoreFolder(name)) return "is the store's own folder";
  if (name.length > MAX_NAME_BYTES / 4 && encodeText(name).length > MAX_NAME_BYTES) {
    return `is longer than ${MAX_NAME_BYTES} bytes`;
  }
  return undefined;
}

/** Returns why a path cannot stand in a state, or undefined if it can. */
export function pathProblem(path: string): string | undefined {
  for (const name of path.split('/')) {
    const problem = nameProblem(name);
    if (problem !== undefined) return problem;
  }
  return undefined;
}

/** Throws NAME_UNSAFE unless the path can stand in a state. */
export function checkPath(path: string): void {
  const problem = pathProblem(path);
  if (problem === undefined) return;
  throw new DbosError('NAME_UNSAFE', `The path ${JSON.stringify(path)} cannot be used: a name in it ${problem}.`, {
    hint: 'Names must stay inside the work tree and outside its .dbos folder.',
    data: {path},
  });
}
