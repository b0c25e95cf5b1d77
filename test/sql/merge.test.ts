/** Merging states: cells, rows, definitions, and the rules of tables that both sides break together. */
import test, {type ExecutionContext} from 'ava';
import fc from 'fast-check';
import type {ObjectId} from '../../src/objects/id.js';
import {merge} from '../../src/sql/merge/merge.js';
import type {MergeConflict} from '../../src/state/conflict.js';
import type {Cell} from '../../src/tree/cell.js';
import {writeFiles} from '../support/repo.js';
import {SqlStates} from '../support/sql-states.js';

const CLOCK = {now: () => 0, zone: () => 0};

/** Merges what two scripts make of a state, from both sides, and returns the merged state or the conflicts. */
function mergeOf(
  t: ExecutionContext,
  states: SqlStates,
  base: ObjectId | undefined,
  ours: ObjectId,
  theirs: ObjectId,
): {state: ObjectId; conflicts: readonly MergeConflict[]} {
  const merged = merge(states.objects, {base, ours, theirs}, CLOCK);
  const mirrored = merge(states.objects, {base, ours: theirs, theirs: ours}, CLOCK);
  t.is(merged.conflicts.length === 0, mirrored.conflicts.length === 0, 'both sides see a conflict, or none');
  if (merged.conflicts.length === 0) {
    t.is(mirrored.state, merged.state, 'both sides make the same of it');
    t.deepEqual(states.problems(merged.state), []);
  }
  return merged;
}

function scripts(t: ExecutionContext, setup: string, ours: string, theirs: string) {
  const states = new SqlStates();
  const base = states.run(undefined, setup);
  const merged = mergeOf(t, states, base, states.run(base, ours), states.run(base, theirs));
  return {
    ...merged,
    rows: (sql: string) => states.rows(merged.state, sql),
    rules: merged.conflicts.map(conflict => ('rule' in conflict ? conflict.rule : conflict.kind)),
  };
}

const PEOPLE = `CREATE TABLE people(id INTEGER PRIMARY KEY, name TEXT, age INT, full TEXT AS (name || ' ' || age));
  CREATE INDEX by_name_age ON people(name, age);
  INSERT INTO people(id, name, age) VALUES (1, 'ada', 30), (2, 'bob', 40), (3, 'cyd', 50)`;

test('one row changed in different columns is merged, with its index and its generated column', t => {
  const {conflicts, rows} = scripts(
    t,
    PEOPLE,
    "UPDATE people SET name = 'eve' WHERE id = 2; INSERT INTO people(id, name) VALUES (4, 'dan')",
    'UPDATE people SET age = 41 WHERE id = 2; DELETE FROM people WHERE id = 3',
  );
  t.deepEqual(conflicts, []);
  t.deepEqual(rows('SELECT id, name, age, full FROM people'), [
    [1, 'ada', 30, 'ada 30'],
    [2, 'eve', 41, 'eve 41'],
    [4, 'dan', null, null],
  ]);
});

test('one cell changed twice is a conflict that tells table, key, column and the values', t => {
  const {conflicts} = scripts(
    t,
    PEOPLE,
    'UPDATE people SET age = 1 WHERE id = 2',
    'UPDATE people SET age = 2 WHERE id = 2',
  );
  t.deepEqual(conflicts, [{kind: 'cell', table: 'people', key: [2], column: 'age', base: 40, ours: 1, theirs: 2}]);
  const gone = scripts(t, PEOPLE, 'DELETE FROM people WHERE id = 2', 'UPDATE people SET age = 2 WHERE id = 2');
  const [row] = gone.conflicts;
  t.true(row?.kind === 'row' && row.ours === undefined && row.theirs?.[2] === 2);
  const same = 'UPDATE people SET age = 7 WHERE id = 1; DELETE FROM people WHERE id = 3';
  t.deepEqual(scripts(t, PEOPLE, same, same).conflicts, []);
});

