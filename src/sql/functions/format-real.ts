/**
 * REALs as text with a given number of digits, as the conversions %f, %e and %g of SQLite 3.40 make them, digit by digit:
 * it computes with reals of 64 significant bits (the extended precision of x86), takes at most 16 significant digits
 * (26 with the flag `!`) and puts zeros for the rest. Most numbers are not near a border between two results and are
 * left to JavaScript, which rounds exactly. Layer: sql.
 */

/** A number m · 2^e, where m has 64 bits unless it is 0. */
interface Extended {
  readonly m: bigint;
  readonly e: number;
}

const BITS = 64;

function bitLength(m: bigint): number {
  const hex = m.toString(16);
  return hex.length * 4 - Math.clz32(Number.parseInt(hex.charAt(0), 16)) + 28;
}

/** Returns m · 2^e rounded to 64 bits, half to even. */
function rounded(m: bigint, e: number): Extended {
  if (m === 0n) return {m, e: 0};
  const excess = bitLength(m) - BITS;
  if (excess <= 0) return {m: m << BigInt(-excess), e: e + excess};
  const shift = BigInt(excess);
  const rest = m & ((1n << shift) - 1n);
  const half = 1n << (shift - 1n);
  const kept = m >> shift;
  const up = rest > half || (rest === half && (kept & 1n) === 1n);
  const whole = up ? kept + 1n : kept;
  return whole >> 64n === 0n ? {m: whole, e: e + excess} : {m: whole >> 1n, e: e + excess + 1};
}

const view = new DataView(new ArrayBuffer(8));

function extended(x: number): Extended {
  view.setFloat64(0, x);
  const high = view.getUint32(0);
  const biased = (high >>> 20) & 0x7ff;
  const fraction = (BigInt(high & 0xfffff) << 32n) | BigInt(view.getUint32(4));
  return biased === 0 ? rounded(fraction, -1074) : rounded(fraction | (1n << 52n), biased - 1075);
}

function add(a: Extended, b: Extended): Extended {
  if (a.m === 0n) return b;
  if (b.m === 0n) return a;
  // Beyond this distance the smaller one only tells which way to round.
  if (a.e - b.e > 200) return a;
  if (b.e - a.e > 200) return b;
  const e = Math.min(a.e, b.e);
  return rounded((a.m << BigInt(a.e - e)) + (b.m << BigInt(b.e - e)), e);
}

function multiply(a: Extended, b: Extended): Extended {
  return rounded(a.m * b.m, a.e + b.e);
}

function divide(a: Extended, b: Extended): Extended {
  const dividend = a.m << 70n;
  const quotient = dividend / b.m;
  // A last bit that stands for the remainder keeps a near tie from being taken for one.
  return rounded((quotient << 1n) | (dividend % b.m === 0n ? 0n : 1n), a.e - b.e - 71);
}

function isLess(a: Extended, b: Extended): boolean {
  if (a.m === 0n || b.m === 0n) return a.m < b.m;
  return a.e === b.e ? a.m < b.m : a.e < b.e;
}

const ONE = extended(1);
const TEN = extended(10);

/** Returns 10^exponent as a product of the powers that SQLite multiplies, each a double. */
function powerOfTen(exponent: number): Extended {
  let power = ONE;
  let rest = exponent;
  for (const [step, factor] of [
    [100, extended(1e100)],
    [10, extended(1e10)],
    [1, TEN],
  ] as const) {
    for (; rest >= step; rest -= step) power = multiply(power, factor);
  }
  return power;
}

/** Returns half a unit of the last of the digits after the point. */
function rounder(precision: number): Extended {
  const places = Math.min(precision, 400);
  let half = extended(Number(`5e-${(places % 10) + 1}`));
  for (let i = 10; i <= places; i += 10) half = multiply(half, extended(1e-10));
  return half;
}

interface Decimal {
  /** Significant digits; what follows them is zeros. */
  readonly digits: string;
  /** The power of ten of the first digit. */
  readonly exponent: number;
}

/** Returns the number, greater than 0, with 1 <= value < 10, and its power of ten. */
function normalized(value: Extended): {value: Extended; exponent: number} {
  let scaled = value;
  let exponent = 0;
  // The logarithm may be off by one where the number is near a power of ten; the loops after it settle that.
  const estimate = Math.floor((value.e + BITS - 1) * Math.LOG10E * Math.LN2);
  if (estimate > 0) {
    exponent = estimate - 1;
    while (!isLess(scaled, multiply(TEN, powerOfTen(exponent)))) exponent++;
    scaled = divide(scaled, powerOfTen(exponent));
  } else {
    while (!isLess(scaled, TEN)) {
      scaled = divide(scaled, TEN);
      exponent++;
    }
    for (; isLess(scaled, extended(1e-8)); exponent -= 8) scaled = multiply(scaled, extended(1e8));
    for (; isLess(scaled, ONE); exponent--) scaled = multiply(scaled, TEN);
  }
  return {value: scaled, exponent};
}

