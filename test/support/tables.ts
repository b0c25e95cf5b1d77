/** States and commits with tables of SQL, for tests. */
import type {ObjectId} from '../../src/objects/id.js';
import type {ObjectSink} from '../../src/objects/store.js';
import {writeCommit} from '../../src/repo/commit.js';
import {branchName, branchRef} from '../../src/repo/refs.js';
import type {Repository} from '../../src/repo/repository.js';
import type {CreateTable} from '../../src/sql/ast.js';
import {defineTable} from '../../src/sql/catalog/table-definition.js';
import {writeTableRows} from '../../src/sql/catalog/table-rows.js';
import {parseStatement} from '../../src/sql/parser/parser.js';
import type {Value} from '../../src/sql/values/value.js';
import {FILES_TABLE} from '../../src/state/files.js';
import {readState, writeState} from '../../src/state/state.js';
import {writeTable} from '../../src/state/table.js';
import {commitContent, type Files, writeFiles} from './repo.js';

/** A CREATE TABLE statement and its rows. */
export type Made = readonly [sql: string, rows: readonly (readonly Value[])[]];

/** Writes a state with these files and tables. */
export function writeTables(objects: ObjectSink, files: Files, tables: readonly Made[]): ObjectId {
  const base = readState(objects, writeFiles(objects, files));
  const state = new Map([[FILES_TABLE, base.get(FILES_TABLE) as ObjectId]]);
  for (const [sql, rows] of tables) {
    const definition = defineTable(parseStatement(sql) as CreateTable, sql);
    state.set(definition.name, writeTable(objects, writeTableRows(objects, definition, rows)));
  }
  return writeState(objects, state);
}

/** Commits files and tables on the current branch. */
export async function commitTables(
  repo: Repository,
  files: Files,
  tables: readonly Made[],
  message = 'change',
): Promise<ObjectId> {
  const {branch, commit} = repo.head();
  const transaction = repo.begin();
  const state = writeTables(transaction.objects, files, tables);
  const parents = commit === undefined ? [] : [commit];
  const next = writeCommit(transaction.objects, commitContent(state, parents, message, repo.context.now()));
  const expected = commit === undefined ? ({kind: 'absent'} as const) : ({kind: 'equals', id: commit} as const);
  await transaction.publish({kind: 'normal', refs: [{name: branchRef(branchName(branch as string)), expected, next}]});
  return next;
}
