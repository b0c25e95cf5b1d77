/**
 * Access paths: which conditions on a tree's columns become a range of its keys. Layer: sql.
 */
import {isDbosError} from '../../errors.js';
import type {Cell} from '../../tree/cell.js';
import {afterPrefix, encodeKey} from '../../tree/key.js';
import type {TreeRange} from '../../tree/read.js';
import {prefixOf} from '../functions/pattern.js';
import type {Constraint, RangePlan, TreeSource} from '../source.js';
import {foldCase} from '../values/compare.js';
import type {Affinity} from '../values/value.js';
import {addSlots, type Bound, type Comparison, type ComparisonAffinity, type Slot} from './expression.js';
import type {ColumnSlots, RangeUse} from './plan.js';

interface Condition {
  readonly constraint: Constraint;
  readonly value: Bound;
  readonly affinity: ComparisonAffinity;
}

const MIRRORED: Readonly<Partial<Record<Comparison, Constraint['operator']>>> = {
  '=': '=',
  '<': '>',
  '<=': '>=',
  '>': '<',
  '>=': '<=',
};
const OPERATORS: Readonly<Partial<Record<Comparison, Constraint['operator']>>> = {
  '=': '=',
  '<': '<',
  '<=': '<=',
  '>': '>',
  '>=': '>=',
  is: '=',
};

/** Returns the range of a tree that conditions leave, reading only slots of `known` besides the tree's own; undefined if all of it. */
export function planRange(
  source: TreeSource,
  slots: ColumnSlots,
  conjuncts: readonly Bound[],
  known: (slot: Slot) => boolean,
): RangeUse | undefined {
  const columns = new Map<Slot, number>();
  for (const [column, slot] of slots) columns.set(slot, column);
  const conditions = conjuncts.flatMap(conjunct => conditionsOf(source, columns, conjunct, known));
  if (conditions.length === 0) return undefined;
  const constraints = conditions.map(each => each.constraint);
  const own = keyRange(source, constraints);
  const other = source.planRange?.(constraints);
  const plan = other && (!own || other.rows < own.rows) ? other : own;
  if (plan === undefined) return undefined;
  const values = plan.uses.map(index => {
    const {value, affinity} = conditions[index] as Condition;
    return {expr: value, affinity};
  });
  return {plan, values};
}

function conditionsOf(
  source: TreeSource,
  columns: ReadonlyMap<Slot, number>,
  conjunct: Bound,
  known: (slot: Slot) => boolean,
): Condition[] {
  const usable = (value: Bound) => [...addSlots(value, new Set())].every(known);
  const columnOf = (expr: Bound) => (expr.op === 'slot' ? columns.get(expr.slot) : undefined);
  if (conjunct.op === 'compare') {
    const {left, right, affinity, collation} = conjunct;
    // NULL = NULL is no match, but NULL IS NULL is one
    if (conjunct.name === 'is' && !(right.op === 'constant' && right.value !== null)) return [];
    const conditions: Condition[] = [];
    for (const [own, value, operators] of [
      [left, right, OPERATORS],
      [right, left, MIRRORED],
    ] as const) {
      const column = columnOf(own);
      const operator = operators[conjunct.name];
      if (column === undefined || operator === undefined || !usable(value)) continue;
      const {affinity: declared, collation: stored} = source.columns[column] as TreeSource['columns'][number];
      if (stored !== collation || !keeps(declared, affinity)) continue;
      conditions.push({constraint: {column, operator}, value, affinity});
    }
    return conditions;
  }
  if (conjunct.op === 'match' && conjunct.name !== 'regexp' && conjunct.escape === undefined) {
    const column = columnOf(conjunct.operand);
    const {pattern, name} = conjunct;
    if (column === undefined || pattern.op !== 'constant' || typeof pattern.value !== 'string') return [];
    const prefix = prefixOf(pattern.value, name);
    if (prefix === '' || source.columns[column]?.affinity !== 'text') return [];
    const operator = name === 'glob' ? 'prefix' : 'prefix nocase';
    return [{constraint: {column, operator}, value: {op: 'constant', value: prefix}, affinity: 'none'}];
  }
  return [];
}

/** Returns whether a comparison of this affinity takes the values of such a column as they are stored. */
function keeps(column: Affinity, comparison: ComparisonAffinity): boolean {
  if (comparison === 'none') return true;
  if (comparison === 'text') return column === 'text';
  return column === 'integer' || column === 'real' || column === 'numeric';
}

