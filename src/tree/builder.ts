/**
 * Builds nodes from entries in key order, level by level, and stages them in a sink. Invariants of every tree:
 *
 * 1. A key and its row share a leaf; keys ascend strictly, within a node and across the nodes of a level.
 * 2. A node ends after an entry by the entry's key and place alone (`splitter.ts`), or where its level ends.
 * 3. An inner node has at least two children, except the last of its level.
 * 4. The root is the only node of its level and the lowest such: never an inner node with one child; no rows, no root.
 * 5. An inner node holds for each child its id, its number of rows, and its greatest key.
 *
 * From 1–5 follows that rows and spec fix the root. Layer: tree.
 */

import type {ObjectSink} from '../objects/store.js';
import {type Cell, type Row, sameCell} from './cell.js';
import {LeafColumns, LeafSource} from './columns.js';
import {KeyWriter} from './key.js';
import {
  type Child,
  compareKeys,
  encodeChangedLeaf,
  encodeInner,
  type InnerNode,
  type LeafNode,
  writeOldCell,
} from './node.js';
import {checkSpec, type KeyColumn, type TreeRoot, type TreeSpec} from './spec.js';
import {Splitter} from './splitter.js';
import type {CellChange, ColumnSource} from './vector.js';

/** A row to put at a key, or null to remove what is there. */
export interface Edit {
  readonly key: Uint8Array;
  readonly row: Row | null;
}

/** An entry to put into the inner nodes of a level, or null to remove the one with this key. */
export interface ChildEdit {
  readonly key: Buffer;
  readonly child: Child | null;
}

/** Cuts rows into leaves. */
export class LeafBuilder {
  private readonly columns: LeafColumns;
  private readonly splitter: Splitter;
  /** The key of the last row, and room for the next one. */
  private key = new KeyWriter();
  private next = new KeyWriter();

  constructor(
    private readonly sink: ObjectSink,
    private readonly spec: TreeSpec,
    private readonly emit: (child: Child) => void,
  ) {
    checkSpec(spec);
    this.splitter = Splitter.of(spec.leafRows, 0);
    this.columns = new LeafColumns(spec.columns, this.splitter.max);
  }

  /** The number of rows of the leaf that is being filled. */
  get count(): number {
    return this.columns.count;
  }

  /** Appends a row. Throws a `TypeError` if its key is not greater than the last one's, or if it has the wrong columns. */
  append(row: Row): void {
    if (!this.tryAppend(row)) throw new TypeError('rows must come in strictly ascending key order'); // (1)
  }

  /** Appends a row and returns true, or returns false if its key is not greater than the last one's. */
  tryAppend(row: Row): boolean {
    if (!this.follows(row)) return false; // (1)
    const {key} = this;
    this.key = this.next;
    this.next = key;
    this.columns.append(row);
    this.cutIfEnd();
    return true;
  }

  /** Appends rows `from` to `to` − 1 as long as their keys ascend; returns the first one that does not, or `to`. */
  appendRange(source: ColumnSource, from: number, to: number): number {
    const {keys} = this.spec;
    const cells = keys.map((_, i) => source.cells(i));
    let start = from;
    let row = from;
    for (; row < to; row++) {
      const {key, next} = this;
      next.reset();
      for (let i = 0; i < keys.length; i++) next.cell(keys[i] as KeyColumn, (cells[i] as readonly Cell[])[row] as Cell);
      if (compareKeys(next.bytes, next.length, key.bytes, key.length) <= 0) break; // (1)
      this.key = next;
      this.next = key;
      if (!this.splitter.endsAfter(next.bytes, next.length, this.columns.count + row + 1 - start)) continue;
      this.columns.take(source, start, row + 1);
      start = row + 1;
      this.cut(); // (2)
    }
    this.columns.take(source, start, row);
    return row;
  }

  /** Returns whether the key of a row is greater than the last one's. */
  follows(row: Row): boolean {
    checkRow(this.spec, row);
    const {key, next} = this;
    this.writeKey(next, row);
    return compareKeys(next.bytes, next.length, key.bytes, key.length) > 0;
  }

  /** As `append`, for a row whose key is at hand: `bytes` from `from` to `to`. */
  appendKeyed(row: Row, bytes: Uint8Array, from: number, to: number): void {
    checkRow(this.spec, row);
    const {key, next} = this;
    next.take(bytes, from, to);
    if (compareKeys(next.bytes, next.length, key.bytes, key.length) <= 0) {
      throw new TypeError('rows must come in strictly ascending key order'); // (1)
    }
    this.key = next;
    this.next = key;
    this.columns.append(row);
    this.cutIfEnd();
  }

  /** Begins with the rows of a leaf, the last one of its level. */
  resume(leaf: LeafNode): void {
    const {count} = leaf;
    this.columns.take(new LeafSource(leaf), 0, count);
    leaf.writeKey(this.key, count - 1);
    this.cutIfEnd(); // (2) before its last row no key ends it
  }

