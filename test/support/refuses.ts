/** Errors that a user can meet, in tests. */
import type {ExecutionContext} from 'ava';
import {DbosError, type ErrorCode} from '../../src/errors.js';

/** Returns the error that `work` throws, which must have this code. */
export function refuses(t: ExecutionContext, work: () => unknown, code: ErrorCode, message?: string): DbosError {
  const error = t.throws(work, {instanceOf: DbosError}, message);
  t.is(error?.code, code, message);
  return error as DbosError;
}
