/**
 * Import and export against the sqlite3 shell, in turn: medians of wall and CPU time, and peak memory.
 *
 *     node dist/test/bench/import.bench.js [--rows 1000000] [--rounds 3] [--only NAME]
 */
import {spawnSync} from 'node:child_process';
import {mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync} from 'node:fs';
import {tmpdir} from 'node:os';
import {join} from 'node:path';
import {fileURLToPath} from 'node:url';
import {parseArgs} from 'node:util';
import {randomNumbers} from './generated-tree.js';

const {values: options} = parseArgs({
  options: {rows: {type: 'string', default: '1000000'}, rounds: {type: 'string', default: '3'}, only: {type: 'string'}},
});
const rows = Number(options.rows);
const rounds = Number(options.rounds);
const root = mkdtempSync(join(tmpdir(), 'dbos-import-bench-'));
const dbos = `"${process.execPath}" "${fileURLToPath(new URL('../../bin/dbos.cjs', import.meta.url))}"`;

interface Run {
  readonly wall: number;
  readonly cpu: number;
  readonly memory: number;
}

function run(line: string, cwd: string): Run {
  spawnSync('sync');
  const report = join(root, 'report');
  const began = process.hrtime.bigint();
  const done = spawnSync('/usr/bin/time', ['-f', '%U %S %M', '-o', report, 'sh', '-c', line], {cwd, stdio: 'pipe'});
  const wall = Number(process.hrtime.bigint() - began) / 1e6;
  if (done.status !== 0) throw new Error(`${line}: ${done.stderr}`);
  const [user = 0, system = 0, memory = 0] = readFileSync(report, 'utf8').trim().split(/\s+/).map(Number);
  return {wall, cpu: (user + system) * 1000, memory: memory / 1024};
}

function writeCsv(path: string): void {
  const random = randomNumbers(7);
  const below = (limit: number) => Math.floor(random() * limit);
  const two = (n: number) => `${n}`.padStart(2, '0');
  const lines = ['id,name,city,amount,day\n'];
  for (let id = 1; id <= rows; id++) {
    const day = `2024-${two(1 + below(12))}-${two(1 + below(28))}`;
    lines.push(`${id},name ${below(100_000)},City-${below(5000)},${below(1_000_000) / 100},${day}\n`);
  }
  writeFileSync(path, lines.join(''));
}

const csv = join(root, 'big.csv');
const TABLE = 'CREATE TABLE big (id INTEGER PRIMARY KEY, name TEXT, city TEXT, amount REAL, day TEXT);';
const INDEX = 'CREATE INDEX by_city ON big (city);';
const sqlite = (sql: string, ...commands: string[]) =>
  `sqlite3 db "${sql}" ${commands.map(command => `"${command}"`).join(' ')}`;
const load = ['.mode csv', `.import --skip 1 '${csv}' big`];

interface Work {
  readonly name: string;
  /** What is there before, and what is timed, for each tool. */
  readonly sqlite: readonly [before: string, timed: string];
  readonly dbos: readonly [before: string, timed: string];
}

const filled = `${dbos} import '${csv}' --table big --key id -q`;
const WORK: readonly Work[] = [
  {
    name: 'CSV into an indexed table',
    sqlite: [sqlite(TABLE + INDEX), sqlite('', ...load)],
    dbos: [`${dbos} query "${TABLE}${INDEX}"`, `${dbos} import '${csv}' --append -q`],
  },
  {
    name: 'CSV into a table with a key',
    sqlite: [sqlite(TABLE), sqlite('', ...load)],
    dbos: [`${dbos} query "${TABLE}"`, `${dbos} import '${csv}' --append -q`],
  },
  {
    name: 'CSV into a new table, types found out',
    sqlite: [':', sqlite(TABLE, ...load)],
    dbos: [':', filled],
  },
  {
    name: 'CSV out',
    sqlite: [sqlite(TABLE, ...load), "sqlite3 -header -csv db 'SELECT * FROM big' > out.csv"],
    dbos: [filled, `${dbos} export big --output out.csv -q`],
  },
  {
    name: 'a SQLite file in (against .dump and load)',
    sqlite: [sqlite(TABLE, ...load), 'sqlite3 db .dump | sqlite3 db2'],
    dbos: [
      `cd .. && test -e whole.db || sqlite3 whole.db "${TABLE}" "${load.join('" "')}"`,
      `${dbos} import ../whole.db -q`,
    ],
  },
  {
    name: 'a SQLite file out (against .backup)',
    sqlite: [sqlite(TABLE, ...load), "sqlite3 db '.backup copy.db'"],
    dbos: [filled, `${dbos} export --all --output out.sqlite -q`],
  },
];

function median(values: readonly number[]): number {
  return [...values].sort((a, b) => a - b)[values.length >> 1] ?? 0;
}

const seconds = (milliseconds: number) => `${(milliseconds / 1000).toFixed(2)} s`;

try {
  writeCsv(csv);
  console.log('| work | sqlite3 | CPU | dbos | CPU | memory | ratio of wall | of CPU |');
  console.log('|---|---|---|---|---|---|---|---|');
  for (const [index, work] of WORK.entries()) {
    if (options.only !== undefined && !work.name.includes(options.only)) continue;
    const runs = {sqlite: [] as Run[], dbos: [] as Run[]};
    for (let round = 0; round < rounds; round++) {
      for (const tool of ['sqlite', 'dbos'] as const) {
        const folder = join(root, `${index}-${round}-${tool}`);
        mkdirSync(folder);
        if (tool === 'dbos') run(`${dbos} init -q`, folder);
        run(work[tool][0], folder);
        runs[tool].push(run(work[tool][1], folder));
        rmSync(folder, {recursive: true});
      }
    }
    const of = (tool: 'sqlite' | 'dbos', what: keyof Run) => median(runs[tool].map(each => each[what]));
    const ratio = (what: 'wall' | 'cpu') => (of('dbos', what) / of('sqlite', what)).toFixed(2);
    console.log(
      `| ${work.name} | ${seconds(of('sqlite', 'wall'))} | ${seconds(of('sqlite', 'cpu'))} | ${seconds(of('dbos', 'wall'))} | ` +
        `${seconds(of('dbos', 'cpu'))} | ${Math.round(of('dbos', 'memory'))} MB | ${ratio('wall')} | ${ratio('cpu')} |`,
    );
  }
} finally {
  rmSync(root, {recursive: true, force: true});
}
