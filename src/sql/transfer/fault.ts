/** What is wrong with a file that is imported, and where. Layer: sql. */
import {DbosError, type ErrorDetails} from '../../errors.js';

/** Returns the error for a file that cannot be read as what it should be; `line` counts from 1. */
export function invalidImport(message: string, hint: string, line?: number, details: ErrorDetails = {}): DbosError {
  const where = line === undefined ? '' : `Line ${line}: `;
  return new DbosError('IMPORT_INVALID', `${where}${message}`, {
    hint,
    ...details,
    data: {...details.data, ...(line !== undefined && {line})},
  });
}
