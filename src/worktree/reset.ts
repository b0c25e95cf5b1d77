/**
 * Moves HEAD's branch, or a detached HEAD, to any commit: back to an earlier one, or to one of another branch. Layer: worktree.
 */
import {type ObjectId, shortId} from '../objects/id.js';
import {headEdit} from '../repo/headmove.js';
import {walk} from '../repo/history.js';
import type {Repository} from '../repo/repository.js';
import type {Head} from '../repo/view.js';
import {type HeadMove, publishAlone, publishAndFollow} from './follow.js';
import type {MoveWorkOptions} from './move.js';

export interface ResetOptions extends MoveWorkOptions {
  /** Leave the files of the work tree as they are, so that they show as changed. */
  readonly keepFiles?: boolean;
}

export interface Reset {
  readonly previous: Head;
  /** How many commits HEAD had that it has no more, and how many it has now that it had not. */
  readonly dropped: number;
  readonly gained: number;
  /** Undefined if HEAD was there already. */
  readonly move: HeadMove | undefined;
}

/** Moves HEAD to a commit, as one operation. Throws as `publishAndFollow`; then nothing has moved. */
export async function resetHead(repo: Repository, commit: ObjectId, options: ResetOptions = {}): Promise<Reset> {
  const {keepFiles = false, ...moving} = options;
  const previous = repo.head();
  if (previous.commit === commit) return {previous, dropped: 0, gained: 0, move: undefined};
  const publication = {
    kind: 'normal',
    description: `reset ${previous.branch ?? 'HEAD'} to ${shortId(commit)}`,
    ...headEdit(previous, commit),
  } as const;
  const dropped = countOnly(repo, previous.commit, commit);
  const gained = countOnly(repo, commit, previous.commit);
  const move = keepFiles
    ? await publishAlone(repo.begin(), publication)
    : await publishAndFollow(repo, publication, moving);
  return {previous, dropped, gained, move};
}

/** Returns how many commits one has in its history that another has not. */
function countOnly(repo: Repository, id: ObjectId | undefined, other: ObjectId | undefined): number {
  if (id === undefined) return 0;
  let count = 0;
  for (const _commit of walk(repo, {include: [id], exclude: other === undefined ? [] : [other]})) count++;
  return count;
}
