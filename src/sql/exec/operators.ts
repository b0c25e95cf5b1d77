/**
 * Writes the operators of a plan as nested loops. Each writes the code that finds its rows, and in the middle of it the code
 * of the operator above, which takes one row; so a row passes through a whole pipeline without being stored. Layer: sql.
 */
import type {Bound, Slot} from '../plan/expression.js';
import type {Plan, Query, Recursion, SharedQuery} from '../plan/plan.js';
import type {Value} from '../values/value.js';
import {aggregateCode} from './aggregates-code.js';
import {isTrue, valueCode} from './expressions.js';
import {type Consume, type Fragment, FunctionCode} from './fragment.js';
import {hashJoinCode, nestCode} from './joins-code.js';
import {columnsOf} from './payload.js';
import type {QueueOptions} from './row-tables.js';
import {diffCode, scanCode} from './scans-code.js';
import {distinctCode, limitCode, orderOf, sortCode} from './sorts-code.js';
import {windowCode} from './windows-code.js';

/** Code of the row consumer longer than this is not written twice. */
const SHORT = 1500;

/** Returns the code that runs a plan and does `consume` for each of its rows. */
export function produce(fn: FunctionCode, plan: Plan, consume: Consume): string {
  const {counted} = fn.module;
  if (counted === undefined) return operatorCode(fn, plan, consume);
  let index = counted.indexOf(plan);
  if (index < 0) index = counted.push(plan) - 1;
  const start = fn.name('start');
  const body = operatorCode(fn, plan, () => `X.counts[${index}]++;\n${consume()}`);
  return `const ${start} = X.clock();\ntry {\n${body}} finally { X.times[${index}] += X.clock() - ${start}; }\n`;
}

function operatorCode(fn: FunctionCode, plan: Plan, consume: Consume): string {
  switch (plan.op) {
    case 'one':
      return `{\n${consume()}}\n`;
    case 'values':
      return valuesCode(fn, plan, consume);
    case 'scan':
      return scanCode(fn, plan, consume);
    case 'diff':
      return diffCode(fn, plan, consume);
    case 'rows':
      return rowsCode(
        fn,
        plan.slots,
        used => `${fn.module.constant(plan.source)}.scan(${used})`,
        plan.source.columns.length,
        consume,
      );
    case 'call': {
      const args = plan.args.map(arg => valueCode(fn, arg)).join(', ');
      return rowsCode(
        fn,
        plan.slots,
        used => `${fn.module.constant(plan.function)}.call([${args}], ${used})`,
        plan.function.columns.length,
        consume,
      );
    }
    case 'filter':
      return filterCode(fn, plan, consume);
    case 'nest':
      return nestCode(fn, plan, consume);
    case 'hash':
      return hashJoinCode(fn, plan, consume);
    case 'aggregate':
      return aggregateCode(fn, plan, consume);
    case 'window':
      return windowCode(fn, plan, consume);
    case 'project':
      return fn.produce(plan.input, () => assigned(fn, plan.items, consume));
    case 'distinct':
      return distinctCode(fn, plan, consume);
    case 'sort':
      return sortCode(fn, plan, consume);
    case 'limit':
      return limitCode(fn, plan, consume);
    case 'set':
      return setCode(fn, plan, consume);
    case 'derived':
      return derivedCode(fn, plan.shared, plan.slots, consume);
    case 'queue': {
      const row = `X.queues[${recursionIndex(fn, plan.recursion)}]`;
      return `{\n${fn.with(columnsOf(plan.slots, row), consume)}}\n`;
    }
  }
}

function filterCode(fn: FunctionCode, plan: Plan & {readonly op: 'filter'}, consume: Consume): string {
  const {input} = plan;
  // what the range of a scan says of its rows is true already
  const exact = (input.op === 'scan' && input.range?.exact) || [];
  const conditions = plan.conditions.filter(each => !exact.includes(each));
  return produce(fn, input, () =>
    conditions.length === 0
      ? consume()
      : `if (${conditions.map(each => isTrue(fn, each)).join(' && ')}) {\n${consume()}}\n`,
  );
}

