/**
 * Tells which nodes of a tree others have too, by ids alone: what walks the object graph needs no spec for it. A node that is
 * shared is not opened, on either side, so the cost follows the difference. Layer: tree.
 */
import type {ObjectId} from '../objects/id.js';
import type {ObjectReader} from '../objects/store.js';
import {linksOf} from './links.js';
import {readShape} from './node.js';
import type {TreeRoot} from './spec.js';

export interface ComparedNodes {
  /** The nodes that only the tree has, by level: leaves first. */
  readonly own: readonly (readonly ObjectId[])[];
  /** The topmost nodes that it shares. */
  readonly shared: ReadonlySet<ObjectId>;
  /** Leaves of the others that were compared and not found in the tree: those whose rows a change may have taken away. */
  readonly otherLeaves: readonly ObjectId[];
}

/** Returns the nodes of a tree, held against other trees. Throws OBJECT_MISSING, OBJECT_CORRUPT or OBJECT_INVALID. */
export function compareNodes(reader: ObjectReader, root: TreeRoot, others: readonly TreeRoot[]): ComparedNodes {
  const mine = new Levels(reader);
  const theirs = new Levels(reader);
  mine.addRoot(root);
  for (const other of others) theirs.addRoot(other);
  const own: ObjectId[][] = [];
  const shared = new Set<ObjectId>();
  for (let level = Math.max(mine.top, theirs.top); level >= 0; level--) {
    const [here, there] = [mine.at(level), theirs.at(level)];
    for (const id of here) {
      if (!there.delete(id)) continue;
      here.delete(id);
      shared.add(id);
    }
    own[level] = [...here];
    if (level === 0) break;
    mine.open(level);
    // where nothing is left to compare with, nobody needs to know what the others have
    if (mine.top >= 0) theirs.open(level);
    else theirs.clear();
  }
  return {own, shared, otherLeaves: [...theirs.at(0)]};
}

/** Nodes by level. */
class Levels {
  private readonly byLevel: Set<ObjectId>[] = [];

  constructor(private readonly reader: ObjectReader) {}

  /** The highest level that has a node; −1 without one. */
  get top(): number {
    return this.byLevel.findLastIndex(nodes => nodes !== undefined && nodes.size > 0);
  }

  addRoot(root: TreeRoot): void {
    if (root !== null) this.at(readShape(this.reader.read(root)).level).add(root);
  }

  at(level: number): Set<ObjectId> {
    this.byLevel[level] ??= new Set();
    return this.byLevel[level];
  }

  /** Replaces the nodes of a level by their children. */
  open(level: number): void {
    const below = this.at(level - 1);
    for (const id of this.at(level)) for (const child of linksOf(this.reader.read(id))) below.add(child.id);
    this.at(level).clear();
  }

  clear(): void {
    this.byLevel.length = 0;
  }
}
