/**
 * Functions on texts and blobs. Characters are code points; a byte that is no UTF-8 is a character too. Case and white
 * space are those of ASCII. Layer: sql.
 */
import {decodeText, encodeText} from '../../bytes.js';
import {DbosError} from '../../errors.js';
import {Real} from '../../tree/cell.js';
import {joinText, rejoined} from '../values/arithmetic.js';
import {foldCase} from '../values/compare.js';
import {toBuffer, toInteger, toText} from '../values/convert.js';
import {MAX_BYTES, MAX_UNITS, tooBig} from '../values/limits.js';
import {realLiteral} from '../values/number.js';
import type {Value} from '../values/value.js';
import type {FunctionContext, ScalarFunction} from './function.js';

const HIGH = /[\ud800-\udbff]/;

/** Returns the number of characters in a text. */
export function characterCount(text: string): number {
  if (!HIGH.test(text)) return text.length;
  let count = text.length;
  for (let i = 0; i < text.length; i++) if ((text.charCodeAt(i) & 0xfc00) === 0xd800) count--;
  return count;
}

/** Returns the offset in UTF-16 units of the character of this number, or the length of the text. */
function offsetOf(text: string, character: number): number {
  let at = 0;
  for (let left = character; left > 0 && at < text.length; left--)
    at += (text.charCodeAt(at) & 0xfc00) === 0xd800 ? 2 : 1;
  return at;
}

function asText(v: Value): string {
  return toText(v) as string;
}

/** Returns an argument as a whole number, the nearest that JavaScript counts with exactly. */
export function asCount(v: Value): number {
  return Math.max(Math.min(Number(toInteger(v)), Number.MAX_SAFE_INTEGER), Number.MIN_SAFE_INTEGER);
}

function length(_: FunctionContext, v: Value): Value {
  if (v instanceof Uint8Array) return v.length;
  const text = asText(v);
  // SQLite counts up to the first NUL, and says so.
  const end = text.indexOf('\0');
  return characterCount(end < 0 ? text : text.slice(0, end));
}

function octetLength(_: FunctionContext, v: Value): Value {
  return v instanceof Uint8Array ? v.length : encodeText(asText(v)).length;
}

const NOT_ASCII = /[^\x00-\x7f]/;

/** Returns the text with a to z as A to Z, and nothing else changed. */
function upperCase(text: string): string {
  return NOT_ASCII.test(text) ? text.replace(/[a-z]+/g, letters => letters.toUpperCase()) : text.toUpperCase();
}

/** Returns the part [from, to) of `length` items that substr() means by its arguments. */
function part(length: number, start: number, count: number): {from: number; to: number} {
  let from = start;
  let size = Math.abs(count);
  if (from < 0) {
    from += length;
    if (from < 0) {
      size = Math.max(size + from, 0);
      from = 0;
    }
  } else if (from > 0) from--;
  else if (size > 0) size--;
  if (count < 0) {
    from -= size;
    if (from < 0) {
      size = Math.max(size + from, 0);
      from = 0;
    }
  }
  return {from, to: Math.min(from + size, length)};
}

function substr(_: FunctionContext, v: Value, start: Value, size: Value = MAX_BYTES): Value {
  const first = asCount(start);
  const count = asCount(size);
  if (v instanceof Uint8Array) {
    // SQLite has no bytes to point at here, and gives NULL.
    if (v.length === 0) return null;
    const {from, to} = part(v.length, first, count);
    return v.subarray(from, Math.max(from, to));
  }
  const text = asText(v);
  if (!HIGH.test(text)) {
    const {from, to} = part(text.length, first, count);
    return from < to ? text.slice(from, to) : '';
  }
  const {from, to} = part(characterCount(text), first, count);
  if (from >= to) return '';
  const begin = offsetOf(text, from);
  const rest = text.slice(begin);
  return rest.slice(0, offsetOf(rest, to - from));
}

/** Returns the offset at which a text is found from `from` on, never inside a surrogate pair; −1 if it is not. */
function find(text: string, wanted: string, from: number): number {
  let at = text.indexOf(wanted, from);
  if ((wanted.charCodeAt(0) & 0xfc00) !== 0xdc00) return at;
  while (at > 0 && (text.charCodeAt(at - 1) & 0xfc00) === 0xd800) at = text.indexOf(wanted, at + 1);
  return at;
}

