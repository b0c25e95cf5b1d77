/**
 * Ranges of keys: conditions on a prefix of the key columns of a tree as the parts of it that have such rows. Layer: sql.
 */
import {isDbosError} from '../../errors.js';
import type {Cell} from '../../tree/cell.js';
import {afterPrefix, encodeKey} from '../../tree/key.js';
import {countRange, type TreeRange} from '../../tree/read.js';
import type {RangePlan} from '../source.js';
import {applyAffinity} from '../values/affinity.js';
import type {Value} from '../values/value.js';
import type {Bound, ComparisonAffinity} from './expression.js';
import type {Condition, KeySpace} from './key-space.js';
import {rowsAlike} from './statistics.js';

/** A range, and the conditions whose values it takes. */
export interface KeyRange {
  readonly plan: RangePlan;
  readonly values: readonly {readonly expr: Bound; readonly affinity: ComparisonAffinity}[];
  /** The conjuncts that are true for its rows, so that nobody has to look. */
  readonly exact: readonly Bound[];
  /** The conjuncts that hold for its rows, and for no others: those of patterns hold for fewer. */
  readonly holding: readonly Bound[];
}

/** Trees with fewer rows than this are not looked at to find out what a condition leaves. */
const MIN_SAMPLED = 64;

/** More ranges than this are not counted. */
const MAX_COUNTED = 20;

/** Plans a range from conditions on the first key columns; undefined if there are none. */
export function keyRange(space: KeySpace, conditions: readonly Condition[]): KeyRange | undefined {
  const {key, spec} = space;
  /** For each of the first columns the condition that says what it is: one value, NULL, or one of several. */
  const fixed: Condition[] = [];
  for (; fixed.length < key.length; ) {
    const place = key[fixed.length] as number;
    if (!collated(space, fixed.length)) break;
    const find = (operator: Condition['operator']) =>
      conditions.find(each => each.place === place && each.operator === operator);
    // one column may have several values; more of them would multiply
    const condition =
      find('=') ?? find('null') ?? (fixed.some(each => each.operator === 'in') ? undefined : find('in'));
    if (condition === undefined) break;
    fixed.push(condition);
  }
  const equal = fixed.length;
  const place = key[equal];
  const find = (...operators: Condition['operator'][]) => {
    if (place === undefined || !collated(space, equal)) return undefined;
    return conditions.find(each => each.place === place && operators.includes(each.operator));
  };
  const prefix = spec.keys[equal]?.collation === 'rtrim' ? undefined : find('prefix');
  const low = prefix ? undefined : find('>', '>=');
  const high = prefix ? undefined : find('<', '<=');
  const bounds = [low, high, prefix].filter(each => each !== undefined);
  if (equal === 0 && bounds.length === 0) return undefined;

  const several = fixed.find(each => each.operator === 'in');
  const used = [...fixed, ...bounds];
  const values = used.flatMap(({values: of, affinity}) => of.map(expr => ({expr, affinity})));
  const one = (given: readonly Cell[]) => rangeOf(space, equal, given, low, high, prefix);
  const ranges = (given: readonly Value[]): readonly TreeRange[] => {
    const found: TreeRange[] = [];
    const seen = new Set<string>();
    for (const cells of choices(used, given)) {
      const range = one(cells);
      const start = range?.gte && Buffer.from(range.gte).toString('latin1');
      if (range === undefined || (start !== undefined && seen.has(start))) continue;
      if (start !== undefined) seen.add(start);
      found.push(range);
    }
    return found.sort((a, b) => Buffer.compare(a.gte ?? EMPTY, b.gte ?? EMPTY));
  };
  const range = (given: readonly Value[]): TreeRange | undefined => {
    if (several) return hull(ranges(given));
    const [cells] = choices(used, given);
    return cells && one(cells);
  };
  const whole = equal === key.length;
  const exact = whole && fixed.every(each => each.operator === '=');
  return {
    values,
    exact: fixed.filter(each => each.operator === '=' && each.conjunct.op === 'compare').map(each => each.conjunct),
    holding: used
      .filter(each => !each.partly)
      .map(each => each.conjunct)
      .filter(each => each.op !== 'match'),
    plan: {
      uses: [],
      rows: estimate(space, fixed, bounds, values, ranges),
      description: describe(space, used),
      unique: exact,
      fixed: several ? fixed.indexOf(several) : equal,
      prefix: bounds.length === 0 && fixed.every(each => each.operator === '='),
      range,
      ...(several && {ranges}),
    },
  };
}

const EMPTY = Buffer.alloc(0);

/** Returns whether a key column sorts as its place compares. */
function collated({spec, key, collation}: KeySpace, position: number): boolean {
  return spec.keys[position]?.collation === collation(key[position] as number);
}

