import fs from 'node:fs';
import path from 'node:path';
import test, {type ExecutionContext} from 'ava';
import type {ObjectId} from '../../src/objects/id.js';
import {createBranch} from '../../src/repo/branches.js';
import {listOperations} from '../../src/repo/operations.js';
import type {Repository} from '../../src/repo/repository.js';
import {createTag} from '../../src/repo/tags.js';
import {planRedo, planUndo} from '../../src/repo/undo.js';
import {affectedBy} from '../../src/sql/catalog/affected.js';
import {States} from '../../src/sql/catalog/states.js';
import {ScriptWrites} from '../../src/sql/write/script-writes.js';
import {bringBack} from '../../src/worktree/bringback.js';
import {commitWorkTree} from '../../src/worktree/commit.js';
import {checkoutCommit} from '../../src/worktree/detach.js';
import {switchBranch} from '../../src/worktree/switch.js';
import {random} from '../tree/samples.js';
import {repoWith, writeTree} from '../worktree/trees.js';

async function runScript(repo: Repository, sql: string): Promise<void> {
  const script = new ScriptWrites(repo, {sql});
  for await (const statement of script.database.script(sql)) statement.all();
  await script.publish();
}

/** What an operation affects by its own words, and by comparing: `ref table added modified deleted` each. */
function affected(repo: Repository) {
  const {operation} = repo;
  const lines = (tables: ReturnType<typeof affectedBy>) =>
    tables.map(({ref, table, added, modified, deleted}) => `${ref} ${table} ${added} ${modified} ${deleted}`).sort();
  return {
    told: operation.affected && lines(operation.affected),
    compared: lines(affectedBy(new States(repo.objects), {...operation, affected: null})),
  };
}

async function last(t: ExecutionContext, repo: Repository, work: () => Promise<unknown>, counted = true) {
  await work();
  const {told, compared} = affected(repo);
  t.is(told !== null, counted, repo.operation.description);
  if (told !== null) t.deepEqual(told, compared, repo.operation.description);
  return compared;
}

test('every way to change a store says what it affected', async t => {
  const {repo, directory} = await repoWith(t, {a: '1', 'd/b': '1'});
  const check = (work: () => Promise<unknown>, counted?: boolean) => last(t, repo, work, counted);
  const commit = (message: string, amend = false) => commitWorkTree(repo, {message, amend});
  t.deepEqual(affected(repo), {told: [], compared: []});
  t.deepEqual(await check(() => commit('first')), ['branches/main files 3 0 0']);
  writeTree(directory, {a: '2', c: '1'});
  t.deepEqual(await check(() => commit('second', true)), ['branches/main files 1 1 0']);
  t.deepEqual(await check(() => commit('other words', true)), []);
  t.deepEqual(
    await check(() => runScript(repo, 'CREATE TABLE t(a INTEGER PRIMARY KEY, b); CREATE VIEW v AS SELECT 1;')),
    ['branches/main t 0 0 0', 'branches/main v 0 0 0'],
  );
  const insert =
    "INSERT INTO t(b) VALUES ('x'), ('y'), ('z'); UPDATE t SET b = 'w' WHERE a = 1; DELETE FROM t WHERE a = 3;";
  t.deepEqual(await check(() => runScript(repo, insert)), ['branches/main t 2 0 0']);
  t.is(repo.operation.sql, insert);
  t.deepEqual(await check(() => runScript(repo, "BEGIN; UPDATE t SET b = 'v'; DELETE FROM t WHERE a = 2; COMMIT;")), [
    'branches/main t 0 1 1',
  ]);
  t.deepEqual(await check(() => runScript(repo, 'ALTER TABLE t ADD COLUMN c DEFAULT 1'), false), [
    'branches/main t 0 1 0',
  ]);
  t.deepEqual(await check(() => bringBack(repo, planUndo(repo)), false), ['branches/main t 0 1 0']);
  t.deepEqual(await check(() => bringBack(repo, planRedo(repo)), false), ['branches/main t 0 1 0']);
  t.deepEqual(await check(() => runScript(repo, 'ALTER TABLE t RENAME TO u')), [
    'branches/main t 0 0 1',
    'branches/main u 1 0 0',
  ]);
  const tip = repo.head().commit as ObjectId;
  t.deepEqual(await check(() => createTag(repo, 'v1', tip, {message: 'one'})), []);
  t.deepEqual(await check(() => createBranch(repo, 'side', tip)), []);
  t.deepEqual(await check(() => switchBranch(repo, 'side')), []);
  t.deepEqual(await check(() => checkoutCommit(repo, tip, undefined)), []);
  fs.rmSync(path.join(directory, 'd'), {recursive: true});
  t.deepEqual(await check(() => commit('detached')), ['HEAD files 0 0 2']);
  t.deepEqual(await check(() => runScript(repo, 'DELETE FROM u')), ['HEAD u 0 0 1']);
  t.deepEqual(await check(() => bringBack(repo, planUndo(repo)), false), ['HEAD u 1 0 0']);
  t.deepEqual(await check(() => createTag(repo, 'v1', repo.head().commit as ObjectId, {force: true}), false), [
    'tags/v1 files 0 0 2',
  ]);
  writeTree(directory, {'d/b': 'mine'});
  await checkoutCommit(repo, tip, undefined, {force: true});
  const [moved, saved] = listOperations(repo);
  t.is(moved?.affected, null);
  t.deepEqual(saved?.affected, [{ref: 'HEAD', table: 'files', added: 2, modified: 0, deleted: 0}]);
});

test('the first commit of a branch, and its undo, change every row', async t => {
  const {repo} = await repoWith(t, {a: '1'});
  await last(t, repo, () => runScript(repo, 'CREATE TABLE t(a); INSERT INTO t VALUES (1), (2);'));
  t.deepEqual(affected(repo).told, ['branches/main t 2 0 0']);
  t.deepEqual(await last(t, repo, () => bringBack(repo, planUndo(repo)), false), ['branches/main t 0 0 2']);
});

test('law: the counts of random scripts are those of a comparison; many rows are left to it', async t => {
  const {repo} = await repoWith(t, {});
  await runScript(repo, 'CREATE TABLE t(a INTEGER PRIMARY KEY, b); CREATE TABLE s(x TEXT PRIMARY KEY) WITHOUT ROWID;');
  const next = random(5);
  const number = (below: number) => Math.floor(next() * below);
  for (let round = 0; round < 25; round++) {
    const sql: string[] = [];
    for (let i = number(4); i >= 0; i--) {
      sql.push(
        [
          `INSERT OR REPLACE INTO t SELECT value, ${number(3)} FROM generate_series(${number(300)}, ${number(300)});`,
          `DELETE FROM t WHERE a % ${1 + number(5)} = 1;`,
          `UPDATE t SET b = ${number(3)} WHERE a > ${number(300)};`,
          `INSERT OR IGNORE INTO s VALUES ('${number(20)}'), ('${number(20)}');`,
          'DELETE FROM s;',
        ][number(5)] as string,
      );
    }
    const before = repo.operation;
    await runScript(repo, sql.join(' '));
    const {told, compared} = affected(repo);
    if (repo.operation !== before) t.deepEqual(told, compared, sql.join(' '));
  }
  await runScript(repo, 'DELETE FROM t; INSERT INTO t SELECT value, 1 FROM generate_series(1, 10001);');
  t.is(repo.operation.affected, null);
});
