/**
 * Reads nodes through an object reader and keeps the decoded ones, within a bound, for as long as that reader lives.
 * A child is checked against what its parent says of it: level, number of rows and, for an inner node, greatest key.
 * Objects never change, so nothing here is ever stale. Layer: tree.
 */
import {invalid} from '../objects/codec.js';
import type {ObjectId} from '../objects/id.js';
import type {ObjectReader} from '../objects/store.js';
import type {Row} from './cell.js';
import {decodeNode, type InnerNode, type Node, sameBytes} from './node.js';
import {checkSpec, sameSpec, type TreeRoot, type TreeSpec} from './spec.js';
import {type Passing, Waiting} from './waiting.js';

/** Bytes of encoded nodes in one generation of the cache; there are two. */
const GENERATION_BYTES = 8 << 20;
/** The same for a reader whose trees are scanned again and again. */
const WIDE_GENERATION_BYTES = 48 << 20;

/** A key whose row differs between two trees; one of the two rows may be missing. */
export interface RowChange {
  readonly key: Buffer;
  readonly before: Row | undefined;
  readonly after: Row | undefined;
}

/** How many differences of trees are remembered. */
const MAX_DIFFERENCES = 16;

/** A set of ids that may have some more than were added, in 128 KiB; empty again when it is half full. */
class IdMarks {
  private static readonly LENGTH = 2 ** 17;
  private bytes = new Uint8Array(0);
  private added = 0;

  has(id: ObjectId): boolean {
    if (this.added === 0) return false;
    return ((this.bytes[this.place(id)] as number) & this.bit(id)) !== 0;
  }

  add(id: ObjectId): void {
    if (this.bytes.length === 0 || this.added === IdMarks.LENGTH) {
      this.bytes = new Uint8Array(IdMarks.LENGTH);
      this.added = 0;
    }
    const place = this.place(id);
    this.bytes[place] = (this.bytes[place] as number) | this.bit(id);
    this.added++;
  }

  // an id is a digest: its bits are as good as random
  private place(id: ObjectId): number {
    return id.charCodeAt(0) | (id.charCodeAt(1) << 8) | ((id.charCodeAt(2) & 1) << 16);
  }

  private bit(id: ObjectId): number {
    return 1 << (id.charCodeAt(3) & 7);
  }
}

export class Nodes {
  private young = new Map<ObjectId, Node>();
  private old = new Map<ObjectId, Node>();
  /** The node of the young generation that was asked for last. */
  private newest: Node | undefined;
  private youngBytes = 0;
  private generationBytes = GENERATION_BYTES;
  /** Objects that were read along with nodes: in a scan, the nodes that are wanted next. */
  private ahead: Waiting | undefined;
  /** Leaves that a scan has passed once: only those that are wanted again are kept, so one scan leaves no trace in memory. */
  private readonly passed = new IdMarks();

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
    this.ahead ??= new Waiting();
  }

  /** Returns a root node. */
  root(spec: TreeSpec, id: ObjectId): Node {
    return this.node(checkSpec(spec), id);
  }

  /**
   * Returns a child. Throws OBJECT_INVALID if it is not the node that its parent means. With `passing`, the objects that wait for one
   * scan, a leaf that is not kept may share their memory.
   */
  child(parent: InnerNode, index: number, passing?: Passing): Node {
    const kept = parent.kept[index];
    if (kept !== undefined) return kept;
    const id = parent.idAt(index);
    const node = this.node(parent.spec, id, passing);
    if (parent.sound[index] !== 1) {
      if (node.level !== parent.level - 1) throw invalid('is a node of another level than its place asks for');
      if (node.rows !== parent.rowsAt(index)) {
        throw invalid('is a node with another number of rows than its place says');
      }
      if (node.level > 0 && !sameBytes((node as InnerNode).keyAt(node.count - 1), parent.keyAt(index))) {
        throw invalid('is a node with another greatest key than its place says');
      }
      parent.sound[index] = 1;
    }
    // the parent leads to a child until the next generation begins, if both are kept: the way down then needs no ids
    if (node === this.newest) parent.kept[index] = node;
    return node;
  }

  private node(spec: TreeSpec, id: ObjectId, passing?: Passing): Node {
    const waiting = passing ?? this.ahead;
    const came = waiting?.take(id);
    if (came !== undefined) return this.arrived(spec, id, came, passing);
    const young = this.young.get(id);
    if (young && sameSpec(young.spec, spec)) {
      this.newest = young;
      return young;
    }
    // two generations: what is used while the young one fills moves on with it, the rest is dropped
    const old = this.old.get(id);
    if (old && sameSpec(old.spec, spec)) {
      this.young.set(id, old);
      this.newest = old;
      return old;
    }
    const bytes = this.reader.read(id, waiting);
    return passing ? this.arrived(spec, id, bytes, passing) : this.keep(id, decodeNode(spec, bytes), bytes.length);
  }

  /** Returns a node that came in a row: a leaf that no scan has passed before is not kept. */
  private arrived(spec: TreeSpec, id: ObjectId, bytes: Uint8Array, passing: Passing | undefined): Node {
    const node = decodeNode(spec, bytes);
    if (node.level > 0 || this.passed.has(id)) {
      return this.keep(id, passing ? decodeNode(spec, Buffer.from(bytes)) : node, bytes.length);
    }
    this.passed.add(id);
    return node;
  }

  private keep(id: ObjectId, node: Node, size: number): Node {
    this.youngBytes += size;
    if (this.youngBytes > this.generationBytes) {
      for (const each of this.young.values()) if (each.level > 0) (each as InnerNode).kept.length = 0;
      this.old = this.young;
      this.young = new Map();
      this.youngBytes = size;
    }
    this.young.set(id, node);
    this.newest = node;
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
