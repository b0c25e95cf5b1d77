/**
 * How large a value may become. A text must also fit into a string of JavaScript, which is the smaller limit. Layer: sql.
 */
import {constants} from 'node:buffer';
import {DbosError} from '../../errors.js';

/** Bytes in a text or blob. */
export const MAX_BYTES = 1_000_000_000;
/** UTF-16 units in a text. */
export const MAX_UNITS: number = constants.MAX_STRING_LENGTH;

/** Returns the error of a result beyond these limits. */
export function tooBig(): DbosError {
  return new DbosError('SQL_VALUE', 'string or blob too big.', {
    hint: `A blob may have ${MAX_BYTES} bytes, a text ${MAX_UNITS} characters.`,
  });
}
