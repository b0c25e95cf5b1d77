/**
 * One run of a compiled query: its parameters, its clock, what it computed once. Generated code knows it as `X`. Layer: sql.
 */
import {DbosError} from '../../errors.js';
import type {ObjectReader} from '../../objects/store.js';
import {type Cell, ContentRef} from '../../tree/cell.js';
import {diffTrees, type RowChange} from '../../tree/diff.js';
import {findRow, type RowPlace} from '../../tree/locate.js';
import {type LeafRange, leavesIn, leavesOfPrefix, type ScanRange, scanLeaves, type TreeRange} from '../../tree/read.js';
import type {TreeRoot, TreeSpec} from '../../tree/spec.js';
import {readCell} from '../catalog/cell-value.js';
import type {FunctionContext} from '../functions/function.js';
import type {IndexSource, RangePlan, TreeSource} from '../source.js';
import type {CollationName, Value} from '../values/value.js';
import {IndexedRows} from './indexed-rows.js';

const NONE: readonly LeafRange[] = [];

/** Rows wait this many milliseconds for others. */
const PATIENCE = 100;

/** Returns the parts of leaves in ranges, which ascend, or all leaves without any. */
function leavesOf(
  reader: ObjectReader,
  spec: TreeSpec,
  root: TreeRoot,
  ranges: readonly TreeRange[] | undefined,
  how: Pick<ScanRange, 'reverse' | 'passing'>,
): Iterable<LeafRange> {
  if (ranges === undefined) return scanLeaves(reader, spec, root, how);
  const [only] = ranges;
  if (only === undefined) return [];
  if (ranges.length === 1) return leavesIn(reader, spec, root, {gte: only.gte, lt: only.lt, ...how});
  return leavesOfAll(reader, spec, root, how.reverse ? ranges.toReversed() : ranges, how);
}

function* leavesOfAll(
  reader: ObjectReader,
  spec: TreeSpec,
  root: TreeRoot,
  ranges: readonly TreeRange[],
  how: Pick<ScanRange, 'reverse' | 'passing'>,
): Generator<LeafRange, void, undefined> {
  for (const {gte, lt} of ranges) yield* leavesIn(reader, spec, root, {gte, lt, ...how});
}

/** Results that are kept, and calls after which it shows whether they are used. */
const MOST_KEPT = 4096;

class KeptResults<T> {
  private readonly results = new Map<Value, T>();
  private calls = 0;
  private hits = 0;
  isUseless = false;

  find(value: Value): T | undefined {
    const result = this.results.get(value);
    if (result !== undefined) this.hits++;
    if (++this.calls === MOST_KEPT) {
      this.isUseless = this.hits < this.calls / 4;
      this.calls = 0;
      this.hits = 0;
      if (this.isUseless) this.results.clear();
    }
    return result;
  }

  set(value: Value, result: T): void {
    if (this.results.size === MOST_KEPT) this.results.clear();
    if (!this.isUseless) this.results.set(value, result);
  }
}

export class Execution {
  /** Results of functions that are computed once, by number. */
  readonly memo: unknown[] = [];
  /** The current row of each recursive table. */
  readonly queues: (readonly Value[])[] = [];
  /** Rows and milliseconds of each operator, for EXPLAIN ANALYZE. */
  readonly counts: number[] = [];
  readonly times: number[] = [];
  /** Whether rows that were found should be shown now, few as they may be. */
  late = false;
  private ticks = 0;
  private lastShown = performance.now();

  constructor(
    readonly parameters: readonly Value[],
    /** What functions are given, for each collation of their arguments. */
    readonly context: Readonly<Record<CollationName, FunctionContext>>,
    /** When it must end, by `performance.now()`. */
    private readonly deadline: number,
    private readonly timeout: number,
    operators: number,
  ) {
    for (let i = 0; i < operators; i++) {
      this.counts.push(0);
      this.times.push(0);
    }
  }

  /** Counts a step; now and then looks whether the time is up. Throws SQL_TIMEOUT. */
  tick(): void {
    if ((++this.ticks & 1023) === 0) this.checkTime();
  }

  /** Notes that rows were handed out. */
  shown(): void {
    this.late = false;
    this.lastShown = performance.now();
  }

