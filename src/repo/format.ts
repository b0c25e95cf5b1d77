/**
 * The file `format` of a store: one line that says what the folder is and which version of the layout it has. It is
 * written last when a store is made, so a folder without it is not a store yet. Layer: repo.
 */
import {readFileSync} from 'node:fs';
import {join} from 'node:path';
import {DbosError, systemCode} from '../errors.js';
import {writeFileAtomically} from './atomicfile.js';

const FORMAT_FILE = 'format';
const LAYOUT_VERSION = 1;
const FORMAT_LINE = /^stone-os (\d{1,9})\n/;

/** Returns whether the folder is a store, of any version. */
export function isStore(folder: string): boolean {
  const text = findFormat(folder);
  return text !== undefined && FORMAT_LINE.test(text);
}

function findFormat(folder: string): string | undefined {
  try {
    return readFileSync(join(folder, FORMAT_FILE), 'latin1');
  } catch {
    // whatever the reason, the folder is no store that can be used; opening one says why
    return undefined;
  }
}

/** Throws STORE_NOT_FOUND, STORE_CORRUPT or STORE_FORMAT unless the folder is a store of this version. */
export function checkFormat(folder: string): void {
  let text: string;
  try {
    text = readFileSync(join(folder, FORMAT_FILE), 'latin1');
  } catch (error) {
    if (systemCode(error) === 'ENOENT' || systemCode(error) === 'ENOTDIR') {
      throw new DbosError('STORE_NOT_FOUND', `'${folder}' is not a store.`, {hint: 'Make one with `dbos init`.'});
    }
    throw new DbosError('STORE_IO', `The store '${folder}' cannot be read: ${(error as Error).message}.`, {
      hint: 'Check the permissions of the folder and the disk.',
      cause: error,
    });
  }
  const version = FORMAT_LINE.exec(text)?.[1];
  if (version === undefined) {
    throw new DbosError('STORE_CORRUPT', `The file 'format' of the store '${folder}' is damaged.`, {
      hint: `It must hold the line "stone-os ${LAYOUT_VERSION}".`,
    });
  }
  if (Number(version) !== LAYOUT_VERSION) {
    throw new DbosError(
      'STORE_FORMAT',
      `The store '${folder}' has format ${version}; this program knows ${LAYOUT_VERSION}.`,
      {
        hint: 'A newer version of dbos wrote it: use that one.',
        data: {format: Number(version), known: LAYOUT_VERSION},
      },
    );
  }
}

/** Writes the file durably: from here on the folder is a store. */
export function writeFormat(folder: string): void {
  writeFileAtomically(join(folder, FORMAT_FILE), `stone-os ${LAYOUT_VERSION}\n`);
}
