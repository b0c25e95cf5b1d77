/**
 * Bound expressions: what an expression means once its names are resolved. Columns have become slots, the rules of
 * affinity and collation have been applied, row values have been taken apart. Layer: sql.
 */

import type {OrderTerm} from '../ast.js';
import type {AggregateFunction, ScalarFunction} from '../functions/function.js';
import type {Affinity, CollationName, TypeName, Value} from '../values/value.js';
import type {Query} from './plan.js';

let slots = 0;

/** A value of the current row, whatever gives it: a column of a source, a group key, an aggregate, a computed column. */
export class Slot {
  readonly id = slots++;

  constructor(
    readonly name: string,
    readonly affinity: Affinity,
    /** That of a column; undefined for what is no column, which has none of its own. */
    readonly collation: CollationName | undefined,
    /** The type of what is not NULL, where it is always the same. */
    readonly type?: TypeName,
    /** Whether a JSON function made it, so that another one takes it as JSON; for json_each's `value`, the slot of its `type`. */
    readonly json?: true | Slot,
    /** Whether its values have been given the affinity already, as those of stored columns. */
    readonly conforms = false,
  ) {}
}

export type Comparison = '<' | '<=' | '>' | '>=' | '=' | '<>' | 'is' | 'is not';
export type Arithmetic =
  | 'add'
  | 'subtract'
  | 'multiply'
  | 'divide'
  | 'remainder'
  | 'bitAnd'
  | 'bitOr'
  | 'shiftLeft'
  | 'shiftRight'
  | 'concat';

/** What a comparison does to its operands first: make texts numbers, make numbers texts, or nothing. */
export type ComparisonAffinity = 'numeric' | 'text' | 'none';

/** A query inside an expression, and which slots of the queries around it it uses. */
export interface Subquery {
  readonly query: Query;
  readonly outer: ReadonlySet<Slot>;
}

export type Bound =
  | {readonly op: 'constant'; readonly value: Value}
  /** `index` counts from 0. */
  | {readonly op: 'parameter'; readonly index: number}
  | {readonly op: 'slot'; readonly slot: Slot}
  | {readonly op: 'negate' | 'bitNot' | 'not' | 'plus'; readonly operand: Bound}
  | {readonly op: 'arithmetic'; readonly name: Arithmetic; readonly left: Bound; readonly right: Bound}
  | {
      readonly op: 'compare';
      readonly name: Comparison;
      readonly left: Bound;
      readonly right: Bound;
      readonly affinity: ComparisonAffinity;
      readonly collation: CollationName;
    }
  | {readonly op: 'and' | 'or'; readonly left: Bound; readonly right: Bound}
  | {readonly op: 'isNull'; readonly operand: Bound; readonly negated: boolean}
  /** Whether the operand is true (or false); NULL is neither. */
  | {readonly op: 'isTruth'; readonly operand: Bound; readonly truth: boolean; readonly negated: boolean}
  /** Computes `value` once; `body` reads it as `slot`. */
  | {readonly op: 'let'; readonly slot: Slot; readonly value: Bound; readonly body: Bound}
  | {
      readonly op: 'case';
      readonly branches: readonly {readonly when: Bound; readonly result: Bound}[];
      readonly otherwise: Bound;
    }
  | {readonly op: 'cast'; readonly operand: Bound; readonly to: Affinity}
  | {readonly op: 'collate'; readonly operand: Bound; readonly collation: CollationName}
  /** What a comparison makes of the operand first. */
  | {readonly op: 'affinity'; readonly operand: Bound; readonly to: ComparisonAffinity}
  | {
      readonly op: 'call';
      readonly function: ScalarFunction;
      readonly args: readonly Bound[];
      readonly collation: CollationName;
    }
  | {
      readonly op: 'match';
      readonly name: 'like' | 'glob' | 'regexp';
      readonly operand: Bound;
      readonly pattern: Bound;
      readonly escape: Bound | undefined;
    }
  | {
      readonly op: 'inList';
      readonly operand: Bound;
      readonly items: readonly Bound[];
      readonly affinity: ComparisonAffinity;
      readonly collation: CollationName;
      readonly negated: boolean;
    }
  | {
      readonly op: 'inQuery';
      readonly operands: readonly Bound[];
      readonly subquery: Subquery;
      readonly affinities: readonly ComparisonAffinity[];
      readonly collations: readonly CollationName[];
      readonly negated: boolean;
    }
  /** A column of the first row of a subquery, NULL if it has no row. */
  | {readonly op: 'scalar'; readonly subquery: Subquery; readonly column: number}
  | {readonly op: 'exists'; readonly subquery: Subquery}
  /** Several values; only as operands of comparisons, which take them apart. */
  | {readonly op: 'row'; readonly items: readonly Bound[]};

