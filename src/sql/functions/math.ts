/**
 * Functions on numbers. The mathematical ones take what is or looks like a number and are NULL for anything else, and
 * where there is no result. Layer: sql.
 */
import {DbosError} from '../../errors.js';
import {MIN_INTEGER, type Real, realCell} from '../../tree/cell.js';
import {toNumber} from '../values/convert.js';
import {parseNumber} from '../values/number.js';
import type {Value} from '../values/value.js';
import type {FunctionContext, ScalarFunction} from './function.js';
import {asCount} from './text.js';

/** Returns what is a number or a text that is one as a whole, else undefined. */
function numeric(v: Value): number | bigint | Real | undefined {
  if (typeof v === 'string') return parseNumber(v);
  return v === null || v instanceof Uint8Array ? undefined : v;
}

/** Returns the argument as a double, NaN if it is no number. */
function double(v: Value | undefined): number {
  const number = numeric(v ?? null);
  return number === undefined ? Number.NaN : toNumber(number);
}

function realOrNull(x: number): Value {
  return Number.isNaN(x) ? null : realCell(x);
}

function abs(_: FunctionContext, v: Value): Value {
  if (typeof v === 'number') return Math.abs(v);
  if (typeof v !== 'bigint') return realCell(Math.abs(toNumber(v)));
  if (v === MIN_INTEGER)
    throw new DbosError('SQL_VALUE', 'integer overflow.', {hint: 'abs() of the least INTEGER has no result.'});
  return v < 0n ? -v : v;
}

function sign(_: FunctionContext, v: Value): Value {
  const x = double(v);
  return Number.isNaN(x) ? null : x > 0 ? 1 : x < 0 ? -1 : 0;
}

function round(_: FunctionContext, v: Value, places: Value = 0): Value {
  return realCell(rounded(toNumber(v), Math.max(0, Math.min(asCount(places), 30))));
}

/** Returns the number with so many decimal places, halves away from 0. */
function rounded(x: number, places: number): number {
  if (Math.abs(x) > 2 ** 52 || x === 0) return x;
  if (places === 0) return Math.trunc(x + (x < 0 ? -0.5 : 0.5)) + 0;
  const size = Math.abs(x);
  const scale = 10 ** places;
  const scaled = size * scale;
  const whole = Math.floor(scaled);
  const fraction = scaled - whole;
  if (scaled < 2 ** 40 && places <= 15 && Math.abs(fraction - 0.5) > 1e-3) {
    const nearest = (fraction < 0.5 ? whole : whole + 1) / scale;
    return x < 0 ? -nearest : nearest;
  }
  return Number(`${x < 0 ? '-' : ''}${exactlyRounded(size, places)}e-${places}`);
}

const bits = new DataView(new ArrayBuffer(8));

/**
 * Returns size × 10^places rounded to a whole number, from the exact value of the double. As in SQLite, numbers with few
 * digits are taken 3·10⁻¹⁶ larger than they are, so that 2.675, which is a little less, becomes 2.68.
 */
function exactlyRounded(size: number, places: number): bigint {
  bits.setFloat64(0, size);
  const high = bits.getUint32(0) >>> 20;
  const exponent = high === 0 ? -1074 : high - 1075;
  const mantissa = (bits.getBigUint64(0) & 0xfffffffffffffn) | (high === 0 ? 0n : 0x10000000000000n);
  const lifted = places + Math.trunc((high - 1023) / 3) < 15;
  const top = mantissa * 10n ** BigInt(places) * (lifted ? 10n ** 16n + 3n : 10n ** 16n);
  const bottom = 10n ** 16n;
  // Numbers above 2⁵² do not come here, so the exponent is not above 0.
  const doubled = bottom << BigInt(1 - exponent);
  return (2n * top + (bottom << BigInt(-exponent))) / doubled;
}

/** Returns a function that keeps an INTEGER as it is and rounds a REAL. */
function rounding(name: string, apply: (x: number) => number): ScalarFunction {
  return strict(name, 1, undefined, (_, v) => {
    const number = numeric(v ?? null);
    if (number === undefined) return null;
    return typeof number === 'bigint' || Number.isSafeInteger(number) ? number : realCell(apply(toNumber(number)));
  });
}

function ofOne(name: string, apply: (x: number) => number): ScalarFunction {
  return strict(name, 1, 'real', (_, v) => realOrNull(apply(double(v))));
}

function ofTwo(name: string, apply: (x: number, y: number) => number): ScalarFunction {
  return strict(name, 2, 'real', (_, v, w) => {
    const x = double(v);
    const y = double(w);
    return Number.isNaN(x) || Number.isNaN(y) ? null : realOrNull(apply(x, y));
  });
}

/** Returns xʸ as C defines it; JavaScript has no result for 1 or −1 to the power of infinity. */
function power(x: number, y: number): number {
  if (x === 1 || (x === -1 && !Number.isFinite(y))) return 1;
  return x ** y;
}

/** Returns the logarithm, NaN where the argument is not above 0. */
function above0(apply: (x: number) => number): (x: number) => number {
  return x => (x > 0 ? apply(x) : Number.NaN);
}

function logarithm(_: FunctionContext, v: Value, w?: Value): Value {
  if (w === undefined) return realOrNull(above0(Math.log10)(double(v)));
  const base = above0(Math.log)(double(v));
  // Unlike the base, this argument may be a text that only begins with a number, as in SQLite.
  const x = toNumber(w);
  return base > 0 && x > 0 ? realOrNull(Math.log(x) / base) : null;
}

function strict(
  name: string,
  args: number,
  returns: ScalarFunction['returns'],
  call: ScalarFunction['call'],
): ScalarFunction {
  const common = {name, minArgs: args, maxArgs: args, deterministic: true, strict: true, call};
  return returns === undefined ? common : {...common, returns};
}

export const MATH_FUNCTIONS: readonly ScalarFunction[] = [
  strict('abs', 1, undefined, abs),
  ofOne('acos', Math.acos),
  ofOne('acosh', Math.acosh),
  ofOne('asin', Math.asin),
  ofOne('asinh', Math.asinh),
  ofOne('atan', Math.atan),
  ofTwo('atan2', Math.atan2),
  ofOne('atanh', Math.atanh),
  rounding('ceil', Math.ceil),
  rounding('ceiling', Math.ceil),
  ofOne('cos', Math.cos),
  ofOne('cosh', Math.cosh),
  ofOne('degrees', x => x * (180 / Math.PI)),
  ofOne('exp', Math.exp),
  rounding('floor', Math.floor),
  ofOne('ln', above0(Math.log)),
  {...strict('log', 1, 'real', logarithm), maxArgs: 2},
  ofOne('log10', above0(Math.log10)),
  ofOne('log2', above0(Math.log2)),
  ofTwo('mod', (x, y) => x % y),
  strict('pi', 0, 'real', () => Math.PI),
  ofTwo('pow', power),
  ofTwo('power', power),
  ofOne('radians', x => x * (Math.PI / 180)),
  {...strict('round', 1, 'real', round), maxArgs: 2},
  strict('sign', 1, 'integer', sign),
  ofOne('sin', Math.sin),
  ofOne('sinh', Math.sinh),
  ofOne('sqrt', Math.sqrt),
  ofOne('tan', Math.tan),
  ofOne('tanh', Math.tanh),
  rounding('trunc', Math.trunc),
];
