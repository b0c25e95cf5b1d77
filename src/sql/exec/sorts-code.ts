/**
 * Writes ORDER BY, LIMIT and DISTINCT. Layer: sql.
 */
import type {SortKey} from '../plan/expression.js';
import type {Plan} from '../plan/plan.js';
import {comparator} from '../values/compare.js';
import type {Value} from '../values/value.js';
import {compile, valueCode} from './expressions.js';
import {type Consume, type FunctionCode, toValue} from './fragment.js';
import {Payload} from './payload.js';

/** Returns the comparison of rows that begin with the values of these keys. */
export function orderOf(
  keys: readonly Pick<SortKey, 'collation' | 'descending' | 'nullsFirst'>[],
): (a: readonly Value[], b: readonly Value[]) => number {
  const terms = keys.map(({collation, descending, nullsFirst}) => ({
    compare: comparator(collation),
    sign: descending ? -1 : 1,
    // where NULL would be by its own order
    nulls: nullsFirst === !descending ? 0 : nullsFirst ? -1 : 1,
  }));
  const [first] = terms;
  if (terms.length === 1 && first && first.nulls === 0) {
    const {compare, sign} = first;
    return sign === 1
      ? (a, b) => compare(a[0] as Value, b[0] as Value)
      : (a, b) => compare(b[0] as Value, a[0] as Value);
  }
  return (a, b) => {
    for (let i = 0; i < terms.length; i++) {
      const {compare, sign, nulls} = terms[i] as (typeof terms)[number];
      const x = a[i] as Value;
      const y = b[i] as Value;
      if (nulls !== 0 && (x === null || y === null)) {
        if (x !== y) return x === null ? nulls : -nulls;
        continue;
      }
      const order = compare(x, y);
      if (order !== 0) return order * sign;
    }
    return 0;
  };
}

export function sortCode(fn: FunctionCode, plan: Plan & {readonly op: 'sort'}, consume: Consume): string {
  const {input, keys, limit, offset} = plan;
  const rows = fn.name('rows');
  const row = fn.name('r');
  const payload = new Payload(row, keys.length);
  const consumed = fn.untyped(() => fn.with(payload.provide(input), consume));
  const order = fn.module.constant(orderOf(keys));
  const bounded = limit !== undefined;
  const gather = fn.produce(input, () => {
    const [first, ...rest] = keys.map(key => compile(fn, key.expr));
    const stored = `[${[first, ...rest]
      .map(each => (each ? toValue(each) : 'null'))
      .concat(payload.values(fn))
      .join(', ')}]`;
    const push = `${rows}.push(${stored});\n`;
    if (!bounded) return push;
    // most rows are not among the first: that is seen before a row is made
    const {descending, collation} = keys[0] as SortKey;
    if (first === undefined) return push;
    if (first.rep === 'int' || first.rep === 'real') {
      const worse = `${first.value} ${descending ? '<' : '>'} ${rows}.bound`;
      return `if (${first.isNull === undefined ? '' : `${first.isNull} || `}!(${rows}.full && ${worse})) ${push}`;
    }
    if (first.column && collation === 'binary')
      return `if (!${rows}.textIsPast(${first.column.vector}, ${first.column.row}, ${descending})) ${push}`;
    if (first.rep === 'text' && collation === 'binary') {
      const worse = `${descending ? 'less' : 'greater'}(${first.value}, ${rows}.boundText)`;
      return `if (${first.isNull === undefined ? '' : `${first.isNull} || `}!(${rows}.full && ${rows}.boundText !== undefined && ${worse})) ${push}`;
    }
    return push;
  });
  const declare = bounded
    ? `const ${rows} = new TopRows(${order}, limitOf(${valueCode(fn, limit)}) + ${offset ? `offsetOf(${valueCode(fn, offset)})` : '0'});\n`
    : `const ${rows} = [];\n`;
  const sorted = bounded ? `${rows}.sorted()` : `${rows}.sort(${order})`;
  return `${declare}{\n${gather}}\nfor (const ${row} of ${sorted}) {\nX.tick();\n${consumed}}\n`;
}

export function limitCode(fn: FunctionCode, plan: Plan & {readonly op: 'limit'}, consume: Consume): string {
  const left = fn.name('left');
  const skip = fn.name('skip');
  const label = fn.name('L');
  const limit = plan.limit ? `limitOf(${valueCode(fn, plan.limit)})` : 'Infinity';
  const offset = plan.offset ? `offsetOf(${valueCode(fn, plan.offset)})` : '0';
  const body = fn.produce(plan.input, () => {
    const consumed = consume();
    return `if (${skip} > 0) ${skip}--;\nelse {\n${left}--;\n${consumed}if (${left} <= 0) break ${label};\n}\n`;
  });
  return `let ${left} = ${limit}, ${skip} = ${offset};\nif (${left} > 0) ${label}: {\n${body}}\n`;
}

export function distinctCode(fn: FunctionCode, plan: Plan & {readonly op: 'distinct'}, consume: Consume): string {
  const seen = fn.name('seen');
  const collations = plan.slots.map(slot => slot.collation ?? 'binary');
  const body = fn.produce(plan.input, () => {
    const values = plan.slots.map(slot => toValue(fn.slot(slot)));
    const key = fn.name('k');
    const code =
      values.length === 1
        ? `hashKey(${values[0]}, '${collations[0]}')`
        : `hashKeys([${values.join(', ')}], ${fn.module.constant(collations)})`;
    return `const ${key} = ${code};\nif (!${seen}.has(${key})) {\n${seen}.add(${key});\n${consume()}}\n`;
  });
  return `const ${seen} = new Set();\n{\n${body}}\n`;
}
