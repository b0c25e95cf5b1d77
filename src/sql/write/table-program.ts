/**
 * What is done with one row of a table that is written: its values are made what the columns take, its constraints are
 * checked, what stands in its way is dealt with, triggers fire and foreign keys are followed, in SQLite's order.
 * Layer: sql.
 */
import {type Cell, ContentRef, INLINE_LIMIT} from '../../tree/cell.js';
import type {Vector} from '../../tree/vector.js';
import type {ConflictAction} from '../ast.js';
import type {TableColumn, TableDefinition} from '../catalog/table-definition.js';
import type {ColumnRows} from '../exec/column-rows.js';
import type {SourceColumn} from '../source.js';
import {applyAffinity} from '../values/affinity.js';
import {type Comparator, comparator} from '../values/compare.js';
import {typeOf} from '../values/convert.js';
import type {Value} from '../values/value.js';
import {BulkInsert} from './bulk-insert.js';
import {type ChangeFault, constraintFailed, type FaultAction} from './change-fault.js';
import {ColumnExpressions} from './column-expressions.js';
import type {Compiler} from './compiler.js';
import type {ForeignKeys} from './foreign-keys.js';
import type {Run} from './session.js';
import type {Triggers} from './triggers.js';
import type {WorkingIndex} from './working-index.js';
import type {WorkingTable} from './working-table.js';

/** Something that no two rows have in common: the key, or the values of a unique index. */
export interface Unique {
  /** Undefined for the key. */
  readonly index: WorkingIndex | undefined;
  readonly onConflict: ConflictAction | undefined;
  /** The columns that it is made of; undefined where expressions or conditions are among them. */
  readonly columns: readonly number[] | undefined;
  readonly message: string;
}

/** What an upsert does where a row is in the way. */
export interface ConflictRule {
  /** Undefined for any. */
  readonly unique: Unique | undefined;
  /** Changes the row that is in the way; undefined does nothing. Returns whether a row was changed. */
  readonly update: ((run: Run, existing: Cell[], excluded: readonly Cell[]) => Cell[] | undefined) | undefined;
}

/** What became of a row: it was inserted or updated as it is now, or left out. */
export type Outcome = {readonly kind: 'inserted' | 'updated'; readonly row: Cell[]} | undefined;

export class TableProgram {
  readonly definition: TableDefinition;
  readonly columns: readonly SourceColumn[];
  /** The column that is the rowid. */
  readonly rowid: number | undefined;
  /** In the order in which they are looked at. */
  readonly uniques: readonly Unique[];
  private readonly key: Unique;
  readonly expressions: ColumnExpressions;
  private readonly comparators: readonly Comparator[];
  /** Whether a rowid that is taken can be found out when the row is inserted. */
  private readonly lateKey: boolean;
  /** When values are held against the types of a STRICT table. */
  private readonly typesChecked: 'never' | 'first' | 'before checks' | 'after the key';
  private loadedTriggers: Triggers | undefined;
  private loadedKeys: ForeignKeys | undefined;

  constructor(
    private readonly compiler: Compiler,
    readonly table: WorkingTable,
  ) {
    const source = table.source();
    this.definition = table.definition;
    this.columns = source.columns;
    this.rowid = source.rowid;
    this.uniques = uniquesOf(table, source.columns, source.key);
    this.comparators = this.definition.key.map(part => comparator(part.collation));
    this.expressions = new ColumnExpressions(table.definition, source, source.reader);
    const {strict, checks, columns, rowid} = this.definition;
    this.typesChecked = !strict
      ? 'never'
      : columns.some(each => each.generated)
        ? 'first'
        : checks.length > 0 || rowid.kind === 'none'
          ? 'before checks'
          : 'after the key';
    this.key = this.uniques.find(({index}) => index === undefined) as Unique;
    this.lateKey =
      (this.uniques[0] === this.key || this.uniques.at(-1) === this.key) &&
      this.uniques.every(({onConflict}) => onConflict !== 'ignore' && onConflict !== 'replace');
  }

