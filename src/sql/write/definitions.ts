/**
 * Statements that define things: CREATE, DROP, ALTER and REINDEX. Each checks the names, then changes the state that the
 * thing is part of. Layer: sql.
 */
import {isWellFormed} from '../../bytes.js';
import {DbosError, type ErrorCode} from '../../errors.js';
import {FILES_TABLE} from '../../state/files.js';
import type {
  CreateIndex,
  CreateTable,
  CreateTrigger,
  CreateView,
  Drop,
  QualifiedName,
  Span,
  Statement,
} from '../ast.js';
import {defineIndex, type IndexedTable} from '../catalog/index-definition.js';
import {checkNotReserved, foldName} from '../catalog/names.js';
import {defineTable} from '../catalog/table-definition.js';
import {sqlError} from '../fault.js';
import {alter} from './alter.js';
import {foreignKeyFailed} from './change-fault.js';
import {ColumnExpressions} from './column-expressions.js';
import type {Compiler, Place} from './compiler.js';
import {createTableAs} from './create-table-as.js';
import {rowsOf} from './row-reader.js';
import {SEQUENCE_TABLE, sequenceDefinition} from './sequences.js';
import type {Run} from './session.js';
import type {WorkingState} from './working-state.js';
import type {WorkingTable} from './working-table.js';

export type Definition = Extract<
  Statement,
  {readonly kind: 'createTable' | 'createIndex' | 'createView' | 'createTrigger' | 'drop' | 'alterTable' | 'reindex'}
>;

const KINDS: ReadonlySet<string> = new Set([
  'createTable',
  'createIndex',
  'createView',
  'createTrigger',
  'drop',
  'alterTable',
  'reindex',
]);

export function isDefinition(statement: Statement): statement is Definition {
  return KINDS.has(statement.kind);
}

/** Carries out a definition. Throws TABLE_EXISTS and its like, TABLE_UNKNOWN, and what is wrong with the definition. */
export function define(compiler: Compiler, place: Place, run: Run, statement: Definition): void {
  switch (statement.kind) {
    case 'createTable':
      createTable(compiler, place, run, statement);
      return;
    case 'createIndex':
      createIndex(compiler, place, statement);
      return;
    case 'createView':
      createView(compiler, place, statement);
      return;
    case 'createTrigger':
      createTrigger(compiler, place, statement);
      return;
    case 'drop':
      drop(compiler, place, run, statement);
      return;
    case 'alterTable':
      alter(compiler, place, run, statement);
      return;
    case 'reindex':
      reindex(compiler, statement.name, statement);
      return;
  }
}

function exists(code: ErrorCode, message: string, at: Span): DbosError {
  return sqlError(code, `${message}.`, at, {hint: 'Choose another name, or drop what has it.'});
}

/** Returns the state that something new becomes part of. Throws SQL_MISUSE for a schema that there is none of. */
function stateFor(compiler: Compiler, name: QualifiedName, temporary: boolean): WorkingState {
  const schema = name.schema?.text;
  if (temporary && schema !== undefined && foldName(schema) !== 'temp') {
    throw sqlError('SQL_MISUSE', 'temporary table name must be unqualified.', name, {hint: 'Leave the schema out.'});
  }
  const state = compiler.schemas.state(temporary ? 'temp' : schema);
  if (state) return state;
  throw sqlError('SQL_MISUSE', `unknown database ${schema}.`, name, {hint: 'There are main and temp.'});
}

function checkName(name: QualifiedName): void {
  checkNotReserved(name.name.text);
  if (isWellFormed(name.name.text)) return;
  throw sqlError('SQL_UNSUPPORTED', 'A name must be valid UTF-8.', name, {hint: 'Choose another name.'});
}

/** Returns whether a table or view has the name already, which is an error unless that is allowed. */
function isTaken(state: WorkingState, name: QualifiedName, allowed: boolean): boolean {
  const {text} = name.name;
  const found = state.find(text);
  if (found) {
    if (allowed) return true;
    throw exists('TABLE_EXISTS', `${found.kind} ${text} already exists`, name);
  }
  if (state.findIndex(text)) throw exists('INDEX_EXISTS', `there is already an index named ${text}`, name);
  return false;
}

// ---------------------------------------------------------------------------------------------------- create

function createTable(compiler: Compiler, place: Place, run: Run, statement: CreateTable): void {
  const {name, temporary, ifNotExists} = statement;
  const state = stateFor(compiler, name, temporary);
  checkName(name);
  if (isTaken(state, name, ifNotExists)) return;
  if (statement.query) {
    createTableAs(compiler, place, run, state, name.name.text, statement.query);
    return;
  }
  const table = state.createTable(defineTable(statement, place.sql));
  new ColumnExpressions(table.definition, table.source(), state.sink).bindAll();
  const main = compiler.schemas.main;
  if (table.definition.autoincrement && main.find(SEQUENCE_TABLE) === undefined) main.createTable(sequenceDefinition());
}

