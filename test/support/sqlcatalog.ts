/**
 * Tables in memory for tests of queries: made from CREATE TABLE and INSERT statements, or given as sources.
 */
import {MemoryObjects} from '../../src/objects/memory.js';
import type {CreateTable, Expr, IndexedColumn, Insert, Name, Select, Statement} from '../../src/sql/ast.js';
import {foldName} from '../../src/sql/catalog/names.js';
import {SERIES_FUNCTION} from '../../src/sql/catalog/series-function.js';
import {defineTable, type TableDefinition} from '../../src/sql/catalog/table-definition.js';
import {RowIntake, writeTableRows} from '../../src/sql/catalog/table-rows.js';
import {tableSource} from '../../src/sql/catalog/table-source.js';
import {JSON_TABLE_FUNCTIONS} from '../../src/sql/functions/json.js';
import {parseScript} from '../../src/sql/parser/parser.js';
import type {Catalog, Source, TableFunction} from '../../src/sql/source.js';
import type {CollationName, Value} from '../../src/sql/values/value.js';
import {MIN_INTEGER, Real, realCell} from '../../src/tree/cell.js';
import {encodeKey} from '../../src/tree/key.js';
import type {TreeSpec} from '../../src/tree/spec.js';

const FUNCTIONS: readonly TableFunction[] = [...JSON_TABLE_FUNCTIONS, SERIES_FUNCTION];

/** Returns a catalog of these tables and functions; names are found in any case. */
export function memoryCatalog(
  tables: ReadonlyMap<string, Source>,
  functions: readonly TableFunction[] = FUNCTIONS,
): Catalog {
  const sources = new Map([...tables].map(([name, source]) => [foldName(name), source]));
  const called = new Map(functions.map(each => [foldName(each.name), each]));
  return {
    findTable: (name, revision) => {
      if (revision !== undefined) throw new Error('tables in memory have no versions');
      return sources.get(foldName(name));
    },
    findFunction: name => called.get(foldName(name)),
    names: () => [...tables.keys()],
  };
}

/** Returns the tables and views that a script of CREATE and INSERT statements makes. Throws as `MemoryTables.execute`. */
export function loadTables(script: string): Map<string, Source> {
  const tables = new MemoryTables();
  for (const statement of parseScript(script)) tables.execute(statement, script);
  return tables.sources();
}

/** Runs a query for an INSERT that is more than constants. */
export type QueryRunner = (sql: string) => Iterable<readonly Value[]>;

/** Tables in memory that statements change. */
export class MemoryTables {
  private readonly objects = new MemoryObjects();
  private readonly tables = new Map<string, MemoryTable>();
  private readonly views = new Map<string, Source>();

  /**
   * Executes CREATE TABLE, CREATE VIEW, CREATE UNIQUE INDEX, INSERT and DROP; other indexes, transactions and the like do
   * nothing. `source` is the text that the statement's spans are places of. Returns the number of rows inserted. Throws
   * a `DbosError` with SQLite's words for what SQLite refuses, an `Error` for a statement that this does not know.
   */
  execute(statement: Statement, source: string, query?: QueryRunner): number {
    switch (statement.kind) {
      case 'createTable': {
        const folded = foldName(statement.name.name.text);
        if (this.tables.has(folded) || this.views.has(folded)) {
          if (statement.ifNotExists) return 0;
          throw new Error(`table ${statement.name.name.text} already exists`);
        }
        this.tables.set(folded, new MemoryTable(this.objects, statement, source));
        return 0;
      }
      case 'createView': {
        const name = statement.name.name.text;
        const folded = foldName(name);
        if (this.tables.has(folded) || this.views.has(folded)) {
          if (statement.ifNotExists) return 0;
          throw new Error(`view ${name} already exists`);
        }
        this.views.set(folded, {kind: 'view', name, sql: source.slice(statement.from, statement.to)});
        return 0;
      }
      case 'createIndex':
        if (statement.unique && statement.where === undefined) this.table(statement.table).addUnique(statement.columns);
        return 0;
      case 'insert':
        return this.insert(statement, source, query);
      case 'drop': {
        if (statement.what === 'index' || statement.what === 'trigger') return 0;
        const {text} = statement.name.name;
        const dropped = (statement.what === 'table' ? this.tables : this.views).delete(foldName(text));
        if (!dropped && !statement.ifExists) throw new Error(`no such ${statement.what}: ${text}`);
        return 0;
      }
      case 'begin':
      case 'commit':
      case 'analyze':
      case 'reindex':
      case 'vacuum':
      case 'pragma':
        return 0;
      default:
        throw new Error(`tables in memory do not know ${statement.kind}`);
    }
  }

