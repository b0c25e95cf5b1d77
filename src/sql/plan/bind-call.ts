/**
 * Binds calls of functions: scalar functions, aggregates, which belong to the query whose rows they gather, and window
 * functions. Layer: sql.
 */

import {Real} from '../../tree/cell.js';
import type {Expr, FrameBound, FunctionCall, Name, WindowDefinition} from '../ast.js';
import {sqlError} from '../fault.js';
import {RETURNS_JSON} from '../functions/json.js';
import {findAggregate, findScalar, findWindow} from '../functions/registry.js';
import type {CollationName} from '../values/value.js';
import type {Binder} from './binder.js';
import {
  type Bound,
  collationOf,
  comparisonCollation,
  NULL,
  Slot,
  type SortKey,
  signature,
  slotOf,
  sortKey,
} from './expression.js';
import {fold, type Scope} from './scope.js';

/** Returns what a call means. */
export function bindCall(binder: Binder, scope: Scope, call: FunctionCall): Bound {
  try {
    if (call.over !== undefined) return bindWindow(binder, scope, call);
    const aggregate = findAggregate(fold(call.name.text), call.args.length);
    if (aggregate !== undefined) return bindAggregate(binder, scope, call, aggregate);
    if (findWindow(fold(call.name.text)) !== undefined)
      throw misuse(`misuse of window function ${call.name.text}()`, call, 'It needs an OVER clause.');
    return bindScalar(binder, scope, call);
  } catch (error) {
    throw binder.at(error, call.name);
  }
}

function misuse(sentence: string, at: FunctionCall | Name, hint: string) {
  return sqlError('SQL_MISUSE', `${sentence}.`, at.from === undefined ? undefined : at, {hint});
}

function bindScalar(binder: Binder, scope: Scope, call: FunctionCall): Bound {
  if (call.star)
    throw misuse(`wrong number of arguments to function ${call.name.text}()`, call, 'Only count() takes `*`.');
  const found = findScalar(fold(call.name.text), call.args.length);
  if (call.distinct || call.orderBy.length > 0) {
    throw misuse(
      `${call.distinct ? 'DISTINCT' : 'ORDER BY'} is not supported by ${call.name.text}(), which is no aggregate`,
      call,
      'Remove it.',
    );
  }
  if (call.filter) throw misuse(`FILTER may not be used with non-aggregate ${call.name.text}()`, call, 'Remove it.');
  const args = call.args.map(arg => binder.expression(scope, arg));
  if (found.name === 'likelihood') checkLikelihood(call);
  return {op: 'call', function: found, args, collation: argumentCollation(args)};
}

function checkLikelihood(call: FunctionCall): void {
  const [, chance] = call.args;
  const value = chance?.kind === 'literal' ? chance.value : null;
  const number =
    value instanceof Real ? value.value : typeof value === 'number' && !Number.isInteger(value) ? value : -1;
  if (number >= 0 && number <= 1) return;
  throw misuse(
    'second argument to likelihood() must be a constant between 0.0 and 1.0',
    call,
    'For example: likelihood(x, 0.9).',
  );
}

/** Returns how texts compare in a call: as the first argument says that says something. */
function argumentCollation(args: readonly Bound[]): CollationName {
  for (const arg of args) {
    const collation = comparisonCollation(arg, NULL);
    if (collation !== 'binary' || arg.op === 'slot' || arg.op === 'collate') return collation;
  }
  return 'binary';
}

