/**
 * The difference of the tables of two states as a script of SQL. Guarantee: run on the first state it gives the tables of the
 * second one, with the same ids. (An empty `sqlite_sequence` stays, since SQL cannot drop it.) Layer: sql.
 */
import {DbosError} from '../../errors.js';
import type {ObjectId} from '../../objects/id.js';
import type {ObjectReader} from '../../objects/store.js';
import {FILES_TABLE} from '../../state/files.js';
import {readState, type State} from '../../state/state.js';
import {readTable} from '../../state/table.js';
import {scanRows} from '../../tree/read.js';
import {foldName} from '../catalog/names.js';
import type {TableDefinition} from '../catalog/table-definition.js';
import {diffVersions, type Version} from '../catalog/table-diff.js';
import {readShape, tableSource} from '../catalog/table-source.js';
import {parseStatement} from '../parser/parser.js';
import type {TreeSource} from '../source.js';
import {sqlLiteral} from '../values/literal.js';
import type {Value} from '../values/value.js';
import {quotedName} from '../write/quoted-name.js';
import {SEQUENCE_TABLE} from '../write/sequences.js';
import {AlterTrial} from './alter-trial.js';
import {rowStatements} from './row-statements.js';
import {type Definitions, definitionsOf, type TableDelta, tableDeltas} from './table-delta.js';

/**
 * Yields the statements, each with its semicolon, as one transaction; nothing if no table differs. `names` limits it to some
 * tables and views. Throws SQL_UNSUPPORTED for a row that SQL cannot name, VALUE_TOO_LARGE for one that it cannot write.
 */
export function* changeScript(
  reader: ObjectReader,
  before: ObjectId | undefined,
  after: ObjectId | undefined,
  names?: ReadonlySet<string>,
): Generator<string, void, undefined> {
  const deltas = tableDeltas(reader, before, after, names);
  if (deltas.length === 0) return;
  const script = new ChangeScript(reader, before, after, deltas, names);
  yield* script.statements();
}

/** A table that both states have, as it is once it was altered. */
interface Kept {
  readonly delta: TableDelta;
  readonly from: Version;
  readonly rowsDiffer: boolean;
}

class ChangeScript {
  private readonly old: State;
  private readonly now: State;
  private readonly selected: ReadonlySet<string>;
  private readonly alters: string[] = [];
  private readonly kept: Kept[] = [];
  /** Tables that are dropped or made, with all their rows. */
  private readonly dropped: TableDelta[] = [];
  private readonly created: TableDelta[] = [];
  /** Whether all views and triggers have to be away while tables are altered. */
  private clean = false;
  /** Tables of which the indexes have to be away while they are altered. */
  private readonly bare = new Set<string>();
  private trial: AlterTrial | undefined;

  constructor(
    private readonly reader: ObjectReader,
    private readonly before: ObjectId | undefined,
    after: ObjectId | undefined,
    private readonly deltas: readonly TableDelta[],
    private readonly names: ReadonlySet<string> | undefined,
  ) {
    const stateOf = (id: ObjectId | undefined): State => (id === undefined ? new Map() : readState(reader, id));
    this.old = stateOf(before);
    this.now = stateOf(after);
    this.selected = new Set(deltas.map(({name}) => name));
    this.plan();
  }

  // -------------------------------------------------------------------------------------------------- what to do

  private plan(): void {
    const tables = this.deltas.filter(({kind, name}) => kind === 'table' && name !== SEQUENCE_TABLE);
    const altered: TableDelta[] = [];
    const same: TableDelta[] = [];
    for (const delta of tables) {
      if (delta.name === FILES_TABLE) {
        // whether there are files is nothing that SQL changes
        same.push(delta);
        continue;
      }
      if ([this.old, this.now].some(state => this.isForeign(state, delta.name))) throw notOfSql(delta.name);
      if (delta.change === 'added') this.created.push(delta);
      else if (delta.change === 'deleted') this.dropped.push(delta);
      else if (delta.schema.some(({kind}) => kind === 'table')) altered.push(delta);
      else same.push(delta);
    }
    this.alter(altered, same);
    for (const delta of same) this.keep(delta);
  }

  /** Returns whether a table was not made in SQL. */
  private isForeign(state: State, name: string): boolean {
    return (
      definitionsOf(this.reader, name, state.get(name))?.kind === 'table' &&
      this.definitionOf(state, name) === undefined
    );
  }

