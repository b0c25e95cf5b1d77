/**
 * Queries: SELECT, VALUES, compounds and WITH. Layer: sql.
 */
import type {CommonTable, Compound, Expr, ResultColumn, Select, SelectBody, SelectCore, Values, With} from '../ast.js';
import {SourceParser} from './sources.js';
import {FLAGS, INDEXED_WORD, JOIN_WORD, K, NAME, STRING, T} from './token.js';

/** Terms of a compound: trees that lean this far can still be walked by functions that recurse. */
const MAX_TERMS = 5000;

/** Keywords that may follow a result column. */
const BEHIND_COLUMN = [K.FROM, K.WHERE, K.GROUP, K.HAVING, K.ORDER, K.LIMIT, K.UNION, K.INTERSECT, K.EXCEPT];

export class SelectParser extends SourceParser {
  protected select(): Select {
    this.enter();
    const {from} = this;
    const common = this.at(K.WITH) ? this.with() : undefined;
    const select = this.selectBehind(common, from);
    this.leave();
    return select;
  }

  /** Reads WITH, which is the current token. */
  protected with(): With {
    const {from} = this;
    this.advance();
    const recursive = this.accept(K.RECURSIVE);
    const tables = this.list(this.commonTable);
    return {recursive, tables, from, to: this.previousTo};
  }

  private readonly commonTable = (): CommonTable => {
    const name = this.name();
    const columns = this.at(T.leftParen) ? this.nameList() : [];
    this.expect(K.AS);
    let materialized: boolean | undefined;
    if (this.accept(K.MATERIALIZED)) materialized = true;
    else if (this.accept(K.NOT)) {
      this.expect(K.MATERIALIZED);
      materialized = false;
    }
    const query = this.inParens(() => this.select());
    return {name, columns, materialized, query, from: name.from, to: this.previousTo};
  };

  /** Reads a query behind its WITH, if it has one. */
  protected selectBehind(common: With | undefined, from: number): Select {
    let body: SelectBody = this.term();
    let last: SelectCore | Values = body;
    const bodyFrom = body.from;
    for (let terms = 2; ; terms++) {
      const operator = this.compoundOperator();
      if (operator === undefined) break;
      if (terms > MAX_TERMS) {
        this.refuse(
          'SQL_LIMIT',
          `too many terms in compound SELECT: more than ${MAX_TERMS}.`,
          this.span(),
          'Use VALUES.',
        );
      }
      last = this.term();
      body = {kind: 'compound', operator, left: body, right: last, from: bodyFrom, to: this.previousTo};
    }
    // as in SQLite, nothing orders or limits what ends with VALUES
    const orderBy = last.kind === 'values' ? [] : this.orderBy();
    const {limit, offset} = last.kind === 'values' ? {limit: undefined, offset: undefined} : this.limit();
    if (orderBy.length > 0 || limit !== undefined) this.refuseCompound(orderBy.length > 0 ? 'ORDER BY' : 'LIMIT');
    return {kind: 'select', with: common, body, orderBy, limit, offset, from, to: this.previousTo};
  }

  private compoundOperator(): Compound['operator'] | undefined {
    if (this.accept(K.UNION)) return this.accept(K.ALL) ? 'union all' : 'union';
    if (this.accept(K.INTERSECT)) return 'intersect';
    if (this.accept(K.EXCEPT)) return 'except';
    return undefined;
  }

  private refuseCompound(clause: string): void {
    const span = this.span();
    const operator = this.compoundOperator();
    if (operator === undefined) return;
    this.refuse(
      'SQL_SYNTAX',
      `${clause} clause should come after ${operator.toUpperCase()} not before.`,
      span,
      'It orders or limits the whole.',
    );
  }

  /** Reads LIMIT, if it is there: `LIMIT n`, `LIMIT n OFFSET m` or `LIMIT m, n`. */
  protected limit(): {limit: Expr | undefined; offset: Expr | undefined} {
    if (!this.accept(K.LIMIT)) return {limit: undefined, offset: undefined};
    const first = this.operand(0);
    if (this.accept(K.OFFSET)) return {limit: first, offset: this.operand(0)};
    if (this.accept(T.comma)) return {limit: this.operand(0), offset: first};
    return {limit: first, offset: undefined};
  }

  private term(): SelectCore | Values {
    return this.at(K.VALUES) ? this.values() : this.core();
  }

  private values(): Values {
    const {from} = this;
    this.advance();
    const rows = this.list(this.valuesRow);
    return {kind: 'values', rows, from, to: this.previousTo};
  }

  private readonly valuesRow = (): Expr[] => {
    this.expect(T.leftParen);
    const row = this.expressions();
    this.expect(T.rightParen);
    return row;
  };

  private core(): SelectCore {
    const {from} = this;
    this.expect(K.SELECT);
    const distinct = this.accept(K.DISTINCT);
    if (!distinct) this.accept(K.ALL);
    const columns = this.resultColumns();
    const source = this.accept(K.FROM) ? this.fromItems() : undefined;
    const where = this.where();
    const groupBy = this.accept(K.GROUP) ? this.by() : [];
    const having = this.accept(K.HAVING) ? this.operand(0) : undefined;
    const windows = this.accept(K.WINDOW) ? this.list(this.namedWindow) : [];
    return {kind: 'core', distinct, columns, source, where, groupBy, having, windows, from, to: this.previousTo};
  }

  protected where(): Expr | undefined {
    return this.accept(K.WHERE) ? this.operand(0) : undefined;
  }

  // ------------------------------------------------------------------------------------------------ result columns

  protected resultColumns(): ResultColumn[] {
    return this.list(this.resultColumn);
  }

  private readonly resultColumn = (): ResultColumn => {
    const {from} = this;
    if (this.accept(T.star)) return {kind: 'star', table: undefined, from, to: this.previousTo};
    if (this.atQualifiedStar()) {
      const table = this.takeName();
      this.advance();
      this.advance();
      return {kind: 'star', table, from, to: this.previousTo};
    }
    const expr = this.operand(0);
    // SQLite counts a comment behind the expression as part of its text
    let end = this.from;
    while (end > this.previousTo && this.source.charCodeAt(end - 1) <= 32) end--;
    const text = this.source.slice(from, end);
    const alias = this.alias(BEHIND_COLUMN);
    return {kind: 'expr', expr, alias, text, from, to: this.previousTo};
  };

  private atQualifiedStar(): boolean {
    if (((FLAGS[this.kind] as number) & (NAME | STRING | JOIN_WORD | INDEXED_WORD)) === 0) return false;
    if (this.peek() !== T.dot) return false;
    return this.peek2()[1] === T.star;
  }
}
