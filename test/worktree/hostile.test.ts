import fs from 'node:fs';
import path from 'node:path';
import test from 'ava';
import type {ObjectId} from '../../src/objects/id.js';
import {writeCommit} from '../../src/repo/commit.js';
import type {Repository} from '../../src/repo/repository.js';
import {FILES_SPEC, FILES_TABLE, filesTable} from '../../src/state/files.js';
import {writeState} from '../../src/state/state.js';
import {writeTable} from '../../src/state/table.js';
import {buildTree} from '../../src/tree/builder.js';
import {type Cell, ContentRef} from '../../src/tree/cell.js';
import {encodeKey} from '../../src/tree/key.js';
import {checkoutCommit} from '../../src/worktree/detach.js';
import {restorePaths} from '../../src/worktree/restore.js';
import {readStatus} from '../../src/worktree/status.js';
import {commitContent} from '../support/repo.js';
import {makeTmpDir} from '../support/tmp.js';
import {repoWith, textOf, writeTree} from './trees.js';

interface Row {
  readonly dir: string;
  readonly name: string;
  readonly type?: 'file' | 'dir' | 'symlink';
  readonly target?: string;
  readonly link?: string;
  readonly mode?: number;
}

/** Writes a commit of rows that no scan would ever make, past every check of the library. */
function commitOf(repo: Repository, rows: readonly Row[]): Promise<ObjectId> {
  const transaction = repo.begin();
  const {objects} = transaction;
  const body = Buffer.from('evil');
  const content = new ContentRef(objects.put(body), body.length, false, false);
  const cells = rows.map(({dir, name, type = 'file', target, link, mode = 0o644}): Cell[] => {
    return [
      dir,
      name,
      type,
      mode,
      0,
      0,
      'root',
      'root',
      0,
      type === 'file' ? content : null,
      target ?? null,
      link ?? null,
      null,
    ];
  });
  const key = (row: Cell[]) => encodeKey(FILES_SPEC, row.slice(0, 2));
  cells.sort((a, b) => Buffer.compare(key(a), key(b)));
  const root = buildTree(objects, FILES_SPEC, cells);
  const state = writeState(objects, new Map([[FILES_TABLE, writeTable(objects, filesTable(objects, root))]]));
  const id = writeCommit(objects, commitContent(state, [], 'evil', 0));
  return transaction.flush().then(() => id);
}

/** A work tree in a directory of its own, so that whatever lies beside it can be compared. */
async function sandbox(t: Parameters<typeof repoWith>[0]) {
  const {repo, directory} = await repoWith(t, {});
  const outside = makeTmpDir(t);
  const before = seen(directory);
  return {repo, directory, outside, before};
}

/** Everything in the directory above the work tree that has to do with it, and in the work tree but for the store's inside. */
function seen(directory: string): string[] {
  const above = path.dirname(directory);
  const beside = fs.readdirSync(above).filter(name => name.includes('evil'));
  return [
    ...beside,
    ...fs
      .readdirSync(directory, {recursive: true})
      .map(String)
      .filter(name => !name.startsWith('.dbos/')),
  ];
}

const NAMES: Record<string, Row> = {
  'a name ..': {dir: '', name: '..'},
  'a name .': {dir: '', name: '.'},
  'an empty name': {dir: '', name: ''},
  'a name with a slash': {dir: '', name: 'a/evil'},
  'a name that leads out': {dir: '', name: '../evil'},
  'a directory that leads out': {dir: '..', name: 'evil'},
  'an absolute directory': {dir: '/tmp', name: 'evil'},
  'an absolute name': {dir: '', name: '/tmp/evil'},
  'a name with NUL': {dir: '', name: 'evil\0x'},
  'a file of the store': {dir: '.dbos', name: 'evil'},
  'a file of the store by another case': {dir: '.DBOS', name: 'evil'},
  'the store itself': {dir: '', name: '.dbos'},
  'the store in capitals': {dir: '', name: '.DBOS'},
  'the store with a dot': {dir: '', name: '.dbos.'},
  'the store with a character that HFS+ ignores': {dir: '', name: '.d\u200cbos'},
  'a name of 256 bytes': {dir: '', name: 'e'.repeat(256)},
  'a store further down': {dir: 'd/.dbos', name: 'evil'},
};

for (const [title, row] of Object.entries(NAMES)) {
  test(`${title} is refused before anything is written`, async t => {
    const {repo, directory, before} = await sandbox(t);
    const evil = await commitOf(repo, [{dir: '', name: 'innocent'}, row]);
    await t.throwsAsync(checkoutCommit(repo, evil, undefined), {code: 'NAME_UNSAFE'});
    t.deepEqual(seen(directory), before);
    const error = await t.throwsAsync(restorePaths(repo, {source: evil, paths: ['']}));
    t.is((error as {code?: string}).code, 'NAME_UNSAFE');
    t.deepEqual(seen(directory), before);
  });
}

