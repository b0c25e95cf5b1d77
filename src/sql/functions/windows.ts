/**
 * Window functions over one partition: the functions that rank, look at other rows or at rows of the frame, and any
 * aggregate over frames. Frames slide: an aggregate takes rows out where it can, min() and max() keep a queue, and only
 * what can do neither is computed anew for each frame. Layer: sql.
 */
import {DbosError} from '../../errors.js';
import {realCell} from '../../tree/cell.js';
import {applyAffinity} from '../values/affinity.js';
import {add, subtract} from '../values/arithmetic.js';
import {comparator} from '../values/compare.js';
import type {TypeName, Value} from '../values/value.js';
import {
  type FrameRanges,
  frameRanges,
  type Partition,
  type PeerGroups,
  peerGroups,
  type WindowFrame,
} from './frames.js';
import type {Accumulator, AggregateFunction, FunctionContext} from './function.js';
import {asCount} from './text.js';

/** A function that exists only with OVER. */
export interface OverFunction {
  readonly name: string;
  readonly minArgs: number;
  readonly maxArgs: number;
  readonly returns?: TypeName;
  /** Returns the result for each row. */
  readonly evaluate: (call: WindowCall) => Value[];
}

/** What may be called with OVER. */
export type WindowFunction = OverFunction | AggregateFunction;

/** One call of a window function on one partition. */
export interface WindowCall extends Partition {
  /** Not looked at by functions that rank, nor by lag() and lead(). */
  readonly frame: WindowFrame;
  /** Returns the arguments of the function on a row. */
  readonly args: (row: number) => readonly Value[];
  /** For aggregates: whether FILTER lets a row in. */
  readonly filter?: (row: number) => boolean;
  readonly function: WindowFunction;
  readonly context: FunctionContext;
}

/** The frame of a window that says nothing of one. */
export const DEFAULT_FRAME: WindowFrame = {
  unit: 'range',
  start: {kind: 'unbounded preceding'},
  end: {kind: 'current row'},
  exclude: 'no others',
};

/** Returns the results of a window function, one for each row of the partition. */
export function evaluateWindow(call: WindowCall): Value[] {
  if ('evaluate' in call.function) return call.function.evaluate(call);
  const frames = framesOf(call);
  if (call.frame.exclude !== 'no others') return overHoles(call, call.function, frames);
  const {name} = call.function;
  const slides = call.frame.start.kind !== 'unbounded preceding';
  if (slides && (name === 'min' || name === 'max')) return extremes(call, frames.ranges, name === 'max' ? 1 : -1);
  return overRanges(call, call.function, frames.ranges);
}

interface Frames {
  readonly ranges: FrameRanges;
  /** Returns the groups of peers, found when first asked for. */
  readonly groups: () => PeerGroups;
}

function framesOf(call: WindowCall): Frames {
  let found: PeerGroups | undefined;
  const groups = () => {
    found ??= peerGroups(call);
    return found;
  };
  return {ranges: frameRanges(call, call.frame, groups), groups};
}

// ---------------------------------------------------------------------------------------------------- aggregates

/** Steps an accumulator over the rows [from, to) that FILTER lets in. */
function stepOver(call: WindowCall, state: Accumulator, from: number, to: number): void {
  for (let row = from; row < to; row++) if (call.filter?.(row) ?? true) state.step(...call.args(row));
}

function takeOut(call: WindowCall, state: Accumulator, from: number, to: number): void {
  for (let row = from; row < to; row++) if (call.filter?.(row) ?? true) state.inverse?.(...call.args(row));
}

/** An accumulator that follows frames whose ends never move back. */
class Slider {
  state: Accumulator;
  private from = 0;
  private to = 0;

  constructor(
    private readonly call: WindowCall,
    private readonly aggregate: AggregateFunction,
  ) {
    this.state = aggregate.create(call.context);
  }

  /** Makes the accumulator that of the rows [from, to); returns false if it was that already. */
  moveTo(from: number, to: number): boolean {
    const end = Math.max(from, to);
    if (from === this.from && end === this.to) return false;
    if (from > this.from) {
      if (this.state.inverse === undefined) {
        this.state = this.aggregate.create(this.call.context);
        this.to = from;
      } else {
        takeOut(this.call, this.state, this.from, Math.min(from, this.to));
        this.to = Math.max(this.to, from);
      }
    }
    stepOver(this.call, this.state, this.to, end);
    this.from = from;
    this.to = end;
    return true;
  }
}

