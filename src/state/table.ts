/**
 * Tables: a schema, the root of the primary tree, the number of rows, the indexes, the triggers. Layer: state.
 */
import {asBuffer, compareText} from '../bytes.js';
import {
  asArray,
  asCount,
  asFields,
  asId,
  asIdOrNull,
  asString,
  asWideInteger,
  decodeObject,
  encodeObject,
  type Field,
  fieldOfId,
  fieldOfIdOrNull,
  invalid,
  wideInteger,
} from '../objects/codec.js';
import {ID_BYTES, type ObjectId} from '../objects/id.js';
import type {ObjectReader, ObjectSink} from '../objects/store.js';
import type {TreeRoot} from '../tree/spec.js';

/** An index: a tree of its own, with a schema like that of a table, all of whose columns are key columns. */
export interface TableIndex {
  readonly name: string;
  /** Its definition is the CREATE INDEX text; absent in the index of a UNIQUE constraint, which the table's definition has. */
  readonly schema: ObjectId;
  readonly root: TreeRoot;
  readonly rows: number;
}

/** A definition of SQL that belongs to a table or a view, by its name: a trigger. */
export interface NamedDefinition {
  readonly name: string;
  /** A `definition` object. */
  readonly id: ObjectId;
}

/** One version of a table. */
export interface Table {
  readonly schema: ObjectId;
  readonly root: TreeRoot;
  readonly rows: number;
  /** Absent without one; each name once. */
  readonly indexes?: readonly TableIndex[];
  /** Absent without one; each name once. */
  readonly triggers?: readonly NamedDefinition[];
}

/** The fields of a table without triggers. */
const FIELDS = 4;

/** Writes a table and returns its id. */
export function writeTable(sink: ObjectSink, table: Table): ObjectId {
  const {schema, root, rows, indexes = [], triggers = []} = table;
  const indexFields = byName(indexes).map((index): Field => {
    return [index.name, fieldOfId(index.schema), fieldOfIdOrNull(index.root), wideInteger(index.rows)];
  });
  const fields: Field[] = [fieldOfId(schema), fieldOfIdOrNull(root), wideInteger(rows), indexFields];
  if (triggers.length > 0) fields.push(fieldOfDefinitions(triggers));
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

/** Returns the table of these bytes. Throws OBJECT_INVALID. */
export function decodeTable(bytes: Uint8Array): Table {
  const fields = decodeObject(bytes, 'table');
  if (fields.length !== FIELDS && fields.length !== FIELDS + 1) {
    throw invalid('is a table with a wrong number of fields');
  }
  const [schema, root, rows, indexList, triggerList] = fields;
  const indexes = asArray(indexList).map((entry): TableIndex => {
    const [name, indexSchema, indexRoot, entries] = asFields(entry, 4);
    const index = {
      name: asString(name),
      schema: asId(indexSchema),
      root: asIdOrNull(indexRoot),
      rows: asCount(asWideInteger(entries)),
    };
    if ((index.root === null) !== (index.rows === 0)) throw invalid('is a table with an index whose count is wrong');
    return index;
  });
  checkNames(indexes);
  const table: Table = {
    schema: asId(schema),
    root: asIdOrNull(root),
    rows: asCount(asWideInteger(rows)),
    ...(indexes.length > 0 && {indexes}),
    ...(fields.length > FIELDS && {triggers: asDefinitions(triggerList)}),
  };
  if ((table.root === null) !== (table.rows === 0)) throw invalid('is a table whose row count is wrong');
  return table;
}

function byName<T extends {readonly name: string}>(entries: readonly T[]): T[] {
  return [...entries].sort((a, b) => compareText(a.name, b.name));
}

function checkNames(entries: readonly {readonly name: string}[]): void {
  for (let i = 1; i < entries.length; i++) {
    const [before, entry] = [entries[i - 1]?.name ?? '', entries[i]?.name ?? ''];
    if (compareText(before, entry) >= 0) throw invalid('has definitions whose names are not in order');
  }
}

/** Returns the field of a list of definitions. */
export function fieldOfDefinitions(definitions: readonly NamedDefinition[]): Field {
  return byName(definitions).map(({name, id}) => [name, fieldOfId(id)]);
}

/** Returns the definitions of such a field, which has at least one. Throws OBJECT_INVALID. */
export function asDefinitions(value: unknown): NamedDefinition[] {
  const definitions = asArray(value).map((entry): NamedDefinition => {
    const [name, id] = asFields(entry, 2);
    return {name: asString(name), id: asId(id)};
  });
  if (definitions.length === 0) throw invalid('has an empty list of definitions');
  checkNames(definitions);
  return definitions;
}
