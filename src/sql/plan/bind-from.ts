/**
 * Binds FROM clauses: finds the tables, makes their columns visible, and works out NATURAL and USING. Layer: sql.
 */
import type {Expr, FromItem, Join, Name, Select, Span, TableReference} from '../ast.js';
import {sqlError} from '../fault.js';
import {argumentsText} from '../functions/registry.js';
import {parseStatement} from '../parser/parser.js';
import {MAX_JOIN} from '../parser/sources.js';
import type {BoundTableFunction, IndexSource, Source, SourceColumn, TreeSource} from '../source.js';
import {bindCondition} from './bind-expression.js';
import type {Binder} from './binder.js';
import {
  addSlots,
  affinityOfBound,
  type Bound,
  comparisonAffinity,
  comparisonCollation,
  outerCollation,
  Slot,
  slotOf,
} from './expression.js';
import {addProvided, type FromNode, type Relation, relationsOf} from './from.js';
import type {BoundIndex} from './key-space.js';
import type {ColumnSlots, Plan, Query, SharedQuery} from './plan.js';
import {fold, Scope, type ScopeColumn, type ScopeTable} from './scope.js';

type JoinNode = Exclude<FromNode, {readonly kind: 'relation'}>;

interface FromPart {
  readonly node: FromNode;
  readonly tables: readonly ScopeTable[];
}

/** Tables of queries in FROM that are merged into the query around them: to order joins takes time. */
const MAX_ABSORBED = 32;

/** Binds a FROM clause and adds its tables to the scope. */
export function bindFrom(binder: Binder, scope: Scope, item: FromItem): FromNode {
  const {node} = bindItem(binder, scope, item, false);
  bindConditions(scope);
  return node;
}

/** Binds the conditions of joins: a name in one may mean a column of any table of the clause. */
function bindConditions(scope: Scope): void {
  for (const bind of scope.deferred.splice(0)) bind();
}

/** Throws SQL_LIMIT where a FROM clause has more tables than SQLite takes. */
function countJoined(scope: Scope, at: Span, tables: number): void {
  scope.joined += tables;
  if (scope.joined <= MAX_JOIN) return;
  throw sqlError('SQL_LIMIT', `at most ${MAX_JOIN} tables in a join.`, at, {hint: 'Join some of them in a subquery.'});
}

function bindItem(binder: Binder, scope: Scope, item: FromItem, nullable: boolean): FromPart {
  switch (item.kind) {
    case 'table':
      countJoined(scope, item, 1);
      return added(scope, bindTable(binder, scope, item, nullable));
    case 'fromQuery':
      countJoined(scope, item, 1);
      return added(scope, bindDerived(binder, scope, item.query, item.alias?.text ?? '', [], nullable));
    case 'parens': {
      const part = bindInside(binder, scope, item.item, nullable);
      if (item.alias === undefined) return added(scope, part);
      const alias = item.alias.text;
      const columns = part.tables.flatMap(table => table.columns);
      return added(scope, {node: part.node, tables: [{alias, columns, rowid: undefined}]});
    }
    case 'join':
      return bindJoin(binder, scope, item, nullable);
  }
}

/** Binds a join in parentheses: the conditions inside see only what is inside. */
function bindInside(binder: Binder, scope: Scope, item: FromItem, nullable: boolean): FromPart {
  const inside = new Scope(scope.parent);
  const part = bindItem(binder, inside, item, nullable);
  bindConditions(inside);
  for (const slot of inside.outer) scope.outer.add(slot);
  scope.merged.push(...inside.merged);
  countJoined(scope, item, inside.joined);
  scope.absorbed += inside.absorbed;
  return part;
}

function added(scope: Scope, part: FromPart): FromPart {
  scope.tables.push(...part.tables);
  return part;
}

function bindJoin(binder: Binder, scope: Scope, join: Join, nullable: boolean): FromPart {
  // an outer join to the left of a long chain: walk down the left side in a loop, joins nest deep there
  const chain: Join[] = [];
  let first: FromItem = join;
  while (first.kind === 'join') {
    chain.push(first);
    first = first.left;
  }
  const rightOf = (each: Join) => each.type === 'right' || each.type === 'full';
  let part = bindItem(binder, scope, first, nullable || chain.some(rightOf));
  for (let i = chain.length - 1; i >= 0; i--) {
    const each = chain[i] as Join;
    const laterNull = nullable || chain.slice(0, i).some(rightOf);
    part = joinParts(binder, scope, each, part, laterNull, chain.some(rightOf));
  }
  return part;
}

