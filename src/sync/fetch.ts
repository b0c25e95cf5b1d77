/**
 * Brings what another store has into this one. One operation says what its branches hold now, under `remotes/NAME/`, and
 * brings the tags that are not here. No branch of this store moves. Layer: sync.
 */
import {DbosError, isDbosError} from '../errors.js';
import type {ObjectId} from '../objects/id.js';
import {didYouMean, nearestNames} from '../repo/nearest.js';
import {
  BRANCHES,
  type BranchName,
  branchName,
  branchRef,
  FETCH_HEAD,
  findRef,
  type RefName,
  type RemoteName,
  remoteRef,
  shortName,
  TAGS,
  tagRef,
} from '../repo/refs.js';
import type {Repository} from '../repo/repository.js';
import {peel} from '../repo/tag.js';
import type {RefEdit, Transaction} from '../repo/transaction.js';
import {Pace, type PaceOptions} from '../sql/transfer/pace.js';
import {commonCommits} from './common.js';
import {Journal, type TransferScope, transferKey, WHOLE_DEPTH} from './journal.js';
import {LentStore} from './lent-store.js';
import type {Peer, PeerRefs, Sending} from './peer.js';
import {Receiver, type WantedRef} from './receiver.js';
import {remoteRefs} from './remotes.js';
import {accessTo} from './store-access.js';
import {malformed} from './wire.js';

/** What comes before a thread is worth its start, in bytes. */
const THREAD_AFTER = 4 * 1024 * 1024;

export interface FetchOptions extends ReceiveOptions {
  /** Forget branches that the remote no longer has. */
  readonly prune?: boolean;
  /** History up to so many commits of each branch, also of those that are here; `WHOLE_DEPTH` for all of it. */
  readonly depth?: number | undefined;
}

export type UnnamedFetchOptions = Omit<FetchOptions, 'prune'>;

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

export interface ReceiveOptions extends TransferOptions {
  /** Other processes may have this store while it waits for the peer; then nothing else may use the repository meanwhile. */
  readonly lend?: boolean;
}

/** What is wanted of a peer. */
export interface Wanted {
  readonly refs: readonly WantedRef[];
  /** Tags that are wanted if the commit that each is of is here once the refs are. */
  readonly tags?: readonly WantedTag[];
  /** So many commits of each line that begins with a ref, and what lies behind shallow commits up to there. */
  readonly depth?: number | undefined;
  /** Whether history may be cut off where that of the peer is; where `depth` ends it always may. */
  readonly mayBeShallow?: boolean;
}

export interface WantedTag extends WantedRef {
  readonly commit: ObjectId;
}

/**
 * Takes in everything that some refs of a peer reach, checks it and has it published, with those tags that came along. A
 * transfer that broke off goes on behind what came of it, also if the refs of the peer have moved since. Throws
 * TRANSFER_INVALID, STORE_SHALLOW, STORE_FULL or STORE_IO, and what `publish` throws; then nothing is visible.
 */
export async function receiveFrom<T>(
  repo: Repository,
  peer: Peer,
  wanted: Wanted,
  publish: (transaction: Transaction, tags: readonly WantedTag[]) => Promise<T>,
  options: ReceiveOptions = {},
): Promise<Transferred & {readonly result: T}> {
  const {refs, depth} = wanted;
  const pace = new Pace(options);
  const lent = options.lend ? new LentStore(repo) : undefined;
  const access = lent ?? accessTo(repo);
  const waiting = <R>(work: () => Promise<R>): Promise<R> => (lent ? lent.during(work) : work());
  const {store} = repo.location;
  const shallow = [...repo.shallow];
  const scope = {wants: refs.map(({id}) => id), common: await commonCommits(repo, peer), depth, shallow};
  const journal = Journal.open(store, transferKey(scope), scope);
  const taken = {objects: 0, bytes: 0};
  const take = async (request: TransferScope, progress: Journal): Promise<Receiver> => {
    const {received} = progress;
    const sending = await waiting(() => peer.fetch({...request, received}));
    const {total, skipped, parcels} = sending;
    if (skipped !== received?.count) progress.forget();
    const receiver = new Receiver(access, progress, {
      shallow: shallowOf(repo, sending, wanted),
      threadAfter: THREAD_AFTER,
    });
    await waiting(() =>
      receiver.take(parcels, () => {
        const {objects, bytes} = receiver;
        if (skipped + objects > total) throw malformed('more objects than it said');
        return pace.step({label: 'Receiving objects', done: skipped + objects, total, bytes});
      }),
    );
    taken.objects += receiver.objects;
    taken.bytes += receiver.bytes;
    return receiver;
  };
  const common = [...scope.common];
  if (journal.received === undefined) {
    for (const earlier of Journal.unfinished(store)) {
      // what was begun with another depth is not wanted any more
      if (earlier.scope.depth === depth) {
        try {
          await (await take(earlier.scope, earlier)).store();
        } catch (error) {
          if (!isDbosError(error, 'REMOTE_REF_UNKNOWN')) throw error;
          continue;
        }
        for (const id of earlier.scope.wants) common.push(peel(repo.objects, id).id);
      }
      earlier.forget();
    }
  }
  const receiver = await take({...scope, common, shallow: [...repo.shallow]}, journal);
  const tags: WantedTag[] = [];
  if (wanted.tags !== undefined && wanted.tags.length > 0) {
    await receiver.store();
    for (const tag of wanted.tags) if (repo.objects.has(tag.commit)) tags.push(tag);
    const lacking = tags.filter(({id}) => !repo.objects.has(id));
    if (lacking.length > 0) {
      const rest = {wants: lacking.map(({id}) => id), common: tags.map(({commit}) => commit)};
      await (await take(rest, Journal.open(store, transferKey(rest), rest))).store();
    }
  }
  const result = await receiver.publish([...refs, ...tags], (_repo, transaction) => publish(transaction, tags), pace);
  return {...taken, result};
}

