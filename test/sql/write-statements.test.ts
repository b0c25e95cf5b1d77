/** Statements that write: units, transactions, errors and their places, prepared statements; a repository's commits. */
import test from 'ava';
import {isDbosError} from '../../src/errors.js';
import {MemoryObjects} from '../../src/objects/memory.js';
import {readCommit} from '../../src/repo/commit.js';
import {walk} from '../../src/repo/history.js';
import {statements} from '../../src/sql/parser/parser.js';
import type {Value} from '../../src/sql/values/value.js';
import {writableDatabaseOf} from '../../src/sql/write/repository-writes.js';
import {WorkingState} from '../../src/sql/write/working-state.js';
import {type UnitInfo, WritableDatabase} from '../../src/sql/write/writable-database.js';
import {makeRepo} from '../support/repo.js';
import {memoryCatalog} from '../support/sqlcatalog.js';

function database(commit?: (info: UnitInfo) => void): WritableDatabase {
  const state = new WorkingState(new MemoryObjects(), undefined);
  return new WritableDatabase(state, memoryCatalog(new Map()), commit && {commit: (_, info) => commit(info)});
}

function run(db: WritableDatabase, sql: string): (readonly Value[])[] {
  let rows: (readonly Value[])[] = [];
  for (const {from, to} of statements(sql)) rows = db.prepare(sql.slice(from, to)).all();
  return rows;
}

test('an error of a constraint has its words, its place and no effect', t => {
  const db = database();
  run(
    db,
    'CREATE TABLE t(a INTEGER PRIMARY KEY, b TEXT NOT NULL UNIQUE, c CHECK (c > 0)); INSERT INTO t VALUES (1, 2, 3)',
  );
  const cases: [string, string][] = [
    ["INSERT INTO t VALUES (2, 'x', 1), (1, 'y', 1)", 'UNIQUE constraint failed: t.a.'],
    ["INSERT INTO t VALUES (2, 'x', 1), (3, '2', 1)", 'UNIQUE constraint failed: t.b.'],
    ['INSERT INTO t VALUES (2, NULL, 1)', 'NOT NULL constraint failed: t.b.'],
    ['UPDATE t SET c = -1', 'CHECK constraint failed: c > 0.'],
    ["INSERT INTO t VALUES ('x', 'y', 1)", 'datatype mismatch.'],
  ];
  for (const [sql, message] of cases) {
    const error = t.throws(() => run(db, sql), {code: 'CONSTRAINT_FAILED', message}, sql);
    if (isDbosError(error)) t.is(error.data.line, 1);
  }
  t.deepEqual(run(db, 'SELECT * FROM t'), [[1, '2', 3]]);
});

test('a statement is a unit, a transaction is one, and what changes nothing is none', t => {
  const units: UnitInfo[] = [];
  const db = database(info => units.push(info));
  run(db, 'CREATE TABLE t(a)');
  run(db, 'INSERT INTO t\n  VALUES (1), (2)');
  run(db, 'DELETE FROM t WHERE a = 9; SELECT * FROM t');
  run(
    db,
    'BEGIN; INSERT INTO t VALUES (3); SAVEPOINT s; INSERT INTO t VALUES (4); ROLLBACK TO s; UPDATE t SET a = a + 1; COMMIT',
  );
  run(db, 'BEGIN; DELETE FROM t; ROLLBACK');
  run(db, 'SAVEPOINT s; DELETE FROM t WHERE a = 2; RELEASE s');
  t.throws(() => run(db, 'COMMIT'), {message: 'cannot commit - no transaction is active.'});
  t.deepEqual(units, [
    {message: 'CREATE TABLE t(a)', changes: 0},
    {message: 'INSERT INTO t VALUES (1), (2)', changes: 2},
    {message: 'INSERT INTO t VALUES (3); UPDATE t SET a = a + 1', changes: 4},
    {message: 'DELETE FROM t WHERE a = 2', changes: 1},
  ]);
  t.deepEqual(run(db, 'SELECT * FROM t'), [[3], [4]]);
});

