/**
 * Writes joins: nested loops for lookups by key, and hash tables. Layer: sql.
 */
import type {Slot} from '../plan/expression.js';
import type {Plan} from '../plan/plan.js';
import {addProvidedByPlan} from '../plan/slots.js';
import {isTrue, operand} from './expressions.js';
import {type Consume, type Fragment, type FunctionCode, toValue} from './fragment.js';
import {isIndependent, Payload} from './payload.js';

export function nestCode(fn: FunctionCode, plan: Plan & {readonly op: 'nest'}, consume: Consume): string {
  if (!plan.left) return fn.produce(plan.outer, () => fn.untyped(() => `{\n${fn.produce(plan.inner, consume)}}\n`));
  const list = fn.name('rows');
  const index = fn.name('j');
  const row = fn.name('r');
  const payload = new Payload(row, 0);
  return fn.produce(plan.outer, () =>
    fn.untyped(() => {
      const consumed = fn.with(payload.provideSlots(plan.slots), consume);
      const inner = fn.produce(plan.inner, () => {
        const on = plan.on.map(each => isTrue(fn, each)).join(' && ') || 'true';
        return `if (${on}) ${list}.push([${payload.values(fn).join(', ')}]);\n`;
      });
      // a row of nulls where there is no match
      return `const ${list} = [];\n{\n${inner}}\nif (${list}.length === 0) ${list}.push([${payload.slots.map(() => 'null').join(', ')}]);
for (let ${index} = 0; ${index} < ${list}.length; ${index}++) {\nconst ${row} = ${list}[${index}];\n${consumed}}\n`;
    }),
  );
}

/** What a join reads of the rows of its inner side, which stand in columns; −1 is the row of nulls. */
class InnerColumns {
  readonly slots: Slot[] = [];

  constructor(
    private readonly table: string,
    private readonly row: string,
    private readonly nullable: boolean,
  ) {}

  provide(slots: Iterable<Slot>): [Slot, () => Fragment][] {
    return [...slots].map(slot => [
      slot,
      () => {
        let index = this.slots.indexOf(slot);
        if (index < 0) index = this.slots.push(slot) - 1;
        const value = `${this.table}c${index}[${this.row}]`;
        return {rep: 'any', value: this.nullable ? `(${this.row} < 0 ? null : ${value})` : value, simple: true};
      },
    ]);
  }

  /** Returns the declaration of the columns. */
  declare(): string {
    const names = this.slots.map((_, index) => `${this.table}c${index}`);
    return names.length === 0 ? '' : `const [${names.join(', ')}] = ${this.table}.columns;\n`;
  }
}

export function hashJoinCode(fn: FunctionCode, plan: Plan & {readonly op: 'hash'}, consume: Consume): string {
  const {keys, left, right, on, outer, inner} = plan;
  const table = fn.name('table');
  const row = fn.name('r');
  const innerSlots = addProvidedByPlan(inner, new Set(plan.innerSlots));
  const columns = new InnerColumns(table, row, left);
  const provided = columns.provide(innerSlots);
  const collations = fn.module.constant(keys.map(key => key.collation));
  const key = (side: 'outer' | 'inner') => {
    const values = keys.map(each => toValue(operand(fn, each[side], each.affinity)));
    if (values.length === 1) return `hashKey(${values[0]}, '${keys[0]?.collation}')`;
    return `keysOf([${values.join(', ')}], ${collations})`;
  };

  // a right join takes its rows together first: those with and those without a match go the same way on
  const all = right ? fn.name('all') : undefined;
  const pair = fn.name('q');
  const outerProvided = addProvidedByPlan(outer, new Set(plan.outerSlots));
  const both = new Payload(pair, 0);
  const consumedAll =
    all === undefined ? '' : fn.untyped(() => fn.with(both.provideSlots([...outerProvided, ...innerSlots]), consume));
  const pushPair = (withOuter: boolean) => {
    const values = both.slots.map(slot => (innerSlots.has(slot) || withOuter ? toValue(fn.slot(slot)) : 'null'));
    return `${all}.push([${values.join(', ')}]);\n`;
  };

  const probe = fn.produce(outer, () =>
    fn.untyped(() => {
      const conditions = fn.with(provided, () => on.map(each => isTrue(fn, each)).join(' && '));
      const consumed = fn.with(provided, all === undefined ? consume : () => pushPair(true));
      return probeCode(fn, plan, {table, row, key: keys.length > 0 ? key('outer') : undefined, conditions, consumed});
    }),
  );
  const build = fn.untyped(() =>
    fn.produce(inner, () => {
      const values = columns.slots.map(
        (slot, index) => `${table}.columns[${index}].push(${toValue(fn.slot(slot))});\n`,
      );
      return `if (${table}.add(${keys.length > 0 ? key('inner') : 'null'})) {\n${values.join('')}}\n`;
    }),
  );
  const make = `new JoinTable(${columns.slots.length}, ${right || keys.length === 0})`;
  const memo = !right && isIndependent(inner) ? `X.memo[${fn.module.memo++}]` : undefined;
  const filled = memo
    ? `let ${table} = ${memo};\nif (${table} === undefined) {\n${memo} = ${table} = ${make};\n{\n${build}}\n}\n`
    : `const ${table} = ${make};\n{\n${build}}\n`;
  const code = `${filled}${right ? `${table}.noteMatches();\n` : ''}${columns.declare()}const ${table}n = ${table}.next;\n${probe}`;
  if (all === undefined) return code;
  const unmatched = fn.with(provided, () => pushPair(false));
  return `const ${all} = [];\n${code}for (let ${row} = 0; ${row} < ${table}.rows; ${row}++) {\nif (${table}.matched[${row}] === 0) {\n${unmatched}}\n}\nfor (const ${pair} of ${all}) {\nX.tick();\n${consumedAll}}\n`;
}

interface Probe {
  readonly table: string;
  readonly row: string;
  /** The key of the outer row; undefined for a join without keys, which visits all rows. */
  readonly key: string | undefined;
  readonly conditions: string;
  readonly consumed: string;
}

/** Writes the loop over the inner rows that match an outer one; for a left join, over the row of nulls if there is none. */
function probeCode(
  fn: FunctionCode,
  plan: Plan & {readonly op: 'hash'},
  {table, row, key, conditions, consumed}: Probe,
): string {
  const mark = plan.right ? `${table}.matched[${row}] = 1;\n` : '';
  const last = fn.name('l');
  const start = key === undefined ? `${table}.rows - 1` : `${table}.last(${key})`;
  const first = key === undefined ? `(${last} < 0 ? -1 : 0)` : `(${last} < 0 ? -1 : ${table}n[${last}])`;
  const next = key === undefined ? `${row} + 1` : `${table}n[${row}]`;
  if (!plan.left) {
    const body = conditions === '' ? `${mark}${consumed}` : `if (${conditions}) {\n${mark}${consumed}}\n`;
    return `const ${last} = ${start};\nfor (let ${row} = ${first}; ${row} >= 0; ${row} = ${row} === ${last} ? -1 : ${next}) {\nX.tick();\n${body}}\n`;
  }
  const at = fn.name('e');
  const found = fn.name('m');
  const check = conditions === '' ? '' : `if (!(${conditions})) continue;\n`;
  return `const ${last} = ${start};\nfor (let ${at} = ${first}, ${found} = false; ; ) {\nX.tick();\nconst ${row} = ${at};
if (${row} >= 0) {\n${at} = ${row} === ${last} ? -1 : ${next};\n${check}${found} = true;\n${mark}} else if (${found}) break;
else ${found} = true;\n${consumed}}\n`;
}
