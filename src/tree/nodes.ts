/**
 * Reads nodes through an object reader and keeps the decoded ones, within a bound, for as long as that reader lives.
 * A child is checked against what its parent says of it: level, number of rows and, for an inner node, greatest key.
 * Objects never change, so nothing here is ever stale. Layer: tree.
 */
import {invalid} from '../objects/codec.js';
import type {ObjectId} from '../objects/id.js';
import type {Beside, ObjectReader} from '../objects/store.js';
import type {Row} from './cell.js';
import {decodeNode, type InnerNode, type Node, sameBytes} from './node.js';
import {checkSpec, sameSpec, type TreeRoot, type TreeSpec} from './spec.js';

/** Bytes of encoded nodes in one generation of the cache; there are two. */
const GENERATION_BYTES = 8 << 20;
/** The same for a reader whose trees are scanned again and again. */
const WIDE_GENERATION_BYTES = 48 << 20;
/** How many objects wait that were read along with nodes; a scan reads about ten at once. */
const MAX_AHEAD = 128;
/** How many leaves that a scan has passed are remembered by their ids. */
const MAX_PASSED = 2 ** 16;

/** A key whose row differs between two trees; one of the two rows may be missing. */
export interface RowChange {
  readonly key: Buffer;
  readonly before: Row | undefined;
  readonly after: Row | undefined;
}

/** How many differences of trees are remembered. */
const MAX_DIFFERENCES = 16;

export class Nodes {
  private young = new Map<ObjectId, Node>();
  private old = new Map<ObjectId, Node>();
  private youngBytes = 0;
  private generationBytes = GENERATION_BYTES;
  /** Objects that were read along with nodes: in a scan, the nodes that are wanted next. The oldest first. */
  private readonly ahead = new Map<ObjectId, Uint8Array>();
  private keepAhead: Beside | undefined;
  /** Leaves that a scan has passed once: only those that are wanted again are kept, so one scan leaves no trace in memory. */
  private readonly passed = new Set<ObjectId>();

  /** What is known to differ between two trees, by both roots. The oldest first. */
  private readonly differences = new Map<string, {readonly spec: TreeSpec; readonly changes: readonly RowChange[]}>();

  constructor(private readonly reader: ObjectReader) {}

  /** Takes note of all that differs between two trees. */
  rememberDifference(spec: TreeSpec, a: TreeRoot, b: TreeRoot, changes: readonly RowChange[]): void {
    const {differences} = this;
    differences.set(`${a} ${b}`, {spec, changes});
    if (differences.size <= MAX_DIFFERENCES) return;
    const [oldest] = differences.keys();
    differences.delete(oldest as string);
  }

  /** Returns what differs between two trees, in key order, if that is remembered. */
  differenceOf(spec: TreeSpec, a: TreeRoot, b: TreeRoot): readonly RowChange[] | undefined {
    if (this.differences.size === 0) return undefined;
    const known = this.differences.get(`${a} ${b}`);
    return known && sameSpec(known.spec, spec) ? known.changes : undefined;
  }

  /** Keeps more nodes from now on, also such as come along with others. */
  widen(): void {
    this.generationBytes = WIDE_GENERATION_BYTES;
    this.keepAhead ??= (id, bytes) => {
      this.ahead.set(id, bytes);
      if (this.ahead.size <= MAX_AHEAD) return;
      const [oldest] = this.ahead.keys();
      this.ahead.delete(oldest as ObjectId);
    };
  }

  /** Returns a root node. */
  root(spec: TreeSpec, id: ObjectId): Node {
    return this.node(checkSpec(spec), id);
  }

  /** Returns a child. Throws OBJECT_INVALID if it is not the node that its parent means. */
  child(parent: InnerNode, index: number): Node {
    const kept = parent.kept[index];
    if (kept !== undefined) return kept;
    const node = this.node(parent.spec, parent.idAt(index));
    if (parent.sound[index] === 1) return this.keepChild(parent, index, node);
    if (node.level !== parent.level - 1) throw invalid('is a node of another level than its place asks for');
    if (node.rows !== parent.rowsAt(index)) throw invalid('is a node with another number of rows than its place says');
    if (node.level > 0 && !sameBytes((node as InnerNode).keyAt(node.count - 1), parent.keyAt(index))) {
      throw invalid('is a node with another greatest key than its place says');
    }
    parent.sound[index] = 1;
    return this.keepChild(parent, index, node);
  }

  /** Has the parent lead to a child until the next generation begins, if both are kept: the way down then needs no ids. */
  private keepChild(parent: InnerNode, index: number, node: Node): Node {
    if (this.young.get(parent.idAt(index)) === node) parent.kept[index] = node;
    return node;
  }

  private node(spec: TreeSpec, id: ObjectId): Node {
    let node = this.young.get(id);
    if (node && sameSpec(node.spec, spec)) return node;
    // two generations: what is used while the young one fills moves on with it, the rest is dropped
    node = this.old.get(id);
    if (node && sameSpec(node.spec, spec)) {
      this.young.set(id, node);
      return node;
    }
    const came = this.ahead.get(id);
    const bytes = came ?? this.reader.read(id, this.keepAhead);
    node = decodeNode(spec, bytes);
    if (came !== undefined) {
      this.ahead.delete(id);
      if (node.level === 0 && !this.passed.has(id)) {
        if (this.passed.size >= MAX_PASSED) this.passed.clear();
        this.passed.add(id);
        return node;
      }
    }
    this.youngBytes += bytes.length;
    if (this.youngBytes > this.generationBytes) {
      for (const each of this.young.values()) if (each.level > 0) (each as InnerNode).kept.length = 0;
      this.old = this.young;
      this.young = new Map();
      this.youngBytes = bytes.length;
    }
    this.young.set(id, node);
    return node;
  }
}

const nodes = new WeakMap<ObjectReader, Nodes>();

/** Returns the nodes of a reader; the same for the same reader. */
export function nodesOf(reader: ObjectReader): Nodes {
  let of = nodes.get(reader);
  if (!of) {
    of = new Nodes(reader);
    nodes.set(reader, of);
  }
  return of;
}
