import type {ExecutionContext} from 'ava';
import test from 'ava';
import {digestText, formatId, type ObjectId, shortId} from '../../src/objects/id.js';
import {createBranch, deleteBranch} from '../../src/repo/branches.js';
import {branchName, branchRef} from '../../src/repo/refs.js';
import type {Repository} from '../../src/repo/repository.js';
import {type Resolved, resolveRange, resolveRevision} from '../../src/repo/revisions.js';
import {createTag} from '../../src/repo/tags.js';
import {commitFiles, DAY, HOUR, makeRepo, moveHead, namesOf, writeGraph} from '../support/repo.js';

type Ids = Record<string, ObjectId>;

//  a -- b -- c -- m (main, HEAD)     tags/v1 = b, tags/note = annotated tag of c
//        \       /
//         x -- y  (side)
async function build(t: ExecutionContext): Promise<{repo: Repository; ids: Ids}> {
  const {repo} = await makeRepo(t);
  const transaction = repo.begin();
  const graph = {a: [], b: ['a'], c: ['b'], x: ['b'], y: ['x'], m: ['c', 'y']};
  const ids = writeGraph(transaction.objects, graph) as Ids;
  await transaction.publish({
    kind: 'normal',
    refs: [
      {name: branchRef(branchName('main')), expected: {kind: 'absent'}, next: ids.m as ObjectId},
      {name: branchRef(branchName('side')), expected: {kind: 'absent'}, next: ids.y as ObjectId},
    ],
  });
  await createTag(repo, 'v1', ids.b as ObjectId);
  await createTag(repo, 'note', ids.c as ObjectId, {message: 'a note'});
  return {repo, ids};
}

const RESOLVED: readonly (readonly [text: string, name: string, kind: Resolved['kind']])[] = [
  ['HEAD', 'm', 'head'],
  ['@', 'm', 'head'],
  ['main', 'm', 'branch'],
  ['branches/main', 'm', 'branch'],
  ['side', 'y', 'branch'],
  ['v1', 'b', 'tag'],
  ['tags/v1', 'b', 'tag'],
  ['note', 'c', 'tag'],
  ['HEAD~', 'c', 'expression'],
  ['@~1', 'c', 'expression'],
  ['main~0', 'm', 'expression'],
  ['main~3', 'a', 'expression'],
  ['main~~~', 'a', 'expression'],
  ['main^', 'c', 'expression'],
  ['main^0', 'm', 'expression'],
  ['main^1', 'c', 'expression'],
  ['main^2', 'y', 'expression'],
  ['main^2^', 'x', 'expression'],
  ['main^2~2', 'b', 'expression'],
  ['main~1^', 'b', 'expression'],
  ['note~1', 'b', 'expression'],
  ['main@{0}', 'm', 'expression'],
  ['@{0}^2', 'y', 'expression'],
  ['main@{now}~', 'c', 'expression'],
  ['now', 'm', 'time'],
  ['tomorrow', 'm', 'time'],
  ['2030-01-01', 'm', 'time'],
  ['now~1', 'c', 'expression'],
];

test('every form of a revision', async t => {
  const {repo, ids} = await build(t);
  for (const [text, name, kind] of RESOLVED) {
    const found = await resolveRevision(repo, text);
    t.deepEqual([...namesOf(ids, [found.commit]), found.kind], [name, kind], text);
  }
  t.is((await resolveRevision(repo, 'side')).ref, branchRef(branchName('side')));
  t.is((await resolveRevision(repo, 'side~')).ref, undefined);
});

