/**
 * Queries and changes of many kinds on tables with indexes, each against the sqlite3 shell on the same rows: to find those for which
 * sqlite3 has a better plan. Ours are prepared and run in this process, the best of some runs; sqlite3's time is the CPU time of the second
 * of two runs by its own timer. Changes run in a transaction that is taken back. Told are the ratios, the largest first, and with
 * `--explain` our plans; a query of less than 0.3 ms counts as 0.3 ms.
 *
 *     node dist/test/bench/plans.bench.js [--rows N] [--only TEXT] [--explain] [--least RATIO]
 */
import {spawnSync} from 'node:child_process';
import {mkdtempSync, rmSync} from 'node:fs';
import {tmpdir} from 'node:os';
import {join} from 'node:path';
import {parseArgs} from 'node:util';
import {Repository} from '../../src/repo/repository.js';
import {writableDatabaseOf} from '../../src/sql/write/repository-writes.js';
import type {WritableDatabase} from '../../src/sql/write/writable-database.js';

const {values: options} = parseArgs({
  options: {
    rows: {type: 'string', default: '100000'},
    only: {type: 'string', default: ''},
    explain: {type: 'boolean', default: false},
    least: {type: 'string', default: '0'},
  },
});
const rows = Number(options.rows);
const base = mkdtempSync(join(tmpdir(), 'dbos-plans-'));
const RUNS = 4;
const LEAST_MS = 0.3;

/** `p`: things; `c`: two of each that refer to one; `s`: few; `w`: without a rowid. */
const SCHEMA = [
  'CREATE TABLE p(id INTEGER PRIMARY KEY, name TEXT, grp INT, val REAL, tag TEXT, parent INT)',
  'CREATE TABLE c(id INTEGER PRIMARY KEY, pid INT REFERENCES p(id) ON DELETE CASCADE, kind TEXT, qty INT, day TEXT)',
  'CREATE TABLE s(id INTEGER PRIMARY KEY, code TEXT UNIQUE, lo INT, hi INT)',
  'CREATE TABLE w(a INT, b TEXT, c INT, PRIMARY KEY(a, b)) WITHOUT ROWID',
  `INSERT INTO p SELECT value, 'name' || (value * 7919 % 100003), value % 1000, value * 1.5,
   CASE WHEN value % 50 = 0 THEN NULL ELSE 'tag' || (value % 97) END, value / 10 FROM generate_series(1, ${rows})`,
  `INSERT INTO c SELECT value, (value * 31) % ${rows} + 1, 'k' || (value % 13), value % 500,
   date('2020-01-01', (value % 2000) || ' days') FROM generate_series(1, ${2 * rows})`,
  "INSERT INTO s SELECT value, 'code' || value, value * 100, value * 100 + 50 FROM generate_series(1, 1000)",
  `INSERT INTO w SELECT value % 1000, 'b' || (value / 1000), value FROM generate_series(1, ${rows})`,
  'CREATE INDEX p_name ON p(name)',
  'CREATE INDEX p_grp ON p(grp, val)',
  'CREATE INDEX p_tag ON p(tag)',
  'CREATE INDEX p_parent ON p(parent)',
  'CREATE INDEX p_lower ON p(lower(name))',
  'CREATE INDEX p_part ON p(val) WHERE grp = 7',
  'CREATE INDEX c_pid ON c(pid)',
  'CREATE INDEX c_day ON c(day DESC)',
  'CREATE INDEX c_kind ON c(kind, qty)',
  `CREATE VIEW v AS SELECT p.id, p.name, count(*) AS n, sum(c.qty) AS q FROM p JOIN c ON c.pid = p.id GROUP BY p.id, p.name`,
  'CREATE VIEW u AS SELECT id, name FROM p UNION ALL SELECT id, kind FROM c',
];

