/**
 * A database that statements change. Each statement that writes is one unit, unless BEGIN or SAVEPOINT has opened a
 * transaction, which is one as a whole. A statement that fails has no effect. Finished units are handed over to be
 * committed. Layer: sql.
 */
import {DbosError, type ErrorCode, isDbosError} from '../../errors.js';
import type {ObjectId} from '../../objects/id.js';
import type {FileOwner} from '../../state/file-edits.js';
import type {Insert, Name, Span, Statement as Syntax} from '../ast.js';
import {foldName} from '../catalog/names.js';
import {STATE_TABLES} from '../catalog/schema-rows.js';
import type {Batch} from '../exec/compile.js';
import {sqlError} from '../fault.js';
import {parseStatement} from '../parser/parser.js';
import type {Binder} from '../plan/binder.js';
import {rowCount} from '../plan/explain.js';
import {
  Database,
  type DatabaseOptions,
  type FunctionContexts,
  functionContexts,
  limited,
  located,
  type Parameters,
  parameterValues,
  type RunOptions,
  Statement,
} from '../query.js';
import type {Catalog} from '../source.js';
import type {Value} from '../values/value.js';
import {ChangeFault, foreignKeyFailed} from './change-fault.js';
import {Compiler, type Place, type Step} from './compiler.js';
import {define, isDefinition} from './definitions.js';
import {ChangeReport, changeLines} from './explain-change.js';
import {checkViolations} from './foreign-keys.js';
import {pragma} from './pragmas.js';
import type {ReadTracker} from './read-tracker.js';
import {type RepeatedInsert, RepeatedInserts} from './repeated-inserts.js';
import {Schemas, type SchemasMark} from './schemas.js';
import {Run, Session} from './session.js';
import {shortened} from './unit-message.js';
import type {WorkingState} from './working-state.js';

/** What a finished unit is about. */
export interface UnitInfo {
  /** Its statements, shortened. */
  readonly message: string;
  /** How many rows its statements changed. */
  readonly changes: number;
}

export interface WritableOptions extends DatabaseOptions {
  /**
   * Takes a finished unit, whose state is in the sink then; not called for one that leaves the state what it was. What it
   * throws undoes the unit. After one that returns a promise `settled` must be awaited before the next statement runs.
   */
  readonly commit?: (state: ObjectId, info: UnitInfo) => void | Promise<void>;
  /** The state that the working state began with. */
  readonly state?: ObjectId;
  /** What takes note of what is read; that of the working state. */
  readonly reads?: ReadTracker | undefined;
  /** Returns who owns the files that statements make; nobody in particular unless given. */
  readonly fileOwner?: (() => FileOwner) | undefined;
  /** Whether directories that files lack above them are made, instead of an error. */
  readonly makeParents?: boolean | undefined;
}

/** What is said of files wherever they are changed. */
const PLACELESS: ReadonlySet<ErrorCode> = new Set<ErrorCode>([
  'NAME_UNSAFE',
  'PATH_UNKNOWN',
  'PATH_NOT_DIRECTORY',
  'DIRECTORY_NOT_EMPTY',
]);

/** Statements of a unit that its message is made of; more would not fit. */
const TOLD = 16;

interface Savepoint {
  readonly name: string;
  readonly mark: SchemasMark;
  readonly deferred: number;
  /** How many rows the unit had changed, and by how many of the statements that it tells of. */
  readonly changes: number;
  readonly told: number;
}

/** A transaction that is open. */
interface Transaction {
  readonly mark: SchemasMark;
  /** Whether a savepoint opened it: then the release of that one commits. */
  readonly implicit: boolean;
  readonly savepoints: Savepoint[];
}

/** Returns the latest moment that a transaction can be brought back to. */
function lastMark({mark, savepoints}: Transaction): SchemasMark {
  return savepoints.at(-1)?.mark ?? mark;
}

/** A statement that runs, and how it is undone. */
interface Running {
  readonly run: Run;
  readonly mark: SchemasMark;
  readonly deferred: number;
  /** Whether its text is the last of the unit's. */
  readonly told: boolean;
}