test('a unit that cannot be committed is undone', t => {
  let refuse = false;
  const db = database(() => {
    if (refuse) throw new Error('no');
  });
  run(db, 'CREATE TABLE t(a); INSERT INTO t VALUES (1)');
  refuse = true;
  t.throws(() => run(db, 'INSERT INTO t VALUES (2)'), {message: 'no'});
  refuse = false;
  t.deepEqual(run(db, 'SELECT * FROM t'), [[1]]);
  run(db, 'INSERT INTO t VALUES (3)');
  t.deepEqual(run(db, 'SELECT * FROM t'), [[1], [3]]);
});

test('prepared statements take parameters again and again, and notice that the schema has changed', t => {
  const db = database();
  run(db, 'CREATE TABLE t(a INTEGER PRIMARY KEY, b)');
  const insert = db.prepare('INSERT INTO t(b) VALUES (?1), (?1 || ?2) RETURNING a, b');
  const select = db.prepare('SELECT * FROM t ORDER BY a');
  t.deepEqual(
    insert.columns.map(({name}) => name),
    ['a', 'b'],
  );
  t.deepEqual(insert.all(['x', 'y']), [
    [1, 'x'],
    [2, 'xy'],
  ]);
  t.deepEqual(insert.all([1, 2]), [
    [3, 1],
    [4, '12'],
  ]);
  run(db, 'ALTER TABLE t ADD COLUMN c DEFAULT 5');
  insert.all(['z', '']);
  t.deepEqual(select.all().slice(3), [
    [4, '12', 5],
    [5, 'z', 5],
    [6, 'z', 5],
  ]);
  run(db, 'DROP TABLE t');
  t.throws(() => insert.all(['z', '']), {code: 'TABLE_UNKNOWN'});
  t.throws(() => select.all(), {code: 'TABLE_UNKNOWN'});
});

test('UPDATE OR REPLACE looks at the unique indexes that it changes, and at all where the key or foreign keys do', t => {
  const db = database();
  run(
    db,
    `CREATE TABLE t(a INTEGER PRIMARY KEY, b, c, d, e AS (c + 1), f REFERENCES t(a), g, h, i);
     CREATE UNIQUE INDEX partial ON t(b) WHERE d > 1; CREATE UNIQUE INDEX computed ON t(abs(g));
     CREATE UNIQUE INDEX generated ON t(a) WHERE e > 1; CREATE TABLE k(z REFERENCES t(h))`,
  );
  // a row that is replaced would have to be looked for in k, whose foreign key names no key
  const looks = (set: string) => {
    try {
      run(db, `UPDATE OR REPLACE t SET ${set}`);
      return false;
    } catch (error) {
      return isDbosError(error, 'SQL_MISUSE');
    }
  };
  const sets = ['a', 'b', 'c', 'd', 'f', 'g', 'h', 'i'].filter(column => looks(`${column} = 1`));
  t.deepEqual(sets, ['a', 'b', 'c', 'd', 'f', 'g', 'h']);
});

test('count(*) counts the rows that there are when it runs, in triggers and prepared statements too', t => {
  const db = database();
  run(db, 'CREATE TABLE t(a INTEGER PRIMARY KEY); CREATE TABLE counts(n)');
  run(db, 'CREATE TRIGGER c AFTER INSERT ON t BEGIN INSERT INTO counts SELECT count(*) FROM t; END');
  const count = db.prepare('SELECT count(*) FROM t');
  t.deepEqual(count.all(), [[0]]);
  run(db, 'INSERT INTO t VALUES (1), (2)');
  t.deepEqual(count.all(), [[2]]);
  t.deepEqual(db.prepare('SELECT n FROM counts').all(), [[1], [2]]);
});

test('a value that stands outside its row can be in a unique index', t => {
  const db = database();
  run(db, 'CREATE TABLE t(a, b UNIQUE, c); CREATE UNIQUE INDEX t_c ON t(a) WHERE length(c) > 5');
  const insert = db.prepare('INSERT INTO t VALUES (?, ?, ?)');
  const long = (first: string) => first.padEnd(3000, 'x');
  insert.all([1, long('a'), long('c')]);
  run(db, 'BEGIN');
  insert.all([2, long('b'), long('c')]);
  t.throws(() => insert.all([3, long('b'), 'c']), {message: 'UNIQUE constraint failed: t.b.'});
  t.throws(() => insert.all([1, long('d'), long('d')]), {message: 'UNIQUE constraint failed: t.a.'});
  run(db, 'COMMIT');
  t.deepEqual(run(db, 'SELECT a, length(b) FROM t'), [
    [1, 3000],
    [2, 3000],
  ]);
});