/** Writes expressions into variables, those that the consumer reads, and provides them as slots. */
function assigned(
  fn: FunctionCode,
  items: readonly {readonly slot: Slot; readonly expr: Bound}[],
  consume: Consume,
): string {
  const used = new Map<Slot, string>();
  const provided = items.map(({slot, expr}): [Slot, () => Fragment] => [
    slot,
    () => {
      if (expr.op === 'slot') return fn.slot(expr.slot);
      let name = used.get(slot);
      if (name === undefined) {
        name = fn.temp('v');
        used.set(slot, name);
      }
      return {rep: 'any', value: name, simple: true};
    },
  ]);
  const code = fn.with(provided, consume);
  const assignments = items
    .filter(({slot}) => used.has(slot))
    .map(({slot, expr}) => `${used.get(slot)} = ${valueCode(fn, expr)};\n`);
  return assignments.join('') + code;
}

/** Rows that a source computes; it is told which columns are read. */
function rowsCode(
  fn: FunctionCode,
  slots: ReadonlyMap<number, Slot>,
  rows: (used: string) => string,
  columns: number,
  consume: Consume,
): string {
  const row = fn.name('r');
  const used = new Array<boolean>(columns).fill(false);
  const provided = [...slots].map(([column, slot]): [Slot, () => Fragment] => [
    slot,
    () => {
      used[column] = true;
      return {rep: 'any', value: `${row}[${column}]`, simple: true};
    },
  ]);
  const body = fn.with(provided, () => fn.untyped(consume));
  return `for (const ${row} of ${rows(fn.module.constant(used))}) {\nX.tick();\n${body}}\n`;
}

function valuesCode(fn: FunctionCode, plan: Plan & {readonly op: 'values'}, consume: Consume): string {
  const row = fn.name('r');
  const constant = plan.items.every(items => items.every(item => item.op === 'constant'));
  const rows = constant
    ? fn.module.constant(plan.items.map(items => items.map(item => (item.op === 'constant' ? item.value : null))))
    : `[${plan.items.map(items => `[${items.map(item => valueCode(fn, item)).join(', ')}]`).join(',\n')}]`;
  return `for (const ${row} of ${rows}) {\n${fn.with(columnsOf(plan.slots, row), () => fn.untyped(consume))}}\n`;
}

// ---------------------------------------------------------------------------------------------------- queries in queries

function outputsOf(query: Query, slots: readonly Slot[]): {readonly slot: Slot; readonly expr: Bound}[] {
  return slots.map((slot, index) => ({slot, expr: query.outputs[index]?.expr as Bound}));
}

function derivedCode(fn: FunctionCode, shared: SharedQuery, slots: readonly Slot[], consume: Consume): string {
  if (shared.uses > 1 && shared.outer.size === 0) {
    const row = fn.name('r');
    const {name, memo} = sharedFunction(fn, shared);
    return `for (const ${row} of X.once(${memo}, ${name})) {\nX.tick();\n${fn.with(columnsOf(slots, row), () => fn.untyped(consume))}}\n`;
  }
  if (shared.recursion) return recursionCode(fn, shared, slots, consume);
  const {query} = shared;
  return fn.produce(query.plan, () => assigned(fn, outputsOf(query, slots), consume));
}

function sharedFunction(fn: FunctionCode, shared: SharedQuery) {
  const {module} = fn;
  let compiled = module.shared.get(shared);
  if (compiled === undefined) {
    compiled = {name: module.name('shared'), memo: module.memo++};
    module.shared.set(shared, compiled);
    const inner = new FunctionCode(module);
    const slots = shared.query.outputs.map(({expr}) => expr);
    const body = shared.recursion
      ? recursionRows(inner, shared)
      : produce(
          inner,
          shared.query.plan,
          () => `rows.push([${slots.map(expr => valueCode(inner, expr)).join(', ')}]);\n`,
        );
    module.functions.push(
      `function ${compiled.name}(X) {\n${inner.declarations}const rows = [];\n${body}return rows;\n}`,
    );
  }
  return compiled;
}

function recursionIndex(fn: FunctionCode, recursion: object): number {
  const {module} = fn;
  let index = module.recursions.indexOf(recursion);
  if (index < 0) index = module.recursions.push(recursion) - 1;
  return index;
}

function recursionRows(fn: FunctionCode, shared: SharedQuery): string {
  return recursionLoop(fn, shared, row => `rows.push(${row});\n`);
}

function recursionCode(fn: FunctionCode, shared: SharedQuery, slots: readonly Slot[], consume: Consume): string {
  return recursionLoop(fn, shared, row => fn.with(columnsOf(slots, row), () => fn.untyped(consume)));
}

