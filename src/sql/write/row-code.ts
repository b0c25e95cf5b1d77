/**
 * Code over rows at hand: the names that expressions see of a row (NEW, OLD, excluded, the row that is changed), and
 * functions that compute values from such rows, subqueries included. Layer: sql.
 */
import type {Cell} from '../../tree/cell.js';
import {newModule} from '../exec/compile.js';
import {valueCode} from '../exec/expressions.js';
import {type Fragment, FunctionCode} from '../exec/fragment.js';
import {RUNTIME} from '../exec/runtime.js';
import {type Bound, Slot, slotOf} from '../plan/expression.js';
import type {ScopeTable} from '../plan/scope.js';
import type {Value} from '../values/value.js';
import type {RowOwner} from './row-owner.js';
import type {ChangeExecution} from './session.js';

/** Slots with the code of their values. */
export type Provided = readonly (readonly [Slot, () => Fragment])[];

/** Computes values; `row` and `other` are what their names stand for. */
export type ValuesProgram = (execution: ChangeExecution, row: readonly Cell[], other: readonly Cell[]) => Value[];

/** The names of the columns of one row. */
export class RowNames {
  readonly table: ScopeTable;
  private readonly slots: readonly Slot[];

  /**
   * `qualified`: NEW, OLD and excluded, whose columns are named with them in front, and have no affinity in SQLite but for the
   * rowid of NEW and OLD.
   */
  constructor(alias: string, {name: of, columns, rowid}: RowOwner, qualified = false) {
    const bare = (column: number) => qualified && (column !== rowid || alias === 'excluded');
    this.slots = columns.map(
      ({name, affinity, collation}, column) => new Slot(name, bare(column) ? 'none' : affinity, collation),
    );
    const bound = (column: number) => () => slotOf(this.slots[column] as Slot);
    this.table = {
      alias,
      columns: columns.map(({name, type, hidden}, column) => ({name, type, hidden, bound: bound(column)})),
      rowid: rowid === undefined ? undefined : {name: columns[rowid]?.name ?? 'rowid', bound: bound(rowid)},
      qualified,
      of,
    };
  }

  /** Provides the columns as cells of an array, from a position on. */
  provide(array: 'row' | 'other' | 'X.outer', from = 0): Provided {
    return this.slots.map(
      (slot, column) => [slot, () => ({rep: 'any', value: `X.read(${array}[${from + column}])`})] as const,
    );
  }
}

/** Returns a function that computes expressions. */
export function compileValues(exprs: readonly Bound[], provided: Provided): ValuesProgram {
  const module = newModule();
  const fn = new FunctionCode(module);
  const values = fn.with(provided, () => exprs.map(expr => valueCode(fn, expr)));
  const constants = module.constants.map((_, index) => `K${index}`).join(', ');
  const source = `'use strict';
const {${Object.keys(RUNTIME).join(', ')}} = runtime;
const [${constants}] = constants;
${module.functions.join('\n')}
return function (X, row, other) {
${fn.declarations}return [${values.join(', ')}];
};`;
  return new Function('runtime', 'constants', source)(RUNTIME, module.constants) as ValuesProgram;
}
