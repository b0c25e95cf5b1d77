/**
 * Foreign keys: counts those that do not hold when a row changes, as SQLite does it, and does to the rows that name a
 * changed one what ON DELETE and ON UPDATE say. Layer: sql.
 */
import {isDbosError} from '../../errors.js';
import type {Cell} from '../../tree/cell.js';
import type {ForeignKeyAction, Select, Span} from '../ast.js';
import {foldName} from '../catalog/names.js';
import type {TableColumn, TableForeignKey} from '../catalog/table-definition.js';
import {sqlError} from '../fault.js';
import {parseStatement} from '../parser/parser.js';
import {bindSelect} from '../plan/bind-select.js';
import {Scope} from '../plan/scope.js';
import {applyAffinity} from '../values/affinity.js';
import {comparator} from '../values/compare.js';
import type {Value} from '../values/value.js';
import {foreignKeyFailed} from './change-fault.js';
import type {Compiler, Place} from './compiler.js';
import {RowNames} from './row-code.js';
import type {Schemas} from './schemas.js';
import type {Run, Session} from './session.js';
import {type RowTrigger, Triggers} from './triggers.js';
import type {WorkingIndex} from './working-index.js';
import type {WorkingTable} from './working-table.js';

/** A foreign key of one table. */
export interface Reference {
  readonly child: WorkingTable;
  readonly key: TableForeignKey;
}

/** Returns the foreign keys that name each table, by its name in lower case. */
export function referencesOf(schemas: Schemas): Map<string, Reference[]> {
  const references = new Map<string, Reference[]>();
  for (const child of schemas.tables()) {
    for (const key of child.definition.foreignKeys) {
      const parent = foldName(key.references.table.text);
      references.set(parent, [...(references.get(parent) ?? []), {child, key}]);
    }
  }
  return references;
}

/** The columns of the parent that a foreign key means, and how its rows are found by them. */
interface ParentKey {
  readonly parent: WorkingTable;
  /** For each column of the foreign key the column of the parent. */
  readonly columns: readonly number[];
  /** Undefined for the key of the table. */
  readonly index: WorkingIndex | undefined;
  /** For each column of the key or index its place among `columns`. */
  readonly order: readonly number[];
}

function quoted(name: string): string {
  return `"${name.replaceAll('"', '""')}"`;
}

/** A foreign key seen from the child. */
class Outgoing {
  private known: ParentKey | undefined;

  constructor(
    private readonly compiler: Compiler,
    readonly reference: Reference,
  ) {}

  /** Returns what the parent's key is. Throws TABLE_UNKNOWN, and SQL_MISUSE where no key of the parent is meant. */
  parentKey(): ParentKey | undefined {
    this.known ??= findParentKey(this.compiler.schemas, this.reference);
    return this.known;
  }

  private isMoved(old: readonly Cell[], row: readonly Cell[], columns: readonly number[]): boolean {
    return columns.some(column => !sameCell(old[column] as Cell, row[column] as Cell));
  }

  get isToItself(): boolean {
    const {child, key} = this.reference;
    return foldName(key.references.table.text) === foldName(child.name);
  }

  /** Whether it names a key of a table that there is. */
  isSound(): boolean {
    try {
      return this.parentKey() !== undefined;
    } catch (error) {
      if (isDbosError(error, 'SQL_MISUSE')) return false;
      throw error;
    }
  }

  isChanged(old: readonly Cell[], row: readonly Cell[]): boolean {
    return this.reference.key.columns.some(column => !sameCell(old[column] as Cell, row[column] as Cell));
  }

