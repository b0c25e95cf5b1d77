/**
 * Compiles statements that change rows, and keeps what they share: the programs of tables, their triggers and foreign keys,
 * as long as the schema stays what it is. Layer: sql.
 */

import {FILES_TABLE} from '../../state/files.js';
import type {Cell} from '../../tree/cell.js';
import type {ConflictAction, CreateTrigger, Delete, Insert, QualifiedName, Select, Update} from '../ast.js';
import {foldName} from '../catalog/names.js';
import {compileQuery} from '../exec/compile.js';
import {sqlError} from '../fault.js';
import {parseStatement} from '../parser/parser.js';
import {bindSource} from '../plan/bind-from.js';
import {bindSelect} from '../plan/bind-select.js';
import type {Binder} from '../plan/binder.js';
import {affinityOfBound, collationOf} from '../plan/expression.js';
import type {Output, Query} from '../plan/plan.js';
import {Scope} from '../plan/scope.js';
import type {SourceColumn} from '../source.js';
import type {Value} from '../values/value.js';
import {compileDelete} from './delete.js';
import type {ChangeReport} from './explain-change.js';
import {compileFileDelete} from './file-delete.js';
import {compileFileInsert} from './file-insert.js';
import {compileFileUpdate} from './file-update.js';
import {ForeignKeys, referencesOf} from './foreign-keys.js';
import {compileInsert} from './insert.js';
import type {Provided} from './row-code.js';
import type {RowOwner} from './row-owner.js';
import type {Schemas} from './schemas.js';
import {ChangeExecution, type Run, type Session} from './session.js';
import {TableProgram} from './table-program.js';
import {RowTrigger, Triggers} from './triggers.js';
import {compileUpdate} from './update.js';
import type {WorkingView} from './working-state.js';
import type {WorkingTable} from './working-table.js';

/** A compiled change, or a query for its own sake, which triggers can have. */
export interface Step {
  /** The columns of the rows that RETURNING gives. */
  readonly returning: readonly Output[];
  /** `outer` has the cells that the statement reads from around it; `or` goes before what the statement says itself. */
  run(run: Run, outer: readonly Cell[], or: ConflictAction | undefined): void;
  /** Begins a run that takes the parameters of many rows; only an INSERT of one row of VALUES has it. */
  readonly many?: (run: Run) => ManyRows;
}

/** A statement that runs for many rows as one. */
export interface ManyRows {
  /** The number of the row that cannot be, from 0, once `add` or `finish` has thrown. */
  readonly row: number;
  /** Runs it with the parameters of one row. */
  add(parameters: readonly Value[]): void;
  /** Must follow the last row. */
  finish(): void;
  /** Counts the rows; must follow whatever happens. */
  count(): void;
}

/** Where a statement stands: alone, or in a trigger, whose rows it sees. */
export interface Place {
  readonly binder: Binder;
  readonly scope: Scope | undefined;
  readonly outer: Provided;
  /** The text that spans are places of. */
  readonly sql: string;
  /** What is to be explained takes note of here. */
  readonly report?: ChangeReport | undefined;
}

export class Compiler {
  private version = -1;
  private readonly programs = new Map<WorkingTable, TableProgram>();
  private readonly triggers = new Map<WorkingTable | WorkingView, Triggers>();
  private readonly keys = new Map<WorkingTable, ForeignKeys>();
  /** Told each column that triggers name while they are compiled. */
  watch: Binder['onColumn'];
  private references: ReturnType<typeof referencesOf> | undefined;

  constructor(
    readonly session: Session,
    readonly schemas: Schemas,
    /** Makes a binder for a statement without parameters. */
    readonly binder: () => Binder,
  ) {}

  /** Returns the compiled form of a statement. */
  step(place: Place, statement: Insert | Update | Delete | Select): Step {
    if (statement.kind === 'select') return this.query(place, statement);
    if (isFiles(statement.kind === 'insert' ? statement.table : statement.table.name))
      return this.ofFiles(place, statement);
    switch (statement.kind) {
      case 'insert':
        return compileInsert(this, place, statement);
      case 'update':
        return compileUpdate(this, place, statement);
      case 'delete':
        return compileDelete(this, place, statement);
    }
  }

  private ofFiles(place: Place, statement: Insert | Update | Delete): Step {
    switch (statement.kind) {
      case 'insert':
        return compileFileInsert(this, place, statement);
      case 'update':
        return compileFileUpdate(this, place, statement);
      case 'delete':
        return compileFileDelete(this, place, statement);
    }
  }

