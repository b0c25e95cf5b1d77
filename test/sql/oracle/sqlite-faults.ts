/**
 * Finds in a query, by its syntax tree, what SQLite 3.40 gets wrong or leaves open, so that a known difference covers no more.
 */
import type {Expr, FunctionCall, Select, SelectCore} from '../../../src/sql/ast.js';
import {parseStatement} from '../../../src/sql/parser/parser.js';

type Tree = Readonly<Record<string, unknown>>;

/** Yields the nodes of a syntax tree, outer ones first. */
function* nodesOf(tree: unknown): Generator<Tree> {
  if (tree === null || typeof tree !== 'object' || tree instanceof Uint8Array) return;
  if (!Array.isArray(tree)) yield tree as Tree;
  for (const part of Object.values(tree)) yield* nodesOf(part);
}

/**
 * Returns the query with each condition ON made one that SQLite cannot compute ahead: where such a one is false, it leaves out
 * the rows of a RIGHT or FULL JOIN further right as well.
 */
export function withoutConstantOn(sql: string): string {
  const conditions = [...nodesOf(parseStatement(sql))].flatMap(({kind, on}) =>
    kind === 'join' && on !== undefined ? [on as Expr] : [],
  );
  // conditions of subqueries in a condition stay as they are
  const outermost = conditions.filter(a => !conditions.some(b => b !== a && b.from <= a.from && a.to <= b.to));
  let text = sql;
  for (const {from, to} of outermost.sort((a, b) => b.from - a.from)) {
    text = `${text.slice(0, from)}iif(random() IS NULL, 0, ${text.slice(from, to)})${text.slice(to)}`;
  }
  return text;
}

/**
 * Returns the last arms of the compounds that SQLite makes a subquery of because a term of their ORDER BY has a COLLATE: it
 * mixes up what belongs to that arm with what belongs to the whole.
 */
export function lastArmsOrderedWithCollate(sql: string): SelectCore[] {
  return [...nodesOf(parseStatement(sql))].flatMap((node): SelectCore[] => {
    if (node.kind !== 'select') return [];
    const {body, orderBy} = node as unknown as Select;
    if (body.kind !== 'compound' || body.right.kind !== 'core') return [];
    return [...nodesOf(orderBy)].some(({kind}) => kind === 'collate') ? [body.right] : [];
  });
}

/** Returns whether a bound of a BETWEEN is computed, so that computing it can fail. */
export function computesBound(sql: string): boolean {
  return [...nodesOf(parseStatement(sql))].some(
    ({kind, low, high}) =>
      kind === 'between' && [...nodesOf([low, high])].some(part => part.kind === 'call' || part.kind === 'binary'),
  );
}

const PICKS = /^(lead|lag|first_value|last_value|nth_value|row_number|ntile)$/i;

/** Whether terms of ORDER BY put no row before another. */
function orderNothing(terms: readonly {readonly expr: Expr}[]): boolean {
  return terms.every(({expr}) => ![...nodesOf(expr)].some(({kind}) => kind === 'column' || kind === 'select'));
}

/**
 * Returns whether a function picks or numbers rows of a window that nothing puts in order (no ORDER BY, or only constants there), or
 * whose rows are groups: nothing orders those.
 */
export function picksFromUnorderedWindow(sql: string): boolean {
  const picks = (tree: unknown, ordered: boolean) => {
    return [...nodesOf(tree)].some(node => {
      if (node.kind !== 'call') return false;
      const {name, over} = node as unknown as FunctionCall;
      if (over === undefined || !PICKS.test(name.text)) return false;
      return !ordered || ('orderBy' in over && over.base === undefined && orderNothing(over.orderBy));
    });
  };
  return [...nodesOf(parseStatement(sql))].some(node => {
    if (node.kind !== 'core') return false;
    const {columns, groupBy} = node as unknown as SelectCore;
    return picks(columns, groupBy.length === 0);
  });
}
