/**
 * A store on this machine as a peer: the one that answers, whatever the transport. Layer: sync.
 */
import {hash} from 'node:crypto';
import {realpathSync} from 'node:fs';
import {DbosError, isDbosError} from '../errors.js';
import {EitherObjects} from '../objects/either.js';
import type {ObjectId} from '../objects/id.js';
import type {ObjectReader} from '../objects/store.js';
import type {RepoContext} from '../repo/context.js';
import {isAncestor} from '../repo/history.js';
import type {StoreLocation} from '../repo/location.js';
import {BRANCHES, branchRef, findRef, findRefName, listRefs, type RefName, shortName, TAGS} from '../repo/refs.js';
import {Repository} from '../repo/repository.js';
import {peel} from '../repo/tag.js';
import type {Transaction} from '../repo/transaction.js';
import {LogReader} from '../storage/logreader.js';
import {checkFollow, publishAndFollow} from '../worktree/follow.js';
import {Journal, type Received} from './journal.js';
import {type Listed, listMissing} from './missing.js';
import {type Parcel, packObjects} from './parcel.js';
import type {CheckedEdit, FetchRequest, Peer, PeerEdit, PeerRefs, PushRequest, Sending} from './peer.js';
import {Receiver, type ReceiverOptions} from './receiver.js';
import {checkEdits, checkForward, type Rights} from './rights.js';
import {accessTo, type StoreAccess} from './store-access.js';
import {type VisiblePart, VisibleParts} from './visible.js';

/** Who holds one store and waits for another gives up after this part of the time, if that other one may be waiting for it. */
const LATER_SHARE = 0.25;

/** Of the name of a journal. */
const KEY_DIGITS = 32;

/** Bytes that are packed before the store may be let go of. */
const BURST_BYTES = 1024 * 1024;

export interface StorePeerOptions extends Pick<ReceiverOptions, 'flushBytes' | 'actor' | 'room'> {
  /** What whoever asks may do; everything unless given. */
  readonly rights?: Rights | undefined;
  /** Throws if the rights are no longer given, as when a token was revoked; asked once more before a push moves anything. */
  readonly confirm?: (() => Promise<unknown>) | undefined;
  /** Remembers what rights show, for those who ask one after the other. */
  readonly parts?: VisibleParts | undefined;
  /** Refuse every push. */
  readonly readOnly?: boolean | undefined;
  /** Called when nothing is left to do. */
  readonly close?: () => Promise<void>;
}

export class StorePeer implements Peer {
  private readonly parts: VisibleParts;

  constructor(
    private readonly access: StoreAccess,
    private readonly options: StorePeerOptions = {},
  ) {
    this.parts = options.parts ?? new VisibleParts();
  }

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

  /** Returns the part of the store that is visible; undefined if that is all of it. */
  private visible(repo: Repository): Promise<VisiblePart | undefined> {
    return this.parts.of(repo, this.options.rights);
  }

  refs(): Promise<PeerRefs> {
    return this.access.read(async repo => {
      const visible = await this.visible(repo);
      if (visible) return visible.refs;
      const {objects, view} = repo;
      const refs = new Map<RefName, ObjectId>();
      const tagged = new Map<RefName, ObjectId>();
      for (const {name, id} of listRefs(objects, view.refs, BRANCHES)) refs.set(name, id);
      for (const {name, id} of listRefs(objects, view.refs, TAGS)) {
        refs.set(name, id);
        const peeled = peel(objects, id);
        if (peeled.tag) tagged.set(name, peeled.id);
      }
      return {head: repo.head().branch, refs, tagged, shallow: [...repo.shallow]};
    });
  }

  has(commits: readonly ObjectId[]): Promise<readonly boolean[]> {
    return this.access.read(async repo => {
      const {objects} = repo;
      const visible = await this.visible(repo);
      if (visible === undefined) return commits.map(id => objects.has(id));
      const known: boolean[] = [];
      for (const id of commits) known.push(await visible.has(objects, id));
      return known;
    });
  }

  async fetch({received, ...scope}: FetchRequest): Promise<Sending> {
    const {list, shallow} = await this.access.read(async repo => {
      const {objects} = repo;
      const visible = await this.visible(repo);
      for (const id of [...scope.wants, ...scope.common]) {
        if (visible ? await visible.gives(objects, id) : objects.has(id)) continue;
        throw new DbosError('REMOTE_REF_UNKNOWN', 'The other store does not have what is asked of it.', {
          hint: 'It has changed meanwhile: run the command again.',
        });
      }
      return listMissing(repo, scope);
    });
    const skipped = received !== undefined && list[received.count - 1]?.id === received.last ? received.count : 0;
    return {total: list.length, skipped, parcels: this.parcels(list, skipped), shallow};
  }

