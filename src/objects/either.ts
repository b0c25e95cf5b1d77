/**
 * A reader over two stores, for looking at what would come from one into the other: what the first lacks comes from the second.
 * Layer: objects.
 */
import type {Location} from '../storage/storage.js';
import type {ObjectId} from './id.js';
import type {Beside, ObjectReader} from './store.js';

export class EitherObjects implements ObjectReader {
  constructor(
    private readonly first: ObjectReader,
    private readonly second: ObjectReader,
  ) {}

  read(id: ObjectId, beside?: Beside): Uint8Array {
    return this.first.find(id) ?? this.second.read(id, beside);
  }

  find(id: ObjectId): Uint8Array | undefined {
    return this.first.find(id) ?? this.second.find(id);
  }

  has(id: ObjectId): boolean {
    return this.first.has(id) || this.second.has(id);
  }

  /** Returns undefined: there are two logs. */
  locate(): Location | undefined {
    return undefined;
  }
}
