/**
 * The engine under queries that make no sense: whatever is asked, it answers or throws a `DbosError`, in bounded time.
 */
import test from 'ava';
import fc from 'fast-check';
import {DbosError, isDbosError} from '../../src/errors.js';
import {Database} from '../../src/sql/query.js';
import {memoryCatalog} from '../support/sqlcatalog.js';
import {render} from './oracle/grammar.js';
import {randomQuery} from './oracle/queries.js';
import {Random} from './oracle/random.js';
import {randomSchema, setupOf} from './oracle/schema.js';
import {Session} from './slt/session.js';

const TIMEOUT = 2000;

/** Runs a query to its end. Throws what is not a `DbosError`, and errors without what a user needs. */
function survive(database: Database, sql: string): void {
  try {
    for (const _ of database.prepare(sql).batches([], {timeout: TIMEOUT}));
  } catch (error) {
    if (!(error instanceof DbosError)) throw new Error(`${sql}\n${(error as Error).stack}`, {cause: error});
    if (error.cause instanceof RangeError) throw new Error(`${sql}\nno limit but the stack`, {cause: error});
    if (error.message === '' || error.message.includes('\n')) throw new Error(`${sql}\nno sentence: ${error.message}`);
    const {from, to} = error.data;
    const placed = typeof from === 'number' && typeof to === 'number' && from >= 0 && from <= to && to <= sql.length;
    if (error.code === 'SQL_SYNTAX' && !placed) throw new Error(`${sql}\nno position: ${error.message}`);
  }
}

const WORDS = [
  ...'SELECT FROM WHERE GROUP BY HAVING ORDER LIMIT OFFSET UNION ALL INTERSECT EXCEPT VALUES WITH RECURSIVE AS'.split(
    ' ',
  ),
  ...'CASE WHEN THEN ELSE END CAST IN BETWEEN AND OR NOT NULL IS LIKE GLOB ESCAPE EXISTS COLLATE NOCASE'.split(' '),
  ...'JOIN LEFT RIGHT FULL CROSS NATURAL USING ON DISTINCT OVER PARTITION ROWS RANGE PRECEDING FILTER WINDOW'.split(
    ' ',
  ),
  ...'( ) , . ; * + - / % || = <> < >= -> ->> ~ & << ? ?1 :a t0 a b x0 1 0 -1 1.5 1e999 9223372036854775808'.split(' '),
  ...[
    "'a'",
    "''",
    "x'00'",
    '"a"',
    '[a]',
    '`a`',
    'count',
    'sum',
    'abs',
    'max',
    'json_each',
    'random',
    'AS OF',
    '/*',
    '--',
    '\n',
  ],
];

/** Returns the text with some of its words left out, doubled, exchanged, or others put in. */
function mutate(random: Random, sql: string): string {
  const words = sql.split(/(\s+|[(),.;])/).filter(word => word !== '');
  for (let i = random.integer(1, 4); i > 0 && words.length > 0; i--) {
    const at = random.integer(0, words.length - 1);
    const other = random.integer(0, words.length - 1);
    const way = random.integer(0, 4);
    if (way === 0) words.splice(at, 1);
    else if (way === 1) words.splice(at, 0, ` ${random.pick(WORDS)} `);
    else if (way === 2) words[at] = ` ${random.pick(WORDS)} `;
    else if (way === 3) [words[at], words[other]] = [words[other] as string, words[at] as string];
    else words.splice(at, random.integer(0, 3), ...words.slice(other, other + random.integer(1, 5)));
  }
  return words.join('');
}

test('mutated queries are answered or refused', t => {
  fc.assert(
    fc.property(fc.integer(), seed => {
      const random = new Random(seed);
      const schema = randomSchema(random);
      const session = new Session();
      for (const statement of setupOf(schema)) session.execute(statement);
      for (let i = 0; i < 40; i++) {
        const sql = render(randomQuery(random, schema).node);
        survive(session.database, mutate(random, sql));
      }
    }),
    {numRuns: 25},
  );
  t.pass();
});

test('words in no order are answered or refused', t => {
  const session = new Session();
  session.execute('CREATE TABLE t0 (a INTEGER PRIMARY KEY, b TEXT)');
  fc.assert(
    fc.property(fc.array(fc.constantFrom(...WORDS), {maxLength: 30}), words => {
      survive(session.database, `SELECT ${words.join(' ')}`);
    }),
    {numRuns: 2000},
  );
  t.pass();
});

const bare = new Database(memoryCatalog(new Map()));

for (const [title, sql] of [
  [
    'an endless recursive query',
    'WITH RECURSIVE c(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM c) SELECT count(*) FROM c',
  ],
  [
    'an endless recursive query whose rows are all alike',
    'WITH RECURSIVE c(x) AS (SELECT 1 UNION ALL SELECT x FROM c) SELECT max(x) FROM c',
  ],
  [
    'a product of many tables',
    'WITH RECURSIVE c(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM c WHERE x < 1000) SELECT count(*) FROM c a, c b, c d, c e WHERE a.x + b.x + d.x + e.x < 0',
  ],
  [
    'a long scalar subquery',
    'WITH RECURSIVE c(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM c) SELECT 1 WHERE (SELECT sum(x) FROM c) > 0',
  ],
  [
    'a condition that no row meets',
    'WITH RECURSIVE c(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM c) SELECT x FROM c WHERE x < 0',
  ],
] as const) {
  test(`${title} is stopped by the timeout`, t => {
    const statement = bare.prepare(sql);
    const error = t.throws(() => [...statement.batches([], {timeout: 200})]);
    t.true(isDbosError(error, 'SQL_TIMEOUT'), String(error));
    // and may be asked again
    t.true(
      isDbosError(
        t.throws(() => [...statement.batches([], {timeout: 50})]),
        'SQL_TIMEOUT',
      ),
    );
  });
}