function overRanges(call: WindowCall, aggregate: AggregateFunction, {from, to}: FrameRanges): Value[] {
  const slider = new Slider(call, aggregate);
  const results: Value[] = [];
  for (let row = 0; row < call.rows; row++) {
    const moved = slider.moveTo(from[row] as number, to[row] as number);
    results.push(moved || row === 0 ? slider.state.value() : (results[row - 1] as Value));
  }
  return results;
}

/**
 * The greatest or least value of each frame: a queue holds the values that may still become it, the best first. Of equal ones it
 * is the last, as in SQLite, where a frame that only grows gives the first.
 */
function extremes(call: WindowCall, {from, to}: FrameRanges, direction: 1 | -1): Value[] {
  const compare = comparator(call.context.collation);
  const queueRows: number[] = [];
  const queueValues: Value[] = [];
  let head = 0;
  let next = 0;
  const results: Value[] = [];
  for (let row = 0; row < call.rows; row++) {
    for (; next < (to[row] as number); next++) {
      if (!(call.filter?.(next) ?? true)) continue;
      const value = call.args(next)[0] as Value;
      if (value === null) continue;
      while (queueRows.length > head && direction * compare(value, queueValues.at(-1) as Value) >= 0) {
        queueRows.pop();
        queueValues.pop();
      }
      queueRows.push(next);
      queueValues.push(value);
    }
    while (head < queueRows.length && (queueRows[head] as number) < (from[row] as number)) head++;
    results.push(head < queueRows.length ? (queueValues[head] as Value) : null);
  }
  return results;
}

/** Returns the ranges of a row's frame that EXCLUDE takes out, from and to by turns. */
function holesOf(call: WindowCall, {ranges, groups}: Frames, row: number): readonly number[] {
  const {exclude} = call.frame;
  if (exclude === 'no others') return [];
  const holes: number[] = [];
  const push = (holeFrom: number, holeTo: number) => {
    const from = Math.max(holeFrom, ranges.from[row] as number);
    const to = Math.min(holeTo, ranges.to[row] as number);
    if (from < to) holes.push(from, to);
  };
  if (exclude === 'current row') {
    push(row, row + 1);
    return holes;
  }
  const {groupOf, starts} = groups();
  const groupFrom = starts[groupOf[row] as number] as number;
  const groupTo = starts[(groupOf[row] as number) + 1] as number;
  if (exclude === 'group') push(groupFrom, groupTo);
  else {
    push(groupFrom, row);
    push(row + 1, groupTo);
  }
  return holes;
}

/** Returns the ranges of a row's frame that EXCLUDE leaves, from and to by turns; some may be empty. */
function partsOf(call: WindowCall, frames: Frames, row: number): readonly number[] {
  const from = frames.ranges.from[row] as number;
  return [from, ...holesOf(call, frames, row), Math.max(from, frames.ranges.to[row] as number)];
}

function overHoles(call: WindowCall, aggregate: AggregateFunction, frames: Frames): Value[] {
  const exact = isExact(call, aggregate);
  const slider = new Slider(call, aggregate);
  const results: Value[] = [];
  for (let row = 0; row < call.rows; row++) {
    if (exact) {
      slider.moveTo(frames.ranges.from[row] as number, frames.ranges.to[row] as number);
      const holes = holesOf(call, frames, row);
      for (let i = 0; i < holes.length; i += 2) takeOut(call, slider.state, holes[i] as number, holes[i + 1] as number);
      results.push(slider.state.value());
      for (let i = 0; i < holes.length; i += 2)
        stepOver(call, slider.state, holes[i] as number, holes[i + 1] as number);
      continue;
    }
    const state = aggregate.create(call.context);
    const parts = partsOf(call, frames, row);
    for (let i = 0; i < parts.length; i += 2) stepOver(call, state, parts[i] as number, parts[i + 1] as number);
    results.push(state.value());
  }
  return results;
}

/** Returns whether rows can be taken out in any order without a trace: of counts, and of sums of small integers. */
function isExact(call: WindowCall, {name}: AggregateFunction): boolean {
  if (name === 'count') return true;
  if (name !== 'sum' && name !== 'total' && name !== 'avg') return false;
  let size = 0;
  for (let row = 0; row < call.rows; row++) {
    const v = call.args(row)[0];
    if (v === null) continue;
    if (typeof v !== 'number' || !Number.isSafeInteger(v)) return false;
    size += Math.abs(v);
  }
  return Number.isSafeInteger(size);
}

// ---------------------------------------------------------------------------------------------------- rows of the frame

