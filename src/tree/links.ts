/**
 * Which objects a node names: its children, and the bodies of the values that stand outside its rows. What walks the
 * object graph (fsck, gc, sync) needs no spec for it. Layer: tree.
 */
import {ID_BYTES, type ObjectId} from '../objects/id.js';
import {readShape} from './node.js';
import {refsOf} from './vector.js';

export interface Link {
  readonly id: ObjectId;
  readonly kind: 'node' | 'content' | 'blob';
}

/** Returns the links of a node in the order in which they stand in it, repeated where they are. Throws OBJECT_INVALID. */
export function linksOf(nodeBytes: Uint8Array): Link[] {
  const shape = readShape(nodeBytes);
  const links: Link[] = [];
  if (shape.columns === undefined) {
    const ids = shape.body.toString('latin1', 0, shape.count * ID_BYTES);
    for (let i = 0; i < shape.count; i++) {
      links.push({id: ids.slice(i * ID_BYTES, (i + 1) * ID_BYTES) as ObjectId, kind: 'node'});
    }
    return links;
  }
  const {starts, body} = shape;
  for (let column = 0; column < shape.columns; column++) {
    for (const {id, chunked} of refsOf(body.subarray(starts[column], starts[column + 1]), shape.count)) {
      links.push({id, kind: chunked ? 'content' : 'blob'});
    }
  }
  return links;
}
