/**
 * Committing an open transaction: what it has made is merged with what its branch holds now, and the commit, the branch and the
 * end of the transaction are published by one operation; or a conflict is told, and it stays open as it is. Layer: sql.
 */
import {DbosError} from '../errors.js';
import type {ObjectId} from '../objects/id.js';
import type {ObjectReader, ObjectSink} from '../objects/store.js';
import {readCommit, writeCommit} from '../repo/commit.js';
import {endEdit, type NamedTransaction} from '../repo/opentransactions.js';
import {type BranchName, branchRef, findRef} from '../repo/refs.js';
import type {Repository} from '../repo/repository.js';
import {signatureNow} from '../repo/signature.js';
import type {Publish, RefEdit} from '../repo/transaction.js';
import {affectedTables} from './catalog/affected.js';
import {States} from './catalog/states.js';

export interface CommitTransactionOptions {
  /** The message; that of the transaction, or else its statements, unless given. */
  readonly message?: string | undefined;
  /** Publishes the commit; the work tree does not follow unless it is given. */
  readonly publish?: Publish | undefined;
}

export interface CommittedTransaction {
  /** Undefined if it had changed nothing. */
  readonly commit: ObjectId | undefined;
  readonly branch: BranchName;
  /** The commit that it follows; undefined for a first one. */
  readonly parent: ObjectId | undefined;
  /** Whether others had committed on the branch meanwhile. */
  readonly merged: boolean;
}

/**
 * Commits a transaction to its branch and ends it. Throws TRANSACTION_CONFLICT with `data.conflicts`, REF_MOVED, and
 * BRANCH_UNKNOWN if the branch was deleted; then it is open as before. Rows of conflicts say `ours` of the transaction.
 */
export async function commitTransaction(
  repo: Repository,
  open: NamedTransaction,
  options: CommitTransactionOptions = {},
): Promise<CommittedTransaction> {
  const {name, transaction} = open;
  const {branch, state} = transaction;
  const {publish = (staged, publication) => staged.publish(publication)} = options;
  const parent = findRef(repo.objects, repo.view.refs, branchRef(branch));
  if (parent === undefined && transaction.base !== null) {
    throw new DbosError('BRANCH_UNKNOWN', `The branch '${branch}' that ${name} was begun on is gone.`, {
      hint: 'Make it again with `dbos branch`, or roll the transaction back.',
      data: {branch, transaction: name},
    });
  }
  const moved = parent !== (transaction.base ?? undefined);
  const base = stateOf(repo.objects, transaction.base ?? undefined);
  const current = stateOf(repo.objects, parent);
  if (moved && transaction.reads.length > 0) {
    const {checkReads} = await import('./merge/read-check.js');
    checkReads(repo.objects, transaction.reads, {base, theirs: current}, name, branch);
  }
  const staging = repo.begin();
  const refs: RefEdit[] = [endEdit(open)];
  if (state === (base ?? null) || state === null) {
    await publish(staging, {
      kind: 'normal',
      description: `commit ${name}: nothing changed`,
      refs,
      transaction: name,
      affected: [],
    });
    return {commit: undefined, branch, parent, merged: false};
  }
  try {
    const {objects} = staging;
    const next = moved ? await mergedState(repo, objects, open, {base, ours: state, theirs: current}) : state;
    const message = messageOf(open, options.message);
    const commit = writeCommit(objects, {
      state: next,
      parents: parent === undefined ? [] : [parent],
      author: transaction.author,
      committer: signatureNow(repo.context),
      message,
      cause: name,
    });
    refs.push({
      name: branchRef(branch),
      expected: parent === undefined ? {kind: 'absent'} : {kind: 'equals', id: parent},
      next: commit,
    });
    const affected = affectedTables(new States(objects), branchRef(branch), current, next, 0);
    await publish(staging, {
      kind: 'normal',
      description: `commit ${name}: ${message.split('\n', 1)[0]}`,
      refs,
      transaction: name,
      ...(affected && {affected}),
    });
    return {commit, branch, parent, merged: moved};
  } finally {
    staging.discard();
  }
}

function stateOf(reader: ObjectReader, commit: ObjectId | undefined): ObjectId | undefined {
  return commit === undefined ? undefined : readCommit(reader, commit).state;
}

function messageOf({name, transaction: {message, summary}}: NamedTransaction, given: string | undefined): string {
  return given || message || summary || name;
}

/** Most transactions find their branch where it was, and need nothing of what merging takes. */
async function mergedState(
  repo: Repository,
  sink: ObjectSink,
  {name, transaction}: NamedTransaction,
  ids: {readonly base: ObjectId | undefined; readonly ours: ObjectId; readonly theirs: ObjectId | undefined},
): Promise<ObjectId> {
  const [{merge}, {transactionConflict}] = await Promise.all([
    import('./merge/merge.js'),
    import('./merge/transaction-conflict.js'),
  ]);
  const {state, conflicts} = merge(sink, ids, {...repo.context, exclusive: true, renumber: true});
  if (conflicts.length > 0) throw transactionConflict(name, transaction.branch, conflicts);
  return state;
}
