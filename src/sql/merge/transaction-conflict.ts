/**
 * The error for a change that cannot be committed because of what others committed meanwhile: it names the rows, and the
 * values of both sides. Layer: sql.
 */
import {DbosError} from '../../errors.js';
import type {MergeConflict} from '../../state/conflict.js';
import {FILES_TABLE} from '../../state/files.js';
import {joinPath} from '../../state/path.js';
import {quotePath} from '../../state/quote.js';
import {type Cell, ContentRef, Real} from '../../tree/cell.js';

/** Conflicts that the error tells; there may be a million. */
const TOLD = 100;

/** Characters of a value in a message. */
const LONGEST = 40;

/** What to do about a conflict of what is not committed yet. */
const BEGIN_AGAIN =
  'Nothing is committed and nothing lost: change back what conflicts, or begin again with what is there now.';

/** Returns TRANSACTION_CONFLICT for conflicts of which there is at least one; `what` is the change, as a subject: "The transaction". */
export function transactionConflict(
  what: string,
  branch: string,
  conflicts: readonly MergeConflict[],
  hint: string = BEGIN_AGAIN,
): DbosError {
  const [first, ...others] = conflicts;
  const told =
    first === undefined
      ? ': what it read has changed'
      : others.length > 0
        ? ` in ${conflicts.length} places`
        : `: ${sentence(first)}`;
  return new DbosError('TRANSACTION_CONFLICT', `${what} conflicts with what '${branch}' has now${told}.`, {
    hint,
    data: {branch, conflicts: conflicts.slice(0, TOLD).map(conflictJson), count: conflicts.length},
  });
}

/** What a serializable transaction has read and others changed: a row, or without a key what the table is. */
export interface ReadConflict {
  readonly table: string;
  readonly key?: readonly Cell[];
}

/** Returns TRANSACTION_CONFLICT for a serializable transaction that read what others changed; of each table one row is told. */
export function readConflict(what: string, branch: string, changed: readonly ReadConflict[]): DbosError {
  const told = changed.map(({table, key}) => (key ? placeText(table, key) : `what ${table} is`)).join(', ');
  return new DbosError('TRANSACTION_CONFLICT', `${what} has read what '${branch}' has changed since: ${told}.`, {
    hint: 'It is serializable: roll it back, and begin again with what is there now.',
    data: {
      branch,
      conflicts: changed.map(({table, key}) => ({kind: 'read', table, ...(key && {key: key.map(plain)})})),
      count: changed.length,
    },
  });
}

function sentence(conflict: MergeConflict): string {
  const {table} = conflict;
  if (conflict.kind === 'definition') return `${table}: ${conflict.rule}`;
  const where = placeText(table, conflict.key);
  switch (conflict.kind) {
    case 'rule':
      return `${where}: ${conflict.rule}`;
    case 'row': {
      if (conflict.base === undefined) return `${where}: both added it`;
      const did = (row: unknown) => (row === undefined ? 'removed' : 'changed');
      return `${where}: this one ${did(conflict.ours)} it, and the other ${did(conflict.theirs)} it`;
    }
    case 'cell': {
      const {column, base, ours, theirs} = conflict;
      const was = base === undefined ? '' : `, where it was ${valueText(base)}`;
      if (ours instanceof ContentRef && theirs instanceof ContentRef) {
        return `${where}: both changed its ${column}, to ${ours.size} bytes here and ${theirs.size} bytes there`;
      }
      return `${where} has ${column} = ${valueText(ours)} here and ${valueText(theirs)} there${was}`;
    }
  }
}

function placeText(table: string, key: readonly Cell[]): string {
  return table === FILES_TABLE ? `the file ${quotePath(pathOf(key))}` : `${table} ${keyText(key)}`;
}

function pathOf([dir, name]: readonly Cell[]): string {
  return joinPath(String(dir), String(name));
}

function keyText(key: readonly Cell[]): string {
  return `(${key.map(valueText).join(', ')})`;
}

/** Returns a value as SQL would write it, shortened. */
function valueText(cell: Cell | undefined): string {
  if (cell === null || cell === undefined) return 'NULL';
  if (cell instanceof ContentRef) return `${cell.text ? 'a text' : 'a value'} of ${cell.size} bytes`;
  if (cell instanceof Real) return `${cell.value}.0`;
  if (cell instanceof Uint8Array) return `x'${Buffer.from(cell.subarray(0, LONGEST / 2)).toString('hex')}'`;
  if (typeof cell !== 'string') return `${cell}`;
  const characters = [...cell];
  const text = characters.length > LONGEST ? `${characters.slice(0, LONGEST - 1).join('')}…` : cell;
  return `'${text.replaceAll("'", "''")}'`;
}

/** Returns a conflict as JSON has it; `message` tells it as a sentence without a full stop. */
export function conflictJson(conflict: MergeConflict): Readonly<Record<string, unknown>> {
  return {...fieldsOf(conflict), message: sentence(conflict)};
}

function fieldsOf(conflict: MergeConflict): Readonly<Record<string, unknown>> {
  const {kind, table} = conflict;
  if (kind === 'definition') return {kind, table, rule: conflict.rule};
  const key = conflict.key.map(plain);
  const path = table === FILES_TABLE ? {path: pathOf(conflict.key)} : {};
  if (kind === 'rule') return {kind, table, key, ...path, rule: conflict.rule};
  if (kind === 'cell') {
    const {column, base, ours, theirs} = conflict;
    return {kind, table, key, ...path, column, base: plain(base), ours: plain(ours), theirs: plain(theirs)};
  }
  const row = (cells: readonly Cell[] | undefined) =>
    cells ? Object.fromEntries(conflict.columns.map((column, i) => [column, plain(cells[i])])) : null;
  return {kind, table, key, ...path, base: row(conflict.base), ours: row(conflict.ours), theirs: row(conflict.theirs)};
}

/** Returns a value as JSON has it. */
function plain(cell: Cell | undefined): unknown {
  if (cell === undefined) return null;
  if (typeof cell === 'bigint') return `${cell}`;
  if (cell instanceof Real) return cell.value;
  if (cell instanceof Uint8Array) return Buffer.from(cell).toString('hex');
  return cell instanceof ContentRef ? {size: cell.size} : cell;
}