test('foreign keys hold at the end of a statement, deferred ones at the end of the transaction', t => {
  const db = database();
  run(
    db,
    'CREATE TABLE p(k PRIMARY KEY); CREATE TABLE c(k REFERENCES p DEFERRABLE INITIALLY DEFERRED, l REFERENCES p ON DELETE CASCADE)',
  );
  t.throws(() => run(db, 'INSERT INTO c(l) VALUES (1)'), {message: 'FOREIGN KEY constraint failed.'});
  t.throws(() => run(db, 'INSERT INTO c(k) VALUES (1)'), {message: 'FOREIGN KEY constraint failed.'});
  run(db, 'BEGIN; INSERT INTO c(k) VALUES (1)');
  t.throws(() => run(db, 'COMMIT'), {message: 'FOREIGN KEY constraint failed.'});
  run(db, 'INSERT INTO p VALUES (1), (2); COMMIT; INSERT INTO c(l) VALUES (2); DELETE FROM p WHERE k = 2');
  t.deepEqual(run(db, 'SELECT * FROM c'), [[1, null]]);
});

test('a PRAGMA that gives rows has the columns of its function', t => {
  const db = database();
  run(db, "CREATE TABLE t(a INTEGER PRIMARY KEY, b TEXT NOT NULL DEFAULT 'x')");
  const info = db.prepare('PRAGMA table_info(t)');
  t.deepEqual(
    info.columns.map(({name}) => name),
    ['cid', 'name', 'type', 'notnull', 'dflt_value', 'pk'],
  );
  t.deepEqual(info.all(), [
    [0, 'a', 'INTEGER', 0, null, 1],
    [1, 'b', 'TEXT', 1, "'x'", 0],
  ]);
  t.deepEqual(
    db.prepare('PRAGMA foreign_keys').columns.map(({name}) => name),
    ['foreign_keys'],
  );
});

test('PRAGMA table_info tells the columns of a view, table_xinfo those that are generated', t => {
  const db = database();
  // what sqlite3 3.40 prints
  run(
    db,
    `CREATE TABLE t(a INTEGER PRIMARY KEY, b TEXT NOT NULL DEFAULT 'x', c decimal(10,2), d, g AS (a + 1), s AS (b) STORED);
     CREATE VIEW v AS SELECT *, a + 1 AS k, cast(a AS REAL) AS r, (SELECT b) AS q, max(a) AS m FROM t;
     CREATE VIEW w(x, y) AS SELECT b, k FROM v;
     CREATE VIEW u AS SELECT c FROM t UNION ALL SELECT b FROM t;
     CREATE VIEW itself AS SELECT cid FROM pragma_table_info('itself')`,
  );
  const shown = (table: string) => run(db, `PRAGMA table_info(${table})`).map(([, name, type]) => [name, type]);
  t.deepEqual(shown('v'), [
    ['a', 'INTEGER'],
    ['b', 'TEXT'],
    ['c', 'decimal(10,2)'],
    ['d', ''],
    ['g', ''],
    ['s', ''],
    ['k', ''],
    ['r', ''],
    ['q', 'TEXT'],
    ['m', ''],
  ]);
  t.deepEqual(run(db, 'PRAGMA table_xinfo(W)'), [
    [0, 'x', 'TEXT', 0, null, 0, 0],
    [1, 'y', '', 0, null, 0, 0],
  ]);
  t.deepEqual(shown('u'), [['c', 'decimal(10,2)']]);
  t.deepEqual(shown('itself'), [['cid', 'INTEGER']]);
  t.deepEqual(shown('t').slice(3), [['d', '']]);
  t.deepEqual(run(db, 'PRAGMA table_xinfo(t)').slice(3), [
    [3, 'd', '', 0, null, 0, 0],
    [4, 'g', '', 0, null, 0, 2],
    [5, 's', '', 0, null, 0, 3],
  ]);
  const all =
    "SELECT m.name, count(*) FROM sqlite_schema m, pragma_table_info(m.name) i WHERE m.type = 'view' GROUP BY 1";
  t.deepEqual(run(db, all), [
    ['itself', 1],
    ['u', 1],
    ['v', 10],
    ['w', 2],
  ]);
  run(db, 'DROP VIEW v');
  t.throws(() => run(db, 'PRAGMA table_info(w)'), {code: 'TABLE_UNKNOWN'});
});

