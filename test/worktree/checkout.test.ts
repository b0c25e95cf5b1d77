import {spawnSync} from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import test from 'ava';
import fc from 'fast-check';
import type {DbosError} from '../../src/errors.js';
import type {ObjectId} from '../../src/objects/id.js';
import {readCommit} from '../../src/repo/commit.js';
import {branchName} from '../../src/repo/refs.js';
import type {Repository} from '../../src/repo/repository.js';
import {planRedo, planRestore, planUndo} from '../../src/repo/undo.js';
import {bringBack} from '../../src/worktree/bringback.js';
import {commitWorkTree} from '../../src/worktree/commit.js';
import {checkoutCommit} from '../../src/worktree/detach.js';
import {restorePaths} from '../../src/worktree/restore.js';
import {readStatus} from '../../src/worktree/status.js';
import {switchBranch} from '../../src/worktree/switch.js';
import {compareTrees} from '../support/compare.js';
import {makeTmpDir} from '../support/tmp.js';
import {clearTree, repoWith, settle, type Tree, textOf, trees, writeTree} from './trees.js';

async function commitTree(repo: Repository, directory: string, tree: Tree, message = 'tree'): Promise<ObjectId> {
  clearTree(directory);
  writeTree(directory, tree);
  const {id} = await commitWorkTree(repo, {message});
  return id as ObjectId;
}

async function isClean(repo: Repository): Promise<boolean> {
  return (await readStatus(repo)).clean;
}

function pathsOf(error: unknown): unknown {
  return (error as DbosError).data.paths;
}

/** A copy of a work tree as it is now. */
function snapshot(t: Parameters<typeof repoWith>[0], directory: string): string {
  const copy = makeTmpDir(t);
  fs.cpSync(directory, copy, {
    recursive: true,
    verbatimSymlinks: true,
    filter: source => path.basename(source) !== '.dbos',
  });
  return copy;
}

test('switching brings the files of a branch, and the stat cache knows them', async t => {
  const {repo, directory} = await repoWith(t, {same: 's', 'd/edit': 'one', gone: 'g'});
  await commitWorkTree(repo, {message: 'one'});
  await switchBranch(repo, 'dev', {create: true});
  await commitTree(repo, directory, {same: 's', 'd/edit': 'two', 'new/file': 'n'});
  const {move} = await switchBranch(repo, 'main');
  t.is(textOf(directory, 'd/edit'), 'one');
  t.is(textOf(directory, 'gone'), 'g');
  t.false(fs.existsSync(path.join(directory, 'new')));
  t.deepEqual([move?.written, move?.removed], [2, 2]);
  t.true(await isClean(repo));
  await switchBranch(repo, 'dev');
  t.is(textOf(directory, 'd/edit'), 'two');
  t.true(await isClean(repo));
  await t.throwsAsync(switchBranch(repo, 'dve'), {code: 'BRANCH_UNKNOWN'});
  await t.throwsAsync(switchBranch(repo, 'main', {create: true}), {code: 'BRANCH_EXISTS'});
});

test('changes on disk that do not collide are carried along', async t => {
  const {repo, directory} = await repoWith(t, {a: '1', b: '1'});
  await commitWorkTree(repo, {message: 'one'});
  await switchBranch(repo, 'dev', {create: true});
  await commitTree(repo, directory, {a: '2', b: '1'});
  writeTree(directory, {b: 'mine', untracked: 'u'});
  await switchBranch(repo, 'main');
  t.is(textOf(directory, 'a'), '1');
  t.is(textOf(directory, 'b'), 'mine');
  t.is(textOf(directory, 'untracked'), 'u');
  t.deepEqual(
    (await readStatus(repo)).changes.map(({path}) => path),
    ['b', 'untracked'],
  );
});