  get triggers(): Triggers {
    this.loadedTriggers ??= this.compiler.triggersOf(this.table);
    return this.loadedTriggers;
  }

  get foreignKeys(): ForeignKeys {
    this.loadedKeys ??= this.compiler.foreignKeysOf(this.table);
    return this.loadedKeys;
  }

  /**
   * Whether a statement with this OR clause, which changes these columns or all, can delete rows that are in the way. As in
   * SQLite all unique indexes are asked where the key changes, or foreign keys have much to do.
   */
  mayReplace(or: ConflictAction | undefined, set?: readonly boolean[]): boolean {
    const some = this.uniques.filter(({onConflict}) => (or ?? onConflict) === 'replace');
    if (some.length === 0) return false;
    if (set === undefined || this.changesKey(set)) return true;
    if (this.compiler.session.foreignKeys && this.foreignKeys.reachRows(set)) return true;
    return some.some(({index}) => index && this.dependsOn(index, set));
  }

  /** Whether the entry of a row in an index can change with these columns. */
  private dependsOn({definition: {terms, where}}: WorkingIndex, set: readonly boolean[]): boolean {
    const columns = terms.flatMap(({column}) => (column === undefined ? [] : [column]));
    const computed = terms.flatMap(({column, expr}) => (column === undefined ? [expr] : []));
    return this.expressions.inputs(columns, where ? [...computed, where] : computed).some(column => set[column]);
  }

  /** Whether a row that is inserted can replace others: not where ON CONFLICT says what to do, or a new rowid is made. */
  mayReplaceByInsert(or: ConflictAction | undefined, rowidGiven: boolean, ruled: (unique: Unique) => boolean): boolean {
    return this.uniques.some(unique => {
      const made = unique.index === undefined && this.rowid !== undefined && !rowidGiven;
      return (or ?? unique.onConflict) === 'replace' && !made && !ruled(unique);
    });
  }

  private changesKey(set: readonly boolean[]): boolean {
    return (
      (this.rowid !== undefined && set[this.rowid] === true) || this.definition.key.some(({column}) => set[column])
    );
  }

  /** Whether an update of these columns can concern other rows: by triggers and foreign keys. */
  reaches(set: readonly boolean[]): boolean {
    const {triggers} = this;
    return (
      triggers.ofUpdate([...triggers.beforeUpdate, ...triggers.afterUpdate], set).length > 0 ||
      (this.compiler.session.foreignKeys && this.foreignKeys.concerned(set))
    );
  }

  // -------------------------------------------------------------------------------------------------- insert

  /** Inserts a row, which is changed to what is stored. */
  insert(run: Run, row: Cell[], or: ConflictAction | undefined, rules: readonly ConflictRule[]): Outcome {
    const {table, triggers} = this;
    if (triggers.beforeInsert.length > 0) {
      const shown = row.slice();
      for (let i = 0; i < this.definition.columns.length; i++) shown[i] = this.withAffinity(i, shown[i] as Cell);
      if (this.rowid !== undefined)
        shown[this.rowid] = row[this.rowid] === null ? -1 : this.rowidOf(run, row[this.rowid] as Cell);
      this.expressions.generate(run, shown);
      if (this.definition.strict) this.checkTypes(run, shown);
      if (!triggers.fire(run, triggers.beforeInsert, shown, undefined, or)) return undefined;
    }
    this.giveRowid(run, row);
    if (!this.complete(run, row, or, undefined)) return undefined;
    const keys = run.session.foreignKeys ? this.foreignKeys : undefined;
    const late =
      this.lateKey &&
      rules.length === 0 &&
      (or === undefined || (or !== 'ignore' && or !== 'replace')) &&
      !keys?.any &&
      this.typesChecked !== 'after the key';
    let typed = this.typesChecked !== 'after the key';
    for (const unique of rules.length === 0 ? this.order(or) : orderOf(this.uniques, rules)) {
      if (late && unique.index === undefined) continue;
      if (!typed && unique.index) {
        this.checkTypes(run, row);
        typed = true;
      }
      const found = this.find(unique, row, undefined);
      if (found === undefined) continue;
      const rule = rules.find(each => each.unique === undefined || each.unique === unique);
      if (rule) {
        const existing = rule.update && table.get(found);
        const changed = existing && rule.update?.(run, existing, row);
        return changed && {kind: 'updated', row: changed};
      }
      // which of several is told follows the order, too
      if (late && this.uniques[0] === this.key && this.find(this.key, row, undefined))
        throw this.taken(run, this.key, or);
      if (!this.clear(run, unique, found, or)) return undefined;
    }
    if (!typed) this.checkTypes(run, row);
    keys?.check(run, undefined, row);
    if (!table.insert(row)) {
      this.noteTaken(this.key, row);
      throw this.taken(run, this.key, or);
    }
    if (this.rowid !== undefined) {
      const rowid = row[this.rowid] as number | bigint;
      run.session.lastInsertRowid = rowid;
    }
    if (triggers.afterInsert.length > 0) this.fireAfter(run, triggers.afterInsert, row, undefined, or);
    return {kind: 'inserted', row};
  }