test('between transactions, what both make the same of is a conflict too', t => {
  const states = new SqlStates();
  const base = states.run(undefined, `${PEOPLE}; CREATE TABLE n(x); INSERT INTO n VALUES (1)`);
  const of = (ours: string, theirs: string) =>
    merge(
      states.objects,
      {base, ours: states.run(base, ours), theirs: states.run(base, theirs)},
      {...CLOCK, exclusive: true},
    ).conflicts.map(({kind}) => kind);
  t.deepEqual(of('UPDATE n SET x = x + 1', 'UPDATE n SET x = x + 1'), ['cell']);
  t.deepEqual(of('UPDATE n SET x = x + 1', 'UPDATE n SET x = x + 1; INSERT INTO n VALUES (7)'), ['cell']);
  t.deepEqual(of('DELETE FROM n', 'DELETE FROM n'), ['row']);
  t.deepEqual(of('INSERT INTO n VALUES (2)', 'INSERT INTO n VALUES (2)'), ['row']);
  t.deepEqual(of("UPDATE people SET name = 'x' WHERE id = 1", 'UPDATE people SET age = 9 WHERE id = 1'), []);
});

test('rules that both sides break together are conflicts', t => {
  const unique =
    'CREATE TABLE t(a INTEGER PRIMARY KEY, b UNIQUE, c, CHECK (b + c < 100)); INSERT INTO t VALUES (1, 1, 1)';
  t.deepEqual(scripts(t, unique, 'INSERT INTO t VALUES (2, 5, 0)', 'INSERT INTO t VALUES (3, 5, 0)').rules, [
    'UNIQUE constraint failed: t.b',
  ]);
  t.deepEqual(scripts(t, unique, 'UPDATE t SET b = 60', 'UPDATE t SET c = 60').rules, [
    'CHECK constraint failed: b + c < 100',
  ]);
  t.deepEqual(
    scripts(t, unique, 'CREATE UNIQUE INDEX cs ON t(c)', 'INSERT INTO t VALUES (2, 2, 1)').rules,
    ['UNIQUE constraint failed: t.c'],
    'an index that one side made, rows of the other',
  );
  const parents = `CREATE TABLE p(id INTEGER PRIMARY KEY, x); CREATE TABLE c(id INTEGER PRIMARY KEY, p REFERENCES p);
    INSERT INTO p VALUES (1, 0), (2, 0); INSERT INTO c VALUES (1, 1)`;
  const broken = 'FOREIGN KEY constraint failed: c names a row of p that is not there';
  t.deepEqual(scripts(t, parents, 'DELETE FROM p WHERE id = 2', 'INSERT INTO c VALUES (2, 2)').rules, [broken]);
  t.deepEqual(scripts(t, parents, 'UPDATE p SET id = 3 WHERE id = 2', 'UPDATE c SET p = 2').rules, [broken]);
  t.deepEqual(scripts(t, parents, 'UPDATE p SET x = 3 WHERE id = 2', 'INSERT INTO c VALUES (2, 2)').rules, []);
  t.deepEqual(scripts(t, parents, 'DELETE FROM c; DROP TABLE p', 'INSERT INTO c VALUES (2, 2)').rules, [
    'FOREIGN KEY constraint failed: there is no table p',
  ]);
});

