/**
 * Compares what two engines say to a query: exactly, by type and value, as far as SQLite fixes the result.
 */
import type {Value} from '../../../src/sql/values/value.js';
import {Real} from '../../../src/tree/cell.js';
import type {Outcome} from './engine.js';
import {quoteValue} from './literal.js';

export interface Comparison {
  /** Whether the order of the rows is fixed: not at all, wholly, or but for values that compare equal. */
  readonly order: 'none' | 'total' | 'weak';
  /** Whether the last digits of REALs may differ: sums depend on the order in which rows come. */
  readonly tolerant: boolean;
}

export type DifferenceKind = 'rows' | 'order' | 'names' | 'refused' | 'accepted' | 'crash' | 'slow';

/** The shell prints a text only up to its first NUL. */
function printable(value: Value): Value {
  if (typeof value !== 'string') return value;
  const end = value.indexOf('\0');
  return end < 0 ? value : value.slice(0, end);
}

/** Returns a text for a row; equal rows have equal texts. */
function exactKey(row: readonly Value[]): string {
  return row.map(value => quoteValue(printable(value))).join(',');
}

/** The same where values that compare equal under some collation have equal texts. */
function weakKey(row: readonly Value[]): string {
  return row
    .map(value => {
      if (value instanceof Real) return String(value.value + 0);
      if (typeof value === 'number') return String(value + 0);
      if (typeof value === 'string') return quoteValue(String(printable(value)).toLowerCase().trimEnd());
      return quoteValue(value);
    })
    .join(',');
}

function realOf(value: Value): number | undefined {
  if (value instanceof Real) return value.value;
  return typeof value === 'number' && !Number.isSafeInteger(value) ? value : undefined;
}

/** The shell itself rounds what is very large or very small when it prints it. */
function printedRoughly(value: number): boolean {
  const size = Math.abs(value);
  return size > 1e22 || size < 1e-22;
}

function nearNumbers(a: number, b: number, tolerance: number): boolean {
  return a === b || Math.abs(a - b) <= tolerance * Math.max(Math.abs(a), Math.abs(b));
}

function nearValues(a: Value, b: Value, tolerant: boolean): boolean {
  if (exactKey([a]) === exactKey([b])) return true;
  const left = realOf(a);
  const right = realOf(b);
  if (left !== undefined && right !== undefined) {
    if (printedRoughly(left) && nearNumbers(left, right, 5e-16)) return true;
    return tolerant && (nearNumbers(left, right, 1e-12) || Math.abs(left - right) < 1e-11);
  }
  if (!tolerant || typeof a !== 'string' || typeof b !== 'string') return false;
  return a.trim() !== '' && b.trim() !== '' && nearNumbers(Number(a), Number(b), 1e-12);
}

function nearRows(a: readonly Value[], b: readonly Value[], tolerant: boolean): boolean {
  return a.length === b.length && a.every((value, i) => nearValues(value, b[i] as Value, tolerant));
}

type Rows = readonly (readonly Value[])[];

function sameMultiset(expected: Rows, actual: Rows, tolerant: boolean): boolean {
  if (expected.length !== actual.length) return false;
  const left = new Map<string, (readonly Value[])[]>();
  for (const row of expected) {
    const key = exactKey(row);
    const same = left.get(key);
    // joins give thousands of equal rows
    if (same === undefined) left.set(key, [row]);
    else same.push(row);
  }
  const unmatched: (readonly Value[])[] = [];
  for (const row of actual) {
    if (left.get(exactKey(row))?.pop() === undefined) unmatched.push(row);
  }
  const rest = [...left.values()].flat();
  if (rest.length > 1000) return false;
  for (const row of unmatched) {
    const found = rest.findIndex(candidate => nearRows(candidate, row, tolerant));
    if (found < 0) return false;
    rest.splice(found, 1);
  }
  return rest.length === 0;
}

function sameRows(expected: Rows, actual: Rows, {order, tolerant}: Comparison): 'rows' | 'order' | undefined {
  if (order === 'weak') {
    const weakly = (rows: Rows) => rows.map(weakKey);
    if (expected.length !== actual.length) return 'rows';
    const right = weakly(actual);
    if (weakly(expected).every((key, i) => key === right[i])) return undefined;
    return sameMultiset(expected, actual, tolerant) ? 'order' : 'rows';
  }
  if (!sameMultiset(expected, actual, tolerant)) return 'rows';
  if (order === 'none') return undefined;
  return expected.every((row, i) => nearRows(row, actual[i] as readonly Value[], tolerant)) ? undefined : 'order';
}

/** Returns in what an outcome differs from the expected one, or undefined if it does not. */
export function compareOutcomes(
  expected: Outcome,
  actual: Outcome,
  comparison: Comparison,
): DifferenceKind | undefined {
  if (actual.kind === 'crash') return 'crash';
  if (expected.kind === 'stopped') return undefined;
  if (actual.kind === 'stopped') return 'slow';
  if (expected.kind === 'error') return actual.kind === 'error' ? undefined : 'accepted';
  if (actual.kind === 'error') return 'refused';
  if (expected.kind !== 'rows') return undefined;
  const different = sameRows(expected.rows, actual.rows, comparison);
  if (different !== undefined) return different;
  if (expected.names === undefined || actual.names === undefined) return undefined;
  return expected.names.join('\0') === actual.names.join('\0') ? undefined : 'names';
}

/** Returns an outcome as text for a report. */
export function showOutcome(outcome: Outcome): string {
  if (outcome.kind === 'stopped') return '(stopped)';
  if (outcome.kind !== 'rows') return `${outcome.kind}: ${outcome.message}`;
  const shown = outcome.rows.slice(0, 12).map(row => `  ${row.map(quoteValue).join(' | ')}`);
  if (outcome.rows.length > 12) shown.push(`  … ${outcome.rows.length} rows`);
  const names = outcome.names === undefined ? '' : ` [${outcome.names.join(' | ')}]`;
  return [`${outcome.rows.length} row(s)${names}`, ...shown].join('\n');
}
