/**
 * How far a branch and what it follows are apart, by what was last seen of the remote. Layer: sync.
 */
import type {ObjectId} from '../objects/id.js';
import {walk} from '../repo/history.js';
import type {BranchName} from '../repo/refs.js';
import type {Repository} from '../repo/repository.js';
import {findUpstream, upstreamTip} from './remotes.js';

export interface Tracking {
  /** `origin/main`. */
  readonly upstream: string;
  /** Commits that only the branch has, and that only the upstream has; null if the upstream is not there. */
  readonly ahead: number | null;
  readonly behind: number | null;
}

/** Returns how a branch stands to its upstream; undefined if it follows none. `tip` is undefined before its first commit. */
export function trackingOf(repo: Repository, branch: BranchName, tip: ObjectId | undefined): Tracking | undefined {
  const followed = findUpstream(repo, branch);
  if (followed === undefined) return undefined;
  const upstream = `${followed.remote}/${followed.branch}`;
  const theirs = upstreamTip(repo, followed)?.id;
  if (theirs === undefined) return {upstream, ahead: null, behind: null};
  const only = (id: ObjectId | undefined, exclude: ObjectId | undefined): number => {
    if (id === undefined || id === exclude) return 0;
    return [...walk(repo, {include: [id], exclude: exclude === undefined ? [] : [exclude]})].length;
  };
  return {upstream, ahead: only(tip, theirs), behind: only(theirs, tip)};
}
