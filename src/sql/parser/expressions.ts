/**
 * Expressions, by precedence climbing with SQLite's levels. Chains of operators are loops, so that they may be long;
 * what nests is counted. Queries and windows within expressions are the business of the parsers built on this one.
 * Layer: sql.
 */
import type {Expr, FunctionCall, InSet, Name, OrderTerm, Select, WindowDefinition} from '../ast.js';
import {blobValue, integerValue, realValue, unquote} from './literals.js';
import {AND, EQUALITY, INFIX, LEVEL, MATCHES, NOT, PREFIX} from './operators.js';
import {FLAGS, INDEXED_WORD, JOIN_WORD, K, NAME, T} from './token.js';
import {TokenReader} from './token-reader.js';

/** SQLite's limit for operators that follow one another. */
const MAX_CHAIN = 1000;
const MAX_PARAMETER = 250_000;

export abstract class ExpressionParser extends TokenReader {
  /** The numbers of the parameters that have names, and the greatest number so far. */
  private readonly parameters = new Map<string, number>();
  private lastParameter = 0;
  /** The longest chain of operators within the expression that is being read. */
  private chain = 0;

  protected abstract select(): Select;
  protected abstract window(): WindowDefinition;

  /** Parameters are numbered from 1 in each statement. */
  protected resetParameters(): void {
    if (this.lastParameter === 0) return;
    this.parameters.clear();
    this.lastParameter = 0;
  }

  protected readonly expression = (): Expr => this.operand(0);

  /** Reads an expression whose operators all bind tighter than the level. */
  protected operand(level: number): Expr {
    const {from, chain} = this;
    this.chain = 0;
    let left = this.primary();
    while ((LEVEL[this.kind] as number) > level) {
      left = this.infix(left, from);
      if (++this.chain > MAX_CHAIN) {
        this.refuse(
          'SQL_LIMIT',
          `The expression has more than ${MAX_CHAIN} operators in a row.`,
          this.span(),
          'Take it apart.',
        );
      }
    }
    this.expectingOperators();
    if (chain > this.chain) this.chain = chain;
    return left;
  }

  /** Reads the operator that follows `left`, which begins at `from`, and its other operands. */
  private infix(left: Expr, from: number): Expr {
    const {kind} = this;
    const operator = INFIX[kind];
    this.advance();
    if (operator !== undefined) {
      const right = this.operand(LEVEL[kind] as number);
      return {kind: 'binary', operator, left, right, from, to: this.previousTo};
    }
    switch (kind) {
      case K.IS:
        return this.isOperator(left, from);
      case K.ISNULL:
        return {kind: 'isNull', operand: left, negated: false, from, to: this.previousTo};
      case K.NOTNULL:
        return {kind: 'isNull', operand: left, negated: true, from, to: this.previousTo};
      case K.COLLATE: {
        if (!this.atPlainName()) this.fail();
        return {kind: 'collate', operand: left, collation: this.takeName(), from, to: this.previousTo};
      }
      case K.NOT:
        if (this.accept(K.NULL)) return {kind: 'isNull', operand: left, negated: true, from, to: this.previousTo};
        return this.negatable(left, from, true);
      default:
        return this.negatable(left, from, false, kind);
    }
  }

  /** Reads IS and what it may be: IS NOT, IS [NOT] DISTINCT FROM, IS [NOT] NULL. */
  private isOperator(left: Expr, from: number): Expr {
    let negated = this.accept(K.NOT);
    if (this.accept(K.DISTINCT)) {
      this.expect(K.FROM);
      negated = !negated;
    }
    const right = this.operand(EQUALITY);
    const to = this.previousTo;
    if (right.kind === 'literal' && right.value === null) return {kind: 'isNull', operand: left, negated, from, to};
    return {kind: 'binary', operator: negated ? 'is not' : 'is', left, right, from, to};
  }

