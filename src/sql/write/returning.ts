/**
 * RETURNING: the columns that it gives of each row that a statement changed. Layer: sql.
 */
import type {Cell} from '../../tree/cell.js';
import type {ResultColumn} from '../ast.js';
import {sqlError} from '../fault.js';
import {bindExpression} from '../plan/bind-expression.js';
import type {Output} from '../plan/plan.js';
import {Scope} from '../plan/scope.js';
import type {Place} from './compiler.js';
import {compileValues, RowNames} from './row-code.js';
import type {RowOwner} from './row-owner.js';
import {ChangeExecution, type Run} from './session.js';

export interface Returning {
  readonly outputs: readonly Output[];
  /** Adds what a row gives to what the run returns. */
  readonly add: (run: Run, row: readonly Cell[]) => void;
}

/** Returns what RETURNING means for rows of a table or view, which the statement calls `alias`; undefined without one. */
export function compileReturning(
  place: Place,
  owner: RowOwner,
  alias: string,
  columns: readonly ResultColumn[],
): Returning | undefined {
  if (columns.length === 0) return undefined;
  const names = new RowNames(alias, owner);
  const scope = new Scope(place.scope);
  scope.tables.push(names.table);
  const outputs: Output[] = [];
  for (const column of columns) {
    if (column.kind === 'star') {
      if (column.table) {
        throw sqlError('SQL_MISUSE', 'RETURNING may not use "TABLE.*" wildcards.', column, {
          hint: 'Write `*`, or name the columns.',
        });
      }
      for (const {name, type, hidden, bound} of names.table.columns)
        if (!hidden) outputs.push({name, type, expr: bound()});
      continue;
    }
    const {expr, alias: named, text} = column;
    const bound = bindExpression(place.binder, scope, expr);
    const resolved = expr.kind === 'column' ? scope.resolve(expr.table, expr.name)?.found : undefined;
    outputs.push({name: named?.text ?? resolved?.name ?? text, type: resolved?.type ?? '', expr: bound});
  }
  const program = compileValues(
    outputs.map(({expr}) => expr),
    [...names.provide('row'), ...place.outer],
  );
  const add = (run: Run, row: readonly Cell[]) => {
    run.returned.push(program(new ChangeExecution(run, []), row, row));
  };
  return {outputs, add};
}
