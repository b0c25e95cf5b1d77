/**
 * Makes a commit of recorded files: the other tables of the state stay as they were. Layer: worktree.
 */
import type {ObjectId} from '../objects/id.js';
import type {ObjectSink} from '../objects/store.js';
import {readCommit, writeCommit} from '../repo/commit.js';
import type {RepoContext} from '../repo/context.js';
import {type Signature, signatureNow} from '../repo/signature.js';
import {FILES_TABLE, filesTable} from '../state/files.js';
import {readState, writeState} from '../state/state.js';
import {readTable, writeTable} from '../state/table.js';
import type {TreeRoot} from '../tree/spec.js';

export interface NewCommit {
  /** The commit whose other tables are kept. */
  readonly base: ObjectId | undefined;
  readonly files: TreeRoot;
  readonly parents: readonly ObjectId[];
  /** The committer unless given. */
  readonly author?: Signature | undefined;
  readonly message: string;
  readonly cause: string | null;
}

/** Writes a state with other files, and returns its id; undefined is the state without tables. */
export async function writeFilesState(
  sink: ObjectSink,
  base: ObjectId | undefined,
  files: TreeRoot,
): Promise<ObjectId> {
  const tables = new Map(base === undefined ? [] : readState(sink, base));
  const id = tables.get(FILES_TABLE);
  const before = id === undefined ? undefined : readTable(sink, id);
  let table = filesTable(sink, files);
  if (before?.indexes) {
    // few have one, and all others need nothing of SQL
    const {followFiles} = await import('../sql/write/file-indexes.js');
    table = {...table, indexes: followFiles(sink, before, files)};
  }
  tables.set(FILES_TABLE, writeTable(sink, table));
  return writeState(sink, tables);
}

/** Writes the state and the commit, and returns its id. */
export async function writeFilesCommit(sink: ObjectSink, context: RepoContext, commit: NewCommit): Promise<ObjectId> {
  const {base, files, parents, message, cause} = commit;
  const state = await writeFilesState(sink, base && readCommit(sink, base).state, files);
  const committer = signatureNow(context);
  const author = commit.author ?? committer;
  return writeCommit(sink, {state, parents, author, committer, message, cause});
}
