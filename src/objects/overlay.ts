/**
 * A reader with objects of its own that nothing writes: what is put stays in memory, what is not there comes from the reader
 * below. For what is computed and thrown away. Layer: objects.
 */
import type {Frame, Location} from '../storage/storage.js';
import type {ObjectId} from './id.js';
import {MemoryObjects} from './memory.js';
import type {Beside, ObjectReader, ObjectSink} from './store.js';

export class OverlayObjects implements ObjectSink {
  private readonly own = new MemoryObjects();

  constructor(private readonly below: ObjectReader) {}

  read(id: ObjectId, beside?: Beside): Uint8Array {
    return this.own.find(id) ?? this.below.read(id, beside);
  }

  find(id: ObjectId): Uint8Array | undefined {
    return this.own.find(id) ?? this.below.find(id);
  }

  has(id: ObjectId): boolean {
    return this.own.has(id) || this.below.has(id);
  }

  locate(id: ObjectId): Location | undefined {
    return this.below.locate(id);
  }

  put(bytes: Uint8Array): ObjectId {
    return this.own.put(bytes);
  }

  putFrame(frame: Frame): void {
    this.own.putFrame(frame);
  }
}
