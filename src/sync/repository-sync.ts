/**
 * Transfers on a repository, with a remote by its name: `repo.fetch()`, `repo.pull()`, `repo.push()`. Layer: sync.
 */
import {DbosError} from '../errors.js';
import type {ObjectId} from '../objects/id.js';
import {readBranch} from '../repo/branches.js';
import {
  BRANCHES,
  type BranchName,
  branchName,
  branchRef,
  findRef,
  HEAD,
  listRefs,
  type RefName,
  type RemoteName,
  shortName,
  TAGS,
  tagRef,
} from '../repo/refs.js';
import {Repository} from '../repo/repository.js';
import {Input} from '../sql/transfer/input.js';
import {connect, isUrl, type Place} from './connect.js';
import {
  type Fetched,
  type FetchOptions,
  fetchBranch,
  fetchRemote,
  fetchUnnamed,
  type ReceiveOptions,
  type Transferred,
  type UnnamedFetchOptions,
} from './fetch.js';
import type {Peer} from './peer.js';
import {bringIn, bringInCommit, currentBranch, type Pulled, type PullOptions} from './pull.js';
import {type Pushed, type PushOptions, type PushPreview, previewPush, pushRemote, type RefWish} from './push.js';
import {currentRemote, findUpstream, readRemote, setUpstream} from './remotes.js';
import {checkUrlSecret} from './url-secret.js';

export interface RemoteFetched extends Fetched {
  readonly remote: RemoteName;
}

export interface RemotePulled extends Pulled {
  /** Where it came from: `origin/main`, or `main of URL`. */
  readonly source: string;
  readonly fetched: Transferred & Pick<Fetched, 'updates'>;
}

export interface RemotePushed extends Pushed {
  readonly remote: RemoteName;
  /** The branches here that follow now those of the same name there, as was asked for. */
  readonly following: readonly BranchName[];
}

export interface RemotePushPreview extends PushPreview, Pick<RemotePushed, 'remote' | 'following'> {}

export interface RemoteFetchOptions extends FetchOptions {
  /** A bundle that is taken in place of what is at the URL of the remote. */
  readonly from?: Input | undefined;
}

export interface RemotePullOptions extends Omit<PullOptions, 'progress' | 'signal'>, ReceiveOptions {
  /** The branch of the remote: the one that HEAD's branch follows unless given, else one of the same name. */
  readonly branch?: string | undefined;
}

export interface RemotePushOptions extends PushOptions {
  /** Branches and tags; HEAD's branch if nothing else is asked for. */
  readonly names?: readonly string[] | undefined;
  /** Every branch. */
  readonly all?: boolean | undefined;
  /** Every tag. */
  readonly tags?: boolean | undefined;
  /** Delete the names there instead. */
  readonly delete?: boolean | undefined;
  /** Let the branches here follow those there. */
  readonly setUpstream?: boolean | undefined;
}

declare module '../repo/repository.js' {
  interface Repository {
    /**
     * Brings what the branches and tags of a remote hold. Without a name it is the remote that HEAD's branch follows, else
     * `origin`. Throws REMOTE_UNKNOWN, and as `connect` and `fetchRemote`.
     */
    fetch(remote?: string, options?: RemoteFetchOptions): Promise<RemoteFetched>;
    /**
     * Brings branches or tags of what is at a URL, its current branch unless any are named; the revision FETCH_HEAD is what came then.
     * Throws as `connect` and `fetchUnnamed`.
     */
    fetchUrl(url: string, names?: readonly string[], options?: UnnamedFetchOptions): Promise<Fetched>;
    /**
     * Fetches, and brings HEAD's branch up to it. From a URL or an open bundle instead of a remote's name comes one branch only,
     * and no ref keeps what it held. Throws UPSTREAM_MISSING, and as `fetch` and `bringIn`.
     */
    pull(remote?: Place, options?: RemotePullOptions): Promise<RemotePulled>;
    /** Brings branches and tags of this store there. Throws NO_COMMITS, BRANCH_UNKNOWN, and as `connect` and `pushRemote`. */
    push(remote?: string, options?: RemotePushOptions): Promise<RemotePushed>;
    /** Returns what `push` would do, or why it would be refused, and changes nothing. Throws as `connect` and `previewPush`. */
    previewPush(remote?: string, options?: RemotePushOptions): Promise<RemotePushPreview>;
  }
}

Repository.prototype.fetch = function (name, {from, ...options} = {}) {
  const remote = remoteOf(this, name);
  return talk(this, from ?? remote.url, async peer => ({
    remote: remote.name,
    ...(await fetchRemote(this, peer, remote.name, options)),
  }));
};

Repository.prototype.fetchUrl = function (url, names = [], options = {}) {
  checkUrlSecret(url);
  return talk(this, url, peer => fetchUnnamed(this, peer, names, url, options));
};

