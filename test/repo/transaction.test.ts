import test from 'ava';
import {idOf} from '../../src/objects/id.js';
import {branchName, branchRef, tagRef} from '../../src/repo/refs.js';
import {Repository} from '../../src/repo/repository.js';
import {commitFiles, makeRepo, moveHead, testContext, writeFiles, writeGraph} from '../support/repo.js';

const main = branchRef(branchName('main'));
const other = branchRef(branchName('other'));

test('publish records what changed, and only that', async t => {
  const {repo, clock} = await makeRepo(t);
  const a = await commitFiles(repo, {x: '1'}, 'one');
  clock.advance(1000);
  const transaction = repo.begin();
  const operation = await transaction.publish({
    kind: 'normal',
    description: 'many',
    refs: [
      {name: tagRef('v1'), expected: {kind: 'absent'}, next: a},
      {name: main, expected: {kind: 'equals', id: a}, next: a},
      {name: other, expected: {kind: 'any'}, next: a},
    ],
    head: {branch: branchName('other')},
  });
  t.deepEqual(operation.refChanges, [
    {name: other, before: null, after: a},
    {name: tagRef('v1'), before: null, after: a},
  ]);
  t.is(operation.time, clock.time);
  t.deepEqual([operation.headBefore, operation.headAfter], [{branch: 'main' as never}, {branch: 'other' as never}]);
  t.deepEqual(repo.head(), {branch: 'other' as never, commit: a});
  t.is(repo.operation, operation);
});

test('an expectation that fails is REF_MOVED and changes nothing', async t => {
  const {repo} = await makeRepo(t);
  const a = await commitFiles(repo, {x: '1'});
  const before = repo.operation;
  for (const expected of [{kind: 'absent'}, {kind: 'equals', id: idOf(Buffer.from('?'))}] as const) {
    const edit = {name: main, expected, next: null};
    await t.throwsAsync(repo.begin().publish({kind: 'normal', refs: [edit]}), {code: 'REF_MOVED'});
  }
  const edit = {name: other, expected: {kind: 'equals', id: a}, next: a} as const;
  await t.throwsAsync(repo.begin().publish({kind: 'normal', refs: [edit]}), {code: 'REF_MOVED'});
  t.is(repo.operation, before);
  t.is(repo.head().commit, a);
});

test('a ref never comes to name an object that is not there', async t => {
  const {repo} = await makeRepo(t);
  const gone = idOf(Buffer.from('gone'));
  const edit = {name: main, expected: {kind: 'any'}, next: gone} as const;
  await t.throwsAsync(repo.begin().publish({kind: 'normal', refs: [edit]}), {instanceOf: TypeError});
  await t.throwsAsync(repo.begin().publish({kind: 'normal', head: {detached: gone}}), {instanceOf: TypeError});
  const same = {name: main, expected: {kind: 'any'}, next: null} as const;
  await t.throwsAsync(repo.begin().publish({kind: 'normal', refs: [same, same]}), {instanceOf: TypeError});
  t.is(repo.operation.seq, 0);
});

test('what is flushed is durable and invisible; what is discarded is not there', async t => {
  const {repo, directory, clock} = await makeRepo(t);
  const kept = repo.begin();
  const a = kept.objects.put(Buffer.from('kept'));
  t.false(repo.objects.has(a));
  await kept.flush();
  kept.discard();
  const dropped = repo.begin();
  const b = dropped.objects.put(Buffer.from('dropped'));
  t.true(dropped.objects.has(b));
  t.true(dropped.stagedBytes > 0);
  dropped.discard();
  await repo.close();
  const again = await Repository.open({store: `${directory}/.dbos`, workTree: directory}, testContext(clock));
  t.true(again.objects.has(a));
  t.false(again.objects.has(b));
  t.is(again.operation.seq, 0);
  await again.close();
});

test('a transaction is over after publish', async t => {
  const {repo} = await makeRepo(t);
  const transaction = repo.begin();
  await transaction.publish({kind: 'normal'});
  await t.throwsAsync(transaction.publish({kind: 'normal'}), {instanceOf: TypeError});
  await t.throwsAsync(transaction.flush(), {instanceOf: TypeError});
  t.is(repo.operation.seq, 1);
});

test('the time of operations never goes back', async t => {
  const {repo, clock} = await makeRepo(t);
  const start = clock.time;
  clock.advance(-5000);
  await commitFiles(repo, {a: '1'});
  t.is(repo.operation.time, start);
  clock.advance(10_000);
  await commitFiles(repo, {a: '2'});
  t.is(repo.operation.time, start + 5000);
});

test('names of people and commands may be any text, and long command lines are cut', async t => {
  const {repo} = await makeRepo(t, {user: 'a\udcff', host: '', command: `dbos ${'😀'.repeat(5000)}\udc80`});
  t.is(repo.operation.user, 'a\udcff');
  t.true(repo.operation.command.length <= 8193);
  t.true(repo.operation.command.endsWith('😀…'));
});

test('transactions on one store see what the one before published', async t => {
  const {repo} = await makeRepo(t);
  const first = repo.begin();
  const second = repo.begin();
  const ids = writeGraph(first.objects, {a: []});
  await first.publish({kind: 'normal', refs: [{name: main, expected: {kind: 'absent'}, next: ids.a as never}]});
  writeFiles(second.objects, {});
  const edit = {name: main, expected: {kind: 'absent'}, next: null} as const;
  await t.throwsAsync(second.publish({kind: 'normal', refs: [edit]}), {code: 'REF_MOVED'});
  await moveHead(repo, 'elsewhere');
  t.is(repo.operation.seq, 2);
  t.deepEqual(repo.head(), {branch: 'elsewhere' as never, commit: undefined});
});
