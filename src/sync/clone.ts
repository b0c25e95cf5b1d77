/**
 * Makes a store from another one: all its branches and tags, with the other as the remote `origin`; a bare one has the
 * branches as its own. With a depth history is cut off, and only the tags of what came come along. Layer: sync.
 */
import {existsSync, readdirSync, rmdirSync, rmSync} from 'node:fs';
import {join} from 'node:path';
import {DbosError, isDbosError} from '../errors.js';
import type {ObjectId} from '../objects/id.js';
import type {RepoContext} from '../repo/context.js';
import {isStore} from '../repo/format.js';
import {locationFor} from '../repo/location.js';
import {didYouMean, nearestNames} from '../repo/nearest.js';
import {
  BRANCHES,
  type BranchName,
  branchName,
  branchRef,
  type RefName,
  remoteName,
  remoteRef,
  shortName,
  TAGS,
  tagRef,
} from '../repo/refs.js';
import {Repository} from '../repo/repository.js';
import {peel} from '../repo/tag.js';
import type {RefEdit} from '../repo/transaction.js';
import {type HeadMove, publishAndFollow} from '../worktree/follow.js';
import {findJournal as findCheckout} from '../worktree/journal.js';
import {connect, type Place, STREAM_URL} from './connect.js';
import {receiveFrom, type TransferOptions, type Transferred, type WantedTag} from './fetch.js';
import {Journal} from './journal.js';
import type {PeerRefs} from './peer.js';
import type {WantedRef} from './receiver.js';
import {addRemote, listRemotes, ORIGIN, setUpstream} from './remotes.js';

export interface CloneOptions extends TransferOptions {
  readonly bare: boolean;
  /** The branch to check out, or the tag; the branch of the other store's HEAD unless given. */
  readonly branch?: string | undefined;
  /** So many commits of each branch; all of history unless given. */
  readonly depth?: number | undefined;
}

export interface Cloned extends Transferred {
  /** Open. */
  readonly repo: Repository;
  /** The branch that HEAD is on; undefined if it is detached at a tag. */
  readonly branch: BranchName | undefined;
  readonly move: HeadMove;
}

/**
 * Clones a store, or an open bundle, into a directory, made if it is missing and empty if it is not, or one in which a clone of the same store was
 * broken off, while objects came or while files were written: files that are not of that clone stay what they are. Throws
 * STORE_NOT_FOUND, PATH_EXISTS, REMOTE_REF_UNKNOWN, WOULD_OVERWRITE, and as `fetchRemote`; then nothing is left of it, unless there is
 * something that the next try can go on with.
 */
export async function cloneStore(
  place: Place,
  directory: string,
  options: CloneOptions,
  context: RepoContext,
): Promise<Cloned> {
  const existed = existsSync(directory);
  const url = typeof place === 'string' ? place : STREAM_URL;
  const {repo, names} = await target(url, directory, options.bare, context);
  try {
    if (!repo.config.record('remotes').has(ORIGIN)) addRemote(repo, ORIGIN, url);
    return await fill(repo, place, options);
  } catch (error) {
    await repo.close();
    const {store} = repo.location;
    if (Journal.unfinished(store).length > 0 || findCheckout(store) !== undefined) throw unfinished(error);
    for (const name of names) rmSync(join(directory, name), {recursive: true, force: true});
    if (!existed) rmdirSync(directory);
    throw error;
  }
}

