import test from 'ava';
import fc from 'fast-check';
import {MemoryObjects} from '../../src/objects/memory.js';
import type {CreateTable} from '../../src/sql/ast.js';
import {checkNotReserved, isReserved, RESERVED_NAMES} from '../../src/sql/catalog/names.js';
import {defineTable, schemaOf, type TableDefinition} from '../../src/sql/catalog/table-definition.js';
import {writeTableRows} from '../../src/sql/catalog/table-rows.js';
import {readShape, tableSource} from '../../src/sql/catalog/table-source.js';
import {parseStatement} from '../../src/sql/parser/parser.js';
import type {TreeSource} from '../../src/sql/source.js';
import type {Value} from '../../src/sql/values/value.js';
import {newSchema, treeSpec, writeSchema} from '../../src/state/schema.js';
import {writeTable} from '../../src/state/table.js';
import {ContentRef, Real} from '../../src/tree/cell.js';
import {encodeKey} from '../../src/tree/key.js';
import {scanRows} from '../../src/tree/read.js';
import {loadTables} from '../support/sqlcatalog.js';
import {readRows} from './sources.js';

function define(sql: string): TableDefinition {
  return defineTable(parseStatement(sql) as CreateTable, sql);
}

function write(sql: string, rows: Iterable<readonly Value[]>): TreeSource {
  const objects = new MemoryObjects();
  const definition = define(sql);
  return tableSource(objects, definition.name, writeTableRows(objects, definition, rows));
}

test('an INTEGER PRIMARY KEY is the rowid, by whatever of its spellings', t => {
  for (const sql of [
    'CREATE TABLE t(b, a INTEGER PRIMARY KEY)',
    'CREATE TABLE t(b, a integer PRIMARY KEY AUTOINCREMENT)',
    'CREATE TABLE t(b, a INTEGER, PRIMARY KEY(a))',
    'CREATE TABLE t(b, a INTEGER, PRIMARY KEY(A DESC))',
  ]) {
    const definition = define(sql);
    t.deepEqual(definition.rowid, {kind: 'alias', column: 1}, sql);
    t.deepEqual(definition.storage, [1, 0], sql);
    t.deepEqual(schemaOf(definition).key, [{collation: 'binary', descending: false}], sql);
  }
  for (const sql of [
    'CREATE TABLE t(b, a INTEGER PRIMARY KEY DESC)',
    'CREATE TABLE t(b, a INT PRIMARY KEY)',
    'CREATE TABLE t(b, a BIGINT PRIMARY KEY)',
    'CREATE TABLE t(b, a INTEGER PRIMARY KEY) WITHOUT ROWID',
  ]) {
    t.deepEqual(define(sql).rowid, {kind: 'none'}, sql);
  }
});

test('without a primary key the rowid is a hidden first column, named so that it can be named', t => {
  for (const [columns, name] of [
    ['a, b', 'rowid'],
    ['a, ROWID', 'oid'],
    ['oid, rowid', '_rowid_'],
    ['oid, rowid, _rowid_', 'rowid_1'],
  ]) {
    const source = write(`CREATE TABLE t(${columns})`, []);
    const {columns: shown, rowid, key} = source;
    t.is(shown.at(-1)?.name, name as string);
    t.true(shown.at(-1)?.hidden);
    t.deepEqual([rowid, key], [shown.length - 1, [shown.length - 1]]);
    t.is(define(`CREATE TABLE t(${columns})`).storage[0], -1);
  }
});

test('a key of several columns clusters the table, with its collations and directions', t => {
  const source = write('CREATE TABLE t(a TEXT COLLATE NOCASE, b, c TEXT, PRIMARY KEY(c DESC, a, c))', [
    ['x', 1, 'p'],
    ['Y', 2, 'q'],
    ['W', 3, 'q'],
  ]);
  t.deepEqual(source.spec.keys, [
    {collation: 'binary', descending: true},
    {collation: 'nocase', descending: false},
  ]);
  t.deepEqual(source.key, [2, 0]);
  t.deepEqual(readRows(source), [
    ['W', 3, 'q'],
    ['Y', 2, 'q'],
    ['x', 1, 'p'],
  ]);
  t.deepEqual(
    source.columns.map(({name, collation, notNull}) => [name, collation, notNull]),
    [
      ['a', 'nocase', true],
      ['b', 'binary', false],
      ['c', 'binary', true],
    ],
  );
});

