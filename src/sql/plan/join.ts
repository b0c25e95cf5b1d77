/**
 * Plans FROM and WHERE: pushes conditions down to where their tables are read, chooses the order of inner joins by the rows
 * that they leave, and for each join a key lookup, a hash table, or a walk over what differs. Layer: sql.
 */
import {DbosError} from '../../errors.js';
import {costOf, LOOKUP_ROWS, planRange} from './access.js';
import {addSlots, type Bound, childrenOf, type Slot} from './expression.js';
import {addNeeded, addProvided, type FromNode, type Relation} from './from.js';
import type {HashKey, Plan} from './plan.js';
import {semiJoin} from './semi-joins.js';
import {planVersions} from './versions.js';

/** One row without columns. */
const ONE: Plan = {op: 'one', rows: 1};

type Known = ReadonlySet<Slot>;

/** Which relation is read first, and how much of it: for the first rows of an order. */
export interface Lead {
  /** Any, if it is undefined. */
  readonly first: Relation | undefined;
  /** This part of its rows leads to as many rows as are wanted. */
  readonly part: number;
}

/** Returns the plan of a FROM clause with its WHERE conditions. */
export function planFrom(from: FromNode, where: readonly Bound[], lead?: Lead): Plan {
  const own = addProvided(from, new Set());
  // slots from outside the query are known wherever they stand
  const outside = (slot: Slot) => !own.has(slot);
  return planNode(from, where, new Set(), outside, lead);
}

function planNode(
  node: FromNode,
  conditions: readonly Bound[],
  known: Known,
  outside: (slot: Slot) => boolean,
  lead?: Lead,
): Plan {
  if (node.kind === 'relation') return planInner([node], conditions, known, outside, lead);
  if (node.kind === 'inner') return planInner(node.nodes, [...node.on, ...conditions], known, outside, lead);
  return planOuter(node, conditions, known, outside, lead);
}

/** Returns what reading all rows of a plan costs, in rows of a scan. */
export function workOf(plan: Plan): number {
  switch (plan.op) {
    case 'scan':
      return plan.range ? Math.min(costOf(plan.range), plan.source.rows * LOOKUP_ROWS) : plan.rows;
    case 'filter':
    case 'limit':
    case 'distinct':
    case 'aggregate':
    case 'window':
    case 'project':
      return workOf(plan.input);
    case 'sort':
      return workOf(plan.input) + plan.rows;
    case 'nest':
      return workOf(plan.outer) + plan.outer.rows * (LOOKUP_ROWS + rangeCost(plan.inner));
    case 'hash':
      return workOf(plan.outer) + workOf(plan.inner) * 2 + plan.rows;
    case 'derived':
      return workOf(plan.shared.query.plan);
    case 'set':
      return plan.inputs.reduce((sum, {plan: input}) => sum + workOf(input), 0);
    default:
      return plan.rows;
  }
}

function slotsOf(expr: Bound): Set<Slot> {
  return addSlots(expr, new Set());
}

function filtered(plan: Plan, conditions: readonly Bound[]): Plan {
  if (conditions.length === 0) return plan;
  const holding = rangeOf(plan)?.holding ?? [];
  const rows = conditions.reduce((sum, each) => (holding.includes(each) ? sum : sum * selectivity(each)), plan.rows);
  return {op: 'filter', input: plan, conditions, rows: Math.max(1, rows)};
}

function selectivity(condition: Bound): number {
  switch (condition.op) {
    case 'compare':
      return condition.name === '=' || condition.name === 'is'
        ? 0.1
        : condition.name === '<>' || condition.name === 'is not'
          ? 0.9
          : 0.33;
    case 'match':
      return 0.2;
    case 'isNull':
      return condition.negated ? 0.9 : 0.1;
    case 'inList':
      return condition.negated ? 0.9 : Math.min(0.5, 0.1 * condition.items.length);
    case 'or':
      return Math.min(1, selectivity(condition.left) + selectivity(condition.right));
    default:
      return 0.5;
  }
}

