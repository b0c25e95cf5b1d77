/**
 * What stands in FROM: tables, at other times too (AS OF), table functions, queries, and joins of them. Layer: sql.
 */
import type {Expr, FromItem, Join, Name, QualifiedName, TableReference} from '../ast.js';
import {FLAGS, K, NAME, T} from './token.js';
import {WindowParser} from './windows.js';

/** SQLite's limit for the tables of a join. */
export const MAX_JOIN = 64;

const JOIN_WORDS = [K.NATURAL, K.LEFT, K.RIGHT, K.FULL, K.INNER, K.CROSS, K.OUTER, K.JOIN];

/** Keywords that may follow a table. */
const BEHIND_TABLE = [
  ...JOIN_WORDS,
  K.ON,
  K.USING,
  K.WHERE,
  K.GROUP,
  K.HAVING,
  K.ORDER,
  K.LIMIT,
  K.UNION,
  K.INTERSECT,
  K.EXCEPT,
];

interface JoinOperator {
  readonly type: Join['type'];
  readonly natural: boolean;
}

/** What may follow `AS OF`. Nothing of it may follow an alias, so a table can still be called `of`. */
const AS_OF_OPERANDS = new Set<number>([T.string, T.integer, T.real, T.blob, T.parameter, T.leftParen, K.NULL]);

export abstract class SourceParser extends WindowParser {
  /** Reads what follows FROM. */
  protected fromItems(): FromItem {
    const {from} = this;
    let left = this.fromItem();
    if (this.kind === K.ON || this.kind === K.USING) {
      const word = this.kind === K.ON ? 'ON' : 'USING';
      const upsert = word === 'ON' && this.peek() === K.CONFLICT;
      const hint = upsert ? 'Put WHERE true in front of ON CONFLICT.' : 'Use WHERE for a condition on one table.';
      this.refuse('SQL_SYNTAX', `a JOIN clause is required before ${word}.`, this.span(), hint);
    }
    for (let tables = 2; ; tables++) {
      const operator = this.joinOperator();
      if (operator === undefined) return left;
      if (tables > MAX_JOIN)
        this.refuse(
          'SQL_LIMIT',
          `at most ${MAX_JOIN} tables in a join.`,
          this.span(),
          'Join some of them in a subquery.',
        );
      const right = this.fromItem();
      const condition = {from: this.from, to: this.to};
      let on: Expr | undefined;
      let using: Name[] | undefined;
      if (this.accept(K.ON)) on = this.operand(0);
      else if (this.accept(K.USING)) using = this.nameList();
      if (operator.natural && (on !== undefined || using !== undefined)) {
        const message = 'a NATURAL join may not have an ON or USING clause.';
        this.refuse('SQL_SYNTAX', message, condition, 'Remove NATURAL, or the clause.');
      }
      left = {kind: 'join', ...operator, left, right, on, using, from, to: this.previousTo};
    }
  }

  protected names(): Name[] {
    return this.list(() => this.name());
  }

  /** Reads names in parentheses. */
  protected nameList(): Name[] {
    return this.inParens(() => this.names());
  }

  private joinOperator(): JoinOperator | undefined {
    if (this.accept(T.comma)) return {type: 'comma', natural: false};
    if (this.accept(K.JOIN)) return {type: 'inner', natural: false};
    const {from} = this;
    const words = new Set<number>();
    while (JOIN_WORDS.includes(this.kind as (typeof JOIN_WORDS)[number]) && this.kind !== K.JOIN && words.size < 3) {
      words.add(this.kind);
      this.advance();
    }
    this.expecting('JOIN', JOIN_WORDS);
    if (words.size === 0) return undefined;
    const to = this.previousTo;
    this.expect(K.JOIN);
    const left = words.has(K.LEFT) || words.has(K.FULL);
    const right = words.has(K.RIGHT) || words.has(K.FULL);
    const inner = words.has(K.INNER) || words.has(K.CROSS);
    if (left || right ? inner : words.has(K.OUTER)) {
      const hint = 'There are [NATURAL] INNER, CROSS, LEFT, RIGHT and FULL joins.';
      this.refuse('SQL_SYNTAX', `unknown join type: ${this.source.slice(from, to)}.`, {from, to}, hint);
    }
    const outer = left && right ? 'full' : left ? 'left' : 'right';
    return {type: left || right ? outer : words.has(K.CROSS) ? 'cross' : 'inner', natural: words.has(K.NATURAL)};
  }

