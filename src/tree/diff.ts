/**
 * Compares two trees of one spec. What the trees share, on whatever level, is skipped unread, so the cost follows what
 * differs. Applying the differences to `a` gives `b`. Layer: tree.
 */
import {asBuffer} from '../bytes.js';
import type {ObjectReader} from '../objects/store.js';
import type {Edit} from './builder.js';
import {type Cell, type Row, sameCell} from './cell.js';
import {compareKeys, type InnerNode, type LeafNode, type Node, sameBytes} from './node.js';
import {type Nodes, nodesOf, type RowChange} from './nodes.js';
import {getRow, type TreeRange} from './read.js';
import type {TreeRoot, TreeSpec} from './spec.js';
import {markDifferences} from './vector.js';

export type {RowChange} from './nodes.js';

/**
 * Remembers what edits, by key, made of one tree another: comparing the two through the same reader then reads nothing. For a few
 * edits; the last trees only are remembered.
 */
export function rememberEdits(
  reader: ObjectReader,
  spec: TreeSpec,
  a: TreeRoot,
  b: TreeRoot,
  edits: readonly Edit[],
): void {
  if (a === b) return;
  const changes: RowChange[] = [];
  for (const {key, row} of edits) {
    const before = getRow(reader, spec, a, key);
    const after = row ?? undefined;
    if (before ? !after || before.some((cell, i) => !sameCell(cell, after[i] as Cell)) : after)
      changes.push({key: asBuffer(key), before, after});
  }
  nodesOf(reader).rememberDifference(spec, a, b, changes);
}

/** Yields, in key order, what changed from `a` to `b`. Reads O(changes × depth) nodes. */
export function* diffTrees(
  reader: ObjectReader,
  spec: TreeSpec,
  a: TreeRoot,
  b: TreeRoot,
  range: TreeRange = {},
): Generator<RowChange, void, undefined> {
  if (a === b) return;
  const nodes = nodesOf(reader);
  const known = range.gte === undefined && range.lt === undefined ? nodes.differenceOf(spec, a, b) : undefined;
  if (known) {
    yield* known;
    return;
  }
  const before = new Front(nodes, spec, a, range);
  const after = new Front(nodes, spec, b, range);
  for (;;) {
    const left = before.level();
    const right = after.level();
    if (left === NOTHING && right === NOTHING) return;
    if (left > 0 || right > 0) {
      if (left === right && before.id() === after.id()) {
        // the same node comes next in both: all rows below it are the same
        before.skip();
        after.skip();
      } else {
        // the higher node may begin with what the other tree has next
        if (left >= right) before.open();
        if (right >= left) after.open();
      }
      continue;
    }
    if (left === ROW && right === ROW) {
      if (before.startsLeaf() && after.startsLeaf() && sameKeys(spec, before.leaf(), after.leaf())) {
        yield* diffValues(before, after);
        continue;
      }
      const order = compareRows(before, after);
      if (order < 0) yield before.takeAs('before');
      else if (order > 0) yield after.takeAs('after');
      else {
        if (!sameCells(before, after, spec.columns)) yield {key: after.key(), before: before.row(), after: after.row()};
        before.skip();
        after.skip();
      }
    } else if (left === ROW) yield before.takeAs('before');
    else yield after.takeAs('after');
  }
}

const NOTHING = -1;
const ROW = 0;

/** What of a tree is still to be compared: the rest of a leaf, and the rests of the inner nodes above it. */
class Front {
  /** The way down: a node and the entry of it that comes next. */
  private readonly path: {readonly node: Node; at: number; readonly end: number}[] = [];
  private rootId: TreeRoot;
  private rootLevel = NOTHING;
  private keyOfRow: Buffer | undefined;
  private cells: Cell[][] | undefined;

  constructor(
    private readonly nodes: Nodes,
    private readonly spec: TreeSpec,
    root: TreeRoot,
    private readonly range: TreeRange,
  ) {
    this.rootId = root;
    if (root !== null) this.rootLevel = nodes.root(spec, root).level + 1;
  }

  /** Returns 0 if a row comes next, the level of a node plus one if a node does, `NOTHING` at the end. */
  level(): number {
    if (this.rootId !== null) return this.rootLevel;
    const {path} = this;
    for (;;) {
      const top = path[path.length - 1];
      if (top === undefined) return NOTHING;
      if (top.at < top.end) return top.node.level;
      path.pop();
    }
  }

