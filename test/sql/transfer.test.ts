/** Tables that leave a store as a file come back as the same tables, whatever the form; what a file breaks changes nothing. */
import {execFileSync, spawnSync} from 'node:child_process';
import {existsSync, readdirSync, readFileSync, rmSync, symlinkSync, truncateSync, writeFileSync} from 'node:fs';
import {join} from 'node:path';
import test, {type ExecutionContext} from 'ava';
import fc from 'fast-check';
import {decodeText} from '../../src/bytes.js';
import {DbosError, type ErrorCode} from '../../src/errors.js';
import type {Repository} from '../../src/repo/repository.js';
import {fsck} from '../../src/sql/fsck.js';
import {databaseOf} from '../../src/sql/repository-query.js';
import {exportedSchema} from '../../src/sql/transfer/exported-schema.js';
import {formatOfInput, type ImportFormat} from '../../src/sql/transfer/format.js';
import {type Imported, type ImportOptions, importFile} from '../../src/sql/transfer/import.js';
import {Input} from '../../src/sql/transfer/input.js';
import {rowsParts} from '../../src/sql/transfer/rows-text.js';
import {sqlParts} from '../../src/sql/transfer/sql-text.js';
import {writeSqlite} from '../../src/sql/transfer/sqlite-writer.js';
import type {Value} from '../../src/sql/values/value.js';
import {ScriptWrites} from '../../src/sql/write/script-writes.js';
import {realCell} from '../../src/tree/cell.js';
import {makeRepo} from '../support/repo.js';

const hasSqlite = spawnSync('sqlite3', ['--version']).status === 0;

type Options = Partial<Omit<ImportOptions, 'format'>> & {readonly format?: ImportFormat};

async function importing(repo: Repository, path: string, options: Options = {}): Promise<Imported> {
  const temporary = join(path, '..');
  const input = Input.open({path, name: path.split('/').pop() as string, temporary});
  try {
    const format = options.format ?? (formatOfInput(input) as ImportFormat);
    return await importFile(repo, input, {tables: [], key: [], existing: 'refuse', temporary, ...options, format});
  } finally {
    input.close();
  }
}

async function run(repo: Repository, sql: string, parameters: readonly Value[][] = []): Promise<void> {
  const writes = new ScriptWrites(repo);
  if (parameters.length > 0) await writes.database.insertMany(sql, [parameters]);
  else for await (const statement of writes.database.script(sql)) statement.all();
  await writes.publish();
}

async function rows(repo: Repository, sql: string): Promise<Value[][]> {
  return (await databaseOf(repo).statement(sql)).all() as Value[][];
}

/** Returns the ids of all tables and the definitions of a store: what two stores have in common that have the same tables. */
async function tables(repo: Repository): Promise<Value[][]> {
  const ids = await rows(repo, "SELECT name, table_id FROM tables WHERE name <> 'files' ORDER BY name");
  return [...ids, ...(await rows(repo, "SELECT name, sql FROM sqlite_schema WHERE tbl_name <> 'files' ORDER BY name"))];
}

const nothing = async () => undefined;

async function written(parts: AsyncIterable<Uint8Array>): Promise<Buffer> {
  const all: Buffer[] = [];
  for await (const part of parts) all.push(Buffer.from(part));
  return Buffer.concat(all);
}

async function sqliteOf(repo: Repository, path: string): Promise<void> {
  const database = databaseOf(repo);
  const schema = await exportedSchema(database, {names: [], files: false});
  const {leftOut} = await writeSqlite({path, name: path}, database, schema, nothing);
  if (leftOut.length > 0) throw new Error(JSON.stringify(leftOut));
}

async function sqlOf(repo: Repository): Promise<Buffer> {
  const database = databaseOf(repo);
  return written(sqlParts(database, await exportedSchema(database, {names: [], files: false}), nothing));
}

async function refused(
  t: ExecutionContext,
  work: Promise<unknown>,
  code: ErrorCode,
  words?: RegExp,
): Promise<DbosError> {
  const error = (await t.throwsAsync(work, {instanceOf: DbosError})) as DbosError;
  t.is(error.code, code, error.message);
  if (words) t.regex(error.message, words);
  return error;
}

