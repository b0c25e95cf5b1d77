/**
 * The texts of a schema and what changes in them when a table or column gets another name: names are found where they stand
 * in the syntax trees, and replaced in the texts. Layer: sql.
 */
import {DbosError, isDbosError} from '../../errors.js';
import type {CreateTrigger, CreateView, Name, Select, Statement} from '../ast.js';
import {foldName} from '../catalog/names.js';
import {parseStatement} from '../parser/parser.js';
import {bindSelect} from '../plan/bind-select.js';
import {Scope} from '../plan/scope.js';
import type {Compiler} from './compiler.js';
import {quotedName} from './quoted-name.js';
import type {WorkingState, WorkingView} from './working-state.js';
import type {WorkingTable} from './working-table.js';

/** A text of the schema, and its names that are to be replaced. */
interface Text {
  readonly kind: 'table' | 'index' | 'view' | 'trigger';
  readonly name: string;
  readonly sql: string;
  readonly statement: Statement;
  readonly replaced: Set<Name>;
}

/** A table or view with its texts. */
interface Subject {
  readonly item: WorkingTable | WorkingView;
  readonly own: Text;
  readonly indexes: readonly Text[];
  readonly triggers: readonly Text[];
}

function textOf(kind: Text['kind'], name: string, sql: string): Text {
  return {kind, name, sql, statement: parseStatement(sql), replaced: new Set()};
}

/** Returns a text with its names replaced. */
function rewritten({sql, replaced}: Text, name: string): string {
  let text = sql;
  for (const {from, to} of [...replaced].sort((a, b) => b.from - a.from)) {
    text = `${text.slice(0, from)}${quotedName(name)}${text.slice(to)}`;
  }
  return text;
}

/** Returns all that is in a state. */
export function subjectsOf(state: WorkingState): Subject[] {
  return state.names().flatMap((name): Subject[] => {
    const item = state.find(name);
    if (item === undefined) return [];
    const triggers = state.triggersOf(name).map(trigger => textOf('trigger', trigger.name, trigger.sql));
    if (item.kind === 'view') return [{item, own: textOf('view', item.name, item.sql), indexes: [], triggers}];
    const indexes = item.indexes.flatMap(({definition}) =>
      definition.sql === undefined ? [] : [textOf('index', definition.name, definition.sql)],
    );
    return [{item, own: textOf('table', item.name, item.definition.sql), indexes, triggers}];
  });
}

type NameTest = (name: Name) => boolean;

/** Calls `visit` for each object of a syntax tree. */
function walk(node: unknown, visit: (node: Readonly<Record<string, unknown>>) => void): void {
  if (node === null || typeof node !== 'object' || node instanceof Uint8Array) return;
  if (Array.isArray(node)) {
    for (const each of node) walk(each, visit);
    return;
  }
  visit(node as Readonly<Record<string, unknown>>);
  for (const each of Object.values(node)) walk(each, visit);
}

/** Returns the names of tables in a statement that are those of a table. */
function namesOfTable(statement: Statement, table: string): Set<Name> {
  const found = new Set<Name>();
  const wanted = foldName(table);
  const hidden = new Set<string>();
  walk(statement, node => {
    if ('materialized' in node) hidden.add(foldName((node.name as Name).text));
    if ('alias' in node && node.alias) hidden.add(foldName((node.alias as Name).text));
  });
  const take = (value: unknown): void => {
    const name =
      value !== null && typeof value === 'object' && 'name' in value
        ? (value.name as Name)
        : (value as Name | undefined);
    if (name && typeof name.text === 'string' && foldName(name.text) === wanted) found.add(name);
  };
  walk(statement, node => {
    const isTable = node.kind === 'table' && 'args' in node && 'name' in node;
    const common = isTable && hidden.has(wanted) && !('indexedBy' in node && hasAlias(node));
    if (isTable && !common) take(node.name);
    if (node.kind === 'insert' || node.kind === 'createTrigger' || node.kind === 'createIndex') take(node.table);
    if (node.kind === 'createTable') take(node.name);
    if ('onDelete' in node && 'onUpdate' in node) take(node.table);
    if ((node.kind === 'column' || node.kind === 'star') && node.table && !hidden.has(wanted)) take(node.table);
  });
  return found;
}

function hasAlias(node: Readonly<Record<string, unknown>>): boolean {
  return node.alias !== undefined;
}

/** Notes the names of a table in all texts. */
export function noteTable(subjects: readonly Subject[], table: string): void {
  for (const {own, indexes, triggers} of subjects) {
    for (const text of [own, ...indexes, ...triggers])
      for (const name of namesOfTable(text.statement, table)) text.replaced.add(name);
  }
}