function instr(_: FunctionContext, v: Value, wanted: Value): Value {
  if (v instanceof Uint8Array && wanted instanceof Uint8Array) return toBuffer(v).indexOf(wanted) + 1;
  const text = asText(v);
  const at = find(text, asText(wanted), 0);
  return at < 0 ? 0 : characterCount(text.slice(0, at)) + 1;
}

function replace(_: FunctionContext, v: Value, old: Value, by: Value): Value {
  if (v === null || old === null) return null;
  const wanted = asText(old);
  if (wanted === '') return v instanceof Uint8Array ? asText(v) : v;
  if (by === null) return null;
  const text = asText(v);
  const replacement = asText(by);
  const parts: string[] = [];
  let units = text.length;
  let from = 0;
  for (let at = find(text, wanted, 0); at >= 0; at = find(text, wanted, from)) {
    parts.push(text.slice(from, at));
    from = at + wanted.length;
    units += replacement.length - wanted.length;
    if (units > MAX_UNITS) throw tooBig();
  }
  if (from === 0) return text;
  parts.push(text.slice(from));
  return rejoined(parts.join(replacement));
}

function trimmer(left: boolean, right: boolean) {
  return (_: FunctionContext, v: Value, set: Value = ' '): Value => {
    const text = asText(v);
    const characters = new Set(asText(set));
    let from = 0;
    let to = text.length;
    while (left && from < to) {
      const character = String.fromCodePoint(text.codePointAt(from) as number);
      if (!characters.has(character)) break;
      from += character.length;
    }
    while (right && to > from) {
      const size = to - from > 1 && (text.charCodeAt(to - 2) & 0xfc00) === 0xd800 ? 2 : 1;
      if (!characters.has(text.slice(to - size, to))) break;
      to -= size;
    }
    return text.slice(from, to);
  };
}

/** Returns the text of a code point; what is none is U+FFFD, and a surrogate is its three bytes, as in SQLite. */
function character(v: Value): string {
  const point = asCount(toInteger(v) ?? 0);
  if (point < 0 || point > 0x10ffff) return '\ufffd';
  if (point < 0xd800 || point > 0xdfff) return String.fromCodePoint(point);
  return decodeText(Buffer.from([0xe0 | (point >> 12), 0x80 | ((point >> 6) & 0x3f), 0x80 | (point & 0x3f)]));
}

function unicode(_: FunctionContext, v: Value): Value {
  const point = asText(v).codePointAt(0);
  if (point === undefined || point === 0) return null;
  if (point < 0xdc80 || point > 0xdcff) return point;
  // A byte that continues a character is itself; one that begins a character without an end is none.
  return point < 0xdcc0 ? point - 0xdc00 : 0xfffd;
}

function hex(_: FunctionContext, v: Value): Value {
  if (v === null) return '';
  return hexDigits(toBuffer(v));
}

function hexDigits(bytes: Buffer): string {
  if (bytes.length > MAX_UNITS / 2 - 3) throw tooBig();
  return bytes.toString('hex').toUpperCase();
}

/** Returns the blob of hexadecimal digits in pairs, between which characters of a set may stand; NULL for anything else. */
function unhex(_: FunctionContext, v: Value, ignored: Value = ''): Value {
  const allowed = new Set(asText(ignored));
  const digits: string[] = [];
  let half = false;
  for (const character of asText(v)) {
    if (/^[0-9A-Fa-f]$/.test(character)) {
      digits.push(character);
      half = !half;
    } else if (half || !allowed.has(character)) return null;
  }
  return half ? null : Buffer.from(digits.join(''), 'hex');
}

/** Returns the value as a literal of SQL. */
export function quoted(v: Value): string {
  if (v === null) return 'NULL';
  if (typeof v === 'string') return `'${v.replaceAll("'", "''")}'`;
  if (v instanceof Uint8Array) return `X'${hexDigits(toBuffer(v))}'`;
  if (v instanceof Real) return realLiteral(v.value);
  return typeof v === 'number' && !Number.isSafeInteger(v) ? realLiteral(v) : String(v);
}

/** The digits of Soundex for A to Z; 0 is a letter that is not written. */
const SOUNDEX = '01230120022455012623010202';

