/** Merges with a preferred side: what would be in conflict is as that side has it, and the state is sound. */
import test, {type ExecutionContext} from 'ava';
import fc from 'fast-check';
import type {ObjectId} from '../../src/objects/id.js';
import {type Merged, merge} from '../../src/sql/merge/merge.js';
import {type Preferences, sideFor} from '../../src/sql/merge/preference.js';
import {textMerge} from '../../src/state/textmerge.js';
import type {Side, Versions} from '../../src/tree/merge.js';
import {writeFiles} from '../support/repo.js';
import {SqlStates} from '../support/sql-states.js';

const CLOCK = {now: () => 0, zone: () => 0};
const mergeText = await textMerge();

function merged(states: SqlStates, ids: Versions<ObjectId | undefined>, preferences: Preferences): Merged {
  return merge(states.objects, ids, {...CLOCK, prefer: sideFor(preferences), mergeText});
}

/** Merges with a side preferred, and from the other side with the other one, which must be the same. */
function settled(t: ExecutionContext, states: SqlStates, ids: Versions<ObjectId>, side: Side): Merged {
  const done = merged(states, ids, {prefer: side});
  t.deepEqual(done.conflicts, []);
  t.deepEqual(states.problems(done.state), []);
  const other = side === 'ours' ? 'theirs' : 'ours';
  const mirrored = merged(states, {...ids, ours: ids.theirs, theirs: ids.ours}, {prefer: other});
  t.is(mirrored.state, done.state);
  t.is(mirrored.settled.length, done.settled.length);
  return done;
}

const SETUP = `CREATE TABLE t(id INTEGER PRIMARY KEY, a, b); CREATE INDEX i ON t(a, b);
  INSERT INTO t VALUES (0, 0, 0), (1, 0, 1), (2, 1, 0)`;

const change = fc.record({kind: fc.constantFrom('insert', 'a', 'b', 'delete'), key: fc.nat(4), value: fc.nat(3)});

function sqlOf({kind, key, value}: {kind: string; key: number; value: number}): string {
  if (kind === 'insert') return `INSERT OR IGNORE INTO t VALUES (${key}, ${value}, ${value})`;
  return kind === 'delete' ? `DELETE FROM t WHERE id = ${key}` : `UPDATE t SET ${kind} = ${value} WHERE id = ${key}`;
}

test('rows: each cell is the one of the preferred side where both changed it, else that of the side that changed it', t => {
  const changes = fc.array(change, {maxLength: 5});
  fc.assert(
    fc.property(changes, changes, (left, right) => {
      const states = new SqlStates();
      const base = states.run(undefined, SETUP);
      const [ours, theirs] = [left, right].map(each => states.run(base, each.map(sqlOf).join(';')));
      const ids = {base, ours: ours as ObjectId, theirs: theirs as ObjectId};
      const {state} = settled(t, states, ids, 'theirs');
      const read = (id: ObjectId) => new Map(states.rows(id, 'SELECT * FROM t').map(row => [Number(row[0]), row]));
      const [was, own, other, found] = [base, ids.ours, ids.theirs, state].map(read);
      for (let id = 0; id <= 4; id++) {
        const [b, o, h] = [was, own, other].map(rows => rows?.get(id));
        const isSame = (x: typeof b, y: typeof b) => x?.join() === y?.join();
        let expected = isSame(h, b) ? o : h;
        if (o && h && !isSame(o, b) && !isSame(h, b)) {
          expected = h.map((cell, i) => (b !== undefined && cell === b[i] ? (o[i] ?? null) : cell));
        }
        t.deepEqual(found?.get(id), expected, `row ${id}`);
      }
      if (merged(states, ids, {}).conflicts.length === 0) t.is(state, merged(states, ids, {}).state);
    }),
    {numRuns: 200},
  );
});

/** Trees with these paths; a path below one that is a file is left out. */
const trees = fc
  .dictionary(
    fc.constantFrom('a', 'a/a', 'a/b', 'b', 'b/c/d', 'b/c', 'b/c/e', 'c'),
    fc.constantFrom('1\n', '2\n', '3\n'),
    {
      maxKeys: 5,
    },
  )
  .map(files =>
    Object.fromEntries(
      Object.entries(files).filter(([path]) => !Object.keys(files).some(other => path.startsWith(`${other}/`))),
    ),
  );

test('files: whatever both sides did, the result is a tree, and the same from both sides', t => {
  fc.assert(
    fc.property(trees, trees, trees, (was, left, right) => {
      const states = new SqlStates();
      const [base, ours, theirs] = [was, left, right].map(files => writeFiles(states.objects, files));
      const ids = {base, ours, theirs} as Versions<ObjectId>;
      for (const side of ['ours', 'theirs'] as const) {
        const {state} = settled(t, states, ids, side);
        const read = (id: ObjectId) =>
          new Map(states.rows(id, "SELECT path, CAST(content AS TEXT) FROM files WHERE type = 'file'") as never);
        const [of, found] = [read(ids[side]), read(state)];
        const before = read(ids.base);
        // what the preferred side changed stands
        for (const [path, text] of of) if (before.get(path) !== text) t.is(found.get(path), text, `${path} as ${side}`);
      }
    }),
    {numRuns: 300},
  );
});

