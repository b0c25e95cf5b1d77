/**
 * Which slots a plan gives values, and which it reads without giving them. Layer: sql.
 */
import {addSlots, type Bound, childrenOf, type Slot} from './expression.js';
import type {Plan, Query} from './plan.js';

/** Adds the slots that have values above a plan. */
export function addProvidedByPlan(plan: Plan, to: Set<Slot>): Set<Slot> {
  const add = (slots: Iterable<Slot>) => {
    for (const slot of slots) to.add(slot);
    return to;
  };
  switch (plan.op) {
    case 'one':
      return to;
    case 'values':
    case 'set':
    case 'derived':
    case 'queue':
      return add(plan.slots);
    case 'scan':
    case 'rows':
    case 'call':
      return add(plan.slots.values());
    case 'diff':
      add(plan.leftSlots.values());
      return add(plan.rightSlots.values());
    case 'filter':
    case 'sort':
    case 'limit':
    case 'distinct':
      return addProvidedByPlan(plan.input, to);
    case 'nest':
    case 'hash':
      addProvidedByPlan(plan.outer, to);
      return addProvidedByPlan(plan.inner, to);
    case 'aggregate':
      add(plan.bare);
      add(plan.keys.map(key => key.slot));
      return add(plan.aggregates.map(each => each.slot));
    case 'window':
      add(plan.calls.map(call => call.slot));
      return addProvidedByPlan(plan.input, to);
    case 'project':
      add(plan.items.map(item => item.slot));
      return addProvidedByPlan(plan.input, to);
  }
}

/** Returns the operators directly below one, those of queries inside it included. */
export function inputsOf(plan: Plan): readonly Plan[] {
  switch (plan.op) {
    case 'filter':
    case 'sort':
    case 'limit':
    case 'distinct':
    case 'aggregate':
    case 'window':
    case 'project':
      return [plan.input];
    case 'nest':
    case 'hash':
      return [plan.outer, plan.inner];
    case 'set':
      return plan.inputs.map(query => query.plan);
    case 'derived':
      return [plan.shared.query.plan, ...(plan.shared.recursion?.steps.map(step => step.plan) ?? [])];
    default:
      return [];
  }
}

/** Returns the expressions that an operator computes itself. */
export function expressionsOf(plan: Plan): readonly Bound[] {
  const outputs = (query: Query) => query.outputs.map(output => output.expr);
  switch (plan.op) {
    case 'values':
      return plan.items.flat();
    case 'scan':
      return plan.range?.values.map(value => value.expr) ?? [];
    case 'call':
      return plan.args;
    case 'filter':
      return plan.conditions;
    case 'nest':
      return plan.on;
    case 'hash':
      return [...plan.on, ...plan.keys.flatMap(key => [key.outer, key.inner])];
    case 'aggregate':
      return [
        ...plan.keys.map(key => key.expr),
        ...plan.aggregates.flatMap(each => [
          ...each.args,
          ...(each.filter ? [each.filter] : []),
          ...each.orderBy.map(key => key.expr),
        ]),
      ];
    case 'window':
      return plan.calls.flatMap(call => [
        ...call.args,
        ...[call.filter, call.startOffset, call.endOffset].filter(each => each !== undefined),
        ...call.partitionBy.map(each => each.expr),
        ...call.orderBy.map(key => key.expr),
      ]);
    case 'project':
      return plan.items.map(item => item.expr);
    case 'sort':
      return [...plan.keys.map(key => key.expr), ...[plan.limit, plan.offset].filter(each => each !== undefined)];
    case 'limit':
      return [plan.limit, plan.offset].filter(each => each !== undefined);
    case 'set':
      return plan.inputs.flatMap(outputs);
    case 'derived':
      return [...outputs(plan.shared.query), ...(plan.shared.recursion?.steps.flatMap(outputs) ?? [])];
    default:
      return [];
  }
}

/** Returns the slots that a plan reads and does not provide; never empty for one that reads a recursive table's queue. */
export function freeSlots(plan: Plan): ReadonlySet<Slot> {
  const provided = new Set<Slot>();
  const read = new Set<Slot>();
  let queued: Slot | undefined;
  const visit = (each: Plan): void => {
    addProvidedByPlan(each, provided);
    for (const expr of expressionsOf(each)) addSlots(expr, read);
    if (each.op === 'queue') [queued] = each.slots;
    for (const input of inputsOf(each)) visit(input);
  };
  visit(plan);
  const free = new Set<Slot>([...read].filter(slot => !provided.has(slot)));
  if (queued) free.add(queued);
  return free;
}

/** Returns whether a query gives the same rows each time, of the same tables and for the same values from outside. */
export function isSteady({plan, outputs}: Query): boolean {
  const isSame = (expr: Bound): boolean => {
    if (expr.op === 'call' && !expr.function.deterministic) return false;
    if ((expr.op === 'scalar' || expr.op === 'exists' || expr.op === 'inQuery') && !isSteady(expr.subquery.query))
      return false;
    return childrenOf(expr).every(isSame);
  };
  const visit = (each: Plan): boolean =>
    each.op !== 'queue' && expressionsOf(each).every(isSame) && inputsOf(each).every(visit);
  return outputs.every(({expr}) => isSame(expr)) && visit(plan);
}