  /**
   * Returns what takes the following rows of a statement behind all others at once, or undefined where rows have to be looked
   * at one by one: where they replace or skip others, fire triggers, or may name each other.
   */
  bulk(run: Run, or: ConflictAction | undefined): BulkInsert | undefined {
    const {triggers, uniques} = this;
    const alone = uniques.every(({onConflict}) => {
      const action = or ?? onConflict ?? 'abort';
      return action === 'abort' || action === 'rollback';
    });
    if (!alone || triggers.beforeInsert.length + triggers.afterInsert.length > 0) return undefined;
    if (run.session.foreignKeys && this.foreignKeys.toItself) return undefined;
    return new BulkInsert(this, run, or);
  }

  /**
   * Inserts a row behind all others without asking unique indexes, and returns whether it did or left it out; undefined for a
   * row that does not belong there, which can still be given to `insert`.
   */
  append(run: Run, row: Cell[], or: ConflictAction | undefined): boolean | undefined {
    const {table, rowid} = this;
    this.giveRowid(run, row);
    if (!this.complete(run, row, or, undefined)) return false;
    const keys = run.session.foreignKeys ? this.foreignKeys : undefined;
    const typed = this.typesChecked !== 'after the key';
    if ((!typed || keys?.any) && !table.follows(row)) return undefined;
    if (!typed) this.checkTypes(run, row);
    if (keys?.any) keys.check(run, undefined, row);
    if (!table.append(row)) return undefined;
    if (rowid !== undefined) run.session.lastInsertRowid = row[rowid] as number | bigint;
    return true;
  }

  /**
   * Inserts rows of columns behind all others, from the one at `from` on, and returns how many of them it did. It does none where one
   * of the values has to be looked at by itself: what is wrong with a row, `append` tells.
   */
  appendColumns(run: Run, rows: ColumnRows, from: number): number {
    const {table, rowid, expressions, definition} = this;
    const {to} = rows;
    const keys = run.session.foreignKeys ? this.foreignKeys : undefined;
    if (expressions.any || definition.autoincrement || keys?.any) return 0;
    for (let column = 0; column < rows.columns.length; column++)
      if (!this.takesColumn(column, rows.columns[column] as Vector | Value[], from, to)) return 0;
    const columns = rows.columns.slice();
    if (rowid === columns.length) {
      const first = table.nextRowid();
      if (!Number.isSafeInteger(first) || !Number.isSafeInteger((first as number) + to - from)) return 0;
      columns.push(Array.from({length: to}, (_, row) => (first as number) + row - from));
    }
    const done = table.appendColumns(columns, from, to) - from;
    if (rowid !== undefined && done > 0)
      run.session.lastInsertRowid = cellAt(columns[rowid], from + done - 1) as number;
    return done;
  }

