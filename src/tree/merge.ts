/**
 * Merges two trees that come from one: the differences of both to it are walked side by side, and what only one of them
 * changed is taken. What all three share is skipped unread, so the cost is O(changes × depth). Layer: tree.
 */
import type {ObjectReader, ObjectSink} from '../objects/store.js';
import type {Edit} from './builder.js';
import {type Row, sameCell} from './cell.js';
import {diffTrees, type RowChange} from './diff.js';
import {editTree} from './edit.js';
import {compareKeys} from './node.js';
import type {TreeRoot, TreeSpec} from './spec.js';

/** Two versions, and the one that both come from. */
export interface Versions<T> {
  readonly base: T;
  readonly ours: T;
  readonly theirs: T;
}

/** The name of one of the two versions. */
export type Side = 'ours' | 'theirs';

/** A key whose row is not the same in all three; undefined where there is none. */
export interface RowVersions extends Versions<Row | undefined> {
  readonly key: Buffer;
}

/** Yields, in key order, the rows that one of two trees, or both, changed. */
export function* changedRows(
  reader: ObjectReader,
  spec: TreeSpec,
  {base, ours, theirs}: Versions<TreeRoot>,
): Generator<RowVersions, void, undefined> {
  const left = diffTrees(reader, spec, base, ours);
  const right = diffTrees(reader, spec, base, theirs);
  let own = left.next().value as RowChange | undefined;
  let other = right.next().value as RowChange | undefined;
  while (own || other) {
    const order = !own ? 1 : !other ? -1 : compareKeys(own.key, own.key.length, other.key, other.key.length);
    const change = (order <= 0 ? own : other) as RowChange;
    const {key, before} = change;
    yield {
      key,
      base: before,
      ours: order <= 0 ? own?.after : before,
      theirs: order >= 0 ? other?.after : before,
    };
    if (order <= 0) own = left.next().value as RowChange | undefined;
    if (order >= 0) other = right.next().value as RowChange | undefined;
  }
}

/**
 * Returns the row of a key that both changed, null for none; or undefined if that cannot be told, which leaves the row of
 * `theirs` and makes the result one that nobody asked for.
 */
export type SettleRow = (row: RowVersions) => Row | null | undefined;

/**
 * Writes the tree with the changes of both, and returns its root. `settle` is asked where both changed one row, each in its way;
 * with `askEqual` also where both made the same of it.
 */
export function mergeTrees(
  sink: ObjectSink,
  spec: TreeSpec,
  roots: Versions<TreeRoot>,
  settle: SettleRow,
  askEqual = false,
): TreeRoot {
  const {base, ours, theirs} = roots;
  if (ours === base || (ours === theirs && !askEqual)) return theirs;
  if (theirs === base) return ours;
  return editTree(sink, spec, theirs, mergeEdits(changedRows(sink, spec, roots), settle, askEqual));
}

/** Yields the edits that lead from `theirs` to the merged tree. */
function* mergeEdits(
  rows: Iterable<RowVersions>,
  settle: SettleRow,
  askEqual: boolean,
): Generator<Edit, void, undefined> {
  for (const row of rows) {
    const {key, base, ours, theirs} = row;
    if (sameRow(ours, base) || (sameRow(ours, theirs) && !askEqual)) continue;
    const merged = sameRow(theirs, base) ? (ours ?? null) : settle(row);
    if (merged !== undefined) yield {key, row: merged};
  }
}

/** Returns whether two rows are the same, or both missing. */
export function sameRow(a: Row | undefined, b: Row | undefined): boolean {
  if (a === b) return true;
  return a !== undefined && b !== undefined && a.every((cell, i) => sameCell(cell, b[i] ?? null));
}