/** Notes the names of a column of a table in all texts. Throws SQL_MISUSE for a view or trigger that cannot be understood. */
export function noteColumn(
  compiler: Compiler,
  subjects: readonly Subject[],
  table: WorkingTable,
  column: string,
): void {
  const wanted = foldName(column);
  const isColumn: NameTest = name => foldName(name.text) === wanted;
  const owner = foldName(table.name);
  for (const {item, own, indexes, triggers} of subjects) {
    if (item.kind === 'table') noteInTable(own, item === table, owner, isColumn);
    if (item === table)
      for (const index of indexes) walk(index.statement, node => noteColumnNode(node, isColumn, index));
    if (item.kind === 'view') noteBound(compiler, own, owner, isColumn);
    for (const trigger of triggers) {
      if (item === table)
        for (const name of (trigger.statement as CreateTrigger).columns) if (isColumn(name)) trigger.replaced.add(name);
      noteBound(compiler, trigger, owner, isColumn, item);
    }
  }
}

function noteColumnNode(node: Readonly<Record<string, unknown>>, isColumn: NameTest, text: Text): void {
  if (node.kind === 'column' && isColumn(node.name as Name)) text.replaced.add(node.name as Name);
}

function noteInTable(text: Text, own: boolean, owner: string, isColumn: NameTest): void {
  const note = (names: readonly Name[]) => {
    for (const name of names) if (isColumn(name)) text.replaced.add(name);
  };
  walk(text.statement, node => {
    if ('onDelete' in node && 'onUpdate' in node && foldName((node.table as Name).text) === owner)
      note(node.columns as Name[]);
    if (!own) return;
    noteColumnNode(node, isColumn, text);
    if (node.kind === 'foreignKey') note(node.columns as Name[]);
    if ('constraints' in node && 'type' in node) note([node.name as Name]);
  });
}

/** Binds a view or trigger, and notes the names that are found to be the column. */
function noteBound(
  compiler: Compiler,
  text: Text,
  owner: string,
  isColumn: NameTest,
  item?: WorkingTable | WorkingView,
): void {
  const own = new Set<unknown>();
  const statement =
    text.kind === 'trigger' && item ? compiler.trigger(compiler.ownerOf(item), text.sql, false) : undefined;
  walk(statement?.syntax ?? text.statement, node => own.add(node));
  const found = new Map<string, Name>();
  const watch = (name: Name, of: string | undefined): void => {
    if (of !== undefined && foldName(of) === owner && isColumn(name) && own.has(name)) found.set(`${name.from}`, name);
  };
  if (statement) {
    compiler.watch = watch;
    try {
      statement.prepare();
    } finally {
      compiler.watch = undefined;
    }
  } else bindView(compiler, text.statement as CreateView, watch);
  for (const name of found.values()) text.replaced.add(name);
}

function bindView(
  compiler: Compiler,
  {query}: {readonly query: Select},
  watch?: (name: Name, of: string | undefined) => void,
): void {
  const binder = compiler.binder();
  binder.onColumn = watch;
  bindSelect(binder, new Scope(undefined), query);
}

/** Throws SQL_MISUSE for the first view or trigger that cannot be understood; `when` says what was done before. */
export function checkTexts(compiler: Compiler, state: WorkingState, when: string): void {
  for (const {item, own, triggers} of subjectsOf(state)) {
    for (const text of [...(own.kind === 'view' ? [own] : []), ...triggers]) {
      try {
        if (text.kind === 'view') bindView(compiler, text.statement as CreateView);
        else compiler.trigger(compiler.ownerOf(item), text.sql, false).prepare();
      } catch (error) {
        if (!isDbosError(error)) throw error;
        throw new DbosError('SQL_MISUSE', `error in ${text.kind} ${text.name}${when}: ${error.message}`, {
          hint: `Drop or change the ${text.kind} first.`,
          cause: error,
        });
      }
    }
  }
}

/** What a table or view becomes. */
export interface Rewritten {
  readonly sql: string;
  readonly indexes: readonly string[];
  readonly triggers: readonly {readonly name: string; readonly sql: string}[];
  readonly changed: boolean;
}

/** Returns the texts of a table or view with the noted names replaced by another one. */
export function rewrite({own, indexes, triggers}: Subject, name: string): Rewritten {
  return {
    sql: rewritten(own, name),
    indexes: indexes.map(text => rewritten(text, name)),
    triggers: triggers.map(text => ({name: text.name, sql: rewritten(text, name)})),
    changed: [own, ...indexes, ...triggers].some(text => text.replaced.size > 0),
  };
}
