/**
 * Statements as a whole: which kind one is, EXPLAIN in front of it, and those that are but a few words. Layer: sql.
 */
import type {Expr, Name, Statement} from '../ast.js';
import {DefinitionParser} from './definitions.js';
import {K, T} from './token.js';

/** The words that statements begin with. */
// biome-ignore format: a list of words
const STARTS = [
  K.SELECT, K.VALUES, K.WITH, K.INSERT, K.REPLACE, K.UPDATE, K.DELETE, K.CREATE, K.ALTER, K.DROP, K.BEGIN, K.COMMIT, K.END,
  K.ROLLBACK, K.SAVEPOINT, K.RELEASE, K.PRAGMA, K.REINDEX, K.ANALYZE, K.VACUUM, K.ATTACH, K.DETACH, K.EXPLAIN,
] as const;

export class StatementParser extends DefinitionParser {
  /** Reads the next statement, up to its `;`. Returns undefined at the end of the text. */
  nextStatement(): Statement | undefined {
    // not before it is asked for: what follows a `;` may be wrong, and the statement before it can run all the same
    while (this.kind === T.semicolon) this.advance();
    if (this.kind === T.end) return undefined;
    this.resetParameters();
    const statement = this.kind === K.EXPLAIN ? this.explain() : this.statement();
    if (this.kind !== T.end && !this.at(T.semicolon)) this.fail();
    return statement;
  }

  /** Where the statement that was read last ends. */
  get end(): number {
    return this.previousTo;
  }

  /** Whether that statement has its `;`. */
  get isEnded(): boolean {
    return this.kind === T.semicolon;
  }

  wholeExpression(): Expr {
    const expr = this.operand(0);
    if (!this.at(T.end)) this.fail();
    return expr;
  }

  private explain(): Statement {
    const {from} = this;
    this.advance();
    let mode: 'plan' | 'analyze' = 'plan';
    if (this.accept(K.QUERY)) this.expect(K.PLAN);
    else if (this.kind === K.ANALYZE && this.atAnalyzed()) {
      this.advance();
      mode = 'analyze';
    }
    const statement = this.statement();
    return {kind: 'explain', mode, statement, from, to: this.previousTo};
  }

  /** Whether the ANALYZE behind EXPLAIN belongs to it, and is not the statement of that name. */
  private atAnalyzed(): boolean {
    const [next, second] = this.peek2();
    if (!STARTS.includes(next as (typeof STARTS)[number])) return false;
    return second !== T.end && second !== T.semicolon && second !== T.dot;
  }

  private statement(): Statement {
    const {kind, from} = this;
    switch (kind) {
      case K.SELECT:
      case K.VALUES:
        return this.select();
      case K.WITH:
        return this.withStatement();
      case K.INSERT:
      case K.REPLACE:
        return this.insert(undefined, from);
      case K.UPDATE:
        return this.update(undefined, from);
      case K.DELETE:
        return this.delete(undefined, from);
      case K.CREATE:
        return this.create();
      case K.ALTER:
        return this.alter();
      case K.DROP:
        return this.drop();
    }
    const statement = this.shortStatement();
    if (statement !== undefined) return statement;
    this.expecting('a statement', STARTS);
    this.fail();
  }

  private withStatement(): Statement {
    const {from} = this;
    const common = this.with();
    if (this.at(K.INSERT) || this.at(K.REPLACE)) return this.insert(common, from);
    if (this.at(K.UPDATE)) return this.update(common, from);
    if (this.at(K.DELETE)) return this.delete(common, from);
    return this.selectBehind(common, from);
  }

  private shortStatement(): Statement | undefined {
    const {kind, from} = this;
    switch (kind) {
      case K.BEGIN: {
        this.advance();
        const mode = this.transactionMode();
        this.transactionName();
        return {kind: 'begin', mode, from, to: this.previousTo};
      }
      case K.COMMIT:
      case K.END:
        this.advance();
        this.transactionName();
        return {kind: 'commit', from, to: this.previousTo};
      case K.ROLLBACK: {
        this.advance();
        this.transactionName();
        const savepoint = this.accept(K.TO) ? this.savepoint() : undefined;
        return {kind: 'rollback', savepoint, from, to: this.previousTo};
      }
      case K.SAVEPOINT: {
        this.advance();
        const name = this.name();
        return {kind: 'savepoint', name, from, to: this.previousTo};
      }
      case K.RELEASE: {
        this.advance();
        const name = this.savepoint();
        return {kind: 'release', name, from, to: this.previousTo};
      }
      case K.PRAGMA:
        return this.pragma();
      case K.REINDEX:
      case K.ANALYZE: {
        this.advance();
        const name = this.atEnd() ? undefined : this.qualifiedName();
        return {kind: kind === K.REINDEX ? 'reindex' : 'analyze', name, from, to: this.previousTo};
      }
      case K.VACUUM:
        this.advance();
        if (!this.atEnd() && this.kind !== K.INTO) this.name();
        if (this.accept(K.INTO)) this.unsupported('VACUUM INTO', from);
        return {kind: 'vacuum', from, to: this.previousTo};
      case K.ATTACH:
      case K.DETACH:
        this.advance();
        return this.unsupported(kind === K.ATTACH ? 'ATTACH' : 'DETACH', from);
      default:
        return undefined;
    }
  }

  private atEnd(): boolean {
    return this.kind === T.end || this.at(T.semicolon);
  }

  private transactionMode(): 'deferred' | 'immediate' | 'exclusive' | undefined {
    if (this.accept(K.DEFERRED)) return 'deferred';
    if (this.accept(K.IMMEDIATE)) return 'immediate';
    return this.accept(K.EXCLUSIVE) ? 'exclusive' : undefined;
  }

  /** Reads TRANSACTION and a name, which means nothing. */
  private transactionName(): void {
    if (this.accept(K.TRANSACTION) && this.atName()) this.name();
  }

  private savepoint(): Name {
    this.accept(K.SAVEPOINT);
    return this.name();
  }

  private pragma(): Statement {
    const {from} = this;
    this.advance();
    const name = this.qualifiedName();
    let value: Expr | Name | undefined;
    if (this.accept(T.equal)) value = this.pragmaValue();
    else if (this.accept(T.leftParen)) {
      value = this.pragmaValue();
      this.expect(T.rightParen);
    }
    return {kind: 'pragma', name, value, from, to: this.previousTo};
  }

  private pragmaValue(): Expr | Name {
    const {kind, from} = this;
    if (kind === K.ON || kind === K.DELETE || kind === K.DEFAULT) return this.takeName();
    const minus = this.accept(T.minus);
    if (minus || this.accept(T.plus) || kind === T.integer || kind === T.real) {
      if (!this.at(T.integer) && !this.at(T.real)) this.fail();
      const number = this.plainLiteral();
      return minus ? this.negative(number, from) : number;
    }
    return this.name();
  }
}
