import test from 'ava';
import type {ObjectId} from '../../src/objects/id.js';
import {createBranch, deleteBranch, listBranches, renameBranch} from '../../src/repo/branches.js';
import {createTag, deleteTag, listTags} from '../../src/repo/tags.js';
import {commitFiles, makeRepo, moveHead} from '../support/repo.js';

test('branches are made, listed, renamed and deleted', async t => {
  const {repo} = await makeRepo(t);
  t.deepEqual([...listBranches(repo)], []);
  const a = await commitFiles(repo, {x: '1'});
  await createBranch(repo, 'b', a);
  const b = await commitFiles(repo, {x: '2'});
  const list = () => [...listBranches(repo)].map(({name, id, current}) => [name, id, current]);
  t.deepEqual(list(), [
    ['b', a, false],
    ['main', b, true],
  ] as never);
  await renameBranch(repo, 'b', 'c/d');
  await renameBranch(repo, 'main', 'trunk');
  t.deepEqual(list(), [
    ['c/d', a, false],
    ['trunk', b, true],
  ] as never);
  t.deepEqual(repo.head(), {branch: 'trunk' as never, commit: b});
  await deleteBranch(repo, 'c/d', false);
  t.deepEqual(list(), [['trunk', b, true]] as never);
});

test('what cannot be done to branches', async t => {
  const {repo} = await makeRepo(t);
  const a = await commitFiles(repo, {x: '1'});
  await createBranch(repo, 'ahead', a);
  await moveHead(repo, 'ahead');
  await commitFiles(repo, {x: '2'});
  await moveHead(repo, 'main');
  const before = repo.operation;
  await t.throwsAsync(createBranch(repo, 'main', a), {code: 'BRANCH_EXISTS'});
  await t.throwsAsync(createBranch(repo, '-x', a), {code: 'REF_NAME_INVALID'});
  await t.throwsAsync(deleteBranch(repo, 'main', true), {code: 'BRANCH_CURRENT'});
  await t.throwsAsync(deleteBranch(repo, 'ahead', false), {code: 'BRANCH_UNMERGED'});
  await t.throwsAsync(renameBranch(repo, 'main', 'ahead'), {code: 'BRANCH_EXISTS'});
  await t.throwsAsync(renameBranch(repo, 'main', 'a b'), {code: 'REF_NAME_INVALID'});
  const error = await t.throwsAsync(deleteBranch(repo, 'ahed', true), {code: 'BRANCH_UNKNOWN'});
  t.deepEqual((error as Error & {data: {nearest: string[]}}).data.nearest, ['ahead']);
  t.is(repo.operation, before);
  await deleteBranch(repo, 'ahead', true);
  t.is([...listBranches(repo)].length, 1);
});

test('a branch without commits can be renamed', async t => {
  const {repo} = await makeRepo(t);
  await renameBranch(repo, 'main', 'trunk');
  t.deepEqual(repo.head(), {branch: 'trunk' as never, commit: undefined});
  await renameBranch(repo, 'trunk', 'trunk');
  await t.throwsAsync(renameBranch(repo, 'main', 'x'), {code: 'BRANCH_UNKNOWN'});
});

test('tags, lightweight and with a message', async t => {
  const {repo, clock} = await makeRepo(t, {zone: () => 90});
  const a = await commitFiles(repo, {x: '1'});
  const b = await commitFiles(repo, {x: '2'});
  await createTag(repo, 'v1', a);
  await createTag(repo, 'v2', b, {message: 'second\n'});
  const [first, second] = [...listTags(repo)];
  t.deepEqual(first, {name: 'v1', id: a, tag: undefined});
  t.is(second?.id, b as ObjectId);
  t.deepEqual(second?.tag, {
    target: b,
    name: 'v2',
    tagger: {name: 'Ada', email: 'ada@example.org', time: clock.time, zone: 90},
    message: 'second\n',
  });
  await t.throwsAsync(createTag(repo, 'v1', b), {code: 'TAG_EXISTS'});
  await createTag(repo, 'v1', b, {force: true});
  t.is([...listTags(repo)][0]?.id, b);
  await deleteTag(repo, 'v1');
  const error = await t.throwsAsync(deleteTag(repo, 'v1'), {code: 'TAG_UNKNOWN'});
  t.deepEqual((error as Error & {data: {nearest: string[]}}).data.nearest, ['v2']);
  await t.throwsAsync(createTag(repo, 'a..b', b), {code: 'REF_NAME_INVALID'});
});
