/** Transactions by command: begin, act inside, savepoints, commit with the work tree following, roll back, look at them. */
import {chmodSync, rmSync} from 'node:fs';
import {join} from 'node:path';
import test from 'ava';
import {dbos, outcome, PROGRAM, start} from '../support/dbos.js';
import {makeStore, type Store} from './store.js';

interface Shown {
  readonly id: string;
  readonly status: string;
  readonly commit: string | null;
}

function begin(store: Store, ...args: string[]): string {
  return store.json<Shown>('begin', ...args).id;
}

const rows = (store: Store, sql: string, ...args: string[]) => store.json<unknown[]>('query', sql, ...args);

test('commands act inside a transaction that is named, by flag or by environment', t => {
  const store = makeStore(t);
  store.commit({file: 'text'});
  store.run('query', 'CREATE TABLE a(id INTEGER PRIMARY KEY, x); INSERT INTO a VALUES (1, 10)');
  t.regex(store.run('begin', '-m', 'first'), /^Transaction T[a-z2-7]{12} started on main\.\n$/);
  const id = begin(store);
  store.run('query', '--txn', id, 'UPDATE a SET x = 11');
  t.deepEqual(rows(store, 'SELECT x FROM a', '--txn', id.slice(0, 8)), [{x: 11}]);
  t.deepEqual(rows(store, 'SELECT x FROM a'), [{x: 10}]);
  const inside = (...args: string[]) => {
    const {status, stdout, stderr} = dbos(store.directory, args, {env: {DBOS_TXN: id}});
    t.is(status, 0, stderr);
    return stdout;
  };
  t.is(inside('query', 'SELECT x FROM a', '--format', 'csv', '--no-header'), '11\n');
  t.is(inside('ls'), 'file\n');
  t.is(inside('cat', 'file'), 'text');
  t.regex(
    inside('status'),
    /^In transaction T[a-z2-7]{12} on branch main, from [a-z2-7]{12}\n\nChanged:\n {2}table a: 1 modified\n$/,
  );
  t.regex(inside('log', '--oneline', '-n', '1'), /UPDATE a SET x = 11\n$/);
  t.regex(inside('diff'), /^table a: 1 row modified\n/);
  inside('savepoint', 's');
  inside('query', 'DELETE FROM a');
  inside('rollback', 'to', 's');
  inside('release', 's');
  t.deepEqual(store.failure('release', 's', '--txn', id), [4, 'SAVEPOINT_UNKNOWN']);
  const {commit} = {commit: JSON.parse(inside('commit', '--json', '-m', 'both')) as {id: string; merged: boolean}};
  t.false(commit.merged);
  t.deepEqual(rows(store, 'SELECT x FROM a'), [{x: 11}]);
  t.deepEqual(store.failure('commit', '--txn', id), [4, 'TRANSACTION_UNKNOWN']);
  t.deepEqual(store.failure('rollback'), [2, 'USAGE']);
  t.deepEqual(store.failure('commit', 'file', '--txn', id), [2, 'USAGE']);
});

test('transactions are listed, and shown with how they ended', t => {
  const store = makeStore(t);
  store.commit({file: 'text'});
  const [kept, dropped, open] = [
    begin(store),
    begin(store),
    begin(store, '-m', 'later', '--isolation', 'serializable'),
  ];
  store.run('query', '--txn', kept, 'CREATE TABLE t(a)');
  t.regex(store.run('txn', 'diff', kept), /CREATE TABLE t\(a\)/);
  store.run('commit', '--txn', kept);
  t.is(store.json<{tables: unknown[]}>('txn', 'diff', kept).tables.length, 1, 'also when it has ended');
  store.run('abort', '--txn', dropped);
  t.deepEqual(
    store.json<Shown[]>('txn', 'ls').map(each => each.id),
    [open],
  );
  const all = new Map(store.json<Shown[]>('txn', 'ls', '--all').map(each => [each.id, each]));
  t.deepEqual(
    [kept, dropped, open].map(id => all.get(id)?.status),
    ['committed', 'aborted', 'active'],
  );
  t.truthy(all.get(kept)?.commit);
  t.regex(
    store.run('txn', 'show', open),
    /\(active\)\nBranch: {4}main, from [\s\S]*Isolation: serializable\n\n {4}later\n$/,
  );
  t.regex(store.run('txn', 'show', kept), /\(committed\)\n[\s\S]*Ended: [\s\S]*Commit: /);
  t.deepEqual(rows(store, `SELECT status, commit_id IS NOT NULL AS made FROM transactions WHERE id = '${kept}'`), [
    {status: 'committed', made: 1},
  ]);
  t.deepEqual(store.failure('txn', 'show', 'Tnone'), [4, 'TRANSACTION_UNKNOWN']);
  store.run('fsck');
});

test('a conflict ends with status 3 and leaves the transaction open', t => {
  const store = makeStore(t);
  store.run('query', 'CREATE TABLE a(id INTEGER PRIMARY KEY, x); INSERT INTO a VALUES (1, 10)');
  const id = begin(store);
  store.run('query', '--txn', id, 'UPDATE a SET x = 11');
  store.run('query', 'UPDATE a SET x = 12');
  const {status, stderr} = store.try('commit', '--txn', id);
  t.is(status, 3);
  t.true(stderr.includes('a (1) has x = 11 here and 12 there, where it was 10 (TRANSACTION_CONFLICT)'), stderr);
  t.deepEqual(
    store.json<Shown[]>('txn', 'ls').map(each => each.id),
    [id],
  );
});

