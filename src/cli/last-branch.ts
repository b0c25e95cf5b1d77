/** The branches that HEAD was on. Layer: cli. */
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

/** Returns the branch that HEAD was on before the one that it is on, or undefined if there is none any more. */
export function previousBranch(repository: Repository): string | undefined {
  const current = repository.head().branch;
  for (const {headBefore} of listOperations(repository)) {
    if (headBefore === null || !('branch' in headBefore) || headBefore.branch === current) continue;
    const found = findBranch(repository, headBefore.branch)?.name;
    if (found !== undefined) return found;
  }
  return undefined;
}

/** Returns how to leave a detached HEAD. */
export function returnHint(branch: string | undefined): string {
  const keep = '`dbos switch -c NAME` makes a branch here';
  return branch === undefined ? `${keep}.` : `\`dbos switch ${branch}\` returns, ${keep}.`;
}
