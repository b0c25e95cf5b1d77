/**
 * A place in a tree: one node of a chosen level, and the way to it from the root. Moves on to the node of a key, and to the
 * next or previous node. The node itself is read only when it is asked for. Layer: tree.
 */
import {invalid} from '../objects/codec.js';
import type {ObjectId} from '../objects/id.js';
import {compareKeys, type InnerNode, type LeafNode, type Node} from './node.js';
import type {Nodes} from './nodes.js';
import type {TreeSpec} from './spec.js';
import type {Passing} from './waiting.js';

export class Cursor {
  private readonly root: Node;
  /** The nodes above the place, the root first, and the child of each that the way takes. */
  private readonly path: InnerNode[] = [];
  private readonly index: number[] = [];

  /** Starts at the first node of the level, which is 0 to the level of the root. With `passing` each node is good until the next one is asked for. */
  constructor(
    private readonly nodes: Nodes,
    spec: TreeSpec,
    root: ObjectId,
    private readonly level = 0,
    private readonly passing?: Passing,
  ) {
    this.root = nodes.root(spec, root);
    this.descend(0);
  }

  private get depth(): number {
    return this.root.level - this.level;
  }

  /** Returns the node. */
  node(): Node {
    const {depth} = this;
    if (depth === 0) return this.root;
    return this.nodes.child(this.path[depth - 1] as InnerNode, this.index[depth - 1] as number, this.passing);
  }

  /** Returns the node of a cursor on level 0. */
  leaf(): LeafNode {
    const node = this.node();
    if (node.level !== 0) throw new TypeError('the cursor is not on the leaves');
    return node as LeafNode;
  }

  /** Returns the greatest key of the node, without reading the node unless it is the root. */
  lastKey(): Buffer {
    const {depth} = this;
    if (depth === 0) return this.root.keyAt(this.root.count - 1);
    return (this.path[depth - 1] as InnerNode).keyAt(this.index[depth - 1] as number);
  }

  /** Returns whether the node is the last of its level. */
  isLast(): boolean {
    const {depth} = this;
    for (let i = 0; i < depth; i++) {
      if ((this.index[i] as number) < (this.path[i] as InnerNode).count - 1) return false;
    }
    return true;
  }

  /**
   * Moves on to the node that has the least key that is `key` or greater, or to the last one if all keys are less. Only
   * forward: no node before the place may have that key.
   */
  seek(key: Uint8Array): void {
    const {depth} = this;
    // climb only to the lowest node of the way that still has the key below it
    let from = depth;
    while (from > 0 && this.endsBefore(from - 1, key)) from--;
    for (let i = from; i < depth; i++) {
      if (i > from) this.enter(i);
      const node = this.path[i] as InnerNode;
      const child = node.search(key);
      this.index[i] = child < node.count ? child : node.count - 1;
    }
  }

  /** Returns whether the child that the way takes at `i` has only keys less than `key`. */
  private endsBefore(i: number, key: Uint8Array): boolean {
    const last = (this.path[i] as InnerNode).keyAt(this.index[i] as number);
    return compareKeys(key, key.length, last, last.length) > 0;
  }

  private enter(i: number): void {
    const node =
      i === 0 ? this.root : this.nodes.child(this.path[i - 1] as InnerNode, this.index[i - 1] as number, this.passing);
    if (node.level === 0) throw invalid('is a leaf where an inner node belongs');
    this.path[i] = node as InnerNode;
  }

  private descend(from: number, last = false): void {
    for (let i = from; i < this.depth; i++) {
      this.enter(i);
      this.index[i] = last ? (this.path[i] as InnerNode).count - 1 : 0;
    }
  }

  /** Moves to the last node. */
  toLast(): void {
    this.descend(0, true);
  }

  /** Moves to the next node. Returns false, and stays, if there is none. */
  next(): boolean {
    for (let i = this.depth - 1; i >= 0; i--) {
      const at = (this.index[i] as number) + 1;
      if (at < (this.path[i] as InnerNode).count) {
        this.index[i] = at;
        this.descend(i + 1);
        return true;
      }
    }
    return false;
  }

  /** Moves to the previous node. Returns false, and stays, if there is none. */
  previous(): boolean {
    for (let i = this.depth - 1; i >= 0; i--) {
      const at = (this.index[i] as number) - 1;
      if (at >= 0) {
        this.index[i] = at;
        this.descend(i + 1, true);
        return true;
      }
    }
    return false;
  }
}
