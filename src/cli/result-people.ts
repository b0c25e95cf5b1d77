/**
 * Rows for people: a table, a table in Markdown, a column a line. Guarantee: nothing in a value can steer a terminal, and a
 * row of a table is one line. Layer: cli.
 */
import type {ResultBuffer} from '../sql/transfer/result-buffer.js';
import type {RowWriter} from '../sql/transfer/row-writer.js';
import {isNumber, valueText} from '../sql/transfer/value-text.js';
import type {Value} from '../sql/values/value.js';
import {plainText} from '../state/quote.js';
import type {FormatOptions} from './result-format.js';
import type {Style} from './style.js';
import {displayWidth} from './table.js';

/** The columns of a table are as wide as in its first rows: so many, or until they have so many characters. */
const MEASURED_ROWS = 1000;
const MEASURED_LENGTH = 4 * 1024 * 1024;
/** No column is made wider; longer values stick out. */
const WIDEST = 120;
const GAP = '  ';

/** Returns text without anything that could leave its line. */
function cellText(text: string): string {
  const plain = plainText(text);
  return plain.includes('\n') || plain.includes('\t') ? plain.replaceAll('\n', '\\n').replaceAll('\t', '\\t') : plain;
}

interface Cell {
  readonly text: string;
  readonly width: number;
  readonly isNull: boolean;
}

class TableWriter implements RowWriter {
  /** The rows that are kept until the widths are known. */
  private waiting: Cell[][] | undefined = [];
  private waitingLength = 0;
  private readonly header: readonly Cell[];
  private readonly widths: number[];
  /** Of each column, whether it has had numbers, and whether it has had anything else. */
  private readonly numbers: boolean[];
  private readonly others: boolean[];
  private readonly nullText: string;
  private readonly style: Style;

  constructor(
    private readonly out: ResultBuffer,
    private readonly options: FormatOptions,
  ) {
    const {columns, header, nullText, style} = options;
    this.style = style;
    this.nullText = nullText ?? 'NULL';
    this.header = columns.map(name => cellOf(cellText(name), false));
    this.widths = this.header.map(({width}) => (header ? Math.min(width, WIDEST) : 0));
    this.numbers = columns.map(() => false);
    this.others = columns.map(() => false);
  }

  begin(): void {}

  row(values: readonly Value[]): void {
    const {waiting, widths, numbers, others} = this;
    const cells = values.map(value =>
      value === null ? cellOf(cellText(this.nullText), true) : cellOf(cellText(valueText(value)), false),
    );
    if (waiting === undefined) {
      this.write(cells);
      return;
    }
    for (let at = 0; at < cells.length; at++) {
      const {width, text} = cells[at] as Cell;
      widths[at] = Math.max(widths[at] as number, Math.min(width, WIDEST));
      this.waitingLength += text.length;
      const value = values[at] as Value;
      if (isNumber(value)) numbers[at] = true;
      else if (value !== null) others[at] = true;
    }
    waiting.push(cells);
    if (waiting.length >= MEASURED_ROWS || this.waitingLength > MEASURED_LENGTH) this.release();
  }

  end(): void {
    this.release();
  }

  private release(): void {
    const {waiting, style, header} = this;
    if (waiting === undefined) return;
    this.waiting = undefined;
    if (this.options.header && header.length > 0) {
      this.line(header, text => style.bold(text));
      const rule = this.widths.map(width => '-'.repeat(Math.max(1, width))).join(GAP);
      this.out.text(`${style.dim(rule)}\n`);
    }
    for (const cells of waiting) this.write(cells);
  }

  private write(cells: readonly Cell[]): void {
    const {style} = this;
    this.line(cells, (text, isNull) => (isNull ? style.dim(text) : text));
  }

  private line(cells: readonly Cell[], paint: (text: string, isNull: boolean) => string): void {
    const last = cells.length - 1;
    let line = '';
    for (const [at, {text, width, isNull}] of cells.entries()) {
      const padding = ' '.repeat(Math.max(0, (this.widths[at] as number) - width));
      const painted = paint(text, isNull);
      const right = this.numbers[at] && !this.others[at];
      line += right ? padding + painted : at === last ? painted : painted + padding;
      if (at < last) line += GAP;
    }
    this.out.text(`${line.trimEnd()}\n`);
  }
}

function cellOf(text: string, isNull: boolean): Cell {
  return {text, width: displayWidth(text), isNull};
}

/** Writes a table whose columns are as wide as their first values; numbers stand on the right. */
export function table(out: ResultBuffer, options: FormatOptions): RowWriter {
  return new TableWriter(out, options);
}

const MARKDOWN_ESCAPES: Readonly<Record<string, string>> = {
  '\\': '\\\\',
  '|': '\\|',
  '<': '&lt;',
  '&': '&amp;',
  '\n': '<br>',
  '\t': ' ',
};

const MARKDOWN_SIGNS = /[\\|<&\n\t]/;

function markdownText(text: string): string {
  // first, so that the escapes it makes are shown as they are
  const plain = plainText(text.includes('\r') ? text.replaceAll('\r\n', '\n') : text);
  if (!MARKDOWN_SIGNS.test(plain)) return plain;
  return plain.replace(/[\\|<&\n\t]/g, sign => MARKDOWN_ESCAPES[sign] as string);
}

/** Writes a table of GitHub's Markdown, which always has a header. */
export function markdown(out: ResultBuffer, {columns, nullText = 'NULL'}: FormatOptions): RowWriter {
  const write = (cells: readonly string[]) => out.text(`| ${cells.join(' | ')} |\n`);
  return {
    begin: () => {
      if (columns.length === 0) return;
      write(columns.map(markdownText));
      out.text(`|${'---|'.repeat(columns.length)}\n`);
    },
    row: values => write(values.map(value => markdownText(value === null ? nullText : valueText(value)))),
    end: () => undefined,
  };
}

/** Writes a line `name = value` for each column and an empty line between rows; further lines of a value are indented. */
export function line(out: ResultBuffer, {columns, nullText = 'NULL', style}: FormatOptions): RowWriter {
  const names = columns.map(cellText);
  const width = Math.max(0, ...names.map(displayWidth));
  const labels = names.map(name => ' '.repeat(width - displayWidth(name)) + style.bold(name));
  const indent = `\n${' '.repeat(width + 3)}`;
  let rows = 0;
  return {
    begin: () => undefined,
    row: values => {
      if (rows++ > 0) out.text('\n');
      for (const [at, value] of values.entries()) {
        const text = value === null ? style.dim(cellText(nullText)) : plainText(valueText(value));
        out.text(`${labels[at]} = ${text.replaceAll('\n', indent)}\n`);
      }
    },
    end: () => undefined,
  };
}
