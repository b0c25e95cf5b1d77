/** An INSERT of many rows does what one of each row would do: the same tables, or the same error of the same row and no effect. */
import test from 'ava';
import fc from 'fast-check';
import {isDbosError} from '../../src/errors.js';
import {MemoryObjects} from '../../src/objects/memory.js';
import {statements} from '../../src/sql/parser/parser.js';
import type {Value} from '../../src/sql/values/value.js';
import {KeySort} from '../../src/sql/write/key-sort.js';
import {WorkingState} from '../../src/sql/write/working-state.js';
import {WritableDatabase} from '../../src/sql/write/writable-database.js';
import {TreeAppender} from '../../src/tree/append.js';
import {buildTree} from '../../src/tree/builder.js';
import type {Row} from '../../src/tree/cell.js';
import {encodeKey} from '../../src/tree/key.js';
import {putSorted} from '../../src/tree/sorted.js';
import type {TreeRoot, TreeSpec} from '../../src/tree/spec.js';
import {memoryCatalog} from '../support/sqlcatalog.js';

function database(sql: string): WritableDatabase {
  const db = new WritableDatabase(new WorkingState(new MemoryObjects(), undefined), memoryCatalog(new Map()));
  for (const {from, to} of statements(sql)) db.prepare(sql.slice(from, to)).all();
  return db;
}

test('rows that are appended to a tree give the tree of all rows', t => {
  const spec = fc.constantFrom([2, 2], [3, 2], [16, 4], [40, 32]).map(([leafRows = 2, innerRows = 2]): TreeSpec => {
    return {keys: [{collation: 'binary', descending: false}], columns: 2, leafRows, innerRows};
  });
  const cuts = fc.array(fc.integer({min: 0, max: 400}), {maxLength: 4});
  fc.assert(
    fc.property(spec, fc.integer({min: 0, max: 400}), cuts, (made, count, places) => {
      const sink = new MemoryObjects();
      const rows = Array.from({length: count}, (_, i): Row => [i * 3, `row ${i % 7}`]);
      let root: TreeRoot = null;
      let from = 0;
      for (const to of [...places.filter(place => place < count).sort((a, b) => a - b), count]) {
        const appender: TreeAppender = new TreeAppender(sink, made, root);
        for (const row of rows.slice(from, to)) t.true(appender.append(row));
        if (to > 0) t.false(appender.append([(to - 1) * 3, null]));
        root = appender.finish();
        t.is(root, buildTree(sink, made, rows.slice(0, to)));
        from = to;
      }
    }),
    {numRuns: 60},
  );
});

test('rows that are sorted into a tree give the tree of all rows', t => {
  const key = {collation: 'binary', descending: false} as const;
  const spec: TreeSpec = {keys: [key, {...key, descending: true}], columns: 3, leafRows: 8, innerRows: 4};
  const prefixes = fc.constantFrom('', '/srv/', '/srv/vol/dir', 'é');
  const term = fc.oneof(
    fc.tuple(prefixes, fc.string({maxLength: 6}), fc.nat(9)).map(([a, b, c]) => a + b + c),
    fc.integer({min: -300, max: 300}),
    fc.constant(null),
  );
  const rows = (maxLength: number) => fc.array(fc.tuple(term, fc.nat(3)), {maxLength, size: 'max'});
  const keyOf = (row: Row) => encodeKey(spec, row).toString('latin1');
  fc.assert(
    fc.property(rows(300), rows(300), (before, added) => {
      const sink = new MemoryObjects();
      const all = new Map<string, Row>();
      const sort = new KeySort(spec, 1);
      const distinct = new Map(added.map(([a, b]) => [keyOf([a, b]), [a, b, 'new']]));
      for (const [a, b] of before) all.set(keyOf([a, b]), [a, b, 'old']);
      const treeOf = () => {
        const keys = [...all.keys()].sort();
        return buildTree(
          sink,
          spec,
          keys.map(each => all.get(each) as Row),
        );
      };
      const root = treeOf();
      for (const [each, row] of distinct) {
        all.set(each, row);
        sort.add(row);
      }
      t.is(putSorted(sink, spec, root, sort), treeOf());
      const terms = [...distinct.values()].map(([a]) => a).filter(a => a !== null);
      t.is(sort.hasSameTerms(), new Set(terms).size < terms.length);
    }),
    {numRuns: 60},
  );
});

