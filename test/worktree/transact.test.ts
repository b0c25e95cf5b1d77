/** Transactions of a program: one commit or nothing, again after a conflict, files on disk that follow. */
import {existsSync, readFileSync} from 'node:fs';
import {join} from 'node:path';
import test from 'ava';
import {readCommit} from '../../src/repo/commit.js';
import type {Repository} from '../../src/repo/repository.js';
import {fsck} from '../../src/sql/fsck.js';
import '../../src/sql/repository-query.js';
import '../../src/worktree/transact.js';
import {makeRepo} from '../support/repo.js';

async function rowsOf(repo: Repository, sql: string): Promise<unknown[]> {
  const rows: unknown[] = [];
  for await (const row of repo.query(sql)) rows.push(row);
  return rows;
}

test('what a function does is one commit, with the files on disk; what throws does nothing', async t => {
  const {repo, directory} = await makeRepo(t);
  const made = await repo.transact(
    async tx => {
      await tx.execute('CREATE TABLE t(a INTEGER PRIMARY KEY, b)');
      t.is(await tx.execute('INSERT INTO t VALUES (1, ?), (2, ?)', ['x', 'y']), 2);
      await tx.writeFile('notes/first.txt', Buffer.from('one'));
      t.deepEqual(Buffer.from((await tx.readFile('notes/first.txt')) as Uint8Array).toString(), 'one');
      t.is(await tx.readFile('none'), undefined);
      const rows: unknown[] = [];
      for await (const row of tx.query('SELECT b FROM t WHERE a > ?', [1])) rows.push(row);
      return rows;
    },
    {message: 'begin'},
  );
  t.deepEqual(made, [{b: 'y'}]);
  const head = repo.head().commit as NonNullable<ReturnType<typeof repo.head>['commit']>;
  t.is(readCommit(repo.objects, head).message, 'begin');
  t.is(readFileSync(join(directory, 'notes/first.txt'), 'utf8'), 'one');
  await t.throwsAsync(
    repo.transact(async tx => {
      await tx.execute('DELETE FROM t');
      await tx.removeFile('notes/first.txt');
      throw new Error('changed my mind');
    }),
    {message: 'changed my mind'},
  );
  t.is(repo.head().commit, head);
  t.true(await repo.transact(tx => tx.removeFile('notes/first.txt')));
  t.false(existsSync(join(directory, 'notes/first.txt')));
  t.deepEqual(await rowsOf(repo, 'SELECT count(*) AS n FROM t'), [{n: 2}]);
});

test('those that meet are run again: nothing is lost', async t => {
  const {repo} = await makeRepo(t);
  await repo.transact(tx => tx.execute('CREATE TABLE n(id INTEGER PRIMARY KEY, x)'));
  await repo.transact(tx => tx.execute('INSERT INTO n VALUES (1, 0), (2, 0)'));
  let runs = 0;
  const add = (id: number) =>
    repo.transact(
      async tx => {
        runs++;
        for await (const row of tx.query('SELECT x FROM n WHERE id = ?', [id])) {
          await new Promise(resolve => setTimeout(resolve, 1));
          await tx.execute('UPDATE n SET x = ? WHERE id = ?', [(row.x as number) + 1, id]);
        }
      },
      {retries: 1000},
    );
  await Promise.all(Array.from({length: 20}, (_, i) => add((i % 2) + 1)));
  t.deepEqual(await rowsOf(repo, 'SELECT x FROM n'), [{x: 10}, {x: 10}]);
  t.true(runs > 20);
  await t.throwsAsync(Promise.all([1, 1].map(id => repo.transact(tx => conflicting(tx, id), {retries: 0}))), {
    code: 'TRANSACTION_CONFLICT',
  });
  const problems: unknown[] = [];
  for await (const problem of fsck(repo)) problems.push(problem);
  t.deepEqual(problems, []);
});

async function conflicting(tx: {execute(sql: string): Promise<number>}, id: number): Promise<void> {
  await tx.execute(`UPDATE n SET x = x + 1 WHERE id = ${id}`);
  await new Promise(resolve => setTimeout(resolve, 5));
}

test('a serializable one is run again if what it has read has changed', async t => {
  const {repo} = await makeRepo(t);
  await repo.transact(async tx => {
    await tx.execute('CREATE TABLE a(x)');
    await tx.execute('CREATE TABLE b(x)');
  });
  const copy = (from: string, to: string, isolation: 'snapshot' | 'serializable') =>
    repo.transact(
      async tx => {
        for await (const {n} of tx.query(`SELECT count(*) AS n FROM ${from}`)) {
          await new Promise(resolve => setTimeout(resolve, 5));
          await tx.execute(`INSERT INTO ${to} VALUES (?)`, [n as number]);
        }
      },
      {isolation},
    );
  await Promise.all([copy('a', 'b', 'snapshot'), copy('b', 'a', 'snapshot')]);
  t.deepEqual(await rowsOf(repo, 'SELECT x FROM a UNION ALL SELECT x FROM b'), [{x: 0}, {x: 0}]);
  await repo.transact(async tx => {
    await tx.execute('DELETE FROM a');
    await tx.execute('DELETE FROM b');
  });
  await Promise.all([copy('a', 'b', 'serializable'), copy('b', 'a', 'serializable')]);
  t.deepEqual(await rowsOf(repo, 'SELECT x FROM a UNION ALL SELECT x FROM b ORDER BY 1'), [{x: 0}, {x: 1}]);
});