  /** Ends the last leaf. */
  finish(): void {
    const {count} = this.columns;
    if (count === 0) return;
    const {keys} = this.spec;
    this.key.reset();
    for (let i = 0; i < keys.length; i++) {
      writeOldCell(this.key, keys[i] as KeyColumn, this.columns.cellAt(i, count - 1));
    }
    this.cut();
  }

  /**
   * Takes over a leaf of another tree with some edits (those from `from` to `to`, which all belong in it). Returns
   * whether it did anything: false if the leaf stays what it is, which can only be if no leaf is being filled.
   */
  splice(leaf: LeafNode, edits: readonly Edit[], from: number, to: number): boolean {
    const fresh = this.count === 0;
    let structural = leaf.count;
    let changed = false;
    const places: number[] = [];
    let at = 0;
    for (let i = from; i < to; i++) {
      const {key, row} = edits[i] as Edit;
      at = leaf.search(key, at);
      const exists = at < leaf.count && leaf.compareAt(at, key) === 0;
      places.push(exists ? at : -1 - at);
      if (exists === (row !== null)) continue;
      changed = true;
      structural = Math.min(structural, at);
    }
    if (fresh && !changed) return this.update(leaf, edits, from, places);

    const source = new LeafSource(leaf);
    // (2) before the first row that comes or goes no key ends a leaf, except that the last row may end this one
    const trusted = fresh ? Math.min(structural, leaf.count - 1) : 0;
    this.columns.take(source, 0, trusted);
    let next = trusted;
    for (let i = from; i < to; i++) {
      const {row} = edits[i] as Edit;
      const place = places[i - from] as number;
      const exists = place >= 0;
      const position = exists ? place : -1 - place;
      if (exists && position < trusted) {
        if (row !== null) this.columns.set(position, row);
        continue;
      }
      this.takeOver(source, next, position);
      next = Math.max(next, exists ? position + 1 : position);
      if (row !== null) {
        this.put(row);
        this.cutIfEnd();
      }
    }
    this.takeOver(source, next, leaf.count);
    return true;
  }

  /** Changes only values: the leaf keeps its place and its key, and the columns without a change keep their bytes. */
  private update(leaf: LeafNode, edits: readonly Edit[], from: number, places: readonly number[]): boolean {
    const changed = new Map<number, CellChange[]>();
    for (let i = 0; i < places.length; i++) {
      const {row} = edits[from + i] as Edit;
      const at = places[i] as number;
      if (row === null) continue;
      for (let column = 0; column < row.length; column++) {
        const cell = row[column] as Cell;
        if (sameCell(leaf.cell(column, at), cell)) continue;
        const changes = changed.get(column);
        if (changes === undefined) changed.set(column, [{row: at, cell}]);
        else changes.push({row: at, cell});
      }
    }
    if (changed.size === 0) return false;
    const id = this.sink.put(encodeChangedLeaf(leaf, changed));
    this.emit({key: leaf.keyAt(leaf.count - 1), id, rows: leaf.count});
    return true;
  }

  private put(row: Row): void {
    this.columns.append(row);
    this.writeKey(this.key, row);
  }

  private writeKey(key: KeyWriter, row: Row): void {
    const {keys} = this.spec;
    key.reset();
    for (let i = 0; i < keys.length; i++) key.cell(keys[i] as KeyColumn, row[i] as Cell);
  }

  /** Appends rows `from` to `to` − 1 of a leaf, cutting where the keys say so. */
  private takeOver(source: LeafSource, from: number, to: number): void {
    const {keys} = this.spec;
    let start = from;
    for (let row = from; row < to; row++) {
      const count = this.columns.count + row + 1 - start;
      if (count < this.splitter.min) continue;
      this.key.reset();
      for (let i = 0; i < keys.length; i++) writeOldCell(this.key, keys[i] as KeyColumn, source.cells(i)[row] as Cell);
      if (!this.splitter.endsAfter(this.key.bytes, this.key.length, count)) continue;
      this.columns.take(source, start, row + 1);
      start = row + 1;
      this.cut(); // (2)
    }
    this.columns.take(source, start, to);
  }

  private cutIfEnd(): void {
    if (this.splitter.endsAfter(this.key.bytes, this.key.length, this.count)) this.cut(); // (2)
  }

  private cut(): void {
    const rows = this.columns.count;
    const id = this.sink.put(this.columns.encode());
    this.emit({key: this.key.copy(), id, rows}); // (5)
  }
}

/** Cuts the entries of one level of inner nodes into nodes. */
export class InnerBuilder {
  private children: Child[] = [];
  private readonly splitter: Splitter;

  constructor(
    private readonly sink: ObjectSink,
    spec: TreeSpec,
    readonly level: number,
    private readonly emit: (child: Child) => void,
  ) {
    this.splitter = Splitter.of(spec.innerRows, level);
  }

