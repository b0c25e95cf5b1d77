/**
 * Which tables and views differ between two states, told by their ids alone. `files` is among them only if its indexes
 * differ: its rows are shown as files. Layer: state.
 */
import {compareText} from '../bytes.js';
import type {ObjectId} from '../objects/id.js';
import type {ObjectReader} from '../objects/store.js';
import {FILES_TABLE} from './files.js';
import {readState, type State} from './state.js';
import {readTable} from './table.js';

/** A table or view, by its exact name, that is another one in two states or is in one of them only. */
export interface EntryChange {
  readonly name: string;
  readonly before: ObjectId | undefined;
  readonly after: ObjectId | undefined;
}

/** Returns what differs, in the order of the names. A state that is undefined has nothing. */
export function changedEntries(
  reader: ObjectReader,
  before: ObjectId | undefined,
  after: ObjectId | undefined,
): EntryChange[] {
  if (before === after) return [];
  const old: State = before === undefined ? new Map() : readState(reader, before);
  const now: State = after === undefined ? new Map() : readState(reader, after);
  const changes: EntryChange[] = [];
  for (const name of new Set([...old.keys(), ...now.keys()])) {
    const change = {name, before: old.get(name), after: now.get(name)};
    if (change.before === change.after) continue;
    if (name !== FILES_TABLE || indexesOf(reader, change.before) !== indexesOf(reader, change.after))
      changes.push(change);
  }
  return changes.sort((a, b) => compareText(a.name, b.name));
}

/** Returns a text that is the same for tables with the same indexes. */
function indexesOf(reader: ObjectReader, table: ObjectId | undefined): string {
  const {indexes = []} = table === undefined ? {} : readTable(reader, table);
  return JSON.stringify(indexes.map(({name, schema}) => [name, schema]));
}