export class WritableDatabase extends Database {
  readonly session = new Session();
  readonly schemas: Schemas;
  private readonly compiler: Compiler;
  private transaction: Transaction | undefined;
  /** The statements of the unit so far. */
  private texts: string[] = [];
  private changesBefore = 0;
  private committed: ObjectId | undefined;
  private settling: Promise<void> | undefined;
  /** Whether a statement waits for more rows. */
  private isTaking = false;
  private readonly repeated = new RepeatedInserts();
  private readonly makeContexts = () => this.contexts();

  constructor(
    state: WorkingState,
    base: Catalog,
    private readonly writing: WritableOptions = {},
  ) {
    const schemas = new Schemas(state);
    super(watched(schemas.catalog(base), writing.reads), writing);
    this.schemas = schemas;
    this.committed = writing.state;
    if (writing.fileOwner) this.session.fileOwner = writing.fileOwner;
    this.session.makeParents = writing.makeParents ?? false;
    this.compiler = new Compiler(this.session, schemas, () => this.binder(this.catalog, undefined));
  }

  /** Whether a transaction is open. */
  get inTransaction(): boolean {
    return this.transaction !== undefined;
  }

  /** Waits until the last unit is committed. Throws what committing it threw; then it is undone. */
  async settled(): Promise<void> {
    await this.settling;
  }

  /** As that of a database that is only read; each statement must have run before the next one is asked for. */
  override async *script(
    sql: string,
    parameters?: Parameters,
    failed?: (error: unknown) => void,
    whole = true,
  ): AsyncGenerator<Statement, number, undefined> {
    const statements = super.script(sql, parameters, failed, whole);
    for (;;) {
      const {done, value} = await statements.next();
      if (done) return value;
      yield value;
      await this.settled();
    }
  }

  /** Undoes the open transaction, if there is one. */
  rollback(): void {
    if (this.transaction) this.rollbackTo(this.transaction.mark, 0);
    this.transaction = undefined;
    this.texts = [];
  }

  override prepare(sql: string, parameters?: Parameters): Statement {
    const repeated = parameters === undefined ? this.repeated.find(sql, 0, this.stamp) : undefined;
    // nothing but a `;` may follow it
    if (repeated === undefined || !/^;?$/.test(sql.slice(repeated.at.to))) return super.prepare(sql, parameters);
    return this.repeatedInsert(sql, repeated, () =>
      located(sql, () => this.whole(parseStatement(sql), sql, undefined)),
    );
  }

  /** Changes with everything that a compiled INSERT depends on. */
  private get stamp(): string {
    return `${this.schemas.version} ${this.session.foreignKeys}`;
  }

  private repeatedInsert(sql: string, repeated: RepeatedInsert, make: () => Statement): Statement {
    return new LiteralInsert(this, sql, repeated, () => this.stamp === repeated.shape.stamp, make);
  }

  protected override compile(syntax: Syntax, sql: string, parameters: Parameters | undefined): Statement {
    if (syntax.kind === 'explain') return super.compile(syntax, sql, parameters);
    const repeated = syntax.kind === 'insert' ? this.repeated.find(sql, syntax.from, this.stamp) : undefined;
    if (repeated?.at.to !== syntax.to) return this.whole(syntax, sql, parameters);
    return this.repeatedInsert(sql, repeated, () => this.whole(syntax, sql, parameters));
  }

  /** Compiles a statement by itself, whatever was compiled before. */
  private whole(syntax: Syntax, sql: string, parameters: Parameters | undefined): Statement {
    const {schemas} = this;
    const make = (): Statement => {
      if (syntax.kind === 'select') return this.select(syntax, sql, parameters);
      if (syntax.kind === 'insert' || syntax.kind === 'update' || syntax.kind === 'delete') {
        const {name} = syntax.kind === 'insert' ? syntax.table : syntax.table.name;
        this.writing.reads?.noteDefinition(name.text);
        const made = new ChangeStatement(this, this.compiler, syntax, sql, parameters, report => {
          const binder = this.binder(this.catalog, parameters);
          const place: Place = {binder, scope: undefined, outer: [], sql, report};
          return {place, step: limited(() => this.compiler.step(place, syntax))};
        });
        if (syntax.kind === 'insert') this.repeated.note(sql, syntax, this.stamp, like => this.shapeOf(like, sql));
        return made;
      }
      return new PlainStatement(this, syntax, sql);
    };
    return new CurrentStatement(
      () => located(sql, make),
      () => schemas.version,
    );
  }

