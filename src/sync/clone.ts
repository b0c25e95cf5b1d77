/**
 * Makes a store from another one: all its branches and tags, with the other as the remote `origin`; a bare one has the
 * branches as its own. Layer: sync.
 */
import {existsSync, readdirSync, rmSync} from 'node:fs';
import {DbosError} from '../errors.js';
import type {RepoContext} from '../repo/context.js';
import {
  BRANCHES,
  type BranchName,
  branchName,
  branchRef,
  remoteName,
  remoteRef,
  shortName,
  TAGS,
} from '../repo/refs.js';
import {Repository} from '../repo/repository.js';
import type {RefEdit} from '../repo/transaction.js';
import {type HeadMove, publishAndFollow} from '../worktree/follow.js';
import {connect, locationOf} from './connect.js';
import {receiveFrom, type Transferred} from './fetch.js';
import type {PeerRefs} from './peer.js';
import {addRemote, ORIGIN, setUpstream} from './remotes.js';

export interface CloneOptions {
  readonly bare: boolean;
  /** The branch to check out; the one of the other store's HEAD unless given. */
  readonly branch?: string | undefined;
  readonly signal?: AbortSignal | undefined;
}

export interface Cloned extends Transferred {
  /** Open. */
  readonly repo: Repository;
  readonly branch: BranchName;
  readonly move: HeadMove;
}

/**
 * Clones a store into a directory, made if it is missing and empty if it is not. Throws STORE_NOT_FOUND, PATH_EXISTS,
 * REMOTE_REF_UNKNOWN, and as `fetchRemote`; then nothing is left of it.
 */
export async function cloneStore(
  url: string,
  directory: string,
  options: CloneOptions,
  context: RepoContext,
): Promise<Cloned> {
  const {bare, signal} = options;
  locationOf(url);
  const existed = existsSync(directory);
  if (existed && readdirSync(directory).length > 0) {
    throw new DbosError('PATH_EXISTS', `'${directory}' is there already and not empty.`, {
      hint: 'Name another directory.',
      data: {path: directory},
    });
  }
  const repo = await Repository.init(directory, {bare}, context);
  try {
    return await fill(repo, url, {...options, signal});
  } catch (error) {
    await repo.close();
    const made = existed ? readdirSync(directory).map(name => `${directory}/${name}`) : [directory];
    for (const path of made) rmSync(path, {recursive: true, force: true});
    throw error;
  }
}

async function fill(repo: Repository, url: string, {bare, branch: wanted, signal}: CloneOptions): Promise<Cloned> {
  const origin = remoteName(ORIGIN);
  addRemote(repo, origin, url);
  const peer = await connect(repo, url);
  try {
    const theirs = await peer.refs();
    const branch = chosenBranch(theirs, wanted);
    const edits: RefEdit[] = [];
    for (const [name, id] of theirs.refs) {
      const short = shortName(name) as BranchName;
      if (name.startsWith(TAGS) || bare) edits.push({name, expected: {kind: 'absent'}, next: id});
      else edits.push({name: remoteRef(origin, short), expected: {kind: 'absent'}, next: id});
    }
    const tip = theirs.refs.get(branchRef(branch));
    if (!bare && tip !== undefined) edits.push({name: branchRef(branch), expected: {kind: 'absent'}, next: tip});
    const {transaction, objects, bytes} = await receiveFrom(
      repo,
      peer,
      Array.from(theirs.refs, ([ref, id]) => ({ref, id})),
      signal,
    );
    const publication = {kind: 'normal', description: 'clone', refs: edits, head: {branch}} as const;
    const move = await publishAndFollow(repo, publication, {transaction, ...(signal && {signal})});
    if (!bare) setUpstream(repo, branch, {remote: origin, branch});
    return {repo, branch, move, objects, bytes};
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