test('lines of one file that both changed are merged, and only lines that both changed are settled', t => {
  const states = new SqlStates();
  const lines = (changes: Record<number, string>) =>
    writeFiles(states.objects, {f: Array.from({length: 9}, (_, i) => `${changes[i] ?? i}\n`).join('')});
  const text = (id: ObjectId) => String(states.rows(id, 'SELECT CAST(content AS TEXT) FROM files')[0]?.[0]).split('\n');
  const base = lines({});
  const both = merged(states, {base, ours: lines({1: 'our'}), theirs: lines({7: 'their'})}, {});
  t.like(both, {conflicts: [], settled: []});
  t.is(both.state, lines({1: 'our', 7: 'their'}));
  const ids = {base, ours: lines({1: 'our', 4: 'x'}), theirs: lines({1: 'their', 7: 'y'})};
  t.is(merged(states, ids, {}).conflicts.length, 1);
  const {state, settled: told} = settled(t, states, ids, 'theirs');
  t.deepEqual(text(state), ['0', 'their', '2', '3', 'x', '5', '6', 'y', '8', '']);
  t.like(told, [{kind: 'cell', table: 'files', column: 'content'}]);
  t.is(merge(states.objects, ids, CLOCK).conflicts.length, 1, 'without lines a file is one value');
});

test('definitions: a table, a view, an index or a trigger is as the preferred side has it', t => {
  const states = new SqlStates();
  const base = states.run(
    undefined,
    `${SETUP}; CREATE VIEW v AS SELECT 1; CREATE TABLE notes(n); CREATE TABLE gone(x); INSERT INTO gone VALUES (1)`,
  );
  const ours = states.run(
    base,
    `ALTER TABLE t ADD COLUMN c DEFAULT 1; DROP VIEW v; CREATE VIEW v AS SELECT 2; DROP INDEX i; CREATE INDEX i ON t(b);
     DROP TABLE gone; CREATE TRIGGER r AFTER INSERT ON notes BEGIN SELECT 1; END`,
  );
  const theirs = states.run(
    base,
    `ALTER TABLE t ADD COLUMN d DEFAULT 2; DROP VIEW v; CREATE VIEW v AS SELECT 3; UPDATE gone SET x = 2;
     CREATE TRIGGER r AFTER INSERT ON notes BEGIN SELECT 2; END; INSERT INTO t(id, a, b) VALUES (9, 9, 9)`,
  );
  const ids = {base, ours, theirs};
  t.true(merged(states, ids, {}).conflicts.every(({kind}) => kind === 'definition'));
  const own = settled(t, states, ids, 'ours').state;
  t.deepEqual(states.rows(own, 'SELECT * FROM v'), [[2]]);
  t.deepEqual(states.rows(own, 'SELECT max(id), max(c) FROM t'), [[2, 1]]);
  t.throws(() => states.rows(own, 'SELECT * FROM gone'));
  const other = settled(t, states, ids, 'theirs').state;
  t.deepEqual(states.rows(other, 'SELECT * FROM v'), [[3]]);
  t.deepEqual(states.rows(other, 'SELECT max(id), max(d) FROM t'), [[9, 2]]);
  t.deepEqual(states.rows(other, 'SELECT x FROM gone'), [[2]]);
  const part = merged(states, ids, {prefer: 'ours', theirs: [{table: 'GONE'}, {table: 'v'}]});
  t.deepEqual(part.conflicts, []);
  t.deepEqual(states.rows(part.state, 'SELECT x, (SELECT * FROM v) FROM gone'), [[2, 3]]);
});

test('of several paths the longest counts, and a table is no path', t => {
  const side = sideFor({ours: [{path: 'etc'}, {path: 'home', table: 'home'}], theirs: [{path: 'etc/ssh'}]});
  t.is(side?.('files', ['etc', 'passwd']), 'ours');
  t.is(side?.('files', ['etc/ssh', 'config']), 'theirs');
  t.is(side?.('files', ['', 'etcetera']), undefined);
  t.is(side?.('etc', [1]), undefined);
  t.is(side?.('Home'), 'ours');
  t.is(side?.('files'), undefined);
  t.is(sideFor({}), undefined);
});

test('what breaks a rule of a table by both sides together is a conflict still', t => {
  const states = new SqlStates();
  const base = states.run(undefined, 'CREATE TABLE u(id INTEGER PRIMARY KEY, x UNIQUE)');
  const ids = {
    base,
    ours: states.run(base, 'INSERT INTO u VALUES (1, 5)'),
    theirs: states.run(base, 'INSERT INTO u VALUES (2, 5)'),
  };
  t.like(merged(states, ids, {prefer: 'ours'}).conflicts, [{kind: 'rule', table: 'u'}]);
});
