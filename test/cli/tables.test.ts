/** Tables where people look at changes: `dbos diff`, `show`, `log`, `history` and `status`. */
import {writeFileSync} from 'node:fs';
import {join} from 'node:path';
import test, {type ExecutionContext} from 'ava';
import {runShell} from './program.js';
import {makeStore, type Store} from './store.js';

interface TableJson {
  readonly table: string;
  readonly added: number;
  readonly modified: number;
  readonly deleted: number;
  readonly schema: readonly {readonly type: string; readonly old: string | null; readonly new: string | null}[];
}

interface DiffJson {
  readonly files: readonly {readonly path: string}[];
  readonly tables: readonly TableJson[];
}

const CREATE = 'CREATE TABLE city(id INTEGER PRIMARY KEY, name TEXT UNIQUE, people INT)';
const HOSTILE = "CREATE VIEW evil AS SELECT '\n--- a/f\n+++ b/f\n@@ -1 +1 @@\n-one\n+evil\n' AS x";

/** A store with a tag v1, one commit that changes files and one that changes tables. */
function changedStore(t: ExecutionContext): Store {
  const store = makeStore(t);
  store.commit({f: 'one\n'});
  store.run(
    'query',
    '-m',
    'cities',
    `BEGIN; ${CREATE}; INSERT INTO city VALUES (1, 'Paris', 2), (2, 'Rome', 3), (3, 'x', NULL); COMMIT`,
  );
  store.run('tag', 'v1');
  store.commit({f: 'two\n'}, 'files');
  const change = `BEGIN; ALTER TABLE city ADD COLUMN note TEXT; UPDATE city SET people = 5 WHERE id = 1;
    DELETE FROM city WHERE id = 3; INSERT INTO city VALUES (4, 'O''slo', 7, '--- a/f
+++ b/f
@@ -1 +1 @@
-one
+evil
'); ${HOSTILE}; COMMIT`;
  store.run('query', '-m', 'growth', change);
  return store;
}

test('diff shows tables after the files', t => {
  const store = changedStore(t);
  const {files, tables} = store.json<DiffJson>('diff', 'v1', 'HEAD');
  t.deepEqual(files, [{path: 'f', change: 'modified'}] as never);
  t.like(tables[0], {table: 'city', kind: 'table', change: 'modified', added: 1, modified: 1, deleted: 1});
  t.like(tables[0]?.schema[0], {type: 'table', old: CREATE});
  t.like(tables[1], {table: 'evil', kind: 'view', change: 'added', added: 0, modified: 0, deleted: 0});
  const section = store.lines('diff', 'v1', '--tables', '--table', 'CITY');
  t.deepEqual(section, [
    'table city: 1 row added, 1 row modified, 1 row deleted, schema changed',
    `  -  ${CREATE}`,
    `  +  ${CREATE.slice(0, -1)}, note TEXT)`,
    '  ~ id=1  people: 2 → 5',
    "  - id=3  name='x'  people=NULL",
    "  + id=4  name='O''slo'  people=7  note='--- a/f\\n+++ b/f\\n@@ -1 +1 @@\\n-one\\n+evil\\n'",
  ]);
  t.deepEqual(store.lines('diff', 'v1', '--table', 'city', '--rows', '1').slice(-2), [
    '  ~ id=1  people: 2 → 5',
    '  … 2 more rows',
  ]);
  t.deepEqual(store.lines('diff', 'v1', 'HEAD', '--name-status'), ['M\tf', 'M\tcity\ttable', 'A\tevil\tview']);
  t.deepEqual(store.lines('diff', 'v1', 'HEAD', '--stat').slice(-2), [
    ' table city: 1 row added, 1 row modified, 1 row deleted, schema changed',
    ' view evil: new',
  ]);
  t.deepEqual(store.lines('diff', 'v1', 'HEAD', '--', 'f').slice(0, 1), ['diff --git a/f b/f']);
  t.deepEqual(store.json<DiffJson>('diff', 'v1', 'HEAD', '--', 'f').tables, []);
  t.deepEqual(store.json<DiffJson>('diff', 'HEAD').tables, [], 'a work tree has the tables of HEAD');
  t.deepEqual(store.failure('diff', 'v1', '--table', 'nope'), [4, 'TABLE_UNKNOWN']);
});

