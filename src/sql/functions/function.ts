/**
 * What a function of SQL is to the engine: a name, how many arguments it takes, and code on values. Layer: sql.
 */
import type {CollationName, TypeName, Value} from '../values/value.js';

/** What functions may know of the statement that calls them. */
export interface FunctionContext {
  /** The time of the statement, in milliseconds since 1970: one and the same for the whole statement. */
  readonly now: number;
  /** Returns the offset of the local time zone at a time (milliseconds since 1970), in minutes east of UTC. */
  readonly zone: (time: number) => number;
  /** Returns 64 random bits as an INTEGER. */
  readonly random: () => number | bigint;
  /** How texts compare in this call: the collation of the first argument that has one. */
  readonly collation: CollationName;
  /** For changes(), total_changes(), last_insert_rowid(). */
  readonly changes: number;
  readonly totalChanges: number;
  readonly lastInsertRowid: number | bigint;
}

export interface ScalarFunction {
  readonly name: string;
  readonly minArgs: number;
  /** Infinity for any number. */
  readonly maxArgs: number;
  /** False for random() and the like: such a call is never computed ahead or shared. */
  readonly deterministic: boolean;
  /** The type of a result that is not NULL, where it is always the same. */
  readonly returns?: TypeName;
  /** Whether NULL in any argument gives NULL; `call` is not called then. */
  readonly strict?: boolean;
  readonly call: (context: FunctionContext, ...args: Value[]) => Value;
}

/** The state of one aggregate over one group, partition or frame. */
export interface Accumulator {
  step(...args: Value[]): void;
  /** Like `step` for an INTEGER that is a safe number, and for a REAL that is not boxed; see `TAKES_NUMBERS`. */
  int?(value: number): void;
  real?(value: number): void;
  /** Of min() and max(): how often a value took the place of another. */
  readonly changes?: number;
  /** Takes out the row that came in first, for frames that slide; absent where that is not possible. */
  inverse?(...args: Value[]): void;
  /** Returns the result so far; more steps may follow. */
  value(): Value;
}

export interface AggregateFunction {
  readonly name: string;
  readonly minArgs: number;
  readonly maxArgs: number;
  readonly returns?: TypeName;
  readonly create: (context: FunctionContext) => Accumulator;
}
