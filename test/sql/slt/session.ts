/**
 * A database in memory for tests that come as SQL: tables, rows and views are made by statements. The engine answers
 * queries only, so UPDATE and DELETE are carried out here as a query that gives the rows which the table has afterwards.
 * What that cannot express is refused with `NotYet`, and so is, from then on, whatever reads a table touched by it.
 */
import type {
  CreateIndex,
  CreateTrigger,
  Delete,
  Drop,
  Insert,
  Name,
  Span,
  Statement,
  Update,
} from '../../../src/sql/ast.js';
import {foldName} from '../../../src/sql/catalog/names.js';
import {statements} from '../../../src/sql/parser/parser.js';
import {Database} from '../../../src/sql/query.js';
import type {Catalog} from '../../../src/sql/source.js';
import type {Value} from '../../../src/sql/values/value.js';
import {MemoryTables} from '../../support/sqlcatalog.js';

/** Something that the engine cannot do yet. */
export class NotYet extends Error {}

type Rows = readonly (readonly Value[])[];

interface TableOfScript {
  readonly name: string;
  /** The names of its columns, quoted. */
  readonly columns: readonly string[];
  /** What makes it anew: CREATE TABLE, then the indexes that refuse rows. */
  readonly definition: string[];
}

function fold(name: Name): string {
  return foldName(name.text);
}

function quoted(name: string): string {
  return `"${name.replaceAll('"', '""')}"`;
}

export class Session {
  readonly database: Database;
  private readonly memory = new MemoryTables();
  private readonly catalog = this.memory.catalog();
  private readonly tables = new Map<string, TableOfScript>();
  private readonly views = new Set<string>();
  /** The table of each index and of each trigger. */
  private readonly indexes = new Map<string, string>();
  private readonly triggers = new Map<string, string>();
  /** Why a table is no longer what the statements made of it. */
  private readonly lost = new Map<string, string>();

  constructor() {
    const catalog: Catalog = {
      ...this.catalog,
      findTable: (name, revision) => {
        const reason = this.lost.get(foldName(name));
        if (reason !== undefined) throw new NotYet(reason);
        return this.catalog.findTable(name, revision);
      },
    };
    this.database = new Database(catalog, {now: () => 0, zone: () => 0});
  }

  /** Carries out one or more statements and returns the rows of the last. */
  execute(sql: string): Rows {
    let rows: Rows = [];
    for (const {statement} of statements(sql)) rows = this.run(statement, sql);
    return rows;
  }

  private query(sql: string): Rows {
    return this.database.prepare(sql).all();
  }

  private run(statement: Statement, sql: string): Rows {
    const text = ({from, to}: Span) => sql.slice(from, to);
    switch (statement.kind) {
      case 'select':
        return this.query(text(statement));
      case 'createTable': {
        if (statement.query !== undefined) throw new NotYet('CREATE TABLE AS');
        const name = fold(statement.name.name);
        this.memory.execute(statement, sql);
        if (this.tables.has(name)) break;
        const columns = statement.columns.map(column => quoted(column.name.text));
        this.tables.set(name, {name: statement.name.name.text, columns, definition: [text(statement)]});
        break;
      }
      case 'createView':
        this.memory.execute(statement, sql);
        this.views.add(fold(statement.name.name));
        break;
      case 'createIndex':
        this.createIndex(statement, sql);
        break;
      case 'createTrigger':
        this.createTrigger(statement);
        break;
      case 'drop':
        this.drop(statement, sql);
        break;
      case 'insert':
        this.insert(statement, sql);
        break;
      case 'delete':
        this.delete(statement, text);
        break;
      case 'update':
        this.update(statement, text);
        break;
      case 'reindex': {
        const name = statement.name?.name;
        if (name === undefined || this.indexes.has(fold(name)) || this.tables.has(fold(name))) break;
        throw new Error(`unable to identify the object to be reindexed: ${name.text}`);
      }
      default:
        throw new NotYet(statement.kind);
    }
    return [];
  }

  private createIndex(statement: CreateIndex, sql: string): void {
    const name = fold(statement.name.name);
    if (this.indexes.has(name)) {
      if (statement.ifNotExists) return;
      throw new Error(`index ${statement.name.name.text} already exists`);
    }
    const table = this.table(statement.table);
    this.memory.execute(statement, sql);
    this.indexes.set(name, fold(statement.table));
    if (statement.unique) table.definition.push(sql.slice(statement.from, statement.to));
  }

