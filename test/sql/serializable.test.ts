/**
 * Serializable transactions: what is read is known by ranges of keys, and what is committed is as if each had run when it was
 * committed, whatever they do.
 */
import test, {type ExecutionContext} from 'ava';
import fc from 'fast-check';
import {compareBytes} from '../../src/bytes.js';
import {isDbosError} from '../../src/errors.js';
import type {ObjectId} from '../../src/objects/id.js';
import {createBranch} from '../../src/repo/branches.js';
import {beginTransaction, openTransaction} from '../../src/repo/opentransactions.js';
import {type BranchName, branchName} from '../../src/repo/refs.js';
import type {Repository} from '../../src/repo/repository.js';
import {commitTransaction} from '../../src/sql/commit-transaction.js';
import {RangeSet} from '../../src/sql/write/range-set.js';
import {ScriptWrites} from '../../src/sql/write/script-writes.js';
import {makeRepo} from '../support/repo.js';

/** What a statement gives: its rows, or the code of its error. */
type Answer = unknown[] | string;

/** A transaction whose statements run one by one, as commands of their own would. */
class Client {
  private constructor(
    private readonly repo: Repository,
    private readonly name: ReturnType<typeof openTransaction>['name'],
  ) {}

  static async begin(repo: Repository, branch: BranchName): Promise<Client> {
    const {name} = await beginTransaction(repo, {branch, isolation: 'serializable'});
    return new Client(repo, name);
  }

  async run(sql: string): Promise<Answer> {
    const writes = new ScriptWrites(this.repo, {transaction: openTransaction(this.repo, this.name), sql});
    try {
      const rows: unknown[] = [];
      for await (const statement of writes.database.script(sql)) rows.push(...statement.all());
      await writes.publish();
      return rows;
    } catch (error) {
      await writes.abandon();
      if (!isDbosError(error, 'CONSTRAINT_FAILED')) throw error;
      return error.code;
    }
  }

  /** Returns what it conflicts with, or undefined if it is committed. */
  async commit(): Promise<unknown> {
    try {
      await commitTransaction(this.repo, openTransaction(this.repo, this.name));
      return undefined;
    } catch (error) {
      if (!isDbosError(error, 'TRANSACTION_CONFLICT')) throw error;
      return error.data.conflicts;
    }
  }

  get reads() {
    return openTransaction(this.repo, this.name).transaction.reads;
  }
}

/** A store with some tables, and any number of branches that begin with them. */
class Bench {
  private branches = 0;

  private constructor(
    readonly repo: Repository,
    private readonly base: ObjectId,
  ) {}

  static async make(t: ExecutionContext, sql: string): Promise<Bench> {
    const {repo} = await makeRepo(t);
    const writes = new ScriptWrites(repo, {sql});
    for await (const statement of writes.database.script(sql)) statement.all();
    await writes.publish();
    return new Bench(repo, repo.head().commit as ObjectId);
  }

  async branch(): Promise<BranchName> {
    const name = branchName(`b${this.branches++}`);
    await createBranch(this.repo, name, this.base);
    return name;
  }

  begin(branch: BranchName): Promise<Client> {
    return Client.begin(this.repo, branch);
  }
}

const TABLES = `
CREATE TABLE t(id INTEGER PRIMARY KEY, k INTEGER, v INTEGER);
CREATE INDEX by_k ON t(k);
CREATE TABLE u(a TEXT, b INTEGER, n INTEGER, PRIMARY KEY (a, b)) WITHOUT ROWID;
CREATE UNIQUE INDEX by_n ON u(n) WHERE n > 1;
CREATE TABLE parent(id INTEGER PRIMARY KEY);
CREATE TABLE child(id INTEGER PRIMARY KEY, p INTEGER REFERENCES parent ON DELETE CASCADE);
CREATE INDEX by_p ON child(p);
INSERT INTO t VALUES (1, 1, 0), (2, 2, 0), (3, 1, 0), (5, 4, 0), (6, 2, 0);
INSERT INTO u VALUES ('a', 1, 0), ('a', 3, 2), ('b', 2, 3);
INSERT INTO parent VALUES (1), (2), (3);
INSERT INTO child VALUES (1, 1), (2, 1), (3, 2);`;

