/**
 * Restores paths of the work tree from a commit, without moving HEAD. What no commit holds is refused, as everywhere:
 * discarding changes needs `force`, which saves them first. Untracked entries stay. Layer: worktree.
 */
import type {ObjectId} from '../objects/id.js';
import type {ObjectReader} from '../objects/store.js';
import type {Repository} from '../repo/repository.js';
import {diffFiles, type FileChange, findFile, unknownPath} from '../state/files.js';
import {parentOf} from '../state/path.js';
import type {TreeRoot} from '../tree/spec.js';
import {type Difference, examine} from './examine.js';
import {cleanInterrupted} from './journal.js';
import {type MoveWorkOptions, moveWorkTree, type WorkTreeMove} from './move.js';
import {Parents} from './parents.js';
import {placeOf} from './place.js';
import {afterSave} from './save.js';
import {Selection} from './selection.js';
import {loadStatCache} from './statcache.js';

export interface RestoreOptions extends MoveWorkOptions {
  /** The commit to restore from; HEAD unless given. */
  readonly source?: ObjectId | undefined;
  /** Entries and subtrees, relative to the work tree; at least one. */
  readonly paths: readonly string[];
}

/**
 * Makes the selected paths what they are in the source: writes what differs and removes what HEAD has and the source has
 * not. Throws PATH_UNKNOWN for a path that neither has, WOULD_OVERWRITE with `data.paths`, and as `publishAndFollow`.
 */
export async function restorePaths(repo: Repository, options: RestoreOptions): Promise<WorkTreeMove> {
  const {root, store} = placeOf(repo);
  const reader = repo.objects;
  const head = repo.head();
  const from = repo.filesRoot(head.commit);
  const to = options.source === undefined ? from : repo.filesRoot(options.source);
  const selection = new Selection(options.paths);
  for (const path of options.paths) {
    if (path === '' || findFile(reader, from, path) !== undefined || findFile(reader, to, path) !== undefined) continue;
    throw unknownPath(path, options.source === undefined ? 'HEAD' : 'that commit');
  }
  const {signal, progress} = options;
  cleanInterrupted(reader, root, store);
  const {differences, listing} = await examine({
    reader,
    sink: undefined,
    root,
    store,
    base: from,
    cached: loadStatCache(store),
    selection,
    other: to,
    signal,
    progress,
  });
  const between = new Set<string>();
  const changes = changesFor(reader, root, from, to, selection, differences, between);
  // there may be as many as files, and writing them takes memory
  differences.length = 0;
  const {finish, ...moved} = await moveWorkTree(
    repo,
    {
      reader,
      from,
      to,
      changes,
      paths: options.paths,
      listing: () => listing,
      covers: from === to && selection.all,
    },
    options,
  );
  if (moved.saved !== undefined) {
    const description = `restore ${options.paths.map(path => path || '.').join(' ')}`;
    await repo.begin().publish(afterSave({kind: 'normal', description}, head, moved.saved));
  }
  finish(from, between);
  return moved;
}

/** Returns what must change on disk, parents before children; `between` takes the paths whose rows differ between the roots. */
function changesFor(
  reader: ObjectReader,
  root: string,
  from: TreeRoot,
  to: TreeRoot,
  selection: Selection,
  differences: readonly Difference[],
  between: Set<string>,
): FileChange[] {
  const changes = new Map<string, FileChange>();
  for (const change of diffFiles(reader, from, to)) {
    if (!selection.includes(change.path)) continue;
    changes.set(change.path, change);
    between.add(change.path);
  }
  for (const {path, before} of differences) {
    if (changes.has(path)) continue;
    const after = from === to ? before : findFile(reader, to, path);
    // what neither has is untracked
    if (before !== undefined || after !== undefined) changes.set(path, {path, before, after});
  }
  const parents = new Parents(root);
  for (const {path, after} of [...changes.values()]) {
    if (after === undefined) continue;
    for (let above = parentOf(path); above !== '' && parents.way(above).kind === 'absent'; above = parentOf(above)) {
      if (changes.has(above)) continue;
      changes.set(above, {path: above, before: findFile(reader, from, above), after: findFile(reader, to, above)});
    }
  }
  // a path sorts after what it starts with: parents come before their children
  return [...changes.values()].sort((a, b) => (a.path < b.path ? -1 : a.path > b.path ? 1 : 0));
}
