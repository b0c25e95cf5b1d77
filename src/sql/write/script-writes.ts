/**
 * Writing the tables of a repository in SQL. Each unit, a statement or a transaction, is a commit on top of HEAD's, or a step
 * of an open transaction; all units of a script are published together by one operation, so a script that fails has no
 * effect. Layer: sql.
 */

import {isDbosError} from '../../errors.js';
import type {ObjectId} from '../../objects/id.js';
import type {NamedTransaction} from '../../repo/opentransactions.js';
import type {Repository} from '../../repo/repository.js';
import {type CatalogOptions, repositoryCatalog} from '../catalog/repository-catalog.js';
import {isPragmaFunction} from '../catalog/schema-rows.js';
import {statements} from '../parser/parser.js';
import type {Destination, PublishOptions, Unit} from './destination.js';
import {HeadDestination, TransactionDestination} from './destination.js';
import {ReadTracker} from './read-tracker.js';
import {UnitSink} from './unit-sink.js';
import {WorkingState} from './working-state.js';
import {WritableDatabase} from './writable-database.js';

export interface WriteOptions extends PublishOptions, Pick<CatalogOptions, 'status'> {
  /** The open transaction to write in, which the repository has been made to look at; HEAD without one. */
  readonly transaction?: NamedTransaction | undefined;
  /** Whether directories that files lack above them are made, instead of an error. */
  readonly makeParents?: boolean | undefined;
}

/** So many bytes wait in memory at most. */
const STAGED_BYTES = 64 * 1024 * 1024;

/** What a script recorded. */
export interface Written {
  /** None for what was written in an open transaction. */
  readonly commits: readonly ObjectId[];
  /** How many rows changed. */
  readonly changes: number;
  /** How many statements and transactions changed something. */
  readonly units: number;
  /** Whether a BEGIN had no end, so that nothing of what came after it has happened. */
  readonly unfinished: boolean;
}

/** Returns whether a script has statements that write; what cannot be parsed is left to whoever runs it. */
export function writes(sql: string): boolean {
  const failed = (error: unknown) => {
    if (!isDbosError(error)) throw error;
  };
  for (const {statement} of statements(sql, failed)) {
    const inner = statement.kind === 'explain' ? statement.statement : statement;
    const reads = inner.kind === 'select' || (inner.kind === 'pragma' && isPragmaFunction(inner.name.name.text));
    if (!reads) return true;
  }
  return false;
}

/** The tables of HEAD or of an open transaction, to be written until `publish` or `discard`. */
export class ScriptWrites {
  readonly database: WritableDatabase;
  private readonly sink: UnitSink;
  private readonly destination: Destination;
  private readonly units: Unit[] = [];

  constructor(
    repo: Repository,
    private readonly options: WriteOptions = {},
  ) {
    const {transaction} = options;
    const tracker = transaction && ReadTracker.of(transaction);
    this.destination = transaction ? new TransactionDestination(repo, transaction, tracker) : new HeadDestination(repo);
    this.sink = new UnitSink(repo);
    this.database = writableOn(repo, this.sink, this.destination, options, tracker, unit => {
      this.units.push(unit);
    });
  }

  /** Writes what has been made into the store, still invisible, if that is much: so memory has a bound. */
  async relieve(): Promise<void> {
    if (this.sink.stagedBytes > STAGED_BYTES) await this.sink.flush();
  }

  /** Makes everything visible at once. Throws as `Destination.publish`; then nothing has changed. */
  async publish(): Promise<Written> {
    const {units, sink, options} = this;
    const unfinished = this.database.inTransaction;
    this.database.rollback();
    const commits = await this.destination.publish(sink, units, options);
    sink.discard();
    return {commits, changes: units.reduce((sum, unit) => sum + unit.changes, 0), units: units.length, unfinished};
  }

  /**
   * Forgets what is not published. That a serializable transaction has read it stays known: somebody may have seen it. Throws
   * as `publish`.
   */
  async abandon(): Promise<void> {
    this.discard();
    if (this.options.transaction) await this.destination.publish(this.sink, [], this.options);
  }

  /** Forgets what is not published. Does nothing after `publish`. */
  discard(): void {
    this.sink.discard();
  }
}

/** Returns a database whose finished units are handed over. */
export function writableOn(
  repo: Repository,
  sink: UnitSink,
  destination: Destination,
  {status, makeParents}: Pick<WriteOptions, 'status' | 'makeParents'>,
  tracker: ReadTracker | undefined,
  finished: (unit: Unit) => void | Promise<void>,
): WritableDatabase {
  const {state} = destination;
  const {now, zone, fileOwner} = repo.context;
  const working = new WorkingState(sink, state, tracker);
  return new WritableDatabase(working, repositoryCatalog(repo, status ? {status} : {}), {
    now,
    zone,
    fileOwner,
    makeParents,
    ...(state !== undefined && {state}),
    reads: tracker,
    commit: (unit, {message, changes}) => finished({state: unit, statement: message, changes}),
  });
}
