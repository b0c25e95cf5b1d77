/**
 * Writes GROUP BY and aggregates: one accumulator for each aggregate and group, groups in a hash table. Layer: sql.
 */

import {TAKES_NUMBERS} from '../functions/aggregates.js';
import {TAKES_JSON} from '../functions/json.js';
import type {BoundAggregate, Slot} from '../plan/expression.js';
import type {Plan} from '../plan/plan.js';
import {compile, isTrue, jsonCode, valueCode} from './expressions.js';
import {type Consume, type Fragment, type FunctionCode, toValue} from './fragment.js';
import {orderOf} from './sorts-code.js';

type Aggregate = Plan & {readonly op: 'aggregate'};

export function aggregateCode(fn: FunctionCode, plan: Aggregate, consume: Consume): string {
  const {input, keys, aggregates, single} = plan;
  if (single && isCount(plan) && input.op === 'scan' && input.range === undefined) {
    const rows = fn.name('n');
    const provided = aggregates.map((each): [Slot, () => Fragment] => [
      each.slot,
      () => ({rep: 'int', value: rows, simple: true}),
    ]);
    const count = `X.count(${fn.module.constant(input.source)})`;
    return `{\nconst ${rows} = ${count};\n${fn.with(provided, consume)}}\n`;
  }
  const group = fn.name('g');
  // a group is its keys, its accumulators, and the values of one of its rows
  const place = {keys: 0, aggregates: keys.length, bare: keys.length + aggregates.length};
  const bare: Slot[] = [];
  const keyOfSlot = new Map(keys.map((key, index) => [key.slot, index]));
  const results = new Map<number, string>();
  const provided: [Slot, () => Fragment][] = [
    ...plan.bare.map((slot): [Slot, () => Fragment] => [
      slot,
      () => {
        let index = bare.indexOf(slot);
        if (index < 0) index = bare.push(slot) - 1;
        return {rep: 'any', value: `${group}[${place.bare + index}]`, simple: true};
      },
    ]),
    ...keys.map((key, index): [Slot, () => Fragment] => [
      key.slot,
      () => ({rep: 'any', value: `${group}[${index}]`, simple: true}),
    ]),
    ...aggregates.map((each, index): [Slot, () => Fragment] => [
      each.slot,
      () => {
        let name = results.get(index);
        if (name === undefined) {
          name = fn.name('a');
          results.set(index, name);
        }
        return {rep: 'any', value: name, simple: true};
      },
    ]),
  ];
  const consumed = fn.untyped(() => fn.with(provided, consume));
  const finals = [...results]
    .map(([index, name]) => `const ${name} = ${group}[${place.aggregates + index}].value();\n`)
    .join('');
  const kept = bare.filter(slot => !keyOfSlot.has(slot));
  const extremes = aggregates.flatMap((each, index) => (isExtreme(each) ? [index] : []));
  const makers = aggregates.map(each => accumulatorCode(fn, each)).join(', ');
  const steps = (): string => {
    const store = bare.map((slot, index) => `${group}[${place.bare + index}] = ${toValue(fn.slot(slot))};\n`).join('');
    const lines = aggregates.map((each, index) => {
      const accumulator = `${group}[${place.aggregates + index}]`;
      if (kept.length === 0 || extremes.length !== 1 || extremes[0] !== index) return stepCode(fn, each, accumulator);
      // beside one min() or max(), other columns are those of its row
      const before = fn.name('n');
      return `const ${before} = ${accumulator}.changes;\n${stepCode(fn, each, accumulator)}if (${accumulator}.changes !== ${before} || ${before} === 0) {\n${store}}\n`;
    });
    if (bare.length > 0 && (kept.length === 0 || extremes.length !== 1))
      lines.push(`if (${group}[${place.bare}] === undefined) {\n${store}}\n`);
    return lines.join('');
  };
  if (single) {
    const nulls = bare.map(() => 'undefined').join(', ');
    const parts = [makers, nulls].filter(part => part !== '').join(', ');
    const clear = bare
      .map((_, index) => `if (${group}[${place.bare + index}] === undefined) ${group}[${place.bare + index}] = null;\n`)
      .join('');
    return `const ${group} = [${parts}];\n{\n${fn.produce(input, steps)}}\n${clear}{\n${finals}${consumed}}\n`;
  }
  const groups = fn.name('groups');
  const label = fn.name('L');
  const last = plan.most === undefined ? '' : `if (${groups}.size >= ${plan.most}) break ${label};\n`;
  const scan = fn.produce(input, () => {
    const fragments = keys.map(key => compile(fn, key.expr));
    const names = fragments.map(() => fn.name('k'));
    const declare = fragments.map((fragment, index) => `const ${names[index]} = ${toValue(fragment)};\n`).join('');
    const hash = hashOf(fn, plan, fragments, names);
    const parts = [...names, makers, ...bare.map(() => 'undefined')].filter(part => part !== '').join(', ');
    const key = fn.name('h');
    const inside = fn.with(
      keys.flatMap((each, index): [Slot, () => Fragment][] =>
        each.expr.op === 'slot' ? [] : [[each.slot, () => ({rep: 'any', value: names[index] as string, simple: true})]],
      ),
      steps,
    );
    return `${declare}const ${key} = ${hash};\nlet ${group} = ${groups}.get(${key});\nif (${group} === undefined) {\n${last}${group} = [${parts}];\n${groups}.set(${key}, ${group});\n}\n${inside}`;
  });
  return `const ${groups} = new Map();\n${label}: {\n${scan}}\nfor (const ${group} of ${groups}.values()) {\nX.tick();\n${finals}${consumed}}\n`;
}

