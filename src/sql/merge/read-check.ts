/**
 * What makes a transaction serializable: nothing that it has read may be another thing when it is committed. Layer: sql.
 */
import type {ObjectId} from '../../objects/id.js';
import type {ObjectReader} from '../../objects/store.js';
import type {TableReads} from '../../repo/opentransaction.js';
import {readState} from '../../state/state.js';
import type {Versions} from '../../tree/merge.js';
import {foldName} from '../catalog/names.js';
import {readConflict} from './transaction-conflict.js';

/** Throws TRANSACTION_CONFLICT if a table that was read is not what it was; `what` and `branch` are for the message. */
export function checkReads(
  reader: ObjectReader,
  reads: readonly TableReads[],
  {base, theirs}: Pick<Versions<ObjectId | undefined>, 'base' | 'theirs'>,
  what: string,
  branch: string,
): void {
  if (reads.length === 0 || base === theirs) return;
  const tablesOf = (state: ObjectId | undefined) =>
    new Map([...(state === undefined ? [] : readState(reader, state))].map(([table, id]) => [foldName(table), id]));
  const [before, now] = [tablesOf(base), tablesOf(theirs)];
  const changed = reads.map(({table}) => table).filter(table => before.get(table) !== now.get(table));
  if (changed.length > 0) throw readConflict(what, branch, changed);
}