const COLLISIONS: Record<string, {from: Tree; to: Tree; disk: (directory: string) => void; paths: string[]}> = {
  'a changed file that would be overwritten': {
    from: {f: '1'},
    to: {f: '2'},
    disk: directory => writeTree(directory, {f: 'mine'}),
    paths: ['f'],
  },
  'a changed file that would be removed': {
    from: {f: '1', g: ''},
    to: {g: ''},
    disk: directory => writeTree(directory, {f: 'mine'}),
    paths: ['f'],
  },
  'an untracked file that would be overwritten': {
    from: {g: ''},
    to: {g: '', 'd/f': '2'},
    disk: directory => writeTree(directory, {'d/f': 'mine'}),
    paths: ['d/f'],
  },
  'an ignored file that would be overwritten': {
    from: {'.dbosignore': 'd/\n'},
    to: {'.dbosignore': '#', 'd/f': '2'},
    disk: directory => writeTree(directory, {'d/f': 'mine'}),
    paths: ['d/f'],
  },
  'a mode that would be lost': {
    from: {f: '1'},
    to: {f: '2'},
    disk: directory => fs.chmodSync(path.join(directory, 'f'), 0o755),
    paths: ['f'],
  },
  'an untracked file where a directory must go': {
    from: {g: ''},
    to: {g: '', 'd/f': '2'},
    disk: directory => writeTree(directory, {d: 'mine'}),
    paths: ['d'],
  },
  'an untracked directory where a file must go': {
    from: {g: ''},
    to: {g: '', d: '2'},
    disk: directory => writeTree(directory, {'d/x': 'mine', 'd/e/y': 'mine'}),
    paths: ['d', 'd/e', 'd/e/y', 'd/x'],
  },
  'untracked files in a directory that must make way for a file': {
    from: {'d/f': '1'},
    to: {d: '2'},
    disk: directory => writeTree(directory, {'d/mine': 'mine', 'd/e/mine': 'mine'}),
    paths: ['d/e', 'd/e/mine', 'd/mine'],
  },
  'a directory in place of a tracked file': {
    from: {f: '1'},
    to: {f: '2'},
    disk: directory => {
      fs.rmSync(path.join(directory, 'f'));
      writeTree(directory, {'f/mine': 'mine'});
    },
    paths: ['f', 'f/mine'],
  },
  'a file in place of a directory whose files would change': {
    from: {'d/f': '1'},
    to: {'d/f': '2'},
    disk: directory => {
      fs.rmSync(path.join(directory, 'd'), {recursive: true});
      writeTree(directory, {d: 'mine'});
    },
    paths: ['d'],
  },
  'a symlink in place of a file': {
    from: {f: '1'},
    to: {f: '2'},
    disk: directory => {
      fs.rmSync(path.join(directory, 'f'));
      fs.symlinkSync('g', path.join(directory, 'f'));
    },
    paths: ['f'],
  },
};

for (const [title, {from, to, disk, paths}] of Object.entries(COLLISIONS)) {
  test(`${title} is refused untouched, and saved when forced`, async t => {
    const {repo, directory} = await repoWith(t, from);
    await commitWorkTree(repo, {message: 'from'});
    const start = repo.head().commit as ObjectId;
    await switchBranch(repo, 'target', {create: true});
    await commitTree(repo, directory, to);
    await switchBranch(repo, 'main');
    disk(directory);
    const before = snapshot(t, directory);
    const operations = repo.operation.seq;
    const error = await t.throwsAsync(switchBranch(repo, 'target'), {code: 'WOULD_OVERWRITE'});
    const endangered = pathsOf(error) as string[];
    for (const each of paths) t.true(endangered.includes(each), `${each} in ${endangered.join(' ')}`);
    t.deepEqual(await compareTrees(before, directory), []);
    t.is(repo.operation.seq, operations);
    t.is((error as DbosError).exitStatus, 6);

    const {move} = await switchBranch(repo, 'target', {force: true});
    t.truthy(move?.saved);
    const fresh = makeTmpDir(t);
    writeTree(fresh, to);
    const left = await compareTrees(fresh, directory);
    t.deepEqual(
      left.filter(line => !/only in .*|time/.test(line)),
      [],
    );
    t.is(repo.head().branch, branchName('target'));

    // the branch is where it was, and one undo brings back what was on disk
    await bringBack(repo, planUndo(repo));
    t.deepEqual(await compareTrees(before, directory), []);
    t.is(repo.head().branch, branchName('main'));
    t.deepEqual(readCommit(repo.objects, repo.head().commit as ObjectId).parents, [start]);
    await bringBack(repo, planRedo(repo));
    t.is(repo.head().branch, branchName('target'));
    t.true((await readStatus(repo)).changes.every(({change}) => change === 'added'));
  });
}

