/**
 * The expressions of a table's definition: defaults, generated columns and CHECK constraints, compiled when they are first
 * needed. Layer: sql.
 */

import type {ObjectReader} from '../../objects/store.js';
import type {Cell} from '../../tree/cell.js';
import type {Expr} from '../ast.js';
import type {TableColumn, TableDefinition} from '../catalog/table-definition.js';
import {sqlError} from '../fault.js';
import {addSlots, type Bound} from '../plan/expression.js';
import {applyAffinity} from '../values/affinity.js';
import {isTrue} from '../values/convert.js';
import type {Value} from '../values/value.js';
import {type RowFunction, RowScope, type RowShape} from './row-scope.js';
import {ChangeExecution, type Run} from './session.js';

interface Generated {
  readonly column: number;
  readonly compute: RowFunction;
}

const NONE: readonly Cell[] = [];

export class ColumnExpressions {
  /** The columns that are never NULL, but for the rowid. */
  readonly required: readonly number[];
  private readonly scope: RowScope;
  private readonly defaults: ((run: Run) => Value)[] = [];
  private generated: readonly Generated[] | undefined;
  private checks: RowFunction | undefined;

  constructor(
    private readonly definition: TableDefinition,
    shape: RowShape,
    private readonly reader: ObjectReader,
  ) {
    this.scope = new RowScope(shape);
    const {columns, key, rowid} = this.definition;
    const inKey = new Set(key.map(part => part.column));
    this.required = columns.flatMap((column, i) => {
      if (rowid.kind === 'alias' && rowid.column === i) return [];
      return column.notNull || inKey.has(i) ? [i] : [];
    });
    if (columns.every(column => column.generated === undefined)) this.generated = [];
  }

  /** Throws SQL_MISUSE or COLUMN_UNKNOWN for an expression that cannot be. */
  bindAll(): void {
    for (const column of this.definition.columns) if (column.default) bindDefault(column);
    for (const {expr} of this.definition.checks) bindCheck(this.scope, expr);
    this.generated ??= generatedColumns(this.scope, this.definition, this.reader);
  }

  /** Returns the value of a column that is given none. */
  defaultOf(run: Run, column: number): Value {
    let compute = this.defaults[column];
    if (compute === undefined) {
      compute = defaultFunction(this.scope, this.definition.columns[column], this.reader);
      this.defaults[column] = compute;
    }
    return compute(run);
  }

  /** Returns the columns that columns and expressions come from; of generated ones those that they are computed from, too. */
  inputs(columns: readonly number[], exprs: readonly Expr[]): readonly number[] {
    const found = new Set<number>();
    const add = (column: number): void => {
      if (found.has(column)) return;
      found.add(column);
      const generated = this.definition.columns[column]?.generated;
      if (generated) read(generated.expr);
    };
    const read = (expr: Expr): void => {
      const slots = addSlots(this.scope.bind(expr, 'expressions of a table', {deterministic: false}), new Set());
      for (const [i] of this.definition.columns.entries()) if (slots.has(this.scope.slot(i))) add(i);
    };
    for (const column of columns) add(column);
    for (const expr of exprs) read(expr);
    return [...found];
  }

  /** Whether there are generated columns or CHECK constraints. */
  get any(): boolean {
    return this.definition.checks.length > 0 || this.definition.columns.some(each => each.generated !== undefined);
  }

  /** Computes the generated columns of a row. */
  generate(run: Run, row: Cell[]): void {
    this.generated ??= generatedColumns(this.scope, this.definition, this.reader);
    for (const {column, compute} of this.generated) {
      const [value = null] = compute(row, new ChangeExecution(run, NONE));
      row[column] = applyAffinity(value, (this.definition.columns[column] as TableColumn).affinity);
    }
  }

  /** Returns the CHECK constraint that a row breaks, as errors name it. */
  check(run: Run, row: readonly Cell[]): string | undefined {
    const {checks} = this.definition;
    if (checks.length === 0) return undefined;
    if (this.checks === undefined) {
      this.checks = this.scope.compile(
        checks.map(({expr}) => bindCheck(this.scope, expr)),
        this.reader,
      );
    }
    const values = this.checks(row, new ChangeExecution(run, NONE));
    for (let i = 0; i < values.length; i++) {
      const value = values[i] as Value;
      if (value !== null && !isTrue(value)) return checks[i]?.name ?? checks[i]?.text;
    }
    return undefined;
  }
}

function bindCheck(scope: RowScope, expr: TableDefinition['checks'][number]['expr']): Bound {
  return scope.bind(expr, 'CHECK constraints', {deterministic: false});
}

function defaultFunction(scope: RowScope, column: TableColumn | undefined, reader: ObjectReader): (run: Run) => Value {
  if (column?.default === undefined) return () => null;
  const bound = bindDefault(column);
  if (bound.op === 'constant') return () => bound.value;
  const compute = scope.compile([bound], reader);
  return run => compute(NONE, new ChangeExecution(run, NONE))[0] ?? null;
}

const NO_COLUMNS: RowShape = {name: '', columns: [], rowid: undefined};

function bindDefault(column: TableColumn): Bound {
  const {expr} = column.default as {expr: Parameters<RowScope['bind']>[0]};
  try {
    return new RowScope(NO_COLUMNS).bind(expr, 'DEFAULT', {deterministic: false});
  } catch {
    throw sqlError('SQL_MISUSE', `default value of column [${column.name}] is not constant.`, expr, {
      hint: 'A default does not depend on the row.',
    });
  }
}

/** Returns the generated columns in an order in which each finds those that it reads computed. */
function generatedColumns(scope: RowScope, definition: TableDefinition, reader: ObjectReader): Generated[] {
  const open = new Map<number, Bound>();
  for (const [i, column] of definition.columns.entries()) {
    if (column.generated) open.set(i, scope.bind(column.generated.expr, 'generated columns'));
  }
  const ordered: Generated[] = [];
  while (open.size > 0) {
    const ready = [...open].filter(([, bound]) => {
      const read = addSlots(bound, new Set());
      return ![...open.keys()].some(other => read.has(scope.slot(other)));
    });
    if (ready.length === 0) {
      const [column = 0] = [...open.keys()];
      throw sqlError(
        'SQL_MISUSE',
        `generated column loop on "${definition.columns[column]?.name}".`,
        definition.columns[column]?.generated?.expr,
        {
          hint: 'A generated column cannot be computed from itself.',
        },
      );
    }
    for (const [column, bound] of ready) {
      ordered.push({column, compute: scope.compile([bound], reader)});
      open.delete(column);
    }
  }
  return ordered;
}