  private top() {
    return this.path[this.path.length - 1] as (typeof this.path)[number];
  }

  /** Returns the id of the node that comes next. */
  id(): TreeRoot {
    const {node, at} = this.rootId === null ? this.top() : {node: undefined, at: 0};
    return node === undefined ? this.rootId : (node as InnerNode).idAt(at);
  }

  /** Passes the row or node that comes next. */
  skip(): void {
    this.keyOfRow = undefined;
    if (this.rootId !== null) this.rootId = null;
    else this.top().at++;
  }

  /** Goes into the node that comes next. */
  open(): void {
    let node: Node;
    if (this.rootId !== null) {
      node = this.nodes.root(this.spec, this.rootId);
      this.rootId = null;
    } else {
      const top = this.top();
      node = this.nodes.child(top.node as InnerNode, top.at++);
    }
    const {gte, lt} = this.range;
    const at = gte ? node.search(gte) : 0;
    let end = node.count;
    if (lt) {
      // a child whose greatest key is `lt` or more may still have lesser ones
      end = node.search(lt, at);
      if (node.level > 0 && end < node.count) end++;
    }
    this.keyOfRow = undefined;
    this.cells = undefined;
    this.path.push({node, at, end});
  }

  leaf(): LeafNode {
    return this.top().node as LeafNode;
  }

  /** Returns whether all rows of the leaf are still to come. */
  startsLeaf(): boolean {
    const {node, at, end} = this.top();
    return at === 0 && end === node.count;
  }

  /** Passes the whole leaf. */
  skipLeaf(): void {
    this.keyOfRow = undefined;
    this.path.pop();
  }

  /** Returns the cells of the leaf. */
  columns(): Cell[][] {
    this.cells ??= this.leaf().cellsByColumn();
    return this.cells;
  }

  place(): number {
    return this.top().at;
  }

  key(): Buffer {
    this.keyOfRow ??= this.leaf().keyAt(this.place());
    return this.keyOfRow;
  }

  row(): Row {
    const at = this.place();
    return this.columns().map(cells => cells[at] as Cell);
  }

  takeAs(side: 'before' | 'after'): RowChange {
    const key = this.key();
    const row = this.row();
    this.skip();
    return side === 'before' ? {key, before: row, after: undefined} : {key, before: undefined, after: row};
  }
}

function compareRows(before: Front, after: Front): number {
  // the same cells are the same key; far cheaper to see than to encode two keys
  if (sameCells(before, after, before.leaf().spec.keys.length)) return 0;
  const a = before.key();
  const b = after.key();
  return compareKeys(a, a.length, b, b.length);
}

/** Returns whether the next rows of both agree in their first columns. */
function sameCells(before: Front, after: Front, columns: number): boolean {
  const a = before.columns();
  const b = after.columns();
  const i = before.place();
  const j = after.place();
  for (let column = 0; column < columns; column++) {
    if (!sameCell((a[column] as Cell[])[i] as Cell, (b[column] as Cell[])[j] as Cell)) return false;
  }
  return true;
}

/** Returns whether two leaves have the same key cells; equal cells have equal vectors. */
export function sameKeys(spec: TreeSpec, a: LeafNode, b: LeafNode): boolean {
  if (a.count !== b.count) return false;
  for (let column = 0; column < spec.keys.length; column++) {
    if (!sameBytes(a.vectorBytes(column), b.vectorBytes(column))) return false;
  }
  return true;
}

/** Compares two leaves with the same keys: only the columns whose vectors differ. */
function* diffValues(before: Front, after: Front): Generator<RowChange, void, undefined> {
  const a = before.leaf();
  const b = after.leaf();
  const differs = new Uint8Array(a.count);
  for (let column = a.spec.keys.length; column < a.spec.columns; column++) {
    if (sameBytes(a.vectorBytes(column), b.vectorBytes(column))) continue;
    markDifferences(a.column(column), b.column(column), differs);
  }
  before.skipLeaf();
  after.skipLeaf();
  for (let i = 0; i < a.count; i++) {
    if (differs[i] === 1) yield {key: b.keyAt(i), before: a.row(i), after: b.row(i)};
  }
}
