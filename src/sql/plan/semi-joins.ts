/**
 * Conditions that can lead to the rows of a table: IN with a query, and OR whose alternatives each have an index. As joins with
 * the distinct rows of another query they take part in the choice of an order. Layer: sql.
 */
import {costOf, LOOKUP_ROWS, planRange} from './access.js';
import {
  addSlots,
  affinityOfBound,
  type Bound,
  type ComparisonAffinity,
  conjunctsOf,
  isCheap,
  Slot,
  slotOf,
  withSlots,
} from './expression.js';
import type {Relation} from './from.js';
import type {Plan, Query, RangeUse, SharedQuery} from './plan.js';

type Tree = Relation & {readonly kind: 'tree'};

/** A relation that takes the place of a condition, and what joins it with the table that the condition is about. */
export interface SemiJoin {
  readonly relation: Relation;
  readonly on: readonly Bound[];
}

/** Plans the rows of a tree that conditions on it leave. */
type PlanTree = (relation: Tree, conditions: readonly Bound[]) => Plan;

/**
 * Returns the join that a condition on a tree can be instead, if its rows are found faster so than by the other conditions on
 * it, `others`.
 */
export function semiJoin(tree: Tree, condition: Bound, others: readonly Bound[], plan: PlanTree): SemiJoin | undefined {
  if (condition.op === 'inQuery') return byQuery(tree, condition, others);
  if (condition.op === 'or') return byAlternatives(tree, condition, others, plan);
  return undefined;
}

function reads(expr: Bound, slots: ReadonlySet<Slot>): boolean {
  return [...addSlots(expr, new Set())].every(slot => slots.has(slot));
}

/** Returns what it costs to find the rows by these conditions, in rows of a scan. */
function costBy(tree: Tree, conditions: readonly Bound[]): number {
  const own = new Set(tree.slots.values());
  const range = planRange(tree, conditions, slot => !own.has(slot));
  return range === undefined ? tree.source.rows : costOf(range);
}

// ---------------------------------------------------------------------------------------------------- IN

function byQuery(
  tree: Tree,
  {operands, subquery, affinities, collations, negated}: Bound & {readonly op: 'inQuery'},
  others: readonly Bound[],
): SemiJoin | undefined {
  const own = new Set(tree.slots.values());
  const {query, outer} = subquery;
  if (negated || outer.size > 0) return undefined;
  if (!operands.every(operand => operand.op === 'slot' && own.has(operand.slot))) return undefined;
  const {outputs} = query;
  // rows that are distinct must stay so when they are compared
  const taken = outputs.map(({expr}, i): Bound => {
    const to = affinities[i] as ComparisonAffinity;
    return to === 'none' ? expr : {op: 'affinity', operand: expr, to};
  });
  const slots = outputs.map(({name, expr}, i) => {
    const to = affinities[i] as ComparisonAffinity;
    return new Slot(
      name,
      to === 'none' ? affinityOfBound(expr) : to,
      collations[i],
      undefined,
      undefined,
      to !== 'none',
    );
  });
  const items = taken.map((expr, i) => ({slot: slots[i] as Slot, expr}));
  const {rows} = query.plan;
  const plan: Plan = {op: 'distinct', input: {op: 'project', input: query.plan, items, rows}, slots, rows};
  const {relation, columns} = derived(
    'IN',
    plan,
    slots,
    outputs.map(({name}) => name),
  );
  const on = operands.map((left, i) =>
    equality(left, columns[i] as Slot, affinities[i] as ComparisonAffinity, collations[i]),
  );
  const cost = rows * (LOOKUP_ROWS + costBy(tree, [...on, ...others]));
  return cost < costBy(tree, others) ? {relation, on} : undefined;
}

// ---------------------------------------------------------------------------------------------------- OR

