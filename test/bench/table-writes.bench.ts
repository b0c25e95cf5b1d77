/**
 * Writes into tables, and reads through their indexes, against the sqlite3 shell on the same rows of five columns; where a statement is
 * prepared once and runs many times, against the sqlite3 of Python's module, as the shell prepares each anew. Both do each
 * work in turn, in a process of its own each time, on a fresh copy of the same tables; nothing is deleted between rounds. Told are
 * medians of the time on the clock and of the CPU time, which other work on the machine changes less, and the ratio of each; the
 * peak memory of the process, and what the work has added to the disk.
 *
 *     node dist/test/bench/table-writes.bench.js [--rows N] [--rounds N] [--only TEXT] [--dir DIR]
 *
 * A work is measured within the process, without its start, sqlite3 by the shell's own timer. `--dir` keeps the folders.
 */
import {spawnSync} from 'node:child_process';
import {cpSync, createReadStream, existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync} from 'node:fs';
import {tmpdir} from 'node:os';
import {join} from 'node:path';
import {createInterface} from 'node:readline';
import {fileURLToPath} from 'node:url';
import {parseArgs} from 'node:util';
import {findStore} from '../../src/repo/location.js';
import {Repository} from '../../src/repo/repository.js';
import {writableDatabaseOf} from '../../src/sql/write/repository-writes.js';
import type {WritableDatabase} from '../../src/sql/write/writable-database.js';
import {randomNumbers} from './generated-tree.js';
import {benchRows} from './sql-data.js';

const {values: options} = parseArgs({
  options: {
    rows: {type: 'string', default: '1000000'},
    rounds: {type: 'string', default: '3'},
    only: {type: 'string'},
    dir: {type: 'string'},
    /** Does one work in this process, on a copy of the tables, and tells what it took: used by this program itself. */
    job: {type: 'string'},
    store: {type: 'string'},
  },
});
const rows = Number(options.rows);
const rounds = Number(options.rounds);
const base = options.dir ?? mkdtempSync(join(tmpdir(), 'dbos-table-writes-'));

const COLUMNS = '(id INTEGER PRIMARY KEY, path TEXT, size INT, hash TEXT, mtime REAL)';
const COPY = 'INSERT INTO t SELECT id + 1, path, size, hash, mtime FROM s';
/** `s` has all rows, with indexes; `few` a thousand. */
const TABLES = [`CREATE TABLE s ${COLUMNS}`, 'CREATE INDEX s_size ON s(size)', 'CREATE INDEX s_hash ON s(hash)'];
const FEW = [`CREATE TABLE few ${COLUMNS}`, 'INSERT INTO few SELECT * FROM s WHERE id <= 1000'];
const SINGLE = 10_000;
const UPDATES = 1000;
const READS = 20_000;

interface Work {
  readonly title: string;
  /** Not measured. */
  readonly setup: readonly string[];
  readonly ours: (db: WritableDatabase) => Promise<unknown>;
  /** The lines for the shell. */
  readonly sqlite: () => Iterable<string>;
  /** Where the shell has no such way, the peer is sqlite3 in Python's module: a program that knows `db`, a connection. */
  readonly python?: string;
  /** How many times both do the work before it is measured. */
  readonly before?: number;
  /** How many times as long as sqlite3 it may take. */
  readonly bar: number;
}

async function run(db: WritableDatabase, sql: string): Promise<void> {
  db.prepare(sql).all();
  await db.settled();
}

/** Yields numbers of rows at random, the same each time. */
function* places(count: number, of: number): Generator<number> {
  const random = randomNumbers(11);
  for (let i = 0; i < count; i++) yield 1 + Math.floor(random() * of);
}

/** Yields the rows of a CSV file in batches. */
async function* csvRows(name: string): AsyncGenerator<string[][]> {
  let batch: string[][] = [];
  for await (const line of createInterface({input: createReadStream(join(base, name))})) {
    batch.push(line.split(','));
    if (batch.length < 1024) continue;
    yield batch;
    batch = [];
  }
  yield batch;
}

function copyInto(title: string, ...indexes: string[]): Work {
  return {
    title: `INSERT … SELECT of all rows, ${title}`,
    setup: [`CREATE TABLE t ${COLUMNS}`, ...indexes],
    ours: db => run(db, COPY),
    sqlite: () => [`${COPY};`],
    bar: 1.5,
  };
}

function importInto(title: string, ...indexes: string[]): Work {
  return {
    title: `CSV of all rows, ${title}`,
    setup: [`CREATE TABLE t ${COLUMNS}`, ...indexes],
    ours: db => db.insertMany('INSERT INTO t VALUES (?, ?, ?, ?, ?)', csvRows('more.csv')),
    sqlite: () => ['.mode csv', `.import '${join(base, 'more.csv')}' t`],
    bar: 1.5,
  };
}

