import test, {type ExecutionContext} from 'ava';
import fc from 'fast-check';
import {decodeText, encodeText} from '../../src/bytes.js';
import {isDbosError} from '../../src/errors.js';
import type {ObjectId} from '../../src/objects/id.js';
import {MemoryObjects} from '../../src/objects/memory.js';
import type {ObjectReader} from '../../src/objects/store.js';
import type {Version} from '../../src/sql/catalog/table-diff.js';
import {changeScript} from '../../src/sql/diff/change-script.js';
import {RowsDelta, type TableDelta, tableDeltas} from '../../src/sql/diff/table-delta.js';
import {sqlLiteral} from '../../src/sql/values/literal.js';
import type {Value} from '../../src/sql/values/value.js';
import {WorkingState} from '../../src/sql/write/working-state.js';
import {WritableDatabase} from '../../src/sql/write/writable-database.js';
import {readState} from '../../src/state/state.js';
import {readTable} from '../../src/state/table.js';
import {
  type Cell,
  ContentRef,
  integerCell,
  MAX_INTEGER,
  MIN_INTEGER,
  Real,
  realCell,
  sameCell,
} from '../../src/tree/cell.js';

const EMPTY = {findTable: () => undefined, findFunction: () => undefined, names: () => []};

/** Runs statements on a state, each by itself, and returns the state that they make. One that fails has no effect if it may. */
function run(
  objects: MemoryObjects,
  state: ObjectId | undefined,
  statements: Iterable<string>,
  mayFail = false,
): ObjectId {
  const working = new WorkingState(objects, state);
  const database = new WritableDatabase(working, EMPTY);
  for (const statement of statements) {
    try {
      database.prepare(statement).all();
    } catch (error) {
      if (!mayFail || !isDbosError(error)) throw new Error(`${statement}\n${error}`);
    }
  }
  return working.write();
}

/** Returns the ids of the tables and views by name, without what SQL cannot drop: an empty table of counters, or of files. */
function tablesOf(objects: MemoryObjects, state: ObjectId | undefined): Record<string, string> {
  if (state === undefined) return {};
  const entries = [...readState(objects, state)].filter(([name, id]) => {
    if (name !== 'sqlite_sequence' && name !== 'files') return true;
    const {rows, indexes} = readTable(objects, id);
    return rows > 0 || indexes !== undefined;
  });
  return Object.fromEntries(entries);
}

const values: fc.Arbitrary<Value> = fc.oneof(
  {weight: 4, arbitrary: fc.integer({min: -2, max: 9})},
  {
    weight: 2,
    arbitrary: fc.constantFrom(
      'a',
      'A',
      'b ',
      'b',
      '',
      "it's",
      'x\ny',
      'r\r\n',
      '\\n\n',
      '\u0000',
      '\udcff',
      '\u001b[0m',
    ),
  },
  fc.constantFrom<Value>(
    null,
    1.5,
    new Real(3),
    new Real(-0),
    Number.POSITIVE_INFINITY,
    Number.NEGATIVE_INFINITY,
    5e-324,
    2n ** 63n - 1n,
    -(2n ** 63n),
    new Uint8Array([0, 255]),
    'long'.repeat(600),
    new Uint8Array(1500),
  ),
);

const TABLES = [
  't(id INTEGER PRIMARY KEY, a, b TEXT, c INT)',
  't(a, b TEXT, c INT)',
  't(id INTEGER PRIMARY KEY AUTOINCREMENT, a, b TEXT, c INT UNIQUE)',
  't(a, b TEXT COLLATE NOCASE, c INT, PRIMARY KEY(b COLLATE BINARY, c DESC)) WITHOUT ROWID',
  't(a TEXT COLLATE NOCASE PRIMARY KEY, b, c INT, d AS (b || c), UNIQUE(b, c))',
  't(a PRIMARY KEY, b NUMERIC, c REAL) -- a comment\n',
  'u(id INTEGER PRIMARY KEY, a REFERENCES t(a) ON DELETE CASCADE, b DEFAULT 7, c)',
  'u(rowid INT, a, b, c)',
  '"Odd ""name"(a, "x y" TEXT, b, c)',
];
const column = fc.constantFrom('a', 'b', 'c', 'd', 'e', '"x y"', 'id');
const name = fc.constantFrom('t', 'u', '"Odd ""name"');

