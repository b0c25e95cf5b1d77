/**
 * What tables there are and how they are made, as rows: `tables`, `columns`, `indexes`, and what programs written for SQLite
 * ask, `sqlite_schema` and the functions of pragmas. Layer: sql.
 */
import {DbosError} from '../../errors.js';
import {formatId, type ObjectId} from '../../objects/id.js';
import {isView, readDefinition} from '../../state/definition.js';
import {FILES_TABLE} from '../../state/files.js';
import {readTable} from '../../state/table.js';
import type {Catalog, RowSource, Source, SourceColumn, TableFunction, TreeSource} from '../source.js';
import type {Value} from '../values/value.js';
import {integer, text} from './columns.js';
import {indexesOf, type KnownIndex} from './index-source.js';
import {foldName, SYSTEM_TABLES} from './names.js';
import type {States} from './states.js';
import type {TableDefinition} from './table-definition.js';
import {readShape} from './table-source.js';
import {viewColumns} from './view-columns.js';

/** What is shown: the tables of a state, and views. */
export interface SchemaSubject {
  readonly states: States;
  readonly state: ObjectId | undefined;
  /** The CREATE VIEW statements by name of views that are not of the state. */
  readonly views: ReadonlyMap<string, string>;
}

/** Returns the CREATE VIEW statements by name. */
function viewsOf({states, state, views}: SchemaSubject): ReadonlyMap<string, string> {
  return new Map([...states.views(state), ...views]);
}

interface TableEntry {
  readonly name: string;
  readonly source: TreeSource;
  /** Undefined for `files`, and in a state without a table of it. */
  readonly definition: TableDefinition | undefined;
  readonly table: ObjectId | undefined;
}

function* tablesOf({states, state}: SchemaSubject): Generator<TableEntry> {
  for (const name of [FILES_TABLE, ...states.userTables(state)]) {
    const source = states.find(state, name) as TreeSource;
    const table = state === undefined ? undefined : states.tables(state).get(name);
    const definition =
      table === undefined || name === FILES_TABLE
        ? undefined
        : readShape(states.reader, readTable(states.reader, table).schema).definition;
    yield {name, source, definition, table};
  }
}

function visible(columns: readonly SourceColumn[]): SourceColumn[] {
  return columns.filter(column => !column.hidden);
}

const TABLES_ABOUT = 10;

/** Returns the table `tables`: the tables and views of a state. */
function tablesSource(subject: SchemaSubject): RowSource {
  const columns = [
    text('name'),
    text('kind'),
    integer('rows', false),
    integer('columns', false),
    text('table_id', false),
    text('schema_id', false),
    text('root_id', false),
  ];
  return {
    kind: 'rows',
    name: 'tables',
    columns,
    rows: TABLES_ABOUT,
    *scan() {
      for (const {name, source, table} of tablesOf(subject)) {
        const stored = table === undefined ? undefined : readTable(subject.states.reader, table);
        yield [
          name,
          'table',
          source.rows,
          visible(source.columns).length,
          table === undefined ? null : formatId(table),
          stored === undefined ? null : formatId(stored.schema),
          stored?.root == null ? null : formatId(stored.root),
        ];
      }
      for (const name of viewsOf(subject).keys()) yield [name, 'view', null, null, null, null, null];
    },
  };
}

/** Returns the table `columns`: those of the tables of a state; positions count from 1. */
function columnsSource(subject: SchemaSubject): RowSource {
  const columns = [
    text('table_name'),
    integer('position'),
    text('name'),
    text('type'),
    text('affinity'),
    text('collation'),
    integer('not_null'),
    text('default_value', false),
    integer('key_position', false),
  ];
  return {
    kind: 'rows',
    name: 'columns',
    columns,
    rows: TABLES_ABOUT * 10,
    *scan() {
      for (const {name, source, definition} of tablesOf(subject)) {
        for (const [i, column] of visible(source.columns).entries()) {
          yield [
            name,
            i + 1,
            column.name,
            column.type,
            column.affinity.toUpperCase(),
            column.collation.toUpperCase(),
            column.notNull ? 1 : 0,
            definition?.columns[i]?.default?.text ?? null,
            keyPosition(source, i) || null,
          ];
        }
      }
    },
  };
}

/** Returns the place of a column in the key, from 1; 0 if it is not part of it. */
function keyPosition({key, columns}: TreeSource, column: number): number {
  return columns[column]?.hidden ? 0 : key.indexOf(column) + 1;
}

interface IndexEntry {
  readonly table: TableEntry;
  readonly index: KnownIndex;
}

/** Yields the indexes of the tables of a state. */
function* indexEntries(subject: SchemaSubject): Generator<IndexEntry> {
  const {reader} = subject.states;
  for (const table of tablesOf(subject)) {
    if (table.table === undefined) continue;
    const owner = {...table.source, definition: table.definition};
    for (const index of indexesOf(reader, owner, readTable(reader, table.table))) yield {table, index};
  }
}

