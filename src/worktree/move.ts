/**
 * Moves a work tree: plans, refuses what would lose anything, and only then touches the disk. The order is journal, disk,
 * then whatever the caller publishes, then the stat cache; so at every moment either HEAD tells what the files are, or
 * the journal tells what they are becoming. Layer: worktree.
 */
import type {ObjectReader} from '../objects/store.js';
import type {Repository} from '../repo/repository.js';
import {type FileChange, findFile} from '../state/files.js';
import type {TreeRoot} from '../tree/spec.js';
import {type Applied, applyPlan} from './apply.js';
import {findJournal, removeJournal, writeJournal} from './journal.js';
import {type Listing, UNKNOWN} from './listing.js';
import {Outtake} from './outtake.js';
import {placeOf, type WorkOptions} from './place.js';
import {type Plan, planMove} from './plan.js';
import {relist} from './relist.js';
import {type Saved, savePaths} from './save.js';
import {fileSystemTime, saveStatCache} from './statcache.js';
import {wouldOverwrite} from './wouldoverwrite.js';

/** How whoever asked for it wants a move done. */
export interface MoveWorkOptions extends WorkOptions {
  /** Save what would be lost in an automatic commit, instead of refusing. */
  readonly force?: boolean;
  /** Give files the times of their rows. */
  readonly restoreTimes?: boolean;
}

/** What a move is. */
export interface Move {
  /** Has both roots and what they refer to. */
  readonly reader: ObjectReader;
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
  /** Called when nothing stands in the way, before the disk is touched. */
  readonly ready?: () => Promise<void>;
}

/** What a command did to the work tree. */
export interface WorkTreeMove extends Omit<Applied, 'updates'> {
  /** The automatic commit, if one was needed. */
  readonly saved: Saved | undefined;
}

/** A move that is done on disk. */
export interface Moved extends WorkTreeMove {
  /**
   * Ends the move, once HEAD says what the files are: saves the stat cache, whose states refer to `root`, and removes the
   * journal. `unsure` are paths of which the new rows may not be those of that root.
   */
  finish(root: TreeRoot, unsure?: ReadonlySet<string>): void;
}

/**
 * Moves the work tree of a repository. Throws WOULD_OVERWRITE with all endangered paths in `data.paths` before anything is
 * touched, NAME_UNSAFE for rows that no state may have, READ_ONLY, FILE_UNWRITABLE, INTERRUPTED.
 */
export async function moveWorkTree(repo: Repository, move: Move, options: MoveWorkOptions): Promise<Moved> {
  repo.storage.checkWritable();
  const outtake = new Outtake(move.reader, repo.storage.logDirectory, options.signal);
  try {
    return await carryOut(repo, move, options, outtake);
  } finally {
    await outtake.close();
  }
}

async function carryOut(repo: Repository, move: Move, options: MoveWorkOptions, outtake: Outtake): Promise<Moved> {
  const {root, store} = placeOf(repo);
  const {reader, from, to, paths, covers} = move;
  const {signal, progress, force = false, restoreTimes = false} = options;
  const changes: FileChange[] = [];
  let files = 0;
  let bytes = 0;
  for (const change of move.changes) {
    changes.push(change);
    if (change.after?.type !== 'file') continue;
    // threads take a while to start: as soon as there is work for them
    files++;
    bytes += change.after.content?.size ?? 0;
    await outtake.prepare(files, bytes);
  }
  const listing = move.listing();
  const interrupted = findJournal(store);
  const others = interrupted === undefined ? [] : [interrupted.to];
  const planFor = (list: readonly FileChange[]) => planMove({reader, root, changes: list, to, others, listing, signal});
  let plan = await planFor(changes);
  let saved: Saved | undefined;
  if (plan.endangered.length > 0) {
    if (!force) throw wouldOverwrite(plan.endangered);
    saved = await savePaths(repo, plan.endangered, {signal, progress});
    const known = new Set(plan.endangered);
    plan = await planFor(withBlockers(move, changes, plan));
    const late = plan.endangered.filter(path => !known.has(path));
    if (late.length > 0) throw wouldOverwrite(late);
  }
  await move.ready?.();
  writeJournal(store, {from, to, paths, time: repo.context.now()});
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
    saved,
    finish: (stateRoot, unsure) => {
      // without a listing the next scan sees what this would leave out, unless there was nothing before
      if (listing !== undefined || from === null) {
        const known =
          unsure === undefined
            ? updates
            : updates.map(update => (unsure.has(update.path) ? {...update, state: UNKNOWN} : update));
        saveStatCache(store, stateRoot, relist(listing, known, covers), fileSystemTime(store));
      }
      removeJournal(store);
    },
  };
}

/** Returns the changes with what blocks the way to some of them, now that it is saved. */
function withBlockers({reader, from, to}: Move, changes: readonly FileChange[], plan: Plan): FileChange[] {
  const known = new Set(changes.map(({path}) => path));
  const blockers = plan.endangered
    .filter(path => !known.has(path) && !plan.inTheWay.includes(path))
    .map(path => ({path, before: findFile(reader, from, path), after: findFile(reader, to, path)}));
  // parents come before their children
  return [...blockers.sort((a, b) => a.path.length - b.path.length), ...changes];
}