test('the actions of foreign keys are checked with the statement that may take them', t => {
  const db = database();
  run(db, 'PRAGMA foreign_keys = ON');
  run(
    db,
    `CREATE TABLE p(a INTEGER PRIMARY KEY, u UNIQUE); CREATE TABLE c(a INTEGER PRIMARY KEY, b REFERENCES p ON DELETE CASCADE, n);
     CREATE TABLE g(x REFERENCES c(n))`,
  );
  const mismatch = {code: 'SQL_MISUSE', message: /foreign key mismatch - "g" referencing "c"/};
  t.throws(() => run(db, 'DELETE FROM p'), mismatch);
  t.throws(() => run(db, 'REPLACE INTO p VALUES (1, 1)'), mismatch);
  t.notThrows(() => run(db, 'INSERT INTO p VALUES (1, 1) ON CONFLICT DO NOTHING; UPDATE p SET u = 2'));
  // all unique constraints are looked at where the key changes
  run(db, 'CREATE TABLE q(a PRIMARY KEY, n, u UNIQUE ON CONFLICT REPLACE); CREATE TABLE h(x REFERENCES q(n))');
  t.notThrows(() => run(db, 'INSERT INTO q VALUES (1, 1, 1) ON CONFLICT (u) DO NOTHING'));
  t.throws(() => run(db, 'UPDATE q SET a = a'), {message: /foreign key mismatch - "h" referencing "q"/});
  // an action replaces nothing
  run(
    db,
    'CREATE TABLE r(a INTEGER PRIMARY KEY, b UNIQUE ON CONFLICT REPLACE REFERENCES r ON UPDATE CASCADE, n REFERENCES q(n))',
  );
  run(
    db,
    'PRAGMA foreign_keys = OFF; INSERT INTO r(a, b) VALUES (1, 1); PRAGMA foreign_keys = ON; UPDATE OR ABORT r SET a = 2',
  );
  t.deepEqual(run(db, 'SELECT a, b FROM r'), [[2, 2]]);
});

test('a row counts whose AFTER triggers fail, and the rows of a table that is dropped while foreign keys are open', t => {
  const db = database();
  const counts = () => run(db, 'SELECT changes(), total_changes()');
  run(
    db,
    `CREATE TABLE u(a INTEGER PRIMARY KEY, b); INSERT INTO u VALUES (1, 1), (2, 2), (3, 7);
     CREATE TRIGGER i AFTER INSERT ON u BEGIN SELECT RAISE(FAIL, 'no') WHERE new.b = 8; END;
     CREATE TRIGGER b BEFORE UPDATE ON u BEGIN SELECT RAISE(FAIL, 'no') WHERE new.b = 2; END;
     CREATE TRIGGER d AFTER DELETE ON u BEGIN SELECT RAISE(FAIL, 'no') WHERE old.b = 2; END`,
  );
  t.throws(() => run(db, 'INSERT INTO u VALUES (4, 4), (5, 8), (6, 6)'), {message: 'no.'});
  t.deepEqual(counts(), [[2, 5]]);
  t.throws(() => run(db, 'UPDATE u SET b = a'), {message: 'no.'});
  t.deepEqual(counts(), [[1, 6]]);
  t.throws(() => run(db, 'DELETE FROM u'), {message: 'no.'});
  t.deepEqual(counts(), [[2, 8]]);
  run(db, 'PRAGMA foreign_keys = ON; CREATE TABLE c(x REFERENCES u DEFERRABLE INITIALLY DEFERRED)');
  run(db, 'BEGIN; INSERT INTO c VALUES (4), (1); DROP TABLE c');
  t.deepEqual(counts(), [[2, 12]]);
  run(
    db,
    'COMMIT; CREATE TABLE c(x REFERENCES u DEFERRABLE INITIALLY DEFERRED); INSERT INTO c VALUES (4); DROP TABLE c',
  );
  t.deepEqual(counts(), [[0, 13]]);
  run(db, 'CREATE TABLE c(x REFERENCES u); INSERT INTO c VALUES (4)');
  t.throws(() => run(db, 'DROP TABLE u'), {message: 'FOREIGN KEY constraint failed.'});
  t.deepEqual(counts(), [[0, 14]], 'and no row of one that is not dropped');
});