function joinParts(
  binder: Binder,
  scope: Scope,
  join: Join,
  left: FromPart,
  nullable: boolean,
  rightJoins: boolean,
): FromPart {
  const outer = join.type === 'left' || join.type === 'full';
  const inParentheses = join.right.kind === 'join';
  const right = inParentheses
    ? added(scope, bindInside(binder, scope, join.right, nullable || outer))
    : bindItem(binder, scope, join.right, nullable || outer);
  const on: Bound[] = [];
  const names = join.natural ? commonNames(scope, left, right) : (join.using ?? []).map(name => name.text);
  for (const [index, name] of names.entries()) {
    const at = join.using?.[index] ?? join;
    const leftSide = findMerged(scope, left, name);
    const rightColumn = columnOf(right.tables, name);
    if (leftSide === undefined || rightColumn === undefined) {
      throw sqlError('COLUMN_UNKNOWN', `cannot join using column ${name} - column not present in both tables.`, at, {
        hint: 'Both sides of the join need a column of this name.',
      });
    }
    if (rightJoins) checkUnambiguous(scope, left, name, at);
    const using = join.using?.[index];
    if (using)
      for (const each of tablesWith([...left.tables, ...right.tables], name)) binder.onColumn?.(using, each.of);
    const l = 'either' in leftSide ? leftSide.either() : leftSide.bound();
    const r = rightColumn.bound();
    on.push({
      op: 'compare',
      name: '=',
      left: l,
      right: r,
      affinity: comparisonAffinity(affinityOfBound(l), affinityOfBound(r)),
      collation: comparisonCollation(l, r),
    });
    const outerRight = join.type === 'right' || join.type === 'full';
    // as in SQLite: of a RIGHT JOIN the column on the right
    const bound = () => {
      if (join.type === 'right') return rightColumn.bound();
      return join.type === 'full' ? coalesced(leftSide.bound(), rightColumn.bound()) : leftSide.bound();
    };
    const either = () => (outerRight ? coalesced(l, r) : l);
    const leftTables = 'tables' in leftSide ? leftSide.tables : tablesWith(left.tables, name).slice(0, 1);
    const tables = new Set([...leftTables, ...tablesWith(right.tables, name).slice(0, 1)]);
    scope.merged = scope.merged.filter(merged => fold(merged.name) !== fold(name));
    scope.merged.push({name: leftSide.name, bound, either, tables, type: leftSide.type});
  }
  const tables = [...left.tables, ...right.tables];
  const node = joinNode(join, left.node, right.node, on);
  const condition = join.on;
  if (condition) {
    scope.deferred.push(() => {
      on.push(...bindCondition(binder, scope, condition));
      if (node.kind === 'outer' || rightJoins) checkReach(scope, node, condition);
    });
  }
  return {node, tables};
}

/** Returns a join; conditions may still be added to `on`. */
function joinNode({type}: Join, left: FromNode, right: FromNode, on: readonly Bound[]): JoinNode {
  if (type === 'left' || type === 'full') return {kind: 'outer', type, left, right, on};
  if (type === 'right') return {kind: 'outer', type: 'left', left: right, right: left, on};
  return {kind: 'inner', nodes: [left, right], on};
}

/**
 * An outer join is decided when its two sides are known, and so is an inner one on the side of a RIGHT or FULL JOIN: its
 * condition cannot wait for tables that come later.
 */
function checkReach(scope: Scope, node: JoinNode, at: Expr): void {
  const within = addProvided(node, new Set());
  const own = new Set(
    scope.tables
      .flatMap(table => table.columns.map(column => column.bound()))
      .flatMap(bound => [...addSlots(bound, new Set())]),
  );
  for (const expr of node.on) {
    for (const slot of addSlots(expr, new Set())) {
      if (within.has(slot) || !own.has(slot)) continue;
      throw sqlError('SQL_MISUSE', 'ON clause references tables to its right.', at, {
        hint: 'Join those tables first.',
      });
    }
  }
}

function coalesced(a: Bound, b: Bound): Bound {
  const branches = [{when: {op: 'isNull', operand: a, negated: true} as Bound, result: a}];
  return {op: 'case', branches, otherwise: b};
}

