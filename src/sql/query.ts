/**
 * Asking a store in SQL: a database is a catalog of tables; a statement is a query compiled once, run as often as wanted, each
 * time with its parameters. Rows come in batches as they are found. Layer: sql.
 */
import {randomFillSync} from 'node:crypto';
import {DbosError, isDbosError} from '../errors.js';
import {integerCell} from '../tree/cell.js';
import type {Select, Statement as Syntax} from './ast.js';
import {type Batch, compileQuery, type Program} from './exec/compile.js';
import {Execution} from './exec/execution.js';
import {type LeafRows, leafRows, storedColumns} from './exec/leaf-rows.js';
import {locate, sqlError} from './fault.js';
import type {FunctionContext} from './functions/function.js';
import {parseStatement, statements} from './parser/parser.js';
import {newBinder} from './plan/bind.js';
import type {Binder} from './plan/binder.js';
import {explainLines, rowCount} from './plan/explain.js';
import type {Bound} from './plan/expression.js';
import type {Query} from './plan/plan.js';
import {Scope} from './plan/scope.js';
import {answer, type Catalog} from './source.js';
import type {CollationName, Value} from './values/value.js';

/** Values by position, or by name without its first character. */
export type Parameters = readonly Value[] | Readonly<Record<string, Value>>;

export interface DatabaseOptions {
  /** Returns the time in milliseconds since 1970; the system's clock unless given. */
  readonly now?: () => number;
  /** Returns the offset of the local time zone at a time, in minutes east of UTC; UTC unless given. */
  readonly zone?: (time: number) => number;
}

export interface RunOptions {
  /** Stops the query after this many milliseconds, with SQL_TIMEOUT. */
  readonly timeout?: number;
}

export class Database {
  constructor(
    protected readonly catalog: Catalog,
    private readonly options: DatabaseOptions = {},
  ) {}

  /**
   * Returns the one statement of a text, compiled. Parameters are needed here only where the plan depends on them: in AS OF
   * and in the arguments of table functions. Throws an error of SQL that says where the text is wrong.
   */
  prepare(sql: string, parameters?: Parameters): Statement {
    return located(sql, () => this.compile(parseStatement(sql), sql, parameters));
  }

  /** Like `prepare`; waits for what the catalog has to load: revisions, the changes of a work tree. */
  statement(sql: string, parameters?: Parameters): Promise<Statement> {
    return answer(() => this.prepare(sql, parameters));
  }

  /**
   * Yields the statements of a script, each compiled when it is its turn. With `failed`, which takes the error, one that
   * cannot be compiled is passed over. Of a text that is not `whole` only statements with their `;` are yielded; returns where
   * the rest begins.
   */
  async *script(
    sql: string,
    parameters?: Parameters,
    failed?: (error: unknown) => void,
    whole = true,
  ): AsyncGenerator<Statement, number, undefined> {
    const parsed = statements(sql, failed && (error => failed(isDbosError(error) ? locate(error, sql) : error)), whole);
    for (;;) {
      const next = located(sql, () => parsed.next());
      if (next.done) return next.value;
      const {statement: syntax} = next.value;
      let statement: Statement;
      try {
        statement = await answer(() => located(sql, () => this.compile(syntax, sql, parameters)));
      } catch (error) {
        if (failed === undefined) throw error;
        failed(error);
        continue;
      }
      yield statement;
    }
  }

  protected compile(syntax: Syntax, sql: string, parameters: Parameters | undefined): Statement {
    if (syntax.kind === 'explain') {
      const explained = this.compile(syntax.statement, sql, parameters);
      return explained.explaining(syntax.mode);
    }
    const query = syntax.kind === 'pragma' ? this.pragmaQuery(syntax) : undefined;
    if (query) return query;
    if (syntax.kind !== 'select') {
      throw sqlError(
        'SQL_UNSUPPORTED',
        'This statement does not read: only SELECT and VALUES can be asked here.',
        syntax,
        {
          hint: 'Change files with the commands, and see docs/sql.md for what SQL can do.',
        },
      );
    }
    return this.select(syntax, sql, parameters);
  }

  /** Returns the query that gives the rows of a PRAGMA; undefined for one that there is no function for. */
  protected pragmaQuery({name, value}: Syntax & {readonly kind: 'pragma'}): Statement | undefined {
    const called = this.catalog.findFunction(`pragma_${name.name.text}`);
    if (called === undefined) return undefined;
    const given = value === undefined ? '' : 'text' in value ? `'${value.text.replaceAll("'", "''")}'` : '';
    return this.prepare(`SELECT * FROM pragma_${name.name.text}(${given})`);
  }

  protected select(syntax: Select, sql: string, parameters: Parameters | undefined): Statement {
    const binder = this.binder(this.catalog, parameters);
    const query = limited(() => binder.select(new Scope(undefined), syntax));
    return new QueryStatement(query, sql, binder.parameterNames, () => this.contexts(), parameters);
  }

