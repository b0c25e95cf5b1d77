/**
 * The table or view whose rows a statement changes, as its column names see it. Layer: sql.
 */
import type {Name} from '../ast.js';
import {foldName} from '../catalog/names.js';
import type {SourceColumn} from '../source.js';

/** The table or view that rows, triggers and column names belong to. */
export interface RowOwner {
  readonly name: string;
  readonly columns: readonly SourceColumn[];
  readonly rowid: number | undefined;
}

const ROWID_NAMES = new Set(['rowid', 'oid', '_rowid_']);

/** Returns the column of a name, which may be one of those of the rowid. */
export function columnOf(owner: RowOwner, name: Name): number | undefined {
  const wanted = foldName(name.text);
  const column = owner.columns.findIndex(each => foldName(each.name) === wanted && !each.hidden);
  if (column >= 0) return column;
  return ROWID_NAMES.has(wanted) ? owner.rowid : undefined;
}