/** Returns the commits that a peer may send without their parents. Throws STORE_SHALLOW for others that it would so. */
function shallowOf(repo: Repository, sending: Sending, {depth, mayBeShallow}: Wanted): readonly ObjectId[] {
  const {shallow} = sending;
  if (isLimit(depth) || mayBeShallow || shallow.every(id => repo.shallow.has(id))) return shallow;
  throw new DbosError('STORE_SHALLOW', 'The other store is shallow: it lacks a part of what is wanted.', {
    hint: 'Fetch it from a store that has it whole, or take what there is with `--depth N`.',
  });
}

/** Returns whether a transfer of some depth leaves out what lies behind it. */
function isLimit(depth: number | undefined): boolean {
  return depth !== undefined && depth < WHOLE_DEPTH;
}

/** Fetches from a remote. Throws as `receiveFrom`, and REF_MOVED. */
export async function fetchRemote(
  repo: Repository,
  peer: Peer,
  remote: RemoteName,
  options: FetchOptions = {},
): Promise<Fetched> {
  const {depth} = options;
  const theirs = await peer.refs();
  let {updates, keptTags, wants, tags} = compareRefs(repo, theirs, remote, options);
  const following = tags.filter(({commit}) => repo.objects.has(commit));
  if (updates.length === 0 && following.length === 0 && depth === undefined) {
    return {updates, keptTags, theirs, objects: 0, bytes: 0};
  }
  const {objects, bytes} = await receiveFrom(
    repo,
    peer,
    {refs: wants, tags, depth},
    async (transaction, came) => {
      // others may have fetched meanwhile
      ({updates, keptTags, tags} = compareRefs(repo, theirs, remote, options));
      const lacking = new Set(tags.map(({ref}) => ref));
      for (const {ref, id} of came) if (lacking.has(ref)) updates.push({ref, before: null, after: id});
      const refs = updates.map(editOf);
      if (refs.length === 0) await transaction.flush();
      else await transaction.publish({kind: 'normal', description: `fetch from ${remote}`, refs});
    },
    options,
  );
  return {updates, keptTags, theirs, objects, bytes};
}

interface ComparedRefs {
  readonly updates: RefUpdate[];
  readonly keptTags: RefName[];
  readonly wants: WantedRef[];
  /** Tags that are wanted only if what each is of comes. */
  readonly tags: WantedTag[];
}

