/**
 * INSERT and REPLACE: where rows come from, which columns they fill, and what an upsert does. Layer: sql.
 */
import type {Cell} from '../../tree/cell.js';
import type {ConflictAction, Insert, Span} from '../ast.js';
import {foldName} from '../catalog/names.js';
import {type ColumnsProgram, compileColumns} from '../exec/column-rows.js';
import {sqlError} from '../fault.js';
import {bindSelect} from '../plan/bind-select.js';
import {declareCommonTables} from '../plan/common-tables.js';
import type {Bound} from '../plan/expression.js';
import type {Query} from '../plan/plan.js';
import {Scope} from '../plan/scope.js';

import {negate} from '../values/arithmetic.js';
import type {Value} from '../values/value.js';
import {viewUnchangeable} from './change-fault.js';
import type {Compiler, ManyRows, Place, Step} from './compiler.js';
import {Insertion} from './insertion.js';
import {compileReturning} from './returning.js';
import {compileValues} from './row-code.js';
import {columnOf, type RowOwner} from './row-owner.js';
import {ChangeExecution, type Run} from './session.js';
import type {TableProgram} from './table-program.js';
import {compileUpserts} from './upsert.js';
import type {WorkingView} from './working-state.js';

const NONE: readonly Cell[] = [];

/** Yields rows in batches. */
type RowSource = (run: Run, outer: readonly Cell[]) => Iterable<readonly (readonly Cell[])[]>;

/** Returns the compiled form of an INSERT. */
export function compileInsert(compiler: Compiler, place: Place, statement: Insert): Step {
  const target = compiler.target(place, statement.table);
  if (target.kind === 'view') return intoView(compiler, place, statement, target);
  const program = compiler.program(target);
  const {definition, columns} = program;
  const owner: RowOwner = {name: target.name, columns, rowid: program.rowid};
  const generated = (column: number) => definition.columns[column]?.generated !== undefined;
  const places = targetsOf(place, owner, statement, generated);
  const bound = statement.source && bindRows(place, statement, owner, places.length);
  const upserts = compileUpserts(compiler, place, statement, program);
  const alias = statement.alias?.text ?? target.name;
  const returning = compileReturning(place, owner, alias, statement.returning);
  program.triggers.prepare('insert');
  const {beforeInsert, afterInsert} = program.triggers;
  const body = statement.source?.body;
  const rowidGiven = statement.source !== undefined && program.rowid !== undefined && places.includes(program.rowid);
  const replaces = program.mayReplaceByInsert(statement.or, rowidGiven, upserts?.ruled ?? (() => false));
  const reaches = upserts?.reaches(rowidGiven) ?? false;
  const single =
    place.scope === undefined &&
    (body === undefined || (body.kind === 'values' && body.rows.length === 1)) &&
    beforeInsert.length + afterInsert.length + statement.returning.length === 0 &&
    !replaces;
  if (compiler.session.foreignKeys) {
    program.foreignKeys.prepare(compiler.session, 'insert', undefined, single);
    if (replaces) program.foreignKeys.prepare(compiler.session, 'delete');
  }
  // a column that is named twice takes the first value
  const first = bound === undefined ? [] : places.map((column, i) => (places.indexOf(column) === i ? column : -1));
  const {width} = target;
  const {rowid, expressions} = program;
  const inOrder = first.length === width && first.every((column, i) => column === i);
  const allButRowid = rowid === first.length && rowid === width - 1 && first.every((column, i) => column === i);
  const asColumns =
    bound && (inOrder || allButRowid) && statement.upserts.length === 0
      ? columnsOf(place, statement, owner, program, bound)
      : undefined;
  const source = bound && !asColumns ? rowsOf(compiler, place, statement, owner, program, bound) : undefined;
  const missing = columns.flatMap((_, column) => {
    const given = statement.source !== undefined && places.includes(column);
    return given || column >= definition.columns.length || generated(column) ? [] : [column];
  });
  const rowOf = (run: Run, values: readonly Cell[]): Cell[] => {
    if (inOrder) return values.slice();
    const row = new Array<Cell>(width).fill(null);
    for (let i = 0; i < first.length; i++) {
      const column = first[i] as number;
      if (column >= 0) row[column] = values[i] as Cell;
    }
    for (const column of missing) if (column !== rowid) row[column] = expressions.defaultOf(run, column);
    return row;
  };
  const begin = (run: Run, outer: readonly Cell[], or?: ConflictAction): Insertion => {
    const rules = upserts === undefined ? [] : upserts.rules(run, outer);
    if (run.depth === 0) run.single = single && !reaches;
    return new Insertion(program, run, or ?? statement.or, rules, returning);
  };
  const many = (run: Run): ManyRows => {
    const insertion = begin(run, NONE);
    run.single = false;
    return {
      get row() {
        return insertion.row;
      },
      add: parameters => {
        run.parameters = parameters;
        for (const [values] of (source as RowSource)(run, NONE)) insertion.take(rowOf(run, values as readonly Cell[]));
      },
      finish: () => insertion.finish(),
      count: () => run.count(insertion.changes),
    };
  };
  return {
    returning: returning?.outputs ?? [],
    run: (run, outer, or) => {
      const insertion = begin(run, outer, or);
      try {
        if (asColumns) {
          const execution = new ChangeExecution(run, outer);
          for (const part of asColumns.run(execution))
            insertion.takeColumns(part, row => rowOf(run, asColumns.row(execution, part, row)));
        } else if (source === undefined) insertion.take(rowOf(run, NONE));
        else for (const batch of source(run, outer)) for (const values of batch) insertion.take(rowOf(run, values));
        insertion.finish();
      } finally {
        run.count(insertion.changes);
      }
    },
    ...(body?.kind === 'values' && body.rows.length === 1 && {many}),
  };
}