const text = fc.oneof(
  fc.string({unit: 'binary', maxLength: 6}),
  fc.constantFrom('', '7', '007', '1.5', '1e999', "x'00'", 'NULL', '\\N', "it's", '"', 'a\nb', '\0', 'x'.repeat(1100)),
  fc.uint8Array({maxLength: 5}).map(bytes => decodeText(bytes)),
);
const integer = fc.oneof(
  fc.integer(),
  fc.constantFrom<Value>(0, -1, 2 ** 53 - 1, 2n ** 53n, -(2n ** 63n), 2n ** 63n - 1n),
);
// SQLite has no −0.0 in a table
const real = fc
  .oneof(fc.double({noNaN: true}), fc.constantFrom(0, 1, 1e15, 1e300, 5e-324, 0.1 + 0.2, Infinity, -Infinity))
  .map(value => realCell(value === 0 ? 0 : value));
const blob = fc.uint8Array({maxLength: 6}).map(bytes => Buffer.from(bytes) as Value);
const NULL = fc.constant(null);
/** Values that have the types of their columns. */
const typedRow = fc.tuple(fc.oneof(NULL, integer), fc.oneof(NULL, real), fc.oneof(NULL, text), fc.oneof(NULL, blob));
/** Values of any type in columns without one. */
const anyValue = fc.oneof(NULL, integer, real, text, blob);

const TYPED = 'CREATE TABLE typed (id INTEGER PRIMARY KEY, i INTEGER, r REAL, s TEXT, b BLOB)';

test('rows that have the types of their columns come back from every form as the same table', async t => {
  const {repo, directory} = await makeRepo(t);
  const {repo: other} = await makeRepo(t);
  await run(repo, TYPED);
  await run(other, TYPED);
  await fc.assert(
    fc.asyncProperty(fc.array(typedRow, {maxLength: 8}), async list => {
      await run(repo, 'DELETE FROM typed');
      if (list.length > 0)
        await run(
          repo,
          'INSERT INTO typed VALUES (?, ?, ?, ?, ?)',
          list.map((row, i) => [i * 3, ...row]),
        );
      const wanted = await tables(repo);
      for (const format of ['csv', 'tsv', 'json', 'ndjson'] as const) {
        const path = join(directory, `typed.${format}`);
        writeFileSync(path, await written(rowsParts(databaseOf(repo), 'typed', format, nothing)));
        // a file without rows names no columns in JSON
        if (list.length === 0 && (format === 'json' || format === 'ndjson')) continue;
        await importing(other, path, {tables: ['typed'], existing: 'replace'});
        t.deepEqual(await tables(other), wanted, format);
      }
    }),
    {numRuns: 25, seed: 7},
  );
});

test('values of any type come back from JSON and SQLite as the same table', async t => {
  const {repo, directory} = await makeRepo(t);
  const {repo: other} = await makeRepo(t);
  const made = 'CREATE TABLE any_one (a, b)';
  await run(repo, made);
  await run(other, made);
  await fc.assert(
    fc.asyncProperty(fc.array(fc.tuple(anyValue, anyValue), {minLength: 1, maxLength: 8}), async list => {
      await run(repo, 'DELETE FROM any_one');
      await run(repo, 'INSERT INTO any_one VALUES (?, ?)', list);
      const wanted = await tables(repo);
      for (const format of ['json', 'ndjson', 'sqlite'] as const) {
        const path = join(directory, `any.${format}`);
        if (format === 'sqlite') await sqliteOf(repo, path);
        else writeFileSync(path, await written(rowsParts(databaseOf(repo), 'any_one', format, nothing)));
        await importing(other, path, {tables: ['any_one'], existing: 'replace'});
        t.deepEqual(await tables(other), wanted, format);
      }
    }),
    {numRuns: 20, seed: 11},
  );
});