  /** Whether a row names another one that is not there. `own` is a row that counts as there, `gone` one that does not. */
  dangles(run: Run, row: readonly Cell[], own: readonly Cell[] | undefined, gone?: readonly Cell[]): boolean {
    const {key, child} = this.reference;
    const values = key.columns.map(column => row[column] as Value);
    if (values.includes(null)) return false;
    const found = this.parentKey();
    if (found === undefined) {
      const {table} = key.references;
      if (own === undefined) return true;
      throw parentUnknown(table.text, child.name, run.at);
    }
    const {parent, columns, index, order} = found;
    const sought = order.map(place => {
      const column = parent.definition.columns[columns[place] as number] as TableColumn;
      return applyAffinity(values[place] as Value, column.affinity);
    });
    if (own && parent === child) {
      const meant = order.every((place, i) => {
        const column = columns[place] as number;
        const value = own[column] as Value;
        // as in SQLite, which compares the two as they are where that is no rowid
        const named = index === undefined && parent.definition.rowid.kind === 'alias' ? sought[i] : values[place];
        return value !== null && comparator('binary')(value, named as Value) === 0;
      });
      if (meant) return false;
    }
    if (gone && parent === child) {
      const meant = order.every((place, i) => {
        const column = columns[place] as number;
        const {collation} = parent.definition.columns[column] as TableColumn;
        return comparator(collation)(gone[column] as Value, sought[i] as Value) === 0;
      });
      // as in SQLite, where a row that names itself is taken out of the table before its new foreign key is looked at
      const out = index === undefined && parent.definition.rowid.kind !== 'alias' && this.isChanged(gone, row);
      if (meant && (out || this.isMoved(gone, row, columns))) return true;
    }
    if (index) {
      const missing = parent.findByIndex(index, sought).length === 0;
      if (missing) parent.noteEntries(index, sought);
      return missing;
    }
    if (parent.definition.rowid.kind === 'alias') {
      const [rowid] = sought;
      if (typeof rowid !== 'bigint' && !(typeof rowid === 'number' && Number.isSafeInteger(rowid))) return true;
    }
    const missing = !parent.has(sought);
    // that it is there needs no note: without it the row that names it is a conflict
    if (missing) parent.noteKey(sought);
    return missing;
  }
}

function parentUnknown(parent: string, child: string, at: Span | undefined): Error {
  return sqlError('TABLE_UNKNOWN', `no such table: ${parent}.`, at, {hint: `A foreign key of ${child} names it.`});
}

function findParentKey(schemas: Schemas, {child, key}: Reference): ParentKey | undefined {
  const {references, columns} = key;
  const parent = schemas.find({schema: undefined, name: references.table, from: 0, to: 0});
  if (parent === undefined) return undefined;
  const mismatch = () => {
    return sqlError(
      'SQL_MISUSE',
      `foreign key mismatch - "${child.name}" referencing "${references.table.text}".`,
      undefined,
      {
        hint: 'A foreign key names the primary key of a table, or columns that are UNIQUE.',
      },
    );
  };
  if (parent.kind === 'view') throw mismatch();
  const {definition} = parent;
  const places =
    references.columns.length === 0
      ? definition.key.map(part => part.column)
      : references.columns.map(name =>
          definition.columns.findIndex(column => foldName(column.name) === foldName(name.text)),
        );
  if (places.length !== columns.length || places.includes(-1)) throw mismatch();
  const orderOf = (parts: readonly {readonly column: number | undefined; readonly collation: string}[]) => {
    if (parts.length !== places.length) return undefined;
    const order = parts.map(({column, collation}) => {
      return column !== undefined && definition.columns[column]?.collation === collation ? places.indexOf(column) : -1;
    });
    return order.includes(-1) || new Set(order).size < order.length ? undefined : order;
  };
  const byKey = orderOf(definition.key);
  if (byKey) return {parent, columns: places, index: undefined, order: byKey};
  for (const index of parent.indexes) {
    if (!index.unique || index.definition.where !== undefined) continue;
    const order = orderOf(index.definition.terms);
    if (order) return {parent, columns: places, index, order};
  }
  throw mismatch();
}

type CountRows = (run: Run, row: readonly Cell[]) => number;

/** A foreign key seen from the parent. */
class Incoming {
  readonly outgoing: Outgoing;
  private countNew: CountRows | undefined;
  private countOld: CountRows | undefined;
  private readonly actions = new Map<'delete' | 'update', RowTrigger | undefined>();

