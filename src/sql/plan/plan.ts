/**
 * Plans: how a query is run, as a tree of operators that push rows to the one above. Each operator gives slots their
 * values; the code generator (`exec/`) turns the tree into loops. Layer: sql.
 */

import type {Frame} from '../ast.js';
import type {AggregateFunction} from '../functions/function.js';
import type {OverFunction} from '../functions/windows.js';
import type {BoundTableFunction, IndexSource, RangePlan, RowSource, TreeSource} from '../source.js';
import type {CollationName} from '../values/value.js';
import type {Bound, BoundAggregate, ComparisonAffinity, Slot, SortKey} from './expression.js';
import type {BoundIndex} from './key-space.js';

/** The slots that stand for columns of a source: column position to slot; made as columns are named. */
export type ColumnSlots = Map<number, Slot>;

export interface RangeUse {
  readonly plan: RangePlan;
  /** The values that `plan.range` takes, with the affinity of the comparison for each. */
  readonly values: readonly {readonly expr: Bound; readonly affinity: ComparisonAffinity}[];
  /** The conditions that hold for all of its rows, so that they leave no fewer. */
  readonly holding?: readonly Bound[];
  /** Those of them that need not be looked at again. */
  readonly exact?: readonly Bound[];
  /** The index that it is a range of; of the table's own tree without one. */
  readonly index?: IndexUse;
}

export interface IndexUse {
  readonly source: IndexSource;
  /** Whether the index alone has all that the query reads, as far as was known when it was planned. */
  readonly covering: boolean;
}

export interface HashKey {
  /** The equality that the key stands for. */
  readonly condition: Bound;
  readonly outer: Bound;
  readonly inner: Bound;
  readonly affinity: ComparisonAffinity;
  readonly collation: CollationName;
}

export interface WindowCall {
  readonly slot: Slot;
  readonly function: OverFunction | AggregateFunction;
  readonly args: readonly Bound[];
  readonly filter: Bound | undefined;
  readonly partitionBy: readonly {readonly expr: Bound; readonly collation: CollationName}[];
  readonly orderBy: readonly SortKey[];
  readonly frame: Frame | undefined;
  /** The bound offsets of the frame. */
  readonly startOffset: Bound | undefined;
  readonly endOffset: Bound | undefined;
  readonly collation: CollationName;
}

/** How many rows an operator gives, about. */
interface Estimated {
  readonly rows: number;
}