  private shapeOf(insert: Insert, sql: string): Step {
    const place: Place = {binder: this.binder(this.catalog, undefined), scope: undefined, outer: [], sql};
    return limited(() => this.compiler.step(place, insert));
  }

  protected override contexts(): FunctionContexts {
    const {now = Date.now, zone = () => 0} = this.writing;
    return functionContexts(now(), zone, this.session);
  }

  // -------------------------------------------------------------------------------------------------- running

  /** Runs a change; returns the rows of RETURNING. */
  change(step: Step, at: Span, sql: string, parameters: readonly Value[], options: RunOptions): Batch {
    return this.perform(at, sql, parameters, options, true, run => step.run(run, [], undefined)).returned;
  }

  /** Runs a change and takes it back. Returns how many rows it changed. */
  rehearse(step: Step, at: Span, sql: string, parameters: readonly Value[], options: RunOptions): number {
    const {session, schemas, texts} = this;
    const {changes, totalChanges, lastInsertRowid, deferredViolations} = session;
    const alone = this.transaction === undefined;
    const {savepoints} = this.transaction ?? this.open(false);
    const mark = schemas.mark();
    const told = texts.length;
    savepoints.push({name: '', mark, deferred: deferredViolations, changes: this.unitChanges, told});
    try {
      return this.perform(at, sql, parameters, options, true, run => step.run(run, [], undefined)).counted;
    } finally {
      savepoints.pop();
      this.rollbackTo(mark, deferredViolations);
      if (alone) this.rollback();
      texts.length = told;
      Object.assign(session, {changes, totalChanges, lastInsertRowid});
    }
  }

  /** Runs a statement that is neither a query nor a change of rows. */
  plain(syntax: Syntax, sql: string): Batch {
    this.checkIdle();
    switch (syntax.kind) {
      case 'begin':
        this.begin(syntax);
        return [];
      case 'commit':
        if (this.transaction === undefined) throw misuse('cannot commit - no transaction is active', syntax);
        this.commit(syntax);
        return [];
      case 'rollback':
        if (syntax.savepoint) this.rollbackToSavepoint(syntax.savepoint);
        else if (this.transaction === undefined) throw misuse('cannot rollback - no transaction is active', syntax);
        else this.rollback();
        return [];
      case 'savepoint':
        this.savepoint(syntax.name);
        return [];
      case 'release':
        this.release(syntax.name, syntax);
        return [];
      case 'pragma':
        return pragma(this.session, this.transaction !== undefined, syntax) ?? this.pragmaQuery(syntax)?.all() ?? [];
      case 'analyze':
      case 'vacuum':
        return [];
    }
    if (!isDefinition(syntax)) throw new TypeError(`a ${syntax.kind} that is not run`);
    // IF EXISTS is an answer, too
    if ('name' in syntax && syntax.name) this.writing.reads?.noteDefinition(syntax.name.name.text);
    const {compiler} = this;
    const place: Place = {binder: this.binder(this.catalog, undefined), scope: undefined, outer: [], sql};
    return this.perform(syntax, sql, [], {}, false, run => define(compiler, place, run, syntax)).returned;
  }

  /** Returns the columns of what a PRAGMA gives: those of its function, else its name. */
  pragmaColumns(syntax: Syntax & {readonly kind: 'pragma'}): Columns {
    return this.pragmaQuery(syntax)?.columns ?? [{name: syntax.name.name.text, type: ''}];
  }

  private perform(
    at: Span,
    sql: string,
    parameters: readonly Value[],
    options: RunOptions,
    counts: boolean,
    work: (run: Run) => void,
  ): Run {
    const running = this.start(at, sql, parameters, options);
    const {run} = running;
    try {
      limited(() => work(run));
      this.end(run, at);
    } catch (error) {
      throw this.stop(running, error, at, counts);
    }
    this.finishOrKeep(running.mark);
    return run;
  }

  /** Ends a statement that has succeeded: hands over the unit that it is, or keeps it for the transaction that it is part of. */
  private finishOrKeep(mark: SchemasMark): void {
    if (this.transaction) this.schemas.release(mark, lastMark(this.transaction));
    else this.finish(mark);
  }