  constructor(
    private readonly compiler: Compiler,
    private readonly parent: WorkingTable,
    readonly reference: Reference,
  ) {
    this.outgoing = new Outgoing(compiler, reference);
  }

  isSound(): boolean {
    return this.outgoing.isSound();
  }

  /** Returns the columns of the parent that it names, whether they are a key or not. */
  named(): readonly number[] {
    const {columns} = this.reference.key.references;
    const {definition} = this.parent;
    if (columns.length === 0) return definition.key.map(part => part.column);
    return columns
      .map(each => definition.columns.findIndex(column => foldName(column.name) === foldName(each.text)))
      .filter(column => column >= 0);
  }

  isChanged(old: readonly Cell[], row: readonly Cell[]): boolean {
    return this.named().some(column => !sameCell(old[column] as Cell, row[column] as Cell));
  }

  private columns(): readonly number[] {
    return (this.outgoing.parentKey() as ParentKey).columns;
  }

  /** Returns how many rows of the child name a row that comes or, without itself, goes. */
  children(run: Run, row: readonly Cell[], goes: boolean): number {
    if (this.columns().some(column => row[column] === null)) return 0;
    if (goes) {
      this.countOld ??= this.counter(this.reference.child === this.parent);
      return this.countOld(run, row);
    }
    this.countNew ??= this.counter(false);
    return this.countNew(run, row);
  }

  /** Returns whether rows of the child name a row that is no more, and no other one has its key. */
  isNamed(run: Run, row: readonly Cell[]): boolean {
    if (this.children(run, row, false) === 0) return false;
    const {child, key} = this.reference;
    const naming = new Array<Cell>(child.width).fill(null);
    for (const [i, column] of this.columns().entries()) naming[key.columns[i] as number] = row[column] as Cell;
    return this.outgoing.dangles(run, naming, undefined);
  }

  /** Pairs of the columns of parent and child, quoted. */
  private pairs(): [string, string][] {
    const {parent} = this;
    const {child, key} = this.reference;
    return this.columns().map((column, i) => [
      quoted(parent.definition.columns[column]?.name ?? ''),
      quoted(child.definition.columns[key.columns[i] as number]?.name ?? ''),
    ]);
  }

  private counter(withoutItself: boolean): CountRows {
    const {compiler, parent} = this;
    const {child} = this.reference;
    const {columns, rowid} = parent.source();
    const table = quoted(child.name);
    const conditions = this.pairs().map(([p, c]) => `old.${p} = ${table}.${c}`);
    if (withoutItself) {
      const key =
        rowid === undefined
          ? parent.definition.key.map(part => quoted(parent.definition.columns[part.column]?.name ?? ''))
          : ['rowid'];
      conditions.push(`NOT (${key.map(name => `${table}.${name} IS old.${name}`).join(' AND ')})`);
    }
    const sql = `SELECT count(*) FROM ${table} WHERE ${conditions.join(' AND ')}`;
    const names = new RowNames('old', {name: parent.name, columns, rowid});
    const scope = new Scope(undefined);
    scope.tables.push(names.table);
    const binder = compiler.binder();
    const place: Place = {binder, scope, outer: names.provide('X.outer'), sql};
    const rows = compiler.rows(place, bindSelect(binder, new Scope(scope), parseStatement(sql) as Select));
    return (run, row) => {
      for (const [first] of rows(run, row)) return (first?.[0] as number) ?? 0;
      return 0;
    };
  }

  /** Returns what is done to the rows of the child, or undefined for nothing. */
  action(event: 'delete' | 'update', deferred: boolean): RowTrigger | undefined {
    const {onDelete, onUpdate} = this.reference.key.references;
    const action = event === 'delete' ? onDelete : onUpdate;
    if (action === 'no action' || (action === 'restrict' && deferred)) return undefined;
    if (!this.actions.has(event)) this.actions.set(event, this.actionOf(event, action));
    return this.actions.get(event);
  }