// ---------------------------------------------------------------------------------------------------- inner joins

interface Unit {
  readonly node: FromNode;
  readonly provides: ReadonlySet<Slot>;
  readonly needs: ReadonlySet<Slot>;
}

/** Takes inner joins of inner joins apart. */
function flatten(joined: readonly FromNode[], nodes: FromNode[], conditions: Bound[]): void {
  for (const node of joined) {
    if (node.kind === 'inner') {
      conditions.push(...node.on);
      flatten(node.nodes, nodes, conditions);
    } else nodes.push(node);
  }
}

function planInner(
  joined: readonly FromNode[],
  given: readonly Bound[],
  known: Known,
  around: (slot: Slot) => boolean,
  lead?: Lead,
): Plan {
  const nodes: FromNode[] = [];
  const conditions = [...given];
  flatten(joined, nodes, conditions);
  const {pending, joining} = withSemiJoins(nodes, conditions, slot => known.has(slot) || around(slot));
  const bound = new Set(known);
  const outside = (slot: Slot) => around(slot) && !joining.has(slot);
  const isKnown = (slot: Slot) => bound.has(slot) || outside(slot);
  const units = new Set<Unit>(
    nodes.map(node => ({node, provides: addProvided(node, new Set()), needs: addNeeded(node, new Set())})),
  );
  const take = (slots: ReadonlySet<Slot>) => {
    const taken: Bound[] = [];
    for (const condition of pending) {
      if ([...slotsOf(condition)].every(slot => slots.has(slot) || isKnown(slot))) {
        taken.push(condition);
        pending.delete(condition);
      }
    }
    return taken;
  };
  let plan: Plan | undefined;
  const constant = take(new Set());
  const relations = new Map<Relation, Unit>();
  for (const unit of units) if (unit.node.kind === 'relation') relations.set(unit.node.relation, unit);
  const versions = lead?.first ? undefined : planVersions([...relations.keys()], pending);
  if (versions) {
    for (const relation of versions.pair) {
      const unit = relations.get(relation) as Unit;
      units.delete(unit);
      for (const slot of unit.provides) bound.add(slot);
    }
    plan = filtered(versions.plan, take(new Set()));
  }
  while (units.size > 0) {
    const ready = [...units].filter(unit => [...unit.needs].every(isKnown));
    if (ready.length === 0) {
      throw new DbosError('SQL_MISUSE', 'no query solution.', {
        hint: 'The arguments of a table function must come from other tables, and not in a circle.',
      });
    }
    const {first} = lead ?? {};
    const led = plan === undefined && first ? ready.find(({node}) => leads(node, first)) : undefined;
    const unit = led ?? cheapest(ready, plan, pending, isKnown);
    units.delete(unit);
    const usable = [...pending].filter(each =>
      [...slotsOf(each)].every(slot => unit.provides.has(slot) || isKnown(slot)),
    );
    plan =
      plan === undefined
        ? firstUnit(unit, usable, bound, outside, lead)
        : joinUnit(plan, unit, usable, bound, outside, lead !== undefined);
    for (const slot of unit.provides) bound.add(slot);
    const rest = take(new Set());
    if (plan.op !== 'filter' || rest.length > 0) plan = filteredOnce(plan, rest);
  }
  if (pending.size > 0) {
    throw refersToRight();
  }
  const guard = filtered(ONE, constant);
  if (plan === undefined || constant.length === 0) return plan ?? guard;
  // conditions that read no row of it are checked before anything is read
  return {op: 'nest', outer: guard, inner: plan, left: false, slots: [], on: [], rows: plan.rows};
}

/**
 * Puts joins in the place of conditions that lead to rows faster so. Returns the conditions that are left, and the slots that
 * the joins read, which nobody has named before.
 */
