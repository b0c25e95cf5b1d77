/**
 * Brings what another store has into this one. One operation says what its branches hold now, under `remotes/NAME/`, and
 * brings the tags that are not here. No branch of this store moves. Layer: sync.
 */
import {DbosError, isDbosError} from '../errors.js';
import type {ObjectId} from '../objects/id.js';
import {
  BRANCHES,
  type BranchName,
  branchName,
  branchRef,
  findRef,
  type RefName,
  type RemoteName,
  remoteRef,
  shortName,
  TAGS,
} from '../repo/refs.js';
import type {Repository} from '../repo/repository.js';
import {peel} from '../repo/tag.js';
import type {RefEdit, Transaction} from '../repo/transaction.js';
import {Pace, type PaceOptions} from '../sql/transfer/pace.js';
import {commonCommits} from './common.js';
import {Journal, type TransferScope, transferKey} from './journal.js';
import type {Peer, PeerRefs} from './peer.js';
import {Receiver, type WantedRef} from './receiver.js';
import {remoteRefs} from './remotes.js';
import {accessTo} from './store-access.js';

export interface FetchOptions extends TransferOptions {
  /** Forget branches that the remote no longer has. */
  readonly prune?: boolean;
}

export interface RefUpdate {
  readonly ref: RefName;
  readonly before: ObjectId | null;
  readonly after: ObjectId | null;
}

export interface Transferred {
  readonly objects: number;
  /** As they travelled. */
  readonly bytes: number;
}

export interface Fetched extends Transferred {
  readonly updates: readonly RefUpdate[];
  /** Tags that this store has with another value, which stays. */
  readonly keptTags: readonly RefName[];
  readonly theirs: PeerRefs;
}

/** What transfers take: who hears how far it is, and who can stop it. */
export type TransferOptions = PaceOptions;

/**
 * Takes in everything that some refs of a peer reach, checks it and has it published. A transfer that broke off goes on behind
 * what came of it, also if the refs of the peer have moved since. Throws TRANSFER_INVALID, STORE_FULL or STORE_IO, and what
 * `publish` throws; then nothing is visible.
 */
export async function receiveFrom<T>(
  repo: Repository,
  peer: Peer,
  wants: readonly WantedRef[],
  publish: (transaction: Transaction) => Promise<T>,
  options: TransferOptions = {},
): Promise<Transferred & {readonly result: T}> {
  const pace = new Pace(options);
  const access = accessTo(repo);
  const scope = {wants: wants.map(({id}) => id), common: await commonCommits(repo, peer)};
  const key = transferKey(scope);
  const journal = Journal.open(repo.location.store, key, scope);
  const taken = {objects: 0, bytes: 0};
  const take = async (request: TransferScope, progress: Journal): Promise<Receiver> => {
    const {received} = progress;
    const {total, skipped, parcels} = await peer.fetch({...request, received});
    if (skipped !== received?.count) progress.forget();
    const receiver = new Receiver(access, progress);
    await receiver.take(parcels, () => {
      const {objects, bytes} = receiver;
      return pace.step({label: 'Receiving objects', done: skipped + objects, total, bytes});
    });
    taken.objects += receiver.objects;
    taken.bytes += receiver.bytes;
    return receiver;
  };
  const common = [...scope.common];
  if (journal.received === undefined) {
    for (const earlier of Journal.unfinished(repo.location.store)) {
      try {
        await (await take(earlier.scope, earlier)).store();
      } catch (error) {
        if (!isDbosError(error, 'REMOTE_REF_UNKNOWN')) throw error;
        continue;
      }
      for (const id of earlier.scope.wants) common.push(peel(repo.objects, id).id);
      earlier.forget();
    }
  }
  const receiver = await take({...scope, common}, journal);
  const result = await receiver.publish(wants, (_repo, transaction) => publish(transaction), pace);
  return {...taken, result};
}

/** Fetches from a remote. Throws as `receiveFrom`, and REF_MOVED. */
export async function fetchRemote(
  repo: Repository,
  peer: Peer,
  remote: RemoteName,
  {prune = false, ...options}: FetchOptions = {},
): Promise<Fetched> {
  const theirs = await peer.refs();
  const updates: RefUpdate[] = [];
  const keptTags: RefName[] = [];
  const kept = new Set<RefName>();
  const holds = (ref: RefName) => findRef(repo.objects, repo.view.refs, ref) ?? null;
  for (const [name, id] of theirs.refs) {
    const isTag = name.startsWith(TAGS);
    if (!isTag && !name.startsWith(BRANCHES)) continue;
    const ref = isTag ? name : remoteRef(remote, branchName(shortName(name)));
    kept.add(ref);
    const before = holds(ref);
    if (before === id) continue;
    if (isTag && before !== null) keptTags.push(ref);
    else updates.push({ref, before, after: id});
  }
  if (prune) {
    for (const {ref, id} of remoteRefs(repo, remote)) if (!kept.has(ref)) updates.push({ref, before: id, after: null});
  }
  if (updates.length === 0) return {updates, keptTags, theirs, objects: 0, bytes: 0};
  const wants = updates.flatMap(({ref, after}) => (after === null ? [] : [{ref, id: after}]));
  const publication = {kind: 'normal', description: `fetch from ${remote}`, refs: updates.map(editOf)} as const;
  const {objects, bytes} = await receiveFrom(
    repo,
    peer,
    wants,
    transaction => transaction.publish(publication),
    options,
  );
  return {updates, keptTags, theirs, objects, bytes};
}

/**
 * Takes in what a branch of a peer reaches, and returns what it holds; no ref shows that. Throws REMOTE_REF_UNKNOWN, and as
 * `receiveFrom`.
 */
export async function fetchBranch(
  repo: Repository,
  peer: Peer,
  branch: BranchName,
  options: TransferOptions = {},
): Promise<Transferred & {readonly commit: ObjectId}> {
  const ref = branchRef(branch);
  const {refs} = await peer.refs();
  const commit = refs.get(ref);
  if (commit === undefined) {
    throw new DbosError('REMOTE_REF_UNKNOWN', `There is no branch '${branch}' there.`, {
      hint: 'Name one that is there after the URL.',
      data: {branch},
    });
  }
  const {objects, bytes} = await receiveFrom(
    repo,
    peer,
    [{ref, id: commit}],
    transaction => transaction.flush(),
    options,
  );
  return {commit, objects, bytes};
}

/** Returns the edit that makes an update. */
export function editOf({ref, before, after}: RefUpdate): RefEdit {
  return {name: ref, expected: before === null ? {kind: 'absent'} : {kind: 'equals', id: before}, next: after};
}