test('a definition that contradicts itself is refused in the words of SQLite', t => {
  for (const [sql, message] of [
    ['CREATE TABLE t(a, A)', 'duplicate column name: A.'],
    ['CREATE TABLE t(a PRIMARY KEY, b PRIMARY KEY)', 'table "t" has more than one primary key.'],
    ['CREATE TABLE t(a PRIMARY KEY, b, PRIMARY KEY(b))', 'table "t" has more than one primary key.'],
    ['CREATE TABLE t(a, PRIMARY KEY(b))', 'table t has no column named b.'],
    ['CREATE TABLE t(a, PRIMARY KEY(a + 1))', 'expressions prohibited in PRIMARY KEY and UNIQUE constraints.'],
    ['CREATE TABLE t(a) WITHOUT ROWID', 'PRIMARY KEY missing on table t.'],
    ['CREATE TABLE t(a TEXT PRIMARY KEY AUTOINCREMENT)', 'AUTOINCREMENT is only allowed on an INTEGER PRIMARY KEY.'],
    ['CREATE TABLE t(a COLLATE german)', 'no such collation sequence: german.'],
    ['CREATE TABLE t(a FOO) STRICT', 'unknown datatype for t.a: "FOO".'],
    ['CREATE TABLE t(a) STRICT', 'missing datatype for t.a.'],
  ]) {
    t.throws(() => define(sql as string), {code: 'SQL_MISUSE', message: message as string}, sql);
  }
  t.throws(() => define('CREATE TABLE t AS SELECT 1'), {code: 'SQL_UNSUPPORTED'});
});

test('a table means the same after it was stored, whoever reads it', t => {
  const sql = `CREATE TABLE t(b VARCHAR(10) DEFAULT 'x', a INT NOT NULL, "c d" COLLATE RTRIM, PRIMARY KEY(a, "c d")) WITHOUT ROWID`;
  const objects = new MemoryObjects();
  const definition = define(sql);
  t.is(definition.sql, sql);
  const table = writeTableRows(objects, definition, [['p', '7', 'x']]);
  const {definition: read} = readShape(objects, table.schema);
  t.is(read?.sql, sql);
  t.deepEqual(
    read?.columns.map(({default: value, ...column}) => ({...column, default: value?.text})),
    definition.columns.map(({default: value, ...column}) => ({...column, default: value?.text})),
  );
  t.is(read?.columns[0]?.default?.text, "'x'");
  t.deepEqual(readRows(tableSource(objects, 't', table)), [['p', 7, 'x']]);
  t.is(define('create temp table if not exists main.T (a)').sql, 'CREATE TABLE T (a)');
});

test('a stored definition of another table is refused, and a table without one can be read', t => {
  const objects = new MemoryObjects();
  const made = schemaOf(define('CREATE TABLE t(a INTEGER PRIMARY KEY, b)'));
  for (const definition of ['CREATE TABLE t(a INTEGER PRIMARY KEY)', 'CREATE TABLE t(a, b)', 'SELECT 1', 'nonsense']) {
    const schema = writeSchema(objects, {...made, definition});
    t.throws(() => readShape(objects, schema), {code: 'OBJECT_INVALID'}, definition);
  }
  const plain = newSchema(
    [
      {name: 'k', type: 'TEXT', notNull: true},
      {name: 'v', type: '', notNull: false},
    ],
    [{collation: 'path', descending: false}],
  );
  const source = tableSource(objects, 'p', {schema: writeSchema(objects, plain), root: null, rows: 0});
  t.deepEqual(
    [source.rowid, source.key, source.columns.map(column => column.affinity)],
    [undefined, [0], ['text', 'blob']],
  );
});