  private async *parcels(list: readonly Listed[], skipped: number): AsyncGenerator<Parcel> {
    for (let at = skipped; at < list.length; ) {
      const burst = await this.access.read(({objects, storage}) => {
        const log = new LogReader(storage.logDirectory);
        const parcels: Parcel[] = [];
        let bytes = 0;
        try {
          for (const parcel of packObjects(objects, list, at, log)) {
            parcels.push(parcel);
            at += parcel.lengths.length;
            bytes += parcel.stored.length;
            if (bytes >= BURST_BYTES) break;
          }
        } finally {
          log.close();
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
    // one of its own for each token: what one has sent is not the other's to build on
    const own = hash('sha256', `${this.options.rights?.name ?? ''}\0${key}`).slice(0, KEY_DIGITS);
    return Journal.open(this.access.folder, own, {wants: [], common: []});
  }

  async check(edits: readonly CheckedEdit[], source?: ObjectReader): Promise<void> {
    const {rights} = this.options;
    this.checkAdmitted(edits);
    await this.options.confirm?.();
    await this.access.read(async repo => {
      const {objects, storage, view} = repo;
      storage.checkWritable();
      const isForward = (before: ObjectId, after: ObjectId): boolean =>
        edits.some(({expected, next, forward}) => forward && expected === before && next === after);
      if (rights) checkForward(rights, edits, isForward);
      checkCurrent(repo, edits);
      const moved = edits.find(({name, expected}) => (findRef(objects, view.refs, name) ?? null) !== expected);
      if (moved) throw changedMeanwhile({ref: moved.name});
      const {branch} = repo.head();
      const head = edits.find(({name, next}) => next !== null && branch !== undefined && name === branchRef(branch));
      if (head?.next && source) await checkFollow(repo, new EitherObjects(objects, source), head.next);
    });
  }

  /** Throws READ_ONLY, ACCESS_DENIED or TRANSFER_INVALID if these edits are refused whatever the store holds. */
  private checkAdmitted(edits: readonly PeerEdit[]): void {
    const {rights, readOnly} = this.options;
    if (readOnly) {
      throw new DbosError('READ_ONLY', 'The other store takes no pushes.', {hint: 'Push to another one.'});
    }
    checkNames(edits);
    if (rights) checkEdits(rights, edits);
  }

  async push({key, skipped, edits}: PushRequest, parcels: AsyncIterable<Parcel>): Promise<void> {
    const {rights} = this.options;
    this.checkAdmitted(edits);
    const journal = this.journal(key);
    if (skipped === 0) journal.forget();
    else if (journal.received?.count !== skipped) {
      throw new DbosError('TRANSFER_INVALID', 'The push goes on with one that is not as far as it says.', {
        hint: 'Another one may have run meanwhile: push again.',
      });
    }
    const granted = rights?.branches && (async (repo: Repository) => (await this.visible(repo))?.tips ?? []);
    const receiver = new Receiver(this.access, journal, {...this.options, granted});
    await receiver.take(parcels);
    await this.options.confirm?.();
    const refs = edits.flatMap(({name, next}) => (next === null ? [] : [{ref: name, id: next}]));
    try {
      await receiver.publish(refs, (repo, transaction) => makeEdits(repo, transaction, edits, rights));
    } catch (error) {
      if (!isDbosError(error, 'REF_MOVED')) throw error;
      throw changedMeanwhile(error.data, error);
    }
  }

  async close(): Promise<void> {
    await this.options.close?.();
  }
}

/** Throws TRANSFER_INVALID unless each edit is of a branch or tag, and of another one. */
function checkNames(edits: readonly PeerEdit[]): void {
  const names = new Set<string>();
  for (const {name} of edits) {
    const known = findRefName(name) !== undefined && (name.startsWith(BRANCHES) || name.startsWith(TAGS));
    if (known && !names.has(name)) names.add(name);
    else {
      throw new DbosError('TRANSFER_INVALID', `The push would change ${JSON.stringify(name)}, which it cannot.`, {
        hint: 'Push each branch or tag once, and nothing else.',
      });
    }
  }
}

/** Throws BRANCH_CURRENT if an edit deletes the branch that is checked out. */
function checkCurrent(repo: Repository, edits: readonly PeerEdit[]): void {
  const {branch} = repo.head();
  if (branch === undefined || !edits.some(({name, next}) => next === null && name === branchRef(branch))) return;
  throw new DbosError('BRANCH_CURRENT', `The branch '${branch}' is the current one of the other store.`, {
    hint: 'Switch to another branch there first.',
    data: {branch},
  });
}

function changedMeanwhile(data: Readonly<Record<string, unknown>>, cause?: unknown): DbosError {
  return new DbosError('NOT_FAST_FORWARD', 'The other store was changed by somebody else meanwhile.', {
    hint: 'Fetch and look, then push again.',
    data,
    cause,
  });
}

async function makeEdits(
  repo: Repository,
  transaction: Transaction,
  edits: readonly PeerEdit[],
  rights: Rights | undefined,
): Promise<void> {
  const {objects} = transaction;
  if (rights) {
    checkForward(
      rights,
      edits.filter(({name, expected}) => findRef(objects, repo.view.refs, name) === expected),
      (before, after) => isAncestor(transaction, before, after),
    );
  }
  checkCurrent(repo, edits);
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