const statement: fc.Arbitrary<string> = fc.oneof(
  {weight: 3, arbitrary: fc.constantFrom(...TABLES).map(sql => `CREATE TABLE ${sql}`)},
  {
    weight: 12,
    arbitrary: fc
      .tuple(name, fc.array(fc.tuple(values, values, values), {minLength: 1, maxLength: 4}))
      .map(
        ([table, rows]) =>
          `INSERT OR IGNORE INTO ${table}(a, b, c) VALUES ${rows.map(row => `(${row.map(sqlLiteral).join(', ')})`).join(', ')}`,
      ),
  },
  {
    weight: 6,
    arbitrary: fc
      .tuple(name, column, values, column, values)
      .map(
        ([table, set, value, where, is]) =>
          `UPDATE OR REPLACE ${table} SET ${set} = ${sqlLiteral(value)} WHERE ${where} >= ${sqlLiteral(is)}`,
      ),
  },
  {
    weight: 3,
    arbitrary: fc
      .tuple(name, column, values)
      .map(([table, where, is]) => `DELETE FROM ${table} WHERE ${where} = ${sqlLiteral(is)}`),
  },
  {
    weight: 3,
    arbitrary: fc
      .tuple(
        fc.constantFrom('', 'UNIQUE '),
        fc.constantFrom('i', 'j'),
        name,
        fc.constantFrom('a', 'c, a', 'b || c', 'c) WHERE (c > 3'),
      )
      .map(([unique, index, table, terms]) => `CREATE ${unique}INDEX ${index} ON ${table}(${terms})`),
  },
  fc.constantFrom(
    'DROP INDEX i',
    'DROP INDEX j',
    'DROP VIEW v',
    'DROP TRIGGER r',
    'DROP TABLE t',
    'DROP TABLE u',
    'CREATE INDEX f ON files(size)',
    'DROP INDEX f',
  ),
  fc.constantFrom(
    'CREATE VIEW v AS SELECT a FROM t',
    'CREATE VIEW v AS SELECT b, c\nFROM t',
    'CREATE VIEW v AS SELECT * FROM nowhere',
    'CREATE TABLE v(x)',
    'CREATE TRIGGER r AFTER INSERT ON t BEGIN INSERT INTO u(a, c) VALUES (NULL, new.a); END',
    'CREATE TRIGGER r BEFORE DELETE ON u BEGIN DELETE FROM t WHERE a = old.a; END',
    "CREATE TRIGGER s AFTER UPDATE ON t BEGIN UPDATE t SET b = 'fired' WHERE c = new.c; END",
    'CREATE TRIGGER w INSTEAD OF INSERT ON v BEGIN DELETE FROM t; END',
  ),
  {
    weight: 4,
    arbitrary: fc.oneof(
      fc.tuple(name, column).map(([table, dropped]) => `ALTER TABLE ${table} DROP COLUMN ${dropped}`),
      fc
        .tuple(name, column, fc.constantFrom('x', 'B', '"select"', 'a'))
        .map(([table, from, to]) => `ALTER TABLE ${table} RENAME COLUMN ${from} TO ${to}`),
      fc
        .tuple(
          name,
          fc.constantFrom(
            'd',
            'e TEXT',
            'f INT NOT NULL DEFAULT 5',
            'g CHECK (g IS NULL OR g > 0)',
            'h AS (a)',
            'rowid',
          ),
        )
        .map(([table, added]) => `ALTER TABLE ${table} ADD COLUMN ${added}`),
      fc.constantFrom('ALTER TABLE t RENAME TO u', 'ALTER TABLE u RENAME TO t', 'ALTER TABLE t RENAME TO T'),
    ),
  },
);

/** Checks that the changes of a table's rows, applied to the rows of before, give those of after, and that they are counted. */
function checkRows(t: ExecutionContext, {rows, counts}: TableDelta): void {
  if (rows === undefined) return;
  const found = {added: 0, modified: 0, deleted: 0};
  const text = (cells: readonly (Cell | undefined)[]) => cells.map(cell => sqlLiteral(plain(cell))).join();
  const side = (version: Version) =>
    version ? Array.from(new RowsDelta(undefined, version).changes(), ({after}) => text(after)) : [];
  const all = new Map<string, number>();
  const count = (row: string, by: number) => all.set(row, (all.get(row) ?? 0) + by);
  const sameNames = rows.before === undefined || rows.after === undefined || rows.before.columns === rows.after.columns;
  for (const {change, before, after} of rows.changes()) {
    found[change]++;
    if (change !== 'added') count(text(before), -1);
    if (change !== 'deleted') count(text(after), 1);
  }
  t.deepEqual(found, counts);
  if (!sameNames) return;
  for (const row of side(rows.before)) count(row, 1);
  for (const row of side(rows.after)) count(row, -1);
  t.deepEqual(
    [...all.values()].filter(value => value !== 0),
    [],
  );
}

