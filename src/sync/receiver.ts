/**
 * Takes in objects that another store sent. Each is decoded and stored only after everything that it names, so what a store
 * has is whole below; what came stays, durable and invisible, if the rest does not come. Before a ref may show any of it, the
 * new commits are checked as fsck checks a store. Nothing that was sent is trusted. Layer: sync.
 */
import {DbosError, isDbosError} from '../errors.js';
import {formatId, idOf, type ObjectId} from '../objects/id.js';
import {objectKey} from '../objects/store.js';
import {readCommit} from '../repo/commit.js';
import {DamageList} from '../repo/damage.js';
import {walk} from '../repo/history.js';
import {type RefName, shortName, TAGS} from '../repo/refs.js';
import type {Repository} from '../repo/repository.js';
import {StateCheck} from '../repo/statecheck.js';
import {peel} from '../repo/tag.js';
import type {Transaction} from '../repo/transaction.js';
import {checkSql} from '../sql/write/sql-check.js';
import {tipsOf} from './common.js';
import {objectLinks} from './links.js';
import {openParcel, type Parcel} from './parcel.js';

/** What came is made durable after so many bytes: what a transfer that breaks off has to send again. */
const FLUSH_BYTES = 16 * 1024 * 1024;

/** The event loop gets a turn this often, so that an interrupt is heard. */
const TURN_MS = 50;

/** What a ref of the other store holds. */
export interface WantedRef {
  readonly ref: RefName;
  readonly id: ObjectId;
}

export class Receiver {
  /** Holds what was taken in, and is the caller's to publish. */
  readonly transaction: Transaction;
  objects = 0;
  /** Bytes that travelled. */
  bytes = 0;
  private unflushed = 0;
  private turnEnd = 0;

  constructor(private readonly repo: Repository) {
    this.transaction = repo.begin();
  }

  /** Takes in a parcel. Throws TRANSFER_INVALID, STORE_FULL or STORE_IO. */
  async add(parcel: Parcel): Promise<void> {
    const {objects: sink} = this.transaction;
    const objects = openParcel(parcel);
    this.objects += objects.length;
    const {codec, rawLength, stored} = parcel;
    this.bytes += stored.length;
    if (parcel.blobs) {
      const entries = objects.map(bytes => ({key: objectKey(idOf(bytes)), length: bytes.length}));
      sink.putFrame({codec, rawLength, stored, entries});
    } else {
      for (const bytes of objects) {
        this.checkLinks(bytes);
        // not with the memory of the whole parcel
        sink.put(Uint8Array.from(bytes));
      }
    }
    this.unflushed += rawLength;
    if (this.unflushed < FLUSH_BYTES) return;
    await this.transaction.flush();
    this.unflushed = 0;
  }

  private checkLinks(bytes: Uint8Array): void {
    let links: readonly ObjectId[];
    try {
      links = objectLinks(bytes);
    } catch (error) {
      if (!isDbosError(error) || error.code === 'TRANSFER_INVALID') throw error;
      throw unsound(error.message, error);
    }
    const missing = links.find(id => !this.transaction.objects.has(id));
    if (missing !== undefined)
      throw unsound(`${formatId(idOf(bytes))} names ${formatId(missing)}, which did not come.`);
  }

  /** Checks everything that refs would show and none shows now. Throws TRANSFER_INVALID. */
  async check(refs: readonly WantedRef[], signal?: AbortSignal): Promise<void> {
    const {objects} = this.transaction;
    const damages = new DamageList();
    const states = new StateCheck(objects, damages, checkSql);
    try {
      const include = refs.map(({ref, id}) => {
        const peeled = peel(objects, id);
        if (peeled.tag && !ref.startsWith(TAGS)) throw unsound(`'${shortName(ref)}' holds a tag and is a branch.`);
        return peeled.id;
      });
      const commits = Array.from(walk({objects}, {include, exclude: [...tipsOf(this.repo)]}), ({id}) => id);
      for (const id of commits.reverse()) {
        const {state, parents} = readCommit(objects, id);
        const sound = parents.map(parent => readCommit(objects, parent).state);
        for (const _part of states.check(state, sound[0], sound)) await this.turn(signal);
        const [damage] = damages.byId.values();
        if (damage) throw unsound(damage.problem().message);
      }
    } catch (error) {
      if (!isDbosError(error) || error.code === 'TRANSFER_INVALID') throw error;
      throw unsound(error.message, error);
    }
  }

  private async turn(signal: AbortSignal | undefined): Promise<void> {
    if (performance.now() < this.turnEnd) return;
    await new Promise(resolve => setImmediate(resolve));
    signal?.throwIfAborted();
    this.turnEnd = performance.now() + TURN_MS;
  }
}

function unsound(what: string, cause?: unknown): DbosError {
  return new DbosError('TRANSFER_INVALID', `What the other store sent is not sound: ${what}`, {
    hint: 'Nothing was changed here. Run `dbos fsck` in the other store.',
    cause,
  });
}
