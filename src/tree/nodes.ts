/**
 * Reads nodes through an object reader and keeps the decoded ones, within a bound, for as long as that reader lives.
 * A child is checked against what its parent says of it: level, number of rows and, for an inner node, greatest key.
 * Objects never change, so nothing here is ever stale. Layer: tree.
 */
import {invalid} from '../objects/codec.js';
import type {ObjectId} from '../objects/id.js';
import type {ObjectReader} from '../objects/store.js';
import {decodeNode, type InnerNode, type Node, sameBytes} from './node.js';
import {checkSpec, sameSpec, type TreeSpec} from './spec.js';

/** Bytes of encoded nodes in one generation of the cache; there are two. */
const GENERATION_BYTES = 8 << 20;
/** The same for a reader whose trees are scanned again and again. */
const WIDE_GENERATION_BYTES = 48 << 20;

export class Nodes {
  private young = new Map<ObjectId, Node>();
  private old = new Map<ObjectId, Node>();
  private youngBytes = 0;
  private generationBytes = GENERATION_BYTES;

  constructor(private readonly reader: ObjectReader) {}

  /** Keeps more nodes from now on. */
  widen(): void {
    this.generationBytes = WIDE_GENERATION_BYTES;
  }

  /** Returns a root node. */
  root(spec: TreeSpec, id: ObjectId): Node {
    return this.node(checkSpec(spec), id);
  }

  /** Returns a child. Throws OBJECT_INVALID if it is not the node that its parent means. */
  child(parent: InnerNode, index: number): Node {
    const node = this.node(parent.spec, parent.idAt(index));
    if (parent.sound[index] === 1) return node;
    if (node.level !== parent.level - 1) throw invalid('is a node of another level than its place asks for');
    if (node.rows !== parent.rowsAt(index)) throw invalid('is a node with another number of rows than its place says');
    if (node.level > 0 && !sameBytes((node as InnerNode).keyAt(node.count - 1), parent.keyAt(index))) {
      throw invalid('is a node with another greatest key than its place says');
    }
    parent.sound[index] = 1;
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
    const bytes = this.reader.read(id);
    node = decodeNode(spec, bytes);
    this.youngBytes += bytes.length;
    if (this.youngBytes > this.generationBytes) {
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
