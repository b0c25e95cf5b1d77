/**
 * Conflicts of a merge: what two sides changed so that it cannot be told what both would want. Layer: state.
 */
import type {Cell, Row} from '../tree/cell.js';
import type {Versions} from '../tree/merge.js';

interface OfTable {
  readonly table: string;
}

interface OfRow extends OfTable {
  /** The cells of the key of the row, in key order. */
  readonly key: readonly Cell[];
}

/** Both gave one cell another value; `base` is undefined where both added the entry of `files`. */
export interface CellConflict extends OfRow, Versions<Cell | undefined> {
  readonly kind: 'cell';
  readonly column: string;
}

/** One changed the row and the other removed it, which is undefined; or both added it, and `base` is. */
export interface RowConflict extends OfRow, Versions<Row | undefined> {
  readonly kind: 'row';
  /** The names of the cells. */
  readonly columns: readonly string[];
}

/** What both changed holds for each alone and not for both together: a rule of the table, or of the tree of files. */
export interface RuleConflict extends OfRow {
  readonly kind: 'rule';
  /** What does not hold, as a sentence without a full stop. */
  readonly rule: string;
}

/** Both changed what a table is: its definition, an index, a trigger; or one removed what the other changed. */
export interface DefinitionConflict extends OfTable {
  readonly kind: 'definition';
  /** What both did, as a sentence without a full stop. */
  readonly rule: string;
}

export type MergeConflict = CellConflict | RowConflict | RuleConflict | DefinitionConflict;
