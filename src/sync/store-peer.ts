/**
 * A store on this machine as a peer. It is opened, and locked, for as long as a transfer takes. Layer: sync.
 */
import {realpathSync} from 'node:fs';
import {DbosError, isDbosError} from '../errors.js';
import type {ObjectId} from '../objects/id.js';
import type {RepoContext} from '../repo/context.js';
import type {StoreLocation} from '../repo/location.js';
import {BRANCHES, branchRef, listRefs, type RefName, shortName, TAGS} from '../repo/refs.js';
import {Repository} from '../repo/repository.js';
import {publishAndFollow} from '../worktree/follow.js';
import {type Listed, missingObjects} from './missing.js';
import {type Parcel, packObjects} from './parcel.js';
import type {Peer, PeerEdit, PeerRefs} from './peer.js';
import {Receiver} from './receiver.js';

/** Who holds one store and waits for another gives up after this part of the time, if that other one may be waiting for it. */
const LATER_SHARE = 0.25;

export class StorePeer implements Peer {
  constructor(private readonly repo: Repository) {}

  /**
   * Opens the store at a location for one that has another open. Two stores that wait for each other are told apart by their
   * folders: one of them gives up early, and the other goes on. Throws STORE_LOCKED, STORE_FORMAT or STORE_CORRUPT, and USAGE
   * for the same store.
   */
  static async open(location: StoreLocation, own: Repository): Promise<StorePeer> {
    if (realpathSync(location.store) === realpathSync(own.location.store)) {
      throw new DbosError('USAGE', 'A store cannot be a remote of itself.', {hint: 'Name another store.'});
    }
    return new StorePeer(await Repository.open(location, peerContext(own, location)));
  }

  async refs(): Promise<PeerRefs> {
    const {objects, view} = this.repo;
    const refs = new Map<RefName, ObjectId>();
    for (const folder of [BRANCHES, TAGS])
      for (const {name, id} of listRefs(objects, view.refs, folder)) refs.set(name, id);
    return {head: this.repo.head().branch, refs};
  }

  async has(ids: readonly ObjectId[]): Promise<readonly boolean[]> {
    return ids.map(id => this.repo.objects.has(id));
  }

  async *missing(wants: readonly ObjectId[], common: readonly ObjectId[]): AsyncGenerator<readonly Listed[]> {
    yield* missingObjects(this.repo.objects, wants, common);
  }

  async *read(list: readonly Listed[]): AsyncGenerator<Parcel> {
    yield* packObjects(this.repo.objects, list);
  }

  async push(parcels: AsyncIterable<Parcel>, edits: readonly PeerEdit[]): Promise<void> {
    const {repo} = this;
    const receiver = new Receiver(repo);
    const {transaction} = receiver;
    try {
      for await (const parcel of parcels) await receiver.add(parcel);
      await receiver.check(edits.flatMap(({name, next}) => (next === null ? [] : [{ref: name, id: next}])));
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
    } catch (error) {
      if (!isDbosError(error, 'REF_MOVED')) throw error;
      throw new DbosError('NOT_FAST_FORWARD', 'The other store was changed by somebody else meanwhile.', {
        hint: 'Fetch and look, then push again.',
        data: error.data,
        cause: error,
      });
    } finally {
      transaction.discard();
    }
  }

  async close(): Promise<void> {
    await this.repo.close();
  }
}

function peerContext(own: Repository, location: StoreLocation): RepoContext {
  const {context, config} = own;
  const timeout = context.lockTimeout ?? (config.get('core.lockTimeout') ?? 0) * 1000;
  const first = realpathSync(own.location.store) < realpathSync(location.store);
  return {...context, lockTimeout: first ? timeout : timeout * LATER_SHARE};
}
