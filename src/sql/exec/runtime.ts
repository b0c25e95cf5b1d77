/**
 * The functions that generated code calls by name, besides those of `values/`. Layer: sql.
 */
import {DbosError} from '../../errors.js';
import {type Cell, Real, realCell} from '../../tree/cell.js';
import type {LeafNode} from '../../tree/node.js';
import type {LeafRange} from '../../tree/read.js';
import type {Vector} from '../../tree/vector.js';
import {globMatcher, likeMatcher, regexpMatcher} from '../functions/pattern.js';
import {applyAffinity, castValue} from '../values/affinity.js';
import {
  add,
  bitAnd,
  bitNot,
  bitOr,
  concat,
  divide,
  multiply,
  negate,
  remainder,
  shiftLeft,
  shiftRight,
  subtract,
} from '../values/arithmetic.js';
import {type Comparator, compareBinary, compareNocase, compareRtrim, hashKey, hashKeys} from '../values/compare.js';
import {isTrue, toText} from '../values/convert.js';
import {not3, type Truth, truthOf} from '../values/truth.js';
import type {CollationName, Value} from '../values/value.js';
import {DistinctAccumulator, OrderedAccumulator} from './accumulators.js';
import {escapeCharacter} from './expressions.js';
import {JoinTable, keysOf, Members, Queue, TopRows} from './row-tables.js';
import {runWindows} from './windows.js';

// comparisons of values that are not NULL; most are of two plain numbers

function less(a: Value, b: Value): boolean {
  return typeof a === 'number' && typeof b === 'number' ? a < b : compareBinary(a, b) < 0;
}

function lessOrEqual(a: Value, b: Value): boolean {
  return typeof a === 'number' && typeof b === 'number' ? a <= b : compareBinary(a, b) <= 0;
}

function greater(a: Value, b: Value): boolean {
  return typeof a === 'number' && typeof b === 'number' ? a > b : compareBinary(a, b) > 0;
}

function greaterOrEqual(a: Value, b: Value): boolean {
  return typeof a === 'number' && typeof b === 'number' ? a >= b : compareBinary(a, b) >= 0;
}

function equal(a: Value, b: Value): boolean {
  // texts that differ may still be the same bytes, which only the comparison knows
  return a === b || (typeof a === 'number' && typeof b === 'number' ? false : compareBinary(a, b) === 0);
}

function unequal(a: Value, b: Value): boolean {
  return !equal(a, b);
}

function same(a: Value, b: Value): boolean {
  return a === null || b === null ? a === b : equal(a, b);
}

function different(a: Value, b: Value): boolean {
  return !same(a, b);
}

const lessBy = (a: Value, b: Value, compare: Comparator) => compare(a, b) < 0;
const lessOrEqualBy = (a: Value, b: Value, compare: Comparator) => compare(a, b) <= 0;
const greaterBy = (a: Value, b: Value, compare: Comparator) => compare(a, b) > 0;
const greaterOrEqualBy = (a: Value, b: Value, compare: Comparator) => compare(a, b) >= 0;
const equalBy = (a: Value, b: Value, compare: Comparator) => compare(a, b) === 0;
const unequalBy = (a: Value, b: Value, compare: Comparator) => compare(a, b) !== 0;
const sameBy = (a: Value, b: Value, compare: Comparator) => (a === null || b === null ? a === b : compare(a, b) === 0);
const differentBy = (a: Value, b: Value, compare: Comparator) => !sameBy(a, b, compare);

function inKeys(value: Value, keys: ReadonlySet<unknown>, hasNull: boolean, collation: CollationName): Truth {
  if (value === null) return null;
  if (keys.has(hashKey(value, collation))) return 1;
  return hasNull ? null : 0;
}

function inValues(value: Value, list: readonly Value[], compare: Comparator): Truth {
  if (value === null) return null;
  let open = false;
  for (const each of list) {
    if (each === null) open = true;
    else if (compare(value, each) === 0) return 1;
  }
  return open ? null : 0;
}

// ---------------------------------------------------------------------------------------------------- patterns

function likeOf(value: Value, pattern: Value, escaping?: Value): Truth {
  const [text, like] = [toText(value), toText(pattern)];
  if (text === null || like === null || escaping === null) return null;
  return likeMatcher(like, escaping === undefined ? undefined : escapeCharacter(escaping))(text) ? 1 : 0;
}

function globOf(value: Value, pattern: Value): Truth {
  const [text, glob] = [toText(value), toText(pattern)];
  return text === null || glob === null ? null : globMatcher(glob)(text) ? 1 : 0;
}

function regexpOf(value: Value, pattern: Value): Truth {
  const [text, expression] = [toText(value), toText(pattern)];
  return text === null || expression === null ? null : regexpMatcher(expression)(text) ? 1 : 0;
}

const searches = new Map<string, RegExp>();

