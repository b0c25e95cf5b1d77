import {spawn, spawnSync} from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import test from 'ava';
import fc from 'fast-check';
import type {DbosError} from '../../src/errors.js';
import type {ObjectId} from '../../src/objects/id.js';
import {readCommit} from '../../src/repo/commit.js';
import {planUndo} from '../../src/repo/undo.js';
import {diffFiles, scanFiles} from '../../src/state/files.js';
import {wrongEntries} from '../../src/state/filetree.js';
import {readContent} from '../../src/tree/content.js';
import {bringBack} from '../../src/worktree/bringback.js';
import {commitWorkTree} from '../../src/worktree/commit.js';
import {readStatus} from '../../src/worktree/status.js';
import {makeRepo, START} from '../support/repo.js';
import {makeTmpDir} from '../support/tmp.js';
import {at, clearTree, headRows, repoWith, settle, writeTree} from './trees.js';

test('a commit says what it did, and nothing to commit makes none', async t => {
  const {repo, directory} = await repoWith(t, {a: '1', 'd/b': '1'});
  const first = await commitWorkTree(repo, {message: 'one\n\nmore'});
  t.deepEqual(first.changes, {added: 3, modified: 0, deleted: 0});
  t.deepEqual(first.parents, []);
  t.is(repo.operation.description, 'commit: one');
  const seq = repo.operation.seq;
  const again = await commitWorkTree(repo, {message: 'two'});
  t.is(again.id, null);
  t.is(repo.operation.seq, seq);
  writeTree(directory, {a: '2'});
  fs.rmSync(path.join(directory, 'd'), {recursive: true});
  const second = await commitWorkTree(repo, {message: 'two'});
  t.deepEqual(second.changes, {added: 0, modified: 1, deleted: 2});
  t.deepEqual(second.parents, [first.id as ObjectId]);
  await t.throwsAsync(commitWorkTree(repo, {message: ' \n'}), {code: 'MESSAGE_MISSING'});
});

test('some hundred changed files are read by a thread, as many by none', async t => {
  const tree = (from: number, to: number, round: number) =>
    Object.fromEntries(
      Array.from({length: to - from}, (_, i) => [`d${(from + i) % 9}/f${from + i}`, `${from + i} ${round}`]),
    );
  const {repo, directory} = await repoWith(t, tree(0, 600, 1));
  await commitWorkTree(repo, {message: 'all'});
  writeTree(directory, tree(0, 600, 2));
  const {id, changes} = await commitWorkTree(repo, {message: 'all again'});
  t.is(changes.modified, 600);
  const together = repo.filesRoot(id as ObjectId);
  await bringBack(repo, planUndo(repo));
  // new times are changes of their own, so what is compared is what was read
  const contents = (root: typeof together) =>
    [...scanFiles(repo.objects, root)].map(row => [row.path, row.content?.id]);
  for (let from = 0; from < 600; from += 150) {
    writeTree(directory, tree(from, from + 150, 2));
    t.is((await commitWorkTree(repo, {message: `${from}`})).changes.modified, 150);
  }
  t.deepEqual(contents(repo.filesRoot(repo.head().commit)), contents(together));
  t.true((await readStatus(repo)).clean);
});

test('nothing at all makes no first commit', async t => {
  const {repo} = await repoWith(t, {});
  t.is((await commitWorkTree(repo, {message: 'nothing'})).id, null);
  await t.throwsAsync(commitWorkTree(repo, {amend: true}), {code: 'NO_COMMITS'});
});

test('amending replaces the commit and keeps author and message unless they are given', async t => {
  const {repo, directory} = await repoWith(t, {a: '1'});
  const first = await commitWorkTree(repo, {message: 'one'});
  writeTree(directory, {a: '2'});
  await commitWorkTree(repo, {message: 'two', author: {name: 'Grace', email: 'grace@example.org'}, date: START - 5000});
  writeTree(directory, {a: '3'});
  const {id, parents} = await commitWorkTree(repo, {amend: true});
  t.deepEqual(parents, [first.id as ObjectId]);
  const amended = readCommit(repo.objects, id as ObjectId);
  t.is(amended.message, 'two');
  t.like(amended.author, {name: 'Grace', time: START - 5000});
  t.like(amended.committer, {name: 'Ada', time: START});
  t.is(amended.cause, 'amend');
  await commitWorkTree(repo, {amend: true, message: 'better'});
  t.is(readCommit(repo.objects, repo.head().commit as ObjectId).message, 'better');
  await bringBack(repo, planUndo(repo));
  await bringBack(repo, planUndo(repo));
  t.is(fs.readFileSync(path.join(directory, 'a'), 'utf8'), '2');
});