/** Returns the store to fill, and the names that it has in its directory. */
async function target(
  url: string,
  directory: string,
  bare: boolean,
  context: RepoContext,
): Promise<{readonly repo: Repository; readonly names: readonly string[]}> {
  const before = new Set(existsSync(directory) ? readdirSync(directory) : []);
  if (before.size === 0) {
    const repo = await Repository.init(directory, {bare}, context);
    return {repo, names: readdirSync(directory)};
  }
  const location = locationFor(directory, bare);
  // beside the store there are the files that a clone has written, and perhaps others
  if (isStore(location.store) && (bare || before.size === 1 || findCheckout(location.store) !== undefined)) {
    const repo = await Repository.open(location, context);
    // one that was killed at once has no remote yet
    const isOurs = [undefined, url].includes(listRemotes(repo)[0]?.url);
    if (isOurs && repo.operation.seq === 0) return {repo, names: [...before]};
    await repo.close();
  }
  throw new DbosError('PATH_EXISTS', `'${directory}' is there already and not empty.`, {
    hint: 'Name another directory.',
    data: {path: directory},
  });
}

/** Returns an error that says how to go on. */
function unfinished(error: unknown): unknown {
  if (!isDbosError(error)) return error;
  const hint = isDbosError(error, 'WOULD_OVERWRITE')
    ? 'Move these files away, then run the same command again to go on.'
    : 'What came is kept: run the same command again to go on.';
  return new DbosError(error.code, error.message, {hint, data: error.data, cause: error});
}

async function fill(
  repo: Repository,
  place: Place,
  {bare, branch: wanted, depth, ...options}: CloneOptions,
): Promise<Cloned> {
  const origin = remoteName(ORIGIN);
  const peer = await connect(repo, place);
  try {
    const theirs = await peer.refs();
    const chosen = chosenRef(theirs, wanted);
    const branch = chosen.startsWith(TAGS) ? undefined : (shortName(chosen) as BranchName);
    // before anything shows, so that what shows is all there
    if (!bare && branch !== undefined) setUpstream(repo, branch, {remote: origin, branch});
    const edits: RefEdit[] = [];
    const add = (name: RefName, id: ObjectId) => edits.push({name, expected: {kind: 'absent'}, next: id});
    const refs: WantedRef[] = [];
    const tags: WantedTag[] = [];
    for (const [name, id] of theirs.refs) {
      // all of history would come with an old tag
      if (depth !== undefined && name.startsWith(TAGS) && name !== chosen) {
        tags.push({ref: name, id, commit: theirs.tagged?.get(name) ?? id});
        continue;
      }
      refs.push({ref: name, id});
      add(name.startsWith(TAGS) || bare ? name : remoteRef(origin, shortName(name) as BranchName), id);
    }
    const tip = theirs.refs.get(chosen);
    if (!bare && branch !== undefined && tip !== undefined) add(chosen, tip);
    const {signal} = options;
    const {result, objects, bytes} = await receiveFrom(
      repo,
      peer,
      {refs, tags, depth, mayBeShallow: true},
      (transaction, came) => {
        for (const {ref, id} of came) add(ref, id);
        const head = branch === undefined ? {detached: peel(transaction.objects, tip as ObjectId).id} : {branch};
        const publication = {kind: 'normal', description: 'clone', refs: edits, head} as const;
        return publishAndFollow(repo, publication, {transaction, ...(signal && {signal})});
      },
      options,
    );
    return {repo, branch, move: result, objects, bytes};
  } finally {
    await peer.close();
  }
}

/** Returns the branch or tag that is checked out. Throws REMOTE_REF_UNKNOWN with the nearest names. */
function chosenRef({head, refs}: PeerRefs, wanted: string | undefined): RefName {
  if (wanted === undefined) {
    const first = [...refs.keys()].find(name => name.startsWith(BRANCHES));
    return head === undefined ? (first ?? branchRef(branchName('main'))) : branchRef(head);
  }
  const [branch, tag] = [branchRef(branchName(wanted)), tagRef(wanted)];
  if (refs.has(branch)) return branch;
  if (refs.has(tag)) return tag;
  const nearest = nearestNames(wanted, new Set(Array.from(refs.keys(), shortName)));
  throw new DbosError('REMOTE_REF_UNKNOWN', `The other store has no branch or tag '${wanted}'.`, {
    hint: didYouMean(nearest) ?? 'Name one that it has, or none.',
    data: {name: wanted, nearest},
  });
}
