/** Where the SQL of `dbos query` comes from: the command line, a file or stdin. Layer: cli. */
import {readFileSync, readSync} from 'node:fs';
import {resolve} from 'node:path';
import {decodeText} from '../bytes.js';
import {DbosError, systemCode} from '../errors.js';
import {isTerminal} from './output.js';

/** The word, and the name of a file, that means stdin. */
const STDIN = '-';
const PIECE = 64 * 1024;
const RETRY_MS = 5;

export interface SqlSource {
  /** The words of the command line. */
  readonly words: readonly string[];
  readonly file: string | undefined;
  /** What the name of the file is relative to. */
  readonly directory: string;
}

/** Returns the SQL. Throws USAGE if there is none or there are two, PATH_UNKNOWN and FILE_UNREADABLE for the file. */
export function readSql({words, file, directory}: SqlSource): string {
  const given = words.length === 1 && words[0] === STDIN ? undefined : words.length > 0 ? words.join(' ') : undefined;
  if (file !== undefined && words.length > 0) throw usage('Give SQL or --file, not both.');
  if (given === undefined && file === undefined && words.length === 0 && isTerminal(0)) throw usage('There is no SQL.');
  const sql =
    given ?? (file === undefined || file === STDIN ? readStdin() : readScript(resolve(directory, file), file));
  if (sql.trim() === '') throw usage('There is no SQL.');
  return withoutFirstLine(sql);
}

function usage(message: string): DbosError {
  return new DbosError('USAGE', message, {hint: 'Give it as one argument, in quotes, or see `dbos help query`.'});
}

function readScript(path: string, name: string): string {
  try {
    return decodeText(readFileSync(path));
  } catch (error) {
    const code = systemCode(error);
    if (code === 'ENOENT' || code === 'ENOTDIR') {
      throw new DbosError('PATH_UNKNOWN', `There is no file '${name}'.`, {hint: 'Check what follows --file.'});
    }
    throw new DbosError('FILE_UNREADABLE', `'${name}' cannot be read: ${(error as Error).message}.`, {
      hint: 'Check what follows --file.',
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

/** Returns a script without its byte order mark and its line `#!…`; the other lines keep their numbers. */
function withoutFirstLine(sql: string): string {
  const text = sql.startsWith('\ufeff') ? sql.slice(1) : sql;
  return text.startsWith('#!') ? text.replace(/^[^\n]*/, '') : text;
}