  /** Returns whether rows `from` to `to` − 1 of a column are what the table stores; values of an array are made so. */
  private takesColumn(column: number, given: Vector | Value[], from: number, to: number): boolean {
    const {affinity, type} = this.definition.columns[column] as TableColumn;
    const strictly = this.definition.strict && type.toLowerCase() !== 'any';
    const required = column === this.rowid || this.expressions.required.includes(column);
    const isKey = this.key.columns?.includes(column) ?? true;
    if (Array.isArray(given)) {
      for (let row = from; row < to; row++) {
        const cell = this.withAffinity(column, given[row] as Cell) as Value;
        if (isKey ? !Number.isSafeInteger(cell) : cell === null ? required : !isShort(cell)) return false;
        if (strictly && cell !== null && typeOf(cell) !== affinity) return false;
        given[row] = cell;
      }
      return true;
    }
    // numbers and texts that a column takes as they are have its type, but for one of blobs
    if (strictly && affinity === 'blob') return false;
    const fits = (cell: Cell) =>
      isShort(cell) &&
      this.withAffinity(column, cell) === cell &&
      (!strictly || cell === null || typeOf(cell as Value) === affinity);
    switch (given.kind) {
      case 'integer':
        return (
          (!required || given.nulls === undefined) &&
          (affinity === 'integer' || affinity === 'numeric' || affinity === 'blob')
        );
      case 'real':
        return (!required || given.nulls === undefined) && !isKey && (affinity === 'real' || affinity === 'blob');
      case 'text': {
        if ((required && given.nulls !== undefined) || isKey || (affinity !== 'text' && affinity !== 'blob'))
          return false;
        const {offsets} = given;
        for (let row = from; row < to; row++)
          if ((offsets[row + 1] as number) - (offsets[row] as number) > INLINE_LIMIT) return false;
        return true;
      }
      case 'dictionary':
        return (!required || given.nulls === undefined) && !isKey && given.entries.every(fits);
      case 'constant':
        return !isKey && fits(given.constant);
      case 'null':
        return !required && !isKey;
      default:
        return false;
    }
  }

  private giveRowid(run: Run, row: Cell[]): void {
    const {rowid, table} = this;
    if (rowid === undefined) return;
    const given = row[rowid] as Cell;
    if (given !== null) {
      if (!Number.isSafeInteger(given)) row[rowid] = this.rowidOf(run, given);
    } else row[rowid] = this.definition.autoincrement ? run.sequences.next(table) : table.nextRowid();
    if (given === null && this.definition.rowid.kind === 'alias') table.noteRowidGiven(row[rowid] as number | bigint);
    if (this.definition.autoincrement) run.sequences.note(table, row[rowid] as number | bigint);
  }

  /** Returns a value as a rowid. Throws CONSTRAINT_FAILED for what is no integer. */
  private rowidOf(run: Run, cell: Cell): number | bigint {
    const value = cell instanceof ContentRef ? cell : applyAffinity(cell, 'integer');
    if (typeof value === 'bigint' || (typeof value === 'number' && Number.isSafeInteger(value))) return value;
    const name = `${this.definition.name}.${this.columns[this.rowid as number]?.name}`;
    throw constraintFailed(
      'datatype mismatch',
      run.at,
      `${name} is a rowid: give it an integer, or NULL for the next number.`,
      {
        table: this.definition.name,
      },
    );
  }

  // -------------------------------------------------------------------------------------------------- update

