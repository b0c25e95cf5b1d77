/**
 * Beginning, changing and ending transactions that outlive their process: each step is an operation that moves the
 * transaction's ref, so several can be open at once, in any processes, and `undo` brings one back as it was. Committing is
 * in the SQL layer, which merges. Layer: repo.
 */
import {randomBytes} from 'node:crypto';
import {DbosError} from '../errors.js';
import {idOf, type ObjectId, shortId} from '../objects/id.js';
import {OverlayObjects} from '../objects/overlay.js';
import {readCommit, writeCommit} from './commit.js';
import {
  type Isolation,
  type OpenTransaction,
  readOpenTransaction,
  type TransactionSavepoint,
  writeOpenTransaction,
} from './opentransaction.js';
import type {StoredOperation} from './operation.js';
import {type BranchName, branchRef, findRef, listRefs, type RefName, shortName, TRANSACTIONS} from './refs.js';
import type {Repository} from './repository.js';
import {signatureNow} from './signature.js';
import type {RefEdit, Transaction} from './transaction.js';

declare const nameBrand: unique symbol;

/** The name of a transaction: `T` and a short id. */
export type TransactionName = string & {readonly [nameBrand]: true};

/** An open transaction as it is at the moment. */
export interface NamedTransaction {
  readonly name: TransactionName;
  /** The object that its ref holds. */
  readonly id: ObjectId;
  readonly transaction: OpenTransaction;
}

/** Returns the ref of a transaction. */
export function transactionRef(name: TransactionName): RefName {
  return `${TRANSACTIONS}${name}` as RefName;
}

/** Yields the transactions that are open, by name. */
export function* listOpenTransactions(repo: Repository): Generator<NamedTransaction> {
  for (const {name, id} of listRefs(repo.objects, repo.view.refs, TRANSACTIONS)) {
    yield {name: shortName(name) as TransactionName, id, transaction: readOpenTransaction(repo.objects, id)};
  }
}

/** Returns the open transaction that a text names: its name, or the start of it. Throws TRANSACTION_UNKNOWN or REVISION_AMBIGUOUS. */
export function resolveTransaction(repo: Repository, text: string): NamedTransaction {
  const names = [...listRefs(repo.objects, repo.view.refs, TRANSACTIONS)].map(({name}) => shortName(name));
  const found = names.includes(text) ? [text] : names.filter(name => text.length > 1 && name.startsWith(text));
  const [only, more] = found;
  if (only === undefined || more !== undefined) throw unknownTransaction(text, found);
  return openTransaction(repo, only as TransactionName);
}

/** Returns the error for a text that names no transaction, or the start of several. */
export function unknownTransaction(text: string, found: readonly string[]): DbosError {
  if (found.length > 1) {
    return new DbosError('REVISION_AMBIGUOUS', `'${text}' is the start of ${found.length} transactions.`, {
      hint: `Write more of the name: ${found.slice(0, 5).join(', ')}.`,
      data: {text, candidates: found},
    });
  }
  return new DbosError('TRANSACTION_UNKNOWN', `There is no such transaction: '${text}'.`, {
    hint: 'See `dbos txn ls` for those that are open, with --all for those that have ended too. If DBOS_TXN names one that has ended, unset it.',
    data: {transaction: text},
  });
}

/** Returns an open transaction as it is now. Throws TRANSACTION_UNKNOWN. */
export function openTransaction(repo: Repository, name: TransactionName): NamedTransaction {
  const id = findRef(repo.objects, repo.view.refs, transactionRef(name));
  if (id === undefined) throw unknownTransaction(name, []);
  return {name, id, transaction: readOpenTransaction(repo.objects, id)};
}

export interface BeginOptions {
  /** The branch that it will be committed to; the current one unless given. */
  readonly branch?: BranchName | undefined;
  /** The message of its commit. */
  readonly message?: string | undefined;
  readonly isolation?: Isolation | undefined;
}

/** Begins a transaction and returns it. Throws BRANCH_UNKNOWN. */
export async function beginTransaction(repo: Repository, options: BeginOptions = {}): Promise<NamedTransaction> {
  const branch = options.branch ?? repo.head().branch;
  if (branch === undefined) {
    throw new DbosError('BRANCH_UNKNOWN', 'HEAD is on no branch that the transaction could be committed to.', {
      hint: 'Name one with --branch.',
    });
  }
  const base = findRef(repo.objects, repo.view.refs, branchRef(branch)) ?? null;
  if (base === null && branch !== repo.head().branch) {
    throw new DbosError('BRANCH_UNKNOWN', `There is no branch '${branch}'.`, {
      hint: 'See `dbos branch` for those that there are.',
      data: {branch},
    });
  }
  const transaction: OpenTransaction = {
    branch,
    base,
    state: base === null ? null : readCommit(repo.objects, base).state,
    author: signatureNow(repo.context),
    message: options.message ?? '',
    isolation: options.isolation ?? 'snapshot',
    summary: '',
    savepoints: [],
    reads: [],
  };
  const name = `T${shortId(idOf(randomBytes(16)))}` as TransactionName;
  const staging = repo.begin();
  const id = writeOpenTransaction(staging.objects, transaction);
  await staging.publish({
    kind: 'normal',
    description: `begin ${name} on ${branch}`,
    refs: [{name: transactionRef(name), expected: {kind: 'absent'}, next: id}],
    transaction: name,
  });
  return {name, id, transaction};
}