  /** Reads the operators that may follow NOT. `taken` is the operator if it has been read. */
  private negatable(operand: Expr, from: number, negated: boolean, taken?: number): Expr {
    const is = (kind: number) => (taken === undefined ? this.accept(kind) : taken === kind);
    if (is(K.IN)) {
      const set = this.inSet();
      return {kind: 'in', negated, operand, set, from, to: this.previousTo};
    }
    if (is(K.BETWEEN)) {
      this.enter();
      const low = this.operand(AND);
      this.leave();
      this.expect(K.AND);
      const high = this.operand(EQUALITY);
      return {kind: 'between', negated, operand, low, high, from, to: this.previousTo};
    }
    for (const [kind, operator] of MATCHES) {
      if (!is(kind)) continue;
      const pattern = this.operand(EQUALITY);
      const escaped = this.accept(K.ESCAPE) ? this.operand(EQUALITY) : undefined;
      return {kind: 'match', operator, negated, operand, pattern, escape: escaped, from, to: this.previousTo};
    }
    this.fail();
  }

  private inSet(): InSet {
    if (!this.accept(T.leftParen)) {
      const name = this.qualifiedName();
      return {
        kind: 'table',
        name,
        args: this.kind === T.leftParen ? this.inParens(this.optionalExpressions) : undefined,
      };
    }
    this.enter();
    let set: InSet;
    if (this.atSelect()) set = {kind: 'query', query: this.select()};
    else set = {kind: 'list', items: this.optionalExpressions()};
    this.leave();
    this.expect(T.rightParen);
    return set;
  }

  protected atSelect(): boolean {
    if (this.kind === K.SELECT || this.kind === K.VALUES || this.kind === K.WITH) return true;
    this.expecting('a query', [K.SELECT, K.VALUES, K.WITH]);
    return false;
  }

  protected expressions(): Expr[] {
    return this.list(this.expression);
  }

  protected readonly optionalExpressions = (): Expr[] => (this.at(T.rightParen) ? [] : this.expressions());

  // ------------------------------------------------------------------------------------------------ operands

  protected primary(): Expr {
    const {kind, from, to} = this;
    switch (kind) {
      case T.identifier:
      case T.quoted:
        return this.named();
      case T.integer:
      case T.real:
      case T.blob:
      case K.NULL:
        return this.plainLiteral();
      case T.string:
        this.advance();
        // a string in front of a dot is the name of a table
        if (this.kind === T.dot) return this.column({text: unquote(this.source, from, to), quoted: false, from, to});
        return {kind: 'literal', value: unquote(this.source, from, to), from, to};
      case T.parameter:
        return this.parameter();
      case T.leftParen:
        return this.parenthesized();
      case T.minus:
      case T.plus:
      case T.tilde:
      case K.NOT:
        return this.prefixed();
      case K.CASE:
        return this.caseExpression();
      case K.CAST:
        return this.cast();
      case K.EXISTS: {
        this.advance();
        const query = this.inParens(() => this.select());
        return {kind: 'exists', query, from, to: this.previousTo};
      }
      case K.RAISE:
        return this.raise();
      case K.CURRENT_DATE:
      case K.CURRENT_TIME:
      case K.CURRENT_TIMESTAMP:
        return this.now();
    }
    if (((FLAGS[kind] as number) & (NAME | JOIN_WORD | INDEXED_WORD)) !== 0) return this.named();
    this.expecting('an expression');
    this.fail();
  }

  /** Reads a number, a blob or NULL. */
  protected plainLiteral(): Expr {
    const {kind, from, to} = this;
    const text = this.source.slice(from, to);
    this.advance();
    if (kind === K.NULL) return {kind: 'literal', value: null, from, to};
    if (kind === T.real) return {kind: 'literal', value: realValue(text), from, to};
    if (kind === T.blob) return {kind: 'literal', value: blobValue(text), from, to};
    const value = integerValue(text);
    if (value === undefined)
      this.refuse('SQL_SYNTAX', `hex literal too big: ${text}.`, {from, to}, 'It has 64 bits at most.');
    return {kind: 'literal', value, from, to};
  }

  /** Reads CURRENT_DATE and its like. */
  protected now(): Expr {
    const {kind, from, to} = this;
    this.advance();
    const what = kind === K.CURRENT_DATE ? 'date' : kind === K.CURRENT_TIME ? 'time' : 'timestamp';
    return {kind: 'now', what, from, to};
  }