test('an endless query gives its first rows, and can be left', t => {
  const statement = bare.prepare('WITH RECURSIVE c(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM c) SELECT x FROM c');
  const seen: unknown[] = [];
  for (const batch of statement.batches()) {
    seen.push(...batch.map(([x]) => x));
    if (seen.length >= 10) break;
  }
  t.deepEqual(seen.slice(0, 10), [1, 2, 3, 4, 5, 6, 7, 8, 9, 10]);
});

const repeated = (text: string, times: number) => text.repeat(times);

for (const [title, make] of [
  ['parentheses', n => `SELECT ${repeated('(', n)}1${repeated(')', n)}`],
  ['NOT', n => `SELECT ${repeated('NOT ', n)}1`],
  ['minus', n => `SELECT ${repeated('- ', n)}1`],
  ['plus', n => `SELECT 1${repeated(' + 1', n)}`],
  ['AND', n => `SELECT 1${repeated(' AND 1', n)}`],
  ['||', n => `SELECT 'a'${repeated(" || 'a'", n)}`],
  ['CASE', n => `SELECT ${repeated('CASE WHEN 1 THEN ', n)}1${repeated(' END', n)}`],
  ['calls', n => `SELECT ${repeated('abs(', n)}1${repeated(')', n)}`],
  ['scalar subqueries', n => `SELECT ${repeated('(SELECT ', n)}1${repeated(')', n)}`],
  ['subqueries in FROM', n => `SELECT * FROM ${repeated('(SELECT * FROM ', n)}(SELECT 1)${repeated(')', n)}`],
  ['EXISTS', n => `SELECT 1 WHERE ${repeated('EXISTS (SELECT 1 WHERE ', n)}1${repeated(')', n)}`],
  ['IN lists', n => `SELECT 1 IN (${repeated('1, ', n)}2)`],
  ['columns', n => `SELECT ${repeated('1, ', n)}2`],
  ['compounds', n => `SELECT 1${repeated(' UNION ALL SELECT 1', n)}`],
  ['VALUES', n => `VALUES (1)${repeated(', (1)', n)}`],
  ['joins', n => `SELECT count(*) FROM (SELECT 1 AS a)${repeated(' JOIN (SELECT 1 AS a) USING (a)', n)}`],
  [
    'common tables',
    n =>
      `WITH c0(x) AS (SELECT 1)${Array.from({length: n}, (_, i) => `, c${i + 1}(x) AS (SELECT x FROM c${i})`).join('')} SELECT x FROM c${n}`,
  ],
  ['row values', n => `SELECT (${repeated('1, ', n)}1) = (${repeated('1, ', n)}1)`],
  ['arguments', n => `SELECT max(${repeated('1, ', n)}1)`],
  ['OR', n => `SELECT 1 WHERE ${repeated('NULL OR ', n)}1`],
  ['comparisons', n => `SELECT 1${repeated(' = 1', n)}`],
  ['LIKE', n => `SELECT 1${repeated(" LIKE '1'", n)}`],
  ['ISNULL', n => `SELECT 1${repeated(' ISNULL', n)}`],
  ['IN', n => `SELECT 1${repeated(' IN (1, 2, 3)', n)}`],
  ['BETWEEN', n => `SELECT 1${repeated(' BETWEEN 0 AND 2', n)}`],
  ['BETWEEN inside', n => `SELECT ${repeated('1 BETWEEN ', n)}0${repeated(' AND 2', n)}`],
  ['COLLATE', n => `SELECT 'a'${repeated(' COLLATE nocase', n)}`],
  ['->', n => `SELECT '{}'${repeated(" -> '$'", n)}`],
  ['WHEN', n => `SELECT CASE ${repeated('WHEN 0 THEN 1 ', n)}END`],
  ['WHEN of a value', n => `SELECT CASE 5 ${repeated('WHEN 0 THEN 1 ', n)}END`],
  ['coalesce', n => `SELECT coalesce(NULL${repeated(', NULL', n)})`],
  ['row values in order', n => `SELECT (${repeated('1, ', n)}1) < (${repeated('1, ', n)}1)`],
  ['outer joins', n => `SELECT count(*) FROM (SELECT 1 AS a)${repeated(' LEFT JOIN (SELECT 1 AS a) USING (a)', n)}`],
  ['joins in parentheses', n => `SELECT count(*) FROM ${repeated('((SELECT 1), ', n)}(SELECT 1)${repeated(')', n)}`],
  ['UNION', n => `SELECT 1${repeated(' UNION SELECT 1', n)}`],
] as const satisfies readonly (readonly [string, (n: number) => string])[]) {
  test(`much of a thing is answered or refused: ${title}`, t => {
    for (const times of [10, 100, 1000, 20_000]) t.notThrows(() => survive(bare, make(times)), `${times} times`);
    // what sqlite3 can do by default is no less here
    t.notThrows(() => [...bare.prepare(make(8)).batches()].length, 'a few');
  });
}

test('one statement can be run by several at once', t => {
  const statement = bare.prepare(
    'WITH RECURSIVE c(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM c WHERE x < 5000) SELECT x, sum(x) OVER (ORDER BY x) FROM c',
  );
  const alone = statement.all();
  const runs = [statement.batches(), statement.batches()];
  const rows: unknown[][] = [[], []];
  for (let open = runs.length; open > 0; ) {
    open = 0;
    for (const [i, run] of runs.entries()) {
      const {done, value} = run.next();
      if (done) continue;
      open++;
      rows[i]?.push(...value);
    }
  }
  t.deepEqual(rows[0], alone);
  t.deepEqual(rows[1], alone);
});