/** Plans a range from conditions on a prefix of the key columns. */
function keyRange(source: TreeSource, constraints: readonly Constraint[]): RangePlan | undefined {
  const {key, spec} = source;
  const uses: number[] = [];
  let equal = 0;
  for (; equal < key.length; equal++) {
    const index = constraints.findIndex(each => each.column === key[equal] && each.operator === '=');
    if (index < 0 || !collated(source, equal)) break;
    uses.push(index);
  }
  const next = key[equal];
  let low: number | undefined;
  let high: number | undefined;
  let prefix: number | undefined;
  if (next !== undefined && collated(source, equal)) {
    const find = (...operators: string[]) => {
      const index = constraints.findIndex(each => each.column === next && operators.includes(each.operator));
      return index < 0 ? undefined : index;
    };
    prefix = spec.keys[equal]?.collation === 'rtrim' ? undefined : find('prefix', 'prefix nocase');
    if (prefix === undefined) {
      low = find('>', '>=');
      high = find('<', '<=');
    }
  }
  if (equal === 0 && low === undefined && high === undefined && prefix === undefined) return undefined;
  for (const index of [low, high, prefix]) if (index !== undefined) uses.push(index);
  const operatorOf = (index: number | undefined) => (index === undefined ? undefined : constraints[index]?.operator);
  const lowOperator = operatorOf(low);
  const highOperator = operatorOf(high);
  const descending = spec.keys[equal]?.descending ?? false;
  const names = key.slice(0, equal).map(column => `${source.columns[column]?.name} = ?`);
  const name = next === undefined ? '' : (source.columns[next]?.name ?? '');
  if (lowOperator) names.push(`${name} ${lowOperator} ?`);
  if (highOperator) names.push(`${name} ${highOperator} ?`);
  if (prefix !== undefined) names.push(`${name} begins with ?`);
  let rows = source.rows;
  for (let i = 0; i < equal; i++) rows /= 10;
  if (equal === key.length) rows = 1;
  if (low !== undefined) rows /= 3;
  if (high !== undefined) rows /= 3;
  if (prefix !== undefined) rows /= 10;
  return {
    uses,
    rows: Math.max(1, rows),
    description: names.join(' AND '),
    unique: equal === key.length,
    range: values => {
      if (values.some(value => value === null)) return undefined;
      const cells = values as readonly Cell[];
      const start = cells.slice(0, equal);
      // without its last byte, which ends the text, a key begins like those of all longer texts
      const beginning = (cells: readonly Cell[]) => {
        const bytes = encodeKey(spec, cells);
        return bytes.subarray(0, bytes.length - 1);
      };
      try {
        const base = encodeKey(spec, start);
        let gte: Uint8Array | undefined = equal > 0 ? base : undefined;
        let lt: Uint8Array | undefined = equal > 0 ? afterPrefix(base) : undefined;
        let at = equal;
        const next = () => encodeKey(spec, [...start, cells[at++] as Cell]);
        if (lowOperator) {
          const bytes = next();
          if (descending) lt = lowOperator === '>=' ? afterPrefix(bytes) : bytes;
          else gte = lowOperator === '>=' ? bytes : afterPrefix(bytes);
        }
        if (highOperator) {
          const bytes = next();
          if (descending) gte = highOperator === '<=' ? bytes : afterPrefix(bytes);
          else lt = highOperator === '<=' ? afterPrefix(bytes) : bytes;
        }
        if (prefix !== undefined) {
          // LIKE folds ASCII letters: what it matches lies between the prefix in capitals and in small letters
          const nocase = constraints[prefix]?.operator === 'prefix nocase';
          const text = cells[at] as string;
          gte = beginning([...start, nocase ? capitals(text) : text]);
          lt = afterPrefix(beginning([...start, nocase ? foldCase(text) : text]));
        }
        return {gte, lt} satisfies TreeRange;
      } catch (error) {
        // no stored key is that long
        if (isDbosError(error, 'VALUE_TOO_LARGE')) return undefined;
        throw error;
      }
    },
  };
}

function capitals(text: string): string {
  return text.replace(/[a-z]/g, letter => letter.toUpperCase());
}

/** Returns whether a key column sorts as its column compares. */
function collated(source: TreeSource, position: number): boolean {
  const column = source.columns[source.key[position] as number];
  return source.spec.keys[position]?.collation === column?.collation;
}
