/**
 * Opening the repository that a command works on, with everything that the library asks for from outside: clock, zone,
 * identity, the account and the command line. Layer: cli.
 */
import {join} from 'node:path';
import type {RepoContext} from '../repo/context.js';
import {findStore, type StoreLocation} from '../repo/location.js';
import {Repository} from '../repo/repository.js';
import {maskWords} from '../repo/secrets.js';
import {ownOwner} from '../worktree/owners.js';
import {resolveIdentity, systemIdentity} from './identity.js';
import {localZone} from './time.js';

/** Returns the file of the user's settings, or undefined where there is no home. */
function userConfig(env: NodeJS.ProcessEnv): string | undefined {
  const folder = env.XDG_CONFIG_HOME || (env.HOME ? join(env.HOME, '.config') : env.APPDATA);
  return folder ? join(folder, 'dbos', 'config.json') : undefined;
}

/** Returns a word as a shell would need it. */
function shellWord(word: string): string {
  return /^[\w@%+=:,./~^-]+$/.test(word) ? word : `'${word.replaceAll("'", "'\\''")}'`;
}

/** Returns what the library gets to know; `words` is the command line, `setting` reads the repository's settings. */
export function createContext(
  env: NodeJS.ProcessEnv,
  words: readonly string[],
  setting: (key: 'user.name' | 'user.email') => string | undefined,
): RepoContext {
  const file = userConfig(env);
  return {
    now: Date.now,
    zone: localZone,
    identity: () => resolveIdentity(env, setting),
    fileOwner: ownOwner,
    ...systemIdentity(),
    pid: process.pid,
    command: ['dbos', ...maskWords(words)].map(shellWord).join(' '),
    ...(file !== undefined && {userConfig: file}),
    ...(env.DBOS_TOKEN?.trim() && {token: env.DBOS_TOKEN.trim()}),
  };
}

/**
 * Returns the repository of the nearest store, open; `found` hears where that is before. Throws STORE_NOT_FOUND,
 * STORE_FORMAT, STORE_LOCKED, STORE_CORRUPT.
 */
export function openRepository(
  directory: string,
  context: RepoContext,
  found?: (location: StoreLocation) => void,
): Promise<Repository> {
  const location = findStore(directory);
  found?.(location);
  return Repository.open(location, context);
}
