/**
 * Triggers: compiled when the table's rows are first changed, and fired for each row. Also what foreign keys do to the rows
 * that name a changed one, which are triggers without a name. Layer: sql.
 */
import {DbosError, isDbosError} from '../../errors.js';
import type {Cell} from '../../tree/cell.js';
import type {ConflictAction, CreateTrigger} from '../ast.js';
import {foldName} from '../catalog/names.js';
import type {ScalarFunction} from '../functions/function.js';
import {bindExpression} from '../plan/bind-expression.js';

import {type Bound, NULL} from '../plan/expression.js';
import {Scope} from '../plan/scope.js';
import {isTrue, toText} from '../values/convert.js';
import {ChangeFault, IGNORED} from './change-fault.js';
import type {Compiler, Place, Step} from './compiler.js';
import {compileValues, RowNames, type ValuesProgram} from './row-code.js';
import type {RowOwner} from './row-owner.js';
import {ChangeExecution, type Run} from './session.js';

/** Nested deeper than this, triggers are an error; SQLite's limit is the same. */
const MAX_DEPTH = 1000;

interface Body {
  readonly when: ValuesProgram | undefined;
  readonly steps: readonly Step[];
}

export class RowTrigger {
  private body: Body | undefined;
  private busy = false;

  constructor(
    private readonly compiler: Compiler,
    private readonly owner: RowOwner,
    readonly syntax: CreateTrigger,
    readonly sql: string,
    /** Whether it may fire itself, whatever the setting. */
    readonly recursive: boolean,
  ) {}

  /** Whether it fires for an update of these columns. */
  isFor(set: readonly boolean[]): boolean {
    const {columns} = this.syntax;
    if (columns.length === 0) return true;
    return columns.some(name => {
      const wanted = foldName(name.text);
      const place = this.owner.columns.findIndex(column => foldName(column.name) === wanted);
      return place >= 0 && set[place] === true;
    });
  }

  /** Compiles it, unless that has been done. Throws what compiling its statements throws. */
  prepare(): Body {
    if (this.body) return this.body;
    if (this.busy) return {when: undefined, steps: []};
    this.busy = true;
    try {
      this.body = this.compile();
      return this.body;
    } catch (error) {
      throw withoutPlace(error, this.syntax.name.name.text);
    } finally {
      this.busy = false;
    }
  }

  private compile(): Body {
    const {compiler, owner, syntax, sql} = this;
    const {columns} = owner;
    const binder = compiler.binder();
    binder.onColumn = compiler.watch;
    binder.raise = (action, message) => raised(action, message);
    const scope = new Scope(undefined);
    const fresh = new RowNames('new', owner, true);
    const old = new RowNames('old', owner, true);
    if (syntax.event !== 'delete') scope.tables.push(fresh.table);
    if (syntax.event !== 'insert') scope.tables.push(old.table);
    const outer = [...fresh.provide('X.outer'), ...old.provide('X.outer', columns.length)];
    const when = syntax.when && compileValues([bindExpression(binder, scope, syntax.when)], outer);
    const place: Place = {binder, scope, outer, sql};
    const steps = syntax.body.map(statement => {
      const step = compiler.step(place, statement);
      if (binder.parameterNames.length > 0) throw usesParameters();
      return step;
    });
    return {when, steps};
  }

  fire(run: Run, outer: readonly Cell[], or: ConflictAction | undefined): void {
    const {when, steps} = this.prepare();
    if (when) {
      const [value = null] = when(new ChangeExecution(run, outer), outer, outer);
      if (!isTrue(value)) return;
    }
    for (const step of steps) step.run(run, outer, or);
  }
}

function usesParameters(): DbosError {
  return new DbosError('SQL_MISUSE', 'trigger cannot use variables.', {hint: 'Write the value itself.'});
}

/** The triggers of a table or view. */
export class Triggers {
  readonly beforeInsert: readonly RowTrigger[];
  readonly afterInsert: readonly RowTrigger[];
  readonly beforeUpdate: readonly RowTrigger[];
  readonly afterUpdate: readonly RowTrigger[];
  readonly beforeDelete: readonly RowTrigger[];
  readonly afterDelete: readonly RowTrigger[];
  readonly insteadOf: Readonly<Record<CreateTrigger['event'], readonly RowTrigger[]>>;

