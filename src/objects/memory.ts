/**
 * Objects in a Map: for states that are never stored, and for tests of the layers above. Layer: objects.
 */

import {unpackPayload} from '../storage/frame.js';
import type {Frame, Location} from '../storage/storage.js';
import {idOf, type ObjectId} from './id.js';
import {type ObjectSink, ObjectStore, objectKey} from './store.js';

/** An object sink that keeps everything in memory. */
export class MemoryObjects extends ObjectStore implements ObjectSink {
  private readonly values: Map<string, Uint8Array>;

  constructor() {
    const values = new Map<string, Uint8Array>();
    super({
      get: key => values.get(key),
      has: key => values.has(key),
      getMany: keys => keys.map(key => values.get(key)),
      locate: (): Location | undefined => undefined,
    });
    this.values = values;
  }

  /** The number of objects. */
  get size(): number {
    return this.values.size;
  }

  put(bytes: Uint8Array): ObjectId {
    const id = idOf(bytes);
    if (!this.values.has(objectKey(id))) this.values.set(objectKey(id), Uint8Array.from(bytes));
    return id;
  }

  putFrame(frame: Frame): void {
    const payload = unpackPayload(frame.codec, frame.rawLength, frame.stored);
    let at = 0;
    for (const {key, length} of frame.entries) {
      this.values.set(key, Uint8Array.from(payload.subarray(at, at + length)));
      at += length;
    }
  }
}