const WHOLE = `
CREATE TABLE country (code TEXT PRIMARY KEY, name TEXT NOT NULL UNIQUE COLLATE NOCASE);
CREATE TABLE city (id INTEGER PRIMARY KEY AUTOINCREMENT, name, country TEXT REFERENCES country, label AS (name || '!') STORED);
CREATE TABLE pair (a, b, note, PRIMARY KEY (b DESC, a)) WITHOUT ROWID;
CREATE TABLE free (v);
CREATE TABLE odd ("or""der" INTEGER, [two words] TEXT DEFAULT 'x y');
CREATE INDEX by_country ON city (country, name DESC) WHERE country IS NOT NULL;
CREATE UNIQUE INDEX odd_one ON odd (lower([two words]));
CREATE VIEW cities AS SELECT city.name, country.name AS country FROM city JOIN country ON code = country;
CREATE TRIGGER gone AFTER DELETE ON city BEGIN INSERT INTO free VALUES (old.name); END;
INSERT INTO country VALUES ('fr', 'France'), ('it', 'Italy');
INSERT INTO city (name, country) VALUES ('Paris', 'fr'), (1, 'it'), (1.0, NULL), (x'00', 'fr');
DELETE FROM city WHERE id = 4;
INSERT INTO pair VALUES (1, 2, NULL), (2, 1, 'it''s'), ('x', x'ff', 1e999);
INSERT INTO free (rowid, v) VALUES (7, 'seven'), (-3, CAST(x'61ff00' AS TEXT)), (9223372036854775807, -9223372036854775808);
INSERT INTO odd VALUES (1, 'line
two');
`;

test('a whole state goes through a SQLite file, and through SQL, and is the same', async t => {
  const {repo, directory} = await makeRepo(t);
  await run(repo, WHOLE);
  const wanted = await tables(repo);
  const path = join(directory, 'whole.sqlite');
  await sqliteOf(repo, path);
  const {repo: second} = await makeRepo(t);
  const imported = await importing(second, path, {message: 'take over'});
  t.deepEqual(imported.leftOut, []);
  t.deepEqual(
    imported.tables.map(({name, created, rows: count}) => [name, created, count]),
    [
      ['city', true, 3],
      ['country', true, 2],
      ['free', true, 4],
      ['odd', true, 1],
      ['pair', true, 3],
    ],
  );
  t.deepEqual(await tables(second), wanted);
  t.deepEqual(await rows(second, 'SELECT message FROM commits'), [['take over']]);
  const problems = [];
  for await (const problem of fsck(second)) problems.push(problem);
  t.deepEqual(problems, []);
  const script = await sqlOf(repo);
  const {repo: third} = await makeRepo(t);
  await run(third, decodeText(script));
  t.deepEqual(await tables(third), wanted);
  t.deepEqual(
    readdirSync(directory).filter(name => name !== '.dbos'),
    ['whole.sqlite'],
    'nothing is left behind',
  );
  if (!hasSqlite) return;
  t.is(execFileSync('sqlite3', [path, 'PRAGMA integrity_check'], {encoding: 'utf8'}), 'ok\n');
  const loaded = join(directory, 'loaded.db');
  execFileSync('sqlite3', [loaded], {input: script});
  const dump = (file: string) => execFileSync('sqlite3', [file, '.dump --preserve-rowids'], {encoding: 'latin1'});
  t.is(dump(loaded), dump(path));
  const {repo: fourth} = await makeRepo(t);
  await importing(fourth, loaded);
  t.deepEqual(await tables(fourth), wanted);
});

test('a new table has the types of the file, the key that is asked for, and comes back the same', async t => {
  const {repo, directory} = await makeRepo(t);
  const path = join(directory, 'city.csv');
  writeFileSync(path, 'id,zip,"size",order\n2,007,1.5,\n1,100,2,x\n');
  await importing(repo, path, {tables: ['city'], key: ['ID']});
  t.deepEqual(await rows(repo, "SELECT sql FROM sqlite_schema WHERE name = 'city'"), [
    ['CREATE TABLE city (\n  id INTEGER PRIMARY KEY,\n  zip TEXT,\n  size REAL,\n  "order" TEXT\n)'],
  ]);
  const wanted = await tables(repo);
  const back = join(directory, 'back.csv');
  const bytes = await written(rowsParts(databaseOf(repo), 'city', 'csv', nothing));
  t.is(bytes.toString(), 'id,zip,size,order\n1,100,2.0,x\n2,007,1.5,\n');
  writeFileSync(back, bytes);
  const {repo: other} = await makeRepo(t);
  await importing(other, back, {tables: ['city'], key: ['id']});
  t.deepEqual(await tables(other), wanted);
  await importing(other, back, {tables: ['two'], key: ['zip', 'id']});
  const [[sql]] = (await rows(other, "SELECT sql FROM sqlite_schema WHERE name = 'two'")) as [[string]];
  t.regex(sql, /PRIMARY KEY \(zip, id\)\n\)$/);
});

