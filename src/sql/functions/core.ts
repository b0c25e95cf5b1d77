/**
 * Functions that choose between values, match patterns, or tell of the statement; the others of SQLite's core are in
 * `text.ts` and `math.ts`. Layer: sql.
 */

import {comparator} from '../values/compare.js';
import {isTrue, toText, typeOf} from '../values/convert.js';
import {MAX_BYTES, tooBig} from '../values/limits.js';
import type {Value} from '../values/value.js';
import type {FunctionContext, ScalarFunction} from './function.js';
import {globMatcher, likeMatcher, regexpMatcher} from './pattern.js';
import {asCount} from './text.js';

/** The version of SQLite whose behaviour is the measure of this engine. */
const SQLITE_VERSION = '3.40.1';

function coalesce(_: FunctionContext, ...values: Value[]): Value {
  for (const v of values) if (v !== null) return v;
  return null;
}

/** Returns the value after the first condition that is true, else the last, if it has no condition before it. */
function choose(_: FunctionContext, ...args: Value[]): Value {
  let i = 0;
  for (; i + 1 < args.length; i += 2) if (isTrue(args[i] as Value)) return args[i + 1] as Value;
  return args[i] ?? null;
}

function identity(_: FunctionContext, v: Value): Value {
  return v;
}

/** Returns the greatest of several values (the first of equal ones), NULL if one is NULL. */
function greatest(context: FunctionContext, first: Value, ...others: Value[]): Value {
  const compare = comparator(context.collation);
  let best = first;
  for (const v of others) if (compare(best, v) < 0) best = v;
  return best;
}

/** Returns the least of several values (the last of equal ones, as in SQLite), NULL if one is NULL. */
function least(context: FunctionContext, first: Value, ...others: Value[]): Value {
  const compare = comparator(context.collation);
  let best = first;
  for (const v of others) if (compare(best, v) >= 0) best = v;
  return best;
}

function nullif(context: FunctionContext, a: Value, b: Value): Value {
  return comparator(context.collation)(a, b) === 0 ? null : a;
}

function text(v: Value): string {
  return toText(v) as string;
}

function like(_: FunctionContext, pattern: Value, v: Value, escaping?: Value): Value {
  return likeMatcher(text(pattern), escaping === undefined ? undefined : text(escaping))(text(v)) ? 1 : 0;
}

function randomblob(context: FunctionContext, size: Value): Value {
  const length = Math.max(1, asCount(size));
  if (length > MAX_BYTES) throw tooBig();
  const bytes = Buffer.allocUnsafe(length);
  for (let at = 0; at < length; at += 8) {
    const word = BigInt(context.random());
    if (length - at >= 8) bytes.writeBigInt64LE(word, at);
    else for (let i = at; i < length; i++) bytes[i] = Number((word >> BigInt(8 * (i - at))) & 0xffn);
  }
  return bytes;
}

type Call = ScalarFunction['call'];

function pure(name: string, minArgs: number, maxArgs: number, call: Call): ScalarFunction {
  return {name, minArgs, maxArgs, deterministic: true, call};
}

function strict(name: string, minArgs: number, maxArgs: number, call: Call): ScalarFunction {
  return {...pure(name, minArgs, maxArgs, call), strict: true};
}

function changing(name: string, args: number, returns: 'integer' | 'blob', call: Call): ScalarFunction {
  return {name, minArgs: args, maxArgs: args, deterministic: false, returns, call};
}

export const CORE_FUNCTIONS: readonly ScalarFunction[] = [
  changing('changes', 0, 'integer', context => context.changes),
  pure('coalesce', 2, Infinity, coalesce),
  {
    ...strict('glob', 2, 2, (_, pattern = null, v = null) => (globMatcher(text(pattern))(text(v)) ? 1 : 0)),
    returns: 'integer',
  },
  pure('if', 2, Infinity, choose),
  pure('ifnull', 2, 2, coalesce),
  pure('iif', 2, Infinity, choose),
  changing('last_insert_rowid', 0, 'integer', context => context.lastInsertRowid),
  {...strict('like', 2, 3, like), returns: 'integer'},
  pure('likelihood', 2, 2, identity),
  pure('likely', 1, 1, identity),
  strict('max', 2, Infinity, greatest),
  strict('min', 2, Infinity, least),
  pure('nullif', 2, 2, nullif),
  changing('random', 0, 'integer', context => context.random()),
  changing('randomblob', 1, 'blob', randomblob),
  {
    ...strict('regexp', 2, 2, (_, pattern = null, v = null) => (regexpMatcher(text(pattern))(text(v)) ? 1 : 0)),
    returns: 'integer',
  },
  {...pure('sqlite_version', 0, 0, () => SQLITE_VERSION), returns: 'text'},
  changing('total_changes', 0, 'integer', context => context.totalChanges),
  {...pure('typeof', 1, 1, (_, v = null) => typeOf(v)), returns: 'text'},
  pure('unlikely', 1, 1, identity),
];
