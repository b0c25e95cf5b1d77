/**
 * Checks out a commit that is no branch: HEAD is detached. Layer: worktree.
 */
import {type ObjectId, shortId} from '../objects/id.js';
import type {Repository} from '../repo/repository.js';
import type {Head} from '../repo/view.js';
import {type HeadMove, publishAndFollow} from './follow.js';
import type {MoveWorkOptions} from './move.js';

export interface DetachResult {
  readonly commit: ObjectId;
  /** Where HEAD was: the branch to return to. */
  readonly previous: Head;
  /** Undefined if HEAD was there already, on no branch. */
  readonly move: HeadMove | undefined;
}

/** Checks out a commit; `name` is how it was called, for the operation log. Throws as `publishAndFollow`. */
export async function checkoutCommit(
  repo: Repository,
  commit: ObjectId,
  name: string | undefined,
  options: MoveWorkOptions = {},
): Promise<DetachResult> {
  const previous = repo.head();
  if (previous.branch === undefined && previous.commit === commit) return {commit, previous, move: undefined};
  const shown = shortId(commit);
  const description = `check out ${name === undefined || name === shown ? shown : `${name} (${shown})`}`;
  // another commit is looked at, and none is made
  const publication = {kind: 'normal', description, head: {detached: commit}, affected: []} as const;
  return {commit, previous, move: await publishAndFollow(repo, publication, options)};
}
