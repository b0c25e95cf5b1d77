/**
 * Which tables an operation affected, and how many rows of each: what the commits that a ref held before and after it differ
 * in. Layer: sql.
 */
import type {ObjectId} from '../../objects/id.js';
import {readCommit} from '../../repo/commit.js';
import {changingMoves} from '../../repo/moves.js';
import type {AffectedTable, Operation} from '../../repo/operation.js';
import type {IndexedName} from '../../repo/refs.js';
import type {States} from './states.js';
import {changeOf, diffVersions, sameKeys, sameShape, sameVersion, type Version} from './table-diff.js';

export interface RowCounts {
  readonly added: number;
  readonly modified: number;
  readonly deleted: number;
}

/** Returns how many rows differ from one version of a table to another; where all were added or deleted, no row is read. */
export function countChanges(before: Version, after: Version): RowCounts {
  const counts = {added: 0, modified: 0, deleted: 0};
  if (sameVersion(before, after)) return counts;
  if (!before?.rows || !after?.rows || !sameKeys(before, after))
    return {...counts, added: after?.rows ?? 0, deleted: before?.rows ?? 0};
  for (const change of diffVersions(before, after)) counts[changeOf(change)]++;
  return counts;
}

/** A table (or a view, which has no rows) that is not the same in two states. */
interface ChangedTable {
  readonly table: string;
  readonly before: Version;
  readonly after: Version;
}

function changedTables(states: States, from: ObjectId | undefined, to: ObjectId | undefined): ChangedTable[] {
  const [before, after] = [from, to].map(state => (state === undefined ? undefined : states.tables(state)));
  const changed: ChangedTable[] = [];
  for (const table of new Set([...(before?.keys() ?? []), ...(after?.keys() ?? [])])) {
    if (before?.get(table) === after?.get(table)) continue;
    changed.push({
      table,
      before: before?.has(table) ? states.find(from, table) : undefined,
      after: after?.has(table) ? states.find(to, table) : undefined,
    });
  }
  return changed;
}

function counted(ref: IndexedName, {table, before, after}: ChangedTable): AffectedTable {
  return {ref, table, ...countChanges(before, after)};
}

/** Returns what an operation affected, by ref: what it says itself, else what comparing tells. Throws as reading does. */
export function affectedBy(states: States, operation: Operation): readonly AffectedTable[] {
  if (operation.affected !== null) return operation.affected;
  const {reader} = states;
  const stateOf = (commit: ObjectId | null) => (commit === null ? undefined : readCommit(reader, commit).state);
  return changingMoves(reader, operation).flatMap(({ref, before, after}) =>
    changedTables(states, stateOf(before), stateOf(after)).map(table => counted(ref, table)),
  );
}

/** More changed rows than this are not counted by who changes them. */
const COUNTED_ROWS = 10_000;

/**
 * Returns what a change from one state to another affects, for the operation that publishes it; undefined where counting would
 * cost too much: many rows (`changes`, about), or a table that has its rows in other columns than before.
 */
export function affectedTables(
  states: States,
  ref: IndexedName,
  from: ObjectId | undefined,
  to: ObjectId,
  changes: number,
): AffectedTable[] | undefined {
  if (changes > COUNTED_ROWS) return undefined;
  const changed = changedTables(states, from, to);
  const quick = changed.every(({before, after}) => !before?.rows || !after?.rows || sameShape(before, after));
  return quick ? changed.map(table => counted(ref, table)) : undefined;
}