test('paths limit a commit to files, subtrees and what is gone, with the directories that they need', async t => {
  const {repo, directory} = await repoWith(t, {a: '1', 'd/b': '1', 'd/c': '1', 'e/f': '1'});
  await commitWorkTree(repo, {message: 'one'});
  writeTree(directory, {a: '2', 'd/b': '2', 'new/deep/x': '2', 'new/y': '2'});
  fs.rmSync(path.join(directory, 'd/c'));
  fs.rmSync(path.join(directory, 'e'), {recursive: true});
  const {changes} = await commitWorkTree(repo, {message: 'part', paths: ['d', 'e/f', 'new/deep/x']});
  t.deepEqual(changes, {added: 3, modified: 1, deleted: 2});
  t.deepEqual([...headRows(repo).keys()], ['a', 'd', 'e', 'new', 'd/b', 'new/deep', 'new/deep/x']);
  t.deepEqual(
    (await readStatus(repo)).changes.map(({path, change}) => `${change} ${path}`),
    ['modified a', 'deleted e', 'added new/y'],
  );
  await t.throwsAsync(commitWorkTree(repo, {message: 'x', paths: ['nothing']}), {code: 'PATH_UNKNOWN'});
  const rest = await commitWorkTree(repo, {message: 'rest', paths: ['']});
  t.deepEqual(rest.changes, {added: 1, modified: 1, deleted: 1});
});

test('a limited commit keeps groups of hard links sound', async t => {
  const {repo, directory} = await repoWith(t, {b: 'x', c: {kind: 'link', to: 'b'}});
  await commitWorkTree(repo, {message: 'one', paths: ['c']});
  t.is(headRows(repo).get('c')?.link, null);
  await commitWorkTree(repo, {message: 'two'});
  t.deepEqual(
    [...headRows(repo).values()].map(({link}) => link),
    ['b', 'b'],
  );
  writeTree(directory, {a: {kind: 'link', to: 'b'}});
  await commitWorkTree(repo, {message: 'three', paths: ['c']});
  t.deepEqual(
    [...headRows(repo).values()].map(({link}) => link),
    ['b', 'b'],
  );
  t.true((await commitWorkTree(repo, {message: 'four'})).id !== null);
  t.deepEqual(
    [...headRows(repo).values()].map(({link}) => link),
    ['a', 'a', 'a'],
  );
  t.true((await readStatus(repo)).clean);
});

test('a limited commit of one name of a file takes the other names that are recorded', async t => {
  const {repo, directory} = await repoWith(t, {a: '1', 'd/b': {kind: 'link', to: 'a'}, 'd/c': {kind: 'link', to: 'a'}});
  await commitWorkTree(repo, {message: 'one'});
  fs.rmSync(path.join(directory, 'd/c'));
  writeTree(directory, {'d/b': '222', 'd/c': '33', new: {kind: 'link', to: 'a'}});
  const {changes} = await commitWorkTree(repo, {message: 'part', paths: ['d/b']});
  t.deepEqual(changes, {added: 0, modified: 3, deleted: 0});
  t.deepEqual(
    [...headRows(repo).values()].map(({path, content, link}) => [path, content?.size, link]),
    [
      ['a', 3, 'a'],
      ['d', undefined, null],
      ['d/b', 3, 'a'],
      ['d/c', 1, null],
    ],
  );
  t.deepEqual([...wrongEntries(repo.objects, repo.filesRoot(repo.head().commit), null)].filter(Boolean), []);
  t.deepEqual(
    (await readStatus(repo)).changes.map(({path, change}) => `${change} ${path}`),
    ['modified d/c', 'added new'],
  );
});

