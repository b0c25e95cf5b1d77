/**
 * States: the tables of a system at one moment, by name. A state is a value: the same tables give the same id.
 * Layer: state.
 */

import {asBuffer, compareText} from '../bytes.js';
import {asArray, asFields, asId, asString, decodeObject, encodeObject, fieldOfId, invalid} from '../objects/codec.js';
import {ID_BYTES, type ObjectId} from '../objects/id.js';
import type {ObjectReader, ObjectSink} from '../objects/store.js';

/** Table name to table id. */
export type State = ReadonlyMap<string, ObjectId>;

/** Writes a state and returns its id. */
export function writeState(sink: ObjectSink, state: State): ObjectId {
  const entries = [...state].sort(([a], [b]) => compareText(a, b));
  return sink.put(encodeObject('state', [entries.map(([name, id]) => [name, fieldOfId(id)])]));
}

/**
 * Returns the table with this name in a state, or undefined if it has none. A state of only that table is not decoded, since
 * walks through history ask thousands of them. Throws OBJECT_INVALID.
 */
export function findTable(reader: ObjectReader, id: ObjectId, name: string): ObjectId | undefined {
  const bytes = asBuffer(reader.read(id));
  const start = startOf(name);
  const end = start.length + ID_BYTES;
  if (bytes.length === end && start.compare(bytes, 0, start.length) === 0) {
    return bytes.toString('latin1', start.length, end) as ObjectId;
  }
  return decodeState(bytes).get(name);
}

let lastStart: {readonly name: string; readonly bytes: Buffer} | undefined;

/** Returns how a state with only this table begins: all of it before the id. */
function startOf(name: string): Buffer {
  if (lastStart?.name !== name) {
    const whole = encodeObject('state', [[[name, Buffer.alloc(ID_BYTES)]]]);
    lastStart = {name, bytes: Buffer.from(whole.subarray(0, whole.length - ID_BYTES))};
  }
  return lastStart.bytes;
}

/** Returns the state with this id. Throws OBJECT_INVALID. */
export function readState(reader: ObjectReader, id: ObjectId): State {
  return decodeState(reader.read(id));
}

/** Returns the state of these bytes. Throws OBJECT_INVALID. */
export function decodeState(bytes: Uint8Array): State {
  const [entries, ...rest] = decodeObject(bytes, 'state');
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
