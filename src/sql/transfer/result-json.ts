/**
 * Rows as JSON objects: an array of them, or one a line. Guarantee: every value keeps its type and all of its digits and
 * bytes, and two different values never look the same. Layer: sql.
 */
import {asBuffer} from '../../bytes.js';
import {Real} from '../../tree/cell.js';
import type {LeafRows} from '../exec/leaf-rows.js';
import type {Value} from '../values/value.js';
import {PART_BYTES, type PlainForm, plainCharacters, type ResultBuffer} from './result-buffer.js';
import type {RowForm, RowWriter} from './row-writer.js';
import {realDigits} from './value-text.js';

const PLAIN = plainCharacters('"\\');
const QUOTE = 0x22;

/**
 * Returns the names of the columns, each once: a second `a` becomes `a:1`, as SQLite names the columns of a subquery.
 * An object with one key twice is read as if it had only the last.
 */
function distinctNames(columns: readonly string[]): string[] {
  const taken = new Set<string>();
  return columns.map(column => {
    let name = column;
    // a name that is also that of another column is not taken away from it
    for (let n = 1; taken.has(name) || (n > 1 && columns.includes(name)); n++) name = `${column}:${n}`;
    taken.add(name);
    return name;
  });
}

// JSON allows these, but a terminal may obey them.
const CONTROLS = /[\u007f-\u009f\u2028\u2029]/g;

/** Returns text as JSON; a byte that is not UTF-8 is an escape \udc80 to \udcff. */
function textJson(text: string): string {
  return JSON.stringify(text).replace(CONTROLS, sign => `\\u${sign.charCodeAt(0).toString(16).padStart(4, '0')}`);
}

class ObjectWriter {
  private readonly form: PlainForm;

  constructor(
    private readonly out: ResultBuffer,
    columns: readonly string[],
  ) {
    const before = distinctNames(columns).map((name, at) => Buffer.from(`${at === 0 ? '{' : ','}${textJson(name)}:`));
    this.form = {before, characters: PLAIN, quote: QUOTE, emptyText: true};
  }

  write(values: readonly Value[]): void {
    const {out, form} = this;
    const count = form.before.length;
    for (let at = out.plainValues(values, 0, form); at < count; at = out.plainValues(values, at + 1, form)) {
      this.other(values[at] as Value);
    }
    out.ascii(count === 0 ? '{}' : '}');
  }

  writeLeafRow(rows: LeafRows, row: number): void {
    const {out, form} = this;
    const {columns} = rows;
    const count = form.before.length;
    for (let at = out.plainCells(columns, row, 0, form); at < count; at = out.plainCells(columns, row, at + 1, form)) {
      this.other(rows.value(at, row));
    }
    out.ascii(count === 0 ? '{}' : '}');
  }

  private other(value: Value): void {
    const {out} = this;
    if (value === null) out.ascii('null');
    else if (typeof value === 'string') out.text(textJson(value));
    else if (typeof value === 'number') out.ascii(realDigits(value));
    else if (typeof value === 'bigint') out.ascii(`${value}`);
    else if (value instanceof Real) out.ascii(realDigits(value.value));
    else out.ascii(`{"base64":"${asBuffer(value).toString('base64')}"}`);
  }
}

/** Writes an object a line. */
export function ndjson(out: ResultBuffer, {columns}: RowForm): RowWriter {
  const object = new ObjectWriter(out, columns);
  return {
    begin: () => undefined,
    row: values => {
      object.write(values);
      out.ascii('\n');
    },
    leafRows: (rows, from) => {
      let row = from;
      while (row < rows.to && out.length < PART_BYTES) {
        object.writeLeafRow(rows, row++);
        out.ascii('\n');
      }
      return row;
    },
    end: () => undefined,
  };
}

/** Writes an array, an object a line. */
export function json(out: ResultBuffer, {columns}: RowForm): RowWriter {
  const object = new ObjectWriter(out, columns);
  let count = 0;
  return {
    begin: () => out.ascii('['),
    row: values => {
      out.ascii(count++ === 0 ? '\n' : ',\n');
      object.write(values);
    },
    leafRows: (rows, from) => {
      let row = from;
      while (row < rows.to && out.length < PART_BYTES) {
        out.ascii(count++ === 0 ? '\n' : ',\n');
        object.writeLeafRow(rows, row++);
      }
      return row;
    },
    end: () => out.ascii(count === 0 ? ']' : '\n]'),
  };
}
