/** The commands that move tables in and out of a store, and those that tell what tables there are. */
import {execFileSync, spawnSync} from 'node:child_process';
import {mkdirSync, readdirSync, writeFileSync} from 'node:fs';
import {join} from 'node:path';
import test from 'ava';
import {dbos, json, mustRun, outcome, start} from '../support/dbos.js';
import {makeTmpDir} from '../support/tmp.js';
import {runShell} from './program.js';
import {makeStore} from './store.js';

interface ImportedJson {
  readonly commit: string | null;
  readonly format: string;
  readonly tables: readonly {readonly table: string; readonly created: boolean; readonly rows: number}[];
}

const CITIES = 'id,name,people\n1,Paris,2100000\n2,Rome,2800000\n';

test('a file becomes a table by one commit, which undo takes back', t => {
  const store = makeStore(t);
  store.commit({'a.txt': 'a\n', 'data/city.csv': CITIES});
  const imported = store.json<ImportedJson>('import', 'data/city.csv', '--key', 'id', '-m', 'cities');
  t.deepEqual(imported.tables, [{table: 'city', created: true, rows: 2}]);
  t.is(imported.format, 'csv');
  const [newest, ...others] = store.json<{id: string; message: string}[]>('log');
  t.deepEqual([newest?.id, newest?.message, others.length], [imported.commit, 'cities', 1]);
  t.is(store.run('query', 'SELECT name FROM city WHERE id = 2'), '{"name":"Rome"}\n');
  t.true(store.json<{clean: boolean}>('status').clean, 'the work tree has nothing to do with it');
  t.deepEqual(store.failure('import', 'data/city.csv'), [1, 'TABLE_EXISTS']);
  t.regex(store.try('import', 'data/city.csv').stderr, /hint: Give --append .*--update .*--replace/);
  t.deepEqual(store.failure('import', 'data/city.csv', '--append'), [1, 'CONSTRAINT_FAILED']);
  const again = store.json<ImportedJson>('import', 'data/city.csv', '--update');
  t.is(again.commit, null);
  t.is(store.run('import', 'data/city.csv', '--replace'), 'Imported 2 rows into city.\nNothing has changed.\n');
  store.run('undo');
  t.deepEqual(store.failure('export', 'city'), [4, 'TABLE_UNKNOWN']);
});