  private prefixed(): Expr {
    const {kind, from} = this;
    this.advance();
    this.enter();
    const operand = this.operand(kind === K.NOT ? NOT : PREFIX);
    this.leave();
    const to = this.previousTo;
    if (kind === K.NOT) return {kind: 'unary', operator: 'not', operand, from, to};
    if (kind === T.tilde) return {kind: 'unary', operator: '~', operand, from, to};
    if (kind === T.plus) return {kind: 'unary', operator: '+', operand, from, to};
    return this.negative(operand, from);
  }

  /** Returns the operand behind a minus sign, which stands at `from`. */
  protected negative(operand: Expr, from: number): Expr {
    const to = this.previousTo;
    if (operand.kind === 'literal') {
      // the least integer has no positive counterpart, so it is a literal with its sign
      const digits = this.source.slice(operand.from, operand.to);
      if (operand.value === 2 ** 63 && /^[\d_]+$/.test(digits) && BigInt(digits.replaceAll('_', '')) === 1n << 63n) {
        return {kind: 'literal', value: -(1n << 63n), from, to};
      }
      if (operand.value === -(1n << 63n) && /^0x/i.test(digits)) {
        this.refuse('SQL_SYNTAX', `hex literal too big: -${digits}.`, {from, to}, 'Write it without the sign.');
      }
    }
    return {kind: 'unary', operator: '-', operand, from, to};
  }

  /** Reads a query, a row, or an expression in parentheses. */
  private parenthesized(): Expr {
    const {from} = this;
    this.advance();
    this.enter();
    let inner: Expr;
    if (this.atSelect()) {
      const query = this.select();
      this.expect(T.rightParen);
      inner = {kind: 'subquery', query, from, to: this.previousTo};
    } else {
      inner = this.operand(0);
      if (this.accept(T.comma)) {
        const items = [inner, ...this.expressions()];
        this.expect(T.rightParen);
        inner = {kind: 'row', items, from, to: this.previousTo};
      } else {
        this.expect(T.rightParen);
      }
    }
    this.leave();
    return inner;
  }

  private parameter(): Expr {
    const {from, to} = this;
    const text = this.source.slice(from, to);
    this.advance();
    let number: number;
    if (text === '?') {
      number = this.lastParameter + 1;
    } else if (text[0] === '?') {
      number = Number(text.slice(1));
    } else {
      number = this.parameters.get(text) ?? this.lastParameter + 1;
      this.parameters.set(text, number);
    }
    if (number < 1 || number > MAX_PARAMETER) {
      this.refuse(
        'SQL_PARAMETER',
        `variable number must be between ?1 and ?${MAX_PARAMETER}.`,
        {from, to},
        'Number the parameters from 1.',
      );
    }
    if (number > this.lastParameter) this.lastParameter = number;
    return {kind: 'parameter', number, name: text[0] === '?' ? undefined : text, from, to};
  }

  private caseExpression(): Expr {
    const {from} = this;
    this.advance();
    this.enter();
    const operand = this.at(K.WHEN) ? undefined : this.operand(0);
    const branches: {when: Expr; then: Expr}[] = [];
    this.expect(K.WHEN);
    do {
      const when = this.operand(0);
      this.expect(K.THEN);
      // biome-ignore lint/suspicious/noThenProperty: the clause is called so, and nobody awaits it
      branches.push({when, then: this.operand(0)});
    } while (this.accept(K.WHEN));
    const otherwise = this.accept(K.ELSE) ? this.operand(0) : undefined;
    this.leave();
    this.expect(K.END);
    return {kind: 'case', operand, branches, otherwise, from, to: this.previousTo};
  }

  private cast(): Expr {
    const {from} = this;
    this.advance();
    this.expect(T.leftParen);
    this.enter();
    const operand = this.operand(0);
    this.leave();
    this.expect(K.AS);
    const type = this.typeName();
    this.expect(T.rightParen);
    return {kind: 'cast', operand, type, from, to: this.previousTo};
  }