/** Returns up to `limit` digits of a number with 1 <= value < 10, cut off, not rounded. */
function digitsOf(value: Extended, limit: number): string {
  let rest = value;
  let digits = '';
  for (let i = 0; i < limit; i++) {
    const whole = rest.m === 0n ? 0n : rest.e <= -BITS ? 0n : rest.m >> BigInt(-rest.e);
    digits += whole;
    const fraction = rest.m === 0n ? 0n : rest.m - (whole << BigInt(-rest.e));
    rest = multiply(rounded(fraction, rest.e), TEN);
  }
  return digits;
}

const LIMIT = 16;
const LONG_LIMIT = 26;

/** Returns the digits of a number >= 0 rounded to `precision` digits after the point. */
function fixedDecimal(x: number, precision: number, limit: number): Decimal {
  let sum = rounder(precision);
  const exponent = extended(x).e + BITS - 1;
  // A number that reads like a tie is taken for one although the double below it is meant: 1.005 gives 1.01.
  if (x !== 0 && precision + Math.trunc(exponent / 3) < 15) sum = add(sum, multiply(extended(x), extended(3e-16)));
  const {value, exponent: power} = normalized(add(extended(x), sum));
  return {digits: digitsOf(value, limit), exponent: power};
}

/** Returns the digits of a number >= 0 rounded to `precision` digits after the first. */
function exponentialDecimal(x: number, precision: number, limit: number): Decimal {
  if (x === 0) return {digits: '0', exponent: 0};
  if (precision < 11) {
    const text = x.toExponential(16);
    const after = text.slice(precision + 2, precision + 7);
    if (after !== '49999' && after !== '50000') {
      const short = x.toExponential(precision);
      const e = short.indexOf('e');
      return {digits: short.slice(0, e).replace('.', ''), exponent: Number(short.slice(e + 1))};
    }
  }
  const {value, exponent} = normalized(extended(x));
  const sum = add(value, rounder(precision));
  if (isLess(sum, TEN)) return {digits: digitsOf(sum, limit), exponent};
  return {digits: digitsOf(multiply(sum, extended(0.1)), limit), exponent: exponent + 1};
}

/** Returns the number with `precision` digits after the point. */
function fixedText({digits, exponent}: Decimal, precision: number): string {
  const count = exponent + 1 + precision;
  const all = exponent < 0 ? '0'.repeat(-exponent) + digits : digits;
  const whole = Math.max(exponent + 1, 1);
  const padded = all.padEnd(Math.max(count, whole + precision), '0');
  return precision > 0 ? `${padded.slice(0, whole)}.${padded.slice(whole, whole + precision)}` : padded.slice(0, whole);
}

/** How a REAL is written. */
export interface RealFormat {
  readonly form: 'f' | 'e' | 'g';
  /** E instead of e. */
  readonly upper: boolean;
  readonly precision: number;
  /** `#`: a point even without digits after it, and zeros at the end of %g. */
  readonly point: boolean;
  /** `!`: 26 significant digits, and no zeros at the end but one digit after the point. */
  readonly long: boolean;
}

/** Returns the text of a REAL >= 0, finite. */
export function realTextOf(x: number, format: RealFormat): string {
  const {form, point, long} = format;
  const limit = long ? LONG_LIMIT : LIMIT;
  let precision = format.precision;
  let text: string;
  let exponent: number | undefined;
  if (form === 'f') {
    text = nearlyFixed(x, precision) ?? fixedText(fixedDecimal(x, precision, limit), precision);
  } else {
    if (form === 'g' && precision > 0) precision--;
    const decimal = exponentialDecimal(x, precision, limit);
    if (form === 'e' || decimal.exponent < -4 || decimal.exponent > precision) {
      exponent = decimal.exponent;
      text = fixedText({digits: decimal.digits, exponent: 0}, precision);
    } else {
      text = fixedText(decimal, precision - decimal.exponent);
    }
  }
  const trim = form === 'g' ? !point : long;
  let hasPoint = text.includes('.');
  if (!hasPoint && (point || long)) {
    text += '.';
    hasPoint = true;
  }
  if (trim && hasPoint) {
    text = text.replace(/0+$/, '');
    if (text.endsWith('.')) text = long ? `${text}0` : text.slice(0, -1);
  }
  if (exponent === undefined) return text;
  const size = Math.abs(exponent);
  return `${text}${format.upper ? 'E' : 'e'}${exponent < 0 ? '-' : '+'}${size < 10 ? '0' : ''}${size}`;
}

/** Returns the number with `precision` digits after the point if it is far from a tie, and its digits are few. */
function nearlyFixed(x: number, precision: number): string | undefined {
  if (precision > 15) return undefined;
  const scaled = x * Number(`1e${precision}`);
  const fraction = scaled - Math.floor(scaled);
  return scaled < 1e9 && Math.abs(fraction - 0.5) > 1e-4 ? x.toFixed(precision) : undefined;
}

/** Returns the text that %.`precision`g gives. */
export function generalText(x: number, precision: number): string {
  const text = realTextOf(Math.abs(x), {form: 'g', upper: false, precision, point: false, long: false});
  return x < 0 ? `-${text}` : text;
}
