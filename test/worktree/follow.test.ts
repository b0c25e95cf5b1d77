import fs from 'node:fs';
import path from 'node:path';
import test from 'ava';
import type {DbosError} from '../../src/errors.js';
import type {ObjectId} from '../../src/objects/id.js';
import {createBranch} from '../../src/repo/branches.js';
import {writeCommit} from '../../src/repo/commit.js';
import {headEdit} from '../../src/repo/headmove.js';
import {branchName, branchRef} from '../../src/repo/refs.js';
import {Repository} from '../../src/repo/repository.js';
import type {Publication, Transaction} from '../../src/repo/transaction.js';
import {planUndo} from '../../src/repo/undo.js';
import {bringBack} from '../../src/worktree/bringback.js';
import {commitWorkTree} from '../../src/worktree/commit.js';
import {publishAndFollow} from '../../src/worktree/follow.js';
import {readStatus} from '../../src/worktree/status.js';
import {Clock, commitContent, type Files, START, testContext, writeFiles} from '../support/repo.js';
import {makeTmpDir} from '../support/tmp.js';
import {repoWith, textOf, writeTree} from './trees.js';

/** A commit of these files on top of HEAD, staged. */
function stage(repo: Repository, files: Files): {transaction: Transaction; commit: ObjectId} {
  const transaction = repo.begin();
  const {commit} = repo.head();
  const state = writeFiles(transaction.objects, files);
  const content = commitContent(state, commit === undefined ? [] : [commit], 'staged', START);
  return {transaction, commit: writeCommit(transaction.objects, content)};
}

function moving(repo: Repository, commit: ObjectId): Publication {
  return {kind: 'normal', description: 'staged', ...headEdit(repo.head(), commit)};
}

async function isClean(repo: Repository): Promise<boolean> {
  return (await readStatus(repo)).clean;
}

test('the files of a staged commit are written, and the stat cache knows them', async t => {
  const {repo, directory} = await repoWith(t, {});
  const {transaction, commit} = stage(repo, {a: '1', 'd/b': '2', 'd/gone': '3'});
  const {written} = await publishAndFollow(repo, moving(repo, commit), {transaction});
  t.is(written, 4);
  t.is(repo.head().commit, commit);
  t.is(textOf(directory, 'd/b'), '2');
  t.true(await isClean(repo));
  writeTree(directory, {mine: 'untracked'});
  const next = stage(repo, {a: '1', 'd/b': 'two', e: '4'});
  const moved = await publishAndFollow(repo, moving(repo, next.commit), {transaction: next.transaction});
  t.deepEqual([moved.written, moved.removed], [2, 1]);
  t.is(textOf(directory, 'd/b'), 'two');
  t.false(fs.existsSync(path.join(directory, 'd/gone')));
  t.deepEqual(
    (await readStatus(repo)).changes.map(change => change.path),
    ['mine'],
  );
  await bringBack(repo, planUndo(repo));
  t.is(textOf(directory, 'd/b'), '2');
});

test('a path that is changed on disk refuses the operation before anything moves', async t => {
  const {repo, directory} = await repoWith(t, {});
  const first = stage(repo, {a: '1', b: '1', c: '1'});
  await publishAndFollow(repo, moving(repo, first.commit), {transaction: first.transaction});
  writeTree(directory, {b: 'mine', c: 'mine', 'd/new': 'mine'});
  const {operation} = repo;
  const {transaction, commit} = stage(repo, {a: '2', b: '2', c: '1', 'd/new': '2'});
  const publication = moving(repo, commit);
  const error = await t.throwsAsync<DbosError>(publishAndFollow(repo, publication, {transaction}), {
    code: 'WOULD_OVERWRITE',
  });
  t.deepEqual(error.data.paths, ['b', 'd/new']);
  t.is(repo.operation, operation);
  t.is(textOf(directory, 'a'), '1');
  t.false(fs.existsSync(path.join(directory, '.dbos/checkout.json')));
  // the transaction goes on
  writeTree(directory, {b: '1', 'd/new': '2'});
  await publishAndFollow(repo, publication, {transaction});
  t.deepEqual([textOf(directory, 'a'), textOf(directory, 'b'), textOf(directory, 'c')], ['2', '2', 'mine']);
});

