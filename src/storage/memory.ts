/**
 * A storage in memory: the whole contract but durability, for tests and for states that are never kept. Layer: storage.
 */
import {checkLengths, unpackPayload} from './frame.js';
import {checkKey} from './key.js';
import type {Frame, Key, KeyRange, Location, Storage, StorageWriter} from './storage.js';

export class MemoryStorage implements Storage {
  readonly logDirectory = undefined;
  private readonly values = new Map<Key, Uint8Array>();
  /** The keys in order; undefined after a change. */
  private sorted: Key[] | undefined;
  private closed = false;

  get(key: Key): Uint8Array | undefined {
    if (this.closed) throw new TypeError('the storage is closed');
    return this.values.get(key);
  }

  has(key: Key): boolean {
    return this.get(key) !== undefined;
  }

  getMany(keys: readonly Key[]): (Uint8Array | undefined)[] {
    return keys.map(key => this.get(key));
  }

  locate(_key: Key): Location | undefined {
    return undefined;
  }

  async *range(range: KeyRange): AsyncGenerator<[Key, Uint8Array]> {
    if (this.closed) throw new TypeError('the storage is closed');
    this.sorted ??= [...this.values.keys()].sort((a, b) => (a < b ? -1 : a > b ? 1 : 0));
    const {gte, lt, reverse = false, limit = Number.POSITIVE_INFINITY} = range;
    const keys = this.sorted.filter(key => (gte === undefined || key >= gte) && (lt === undefined || key < lt));
    if (reverse) keys.reverse();
    const rows = keys.slice(0, limit).map(key => [key, this.values.get(key)] as [Key, Uint8Array]);
    yield* rows;
  }

  writer(): StorageWriter {
    if (this.closed) throw new TypeError('the storage is closed');
    return new MemoryWriter(this, staged => {
      if (this.closed) throw new TypeError('the storage is closed');
      for (const [key, value] of staged) {
        if (value === null) this.values.delete(key);
        else this.values.set(key, value);
      }
      this.sorted = undefined;
    });
  }

  size(): number {
    return 0;
  }

  async close(): Promise<void> {
    this.closed = true;
  }
}

type Staged = Map<Key, Uint8Array | null>;

class MemoryWriter implements StorageWriter {
  private staged: Staged = new Map();
  stagedBytes = 0;

  constructor(
    private readonly storage: MemoryStorage,
    private readonly publish: (staged: Staged) => void,
  ) {}

  get(key: Key): Uint8Array | undefined {
    const staged = this.staged.get(key);
    return staged === undefined ? this.storage.get(key) : (staged ?? undefined);
  }

  has(key: Key): boolean {
    return this.get(key) !== undefined;
  }

  getMany(keys: readonly Key[]): (Uint8Array | undefined)[] {
    return keys.map(key => this.get(key));
  }

  locate(_key: Key): Location | undefined {
    return undefined;
  }

  put(key: Key, value: Uint8Array): void {
    checkKey(key);
    this.staged.set(key, Buffer.from(value));
    this.stagedBytes += value.length;
  }

  putOnce(key: Key, value: Uint8Array): void {
    if (!this.has(key)) this.put(key, value);
  }

  putFrame(frame: Frame): void {
    checkLengths(frame);
    const payload = unpackPayload(frame.codec, frame.rawLength, frame.stored);
    let offset = 0;
    for (const {key, length} of frame.entries) {
      this.put(key, payload.subarray(offset, offset + length));
      offset += length;
    }
  }

  delete(key: Key): void {
    checkKey(key);
    this.staged.set(key, null);
  }

  async commit(): Promise<void> {
    this.publish(this.staged);
    this.discard();
  }

  discard(): void {
    this.staged = new Map();
    this.stagedBytes = 0;
  }
}
