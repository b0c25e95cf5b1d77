/**
 * Binds expressions: resolves columns, applies the rules of affinity and collation, takes row values apart. Layer: sql.
 */
import type {Expr, Name, QualifiedName, Select} from '../ast.js';
import {sqlError} from '../fault.js';
import {nowText} from '../functions/date.js';
import type {ScalarFunction} from '../functions/function.js';
import {jsonArrow, jsonArrowText} from '../functions/json.js';
import {affinityOf} from '../values/affinity.js';
import {bindCall} from './bind-call.js';
import type {Binder} from './binder.js';
import {
  type Arithmetic,
  affinityOfBound,
  type Bound,
  type Comparison,
  columnCollation,
  comparisonAffinity,
  comparisonCollation,
  conjunctsOf,
  explicitCollation,
  listAffinity,
  NULL,
  Slot,
  type Subquery,
  signature,
  slotOf,
} from './expression.js';
import {fold, Scope} from './scope.js';

const ARITHMETIC: Readonly<Record<string, Arithmetic>> = {
  '+': 'add',
  '-': 'subtract',
  '*': 'multiply',
  '/': 'divide',
  '%': 'remainder',
  '&': 'bitAnd',
  '|': 'bitOr',
  '<<': 'shiftLeft',
  '>>': 'shiftRight',
  '||': 'concat',
};

const ONE: Bound = {op: 'constant', value: 1};
const ZERO: Bound = {op: 'constant', value: 0};

/** Returns what an expression means in a scope. It gives one value; row values are refused. */
export function bindExpression(binder: Binder, scope: Scope, expr: Expr): Bound {
  const bound = bindAny(binder, scope, expr);
  if (bound.op === 'row') throw rowMisused(expr);
  return keyed(scope, bound);
}

/** Returns the conjuncts of a condition. */
export function bindCondition(binder: Binder, scope: Scope, expr: Expr): Bound[] {
  return conjunctsOf(bindExpression(binder, scope, expr)).filter(each => !(each.op === 'constant' && each.value === 1));
}

/** An expression that is computed like a group key is that key. */
function keyed(scope: Scope, bound: Bound): Bound {
  if (scope.groupKeys.length === 0 || scope.insideAggregate || bound.op === 'slot' || bound.op === 'constant')
    return bound;
  const own = signature(bound);
  const key = scope.groupKeys.find(each => each.signature === own);
  return key ? slotOf(key.slot) : bound;
}

function bindAny(binder: Binder, scope: Scope, expr: Expr): Bound {
  const bind = (each: Expr) => bindExpression(binder, scope, each);
  switch (expr.kind) {
    case 'literal':
      return {op: 'constant', value: expr.value};
    case 'parameter':
      return {op: 'parameter', index: binder.parameter(expr)};
    case 'now':
      return {op: 'call', function: NOW[expr.what], args: [], collation: 'binary'};
    case 'column':
      return bindColumn(binder, scope, expr.table, expr.name);
    case 'unary': {
      if (expr.operator === 'not') return {op: 'not', operand: bind(expr.operand)};
      const operand = bind(expr.operand);
      return {op: expr.operator === '-' ? 'negate' : expr.operator === '~' ? 'bitNot' : 'plus', operand};
    }
    case 'binary':
      return bindBinary(binder, scope, expr);
    case 'isNull': {
      const operand = bindAny(binder, scope, expr.operand);
      if (operand.op === 'row') throw rowMisused(expr.operand);
      return {op: 'isNull', operand: keyed(scope, operand), negated: expr.negated};
    }
    case 'match': {
      if (expr.operator === 'match') {
        throw sqlError('SQL_MISUSE', 'unable to use function MATCH in the requested context.', expr, {
          hint: 'Use LIKE, GLOB or REGEXP.',
        });
      }
      const [operand, pattern] = [bind(expr.operand), bind(expr.pattern)];
      return negated(
        {op: 'match', name: expr.operator, operand, pattern, escape: expr.escape && bind(expr.escape)},
        expr.negated,
      );
    }
    case 'between': {
      const operand = bindAny(binder, scope, expr.operand);
      const low = bindAny(binder, scope, expr.low);
      const high = bindAny(binder, scope, expr.high);
      const body = (value: Bound): Bound => ({
        op: 'and',
        left: compare('>=', value, low, expr),
        right: compare('<=', value, high, expr),
      });
      return negated(operand.op === 'row' ? body(operand) : once(keyed(scope, operand), body), expr.negated);
    }
    case 'in':
      return bindIn(binder, scope, expr);
    case 'collate':
      return {op: 'collate', operand: bind(expr.operand), collation: binder.collation(expr.collation)};
    case 'cast':
      return {op: 'cast', operand: bind(expr.operand), to: expr.type === '' ? 'numeric' : affinityOf(expr.type)};
    case 'case':
      return bindCase(binder, scope, expr);
    case 'call':
      return bindCall(binder, scope, expr);
    case 'row':
      return {op: 'row', items: expr.items.map(bind)};
    case 'subquery': {
      const subquery = bindSubquery(binder, scope, expr.query);
      const {outputs} = subquery.query;
      if (outputs.length === 1) return {op: 'scalar', subquery, column: 0};
      return {op: 'row', items: outputs.map((_, column): Bound => ({op: 'scalar', subquery, column}))};
    }
    case 'exists':
      return {op: 'exists', subquery: bindSubquery(binder, scope, expr.query)};
    case 'raise':
      if (binder.raise) return binder.raise(expr.action, expr.message && bind(expr.message));
      throw sqlError('SQL_MISUSE', 'RAISE() may only be used within a trigger-program.', expr, {hint: 'Remove it.'});
  }
}

