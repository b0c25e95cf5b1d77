/**
 * A state as statements of SQL, which sqlite3 and `dbos query` run: tables, their rows in the order of their keys, then
 * indexes, views and triggers. Layer: sql.
 */
import {asBuffer, encodeText, isWellFormed} from '../../bytes.js';
import type {Database} from '../query.js';
import type {Value} from '../values/value.js';
import {quotedName} from '../write/quoted-name.js';
import type {ExportedSchema, ExportedTable} from './exported-schema.js';
import {PART_BYTES, ResultBuffer} from './result-buffer.js';
import {exactText} from './value-text.js';

/** Rows of one INSERT, which is ended early where they are large. */
const ROWS = 256;
const STATEMENT_BYTES = 64 * 1024;

/** Yields the text in parts; a part stays as it is until the next one is asked for. `progress` hears how many rows there are. */
export async function* sqlParts(
  database: Database,
  {tables, sequences, definitions}: ExportedSchema,
  progress: (rows: number) => Promise<void>,
): AsyncGenerator<Uint8Array, void, undefined> {
  const out = new ResultBuffer();
  out.ascii('PRAGMA foreign_keys = OFF;\nBEGIN;\n');
  let rows = 0;
  for (const table of tables) {
    out.text(`${table.sql};\n`);
    const writer = new InsertWriter(out, table);
    const statement = await database.statement(selectOf(table));
    for (const batch of statement.batches()) {
      for (const row of batch) {
        writer.row(row);
        if (out.length >= PART_BYTES) yield out.take();
      }
      rows += batch.length;
      await progress(rows);
    }
    writer.end();
  }
  for (const [name, value] of sequences) {
    const literal = literalOf(name as Value);
    out.text(`DELETE FROM sqlite_sequence WHERE name = ${literal};\n`);
    out.text(`INSERT INTO sqlite_sequence (name, seq) VALUES (${literal}, ${literalOf(value as Value)});\n`);
  }
  for (const {sql} of definitions) out.text(`${sql};\n`);
  out.ascii('COMMIT;\n');
  yield out.take();
}

/** Returns the query for the rows of a table as they are written. */
export function selectOf({name, columns}: ExportedTable): string {
  return `SELECT ${columns.join(', ')} FROM ${quotedName(name)}`;
}

class InsertWriter {
  private rows = 0;
  private begun = 0;
  private readonly head: string;

  constructor(
    private readonly out: ResultBuffer,
    {name, columns}: ExportedTable,
  ) {
    this.head = `INSERT INTO ${quotedName(name)} (${columns.join(', ')}) VALUES\n`;
  }

  row(values: readonly Value[]): void {
    const {out} = this;
    let text = this.rows === 0 ? this.head : ',\n';
    text += '(';
    for (let i = 0; i < values.length; i++) text += (i === 0 ? '' : ', ') + literalOf(values[i] as Value);
    out.text(`${text})`);
    this.begun += text.length;
    this.rows++;
    if (this.rows === ROWS || this.begun > STATEMENT_BYTES) this.end();
  }

  end(): void {
    if (this.rows > 0) this.out.ascii(';\n');
    this.rows = 0;
    this.begun = 0;
  }
}

/** Returns a value as SQL writes it. */
function literalOf(value: Value): string {
  if (value === null) return 'NULL';
  if (typeof value !== 'string') return exactText(value);
  if (isWellFormed(value) && !value.includes('\0')) return `'${value.replaceAll("'", "''")}'`;
  return `CAST(x'${asBuffer(encodeText(value)).toString('hex')}' AS TEXT)`;
}