/** Returns the row of this number, from 0, in what EXCLUDE leaves of a frame, or undefined. */
function rowOfFrame(parts: readonly number[], number: number): number | undefined {
  let left = number;
  for (let i = 0; i < parts.length; i += 2) {
    const size = Math.max(0, (parts[i + 1] as number) - (parts[i] as number));
    if (left < size) return (parts[i] as number) + left;
    left -= size;
  }
  return undefined;
}

function lastOfFrame(parts: readonly number[]): number | undefined {
  for (let i = parts.length - 2; i >= 0; i -= 2) {
    if ((parts[i] as number) < (parts[i + 1] as number)) return (parts[i + 1] as number) - 1;
  }
  return undefined;
}

/** Returns a function that takes its first argument from one row of the frame, NULL if there is no such row. */
function ofFrame(
  name: string,
  args: number,
  choose: (parts: readonly number[], row: number, call: WindowCall) => number | undefined,
): OverFunction {
  const evaluate = (call: WindowCall): Value[] => {
    const frames = framesOf(call);
    return Array.from({length: call.rows}, (_, row) => {
      const chosen = choose(partsOf(call, frames, row), row, call);
      return chosen === undefined ? null : (call.args(chosen)[0] as Value);
    });
  };
  return {name, minArgs: args, maxArgs: args, evaluate};
}

function nth(parts: readonly number[], row: number, call: WindowCall): number | undefined {
  const number = applyAffinity(call.args(row)[1] as Value, 'numeric');
  const whole = typeof number === 'bigint' || (typeof number === 'number' && Number.isSafeInteger(number));
  if (!whole || number <= 0) {
    throw new DbosError('SQL_VALUE', 'second argument to nth_value must be a positive integer.');
  }
  return rowOfFrame(parts, Number(number) - 1);
}

// ---------------------------------------------------------------------------------------------------- other rows, ranks

/** lag() and lead(): the first argument on another row; the distance and the default are those of the current row. */
function distant(name: string, move: (row: Value, distance: Value) => Value): OverFunction {
  const evaluate = (call: WindowCall): Value[] =>
    Array.from({length: call.rows}, (_, row) => {
      const [, distance = 1, otherwise = null] = call.args(row);
      const target = applyAffinity(move(row, distance), 'integer');
      const exists = typeof target === 'number' && Number.isSafeInteger(target) && target >= 0 && target < call.rows;
      return exists ? (call.args(target)[0] as Value) : otherwise;
    });
  return {name, minArgs: 1, maxArgs: 3, evaluate};
}

/** Returns a function of where a row stands: its number from 0, and those of the first of its peers and after the last. */
function ranking(
  name: string,
  returns: TypeName,
  rank: (
    row: number,
    group: {readonly from: number; readonly to: number; readonly number: number},
    rows: number,
  ) => Value,
): OverFunction {
  const evaluate = (call: WindowCall): Value[] => {
    const {groupOf, starts} = peerGroups(call);
    return Array.from({length: call.rows}, (_, row) => {
      const number = groupOf[row] as number;
      return rank(row, {from: starts[number] as number, to: starts[number + 1] as number, number}, call.rows);
    });
  };
  return {name, minArgs: 0, maxArgs: 0, returns, evaluate};
}

/** Splits the rows into so many parts, the first ones larger by a row where it does not come out even. */
function ntile(call: WindowCall): Value[] {
  if (call.rows === 0) return [];
  const parts = asCount(call.args(0)[0] as Value);
  if (parts <= 0) throw new DbosError('SQL_VALUE', 'argument of ntile must be a positive integer.');
  const size = Math.floor(call.rows / parts);
  const large = call.rows % parts;
  const inLarge = large * (size + 1);
  return Array.from({length: call.rows}, (_, row) =>
    row < inLarge ? Math.floor(row / (size + 1)) + 1 : large + Math.floor((row - inLarge) / size) + 1,
  );
}

export const WINDOW_FUNCTIONS: readonly OverFunction[] = [
  ranking('cume_dist', 'real', (_, {to}, rows) => realCell(to / rows)),
  ranking('dense_rank', 'integer', (_, {number}) => number + 1),
  ofFrame('first_value', 1, parts => rowOfFrame(parts, 0)),
  distant('lag', subtract),
  ofFrame('last_value', 1, lastOfFrame),
  distant('lead', add),
  ofFrame('nth_value', 2, nth),
  {name: 'ntile', minArgs: 1, maxArgs: 1, returns: 'integer', evaluate: ntile},
  ranking('percent_rank', 'real', (_, {from}, rows) => realCell(rows > 1 ? from / (rows - 1) : 0)),
  ranking('rank', 'integer', (_, {from}) => from + 1),
  ranking('row_number', 'integer', row => row + 1),
];
