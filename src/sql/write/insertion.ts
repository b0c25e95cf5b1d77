/**
 * One run of an INSERT, as it takes its rows: one by one while they are few, in bulk from then on where that is the same.
 * Layer: sql.
 */
import type {Cell} from '../../tree/cell.js';
import type {ConflictAction} from '../ast.js';
import type {ColumnRows} from '../exec/column-rows.js';
import type {BulkInsert} from './bulk-insert.js';
import type {Returning} from './returning.js';
import type {Run} from './session.js';
import type {ConflictRule, TableProgram} from './table-program.js';

/** This many rows come one by one: with fewer of them beginning and ending a bulk takes longer than it saves. */
const FEW = 256;
/** A bulk brings unique indexes up to date when it begins, which must not be for few rows: this part of those of the table. */
const INDEXED_PART = 1 / 8;

export class Insertion {
  /** How many rows were inserted or, by an upsert, changed. */
  changes = 0;
  /** How many rows were taken; once `take` or `finish` has thrown, the number of the row that cannot be, from 0. */
  row = 0;
  private bulk: BulkInsert | undefined;
  /** The number of the row from which on there may be one. */
  private readonly few: number;

  constructor(
    private readonly program: TableProgram,
    private readonly run: Run,
    private readonly or: ConflictAction | undefined,
    private readonly rules: readonly ConflictRule[],
    private readonly returning: Returning | undefined,
  ) {
    const {uniques, table} = program;
    const isIndexed = uniques.some(({index}) => index !== undefined);
    this.few = isIndexed ? Math.max(FEW, Math.floor(table.rows * INDEXED_PART)) : FEW;
  }

  /** Inserts a row, which is changed to what is stored. Throws CONSTRAINT_FAILED, and what triggers throw. */
  take(row: Cell[]): void {
    const {program, run, or, rules, returning} = this;
    if (this.row === this.few && rules.length === 0 && returning === undefined) this.bulk = program.bulk(run, or);
    if (this.bulk) {
      const done = this.inBulk(bulk => bulk.insert(row));
      if (done !== undefined) {
        if (done) this.changes++;
        this.row++;
        return;
      }
      this.finish();
    }
    const outcome = program.insert(run, row, or, rules);
    this.row++;
    if (outcome === undefined) return;
    this.changes++;
    returning?.add(run, outcome.row);
  }

  /** Inserts rows that are columns; `rowAt` returns one of them. As `take` for each of them. */
  takeColumns(rows: ColumnRows, rowAt: (row: number) => Cell[]): void {
    const {to} = rows;
    let row = rows.from;
    while (row < to && this.bulk === undefined) this.take(rowAt(row++));
    if (this.bulk && row < to) {
      const done = this.inBulk(bulk => bulk.insertColumns(rows, row));
      this.changes += done;
      this.row += done;
      row += done;
    }
    while (row < to) this.take(rowAt(row++));
  }

  /** Must follow the last row. Throws CONSTRAINT_FAILED. */
  finish(): void {
    if (this.bulk) this.inBulk(bulk => bulk.finish());
    this.bulk = undefined;
  }

  private inBulk<T>(work: (bulk: BulkInsert) => T): T {
    const bulk = this.bulk as BulkInsert;
    try {
      return work(bulk);
    } catch (error) {
      this.row = this.few + bulk.failed;
      throw error;
    }
  }
}