function withSemiJoins(nodes: FromNode[], conditions: readonly Bound[], isKnown: (slot: Slot) => boolean) {
  const pending = new Set(conditions);
  const joining = new Set<Slot>();
  const plan = (relation: Relation, own: readonly Bound[]) => filtered(planRelation(relation, own, isKnown), own);
  for (const condition of conditions) {
    if (condition.op !== 'inQuery' && condition.op !== 'or') continue;
    const read = slotsOf(condition);
    for (const node of nodes) {
      if (node.kind !== 'relation' || node.relation.kind !== 'tree') continue;
      const own = new Set(node.relation.slots.values());
      if (![...read].some(slot => own.has(slot))) continue;
      const isLocal = (slot: Slot) => own.has(slot) || (isKnown(slot) && !joining.has(slot));
      const others = [...pending].filter(each => each !== condition && [...slotsOf(each)].every(isLocal));
      const join = semiJoin(node.relation, condition, others, plan);
      if (join === undefined) break;
      pending.delete(condition);
      for (const each of join.on) {
        pending.add(each);
        for (const slot of slotsOf(each)) if (!own.has(slot)) joining.add(slot);
      }
      nodes.push({kind: 'relation', relation: join.relation});
      break;
    }
  }
  return {pending, joining};
}

function refersToRight(): DbosError {
  return new DbosError('SQL_MISUSE', 'ON clause references tables to its right.', {hint: 'Join those tables first.'});
}

/** Conditions that a plan has checked at its leaves are not checked again. */
function filteredOnce(plan: Plan, conditions: readonly Bound[]): Plan {
  const done = checkedBy(plan);
  return filtered(
    plan,
    conditions.filter(each => !done.has(each)),
  );
}

function checkedBy(plan: Plan): ReadonlySet<Bound> {
  const done = new Set<Bound>();
  const visit = (each: Plan): void => {
    if (each.op === 'filter') {
      for (const condition of each.conditions) done.add(condition);
      visit(each.input);
    } else if (each.op === 'nest' && !each.left) {
      visit(each.outer);
      visit(each.inner);
    } else if (each.op === 'hash' && !each.left && !each.right) {
      for (const condition of each.on) done.add(condition);
      for (const {condition} of each.keys) done.add(condition);
      visit(each.outer);
      visit(each.inner);
    }
  };
  visit(plan);
  return done;
}

/**
 * Plans the unit that is read first. In a query inside an expression, which runs again and again, rows that are found by an
 * equality with a slot from outside come from a hash table, which is made once, unless a key leads to them.
 */
function firstUnit(
  unit: Unit,
  conditions: readonly Bound[],
  known: Known,
  outside: (slot: Slot) => boolean,
  lead: Lead | undefined,
): Plan {
  const plan = planUnit(unit, conditions, known, outside, lead);
  if (lead) return unit.node.kind === 'relation' ? {...plan, rows: Math.max(1, plan.rows * lead.part)} : plan;
  const keys = hashKeysOf(conditions, unit.provides, outside, () => false);
  if (keys.length === 0 || rangeOf(plan) !== undefined || unit.needs.size > 0) return plan;
  const free = (each: Bound) => [...slotsOf(each)].every(slot => unit.provides.has(slot));
  const inner = planUnit(unit, conditions.filter(free), new Set(), () => false);
  const on = conditions.filter(each => !free(each) && !keys.some(key => key.condition === each));
  return hashJoin(ONE, inner, keys, on, Math.max(1, inner.rows / 10));
}

function isLocal(condition: Bound, unit: Unit, outside: (slot: Slot) => boolean): boolean {
  return [...slotsOf(condition)].every(slot => unit.provides.has(slot) || outside(slot));
}

/** Returns whether the rows of a node come in the order of those of a relation, if it is read first. */
function leads(node: FromNode, first: Relation): boolean {
  if (node.kind === 'relation') return node.relation === first;
  return node.kind === 'inner'
    ? node.nodes.some(each => leads(each, first))
    : node.type === 'left' && leads(node.left, first);
}

