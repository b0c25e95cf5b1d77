/** Transactions that outlive their process: their states, commits that merge, conflicts that change nothing, undo, the log. */
import test, {type ExecutionContext} from 'ava';
import type {DbosError} from '../../src/errors.js';
import {readCommit} from '../../src/repo/commit.js';
import {
  beginTransaction,
  enterTransaction,
  listOpenTransactions,
  makeSavepoint,
  type NamedTransaction,
  openTransaction,
  releaseSavepoint,
  resolveTransaction,
  rollbackToSavepoint,
  rollbackTransaction,
} from '../../src/repo/opentransactions.js';
import {branchName} from '../../src/repo/refs.js';
import {Repository} from '../../src/repo/repository.js';
import {listTransactions} from '../../src/repo/transactionlog.js';
import {planRedo, planUndo} from '../../src/repo/undo.js';
import {commitTransaction} from '../../src/sql/commit-transaction.js';
import {fsck} from '../../src/sql/fsck.js';
import {databaseOf} from '../../src/sql/repository-query.js';
import {writableDatabaseOf} from '../../src/sql/write/repository-writes.js';
import {ScriptWrites} from '../../src/sql/write/script-writes.js';
import {makeRepo, testContext} from '../support/repo.js';

/** A second look at a store that is open: what another process would see and do, one after the other. */
class Store {
  constructor(
    readonly repo: Repository,
    private readonly reopen: () => Promise<Repository>,
  ) {}

  static async make(t: ExecutionContext): Promise<Store> {
    const {repo, clock, directory} = await makeRepo(t);
    await repo.close();
    const reopen = async () => {
      const again = await Repository.open({store: `${directory}/.dbos`, workTree: directory}, testContext(clock));
      t.teardown(() => again.close());
      return again;
    };
    return new Store(repo, reopen);
  }

  /** Does something as a process of its own. */
  async with<T>(work: (repo: Repository) => Promise<T> | T): Promise<T> {
    const repo = await this.reopen();
    try {
      return await work(repo);
    } finally {
      await repo.close();
    }
  }

  /** Runs a script, inside a transaction if one is named. */
  run(sql: string, inside?: NamedTransaction): Promise<unknown> {
    return this.with(async repo => {
      const transaction = inside && openTransaction(repo, inside.name);
      if (transaction) enterTransaction(repo, transaction);
      const writes = new ScriptWrites(repo, {...(transaction && {transaction}), sql});
      const rows: unknown[] = [];
      for await (const statement of writes.database.script(sql)) {
        for (const batch of statement.batches()) rows.push(...batch);
      }
      await writes.publish();
      return rows;
    });
  }

  begin(options: Parameters<typeof beginTransaction>[1] = {}): Promise<NamedTransaction> {
    return this.with(repo => beginTransaction(repo, options));
  }

  commit(inside: NamedTransaction, message?: string) {
    return this.with(repo => commitTransaction(repo, openTransaction(repo, inside.name), {message}));
  }

  async problems(): Promise<unknown[]> {
    return this.with(async repo => {
      const problems: unknown[] = [];
      for await (const problem of fsck(repo)) problems.push(problem);
      return problems;
    });
  }
}

const ACCOUNTS = 'CREATE TABLE a(id INTEGER PRIMARY KEY, x, y); INSERT INTO a VALUES (1, 10, 10), (2, 20, 20)';

test('a transaction sees what was there when it began and what it did, and others see nothing of it', async t => {
  const store = await Store.make(t);
  await store.run(ACCOUNTS);
  const one = await store.begin({message: 'pay'});
  t.regex(one.name, /^T[a-z2-7]{12}$/);
  await store.run('UPDATE a SET x = 11 WHERE id = 1', one);
  await store.run('UPDATE a SET y = 99 WHERE id = 2');
  t.deepEqual(await store.run('SELECT x, y FROM a', one), [
    [11, 10],
    [20, 20],
  ]);
  t.deepEqual(await store.run('SELECT x, y FROM a'), [
    [10, 10],
    [20, 99],
  ]);
  t.deepEqual(await store.run("SELECT x FROM a AS OF 'HEAD'", one), [[11], [20]]);
  const {commit, merged} = await store.commit(one);
  t.true(merged);
  t.deepEqual(await store.run('SELECT x, y FROM a'), [
    [11, 10],
    [20, 99],
  ]);
  await store.with(repo => {
    const {message, parents, cause} = readCommit(repo.objects, commit as NonNullable<typeof commit>);
    t.deepEqual([message, parents.length, cause], ['pay', 1, one.name]);
    t.deepEqual([...listOpenTransactions(repo)], []);
    t.throws(() => resolveTransaction(repo, one.name), {code: 'TRANSACTION_UNKNOWN'});
  });
  t.deepEqual(await store.problems(), []);
});