  private raise(): Expr {
    const {from} = this;
    this.advance();
    this.expect(T.leftParen);
    if (this.accept(K.IGNORE)) {
      this.expect(T.rightParen);
      return {kind: 'raise', action: 'ignore', message: undefined, from, to: this.previousTo};
    }
    let action: 'rollback' | 'abort' | 'fail';
    if (this.accept(K.ROLLBACK)) action = 'rollback';
    else if (this.accept(K.ABORT)) action = 'abort';
    else {
      this.expect(K.FAIL);
      action = 'fail';
    }
    this.expect(T.comma);
    this.enter();
    const message = this.operand(0);
    this.leave();
    this.expect(T.rightParen);
    return {kind: 'raise', action, message, from, to: this.previousTo};
  }

  /** Reads a type as written, with one space at most between its tokens; it may be empty. */
  protected typeName(): string {
    let type = '';
    let end = this.from;
    const take = () => {
      const space = type !== '' && this.from > end ? ' ' : '';
      type += space + this.source.slice(this.from, this.to);
      end = this.to;
      this.advance();
    };
    while (this.atPlainName()) take();
    if (type === '' || !this.at(T.leftParen)) return type;
    take();
    for (;;) {
      if (this.at(T.plus) || this.at(T.minus)) take();
      if (!this.at(T.integer) && !this.at(T.real)) this.fail();
      take();
      if (!this.at(T.comma) || type.includes(',')) break;
      take();
    }
    if (!this.at(T.rightParen)) this.fail();
    take();
    return type;
  }

  // ------------------------------------------------------------------------------------------------ names and calls

  private named(): Expr {
    const name = this.takeName();
    if (this.kind === T.leftParen) return this.call(name);
    if (this.kind === T.dot) return this.column(name);
    return {kind: 'column', schema: undefined, table: undefined, name, from: name.from, to: name.to};
  }

  /** Reads the rest of `t.a` or `s.t.a`. */
  private column(first: Name): Expr {
    this.advance();
    const second = this.name();
    if (!this.accept(T.dot)) {
      return {kind: 'column', schema: undefined, table: first, name: second, from: first.from, to: second.to};
    }
    const third = this.name();
    return {kind: 'column', schema: first, table: second, name: third, from: first.from, to: third.to};
  }

  private call(name: Name): FunctionCall {
    this.advance();
    this.enter();
    let star = false;
    let distinct = false;
    let args: Expr[] = [];
    let orderBy: OrderTerm[] = [];
    if (this.accept(T.star)) {
      star = true;
    } else {
      distinct = this.accept(K.DISTINCT);
      if (!distinct) this.accept(K.ALL);
      if (this.kind !== K.ORDER) args = this.optionalExpressions();
      orderBy = this.orderBy();
    }
    this.expect(T.rightParen);
    let filter: Expr | undefined;
    if (this.kind === K.FILTER) {
      this.advance();
      filter = this.inParens(() => {
        this.expect(K.WHERE);
        return this.operand(0);
      });
    }
    const over = this.kind === K.OVER ? this.over() : undefined;
    this.leave();
    return {kind: 'call', name, args, star, distinct, orderBy, filter, over, from: name.from, to: this.previousTo};
  }

  private over(): Name | WindowDefinition {
    this.advance();
    return this.at(T.leftParen) ? this.inParens(() => this.window()) : this.name();
  }

  // ------------------------------------------------------------------------------------------------ order

  /** Reads ORDER BY, if it is there. */
  protected orderBy(): OrderTerm[] {
    if (!this.accept(K.ORDER)) return [];
    this.expect(K.BY);
    return this.list(this.orderTerm);
  }

  protected readonly orderTerm = (): OrderTerm => {
    const {from} = this;
    const expr = this.operand(0);
    const descending = !this.accept(K.ASC) && this.accept(K.DESC);
    let nulls: 'first' | 'last' | undefined;
    if (this.accept(K.NULLS)) {
      if (this.accept(K.FIRST)) nulls = 'first';
      else {
        this.expect(K.LAST);
        nulls = 'last';
      }
    }
    return {expr, descending, nulls, from, to: this.previousTo};
  };

  /** Reads `AS name`, or a name by itself, which may be a misspelt one of the clauses that could follow. */
  protected alias(clauses: readonly number[]): Name | undefined {
    this.expecting('a name', clauses);
    if (this.accept(K.AS)) return this.name();
    return this.atPlainName() ? this.takeName() : undefined;
  }
}
