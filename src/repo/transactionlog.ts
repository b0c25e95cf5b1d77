/**
 * All transactions that there ever were: those that are open, from the view, and those that have ended, from the index of
 * operations. Layer: repo.
 */
import {decodeText, fromBinary} from '../bytes.js';
import type {ObjectId} from '../objects/id.js';
import {decodeRefEntry, type RefEntry, readOperationEntry} from './indexes.js';
import {type OpenTransaction, readOpenTransaction} from './opentransaction.js';
import type {NamedTransaction, TransactionName} from './opentransactions.js';
import {readOperation, type StoredOperation} from './operation.js';
import {branchRef, TRANSACTIONS} from './refs.js';
import type {Repository} from './repository.js';

export type TransactionStatus = 'active' | 'committed' | 'aborted';

/** A transaction with what became of it. */
export interface LoggedTransaction extends NamedTransaction {
  readonly status: TransactionStatus;
  /** When it ended, in milliseconds since 1970; null while it is open. */
  readonly ended: number | null;
  /** The commit that it became; null if it is none, or has changed nothing. */
  readonly commit: ObjectId | null;
}

/** Yields all transactions by name, as they are or were at their end. Throws STORE_CORRUPT. */
export async function* listTransactions(repo: Repository): AsyncGenerator<LoggedTransaction> {
  // '0' is the character after '/'
  const range = {gte: `r${TRANSACTIONS}`, lt: `r${TRANSACTIONS.slice(0, -1)}0`};
  let name: string | undefined;
  let entries: RefEntry[] = [];
  for await (const [key, value] of repo.storage.range(range)) {
    const found = nameOfKey(key);
    if (found !== name && name !== undefined) {
      yield logged(repo, name as TransactionName, entries);
      entries = [];
    }
    name = found;
    // only what it was at last, and that it is no more, are of interest
    entries = [...entries.slice(-1), decodeRefEntry(key, value)];
  }
  if (name !== undefined) yield logged(repo, name as TransactionName, entries);
}

/** Returns the name in a key of the index: between the folder and the number of the operation. */
function nameOfKey(key: string): string {
  return decodeText(fromBinary(key.slice(`r${TRANSACTIONS}`.length, -9)));
}

function logged(repo: Repository, name: TransactionName, entries: readonly RefEntry[]): LoggedTransaction {
  const last = entries.at(-1) as RefEntry;
  const id = last.id ?? (entries[0]?.id as ObjectId);
  const transaction = readOpenTransaction(repo.objects, id);
  if (last.id !== null) return {name, id, transaction, status: 'active', ended: null, commit: null};
  const operation = readOperation(repo.objects, readOperationEntry(repo.storage, last.seq).id);
  return {name, id, transaction, ended: last.time, ...endOf(repo, operation, transaction)};
}

/** Returns how an operation ended a transaction: what it was begun by may also be undone, and its end redone. */
function endOf(
  repo: Repository,
  operation: StoredOperation,
  {branch}: OpenTransaction,
): Pick<LoggedTransaction, 'status' | 'commit'> {
  const {kind, undo} = operation;
  const cause = kind === 'redo' && undo ? readOperation(repo.objects, undo.target) : operation;
  if (cause.kind !== 'normal') return {status: 'aborted', commit: null};
  const change = operation.refChanges.find(each => each.name === branchRef(branch));
  return {status: 'committed', commit: change?.after ?? null};
}