  private checkIdle(): void {
    if (this.settling !== undefined) throw new TypeError('the last unit is not committed yet');
    if (this.isTaking) throw new TypeError('a statement is still taking rows');
  }

  /** Begins a statement. */
  private start(at: Span, sql: string, parameters: readonly Value[], {timeout}: RunOptions): Running {
    this.checkIdle();
    const {schemas, session} = this;
    const mark = schemas.mark();
    const deferred = session.deferredViolations;
    const deadline = timeout === undefined ? Number.POSITIVE_INFINITY : performance.now() + timeout;
    const run = new Run(
      session,
      parameters,
      this.makeContexts,
      schemas.reader,
      schemas.main,
      at,
      deadline,
      timeout ?? 0,
    );
    if (this.transaction === undefined) this.changesBefore = session.totalChanges;
    const told = this.texts.length < TOLD;
    if (told) this.texts.push(sql.slice(at.from, at.to));
    return {run, mark, deferred, told};
  }

  /** Checks what must hold at the end of a statement. */
  private end(run: Run, at: Span): void {
    run.settleFiles();
    run.finish();
    checkViolations(run);
    if (this.transaction === undefined && this.session.deferredViolations > 0) throw foreignKeyFailed(at);
  }

  /** Undoes as much of a statement as its error says, and returns the error to throw. */
  private stop({run, mark, deferred, told}: Running, thrown: unknown, at: Span, counts: boolean): unknown {
    const {session} = this;
    const error = unlessUnsettled(run, thrown);
    const action = error instanceof ChangeFault ? error.action : 'abort';
    const broken = run.violations > 0 || (this.transaction === undefined && session.deferredViolations > 0);
    if (action === 'fail' && !broken) {
      this.finishOrKeep(mark);
    } else {
      if (told) this.texts.pop();
      if (counts) {
        // as in SQLite, what triggers changed stays counted
        session.totalChanges -= run.counted;
        session.changes = 0;
      }
      if (action === 'rollback' && this.transaction) this.rollback();
      else this.rollbackTo(mark, deferred);
    }
    return action === 'fail' && broken ? foreignKeyFailed(at) : placed(error, at);
  }

  /**
   * Runs an INSERT with one row of VALUES for each of many rows of parameters, all as one statement: `INSERT INTO t VALUES (?, ?)`.
   * Returns how many rows were inserted or, by an upsert, changed. Rows come in batches, from memory or as they are read, and
   * are let go of as they are taken, so their number is not bounded. It is fastest where rows come in the order of the
   * table's key, behind those that it has. Until it is done no other statement may run.
   *
   * Throws what the statement throws, with the number of the row, from 0, as `data.row`; and SQL_PARAMETER for a row of
   * another length than there are parameters, SQL_MISUSE for a statement of another kind. Whatever is thrown, also by the source
   * of the rows, the statement has no effect unless its conflict clause says so (OR FAIL, OR ROLLBACK).
   */
  async insertMany(
    sql: string,
    batches: Iterable<readonly (readonly Value[])[]> | AsyncIterable<readonly (readonly Value[])[]>,
  ): Promise<number> {
    const syntax = located(sql, () => parseStatement(sql));
    const binder = this.binder(this.catalog, undefined);
    const many = located(sql, () => {
      const place: Place = {binder, scope: undefined, outer: [], sql};
      const compiled = syntax.kind === 'insert' ? limited(() => this.compiler.step(place, syntax)) : undefined;
      if (compiled?.many && compiled.returning.length === 0) return compiled.many;
      throw sqlError('SQL_MISUSE', 'only an INSERT of one row of VALUES takes many rows.', syntax, {
        hint: 'Write it like `INSERT INTO t VALUES (?, ?)`, without RETURNING.',
      });
    });
    const width = binder.parameterNames.length;
    const running = this.start(syntax, sql, [], {});
    const {run} = running;
    let failed: number | undefined;
    this.isTaking = true;
    try {
      const rows = many(run);
      const told = (work: () => void) => {
        try {
          limited(work);
        } catch (error) {
          failed = rows.row;
          throw error;
        }
      };
      try {
        for await (const batch of batches) {
          told(() => {
            for (const row of batch) {
              if (row.length !== width) throw wrongWidth(row.length, width);
              rows.add(row);
            }
          });
        }
        told(() => rows.finish());
      } finally {
        rows.count();
      }
      this.end(run, syntax);
    } catch (error) {
      const thrown = this.stop(running, error, syntax, true);
      await this.settled();
      throw failed !== undefined && isDbosError(thrown) ? atRow(thrown, failed) : thrown;
    } finally {
      this.isTaking = false;
    }
    this.finishOrKeep(running.mark);
    await this.settled();
    return run.counted;
  }

