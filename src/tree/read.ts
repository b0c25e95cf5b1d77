/**
 * Reads trees: one row by its key or its number, ranges of rows, or whole leaves for a reader that works on columns.
 * Ranges are of keys as `encodeKey` makes them. Every function throws OBJECT_MISSING, OBJECT_CORRUPT or OBJECT_INVALID
 * where the tree is damaged. Layer: tree.
 */

import {isDbosError} from '../errors.js';
import type {ObjectReader} from '../objects/store.js';
import type {Cell, Row} from './cell.js';
import {Cursor} from './cursor.js';
import {afterPrefix, KeyWriter} from './key.js';
import {findFrom} from './locate.js';
import {compareKeys, type InnerNode, type LeafNode, type Node} from './node.js';
import {nodesOf} from './nodes.js';
import type {KeyColumn, TreeRoot, TreeSpec} from './spec.js';
import {Passing} from './waiting.js';

export interface TreeRange {
  /** The least key, included. */
  readonly gte?: Uint8Array | undefined;
  /** The end, not included. */
  readonly lt?: Uint8Array | undefined;
}

export interface ScanRange extends TreeRange {
  /** From the greatest key down. */
  readonly reverse?: boolean | undefined;
  /** Each leaf, with its columns but not with their cells, is good only until the next one is asked for. Spares memory. */
  readonly passing?: boolean | undefined;
}

/** Rows `from` to `to` − 1 of a leaf, in ascending order whichever way the scan goes. */
export interface LeafRange {
  readonly leaf: LeafNode;
  readonly from: number;
  readonly to: number;
}

/** Returns the row with this key. */
export function getRow(reader: ObjectReader, spec: TreeSpec, root: TreeRoot, key: Uint8Array): Row | undefined {
  if (root === null) return undefined;
  const nodes = nodesOf(reader);
  let node = nodes.root(spec, root);
  while (node.level > 0) {
    const inner = node as InnerNode;
    const child = inner.search(key);
    if (child === inner.count) return undefined;
    node = nodes.child(inner, child);
  }
  const leaf = node as LeafNode;
  const at = leaf.search(key);
  return at < leaf.count && leaf.compareAt(at, key) === 0 ? leaf.row(at) : undefined;
}

/** Yields the rows of a range in key order. */
export function* scanRows(
  reader: ObjectReader,
  spec: TreeSpec,
  root: TreeRoot,
  range: ScanRange = {},
): Generator<Row, void, undefined> {
  for (const {leaf, from, to} of scanLeaves(reader, spec, root, range)) {
    if (to - from === 1) {
      yield leaf.row(from);
      continue;
    }
    const columns = leaf.cellsByColumn();
    if (range.reverse) for (let i = to - 1; i >= from; i--) yield rowOf(columns, i);
    else for (let i = from; i < to; i++) yield rowOf(columns, i);
  }
}

function rowOf(columns: readonly (readonly Cell[])[], at: number): Row {
  const row = new Array<Cell>(columns.length);
  for (let i = 0; i < columns.length; i++) row[i] = (columns[i] as readonly Cell[])[at] as Cell;
  return row;
}

/** Yields the leaves of a range in key order, with the rows of each that are in the range; never an empty part. */
export function* scanLeaves(
  reader: ObjectReader,
  spec: TreeSpec,
  root: TreeRoot,
  range: ScanRange = {},
): Generator<LeafRange, void, undefined> {
  const {gte, lt, reverse = false, passing = false} = range;
  if (root === null || (gte && lt && compareKeys(gte, gte.length, lt, lt.length) >= 0)) return;
  const cursor = new Cursor(nodesOf(reader), spec, root, 0, passing ? new Passing() : undefined);
  if (reverse) {
    if (lt) cursor.seek(lt);
    else cursor.toLast();
  } else if (gte) cursor.seek(gte);
  for (;;) {
    const leaf = cursor.leaf();
    // only the ends of the range need a look at keys
    const from = gte && leaf.compareAt(0, gte) < 0 ? leaf.search(gte) : 0;
    const to = lt && leaf.compareAt(leaf.count - 1, lt) >= 0 ? leaf.search(lt) : leaf.count;
    if (from < to) yield {leaf, from, to};
    if (reverse ? from > 0 : to < leaf.count) return;
    if (!(reverse ? cursor.previous() : cursor.next())) return;
  }
}

/**
 * Returns the leaves of a range like `scanLeaves`: at once where one leaf has all of it, which costs a short range a fraction,
 * else as they are asked for.
 */
