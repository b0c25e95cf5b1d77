/**
 * Errors of statements that write. Besides what every error has, one says how much it undoes: the statement, nothing, or
 * the whole transaction. Layer: sql.
 */
import {DbosError, type ErrorCode} from '../../errors.js';
import type {QualifiedName, Span} from '../ast.js';
import {sqlError} from '../fault.js';

/** What an error undoes: `abort` the statement, `fail` nothing, `rollback` the transaction. */
export type FaultAction = 'abort' | 'fail' | 'rollback';

/** An error of a change that was stopped by a constraint or by RAISE(). */
export class ChangeFault extends DbosError {
  constructor(
    code: ErrorCode,
    message: string,
    readonly action: FaultAction,
    at: Span | undefined,
    hint: string,
    data: Readonly<Record<string, unknown>> = {},
  ) {
    super(code, `${message}.`, {hint, data: at === undefined ? data : {from: at.from, to: at.to, ...data}});
  }
}

/** Returns the error for a constraint that a row breaks. */
export function constraintFailed(
  message: string,
  at: Span | undefined,
  hint: string,
  data: Readonly<Record<string, unknown>>,
  action: FaultAction = 'abort',
): ChangeFault {
  return new ChangeFault('CONSTRAINT_FAILED', message, action, at, hint, data);
}

/** Returns the error for a key that is missing in another table, or still named by one. */
export function foreignKeyFailed(at: Span | undefined): ChangeFault {
  return constraintFailed(
    'FOREIGN KEY constraint failed',
    at,
    'Write the row that is referred to first, and delete it last.',
    {},
  );
}

/** Thrown by RAISE(IGNORE): ends the change of one row without an error. */
export const IGNORED = new Error('RAISE(IGNORE)');

/** Returns the error for a view that no trigger stands in for. */
export function viewUnchangeable(name: QualifiedName): DbosError {
  return sqlError('SQL_UNSUPPORTED', `cannot modify ${name.name.text} because it is a view.`, name, {
    hint: 'Change the tables that it shows, or give it an INSTEAD OF trigger.',
  });
}
