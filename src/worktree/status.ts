/**
 * The state of a work tree against HEAD. Layer: worktree.
 */
import {compareText} from '../bytes.js';
import type {ObjectId} from '../objects/id.js';
import type {BranchName} from '../repo/refs.js';
import type {Repository} from '../repo/repository.js';
import type {FileRow} from '../state/files.js';
import {type ChangeKind, examine} from './examine.js';
import {cleanInterrupted, type Journal} from './journal.js';
import {placeOf, type WorkOptions} from './place.js';
import type {SkippedEntry, UnreadablePath} from './scan.js';
import {Selection} from './selection.js';
import {loadStatCache, saveStatCache} from './statcache.js';

export interface StatusOptions extends WorkOptions {
  /** Limits the answer to these entries and subtrees, relative to the work tree. */
  readonly paths?: readonly string[];
}

export interface StatusChange {
  readonly path: string;
  readonly change: ChangeKind;
  /** Its type now; of a deleted entry, the one that it had. */
  readonly type: FileRow['type'];
  /** Its row in HEAD. */
  readonly before: FileRow | undefined;
}

export interface WorkTreeStatus {
  /** Undefined if HEAD is detached. */
  readonly branch: BranchName | undefined;
  /** Undefined before the first commit. */
  readonly head: ObjectId | undefined;
  readonly clean: boolean;
  /** By path, byte by byte. A new directory and everything in it are changes of their own. */
  readonly changes: readonly StatusChange[];
  /** What is never recorded, and what could not be read. */
  readonly skipped: readonly SkippedEntry[];
  readonly unreadable: readonly UnreadablePath[];
  /** A checkout that did not end: some files are at its target. */
  readonly interrupted: Journal | undefined;
}

/** Returns how the work tree differs from HEAD, and saves what it learned in the stat cache. Throws STORE_BARE, PATH_UNKNOWN. */
export async function readStatus(repo: Repository, options: StatusOptions = {}): Promise<WorkTreeStatus> {
  const {root, store} = placeOf(repo);
  const {branch, commit} = repo.head();
  const base = repo.filesRoot(commit);
  const interrupted = cleanInterrupted(repo.objects, root, store);
  const examination = await examine({
    reader: repo.objects,
    sink: undefined,
    root,
    store,
    base,
    ...(options.early?.take() ?? {cached: loadStatCache(store)}),
    selection: new Selection(options.paths),
    signal: options.signal,
    progress: options.progress,
  });
  if (examination.changed) saveStatCache(store, base, examination.listing, examination.moment);
  const changes = examination.differences
    .map(({path, change, type, before}): StatusChange => ({path, change, type, before}))
    .sort((a, b) => compareText(a.path, b.path));
  const {skipped, unreadable} = examination;
  return {branch, head: commit, clean: changes.length === 0, changes, skipped, unreadable, interrupted};
}
