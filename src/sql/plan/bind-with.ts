/**
 * Binds WITH: common tables, recursive ones too. A common table is bound when it is first named. Layer: sql.
 */
import {sqlError} from '../fault.js';
import {bindArm, bindSelect, combine} from './bind-select.js';
import type {Binder} from './binder.js';
import {declareCommonTables, names} from './common-tables.js';
import {armsOf} from './compound-arms.js';
import {affinityOfBound, type Bound, collationOf, outerCollation, Slot, slotOf, sortKey} from './expression.js';
import type {Query, Recursion, SharedQuery} from './plan.js';
import {type CommonTableEntry, fold, Scope} from './scope.js';

/** Returns the query of a common table, bound once for all who name it. */
export function bindCommonTable(binder: Binder, entry: CommonTableEntry): SharedQuery {
  if (entry.shared) return entry.shared;
  entry.busy = true;
  try {
    entry.shared = entry.recursive ? bindRecursive(binder, entry) : bindPlain(binder, entry);
  } finally {
    entry.busy = false;
  }
  return entry.shared;
}

function bindPlain(binder: Binder, entry: CommonTableEntry): SharedQuery {
  const around = new Scope(entry.scope);
  const query = bindSelect(binder, around, entry.query);
  const {name, materialized} = entry;
  return {name, query, uses: 0, outer: around.outer, recursion: undefined, materialized};
}

function bindRecursive(binder: Binder, entry: CommonTableEntry): SharedQuery {
  const {query: select} = entry;
  const around = new Scope(entry.scope);
  const scope = new Scope(around);
  declareCommonTables(binder, scope, select.with, select);
  const own = fold(entry.name);
  const arms = armsOf(select.body);
  const first = arms.findIndex((arm, index) => index > 0 && names(arm, own));
  const initialArms = arms.slice(0, first);
  const stepArms = arms.slice(first);
  if (initialArms.some(arm => names(arm, own))) throw circular(entry);
  const operators = new Set(stepArms.map(arm => arm.operator));
  if (operators.has('intersect') || operators.has('except')) throw circular(entry);
  const bound = initialArms.map(arm => ({
    operator: arm.operator,
    query: bindArm(binder, scope, arm.body).query,
    at: arm.body,
  }));
  const combined = combine(bound);
  const columns = combined.outputs.map(({name}, index) => entry.columns[index]?.text ?? name);
  if (entry.columns.length > 0 && entry.columns.length !== combined.outputs.length) {
    throw sqlError(
      'SQL_MISUSE',
      `table ${entry.name} has ${combined.outputs.length} values for ${entry.columns.length} columns.`,
      entry.columns[0],
      {
        hint: 'Give as many names as the query has columns.',
      },
    );
  }
  const recursion: Recursion = {
    name: entry.name,
    unique: operators.has('union'),
    collations: combined.outputs.map(({expr}) => collationOf(expr)),
    orderBy: [],
    limit: undefined,
    offset: undefined,
    steps: [],
  };
  entry.queue = alias => {
    const slots = combined.outputs.map(
      (output, index) => new Slot(columns[index] as string, affinityOfBound(output.expr), outerCollation(output)),
    );
    const visible = slots.map((slot, index) => ({
      name: columns[index] as string,
      hidden: false,
      type: combined.outputs[index]?.type ?? '',
      bound: () => slotOf(slot),
    }));
    return {table: {alias, columns: visible, rowid: undefined}, plan: {op: 'queue', recursion, slots, rows: 1}};
  };
  const steps: Query[] = [];
  try {
    for (const arm of stepArms) {
      const {query, core} = bindArm(binder, scope, arm.body);
      if (core && (core.gathered.aggregates.length > 0 || core.keys.length > 0)) {
        throw sqlError('SQL_MISUSE', 'recursive aggregate queries not supported.', arm.body, {
          hint: 'Aggregate the finished table in the query that reads it.',
        });
      }
      if (query.outputs.length !== combined.outputs.length) {
        throw sqlError(
          'SQL_MISUSE',
          `SELECTs to the left and right of ${arm.operator.toUpperCase()} do not have the same number of result columns.`,
          arm.body,
          {hint: `The left one has ${combined.outputs.length}, this one ${query.outputs.length}.`},
        );
      }
      steps.push(query);
    }
  } finally {
    entry.queue = undefined;
  }
  recursion.steps = steps;
  const outside = new Scope(scope.parent);
  recursion.limit = select.limit && binder.expression(outside, select.limit);
  recursion.offset = select.offset && binder.expression(outside, select.offset);
  recursion.orderBy = select.orderBy.map(term => {
    const expr = term.expr.kind === 'collate' ? term.expr.operand : term.expr;
    let column = -1;
    if (expr.kind === 'literal' && typeof expr.value === 'number') column = expr.value - 1;
    else if (expr.kind === 'column') column = columns.findIndex(name => fold(name) === fold(expr.name.text));
    const output = combined.outputs[column];
    if (output === undefined) {
      throw sqlError('SQL_MISUSE', '1st ORDER BY term does not match any column in the result set.', expr, {
        hint: 'A recursive table is ordered by its columns: by name or by number.',
      });
    }
    const key: Bound =
      term.expr.kind === 'collate'
        ? {op: 'collate', operand: output.expr, collation: binder.collation(term.expr.collation)}
        : output.expr;
    const {descending, nullsFirst, collation} = sortKey(key, term);
    return {column, descending, nullsFirst, collation};
  });
  for (const slot of outside.outer) around.outer.add(slot);
  const query = {
    plan: combined.plan,
    outputs: combined.outputs.map((output, index) => ({...output, name: columns[index] as string})),
  };
  return {name: entry.name, query, uses: 0, outer: around.outer, recursion, materialized: true};
}

function circular(entry: CommonTableEntry) {
  return sqlError('SQL_MISUSE', `circular reference: ${entry.name}.`, entry.query, {
    hint: 'A recursive table is a first SELECT, then UNION or UNION ALL, then SELECTs that read it.',
  });
}