Repository.prototype.pull = async function (name, {branch: wanted, ...options} = {}) {
  const branch = currentBranch(this);
  if (name instanceof Input || (name !== undefined && isUrl(name))) {
    if (!(name instanceof Input)) checkUrlSecret(name);
    const theirs = wanted === undefined ? branch : branchName(wanted);
    const {commit, ...fetched} = await talk(this, name, peer => fetchBranch(this, peer, theirs, options));
    checkBranch(this, branch);
    const source = `${theirs} of ${name instanceof Input ? name.name : name}`;
    return {...(await bringInCommit(this, commit, source, options)), source, fetched: {...fetched, updates: []}};
  }
  const fetched = await this.fetch(name, options);
  checkBranch(this, branch);
  const {remote} = fetched;
  const followed = findUpstream(this, branch);
  const same = followed?.remote === remote ? followed.branch : branch;
  const upstream = {remote, branch: wanted === undefined ? same : branchName(wanted)};
  const source = `${upstream.remote}/${upstream.branch}`;
  return {...(await bringIn(this, upstream, options)), source, fetched};
};

Repository.prototype.push = function (name, options = {}) {
  const {name: remote, url} = remoteOf(this, name);
  return talk(
    this,
    url,
    async peer => {
      const wishes = await wishesFor(this, peer, options);
      const pushed = await pushRemote(this, peer, remote, wishes, options);
      const following = branchesToFollow(wishes, options);
      for (const branch of following) setUpstream(this, branch, {remote, branch});
      return {remote, following, ...pushed};
    },
    'push',
  );
};

Repository.prototype.previewPush = function (name, options = {}) {
  const {name: remote, url} = remoteOf(this, name);
  return talk(
    this,
    url,
    async peer => {
      const wishes = await wishesFor(this, peer, options);
      const preview = await previewPush(this, peer, remote, wishes, options);
      return {remote, following: branchesToFollow(wishes, options), ...preview};
    },
    'push',
  );
};

async function wishesFor(
  repo: Repository,
  peer: Peer,
  {names = [], all = false, tags = false, delete: deletes = false}: RemotePushOptions,
): Promise<RefWish[]> {
  return deletes ? deletions(peer, names) : wishesOf(repo, names, all, tags);
}

/** Returns the branches of a push that are to follow those there. */
function branchesToFollow(wishes: readonly RefWish[], {setUpstream: follow = false}: RemotePushOptions): BranchName[] {
  const branches = follow ? wishes.filter(({name}) => name.startsWith(BRANCHES)) : [];
  return branches.map(({name}) => shortName(name) as BranchName);
}

/** Throws REF_MOVED if somebody else has switched to another branch. */
function checkBranch(repo: Repository, branch: BranchName): void {
  if (repo.head().branch === branch) return;
  throw new DbosError('REF_MOVED', `HEAD was on '${branch}' when the pull began, and is not any more.`, {
    hint: 'What came is here: pull again on the branch that is meant.',
    data: {branch},
  });
}

function remoteOf(repo: Repository, name: string | undefined) {
  return name === undefined ? currentRemote(repo) : readRemote(repo, name);
}

async function talk<T>(
  repo: Repository,
  url: Place,
  work: (peer: Peer) => Promise<T>,
  purpose: 'fetch' | 'push' = 'fetch',
): Promise<T> {
  const peer = await connect(repo, url, purpose);
  try {
    return await work(peer);
  } finally {
    await peer.close();
  }
}

async function deletions(peer: Peer, names: readonly string[]): Promise<RefWish[]> {
  const {refs} = await peer.refs();
  return names.map(name => {
    const [tag, branch] = [tagRef(name), branchRef(branchName(name))];
    return {name: refs.has(tag) && !refs.has(branch) ? tag : branch, next: null};
  });
}

/** Returns what is to be there afterwards: what is named, else what is asked for, else HEAD's branch. */
function wishesOf(repo: Repository, names: readonly string[], all: boolean, tags: boolean): RefWish[] {
  const {objects, view} = repo;
  const held = (ref: RefName): ObjectId | undefined => findRef(objects, view.refs, ref);
  const wishes: RefWish[] = names.map(name => {
    if (name === HEAD || name === '@') return currentWish(repo);
    if (name.includes(':')) throw otherName(name);
    const [tag, branch] = [tagRef(name), branchRef(branchName(name))];
    const id = held(branch) === undefined ? held(tag) : undefined;
    return id === undefined ? {name: branch, next: readBranch(repo, name).id} : {name: tag, next: id};
  });
  for (const folder of [...(all ? [BRANCHES] : []), ...(tags ? [TAGS] : [])]) {
    for (const {name, id} of listRefs(objects, view.refs, folder)) wishes.push({name, next: id});
  }
  return names.length > 0 || all || tags ? wishes : [currentWish(repo)];
}

/** Returns that HEAD's branch is to be there as it is here. Throws NO_COMMITS. */
function currentWish(repo: Repository): RefWish {
  const {branch, commit} = repo.head();
  if (branch === undefined || commit === undefined) {
    throw new DbosError('NO_COMMITS', 'HEAD is on no branch with commits.', {hint: 'Name the branch to push.'});
  }
  return {name: branchRef(branch), next: commit};
}

/** Returns the error for a name with a colon, which stands for two names in git: that here, and that there. */
function otherName(text: string): DbosError {
  const [here, there] = text.split(':');
  return new DbosError('REF_NAME_INVALID', `'${text}' cannot be pushed: a branch has the same name in both stores.`, {
    hint: here
      ? `Give it that name here with \`dbos branch ${there || 'NAME'} ${here}\`, and push it.`
      : `Delete it there with \`dbos push --delete REMOTE ${there}\`.`,
    data: {name: text},
  });
}
