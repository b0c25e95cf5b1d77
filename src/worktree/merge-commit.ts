/**
 * Merges a change into what HEAD has, as one commit: the work tree follows, or nothing moves. Layer: worktree.
 */
import type {DbosError} from '../errors.js';
import type {ObjectId} from '../objects/id.js';
import type {ObjectSink} from '../objects/store.js';
import {type CommitContent, readCommit, writeCommit} from '../repo/commit.js';
import {headEdit} from '../repo/headmove.js';
import type {Repository} from '../repo/repository.js';
import {signatureNow} from '../repo/signature.js';
import {merge} from '../sql/merge/merge.js';
import {type Preferences, sideFor} from '../sql/merge/preference.js';
import type {MergeConflict} from '../state/conflict.js';
import {textMerge} from '../state/textmerge.js';
import type {Versions} from '../tree/merge.js';
import {type HeadMove, publishAndFollow} from './follow.js';
import type {MoveWorkOptions} from './move.js';

export interface MergeCommitOptions extends MoveWorkOptions, Preferences {}

export interface MergeRequest {
  /** Returns the states: `ours` is HEAD's; undefined is the one without tables. */
  readonly states: (objects: ObjectSink) => Versions<ObjectId | undefined>;
  /** What the commit is, besides its state; author and committer are whoever does it unless given. */
  readonly content: Pick<CommitContent, 'parents' | 'message' | 'cause'> & Partial<Pick<CommitContent, 'author'>>;
  /** What the log of operations says. */
  readonly description: string;
  /** Returns the error for conflicts. */
  readonly refusal: (conflicts: readonly MergeConflict[]) => DbosError;
}

export interface MergedCommit {
  readonly commit: ObjectId;
  readonly move: HeadMove;
  /** What was in conflict, where the preferred side was taken. */
  readonly settled: readonly MergeConflict[];
}

/** Returns what to do about conflicts. */
export function settlingHint(conflicts: readonly MergeConflict[]): string {
  return conflicts.every(({kind}) => kind === 'rule')
    ? 'Nothing has moved. Change one side so that both can be true, commit, and do it again.'
    : 'Nothing has moved. Take one side with --prefer ours or --prefer theirs, or --ours PLACE and --theirs PLACE for a path or a table.';
}

/** Returns the states of commits, for a request. */
export function statesOf({base, ours, theirs}: Versions<ObjectId | undefined>): MergeRequest['states'] {
  return objects => {
    const stateOf = (commit: ObjectId | undefined) => commit && readCommit(objects, commit).state;
    return {base: stateOf(base), ours: stateOf(ours), theirs: stateOf(theirs)};
  };
}

/**
 * Commits the merged state on HEAD. Returns undefined, and nothing has moved, if it is what HEAD has and the commit would be no
 * merge. Throws the refusal, and as `publishAndFollow`; then nothing has moved either.
 */
export async function commitMerge(
  repo: Repository,
  {states: statesIn, content, description, refusal}: MergeRequest,
  options: MergeCommitOptions,
): Promise<MergedCommit | undefined> {
  const head = repo.head();
  const mergeText = await textMerge();
  const transaction = repo.begin();
  try {
    const {objects} = transaction;
    const states = statesIn(objects);
    const merged = merge(objects, states, {...repo.context, prefer: sideFor(options), mergeText});
    const {state, conflicts, settled} = merged;
    if (conflicts.length > 0) throw refusal(conflicts);
    if (state === states.ours && content.parents.length < 2) return undefined;
    const committer = signatureNow(repo.context);
    const commit = writeCommit(objects, {author: committer, ...content, committer, state});
    const publication = {kind: 'normal', description, ...headEdit(head, commit)} as const;
    const move = await publishAndFollow(repo, publication, {...options, transaction});
    return {commit, move, settled};
  } finally {
    transaction.discard();
  }
}
