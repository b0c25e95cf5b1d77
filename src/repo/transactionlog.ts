/**
 * All transactions that there ever were, as the operation log tells: the newest change of each says whether it is open, or how
 * it ended. Layer: repo.
 */
import type {ObjectId} from '../objects/id.js';
import {type OpenTransaction, readOpenTransaction} from './opentransaction.js';
import {type NamedTransaction, type TransactionName, unknownTransaction} from './opentransactions.js';
import {readOperation, type StoredOperation} from './operation.js';
import {listOperations} from './operations.js';
import {branchRef, type RefName, shortName, TRANSACTIONS} from './refs.js';
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

/** Yields all transactions as they are or were at their end, those first that changed last. Reads the log as far as it is asked for. */
export function* listTransactions(repo: Repository): Generator<LoggedTransaction> {
  const seen = new Set<RefName>();
  for (const operation of listOperations(repo)) {
    for (const {name, before, after} of operation.refChanges) {
      if (!name.startsWith(TRANSACTIONS) || seen.has(name)) continue;
      seen.add(name);
      const id = (after ?? before) as ObjectId;
      const open = {name: shortName(name) as TransactionName, id, transaction: readOpenTransaction(repo.objects, id)};
      if (after !== null) yield active(open);
      else yield {...open, ended: operation.time, ...endOf(repo, operation, open.transaction)};
    }
  }
}

/** Returns an open transaction as one of the log. */
export function active(open: NamedTransaction): LoggedTransaction {
  return {...open, status: 'active', ended: null, commit: null};
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

/** Returns the transaction, open or not, that a text names: its name, or the start of it. Throws TRANSACTION_UNKNOWN or REVISION_AMBIGUOUS. */
export function findTransaction(repo: Repository, text: string): LoggedTransaction {
  const found: LoggedTransaction[] = [];
  for (const each of listTransactions(repo)) {
    if (each.name === text) return each;
    if (text.length > 1 && each.name.startsWith(text)) found.push(each);
  }
  const [only, more] = found;
  if (only !== undefined && more === undefined) return only;
  throw unknownTransaction(
    text,
    found.map(({name}) => name),
  );
}