/** Returns the terms of an index as text: names of columns, `expression` for what is none. */
function termNames({source}: TableEntry, {definition}: KnownIndex): (string | undefined)[] {
  return definition.terms.map(({column}) => (column === undefined ? undefined : source.columns[column]?.name));
}

/** Returns the table `indexes`: those of the tables of a state. */
function indexesSource(subject: SchemaSubject): RowSource {
  const columns = [text('name'), text('table_name'), integer('unique'), text('columns'), text('sql', false)];
  return {
    kind: 'rows',
    name: 'indexes',
    columns,
    rows: TABLES_ABOUT,
    *scan() {
      for (const {table, index} of indexEntries(subject)) {
        const {name, unique, sql = null} = index.definition;
        const terms = termNames(table, index).map(each => (each === undefined ? '(expression)' : quoted(each)));
        yield [name, table.name, unique ? 1 : 0, terms.join(', '), sql];
      }
    },
  };
}

function quoted(name: string): string {
  return /^[A-Za-z_]\w*$/.test(name) && name !== 'group' ? name : `"${name.replaceAll('"', '""')}"`;
}

/** Returns a CREATE TABLE statement that says what `files` is like. */
function filesSql({columns}: TreeSource): string {
  const declared = visible(columns).map(
    ({name, type, notNull}) => `${quoted(name)}${type && ` ${type}`}${notNull ? ' NOT NULL' : ''}`,
  );
  return `CREATE TABLE ${FILES_TABLE}(${declared.join(', ')}, PRIMARY KEY (dir, name)) WITHOUT ROWID`;
}

/** Returns the table `sqlite_schema` (`sqlite_master`). */
function sqliteSchemaSource(subject: SchemaSubject, name: string): RowSource {
  return {
    kind: 'rows',
    name,
    columns: [text('type'), text('name'), text('tbl_name'), integer('rootpage'), text('sql', false)],
    rows: TABLES_ABOUT,
    *scan() {
      for (const {name: table, source, definition} of tablesOf(subject)) {
        yield ['table', table, table, 0, table === FILES_TABLE ? filesSql(source) : (definition?.sql ?? null)];
      }
      for (const {table, index} of indexEntries(subject)) {
        yield ['index', index.definition.name, table.name, 0, index.definition.sql ?? null];
      }
      for (const [view, sql] of viewsOf(subject)) yield ['view', view, view, 0, sql];
      for (const {table, name: trigger, sql} of triggersOf(subject)) yield ['trigger', trigger, table, 0, sql];
    },
  };
}

/** Yields the triggers of a state. */
function* triggersOf({states, state}: SchemaSubject): Generator<{table: string; name: string; sql: string}> {
  if (state === undefined) return;
  const {reader} = states;
  for (const [table, id] of states.tables(state)) {
    const {triggers = []} = isView(reader, id) ? readDefinition(reader, id) : readTable(reader, id);
    for (const {name, id: definition} of triggers) yield {table, name, sql: readDefinition(reader, definition).sql};
  }
}

/** Tables that show a state, so that they can be asked of any. */
export const STATE_TABLES: Readonly<Record<string, (subject: SchemaSubject, name: string) => RowSource>> = {
  tables: tablesSource,
  columns: columnsSource,
  indexes: indexesSource,
  sqlite_schema: sqliteSchemaSource,
  sqlite_master: sqliteSchemaSource,
};

const PRAGMAS: ReadonlySet<string> = new Set(['table_info', 'table_xinfo', 'index_list', 'index_info', 'table_list']);

/** Returns whether a PRAGMA of this name only shows tables: it has a function. */
export function isPragmaFunction(name: string): boolean {
  return PRAGMAS.has(foldName(name));
}

/** Returns the functions of pragmas, which look at the tables through `catalog`. */
export function pragmaFunctions(subject: () => SchemaSubject, catalog: Catalog): TableFunction[] {
  const infoColumns = [
    integer('cid'),
    text('name'),
    text('type'),
    integer('notnull'),
    text('dflt_value', false),
    integer('pk'),
  ];
  const listColumns = [text('schema'), text('name'), text('type'), integer('ncol'), integer('wr'), integer('strict')];
  // what a view reads may be functions of pragmas, of which only the columns matter then
  let describing = false;
  const describe = (view: string) => {
    describing = true;
    try {
      return viewColumns(catalog, view);
    } finally {
      describing = false;
    }
  };
  const ofTable = (
    name: string,
    columns: readonly SourceColumn[],
    rows: (subject: SchemaSubject, table: string) => Iterable<Value[]>,
  ): TableFunction => ({
    name,
    minArgs: 1,
    maxArgs: 1,
    bind: ([constant]) => {
      if (!describing) load(subject(), describe, constant);
      return {columns, rows: 10, call: ([given]) => (typeof given === 'string' ? rows(subject(), given) : [])};
    },
  });
  return [
    ofTable('pragma_table_info', infoColumns, function* (subject, table) {
      // as in SQLite without generated columns
      const shown = [...tableInfo(subject, catalog, describe, table)].filter(({hidden}) => hidden === 0);
      for (const [i, {facts}] of shown.entries()) yield [i, ...facts];
    }),
    ofTable('pragma_table_xinfo', [...infoColumns, integer('hidden')], function* (subject, table) {
      for (const [i, {facts, hidden}] of [...tableInfo(subject, catalog, describe, table)].entries())
        yield [i, ...facts, hidden];
    }),
    ofTable(
      'pragma_index_list',
      [integer('seq'), text('name'), integer('unique'), text('origin'), integer('partial')],
      indexList,
    ),
    ofTable('pragma_index_info', [integer('seqno'), integer('cid'), text('name', false)], indexInfo),
    {
      name: 'pragma_table_list',
      minArgs: 0,
      maxArgs: 0,
      bind: () => {
        subject();
        return {columns: listColumns, rows: TABLES_ABOUT, call: () => tableList(subject(), catalog)};
      },
    },
  ];
}

