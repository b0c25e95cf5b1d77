/** What commands that are no SQL read in a serializable transaction: nothing of it may be another thing when it is committed. */
import {spawnSync} from 'node:child_process';
import test, {type ExecutionContext} from 'ava';
import {UNCOVERED} from '../support/coverage.js';
import {cleanEnvironment, PROGRAM} from './program.js';
import {makeStore, type Store} from './store.js';

const SETUP =
  "CREATE TABLE a(id INTEGER PRIMARY KEY, x); INSERT INTO a VALUES (1, 10); CREATE TABLE b(y); INSERT INTO files(path, content) VALUES ('dir/one', '1'), ('dir/sub/two', '2'), ('top', '3')";

function make(t: ExecutionContext): Store {
  const store = makeStore(t);
  store.run('query', '--parents', SETUP);
  return store;
}

/** Returns whether a transaction that reads, and then writes something else, can be committed after a change by others. */
function commits(store: Store, read: (txn: string) => void, change: string): boolean {
  const {id} = store.json<{id: string}>('begin', '--isolation', 'serializable');
  read(id);
  store.run('query', '--txn', id, 'INSERT INTO b VALUES (1)');
  store.run('query', '--parents', change);
  const {status, stderr} = store.try('commit', '--txn', id);
  if (status === 0) return true;
  if (status !== 3 || !stderr.includes('has read what')) throw new Error(stderr);
  store.run('rollback', '--txn', id);
  return false;
}

const put = (path: string) => `INSERT INTO files(path, content) VALUES ('${path}', 'new')`;
const TOP = "UPDATE files SET content = content || '.' WHERE path = 'top'";
const TWO = "UPDATE files SET content = content || '.' WHERE path = 'dir/sub/two'";

/** What is read, a change that meets it, and one that does not. */
type Case = readonly [read: readonly string[], meets: string | undefined, passes: string | undefined];

const COMMANDS: readonly Case[] = [
  [['cat', 'top'], TOP, TWO],
  [['cat', 'missing'], put('missing'), TOP],
  [['ls', 'dir'], put('dir/more'), TWO],
  [['ls', '-R', 'dir'], TWO, TOP],
  [['ls', '.'], TOP, TWO],
  [['export', 'a'], 'UPDATE a SET x = x + 1', undefined],
  [['schema'], 'CREATE TABLE c(z)', 'UPDATE a SET x = x + 1'],
  [['schema'], 'CREATE INDEX a_x ON a(x)', TOP],
  [['table', 'ls'], 'INSERT INTO a(x) VALUES (1)', undefined],
  [['table', 'show', 'a'], 'INSERT INTO a(x) VALUES (1)', undefined],
  [['query', 'SELECT name FROM sqlite_schema'], 'CREATE VIEW v AS SELECT 1', TOP],
  [['query', 'PRAGMA table_info(a)'], 'ALTER TABLE a ADD COLUMN more', TOP],
  [['query', 'SELECT rows FROM tables'], 'INSERT INTO a(x) VALUES (1)', undefined],
  [['query', "SELECT * FROM diff('a', 'HEAD~1', 'HEAD')"], 'UPDATE a SET x = x + 1', undefined],
  // other commits stay what they are
  [['cat', 'top', '--at', 'HEAD~1'], undefined, TOP],
];

for (const [read, meets, passes] of COMMANDS) {
  test(`a serializable transaction remembers what '${read.join(' ')}' has read: ${meets ?? passes}`, t => {
    const store = make(t);
    store.run('query', 'INSERT INTO a VALUES (2, 20)');
    const run = (txn: string) => void store.try(...read, '--txn', txn);
    if (passes !== undefined) t.true(commits(store, run, passes), passes);
    if (meets !== undefined) t.false(commits(store, run, meets), meets);
    store.run('fsck');
  });
}

const LINES: readonly Case[] = [
  [['cat', '/top'], TOP, TWO],
  [['ls', '/dir'], put('dir/more'), TOP],
  [['find', '/dir', '-name', 'x'], TWO, TOP],
  [['grep', 'x', '/top'], TOP, TWO],
  [['stat', '/top'], TOP, TWO],
  [['tree', '/dir'], TWO, TOP],
  [['echo', '/t*'], put('tip'), TWO],
  // what an edit looks at is read as well
  [['cp', '/top', '/copy'], TOP, TWO],
];

for (const [words, meets, passes] of LINES) {
  test(`a serializable transaction remembers what the line '${words.join(' ')}' has read`, t => {
    const store = make(t);
    const run = (txn: string) => {
      spawnSync(process.execPath, [PROGRAM, '-C', store.directory, 'shell'], {
        input: `${words.join(' ')}\n`,
        encoding: 'utf8',
        env: cleanEnvironment({...UNCOVERED, DBOS_TXN: txn}),
      });
    };
    t.true(commits(store, run, passes as string), passes);
    t.false(commits(store, run, meets as string), meets);
  });
}

test('what is read twice is noted once, and a transaction of the other level notes nothing', t => {
  const store = make(t);
  const operations = () => store.json<unknown[]>('op', 'log').length;
  const {id} = store.json<{id: string}>('begin', '--isolation', 'serializable');
  const before = operations();
  store.run('cat', 'top', '--txn', id);
  store.run('cat', 'top', '--txn', id);
  t.is(operations(), before + 1);
  const {id: other} = store.json<{id: string}>('begin');
  store.run('ls', '-R', '.', '--txn', other);
  store.run('export', 'a', '--txn', other);
  t.is(operations(), before + 2);
});
