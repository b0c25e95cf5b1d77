/**
 * Makes the trees of indexes: whole ones from the rows of a table, and those of another version of the table from what
 * differs between the two. Layer: sql.
 */
import {compareBytes, toBinary} from '../../bytes.js';
import type {ObjectSink} from '../../objects/store.js';
import type {Edit} from '../../tree/builder.js';
import {type Row, sameCell} from '../../tree/cell.js';
import {diffTrees} from '../../tree/diff.js';
import {editTree} from '../../tree/edit.js';
import {encodeKey} from '../../tree/key.js';
import {countRows, scanLeaves, type TreeRange} from '../../tree/read.js';
import {putSorted} from '../../tree/sorted.js';
import type {TreeRoot, TreeSpec} from '../../tree/spec.js';
import type {IndexEntries} from './index-entries.js';
import {KeySort} from './key-sort.js';

/** Edits of an index that are made at once. */
const BATCH_EDITS = 250_000;

/** Returns the entries of the rows of a range of a table, and calls `take` for each with the number of its row in the range. */
export function entriesOf(
  sink: ObjectSink,
  spec: TreeSpec,
  table: TreeRoot,
  entries: IndexEntries,
  range: TreeRange = {},
  take: (row: number) => void = () => undefined,
): KeySort {
  const sort = new KeySort(entries.spec, entries.definition.terms.length);
  let start = 0;
  for (const {leaf, from, to} of scanLeaves(sink, spec, table, range)) {
    entries.eachOf(leaf, from, to, (entry, at) => {
      sort.add(entry);
      take(start + at - from);
    });
    start += to - from;
  }
  return sort;
}

/** Writes the index of a table and returns its root. */
export function buildIndex(sink: ObjectSink, spec: TreeSpec, table: TreeRoot, entries: IndexEntries): TreeRoot {
  return putSorted(sink, entries.spec, null, entriesOf(sink, spec, table, entries));
}

/** Returns the root of the index of a table with the root `to`; `index` is that of the same table with the root `from`. */
export function syncIndex(
  sink: ObjectSink,
  spec: TreeSpec,
  entries: IndexEntries,
  index: TreeRoot,
  from: TreeRoot,
  to: TreeRoot,
): TreeRoot {
  if (from === to) return index;
  if (to === null) return null;
  // most rows are new: a new tree takes less than so many edits
  if (countRows(sink, spec, to) > countRows(sink, spec, from) * 2) return buildIndex(sink, spec, to, entries);
  let root = index;
  let edits: (Edit & {readonly order: string})[] = [];
  const apply = () => {
    edits.sort((a, b) => (a.order < b.order ? -1 : a.order > b.order ? 1 : 0));
    root = editTree(sink, entries.spec, root, edits);
    edits = [];
  };
  const edit = (key: Buffer, row: Row | null) => edits.push({key, row, order: toBinary(key)});
  for (const {before, after} of diffTrees(sink, spec, from, to)) {
    if (before && after && entries.areSame(before, after)) continue;
    const old = before && entries.entry(before);
    const now = after && entries.entry(after);
    const oldKey = old && encodeKey(entries.spec, old);
    const nowKey = now && encodeKey(entries.spec, now);
    if (oldKey && nowKey && compareBytes(oldKey, nowKey) === 0) {
      // the same place; the cells may still be other ones that compare as equal
      if (now.some((cell, i) => !sameCell(cell, old[i] ?? null))) edit(nowKey, now);
      continue;
    }
    if (oldKey) edit(oldKey, null);
    if (nowKey) edit(nowKey, now);
    if (edits.length >= BATCH_EDITS) apply();
  }
  if (edits.length > 0) apply();
  return root;
}