function now(name: string, what: 'time' | 'date' | 'timestamp'): ScalarFunction {
  return {name, minArgs: 0, maxArgs: 0, deterministic: true, returns: 'text', call: context => nowText(context, what)};
}

const NOW = {
  time: now('current_time', 'time'),
  date: now('current_date', 'date'),
  timestamp: now('current_timestamp', 'timestamp'),
};

const ARROWS: Readonly<Record<'->' | '->>', ScalarFunction>> = {
  '->': {
    name: '->',
    minArgs: 2,
    maxArgs: 2,
    deterministic: true,
    call: (_, value, path) => jsonArrow(value ?? null, path ?? null),
  },
  '->>': {
    name: '->>',
    minArgs: 2,
    maxArgs: 2,
    deterministic: true,
    call: (_, value, path) => jsonArrowText(value ?? null, path ?? null),
  },
};

function negated(bound: Bound, yes: boolean): Bound {
  return yes ? {op: 'not', operand: bound} : bound;
}

/** Binds a value that is read several times. */
function once(value: Bound, body: (value: Bound) => Bound): Bound {
  if (value.op === 'slot' || value.op === 'constant' || value.op === 'parameter') return body(value);
  const slot = new Slot('', affinityOfBound(value), columnCollation(value));
  const explicit = explicitCollation(value);
  const read = slotOf(slot);
  return {op: 'let', slot, value, body: body(explicit ? {op: 'collate', operand: read, collation: explicit} : read)};
}

function rowMisused(at: Expr | undefined) {
  if (at?.kind === 'subquery') {
    return sqlError('SQL_MISUSE', 'sub-select returns several columns - expected 1.', at, {
      hint: 'Select one column here.',
    });
  }
  return sqlError('SQL_MISUSE', 'row value misused.', at, {
    hint: 'Row values can be compared with row values, and stand left of IN.',
  });
}

function bindColumn(binder: Binder, scope: Scope, table: Name | undefined, name: Name): Bound {
  const resolved = scope.resolve(table, name);
  if (resolved) {
    binder.columnFound(resolved.owner);
    binder.onColumn?.(name, resolved.found.of);
    return resolved.found.bound;
  }
  if (table === undefined) {
    const folded = fold(name.text);
    if (!name.quoted && folded === 'true') return ONE;
    if (!name.quoted && folded === 'false') return ZERO;
    // SQLite's rule for names in double quotes that are unknown
    if (name.quoted) return {op: 'constant', value: name.text};
  }
  const shown = table ? `${table.text}.${name.text}` : name.text;
  const names = scope.columnNames(table);
  const suggestion = binder.suggest(
    name.text,
    names,
    names.length > 0
      ? `There are ${names.slice(0, 12).join(', ')}.`
      : 'There is no FROM clause, or no such table in it.',
  );
  throw sqlError('COLUMN_UNKNOWN', `no such column: ${shown}.`, name, suggestion);
}

