/**
 * Trees that are made only to be read, while more rows of a unit change: they stay in memory and never get into the store, which
 * keeps what it has. Layer: sql.
 */
import {idOf, type ObjectId} from '../../objects/id.js';

/** Bytes that are kept; then trees go into the store again, and with them all edits so far. */
const MOST_BYTES = 64 << 20;

export class Provisional {
  /** Changes when what was kept is gone. */
  generation = 0;
  private readonly objects = new Map<ObjectId, Uint8Array>();
  private bytes = 0;
  private isMaking = false;
  private isOver = false;

  get isFull(): boolean {
    return !this.isOver && this.bytes >= MOST_BYTES;
  }

  /** Does work whose objects are kept here. */
  make<T>(work: () => T): T {
    // not before: somebody may still be reading
    if (this.isOver) this.clear();
    this.isMaking = true;
    try {
      return work();
    } finally {
      this.isMaking = false;
    }
  }

  /** Notes that the unit has ended: what is kept goes as soon as another one needs the room. */
  end(): void {
    this.isOver = true;
    this.generation++;
  }

  find(id: ObjectId): Uint8Array | undefined {
    return this.objects.get(id);
  }

  /** Keeps an object, if it is one of those, and returns its id. */
  put(bytes: Uint8Array): ObjectId | undefined {
    if (!this.isMaking) return undefined;
    const id = idOf(bytes);
    if (!this.objects.has(id)) {
      this.objects.set(id, Buffer.from(bytes));
      this.bytes += bytes.length;
    }
    return id;
  }

  private clear(): void {
    this.objects.clear();
    this.bytes = 0;
    this.isOver = false;
  }
}
