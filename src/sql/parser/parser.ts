/**
 * The parser of SQL: from text to the tree of `ast.ts`, in SQLite's grammar with AS OF. Whatever the text, it returns a
 * tree or throws a `DbosError` that says where the text goes wrong. Layer: sql.
 */
import type {Expr, Statement} from '../ast.js';
import {sqlError} from '../fault.js';
import {endOfStatement} from './complete.js';
import {Expectation} from './expectation.js';
import {StatementParser} from './statements.js';
import {GOES_WRONG} from './token-reader.js';

export {isComplete} from './complete.js';

/** A statement of a script, and where it stands: its `;` is not part of it. */
export interface ScriptStatement {
  readonly statement: Statement;
  readonly from: number;
  readonly to: number;
}

/** SQLite's limit. */
const MAX_LENGTH = 1_000_000_000;

/** Returns the statements of a script. */
export function parseScript(sql: string): Statement[] {
  return Array.from(statements(sql), ({statement}) => statement);
}

/**
 * Returns the statements of a script one by one, each parsed when it is asked for: those before a mistake can run. With
 * `failed`, which takes the error, a mistake ends only the statement that it is in. Of a text that goes on elsewhere, which is
 * not `whole`, only statements with their `;` are read; returns where the rest begins.
 */
export function* statements(
  sql: string,
  failed?: (error: unknown) => void,
  whole = true,
): Generator<ScriptStatement, number> {
  const parser = new ScriptParser(sql);
  for (;;) {
    const {at} = parser;
    let statement: Statement | undefined;
    try {
      statement = parser.next();
    } catch (error) {
      if (!whole && endOfStatement(sql, at) === undefined) return at;
      if (failed === undefined) throw error;
      failed(error);
      parser.skip();
      continue;
    }
    if (statement === undefined || !(whole || parser.isEnded)) return at;
    yield {statement, from: statement.from, to: statement.to};
  }
}

/** Returns the one statement of a text; a `;` may follow it. */
export function parseStatement(sql: string): Statement {
  const parser = new ScriptParser(sql);
  const statement = parser.next();
  if (statement === undefined) {
    throw sqlError('SQL_SYNTAX', 'There is no statement.', {from: 0, to: 0}, {hint: 'Write one, such as SELECT 1.'});
  }
  const second = parser.next();
  if (second === undefined) return statement;
  throw sqlError('SQL_SYNTAX', 'There is more than one statement.', second, {hint: 'Run the statements one by one.'});
}

/** Returns the expression that is the whole text. */
export function parseExpression(sql: string): Expr {
  return new ScriptParser(sql).read(parser => parser.wholeExpression());
}

/** Reads a text piece by piece, without notes as long as it is right. */
class ScriptParser {
  private parser: StatementParser | undefined;
  /** Where the statement ends that was read last, or was gone behind. */
  at = 0;

  constructor(private readonly sql: string) {
    if (sql.length <= MAX_LENGTH) return;
    const message = `The text is longer than ${MAX_LENGTH} characters.`;
    throw sqlError('SQL_LIMIT', message, undefined, {hint: 'Run its statements apart.'});
  }

  next(): Statement | undefined {
    const statement = this.read(parser => parser.nextStatement());
    this.at = this.parser?.end ?? 0;
    return statement;
  }

  /** Whether the statement that was read last has its `;`. */
  get isEnded(): boolean {
    return this.parser?.isEnded ?? false;
  }

  /** Goes behind the statement that could not be read. */
  skip(): void {
    this.parser = undefined;
    this.at = endOfStatement(this.sql, this.at) ?? this.sql.length;
  }

  read<Result>(piece: (parser: StatementParser) => Result): Result {
    const {sql, at} = this;
    try {
      this.parser ??= new StatementParser(sql, at, undefined);
      return piece(this.parser);
    } catch (error) {
      if (error !== GOES_WRONG) throw withoutOverflow(error, at);
    }
    try {
      this.parser = new StatementParser(sql, at, new Expectation());
      return piece(this.parser);
    } catch (error) {
      throw withoutOverflow(error, at);
    }
  }
}

/** Returns the error, or in place of a stack overflow (the caller's own stack may be deep) the limit it stands for. */
function withoutOverflow(error: unknown, at: number): unknown {
  if (!(error instanceof RangeError)) return error;
  return sqlError(
    'SQL_LIMIT',
    'The statement is nested too deeply.',
    {from: at, to: at},
    {hint: 'Take it apart.', cause: error},
  );
}