/** Runs statements of two at once, commits the second one first, and returns what the first one conflicts with. */
async function meeting(bench: Bench, one: string, other: string): Promise<unknown> {
  const branch = await bench.branch();
  const [first, second] = [await bench.begin(branch), await bench.begin(branch)];
  await first.run(one);
  await second.run(other);
  if ((await second.commit()) !== undefined) throw new Error('the first commit cannot conflict');
  return first.commit();
}

test('what others change beside what was read is no conflict', async t => {
  const bench = await Bench.make(t, TABLES);
  const apart = [
    // write skew on other rows
    [
      'UPDATE t SET v = (SELECT v FROM t WHERE id = 2) WHERE id = 1',
      'UPDATE t SET v = (SELECT v FROM t WHERE id = 5) WHERE id = 6',
    ],
    ['SELECT * FROM t WHERE id BETWEEN 1 AND 3; INSERT INTO u VALUES (1, 1, 1)', 'UPDATE t SET v = 9 WHERE id > 3'],
    ['SELECT * FROM t WHERE id = 4; DELETE FROM u', 'INSERT INTO t VALUES (7, 1, 1)'],
    ['SELECT count(*) FROM t WHERE k = 1; DELETE FROM u', 'UPDATE t SET k = 5 WHERE k = 2'],
    ["SELECT * FROM u WHERE a = 'a'; DELETE FROM t", "DELETE FROM u WHERE a = 'b'"],
    ['INSERT OR IGNORE INTO t VALUES (1, 1, 1); DELETE FROM u', 'DELETE FROM t WHERE id = 2'],
    ["SELECT * FROM files WHERE dir = 'x'; DELETE FROM u", "INSERT INTO files(path, content) VALUES ('y', 1)"],
    ['SELECT * FROM t WHERE id = 1; DELETE FROM u', 'CREATE INDEX more ON t(v)'],
  ] as const;
  for (const [one, other] of apart) t.is(await meeting(bench, one, other), undefined, `${one} / ${other}`);
});

test('what others change of what was read is a conflict: rows, rows that were not there, ends of indexes, what tables are', async t => {
  const bench = await Bench.make(t, TABLES);
  const set = 'UPDATE u SET n = 7';
  const row = (table: string, ...key: unknown[]) => [{kind: 'read', table, key}];
  const met: [string, string, unknown][] = [
    [`SELECT * FROM t WHERE id = 1; ${set}`, 'UPDATE t SET v = 1 WHERE id = 1', row('t', 1)],
    [`SELECT * FROM t WHERE id = 4; ${set}`, 'INSERT INTO t VALUES (4, 1, 1)', row('t', 4)],
    [`SELECT * FROM t WHERE id > 3; ${set}`, 'INSERT INTO t VALUES (9, 1, 1)', row('t', 9)],
    [`SELECT v FROM t WHERE k = 1; ${set}`, 'UPDATE t SET v = 1 WHERE id = 3', row('t', 3)],
    [`SELECT v FROM t WHERE k = 1; ${set}`, 'UPDATE t SET k = 1 WHERE id = 5', row('t', 5)],
    [`SELECT v FROM t WHERE k = 1; ${set}`, 'DELETE FROM t WHERE id = 1', row('t', 1)],
    [`SELECT count(*) FROM t; ${set}`, 'INSERT INTO t VALUES (4, 1, 1)', row('t', 4)],
    [`SELECT max(id) FROM t; ${set}`, 'INSERT INTO t VALUES (9, 1, 1)', row('t', 9)],
    [`DELETE FROM t`, 'INSERT INTO t VALUES (9, 1, 1)', row('t', 9)],
    [`INSERT OR IGNORE INTO t VALUES (1, 1, 1); ${set}`, 'DELETE FROM t WHERE id = 1', row('t', 1)],
    ['INSERT OR IGNORE INTO u VALUES (9, 9, 2)', 'DELETE FROM u WHERE n = 2', row('u', 'a', 3)],
    ['INSERT INTO t(k) VALUES (1)', 'DELETE FROM t WHERE id = 6', row('t', 6)],
    [`SELECT * FROM t WHERE id = 1; ${set}`, 'ALTER TABLE t ADD COLUMN w', [{kind: 'read', table: 't'}]],
    [`SELECT * FROM t WHERE id = 1; ${set}`, 'DROP TABLE t', [{kind: 'read', table: 't'}]],
    ['CREATE INDEX i ON t(v); SELECT * FROM t WHERE v = 1', 'UPDATE t SET v = 1 WHERE id = 5', row('t', 5)],
    [
      `SELECT * FROM files WHERE dir = ''; ${set}`,
      "INSERT INTO files(path, content) VALUES ('y', 1)",
      row('files', '', 'y'),
    ],
  ];
  for (const [one, other, expected] of met) {
    const found = (await meeting(bench, one, other)) as {table: string; key?: unknown[]; path?: string}[];
    t.deepEqual(
      found?.map(({table, key}) => ({kind: 'read', table, ...(key && {key})})),
      expected,
      `${one} / ${other}`,
    );
  }
});

