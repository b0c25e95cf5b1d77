/**
 * The cells of a leaf in the making, column by column. Rows that come one by one are cells; ranges of rows that come as columns, from
 * another leaf or computed, are kept as what they are and written from there, so numbers and texts never become cells. A column whose
 * cells have all been one and the same is held as that cell: in most leaves most columns are (owner, group, nulls), and they cost
 * next to nothing when rows are taken over from another leaf. Layer: tree.
 */
import type {Cell, Row} from './cell.js';
import {encodeLeaf, encodeRanges, type LeafNode} from './node.js';
import type {ColumnSource, RowRange, Vector} from './vector.js';

/** A leaf whose rows are taken over; its columns are decoded as they are needed, once. */
export class LeafSource implements ColumnSource {
  private readonly decoded: (Cell[] | undefined)[];

  constructor(readonly leaf: LeafNode) {
    this.decoded = new Array<Cell[] | undefined>(leaf.spec.columns).fill(undefined);
  }

  vector(column: number): Vector {
    return this.leaf.column(column);
  }

  cells(column: number): readonly Cell[] {
    let cells = this.decoded[column];
    if (cells === undefined) {
      cells = this.leaf.column(column).cells();
      this.decoded[column] = cells;
    }
    return cells;
  }
}

export class LeafColumns {
  /** The number of rows. */
  count = 0;
  private readonly cells: Cell[][];
  /** For each column the cell that all rows have, or undefined if `cells` has them. */
  private readonly uniform: (Cell | undefined)[];
  /** All rows, as long as they have come as columns; empty where `cells` and `uniform` have them. */
  private ranges: RowRange[] = [];

  constructor(columns: number, capacity: number) {
    this.cells = Array.from({length: columns}, () => new Array<Cell>(capacity).fill(null));
    this.uniform = new Array<Cell | undefined>(columns).fill(undefined);
  }

  cellAt(column: number, row: number): Cell {
    let start = 0;
    for (const {source, from, to} of this.ranges) {
      if (row < start + to - from) return source.cells(column)[from + row - start] as Cell;
      start += to - from;
    }
    const uniform = this.uniform[column];
    return uniform === undefined ? ((this.cells[column] as Cell[])[row] as Cell) : uniform;
  }

  /** Appends a row. */
  append(row: Row): void {
    if (this.ranges.length > 0) this.settle();
    const {cells, uniform, count} = this;
    for (let column = 0; column < cells.length; column++) {
      const cell = row[column] as Cell;
      if (count === 0) {
        uniform[column] = cell;
        continue;
      }
      const same = uniform[column];
      if (same === cell) continue;
      if (same !== undefined) this.spread(column);
      (cells[column] as Cell[])[count] = cell;
    }
    this.count = count + 1;
  }

  /** Appends rows `from` to `to` − 1 of a source. */
  take(source: ColumnSource, from: number, to: number): void {
    if (from >= to) return;
    if (this.count === 0 || this.ranges.length > 0) {
      this.ranges.push({source, from, to});
      this.count += to - from;
    } else this.fill({source, from, to});
  }

  private fill({source, from, to}: RowRange): void {
    const {cells, uniform, count} = this;
    for (let column = 0; column < cells.length; column++) {
      const vector = source.vector(column);
      const cell = vector?.kind === 'null' || vector?.kind === 'constant' ? vector.cell(0) : undefined;
      if (count === 0) uniform[column] = cell;
      else if (cell !== undefined && uniform[column] === cell) continue;
      else if (uniform[column] !== undefined) this.spread(column);
      if (uniform[column] !== undefined) continue;
      const target = cells[column] as Cell[];
      if (cell !== undefined) target.fill(cell, count, count + to - from);
      else {
        const all = source.cells(column);
        for (let i = from, j = count; i < to; i++, j++) target[j] = all[i] as Cell;
      }
    }
    this.count = count + to - from;
  }

  /** Makes cells of what has come as columns. */
  private settle(): void {
    const {ranges} = this;
    this.ranges = [];
    this.count = 0;
    for (const range of ranges) this.fill(range);
  }

  /** Replaces a row. */
  set(at: number, row: Row): void {
    if (this.ranges.length > 0) this.settle();
    const {cells, uniform} = this;
    for (let column = 0; column < cells.length; column++) {
      const cell = row[column] as Cell;
      const same = uniform[column];
      if (same === cell) continue;
      if (same !== undefined) this.spread(column);
      (cells[column] as Cell[])[at] = cell;
    }
  }

  /** Returns the bytes of the leaf with these rows, and starts the next. */
  encode(): Buffer {
    const {ranges, cells, count, uniform} = this;
    const bytes = ranges.length === 0 ? encodeLeaf(cells, count, uniform) : encodeRanges(cells.length, count, ranges);
    this.count = 0;
    this.ranges = [];
    return bytes;
  }

  private spread(column: number): void {
    (this.cells[column] as Cell[]).fill(this.uniform[column] as Cell, 0, this.count);
    this.uniform[column] = undefined;
  }
}
