/**
 * Branches: refs that move with the commits made on them. Each change is one operation. Layer: repo.
 */
import {DbosError} from '../errors.js';
import {formatId, type ObjectId} from '../objects/id.js';
import {didYouMean, nearestNames} from './nearest.js';
import type {StoredOperation} from './operation.js';
import {reachedFrom} from './reach.js';
import {BRANCHES, type BranchName, branchName, branchRef, findRef, listRefs, shortName} from './refs.js';
import type {Repository} from './repository.js';

export interface Branch {
  readonly name: BranchName;
  readonly id: ObjectId;
  readonly current: boolean;
}

/** Yields the branches by name. A current branch without commits is not among them. */
export function* listBranches(repo: Repository): Generator<Branch> {
  const {branch} = repo.head();
  for (const {name, id} of listRefs(repo.objects, repo.view.refs, BRANCHES)) {
    const short = shortName(name) as BranchName;
    yield {name: short, id, current: short === branch};
  }
}

/** Returns the tip of a branch, or undefined if there is no such branch. Throws REF_NAME_INVALID. */
export function findBranch(
  repo: Repository,
  name: string,
): {readonly name: BranchName; readonly id: ObjectId} | undefined {
  const branch = branchName(name);
  const id = findRef(repo.objects, repo.view.refs, branchRef(branch));
  return id && {name: branch, id};
}

/** Returns the tip of a branch. Throws BRANCH_UNKNOWN with the nearest names. */
export function readBranch(repo: Repository, name: string): {readonly name: BranchName; readonly id: ObjectId} {
  const found = findBranch(repo, name);
  if (found) return found;
  const nearest = nearestNames(name, namesOf(repo));
  throw new DbosError('BRANCH_UNKNOWN', `There is no branch '${name}'.`, {
    hint: didYouMean(nearest) ?? 'See `dbos branch` for the branches.',
    data: {branch: name, nearest},
  });
}

function* namesOf(repo: Repository): Generator<string> {
  for (const {name} of listRefs(repo.objects, repo.view.refs, BRANCHES)) yield shortName(name);
}

/** Writes a new branch at a commit. Throws REF_NAME_INVALID or BRANCH_EXISTS. */
export async function createBranch(repo: Repository, name: string, commit: ObjectId): Promise<StoredOperation> {
  if (findBranch(repo, name)) throw branchExists(name);
  return repo.begin().publish({
    kind: 'normal',
    description: `create branch ${name}`,
    refs: [{name: branchRef(branchName(name)), expected: {kind: 'absent'}, next: commit}],
  });
}

/** Writes that a branch that HEAD is not on is at another commit. Throws BRANCH_UNKNOWN or BRANCH_CURRENT. */
export async function moveBranch(repo: Repository, name: string, commit: ObjectId): Promise<StoredOperation> {
  if (repo.head().branch === name)
    throw currentBranch(name, `Move it with \`dbos reset\`, which brings the files along.`);
  const {name: branch, id} = readBranch(repo, name);
  return repo.begin().publish({
    kind: 'normal',
    description: `move branch ${name}`,
    refs: [{name: branchRef(branch), expected: {kind: 'equals', id}, next: commit}],
  });
}

function currentBranch(name: string, hint: string): DbosError {
  return new DbosError('BRANCH_CURRENT', `The branch '${name}' is the current one.`, {hint, data: {branch: name}});
}

export function branchExists(name: string): DbosError {
  return new DbosError('BRANCH_EXISTS', `There is a branch '${name}' already.`, {
    hint: 'Choose another name, or delete it first with `dbos branch -d`.',
    data: {branch: name},
  });
}

/**
 * Writes that a branch is deleted. Throws BRANCH_UNKNOWN; BRANCH_CURRENT for the one that HEAD is on; BRANCH_UNMERGED,
 * unless `force` is set, if HEAD does not reach its tip.
 */
export function deleteBranch(repo: Repository, name: string, force: boolean): Promise<StoredOperation> {
  return deleteBranches(repo, [name], force);
}

/** Writes in one operation that branches are deleted: all of them, or none. Throws as `deleteBranch`. */
export async function deleteBranches(
  repo: Repository,
  names: readonly string[],
  force: boolean,
): Promise<StoredOperation> {
  const branches = [...new Set(names)].map(name => otherBranch(repo, name));
  if (!force) checkMerged(repo, branches);
  return repo.begin().publish({
    kind: 'normal',
    description: `delete ${branches.length === 1 ? 'branch' : 'branches'} ${branches.map(({name}) => name).join(', ')}`,
    refs: branches.map(({name, id}) => ({name: branchRef(name), expected: {kind: 'equals', id}, next: null})),
  });
}

/** Returns a branch that HEAD is not on. Throws BRANCH_UNKNOWN, BRANCH_CURRENT. */
function otherBranch(repo: Repository, name: string): Pick<Branch, 'name' | 'id'> {
  const branch = readBranch(repo, name);
  if (repo.head().branch === branch.name) throw currentBranch(name, 'Switch to another branch first.');
  return branch;
}

/** Throws BRANCH_UNMERGED for the first branch that HEAD does not reach. */
function checkMerged(repo: Repository, branches: readonly Pick<Branch, 'name' | 'id'>[]): void {
  const {commit} = repo.head();
  const tips = commit === undefined ? [] : [commit];
  const merged = reachedFrom(
    repo,
    branches.map(({id}) => id),
    tips,
  );
  const branch = branches.find(({id}) => !merged.has(id));
  if (branch === undefined) return;
  const {name, id} = branch;
  throw new DbosError('BRANCH_UNMERGED', `The branch '${name}' has commits that HEAD does not have.`, {
    hint: `Delete it all the same with \`dbos branch -D ${name}\`; \`dbos undo\` brings it back.`,
    data: {branch: name, id: formatId(id)},
  });
}

/**
 * Writes a branch under another name; HEAD follows, also on a branch without commits. Throws BRANCH_UNKNOWN,
 * BRANCH_EXISTS or REF_NAME_INVALID.
 */
export async function renameBranch(repo: Repository, from: string, to: string): Promise<StoredOperation> {
  const head = repo.head();
  const target = branchName(to);
  const current = head.branch === from;
  const unborn = current && head.commit === undefined;
  const source = unborn ? undefined : readBranch(repo, from);
  if (from !== to && findBranch(repo, to)) throw branchExists(to);
  return repo.begin().publish({
    kind: 'normal',
    description: `rename branch ${from} to ${to}`,
    ...(current ? {head: {branch: target}} : {}),
    refs:
      source === undefined || from === to
        ? []
        : [
            {name: branchRef(source.name), expected: {kind: 'equals', id: source.id}, next: null},
            {name: branchRef(target), expected: {kind: 'absent'}, next: source.id},
          ],
  });
}
