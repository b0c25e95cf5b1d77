import fs from 'node:fs';
import net from 'node:net';
import path from 'node:path';
import test from 'ava';
import fc from 'fast-check';
import type {Repository} from '../../src/repo/repository.js';
import {commitWorkTree} from '../../src/worktree/commit.js';
import {readStatus} from '../../src/worktree/status.js';
import {clearTree, headRows, repoWith, settle, trees, writeTree} from './trees.js';

async function changesOf(repo: Repository, paths: string[] = []): Promise<string[]> {
  return (await readStatus(repo, {paths})).changes.map(({path, change}) => `${change} ${path}`);
}

test('an empty work tree is clean, and its first files are added', async t => {
  const {repo, directory} = await repoWith(t, {});
  t.true((await readStatus(repo)).clean);
  writeTree(directory, {'d/f': 'x', s: {kind: 'symlink', target: 'd'}});
  t.deepEqual(await changesOf(repo), ['added d', 'added d/f', 'added s']);
});

test('added, modified, deleted and typechange are told apart', async t => {
  const {repo, directory} = await repoWith(t, {keep: 'k', edit: 'a', gone: 'g', 'dir/in': 'x', file: 'f', swap: 's'});
  await commitWorkTree(repo, {message: 'all'});
  writeTree(directory, {edit: 'b', fresh: 'n'});
  fs.rmSync(path.join(directory, 'gone'));
  fs.rmSync(path.join(directory, 'dir'), {recursive: true});
  fs.writeFileSync(path.join(directory, 'dir'), 'now a file');
  fs.rmSync(path.join(directory, 'file'));
  fs.mkdirSync(path.join(directory, 'file'));
  fs.rmSync(path.join(directory, 'swap'));
  fs.symlinkSync('keep', path.join(directory, 'swap'));
  t.deepEqual(await changesOf(repo), [
    'typechange dir',
    'deleted dir/in',
    'modified edit',
    'typechange file',
    'added fresh',
    'deleted gone',
    'typechange swap',
  ]);
});

test('a mode, an owner and an attribute are changes; a time is none', async t => {
  const {repo, directory} = await repoWith(t, {mode: 'x', owner: 'x', attribute: 'x', time: 'x', 'd/f': 'x'});
  await commitWorkTree(repo, {message: 'all'});
  fs.chmodSync(path.join(directory, 'mode'), 0o755);
  fs.chmodSync(path.join(directory, 'd'), 0o700);
  fs.utimesSync(path.join(directory, 'time'), 1, 1);
  const expected = ['modified d', 'modified mode'];
  if (process.geteuid?.() === 0) {
    fs.chownSync(path.join(directory, 'owner'), 7, 8);
    expected.push('modified owner');
  }
  const {setAttributeSync} = await import('fs-xattr');
  setAttributeSync(path.join(directory, 'attribute'), 'user.x', 'y');
  expected.unshift('modified attribute');
  t.deepEqual(await changesOf(repo), expected);
  t.deepEqual(await changesOf(repo), expected, 'and again, from the stat cache');
});

test('a change of the same size in the same tick is seen', async t => {
  const {repo, directory} = await repoWith(t, {});
  for (let round = 0; round < 30; round++) {
    writeTree(directory, {f: `a${round % 10}`});
    await commitWorkTree(repo, {message: 'one'});
    writeTree(directory, {f: `b${round % 10}`});
    t.deepEqual(await changesOf(repo), ['modified f']);
    writeTree(directory, {f: `c${round % 10}`});
    await commitWorkTree(repo, {message: 'two'});
    t.deepEqual(await changesOf(repo), []);
  }
});

test('a name that comes in the same tick as the last look is seen', async t => {
  const {repo, directory} = await repoWith(t, {'d/a': 'x'});
  await commitWorkTree(repo, {message: 'all'});
  for (let round = 0; round < 30; round++) {
    writeTree(directory, {[`d/n${round}`]: ''});
    t.deepEqual(await changesOf(repo), [`added d/n${round}`]);
    fs.rmSync(path.join(directory, `d/n${round}`));
    t.deepEqual(await changesOf(repo), []);
  }
});

test('a settled file with the old size and time is read again when it was written', async t => {
  const {repo, directory} = await repoWith(t, {f: 'one'});
  await commitWorkTree(repo, {message: 'all'});
  await settle();
  t.deepEqual(await changesOf(repo), []);
  const {atimeMs, mtimeMs} = fs.statSync(path.join(directory, 'f'));
  fs.writeFileSync(path.join(directory, 'f'), 'two');
  fs.utimesSync(path.join(directory, 'f'), atimeMs / 1000, mtimeMs / 1000);
  t.deepEqual(await changesOf(repo), ['modified f']);
});

test('hard links: joining, leaving and moving a group are changes of the names involved', async t => {
  const {repo, directory} = await repoWith(t, {
    b: 'x',
    c: {kind: 'link', to: 'b'},
    'm/d': {kind: 'link', to: 'b'},
    e: 'x',
  });
  await commitWorkTree(repo, {message: 'all'});
  await settle();
  t.deepEqual(await changesOf(repo), []);
  fs.rmSync(path.join(directory, 'e'));
  writeTree(directory, {e: {kind: 'link', to: 'b'}});
  t.deepEqual(await changesOf(repo), ['modified e']);
  await commitWorkTree(repo, {message: 'joined'});
  t.deepEqual(await changesOf(repo), []);
  await settle();
  await changesOf(repo);
  // the inodes stay as they are, yet the first path of the group is another
  fs.renameSync(path.join(directory, 'b'), path.join(directory, 'a'));
  t.deepEqual(await changesOf(repo), ['added a', 'deleted b', 'modified c', 'modified e', 'modified m/d']);
  await commitWorkTree(repo, {message: 'moved'});
  t.deepEqual(await changesOf(repo), []);
  t.deepEqual(
    [...headRows(repo)].map(([name, row]) => [name, row.link]),
    [
      ['a', 'a'],
      ['c', 'a'],
      ['e', 'a'],
      ['m', null],
      ['m/d', 'a'],
    ],
  );
});

