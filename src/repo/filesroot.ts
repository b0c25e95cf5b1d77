/**
 * The files of a state and of a commit. Layer: repo.
 */
import type {ObjectId} from '../objects/id.js';
import type {ObjectReader} from '../objects/store.js';
import {FILES_TABLE} from '../state/files.js';
import {findTable} from '../state/state.js';
import {readTableRoot} from '../state/table.js';
import type {TreeRoot} from '../tree/spec.js';
import {readCommit} from './commit.js';

/** Returns the root of the files of a state; null if it has none. */
export function filesRootOf(reader: ObjectReader, state: ObjectId): TreeRoot {
  const table = findTable(reader, state, FILES_TABLE);
  return table === undefined ? null : readTableRoot(reader, table);
}

/** Returns the root of the files of a commit; null for no commit, and for one without files. */
export function filesRootOfCommit(reader: ObjectReader, commit: ObjectId | undefined): TreeRoot {
  return commit === undefined ? null : filesRootOf(reader, readCommit(reader, commit).state);
}