function intoView(compiler: Compiler, place: Place, statement: Insert, view: WorkingView): Step {
  const triggers = compiler.triggersOf(view);
  const fired = triggers.insteadOf.insert;
  if (fired.length === 0) throw viewUnchangeable(statement.table);
  if (statement.upserts.length > 0) {
    throw sqlError('SQL_MISUSE', 'cannot UPSERT a view.', statement, {hint: 'Change the tables that it shows.'});
  }
  const owner = compiler.ownerOf(view);
  const places = targetsOf(place, owner, statement, () => false);
  const source = statement.source && sourceOf(compiler, place, statement, owner, places.length);
  const returning = compileReturning(place, owner, statement.alias?.text ?? view.name, statement.returning);
  triggers.prepare('insert');
  return {
    returning: returning?.outputs ?? [],
    run: (run, outer, or) => {
      const batches = source === undefined ? [[NONE]] : [...source(run, outer)];
      for (const batch of batches) {
        for (const values of batch) {
          const row = new Array<Cell>(owner.columns.length).fill(null);
          for (const [i, column] of places.entries()) row[column] = values[i] ?? null;
          if (triggers.fire(run, fired, row, undefined, or ?? statement.or)) returning?.add(run, row);
        }
      }
      run.session.changes = 0;
    },
  };
}

// ---------------------------------------------------------------------------------------------------- columns

/** Returns the columns that the values of a statement go into, in their order. */
export function targetsOf(
  {binder}: Place,
  owner: RowOwner,
  statement: Insert,
  generated: (column: number) => boolean,
): number[] {
  if (statement.columns === undefined) {
    return owner.columns.flatMap((column, i) => (column.hidden || generated(i) ? [] : [i]));
  }
  return statement.columns.map(name => {
    const column = columnOf(owner, name);
    if (column === undefined) {
      throw sqlError('COLUMN_UNKNOWN', `table ${owner.name} has no column named ${name.text}.`, name, {
        hint: `There are ${owner.columns
          .filter(each => !each.hidden)
          .slice(0, 12)
          .map(each => each.name)
          .join(', ')}.`,
      });
    }
    binder.onColumn?.(name, owner.name);
    if (generated(column)) {
      throw sqlError('SQL_MISUSE', `cannot INSERT into generated column "${owner.columns[column]?.name}".`, name, {
        hint: 'It is computed: leave it out.',
      });
    }
    return column;
  });
}

function checkCount(statement: Insert, owner: RowOwner, wanted: number, given: number, at: Span): void {
  if (wanted === given) return;
  const message = statement.columns
    ? `${given} values for ${wanted} columns`
    : `table ${owner.name} has ${wanted} columns but ${given} values were supplied`;
  throw sqlError('SQL_MISUSE', `${message}.`, at, {hint: 'Give each column one value.'});
}

