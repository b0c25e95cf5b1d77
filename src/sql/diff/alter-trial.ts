/**
 * Finds the ALTER TABLE statements that turn a table's definition into another one, by trying them on the table itself beside
 * the store. Guarantee: statements that are found give just that definition, and leave all other tables as they are to be.
 * Layer: sql.
 */
import {isDbosError} from '../../errors.js';
import type {ObjectId} from '../../objects/id.js';
import {OverlayObjects} from '../../objects/overlay.js';
import type {ObjectReader} from '../../objects/store.js';
import type {ColumnDefinition, CreateTable} from '../ast.js';
import {foldName} from '../catalog/names.js';
import type {Version} from '../catalog/table-diff.js';
import {parseStatement} from '../parser/parser.js';
import type {Catalog} from '../source.js';

import {quotedName} from '../write/quoted-name.js';
import {WorkingState} from '../write/working-state.js';
import {WritableDatabase} from '../write/writable-database.js';

const NOTHING_ELSE: Catalog = {findTable: () => undefined, findFunction: () => undefined, names: () => []};

/** Statements that turn a table's definition into another one. */
export interface Alteration {
  readonly statements: readonly string[];
  /** Whether they look at all views and triggers and rewrite indexes, so that none of these may be there. */
  readonly bare: boolean;
}

export class AlterTrial {
  /** Reads the objects of the store, and those of tables that were altered. */
  readonly reader: ObjectReader;
  private readonly state: WorkingState;
  private readonly database: WritableDatabase;

  /** Without views and triggers, which would only be in the way. */
  constructor(reader: ObjectReader, before: ObjectId) {
    const sink = new OverlayObjects(reader);
    this.reader = sink;
    this.state = new WorkingState(sink, before);
    this.database = new WritableDatabase(this.state, NOTHING_ELSE);
    for (const name of this.state.names()) {
      for (const trigger of this.state.triggersOf(name)) this.state.dropTrigger(trigger.name);
      if (this.state.find(name)?.kind === 'view') this.state.dropView(name);
    }
    this.run('PRAGMA foreign_keys = OFF');
  }

  private run(sql: string): void {
    this.database.prepare(sql).all();
  }

  /** Returns a table as it is now. */
  version(name: string): Version {
    const found = this.state.find(name);
    return found?.kind === 'table' ? found.source() : undefined;
  }

  /** Returns the CREATE TABLE statement of a table as it is now. */
  private text(name: string): string | undefined {
    const found = this.state.find(name);
    return found?.kind === 'table' ? found.definition.sql : undefined;
  }

  dropTable(name: string): void {
    this.state.dropTable(name);
  }

  /**
   * Returns the statements that give a table the definition that `wanted` has for it, after they have been run; none if it
   * has it; undefined if there are no such statements. `wanted` has the definitions of all tables by name.
   */
  alter(name: string, wanted: ReadonlyMap<string, string>): Alteration | undefined {
    const before = this.text(name);
    const after = wanted.get(name);
    if (before === undefined || after === undefined) return undefined;
    if (before === after) return {statements: [], bare: false};
    for (const candidate of candidates(name, before, after)) {
      if (this.succeeds(candidate, wanted, name)) return candidate;
    }
    return undefined;
  }

  private succeeds({statements, bare}: Alteration, wanted: ReadonlyMap<string, string>, name: string): boolean {
    const others = new Map(this.state.names().map(each => [each, this.text(each)]));
    this.run('BEGIN');
    try {
      if (bare) {
        const found = this.state.find(name);
        const indexes = found?.kind === 'table' ? found.indexes : [];
        for (const {definition} of indexes) if (definition.sql !== undefined) this.state.dropIndex(definition.name);
      }
      for (const statement of statements) this.run(statement);
      // a renamed column has its new name in the foreign keys of other tables too
      const good = [...others].every(([each, text]) => {
        const now = this.text(each);
        return each === name || now !== text ? now === wanted.get(each) : true;
      });
      if (good) {
        this.run('COMMIT');
        return true;
      }
    } catch (error) {
      if (!isDbosError(error)) throw error;
    }
    this.database.rollback();
    return false;
  }
}

/** Yields statements that may turn one definition into the other. */
function* candidates(name: string, before: string, after: string): Generator<Alteration> {
  const old = (parseStatement(before) as CreateTable).columns;
  const now = (parseStatement(after) as CreateTable).columns;
  const table = `ALTER TABLE ${quotedName(name)}`;
  const written = ({from, to}: ColumnDefinition) => `${table} ADD COLUMN ${after.slice(from, to)}`;
  const names = (columns: readonly ColumnDefinition[]) => new Set(columns.map(column => foldName(column.name.text)));
  const [oldNames, newNames] = [names(old), names(now)];
  const dropped = old.filter(column => !newNames.has(foldName(column.name.text)));
  const added = now.filter(column => !oldNames.has(foldName(column.name.text)));
  const drop = (column: ColumnDefinition) => `${table} DROP COLUMN ${quotedName(column.name.text)}`;
  // a column whose place another one of its type has was renamed, as `pairColumns` sees it
  const renames: string[] = [];
  const renamed = new Set<ColumnDefinition>();
  for (const [i, column] of old.entries()) {
    const other = now[i];
    if (other === undefined || other.name.text === column.name.text) continue;
    const same = foldName(other.name.text) === foldName(column.name.text);
    const replaced = dropped.includes(column) && added.includes(other) && column.type === other.type;
    if (!same && !replaced) continue;
    renames.push(`${table} RENAME COLUMN ${quotedName(column.name.text)} TO ${quotedName(other.name.text)}`);
    renamed.add(column).add(other);
  }
  const rest = (columns: readonly ColumnDefinition[]) => columns.filter(column => !renamed.has(column));
  if (renames.length > 0) {
    yield {statements: [...renames, ...rest(dropped).map(drop), ...rest(added).map(written)], bare: true};
  }
  if (dropped.length + added.length > 0) {
    yield {statements: [...dropped.map(drop), ...added.map(written)], bare: dropped.length > 0};
  }
}