  /** How many rows the unit has changed so far, without those that a savepoint took back. */
  private get unitChanges(): number {
    return this.session.totalChanges - this.changesBefore;
  }

  private rollbackTo(mark: SchemasMark, deferred: number): void {
    this.schemas.rollbackTo(mark);
    this.session.deferredViolations = deferred;
  }

  /** Hands the unit over that began at a mark. */
  private finish(mark: SchemasMark): void {
    const {schemas, session, texts} = this;
    const {commit} = this.writing;
    this.texts = [];
    session.deferForeignKeys = false;
    if (commit === undefined) {
      schemas.forgetMarks();
      return;
    }
    const undo = () => {
      schemas.rollbackTo(mark);
      session.deferredViolations = 0;
    };
    let pending: void | Promise<void>;
    let state: ObjectId;
    try {
      state = schemas.main.write();
      if (state === this.committed) {
        schemas.forgetMarks();
        return;
      }
      pending = commit(state, {message: shortened(texts), changes: this.unitChanges});
    } catch (error) {
      undo();
      throw error;
    }
    const done = () => {
      this.committed = state;
      schemas.forgetMarks();
    };
    if (!(pending instanceof Promise)) {
      done();
      return;
    }
    const waiting = pending;
    this.settling = (async () => {
      try {
        await waiting;
        done();
      } catch (error) {
        undo();
        throw error;
      } finally {
        this.settling = undefined;
      }
    })();
    // whoever awaits `settled` is told
    this.settling.catch(() => undefined);
  }

  // -------------------------------------------------------------------------------------------------- transactions

  private begin(at: Span): void {
    if (this.transaction) throw misuse('cannot start a transaction within a transaction', at);
    this.open(false);
  }

  private open(implicit: boolean): Transaction {
    this.changesBefore = this.session.totalChanges;
    this.transaction = {mark: this.schemas.mark(), implicit, savepoints: []};
    return this.transaction;
  }

  private commit(at: Span): void {
    const {mark} = this.transaction as Transaction;
    if (this.session.deferredViolations > 0) throw foreignKeyFailed(at);
    this.transaction = undefined;
    this.finish(mark);
  }

  private savepoint({text}: Name): void {
    const {savepoints} = this.transaction ?? this.open(true);
    const {deferredViolations: deferred} = this.session;
    const told = this.texts.length;
    savepoints.push({name: text, mark: this.schemas.mark(), deferred, changes: this.unitChanges, told});
  }

  private savepointIndex(name: Name): number {
    const folded = foldName(name.text);
    const index = this.transaction?.savepoints.findLastIndex(each => foldName(each.name) === folded) ?? -1;
    if (index >= 0) return index;
    throw sqlError('SQL_MISUSE', `no such savepoint: ${name.text}.`, name, {hint: 'Make it first: SAVEPOINT name.'});
  }

  private release(name: Name, at: Span): void {
    const index = this.savepointIndex(name);
    const {savepoints, implicit} = this.transaction as Transaction;
    if (index === 0 && implicit) {
      this.commit(at);
      return;
    }
    const {mark} = savepoints[index] as Savepoint;
    savepoints.length = index;
    this.schemas.release(mark, lastMark(this.transaction as Transaction));
  }

  private rollbackToSavepoint(name: Name): void {
    const index = this.savepointIndex(name);
    const {savepoints} = this.transaction as Transaction;
    const {mark, deferred, changes, told} = savepoints[index] as Savepoint;
    savepoints.length = index + 1;
    this.rollbackTo(mark, deferred);
    this.texts.length = told;
    // total_changes() goes on counting what was taken back, as in SQLite
    this.changesBefore = this.session.totalChanges - changes;
  }
}