test('a conflict names table, key and both values, and leaves the transaction open', async t => {
  const store = await Store.make(t);
  await store.run(ACCOUNTS);
  const one = await store.begin();
  await store.run('UPDATE a SET x = 11 WHERE id = 1', one);
  await store.run('UPDATE a SET x = 12 WHERE id = 1');
  const error = (await t.throwsAsync(store.commit(one), {
    code: 'TRANSACTION_CONFLICT',
    message: `${one.name} conflicts with what 'main' has now: a (1) has x = 11 here and 12 there, where it was 10.`,
  })) as DbosError;
  t.is(error.exitStatus, 3);
  t.deepEqual(error.data.conflicts, [
    {
      kind: 'cell',
      table: 'a',
      key: [1],
      column: 'x',
      base: 10,
      ours: 11,
      theirs: 12,
      message: 'a (1) has x = 11 here and 12 there, where it was 10',
    },
  ]);
  t.deepEqual(await store.run('SELECT x FROM a WHERE id = 1', one), [[11]]);
  await store.run('UPDATE a SET x = 12 WHERE id = 1', one);
  await t.throwsAsync(
    store.commit(one),
    {code: 'TRANSACTION_CONFLICT'},
    'the same value, from two that had not seen each other',
  );
  await store.run('UPDATE a SET x = 10, y = 11 WHERE id = 1', one);
  t.truthy((await store.commit(one)).merged);
  t.deepEqual(await store.run('SELECT x, y FROM a WHERE id = 1'), [[12, 11]]);
});

test('several are open at once, on several branches, and go on after whoever began them', async t => {
  const store = await Store.make(t);
  const first = await store.begin();
  await store.run('CREATE TABLE t(a INTEGER PRIMARY KEY)', first);
  const {commit} = await store.commit(first, 'the first commit');
  t.truthy(commit);
  const [a, b] = [await store.begin(), await store.begin()];
  await store.run('INSERT INTO t VALUES (1)', a);
  await store.run('INSERT INTO t VALUES (2)', b);
  await store.with(repo => {
    t.deepEqual([...listOpenTransactions(repo)].map(({name}) => name).sort(), [a.name, b.name].sort());
    t.is(resolveTransaction(repo, a.name.slice(0, 9)).name, a.name);
  });
  await store.commit(a);
  await store.commit(b);
  t.deepEqual(await store.run('SELECT a FROM t'), [[1], [2]]);
  await t.throwsAsync(store.begin({branch: branchName('nowhere')}), {code: 'BRANCH_UNKNOWN'});
});

test('savepoints bring a transaction back, and are released', async t => {
  const store = await Store.make(t);
  await store.run(ACCOUNTS);
  const one = await store.begin();
  const step = (work: (repo: Repository, open: NamedTransaction) => Promise<unknown>) =>
    store.with(repo => work(repo, openTransaction(repo, one.name)));
  await store.run('DELETE FROM a WHERE id = 1', one);
  await step((repo, open) => makeSavepoint(repo, open, 's'));
  await store.run('DELETE FROM a', one);
  await step((repo, open) => makeSavepoint(repo, open, 'later'));
  await step((repo, open) => rollbackToSavepoint(repo, open, 'S'));
  t.deepEqual(await store.run('SELECT id FROM a', one), [[2]]);
  await t.throwsAsync(
    step((repo, open) => rollbackToSavepoint(repo, open, 'later')),
    {code: 'SAVEPOINT_UNKNOWN'},
  );
  await step((repo, open) => releaseSavepoint(repo, open, 's'));
  await t.throwsAsync(
    step((repo, open) => releaseSavepoint(repo, open, 's')),
    {code: 'SAVEPOINT_UNKNOWN'},
  );
  await store.commit(one);
  t.deepEqual(await store.run('SELECT id FROM a'), [[2]]);
  t.deepEqual(await store.problems(), []);
});