const names: readonly string[] = ['a', 'b', 'c', 'd/e', 'd/f'];
/** For each name the file that it is a link of; −1 is none. */
const linksToFiles = fc.array(fc.integer({min: -1, max: 2}), {minLength: names.length, maxLength: names.length});

test('whatever a limited commit leaves out, links of one file are alike, and what it names is recorded', async t => {
  const property = async (
    before: readonly number[],
    after: readonly number[],
    rewritten: readonly number[],
    chosen: readonly string[],
  ) => {
    const {repo, directory} = await makeRepo(t);
    const files = makeTmpDir(t);
    for (const file of [0, 1, 2]) fs.writeFileSync(path.join(files, `${file}`), `${file}`);
    const arrange = (links: readonly number[]) => {
      clearTree(directory);
      fs.mkdirSync(path.join(directory, 'd'));
      for (const [i, file] of links.entries()) {
        if (file >= 0) fs.linkSync(path.join(files, `${file}`), path.join(directory, names[i] as string));
      }
    };
    arrange(before);
    await commitWorkTree(repo, {message: 'before'});
    arrange(after);
    for (const file of rewritten) fs.appendFileSync(path.join(files, `${file}`), 'x');
    const known = chosen.filter(name => Math.max(...[before, after].map(each => each[names.indexOf(name)] ?? -1)) >= 0);
    if (known.length === 0) return;
    // the stat cache trusts nothing younger
    await settle(35);
    const first = repo.filesRoot(repo.head().commit);
    const {id, changes} = await commitWorkTree(repo, {message: 'some', paths: known});
    const second = repo.filesRoot(repo.head().commit);
    t.deepEqual([...wrongEntries(repo.objects, second, null)].filter(Boolean), []);
    t.is([...diffFiles(repo.objects, first, second)].length, changes.added + changes.modified + changes.deleted);
    t.is(id === null, first === second);
    for (const name of known) {
      const row = headRows(repo).get(name);
      const full = path.join(directory, name);
      const size = fs.existsSync(full) ? fs.statSync(full).size : undefined;
      t.is(row?.content?.size, size, name);
    }
    const {changes: left} = await readStatus(repo);
    fs.rmSync(path.join(directory, '.dbos', 'statcache'));
    t.deepEqual((await readStatus(repo)).changes, left);
    await commitWorkTree(repo, {message: 'rest'});
    t.true((await readStatus(repo)).clean);
    const expected = names
      .filter((_, i) => (after[i] as number) >= 0)
      .map(name => {
        const group = names.filter((_, i) => after[i] === after[names.indexOf(name)]);
        return [name, group.length > 1 ? group[0] : null];
      });
    const rows = [...headRows(repo).values()].filter(({type}) => type === 'file');
    t.deepEqual(
      rows.map(row => [row.path, row.link]),
      expected,
    );
  };
  await fc.assert(
    fc.asyncProperty(linksToFiles, linksToFiles, fc.subarray([0, 1, 2]), fc.subarray([...names]), property),
    {numRuns: 60},
  );
});

test('an unchanged row keeps its time, and equal content gives an equal root', async t => {
  const {repo, directory} = await repoWith(t, {a: '1', b: '1'});
  await commitWorkTree(repo, {message: 'one'});
  const root = repo.filesRoot(repo.head().commit);
  fs.utimesSync(path.join(directory, 'a'), 5, 5);
  t.is((await commitWorkTree(repo, {message: 'touched'})).id, null);
  await commitWorkTree(repo, {amend: true});
  t.is(repo.filesRoot(repo.head().commit), root);
});

test('times are recorded to the nanosecond', async t => {
  const {repo, directory} = await repoWith(t, {a: '1'});
  const {mtimeNs} = fs.statSync(path.join(directory, 'a'), {bigint: true});
  await commitWorkTree(repo, {message: 'one'});
  t.is(headRows(repo).get('a')?.mtime, mtimeNs);
});