test('a directory that is moved with a member of a group moves the group', async t => {
  const {repo, directory} = await repoWith(t, {'d/x': 'x', 'e/y': {kind: 'link', to: 'd/x'}});
  await commitWorkTree(repo, {message: 'all'});
  await settle();
  await changesOf(repo);
  fs.renameSync(path.join(directory, 'd'), path.join(directory, 'f'));
  t.deepEqual(await changesOf(repo), ['deleted d', 'deleted d/x', 'modified e/y', 'added f', 'added f/x']);
});

test('ignored entries are left out at every level, tracked ones stay', async t => {
  const {repo, directory} = await repoWith(t, {
    'kept.log': 'tracked before it was ignored',
    'build/tracked': 'x',
    'src/a.ts': 'x',
  });
  await commitWorkTree(repo, {message: 'all'});
  writeTree(directory, {
    '.dbosignore': '*.log\n/build/\n!important.log\n',
    'other.log': 'x',
    'important.log': 'x',
    'build/out': 'x',
    'src/.dbosignore': '*.tmp\n!other.log\n',
    'src/x.tmp': 'x',
    'src/other.log': 'x',
    'src/build/inner': 'x',
    'deep/er/a.log': 'x',
  });
  const expected = [
    'added .dbosignore',
    'added deep',
    'added deep/er',
    'added important.log',
    'added src/.dbosignore',
    'added src/build',
    'added src/build/inner',
    'added src/other.log',
  ];
  t.deepEqual(await changesOf(repo), expected);
  t.deepEqual(await changesOf(repo), expected, 'and again, from the stat cache');
  writeTree(directory, {'kept.log': 'changed', 'build/tracked': 'changed'});
  t.deepEqual(
    (await changesOf(repo)).filter(change => change.startsWith('modified')),
    ['modified build/tracked', 'modified kept.log'],
  );
  await commitWorkTree(repo, {message: 'ignoring'});
  t.deepEqual(await changesOf(repo), []);
  await settle();
  writeTree(directory, {'.dbosignore': '/build/\n'});
  t.deepEqual(await changesOf(repo), ['modified .dbosignore', 'added deep/er/a.log', 'added other.log']);
});

test('an ignore file that ignores itself works', async t => {
  const {repo, directory} = await repoWith(t, {'.dbosignore': '.dbosignore\n*.o\n', 'x.o': '', x: ''});
  t.deepEqual(await changesOf(repo), ['added x']);
  await settle();
  t.deepEqual(await changesOf(repo), ['added x']);
  writeTree(directory, {'.dbosignore': '.dbosignore\n'});
  t.deepEqual(await changesOf(repo), ['added x', 'added x.o']);
});

test('sockets and nested stores are named and left out', async t => {
  const {repo, directory} = await repoWith(t, {'in/.dbos/cell': 'x', 'in/.DBOS/cell': 'x', 'in/file': 'x'});
  const server = net.createServer();
  await new Promise<void>(resolve => server.listen(path.join(directory, 'socket'), resolve));
  t.teardown(() => server.close());
  for (let look = 0; look < 2; look++) {
    const {changes, skipped} = await readStatus(repo);
    t.deepEqual(
      changes.map(({path}) => path),
      ['in', 'in/file'],
    );
    t.deepEqual(skipped.map(({path, reason}) => `${path}: ${reason}`).sort(), [
      'in/.DBOS: nested store',
      'in/.dbos: nested store',
      'socket: socket',
    ]);
  }
  const {skipped} = await commitWorkTree(repo, {message: 'all'});
  t.is(skipped.length, 3);
  t.deepEqual([...headRows(repo).keys()], ['in', 'in/file']);
});

test('paths limit the answer', async t => {
  const {repo} = await repoWith(t, {'a/x': '', 'b/y': '', c: ''});
  t.deepEqual(await changesOf(repo, ['a', 'c']), ['added a', 'added a/x', 'added c']);
  await t.throwsAsync(changesOf(repo, ['nothing']), {code: 'PATH_UNKNOWN'});
  await t.throwsAsync(changesOf(repo, ['../x']), {code: 'PATH_INVALID'});
});

test('law: status names exactly what differs, whatever was there before', async t => {
  await fc.assert(
    fc.asyncProperty(trees, trees, async (before, after) => {
      const {repo, directory} = await repoWith(t, before);
      await commitWorkTree(repo, {message: 'before'});
      const old = headRows(repo);
      clearTree(directory);
      writeTree(directory, after);
      const changes = await changesOf(repo);
      t.deepEqual(await changesOf(repo), changes, 'the stat cache changes nothing');
      await commitWorkTree(repo, {message: 'after'});
      const now = headRows(repo);
      const differ = new Set<string>();
      for (const [name, row] of old) {
        const other = now.get(name);
        if (other === undefined || !same(row, other)) differ.add(name);
      }
      for (const name of now.keys()) if (!old.has(name)) differ.add(name);
      t.deepEqual(changes.map(change => change.slice(change.indexOf(' ') + 1)).sort(), [...differ].sort());
      t.deepEqual(await changesOf(repo), []);
      await repo.close();
    }),
    {numRuns: 40},
  );
});

function same(a: object, b: object): boolean {
  const shown = (row: object) =>
    JSON.stringify({...row, mtime: 0}, (_, value) => (typeof value === 'bigint' ? `${value}` : value));
  return shown(a) === shown(b);
}
