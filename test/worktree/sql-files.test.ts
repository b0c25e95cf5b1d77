/** Files that are written in SQL, and the work tree that follows. */
import test from 'ava';
import fc from 'fast-check';
import type {DbosError} from '../../src/errors.js';
import {readBranch} from '../../src/repo/branches.js';
import type {Repository} from '../../src/repo/repository.js';
import {ScriptWrites, type Written} from '../../src/sql/write/script-writes.js';
import {commitWorkTree} from '../../src/worktree/commit.js';
import {publishAndFollow} from '../../src/worktree/follow.js';
import {readStatus} from '../../src/worktree/status.js';
import {switchBranch} from '../../src/worktree/switch.js';
import {compareTrees} from '../support/compare.js';
import {makeTmpDir} from '../support/tmp.js';
import {clearTree, repoWith, textOf, trees, writeTree} from './trees.js';

/** Runs a script as `dbos query` does. */
async function runScript(repo: Repository, sql: string): Promise<Written> {
  const writes = new ScriptWrites(repo, {
    publish: async (transaction, publication) => {
      return (await publishAndFollow(repo, publication, {transaction})).operation;
    },
  });
  try {
    for await (const statement of writes.database.script(sql)) statement.all();
    return await writes.publish();
  } finally {
    writes.discard();
  }
}

const COLUMNS = 'path, type, mode, uid, gid, user, "group", mtime_ns, content, target, xattrs, link';

test('law: rows that are written one by one give the tree that they are from, in the state and on disk', async t => {
  await fc.assert(
    fc.asyncProperty(trees, trees, async (a, b) => {
      const tree = {...b, 'at least': 'that'};
      const {repo, directory} = await repoWith(t, tree);
      await commitWorkTree(repo, {message: 'b'});
      const wanted = makeTmpDir(t);
      writeTree(wanted, tree);
      await switchBranch(repo, 'other', {create: true});
      clearTree(directory);
      writeTree(directory, {...a, 'at least': 'this'});
      await commitWorkTree(repo, {message: 'a'});
      await runScript(
        repo,
        `BEGIN; DELETE FROM files; INSERT INTO files(${COLUMNS}) SELECT ${COLUMNS} FROM files AS OF 'main'; COMMIT`,
      );
      t.is(repo.filesRoot(repo.head().commit), repo.filesRoot(readBranch(repo, 'main').id));
      t.deepEqual((await readStatus(repo)).changes, []);
      t.deepEqual(await compareTrees(wanted, directory), []);
      await repo.close();
    }),
    {numRuns: 12, seed: 5},
  );
});

test('a refused script leaves the files, and the store, as they were', async t => {
  const {repo, directory} = await repoWith(t, {'d/a': '1', b: '1'});
  await commitWorkTree(repo, {message: 'one'});
  writeTree(directory, {b: 'mine'});
  const {operation} = repo;
  const script =
    "CREATE TABLE t(a); UPDATE files SET path = 'e' WHERE path = 'd'; UPDATE files SET content = 2 WHERE path = 'b'";
  const error = await t.throwsAsync<DbosError>(runScript(repo, script), {code: 'WOULD_OVERWRITE'});
  t.deepEqual(error.data.paths, ['b']);
  t.is(repo.operation, operation);
  t.is(textOf(directory, 'd/a'), '1');
  t.is(textOf(directory, 'b'), 'mine');
  writeTree(directory, {b: '1'});
  const {commits} = await runScript(repo, script);
  t.is(commits.length, 3);
  t.is(textOf(directory, 'e/a'), '1');
  t.is(textOf(directory, 'b'), '2');
  t.true((await readStatus(repo)).clean);
});