  private alter(tables: readonly TableDelta[], same: TableDelta[]): void {
    if (tables.length === 0 || this.before === undefined) return;
    const trial = new AlterTrial(this.reader, this.before);
    for (const {name} of this.dropped) trial.dropTable(name);
    const wanted = this.wantedTexts();
    for (const delta of tables) {
      const alteration = trial.alter(delta.name, wanted);
      if (alteration === undefined) {
        this.dropped.push(delta);
        this.created.push(delta);
        continue;
      }
      this.alters.push(...alteration.statements.map(statement => `${statement};`));
      if (alteration.bare) {
        this.clean = true;
        this.bare.add(delta.name);
      }
      same.push(delta);
    }
    this.trial = trial;
  }

  /** Returns the CREATE TABLE statements that there are to be afterwards. */
  private wantedTexts(): Map<string, string> {
    const wanted = new Map<string, string>();
    for (const name of new Set([...this.old.keys(), ...this.now.keys()])) {
      const sql = this.definitions(name, true)?.texts.get(`table ${name}`)?.sql;
      if (sql !== undefined) wanted.set(name, sql);
    }
    return wanted;
  }

  private keep(delta: TableDelta): void {
    const to = delta.rows?.after;
    const from = this.trial && to ? this.trial.version(delta.name) : delta.rows?.before;
    const rowsDiffer = to !== undefined && diffVersions(from, this.readable(delta.name)).next().done !== true;
    this.kept.push({delta, from, rowsDiffer});
  }

  /** Returns the newer version of a table, read through what has the altered tables too. */
  private readable(name: string): TreeSource {
    const reader = this.trial?.reader ?? this.reader;
    return tableSource(reader, name, readTable(reader, this.now.get(name) as ObjectId));
  }

  /** Returns the definitions of a table or view: those of before, or those that there are to be. */
  private definitions(name: string, wanted: boolean): Definitions | undefined {
    const state = wanted && this.selected.has(name) ? this.now : this.old;
    return definitionsOf(this.reader, name, state.get(name));
  }

  // -------------------------------------------------------------------------------------------------- statements

  *statements(): Generator<string, void, undefined> {
    const keys = this.hasForeignKeys();
    if (keys) yield 'PRAGMA foreign_keys = OFF;';
    yield 'BEGIN;';
    yield* this.drops();
    yield* this.alters;
    for (const {name} of this.created) yield `${this.definitions(name, true)?.texts.get(`table ${name}`)?.sql};`;
    for (const {name} of this.created) yield* this.rows(name, undefined);
    for (const {delta, from, rowsDiffer} of this.kept) if (rowsDiffer) yield* this.rows(delta.name, from);
    yield* this.counters();
    yield* this.creates();
    yield 'COMMIT;';
    if (keys) yield 'PRAGMA foreign_keys = ON;';
  }

  private *rows(name: string, from: Version): Generator<string, void, undefined> {
    const to = this.readable(name);
    yield* rowStatements(from, to, this.definitionOf(this.now, name) as TableDefinition);
  }

  private definitionOf(state: State, name: string): TableDefinition | undefined {
    const id = state.get(name);
    if (id === undefined || name === FILES_TABLE || definitionsOf(this.reader, name, id)?.kind !== 'table')
      return undefined;
    return readShape(this.reader, readTable(this.reader, id).schema).definition;
  }

  private hasForeignKeys(): boolean {
    const has = (state: State) =>
      [...state.keys()].some(name => (this.definitionOf(state, name)?.foreignKeys.length ?? 0) > 0);
    return has(this.old) || has(this.now);
  }

  /** Yields what is away before tables change: what is dropped or becomes another one, and what would be in the way. */
  private *drops(): Generator<string, void, undefined> {
    for (const [what, name] of this.moved(false)) yield `DROP ${what.toUpperCase()} ${quotedName(name)};`;
    for (const {name} of this.dropped) yield `DROP TABLE ${quotedName(name)};`;
  }

  /** Throws an error of SQL for a definition that is not one statement. */
  private *creates(): Generator<string, void, undefined> {
    for (const [, , sql] of this.moved(true)) {
      parseStatement(sql);
      yield `${sql};`;
    }
  }