function bindAggregate(
  binder: Binder,
  scope: Scope,
  call: FunctionCall,
  found: ReturnType<typeof findAggregate> & object,
): Bound {
  let args: Bound[] = [];
  let filter: Bound | undefined;
  let orderBy: SortKey[] = [];
  // the aggregate belongs to the innermost query that has one of its columns
  const chain: Scope[] = [];
  for (let each: Scope | undefined = scope; each; each = each.parent) chain.push(each);
  const inside = chain.map(each => each.insideAggregate);
  const gathered = chain.map(each => each.gathered);
  scope.insideAggregate = true;
  scope.gathered = undefined;
  const windowsAllowed = scope.windowsAllowed;
  scope.windowsAllowed = false;
  let owners: ReadonlySet<Scope>;
  try {
    owners = binder.ownersOf(() => {
      args = call.args.map(arg => binder.expression(scope, arg));
      filter = call.filter && binder.expression(scope, call.filter);
      orderBy = call.orderBy.map(term => sortKey(binder.expression(scope, term.expr), term));
    });
  } finally {
    scope.insideAggregate = inside[0] as boolean;
    scope.gathered = gathered[0];
    scope.windowsAllowed = windowsAllowed;
  }
  if (call.distinct && args.length !== 1) {
    throw misuse('DISTINCT aggregates must have exactly one argument', call, 'Give it one argument.');
  }
  let owner = 0;
  if (owners.size > 0) while (owner < chain.length - 1 && !owners.has(chain[owner] as Scope)) owner++;
  const home = chain[owner] as Scope;
  const sink = gathered[owner];
  if (sink === undefined) {
    throw misuse(
      `misuse of aggregate: ${call.name.text}()`,
      call,
      'Aggregates stand in the columns of the result, in HAVING and in ORDER BY.',
    );
  }
  const collation = argumentCollation(args);
  const json = jsonOf(call);
  const aggregate = {function: found, args, distinct: call.distinct, filter, orderBy, collation};
  const own = aggregateSignature(aggregate);
  const known = sink.aggregates.find(each => aggregateSignature(each) === own);
  const slot = known?.slot ?? new Slot(call.name.text, 'none', undefined, found.returns, json);
  if (known === undefined) sink.aggregates.push({slot, ...aggregate});
  const bound = slotOf(slot);
  scope.depend(bound, home);
  binder.columnFound(home);
  return bound;
}

function jsonOf(call: FunctionCall): true | undefined {
  return RETURNS_JSON.has(fold(call.name.text)) || undefined;
}

function aggregateSignature(aggregate: {
  readonly function: object;
  readonly args: readonly Bound[];
  readonly distinct: boolean;
  readonly filter: Bound | undefined;
  readonly orderBy: readonly SortKey[];
}): string {
  const parts: Bound[] = [...aggregate.args, aggregate.filter ?? NULL, ...aggregate.orderBy.map(key => key.expr)];
  const order = aggregate.orderBy.map(key => `${key.descending}${key.nullsFirst}`);
  const name = (aggregate.function as {name: string}).name;
  return `${name} ${aggregate.distinct} ${aggregate.filter !== undefined} ${order} ${parts.map(signature).join(';')}`;
}

// ---------------------------------------------------------------------------------------------------- windows

