/**
 * The files of a state. Layer: repo.
 */
import type {ObjectId} from '../objects/id.js';
import type {ObjectReader} from '../objects/store.js';
import {FILES_TABLE} from '../state/files.js';
import {findTable} from '../state/state.js';
import {readTableRoot} from '../state/table.js';
import type {TreeRoot} from '../tree/spec.js';

/** Returns the root of the files of a state; null if it has none. */
export function filesRootOf(reader: ObjectReader, state: ObjectId): TreeRoot {
  const table = findTable(reader, state, FILES_TABLE);
  return table === undefined ? null : readTableRoot(reader, table);
}