test('what is on disk already is no collision', async t => {
  const {repo, directory} = await repoWith(t, {f: '1'});
  await commitWorkTree(repo, {message: 'from'});
  await switchBranch(repo, 'target', {create: true});
  await commitTree(repo, directory, {f: '2', 'd/n': 'n'});
  await switchBranch(repo, 'main');
  writeTree(directory, {f: '2', 'd/n': 'n'});
  await switchBranch(repo, 'target');
  t.true(await isClean(repo));
});

test('a directory with something untracked stays, with only that', async t => {
  const {repo, directory} = await repoWith(t, {'d/e/f': '1', g: ''});
  await commitWorkTree(repo, {message: 'from'});
  await switchBranch(repo, 'target', {create: true});
  await commitTree(repo, directory, {g: ''});
  await switchBranch(repo, 'main');
  writeTree(directory, {'d/mine': 'mine'});
  const {move} = await switchBranch(repo, 'target');
  t.deepEqual(move?.kept, ['d']);
  t.deepEqual(fs.readdirSync(path.join(directory, 'd')), ['mine']);
  t.deepEqual(
    (await readStatus(repo)).changes.map(({path}) => path),
    ['d', 'd/mine'],
  );
});

test('undo and redo bring the work tree along, in any order', async t => {
  const {repo, directory} = await repoWith(t, {f: '1'});
  await commitWorkTree(repo, {message: 'one'});
  await commitTree(repo, directory, {f: '2'}, 'two');
  await commitTree(repo, directory, {f: '3', g: 'g'}, 'three');
  const newest = repo.operation;
  await bringBack(repo, planUndo(repo));
  t.is(textOf(directory, 'f'), '2');
  await bringBack(repo, planUndo(repo));
  t.is(textOf(directory, 'f'), '1');
  await bringBack(repo, planRedo(repo));
  t.is(textOf(directory, 'f'), '2');
  t.false(fs.existsSync(path.join(directory, 'g')));
  await bringBack(repo, planRestore(repo, newest));
  t.is(textOf(directory, 'f'), '3');
  t.true(await isClean(repo));
  writeTree(directory, {f: 'mine'});
  await t.throwsAsync(bringBack(repo, planUndo(repo)), {code: 'WOULD_OVERWRITE'});
  t.is(textOf(directory, 'f'), 'mine');
  const {saved} = await bringBack(repo, planUndo(repo), {force: true});
  t.is(textOf(directory, 'f'), '2');
  if (saved === undefined) throw new Error('nothing was saved');
  await bringBack(repo, planRestore(repo, saved.operation));
  t.is(textOf(directory, 'f'), 'mine');
});

test('undoing the first commit leaves the branch without one, and its files are removed', async t => {
  const {repo, directory} = await repoWith(t, {'d/f': '1'});
  await commitWorkTree(repo, {message: 'one'});
  await bringBack(repo, planUndo(repo));
  t.is(repo.head().commit, undefined);
  t.deepEqual(fs.readdirSync(directory), ['.dbos']);
  await bringBack(repo, planRedo(repo));
  t.is(textOf(directory, 'd/f'), '1');
});

test('where the files are the same, neither the disk nor the stat cache is touched', async t => {
  const {repo, directory} = await repoWith(t, {f: '1'});
  await commitWorkTree(repo, {message: 'one'});
  const cache = path.join(directory, '.dbos', 'statcache');
  fs.writeFileSync(cache, 'not a cache');
  writeTree(directory, {f: 'mine'});
  await switchBranch(repo, 'dev', {create: true});
  await switchBranch(repo, 'main');
  await bringBack(repo, planUndo(repo));
  t.is(fs.readFileSync(cache, 'utf8'), 'not a cache');
  t.is(textOf(directory, 'f'), 'mine');
});