  private actionOf(event: 'delete' | 'update', action: ForeignKeyAction): RowTrigger {
    const {compiler, parent} = this;
    const {child, key} = this.reference;
    const pairs = this.pairs();
    const table = quoted(child.name);
    const where = pairs.map(([p, c]) => `old.${p} = ${table}.${c}`).join(' AND ');
    const defaultOf = (i: number) => child.definition.columns[key.columns[i] as number]?.default?.text ?? 'NULL';
    const set = () =>
      pairs
        .map(
          ([p, c], i) =>
            `${c} = ${action === 'set null' ? 'NULL' : action === 'set default' ? `(${defaultOf(i)})` : `new.${p}`}`,
        )
        .join(', ');
    const statement =
      action === 'restrict'
        ? `SELECT RAISE(ABORT, 'FOREIGN KEY constraint failed') FROM ${table} WHERE ${where}`
        : action === 'cascade' && event === 'delete'
          ? `DELETE FROM ${table} WHERE ${where}`
          : `UPDATE OR ABORT ${table} SET ${set()} WHERE ${where}`;
    const when = event === 'update' ? `WHEN NOT (${pairs.map(([p]) => `old.${p} IS new.${p}`).join(' AND ')}) ` : '';
    const sql = `CREATE TRIGGER foreign_key AFTER ${event} ON ${quoted(parent.name)} ${when}BEGIN ${statement}; END`;
    return compiler.trigger(compiler.ownerOf(parent), sql, true);
  }
}

/** The foreign keys that a table has and that others have to it. */
export class ForeignKeys {
  private readonly outgoing: readonly Outgoing[];
  private readonly incoming: readonly Incoming[];
  private readonly triggers: Triggers;
  /** Whether there is any. */
  readonly any: boolean;

  constructor(
    compiler: Compiler,
    private readonly table: WorkingTable,
    references: readonly Reference[],
  ) {
    this.outgoing = table.definition.foreignKeys.map(key => new Outgoing(compiler, {child: table, key}));
    this.incoming = references.map(reference => new Incoming(compiler, table, reference));
    this.any = this.outgoing.length > 0 || this.incoming.length > 0;
    this.triggers = new Triggers([], table.width);
  }

  /** Whether rows of other tables, or of this one, can change because a row does. */
  get acts(): boolean {
    return this.incoming.some(({reference}) => {
      const {onDelete, onUpdate} = reference.key.references;
      return [onDelete, onUpdate].some(action => action !== 'no action' && action !== 'restrict');
    });
  }

  /** Whether a row of it can name another one. */
  get toItself(): boolean {
    return this.outgoing.some(each => each.isToItself);
  }

  /** Whether an update of these columns changes a foreign key, or what one names. */
  concerned(set: readonly boolean[]): boolean {
    return (
      this.outgoing.some(({reference}) => reference.key.columns.some(column => set[column])) ||
      this.incoming.some(each => each.named().some(column => set[column]))
    );
  }

  /** Whether an update of these columns changes what another row of this table can name, or calls for an action of a foreign key. */
  reachRows(set: readonly boolean[]): boolean {
    return (
      this.outgoing.some(each => each.isToItself && each.reference.key.columns.some(column => set[column])) ||
      this.incoming.some(each => {
        return each.reference.key.references.onUpdate !== 'no action' && each.named().some(column => set[column]);
      })
    );
  }

  /** Whether foreign keys name it. */
  get isParent(): boolean {
    return this.incoming.length > 0;
  }

  /** Whether it matters to foreign keys that all rows go at once with their table. */
  matterToDrop({deferForeignKeys}: Session): boolean {
    return (
      this.incoming.length > 0 ||
      this.outgoing.some(({reference}) => reference.key.references.deferred || deferForeignKeys)
    );
  }

