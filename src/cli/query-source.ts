/** Where the SQL of `dbos query` comes from: the command line, a file or stdin. Layer: cli. */
import {DbosError} from '../errors.js';
import {isTerminal} from './output.js';
import {openText, STDIN, type TextParts} from './text-source.js';

export interface SqlSource {
  /** The words of the command line. */
  readonly words: readonly string[];
  readonly file: string | undefined;
  /** What the name of the file is relative to. */
  readonly directory: string;
}

/** Returns the SQL, a long file or stdin in parts. Throws USAGE if there is none or there are two, PATH_UNKNOWN and FILE_UNREADABLE for the file. */
export function readSql({words, file, directory}: SqlSource): TextParts {
  const given = words.length === 1 && words[0] === STDIN ? undefined : words.length > 0 ? words.join(' ') : undefined;
  if (file !== undefined && words.length > 0) throw usage('Give SQL or --file, not both.');
  if (given === undefined && file === undefined && words.length === 0 && isTerminal(0)) throw usage('There is no SQL.');
  const {text, next} =
    given === undefined ? openText(file ?? STDIN, directory, '--file') : {text: given, next: undefined};
  if (next === undefined && text.trim() === '') throw usage('There is no SQL.');
  return {text: withoutFirstLine(text), next};
}

function usage(message: string): DbosError {
  return new DbosError('USAGE', message, {hint: 'Give it as one argument, in quotes, or see `dbos help query`.'});
}

/** Returns a script without its byte order mark and its line `#!…`; the other lines keep their numbers. */
function withoutFirstLine(sql: string): string {
  const text = sql.startsWith('\ufeff') ? sql.slice(1) : sql;
  return text.startsWith('#!') ? text.replace(/^[^\n]*/, '') : text;
}