test('affinities are applied and constraints hold', t => {
  const sql = 'CREATE TABLE t(i INTEGER, r REAL, t TEXT, n NUMERIC, b BLOB, x)';
  const source = write(sql, [
    ['1', '1', 1, '1.5', '1', '1'],
    [1.5, 1, new Real(2), 'x', 1, new Real(1)],
    [Number.NaN, null, null, '1e3', null, null],
  ]);
  t.deepEqual(
    readRows(source).map(row => row.slice(0, 6)),
    [
      [1, new Real(1), '1', 1.5, '1', '1'],
      [1.5, new Real(1), '2.0', 'x', 1, new Real(1)],
      [null, null, null, 1000, null, null],
    ],
  );
  const refused: [string, readonly Value[][], string][] = [
    ['CREATE TABLE t(a NOT NULL)', [[null]], 'NOT NULL constraint failed: t.a.'],
    ['CREATE TABLE t(a PRIMARY KEY) WITHOUT ROWID', [[null]], 'NOT NULL constraint failed: t.a.'],
    ['CREATE TABLE t(a INTEGER PRIMARY KEY)', [[1], [2], [1]], 'UNIQUE constraint failed: t.a.'],
    [
      'CREATE TABLE t(a, b, PRIMARY KEY(a, b))',
      [
        [1, 2],
        [1, new Real(2)],
      ],
      'UNIQUE constraint failed: t.a, t.b.',
    ],
    ['CREATE TABLE t(a COLLATE nocase PRIMARY KEY)', [['x'], ['b'], ['B']], 'UNIQUE constraint failed: t.a.'],
    ['CREATE TABLE t(a INTEGER PRIMARY KEY)', [['x']], 'datatype mismatch: t.a is an INTEGER PRIMARY KEY.'],
    ['CREATE TABLE t(a INT) STRICT', [['x']], 'cannot store TEXT value in INT column t.a.'],
    ['CREATE TABLE t(a BLOB) STRICT', [[1]], 'cannot store INTEGER value in BLOB column t.a.'],
  ];
  for (const [create, rows, message] of refused) {
    t.throws(() => write(create, rows), {code: 'ROW_INVALID', message}, create);
  }
  t.deepEqual(readRows(write('CREATE TABLE t(a ANY, b REAL) STRICT', [['1', 2]])), [['1', new Real(2), 1]]);
});

test('rowids are given after the greatest so far', t => {
  const rows = readRows(
    write('CREATE TABLE t(a INTEGER PRIMARY KEY, b)', [
      [null, 'a'],
      [10, 'b'],
      [null, 'c'],
      [-5, 'd'],
      [null, 'e'],
    ]),
  );
  t.deepEqual(rows, [
    [-5, 'd'],
    [1, 'a'],
    [10, 'b'],
    [11, 'c'],
    [12, 'e'],
  ]);
  const large = 2n ** 53n - 2n;
  const around = readRows(write('CREATE TABLE t(a INTEGER PRIMARY KEY)', [[Number(large)], [null], [null], [null]]));
  t.deepEqual(around, [[Number(large)], [Number(large + 1n)], [large + 2n], [large + 3n]]);
  t.throws(() => write('CREATE TABLE t(a INTEGER PRIMARY KEY)', [[2n ** 63n - 1n], [null]]), {code: 'ROW_INVALID'});
});

test('large values stand outside their rows, but for those of the key', t => {
  const long = 'é'.repeat(600);
  const source = write('CREATE TABLE t(k TEXT PRIMARY KEY, a, b, c)', [
    [long, long, Buffer.alloc(3000, 7), 'x'.repeat(1024)],
  ]);
  const bytes = new Uint8Array(3000).fill(7);
  const [row] = [...scanRows(source.reader, source.spec, source.root)];
  t.deepEqual(
    row?.map(cell => cell instanceof ContentRef),
    [false, true, true, false],
  );
  t.deepEqual(readRows(source), [[long, long, bytes, 'x'.repeat(1024)]]);
});

