/**
 * Definitions: statements of SQL that are part of a state and have no rows: views, which stand in a state by their name as
 * tables do, and triggers, which stand in the table or view that they belong to. Layer: state.
 */
import {asString, decodeObject, encodeObject, type Field, invalid, kindOf} from '../objects/codec.js';
import type {ObjectId} from '../objects/id.js';
import type {ObjectReader, ObjectSink} from '../objects/store.js';
import {asDefinitions, fieldOfDefinitions, type NamedDefinition} from './table.js';

export interface Definition {
  /** The CREATE VIEW or CREATE TRIGGER text. */
  readonly sql: string;
  /** Those of a view; absent without one. */
  readonly triggers?: readonly NamedDefinition[];
}

/** The fields of a definition without triggers. */
const FIELDS = 1;

/** Writes a definition and returns its id. */
export function writeDefinition(sink: ObjectSink, {sql, triggers = []}: Definition): ObjectId {
  const fields: Field[] = [sql];
  if (triggers.length > 0) fields.push(fieldOfDefinitions(triggers));
  return sink.put(encodeObject('definition', fields));
}

/** Returns the definition with this id. Throws OBJECT_INVALID. */
export function readDefinition(reader: ObjectReader, id: ObjectId): Definition {
  return decodeDefinition(reader.read(id));
}

/** Returns the definition of these bytes. Throws OBJECT_INVALID. */
export function decodeDefinition(bytes: Uint8Array): Definition {
  const fields = decodeObject(bytes, 'definition');
  if (fields.length !== FIELDS && fields.length !== FIELDS + 1) {
    throw invalid('is a definition with a wrong number of fields');
  }
  const [sql, triggers] = fields;
  return {sql: asString(sql), ...(fields.length > FIELDS && {triggers: asDefinitions(triggers)})};
}

/** Returns whether what a state has under a name is a view and not a table. */
export function isView(reader: ObjectReader, id: ObjectId): boolean {
  return kindOf(reader.read(id)) === 'definition';
}
