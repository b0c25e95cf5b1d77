/**
 * ORDER BY: a sort, or none where the rows come in that order from a tree. Layer: sql.
 */
import type {TreeSource} from '../source.js';
import type {Bound, SortKey} from './expression.js';
import type {ColumnSlots, Plan} from './plan.js';

/** Returns a plan that gives the rows of `plan` in this order; only the first ones where LIMIT says so. */
export function planSort(
  plan: Plan,
  keys: readonly SortKey[],
  limit: Bound | undefined,
  offset: Bound | undefined,
): Plan {
  return inOrder(plan, keys, true) ?? {op: 'sort', input: plan, keys, limit, offset, rows: plan.rows};
}

/**
 * Returns the plan with its outermost scan in this order, or undefined if that is not possible. `distinct`: each row of the
 * scan gives one row at most.
 */
function inOrder(plan: Plan, keys: readonly SortKey[], distinct: boolean): Plan | undefined {
  switch (plan.op) {
    case 'scan': {
      const way = wayOf(plan.source, plan.slots, keys, distinct);
      return way === undefined ? undefined : {...plan, reverse: way === 'down'};
    }
    case 'filter': {
      const input = inOrder(plan.input, keys, distinct);
      return input && {...plan, input};
    }
    case 'nest': {
      const outer = inOrder(plan.outer, keys, false);
      return outer && {...plan, outer};
    }
    case 'hash': {
      const outer = plan.right ? undefined : inOrder(plan.outer, keys, false);
      return outer && {...plan, outer};
    }
    default:
      return undefined;
  }
}

/** Returns which way a scan must go to give this order: it does if the terms are its key columns, all one way. */
function wayOf(
  source: TreeSource,
  slots: ColumnSlots,
  keys: readonly SortKey[],
  distinct: boolean,
): 'up' | 'down' | undefined {
  let way: 'up' | 'down' | undefined;
  for (const [index, key] of keys.entries()) {
    // once the whole key has been compared no two rows are equal
    if (index >= source.key.length) {
      if (distinct) break;
      return undefined;
    }
    const column = source.key[index] as number;
    const stored = source.spec.keys[index];
    if (key.expr.op !== 'slot' || slots.get(column) !== key.expr.slot || stored?.collation !== key.collation)
      return undefined;
    if (key.nullsFirst === key.descending) return undefined;
    const each = key.descending === stored.descending ? 'up' : 'down';
    if (way !== undefined && way !== each) return undefined;
    way = each;
  }
  return way;
}
