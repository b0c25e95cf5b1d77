/**
 * Checks a whole tree for fsck: reads every node, not through the cache, and tells everything that is wrong, going on
 * past damage. Beyond what readers check it holds each node against the invariants of `builder.ts`: order and bounds of
 * keys, counts, where nodes end, and that the bytes are exactly those that the builder would write. Layer: tree.
 */
import {type ErrorCode, isDbosError} from '../errors.js';
import type {ObjectId} from '../objects/id.js';
import type {ObjectReader} from '../objects/store.js';
import type {Cell} from './cell.js';
import {KeyWriter} from './key.js';
import {
  type Child,
  compareKeys,
  decodeNode,
  encodeInner,
  encodeLeaf,
  type InnerNode,
  type LeafNode,
  type Node,
  sameBytes,
} from './node.js';
import {checkSpec, type TreeRoot, type TreeSpec} from './spec.js';
import {Splitter} from './splitter.js';

/** Something wrong with one node. */
export interface TreeProblem {
  readonly id: ObjectId;
  /** OBJECT_MISSING or OBJECT_CORRUPT if the node could not be read, else OBJECT_INVALID. */
  readonly code: ErrorCode;
  /** What is wrong, as a sentence without a full stop. */
  readonly problem: string;
  /** A key that is less than every key below the node; undefined at the start of the tree. */
  readonly firstKey: Uint8Array | undefined;
  /** The greatest key below the node, by its parent; undefined for the root. */
  readonly lastKey: Uint8Array | undefined;
}

/** What the place of a node in the tree says of it. */
interface Place {
  readonly parent: InnerNode | undefined;
  readonly firstKey: Uint8Array | undefined;
  readonly lastKey: Uint8Array | undefined;
  readonly rows: number | undefined;
  /** Whether it is the last node of its level. */
  readonly last: boolean;
}

/**
 * Yields what is wrong with a tree; nothing if it is sound. Nodes that `seen` holds are not looked at again: give the
 * same set to all trees of one spec, such as the versions of a table. What rows refer to is not read (see `linksOf`).
 */
export function* verifyTree(
  reader: ObjectReader,
  spec: TreeSpec,
  root: TreeRoot,
  seen: Set<string> = new Set(),
): Generator<TreeProblem, void, undefined> {
  checkSpec(spec);
  if (root === null) return;
  const place = {parent: undefined, firstKey: undefined, lastKey: undefined, rows: undefined, last: true};
  yield* verifyNode(reader, spec, root, place, seen);
}

function* verifyNode(
  reader: ObjectReader,
  spec: TreeSpec,
  id: ObjectId,
  place: Place,
  seen: Set<string>,
): Generator<TreeProblem, void, undefined> {
  const {firstKey, lastKey} = place;
  let node: Node;
  const problems: string[] = [];
  try {
    const bytes = reader.read(id);
    node = decodeNode(spec, bytes);
    if (place.parent) problems.push(...misplaced(node, place, place.parent));
    // the last node of a level may end anywhere, so being sound there and being sound elsewhere are two things; where
    // a node stands apart from that is checked each time
    const mark = place.last ? `${id} last` : id;
    if (!seen.has(mark)) {
      seen.add(mark);
      if (node.level === 0) problems.push(...wrongLeaf(spec, node as LeafNode, bytes, place));
      else problems.push(...wrongInner(spec, node as InnerNode, bytes, place));
    } else {
      for (const problem of problems) yield {id, code: 'OBJECT_INVALID', problem, firstKey, lastKey};
      return;
    }
  } catch (error) {
    if (!isDbosError(error)) throw error;
    yield {id, code: error.code, problem: error.message.replace(/\.$/, ''), firstKey, lastKey};
    return;
  }
  for (const problem of problems) yield {id, code: 'OBJECT_INVALID', problem, firstKey, lastKey};
  // below a node of a wrong level everything would be reported again; levels must fall, so that this ends
  if (node.level === 0 || (place.parent && node.level !== place.parent.level - 1)) return;
  const inner = node as InnerNode;
  let before = firstKey;
  for (let i = 0; i < inner.count; i++) {
    const key = inner.keyAt(i);
    const last = place.last && i === inner.count - 1;
    const below = {parent: inner, firstKey: before, lastKey: key, rows: inner.rowsAt(i), last};
    yield* verifyNode(reader, spec, inner.idAt(i), below, seen);
    before = key;
  }
}

/** (1) (5) What does not fit the parent. */
function misplaced(node: Node, {rows, lastKey, firstKey}: Place, parent: InnerNode): string[] {
  const problems: string[] = [];
  if (node.level !== parent.level - 1) problems.push(`The node has level ${node.level} under level ${parent.level}`);
  if (node.rows !== rows) problems.push(`The node has ${node.rows} rows and its parent says ${rows}`);
  const own = node.keyAt(node.count - 1);
  if (lastKey && !sameBytes(own, lastKey)) problems.push('The greatest key of the node is not the one in its parent');
  const first = node.keyAt(0);
  if (firstKey && compareKeys(first, first.length, firstKey, firstKey.length) <= 0) {
    problems.push('The node begins before its left neighbour ends');
  }
  return problems;
}

function wrongLeaf(spec: TreeSpec, leaf: LeafNode, bytes: Uint8Array, place: Place): string[] {
  const problems: string[] = [];
  const splitter = Splitter.of(spec.leafRows, 0);
  let key = new KeyWriter();
  let previous = new KeyWriter();
  for (let i = 0; i < leaf.count; i++) {
    [previous, key] = [key, previous];
    leaf.writeKey(key, i);
    if (i > 0 && compareKeys(key.bytes, key.length, previous.bytes, previous.length) <= 0) {
      problems.push(`The keys do not ascend at row ${i}`); // (1)
      break;
    }
    const wrong = wrongEnd(splitter.endsAfter(key.bytes, key.length, i + 1), i === leaf.count - 1, place);
    if (wrong) {
      problems.push(wrong);
      break;
    }
  }
  const columns: Cell[][] = leaf.cellsByColumn();
  if (!sameBytes(encodeLeaf(columns, leaf.count), bytes)) problems.push('The leaf is not in its canonical form');
  return problems;
}

function wrongInner(spec: TreeSpec, node: InnerNode, bytes: Uint8Array, place: Place): string[] {
  const problems: string[] = [];
  const splitter = Splitter.of(spec.innerRows, node.level);
  const children: Child[] = [];
  for (let i = 0; i < node.count; i++) {
    const child = node.childAt(i);
    children.push(child);
    if (problems.length > 0) continue;
    const wrong = wrongEnd(splitter.endsAfter(child.key, child.key.length, i + 1), i === node.count - 1, place);
    if (wrong) problems.push(wrong);
  }
  if (!place.parent && node.count === 1) problems.push('The root has only one child'); // (3) (4)
  if (!sameBytes(encodeInner(node.level, children), bytes)) problems.push('The node is not in its canonical form');
  return problems;
}

/** (2) Whether the node should have ended here, or should not have. */
function wrongEnd(ends: boolean, isEnd: boolean, {last}: Place): string | undefined {
  if (ends && !isEnd) return 'The node goes on where it should end';
  if (!ends && isEnd && !last) return 'The node ends where it should go on';
  return undefined;
}