test('with force what is changed on disk is saved first', async t => {
  const {repo, directory} = await repoWith(t, {a: '1'});
  await commitWorkTree(repo, {message: 'one'});
  writeTree(directory, {a: 'mine'});
  const {transaction, commit} = stage(repo, {a: '2'});
  const {saved} = await publishAndFollow(repo, moving(repo, commit), {transaction, force: true});
  t.deepEqual(saved?.paths, ['a']);
  t.is(repo.head().commit, commit);
  t.is(textOf(directory, 'a'), '2');
  await bringBack(repo, planUndo(repo));
  t.is(textOf(directory, 'a'), 'mine');
});

test('nothing is looked at where the files of HEAD stay as they are', async t => {
  const {repo, directory} = await repoWith(t, {});
  const first = stage(repo, {a: '1'});
  await publishAndFollow(repo, moving(repo, first.commit), {transaction: first.transaction});
  await createBranch(repo, 'other', first.commit);
  const cache = path.join(directory, '.dbos/statcache');
  fs.rmSync(cache);
  writeTree(directory, {a: 'mine'});
  const same = stage(repo, {a: '1'});
  await publishAndFollow(repo, moving(repo, same.commit), {transaction: same.transaction});
  t.is(repo.head().commit, same.commit);
  const {transaction, commit} = stage(repo, {a: '2'});
  const name = branchRef(branchName('other'));
  const refs = [{name, expected: {kind: 'equals', id: first.commit}, next: commit}] as const;
  await publishAndFollow(repo, {kind: 'normal', refs}, {transaction});
  t.is(textOf(directory, 'a'), 'mine');
  t.false(fs.existsSync(cache));
});

test('a bare store has no files to move', async t => {
  const directory = makeTmpDir(t);
  const repo = await Repository.init(directory, {bare: true}, testContext(new Clock()));
  t.teardown(() => repo.close());
  const {transaction, commit} = stage(repo, {a: '1'});
  const {written} = await publishAndFollow(repo, moving(repo, commit), {transaction});
  t.is(written, 0);
  t.is(repo.head().commit, commit);
  t.false(fs.existsSync(path.join(directory, 'a')));
});

test('a branch that is not where it is expected is found before the disk is touched', async t => {
  const {repo, directory} = await repoWith(t, {a: '1'});
  await commitWorkTree(repo, {message: 'one'});
  const {transaction, commit} = stage(repo, {a: '2'});
  const publication = moving(repo, commit);
  const meanwhile = stage(repo, {a: '1'});
  await meanwhile.transaction.publish(moving(repo, meanwhile.commit));
  await t.throwsAsync(publishAndFollow(repo, publication, {transaction}), {code: 'REF_MOVED'});
  t.is(textOf(directory, 'a'), '1');
});

test('what a move that was stopped was moving to is in the store', async t => {
  const {repo, directory} = await repoWith(t, {a: '1', b: '1'});
  await commitWorkTree(repo, {message: 'one'});
  const {transaction, commit} = stage(repo, {a: '2', 'd/b': '2'});
  const stop = new AbortController();
  const flush = transaction.flush.bind(transaction);
  transaction.flush = async () => {
    await flush();
    stop.abort();
  };
  await t.throwsAsync(publishAndFollow(repo, moving(repo, commit), {transaction, signal: stop.signal}), {
    code: 'INTERRUPTED',
  });
  transaction.discard();
  await repo.close();
  const again = await Repository.open(repo.location, repo.context);
  t.teardown(() => again.close());
  const {changes} = await readStatus(again);
  t.deepEqual(
    changes.map(({path: name}) => name),
    ['b', 'd'],
  );
  const next = stage(again, {a: '2', 'd/b': '2'});
  await publishAndFollow(again, moving(again, next.commit), {transaction: next.transaction});
  t.is(textOf(directory, 'd/b'), '2');
  t.true(await isClean(again));
});