  private fromItem(): FromItem {
    if (!this.at(T.leftParen)) return this.tableReference();
    const {from} = this;
    this.enter();
    this.advance();
    let item: FromItem;
    if (this.atSelect()) {
      const query = this.select();
      this.expect(T.rightParen);
      item = {kind: 'fromQuery', query, alias: this.alias(BEHIND_TABLE), from, to: this.previousTo};
    } else {
      const inner = this.fromItems();
      this.expect(T.rightParen);
      const alias = this.alias(BEHIND_TABLE);
      if (alias === undefined) item = inner;
      // one table in parentheses is that table under the outer name
      else if (inner.kind === 'join') item = {kind: 'parens', item: inner, alias, from, to: this.previousTo};
      else item = {...inner, alias, from, to: this.previousTo};
    }
    this.leave();
    return item;
  }

  private tableReference(): TableReference {
    const name = this.qualifiedName();
    const args = this.kind === T.leftParen ? this.inParens(this.optionalExpressions) : undefined;
    const asOf = this.asOf();
    const alias = this.alias(BEHIND_TABLE);
    if (this.kind === K.AS && this.peek() === K.OF) {
      this.refuse(
        'SQL_SYNTAX',
        'near "AS": syntax error, AS OF stands before the alias.',
        this.span(),
        'Write it as t AS OF … AS x.',
      );
    }
    return this.indexed(name, args, alias, asOf);
  }

  /** Reads what says which index to use, and returns the table. */
  protected indexed(
    name: QualifiedName,
    args: readonly Expr[] | undefined,
    alias: Name | undefined,
    asOf: Expr | undefined,
  ): TableReference {
    let indexedBy: Name | undefined;
    let notIndexed = false;
    if (args === undefined) {
      if (this.accept(K.INDEXED)) {
        this.expect(K.BY);
        indexedBy = this.name();
      } else if (this.accept(K.NOT)) {
        this.expect(K.INDEXED);
        notIndexed = true;
      }
    }
    return {kind: 'table', name, args, alias, asOf, indexedBy, notIndexed, from: name.from, to: this.previousTo};
  }

  /** Reads `AS OF …` or `FOR SYSTEM_TIME AS OF …`, if it is there. */
  private asOf(): Expr | undefined {
    if (this.kind === K.FOR) {
      const [next, second] = this.peek2();
      if (next !== T.identifier || second !== K.AS) return undefined;
      this.advance();
      if (this.source.slice(this.from, this.to).toLowerCase() !== 'system_time') {
        this.expecting('SYSTEM_TIME');
        this.fail();
      }
      this.advance();
      this.expect(K.AS);
      if (!this.at(K.OF)) this.fail();
    } else if (this.kind === K.AS) {
      const [next, second] = this.peek2();
      if (next !== K.OF) return undefined;
      if (!AS_OF_OPERANDS.has(second) && ((FLAGS[second] as number) & NAME) === 0) return undefined;
      this.advance();
    } else {
      return undefined;
    }
    this.advance();
    return this.asOfOperand();
  }

  private asOfOperand(): Expr {
    if (AS_OF_OPERANDS.has(this.kind) || this.kind === T.quoted) return this.primary();
    const {from, to} = this;
    if (((FLAGS[this.kind] as number) & NAME) === 0) {
      this.expecting('a revision or time');
      this.fail();
    }
    const operand = this.primary();
    if (operand.kind !== 'column') return operand;
    const text = this.source.slice(from, to);
    this.refuse(
      'SQL_SYNTAX',
      `near "${text}": syntax error, expected a revision or time.`,
      {from, to},
      `Write it in quotes: AS OF '${text}'.`,
    );
  }
}
