/**
 * Compiles a plan to JavaScript: one generator function that yields batches of rows, and a function for each subquery. The
 * text is made of names and numbers that the generator chose and of literals that it quoted; nothing of the query's own text
 * gets into it otherwise. Layer: sql.
 */
import type {Slot} from '../plan/expression.js';
import type {Query} from '../plan/plan.js';
import type {Value} from '../values/value.js';
import type {Execution} from './execution.js';
import {valueCode} from './expressions.js';
import {type Fragment, FunctionCode, Module, type Writers} from './fragment.js';
import {produce} from './operators.js';
import {RUNTIME} from './runtime.js';
import {existsCode, inQueryCode, scalarCode} from './subqueries.js';

export type Batch = readonly (readonly Value[])[];

export interface Program {
  readonly run: (execution: Execution) => Generator<Batch, void, undefined>;
  /** The plan's operators whose rows are counted, in the order of `Execution.counts`. */
  readonly counted: readonly object[];
  readonly source: string;
}

const WRITERS: Writers = {produce, scalar: scalarCode, exists: existsCode, inQuery: inQueryCode};

/** Returns what the functions of one piece of code share; `isSnapshot`: tables stay what they are while it runs. */
export function newModule(analyze = false, isSnapshot = false): Module {
  return new Module(WRITERS, analyze, isSnapshot);
}

/** Rows of a batch: few at first, so that the first ones come soon. */
const FIRST_BATCH = 32;
const BATCH = 1024;

/** Returns the program of a query; `outer` provides the slots that it reads without giving them values. */
export function compileQuery(
  query: Query,
  analyze = false,
  outer: Iterable<readonly [Slot, () => Fragment]> = [],
): Program {
  const module = newModule(analyze, !analyze);
  const fn = new FunctionCode(module);
  const body = fn.with(outer, () =>
    fn.produce(query.plan, () => {
      const row = query.outputs.map(({expr}) => valueCode(fn, expr)).join(', ');
      return `batch.push([${row}]);\nif (batch.length >= size || X.late) {\nyield batch;\nbatch = [];\nsize = ${BATCH};\nX.shown();\n}\n`;
    }),
  );
  const names = Object.keys(RUNTIME);
  const source = `'use strict';
const {${names.join(', ')}} = runtime;
${module.constants.length === 0 ? '' : `const [${module.constants.map((_, index) => `K${index}`).join(', ')}] = constants;\n`}${module.functions.join('\n')}
return function* (X) {
${fn.declarations}let batch = [], size = ${FIRST_BATCH};
try {
${body}} catch (error) {
// what was found before the error is shown
if (batch.length > 0) yield batch;
throw error;
}
if (batch.length > 0) yield batch;
};`;
  const make = new Function('runtime', 'constants', source) as (
    runtime: typeof RUNTIME,
    constants: readonly unknown[],
  ) => Program['run'];
  return {run: make(RUNTIME, module.constants), counted: module.counted ?? [], source};
}