/** Code that runs for the first time is slow everywhere but in C. */
const BEFORE = 4;

function singleInserts(
  title: string,
  bar: number,
  before: number,
  insert: (db: WritableDatabase) => (id: number) => void,
): Work {
  // each time other rows, in both
  const turns = {ours: 0, sqlite: 0};
  const ids = (side: 'ours' | 'sqlite') => {
    const from = (turns[side]++ % (before + 1)) * SINGLE;
    return Array.from({length: SINGLE}, (_, i) => from + i + 1);
  };
  return {
    title: `${SINGLE} INSERTs of a row in one transaction, ${title}`,
    setup: [`CREATE TABLE t ${COLUMNS}`],
    before,
    ours: async db => {
      await run(db, 'BEGIN');
      const add = insert(db);
      for (const id of ids('ours')) add(id);
      await run(db, 'COMMIT');
    },
    sqlite: () => ['BEGIN;', ...ids('sqlite').map(id => `${insertOf(id)};`), 'COMMIT;'],
    bar,
  };
}

const PARSED = (db: WritableDatabase) => (id: number) => db.prepare(insertOf(id)).all();

const PREPARED = (db: WritableDatabase) => {
  const statement = db.prepare('INSERT INTO t VALUES (?, ?, ?, ?, ?)');
  return (id: number) => statement.all([id, `/srv/vol/row-${id}`, (id * 7919) % 100_003, `abcdef${id}`, id + 0.5]);
};

function insertOf(id: number): string {
  return `INSERT INTO t VALUES (${id}, '/srv/vol/row-${id}', ${(id * 7919) % 100_003}, 'abcdef${id}', ${id}.5)`;
}

function updates(title: string, table: string, count: number, before: number): Work {
  const sql = (id: number | string) => `UPDATE ${table} SET mtime = mtime + 1 WHERE id = ${id}`;
  return {
    title: `${UPDATES} durable UPDATEs of one row, each a unit, of ${title}`,
    setup: [],
    before,
    ours: async db => {
      const statement = db.prepare(sql('?'));
      for (const id of places(UPDATES, count)) {
        statement.all([id]);
        await db.settled();
      }
    },
    sqlite: () => [
      'PRAGMA journal_mode = WAL;',
      'PRAGMA synchronous = FULL;',
      ...Array.from(places(UPDATES, count), id => `${sql(id)};`),
    ],
    bar: 3,
  };
}

interface Reads {
  readonly title: string;
  readonly column: string;
  /** What is asked of the rows that are found. */
  readonly asks: string;
  readonly condition: (value: string) => string;
  readonly before: number;
}

/** Makes the table of what is asked for. */
function asked(column: string): string[] {
  return [
    'CREATE TABLE asked (v)',
    `INSERT INTO asked SELECT ${column} FROM s WHERE id % ${Math.max(1, Math.floor(rows / READS))} = 0`,
  ];
}

/** One statement in both: for each row that is asked for a way down the index. */
function joined({title, column, asks, condition, before}: Reads): Work {
  const sql = `SELECT count(*), max(${asks}) FROM asked JOIN s ON s.${column} ${condition('asked.v')}`;
  return {
    title: `${READS} reads through an index in one join, ${title}`,
    setup: asked(column),
    before,
    ours: db => run(db, sql),
    sqlite: () => [`${sql};`],
    bar: 1.5,
  };
}

/** A prepared statement in both, which runs once for each row that is asked for; sqlite3 in one transaction of Python's module. */
function prepared({title, column, asks, condition, before}: Reads): Work {
  const sql = `SELECT count(*), max(${asks}) FROM s WHERE ${column} ${condition('?1')}`;
  return {
    title: `${READS} reads through an index, prepared, ${title}`,
    setup: asked(column),
    before,
    ours: async db => {
      const statement = db.prepare(sql);
      for (const row of db.prepare('SELECT v FROM asked').all()) statement.all(row);
    },
    sqlite: () => [],
    python: `db.execute('BEGIN')
for row in db.execute('SELECT v FROM asked').fetchall(): db.execute('${sql}', row).fetchall()
db.execute('COMMIT')`,
    bar: 1.5,
  };
}

/** Reads what was never read before, and the same once more. */
function bothReads(make: (reads: Reads) => Work, reads: Omit<Reads, 'before'>): Work[] {
  return [make({...reads, before: 0}), make({...reads, title: `${reads.title}, read before`, before: BEFORE})];
}

const KEY = {title: 'a key', column: 'hash', asks: 's.id', condition: (value: string) => `= ${value}`};
const ROW = {...KEY, title: 'a row by its key', asks: 'length(s.path)'};

