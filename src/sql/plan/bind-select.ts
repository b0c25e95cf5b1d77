/**
 * Binds SELECT: resolves names clause by clause in the order in which SQL sees them, and puts the operators of the plan on
 * top of each other. Layer: sql.
 */

import {isDbosError} from '../../errors.js';
import type {Compound, Expr, OrderTerm, ResultColumn, Select, SelectCore, Span, Values} from '../ast.js';
import {sqlError} from '../fault.js';
import type {CollationName} from '../values/value.js';
import {LOOKUP_ROWS} from './access.js';
import {bindCondition} from './bind-expression.js';
import {bindFrom} from './bind-from.js';
import type {Binder, DerivedQuery} from './binder.js';
import {declareCommonTables} from './common-tables.js';
import {armsOf} from './compound-arms.js';
import {
  addSlots,
  affinityOfBound,
  type Bound,
  collationOf,
  isCheap,
  isFixed,
  outerCollation,
  ownCollation,
  Slot,
  type SortKey,
  sameBound,
  signature,
  slotOf,
  sortKey,
  withSlots,
} from './expression.js';
import {addProvided, type FromNode, type Relation, relationsOf, slotsOfRelation} from './from.js';
import {planFrom, workOf} from './join.js';
import {planSort, rowsWanted} from './order.js';
import type {IndexUse, Narrow, Output, Plan, Query} from './plan.js';
import {fold, type Gathered, Scope} from './scope.js';

/** A query, and what plans it anew for conditions on its rows, where they can be asked before it is done. */
interface Narrowed {
  readonly query: Query;
  readonly narrow?: Narrow | undefined;
}

/** Binds a query inside `around`, which notes what it reads from outside. */
export function bindSelect(binder: Binder, around: Scope, select: Select): Query {
  return bindNarrowed(binder, around, select).query;
}

function bindNarrowed(binder: Binder, around: Scope, select: Select): Narrowed {
  return binder.nested(select, () => {
    const scope = new Scope(around);
    declareCommonTables(binder, scope, select.with, select);
    const {body} = select;
    if (body.kind === 'core') {
      const core = bindCore(binder, scope, body, select);
      return {query: finish(binder, core, select), narrow: narrowingOf(binder, core, select)};
    }
    if (body.kind === 'values') return {query: ordered(binder, scope, bindValues(binder, scope, body), [], select)};
    return bindCompound(binder, scope, body, select);
  });
}

/** Binds a query in FROM, and says whether it can be merged into the query around it. */
export function bindDerivedSelect(binder: Binder, around: Scope, select: Select, room: number): DerivedQuery {
  const {body} = select;
  const plain =
    room > 0 &&
    body.kind === 'core' &&
    !body.distinct &&
    body.groupBy.length === 0 &&
    body.having === undefined &&
    body.source !== undefined &&
    select.orderBy.length === 0 &&
    select.limit === undefined &&
    select.with === undefined;
  if (!plain) return {...bindNarrowed(binder, around, select), simple: undefined};
  return binder.nested(select, () => {
    const core = bindCore(binder, new Scope(around), body, select);
    const {from, gathered} = core;
    if (
      from === undefined ||
      relationsOf(from) > room ||
      gathered.aggregates.length > 0 ||
      gathered.windows.length > 0 ||
      !core.outputs.every(({expr}) => isCheap(expr))
    ) {
      return {query: finish(binder, core, select), simple: undefined, narrow: narrowingOf(binder, core, select)};
    }
    return {query: {plan: {op: 'one', rows: 1}, outputs: core.outputs}, simple: {from, where: core.where}};
  });
}

// ---------------------------------------------------------------------------------------------------- one SELECT

interface Core {
  readonly core: SelectCore;
  readonly scope: Scope;
  readonly from: FromNode | undefined;
  readonly where: readonly Bound[];
  readonly keys: readonly {readonly expr: Bound; readonly slot: Slot; readonly collation: CollationName}[];
  readonly outputs: readonly Output[];
  readonly having: readonly Bound[];
  readonly orderBy: readonly SortKey[];
  readonly gathered: Gathered;
}

