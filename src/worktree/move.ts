/**
 * Moves a work tree: plans, refuses what would lose anything, and only then touches the disk. The order is journal, disk,
 * then whatever the caller publishes, then the stat cache; so at every moment either HEAD tells what the files are, or
 * the journal tells what they are becoming. Layer: worktree.
 */
import {DbosError} from '../errors.js';
import type {ObjectReader} from '../objects/store.js';
import {type FileChange, findFile} from '../state/files.js';
import type {TreeRoot} from '../tree/spec.js';
import {type Applied, applyPlan} from './apply.js';
import type {WorkProgress} from './examine.js';
import {findJournal, removeJournal, writeJournal} from './journal.js';
import {type Listing, UNKNOWN} from './listing.js';
import {Outtake} from './outtake.js';
import {type Plan, planMove} from './plan.js';
import {listPaths} from './record.js';
import {relist} from './relist.js';
import {fileSystemTime, saveStatCache} from './statcache.js';

export interface MoveOptions {
  readonly reader: ObjectReader;
  readonly root: string;
  readonly store: string;
  readonly logDirectory: string | undefined;
  /** The root that the rows before and the states of the listing are from, and the one that the rows after are from. */
  readonly from: TreeRoot;
  readonly to: TreeRoot;
  /** Parents before their children. */
  readonly changes: Iterable<FileChange>;
  /** The paths that the move is limited to; undefined if the work tree moves as a whole from `from` to `to`. */
  readonly paths: readonly string[] | undefined;
  /** Returns what the stat cache knows, with states for `from`. */
  readonly listing: () => Listing | undefined;
  /** Whether a directory that is made gets all the rows that the root in `finish` has in it. */
  readonly covers: boolean;
  /** Saves endangered paths somewhere; without it they make the move fail. */
  readonly save?: ((paths: readonly string[]) => Promise<void>) | undefined;
  readonly restoreTimes?: boolean | undefined;
  readonly now: () => number;
  readonly signal?: AbortSignal | undefined;
  readonly progress?: ((progress: WorkProgress) => void) | undefined;
}

/** A move that is done on disk. */
export interface Moved extends Omit<Applied, 'updates'> {
  /**
   * Ends the move, once HEAD says what the files are: saves the stat cache, whose states refer to `root`, and removes the
   * journal. `unsure` are paths of which the new rows may not be those of that root.
   */
  finish(root: TreeRoot, unsure?: ReadonlySet<string>): void;
}

/**
 * Moves the work tree. Throws WOULD_OVERWRITE with all endangered paths in `data.paths` before anything is touched,
 * NAME_UNSAFE for rows that no state may have, FILE_UNWRITABLE, INTERRUPTED.
 */
export async function moveWorkTree(options: MoveOptions): Promise<Moved> {
  const {reader, logDirectory, signal} = options;
  const outtake = new Outtake(reader, logDirectory, signal);
  try {
    return await move(options, outtake);
  } finally {
    await outtake.close();
  }
}

async function move(options: MoveOptions, outtake: Outtake): Promise<Moved> {
  const {reader, root, store, from, to, paths, signal, progress, now} = options;
  const changes: FileChange[] = [];
  let files = 0;
  let bytes = 0;
  for (const change of options.changes) {
    changes.push(change);
    if (change.after?.type !== 'file') continue;
    // threads take a while to start: as soon as there is work for them
    files++;
    bytes += change.after.content?.size ?? 0;
    await outtake.prepare(files, bytes);
  }
  const listing = options.listing();
  const interrupted = findJournal(store);
  const others = interrupted === undefined ? [] : [interrupted.to];
  const planFor = (list: readonly FileChange[]) => planMove({reader, root, changes: list, to, others, listing, signal});
  let plan = await planFor(changes);
  if (plan.endangered.length > 0) {
    if (options.save === undefined) throw wouldOverwrite(plan.endangered);
    await options.save(plan.endangered);
    const known = new Set(plan.endangered);
    plan = await planFor(withBlockers(options, changes, plan));
    const late = plan.endangered.filter(path => !known.has(path));
    if (late.length > 0) throw wouldOverwrite(late);
  }
  writeJournal(store, {from, to, paths, time: now()});
  const restoreTimes = options.restoreTimes ?? false;
  const {updates, ...applied} = await applyPlan(plan, {
    reader,
    root,
    outtake,
    to,
    listing,
    restoreTimes,
    signal,
    progress,
  });
  return {
    ...applied,
    finish: (stateRoot, unsure) => {
      // without a listing the next scan sees what this would leave out, unless there was nothing before
      if (listing !== undefined || from === null) {
        const known =
          unsure === undefined
            ? updates
            : updates.map(update => (unsure.has(update.path) ? {...update, state: UNKNOWN} : update));
        saveStatCache(store, stateRoot, relist(listing, known, options.covers), fileSystemTime(store));
      }
      removeJournal(store);
    },
  };
}

/** Returns the changes with what blocks the way to some of them, now that it is saved. */
function withBlockers({reader, from, to}: MoveOptions, changes: readonly FileChange[], plan: Plan): FileChange[] {
  const known = new Set(changes.map(({path}) => path));
  const blockers = plan.endangered
    .filter(path => !known.has(path) && !plan.inTheWay.includes(path))
    .map(path => ({path, before: findFile(reader, from, path), after: findFile(reader, to, path)}));
  // parents come before their children
  return [...blockers.sort((a, b) => a.path.length - b.path.length), ...changes];
}

/** Returns the error for paths that no commit holds and that would be lost. */
export function wouldOverwrite(paths: readonly string[]): DbosError {
  const sorted = [...paths].sort();
  return new DbosError(
    'WOULD_OVERWRITE',
    `${sorted.length === 1 ? 'A path has' : `${sorted.length} paths have`} changes that would be lost: ${listPaths(sorted)}.`,
    {
      hint: 'Commit them first, or use --force, which saves them in an automatic commit.',
      data: {paths: sorted},
    },
  );
}
