/**
 * Puts many rows, sorted by their keys, into a tree: as edits where they are few for it, else row by row beside its own.
 * Layer: tree.
 */
import type {ObjectSink} from '../objects/store.js';
import {type Edit, LeafBuilder, Spine} from './builder.js';
import type {Cell, Row} from './cell.js';
import {editTree} from './edit.js';
import {KeyWriter} from './key.js';
import {countRows, scanLeaves} from './read.js';
import type {TreeRoot, TreeSpec} from './spec.js';

/** Rows with their keys, which lie in one buffer. */
export interface KeyedRows {
  readonly bytes: Buffer;
  /** Where the key of the `i`-th row begins and ends. */
  start(i: number): number;
  end(i: number): number;
  row(i: number): Row;
  /** The numbers of the rows in the strictly ascending order of their keys. */
  order(): Uint32Array;
}

/** Edits that are made at once. */
const BATCH_EDITS = 1 << 15;

/** A tree with this many times as many rows as come is edited, not written anew. */
const MANY_TIMES = 4;

/** Writes the tree with the rows added, which take the place of rows with their keys, and returns its root. */
export function putSorted(sink: ObjectSink, spec: TreeSpec, root: TreeRoot, rows: KeyedRows): TreeRoot {
  const order = rows.order();
  if (order.length === 0) return root;
  if (root === null || countRows(sink, spec, root) < order.length * MANY_TIMES)
    return rebuilt(sink, spec, root, rows, order);
  let edited: TreeRoot = root;
  for (let from = 0; from < order.length; from += BATCH_EDITS) {
    const edits: Edit[] = [];
    for (const i of order.subarray(from, from + BATCH_EDITS)) {
      edits.push({key: Buffer.from(rows.bytes.subarray(rows.start(i), rows.end(i))), row: rows.row(i)});
    }
    edited = editTree(sink, spec, edited, edits);
  }
  return edited;
}

function rebuilt(sink: ObjectSink, spec: TreeSpec, root: TreeRoot, rows: KeyedRows, order: Uint32Array): TreeRoot {
  const spine = new Spine(sink, spec, 0);
  const leaves = new LeafBuilder(sink, spec, child => spine.add(child));
  const {bytes} = rows;
  let next = 0;
  const put = () => {
    const i = order[next++] as number;
    leaves.appendKeyed(rows.row(i), bytes, rows.start(i), rows.end(i));
  };
  const key = new KeyWriter();
  /** Compares the next row that comes with the one of the tree. */
  const compare = () => {
    const i = order[next] as number;
    const start = rows.start(i);
    const length = rows.end(i) - start;
    const shared = Math.min(length, key.length);
    for (let at = 0; at < shared; at++) {
      const difference = (bytes[start + at] as number) - (key.bytes[at] as number);
      if (difference !== 0) return difference;
    }
    return length - key.length;
  };
  for (const {leaf} of scanLeaves(sink, spec, root)) {
    const columns = leaf.cellsByColumn();
    for (let at = 0; at < leaf.count; at++) {
      leaf.writeKey(key, at);
      let difference = 1;
      while (next < order.length) {
        difference = compare();
        if (difference >= 0) break;
        put();
      }
      if (difference === 0) put();
      else
        leaves.appendKeyed(
          columns.map(cells => cells[at] as Cell),
          key.bytes,
          0,
          key.length,
        );
    }
  }
  while (next < order.length) put();
  leaves.finish();
  return spine.finish();
}