const FAILURES: readonly (readonly [text: string, code: string, message: RegExp])[] = [
  ['', 'REVISION_INVALID', /empty/],
  ['~1', 'REVISION_INVALID', /empty/],
  ['main~x', 'REVISION_INVALID', /'~x'|'x'/],
  ['main^-', 'REVISION_INVALID', /cannot follow/],
  ['main@{', 'REVISION_INVALID', /cannot follow/],
  ['main@{}', 'REVISION_INVALID', /empty/],
  ['main~1@{1}', 'REVISION_INVALID', /first/],
  ['main~4', 'REVISION_UNKNOWN', /only 3 commits/],
  ['main~999999999999999999999', 'REVISION_UNKNOWN', /only 3 commits/],
  ['main^3', 'REVISION_UNKNOWN', /2 parents/],
  ['main~3^', 'REVISION_UNKNOWN', /no parent/],
  ['main@{1}', 'REVISION_UNKNOWN', /only one value/],
  ['main@{soon}', 'TIME_INVALID', /soon/],
  ['mian', 'REVISION_UNKNOWN', /mian/],
  ['gone@{1}', 'REVISION_UNKNOWN', /gone/],
  ['2000-01-01', 'REVISION_UNKNOWN', /main.*began at 2024-05-15 10:30:00/],
  ['v1@{2000-01-01}', 'REVISION_UNKNOWN', /tag 'v1'.*began/],
  ['HEAD@{2000-01-01}', 'REVISION_UNKNOWN', /HEAD.*began/],
];

test('what is wrong with a revision is said', async t => {
  const {repo} = await build(t);
  for (const [text, code, message] of FAILURES) {
    await t.throwsAsync(resolveRevision(repo, text), {code, message}, text);
  }
});

test('near names are suggested', async t => {
  const {repo} = await build(t);
  const error = (await t.throwsAsync(resolveRevision(repo, 'mian'))) as Error & {
    data: {nearest: string[]};
    hint: string;
  };
  t.deepEqual(error.data.nearest, ['main']);
  t.is(error.hint, "Did you mean 'main'?");
  const far = (await t.throwsAsync(resolveRevision(repo, 'zzzzzz'))) as Error & {
    data: {nearest: string[]};
    hint: string;
  };
  t.deepEqual(far.data.nearest, []);
  t.regex(far.hint, /dbos branch/);
});

test('ids: the whole CID, and any prefix of the digest from four characters on', async t => {
  const {repo, ids} = await build(t);
  const b = ids.b as ObjectId;
  const digest = digestText(b);
  for (const text of [formatId(b), digest, shortId(b), digest.slice(0, 7), digest.slice(0, 7).toUpperCase()]) {
    t.deepEqual(await resolveRevision(repo, text), {commit: b, kind: 'id'}, text);
  }
  t.is((await resolveRevision(repo, `${shortId(b)}~`)).commit, ids.a as ObjectId);
  await t.throwsAsync(resolveRevision(repo, digest.slice(0, 3)), {code: 'REVISION_UNKNOWN'});
  await t.throwsAsync(resolveRevision(repo, formatId(b).slice(0, -1)), {code: 'REVISION_UNKNOWN'});
  await t.throwsAsync(resolveRevision(repo, `${shortId(b)}@{1}`), {
    code: 'REVISION_INVALID',
    message: /past of a branch/,
  });
  // an id of something else is no commit
  await t.throwsAsync(resolveRevision(repo, formatId(repo.operation.id)), {code: 'REVISION_UNKNOWN'});
});

test('a prefix that several commits share is ambiguous, and they are listed', async t => {
  const {repo} = await makeRepo(t);
  // by the birthday bound some two of these share their first four characters
  const graph = Object.fromEntries(Array.from({length: 3000}, (_, i) => [`n${i}`, []]));
  const transaction = repo.begin();
  const ids = Object.values(writeGraph(transaction.objects, graph));
  await transaction.flush();
  transaction.discard();
  const byPrefix = new Map<string, ObjectId[]>();
  for (const id of ids) {
    const prefix = digestText(id).slice(0, 4);
    byPrefix.set(prefix, [...(byPrefix.get(prefix) ?? []), id]);
  }
  const [prefix, shared] = [...byPrefix].find(([, list]) => list.length > 1) as [string, ObjectId[]];
  const error = await t.throwsAsync(resolveRevision(repo, prefix), {code: 'REVISION_AMBIGUOUS'});
  const {candidates} = (error as Error & {data: {candidates: string[]}}).data;
  t.deepEqual([...candidates].sort(), shared.map(id => formatId(id)).sort());
  const [single, [only]] = [...byPrefix].find(([, list]) => list.length === 1) as [string, ObjectId[]];
  t.is((await resolveRevision(repo, single)).commit, only as ObjectId);
});