function bindCore(binder: Binder, around: Scope, core: SelectCore, select: Select | undefined): Core {
  const scope = new Scope(around);
  const from = core.source && bindFrom(binder, scope, core.source);
  for (const {name, definition} of core.windows) scope.windows.set(fold(name.text), definition);
  for (const column of core.columns) {
    if (column.kind !== 'expr' || column.alias === undefined) continue;
    const name = fold(column.alias.text);
    if (!scope.aliases.has(name)) scope.aliases.set(name, {expr: column.expr, busy: false});
  }
  scope.bindAlias = expr => binder.expression(scope, expr);
  const where = core.where ? bindCondition(binder, scope, core.where) : [];
  const expanded = expandStars(scope, core.columns);
  const keys = core.groupBy.map(expr => {
    const bound = binder.expression(scope, termExpression(expr, expanded, 'GROUP BY'));
    return {
      expr: bound,
      slot: bound.op === 'slot' ? bound.slot : new Slot('', affinityOfBound(bound), collationOf(bound)),
      collation: collationOf(bound),
    };
  });
  const gathered: Gathered = {aggregates: [], windows: []};
  scope.gathered = gathered;
  scope.groupKeys = keys
    .filter(key => key.expr.op !== 'slot')
    .map(key => ({signature: signature(key.expr), slot: key.slot}));
  scope.windowsAllowed = true;
  // result columns do not see each other's names
  const {bindAlias} = scope;
  scope.bindAlias = undefined;
  const outputs = expanded.map(column => {
    if (column.kind === 'bound') return {name: column.name, expr: column.bound(), type: column.type};
    const expr = binder.expression(scope, column.expr);
    return {name: column.name ?? nameOf(scope, column.expr, column.text), expr, type: typeOf(scope, column.expr, expr)};
  });
  scope.windowsAllowed = false;
  scope.bindAlias = bindAlias;
  const having = core.having ? bindCondition(binder, scope, core.having) : [];
  if (core.having && keys.length === 0 && gathered.aggregates.length === 0) {
    throw sqlError('SQL_MISUSE', 'HAVING clause on a non-aggregate query.', core.having, {
      hint: 'Use WHERE for conditions on rows.',
    });
  }
  scope.windowsAllowed = true;
  const orderBy = select ? select.orderBy.map(term => bindOrderTerm(binder, scope, term, expanded, outputs)) : [];
  scope.windowsAllowed = false;
  return {core, scope, from, where, keys, outputs, having, orderBy, gathered};
}

function finish(binder: Binder, parts: Core, select: Select | undefined): Query {
  const {core, keys, gathered, outputs} = parts;
  let plan = parts.from ? planFrom(parts.from, parts.where) : filtered({op: 'one', rows: 1}, parts.where);
  let {orderBy} = parts;
  if (keys.length > 0 || gathered.aggregates.length > 0) {
    const bare = parts.from ? [...addProvided(parts.from, new Set())] : [];
    plan = firstOfOrder(parts, plan) ?? plan;
    const rows = keys.length === 0 ? 1 : Math.max(1, Math.min(plan.rows, plan.rows ** 0.5 * 2));
    const sorted = groupsInOrder(parts, plan, rows, select);
    if (sorted) orderBy = [];
    const {input, most} = sorted ?? {input: plan, most: undefined};
    plan = {op: 'aggregate', input, keys, aggregates: gathered.aggregates, single: keys.length === 0, bare, rows, most};
    plan = filtered(plan, parts.having);
  }
  if (gathered.windows.length > 0) plan = {op: 'window', input: plan, calls: gathered.windows, rows: plan.rows};
  let results = outputs;
  if (core.distinct) {
    const slots = outputs.map(({name, expr}) => new Slot(name, affinityOfBound(expr), collationOf(expr)));
    const items = outputs.map(({expr}, index) => ({slot: slots[index] as Slot, expr}));
    const collated = orderBy.map(key => {
      const index = outputs.findIndex(output => sameBound(stripCollate(key.expr), stripCollate(output.expr)));
      if (index >= 0) return {...key, expr: slotOf(slots[index] as Slot)};
      const slot = new Slot('', 'none', undefined);
      items.push({slot, expr: key.expr});
      return {...key, expr: slotOf(slot)};
    });
    orderBy = collated;
    plan = {op: 'project', input: plan, items, rows: plan.rows};
    plan = {op: 'distinct', input: plan, slots, rows: plan.rows};
    results = outputs.map((output, index) => ({...output, expr: slotOf(slots[index] as Slot)}));
  }
  const plain = keys.length === 0 && gathered.aggregates.length + gathered.windows.length === 0 && !core.distinct;
  return ordered(binder, parts.scope, {plan, outputs: results}, orderBy, select, plain ? parts : undefined);
}

