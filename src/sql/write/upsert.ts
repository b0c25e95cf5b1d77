/**
 * Upserts: which constraint each ON CONFLICT clause is about, and what it makes of the row that is in the way. Layer: sql.
 */
import type {Cell} from '../../tree/cell.js';
import type {Expr, IndexedColumn, Insert, Upsert} from '../ast.js';
import {foldName} from '../catalog/names.js';
import {sqlError} from '../fault.js';
import {bindExpression} from '../plan/bind-expression.js';
import {Scope} from '../plan/scope.js';
import {isTrue} from '../values/convert.js';
import {bindAssignments} from './assignments.js';
import type {Compiler, Place} from './compiler.js';
import {compileValues, RowNames} from './row-code.js';
import {columnOf, type RowOwner} from './row-owner.js';
import {ChangeExecution, type Run} from './session.js';
import type {ConflictRule, TableProgram, Unique} from './table-program.js';

/** What the ON CONFLICT clauses of an INSERT say. */
export interface Upserts {
  /** Returns the rules of one run. */
  readonly rules: (run: Run, outer: readonly Cell[]) => readonly ConflictRule[];
  /** Whether a clause says what happens where this constraint is in the way. */
  readonly ruled: (unique: Unique) => boolean;
  /** Whether an update can concern other rows: one about a rowid that is made, and so never taken, does not. */
  readonly reaches: (rowidGiven: boolean) => boolean;
}

interface RuleMaker {
  /** Undefined for any. */
  readonly unique: Unique | undefined;
  readonly make: (run: Run, outer: readonly Cell[]) => ConflictRule;
  readonly reaches: boolean;
}

/** Returns what an INSERT does about conflicts; undefined without ON CONFLICT clauses. */
export function compileUpserts(
  compiler: Compiler,
  place: Place,
  statement: Insert,
  program: TableProgram,
): Upserts | undefined {
  if (statement.upserts.length === 0) return undefined;
  const makers = statement.upserts.map(upsert => ruleMaker(compiler, place, statement, upsert, program));
  return {
    rules: (run, outer) => makers.map(({make}) => make(run, outer)),
    ruled: unique => makers.some(maker => maker.unique === undefined || maker.unique === unique),
    reaches: rowidGiven => {
      const made = (unique: Unique | undefined) => {
        return !rowidGiven && program.rowid !== undefined && unique !== undefined && unique.index === undefined;
      };
      return makers.some(({unique, reaches}) => reaches && !made(unique));
    },
  };
}

function ruleMaker(
  compiler: Compiler,
  place: Place,
  statement: Insert,
  upsert: Upsert,
  program: TableProgram,
): RuleMaker {
  const {definition, columns, rowid} = program;
  const owner: RowOwner = {name: definition.name, columns, rowid};
  const unique = upsert.target.length === 0 ? undefined : uniqueOf(upsert, owner, program);
  for (const {expr} of upsert.target) if (expr.kind === 'column') place.binder.onColumn?.(expr.name, owner.name);
  if (upsert.set === undefined) return {unique, make: () => ({unique, update: undefined}), reaches: false};
  const target = new RowNames(statement.alias?.text ?? definition.name, owner);
  const excluded = new RowNames('excluded', owner, true);
  const scope = new Scope(place.scope);
  scope.tables.push(target.table, excluded.table);
  const generated = (column: number) => definition.columns[column]?.generated !== undefined;
  const assigned = bindAssignments(place.binder, scope, owner, generated, upsert.set);
  const provided = [...target.provide('row'), ...excluded.provide('other'), ...place.outer];
  const condition = upsert.where && compileValues([bindExpression(place.binder, scope, upsert.where)], provided);
  const values = compileValues(assigned.values, provided);
  const set = columns.map((_, column) => assigned.columns.includes(column));
  program.triggers.prepare('update', set);
  if (compiler.session.foreignKeys) program.foreignKeys.prepare(compiler.session, 'update', set);
  const make: RuleMaker['make'] = (run, outer) => {
    const whether = new ChangeExecution(run, outer);
    const compute = new ChangeExecution(run, outer);
    const update = (current: Run, existing: Cell[], row: readonly Cell[]) => {
      if (condition && !isTrue(condition(whether, existing, row)[0] ?? null)) return undefined;
      const given = values(compute, existing, row);
      const after = existing.slice();
      for (const [i, column] of assigned.columns.entries()) after[column] = given[i] as Cell;
      return program.update(current, existing, after, set, 'abort');
    };
    return {unique, update};
  };
  return {unique, make, reaches: program.reaches(set)};
}

function uniqueOf(upsert: Upsert, owner: RowOwner, program: TableProgram): Unique {
  const targets = upsert.target;
  for (const unique of program.uniques) if (matches(unique, upsert, targets, owner)) return unique;
  throw sqlError(
    'SQL_MISUSE',
    'ON CONFLICT clause does not match any PRIMARY KEY or UNIQUE constraint.',
    targets[0] ?? upsert,
    {
      hint: 'Name the columns of the key, or of one unique index.',
    },
  );
}

function matches(
  {index, columns}: Unique,
  upsert: Upsert,
  targets: readonly IndexedColumn[],
  owner: RowOwner,
): boolean {
  const named = targets.map(({expr}) =>
    expr.kind === 'column' && expr.table === undefined ? columnOf(owner, expr.name) : undefined,
  );
  if (index === undefined) return columns?.length === targets.length && columns.every(column => named.includes(column));
  const {terms, where} = index.definition;
  if (terms.length !== targets.length) return false;
  if (where && !(upsert.targetWhere && sameExpr(where, upsert.targetWhere))) return false;
  return terms.every(term =>
    term.column === undefined ? targets.some(({expr}) => sameExpr(expr, term.expr)) : named.includes(term.column),
  );
}

/** Returns whether two expressions are written alike, but for spaces and the case of names. */
function sameExpr(a: Expr, b: Expr): boolean {
  const signature = (expr: Expr) =>
    JSON.stringify(expr, (key, value: unknown) => {
      if (key === 'from' || key === 'to' || key === 'quoted') return undefined;
      if (key === 'text' && typeof value === 'string') return foldName(value);
      return typeof value === 'bigint' ? `${value}n` : value;
    });
  return signature(a) === signature(b);
}
