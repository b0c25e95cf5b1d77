import test from 'ava';
import fc from 'fast-check';
import {isDbosError} from '../../src/errors.js';
import {formatId, type ObjectId} from '../../src/objects/id.js';
import {createBranch} from '../../src/repo/branches.js';
import {listOperations, resolveOperation} from '../../src/repo/operations.js';
import {branchName, branchRef, remoteName, remoteRef, tagRef} from '../../src/repo/refs.js';
import type {Repository} from '../../src/repo/repository.js';
import {planRedo, planRestore, planUndo, type UndoPlan} from '../../src/repo/undo.js';
import {addRemote, findUpstream, listRemotes, remoteRefs, renameRemote, setUpstream} from '../../src/sync/remotes.js';
import {commitFiles, makeRepo, moveHead} from '../support/repo.js';

async function apply(repo: Repository, plan: UndoPlan): Promise<void> {
  await repo.begin().publish(plan.publication);
}

const undo = (repo: Repository) => apply(repo, planUndo(repo));
const redo = (repo: Repository) => apply(repo, planRedo(repo));

test('undo and redo go back and forth, and say what they brought back', async t => {
  const {repo} = await makeRepo(t);
  const a = await commitFiles(repo, {x: '1'}, 'one');
  const b = await commitFiles(repo, {x: '2'}, 'two');
  const [two, one, init] = [...listOperations(repo)].map(operation => operation.id);
  const plan = planUndo(repo);
  t.is(plan.target.id, two as ObjectId);
  t.deepEqual(plan.head, {branch: 'main' as never, commit: a});
  await apply(repo, plan);
  t.is(repo.head().commit, a);
  t.regex(repo.operation.description, /^undo .*: two$/);
  t.is(planUndo(repo).target.id, one as ObjectId);
  await undo(repo);
  t.is(repo.head().commit, undefined);
  t.throws(() => planUndo(repo), {code: 'NOTHING_TO_UNDO'});
  t.is(planRedo(repo).target.id, one as ObjectId);
  await redo(repo);
  t.is(repo.head().commit, a);
  await redo(repo);
  t.is(repo.head().commit, b);
  t.throws(() => planRedo(repo), {code: 'NOTHING_TO_REDO'});
  await apply(repo, planRestore(repo, await resolveOperation(repo, formatId(init as ObjectId))));
  t.is(repo.head().commit, undefined);
  await undo(repo);
  t.is(repo.head().commit, b);
});

test('a new change after an undo ends redo; what was undone can still be restored', async t => {
  const {repo} = await makeRepo(t);
  await commitFiles(repo, {x: '1'});
  const b = await commitFiles(repo, {x: '2'});
  const lost = repo.operation;
  await undo(repo);
  const c = await commitFiles(repo, {x: '3'});
  t.throws(() => planRedo(repo), {code: 'NOTHING_TO_REDO'});
  await apply(repo, planRestore(repo, lost));
  t.is(repo.head().commit, b);
  await undo(repo);
  t.is(repo.head().commit, c);
});

test('undo brings back refs and HEAD alike', async t => {
  const {repo} = await makeRepo(t);
  const a = await commitFiles(repo, {x: '1'});
  await repo.begin().publish({
    kind: 'normal',
    refs: [
      {name: branchRef(branchName('main')), expected: {kind: 'any'}, next: null},
      {name: tagRef('t'), expected: {kind: 'any'}, next: a},
    ],
    head: {detached: a},
  });
  const after = repo.operation.view;
  await undo(repo);
  t.deepEqual(repo.head(), {branch: 'main' as never, commit: a});
  await redo(repo);
  t.is(repo.operation.view, after);
});

test('a plan fails if the store moved on meanwhile', async t => {
  const {repo} = await makeRepo(t);
  await commitFiles(repo, {x: '1'});
  const plan = planUndo(repo);
  await commitFiles(repo, {x: '2'});
  await t.throwsAsync(apply(repo, plan), {code: 'REF_MOVED'});
});

