/** The command `dbos query`: where SQL comes from, where rows go, and how it ends. */
import {
  chmodSync,
  existsSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import {join} from 'node:path';
import test from 'ava';
import {dbos, environment, outcome, PROGRAM, start} from '../support/dbos.js';
import {makeTmpDir} from '../support/tmp.js';
import {runShell} from './program.js';
import {makeStore} from './store.js';

const ENDLESS = 'WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n)';

function failure(stdout: string): Record<string, unknown> {
  return (JSON.parse(stdout) as {error: Record<string, unknown>}).error;
}

test('rows are JSON lines in a pipe, and what --format says elsewhere', t => {
  const store = makeStore(t);
  const sql = "VALUES (1, 'a'), (NULL, 'b|c')";
  t.is(store.run('query', sql), '{"column1":1,"column2":"a"}\n{"column1":null,"column2":"b|c"}\n');
  t.is(store.run('query', sql, '--format', 'csv'), 'column1,column2\n1,a\n,b|c\n');
  t.is(store.run('query', sql, '--format', 'tsv', '--no-header', '--null', '-'), '1\ta\n-\tb|c\n');
  t.is(store.run('query', sql, '--format', 'list', '--null=∅'), 'column1|column2\n1|a\n∅|b|c\n');
  t.is(store.run('query', sql, '--format', 'table'), 'column1  column2\n-------  -------\n      1  a\n   NULL  b|c\n');
  t.is(
    store.run('query', sql, '--format', 'markdown'),
    '| column1 | column2 |\n|---|---|\n| 1 | a |\n| NULL | b\\|c |\n',
  );
  t.is(store.run('query', sql, '--format', 'line'), 'column1 = 1\ncolumn2 = a\n\ncolumn1 = NULL\ncolumn2 = b|c\n');
  t.is(store.run('query', sql, '--json'), store.run('query', sql, '--format', 'json'));
  t.deepEqual(store.json('query', sql), [
    {column1: 1, column2: 'a'},
    {column1: null, column2: 'b|c'},
  ]);
});

test('SQL comes from words, stdin or a file', t => {
  const store = makeStore(t);
  t.is(store.run('query', 'SELECT', '1', 'AS', 'a'), '{"a":1}\n');
  const input = '\ufeff#!/usr/bin/env -S dbos query --file\nSELECT 1 AS a;\n';
  for (const args of [['query'], ['query', '-'], ['query', '--file', '-']]) {
    t.is(dbos(store.directory, args, {input}).stdout, '{"a":1}\n', args.join(' '));
  }
  store.write({'ask.sql': input});
  t.is(store.run('query', '--file', 'ask.sql'), '{"a":1}\n');
  t.is(store.run('-C', store.directory, 'query', '--file=ask.sql'), '{"a":1}\n');
  t.is(dbos(store.directory, ['query', '--', '-- a comment\nSELECT 2 AS a']).stdout, '{"a":2}\n');
  for (const args of [[], [' '], ['SELECT 1', '--file', 'ask.sql']]) {
    t.deepEqual(store.failure('query', ...args), [2, 'USAGE'], args.join(' '));
  }
  t.deepEqual(store.failure('query', '--file', 'no.sql'), [4, 'PATH_UNKNOWN']);
  t.deepEqual(store.failure('query', '--file', '.'), [1, 'FILE_UNREADABLE']);
});

test('a line of a script has the number that it has in the file', t => {
  const store = makeStore(t);
  store.write({'ask.sql': '#!/usr/bin/dbos\nSELECT 1;\nSELECT missing;\n'});
  const {status, stdout, stderr} = store.try('query', '--file', 'ask.sql');
  t.is(status, 1);
  t.is(stdout, '{"1":1}\n');
  t.regex(stderr, /^error: .*missing.* \(COLUMN_UNKNOWN\)\n {2}statement 2, line 3:\n {2}SELECT missing;\n {9}\^~*\n/);
});

test('an error in the SQL shows its place', t => {
  const store = makeStore(t);
  const {status, stdout, stderr} = store.try('query', 'SELECT siz FROM files');
  t.is(status, 1);
  t.is(stdout, '');
  t.regex(stderr, /^error: .*siz.* \(COLUMN_UNKNOWN\)\n {2}SELECT siz FROM files\n {9}\^~~\nhint: .*size/);
  const error = failure(store.try('query', 'SELECT siz FROM files', '--json').stdout);
  t.is(error.code, 'COLUMN_UNKNOWN');
  t.deepEqual(error.position, {line: 1, column: 8});
  t.is(error.excerpt, 'SELECT siz FROM files\n       ^~~');
  t.deepEqual(store.failure('query', 'SELECT * FROM file'), [4, 'TABLE_UNKNOWN']);
  t.deepEqual(store.failure('query', 'SELECT 1 +'), [1, 'SQL_SYNTAX']);
});

test('parameters have the types that they look like or are said to have', t => {
  const store = makeStore(t);
  const sql = 'SELECT typeof(:a) AS a, typeof(@b) AS b, typeof($c) AS c, typeof(:d) AS d, typeof(:e) AS e, :c AS value';
  t.deepEqual(
    store.json(
      'query',
      sql,
      '--param',
      'a=5',
      '--param=b=1.5',
      '--param',
      'c:text=5',
      '--param',
      "d=x'00'",
      '--param=e:null',
    ),
    [{a: 'integer', b: 'real', c: 'text', d: 'blob', e: 'null', value: '5'}],
  );
  t.deepEqual(store.failure('query', 'SELECT :a', '--param', 'a'), [2, 'SQL_PARAMETER']);
  const {stdout} = runShell(`dbos query 'SELECT hex(:a) AS a' --param "a=$(printf 'x\\377')"`, {cwd: store.directory});
  t.is(stdout, '{"a":"78FF"}\n');
});

test('a script prints one result after the other; JSON is one value', t => {
  const store = makeStore(t);
  const sql = 'SELECT 1 AS a; ; SELECT 2 AS b WHERE 0; SELECT 3 AS c; -- end';
  t.is(store.run('query', sql), '{"a":1}\n{"c":3}\n');
  t.is(store.run('query', sql, '--format', 'csv'), 'a\n1\nb\nc\n3\n');
  t.is(store.run('query', sql, '--format', 'markdown'), '| a |\n|---|\n| 1 |\n\n| b |\n|---|\n\n| c |\n|---|\n| 3 |\n');
  t.deepEqual(store.json('query', sql), [[{a: 1}], [], [{c: 3}]]);
  t.deepEqual(store.json('query', 'SELECT 1 AS a;'), [{a: 1}]);
  t.deepEqual(store.json('query', '/* nothing */'), []);
  const {status, stdout} = store.try('query', 'SELECT 1 AS a; SELECT abs(-9223372036854775807 - 1); SELECT 2');
  t.is(status, 1);
  t.is(stdout, '{"a":1}\n');
});

const LARGE = `SELECT printf('%01000d', value) AS v FROM generate_series(1, 20000)
  UNION ALL SELECT abs(-9223372036854775807 - 1)`;

test('an error after many rows', t => {
  const store = makeStore(t);
  const lines = store.try('query', LARGE);
  t.is(lines.status, 1);
  t.true(lines.stdout.split('\n').length > 10_000);
  t.regex(lines.stderr, /^error: .*overflow/);
  // too much to be held back: what is on stdout is no JSON
  const array = store.try('query', LARGE, '--json');
  t.is(array.status, 1);
  t.throws(() => JSON.parse(array.stdout));
  t.true(array.stdout.startsWith('[\n{"v":"'));
  t.is(failure(array.stderr).code, 'SQL_VALUE');
  const small = store.try('query', LARGE.replace('20000', '20'), '--json');
  t.is(failure(small.stdout).code, 'SQL_VALUE');
  t.is(small.stderr, '');
});

test('--output writes the whole result or nothing', t => {
  const store = makeStore(t);
  const folder = makeTmpDir(t);
  const at = (name: string) => join(folder, name);
  t.is(store.run('query', 'SELECT 1 AS a', '--output', at('a.csv')), `Wrote 1 row to ${at('a.csv')}.\n`);
  t.is(readFileSync(at('a.csv'), 'utf8'), 'a\n1\n');
  store.run('-q', 'query', 'SELECT 1 AS a', '--output', at('a.md'));
  t.is(readFileSync(at('a.md'), 'utf8'), '| a |\n|---|\n| 1 |\n');
  store.run('query', 'SELECT 1 AS a', '--output', at('plain'));
  t.is(readFileSync(at('plain'), 'utf8'), '{"a":1}\n');
  store.run('query', 'SELECT 1 AS a', '--output', at('a.csv'), '--format', 'json');
  t.is(readFileSync(at('a.csv'), 'utf8'), '[\n{"a":1}\n]\n');
  t.deepEqual(store.json('query', 'SELECT 1 AS a', '--output', at('b.tsv')), {output: at('b.tsv'), rows: 1});
  t.is(readFileSync(at('b.tsv'), 'utf8'), 'a\n1\n');

  chmodSync(at('a.csv'), 0o640);
  symlinkSync('a.csv', at('link'));
  store.run('query', 'SELECT 2 AS a', '--output', at('link'), '--format', 'csv');
  t.is(readlinkSync(at('link')), 'a.csv');
  t.is(readFileSync(at('a.csv'), 'utf8'), 'a\n2\n');
  t.is(statSync(at('a.csv')).mode & 0o777, 0o640);

  const before = readdirSync(folder);
  t.deepEqual(store.failure('query', LARGE, '--output', at('a.csv')), [1, 'SQL_VALUE']);
  t.deepEqual(store.failure('query', 'SELECT', '--output', at('new')), [1, 'SQL_SYNTAX']);
  t.is(readFileSync(at('a.csv'), 'utf8'), 'a\n2\n');
  t.deepEqual(readdirSync(folder), before);

  store.run('query', 'SELECT 1', '--output', '/dev/null');
  t.true(lstatSync('/dev/null').isCharacterDevice());
  t.deepEqual(store.failure('query', 'SELECT 1', '--output', at('no/where')), [1, 'FILE_UNWRITABLE']);
  mkdirSync(at('folder'));
  t.deepEqual(store.failure('query', 'SELECT 1', '--output', at('folder')), [1, 'FILE_UNWRITABLE']);
  t.deepEqual(store.failure('query', 'SELECT 1', '--format', 'csv'), [2, 'USAGE']);
});

test('--timing tells rows and times on stderr', t => {
  const store = makeStore(t);
  const {stdout, stderr} = store.try('query', 'SELECT 1 AS a; VALUES (1), (2)', '--timing');
  t.is(stdout, '{"a":1}\n{"column1":1}\n{"column1":2}\n');
  const line = (rows: string) => `${rows}, prepared in [\\d.]+ ms, run in [\\d.]+ ms\n`;
  t.regex(stderr, new RegExp(`^${line('1 row')}${line('2 rows')}$`));
});

test('--timeout ends what has no end', t => {
  const store = makeStore(t);
  const sql = `${ENDLESS} SELECT count(*) FROM n`;
  t.deepEqual(store.failure('query', sql, '--timeout', '0.2'), [1, 'SQL_TIMEOUT']);
  t.regex(store.try('query', `SELECT 1; ${sql}`, '--timeout', '0.2').stderr, /was stopped after 0\.2 s/);
  t.deepEqual(store.failure('query', 'SELECT 1', '--timeout', 'soon'), [2, 'USAGE']);
  t.deepEqual(store.failure('query', 'SELECT 1', '--timeout', '0'), [2, 'USAGE']);
});

test('a reader that has enough ends the query', t => {
  const store = makeStore(t);
  const sql = `${ENDLESS} SELECT i FROM n`;
  for (const format of ['ndjson', 'csv', 'table']) {
    const {stdout, stderr} = runShell(`{ dbos query '${sql}' --format ${format}; echo "status $?" >&2; } | head -n 3`, {
      cwd: store.directory,
    });
    t.is(stdout.split('\n').length, 4, format);
    t.is(stderr, 'status 0\n', format);
  }
});

test('Ctrl-C stops a running query', async t => {
  const store = makeStore(t);
  const sql = `SELECT 1 AS a; ${ENDLESS} SELECT count(*) FROM n`;
  const child = start(store.directory, ['query', sql]);
  child.stdout?.once('data', () => child.kill('SIGINT'));
  t.is((await outcome(child)).stdout, '{"a":1}\n');
  t.is(child.signalCode, 'SIGINT');

  const folder = makeTmpDir(t);
  const file = join(folder, 'out.csv');
  const writing = start(store.directory, ['query', sql, '--output', file]);
  // one that comes between two looks at the signal is not seen: whoever types it types it again
  const watch = setInterval(() => {
    if (readdirSync(folder).length > 0) writing.kill('SIGINT');
  }, 100);
  const {status, stderr} = await outcome(writing);
  clearInterval(watch);
  t.is(status, 130);
  t.is(stderr, 'error: Interrupted by SIGINT (INTERRUPTED)\n');
  t.deepEqual(readdirSync(folder), []);
  t.is(store.run('query', 'SELECT 1 AS a'), '{"a":1}\n');
});

test('a reader that takes its time does not keep the store', async t => {
  const store = makeStore(t);
  const sql = "SELECT printf('%01000d', value) AS v FROM generate_series(1, 5000)";
  const child = start(store.directory, ['query', sql]);
  // the first rows are there, the rest does not fit into the pipe: the query runs or waits for its reader
  await new Promise(resolve => child.stdout?.once('readable', resolve));
  store.run('op', 'log');
  t.is(child.exitCode, null);
  const {status, stdout} = await outcome(child);
  t.is(status, 0);
  t.is(stdout.split('\n').length, 5001);
});

test('--at asks another state', t => {
  const store = makeStore(t);
  const first = store.commit({a: 'one'});
  store.commit({b: 'two'});
  t.is(store.run('query', 'SELECT path FROM files', '--format', 'list', '--no-header'), 'a\nb\n');
  t.is(store.run('query', 'SELECT path FROM files', '--format', 'list', '--no-header', '--at', first), 'a\n');
  t.is(store.run('query', "SELECT path FROM diff('files', 'HEAD~1')"), '{"path":"b"}\n');
  t.deepEqual(store.failure('query', 'SELECT path FROM files', '--at', 'nowhere'), [4, 'REVISION_UNKNOWN']);
});

test('the table status has what is not committed', t => {
  const store = makeStore(t);
  store.commit({a: 'one'});
  store.write({a: 'two', b: ''});
  t.deepEqual(store.json('query', 'SELECT path, change FROM status ORDER BY path'), [
    {path: 'a', change: 'modified'},
    {path: 'b', change: 'added'},
  ]);
  const bare = makeTmpDir(t);
  dbos(bare, ['init', '--bare']);
  t.is(failure(dbos(bare, ['query', '--json', 'SELECT * FROM status']).stdout).code, 'SQL_UNSUPPORTED');
  t.is(dbos(bare, ['query', 'SELECT 1 AS a']).stdout, '{"a":1}\n');
});

test('on a terminal rows are a table, shown by the pager', t => {
  const store = makeStore(t);
  if (!existsSync('/usr/bin/script')) return t.pass();
  writeFileSync(join(store.directory, 'ask.sql'), "SELECT 1 AS a, char(27) || '[2J' AS b, NULL AS c");
  const run = (pager: string) =>
    runShell(`script -qec "'${process.execPath}' '${PROGRAM}' query --file ask.sql" /dev/null`, {
      cwd: store.directory,
      env: {...(environment() as Record<string, string>), TERM: 'xterm', DBOS_PAGER: pager, NO_COLOR: '1'},
    }).stdout.replaceAll('\r', '');
  const table = 'a  b        c\n-  -------  ----\n1  \\033[2J  NULL\n';
  t.is(run('cat'), table);
  t.is(run("sed 's/^/> /'"), table.replace(/^(?=.)/gm, '> '));
  // nobody is left in a pager that has nothing to show
  writeFileSync(join(store.directory, 'ask.sql'), 'CREATE TABLE nothing(a)');
  t.notRegex(run('echo paged; cat'), /paged/);
  writeFileSync(join(store.directory, 'ask.sql'), 'SELECT value FROM generate_series(1, 30000)');
  const lines = run("sed 's/^/> /'").split('\n');
  t.is(lines.length, 30_003);
  t.true(lines.every((line, at) => line.startsWith('> ') || at === 30_002));
  return undefined;
});

test('files are written, the work tree follows, and what is changed on disk is refused', t => {
  const store = makeStore(t);
  store.write({'d/a': 'one', b: 'two'});
  store.run('commit', '-m', 'files');
  const rows = store.run('query', "UPDATE files SET path = 'e' WHERE path = 'd' RETURNING path, type");
  t.is(rows, '{"path":"e","type":"dir"}\n');
  t.is(store.read('e/a'), 'one');
  t.false(existsSync(join(store.directory, 'd')));
  const script =
    "CREATE TABLE t(a); INSERT INTO files(path, content) VALUES ('x/y/z', 'new'); DELETE FROM files WHERE path = 'b'";
  t.deepEqual(store.failure('query', script), [4, 'PATH_UNKNOWN']);
  store.run('query', '--parents', script);
  t.is(store.read('x/y/z'), 'new');
  t.false(existsSync(join(store.directory, 'b')));
  store.write({'e/a': 'mine'});
  const head = store.run('log', '--oneline');
  const update = "UPDATE files SET content = content || '!'";
  t.deepEqual(store.failure('query', `${update} WHERE type = 'file'`), [6, 'WOULD_OVERWRITE']);
  t.deepEqual([store.read('e/a'), store.read('x/y/z'), store.run('log', '--oneline')], ['mine', 'new', head]);
  store.run('query', `${update} WHERE path = 'x/y/z'`);
  t.deepEqual([store.read('e/a'), store.read('x/y/z')], ['mine', 'new!']);
  store.run('query', '--force', `${update} WHERE path = 'e/a'`);
  t.is(store.read('e/a'), 'one!');
  t.true(store.json<{clean: boolean}>('status').clean);
  store.run('undo');
  t.is(store.read('e/a'), 'mine');
  store.run('fsck');
});

test('where a result cannot be written is told', t => {
  const store = makeStore(t);
  t.regex(store.try('query', 'SELECT 1', '--output', '/nonexistent/x.csv').stderr, /there is no such directory/);
  t.regex(
    store.try('query', 'SELECT 1', '--output', '.').stderr,
    /'\.' cannot be written: it is a directory \(FILE_UNWRITABLE\)/,
  );
  if (!existsSync('/dev/full')) return t.log('no /dev/full here');
  const {status, stderr} = store.try('query', 'SELECT 1', '--output', '/dev/full');
  t.is(status, 1);
  t.regex(stderr, /'\/dev\/full' cannot be written: the disk is full \(FILE_UNWRITABLE\)\nhint: Free some space/);
});

test('PRAGMA lists tables in a work tree, and a BEGIN without COMMIT is told', t => {
  const store = makeStore(t);
  store.run('query', 'CREATE TABLE t(a INTEGER PRIMARY KEY)');
  const listed = store.run('query', 'PRAGMA table_list').split('\n');
  t.true(listed.includes('{"schema":"main","name":"t","type":"table","ncol":1,"wr":0,"strict":0}'));
  t.true(listed.some(line => line.includes('"name":"status"')));
  t.is(store.run('query', 'PRAGMA table_info(t)').split(':')[0], '{"cid"');
  t.regex(store.try('query', 'CREATE INDEX i ON t(a)').stderr, /^Done in commit [a-z2-7]{12}\.$/m);
  const {status, stderr} = store.try('query', 'BEGIN; INSERT INTO t VALUES (1)');
  t.is(status, 0);
  t.regex(stderr, /^warning: BEGIN has no COMMIT/);
  t.is(store.run('query', 'SELECT count(*) AS n FROM t'), '{"n":0}\n');
});

test('what other programs take for a list of tables leads to it', t => {
  const store = makeStore(t);
  t.regex(store.try('query', '.tables').stderr, /hint: .*`SELECT name FROM tables`/);
  for (const text of ['show tables', 'DESCRIBE t'])
    t.regex(store.try('query', text).stderr, /hint: `SELECT name FROM tables` lists the tables, `PRAGMA table_info/);
});

test('a table that is there now and was not then is told as that', t => {
  const store = makeStore(t);
  store.commit({'a.txt': 'a'});
  store.run('tag', 'v1');
  store.run('query', 'CREATE TABLE city(a); CREATE VIEW big AS SELECT a FROM city');
  t.deepEqual(store.failure('query', "SELECT * FROM city AS OF 'v1'"), [4, 'TABLE_UNKNOWN']);
  t.regex(
    store.try('query', "SELECT * FROM City AS OF 'v1'").stderr,
    /^error: There is no table city at 'v1': it was made later, or on another branch .*hint: `dbos history --table city` shows/s,
  );
  t.regex(store.try('query', "SELECT * FROM big AS OF 'v1'").stderr, /^error: There is no view big at 'v1'/);
  t.regex(store.try('query', "SELECT * FROM cit AS OF 'v1'").stderr, /hint: Did you mean 'city'\?/);
});

test('PRAGMA shows the tables of a past state, and the columns of views of others', t => {
  const store = makeStore(t);
  store.commit({'a.txt': 'a'});
  store.run('query', 'CREATE TABLE t(a INTEGER)');
  store.run('tag', 'v1');
  store.run('query', "CREATE VIEW v AS SELECT t.a AS x, u.a AS y, change FROM t, t AS OF 'v1' u, status");
  store.run('query', 'ALTER TABLE t ADD COLUMN b');
  const names = (...args: string[]) => store.json<{name: string}[]>('query', ...args).map(({name}) => name);
  t.deepEqual(names('PRAGMA table_info(t)'), ['a', 'b']);
  t.deepEqual(names('--at', 'v1', 'PRAGMA table_info(t)'), ['a']);
  t.deepEqual(names('--at', 'v1', "SELECT name FROM pragma_table_info('t')"), ['a']);
  t.true(names('--at', 'v1', 'PRAGMA table_list').includes('t'));
  t.deepEqual(names('PRAGMA table_info(v)'), ['x', 'y', 'change']);
  const all = "SELECT i.name FROM sqlite_schema s, pragma_table_info(s.name) i WHERE s.name = 'v'";
  t.deepEqual(names('--at', 'HEAD', all), ['x', 'y', 'change']);
  t.deepEqual(store.failure('query', '--at', 'v1', 'PRAGMA foreign_keys = ON'), [2, 'USAGE']);
});

test('rows that a savepoint took back were not changed', t => {
  const store = makeStore(t);
  store.run('query', 'CREATE TABLE t (id INTEGER PRIMARY KEY, n INT)');
  const script = `BEGIN; INSERT INTO t VALUES (1, 0), (2, 0), (3, 0);
    SAVEPOINT a; UPDATE t SET n = 1; SAVEPOINT b; DELETE FROM t; ROLLBACK TO b; RELEASE b; UPDATE t SET n = 2 WHERE id = 1;
    ROLLBACK TO a; UPDATE t SET n = 3 WHERE id > 1; SELECT total_changes() AS total; COMMIT`;
  const {stdout, stderr} = store.try('query', '--format', 'ndjson', script);
  t.is(stdout, '{"total":12}\n');
  t.regex(stderr, /^Changed 5 rows in commit \w+\.$/m);
  t.deepEqual(store.json('query', 'SELECT n FROM t'), [{n: 0}, {n: 3}, {n: 3}]);
});

test('--continue goes on after a statement that fails, tells it, and ends with 1', t => {
  const store = makeStore(t);
  const script = `CREATE TABLE t(a CHECK (a > 0));
INSERT INTO t VALUES (1), (-1);
SELCT 'it''s; wrong';
INSERT INTO t VALUES (2); SELECT missing FROM t;
INSERT INTO files(path) VALUES ('f/g');
BEGIN; INSERT INTO t VALUES (3); INSERT INTO t VALUES (-3); COMMIT;
SELECT sum(a) AS total FROM t;`;
  const {status, stdout, stderr} = store.try('query', '--continue', script);
  t.is(status, 1);
  t.is(stdout, '{"total":5}\n');
  const codes = [...stderr.matchAll(/^error: .* \((\w+)\)\n {2}statement (\d+), line (\d+):$/gm)].map(each =>
    each.slice(1),
  );
  t.deepEqual(codes, [
    ['CONSTRAINT_FAILED', '2', '2'],
    ['SQL_SYNTAX', '3', '3'],
    ['COLUMN_UNKNOWN', '5', '4'],
    ['PATH_UNKNOWN', '6', '5'],
    ['CONSTRAINT_FAILED', '9', '6'],
  ]);
  t.regex(stderr, /^Changed 2 rows in 3 commits\.$/m);
  const json = store.try(
    '--json',
    'query',
    '--continue',
    'SELECT 1 AS a; SELECT missing; INSERT INTO t VALUES (-9); SELECT 2 AS a',
  );
  t.is(json.status, 1);
  const [first, second, third, last] = JSON.parse(json.stdout);
  t.deepEqual([first, last], [[{a: 1}], [{a: 2}]]);
  t.deepEqual([second.error.code, third.error.code], ['COLUMN_UNKNOWN', 'CONSTRAINT_FAILED']);
  t.is(json.stderr.trimEnd().split('\n').length, 2);
  t.is(store.try('query', '--continue', 'SELECT 1 AS a; SELECT 2 AS a').status, 0);
  t.deepEqual(store.failure('query', 'INSERT INTO t VALUES (7); SELECT missing'), [1, 'COLUMN_UNKNOWN']);
  t.deepEqual(store.json('query', 'SELECT sum(a) AS total FROM t'), [{total: 5}]);
});