test('the log tells how each ended, also when that is undone and redone', async t => {
  const store = await Store.make(t);
  await store.run(ACCOUNTS);
  const statuses = () =>
    store.with(repo => {
      const found = new Map<string, unknown>();
      for (const {name, status, ended, commit} of listTransactions(repo)) {
        found.set(name, [status, ended !== null, commit !== null]);
      }
      return found;
    });
  const kept = await store.begin();
  await store.run('DELETE FROM a', kept);
  await store.commit(kept);
  const empty = await store.begin();
  await store.commit(empty);
  const dropped = await store.begin();
  await store.with(repo => rollbackTransaction(repo, openTransaction(repo, dropped.name)));
  const open = await store.begin();
  const before = await statuses();
  t.deepEqual(
    [kept, empty, dropped, open].map(({name}) => before.get(name)),
    [
      ['committed', true, true],
      ['committed', true, false],
      ['aborted', true, false],
      ['active', false, false],
    ],
  );
  const undo = () => store.with(repo => repo.begin().publish(planUndo(repo).publication));
  const redo = () => store.with(repo => repo.begin().publish(planRedo(repo).publication));
  await undo();
  t.deepEqual((await statuses()).get(open.name), ['aborted', true, false]);
  await undo();
  t.deepEqual((await statuses()).get(dropped.name), ['active', false, false]);
  await redo();
  t.deepEqual((await statuses()).get(dropped.name), ['aborted', true, false]);
  for (let i = 0; i < 5; i++) await undo();
  t.deepEqual((await statuses()).get(kept.name), ['active', false, false], 'its commit is undone: it is open again');
  t.deepEqual(await store.run('SELECT count(*) FROM a'), [[2]]);
  await store.commit(kept);
  t.deepEqual(await store.run('SELECT count(*) FROM a'), [[0]]);
  t.deepEqual(await store.problems(), []);
});

test('a serializable transaction fails if what it read has changed', async t => {
  const store = await Store.make(t);
  await store.run(`${ACCOUNTS}; CREATE TABLE b(id INTEGER PRIMARY KEY, x)`);
  const one = await store.begin({isolation: 'serializable'});
  await store.run('INSERT INTO b SELECT id, x FROM a WHERE id = 1', one);
  await store.run('UPDATE a SET x = 0 WHERE id = 1');
  const error = (await t.throwsAsync(store.commit(one), {code: 'TRANSACTION_CONFLICT'})) as DbosError;
  t.deepEqual(error.data.conflicts, [{kind: 'read', table: 'a', key: [1]}]);
  const two = await store.begin({isolation: 'serializable'});
  await store.run('INSERT INTO b SELECT id, x FROM a WHERE id = 1', two);
  await store.run('INSERT INTO b VALUES (7, 7)');
  t.truthy((await store.commit(two)).merged, 'what it only writes may change');
  t.deepEqual(await store.problems(), []);
});

test('transactions that add to one table whose rowids are hidden are all committed', async t => {
  const store = await Store.make(t);
  await store.run("CREATE TABLE entries(what); CREATE INDEX i ON entries(what); INSERT INTO entries VALUES ('begin')");
  const open = [];
  for (let i = 0; i < 3; i++) open.push(await store.begin());
  for (const [i, each] of open.entries()) await store.run(`INSERT INTO entries VALUES ('${i}a'), ('${i}b')`, each);
  for (const each of open) await store.run("UPDATE entries SET what = what || '!' WHERE what LIKE '_b'", each);
  for (const each of open) await store.commit(each);
  t.deepEqual(
    await store.run('SELECT what FROM entries ORDER BY rowid'),
    ['begin', '0a', '0b!', '1a', '1b!', '2a', '2b!'].map(what => [what]),
  );
  t.deepEqual(await store.problems(), []);
});

test('units of a database that others overtake are merged, or undone', async t => {
  const {repo} = await makeRepo(t);
  const [a, b] = [writableDatabaseOf(repo), writableDatabaseOf(repo)];
  const run = async (db: typeof a, sql: string) => {
    db.prepare(sql).all();
    await db.settled();
  };
  await run(a, 'CREATE TABLE t(id INTEGER PRIMARY KEY, x)');
  await run(a, 'INSERT INTO t VALUES (1, 1)');
  const c = writableDatabaseOf(repo);
  await run(a, 'INSERT INTO t VALUES (2, 2)');
  await run(c, 'INSERT INTO t VALUES (3, 3)');
  await run(a, 'UPDATE t SET x = 10 WHERE id = 1');
  await t.throwsAsync(run(c, 'UPDATE t SET x = 20 WHERE id = 1'), {code: 'TRANSACTION_CONFLICT'});
  await run(c, 'INSERT INTO t VALUES (4, 4)');
  await t.throwsAsync(run(b, 'CREATE TABLE t(other)'), {code: 'TRANSACTION_CONFLICT'});
  t.deepEqual(databaseOf(repo).prepare('SELECT * FROM t').all(), [
    [1, 10],
    [2, 2],
    [3, 3],
    [4, 4],
  ]);
});