/** Plans one unit by itself, with the conditions that need nothing else. */
function planUnit(
  unit: Unit,
  conditions: readonly Bound[],
  known: Known,
  outside: (slot: Slot) => boolean,
  lead?: Lead,
): Plan {
  const local = conditions.filter(each =>
    [...slotsOf(each)].every(slot => unit.provides.has(slot) || known.has(slot) || outside(slot)),
  );
  if (unit.node.kind !== 'relation') return planNode(unit.node, local, known, outside, lead);
  const plan = planRelation(unit.node.relation, local, slot => known.has(slot) || outside(slot));
  return filtered(plan, local);
}

function planRelation(relation: Relation, conditions: readonly Bound[], known: (slot: Slot) => boolean): Plan {
  const {alias} = relation;
  switch (relation.kind) {
    case 'tree': {
      const {source, slots, bindIndex} = relation;
      const range = planRange(relation, conditions, known);
      const rows = Math.max(1, Math.min(source.rows, range?.plan.rows ?? source.rows));
      return {op: 'scan', source, slots, range, bindIndex, reverse: false, alias, rows};
    }
    case 'rows':
      return {op: 'rows', source: relation.source, slots: relation.slots, alias, rows: relation.source.rows};
    case 'call':
      return {
        op: 'call',
        function: relation.function,
        args: relation.args,
        slots: relation.slots,
        alias,
        rows: relation.function.rows,
      };
    case 'derived': {
      const {slots} = relation;
      const narrowed = relation.shared.narrow?.(conditions, slots);
      const shared = narrowed ? {...relation.shared, query: narrowed} : relation.shared;
      return {
        op: 'derived',
        shared,
        slots,
        alias,
        rows: shared.recursion ? shared.query.plan.rows * 10 : shared.query.plan.rows,
      };
    }
    case 'queue':
      return relation.plan;
  }
}

/** Returns the unit that leaves the fewest rows when it is joined next; the first of those that are alike. */
function cheapest(
  units: readonly Unit[],
  plan: Plan | undefined,
  pending: ReadonlySet<Bound>,
  isKnown: (slot: Slot) => boolean,
): Unit {
  let best: Unit | undefined;
  let least = Number.POSITIVE_INFINITY;
  for (const unit of units) {
    let rows = rowsOfNode(unit.node);
    let lookup = Number.POSITIVE_INFINITY;
    let joined = false;
    const usable = [...pending].filter(each =>
      [...slotsOf(each)].every(slot => unit.provides.has(slot) || isKnown(slot)),
    );
    if (unit.node.kind === 'relation' && unit.node.relation.kind === 'tree') {
      lookup = planRange(unit.node.relation, usable, isKnown)?.plan.rows ?? lookup;
    }
    for (const condition of usable) {
      const reads = slotsOf(condition);
      const other = plan !== undefined && [...reads].some(slot => !unit.provides.has(slot) && isKnown(slot));
      if (other && condition.op === 'compare' && condition.name === '=') {
        // as many matches as if the column had as many values as there are rows
        if (!joined) rows = Math.max(1, rows / Math.max(1, Math.min(rows, 1e4)));
        joined = true;
      } else rows *= selectivity(condition);
    }
    const cost = Math.min(rows, lookup);
    if (cost < least) {
      least = cost;
      best = unit;
    }
  }
  return best as Unit;
}

function rowsOfNode(node: FromNode): number {
  if (node.kind === 'relation') return planRelation(node.relation, [], () => false).rows;
  if (node.kind === 'inner') return node.nodes.reduce((product, each) => product * rowsOfNode(each), 1);
  return rowsOfNode(node.left);
}

