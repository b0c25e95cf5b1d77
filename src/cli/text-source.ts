/** Texts that a command takes from a file or from stdin, whole or part by part. Layer: cli. */
import {closeSync, openSync, readSync} from 'node:fs';
import {resolve} from 'node:path';
import {decodeText} from '../bytes.js';
import {DbosError, isDbosError, systemCode} from '../errors.js';

/** The name of a file that means stdin. */
export const STDIN = '-';
/** Bytes of a part; a text that is no longer comes as one. */
const PART = 16 * 1024 * 1024;
const PIECE = 64 * 1024;
const RETRY_MS = 5;
const ASCII = 0x80;

/** The first part of a text, and what returns the next one; nothing returns one if there is none. */
export interface TextParts {
  readonly text: string;
  readonly next: (() => TextParts) | undefined;
}

/** Returns the text of the file that a flag names, or of stdin for `-`. Throws PATH_UNKNOWN, and FILE_UNREADABLE also for one that is too long. */
export function readText(name: string, directory: string, flag: string): string {
  const texts: string[] = [];
  for (let parts: TextParts | undefined = openText(name, directory, flag); parts; parts = parts.next?.())
    texts.push(parts.text);
  try {
    return texts.join('');
  } catch (error) {
    throw unreadable(name, flag, error);
  }
}

/**
 * Returns the same text part by part, so that it may be longer than memory. A part ends behind an ASCII character. Throws as
 * `readText`, when the next part is asked for, too.
 */
export function openText(name: string, directory: string, flag: string, size = PART): TextParts {
  return reading(name, flag, () => {
    const descriptor = name === STDIN ? 0 : openSync(resolve(directory, name), 'r');
    return new TextReader(name, flag, descriptor, size).next(Buffer.alloc(0));
  });
}

class TextReader {
  private readonly scratch: Buffer;

  constructor(
    private readonly name: string,
    private readonly flag: string,
    private readonly descriptor: number,
    private readonly size: number,
  ) {
    this.scratch = Buffer.allocUnsafe(Math.min(PIECE, size));
  }

  /** Returns the part that begins with bytes that have been read. */
  next(begun: Buffer): TextParts {
    const {name, flag, descriptor, size, scratch} = this;
    return reading(name, flag, () => {
      const pieces = [begun];
      for (let length = 0; length < size; ) {
        const count = readPiece(descriptor, scratch);
        if (count === 0) {
          if (name !== STDIN) closeSync(descriptor);
          return {text: decodeText(Buffer.concat(pieces)), next: undefined};
        }
        pieces.push(Buffer.from(scratch.subarray(0, count)));
        length += count;
      }
      const bytes = Buffer.concat(pieces);
      let end = bytes.length;
      while (end > 0 && (bytes[end - 1] as number) >= ASCII) end--;
      const rest = Buffer.from(bytes.subarray(end));
      return {text: decodeText(bytes.subarray(0, end)), next: () => this.next(rest)};
    });
  }
}

/** Reads what comes next, 0 bytes at the end. `readFileSync` fails for a terminal or pipe that another program left in non-blocking mode. */
function readPiece(descriptor: number, into: Buffer): number {
  for (;;) {
    try {
      return readSync(descriptor, into);
    } catch (error) {
      if (systemCode(error) !== 'EAGAIN') throw error;
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, RETRY_MS);
    }
  }
}

function reading<T>(name: string, flag: string, work: () => T): T {
  try {
    return work();
  } catch (error) {
    const code = systemCode(error);
    if (name !== STDIN && (code === 'ENOENT' || code === 'ENOTDIR')) {
      throw new DbosError('PATH_UNKNOWN', `There is no file '${name}'.`, {hint: `Check what follows ${flag}.`});
    }
    throw isDbosError(error) ? error : unreadable(name, flag, error);
  }
}

function unreadable(name: string, flag: string, error: unknown): DbosError {
  const what = name === STDIN ? 'stdin' : `'${name}'`;
  return new DbosError('FILE_UNREADABLE', `${what} cannot be read: ${(error as Error).message}.`, {
    hint: `Check what follows ${flag}.`,
    ...(name !== STDIN && {data: {paths: [name]}}),
    cause: error,
  });
}
