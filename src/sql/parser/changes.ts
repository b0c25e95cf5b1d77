/**
 * INSERT, UPDATE and DELETE, with upserts and RETURNING, alone and in the bodies of triggers. Layer: sql.
 */
import type {
  Assignment,
  ConflictAction,
  Delete,
  Expr,
  IndexedColumn,
  Insert,
  Name,
  QualifiedName,
  ResultColumn,
  TableReference,
  Update,
  Upsert,
  With,
} from '../ast.js';
import {SelectParser} from './select.js';
import {K, T} from './token.js';

export abstract class ChangeParser extends SelectParser {
  /** Whether the statement stands in the body of a trigger, where SQLite allows less. */
  protected inTrigger = false;

  protected insert(common: With | undefined, from: number): Insert {
    let or: ConflictAction | undefined;
    if (this.accept(K.REPLACE)) or = 'replace';
    else {
      this.expect(K.INSERT);
      or = this.orConflict();
    }
    this.expect(K.INTO);
    const {name: table, alias} = this.changedTable();
    const columns = this.at(T.leftParen) ? this.nameList() : undefined;
    const rest = {with: common, or, table, alias, columns};
    if (!this.inTrigger && this.accept(K.DEFAULT)) {
      this.expect(K.VALUES);
      const returning = this.returning();
      return {kind: 'insert', ...rest, source: undefined, upserts: [], returning, from, to: this.previousTo};
    }
    if (!this.atSelect()) this.fail();
    const source = this.select();
    const upserts = this.upserts();
    const returning = this.returning();
    return {kind: 'insert', ...rest, source, upserts, returning, from, to: this.previousTo};
  }

  protected update(common: With | undefined, from: number): Update {
    this.expect(K.UPDATE);
    const or = this.orConflict();
    const table = this.changedReference();
    this.expect(K.SET);
    const set = this.list(this.assignment);
    const source = this.accept(K.FROM) ? this.fromItems() : undefined;
    return {kind: 'update', with: common, or, table, set, source, ...this.changedRows(), from, to: this.previousTo};
  }

  protected delete(common: With | undefined, from: number): Delete {
    this.expect(K.DELETE);
    this.expect(K.FROM);
    const table = this.changedReference();
    return {kind: 'delete', with: common, table, ...this.changedRows(), from, to: this.previousTo};
  }

  // ------------------------------------------------------------------------------------------------ clauses

  private orConflict(): ConflictAction | undefined {
    return this.accept(K.OR) ? this.conflictAction() : undefined;
  }

  /** Reads ON CONFLICT and what to do then, if it is there. */
  protected onConflict(): ConflictAction | undefined {
    if (!this.accept(K.ON)) return undefined;
    this.expect(K.CONFLICT);
    return this.conflictAction();
  }

  private conflictAction(): ConflictAction {
    if (this.accept(K.ROLLBACK)) return 'rollback';
    if (this.accept(K.ABORT)) return 'abort';
    if (this.accept(K.FAIL)) return 'fail';
    if (this.accept(K.IGNORE)) return 'ignore';
    this.expect(K.REPLACE);
    return 'replace';
  }

  private changedTable(): {name: QualifiedName; alias: Name | undefined} {
    const name = this.qualifiedName();
    if (this.inTrigger && name.schema !== undefined) {
      const message = 'qualified table names are not allowed on INSERT, UPDATE, and DELETE statements within triggers.';
      this.refuse('SQL_SYNTAX', message, name, `Name the table ${name.name.text} alone.`);
    }
    return {name, alias: this.accept(K.AS) ? this.name() : undefined};
  }

  private changedReference(): TableReference {
    const {name, alias} = this.changedTable();
    const span = this.span();
    const table = this.indexed(name, undefined, alias, undefined);
    if (this.inTrigger && (table.indexedBy !== undefined || table.notIndexed)) {
      const clause = table.notIndexed ? 'NOT INDEXED' : 'INDEXED BY';
      const message = `the ${clause} clause is not allowed on UPDATE or DELETE statements within triggers.`;
      this.refuse('SQL_SYNTAX', message, span, 'Remove it.');
    }
    return table;
  }

  private readonly assignment = (): Assignment => {
    const {from} = this;
    const columns = this.at(T.leftParen) ? this.nameList() : [this.name()];
    this.expect(T.equal);
    const value = this.operand(0);
    return {columns, value, from, to: this.previousTo};
  };

  /** Reads which rows are changed, and what is returned of them. */
  private changedRows(): {
    where: Expr | undefined;
    returning: readonly ResultColumn[];
    orderBy: Update['orderBy'];
    limit: Expr | undefined;
    offset: Expr | undefined;
  } {
    const where = this.where();
    const returning = this.returning();
    if (this.inTrigger) return {where, returning, orderBy: [], limit: undefined, offset: undefined};
    return {where, returning, orderBy: this.orderBy(), ...this.limit()};
  }

  private returning(): readonly ResultColumn[] {
    if (this.inTrigger && this.kind === K.RETURNING) {
      this.refuse('SQL_SYNTAX', 'cannot use RETURNING in a trigger.', this.span(), 'Remove it.');
    }
    return this.accept(K.RETURNING) ? this.resultColumns() : [];
  }

  private upserts(): Upsert[] {
    const upserts: Upsert[] = [];
    while (this.at(K.ON)) {
      const {from} = this;
      this.advance();
      this.expect(K.CONFLICT);
      const anywhere = !this.at(T.leftParen);
      const target = anywhere ? [] : this.indexedColumns();
      const targetWhere = anywhere ? undefined : this.where();
      this.expect(K.DO);
      let set: Assignment[] | undefined;
      let where: Expr | undefined;
      if (!this.accept(K.NOTHING)) {
        this.expect(K.UPDATE);
        this.expect(K.SET);
        set = this.list(this.assignment);
        where = this.where();
      }
      upserts.push({target, targetWhere, set, where, from, to: this.previousTo});
      // one for any conflict is the last
      if (anywhere) break;
    }
    return upserts;
  }

  // ------------------------------------------------------------------------------------------------ indexed columns

  protected indexedColumns(): IndexedColumn[] {
    return this.inParens(() => this.indexedColumnList());
  }

  protected indexedColumnList(): IndexedColumn[] {
    return this.list(this.indexedColumn);
  }

  private readonly indexedColumn = (): IndexedColumn => {
    const term = this.orderTerm();
    if (term.nulls !== undefined) {
      this.refuse('SQL_SYNTAX', `unsupported use of NULLS ${term.nulls.toUpperCase()}.`, term, 'Remove it.');
    }
    let {expr} = term;
    let collation: Name | undefined;
    while (expr.kind === 'collate') {
      collation ??= expr.collation;
      expr = expr.operand;
    }
    // as in SQLite, a string is the name of a column here
    if (expr.kind === 'literal' && typeof expr.value === 'string') {
      const {from, to} = expr;
      const name: Name = {text: expr.value, quoted: false, from, to};
      expr = {kind: 'column', schema: undefined, table: undefined, name, from, to};
    }
    return {expr, collation, descending: term.descending, from: term.from, to: term.to};
  };
}
