/**
 * What DISTINCT and ORDER BY add to any aggregate. Layer: sql.
 */
import type {Accumulator} from '../functions/function.js';
import {hashKey} from '../values/compare.js';
import type {CollationName, Value} from '../values/value.js';

/** Gives an aggregate each value once. */
export class DistinctAccumulator implements Accumulator {
  private readonly seen = new Set<unknown>();

  constructor(
    private readonly inner: Accumulator,
    private readonly collation: CollationName,
  ) {}

  step(value: Value): void {
    const key = hashKey(value, this.collation);
    if (this.seen.has(key)) return;
    this.seen.add(key);
    this.inner.step(value);
  }

  value(): Value {
    return this.inner.value();
  }
}

/** Gives an aggregate its rows in an order. */
export class OrderedAccumulator implements Accumulator {
  private readonly rows: (readonly [keys: readonly Value[], args: Value[]])[] = [];

  constructor(
    private readonly inner: Accumulator,
    private readonly compare: (a: readonly Value[], b: readonly Value[]) => number,
    private readonly distinct?: CollationName,
  ) {}

  gather(keys: readonly Value[], args: Value[]): void {
    this.rows.push([keys, args]);
  }

  step(): void {
    throw new TypeError('an ordered aggregate gathers its rows');
  }

  value(): Value {
    const inner = this.distinct === undefined ? this.inner : new DistinctAccumulator(this.inner, this.distinct);
    for (const [, args] of this.rows.sort(([a], [b]) => this.compare(a, b))) inner.step(...(args as [Value]));
    return this.inner.value();
  }
}
