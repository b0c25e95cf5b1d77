/** The forms of files that tables come from and go into. Layer: sql. */
import type {Input} from './input.js';
import {isSqlite} from './sqlite-file.js';

/** The forms that are read. */
export const IMPORT_FORMATS = ['csv', 'tsv', 'json', 'ndjson', 'sqlite'] as const;
/** The forms that are written. */
export const EXPORT_FORMATS = ['csv', 'tsv', 'json', 'ndjson', 'sql', 'sqlite'] as const;

export type ImportFormat = (typeof IMPORT_FORMATS)[number];
export type ExportFormat = (typeof EXPORT_FORMATS)[number];

const EXTENSIONS: Readonly<Record<string, ExportFormat>> = {
  csv: 'csv',
  tsv: 'tsv',
  tab: 'tsv',
  json: 'json',
  ndjson: 'ndjson',
  jsonl: 'ndjson',
  sql: 'sql',
  db: 'sqlite',
  db3: 'sqlite',
  sqlite: 'sqlite',
  sqlite3: 'sqlite',
};

/** Returns the form that the name of a file asks for, if it does. */
export function formatOfName(name: string): ExportFormat | undefined {
  const extension = /\.([^./]+)$/.exec(name)?.[1]?.toLowerCase();
  return extension !== undefined && Object.hasOwn(EXTENSIONS, extension) ? EXTENSIONS[extension] : undefined;
}

const OPEN_LIST = 0x5b;
const OPEN_OBJECT = 0x7b;
const LOOKED_AT = 4096;

/** Returns the form of a file: by how it begins if that is a SQLite file's, else by its name, else by its first character. */
export function formatOfInput(input: Input): ExportFormat {
  if (isSqlite(input)) return 'sqlite';
  const named = formatOfName(input.name);
  if (named !== undefined) return named;
  const start = Buffer.alloc(LOOKED_AT);
  const first = start.subarray(0, input.read(start, 0, 0)).find(byte => byte > 0x20 && byte < 0x80);
  return first === OPEN_LIST ? 'json' : first === OPEN_OBJECT ? 'ndjson' : 'csv';
}
