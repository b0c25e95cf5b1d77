/**
 * What a value is when a text, an integer, a number, a blob or a truth is wanted of it; every conversion that SQLite does
 * on its own. Layer: sql.
 */
import {asBuffer, decodeText, encodeText} from '../../bytes.js';
import {MAX_INTEGER, MIN_INTEGER, Real} from '../../tree/cell.js';
import {MAX_UNITS, tooBig} from './limits.js';
import {integerPrefix, leadingNumber, realPrefix, realText} from './number.js';
import type {TypeName, Value} from './value.js';

/** Returns the type of a value, as `typeof()` names it. */
export function typeOf(v: Value): TypeName {
  if (typeof v === 'number') return Number.isSafeInteger(v) ? 'integer' : 'real';
  if (typeof v === 'string') return 'text';
  if (v === null) return 'null';
  if (typeof v === 'bigint') return 'integer';
  return v instanceof Real ? 'real' : 'blob';
}

/** Returns the value as text: numbers as SQLite writes them, a blob's bytes taken for UTF-8; only a huge blob fails. */
export function toText(v: Value): string | null {
  if (typeof v === 'string' || v === null) return v;
  if (typeof v === 'number') return Number.isSafeInteger(v) ? String(v) : realText(v);
  if (typeof v === 'bigint') return String(v);
  if (v instanceof Real) return realText(v.value);
  if (v.length > MAX_UNITS) throw tooBig();
  return decodeText(v);
}

/** Returns the INTEGER nearest to a REAL between it and 0, within 64 bits. */
export function truncated(x: number): number | bigint {
  const whole = Math.trunc(x) + 0;
  if (Number.isSafeInteger(whole)) return whole;
  if (whole >= 2 ** 63) return MAX_INTEGER;
  return whole <= -(2 ** 63) ? MIN_INTEGER : BigInt(whole);
}

/** Returns the value as an INTEGER, as CAST AS INTEGER does. */
export function toInteger(v: Value): number | bigint | null {
  if (typeof v === 'number') return Number.isSafeInteger(v) ? v : truncated(v);
  if (v === null || typeof v === 'bigint') return v;
  if (typeof v === 'string') return integerPrefix(v);
  return v instanceof Real ? v.value + 0 : integerPrefix(decodeText(v));
}

/** Returns the value as a double: of a text or blob the number that it begins with; 0 for NULL. */
export function toNumber(v: Value): number {
  if (typeof v === 'number') return v;
  if (v === null) return 0;
  if (typeof v === 'string') return realPrefix(v);
  if (typeof v === 'bigint') return Number(v);
  return v instanceof Real ? v.value : realPrefix(decodeText(v));
}

/** Returns the number that arithmetic sees in an operand; unlike CAST AS NUMERIC it takes `1e3` for a REAL. */
export function toNumeric(v: Value): number | bigint | Real | null {
  if (typeof v === 'number' || v === null || typeof v === 'bigint') return v;
  if (typeof v === 'string') return leadingNumber(v);
  return v instanceof Real ? v : leadingNumber(decodeText(v));
}

/** Returns whether a condition holds: the value is neither NULL nor 0, nor a text or blob that begins with no other number. */
export function isTrue(v: Value): boolean {
  if (typeof v === 'number') return v !== 0;
  if (v === null) return false;
  if (typeof v === 'bigint') return true;
  return toNumber(v) !== 0;
}

/** Returns the bytes of a blob, or of the value's text. */
export function toBlob(v: Value): Uint8Array | null {
  if (v === null || v instanceof Uint8Array) return v;
  return encodeText(toText(v) as string);
}

/** Returns the value as a user of JavaScript sees it: a REAL is a number, whole or not. */
export function toPlain(v: Value): null | number | bigint | string | Uint8Array {
  return v instanceof Real ? v.value : v;
}

/** Returns the bytes as a Buffer over the same memory, or those of the value's text. */
export function toBuffer(v: Exclude<Value, null>): Buffer {
  return v instanceof Uint8Array ? asBuffer(v) : encodeText(toText(v) as string);
}