test('rows are added, changed by key, or replace what was there', async t => {
  const {repo, directory} = await makeRepo(t);
  await run(repo, "CREATE TABLE t (id INTEGER PRIMARY KEY, a TEXT DEFAULT 'none', b AS (a || '!'), c UNIQUE)");
  await run(repo, "INSERT INTO t (id, a, c) VALUES (1, 'one', 'x'), (2, 'two', 'y')");
  const path = join(directory, 't.csv');
  const contents = () => rows(repo, 'SELECT id, a, b, c FROM t ORDER BY id');
  writeFileSync(path, 'ID,b,c\n3,ignored,z\n');
  await refused(t, importing(repo, path, {tables: ['t']}), 'TABLE_EXISTS');
  await importing(repo, path, {tables: ['T'], existing: 'append'});
  t.deepEqual((await contents())[2], [3, 'none', 'none!', 'z']);
  writeFileSync(path, 'a,id\nuno,1\nfour,4\n');
  await importing(repo, path, {tables: ['t'], existing: 'update'});
  t.deepEqual(await contents(), [
    [1, 'uno', 'uno!', 'x'],
    [2, 'two', 'two!', 'y'],
    [3, 'none', 'none!', 'z'],
    [4, 'four', 'four!', null],
  ]);
  writeFileSync(path, 'c,a\nx,again\n');
  await importing(repo, path, {tables: ['t'], existing: 'update', key: ['c']});
  t.deepEqual((await contents())[0], [1, 'again', 'again!', 'x']);
  const before = repo.head().commit;
  t.is((await importing(repo, path, {tables: ['t'], existing: 'update', key: ['c']})).commit, undefined);
  t.is(repo.head().commit, before, 'what changes nothing is no commit');
  writeFileSync(path, '{"id":9,"a":null}\n{"a":"ten","id":10}\n');
  await importing(repo, path, {tables: ['t'], existing: 'replace', format: 'ndjson'});
  t.deepEqual(await contents(), [
    [9, null, null, null],
    [10, 'ten', 'ten!', null],
  ]);
});

test('what a row breaks is told with its line and key, and changes nothing', async t => {
  const {repo, directory} = await makeRepo(t);
  await run(repo, 'CREATE TABLE t (id INTEGER PRIMARY KEY, n INT NOT NULL CHECK (n < 10), u UNIQUE)');
  const before = repo.head().commit;
  const path = join(directory, 't.csv');
  const many = Array.from({length: 3000}, (_, i) => `${i},1,u${i}\n`).join('');
  const wrong: readonly [contents: string, options: Options, code: ErrorCode, words: RegExp][] = [
    [
      'id,n,u\n1,1,a\n1,2,b\n',
      {existing: 'append', tables: ['t']},
      'CONSTRAINT_FAILED',
      /^Line 3: UNIQUE constraint failed: t\.id \(id = 1\)/,
    ],
    [
      'id,n,u\n1,1,"a\n"\n2,2,"a\n"\n',
      {existing: 'append', tables: ['t']},
      'CONSTRAINT_FAILED',
      /^Line 4: UNIQUE.*\(u = a\n\)/,
    ],
    [
      `id,n,u\n${many}7,1,zz\n`,
      {existing: 'append', tables: ['t']},
      'CONSTRAINT_FAILED',
      /^Line 3002: UNIQUE.*\(id = 7\)/,
    ],
    [
      'id,n,u\n1,1,a\n2,,b\n',
      {existing: 'append', tables: ['t']},
      'CONSTRAINT_FAILED',
      /^Line 3: NOT NULL constraint failed: t\.n \(n = NULL\)/,
    ],
    [
      'id,n,u\n1,10,a\n',
      {existing: 'append', tables: ['t']},
      'CONSTRAINT_FAILED',
      /^Line 2: CHECK constraint failed.*\(id = 1\)/,
    ],
    ['id,n,u\nx,1,a\n', {existing: 'append', tables: ['t']}, 'CONSTRAINT_FAILED', /^Line 2: datatype mismatch/],
    ['id,n,u\n1,99999999999999999999,a\n', {existing: 'append', tables: ['t']}, 'IMPORT_INVALID', /^Line 2: .*64 bits/],
    ['id,nope\n1,2\n', {existing: 'append', tables: ['t']}, 'COLUMN_UNKNOWN', /nope/],
    ['n,u\n1,2\n', {existing: 'update', tables: ['t']}, 'COLUMN_UNKNOWN', /no column id/],
    ['id,n,u\n1,2\n', {existing: 'append', tables: ['t']}, 'IMPORT_INVALID', /^Line 2: 2 fields/],
    [
      'k,v\na,1\nb,2\na,3\n',
      {tables: ['fresh'], key: ['k']},
      'CONSTRAINT_FAILED',
      /^Line 4: UNIQUE constraint failed: fresh\.k \(k = a\)/,
    ],
    ['k,v\na,1\n', {tables: ['fresh'], key: ['nope']}, 'COLUMN_UNKNOWN', /nope/],
    ['k,v\na,1\n', {tables: ['commits']}, 'NAME_RESERVED', /commits/],
    ['', {tables: ['fresh']}, 'IMPORT_INVALID', /is empty/],
  ];
  for (const [contents, options, code, words] of wrong) {
    writeFileSync(path, contents);
    await refused(t, importing(repo, path, options), code, words);
    t.is(repo.head().commit, before);
  }
  t.deepEqual(await rows(repo, "SELECT name FROM tables WHERE name <> 'files'"), [['t']]);
  await run(repo, 'CREATE TABLE nokey (a); CREATE VIEW v AS SELECT 1');
  writeFileSync(path, 'a\n1\n');
  await refused(t, importing(repo, path, {existing: 'update', tables: ['nokey']}), 'USAGE', /no primary key/);
  await refused(t, importing(repo, path, {existing: 'append', tables: ['v']}), 'TABLE_EXISTS', /is a view/);
  await refused(t, importing(repo, directory, {tables: ['x'], format: 'csv'}), 'FILE_UNREADABLE', /directory/);
  await refused(t, importing(repo, join(directory, 'none.csv'), {tables: ['x']}), 'PATH_UNKNOWN');
});