function columnOf(tables: readonly ScopeTable[], name: string): ScopeColumn | undefined {
  for (const table of tables) {
    const column = table.columns.find(each => fold(each.name) === fold(name));
    if (column) return column;
  }
  return undefined;
}

function tablesWith(tables: readonly ScopeTable[], name: string): ScopeTable[] {
  return tables.filter(table => table.columns.some(column => fold(column.name) === fold(name)));
}

function findMerged(scope: Scope, left: FromPart, name: string) {
  const merged = scope.merged.find(
    column => fold(column.name) === fold(name) && left.tables.some(table => column.tables.has(table)),
  );
  return merged ?? columnOf(left.tables, name);
}

/** Beside a right or full join, a name of USING must mean one column of the tables to its left. */
function checkUnambiguous(scope: Scope, left: FromPart, name: string, at: Span): void {
  const merged = scope.merged.find(column => fold(column.name) === fold(name));
  const others = tablesWith(left.tables, name).filter(table => !merged?.tables.has(table));
  if (others.length + (merged ? 1 : 0) <= 1) return;
  throw sqlError('SQL_NAME_AMBIGUOUS', `ambiguous reference to ${name} in USING().`, at, {
    hint: 'Write the condition with ON, and say which table is meant: table.column.',
  });
}

function commonNames(scope: Scope, left: FromPart, right: FromPart): string[] {
  const names: string[] = [];
  for (const table of right.tables) {
    for (const column of table.columns) {
      if (column.hidden || names.some(name => fold(name) === fold(column.name))) continue;
      const found = findMerged(scope, left, column.name);
      if (found !== undefined && !('hidden' in found && found.hidden)) names.push(column.name);
    }
  }
  return names;
}

// ---------------------------------------------------------------------------------------------------- tables

function bindTable(binder: Binder, scope: Scope, item: TableReference, nullable: boolean): FromPart {
  const {name} = item.name;
  const alias = item.alias?.text ?? name.text;
  const schema = item.name.schema && fold(item.name.schema.text);
  if (schema !== undefined && schema !== 'main' && schema !== 'temp')
    throw unknownTable(binder, `${item.name.schema?.text}.${name.text}`, item);
  if (item.args !== undefined) return bindCall(binder, scope, item, alias);
  if (schema === undefined && item.asOf === undefined) {
    const entry = scope.commonTable(name.text);
    if (entry) {
      if (entry.queue) {
        const {table, plan} = entry.queue(alias);
        return {
          node: {kind: 'relation', relation: {kind: 'queue', alias, plan, slots: queueSlots(plan)}},
          tables: [table],
        };
      }
      if (entry.busy) {
        throw sqlError('SQL_MISUSE', `circular reference: ${entry.name}.`, name, {
          hint: 'A common table that reads itself needs WITH RECURSIVE and a UNION.',
        });
      }
      if (!entry.recursive && entry.references <= 1 && entry.materialized !== true) {
        entry.busy = true;
        const part = bindDerived(binder, new Scope(entry.scope), entry.query, alias, entry.columns, nullable, scope);
        entry.busy = false;
        return part;
      }
      const shared = binder.commonTable(entry);
      shared.uses++;
      for (const slot of shared.outer) scope.outer.add(slot);
      return derivedPart(shared, alias, entry.columns, item);
    }
  }
  const revision = item.asOf === undefined ? undefined : binder.revisionOf(item.asOf, scope);
  if (revision === undefined) binder.onTable?.(name.text);
  const source = binder.catalog.findTable(name.text, revision);
  if (source === undefined) {
    const called = binder.catalog.findFunction(name.text);
    if (called) return bindCall(binder, scope, item, alias);
    throw revision === undefined ? unknownTable(binder, name.text, name) : absentThen(binder, name, revision);
  }
  return bindSource(binder, scope, source, alias, item, nullable, revision);
}

function queueSlots(plan: Plan): readonly Slot[] {
  return plan.op === 'queue' ? plan.slots : [];
}

function unknownTable(binder: Binder, name: string, at: Span) {
  return sqlError(
    'TABLE_UNKNOWN',
    `no such table: ${name}.`,
    at,
    binder.suggest(name, binder.catalog.names(), 'See `SELECT name FROM tables`.'),
  );
}