test('a file under a symlink of the same commit is refused', async t => {
  const {repo, directory, outside, before} = await sandbox(t);
  const evil = await commitOf(repo, [
    {dir: '', name: 'way', type: 'symlink', target: outside},
    {dir: 'way', name: 'evil'},
  ]);
  await t.throwsAsync(checkoutCommit(repo, evil, undefined), {code: 'NAME_UNSAFE'});
  t.deepEqual(seen(directory), before);
  t.deepEqual(fs.readdirSync(outside), []);
});

test('a file under a file, and a file without its directory, are refused', async t => {
  const {repo, directory, before} = await sandbox(t);
  const under = await commitOf(repo, [
    {dir: '', name: 'file'},
    {dir: 'file', name: 'evil'},
  ]);
  const without = await commitOf(repo, [{dir: 'none', name: 'evil'}]);
  await t.throwsAsync(checkoutCommit(repo, under, undefined), {code: 'NAME_UNSAFE'});
  await t.throwsAsync(checkoutCommit(repo, without, undefined), {code: 'NAME_UNSAFE'});
  t.deepEqual(seen(directory), before);
});

test('a symlink with an impossible target is refused', async t => {
  const {repo, directory, before} = await sandbox(t);
  for (const target of ['', 'a\0b']) {
    const evil = await commitOf(repo, [{dir: '', name: 'link', type: 'symlink', target}]);
    await t.throwsAsync(checkoutCommit(repo, evil, undefined), {code: 'NAME_UNSAFE'});
  }
  t.deepEqual(seen(directory), before);
});

test('a link that means a file outside links nothing', async t => {
  const {repo, directory, outside} = await sandbox(t);
  fs.writeFileSync(path.join(outside, 'secret'), 'secret');
  const link = path.relative(directory, path.join(outside, 'secret'));
  const evil = await commitOf(repo, [{dir: '', name: 'file', link}]);
  await checkoutCommit(repo, evil, undefined);
  t.is(textOf(directory, 'file'), 'evil');
  t.is(fs.statSync(path.join(outside, 'secret')).nlink, 1);
});

test('nothing is written through a symlink that stands on disk', async t => {
  const {repo, directory, outside} = await sandbox(t);
  writeTree(directory, {way: {kind: 'symlink', target: outside}});
  const commit = await commitOf(repo, [
    {dir: '', name: 'way', type: 'dir', mode: 0o755},
    {dir: 'way', name: 'evil'},
  ]);
  const error = await t.throwsAsync(checkoutCommit(repo, commit, undefined), {code: 'WOULD_OVERWRITE'});
  t.deepEqual((error as unknown as {data: unknown}).data, {paths: ['way']});
  t.deepEqual(fs.readdirSync(outside), []);
  // forced, the symlink is saved and makes way
  await checkoutCommit(repo, commit, undefined, {force: true});
  t.deepEqual(fs.readdirSync(outside), []);
  t.is(textOf(directory, 'way/evil'), 'evil');
});

test('nothing is removed through a symlink that has come in place of a directory', async t => {
  const {repo, directory, outside} = await sandbox(t);
  const full = await commitOf(repo, [
    {dir: '', name: 'way', type: 'dir', mode: 0o755},
    {dir: 'way', name: 'evil'},
    {dir: '', name: 'x'},
  ]);
  const empty = await commitOf(repo, [{dir: '', name: 'x'}]);
  await checkoutCommit(repo, full, undefined);
  fs.rmSync(path.join(directory, 'way'), {recursive: true});
  fs.writeFileSync(path.join(outside, 'evil'), 'evil');
  fs.symlinkSync(outside, path.join(directory, 'way'));
  await t.throwsAsync(checkoutCommit(repo, empty, undefined), {code: 'WOULD_OVERWRITE'});
  t.deepEqual(fs.readdirSync(outside), ['evil']);
  await checkoutCommit(repo, empty, undefined, {force: true});
  t.deepEqual(fs.readdirSync(outside), ['evil']);
  t.false(fs.existsSync(path.join(directory, 'way')));
});

test('status and commit do not follow symlinks out of the work tree', async t => {
  const {repo, directory, outside} = await sandbox(t);
  fs.writeFileSync(path.join(outside, 'secret'), 'secret');
  fs.symlinkSync(outside, path.join(directory, 'way'));
  t.deepEqual(
    (await readStatus(repo)).changes.map(({path}) => path),
    ['way'],
  );
});
