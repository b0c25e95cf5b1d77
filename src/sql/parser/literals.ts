/**
 * The values that literals stand for. Layer: sql.
 */
import {integerCell, MAX_INTEGER, realCell} from '../../tree/cell.js';
import type {Value} from '../values/value.js';

/** Returns the text within quotes or brackets; a quote that is doubled counts once. */
export function unquote(source: string, from: number, to: number): string {
  const text = source.slice(from + 1, to - 1);
  const quote = source[to - 1] as string;
  return quote !== ']' && text.includes(quote) ? text.replaceAll(quote + quote, quote) : text;
}

/** Returns the value of decimal or hexadecimal digits, or undefined if those are more than 64 bits. */
export function integerValue(digits: string): Value | undefined {
  if (digits.length < 16 && (digits.charCodeAt(1) | 32) !== 120) {
    const value = Number(digits);
    // not a number: there are separators
    if (!Number.isNaN(value)) return value;
  }
  const text = digits.replaceAll('_', '');
  const value = BigInt(text);
  if (!/^0[xX]/.test(text)) return value <= MAX_INTEGER ? integerCell(value) : realCell(Number(text));
  return value >= 1n << 64n ? undefined : integerCell(BigInt.asIntN(64, value));
}

export function realValue(digits: string): Value {
  return realCell(Number(digits.replaceAll('_', '')));
}

/** Returns the bytes of x'…'. */
export function blobValue(token: string): Uint8Array {
  return Uint8Array.from(Buffer.from(token.slice(2, -1), 'hex'));
}
