/**
 * Holds what two engines made of a script against each other: success or failure of each statement, the words of errors of
 * constraints, rows.
 */

import type {Value} from '../../../src/sql/values/value.js';
import {Real} from '../../../src/tree/cell.js';
import type {Outcome} from '../oracle/engine.js';

function plain(value: Value): string {
  if (value instanceof Real) return `${value.value}`;
  if (value instanceof Uint8Array) return `x'${Buffer.from(value).toString('hex')}'`;
  return typeof value === 'string' ? JSON.stringify(value) : `${value}`;
}

function core(message: string): string {
  return message.replace(/ \(\d+\)$/, '').replace(/\.$/, '');
}

/** Returns what differs in the outcome of a statement, or undefined. */
export function differenceOf(sql: string, expected: Outcome, actual: Outcome): string | undefined {
  if (actual.kind === 'crash') return `crash: ${actual.message}`;
  if (expected.kind === 'stopped' || actual.kind === 'stopped') return undefined;
  if (expected.kind === 'error') {
    if (actual.kind !== 'error') return `should fail: ${expected.message}`;
    if (
      /constraint failed|cannot store|datatype mismatch/.test(expected.message) &&
      core(expected.message) !== core(actual.message)
    ) {
      return `fails with: ${actual.message}\n  expected: ${expected.message}`;
    }
    return undefined;
  }
  if (actual.kind !== 'rows') return `fails: ${actual.message}`;
  if (expected.kind !== 'rows') return undefined;
  const lines = (rows: readonly (readonly Value[])[]) => rows.map(row => row.map(plain).join('|'));
  const ordered = /ORDER BY/.test(sql) && sql.startsWith('SELECT');
  const sorted = (rows: string[]) => (ordered ? rows : rows.sort());
  const a = sorted(lines(expected.rows)).join('\n');
  const b = sorted(lines(actual.rows)).join('\n');
  return a === b ? undefined : `rows:\n${b}\nexpected:\n${a}`;
}