function joinUnit(
  plan: Plan,
  unit: Unit,
  conditions: readonly Bound[],
  bound: Known,
  outside: (slot: Slot) => boolean,
  inOrder: boolean,
): Plan {
  const local = conditions.filter(each => isLocal(each, unit, outside));
  const keys = hashKeysOf(conditions, unit.provides, slot => bound.has(slot) || outside(slot), outside);
  const lateral = [...unit.needs].some(slot => !outside(slot));
  const lookup = planUnit(unit, conditions, bound, outside);
  const inner = lateral ? lookup : planUnit(unit, local, new Set(), outside);
  const byKey = rangeOf(lookup) !== undefined && usesOuter(lookup, bound);
  const matches = keys.length > 0 ? Math.max(1, inner.rows / Math.max(1, Math.min(inner.rows, 1e4))) : inner.rows;
  const nested = plan.rows * (LOOKUP_ROWS + rangeCost(lookup));
  const rows = Math.max(1, plan.rows * matches);
  if (lateral || (byKey && nested < hashCost(plan, inner, keys))) {
    return {
      op: 'nest',
      outer: plan,
      inner: lookup,
      left: false,
      slots: [],
      on: [],
      rows: Math.max(1, plan.rows * lookup.rows),
    };
  }
  const on = conditions.filter(each => !local.includes(each) && !keys.some(key => key.condition === each));
  if (!inOrder && inner.rows > plan.rows * 2 && keys.length > 0) {
    const swapped = keys.map(key => ({...key, outer: key.inner, inner: key.outer}));
    return hashJoin(inner, plan, swapped, on, rows);
  }
  return hashJoin(plan, inner, keys, on, rows);
}

/** Returns what a join by a hash table costs, in rows of a scan: without keys every row meets every other. */
function hashCost(outer: Plan, inner: Plan, keys: readonly HashKey[]): number {
  return keys.length > 0 ? outer.rows + inner.rows * 2 : outer.rows * inner.rows;
}

function hashJoin(outer: Plan, inner: Plan, keys: readonly HashKey[], on: readonly Bound[], rows: number): Plan {
  return {op: 'hash', outer, inner, keys, left: false, right: false, on, innerSlots: [], outerSlots: [], rows};
}

function rangeOf(plan: Plan) {
  const scan = plan.op === 'filter' ? plan.input : plan;
  return scan.op === 'scan' ? scan.range : undefined;
}

function rangeCost(plan: Plan): number {
  const range = rangeOf(plan);
  return range === undefined ? 0 : costOf(range);
}

function usesOuter(plan: Plan, bound: Known): boolean {
  return rangeOf(plan)?.values.some(({expr}) => [...slotsOf(expr)].some(slot => bound.has(slot))) ?? false;
}

/** Returns the equalities that can be keys of a hash table over the rows of a unit. */
function hashKeysOf(
  conditions: readonly Bound[],
  provides: ReadonlySet<Slot>,
  known: (slot: Slot) => boolean,
  outside: (slot: Slot) => boolean,
): HashKey[] {
  const keys: HashKey[] = [];
  for (const condition of conditions) {
    if (condition.op !== 'compare' || condition.name !== '=') continue;
    const {left, right, affinity, collation} = condition;
    for (const [inner, outer] of [
      [left, right],
      [right, left],
    ] as const) {
      const innerSlots = [...slotsOf(inner)];
      const outerSlots = [...slotsOf(outer)];
      const isInner =
        innerSlots.some(slot => provides.has(slot)) && innerSlots.every(slot => provides.has(slot) || outside(slot));
      if (!isInner || !outerSlots.every(slot => !provides.has(slot) && known(slot))) continue;
      if (!outerSlots.some(slot => !outside(slot))) continue;
      keys.push({outer, inner, affinity, collation, condition});
      break;
    }
  }
  return keys;
}

// ---------------------------------------------------------------------------------------------------- outer joins

