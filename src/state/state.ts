/**
 * States: the tables of a system at one moment, by name. A state is a value: the same tables give the same id.
 * Layer: state.
 */

import {compareText} from '../bytes.js';
import {asArray, asId, asString, decodeObject, encodeObject, fieldOfId, invalid} from '../objects/codec.js';
import type {ObjectId} from '../objects/id.js';
import type {ObjectReader, ObjectSink} from '../objects/store.js';

/** Table name to table id. */
export type State = ReadonlyMap<string, ObjectId>;

/** Writes a state and returns its id. */
export function writeState(sink: ObjectSink, state: State): ObjectId {
  const entries = [...state].sort(([a], [b]) => compareText(a, b));
  return sink.put(encodeObject('state', [entries.map(([name, id]) => [name, fieldOfId(id)])]));
}

/** Returns the state with this id. Throws OBJECT_INVALID. */
export function readState(reader: ObjectReader, id: ObjectId): State {
  const [entries] = decodeObject(reader.read(id), 'state');
  const state = new Map<string, ObjectId>();
  let last: string | undefined;
  for (const entry of asArray(entries)) {
    const [nameField, table] = asArray(entry);
    const name = asString(nameField);
    if (last !== undefined && compareText(last, name) >= 0) throw invalid('is a state whose tables are not in order');
    state.set(name, asId(table));
    last = name;
  }
  return state;
}
