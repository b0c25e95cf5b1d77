/**
 * One commit by itself: what it changed is taken back, or done here too, whatever has come since. Layer: worktree.
 */
import {DbosError} from '../errors.js';
import {type ObjectId, shortId} from '../objects/id.js';
import type {Commit} from '../repo/commit.js';
import type {Repository} from '../repo/repository.js';
import {DEEPEN_HINT, isShallow, readHeldCommit} from '../repo/shallow.js';
import {transactionConflict} from '../sql/merge/transaction-conflict.js';
import {commitMerge, type MergeCommitOptions, type MergedCommit, settlingHint, statesOf} from './merge-commit.js';

export interface PickOptions extends MergeCommitOptions {
  /** Against which parent a commit with several is seen, from 1. */
  readonly parent?: number | undefined;
  /** The message of the new commit; else it is that of the old one, or says what is taken back. */
  readonly message?: string | undefined;
}

/**
 * Commits that what a commit changed is as it was before it. Returns undefined if there is nothing to take back. Throws
 * PARENT_AMBIGUOUS, REVISION_UNKNOWN, TRANSACTION_CONFLICT with `data.conflicts`, and as `publishAndFollow`; then nothing has moved.
 */
export async function revertCommit(
  repo: Repository,
  id: ObjectId,
  options: PickOptions = {},
): Promise<MergedCommit | undefined> {
  const {commit, parent} = changeOf(repo, id, options.parent);
  const [subject = ''] = commit.message.split('\n', 1);
  const message = options.message ?? `Revert "${subject}"\n\nThis takes back commit ${shortId(id)}.`;
  return apply(repo, {base: id, theirs: parent}, {message, cause: 'revert'}, `Taking back ${shortId(id)}`, options);
}

/**
 * Commits what another commit changed, with its author and message. Returns undefined if all of it is here. Throws as
 * `revertCommit`.
 */
export async function pickCommit(
  repo: Repository,
  id: ObjectId,
  options: PickOptions = {},
): Promise<MergedCommit | undefined> {
  const {commit, parent} = changeOf(repo, id, options.parent);
  const {author, message} = commit;
  const content = {author, message: options.message ?? message, cause: 'cherry-pick'};
  return apply(repo, {base: parent, theirs: id}, content, `What ${shortId(id)} changed`, options);
}

function apply(
  repo: Repository,
  commits: {readonly base: ObjectId | undefined; readonly theirs: ObjectId | undefined},
  content: Pick<Commit, 'message' | 'cause'> & Partial<Pick<Commit, 'author'>>,
  what: string,
  options: MergeCommitOptions,
): Promise<MergedCommit | undefined> {
  const {commit: ours, branch = 'HEAD'} = repo.head();
  const [subject = ''] = content.message.split('\n', 1);
  return commitMerge(
    repo,
    {
      states: statesOf({...commits, ours}),
      content: {...content, parents: ours === undefined ? [] : [ours]},
      description: `${content.cause}: ${subject}`,
      refusal: conflicts => transactionConflict(what, branch, conflicts, settlingHint(conflicts)),
    },
    options,
  );
}

/** Returns a commit, and the one that its change is seen against: undefined for a first one. */
function changeOf(
  repo: Repository,
  id: ObjectId,
  number: number | undefined,
): {readonly commit: Commit; readonly parent: ObjectId | undefined} {
  const commit = readHeldCommit(repo, id);
  const {parents} = commit;
  if (isShallow(commit)) {
    throw new DbosError('REVISION_UNKNOWN', `What ${shortId(id)} changed is not in this shallow store.`, {
      hint: DEEPEN_HINT,
    });
  }
  if (number === undefined && parents.length > 1) {
    throw new DbosError('PARENT_AMBIGUOUS', `${shortId(id)} is a merge of ${parents.length} commits.`, {
      hint: 'Say with --parent N against which it is seen: 1 is the branch that it was merged into.',
      data: {id: shortId(id), parents: parents.length},
    });
  }
  if (number !== undefined && !(number >= 1 && number <= parents.length)) {
    throw new DbosError('REVISION_UNKNOWN', `${shortId(id)} has no parent ${number}.`, {
      hint: `\`dbos show ${shortId(id)}\` shows its parents.`,
    });
  }
  return {commit, parent: parents[(number ?? 1) - 1]};
}
