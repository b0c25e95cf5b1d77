/**
 * Numbers as text and text as numbers, as SQLite writes and reads them: a REAL is written with up to 15 significant
 * digits and always with a point; a text is read as a whole (`parseNumber`, for affinity) or as far as it goes (the
 * `…Prefix` functions, for casts and arithmetic). Reading rounds correctly. Layer: sql.
 */
import {MAX_INTEGER, MIN_INTEGER, type Real, realCell} from '../../tree/cell.js';

/** Returns the text of a REAL: `1.0`, `0.1`, `1.0e+20`, `1.0e-05`, `Inf`, `-Inf`. */
export function realText(x: number): string {
  const size = x < 0 ? -x : x;
  if (size < 1e15 && Number.isInteger(x)) return size === 0 ? '0.0' : `${x}.0`;
  if (size >= 1e-4 && size < 1e15) {
    // The shortest text that reads back as x is what 15 digits give if it has no more digits than that.
    const shortest = String(x);
    if (shortest.length <= (x < 0 ? 17 : 16)) return shortest;
  }
  if (size === Infinity) return x > 0 ? 'Inf' : '-Inf';
  const scientific = x.toExponential(14);
  const e = scientific.indexOf('e');
  const exponent = Number(scientific.slice(e + 1));
  if (exponent < -4 || exponent >= 15) {
    return `${withoutZeros(scientific.slice(0, e))}${exponentText(exponent)}`;
  }
  return withoutZeros(x.toFixed(14 - exponent));
}

/** Returns the text of a REAL that reads back as the same REAL: as `realText` if that does, else with 21 digits. */
export function realLiteral(x: number): string {
  const text = realText(x);
  if (Number(text) === x || !Number.isFinite(x)) return text;
  // SQLite cuts the digits off here; it does not round.
  const digits = x.toExponential(40);
  const e = digits.indexOf('e');
  return `${withoutZeros(digits.slice(0, digits.indexOf('.') + 21))}${exponentText(Number(digits.slice(e + 1)))}`;
}

function exponentText(exponent: number): string {
  const size = Math.abs(exponent);
  return `e${exponent < 0 ? '-' : '+'}${size < 10 ? '0' : ''}${size}`;
}

/** Returns the decimal number without zeros at its end, but with one digit after its point. */
function withoutZeros(digits: string): string {
  if (!digits.includes('.')) return `${digits}.0`;
  let end = digits.length;
  while (digits.charCodeAt(end - 1) === 48) end--;
  if (digits.charCodeAt(end - 1) === 46) end++;
  return digits.slice(0, end);
}

const NUMBER = /^[\t-\r ]*([+-]?(?:[0-9]+(\.[0-9]*)?|(\.[0-9]+))([eE][+-]?[0-9]+)?)/;
const INTEGER = /^[\t-\r ]*([+-]?[0-9]+)/;

/** Returns whether a number may begin with this UTF-16 unit: a digit, a sign, a point or white space. */
function mayBegin(unit: number): boolean {
  return (
    (unit >= 48 && unit <= 57) || unit === 45 || unit === 46 || unit === 43 || unit === 32 || (unit >= 9 && unit <= 13)
  );
}

function isSpace(unit: number): boolean {
  return unit === 32 || (unit >= 9 && unit <= 13);
}

/** Returns the number of a text of up to 15 digits and nothing else, which most are; else −1. */
function digitsOnly(text: string): number {
  if (text.length > 15) return -1;
  let value = 0;
  for (let i = 0; i < text.length; i++) {
    const digit = text.charCodeAt(i) - 48;
    if (digit < 0 || digit > 9) return -1;
    value = value * 10 + digit;
  }
  return value;
}

/** Returns the number that the whole text is (white space around it allowed), or undefined. `1e3` is a REAL. */
export function parseNumber(text: string): number | bigint | Real | undefined {
  if (!mayBegin(text.charCodeAt(0))) return undefined;
  const small = digitsOnly(text);
  if (small >= 0) return small;
  const match = NUMBER.exec(text);
  if (match === null) return undefined;
  for (let i = match[0].length; i < text.length; i++) if (!isSpace(text.charCodeAt(i))) return undefined;
  return matched(match);
}

/** Returns what a number that the text begins with is, in its own type: INTEGER 0 if it begins with none. */
export function leadingNumber(text: string): number | bigint | Real {
  if (!mayBegin(text.charCodeAt(0))) return 0;
  const match = NUMBER.exec(text);
  return match === null ? 0 : matched(match);
}

function matched(match: RegExpExecArray): number | bigint | Real {
  const digits = match[1] as string;
  if (match[2] !== undefined || match[3] !== undefined || match[4] !== undefined) return realCell(Number(digits));
  const value = Number(digits);
  if (Number.isSafeInteger(value)) return value + 0;
  const exact = BigInt(digits.charCodeAt(0) === 43 ? digits.slice(1) : digits);
  return exact >= MIN_INTEGER && exact <= MAX_INTEGER ? exact : value;
}

/** Returns the number that the text begins with, as CAST AS NUMERIC takes it: `1e3` is INTEGER 1000. 0 if there is none. */
export function numberPrefix(text: string): number | bigint | Real {
  const value = leadingNumber(text);
  if (typeof value !== 'object') return value;
  const whole = value.value;
  return whole >= -(2 ** 51) && whole < 2 ** 51 ? whole + 0 : value;
}

/** Returns the INTEGER that the text begins with, as CAST AS INTEGER takes it: the nearest of 64 bits, 0 if there is none. */
export function integerPrefix(text: string): number | bigint {
  if (!mayBegin(text.charCodeAt(0))) return 0;
  const match = INTEGER.exec(text);
  if (match === null) return 0;
  const digits = match[1] as string;
  const value = Number(digits);
  if (Number.isSafeInteger(value)) return value + 0;
  const exact = BigInt(digits.charCodeAt(0) === 43 ? digits.slice(1) : digits);
  if (exact > MAX_INTEGER) return MAX_INTEGER;
  return exact < MIN_INTEGER ? MIN_INTEGER : exact;
}

/** Returns the number that the text begins with as a double; 0 if there is none. */
export function realPrefix(text: string): number {
  if (!mayBegin(text.charCodeAt(0))) return 0;
  const match = NUMBER.exec(text);
  return match === null ? 0 : Number(match[1]);
}
