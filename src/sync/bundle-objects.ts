/**
 * The objects of a bundle in any order, over those of a store if there is one: for checks that follow links. Memory grows with
 * their number. Layer: sync.
 */
import {DbosError} from '../errors.js';
import {formatId, idOf, type ObjectId} from '../objects/id.js';
import type {ObjectReader} from '../objects/store.js';
import type {HistorySource} from '../repo/shallow.js';
import type {BundleFile} from './bundle-file.js';
import {type CarBlock, invalidBundle} from './car.js';

export class BundleObjects implements ObjectReader {
  private readonly places = new Map<ObjectId, {readonly offset: number; readonly size: number}>();

  constructor(
    private readonly file: BundleFile,
    private readonly below: ObjectReader | undefined,
  ) {}

  /** Takes note of where an object stands. */
  add({id, offset, bytes}: CarBlock): void {
    this.places.set(id, {offset, size: bytes.length});
  }

  /** Returns the history that begins in the bundle and goes on in a store, which may have been shallow where the bundle is not. */
  over(own: HistorySource | undefined): HistorySource {
    return {objects: this, shallow: new Set([...(own?.shallow ?? [])].filter(id => !this.places.has(id)))};
  }

  find(id: ObjectId): Uint8Array | undefined {
    const place = this.places.get(id);
    if (place === undefined) return this.below?.find(id);
    const bytes = this.file.read(place.offset, place.size);
    if (idOf(bytes) !== id) throw invalidBundle(this.file.name, 'it changed while it was read');
    return bytes;
  }

  read(id: ObjectId): Uint8Array {
    const bytes = this.find(id);
    if (bytes !== undefined) return bytes;
    throw new DbosError('OBJECT_MISSING', `Object ${formatId(id)} is missing.`, {data: {id: formatId(id)}});
  }

  has(id: ObjectId): boolean {
    return this.places.has(id) || this.below?.has(id) === true;
  }

  locate(): undefined {
    return undefined;
  }
}
