/**
 * What conditions can say of the key columns of a tree: of those of a table, or of those of one of its indexes. Layer: sql.
 */
import type {ObjectReader} from '../../objects/store.js';
import type {TreeRoot, TreeSpec} from '../../tree/spec.js';
import {prefixOf} from '../functions/pattern.js';
import type {Constraint, IndexSource, SourceColumn, TreeSource} from '../source.js';
import type {Affinity} from '../values/value.js';
import {
  addSlots,
  affinityOfBound,
  type Bound,
  type Comparison,
  type ComparisonAffinity,
  conjunctsOf,
  NULL,
  type Slot,
  sameBound,
} from './expression.js';
import type {ColumnSlots} from './plan.js';

/** A tree whose key columns conditions may be about. What they are about is called places. */
export interface KeySpace {
  readonly reader: ObjectReader;
  readonly spec: TreeSpec;
  readonly root: TreeRoot;
  readonly rows: number;
  /** For each key column its place. */
  readonly key: readonly number[];
  /** Returns the places that an expression is. */
  readonly find: (expr: Bound) => readonly number[];
  readonly collation: (place: number) => string | undefined;
  readonly affinity: (place: number) => Affinity;
  readonly name: (place: number) => string;
}

/** The terms of an index, and the conditions of its rows, bound like expressions of the query. */
export interface BoundIndex {
  readonly source: IndexSource;
  /** For each term its expression; undefined for a column. */
  readonly terms: readonly (Bound | undefined)[];
  readonly where: readonly Bound[];
}

/** A condition on one place; `in` has several values, `null` none. */
export interface Condition {
  readonly place: number;
  readonly operator: Constraint['operator'] | 'in' | 'null';
  readonly values: readonly Bound[];
  readonly affinity: ComparisonAffinity;
  /** The conjunct that says so. */
  readonly conjunct: Bound;
  /** Whether the conjunct says more. */
  readonly partly?: boolean;
}

/** Returns the places of a table: its columns. */
export function tableSpace(source: TreeSource, slots: ColumnSlots): KeySpace {
  const columns = new Map<Slot, number>();
  for (const [column, slot] of slots) columns.set(slot, column);
  const column = (place: number) => source.columns[place] as SourceColumn;
  return {
    reader: source.reader,
    spec: source.spec,
    get root() {
      return source.root;
    },
    rows: source.rows,
    key: source.key,
    find: expr => {
      const place = expr.op === 'slot' ? columns.get(expr.slot) : undefined;
      return place === undefined ? NOWHERE : [place];
    },
    collation: place => column(place).collation,
    affinity: place => column(place).affinity,
    name: place => column(place).name,
  };
}

const NOWHERE: readonly number[] = [];

/** Returns the places of an index: its columns, all of which are key columns. */
export function indexSpace(source: TreeSource, slots: ColumnSlots, {source: index, terms}: BoundIndex): KeySpace {
  const places = new Map<Slot, number[]>();
  for (const [place, column] of index.columns.entries()) {
    const slot = column === undefined ? undefined : slots.get(column);
    if (slot) places.set(slot, [...(places.get(slot) ?? []), place]);
  }
  const column = (place: number) => {
    const of = index.columns[place];
    return of === undefined ? undefined : source.columns[of];
  };
  return {
    reader: source.reader,
    spec: index.spec,
    get root() {
      return index.root;
    },
    rows: index.rows,
    key: index.columns.map((_, place) => place),
    find: expr => {
      if (expr.op === 'slot') return places.get(expr.slot) ?? NOWHERE;
      const found: number[] = [];
      for (const [place, term] of terms.entries()) if (term && sameBound(term, expr)) found.push(place);
      return found;
    },
    collation: place => index.spec.keys[place]?.collation,
    affinity: place => column(place)?.affinity ?? affinityOfBound(terms[place] ?? NULL),
    name: place => column(place)?.name ?? 'expression',
  };
}

const MIRRORED: Readonly<Partial<Record<Comparison, Constraint['operator']>>> = {
  '=': '=',
  '<': '>',
  '<=': '>=',
  '>': '<',
  '>=': '<=',
};
const OPERATORS: Readonly<Partial<Record<Comparison, Constraint['operator']>>> = {
  '=': '=',
  '<': '<',
  '<=': '<=',
  '>': '>',
  '>=': '>=',
  is: '=',
};

/** More values of IN than this are not looked up one by one. */
const MAX_VALUES = 1000;

