/** How rows are written as text, a row at a time into a `ResultBuffer`. Layer: sql. */
import type {LeafRows} from '../exec/leaf-rows.js';
import type {Value} from '../values/value.js';

export interface RowForm {
  readonly columns: readonly string[];
  /** Whether the names of the columns are written where the form lets one choose. */
  readonly header: boolean;
  /** What stands for NULL; undefined for what the form has for it. JSON always has `null`. */
  readonly nullText: string | undefined;
  /** Whether a REAL has all of its digits where it would have 15; JSON always has all. */
  readonly exact?: boolean;
}

/** The form of one result. Writes nothing before `begin` and nothing after `end`. */
export interface RowWriter {
  begin(): void;
  row(values: readonly Value[]): void;
  /**
   * Writes rows of a leaf, where the form can do so without their values: from `from` on until there is enough for a part.
   * Returns the row after the last one.
   */
  leafRows?(rows: LeafRows, from: number): number;
  end(): void;
}
