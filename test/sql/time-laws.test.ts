/** Laws of time, asked in SQL of tables that random statements made: AS OF, diff(), history() and log() tell one story. */
import test from 'ava';
import fc from 'fast-check';
import {formatId, type ObjectId} from '../../src/objects/id.js';
import {walk} from '../../src/repo/history.js';
import type {Value} from '../../src/sql/values/value.js';
import {writableDatabaseOf} from '../../src/sql/write/repository-writes.js';
import {makeRepo, moveHead} from '../support/repo.js';

const SETUP = [
  'CREATE TABLE t(k INTEGER PRIMARY KEY, a INT, b TEXT COLLATE NOCASE)',
  'CREATE INDEX t_b ON t(b, a)',
  'CREATE INDEX t_a ON t(a + 1) WHERE a IS NOT NULL',
  "INSERT INTO t VALUES (1, 1, 'x'), (2, NULL, 'X'), (5, 2.5, NULL)",
];

const key = fc.integer({min: 1, max: 9});
const value = fc.constantFrom('NULL', '0', '1', '2.5', "'x'", "'X'", "x'00'");
const change = fc.oneof(
  fc.tuple(key, value, value).map(([k, a, b]) => `INSERT OR REPLACE INTO t VALUES (${k}, ${a}, ${b})`),
  fc.tuple(key, value).map(([k, b]) => `UPDATE t SET b = ${b} WHERE k >= ${k}`),
  key.map(k => `DELETE FROM t WHERE k = ${k}`),
  fc.constant('UPDATE t SET a = k'),
);

const QUESTIONS = [
  (t: string) => `SELECT * FROM ${t} ORDER BY k`,
  (t: string) => `SELECT k, typeof(a), quote(b) FROM ${t} WHERE b >= 'X' ORDER BY k`,
  (t: string) => `SELECT k FROM ${t} WHERE a + 1 = 2 AND a IS NOT NULL ORDER BY k`,
  (t: string) => `SELECT count(*), count(DISTINCT b), total(a) FROM ${t}`,
];

test('AS OF is asking there; diff() is EXCEPT both ways; history() is told by log()', async t => {
  const {repo} = await makeRepo(t);
  const all = async (sql: string): Promise<(readonly Value[])[]> =>
    (await writableDatabaseOf(repo).statement(sql)).all();
  const run = async (sql: string) => {
    const db = writableDatabaseOf(repo);
    db.prepare(sql).all();
    await db.settled();
  };
  for (const sql of SETUP) await run(sql);
  const start = repo.head().commit as ObjectId;
  let differing = 0;
  await fc.assert(
    fc.asyncProperty(fc.array(change, {minLength: 4, maxLength: 8, size: 'max'}), async changes => {
      await moveHead(repo, {detached: start});
      for (const sql of changes) await run(sql);
      const head = repo.head().commit as ObjectId;
      const commits = [...walk(repo, {include: [head]})].map(({id}) => id).slice(0, 1 - SETUP.length);
      const asOf = new Map<ObjectId, unknown>();
      for (const commit of commits) {
        const there = `t AS OF '${formatId(commit)}'`;
        const answers: unknown[] = [];
        for (const question of QUESTIONS) answers.push(await all(question(there)));
        asOf.set(commit, answers);
      }
      for (const [i, commit] of commits.entries()) {
        const other = commits[(i * 7 + 3) % commits.length] as ObjectId;
        const [from, to] = [formatId(commit), formatId(other)];
        for (const [prefix, kind, one, two] of [
          ['old', 'added', from, to],
          ['new', 'deleted', to, from],
        ]) {
          const changed = `SELECT k, ${prefix}_a, quote(${prefix}_b), typeof(${prefix}_a) FROM diff('t', '${from}', '${to}') WHERE change <> '${kind}' ORDER BY k`;
          const row = 'SELECT k, a, quote(b), typeof(a) FROM t AS OF';
          t.deepEqual(await all(changed), await all(`${row} '${one}' EXCEPT ${row} '${two}' ORDER BY k`));
        }
      }
      const told =
        "SELECT h.commit_id, h.k, h.change FROM history('t') h JOIN log() l ON l.id = h.commit_id ORDER BY l.seq, h.k";
      const compared = `WITH l AS (SELECT id, seq FROM log())
        SELECT count(*) FROM history('t') WHERE commit_id NOT IN (SELECT id FROM l)`;
      t.deepEqual(await all(compared), [[0]]);
      const steps: unknown[] = [];
      for (const [i, commit] of commits.entries()) {
        const before = commits[i + 1];
        if (before === undefined) break;
        const rows = await all(
          `SELECT k, change FROM diff('t', '${formatId(before)}', '${formatId(commit)}') ORDER BY k`,
        );
        steps.push(...rows.map(([k, what]) => [formatId(commit), k, what]));
      }
      differing += steps.length;
      const ids = commits.slice(0, -1).map(id => formatId(id));
      const since = (await all(told)).filter(([id]) => ids.includes(id as string));
      t.deepEqual(since, steps as never);
      for (const commit of commits) {
        await moveHead(repo, {detached: commit});
        const answers: unknown[] = [];
        for (const question of QUESTIONS) answers.push(await all(question('t')));
        t.deepEqual(answers, asOf.get(commit));
      }
    }),
    {numRuns: 10},
  );
  t.true(differing > 20, `${differing} rows changed`);
});