/** An aggregate of a query, computed over the rows of a group. */
export interface BoundAggregate {
  readonly slot: Slot;
  readonly function: AggregateFunction;
  /** No arguments: `count(*)`. */
  readonly args: readonly Bound[];
  readonly distinct: boolean;
  readonly filter: Bound | undefined;
  readonly orderBy: readonly SortKey[];
  readonly collation: CollationName;
}

export interface SortKey {
  readonly expr: Bound;
  readonly descending: boolean;
  readonly nullsFirst: boolean;
  readonly collation: CollationName;
}

export const NULL: Bound = {op: 'constant', value: null};

export function slotOf(slot: Slot): Bound {
  return {op: 'slot', slot};
}

/** Returns the affinity of an expression: 'none' unless it is a column, a cast, or a subquery of one. */
export function affinityOfBound(expr: Bound): Affinity {
  switch (expr.op) {
    case 'slot':
      return expr.slot.affinity;
    case 'cast':
      return expr.to;
    case 'collate':
      return affinityOfBound(expr.operand);
    case 'scalar':
      return affinityOfBound(expr.subquery.query.outputs[expr.column]?.expr ?? NULL);
    case 'let':
      return affinityOfBound(expr.body);
    default:
      return 'none';
  }
}

/** Returns the collation that COLLATE gives an expression, or undefined. */
export function explicitCollation(expr: Bound): CollationName | undefined {
  if (expr.op === 'collate') return expr.collation;
  for (const child of childrenOf(expr)) {
    const found = explicitCollation(child);
    if (found !== undefined) return found;
  }
  return undefined;
}

/** Returns the collation of a column, seen through casts and unary plus; undefined for other expressions. */
export function columnCollation(expr: Bound): CollationName | undefined {
  if (expr.op === 'slot') return expr.slot.collation;
  if (expr.op === 'plus' || expr.op === 'cast') return columnCollation(expr.operand);
  return undefined;
}

/** Returns the collation of an expression by itself, as ORDER BY and GROUP BY use it. */
export function collationOf(expr: Bound): CollationName {
  return ownCollation(expr) ?? 'binary';
}

/** Returns the collation that COLLATE or a column gives an expression; undefined where none does. */
export function ownCollation(expr: Bound): CollationName | undefined {
  return explicitCollation(expr) ?? columnCollation(expr);
}

/** Returns the collation that an output of a query has as a column of a derived table. */
export function outerCollation({
  expr,
  collation,
}: {
  readonly expr: Bound;
  readonly collation?: CollationName;
}): CollationName {
  return collation ?? collationOf(expr);
}

/** Returns the collation of a comparison: an explicit one first, then that of a column, the left one first. */
export function comparisonCollation(left: Bound, right: Bound): CollationName {
  return (
    explicitCollation(left) ?? explicitCollation(right) ?? columnCollation(left) ?? columnCollation(right) ?? 'binary'
  );
}

function isNumeric(affinity: Affinity): boolean {
  return affinity === 'numeric' || affinity === 'integer' || affinity === 'real';
}

/** Returns what a comparison of expressions with these affinities does to its operands. */
export function comparisonAffinity(left: Affinity, right: Affinity): ComparisonAffinity {
  if (left !== 'none' && right !== 'none') return isNumeric(left) || isNumeric(right) ? 'numeric' : 'none';
  const one = left === 'none' ? right : left;
  return isNumeric(one) ? 'numeric' : one === 'text' ? 'text' : 'none';
}

/** Returns the comparison affinity that IN with a list has: that of its operand. */
export function listAffinity(operand: Affinity): ComparisonAffinity {
  return isNumeric(operand) ? 'numeric' : operand === 'text' ? 'text' : 'none';
}

/** Returns the sort key of a term of ORDER BY. */
export function sortKey(expr: Bound, term: OrderTerm): SortKey {
  const nullsFirst = term.nulls === undefined ? !term.descending : term.nulls === 'first';
  return {expr, descending: term.descending, nullsFirst, collation: collationOf(expr)};
}

/** Returns the expressions directly inside another, not those of its subqueries. */
export function childrenOf(expr: Bound): readonly Bound[] {
  switch (expr.op) {
    case 'constant':
    case 'parameter':
    case 'slot':
    case 'scalar':
    case 'exists':
      return [];
    case 'negate':
    case 'bitNot':
    case 'not':
    case 'plus':
    case 'isNull':
    case 'isTruth':
    case 'cast':
    case 'collate':
    case 'affinity':
      return [expr.operand];
    case 'arithmetic':
    case 'compare':
    case 'and':
    case 'or':
      return [expr.left, expr.right];
    case 'let':
      return [expr.value, expr.body];
    case 'case':
      return [...expr.branches.flatMap(branch => [branch.when, branch.result]), expr.otherwise];
    case 'call':
      return expr.args;
    case 'match':
      return expr.escape ? [expr.operand, expr.pattern, expr.escape] : [expr.operand, expr.pattern];
    case 'inList':
      return [expr.operand, ...expr.items];
    case 'inQuery':
      return expr.operands;
    case 'row':
      return expr.items;
  }
}

