/**
 * The bytes of a result while its rows are written: numbers and plain text go into them character by character, which takes
 * half the time of building strings first. Guarantee: one piece of memory is used again and again, and grows only for a
 * large row. Layer: sql.
 */
import {encodeText} from '../../bytes.js';
import type {Vector} from '../../tree/vector.js';
import type {Value} from '../values/value.js';

/** A part is handed over from this size on. */
export const PART_BYTES = 256 * 1024;
/** Longer text is encoded by the runtime, which then is faster than one character at a time. */
const SHORT_TEXT = 512;
/** Room for what follows a part that is nearly full. */
const SLACK = 16 * 1024;
const BILLION = 1_000_000_000;
/** More than a plain value takes: a short text and its quotes, a number. */
const LONGEST_PLAIN = SHORT_TEXT + 2;
/** Numbers below have up to 15 digits. */
const MAX_EXACT = 1e15;
/** Memory that is not kept for the next part. */
const LARGE = 4 * PART_BYTES;
const MINUS = 0x2d;
const POINT = 0x2e;
const ZERO = 0x30;

/** Returns which characters up to U+007E are plain: all that can be printed, except these. */
export function plainCharacters(except: string): Uint8Array {
  const plain = new Uint8Array(128).fill(1, 0x20, 0x7f);
  for (const character of except) plain[character.charCodeAt(0)] = 0;
  return plain;
}

/** How the plain values of a row stand among each other. */
export interface PlainForm {
  /** What stands before each value. */
  readonly before: readonly Uint8Array[];
  /** The characters that text may have, see `plainCharacters`. */
  readonly characters: Uint8Array;
  /** What stands on both sides of text: one character, or 0 for none. */
  readonly quote: number;
  /** Whether the empty text needs no care. */
  readonly emptyText: boolean;
}

export class ResultBuffer {
  private bytes = Buffer.allocUnsafe(PART_BYTES + SLACK);
  /** How many bytes are waiting. */
  length = 0;

  /** Returns what was written since the last call; it stays so until something else is written. */
  take(): Buffer {
    const part = this.bytes.subarray(0, this.length);
    if (this.bytes.length > LARGE) this.bytes = Buffer.allocUnsafe(PART_BYTES + SLACK);
    this.length = 0;
    return part;
  }

  private reserve(size: number): void {
    if (this.length + size <= this.bytes.length) return;
    const grown = Buffer.allocUnsafe(Math.max(this.bytes.length * 2, this.length + size));
    this.bytes.copy(grown, 0, 0, this.length);
    this.bytes = grown;
  }

  /** Writes text of ASCII characters. */
  ascii(text: string): void {
    const size = text.length;
    this.reserve(size);
    const {bytes} = this;
    let at = this.length;
    for (let i = 0; i < size; i++) bytes[at++] = text.charCodeAt(i);
    this.length = at;
  }

  /** Writes any text; a character that stands for a byte becomes that byte. */
  text(text: string): void {
    if (text.length <= SHORT_TEXT && this.shortAscii(text)) return;
    const encoded = encodeText(text);
    this.reserve(encoded.length);
    this.bytes.set(encoded, this.length);
    this.length += encoded.length;
  }

  private shortAscii(text: string): boolean {
    const size = text.length;
    this.reserve(size);
    const {bytes} = this;
    let at = this.length;
    for (let i = 0; i < size; i++) {
      const code = text.charCodeAt(i);
      if (code > 0x7f) return false;
      bytes[at++] = code;
    }
    this.length = at;
    return true;
  }

  /**
   * Writes the values of a row from `first` on, each with what stands before it, as long as they are plain: short text of
   * the given characters, a whole number, a REAL with up to three decimals. Returns the place of the first that is not,
   * of which it wrote only what stands before it. This is where a large result spends its time.
   */
  plainValues(values: readonly Value[], first: number, form: PlainForm): number {
    const {before} = form;
    const count = before.length;
    let at = this.length;
    let {bytes} = this;
    for (let place = first; place < count; place++) {
      const prefix = before[place] as Uint8Array;
      const value = values[place] as Value;
      if (at + prefix.length + LONGEST_PLAIN > bytes.length) {
        this.length = at;
        this.reserve(prefix.length + LONGEST_PLAIN);
        bytes = this.bytes;
      }
      for (let i = 0; i < prefix.length; i++) bytes[at++] = prefix[i] as number;
      const end = writeValue(bytes, at, value, form);
      if (end < 0) {
        this.length = at;
        return place;
      }
      at = end;
    }
    this.length = at;
    return count;
  }

