/**
 * The tables of states as sources, each state and table read once. Names of tables are found in any case. Layer: sql.
 */
import type {ObjectId} from '../../objects/id.js';
import type {ObjectReader} from '../../objects/store.js';
import {isView, readDefinition} from '../../state/definition.js';
import {FILES_TABLE} from '../../state/files.js';
import {readState, type State} from '../../state/state.js';
import {readTable} from '../../state/table.js';
import type {TreeSource, ViewSource} from '../source.js';
import {filesSource} from './files-source.js';
import {indexSources} from './index-source.js';
import {foldName} from './names.js';
import {tableSource} from './table-source.js';

/** States and tables that are remembered of each kind. */
const REMEMBERED = 4096;

export class States {
  private readonly states = new Map<ObjectId, State>();
  private readonly sources = new Map<string, TreeSource | ViewSource>();
  private readonly empty: TreeSource;

  constructor(readonly reader: ObjectReader) {
    this.empty = filesSource(reader, null, 0);
  }

  /** Returns a table of a state; of no state, which is that before the first commit, `files` without rows. */
  find(state: ObjectId | undefined, name: string): TreeSource | undefined {
    const found = this.findAny(state, name);
    return found?.kind === 'tree' ? found : undefined;
  }

  /** Returns a table or view of a state. */
  findAny(state: ObjectId | undefined, name: string): TreeSource | ViewSource | undefined {
    const folded = foldName(name);
    if (state === undefined) return folded === FILES_TABLE ? this.empty : undefined;
    const tables = this.tables(state);
    const stored = tables.has(name) ? name : tables.has(folded) ? folded : storedName(tables, folded);
    if (stored === undefined) return folded === FILES_TABLE ? this.empty : undefined;
    return this.source(stored, tables.get(stored) as ObjectId);
  }

  /** Returns the names of the user tables of a state, in order. */
  userTables(state: ObjectId | undefined): string[] {
    if (state === undefined) return [];
    return [...this.tables(state)]
      .filter(([name, id]) => name !== FILES_TABLE && !isView(this.reader, id))
      .map(([name]) => name);
  }

  /** Returns the CREATE VIEW statements of a state by the names of the views, in order. */
  views(state: ObjectId | undefined): ReadonlyMap<string, string> {
    const views = new Map<string, string>();
    if (state === undefined) return views;
    for (const [name, id] of this.tables(state)) {
      if (isView(this.reader, id)) views.set(name, readDefinition(this.reader, id).sql);
    }
    return views;
  }

  /** Returns the ids of the tables and views of a state. */
  tables(state: ObjectId): State {
    return remembered(this.states, state, () => readState(this.reader, state));
  }

  private source(name: string, id: ObjectId): TreeSource | ViewSource {
    return remembered(this.sources, `${id}${name}`, () => {
      const {reader} = this;
      if (isView(reader, id)) return {kind: 'view', name, sql: readDefinition(reader, id).sql};
      const table = readTable(reader, id);
      if (name !== FILES_TABLE) return tableSource(reader, name, table);
      const source = filesSource(reader, table.root, table.rows);
      return table.indexes === undefined
        ? source
        : {...source, indexes: indexSources(reader, {...source, definition: undefined}, table)};
    });
  }
}

function storedName(tables: State, folded: string): string | undefined {
  for (const name of tables.keys()) if (foldName(name) === folded) return name;
  return undefined;
}

function remembered<K, V>(values: Map<K, V>, key: K, make: () => V): V {
  let value = values.get(key);
  if (value === undefined) {
    value = make();
    if (values.size >= REMEMBERED) values.clear();
    values.set(key, value);
  }
  return value;
}
