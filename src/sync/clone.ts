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
} from '../repo/refs.js';
import {Repository} from '../repo/repository.js';
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
  /** The branch to check out; the one of the other store's HEAD unless given. */
  readonly branch?: string | undefined;
  /** So many commits of each branch; all of history unless given. */
  readonly depth?: number | undefined;
}

export interface Cloned extends Transferred {
  /** Open. */
  readonly repo: Repository;
  readonly branch: BranchName;
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
    const branch = chosenBranch(theirs, wanted);
    // before anything shows, so that what shows is all there
    if (!bare) setUpstream(repo, branch, {remote: origin, branch});
    const edits: RefEdit[] = [];
    const add = (name: RefName, id: ObjectId) => edits.push({name, expected: {kind: 'absent'}, next: id});
    const refs: WantedRef[] = [];
    const tags: WantedTag[] = [];
    for (const [name, id] of theirs.refs) {
      // all of history would come with an old tag
      if (depth !== undefined && name.startsWith(TAGS)) {
        tags.push({ref: name, id, commit: theirs.tagged?.get(name) ?? id});
        continue;
      }
      refs.push({ref: name, id});
      add(name.startsWith(TAGS) || bare ? name : remoteRef(origin, shortName(name) as BranchName), id);
    }
    const tip = theirs.refs.get(branchRef(branch));
    if (!bare && tip !== undefined) add(branchRef(branch), tip);
    const {signal} = options;
    const {result, objects, bytes} = await receiveFrom(
      repo,
      peer,
      {refs, tags, depth, mayBeShallow: true},
      (transaction, came) => {
        for (const {ref, id} of came) add(ref, id);
        const publication = {kind: 'normal', description: 'clone', refs: edits, head: {branch}} as const;
        return publishAndFollow(repo, publication, {transaction, ...(signal && {signal})});
      },
      options,
    );
    return {repo, branch, move: result, objects, bytes};
  } finally {
    await peer.close();
  }
}

function chosenBranch({head, refs}: PeerRefs, wanted: string | undefined): BranchName {
  if (wanted === undefined) {
    const [first] = [...refs.keys()].filter(name => name.startsWith(BRANCHES));
    return head ?? branchName(first === undefined ? 'main' : shortName(first));
  }
  const branch = branchName(wanted);
  if (refs.has(branchRef(branch))) return branch;
  throw new DbosError('REMOTE_REF_UNKNOWN', `The other store has no branch '${wanted}'.`, {
    hint: 'Name one that it has, or none.',
    data: {branch: wanted},
  });
}
