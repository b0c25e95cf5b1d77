/**
 * Tables as they were in another commit, as one commit on HEAD. It is a merge: of HEAD's state and that of the other commit, as if only the
 * tables that are named had changed there, and all others here; so it keeps the rules between tables as any merge does. Layer: worktree.
 */
import {DbosError} from '../errors.js';
import {type ObjectId, shortId} from '../objects/id.js';
import {readCommit} from '../repo/commit.js';
import {nearestNames} from '../repo/nearest.js';
import type {Repository} from '../repo/repository.js';
import {foldName} from '../sql/catalog/names.js';
import {transactionConflict} from '../sql/merge/transaction-conflict.js';
import {FILES_TABLE} from '../state/files.js';
import {readState, type State, writeState} from '../state/state.js';
import {commitMerge, type MergedCommit} from './merge-commit.js';
import type {MoveWorkOptions} from './move.js';

export interface RestoreTablesOptions extends MoveWorkOptions {
  /** Says what is restored unless given. */
  readonly message?: string | undefined;
}

/**
 * Commits that tables and views, whose names may be in any case, are what they are in another commit. Returns undefined if they are.
 * Throws TABLE_UNKNOWN if one is not there, TRANSACTION_CONFLICT with `data.conflicts` where it breaks a rule of another table, and as
 * `publishAndFollow`; then nothing has changed.
 */
export async function restoreTables(
  repo: Repository,
  names: readonly string[],
  source: ObjectId,
  {message, ...options}: RestoreTablesOptions = {},
): Promise<MergedCommit | undefined> {
  const {commit: ours} = repo.head();
  const {objects} = repo;
  const here: State = ours === undefined ? new Map() : readState(objects, readCommit(objects, ours).state);
  const there = readState(objects, readCommit(objects, source).state);
  const found = names.map(name => tableIn(there, name, source));
  const base = new Map(there);
  for (const name of found) {
    base.delete(name);
    for (const [other, id] of here) if (foldName(other) === foldName(name)) base.set(other, id);
  }
  const what = `${found.join(', ')} from ${shortId(source)}`;
  return commitMerge(
    repo,
    {
      states: sink => ({
        base: writeState(sink, base),
        ours: ours && readCommit(sink, ours).state,
        theirs: readCommit(sink, source).state,
      }),
      content: {parents: ours === undefined ? [] : [ours], message: message ?? `Restore ${what}`, cause: 'restore'},
      description: `restore ${what}`,
      refusal: conflicts =>
        transactionConflict(
          `${found.join(', ')} of ${shortId(source)}`,
          repo.head().branch ?? 'HEAD',
          conflicts,
          'Nothing has changed. Restore the tables together that refer to each other, or change here what does not fit.',
        ),
    },
    options,
  );
}

/** Returns the name that a table has in the state of a commit. Throws TABLE_UNKNOWN. */
function tableIn(state: State, name: string, commit: ObjectId): string {
  const tables = [...state.keys()].filter(each => each !== FILES_TABLE);
  const found = tables.find(each => foldName(each) === foldName(name));
  if (found !== undefined) return found;
  const [near] = nearestNames(name, tables);
  const meant = near === undefined ? '`dbos table ls --at REV` shows those of a commit.' : `Is it '${near}'?`;
  throw new DbosError('TABLE_UNKNOWN', `There is no table ${name} in ${shortId(commit)}.`, {
    hint: foldName(name) === FILES_TABLE ? 'Files are restored by their paths.' : meant,
    data: {table: name, commit: shortId(commit)},
  });
}
