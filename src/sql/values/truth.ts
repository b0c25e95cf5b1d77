/** The logic of three values: 1, 0 and NULL, which is what is not known. Layer: sql. */
import {isTrue} from './convert.js';
import type {Value} from './value.js';

export type Truth = 1 | 0 | null;

/** Returns the truth of a value. */
export function truthOf(v: Value): Truth {
  return v === null ? null : isTrue(v) ? 1 : 0;
}

/** Returns a AND b: 0 if one is 0, else NULL if one is NULL. */
export function and3(a: Truth, b: Truth): Truth {
  if (a === 0 || b === 0) return 0;
  return a === null || b === null ? null : 1;
}

/** Returns a OR b: 1 if one is 1, else NULL if one is NULL. */
export function or3(a: Truth, b: Truth): Truth {
  if (a === 1 || b === 1) return 1;
  return a === null || b === null ? null : 0;
}

/** Returns NOT a. */
export function not3(a: Truth): Truth {
  return a === null ? null : a === 1 ? 0 : 1;
}
