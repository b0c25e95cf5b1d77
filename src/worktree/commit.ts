/**
 * Commits the work tree. The order is: bodies and nodes staged, one synced write that publishes commit and branch, then
 * the stat cache; so a process killed anywhere leaves the commit whole or none. Layer: worktree.
 */
import {DbosError} from '../errors.js';
import {formatId, type ObjectId, shortId} from '../objects/id.js';
import type {Commit} from '../repo/commit.js';
import type {Identity} from '../repo/context.js';
import {headEdit} from '../repo/headmove.js';
import type {BranchName} from '../repo/refs.js';
import type {Repository} from '../repo/repository.js';
import {DEEPEN_HINT, isShallow, readHeldCommit} from '../repo/shallow.js';
import type {Signature} from '../repo/signature.js';
import {signatureNow} from '../repo/signature.js';
import {writeFilesCommit} from './commitrecord.js';
import {cleanInterrupted, removeJournal} from './journal.js';
import {placeOf, type WorkOptions} from './place.js';
import {affectedFiles, type ChangeCounts, record} from './record.js';
import type {SkippedEntry, UnreadablePath} from './scan.js';
import {Selection} from './selection.js';
import {encodeStatCache, loadStatCache, writeStatCache} from './statcache.js';

export interface CommitOptions extends WorkOptions {
  /** May be left out when amending: the message stays. */
  readonly message?: string | undefined;
  /** Limits the commit to these entries and subtrees, relative to the work tree. */
  readonly paths?: readonly string[];
  /** Replace the commit that HEAD means. */
  readonly amend?: boolean;
  /** The author, if it is not the committer. */
  readonly author?: Identity | undefined;
  /** The author's time, in milliseconds since 1970. */
  readonly date?: number | undefined;
  /** Leave what cannot be read as it is in HEAD, instead of failing. */
  readonly skipUnreadable?: boolean;
}

export interface CommitResult {
  /** Null if there was nothing to commit. */
  readonly id: ObjectId | null;
  /** Undefined if HEAD is detached. */
  readonly branch: BranchName | undefined;
  readonly parents: readonly ObjectId[];
  readonly changes: ChangeCounts;
  /** What is not in the commit: sockets, devices, nested stores; and what could not be read. */
  readonly skipped: readonly SkippedEntry[];
  readonly unreadable: readonly UnreadablePath[];
}

/**
 * Commits the work tree on HEAD. Throws STORE_BARE, MESSAGE_MISSING, NO_COMMITS (to amend), PATH_UNKNOWN, FILE_UNREADABLE,
 * FILE_CHANGING, INTERRUPTED, REF_MOVED, STORE_FULL; then nothing is committed.
 */
export async function commitWorkTree(repo: Repository, options: CommitOptions): Promise<CommitResult> {
  const {root, store} = placeOf(repo);
  const head = repo.head();
  const amended = options.amend ? amendedCommit(repo, head.commit) : undefined;
  const message = options.message ?? amended?.message;
  if (message === undefined || message.trim() === '') throw messageMissing();
  cleanInterrupted(repo.objects, root, store);
  const base = repo.filesRoot(head.commit);
  const transaction = repo.begin();
  try {
    const {objects} = transaction;
    const recording = await record({
      reader: objects,
      sink: objects,
      root,
      store,
      base,
      ...(options.early?.take() ?? {cached: loadStatCache(store)}),
      selection: new Selection(options.paths),
      skipUnreadable: options.skipUnreadable ?? false,
      signal: options.signal,
      progress: options.progress,
    });
    const {examination, changes} = recording;
    const {skipped, unreadable, listing, moment} = examination;
    const parents = amended?.parents ?? (head.commit === undefined ? [] : [head.commit]);
    const encodeCache = () => encodeStatCache(recording.root, listing, moment);
    let cache: Buffer | undefined;
    let id: ObjectId | null = null;
    if (amended !== undefined || recording.root !== base) {
      const author = authorOf(repo, options, amended);
      id = await writeFilesCommit(objects, repo.context, {
        base: head.commit,
        files: recording.root,
        parents,
        author,
        message,
        cause: amended === undefined ? null : 'amend',
      });
      const description = `${amended === undefined ? 'commit' : 'amend'}: ${message.trim().split('\n', 1)[0]}`;
      const published = transaction.publish({
        kind: 'normal',
        description,
        ...headEdit(head, id),
        affected: affectedFiles(head, changes),
      });
      // while the disk is at work
      cache = await during(published, encodeCache);
      // what was interrupted is recorded as it is
      if (options.paths === undefined) removeJournal(store);
    } else transaction.discard();
    if (examination.changed) writeStatCache(store, cache ?? encodeCache());
    return {id, branch: head.branch, parents: id === null ? [] : parents, changes, skipped, unreadable};
  } finally {
    transaction.discard();
  }
}

/** Returns what `work` returns, which runs while something is waited for. Throws what either throws, once both are done. */
async function during<T>(awaited: Promise<unknown>, work: () => T): Promise<T> {
  const [first, second] = await Promise.allSettled([awaited, Promise.resolve().then(work)]);
  if (first.status === 'rejected') throw first.reason;
  if (second.status === 'rejected') throw second.reason;
  return second.value;
}

function amendedCommit(repo: Repository, id: ObjectId | undefined): Commit {
  if (id !== undefined) {
    const commit = readHeldCommit(repo, id);
    if (!isShallow(commit)) return commit;
    throw new DbosError('STORE_SHALLOW', `The commit ${shortId(id)} cannot be amended: its parents are not here.`, {
      hint: DEEPEN_HINT,
      data: {id: formatId(id)},
    });
  }
  throw new DbosError('NO_COMMITS', 'There is no commit to amend yet.', {hint: 'Make one with `dbos commit`.'});
}

function messageMissing(): DbosError {
  return new DbosError('MESSAGE_MISSING', 'A commit needs a message.', {hint: 'Give one with -m.'});
}

function authorOf(repo: Repository, {author, date}: CommitOptions, amended: Commit | undefined): Signature {
  const before = amended?.author ?? signatureNow(repo.context);
  const named = author === undefined ? before : {...before, ...author};
  return date === undefined ? named : {...named, time: date, zone: repo.context.zone(date)};
}