/** Yields the values of the conditions, one for each: for each value of IN one time. None where a comparison is with NULL. */
function* choices(used: readonly Condition[], given: readonly Value[]): Generator<Cell[], void, undefined> {
  const cells: Cell[] = [];
  let at = 0;
  let several: {readonly position: number; readonly from: number; readonly to: number} | undefined;
  for (const [position, {operator, values}] of used.entries()) {
    if (operator === 'null') cells.push(null);
    else if (operator === 'in') {
      several = {position, from: at, to: at + values.length};
      cells.push(null);
    } else {
      if (given[at] === null) return;
      cells.push(given[at] as Cell);
    }
    at += values.length;
  }
  if (several === undefined) {
    yield cells;
    return;
  }
  for (let i = several.from; i < several.to; i++) {
    if (given[i] === null) continue;
    cells[several.position] = given[i] as Cell;
    yield cells;
  }
}

/** Returns the range of keys for one value of each condition; undefined if no row can have it. */
function rangeOf(
  {spec}: KeySpace,
  equal: number,
  cells: readonly Cell[],
  low: Condition | undefined,
  high: Condition | undefined,
  prefix: Condition | undefined,
): TreeRange | undefined {
  const start = cells.slice(0, equal);
  const descending = spec.keys[equal]?.descending ?? false;
  try {
    const base = encodeKey(spec, start);
    let gte: Uint8Array | undefined = equal > 0 ? base : undefined;
    let lt: Uint8Array | undefined = equal > 0 ? afterPrefix(base) : undefined;
    let at = equal;
    const next = () => encodeKey(spec, [...start, cells[at++] as Cell]);
    if (low) {
      const bytes = next();
      if (descending) lt = low.operator === '>=' ? afterPrefix(bytes) : bytes;
      else gte = low.operator === '>=' ? bytes : afterPrefix(bytes);
    }
    if (high) {
      const bytes = next();
      if (descending) gte = high.operator === '<=' ? bytes : afterPrefix(bytes);
      else lt = high.operator === '<=' ? afterPrefix(bytes) : bytes;
    }
    if (prefix) {
      const bytes = next();
      // without its last byte, which ends the text, the key begins like those of all longer texts
      gte = bytes.subarray(0, bytes.length - 1);
      lt = afterPrefix(gte);
    }
    return {gte, lt};
  } catch (error) {
    // no stored key is that long
    if (isDbosError(error, 'VALUE_TOO_LARGE')) return undefined;
    throw error;
  }
}

function hull(ranges: readonly TreeRange[]): TreeRange | undefined {
  const [first] = ranges;
  if (first === undefined) return undefined;
  let lt = first.lt;
  for (const range of ranges) if (lt && range.lt && Buffer.compare(range.lt, lt) > 0) lt = range.lt;
  return {gte: first.gte, lt};
}

/** Returns how many rows there are in a range, about: just so many, if its values are constants. */
function estimate(
  space: KeySpace,
  fixed: readonly Condition[],
  bounds: readonly Condition[],
  values: KeyRange['values'],
  ranges: (given: readonly Value[]) => readonly TreeRange[],
): number {
  const {reader, spec, key, rows: total} = space;
  const equal = fixed.length;
  const choicesOf = fixed.reduce((product, each) => product * (each.operator === 'in' ? each.values.length : 1), 1);
  if (equal === key.length && bounds.length === 0 && fixed.every(each => each.operator !== 'null')) return choicesOf;
  let rows = total;
  if (total < MIN_SAMPLED) {
    for (let i = 0; i < equal; i++) rows /= 10;
    rows *= choicesOf;
  } else {
    if (choicesOf <= MAX_COUNTED && values.every(({expr}) => expr.op === 'constant')) {
      const given = values.map(({expr, affinity}) => {
        const value = expr.op === 'constant' ? expr.value : null;
        return affinity === 'none' ? value : applyAffinity(value, affinity);
      });
      return ranges(given).reduce((sum, range) => sum + countRange(reader, spec, space.root, range), 0);
    }
    if (equal > 0) rows = rowsAlike(reader, spec, space.root, equal) * choicesOf;
  }
  for (const {operator} of bounds) rows /= operator === 'prefix' ? 10 : 3;
  return Math.max(1, Math.min(total, rows));
}

function describe(space: KeySpace, used: readonly Condition[]): string {
  return used
    .map(({place, operator, values}) => {
      const name = space.name(place);
      if (operator === 'null') return `${name} IS NULL`;
      if (operator === 'in') return `${name} IN (${values.length} values)`;
      return operator === 'prefix' ? `${name} begins with ?` : `${name} ${operator} ?`;
    })
    .join(' AND ');
}