export type Plan = Estimated &
  (
    | {readonly op: 'one'}
    | {readonly op: 'values'; readonly items: readonly (readonly Bound[])[]; readonly slots: readonly Slot[]}
    | {
        readonly op: 'scan';
        readonly source: TreeSource;
        readonly slots: ColumnSlots;
        readonly range: RangeUse | undefined;
        /** Binds the expressions of an index of the source. */
        readonly bindIndex: (index: IndexSource) => BoundIndex;
        readonly reverse: boolean;
        /** How it is called in the query. */
        readonly alias: string;
      }
    | {readonly op: 'rows'; readonly source: RowSource; readonly slots: ColumnSlots; readonly alias: string}
    | {
        readonly op: 'call';
        readonly function: BoundTableFunction;
        readonly args: readonly Bound[];
        readonly slots: ColumnSlots;
        readonly alias: string;
      }
    /** The rows that differ between two versions of a table, each with its columns of both. */
    | {
        readonly op: 'diff';
        readonly left: TreeSource;
        readonly right: TreeSource;
        readonly leftSlots: ColumnSlots;
        readonly rightSlots: ColumnSlots;
        readonly alias: string;
      }
    | {readonly op: 'filter'; readonly input: Plan; readonly conditions: readonly Bound[]}
    /** For each row of `outer` the rows of `inner`, which may read slots of `outer`. */
    | {
        readonly op: 'nest';
        readonly outer: Plan;
        readonly inner: Plan;
        readonly left: boolean;
        readonly slots: readonly Slot[];
        readonly on: readonly Bound[];
      }
    /** Like `nest`, but `inner` is read once and kept in a hash table by the keys (a list if there are none). */
    | {
        readonly op: 'hash';
        readonly outer: Plan;
        readonly inner: Plan;
        readonly keys: readonly HashKey[];
        /** `left` keeps outer rows without a match, `right` inner rows. */
        readonly left: boolean;
        readonly right: boolean;
        /** More conditions for a match. */
        readonly on: readonly Bound[];
        /** What `inner` and `outer` provide, for the rows that have no match. */
        readonly innerSlots: readonly Slot[];
        readonly outerSlots: readonly Slot[];
      }
    | {
        readonly op: 'aggregate';
        readonly input: Plan;
        readonly keys: readonly {readonly expr: Bound; readonly slot: Slot; readonly collation: CollationName}[];
        readonly aggregates: BoundAggregate[];
        /** Whether there is a row even without input: no GROUP BY. */
        readonly single: boolean;
        /** The input's slots, which stand for the values of one row of the group afterwards. */
        readonly bare: readonly Slot[];
        /** So many groups are wanted; the rows of one come one after the other then. */
        readonly most?: number | undefined;
      }
    | {readonly op: 'window'; readonly input: Plan; readonly calls: readonly WindowCall[]}
    | {
        readonly op: 'project';
        readonly input: Plan;
        readonly items: readonly {readonly slot: Slot; readonly expr: Bound}[];
      }
    | {readonly op: 'distinct'; readonly input: Plan; readonly slots: readonly Slot[]}
    | {
        readonly op: 'sort';
        readonly input: Plan;
        readonly keys: readonly SortKey[];
        /** Only the first rows are wanted: LIMIT + OFFSET, where both are fixed. */
        readonly limit: Bound | undefined;
        readonly offset: Bound | undefined;
      }
    | {
        readonly op: 'limit';
        readonly input: Plan;
        readonly limit: Bound | undefined;
        readonly offset: Bound | undefined;
      }
    | {
        readonly op: 'set';
        readonly operator: 'union' | 'union all' | 'intersect' | 'except';
        /** Two, or more for `union` and `union all`. */
        readonly inputs: readonly Query[];
        readonly slots: readonly Slot[];
      }
    /** The rows of a query, under new slots; kept and read again where `shared` says so. */
    | {readonly op: 'derived'; readonly shared: SharedQuery; readonly slots: readonly Slot[]; readonly alias: string}
    /** The rows of the last round of a recursive common table. */
    | {readonly op: 'queue'; readonly recursion: Recursion; readonly slots: readonly Slot[]}
  );

/** A query whose result is read in one place or several. */
export interface SharedQuery {
  readonly name: string;
  readonly query: Query;
  /** How often it is read. */
  uses: number;
  /** Slots of queries around it that it reads: it cannot be kept then. */
  readonly outer: ReadonlySet<Slot>;
  readonly recursion: Recursion | undefined;
  /** MATERIALIZED or NOT MATERIALIZED was written. */
  readonly materialized: boolean | undefined;
  /** Plans it anew for conditions on its rows, if it is read in one place. */
  readonly narrow?: Narrow | undefined;
}

/**
 * Returns a query that gives no rows but those of another one, and all of those for which the conditions hold, whose `slots` are
 * its outputs; undefined if the conditions do not help it.
 */
export type Narrow = (conditions: readonly Bound[], slots: readonly Slot[]) => Query | undefined;

/** A recursive common table: rows of `initial`, then of `steps` for each row so far. */
export interface Recursion {
  readonly name: string;
  readonly unique: boolean;
  readonly collations: readonly CollationName[];
  /** Rows of the queue come out in this order; positions of columns. */
  orderBy: readonly {
    readonly column: number;
    readonly descending: boolean;
    readonly nullsFirst: boolean;
    readonly collation: CollationName;
  }[];
  limit: Bound | undefined;
  offset: Bound | undefined;
  steps: readonly Query[];
}

export interface Output {
  readonly name: string;
  readonly expr: Bound;
  /** The declared type of the column that it is, or empty. */
  readonly type: string;
  /** The collation that it has as a column of a derived table, where that is not the one of the expression. */
  readonly collation?: CollationName;
}

/** A query: a plan and what to compute from each of its rows. */
export interface Query {
  readonly plan: Plan;
  readonly outputs: readonly Output[];
}
