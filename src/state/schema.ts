/**
 * Schemas: the columns of a table and its key. A schema is an object of its own, so every version of a table that did
 * not change its schema shares it. Layer: state.
 */
import {
  asArray,
  asCount,
  asFields,
  asString,
  decodeObject,
  encodeObject,
  type Field,
  invalid,
} from '../objects/codec.js';
import type {ObjectId} from '../objects/id.js';
import type {ObjectReader, ObjectSink} from '../objects/store.js';
import {DEFAULT_INNER_ROWS, defaultLeafRows, type KeyColumn, MAX_TARGET, type TreeSpec} from '../tree/spec.js';

export interface Column {
  readonly name: string;
  /** The declared type, as written; the SQL layer derives the affinity from it. */
  readonly type: string;
  readonly notNull: boolean;
}

export interface Schema {
  /** The key columns first, in key order, then the others: the order of the cells of a row. */
  readonly columns: readonly Column[];
  /** How the first columns sort; one entry for each key column. */
  readonly key: readonly KeyColumn[];
  /** Target number of rows of a leaf and of an inner node; fixed when the table is made. */
  readonly leafRows: number;
  readonly innerRows: number;
  /** The CREATE TABLE text of a table that was made in SQL; the SQL layer reads from it what is not above. */
  readonly definition?: string;
}

const COLLATIONS = ['binary', 'nocase', 'rtrim', 'path'] as const;
const MAX_COLUMNS = 32_767;

/** Without the definition. */
const FIELDS = 4;

/** Returns a schema whose node sizes follow from its columns; the first columns are the key. */
export function newSchema(columns: readonly Column[], key: readonly KeyColumn[], definition?: string): Schema {
  const leafRows = defaultLeafRows(columns.map(column => column.type));
  return {columns, key, leafRows, innerRows: DEFAULT_INNER_ROWS, ...(definition !== undefined && {definition})};
}

/** Returns the tree specification of a table with this schema. */
export function treeSpec(schema: Schema): TreeSpec {
  return {
    keys: schema.key,
    columns: schema.columns.length,
    leafRows: schema.leafRows,
    innerRows: schema.innerRows,
  };
}

/** Writes a schema and returns its id. */
export function writeSchema(sink: ObjectSink, schema: Schema): ObjectId {
  const columns = schema.columns.map(column => [column.name, column.type, column.notNull ? 1 : 0]);
  const key = schema.key.map(part => [COLLATIONS.indexOf(part.collation), part.descending ? 1 : 0]);
  const fields: Field[] = [columns, key, schema.leafRows, schema.innerRows];
  if (schema.definition !== undefined) fields.push(schema.definition);
  return sink.put(encodeObject('schema', fields));
}

/** Returns the schema with this id. Throws OBJECT_INVALID. */
export function readSchema(reader: ObjectReader, id: ObjectId): Schema {
  const fields = decodeObject(reader.read(id), 'schema');
  if (fields.length !== FIELDS && fields.length !== FIELDS + 1) {
    throw invalid('is a schema with a wrong number of fields');
  }
  const [columnList, keyList, leafRows, innerRows, definition] = fields;
  const columns = asArray(columnList).map(entry => {
    const [name, type, notNull] = asFields(entry, 3);
    return {name: asString(name), type: asString(type), notNull: asCount(notNull, 1) === 1};
  });
  const key = asArray(keyList).map(entry => {
    const [collation, descending] = asFields(entry, 2);
    return {
      collation: COLLATIONS[asCount(collation, COLLATIONS.length - 1)] as (typeof COLLATIONS)[number],
      descending: asCount(descending, 1) === 1,
    };
  });
  if (key.length === 0 || key.length > columns.length || columns.length > MAX_COLUMNS) {
    throw invalid('is a schema with an impossible number of columns');
  }
  if (new Set(columns.map(column => column.name)).size !== columns.length) {
    throw invalid('is a schema with a column twice');
  }
  const schema = {
    columns,
    key,
    leafRows: asCount(leafRows, MAX_TARGET),
    innerRows: asCount(innerRows, MAX_TARGET),
    ...(fields.length > FIELDS && {definition: asString(definition)}),
  };
  if (schema.leafRows < 2 || schema.innerRows < 2) throw invalid('is a schema with nodes too small');
  return schema;
}
