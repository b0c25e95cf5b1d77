/** Puts a server in a process of its own under load, and says what came of it. */
import {readFileSync} from 'node:fs';
import type {ExecutionContext} from 'ava';
import {branchName, branchRef, findRef} from '../../src/repo/refs.js';
import {Repository} from '../../src/repo/repository.js';
import {fsck} from '../../src/sql/fsck.js';
import {createToken} from '../../src/sync/tokens.js';
import {runClients} from './load.js';
import {Clock, commitFiles, testContext} from './repo.js';
import {startServing} from './serving.js';
import {makeTmpDir} from './tmp.js';

export interface LoadReport {
  readonly seconds: number;
  readonly pulled: number;
  /** Answers by their status. */
  readonly statuses: Readonly<Record<number, number>>;
  /** The most memory that the server had, in MB; undefined where the system does not tell. */
  readonly megabytes: number | undefined;
  readonly wrong: readonly string[];
}

/** Has so many clients push to branches of their own, and others pull, all at once, while `beside` does something else. */
export async function loadServer(
  t: Pick<ExecutionContext, 'teardown'>,
  pushers: number,
  pullers: number,
  processes: number,
  beside: (url: string, token: string) => Promise<unknown> = async () => undefined,
): Promise<LoadReport> {
  const folder = makeTmpDir(t);
  const context = testContext(new Clock(), {lockTimeout: 30_000});
  const repo = await Repository.init(folder, {bare: true, branch: 'main'}, context);
  const text = (i: number) => Buffer.from(`line ${i} of a file\n`.repeat(3000));
  await commitFiles(repo, Object.fromEntries(Array.from({length: 100}, (_, i) => [`base${i}`, `${text(i)}`])));
  const {text: token} = await createToken(repo, {name: 'load', role: 'write'});
  await repo.close();
  const server = await startServing(t, folder, ['--port', '0']);
  const began = performance.now();
  const other = beside(server.url, token);
  const {pushed, pulled, wrong} = await runClients({url: server.url, token, pushers, pullers}, processes);
  await other;
  const seconds = (performance.now() - began) / 1000;
  const megabytes = peakOf(server.child.pid as number);
  await server.stop('SIGTERM');
  const statuses: Record<number, number> = {};
  for (const {status} of server.requests) statuses[status] = (statuses[status] ?? 0) + 1;
  const problems = [...wrong];
  const after = await Repository.open({store: folder, workTree: undefined}, context);
  if (pushed.length !== pushers) problems.push(`${pushed.length} of ${pushers} pushed`);
  for (const {branch, id} of pushed) {
    if (findRef(after.objects, after.view.refs, branchRef(branchName(branch))) !== id)
      problems.push(`${branch} is lost`);
  }
  for await (const {message} of fsck(after)) problems.push(message);
  await after.close();
  return {seconds, pulled, statuses, megabytes, wrong: problems};
}

function peakOf(pid: number): number | undefined {
  try {
    const [, kilobytes] = /^VmHWM:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8')) ?? [];
    return kilobytes === undefined ? undefined : Number(kilobytes) / 1024;
  } catch {
    return undefined;
  }
}