/** The model: positions on a line of views, and what can be redone. */
class Model {
  readonly views: ObjectId[];
  readonly parents: number[] = [-1];
  at = 0;
  redo: number[] = [];

  constructor(first: ObjectId) {
    this.views = [first];
  }

  push(view: ObjectId): void {
    this.parents.push(this.at);
    this.at = this.views.push(view) - 1;
    this.redo = [];
  }
}

type Action = {kind: 'commit' | 'switch'; n: number} | {kind: 'undo' | 'redo'} | {kind: 'restore'; n: number};
const action: fc.Arbitrary<Action> = fc.oneof(
  fc.record({kind: fc.constantFrom('commit' as const, 'switch' as const), n: fc.nat(3)}),
  fc.record({kind: fc.constantFrom('undo' as const, 'redo' as const)}),
  fc.record({kind: fc.constantFrom('undo' as const, 'redo' as const)}),
  fc.record({kind: fc.constant('restore' as const), n: fc.nat(1000)}),
);

test('law: any sequence of changes, undo, redo and restore follows the model of a stack', async t => {
  await fc.assert(
    fc.asyncProperty(fc.array(action, {maxLength: 25}), async actions => {
      const {repo} = await makeRepo(t);
      const model = new Model(repo.operation.view);
      for (const step of actions) {
        if (step.kind === 'commit') {
          await commitFiles(repo, {x: `${step.n} ${model.views.length}`});
          model.push(repo.operation.view);
        } else if (step.kind === 'switch') {
          await moveHead(repo, `b${step.n}`);
          model.push(repo.operation.view);
        } else if (step.kind === 'restore') {
          const operation = await resolveOperation(repo, `@~${step.n % (repo.operation.seq + 1)}`);
          await apply(repo, planRestore(repo, operation));
          model.push(operation.view);
        } else if (step.kind === 'undo') {
          if (model.parents[model.at] === -1) {
            t.throws(() => planUndo(repo), {code: 'NOTHING_TO_UNDO'});
            continue;
          }
          await undo(repo);
          model.redo.push(model.at);
          model.at = model.parents[model.at] as number;
        } else {
          const top = model.redo.pop();
          if (top === undefined) {
            t.throws(() => planRedo(repo), {code: 'NOTHING_TO_REDO'});
            continue;
          }
          await redo(repo);
          model.at = top;
        }
        t.is(repo.operation.view, model.views[model.at] as ObjectId);
        if (model.redo.length === 0) t.throws(() => planRedo(repo), {code: 'NOTHING_TO_REDO'});
      }
      await repo.close();
    }),
    {numRuns: 25},
  );
});

test('operations are named by id, by a prefix of it, and by their distance', async t => {
  const {repo} = await makeRepo(t);
  for (let i = 0; i < 5; i++) await commitFiles(repo, {x: String(i)});
  const all = [...listOperations(repo)];
  t.deepEqual(
    all.map(({seq}) => seq),
    [5, 4, 3, 2, 1, 0],
  );
  t.is((await resolveOperation(repo, '@')).seq, 5);
  t.is((await resolveOperation(repo, '@~')).seq, 4);
  t.is((await resolveOperation(repo, '@~5')).seq, 0);
  await t.throwsAsync(resolveOperation(repo, '@~6'), {code: 'OPERATION_UNKNOWN'});
  const id = formatId((all[2] as (typeof all)[number]).id);
  t.is((await resolveOperation(repo, id)).seq, 3);
  t.is((await resolveOperation(repo, id.slice(9, 25))).seq, 3);
  const commit = formatId(repo.head().commit as ObjectId);
  for (const text of ['', '@~x', 'nope', id.slice(9, 12), commit, commit.slice(9, 29)]) {
    await t.throwsAsync(resolveOperation(repo, text), {code: 'OPERATION_UNKNOWN'}, text);
  }
});