function filtered(plan: Plan, conditions: readonly Bound[]): Plan {
  if (conditions.length === 0) return plan;
  return {op: 'filter', input: plan, conditions, rows: Math.max(1, plan.rows / 3)};
}

/** Returns the row that has the only min() or max() of a query, if rows come in that order from a tree or an index. */
function firstOfOrder({keys, gathered, outputs, having, orderBy, where}: Core, plan: Plan): Plan | undefined {
  const [only, ...others] = gathered.aggregates;
  if (only === undefined || others.length > 0 || keys.length > 0 || gathered.windows.length > 0) return undefined;
  const {function: called, args, filter, collation, slot} = only;
  const [expr, more] = args;
  if (expr === undefined || more !== undefined || filter !== undefined) return undefined;
  if (called.name !== 'min' && called.name !== 'max') return undefined;
  const read = [...outputs, ...orderBy].map(each => each.expr).concat(having);
  if (!read.every(each => [...addSlots(each, new Set())].every(other => other === slot))) return undefined;
  const descending = called.name === 'max';
  const present: Bound = {op: 'isNull', operand: expr, negated: true};
  const some: Plan = {op: 'filter', input: plan, conditions: [present], rows: plan.rows};
  const sorted = planSort(some, [{expr, descending, nullsFirst: !descending, collation}], ONCE, undefined);
  if (sorted.op === 'sort') return undefined;
  const index = indexOf(sorted);
  // another index than that of the conditions may lead to all rows, one by one
  if (index && !index.covering && where.length > 0 && index.source !== indexOf(plan)?.source) return undefined;
  return {op: 'limit', input: sorted, limit: ONCE, offset: undefined, rows: 1};
}

/**
 * Returns the rows of groups in the order of the groups, if a tree or an index has it, and how many groups are wanted; then they
 * need not be sorted.
 */
function groupsInOrder(
  {core, keys, gathered, having, orderBy}: Core,
  input: Plan,
  groups: number,
  select: Select | undefined,
): {readonly input: Plan; readonly most: number | undefined} | undefined {
  if (keys.length === 0 || orderBy.length < keys.length || core.distinct || gathered.windows.length > 0)
    return undefined;
  const terms: SortKey[] = [];
  for (const term of orderBy.slice(0, keys.length)) {
    const {expr, collation} = term;
    const key = keys.find(({slot}) => expr.op === 'slot' && expr.slot === slot);
    if (key === undefined || key.collation !== collation || terms.some(each => each.expr === key.expr))
      return undefined;
    terms.push({...term, expr: key.expr});
  }
  const constant = (expr: Expr | undefined) => {
    const value = expr === undefined ? 0 : expr.kind === 'literal' ? expr.value : undefined;
    return typeof value === 'number' && Number.isSafeInteger(value) && value >= 0 ? value : undefined;
  };
  const [limit, offset] = [select?.limit && constant(select.limit), constant(select?.offset)];
  const most = having.length > 0 || limit === undefined || offset === undefined ? undefined : limit + offset;
  const wanted = most === undefined ? undefined : Math.ceil((most * input.rows) / groups);
  const sorted = planSort(input, terms, wanted === undefined ? undefined : {op: 'constant', value: wanted}, undefined);
  return sorted.op === 'sort' ? undefined : {input: sorted, most};
}

