/**
 * Reading a store whose folder may not be written. LevelDB writes when it opens, so it gets a folder of its own: with links to its tables,
 * which never change once they are there, and copies of the rest. Nobody is kept out meanwhile, and nobody keeps this out: what is read is
 * the store as it was when it was opened. Layer: storage.
 */
import fs from 'node:fs';
import {tmpdir} from 'node:os';
import {join} from 'node:path';
import {setTimeout as sleep} from 'node:timers/promises';
import {DbosError, systemCode} from '../errors.js';

/** While a store changes as fast as it is copied, another try comes after so many milliseconds, so many times. */
const WAIT = 20;
const TRIES = 50;

/** Returns whether this process may write where LevelDB does. */
export function isWritable(root: string): boolean {
  try {
    fs.accessSync(join(root, 'level'), fs.constants.W_OK);
    const lock = join(root, 'level', 'LOCK');
    if (fs.existsSync(lock)) fs.accessSync(lock, fs.constants.W_OK);
    return true;
  } catch {
    return false;
  }
}

/**
 * Returns a new folder with what a store has but its value log, for this process alone. Throws STORE_LOCKED if the store never stands
 * still for as long as that takes, and as the file system does.
 */
export async function copyToRead(root: string): Promise<string> {
  const level = join(root, 'level');
  for (let tries = 0; tries < TRIES; tries++) {
    const before = stateOf(level);
    const copy = fs.mkdtempSync(join(tmpdir(), 'dbos-read-'));
    try {
      fs.mkdirSync(join(copy, 'level'));
      for (const name of fs.readdirSync(level)) {
        const [from, to] = [join(level, name), join(copy, 'level', name)];
        if (/\.(ldb|sst)$/.test(name)) fs.symlinkSync(from, to);
        else if (name !== 'LOCK' && !name.startsWith('LOG')) fs.copyFileSync(from, to);
      }
      // the witness first: it must not tell of a commit that comes while the journal is copied
      for (const name of ['witness', 'journal']) {
        if (fs.existsSync(join(root, name))) fs.copyFileSync(join(root, name), join(copy, name));
      }
      if (stateOf(level) === before) return copy;
    } catch (error) {
      // LevelDB has just removed it
      if (systemCode(error) !== 'ENOENT') throw error;
    }
    fs.rmSync(copy, {recursive: true});
    await sleep(WAIT);
  }
  throw new DbosError('STORE_LOCKED', `The store at ${root} changes all the time, and its folder may not be written.`, {
    hint: 'Try again when whoever writes there has finished.',
    data: {path: root},
  });
}

/** Returns a text that is another one when LevelDB has written anything. */
function stateOf(level: string): string {
  return fs
    .readdirSync(level)
    .filter(name => name !== 'LOCK' && !name.startsWith('LOG'))
    .map(name => {
      const {size, mtimeMs} = fs.statSync(join(level, name));
      return `${name} ${size} ${mtimeMs}`;
    })
    .join('\n');
}

/** Returns an error with the store at `root` in the place of the folder that was made to read it, wherever it names that. */
export function withRealPaths(error: DbosError, copy: string, root: string): DbosError {
  const real = (text: string): string => text.replaceAll(copy, root);
  const data = Object.entries(error.data).map(([key, value]) => [key, typeof value === 'string' ? real(value) : value]);
  return new DbosError(error.code, real(error.message), {
    ...(error.hint !== undefined && {hint: real(error.hint)}),
    data: Object.fromEntries(data),
    cause: error,
  });
}

/** Returns the error for a change of a store that can only be read. */
export function readOnly(root: string): DbosError {
  return new DbosError('READ_ONLY', `The store at ${root} can only be read: its folder may not be written.`, {
    hint: 'Clone it into a folder of your own and change it there, or have whoever owns it let you write.',
    data: {path: root},
  });
}
