/**
 * Objects that were read along with others and wait to be asked for: in a scan, the nodes that are wanted next. Layer: tree.
 */
import {Scratch} from '../bytes.js';
import type {ObjectId} from '../objects/id.js';
import type {Beside} from '../objects/store.js';

/** How many objects wait; a scan reads about ten at once. */
const MAX_WAITING = 128;
/** So many may be passed by: nodes that are kept already. */
const MAX_PASSED_BY = 8;

/** Asking for them in the order in which they came costs no look into a table. */
export class Waiting implements Beside {
  private readonly ids: ObjectId[] = [];
  private readonly bytes: Uint8Array[] = [];
  private first = 0;

  /** Adds an object that was read; where there are many the oldest goes. */
  add(id: ObjectId, bytes: Uint8Array): void {
    this.ids.push(id);
    this.bytes.push(bytes);
    if (this.ids.length - this.first > MAX_WAITING) this.forget(this.first + 1);
  }

  /** Returns the bytes of an object, which waits no longer; undefined if it does not. */
  take(id: ObjectId): Uint8Array | undefined {
    const {ids, first} = this;
    const place = ids[first] === id ? first : ids.indexOf(id, first + 1);
    if (place < 0) return undefined;
    const bytes = this.bytes[place];
    if (place - first < MAX_PASSED_BY) this.forget(place + 1);
    else {
      ids.splice(place, 1);
      this.bytes.splice(place, 1);
    }
    return bytes;
  }

  /** Forgets all objects before a place. */
  protected forget(place = this.ids.length): void {
    this.first = place;
    if (place <= MAX_WAITING && place < this.ids.length) return;
    this.ids.splice(0, place);
    this.bytes.splice(0, place);
    this.first = 0;
  }
}

/**
 * What waits for one scan that is done with each leaf before it asks for the next: what is read next takes the memory of all that
 * was read before, which spares the system giving it pages that it has to clear.
 */
export class Passing extends Waiting {
  private readonly scratch = new Scratch();

  room(length: number): Buffer {
    this.forget();
    return this.scratch.room(length);
  }
}