function createIndex(compiler: Compiler, place: Place, statement: CreateIndex): void {
  const {name, table, ifNotExists} = statement;
  const {schemas} = compiler;
  const {text} = name.name;
  checkName(name);
  const files = foldName(table.text) === FILES_TABLE;
  const subject = schemas.find({schema: name.schema, name: table, from: table.from, to: table.to});
  if (!files && subject === undefined) {
    if (place.binder.catalog.findTable(table.text))
      throw sqlError('SQL_UNSUPPORTED', `table ${table.text} may not be indexed.`, table, {
        hint: 'Its rows are computed.',
      });
    throw sqlError(
      'TABLE_UNKNOWN',
      `no such table: main.${table.text}.`,
      table,
      place.binder.suggest(table.text, schemas.main.names(), 'See `SELECT name FROM tables`.'),
    );
  }
  if (subject?.kind === 'view')
    throw sqlError('SQL_MISUSE', 'views may not be indexed.', table, {hint: 'Index the tables that it shows.'});
  const state = subject ? schemas.stateOf(subject) : schemas.main;
  if (state.find(text)) throw exists('TABLE_EXISTS', `there is already a table named ${text}`, name);
  if (state.findIndex(text)) {
    if (ifNotExists) return;
    throw exists('INDEX_EXISTS', `index ${text} already exists`, name);
  }
  if (files && statement.unique) {
    throw sqlError('SQL_UNSUPPORTED', 'An index of files cannot be UNIQUE.', statement, {
      hint: 'Files are changed on disk, too, where nothing holds them to it: leave UNIQUE out.',
    });
  }
  const owner: IndexedTable = subject ? subject.source() : state.files().shape;
  state.createIndex(table.text, defineIndex(statement, place.sql, owner));
}

function createView(compiler: Compiler, place: Place, statement: CreateView): void {
  const {name, temporary, ifNotExists} = statement;
  const state = stateFor(compiler, name, temporary);
  checkName(name);
  if (isTaken(state, name, ifNotExists)) return;
  if (hasParameter(statement.query))
    throw sqlError('SQL_MISUSE', 'parameters are not allowed in views.', statement, {hint: 'Write the value itself.'});
  state.createView(name.name.text, `CREATE VIEW ${textFrom(place, name, statement)}`);
}

function createTrigger(compiler: Compiler, place: Place, statement: CreateTrigger): void {
  const {name, table, time, ifNotExists} = statement;
  const {schemas} = compiler;
  const {text} = name.name;
  checkName(name);
  const subject = schemas.find(table);
  if (subject === undefined) {
    if (foldName(table.name.text) === FILES_TABLE || place.binder.catalog.findTable(table.name.text)) {
      throw sqlError('SQL_UNSUPPORTED', 'cannot create trigger on system table.', table, {
        hint: 'Triggers are for tables of your own.',
      });
    }
    throw sqlError(
      'TABLE_UNKNOWN',
      `no such table: main.${table.name.text}.`,
      table,
      place.binder.suggest(table.name.text, schemas.main.names(), 'See `SELECT name FROM tables`.'),
    );
  }
  const state = schemas.stateOf(subject);
  if (statement.temporary && state === schemas.main) {
    throw sqlError('SQL_UNSUPPORTED', 'A temporary trigger of a table that stays is not supported.', statement, {
      hint: 'Leave TEMP out, and drop the trigger afterwards.',
    });
  }
  if (state.findTrigger(text)) {
    if (ifNotExists) return;
    throw exists('TRIGGER_EXISTS', `trigger ${text} already exists`, name);
  }
  if (subject.kind === 'view' && time !== 'instead of') {
    throw sqlError(
      'SQL_MISUSE',
      `cannot create ${time.toUpperCase()} trigger on view: ${table.name.text}.`,
      statement,
      {hint: 'A view has INSTEAD OF triggers.'},
    );
  }
  if (subject.kind === 'table' && time === 'instead of') {
    throw sqlError('SQL_MISUSE', `cannot create INSTEAD OF trigger on table: ${table.name.text}.`, statement, {
      hint: 'A table has BEFORE and AFTER triggers.',
    });
  }
  if (hasParameter([statement.when, statement.body]))
    throw sqlError('SQL_MISUSE', 'trigger cannot use variables.', statement, {hint: 'Write the value itself.'});
  state.createTrigger(subject.name, {name: text, sql: `CREATE TRIGGER ${textFrom(place, name, statement)}`});
}

/** Returns the text of a definition from its name on: without TEMP, IF NOT EXISTS and the schema, as SQLite keeps it. */
function textFrom({sql}: Place, {name}: QualifiedName, statement: Span): string {
  const text = sql.slice(name.from, statement.to);
  if (isWellFormed(text)) return text;
  throw sqlError('SQL_UNSUPPORTED', 'A definition must be valid UTF-8.', statement, {
    hint: 'Write such bytes as a blob.',
  });
}

