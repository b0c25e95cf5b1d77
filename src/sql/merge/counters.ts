/**
 * Merges the counters of AUTOINCREMENT: each is the greater of both, so that no rowid is given twice. Layer: sql.
 */
import type {ObjectReader, ObjectSink} from '../../objects/store.js';
import {readSchema, treeSpec} from '../../state/schema.js';
import type {Table} from '../../state/table.js';
import {buildTree} from '../../tree/builder.js';
import type {Cell, Row} from '../../tree/cell.js';
import type {Versions} from '../../tree/merge.js';
import {scanRows} from '../../tree/read.js';

/** Counters by the name of their table, in the order of their rows. */
type Counters = ReadonlyMap<string, Cell>;

/** Returns the merged table; which row a counter stands in means nothing. */
export function mergeCounters(sink: ObjectSink, {base, ours, theirs}: Versions<Table>): Table {
  const known = readCounters(sink, base);
  const [left, right] = [readCounters(sink, ours), readCounters(sink, theirs)];
  const added = [...new Set([...left.keys(), ...right.keys()])].filter(name => !known.has(name)).sort();
  const rows: Row[] = [];
  for (const name of [...known.keys(), ...added]) {
    const [a, b] = [left.get(name), right.get(name)];
    // a table that one side dropped has none any more
    if (known.has(name) && (a === undefined || b === undefined)) continue;
    rows.push([rows.length + 1, name, greater(a ?? null, b ?? null)]);
  }
  const spec = treeSpec(readSchema(sink, theirs.schema));
  return {schema: theirs.schema, root: buildTree(sink, spec, rows), rows: rows.length};
}

function readCounters(reader: ObjectReader, {schema, root}: Table): Counters {
  const counters = new Map<string, Cell>();
  for (const [, name, value = null] of scanRows(reader, treeSpec(readSchema(reader, schema)), root)) {
    if (typeof name === 'string') counters.set(name, value);
  }
  return counters;
}

function greater(a: Cell, b: Cell): Cell {
  const number = (cell: Cell) =>
    typeof cell === 'number' || typeof cell === 'bigint' ? cell : Number.NEGATIVE_INFINITY;
  return number(a) > number(b) ? a : b;
}
