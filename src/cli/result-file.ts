/**
 * A result in a file. Guarantee: the file has the whole result or is as it was before. What is no regular file (a pipe, a
 * device) is written to as it is. Layer: cli.
 */
import {randomBytes} from 'node:crypto';
import {
  chmodSync,
  closeSync,
  fsyncSync,
  openSync,
  realpathSync,
  renameSync,
  rmSync,
  statSync,
  writeSync,
} from 'node:fs';
import {dirname, join} from 'node:path';
import {DbosError, systemCode} from '../errors.js';

/** Writes the parts into the file with this path, `name` for the user. Throws FILE_UNWRITABLE and what the parts throw. */
export async function writeResultFile(path: string, name: string, parts: AsyncIterable<Uint8Array>): Promise<void> {
  const existing = statSync(path, {throwIfNoEntry: false});
  if (existing !== undefined && !existing.isFile()) {
    await writeParts(path, 'w', name, parts);
    return;
  }
  // a symlink stays one
  const target = existing === undefined ? path : realpathSync(path);
  const temporary = join(dirname(target), `.dbos-query-${randomBytes(6).toString('hex')}`);
  try {
    await writeParts(temporary, 'wx', name, parts);
    attempt(name, () => {
      if (existing !== undefined) chmodSync(temporary, existing.mode & 0o7777);
      renameSync(temporary, target);
    });
  } catch (error) {
    rmSync(temporary, {force: true});
    throw error;
  }
}

async function writeParts(
  path: string,
  flags: 'w' | 'wx',
  name: string,
  parts: AsyncIterable<Uint8Array>,
): Promise<void> {
  const file = attempt(name, () => openSync(path, flags, 0o666));
  try {
    for await (const part of parts) attempt(name, () => writeAll(file, part));
    if (flags === 'wx') attempt(name, () => fsyncSync(file));
  } finally {
    closeSync(file);
  }
}

function writeAll(file: number, bytes: Uint8Array): void {
  for (let at = 0; at < bytes.length; ) at += writeSync(file, bytes, at);
}

function attempt<T>(name: string, work: () => T): T {
  try {
    return work();
  } catch (error) {
    const reason = systemCode(error) === 'ENOENT' ? 'there is no such directory' : (error as Error).message;
    throw new DbosError('FILE_UNWRITABLE', `'${name}' cannot be written: ${reason}.`, {
      hint: 'Check what follows --output.',
      data: {paths: [name]},
      cause: error,
    });
  }
}