  constructor(
    all: readonly RowTrigger[],
    private readonly width: number,
  ) {
    const of = (time: CreateTrigger['time'], event: CreateTrigger['event']) =>
      all.filter(({syntax}) => syntax.time === time && syntax.event === event);
    this.beforeInsert = of('before', 'insert');
    this.afterInsert = of('after', 'insert');
    this.beforeUpdate = of('before', 'update');
    this.afterUpdate = of('after', 'update');
    this.beforeDelete = of('before', 'delete');
    this.afterDelete = of('after', 'delete');
    this.insteadOf = {
      insert: of('instead of', 'insert'),
      update: of('instead of', 'update'),
      delete: of('instead of', 'delete'),
    };
  }

  /** Compiles those of an event. */
  prepare(event: CreateTrigger['event'], set?: readonly boolean[]): void {
    const all = {
      insert: [...this.beforeInsert, ...this.afterInsert],
      update: [...this.beforeUpdate, ...this.afterUpdate],
      delete: [...this.beforeDelete, ...this.afterDelete],
    }[event];
    for (const trigger of [...all, ...this.insteadOf[event]])
      if (set === undefined || trigger.isFor(set)) trigger.prepare();
  }

  /** Returns those that fire for an update of these columns. */
  ofUpdate(triggers: readonly RowTrigger[], set: readonly boolean[]): readonly RowTrigger[] {
    return triggers.length === 0 ? triggers : triggers.filter(trigger => trigger.isFor(set));
  }

  /** Fires triggers for a row; returns false if one of them ended the change of the row. */
  fire(
    run: Run,
    triggers: readonly RowTrigger[],
    row: readonly Cell[] | undefined,
    old: readonly Cell[] | undefined,
    or: ConflictAction | undefined,
  ): boolean {
    const outer = [...(row ?? new Array<Cell>(this.width).fill(null)), ...(old ?? [])];
    try {
      for (const trigger of triggers) fireOne(run, trigger, outer, or);
      return true;
    } catch (error) {
      if (error === IGNORED) return false;
      throw error;
    }
  }
}

function fireOne(run: Run, trigger: RowTrigger, outer: readonly Cell[], or: ConflictAction | undefined): void {
  const {session, active} = run;
  const running = active.has(trigger);
  if (running && !trigger.recursive && !session.recursiveTriggers) return;
  if (run.depth >= MAX_DEPTH) {
    throw new DbosError('SQL_LIMIT', 'too many levels of trigger recursion.', {
      hint: 'Let the trigger end by a WHEN clause.',
    });
  }
  const {changes, lastInsertRowid} = session;
  active.add(trigger);
  run.depth++;
  try {
    trigger.fire(run, outer, or);
  } finally {
    run.depth--;
    if (!running) active.delete(trigger);
    // what triggers do is not seen by changes() and last_insert_rowid() of the statement
    session.changes = changes;
    session.lastInsertRowid = lastInsertRowid;
  }
}

/** Returns what RAISE() means. */
function raised(action: ConflictAction, message: Bound | undefined): Bound {
  const call: ScalarFunction['call'] = (_, text) => {
    if (action === 'ignore') throw IGNORED;
    throw new ChangeFault(
      'CONSTRAINT_FAILED',
      toText(text ?? null) ?? '',
      action === 'replace' ? 'abort' : action,
      undefined,
      'A trigger refused the change.',
    );
  };
  return {
    op: 'call',
    function: {name: 'raise', minArgs: 0, maxArgs: 1, deterministic: false, call},
    args: [message ?? NULL],
    collation: 'binary',
  };
}

/** Returns an error without the place in the text of a trigger, which is not the text that was run. */
function withoutPlace(error: unknown, trigger: string): unknown {
  if (!isDbosError(error) || error instanceof ChangeFault) return error;
  const {from, to, ...data} = error.data;
  return new DbosError(error.code, error.message, {
    ...(error.hint === undefined ? {} : {hint: error.hint}),
    data: {...data, trigger},
    cause: error,
  });
}
