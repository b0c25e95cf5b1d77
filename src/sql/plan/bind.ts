/**
 * Puts binding together: expressions contain queries, and queries expressions. Layer: sql.
 */
import type {Catalog} from '../source.js';
import type {Value} from '../values/value.js';
import {bindExpression} from './bind-expression.js';
import {bindDerivedSelect, bindSelect} from './bind-select.js';
import {bindCommonTable} from './bind-with.js';
import {Binder, type BindingRules} from './binder.js';
import type {Bound} from './expression.js';

const RULES: BindingRules = {
  expression: bindExpression,
  select: bindSelect,
  derived: bindDerivedSelect,
  commonTable: bindCommonTable,
};

/**
 * Returns a binder for one statement. `parameters` gives the values of parameters, as far as they are known before the
 * query runs; `evaluate` computes an expression that reads no row.
 */
export function newBinder(
  catalog: Catalog,
  parameters: (index: number, name: string | undefined) => Value | undefined,
  evaluate: (expr: Bound) => Value,
): Binder {
  return new Binder(RULES, catalog, parameters, evaluate);
}
