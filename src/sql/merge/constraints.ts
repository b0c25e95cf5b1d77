/**
 * What a merged state breaks of the rules of its tables, though each side kept them: unique values that both gave, CHECKs of
 * rows that both changed, foreign keys to rows that one side removed. Looks at what differs from a side only. Layer: sql.
 */
import type {ObjectId} from '../../objects/id.js';
import type {ObjectSink} from '../../objects/store.js';
import type {MergeConflict, RuleConflict} from '../../state/conflict.js';
import {FILES_TABLE} from '../../state/files.js';
import type {MergedTable, StateMerge} from '../../state/merge.js';
import {readState, type State} from '../../state/state.js';
import {readTable, type Table} from '../../state/table.js';
import type {Cell, Row} from '../../tree/cell.js';
import {diffTrees, type RowChange} from '../../tree/diff.js';
import type {Versions} from '../../tree/merge.js';
import {getRow} from '../../tree/read.js';
import type {TreeSpec} from '../../tree/spec.js';
import {foldName} from '../catalog/names.js';
import {newBinder} from '../plan/bind.js';
import type {Catalog} from '../source.js';
import {Compiler} from '../write/compiler.js';
import {referencesOf} from '../write/foreign-keys.js';
import {Schemas} from '../write/schemas.js';
import type {Run, Session} from '../write/session.js';
import {duplicate, type StoredTable} from '../write/stored-table.js';
import {WorkingState} from '../write/working-state.js';
import type {WorkingTable} from '../write/working-table.js';

const NOWHERE: Catalog = {findTable: () => undefined, findFunction: () => undefined, names: () => []};

/** Yields what is broken. `session` is that of the run. */
export function* brokenRules(
  sink: ObjectSink,
  merge: StateMerge,
  ids: Versions<ObjectId | undefined>,
  run: Run,
  session: Session,
): Generator<MergeConflict, void, undefined> {
  const read = (id: ObjectId | undefined): State => (id === undefined ? new Map() : readState(sink, id));
  const states = {base: read(ids.base), ours: read(ids.ours), theirs: read(ids.theirs)};
  const check = new RuleCheck(sink, merge, read(merge.state), states, run, session);
  yield* check.names();
  for (const [name, table] of merge.tables) {
    yield* check.uniques(name, table);
    if (name !== FILES_TABLE) yield* check.rows(name, table);
  }
  yield* check.foreignKeys();
}

class RuleCheck {
  private readonly main: WorkingState;
  private readonly schemas: Schemas;
  private readonly compiler: Compiler;

  constructor(
    private readonly sink: ObjectSink,
    merge: StateMerge,
    private readonly merged: State,
    private readonly states: Versions<State>,
    private readonly run: Run,
    session: Session,
  ) {
    this.main = new WorkingState(sink, merge.state);
    this.schemas = new Schemas(this.main);
    const catalog = this.schemas.catalog(NOWHERE);
    const evaluate = () => {
      throw new TypeError('a foreign key has no expression that is computed before it is looked up');
    };
    this.compiler = new Compiler(session, this.schemas, () => newBinder(catalog, () => undefined, evaluate));
  }

  private sqlTable(name: string): WorkingTable | undefined {
    const found = name === FILES_TABLE ? undefined : this.main.find(name);
    return found?.kind === 'table' ? found : undefined;
  }

  /** Names differ by more than the case of their letters, and no two indexes have one. */
  *names(): Generator<MergeConflict, void, undefined> {
    const seen = new Map<string, string>();
    const clash = (name: string, table: string): MergeConflict | undefined => {
      const other = seen.get(foldName(name));
      seen.set(foldName(name), table);
      if (other === undefined) return undefined;
      return {kind: 'definition', table, rule: `both sides made something of the name ${name}`};
    };
    for (const [name, id] of this.merged) {
      const found = clash(name, name);
      if (found) yield found;
      if (this.states.ours.get(name) === id && this.states.theirs.get(name) === id) continue;
      const {indexes = []} = this.sqlTable(name) ? readTable(this.sink, id) : {};
      for (const index of indexes) {
        const twice = clash(index.name, name);
        if (twice) yield twice;
      }
    }
  }

  // -------------------------------------------------------------------------------------------------- one table

  *uniques(name: string, {ours, theirs, merged}: MergedTable): Generator<MergeConflict, void, undefined> {
    const stored = name === FILES_TABLE ? this.main.files() : this.sqlTable(name)?.stored;
    if (stored === undefined) return;
    for (const index of stored.indexes) {
      if (!index.unique) continue;
      // what a side has in its own index it has but once
      const checked = [theirs, ours].find(
        side => side?.schema === merged.schema && side.indexes?.some(each => each.name === index.name),
      );
      for (const {after} of this.changes(stored.spec, checked, merged)) {
        if (after === undefined || !index.entries.includes(after)) continue;
        for (const found of stored.find(index, index.entries.terms(after))) {
          if (stored.keyOf(found) === stored.keyOf(after)) continue;
          const rule = duplicate(index.definition, stored.shape).message.replace(/\.$/, '');
          yield ruleConflict(name, stored, after, rule);
          break;
        }
      }
    }
  }

