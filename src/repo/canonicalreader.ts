/**
 * Reads the structured objects of a store for fsck and takes note of those whose bytes are not the one form of what they
 * say: with another form, equal values would have different ids. Nodes have a check of their own. Layer: repo.
 */
import {isDbosError} from '../errors.js';
import {isCanonical, kindOf} from '../objects/codec.js';
import type {ObjectId} from '../objects/id.js';
import type {ObjectReader} from '../objects/store.js';
import type {Location} from '../storage/storage.js';
import type {DamageList} from './damage.js';

export class CanonicalReader implements ObjectReader {
  constructor(
    private readonly reader: ObjectReader,
    private readonly damages: DamageList,
  ) {}

  read(id: ObjectId): Uint8Array {
    const bytes = this.reader.read(id);
    this.check(id, bytes);
    return bytes;
  }

  find(id: ObjectId): Uint8Array | undefined {
    const bytes = this.reader.find(id);
    if (bytes !== undefined) this.check(id, bytes);
    return bytes;
  }

  has(id: ObjectId): boolean {
    return this.reader.has(id);
  }

  locate(id: ObjectId): Location | undefined {
    return this.reader.locate(id);
  }

  private check(id: ObjectId, bytes: Uint8Array): void {
    const kind = kindOf(bytes);
    if (kind === undefined) return;
    try {
      if (isCanonical(bytes)) return;
    } catch (error) {
      // no object at all, which whoever reads it says
      if (isDbosError(error, 'OBJECT_INVALID')) return;
      throw error;
    }
    this.damages.addProblem(id, 'OBJECT_INVALID', 'it is not in its canonical form', {kind});
  }
}