/** Returns what a fetch has to do about the refs of a remote. */
function compareRefs(
  repo: Repository,
  theirs: PeerRefs,
  remote: RemoteName,
  {prune = false, depth}: FetchOptions,
): ComparedRefs {
  const updates: RefUpdate[] = [];
  const tags: WantedTag[] = [];
  const keptTags: RefName[] = [];
  const kept = new Set<RefName>();
  const wants: WantedRef[] = [];
  const holds = (ref: RefName) => findRef(repo.objects, repo.view.refs, ref) ?? null;
  // all of history would come with an old tag
  const tagged = (depth === undefined ? repo.shallow.size > 0 : isLimit(depth)) ? theirs.tagged : undefined;
  for (const [name, id] of theirs.refs) {
    const isTag = name.startsWith(TAGS);
    if (!isTag && !name.startsWith(BRANCHES)) continue;
    const ref = isTag ? name : remoteRef(remote, branchName(shortName(name)));
    kept.add(ref);
    const before = holds(ref);
    if (isTag && before !== null && before !== id) keptTags.push(ref);
    else if (isTag && tagged && before === null) tags.push({ref, id, commit: tagged.get(name) ?? id});
    else {
      if (before !== id) updates.push({ref, before, after: id});
      if (before !== id || (depth !== undefined && !isTag)) wants.push({ref, id});
    }
  }
  if (prune) {
    for (const {ref, id} of remoteRefs(repo, remote)) if (!kept.has(ref)) updates.push({ref, before: id, after: null});
  }
  return {updates, keptTags, wants, tags};
}

/**
 * Takes in what a branch of a peer reaches, and returns what it holds; no ref shows that. Throws REMOTE_REF_UNKNOWN, and as
 * `receiveFrom`.
 */
export async function fetchBranch(
  repo: Repository,
  peer: Peer,
  branch: BranchName,
  options: ReceiveOptions = {},
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
    {refs: [{ref, id: commit}]},
    transaction => transaction.flush(),
    options,
  );
  return {commit, objects, bytes};
}

/**
 * Fetches branches of a store that no remote names, or tags, and its current branch unless any are named: one operation notes what
 * they hold, below `remotes/FETCH_HEAD/`, in place of what the last one noted; of a tag that is the commit. `source` is where it comes
 * from, for the log of operations. Throws REMOTE_REF_UNKNOWN, and as `receiveFrom`.
 */
export async function fetchUnnamed(
  repo: Repository,
  peer: Peer,
  names: readonly string[],
  source: string,
  options: UnnamedFetchOptions = {},
): Promise<Fetched> {
  const {depth} = options;
  const theirs = await peer.refs();
  const wanted = new Map(wantedOf(theirs, names).map(want => [want.ref, want]));
  const updates: RefUpdate[] = [];
  const {objects, bytes} = await receiveFrom(
    repo,
    peer,
    {refs: [...wanted.values()], depth},
    async transaction => {
      const noted = new Map(Array.from(remoteRefs(repo, FETCH_HEAD), ({ref, id}) => [ref, id]));
      for (const {ref: theirRef, id} of wanted.values()) {
        const ref = remoteRef(FETCH_HEAD, branchName(shortName(theirRef)));
        const [before, after] = [noted.get(ref) ?? null, peel(transaction.objects, id).id];
        if (before !== after) updates.push({ref, before, after});
        noted.delete(ref);
      }
      for (const [ref, id] of noted) updates.push({ref, before: id, after: null});
      const refs = updates.map(editOf);
      const what = Array.from(wanted.keys(), shortName).join(', ');
      if (refs.length === 0) await transaction.flush();
      else await transaction.publish({kind: 'normal', description: `fetch ${what} of ${source}`, refs});
    },
    options,
  );
  return {updates, keptTags: [], theirs, objects, bytes};
}

/** Returns the branches and tags that names stand for, a branch before a tag; without any the current branch. */
function wantedOf({head, refs}: PeerRefs, names: readonly string[]): WantedRef[] {
  if (names.length === 0) {
    const ref = head && branchRef(head);
    const id = ref && refs.get(ref);
    if (ref && id) return [{ref, id}];
    throw new DbosError('REMOTE_REF_UNKNOWN', 'The other store is on no branch with commits.', {
      hint: 'Name a branch that it has after the URL.',
    });
  }
  return names.map(name => {
    const ref = [branchRef(branchName(name)), tagRef(name)].find(each => refs.has(each));
    if (ref !== undefined) return {ref, id: refs.get(ref) as ObjectId};
    const nearest = nearestNames(name, new Set(Array.from(refs.keys(), shortName)));
    throw new DbosError('REMOTE_REF_UNKNOWN', `The other store has no branch or tag '${name}'.`, {
      hint: didYouMean(nearest) ?? 'Name one that is there after the URL.',
      data: {name, nearest},
    });
  });
}

/** Returns the edit that makes an update. */
export function editOf({ref, before, after}: RefUpdate): RefEdit {
  return {name: ref, expected: before === null ? {kind: 'absent'} : {kind: 'equals', id: before}, next: after};
}
