/**
 * Measures transactions; run with `node dist/test/bench/transactions.bench.js [rounds]`. Prints medians in milliseconds and rates:
 * one row committed in a running process, the same by processes that compete for the store, and begin and commit by command
 * against an empty Node process, the two taken in turn.
 */
import {spawn, spawnSync} from 'node:child_process';
import {once} from 'node:events';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import {fileURLToPath} from 'node:url';
import {Repository} from '../../src/repo/repository.js';
import {writableDatabaseOf} from '../../src/sql/write/repository-writes.js';
import '../../src/worktree/transact.js';
import {storeContext, storeLocation} from '../e2e/transfers.js';
import {environment, PROGRAM} from '../support/dbos.js';

const ROWS = 10_000;
const SELF = fileURLToPath(import.meta.url);

const median = (times: readonly number[]) => times.toSorted((a, b) => a - b)[times.length >> 1] as number;

function report(what: string, times: readonly number[], note = ''): void {
  console.log(`${what.padEnd(58)}${median(times).toFixed(2).padStart(9)} ms  ${note}`.trimEnd());
}

async function makeStore(directory: string): Promise<void> {
  const repo = await Repository.init(directory, {bare: true, branch: 'main'}, storeContext());
  await repo.transact(async tx => {
    await tx.execute('CREATE TABLE t(id INTEGER PRIMARY KEY, x INTEGER)');
    await tx.execute(`INSERT INTO t SELECT value, 0 FROM generate_series(1, ${ROWS})`);
  });
  await repo.close();
}

/** Commits rows one by one, each by `commit`, and tells how long each took. */
async function commits(what: string, count: number, commit: (id: number) => Promise<unknown>): Promise<void> {
  const times: number[] = [];
  const start = performance.now();
  for (let i = 0; i < count; i++) {
    const begin = performance.now();
    await commit(1 + ((i * 7919) % ROWS));
    times.push(performance.now() - begin);
  }
  const rate = (count * 1000) / (performance.now() - start);
  report(what, times, `${rate.toFixed(0)}/s`);
}

async function inOneProcess(directory: string, count: number): Promise<void> {
  await makeStore(directory);
  const repo = await Repository.open(storeLocation(directory), storeContext());
  const database = writableDatabaseOf(repo);
  const statement = database.prepare('UPDATE t SET x = x + 1 WHERE id = ?', [0]);
  await commits('one row, a prepared statement', count, async id => {
    statement.all([id]);
    await database.settled();
  });
  await commits('one row, repo.transact()', count, id =>
    repo.transact(tx => tx.execute('UPDATE t SET x = x + 1 WHERE id = ?', [id])),
  );
  await repo.close();
}

/** What a competing process does: opens the store for a burst of transactions, and lets go of it. */
async function compete(directory: string, count: number, burst: number): Promise<void> {
  for (let left = count; left > 0; ) {
    const repo = await Repository.open(storeLocation(directory), storeContext());
    const end = performance.now() + burst;
    do {
      const id = 1 + Math.floor(Math.random() * ROWS);
      await repo.transact(tx => tx.execute('UPDATE t SET x = x + 1 WHERE id = ?', [id]));
      left--;
    } while (left > 0 && performance.now() < end);
    await repo.close();
  }
}

/** `burst`: how long each keeps the store open, in milliseconds. */
async function competing(directory: string, processes: number, count: number, burst: number): Promise<void> {
  await makeStore(directory);
  const children = Array.from({length: processes}, () =>
    spawn(process.execPath, [SELF, 'compete', directory, `${count}`, `${burst}`], {
      stdio: ['ignore', 'inherit', 'inherit'],
    }),
  );
  const start = performance.now();
  await Promise.all(children.map(child => once(child, 'close')));
  const seconds = (performance.now() - start) / 1000;
  const rate = (processes * count) / seconds;
  const what = burst === 0 ? 'opening for each' : `in bursts of ${burst} ms`;
  console.log(
    `${`${processes} processes, ${count} each, ${what}`.padEnd(58)}${seconds.toFixed(1).padStart(9)} s   ${rate.toFixed(0)}/s`,
  );
}

function byCommand(directory: string, rounds: number): void {
  fs.mkdirSync(directory);
  const timed = (args: readonly string[]) => {
    const begin = performance.now();
    const {stdout, status} = spawnSync(process.execPath, args, {cwd: directory, env: environment(), encoding: 'utf8'});
    if (status !== 0) throw new Error(`${args.join(' ')} failed`);
    return {time: performance.now() - begin, stdout};
  };
  timed([PROGRAM, 'init', '--quiet']);
  timed([PROGRAM, 'query', 'CREATE TABLE t(id INTEGER PRIMARY KEY, x); INSERT INTO t VALUES (1, 1)']);
  const [empty, begin, commit]: [number[], number[], number[]] = [[], [], []];
  for (let i = 0; i < rounds; i++) {
    empty.push(timed(['-e', '0']).time);
    const began = timed([PROGRAM, 'begin', '--json']);
    begin.push(began.time);
    const {id} = JSON.parse(began.stdout) as {id: string};
    timed([PROGRAM, 'query', '--txn', id, 'UPDATE t SET x = x + 1']);
    empty.push(timed(['-e', '0']).time);
    commit.push(timed([PROGRAM, 'commit', '--txn', id]).time);
  }
  const times = (of: readonly number[]) => `${(median(of) / median(empty)).toFixed(2)} × node -e 0`;
  report('node -e 0', empty);
  report('dbos begin', begin, times(begin));
  report('dbos commit', commit, times(commit));
}

const [mode, directory = '', count = '0', burst = '0'] = process.argv.slice(2);
if (mode === 'compete') await compete(directory, Number(count), Number(burst));
else {
  const rounds = Number(mode ?? 20);
  const root = fs.mkdtempSync(path.join(os.tmpdir(), 'dbos-bench-'));
  await inOneProcess(path.join(root, 'one'), rounds * 25);
  await competing(path.join(root, 'many'), 8, rounds * 5, 0);
  await competing(path.join(root, 'bursts'), 8, rounds * 20, 50);
  byCommand(path.join(root, 'work'), rounds);
  fs.rmSync(root, {recursive: true});
}