  /** Returns the tables and views as they are now. */
  sources(): Map<string, Source> {
    const sources = new Map<string, Source>();
    for (const table of this.tables.values()) sources.set(table.definition.name, table.source());
    for (const view of this.views.values()) sources.set(view.name, view);
    return sources;
  }

  /** Returns a catalog that shows the tables as they are whenever it is asked. */
  catalog(functions: readonly TableFunction[] = FUNCTIONS): Catalog {
    const called = new Map(functions.map(each => [foldName(each.name), each]));
    return {
      findTable: name => this.tables.get(foldName(name))?.source() ?? this.views.get(foldName(name)),
      findFunction: name => called.get(foldName(name)),
      names: () => [...this.sources().keys()],
    };
  }

  private table(name: Name): MemoryTable {
    const table = this.tables.get(foldName(name.text));
    if (table === undefined) throw new Error(`no such table: ${name.text}`);
    return table;
  }

  private insert(statement: Insert, source: string, query: QueryRunner | undefined): number {
    const table = this.table(statement.table.name);
    const {columns} = table.definition;
    const places = statement.columns?.map(name => {
      const place = columns.findIndex(column => foldName(column.name) === foldName(name.text));
      if (place < 0) throw new Error(`table ${table.definition.name} has no column named ${name.text}`);
      return place;
    });
    const defaults = columns.map(column =>
      column.default === undefined ? null : evaluate(column.default.expr, table.sql, query),
    );
    if (statement.source === undefined) return table.add(defaults, statement.or) ? 1 : 0;
    const count = places?.length ?? columns.length;
    const rows = [...rowsOf(statement.source, source, query)];
    for (const row of rows) {
      if (row.length === count) continue;
      throw new Error(
        places
          ? `${row.length} values for ${count} columns`
          : `table ${table.definition.name} has ${count} columns but ${row.length} values were supplied`,
      );
    }
    let inserted = 0;
    for (const row of rows) {
      const values = [...defaults];
      for (const [i, value] of row.entries()) values[places ? (places[i] as number) : i] = value;
      if (table.add(values, statement.or)) inserted++;
    }
    return inserted;
  }
}

function* rowsOf(select: Select, source: string, query: QueryRunner | undefined): Generator<readonly Value[]> {
  if (select.body.kind === 'values' && select.with === undefined && select.limit === undefined) {
    for (const row of select.body.rows) yield row.map(expr => evaluate(expr, source, query));
    return;
  }
  if (query === undefined) throw new Error('INSERT of a query needs something that runs it');
  yield* query(source.slice(select.from, select.to));
}

/** Returns the value of a literal with signs; anything else is for `query`. */
function evaluate(expr: Expr, source: string, query: QueryRunner | undefined): Value {
  if (expr.kind === 'literal') return expr.value;
  if (expr.kind === 'unary' && (expr.operator === '-' || expr.operator === '+')) {
    if (source.slice(expr.from, expr.to) === '-9223372036854775808') return MIN_INTEGER;
    const value = evaluate(expr.operand, source, query);
    if (expr.operator === '+') return value;
    if (typeof value === 'bigint') return -value;
    if (value instanceof Real) return realCell(-value.value);
    if (typeof value === 'number') return Number.isSafeInteger(value) ? 0 - value : -value;
  }
  if (expr.kind === 'column' && expr.table === undefined) {
    if (/^(true|false)$/i.test(expr.name.text) && !expr.name.quoted) return /^t/i.test(expr.name.text) ? 1 : 0;
    if (expr.name.quoted) return expr.name.text;
  }
  const text = source.slice(expr.from, expr.to);
  if (query === undefined) throw new Error(`not a constant: ${text}`);
  for (const [value = null] of query(`SELECT ${text}`)) return value;
  return null;
}

/** Rows that must not be the same in some columns. */
interface Unique {
  readonly columns: readonly number[];
  readonly spec: TreeSpec;
  /** Whether rows with NULL are all different. */
  readonly nulls: boolean;
  readonly rows: Map<string, number>;
}

