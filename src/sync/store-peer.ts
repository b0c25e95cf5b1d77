/**
 * A store on this machine as a peer: the one that answers, whatever the transport. Layer: sync.
 */
import {realpathSync} from 'node:fs';
import {DbosError, isDbosError} from '../errors.js';
import type {ObjectId} from '../objects/id.js';
import type {RepoContext} from '../repo/context.js';
import type {StoreLocation} from '../repo/location.js';
import {BRANCHES, branchRef, listRefs, type RefName, shortName, TAGS} from '../repo/refs.js';
import {Repository} from '../repo/repository.js';
import type {Transaction} from '../repo/transaction.js';
import {publishAndFollow} from '../worktree/follow.js';
import {Journal, type Received} from './journal.js';
import {type Listed, listMissing} from './missing.js';
import {type Parcel, packObjects} from './parcel.js';
import type {FetchRequest, Peer, PeerEdit, PeerRefs, PushRequest, Sending} from './peer.js';
import {Receiver, type ReceiverOptions} from './receiver.js';
import type {Rights} from './rights.js';
import {accessTo, type StoreAccess} from './store-access.js';

/** Who holds one store and waits for another gives up after this part of the time, if that other one may be waiting for it. */
const LATER_SHARE = 0.25;

/** Bytes that are packed before the store may be let go of. */
const BURST_BYTES = 1024 * 1024;

export interface StorePeerOptions extends ReceiverOptions {
  /** What may be seen and done; everything unless given. */
  readonly rights?: Rights | undefined;
  /** Refuse every push. */
  readonly readOnly?: boolean | undefined;
  /** Called when nothing is left to do. */
  readonly close?: () => Promise<void>;
}

export class StorePeer implements Peer {
  constructor(
    private readonly access: StoreAccess,
    private readonly options: StorePeerOptions = {},
  ) {}

  /**
   * Opens the store at a location for one that has another open. Two stores that wait for each other are told apart by their
   * folders: one of them gives up early, and the other goes on. Throws STORE_LOCKED, STORE_FORMAT or STORE_CORRUPT, and USAGE
   * for the same store.
   */
  static async open(location: StoreLocation, own: Repository): Promise<StorePeer> {
    if (realpathSync(location.store) === realpathSync(own.location.store)) {
      throw new DbosError('USAGE', 'A store cannot be a remote of itself.', {hint: 'Name another store.'});
    }
    return StorePeer.of(await Repository.open(location, peerContext(own, location)));
  }

  /** Returns an open store as a peer, which closes it. */
  static of(repo: Repository): StorePeer {
    return new StorePeer(accessTo(repo), {close: () => repo.close()});
  }

  refs(): Promise<PeerRefs> {
    return this.access.read(repo => {
      const {objects, view} = repo;
      const refs = new Map<RefName, ObjectId>();
      for (const folder of [BRANCHES, TAGS])
        for (const {name, id} of listRefs(objects, view.refs, folder)) refs.set(name, id);
      return {head: repo.head().branch, refs};
    });
  }

  has(commits: readonly ObjectId[]): Promise<readonly boolean[]> {
    return this.access.read(({objects}) => commits.map(id => objects.has(id)));
  }

  async fetch({wants, common, received}: FetchRequest): Promise<Sending> {
    const list = await this.access.read(({objects}) => {
      for (const id of [...wants, ...common]) {
        if (objects.has(id)) continue;
        throw new DbosError('REMOTE_REF_UNKNOWN', 'The other store does not have what is asked of it.', {
          hint: 'It has changed meanwhile: run the command again.',
        });
      }
      return listMissing(objects, {wants, common});
    });
    const skipped = received !== undefined && list[received.count - 1]?.id === received.last ? received.count : 0;
    return {total: list.length, skipped, parcels: this.parcels(list, skipped)};
  }

  private async *parcels(list: readonly Listed[], skipped: number): AsyncGenerator<Parcel> {
    for (let at = skipped; at < list.length; ) {
      const burst = await this.access.read(({objects}) => {
        const parcels: Parcel[] = [];
        let bytes = 0;
        for (const parcel of packObjects(objects, list, at)) {
          parcels.push(parcel);
          at += parcel.lengths.length;
          bytes += parcel.stored.length;
          if (bytes >= BURST_BYTES) break;
        }
        return parcels;
      });
      yield* burst;
    }
  }

  async received(key: string): Promise<Received | undefined> {
    return this.journal(key).received;
  }

  private journal(key: string): Journal {
    return Journal.open(this.access.folder, key, {wants: [], common: []});
  }

  async push({key, skipped, edits}: PushRequest, parcels: AsyncIterable<Parcel>): Promise<void> {
    if (this.options.readOnly) {
      throw new DbosError('READ_ONLY', 'The other store takes no pushes.', {hint: 'Push to another one.'});
    }
    const journal = this.journal(key);
    if (skipped === 0) journal.forget();
    else if (journal.received?.count !== skipped) {
      throw new DbosError('TRANSFER_INVALID', 'The push goes on with one that is not as far as it says.', {
        hint: 'Another one may have run meanwhile: push again.',
      });
    }
    const receiver = new Receiver(this.access, journal, this.options);
    await receiver.take(parcels);
    const refs = edits.flatMap(({name, next}) => (next === null ? [] : [{ref: name, id: next}]));
    try {
      await receiver.publish(refs, (repo, transaction) => makeEdits(repo, transaction, edits));
    } catch (error) {
      if (!isDbosError(error, 'REF_MOVED')) throw error;
      throw new DbosError('NOT_FAST_FORWARD', 'The other store was changed by somebody else meanwhile.', {
        hint: 'Fetch and look, then push again.',
        data: error.data,
        cause: error,
      });
    }
  }

  async close(): Promise<void> {
    await this.options.close?.();
  }
}

async function makeEdits(repo: Repository, transaction: Transaction, edits: readonly PeerEdit[]): Promise<void> {
  const {branch} = repo.head();
  const current = edits.find(({name, next}) => next === null && branch !== undefined && name === branchRef(branch));
  if (current) {
    throw new DbosError('BRANCH_CURRENT', `The branch '${branch}' is the current one of the other store.`, {
      hint: 'Switch to another branch there first.',
      data: {branch},
    });
  }
  const refs = edits.map(({name, expected, next}) => ({
    name,
    expected: expected === null ? ({kind: 'absent'} as const) : ({kind: 'equals', id: expected} as const),
    next,
  }));
  const names = edits.map(({name}) => shortName(name)).join(', ');
  await publishAndFollow(repo, {kind: 'normal', description: `pushed here: ${names}`, refs}, {transaction});
}

function peerContext(own: Repository, location: StoreLocation): RepoContext {
  const {context, config} = own;
  const timeout = context.lockTimeout ?? (config.get('core.lockTimeout') ?? 0) * 1000;
  const first = realpathSync(own.location.store) < realpathSync(location.store);
  return {...context, lockTimeout: first ? timeout : timeout * LATER_SHARE};
}