  /** Writes the values of a row of a leaf as `plainValues` does, those of most columns without making them first. */
  plainCells(columns: readonly Vector[], row: number, first: number, form: PlainForm): number {
    const {before} = form;
    const count = before.length;
    let at = this.length;
    let {bytes} = this;
    for (let place = first; place < count; place++) {
      const prefix = before[place] as Uint8Array;
      if (at + prefix.length + LONGEST_PLAIN > bytes.length) {
        this.length = at;
        this.reserve(prefix.length + LONGEST_PLAIN);
        bytes = this.bytes;
      }
      for (let i = 0; i < prefix.length; i++) bytes[at++] = prefix[i] as number;
      const end = writeCell(bytes, at, columns[place] as Vector, row, form);
      if (end < 0) {
        this.length = at;
        return place;
      }
      at = end;
    }
    this.length = at;
    return count;
  }
}

/** Writes a plain value and returns where it ends; −1 for any other, and then what is behind `start` means nothing. */
function writeValue(bytes: Uint8Array, start: number, value: Value, form: PlainForm): number {
  if (typeof value === 'number')
    return Number.isSafeInteger(value) ? writeInteger(bytes, start, value) : writeReal(bytes, start, value);
  if (typeof value !== 'string') return -1;
  const {characters, quote, emptyText} = form;
  const size = value.length;
  if (size > SHORT_TEXT || (size === 0 && !emptyText)) return -1;
  let at = start;
  if (quote !== 0) bytes[at++] = quote;
  for (let i = 0; i < size; i++) {
    const code = value.charCodeAt(i);
    if (characters[code] !== 1) return -1;
    bytes[at++] = code;
  }
  if (quote !== 0) bytes[at++] = quote;
  return at;
}

/** Writes a value of a column like `writeValue`. */
function writeCell(bytes: Uint8Array, start: number, column: Vector, row: number, form: PlainForm): number {
  if (column.kind === 'text') {
    const {characters, quote, emptyText} = form;
    const {bytes: texts, offsets} = column;
    const from = offsets[row] as number;
    const to = offsets[row + 1] as number;
    if (to - from > SHORT_TEXT || (from === to && !emptyText) || column.isNullAt(row)) return -1;
    let at = start;
    if (quote !== 0) bytes[at++] = quote;
    for (let i = from; i < to; i++) {
      const code = texts[i] as number;
      if (characters[code] !== 1) return -1;
      bytes[at++] = code;
    }
    if (quote !== 0) bytes[at++] = quote;
    return at;
  }
  if (column.kind === 'integer') {
    return column.isNullAt(row) ? -1 : writeInteger(bytes, start, column.values[row] as number);
  }
  if (column.kind === 'real') return column.isNullAt(row) ? -1 : writeReal(bytes, start, column.values[row] as number);
  return writeValue(bytes, start, column.cell(row) as Value, form);
}

/** Writes a REAL that is no whole number and has up to three decimals and returns where it ends; −1 for any other. */
function writeReal(bytes: Uint8Array, start: number, value: number): number {
  const thousandths = Math.round(value * 1000);
  if (!(thousandths > 0 && thousandths < MAX_EXACT && thousandths / 1000 === value)) return -1;
  return Number.isInteger(value) ? -1 : writeThousandths(bytes, start, thousandths);
}

/** Writes so many digits of a number below 10⁹ and returns where they end. */
function writeDigits(bytes: Uint8Array, start: number, value: number, count: number): number {
  let rest = value;
  for (let at = start + count - 1; at >= start; at--) {
    const next = (rest / 10) | 0;
    bytes[at] = ZERO + rest - next * 10;
    rest = next;
  }
  return start + count;
}

/** Writes a safe whole number and returns where it ends. */
function writeInteger(bytes: Uint8Array, start: number, value: number): number {
  let at = start;
  let rest = value;
  if (rest < 0) {
    bytes[at++] = MINUS;
    rest = -rest;
  }
  if (rest < BILLION) return writeDigits(bytes, at, rest, countDigits(rest));
  const high = Math.floor(rest / BILLION);
  at = writeDigits(bytes, at, high, countDigits(high));
  return writeDigits(bytes, at, rest - high * BILLION, 9);
}

/**
 * Writes a number of thousandths with as few decimals as it has, at least one. Where the quotient is the double that is meant, these
 * are the digits that JavaScript and SQLite write: two decimals with up to 15 digits are never the same double.
 */
function writeThousandths(bytes: Uint8Array, start: number, thousandths: number): number {
  const whole = Math.floor(thousandths / 1000);
  const decimals = thousandths - whole * 1000;
  const at = writeInteger(bytes, start, whole);
  bytes[at] = POINT;
  if (decimals % 100 === 0) return writeDigits(bytes, at + 1, decimals / 100, 1);
  if (decimals % 10 === 0) return writeDigits(bytes, at + 1, decimals / 10, 2);
  return writeDigits(bytes, at + 1, decimals, 3);
}

/** Returns how many digits a whole number below 10⁹ has. */
function countDigits(value: number): number {
  if (value < 1e4) return value < 10 ? 1 : value < 100 ? 2 : value < 1000 ? 3 : 4;
  return value < 1e5 ? 5 : value < 1e6 ? 6 : value < 1e7 ? 7 : value < 1e8 ? 8 : 9;
}