  /** Checks rows that neither side had as they are. */
  *rows(name: string, {combined, merged}: MergedTable): Generator<MergeConflict, void, undefined> {
    const table = this.sqlTable(name);
    if (table === undefined) return;
    const {expressions, definition} = this.compiler.program(table);
    const {stored} = table;
    for (const key of combined) {
      const row = getRow(this.sink, stored.spec, merged.root, key);
      if (row === undefined) continue;
      const cells = table.fromTree(row);
      const empty = expressions.required.find(column => cells[column] === null);
      if (empty !== undefined) {
        const column = `${name}.${definition.columns[empty]?.name}`;
        yield ruleConflict(name, stored, row, `NOT NULL constraint failed: ${column}`);
      }
      const failed = expressions.check(this.run, cells);
      if (failed !== undefined) yield ruleConflict(name, stored, row, `CHECK constraint failed: ${failed}`);
    }
  }

  /** Yields what differs from a version, or all rows without one. */
  private changes(spec: TreeSpec, from: Table | undefined, to: Table): Iterable<RowChange> {
    return diffTrees(this.sink, spec, from?.root ?? null, to.root);
  }

  // -------------------------------------------------------------------------------------------------- foreign keys

  /** Whether a side has a table, in whatever case it is named, as the base has it not. */
  private isChanged(side: State, name: string): boolean {
    const id = (state: State) => [...state].find(([each]) => foldName(each) === foldName(name))?.[1];
    return id(side) !== id(this.states.base);
  }

  *foreignKeys(): Generator<MergeConflict, void, undefined> {
    const {ours, theirs} = this.states;
    for (const [parent, references] of referencesOf(this.schemas)) {
      for (const {child, key} of references) {
        // where one side alone changed both tables it answers for itself
        const both =
          (this.isChanged(ours, child.name) && this.isChanged(theirs, parent)) ||
          (this.isChanged(ours, parent) && this.isChanged(theirs, child.name)) ||
          (this.isChanged(ours, child.name) && this.isChanged(theirs, child.name) && foldName(child.name) === parent);
        if (!both) continue;
        const table = this.sqlTable(parent);
        if (table === undefined) yield* this.namesDropped(child, key.columns, parent);
        else {
          yield* this.broken(child);
          if (table !== child) yield* this.broken(table);
        }
      }
    }
  }

  /** Yields rows of a table that name one which is no more. */
  private *namesDropped(
    child: WorkingTable,
    columns: readonly number[],
    parent: string,
  ): Generator<MergeConflict, void, undefined> {
    const known = [...this.states.base.keys()].some(name => foldName(name) === parent);
    if (!known) return;
    const {stored} = child;
    for (const {after} of this.changesOf(child, this.states.base)) {
      const cells = after && child.fromTree(after);
      if (after === undefined || cells === undefined || columns.some(column => cells[column] === null)) continue;
      yield ruleConflict(child.name, stored, after, `FOREIGN KEY constraint failed: there is no table ${parent}`);
    }
  }

  /** Yields the foreign keys that rows of a table, or their absence, break. */
  private *broken(table: WorkingTable): Generator<MergeConflict, void, undefined> {
    const keys = this.compiler.foreignKeysOf(table);
    for (const {before, after} of this.changesOf(table, this.states.theirs)) {
      const old = before && table.fromTree(before);
      const row = after && table.fromTree(after);
      const found = keys.broken(this.run, old, row);
      if (found === undefined) continue;
      const parent = found.key.references.table.text;
      const rule = `FOREIGN KEY constraint failed: ${found.child.name} names a row of ${parent} that is not there`;
      yield ruleConflict(table.name, table.stored, (after ?? before) as Row, rule);
    }
  }

  /** Yields how the rows of a table differ from those that a side has; all of them where that has another table. */
  private changesOf({name, stored}: WorkingTable, side: State): Iterable<RowChange> {
    const id = side.get(name);
    const merged = readTable(this.sink, this.merged.get(name) as ObjectId);
    const before = id === undefined ? undefined : readTable(this.sink, id);
    return this.changes(stored.spec, before?.schema === merged.schema ? before : undefined, merged);
  }
}

function ruleConflict(table: string, stored: StoredTable, row: Row, rule: string): RuleConflict {
  const key: readonly Cell[] = row.slice(0, stored.spec.keys.length);
  return {kind: 'rule', table, key, rule};
}
