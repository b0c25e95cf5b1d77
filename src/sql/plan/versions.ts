/**
 * Finds two versions of one table that are joined on the whole key, with a condition that only rows that differ can meet: such
 * rows are found by walking what differs between the trees. Layer: sql.
 */
import {sameSpec} from '../../tree/spec.js';
import type {TreeSource} from '../source.js';
import type {Bound, Slot} from './expression.js';
import type {Relation} from './from.js';
import type {Plan} from './plan.js';

type Version = Relation & {readonly kind: 'tree'};

/** Returns the plan for two of the relations, and which two, if there are such. */
export function planVersions(
  relations: readonly Relation[],
  conditions: ReadonlySet<Bound>,
): {readonly plan: Plan; readonly pair: readonly Relation[]} | undefined {
  const trees = relations.filter(relation => relation.kind === 'tree');
  for (const [index, left] of trees.entries()) {
    for (const right of trees.slice(index + 1)) {
      if (!sameShape(left.source, right.source)) continue;
      const equal = left.source.key.every(column =>
        [...conditions].some(each => compares(each, ['='], column, left, right)),
      );
      if (!equal || ![...conditions].some(each => needsDifference(each, left, right))) continue;
      const plan: Plan = {
        op: 'diff',
        left: left.source,
        right: right.source,
        leftSlots: left.slots,
        rightSlots: right.slots,
        alias: `${left.alias}, ${right.alias}`,
        rows: Math.max(1, left.source.rows / 100),
      };
      return {plan, pair: [left, right]};
    }
  }
  return undefined;
}

/** Returns whether a condition is not true of two rows that are the same. */
function needsDifference(condition: Bound, left: Version, right: Version): boolean {
  const needs = (each: Bound) => needsDifference(each, left, right);
  if (condition.op === 'or') return needs(condition.left) && needs(condition.right);
  if (condition.op === 'and') return needs(condition.left) || needs(condition.right);
  return left.source.columns.some((_, column) => compares(condition, ['<>', 'is not'], column, left, right));
}

function sameShape(a: TreeSource, b: TreeSource): boolean {
  return (
    a.reader === b.reader &&
    sameSpec(a.spec, b.spec) &&
    a.columns.length === b.columns.length &&
    a.columns.every((column, index) => {
      const other = b.columns[index];
      const [from, to] = [a.origins[index], b.origins[index]];
      return (
        other?.name === column.name &&
        other.collation === column.collation &&
        from?.kind === 'stored' &&
        to?.kind === 'stored' &&
        from.column === to.column
      );
    })
  );
}

/** Returns whether a condition compares a column of one version with the same column of the other. */
function compares(condition: Bound, names: readonly string[], column: number, left: Version, right: Version): boolean {
  if (condition.op !== 'compare' || !names.includes(condition.name)) return false;
  const a = left.slots.get(column);
  const b = right.slots.get(column);
  if (a === undefined || b === undefined) return false;
  if (names.includes('=') && condition.collation !== left.source.columns[column]?.collation) return false;
  const is = (expr: Bound, slot: Slot) => expr.op === 'slot' && expr.slot === slot;
  return (is(condition.left, a) && is(condition.right, b)) || (is(condition.left, b) && is(condition.right, a));
}
