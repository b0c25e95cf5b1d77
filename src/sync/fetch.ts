/**
 * Brings what another store has into this one. One operation says what its branches hold now, under `remotes/NAME/`, and
 * brings the tags that are not here. No branch of this store moves. Layer: sync.
 */
import type {ObjectId} from '../objects/id.js';
import {
  BRANCHES,
  branchName,
  findRef,
  type RefName,
  type RemoteName,
  remoteRef,
  shortName,
  TAGS,
} from '../repo/refs.js';
import type {Repository} from '../repo/repository.js';
import type {RefEdit} from '../repo/transaction.js';
import {commonCommits} from './common.js';
import type {Peer, PeerRefs} from './peer.js';
import {Receiver, type WantedRef} from './receiver.js';
import {remoteRefs} from './remotes.js';

export interface FetchOptions {
  /** Forget branches that the remote no longer has. */
  readonly prune?: boolean;
  readonly signal?: AbortSignal | undefined;
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

/**
 * Takes in everything that some refs of a peer reach, and checks it; returns what holds it, to publish. Throws
 * TRANSFER_INVALID, STORE_FULL or STORE_IO; then nothing is visible.
 */
export async function receiveFrom(
  repo: Repository,
  peer: Peer,
  wants: readonly WantedRef[],
  signal?: AbortSignal,
): Promise<Receiver> {
  const receiver = new Receiver(repo);
  const {transaction} = receiver;
  try {
    const common = await commonCommits(repo, peer);
    const ids = wants.map(({id}) => id);
    for await (const list of peer.missing(ids, common)) {
      signal?.throwIfAborted();
      const lacking = list.filter(({id}) => !transaction.objects.has(id));
      if (lacking.length === 0) continue;
      for await (const parcel of peer.read(lacking)) await receiver.add(parcel);
    }
    await receiver.check(wants, signal);
    return receiver;
  } catch (error) {
    transaction.discard();
    throw error;
  }
}

/** Fetches from a remote. Throws as `receiveFrom`, and REF_MOVED. */
export async function fetchRemote(
  repo: Repository,
  peer: Peer,
  remote: RemoteName,
  {prune = false, signal}: FetchOptions = {},
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
  const {transaction, objects, bytes} = await receiveFrom(repo, peer, wants, signal);
  await transaction.publish({kind: 'normal', description: `fetch from ${remote}`, refs: updates.map(editOf)});
  return {updates, keptTags, theirs, objects, bytes};
}

/** Returns the edit that makes an update. */
export function editOf({ref, before, after}: RefUpdate): RefEdit {
  return {name: ref, expected: before === null ? {kind: 'absent'} : {kind: 'equals', id: before}, next: after};
}