interface Order {
  readonly keys: readonly SortKey[];
  readonly limit: Bound | undefined;
  readonly offset: Bound | undefined;
}

/**
 * Returns the plan of a join for its first rows: the table that has their order is read in it, and what belongs to a row is looked
 * up; undefined where that is not less work than `whole`, or than to sort the rows of `join`.
 */
function firstRows({from, where}: Core, join: Plan, whole: Plan, {keys, limit, offset}: Order): Plan | undefined {
  const wanted = rowsWanted(limit, offset);
  if (from === undefined || wanted === undefined || relationsOf(from) < 2) return undefined;
  const part = Math.min(1, wanted / join.rows);
  const first = keys.length > 0 ? relationWith(from, keys) : undefined;
  if (part === 1 || (keys.length > 0 && first === undefined)) return undefined;
  const led = planFrom(from, where, {first, part});
  const plan = keys.length > 0 ? planSort(led, keys, limit, offset, join.rows) : led;
  return plan.op !== 'sort' && costOfFirst(plan, part) < workOf(whole) ? plan : undefined;
}

/** Returns the relation of a FROM clause that has everything that sort keys read. */
function relationWith(node: FromNode, keys: readonly SortKey[]): Relation | undefined {
  if (node.kind === 'relation') {
    const slots = new Set(slotsOfRelation(node.relation));
    const has = ({expr}: SortKey) => [...addSlots(expr, new Set())].every(slot => slots.has(slot));
    return keys.every(has) ? node.relation : undefined;
  }
  const nodes = node.kind === 'inner' ? node.nodes : [node.left];
  return nodes.map(each => relationWith(each, keys)).find(Boolean);
}

/** Returns what it costs to read a plan until the first rows are there: of the table that is read first a part. */
function costOfFirst(plan: Plan, part: number): number {
  switch (plan.op) {
    case 'scan':
      return Math.max(1, Math.min(workOf(plan), plan.source.rows * LOOKUP_ROWS) * part);
    case 'filter':
      return costOfFirst(plan.input, part);
    case 'nest':
    case 'hash':
      return workOf(plan) - workOf(plan.outer) + costOfFirst(plan.outer, part);
    default:
      return workOf(plan);
  }
}

const ONCE: Bound = {op: 'constant', value: 1};

/** Returns the index that the outermost scan of a plan reads. */
function indexOf(plan: Plan): IndexUse | undefined {
  switch (plan.op) {
    case 'scan':
      return plan.range?.index;
    case 'filter':
      return indexOf(plan.input);
    case 'nest':
    case 'hash':
      return indexOf(plan.outer);
    default:
      return undefined;
  }
}

/** Returns what plans a SELECT anew for conditions on its results, some of which can be asked of the rows that it reads. */
function narrowingOf(binder: Binder, core: Core, select: Select | undefined): Narrow | undefined {
  const {from, keys, gathered, where} = core;
  const single = gathered.aggregates.length > 0 && keys.length === 0;
  if (from === undefined || single || select?.limit || select?.offset) return undefined;
  return remembering((conditions, slots) => {
    const asked = conditions.flatMap(condition => pushedInto(core, condition, slots) ?? []);
    return asked.length === 0 ? undefined : finish(binder, {...core, where: [...where, ...asked]}, select);
  });
}

/**
 * Returns a condition on the results of a SELECT as one on the rows that it reads; undefined where that is not the same. Rows
 * that are grouped, are in one partition, or of which one is kept, must all meet it or none.
 */