function bindWindow(binder: Binder, scope: Scope, call: FunctionCall): Bound {
  const found = findWindow(fold(call.name.text));
  const aggregate = found === undefined ? findAggregate(fold(call.name.text), call.args.length) : undefined;
  const called = found ?? aggregate;
  if (called === undefined) {
    findScalar(fold(call.name.text), call.args.length);
    throw misuse(`${call.name.text}() may not be used as a window function`, call, 'Remove its OVER clause.');
  }
  if (call.args.length < called.minArgs || call.args.length > called.maxArgs) {
    throw misuse(`wrong number of arguments to function ${call.name.text}()`, call, 'docs/sql.md lists the functions.');
  }
  if (scope.gathered === undefined || !scope.windowsAllowed) {
    throw misuse(
      `misuse of window function ${call.name.text}()`,
      call,
      'Window functions stand in the columns of the result and in ORDER BY.',
    );
  }
  if (call.distinct) throw misuse('DISTINCT is not supported for window functions', call, 'Remove it.');
  if (call.orderBy.length > 0)
    throw misuse('ORDER BY is not supported in the arguments of a window function', call, 'Order in OVER (…).');
  if (found !== undefined && call.filter)
    throw misuse('FILTER clause may only be used with aggregate window functions', call, 'Remove it.');
  scope.windowsAllowed = false;
  try {
    const definition = windowOf(scope, call.over as Name | WindowDefinition);
    const bind = (expr: Expr) => binder.expression(scope, expr);
    const args = call.args.map(bind);
    const {frame} = definition;
    const slot = new Slot(call.name.text, 'none', undefined, undefined, jsonOf(call));
    scope.gathered.windows.push({
      slot,
      function: called,
      args,
      filter: call.filter && bind(call.filter),
      partitionBy: definition.partitionBy.map(expr => {
        const bound = bind(expr);
        return {expr: bound, collation: collationOf(bound)};
      }),
      orderBy: definition.orderBy.map(term => sortKey(bind(term.expr), term)),
      frame,
      startOffset: offsetOf(frame?.start, bind),
      endOffset: offsetOf(frame?.end, bind),
      collation: argumentCollation(args),
    });
    checkFrame(definition);
    return slotOf(slot);
  } finally {
    scope.windowsAllowed = true;
  }
}

function offsetOf(bound: FrameBound | undefined, bind: (expr: Expr) => Bound): Bound | undefined {
  return bound && 'offset' in bound ? bind(bound.offset) : undefined;
}

function checkFrame(definition: WindowDefinition): void {
  const {frame, orderBy} = definition;
  if (frame === undefined) return;
  const wrong = (sentence: string) =>
    sqlError('SQL_MISUSE', `${sentence}.`, frame, {hint: 'See docs/sql.md for the frames.'});
  if (frame.start.kind === 'unbounded following' || frame.end.kind === 'unbounded preceding')
    throw wrong('unsupported frame specification');
  const rank = {'unbounded preceding': 0, preceding: 1, 'current row': 2, following: 3, 'unbounded following': 4};
  if (rank[frame.start.kind] > rank[frame.end.kind]) throw wrong('unsupported frame specification');
  const offsets = 'offset' in frame.start || 'offset' in frame.end;
  if (frame.unit === 'range' && offsets && orderBy.length !== 1) {
    throw wrong('RANGE with offset PRECEDING/FOLLOWING requires one ORDER BY expression');
  }
}

/** Returns a window with everything that it takes from the windows that it is based on. */
function windowOf(scope: Scope, over: Name | WindowDefinition, seen: readonly string[] = []): WindowDefinition {
  if (!('kind' in over)) {
    const definition = findNamed(scope, over);
    return windowOf(scope, definition, [...seen, fold(over.text)]);
  }
  if (over.base === undefined) return over;
  const name = fold(over.base.text);
  if (seen.includes(name))
    throw sqlError('SQL_MISUSE', `no such window: ${over.base.text}.`, over.base, {
      hint: 'A window cannot be based on itself.',
    });
  const base = windowOf(scope, findNamed(scope, over.base), [...seen, name]);
  const wrong = (what: string) =>
    sqlError('SQL_MISUSE', `cannot override ${what} of window: ${over.base?.text}.`, over, {
      hint: 'Define the window anew.',
    });
  if (over.partitionBy.length > 0) throw wrong('PARTITION clause');
  if (over.orderBy.length > 0 && base.orderBy.length > 0) throw wrong('ORDER BY clause');
  if (base.frame !== undefined) throw wrong('frame specification');
  return {
    ...over,
    base: undefined,
    partitionBy: base.partitionBy,
    orderBy: over.orderBy.length > 0 ? over.orderBy : base.orderBy,
  };
}

function findNamed(scope: Scope, name: Name): WindowDefinition {
  const found = scope.windows.get(fold(name.text));
  if (found) return found;
  throw sqlError('SQL_MISUSE', `no such window: ${name.text}.`, name, {hint: 'Define it: WINDOW name AS (…).'});
}
