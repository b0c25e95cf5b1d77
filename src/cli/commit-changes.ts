/** What a commit changed against its first parent. Layer: cli. */
import type {Commit} from '../repo/commit.js';
import {filesRootOf} from '../repo/filesroot.js';
import type {Repository} from '../repo/repository.js';
import {diffFiles, type FileChange, fileKey, findFile, subtreeRange} from '../state/files.js';
import {type FileDelta, findRenames} from '../state/renames.js';
import type {TreeRoot} from '../tree/spec.js';
import {storedBodies} from './change-text.js';

/** Yields the changes between two roots at or below any of the paths; everything if there are none. */
export function* changesBetween(
  repo: Repository,
  before: TreeRoot,
  after: TreeRoot,
  paths: readonly string[],
): Generator<FileChange> {
  if (paths.length === 0 || paths.includes('')) {
    yield* diffFiles(repo.objects, before, after);
    return;
  }
  const seen = new Set<string>();
  for (const path of paths) {
    const gte = fileKey(path);
    const ranges = [{gte, lt: Buffer.concat([gte, Buffer.of(0)])}, subtreeRange(path)];
    for (const range of ranges) {
      for (const change of diffFiles(repo.objects, before, after, range)) {
        if (seen.has(change.path)) continue;
        seen.add(change.path);
        yield change;
      }
    }
  }
}

/** Returns whether a root has an entry at a path; the root of the tree is always there. */
export function hasPath(repo: Repository, root: TreeRoot, path: string): boolean {
  return path === '' || findFile(repo.objects, root, path) !== undefined;
}

/** Returns what a commit changed against its first parent, renames recognised. */
export function changesOf(repo: Repository, commit: Commit, paths: readonly string[]): FileDelta[] {
  const before = repo.filesRoot(commit.parents[0]);
  const after = filesRootOf(repo.objects, commit.state);
  return findRenames([...changesBetween(repo, before, after, paths)], storedBodies(repo.objects));
}
