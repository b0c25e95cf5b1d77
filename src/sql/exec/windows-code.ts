/**
 * Writes window functions: rows are stored with what each call reads of them, and go on with the results. Layer: sql.
 */

import {TAKES_JSON} from '../functions/json.js';
import type {Slot} from '../plan/expression.js';
import {signature} from '../plan/expression.js';
import type {Plan, WindowCall} from '../plan/plan.js';
import {isTrue, jsonCode, valueCode} from './expressions.js';
import type {Consume, Fragment, FunctionCode} from './fragment.js';
import {Payload} from './payload.js';
import {orderOf} from './sorts-code.js';
import type {WindowSpec} from './windows.js';

export function windowCode(fn: FunctionCode, plan: Plan & {readonly op: 'window'}, consume: Consume): string {
  const {calls, input} = plan;
  const rows = fn.name('rows');
  const row = fn.name('r');
  const payload = new Payload(row, calls.length);
  const results = calls.map((call, index): [Slot, () => Fragment] => [
    call.slot,
    () => ({rep: 'any', value: `${row}[${index}]`, simple: true}),
  ]);
  const consumed = fn.untyped(() => fn.with([...payload.provide(input), ...results], consume));
  const gather = fn.produce(input, () => {
    const parts = calls.map(call => partsCode(fn, call));
    return `${rows}.push([${[...parts, ...payload.values(fn)].join(', ')}]);\n`;
  });
  const specs = fn.module.constant(calls.map(specOf));
  return `const ${rows} = [];\n{\n${gather}}\nrunWindows(X, ${rows}, ${specs});\nfor (const ${row} of ${rows}) {\nX.tick();\n${consumed}}\n`;
}

/** What a call reads of a row: the keys of its partition, its order, its arguments, its filter, the bounds of its frame. */
function partsCode(fn: FunctionCode, call: WindowCall): string {
  const takesJson = TAKES_JSON.has(call.function.name);
  const list = (codes: readonly string[]) => `[${codes.join(', ')}]`;
  return list([
    list(call.partitionBy.map(({expr}) => valueCode(fn, expr))),
    list(call.orderBy.map(({expr}) => valueCode(fn, expr))),
    list(call.args.map(arg => (takesJson ? jsonCode(fn, arg) : valueCode(fn, arg)))),
    call.filter ? isTrue(fn, call.filter) : 'true',
    call.startOffset ? valueCode(fn, call.startOffset) : 'null',
    call.endOffset ? valueCode(fn, call.endOffset) : 'null',
  ]);
}

function specOf(call: WindowCall): WindowSpec {
  const {partitionBy, orderBy, frame, collation} = call;
  const window = [...partitionBy.map(each => each.expr), ...orderBy.map(each => each.expr)];
  const ways = orderBy.map(key => `${key.descending} ${key.nullsFirst} ${key.collation}`);
  return {
    function: call.function,
    frame,
    collation,
    partition: orderOf(partitionBy.map(each => ({...each, descending: false, nullsFirst: true}))),
    order: orderOf(orderBy),
    orderBy,
    partitioned: partitionBy.length > 0,
    window: `${partitionBy.length} ${ways} ${partitionBy.map(each => each.collation)} ${window.map(signature).join(';')}`,
  };
}
