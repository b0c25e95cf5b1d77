/**
 * Checks a store with all that SQL knows of its tables. Layer: sql.
 */
import {fsck as checkStore, type FsckOptions, type Problem} from '../repo/fsck.js';
import {checkSql} from './write/sql-check.js';

/** Yields what is wrong with the store; nothing if it is sound. `repo` need not be able to show anything. */
export function fsck(
  repo: Parameters<typeof checkStore>[0],
  options: FsckOptions = {},
): AsyncGenerator<Problem, void, undefined> {
  return checkStore(repo, {sql: checkSql, ...options});
}
