/**
 * What tables there are and how they are made, as rows: `tables`, `columns`, `indexes`, and what programs written for SQLite
 * ask, `sqlite_schema` and the functions of pragmas. Layer: sql.
 */
import {DbosError} from '../../errors.js';
import {formatId, type ObjectId} from '../../objects/id.js';
import {isView, readDefinition} from '../../state/definition.js';
import {FILES_TABLE} from '../../state/files.js';
import {readTable} from '../../state/table.js';
import type {RowSource, Source, SourceColumn, TableFunction, TreeSource} from '../source.js';
import type {Value} from '../values/value.js';
import {integer, text} from './columns.js';
import {indexesOf, type KnownIndex} from './index-source.js';
import {foldName, SYSTEM_TABLES} from './names.js';
import type {States} from './states.js';
import type {TableDefinition} from './table-definition.js';
import {readShape} from './table-source.js';

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

/** Returns the functions of pragmas, which look at the tables through `find`. */
export function pragmaFunctions(
  subject: () => SchemaSubject,
  find: (name: string) => Source | undefined,
): TableFunction[] {
  const infoColumns = [
    integer('cid'),
    text('name'),
    text('type'),
    integer('notnull'),
    text('dflt_value', false),
    integer('pk'),
  ];
  const listColumns = [text('schema'), text('name'), text('type'), integer('ncol'), integer('wr'), integer('strict')];
  return [
    {
      name: 'pragma_table_info',
      minArgs: 1,
      maxArgs: 1,
      bind: () => ({
        columns: infoColumns,
        rows: 10,
        call: ([table]) => (typeof table === 'string' ? tableInfo(subject(), find, table) : []),
      }),
    },
    {
      name: 'pragma_index_list',
      minArgs: 1,
      maxArgs: 1,
      bind: () => ({
        columns: [integer('seq'), text('name'), integer('unique'), text('origin'), integer('partial')],
        rows: 10,
        call: ([table]) => (typeof table === 'string' ? indexList(subject(), table) : []),
      }),
    },
    {
      name: 'pragma_index_info',
      minArgs: 1,
      maxArgs: 1,
      bind: () => ({
        columns: [integer('seqno'), integer('cid'), text('name', false)],
        rows: 10,
        call: ([index]) => (typeof index === 'string' ? indexInfo(subject(), index) : []),
      }),
    },
    {
      name: 'pragma_table_list',
      minArgs: 0,
      maxArgs: 0,
      bind: () => ({columns: listColumns, rows: TABLES_ABOUT, call: () => tableList(subject(), find)}),
    },
  ];
}

function* tableInfo(
  subject: SchemaSubject,
  find: (name: string) => Source | undefined,
  name: string,
): Generator<Value[]> {
  const source = findShown(find, name);
  if (source === undefined || source.kind === 'view') return;
  const definition = [...tablesOf(subject)].find(entry => foldName(entry.name) === foldName(name))?.definition;
  for (const [i, column] of visible(source.columns).entries()) {
    const declared = definition?.columns[i];
    const notNull = declared ? declared.notNull : column.notNull;
    const key = source.kind === 'tree' ? keyPosition(source, i) : 0;
    yield [i, column.name, column.type, notNull ? 1 : 0, declared?.default?.text ?? null, key];
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

function* tableList(subject: SchemaSubject, find: (name: string) => Source | undefined): Generator<Value[]> {
  for (const {name, source, definition} of tablesOf(subject)) {
    const withoutRowid = name === FILES_TABLE || definition?.withoutRowid;
    yield ['main', name, 'table', visible(source.columns).length, withoutRowid ? 1 : 0, definition?.strict ? 1 : 0];
  }
  for (const name of viewsOf(subject).keys()) yield ['main', name, 'view', 0, 0, 0];
  for (const name of [...SYSTEM_TABLES, 'sqlite_schema']) {
    const source = name === FILES_TABLE ? undefined : findShown(find, name);
    if (source?.kind === 'rows') yield ['main', name, 'virtual', visible(source.columns).length, 0, 0];
  }
}

/** Returns a table, or undefined also if there is one that cannot be read here. */
function findShown(find: (name: string) => Source | undefined, name: string): Source | undefined {
  try {
    return find(name);
  } catch (error) {
    if (error instanceof DbosError && error.code === 'SQL_UNSUPPORTED') return undefined;
    throw error;
  }
}
