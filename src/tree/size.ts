/** How much room trees take. Layer: tree. */
import type {ObjectId} from '../objects/id.js';
import type {ObjectReader} from '../objects/store.js';
import {linksOf} from './links.js';
import type {TreeRoot} from './spec.js';

/** Returns the bytes of all nodes of a tree, each counted once; values that stand outside their rows are not among them. */
export function treeBytes(reader: ObjectReader, root: TreeRoot): number {
  const seen = new Set<ObjectId>();
  const pending: ObjectId[] = root === null ? [] : [root];
  let bytes = 0;
  for (let id = pending.pop(); id !== undefined; id = pending.pop()) {
    if (seen.has(id)) continue;
    seen.add(id);
    const node = reader.read(id);
    bytes += node.length;
    for (const link of linksOf(node)) if (link.kind === 'node') pending.push(link.id);
  }
  return bytes;
}
