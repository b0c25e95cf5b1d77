/**
 * Renames of remotes: the one change of settings that is part of an operation, so that undo, redo and restore take the names back
 * with the refs below them. Pure functions; `Config` has the names. Layer: repo.
 */
import {DbosError} from '../errors.js';
import type {RemoteName} from './refs.js';

export interface RemoteRename {
  readonly from: RemoteName;
  readonly to: RemoteName;
}

/** Returns the renames that take some back. */
export function reversedRenames(renames: readonly RemoteRename[]): RemoteRename[] {
  return renames.map(({from, to}) => ({from: to, to: from})).reverse();
}

/**
 * Returns the names of remotes after renames, each old one with its new one. A rename of a remote that is gone by now does nothing.
 * Throws REMOTE_EXISTS for one to a name that another has.
 */
export function renamedRemotes(names: Iterable<string>, renames: readonly RemoteRename[]): ReadonlyMap<string, string> {
  const renamed = new Map(Array.from(names, name => [name, name]));
  for (const {from, to} of renames) {
    const found = [...renamed].find(([, name]) => name === from);
    if (found === undefined || from === to) continue;
    if ([...renamed.values()].includes(to)) throw remoteExists(to);
    renamed.set(found[0], to);
  }
  return renamed;
}

/** Returns the error for a name that a remote has already. */
export function remoteExists(name: string): DbosError {
  return new DbosError('REMOTE_EXISTS', `There is a remote '${name}' already.`, {
    hint: 'Choose another name; `dbos remote set-url` and `dbos remote rename` change that one.',
    data: {remote: name},
  });
}
