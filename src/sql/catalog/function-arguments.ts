/**
 * What table functions ask of their arguments. Layer: sql.
 */
import {DbosError} from '../../errors.js';
import type {Value} from '../values/value.js';

/** Returns an argument that must be a constant text. Throws SQL_MISUSE. */
export function constantText(called: string, what: string, value: Value | undefined): string {
  if (typeof value === 'string') return value;
  const why = value === undefined ? 'must not depend on a row' : 'must be a text';
  throw new DbosError('SQL_MISUSE', `The ${what} of ${called}() ${why}.`, {
    hint: `Write it as a text in single quotes.`,
    data: {function: called},
  });
}
