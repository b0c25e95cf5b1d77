/**
 * A result in a file. Guarantee: the file has the whole result or is as it was before. What is no regular file (a pipe, a
 * device) is written to as it is. Layer: cli.
 */
import {closeSync, openSync, statSync} from 'node:fs';
import {DbosError, systemCode} from '../errors.js';
import {writePartsAtomically, writeWhole} from '../repo/atomicfile.js';

/** Writes the parts into the file with this path, `name` for the user. Throws FILE_UNWRITABLE and what the parts throw. */
export async function writeResultFile(path: string, name: string, parts: AsyncIterable<Uint8Array>): Promise<void> {
  const existing = statSync(path, {throwIfNoEntry: false});
  try {
    if (existing === undefined || existing.isFile()) await writePartsAtomically(path, parts);
    else await writeInto(path, parts);
  } catch (error) {
    const code = systemCode(error);
    if (code === undefined || error instanceof DbosError) throw error;
    const reason = code === 'ENOENT' ? 'there is no such directory' : (error as Error).message;
    throw new DbosError('FILE_UNWRITABLE', `'${name}' cannot be written: ${reason}.`, {
      hint: 'Check what follows --output.',
      data: {paths: [name]},
      cause: error,
    });
  }
}

async function writeInto(path: string, parts: AsyncIterable<Uint8Array>): Promise<void> {
  const file = openSync(path, 'w');
  try {
    for await (const part of parts) writeWhole(file, part);
  } finally {
    closeSync(file);
  }
}
