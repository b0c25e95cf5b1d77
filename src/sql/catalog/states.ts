/**
 * The tables of states as sources, each state and table read once. Names of tables are found in any case. Layer: sql.
 */
import type {ObjectId} from '../../objects/id.js';
import type {ObjectReader} from '../../objects/store.js';
import {FILES_TABLE} from '../../state/files.js';
import {readState, type State} from '../../state/state.js';
import {readTable} from '../../state/table.js';
import type {TreeSource} from '../source.js';
import {filesSource} from './files-source.js';
import {foldName} from './names.js';
import {tableSource} from './table-source.js';

/** States and tables that are remembered of each kind. */
const REMEMBERED = 4096;

export class States {
  private readonly states = new Map<ObjectId, State>();
  private readonly sources = new Map<string, TreeSource>();
  private readonly empty: TreeSource;

  constructor(readonly reader: ObjectReader) {
    this.empty = filesSource(reader, null, 0);
  }

  /** Returns a table of a state; of no state, which is that before the first commit, `files` without rows. */
  find(state: ObjectId | undefined, name: string): TreeSource | undefined {
    const folded = foldName(name);
    if (state === undefined) return folded === FILES_TABLE ? this.empty : undefined;
    const tables = this.tables(state);
    const stored = tables.has(name) ? name : tables.has(folded) ? folded : storedName(tables, folded);
    if (stored === undefined) return folded === FILES_TABLE ? this.empty : undefined;
    return this.source(stored, tables.get(stored) as ObjectId);
  }

  /** Returns the names of the user tables of a state, in order. */
  userTables(state: ObjectId | undefined): string[] {
    return state === undefined ? [] : [...this.tables(state).keys()].filter(name => name !== FILES_TABLE);
  }

  /** Returns the ids of the tables of a state. */
  tables(state: ObjectId): State {
    return remembered(this.states, state, () => readState(this.reader, state));
  }

  private source(name: string, id: ObjectId): TreeSource {
    return remembered(this.sources, `${id}${name}`, () => {
      const table = readTable(this.reader, id);
      return name === FILES_TABLE
        ? filesSource(this.reader, table.root, table.rows)
        : tableSource(this.reader, name, table);
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
