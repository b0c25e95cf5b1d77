/**
 * Finds the leaf that has a row, for readers that take single cells. Layer: tree.
 */
import type {ObjectReader} from '../objects/store.js';
import type {InnerNode, LeafNode} from './node.js';
import {nodesOf} from './nodes.js';
import type {TreeRoot, TreeSpec} from './spec.js';

/** A row of a leaf. */
export interface RowPlace {
  readonly leaf: LeafNode;
  readonly at: number;
}

/** Returns where the first row is whose key is `key` or greater. Throws OBJECT_MISSING, OBJECT_CORRUPT or OBJECT_INVALID. */
export function findFrom(reader: ObjectReader, spec: TreeSpec, root: TreeRoot, key: Uint8Array): RowPlace | undefined {
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
  return at < leaf.count ? {leaf, at} : undefined;
}

/** Returns where the row with this key is. Throws OBJECT_MISSING, OBJECT_CORRUPT or OBJECT_INVALID. */
export function findRow(reader: ObjectReader, spec: TreeSpec, root: TreeRoot, key: Uint8Array): RowPlace | undefined {
  const place = findFrom(reader, spec, root, key);
  return place && place.leaf.compareAt(place.at, key) === 0 ? place : undefined;
}
