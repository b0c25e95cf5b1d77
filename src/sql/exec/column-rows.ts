/**
 * The rows of a query over one table as columns, leaf by leaf: what it reads as it stands comes as the vector of the leaf, anything
 * else as an array that generated code fills. For who takes whole columns: an INSERT of many rows needs neither an array for each
 * row nor a string for each text then. Layer: sql.
 */
import type {Vector} from '../../tree/vector.js';
import type {Slot} from '../plan/expression.js';
import type {Query} from '../plan/plan.js';
import type {TreeSource} from '../source.js';
import type {Value} from '../values/value.js';
import {newModule} from './compile.js';
import type {Execution} from './execution.js';
import {valueCode} from './expressions.js';
import {type Fragment, FunctionCode} from './fragment.js';
import {RUNTIME} from './runtime.js';
import {keptLeavesCode} from './scans-code.js';

/** Rows `from` to `to` − 1 of a leaf. */
export interface ColumnRows {
  readonly from: number;
  readonly to: number;
  /** The columns of the query; an array, which is the reader's own, has the values of these rows only. */
  readonly columns: readonly (Vector | Value[])[];
}

export interface ColumnsProgram {
  readonly run: (execution: Execution) => Generator<ColumnRows, void, undefined>;
  /** Returns the values of a row. */
  readonly row: (execution: Execution, rows: ColumnRows, row: number) => Value[];
}

/**
 * Returns the program of a query that computes each of its rows from one of a table, without leaving any out; undefined for any other.
 * `outer` provides the slots that it reads without giving them values.
 */
export function compileColumns(
  {plan, outputs}: Query,
  outer: Iterable<readonly [Slot, () => Fragment]> = [],
): ColumnsProgram | undefined {
  if (plan.op !== 'scan' || plan.reverse || plan.range?.index || plan.range?.plan.unique) return undefined;
  const {source, slots} = plan;
  const stored = new Map<Slot, number>();
  for (const [column, slot] of slots) {
    const origin = source.origins[column] as TreeSource['origins'][number];
    if (origin.kind === 'stored') stored.set(slot, origin.column);
  }
  const module = newModule();
  const fn = new FunctionCode(module);
  const columns = outputs.map(({expr}) => (expr.op === 'slot' ? stored.get(expr.slot) : undefined));
  const names = columns.map(column => (column === undefined ? fn.name('a') : undefined));
  const computed = names.filter(name => name !== undefined);
  const n = fn.name('n');
  const consume = () => {
    const assigned = outputs.map(({expr}, i) => (names[i] ? `${names[i]}[${n}] = ${valueCode(fn, expr)};\n` : ''));
    return `${assigned.join('')}${n}++;\n`;
  };
  const body = fn.with(outer, () =>
    keptLeavesCode(fn, plan, computed.length === 0 ? () => '' : consume, (part, rows) => {
      const list = columns.map((column, i) => names[i] ?? `${part}.leaf.column(${column})`).join(', ');
      const given = (to: string) => `yield {from: ${part}.from, to: ${to}, columns: [${list}]};\n`;
      if (computed.length === 0) return given(`${part}.to`);
      return `let ${n} = ${part}.from;
${computed.map(name => `const ${name} = new Array(${part}.to);\n`).join('')}try {
${rows}} catch (error) {
// the rows before the error come first
if (${n} > ${part}.from) ${given(n)}throw error;
}
${given(`${part}.to`)}`;
    }),
  );
  const code = `'use strict';
const {${Object.keys(RUNTIME).join(', ')}} = runtime;
const [${module.constants.map((_, index) => `K${index}`).join(', ')}] = constants;
${module.functions.join('\n')}
return function* (X) {
${fn.declarations}${body}};`;
  const run = new Function('runtime', 'constants', code)(RUNTIME, module.constants) as ColumnsProgram['run'];
  return {
    run,
    row: (execution, {columns: given}, row) =>
      given.map(column =>
        Array.isArray(column) ? (column[row] as Value) : execution.value(source, (column as Vector).cell(row)),
      ),
  };
}