/** A table, and its row of a number: rows of other numbers agree in nothing that is unique. */
interface Kind {
  readonly name: string;
  readonly sql: string;
  readonly insert: string;
  readonly row: (n: number) => Value[];
  /** Ways to make a row of numbers that may break something. */
  readonly odd: readonly ((n: number, other: number) => Value[])[];
}

const word = (n: number) => `w${(n * 7919) % 100_003}`;

const KINDS: readonly Kind[] = [
  {
    name: 'a rowid and a unique column',
    sql: `CREATE TABLE t(id INTEGER PRIMARY KEY, a TEXT NOT NULL, b UNIQUE, c REAL CHECK (c <> 13), d DEFAULT 'x', e AS (c * 2) STORED);
      CREATE INDEX t_a ON t(a, c DESC); CREATE UNIQUE INDEX t_ac ON t(lower(a), c) WHERE c > 10`,
    insert: 'INSERT INTO t(a, id, b, c) VALUES (?, ?, ?, ?)',
    row: n => [word(n), n, n % 5 === 0 ? null : word(n + 1), n / 4],
    odd: [
      (n, m) => [word(n), n, word(m + 1), 1],
      (n, m) => [word(m), n, word(n + 1), m / 4],
      (n, m) => [word(n), m, word(n + 1), 1],
      n => [null, n, null, 1],
      n => [word(n), n, null, 13],
      n => [word(n), 'x', null, n],
      n => [word(n), null, word(n + 1), 'x'],
      n => [5, `${n}`, 2n ** 60n, '7'],
    ],
  },
  {
    name: 'a key of two columns',
    sql: 'CREATE TABLE t(x TEXT, y INTEGER, z UNIQUE, PRIMARY KEY (y, x COLLATE NOCASE DESC)) WITHOUT ROWID',
    insert: "INSERT INTO t VALUES (?1, ?2, coalesce(?3, 'none'))",
    row: n => [word(n), n >> 1, n],
    odd: [
      (n, m) => [word(n), n >> 1, m],
      (n, m) => [word(m), m >> 1, n],
      n => [null, n, n],
      n => [word(n), n, null],
      n => ['x'.repeat(3000), n, 'y'.repeat(3000)],
    ],
  },
  {
    name: 'a hidden rowid, strict',
    sql: 'CREATE TABLE t(a ANY, b TEXT UNIQUE, c INT NOT NULL ON CONFLICT REPLACE DEFAULT 5, d INT NOT NULL ON CONFLICT IGNORE, UNIQUE (c, a)) STRICT',
    insert: 'INSERT OR ROLLBACK INTO t VALUES (:a, :b, :c, 1)',
    row: n => [n % 3 === 0 ? null : n, word(n), n],
    odd: [
      (n, m) => [n, word(m), n],
      (_, m) => [m, null, m],
      n => [n, n, n],
      n => [n, null, 'x'],
      n => ['z'.repeat(2000), null, n],
      n => [n, null, null],
    ],
  },
  {
    name: 'numbers that are counted',
    sql: 'CREATE TABLE t(id INTEGER PRIMARY KEY AUTOINCREMENT, a INT NOT NULL ON CONFLICT IGNORE, b UNIQUE)',
    insert: 'INSERT INTO t VALUES (?, ?, ?)',
    row: n => [n % 4 === 0 ? n : null, n, n],
    odd: [n => [null, null, n], (n, m) => [null, n, m], (n, m) => [m, n, n], n => [n + 1000, n, n]],
  },
  {
    name: 'foreign keys',
    sql: `CREATE TABLE p(id INTEGER PRIMARY KEY); INSERT INTO p VALUES (1), (2), (3);
      CREATE TABLE t(id INTEGER PRIMARY KEY, p REFERENCES p, q REFERENCES p DEFERRABLE INITIALLY DEFERRED, u UNIQUE)`,
    insert: 'INSERT INTO t VALUES (?, ?, ?, ?)',
    row: n => [n, (n % 3) + 1, null, n],
    odd: [n => [n, 1, 9, n], (n, m) => [n, 1, 1, m]],
  },
];

interface Outcome {
  readonly changes?: number;
  readonly message?: string;
  readonly row?: unknown;
  readonly state: string;
}

/** Runs an INSERT for each row, and undoes all if one fails. */
function oneByOne(db: WritableDatabase, insert: string, rows: readonly Value[][]): Outcome {
  const statement = db.prepare(insert);
  const before = db.session.totalChanges;
  db.prepare('BEGIN').all();
  let row = 0;
  try {
    for (; row < rows.length; row++) statement.all(rows[row] as Value[]);
    db.prepare('COMMIT').all();
  } catch (error) {
    db.rollback();
    if (!isDbosError(error)) throw error;
    const at = row < rows.length ? row : undefined;
    return {message: error.message, row: at, state: db.schemas.main.write()};
  }
  return {changes: db.session.totalChanges - before, state: db.schemas.main.write()};
}

