/**
 * Access paths: how the rows of a tree that conditions leave are found: by a range of its keys, by a range of an index of it,
 * or by looking at all. Layer: sql.
 */
import type {Constraint, IndexSource, TreeSource} from '../source.js';
import {type Bound, type Slot, sameBound} from './expression.js';
import {keyRange} from './key-range.js';
import {type BoundIndex, type Condition, conditionsOf, indexSpace, tableSpace} from './key-space.js';
import type {ColumnSlots, RangeUse} from './plan.js';

/** To find a row by its key costs as much as to read this many rows in a scan. */
export const LOOKUP_ROWS = 20;

/** A tree, as the query names its columns. */
export interface TreeAccess {
  readonly source: TreeSource;
  readonly slots: ColumnSlots;
  /** Binds the expressions of an index, for other slots of the same columns if they are given. */
  readonly bindIndex: (index: IndexSource, slots?: ColumnSlots) => BoundIndex;
}

/** Returns the range of a tree that conditions leave, reading only slots of `known` besides the tree's own; undefined if all of it. */
export function planRange(
  access: TreeAccess,
  conjuncts: readonly Bound[],
  known: (slot: Slot) => boolean,
): RangeUse | undefined {
  if (conjuncts.length === 0) return undefined;
  const {source, slots} = access;
  const space = tableSpace(source, slots);
  const conditions = conjuncts.flatMap(conjunct => conditionsOf(space, conjunct, known));
  let best: RangeUse | undefined = keyRange(space, conditions);
  const other = ownRange(source, conditions);
  if (other && (!best || other.plan.rows < best.plan.rows)) best = other;
  // nothing is found faster than by the whole key
  if (best?.plan.unique) return best;
  for (const index of source.indexes ?? []) {
    const use = indexRange(access, index, conjuncts, known);
    if (use && costOf(use) < (best ? costOf(best) : source.rows)) best = use;
  }
  return best;
}

/** As `planRange`, of one index. */
export function indexRange(
  {source, slots, bindIndex}: TreeAccess,
  index: IndexSource,
  conjuncts: readonly Bound[],
  known: (slot: Slot) => boolean,
): RangeUse | undefined {
  const bound = bindIndex(index);
  if (!bound.where.every(condition => implied(condition, conjuncts))) return undefined;
  const places = indexSpace(source, slots, bound);
  const range = keyRange(
    places,
    conjuncts.flatMap(conjunct => conditionsOf(places, conjunct, known)),
  );
  if (range === undefined) return undefined;
  const rows =
    index.unique && (range.plan.fixed ?? 0) >= index.terms.length ? Math.min(1, range.plan.rows) : range.plan.rows;
  return {
    values: range.values,
    holding: range.holding,
    exact: range.exact,
    plan: {...range.plan, rows: Math.max(1, rows), unique: false},
    index: {source: index, covering: covers(source, index, slots.keys())},
  };
}

/** Returns the range that the source itself plans. */
function ownRange(source: TreeSource, conditions: readonly Condition[]): RangeUse | undefined {
  if (source.planRange === undefined) return undefined;
  const plain = conditions.filter(({operator}) => operator !== 'in' && operator !== 'null');
  if (plain.length === 0) return undefined;
  const plan = source.planRange(
    plain.map(({place, operator}) => ({column: place, operator: operator as Constraint['operator']})),
  );
  return (
    plan && {
      plan,
      values: plan.uses.map(index => {
        const {values, affinity} = plain[index] as Condition;
        return {expr: values[0] as Bound, affinity};
      }),
    }
  );
}

/** Returns what reading a range costs, in rows of a scan. */
export function costOf({plan, index}: RangeUse): number {
  return index === undefined || index.covering ? plan.rows : plan.rows * LOOKUP_ROWS;
}

/** Returns whether an index alone has these columns of its source. */
export function covers(source: TreeSource, index: IndexSource, columns: Iterable<number>): boolean {
  for (const column of columns) if (!placesIn(source, index, column)) return false;
  return true;
}

/** Returns the columns of an index that give a column of its source: itself, or what it is computed from; undefined if they do not. */
export function placesIn({origins}: TreeSource, index: IndexSource, column: number): readonly number[] | undefined {
  const own = index.columns.indexOf(column);
  if (own >= 0) return [own];
  const origin = origins[column];
  if (origin === undefined) return undefined;
  const inputs = origin.kind === 'stored' ? [origin.column] : origin.inputs;
  const places = inputs.map(input => index.key[input]);
  return places.every(place => place !== undefined) ? places : undefined;
}

/** Returns whether a condition holds for every row that all of the conjuncts are true for. */
function implied(condition: Bound, conjuncts: readonly Bound[]): boolean {
  if (conjuncts.some(each => sameBound(each, condition))) return true;
  if (condition.op !== 'isNull' || !condition.negated) return false;
  const {operand} = condition;
  return conjuncts.some(each => {
    if (each.op === 'compare')
      return (
        each.name !== 'is' && each.name !== 'is not' && [each.left, each.right].some(side => sameBound(side, operand))
      );
    return (each.op === 'inList' || each.op === 'match') && sameBound(each.operand, operand);
  });
}
