import fs from 'node:fs';
import {join} from 'node:path';
import test from 'ava';
import {findStore, locationFor} from '../../src/repo/location.js';
import {Repository} from '../../src/repo/repository.js';
import {Clock, commitFiles, makeRepo, START, testContext} from '../support/repo.js';
import {makeTmpDir} from '../support/tmp.js';

test('a new store has one operation, no refs, and HEAD on its first branch', async t => {
  const {repo} = await makeRepo(t);
  t.deepEqual(repo.head(), {branch: 'main' as never, commit: undefined});
  t.is(repo.view.refs, null);
  const {seq, parent, kind, time, user, host, pid, command, headBefore} = repo.operation;
  t.deepEqual(
    {seq, parent, kind, time, user, host, pid, command, headBefore},
    {
      seq: 0,
      parent: null,
      kind: 'init',
      time: START,
      user: 'ada',
      host: 'engine',
      pid: 42,
      command: 'dbos test',
      headBefore: null,
    },
  );
  t.is(repo.filesRoot(undefined), null);
});

test('a store that is opened again shows what was published', async t => {
  const {repo, directory, clock} = await makeRepo(t);
  const id = await commitFiles(repo, {'a/b': 'x'});
  const operation = repo.operation;
  await repo.close();
  const again = await Repository.open(findStore(directory), testContext(clock));
  t.deepEqual(again.operation, operation);
  t.is(again.head().commit, id);
  t.not(again.filesRoot(id), null);
  await again.close();
  await again.close();
});

test('a bare store has no work tree', async t => {
  const directory = join(makeTmpDir(t), 'deep', 'store');
  const repo = await Repository.init(directory, {bare: true}, testContext(new Clock()));
  await repo.close();
  t.true(fs.existsSync(join(directory, 'format')));
  t.deepEqual(findStore(directory), {store: directory, workTree: undefined});
  t.deepEqual(findStore(join(directory, 'level')), {store: directory, workTree: undefined});
});

test('a store is found from below, and from inside its own folder', async t => {
  const {repo, directory} = await makeRepo(t);
  await repo.close();
  const expected = {store: join(directory, '.dbos'), workTree: directory};
  fs.mkdirSync(join(directory, 'a/b'), {recursive: true});
  for (const start of ['', 'a', 'a/b', 'not/there', '.dbos', '.dbos/log']) {
    t.deepEqual(findStore(join(directory, start)), expected, start);
  }
});

test('where there is no store, none is found', t => {
  const error = t.throws(() => findStore(makeTmpDir(t)), {code: 'STORE_NOT_FOUND'});
  t.regex(error.message, /above/);
});

test('init refuses a directory that has a store, in its work tree or as itself', async t => {
  const {repo, directory} = await makeRepo(t);
  await commitFiles(repo, {a: '1'});
  await repo.close();
  const context = testContext(new Clock());
  await t.throwsAsync(Repository.init(directory, {bare: false}, context), {code: 'STORE_EXISTS'});
  await t.throwsAsync(Repository.init(join(directory, '.dbos'), {bare: true}, context), {code: 'STORE_EXISTS'});
  await t.throwsAsync(Repository.init(join(directory, '.dbos'), {bare: false}, context), {code: 'STORE_EXISTS'});
  const again = await Repository.open(findStore(directory), context);
  t.not(again.head().commit, undefined);
  await again.close();
});

test('two inits at once make one store', async t => {
  const directory = makeTmpDir(t);
  const results = await Promise.allSettled(
    [1, 2, 3].map(async () => {
      // long enough for a busy machine: who waits must be told that there is a store
      const context = testContext(new Clock(), {lockTimeout: 60_000});
      const repo = await Repository.init(directory, {bare: false}, context);
      await repo.close();
    }),
  );
  t.is(results.filter(({status}) => status === 'fulfilled').length, 1);
  for (const result of results) if (result.status === 'rejected') t.is(result.reason.code, 'STORE_EXISTS');
});

test('an init that was interrupted before the end left no store, and can be repeated', async t => {
  const {repo, directory} = await makeRepo(t);
  await repo.close();
  fs.rmSync(join(directory, '.dbos/format'));
  t.throws(() => findStore(directory), {code: 'STORE_NOT_FOUND'});
  const again = await Repository.init(directory, {bare: false, branch: 'trunk'}, testContext(new Clock()));
  t.is(again.head().branch, 'trunk' as never);
  t.is(again.operation.seq, 0);
  await again.close();
});

test('the first branch comes from the settings unless it is given', async t => {
  const home = makeTmpDir(t);
  const userConfig = join(home, 'config.json');
  fs.writeFileSync(userConfig, '{"init.defaultBranch": "trunk"}');
  const context = testContext(new Clock(), {userConfig});
  const repo = await Repository.init(join(home, 'a'), {bare: false}, context);
  t.is(repo.head().branch, 'trunk' as never);
  await repo.close();
  await t.throwsAsync(Repository.init(join(home, 'b'), {bare: false, branch: 'a..b'}, context), {
    code: 'REF_NAME_INVALID',
  });
  t.false(fs.existsSync(join(home, 'b')));
});

for (const [title, text, code] of [
  ['of a newer format', 'stone-os 2\n', 'STORE_FORMAT'],
  ['with a damaged format file', 'stone-os\n', 'STORE_CORRUPT'],
  ['with an empty format file', '', 'STORE_CORRUPT'],
] as const) {
  test(`a store ${title} is ${code}`, async t => {
    const {repo, directory} = await makeRepo(t);
    await repo.close();
    fs.writeFileSync(join(directory, '.dbos/format'), text);
    await t.throwsAsync(Repository.open(locationFor(directory, false), testContext(new Clock())), {code});
  });
}

test('opening what is no store makes nothing', async t => {
  const directory = makeTmpDir(t);
  await t.throwsAsync(Repository.open(locationFor(directory, false), testContext(new Clock())), {
    code: 'STORE_NOT_FOUND',
  });
  t.deepEqual(fs.readdirSync(directory), []);
});

test('a store that is open elsewhere is locked after the time limit, and free after close', async t => {
  const {repo, directory} = await makeRepo(t);
  const context = testContext(new Clock(), {lockTimeout: 20});
  await t.throwsAsync(Repository.open(findStore(directory), context), {code: 'STORE_LOCKED'});
  const waiting = Repository.open(findStore(directory), testContext(new Clock(), {lockTimeout: 5000}));
  await repo.close();
  await (await waiting).close();
  t.pass();
});