class MemoryTable {
  readonly definition: TableDefinition;
  /** The text that the definition's expressions are places of. */
  readonly sql: string;
  private readonly intake: RowIntake;
  private readonly rows = new Map<number, readonly Value[]>();
  private readonly uniques: Unique[] = [];
  private next = 0;
  private built: Source | undefined;

  constructor(
    private readonly objects: MemoryObjects,
    statement: CreateTable,
    source: string,
  ) {
    this.sql = source;
    this.definition = defineTable(statement, source);
    this.intake = new RowIntake(this.definition);
    const {key} = this.definition;
    if (key.length > 0) {
      const columns = key.map(part => part.column);
      const collations = key.map(part => part.collation);
      this.uniques.push({columns, spec: specOf(collations), nulls: false, rows: new Map()});
    }
    for (const [i, column] of statement.columns.entries()) {
      if (column.constraints.some(each => each.kind === 'unique')) this.addUniqueOf([i]);
    }
    for (const each of statement.constraints) if (each.kind === 'unique') this.addUnique(each.columns);
  }

  /** Makes it refuse rows that are the same in these columns; expressions are not looked at. */
  addUnique(columns: readonly IndexedColumn[]): void {
    const places: number[] = [];
    for (const {expr} of columns) {
      if (expr.kind !== 'column') return;
      const {text} = expr.name;
      const place = this.definition.columns.findIndex(column => foldName(column.name) === foldName(text));
      if (place < 0) throw new Error(`no such column: ${text}`);
      places.push(place);
    }
    this.addUniqueOf(places);
  }

  private addUniqueOf(columns: readonly number[]): void {
    const collations = columns.map(column => this.definition.columns[column]?.collation ?? 'binary');
    const unique: Unique = {columns, spec: specOf(collations), nulls: true, rows: new Map()};
    for (const [id, row] of this.rows) this.note(unique, row, id);
    this.uniques.push(unique);
  }

  /** Adds a row; returns whether it is there then. Throws for one that breaks a constraint. */
  add(values: readonly Value[], or: Insert['or']): boolean {
    const stored = this.intake.take(values);
    const row = new Array<Value>(values.length);
    for (const [i, declared] of this.definition.storage.entries())
      if (declared >= 0) row[declared] = stored[i] as Value;
    for (const unique of this.uniques) {
      const key = keyOf(unique, row);
      const other = key === undefined ? undefined : unique.rows.get(key);
      if (other === undefined) continue;
      if (or === 'ignore') return false;
      if (or !== 'replace') throw this.duplicate(unique);
      this.remove(other);
    }
    const id = this.next++;
    this.rows.set(id, row);
    for (const unique of this.uniques) this.note(unique, row, id);
    this.built = undefined;
    return true;
  }

  source(): Source {
    const {objects, definition} = this;
    this.built ??= tableSource(objects, definition.name, writeTableRows(objects, definition, this.rows.values()));
    return this.built;
  }

  private note(unique: Unique, row: readonly Value[], id: number): void {
    const key = keyOf(unique, row);
    if (key === undefined) return;
    if (unique.rows.has(key)) throw this.duplicate(unique);
    unique.rows.set(key, id);
  }

  private remove(id: number): void {
    const row = this.rows.get(id) as readonly Value[];
    for (const unique of this.uniques) {
      const key = keyOf(unique, row);
      if (key !== undefined) unique.rows.delete(key);
    }
    this.rows.delete(id);
  }

  private duplicate({columns}: Unique): Error {
    const {name} = this.definition;
    return new Error(
      `UNIQUE constraint failed: ${columns.map(column => `${name}.${this.definition.columns[column]?.name}`).join(', ')}`,
    );
  }
}

function specOf(collations: readonly CollationName[]): TreeSpec {
  const keys = collations.map(collation => ({collation, descending: false}));
  return {keys, columns: keys.length, leafRows: 16, innerRows: 16};
}

function keyOf({columns, spec, nulls}: Unique, row: readonly Value[]): string | undefined {
  const cells = columns.map(column => row[column] as Value);
  if (nulls && cells.includes(null)) return undefined;
  return encodeKey(spec, cells).toString('latin1');
}
