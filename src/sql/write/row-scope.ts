/**
 * Expressions over one row of a table: the terms of indexes, CHECK, generated columns, DEFAULT. They are bound like those of
 * queries and compiled to one function of the row. Layer: sql.
 */
import type {ObjectReader} from '../../objects/store.js';
import type {Cell} from '../../tree/cell.js';
import type {Expr} from '../ast.js';
import {newModule} from '../exec/compile.js';
import {Execution} from '../exec/execution.js';
import {isTrue, valueCode} from '../exec/expressions.js';
import {type Fragment, FunctionCode} from '../exec/fragment.js';
import {RUNTIME} from '../exec/runtime.js';
import {sqlError} from '../fault.js';
import type {FunctionContext} from '../functions/function.js';
import {newBinder} from '../plan/bind.js';
import {bindExpression} from '../plan/bind-expression.js';
import {type Bound, childrenOf, Slot, slotOf} from '../plan/expression.js';
import {Scope, type ScopeTable} from '../plan/scope.js';
import type {Catalog, SourceColumn, TreeColumn} from '../source.js';
import type {CollationName, Value} from '../values/value.js';

/** The columns that expressions can name. */
export interface RowShape {
  readonly name: string;
  readonly columns: readonly SourceColumn[];
  /** The column that `rowid`, `oid` and `_rowid_` mean. */
  readonly rowid: number | undefined;
}

export interface RowRules {
  /** Whether functions that give another result each time are refused; they are unless it says false. */
  readonly deterministic?: boolean;
}

/** Computes values of a row. Without an execution the functions know no time and no last rowid. */
export type RowFunction = (row: readonly Cell[], execution?: Execution) => Value[];

/** Says whether a condition is true for a row; a NULL is not. */
export type RowTest = (row: readonly Cell[], execution?: Execution) => boolean;

const NOWHERE: Catalog = {findTable: () => undefined, findFunction: () => undefined, names: () => []};

const SILENT: Omit<FunctionContext, 'collation'> = {
  now: 0,
  zone: () => 0,
  random: () => 0,
  changes: 0,
  totalChanges: 0,
  lastInsertRowid: 0,
};

const CONTEXTS: Readonly<Record<CollationName, FunctionContext>> = {
  binary: {...SILENT, collation: 'binary'},
  nocase: {...SILENT, collation: 'nocase'},
  rtrim: {...SILENT, collation: 'rtrim'},
};

/** Returns an execution for expressions that depend on nothing but their row. */
function silentExecution(): Execution {
  return new Execution([], CONTEXTS, Number.POSITIVE_INFINITY, 0, 0);
}

export class RowScope {
  private readonly slots: readonly Slot[];
  private readonly table: ScopeTable;

  constructor(shape: RowShape) {
    this.slots = shape.columns.map(({name, affinity, collation}) => new Slot(name, affinity, collation));
    const bound = (column: number) => () => slotOf(this.slots[column] as Slot);
    this.table = {
      alias: shape.name,
      columns: shape.columns.map(({name, type, hidden}, column) => ({name, type, hidden, bound: bound(column)})),
      rowid:
        shape.rowid === undefined
          ? undefined
          : {name: shape.columns[shape.rowid]?.name ?? 'rowid', bound: bound(shape.rowid)},
    };
  }

  /** Returns the slot that stands for a column. */
  slot(column: number): Slot {
    return this.slots[column] as Slot;
  }

  /**
   * Returns what an expression means. Throws SQL_MISUSE for what cannot stand there; `what` names the place: "CHECK
   * constraints".
   */
  bind(expr: Expr, what: string, {deterministic = true}: RowRules = {}): Bound {
    const binder = newBinder(
      NOWHERE,
      () => undefined,
      () => null,
    );
    const refused = (things: string) => {
      return sqlError('SQL_MISUSE', `${things} prohibited in ${what}.`, expr, {hint: 'It may depend only on the row.'});
    };
    if (hasQuery(expr)) throw refused('subqueries');
    const scope = new Scope(undefined);
    scope.tables.push(this.table);
    const bound = bindExpression(binder, scope, expr);
    const visit = (each: Bound): void => {
      if (each.op === 'parameter') throw refused('parameters');
      if (deterministic && each.op === 'call' && !each.function.deterministic) {
        throw refused('non-deterministic functions');
      }
      for (const child of childrenOf(each)) visit(child);
    };
    visit(bound);
    return bound;
  }

  /**
   * Returns a function that computes expressions of a row. With `origins` it takes rows as they stand in the tree, else rows
   * of a value for each column.
   */
  compile(bounds: readonly Bound[], reader: ObjectReader, origins?: readonly TreeColumn[]): RowFunction {
    return this.make(
      reader,
      origins,
      fn => `return [${bounds.map(bound => valueCode(fn, bound)).join(', ')}];\n`,
    ) as RowFunction;
  }

  /** Returns a function that tests a row. */
  compileTest(condition: Bound, reader: ObjectReader, origins?: readonly TreeColumn[]): RowTest {
    return this.make(reader, origins, fn => `return ${isTrue(fn, condition)};\n`) as RowTest;
  }

  private make(
    reader: ObjectReader,
    origins: readonly TreeColumn[] | undefined,
    write: (fn: FunctionCode) => string,
  ): (row: readonly Cell[], execution?: Execution) => unknown {
    const module = newModule();
    const fn = new FunctionCode(module);
    const tree = module.constant({reader});
    const provided = this.slots.map((slot, column): [Slot, () => Fragment] => [
      slot,
      () => {
        const origin = origins?.[column] ?? {kind: 'stored', column};
        if (origin.kind === 'stored') return {rep: 'any', value: `X.value(${tree}, row[${origin.column}])`};
        return {
          rep: 'any',
          value: `${module.constant(origin.compute)}(${origin.inputs.map(each => `row[${each}]`).join(', ')})`,
        };
      },
    ]);
    const body = fn.with(provided, () => write(fn));
    const constants = module.constants.map((_, index) => `K${index}`).join(', ');
    const source = `'use strict';
const {${Object.keys(RUNTIME).join(', ')}} = runtime;
const [${constants}] = constants;
${module.functions.join('\n')}
return function (row, X = silent()) {
${fn.declarations}${body}};`;
    const build = new Function('runtime', 'constants', 'silent', source) as (
      ...args: unknown[]
    ) => (row: readonly Cell[], execution?: Execution) => unknown;
    let shared: Execution | undefined;
    return build(RUNTIME, module.constants, () => {
      shared ??= silentExecution();
      return shared;
    });
  }
}

/** Returns whether an expression has a query in it. */
function hasQuery(expr: Expr): boolean {
  let found = false;
  const visit = (value: unknown): void => {
    if (found || value === null || typeof value !== 'object' || value instanceof Uint8Array) return;
    if ('kind' in value && value.kind === 'select') {
      found = true;
      return;
    }
    for (const each of Object.values(value)) visit(each);
  };
  visit(expr);
  return found;
}
