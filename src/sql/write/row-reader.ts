/**
 * All rows of a table that is written, as rows. Layer: sql.
 */
import type {Cell} from '../../tree/cell.js';
import {scanRows} from '../../tree/read.js';
import type {WorkingTable} from './working-table.js';

/** Yields the rows of a table as they are when it is called. */
export function* rowsOf(table: WorkingTable): Generator<Cell[], void, undefined> {
  table.noteAll();
  const {reader, spec, root} = table.source();
  for (const row of scanRows(reader, spec, root)) yield table.fromTree(row);
}