test('what a statement has read before it failed stays known, and a view that was named', async t => {
  const bench = await Bench.make(t, `${TABLES}; CREATE VIEW few AS SELECT * FROM t WHERE id < 3`);
  const other = 'UPDATE t SET v = 1 WHERE id = 1';
  t.truthy(
    await meeting(bench, 'SELECT v FROM t WHERE id = 1; INSERT INTO t VALUES (2, 2, 2)', 'DELETE FROM t WHERE id = 1'),
  );
  t.truthy(await meeting(bench, 'INSERT INTO t VALUES (1, 1, 1)', 'DELETE FROM t WHERE id = 1'));
  t.truthy(await meeting(bench, 'INSERT INTO child VALUES (7, 9)', 'INSERT INTO parent VALUES (9)'));
  t.truthy(await meeting(bench, 'SELECT * FROM few', other));
  t.truthy(await meeting(bench, 'SELECT * FROM few', 'DROP VIEW few'));
  t.is(await meeting(bench, 'SELECT * FROM few', 'UPDATE t SET v = 1 WHERE id = 5'), undefined);
});

test('many reads become a range, and what is known of them stays small', async t => {
  const bench = await Bench.make(
    t,
    `CREATE TABLE n(id INTEGER PRIMARY KEY, x);
     INSERT INTO n SELECT value, 0 FROM generate_series(1, 4000)`,
  );
  const client = await bench.begin(await bench.branch());
  const inside = 'SELECT sum((SELECT x FROM n b WHERE b.id = a.id * 2 + 1)) FROM n a WHERE a.id BETWEEN 500 AND 1000';
  await client.run(inside);
  const [{ranges = []} = {}] = client.reads;
  t.true(ranges.length > 1 && ranges.length <= 256);
  t.truthy(await meeting(bench, inside, 'UPDATE n SET x = 1 WHERE id = 1001'));
  t.is(await meeting(bench, inside, 'UPDATE n SET x = 1 WHERE id = 3000'), undefined);
});

const number = fc.integer({min: 0, max: 7});
const statement = fc.oneof(
  ...[
    (i: number) => `SELECT v FROM t WHERE id = ${i}`,
    (i: number, j: number) => `SELECT id, v FROM t WHERE id BETWEEN ${i} AND ${j}`,
    (i: number) => `SELECT id, v FROM t WHERE k = ${i}`,
    (i: number) => `SELECT count(*) FROM t WHERE k > ${i}`,
    () => 'SELECT count(*), max(id) FROM t',
    () => 'SELECT count(*) FROM child',
    (i: number) => `SELECT n FROM u WHERE a = 'a' AND b < ${i}`,
    (i: number) => `SELECT b FROM u WHERE n = ${i} AND n > 1`,
    (i: number, j: number) => `UPDATE t SET v = v + ${i} WHERE id = ${j}`,
    (i: number, j: number) => `UPDATE t SET v = ${i} WHERE k = ${j}`,
    (i: number, j: number) => `UPDATE t SET v = (SELECT count(*) FROM t WHERE k = ${i}) WHERE id = ${j}`,
    (i: number, j: number) => `UPDATE t SET k = ${i} WHERE id = ${j}`,
    (i: number, j: number) => `INSERT OR IGNORE INTO t VALUES (${i}, ${j}, 0)`,
    (i: number, j: number) => `INSERT OR REPLACE INTO t VALUES (${i}, ${j}, 0)`,
    (i: number, j: number) => `INSERT INTO t VALUES (${i}, ${j}, 1) ON CONFLICT (id) DO UPDATE SET v = v + 1`,
    (i: number, j: number) => `INSERT INTO t(k, v) VALUES (${i}, ${j}) RETURNING id`,
    (i: number) => `DELETE FROM t WHERE id = ${i}`,
    (i: number, j: number) => `DELETE FROM t WHERE k BETWEEN ${i} AND ${j}`,
    () => 'DELETE FROM t',
    (i: number, j: number) => `INSERT INTO u VALUES ('a', ${i}, ${j})`,
    (i: number, j: number) => `INSERT OR IGNORE INTO u VALUES ('c', ${i}, ${j})`,
    (i: number, j: number) => `INSERT OR REPLACE INTO u VALUES ('c', ${i}, ${j})`,
    (i: number) => `INSERT INTO u SELECT 'd', id, v FROM t WHERE k = ${i}`,
    (i: number) => `DELETE FROM u WHERE b = ${i}`,
    (i: number) => `INSERT OR IGNORE INTO parent VALUES (${i})`,
    (i: number) => `DELETE FROM parent WHERE id = ${i}`,
    (i: number, j: number) => `INSERT INTO child VALUES (${i}, ${j})`,
    (i: number, j: number) => `UPDATE child SET p = ${i} WHERE id = ${j}`,
  ].map(make => fc.tuple(number, number).map(([i, j]) => make(i, j))),
);
const DUMP = ['t', 'u', 'parent', 'child'].map(table => `SELECT * FROM ${table}`).join(';');