test('a row that names a missing one has been inserted, and is last_insert_rowid(), where others could mend that', t => {
  const db = database();
  run(db, 'PRAGMA foreign_keys = ON; CREATE TABLE p(k INTEGER PRIMARY KEY)');
  run(db, 'CREATE TABLE c(k INTEGER PRIMARY KEY, f REFERENCES p, u UNIQUE, r UNIQUE ON CONFLICT REPLACE, w)');
  run(db, 'CREATE TABLE d(f REFERENCES p); CREATE TABLE e(k INTEGER PRIMARY KEY, f REFERENCES p, w)');
  const last = (sql: string) => {
    run(db, 'DELETE FROM p; INSERT INTO p VALUES (3)');
    t.throws(() => run(db, sql), {message: 'FOREIGN KEY constraint failed.'}, sql);
    return run(db, 'SELECT last_insert_rowid()');
  };
  const inserted = [
    'INSERT INTO c VALUES (7, 1, 2, 3, 4)',
    'INSERT INTO c VALUES (7, 1, 2, 3, 4) ON CONFLICT (u) DO NOTHING',
    'INSERT INTO c VALUES (7, 1, 2, 3, 4) ON CONFLICT (r) DO UPDATE SET f = 1',
    'INSERT OR REPLACE INTO e(k, f) VALUES (7, 1)',
  ];
  for (const sql of inserted) t.deepEqual(last(sql), [[7]], sql);
  const refused = [
    'INSERT INTO c VALUES (7, 1, 2, 3, 4) ON CONFLICT (r) DO NOTHING',
    'INSERT INTO c VALUES (7, 1, 2, 3, 4) ON CONFLICT (r) DO UPDATE SET k = 1',
    'INSERT OR REPLACE INTO d VALUES (1)',
    'INSERT INTO e(f) VALUES (1) ON CONFLICT (k) DO UPDATE SET f = 1',
    'INSERT OR REPLACE INTO e(f) VALUES (1)',
  ];
  for (const sql of refused) t.deepEqual(last(sql), [[3]], sql);
});

test('what OR says does not reach through a DELETE, and OR REPLACE sees rows as they are then', t => {
  const db = database();
  run(
    db,
    `CREATE TABLE t(a INTEGER PRIMARY KEY, b); INSERT INTO t VALUES (0, 1), (1, 4); CREATE TABLE l(a UNIQUE);
     UPDATE OR REPLACE t SET a = a + 1, b = b + 1`,
  );
  t.deepEqual(run(db, 'SELECT * FROM t'), [[2, 3]]);
  run(
    db,
    `INSERT INTO l VALUES (2); CREATE TRIGGER d AFTER DELETE ON t BEGIN INSERT INTO l VALUES (old.a); END;
     CREATE TRIGGER u AFTER UPDATE ON t BEGIN DELETE FROM t WHERE a = new.a; END`,
  );
  t.throws(() => run(db, 'UPDATE OR IGNORE t SET b = 0'), {code: 'CONSTRAINT_FAILED'});
});

test('of columns that must not be NULL those without a default are told of first', t => {
  const db = database();
  run(db, 'CREATE TABLE t(a DEFAULT NULL NOT NULL, b NOT NULL, c DEFAULT 3 NOT NULL)');
  t.throws(() => run(db, 'REPLACE INTO t DEFAULT VALUES'), {message: 'NOT NULL constraint failed: t.b.'});
  t.throws(() => run(db, 'REPLACE INTO t(b) VALUES (1)'), {message: 'NOT NULL constraint failed: t.a.'});
  run(db, 'REPLACE INTO t VALUES (1, 2, NULL)');
  t.deepEqual(run(db, 'SELECT * FROM t'), [[1, 2, 3]]);
});

test('NEW and OLD have no affinity but that of the rowid', t => {
  const db = database();
  run(db, "CREATE TABLE l(x); INSERT INTO l VALUES ('1'); CREATE TABLE u(a INTEGER PRIMARY KEY, b INT, r)");
  run(
    db,
    'CREATE TRIGGER i AFTER INSERT ON u BEGIN UPDATE u SET r = (SELECT (x = new.a) || (x = new.rowid) || (x = new.b) FROM l); END',
  );
  run(db, 'INSERT INTO u VALUES (1, 1, NULL)');
  t.deepEqual(run(db, 'SELECT r FROM u'), [['110']]);
});

