/**
 * Writes the queries inside expressions: each is a function whose parameters are the slots that it reads from outside. One
 * that reads none is computed once. Layer: sql.
 */
import type {Bound, Slot, Subquery} from '../plan/expression.js';
import {isSteady} from '../plan/slots.js';
import {operand, valueCode} from './expressions.js';
import {FunctionCode, toValue} from './fragment.js';

type Mode = 'first' | 'exists' | 'members';

interface Compiled {
  readonly name: string;
  readonly slots: readonly Slot[];
  /** Where its result is kept if it has no parameters, and some results by the value of the only one. */
  readonly memo: number;
  /** Whether it gives the same result for the same value. */
  readonly steady: boolean;
}

/** Returns code for a column of the first row of a subquery. */
export function scalarCode(fn: FunctionCode, subquery: Subquery, column: number): string {
  const row = fn.temp();
  return `((${row} = ${callCode(fn, subquery, 'first', subquery)}) === null ? null : ${row}[${column}])`;
}

/** Returns code that says whether a subquery has a row. */
export function existsCode(fn: FunctionCode, subquery: Subquery): string {
  return callCode(fn, subquery, 'exists', subquery);
}

/** Returns code for 1, 0 or null: whether the operands are among the rows of a subquery. */
export function inQueryCode(fn: FunctionCode, expr: Bound & {readonly op: 'inQuery'}): string {
  const members = callCode(fn, expr.subquery, 'members', expr);
  const values = expr.operands.map((each, index) => toValue(operand(fn, each, expr.affinities[index] ?? 'none')));
  return values.length === 1 ? `${members}.find(${values[0]})` : `${members}.findRow([${values.join(', ')}])`;
}

function callCode(fn: FunctionCode, subquery: Subquery, mode: Mode, key: object): string {
  let compiled = fn.module.subqueries.get(key)?.[mode];
  if (compiled === undefined) {
    compiled = compileSubquery(fn, subquery, mode, key);
    fn.module.subqueries.set(key, {...fn.module.subqueries.get(key), [mode]: compiled});
  }
  const {name, slots, memo, steady} = compiled;
  if (slots.length === 0) return `X.once(${memo}, ${name})`;
  const values = slots.map(slot => toValue(fn.slot(slot)));
  if (values.length === 1 && steady && fn.module.isSnapshot) return `X.kept(${memo}, ${name}, ${values[0]})`;
  return `${name}(${['X', ...values].join(', ')})`;
}

function compileSubquery(fn: FunctionCode, {query}: Subquery, mode: Mode, key: object): Compiled {
  const {module} = fn;
  const name = module.name('sub');
  const inner = new FunctionCode(module);
  let before = '';
  let after = 'return null;';
  let row: () => string;
  if (mode === 'exists') {
    row = () => 'return true;\n';
    after = 'return false;';
  } else if (mode === 'first') {
    row = () => `return [${query.outputs.map(({expr}) => valueCode(inner, expr)).join(', ')}];\n`;
  } else {
    const expr = key as Bound & {readonly op: 'inQuery'};
    const collations = module.constant(expr.collations);
    before = `const members = new Members(${collations});\n`;
    row = () => {
      const values = query.outputs.map((output, index) =>
        toValue(operand(inner, output.expr, expr.affinities[index] ?? 'none')),
      );
      return values.length === 1 ? `members.add(${values[0]});\n` : `members.addRow([${values.join(', ')}]);\n`;
    };
    after = 'return members;';
  }
  const body = inner.produce(query.plan, row);
  const slots = [...inner.parameters.keys()];
  const parameters = ['X', ...slots.map(slot => inner.parameters.get(slot) as string)].join(', ');
  module.functions.push(`function ${name}(${parameters}) {\n${inner.declarations}${before}${body}${after}\n}`);
  return {name, slots, memo: module.memo++, steady: isSteady(query)};
}
