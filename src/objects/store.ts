/**
 * The object store: objects under their ids in a storage. Every read is verified against the id, so damage is an error
 * at the first touch and never a wrong answer. Writing an object that exists costs one lookup. Layer: objects.
 */
import {DbosError} from '../errors.js';
import type {Frame, Location, ReadAlong, StorageReader, StorageWriter} from '../storage/storage.js';
import {formatId, idOf, type ObjectId} from './id.js';

/** The storage key of an object. */
export function objectKey(id: ObjectId): string {
  return `o${id}`;
}

/** Takes objects that are read along with another one, as they stand beside it; perhaps some that the store no longer has. */
export interface Beside {
  add(id: ObjectId, bytes: Uint8Array): void;
  /** Returns memory to read into (see `ReadAlong`). */
  room?(length: number): Buffer;
}

export interface ObjectReader {
  /** Returns the bytes of an object. Throws OBJECT_MISSING, or OBJECT_CORRUPT if they do not match the id. */
  read(id: ObjectId, beside?: Beside): Uint8Array;
  /** Returns the bytes of an object, or undefined if it is absent. Throws OBJECT_CORRUPT. */
  find(id: ObjectId): Uint8Array | undefined;
  has(id: ObjectId): boolean;
  /** Returns where the object stands in the value log, for readers in other threads; undefined if it is absent or inline. */
  locate(id: ObjectId): Location | undefined;
}

/** Stages objects; what is staged can be read at once. */
export interface ObjectSink extends ObjectReader {
  /** Stages an object unless it exists, and returns its id. The bytes are the caller's again when it returns. */
  put(bytes: Uint8Array): ObjectId;
  /** Stages a frame of bodies whose keys are `objectKey(id)`. */
  putFrame(frame: Frame): void;
}

/** Reads objects of one storage. */
export class ObjectStore implements ObjectReader {
  constructor(protected readonly storage: StorageReader) {}

  read(id: ObjectId, beside?: Beside): Uint8Array {
    const bytes = this.find(id, beside);
    if (bytes === undefined) throw missing(id);
    return bytes;
  }

  find(id: ObjectId, beside?: Beside): Uint8Array | undefined {
    const bytes = this.storage.get(objectKey(id), beside && alongside(beside));
    if (bytes !== undefined && idOf(bytes) !== id) throw corrupt(id);
    return bytes;
  }

  has(id: ObjectId): boolean {
    return this.storage.has(objectKey(id));
  }

  locate(id: ObjectId): Location | undefined {
    return this.storage.locate(objectKey(id));
  }
}

/** Reads and stages objects through a storage writer, which commits them. */
export class ObjectWriter extends ObjectStore implements ObjectSink {
  constructor(private readonly writer: StorageWriter) {
    super(writer);
  }

  put(bytes: Uint8Array): ObjectId {
    const id = idOf(bytes);
    this.writer.putOnce(objectKey(id), bytes);
    return id;
  }

  putFrame(frame: Frame): void {
    this.writer.putFrame(frame);
  }
}

function alongside(beside: Beside): ReadAlong {
  const add = (value: Uint8Array) => beside.add(idOf(value), value);
  return beside.room === undefined ? {add} : {add, room: beside.room.bind(beside)};
}

function missing(id: ObjectId): DbosError {
  return new DbosError('OBJECT_MISSING', `Object ${formatId(id)} is missing from the store.`, {
    hint: 'Run `dbos fsck` to see what is damaged.',
    data: {id: formatId(id)},
  });
}

/** Returns the error for an object whose bytes do not match its id. */
export function corrupt(id: ObjectId, cause?: unknown): DbosError {
  return new DbosError('OBJECT_CORRUPT', `Object ${formatId(id)} is damaged: its bytes do not match its id.`, {
    hint: 'Run `dbos fsck` to see what is damaged.',
    data: {id: formatId(id)},
    cause,
  });
}