test('those that are committed have seen and done what they would have one after the other', async t => {
  const bench = await Bench.make(t, TABLES);
  let conflicts = 0;
  let merged = 0;
  const transactions = fc.array(fc.array(statement, {minLength: 1, maxLength: 3}), {minLength: 2, maxLength: 3});
  await fc.assert(
    fc.asyncProperty(transactions, async scripts => {
      const [atOnce, inTurn] = [await bench.branch(), await bench.branch()];
      const clients = [];
      for (const script of scripts) {
        const client = await bench.begin(atOnce);
        const answers: Answer[] = [];
        for (const sql of script) answers.push(await client.run(sql));
        clients.push({client, script, answers});
      }
      let before = 0;
      for (const {client, script, answers} of clients) {
        const met = await client.commit();
        if (met !== undefined) {
          conflicts++;
          continue;
        }
        if (before++ > 0) merged++;
        const alone = await bench.begin(inTurn);
        const expected: Answer[] = [];
        for (const sql of script) expected.push(await alone.run(sql));
        t.deepEqual(answers, expected, script.join('; '));
        t.is(await alone.commit(), undefined);
      }
      const [one, other] = [await bench.begin(atOnce), await bench.begin(inTurn)];
      t.deepEqual(await one.run(DUMP), await other.run(DUMP));
    }),
    {numRuns: 60, seed: 20240515},
  );
  t.true(conflicts > 10 && merged > 10, `${conflicts} conflicts, ${merged} merged`);
});

test('a set of ranges has what was added to it, and nothing else as long as that is little', t => {
  const key = fc.uint8Array({minLength: 0, maxLength: 3}).map(bytes => Buffer.from(bytes.map(byte => byte & 3)));
  const range = fc.record({gte: fc.option(key, {nil: undefined}), lt: fc.option(key, {nil: undefined})});
  fc.assert(
    fc.property(fc.array(range, {maxLength: 12}), fc.array(key), (ranges, keys) => {
      const set = new RangeSet();
      for (const each of ranges) set.add(each);
      for (const each of ranges) t.false(set.add(each));
      for (const each of keys) {
        const inside = ranges.some(
          ({gte, lt}) => (!gte || compareBytes(gte, each) <= 0) && (!lt || compareBytes(each, lt) < 0),
        );
        t.is(set.has(each), inside);
      }
      for (const [i, {gte}] of set.ranges.entries()) {
        if (i > 0) t.true(compareBytes((set.ranges[i - 1] as {lt: Uint8Array}).lt, gte as Uint8Array) < 0);
      }
    }),
  );
  const set = new RangeSet();
  for (let i = 0; i < 1000; i++)
    set.add({gte: Buffer.from([1, i >> 8, i & 255]), lt: Buffer.from([1, i >> 8, i & 255, 0])});
  t.true(set.ranges.length <= 256);
  t.true(set.has(Buffer.from([1, 2, 3])));
  t.false(set.has(Buffer.from([2])));
  const long = Buffer.alloc(5000, 0xff);
  set.add({gte: long, lt: Buffer.concat([long, Buffer.of(0)])});
  t.true(set.has(long));
  t.true(set.ranges.every(({gte, lt}) => (gte?.length ?? 0) <= 128 && (lt?.length ?? 0) <= 128));
});