/** Returns for each row of a column of texts whether it contains `part`, as LIKE compares: 1, 0, or 2 for NULL. */
function matchColumn(vector: Vector, part: string): Uint8Array {
  const found = new Uint8Array(vector.length);
  let search = searches.get(part);
  if (search === undefined) {
    if (searches.size > 100) searches.clear();
    search = new RegExp(part.replace(/[\\^$.*+?()[\]{}|/-]/g, '\\$&'), 'gi');
    searches.set(part, search);
  }
  if (vector.kind === 'text') {
    // all texts at once, as bytes: a match across the border of two texts is none
    const {bytes, offsets, nulls} = vector;
    const joined = bytes.toString('latin1');
    search.lastIndex = 0;
    let row = 0;
    while (search.test(joined)) {
      const at = search.lastIndex - part.length;
      while ((offsets[row + 1] as number) <= at) row++;
      if (at + part.length <= (offsets[row + 1] as number)) {
        found[row] = 1;
        search.lastIndex = offsets[row + 1] as number;
      } else search.lastIndex = at + 1;
    }
    if (nulls) for (let i = 0; i < found.length; i++) if (((nulls[i >> 3] as number) >> (i & 7)) & 1) found[i] = 2;
    return found;
  }
  const cells = vector.cells();
  for (let i = 0; i < cells.length; i++) {
    const cell = cells[i];
    search.lastIndex = 0;
    found[i] = cell === null ? 2 : typeof cell === 'string' && search.test(cell) ? 1 : 0;
  }
  return found;
}

// ---------------------------------------------------------------------------------------------------- columns of leaves

/** Fewer rows than this of a leaf are read cell by cell. */
const FEW = 8;

/** Returns the cells of a column, those of the range at least. */
function cellsOf(leaf: LeafNode, column: number, {from, to}: LeafRange): readonly Cell[] {
  if (to - from >= FEW) return leaf.column(column).cells();
  const cells: Cell[] = [];
  for (let i = from; i < to; i++) cells[i] = leaf.cell(column, i);
  return cells;
}

interface Numbers {
  readonly values: Float64Array;
  readonly nulls: Uint8Array | undefined;
}

function allNull(length: number): Numbers {
  return {values: new Float64Array(length), nulls: new Uint8Array((length + 7) >> 3).fill(0xff)};
}

/** Returns a column whose values are all INTEGER and safe, or undefined if it is not one. */
function intColumn(leaf: LeafNode, column: number): Numbers | undefined {
  const vector = leaf.column(column);
  if (vector.kind === 'integer') return vector;
  if (vector.kind === 'null') return allNull(vector.length);
  if (vector.kind !== 'constant' || typeof vector.constant !== 'number' || !Number.isSafeInteger(vector.constant))
    return undefined;
  return {values: new Float64Array(vector.length).fill(vector.constant), nulls: undefined};
}

/** Returns a column whose values are all REAL, or undefined if it is not one. */
function realColumn(leaf: LeafNode, column: number): Numbers | undefined {
  const vector = leaf.column(column);
  if (vector.kind === 'real') return vector;
  if (vector.kind === 'null') return allNull(vector.length);
  if (vector.kind !== 'constant') return undefined;
  const cell = vector.constant;
  const value =
    cell instanceof Real ? cell.value : typeof cell === 'number' && !Number.isSafeInteger(cell) ? cell : undefined;
  return value === undefined ? undefined : {values: new Float64Array(vector.length).fill(value), nulls: undefined};
}

/** Returns a column whose values are all TEXT and in their rows, or undefined if it is not one. */
function textColumn(leaf: LeafNode, column: number): Vector | undefined {
  const vector = leaf.column(column);
  if (vector.kind === 'text' || vector.kind === 'null') return vector;
  if (vector.kind === 'dictionary') return typeof vector.entries[0] === 'string' ? vector : undefined;
  return vector.kind === 'constant' && typeof vector.constant === 'string' ? vector : undefined;
}

// ---------------------------------------------------------------------------------------------------- LIMIT

function wholeNumber(value: Value): number {
  const number = applyAffinity(value, 'integer');
  if (typeof number === 'bigint') return number < 0n ? -1 : Number.MAX_SAFE_INTEGER;
  if (typeof number === 'number' && Number.isSafeInteger(number)) return number;
  throw new DbosError('SQL_VALUE', 'datatype mismatch: LIMIT and OFFSET take integers.', {
    hint: 'A negative LIMIT means none.',
  });
}

/** Returns how many rows LIMIT lets pass. */
function limitOf(value: Value): number {
  const limit = wholeNumber(value);
  return limit < 0 ? Number.POSITIVE_INFINITY : limit;
}

function offsetOf(value: Value): number {
  return Math.max(0, wholeNumber(value));
}

/** What generated code can name. */
export const RUNTIME: Readonly<Record<string, unknown>> = {
  add,
  subtract,
  multiply,
  divide,
  remainder,
  negate,
  bitAnd,
  bitOr,
  bitNot,
  shiftLeft,
  shiftRight,
  concat,
  applyAffinity,
  castValue,
  compareBinary,
  compareNocase,
  compareRtrim,
  hashKey,
  hashKeys,
  isTrue,
  truthOf,
  not3,
  toText,
  realCell,
  less,
  lessOrEqual,
  greater,
  greaterOrEqual,
  equal,
  unequal,
  same,
  different,
  lessBy,
  lessOrEqualBy,
  greaterBy,
  greaterOrEqualBy,
  equalBy,
  unequalBy,
  sameBy,
  differentBy,
  inKeys,
  inValues,
  likeOf,
  globOf,
  regexpOf,
  matchColumn,
  cellsOf,
  intColumn,
  realColumn,
  textColumn,
  limitOf,
  offsetOf,
  keysOf,
  JoinTable,
  Members,
  TopRows,
  Queue,
  DistinctAccumulator,
  OrderedAccumulator,
  runWindows,
};
