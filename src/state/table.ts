/**
 * Tables: a schema, the root of the primary tree, and the number of rows. Layer: state.
 */
import {
  asArray,
  asCount,
  asId,
  asIdOrNull,
  asWideInteger,
  decodeObject,
  encodeObject,
  fieldOfId,
  fieldOfIdOrNull,
  invalid,
  wideInteger,
} from '../objects/codec.js';
import type {ObjectId} from '../objects/id.js';
import type {ObjectReader, ObjectSink} from '../objects/store.js';
import type {TreeRoot} from '../tree/spec.js';

/** One version of a table. */
export interface Table {
  readonly schema: ObjectId;
  readonly root: TreeRoot;
  readonly rows: number;
}

/** Writes a table and returns its id. */
export function writeTable(sink: ObjectSink, table: Table): ObjectId {
  const fields = [fieldOfId(table.schema), fieldOfIdOrNull(table.root), wideInteger(table.rows), []];
  return sink.put(encodeObject('table', fields));
}

/** Returns the table with this id. Throws OBJECT_INVALID. */
export function readTable(reader: ObjectReader, id: ObjectId): Table {
  const [schema, root, rows, indexes, ...rest] = decodeObject(reader.read(id), 'table');
  if (rest.length > 0) throw invalid('is a table with a wrong number of fields');
  if (asArray(indexes).length > 0) throw invalid('is a table with indexes, which this version does not know');
  const table = {schema: asId(schema), root: asIdOrNull(root), rows: asCount(asWideInteger(rows))};
  if ((table.root === null) !== (table.rows === 0)) throw invalid('is a table whose row count is wrong');
  return table;
}
