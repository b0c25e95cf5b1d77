/**
 * Values as literals of SQL. Guarantee: a literal is one line that cannot steer a terminal, and read back it is the same value, to
 * the last bit. Layer: sql.
 */
import {asBuffer, encodeText, isWellFormed} from '../../bytes.js';
import {DbosError} from '../../errors.js';
import {Real} from '../../tree/cell.js';
import type {Value} from './value.js';

/** Longer values, in bytes, make no literal: a statement is one string. */
const MAX_BYTES = 1 << 27;

/** Controls but tab and line breaks, and what moves or hides text on a terminal. */
const UNPRINTABLE = /[\u0000-\u0008\u000b\u000c\u000e-\u001f\u007f-\u009f\u200e\u200f\u2028-\u202e\u2066-\u2069]/;

/** Returns a value as SQL. Throws VALUE_TOO_LARGE. */
export function sqlLiteral(value: Value): string {
  if (value === null) return 'NULL';
  if (typeof value === 'string') return textLiteral(value);
  if (typeof value === 'bigint') return `${value}`;
  if (typeof value === 'number') return Number.isSafeInteger(value) ? `${value}` : realLiteral(value);
  if (value instanceof Real) return realLiteral(value.value);
  return blobLiteral(value);
}

function realLiteral(value: number): string {
  if (!Number.isFinite(value)) return value > 0 ? '9e999' : '-9e999';
  // -0.0 is 0.0, as in SQLite
  if (Object.is(value, -0)) return '(-1 * 0.0)';
  // the shortest text that reads back as the same double
  const text = `${value}`;
  return /[.e]/.test(text) ? text : `${text}.0`;
}

function blobLiteral(bytes: Uint8Array): string {
  checkSize(bytes.length);
  return `x'${asBuffer(bytes).toString('hex')}'`;
}

function textLiteral(text: string): string {
  checkSize(text.length);
  if (UNPRINTABLE.test(text) || !isWellFormed(text)) return `CAST(${blobLiteral(encodeText(text))} AS TEXT)`;
  let literal = `'${text.replaceAll("'", "''")}'`;
  // as sqlite3's .dump does: statements stay on one line
  for (const [character, code] of [
    ['\n', 10],
    ['\r', 13],
  ] as const) {
    if (!text.includes(character)) continue;
    const mark = code === 10 ? '\\n' : '\\r';
    if (text.includes(mark)) return `CAST(${blobLiteral(encodeText(text))} AS TEXT)`;
    literal = `replace(${literal.replaceAll(character, mark)}, '${mark}', char(${code}))`;
  }
  return literal;
}

function checkSize(bytes: number): void {
  if (bytes <= MAX_BYTES) return;
  throw new DbosError('VALUE_TOO_LARGE', `A value of ${bytes} bytes is too large for a statement of SQL.`, {
    hint: 'Leave the table out, or change that row by hand.',
    data: {size: bytes},
  });
}