  /**
   * Changes a row that there is into another one; `set` says which columns the statement gives. Returns the row as it is
   * stored, or undefined if it stays what it was.
   */
  update(
    run: Run,
    before: Cell[],
    after: Cell[],
    set: readonly boolean[],
    or: ConflictAction | undefined,
  ): Cell[] | undefined {
    const {table, triggers} = this;
    let old = before;
    const key = table.keyOf(old);
    if (this.rowid !== undefined && set[this.rowid]) after[this.rowid] = this.rowidOf(run, after[this.rowid] as Cell);
    const fired = triggers.ofUpdate(triggers.beforeUpdate, set);
    if (fired.length > 0) {
      for (let i = 0; i < set.length; i++) if (set[i]) after[i] = this.withAffinity(i, after[i] as Cell);
      this.expressions.generate(run, after);
      if (this.definition.strict) this.checkTypes(run, after);
      if (!triggers.fire(run, fired, after, old, or)) return undefined;
      const now = table.get(key);
      if (now === undefined) return undefined;
      old = now;
      for (let i = 0; i < now.length; i++) if (!set[i]) after[i] = now[i] as Cell;
    }
    if (!this.complete(run, after, or, set)) return undefined;
    const moved = !this.sameKey(key, table.keyOf(after));
    if (this.typesChecked === 'after the key') this.checkTypes(run, after);
    for (const unique of this.order(or)) {
      if (
        unique.index === undefined
          ? !moved
          : unique.columns?.every(column => same(old[column] as Cell, after[column] as Cell))
      )
        continue;
      const found = this.find(unique, after, key);
      if (found !== undefined && !this.clear(run, unique, found, or)) return undefined;
    }
    const keys = run.session.foreignKeys ? this.foreignKeys : undefined;
    keys?.check(run, old, after);
    table.replace(key, after);
    keys?.act(run, old, after);
    const then = triggers.ofUpdate(triggers.afterUpdate, set);
    if (then.length > 0) this.fireAfter(run, then, after, old, or);
    return after;
  }

  private sameKey(a: readonly Value[], b: readonly Value[]): boolean {
    return a.every((value, i) => (this.comparators[i] ?? comparator('binary'))(value, b[i] as Value) === 0);
  }

  // -------------------------------------------------------------------------------------------------- delete

  /** Deletes a row; returns whether it did. */
  delete(run: Run, row: readonly Cell[], or: ConflictAction | undefined): boolean {
    const {table, triggers} = this;
    if (triggers.beforeDelete.length > 0) {
      if (!triggers.fire(run, triggers.beforeDelete, undefined, row, or)) return false;
      if (!table.has(table.keyOf(row))) return false;
    }
    this.remove(run, row);
    // OLD stays what it was, whatever the triggers before have made of the row
    if (triggers.afterDelete.length > 0) this.fireAfter(run, triggers.afterDelete, undefined, row, or);
    return true;
  }

  /** Whether deleting rows is nothing but that: no triggers, no foreign keys. */
  deletesPlainly(run: Run): boolean {
    const {triggers} = this;
    return (
      triggers.beforeDelete.length === 0 &&
      triggers.afterDelete.length === 0 &&
      !(run.session.foreignKeys && this.foreignKeys.any)
    );
  }

  /** Deletes a row without triggers: one that another replaces, or whose table goes. */
  remove(run: Run, row: readonly Cell[]): void {
    const keys = run.session.foreignKeys ? this.foreignKeys : undefined;
    keys?.check(run, row, undefined);
    this.table.delete(this.table.keyOf(row));
    keys?.act(run, row, undefined);
  }

  /** Fires triggers AFTER a row has been changed. */
  private fireAfter(...args: Parameters<Triggers['fire']>): void {
    try {
      this.triggers.fire(...args);
    } catch (error) {
      const [run] = args;
      run.interrupted = 1;
      throw error;
    }
  }

  // -------------------------------------------------------------------------------------------------- values

  private withAffinity(column: number, cell: Cell): Cell {
    const declared = this.definition.columns[column];
    if (declared === undefined || cell === null || cell instanceof ContentRef || cell instanceof Uint8Array)
      return cell;
    const {affinity} = declared;
    if (affinity === 'blob') return cell;
    if (typeof cell === 'string' && affinity === 'text') return cell;
    if (typeof cell === 'number' && (affinity === 'integer' || affinity === 'numeric') && Number.isSafeInteger(cell))
      return cell;
    return applyAffinity(cell, affinity);
  }

