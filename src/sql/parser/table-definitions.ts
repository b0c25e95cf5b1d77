/**
 * CREATE TABLE: columns, their types and constraints, and the constraints of the table. Layer: sql.
 */
import type {
  ColumnConstraint,
  ColumnDefinition,
  CreateTable,
  Expr,
  ForeignKey,
  ForeignKeyAction,
  Name,
  TableConstraint,
} from '../ast.js';
import {ChangeParser} from './changes.js';
import {FLAGS, INDEXED_WORD, K, NAME, T} from './token.js';

/** What a constraint of its kind has besides its name and its span. */
type Rest<Constraint> = Constraint extends unknown ? Omit<Constraint, 'name' | 'from' | 'to'> : never;

const TABLE_CONSTRAINTS = [K.CONSTRAINT, K.PRIMARY, K.UNIQUE, K.CHECK, K.FOREIGN];

export abstract class TableDefinitionParser extends ChangeParser {
  /** Reads CREATE TABLE behind these words. */
  protected createTable(from: number, temporary: boolean): CreateTable {
    const ifNotExists = this.ifNotExists();
    const name = this.qualifiedName();
    const columns: ColumnDefinition[] = [];
    const constraints: TableConstraint[] = [];
    const rest = {kind: 'createTable', temporary, ifNotExists, name, columns, constraints} as const;
    if (this.accept(K.AS)) {
      const query = this.select();
      return {...rest, withoutRowid: false, strict: false, query, from, to: this.previousTo};
    }
    this.expect(T.leftParen);
    do columns.push(this.columnDefinition());
    while (this.accept(T.comma) && !this.atTableConstraint());
    if (this.atTableConstraint()) this.tableConstraints(constraints);
    this.expect(T.rightParen);
    const options = this.tableOptions();
    return {...rest, ...options, query: undefined, from, to: this.previousTo};
  }

  protected ifNotExists(): boolean {
    if (!this.accept(K.IF)) return false;
    this.expect(K.NOT);
    this.expect(K.EXISTS);
    return true;
  }

  private tableOptions(): {withoutRowid: boolean; strict: boolean} {
    const options = {withoutRowid: false, strict: false};
    if (this.kind === T.semicolon || this.kind === T.end) return options;
    // SQLite takes a comma in front of the first, too
    if (this.kind !== T.comma) this.tableOption(options);
    while (this.accept(T.comma)) this.tableOption(options);
    return options;
  }

  private tableOption(options: {withoutRowid: boolean; strict: boolean}): void {
    this.expecting('WITHOUT ROWID', [K.WITHOUT]);
    this.expecting('STRICT');
    const {from} = this;
    const without = this.kind === K.WITHOUT;
    if (without) this.advance();
    const option = this.name();
    const text = option.text.toLowerCase();
    if (without && text === 'rowid') options.withoutRowid = true;
    else if (!without && text === 'strict') options.strict = true;
    else {
      const span = {from, to: option.to};
      this.refuse('SQL_SYNTAX', `unknown table option: ${option.text}.`, span, 'There are WITHOUT ROWID and STRICT.');
    }
  }

  // ------------------------------------------------------------------------------------------------ columns

  protected columnDefinition(): ColumnDefinition {
    const name = this.name();
    // the words in front of AS (…) look like words of the type
    const type = this.typeName().replace(/ ?\bgenerated always$/i, '');
    const constraints: ColumnConstraint[] = [];
    let from = this.from;
    let constraintName: Name | undefined;
    for (;;) {
      if (this.accept(K.CONSTRAINT)) {
        constraintName = this.name();
        continue;
      }
      if (this.deferral(constraints)) continue;
      const constraint = this.columnConstraint();
      if (constraint === undefined) break;
      constraints.push({name: constraintName, ...constraint, from, to: this.previousTo});
      constraintName = undefined;
      from = this.from;
    }
    return {name, type, constraints, from: name.from, to: this.previousTo};
  }

