/**
 * Publishes an operation, and the work tree follows: the one way by which anything but a commit of the work tree itself
 * moves what HEAD means. The paths whose rows differ between HEAD's commit before and after are compared with the disk,
 * and one that has changed there refuses the operation before anything moves; then their files are written, the
 * operation is published and the stat cache saved. Where HEAD's files stay the same, and in a bare store, neither the
 * disk nor the stat cache is looked at. Layer: worktree.
 */
import type {ObjectId} from '../objects/id.js';
import type {ObjectReader} from '../objects/store.js';
import {filesRootOfCommit} from '../repo/filesroot.js';
import type {StoredOperation} from '../repo/operation.js';
import type {Repository} from '../repo/repository.js';
import type {Publication, Transaction} from '../repo/transaction.js';
import {diffFiles} from '../state/files.js';
import {cleanInterrupted, findJournal} from './journal.js';
import type {MoveWorkOptions, WorkTreeMove} from './move.js';
import {knownListing, placeOf} from './place.js';

export interface FollowOptions extends MoveWorkOptions {
  /** What the objects of the publication are staged in, commits and nodes; it is over afterwards. A new one unless given. */
  readonly transaction?: Transaction;
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
 * Throws WOULD_OVERWRITE or NAME_UNSAFE if the work tree could not follow HEAD to a commit, of which `reader` has everything, as of where
 * HEAD is; touches nothing.
 */
export async function checkFollow(repo: Repository, reader: ObjectReader, commit: ObjectId): Promise<void> {
  const from = repo.filesRoot(repo.head().commit);
  const to = filesRootOfCommit(reader, commit);
  if (from === to || repo.location.workTree === undefined) return;
  const {root, store} = placeOf(repo);
  const interrupted = findJournal(store);
  const [{planMove}, {wouldOverwrite}] = await Promise.all([import('./plan.js'), import('./wouldoverwrite.js')]);
  const {endangered} = await planMove({
    reader,
    root,
    changes: [...diffFiles(reader, from, to)],
    to,
    others: interrupted === undefined ? [] : [interrupted.to],
    listing: knownListing(repo, store, from),
    signal: undefined,
  });
  if (endangered.length > 0) throw wouldOverwrite(endangered);
}

/** Publishes, and leaves the files of the work tree as they are, whatever HEAD comes to. Throws as `Transaction.publish`. */
export async function publishAlone(transaction: Transaction, publication: Publication): Promise<HeadMove> {
  return {...NOTHING, operation: await transaction.publish(publication)};
}

/**
 * Publishes, with the files of what HEAD comes to. Throws REF_MOVED, WOULD_OVERWRITE with `data.paths` and NAME_UNSAFE
 * before anything is touched; FILE_UNWRITABLE and INTERRUPTED, when HEAD is where it was and some files are at the
 * target; and as `Transaction.publish`. A transaction that was given is open still after an error before publishing.
 */
export async function publishAndFollow(
  repo: Repository,
  publication: Publication,
  options: FollowOptions = {},
): Promise<HeadMove> {
  const {transaction = repo.begin()} = options;
  const head = repo.head();
  const reader = transaction.objects;
  const from = repo.filesRoot(head.commit);
  const to = filesRootOfCommit(reader, transaction.headAfter(publication).commit);
  if (from === to || repo.location.workTree === undefined) return publishAlone(transaction, publication);
  const {root, store} = placeOf(repo);
  cleanInterrupted(repo.objects, root, store);
  // most operations that come here need none of it
  const [{moveWorkTree}, {afterSave}] = await Promise.all([import('./move.js'), import('./save.js')]);
  const {finish, ...moved} = await moveWorkTree(
    repo,
    {
      reader,
      from,
      to,
      changes: diffFiles(reader, from, to),
      paths: undefined,
      listing: () => knownListing(repo, store, from),
      covers: true,
      // the journal must not name what a crash would lose
      ready: () => transaction.flush(),
    },
    options,
  );
  const {saved} = moved;
  const operation = await transaction.publish(saved === undefined ? publication : afterSave(publication, head, saved));
  finish(to);
  return {...moved, operation};
}
