/**
 * What queries read from: tables of a state, tables that are computed, and table functions, all seen alike by the binder.
 * A tree source is read column by column where the query's compiled code runs; the others give rows. Layer: sql.
 */
import type {ObjectReader} from '../objects/store.js';
import type {Cell} from '../tree/cell.js';
import type {TreeRange} from '../tree/read.js';
import type {TreeRoot, TreeSpec} from '../tree/spec.js';
import type {Expr} from './ast.js';
import type {Affinity, CollationName, Value} from './values/value.js';

export interface SourceColumn {
  readonly name: string;
  /** The declared type, as written; may be empty. */
  readonly type: string;
  readonly affinity: Affinity;
  readonly collation: CollationName;
  readonly notNull: boolean;
  /** Not part of `*`; can be named. */
  readonly hidden: boolean;
}

/** Where a column of a tree source comes from: a column of the tree, or values computed from some of them. */
export type TreeColumn =
  | {readonly kind: 'stored'; readonly column: number}
  | {
      readonly kind: 'computed';
      /** Columns of the tree. */
      readonly inputs: readonly number[];
      /** Takes the cells of the inputs of one row. */
      readonly compute: (...cells: Cell[]) => Value;
    };

/** A condition on a column that a source may turn into a range: the column compared with a value known before the scan. */
export interface Constraint {
  readonly column: number;
  /** `prefix`: the text begins with the value, byte by byte; `prefix nocase`: in any case of ASCII letters, as LIKE has it. */
  readonly operator: '=' | '<' | '<=' | '>' | '>=' | 'prefix' | 'prefix nocase';
}

/** A way to read only a part of a tree. The conditions it uses are checked again on each row. */
export interface RangePlan {
  /** The constraints (positions in the list given) that it takes values of, in the order in which `range` wants them. */
  readonly uses: readonly number[];
  /** How many rows it will read, about. */
  readonly rows: number;
  /** Whether the range is of one key at most, which is then `gte`. */
  readonly unique?: boolean;
  /** How many of the first key columns have one value in all of its rows. */
  readonly fixed?: number;
  /** Whether its rows are those with the values in the first key columns, and nothing else decides. */
  readonly prefix?: boolean;
  /** For EXPLAIN: `key`, `path prefix`, … */
  readonly description: string;
  /** Returns the range for these values, or undefined if no row can match. Values come with the column's affinity applied. */
  readonly range: (values: readonly Value[]) => TreeRange | undefined;
  /** Returns the parts of that range which can have such rows, in ascending order: reading them one by one is less work. */
  readonly ranges?: (values: readonly Value[]) => readonly TreeRange[];
}

/** An index of a tree source: a tree whose rows are the terms, then the key columns that are not among them. */
export interface IndexSource {
  readonly name: string;
  readonly unique: boolean;
  readonly spec: TreeSpec;
  readonly root: TreeRoot;
  readonly rows: number;
  /** The expressions of the terms, in order; how they compare, and which way they sort, `spec.keys` says. */
  readonly terms: readonly Expr[];
  /** For each column of the index the column of the source that it is; undefined for an expression. */
  readonly columns: readonly (number | undefined)[];
  /** For each key column of the source's tree the column of the index that has it. */
  readonly key: readonly number[];
  /** The condition of the rows that are in it; undefined for all. */
  readonly where: Expr | undefined;
}

export interface TreeSource {
  readonly kind: 'tree';
  readonly name: string;
  readonly columns: readonly SourceColumn[];
  /** For each column its origin. */
  readonly origins: readonly TreeColumn[];
  /** The column that `rowid`, `oid` and `_rowid_` mean. */
  readonly rowid: number | undefined;
  /**
   * The columns (positions in `columns`) that are the key of the tree, in key order. A scan comes in the order of
   * `spec.keys`, whose collations may differ from those of the columns: it is the order of a query only where both agree.
   */
  readonly key: readonly number[];
  readonly reader: ObjectReader;
  readonly spec: TreeSpec;
  readonly root: TreeRoot;
  readonly rows: number;
  readonly indexes?: readonly IndexSource[];
  /** Told which rows are read: those in ranges of the key, or of an index; all of them without ranges. */
  readonly onRead?: ((index: IndexSource | undefined, ranges: readonly TreeRange[] | undefined) => void) | undefined;
  /** Ranges that the key columns alone do not give. */
  readonly planRange?: (constraints: readonly Constraint[]) => RangePlan | undefined;
}

/** A table that is computed as rows. */
export interface RowSource {
  readonly kind: 'rows';
  readonly name: string;
  readonly columns: readonly SourceColumn[];
  /** How many rows there are, about. */
  readonly rows: number;
  /**
   * Yields the rows, each a value for every column; the same at each call. Of a column that `used` has as false the
   * value does not matter, and is not computed if that costs much.
   */
  readonly scan: (used?: readonly boolean[]) => Iterable<readonly Value[]>;
}

/** A view: its query, to be planned where it is used. */
export interface ViewSource {
  readonly kind: 'view';
  readonly name: string;
  /** The CREATE VIEW statement. */
  readonly sql: string;
}

export type Source = TreeSource | RowSource | ViewSource;

export interface TableFunction {
  readonly name: string;
  readonly minArgs: number;
  readonly maxArgs: number;
  /**
   * Returns the function for a call; `args` has the arguments that are constants, undefined for the others. Throws if it
   * needs a constant that is not one, or what it names is unknown.
   */
  readonly bind: (args: readonly (Value | undefined)[]) => BoundTableFunction;
}

export interface BoundTableFunction {
  readonly columns: readonly SourceColumn[];
  readonly rows: number;
  /** Yields the rows for the arguments of one call; `used` as for `RowSource.scan`. */
  readonly call: (args: readonly Value[], used?: readonly boolean[]) => Iterable<readonly Value[]>;
}

/**
 * Thrown by a catalog for what it can only answer after waiting, such as a revision that it has not looked up yet: whoever
 * binds a statement awaits `load` and binds anew.
 */
export class SourcePending extends Error {
  constructor(readonly load: () => Promise<void>) {
    super('the catalog has to load something first');
    this.name = 'SourcePending';
  }
}

/** How a catalog is asked. `findTable`, `findFunction` and `bind` of a function may throw `SourcePending`. */
export interface Catalog {
  /** Returns the table or view of this name (in any case), as of a revision or time; of the catalog's own state without one. */
  readonly findTable: (name: string, revision?: string) => Source | undefined;
  /** As `findTable`, for what a table is and not for its rows, so that nothing has to be loaded for these. */
  readonly describeTable?: (name: string) => Source | undefined;
  readonly findFunction: (name: string) => TableFunction | undefined;
  /** Returns the names of all tables and views, for suggestions. */
  readonly names: () => readonly string[];
}

/** Returns what `ask` returns, and waits for what the catalog has to load for it. */
export async function answer<T>(ask: () => T): Promise<T> {
  for (;;) {
    try {
      return ask();
    } catch (error) {
      if (!(error instanceof SourcePending)) throw error;
      await error.load();
    }
  }
}