test('a file that another process keeps changing is named, and nothing is committed', async t => {
  const {repo, directory} = await repoWith(t, {calm: 'x'});
  const busy = path.join(directory, 'busy');
  fs.writeFileSync(busy, Buffer.alloc(4 * 2 ** 20));
  const writer = spawn(process.execPath, [
    '-e',
    `const fs = require('fs'); const fd = fs.openSync(${JSON.stringify(busy)}, 'r+'); for (;;) fs.writeSync(fd, 'x', 0);`,
  ]);
  t.teardown(() => writer.kill('SIGKILL'));
  const started = fs.statSync(busy).mtimeMs;
  while (fs.statSync(busy).mtimeMs === started) await settle(5);
  const error = await t.throwsAsync(commitWorkTree(repo, {message: 'one'}), {code: 'FILE_CHANGING'});
  t.deepEqual((error as unknown as DbosError).data.paths, ['busy']);
  t.is(repo.head().commit, undefined);
  writer.kill('SIGKILL');
  await new Promise(resolve => writer.on('close', resolve));
  t.deepEqual((await commitWorkTree(repo, {message: 'one'})).changes, {added: 2, modified: 0, deleted: 0});
});

test('a file that changes now and then is recorded as it was at one moment', async t => {
  const {repo, directory} = await repoWith(t, {});
  const log = path.join(directory, 'log');
  const block = 'abcdefghijklmnop'.repeat(64);
  fs.writeFileSync(log, block.repeat(3000));
  const writer = spawn(process.execPath, [
    '-e',
    `const fs = require('fs'); setInterval(() => fs.appendFileSync(${JSON.stringify(log)}, ${JSON.stringify(block)}), 40);`,
  ]);
  t.teardown(() => writer.kill('SIGKILL'));
  let commits = 0;
  for (let round = 0; round < 12; round++) {
    await settle(15);
    try {
      if ((await commitWorkTree(repo, {message: 'log'})).id !== null) commits++;
    } catch (error) {
      if ((error as DbosError).code !== 'FILE_CHANGING') throw error;
      continue;
    }
    const content = headRows(repo).get('log')?.content;
    if (content == null) throw new Error('no content');
    t.is(content.size % block.length, 0, 'whole appends only');
    let size = 0;
    for (const piece of readContent(repo.objects, content)) size += piece.length;
    t.is(size, content.size);
  }
  writer.kill('SIGKILL');
  await new Promise(resolve => writer.on('close', resolve));
  const last = fs.statSync(log).size;
  await commitWorkTree(repo, {message: 'the end'});
  t.is(headRows(repo).get('log')?.content?.size, last);
  t.log(`${commits} commits while it grew`);
});

