import test from 'ava';
import fc from 'fast-check';
import type {ObjectId} from '../../src/objects/id.js';
import {createBranch, deleteBranch, renameBranch} from '../../src/repo/branches.js';
import {listOperations} from '../../src/repo/operations.js';
import {refAt, refHistory} from '../../src/repo/refhistory.js';
import {branchName, branchRef, findRef, HEAD, type IndexedName, type RefName} from '../../src/repo/refs.js';
import {planRedo, planUndo} from '../../src/repo/undo.js';
import {headOf, readView} from '../../src/repo/view.js';
import {commitFiles, makeRepo, moveHead, START} from '../support/repo.js';

async function collect<T>(items: AsyncIterable<T>): Promise<T[]> {
  const all: T[] = [];
  for await (const item of items) all.push(item);
  return all;
}

test('the history of a ref goes on through deletion, renaming and undo', async t => {
  const {repo, clock} = await makeRepo(t);
  const a = await commitFiles(repo, {x: '1'});
  clock.advance(1000);
  await createBranch(repo, 'b', a);
  clock.advance(1000);
  await deleteBranch(repo, 'b', false);
  clock.advance(1000);
  await renameBranch(repo, 'main', 'b');
  const ref = branchRef(branchName('b'));
  t.deepEqual(
    (await collect(refHistory(repo, ref))).map(({time, id}) => [time - START, id]),
    [
      [3000, a],
      [2000, null],
      [1000, a],
    ],
  );
  t.is((await refAt(repo, branchRef(branchName('main')), START + 2999))?.id, a);
  t.is((await refAt(repo, branchRef(branchName('main')), START + 3000))?.id, null);
  t.is(await refAt(repo, ref, START + 999), undefined);
  t.is(await refAt(repo, ref, Number.MIN_SAFE_INTEGER), undefined);
  t.is((await refAt(repo, ref, Number.MAX_SAFE_INTEGER))?.id, a);
});

test('names that begin alike have histories of their own', async t => {
  const {repo} = await makeRepo(t);
  const a = await commitFiles(repo, {x: '1'});
  await createBranch(repo, 'ma', a);
  await createBranch(repo, 'main2', a);
  t.is((await collect(refHistory(repo, branchRef(branchName('ma'))))).length, 1);
  t.is((await collect(refHistory(repo, branchRef(branchName('main'))))).length, 1);
});

type Action = {kind: 'commit' | 'switch' | 'branch' | 'delete' | 'undo' | 'redo'; n: number; wait: number};
const action: fc.Arbitrary<Action> = fc.record({
  kind: fc.constantFrom('commit', 'commit', 'switch', 'branch', 'delete', 'undo', 'redo'),
  n: fc.nat(2),
  wait: fc.integer({min: -2, max: 3}),
});

test('law: what a ref held at a time is what a replay of the operation log says', async t => {
  await fc.assert(
    fc.asyncProperty(fc.array(action, {minLength: 5, maxLength: 25}), async actions => {
      const {repo, clock} = await makeRepo(t);
      for (const {kind, n, wait} of actions) {
        clock.advance(wait * 1000);
        const {commit, branch} = repo.head();
        try {
          if (kind === 'commit') await commitFiles(repo, {x: `${repo.operation.seq}`});
          else if (kind === 'switch')
            await moveHead(repo, n === 0 && commit !== undefined ? {detached: commit} : `b${n}`);
          else if (kind === 'branch' && commit !== undefined) await createBranch(repo, `b${n}`, commit);
          else if (kind === 'delete' && branch !== `b${n}`) await deleteBranch(repo, `b${n}`, true);
          else if (kind === 'undo') await repo.begin().publish(planUndo(repo).publication);
          else if (kind === 'redo') await repo.begin().publish(planRedo(repo).publication);
        } catch (error) {
          t.regex((error as {code: string}).code, /BRANCH_EXISTS|BRANCH_UNKNOWN|NOTHING_TO/);
        }
      }
      const log = [...listOperations(repo)];
      const names: IndexedName[] = [HEAD, ...['main', 'b0', 'b1', 'b2'].map(name => branchRef(branchName(name)))];
      for (const name of names) {
        const values = (view: ObjectId) => {
          const {refs, head} = readView(repo.objects, view);
          return name === HEAD
            ? headOf(repo.objects, {refs, head}).commit
            : findRef(repo.objects, refs, name as RefName);
        };
        for (let time = START - 1000; time <= clock.time + 60_000; time += 1000) {
          const then = log.find(operation => operation.time <= time);
          const expected = then ? values(then.view) : undefined;
          t.is((await refAt(repo, name, time))?.id ?? undefined, expected, `${name} at ${time - START}`);
        }
        const history = await collect(refHistory(repo, name));
        t.deepEqual(
          history.map(({seq}) => seq),
          [...history].map(({seq}) => seq).sort((a, b) => b - a),
        );
      }
      await repo.close();
    }),
    {numRuns: 20},
  );
});
