/**
 * Brings what this store has into another one, and moves refs there: all of them, or none. A branch only ever moves forward
 * there, unless it is where this store last saw it and that is asked for. Layer: sync.
 */
import {DbosError, isDbosError} from '../errors.js';
import type {ObjectId} from '../objects/id.js';
import type {ObjectReader} from '../objects/store.js';
import {readCommit} from '../repo/commit.js';
import {isAncestor} from '../repo/history.js';
import {BRANCHES, type BranchName, findRef, type RefName, type RemoteName, remoteRef, shortName} from '../repo/refs.js';
import type {Repository} from '../repo/repository.js';
import {DEEPEN_HINT, type HistorySource} from '../repo/shallow.js';
import {Pace} from '../sql/transfer/pace.js';
import {LogReader} from '../storage/logreader.js';
import {commonCommits} from './common.js';
import {editOf, type RefUpdate, type TransferOptions, type Transferred} from './fetch.js';
import {transferKey} from './journal.js';
import {LentStore} from './lent-store.js';
import {listMissing} from './missing.js';
import {type Parcel, packObjects} from './parcel.js';
import type {Peer, PeerEdit, PeerRefs} from './peer.js';

/** Lists that are shorter are sent whole: at most some megabytes. */
const RESUMABLE = 100;

/** Commits that are asked for at once. */
const ASKED = 1024;

/** What a ref of the other store is to hold. */
export interface RefWish {
  readonly name: RefName;
  /** Null deletes it. */
  readonly next: ObjectId | null;
}

export interface PushOptions extends TransferOptions {
  /** Also move a branch that does not move forward, if it is where this store last saw it. */
  readonly withLease?: boolean;
  /** Other processes may have this store while it waits for the peer; then nothing else may use the repository meanwhile. */
  readonly lend?: boolean;
}

/** A change that a push would make, or why it would not. */
export interface PreviewedUpdate extends RefUpdate {
  readonly refusal: DbosError | undefined;
}

export interface PushPreview {
  readonly updates: readonly PreviewedUpdate[];
  /** What the push would throw; undefined if it would go through. */
  readonly refusal: DbosError | undefined;
  /** How many objects it would send; 0 if it is refused. */
  readonly objects: number;
}

export interface Pushed extends Transferred {
  /** What moved in the other store. */
  readonly updates: readonly RefUpdate[];
}

/**
 * Pushes to a remote and takes note of what its branches hold then. Throws NOT_FAST_FORWARD, REMOTE_REF_UNKNOWN to delete what
 * is not there, and as `Peer.push`; then nothing has changed in either store.
 */
export async function pushRemote(
  repo: Repository,
  peer: Peer,
  remote: RemoteName,
  requests: readonly RefWish[],
  {withLease = false, ...options}: PushOptions = {},
): Promise<Pushed> {
  const theirs = await peer.refs();
  const updates: RefUpdate[] = [];
  for (const {refusal, ...update} of compareWishes(repo, theirs, remote, requests, withLease)) {
    if (refusal) throw refusal;
    updates.push(update);
  }
  const seen = seenOf(repo, remote, requests);
  let sent: Transferred = {objects: 0, bytes: 0};
  try {
    if (updates.length > 0) sent = await send(repo, peer, theirs, updates, options);
  } catch (error) {
    const isOpen = isDbosError(error, 'CONNECTION_BROKEN') || isDbosError(error, 'NOT_FAST_FORWARD');
    if (!isOpen || !(await hasMoved(peer, updates))) throw error;
  }
  await noteSeen(repo, remote, seen);
  return {updates, ...sent};
}

/**
 * Returns what a push to a remote would do, or why it would be refused; sends no objects, and changes nothing in either store. What only
 * shows when objects are there is not foreseen: over a network, that files there are in the way. Throws as the first calls of a push do
 * if the other store cannot be reached.
 */