const QUERIES = [
  // joins
  'SELECT count(*) FROM p a JOIN p b ON a.parent = b.id',
  'SELECT count(*) FROM p LEFT JOIN c ON c.pid = p.id WHERE c.id IS NULL',
  'SELECT count(*), count(c.id) FROM p LEFT JOIN c ON c.pid = p.id AND c.qty > 400 WHERE p.grp = 7',
  'SELECT count(*) FROM s JOIN p ON p.id BETWEEN s.lo AND s.hi',
  'SELECT count(*), count(p.id) FROM s LEFT JOIN p ON p.id BETWEEN s.lo AND s.hi',
  "SELECT count(*) FROM w, c, s, p WHERE p.id = c.pid AND s.id = p.grp AND w.a = s.id AND w.b = 'b1' AND p.name = 'name77'",
  'SELECT count(*) FROM c a JOIN c b ON a.pid = b.pid AND a.id < b.id',
  'SELECT p.name, c.day FROM p JOIN c ON c.pid = p.id ORDER BY c.day DESC LIMIT 10',
  'SELECT p.id, c.id FROM p LEFT JOIN c ON c.pid = p.id ORDER BY p.id LIMIT 10 OFFSET 100',
  "SELECT p.name, c.day FROM p JOIN c ON c.pid = p.id WHERE c.kind = 'k3' ORDER BY c.qty LIMIT 10",
  'SELECT p.grp, sum(c.qty) FROM p LEFT JOIN c ON c.pid = p.id GROUP BY p.grp ORDER BY 1',
  // conditions
  "SELECT count(*) FROM p WHERE name = 'name5' OR grp = 3",
  "SELECT count(*) FROM p WHERE name = 'name5' OR id = 77 OR tag = 'tag5'",
  "SELECT * FROM p WHERE name LIKE 'name99%'",
  "SELECT * FROM p WHERE name GLOB 'name99*'",
  "SELECT * FROM p WHERE lower(name) = 'name77'",
  'SELECT * FROM p WHERE (grp, val) > (500, 100.0) ORDER BY grp, val LIMIT 10',
  "SELECT * FROM w WHERE (a, b) > (500, 'b5') ORDER BY a, b LIMIT 10",
  "SELECT count(*) FROM c WHERE day BETWEEN '2021-01-01' AND '2021-01-31' AND kind IN ('k1', 'k2')",
  'SELECT * FROM p WHERE grp = 7 ORDER BY val DESC LIMIT 5',
  'SELECT max(id) FROM p',
  'SELECT max(day) FROM c',
  // subqueries
  'SELECT count(*) FROM c WHERE pid IN (SELECT id FROM p WHERE grp = 7)',
  'SELECT count(*) FROM c WHERE pid NOT IN (SELECT id FROM p WHERE grp = 7)',
  'SELECT total(val) FROM p WHERE name IN (SELECT name FROM p WHERE grp = 3)',
  'SELECT count(*) FROM p WHERE NOT EXISTS (SELECT 1 FROM c WHERE c.pid = p.id)',
  'SELECT p.id, (SELECT count(*) FROM c WHERE c.pid = p.id) FROM p WHERE id < 20000',
  'SELECT a.id FROM p a WHERE a.val = (SELECT max(val) FROM p b WHERE b.grp = a.grp)',
  'SELECT s.id, (SELECT p.name FROM p WHERE p.grp = s.id ORDER BY val DESC LIMIT 1) FROM s',
  // queries in FROM
  'SELECT * FROM v WHERE id = 77',
  "SELECT * FROM v WHERE name = 'name77'",
  'SELECT * FROM u WHERE id = 77',
  'SELECT * FROM (SELECT id, grp, row_number() OVER (PARTITION BY grp ORDER BY val) AS r FROM p) WHERE grp = 7',
  'SELECT * FROM (SELECT id, grp, row_number() OVER (PARTITION BY grp ORDER BY val) AS r FROM p) WHERE r = 1',
  'SELECT p.id, x.n FROM p JOIN (SELECT pid, count(*) AS n FROM c GROUP BY pid) x ON x.pid = p.id WHERE p.grp = 7',
  'WITH RECURSIVE t(id) AS (VALUES(1) UNION ALL SELECT p.id FROM p JOIN t ON p.parent = t.id WHERE p.id <> t.id) SELECT count(*) FROM t',
  // groups, distinct rows, windows, sets
  'SELECT grp, count(*) FROM p GROUP BY grp',
  'SELECT name, count(*) FROM p GROUP BY name',
  'SELECT day, count(*) FROM c GROUP BY day ORDER BY day DESC LIMIT 5',
  'SELECT DISTINCT name FROM p ORDER BY name LIMIT 10',
  'SELECT DISTINCT tag FROM p',
  'SELECT count(DISTINCT name) FROM p',
  'SELECT id, lag(val) OVER (ORDER BY id) FROM p',
  'SELECT id, avg(val) OVER (ORDER BY id ROWS BETWEEN 50 PRECEDING AND 50 FOLLOWING) FROM p',
  'SELECT count(*) FROM (SELECT pid FROM c EXCEPT SELECT id FROM p WHERE grp < 500)',
  'SELECT id FROM p ORDER BY random() LIMIT 5',
  // changes
  'UPDATE p SET val = val + 1',
  'UPDATE p SET val = val + 1 WHERE grp = 7',
  'UPDATE w SET c = c + 1',
  'UPDATE p SET val = x.q FROM (SELECT pid, sum(qty) AS q FROM c GROUP BY pid) x WHERE x.pid = p.id AND p.grp = 7',
  'DELETE FROM c WHERE pid IN (SELECT id FROM p WHERE grp = 7)',
  'DELETE FROM p WHERE grp = 7',
  "DELETE FROM c WHERE day < '2021-01-01'",
  'INSERT INTO w SELECT a, b, c FROM w WHERE true ON CONFLICT DO UPDATE SET c = excluded.c + 1',
  "INSERT OR REPLACE INTO p SELECT id, name || 'y', grp, val, tag, parent FROM p WHERE id < 5000",
  "INSERT OR IGNORE INTO s SELECT id, 'code' || id, 0, 0 FROM p",
];

