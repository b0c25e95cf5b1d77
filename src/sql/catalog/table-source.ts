/**
 * User tables as sources of queries. What a table's columns are follows from its schema, and is worked out once for each
 * schema. Layer: sql.
 */
import {invalid} from '../../objects/codec.js';
import type {ObjectId} from '../../objects/id.js';
import type {ObjectReader} from '../../objects/store.js';
import {readSchema, type Schema, treeSpec} from '../../state/schema.js';
import type {Table} from '../../state/table.js';
import type {TreeSpec} from '../../tree/spec.js';
import {parseStatement} from '../parser/parser.js';
import type {SourceColumn, TreeColumn, TreeSource} from '../source.js';
import {affinityOf} from '../values/affinity.js';
import type {CollationName} from '../values/value.js';
import {indexSources} from './index-source.js';
import {defineTable, schemaOf, type TableDefinition} from './table-definition.js';

/** What a schema says of its tables. */
export interface TableShape {
  /** Undefined for a table that was not made in SQL. */
  readonly definition: TableDefinition | undefined;
  readonly columns: readonly SourceColumn[];
  readonly origins: readonly TreeColumn[];
  readonly rowid: number | undefined;
  readonly key: readonly number[];
  readonly spec: TreeSpec;
}

const REMEMBERED = 1024;

/** A schema's id is that of its bytes, so what it means does not depend on the store that it was read from. */
const shapes = new Map<ObjectId, TableShape>();

/** Returns what a schema says of its tables. Throws OBJECT_INVALID if its definition is none, or of another table. */
export function readShape(reader: ObjectReader, schema: ObjectId): TableShape {
  let shape = shapes.get(schema);
  if (shape === undefined) {
    shape = shapeOf(readSchema(reader, schema));
    if (shapes.size >= REMEMBERED) shapes.clear();
    shapes.set(schema, shape);
  }
  return shape;
}

/** Returns a table of a state as a source. */
export function tableSource(reader: ObjectReader, name: string, table: Table): TreeSource {
  const shape = readShape(reader, table.schema);
  const {columns, origins, rowid, key, spec} = shape;
  const source: TreeSource = {
    kind: 'tree',
    name,
    columns,
    origins,
    rowid,
    key,
    reader,
    spec,
    root: table.root,
    rows: table.rows,
  };
  return table.indexes === undefined ? source : {...source, indexes: indexSources(reader, {name, ...shape}, table)};
}

function shapeOf(schema: Schema): TableShape {
  const spec = treeSpec(schema);
  const key = schema.key.map((_, i) => i);
  if (schema.definition === undefined) {
    const columns = schema.columns.map(({name, type, notNull}): SourceColumn => {
      return {name, type, affinity: affinityOf(type), collation: 'binary', notNull, hidden: false};
    });
    const origins = columns.map((_, column): TreeColumn => ({kind: 'stored', column}));
    return {definition: undefined, columns, origins, rowid: undefined, key, spec};
  }
  const definition = definitionOf(schema);
  const {rowid, storage} = definition;
  const places = new Map(storage.map((declared, stored) => [declared, stored]));
  const inKey = new Set(definition.key.map(part => part.column));
  const columns = definition.columns.map(({name, type, affinity, collation, notNull}, i): SourceColumn => {
    return {name, type, affinity, collation, notNull: notNull || inKey.has(i), hidden: false};
  });
  const origins = columns.map((_, i): TreeColumn => ({kind: 'stored', column: places.get(i) as number}));
  if (rowid.kind === 'hidden') {
    columns.push(hiddenRowid(rowid.name));
    origins.push({kind: 'stored', column: 0});
  }
  return {
    definition,
    columns,
    origins,
    rowid: rowid.kind === 'alias' ? rowid.column : rowid.kind === 'hidden' ? columns.length - 1 : undefined,
    key: rowid.kind === 'hidden' ? [columns.length - 1] : definition.key.map(part => part.column),
    spec,
  };
}

function hiddenRowid(name: string): SourceColumn {
  const collation: CollationName = 'binary';
  return {name, type: 'INTEGER', affinity: 'integer', collation, notNull: true, hidden: true};
}

/** Returns the definition of a schema, which must give just its columns and key. */
function definitionOf(schema: Schema): TableDefinition {
  const source = schema.definition as string;
  let definition: TableDefinition | undefined;
  try {
    const statement = parseStatement(source);
    if (statement.kind === 'createTable') definition = defineTable(statement, source);
  } catch (error) {
    throw invalid('is a schema whose definition cannot be read', error);
  }
  const made = definition && schemaOf(definition);
  const agrees =
    made?.columns.length === schema.columns.length &&
    made.key.length === schema.key.length &&
    made.columns.every((column, i) => {
      const stored = schema.columns[i];
      return column.name === stored?.name && column.type === stored.type && column.notNull === stored.notNull;
    }) &&
    made.key.every((part, i) => {
      const stored = schema.key[i];
      return part.collation === stored?.collation && part.descending === stored.descending;
    });
  if (definition === undefined || !agrees) throw invalid('is a schema whose definition is of another table');
  return definition;
}
