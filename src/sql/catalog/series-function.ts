/**
 * generate_series(start, stop, step), as SQLite's shell has it. Layer: sql.
 */
import {integerCell, MAX_INTEGER, MIN_INTEGER} from '../../tree/cell.js';
import type {TableFunction} from '../source.js';
import {toInteger} from '../values/convert.js';
import type {Value} from '../values/value.js';
import {hidden, integer} from './columns.js';

const DEFAULT_STOP = 0xffffffffn;

/** Numbers from `start` to `stop`, `step` apart; a step of 0 is 1, a negative one counts down. */
export const SERIES_FUNCTION: TableFunction = {
  name: 'generate_series',
  minArgs: 1,
  maxArgs: 3,
  bind: args => ({
    columns: [integer('value'), hidden(integer('start')), hidden(integer('stop')), hidden(integer('step'))],
    rows: rowsAbout(args),
    call: values => series(values),
  }),
};

function rowsAbout([start, stop, step = 1]: readonly (Value | undefined)[]): number {
  if (typeof start !== 'number' || typeof stop !== 'number' || typeof step !== 'number') return 1000;
  return Math.max(0, Math.floor((stop - start) / (step || 1)) + 1);
}

function* series(args: readonly Value[]): Generator<Value[]> {
  if (args.includes(null)) return;
  const whole = (i: number, otherwise: bigint) =>
    i < args.length ? BigInt(toInteger(args[i] as Value) as number) : otherwise;
  const start = whole(0, 0n);
  const stop = whole(1, DEFAULT_STOP);
  const step = whole(2, 1n) || 1n;
  const bounds = [integerCell(start), integerCell(stop), integerCell(step)];
  if ([...bounds].every(bound => typeof bound === 'number') && step < 2n ** 52n && step > -(2n ** 52n)) {
    const [, last, by] = bounds as [number, number, number];
    for (let value = Number(start); by > 0 ? value <= last : value >= last; value += by) yield [value, ...bounds];
    return;
  }
  for (let value = start; step > 0n ? value <= stop : value >= stop; value += step) {
    if (value > MAX_INTEGER || value < MIN_INTEGER) return;
    yield [integerCell(value), ...bounds];
  }
}
