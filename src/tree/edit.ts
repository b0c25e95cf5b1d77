/**
 * Changes trees. Level by level, from the leaves up, the nodes that the edits fall into are cut anew, and on, until a
 * new node ends where an old one did; from there to the next edit everything is kept. What changed on a level are the
 * edits of the level above it. So the cost follows the edits, and the result is what `buildTree` makes of the rows.
 * Layer: tree.
 */
import type {ObjectId} from '../objects/id.js';
import type {ObjectSink} from '../objects/store.js';
import {buildTree, type ChildEdit, checkRow, type Edit, InnerBuilder, LeafBuilder, Spine} from './builder.js';
import type {Row} from './cell.js';
import {Cursor} from './cursor.js';
import {KeyWriter} from './key.js';
import {type Child, compareKeys, type InnerNode, type LeafNode, type Node} from './node.js';
import {type Nodes, nodesOf} from './nodes.js';
import {checkSpec, type KeyColumn, type TreeRoot, type TreeSpec} from './spec.js';

/**
 * Writes the tree with the edits applied, and returns its root. A row is put at its key whether there was one or not;
 * removing what is not there does nothing. The edits come in strictly ascending key order, each row under its own
 * key, else it throws a `TypeError`. Reads and writes O(edits × depth) nodes. Throws OBJECT_INVALID, OBJECT_MISSING and OBJECT_CORRUPT.
 */
export function editTree(sink: ObjectSink, spec: TreeSpec, root: TreeRoot, edits: Iterable<Edit>): TreeRoot {
  const list = checkEdits(checkSpec(spec), edits);
  if (list.length === 0) return root;
  if (root === null) return buildTree(sink, spec, rowsOf(list));
  const nodes = nodesOf(sink);
  const top = nodes.root(spec, root).level;

  let added: Child[] = [];
  const leaves = new LeafBuilder(sink, spec, child => added.push(child));
  const first = editLevel<Edit, LeafNode>(new Cursor(nodes, spec, root, 0), leaves, list);
  leaves.finish();
  if (first.whole) return spineOver(sink, spec, 0, added);
  let changes = changesOf(first.removed, added);

  for (let level = 1; level <= top; level++) {
    if (changes.length === 0) return root;
    added = [];
    const builder = new InnerBuilder(sink, spec, level, child => added.push(child));
    const {whole, removed} = editLevel<ChildEdit, InnerNode>(new Cursor(nodes, spec, root, level), builder, changes);
    if (whole && added.length === 0) {
      // (4) the level is empty, or it would have one node with one child
      const only = builder.count === 1 ? builder.first() : undefined;
      if (only) return lowest(nodes, spec, only.id);
    }
    builder.finish();
    if (whole) return spineOver(sink, spec, level, added);
    changes = changesOf(removed, added);
  }
  return root;
}

function checkEdits(spec: TreeSpec, edits: Iterable<Edit>): Edit[] {
  const list: Edit[] = [];
  const own = new KeyWriter();
  let last: Uint8Array | undefined;
  for (const edit of edits) {
    const {key, row} = edit;
    if (last && compareKeys(key, key.length, last, last.length) <= 0) {
      throw new TypeError('edits must come in strictly ascending key order');
    }
    if (row) {
      checkRow(spec, row);
      own.reset();
      for (let i = 0; i < spec.keys.length; i++) own.cell(spec.keys[i] as KeyColumn, row[i] ?? null);
      if (compareKeys(own.bytes, own.length, key, key.length) !== 0) {
        throw new TypeError('an edit must have the key of its row');
      }
    }
    list.push(edit);
    last = key;
  }
  return list;
}

function* rowsOf(edits: readonly Edit[]): Generator<Row> {
  for (const {row} of edits) if (row) yield row;
}

/** Returns the root of the tree whose level has just these nodes. */
function spineOver(sink: ObjectSink, spec: TreeSpec, level: number, nodes: readonly Child[]): TreeRoot {
  const spine = new Spine(sink, spec, level);
  for (const node of nodes) spine.add(node);
  return spine.finish();
}

/** (4) Returns the lowest node that is the only one of its level. */
function lowest(nodes: Nodes, spec: TreeSpec, id: ObjectId): ObjectId {
  const node = nodes.root(spec, id);
  return node.level > 0 && node.count === 1 ? lowest(nodes, spec, (node as InnerNode).idAt(0)) : id;
}

interface LevelBuilder<E, N> {
  readonly count: number;
  splice(node: N, edits: readonly E[], from: number, to: number): boolean;
}

interface LevelResult {
  /** The greatest keys of the nodes that were replaced. */
  readonly removed: Buffer[];
  /** Whether every node of the level was. */
  readonly whole: boolean;
}

/** Applies edits to the nodes of one level. What the builder still holds at the end is the last node of the level. */
function editLevel<E extends {readonly key: Uint8Array}, N extends Node>(
  cursor: Cursor,
  builder: LevelBuilder<E, N>,
  edits: readonly E[],
): LevelResult {
  const removed: Buffer[] = [];
  let whole = true;
  let from = 0;
  do {
    if (builder.count === 0) {
      if (from === edits.length) return {removed, whole: false};
      const {key} = edits[from] as E;
      const last = cursor.lastKey();
      if (compareKeys(key, key.length, last, last.length) > 0 && !cursor.isLast()) {
        cursor.seek(key);
        whole = false;
      }
    }
    const last = cursor.lastKey();
    let to = from;
    if (cursor.isLast()) to = edits.length;
    else while (to < edits.length && !isAfter(edits[to] as E, last)) to++;
    if (builder.splice(cursor.node() as N, edits, from, to)) removed.push(last);
    else whole = false;
    from = to;
  } while (cursor.next());
  return {removed, whole};
}

function isAfter(edit: {readonly key: Uint8Array}, last: Uint8Array): boolean {
  return compareKeys(edit.key, edit.key.length, last, last.length) > 0;
}

/** Returns the edits for the level above, in key order. */
function changesOf(removed: readonly Buffer[], added: readonly Child[]): ChildEdit[] {
  const changes: ChildEdit[] = [];
  let i = 0;
  for (const child of added) {
    for (; i < removed.length; i++) {
      const key = removed[i] as Buffer;
      const order = key.compare(child.key);
      if (order > 0) break;
      if (order < 0) changes.push({key, child: null});
    }
    changes.push({key: child.key, child});
  }
  for (; i < removed.length; i++) changes.push({key: removed[i] as Buffer, child: null});
  return changes;
}
