/**
 * Results as sqllogictest writes them: a value a line in the form of its column's type, sorted as the record says, and as
 * an MD5 if there are many.
 */
import {createHash} from 'node:crypto';
import {encodeText} from '../../../src/bytes.js';
import type {Value} from '../../../src/sql/values/value.js';
import {integerCell, Real} from '../../../src/tree/cell.js';
import type {ColumnType, QueryRecord, SortMode} from './script.js';

/** Returns the number that begins a text, as SQLite reads a text where it needs a number; 0 if none does. */
function leadingNumber(text: string): number {
  return Number(/^[ \t\n\v\f\r]*([+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?)/i.exec(text)?.[1] ?? 0);
}

function leadingInteger(text: string): bigint {
  return BigInt(/^[ \t\n\v\f\r]*([+-]?\d+)/.exec(text)?.[1]?.replace('+', '') ?? 0);
}

function clamp(value: bigint): bigint {
  const least = -(2n ** 63n);
  const most = 2n ** 63n - 1n;
  return value < least ? least : value > most ? most : value;
}

function bytesAsText(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('latin1');
}

/** Returns a REAL as SQLite writes it: 15 digits, and always a point. */
export function realText(value: number): string {
  if (!Number.isFinite(value)) return value > 0 ? 'Inf' : '-Inf';
  if (value === 0) return '0.0';
  const [digits, power] = value.toExponential(14).split('e') as [string, string];
  const exponent = Number(power);
  const mantissa = digits.replace(/0+$/, '');
  if (exponent < -4 || exponent >= 15) {
    const sign = exponent < 0 ? '-' : '+';
    const shown = mantissa.endsWith('.') ? `${mantissa}0` : mantissa;
    return `${shown}e${sign}${String(Math.abs(exponent)).padStart(2, '0')}`;
  }
  const plain = value.toFixed(Math.max(0, 14 - exponent));
  const trimmed = plain.includes('.') ? plain.replace(/0+$/, '') : plain;
  return trimmed.endsWith('.') ? `${trimmed}0` : trimmed.includes('.') ? trimmed : `${trimmed}.0`;
}

function toInteger(value: Exclude<Value, null>): string {
  if (typeof value === 'bigint') return String(value);
  if (typeof value === 'string') return String(clamp(leadingInteger(value)));
  if (value instanceof Uint8Array) return String(clamp(leadingInteger(bytesAsText(value))));
  const number = value instanceof Real ? value.value : value;
  if (Number.isFinite(number)) return String(clamp(BigInt(Math.trunc(number))));
  return String(clamp(number > 0 ? 2n ** 63n : -(2n ** 63n)));
}

function toReal(value: Exclude<Value, null>): number {
  if (value instanceof Real) return value.value;
  if (typeof value === 'string') return leadingNumber(value);
  if (value instanceof Uint8Array) return leadingNumber(bytesAsText(value));
  return Number(value);
}

function toText(value: Exclude<Value, null>): string {
  if (value instanceof Real) return realText(value.value);
  if (value instanceof Uint8Array) return bytesAsText(value);
  if (typeof value === 'string') return encodeText(value).toString('latin1');
  return typeof value === 'bigint' || Number.isSafeInteger(value)
    ? String(integerCell(BigInt(value)))
    : realText(value);
}

/** Returns a number with three decimals, of which SQLite knows no more than 16 digits in all. */
function fixed(value: number): string {
  if (!Number.isFinite(value)) return value > 0 ? 'Inf' : '-Inf';
  if (Math.abs(value) < 1e13) return value.toFixed(3);
  const [digits, power] = value.toExponential(15).split('e') as [string, string];
  const whole = digits.replace('.', '').padEnd(Number(power) + 1 + (value < 0 ? 1 : 0), '0');
  const point = Number(power) + 1 + (value < 0 ? 1 : 0);
  return `${whole.slice(0, point)}.${whole.slice(point).padEnd(3, '0')}`;
}

/** Returns a value in the form of a column's type. */
export function formatValue(value: Value, type: ColumnType): string {
  if (value === null) return 'NULL';
  if (type === 'I') return toInteger(value);
  if (type === 'R') {
    return fixed(toReal(value));
  }
  const text = toText(value).split('\0', 1)[0] as string;
  return text === '' ? '(empty)' : text.replaceAll(/[^ -~]/g, '@');
}

function compareRows(a: readonly string[], b: readonly string[]): number {
  for (const [i, value] of a.entries()) {
    const other = b[i] as string;
    if (value !== other) return value < other ? -1 : 1;
  }
  return 0;
}

function sortValues(rows: readonly (readonly string[])[], sort: SortMode): string[] {
  if (sort === 'rowsort') return [...rows].sort(compareRows).flat();
  const values = rows.flat();
  return sort === 'valuesort' ? values.sort() : values;
}

export interface WrittenResult {
  readonly values: readonly string[];
  readonly hash: string;
}

/** Returns a result as values in the order to compare, and their hash. Throws if it has another number of columns. */
export function writeResult(rows: readonly (readonly Value[])[], {types, sort}: QueryRecord): WrittenResult {
  const texts = rows.map(row => {
    if (row.length !== types.length) throw new Error(`${row.length} columns instead of ${types.length}`);
    return row.map((value, i) => formatValue(value, types[i] as ColumnType));
  });
  const values = sortValues(texts, sort);
  const hash = createHash('md5');
  for (const value of values) hash.update(`${value}\n`, 'latin1');
  return {values, hash: hash.digest('hex')};
}

const HASHED = /^(\d+) values hashing to ([0-9a-f]{32})$/;

/** Returns what is wrong with a result, or undefined if it is the expected one. */
export function checkResult({values, hash}: WrittenResult, {expected}: QueryRecord): string | undefined {
  const hashed = expected.length === 1 ? HASHED.exec(expected[0] as string) : null;
  if (hashed !== null) {
    if (values.length === Number(hashed[1]) && hash === hashed[2]) return undefined;
    return `expected ${expected[0]}, got ${values.length} values hashing to ${hash}`;
  }
  if (values.length === expected.length && values.every((value, i) => value === expected[i])) return undefined;
  const show = (list: readonly string[]) =>
    list.length > 20 ? `${list.slice(0, 20).join(' ')} … (${list.length} values)` : list.join(' ');
  return `expected ${show(expected)}\n  got ${show(values)}`;
}
