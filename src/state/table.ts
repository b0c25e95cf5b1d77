/**
 * Tables: a schema, the root of the primary tree, and the number of rows. Layer: state.
 */
import {asBuffer} from '../bytes.js';
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
import {ID_BYTES, type ObjectId} from '../objects/id.js';
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

/** Where the fields of a table with rows stand in its bytes: ids after two bytes each, and eight bytes of the row count. */
const SCHEMA_AT = 5;
const ROOT_AT = SCHEMA_AT + ID_BYTES + 2;
const ROWS_AT = ROOT_AT + ID_BYTES + 2;
const LENGTH = ROWS_AT + 8 + 1;

/** The bytes of a table between its ids and its row count. */
const FORM = encodeObject('table', [Buffer.alloc(ID_BYTES), Buffer.alloc(ID_BYTES), wideInteger(0), []]);

/** Returns the root of the table with this id. The form that tables have is not decoded, see `findTable`. Throws OBJECT_INVALID. */
export function readTableRoot(reader: ObjectReader, id: ObjectId): TreeRoot {
  const bytes = asBuffer(reader.read(id));
  return hasForm(bytes) ? (bytes.toString('latin1', ROOT_AT, ROOT_AT + ID_BYTES) as ObjectId) : decodeTable(bytes).root;
}

/** Returns whether the bytes are those of a table with 1 to 2³² − 1 rows. */
function hasForm(bytes: Buffer): boolean {
  return (
    bytes.length === LENGTH &&
    bytes.compare(FORM, 0, SCHEMA_AT, 0, SCHEMA_AT) === 0 &&
    bytes[ROOT_AT - 2] === FORM[ROOT_AT - 2] &&
    bytes[ROOT_AT - 1] === FORM[ROOT_AT - 1] &&
    bytes[ROWS_AT - 2] === FORM[ROWS_AT - 2] &&
    bytes[ROWS_AT - 1] === FORM[ROWS_AT - 1] &&
    bytes.readUInt32BE(ROWS_AT) === 0 &&
    bytes.readUInt32BE(ROWS_AT + 4) > 0 &&
    bytes[LENGTH - 1] === FORM[LENGTH - 1]
  );
}

/** Returns the table with this id. Throws OBJECT_INVALID. */
export function readTable(reader: ObjectReader, id: ObjectId): Table {
  return decodeTable(reader.read(id));
}

function decodeTable(bytes: Uint8Array): Table {
  const [schema, root, rows, indexes, ...rest] = decodeObject(bytes, 'table');
  if (rest.length > 0) throw invalid('is a table with a wrong number of fields');
  if (asArray(indexes).length > 0) throw invalid('is a table with indexes, which this version does not know');
  const table = {schema: asId(schema), root: asIdOrNull(root), rows: asCount(asWideInteger(rows))};
  if ((table.root === null) !== (table.rows === 0)) throw invalid('is a table whose row count is wrong');
  return table;
}