test('an operation that was written but never published is not in the log', async t => {
  const {repo} = await makeRepo(t);
  await commitFiles(repo, {x: '1'});
  const lost = repo.operation.id;
  const before = repo.objects.read(lost);
  const {repo: other} = await makeRepo(t, {host: 'elsewhere'});
  await commitFiles(other, {x: '2'});
  const transaction = other.begin();
  transaction.objects.put(before);
  await transaction.flush();
  transaction.discard();
  await t.throwsAsync(resolveOperation(other, formatId(lost)), {code: 'OPERATION_UNKNOWN'});
});

test('law: undo, redo and restore bring back the names of remotes with the refs below them', async t => {
  const step = fc.oneof(
    fc.record({kind: fc.constant('rename'), from: fc.nat(2), to: fc.nat(2)}),
    fc.record({kind: fc.constantFrom('undo', 'redo', 'other'), from: fc.nat(2), to: fc.nat(2)}),
    fc.record({kind: fc.constant('restore'), from: fc.nat(20), to: fc.nat(2)}),
  );
  await fc.assert(
    fc.asyncProperty(fc.array(step, {maxLength: 25}), async steps => {
      const {repo} = await makeRepo(t);
      const commit = await commitFiles(repo, {x: '1'});
      const names = ['a', 'b', 'c'];
      addRemote(repo, 'a', '/one');
      addRemote(repo, 'b', '/two');
      setUpstream(repo, branchName('main'), {remote: remoteName('a'), branch: branchName('main')});
      const seen = ['a', 'b'].map(name => remoteRef(remoteName(name), branchName(`of-${name}`)));
      const refs = seen.map(name => ({name, expected: {kind: 'absent'} as const, next: commit}));
      await repo.begin().publish({kind: 'normal', refs});
      const first = repo.operation.seq;
      /** Whatever the names are, each remote has its own branch, and main follows the first. */
      const state = () => {
        const remotes = listRemotes(repo).map(({name, url}) => {
          return [name, url, [...remoteRefs(repo, name)].map(({branch}) => branch)];
        });
        return JSON.stringify([remotes, findUpstream(repo, branchName('main'))?.remote]);
      };
      const states = new Map([[repo.operation.seq, state()]]);
      for (const {kind, from, to} of steps) {
        try {
          if (kind === 'rename') await renameRemote(repo, names[from] as string, names[to] as string);
          else if (kind === 'other') await createBranch(repo, `n${repo.operation.seq}`, commit);
          else {
            const back = Math.max(first, repo.operation.seq - from);
            const plan = {
              undo: () => planUndo(repo),
              redo: () => planRedo(repo),
              restore: () => planRestore(repo, [...listOperations(repo)].find(({seq}) => seq === back) as never),
            }[kind as 'undo' | 'redo' | 'restore']();
            const {target} = plan;
            // remotes were added by no operation
            if (kind === 'undo' && target.seq <= first) continue;
            await apply(repo, plan);
            const position = kind === 'undo' ? target.parent : target.id;
            const {seq} = [...listOperations(repo)].find(({id}) => id === position) as {seq: number};
            t.is(state(), `${states.get(seq)}`);
          }
        } catch (error) {
          if (!isDbosError(error)) throw error;
          t.true(['REMOTE_UNKNOWN', 'REMOTE_EXISTS', 'NOTHING_TO_REDO'].includes(error.code), error.code);
        }
        const remotes = listRemotes(repo);
        t.is(remotes.length, 2);
        for (const {name, url} of remotes) {
          const branches = [...remoteRefs(repo, name)].map(({branch}) => branch);
          t.deepEqual(branches, [url === '/one' ? 'of-a' : 'of-b'] as never);
        }
        t.is(findUpstream(repo, branchName('main'))?.remote, remotes.find(({url}) => url === '/one')?.name);
        if (!states.has(repo.operation.seq)) states.set(repo.operation.seq, state());
      }
    }),
    {numRuns: 40},
  );
});
