/**
 * Queries on a table of 1,000,000 rows against the sqlite3 shell on the same rows. Engine times are warm and without the
 * start of a process: ours in this process, sqlite3's by its own timer, in alternating rounds, medians. Whole processes and
 * peak memory are measured for the command line, each run in a process of its own.
 *
 *     node dist/test/bench/sql.bench.js [--rows N] [--rounds N] [--only TEXT] [--dir DIR]
 *
 * `--dir` keeps the data there for the next time.
 */
import {spawnSync} from 'node:child_process';
import {existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync} from 'node:fs';
import {tmpdir} from 'node:os';
import {join} from 'node:path';
import {fileURLToPath} from 'node:url';
import {parseArgs} from 'node:util';
import {findStore} from '../../src/repo/location.js';
import {Repository} from '../../src/repo/repository.js';
import type {Database} from '../../src/sql/query.js';
import {databaseOf} from '../../src/sql/repository-query.js';
import {randomNumbers} from './generated-tree.js';
import {sqlitePath, storePath, writeSqlite, writeStore} from './sql-data.js';

const {values: options} = parseArgs({
  options: {
    rows: {type: 'string', default: '1000000'},
    rounds: {type: 'string', default: '5'},
    only: {type: 'string'},
    dir: {type: 'string'},
    /** Runs one query in this process and tells its time and peak memory: used by this program itself. */
    job: {type: 'string'},
  },
});
const rows = Number(options.rows);
const rounds = Number(options.rounds);
const DBOS = fileURLToPath(new URL('../../bin/dbos.cjs', import.meta.url));

const context = {
  now: () => Date.now(),
  zone: () => 0,
  identity: () => ({name: 'a', email: 'a@b'}),
  user: 'a',
  host: 'h',
  pid: process.pid,
  command: 'bench',
};

interface Work {
  readonly title: string;
  readonly sql: string;
  /** The same for sqlite3; undefined where it is the same text, null where sqlite3 has nothing like it. */
  readonly sqlite?: string | null;
  /** What the time may be: a ratio to sqlite3, or milliseconds. */
  readonly bar: number;
  readonly unit: '×' | 'ms';
}

// HEAD is v3; sqlite3 has v2 as `t`, which differs from it by a row
const WORKS: readonly Work[] = [
  {title: 'count(*)', sql: 'SELECT count(*) FROM t', bar: 0.5, unit: '×'},
  {title: 'count(*) WHERE', sql: 'SELECT count(*) FROM t WHERE size > 1000', bar: 0.5, unit: '×'},
  {title: 'sum', sql: 'SELECT sum(size) FROM t', bar: 0.5, unit: '×'},
  {title: 'sum of REAL', sql: 'SELECT sum(mtime) FROM t', bar: 0.5, unit: '×'},
  {title: 'LIKE scan', sql: "SELECT count(*) FROM t WHERE path LIKE '%sync%'", bar: 0.5, unit: '×'},
  {
    title: 'GROUP BY 1,000 integers',
    sql: 'SELECT size % 1000, count(*), sum(size) FROM t GROUP BY size % 1000',
    bar: 0.5,
    unit: '×',
  },
  {
    title: 'GROUP BY 1,000 texts',
    sql: 'SELECT substr(path, 10, 5), count(*), sum(size) FROM t GROUP BY substr(path, 10, 5)',
    bar: 0.5,
    unit: '×',
  },
  {
    title: 'ORDER BY LIMIT 10',
    sql: 'SELECT id, path, size FROM t ORDER BY size DESC, id LIMIT 10',
    bar: 0.5,
    unit: '×',
  },
  {title: 'ORDER BY text LIMIT 10', sql: 'SELECT id, path FROM t ORDER BY hash LIMIT 10', bar: 0.5, unit: '×'},
  {
    title: 'join of two versions, rows that differ',
    sql: "SELECT a.id, a.size, b.size FROM t AS OF 'v2' AS a JOIN t AS OF 'v1' AS b ON a.id = b.id WHERE a.size <> b.size OR a.mtime <> b.mtime",
    sqlite:
      'SELECT a.id, a.size, b.size FROM t AS a JOIN v1 AS b ON a.id = b.id WHERE a.size <> b.size OR a.mtime <> b.mtime',
    bar: 1,
    unit: '×',
  },
  {title: 'diff(), 1 row', sql: "SELECT * FROM diff('t', 'v2', 'v3')", sqlite: null, bar: 5, unit: 'ms'},
  {
    title: 'diff(), 1,000 rows',
    sql: "SELECT * FROM diff('t', 'v1', 'v2')",
    sqlite: null,
    bar: Number.POSITIVE_INFINITY,
    unit: 'ms',
  },
  {
    title: 'hash join without index',
    sql: "SELECT count(*), sum(a.size) FROM t AS OF 'v2' AS a JOIN t AS OF 'v1' AS b ON a.hash = b.hash",
    sqlite: 'SELECT count(*), sum(a.size) FROM t AS a JOIN v1 AS b ON a.hash = b.hash',
    bar: 1.5,
    unit: '×',
  },
];