  private checkTime(): void {
    const now = performance.now();
    this.late = now - this.lastShown > PATIENCE;
    if (now < this.deadline) return;
    throw new DbosError('SQL_TIMEOUT', `The query was stopped after ${this.timeout / 1000} s.`, {
      hint: 'Give it more time with --timeout, or ask for less.',
    });
  }

  clock(): number {
    return performance.now();
  }

  /** Returns the result of a function, computed once. */
  once<T>(index: number, compute: (execution: Execution) => T): T {
    let value = this.memo[index];
    if (value === undefined) {
      value = compute(this);
      this.memo[index] = value;
    }
    return value as T;
  }

  /** Returns the result of a function for a value; results are kept as long as values come again. */
  kept<T>(index: number, compute: (execution: Execution, value: Value) => T, value: Value): T {
    let kept = this.memo[index] as KeptResults<T> | undefined;
    if (kept === undefined) {
      kept = new KeptResults();
      this.memo[index] = kept;
    }
    // REAL that is whole, and blobs, are objects
    if (kept.isUseless || (typeof value === 'object' && value !== null)) return compute(this, value);
    let result = kept.find(value);
    if (result === undefined) {
      result = compute(this, value);
      kept.set(value, result);
    }
    return result;
  }

  /** Returns the ranges that a plan gives for values, ascending; none if no row can match. */
  range(plan: RangePlan, values: readonly Value[]): readonly TreeRange[] {
    if (plan.ranges) return plan.ranges(values);
    const range = plan.range(values);
    return range === undefined ? [] : [range];
  }

  /** Returns the parts of leaves of a tree in ranges, or all of its leaves without any; each is good until the next one is asked for. */
  scan(source: TreeSource, ranges: readonly TreeRange[] | undefined, reverse: boolean): Iterable<LeafRange> {
    source.onRead?.(undefined, ranges);
    return leavesOf(source.reader, source.spec, source.root, ranges, {reverse, passing: true});
  }

  /** Returns the same for a reader who keeps leaves. */
  scanToKeep(source: TreeSource, ranges: readonly TreeRange[] | undefined): Iterable<LeafRange> {
    source.onRead?.(undefined, ranges);
    return leavesOf(source.reader, source.spec, source.root, ranges, {});
  }

  /** Returns the parts of leaves of an index in ranges, or all of its leaves without any. */
  scanIndex(
    source: TreeSource,
    index: IndexSource,
    ranges: readonly TreeRange[] | undefined,
    reverse: boolean,
  ): Iterable<LeafRange> {
    source.onRead?.(index, ranges);
    return leavesOf(source.reader, index.spec, index.root, ranges, {reverse});
  }

  /** Returns the parts of leaves of an index whose first columns have these values, which the plan of a range takes. */
  scanPrefix(source: TreeSource, index: IndexSource, plan: RangePlan, values: readonly Value[]): Iterable<LeafRange> {
    source.onRead?.(index, this.range(plan, values));
    // nothing is equal to NULL
    for (let i = 0; i < values.length; i++) if (values[i] === null) return NONE;
    return leavesOfPrefix(source.reader, index.spec, index.root, values as readonly Cell[]);
  }

  /** Returns what finds the rows that entries of an index are of. */
  rowsOf(source: TreeSource, index: IndexSource): IndexedRows {
    return new IndexedRows(source, index);
  }

  /** Returns the row whose key is the beginning of the range. */
  find(source: TreeSource, ranges: readonly TreeRange[]): RowPlace | undefined {
    const key = ranges[0]?.gte;
    if (key === undefined) return undefined;
    source.onRead?.(undefined, ranges);
    return findRow(source.reader, source.spec, source.root, key);
  }

  /** Returns how many rows there are. */
  count(source: TreeSource): number {
    source.onRead?.(undefined, undefined);
    return source.rows;
  }

  diff(left: TreeSource, right: TreeSource): Iterable<RowChange> {
    left.onRead?.(undefined, undefined);
    right.onRead?.(undefined, undefined);
    return diffTrees(left.reader, left.spec, left.root, right.root);
  }

  /** Returns the value of a cell, read from outside the row if it stands there. */
  value(source: TreeSource, cell: Cell): Value {
    return cell instanceof ContentRef ? readCell(source.reader, cell) : cell;
  }
}