function isTruthName(expr: Expr): boolean | undefined {
  if (expr.kind !== 'column' || expr.table || expr.name.quoted) return undefined;
  const folded = fold(expr.name.text);
  return folded === 'true' ? true : folded === 'false' ? false : undefined;
}

/** Whether an operator computes a value, and does no more than that. */
function computes(operator: string): boolean {
  return operator in ARITHMETIC || operator in ARROWS;
}

function computed(operator: string, left: Bound, right: Bound): Bound {
  const name = ARITHMETIC[operator];
  if (name) return {op: 'arithmetic', name, left, right};
  return {op: 'call', function: ARROWS[operator as keyof typeof ARROWS], args: [left, right], collation: 'binary'};
}

function bindBinary(binder: Binder, scope: Scope, expr: Expr & {readonly kind: 'binary'}): Bound {
  const {operator} = expr;
  const bind = (each: Expr) => bindExpression(binder, scope, each);
  if (operator === 'and' || operator === 'or') {
    // chains of AND and OR are long in what programs write: no recursion to the left
    const rights: Expr[] = [];
    let first: Expr = expr;
    while (first.kind === 'binary' && first.operator === operator) {
      rights.push(first.right);
      first = first.left;
    }
    let bound = bind(first);
    for (let i = rights.length - 1; i >= 0; i--) {
      bound = {op: operator, left: bound, right: bind(rights[i] as Expr)};
    }
    return bound;
  }
  if (computes(operator)) {
    const rights: (Expr & {readonly kind: 'binary'})[] = [];
    let first: Expr = expr;
    while (first.kind === 'binary' && computes(first.operator)) {
      rights.push(first);
      first = first.left;
    }
    let bound = bind(first);
    for (let i = rights.length - 1; i >= 0; i--) {
      const each = rights[i] as Expr & {readonly kind: 'binary'};
      bound = keyed(scope, computed(each.operator, bound, bind(each.right)));
    }
    return bound;
  }
  const name = operator as Comparison;
  if (name === 'is' || name === 'is not') {
    const truth = isTruthName(expr.right);
    if (truth !== undefined && scope.resolve(undefined, (expr.right as Expr & {kind: 'column'}).name) === undefined) {
      return {op: 'isTruth', operand: bind(expr.left), truth, negated: name === 'is not'};
    }
  }
  const left = bindAny(binder, scope, expr.left);
  const right = bindAny(binder, scope, expr.right);
  return compare(name, keyed(scope, left), keyed(scope, right), expr);
}

/** Returns the comparison of two values or two row values. */
function compare(name: Comparison, left: Bound, right: Bound, at: Expr | undefined): Bound {
  if (left.op === 'row' || right.op === 'row') {
    const a = left.op === 'row' ? left.items : [left];
    const b = right.op === 'row' ? right.items : [right];
    if (a.length !== b.length) throw rowMisused(at);
    return compareRows(name, a, b, at);
  }
  return {
    op: 'compare',
    name,
    left,
    right,
    affinity: comparisonAffinity(affinityOfBound(left), affinityOfBound(right)),
    collation: comparisonCollation(left, right),
  };
}

/** The comparison of each value is nested in that of the one before. */
const MAX_ORDERED = 64;

function compareRows(name: Comparison, a: readonly Bound[], b: readonly Bound[], at: Expr | undefined): Bound {
  const pair = (operator: Comparison, i: number) => compare(operator, a[i] as Bound, b[i] as Bound, undefined);
  const last = a.length - 1;
  if (name === '=' || name === 'is' || name === '<>' || name === 'is not') {
    const every = name === '=' || name === 'is';
    let bound = pair(name, 0);
    for (let i = 1; i <= last; i++) bound = {op: every ? 'and' : 'or', left: bound, right: pair(name, i)};
    return bound;
  }
  if (a.length > MAX_ORDERED) {
    throw sqlError('SQL_LIMIT', `Row values of more than ${MAX_ORDERED} values cannot be ordered.`, at, {
      hint: 'Compare fewer of their values.',
    });
  }
  const strict = name.startsWith('<') ? '<' : '>';
  // (a, b) < (c, d)  is  a < c OR (a = c AND b < d)
  let bound = pair(name, last);
  for (let i = last - 1; i >= 0; i--) {
    bound = {op: 'or', left: pair(strict, i), right: {op: 'and', left: pair('=', i), right: bound}};
  }
  return bound;
}