test('a ref wins over an id and over a time, and a branch over a tag', async t => {
  const {repo, ids} = await build(t);
  const prefix = shortId(ids.a as ObjectId);
  await createBranch(repo, prefix, ids.c as ObjectId);
  await createBranch(repo, 'yesterday', ids.x as ObjectId);
  await createBranch(repo, 'v1', ids.y as ObjectId);
  t.is((await resolveRevision(repo, prefix)).commit, ids.c as ObjectId);
  t.is((await resolveRevision(repo, 'yesterday')).commit, ids.x as ObjectId);
  t.is((await resolveRevision(repo, 'v1')).commit, ids.y as ObjectId);
  t.is((await resolveRevision(repo, 'tags/v1')).commit, ids.b as ObjectId);
});

test('times and earlier values of a branch, of HEAD, and of what is deleted', async t => {
  const {repo, clock} = await makeRepo(t);
  clock.advance(-DAY * 10);
  const a = await commitFiles(repo, {x: '1'});
  clock.advance(DAY * 10 + HOUR);
  const b = await commitFiles(repo, {x: '2'});
  clock.advance(HOUR);
  await createBranch(repo, 'old', a);
  await moveHead(repo, 'old');
  clock.advance(HOUR);
  const c = await commitFiles(repo, {x: '3'});
  clock.advance(HOUR);
  const at = async (text: string) => (await resolveRevision(repo, text)).commit;
  t.is(await at('old@{1}'), a);
  t.is(await at('@{1}'), a);
  t.is(await at('HEAD@{1}'), a);
  t.is(await at('HEAD@{2}'), b);
  t.is(await at('@@{2}'), b);
  t.is(await at('main@{1}'), a);
  t.is(await at('90 minutes ago'), a);
  t.is(await at('HEAD@{3 hours ago}'), b);
  t.is(await at('main@{3 hours ago}'), b);
  t.is(await at('main@{4 hours ago}'), a);
  await t.throwsAsync(at('3 hours ago'), {code: 'REVISION_UNKNOWN', message: /branch 'old' had no commit .* began/});
  await moveHead(repo, {detached: c});
  // a detached HEAD has no branch: then it is what HEAD was
  t.is(await at('3 hours ago'), b);
  t.is(await at('@{1}'), c);
  await moveHead(repo, 'main');
  clock.advance(HOUR);
  await deleteBranch(repo, 'old', true);
  t.is(await at('old@{0}'), c);
  t.is(await at('old@{1}'), a);
  t.is(await at('old@{2 hours ago}'), c);
  clock.advance(HOUR);
  await t.throwsAsync(at('old@{now}'), {code: 'REVISION_UNKNOWN', message: /deleted/});
  await t.throwsAsync(at('old'), {code: 'REVISION_UNKNOWN'});
});

test('in a store without commits there is nothing to name', async t => {
  const {repo} = await makeRepo(t);
  for (const text of ['HEAD', '@', '@~1']) await t.throwsAsync(resolveRevision(repo, text), {code: 'NO_COMMITS'});
  for (const text of ['main', 'now', '@{1}', '@{now}', 'HEAD@{now}']) {
    await t.throwsAsync(resolveRevision(repo, text), {code: 'REVISION_UNKNOWN'}, text);
  }
});

test('ranges', async t => {
  const {repo, ids} = await build(t);
  const range = async (text: string) => {
    const {include, exclude} = await resolveRange(repo, text);
    return `${namesOf(ids, include).join(' ')} - ${namesOf(ids, exclude).join(' ')}`;
  };
  t.is(await range('main'), 'm - ');
  t.is(await range('v1..main'), 'm - b');
  t.is(await range('v1..'), 'm - b');
  t.is(await range('..side'), 'y - m');
  t.is(await range('note...side'), 'c y - b');
  t.is(await range('main~1..main^2'), 'y - c');
  t.is(await range('main@{now}..side'), 'y - m');
  await t.throwsAsync(range('a..b..c'), {code: 'REVISION_INVALID'});
  await t.throwsAsync(range('nope..main'), {code: 'REVISION_UNKNOWN'});
});