test('the patch of files is one for patch, and that of tables is SQL', t => {
  const store = changedStore(t);
  for (const flags of ['', '--patch']) {
    store.write({f: 'one\n'});
    const applied = runShell(`dbos diff v1 HEAD ${flags} | patch -p1`, {cwd: store.directory});
    t.is(applied.status, 0, applied.stdout + applied.stderr);
    t.is(store.read('f'), 'two\n', 'nothing in a table is taken for a patch');
  }
  const sql = store.run('diff', 'v1', 'HEAD', '--patch', '--tables');
  writeFileSync(join(store.directory, 'change.sql'), sql);
  const marked = store.lines('diff', 'v1', 'HEAD', '--patch').filter(line => line.startsWith('| '));
  t.is(`${marked.map(line => line.slice(2)).join('\n')}\n`, sql);
  store.run('switch', '-c', 'again', 'v1');
  store.run('query', '--file', 'change.sql');
  t.deepEqual(store.json<DiffJson>('diff', 'main', 'again').tables, []);
  const back = store.run('diff', 'HEAD', 'v1', '--patch', '--tables');
  writeFileSync(join(store.directory, 'back.sql'), back);
  store.run('query', '--file', 'back.sql');
  t.deepEqual(store.json<DiffJson>('diff', 'v1', 'HEAD').tables, []);
});

test('show and log count rows, status has no tables of its own', t => {
  const store = changedStore(t);
  const shown = store.json<{changes: unknown[]; tables: TableJson[]}>('show', 'HEAD');
  t.deepEqual(shown.changes, []);
  t.deepEqual(
    shown.tables.map(({table, added}) => [table, added]),
    [
      ['city', 1],
      ['evil', 0],
    ],
  );
  t.true(store.lines('show').includes('  ~ id=1  people: 2 → 5'));
  t.true(store.lines('log', '--stat').includes(' table city: new, 3 rows added'));
  const log = store.json<{message: string; changes: unknown[]; tables: TableJson[]}[]>('log', '--stat');
  t.deepEqual(
    log.map(({message, changes, tables}) => [message, changes.length, tables.map(({added}) => added)]),
    [
      ['growth', 0, [1, 0]],
      ['files', 1, []],
      ['cities', 0, [3]],
      ['change', 1, []],
    ],
  );
  t.false('tables' in (store.json<object[]>('log')[0] as object));
  t.deepEqual(store.json<{tables: unknown}>('status').tables, []);
});

test('the history of a table and of a row', t => {
  const store = changedStore(t);
  const commits = store.json<{message: string; tables: TableJson[]}[]>('history', '--table', 'CITY');
  t.deepEqual(
    commits.map(({message, tables}) => [message, tables.map(({added, modified}) => [added, modified])]),
    [
      ['growth', [[1, 1]]],
      ['cities', [[3, 0]]],
    ],
  );
  const rows = store.json<{message: string; rows: unknown[]}[]>('history', '--table', 'city', '--key', '1');
  t.deepEqual(
    rows.map(({message, rows: changes}) => [message, changes]),
    [
      [
        'growth',
        [
          {
            change: 'modified',
            old: {id: 1, name: 'Paris', people: 2},
            new: {id: 1, name: 'Paris', people: 5, note: null},
          },
        ],
      ],
      ['cities', [{change: 'added', old: null, new: {id: 1, name: 'Paris', people: 2}}]],
    ],
  );
  const lines = store.lines('history', '--table', 'city', '--key', '3', 'v1');
  t.regex(lines[0] as string, /^\w{12} .* Ada {2}cities$/);
  t.deepEqual(lines.slice(1), ["    + id=3  name='x'  people=NULL"]);
  t.deepEqual(store.failure('history', '--table', 'city', '--key', '99'), [4, 'ROW_UNKNOWN']);
  t.regex(
    store.try('history', '--table', 'city', '--key', '99').stderr,
    /^error: No commit in HEAD changed a row of city with the key 99 .*\nhint: The key is id; `dbos history --table city` shows/,
  );
  t.is(store.run('history', '--table', 'city', '--key', '99', '-n', '0'), '');
  t.deepEqual(store.failure('history', '--table', 'city', '--key', '99', '--key', '2'), [1, 'SQL_MISUSE']);
  t.is(store.json<unknown[]>('history', '--table', 'evil').length, 1);
  t.deepEqual(store.failure('history', '--table', 'nope'), [4, 'TABLE_UNKNOWN']);
  t.regex(
    store.try('history', 'city').stderr,
    /PATH_UNKNOWN\)\nhint: There is a table of that name: `dbos history --table city`\.\n$/,
  );
  t.regex(store.try('history', 'nope').stderr, /PATH_UNKNOWN\)\nhint: See `dbos ls`/);
  t.deepEqual(store.failure('history', '--table', 'city', '--key', '1', '--key', '2'), [1, 'SQL_MISUSE']);
  t.deepEqual(store.failure('history'), [2, 'USAGE']);
  t.deepEqual(store.failure('history', 'f', '--key', '1'), [2, 'USAGE']);
});