test('temporary tables hide others and are no part of the state', t => {
  let units = 0;
  const db = database(() => units++);
  run(db, "CREATE TABLE t(a); INSERT INTO t VALUES ('main')");
  const before = units;
  run(db, "CREATE TEMP TABLE t(a UNIQUE); INSERT INTO t VALUES ('temp'), (NULL)");
  t.is(units, before);
  t.deepEqual(run(db, 'SELECT a FROM t'), [['temp'], [null]]);
  run(db, 'DROP TABLE t');
  t.deepEqual(run(db, 'SELECT a FROM t'), [['main']]);
});

test('ALTER TABLE renames a column wherever it is named', t => {
  const db = database();
  run(
    db,
    `CREATE TABLE t(a INTEGER PRIMARY KEY, b UNIQUE CHECK (b <> 'no'), g AS (b || '!'));
CREATE TABLE k(x REFERENCES t(b));
CREATE INDEX i ON t(lower(b)) WHERE b > 0;
CREATE VIEW v AS SELECT q.b AS b, a FROM t AS q WHERE b IN (SELECT b FROM t);
CREATE TRIGGER r AFTER UPDATE OF b ON t BEGIN INSERT INTO k(x) SELECT b FROM t WHERE b = new.b; END;
ALTER TABLE t RENAME COLUMN b TO "new name"`,
  );
  const sql = run(db, "SELECT sql FROM sqlite_schema WHERE sql IS NOT NULL AND name <> 'files' ORDER BY name").map(
    ([text]) => text,
  );
  t.deepEqual(sql, [
    'CREATE INDEX i ON t(lower("new name")) WHERE "new name" > 0',
    'CREATE TABLE k(x REFERENCES t("new name"))',
    'CREATE TRIGGER r AFTER UPDATE OF "new name" ON t BEGIN INSERT INTO k(x) SELECT "new name" FROM t WHERE "new name" = new."new name"; END',
    'CREATE TABLE t(a INTEGER PRIMARY KEY, "new name" UNIQUE CHECK ("new name" <> \'no\'), g AS ("new name" || \'!\'))',
    'CREATE VIEW v AS SELECT q."new name" AS b, a FROM t AS q WHERE "new name" IN (SELECT "new name" FROM t)',
  ]);
});

test('in a repository each unit is a commit on the branch of HEAD', async t => {
  const {repo} = await makeRepo(t);
  const db = writableDatabaseOf(repo);
  for (const sql of [
    'CREATE TABLE t(a INTEGER PRIMARY KEY, b)',
    "INSERT INTO t(b) VALUES ('x'), ('y')",
    'DELETE FROM t WHERE a = 7',
  ]) {
    db.prepare(sql).all();
    await db.settled();
  }
  const {commit} = repo.head();
  const messages = [...walk(repo, {include: commit === undefined ? [] : [commit]})].map(
    ({id}) => readCommit(repo.objects, id).message,
  );
  t.deepEqual(messages, ["INSERT INTO t(b) VALUES ('x'), ('y')", 'CREATE TABLE t(a INTEGER PRIMARY KEY, b)']);
  db.prepare("UPDATE t SET b = 'z' WHERE a = 2").all();
  await db.settled();
  const again = writableDatabaseOf(repo);
  t.deepEqual(again.prepare('SELECT * FROM t').all(), [
    [1, 'x'],
    [2, 'z'],
  ]);
  t.deepEqual((await again.statement("SELECT b FROM t AS OF 'HEAD~1' WHERE a = 2")).all(), [['y']]);
});

