/**
 * The refusal to lose what no commit holds. Layer: worktree.
 */
import {DbosError} from '../errors.js';
import {listPaths} from './record.js';

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