  /** Yields the views, triggers and indexes that are dropped, or those that are made, each with its text. */
  private *moved(wanted: boolean): Generator<readonly [what: string, name: string, sql: string], void, undefined> {
    const whole = new Set((wanted ? this.created : this.dropped).map(({name}) => name));
    const lost = new Set(this.dropped.map(({name}) => name));
    const rowsDiffer = new Set(this.kept.filter(each => each.rowsDiffer).map(({delta}) => delta.name));
    const changed = new Map(this.deltas.map(delta => [delta.name, delta]));
    const state = wanted ? this.now : this.old;
    const names = [...new Set([...this.old.keys(), ...this.now.keys()])].sort();
    const found: (readonly [string, string, string])[] = [];
    for (const name of names) {
      const selected = this.selected.has(name);
      if (!selected && !this.clean) continue;
      const definitions = selected ? definitionsOf(this.reader, name, state.get(name)) : this.definitions(name, false);
      if (definitions === undefined) continue;
      // with a table or view all that belongs to it goes
      if (!wanted && lost.has(name) && definitions.kind === 'table') continue;
      const all = wanted && whole.has(name);
      for (const {kind, name: own, sql} of definitions.texts.values()) {
        if (kind === 'table') continue;
        const differs = changed.get(name)?.schema.some(each => each.kind === kind && each.name === own) ?? false;
        const isView = definitions.kind === 'view';
        if (isView && !wanted && kind === 'trigger') continue;
        const moves =
          all ||
          differs ||
          (isView && (selected || this.clean)) ||
          (kind === 'index' && this.bare.has(name)) ||
          (kind === 'trigger' && (this.clean || rowsDiffer.has(name)));
        if (moves) found.push([kind, own, sql]);
      }
    }
    const order = wanted ? ['index', 'view', 'trigger'] : ['trigger', 'view', 'index'];
    for (const kind of order) for (const each of found) if (each[0] === kind) yield each;
  }

  // -------------------------------------------------------------------------------------------------- counters

  /** Yields what makes the counters of AUTOINCREMENT those that they are to be: inserting rows has moved them. */
  private *counters(): Generator<string, void, undefined> {
    const counts = (state: State, name: string) => this.definitionOf(state, name)?.autoincrement ?? false;
    const touched = this.deltas.filter(({name}) => counts(this.old, name) || counts(this.now, name));
    if (touched.length === 0 && !this.selected.has(SEQUENCE_TABLE)) return;
    const table = this.now.get(SEQUENCE_TABLE);
    const wanted = table === undefined ? [] : [...this.countersOf(table)];
    const made = this.created.some(({name}) => counts(this.now, name));
    const there = this.old.has(SEQUENCE_TABLE) || made;
    const values = (cells: readonly Value[]) => `(${cells.map(sqlLiteral).join(', ')})`;
    if (this.names && !this.names.has(SEQUENCE_TABLE)) {
      // of the others nothing is known
      const own = new Set(touched.map(({name}) => foldName(name)));
      for (const {name} of touched) yield `DELETE FROM ${SEQUENCE_TABLE} WHERE name = ${sqlLiteral(name)};`;
      for (const [, name, seq] of wanted) {
        if (typeof name === 'string' && own.has(foldName(name)))
          yield `INSERT INTO ${SEQUENCE_TABLE}(name, seq) VALUES ${values([name, seq])};`;
      }
      return;
    }
    if (!there && table !== undefined) {
      // SQL makes the table of the counters only with a table that counts
      const passing = this.freeName();
      yield `CREATE TABLE ${passing}(id INTEGER PRIMARY KEY AUTOINCREMENT);`;
      yield `DROP TABLE ${passing};`;
    }
    if (there) yield `DELETE FROM ${SEQUENCE_TABLE};`;
    for (const counter of wanted) yield `INSERT INTO ${SEQUENCE_TABLE}(rowid, name, seq) VALUES ${values(counter)};`;
  }

  private *countersOf(id: ObjectId): Generator<[rowid: Value, name: Value, seq: Value], void, undefined> {
    const {spec, root} = tableSource(this.reader, SEQUENCE_TABLE, readTable(this.reader, id));
    for (const [rowid = null, name = null, seq = null] of scanRows(this.reader, spec, root)) {
      yield [rowid as Value, name as Value, seq as Value];
    }
  }

  private freeName(): string {
    for (let n = 1; ; n++) {
      const name = `counter_${n}`;
      if (![...this.old.keys(), ...this.now.keys()].some(each => foldName(each) === name)) return name;
    }
  }
}

function notOfSql(table: string): DbosError {
  return new DbosError('SQL_UNSUPPORTED', `The table ${table} was not made in SQL.`, {
    hint: 'Show its changes without --patch.',
    data: {table},
  });
}
