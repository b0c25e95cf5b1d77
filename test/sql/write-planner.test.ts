/** Indexes change how queries are run, never what they answer. */
import test from 'ava';
import fc from 'fast-check';
import {MemoryObjects} from '../../src/objects/memory.js';
import type {CreateIndex, CreateTable} from '../../src/sql/ast.js';
import {defineIndex} from '../../src/sql/catalog/index-definition.js';
import {defineTable} from '../../src/sql/catalog/table-definition.js';
import {parseStatement} from '../../src/sql/parser/parser.js';
import {Database} from '../../src/sql/query.js';
import type {Catalog} from '../../src/sql/source.js';
import type {Value} from '../../src/sql/values/value.js';
import {WorkingState} from '../../src/sql/write/working-state.js';
import type {WorkingTable} from '../../src/sql/write/working-table.js';
import {type Cell, Real} from '../../src/tree/cell.js';

const NOTHING: Catalog = {findTable: () => undefined, findFunction: () => undefined, names: () => []};

const TABLES = {
  t: 'CREATE TABLE t(id INTEGER PRIMARY KEY, a INTEGER, b TEXT COLLATE NOCASE, c, d REAL)',
  w: 'CREATE TABLE w(x TEXT, y INTEGER, z, PRIMARY KEY (y, x)) WITHOUT ROWID',
} as const;

const INDEXES = [
  'CREATE INDEX t_a ON t(a)',
  'CREATE INDEX t_ab ON t(a DESC, b)',
  'CREATE INDEX t_b ON t(b)',
  'CREATE INDEX t_bb ON t(b COLLATE BINARY, c)',
  'CREATE INDEX t_c ON t(c, a)',
  'CREATE INDEX t_part ON t(b, d) WHERE a > 3',
  'CREATE INDEX t_null ON t(c) WHERE c IS NOT NULL',
  'CREATE INDEX t_expr ON t(a + 1, lower(b))',
  'CREATE INDEX t_d ON t(d)',
  'CREATE INDEX w_x ON w(x)',
  'CREATE INDEX w_z ON w(z DESC, x)',
] as const;

function build(
  rows: readonly (readonly Cell[])[],
  others: readonly (readonly Cell[])[],
  indexes: readonly string[],
): Database {
  const state = new WorkingState(new MemoryObjects(), undefined);
  for (const sql of Object.values(TABLES)) state.createTable(defineTable(parseStatement(sql) as CreateTable, sql));
  const add = (table: string, list: readonly (readonly Cell[])[]) => {
    for (const row of list) (state.find(table) as WorkingTable).insert(row);
  };
  const create = (sql: string) => {
    const statement = parseStatement(sql) as CreateIndex;
    const table = state.find(statement.table.text) as WorkingTable;
    state.createIndex(table.name, defineIndex(statement, sql, table.source()));
  };
  const half = Math.floor(rows.length / 2);
  add('t', rows.slice(0, half));
  for (const sql of indexes) create(sql);
  // some rows are there before the index is, some come later
  add('t', rows.slice(half));
  add('w', others);
  return new Database(state.catalog(NOTHING));
}

const number = fc.integer({min: -2, max: 9});
const word = fc.constantFrom('a', 'A', 'ab', 'Ab', 'b', 'B', '', 'a%', 'ä', '7');
const mixed: fc.Arbitrary<Value> = fc.oneof(
  number,
  word,
  fc.constantFrom(null, 2.5, new Real(3), 2n ** 62n, new Uint8Array([97])),
);
const real = fc.constantFrom(null, new Real(1), 1.5, new Real(-2), new Real(7));

const rowOfT: fc.Arbitrary<Cell[]> = fc.tuple(
  fc.integer({min: 1, max: 400}),
  fc.option(number),
  fc.option(word),
  mixed,
  real,
);
const rowOfW: fc.Arbitrary<Cell[]> = fc.tuple(word, number, mixed);

function literal(value: Value): string {
  if (value === null) return 'NULL';
  if (typeof value === 'string') return `'${value}'`;
  if (value instanceof Real) return `${value.value}.0`;
  if (value instanceof Uint8Array) return `x'${Buffer.from(value).toString('hex')}'`;
  return `${value}`;
}

/** A condition, with parameters or without. */
interface Piece {
  readonly sql: string;
  readonly values: readonly Value[];
}

const comparison = fc.constantFrom('=', '<', '<=', '>', '>=', '=', '=', 'IS', '<>');

function operand(value: fc.Arbitrary<Value>): fc.Arbitrary<Piece> {
  return fc
    .tuple(value, fc.boolean())
    .map(([each, bound]) => (bound ? {sql: '?', values: [each]} : {sql: literal(each), values: []}));
}

function joined(template: (parts: readonly string[]) => string, pieces: readonly Piece[]): Piece {
  return {sql: template(pieces.map(piece => piece.sql)), values: pieces.flatMap(piece => piece.values)};
}

const columns: readonly (readonly [string, fc.Arbitrary<Value>])[] = [
  ['t.id', number],
  ['t.a', mixed],
  ['t.a', fc.option(number)],
  ['t.b', word],
  ['t.b', mixed],
  ['t.b COLLATE BINARY', word],
  ['t.c', mixed],
  ['t.d', mixed],
  ['t.a + 1', number],
  ['lower(t.b)', word],
];