async function inBulk(db: WritableDatabase, insert: string, rows: readonly Value[][]): Promise<Outcome> {
  try {
    const half = rows.length >> 1;
    const changes = await db.insertMany(insert, [rows.slice(0, half), [], rows.slice(half)]);
    return {changes, state: db.schemas.main.write()};
  } catch (error) {
    if (!isDbosError(error)) throw error;
    return {message: error.message, row: error.data.row, state: db.schemas.main.write()};
  }
}

for (const {name, sql, insert, row, odd} of KINDS) {
  test(`many rows are as each of them: ${name}`, async t => {
    const place = fc.integer({min: 0, max: 699});
    const deviation = fc.record({at: place, kind: fc.nat(odd.length - 1), other: place});
    await fc.assert(
      fc.asyncProperty(
        fc.integer({min: 0, max: 300}),
        fc.integer({min: 200, max: 600}),
        fc.array(deviation, {maxLength: 3}),
        async (existing, count, deviations) => {
          const rows = Array.from({length: count}, (_, i) => row(existing + i + 1));
          for (const {at, kind, other} of deviations) {
            if (at < count) rows[at] = odd[kind]?.(existing + at + 1, other) as Value[];
          }
          const [a, b] = [database(sql), database(sql)];
          for (const db of [a, b])
            oneByOne(
              db,
              insert,
              Array.from({length: existing}, (_, i) => row(i + 1)),
            );
          const expected = oneByOne(a, insert, rows);
          t.deepEqual(await inBulk(b, insert, rows), expected);
          t.deepEqual(b.session.lastInsertRowid, a.session.lastInsertRowid);
        },
      ),
      {numRuns: 8},
    );
  });
}

test('an INSERT from a query of many rows takes them in any order, and can be undone', t => {
  const make = 'CREATE TABLE t(a INTEGER PRIMARY KEY, b TEXT UNIQUE, c); CREATE INDEX t_c ON t(c, a DESC)';
  const numbers = (order: string) => `WITH RECURSIVE n(i) AS (VALUES (1) UNION ALL SELECT i + 1 FROM n WHERE i < 2000)
    INSERT INTO t SELECT i, 'b' || i, i % 10 FROM n ORDER BY ${order}`;
  const [a, b, c] = ['i', 'i DESC', 'i % 2, i'].map(order => database(`${make}; ${numbers(order)}`)) as [
    WritableDatabase,
    WritableDatabase,
    WritableDatabase,
  ];
  const state = a.schemas.main.write();
  t.is(b.schemas.main.write(), state);
  t.is(c.schemas.main.write(), state);
  a.prepare('BEGIN').all();
  a.prepare("INSERT INTO t SELECT a + 2000, b || '+', c FROM t").all();
  a.prepare('SAVEPOINT s').all();
  a.prepare("INSERT INTO t SELECT a + 4000, b || '!', c FROM t").all();
  t.deepEqual(a.prepare('SELECT count(*), max(a) FROM t').all(), [[8000, 8000]]);
  a.prepare('ROLLBACK TO s').all();
  t.deepEqual(a.prepare("SELECT count(*), max(a) FROM t WHERE b = 'b2000' OR b = 'b2000+'").all(), [[2, 4000]]);
  t.throws(() => a.prepare("INSERT INTO t SELECT a + 4000, 'x' || a % 3999, c FROM t").all(), {
    message: 'UNIQUE constraint failed: t.b.',
  });
  t.deepEqual(a.prepare('SELECT count(*), max(a) FROM t').all(), [[4000, 4000]]);
  a.rollback();
  t.is(a.schemas.main.write(), state);
});

/** A source whose columns differ in kind from leaf to leaf; `odd` values come where `w` says so. */
const SOURCE = `CREATE TABLE s(id INTEGER PRIMARY KEY, i INT, r REAL, t TEXT, n, few TEXT, w INT);
  WITH RECURSIVE c(i) AS (VALUES (1) UNION ALL SELECT i + 1 FROM c WHERE i < 900)
  INSERT INTO s SELECT i * 2, i * 7919 % 100003, i / 4.0, '/srv/' || i * 31 % 977 || '.ts', iif(i % 300 < 150, 'x', NULL),
    'f' || i / 200, 0 FROM c;
  UPDATE s SET t = 'é' || t WHERE id BETWEEN 700 AND 900;
  UPDATE s SET t = printf('%.*c', 3000, 'x'), n = x'0102' WHERE id = 1000;
  UPDATE s SET i = 1 << 60, r = NULL WHERE id = 1400`;