  /** Makes a row what its columns take, and checks it by itself; returns false if it is to be left out. */
  private complete(
    run: Run,
    row: Cell[],
    or: ConflictAction | undefined,
    set: readonly boolean[] | undefined,
  ): boolean {
    const {definition, expressions} = this;
    const {columns} = definition;
    for (let i = 0; i < columns.length; i++)
      if (set === undefined || set[i]) row[i] = this.withAffinity(i, row[i] as Cell);
    expressions.generate(run, row);
    if (this.typesChecked === 'first') this.checkTypes(run, row);
    const missing = (column: TableColumn, action: ConflictAction) =>
      constraintFailed(
        `NOT NULL constraint failed: ${definition.name}.${column.name}`,
        run.at,
        'Give the column a value.',
        {table: definition.name, column: column.name},
        faultAction(action),
      );
    // as in SQLite, defaults that turn out to be NULL are told of last
    let defaulted: TableColumn | undefined;
    for (const i of expressions.required) {
      if (row[i] !== null || (set && !set[i] && columns[i]?.generated === undefined)) continue;
      const column = columns[i] as TableColumn;
      const action = or ?? column.notNullConflict ?? 'abort';
      if (action === 'ignore') return false;
      if (action !== 'replace' || column.default === undefined) throw missing(column, action);
      row[i] = this.withAffinity(i, expressions.defaultOf(run, i));
      if (row[i] === null) defaulted ??= column;
    }
    if (defaulted) throw missing(defaulted, 'replace');
    if (this.typesChecked === 'before checks') this.checkTypes(run, row);
    const failed = expressions.check(run, row);
    if (failed === undefined) return true;
    if (or === 'ignore') return false;
    throw constraintFailed(
      `CHECK constraint failed: ${failed}`,
      run.at,
      'The row is not what the table allows.',
      {table: definition.name},
      faultAction(or),
    );
  }

  private checkTypes(run: Run, row: readonly Cell[]): void {
    const {columns, name} = this.definition;
    for (let i = 0; i < columns.length; i++) {
      const cell = row[i] as Cell;
      if (cell === null) continue;
      const {affinity, type, name: column} = columns[i] as TableColumn;
      const is = cell instanceof ContentRef ? (cell.text ? 'text' : 'blob') : typeOf(cell);
      if (affinity === 'blob' ? is === 'blob' || type.toLowerCase() === 'any' : is === affinity) continue;
      throw constraintFailed(
        `cannot store ${is === 'integer' ? 'INT' : is.toUpperCase()} value in ${type.toUpperCase()} column ${name}.${column}`,
        run.at,
        'The table is STRICT: convert the value with CAST.',
        {table: name, column},
      );
    }
  }

  // -------------------------------------------------------------------------------------------------- what is in the way

  /** Returns what must be unique in the order in which it is looked at: a rowid that replaces comes last. */
  order(or: ConflictAction | undefined): readonly Unique[] {
    const {uniques} = this;
    if (or !== undefined || this.rowid === undefined || uniques[0]?.onConflict !== 'replace') return uniques;
    return [...uniques.slice(1), uniques[0]];
  }

  private find(unique: Unique, row: readonly Cell[], own: readonly Value[] | undefined): Value[] | undefined {
    const {table} = this;
    const key = unique.index ? table.conflict(unique.index, row, own) : table.keyOf(row);
    if (key === undefined || (unique.index === undefined && !table.has(key))) return undefined;
    // that there is none needs no note: another one that comes meanwhile is a conflict of rows
    this.noteTaken(unique, row);
    return key;
  }

  /** Notes that it matters that something else has what a row has. */
  private noteTaken({index}: Unique, row: readonly Cell[]): void {
    const {table} = this;
    if (index) table.noteAlike(index, row);
    else table.noteKey(table.keyOf(row));
  }