/** A shell script, for `transact`; `$dbos` in it runs the program. */
const script = (text: string) => ['--', 'sh', '-c', `dbos="${process.execPath} ${PROGRAM}"\n${text}`];

test('a program is one transaction: committed when it succeeds, rolled back with its status when it fails', t => {
  const store = makeStore(t);
  store.run('query', 'CREATE TABLE a(id INTEGER PRIMARY KEY, x); INSERT INTO a VALUES (1, 10)');
  const twice = script(`$dbos query 'UPDATE a SET x = x + 1' && $dbos query 'UPDATE a SET x = x * 2' && echo done`);
  t.is(store.run('transact', '-m', 'both', ...twice), 'done\n');
  t.deepEqual(rows(store, 'SELECT x FROM a'), [{x: 22}]);
  t.regex(store.lines('log', '--oneline', '-n', '1')[0] as string, / both$/);
  const failing = script(`$dbos query 'DELETE FROM a'; cat; exit 7`);
  const failed = dbos(store.directory, ['transact', ...failing], {input: 'what it reads'});
  t.is(failed.status, 7);
  t.is(failed.stdout, 'what it reads');
  t.regex(failed.stderr, /ended with status 7: transaction T\w+ is rolled back/);
  const ended = store.json<{id: string | null; status: number}>('transact', ...script('$dbos rollback'));
  t.like(ended, {id: null, status: 0});
  t.deepEqual(rows(store, 'SELECT x FROM a'), [{x: 22}]);
  t.deepEqual(store.json('txn', 'ls'), []);
});

test('a program that cannot be run ends as in a shell, and leaves no transaction', t => {
  const store = makeStore(t);
  store.commit({plain: 'true\n', script: '#!/no/such/interpreter\n', 'folder/a': ''});
  chmodSync(join(store.directory, 'script'), 0o755);
  for (const [program, status, code, said] of [
    ['no-such-program', 127, 'PROGRAM_UNKNOWN', "There is no program 'no-such-program'."],
    ['./nothing', 127, 'PROGRAM_UNKNOWN', "There is no program './nothing'."],
    ['', 127, 'PROGRAM_UNKNOWN', "There is no program ''."],
    ['./plain', 126, 'PROGRAM_FAILED', "The program './plain' cannot be run: it is not executable."],
    ['./folder', 126, 'PROGRAM_FAILED', "The program './folder' cannot be run: it is a directory."],
    ['./plain/a', 126, 'PROGRAM_FAILED', "The program './plain/a' cannot be run: a part of its path is no directory."],
    [
      './script',
      126,
      'PROGRAM_FAILED',
      "The program './script' cannot be run: what its first line names is not there.",
    ],
  ] as const) {
    for (const retry of [[], ['--retry', '2']]) {
      const outcome = store.try('--json', 'transact', ...retry, '--', program, 'argument');
      t.is(outcome.status, status, program);
      const {error} = JSON.parse(outcome.stdout) as {
        error: {code: string; message: string; hint: string; data: object};
      };
      t.like(error, {code, message: said, data: {program}});
      t.regex(error.hint, /\.$/);
    }
  }
  t.deepEqual(store.json('txn', 'ls'), []);
  // a program's own status is no error
  t.like(JSON.parse(store.try('--json', 'transact', ...script('exit 127')).stdout), {status: 127});
});

test('a program that met a conflict is run again with the same stdin; what is printed is that of the last run', t => {
  const store = makeStore(t);
  store.run('query', 'CREATE TABLE a(id INTEGER PRIMARY KEY, x); INSERT INTO a VALUES (1, 10)');
  // another one comes in between when it is run first
  const meeting = script(`read by
$dbos query "UPDATE a SET x = x + $by"
$dbos query 'SELECT x FROM a' --format csv --no-header
test -e met || { touch met; DBOS_TXN= $dbos query 'UPDATE a SET x = x * 2'; }`);
  const transact = (...flags: string[]) => dbos(store.directory, ['transact', ...flags, ...meeting], {input: '5\n'});
  t.is(transact().status, 3);
  t.deepEqual(store.json('txn', 'ls'), []);
  t.deepEqual(rows(store, 'SELECT x FROM a'), [{x: 20}]);
  rmSync(join(store.directory, 'met'));
  const {status, stdout, stderr} = transact('--retry', '3');
  t.is(status, 0, stderr);
  t.is(stdout, '45\n');
  t.true(stderr.includes('It was run 2 times.'), stderr);
  t.deepEqual(rows(store, 'SELECT x FROM a'), [{x: 45}]);
});

test('of several processes that add to one counter with --retry none is lost', async t => {
  const store = makeStore(t);
  store.run('query', 'CREATE TABLE a(id INTEGER PRIMARY KEY, x); INSERT INTO a VALUES (1, 0)');
  const add = script(`x=$($dbos query 'SELECT x FROM a' --format csv --no-header)
exec $dbos query --quiet "UPDATE a SET x = $((x + 1))"`);
  const runs = Array.from({length: 4}, () => start(store.directory, ['transact', '--retry', '50', ...add]));
  for (const {status, stderr} of await Promise.all(runs.map(outcome))) t.is(status, 0, stderr);
  t.deepEqual(rows(store, 'SELECT x FROM a'), [{x: 4}]);
});