function pushedInto(
  {core, keys, outputs, gathered}: Core,
  condition: Bound,
  slots: readonly Slot[],
): Bound | undefined {
  if (!isCheap(condition)) return undefined;
  const results = resultsOf(condition, slots, outputs);
  if (results === undefined || !results.every(isCheap)) return undefined;
  const isOneOf = (terms: readonly {readonly expr: Bound; readonly collation: CollationName}[]) =>
    results.every(result => terms.some(term => term.collation === 'binary' && sameBound(term.expr, result)));
  const apart = core.distinct || keys.length > 0 || gathered.windows.length > 0;
  if (apart && !isOfEquals(condition)) return undefined;
  if (core.distinct && !results.every(result => collationOf(result) === 'binary')) return undefined;
  if (!gathered.windows.every(call => isOneOf(call.partitionBy))) return undefined;
  if (keys.length > 0 && !isOneOf(keys.map(key => ({...key, expr: slotOf(key.slot)})))) return undefined;
  const asked = withSlots(condition, slot => outputs[slots.indexOf(slot)]?.expr);
  return withSlots(asked, slot => keys.find(key => key.slot === slot)?.expr);
}

/** Returns the outputs of a query that a condition on them reads; undefined if it reads anything else. */
function resultsOf(condition: Bound, slots: readonly Slot[], outputs: readonly Output[]): Bound[] | undefined {
  const results: Bound[] = [];
  for (const slot of addSlots(condition, new Set())) {
    const output = outputs[slots.indexOf(slot)];
    if (output === undefined) return undefined;
    results.push(output.expr);
  }
  return results;
}

/** Returns whether a condition says the same of values that are equal: 1 and 1.0 are, but not as texts. */
function isOfEquals(condition: Bound): boolean {
  const isPlain = (expr: Bound) => expr.op === 'slot' || isFixed(expr);
  switch (condition.op) {
    case 'compare': {
      const sides = [condition.left, condition.right];
      // compared as texts 1 and 1.0 differ, but for columns of TEXT, which have neither
      const asTexts =
        condition.affinity === 'text' && sides.some(side => side.op === 'slot' && side.slot.affinity !== 'text');
      return !asTexts && sides.every(isPlain);
    }
    case 'inList':
      return isPlain(condition.operand) && condition.items.every(isPlain);
    case 'isNull':
      return isPlain(condition.operand);
    case 'not':
      return isOfEquals(condition.operand);
    case 'and':
    case 'or':
      return isOfEquals(condition.left) && isOfEquals(condition.right);
    default:
      return isFixed(condition);
  }
}

/** Plans for the same conditions once: a query is looked at several times until it is known how it is joined. */
function remembering(narrow: Narrow): Narrow {
  const known = new Map<string, Query | undefined>();
  return (conditions, slots) => {
    const key = conditions.map(signature).join();
    if (!known.has(key)) known.set(key, narrow(conditions, slots));
    return known.get(key);
  };
}

/** Puts ORDER BY and LIMIT on top. */
function ordered(
  binder: Binder,
  scope: Scope,
  query: Query,
  orderBy: readonly SortKey[],
  select: Select | undefined,
  /** What the query reads, where its rows are those of a join. */
  parts?: Core,
): Query {
  const outside = new Scope(scope.parent);
  const limit = select?.limit && binder.expression(outside, select.limit);
  const offset = select?.offset && binder.expression(outside, select.offset);
  for (const slot of outside.outer) scope.outer.add(slot);
  let {plan} = query;
  const keys = orderBy.filter(key => key.expr.op !== 'constant');
  if (keys.length > 0 && plan.op !== 'one') plan = planSort(plan, keys, limit, offset);
  plan = (parts && firstRows(parts, query.plan, plan, {keys, limit, offset})) ?? plan;
  if (limit || offset) {
    const most =
      limit?.op === 'constant' && typeof limit.value === 'number' && limit.value >= 0 ? limit.value : plan.rows;
    plan = {op: 'limit', input: plan, limit, offset, rows: Math.min(plan.rows, most)};
  }
  return {plan, outputs: query.outputs};
}