/** A value outside its row is told by its id. */
function plain(cell: Cell | undefined): Value {
  return cell instanceof ContentRef ? `${cell.id}` : (cell ?? null);
}

test('the script of a difference makes the one state of the other, with the same ids', t => {
  fc.assert(
    fc.property(
      fc.array(statement, {maxLength: 14}),
      fc.array(statement, {maxLength: 10}),
      fc.array(statement, {maxLength: 10}),
      (base, one, other) => {
        const objects = new MemoryObjects();
        const start = run(objects, undefined, [`CREATE TABLE ${TABLES[0]}`, ...base], true);
        const a = run(objects, start, one, true);
        const b = run(objects, start, other, true);
        for (const [from, to] of [
          [a, b],
          [b, a],
          [start, a],
          [undefined, b],
        ] as const) {
          const script = [...changeScript(objects, from, to)];
          t.deepEqual(tablesOf(objects, run(objects, from, script)), tablesOf(objects, to), script.join('\n'));
          for (const delta of tableDeltas(objects, from, to)) checkRows(t, delta);
        }
      },
    ),
    {numRuns: 40, seed: 20},
  );
});

test('a literal reads back as the same value, on one line that steers no terminal', t => {
  const database = new WritableDatabase(new WorkingState(new MemoryObjects(), undefined), EMPTY);
  const anything = fc.oneof(
    values,
    fc.double({noNaN: true}).map(realCell),
    fc.bigInt({min: MIN_INTEGER, max: MAX_INTEGER}).map(integerCell),
    fc.uint8Array({maxLength: 40}),
    fc.uint8Array({maxLength: 40}).map(decodeText),
    fc.string({unit: 'binary', maxLength: 40}).map(text => decodeText(encodeText(text))),
    fc.array(fc.constantFrom('\\', 'n', 'r', '\n', '\r', "'"), {maxLength: 8}).map(parts => parts.join('')),
  );
  fc.assert(
    fc.property(fc.array(anything, {minLength: 1, maxLength: 20}), list => {
      const literals = list.map(sqlLiteral);
      for (const literal of literals) t.notRegex(literal, /[\u0000-\u0008\u000a-\u001f\u007f-\u009f\u202e]/);
      const [row = []] = database.prepare(`SELECT ${literals.join(', ')}`).all();
      t.true(list.every((value, i) => sameCell(row[i] as Cell, value)));
    }),
    {numRuns: 60, seed: 7},
  );
});

/** A state with a table `t` of these columns, and what changes it. */
function states(create: string, before: readonly string[], after: readonly string[]) {
  const objects = new MemoryObjects();
  const a = run(objects, undefined, [create, ...before]);
  const b = run(objects, a, after);
  return {objects, a, b, script: [...changeScript(objects, a, b)]};
}

test('the statements are those that a person would write', t => {
  const {script} = states(
    'CREATE TABLE t(id INTEGER PRIMARY KEY, a, b)',
    ["INSERT INTO t VALUES (1, 'x', 1), (2, 'y', 2), (3, 'z', 3)"],
    ['UPDATE t SET b = 2 WHERE id = 1', 'DELETE FROM t WHERE id = 2', "INSERT INTO t VALUES (7, 'it''s', NULL)"],
  );
  t.deepEqual(script, [
    'BEGIN;',
    'DELETE FROM t WHERE id = 2;',
    'UPDATE t SET b = 2 WHERE id = 1;',
    "INSERT INTO t(id, a, b) VALUES (7, 'it''s', NULL);",
    'COMMIT;',
  ]);
});

test('values of a unique index that change places do not meet', t => {
  const {objects, a, b, script} = states(
    'CREATE TABLE t(id INTEGER PRIMARY KEY, u UNIQUE, b)',
    ['INSERT INTO t VALUES (1, 10, 0), (2, 20, 0), (3, 30, 0)'],
    [
      'UPDATE t SET u = u + 100',
      'UPDATE t SET u = 20 WHERE id = 1',
      'UPDATE t SET u = 10 WHERE id = 2',
      'UPDATE t SET u = 30, b = 1 WHERE id = 3',
    ],
  );
  t.is(run(objects, a, script), b);
  t.true(script.includes('UPDATE t SET b = 1 WHERE id = 3;'));
});