const SIZE = 'CREATE INDEX t_size ON t(size)';
const WORKS: readonly Work[] = [
  copyInto('no index'),
  copyInto('an index', SIZE),
  copyInto('a unique index', 'CREATE UNIQUE INDEX t_path ON t(path)'),
  importInto('no index'),
  importInto('an index', SIZE),
  singleInserts('parsed', 5, 0, PARSED),
  singleInserts('parsed, the fifth of a process', 5, BEFORE, PARSED),
  singleInserts('prepared', 3, 0, PREPARED),
  singleInserts('prepared, the fifth of a process', 3, BEFORE, PREPARED),
  updates(`${rows} rows`, 's', rows, 0),
  updates(`${rows} rows, the fifth of a process`, 's', rows, BEFORE),
  updates('1000 rows', 'few', 1000, 0),
  updates('1000 rows, the fifth of a process', 'few', 1000, BEFORE),
  ...bothReads(joined, KEY),
  ...bothReads(prepared, KEY),
  ...bothReads(joined, ROW),
  joined({
    title: 'a range',
    column: 'size',
    asks: 's.id',
    condition: value => `BETWEEN ${value} AND ${value} + 2`,
    before: 0,
  }),
];

// ---------------------------------------------------------------------------------------------------- measuring

interface Measured {
  /** Milliseconds on the clock and of CPU, megabytes of peak memory and of files that were added. */
  readonly clock: number;
  readonly cpu: number;
  readonly memory: number;
  readonly disk: number;
}

async function openStore(directory: string): Promise<{repo: Repository; db: WritableDatabase}> {
  const context = {
    now: () => Date.now(),
    zone: () => 0,
    identity: () => ({name: 'a', email: 'a@b'}),
    user: 'a',
    host: 'h',
    pid: process.pid,
    command: 'bench',
  };
  const repo = existsSync(directory)
    ? await Repository.open(findStore(directory), context)
    : await Repository.init(directory, {bare: true, branch: 'main'}, context);
  return {repo, db: writableDatabaseOf(repo)};
}

async function doJob(work: Work, directory: string): Promise<void> {
  const {repo, db} = await openStore(directory);
  for (const sql of work.setup) await run(db, sql);
  for (let i = 0; i < (work.before ?? 0); i++) await work.ours(db);
  const cpuBefore = process.cpuUsage();
  const start = performance.now();
  await work.ours(db);
  const clock = performance.now() - start;
  const {user, system} = process.cpuUsage(cpuBefore);
  await repo.close();
  const memory = process.resourceUsage().maxRSS / 1024;
  console.log(JSON.stringify({clock, cpu: (user + system) / 1000, memory}));
}

function megabytes(path: string): number {
  const {stdout} = spawnSync('du', ['-sb', path], {encoding: 'utf8'});
  return Number(stdout.split('\t')[0]) / 1e6;
}

function measureOurs(index: number, copy: string): Measured {
  cpSync(join(base, 'store'), copy, {recursive: true});
  const before = megabytes(copy);
  const args = [
    fileURLToPath(import.meta.url),
    '--job',
    `${index}`,
    '--store',
    copy,
    '--dir',
    base,
    '--rows',
    `${rows}`,
  ];
  const {NODE_EXTRA_CA_CERTS: _, ...env} = process.env;
  const done = spawnSync(process.execPath, args, {encoding: 'utf8', env});
  if (done.status !== 0) throw new Error(done.stderr);
  return {...(JSON.parse(done.stdout) as Omit<Measured, 'disk'>), disk: megabytes(copy) - before};
}

function measureSqlite({setup, sqlite, before: times = 0}: Work, copy: string): Measured {
  cpSync(join(base, 'sqlite'), copy);
  const before = megabytes(copy);
  const unmeasured = Array.from({length: times}, () => [...sqlite()]).flat();
  const lines = [...setup.map(sql => `${sql};`), ...unmeasured, '.timer on', ...sqlite(), '.timer off'];
  const report = `${copy}.time`;
  const input = `${lines.join('\n')}\n`;
  const start = performance.now();
  const done = spawnSync('/usr/bin/time', ['-f', '%M %U %S', '-o', report, 'sqlite3', copy], {
    input,
    encoding: 'utf8',
    maxBuffer: 2 ** 30,
  });
  const whole = performance.now() - start;
  if (done.status !== 0 || done.stderr !== '') throw new Error(done.stderr);
  const [memory = 0, user = 0, system = 0] = spawnSync('cat', [report], {encoding: 'utf8'})
    .stdout.split(' ')
    .map(Number);
  let clock = 0;
  let cpu = 0;
  for (const [, real, own, kernel] of done.stdout.matchAll(/real ([\d.]+) user ([\d.]+) sys ([\d.]+)/g)) {
    clock += Number(real) * 1000;
    cpu += (Number(own) + Number(kernel)) * 1000;
  }
  // the timer knows statements only, not `.import`: there the whole process counts
  const timed = clock > 0;
  return {
    clock: timed ? clock : whole,
    cpu: timed ? cpu : (user + system) * 1000,
    memory: memory / 1024,
    disk: megabytes(copy) - before,
  };
}

