/**
 * Remotes: other stores by name. Their URLs, and which of their branches each branch here follows, are settings of the store.
 * Layer: sync.
 */
import {DbosError} from '../errors.js';
import {didYouMean, nearestNames} from '../repo/nearest.js';
import {
  type BranchName,
  branchName,
  branchRef,
  FETCH_HEAD,
  findRef,
  listRefs,
  REMOTES,
  type RefName,
  type RemoteName,
  remoteName,
  remoteRef,
  TAGS,
} from '../repo/refs.js';
import {remoteExists} from '../repo/remote-renames.js';
import type {Repository} from '../repo/repository.js';
import type {RefEdit} from '../repo/transaction.js';
import {checkUrlSecret} from './url-secret.js';

/** The remote that a clone has, and that commands mean which name none. */
export const ORIGIN = 'origin';

export interface Remote {
  readonly name: RemoteName;
  readonly url: string;
}

/** A branch of a remote that a branch here follows. */
export interface Upstream {
  readonly remote: RemoteName;
  readonly branch: BranchName;
}

/** Returns the remotes by name. */
export function listRemotes({config}: Repository): Remote[] {
  const remotes = Array.from(config.record('remotes'), ([name, url]) => ({name: remoteName(name), url}));
  return remotes.sort((a, b) => (a.name < b.name ? -1 : 1));
}

/** Returns a remote. Throws REMOTE_UNKNOWN with the nearest names. */
export function readRemote(repo: Repository, name: string): Remote {
  const remotes = listRemotes(repo);
  const found = remotes.find(remote => remote.name === name);
  if (found) return found;
  const nearest = nearestNames(
    name,
    remotes.map(remote => remote.name),
  );
  throw new DbosError('REMOTE_UNKNOWN', `There is no remote '${name}'.`, {
    hint: /[/:]/.test(name)
      ? 'Give a URL a name with `dbos remote add NAME URL`; `dbos fetch` and `dbos pull` take it as it is.'
      : (didYouMean(nearest) ?? 'See `dbos remote ls`, or add it with `dbos remote add NAME URL`.'),
    data: {remote: name, nearest},
  });
}

/** Returns the remote of what HEAD's branch follows, else `origin`. Throws REMOTE_UNKNOWN. */
export function currentRemote(repo: Repository): Remote {
  const {branch} = repo.head();
  const upstream = branch === undefined ? undefined : findUpstream(repo, branch);
  return readRemote(repo, upstream?.remote ?? ORIGIN);
}

/** Writes a new remote. Throws REF_NAME_INVALID, REMOTE_EXISTS or REMOTE_URL_SECRET. */
export function addRemote(repo: Repository, name: string, url: string): Remote {
  checkUrlSecret(url);
  const remotes = repo.config.record('remotes');
  const remote = {name: newName(repo, name), url};
  repo.config.setRecord('remotes', new Map(remotes).set(name, url));
  return remote;
}

/** Returns a text as the name of a new remote. Throws REF_NAME_INVALID or REMOTE_EXISTS. */
function newName({config}: Repository, text: string): RemoteName {
  const name = remoteName(text);
  if (name === FETCH_HEAD) {
    throw new DbosError('REF_NAME_INVALID', `${FETCH_HEAD} cannot name a remote: it is what was fetched from a URL.`, {
      hint: 'Choose another name.',
      data: {name},
    });
  }
  if (config.record('remotes').has(name)) throw remoteExists(name);
  return name;
}

/** Writes another URL for a remote. Throws REMOTE_UNKNOWN or REMOTE_URL_SECRET. */
export function setRemoteUrl(repo: Repository, name: string, url: string): Remote {
  checkUrlSecret(url);
  const remote = {...readRemote(repo, name), url};
  repo.config.setRecord('remotes', new Map(repo.config.record('remotes')).set(name, url));
  return remote;
}

/**
 * Writes that a remote has another name, in one operation: what is known of its branches moves along, and branches that follow it go on
 * to. Whoever is killed before the settings are written runs it again. Throws REMOTE_UNKNOWN, REMOTE_EXISTS, REF_NAME_INVALID.
 */
export async function renameRemote(repo: Repository, from: string, to: string): Promise<Remote> {
  const remote = readRemote(repo, from);
  const name = newName(repo, to);
  const refs: RefEdit[] = [];
  const moved = new Set<RefName>();
  for (const {ref, branch, id} of remoteRefs(repo, remote.name)) {
    const next = remoteRef(name, branch);
    moved.add(next);
    refs.push({name: ref, expected: {kind: 'equals', id}, next: null}, {name: next, expected: {kind: 'any'}, next: id});
  }
  // left by a remote that had the name before; if nothing moves, by this rename itself, which broke off
  for (const {ref} of moved.size > 0 ? remoteRefs(repo, name) : []) {
    if (!moved.has(ref)) refs.push({name: ref, expected: {kind: 'any'}, next: null});
  }
  const remoteRenames = [{from: remote.name, to: name}];
  await repo.begin().publish({kind: 'normal', description: `rename remote ${from} to ${to}`, refs, remoteRenames});
  return {name, url: remote.url};
}