/** Returns an error with the place of the statement, unless it has one or has nothing to do with it. */
function placed(error: unknown, {from, to}: Span): unknown {
  if (!isDbosError(error) || error.data.from !== undefined || !PLACELESS.has(error.code)) return error;
  const {code, message, hint, data, cause} = error;
  return new DbosError(code, message, {...(hint !== undefined && {hint}), data: {...data, from, to}, cause});
}

/** Returns an error of a statement, or if it lets stand what was done, what is wrong with the files then. */
function unlessUnsettled(run: Run, error: unknown): unknown {
  if (!(error instanceof ChangeFault) || error.action !== 'fail') return error;
  try {
    run.settleFiles();
    return error;
  } catch (unsettled) {
    return unsettled;
  }
}

function wrongWidth(given: number, wanted: number): DbosError {
  return new DbosError('SQL_PARAMETER', `A row has ${given} values for ${wanted} parameters.`, {
    hint: 'Give each row a value for each parameter.',
  });
}

function atRow(error: DbosError, row: number): DbosError {
  const {code, message, hint, data} = error;
  return new DbosError(code, message, {...(hint !== undefined && {hint}), data: {...data, row}, cause: error});
}

/** The functions whose rows come from those of tables. */
const COMPARING: ReadonlySet<string> = new Set(['diff', 'diff_stat', 'history', 'blame']);

/** Returns a catalog that notes which tables and views of the state are looked up, found or not, and what shows the state as a whole. */
function watched(catalog: Catalog, reads: ReadTracker | undefined): Catalog {
  if (reads === undefined) return catalog;
  return {
    ...catalog,
    findTable: (name, revision) => {
      const found = catalog.findTable(name, revision);
      if (revision !== undefined) return found;
      if (found?.kind !== 'rows') reads.noteDefinition(name);
      else if (foldName(name) === 'tables') reads.noteState();
      else if (Object.hasOwn(STATE_TABLES, foldName(name))) reads.noteSchema();
      return found;
    },
    findFunction: name => {
      const found = catalog.findFunction(name);
      // pragma_table_info and the like; and what compares versions of tables, of which the last is the present one
      if (/^pragma_/i.test(name)) reads.noteSchema();
      else if (found && COMPARING.has(foldName(name))) reads.noteState();
      return found;
    },
  };
}

function misuse(message: string, at: Span): Error {
  return sqlError('SQL_MISUSE', `${message}.`, at, {hint: 'BEGIN opens a transaction; COMMIT or ROLLBACK ends it.'});
}

type Columns = readonly {readonly name: string; readonly type: string}[];

/** A statement that is compiled anew when the schema has changed. */
class CurrentStatement extends Statement {
  private made: Statement;
  private version: number;

  constructor(
    private readonly make: () => Statement,
    private readonly versionNow: () => number,
  ) {
    super();
    this.made = make();
    this.version = versionNow();
  }

  private get current(): Statement {
    if (this.version !== this.versionNow()) {
      this.made = this.make();
      this.version = this.versionNow();
    }
    return this.made;
  }

  get columns(): Columns {
    return this.made.columns;
  }

  batches(parameters?: Parameters, options?: RunOptions): Generator<Batch, void, undefined> {
    return this.current.batches(parameters, options);
  }

  override all(parameters?: Parameters, options?: RunOptions): (readonly Value[])[] {
    return this.current.all(parameters, options);
  }

  explaining(mode: 'plan' | 'analyze'): Statement {
    return this.current.explaining(mode);
  }

  explain(): string {
    return this.current.explain();
  }
}

type Change = Syntax & {readonly kind: 'insert' | 'update' | 'delete'};

/** Compiles a change, for a report if it is to be explained. */
type Compile = (report?: ChangeReport) => {readonly place: Place; readonly step: Step};

/** INSERT, UPDATE or DELETE. All of it is done when the first row is asked for. */
class ChangeStatement extends Statement {
  readonly columns: Columns;
  private readonly step: Step;
  private readonly binder: Binder;

  constructor(
    private readonly database: WritableDatabase,
    private readonly compiler: Compiler,
    private readonly syntax: Change,
    private readonly sql: string,
    private readonly defaults: Parameters = [],
    private readonly make: Compile,
  ) {
    super();
    const {place, step} = make();
    this.step = step;
    this.binder = place.binder;
    this.columns = step.returning.map(({name, type}) => ({name, type}));
  }