/** A program for Python's sqlite3, which tells its own times. */
function measurePython({setup, python = '', before: times = 0}: Work, copy: string): Measured {
  cpSync(join(base, 'sqlite'), copy);
  const before = megabytes(copy);
  const program = `import json, resource, sqlite3, sys, time
db = sqlite3.connect(sys.argv[1], isolation_level=None)
for sql in json.loads(sys.argv[2]): db.execute(sql).fetchall()
${`${python}\n`.repeat(times)}cpu, clock = time.process_time(), time.perf_counter()
${python}
clock, cpu = time.perf_counter() - clock, time.process_time() - cpu
print(json.dumps({'clock': clock * 1000, 'cpu': cpu * 1000, 'memory': resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024}))`;
  const done = spawnSync('python3', ['-c', program, copy, JSON.stringify(setup)], {encoding: 'utf8'});
  if (done.status !== 0) throw new Error(done.stderr);
  return {...(JSON.parse(done.stdout) as Omit<Measured, 'disk'>), disk: megabytes(copy) - before};
}

function median(numbers: readonly number[]): number {
  const sorted = [...numbers].sort((a, b) => a - b);
  return sorted[sorted.length >> 1] as number;
}

function compare(index: number, work: Work): void {
  const ours: Measured[] = [];
  const theirs: Measured[] = [];
  for (let round = 0; round < rounds; round++) {
    ours.push(measureOurs(index, join(base, `ours-${index}-${round}`)));
    theirs.push((work.python ? measurePython : measureSqlite)(work, join(base, `sqlite-${index}-${round}`)));
  }
  const of = (runs: readonly Measured[], what: keyof Measured) => median(runs.map(each => each[what]));
  const shown = (runs: readonly Measured[]) =>
    `${of(runs, 'clock').toFixed(0)} ms, CPU ${of(runs, 'cpu').toFixed(0)} ms, ${of(runs, 'memory').toFixed(0)} MB, +${of(runs, 'disk').toFixed(1)} MB`;
  const ratio = (what: keyof Measured) => (of(ours, what) / of(theirs, what)).toFixed(2);
  console.log(
    `| ${work.title} | ${shown(theirs)} | ${shown(ours)} | ${ratio('clock')} | ${ratio('cpu')} | ${work.bar} |`,
  );
}

async function writeTables(): Promise<void> {
  if (existsSync(join(base, 'rows.csv'))) return;
  // other rows than those of `s`, which the store would not keep twice
  for (const [name, shift] of [
    ['rows.csv', 0],
    ['more.csv', 1],
  ] as const) {
    const lines: string[] = [];
    for (const {id, path, size, hash, mtime} of benchRows(rows, 1))
      lines.push(`${id + shift},${path},${size},${hash},${mtime}\n`);
    writeFileSync(join(base, name), lines.join(''));
  }
  const {repo, db} = await openStore(join(base, 'store'));
  for (const sql of TABLES) await run(db, sql);
  await db.insertMany('INSERT INTO s VALUES (?, ?, ?, ?, ?)', csvRows('rows.csv'));
  for (const sql of FEW) await run(db, sql);
  await repo.close();
  const input = [
    ...TABLES.map(sql => `${sql};`),
    '.mode csv',
    `.import '${join(base, 'rows.csv')}' s`,
    ...FEW.map(sql => `${sql};`),
  ];
  const done = spawnSync('sqlite3', [join(base, 'sqlite')], {input: `${input.join('\n')}\n`, encoding: 'utf8'});
  if (done.stderr !== '') throw new Error(done.stderr);
  console.log(
    `tables with two indexes: sqlite3 ${megabytes(join(base, 'sqlite')).toFixed(1)} MB, ours ${megabytes(join(base, 'store')).toFixed(1)} MB`,
  );
}

if (options.job !== undefined) {
  await doJob(WORKS[Number(options.job)] as Work, options.store as string);
} else {
  mkdirSync(base, {recursive: true});
  await writeTables();
  console.log('| work | sqlite3 | ours | ratio of time | of CPU | bar |');
  for (const [index, work] of WORKS.entries()) {
    if (options.only === undefined || work.title.includes(options.only)) compare(index, work);
  }
  if (options.dir === undefined) rmSync(base, {recursive: true});
}