const simple: fc.Arbitrary<Piece> = fc.constantFrom(...columns).chain(([column, value]) =>
  fc.oneof(
    fc
      .tuple(comparison, operand(value))
      .map(([operator, piece]) => joined(([v]) => `${column} ${operator} ${v}`, [piece])),
    fc
      .tuple(comparison, operand(value))
      .map(([operator, piece]) => joined(([v]) => `${v} ${operator} ${column}`, [piece])),
    fc
      .tuple(operand(value), operand(value))
      .map(pieces => joined(([a, b]) => `${column} BETWEEN ${a} AND ${b}`, pieces)),
    fc
      .array(operand(value), {minLength: 1, maxLength: 5})
      .map(pieces => joined(all => `${column} IN (${all.join(', ')})`, pieces)),
    fc
      .tuple(operand(value), operand(value))
      .map(pieces => joined(([a, b]) => `(${column} = ${a} OR ${column} = ${b})`, pieces)),
    fc.constantFrom<Piece>({sql: `${column} IS NULL`, values: []}, {sql: `${column} IS NOT NULL`, values: []}),
    fc
      .tuple(fc.constantFrom('LIKE', 'GLOB'), fc.constantFrom('a%', 'A*', 'a*', '%b', 'ab', 'a_'))
      .map(([operator, pattern]): Piece => {
        return {sql: `${column} ${operator} '${pattern}'`, values: []};
      }),
  ),
);

const condition: fc.Arbitrary<Piece> = fc
  .array(
    fc.oneof({weight: 8, arbitrary: simple}, {weight: 1, arbitrary: fc.constant<Piece>({sql: 't.a > 3', values: []})}),
    {minLength: 1, maxLength: 4},
  )
  .map(pieces => joined(all => all.join(' AND '), pieces));

const order = fc
  .array(
    fc.tuple(
      fc.constantFrom('t.a', 't.b', 't.b COLLATE BINARY', 't.c', 't.d', 't.a + 1', 't.id'),
      fc.constantFrom('', ' DESC', ' ASC', ' NULLS LAST'),
    ),
    {maxLength: 3},
  )
  .map(terms => terms.map(([term, way]) => term + way));

const SELECTED = [
  't.id',
  't.id, t.a',
  't.*',
  't.b, t.id',
  't.a, t.c',
  'count(*)',
  'max(t.a), min(t.b COLLATE BINARY), count(t.c)',
];

interface Asked {
  readonly sql: string;
  readonly values: readonly Value[];
  readonly ordered: boolean;
}

const asked: fc.Arbitrary<Asked> = fc
  .record({
    where: condition,
    selected: fc.constantFrom(...SELECTED),
    order,
    limit: fc.option(fc.integer({min: 0, max: 8})),
    join: fc.constantFrom(
      '',
      '',
      ' JOIN w ON w.x = t.b',
      ' JOIN w ON w.y = t.a',
      ' JOIN w ON w.y = t.c',
      ' JOIN t AS u ON u.c = t.a',
      ' JOIN t AS u ON u.c = +t.b',
      ' LEFT JOIN w ON w.z = t.c',
      ' JOIN w ON w.z = t.a AND w.x = t.b',
      ' JOIN t AS u ON u.a = t.a AND u.b = t.b',
      ' JOIN w ON w.x BETWEEN t.b AND t.c',
      ' JOIN t AS u ON u.a > t.a AND u.a < t.a + 3',
      ' LEFT JOIN t AS u ON u.c >= t.c AND u.c < t.id',
    ),
  })
  .map(({where, selected, order: terms, limit, join}) => {
    const whole = selected.includes('(');
    // a total order, so that LIMIT has one answer
    const all = join === '' ? [...terms, 't.id'] : [];
    const by = whole || all.length === 0 ? '' : ` ORDER BY ${all.join(', ')}`;
    const cut = whole || limit === null || join !== '' ? '' : ` LIMIT ${limit}`;
    return {
      sql: `SELECT ${selected} FROM t${join} WHERE ${where.sql}${by}${cut}`,
      values: where.values,
      ordered: by !== '',
    };
  });

function answer(database: Database, {sql, values, ordered}: Asked): string[] {
  const rows = database
    .prepare(sql)
    .all(values)
    .map(row =>
      row.map(value => `${typeof value} ${value instanceof Real ? `real ${value.value}` : literal(value)}`).join(', '),
    );
  return ordered ? rows : rows.sort();
}

let withIndex = 0;

for (const size of [20, 300]) {
  test(`queries answer the same with and without indexes, ${size} rows`, t => {
    fc.assert(
      fc.property(
        fc.uniqueArray(rowOfT, {selector: row => row[0], maxLength: size, minLength: size / 2, size: 'max'}),
        fc.uniqueArray(rowOfW, {selector: row => `${row[1]} ${row[0]}`, maxLength: 40, size: 'max'}),
        fc.subarray([...INDEXES]),
        fc.array(asked, {minLength: 5, maxLength: 25, size: 'max'}),
        (rows, others, indexes, queries) => {
          const plain = build(rows, others, []);
          const indexed = build(rows, others, indexes);
          for (const query of queries) {
            const explained = indexed.prepare(query.sql).explain();
            if (/with index/.test(explained)) withIndex++;
            t.deepEqual(answer(indexed, query), answer(plain, query), `${query.sql}\n${explained}`);
          }
        },
      ),
      {numRuns: 80},
    );
    t.true(withIndex > 100, `${withIndex} queries with an index`);
  });
}

test('a join by a range goes through an index where one leads to it, and meets every row else', t => {
  const rows = Array.from({length: 300}, (_, i): Cell[] => [i + 1, i, 'x', i, null]);
  const [indexed, plain] = [build(rows, [], ['CREATE INDEX t_a ON t(a)']), build(rows, [], [])];
  const sql = 'SELECT count(*) FROM t JOIN t AS u ON u.a BETWEEN t.c AND t.c + 1';
  t.regex(indexed.prepare(sql).explain(), /with index t_a/);
  t.notRegex(plain.prepare(sql).explain(), /range of/);
  t.deepEqual(indexed.prepare(sql).all(), [[599]]);
  t.deepEqual(plain.prepare(sql).all(), [[599]]);
});