/** Writes that a remote is gone, with what is known of its branches. Throws REMOTE_UNKNOWN. */
export async function removeRemote(repo: Repository, name: string): Promise<Remote> {
  const remote = readRemote(repo, name);
  const refs = [...remoteRefs(repo, remote.name)].map(({ref, id}) => {
    return {name: ref, expected: {kind: 'equals', id} as const, next: null};
  });
  if (refs.length > 0) await repo.begin().publish({kind: 'normal', description: `remove remote ${name}`, refs});
  const {config} = repo;
  config.setRecord(
    'upstreams',
    new Map([...config.record('upstreams')].filter(([, to]) => !to.startsWith(`${name}/`))),
  );
  config.setRecord('remotes', new Map([...config.record('remotes')].filter(([each]) => each !== name)));
  return remote;
}

/** Yields what the branches of a remote held when they were last looked at. */
export function* remoteRefs(
  repo: Repository,
  remote: RemoteName,
): Generator<{readonly ref: RefName; readonly branch: BranchName; readonly id: Repository['operation']['id']}> {
  const folder = `${REMOTES}${remote}/`;
  for (const {name, id} of listRefs(repo.objects, repo.view.refs, folder)) {
    yield {ref: name, branch: branchName(name.slice(folder.length)), id};
  }
}

/** Returns what a branch follows, or undefined. */
export function findUpstream({config}: Repository, branch: BranchName): Upstream | undefined {
  const text = config.record('upstreams').get(branch);
  const slash = text?.indexOf('/') ?? -1;
  if (text === undefined || slash < 0) return undefined;
  return {remote: remoteName(text.slice(0, slash)), branch: branchName(text.slice(slash + 1))};
}

/** Writes what a branch follows. */
export function setUpstream({config}: Repository, branch: BranchName, {remote, branch: theirs}: Upstream): void {
  config.setRecord('upstreams', new Map(config.record('upstreams')).set(branch, `${remote}/${theirs}`));
}

/** Writes that branches follow nothing; each may be one that is gone. */
export function removeUpstreams({config}: Repository, branches: readonly string[]): void {
  const upstreams = new Map(config.record('upstreams'));
  const size = upstreams.size;
  for (const name of branches) upstreams.delete(name);
  if (upstreams.size < size) config.setRecord('upstreams', upstreams);
}

/** Returns the branch of a remote that a text like `origin/main` names, or undefined if none was seen under that name. */
export function upstreamNamed(repo: Repository, text: string): Upstream | undefined {
  if (findRef(repo.objects, repo.view.refs, `${REMOTES}${text}` as RefName) === undefined) return undefined;
  const remote = listRemotes(repo).find(({name}) => text.startsWith(`${name}/`))?.name;
  return remote && {remote, branch: branchName(text.slice(remote.length + 1))};
}

/** Returns the branch of a remote that a text names. Throws REMOTE_REF_UNKNOWN. */
export function readUpstream(repo: Repository, text: string): Upstream {
  const found = upstreamNamed(repo, text);
  if (found !== undefined) return found;
  const known = listRemotes(repo).flatMap(({name}) =>
    Array.from(remoteRefs(repo, name), ({branch}) => `${name}/${branch}`),
  );
  const nearest = nearestNames(text, known);
  throw new DbosError('REMOTE_REF_UNKNOWN', `No branch of a remote was seen as '${text}'.`, {
    hint: didYouMean(nearest) ?? 'Say REMOTE/BRANCH, as `dbos branch -r` has them; `dbos fetch` looks for new ones.',
    data: {name: text, nearest},
  });
}

/**
 * Lets a new branch follow the branch of a remote that the revision is, at which it starts; else nothing, whatever one of its
 * name followed before. Returns the name of what it follows, or undefined.
 */
export function followStart(repo: Repository, branch: string, revision: string): string | undefined {
  const {objects, view} = repo;
  const upstream = upstreamNamed(repo, revision);
  // a branch here or a tag of that name is what the revision means
  const hidden = [branchRef(revision as BranchName), `${TAGS}${revision}` as RefName];
  if (upstream === undefined || hidden.some(name => findRef(objects, view.refs, name) !== undefined)) {
    removeUpstreams(repo, [branch]);
    return undefined;
  }
  setUpstream(repo, branch as BranchName, upstream);
  return revision;
}

/** Returns the branches of that name that remotes had when they were last looked at, as `origin/main`. */
export function upstreamsLike(repo: Repository, branch: string): string[] {
  const names = listRemotes(repo).map(({name}) => `${name}/${branch}`);
  return names.filter(name => upstreamNamed(repo, name) !== undefined);
}

/** Returns what the upstream of a branch held when it was last looked at, with its ref; undefined if nothing is known. */
export function upstreamTip(repo: Repository, {remote, branch}: Upstream) {
  const ref = remoteRef(remote, branch);
  const id = findRef(repo.objects, repo.view.refs, ref);
  return id && {ref, id};
}
