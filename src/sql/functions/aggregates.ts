/**
 * Aggregate functions. NULL is passed over. A sum is exact while all its values are INTEGER and the sum of doubles from
 * the first other on; the doubles are added one by one, as SQLite 3.40 does. Layer: sql.
 */
import {DbosError} from '../../errors.js';
import {MAX_INTEGER, MIN_INTEGER, realCell} from '../../tree/cell.js';
import {rejoined} from '../values/arithmetic.js';
import {type Comparator, comparator} from '../values/compare.js';
import {toNumber, toText} from '../values/convert.js';
import {MAX_UNITS, tooBig} from '../values/limits.js';
import {parseNumber} from '../values/number.js';
import type {Value} from '../values/value.js';
import type {Accumulator, AggregateFunction} from './function.js';

class Count implements Accumulator {
  private count = 0;

  /** Without an argument it is count(*). */
  step(v: Value = 0): void {
    if (v !== null) this.count++;
  }

  int(_value: number): void {
    this.count++;
  }

  real(_value: number): void {
    this.count++;
  }

  inverse(v: Value = 0): void {
    if (v !== null) this.count--;
  }

  value(): Value {
    return this.count;
  }
}

type SumKind = 'sum' | 'total' | 'avg';

class Sum implements Accumulator {
  private count = 0;
  private whole: number | bigint = 0;
  private double = 0;
  /** A value was no INTEGER. */
  private inexact = false;
  private overflow = false;

  constructor(private readonly kind: SumKind) {}

  step(v: Value): void {
    if (typeof v === 'number' && Number.isSafeInteger(v)) this.int(v);
    else this.add(v, 1);
  }

  int(value: number): void {
    if (typeof this.whole === 'number') {
      const next = this.whole + value;
      if (next <= Number.MAX_SAFE_INTEGER && next >= Number.MIN_SAFE_INTEGER) {
        this.whole = next;
        this.double += value;
        this.count++;
        return;
      }
    }
    this.add(value, 1);
  }

  real(value: number): void {
    this.count++;
    this.double += value;
    this.inexact = true;
  }

  inverse(v: Value): void {
    this.add(v, -1);
  }

  private add(v: Value, direction: 1 | -1): void {
    if (v === null) return;
    this.count += direction;
    const number = typeof v === 'string' ? (parseNumber(v) ?? v) : v;
    this.double += direction * toNumber(number);
    if (typeof number !== 'bigint' && !Number.isSafeInteger(number)) {
      this.inexact = true;
      return;
    }
    if (this.inexact || this.overflow) return;
    const next = BigInt(this.whole) + BigInt(direction) * BigInt(number as number | bigint);
    if (next < MIN_INTEGER || next > MAX_INTEGER) this.overflow = true;
    else this.whole = Number.isSafeInteger(Number(next)) ? Number(next) : next;
  }

  value(): Value {
    if (this.kind === 'total') return realOrNull(this.double);
    if (this.count === 0) return null;
    if (this.kind === 'avg') return realOrNull(this.double / this.count);
    if (this.overflow) {
      throw new DbosError('SQL_VALUE', 'integer overflow.', {hint: 'total() sums as REAL.'});
    }
    return this.inexact ? realOrNull(this.double) : this.whole;
  }
}

function realOrNull(x: number): Value {
  return Number.isNaN(x) ? null : realCell(x);
}

class Extreme implements Accumulator {
  private best: Value = null;
  changes = 0;

  constructor(
    private readonly compare: Comparator,
    private readonly direction: 1 | -1,
  ) {}

  step(v: Value): void {
    if (v === null) return;
    if (this.best !== null && this.direction * this.compare(v, this.best) <= 0) return;
    this.best = v;
    this.changes++;
  }

  int(value: number): void {
    this.step(value);
  }

  real(value: number): void {
    this.step(realCell(value));
  }

  value(): Value {
    return this.best;
  }
}

class Concatenation implements Accumulator {
  private text = '';
  private count = 0;
  /** The separators before each value but the first, once two of them differ; before that `separator` is each of them. */
  private separators: string[] | undefined;
  private separator: string | undefined;

  step(v: Value, separator: Value = ','): void {
    if (v === null) return;
    const text = toText(v) as string;
    if (this.count++ === 0) {
      this.text = text;
      return;
    }
    const between = toText(separator) ?? '';
    if (this.separators !== undefined) this.separators.push(between);
    else if (this.separator === undefined || this.count === 2) this.separator = between;
    else if (this.separator !== between) {
      this.separators = new Array<string>(this.count - 2).fill(this.separator);
      this.separators.push(between);
    }
    if (this.text.length + between.length + text.length > MAX_UNITS) throw tooBig();
    this.text += between + text;
  }

  inverse(v: Value): void {
    if (v === null) return;
    if (--this.count === 0) {
      this.text = '';
      this.separators = undefined;
      return;
    }
    const between = this.separators === undefined ? (this.separator as string) : (this.separators.shift() as string);
    this.text = this.text.slice((toText(v) as string).length + between.length);
  }

  value(): Value {
    return this.count === 0 ? null : rejoined(this.text);
  }
}

function sum(kind: SumKind): AggregateFunction {
  const common = {name: kind, minArgs: 1, maxArgs: 1, create: () => new Sum(kind)};
  return kind === 'sum' ? common : {...common, returns: 'real'};
}

/** Aggregates whose accumulators have `int` and `real`. */
export const TAKES_NUMBERS: ReadonlySet<string> = new Set(['avg', 'count', 'max', 'min', 'sum', 'total']);

export const AGGREGATE_FUNCTIONS: readonly AggregateFunction[] = [
  sum('avg'),
  {name: 'count', minArgs: 0, maxArgs: 1, returns: 'integer', create: () => new Count()},
  {name: 'group_concat', minArgs: 1, maxArgs: 2, returns: 'text', create: () => new Concatenation()},
  {name: 'max', minArgs: 1, maxArgs: 1, create: context => new Extreme(comparator(context.collation), 1)},
  {name: 'min', minArgs: 1, maxArgs: 1, create: context => new Extreme(comparator(context.collation), -1)},
  {name: 'string_agg', minArgs: 2, maxArgs: 2, returns: 'text', create: () => new Concatenation()},
  sum('sum'),
  sum('total'),
];
