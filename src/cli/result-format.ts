/**
 * The forms in which `dbos query` prints rows, by name. A form writes into a `ResultBuffer`, a row at a time; the forms of
 * each value are the table "Values" of docs/sql.md. Layer: cli.
 */
import type {ResultBuffer} from '../sql/transfer/result-buffer.js';
import {csv, list, tsv} from '../sql/transfer/result-delimited.js';
import {json, ndjson} from '../sql/transfer/result-json.js';
import type {RowForm, RowWriter} from '../sql/transfer/row-writer.js';
import {line, markdown, table} from './result-people.js';
import type {Style} from './style.js';

export interface FormatOptions extends RowForm {
  readonly style: Style;
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
