/**
 * The values of `--param`: `name=value`, typed as the value looks, or `name:type=value`. Layer: cli.
 */
import {DbosError} from '../errors.js';
import type {Value} from '../sql/values/value.js';
import {integerCell, realCell} from '../tree/cell.js';

const INTEGER = /^-?(0|[1-9]\d*)$/;
const REAL = /^-?(0|[1-9]\d*)(\.\d+)?([eE][+-]?\d+)?$/;
const BLOB = /^[xX]'((?:[0-9a-fA-F]{2})*)'$/;

/** Returns the INTEGER that a text is, or undefined if it has more than 64 bits. */
function integerOf(text: string): number | bigint | undefined {
  try {
    return integerCell(BigInt(text));
  } catch {
    return undefined;
  }
}

function blobOf(hex: string): Uint8Array {
  return Buffer.from(hex, 'hex');
}

/** Returns the value that a text looks like. Numbers are those that are printed the same: 007 and +1 are text. */
export function guessedValue(text: string): Value {
  if (INTEGER.test(text)) {
    const integer = integerOf(text);
    if (integer !== undefined) return integer;
  }
  if (REAL.test(text)) return realCell(Number(text));
  const blob = BLOB.exec(text)?.[1];
  return blob === undefined ? text : blobOf(blob);
}

/** How each type is read; undefined if the text is not of it. */
const TYPES: Readonly<Record<string, (text: string) => Value | undefined>> = {
  text: text => text,
  integer: text => (/^[+-]?\d+$/.test(text) ? integerOf(text) : undefined),
  real: text => (/^[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?$/.test(text) ? realCell(Number(text)) : undefined),
  blob: text => {
    const hex = BLOB.exec(text)?.[1] ?? text;
    return /^([0-9a-fA-F]{2})*$/.test(hex) ? blobOf(hex) : undefined;
  },
  null: text => (text === '' ? null : undefined),
};

function refused(word: string, hint: string): DbosError {
  return new DbosError('SQL_PARAMETER', `--param ${word} gives no value.`, {hint});
}

/** Returns the values by the names of their parameters, without sigils. Throws SQL_PARAMETER. */
export function parseParameters(words: readonly string[]): Record<string, Value> {
  const parameters: Record<string, Value> = Object.create(null);
  for (const word of words) {
    const match = /^[:@$?]?(\w+)(?::(\w*))?(?:=(.*))?$/s.exec(word);
    const [, name, type, text] = match ?? [];
    if (name === undefined || (text === undefined && type?.toLowerCase() !== 'null')) {
      throw refused(word, 'Write --param NAME=VALUE, or --param NAME:TYPE=VALUE.');
    }
    if (Object.hasOwn(parameters, name)) {
      throw new DbosError('SQL_PARAMETER', `--param gives '${name}' twice.`, {hint: 'Give each parameter one value.'});
    }
    if (type === undefined) {
      parameters[name] = guessedValue(text as string);
      continue;
    }
    const read = Object.hasOwn(TYPES, type.toLowerCase()) ? TYPES[type.toLowerCase()] : undefined;
    if (read === undefined) throw refused(word, `The types are ${Object.keys(TYPES).join(', ')}.`);
    const value = read(text ?? '');
    if (value === undefined) throw refused(word, `That is no ${type.toLowerCase()}.`);
    parameters[name] = value;
  }
  return parameters;
}
