/**
 * The rows of one INSERT of many: as long as they come in the order of the table's key, behind all that is there, they go
 * straight into its tree, and its unique indexes are held against all of them at once in the end. What is told of a row that
 * cannot be is the same as if each had been looked at when it came. Layer: sql.
 */
import type {Cell} from '../../tree/cell.js';
import type {ConflictAction} from '../ast.js';
import type {ColumnRows} from '../exec/column-rows.js';
import type {AppendedRows} from './appended-rows.js';
import type {Run} from './session.js';
import type {TableProgram} from './table-program.js';
import type {WorkingIndex} from './working-index.js';

export class BulkInsert {
  private readonly appended: AppendedRows;
  private readonly rowidBefore: number | bigint;
  private over = false;
  /** How many rows were appended, and how many were when each row came that was left out. */
  private count = 0;
  private readonly leftOut: number[] = [];
  /** The number of the row that cannot be, among those that came, once `insert` or `finish` has thrown. */
  failed = 0;

  constructor(
    private readonly program: TableProgram,
    private readonly run: Run,
    private readonly or: ConflictAction | undefined,
  ) {
    this.appended = program.table.appending();
    this.rowidBefore = run.session.lastInsertRowid;
  }

  /**
   * Inserts a row, and returns whether it did or left it out; undefined for a row that does not go behind the others, after
   * which nothing can follow but `finish`. Throws CONSTRAINT_FAILED.
   */
  insert(row: Cell[]): boolean | undefined {
    try {
      const done = this.program.append(this.run, row, this.or);
      if (done) this.count++;
      else if (done === false) this.leftOut.push(this.count);
      return done;
    } catch (error) {
      // a row before this one may be what has to be told
      this.finish();
      this.failed = this.count + this.leftOut.length;
      throw error;
    }
  }

  /** Inserts rows of columns, from the one at `from` on, and returns how many of them it could: none is left out. */
  insertColumns(rows: ColumnRows, from: number): number {
    const done = this.program.appendColumns(this.run, rows, from);
    this.count += done;
    return done;
  }

  /** Throws CONSTRAINT_FAILED if two rows have the same values in a unique index. */
  finish(): void {
    if (this.over) return;
    this.over = true;
    const {program, run, or} = this;
    const order = program.order(or).flatMap(({index}): WorkingIndex[] => (index ? [index] : []));
    const duplicate = this.appended.firstDuplicate(order);
    if (duplicate === undefined) return;
    this.failed = duplicate.row + this.leftOut.filter(before => before <= duplicate.row).length;
    // last_insert_rowid() is that of the row before, as if none had come after it
    const [rowid = this.rowidBefore] = duplicate.previous ?? [];
    if (program.rowid !== undefined) run.session.lastInsertRowid = rowid as number | bigint;
    program.table.noteAll();
    const unique = program.uniques.find(({index}) => index === duplicate.index);
    throw program.taken(run, unique as NonNullable<typeof unique>, or);
  }
}