function isCount({aggregates}: Aggregate): boolean {
  return (
    aggregates.length > 0 &&
    aggregates.every(each => each.function.name === 'count' && each.args.length === 0 && !each.filter)
  );
}

function isExtreme({function: called, args}: BoundAggregate): boolean {
  return (called.name === 'min' || called.name === 'max') && args.length === 1;
}

/** Returns code for the key of a group in the hash table. */
function hashOf(fn: FunctionCode, {keys}: Aggregate, fragments: readonly Fragment[], names: readonly string[]): string {
  const [first] = fragments;
  if (keys.length === 1 && first) {
    const collation = keys[0]?.collation ?? 'binary';
    if (first.rep === 'int' || first.rep === 'bool' || (first.rep === 'text' && collation === 'binary'))
      return names[0] as string;
    return `hashKey(${names[0]}, '${collation}')`;
  }
  return `hashKeys([${names.join(', ')}], ${fn.module.constant(keys.map(key => key.collation))})`;
}

function accumulatorCode(fn: FunctionCode, aggregate: BoundAggregate): string {
  const {function: called, distinct, orderBy, collation} = aggregate;
  let code = `${fn.module.constant(called)}.create(X.context.${collation})`;
  if (orderBy.length > 0) {
    code = `new OrderedAccumulator(${code}, ${fn.module.constant(orderOf(orderBy))}${distinct ? `, '${collation}'` : ''})`;
  } else if (distinct) code = `new DistinctAccumulator(${code}, '${collation}')`;
  return code;
}

function stepCode(fn: FunctionCode, aggregate: BoundAggregate, accumulator: string): string {
  const {args, filter, orderBy, distinct, function: called} = aggregate;
  let code: string;
  const [first] = args;
  const takesJson = TAKES_JSON.has(called.name);
  const argument = (index: number) => {
    const arg = args[index] as BoundAggregate['args'][number];
    return takesJson ? jsonCode(fn, arg) : valueCode(fn, arg);
  };
  if (orderBy.length > 0) {
    const keys = orderBy.map(key => valueCode(fn, key.expr)).join(', ');
    code = `${accumulator}.gather([${keys}], [${args.map((_, index) => argument(index)).join(', ')}]);\n`;
  } else if (first === undefined) code = `${accumulator}.step();\n`;
  else {
    const fragment = distinct || args.length > 1 ? undefined : compile(fn, first);
    if (fragment && (fragment.rep === 'int' || fragment.rep === 'real') && TAKES_NUMBERS.has(called.name)) {
      const step = `${accumulator}.${fragment.rep}(${fragment.value});\n`;
      code = fragment.isNull === undefined ? step : `if (!(${fragment.isNull})) ${step}`;
    } else code = `${accumulator}.step(${args.map((_, index) => argument(index)).join(', ')});\n`;
  }
  return filter ? `if (${isTrue(fn, filter)}) {\n${code}}\n` : code;
}
