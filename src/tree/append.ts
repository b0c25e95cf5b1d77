/**
 * Rows behind the last one of a tree, as they come: leaves are written as they fill, and the tree is whole when it is
 * finished. What lies before the last node of each level is neither read nor held. Layer: tree.
 */
import type {ObjectSink} from '../objects/store.js';
import {LeafBuilder, Spine} from './builder.js';
import type {Row} from './cell.js';
import type {InnerNode, LeafNode} from './node.js';
import {nodesOf} from './nodes.js';
import type {TreeRoot, TreeSpec} from './spec.js';
import type {ColumnSource} from './vector.js';

export class TreeAppender {
  private readonly spine: Spine;
  private readonly leaves: LeafBuilder;

  /** Throws OBJECT_MISSING, OBJECT_CORRUPT or OBJECT_INVALID. */
  constructor(sink: ObjectSink, spec: TreeSpec, root: TreeRoot) {
    this.spine = new Spine(sink, spec, 0);
    this.leaves = new LeafBuilder(sink, spec, child => this.spine.add(child));
    if (root === null) return;
    const nodes = nodesOf(sink);
    let node = nodes.root(spec, root);
    const edge: InnerNode[] = [];
    while (node.level > 0) {
      edge.push(node as InnerNode);
      node = nodes.child(node as InnerNode, node.count - 1);
    }
    this.spine.resume(edge.reverse());
    this.leaves.resume(node as LeafNode);
  }

  /** Returns whether a row sorts behind all rows of the tree. Throws ROW_INVALID and VALUE_TOO_LARGE as `encodeKey` does. */
  follows(row: Row): boolean {
    return this.leaves.follows(row);
  }

  /** Appends a row and returns true, or returns false for one that does not sort behind all others. Throws as `follows`. */
  append(row: Row): boolean {
    return this.leaves.tryAppend(row);
  }

  /** Appends rows `from` to `to` − 1 as long as they sort behind all others; returns the first one that does not, or `to`. Throws as `follows`. */
  appendRange(source: ColumnSource, from: number, to: number): number {
    return this.leaves.appendRange(source, from, to);
  }

  /** Writes what is left, and returns the root of the tree with all rows. Nothing can be appended afterwards. */
  finish(): TreeRoot {
    this.leaves.finish();
    return this.spine.finish();
  }
}
