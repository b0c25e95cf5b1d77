/**
 * Turns conditions on path, dir and name into ranges of the key of `files`, (dir, name). Together they have every row that
 * meets the conditions, and few others. Names sort byte by byte; directories do too, but '/' comes before every other
 * byte there, so that a subtree is one range, and conditions of order have to allow for that. Layer: sql.
 */
import {FILES_SPEC, fileKey} from '../../state/files.js';
import {afterPrefix, encodeKey} from '../../tree/key.js';
import type {TreeRange} from '../../tree/read.js';
import type {Constraint, RangePlan} from '../source.js';
import type {Value} from '../values/value.js';

/** Places of the columns in `FILE_COLUMNS`. */
const PATH = 0;
const DIR = 1;
const NAME = 2;

type Operator = Constraint['operator'];

const MAX_TEXT = 10_000;

/** Shares of all rows that conditions are taken to leave. */
const PREFIX_SHARE = 0.05;
const ORDER_SHARE = 0.3;
const DIRECTORY_SHARE = 0.01;

/** Returns how to read only a part of the files for these conditions; undefined if they do not help. */
export function planFileRange(constraints: readonly Constraint[], total: number): RangePlan | undefined {
  const has = (column: number, ...operators: Operator[]) =>
    constraints.some(each => each.column === column && operators.includes(each.operator));
  const uses: number[] = [];
  for (const [i, {column}] of constraints.entries()) {
    // a name says where in its directory an entry is, so it helps only with the directory
    if (column === PATH || column === DIR || (column === NAME && has(DIR, '='))) uses.push(i);
  }
  if (uses.length === 0) return undefined;
  const used = uses.map(i => constraints[i] as Constraint);
  const [rows, description] = estimate(used, has, total);
  return {
    uses,
    rows: Math.min(total, Math.max(1, Math.ceil(rows))),
    description,
    range: values => hull(rangesOf(used, values)),
    ranges: values => rangesOf(used, values),
  };
}

function estimate(
  used: readonly Constraint[],
  has: (column: number, ...operators: Operator[]) => boolean,
  total: number,
): [rows: number, description: string] {
  if (has(PATH, '=')) return [1, 'path'];
  if (has(DIR, '=')) {
    if (has(NAME, '=')) return [1, 'dir, name'];
    const named = used.some(({column}) => column === NAME);
    return [Math.min(100, total * DIRECTORY_SHARE) * (named ? ORDER_SHARE : 1), named ? 'dir, name range' : 'dir'];
  }
  if (has(PATH, 'prefix', 'prefix nocase')) return [total * PREFIX_SHARE, 'path prefix'];
  if (has(DIR, 'prefix', 'prefix nocase')) return [total * PREFIX_SHARE, 'dir prefix'];
  return [total * ORDER_SHARE, used.some(({column}) => column === DIR) ? 'dir range' : 'path range'];
}

// ---------------------------------------------------------------------------------------------------- sets of keys

/** The keys from `gte` to before `lt`. */
interface Part {
  readonly gte: Buffer;
  readonly lt: Buffer;
}

const FIRST = Buffer.alloc(0);
const LAST = Buffer.from([0xff]);
const ALL: readonly Part[] = [{gte: FIRST, lt: LAST}];

/** Returns the parts in order, those that touch as one. */
function union(parts: readonly Part[]): readonly Part[] {
  const joined: Part[] = [];
  for (const part of parts.toSorted((a, b) => Buffer.compare(a.gte, b.gte))) {
    const last = joined.at(-1);
    if (last === undefined || Buffer.compare(last.lt, part.gte) < 0) joined.push(part);
    else if (Buffer.compare(last.lt, part.lt) < 0) joined[joined.length - 1] = {gte: last.gte, lt: part.lt};
  }
  return joined;
}

function intersection(a: readonly Part[], b: readonly Part[]): readonly Part[] {
  const both: Part[] = [];
  for (const left of a) {
    for (const right of b) {
      const gte = Buffer.compare(left.gte, right.gte) > 0 ? left.gte : right.gte;
      const lt = Buffer.compare(left.lt, right.lt) < 0 ? left.lt : right.lt;
      if (Buffer.compare(gte, lt) < 0) both.push({gte, lt});
    }
  }
  return both;
}

function hull(parts: readonly Part[]): TreeRange | undefined {
  const [first] = parts;
  return first && {gte: first.gte, lt: (parts.at(-1) as Part).lt};
}

function startingWith(prefix: Buffer): Part {
  return {gte: prefix, lt: afterPrefix(prefix)};
}

// ---------------------------------------------------------------------------------------------------- conditions

function rangesOf(used: readonly Constraint[], values: readonly Value[]): readonly Part[] {
  let parts = ALL;
  for (const [i, {column, operator}] of used.entries()) {
    const value = values[i] as Value;
    if (value === null) return [];
    // any text is less than any blob
    if (typeof value !== 'string') {
      if (operator === '=' || operator === '>' || operator === '>=') return [];
      continue;
    }
    // no path is so long, and no key may be
    if (value.length > MAX_TEXT) continue;
    if (column === PATH) parts = intersection(parts, partsOfPath(operator, value));
    else if (column === DIR) parts = intersection(parts, partsOfDirectory(operator, value));
    else {
      // every directory that it can be in was found before
      const dir = values[used.findIndex(each => each.column === DIR && each.operator === '=')];
      if (typeof dir === 'string') parts = intersection(parts, partsOfName(dir, operator, value));
    }
  }
  for (const column of [PATH, DIR]) {
    const low = boundOf(used, values, column, '>');
    const high = boundOf(used, values, column, '<');
    if (low === undefined || high === undefined) continue;
    // what lies between two texts begins with what both begin with
    const common = commonStart(low, high);
    parts = intersection(parts, column === PATH ? partsOfPath('prefix', common) : partsOfDirectory('prefix', common));
  }
  return parts;
}

