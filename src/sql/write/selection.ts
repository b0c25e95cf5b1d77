/**
 * The rows that UPDATE and DELETE are about: FROM, WHERE, ORDER BY and LIMIT as a query that gives the rows as they are
 * stored, with what the statement computes of them. Layer: sql.
 */
import type {Cell} from '../../tree/cell.js';
import type {Delete, FromItem, Update} from '../ast.js';
import {sqlError} from '../fault.js';
import {bindCondition, bindExpression} from '../plan/bind-expression.js';
import {bindFrom, bindSource} from '../plan/bind-from.js';
import {declareCommonTables} from '../plan/common-tables.js';
import type {Bound} from '../plan/expression.js';
import {sortKey} from '../plan/expression.js';
import type {FromNode} from '../plan/from.js';
import {planFrom} from '../plan/join.js';
import {planSort} from '../plan/order.js';
import {Scope} from '../plan/scope.js';
import type {TreeColumn, TreeSource} from '../source.js';
import type {Compiler, Place} from './compiler.js';
import type {Run} from './session.js';
import {FILE_CELLS, type WorkingFiles} from './working-files.js';
import type {WorkingView} from './working-state.js';
import type {WorkingTable} from './working-table.js';

/** Yields, for each row that is meant, its cells and then the values asked for. */
export type Selection = (run: Run, outer: readonly Cell[]) => Generator<readonly (readonly Cell[])[], void, undefined>;

/** Returns the rows of a statement; `compute` binds what it computes of each. */
export function compileSelection(
  compiler: Compiler,
  place: Place,
  statement: Update | Delete,
  target: WorkingTable | WorkingView | WorkingFiles,
  compute: (scope: Scope) => readonly Bound[],
): Selection {
  const {binder} = place;
  const {table, orderBy, limit, offset} = statement;
  const alias = table.alias?.text ?? target.name;
  const around = new Scope(place.scope);
  declareCommonTables(binder, around, statement.with, statement);
  const scope = new Scope(around);
  const read = target.source();
  const source = read.kind === 'view' ? read : withCells(read, target.kind === 'files' ? FILE_CELLS : cellsOf(read));
  checkIndexedBy(target, statement);
  const {node, tables} = bindSource(
    binder,
    scope,
    source,
    alias,
    table,
    statement.kind === 'update' && statement.source !== undefined,
    undefined,
  );
  const own = tables[0]?.columns ?? [];
  const visible = read.kind === 'view' ? own : own.slice(0, read.columns.length);
  const cells = (read.kind === 'view' ? own : own.slice(read.columns.length)).map(column => column.bound());
  scope.tables.push({alias, columns: visible, rowid: tables[0]?.rowid, of: target.name});
  let from: FromNode = node;
  if (statement.kind === 'update' && statement.source)
    from = joined(node, bindOthers(place, scope, statement.source, alias));
  const where = statement.where ? bindCondition(binder, scope, statement.where) : [];
  const computed = compute(scope);
  let plan = planFrom(from, where);
  if (orderBy.length > 0 && limit === undefined) {
    throw sqlError('SQL_MISUSE', `ORDER BY without LIMIT on ${statement.kind.toUpperCase()}.`, orderBy[0], {
      hint: 'The order matters only for a part of the rows.',
    });
  }
  if (limit) {
    const keys = orderBy.map(term => sortKey(bindExpression(binder, scope, term.expr), term));
    const outside = new Scope(around);
    const most = bindExpression(binder, outside, limit);
    const skipped = offset && bindExpression(binder, outside, offset);
    if (keys.length > 0) plan = planSort(plan, keys, most, skipped);
    plan = {op: 'limit', input: plan, limit: most, offset: skipped, rows: plan.rows};
  }
  return compiler.rows(place, {plan, outputs: [...cells, ...computed].map(expr => ({name: '', expr, type: ''}))});
}

function checkIndexedBy(target: WorkingTable | WorkingView | WorkingFiles, {table}: Update | Delete): void {
  const wanted = table.indexedBy;
  if (wanted === undefined || target.kind === 'view') return;
  if (target.indexes.some(({name}) => name.toLowerCase() === wanted.text.toLowerCase())) return;
  throw sqlError('SQL_MISUSE', `no such index: ${wanted.text}.`, wanted, {
    hint: `An index of ${target.name} is wanted here.`,
  });
}

function bindOthers(place: Place, scope: Scope, item: FromItem, alias: string): FromNode {
  const others = new Scope(scope.parent);
  const node = bindFrom(place.binder, others, item);
  for (const other of others.tables) {
    if (other.alias.toLowerCase() !== alias.toLowerCase()) continue;
    throw sqlError('SQL_MISUSE', `target object/alias may not appear in FROM clause: ${alias}.`, item, {
      hint: 'Give the other one a name: FROM t AS other.',
    });
  }
  scope.tables.push(...others.tables);
  scope.merged.push(...others.merged);
  for (const slot of others.outer) scope.outer.add(slot);
  return node;
}

function joined(a: FromNode, b: FromNode): FromNode {
  const nodes = [a, b].flatMap(node => (node.kind === 'inner' ? node.nodes : [node]));
  const on = [a, b].flatMap(node => (node.kind === 'inner' ? node.on : []));
  return {kind: 'inner', nodes, on};
}

/** Returns the columns of a table as the cells that stand in its rows, even where their values stand outside them. */
function cellsOf({origins}: TreeSource): TreeColumn[] {
  return origins.map(
    (origin): TreeColumn =>
      origin.kind === 'stored' ? {kind: 'computed', inputs: [origin.column], compute: cell => cell as never} : origin,
  );
}

/** Returns a table with cells after its columns. */
function withCells(source: TreeSource, cells: readonly TreeColumn[]): TreeSource {
  const {columns, origins} = source;
  const raw = cells.map((_, i) => ({
    name: `\0${i}`,
    type: '',
    affinity: 'blob' as const,
    collation: 'binary' as const,
    notNull: false,
    hidden: true,
  }));
  // what is live in the source stays so
  return Object.create(source, {
    columns: {value: [...columns, ...raw]},
    origins: {value: [...origins, ...cells]},
  }) as TreeSource;
}
