/** The branch to return to from a detached HEAD. Layer: cli. */
import {findBranch} from '../repo/branches.js';
import {listOperations} from '../repo/operations.js';
import type {Repository} from '../repo/repository.js';

/** Returns the branch that HEAD was on last, or undefined if it is gone. */
export function lastBranch(repository: Repository): string | undefined {
  for (const {headAfter, headBefore} of listOperations(repository)) {
    for (const head of [headAfter, headBefore]) {
      if (head !== null && 'branch' in head) return findBranch(repository, head.branch)?.name;
    }
  }
  return undefined;
}

/** Returns how to leave a detached HEAD. */
export function returnHint(branch: string | undefined): string {
  const keep = '`dbos switch -c NAME` makes a branch here';
  return branch === undefined ? `${keep}.` : `\`dbos switch ${branch}\` returns, ${keep}.`;
}
