/**
 * Values as the literals of SQL that stand for them, and back.
 */
import type {Value} from '../../../src/sql/values/value.js';
import {integerCell, Real, realCell} from '../../../src/tree/cell.js';

/** Returns the value of a number, a blob or NULL, as SQL or the sqlite3 shell writes it; undefined for anything else. */
export function readWord(word: string): Value | undefined {
  if (/^null$/i.test(word)) return null;
  if (/^-?\d+$/.test(word)) return integerCell(BigInt(word));
  if (/^-?(\d+\.\d*|\.\d+|\d+(?=e))(e[+-]?\d+)?$/i.test(word)) return realCell(Number(word));
  if (/^-?Inf$/.test(word)) return word === 'Inf' ? Number.POSITIVE_INFINITY : Number.NEGATIVE_INFINITY;
  if (/^X'([0-9a-f]{2})*'$/i.test(word)) return Buffer.from(word.slice(2, -1), 'hex');
  return undefined;
}

/** Returns the value of a literal. Throws for what is none. */
export function readLiteral(text: string): Value {
  if (text.startsWith("'")) return text.slice(1, -1).replaceAll("''", "'");
  // the least integer has no literal of its own
  if (text === '(-9223372036854775807 - 1)') return -(2n ** 63n);
  const value = readWord(text);
  if (value === undefined) throw new TypeError(`${text} is no literal`);
  return value;
}

/** Returns the literal that stands for a value: what `quote()` gives, but for the digits of REALs. */
export function quoteValue(value: Value): string {
  if (value === null) return 'NULL';
  if (value instanceof Real) return quoteReal(value.value);
  if (typeof value === 'number') return Number.isSafeInteger(value) ? String(value) : quoteReal(value);
  if (typeof value === 'bigint') return String(value);
  if (typeof value === 'string') return `'${value.replaceAll("'", "''")}'`;
  return `x'${Buffer.from(value).toString('hex')}'`;
}

function quoteReal(value: number): string {
  if (value === Number.POSITIVE_INFINITY) return '9e999';
  if (value === Number.NEGATIVE_INFINITY) return '-9e999';
  // the shell prints both zeros alike
  if (value === 0) return '0.0';
  const text = String(value);
  return /[.e]/.test(text) ? text : `${text}.0`;
}