  private columnConstraint(): Rest<ColumnConstraint> | undefined {
    if (this.accept(K.DEFAULT)) return this.defaultValue();
    if (this.accept(K.NULL)) {
      this.onConflict();
      return {kind: 'null'};
    }
    if (this.accept(K.NOT)) {
      this.expect(K.NULL);
      return {kind: 'notNull', onConflict: this.onConflict()};
    }
    if (this.accept(K.PRIMARY)) {
      this.expect(K.KEY);
      const descending = !this.accept(K.ASC) && this.accept(K.DESC);
      const onConflict = this.onConflict();
      return {kind: 'primaryKey', descending, onConflict, autoincrement: this.accept(K.AUTOINCREMENT)};
    }
    if (this.accept(K.UNIQUE)) return {kind: 'unique', onConflict: this.onConflict()};
    if (this.accept(K.CHECK)) return {kind: 'check', ...this.writtenInParens()};
    if (this.accept(K.REFERENCES)) return {kind: 'references', foreignKey: this.foreignKey(this.previousFrom)};
    if (this.accept(K.COLLATE)) {
      if (!this.atPlainName()) this.fail();
      return {kind: 'collate', collation: this.takeName()};
    }
    if (this.accept(K.GENERATED)) {
      this.expect(K.ALWAYS);
      this.expect(K.AS);
      return this.generated();
    }
    return this.accept(K.AS) ? this.generated() : undefined;
  }

  /** Reads an expression in parentheses, and the text between them. */
  private writtenInParens(): {expr: Expr; text: string} {
    return this.inParens(() => {
      const {from} = this;
      const expr = this.operand(0);
      return {expr, text: this.source.slice(from, this.previousTo)};
    });
  }

  private defaultValue(): Rest<ColumnConstraint> {
    const {kind, from, to} = this;
    if (kind === T.leftParen) return {kind: 'default', ...this.writtenInParens()};
    let expr: Expr;
    if (this.accept(T.minus)) expr = this.negative(this.literal(), from);
    else if (this.accept(T.plus) || !this.atDefaultWord()) expr = this.literal();
    else {
      // a bare word is a string, except for the truth values
      const name = this.takeName();
      if (/^(true|false)$/i.test(name.text))
        expr = {kind: 'column', schema: undefined, table: undefined, name, from, to};
      else expr = {kind: 'literal', value: name.text, from, to};
    }
    return {kind: 'default', expr, text: this.source.slice(from, this.previousTo)};
  }

  private atDefaultWord(): boolean {
    if (this.kind === K.CURRENT_DATE || this.kind === K.CURRENT_TIME || this.kind === K.CURRENT_TIMESTAMP) return false;
    return ((FLAGS[this.kind] as number) & (NAME | INDEXED_WORD)) !== 0;
  }

  /** Reads a literal. */
  private literal(): Expr {
    switch (this.kind) {
      case T.integer:
      case T.real:
      case T.blob:
      case K.NULL:
        return this.plainLiteral();
      case K.CURRENT_DATE:
      case K.CURRENT_TIME:
      case K.CURRENT_TIMESTAMP:
        return this.now();
      case T.string: {
        const {from, to} = this;
        return {kind: 'literal', value: this.takeName().text, from, to};
      }
    }
    this.expecting('a literal');
    this.expecting('"("');
    this.fail();
  }

  private generated(): Rest<ColumnConstraint> {
    const written = this.writtenInParens();
    if (((FLAGS[this.kind] as number) & NAME) === 0) return {kind: 'generated', ...written, stored: false};
    const storage = this.takeName();
    const text = storage.text.toLowerCase();
    if (text !== 'stored' && text !== 'virtual') {
      this.refuse(
        'SQL_SYNTAX',
        `error in generated column: near "${storage.text}".`,
        storage,
        'It is STORED or VIRTUAL.',
      );
    }
    return {kind: 'generated', ...written, stored: text === 'stored'};
  }

  // ------------------------------------------------------------------------------------------------ foreign keys