  *batches(parameters?: Parameters, options: RunOptions = {}): Generator<Batch, void, undefined> {
    const rows = this.run(parameters, options);
    if (rows.length > 0) yield rows;
  }

  override all(parameters?: Parameters, options: RunOptions = {}): (readonly Value[])[] {
    return [...this.run(parameters, options)];
  }

  private run(parameters: Parameters | undefined, options: RunOptions): Batch {
    const values = parameterValues(this.binder.parameterNames, parameters ?? this.defaults);
    return located(this.sql, () => this.database.change(this.step, this.syntax, this.sql, values, options));
  }

  explaining(mode: 'plan' | 'analyze'): Statement {
    const {database, compiler, syntax, sql, defaults, make} = this;
    return new ExplainedChange((parameters, options) => {
      const report = new ChangeReport(mode === 'analyze');
      const {place, step} = make(report);
      if (mode === 'plan') return changeLines(compiler, place, syntax, report);
      const values = parameterValues(place.binder.parameterNames, parameters ?? defaults);
      const start = performance.now();
      const rows = located(sql, () => database.rehearse(step, syntax, sql, values, options));
      const elapsed = (performance.now() - start).toFixed(1);
      return [...changeLines(compiler, place, syntax, report), `${rowCount(rows)} in ${elapsed} ms, taken back`];
    });
  }

  explain(): string {
    return this.explaining('plan')
      .all()
      .map(([line]) => line)
      .join('\n');
  }
}

/** An INSERT like one before it. */
class LiteralInsert extends Statement {
  readonly columns: Columns = [];

  constructor(
    private readonly database: WritableDatabase,
    private readonly sql: string,
    private readonly repeated: RepeatedInsert,
    private readonly isCurrent: () => boolean,
    /** Compiles it by itself. */
    private readonly make: () => Statement,
  ) {
    super();
  }

  *batches(parameters?: Parameters, options: RunOptions = {}): Generator<Batch, void, undefined> {
    if (!this.isCurrent()) {
      yield* this.make().batches(parameters, options);
      return;
    }
    this.run(options);
  }

  override all(parameters?: Parameters, options: RunOptions = {}): (readonly Value[])[] {
    if (!this.isCurrent()) return this.make().all(parameters, options);
    this.run(options);
    return [];
  }

  private run(options: RunOptions): void {
    const {database, sql, repeated} = this;
    const {shape, values, at} = repeated;
    located(sql, () => database.change(shape.step, at, sql, values, options));
  }

  explaining(mode: 'plan' | 'analyze'): Statement {
    return this.make().explaining(mode);
  }

  explain(): string {
    return this.make().explain();
  }
}

/** EXPLAIN of a change. */
class ExplainedChange extends Statement {
  readonly columns: Columns = [{name: 'plan', type: 'TEXT'}];

  constructor(private readonly lines: (parameters: Parameters | undefined, options: RunOptions) => readonly string[]) {
    super();
  }

  *batches(parameters?: Parameters, options: RunOptions = {}): Generator<Batch, void, undefined> {
    yield this.lines(parameters, options).map(line => [line]);
  }

  explaining(): Statement {
    return this;
  }

  explain(): string {
    return this.lines(undefined, {}).join('\n');
  }
}

/** A statement about the schema, a transaction or a setting. */
class PlainStatement extends Statement {
  readonly columns: Columns;

  constructor(
    private readonly database: WritableDatabase,
    private readonly syntax: Syntax,
    private readonly sql: string,
  ) {
    super();
    this.columns = syntax.kind === 'pragma' ? database.pragmaColumns(syntax) : [];
  }

  *batches(): Generator<Batch, void, undefined> {
    const rows = located(this.sql, () => this.database.plain(this.syntax, this.sql));
    if (rows.length > 0) yield rows;
  }

  explaining(): Statement {
    throw sqlError('SQL_UNSUPPORTED', 'EXPLAIN shows the plans of queries and of changes of rows.', this.syntax, {
      hint: 'Run the statement itself.',
    });
  }

  explain(): string {
    return '';
  }
}
