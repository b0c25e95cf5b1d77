/** EXPLAIN of statements that write: what it shows, and that it changes nothing. */
import test from 'ava';
import {MemoryObjects} from '../../src/objects/memory.js';
import {statements} from '../../src/sql/parser/parser.js';
import {WorkingState} from '../../src/sql/write/working-state.js';
import {WritableDatabase} from '../../src/sql/write/writable-database.js';
import {memoryCatalog} from '../support/sqlcatalog.js';

function newDatabase() {
  const state = new WorkingState(new MemoryObjects(), undefined);
  const db = new WritableDatabase(state, memoryCatalog(new Map()));
  const run = (sql: string) => {
    let rows: string[] = [];
    for (const {from, to} of statements(sql))
      rows = db
        .prepare(sql.slice(from, to))
        .all()
        .map(row => row.join('|'));
    return rows;
  };
  run(`CREATE TABLE parent(id INTEGER PRIMARY KEY, name TEXT UNIQUE);
    CREATE TABLE child(id INTEGER PRIMARY KEY, of REFERENCES parent ON DELETE CASCADE, note);
    CREATE TABLE told_of(what);
    CREATE INDEX by_parent ON child(of);
    CREATE INDEX by_note ON child(note);
    CREATE TRIGGER told AFTER INSERT ON child BEGIN INSERT INTO told_of VALUES (new.note); END;
    CREATE TRIGGER renamed BEFORE UPDATE OF note ON child BEGIN INSERT INTO told_of VALUES (old.note); END;
    INSERT INTO parent VALUES (1, 'a'), (2, 'b');
    INSERT INTO child VALUES (1, 1, 'x'), (2, 2, 'y'), (3, 2, 'z')`);
  return {db, run, state: () => state.write()};
}

test('EXPLAIN shows the plan of what is read, and what is kept in step with what is written', t => {
  const {run, state} = newDatabase();
  run('INSERT INTO child(of, note) SELECT 1, value FROM generate_series(1, 500)');
  const before = state();
  const insert = run('EXPLAIN INSERT INTO child(of, note) SELECT id, name FROM parent WHERE id > 1');
  t.deepEqual(insert.slice(0, 5), [
    'insert into child',
    '├─ keeps index by_note',
    '├─ keeps index by_parent',
    '├─ fires trigger told after insert',
    '├─ checks foreign key (of) to parent',
  ]);
  t.regex(insert.slice(5).join('\n'), /^└─ filter parent\.id > 1 .*\n {3}└─ range of parent by id >/);
  t.deepEqual(run('EXPLAIN UPDATE child SET note = upper(note) WHERE of = 2').slice(0, 3), [
    'update child',
    '├─ keeps index by_note',
    '├─ fires trigger renamed before update',
  ]);
  t.regex(run('EXPLAIN UPDATE child SET note = upper(note) WHERE of = 2').join('\n'), /└─ .*with index by_parent/);
  t.deepEqual(run('EXPLAIN DELETE FROM parent WHERE id = 1').slice(0, 3), [
    'delete from parent',
    '├─ keeps unique index sqlite_autoindex_parent_1',
    '├─ checks foreign key of child (of): cascade',
  ]);
  t.deepEqual(run("EXPLAIN UPDATE parent SET name = 'c'").slice(0, 2), [
    'update parent',
    '├─ keeps unique index sqlite_autoindex_parent_1',
  ]);
  const upsert = run(
    "EXPLAIN INSERT INTO child VALUES (1, 1, 'q') ON CONFLICT (id) DO UPDATE SET note = excluded.note",
  );
  t.true(upsert.includes('├─ fires trigger renamed before update'));
  t.regex(upsert.at(-1) ?? '', /^└─ VALUES of 1 row /);
  run('PRAGMA foreign_keys = off');
  t.false(run('EXPLAIN DELETE FROM parent').some(line => line.includes('foreign key')));
  t.is(state(), before);
});

test('EXPLAIN of files and of views', t => {
  const {run} = newDatabase();
  run(`CREATE INDEX by_size ON files(size); INSERT INTO files(path) VALUES ('a'), ('b');
    CREATE VIEW names AS SELECT name FROM parent;
    CREATE TRIGGER made INSTEAD OF INSERT ON names BEGIN INSERT INTO parent(name) VALUES (new.name); END`);
  const lines = run("EXPLAIN UPDATE files SET name = 'c' WHERE path = 'a'");
  t.deepEqual(lines.slice(0, 2), ['update files', '├─ keeps index by_size']);
  t.regex(lines.join('\n'), /by path/);
  t.is(run("EXPLAIN INSERT INTO names VALUES ('q')")[1], '├─ fires trigger made instead of insert');
  t.throws(() => run('EXPLAIN CREATE TABLE x(a)'), {code: 'SQL_UNSUPPORTED'});
  t.throws(() => run('EXPLAIN DELETE FROM nothing_such'), {code: 'TABLE_UNKNOWN'});
});

test('EXPLAIN ANALYZE runs a change, counts rows, and takes everything back', t => {
  const {db, run, state} = newDatabase();
  const before = state();
  const analyzed = run("EXPLAIN ANALYZE DELETE FROM parent WHERE name = 'b'");
  t.regex(analyzed.join('\n'), /really 1,/);
  t.regex(analyzed.at(-1) ?? '', /^1 row in [\d.]+ ms, taken back$/);
  t.is(state(), before);
  run("BEGIN; INSERT INTO told_of VALUES ('kept')");
  run("EXPLAIN ANALYZE INSERT INTO child(note) SELECT 'n' FROM generate_series(1, 50)");
  t.deepEqual(run('SELECT count(*), changes() FROM child'), ['3|1']);
  t.throws(() => run('EXPLAIN ANALYZE INSERT INTO child(of) VALUES (99)'), {code: 'CONSTRAINT_FAILED'});
  t.true(db.inTransaction);
  run('COMMIT');
  t.deepEqual(run('SELECT group_concat(what) FROM told_of'), ['x,y,z,kept']);
});