test('tables, views, indexes and triggers that one side made, changed or dropped', t => {
  const {conflicts, rows} = scripts(
    t,
    `${PEOPLE}; CREATE TABLE old(a); CREATE VIEW v AS SELECT 1`,
    'CREATE TABLE fresh(a); INSERT INTO fresh VALUES (1); DROP INDEX by_name_age; DROP VIEW v',
    'DROP TABLE old; CREATE INDEX by_age ON people(age); UPDATE people SET age = 9 WHERE id = 1; CREATE VIEW w AS SELECT 2',
  );
  t.deepEqual(conflicts, []);
  t.deepEqual(rows("SELECT name FROM sqlite_schema WHERE name != 'files' ORDER BY name"), [
    ['by_age'],
    ['fresh'],
    ['people'],
    ['w'],
  ]);
  t.deepEqual(rows('SELECT id FROM people INDEXED BY by_age WHERE age = 9'), [[1]]);
  const both = (setup: string, ours: string, theirs: string) => scripts(t, setup, ours, theirs).rules;
  t.deepEqual(both(PEOPLE, 'DROP TABLE people', 'UPDATE people SET age = 1 WHERE id = 1'), [
    'one side dropped it and the other one changed it',
  ]);
  t.deepEqual(both(PEOPLE, 'ALTER TABLE people ADD x', 'ALTER TABLE people ADD y'), [
    'both sides changed what the table is',
  ]);
  t.deepEqual(both('CREATE TABLE t(a)', 'CREATE TABLE u(a)', 'CREATE TABLE U(a)').slice(0, 1), [
    'both sides made something of the name u',
  ]);
  t.deepEqual(both('CREATE TABLE t(a)', 'CREATE TABLE u(a)', 'CREATE TABLE u(a)'), []);
});

test('a view or trigger may name a table that the other side dropped, as one in SQLite may', t => {
  const {conflicts, rows} = scripts(
    t,
    'CREATE TABLE gone(a); CREATE TABLE stays(a); CREATE VIEW old AS SELECT a FROM gone',
    `CREATE VIEW made AS SELECT a FROM gone;
     CREATE TRIGGER fires AFTER INSERT ON stays BEGIN INSERT INTO gone VALUES (1); END`,
    'DROP TABLE gone',
  );
  t.deepEqual(conflicts, []);
  for (const sql of ['SELECT * FROM old', 'SELECT * FROM made', 'INSERT INTO stays VALUES (1)']) {
    t.throws(() => rows(sql), {code: 'TABLE_UNKNOWN'}, sql);
  }
  t.deepEqual(rows("SELECT name FROM sqlite_schema WHERE type IN ('view', 'trigger') ORDER BY name"), [
    ['fires'],
    ['made'],
    ['old'],
  ]);
  t.deepEqual(rows('SELECT * FROM stays'), []);
  const own = 'CREATE TRIGGER own AFTER INSERT ON gone BEGIN SELECT 1; END';
  t.deepEqual(scripts(t, 'CREATE TABLE gone(a)', own, 'DROP TABLE gone').rules, [
    'one side dropped it and the other one changed it',
  ]);
});

test('rows of one side come into the table that the other one altered', t => {
  const change =
    "UPDATE people SET age = 41 WHERE id = 2; INSERT INTO people(id, name) VALUES (9, 'zoe'); DELETE FROM people WHERE id = 1";
  const added = scripts(t, PEOPLE, "ALTER TABLE people ADD COLUMN city TEXT DEFAULT 'here'", change);
  t.deepEqual(added.conflicts, []);
  t.deepEqual(added.rows('SELECT id, age, city, full FROM people'), [
    [2, 41, 'here', 'bob 41'],
    [3, 50, 'here', 'cyd 50'],
    [9, null, 'here', null],
  ]);
  const renamed = scripts(t, PEOPLE, 'ALTER TABLE people RENAME COLUMN age TO years', change);
  t.deepEqual(renamed.rows('SELECT id, years FROM people'), [
    [2, 41],
    [3, 50],
    [9, null],
  ]);
  const plain = 'CREATE TABLE t(a INTEGER PRIMARY KEY, b, c); INSERT INTO t VALUES (1, 2, 3)';
  t.deepEqual(scripts(t, plain, 'ALTER TABLE t DROP COLUMN b', 'UPDATE t SET c = 4').rows('SELECT * FROM t'), [[1, 4]]);
  t.deepEqual(scripts(t, plain, 'ALTER TABLE t DROP COLUMN b', 'UPDATE t SET b = 4').rules, [
    'one side dropped a column and the other one changed it',
  ]);
});