test('what cannot be read is named, and nothing is committed unless it is skipped', async t => {
  if (process.geteuid?.() === 0) {
    // root reads everything: run this test again as nobody, in a child
    const {repo, directory} = await repoWith(t, {ok: '1', 'secret/inner': 's', locked: 'l'});
    await commitWorkTree(repo, {message: 'before'});
    await repo.close();
    writeTree(directory, {ok: '2', new: 'n'});
    fs.chmodSync(at(directory, 'locked'), 0);
    fs.chmodSync(at(directory, 'secret'), 0);
    const own = spawnSync('chown', ['-R', '65534:65534', directory]);
    t.is(own.status, 0);
    fs.chownSync(at(directory, 'secret'), 0, 0);
    fs.chownSync(at(directory, 'locked'), 0, 0);
    const script = `
      process.setgid(65534); process.setuid(65534);
      const load = name => import(${JSON.stringify(new URL('../../src/', import.meta.url).href)} + name);
      const {Repository} = await load('repo/repository.js');
      const {commitWorkTree} = await load('worktree/commit.js');
      const {readStatus} = await load('worktree/status.js');
      const {scanFiles} = await load('state/files.js');
      const context = {now: Date.now, zone: () => 0, identity: () => ({name: 'n', email: 'e'}), user: 'u', host: 'h', pid: 1, command: 'c'};
      const directory = ${JSON.stringify(directory)};
      const repo = await Repository.open({store: directory + '/.dbos', workTree: directory}, context);
      const head = repo.head().commit;
      const failed = await commitWorkTree(repo, {message: 'x'}).then(() => null, error => ({code: error.code, paths: error.data.paths.sort()}));
      const unmoved = repo.head().commit === head;
      const status = await readStatus(repo);
      const done = await commitWorkTree(repo, {message: 'x', skipUnreadable: true});
      const rows = [...scanFiles(repo.objects, repo.filesRoot(repo.head().commit))].map(row => row.path);
      console.log(JSON.stringify({failed, unmoved, status: status.unreadable, changes: done.changes, skipped: done.unreadable.map(u => u.path).sort(), rows}));
      await repo.close();`;
    fs.chmodSync(directory, 0o755);
    // nobody may not write reports of coverage
    const env = {...process.env, NODE_V8_COVERAGE: ''};
    const child = spawnSync(process.execPath, ['--input-type=module', '-e', script], {encoding: 'utf8', env});
    t.is(child.stderr, '');
    const result = JSON.parse(child.stdout);
    t.deepEqual(result.failed, {code: 'FILE_UNREADABLE', paths: ['locked', 'secret']});
    t.true(result.unmoved);
    t.deepEqual(result.skipped, ['locked', 'secret']);
    t.deepEqual(result.rows, ['locked', 'new', 'ok', 'secret', 'secret/inner']);
    // the mode of the directory that cannot be entered can be read
    t.deepEqual(result.changes, {added: 1, modified: 2, deleted: 0});
    return;
  }
  const {repo, directory} = await repoWith(t, {ok: '1', locked: 'l'});
  fs.chmodSync(at(directory, 'locked'), 0);
  const error = await t.throwsAsync(commitWorkTree(repo, {message: 'x'}), {code: 'FILE_UNREADABLE'});
  t.deepEqual((error as unknown as DbosError).data.paths, ['locked']);
  const {unreadable} = await commitWorkTree(repo, {message: 'x', skipUnreadable: true});
  t.deepEqual(
    unreadable.map(({path}) => path),
    ['locked'],
  );
});

test('an interrupt stops a commit, which leaves nothing, and the next one works', async t => {
  const tree: Record<string, string> = {};
  for (let i = 0; i < 3000; i++) tree[`d${i % 30}/f${i}`] = `${i}`;
  const {repo} = await repoWith(t, tree);
  for (const after of [0, 20, 200]) {
    const controller = new AbortController();
    let seen = 0;
    const work = commitWorkTree(repo, {
      message: 'x',
      signal: controller.signal,
      progress: () => {
        if (seen++ === after) controller.abort();
      },
    });
    await t.throwsAsync(work, {code: 'INTERRUPTED'});
    t.is(repo.head().commit, undefined);
  }
  t.is((await commitWorkTree(repo, {message: 'x'})).changes.added, 3030);
  t.true((await readStatus(repo)).clean);
});

test('a path longer than the system takes is named', async t => {
  const {repo, directory} = await repoWith(t, {});
  const name = 'n'.repeat(250);
  const script = `
    process.chdir(${JSON.stringify(directory)});
    const fs = require('fs');
    for (let i = 0; i < 20; i++) { fs.mkdirSync('${name}'); process.chdir('${name}'); }
    fs.writeFileSync('leaf', 'x');`;
  t.is(spawnSync(process.execPath, ['-e', script], {encoding: 'utf8'}).stderr, '');
  // what removes the directory after the test cannot reach that deep either
  t.teardown(() => spawnSync('rm', ['-rf', directory]));
  const error = await t.throwsAsync(commitWorkTree(repo, {message: 'x'}), {code: 'FILE_UNREADABLE'});
  t.deepEqual((error as unknown as DbosError).data.codes, ['ENAMETOOLONG']);
});

test('large extended attributes leave the row', async t => {
  const {repo, directory} = await repoWith(t, {f: 'x'});
  const {setAttributeSync} = await import('fs-xattr');
  setAttributeSync(path.join(directory, 'f'), 'user.large', Buffer.alloc(2000, 7));
  await commitWorkTree(repo, {message: 'x'});
  t.false(headRows(repo).get('f')?.xattrs instanceof Uint8Array);
  t.true((await readStatus(repo)).clean);
});
