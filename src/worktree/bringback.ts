/**
 * Undoes, redoes or restores an operation with the work tree: the plan says where HEAD will be, and the files follow.
 * Layer: worktree.
 */
import type {Repository} from '../repo/repository.js';
import type {UndoPlan} from '../repo/undo.js';
import {type HeadMove, publishAndFollow} from './follow.js';
import type {MoveWorkOptions} from './move.js';

/** Carries out a plan of `planUndo`, `planRedo` or `planRestore`. In a bare store only refs move. Throws as `publishAndFollow`. */
export async function bringBack(repo: Repository, plan: UndoPlan, options: MoveWorkOptions = {}): Promise<HeadMove> {
  return publishAndFollow(repo, plan.publication, options);
}
