/**
 * Switches to a branch: HEAD and the work tree. Layer: worktree.
 */
import type {ObjectId} from '../objects/id.js';
import {branchExists, findBranch, readBranch} from '../repo/branches.js';
import {type BranchName, branchName, branchRef} from '../repo/refs.js';
import type {Repository} from '../repo/repository.js';
import type {Publication} from '../repo/transaction.js';
import type {Head} from '../repo/view.js';
import {type HeadMove, publishAndFollow} from './follow.js';
import type {MoveWorkOptions} from './move.js';

export interface SwitchOptions extends MoveWorkOptions {
  /** Make the branch, at `start` or else at HEAD. */
  readonly create?: boolean;
  /** A commit. */
  readonly start?: ObjectId | undefined;
}

export interface SwitchResult {
  readonly branch: BranchName;
  /** Undefined for a branch without commits. */
  readonly commit: ObjectId | undefined;
  readonly previous: Head;
  /** Undefined if HEAD was on the branch already. */
  readonly move: HeadMove | undefined;
}

/** Switches to a branch. Throws BRANCH_UNKNOWN, BRANCH_EXISTS (to create), REF_NAME_INVALID, and as `publishAndFollow`. */
export async function switchBranch(repo: Repository, name: string, options: SwitchOptions = {}): Promise<SwitchResult> {
  const previous = repo.head();
  const branch = branchName(name);
  if (options.create) {
    if (findBranch(repo, name) !== undefined || previous.branch === branch) throw branchExists(name);
    const commit = options.start ?? previous.commit;
    const publication: Publication = {
      kind: 'normal',
      description: `switch to new branch ${name}`,
      head: {branch},
      ...(commit !== undefined && {refs: [{name: branchRef(branch), expected: {kind: 'absent'}, next: commit}]}),
    };
    return {branch, commit, previous, move: await publishAndFollow(repo, publication, options)};
  }
  if (previous.branch === branch) return {branch, commit: previous.commit, previous, move: undefined};
  const {id: commit} = readBranch(repo, name);
  const publication: Publication = {kind: 'normal', description: `switch to ${name}`, head: {branch}};
  return {branch, commit, previous, move: await publishAndFollow(repo, publication, options)};
}
