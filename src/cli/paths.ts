/** Paths that a user names, turned into paths of a state: relative to the root of the work tree. Layer: cli. */
import {realpathSync} from 'node:fs';
import {dirname, join, relative, resolve, sep} from 'node:path';
import {DbosError} from '../errors.js';
import type {StoreLocation} from '../repo/location.js';
import {STORE_FOLDER} from '../state/path.js';

/**
 * Returns the path inside the state for a path as the user typed it in `directory`; `''` is the root. In a bare store
 * paths start at the root. Throws PATH_INVALID for one outside the work tree or inside the store.
 */
export function statePath(location: StoreLocation, directory: string, typed: string): string {
  const root = location.workTree;
  const path = root === undefined ? relative('/', resolve('/', typed)) : relativeTo(root, resolve(directory, typed));
  const names = path.split(sep);
  if (path.startsWith('..') && names[0] === '..') throw outside(typed, `outside the work tree ${root}`);
  if (names[0] === STORE_FOLDER) throw outside(typed, 'inside the store');
  return names.join('/');
}

/** Links above the work tree may make the same place have two names. */
function relativeTo(root: string, path: string): string {
  const direct = relative(root, path);
  if (!direct.startsWith('..')) return direct;
  return relative(real(root), join(real(dirname(path)), path.slice(dirname(path).length)));
}

function real(path: string): string {
  try {
    return realpathSync(path);
  } catch {
    return path;
  }
}

function outside(typed: string, where: string): DbosError {
  return new DbosError('PATH_INVALID', `The path '${typed}' lies ${where}.`, {
    hint: 'Name files and directories of the work tree, relative to the current directory.',
    data: {path: typed},
  });
}