// ---------------------------------------------------------------------------------------------------- rows

/** The query that a statement takes its rows from. */
interface BoundRows {
  readonly query: Query;
  /** The tables that it reads. */
  readonly read: ReadonlySet<string>;
}

/** Throws SQL_MISUSE if the rows have not `width` values. */
function bindRows(place: Place, statement: Insert, owner: RowOwner, width: number): BoundRows {
  const select = statement.source as NonNullable<Insert['source']>;
  const around = new Scope(place.scope);
  declareCommonTables(place.binder, around, statement.with, statement);
  const read = new Set<string>();
  const query = noting(place, read, () => bindSelect(place.binder, new Scope(around), select));
  checkCount(statement, owner, width, query.outputs.length, select);
  return {query, read};
}

/** Returns what yields the rows that a statement inserts. Throws SQL_MISUSE if they have not `width` values. */
export function sourceOf(
  compiler: Compiler,
  place: Place,
  statement: Insert,
  owner: RowOwner,
  width: number,
): RowSource {
  return rowsOf(compiler, place, statement, owner, undefined, bindRows(place, statement, owner, width));
}

function rowsOf(
  compiler: Compiler,
  place: Place,
  statement: Insert,
  owner: RowOwner,
  program: TableProgram | undefined,
  bound: BoundRows,
): RowSource {
  const simple = simpleRows(place, bound.query);
  if (simple) {
    place.report?.reads(bound.query);
    return simple;
  }
  const rows = compiler.rows(place, bound.query);
  if (!mayBeSeen(statement, owner, program, bound)) return rows;
  return (run, outer) => [...rows(run, outer)];
}

/** Returns the rows as columns, where the query has them so and may run while they are inserted. */
function columnsOf(
  {report, outer}: Place,
  statement: Insert,
  owner: RowOwner,
  program: TableProgram,
  bound: BoundRows,
): ColumnsProgram | undefined {
  if (report?.measures || mayBeSeen(statement, owner, program, bound)) return undefined;
  const columns = compileColumns(bound.query, outer);
  if (columns) report?.reads(bound.query);
  return columns;
}

/** Whether the query could see what the statement does, which it must not. */
function mayBeSeen(
  {returning}: Insert,
  {name}: RowOwner,
  program: TableProgram | undefined,
  {read}: BoundRows,
): boolean {
  const busy =
    program?.triggers.beforeInsert.length || program?.triggers.afterInsert.length || program?.foreignKeys.acts;
  return Boolean(busy) || read.has(foldName(name)) || returning.length > 0;
}

/** Runs `bind` and notes the tables that it asks for. */
export function noting<T>(place: Place, read: Set<string>, bind: () => T): T {
  const {binder} = place;
  const before = binder.onTable;
  binder.onTable = name => {
    read.add(foldName(name));
    before?.(name);
  };
  try {
    return bind();
  } finally {
    binder.onTable = before;
  }
}

type Simple = (run: Run) => Value;

/** Returns the rows of VALUES without compiling anything, where they are constants and parameters; a single row of expressions as one function. */
function simpleRows(place: Place, {plan, outputs}: Query): RowSource | undefined {
  if (plan.op !== 'values' || !outputs.every(({expr}, i) => expr.op === 'slot' && expr.slot === plan.slots[i]))
    return undefined;
  const items = plan.items.map(row => row.map(simpleValue));
  if (items.every(row => row.every(each => each !== undefined))) {
    const values = items as Simple[][];
    return run => [values.map(row => row.map(each => each(run)))];
  }
  const [only, more] = plan.items;
  if (only === undefined || more !== undefined) return undefined;
  const program = compileValues(only, place.outer);
  return (run, outer) => [[program(new ChangeExecution(run, outer), NONE, NONE)]];
}

function simpleValue(expr: Bound): Simple | undefined {
  if (expr.op === 'constant') return () => expr.value;
  if (expr.op === 'parameter') return run => run.parameters[expr.index] as Value;
  if (expr.op === 'negate' && expr.operand.op === 'constant') {
    const value = negate(expr.operand.value);
    return () => value;
  }
  return undefined;
}