/** A recursive table: rows come out of a queue one by one, and each puts those that follow from it into the queue. */
function recursionLoop(fn: FunctionCode, shared: SharedQuery, consume: (row: string) => string): string {
  const {recursion, query} = shared;
  if (recursion === undefined) throw new TypeError('a table that is not recursive');
  const queue = fn.name('queue');
  const row = fn.name('r');
  const label = fn.name('L');
  const index = recursionIndex(fn, recursion);
  const {unique, collations, orderBy, limit, offset, steps} = recursion;
  const put = (outputs: Query['outputs']) => () =>
    `${queue}.put([${outputs.map(({expr}) => valueCode(fn, expr)).join(', ')}]);\n`;
  const order = orderBy.length === 0 ? undefined : orderOfColumns(orderBy);
  const options = fn.module.constant({unique, collations, order} satisfies QueueOptions);
  const bounds = `${limit ? `limitOf(${valueCode(fn, limit)})` : 'Infinity'}, ${offset ? `offsetOf(${valueCode(fn, offset)})` : '0'}`;
  const initial = fn.untyped(() => fn.produce(query.plan, put(query.outputs)));
  const consumed = consume(row);
  const following = steps.map(step => fn.untyped(() => fn.produce(step.plan, put(step.outputs))));
  return `const ${queue} = new Queue(${options}, ${bounds});
${initial}${label}: for (let ${row} = ${queue}.take(); ${row} !== undefined; ${row} = ${queue}.take()) {
X.tick();
X.queues[${index}] = ${row};
${following.map(code => `{\n${code}}\n`).join('')}if (${queue}.shows) {
${consumed}}
}\n`;
}

function orderOfColumns(terms: Recursion['orderBy']): QueueOptions['order'] {
  const compare = orderOf(terms);
  const keysOf = (row: readonly Value[]) => terms.map(term => row[term.column] as Value);
  return (a, b) => compare(keysOf(a), keysOf(b));
}

/** UNION ALL passes rows on; UNION, INTERSECT and EXCEPT keep one of equal rows, the last as SQLite does. */
function setCode(fn: FunctionCode, plan: Plan & {readonly op: 'set'}, consume: Consume): string {
  const {operator, inputs, slots} = plan;
  const row = fn.name('r');
  const consumed = fn.untyped(() => fn.with(columnsOf(slots, row), consume));
  const gather = (query: Query, use: (row: string) => string) =>
    `{\n${fn.untyped(() => fn.produce(query.plan, () => use(`[${query.outputs.map(({expr}) => valueCode(fn, expr)).join(', ')}]`)))}}\n`;
  const rows = fn.name('rows');
  const emit = (from: string) => `for (const ${row} of ${from}) {\nX.tick();\n${consumed}}\n`;
  if (operator === 'union all') {
    if (consumed.length * inputs.length < SHORT * 2) {
      return inputs.map(query => gather(query, values => `const ${row} = ${values};\n${consumed}`)).join('');
    }
    const parts = inputs.map(query => gather(query, values => `${rows}.push(${values});\n`));
    return `const ${rows} = [];\n${parts.join('')}${emit(rows)}`;
  }
  const collations = fn.module.constant(slots.map(slot => slot.collation ?? 'binary'));
  const keep = (values: string) => `const ${row} = ${values};\n${rows}.set(hashKeys(${row}, ${collations}), ${row});\n`;
  const declare = `const ${rows} = new Map();\n`;
  if (operator === 'union')
    return declare + inputs.map(query => gather(query, keep)).join('') + emit(`${rows}.values()`);
  const [left, right] = inputs as readonly [Query, Query];
  if (operator === 'except') {
    const drop = (values: string) => `${rows}.delete(hashKeys(${values}, ${collations}));\n`;
    return declare + gather(left, keep) + gather(right, drop) + emit(`${rows}.values()`);
  }
  const found = fn.name('found');
  const key = fn.name('k');
  const pick = (values: string) =>
    `const ${key} = hashKeys(${values}, ${collations});\nif (${rows}.has(${key})) ${found}.set(${key}, ${rows}.get(${key}));\n`;
  return `${declare}const ${found} = new Map();\n${gather(left, keep)}${gather(right, pick)}${emit(`${found}.values()`)}`;
}
