/**
 * format() and printf(): text made by a format string, as SQLite's printf makes it. Widths and precisions of texts count
 * bytes, with the flag `!` characters. A conversion that is none ends the result there. Layer: sql.
 */
import {decodeText, encodeText} from '../../bytes.js';
import {DbosError} from '../../errors.js';
import {toInteger, toNumber, toText} from '../values/convert.js';
import type {Value} from '../values/value.js';
import {realTextOf} from './format-real.js';
import type {ScalarFunction} from './function.js';

/** Longer results are refused: JavaScript has no strings of the length that SQLite allows. */
const MAX_LENGTH = 200_000_000;

interface Conversion {
  readonly kind: string;
  readonly left: boolean;
  /** What stands before a number that is not negative: `+`, a space or nothing. */
  readonly sign: string;
  readonly alternate: boolean;
  readonly long: boolean;
  readonly zero: boolean;
  readonly comma: boolean;
  /** '*' takes an argument. */
  readonly width: number | '*' | undefined;
  readonly precision: number | '*' | undefined;
}

/** A format: texts as they stand, and conversions. */
type Piece = string | Conversion;

const CONVERSION = /([-+ #!0,]*)(\*|[1-9]\d*)?(?:\.(\*|\d*))?l{0,2}([diufeEgGxXoscqQwzrpn%])/y;

function parseFormat(whole: string): readonly Piece[] {
  const nul = whole.indexOf('\0');
  const format = nul < 0 ? whole : whole.slice(0, nul);
  const pieces: Piece[] = [];
  let from = 0;
  for (let at = format.indexOf('%'); at >= 0; at = format.indexOf('%', from)) {
    if (at > from) pieces.push(format.slice(from, at));
    if (at === format.length - 1) {
      pieces.push('%');
      return pieces;
    }
    CONVERSION.lastIndex = at + 1;
    const match = CONVERSION.exec(format);
    if (match === null) return pieces;
    const [, flags, width, precision, kind] = match as unknown as [string, string, string?, string?, string?];
    pieces.push({
      kind: kind as string,
      left: flags.includes('-'),
      sign: /[+ ](?=[^+ ]*$)/.exec(flags)?.[0] ?? '',
      alternate: flags.includes('#'),
      long: flags.includes('!'),
      zero: flags.includes('0'),
      comma: flags.includes(','),
      width: width === '*' ? '*' : width === undefined ? undefined : Number(width),
      precision: precision === '*' ? '*' : precision === undefined ? undefined : Number(precision),
    });
    from = CONVERSION.lastIndex;
  }
  if (from < format.length) pieces.push(format.slice(from));
  return pieces;
}

/** The format that was used last: a query has the same one for every row. */
let lastFormat = '';
let lastPieces: readonly Piece[] = [];

/** Returns the text of the format and its arguments; NULL for a format that gives nothing at all. */
export function formatText(format: string, args: readonly Value[]): string | null {
  if (format !== lastFormat) {
    lastPieces = parseFormat(format);
    lastFormat = format;
  }
  if (lastPieces.length === 0) return null;
  const taken = {count: 0};
  const next = (): Value => args[taken.count++] ?? null;
  let text = '';
  for (const piece of lastPieces) {
    text += typeof piece === 'string' ? piece : convert(piece, next);
    if (text.length > MAX_LENGTH) throw tooBig();
  }
  return text;
}

function tooBig(): DbosError {
  return new DbosError('SQL_VALUE', 'string or blob too big.', {
    hint: `A text that format() makes has at most ${MAX_LENGTH} characters; make widths and precisions smaller.`,
  });
}

function convert(conversion: Conversion, next: () => Value): string {
  let {left} = conversion;
  let width = 0;
  if (conversion.width === '*') {
    width = argumentNumber(next());
    if (width < 0) left = true;
    width = Math.abs(width);
  } else if (conversion.width !== undefined) width = conversion.width;
  const precision =
    conversion.precision === '*' ? Math.abs(argumentNumber(next())) : (conversion.precision ?? undefined);
  if (width > MAX_LENGTH || (precision ?? 0) > MAX_LENGTH) throw tooBig();
  switch (conversion.kind) {
    case 'd':
    case 'i':
    case 'u':
    case 'x':
    case 'X':
    case 'o':
    case 'p':
    case 'r':
      return padded(integerText(conversion, next(), width, precision ?? -1), width, left);
    case 'f':
    case 'e':
    case 'E':
    case 'g':
    case 'G':
      return padded(convertReal(conversion, next(), left ? 0 : width, precision ?? 6), width, left);
    case 'c':
      return convertCharacter(next(), width, precision ?? 0, left);
    case 's':
    case 'z':
      return paddedBytes(cut(textArgument(next()) ?? '', precision, conversion.long), width, left, conversion.long);
    case 'q':
    case 'Q':
    case 'w':
      return paddedBytes(quoted(conversion, textArgument(next()), precision), width, left, conversion.long);
    case '%':
      return padded('%', width, left);
    default:
      return '';
  }
}

/** Returns a width or precision given as an argument: the low 32 bits, as a signed number. */
function argumentNumber(value: Value): number {
  const integer = toInteger(value) ?? 0;
  return Number(BigInt.asIntN(32, BigInt(integer)));
}

/** Returns the text of an argument up to its first NUL, which ends it. */
function textArgument(value: Value): string | null {
  const text = toText(value);
  const nul = text === null ? -1 : text.indexOf('\0');
  return nul < 0 ? text : (text as string).slice(0, nul);
}

function padded(text: string, width: number, left: boolean): string {
  return left ? text.padEnd(width) : text.padStart(width);
}

const NOT_ASCII = /[^\0-\x7f]/;

/** Pads a text to a width in bytes, or in characters. */
function paddedBytes(text: string, width: number, left: boolean, characters: boolean): string {
  if (width === 0 || text.length >= width * 4) return text;
  if (!NOT_ASCII.test(text)) return padded(text, width, left);
  const missing = width - (characters ? characterCount(encodeText(text)) : encodeText(text).length);
  if (missing <= 0) return text;
  return left ? text + ' '.repeat(missing) : ' '.repeat(missing) + text;
}

function characterCount(bytes: Uint8Array): number {
  let count = 0;
  for (const byte of bytes) if ((byte & 0xc0) !== 0x80) count++;
  return count;
}

/** Returns the first bytes of a text, or its first characters. */
function cut(text: string, precision: number | undefined, characters: boolean): string {
  if (precision === undefined || precision >= text.length * 4) return text;
  if (!NOT_ASCII.test(text)) return text.slice(0, precision);
  const bytes = encodeText(text);
  if (!characters) return decodeText(bytes.subarray(0, precision));
  let end = 0;
  for (let left = precision; left > 0 && end < bytes.length; left--) {
    const leads = ((bytes[end++] as number) & 0xc0) === 0xc0;
    if (leads) while (((bytes[end] ?? 0) & 0xc0) === 0x80) end++;
  }
  return decodeText(bytes.subarray(0, end));
}

function quoted(conversion: Conversion, text: string | null, precision: number | undefined): string {
  if (text === null) return cut(conversion.kind === 'Q' ? 'NULL' : '(NULL)', precision, false);
  const kept = cut(text, precision, conversion.long);
  if (conversion.kind === 'w') return kept.replaceAll('"', '""');
  const escaped = kept.replaceAll("'", "''");
  return conversion.kind === 'Q' ? `'${escaped}'` : escaped;
}

/** Returns the first character of the argument's text, `precision` times. */
function convertCharacter(value: Value, width: number, precision: number, left: boolean): string {
  const text = cut(textArgument(value) ?? '', 1, true);
  const times = Math.max(precision, 1);
  const missing = ' '.repeat(Math.max(width - times, 0));
  return left ? text.repeat(times) + missing : missing + text.repeat(times);
}

/** Returns an integer with its sign, prefix, zeros and commas. */
function integerText(conversion: Conversion, value: Value, width: number, precision: number): string {
  const {kind} = conversion;
  const integer = toInteger(value) ?? 0;
  const signed = kind === 'd' || kind === 'i' || kind === 'r';
  const sign = !signed ? '' : integer < 0 ? '-' : conversion.sign;
  const base = kind === 'x' || kind === 'X' || kind === 'p' ? 16 : kind === 'o' ? 8 : 10;
  const size = integer >= 0 ? integer : signed ? -integer : BigInt.asUintN(64, BigInt(integer));
  let digits = size.toString(base);
  if (kind === 'X' || kind === 'p') digits = digits.toUpperCase();
  const zeros = conversion.zero ? Math.max(precision, width - sign.length) : precision;
  if (kind === 'r') digits += ordinalSuffix(digits);
  digits = digits.padStart(zeros, '0');
  if (conversion.comma && base === 10 && kind !== 'r') digits = digits.replace(/\B(?=(?:\d{3})+$)/g, ',');
  if (conversion.alternate && base !== 10 && size !== 0) {
    digits = (base === 8 ? '0' : kind === 'X' ? '0X' : '0x') + digits;
  }
  return sign + digits;
}

function ordinalSuffix(digits: string): string {
  const last = digits.charAt(digits.length - 1);
  if (digits.charAt(digits.length - 2) === '1') return 'th';
  return last === '1' ? 'st' : last === '2' ? 'nd' : last === '3' ? 'rd' : 'th';
}

/** Returns a REAL with its sign, filled up with zeros to the width if that is asked for. */
function convertReal(conversion: Conversion, value: Value, width: number, precision: number): string {
  const x = toNumber(value);
  const sign = x < 0 ? '-' : conversion.sign;
  if (!Number.isFinite(x)) return `${sign}Inf`;
  const text = realTextOf(Math.abs(x), {
    form: conversion.kind.toLowerCase() as 'f' | 'e' | 'g',
    upper: conversion.kind === 'E' || conversion.kind === 'G',
    precision,
    point: conversion.alternate,
    long: conversion.long,
  });
  return sign + (conversion.zero ? text.padStart(width - sign.length, '0') : text);
}

function formatFunction(name: string): ScalarFunction {
  return {
    name,
    minArgs: 0,
    maxArgs: Infinity,
    deterministic: true,
    returns: 'text',
    call: (_context, ...args) => {
      const format = args.length === 0 ? null : toText(args[0] as Value);
      return format === null ? null : formatText(format, args.slice(1));
    },
  };
}

/** format(FORMAT, …) and its older name printf. */
export const FORMAT_FUNCTIONS: readonly ScalarFunction[] = [formatFunction('format'), formatFunction('printf')];