export function leavesIn(
  reader: ObjectReader,
  spec: TreeSpec,
  root: TreeRoot,
  range: ScanRange = {},
): Iterable<LeafRange> {
  const {gte, lt} = range;
  if (gte && lt) {
    const place = findFrom(reader, spec, root, gte);
    if (place === undefined) return [];
    const {leaf, at} = place;
    const to = leaf.searchNear(lt, at);
    if (to === at) return [];
    if (to < leaf.count) return [{leaf, from: at, to}];
  }
  return scanLeaves(reader, spec, root, range);
}

const prefix = new KeyWriter();
const NONE: readonly LeafRange[] = [];
/** From so many rows with one beginning on, their end is searched for. */
const MANY_ALIKE = 8;

/**
 * Returns the leaves of the rows whose keys begin with these cells, like `leavesIn`. For whoever looks up one beginning after the
 * other: most have few rows, which are found by one way down. None where the cells are longer than a key can be.
 */
export function leavesOfPrefix(
  reader: ObjectReader,
  spec: TreeSpec,
  root: TreeRoot,
  cells: readonly Cell[],
): Iterable<LeafRange> {
  const columns = cells.length;
  prefix.reset();
  try {
    for (let i = 0; i < columns; i++) prefix.cell(spec.keys[i] as KeyColumn, cells[i] as Cell);
  } catch (error) {
    // no stored key is that long
    if (isDbosError(error, 'VALUE_TOO_LARGE')) return NONE;
    throw error;
  }
  const key = prefix.bytes.subarray(0, prefix.length);
  const place = findFrom(reader, spec, root, key);
  if (place === undefined) return NONE;
  const {leaf, at} = place;
  const {count} = leaf;
  let to = at;
  while (to < count && to - at < MANY_ALIKE && leaf.beginsWith(to, key, columns)) to++;
  if (to === at) return NONE;
  if (to < count && to - at < MANY_ALIKE) return [{leaf, from: at, to}];
  const gte = prefix.copy();
  return scanLeaves(reader, spec, root, {gte, lt: afterPrefix(gte)});
}

/** Returns the last leaf. */
export function lastLeaf(reader: ObjectReader, spec: TreeSpec, root: NonNullable<TreeRoot>): LeafNode {
  const nodes = nodesOf(reader);
  let node = nodes.root(spec, root);
  while (node.level > 0) node = nodes.child(node as InnerNode, node.count - 1);
  return node as LeafNode;
}

/** Returns the greatest key, or undefined if there are no rows. */
export function greatestKey(reader: ObjectReader, spec: TreeSpec, root: TreeRoot): Buffer | undefined {
  if (root === null) return undefined;
  const leaf = lastLeaf(reader, spec, root);
  return leaf.keyAt(leaf.count - 1);
}

/** Returns the number of rows. */
export function countRows(reader: ObjectReader, spec: TreeSpec, root: TreeRoot): number {
  return root === null ? 0 : nodesOf(reader).root(spec, root).rows;
}

/** Returns the number of rows of a range; reads two ways down at most. */
export function countRange(reader: ObjectReader, spec: TreeSpec, root: TreeRoot, range: TreeRange): number {
  if (root === null) return 0;
  const end = range.lt ? rowsBefore(reader, spec, root, range.lt) : countRows(reader, spec, root);
  const start = range.gte ? rowsBefore(reader, spec, root, range.gte) : 0;
  return Math.max(0, end - start);
}

/** Returns the number of rows whose keys are less than `key`. */
function rowsBefore(reader: ObjectReader, spec: TreeSpec, root: NonNullable<TreeRoot>, key: Uint8Array): number {
  const nodes = nodesOf(reader);
  let node: Node = nodes.root(spec, root);
  let before = 0;
  while (node.level > 0) {
    const inner = node as InnerNode;
    const child = inner.search(key);
    for (let i = 0; i < child; i++) before += inner.rowsAt(i);
    if (child === inner.count) return before;
    node = nodes.child(inner, child);
  }
  return before + (node as LeafNode).search(key);
}

/** Returns the row that has `n` rows before it, or undefined if there is none. */
export function rowAt(reader: ObjectReader, spec: TreeSpec, root: TreeRoot, n: number): Row | undefined {
  if (root === null || !(Number.isSafeInteger(n) && n >= 0)) return undefined;
  const nodes = nodesOf(reader);
  let node: Node = nodes.root(spec, root);
  if (n >= node.rows) return undefined;
  let left = n;
  while (node.level > 0) {
    const inner = node as InnerNode;
    let child = 0;
    while (left >= inner.rowsAt(child)) left -= inner.rowsAt(child++);
    node = nodes.child(inner, child);
  }
  return (node as LeafNode).row(left);
}