function soundex(_: FunctionContext, v: Value): Value {
  const bytes = v === null ? Buffer.alloc(0) : encodeText(asText(v));
  const first = bytes.findIndex(byte => (byte | 0x20) >= 0x61 && (byte | 0x20) <= 0x7a);
  if (first < 0) return '?000';
  // of what is not ASCII each byte counts without its highest bit, as in SQLite
  const digitOf = (byte: number) => SOUNDEX.charAt((byte & 0x5f) - 0x41) || '0';
  const digitAt = (i: number) => ((bytes[i] as number) & 0x40 ? digitOf((bytes[i] as number) & 0x7f) : '0');
  let code = String.fromCharCode((bytes[first] as number) & 0x5f);
  let before = digitAt(first);
  for (let i = first + 1; i < bytes.length && code.length < 4; i++) {
    const digit = digitAt(i);
    if (digit !== '0' && digit !== before) code += digit;
    before = digit;
  }
  return code.padEnd(4, '0');
}

function zeroblob(_: FunctionContext, v: Value): Value {
  const size = asCount(v);
  if (size > MAX_BYTES) throw tooBig();
  return new Uint8Array(Math.max(size, 0));
}

function concatenation(separator: string, values: readonly Value[]): string {
  let text: string | undefined;
  for (const v of values) {
    if (v === null) continue;
    text = text === undefined ? asText(v) : joinText(joinText(text, separator), asText(v));
  }
  return text ?? '';
}

/** Returns the text with `\XXXX`, `\+XXXXXX`, `\uXXXX` and `\UXXXXXXXX` as characters and `\\` as a backslash. */
function unistr(_: FunctionContext, v: Value): Value {
  const escapes = /\\(?:\\|([0-9A-Fa-f]{4})|\+([0-9A-Fa-f]{6})|u([0-9A-Fa-f]{4})|U([0-9A-Fa-f]{8})|)/g;
  const text = asText(v).replace(escapes, (sequence, ...groups: (string | undefined)[]) => {
    if (sequence === '\\\\') return '\\';
    const digits = groups.slice(0, 4).find(group => group !== undefined);
    if (digits === undefined)
      throw new DbosError('SQL_VALUE', 'invalid Unicode escape.', {hint: 'Write \\\\ for a backslash.'});
    return character(Number.parseInt(digits, 16));
  });
  return rejoined(text);
}

type Call = ScalarFunction['call'];

/** A function that is NULL where an argument is, which most are. */
function strict(
  name: string,
  minArgs: number,
  maxArgs: number,
  returns: ScalarFunction['returns'],
  call: Call,
): ScalarFunction {
  const common = {name, minArgs, maxArgs, deterministic: true, strict: true, call};
  return returns === undefined ? common : {...common, returns};
}

function lenient(
  name: string,
  minArgs: number,
  maxArgs: number,
  returns: ScalarFunction['returns'],
  call: Call,
): ScalarFunction {
  return {...strict(name, minArgs, maxArgs, returns, call), strict: false};
}

export const TEXT_FUNCTIONS: readonly ScalarFunction[] = [
  lenient('char', 0, Infinity, 'text', (_, ...points) => rejoined(points.map(character).join(''))),
  lenient('concat', 1, Infinity, 'text', (_, ...values) => concatenation('', values)),
  lenient('concat_ws', 2, Infinity, 'text', (_, separator = null, ...values) =>
    separator === null ? null : concatenation(asText(separator), values),
  ),
  lenient('hex', 1, 1, 'text', hex),
  strict('instr', 2, 2, 'integer', instr),
  strict('length', 1, 1, 'integer', length),
  strict('lower', 1, 1, 'text', (_, v = null) => foldCase(asText(v))),
  strict('ltrim', 1, 2, 'text', trimmer(true, false)),
  strict('octet_length', 1, 1, 'integer', octetLength),
  lenient('quote', 1, 1, 'text', (_, v = null) => quoted(v)),
  lenient('replace', 3, 3, undefined, replace),
  strict('rtrim', 1, 2, 'text', trimmer(false, true)),
  lenient('soundex', 1, 1, 'text', soundex),
  strict('substr', 2, 3, undefined, substr),
  strict('substring', 2, 3, undefined, substr),
  strict('trim', 1, 2, 'text', trimmer(true, true)),
  strict('unhex', 1, 2, 'blob', unhex),
  strict('unicode', 1, 1, 'integer', unicode),
  strict('unistr', 1, 1, 'text', unistr),
  strict('upper', 1, 1, 'text', (_, v = null) => upperCase(asText(v))),
  lenient('zeroblob', 1, 1, 'blob', zeroblob),
];
