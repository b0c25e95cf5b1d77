/**
 * What a ref held in the past, by the operation log: an index lookup, O(log n) in the number of operations, also for refs
 * that were moved, undone or deleted since. Layer: repo.
 */
import type {Storage, StorageReader} from '../storage/storage.js';
import {decodeRefEntry, type RefEntry, readOperationEntry, refKeyRange} from './indexes.js';
import type {StoredOperation} from './operation.js';
import type {IndexedName} from './refs.js';

/** What these functions need of a repository. */
export interface PastReader {
  readonly storage: Storage;
  readonly operation: StoredOperation;
}

/**
 * Returns the last change of a ref (or HEAD) at or before a time, in milliseconds since 1970: what it held then is the id
 * of that entry. Undefined if the ref did not exist yet. Throws STORE_CORRUPT.
 */
export async function refAt(repo: PastReader, name: IndexedName, time: number): Promise<RefEntry | undefined> {
  const seq = operationsUntil(repo.storage, repo.operation, time);
  for await (const [key, value] of repo.storage.range({...refKeyRange(name, seq), reverse: true, limit: 1})) {
    return decodeRefEntry(key, value);
  }
  return undefined;
}

/** Returns how many operations were made at or before a time. */
export function operationsUntil(storage: StorageReader, newest: StoredOperation, time: number): number {
  if (newest.time <= time) return newest.seq + 1;
  let low = 0;
  let high = newest.seq;
  // operations before `low` are in time, those from `high` on are late
  while (low < high) {
    const middle = Math.floor((low + high) / 2);
    if (readOperationEntry(storage, middle).time <= time) low = middle + 1;
    else high = middle;
  }
  return low;
}

/** Yields the changes of a ref (or HEAD), the newest first. Throws STORE_CORRUPT. */
export async function* refHistory(repo: PastReader, name: IndexedName): AsyncGenerator<RefEntry> {
  const range = refKeyRange(name, repo.operation.seq + 1);
  for await (const [key, value] of repo.storage.range({...range, reverse: true})) yield decodeRefEntry(key, value);
}

/** Returns the first change of a ref (or HEAD), or undefined if it never existed. */
export async function firstChange(repo: PastReader, name: IndexedName): Promise<RefEntry | undefined> {
  const range = refKeyRange(name, repo.operation.seq + 1);
  for await (const [key, value] of repo.storage.range({...range, limit: 1})) return decodeRefEntry(key, value);
  return undefined;
}
