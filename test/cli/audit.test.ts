/** `dbos audit`: who changed what, and whether the log is whole. */
import test from 'ava';
import {dbos} from '../support/dbos.js';
import {makeStore, short} from './store.js';

interface Audited {
  readonly id: string;
  readonly seq: number;
  readonly user: string;
  readonly command: string;
  readonly sql: string | null;
  readonly description: string;
  readonly transaction: string | null;
  readonly affected: readonly {ref: string; table: string; added: number; modified: number; deleted: number}[];
}

interface Verified {
  readonly operations: number;
  readonly newest: {readonly id: string; readonly seq: number};
  readonly problems: readonly {code: string; message: string}[];
}

test('audit tells who changed a path or a table, by which command, and how much', t => {
  const store = makeStore(t);
  store.commit({'etc/hosts': '1', other: '1'}, 'one');
  const second = store.commit({'etc/hosts': '2'}, 'two');
  const sql = "CREATE TABLE notes(x); INSERT INTO notes VALUES ('a'), ('b');";
  t.is(dbos(store.directory, ['query'], {input: sql}).status, 0);
  store.run('undo');
  const seqs = (...args: string[]) => store.json<Audited[]>('audit', ...args).map(({seq}) => seq);
  t.deepEqual(seqs(), [4, 3, 2, 1, 0]);
  t.deepEqual(seqs('--path', 'etc/hosts'), [2, 1]);
  t.deepEqual(seqs('--path', 'etc', '-n', '1'), [2]);
  t.deepEqual(seqs('-C', 'etc', '--path', 'hosts'), [2, 1]);
  t.deepEqual(seqs('--table', 'Notes'), [4, 3]);
  t.deepEqual(seqs('--user', 'nobody'), []);
  t.deepEqual(seqs('--until', 'yesterday'), []);
  t.is(store.try('audit', '--path', 'nowhere').stderr, 'No operation fits.\n');
  t.deepEqual(seqs('--since', '1 hour ago', '--path', 'other'), [1]);
  t.deepEqual(store.failure('audit', '--since', 'whenever'), [2, 'TIME_INVALID']);
  const [undone, queried, committed] = store.json<Audited[]>('audit') as [Audited, Audited, Audited];
  const counts = {ref: 'branches/main', table: 'notes', added: 0, modified: 0, deleted: 0};
  t.deepEqual(undone.affected, [{...counts, deleted: 2}]);
  t.like(queried, {command: 'dbos query', sql, transaction: null, affected: [{...counts, added: 2}]});
  t.like(committed, {sql: null, affected: [{...counts, table: 'files', modified: 1}]});
  const lines = store.lines('audit', '--path', 'etc/hosts', '-n', '1');
  t.is(lines[0], `operation ${short(committed.id)}`);
  t.is(lines[3], 'Command: dbos commit --json -m two');
  t.regex(lines[5] as string, new RegExp(`^ {4}branch {2}main {2}\\w{12} -> ${short(second)}$`));
  t.is(lines[6], '    table  files  1 modified  on main');
  t.is(store.lines('op', 'show', short(queried.id))[4], `SQL:     ${sql}`);
});

test('no secret of a command line is recorded', t => {
  const store = makeStore(t);
  store.write({a: '1'});
  store.run('commit', '-m', 'from https://ada:hunter2@example.org/?token=hunter2');
  store.run('query', 'CREATE TABLE t(x)');
  store.run('query', 'INSERT INTO t SELECT length(:password)', '--param', 'password:text=hunter2');
  store.run('query', "INSERT INTO t VALUES ('https://ada:hunter2@example.org')");
  const log = store.json<Audited[]>('audit');
  t.is(log.length, 5);
  t.false(JSON.stringify(log).includes('hunter2'));
  t.is(log[1]?.command, "dbos query 'INSERT INTO t SELECT length(:password)' --param 'password:text=***'");
  t.is(log[0]?.sql, "INSERT INTO t VALUES ('https://ada:***@example.org')");
  t.is(log[3]?.description, 'commit: from https://ada:***@example.org/?token=***');
});

test('audit verify proves the log, since an operation that was noted', t => {
  const store = makeStore(t);
  store.commit({a: '1'});
  const {operations, newest, problems} = store.json<Verified>('audit', 'verify');
  t.deepEqual([operations, newest.seq, problems], [2, 1, []]);
  store.commit({a: '2'});
  const since = store.json<Verified>('audit', 'verify', newest.id);
  t.deepEqual([since.operations, since.newest.seq, since.problems], [2, 2, []]);
  t.regex(
    store.run('audit', 'verify', short(newest.id)),
    /^Verified 2 operations, from the newest back to number 1 of [^\n]*\.\nThe newest is \w{61}\.\n$/,
  );
  const elsewhere = makeStore(t);
  const {status, stdout} = elsewhere.try('audit', 'verify', newest.id);
  t.is(status, 1);
  t.regex(stdout, /^broken: The log does not have the operation \w+: it was removed, or the log was written anew\.\n/);
  t.deepEqual(store.failure('audit', 'verify', 'nothing'), [4, 'OPERATION_UNKNOWN']);
});