function planOuter(
  node: FromNode & {readonly kind: 'outer'},
  conditions: readonly Bound[],
  known: Known,
  outside: (slot: Slot) => boolean,
  lead?: Lead,
): Plan {
  const leftSlots = addProvided(node.left, new Set());
  const rightSlots = addProvided(node.right, new Set());
  if (conditions.some(each => rejectsNull(each, rightSlots)) && node.type === 'left') {
    // a WHERE that no row without a match can pass makes it an inner join
    return planInner([node.left, node.right], [...node.on, ...conditions], known, outside, lead);
  }
  const isKnown = (slot: Slot) => known.has(slot) || outside(slot);
  const within = (expr: Bound, slots: ReadonlySet<Slot>) =>
    [...slotsOf(expr)].every(slot => slots.has(slot) || isKnown(slot));
  const pushed = node.type === 'left' ? conditions.filter(each => within(each, leftSlots)) : [];
  const rest = conditions.filter(each => !pushed.includes(each));
  const left = planNode(node.left, pushed, known, outside, node.type === 'left' ? lead : undefined);
  const localOn = node.type === 'left' ? node.on.filter(each => within(each, rightSlots)) : [];
  const bound = new Set([...known, ...leftSlots]);
  const unit: Unit = {node: node.right, provides: rightSlots, needs: addNeeded(node.right, new Set())};
  const nested = (inner: Plan): Plan =>
    filtered({op: 'nest', outer: left, inner, left: true, slots: [...rightSlots], on: [], rows: left.rows}, rest);
  const needed = [...addNeeded(node.left, new Set()), ...[...unit.needs].filter(slot => !leftSlots.has(slot))];
  if (!needed.every(isKnown)) throw refersToRight();
  // what is computed from the left side has no rows of its own: a FULL JOIN finds none that a LEFT JOIN does not
  if (![...unit.needs].every(isKnown)) return nested(planNode(node.right, node.on, bound, outside));
  const right = planNode(node.right, localOn, new Set(), outside);
  const keys = hashKeysOf(node.on, rightSlots, slot => bound.has(slot) || outside(slot), outside);
  if (node.type === 'left' && node.right.kind === 'relation') {
    const lookup = planUnit(unit, node.on, bound, outside);
    const range = rangeOf(lookup);
    if (
      range &&
      usesOuter(lookup, bound) &&
      left.rows * (LOOKUP_ROWS + rangeCost(lookup)) < hashCost(left, right, keys)
    ) {
      return nested(lookup);
    }
  }
  const on = node.on.filter(each => !localOn.includes(each) && !keys.some(key => key.condition === each));
  const plan: Plan = {
    op: 'hash',
    outer: left,
    inner: right,
    keys,
    left: true,
    right: node.type === 'full',
    on,
    innerSlots: [...rightSlots],
    outerSlots: [...leftSlots],
    rows: left.rows + (node.type === 'full' ? right.rows : 0),
  };
  return filtered(plan, rest);
}

/** Returns whether a condition cannot be true where all these slots are NULL. */
function rejectsNull(condition: Bound, slots: ReadonlySet<Slot>): boolean {
  switch (condition.op) {
    case 'compare':
      return (
        condition.name !== 'is' &&
        condition.name !== 'is not' &&
        (isNullWith(condition.left, slots) || isNullWith(condition.right, slots))
      );
    case 'match':
      return isNullWith(condition.operand, slots);
    case 'isNull':
      return condition.negated && isNullWith(condition.operand, slots);
    case 'inList':
      return condition.items.length > 0 && isNullWith(condition.operand, slots);
    case 'and':
      return rejectsNull(condition.left, slots) || rejectsNull(condition.right, slots);
    case 'or':
      return rejectsNull(condition.left, slots) && rejectsNull(condition.right, slots);
    default:
      return false;
  }
}

/** Returns whether an expression is NULL where all these slots are. */
function isNullWith(expr: Bound, slots: ReadonlySet<Slot>): boolean {
  if (expr.op === 'slot') return slots.has(expr.slot);
  if (
    expr.op === 'arithmetic' ||
    expr.op === 'negate' ||
    expr.op === 'plus' ||
    expr.op === 'cast' ||
    expr.op === 'collate' ||
    expr.op === 'bitNot'
  ) {
    return childrenOf(expr).some(child => isNullWith(child, slots));
  }
  return false;
}
