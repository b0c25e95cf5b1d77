/** Values as text, as people and programs read them. Layer: sql. */
import {asBuffer} from '../../bytes.js';
import {Real} from '../../tree/cell.js';
import {toText} from '../values/convert.js';
import type {Value} from '../values/value.js';

/** Returns a value that is not NULL as SQLite's CAST AS TEXT does, but a blob as its literal: x'00ff'. */
export function valueText(value: Exclude<Value, null>): string {
  return value instanceof Uint8Array ? `x'${asBuffer(value).toString('hex')}'` : (toText(value) as string);
}

/** Returns whether a value is a number, of either type. */
export function isNumber(value: Value): boolean {
  return typeof value === 'number' || typeof value === 'bigint' || value instanceof Real;
}

/** Returns a REAL with all of its digits; JSON numbers have no limit, and a reader takes 1e999 for infinity. */
export function realDigits(value: number): string {
  if (!Number.isInteger(value)) return Number.isFinite(value) ? `${value}` : value > 0 ? '1e999' : '-1e999';
  const text = Object.is(value, -0) ? '-0' : `${value}`;
  return text.includes('e') ? text : `${text}.0`;
}

/** Returns a value as `valueText` does, but with all digits. */
export function exactText(value: Exclude<Value, null>): string {
  if (value instanceof Real) return realDigits(value.value);
  return typeof value === 'number' && !Number.isSafeInteger(value) ? realDigits(value) : valueText(value);
}
