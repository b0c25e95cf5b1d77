/** Objects in memory, and beside them what is provisional, as the sink of a store keeps it. */
import type {ObjectId} from '../../src/objects/id.js';
import {MemoryObjects} from '../../src/objects/memory.js';
import type {ObjectSink} from '../../src/objects/store.js';
import {Provisional} from '../../src/sql/write/provisional.js';
import type {Frame} from '../../src/storage/storage.js';

export class ProvisionalObjects implements ObjectSink {
  readonly provisional = new Provisional();

  constructor(private readonly into = new MemoryObjects()) {}

  read(id: ObjectId): Uint8Array {
    return this.provisional.find(id) ?? this.into.read(id);
  }

  find(id: ObjectId): Uint8Array | undefined {
    return this.provisional.find(id) ?? this.into.find(id);
  }

  has(id: ObjectId): boolean {
    return this.into.has(id);
  }

  locate(): undefined {
    return undefined;
  }

  put(bytes: Uint8Array): ObjectId {
    return this.provisional.put(bytes) ?? this.into.put(bytes);
  }

  putFrame(frame: Frame): void {
    this.into.putFrame(frame);
  }
}