test('a foreign key and triggers do not act while a script runs', t => {
  const {objects, a, b, script} = states(
    'CREATE TABLE p(id INTEGER PRIMARY KEY)',
    [
      'CREATE TABLE c(id INTEGER PRIMARY KEY, p REFERENCES p ON DELETE CASCADE)',
      'CREATE TRIGGER r AFTER DELETE ON p BEGIN INSERT INTO p VALUES (old.id + 100); END',
      'INSERT INTO p VALUES (1), (2)',
      'INSERT INTO c VALUES (5, 1)',
    ],
    ['UPDATE c SET p = 2', 'DROP TRIGGER r', 'DELETE FROM p WHERE id = 1', 'UPDATE c SET id = 9'],
  );
  t.is(script[0], 'PRAGMA foreign_keys = OFF;');
  t.is(run(objects, a, script), b);
  t.is(run(objects, b, changeScript(objects, b, a)), a);
});

test('words of the language and 2,000 columns are names like others', t => {
  const words = 'select values current_time cast raise returning nothing true rowid group order'.split(' ');
  const columns = [...words, ...Array.from({length: 2000 - words.length}, (_, i) => `c${i}`)];
  const {objects, a, b, script} = states(
    `CREATE TABLE "table"(${columns.map(name => `"${name}"`).join(', ')}, PRIMARY KEY("select", "true"))`,
    ['INSERT INTO "table"("select", "true", "cast") VALUES (1, 1, 1), (1, 2, 3)'],
    [
      'UPDATE "table" SET "current_time" = 1, "raise" = 2, "nothing" = 3, c1900 = 4',
      'DELETE FROM "table" WHERE "true" = 2',
      'INSERT INTO "table"("select", "true", "values") VALUES (2, 2, 2)',
    ],
  );
  t.is(run(objects, a, script), b);
  t.is(run(objects, b, changeScript(objects, b, a)), a);
});

test('a table with another definition is altered if that can be, else made anew', t => {
  const kinds = (create: string, ...after: string[]) => {
    const {objects, a, b, script} = states(create, ['INSERT INTO t(a) VALUES (1)'], after);
    t.is(run(objects, a, script), b);
    return script
      .map(statement => statement.split(' ').slice(0, 1)[0])
      .filter(word => word !== 'BEGIN;' && word !== 'COMMIT;');
  };
  const create = 'CREATE TABLE t(a, b)';
  t.deepEqual(kinds(create, 'ALTER TABLE t ADD COLUMN c DEFAULT 5'), ['ALTER']);
  t.deepEqual(kinds(create, 'ALTER TABLE t RENAME a TO x', 'ALTER TABLE t DROP b', 'ALTER TABLE t ADD d INT'), [
    'ALTER',
    'ALTER',
    'ALTER',
  ]);
  t.deepEqual(kinds(create, 'DROP TABLE t', 'CREATE TABLE t(a INT, b)', 'INSERT INTO t VALUES (1, 2)'), [
    'DROP',
    'CREATE',
    'INSERT',
  ]);
});

test('rows that SQL cannot name are told', t => {
  const objects = new MemoryObjects();
  const a = run(objects, undefined, ['CREATE TABLE t(rowid, oid, _rowid_)']);
  const b = run(objects, a, ['INSERT INTO t VALUES (1, 2, 3)']);
  t.throws(() => [...changeScript(objects, a, b)], {code: 'SQL_UNSUPPORTED'});
  t.deepEqual(tableDeltas(objects, a, b)[0]?.counts, {added: 1, modified: 0, deleted: 0});
});

test('one changed row of many is found by reading a few nodes; a damaged node is a clear error', t => {
  const objects = new MemoryObjects();
  const insert =
    'INSERT INTO t SELECT value, value % 7 FROM (WITH RECURSIVE s(value) AS (VALUES (1) UNION ALL SELECT value + 1 FROM s WHERE value < 20000) SELECT value FROM s)';
  const a = run(objects, undefined, ['CREATE TABLE t(id INTEGER PRIMARY KEY, a)', insert]);
  const b = run(objects, a, ['UPDATE t SET a = 9 WHERE id = 12345']);
  // a reader of its own, so that no node is known yet
  const seen: ObjectId[] = [];
  const fresh: ObjectReader = {
    read: id => {
      seen.push(id);
      return objects.read(id);
    },
    find: id => objects.find(id),
    has: id => objects.has(id),
    locate: () => undefined,
  };
  const [delta] = tableDeltas(fresh, a, b);
  t.deepEqual(delta?.counts, {added: 0, modified: 1, deleted: 0});
  t.true(seen.length < 20, `${seen.length} objects were read`);
  const leaf = seen.at(-1) as ObjectId;
  const broken: ObjectReader = {...fresh, read: id => (id === leaf ? Buffer.from('damage') : objects.read(id))};
  t.throws(() => tableDeltas(broken, a, b)[0]?.counts, {code: 'OBJECT_INVALID'});
});