test('rows in any order make the same table', t => {
  const sql = 'CREATE TABLE t(a, b TEXT COLLATE nocase, c, PRIMARY KEY(b, a DESC))';
  const spec = treeSpec(schemaOf(define(sql)));
  const value = fc.oneof(
    fc.integer({min: -3, max: 3}),
    fc.string({maxLength: 3}),
    fc.double({noNaN: true}).map(x => (Number.isSafeInteger(x) ? new Real(x) : x)),
  );
  fc.assert(
    fc.property(
      fc.uniqueArray(fc.tuple(value, fc.string({maxLength: 2}), fc.option(value)), {
        selector: ([a, b]) => encodeKey(spec, [b, a]).toString('latin1'),
        maxLength: 60,
      }),
      fc.infiniteStream(fc.nat()),
      (rows, random) => {
        const shuffled = rows.map(row => ({row, at: random.next().value as number})).sort((x, y) => x.at - y.at);
        const a = new MemoryObjects();
        const b = new MemoryObjects();
        const first = writeTable(a, writeTableRows(a, define(sql), rows));
        t.is(
          writeTable(
            b,
            writeTableRows(
              b,
              define(sql),
              shuffled.map(({row}) => row),
            ),
          ),
          first,
        );
      },
    ),
  );
});

test('reserved names', t => {
  for (const name of ['files', 'FILES', 'Log', 'sqlite_x', 'pragma_table_info', 'json_each', 'merge_base']) {
    t.true(isReserved(name), name);
    t.throws(() => checkNotReserved(name), {code: 'NAME_RESERVED'});
  }
  t.false(isReserved('file'));
  t.notThrows(() => checkNotReserved('logs'));
  t.true(RESERVED_NAMES.has('blame'));
});

test('scripts load tables as SQLite would', t => {
  const tables = loadTables(`
    CREATE TABLE a(id INTEGER PRIMARY KEY, n TEXT DEFAULT 'none', x UNIQUE);
    CREATE INDEX ai ON a(n);
    INSERT INTO a VALUES(3, 5, -1), (NULL, 'q', +2.0);
    INSERT INTO a(x) VALUES(-9223372036854775808), (NULL), (NULL);
    INSERT OR IGNORE INTO a VALUES(4, 'again', 9);
    INSERT OR REPLACE INTO a VALUES(9, 'new', -1);
    CREATE TABLE empty(x); INSERT INTO empty DEFAULT VALUES;
    CREATE VIEW v AS SELECT n FROM a;
    DROP TABLE IF EXISTS nowhere;
  `);
  t.deepEqual(readRows(tables.get('a')), [
    [4, 'q', new Real(2)],
    [5, 'none', -(2n ** 63n)],
    [6, 'none', null],
    [7, 'none', null],
    [9, 'new', -1],
  ]);
  t.deepEqual(readRows(tables.get('empty')), [[null, 1]]);
  t.deepEqual(tables.get('v'), {kind: 'view', name: 'v', sql: 'CREATE VIEW v AS SELECT n FROM a'});
  for (const [script, message] of [
    ['CREATE TABLE a(x UNIQUE); INSERT INTO a VALUES(1), (1.0)', /UNIQUE constraint failed: a\.x/],
    ['CREATE TABLE a(x); INSERT INTO a VALUES(1, 2)', /has 1 columns but 2 values/],
    ['CREATE TABLE a(x); CREATE TABLE A(y)', /already exists/],
    ['CREATE TABLE a(x); CREATE UNIQUE INDEX i ON a(x); INSERT INTO a VALUES(1); INSERT INTO a VALUES(1)', /UNIQUE/],
    ['INSERT INTO nowhere VALUES(1)', /no such table: nowhere/],
  ] as const) {
    t.throws(() => loadTables(script), {message}, script);
  }
});