  /** Returns a binder of one statement. */
  protected binder(catalog: Catalog, parameters: Parameters | undefined): Binder {
    return newBinder(
      catalog,
      (index, name) => (parameters === undefined ? undefined : parameterOf(parameters, index, name)),
      expr => this.evaluate(expr),
    );
  }

  private evaluate(expr: Bound): Value {
    const query: Query = {plan: {op: 'one', rows: 1}, outputs: [{name: '', expr, type: ''}]};
    const [row] = new QueryStatement(query, '', [], () => this.contexts()).all();
    return row?.[0] ?? null;
  }

  /** Returns what functions are given in one run of a statement. */
  protected contexts(): FunctionContexts {
    const {now = Date.now, zone = () => 0} = this.options;
    return functionContexts(now(), zone, {changes: 0, totalChanges: 0, lastInsertRowid: 0});
  }
}

/** What functions are given, for each collation of their arguments. */
export type FunctionContexts = Readonly<Record<CollationName, FunctionContext>>;

/** What changes(), total_changes() and last_insert_rowid() return; read at each call. */
export type ChangeCounters = Pick<FunctionContext, 'changes' | 'totalChanges' | 'lastInsertRowid'>;

/** Returns what functions are given in a run of a statement that begins now. */
export function functionContexts(
  now: number,
  zone: (time: number) => number,
  counters: ChangeCounters,
): FunctionContexts {
  return {
    binary: new CallContext(now, zone, counters, 'binary'),
    nocase: new CallContext(now, zone, counters, 'nocase'),
    rtrim: new CallContext(now, zone, counters, 'rtrim'),
  };
}

class CallContext implements FunctionContext {
  constructor(
    readonly now: number,
    readonly zone: (time: number) => number,
    private readonly counters: ChangeCounters,
    readonly collation: CollationName,
  ) {}

  get changes(): number {
    return this.counters.changes;
  }

  get totalChanges(): number {
    return this.counters.totalChanges;
  }

  get lastInsertRowid(): number | bigint {
    return this.counters.lastInsertRowid;
  }

  random(): number | bigint {
    return random();
  }
}

/** Random bytes: to ask for a few costs as much as to ask for many. */
const pool = Buffer.alloc(4096);
let taken = pool.length;

function random(): number | bigint {
  if (taken === pool.length) {
    randomFillSync(pool);
    taken = 0;
  }
  taken += 8;
  return integerCell(pool.readBigInt64LE(taken - 8));
}

/** Runs `work`; an error of SQL gets the line and the place in the text. */
export function located<T>(sql: string, work: () => T): T {
  try {
    return work();
  } catch (error) {
    throw isDbosError(error) ? locate(error, sql) : error;
  }
}

/** Runs `work`, which follows the nesting of a query; where that is deeper than the stack there is an error of SQL. */
export function limited<T>(work: () => T): T {
  try {
    return work();
  } catch (error) {
    if (!(error instanceof RangeError && /call stack/i.test(error.message))) throw error;
    throw new DbosError('SQL_LIMIT', 'The query is nested too deep.', {
      hint: 'Split it with common tables (WITH).',
      cause: error,
    });
  }
}

function parameterOf(parameters: Parameters, index: number, name: string | undefined): Value | undefined {
  if (Array.isArray(parameters)) return parameters[index];
  const named = parameters as Readonly<Record<string, Value>>;
  const key = name?.slice(1) ?? `${index + 1}`;
  return Object.hasOwn(named, key) ? named[key] : undefined;
}

/** A compiled statement. */
export abstract class Statement {
  /** The columns of its rows; none for a statement that gives no rows. */
  abstract readonly columns: readonly {readonly name: string; readonly type: string}[];

  /**
   * Yields the rows in batches, never an empty one, as they are found. Throws SQL_VALUE for values that cannot be computed
   * with, SQL_PARAMETER for missing parameters, SQL_TIMEOUT, and errors of the store.
   */
  abstract batches(parameters?: Parameters, options?: RunOptions): Generator<Batch, void, undefined>;

  /**
   * Yields the rows as columns of leaves, for a query that only reads stored columns of one table; undefined for any other.
   * Throws as `batches` does.
   */
  leaves(_parameters?: Parameters, _options?: RunOptions): Generator<LeafRows, void, undefined> | undefined {
    return undefined;
  }

  /** Returns the statement that explains this one. */
  abstract explaining(mode: 'plan' | 'analyze'): Statement;

  /** Returns the plan as lines of a tree. */
  abstract explain(): string;

  /** Returns all rows. */
  all(parameters?: Parameters, options?: RunOptions): (readonly Value[])[] {
    const rows: (readonly Value[])[] = [];
    for (const batch of this.batches(parameters, options)) for (const row of batch) rows.push(row);
    return rows;
  }

