/** Statements as a library sees them: plans, parameters, batches, errors, time. */
import test from 'ava';
import {isDbosError} from '../../src/errors.js';
import {Database} from '../../src/sql/query.js';
import {loadTables, memoryCatalog} from '../support/sqlcatalog.js';

const SETUP = `
  CREATE TABLE t(id INTEGER PRIMARY KEY, a INT, b TEXT);
  INSERT INTO t VALUES (1, 10, 'x'), (2, 20, 'y'), (3, NULL, 'x'), (4, 5, NULL);
  CREATE TABLE u(k TEXT, n INT, PRIMARY KEY (k, n));
  INSERT INTO u VALUES ('x', 1), ('x', 2), ('z', 3);`;

function database(extra = ''): Database {
  return new Database(memoryCatalog(loadTables(SETUP + extra)), {now: () => 0});
}

/** A table with enough rows for code of its own, whose last leaves have other types than its first. */
function mixedTable(): string {
  const rows = Array.from({length: 6000}, (_, i) => {
    const value = i < 4000 ? i : i % 3 === 0 ? 'NULL' : i % 3 === 1 ? `'${i}'` : `${i}.5`;
    return `(${i}, ${value}, 'name ${i % 50}')`;
  });
  return `CREATE TABLE big(id INTEGER PRIMARY KEY, v, name TEXT); INSERT INTO big VALUES ${rows.join(', ')};`;
}

function failure(run: () => unknown) {
  try {
    run();
  } catch (error) {
    if (isDbosError(error)) return error;
    throw error;
  }
  throw new Error('it did not fail');
}

test('EXPLAIN names the ranges of keys, the hash tables, and the order that needs no sort', t => {
  const db = database();
  const plan = (sql: string) => db.prepare(sql).explain();
  t.regex(plan('SELECT * FROM t WHERE id = 2'), /look up t by id = \?/);
  t.regex(plan("SELECT * FROM u WHERE k = 'x' AND n > 1"), /range of u by k = \? AND n > \?/);
  t.regex(plan("SELECT * FROM u WHERE k GLOB 'x*'"), /range of u by k begins with \?/);
  t.regex(plan('SELECT * FROM t JOIN u ON t.b = u.k AND u.n = t.a'), /look up u|join by hash table on/);
  t.notRegex(plan('SELECT * FROM t ORDER BY id DESC'), /sort/);
  t.regex(plan('SELECT * FROM t ORDER BY id DESC'), /backwards/);
  t.regex(plan('SELECT * FROM t ORDER BY a LIMIT 1'), /first rows of a sort by/);
  t.regex(plan('SELECT * FROM t WHERE 1 = 0'), /if so/);
  t.is(db.prepare('EXPLAIN SELECT * FROM t').all()[0]?.[0], 'scan t (about 4 rows)');
  const one = db.prepare('EXPLAIN ANALYZE VALUES (1)').all().flat().join('\n');
  t.regex(one, /about 1 row,/);
  t.regex(one, /\n1 row in /);
  t.throws(() => db.prepare('SELECT * FROM json_each(1, 2, 3)'), {message: /takes 0 to 2 arguments, not 3\./});
});

test('the columns of a compound have the collation of its first arm outside, and of the first that has one inside', t => {
  const db = database("CREATE TABLE n(c TEXT COLLATE NOCASE); INSERT INTO n VALUES ('A');");
  const rows = (sql: string) => db.prepare(sql).all();
  t.is(rows("SELECT 0 AS b UNION SELECT c FROM n UNION SELECT 'a'").length, 2);
  for (const operator of ['UNION', 'UNION ALL']) {
    const compound = `SELECT 0 AS b ${operator} SELECT c FROM n UNION ALL SELECT 'a'`;
    t.is(rows(`SELECT 1 FROM (${compound}) GROUP BY b`).length, 3, operator);
    t.is(rows(`WITH k(b) AS (${compound}) SELECT 1 FROM k WHERE b = 'A'`).length, 1, operator);
  }
  t.is(rows("SELECT 1 FROM (SELECT c AS b FROM n UNION ALL SELECT 'a') GROUP BY b").length, 1);
});

