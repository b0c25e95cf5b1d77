/**
 * The arms of compounds. Layer: sql.
 */
import type {Compound, SelectBody, SelectCore, Values} from '../ast.js';

/** An arm of a compound, with what ORDER BY may refer to. */
export interface Arm {
  readonly operator: Compound['operator'];
  readonly body: SelectCore | Values;
}

/** Returns the arms of a compound from left to right; the operator of the first means nothing. */
export function armsOf(body: SelectBody): Arm[] {
  const arms: Arm[] = [];
  let rest = body;
  for (; rest.kind === 'compound'; rest = rest.left) {
    if (rest.right.kind === 'compound') throw new TypeError('compounds are left-associative');
    arms.push({operator: rest.operator, body: rest.right});
  }
  arms.push({operator: 'union all', body: rest});
  return arms.reverse();
}
