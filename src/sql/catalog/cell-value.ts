/**
 * Reads cells as values: a value outside its row is read whole. Layer: sql.
 */
import {decodeText} from '../../bytes.js';
import {DbosError} from '../../errors.js';
import type {ObjectReader} from '../../objects/store.js';
import {type Cell, ContentRef} from '../../tree/cell.js';
import {readWhole} from '../../tree/content.js';
import type {Value} from '../values/value.js';

/** The longest value that a query takes, in bytes, as in SQLite. */
const MAX_VALUE_BYTES = 1_000_000_000;

/** Returns the value of a cell. Throws SQL_VALUE if it is too large for a query. */
export function readCell(reader: ObjectReader, cell: Cell): Value {
  if (!(cell instanceof ContentRef)) return cell;
  const bytes = readBody(reader, cell);
  return cell.text ? decodeText(bytes) : bytes;
}

/** Returns the bytes of a value outside its row. Throws SQL_VALUE if it is too large for a query. */
export function readBody(reader: ObjectReader, ref: ContentRef): Uint8Array {
  if (ref.size > MAX_VALUE_BYTES) throw tooLarge(ref.size);
  return readWhole(reader, ref);
}

/** Returns the error for a value that a query cannot take. */
export function tooLarge(size: number): DbosError {
  return new DbosError('SQL_VALUE', `string or blob too big: a value has ${size} bytes.`, {
    hint: 'Leave such rows out by the size of the value, or read a file with `dbos cat`.',
    data: {size},
  });
}