/** Returns the error for a table that is not there at a revision. */
function absentThen(binder: Binder, name: Name, revision: string) {
  const now = binder.catalog.findTable(name.text);
  if (now === undefined) return unknownTable(binder, name.text, name);
  const {kind, name: exact} = now;
  return sqlError(
    'TABLE_UNKNOWN',
    `There is no ${kind === 'view' ? 'view' : 'table'} ${exact} at '${revision}': it was made later, or on another branch.`,
    name,
    {hint: `\`dbos history --table ${exact}\` shows the commits that made and changed it.`},
  );
}

/** Makes a table of the catalog visible. */
export function bindSource(
  binder: Binder,
  scope: Scope,
  source: Source,
  alias: string,
  at: Span,
  nullable: boolean,
  revision: string | undefined,
): FromPart {
  if (source.kind === 'view') {
    const statement = parseStatement(source.sql);
    if (statement.kind !== 'createView') throw new TypeError('a view that is none');
    return binder.insideView(source.name, revision, at, () =>
      bindDerived(binder, new Scope(undefined), statement.query, alias, statement.columns, nullable, scope),
    );
  }
  const slots: ColumnSlots = new Map();
  const relation: Relation =
    source.kind === 'tree'
      ? {kind: 'tree', alias, source, slots, bindIndex: (index, of = slots) => bindIndex(binder, source, of, index)}
      : {kind: 'rows', alias, source, slots};
  const table = {
    ...tableOf(alias, source.columns, slots, source.kind === 'tree' ? source.rowid : undefined),
    of: source.name,
  };
  return {node: {kind: 'relation', relation}, tables: [table]};
}

/** Binds the expressions of an index; columns that the query does not name get slots of their own, which nothing else is like. */
function bindIndex(binder: Binder, source: TreeSource, slots: ColumnSlots, index: IndexSource): BoundIndex {
  const {terms, where} = index;
  if (where === undefined && index.columns.slice(0, terms.length).every(column => column !== undefined)) {
    return {source: index, terms: [], where: []};
  }
  const scope = new Scope(undefined);
  scope.tables.push(tableOf(source.name, source.columns, new Map(slots), source.rowid));
  return {
    source: index,
    terms: terms.map((expr, i) => (index.columns[i] === undefined ? binder.expression(scope, expr) : undefined)),
    where: where ? bindCondition(binder, scope, where) : [],
  };
}

function tableOf(
  alias: string,
  columns: readonly SourceColumn[],
  slots: ColumnSlots,
  rowid: number | undefined,
  /** A column of JSON values, and the one with their types. */
  json?: {readonly value: number; readonly type: number},
): ScopeTable {
  const slotAt = (index: number): Slot => {
    let slot = slots.get(index);
    if (slot === undefined) {
      const {name, affinity, collation} = columns[index] as SourceColumn;
      const type = json?.value === index ? slotAt(json.type) : undefined;
      slot = new Slot(`${alias}.${name}`, affinity, collation, undefined, type, json === undefined);
      slots.set(index, slot);
    }
    return slot;
  };
  const bound = (index: number) => () => slotOf(slotAt(index));
  return {
    alias,
    columns: columns.map(({name, type, hidden}, index) => ({name, type, hidden, bound: bound(index)})),
    rowid: rowid === undefined ? undefined : {name: columns[rowid]?.name ?? 'rowid', bound: bound(rowid)},
  };
}

/** Functions whose column `value` is JSON where `type` says that it is an array or an object. */
const JSON_WALKS = new Set(['json_each', 'json_tree']);

/** Stands for an argument until it is bound. */
const UNKNOWN: Bound = {op: 'row', items: []};

/** Whether an expression may read columns: it names one, or is a query. */
function readsColumns(node: unknown): boolean {
  if (node === null || typeof node !== 'object') return false;
  if (Array.isArray(node)) return node.some(readsColumns);
  if ('kind' in node && (node.kind === 'column' || node.kind === 'select')) return true;
  return Object.values(node).some(readsColumns);
}