function hasParameter(node: unknown): boolean {
  if (Array.isArray(node)) return node.some(hasParameter);
  if (node === null || typeof node !== 'object' || node instanceof Uint8Array) return false;
  return ('kind' in node && node.kind === 'parameter') || Object.values(node).some(hasParameter);
}

// ---------------------------------------------------------------------------------------------------- drop

function drop(compiler: Compiler, place: Place, run: Run, statement: Drop): void {
  const {what, ifExists, name} = statement;
  const {schemas} = compiler;
  const {text} = name.name;
  const schema = name.schema?.text;
  const unknown = (code: ErrorCode): void => {
    if (ifExists) return;
    const shown = schema === undefined ? text : `${schema}.${text}`;
    throw sqlError(code, `no such ${what}: ${shown}.`, name, {hint: 'See `SELECT type, name FROM sqlite_schema`.'});
  };
  if (what === 'index') {
    const state = schemas.owner(schema, each => each.findIndex(text));
    const found = state?.findIndex(text);
    if (!state || !found) {
      unknown('INDEX_UNKNOWN');
      return;
    }
    if (found.index.definition.sql === undefined) {
      throw sqlError('SQL_MISUSE', 'index associated with UNIQUE or PRIMARY KEY constraint cannot be dropped.', name, {
        hint: 'It belongs to the definition of the table.',
      });
    }
    state.dropIndex(text);
    return;
  }
  if (what === 'trigger') {
    const state = schemas.owner(schema, each => each.findTrigger(text));
    if (!state) {
      unknown('TRIGGER_UNKNOWN');
      return;
    }
    state.dropTrigger(text);
    return;
  }
  const found = schemas.find(name);
  if (found === undefined) {
    if (foldName(text) === FILES_TABLE || place.binder.catalog.findTable(text))
      throw sqlError('SQL_UNSUPPORTED', `table ${text} may not be dropped.`, name, {hint: 'Every store has it.'});
    unknown('TABLE_UNKNOWN');
    return;
  }
  if (found.kind !== what) {
    throw sqlError('SQL_MISUSE', `use DROP ${found.kind.toUpperCase()} to delete ${found.kind} ${text}.`, name, {
      hint: `It is a ${found.kind}.`,
    });
  }
  const state = schemas.stateOf(found);
  if (found.kind === 'view') {
    state.dropView(found.name);
    return;
  }
  if (foldName(found.name) === SEQUENCE_TABLE)
    throw sqlError('SQL_MISUSE', `table ${found.name} may not be dropped.`, name, {hint: 'AUTOINCREMENT needs it.'});
  emptyForDrop(compiler, run, found);
  if (found.definition.autoincrement) removeCounter(schemas.main, found.name);
  state.dropTable(found.name);
}

/** Removes the rows of a table that is dropped where foreign keys want to know of it. */
function emptyForDrop(compiler: Compiler, run: Run, table: WorkingTable): void {
  if (!run.session.foreignKeys) return;
  const keys = compiler.foreignKeysOf(table);
  if (!keys.matterToDrop(run.session)) return;
  const program = compiler.program(table);
  // as in SQLite, which passes over a table whose own foreign keys alone matter where none is open
  const counted = keys.isParent || run.session.deferredViolations > 0 ? table.rows : 0;
  keys.prepareDrop(run.session);
  run.dropping = true;
  for (const row of rowsOf(table)) if (table.has(table.keyOf(row))) program.remove(run, row);
  if (run.violations > 0) {
    run.session.changes = 0;
    throw foreignKeyFailed(run.at);
  }
  run.session.totalChanges += counted;
  run.session.changes = counted;
}

function removeCounter(main: WorkingState, name: string): void {
  const sequence = main.find(SEQUENCE_TABLE);
  if (sequence?.kind !== 'table') return;
  for (const key of countersOf(sequence, name)) sequence.delete(key);
}

function countersOf(sequence: WorkingTable, name: string) {
  return [...rowsOf(sequence)]
    .filter(row => typeof row[0] === 'string' && foldName(row[0]) === foldName(name))
    .map(row => sequence.keyOf(row));
}

function reindex(compiler: Compiler, name: QualifiedName | undefined, at: Span): void {
  const {schemas} = compiler;
  // the indexes are others then
  schemas.touch();
  if (name === undefined) {
    schemas.main.reindex();
    schemas.temp?.reindex();
    return;
  }
  const {text} = name.name;
  if (['binary', 'nocase', 'rtrim'].includes(foldName(text))) {
    schemas.main.reindex();
    return;
  }
  const state = schemas.owner(name.schema?.text, each =>
    each.find(text)?.kind === 'table' ? true : each.findIndex(text),
  );
  if (state === undefined)
    throw new DbosError('INDEX_UNKNOWN', `unable to identify the object to be reindexed.`, {
      hint: `There is no table or index ${text}.`,
      data: {from: at.from, to: at.to},
    });
  state.reindex(text);
}