test('header only, a file that changes, and an import that is stopped', async t => {
  const {repo, directory} = await makeRepo(t);
  const path = join(directory, 'h.csv');
  writeFileSync(path, 'a,b\n');
  const {tables: made} = await importing(repo, path, {tables: ['h']});
  t.deepEqual(made, [{name: 'h', created: true, rows: 0}]);
  const before = repo.head().commit;
  writeFileSync(path, `a,b\n${'1,2\n'.repeat(5000)}`);
  const grow = () => writeFileSync(path, `a,b\n${'1,2\n'.repeat(6000)}`);
  await refused(t, importing(repo, path, {tables: ['g'], progress: grow}), 'FILE_CHANGING');
  const stop = new AbortController();
  const reason = new Error('stopped');
  writeFileSync(path, `a,b\n${'1,2\n'.repeat(5000)}`);
  const slow = () => {
    const until = performance.now() + 60;
    while (performance.now() < until);
    stop.abort(reason);
  };
  t.is(await t.throwsAsync(importing(repo, path, {tables: ['g'], progress: slow, signal: stop.signal})), reason);
  t.is(repo.head().commit, before);
});

test('SQLite files that cannot be read, in part or at all', async t => {
  if (!hasSqlite) {
    t.pass('there is no sqlite3 here');
    return;
  }
  const {repo, directory} = await makeRepo(t);
  const make = (name: string, sql: string): string => {
    const path = join(directory, name);
    execFileSync('sqlite3', [path], {input: sql});
    return path;
  };
  const fill = 'WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 5000)';
  const good = make('good.db', `CREATE TABLE t(a, b); ${fill} INSERT INTO t SELECT i, hex(randomblob(50)) FROM n;`);
  const cut = join(directory, 'cut.db');
  writeFileSync(cut, readFileSync(good));
  truncateSync(cut, 40_000);
  await refused(t, importing(repo, cut), 'IMPORT_INVALID', /malformed|damaged/);
  const noise = Buffer.alloc(8192, 0xa5);
  writeFileSync(cut, noise);
  await refused(t, importing(repo, cut, {format: 'sqlite'}), 'IMPORT_INVALID', /not a database/);
  const broken = readFileSync(good);
  broken.fill(0xff, 4096, 4096 + 200);
  writeFileSync(cut, broken);
  await refused(t, importing(repo, cut), 'IMPORT_INVALID', /malformed/);
  const wide = make('wide.db', "PRAGMA encoding = 'UTF-16'; CREATE TABLE t(a); INSERT INTO t VALUES ('é');");
  await refused(t, importing(repo, wide), 'IMPORT_INVALID', /UTF-16/);
  t.is(repo.head().commit, undefined);

  const partly = make(
    'partly.db',
    `CREATE TABLE t(a); CREATE TABLE files(a); INSERT INTO t VALUES (1);
     CREATE VIEW bad AS SELECT x FROM nowhere; CREATE VIEW good AS SELECT a FROM t;
     CREATE INDEX ta ON t(a); CREATE VIRTUAL TABLE words USING fts4(w);`,
  );
  await refused(t, importing(repo, partly), 'NAME_RESERVED', /files/);
  await refused(t, importing(repo, partly, {tables: ['none']}), 'TABLE_UNKNOWN', /none/);
  await importing(repo, partly, {tables: ['t']});
  t.deepEqual(await rows(repo, "SELECT type, name FROM sqlite_schema WHERE tbl_name <> 'files'"), [
    ['table', 't'],
    ['index', 'ta'],
  ]);

  const log = join(directory, 'wal.db');
  const script = `PRAGMA journal_mode = WAL; CREATE TABLE w(a); INSERT INTO w VALUES (1), (2);
.shell cp '${log}' '${log}2'; cp '${log}-wal' '${log}2-wal'`;
  execFileSync('sqlite3', [log], {input: script});
  t.true(existsSync(`${log}2-wal`));
  const link = join(directory, 'link.db');
  symlinkSync(`${log}2`, link);
  await importing(repo, `${log}2`);
  t.deepEqual(await rows(repo, 'SELECT a FROM w'), [[1], [2]], 'what only the write-ahead log has is read, too');
  rmSync(link);
  t.deepEqual(
    readdirSync(directory).filter(name => /^dbos-|lock$|-shm$/.test(name)),
    [],
  );
});