/** Returns what a conjunct says of the places of a tree, with values that are known when the tree is read. */
export function conditionsOf(space: KeySpace, conjunct: Bound, known: (slot: Slot) => boolean): Condition[] {
  const usable = (value: Bound) => [...addSlots(value, new Set())].every(known);
  const fits = (place: number, affinity: ComparisonAffinity, collation: string) => {
    return space.collation(place) === collation && keeps(space.affinity(place), affinity);
  };
  switch (conjunct.op) {
    case 'compare': {
      const {left, right, affinity, collation, name} = conjunct;
      // NULL = NULL is no match, but NULL IS NULL is one
      if (name === 'is' && !(right.op === 'constant' && right.value !== null)) return [];
      const conditions: Condition[] = [];
      for (const [own, value, operators] of [
        [left, right, OPERATORS],
        [right, left, MIRRORED],
      ] as const) {
        const operator = operators[name];
        if (operator === undefined || !usable(value)) continue;
        for (const place of space.find(own)) {
          if (fits(place, affinity, collation)) conditions.push({place, operator, values: [value], affinity, conjunct});
        }
      }
      return conditions;
    }
    case 'isNull': {
      if (conjunct.negated) return [];
      return space
        .find(conjunct.operand)
        .map((place): Condition => ({place, operator: 'null', values: [], affinity: 'none', conjunct}));
    }
    case 'inList': {
      const {operand, items, affinity, collation} = conjunct;
      if (conjunct.negated || items.length > MAX_VALUES || !items.every(usable)) return [];
      const places = space.find(operand).filter(place => fits(place, affinity, collation));
      return places.map((place): Condition => ({place, operator: 'in', values: items, affinity, conjunct}));
    }
    case 'or':
      return [...alternatives(space, conjunct, known), ...commonBounds(space, conjunct, known)];
    case 'match':
      return conjunct.name !== 'regexp' && conjunct.escape === undefined ? patternConditions(space, conjunct) : [];
    default:
      return [];
  }
}

const BOUNDS = [
  {bound: '>=', by: ['=', '>', '>=']},
  {bound: '<=', by: ['=', '<', '<=']},
] as const;

/** Of `a > 1 OR (a = 1 AND b > 2)`, which is `(a, b) > (1, 2)`, all rows have `a >= 1`. */
function commonBounds(
  space: KeySpace,
  or: Bound & {readonly op: 'and' | 'or'},
  known: (slot: Slot) => boolean,
): Condition[] {
  const [first, rest] = [or.left, or.right].map(side =>
    conjunctsOf(side).flatMap(each => (each.op === 'or' ? [] : conditionsOf(space, each, known))),
  ) as [Condition[], Condition[]];
  return first.flatMap(condition => {
    const {place, affinity, values} = condition;
    const others = rest.filter(each => each.place === place && each.affinity === affinity);
    const found = BOUNDS.find(({by}) => {
      const isBound = ({operator}: Condition) => (by as readonly string[]).includes(operator);
      return (
        isBound(condition) &&
        others.some(each => isBound(each) && sameBound(each.values[0] as Bound, values[0] as Bound))
      );
    });
    return found ? [{...condition, operator: found.bound, conjunct: or, partly: true}] : [];
  });
}

/** `a = 1 OR a = 2 OR a IN (3, 4)` is `a IN (1, 2, 3, 4)`. */
function alternatives(space: KeySpace, or: Bound, known: (slot: Slot) => boolean): Condition[] {
  const parts: Bound[] = [];
  const pending: Bound[] = [or];
  for (let next = pending.pop(); next; next = pending.pop()) {
    if (next.op === 'or') pending.push(next.right, next.left);
    else parts.push(next);
    if (parts.length > MAX_VALUES) return [];
  }
  const found: Condition[][] = [];
  for (const part of parts) {
    const conditions = conditionsOf(space, part, known).filter(each => each.operator === '=' || each.operator === 'in');
    if (conditions.length === 0) return [];
    found.push(conditions);
  }
  const [first = [], ...rest] = found;
  const merged: Condition[] = [];
  for (const condition of first) {
    const same = (each: Condition) => each.place === condition.place && each.affinity === condition.affinity;
    const others = rest.map(conditions => conditions.find(same));
    if (others.some(each => each === undefined)) continue;
    const values = [condition, ...(others as Condition[])].flatMap(each => each.values);
    if (values.length <= MAX_VALUES) merged.push({...condition, operator: 'in', values, conjunct: or});
  }
  return merged;
}

function patternConditions(space: KeySpace, conjunct: Bound & {readonly op: 'match'}): Condition[] {
  const {operand, pattern, name} = conjunct;
  if (pattern.op !== 'constant' || typeof pattern.value !== 'string') return [];
  const prefix = prefixOf(pattern.value, name as 'like' | 'glob');
  if (prefix === '') return [];
  const constant = (value: string): Bound => ({op: 'constant', value});
  return space.find(operand).flatMap((place): Condition[] => {
    const collation = space.collation(place);
    if (space.affinity(place) !== 'text') return [];
    if (name === 'glob' ? collation === 'binary' : collation === 'nocase' || !/[a-zA-Z]/.test(prefix)) {
      return [{place, operator: 'prefix', values: [constant(prefix)], affinity: 'none', conjunct}];
    }
    if (name === 'glob' || collation !== 'binary') return [];
    // LIKE folds ASCII letters: what it matches lies between the prefix in capitals and in small letters
    const low = prefix.replace(/[a-z]/g, letter => letter.toUpperCase());
    const high = prefix.replace(/[A-Z]/g, letter => letter.toLowerCase());
    return [
      {place, operator: '>=', values: [constant(low)], affinity: 'none', conjunct},
      {place, operator: '<=', values: [constant(`${high}\u{10ffff}`)], affinity: 'none', conjunct},
    ];
  });
}

/** Returns whether a comparison of this affinity takes the values of such a column as they are stored. */
function keeps(column: Affinity, comparison: ComparisonAffinity): boolean {
  if (comparison === 'none') return true;
  if (comparison === 'text') return column === 'text';
  return column === 'integer' || column === 'real' || column === 'numeric';
}