test('checking out a commit detaches HEAD, and a commit there moves it', async t => {
  const {repo, directory} = await repoWith(t, {f: '1'});
  await commitWorkTree(repo, {message: 'one'});
  const first = repo.head().commit as ObjectId;
  await commitTree(repo, directory, {f: '2'});
  const {previous} = await checkoutCommit(repo, first, 'main~1');
  t.is(previous.branch, branchName('main'));
  t.deepEqual(repo.head(), {branch: undefined, commit: first});
  t.is(textOf(directory, 'f'), '1');
  writeTree(directory, {f: '3'});
  const {id, branch} = await commitWorkTree(repo, {message: 'aside'});
  t.is(branch, undefined);
  t.deepEqual(repo.head(), {branch: undefined, commit: id as ObjectId});
  writeTree(directory, {f: 'mine'});
  const {move} = await switchBranch(repo, 'main', {force: true});
  t.is(textOf(directory, 'f'), '2');
  t.truthy(move?.saved);
  await bringBack(repo, planUndo(repo));
  t.is(textOf(directory, 'f'), 'mine');
  t.is(repo.head().branch, undefined);
});

test('restore writes what is missing, refuses what is changed, and leaves what is untracked', async t => {
  const {repo, directory} = await repoWith(t, {a: '1', 'd/b': '1', 'd/e/c': '1', z: '1'});
  await commitWorkTree(repo, {message: 'one'});
  fs.rmSync(path.join(directory, 'd'), {recursive: true});
  fs.rmSync(path.join(directory, 'z'));
  await restorePaths(repo, {paths: ['d/e/c']});
  t.is(textOf(directory, 'd/e/c'), '1');
  t.false(fs.existsSync(path.join(directory, 'd/b')));
  await restorePaths(repo, {paths: ['d']});
  t.is(textOf(directory, 'd/b'), '1');
  t.false(fs.existsSync(path.join(directory, 'z')));
  writeTree(directory, {a: 'mine', 'd/untracked': 'u'});
  const error = await t.throwsAsync(restorePaths(repo, {paths: ['']}), {code: 'WOULD_OVERWRITE'});
  t.deepEqual(pathsOf(error), ['a']);
  t.false(fs.existsSync(path.join(directory, 'z')));
  const head = repo.head();
  const {saved} = await restorePaths(repo, {paths: [''], force: true});
  t.deepEqual(saved?.paths, ['a']);
  t.is(textOf(directory, 'a'), '1');
  t.is(textOf(directory, 'z'), '1');
  t.deepEqual(repo.head(), head);
  t.deepEqual(
    (await readStatus(repo)).changes.map(({path}) => path),
    ['d/untracked'],
  );
  await bringBack(repo, planUndo(repo));
  t.is(textOf(directory, 'a'), 'mine');
  await t.throwsAsync(restorePaths(repo, {paths: ['nothing']}), {code: 'PATH_UNKNOWN'});
});

test('restore from another commit leaves HEAD, and status tells the difference', async t => {
  const {repo, directory} = await repoWith(t, {a: '1', 'd/b': '1', gone: 'g'});
  await commitWorkTree(repo, {message: 'one'});
  const first = repo.head().commit as ObjectId;
  await commitTree(repo, directory, {a: '2', 'd/b': '2', 'd/new': 'n'});
  await restorePaths(repo, {source: first, paths: ['d', 'gone']});
  t.is(textOf(directory, 'a'), '2');
  t.is(textOf(directory, 'd/b'), '1');
  t.is(textOf(directory, 'gone'), 'g');
  const expected = ['modified d/b', 'deleted d/new', 'added gone'];
  const seen = async () => (await readStatus(repo)).changes.map(({path, change}) => `${change} ${path}`);
  t.deepEqual(await seen(), expected);
  await settle();
  t.deepEqual(await seen(), expected);
  t.deepEqual(await seen(), expected, 'and from the stat cache');
  await restorePaths(repo, {paths: ['d/new']});
  // what equals a commit is not lost, but which commit that was nobody knows
  await t.throwsAsync(restorePaths(repo, {paths: ['d/b']}), {code: 'WOULD_OVERWRITE'});
});

