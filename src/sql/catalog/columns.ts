/**
 * Describes the columns of tables that are computed. Layer: sql.
 */
import type {SourceColumn} from '../source.js';

/** Returns a TEXT column. */
export function text(name: string, notNull = true): SourceColumn {
  return {name, type: 'TEXT', affinity: 'text', collation: 'binary', notNull, hidden: false};
}

/** Returns an INTEGER column. */
export function integer(name: string, notNull = true): SourceColumn {
  return {name, type: 'INTEGER', affinity: 'integer', collation: 'binary', notNull, hidden: false};
}

/** Returns the column as one that `*` does not show. */
export function hidden(column: SourceColumn): SourceColumn {
  return {...column, hidden: true};
}
