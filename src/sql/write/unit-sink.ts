/**
 * What units of a database are written into: a transaction of the store, begun when something is put, one after the other.
 * Without one it reads what is there. What is provisional is not put into any. Layer: sql.
 */
import type {ObjectId} from '../../objects/id.js';
import type {Beside, ObjectReader, ObjectSink} from '../../objects/store.js';
import type {Repository} from '../../repo/repository.js';
import type {Transaction} from '../../repo/transaction.js';
import type {Frame, Location} from '../../storage/storage.js';
import {Provisional} from './provisional.js';

export class UnitSink implements ObjectSink {
  readonly provisional = new Provisional();
  private transaction: Transaction | undefined;

  constructor(private readonly repo: Repository) {}

  private get reader(): ObjectReader {
    return this.transaction?.objects ?? this.repo.objects;
  }

  /** Returns the transaction with what was put, which is the caller's to publish from here on. */
  take(): Transaction {
    const transaction = this.transaction ?? this.repo.begin();
    this.transaction = undefined;
    this.provisional.end();
    return transaction;
  }

  /** Forgets what was put and not taken. */
  discard(): void {
    this.transaction?.discard();
    this.transaction = undefined;
    this.provisional.end();
  }

  /** Returns how many bytes are staged in memory; `flush` empties it. */
  get stagedBytes(): number {
    return this.transaction?.stagedBytes ?? 0;
  }

  /** Makes what is staged durable; nothing becomes visible. Throws STORE_FULL or STORE_IO. */
  async flush(): Promise<void> {
    await this.transaction?.flush();
  }

  read(id: ObjectId, beside?: Beside): Uint8Array {
    return this.provisional.find(id) ?? this.reader.read(id, beside);
  }

  find(id: ObjectId): Uint8Array | undefined {
    return this.provisional.find(id) ?? this.reader.find(id);
  }

  has(id: ObjectId): boolean {
    return this.reader.has(id);
  }

  locate(id: ObjectId): Location | undefined {
    return this.reader.locate(id);
  }

  put(bytes: Uint8Array): ObjectId {
    const provisional = this.provisional.put(bytes);
    if (provisional !== undefined) return provisional;
    this.transaction ??= this.repo.begin();
    return this.transaction.objects.put(bytes);
  }

  putFrame(frame: Frame): void {
    this.transaction ??= this.repo.begin();
    this.transaction.objects.putFrame(frame);
  }
}
