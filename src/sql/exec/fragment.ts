/**
 * Pieces of generated JavaScript. A fragment is code for one value, in a representation that the generator knows: numbers
 * of one type are computed with as they are, and become `Value`s only where they must. Layer: sql.
 */
import type {Bound, Slot, Subquery} from '../plan/expression.js';
import type {Plan} from '../plan/plan.js';

/**
 * How a value is represented: `any` is a `Value`; `int` a safe whole number that is INTEGER; `real` a number that is REAL,
 * not boxed; `text` a string; `bool` a JavaScript boolean that stands for 1 or 0.
 */
export type Representation = 'any' | 'int' | 'real' | 'text' | 'bool';

export interface Fragment {
  readonly rep: Representation;
  /**
   * Code that says whether the value is NULL; undefined where it never is. With one of these, `value` must be computed after
   * it, and only where it is false. An `any` has none: NULL is one of its values.
   */
  readonly isNull?: string | undefined;
  readonly value: string;
  /** For `any`: that it is never NULL. */
  readonly present?: boolean;
  /** Whether `value` can stand in the code several times: a variable or a literal. */
  readonly simple?: boolean;
  /** Code that is true if and only if the value is neither NULL nor 0, where there is a shorter one than `isNull` and `value` give. */
  readonly truth?: string;
  /** For a text that stands in a leaf as bytes. */
  readonly column?: TextColumn;
}

/** A text as a row of a column, for what can be asked of its bytes, without making a string of it. */
export interface TextColumn {
  /** Names of the vector and of the row. */
  readonly vector: string;
  readonly row: string;
  /** Returns code for what a test of all texts of the leaf at once gives: 1, 0, or 2 for NULL. */
  readonly batch: (test: string) => string;
}

/** Returns code for the `Value` of a fragment. */
export function toValue({rep, isNull, value}: Fragment): string {
  const code = rep === 'real' ? `realCell(${value})` : rep === 'bool' ? `(${value} ? 1 : 0)` : value;
  return isNull === undefined ? code : `(${isNull} ? null : ${code})`;
}

type Provider = () => Fragment;

/** Writes the code for one row of an operator. */
export type Consume = () => string;

/** The writers of code that need each other: expressions contain queries, and queries expressions. */
export interface Writers {
  /** Returns the code that runs a plan and does `consume` for each of its rows. */
  readonly produce: (fn: FunctionCode, plan: Plan, consume: Consume) => string;
  /** Return code for 1, 0 or null, or for a column of the first row of a subquery. */
  readonly scalar: (fn: FunctionCode, subquery: Subquery, column: number) => string;
  readonly exists: (fn: FunctionCode, subquery: Subquery) => string;
  readonly inQuery: (fn: FunctionCode, expr: Bound & {readonly op: 'inQuery'}) => string;
}

/** What all functions of a compiled query share. */
export class Module {
  readonly functions: string[] = [];
  readonly constants: unknown[] = [];
  private readonly known = new Map<unknown, string>();
  private names = 0;
  /** How many results of functions are kept for one execution. */
  memo = 0;
  /** Functions of subqueries, by the subquery and what is asked of it. */
  readonly subqueries = new Map<
    object,
    {
      readonly [mode: string]: {
        readonly name: string;
        readonly slots: readonly Slot[];
        readonly memo: number;
        readonly steady: boolean;
      };
    }
  >();
  /** Functions of queries that are read in several places. */
  readonly shared = new Map<object, {readonly name: string; readonly memo: number}>();
  /** Recursive tables, by the number under which their row is found. */
  readonly recursions: object[] = [];
  /** The operators whose rows and times are counted, for EXPLAIN ANALYZE. */
  readonly counted: object[] | undefined;

  constructor(
    readonly writers: Writers,
    analyze: boolean,
    /** Whether tables stay what they are while the code runs. */
    readonly isSnapshot: boolean,
  ) {
    this.counted = analyze ? [] : undefined;
  }

  /** Returns a name that no other has. */
  name(prefix: string): string {
    return `${prefix}${this.names++}`;
  }

  /** Returns the name of an object that the code uses. */
  constant(value: unknown): string {
    let name = this.known.get(value);
    if (name === undefined) {
      name = `K${this.constants.length}`;
      this.constants.push(value);
      this.known.set(value, name);
    }
    return name;
  }
}

/** A function in the making: its variables, and where slots have their values at the place that is being written. */
export class FunctionCode {
  private readonly temps: string[] = [];
  private providers = new Map<Slot, Provider>();
  /** Parameters for slots of the functions around this one. */
  readonly parameters = new Map<Slot, string>();
  /** Expressions whose values have been computed at the place that is being written, and the variables that hold them. */
  readonly early = new Map<Bound, string>();
  /** Whether the next tree scan may be written twice, once for the types that its columns have. */
  mayType = true;

  constructor(readonly module: Module) {}

  /** Returns the code that runs a plan and does `consume` for each of its rows. */
  produce(plan: Plan, consume: Consume): string {
    return this.module.writers.produce(this, plan, consume);
  }

  /** Returns a new variable of the whole function. */
  temp(prefix = 't'): string {
    const name = this.module.name(prefix);
    this.temps.push(name);
    return name;
  }

  /** Returns a new name, for a variable that the caller declares. */
  name(prefix: string): string {
    return this.module.name(prefix);
  }

  /** Returns the declaration of the variables. */
  get declarations(): string {
    return this.temps.length === 0 ? '' : `let ${this.temps.join(', ')};\n`;
  }

  /** Returns the fragment of a slot; one that is not provided here is a parameter of the function. */
  slot(slot: Slot): Fragment {
    const provider = this.providers.get(slot);
    if (provider) return provider();
    let parameter = this.parameters.get(slot);
    if (parameter === undefined) {
      parameter = this.name('o');
      this.parameters.set(slot, parameter);
    }
    return {rep: 'any', value: parameter, simple: true};
  }

  /** Writes code in which the slots have these values. */
  with<T>(provided: Iterable<readonly [Slot, Provider]>, write: () => T): T {
    const before = this.providers;
    this.providers = new Map([...before, ...provided]);
    try {
      return write();
    } finally {
      this.providers = before;
    }
  }

  /** Writes code that is nested in another scan, or in which no scan decides how fast it is. */
  untyped<T>(write: () => T): T {
    const before = this.mayType;
    this.mayType = false;
    try {
      return write();
    } finally {
      this.mayType = before;
    }
  }
}
