/**
 * Writing the tables of a repository in SQL. Each unit, a statement or a transaction, is a commit on top of HEAD's; all commits
 * of a script are published together by one operation, so a script that fails has no effect. Layer: sql.
 */

import {isDbosError} from '../../errors.js';
import type {ObjectId} from '../../objects/id.js';
import {readCommit, writeCommit} from '../../repo/commit.js';
import {headEdit} from '../../repo/headmove.js';
import {branchRef, HEAD} from '../../repo/refs.js';
import type {Repository} from '../../repo/repository.js';
import {maskSql} from '../../repo/secrets.js';
import {signatureNow} from '../../repo/signature.js';
import type {Publication, Publish, Transaction} from '../../repo/transaction.js';
import type {Head} from '../../repo/view.js';
import {affectedTables} from '../catalog/affected.js';
import {type CatalogOptions, repositoryCatalog} from '../catalog/repository-catalog.js';
import {statements} from '../parser/parser.js';
import {WorkingState} from './working-state.js';
import {WritableDatabase} from './writable-database.js';

export interface WriteOptions extends Pick<CatalogOptions, 'status'> {
  /** The message of the commits; that of each is its statement, shortened, unless given. */
  readonly message?: string | undefined;
  /** Publishes the commits; the work tree does not follow unless it is given. */
  readonly publish?: Publish;
  /** The whole script, for the operation log. */
  readonly sql?: string | undefined;
}

/** What a script recorded. */
export interface Written {
  readonly commits: readonly ObjectId[];
  /** How many rows changed. */
  readonly changes: number;
}

/** Returns whether a script has statements that write; what cannot be parsed is left to whoever runs it. */
export function writes(sql: string): boolean {
  try {
    for (const {statement} of statements(sql)) {
      const inner = statement.kind === 'explain' ? statement.statement : statement;
      if (inner.kind !== 'select') return true;
    }
  } catch (error) {
    if (!isDbosError(error)) throw error;
  }
  return false;
}

/** The tables of HEAD, to be written until `publish` or `discard`. */
export class ScriptWrites {
  readonly database: WritableDatabase;
  private readonly transaction: Transaction;
  private readonly head: Head;
  /** The state that the script began with. */
  private readonly base: ObjectId | undefined;
  private readonly commits: ObjectId[] = [];
  private last: ObjectId | undefined;
  private changes = 0;

  constructor(
    private readonly repo: Repository,
    private readonly options: WriteOptions = {},
  ) {
    this.head = repo.head();
    this.last = this.head.commit;
    this.transaction = repo.begin();
    const {now, zone} = repo.context;
    const state = this.last === undefined ? undefined : readCommit(repo.objects, this.last).state;
    this.base = state;
    this.database = new WritableDatabase(
      new WorkingState(this.transaction.objects, state),
      repositoryCatalog(repo, options.status ? {status: options.status} : {}),
      {
        now,
        zone,
        ...(state !== undefined && {state}),
        commit: (unit, {message, changes}) => this.record(unit, message, changes),
      },
    );
  }

  /** Makes all commits visible at once. Throws REF_MOVED, STORE_FULL or STORE_IO, and as `publish`; then nothing has changed. */
  async publish(): Promise<Written> {
    const {commits, changes, last, transaction, head, base, options} = this;
    this.database.rollback();
    if (commits.length === 0 || last === undefined) transaction.discard();
    else {
      const [first] = commits;
      const message = readCommit(transaction.objects, first as ObjectId).message;
      const description = commits.length === 1 ? `commit: ${message}` : `commit ${commits.length} units of a script`;
      const ref = head.branch === undefined ? HEAD : branchRef(head.branch);
      const affected = affectedTables(
        transaction.objects,
        ref,
        base,
        readCommit(transaction.objects, last).state,
        changes,
      );
      const {publish = (staged: Transaction, publication: Publication) => staged.publish(publication)} = options;
      await publish(transaction, {
        kind: 'normal',
        description,
        ...headEdit(head, last),
        ...(options.sql !== undefined && {sql: maskSql(options.sql)}),
        ...(affected && {affected}),
      });
    }
    return {commits, changes};
  }

  /** Forgets what is not published. Does nothing after `publish`. */
  discard(): void {
    this.transaction.discard();
  }

  private record(state: ObjectId, statement: string, changes: number): void {
    const {objects} = this.transaction;
    const signature = signatureNow(this.repo.context);
    const id = writeCommit(objects, {
      state,
      parents: this.last === undefined ? [] : [this.last],
      author: signature,
      committer: signature,
      message: this.options.message ?? statement,
      cause: statement,
    });
    this.commits.push(id);
    this.last = id;
    this.changes += changes;
  }
}
