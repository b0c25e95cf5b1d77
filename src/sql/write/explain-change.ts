/**
 * EXPLAIN of statements that change rows: what is written and kept in step (indexes, triggers, foreign keys), and the plan of
 * the query that finds or gives the rows. Layer: sql.
 */
import {compareText} from '../../bytes.js';
import {FILES_TABLE} from '../../state/files.js';
import type {Delete, Insert, Update} from '../ast.js';
import {foldName} from '../catalog/names.js';
import type {TableForeignKey} from '../catalog/table-definition.js';
import type {Program} from '../exec/compile.js';
import {explainLines, type Measured} from '../plan/explain.js';
import type {Query} from '../plan/plan.js';
import {type Compiler, isFiles, type Place} from './compiler.js';
import {type Reference, referencesOf} from './foreign-keys.js';
import {columnOf, type RowOwner} from './row-owner.js';
import type {ChangeExecution} from './session.js';
import type {RowTrigger} from './triggers.js';
import type {WorkingIndex} from './working-index.js';
import type {WorkingTable} from './working-table.js';

type Change = Insert | Update | Delete;

/** What is noted of a statement while it is compiled and run, to be explained. */
export class ChangeReport {
  private query: Query | undefined;
  private readonly runs: {readonly program: Program; readonly execution: ChangeExecution}[] = [];

  /** `measures`: whether the rows of operators are counted. */
  constructor(readonly measures: boolean) {}

  /** Notes the query that the rows come from. */
  reads(query: Query): void {
    this.query ??= query;
  }

  /** Notes a run of it. */
  ran(program: Program, execution: ChangeExecution): void {
    this.runs.push({program, execution});
  }

  /** Returns the lines of its plan; none for a statement without one. */
  lines(): string[] {
    return this.query === undefined ? [] : explainLines(this.query, this.measures ? this.measured() : undefined);
  }

  private measured(): Measured {
    const measured = new Map<object, {rows: number; time: number}>();
    for (const {program, execution} of this.runs) {
      for (const [index, plan] of program.counted.entries()) {
        measured.set(plan, {rows: execution.counts[index] ?? 0, time: execution.times[index] ?? 0});
      }
    }
    return measured;
  }
}

/** Returns the lines of a statement that was compiled with a report. */
export function changeLines(compiler: Compiler, place: Place, statement: Change, report: ChangeReport): string[] {
  const name = statement.kind === 'insert' ? statement.table : statement.table.name;
  const verb = {insert: 'insert into', update: 'update', delete: 'delete from'}[statement.kind];
  const blocks = isFiles(name)
    ? compiler.schemas.main.tree.indexes.map(({name: index}) => [`keeps index ${index}`])
    : written(compiler, place, statement).map(line => [line]);
  const plan = report.lines();
  if (plan.length > 0) blocks.push(plan);
  return [
    `${verb} ${isFiles(name) ? FILES_TABLE : name.name.text}`,
    ...blocks.flatMap((block, i) => branch(block, i === blocks.length - 1)),
  ];
}

/** Returns the lines of a block as a branch of a tree. */
function branch(lines: readonly string[], last: boolean): string[] {
  const [head, rest] = last ? ['└─ ', '   '] : ['├─ ', '│  '];
  return lines.map((line, i) => `${i === 0 ? head : rest}${line}`);
}

function written(compiler: Compiler, place: Place, statement: Change): string[] {
  const target = compiler.target(place, statement.kind === 'insert' ? statement.table : statement.table.name);
  const owner = compiler.ownerOf(target);
  const set = setOf(statement, owner);
  const fired = compiler.schemas
    .triggersOf(target)
    .map(({sql}) => compiler.trigger(owner, sql, false))
    .filter(trigger => fires(trigger, statement, set));
  const triggers = fired.map(({syntax}) => `fires trigger ${syntax.name.name.text} ${syntax.time} ${syntax.event}`);
  if (target.kind === 'view') return triggers;
  const indexes = target.indexes
    .filter(index => isKept(index, statement, set, target))
    .sort((a, b) => compareText(a.name, b.name));
  return [
    ...indexes.map(({name, unique}) => `keeps ${unique ? 'unique ' : ''}index ${name}`),
    ...triggers,
    ...(compiler.session.foreignKeys ? keyLines(compiler, statement, set, target, owner) : []),
  ];
}

/** Returns which columns an UPDATE or an upsert changes. */
function setOf(statement: Change, owner: RowOwner): readonly boolean[] {
  const assignments =
    statement.kind === 'update'
      ? statement.set
      : statement.kind === 'insert'
        ? statement.upserts.flatMap(({set}) => set ?? [])
        : [];
  const changed = new Set(assignments.flatMap(({columns}) => columns.map(name => columnOf(owner, name))));
  return owner.columns.map((_, column) => changed.has(column));
}

/** An upsert fires the triggers of updates, too. */
function fires(trigger: RowTrigger, {kind}: Change, set: readonly boolean[]): boolean {
  const {event} = trigger.syntax;
  if (event === 'update') return (kind === 'update' || (kind === 'insert' && set.includes(true))) && trigger.isFor(set);
  return event === kind;
}

function isKept({definition}: WorkingIndex, statement: Change, set: readonly boolean[], table: WorkingTable): boolean {
  if (statement.kind !== 'update' || definition.where !== undefined) return true;
  const key = table.source().key;
  return [...definition.terms.map(({column}) => column), ...key].some(column => column === undefined || set[column]);
}

function keyLines(
  compiler: Compiler,
  statement: Change,
  set: readonly boolean[],
  table: WorkingTable,
  owner: RowOwner,
): string[] {
  const named = (columns: readonly number[], of: WorkingTable) =>
    columns.map(column => of.source().columns[column]?.name ?? '').join(', ');
  const own = table.definition.foreignKeys.filter(
    ({columns}) => statement.kind === 'insert' || (statement.kind === 'update' && columns.some(column => set[column])),
  );
  const references = referencesOf(compiler.schemas).get(foldName(table.name)) ?? [];
  const incoming = references.filter(
    ({key}) => statement.kind !== 'insert' && isNamed(key, statement, set, table, owner),
  );
  return [
    ...own.map(({columns, references: to}) => `checks foreign key (${named(columns, table)}) to ${to.table.text}`),
    ...incoming.map(reference => {
      const {child, key} = reference;
      return `checks foreign key of ${child.name} (${named(key.columns, child)})${actionOf(reference, statement)}`;
    }),
  ];
}

function isNamed(
  {references}: TableForeignKey,
  statement: Change,
  set: readonly boolean[],
  table: WorkingTable,
  owner: RowOwner,
): boolean {
  if (statement.kind === 'delete') return true;
  const columns =
    references.columns?.map(name => columnOf(owner, name)) ?? table.definition.key.map(({column}) => column);
  return columns.some(column => column !== undefined && set[column]);
}

function actionOf({key}: Reference, {kind}: Change): string {
  const action = kind === 'delete' ? key.references.onDelete : key.references.onUpdate;
  return action === 'no action' ? '' : `: ${action}`;
}
