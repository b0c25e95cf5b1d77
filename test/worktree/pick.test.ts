/** One commit taken back, or done elsewhere: what came since stays, and what contradicts it is told. */
import {existsSync, readFileSync, writeFileSync} from 'node:fs';
import {join} from 'node:path';
import test from 'ava';
import fc from 'fast-check';
import {readCommit} from '../../src/repo/commit.js';
import {fsck} from '../../src/sql/fsck.js';
import '../../src/sql/repository-query.js';
import {pickCommit, revertCommit} from '../../src/worktree/pick.js';
import '../../src/worktree/transact.js';
import type {ObjectId} from '../../src/objects/id.js';
import type {Repository} from '../../src/repo/repository.js';
import {makeRepo, moveHead} from '../support/repo.js';

const stateOf = (repo: Repository) => readCommit(repo.objects, repo.head().commit as ObjectId).state;

async function run(repo: Repository, ...statements: readonly string[]): Promise<ObjectId> {
  await repo.transact(
    async tx => {
      for (const sql of statements) await tx.execute(sql);
    },
    {message: statements.join('\n')},
  );
  return repo.head().commit as ObjectId;
}

/** Rows that exist, by their keys, and what is done with them. */
const changes = (from: number) =>
  fc.array(
    fc.record({
      key: fc.integer({min: from, max: from + 4}),
      does: fc.constantFrom('insert', 'update', 'delete', 'file'),
      n: fc.nat(99),
    }),
    {
      minLength: 1,
      maxLength: 5,
    },
  );

function sqlOf({key, does, n}: {readonly key: number; readonly does: string; readonly n: number}): string {
  switch (does) {
    case 'insert':
      return `INSERT OR REPLACE INTO t VALUES (${key}, ${n})`;
    case 'update':
      return `UPDATE t SET x = ${n} WHERE id = ${key}`;
    case 'delete':
      return `DELETE FROM t WHERE id = ${key}`;
    default:
      return `INSERT INTO files(path, content) VALUES ('f${key}', '${n}') ON CONFLICT (path) DO UPDATE SET content = excluded.content`;
  }
}

test('laws: a commit taken back leaves what others made; done again it is there as before', async t => {
  await fc.assert(
    fc.asyncProperty(changes(0), changes(10), async (some, others) => {
      const {repo} = await makeRepo(t);
      await run(
        repo,
        'CREATE TABLE t(id INTEGER PRIMARY KEY, x)',
        'CREATE INDEX i ON t(x)',
        'INSERT INTO t VALUES (1, 1), (11, 1)',
      );
      const before = stateOf(repo);
      const commit = await run(repo, ...some.map(sqlOf));
      fc.pre(stateOf(repo) !== before);
      await run(repo, ...others.map(sqlOf));
      const both = stateOf(repo);
      const back = await revertCommit(repo, commit);
      const alone = stateOf(repo);
      await revertCommit(repo, back?.commit as ObjectId);
      t.is(stateOf(repo), both);
      await revertCommit(repo, commit);
      t.is(stateOf(repo), alone);
      await pickCommit(repo, commit);
      t.is(stateOf(repo), both);
      t.is(await pickCommit(repo, commit), undefined, 'all of it is here');
      for await (const problem of fsck(repo)) t.fail(JSON.stringify(problem));
      await repo.close();
    }),
    {numRuns: 12},
  );
});

test('the work tree follows, and author and message of a picked commit stay', async t => {
  const {repo, directory} = await makeRepo(t);
  const base = await run(repo, "INSERT INTO files(path, content) VALUES ('f', '1')");
  const id = await run(repo, "UPDATE files SET content = '2'", "INSERT INTO files(path, content) VALUES ('new', 'n')");
  const back = await revertCommit(repo, id);
  t.is(readFileSync(join(directory, 'f'), 'utf8'), '1');
  t.false(existsSync(join(directory, 'new')));
  const made = readCommit(repo.objects, back?.commit as ObjectId);
  t.like(made, {cause: 'revert', message: /^Revert "UPDATE files/.exec(made.message) ? made.message : ''});
  await moveHead(repo, {detached: base});
  const picked = await pickCommit(repo, id);
  const [original, copy] = [id, picked?.commit as ObjectId].map(each => readCommit(repo.objects, each));
  t.like(copy, {author: original?.author, message: original?.message, cause: 'cherry-pick', parents: [base]});
  t.is(repo.head().commit, picked?.commit);
  writeFileSync(join(directory, 'f'), 'not committed');
  await t.throwsAsync(revertCommit(repo, id), {code: 'WOULD_OVERWRITE'});
  t.is(readFileSync(join(directory, 'f'), 'utf8'), 'not committed');
});

test('what has changed since is a conflict that moves nothing, or is settled', async t => {
  const {repo} = await makeRepo(t);
  await run(repo, 'CREATE TABLE t(id INTEGER PRIMARY KEY, x)', 'INSERT INTO t VALUES (1, 1), (2, 1)');
  const id = await run(repo, 'UPDATE t SET x = 2');
  const head = await run(repo, 'UPDATE t SET x = 3 WHERE id = 1');
  await t.throwsAsync(revertCommit(repo, id), {
    code: 'TRANSACTION_CONFLICT',
    message:
      /^Taking back \w+ conflicts with what 'main' has now: t \(1\) has x = 3 here and 1 there, where it was 2\.$/,
  });
  t.is(repo.head().commit, head);
  const done = await revertCommit(repo, id, {prefer: 'ours', message: 'half'});
  t.is(done?.settled.length, 1);
  t.is(readCommit(repo.objects, done?.commit as ObjectId).message, 'half');
  const rows: unknown[] = [];
  for await (const row of repo.query('SELECT x FROM t ORDER BY id')) rows.push(row);
  t.deepEqual(rows, [{x: 3}, {x: 1}]);
});

test('of a merge it must be said against which parent it is seen; a first commit is seen against nothing', async t => {
  const {repo} = await makeRepo(t);
  const first = await run(repo, 'CREATE TABLE t(id INTEGER PRIMARY KEY)');
  const one = await run(repo, 'INSERT INTO t VALUES (1)');
  await moveHead(repo, {detached: first});
  await run(repo, 'INSERT INTO t VALUES (2)');
  const {bringInCommit} = await import('../../src/sync/pull.js');
  await moveHead(repo, 'main');
  const side = await pickCommit(repo, one);
  t.is(side, undefined, 'it is here already');
  await run(repo, 'CREATE TABLE other(a)');
  const before = stateOf(repo);
  await moveHead(repo, {detached: first});
  const branch = await run(repo, 'INSERT INTO t VALUES (3)');
  await moveHead(repo, 'main');
  const {commit} = await bringInCommit(repo, branch, 'side');
  await t.throwsAsync(revertCommit(repo, commit), {code: 'PARENT_AMBIGUOUS'});
  await t.throwsAsync(revertCommit(repo, commit, {parent: 3}), {code: 'REVISION_UNKNOWN'});
  await t.throwsAsync(revertCommit(repo, commit, {parent: 0}), {code: 'REVISION_UNKNOWN'});
  await revertCommit(repo, commit, {parent: 1});
  t.is(stateOf(repo), before);
  await t.throwsAsync(revertCommit(repo, first), {code: 'TRANSACTION_CONFLICT'});
});