  /**
   * Throws SQL_MISUSE or TABLE_UNKNOWN for a foreign key that names no key of a table, where a statement has to look at it.
   * `set` are the columns that it changes; `single` says that it inserts one row and nothing else.
   */
  prepare(
    {deferForeignKeys}: Session,
    event: 'insert' | 'update' | 'delete',
    set?: readonly boolean[],
    single = false,
  ): void {
    const {name} = this.table;
    let looked = false;
    for (const each of this.outgoing) {
      const {columns, references} = each.reference.key;
      if (set !== undefined && !columns.some(column => set[column])) continue;
      looked = true;
      if (each.parentKey() === undefined) throw parentUnknown(references.table.text, name, undefined);
    }
    if (set !== undefined && !looked && !this.incoming.some(each => each.named().some(column => set[column]))) return;
    for (const each of this.incoming) {
      if (event === 'insert' && single && !each.reference.key.references.deferred) continue;
      each.outgoing.parentKey();
      if (event === 'insert' || (set !== undefined && !each.named().some(column => set[column]))) continue;
      each.action(event, deferForeignKeys)?.prepare();
    }
  }

  /** Prepares for all rows to go with their table: what foreign keys that name no key ask for does not matter then. */
  prepareDrop({deferForeignKeys}: Session): void {
    for (const each of this.incoming) if (each.isSound()) each.action('delete', deferForeignKeys)?.prepare();
  }

  /** Counts the foreign keys that a row that goes or comes, or both, breaks or mends. */
  check(run: Run, old: readonly Cell[] | undefined, row: readonly Cell[] | undefined): void {
    const {session} = run;
    const count = (deferred: boolean, change: number): void => {
      if (deferred || session.deferForeignKeys) session.deferredViolations += change;
      else run.violations += change;
    };
    const open = (deferred: boolean) =>
      deferred || session.deferForeignKeys ? session.deferredViolations : run.violations;
    for (const each of this.outgoing) {
      if (run.dropping && !each.isSound()) continue;
      if (old && row && !each.isToItself && !each.isChanged(old, row)) continue;
      const {deferred} = each.reference.key.references;
      if (old && open(deferred) > 0 && each.dangles(run, old, undefined)) count(deferred, -1);
      if (!row || !each.dangles(run, row, row, old)) continue;
      // where nothing can mend it there is no need to wait for the end of the statement
      if (run.single && run.depth === 0 && !deferred && !session.deferForeignKeys) throw foreignKeyFailed(run.at);
      count(deferred, 1);
    }
    for (const each of this.incoming) {
      if (run.dropping && !each.isSound()) continue;
      if (old && row && !each.isChanged(old, row)) continue;
      const {deferred} = each.reference.key.references;
      if (row && open(deferred) > 0) count(deferred, -each.children(run, row, false));
      if (old) count(deferred, each.children(run, old, true));
    }
  }

  /**
   * Returns a foreign key that does not hold because a row came or went, or both, where all rows are what they shall be; its
   * parent has gone, or a row that names it has come.
   */
  broken(run: Run, old: readonly Cell[] | undefined, row: readonly Cell[] | undefined): Reference | undefined {
    for (const each of this.outgoing) {
      if (!row || !each.isSound() || (old && !each.isChanged(old, row))) continue;
      if (each.dangles(run, row, undefined)) return each.reference;
    }
    for (const each of this.incoming) {
      if (!old || !each.isSound() || (row && !each.isChanged(old, row))) continue;
      if (each.isNamed(run, old)) return each.reference;
    }
    return undefined;
  }

  /** Does what the foreign keys to a row that has gone or changed say. */
  act(run: Run, old: readonly Cell[], row: readonly Cell[] | undefined): void {
    for (const each of this.incoming) {
      if (run.dropping && !each.isSound()) continue;
      if (row && !each.isChanged(old, row)) continue;
      const trigger = each.action(row ? 'update' : 'delete', run.session.deferForeignKeys);
      if (trigger) this.triggers.fire(run, [trigger], row, old, 'abort');
    }
  }
}

function sameCell(a: Cell, b: Cell): boolean {
  if (a === b) return true;
  if (a === null || b === null) return false;
  return comparator('binary')(a as Value, b as Value) === 0;
}

/** Throws CONSTRAINT_FAILED where foreign keys that must hold at the end of the statement do not. */
export function checkViolations(run: Run): void {
  if (run.violations > 0) throw foreignKeyFailed(run.at);
}
