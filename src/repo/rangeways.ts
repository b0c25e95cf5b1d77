/**
 * Finds out whether versions of a tree have a range of keys in the same nodes: then they have the same rows there. Versions that
 * follow each other mostly have the same keys in their inner nodes, so the place of the range in one is its place in the
 * next, and the nodes need not be decoded. Layer: repo.
 */
import {ID_BYTES, type ObjectId} from '../objects/id.js';
import type {ObjectReader} from '../objects/store.js';
import {decodeNode, type InnerNode, readShape, sameBytes} from '../tree/node.js';
import type {TreeSpec} from '../tree/spec.js';

/** The nodes from a root down to the range, as far as they were asked for. */
interface Way {
  readonly ids: ObjectId[];
  /** Whether it goes no further: a leaf, or several children with keys of the range. */
  ended: boolean;
}

/** Where the range is in inner nodes with these keys and row counts. */
interface Layout {
  readonly level: number;
  readonly count: number;
  readonly keys: Uint8Array;
  /** The child that has all keys of the range; −1 if there is none. */
  readonly child: number;
}

const REMEMBERED = 1024;

export class RangeWays {
  private readonly ways = new Map<ObjectId, Way>();
  /** The layout that was last seen at each depth. */
  private readonly layouts: Layout[] = [];

  /** The range is [gte, lt). */
  constructor(
    private readonly reader: ObjectReader,
    private readonly spec: TreeSpec,
    private readonly gte: Uint8Array,
    private readonly lt: Uint8Array,
  ) {}

  /** Returns true only if the trees have the same rows in the range; false where only a comparison can tell. */
  agree(a: ObjectId, b: ObjectId): boolean {
    const left = this.way(a);
    const right = this.way(b);
    for (let depth = 0; ; depth++) {
      const i = this.nodeAt(left, depth);
      const j = this.nodeAt(right, depth);
      if (i === undefined || j === undefined) return false;
      if (i === j) return true;
    }
  }

  private way(root: ObjectId): Way {
    let way = this.ways.get(root);
    if (way === undefined) {
      way = {ids: [root], ended: false};
      if (this.ways.size >= REMEMBERED) this.ways.clear();
      this.ways.set(root, way);
    }
    return way;
  }

  private nodeAt(way: Way, depth: number): ObjectId | undefined {
    while (way.ids.length <= depth && !way.ended) this.extend(way);
    return way.ids[depth];
  }

  private extend(way: Way): void {
    const depth = way.ids.length - 1;
    const bytes = this.reader.read(way.ids[depth] as ObjectId);
    const {level, count, body} = readShape(bytes);
    const child = level === 0 ? -1 : this.childOf(depth, level, count, body.subarray(count * ID_BYTES), bytes);
    if (child < 0) way.ended = true;
    else way.ids.push(body.toString('latin1', child * ID_BYTES, (child + 1) * ID_BYTES) as ObjectId);
  }

  private childOf(depth: number, level: number, count: number, keys: Uint8Array, bytes: Uint8Array): number {
    const known = this.layouts[depth];
    if (known?.level === level && known.count === count && sameBytes(known.keys, keys)) return known.child;
    const node = decodeNode(this.spec, bytes) as InnerNode;
    const from = node.search(this.gte);
    // the last child that may have keys below the end of the range
    const to = Math.min(node.search(this.lt, from), count - 1);
    const child = from === to ? from : -1;
    this.layouts[depth] = {level, count, keys, child};
    return child;
  }
}
