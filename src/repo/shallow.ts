/**
 * Shallow commits: those whose parents a store does not have, since it took in history only so deep. Whoever goes from
 * commits to their parents reads them here, and history ends with a shallow one as it does with a first one. Guarantee: a
 * store has everything that its objects name, except for the parents of these commits. Which they are stands under the key
 * `s`, and gets there in the batch that brings the commits. Layer: repo.
 */
import {DbosError} from '../errors.js';
import {ID_BYTES, idFromBytes, idToBytes, type ObjectId} from '../objects/id.js';
import type {ObjectReader} from '../objects/store.js';
import type {StorageReader, StorageWriter} from '../storage/storage.js';
import {type Commit, type CommitHeader, readCommit} from './commit.js';

export const SHALLOW_KEY = 's';

/** The shallow commits of a store that is not shallow. */
export const NO_SHALLOW: ReadonlySet<ObjectId> = new Set();

/** What to do where something is not here because the store is shallow. */
export const DEEPEN_HINT = 'Bring more of it with `dbos fetch --depth N`, or all of it with `dbos fetch --unshallow`.';

/** Where history is read from. */
export interface HistorySource {
  readonly objects: ObjectReader;
  /** The commits whose parents `objects` need not have. */
  readonly shallow: ReadonlySet<ObjectId>;
}

/** Returns a commit as a source has it: without parents if it is shallow there. */
export function asHeld<C extends CommitHeader | Commit>(
  {shallow}: Pick<HistorySource, 'shallow'>,
  id: ObjectId,
  commit: C,
): C {
  return shallow.has(id) ? {...commit, parents: []} : commit;
}

/** Returns the commit with this id as a source has it. Throws as `readCommit`. */
export function readHeldCommit(source: HistorySource, id: ObjectId): Commit {
  return asHeld(source, id, readCommit(source.objects, id));
}

/** Returns whether a commit, as a source has it, is shallow there: only its generation tells that it has parents. */
export function isShallow({generation, parents}: Pick<Commit, 'generation' | 'parents'>): boolean {
  return parents.length === 0 && generation > 1;
}

/** Returns the shallow commits of a store. Throws STORE_CORRUPT. */
export function readShallow(storage: StorageReader): ReadonlySet<ObjectId> {
  const bytes = storage.get(SHALLOW_KEY);
  if (bytes === undefined) return NO_SHALLOW;
  const commits = new Set<ObjectId>();
  let last = '';
  for (let at = 0; at + ID_BYTES <= bytes.length; at += ID_BYTES) {
    const id = idFromBytes(bytes.subarray(at, at + ID_BYTES));
    if (id <= last) throw damaged();
    commits.add(id);
    last = id;
  }
  if (commits.size * ID_BYTES !== bytes.length) throw damaged();
  return commits;
}

/** Stages which commits of a store are shallow, instead of those that were. */
export function stageShallow(writer: StorageWriter, commits: ReadonlySet<ObjectId>): void {
  if (commits.size === 0) writer.delete(SHALLOW_KEY);
  else writer.put(SHALLOW_KEY, Buffer.concat([...commits].sort().map(idToBytes)));
}

function damaged(): DbosError {
  return new DbosError('STORE_CORRUPT', 'The list of shallow commits of the store is damaged.', {
    hint: 'Restore the store from a copy, or clone it again.',
  });
}