  private query(place: Place, select: Select): Step {
    const rows = this.rows(place, bindSelect(place.binder, new Scope(place.scope), select));
    return {
      returning: [],
      run: (run, outer) => {
        for (const _ of rows(run, outer));
      },
    };
  }

  /** Returns a function that yields the rows of a query in batches. */
  rows(
    place: Place,
    query: Query,
  ): (run: Run, outer: readonly Cell[]) => Generator<readonly (readonly Cell[])[], void, undefined> {
    const {report} = place;
    report?.reads(query);
    const program = compileQuery(query, report?.measures, place.outer);
    return (run, outer) => {
      const execution = new ChangeExecution(run, outer, program.counted.length);
      report?.ran(program, execution);
      return program.run(execution);
    };
  }

  // -------------------------------------------------------------------------------------------------- tables

  /** Returns the table or view that a statement changes. Throws TABLE_UNKNOWN, and SQL_UNSUPPORTED for what cannot be changed. */
  target(place: Place, name: QualifiedName): WorkingTable | WorkingView {
    const found = this.schemas.find(name);
    if (found) return found;
    const {text} = name.name;
    const {catalog} = place.binder;
    if (catalog.findTable(text) !== undefined) {
      throw sqlError('SQL_UNSUPPORTED', `table ${text} may not be modified.`, name, {
        hint: 'It shows what there is: change that instead.',
      });
    }
    throw sqlError(
      'TABLE_UNKNOWN',
      `no such table: ${text}.`,
      name,
      place.binder.suggest(text, catalog.names(), 'See `SELECT name FROM tables`.'),
    );
  }

  program(table: WorkingTable): TableProgram {
    this.refresh();
    let program = this.programs.get(table);
    if (program === undefined) {
      program = new TableProgram(this, table);
      this.programs.set(table, program);
    }
    return program;
  }

  triggersOf(owner: WorkingTable | WorkingView): Triggers {
    this.refresh();
    let triggers = this.triggers.get(owner);
    if (triggers === undefined) {
      const subject = this.ownerOf(owner);
      const all = this.schemas.triggersOf(owner).map(({sql}) => this.trigger(subject, sql, false));
      triggers = new Triggers(all, subject.columns.length);
      this.triggers.set(owner, triggers);
    }
    return triggers;
  }

  /** Returns a trigger that a text defines. */
  trigger(owner: RowOwner, sql: string, recursive: boolean): RowTrigger {
    const syntax = parseStatement(sql);
    if (syntax.kind !== 'createTrigger') throw new TypeError('a trigger that is none');
    return new RowTrigger(this, owner, syntax as CreateTrigger, sql, recursive);
  }

  ownerOf(owner: WorkingTable | WorkingView): RowOwner {
    if (owner.kind === 'view') return {name: owner.name, columns: this.viewColumns(owner), rowid: undefined};
    const {columns, rowid} = owner.source();
    return {name: owner.name, columns, rowid};
  }

  /** Returns the columns of a view. */
  viewColumns(view: WorkingView): readonly SourceColumn[] {
    const at = {from: 0, to: 0};
    const {tables} = bindSource(this.binder(), new Scope(undefined), view.source(), view.name, at, true, undefined);
    return (tables[0]?.columns ?? []).map(({name, type, bound}) => {
      const expr = bound();
      return {name, type, affinity: affinityOfBound(expr), collation: collationOf(expr), notNull: false, hidden: false};
    });
  }

  foreignKeysOf(table: WorkingTable): ForeignKeys {
    this.refresh();
    let keys = this.keys.get(table);
    if (keys === undefined) {
      this.references ??= referencesOf(this.schemas);
      keys = new ForeignKeys(this, table, this.references.get(foldName(table.name)) ?? []);
      this.keys.set(table, keys);
    }
    return keys;
  }

  private refresh(): void {
    const {version} = this.schemas;
    if (this.version === version) return;
    this.version = version;
    this.programs.clear();
    this.triggers.clear();
    this.keys.clear();
    this.references = undefined;
  }
}

/** Returns whether a statement is about the files of the state. */
export function isFiles({schema, name}: QualifiedName): boolean {
  return foldName(name.text) === FILES_TABLE && foldName(schema?.text ?? 'main') === 'main';
}
