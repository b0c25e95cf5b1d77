import {spawn} from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import test from 'ava';
import type {ObjectId} from '../../src/objects/id.js';
import {Repository} from '../../src/repo/repository.js';
import {commitWorkTree} from '../../src/worktree/commit.js';
import {writeJournal} from '../../src/worktree/journal.js';
import {restorePaths} from '../../src/worktree/restore.js';
import {readStatus} from '../../src/worktree/status.js';
import {switchBranch} from '../../src/worktree/switch.js';
import {Clock, testContext} from '../support/repo.js';
import {clearTree, repoWith, textOf, writeTree} from './trees.js';

/** A repository on main with a branch `other`, and the roots of both. */
async function twoBranches(t: Parameters<typeof repoWith>[0]) {
  const {repo, directory} = await repoWith(t, {a: '1', b: '1', 'd/c': '1'});
  await commitWorkTree(repo, {message: 'one'});
  const from = repo.filesRoot(repo.head().commit);
  await switchBranch(repo, 'other', {create: true});
  clearTree(directory);
  writeTree(directory, {a: '2', b: '2', 'd/c': '1', 'n/e': '2'});
  await commitWorkTree(repo, {message: 'two'});
  const to = repo.filesRoot(repo.head().commit);
  await switchBranch(repo, 'main');
  return {repo, directory, from, to, store: path.join(directory, '.dbos')};
}

test('what an interrupted checkout left incomplete is removed, and the same checkout goes through', async t => {
  const {repo, directory, from, to, store} = await twoBranches(t);
  writeJournal(store, {from, to, paths: undefined, time: 5});
  // as if killed: one file is there, one was half written, one not begun
  writeTree(directory, {
    a: '2',
    'n/e': {kind: 'file', content: 'ha', mode: 0o1600},
    mine: {kind: 'file', content: 'x', mode: 0o1600},
  });
  const {interrupted, changes} = await readStatus(repo);
  t.like(interrupted, {from, to, time: 5});
  t.deepEqual(
    changes.map(({path, change}) => `${change} ${path}`),
    ['modified a', 'added mine', 'added n'],
    'only what the checkout was to write is removed',
  );
  await switchBranch(repo, 'other');
  t.is(textOf(directory, 'n/e'), '2');
  const after = await readStatus(repo);
  t.deepEqual(
    after.changes.map(({path}) => path),
    ['mine'],
  );
  t.is(after.interrupted, undefined);
});

test('after an interrupted checkout the way back is open too', async t => {
  const {repo, directory, from, to, store} = await twoBranches(t);
  writeJournal(store, {from, to, paths: undefined, time: 5});
  writeTree(directory, {a: '2'});
  fs.rmSync(path.join(directory, 'b'));
  await restorePaths(repo, {paths: ['']});
  t.is(textOf(directory, 'a'), '1');
  t.is(textOf(directory, 'b'), '1');
  t.true((await readStatus(repo)).clean);
  t.false(fs.existsSync(path.join(store, 'checkout.json')));
});

test('a journal that is no journal is ignored', async t => {
  const {repo, store} = await twoBranches(t);
  for (const text of ['', '{', '{"from":1}', '{"from":"x","to":null}', '[]', 'null']) {
    fs.writeFileSync(path.join(store, 'checkout.json'), text);
    t.true((await readStatus(repo)).clean, text);
  }
});

test('a checkout that is stopped leaves files that are whole, and can be repeated', async t => {
  const {repo, directory} = await repoWith(t, {});
  const tree: Record<string, string> = {};
  for (let i = 0; i < 1500; i++) tree[`d${i % 20}/f${i}`] = `content of ${i}`;
  writeTree(directory, tree);
  await commitWorkTree(repo, {message: 'full'});
  const full = repo.head().commit as ObjectId;
  await switchBranch(repo, 'empty', {create: true});
  clearTree(directory);
  writeTree(directory, {x: ''});
  await commitWorkTree(repo, {message: 'empty'});
  for (const stop of [1, 400, 1000]) {
    const controller = new AbortController();
    const work = switchBranch(repo, 'main', {
      signal: controller.signal,
      progress: ({done}) => {
        if (done >= stop) controller.abort();
      },
    });
    await t.throwsAsync(work, {code: 'INTERRUPTED'});
    t.is(repo.head().branch as string, 'empty');
    await readStatus(repo);
    for (const [name, text] of Object.entries(tree)) {
      if (fs.existsSync(path.join(directory, name))) t.is(textOf(directory, name), text);
    }
    if (stop === 1000) continue;
    clearTree(directory);
    writeTree(directory, {x: ''});
  }
  await switchBranch(repo, 'main');
  t.is(repo.head().commit, full);
  t.true((await readStatus(repo)).clean);
});

test('a checkout that is killed anywhere can be repeated or taken back', async t => {
  const {repo, directory} = await repoWith(t, {});
  const one: Record<string, string> = {};
  const two: Record<string, string> = {};
  for (let i = 0; i < 300; i++) {
    one[`d${i % 20}/f${i}`] = `content of ${i}`.repeat(50);
    if (i % 3 !== 0) two[`d${i % 20}/f${i}`] = i % 2 === 0 ? `content of ${i}`.repeat(50) : `other ${i}`.repeat(70);
    two[`e${i % 10}/g${i}`] = `new ${i}`;
  }
  writeTree(directory, one);
  await commitWorkTree(repo, {message: 'one'});
  await switchBranch(repo, 'two', {create: true});
  clearTree(directory);
  writeTree(directory, two);
  await commitWorkTree(repo, {message: 'two'});
  await repo.close();
  const location = {store: path.join(directory, '.dbos'), workTree: directory};
  const script = `
    const load = name => import(${JSON.stringify(new URL('../../src/', import.meta.url).href)} + name);
    const {Repository} = await load('repo/repository.js');
    const {switchBranch} = await load('worktree/switch.js');
    const context = {now: Date.now, zone: () => 0, identity: () => ({name: 'n', email: 'e'}), user: 'u', host: 'h', pid: 1, command: 'c'};
    const repo = await Repository.open(${JSON.stringify(location)}, context);
    process.stdout.write('.');
    for (;;) for (const branch of ['main', 'two']) await switchBranch(repo, branch);`;
  for (let kill = 0; kill < 12; kill++) {
    const child = spawn(process.execPath, ['--input-type=module', '-e', script], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    await new Promise(resolve => child.stdout.once('data', resolve));
    await new Promise(resolve => setTimeout(resolve, (kill * 37) % 150));
    child.kill('SIGKILL');
    await new Promise(resolve => child.on('close', resolve));
    const again = await Repository.open(location, testContext(new Clock()));
    try {
      const {changes, interrupted} = await readStatus(again);
      if (interrupted === undefined) t.deepEqual(changes, []);
      const next = kill % 2 === 0 ? 'main' : 'two';
      if (again.head().branch === next) await restorePaths(again, {paths: ['']});
      else await switchBranch(again, next);
      const left = await readStatus(again);
      t.true(
        left.changes.every(({change}) => change === 'added'),
        JSON.stringify(left.changes.slice(0, 3)),
      );
      for (const [name, text] of Object.entries(kill % 2 === 0 ? one : two)) t.is(textOf(directory, name), text);
      // what the taken back checkout had made already is left as untracked
      for (const {path: added} of left.changes) fs.rmSync(path.join(directory, added), {recursive: true, force: true});
    } finally {
      await again.close();
    }
  }
});
