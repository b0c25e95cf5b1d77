/**
 * What statements that write share: the counters and switches of one connection, and for each run of a statement its
 * parameters, its clock and the rows that it returns. Layer: sql.
 */
import type {ObjectReader} from '../../objects/store.js';
import type {FileOwner} from '../../state/file-edits.js';
import {FileUnit} from '../../state/file-unit.js';
import {type Cell, ContentRef} from '../../tree/cell.js';
import type {Span} from '../ast.js';
import {readCell} from '../catalog/cell-value.js';
import {Execution} from '../exec/execution.js';
import type {FunctionContexts} from '../query.js';
import type {Value} from '../values/value.js';
import {newEntry} from './file-values.js';
import {Sequences} from './sequences.js';
import type {WorkingState} from './working-state.js';

/** The counters and switches of one connection. */
export class Session {
  changes = 0;
  totalChanges = 0;
  lastInsertRowid: number | bigint = 0;
  /** Whether foreign keys are checked and their actions taken. */
  foreignKeys = true;
  /** Whether all of them wait for the end of the transaction; until then only. */
  deferForeignKeys = false;
  /** Whether a trigger may fire itself. */
  recursiveTriggers = false;
  /** How many deferred foreign keys do not hold now. */
  deferredViolations = 0;
  /** Whether directories that files lack above them are made. */
  makeParents = false;
  /** Returns who owns the files that are made. */
  fileOwner: () => FileOwner = () => ({uid: 0, gid: 0, user: null, group: null});
}

/** One run of a statement, triggers and foreign key actions included. */
export class Run {
  /** How many foreign keys that must hold at the end of the statement do not hold now. */
  violations = 0;
  /** The rows that it returns. */
  readonly returned: (readonly Value[])[] = [];
  private running: Set<object> | undefined;
  private counters: Sequences | undefined;
  private fileUnit: FileUnit | undefined;
  private madeContexts: FunctionContexts | undefined;
  depth = 0;
  /** How many rows the statement itself changed. */
  counted = 0;
  /** 1 where triggers AFTER the change of a row have failed: the row is counted all the same, as in SQLite. */
  interrupted = 0;
  /** Whether the statement inserts one row and does nothing else. */
  single = false;
  /** Whether a table is being dropped: then foreign keys that mean nothing are no error. */
  dropping = false;

  constructor(
    readonly session: Session,
    public parameters: readonly Value[],
    private readonly makeContexts: () => FunctionContexts,
    readonly reader: ObjectReader,
    private readonly state: WorkingState,
    /** What errors point at. */
    readonly at: Span,
    readonly deadline: number,
    readonly timeout: number,
  ) {}

  /** What functions are given, of the moment when the first of them is called. */
  get contexts(): FunctionContexts {
    this.madeContexts ??= this.makeContexts();
    return this.madeContexts;
  }

  /** The triggers that are running. */
  get active(): Set<object> {
    this.running ??= new Set();
    return this.running;
  }

  /** The counters of AUTOINCREMENT. */
  get sequences(): Sequences {
    this.counters ??= new Sequences(this.state);
    return this.counters;
  }

  /** The files that it changes. */
  get files(): FileUnit {
    this.fileUnit ??= new FileUnit(this.state.tree);
    return this.fileUnit;
  }

  /** Makes the files that it changed a tree that there can be. Throws as `settle` of `FileUnit`. */
  settleFiles(): void {
    this.fileUnit?.settle({parents: this.session.makeParents ? path => newEntry(this, path, 'dir') : undefined});
  }

  /** Writes what has been counted. */
  finish(): void {
    this.counters?.write();
  }

  /** Takes note of how many rows a statement has changed. */
  count(changes: number): void {
    const {session} = this;
    const all = changes + this.interrupted;
    this.interrupted = 0;
    if (this.depth === 0) this.counted = all;
    session.changes = all;
    session.totalChanges += all;
  }
}

/** One run of compiled code inside a run: `outer` has the cells of the rows that the code reads from around it. */
export class ChangeExecution extends Execution {
  constructor(
    readonly run: Run,
    readonly outer: readonly Cell[],
    operators = 0,
  ) {
    super(run.parameters, run.contexts, run.deadline, run.timeout, operators);
  }

  /** Returns the value of a cell of a row. */
  read(cell: Cell): Value {
    return cell instanceof ContentRef ? readCell(this.run.reader, cell) : cell;
  }
}
