/**
 * ALTER TABLE: renames a table or a column wherever the schema names it, adds and drops columns. Layer: sql.
 */
import {isWellFormed} from '../../bytes.js';
import {DbosError, isDbosError} from '../../errors.js';
import {writeSchema} from '../../state/schema.js';
import type {Cell} from '../../tree/cell.js';
import type {AlterTable, ColumnDefinition, CreateTable, Name, Span} from '../ast.js';
import {checkNotReserved, foldName} from '../catalog/names.js';
import {defineTable, schemaOf, type TableDefinition} from '../catalog/table-definition.js';
import {readShape} from '../catalog/table-source.js';
import {sqlError} from '../fault.js';
import {parseStatement} from '../parser/parser.js';
import {constraintFailed} from './change-fault.js';
import {ColumnExpressions} from './column-expressions.js';
import type {Compiler, Place} from './compiler.js';
import {checkTexts, noteColumn, noteTable, rewrite, subjectsOf} from './rewriting.js';
import {rowsOf} from './row-reader.js';
import type {RowShape} from './row-scope.js';
import {SEQUENCE_TABLE} from './sequences.js';
import type {Run} from './session.js';
import type {WorkingState} from './working-state.js';
import type {WorkingTable} from './working-table.js';

/** Carries out ALTER TABLE. */
export function alter(compiler: Compiler, place: Place, run: Run, statement: AlterTable): void {
  const target = compiler.target(place, statement.table);
  const {text} = statement.table.name;
  if (target.kind === 'view')
    throw misuse(
      statement.action === 'renameTable' ? `view ${text} may not be altered` : `cannot ${verbOf(statement)} a view`,
      statement.table,
    );
  if (foldName(target.name) === SEQUENCE_TABLE)
    throw misuse(`table ${target.name} may not be altered`, statement.table);
  const state = compiler.schemas.stateOf(target);
  switch (statement.action) {
    case 'renameTable':
      renameTable(compiler, state, target, statement.newName);
      return;
    case 'renameColumn':
      renameColumn(compiler, state, target, statement.column, statement.newName);
      return;
    case 'addColumn':
      addColumn(compiler, place, run, state, target, statement.definition);
      return;
    case 'dropColumn':
      dropColumn(compiler, run, state, target, statement.column);
      return;
  }
}

function verbOf({action}: AlterTable): string {
  return action === 'addColumn'
    ? 'add a column to'
    : action === 'dropColumn'
      ? 'drop column from'
      : 'rename columns of';
}

function misuse(message: string, at: Span): Error {
  return sqlError('SQL_MISUSE', `${message}.`, at, {hint: 'See docs/sql.md for what ALTER TABLE does.'});
}

function defined(sql: string): TableDefinition {
  return defineTable(parseStatement(sql) as CreateTable, sql);
}

// ---------------------------------------------------------------------------------------------------- names

function renameTable(compiler: Compiler, state: WorkingState, table: WorkingTable, newName: Name): void {
  const {text} = newName;
  checkNotReserved(text);
  if (!isWellFormed(text)) throw misuse('A name must be valid UTF-8', newName);
  const other = state.find(text);
  if ((other && other !== table) || state.findIndex(text)) {
    throw sqlError('TABLE_EXISTS', `there is already another table or index with this name: ${text}.`, newName, {
      hint: 'Choose another name.',
    });
  }
  checkTexts(compiler, state, '');
  const subjects = subjectsOf(state);
  noteTable(subjects, table.name);
  apply(state, subjects, text);
  renameCounter(compiler.schemas.main, table.name, text);
  checkTexts(compiler, state, ' after rename');
}

function renameColumn(compiler: Compiler, state: WorkingState, table: WorkingTable, column: Name, newName: Name): void {
  const {columns} = table.definition;
  const found = columns.find(each => foldName(each.name) === foldName(column.text));
  if (found === undefined) throw noColumn(column);
  if (columns.some(each => each !== found && foldName(each.name) === foldName(newName.text))) {
    throw misuse(`duplicate column name: ${newName.text}`, newName);
  }
  checkTexts(compiler, state, '');
  const subjects = subjectsOf(state);
  noteColumn(compiler, subjects, table, column.text);
  apply(state, subjects, newName.text);
  checkTexts(compiler, state, ' after rename');
}

function noColumn(column: Name): DbosError {
  return sqlError('COLUMN_UNKNOWN', `no such column: "${column.text}".`, column, {
    hint: 'See `SELECT name FROM columns`.',
  });
}

/** Puts the rewritten texts into the state. */
function apply(state: WorkingState, subjects: ReturnType<typeof subjectsOf>, name: string): void {
  for (const subject of subjects) {
    const {sql, indexes, triggers, changed} = rewrite(subject, name);
    if (!changed) continue;
    const {item} = subject;
    if (item.kind === 'view') state.replaceView(item.name, item.name, sql, triggers);
    else state.replaceTable(item.name, {definition: defined(sql), indexes, triggers});
  }
}

function renameCounter(main: WorkingState, before: string, after: string): void {
  const sequence = main.find(SEQUENCE_TABLE);
  if (sequence?.kind !== 'table') return;
  for (const row of [...rowsOf(sequence)]) {
    if (typeof row[0] === 'string' && foldName(row[0]) === foldName(before))
      sequence.replace(sequence.keyOf(row), [after, ...row.slice(1)]);
  }
}

// ---------------------------------------------------------------------------------------------------- columns

