/**
 * Brings the work tree to another commit and publishes the operation that says so: what switching, checking out, undoing
 * and redoing have in common. Where the files of both commits are the same, only the operation is written: neither the
 * disk nor the stat cache is looked at. Layer: worktree.
 */
import type {ObjectId} from '../objects/id.js';
import type {StoredOperation} from '../repo/operation.js';
import type {Repository} from '../repo/repository.js';
import type {Publication} from '../repo/transaction.js';
import {diffFiles} from '../state/files.js';
import type {Applied} from './apply.js';
import {cleanInterrupted} from './journal.js';
import {moveWorkTree} from './move.js';
import {knownListing, placeOf, type WorkOptions} from './place.js';
import {afterSave, type Saved, savePaths} from './save.js';

export interface MoveWorkOptions extends WorkOptions {
  /** Save what would be lost in an automatic commit, instead of refusing. */
  readonly force?: boolean;
  /** Give files the times of their rows. */
  readonly restoreTimes?: boolean;
}

/** What a command did to the work tree. */
export interface WorkTreeMove extends Omit<Applied, 'updates'> {
  /** The automatic commit, if one was needed. */
  readonly saved: Saved | undefined;
}

export interface HeadMove extends WorkTreeMove {
  readonly operation: StoredOperation;
}

const NOTHING: WorkTreeMove = {
  written: 0,
  removed: 0,
  kept: [],
  notSet: {owners: 0, xattrs: 0, times: 0},
  saved: undefined,
};

/**
 * Moves the files to those of `commit` and publishes. In a bare store it only publishes. Throws WOULD_OVERWRITE with
 * `data.paths`, NAME_UNSAFE, FILE_UNWRITABLE, INTERRUPTED, REF_MOVED; before the disk is touched for the first two.
 */
export async function moveHeadTo(
  repo: Repository,
  commit: ObjectId | undefined,
  publication: Publication,
  options: MoveWorkOptions,
): Promise<HeadMove> {
  const head = repo.head();
  const from = repo.filesRoot(head.commit);
  const to = repo.filesRoot(commit);
  if (from === to || repo.location.workTree === undefined) {
    return {...NOTHING, operation: await repo.begin().publish(publication)};
  }
  const {root, store} = placeOf(repo);
  const {signal, progress, force, restoreTimes} = options;
  cleanInterrupted(repo.objects, root, store);
  let saved: Saved | undefined;
  const {finish, ...moved} = await moveWorkTree({
    reader: repo.objects,
    root,
    store,
    logDirectory: repo.storage.logDirectory,
    from,
    to,
    changes: diffFiles(repo.objects, from, to),
    paths: undefined,
    listing: () => knownListing(repo, store, from),
    covers: true,
    save: force
      ? async paths => {
          saved = await savePaths(repo, paths, {signal, progress});
        }
      : undefined,
    restoreTimes,
    now: repo.context.now,
    signal,
    progress,
  });
  const operation = await repo.begin().publish(saved === undefined ? publication : afterSave(publication, head, saved));
  finish(to);
  return {...moved, saved, operation};
}