function bindCase(binder: Binder, scope: Scope, expr: Expr & {readonly kind: 'case'}): Bound {
  const bind = (each: Expr) => bindExpression(binder, scope, each);
  const otherwise = expr.otherwise ? bind(expr.otherwise) : NULL;
  if (expr.operand === undefined) {
    return {
      op: 'case',
      branches: expr.branches.map(({when, then}) => ({when: bind(when), result: bind(then)})),
      otherwise,
    };
  }
  const body = (operand: Bound): Bound => ({
    op: 'case',
    branches: expr.branches.map(({when, then}) => ({
      when: compare('=', operand, bindAny(binder, scope, when), when),
      result: bind(then),
    })),
    otherwise,
  });
  const operand = bindAny(binder, scope, expr.operand);
  return operand.op === 'row' ? body(operand) : once(keyed(scope, operand), body);
}

// ---------------------------------------------------------------------------------------------------- subqueries

/** Binds a query inside an expression. */
export function bindSubquery(binder: Binder, scope: Scope, select: Select): Subquery {
  const around = new Scope(scope);
  const query = binder.select(around, select);
  return {query, outer: around.outer};
}

function bindIn(binder: Binder, scope: Scope, expr: Expr & {readonly kind: 'in'}): Bound {
  const operand = bindAny(binder, scope, expr.operand);
  const operands = operand.op === 'row' ? operand.items : [keyed(scope, operand)];
  const {set} = expr;
  if (set.kind === 'list') {
    if (operand.op === 'row') {
      const items = set.items.map(item => compare('=', operand, bindAny(binder, scope, item), item));
      const first = items.shift();
      if (first === undefined) return negated(ZERO, expr.negated);
      return negated(
        items.reduce((left, right): Bound => ({op: 'or', left, right}), first),
        expr.negated,
      );
    }
    const value = operands[0] as Bound;
    return {
      op: 'inList',
      operand: value,
      items: set.items.map(item => bindExpression(binder, scope, item)),
      affinity: listAffinity(affinityOfBound(value)),
      collation: comparisonCollation(value, NULL),
      negated: expr.negated,
    };
  }
  const subquery = bindSubquery(binder, scope, set.kind === 'query' ? set.query : allOf(set));
  const {outputs} = subquery.query;
  if (outputs.length !== operands.length) {
    throw sqlError('SQL_MISUSE', `sub-select returns ${outputs.length} columns - expected ${operands.length}.`, expr, {
      hint: 'Select as many columns as stand left of IN.',
    });
  }
  return {
    op: 'inQuery',
    operands,
    subquery,
    affinities: operands.map((value, index) => {
      const output = affinityOfBound(outputs[index]?.expr ?? NULL);
      const own = affinityOfBound(value);
      return comparisonAffinity(own, output);
    }),
    collations: operands.map((value, index) => comparisonCollation(value, outputs[index]?.expr ?? NULL)),
    negated: expr.negated,
  };
}

/** Returns `SELECT * FROM t` for `x IN t`. */
function allOf(set: {readonly name: QualifiedName; readonly args: readonly Expr[] | undefined}): Select {
  const span = {from: set.name.from, to: set.name.to};
  const source = {
    ...span,
    kind: 'table' as const,
    name: set.name,
    args: set.args,
    alias: undefined,
    asOf: undefined,
    indexedBy: undefined,
    notIndexed: false,
  };
  return {
    ...span,
    kind: 'select',
    with: undefined,
    body: {
      ...span,
      kind: 'core',
      distinct: false,
      columns: [{...span, kind: 'star', table: undefined}],
      source,
      where: undefined,
      groupBy: [],
      having: undefined,
      windows: [],
    },
    orderBy: [],
    limit: undefined,
    offset: undefined,
  };
}