  /** Reads a foreign key behind REFERENCES, which begins at `from`. */
  private foreignKey(from: number): ForeignKey {
    const table = this.name();
    const columns = this.at(T.leftParen) ? this.nameList() : [];
    let onDelete: ForeignKeyAction = 'no action';
    let onUpdate: ForeignKeyAction = 'no action';
    for (;;) {
      if (this.accept(K.MATCH)) {
        this.name();
      } else if (this.accept(K.ON)) {
        if (this.accept(K.INSERT)) this.foreignKeyAction();
        else if (this.accept(K.DELETE)) onDelete = this.foreignKeyAction();
        else {
          this.expect(K.UPDATE);
          onUpdate = this.foreignKeyAction();
        }
      } else {
        return {table, columns, onDelete, onUpdate, deferred: false, from, to: this.previousTo};
      }
    }
  }

  private foreignKeyAction(): ForeignKeyAction {
    if (this.accept(K.CASCADE)) return 'cascade';
    if (this.accept(K.RESTRICT)) return 'restrict';
    if (this.accept(K.NO)) {
      this.expect(K.ACTION);
      return 'no action';
    }
    this.expect(K.SET);
    if (this.accept(K.NULL)) return 'set null';
    this.expect(K.DEFAULT);
    return 'set default';
  }

  /** Reads [NOT] DEFERRABLE, if it is there; among the constraints of a column it is about the last foreign key. */
  private deferral(constraints: ColumnConstraint[]): boolean {
    if (this.kind === K.NOT ? this.peek() !== K.DEFERRABLE : !this.at(K.DEFERRABLE)) return false;
    const deferred = this.deferred();
    const index = constraints.findLastIndex(({kind}) => kind === 'references');
    const constraint = constraints[index];
    if (constraint?.kind !== 'references') return true;
    const foreignKey = {...constraint.foreignKey, deferred, to: this.previousTo};
    constraints[index] = {...constraint, foreignKey, to: this.previousTo};
    return true;
  }

  /** Reads [NOT] DEFERRABLE [INITIALLY …], and returns whether checks wait for the end of the transaction. */
  private deferred(): boolean {
    const negated = this.accept(K.NOT);
    this.expect(K.DEFERRABLE);
    if (!this.accept(K.INITIALLY)) return false;
    if (this.accept(K.IMMEDIATE)) return false;
    this.expect(K.DEFERRED);
    return !negated;
  }

  // ------------------------------------------------------------------------------------------------ table constraints

  private atTableConstraint(): boolean {
    if (TABLE_CONSTRAINTS.includes(this.kind as (typeof TABLE_CONSTRAINTS)[number])) return true;
    this.expecting('a constraint', TABLE_CONSTRAINTS);
    return false;
  }

  private tableConstraints(constraints: TableConstraint[]): void {
    let name: Name | undefined;
    let {from} = this;
    do {
      if (this.accept(K.CONSTRAINT)) {
        name = this.name();
      } else {
        constraints.push({name, ...this.tableConstraint(), from, to: this.previousTo});
        name = undefined;
      }
      if (this.accept(T.comma)) {
        name = undefined;
        if (!this.atTableConstraint()) this.fail();
      }
      if (name === undefined) from = this.from;
    } while (this.atTableConstraint());
  }

  private tableConstraint(): Rest<TableConstraint> {
    if (this.accept(K.PRIMARY)) {
      this.expect(K.KEY);
      this.expect(T.leftParen);
      const columns = this.indexedColumnList();
      const autoincrement = this.accept(K.AUTOINCREMENT);
      this.expect(T.rightParen);
      return {kind: 'primaryKey', columns, onConflict: this.onConflict(), autoincrement};
    }
    if (this.accept(K.UNIQUE)) {
      const columns = this.indexedColumns();
      return {kind: 'unique', columns, onConflict: this.onConflict()};
    }
    if (this.accept(K.CHECK)) {
      const written = this.writtenInParens();
      this.onConflict();
      return {kind: 'check', ...written};
    }
    this.expect(K.FOREIGN);
    this.expect(K.KEY);
    const columns = this.nameList();
    const {from} = this;
    this.expect(K.REFERENCES);
    const foreignKey = this.foreignKey(from);
    if (!this.at(K.NOT) && !this.at(K.DEFERRABLE)) return {kind: 'foreignKey', columns, foreignKey};
    const deferred = this.deferred();
    return {kind: 'foreignKey', columns, foreignKey: {...foreignKey, deferred, to: this.previousTo}};
  }
}
