/**
 * Rows that two sides added under one rowid that the table gave them itself: those of ours get others, behind all that there are,
 * in their order. Nothing refers to such a rowid but who has read it, and SQLite lets it change, too. Only for rows that nobody
 * else has seen under it: who goes on from a state with the old rowid would change the row of somebody else. Layer: sql.
 */
import type {ObjectSink} from '../../objects/store.js';
import type {Edit} from '../../tree/builder.js';
import {integerCell, MAX_INTEGER, type Row} from '../../tree/cell.js';
import {editTree} from '../../tree/edit.js';
import {encodeKey} from '../../tree/key.js';
import {changedRows, type Versions} from '../../tree/merge.js';
import {lastLeaf} from '../../tree/read.js';
import type {TreeRoot, TreeSpec} from '../../tree/spec.js';

/** More rows than anybody adds; a table with less room is left as it is. */
const ROOM = 2n ** 40n;

/** Returns the tree of ours, whose key is the rowid, with other rowids for what both added. Takes memory for a path, whatever their number. */
export function renumberAdded(sink: ObjectSink, spec: TreeSpec, roots: Versions<TreeRoot>): TreeRoot {
  const {ours, theirs} = roots;
  if (ours === null || theirs === null) return ours;
  let next = greatestRowid(sink, spec, ours);
  const other = greatestRowid(sink, spec, theirs);
  if (other > next) next = other;
  if (next > BigInt(MAX_INTEGER) - ROOM) return ours;
  function* edits(): Generator<Edit, void, undefined> {
    for (const {key} of met(sink, spec, roots)) yield {key, row: null};
    for (const {row} of met(sink, spec, roots)) {
      const rowid = integerCell(++next);
      yield {key: encodeKey(spec, [rowid]), row: [rowid, ...row.slice(1)]};
    }
  }
  return editTree(sink, spec, ours, edits());
}

function greatestRowid(sink: ObjectSink, spec: TreeSpec, root: NonNullable<TreeRoot>): bigint {
  const leaf = lastLeaf(sink, spec, root);
  return BigInt(leaf.cell(0, leaf.count - 1) as number | bigint);
}

/** Yields the rows of ours that have a rowid which theirs added too, and those that were added right behind them. */
function* met(
  sink: ObjectSink,
  spec: TreeSpec,
  roots: Versions<TreeRoot>,
): Generator<{readonly key: Buffer; readonly row: Row}, void, undefined> {
  let last: bigint | undefined;
  for (const {key, base, ours, theirs} of changedRows(sink, spec, roots)) {
    if (base !== undefined || ours === undefined) continue;
    const rowid = BigInt(ours[0] as number | bigint);
    if (theirs === undefined && (last === undefined || rowid !== last + 1n)) continue;
    last = rowid;
    yield {key, row: ours};
  }
}
