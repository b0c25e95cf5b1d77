/**
 * The catalog of a working state: tables and views are those of the state unless AS OF asks for others; what shows a state
 * shows this one. Layer: sql.
 */
import {FILES_TABLE} from '../../state/files.js';
import {foldName, SYSTEM_TABLES} from '../catalog/names.js';
import {pragmaFunctions, type SchemaSubject, STATE_TABLES} from '../catalog/schema-rows.js';
import {States} from '../catalog/states.js';
import type {Catalog, Source, TableFunction} from '../source.js';
import type {WorkingState} from './working-state.js';

/** Returns a catalog like `base`, whose tables are those of the working state as they are at each moment. */
export function workingCatalog(state: WorkingState, base: Catalog): Catalog {
  return new WorkingCatalog(state, base);
}

class WorkingCatalog implements Catalog {
  private readonly functions = new Map<string, TableFunction>();

  constructor(
    private readonly state: WorkingState,
    private readonly base: Catalog,
  ) {
    for (const each of pragmaFunctions(() => this.subject(), this)) this.functions.set(each.name, each);
  }

  readonly findTable = (name: string, revision?: string): Source | undefined => {
    return revision === undefined ? this.find(name, this.base.findTable) : this.base.findTable(name, revision);
  };

  readonly describeTable = (name: string): Source | undefined => {
    return this.find(name, this.base.describeTable ?? this.base.findTable);
  };

  private find(name: string, system: (name: string) => Source | undefined): Source | undefined {
    const folded = foldName(name);
    if (folded === FILES_TABLE) return this.state.tree.source();
    const ofState = Object.hasOwn(STATE_TABLES, folded) ? STATE_TABLES[folded] : undefined;
    if (ofState) {
      const {columns, rows} = ofState(this.subject(), folded);
      return {kind: 'rows', name: folded, columns, rows, scan: used => ofState(this.subject(), folded).scan(used)};
    }
    const found = this.state.find(name);
    if (found?.kind === 'table') return found.source();
    if (found) return {kind: 'view', name: found.name, sql: found.sql};
    const names: readonly string[] = SYSTEM_TABLES;
    return names.includes(folded) ? system(name) : undefined;
  }

  readonly findFunction = (name: string): TableFunction | undefined => {
    return this.functions.get(foldName(name)) ?? this.base.findFunction(name);
  };

  readonly names = (): readonly string[] => [...SYSTEM_TABLES, ...this.state.names()];

  /** Returns the state as it is now, for what shows it. */
  private subject(): SchemaSubject {
    return {states: new States(this.state.sink), state: this.state.write(), views: new Map()};
  }
}
