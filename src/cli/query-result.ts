/**
 * A script of SQL as the bytes of its results, made while they are taken. Guarantee: memory for about one batch of the engine and
 * one part, whatever the number of rows and statements. Layer: cli.
 */
import {DbosError, isDbosError} from '../errors.js';
import type {Batch} from '../sql/exec/compile.js';
import {statementAt} from '../sql/parser/complete.js';
import type {Database, Parameters, Statement} from '../sql/query.js';
import {PART_BYTES, ResultBuffer} from '../sql/transfer/result-buffer.js';
import {describeFailure, failureJson} from './failure.js';
import {FORMATS, type FormatName, SPACED} from './result-format.js';
import type {Style} from './style.js';

/** A part is handed over after so long even if it is small, so that a slow query shows what it has found. */
const PATIENCE_MS = 50;

export interface QueryOptions {
  readonly sql: string;
  readonly parameters: Parameters;
  readonly format: FormatName;
  readonly header: boolean;
  readonly nullText: string | undefined;
  readonly style: Style;
  /** For the whole script, in milliseconds. */
  readonly timeout: number | undefined;
  /** Takes the error of a statement; then the rest of the script goes on. Without it the error ends the script. */
  readonly failed?: ((error: DbosError) => void) | undefined;
  /** Whether to keep what each statement took; there may be millions. */
  readonly timed: boolean;
  /** How parts are made that need no waiting. */
  readonly each: (parts: Generator<Buffer, void>) => Iterable<Buffer> | AsyncIterable<Buffer>;
}

/** What one statement took, in milliseconds. Neither formatting nor waiting for the reader counts. */
export interface StatementTiming {
  readonly rows: number;
  readonly prepare: number;
  readonly run: number;
}

export class QueryResult {
  /** Of each statement so far, if they are kept. */
  readonly timings: StatementTiming[] = [];
  /** The rows of all statements so far. */
  rows = 0;
  private readonly out = new ResultBuffer();
  /** The results so far. */
  private count = 0;
  private readonly deadline: number;

  constructor(
    private readonly database: Database,
    private readonly options: QueryOptions,
  ) {
    this.deadline = performance.now() + (options.timeout ?? Number.POSITIVE_INFINITY);
  }

  /** Yields the results of all statements, one after the other. Throws what the engine does. */
  async *parts(): AsyncGenerator<Buffer, void> {
    const {sql, parameters, format, each} = this.options;
    const {out} = this;
    const isJson = format === 'json';
    // of a script JSON is one value too
    const several = isJson && statementAt(sql, 0).several;
    if (several) out.ascii('[\n');
    const failed = this.options.failed && ((error: unknown) => this.passOver(error));
    const statements = this.database.script(sql, parameters, failed);
    for (;;) {
      const began = performance.now();
      const {done, value: statement} = await statements.next();
      if (done) break;
      const prepare = performance.now() - began;
      this.separate();
      yield* each(this.result(statement, prepare));
    }
    if (isJson) out.ascii(this.count === 0 && !several ? '[]\n' : several ? '\n]\n' : '\n');
    yield out.take();
  }

  private separate(): void {
    const {out, options} = this;
    if (this.count++ === 0) return;
    if (options.format === 'json') out.ascii(',\n');
    else if (SPACED.has(options.format)) out.ascii('\n');
  }

  /** Tells that a statement failed before it gave anything; in JSON the error stands in its place. */
  private passOver(error: unknown): void {
    if (!isPassable(error)) throw error;
    if (this.options.format === 'json') {
      this.separate();
      this.writeError(error);
    }
    this.options.failed?.(error);
  }

  private writeError(error: DbosError): void {
    this.out.text(JSON.stringify(failureJson(describeFailure(error))));
  }

  private *result(statement: Statement, prepare: number): Generator<Buffer, void> {
    const {out, options} = this;
    const columns = statement.columns.map(({name}) => name);
    const writer = FORMATS[options.format](out, {...options, columns});
    const leaves = writer.leafRows && statement.leaves(options.parameters, this.limits());
    const batches = leaves ?? statement.batches(options.parameters, this.limits());
    let rows = 0;
    let run = 0;
    let sent = performance.now();
    const start = out.length;
    let whole = true;
    writer.begin();
    try {
      for (;;) {
        const began = performance.now();
        const {done, value: batch} = batches.next();
        run += performance.now() - began;
        if (done) break;
        const end = 'columns' in batch ? batch.to : batch.length;
        const first = 'columns' in batch ? batch.from : 0;
        rows += end - first;
        for (let row = first; row < end; ) {
          if ('columns' in batch) row = writer.leafRows?.(batch, row) ?? end;
          else writer.row(batch[row++] as Batch[number]);
          if (out.length < PART_BYTES) continue;
          whole = false;
          yield out.take();
          sent = performance.now();
        }
        if (out.length > 0 && performance.now() - sent > PATIENCE_MS) {
          whole = false;
          yield out.take();
          sent = performance.now();
        }
      }
      writer.end();
    } catch (error) {
      const told = isTooLong(error) ? tooLarge(error) : error;
      const passed = options.failed && isPassable(told) ? told : undefined;
      // What was found is printed, except that JSON which is not whole must not look as if it were.
      if (options.format !== 'json') writer.end();
      else if (passed && whole) {
        out.length = start;
        this.writeError(passed);
      } else if (passed) writer.end();
      yield out.take();
      if (passed === undefined) throw told;
      options.failed?.(passed);
      return;
    } finally {
      batches.return(undefined);
    }
    this.rows += rows;
    if (options.timed) this.timings.push({rows, prepare, run});
    if (out.length > 0) yield out.take();
  }

  private limits(): {timeout?: number} {
    const left = this.deadline - performance.now();
    return Number.isFinite(left) ? {timeout: Math.max(0, left)} : {};
  }
}

/** Returns whether a script can go on after an error: not without a store, or without time. */
function isPassable(error: unknown): error is DbosError {
  if (!isDbosError(error)) return false;
  return !error.code.startsWith('STORE_') && error.code !== 'SQL_TIMEOUT' && error.code !== 'INTERRUPTED';
}

/** V8's words for a string of more than 2²⁹ characters. */
function isTooLong(error: unknown): boolean {
  return error instanceof RangeError && error.message === 'Invalid string length';
}

function tooLarge(cause: unknown): DbosError {
  return new DbosError('VALUE_TOO_LARGE', 'a value is too large to be printed.', {
    hint: 'Print a file with `dbos cat`, or a part of the value with substr().',
    cause,
  });
}