/** What changes of a transaction, and what the operation says. */
export interface TransactionChange {
  readonly changes: Partial<OpenTransaction>;
  readonly description: string;
  /** The SQL that was run. */
  readonly sql?: string | undefined;
}

/**
 * Publishes a transaction as it is now; `staging` has the objects of its state. Throws REF_MOVED if another process has
 * changed or ended it meanwhile.
 */
export async function changeTransaction(
  repo: Repository,
  before: NamedTransaction,
  {changes, description, sql}: TransactionChange,
  staging: Transaction = repo.begin(),
): Promise<NamedTransaction> {
  const transaction = {...before.transaction, ...changes};
  const id = writeOpenTransaction(staging.objects, transaction);
  await staging.publish({
    kind: 'normal',
    description: `${before.name}: ${description}`,
    refs: [{name: transactionRef(before.name), expected: {kind: 'equals', id: before.id}, next: id}],
    transaction: before.name,
    ...(sql !== undefined && {sql}),
  });
  return {name: before.name, id, transaction};
}

/** Returns the edit that ends a transaction. */
export function endEdit({name, id}: NamedTransaction): RefEdit {
  return {name: transactionRef(name), expected: {kind: 'equals', id}, next: null};
}

/** Ends a transaction without effect. Throws REF_MOVED as `changeTransaction`. */
export async function rollbackTransaction(repo: Repository, open: NamedTransaction): Promise<StoredOperation> {
  return repo.begin().publish({
    kind: 'rollback',
    description: `roll back ${open.name}`,
    refs: [endEdit(open)],
    transaction: open.name,
  });
}

/**
 * Makes HEAD mean an open transaction, for everything that is read from the repository from here on: a commit that is nowhere
 * but in memory, with what the transaction has made so far, on top of the one that it began from.
 */
export function enterTransaction(repo: Repository, {name, transaction}: NamedTransaction): void {
  const {branch, base, state, author, message, summary} = transaction;
  const objects = new OverlayObjects(repo.objects);
  const unchanged = base === null ? state === null : readCommit(objects, base).state === state;
  const commit =
    unchanged || state === null
      ? (base ?? undefined)
      : writeCommit(objects, {
          state,
          parents: base === null ? [] : [base],
          author,
          committer: author,
          message: message || summary || name,
          cause: name,
        });
  repo.lookAt({branch, commit}, objects);
}

// ---------------------------------------------------------------------------------------------------- savepoints

/** Makes a savepoint: the state as it is now, by a name. */
export async function makeSavepoint(repo: Repository, open: NamedTransaction, name: string): Promise<NamedTransaction> {
  const {savepoints, state, summary} = open.transaction;
  return changeTransaction(repo, open, {
    changes: {savepoints: [...savepoints, {name, state, summary}]},
    description: `savepoint ${name}`,
  });
}

/** Brings a transaction back to a savepoint, which stays; later ones are gone. Throws SAVEPOINT_UNKNOWN. */
export async function rollbackToSavepoint(
  repo: Repository,
  open: NamedTransaction,
  name: string,
): Promise<NamedTransaction> {
  const {savepoints} = open.transaction;
  const at = placeOf(open, name);
  const {state, summary} = savepoints[at] as TransactionSavepoint;
  return changeTransaction(repo, open, {
    changes: {savepoints: savepoints.slice(0, at + 1), state, summary},
    description: `roll back to ${name}`,
  });
}

/** Forgets a savepoint and those after it; what was done since stays. Throws SAVEPOINT_UNKNOWN. */
export async function releaseSavepoint(
  repo: Repository,
  open: NamedTransaction,
  name: string,
): Promise<NamedTransaction> {
  const at = placeOf(open, name);
  return changeTransaction(repo, open, {
    changes: {savepoints: open.transaction.savepoints.slice(0, at)},
    description: `release ${name}`,
  });
}

/** Returns the place of the last savepoint with a name, in any case of its letters, as in SQL. */
function placeOf({name: transaction, transaction: {savepoints}}: NamedTransaction, name: string): number {
  const at = savepoints.findLastIndex(each => each.name.toLowerCase() === name.toLowerCase());
  if (at >= 0) return at;
  const names = savepoints.map(each => each.name).join(', ');
  throw new DbosError('SAVEPOINT_UNKNOWN', `${transaction} has no savepoint '${name}'.`, {
    hint: names === '' ? 'Make one with `dbos savepoint NAME`.' : `It has: ${names}.`,
    data: {transaction, savepoint: name},
  });
}
