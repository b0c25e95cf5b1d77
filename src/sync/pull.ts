/**
 * Brings HEAD's branch up to what its upstream holds: forward, or by a merge commit where both have gone on. The work tree
 * follows, or nothing moves. Layer: sync.
 */
import {DbosError} from '../errors.js';
import type {ObjectId} from '../objects/id.js';
import {headEdit} from '../repo/headmove.js';
import {isAncestor, mergeBases} from '../repo/history.js';
import type {BranchName} from '../repo/refs.js';
import type {Repository} from '../repo/repository.js';
import {DEEPEN_HINT} from '../repo/shallow.js';
import {transactionConflict} from '../sql/merge/transaction-conflict.js';
import type {MergeConflict} from '../state/conflict.js';
import {type HeadMove, publishAndFollow} from '../worktree/follow.js';
import {
  commitMerge,
  type MergeCommitOptions,
  type MergedCommit,
  settlingHint,
  statesOf,
} from '../worktree/merge-commit.js';
import {type Upstream, upstreamTip} from './remotes.js';

export interface PullOptions extends MergeCommitOptions {
  /** Only move forward. */
  readonly ffOnly?: boolean;
  /** What it is called in the log of operations; `pull` unless given. */
  readonly verb?: 'pull' | 'merge';
}

/** Returns what to do about conflicts with what has a name. */
function settling(name: string, conflicts: readonly MergeConflict[]): string {
  const both = /\s/.test(name) ? '' : ` \`dbos diff HEAD ${name}\` shows the two.`;
  return `${settlingHint(conflicts)}${both}`;
}

export interface Pulled {
  readonly kind: 'up-to-date' | 'fast-forward' | 'merge';
  readonly branch: BranchName;
  /** Undefined for a branch that had no commits. */
  readonly before: ObjectId | undefined;
  readonly commit: ObjectId;
  /** Undefined if nothing moved. */
  readonly move: HeadMove | undefined;
  /** What was in conflict, where the preferred side was taken. */
  readonly settled: readonly MergeConflict[];
}

/**
 * Brings what was last fetched of an upstream into HEAD's branch. Throws REMOTE_REF_UNKNOWN, and as `bringInCommit`; then
 * nothing has moved.
 */
export async function bringIn(repo: Repository, upstream: Upstream, options: PullOptions = {}): Promise<Pulled> {
  const theirs = upstreamTip(repo, upstream)?.id;
  if (theirs === undefined) {
    throw new DbosError('REMOTE_REF_UNKNOWN', `${upstream.remote} has no branch '${upstream.branch}'.`, {
      hint: `See what it has with \`dbos remote show ${upstream.remote}\`.`,
      data: {remote: upstream.remote, branch: upstream.branch},
    });
  }
  return bringInCommit(repo, theirs, `${upstream.remote}/${upstream.branch}`, options);
}

/**
 * Brings a commit into HEAD's branch; `name` says where it comes from. Both sides may have made the same change. Throws
 * UPSTREAM_MISSING if HEAD is on no branch, TRANSACTION_CONFLICT with `data.conflicts`, NOT_FAST_FORWARD, HISTORY_UNRELATED, and as
 * `publishAndFollow`; then nothing has moved.
 */
export async function bringInCommit(
  repo: Repository,
  theirs: ObjectId,
  name: string,
  options: PullOptions = {},
): Promise<Pulled> {
  const head = repo.head();
  const {commit: ours} = head;
  const branch = currentBranch(repo);
  const {verb = 'pull'} = options;
  if (ours !== undefined && isAncestor(repo, theirs, ours)) {
    return {kind: 'up-to-date', branch, before: ours, commit: ours, move: undefined, settled: []};
  }
  if (ours === undefined || isAncestor(repo, ours, theirs)) {
    const description = `${verb} ${name}: fast-forward`;
    const move = await publishAndFollow(repo, {kind: 'normal', description, ...headEdit(head, theirs)}, options);
    return {kind: 'fast-forward', branch, before: ours, commit: theirs, move, settled: []};
  }
  if (options.ffOnly) {
    throw new DbosError('NOT_FAST_FORWARD', `'${branch}' has commits that '${name}' does not have.`, {
      hint: 'Merge the two: leave out --ff-only.',
      data: {branch, upstream: name},
    });
  }
  const [base] = mergeBases(repo, ours, theirs);
  if (base === undefined) {
    throw new DbosError('HISTORY_UNRELATED', `'${branch}' and '${name}' have no common ancestor.`, {
      hint: repo.shallow.size > 0 ? DEEPEN_HINT : 'They are the histories of two different stores.',
    });
  }
  const merged = await commitMerge(
    repo,
    {
      states: statesOf({base, ours, theirs}),
      content: {parents: [ours, theirs], message: `Merge ${name} into ${branch}`, cause: verb},
      description: `${verb} ${name}: merge`,
      refusal: conflicts => transactionConflict(`'${branch}'`, name, conflicts, settling(name, conflicts)),
    },
    options,
  );
  return {kind: 'merge', branch, before: ours, ...(merged as MergedCommit)};
}

/** Returns the branch that HEAD is on. Throws UPSTREAM_MISSING. */
export function currentBranch(repo: Repository): BranchName {
  const {branch} = repo.head();
  if (branch !== undefined) return branch;
  throw new DbosError('UPSTREAM_MISSING', 'HEAD is on no branch that could be brought up to date.', {
    hint: 'Switch to a branch first.',
  });
}