  private createTrigger(statement: CreateTrigger): void {
    const name = fold(statement.name.name);
    if (this.triggers.has(name)) {
      if (statement.ifNotExists) return;
      throw new Error(`trigger ${statement.name.name.text} already exists`);
    }
    const table = statement.table.name;
    if (!this.views.has(fold(table))) this.table(table);
    this.triggers.set(name, fold(table));
  }

  private drop(statement: Drop, sql: string): void {
    const {what, ifExists} = statement;
    const name = fold(statement.name.name);
    const kinds = {table: this.tables, view: this.views, index: this.indexes, trigger: this.triggers};
    if (!kinds[what].delete(name)) {
      if (ifExists) return;
      throw new Error(`no such ${what}: ${name}`);
    }
    this.memory.execute(statement, sql);
    if (what === 'index' || what === 'trigger') return;
    this.lost.delete(name);
    for (const attached of [this.indexes, this.triggers]) {
      for (const [other, table] of attached) if (table === name) attached.delete(other);
    }
  }

  // -------------------------------------------------------------------------------------------------- changes

  private table(name: Name): TableOfScript {
    const table = this.tables.get(fold(name));
    if (table !== undefined) return table;
    throw new Error(
      this.views.has(fold(name)) ? `cannot modify ${name.text} because it is a view` : `no such table: ${name.text}`,
    );
  }

  /** Returns a table to be changed; if that is not possible its contents are unknown from here on. */
  private changed(name: Name, possible: boolean, change: string): TableOfScript {
    const triggered = [...this.triggers.values()].includes(fold(name));
    if (triggered && this.views.has(fold(name))) throw new NotYet(`${change} with triggers`);
    const table = this.table(name);
    const known = this.lost.get(fold(name));
    if (known !== undefined) throw new NotYet(known);
    if (possible && !triggered) return table;
    const reason = triggered ? `${change} with triggers` : `${change} of some kind`;
    this.lost.set(fold(name), reason);
    throw new NotYet(reason);
  }

  private insert(statement: Insert, sql: string): void {
    const {upserts, returning, or} = statement;
    const simple = or === undefined || or === 'replace' || or === 'ignore';
    const plain = upserts.length === 0 && returning.length === 0 && simple && statement.with === undefined;
    this.changed(statement.table.name, plain, 'INSERT');
    this.memory.execute(statement, sql, text => this.query(text));
  }

  private delete(statement: Delete, text: (span: Span) => string): void {
    const {where, returning, limit} = statement;
    const plain = returning.length === 0 && limit === undefined && statement.with === undefined;
    const table = this.changed(statement.table.name.name, plain, 'DELETE');
    const rest = where === undefined ? 'WHERE 0' : `WHERE (${text(where)}) IS NOT TRUE`;
    this.replaceRows(table, this.query(`SELECT ${table.columns.join(', ')} FROM ${quoted(table.name)} ${rest}`));
  }

  private update(statement: Update, text: (span: Span) => string): void {
    const {where, returning, limit, source, set, or} = statement;
    const simple = set.every(({columns}) => columns.length === 1) && or === undefined;
    const plain = returning.length === 0 && limit === undefined && source === undefined && statement.with === undefined;
    const table = this.changed(statement.table.name.name, plain && simple, 'UPDATE');
    const assigned = new Map<string, string>();
    for (const {columns, value} of set) {
      for (const {text: name} of columns) {
        const column = table.columns.find(other => foldName(other) === foldName(quoted(name)));
        if (column === undefined) throw new Error(`no such column: ${name}`);
        // of several assignments to one column the last counts
        assigned.set(column, text(value));
      }
    }
    const values = table.columns.map(column => {
      const value = assigned.get(column);
      if (value === undefined) return column;
      return where === undefined ? value : `CASE WHEN ${text(where)} THEN ${value} ELSE ${column} END`;
    });
    this.replaceRows(table, this.query(`SELECT ${values.join(', ')} FROM ${quoted(table.name)}`));
  }

  /** Puts other rows into a table; if a constraint refuses them it stays as it was. */
  private replaceRows(table: TableOfScript, rows: Rows): void {
    const before = this.query(`SELECT ${table.columns.join(', ')} FROM ${quoted(table.name)}`);
    try {
      this.fill(table, rows);
    } catch (error) {
      this.fill(table, before);
      throw error;
    }
  }

  private fill({name, definition}: TableOfScript, rows: Rows): void {
    const script = [`DROP TABLE ${quoted(name)}`, ...definition, `INSERT INTO ${quoted(name)} SELECT 0`];
    for (const sql of script) {
      for (const {statement} of statements(sql)) this.memory.execute(statement, sql, () => rows);
    }
  }
}
