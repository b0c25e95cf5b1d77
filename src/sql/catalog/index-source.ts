/**
 * The stored indexes of tables: what they are is read from their schemas, once for each. Layer: sql.
 */
import {invalid} from '../../objects/codec.js';
import type {ObjectId} from '../../objects/id.js';
import type {ObjectReader} from '../../objects/store.js';
import {readSchema, type Schema, treeSpec} from '../../state/schema.js';
import type {Table, TableIndex} from '../../state/table.js';
import type {TreeSpec} from '../../tree/spec.js';
import {parseStatement} from '../parser/parser.js';
import type {IndexSource} from '../source.js';
import {
  constraintIndexes,
  defineIndex,
  hasLayout,
  type IndexDefinition,
  type IndexedTable,
  type IndexLayout,
  indexLayout,
} from './index-definition.js';
import type {TableDefinition} from './table-definition.js';

/** What a stored index is. */
export interface KnownIndex {
  readonly definition: IndexDefinition;
  readonly layout: IndexLayout;
  readonly schema: Schema;
  readonly spec: TreeSpec;
}

/** A table whose indexes are read. */
export interface IndexOwner extends IndexedTable {
  /** Undefined for `files`. */
  readonly definition: TableDefinition | undefined;
}

const REMEMBERED = 1024;

const known = new Map<string, KnownIndex>();

/** Returns what an index is. Throws OBJECT_INVALID if its definition cannot be read, or is of another index. */
export function readIndex(
  reader: ObjectReader,
  owner: IndexOwner,
  tableSchema: ObjectId,
  index: TableIndex,
): KnownIndex {
  const id = `${tableSchema}${index.schema}${index.name}`;
  let found = known.get(id);
  if (found === undefined) {
    const schema = readSchema(reader, index.schema);
    const definition = definitionOf(schema, owner, index.name);
    const layout = indexLayout(definition, owner);
    if (!hasLayout(schema, layout)) throw invalid('is a schema of an index whose definition is of another one');
    found = {definition, layout, schema, spec: treeSpec(schema)};
    if (known.size >= REMEMBERED) known.clear();
    known.set(id, found);
  }
  return found;
}

function definitionOf(schema: Schema, owner: IndexOwner, name: string): IndexDefinition {
  let definition: IndexDefinition | undefined;
  if (schema.definition === undefined) {
    definition = owner.definition && constraintIndexes(owner.definition).find(index => index.name === name);
  } else {
    try {
      const statement = parseStatement(schema.definition);
      if (statement.kind === 'createIndex') definition = defineIndex(statement, schema.definition, owner);
    } catch (error) {
      throw invalid('is a schema of an index whose definition cannot be read', error);
    }
    if (definition?.name !== name) definition = undefined;
  }
  if (definition === undefined) throw invalid('is a schema of an index that its table does not have');
  return definition;
}

/** Returns the indexes of a table: those of its constraints in the order in which they were written, then the others by name. */
export function indexesOf(
  reader: ObjectReader,
  owner: IndexOwner,
  table: Table,
): readonly (KnownIndex & {readonly stored: TableIndex})[] {
  const all = (table.indexes ?? []).map(stored => ({...readIndex(reader, owner, table.schema, stored), stored}));
  const order = (owner.definition ? constraintIndexes(owner.definition) : []).map(index => index.name);
  const place = (index: KnownIndex) =>
    index.definition.sql === undefined ? order.indexOf(index.definition.name) : order.length;
  return all.sort((a, b) => place(a) - place(b));
}

/** Returns the indexes of a table as queries use them. */
export function indexSources(reader: ObjectReader, owner: IndexOwner, table: Table): readonly IndexSource[] {
  return indexesOf(reader, owner, table).map(({definition, layout, spec, stored}) => ({
    name: definition.name,
    unique: definition.unique,
    spec,
    root: stored.root,
    rows: stored.rows,
    terms: definition.terms.map(term => term.expr),
    columns: layout.columns,
    key: layout.key,
    where: definition.where,
  }));
}
