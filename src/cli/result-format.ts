/**
 * The forms in which `dbos query` prints rows, by name. A form writes into a `ResultBuffer`, a row at a time; the forms of
 * each value are the table "Values" of docs/sql.md. Layer: cli.
 */
import type {LeafRows} from '../sql/exec/leaf-rows.js';
import type {Value} from '../sql/values/value.js';
import type {ResultBuffer} from './result-buffer.js';
import {csv, list, tsv} from './result-delimited.js';
import {json, ndjson} from './result-json.js';
import {line, markdown, table} from './result-people.js';
import type {Style} from './style.js';

export interface FormatOptions {
  readonly columns: readonly string[];
  /** Whether the names of the columns are printed where the form lets one choose. */
  readonly header: boolean;
  /** What stands for NULL; undefined for what the form has for it. JSON always has `null`. */
  readonly nullText: string | undefined;
  readonly style: Style;
}

/** The form of one result. Writes nothing before `begin` and nothing after `end`. */
export interface RowWriter {
  begin(): void;
  row(values: readonly Value[]): void;
  /**
   * Writes rows of a leaf, where the form can do so without their values: from `from` on until there is enough for a part.
   * Returns the row after the last one.
   */
  leafRows?(rows: LeafRows, from: number): number;
  end(): void;
}

type Format = (out: ResultBuffer, options: FormatOptions) => RowWriter;

export const FORMATS = {table, json, ndjson, csv, tsv, markdown, list, line} satisfies Record<string, Format>;

export type FormatName = keyof typeof FORMATS;

/** Forms in which an empty line sets the results of a script apart. */
export const SPACED: ReadonlySet<FormatName> = new Set(['table', 'markdown', 'line']);

const EXTENSIONS: Readonly<Record<string, FormatName>> = {
  json: 'json',
  ndjson: 'ndjson',
  jsonl: 'ndjson',
  csv: 'csv',
  tsv: 'tsv',
  md: 'markdown',
};

/** Returns the form that the name of a file asks for, if it does. */
export function formatOfFile(name: string): FormatName | undefined {
  const extension = /\.([^./]+)$/.exec(name)?.[1]?.toLowerCase();
  return extension !== undefined && Object.hasOwn(EXTENSIONS, extension) ? EXTENSIONS[extension] : undefined;
}