test('counters of AUTOINCREMENT are the greater of both', t => {
  const {conflicts, rows} = scripts(
    t,
    'CREATE TABLE a(id INTEGER PRIMARY KEY AUTOINCREMENT); CREATE TABLE b(id INTEGER PRIMARY KEY AUTOINCREMENT); INSERT INTO a VALUES (3)',
    'INSERT INTO a VALUES (10); INSERT INTO b VALUES (2)',
    'INSERT INTO a VALUES (8)',
  );
  t.deepEqual(conflicts, []);
  t.deepEqual(rows('SELECT name, seq FROM sqlite_sequence ORDER BY 1'), [
    ['a', 10],
    ['b', 2],
  ]);
});

test('rows that both added under a hidden rowid get others where nobody else has seen them, in their order', t => {
  const states = new SqlStates();
  const setup = `CREATE TABLE entries(what, n UNIQUE); CREATE INDEX by_what ON entries(what); INSERT INTO entries VALUES ('old', 0)`;
  const base = states.run(undefined, setup);
  const of = (ours: string, theirs: string, from = base) => {
    const ids = {base: from, ours: states.run(from, ours), theirs: states.run(from, theirs)};
    return merge(states.objects, ids, {...CLOCK, exclusive: true, renumber: true});
  };
  const theirs = "INSERT INTO entries VALUES ('theirs', 1), ('theirs', 2)";
  const rowsOf = (state: ObjectId) => states.rows(state, 'SELECT rowid, what, n FROM entries ORDER BY rowid');
  const both = of("INSERT INTO entries VALUES ('a', 3), ('b', 4), ('c', 5)", theirs);
  t.deepEqual(both.conflicts, []);
  t.deepEqual(rowsOf(both.state), [
    [1, 'old', 0],
    [2, 'theirs', 1],
    [3, 'theirs', 2],
    [5, 'a', 3],
    [6, 'b', 4],
    [7, 'c', 5],
  ]);
  t.deepEqual(states.rows(both.state, "SELECT n FROM entries INDEXED BY by_what WHERE what = 'b'"), [[4]]);
  t.deepEqual(states.problems(both.state), []);
  const same = of("INSERT INTO entries VALUES ('same', NULL)", "INSERT INTO entries VALUES ('same', NULL)");
  t.is(rowsOf(same.state).length, 3, 'what both add is added twice');
  const given = of(
    "INSERT INTO entries(rowid, what) VALUES (2, 'a'), (90, 'b'); DELETE FROM entries WHERE n = 0",
    theirs,
  );
  t.deepEqual(
    rowsOf(given.state).map(([rowid, what]) => [rowid, what]),
    [
      [2, 'theirs'],
      [3, 'theirs'],
      [90, 'b'],
      [91, 'a'],
    ],
  );
  t.deepEqual(
    of("INSERT INTO entries VALUES ('a', 2)", theirs).conflicts.map(({kind}) => kind),
    ['rule'],
    'values that are unique still are',
  );
  const wholly = of('DELETE FROM entries', theirs);
  t.deepEqual(rowsOf(wholly.state).length, 2);
  for (const key of ['INTEGER PRIMARY KEY', 'INTEGER PRIMARY KEY AUTOINCREMENT']) {
    const from = states.run(undefined, `CREATE TABLE entries(id ${key}, what)`);
    t.true(
      of("INSERT INTO entries(what) VALUES ('a')", "INSERT INTO entries(what) VALUES ('b')", from).conflicts.length > 0,
    );
  }
  const full = states.run(undefined, `${setup}; INSERT INTO entries(rowid, n) VALUES (9223372036854775806, 9)`);
  const [left, right] = [3, 4].map(n => `INSERT INTO entries(n) VALUES (${n})`) as [string, string];
  t.true(of(left, right, full).conflicts.length > 0);
});