function stripCollate(expr: Bound): Bound {
  return expr.op === 'collate' ? stripCollate(expr.operand) : expr;
}

// ---------------------------------------------------------------------------------------------------- result columns

type Expanded =
  | {readonly kind: 'bound'; readonly name: string; readonly type: string; readonly bound: () => Bound}
  | {readonly kind: 'expr'; readonly expr: Expr; readonly name: string | undefined; readonly text: string};

function expandStars(scope: Scope, columns: readonly ResultColumn[]): Expanded[] {
  const expanded: Expanded[] = [];
  for (const column of columns) {
    if (column.kind === 'expr') {
      expanded.push({kind: 'expr', expr: column.expr, name: column.alias?.text, text: column.text});
      continue;
    }
    const wanted = column.table;
    const tables = scope.tables.filter(table => !wanted || fold(table.alias) === fold(wanted.text));
    if (tables.length === 0) {
      if (wanted)
        throw sqlError('TABLE_UNKNOWN', `no such table: ${wanted.text}.`, wanted, {
          hint: 'Name a table of the FROM clause.',
        });
      throw sqlError('SQL_MISUSE', 'no tables specified.', column, {hint: '`*` needs a FROM clause.'});
    }
    for (const table of tables) {
      for (const {name, type, hidden, bound} of table.columns) {
        if (hidden) continue;
        const merged = wanted
          ? undefined
          : scope.merged.find(each => fold(each.name) === fold(name) && each.tables.has(table));
        if (merged) {
          // USING shows the column once, where the leftmost of its tables has it
          if (scope.tables.find(each => merged.tables.has(each)) !== table) continue;
          expanded.push({kind: 'bound', name, type, bound: merged.bound});
        } else expanded.push({kind: 'bound', name, type, bound});
      }
    }
  }
  return expanded;
}

/** Returns the name of an unnamed result column: that of a column, else its text. */
function nameOf(scope: Scope, expr: Expr, text: string): string {
  if (expr.kind !== 'column') return text;
  return scope.resolve(expr.table, expr.name)?.found.name ?? text;
}

/** Returns the declared type of a result column: that of a column, of a subquery that of its column, else empty. */
function typeOf(scope: Scope, expr: Expr, bound: Bound): string {
  if (bound.op === 'scalar') return bound.subquery.query.outputs[bound.column]?.type ?? '';
  return expr.kind === 'column' ? (scope.resolve(expr.table, expr.name)?.found.type ?? '') : '';
}

/** Returns the expression that a term of GROUP BY or ORDER BY means by a number. */
function termExpression(expr: Expr, columns: readonly Expanded[], clause: string): Expr {
  const position = positionOf(expr);
  if (position === undefined) return expr;
  const column = columns[position - 1];
  if (column === undefined) throw outOfRange(expr, columns.length, clause);
  if (column.kind === 'expr') return column.expr;
  const name = {text: column.name, quoted: false, from: expr.from, to: expr.to};
  return {kind: 'column', schema: undefined, table: undefined, name, from: expr.from, to: expr.to};
}

function positionOf(expr: Expr): number | undefined {
  if (expr.kind === 'unary' && (expr.operator === '-' || expr.operator === '+')) {
    const position = positionOf(expr.operand);
    return position === undefined || expr.operator === '+' ? position : -position;
  }
  return expr.kind === 'literal' &&
    typeof expr.value === 'number' &&
    Number.isInteger(expr.value) &&
    expr.value < 2 ** 31
    ? expr.value
    : undefined;
}

function outOfRange(at: Span, columns: number, clause: string) {
  return sqlError('SQL_MISUSE', `a term of ${clause} is out of range - it should be between 1 and ${columns}.`, at, {
    hint: 'Numbers mean columns of the result there.',
  });
}