function median(numbers: readonly number[]): number {
  const sorted = [...numbers].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  const upper = sorted[middle] as number;
  return sorted.length % 2 === 1 ? upper : ((sorted[middle - 1] as number) + upper) / 2;
}

async function open(base: string): Promise<{repo: Repository; database: Database}> {
  const repo = await Repository.open(findStore(storePath(base)), context);
  return {repo, database: databaseOf(repo)};
}

/** Runs a query to its end and returns how many rows it had. */
async function drain(database: Database, sql: string): Promise<number> {
  let count = 0;
  for (const batch of (await database.statement(sql)).batches()) count += batch.length;
  return count;
}

/** Returns the milliseconds of some runs of a query in one process of sqlite3, without the first. */
function timeSqlite(base: string, sql: string, runs: number): number[] {
  const input = `.output /dev/null\n.timer on\n${`${sql};\n`.repeat(runs + 1)}`;
  const done = spawnSync('sqlite3', [sqlitePath(base)], {input, encoding: 'utf8', maxBuffer: 2 ** 30});
  if (done.stderr !== '') throw new Error(done.stderr);
  const times = [...done.stdout.matchAll(/Run Time: real ([\d.]+)/g)].map(([, seconds]) => Number(seconds) * 1000);
  if (times.length !== runs + 1) throw new Error(`${times.length} times instead of ${runs + 1}: ${done.stdout}`);
  return times.slice(1);
}

function verdict(value: number, bar: number): string {
  return value <= bar ? '' : '  OVER';
}

function line(title: string, ours: string, theirs: string, measure: string, bar: string): void {
  console.log(`| ${title} | ${ours} | ${theirs} | ${measure} | ${bar} |`);
}

async function compareWarm(base: string, database: Database, work: Work): Promise<void> {
  const ours: number[] = [];
  const theirs: number[] = [];
  let count = 0;
  for (let round = 0; round <= rounds; round++) {
    for (let i = 0; i < 2; i++) {
      const start = performance.now();
      count = await drain(database, work.sql);
      // the first round warms up
      if (round > 0) ours.push(performance.now() - start);
    }
    if (work.sqlite !== null && round > 0) theirs.push(...timeSqlite(base, work.sqlite ?? work.sql, 1));
  }
  const time = median(ours);
  const title = `${work.title} (${count} rows)`;
  if (work.sqlite === null) {
    line(title, `${time.toFixed(2)} ms`, '', `${time.toFixed(2)} ms${verdict(time, work.bar)}`, `${work.bar} ms`);
    return;
  }
  const other = median(theirs);
  const ratio = time / other;
  line(
    title,
    `${time.toFixed(1)} ms`,
    `${other.toFixed(1)} ms`,
    `${ratio.toFixed(2)}${verdict(ratio, work.bar)}`,
    `${work.bar} ×`,
  );
}

function pointLookups(database: Database): void {
  const statement = database.prepare('SELECT * FROM t WHERE id = ?');
  const random = randomNumbers(3);
  const lookups = 20_000;
  const times: number[] = [];
  for (let round = 0; round <= rounds; round++) {
    const keys = Array.from({length: lookups}, () => 1 + Math.floor(random() * rows));
    const start = performance.now();
    for (const key of keys) if (statement.get([key]) === undefined) throw new Error(`row ${key} is missing`);
    if (round > 0) times.push(((performance.now() - start) / lookups) * 1000);
  }
  const time = median(times);
  line(
    'point lookup, prepared, any of all keys',
    `${time.toFixed(1)} µs`,
    '',
    `${time.toFixed(1)} µs${verdict(time, 20)}`,
    '20 µs',
  );
}