export async function previewPush(
  repo: Repository,
  peer: Peer,
  remote: RemoteName,
  requests: readonly RefWish[],
  {withLease = false, ...options}: PushOptions = {},
): Promise<PushPreview> {
  const theirs = await peer.refs();
  const updates = [...compareWishes(repo, theirs, remote, requests, withLease)];
  const refusal = updates.find(update => update.refusal)?.refusal;
  if (refusal || updates.length === 0) return {updates, refusal, objects: 0};
  try {
    const {list, shallow} = await listMissing(repo, await scopeOf(repo, peer, theirs, updates), {
      pace: new Pace(options),
      whole: theirs.partial,
    });
    await mustHaveParents(repo.objects, peer, shallow);
    const edits = updates.map(update => ({...editFor(update), forward: isForward(repo, update)}));
    await peer.check(edits, repo.objects);
    return {updates, refusal: undefined, objects: list.length};
  } catch (error) {
    if (!isDbosError(error) || isDbosError(error, 'CONNECTION_BROKEN')) throw error;
    return {updates, refusal: error, objects: 0};
  }
}

/** Yields what is to change in the other store, each with why it must not. */
function* compareWishes(
  repo: Repository,
  theirs: PeerRefs,
  remote: RemoteName,
  requests: readonly RefWish[],
  withLease: boolean,
): Generator<PreviewedUpdate> {
  for (const {name, next} of requests) {
    const before = theirs.refs.get(name) ?? null;
    const update = {ref: name, before, after: next};
    if (before !== next)
      yield {...update, refusal: before === null ? undefined : refusalOf(repo, remote, update, withLease)};
    else if (next === null) yield {...update, refusal: refUnknown(remote, name)};
  }
}

/** Returns what a transfer of the updates is of. */
async function scopeOf(repo: Repository, peer: Peer, theirs: PeerRefs, updates: readonly RefUpdate[]) {
  const wants = updates.flatMap(({after}) => after ?? []);
  return {wants, common: await commonCommits(repo, peer), shallow: theirs.shallow};
}

function editFor({ref, before, after}: RefUpdate): PeerEdit {
  return {name: ref, expected: before, next: after};
}

/** Returns whether a push got through whose answer was lost: this one, or one before it that was broken off here. */
async function hasMoved(peer: Peer, updates: readonly RefUpdate[]): Promise<boolean> {
  try {
    const {refs} = await peer.refs();
    return updates.every(({ref, after}) => (refs.get(ref) ?? null) === after);
  } catch {
    return false;
  }
}

/** Sends what the peer lacks, and copies too if it hides something, and has it move its refs. Returns what was sent. */
async function send(
  repo: Repository,
  peer: Peer,
  theirs: PeerRefs,
  updates: readonly RefUpdate[],
  options: Omit<PushOptions, 'withLease'>,
): Promise<Transferred> {
  const lent = options.lend ? new LentStore(repo) : undefined;
  const pace = new Pace(options);
  const scope = await scopeOf(repo, peer, theirs, updates);
  const {list, shallow} = await listMissing(repo, scope, {pace, whole: theirs.partial});
  await mustHaveParents(repo.objects, peer, shallow);
  const key = transferKey(scope);
  // what is sent in no time is sent again sooner than asked for
  const received = list.length < RESUMABLE ? undefined : await peer.received(key);
  const skipped = received !== undefined && list[received.count - 1]?.id === received.last ? received.count : 0;
  const sent = {objects: 0, bytes: 0};
  const parcels = async function* (): AsyncGenerator<Parcel> {
    const log = new LogReader(repo.storage.logDirectory);
    // a transport may ask for another try
    Object.assign(sent, {objects: 0, bytes: 0});
    const packing = packObjects(objectsOf(repo), list, skipped, log);
    const next = () => packing.next();
    try {
      for (;;) {
        const {done: isOver, value: parcel} = lent ? await lent.read(next) : next();
        if (isOver) break;
        yield parcel;
        sent.objects += parcel.lengths.length;
        sent.bytes += parcel.stored.length;
        const done = skipped + sent.objects;
        await pace.step({label: 'Sending objects', done, total: list.length, bytes: sent.bytes});
      }
    } finally {
      log.close();
    }
  };
  const edits = updates.map(editFor);
  const push = () => peer.push({key, skipped, edits}, {[Symbol.asyncIterator]: parcels});
  await (lent ? lent.during(push) : push());
  return sent;
}