function bindOrderTerm(
  binder: Binder,
  scope: Scope,
  term: OrderTerm,
  columns: readonly Expanded[],
  outputs: readonly Output[],
): SortKey {
  let expr = term.expr;
  let explicit: Expr | undefined;
  if (expr.kind === 'collate') {
    explicit = expr;
    expr = expr.operand;
  }
  const position = positionOf(expr);
  let bound: Bound;
  if (position !== undefined) {
    const output = outputs[position - 1];
    if (output === undefined) throw outOfRange(expr, outputs.length, 'ORDER BY');
    bound = output.expr;
  } else {
    const named = aliasedOutput(expr, columns);
    bound = named === undefined ? binder.expression(scope, expr) : (outputs[named]?.expr as Bound);
  }
  if (explicit?.kind === 'collate')
    bound = {op: 'collate', operand: bound, collation: binder.collation(explicit.collation)};
  return sortKey(bound, term);
}

function aliasedOutput(expr: Expr, columns: readonly Expanded[]): number | undefined {
  if (expr.kind !== 'column' || expr.table !== undefined) return undefined;
  const wanted = fold(expr.name.text);
  const index = columns.findIndex(
    column => column.kind === 'expr' && column.name !== undefined && fold(column.name) === wanted,
  );
  return index < 0 ? undefined : index;
}

// ---------------------------------------------------------------------------------------------------- VALUES and compounds

function bindValues(binder: Binder, around: Scope, values: Values): Query {
  const scope = new Scope(around);
  const width = values.rows[0]?.length ?? 0;
  const items = values.rows.map(row => {
    if (row.length !== width) {
      throw sqlError('SQL_MISUSE', 'all VALUES must have the same number of terms.', row[0] ?? values, {
        hint: `The first row has ${width}.`,
      });
    }
    return row.map(expr => binder.expression(scope, expr));
  });
  const slots = Array.from({length: width}, (_, index) => {
    const first = items[0]?.[index] as Bound;
    return new Slot(`column${index + 1}`, affinityOfBound(first), collationOf(first));
  });
  const outputs = slots.map(slot => ({name: slot.name, expr: slotOf(slot), type: ''}));
  return {plan: {op: 'values', items, slots, rows: items.length}, outputs};
}

function bindCompound(binder: Binder, scope: Scope, body: Compound, select: Select): Narrowed {
  const bound = armsOf(body).map(arm => ({...arm, ...bindArm(binder, scope, arm.body)}));
  const query = combine(bound.map(({operator, query, body: at}) => ({operator, query, at})));
  const outputs = query.outputs;
  const keys = select.orderBy.map((term, number) => {
    let expr = term.expr;
    const explicit = expr.kind === 'collate' ? expr.collation : undefined;
    if (expr.kind === 'collate') expr = expr.operand;
    let index = positionOf(expr);
    if (index !== undefined) {
      if (index < 1 || index > outputs.length) throw outOfRange(expr, outputs.length, 'ORDER BY');
      index--;
    } else index = matchingOutput(binder, bound, expr);
    if (index === undefined) {
      throw sqlError(
        'SQL_MISUSE',
        `term ${number + 1} of ORDER BY does not match any column in the result set.`,
        expr,
        {
          hint: 'A compound is ordered by columns of its result: by name or by number.',
        },
      );
    }
    let key = outputs[index]?.expr as Bound;
    if (explicit) key = {op: 'collate', operand: key, collation: binder.collation(explicit)};
    return sortKey(key, term);
  });
  const whole = select.limit === undefined && select.offset === undefined && keys.length === 0;
  return {
    query: ordered(binder, scope, query, keys, select),
    narrow: whole ? narrowingOfArms(binder, bound) : undefined,
  };
}

interface BoundArm {
  readonly operator: Compound['operator'];
  readonly body: SelectCore | Values;
  readonly query: Query;
  readonly core: Core | undefined;
}