interface Whole {
  readonly seconds: number;
  /** Peak memory in MB. */
  readonly memory: number;
}

/** Runs a shell line and returns its wall time and peak memory. */
function runWhole(base: string, command: string): Whole {
  const report = join(base, 'time');
  const start = performance.now();
  const done = spawnSync('/usr/bin/time', ['-f', '%M', '-o', report, 'sh', '-c', command], {encoding: 'utf8'});
  const seconds = (performance.now() - start) / 1000;
  if (done.status !== 0) throw new Error(`${command}: ${done.stderr}`);
  return {seconds, memory: Number(readFileSync(report, 'utf8').trim()) / 1024};
}

function compareWhole(base: string, title: string, ours: string, theirs: string | undefined, bar: number): void {
  const mine: Whole[] = [];
  const other: Whole[] = [];
  for (let round = 0; round < rounds; round++) {
    mine.push(runWhole(base, ours));
    if (theirs !== undefined) other.push(runWhole(base, theirs));
  }
  const time = median(mine.map(run => run.seconds));
  const memory = Math.max(...mine.map(run => run.memory));
  const shown = `${time.toFixed(2)} s, ${memory.toFixed(0)} MB${verdict(memory, 500)}`;
  if (theirs === undefined) {
    line(title, shown, '', '', '500 MB');
    return;
  }
  const sqlite = median(other.map(run => run.seconds));
  const ratio = time / sqlite;
  line(title, shown, `${sqlite.toFixed(2)} s`, `${ratio.toFixed(2)}${verdict(ratio, bar)}`, `${bar} ×, 500 MB`);
}

function wholeProcesses(base: string): void {
  const dbos = `"${process.execPath}" "${DBOS}" -C "${storePath(base)}" query`;
  const like = "SELECT count(*) FROM t WHERE path LIKE '%sync%'";
  const wanted = (title: string) => options.only === undefined || title.includes(options.only);
  const compare = (title: string, ours: string, theirs: string | undefined, bar: number) => {
    if (wanted(title)) compareWhole(base, title, ours, theirs, bar);
  };
  compare('process: count(*) WHERE LIKE, cold', `${dbos} "${like}"`, `sqlite3 "${sqlitePath(base)}" "${like}"`, 3);
  compare(
    'process: all rows to ndjson',
    `${dbos} --format ndjson "SELECT * FROM t" > /dev/null`,
    `sqlite3 -json "${sqlitePath(base)}" "SELECT * FROM t" > /dev/null`,
    1,
  );
  for (const {title, sql} of WORKS) {
    compare(`process: ${title}`, `${dbos} "${sql.replaceAll('"', '\\"')}" > /dev/null`, undefined, 0);
  }
}

async function main(): Promise<void> {
  const base = options.dir ?? mkdtempSync(join(tmpdir(), 'dbos-sql-'));
  mkdirSync(base, {recursive: true});
  try {
    if (!existsSync(sqlitePath(base))) {
      console.error(`writing ${rows} rows`);
      // in a process of its own, so that its memory does not count
      const self = spawnSync(
        process.execPath,
        [fileURLToPath(import.meta.url), '--job', 'write', '--rows', `${rows}`, '--dir', base],
        {
          stdio: 'inherit',
        },
      );
      if (self.status !== 0) throw new Error('the data could not be written');
    }
    console.log(`${rows} rows, medians of ${rounds} rounds\n`);
    line('query', 'dbos', 'sqlite3', 'measured', 'bar');
    line('---', '---', '---', '---', '---');
    const {repo, database} = await open(base);
    for (const work of WORKS) {
      if (options.only === undefined || work.title.includes(options.only)) await compareWarm(base, database, work);
    }
    if (options.only === undefined || 'point lookup'.includes(options.only)) pointLookups(database);
    await repo.close();
    wholeProcesses(base);
  } finally {
    if (options.dir === undefined) rmSync(base, {recursive: true, force: true});
  }
}

if (options.job === 'write') {
  const base = options.dir as string;
  await writeStore(storePath(base), rows, context);
  writeSqlite(sqlitePath(base), rows);
} else await main();
