/** Bare stores side by side for tests of transfers, each open, with peers that are called directly. */
import type {ExecutionContext} from 'ava';
import {isDbosError} from '../../src/errors.js';
import type {RemoteName} from '../../src/repo/refs.js';
import {Repository} from '../../src/repo/repository.js';
import {fsck} from '../../src/sql/fsck.js';
import {ScriptWrites} from '../../src/sql/write/script-writes.js';
import {Clock, testContext} from './repo.js';
import {makeTmpDir} from './tmp.js';

export const ORIGIN = 'origin' as RemoteName;

/** Returns a new, open, bare store with the branch main. */
export async function bareStore(t: ExecutionContext, clock = new Clock()): Promise<Repository> {
  const repo = await Repository.init(makeTmpDir(t), {bare: true, branch: 'main'}, testContext(clock));
  t.teardown(() => repo.close());
  return repo;
}

/** Runs statements of SQL, each as a commit. */
export async function sql(repo: Repository, ...statements: string[]): Promise<void> {
  for (const text of statements) {
    const writes = new ScriptWrites(repo, {sql: text});
    for await (const statement of writes.database.script(text)) for (const _batch of statement.batches());
    await writes.publish();
  }
}

/** Throws with what is wrong unless a store is sound. */
export async function mustBeSound(repo: Repository): Promise<void> {
  for await (const problem of fsck(repo)) throw new Error(problem.message);
}

/** Looks into a bare store that others may have open for a while, as a command on its machine would. */
export async function look<T>(folder: string, work: (repo: Repository) => T | Promise<T>): Promise<T> {
  const context = testContext(new Clock(), {lockTimeout: 20_000});
  const repo = await Repository.open({store: folder, workTree: undefined}, context);
  try {
    return await work(repo);
  } finally {
    await repo.close();
  }
}

/** Returns the code of the error that work fails with, or `none`; throws what is not ours. */
export async function codeOf(work: Promise<unknown>): Promise<string> {
  try {
    await work;
    return 'none';
  } catch (error) {
    if (isDbosError(error)) return error.code;
    throw error;
  }
}
