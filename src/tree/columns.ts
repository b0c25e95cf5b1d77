/**
 * The cells of a leaf in the making, column by column. A column whose cells have all been one and the same is held as
 * that cell: in most leaves most columns are (owner, group, nulls), and they cost next to nothing when rows are taken
 * over from another leaf. Layer: tree.
 */
import type {Cell, Row} from './cell.js';
import {encodeLeaf, type LeafNode} from './node.js';

/** A leaf whose rows are taken over; its columns are decoded as they are needed, once. */
export class LeafSource {
  private readonly decoded: (Cell[] | undefined)[];

  constructor(readonly leaf: LeafNode) {
    this.decoded = new Array<Cell[] | undefined>(leaf.spec.columns).fill(undefined);
  }

  /** Returns the cells of a column. */
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

  constructor(columns: number, capacity: number) {
    this.cells = Array.from({length: columns}, () => new Array<Cell>(capacity).fill(null));
    this.uniform = new Array<Cell | undefined>(columns).fill(undefined);
  }

  cellAt(column: number, row: number): Cell {
    const uniform = this.uniform[column];
    return uniform === undefined ? ((this.cells[column] as Cell[])[row] as Cell) : uniform;
  }

  /** Appends a row. */
  append(row: Row): void {
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

  /** Appends rows `from` to `to` − 1 of a leaf. */
  take(source: LeafSource, from: number, to: number): void {
    if (from >= to) return;
    const {cells, uniform, count} = this;
    for (let column = 0; column < cells.length; column++) {
      const vector = source.leaf.column(column);
      const cell = vector.kind === 'null' || vector.kind === 'constant' ? vector.cell(0) : undefined;
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

  /** Replaces a row. */
  set(at: number, row: Row): void {
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
    const bytes = encodeLeaf(this.cells, this.count, this.uniform);
    this.count = 0;
    return bytes;
  }

  private spread(column: number): void {
    (this.cells[column] as Cell[]).fill(this.uniform[column] as Cell, 0, this.count);
    this.uniform[column] = undefined;
  }
}
