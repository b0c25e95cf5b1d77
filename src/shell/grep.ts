/**
 * `grep`: the lines of files that match. Layer: shell.
 */
import {decodeText} from '../bytes.js';
import {DbosError} from '../errors.js';
import type {FileRow} from '../state/files.js';
import {quotePath} from '../state/quote.js';
import type {StoredFiles} from '../state/stored-files.js';
import {type Builtin, usage} from './builtin.js';

/** A larger body is not looked into; as for a diff. */
const MAX_BODY = 64 * 1024 * 1024;
/** A body with a NUL in its first bytes is no text; as for a diff. */
const TEXT_PROBE = 8000;

export const grep: Builtin = {
  usage: '[-i] [-n] [-v] [-l] [-c] [-F] [-r] PATTERN [PATH…]',
  summary: "Print the lines that match a pattern, which is a regular expression of JavaScript's, or with -F a text.",
  options: {
    'ignore-case': {type: 'boolean', short: 'i'},
    'line-number': {type: 'boolean', short: 'n'},
    'invert-match': {type: 'boolean', short: 'v'},
    'files-with-matches': {type: 'boolean', short: 'l'},
    count: {type: 'boolean', short: 'c'},
    'fixed-strings': {type: 'boolean', short: 'F'},
    recursive: {type: 'boolean', short: 'r'},
  },
  least: 1,
  most: Number.POSITIVE_INFINITY,
  completes: 'path',
  async run({args: [pattern = '', ...typed], flags, session, workspace, host}) {
    if (typed.length === 0 && !flags.recursive) throw usage('grep', grep, 'grep needs files to look into, or -r.');
    const expression = expressionOf(pattern, flags['fixed-strings'] === true, flags['ignore-case'] === true);
    const wanted = flags['invert-match'] !== true;
    let found = 0;
    await workspace.read((files, signal) => {
      const several = typed.length > 1 || flags.recursive === true;
      for (const {row, shown} of filesOf(
        files,
        typed.length === 0 ? ['.'] : typed,
        path => session.resolve(path),
        flags.recursive === true,
      )) {
        signal.throwIfAborted();
        const text = textOf(files, row);
        if (text === undefined) {
          host.note(`${quotePath(shown)} is binary or too large and was not looked into.`);
          continue;
        }
        const lines = text.replace(/\n$/, '').split('\n');
        let count = 0;
        for (const [i, line] of lines.entries()) {
          if (text === '' || expression.test(line) !== wanted) continue;
          count++;
          if (flags.count || flags['files-with-matches']) continue;
          host.write(`${several ? `${quotePath(shown)}:` : ''}${flags['line-number'] ? `${i + 1}:` : ''}${line}\n`);
        }
        found += count;
        if (flags['files-with-matches']) host.write(count > 0 ? `${quotePath(shown)}\n` : '');
        else if (flags.count) host.write(`${several ? `${quotePath(shown)}:` : ''}${count}\n`);
      }
    });
    // as everywhere, finding nothing is no success
    return found > 0 ? undefined : 1;
  },
};

function expressionOf(pattern: string, fixed: boolean, ignoreCase: boolean): RegExp {
  const source = fixed ? pattern.replace(/[\\^$.*+?()[\]{}|/]/g, '\\$&') : pattern;
  try {
    return new RegExp(source, ignoreCase ? 'iu' : 'u');
  } catch (error) {
    throw new DbosError('USAGE', `'${pattern}' is no regular expression: ${(error as Error).message}.`, {
      hint: 'Use -F to look for the text itself.',
      cause: error,
    });
  }
}

/** Yields the files that are named, and with `recursive` those below directories. */
function* filesOf(
  files: StoredFiles,
  typed: readonly string[],
  resolve: (path: string) => string,
  recursive: boolean,
): Generator<{readonly row: FileRow; readonly shown: string}> {
  for (const shown of typed) {
    const top = resolve(shown);
    const row = files.read(top);
    if (row?.type === 'file') yield {row, shown};
    else if (row !== undefined && row.type !== 'dir') continue;
    else if (!recursive) {
      throw new DbosError('PATH_NOT_FILE', `'${shown}' is a directory, not a file.`, {
        hint: 'Use -r to look into all that is in it.',
      });
    } else {
      for (const entry of files.below(top)) {
        const below = top === '' ? entry.path : entry.path.slice(top.length + 1);
        if (entry.type === 'file')
          yield {row: entry, shown: shown === '.' ? below : `${shown.replace(/\/$/, '')}/${below}`};
      }
    }
  }
}

function textOf(files: StoredFiles, row: FileRow): string | undefined {
  if ((row.content?.size ?? 0) > MAX_BODY) return undefined;
  const body = Buffer.concat([...files.body(row)]);
  return body.subarray(0, TEXT_PROBE).includes(0) ? undefined : decodeText(body);
}
