/**
 * All functions by name. A name may mean a scalar function and an aggregate, by the number of arguments (`max`), and every
 * aggregate is a window function too. Names are found in any case. Layer: sql.
 */
import {DbosError} from '../../errors.js';
import {didYouMean, nearestNames} from '../../repo/nearest.js';
import {foldCase} from '../values/compare.js';
import {AGGREGATE_FUNCTIONS} from './aggregates.js';
import {CORE_FUNCTIONS} from './core.js';
import {DATE_FUNCTIONS} from './date.js';
import {FORMAT_FUNCTIONS} from './format.js';
import type {AggregateFunction, ScalarFunction} from './function.js';
import {JSON_AGGREGATES, JSON_SCALARS} from './json.js';
import {MATH_FUNCTIONS} from './math.js';
import {TEXT_FUNCTIONS} from './text.js';
import {type OverFunction, WINDOW_FUNCTIONS} from './windows.js';

interface Named {
  readonly name: string;
  readonly minArgs: number;
  readonly maxArgs: number;
}

function byName<T extends Named>(...lists: readonly (readonly T[])[]): ReadonlyMap<string, T> {
  return new Map(lists.flat().map(each => [each.name, each]));
}

const scalars = byName<ScalarFunction>(
  CORE_FUNCTIONS,
  TEXT_FUNCTIONS,
  MATH_FUNCTIONS,
  FORMAT_FUNCTIONS,
  DATE_FUNCTIONS,
  JSON_SCALARS,
);
const aggregates = byName<AggregateFunction>(AGGREGATE_FUNCTIONS, JSON_AGGREGATES);
const windows = byName<OverFunction>(WINDOW_FUNCTIONS);

function taking<T extends Named>(found: T | undefined, args: number): T | undefined {
  return found !== undefined && args >= found.minArgs && args <= found.maxArgs ? found : undefined;
}

/**
 * Returns the scalar function of this name that takes so many arguments; throws FUNCTION_UNKNOWN, or SQL_MISUSE if a
 * function has that name but takes other numbers of arguments.
 */
export function findScalar(name: string, argCount: number): ScalarFunction {
  const found = taking(scalars.get(foldCase(name)), argCount);
  if (found === undefined) throw functionError(name, argCount);
  return found;
}

/** Returns the aggregate of this name that takes so many arguments, or undefined. */
export function findAggregate(name: string, argCount: number): AggregateFunction | undefined {
  return taking(aggregates.get(foldCase(name)), argCount);
}

/** Returns the function of this name that only windows have, or undefined. */
export function findWindow(name: string): OverFunction | undefined {
  return windows.get(foldCase(name));
}

/** Returns the names of all functions but table functions, sorted. */
export function functionNames(): readonly string[] {
  return [...new Set([...scalars.keys(), ...aggregates.keys(), ...windows.keys()])].sort();
}

/** Returns the error of a call that no function answers: an unknown name, or a known one with the wrong arguments. */
function functionError(name: string, argCount: number): DbosError {
  const key = foldCase(name);
  const known = [scalars.get(key), aggregates.get(key), windows.get(key)].filter(each => each !== undefined);
  if (known.length > 0) {
    const counts = known.map(each => argumentsText(each)).join(' or ');
    return new DbosError('SQL_MISUSE', `wrong number of arguments to function ${name}().`, {
      hint: `It takes ${counts}; the call has ${argCount}.`,
      data: {function: name, arguments: argCount},
    });
  }
  const near = nearestNames(name, functionNames());
  return new DbosError('FUNCTION_UNKNOWN', `no such function: ${name}.`, {
    hint: didYouMean(near) ?? 'docs/sql.md lists the functions there are.',
    data: {function: name, near},
  });
}

/** Returns how many arguments a function takes, in words. */
export function argumentsText({minArgs, maxArgs}: {readonly minArgs: number; readonly maxArgs: number}): string {
  if (maxArgs === Infinity) return `${minArgs} or more arguments`;
  if (minArgs === maxArgs) return minArgs === 1 ? '1 argument' : `${minArgs} arguments`;
  return `${minArgs} to ${maxArgs} arguments`;
}
