/** The rows of CSV and TSV, whose fields are texts until the columns say what they are. Layer: sql. */
import {isWellFormed} from '../../bytes.js';
import type {DbosError} from '../../errors.js';
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

export interface DelimitedForm {
  readonly delimiter: Delimiter;
  /** The byte between fields, as for the reader. */
  readonly separator?: number | undefined;
  /** The names of the columns of a file without a header: given, or `numbered` for c1, c2 and so on. */
  readonly names?: readonly string[] | 'numbered' | undefined;
  /** Whether lines may lack their last fields, which are NULL then. */
  readonly fill?: boolean | undefined;
}

/** Returns the rows of a file, which has a header unless the form says otherwise. */
export function delimitedRows(input: NamedSource, form: DelimitedForm): RowSource {
  return {
    unit: 'Line',
    *inspect(types) {
      const {reader, names, first} = begin(input, form);
      const seen = names.map(() => 0);
      if (types) {
        if (names.length === 1) checkSeparator(first, form);
        yield* look(reader, seen, form);
      }
      return names.map((name, i): FileColumn => ({name, type: typeOfTexts(seen[i] as number)}));
    },
    *batches(affinities) {
      yield* batches(begin(input, form).reader, affinities, form);
    },
  };
}

interface Begun {
  /** Its next record is the first row. */
  readonly reader: DelimitedReader;
  readonly names: readonly string[];
  /** The first field of the file, if the names had to be found there. */
  readonly first: string;
}

function begin(input: NamedSource, {delimiter, separator, names}: DelimitedForm): Begun {
  const open = () => new DelimitedReader(input, delimiter, separator);
  const reader = open();
  if (names !== undefined && names !== 'numbered') return {reader, names, first: ''};
  let found = reader.read();
  while (found && reader.isEmptyLine) found = reader.read();
  if (!found) throw emptyFile(input.name, names);
  const first = reader.text(0);
  if (names === undefined) return {reader, names: header(reader), first};
  return {reader: open(), names: Array.from({length: reader.count}, (_, i) => `c${i + 1}`), first};
}

function emptyFile(file: string, names: 'numbered' | undefined): DbosError {
  return invalidImport(
    `'${file}' is empty.`,
    names === undefined ? 'The first line names the columns.' : 'Name its columns: --columns NAME[,NAME].',
  );
}

/** Returns what CSV seems to be separated by, of which a field is a whole line, if nobody said it. */
function otherSeparator(line: string, {delimiter, separator}: DelimitedForm): string | undefined {
  if (delimiter !== 'csv' || separator !== undefined) return undefined;
  const found = /[;\t|]/.exec(line)?.[0];
  return found === '\t' ? 'tab' : found && `'${found}'`;
}

/** Throws IMPORT_INVALID for a file of one column that looks like several with another separator. */
function checkSeparator(line: string, form: DelimitedForm): void {
  const separator = otherSeparator(line, form);
  if (separator === undefined) return;
  throw invalidImport(
    'no comma is in it, so there would be one column.',
    `If that is right give --separator , and else --separator ${separator}.`,
    1,
  );
}

/** Returns the names of the columns that the record has. */
function header(reader: DelimitedReader): string[] {
  const {line} = reader;
  const names: string[] = [];
  const taken = new Set<string>();
  for (let i = 0; i < reader.count; i++) {
    const name = reader.text(i) || `column${i + 1}`;
    const folded = foldName(name);
    if (taken.has(folded)) {
      throw invalidImport(
        `two columns are called ${name}.`,
        'The first line names the columns: rename one, or give --no-header.',
        line,
      );
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
function readRow(reader: DelimitedReader, width: number, form: DelimitedForm): boolean {
  while (reader.read()) {
    if (reader.count === width) return true;
    if (reader.isEmptyLine) continue;
    if (!form.fill || reader.count > width) throw wrongCount(reader, width, form);
    reader.fill(width);
    return true;
  }
  return false;
}

function wrongCount(reader: DelimitedReader, width: number, form: DelimitedForm): DbosError {
  const {count, line} = reader;
  const fields = count === 1 ? '1 field' : `${count} fields`;
  const columns = width === 1 ? 'one column' : `${width} columns`;
  return invalidImport(`${fields} for ${columns}.`, countHint(reader, width, form), line);
}

function countHint(reader: DelimitedReader, width: number, form: DelimitedForm): string {
  const separator = reader.count === 1 ? otherSeparator(reader.text(0), form) : undefined;
  if (separator !== undefined) return `Give --separator ${separator} if that stands between the fields.`;
  const rule = 'Each line has a field for each column';
  if (reader.count < width) return `${rule}; with --fill those that are missing at its end are NULL.`;
  return form.names === undefined ? `${rule}.` : `${rule}: name those of the file with --columns NAME[,NAME].`;
}

function* look(reader: DelimitedReader, seen: number[], form: DelimitedForm): Generator<number, void, undefined> {
  const width = seen.length;
  for (let rows = 1; readRow(reader, width, form); rows++) {
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
  form: DelimitedForm,
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
  while (readRow(reader, width, form)) {
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
