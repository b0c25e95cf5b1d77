/**
 * What the values of a column look like, and the type that follows from it: a text is a number only if it is written as
 * numbers are printed, so that a code such as 007 or 12E4 stays a text. Layer: sql.
 */
import {MAX_INTEGER, MIN_INTEGER, realCell} from '../../tree/cell.js';
import type {Value} from '../values/value.js';
import {invalidImport} from './fault.js';

/** What a column has been seen to have: one bit each. */
export const INTEGER = 1;
/** An INTEGER that no REAL holds for sure. */
export const LONG = 2;
export const REAL = 4;
export const TEXT = 8;
export const BLOB = 16;

export type ColumnType = 'INTEGER' | 'REAL' | 'TEXT' | 'BLOB' | '';

/** Returns the type of a column of texts: what fits all of them. */
export function typeOfTexts(seen: number): ColumnType {
  if (seen === BLOB) return 'BLOB';
  if (seen === 0 || (seen & (TEXT | BLOB)) !== 0) return 'TEXT';
  if ((seen & REAL) === 0) return 'INTEGER';
  return (seen & LONG) === 0 ? 'REAL' : 'TEXT';
}

/** Returns the type of a column of values that have types: none where they differ, so that each keeps its own. */
export function typeOfValues(seen: number): ColumnType {
  if (seen === 0 || seen === TEXT) return 'TEXT';
  if (seen === BLOB) return 'BLOB';
  if ((seen & (TEXT | BLOB)) !== 0) return '';
  if ((seen & REAL) === 0) return 'INTEGER';
  return (seen & LONG) === 0 ? 'REAL' : '';
}

const MINUS = 0x2d;
const POINT = 0x2e;
const ZERO = 0x30;
const NINE = 0x39;
const SMALL_X = 0x78;
/** So many digits are a safe integer. */
const SAFE_DIGITS = 15;
/** The longest numbers: a sign, 17 digits, leading zeros behind the point, an exponent. */
const LONGEST_NUMBER = 400;
const BLOB_LITERAL = /^x'(?:[0-9a-f]{2})*'$/;
/** An exponent needs a point or a sign: 12E4 is a code. */
const NUMBER = /^-?(?:0|[1-9]\d*)(?:\.\d+(?:[eE][+-]?\d+)?|[eE][+-]\d+)?$/;
/** More significant digits than a REAL has. */
const MAX_REAL_DIGITS = 17;

/** Returns the bit of what the bytes of a field look like. */
export function kindOfField(bytes: Buffer, start: number, end: number): number {
  const size = end - start;
  const first = bytes[start] as number;
  const negative = first === MINUS;
  let at = negative ? start + 1 : start;
  const lead = bytes[at] as number;
  if (at >= end) return TEXT;
  if (lead < ZERO || lead > NINE) {
    return first === SMALL_X && BLOB_LITERAL.test(bytes.toString('latin1', start, end)) ? BLOB : TEXT;
  }
  if (size > LONGEST_NUMBER) return TEXT;
  if (end - at <= SAFE_DIGITS) {
    if (lead === ZERO && end - at > 1 && bytes[at + 1] !== POINT)
      return kindOfText(bytes.toString('latin1', start, end));
    while (at < end && (bytes[at] as number) >= ZERO && (bytes[at] as number) <= NINE) at++;
    if (at === end) return negative && lead === ZERO ? TEXT : INTEGER;
    if (bytes[at] === POINT && at + 1 < end) {
      at++;
      while (at < end && (bytes[at] as number) >= ZERO && (bytes[at] as number) <= NINE) at++;
      if (at === end) return REAL;
    }
  }
  return kindOfText(bytes.toString('latin1', start, end));
}

/** Returns the bit of what a text looks like. */
export function kindOfText(text: string): number {
  if (text === '1e999' || text === '-1e999') return REAL;
  if (text.startsWith("x'")) return BLOB_LITERAL.test(text) ? BLOB : TEXT;
  if (text.length > LONGEST_NUMBER || !NUMBER.test(text)) return TEXT;
  if (!/[.eE]/.test(text)) {
    if (text === '-0') return TEXT;
    const value = Number(text);
    if (Number.isSafeInteger(value)) return INTEGER;
    const exact = BigInt(text);
    return exact >= MIN_INTEGER && exact <= MAX_INTEGER ? LONG : TEXT;
  }
  const [mantissa = ''] = text.split(/[eE]/);
  const digits = mantissa.replace(/^-?0?\.?0*/, '').replace('.', '');
  return digits.length <= MAX_REAL_DIGITS && Number.isFinite(Number(text)) ? REAL : TEXT;
}

/** Returns the value of a text of this kind. */
export function valueOfText(text: string, kind: number): Value {
  switch (kind) {
    case INTEGER:
      return Number(text);
    case LONG:
      return BigInt(text);
    case REAL:
      return realCell(Number(text));
    case BLOB:
      return Buffer.from(text.slice(2, -1), 'hex');
    default:
      return text;
  }
}

/** Throws IMPORT_INVALID if a text that goes into a column of integers is one of more than 64 bits: it would lose digits. */
export function checkInteger(text: string, line: number): void {
  if (!/^\s*[+-]?\d{19,}\s*$/.test(text)) return;
  const value = BigInt(text.trim().replace('+', ''));
  if (value >= MIN_INTEGER && value <= MAX_INTEGER) return;
  const shown = text.length > 40 ? `${text.slice(0, 40)}…` : text;
  throw invalidImport(`the integer ${shown} has more than 64 bits.`, 'Make the column TEXT.', line);
}