test('what SQLite has and this engine has not is left out and told', async t => {
  if (!hasSqlite) {
    t.pass('there is no sqlite3 here');
    return;
  }
  const {repo, directory} = await makeRepo(t);
  const path = join(directory, 'v.db');
  execFileSync('sqlite3', [path], {
    input: `CREATE TABLE t(a); INSERT INTO t VALUES (5); CREATE VIRTUAL TABLE words USING fts4(w);
            CREATE VIEW twice AS SELECT a * 2 AS b FROM t; CREATE INDEX odd ON t(likelihood(a, 0.5));`,
  });
  const {leftOut, tables: made} = await importing(repo, path);
  t.true(made.some(({name}) => name === 't'));
  t.deepEqual(
    leftOut.filter(({kind}) => kind === 'table').map(({name}) => name),
    ['words'],
  );
  t.deepEqual(await rows(repo, 'SELECT b FROM twice'), [[10]]);
});

test('a primary key that has NULL, as SQLite allows, becomes UNIQUE', async t => {
  if (!hasSqlite) {
    t.pass('there is no sqlite3 here');
    return;
  }
  const {repo, directory} = await makeRepo(t);
  const path = join(directory, 'n.db');
  execFileSync('sqlite3', [path], {
    input: `CREATE TABLE t(a, b, -- PRIMARY KEY
              note DEFAULT 'PRIMARY KEY', CONSTRAINT k PRIMARY /* */ KEY (a, b));
            CREATE TABLE u(a TEXT PRIMARY KEY NOT NULL); CREATE TABLE v(a TEXT PRIMARY KEY);
            INSERT INTO t VALUES (1, 2, 3), (NULL, 2, 4), (NULL, 2, 5); INSERT INTO u VALUES ('x'); INSERT INTO v VALUES (NULL);`,
  });
  const {leftOut} = await importing(repo, path);
  t.deepEqual(
    leftOut.map(({kind, name}) => [kind, name]),
    [
      ['primary key', 't'],
      ['primary key', 'v'],
    ],
  );
  t.deepEqual(await rows(repo, 'SELECT rowid, a, b, note FROM t'), [
    [1, 1, 2, 3],
    [2, null, 2, 4],
    [3, null, 2, 5],
  ]);
  t.deepEqual(await rows(repo, "SELECT sql FROM sqlite_schema WHERE name = 'v'"), [['CREATE TABLE v(a TEXT UNIQUE)']]);
});