type DescribeView = (name: string) => ReturnType<typeof viewColumns>;

/** Has loaded what views read, since only binding can wait for it: all views where the name is none that is known by then. */
function load(subject: SchemaSubject, describe: DescribeView, name: Value | undefined): void {
  const views = [...viewsOf(subject).keys()];
  for (const view of typeof name === 'string' ? views.filter(each => foldName(each) === foldName(name)) : views) {
    try {
      describe(view);
    } catch (error) {
      // what is wrong with the view is told when its row is made
      if (!(error instanceof DbosError)) throw error;
    }
  }
}

interface ColumnInfo {
  /** Name, type, notnull, dflt_value and pk. */
  readonly facts: readonly Value[];
  /** As SQLite has it: 2 for a generated column that is computed, 3 for one that is stored. */
  readonly hidden: 0 | 2 | 3;
}

function* tableInfo(
  subject: SchemaSubject,
  catalog: Catalog,
  describe: DescribeView,
  name: string,
): Generator<ColumnInfo> {
  const source = findShown(catalog, name);
  if (source === undefined) return;
  if (source.kind === 'view') {
    for (const column of describe(source.name)) {
      yield {facts: [column.name, column.type, 0, null, 0], hidden: 0};
    }
    return;
  }
  const definition = [...tablesOf(subject)].find(entry => foldName(entry.name) === foldName(name))?.definition;
  for (const [i, column] of visible(source.columns).entries()) {
    const declared = definition?.columns[i];
    const notNull = declared ? declared.notNull : column.notNull;
    const key = source.kind === 'tree' ? keyPosition(source, i) : 0;
    const generated = declared?.generated;
    yield {
      facts: [column.name, column.type, notNull ? 1 : 0, declared?.default?.text ?? null, key],
      hidden: generated === undefined ? 0 : generated.stored ? 3 : 2,
    };
  }
}

function* indexList(subject: SchemaSubject, name: string): Generator<Value[]> {
  const found = [...indexEntries(subject)].filter(({table}) => foldName(table.name) === foldName(name));
  for (const [seq, {index}] of found.reverse().entries()) {
    const {name: own, unique, sql, where} = index.definition;
    yield [seq, own, unique ? 1 : 0, sql === undefined ? 'u' : 'c', where ? 1 : 0];
  }
}

function* indexInfo(subject: SchemaSubject, name: string): Generator<Value[]> {
  for (const {table, index} of indexEntries(subject)) {
    if (foldName(index.definition.name) !== foldName(name)) continue;
    for (const [seq, {column}] of index.definition.terms.entries()) {
      yield [seq, column ?? -2, column === undefined ? null : (table.source.columns[column]?.name ?? null)];
    }
  }
}

function* tableList(subject: SchemaSubject, catalog: Catalog): Generator<Value[]> {
  for (const {name, source, definition} of tablesOf(subject)) {
    const withoutRowid = name === FILES_TABLE || definition?.withoutRowid;
    yield ['main', name, 'table', visible(source.columns).length, withoutRowid ? 1 : 0, definition?.strict ? 1 : 0];
  }
  for (const name of viewsOf(subject).keys()) yield ['main', name, 'view', 0, 0, 0];
  for (const name of [...SYSTEM_TABLES, 'sqlite_schema']) {
    const source = name === FILES_TABLE ? undefined : findShown(catalog, name);
    if (source?.kind === 'rows') yield ['main', name, 'virtual', visible(source.columns).length, 0, 0];
  }
}

/** Returns a table, or undefined also if there is one that cannot be read here. */
function findShown({describeTable, findTable}: Catalog, name: string): Source | undefined {
  try {
    return (describeTable ?? findTable)(name);
  } catch (error) {
    if (error instanceof DbosError && error.code === 'SQL_UNSUPPORTED') return undefined;
    throw error;
  }
}