test('an import acts inside an open transaction, and so do the commands that show tables', t => {
  const store = makeStore(t);
  store.commit({'city.csv': CITIES});
  const {id} = store.json<{id: string}>('begin');
  const inside = (...args: string[]) => {
    const {status, stdout, stderr} = dbos(store.directory, args, {env: {DBOS_TXN: id}});
    t.is(status, 0, stderr);
    return stdout;
  };
  t.is(
    inside('import', 'city.csv', '--key', 'id'),
    `Imported 2 rows into the new table city.\nIn transaction ${id}.\n`,
  );
  t.deepEqual(store.failure('export', 'city'), [4, 'TABLE_UNKNOWN']);
  t.is(inside('export', 'city'), CITIES);
  t.regex(inside('schema', 'city'), /^CREATE TABLE "?city/);
  t.regex(inside('table', 'ls'), /\bcity +2 /);
  t.regex(inside('table', 'show', 'city'), /^table city: 2 rows/);
  const again = JSON.parse(inside('import', 'city.csv', '--update', '--json')) as ImportedJson & {transaction: string};
  t.like(again, {commit: null, transaction: id});
  t.is(dbos(store.directory, ['import', 'city.csv', '--txn', id]).status, 1);
  inside('commit');
  t.is(store.json<{message: string}[]>('log')[0]?.message, 'Import city.csv');
  t.is(store.run('export', 'city'), CITIES);
});

test('stdin and pipes are read to their end; a bare store takes tables, too', t => {
  const directory = makeTmpDir(t);
  mustRun(directory, 'init', '--bare');
  const piped = dbos(directory, ['import', '-', '--table', 'city', '--json'], {input: '[{"a":1},{"a":2.5}]'});
  t.is(piped.status, 0, piped.stdout);
  t.deepEqual((JSON.parse(piped.stdout) as ImportedJson).tables, [{table: 'city', created: true, rows: 2}]);
  t.is(dbos(directory, ['import', '-'], {input: 'a\n'}).status, 2);
  const script = "mkfifo in/fifo; printf 'w\\nx\\n' > in/fifo & dbos import in/fifo --table word --format csv";
  mkdirSync(join(directory, 'in'));
  t.is(runShell(script, {cwd: directory}).stdout.split('\n')[0], 'Imported 1 row into the new table word.');
});

test('CSV with another separator is taken with it, and not for one column', t => {
  const store = makeStore(t);
  store.write({'a.csv': 'code;name\n1;"x;y"\n'});
  t.deepEqual(store.failure('import', 'a.csv'), [1, 'IMPORT_INVALID']);
  for (const wrong of [';;', '"', 'é', ''])
    t.deepEqual(store.failure('import', 'a.csv', '--separator', wrong), [2, 'USAGE']);
  t.deepEqual(store.failure('import', 'a.csv', '--separator', ';', '--format', 'tsv'), [2, 'USAGE']);
  store.run('import', 'a.csv', '--separator', ';');
  t.is(store.run('query', 'SELECT * FROM a'), '{"code":1,"name":"x;y"}\n');
  t.regex(store.try('import', 'a.csv', '--append').stderr, /COLUMN_UNKNOWN.*\nhint: Give --separator ';'/);
  store.run('import', 'a.csv', '--separator', ',', '--table', 'b');
  t.is(store.run('query', 'SELECT "code;name" FROM b'), '{"code;name":"1;\\"x;y\\""}\n');
});

test('a file without a header goes into the columns by their place, or into those that are named', t => {
  const store = makeStore(t);
  store.write({'a.csv': '1,x\n2,y\n', 'b.tsv': 'z\t2\n', 'wide.csv': '3,z\n4,z,5\n', 'a.json': '[{"a":1}]'});
  const rows = (table: string) => store.json<unknown[]>('query', `SELECT * FROM ${table}`);
  store.run('import', 'a.csv', '--no-header', '--key', 'c1');
  t.deepEqual(rows('a'), [
    {c1: 1, c2: 'x'},
    {c1: 2, c2: 'y'},
  ]);
  store.run('import', 'a.csv', '--no-header', '--columns', 'id,name', '--key', 'id', '--table', 'b');
  t.deepEqual(rows('b')[0], {id: 1, name: 'x'});
  store.run('import', 'b.tsv', '--no-header', '--columns', 'NAME,id', '--update');
  t.deepEqual(rows('b')[1], {id: 2, name: 'z'});
  store.run('import', 'a.csv', '--no-header', '--replace', '--table', 'b');
  t.deepEqual(rows('b')[1], {id: 2, name: 'y'});
  store.run('query', 'CREATE TABLE c (id INTEGER, twice AS (id * 2), name, more DEFAULT 7)');
  t.deepEqual(store.failure('import', 'a.csv', '--no-header', '--append', '--table', 'c'), [1, 'IMPORT_INVALID']);
  store.run('import', 'a.csv', '--no-header', '--columns', 'id,name', '--append', '--table', 'c');
  t.deepEqual(rows('c')[0], {id: 1, twice: 2, name: 'x', more: 7});
  t.deepEqual(store.failure('import', 'b.tsv', '--no-header', '--columns', 'x,id', '--append'), [1, 'COLUMN_UNKNOWN']);
  const wide = store.try('import', 'wide.csv', '--no-header', '--table', 'a', '--append');
  t.regex(wide.stderr, /Line 2: 3 fields for 2 columns .*\nhint: .*--columns/);
  store.write({'short.csv': 'id,name,more\n5,v\n'});
  t.regex(store.try('import', 'short.csv').stderr, /Line 2: 2 fields for 3 columns .*\nhint: .*--fill/);
  store.run('import', 'short.csv', '--fill', '--table', 'c', '--append');
  t.like(rows('c')[2], {id: 5, name: 'v', more: null});
  for (const wrong of [
    ['a.json', '--fill'],
    ['a.csv', '--columns', 'x,y'],
    ['a.csv', '--no-header', '--columns', 'x,'],
    ['a.csv', '--no-header', '--columns', 'x,X'],
    ['a.json', '--no-header'],
  ])
    t.deepEqual(store.failure('import', ...wrong, '--table', 'new'), [2, 'USAGE'], wrong.join(' '));
});

test('wrong usage and files that are none', t => {
  const store = makeStore(t);
  store.write({'a.csv': 'a\n1\n', 'dump.sql': 'SELECT 1;', 'bad.csv': 'a,b\n1\n', 'two.ndjson': '{"a":1}\n{"a"\n'});
  const wrong: readonly [args: string[], failure: [number, string]][] = [
    [['import'], [2, 'USAGE']],
    [
      ['import', 'a.csv', '--append', '--replace'],
      [2, 'USAGE'],
    ],
    [
      ['import', 'a.csv', '--table', 'x', '--table', 'y'],
      [2, 'USAGE'],
    ],
    [
      ['import', 'a.csv', '--format', 'xml'],
      [2, 'USAGE'],
    ],
    [
      ['import', 'dump.sql'],
      [2, 'USAGE'],
    ],
    [
      ['import', 'none.csv'],
      [4, 'PATH_UNKNOWN'],
    ],
    [
      ['import', '.'],
      [1, 'FILE_UNREADABLE'],
    ],
    [
      ['import', 'bad.csv'],
      [1, 'IMPORT_INVALID'],
    ],
    [
      ['import', 'two.ndjson'],
      [1, 'IMPORT_INVALID'],
    ],
    [
      ['import', 'a.csv', '--format', 'sqlite'],
      [1, 'IMPORT_INVALID'],
    ],
    [
      ['import', 'a.csv', '--table', 'files'],
      [1, 'NAME_RESERVED'],
    ],
    [['export'], [2, 'USAGE']],
    [
      ['export', 'a', '--all'],
      [2, 'USAGE'],
    ],
    [
      ['export', '--all', '--format', 'csv'],
      [2, 'USAGE'],
    ],
    [
      ['export', '--all', '--format', 'sqlite'],
      [2, 'USAGE'],
    ],
    [
      ['export', 'nope', '--format', 'sql', '--output', 'x.sql'],
      [4, 'TABLE_UNKNOWN'],
    ],
    [
      ['export', '--all', '--output', 'none/x.sqlite'],
      [1, 'FILE_UNWRITABLE'],
    ],
    [
      ['export', '--all', '--at', 'nope', '--output', 'x.sql'],
      [4, 'REVISION_UNKNOWN'],
    ],
    [
      ['table', 'show', 'nope'],
      [4, 'TABLE_UNKNOWN'],
    ],
    [
      ['schema', 'nope'],
      [4, 'TABLE_UNKNOWN'],
    ],
  ];
  for (const [args, failure] of wrong) t.deepEqual(store.failure(...args), failure, args.join(' '));
  t.deepEqual(store.failure('log'), [4, 'NO_COMMITS']);
  t.deepEqual(readdirSync(store.directory).sort(), ['.dbos', 'a.csv', 'bad.csv', 'dump.sql', 'two.ndjson']);
});

test('a table that is not there is told without SQL that nobody wrote', t => {
  const store = makeStore(t);
  store.run('query', 'CREATE TABLE city(a)');
  for (const args of [
    ['export', 'cty'],
    ['export', 'cty', '--format', 'sql'],
    ['schema', 'cty'],
    ['table', 'show', 'cty'],
  ]) {
    t.regex(
      store.try(...args).stderr,
      /^error: There is no table cty \(TABLE_UNKNOWN\)\nhint: Did you mean 'city'\?\n$/,
    );
  }
  t.regex(store.try('schema', 'Commits').stderr, /\nhint: commits is computed .*`PRAGMA table_info\(commits\)`/);
  t.regex(store.try('export', 'nowhere').stderr, /\nhint: There are files, city\.\n$/);
});

test('tables go out in every form, of any revision, and SQLite can read them', t => {
  const store = makeStore(t);
  store.write({'city.csv': CITIES});
  store.run('import', 'city.csv', '--key', 'id');
  store.run('tag', 'v1');
  store.run(
    'query',
    "CREATE VIEW big AS SELECT name FROM city WHERE people > 2500000; DELETE FROM city WHERE name = 'Rome'",
  );
  t.is(store.run('export', 'city'), 'id,name,people\n1,Paris,2100000\n');
  t.is(store.run('export', 'city', '--at', 'v1'), CITIES);
  t.is(store.run('export', 'city', '--format', 'tsv'), 'id\tname\tpeople\n1\tParis\t2100000\n');
  t.is(store.run('export', 'city', '--format', 'ndjson'), '{"id":1,"name":"Paris","people":2100000}\n');
  t.deepEqual(store.json('export', 'city'), [{id: 1, name: 'Paris', people: 2100000}]);
  t.is(store.run('export', 'city', '--format', 'json'), store.run('export', 'city', '--json'));
  t.is(
    store.run('export', '--all'),
    `PRAGMA foreign_keys = OFF;
BEGIN;
CREATE TABLE city (
  id INTEGER PRIMARY KEY,
  name TEXT,
  people INTEGER
);
INSERT INTO city (id, name, people) VALUES
(1, 'Paris', 2100000);
CREATE VIEW big AS SELECT name FROM city WHERE people > 2500000;
COMMIT;
`,
  );
  t.is(store.run('export', 'city', '--output', 'out.csv'), 'Wrote 1 row to out.csv.\n');
  t.is(store.read('out.csv'), store.run('export', 'city'));
  const {rows, format} = store.json<{rows: number; format: string}>('export', '--all', '--files', '--output', 'all.db');
  t.deepEqual([rows, format], [1, 'sqlite']);
  if (spawnSync('sqlite3', ['--version']).status !== 0) return;
  const asked = execFileSync(
    'sqlite3',
    [join(store.directory, 'all.db'), 'PRAGMA integrity_check; SELECT * FROM city'],
    {
      encoding: 'utf8',
    },
  );
  t.is(asked, 'ok\n1|Paris|2100000\n');
  store.commit({'a.txt': 'a body'});
  store.run('export', '--all', '--files', '--output', 'all.db');
  const body = "SELECT content FROM files WHERE path = 'a.txt'";
  t.is(execFileSync('sqlite3', [join(store.directory, 'all.db'), body], {encoding: 'utf8'}), 'a body\n');
});

test('what tables there are', t => {
  const store = makeStore(t);
  t.deepEqual(
    store.json<{name: string}[]>('table', 'ls').map(({name}) => name),
    ['files'],
  );
  store.run(
    'query',
    "CREATE TABLE t (a INTEGER PRIMARY KEY, b TEXT NOT NULL DEFAULT 'x' UNIQUE, c); INSERT INTO t (b) VALUES ('y')",
  );
  store.run('tag', 'v1');
  store.run(
    'query',
    'CREATE INDEX tc ON t (c, b); CREATE VIEW v AS SELECT a, b FROM t; CREATE TRIGGER g AFTER DELETE ON t BEGIN SELECT 1; END',
  );
  t.deepEqual(store.json('table', 'ls'), [
    {name: 'files', kind: 'table', rows: 0, columns: 15, indexes: 0},
    {name: 't', kind: 'table', rows: 1, columns: 3, indexes: 2},
    {name: 'v', kind: 'view', rows: null, columns: 2, indexes: 0},
  ]);
  t.deepEqual(
    store
      .json<{name: string; indexes: number}[]>('table', 'ls', '--at', 'v1')
      .map(({name, indexes}) => [name, indexes]),
    [
      ['files', 0],
      ['t', 1],
    ],
  );
  t.deepEqual(store.lines('table', 'ls')[0]?.trim().split(/ +/), ['name', 'rows', 'columns', 'indexes']);
  const facts = store.json<Record<string, unknown> & {indexes: {size: number}[]}>('table', 'show', 'T');
  t.like(facts, {
    name: 't',
    kind: 'table',
    rows: 1,
    triggers: ['g'],
    columns: [
      {name: 'a', type: 'INTEGER', key: 1},
      {name: 'b', type: 'TEXT', notNull: true, default: "'x'", key: null},
      {name: 'c', type: '', notNull: false, default: null, key: null},
    ],
  });
  t.true((facts.size as number) > 0 && facts.indexes.every(({size}) => size > 0));
  t.like(store.json('table', 'show', 'v'), {kind: 'view', rows: null, size: null});
  // what a view names may have been dropped
  store.run('query', 'CREATE TABLE u (a); CREATE VIEW w AS SELECT u.a FROM u; DROP TABLE u');
  t.like(
    store.json<{name: string; columns: number | null}[]>('table', 'ls').find(({name}) => name === 'w'),
    {kind: 'view', columns: null},
  );
  t.like(store.json('table', 'show', 'w'), {columns: [], fault: 'no such table: u.'});
  t.regex(store.run('table', 'show', 'w'), /^view w\nIt cannot be read: no such table: u\.$/m);
  store.run('undo');
  t.regex(store.run('table', 'show', 't'), /^table t: 1 row, \d+ B\n\ncolumns\n +a +INTEGER +key 1/);
  t.deepEqual(
    store.json<{type: string; name: string}[]>('schema').map(({type, name}) => [type, name]),
    [
      ['table', 't'],
      ['index', 'tc'],
      ['view', 'v'],
      ['trigger', 'g'],
    ],
  );
  t.is(store.run('schema', 'V'), 'CREATE VIEW v AS SELECT a, b FROM t;\n');
  t.is(store.lines('schema', '--at', 'v1').length, 1);
});

test('an import that is killed anywhere leaves nothing to be seen, and the store is sound', async t => {
  const root = makeTmpDir(t);
  mustRun(root, 'init');
  mkdirSync(join(root, 'in'));
  const lines = Array.from({length: 60_000}, (_, i) => `${(i * 7919) % 60_000},name ${i},${'x'.repeat(i % 90)}\n`);
  writeFileSync(join(root, 'in/t.csv'), `id,name,note\n${lines.join('')}`);
  const args = ['import', 'in/t.csv', '--key', 'id', '--json'];
  let usual = 0;
  for (let round = 0; round < 7; round++) {
    const child = start(root, args);
    const began = performance.now();
    // the first one tells how long it lasts
    const timer = round === 0 ? undefined : setTimeout(() => child.kill('SIGKILL'), (usual * round) / 6.5);
    const {status} = await outcome(child);
    clearTimeout(timer);
    if (round === 0) usual = performance.now() - began;
    const tables = json<{name: string; rows: number}[]>(root, 'table', 'ls').filter(({name}) => name === 't');
    if (status === 0)
      t.deepEqual(
        tables.map(({rows}) => rows),
        [60_000],
      );
    else t.true(tables.length === 0 || tables[0]?.rows === 60_000, 'all of it or nothing');
    if (tables.length > 0) mustRun(root, 'undo');
  }
  t.deepEqual(json<{problems: unknown[]}>(root, 'fsck').problems, []);
});