test('an operand that is read several times keeps its collation', t => {
  const db = database("CREATE TABLE n(c TEXT COLLATE NOCASE, d TEXT); INSERT INTO n VALUES ('abc', 'Ac');");
  const values = (sql: string) => db.prepare(`SELECT ${sql} FROM n`).get();
  // BINARY, as that of a column, seen through CAST and +
  t.deepEqual(values("d BETWEEN c AND 'z', CAST(d AS TEXT) BETWEEN c AND 'z', +d BETWEEN c AND 'z'"), [0, 0, 0]);
  t.deepEqual(values("CAST(c AS TEXT) BETWEEN 'ABC' AND 'ABC', lower(c) BETWEEN 'ABC' AND 'ABC'"), [1, 0]);
  t.deepEqual(values("(d COLLATE NOCASE) BETWEEN 'ac' AND 'ac' COLLATE BINARY"), [1]);
  t.deepEqual(values("CASE CAST(c AS TEXT) WHEN 'ABC' THEN 1 END, CASE +d WHEN 'ac' THEN 1 END"), [1, null]);
});

test('what is no text is an escape character by its text', t => {
  const db = database('CREATE TABLE e(x); INSERT INTO e VALUES (0), (NULL);');
  t.deepEqual(db.prepare("SELECT 'a0b' LIKE 'a00b' ESCAPE 0, 'aA' LIKE 'aAA' ESCAPE x'41'").all(), [[1, 1]]);
  t.deepEqual(db.prepare("SELECT 'a0b' LIKE 'a00b' ESCAPE x FROM e").all(), [[1], [null]]);
  for (const wrong of ['12', '1.5', "''"]) {
    const error = failure(() => db.prepare(`SELECT 'a' LIKE 'a' ESCAPE ${wrong}`).all());
    t.is(error.message, 'ESCAPE expression must be a single character.', wrong);
  }
});

test('EXPLAIN ANALYZE counts the rows of each operator', t => {
  const lines = database()
    .prepare('EXPLAIN ANALYZE SELECT * FROM t WHERE a > 5')
    .all()
    .map(([line]) => `${line}`);
  t.regex(lines[0] ?? '', /^filter .*really 2,/);
  t.regex(lines[1] ?? '', /scan t .*really 4,/);
  t.regex(lines[2] ?? '', /^2 rows in /);
});

test('columns whose types change from leaf to leaf are computed with as they are', t => {
  const db = database(mixedTable());
  const rows = db.prepare('SELECT id, v, name FROM big').all();
  t.is(rows.length, 6000);
  const total = rows.reduce(
    (sum, [, v]) => sum + (typeof v === 'number' ? v : typeof v === 'string' ? Number(v) : 0),
    0,
  );
  const [counted] = db.prepare("SELECT sum(v), count(v), count(*), sum(name LIKE '%name 7%') FROM big").all();
  t.deepEqual(counted, [total, rows.filter(([, v]) => v !== null).length, 6000, 120]);
  const above = db.prepare('SELECT count(*) FROM big WHERE v > 3990').get();
  // texts are greater than numbers
  t.deepEqual(above, [rows.filter(([, v]) => typeof v === 'string' || (typeof v === 'number' && v > 3990)).length]);
  const top = db.prepare('SELECT id FROM big ORDER BY v DESC, id LIMIT 3').all();
  t.deepEqual(
    top,
    rows
      .filter(([, v]) => typeof v === 'string')
      .sort(([, a], [, b]) => ((a as string) < (b as string) ? 1 : -1))
      .slice(0, 3)
      .map(([id]) => [id]),
  );
});

test('the first rows by a text are those of the whole order, whatever the columns of the leaves are', t => {
  const texts = (i: number) =>
    i < 1000
      ? ['a', 'b', 'c', null][i % 4]
      : i < 2000
        ? 'same'
        : i < 2500
          ? null
          : i % 9 === 0
            ? null
            : ['é', '\u{1f600}', '\uffee', 'z', '', 'Z', `${i % 100}`][i % 7];
  const rows = Array.from({length: 5000}, (_, i) => {
    const text = texts((i * 7) % 5000);
    return `(${i}, ${text === null ? 'NULL' : `'${text}${i % 3}'`})`;
  });
  const db = database(
    `CREATE TABLE big(id INTEGER PRIMARY KEY, name TEXT); INSERT INTO big VALUES ${rows.join(', ')};`,
  );
  for (const first of ['name', 'name DESC', 'name NULLS LAST', 'name DESC NULLS FIRST', 'name COLLATE nocase']) {
    const query = `SELECT id, name FROM big ORDER BY ${first}, id`;
    const all = db.prepare(query).all();
    for (const limit of [1, 10, 700, 4000]) {
      const some = db.prepare(`${query} LIMIT ${limit} OFFSET 2`).all();
      t.deepEqual(some, all.slice(2, 2 + limit), `${first}, ${limit} rows`);
    }
  }
});

