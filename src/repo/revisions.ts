/**
 * Revisions: the ways to name a commit. In this order a text is a ref (a branch before a tag before a remote's branch), an id or the start of one,
 * or a time, which means what the current branch held then; after it `~N`, `^N` and `@{…}` may follow. Layer: repo.
 */
import {DbosError} from '../errors.js';
import type {ObjectId} from '../objects/id.js';
import {mergeBases} from './history.js';
import {didYouMean, nearestNames} from './nearest.js';
import {ambiguous, findByPrefix} from './prefix.js';
import {firstChange, refAt, refHistory} from './refhistory.js';
import {
  BRANCHES,
  branchRef,
  FETCH_HEAD,
  findRef,
  findRefName,
  HEAD,
  type IndexedName,
  listRefs,
  REMOTES,
  type Ref,
  type RefName,
  shortName,
  TAGS,
} from './refs.js';
import type {Repository} from './repository.js';
import {DEEPEN_HINT, isShallow, readHeldCommit} from './shallow.js';
import {peel} from './tag.js';
import {formatTime, looksLikeTime, parseTime} from './time.js';

export {refAt, refHistory} from './refhistory.js';
export {parseTime} from './time.js';

/** What a text turned out to be: an `expression` is anything with `~`, `^` or `@{…}` after it. */
export type RevisionKind = 'branch' | 'tag' | 'remote' | 'id' | 'head' | 'expression' | 'time';

export interface Resolved {
  readonly commit: ObjectId;
  readonly kind: RevisionKind;
  /** The branch, tag or remote's branch, if the text is just that. */
  readonly ref?: RefName;
}

/**
 * Returns the commit that a text names. Throws REVISION_UNKNOWN with the nearest names in `data.nearest`, REVISION_AMBIGUOUS
 * with `data.candidates`, REVISION_INVALID for a malformed text, NO_COMMITS for a HEAD without commits.
 */
export async function resolveRevision(
  repo: Repository,
  text: string,
  {now = repo.context.now()}: {readonly now?: number} = {},
): Promise<Resolved> {
  const {base, suffixes} = split(text);
  const [first, ...rest] = suffixes;
  if (first?.kind !== 'past') {
    const start = await resolveBase(repo, base, text, now);
    if (suffixes.length === 0) return start;
    return {commit: applySteps(repo, start.commit, base, suffixes), kind: 'expression'};
  }
  const name = await namedPast(repo, base, text);
  const start = peel(repo.objects, await lookBack(repo, name, first.text, text, now)).id;
  return {commit: applySteps(repo, start, `${base}@{${first.text}}`, rest), kind: 'expression'};
}

/** Of several that are meant, a hint names so many. */
const MAX_NAMED = 5;

export interface RevisionRange {
  readonly include: readonly ObjectId[];
  readonly exclude: readonly ObjectId[];
}

/**
 * Returns what a range means for a walk: `A..B` is what B has and A has not, `A...B` what only one of them has, and a
 * single revision is it with all its ancestors. A side left out is HEAD. Throws as `resolveRevision`.
 */
export async function resolveRange(
  repo: Repository,
  text: string,
  options: {readonly now?: number} = {},
): Promise<RevisionRange> {
  const dots = text.indexOf('..');
  if (dots < 0) return {include: [(await resolveRevision(repo, text, options)).commit], exclude: []};
  const both = text.startsWith('...', dots);
  const left = text.slice(0, dots);
  const right = text.slice(dots + (both ? 3 : 2));
  if (right.includes('..')) throw malformed(text, "it has '..' twice");
  const a = (await resolveRevision(repo, left || HEAD, options)).commit;
  const b = (await resolveRevision(repo, right || HEAD, options)).commit;
  return both ? {include: [a, b], exclude: mergeBases(repo, a, b)} : {include: [b], exclude: [a]};
}

type Step = {readonly kind: 'ancestor' | 'parent'; readonly count: number};
type Suffix = Step | {readonly kind: 'past'; readonly text: string};

const SUFFIX = /~(\d*)|\^(\d*)|@\{([^{}]*)\}/y;