function bindCall(binder: Binder, scope: Scope, item: TableReference, alias: string): FromPart {
  const {name} = item.name;
  const called = binder.catalog.findFunction(name.text);
  if (called === undefined) {
    if (binder.catalog.findTable(name.text) !== undefined) {
      throw sqlError('SQL_MISUSE', `'${name.text}' is not a function.`, name, {hint: 'A table takes no arguments.'});
    }
    throw sqlError('TABLE_UNKNOWN', `no such table-valued function: ${name.text}.`, name, {
      hint: 'docs/sql.md lists the table functions.',
    });
  }
  // one that reads columns is bound when all tables of the clause are known: they may be to its right
  const args = (item.args ?? []).map((arg, i): Bound => {
    if (!readsColumns(arg)) return binder.expression(scope, arg);
    scope.deferred.push(() => {
      args[i] = binder.expression(scope, arg);
    });
    return UNKNOWN;
  });
  if (args.length < called.minArgs || args.length > called.maxArgs) {
    throw sqlError('SQL_MISUSE', `${called.name}() takes ${argumentsText(called)}, not ${args.length}.`, item, {
      hint: 'docs/sql.md lists the table functions.',
    });
  }
  let bound: BoundTableFunction;
  try {
    bound = called.bind(args.map(arg => (arg === UNKNOWN ? undefined : binder.constant(arg))));
  } catch (error) {
    throw binder.at(error, item);
  }
  const slots: ColumnSlots = new Map();
  const column = (wanted: string) => bound.columns.findIndex(each => each.name === wanted);
  const json = JSON_WALKS.has(called.name) ? {value: column('value'), type: column('type')} : undefined;
  const relation: Relation = {kind: 'call', alias, function: bound, args, slots};
  return {node: {kind: 'relation', relation}, tables: [tableOf(alias, bound.columns, slots, undefined, json)]};
}

/** Binds a query in FROM; a simple one is merged into the query around it, whose scope is `reader`. */
function bindDerived(
  binder: Binder,
  scope: Scope,
  select: Select,
  alias: string,
  names: readonly Name[],
  nullable: boolean,
  reader: Scope = scope,
): FromPart {
  // a derived table sees what is outside the query that names it, and its common tables, but not its neighbours
  const around = new Scope(scope.parent);
  const {query, simple, narrow} = binder.derived(around, select, nullable ? 0 : MAX_ABSORBED - reader.absorbed);
  for (const slot of around.outer) reader.outer.add(slot);
  if (simple) {
    const columns = namesOf(query, names, alias, select).map((name, index) => ({
      name,
      hidden: false,
      type: query.outputs[index]?.type ?? '',
      bound: () => query.outputs[index]?.expr as Bound,
    }));
    const {from, where} = simple;
    reader.absorbed += relationsOf(from);
    const node: FromNode =
      from.kind === 'inner'
        ? {kind: 'inner', nodes: from.nodes, on: [...from.on, ...where]}
        : {kind: 'inner', nodes: [from], on: where};
    return {node, tables: [{alias, columns, rowid: undefined}]};
  }
  const shared: SharedQuery = {
    name: alias,
    query,
    uses: 1,
    outer: around.outer,
    recursion: undefined,
    materialized: undefined,
    narrow,
  };
  return derivedPart(shared, alias, names, select);
}

function derivedPart(shared: SharedQuery, alias: string, names: readonly Name[], at: Span): FromPart {
  const outputs = shared.query.outputs;
  const slots = outputs.map(output => new Slot(output.name, affinityOfBound(output.expr), outerCollation(output)));
  const columns = namesOf(shared.query, names, alias, at).map((name, index) => ({
    name,
    hidden: false,
    type: outputs[index]?.type ?? '',
    bound: () => slotOf(slots[index] as Slot),
  }));
  const relation: Relation = {kind: 'derived', alias, shared, slots};
  return {node: {kind: 'relation', relation}, tables: [{alias, columns, rowid: undefined}]};
}

/** Returns the names of the columns of a query in FROM; a name that comes twice gets a number. */
function namesOf(query: Query, names: readonly Name[], alias: string, at: Span): string[] {
  if (names.length > 0 && names.length !== query.outputs.length) {
    throw sqlError(
      'SQL_MISUSE',
      `table ${alias} has ${query.outputs.length} values for ${names.length} columns.`,
      names[0] ?? at,
      {
        hint: 'Give as many names as the query has columns.',
      },
    );
  }
  if (names.length > 0) return names.map(name => name.text);
  const seen = new Set<string>();
  return query.outputs.map(({name}) => {
    let unique = name;
    for (let n = 1; seen.has(fold(unique)); n++) unique = `${name}:${n}`;
    seen.add(fold(unique));
    return unique;
  });
}