test('INSERTs that differ in their literals are what each is by itself', t => {
  const literals = [
    ...['1', '-1', '0', '-0', '1.5', '-1.5', '-0.0', '1e3', '.5', '5.', '0x1F', '1_000', 'NULL', 'null'],
    ...["'a'", "'it''s'", "''", "'('", "'),'", "x'00ff'", "X''", "'é\u{1f600}'"],
    ...['9007199254740993', '-9223372036854775808', '9223372036854775807', '9223372036854775808', '-0x10'],
    ...['+1', '(1)', '1 + 1', "'a' || 'b'", 'abs(-3)', 'TRUE', '"a"', '1 -- one\n', '/* one */ 1', '- 1', '- /**/ 2.5'],
  ];
  const [repeated, apart] = [database(), database()];
  for (const db of [repeated, apart]) run(db, 'CREATE TABLE t(a INTEGER PRIMARY KEY, b, c TEXT, d REAL, e INT)');
  let id = 0;
  for (const first of literals) {
    for (const second of [first, ...literals.slice(id % 7, (id % 7) + 3)]) {
      const row = `VALUES (${++id}, ${first}, ${second}, ${first}, ${second})`;
      // the texts that come before the literals are all different, so none is like another
      for (const [db, into] of [
        [repeated, 't'],
        [apart, `t /* ${id} */`],
      ] as const) {
        const sql = `INSERT INTO ${into} ${row}`;
        try {
          if (id % 3 === 0) for (const {statement} of statements(sql)) t.is(statement.kind, 'insert');
          t.deepEqual(db.prepare(id % 2 === 0 ? `${sql};` : sql).all(), []);
        } catch (error) {
          t.true(isDbosError(error));
        }
      }
    }
  }
  const all = 'SELECT a, typeof(b), quote(b), quote(c), quote(d), quote(e) FROM t';
  t.true(run(repeated, all).length > 90);
  t.deepEqual(run(repeated, all), run(apart, all));
});

test('an INSERT like others is compiled anew where it has to be, and its errors have their places', async t => {
  const units: UnitInfo[] = [];
  const db = database(info => units.push(info));
  run(db, 'CREATE TABLE t(a INTEGER PRIMARY KEY, b); CREATE TABLE u(t REFERENCES t)');
  for (let i = 1; i <= 4; i++) run(db, `INSERT INTO t VALUES (${i}, 'row ${i}')`);
  t.deepEqual(
    units.slice(2).map(({message, changes}) => [message, changes]),
    [1, 2, 3, 4].map(i => [`INSERT INTO t VALUES (${i}, 'row ${i}')`, 1]),
  );
  const before = units.length;
  for await (const statement of db.script("INSERT INTO t VALUES (5, 'a');\n INSERT INTO t VALUES (6, 'b') ;")) {
    t.deepEqual(statement.all(), []);
  }
  t.deepEqual(
    units.slice(before).map(({message}) => message),
    ["INSERT INTO t VALUES (5, 'a')", "INSERT INTO t VALUES (6, 'b')"],
  );
  t.like(
    t.throws(() => db.prepare("INSERT INTO t VALUES (1, 'x')").all(), {code: 'CONSTRAINT_FAILED'}),
    {
      data: {line: 1, column: 1},
    },
  );
  t.throws(() => db.prepare('INSERT INTO t VALUES (7)'), {message: /^table t has 2 columns but 1 values/});
  t.throws(() => db.prepare("INSERT INTO t VALUES (7, 'x'"), {code: 'SQL_SYNTAX'});
  t.throws(() => db.prepare("INSERT INTO t VALUES (7, 'x') 8"), {code: 'SQL_SYNTAX'});
  t.throws(() => db.prepare("INSERT INTO t VALUES (7, 'x'); SELECT 1"), {message: /more than one/});
  t.deepEqual(db.prepare("INSERT INTO t VALUES (7, 'x') RETURNING b").all(), [['x']]);
  t.true(db.prepare("INSERT INTO t VALUES (8, 'x')").explain().length > 0);

  const prepared = db.prepare("INSERT INTO t VALUES (8, 'x')");
  run(db, 'ALTER TABLE t ADD COLUMN c');
  t.throws(() => prepared.all(), {message: /^table t has 3 columns but 2 values/});
  t.throws(() => db.prepare("INSERT INTO t VALUES (8, 'x')"), {message: /^table t has 3 columns but 2 values/});

  run(
    db,
    'PRAGMA foreign_keys = OFF; INSERT INTO u VALUES (100); INSERT INTO u VALUES (101); INSERT INTO u VALUES (102)',
  );
  run(db, 'PRAGMA foreign_keys = ON; INSERT INTO u VALUES (1)');
  t.throws(() => run(db, 'INSERT INTO u VALUES (103)'), {message: /FOREIGN KEY/});
  t.deepEqual(run(db, 'SELECT t FROM u'), [[100], [101], [102], [1]]);
});
