/**
 * Reads test files of sqllogictest: records between blank lines, each with the conditions that say for which engines it is.
 */
import {readdirSync, readFileSync} from 'node:fs';
import {basename, join} from 'node:path';
import {gunzipSync} from 'node:zlib';

/** The type of a column of a result: how its values are written. */
export type ColumnType = 'I' | 'R' | 'T';
export type SortMode = 'nosort' | 'rowsort' | 'valuesort';

interface Common {
  readonly line: number;
}

export interface StatementRecord extends Common {
  readonly kind: 'statement';
  readonly sql: string;
  readonly fails: boolean;
}

export interface QueryRecord extends Common {
  readonly kind: 'query';
  readonly sql: string;
  readonly types: readonly ColumnType[];
  readonly sort: SortMode;
  /** Queries of one label have the same result. */
  readonly label: string | undefined;
  readonly expected: readonly string[];
  /** The number of values from which on a result is given as its hash; 0 for never. */
  readonly threshold: number;
}

export type ScriptRecord = StatementRecord | QueryRecord;

export interface Script {
  readonly name: string;
  readonly records: readonly ScriptRecord[];
}

/** The conditions of records are those of this engine. */
const ENGINE = 'sqlite';

function applies(conditions: readonly (readonly string[])[]): boolean {
  return conditions.every(([word, engine]) => (word === 'onlyif') === (engine?.toLowerCase() === ENGINE));
}

/** The lines between two blank ones, without comments; a `#` after other words of a condition begins one too. */
interface Block {
  readonly line: number;
  readonly lines: readonly string[];
}

function* blocksOf(text: string): Generator<Block> {
  let lines: string[] = [];
  let start = 0;
  for (const [index, raw] of text.split('\n').entries()) {
    const line = raw.endsWith('\r') ? raw.slice(0, -1) : raw;
    if (line.trim() === '') {
      if (lines.length > 0) yield {line: start, lines};
      lines = [];
      continue;
    }
    // only before a record: within one, `#` may be part of SQL or of a result
    const opened = lines.some(before => /^(statement|query)\b/.test(before));
    if (!opened && line.startsWith('#')) continue;
    if (lines.length === 0) start = index + 1;
    lines.push(line);
  }
  if (lines.length > 0) yield {line: start, lines};
}

function readQuery(line: number, words: readonly string[], rest: readonly string[], threshold: number): QueryRecord {
  const [, types = '', sort = 'nosort', label] = words;
  if (!/^[IRT]+$/.test(types)) throw new Error(`line ${line}: unknown column types ${types}`);
  if (sort !== 'nosort' && sort !== 'rowsort' && sort !== 'valuesort') {
    throw new Error(`line ${line}: unknown sort mode ${sort}`);
  }
  const end = rest.indexOf('----');
  return {
    kind: 'query',
    line,
    types: [...types] as ColumnType[],
    sort,
    label,
    sql: rest.slice(0, end < 0 ? undefined : end).join('\n'),
    expected: end < 0 ? [] : rest.slice(end + 1),
    threshold,
  };
}

/** Returns the records of a script that are for our conditions. Throws for anything that is not of the format. */
export function parseScript(name: string, text: string): Script {
  const records: ScriptRecord[] = [];
  let threshold = 0;
  for (const {line, lines} of blocksOf(text)) {
    const rest = [...lines];
    // conditions hold for the record that follows, controls stand alone, and either may share a block with the next
    let conditions: string[][] = [];
    while (rest.length > 0) {
      const at = line + lines.length - rest.length;
      const head = rest.shift() as string;
      const words = head.split('#', 1)[0]?.trim().split(/\s+/) ?? [];
      if (head.startsWith('#')) continue;
      if (words[0] === 'skipif' || words[0] === 'onlyif') conditions.push(words);
      else if (words[0] === 'halt' && !applies(conditions)) conditions = [];
      else if (words[0] === 'halt') return {name, records};
      else if (words[0] === 'hash-threshold') threshold = Number(words[1]);
      else if (words[0] === 'statement' && (words[1] === 'ok' || words[1] === 'error')) {
        const sql = rest.splice(0).join('\n');
        if (applies(conditions)) records.push({kind: 'statement', line: at, sql, fails: words[1] === 'error'});
      } else if (words[0] === 'query') {
        const record = readQuery(at, words, rest.splice(0), threshold);
        if (applies(conditions)) records.push(record);
      } else throw new Error(`${name}, line ${at}: ${head} is no record`);
    }
  }
  return {name, records};
}

/** Returns the test files of a folder, sorted by name; none if the folder is not there. */
export function findScripts(folder: string): string[] {
  try {
    const names = readdirSync(folder, {recursive: true}).map(String);
    return names
      .filter(name => /\.test(\.gz)?$/.test(name))
      .sort()
      .map(name => join(folder, name));
  } catch {
    return [];
  }
}

export function readScript(path: string): Script {
  const bytes = readFileSync(path);
  const text = (path.endsWith('.gz') ? gunzipSync(bytes) : bytes).toString('utf8');
  return parseScript(basename(path).replace(/\.test(\.gz)?$/, ''), text);
}
