/**
 * Brings HEAD's branch up to what its upstream holds: forward, or by a merge commit where both have gone on. The work tree
 * follows, or nothing moves. Layer: sync.
 */
import {DbosError} from '../errors.js';
import type {ObjectId} from '../objects/id.js';
import {readCommit, writeCommit} from '../repo/commit.js';
import {headEdit} from '../repo/headmove.js';
import {isAncestor, mergeBases} from '../repo/history.js';
import type {BranchName} from '../repo/refs.js';
import type {Repository} from '../repo/repository.js';
import {DEEPEN_HINT} from '../repo/shallow.js';
import {signatureNow} from '../repo/signature.js';
import {merge} from '../sql/merge/merge.js';
import {type Preferences, sideFor} from '../sql/merge/preference.js';
import {transactionConflict} from '../sql/merge/transaction-conflict.js';
import type {MergeConflict} from '../state/conflict.js';
import {textMerge} from '../state/textmerge.js';
import {type HeadMove, publishAndFollow} from '../worktree/follow.js';
import type {MoveWorkOptions} from '../worktree/move.js';
import {type Upstream, upstreamTip} from './remotes.js';

export interface PullOptions extends MoveWorkOptions, Preferences {
  /** Only move forward. */
  readonly ffOnly?: boolean;
  /** What it is called in the log of operations; `pull` unless given. */
  readonly verb?: 'pull' | 'merge';
}

/** Returns what to do about conflicts with what has a name. */
function settling(name: string, conflicts: readonly MergeConflict[]): string {
  const both = /\s/.test(name) ? '' : ` \`dbos diff HEAD ${name}\` shows the two.`;
  const rules = conflicts.every(({kind}) => kind === 'rule');
  const how = rules
    ? 'Change one side so that both can be true, commit, and do it again.'
    : 'Take one side with --prefer ours or --prefer theirs, or --ours PLACE and --theirs PLACE for a path or a table.';
  return `Nothing has moved. ${how}${both}`;
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
  const transaction = repo.begin();
  try {
    const {objects} = transaction;
    const states = {
      base: readCommit(objects, base).state,
      ours: readCommit(objects, ours).state,
      theirs: readCommit(objects, theirs).state,
    };
    const rules = {...repo.context, prefer: sideFor(options), mergeText: await textMerge()};
    const {state, conflicts, settled} = merge(objects, states, rules);
    if (conflicts.length > 0) throw transactionConflict(`'${branch}'`, name, conflicts, settling(name, conflicts));
    const signature = signatureNow(repo.context);
    const message = `Merge ${name} into ${branch}`;
    const commit = writeCommit(objects, {
      state,
      parents: [ours, theirs],
      author: signature,
      committer: signature,
      message,
      cause: verb,
    });
    const publication = {kind: 'normal', description: `${verb} ${name}: merge`, ...headEdit(head, commit)} as const;
    const move = await publishAndFollow(repo, publication, {...options, transaction});
    return {kind: 'merge', branch, before: ours, commit, move, settled};
  } finally {
    transaction.discard();
  }
}

/** Returns the branch that HEAD is on. Throws UPSTREAM_MISSING. */
export function currentBranch(repo: Repository): BranchName {
  const {branch} = repo.head();
  if (branch !== undefined) return branch;
  throw new DbosError('UPSTREAM_MISSING', 'HEAD is on no branch that could be brought up to date.', {
    hint: 'Switch to a branch first.',
  });
}