/** Returns what reads the objects of a store whenever that is open. */
function objectsOf(repo: Repository): ObjectReader {
  return {
    read: id => repo.objects.read(id),
    find: id => repo.objects.find(id),
    has: id => repo.objects.has(id),
    locate: id => repo.objects.locate(id),
  };
}

/** Throws STORE_SHALLOW unless a peer has the parents of commits that are sent without them. */
async function mustHaveParents(objects: ObjectReader, peer: Peer, shallow: readonly ObjectId[]): Promise<void> {
  const parents = shallow.flatMap(id => readCommit(objects, id).parents);
  for (let at = 0; at < parents.length; at += ASKED) {
    if ((await peer.has(parents.slice(at, at + ASKED))).every(known => known)) continue;
    throw new DbosError(
      'STORE_SHALLOW',
      'This store is shallow, and the other one lacks the history that is not here.',
      {
        hint: DEEPEN_HINT,
      },
    );
  }
}

/** Returns whether a branch that is there moves forward. */
function isForward({objects, shallow}: HistorySource, {ref, before, after}: RefUpdate): boolean {
  if (!ref.startsWith(BRANCHES) || before === null || after === null || !objects.has(before)) return false;
  return isAncestor({objects, shallow}, before, after);
}

/** Returns NOT_FAST_FORWARD, or undefined if a ref that is there may move so. */
function refusalOf(repo: Repository, remote: RemoteName, update: RefUpdate, withLease: boolean): DbosError | undefined {
  const {ref, before, after} = update;
  const isBranch = ref.startsWith(BRANCHES);
  if (isForward(repo, update)) return undefined;
  const name = shortName(ref);
  if (isBranch && (withLease || after === null)) {
    const seen = findRef(repo.objects, repo.view.refs, remoteRef(remote, name as BranchName));
    if (seen === before) return undefined;
    return new DbosError('NOT_FAST_FORWARD', `'${name}' of ${remote} is not where this store last saw it.`, {
      hint: `Look at what came there with \`dbos fetch ${remote}\`, then push again.`,
      data: {ref, remote},
    });
  }
  if (!isBranch) {
    if (after === null || withLease) return undefined;
    return new DbosError('NOT_FAST_FORWARD', `The tag '${name}' of ${remote} holds something else.`, {
      hint: 'Tags do not move: choose another name, or push it with --force-with-lease.',
      data: {ref, remote},
    });
  }
  return new DbosError('NOT_FAST_FORWARD', `'${name}' of ${remote} has commits that are not in the one here.`, {
    hint: `Bring them in with \`dbos pull ${remote}\`, then push again.`,
    data: {ref, remote},
  });
}

function refUnknown(remote: RemoteName, name: RefName): DbosError {
  return new DbosError('REMOTE_REF_UNKNOWN', `${remote} has no '${shortName(name)}'.`, {
    hint: `See what it has with \`dbos remote show ${remote}\`.`,
    data: {ref: name, remote},
  });
}

/** Returns what the branches of a remote that are pushed were last seen to hold, and will. */
function seenOf(repo: Repository, remote: RemoteName, requests: readonly RefWish[]): RefUpdate[] {
  const branches = requests.filter(({name}) => name.startsWith(BRANCHES));
  return branches.map(({name, next}) => {
    const ref = remoteRef(remote, shortName(name) as BranchName);
    return {ref, before: seenAt(repo, ref), after: next};
  });
}

function seenAt({objects, view}: Repository, ref: RefName): ObjectId | null {
  return findRef(objects, view.refs, ref) ?? null;
}

/** Publishes what the branches that were pushed hold in the other store; where others have seen something meanwhile that stays. */
async function noteSeen(repo: Repository, remote: RemoteName, seen: readonly RefUpdate[]): Promise<void> {
  const updates = seen.filter(({ref, before, after}) => before !== after && seenAt(repo, ref) === before);
  if (updates.length === 0) return;
  await repo.begin().publish({kind: 'normal', description: `push to ${remote}`, refs: updates.map(editOf)});
}
