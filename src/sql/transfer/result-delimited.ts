/**
 * Rows for other programs, a line each: csv as in RFC 4180 but with the line breaks of the system, tsv with escapes, list as
 * it comes. Text keeps its bytes. Layer: sql.
 */
import type {LeafRows} from '../exec/leaf-rows.js';
import type {Value} from '../values/value.js';
import {PART_BYTES, type PlainForm, plainCharacters, type ResultBuffer} from './result-buffer.js';
import type {RowForm, RowWriter} from './row-writer.js';
import {exactText, valueText} from './value-text.js';

interface Delimited {
  readonly separator: string;
  readonly nullText: string;
  /** The characters that need no care. */
  readonly plain: Uint8Array;
  /** Returns a text as it stands between two separators. */
  readonly field: (text: string) => string;
}

const NEEDS_QUOTES = /[",\r\n]/;

// The empty text has quotes, so that it is not NULL.
const CSV: Delimited = {
  separator: ',',
  nullText: '',
  plain: plainCharacters(',"'),
  field: text => (text === '' || NEEDS_QUOTES.test(text) ? `"${text.replaceAll('"', '""')}"` : text),
};

const TSV_ESCAPES: Readonly<Record<string, string>> = {'\t': '\\t', '\n': '\\n', '\r': '\\r', '\\': '\\\\'};

const TSV: Delimited = {
  separator: '\t',
  nullText: '\\N',
  plain: plainCharacters('\\'),
  field: text => text.replace(/[\t\n\r\\]/g, sign => TSV_ESCAPES[sign] as string),
};

const LIST: Delimited = {separator: '|', nullText: '', plain: plainCharacters(''), field: text => text};

class DelimitedWriter implements RowWriter {
  private readonly nullText: string;
  private readonly plain: PlainForm;
  private readonly textOf: typeof valueText;

  constructor(
    private readonly form: Delimited,
    private readonly out: ResultBuffer,
    private readonly options: RowForm,
  ) {
    this.nullText = options.nullText ?? form.nullText;
    this.textOf = options.exact ? exactText : valueText;
    const before = options.columns.map((_, at) => Buffer.from(at === 0 ? '' : form.separator));
    this.plain = {before, characters: form.plain, quote: 0, emptyText: form.field('') === ''};
  }

  begin(): void {
    const {columns, header} = this.options;
    if (header && columns.length > 0) this.row(columns);
  }

  row(values: readonly Value[]): void {
    const {out, plain} = this;
    const count = plain.before.length;
    for (let at = out.plainValues(values, 0, plain); at < count; at = out.plainValues(values, at + 1, plain)) {
      this.other(values[at] as Value);
    }
    out.ascii('\n');
  }

  leafRows(rows: LeafRows, from: number): number {
    const {out, plain} = this;
    const {columns, to} = rows;
    const count = plain.before.length;
    let row = from;
    for (; row < to && out.length < PART_BYTES; row++) {
      for (
        let at = out.plainCells(columns, row, 0, plain);
        at < count;
        at = out.plainCells(columns, row, at + 1, plain)
      ) {
        this.other(rows.value(at, row));
      }
      out.ascii('\n');
    }
    return row;
  }

  private other(value: Value): void {
    const {out} = this;
    if (value === null) out.text(this.nullText);
    else if (typeof value === 'string') out.text(this.form.field(value));
    else out.ascii(this.textOf(value));
  }

  end(): void {}
}

export function csv(out: ResultBuffer, options: RowForm): RowWriter {
  return new DelimitedWriter(CSV, out, options);
}

export function tsv(out: ResultBuffer, options: RowForm): RowWriter {
  return new DelimitedWriter(TSV, out, options);
}

export function list(out: ResultBuffer, options: RowForm): RowWriter {
  return new DelimitedWriter(LIST, out, options);
}