function boundOf(
  used: readonly Constraint[],
  values: readonly Value[],
  column: number,
  order: '<' | '>',
): string | undefined {
  const value = values[used.findIndex(each => each.column === column && each.operator.startsWith(order))];
  return typeof value === 'string' && value.length <= MAX_TEXT ? value : undefined;
}

/** Returns what two texts begin with, up to the first surrogate: half a character is no text. */
function commonStart(a: string, b: string): string {
  let length = 0;
  for (; length < a.length && a.charCodeAt(length) === b.charCodeAt(length); length++) {
    if ((a.charCodeAt(length) & 0xf800) === 0xd800) break;
  }
  return a.slice(0, length);
}

/** Returns the bytes that the keys of all texts with this prefix begin with: the key without the end of its text. */
function open(key: Buffer): Buffer {
  return key.subarray(0, key.length - 1);
}

function dirKey(dir: string): Buffer {
  return encodeKey(FILES_SPEC, [dir]);
}

function partsOfPath(operator: Operator, path: string): readonly Part[] {
  switch (operator) {
    case '=':
      return [startingWith(fileKey(path))];
    case 'prefix':
      return pathsStartingWith(path);
    case 'prefix nocase':
      return union(caseVariants(path).flatMap(pathsStartingWith));
    case '>':
    case '>=':
      return pathsFrom(path);
    default:
      // a directory is less than the paths in it
      return union([...partsOfName('', '<=', path), ...intersection(belowRoot(), partsOfDirectory('<=', path))]);
  }
}

/** Returns the entries of the prefix's directory whose names go on like it, and all of the directories that do. */
function pathsStartingWith(prefix: string): readonly Part[] {
  if (prefix === '') return ALL;
  return union([startingWith(open(fileKey(prefix))), startingWith(open(dirKey(prefix)))]);
}

function belowRoot(): readonly Part[] {
  return [{gte: afterPrefix(dirKey('')), lt: LAST}];
}

/**
 * Returns where paths can be that are this one or greater. Such a path is in a greater directory; or in one of those that
 * the text begins with, where the text goes on with '/' and a name, or with a byte less than '/'.
 */
function pathsFrom(path: string): readonly Part[] {
  const parts = [...partsOfName('', '>=', path), ...intersection(belowRoot(), partsOfDirectory('>=', path))];
  for (let i = 1; i < path.length; i++) {
    const unit = path.charCodeAt(i);
    if (unit > SLASH) continue;
    const dir = path.slice(0, i);
    parts.push(...(unit === SLASH ? partsOfName(dir, '>=', path.slice(i + 1)) : partsOfDirectory('=', dir)));
  }
  return union(parts);
}

const SLASH = 0x2f;

function partsOfDirectory(operator: Operator, dir: string): readonly Part[] {
  switch (operator) {
    case '=':
      return [startingWith(dirKey(dir))];
    case 'prefix':
      return [startingWith(open(dirKey(dir)))];
    case 'prefix nocase':
      return union(caseVariants(dir).map(variant => startingWith(open(dirKey(variant)))));
    case '>':
    case '>=': {
      // a greater text comes before in the order of paths if it has '/' where this one has a lesser byte
      const at = firstUnit(dir, unit => unit < SLASH);
      return [{gte: at < 0 ? dirKey(dir) : open(dirKey(`${dir.slice(0, at)}/`)), lt: LAST}];
    }
    default: {
      // and a lesser text after, if it has a lesser byte where this one has '/'
      const at = dir.indexOf('/');
      const lt =
        at < 0 ? afterPrefix(dirKey(dir)) : Buffer.concat([open(dirKey(dir.slice(0, at))), Buffer.from([SLASH + 1])]);
      return [{gte: FIRST, lt}];
    }
  }
}

function firstUnit(text: string, accepts: (unit: number) => boolean): number {
  for (let i = 0; i < text.length; i++) if (accepts(text.charCodeAt(i))) return i;
  return -1;
}

/** Returns the entries of a directory with these names. */
function partsOfName(dir: string, operator: Operator, name: string): readonly Part[] {
  const all = startingWith(dirKey(dir));
  const key = encodeKey(FILES_SPEC, [dir, name]);
  switch (operator) {
    case '=':
      return [startingWith(key)];
    case 'prefix':
      return [startingWith(open(key))];
    case 'prefix nocase':
      return union(caseVariants(name).map(variant => startingWith(open(encodeKey(FILES_SPEC, [dir, variant])))));
    case '>':
    case '>=':
      return [{gte: key, lt: all.lt}];
    default:
      return [{gte: all.gte, lt: afterPrefix(key)}];
  }
}

/** Letters of a prefix that are tried in both cases; what follows them only makes the ranges smaller. */
const VARIED_LETTERS = 4;

/** Returns texts that every text begins with that begins with this one in some case of its ASCII letters. */
function caseVariants(prefix: string): readonly string[] {
  let variants = [''];
  let letters = 0;
  for (const character of prefix) {
    if (/[a-z]/i.test(character)) {
      if (++letters > VARIED_LETTERS) break;
      variants = variants.flatMap(text => [text + character.toUpperCase(), text + character.toLowerCase()]);
    } else variants = variants.map(text => text + character);
  }
  return variants;
}