test('parameters are found by position and by name, and one that is missing is named', t => {
  const db = database();
  t.deepEqual(db.prepare('SELECT ?, ?3, :n').all([1, 2, 'c', 'd']), [[1, 'c', 'd']]);
  t.deepEqual(db.prepare('SELECT $n + @m').all({n: 1, m: 2}), [[3]]);
  t.deepEqual(db.prepare('SELECT ?2').all([0, 5]), [[5]]);
  const error = failure(() => db.prepare('SELECT :name').all({}));
  t.is(error.code, 'SQL_PARAMETER');
  t.regex(error.message, /:name/);
});

test('a statement can be run again, and by two at once', t => {
  const statement = database().prepare('SELECT id, (SELECT count(*) FROM u WHERE k = b) FROM t WHERE id >= ?');
  const expected = [
    [1, 2],
    [2, 0],
    [3, 2],
    [4, 0],
  ];
  const first = statement.batches([1]);
  const second = statement.batches([3]);
  t.deepEqual([...second].flat(), expected.slice(2));
  t.deepEqual([...first].flat(), expected);
});

test('rows found before an error come before it', t => {
  const batches = database().prepare('SELECT id, abs(-9223372036854775807 - (id > 2)) FROM t').batches();
  t.deepEqual(batches.next().value, [
    [1, 9223372036854775807n],
    [2, 9223372036854775807n],
  ]);
  t.is(failure(() => batches.next()).code, 'SQL_VALUE');
});

test('errors say where, and offer near names', t => {
  const db = database();
  const column = failure(() => db.prepare('SELECT id\nFROM t WHERE bb = 1'));
  t.is(column.code, 'COLUMN_UNKNOWN');
  t.is(column.data.line, 2);
  t.is(column.data.excerpt, 'FROM t WHERE bb = 1\n             ^~');
  t.regex(column.hint ?? '', /'b'/);
  t.is(failure(() => db.prepare('SELECT * FROM tt')).code, 'TABLE_UNKNOWN');
  t.is(failure(() => db.prepare('SELECT nope(1)')).code, 'FUNCTION_UNKNOWN');
  t.is(failure(() => db.prepare('SELECT id FROM t a, t b')).code, 'SQL_NAME_AMBIGUOUS');
  t.is(failure(() => db.prepare('SELECT a FROM t WHERE sum(a) > 1')).code, 'SQL_MISUSE');
  t.is(failure(() => db.prepare('DELETE FROM t')).code, 'SQL_UNSUPPORTED');
  t.is(failure(() => db.prepare(`SELECT ${'('.repeat(5000)}1${')'.repeat(5000)}`)).code, 'SQL_LIMIT');
});

test('an endless query is stopped when its time is up, and by a reader that has enough', t => {
  const sql = 'WITH RECURSIVE c(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM c) SELECT';
  const error = failure(() => database().prepare(`${sql} count(*) FROM c`).all([], {timeout: 50}));
  t.is(error.code, 'SQL_TIMEOUT');
  t.deepEqual(database().prepare(`${sql} n FROM c LIMIT 3`).all(), [[1], [2], [3]]);
  for (const batch of database().prepare(`${sql} n FROM c`).batches()) {
    t.deepEqual(batch[0], [1]);
    break;
  }
});

test('lists of keys are looked up, each key once and whatever its type', t => {
  const db = database(mixedTable());
  const sql = "SELECT id FROM big WHERE id IN (7, '7', 7.0, 5, NULL, 99999, 'x')";
  t.deepEqual(
    db
      .prepare(sql)
      .all()
      .map(([id]) => id)
      .sort(),
    [5, 7],
  );
  t.regex(db.prepare(sql).explain(), /range of big by id IN/);
});

test('a script runs statement by statement', async t => {
  const results: unknown[] = [];
  for await (const statement of database().script('SELECT 1; SELECT 2 AS two;')) {
    results.push([statement.columns.map(({name}) => name), statement.all()]);
  }
  t.deepEqual(results, [
    [['1'], [[1]]],
    [['two'], [[2]]],
  ]);
});