function addColumn(
  compiler: Compiler,
  place: Place,
  run: Run,
  state: WorkingState,
  table: WorkingTable,
  column: ColumnDefinition,
): void {
  const kinds = new Set(column.constraints.map(({kind}) => kind));
  if (kinds.has('primaryKey')) throw misuse('Cannot add a PRIMARY KEY column', column);
  if (kinds.has('unique')) throw misuse('Cannot add a UNIQUE column', column);
  const generated = column.constraints.find(each => each.kind === 'generated');
  if (generated?.stored) throw misuse('cannot add a STORED column', column);
  const written = place.sql.slice(column.from, column.to);
  const {sql} = table.definition;
  const statement = parseStatement(sql) as CreateTable;
  const last = statement.columns.at(-1) as ColumnDefinition;
  const definition = defined(`${sql.slice(0, last.to)}, ${written}${sql.slice(last.to)}`);
  const added = definition.columns.at(-1) as TableDefinition['columns'][number];
  const shape = shapeOf(state, definition);
  const expressions = new ColumnExpressions(definition, shape, state.sink);
  const defaulted = added.default?.expr;
  if (defaulted && defaulted.kind !== 'literal' && !isSigned(defaulted) && !isTruth(defaulted)) {
    throw misuse('Cannot add a column with non-constant default', column);
  }
  const value = generated ? null : expressions.defaultOf(run, definition.columns.length - 1);
  if (run.session.foreignKeys && kinds.has('references') && value !== null && table.rows > 0) {
    throw misuse('Cannot add a REFERENCES column with non-NULL default value', column);
  }
  if (kinds.has('notNull') && !generated && value === null && table.rows > 0) {
    throw misuse('Cannot add a NOT NULL column with default value NULL', column);
  }
  const position = definition.columns.length - 1;
  const rows = (row: readonly Cell[]) => {
    const made = [...row.slice(0, position), value, ...row.slice(position)];
    expressions.generate(run, made);
    if (made[position] === null && kinds.has('notNull'))
      throw constraintFailed('NOT NULL constraint failed', run.at, 'A row has no value for it.', {});
    const failed = expressions.check(run, made);
    if (failed !== undefined)
      throw constraintFailed(`CHECK constraint failed: ${failed}`, run.at, 'A row is not what the column allows.', {});
    return made;
  };
  replace(state, table, definition, rows);
  compiler.schemas.touch();
}

function isSigned(expr: TableDefinition['checks'][number]['expr']): boolean {
  return (
    expr.kind === 'unary' &&
    (expr.operator === '-' || expr.operator === '+') &&
    (expr.operand.kind === 'literal' || isSigned(expr.operand))
  );
}

function isTruth(expr: TableDefinition['checks'][number]['expr']): boolean {
  return expr.kind === 'column' && expr.table === undefined && /^(true|false)$/i.test(expr.name.text);
}

function dropColumn(compiler: Compiler, run: Run, state: WorkingState, table: WorkingTable, column: Name): void {
  const {definition} = table;
  const wanted = foldName(column.text);
  const at = definition.columns.findIndex(each => foldName(each.name) === wanted);
  if (at < 0) throw noColumn(column);
  const refused = (why: string) => misuse(`cannot drop column "${definition.columns[at]?.name}": ${why}`, column);
  if (definition.key.some(part => part.column === at))
    throw misuse(`cannot drop PRIMARY KEY column: "${column.text}"`, column);
  const statement = parseStatement(definition.sql) as CreateTable;
  const dropped = statement.columns[at] as ColumnDefinition;
  if (dropped.constraints.some(each => each.kind === 'unique'))
    throw misuse(`cannot drop UNIQUE column: "${column.text}"`, column);
  if (definition.columns.length === 1) throw refused('no other columns exist');
  const next = statement.columns[at + 1];
  const before = statement.columns[at - 1];
  const {sql} = definition;
  const text = next
    ? `${sql.slice(0, dropped.from)}${sql.slice(next.from)}`
    : `${sql.slice(0, before?.to)}${sql.slice(dropped.to)}`;
  const failure = (what: string, error: unknown): unknown => {
    if (!isDbosError(error)) return error;
    return new DbosError('SQL_MISUSE', `error in ${what} after drop column: ${error.message}`, {
      hint: 'Change what names the column first.',
      data: {from: column.from, to: column.to},
      cause: error,
    });
  };
  let changed: TableDefinition;
  let shape: RowShape;
  let expressions: ColumnExpressions;
  try {
    changed = defined(text);
    shape = shapeOf(state, changed);
    expressions = new ColumnExpressions(changed, shape, state.sink);
    expressions.bindAll();
  } catch (error) {
    throw failure(`table ${table.name}`, error);
  }
  for (const {definition: index} of table.indexes) {
    if (index.sql === undefined) continue;
    if (index.terms.some(term => term.column === at))
      throw failure(`index ${index.name}`, new DbosError('COLUMN_UNKNOWN', `no such column: ${column.text}.`));
  }
  const rows = (row: readonly Cell[]) => {
    const made = [...row.slice(0, at), ...row.slice(at + 1)];
    expressions.generate(run, made);
    return made;
  };
  try {
    replace(state, table, changed, rows);
  } catch (error) {
    throw failure(`table ${table.name}`, error);
  }
  compiler.schemas.touch();
  checkTexts(compiler, state, ' after drop column');
}

/** Returns what the columns of a table with this definition are. */
function shapeOf(state: WorkingState, definition: TableDefinition): RowShape {
  return {name: definition.name, ...readShape(state.sink, writeSchema(state.sink, schemaOf(definition)))};
}

function replace(
  state: WorkingState,
  table: WorkingTable,
  definition: TableDefinition,
  rows: (row: readonly Cell[]) => readonly Cell[],
): void {
  const indexes = table.indexes.flatMap(({definition: index}) => (index.sql === undefined ? [] : [index.sql]));
  state.replaceTable(table.name, {definition, rows, indexes, triggers: state.triggersOf(table.name)});
}