test('files are merged entry by entry, and stay a tree', t => {
  const states = new SqlStates();
  const {objects} = states;
  const base = writeFiles(objects, {'d/a': '1', 'd/b': '2', e: '3'});
  const merged = (ours: Record<string, string>, theirs: Record<string, string>) =>
    mergeOf(t, states, base, writeFiles(objects, ours), writeFiles(objects, theirs));
  const both = merged({'d/a': 'x', 'd/b': '2', e: '3'}, {'d/a': '1', 'd/c': '2', e: '3'});
  t.is(both.state, writeFiles(objects, {'d/a': 'x', 'd/c': '2', e: '3'}));
  t.deepEqual(
    merged({'d/a': 'x', 'd/b': '2', e: '3'}, {'d/a': 'y', 'd/b': '2', e: '3'}).conflicts.map(each =>
      each.kind === 'cell' ? [each.key, each.column] : each,
    ),
    [[['d', 'a'], 'content']],
  );
  const homeless = merged({e: '3'}, {'d/a': '1', 'd/b': '2', 'd/new': '4', e: '3'}).conflicts;
  t.true(homeless.every(each => each.kind === 'rule' && each.table === 'files'));
  t.true(homeless.length > 0);
});

/** Few keys and values, so that both sides meet. */
const change = fc.record({
  kind: fc.constantFrom('insert', 'a', 'b', 'delete'),
  key: fc.nat(5),
  value: fc.nat(2),
});

function sqlOf({kind, key, value}: {kind: string; key: number; value: number}): string {
  if (kind === 'insert') return `INSERT OR IGNORE INTO t VALUES (${key}, ${value}, ${value})`;
  return kind === 'delete' ? `DELETE FROM t WHERE id = ${key}` : `UPDATE t SET ${kind} = ${value} WHERE id = ${key}`;
}

test('merges of generated changes: every cell is base, ours or theirs as it should be', t => {
  const changes = fc.array(change, {maxLength: 5});
  fc.assert(
    fc.property(changes, changes, (left, right) => {
      const states = new SqlStates();
      const setup = `CREATE TABLE t(id INTEGER PRIMARY KEY, a, b); CREATE INDEX i ON t(a, b);
        INSERT INTO t VALUES (0, 0, 0), (1, 0, 1), (2, 1, 0)`;
      const base = states.run(undefined, setup);
      const ours = states.run(base, left.map(sqlOf).join(';'));
      const theirs = states.run(base, right.map(sqlOf).join(';'));
      const merged = mergeOf(t, states, base, ours, theirs);
      const read = (id: ObjectId) => new Map(states.rows(id, 'SELECT * FROM t').map(row => [row[0], row]));
      const [b, o, h] = [read(base), read(ours), read(theirs)];
      const expected: (readonly Cell[])[] = [];
      let conflicts = 0;
      for (let id = 0; id <= 5; id++) {
        const [was, our, their] = [b.get(id), o.get(id), h.get(id)].map(row => row?.join());
        if (our === their || their === was) expected.push(...(o.has(id) ? [o.get(id) ?? []] : []));
        else if (our === was) expected.push(...(h.has(id) ? [h.get(id) ?? []] : []));
        else if (!our || !their || !was) conflicts++;
        else {
          const row: Cell[] = [id];
          for (const column of [1, 2]) {
            const cell = (rows: typeof b) => rows.get(id)?.[column] as Cell | undefined;
            const [base1, ours1, theirs1] = [cell(b), cell(o), cell(h)];
            if (ours1 === theirs1 || theirs1 === base1) row.push(ours1 as Cell);
            else if (ours1 === base1) row.push(theirs1 as Cell);
            else conflicts++;
          }
          expected.push(row);
        }
      }
      t.is(merged.conflicts.length, conflicts);
      if (conflicts === 0) t.deepEqual(states.rows(merged.state, 'SELECT * FROM t ORDER BY id'), expected as never);
      t.is(merge(states.objects, {base, ours, theirs: base}, CLOCK).state, ours);
    }),
    {numRuns: 200, seed: 7},
  );
});
