/**
 * The names that queries find tables and table functions under, which no table of a user may have. Layer: sql.
 */
import {DbosError} from '../../errors.js';

/** Returns a name in the form in which names are compared: ASCII letters in lower case. */
export function foldName(name: string): string {
  return /[A-Z]/.test(name) ? name.replace(/[A-Z]+/g, letters => letters.toLowerCase()) : name;
}

/** The tables of every store, besides those of its users. */
export const SYSTEM_TABLES = [
  'files',
  'commits',
  'commit_parents',
  'branches',
  'tags',
  'refs',
  'operations',
  'operation_refs',
  'transactions',
  'status',
  'tables',
  'columns',
  'indexes',
] as const;

/** The table functions. */
const FUNCTIONS = [
  'log',
  'diff',
  'diff_stat',
  'history',
  'blame',
  'operations_on',
  'ancestors',
  'merge_base',
  'generate_series',
  'json_each',
  'json_tree',
] as const;

/** The names that are taken, in lower case; so are all that begin with `sqlite_` or `pragma_`. */
export const RESERVED_NAMES: ReadonlySet<string> = new Set<string>([...SYSTEM_TABLES, ...FUNCTIONS]);

/** Returns whether no table, view or index of a user may have this name. */
export function isReserved(name: string): boolean {
  const folded = foldName(name);
  return RESERVED_NAMES.has(folded) || folded.startsWith('sqlite_') || folded.startsWith('pragma_');
}

/** Throws NAME_RESERVED for a name that is taken. */
export function checkNotReserved(name: string): void {
  if (!isReserved(name)) return;
  throw new DbosError('NAME_RESERVED', `object name reserved for internal use: ${name}.`, {
    hint: 'Every store has a table or table function of that name: choose another one.',
    data: {name},
  });
}