  /** Returns the first row. */
  get(parameters?: Parameters, options?: RunOptions): readonly Value[] | undefined {
    for (const batch of this.batches(parameters, options)) return batch[0];
    return undefined;
  }
}

/** A compiled query. */
class QueryStatement extends Statement {
  readonly columns: readonly {readonly name: string; readonly type: string}[];
  private program: Program | undefined;
  private explained: 'plan' | 'analyze' | undefined;

  constructor(
    private readonly query: Query,
    private readonly sql: string,
    private readonly parameterNames: readonly (string | undefined)[],
    private readonly contexts: () => FunctionContexts,
    /** What the plan was made with; it holds where a run gives no parameters. */
    private readonly defaults: Parameters = [],
    explained?: 'plan' | 'analyze',
  ) {
    super();
    this.explained = explained;
    this.columns = explained ? [{name: 'plan', type: 'TEXT'}] : query.outputs.map(({name, type}) => ({name, type}));
  }

  explaining(mode: 'plan' | 'analyze'): Statement {
    return new QueryStatement(this.query, this.sql, this.parameterNames, this.contexts, this.defaults, mode);
  }

  *batches(parameters?: Parameters, options: RunOptions = {}): Generator<Batch, void, undefined> {
    const given = parameters ?? this.defaults;
    if (this.explained) {
      yield this.explainRows(given, options);
      return;
    }
    const program = this.compiled();
    yield* this.taken(limited(() => program.run(this.execution(program.counted.length, given, options))));
  }

  override all(parameters?: Parameters, options: RunOptions = {}): (readonly Value[])[] {
    if (this.explained) return super.all(parameters, options);
    const rows: (readonly Value[])[] = [];
    const program = this.compiled();
    try {
      limited(() => {
        const execution = this.execution(program.counted.length, parameters ?? this.defaults, options);
        for (const batch of program.run(execution)) for (const row of batch) rows.push(row);
      });
    } catch (error) {
      throw isDbosError(error) ? locate(error, this.sql) : error;
    }
    return rows;
  }

  override leaves(parameters?: Parameters, options: RunOptions = {}): Generator<LeafRows, void, undefined> | undefined {
    const stored = this.explained ? undefined : storedColumns(this.query);
    if (stored === undefined) return undefined;
    return this.taken(leafRows(this.execution(0, parameters ?? this.defaults, options), stored));
  }

  /** Yields what is found; an error of SQL gets its place in the text. */
  private *taken<T>(found: Generator<T, void, undefined>): Generator<T, void, undefined> {
    try {
      for (;;) {
        const next = limited(() => found.next());
        if (next.done) return;
        yield next.value;
      }
    } catch (error) {
      throw isDbosError(error) ? locate(error, this.sql) : error;
    } finally {
      found.return();
    }
  }

  explain(): string {
    return limited(() => explainLines(this.query)).join('\n');
  }

  private compiled(): Program {
    this.program ??= limited(() => compileQuery(this.query));
    return this.program;
  }

  private explainRows(parameters: Parameters, options: RunOptions): Batch {
    if (this.explained === 'plan') return limited(() => explainLines(this.query)).map(line => [line]);
    const program = limited(() => compileQuery(this.query, true));
    const execution = this.execution(program.counted.length, parameters, options);
    const start = performance.now();
    let rows = 0;
    limited(() => {
      for (const batch of program.run(execution)) rows += batch.length;
    });
    const elapsed = performance.now() - start;
    const measured = new Map(
      program.counted.map((plan, index) => [
        plan,
        {rows: execution.counts[index] ?? 0, time: execution.times[index] ?? 0},
      ]),
    );
    const lines = explainLines(this.query, measured);
    return [...lines, `${rowCount(rows)} in ${elapsed.toFixed(1)} ms`].map(line => [line]);
  }

  private execution(operators: number, parameters: Parameters, {timeout}: RunOptions): Execution {
    const values = parameterValues(this.parameterNames, parameters);
    const deadline = timeout === undefined ? Number.POSITIVE_INFINITY : performance.now() + timeout;
    return new Execution(values, this.contexts(), deadline, timeout ?? 0, operators);
  }
}

/** Returns the values of parameters, in order. Throws SQL_PARAMETER for one that has none. */
export function parameterValues(names: readonly (string | undefined)[], parameters: Parameters): Value[] {
  return names.map((name, index) => {
    const value = parameterOf(parameters, index, name);
    if (value !== undefined) return value;
    throw new DbosError('SQL_PARAMETER', `The parameter ${name ?? `?${index + 1}`} has no value.`, {
      hint: `Give it: --param ${name?.slice(1) ?? index + 1}=VALUE.`,
      data: {parameter: name ?? index + 1},
    });
  });
}