test('hard links are made and broken as rows say, without writing through them', async t => {
  const {repo, directory} = await repoWith(t, {a: 'x', b: {kind: 'link', to: 'a'}, c: {kind: 'link', to: 'a'}});
  await commitWorkTree(repo, {message: 'group'});
  await switchBranch(repo, 'split', {create: true});
  await commitTree(repo, directory, {a: 'x', b: 'y', c: {kind: 'link', to: 'b'}});
  await switchBranch(repo, 'alone', {create: true});
  await commitTree(repo, directory, {a: 'x', b: 'x', c: 'x'});
  const copies = new Map<string, string>();
  for (const branch of ['main', 'split', 'alone']) {
    await switchBranch(repo, branch);
    t.true(await isClean(repo), branch);
    copies.set(branch, snapshotLinks(directory));
  }
  t.is(copies.get('main'), 'a=x b=x c=x a=b b=c');
  t.is(copies.get('split'), 'a=x b=y c=y b=c');
  t.is(copies.get('alone'), 'a=x b=x c=x');
  for (const branch of ['split', 'main', 'alone', 'main', 'split']) {
    await switchBranch(repo, branch);
    t.is(snapshotLinks(directory), copies.get(branch) as string);
    t.true(await isClean(repo));
  }
});

function snapshotLinks(directory: string): string {
  const inode = (name: string) => fs.statSync(path.join(directory, name)).ino;
  const contents = ['a', 'b', 'c'].map(name => `${name}=${textOf(directory, name)}`);
  const pairs = [
    ['a', 'b'],
    ['b', 'c'],
  ].filter(([x, y]) => inode(x as string) === inode(y as string));
  return [...contents, ...pairs.map(pair => pair.join('='))].join(' ');
}

test('a hard link to a file outside does not take the changes of a checkout', async t => {
  const {repo, directory} = await repoWith(t, {f: '1'});
  await commitWorkTree(repo, {message: 'one'});
  await switchBranch(repo, 'dev', {create: true});
  await commitTree(repo, directory, {f: {kind: 'file', content: '1', mode: 0o755}});
  const outside = path.join(makeTmpDir(t), 'other');
  fs.linkSync(path.join(directory, 'f'), outside);
  await switchBranch(repo, 'main');
  t.is(fs.statSync(outside).mode & 0o777, 0o755);
  t.is(fs.statSync(path.join(directory, 'f')).mode & 0o777, 0o644);
});

test('law: switching between two random trees gives each of them, and back', async t => {
  await fc.assert(
    fc.asyncProperty(trees, trees, async (one, two) => {
      const {repo, directory} = await repoWith(t, {});
      await commitTree(repo, directory, {...one, marker: '1'});
      const first = snapshotExact(t, directory);
      await switchBranch(repo, 'two', {create: true});
      await commitTree(repo, directory, {...two, marker: '2'});
      const second = snapshotExact(t, directory);
      for (const [branch, copy] of [
        ['main', first],
        ['two', second],
        ['main', first],
      ] as const) {
        await switchBranch(repo, branch);
        t.deepEqual(await compareTrees(copy, directory), []);
        t.true(await isClean(repo));
      }
      await repo.close();
    }),
    {numRuns: 30},
  );
});

/** A copy by other means than the code under test. */
function snapshotExact(t: Parameters<typeof repoWith>[0], directory: string): string {
  const copy = makeTmpDir(t);
  const done = spawnSync('cp', ['-a', `${directory}/.`, copy]);
  if (done.status !== 0) throw new Error(String(done.stderr));
  fs.rmSync(path.join(copy, '.dbos'), {recursive: true});
  return copy;
}