function byAlternatives(tree: Tree, or: Bound, others: readonly Bound[], plan: PlanTree): SemiJoin | undefined {
  const {source, slots} = tree;
  const own = new Set(slots.values());
  if (!isCheap(or) || !reads(or, own) || source.key.length === 0) return undefined;
  const most = costBy(tree, [or, ...others]);
  const shared = others.filter(each => isCheap(each) && reads(each, own));
  const inputs: Query[] = [];
  let cost = 0;
  let rows = 0;
  for (const alternative of alternativesOf(or)) {
    // each arm reads the table by itself
    const arm: Tree = {...tree, slots: new Map([...slots].map(([column, slot]) => [column, alike(slot)]))};
    const keys = source.key.map(column => slotAt(arm, column));
    const renamed = new Map([...slots].map(([column, slot]) => [slot, arm.slots.get(column) as Slot]));
    const conditions = [...conjunctsOf(alternative), ...shared].map(each =>
      withSlots(each, slot => slotOf(renamed.get(slot) as Slot)),
    );
    const read: Tree = {...arm, bindIndex: index => tree.bindIndex(index, arm.slots)};
    const range = rangeOf(read, conditions);
    if (range === undefined) return undefined;
    cost += costOf(range);
    rows += range.plan.rows;
    if (cost + rows * LOOKUP_ROWS >= most) return undefined;
    inputs.push({
      plan: plan(read, conditions),
      outputs: keys.map(slot => ({name: slot.name, expr: slotOf(slot), type: ''})),
    });
  }
  const keys = source.key.map(column => slotAt(tree, column));
  const united = keys.map(slot => alike(slot));
  const {relation, columns} = derived(
    'OR',
    {op: 'set', operator: 'union', inputs, slots: united, rows},
    united,
    source.key.map(column => source.columns[column]?.name ?? ''),
  );
  const on = keys.map((slot, i) => equality(slotOf(slot), columns[i] as Slot, 'none', slot.collation));
  return {relation, on};
}

/** Only what conditions of the arm name is read there. */
function rangeOf(tree: Tree, conditions: readonly Bound[]): RangeUse | undefined {
  return planRange(tree, conditions, () => false);
}

function alternativesOf(or: Bound): Bound[] {
  const found: Bound[] = [];
  const pending = [or];
  for (let next = pending.pop(); next; next = pending.pop()) {
    if (next.op === 'or') pending.push(next.right, next.left);
    else found.push(next);
  }
  return found;
}

// ---------------------------------------------------------------------------------------------------- relations

/** Returns the slot of a column, made if nobody has named it. */
function slotAt({source, slots, alias}: Tree, column: number): Slot {
  let slot = slots.get(column);
  if (slot === undefined) {
    const {name, affinity, collation} = source.columns[column] as (typeof source.columns)[number];
    slot = new Slot(`${alias}.${name}`, affinity, collation, undefined, undefined, true);
    slots.set(column, slot);
  }
  return slot;
}

function alike({name, affinity, collation, type, json, conforms}: Slot, called = name): Slot {
  return new Slot(called, affinity, collation, type, json, conforms);
}

function derived(
  alias: string,
  plan: Plan,
  slots: readonly Slot[],
  names: readonly string[],
): {relation: Relation; columns: readonly Slot[]} {
  const outputs = slots.map(slot => ({name: slot.name, expr: slotOf(slot), type: ''}));
  const shared: SharedQuery = {
    name: alias,
    query: {plan, outputs},
    uses: 1,
    outer: new Set(),
    recursion: undefined,
    materialized: undefined,
  };
  const columns = slots.map((slot, i) => alike(slot, `${alias}.${names[i]}`));
  return {relation: {kind: 'derived', alias, shared, slots: columns}, columns};
}

function equality(left: Bound, right: Slot, affinity: ComparisonAffinity, collation: Slot['collation']): Bound {
  return {op: 'compare', name: '=', left, right: slotOf(right), affinity, collation: collation ?? 'binary'};
}
