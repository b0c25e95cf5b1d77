/** The rows of one table or view as text, with all that their values are. Layer: sql. */
import {isDbosError} from '../../errors.js';
import {unknownTable} from '../catalog/table-facts.js';
import type {Database, Statement} from '../query.js';
import {quotedName} from '../write/quoted-name.js';
import {PART_BYTES, ResultBuffer} from './result-buffer.js';
import {csv, tsv} from './result-delimited.js';
import {json, ndjson} from './result-json.js';

const FORMS = {csv, tsv, json, ndjson};

export type RowsFormat = keyof typeof FORMS;

/** Returns the query of a table. Throws TABLE_UNKNOWN with the tables that there are, since nobody has written this SQL. */
async function selectAll(database: Database, table: string): Promise<Statement> {
  try {
    return await database.statement(`SELECT * FROM ${quotedName(table)}`);
  } catch (error) {
    if (!isDbosError(error, 'TABLE_UNKNOWN') || error.message !== `no such table: ${table}.`) throw error;
    const names = (await database.statement('SELECT name FROM tables')).all();
    throw unknownTable(
      table,
      names.map(([name]) => name as string),
    );
  }
}

/** Yields the rows in parts, in the order of the table's key; a part stays as it is until the next one is asked for. */
export async function* rowsParts(
  database: Database,
  table: string,
  format: RowsFormat,
  progress: (rows: number) => Promise<void>,
): AsyncGenerator<Uint8Array, void, undefined> {
  const statement = await selectAll(database, table);
  const out = new ResultBuffer();
  const columns = statement.columns.map(({name}) => name);
  const writer = FORMS[format](out, {columns, header: true, nullText: undefined, exact: true});
  let rows = 0;
  writer.begin();
  for (const batch of statement.batches()) {
    for (const row of batch) {
      writer.row(row);
      if (out.length >= PART_BYTES) yield out.take();
    }
    rows += batch.length;
    await progress(rows);
  }
  writer.end();
  if (format === 'json') out.ascii('\n');
  yield out.take();
}