  /** The number of children of the node that is being filled. */
  get count(): number {
    return this.children.length;
  }

  /** Returns the first child of the node that is being filled. */
  first(): Child | undefined {
    return this.children[0];
  }

  /** Begins with the children of a node, the last one of its level, but for its last child. */
  resume(node: InnerNode): void {
    for (let i = 0; i < node.count - 1; i++) this.children.push(node.childAt(i));
  }

  append(child: Child): void {
    this.children.push(child);
    if (this.splitter.endsAfter(child.key, child.key.length, this.children.length)) this.cut(); // (2)
  }

  finish(): void {
    if (this.children.length > 0) this.cut();
  }

  /** As `LeafBuilder.splice`. */
  splice(node: InnerNode, edits: readonly ChildEdit[], from: number, to: number): boolean {
    const fresh = this.children.length === 0;
    let structural = node.count;
    let updateOnly = true;
    let changed = false;
    const places: number[] = [];
    let at = 0;
    for (let i = from; i < to; i++) {
      const {key, child} = edits[i] as ChildEdit;
      at = node.search(key, at);
      const exists = at < node.count && node.keyAt(at).equals(key);
      places.push(exists ? at : -1 - at);
      if (!exists && child === null) continue;
      if (!exists || child === null) {
        structural = Math.min(structural, at);
        updateOnly = false;
      } else if (child.id === node.idAt(at)) continue;
      changed = true;
    }
    if (fresh && !changed) return false;

    // (2) as in the leaves; and if no key comes or goes, the node ends where it did
    const trusted = fresh ? (updateOnly ? node.count : Math.min(structural, node.count - 1)) : 0;
    for (let i = 0; i < trusted; i++) this.children.push(node.childAt(i));
    let next = trusted;
    for (let i = from; i < to; i++) {
      const {child} = edits[i] as ChildEdit;
      const place = places[i - from] as number;
      const exists = place >= 0;
      const position = exists ? place : -1 - place;
      for (; next < position; next++) this.append(node.childAt(next));
      if (child === null) {
        if (exists) next++;
      } else if (exists && position < trusted) {
        this.children[position] = child;
      } else {
        this.append(child);
        if (exists) next++;
      }
    }
    for (; next < node.count; next++) this.append(node.childAt(next));
    if (fresh && updateOnly) this.cut();
    return true;
  }

  private cut(): void {
    const {children} = this;
    this.children = [];
    const {key} = children[children.length - 1] as Child;
    let rows = 0;
    for (const child of children) rows += child.rows;
    this.emit({key, id: this.sink.put(encodeInner(this.level, children)), rows}); // (5)
  }
}

/** Builds the levels over the nodes of one level. */
export class Spine {
  /** For each level over the first: its builder, or the only node below it so far. */
  private readonly levels: (InnerBuilder | Child)[] = [];

  constructor(
    private readonly sink: ObjectSink,
    private readonly spec: TreeSpec,
    /** The level of the nodes that are added. */
    private readonly base: number,
  ) {}

  /** Begins with the last nodes of the levels of another tree, the lowest first, each without its last child, which is to be added anew. */
  resume(edge: readonly InnerNode[]): void {
    for (const node of edge) this.begin(node.level).resume(node);
  }

  add(child: Child, level = this.base): void {
    const i = level - this.base;
    const above = this.levels[i];
    if (above instanceof InnerBuilder) above.append(child);
    else if (above === undefined) this.levels[i] = child;
    else {
      // (4) a level gets a node only when the level below it has a second one
      const builder = this.begin(level + 1);
      builder.append(above);
      builder.append(child);
    }
  }

  private begin(level: number): InnerBuilder {
    const builder = new InnerBuilder(this.sink, this.spec, level, node => this.add(node, level));
    this.levels[level - 1 - this.base] = builder;
    return builder;
  }

  finish(): TreeRoot {
    for (const above of this.levels) {
      if (!(above instanceof InnerBuilder)) return above.id;
      above.finish();
    }
    return null;
  }
}

/**
 * Writes the tree of the rows and returns its root. The rows come in strictly ascending key order, else it throws a
 * `TypeError`. Throws ROW_INVALID and VALUE_TOO_LARGE as `encodeKey` does.
 */
export function buildTree(sink: ObjectSink, spec: TreeSpec, rows: Iterable<Row>): TreeRoot {
  const spine = new Spine(sink, spec, 0);
  const leaves = new LeafBuilder(sink, spec, child => spine.add(child));
  for (const row of rows) leaves.append(row);
  leaves.finish();
  return spine.finish();
}

export function checkRow(spec: TreeSpec, row: Row): void {
  if (row.length !== spec.columns) throw new TypeError(`a row has ${spec.columns} cells, not ${row.length}`);
}