function split(text: string): {base: string; suffixes: Suffix[]} {
  const end = text.search(/[~^]|@\{/);
  if (end < 0) return {base: text, suffixes: []};
  const suffixes: Suffix[] = [];
  let at = end;
  while (at < text.length) {
    SUFFIX.lastIndex = at;
    const match = SUFFIX.exec(text);
    if (match === null) throw malformed(text, `'${text.slice(at)}' cannot follow a revision`);
    const [whole, ancestor, parent, past] = match;
    if (past !== undefined) suffixes.push({kind: 'past', text: past.trim()});
    else if (ancestor !== undefined) suffixes.push({kind: 'ancestor', count: ancestor === '' ? 1 : Number(ancestor)});
    else suffixes.push({kind: 'parent', count: parent === '' ? 1 : Number(parent)});
    at += whole.length;
  }
  return {base: text.slice(0, end), suffixes};
}

function malformed(text: string, why: string): DbosError {
  return new DbosError('REVISION_INVALID', `'${text}' is not a revision: ${why}.`, {
    hint: 'Write a branch, a tag, an id or a time, then any of ~N, ^N and @{N}; A..B is a range.',
    data: {revision: text},
  });
}

async function resolveBase(repo: Repository, base: string, text: string, now: number): Promise<Resolved> {
  if (base === '') throw malformed(text, 'it is empty');
  if (base === HEAD || base === '@') return {commit: headCommit(repo), kind: 'head'};
  const {objects, view} = repo;
  for (const ref of refsNamed(base)) {
    const id = findRef(objects, view.refs, ref);
    if (id === undefined) continue;
    return {commit: peel(objects, id).id, kind: kindOfRef(ref), ref};
  }
  if (base === FETCH_HEAD) {
    const {name: ref, id} = fetchHead(repo);
    return {commit: id, kind: 'remote', ref};
  }
  const found = await findByPrefix(repo.storage, base, ['commit']);
  if (found.length > 1) throw ambiguous(base, 'commits', found);
  if (found[0] !== undefined) return {commit: found[0], kind: 'id'};
  if (looksLikeTime(base)) {
    const time = await parseTime(base, now, repo.context.zone).catch(error => {
      if (error instanceof DbosError) return undefined;
      throw error;
    });
    if (time !== undefined) return {commit: await pastCommit(repo, time), kind: 'time'};
  }
  throw unknownRevision(repo, base);
}

/** Returns what was fetched last from a URL. Throws REVISION_UNKNOWN if nothing was, REVISION_AMBIGUOUS if it was more than one branch. */
function fetchHead({objects, view}: Repository): Ref {
  const [found, ...more] = listRefs(objects, view.refs, `${REMOTES}${FETCH_HEAD}/`);
  if (found === undefined) {
    throw new DbosError('REVISION_UNKNOWN', 'FETCH_HEAD is nothing: no branch was fetched from a URL.', {
      hint: 'Fetch one with `dbos fetch URL BRANCH`; those of a remote are REMOTE/BRANCH.',
      data: {revision: FETCH_HEAD},
    });
  }
  if (more.length === 0) return found;
  const names = [found, ...more].map(({name}) => shortName(name));
  throw new DbosError('REVISION_AMBIGUOUS', `FETCH_HEAD is ${names.length} branches, which were fetched together.`, {
    hint: `Name one of them: ${names.slice(0, MAX_NAMED).join(', ')}${names.length > MAX_NAMED ? ', …' : ''}.`,
    data: {text: FETCH_HEAD, candidates: names},
  });
}

function kindOfRef(ref: RefName): 'branch' | 'tag' | 'remote' {
  return ref.startsWith(TAGS) ? 'tag' : ref.startsWith(REMOTES) ? 'remote' : 'branch';
}

/** Returns the refs that a name may mean, the likeliest first. */
function refsNamed(name: string): RefName[] {
  const full = [BRANCHES, TAGS, REMOTES].some(folder => name.startsWith(folder)) ? [name] : [];
  return [`${BRANCHES}${name}`, `${TAGS}${name}`, `${REMOTES}${name}`, ...full]
    .map(findRefName)
    .filter(ref => ref !== undefined);
}

function headCommit(repo: Repository): ObjectId {
  const {branch, commit} = repo.head();
  if (commit !== undefined) return commit;
  throw new DbosError('NO_COMMITS', `The branch '${branch}' has no commits yet.`, {
    hint: 'Make the first one with `dbos commit -m MESSAGE`.',
    data: {branch},
  });
}

/** Returns the ref whose past `@{…}` asks for: the one named, also if it is deleted by now; else the current branch. */
async function namedPast(repo: Repository, base: string, text: string): Promise<IndexedName> {
  if (base === HEAD || base === '@') return HEAD;
  if (base === '') return currentName(repo);
  const refs = refsNamed(base);
  const {objects, view} = repo;
  const existing = refs.find(ref => findRef(objects, view.refs, ref) !== undefined);
  if (existing !== undefined) return existing;
  for (const ref of refs) if ((await firstChange(repo, ref)) !== undefined) return ref;
  if (base === FETCH_HEAD) return fetchHead(repo).name;
  if ((await findByPrefix(repo.storage, base, ['commit'])).length > 0) {
    throw malformed(text, '@{…} asks for the past of a branch, and a commit has none');
  }
  throw unknownRevision(repo, base);
}

/** Returns what has the past that a time alone asks for: the current branch, or HEAD if it is detached. */
function currentName(repo: Repository): IndexedName {
  const {head} = repo.view;
  return 'branch' in head ? branchRef(head.branch) : HEAD;
}

async function pastCommit(repo: Repository, time: number): Promise<ObjectId> {
  return peel(repo.objects, await valueAt(repo, currentName(repo), time)).id;
}

async function lookBack(
  repo: Repository,
  name: IndexedName,
  past: string,
  text: string,
  now: number,
): Promise<ObjectId> {
  if (!/^\d{1,9}$/.test(past)) {
    if (past === '') throw malformed(text, '@{} is empty');
    return valueAt(repo, name, await parseTime(past, now, repo.context.zone));
  }
  let left = Number(past);
  let values = 0;
  for await (const {id} of refHistory(repo, name)) {
    if (id === null) continue;
    values++;
    if (left-- === 0) return id;
  }
  const count = values === 1 ? 'one value' : `${values} values`;
  throw new DbosError('REVISION_UNKNOWN', `'${text}' does not exist: ${describe(name)} has had only ${count} so far.`, {
    hint: 'See `dbos op log` for when it moved.',
    data: {revision: text},
  });
}

/** Returns what a ref held at a time. Throws REVISION_UNKNOWN if it did not exist then. */
async function valueAt(repo: Repository, name: IndexedName, time: number): Promise<ObjectId> {
  const entry = await refAt(repo, name, time);
  if (entry?.id != null) return entry.id;
  const {zone} = repo.context;
  const when = formatTime(time, zone(time));
  // HEAD begins with the store, but has a commit only from the first one on
  let began: number | undefined;
  for await (const change of refHistory(repo, name)) if (change.id !== null) began = change.time;
  const since =
    began === undefined
      ? 'it has no commits yet'
      : began > time
        ? `it began at ${formatTime(began, zone(began))}`
        : `it was deleted at ${formatTime(entry?.time ?? began, zone(entry?.time ?? began))}`;
  throw new DbosError('REVISION_UNKNOWN', `${describe(name)} had no commit at ${when}: ${since}.`, {
    hint: 'Name a later time, or see `dbos op log` for what happened when.',
    data: {
      ref: name,
      time: new Date(time).toISOString(),
      began: began === undefined ? null : new Date(began).toISOString(),
    },
  });
}

function describe(name: IndexedName): string {
  if (name === HEAD) return 'HEAD';
  return `${name.startsWith(TAGS) ? 'The tag' : 'The branch'} '${shortName(name)}'`;
}

function applySteps(repo: Repository, start: ObjectId, base: string, suffixes: readonly Suffix[]): ObjectId {
  let id = start;
  let name = base;
  for (const suffix of suffixes) {
    if (suffix.kind === 'past')
      throw malformed(`${name}@{${suffix.text}}`, '@{…} must come first, after the name of a ref');
    if (suffix.kind === 'ancestor') id = ancestorOf(repo, id, suffix.count, name);
    else id = parentOf(repo, id, suffix.count, name);
    name += `${suffix.kind === 'ancestor' ? '~' : '^'}${suffix.count === 1 ? '' : suffix.count}`;
  }
  return id;
}

function ancestorOf(repo: Repository, start: ObjectId, count: number, name: string): ObjectId {
  let id = start;
  for (let i = 0; i < count; i++) {
    const commit = readHeldCommit(repo, id);
    const [parent] = commit.parents;
    if (parent === undefined) {
      const before = `only ${i} ${i === 1 ? 'commit comes' : 'commits come'} before`;
      if (isShallow(commit)) {
        throw beyondShallow(`${name}~${count}`, i === 0 ? `its history begins with '${name}'` : `${before} '${name}'`);
      }
      const depth = i === 0 ? 'it is the first commit' : `${before} it`;
      throw noSuchCommit(`${name}~${count}`, `'${name}' does not go back that far, ${depth}`);
    }
    id = parent;
  }
  return id;
}

function parentOf(repo: Repository, id: ObjectId, number: number, name: string): ObjectId {
  if (number === 0) return id;
  const commit = readHeldCommit(repo, id);
  const {parents} = commit;
  const parent = parents[number - 1];
  if (parent !== undefined) return parent;
  if (isShallow(commit)) throw beyondShallow(`${name}^${number}`, `its history begins with '${name}'`);
  const count = ['no parent', 'one parent'][parents.length] ?? `${parents.length} parents`;
  throw noSuchCommit(`${name}^${number}`, `'${name}' has ${count}`);
}

function noSuchCommit(text: string, why: string): DbosError {
  return new DbosError('REVISION_UNKNOWN', `'${text}' does not exist: ${why}.`, {
    hint: 'See `dbos log` for the commits.',
    data: {revision: text},
  });
}

function beyondShallow(text: string, why: string): DbosError {
  return new DbosError('REVISION_UNKNOWN', `'${text}' is not here: this store is shallow, and ${why}.`, {
    hint: DEEPEN_HINT,
    data: {revision: text, shallow: true},
  });
}

function unknownRevision(repo: Repository, text: string): DbosError {
  const remotes = [...listRefs(repo.objects, repo.view.refs, REMOTES)].map(({name}) => shortName(name));
  const names = function* () {
    yield HEAD;
    for (const {name} of listRefs(repo.objects, repo.view.refs)) yield shortName(name);
    yield* remotes;
  };
  const nearest = nearestNames(text, names());
  const there = remotes.find(name => name.slice(name.indexOf('/') + 1) === text);
  return new DbosError('REVISION_UNKNOWN', `'${text}' is no branch, tag, commit or time.`, {
    hint: there
      ? `Did you mean '${there}'? \`dbos switch ${text}\` makes it a branch here, too.`
      : (didYouMean(nearest) ?? 'See `dbos branch`, `dbos tag` and `dbos log` for what there is.'),
    data: {revision: text, nearest},
  });
}
