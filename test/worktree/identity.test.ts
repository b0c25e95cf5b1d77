import fs from 'node:fs';
import path from 'node:path';
import test, {type ExecutionContext} from 'ava';
import fc from 'fast-check';
import {Repository} from '../../src/repo/repository.js';
import {commitWorkTree} from '../../src/worktree/commit.js';
import {restorePaths} from '../../src/worktree/restore.js';
import {readStatus} from '../../src/worktree/status.js';
import {compareTrees} from '../support/compare.js';
import {Clock, testContext} from '../support/repo.js';
import {makeTmpDir} from '../support/tmp.js';
import {at, repoWith, settle, type Tree, trees, writeTree} from './trees.js';

/** Copies the store of a work tree, without its stat cache, and restores everything into the empty directory around the copy. */
async function restoredCopy(
  t: Pick<ExecutionContext, 'teardown'>,
  repo: Repository,
  directory: string,
): Promise<string> {
  await repo.close();
  const copy = makeTmpDir(t);
  fs.cpSync(path.join(directory, '.dbos'), path.join(copy, '.dbos'), {recursive: true});
  fs.rmSync(path.join(copy, '.dbos', 'statcache'), {force: true});
  const location = {store: path.join(copy, '.dbos'), workTree: copy};
  const second = await Repository.open(location, testContext(new Clock()));
  try {
    await restorePaths(second, {paths: [''], restoreTimes: true});
    const status = await readStatus(second);
    if (!status.clean) throw new Error(`not clean: ${JSON.stringify(status.changes.map(({path}) => path))}`);
  } finally {
    await second.close();
  }
  return copy;
}

async function restoresIdentically(
  t: ExecutionContext,
  tree: Tree,
  prepare?: (directory: string) => void,
): Promise<void> {
  const {repo, directory} = await repoWith(t, tree);
  prepare?.(directory);
  await commitWorkTree(repo, {message: 'all'});
  const copy = await restoredCopy(t, repo, directory);
  t.deepEqual(await compareTrees(directory, copy, {times: true}), []);
}

test('files, empty ones, empty directories and every kind of symlink come back', t =>
  restoresIdentically(t, {
    'a/b/c.txt': 'text',
    'a/empty': '',
    'void/inner': {kind: 'dir'},
    dangling: {kind: 'symlink', target: 'nothing/here'},
    absolute: {kind: 'symlink', target: '/etc/passwd'},
    upwards: {kind: 'symlink', target: '../../..'},
    odd: {kind: 'symlink', target: 'caf\udce9'},
  }));

test('names that are not UTF-8, with newlines, blanks and 255 bytes come back', t =>
  restoresIdentically(t, {
    'caf\udce9': 'latin1',
    '\udc80\udcff/\udcfe': 'only bytes',
    'new\nline/tab\t': 'x',
    ' lead and trail ': 'x',
    '-rf': 'x',
    '😀/名前': 'x',
    ['n'.repeat(255)]: 'x',
    [`${'é'.repeat(127)}x`]: '255 bytes',
    '.dbosx/.dbo': 'not the store',
  }));

test('modes with setuid, setgid and sticky come back', t =>
  restoresIdentically(t, {
    suid: {kind: 'file', content: 'x', mode: 0o4755},
    sgid: {kind: 'file', content: 'x', mode: 0o2711},
    both: {kind: 'file', content: '', mode: 0o6111},
    none: {kind: 'file', content: 'x', mode: 0o000},
    shared: {kind: 'dir', mode: 0o3777},
    'locked/inside': 'x',
    locked: {kind: 'dir', mode: 0o500},
    dark: {kind: 'dir', mode: 0o000},
  }));

test('hard links come back as groups', async t => {
  const tree: Tree = {
    'z/first': 'shared',
    'b/second': {kind: 'link', to: 'z/first'},
    third: {kind: 'link', to: 'z/first'},
    other: 'pair',
    'b/other': {kind: 'link', to: 'other'},
    alone: 'shared',
  };
  await restoresIdentically(t, tree);
});

test('fifos come back, also in a directory with an odd name', t =>
  restoresIdentically(t, {
    pipe: {kind: 'fifo', mode: 0o640},
    'd\udcff/pi\npe': {kind: 'fifo', mode: 0o622},
  }));

