/**
 * ORDER BY: a sort, or none where the rows come in that order from a tree, or from an index. Layer: sql.
 */
import type {IndexSource} from '../source.js';
import {covers, indexRange, LOOKUP_ROWS} from './access.js';
import {type Bound, type SortKey, sameBound} from './expression.js';
import type {IndexUse, Plan} from './plan.js';

type Scan = Plan & {readonly op: 'scan'};

/** Returns a plan that gives the rows of `plan`, which are `rows`, in this order; only the first ones where LIMIT says so. */
export function planSort(
  plan: Plan,
  keys: readonly SortKey[],
  limit: Bound | undefined,
  offset: Bound | undefined,
  rows = plan.rows,
): Plan {
  const wanted = rowsWanted(limit, offset);
  return inOrder(plan, keys, wanted, rows, true, []) ?? {op: 'sort', input: plan, keys, limit, offset, rows: plan.rows};
}

/** Returns how many rows LIMIT and OFFSET let a query look at; undefined where that is not known. */
export function rowsWanted(limit: Bound | undefined, offset: Bound | undefined): number | undefined {
  const number = (bound: Bound | undefined) => {
    return bound?.op === 'constant' && typeof bound.value === 'number' && bound.value >= 0 ? bound.value : undefined;
  };
  const most = number(limit);
  if (most === undefined) return undefined;
  return offset === undefined ? most : most + (number(offset) ?? 0);
}

/**
 * Returns the plan with its outermost scan in this order, or undefined if that is not possible. `rows` come out at the top;
 * `distinct`: each row of the scan gives one of them at most; `conditions` are those that its rows must meet.
 */
function inOrder(
  plan: Plan,
  keys: readonly SortKey[],
  wanted: number | undefined,
  rows: number,
  distinct: boolean,
  conditions: readonly Bound[],
): Plan | undefined {
  switch (plan.op) {
    case 'scan': {
      const way = wayOf(plan, plan.range?.index?.source, keys, distinct);
      return way === undefined
        ? byIndex(plan, keys, wanted, rows, distinct, conditions)
        : {...plan, reverse: way === 'down'};
    }
    case 'filter': {
      const input = inOrder(plan.input, keys, wanted, rows, distinct, plan.conditions);
      return input && {...plan, input};
    }
    case 'distinct': {
      // the first row of those that are alike is passed on as it comes; nobody knows how many there are
      const input = inOrder(plan.input, keys, undefined, rows, false, []);
      return input && {...plan, input};
    }
    case 'project': {
      const {items} = plan;
      const computed = keys.map(key => {
        const {expr} = key;
        return {...key, expr: (expr.op === 'slot' && items.find(({slot}) => slot === expr.slot)?.expr) || expr};
      });
      const input = inOrder(plan.input, computed, wanted, rows, distinct, []);
      return input && {...plan, input};
    }
    case 'nest': {
      const outer = inOrder(plan.outer, keys, wanted, rows, false, []);
      return outer && {...plan, outer};
    }
    case 'hash': {
      const outer = plan.right ? undefined : inOrder(plan.outer, keys, wanted, rows, false, []);
      return outer && {...plan, outer};
    }
    default:
      return undefined;
  }
}

/** Returns the scan in the order of an index, if that is less work than to sort. */
function byIndex(
  plan: Scan,
  keys: readonly SortKey[],
  wanted: number | undefined,
  rows: number,
  distinct: boolean,
  conditions: readonly Bound[],
): Scan | undefined {
  const {source, slots} = plan;
  const own = new Set(slots.values());
  if (plan.range !== undefined || source.rows === 0) return undefined;
  for (const index of source.indexes ?? []) {
    if (index.where !== undefined) continue;
    // where its order and the conditions agree, only a part of the index is read
    const range = indexRange(plan, index, conditions, slot => !own.has(slot));
    const way = wayOf({...plan, range}, index, keys, distinct);
    if (way === undefined) continue;
    const covering = covers(source, index, slots.keys());
    const there = range?.plan.rows ?? source.rows;
    // as many rows have to be looked at as are wanted and left out
    const read = wanted === undefined ? there : Math.min(there, (wanted * there) / Math.max(1, rows));
    if (!covering && read * LOOKUP_ROWS > source.rows * SORT_ROWS) continue;
    const use: IndexUse = {source: index, covering};
    return {...plan, range: range ?? {plan: EVERYTHING, values: [], index: use}, reverse: way === 'down'};
  }
  return undefined;
}

/** To sort rows costs as much as to read them so often. */
const SORT_ROWS = 3;

const EVERYTHING = {uses: [], rows: Number.POSITIVE_INFINITY, description: '', range: () => ({})};

/** Returns which way a scan of a tree or an index must go to give this order: it does if the terms are its key columns, all one way. */
function wayOf(
  {source, slots, range, bindIndex}: Scan,
  index: IndexSource | undefined,
  keys: readonly SortKey[],
  distinct: boolean,
): 'up' | 'down' | undefined {
  const spec = index?.spec ?? source.spec;
  const columns = index?.columns ?? source.key;
  const terms = index && keys.some(key => key.expr.op !== 'slot') ? bindIndex(index).terms : [];
  const is = (expr: Bound, place: number) => {
    const column = columns[place];
    if (column === undefined) return terms[place] !== undefined && sameBound(terms[place], expr);
    return expr.op === 'slot' && slots.get(column) === expr.slot;
  };
  const fixed = range?.index?.source === index ? (range?.plan.fixed ?? 0) : 0;
  let way: 'up' | 'down' | undefined;
  let place = 0;
  for (const key of keys) {
    // once the whole key has been compared no two rows are equal
    if (place >= columns.length) {
      if (distinct) break;
      return undefined;
    }
    const fits = (at: number) => is(key.expr, at) && spec.keys[at]?.collation === key.collation;
    // what has one value only orders nothing
    if (columns.slice(0, fixed).some((_, at) => fits(at))) continue;
    while (place < fixed && !fits(place)) place++;
    const stored = spec.keys[place];
    if (stored === undefined || !fits(place) || key.nullsFirst === key.descending) return undefined;
    const each = key.descending === stored.descending ? 'up' : 'down';
    if (way !== undefined && way !== each) return undefined;
    way = each;
    place++;
  }
  return way ?? 'up';
}