const TARGETS = [
  'CREATE TABLE t(a INTEGER PRIMARY KEY, b INT, c REAL, d TEXT, e)',
  'CREATE TABLE t(a INTEGER PRIMARY KEY, b TEXT, c INT, d NUMERIC, e BLOB)',
  'CREATE TABLE t(a INTEGER PRIMARY KEY, b INT NOT NULL, c REAL NOT NULL, d TEXT UNIQUE, e); CREATE INDEX t_b ON t(b)',
  'CREATE TABLE t(a INT, b INT, c REAL, d TEXT, e TEXT)',
  'CREATE TABLE t(a INT PRIMARY KEY, b, c, d, e) WITHOUT ROWID',
  'CREATE TABLE t(a TEXT PRIMARY KEY, b INT, c, d TEXT, e)',
  'CREATE TABLE t(a INTEGER PRIMARY KEY, b, c CHECK (c < 200), d, e AS (b) STORED, f)',
  'CREATE TABLE t(a INT, b INT, c REAL, d TEXT, e ANY) STRICT',
  'CREATE TABLE t(a INTEGER PRIMARY KEY, b INT NOT NULL, c REAL, d TEXT, e BLOB) STRICT',
];

test('an INSERT from columns of a table is as one from rows', t => {
  const exprs = fc.tuple(
    fc.constantFrom('id', 'id + 1', 'id / 3', '-id', 'iif(id = 1500, NULL, id)', "id || ''"),
    fc.constantFrom('i', 'i + 1', 'r', 'w', 'NULL', 'abs(i)', 't'),
    fc.constantFrom('r', 'r * 2', 'i', '1', 'iif(id = 1300, t, r)'),
    fc.constantFrom('t', 'few', "'p' || t", 'i', "'same'", 'upper(few)'),
    fc.constantFrom('n', 'few', 'r', 't', 'i'),
  );
  const where = fc.constantFrom('', 'WHERE id > 300', 'WHERE id BETWEEN 100 AND 1200');
  fc.assert(
    fc.property(fc.constantFrom(...TARGETS), exprs, where, fc.boolean(), (target, columns, range, existing) => {
      const outcomes = ['', range === '' ? 'WHERE w IS NOT 5' : 'AND w IS NOT 5'].map(filter => {
        const db = database(`${SOURCE}; ${target}`);
        if (existing) db.prepare('INSERT OR IGNORE INTO t SELECT id - 2000, i, 1, few || id, NULL FROM s').all();
        try {
          db.prepare(`INSERT INTO t SELECT ${columns.join(', ')} FROM s ${range} ${filter}`).all();
          return {changes: db.session.changes, last: db.session.lastInsertRowid, state: db.schemas.main.write()};
        } catch (error) {
          if (!isDbosError(error)) throw error;
          return {message: error.message, last: db.session.lastInsertRowid, state: db.schemas.main.write()};
        }
      });
      t.deepEqual(outcomes[0], outcomes[1]);
    }),
    {numRuns: 150},
  );
});

test('rows of a source that fails, or of a wrong width, leave nothing', async t => {
  const db = database('CREATE TABLE t(a, b)');
  const before = db.schemas.main.write();
  const rows = Array.from({length: 1000}, (_, i) => [i, null]);
  async function* broken() {
    yield rows;
    t.throws(() => db.prepare('INSERT INTO t VALUES (1, 2)').all(), {instanceOf: TypeError});
    throw new Error('no more');
  }
  const insert = 'INSERT INTO t VALUES (?, ?)';
  await t.throwsAsync(() => db.insertMany(insert, broken()), {message: 'no more'});
  const error = await t.throwsAsync(() => db.insertMany(insert, [rows, [[1]]]), {code: 'SQL_PARAMETER'});
  t.true(isDbosError(error) && error.data.row === 1000);
  t.is(db.schemas.main.write(), before);
  t.is(db.session.totalChanges, 0);
  await t.throwsAsync(() => db.insertMany('INSERT INTO t VALUES (?, ?), (1, 2)', []), {code: 'SQL_MISUSE'});
  await t.throwsAsync(() => db.insertMany('DELETE FROM t', []), {code: 'SQL_MISUSE'});
  t.is(await db.insertMany(insert, [rows]), 1000);
});
