/** Values as text, in the forms that are not JSON. Layer: cli. */
import {asBuffer} from '../bytes.js';
import {toText} from '../sql/values/convert.js';
import type {Value} from '../sql/values/value.js';
import {Real} from '../tree/cell.js';

/** Returns a value that is not NULL as SQLite's CAST AS TEXT does, but a blob as its literal: x'00ff'. */
export function valueText(value: Exclude<Value, null>): string {
  return value instanceof Uint8Array ? `x'${asBuffer(value).toString('hex')}'` : (toText(value) as string);
}

/** Returns whether a value is a number, of either type. */
export function isNumber(value: Value): boolean {
  return typeof value === 'number' || typeof value === 'bigint' || value instanceof Real;
}
