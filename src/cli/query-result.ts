/**
 * A script of SQL as the bytes of its results, made while they are taken. Guarantee: memory for about one batch of the engine and
 * one part, whatever the number of rows. Layer: cli.
 */
import {DbosError} from '../errors.js';
import {statementAt} from '../sql/parser/complete.js';
import type {Database, Parameters, Statement} from '../sql/query.js';
import {PART_BYTES, ResultBuffer} from './result-buffer.js';
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
  readonly timings: StatementTiming[] = [];
  private readonly out = new ResultBuffer();
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
    const statements = this.database.script(sql, parameters);
    let count = 0;
    for (;;) {
      const began = performance.now();
      const {done, value: statement} = await statements.next();
      if (done) break;
      const prepare = performance.now() - began;
      if (count++ > 0 && isJson) out.ascii(',\n');
      else if (count > 1 && SPACED.has(format)) out.ascii('\n');
      yield* each(this.result(statement, prepare));
    }
    if (isJson) out.ascii(count === 0 && !several ? '[]\n' : several ? '\n]\n' : '\n');
    yield out.take();
  }

  private *result(statement: Statement, prepare: number): Generator<Buffer, void> {
    const {out, options} = this;
    const columns = statement.columns.map(({name}) => name);
    const writer = FORMATS[options.format](out, {...options, columns});
    const batches = statement.batches(options.parameters, this.limits());
    let rows = 0;
    let run = 0;
    let sent = performance.now();
    writer.begin();
    try {
      for (;;) {
        const began = performance.now();
        const {done, value: batch} = batches.next();
        run += performance.now() - began;
        if (done) break;
        rows += batch.length;
        for (const row of batch) {
          writer.row(row);
          if (out.length < PART_BYTES) continue;
          yield out.take();
          sent = performance.now();
        }
        if (out.length > 0 && performance.now() - sent > PATIENCE_MS) {
          yield out.take();
          sent = performance.now();
        }
      }
      writer.end();
    } catch (error) {
      // What was found is printed, except that JSON which is not whole must not look as if it were.
      if (options.format !== 'json') writer.end();
      yield out.take();
      throw isTooLong(error) ? tooLarge(error) : error;
    } finally {
      batches.return(undefined);
    }
    this.timings.push({rows, prepare, run});
    yield out.take();
  }

  private limits(): {timeout?: number} {
    const left = this.deadline - performance.now();
    return Number.isFinite(left) ? {timeout: Math.max(0, left)} : {};
  }
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