/** As `narrowingOf`, for the arms of a compound by themselves. */
function narrowingOfArms(binder: Binder, arms: readonly BoundArm[]): Narrow {
  const narrows = arms.map(({core}) => core && narrowingOf(binder, core, undefined));
  const keepsAll = arms.every(({operator}) => operator === 'union all');
  const isBinary = ({query}: BoundArm, at: number) =>
    (ownCollation((query.outputs[at] as Output).expr) ?? 'binary') === 'binary';
  return remembering((conditions, slots) => {
    const asked = conditions.filter(condition => {
      if (keepsAll) return true;
      const read = [...addSlots(condition, new Set())].map(slot => slots.indexOf(slot));
      return isOfEquals(condition) && read.every(at => at >= 0 && arms.every(arm => isBinary(arm, at)));
    });
    let narrowed = false;
    const inputs = arms.map(({operator, query, body}, i) => {
      const less = narrows[i]?.(asked, slots);
      if (less !== undefined) narrowed = true;
      return {operator, query: less ?? query, at: body};
    });
    return narrowed ? combine(inputs) : undefined;
  });
}

/** Binds one arm; `outputs` are its own expressions, for ORDER BY to be compared with. */
export function bindArm(binder: Binder, scope: Scope, body: SelectCore | Values) {
  if (body.kind === 'values') return {query: bindValues(binder, scope, body), core: undefined};
  const core = bindCore(binder, scope, body, undefined);
  return {query: finish(binder, core, undefined), core};
}

/** Puts arms together, from the left. */
export function combine(
  arms: readonly {readonly operator: Compound['operator']; readonly query: Query; readonly at: Span}[],
): Query {
  const [first, ...rest] = arms;
  if (first === undefined) throw new TypeError('a compound without arms');
  let query = first.query;
  for (let i = 0; i < rest.length; ) {
    const {operator} = rest[i] as (typeof rest)[number];
    const inputs = [query];
    do {
      const arm = rest[i++] as (typeof rest)[number];
      if (arm.query.outputs.length !== query.outputs.length) {
        throw sqlError(
          'SQL_MISUSE',
          `SELECTs to the left and right of ${operator.toUpperCase()} do not have the same number of result columns.`,
          arm.at,
          {hint: `The left one has ${query.outputs.length}, this one ${arm.query.outputs.length}.`},
        );
      }
      inputs.push(arm.query);
    } while ((operator === 'union' || operator === 'union all') && rest[i]?.operator === operator);
    const slots = query.outputs.map(({name, expr}, i) => {
      // that of the first arm in which there is one
      const collation = inputs.map(({outputs}) => ownCollation((outputs[i] as Output).expr)).find(Boolean);
      return new Slot(name, affinityOfBound(expr), collation);
    });
    const rows =
      operator === 'union all' || operator === 'union'
        ? inputs.reduce((sum, each) => sum + each.plan.rows, 0)
        : query.plan.rows;
    // outside, columns have the collation that the first arm gives them
    const outputs = query.outputs.map((output, index) => {
      const {name, type} = output;
      return {name, type, expr: slotOf(slots[index] as Slot), collation: outerCollation(output)};
    });
    query = {plan: {op: 'set', operator, inputs, slots, rows}, outputs};
  }
  return query;
}

function matchingOutput(
  binder: Binder,
  arms: readonly {readonly query: Query; readonly core: Core | undefined}[],
  expr: Expr,
): number | undefined {
  for (const {query, core} of arms) {
    if (expr.kind === 'column' && expr.table === undefined) {
      const index = query.outputs.findIndex(({name}) => fold(name) === fold(expr.name.text));
      if (index >= 0) return index;
    }
    if (core === undefined) continue;
    try {
      const bound = binder.expression(core.scope, expr);
      const index = core.outputs.findIndex(output => sameBound(stripCollate(output.expr), bound));
      if (index >= 0) return index;
    } catch (error) {
      // what this arm does not know, another one may
      if (!isDbosError(error)) throw error;
    }
  }
  return undefined;
}
