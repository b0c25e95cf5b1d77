/**
 * Where finished units of a database go. On HEAD each becomes a commit; publishing is compare-and-swap, and where the branch
 * has moved since the units began each is merged into what it holds now. Inside an open transaction they change what that is
 * at. Layer: sql.
 */
import type {ObjectId} from '../../objects/id.js';
import type {ObjectReader} from '../../objects/store.js';
import {decodeCommitHeader, writeCommit} from '../../repo/commit.js';
import {headEdit} from '../../repo/headmove.js';
import type {TableReads} from '../../repo/opentransaction.js';
import {changeTransaction, type NamedTransaction} from '../../repo/opentransactions.js';
import {branchRef, findRef, HEAD} from '../../repo/refs.js';
import type {Repository} from '../../repo/repository.js';
import {signatureNow} from '../../repo/signature.js';
import type {Publish} from '../../repo/transaction.js';
import type {Head} from '../../repo/view.js';
import {affectedTables} from '../catalog/affected.js';
import {States} from '../catalog/states.js';
import {merge} from '../merge/merge.js';
import {checkReads} from '../merge/read-check.js';
import {transactionConflict} from '../merge/transaction-conflict.js';
import type {ReadTracker} from './read-tracker.js';
import {shortened} from './unit-message.js';
import type {UnitSink} from './unit-sink.js';

/** A finished unit. */
export interface Unit {
  readonly state: ObjectId;
  /** Its statements, shortened. */
  readonly statement: string;
  /** How many rows it changed. */
  readonly changes: number;
}

export interface PublishOptions {
  /** The message of the commits, or what an open transaction tells of the units; of each its statement, shortened, unless given. */
  readonly message?: string | undefined;
  /** Publishes the commits; the work tree does not follow unless it is given. */
  readonly publish?: Publish | undefined;
  /** The whole script, for the operation log. */
  readonly sql?: string | undefined;
  /** Whether these units are the last ones. */
  readonly last?: boolean | undefined;
  /** What units that are serializable have read. */
  readonly reads?: readonly TableReads[] | undefined;
}

export interface Destination {
  /** The state that units begin with; undefined before the first commit. */
  readonly state: ObjectId | undefined;
  /**
   * Publishes units by one operation, and returns the commits that were made. Throws TRANSACTION_CONFLICT, REF_MOVED,
   * STORE_FULL or STORE_IO, and as `publish`; then nothing has changed.
   */
  publish(sink: UnitSink, units: readonly Unit[], options: PublishOptions): Promise<readonly ObjectId[]>;
}

function stateOf(reader: ObjectReader, commit: ObjectId | undefined): ObjectId | undefined {
  return commit === undefined ? undefined : decodeCommitHeader(reader.read(commit)).state;
}

/** HEAD as it is when units begin: a branch, or a commit. */
export class HeadDestination implements Destination {
  state: ObjectId | undefined;
  /** What HEAD held when the last units were published. */
  private head: Head;
  /** The tables of the states that were published; the next one mostly begins where the last one ended. */
  private states: States | undefined;

  constructor(private readonly repo: Repository) {
    this.head = repo.head();
    this.state = stateOf(repo.objects, this.head.commit);
  }

  /** Returns what units are published on: the branch that they began on, as it is now. */
  private current(): Head {
    const {repo, head} = this;
    if (head.branch === undefined) return repo.head().branch === undefined ? repo.head() : head;
    return {branch: head.branch, commit: findRef(repo.objects, repo.view.refs, branchRef(head.branch))};
  }

  async publish(sink: UnitSink, units: readonly Unit[], options: PublishOptions): Promise<readonly ObjectId[]> {
    const {repo} = this;
    const current = this.current();
    const commits: ObjectId[] = [];
    let base = this.state;
    let tip = current.commit;
    const before = stateOf(repo.objects, tip);
    let merged = before;
    checkReads(sink, options.reads ?? [], {base, theirs: before}, 'The change', current.branch ?? HEAD);
    for (const {state, statement} of units) {
      const renumber = options.last === true && units.length === 1;
      merged = this.mergedState(sink, {base, ours: state, theirs: merged}, renumber);
      const signature = signatureNow(repo.context);
      tip = writeCommit(sink, {
        state: merged,
        parents: tip === undefined ? [] : [tip],
        author: signature,
        committer: signature,
        message: options.message ?? statement,
        cause: statement,
      });
      commits.push(tip);
      base = state;
    }
    if (tip === undefined || merged === undefined || commits.length === 0) return commits;
    const first = options.message ?? units[0]?.statement;
    const changes = units.reduce((sum, unit) => sum + unit.changes, 0);
    const ref = current.branch === undefined ? HEAD : branchRef(current.branch);
    this.states ??= new States(sink);
    const affected = affectedTables(this.states, ref, before, merged, changes);
    const staged = sink.take();
    const {publish = (transaction, publication) => transaction.publish(publication)} = options;
    await publish(staged, {
      kind: 'normal',
      description: commits.length === 1 ? `commit: ${first}` : `commit ${commits.length} units of a script`,
      ...headEdit(current, tip),
      ...(options.sql !== undefined && {sql: options.sql}),
      ...(affected && {affected}),
    });
    this.head = {branch: current.branch, commit: tip};
    this.state = base;
    return commits;
  }

  private mergedState(
    sink: UnitSink,
    ids: {base: ObjectId | undefined; ours: ObjectId; theirs: ObjectId | undefined},
    renumber: boolean,
  ): ObjectId {
    // nearly always: nobody else has been there
    if (ids.base === ids.theirs) return ids.ours;
    const {state, conflicts} = merge(sink, ids, {...this.repo.context, exclusive: true, renumber});
    if (conflicts.length > 0) throw transactionConflict('The change', this.head.branch ?? HEAD, conflicts);
    return state;
  }
}

/** An open transaction. */
export class TransactionDestination implements Destination {
  constructor(
    private readonly repo: Repository,
    private open: NamedTransaction,
    /** What was read; undefined for one that is not serializable. */
    private readonly tracker: ReadTracker | undefined,
  ) {}

  get state(): ObjectId | undefined {
    return this.open.transaction.state ?? undefined;
  }

  async publish(sink: UnitSink, units: readonly Unit[], {sql, message}: PublishOptions): Promise<readonly ObjectId[]> {
    const {open, repo} = this;
    const reads = this.tracker?.reads ?? open.transaction.reads;
    const last = units.at(-1);
    if (last === undefined && reads === open.transaction.reads) return [];
    const {summary} = open.transaction;
    const statements = message === undefined ? units.map(unit => unit.statement) : [message];
    const changes = {
      ...(last && {state: last.state, summary: shortened(summary === '' ? statements : [summary, ...statements])}),
      reads,
    };
    const description = last === undefined ? 'read' : shortened(statements);
    const staged = sink.take();
    this.open = await changeTransaction(repo, open, {changes, description, sql}, staged);
    return [];
  }
}
