/**
 * A result in a file. Guarantee: the file has the whole result or is as it was before. What is no regular file (a pipe, a
 * device) is written to as it is. Layer: cli.
 */
import {closeSync, openSync, statSync} from 'node:fs';
import {unwritable, writePartsAtomically, writeWhole} from '../repo/atomicfile.js';

/** Writes the parts into the file with this path, `name` for the user. Throws FILE_UNWRITABLE and what the parts throw. */
export async function writeResultFile(path: string, name: string, parts: AsyncIterable<Uint8Array>): Promise<void> {
  const existing = statSync(path, {throwIfNoEntry: false});
  try {
    if (existing === undefined || existing.isFile()) await writePartsAtomically(path, parts);
    else await writeInto(path, parts);
  } catch (error) {
    throw unwritable(error, name, 'Check what follows --output.');
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
