/** The rows of CSV and TSV, whose fields are texts until the columns say what they are. Layer: sql. */
import {isWellFormed} from '../../bytes.js';
import {realCell} from '../../tree/cell.js';
import {foldName} from '../catalog/names.js';
import type {Affinity, Value} from '../values/value.js';
import {DelimitedReader, type Delimiter} from './delimited-reader.js';
import {invalidImport} from './fault.js';
import {checkInteger, kindOfField, kindOfText, TEXT, typeOfTexts, valueOfText} from './kinds.js';
import type {FileColumn, NamedSource, RowBatch, RowSource} from './row-source.js';

const ROWS = 1024;
/** A batch ends early where its rows are large. */
const BATCH_BYTES = 4 * 1024 * 1024;
const ZERO = 0x30;
const NINE = 0x39;
const MINUS = 0x2d;
const POINT = 0x2e;
/** So many digits are a safe integer. */
const SAFE_DIGITS = 15;

/** Returns the rows of a file with a header; `separator` as for the reader. */
export function delimitedRows(input: NamedSource, delimiter: Delimiter, separator?: number): RowSource {
  return {
    unit: 'Line',
    *inspect(types) {
      const reader = new DelimitedReader(input, delimiter, separator);
      const names = header(reader, input.name);
      const seen = names.map(() => 0);
      if (types) yield* look(reader, seen);
      return names.map((name, i): FileColumn => ({name, type: typeOfTexts(seen[i] as number)}));
    },
    *batches(affinities) {
      const reader = new DelimitedReader(input, delimiter, separator);
      header(reader, input.name);
      yield* batches(reader, affinities);
    },
  };
}

/** Reads the names of the columns. */
function header(reader: DelimitedReader, file: string): string[] {
  let found = reader.read();
  while (found && reader.isEmptyLine) found = reader.read();
  if (!found) throw invalidImport(`'${file}' is empty.`, 'The first line names the columns.');
  const {line} = reader;
  const names: string[] = [];
  const taken = new Set<string>();
  for (let i = 0; i < reader.count; i++) {
    const name = reader.text(i) || `column${i + 1}`;
    const folded = foldName(name);
    if (taken.has(folded)) {
      throw invalidImport(`two columns are called ${name}.`, 'The first line names the columns: rename one.', line);
    }
    if (!isWellFormed(name) || name.includes('\0')) {
      throw invalidImport(`the name of column ${i + 1} is not valid UTF-8.`, 'Rename the column.', line);
    }
    taken.add(folded);
    names.push(name);
  }
  return names;
}

/** Reads the next record that is a row of so many columns; returns whether there was one. */
function readRow(reader: DelimitedReader, width: number): boolean {
  while (reader.read()) {
    if (reader.count === width) return true;
    if (!reader.isEmptyLine) {
      throw invalidImport(
        `${reader.count === 1 ? '1 field' : `${reader.count} fields`} for ${width === 1 ? 'one column' : `${width} columns`}.`,
        'Each line has a field for each column.',
        reader.line,
      );
    }
  }
  return false;
}

function* look(reader: DelimitedReader, seen: number[]): Generator<number, void, undefined> {
  const width = seen.length;
  for (let rows = 1; readRow(reader, width); rows++) {
    for (let i = 0; i < width; i++) {
      const known = seen[i] as number;
      if ((known & TEXT) !== 0 || reader.isNull(i)) continue;
      const start = reader.starts[i] as number;
      const end = reader.ends[i] as number;
      // the empty text is a text, but it says nothing
      if (start === end) continue;
      seen[i] = known | (reader.isVerbatim(i) ? kindOfField(reader.bytes, start, end) : TEXT);
    }
    if (rows % ROWS === 0) yield reader.offset;
  }
}

/** Makes the value of a field of the record. */
type FieldValue = (reader: DelimitedReader, field: number) => Value;

function* batches(
  reader: DelimitedReader,
  affinities: readonly (Affinity | undefined)[],
): Generator<RowBatch, void, undefined> {
  const width = affinities.length;
  const fields: number[] = [];
  const values: FieldValue[] = [];
  for (const [i, affinity] of affinities.entries()) {
    if (affinity === undefined) continue;
    fields.push(i);
    values.push(valueFor(affinity));
  }
  const count = fields.length;
  let rows: Value[][] = [];
  let lines: number[] = [];
  let begun = reader.offset;
  while (readRow(reader, width)) {
    const row = new Array<Value>(count);
    for (let i = 0; i < count; i++) row[i] = (values[i] as FieldValue)(reader, fields[i] as number);
    rows.push(row);
    lines.push(reader.line);
    if (rows.length < ROWS && reader.offset - begun < BATCH_BYTES) continue;
    yield {rows, lines, bytes: reader.offset};
    rows = [];
    lines = [];
    begun = reader.offset;
  }
  if (rows.length > 0) yield {rows, lines, bytes: reader.offset};
}

function valueFor(affinity: Affinity): FieldValue {
  if (affinity === 'text') return (reader, field) => (reader.isNull(field) ? null : reader.text(field));
  if (affinity === 'integer' || affinity === 'numeric') return integerValue;
  return affinity === 'real' ? realValue : anyValue;
}

/** Powers of ten that a double holds: a whole number below 2⁵³ divided by one is the double that the decimal means. */
const POWERS = Array.from({length: SAFE_DIGITS + 1}, (_, i) => 10 ** i);

/** Reads short decimals without making a string of them. */
function realValue(reader: DelimitedReader, field: number): Value {
  const {bytes} = reader;
  const start = reader.starts[field] as number;
  const end = reader.ends[field] as number;
  const negative = bytes[start] === MINUS;
  const from = negative ? start + 1 : start;
  if (end - from > SAFE_DIGITS || end === from) return anyValue(reader, field);
  let digits = 0;
  let point = -1;
  for (let at = from; at < end; at++) {
    const byte = bytes[at] as number;
    if (byte === POINT && point < 0 && at > from) point = at;
    else if (byte >= ZERO && byte <= NINE) digits = digits * 10 + (byte - ZERO);
    else return anyValue(reader, field);
  }
  if (point === end - 1 || (negative && digits === 0)) return anyValue(reader, field);
  const value = point < 0 ? digits : digits / (POWERS[end - 1 - point] as number);
  return realCell(negative ? -value : value);
}

/** Reads short integers without making a string of them. Throws IMPORT_INVALID for those that are too long. */
function integerValue(reader: DelimitedReader, field: number): Value {
  const {bytes} = reader;
  const start = reader.starts[field] as number;
  const end = reader.ends[field] as number;
  const negative = bytes[start] === MINUS;
  let at = negative ? start + 1 : start;
  if (end > at && end - at <= SAFE_DIGITS) {
    let value = 0;
    for (; at < end; at++) {
      const digit = (bytes[at] as number) - ZERO;
      if (digit < 0 || digit > 9) break;
      value = value * 10 + digit;
    }
    if (at === end) return negative ? 0 - value : value;
  }
  const value = anyValue(reader, field);
  if (typeof value === 'string') checkInteger(value, reader.line);
  return value;
}

/** Returns a number or blob where the field is written as one, else its text: the column decides what becomes of that. */
function anyValue(reader: DelimitedReader, field: number): Value {
  if (reader.isNull(field)) return null;
  const text = reader.text(field);
  // what is no text is nothing
  if (text === '' && !reader.isQuoted(field)) return null;
  return valueOfText(text, kindOfText(text));
}
