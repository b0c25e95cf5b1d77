import test from 'ava';
import type {Repository} from '../../src/repo/repository.js';
import {repositoryCatalog} from '../../src/sql/catalog/repository-catalog.js';
import {writableDatabaseOf} from '../../src/sql/write/repository-writes.js';
import {Real} from '../../src/tree/cell.js';
import {makeRepo} from '../support/repo.js';
import {call, pick} from './sources.js';

/** Runs statements, each of which is a commit. */
async function run(repo: Repository, ...statements: string[]): Promise<void> {
  const database = writableDatabaseOf(repo);
  for (const statement of statements) {
    database.prepare(statement).all();
    await database.settled();
  }
}

async function changed(repo: Repository, before: string, after = 'HEAD') {
  const catalog = repositoryCatalog(repo);
  const rows = await call(catalog, 'diff', 't', before, after);
  const [stat] = await call(catalog, 'diff_stat', before, after);
  const counts = ['added', 'modified', 'deleted'].map(change => rows.filter(row => row.change === change).length);
  return {rows, counts, stat: stat && [stat.added, stat.modified, stat.deleted]};
}

const CREATE = 'CREATE TABLE t(id INTEGER PRIMARY KEY, a TEXT, b INT)';
const ROWS = "INSERT INTO t VALUES (1, 'x', 10), (2, 'y', NULL), (3, NULL, 30)";

test('diff() of a table to which a column was added', async t => {
  const {repo} = await makeRepo(t);
  await run(repo, CREATE, ROWS, 'ALTER TABLE t ADD COLUMN c');
  t.deepEqual((await changed(repo, 'HEAD~1')).rows, [], 'a column without values is no change of a row');
  await run(repo, 'UPDATE t SET c = 5 WHERE id = 2', 'ALTER TABLE t ADD COLUMN d DEFAULT 7');
  const {rows, counts, stat} = await changed(repo, 'HEAD~3');
  t.deepEqual(counts, [0, 3, 0]);
  t.deepEqual(stat, counts);
  t.deepEqual(pick(rows, 'id', 'old_c', 'new_c', 'old_d', 'new_d', 'old_a', 'new_a'), [
    [1, null, null, null, 7, 'x', 'x'],
    [2, null, 5, null, 7, 'y', 'y'],
    [3, null, null, null, 7, null, null],
  ]);
});

test('diff() of a table from which a column was dropped', async t => {
  const {repo} = await makeRepo(t);
  await run(repo, CREATE, ROWS, 'ALTER TABLE t DROP COLUMN a');
  const {rows, counts} = await changed(repo, 'HEAD~1');
  t.deepEqual(counts, [0, 2, 0]);
  t.deepEqual(pick(rows, 'id', 'old_a', 'new_a', 'new_b'), [
    [1, 'x', null, 10],
    [2, 'y', null, null],
  ]);
});

test('a renamed column is the same column, in the key too', async t => {
  const {repo} = await makeRepo(t);
  await run(repo, CREATE, ROWS, 'ALTER TABLE t RENAME COLUMN b TO people', 'ALTER TABLE t RENAME id TO number');
  t.deepEqual((await changed(repo, 'HEAD~2')).counts, [0, 0, 0]);
  await run(repo, 'UPDATE t SET people = 11 WHERE number = 1', 'DELETE FROM t WHERE number = 3');
  const {rows, counts, stat} = await changed(repo, 'HEAD~4');
  t.deepEqual(counts, [0, 1, 1]);
  t.deepEqual(stat, counts);
  t.deepEqual(pick(rows, 'number', 'old_people', 'new_people', 'old_a'), [
    [1, 10, 11, 'x'],
    [3, 30, null, null],
  ]);
  const versions = await call(repositoryCatalog(repo), 'history', 't', 1);
  t.deepEqual(pick(versions, 'change', 'number', 'people'), [
    ['modified', 1, 11],
    ['added', 1, 10],
  ]);
});

test('a rowid that was not declared stays the key when a column takes its name', async t => {
  const {repo} = await makeRepo(t);
  await run(repo, 'CREATE TABLE t(a)', 'INSERT INTO t VALUES (1), (2)', 'ALTER TABLE t ADD COLUMN rowid');
  t.deepEqual((await changed(repo, 'HEAD~1')).counts, [0, 0, 0]);
});

test('with another key all rows were deleted and all added', async t => {
  const {repo} = await makeRepo(t);
  await run(repo, CREATE, ROWS, 'DROP TABLE t');
  await run(
    repo,
    'CREATE TABLE t(a TEXT PRIMARY KEY, id INT, c REAL)',
    "INSERT INTO t VALUES ('x', 1, 2), ('z', 9, 8)",
  );
  const {rows, counts, stat} = await changed(repo, 'HEAD~3');
  t.deepEqual(counts, [2, 0, 3]);
  t.deepEqual(stat, counts);
  t.deepEqual(pick(rows, 'change', 'a', 'old_id', 'new_id', 'old_b', 'new_c'), [
    ['deleted', 'x', 1, null, 10, null],
    ['deleted', 'y', 2, null, null, null],
    ['deleted', null, 3, null, 30, null],
    ['added', 'x', null, 1, null, new Real(2)],
    ['added', 'z', null, 9, null, new Real(8)],
  ]);
});
