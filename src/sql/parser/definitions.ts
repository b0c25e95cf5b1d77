/**
 * CREATE, ALTER and DROP of everything that a schema holds. Layer: sql.
 */
import type {
  AlterTable,
  CreateIndex,
  CreateTrigger,
  CreateView,
  Delete,
  Drop,
  Insert,
  Name,
  Select,
  Span,
  Statement,
  Update,
} from '../ast.js';
import {TableDefinitionParser} from './table-definitions.js';
import {K, T} from './token.js';

export abstract class DefinitionParser extends TableDefinitionParser {
  /** Reads CREATE, which is the current token. */
  protected create(): Statement {
    const {from} = this;
    this.advance();
    if (this.accept(K.UNIQUE)) {
      this.expect(K.INDEX);
      return this.createIndex(from, true);
    }
    const temporary = this.accept(K.TEMP) || this.accept(K.TEMPORARY);
    if (this.accept(K.TABLE)) return this.createTable(from, temporary);
    if (this.accept(K.VIEW)) return this.createView(from, temporary);
    if (this.accept(K.TRIGGER)) return this.createTrigger(from, temporary);
    if (!temporary) {
      if (this.accept(K.INDEX)) return this.createIndex(from, false);
      if (this.accept(K.VIRTUAL)) this.unsupported('CREATE VIRTUAL TABLE', from);
    }
    this.fail();
  }

  protected unsupported(what: string, from: number): never {
    const span = {from, to: this.previousTo};
    this.refuse('SQL_UNSUPPORTED', `${what} is not supported.`, span, 'Everything of a store is in one database.');
  }

  private createIndex(from: number, unique: boolean): CreateIndex {
    const ifNotExists = this.ifNotExists();
    const name = this.qualifiedName();
    this.expect(K.ON);
    const table = this.name();
    const columns = this.indexedColumns();
    const where = this.where();
    return {kind: 'createIndex', unique, ifNotExists, name, table, columns, where, from, to: this.previousTo};
  }

  private createView(from: number, temporary: boolean): CreateView {
    const ifNotExists = this.ifNotExists();
    const name = this.qualifiedName();
    const columns = this.at(T.leftParen) ? this.nameList() : [];
    this.expect(K.AS);
    const query = this.select();
    return {kind: 'createView', temporary, ifNotExists, name, columns, query, from, to: this.previousTo};
  }

  // ------------------------------------------------------------------------------------------------ triggers

  private createTrigger(from: number, temporary: boolean): CreateTrigger {
    const ifNotExists = this.ifNotExists();
    const name = this.qualifiedName();
    const time = this.triggerTime();
    let event: CreateTrigger['event'];
    let columns: Name[] = [];
    if (this.accept(K.DELETE)) event = 'delete';
    else if (this.accept(K.INSERT)) event = 'insert';
    else {
      this.expect(K.UPDATE);
      event = 'update';
      if (this.accept(K.OF)) columns = this.names();
    }
    this.expect(K.ON);
    const table = this.qualifiedName();
    if (this.accept(K.FOR)) {
      this.expect(K.EACH);
      this.expect(K.ROW);
    }
    const when = this.accept(K.WHEN) ? this.operand(0) : undefined;
    this.expect(K.BEGIN);
    const body = this.triggerBody();
    return {
      kind: 'createTrigger',
      ...{temporary, ifNotExists, name, time, event, columns, table, when, body, from, to: this.previousTo},
    };
  }

  private triggerTime(): CreateTrigger['time'] {
    if (this.accept(K.BEFORE)) return 'before';
    if (this.accept(K.AFTER)) return 'after';
    if (!this.accept(K.INSTEAD)) return 'before';
    this.expect(K.OF);
    return 'instead of';
  }

  private triggerBody(): (Insert | Update | Delete | Select)[] {
    const body: (Insert | Update | Delete | Select)[] = [];
    this.inTrigger = true;
    do {
      body.push(this.triggerStatement());
      this.expect(T.semicolon);
    } while (!this.accept(K.END));
    this.inTrigger = false;
    return body;
  }

  private triggerStatement(): Insert | Update | Delete | Select {
    const {from} = this;
    if (this.at(K.UPDATE)) return this.update(undefined, from);
    if (this.at(K.INSERT) || this.at(K.REPLACE)) return this.insert(undefined, from);
    if (this.at(K.DELETE)) return this.delete(undefined, from);
    if (this.atSelect()) return this.select();
    this.fail();
  }

  // ------------------------------------------------------------------------------------------------ alter and drop

  /** Reads ALTER, which is the current token. */
  protected alter(): AlterTable {
    const {from} = this;
    this.advance();
    this.expect(K.TABLE);
    const table = this.qualifiedName();
    const altered = (): {kind: 'alterTable'; table: AlterTable['table']} & Span => ({
      kind: 'alterTable',
      ...{table, from, to: this.previousTo},
    });
    if (this.accept(K.ADD)) {
      this.accept(K.COLUMN);
      const definition = this.columnDefinition();
      return {action: 'addColumn', definition, ...altered()};
    }
    if (this.accept(K.DROP)) {
      this.accept(K.COLUMN);
      const column = this.name();
      return {action: 'dropColumn', column, ...altered()};
    }
    this.expect(K.RENAME);
    if (this.accept(K.TO)) {
      const newName = this.name();
      return {action: 'renameTable', newName, ...altered()};
    }
    this.accept(K.COLUMN);
    const column = this.name();
    this.expect(K.TO);
    const newName = this.name();
    return {action: 'renameColumn', column, newName, ...altered()};
  }

  /** Reads DROP, which is the current token. */
  protected drop(): Drop {
    const {from} = this;
    this.advance();
    let what: Drop['what'];
    if (this.accept(K.TABLE)) what = 'table';
    else if (this.accept(K.INDEX)) what = 'index';
    else if (this.accept(K.VIEW)) what = 'view';
    else {
      this.expect(K.TRIGGER);
      what = 'trigger';
    }
    const ifExists = this.accept(K.IF);
    if (ifExists) this.expect(K.EXISTS);
    const name = this.qualifiedName();
    return {kind: 'drop', what, ifExists, name, from, to: this.previousTo};
  }
}