/** Returns an expression with others in the place of slots, those of its subqueries excepted; the rest stays what it is. */
export function withSlots(expr: Bound, of: (slot: Slot) => Bound | undefined): Bound {
  const mapped = (each: Bound) => withSlots(each, of);
  switch (expr.op) {
    case 'constant':
    case 'parameter':
    case 'scalar':
    case 'exists':
      return expr;
    case 'slot':
      return of(expr.slot) ?? expr;
    case 'negate':
    case 'bitNot':
    case 'not':
    case 'plus':
    case 'isNull':
    case 'isTruth':
    case 'cast':
    case 'collate':
    case 'affinity':
      return {...expr, operand: mapped(expr.operand)};
    case 'arithmetic':
    case 'compare':
    case 'and':
    case 'or':
      return {...expr, left: mapped(expr.left), right: mapped(expr.right)};
    case 'let':
      return {...expr, value: mapped(expr.value), body: mapped(expr.body)};
    case 'case': {
      const branches = expr.branches.map(({when, result}) => ({when: mapped(when), result: mapped(result)}));
      return {...expr, branches, otherwise: mapped(expr.otherwise)};
    }
    case 'call':
      return {...expr, args: expr.args.map(mapped)};
    case 'match':
      return {
        ...expr,
        operand: mapped(expr.operand),
        pattern: mapped(expr.pattern),
        escape: expr.escape && mapped(expr.escape),
      };
    case 'inList':
      return {...expr, operand: mapped(expr.operand), items: expr.items.map(mapped)};
    case 'inQuery':
      return {...expr, operands: expr.operands.map(mapped)};
    case 'row':
      return {...expr, items: expr.items.map(mapped)};
  }
}

/** Returns whether an expression may be computed wherever it is read, and however often: no subquery, nothing random. */
export function isCheap(expr: Bound): boolean {
  if (expr.op === 'scalar' || expr.op === 'exists' || expr.op === 'inQuery') return false;
  if (expr.op === 'call' && !expr.function.deterministic) return false;
  return childrenOf(expr).every(isCheap);
}

/** Adds the slots that an expression reads, those that its subqueries take from outside included. */
export function addSlots(expr: Bound, to: Set<Slot>): Set<Slot> {
  if (expr.op === 'slot') to.add(expr.slot);
  if (expr.op === 'scalar' || expr.op === 'exists' || expr.op === 'inQuery') {
    for (const slot of expr.subquery.outer) to.add(slot);
  }
  for (const child of childrenOf(expr)) addSlots(child, to);
  if (expr.op === 'let') to.delete(expr.slot);
  return to;
}

/** Returns whether an expression gives the same value each time in one execution, whatever the row: it reads no slot. */
export function isFixed(expr: Bound): boolean {
  if (expr.op === 'slot') return false;
  if (expr.op === 'scalar' || expr.op === 'exists' || expr.op === 'inQuery') return false;
  if (expr.op === 'call' && !expr.function.deterministic) return false;
  return childrenOf(expr).every(isFixed);
}

const numbers = new WeakMap<object, number>();
let numbered = 0;

/** Returns a text that two expressions share if and only if they compute the same from the same slots. */
export function signature(expr: Bound): string {
  return JSON.stringify(expr, (key, value) => {
    if (value instanceof Slot) return `slot ${value.id}`;
    if (typeof value === 'bigint') return `big ${value}`;
    if (typeof value === 'number' && !Number.isFinite(value)) return `number ${value}`;
    if (key === 'subquery' || key === 'function') {
      let n = numbers.get(value as object);
      if (n === undefined) {
        n = numbered++;
        numbers.set(value as object, n);
      }
      return n;
    }
    if (key === 'value' && typeof value === 'string') return `text ${value}`;
    return value;
  });
}

/** Returns whether two expressions are computed alike. */
export function sameBound(a: Bound, b: Bound): boolean {
  return a === b || (a.op === b.op && signature(a) === signature(b));
}

/** Returns the conjuncts of a condition. */
export function conjunctsOf(condition: Bound): Bound[] {
  const conjuncts: Bound[] = [];
  const pending = [condition];
  while (pending.length > 0) {
    const expr = pending.pop() as Bound;
    if (expr.op === 'and') pending.push(expr.right, expr.left);
    else conjuncts.push(expr);
  }
  return conjuncts;
}
