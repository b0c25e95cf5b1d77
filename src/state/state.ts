/**
 * States: the tables of a system at one moment, by name. A state is a value: the same tables give the same id.
 * Layer: state.
 */

import {compareText} from '../bytes.js';
import {asArray, asFields, asId, asString, decodeObject, encodeObject, fieldOfId, invalid} from '../objects/codec.js';
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
  const [entries, ...rest] = decodeObject(reader.read(id), 'state');
  if (rest.length > 0) throw invalid('is a state with a wrong number of fields');
  const state = new Map<string, ObjectId>();
  let last: string | undefined;
  for (const entry of asArray(entries)) {
    const [nameField, table] = asFields(entry, 2);
    const name = asString(nameField);
    if (last !== undefined && compareText(last, name) >= 0) throw invalid('is a state whose tables are not in order');
    state.set(name, asId(table));
    last = name;
  }
  return state;
}
