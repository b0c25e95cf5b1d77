/** Texts that a command takes from a file or from stdin. Layer: cli. */
import {readFileSync, readSync} from 'node:fs';
import {resolve} from 'node:path';
import {decodeText} from '../bytes.js';
import {DbosError, systemCode} from '../errors.js';

/** The name of a file that means stdin. */
export const STDIN = '-';
const PIECE = 64 * 1024;
const RETRY_MS = 5;

/** Returns the text of the file that a flag names, or of stdin for `-`. Throws PATH_UNKNOWN and FILE_UNREADABLE. */
export function readText(name: string, directory: string, flag: string): string {
  if (name === STDIN) return readStdin();
  try {
    return decodeText(readFileSync(resolve(directory, name)));
  } catch (error) {
    const code = systemCode(error);
    if (code === 'ENOENT' || code === 'ENOTDIR') {
      throw new DbosError('PATH_UNKNOWN', `There is no file '${name}'.`, {hint: `Check what follows ${flag}.`});
    }
    throw new DbosError('FILE_UNREADABLE', `'${name}' cannot be read: ${(error as Error).message}.`, {
      hint: `Check what follows ${flag}.`,
      data: {paths: [name]},
      cause: error,
    });
  }
}

/** Reads to the end; `readFileSync` fails for a terminal or pipe that another program left in non-blocking mode. */
function readStdin(): string {
  const pieces: Buffer[] = [];
  const piece = Buffer.allocUnsafe(PIECE);
  for (;;) {
    try {
      const count = readSync(0, piece);
      if (count === 0) return decodeText(Buffer.concat(pieces));
      pieces.push(Buffer.from(piece.subarray(0, count)));
    } catch (error) {
      if (systemCode(error) !== 'EAGAIN') throw error;
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, RETRY_MS);
    }
  }
}