  /** Deals with the row that is in the way of another one; returns false if that one is to be left out. */
  private clear(run: Run, unique: Unique, key: readonly Value[], or: ConflictAction | undefined): boolean {
    const action = or ?? unique.onConflict ?? 'abort';
    if (action === 'ignore') return false;
    if (action !== 'replace') throw this.taken(run, unique, or);
    const old = this.table.get(key);
    if (old === undefined) return true;
    if (run.session.recursiveTriggers) this.delete(run, old, or);
    else this.remove(run, old);
    return true;
  }

  /** Returns the error for a row whose values another one has. */
  taken(run: Run, unique: Unique, or: ConflictAction | undefined): ChangeFault {
    const action = faultAction(or ?? unique.onConflict);
    return constraintFailed(
      unique.message,
      run.at,
      'Another row has these values already.',
      {table: this.definition.name},
      action,
    );
  }
}

/** Returns whether a cell stands in its row for sure. */
function isShort(cell: Cell): boolean {
  // a character of a string takes one to three bytes
  if (typeof cell === 'string') return cell.length * 3 <= INLINE_LIMIT;
  return !(cell instanceof Uint8Array) && !(cell instanceof ContentRef);
}

function cellAt(column: Vector | readonly Value[] | undefined, row: number): Cell {
  return Array.isArray(column) ? (column[row] as Value) : (column as Vector).cell(row);
}

/** Returns how much the error undoes that a constraint gives with this OR clause. */
export function faultAction(action: ConflictAction | undefined): FaultAction {
  return action === 'rollback' || action === 'fail' ? action : 'abort';
}

function same(a: Cell, b: Cell): boolean {
  if (a instanceof ContentRef || b instanceof ContentRef) return a === b;
  return typeOf(a) === typeOf(b) && comparator('binary')(a, b) === 0;
}

function uniquesOf(table: WorkingTable, columns: readonly SourceColumn[], key: readonly number[]): Unique[] {
  const {definition} = table;
  const named = (places: readonly number[]) =>
    places.map(place => `${definition.name}.${columns[place]?.name}`).join(', ');
  const own: Unique = {
    index: undefined,
    onConflict: definition.keyConflict,
    columns: key,
    message: `UNIQUE constraint failed: ${named(key)}`,
  };
  const uniques: Unique[] = [];
  for (const index of table.indexes) {
    if (!index.unique) continue;
    const {terms, where, onConflict} = index.definition;
    const places = terms.flatMap(term => (term.column === undefined ? [] : [term.column]));
    const plain = places.length === terms.length;
    uniques.push({
      index,
      onConflict,
      columns: plain && where === undefined ? places : undefined,
      message: `UNIQUE constraint failed: ${plain ? named(places) : `index '${index.name}'`}`,
    });
  }
  if (definition.rowid.kind !== 'none') return [own, ...inOrder(uniques)];
  uniques.splice(uniquesBefore(definition), 0, own);
  return inOrder(uniques);
}

/** Puts what must be unique in SQLite's order: the newest first, but what replaces rows last. */
function inOrder(uniques: readonly Unique[]): Unique[] {
  const newest = [...uniques].reverse();
  return [
    ...newest.filter(each => each.onConflict !== 'replace'),
    ...newest.filter(each => each.onConflict === 'replace'),
  ];
}

/** Returns how many UNIQUE constraints stand before the primary key. */
function uniquesBefore({key, uniques, columns}: TableDefinition): number {
  const [first, more] = key;
  // SQLite makes an index of this one when all others are made
  if (first && !more && columns[first.column]?.type.toUpperCase() === 'INTEGER') return uniques.length;
  return uniques.filter(
    unique => unique.key.length === 1 && (more !== undefined || (unique.key[0]?.column ?? 0) < (first?.column ?? 0)),
  ).length;
}

/** Returns what must be unique with what the rules are about first. */
function orderOf(uniques: readonly Unique[], rules: readonly ConflictRule[]): Unique[] {
  const first = rules.flatMap(({unique}) => (unique ? [unique] : []));
  const others = uniques.filter(each => !first.includes(each));
  return [...new Set(first), ...others];
}