const isChange = (sql: string) => /^(UPDATE|DELETE|INSERT)/.test(sql);

function sqliteTime(sql: string): number {
  const once = `${sql};\n`;
  const input = `PRAGMA foreign_keys = ON;\n.timer on\n${isChange(sql) ? `BEGIN;\n${once}ROLLBACK;\n` : once.repeat(2)}`;
  const {stdout, stderr} = spawnSync('sqlite3', [join(base, 'sqlite')], {input, encoding: 'utf8', maxBuffer: 2 ** 30});
  if (stderr !== '') throw new Error(`${sql}: ${stderr}`);
  const [, second] = [...stdout.matchAll(/user ([\d.]+) sys ([\d.]+)/g)].map(
    ([, user, system]) => (Number(user) + Number(system)) * 1000,
  );
  return second as number;
}

function ourTime(db: WritableDatabase, sql: string): number {
  let best = Number.POSITIVE_INFINITY;
  for (let run = 0; run < RUNS; run++) {
    if (isChange(sql)) db.prepare('BEGIN').all();
    const start = performance.now();
    db.prepare(sql).all();
    best = Math.min(best, performance.now() - start);
    if (isChange(sql)) db.rollback();
  }
  return best;
}

const repo = await Repository.init(
  join(base, 'store'),
  {bare: true, branch: 'main'},
  {
    now: () => Date.now(),
    zone: () => 0,
    identity: () => ({name: 'a', email: 'a@b'}),
    user: 'a',
    host: 'h',
    pid: process.pid,
    command: 'bench',
  },
);
const db = writableDatabaseOf(repo);
for (const sql of SCHEMA) {
  db.prepare(sql).all();
  await db.settled();
}
const made = spawnSync('sqlite3', [join(base, 'sqlite')], {
  input: `${SCHEMA.join(';\n')};\nANALYZE;\n`,
  encoding: 'utf8',
});
if (made.stderr !== '') throw new Error(made.stderr);
const results = QUERIES.filter(sql => sql.includes(options.only)).map(sql => {
  const [ours, theirs] = [ourTime(db, sql), sqliteTime(sql)];
  return {sql, ours, theirs, ratio: Math.max(ours, LEAST_MS) / Math.max(theirs, LEAST_MS)};
});
console.log(`${rows} rows\n\n| ratio | ours | sqlite3 | query |\n|---|---|---|---|`);
for (const {sql, ours, theirs, ratio} of results.sort((a, b) => b.ratio - a.ratio)) {
  if (ratio < Number(options.least)) continue;
  console.log(`| ${ratio.toFixed(1)} | ${ours.toFixed(1)} ms | ${theirs.toFixed(1)} ms | \`${sql}\` |`);
  if (options.explain) console.log(db.prepare(sql).explain());
}
await repo.close();
rmSync(base, {recursive: true});