test('owners come back when root restores', async t => {
  const root = process.geteuid?.() === 0;
  await restoresIdentically(t, {'d/file': 'x', plain: 'y', link: {kind: 'symlink', target: 'x'}}, directory => {
    if (!root) return;
    fs.chownSync(at(directory, 'd'), 1, 2);
    fs.chownSync(at(directory, 'd/file'), 12345, 54321);
    fs.chmodSync(at(directory, 'd/file'), 0o4755);
    fs.lchownSync(at(directory, 'link'), 3, 4);
  });
});

test('a sparse file comes back with its bytes and its holes', async t => {
  const {repo, directory} = await repoWith(t, {});
  const size = 64 * 2 ** 20;
  const fd = fs.openSync(path.join(directory, 'sparse'), 'w');
  fs.writeSync(fd, 'start', 0);
  fs.writeSync(fd, 'middle', 20 * 2 ** 20 + 13);
  fs.ftruncateSync(fd, size);
  fs.closeSync(fd);
  await commitWorkTree(repo, {message: 'all'});
  const copy = await restoredCopy(t, repo, directory);
  t.deepEqual(await compareTrees(directory, copy), []);
  t.true(fs.statSync(path.join(copy, 'sparse')).blocks * 512 < size / 8);
});

test('extended attributes come back, small and large, on files and directories', async t => {
  const {setAttributeSync} = await import('fs-xattr');
  let supported = true;
  const set = (directory: string, name: string, attribute: string, value: Buffer) => {
    try {
      setAttributeSync(path.join(directory, name), attribute, value);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ENOTSUP') throw error;
      supported = false;
    }
  };
  await restoresIdentically(t, {'d/file': 'x', readonly: {kind: 'file', content: 'x', mode: 0o444}}, directory => {
    set(directory, 'd/file', 'user.small', Buffer.from('value'));
    set(directory, 'd/file', 'user.empty', Buffer.alloc(0));
    set(directory, 'd/file', 'user.large', Buffer.alloc(1500, 7));
    set(directory, 'd', 'user.dir', Buffer.from([0, 255]));
    set(directory, 'readonly', 'user.small', Buffer.from('value'));
  });
  t.is(typeof supported, 'boolean');
});

test('bodies of many chunks come back', t => {
  const bytes = Buffer.alloc(3 * 2 ** 20 + 17);
  for (let i = 0, x = 1; i < bytes.length; i++) {
    x = (Math.imul(x, 1103515245) + 12345) >>> 0;
    bytes[i] = x >>> 16;
  }
  return restoresIdentically(t, {big: {kind: 'file', content: bytes}, 'copy/big': {kind: 'file', content: bytes}});
});

test('work for threads comes back too: many files and much content', async t => {
  const tree: Record<string, string | {kind: 'file'; content: Uint8Array}> = {};
  for (let i = 0; i < 2500; i++) tree[`d${i % 50}/e${i % 7}/file${i}`] = `content ${i % 900}`;
  for (let i = 0; i < 5; i++) tree[`big${i}`] = {kind: 'file', content: Buffer.alloc(5 * 2 ** 20 + i, i)};
  await restoresIdentically(t, tree);
});

test('law: a random tree comes back identically, and status is clean', async t => {
  await fc.assert(
    fc.asyncProperty(trees, async tree => {
      const {repo, directory} = await repoWith(t, tree);
      await commitWorkTree(repo, {message: 'all'});
      t.true((await readStatus(repo)).clean);
      const copy = await restoredCopy(t, repo, directory);
      t.deepEqual(await compareTrees(directory, copy, {times: true}), []);
    }),
    {numRuns: 25},
  );
});

test('a deep tree comes back', async t => {
  const names = Array.from({length: 300}, (_, i) => `d${i % 10}`);
  await restoresIdentically(t, {[`${names.join('/')}/leaf`]: 'deep'});
});

test('a store without the stat cache sees the same', async t => {
  const {repo, directory} = await repoWith(t, {'a/b': 'x', c: 'y'});
  await commitWorkTree(repo, {message: 'all'});
  await settle();
  fs.rmSync(path.join(directory, '.dbos', 'statcache'));
  t.true((await readStatus(repo)).clean);
  writeTree(directory, {c: 'z'});
  t.deepEqual(
    (await readStatus(repo)).changes.map(({path, change}) => [path, change]),
    [['c', 'modified']],
  );
});
