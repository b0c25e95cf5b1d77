/**
 * Calls of functions with the sqlite3 shell as the oracle: results in a form that keeps types, NULs and bytes apart, and
 * is the same for both sides.
 */
import {spawnSync} from 'node:child_process';
import {encodeText} from '../../src/bytes.js';
import type {FunctionContext, ScalarFunction} from '../../src/sql/functions/function.js';
import {realText} from '../../src/sql/values/number.js';
import type {Value} from '../../src/sql/values/value.js';
import {Real} from '../../src/tree/cell.js';

export const CONTEXT: FunctionContext = {
  now: Date.UTC(2024, 1, 29, 12, 34, 56, 789),
  zone: () => 0,
  random: () => 0,
  collation: 'binary',
  changes: 0,
  totalChanges: 0,
  lastInsertRowid: 0,
};

/** Returns a value as both sides write it: its type and its text, or bytes in hexadecimal. */
export function written(value: Value): string {
  if (value === null) return 'null';
  if (typeof value === 'string') return `text ${encodeText(value).toString('hex')}`;
  if (typeof value === 'bigint') return `integer ${value}`;
  if (value instanceof Uint8Array) return `blob ${Buffer.from(value).toString('hex')}`;
  if (typeof value === 'number' && Number.isSafeInteger(value)) return `integer ${value}`;
  return `real ${realText(value instanceof Real ? value.value : value)}`;
}

/** Returns the SQL literal of a value. */
export function literal(value: Value): string {
  if (value === null) return 'NULL';
  if (typeof value === 'string') return `CAST(x'${encodeText(value).toString('hex')}' AS TEXT)`;
  if (value instanceof Uint8Array) return `x'${Buffer.from(value).toString('hex')}'`;
  if (typeof value === 'bigint') return value === -(2n ** 63n) ? '(-9223372036854775807 - 1)' : String(value);
  if (typeof value === 'number' && Number.isSafeInteger(value)) return String(value);
  const x = value instanceof Real ? value.value : value;
  return Number.isFinite(x) ? x.toExponential(20) : x > 0 ? '9e999' : '-9e999';
}

/** Returns what calling gives, or the message of the error. */
export function outcome(call: () => Value): string {
  try {
    return written(call());
  } catch (error) {
    if (!(error instanceof Error) || error.name !== 'DbosError') throw error;
    return `error ${error.message.replace(/\.$/, '')}`;
  }
}

/** Returns the function of that name. */
export function find(functions: readonly ScalarFunction[], name: string): ScalarFunction {
  const found = functions.find(each => each.name === name);
  if (found === undefined) throw new Error(`no function ${name}`);
  return found;
}

/** Returns what sqlite3 gives for each expression, or undefined if it is not installed. */
export function askSqlite(expressions: readonly string[]): string[] | undefined {
  const lines = expressions.map(
    (expression, index) =>
      `SELECT '@${index} ' || CASE typeof(x) WHEN 'null' THEN 'null' WHEN 'text' THEN 'text ' || lower(hex(x))` +
      ` WHEN 'blob' THEN 'blob ' || lower(hex(x)) ELSE typeof(x) || ' ' || x END FROM (SELECT ${expression} AS x LIMIT 1);`,
  );
  const done = spawnSync('sqlite3', ['-batch', '-init', '/dev/null', ':memory:'], {
    input: `${lines.join('\n')}\n`,
    maxBuffer: 2 ** 30,
    env: {PATH: process.env.PATH, TZ: 'UTC0'},
  });
  if (done.error) {
    if ((done.error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw done.error;
  }
  const results: string[] = [];
  for (const line of done.stdout.toString().split('\n')) {
    const found = /^@(\d+) (.*)$/.exec(line);
    if (found !== null) results[Number(found[1])] = found[2] as string;
  }
  for (const line of done.stderr.toString().split('\n')) {
    const found = /near line (\d+): (?:stepping, )?(.*?)(?: \(\d+\))?$/.exec(line);
    if (found !== null) results[Number(found[1]) - 1] = `error ${found[2]}`;
  }
  return results;
}
