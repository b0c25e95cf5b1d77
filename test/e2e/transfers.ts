/**
 * Many processes that move amounts between accounts and write into files, some of them killed in between: what was said to be
 * committed is there, once; what is in the table is in the files; no amount comes or goes; the store is sound.
 */
import {type ChildProcess, spawn} from 'node:child_process';
import {once} from 'node:events';
import {fileURLToPath} from 'node:url';
import type {RepoContext} from '../../src/repo/context.js';
import type {StoreLocation} from '../../src/repo/location.js';
import {Repository} from '../../src/repo/repository.js';
import {fsck} from '../../src/sql/fsck.js';
import '../../src/sql/repository-query.js';
import '../../src/worktree/transact.js';

export const ACCOUNTS = 100;

const CHILD = fileURLToPath(new URL('./transfers-child.js', import.meta.url));

export interface Transfers {
  readonly processes: number;
  /** Of each process. */
  readonly transactions: number;
  readonly kills: number;
}

export interface Report {
  readonly seconds: number;
  readonly acknowledged: number;
  /** What is not as it should be. */
  readonly wrong: readonly string[];
}

export function storeLocation(directory: string): StoreLocation {
  return {store: directory, workTree: undefined};
}

export function storeContext(): RepoContext {
  return {
    now: Date.now,
    zone: () => 0,
    identity: () => ({name: 'Ada', email: ''}),
    fileOwner: () => ({uid: 0, gid: 0, user: 'root', group: 'root'}),
    user: 'ada',
    host: 'engine',
    pid: process.pid,
    command: 'transfers',
    lockTimeout: 120_000,
  };
}

async function* linesOf(child: ChildProcess): AsyncGenerator<string> {
  let rest = '';
  for await (const part of child.stdout ?? []) {
    const lines = `${rest}${part}`.split('\n');
    rest = lines.pop() ?? '';
    yield* lines;
  }
}

/** Runs it in a new store in `directory`. */
export async function runTransfers(directory: string, {processes, transactions, kills}: Transfers): Promise<Report> {
  const made = await Repository.init(directory, {bare: true, branch: 'main'}, storeContext());
  await made.transact(async tx => {
    await tx.execute('CREATE TABLE accounts(id INTEGER PRIMARY KEY, amount INTEGER NOT NULL)');
    await tx.execute('CREATE TABLE moves(token TEXT PRIMARY KEY)');
    for (let id = 0; id < ACCOUNTS; id++) await tx.execute('INSERT INTO accounts VALUES (?, 1000)', [id]);
  });
  await made.close();

  const running = new Set<ChildProcess>();
  const acknowledged: string[] = [];
  const failures: string[] = [];
  const start = performance.now();
  let left = kills;
  const killing = setInterval(() => {
    const victims = [...running];
    if (left === 0 || victims.length === 0) return;
    left--;
    victims[Math.floor(Math.random() * victims.length)]?.kill('SIGKILL');
  }, 300);
  const work = async (name: string) => {
    let done = 0;
    while (done < transactions) {
      const child = spawn(process.execPath, [CHILD, directory, name, `${done}`, `${transactions}`], {
        stdio: ['ignore', 'pipe', 'pipe'],
      });
      running.add(child);
      let errors = '';
      child.stderr?.on('data', part => {
        errors += part;
      });
      const ended = once(child, 'close') as Promise<[number | null]>;
      for await (const token of linesOf(child)) {
        acknowledged.push(token);
        done++;
      }
      const [status] = await ended;
      running.delete(child);
      if (status !== null && status !== 0) {
        failures.push(errors);
        return;
      }
    }
  };
  await Promise.all(Array.from({length: processes}, (_, i) => work(`p${i}`)));
  clearInterval(killing);
  const seconds = (performance.now() - start) / 1000;
  return {
    seconds,
    acknowledged: acknowledged.length,
    wrong: [...failures, ...(await whatIsWrong(directory, acknowledged))],
  };
}

async function whatIsWrong(directory: string, acknowledged: readonly string[]): Promise<string[]> {
  const wrong: string[] = [];
  const repo = await Repository.open(storeLocation(directory), storeContext());
  try {
    const all = async (sql: string) => {
      const rows: unknown[] = [];
      for await (const row of repo.query(sql)) rows.push(...Object.values(row));
      return rows;
    };
    const [sum] = await all('SELECT sum(amount) FROM accounts');
    if (sum !== ACCOUNTS * 1000) wrong.push(`the sum is ${sum}`);
    const moves = (await all('SELECT token FROM moves ORDER BY 1')) as string[];
    const there = new Set(moves);
    for (const token of acknowledged) if (!there.has(token)) wrong.push(`${token} is lost`);
    const written = (await all('SELECT content FROM files')).flatMap(text => `${text}`.trimEnd().split('\n'));
    if (written.sort().join() !== moves.sort().join()) wrong.push('the files have other moves than the table');
    for await (const {message} of fsck(repo)) wrong.push(message);
  } finally {
    await repo.close();
  }
  return wrong;
}
