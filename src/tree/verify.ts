/**
 * Checks a whole tree for fsck: reads every node, not through the cache, and tells everything that is wrong, going on
 * past damage. Beyond what readers check it holds each node against the invariants of `builder.ts`: order and bounds of
 * keys, counts, where nodes end, and that the bytes are exactly those that the builder would write. Layer: tree.
 */
import {fromBinary, toBinary} from '../bytes.js';
import {type ErrorCode, isDbosError} from '../errors.js';
import type {ObjectId} from '../objects/id.js';
import type {ObjectReader} from '../objects/store.js';
import {sameKeys} from './diff.js';
import {KeyWriter} from './key.js';
import {findFrom} from './locate.js';
import {
  type Child,
  compareKeys,
  decodeNode,
  encodeInner,
  type InnerNode,
  type LeafNode,
  type Node,
  reencodeLeaf,
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

/** What the place of a node in the tree says of it. Keys are binary strings. */
interface Place {
  /** The level of the parent; undefined for the root. */
  readonly above: number | undefined;
  readonly firstKey: string | undefined;
  readonly lastKey: string | undefined;
  readonly rows: number | undefined;
  /** Whether it is the last node of its level. */
  readonly last: boolean;
}

/** What is known of a node that was checked, so that its other places are checked without reading it again. */
interface Verified {
  readonly level: number;
  readonly rows: number;
  readonly count: number;
  /** A key that is not less than the least below the node: that one itself if it could be read. */
  least: string;
  readonly greatest: string;
  /** Whether it was checked as a node that may end anywhere, and as one that may not: being sound is two things. */
  asLast: boolean;
  asOther: boolean;
}

/** The nodes of trees of one spec that were checked. */
export type VerifiedNodes = Map<ObjectId, Verified>;

/**
 * Yields what is wrong with a tree; nothing if it is sound. Nodes that `seen` holds are not read again: give the same
 * map to all trees of one spec, such as the versions of a table. Of `sound`, nodes that stand in sound trees of that spec, only
 * what their place can make wrong is read: their first and last nodes of each level. A leaf is held against that of `before`, a sound
 * tree, which has its keys: what both have in common need not be checked. What rows refer to is not read (see
 * `linksOf`).
 */
export function* verifyTree(
  reader: ObjectReader,
  spec: TreeSpec,
  root: TreeRoot,
  seen: VerifiedNodes = new Map(),
  sound: ReadonlySet<ObjectId> = new Set(),
  before: TreeRoot = null,
): Generator<TreeProblem, void, undefined> {
  checkSpec(spec);
  if (root === null) return;
  const place = {above: undefined, firstKey: undefined, lastKey: undefined, rows: undefined, last: true};
  yield* verifyNode({reader, spec, seen, sound, before}, root, place, false);
}

/** What a whole check works with. */
interface Check {
  readonly reader: ObjectReader;
  readonly spec: TreeSpec;
  readonly seen: VerifiedNodes;
  readonly sound: ReadonlySet<ObjectId>;
  readonly before: TreeRoot;
}

function isVerified(known: Verified | undefined, {last}: Place): known is Verified {
  return known !== undefined && (last ? known.asLast : known.asOther);
}

/** `edges` tells that the node is below a sound one. */
function* verifyNode(
  check: Check,
  id: ObjectId,
  place: Place,
  edges: boolean,
): Generator<TreeProblem, void, undefined> {
  const {reader, spec, seen, sound} = check;
  let known = seen.get(id);
  if (isVerified(known, place)) {
    for (const problem of misplaced(known, place)) yield treeProblem(id, 'OBJECT_INVALID', problem, place);
    return;
  }
  let node: Node;
  const problems: string[] = [];
  try {
    const bytes = reader.read(id);
    node = decodeNode(spec, bytes);
    if (known === undefined) {
      known = verified(node);
      seen.set(id, known);
    }
    if (place.last) known.asLast = true;
    else known.asOther = true;
    problems.push(...misplaced(known, place));
    if (node.level === 0) problems.push(...wrongLeaf(check, node as LeafNode, bytes, place));
    else problems.push(...wrongInner(spec, node as InnerNode, bytes, place));
  } catch (error) {
    if (!isDbosError(error)) throw error;
    yield treeProblem(id, error.code, error.message.replace(/\.$/, ''), place);
    return;
  }
  for (const problem of problems) yield treeProblem(id, 'OBJECT_INVALID', problem, place);
  // below a node of a wrong level everything would be reported again; levels must fall, so that this ends
  if (node.level === 0 || (place.above !== undefined && node.level !== place.above - 1)) return;
  const inner = node as InnerNode;
  const onlyEdges = edges || sound.has(id);
  let before = place.firstKey;
  for (let i = 0; i < inner.count; i++) {
    if (onlyEdges && i > 0 && i < inner.count - 1) {
      before = toBinary(inner.keyAt(i));
      continue;
    }
    const child = inner.idAt(i);
    const key = toBinary(inner.keyAt(i));
    const last = place.last && i === inner.count - 1;
    const below = {above: inner.level, firstKey: before, lastKey: key, rows: inner.rowsAt(i), last};
    const seenChild = seen.get(child);
    // most children of a new version are those of the one before: no generator for them
    if (!isVerified(seenChild, below) || misplaced(seenChild, below).length > 0) {
      yield* verifyNode(check, child, below, onlyEdges);
    }
    before = key;
  }
  const least = seen.get(inner.idAt(0))?.least;
  if (least !== undefined) known.least = least;
}

function verified(node: Node): Verified {
  const {level, rows, count} = node;
  const least = toBinary(node.keyAt(0));
  return {level, rows, count, least, greatest: toBinary(node.keyAt(count - 1)), asLast: false, asOther: false};
}

function treeProblem(id: ObjectId, code: ErrorCode, problem: string, {firstKey, lastKey}: Place): TreeProblem {
  return {id, code, problem, firstKey: keyBytes(firstKey), lastKey: keyBytes(lastKey)};
}

function keyBytes(key: string | undefined): Uint8Array | undefined {
  return key === undefined ? undefined : fromBinary(key);
}

const NONE: readonly string[] = [];

/** (1) (3) (4) (5) What does not fit the place. */
function misplaced(node: Verified, {above, rows, lastKey, firstKey}: Place): readonly string[] {
  if (above === undefined) return node.level > 0 && node.count === 1 ? ['The root has only one child'] : NONE; // (3) (4)
  const {level, least, greatest} = node;
  const follows = firstKey === undefined || least > firstKey;
  if (level === above - 1 && node.rows === rows && greatest === lastKey && follows) return NONE;
  const problems: string[] = [];
  if (level !== above - 1) problems.push(`The node has level ${level} under level ${above}`);
  if (node.rows !== rows) problems.push(`The node has ${node.rows} rows and its parent says ${rows}`);
  if (greatest !== lastKey) problems.push('The greatest key of the node is not the one in its parent');
  if (!follows) problems.push('The node begins before its left neighbour ends');
  return problems;
}

/** Returns the leaf in whose place a leaf stands; undefined where there is none that can be read. */
function leafBefore({reader, spec, before}: Check, leaf: LeafNode): LeafNode | undefined {
  if (before === null) return undefined;
  const key = leaf.keyAt(leaf.count - 1);
  try {
    return findFrom(reader, spec, before, key)?.leaf;
  } catch (error) {
    if (!isDbosError(error)) throw error;
    return undefined;
  }
}

function wrongLeaf(check: Check, leaf: LeafNode, bytes: Uint8Array, place: Place): string[] {
  const {spec} = check;
  const problems: string[] = [];
  const splitter = Splitter.of(spec.leafRows, 0);
  const old = leafBefore(check, leaf);
  let key = new KeyWriter();
  let previous = new KeyWriter();
  // keys that are those of a sound leaf ascend, and none before the last one ends it
  for (let i = old && sameKeys(spec, old, leaf) ? leaf.count - 1 : 0; i < leaf.count; i++) {
    [previous, key] = [key, previous];
    leaf.writeKey(key, i);
    if (previous.length > 0 && compareKeys(key.bytes, key.length, previous.bytes, previous.length) <= 0) {
      problems.push(`The keys do not ascend at row ${i}`); // (1)
      break;
    }
    const wrong = wrongEnd(splitter.endsAfter(key.bytes, key.length, i + 1), i === leaf.count - 1, place);
    if (wrong) {
      problems.push(wrong);
      break;
    }
  }
  if (!sameBytes(reencodeLeaf(leaf, old), bytes)) problems.push('The leaf is not in its canonical form');
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
  if (!sameBytes(encodeInner(node.level, children), bytes)) problems.push('The node is not in its canonical form');
  return problems;
}

/** (2) Whether the node should have ended here, or should not have. */
function wrongEnd(ends: boolean, isEnd: boolean, {last}: Place): string | undefined {
  if (ends && !isEnd) return 'The node goes on where it should end';
  if (!ends && isEnd && !last) return 'The node ends where it should go on';
  return undefined;
}
