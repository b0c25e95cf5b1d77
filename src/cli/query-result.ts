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
import type {TextParts} from './text-source.js';

/** A part is handed over after so long even if it is small, so that a slow query shows what it has found. */
const PATIENCE_MS = 50;

export interface QueryOptions {
  readonly sql: TextParts;
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
  /** What of the script came before the part that runs. */
  private readonly passed: Passed = {lines: 0, column: 0, statements: 0, offset: 0};

  constructor(
    private readonly database: Database,
    private readonly options: QueryOptions,
  ) {
    this.deadline = performance.now() + (options.timeout ?? Number.POSITIVE_INFINITY);
  }

  /** Yields the results of all statements, one after the other. Throws what the engine does, and as the next part of the SQL. */
  async *parts(): AsyncGenerator<Buffer, void> {
    const {out, passed} = this;
    const isJson = this.options.format === 'json';
    let script = this.options.sql;
    // of a script JSON is one value too
    let several = false;
    for (let wanted = 1; isJson; wanted *= 2) {
      several = statementAt(script.text, 0, script.next === undefined).several;
      if (several || script.next === undefined) break;
      script = lengthened(script, wanted);
    }
    if (several) out.ascii('[\n');
    for (let wanted = 1; ; ) {
      const {text, next} = script;
      const end = yield* this.part(text, next === undefined);
      if (next === undefined) break;
      pass(passed, text, end);
      // a statement that is longer than what there was is not read again and again
      wanted = end === 0 ? wanted * 2 : 1;
      script = lengthened({text: text.slice(end), next}, wanted);
    }
    if (isJson) out.ascii(this.count === 0 && !several ? '[]\n' : several ? '\n]\n' : '\n');
    yield out.take();
  }

  /** Yields the results of the statements of a part of the script; returns where the rest of it begins. */
  private async *part(sql: string, whole: boolean): AsyncGenerator<Buffer, number> {
    const {parameters, each} = this.options;
    const {passed} = this;
    let statements = 0;
    const failed = (error: unknown) => {
      if (!isPassable(error)) throw error;
      this.passOver(behind(passed, error) as DbosError);
      statements++;
    };
    try {
      const script = this.database.script(sql, parameters, this.options.failed && failed, whole);
      for (;;) {
        const began = performance.now();
        const {done, value} = await script.next();
        if (done) return value;
        const prepare = performance.now() - began;
        this.separate();
        yield* each(this.result(value, prepare));
        statements++;
      }
    } catch (error) {
      throw behind(passed, error);
    } finally {
      passed.statements += statements;
    }
  }

  private separate(): void {
    const {out, options} = this;
    if (this.count++ === 0) return;
    if (options.format === 'json') out.ascii(',\n');
    else if (SPACED.has(options.format)) out.ascii('\n');
  }

  /** Tells that a statement failed before it gave anything; in JSON the error stands in its place. */
  private passOver(error: DbosError): void {
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
      const told = isTooLong(error) ? tooLarge(error) : this.timedOut(error);
      const placed = behind(this.passed, told);
      const passed = options.failed && isPassable(placed) ? placed : undefined;
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

  /** Returns SQL_TIMEOUT with the time that all statements had together: the last one had only what was left of it. */
  private timedOut(error: unknown): unknown {
    const {timeout} = this.options;
    if (timeout === undefined || !isDbosError(error, 'SQL_TIMEOUT')) return error;
    const {code, hint, data} = error;
    return new DbosError(code, `The query was stopped after ${timeout / 1000} s.`, {
      ...(hint !== undefined && {hint}),
      data,
      cause: error,
    });
  }

  private limits(): {timeout?: number} {
    const left = this.deadline - performance.now();
    return Number.isFinite(left) ? {timeout: Math.max(0, left)} : {};
  }
}

interface Passed {
  lines: number;
  /** Characters behind the last of them. */
  column: number;
  statements: number;
  /** In UTF-16 units. */
  offset: number;
}

/** Takes note of the beginning of a part. */
function pass(passed: Passed, text: string, end: number): void {
  let lineStart = 0;
  for (let at = text.indexOf('\n'); at >= 0 && at < end; at = text.indexOf('\n', lineStart)) {
    lineStart = at + 1;
    passed.lines++;
    passed.column = 0;
  }
  for (let at = lineStart; at < end; at += (text.codePointAt(at) as number) > 0xffff ? 2 : 1) passed.column++;
  passed.offset += end;
}

/** Returns an error that stands in a part of a script with its place in the whole. */
function behind({lines, column, statements, offset}: Passed, error: unknown): unknown {
  if (offset === 0 || !isDbosError(error) || typeof error.data.line !== 'number') return error;
  const {code, message, hint, data, cause} = error;
  const at = data as {from: number; to: number; line: number; column: number; statement?: number};
  return new DbosError(code, message, {
    ...(hint !== undefined && {hint}),
    data: {
      ...data,
      from: at.from + offset,
      to: at.to + offset,
      line: at.line + lines,
      column: at.line === 1 ? at.column + column : at.column,
      statement: (at.statement ?? 1) + statements,
    },
    cause,
  });
}

/** Returns a text with so many more of its parts. Throws SQL_LIMIT for more than a string can be. */
function lengthened({text, next}: TextParts, wanted: number): TextParts {
  const texts = [text];
  for (let i = 0; i < wanted && next !== undefined; i++) {
    const part: TextParts = next();
    texts.push(part.text);
    next = part.next;
  }
  try {
    return {text: texts.join(''), next};
  } catch (cause) {
    throw new DbosError('SQL_LIMIT', 'A statement of the script is longer than 2²⁹ characters.', {
      hint: 'Take it apart: rows of VALUES can be several statements within BEGIN and COMMIT.',
      cause,
    });
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
  return new DbosError('VALUE_TOO_LARGE', 'A value is too large to be printed.', {
    hint: 'Print a file with `dbos cat`, or a part of the value with substr().',
    cause,
  });
}
