/**
 * Bound expressions as text, for EXPLAIN. Layer: sql.
 */
import {Real} from '../../tree/cell.js';
import {realText} from '../values/number.js';
import type {Value} from '../values/value.js';
import type {Bound, SortKey} from './expression.js';

const SYMBOLS: Readonly<Record<string, string>> = {
  add: '+',
  subtract: '-',
  multiply: '*',
  divide: '/',
  remainder: '%',
  bitAnd: '&',
  bitOr: '|',
  shiftLeft: '<<',
  shiftRight: '>>',
  concat: '||',
};

const PREFIXES = {negate: '-', bitNot: '~', not: 'NOT ', plus: '+'} as const;

/** Longer texts are cut: a plan is read line by line. */
const LONGEST = 60;

function valueText(value: Value): string {
  if (value === null) return 'NULL';
  if (typeof value === 'string') {
    const quoted = `'${value.replaceAll("'", "''").replace(/\p{Cc}/gu, ' ')}'`;
    return quoted.length > LONGEST ? `${quoted.slice(0, LONGEST)}…'` : quoted;
  }
  if (value instanceof Uint8Array) return `x'…' of ${value.length} bytes`;
  if (value instanceof Real) return realText(value.value);
  return typeof value === 'number' && !Number.isSafeInteger(value) ? realText(value) : `${value}`;
}

/** Returns an expression in words of SQL; a query inside it is `(…)`. */
export function textOf(expr: Bound): string {
  const inner = (each: Bound) =>
    each.op === 'arithmetic' || each.op === 'compare' || each.op === 'and' || each.op === 'or'
      ? `(${textOf(each)})`
      : textOf(each);
  const list = (items: readonly Bound[]) => items.map(textOf).join(', ');
  switch (expr.op) {
    case 'constant':
      return valueText(expr.value);
    case 'parameter':
      return `?${expr.index + 1}`;
    case 'slot':
      return expr.slot.name || '…';
    case 'negate':
    case 'bitNot':
    case 'not':
    case 'plus':
      return `${PREFIXES[expr.op]}${inner(expr.operand)}`;
    case 'arithmetic':
      return `${inner(expr.left)} ${SYMBOLS[expr.name]} ${inner(expr.right)}`;
    case 'compare':
      return `${inner(expr.left)} ${expr.name.toUpperCase()} ${inner(expr.right)}`;
    case 'and':
    case 'or':
      return `${inner(expr.left)} ${expr.op.toUpperCase()} ${inner(expr.right)}`;
    case 'isNull':
      return `${inner(expr.operand)} IS ${expr.negated ? 'NOT ' : ''}NULL`;
    case 'isTruth':
      return `${inner(expr.operand)} IS ${expr.negated ? 'NOT ' : ''}${expr.truth ? 'TRUE' : 'FALSE'}`;
    case 'let':
      return textOf(expr.body).replace('…', textOf(expr.value));
    case 'case':
      return 'CASE … END';
    case 'cast':
      return `CAST(${textOf(expr.operand)} AS ${expr.to.toUpperCase()})`;
    case 'affinity':
      return textOf(expr.operand);
    case 'collate':
      return `${inner(expr.operand)} COLLATE ${expr.collation.toUpperCase()}`;
    case 'call':
      return `${expr.function.name}(${list(expr.args)})`;
    case 'match':
      return `${inner(expr.operand)} ${expr.name.toUpperCase()} ${textOf(expr.pattern)}`;
    case 'inList':
      return `${inner(expr.operand)} ${expr.negated ? 'NOT ' : ''}IN (${expr.items.length > 8 ? `${expr.items.length} values` : list(expr.items)})`;
    case 'inQuery':
      return `${expr.operands.length === 1 ? textOf(expr.operands[0] as Bound) : `(${list(expr.operands)})`} ${expr.negated ? 'NOT ' : ''}IN (…)`;
    case 'scalar':
      return '(…)';
    case 'exists':
      return 'EXISTS (…)';
    case 'row':
      return `(${list(expr.items)})`;
  }
}

/** Returns the terms of an ORDER BY. */
export function orderText(keys: readonly SortKey[]): string {
  return keys.map(({expr, descending}) => `${textOf(expr)}${descending ? ' DESC' : ''}`).join(', ');
}
