/**
 * Arithmetic, bits and `||` on values. NULL gives NULL. INTEGER with INTEGER is exact in 64 bits and becomes REAL where it
 * overflows; anything else is REAL, and what would be NaN is NULL. Each operator opens with the case of two safe integers,
 * short enough to be inlined where it is called; the rest is a function of its own. Layer: sql.
 */
import {decodeText, encodeText, isWellFormed} from '../../bytes.js';
import {MAX_INTEGER, MIN_INTEGER, type Real, realCell} from '../../tree/cell.js';
import {toInteger, toNumber, toNumeric, toText} from './convert.js';
import {MAX_UNITS, tooBig} from './limits.js';
import type {Value} from './value.js';

type Operator = '+' | '-' | '*' | '/';

/** Returns a + b. */
export function add(a: Value, b: Value): Value {
  if (typeof a === 'number' && typeof b === 'number' && Number.isSafeInteger(a) && Number.isSafeInteger(b)) {
    const sum = a + b;
    if (Number.isSafeInteger(sum)) return sum;
  }
  return calculate('+', a, b);
}

/** Returns a − b. */
export function subtract(a: Value, b: Value): Value {
  if (typeof a === 'number' && typeof b === 'number' && Number.isSafeInteger(a) && Number.isSafeInteger(b)) {
    const difference = a - b;
    if (Number.isSafeInteger(difference)) return difference;
  }
  return calculate('-', a, b);
}

/** Returns a × b. */
export function multiply(a: Value, b: Value): Value {
  if (typeof a === 'number' && typeof b === 'number' && Number.isSafeInteger(a) && Number.isSafeInteger(b)) {
    const product = a * b;
    // `+ 0` here and below: −0 would be a REAL.
    if (Number.isSafeInteger(product)) return product + 0;
  }
  return calculate('*', a, b);
}

/** Returns a ÷ b: without the fraction if both are INTEGER, NULL if b is 0. */
export function divide(a: Value, b: Value): Value {
  if (typeof a === 'number' && typeof b === 'number' && Number.isSafeInteger(a) && Number.isSafeInteger(b)) {
    // Below 2⁵³ a quotient that is not whole cannot round up to a whole one.
    return b === 0 ? null : Math.trunc(a / b) + 0;
  }
  return calculate('/', a, b);
}

/** Returns the remainder of a ÷ b, both cut to INTEGER, with the sign of a; REAL if an operand is, NULL if b is 0. */
export function remainder(a: Value, b: Value): Value {
  if (typeof a === 'number' && typeof b === 'number' && Number.isSafeInteger(a) && Number.isSafeInteger(b)) {
    return b === 0 ? null : (a % b) + 0;
  }
  return slowRemainder(a, b);
}

/** Returns −v, which is 0 − v. */
export function negate(v: Value): Value {
  if (typeof v === 'number') return 0 - v;
  return subtract(0, v);
}

function isInteger(v: number | bigint | Real): v is number | bigint {
  return typeof v === 'number' ? Number.isSafeInteger(v) : typeof v === 'bigint';
}

function calculate(operator: Operator, left: Value, right: Value): Value {
  if (left === null || right === null) return null;
  const a = toNumeric(left) as number | bigint | Real;
  const b = toNumeric(right) as number | bigint | Real;
  if (isInteger(a) && isInteger(b)) {
    const x = BigInt(a);
    const y = BigInt(b);
    if (operator === '/' && y === 0n) return null;
    const exact = operator === '+' ? x + y : operator === '-' ? x - y : operator === '*' ? x * y : x / y;
    if (exact >= -9007199254740991n && exact <= 9007199254740991n) return Number(exact);
    if (exact >= MIN_INTEGER && exact <= MAX_INTEGER) return exact;
  }
  const x = toNumber(a);
  const y = toNumber(b);
  if (operator === '/' && y === 0) return null;
  return real(operator === '+' ? x + y : operator === '-' ? x - y : operator === '*' ? x * y : x / y);
}

/** Returns the REAL, or NULL for NaN. */
function real(x: number): Value {
  return Number.isNaN(x) ? null : realCell(x);
}

function slowRemainder(left: Value, right: Value): Value {
  if (left === null || right === null) return null;
  const whole =
    isInteger(toNumeric(left) as number | bigint | Real) && isInteger(toNumeric(right) as number | bigint | Real);
  const x = BigInt(toInteger(left) as number | bigint);
  const y = BigInt(toInteger(right) as number | bigint);
  if (y === 0n) return null;
  return whole ? integer(x % y) : realCell(Number(x % y));
}

function integer(value: bigint): number | bigint {
  return value >= -9007199254740991n && value <= 9007199254740991n ? Number(value) : value;
}

/** Returns whether bit operators on numbers work here, which are of 32 bits. */
function isSmall(a: Value): a is number {
  return typeof a === 'number' && a === (a | 0);
}

/** Returns the bits that are set in both. */
export function bitAnd(a: Value, b: Value): Value {
  if (isSmall(a) && isSmall(b)) return a & b;
  if (a === null || b === null) return null;
  return integer(wide(a) & wide(b));
}

/** Returns the bits that are set in either. */
export function bitOr(a: Value, b: Value): Value {
  if (isSmall(a) && isSmall(b)) return a | b;
  if (a === null || b === null) return null;
  return integer(wide(a) | wide(b));
}

/** Returns all bits turned over. */
export function bitNot(v: Value): Value {
  if (isSmall(v)) return ~v;
  return v === null ? null : integer(~wide(v));
}

function wide(v: Exclude<Value, null>): bigint {
  return BigInt(toInteger(v) as number | bigint);
}

/** Returns a shifted left by b bits, right if b is negative; bits beyond 64 are lost. */
export function shiftLeft(a: Value, b: Value): Value {
  if (a === null || b === null) return null;
  return shift(wide(a), wide(b));
}

/** Returns a shifted right by b bits, left if b is negative; the sign fills up. */
export function shiftRight(a: Value, b: Value): Value {
  if (isSmall(a) && isSmall(b) && b >= 0 && b < 32) return a >> b;
  if (a === null || b === null) return null;
  return shift(wide(a), -wide(b));
}

function shift(value: bigint, left: bigint): number | bigint {
  if (left >= 64n) return 0;
  if (left <= -64n) return value < 0n ? -1 : 0;
  return integer(left >= 0n ? BigInt.asIntN(64, value << left) : value >> -left);
}

/** Returns a followed by b, as text. */
export function concat(a: Value, b: Value): Value {
  if (typeof a === 'string' && typeof b === 'string') return joinText(a, b);
  if (a === null || b === null) return null;
  return joinText(toText(a) as string, toText(b) as string);
}

/** Returns a followed by b: bytes that are valid UTF-8 only together become their character. */
export function joinText(a: string, b: string): string {
  if (a.length + b.length > MAX_UNITS) throw tooBig();
  const first = b.charCodeAt(0);
  return first >= 0xdc80 && first <= 0xdcff ? rejoined(a + b) : a + b;
}

/** Returns the text with bytes that have become neighbours, and are valid UTF-8 now, as their characters. */
export function rejoined(text: string): string {
  return isWellFormed(text) ? text : decodeText(encodeText(text));
}
