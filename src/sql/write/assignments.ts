/**
 * SET clauses: which columns get which values. Layer: sql.
 */
import type {Assignment} from '../ast.js';
import {sqlError} from '../fault.js';
import {bindExpression, bindSubquery} from '../plan/bind-expression.js';
import type {Binder} from '../plan/binder.js';
import type {Bound} from '../plan/expression.js';
import type {Scope} from '../plan/scope.js';
import {columnOf, type RowOwner} from './row-owner.js';

export interface Assigned {
  readonly columns: readonly number[];
  readonly values: readonly Bound[];
}

/** Returns what a SET clause assigns; of several values for one column the last. */
export function bindAssignments(
  binder: Binder,
  scope: Scope,
  owner: RowOwner,
  generated: (column: number) => boolean,
  set: readonly Assignment[],
): Assigned {
  const assigned = new Map<number, Bound>();
  for (const {columns, value, from, to} of set) {
    const values = valuesOf(binder, scope, value, columns.length, {from, to});
    for (const [i, name] of columns.entries()) {
      const column = columnOf(owner, name);
      if (column === undefined) {
        const names = owner.columns.filter(each => !each.hidden).map(each => each.name);
        throw sqlError(
          'COLUMN_UNKNOWN',
          `no such column: ${name.text}.`,
          name,
          binder.suggest(name.text, names, `There are ${names.slice(0, 12).join(', ')}.`),
        );
      }
      binder.onColumn?.(name, owner.name);
      if (generated(column)) {
        throw sqlError('SQL_MISUSE', `cannot UPDATE generated column "${owner.columns[column]?.name}".`, name, {
          hint: 'It is computed.',
        });
      }
      assigned.delete(column);
      assigned.set(column, values[i] as Bound);
    }
  }
  return {columns: [...assigned.keys()], values: [...assigned.values()]};
}

function valuesOf(
  binder: Binder,
  scope: Scope,
  value: Assignment['value'],
  width: number,
  at: {from: number; to: number},
): Bound[] {
  if (width === 1 && value.kind !== 'row') return [bindExpression(binder, scope, value)];
  let values: Bound[];
  if (value.kind === 'row') values = value.items.map(item => bindExpression(binder, scope, item));
  else if (value.kind === 'subquery') {
    const subquery = bindSubquery(binder, scope, value.query);
    values = subquery.query.outputs.map((_, column): Bound => ({op: 'scalar', subquery, column}));
  } else values = [bindExpression(binder, scope, value)];
  if (values.length === width) return values;
  throw sqlError('SQL_MISUSE', `${width} columns assigned ${values.length} values.`, at, {
    hint: 'Give each column one value.',
  });
}
