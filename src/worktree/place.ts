/**
 * Where the functions of this layer work: a repository with a work tree, and what long work takes and tells.
 * Layer: worktree.
 */
import {DbosError} from '../errors.js';
import type {Repository} from '../repo/repository.js';
import type {TreeRoot} from '../tree/spec.js';
import type {EarlyLook} from './earlylook.js';
import type {WorkProgress} from './examine.js';
import {rebase} from './examine.js';
import type {Listing} from './listing.js';
import {loadStatCache} from './statcache.js';

export interface WorkOptions {
  /** Stops the work between two files. */
  readonly signal?: AbortSignal | undefined;
  readonly progress?: ((progress: WorkProgress) => void) | undefined;
  /** A look at the work tree that has begun. */
  readonly early?: EarlyLook | undefined;
}

export interface Place {
  /** The work tree. */
  readonly root: string;
  /** The store's folder. */
  readonly store: string;
}

/** Returns the work tree of a repository. Throws STORE_BARE. */
export function placeOf(repo: Repository): Place {
  const {store, workTree} = repo.location;
  if (workTree !== undefined) return {root: workTree, store};
  throw new DbosError('STORE_BARE', `The store '${store}' has no work tree.`, {
    hint: 'Run the command in a store with a work tree, or read files with `dbos cat` and `dbos ls`.',
  });
}

/** Returns what the stat cache knows, with states for a root; undefined if it knows nothing. */
export function knownListing(repo: Repository, store: string, root: TreeRoot): Listing | undefined {
  const cached = loadStatCache(store);
  return cached && rebase(repo.objects, cached, root);
}
