/** Shallow commits: every way through history ends with them, they survive with the objects they came with, and damage is told. */
import test, {type ExecutionContext} from 'ava';
import fc from 'fast-check';
import {idToBytes, type ObjectId} from '../../src/objects/id.js';
import {MemoryObjects} from '../../src/objects/memory.js';
import {objectKey} from '../../src/objects/store.js';
import {readCommit} from '../../src/repo/commit.js';
import {isAncestor, mergeBases, walk} from '../../src/repo/history.js';
import {pathHistory} from '../../src/repo/pathhistory.js';
import {branchName, branchRef} from '../../src/repo/refs.js';
import {Repository} from '../../src/repo/repository.js';
import {resolveRevision} from '../../src/repo/revisions.js';
import {isShallow, readHeldCommit, SHALLOW_KEY} from '../../src/repo/shallow.js';
import {fsck} from '../../src/sql/fsck.js';
import {commitWorkTree} from '../../src/worktree/commit.js';
import {Clock, type Graph, makeRepo, namesOf, START, testContext, writeGraph} from '../support/repo.js';

/** A random history, with the commits that are shallow. */
const history = fc
  .array(fc.tuple(fc.array(fc.nat(1000), {maxLength: 3}), fc.nat(20), fc.boolean()), {minLength: 2, maxLength: 20})
  .map(list => {
    const graph: Record<string, string[]> = {};
    const times: Record<string, number> = {};
    const shallow: string[] = [];
    list.forEach(([picks, time, isShallowOne], i) => {
      graph[`c${i}`] = i === 0 ? [] : [...new Set(picks.map(pick => `c${pick % i}`))];
      times[`c${i}`] = START + time * 1000;
      if (isShallowOne) shallow.push(`c${i}`);
    });
    return {graph, times, shallow};
  });

function ancestorsIn(graph: Graph, name: string, found = new Set<string>()): Set<string> {
  if (found.has(name)) return found;
  found.add(name);
  for (const parent of graph[name] as string[]) ancestorsIn(graph, parent, found);
  return found;
}

test('law: history with shallow commits is that of a graph in which these have no parents, and nothing below is read', t => {
  fc.assert(
    fc.property(history, fc.nat(1000), fc.nat(1000), ({graph, times, shallow}, x, y) => {
      const size = Object.keys(graph).length;
      const [a, b] = [`c${x % size}`, `c${y % size}`];
      const cut = {...graph, ...Object.fromEntries(shallow.map(name => [name, []]))};
      const [ofA, ofB] = [ancestorsIn(cut, a), ancestorsIn(cut, b)];
      const all = new MemoryObjects();
      const ids = writeGraph(all, graph, times);
      const id = (name: string) => ids[name] as ObjectId;
      const there = new Set([...ofA, ...ofB].map(id));
      const objects = new MemoryObjects();
      for (const each of Object.values(ids)) if (there.has(each)) objects.put(all.read(each));
      const source = {objects, shallow: new Set(shallow.map(id))};
      const walked = namesOf(
        ids,
        [...walk(source, {include: [id(a)], exclude: [id(b)]})].map(entry => entry.id),
      );
      t.deepEqual(walked.sort(), [...ofA].filter(name => !ofB.has(name)).sort());
      t.is(isAncestor(source, id(a), id(b)), ofB.has(a));
      const common = [...ofA].filter(name => ofB.has(name));
      const best = common.filter(one => !common.some(other => other !== one && ancestorsIn(cut, other).has(one)));
      t.deepEqual(namesOf(ids, mergeBases(source, id(a), id(b))).sort(), best.sort());
      for (const {id: each, commit, parents} of walk(source, {include: [id(a)]})) {
        const expected = (cut[namesOf(ids, [each])[0] as string] as string[]).map(id);
        t.deepEqual(commit.parents, expected);
        t.deepEqual(parents, expected);
        t.is(isShallow(commit), expected.length === 0 && (graph[namesOf(ids, [each])[0] as string] as []).length > 0);
      }
    }),
    {numRuns: 300},
  );
});

//  a -- b -- c -- d
const LINE: Graph = {a: [], b: ['a'], c: ['b'], d: ['c']};

/** Returns a store with the commits from c on, of which c is shallow. */
async function shallowStore(t: ExecutionContext) {
  const all = new MemoryObjects();
  const ids = writeGraph(all, LINE);
  const {repo, directory} = await makeRepo(t);
  const transaction = repo.begin();
  writeGraph(transaction.objects, LINE);
  transaction.setShallow(new Set([ids.c as ObjectId]));
  t.deepEqual([...transaction.shallow], [ids.c]);
  t.is(repo.shallow.size, 0, 'nothing is durable yet');
  await transaction.flush();
  const writer = repo.storage.writer();
  for (const name of ['a', 'b']) writer.delete(objectKey(ids[name] as ObjectId));
  await writer.commit();
  const edit = {name: branchRef(branchName('main')), expected: {kind: 'absent'}, next: ids.d as ObjectId} as const;
  await repo.begin().publish({kind: 'normal', refs: [edit]});
  return {repo, ids, directory};
}

async function problems(repo: Repository): Promise<string[]> {
  const found: string[] = [];
  for await (const problem of fsck(repo)) found.push(problem.message);
  return found;
}

test('shallow commits are kept with the store, also by a transaction that is flushed and then given up', async t => {
  const {repo, ids, directory} = await shallowStore(t);
  t.deepEqual([...repo.shallow], [ids.c]);
  const given = repo.begin();
  given.setShallow(new Set());
  given.discard();
  t.deepEqual([...repo.shallow], [ids.c]);
  await repo.close();
  const again = await Repository.open({store: `${directory}/.dbos`, workTree: directory}, testContext(new Clock()));
  t.deepEqual([...again.shallow], [ids.c]);
  t.deepEqual(await problems(again), []);
  const none = again.begin();
  none.setShallow(new Set());
  await none.flush();
  t.is(again.shallow.size, 0);
  t.is(again.storage.get(SHALLOW_KEY), undefined);
  await again.close();
});

test('what would need the parents of a shallow commit says that the store is shallow', async t => {
  const {repo, ids} = await shallowStore(t);
  t.is((await resolveRevision(repo, 'HEAD~1')).commit, ids.c as ObjectId);
  for (const [text, message] of [
    ['HEAD~2', "'HEAD~2' is not here: this store is shallow, and only 1 commit comes before 'HEAD'."],
    ['HEAD^^2', "'HEAD^^2' is not here: this store is shallow, and its history begins with 'HEAD^'."],
    ['HEAD~~', "'HEAD~~1' is not here: this store is shallow, and its history begins with 'HEAD~'."],
  ] as const) {
    await t.throwsAsync(resolveRevision(repo, text), {code: 'REVISION_UNKNOWN', message});
  }
  t.deepEqual(readHeldCommit(repo, ids.c as ObjectId).parents, []);
  t.deepEqual(readCommit(repo.objects, ids.c as ObjectId).parents, [ids.b]);
  // the first commit that is there has everything that it holds
  t.deepEqual(
    namesOf(
      ids,
      [...pathHistory(repo, {include: [ids.d as ObjectId]}, ['file'])].map(({id}) => id),
    ),
    ['d', 'c'],
  );
  await repo.begin().publish({kind: 'normal', head: {detached: ids.c as ObjectId}});
  await t.throwsAsync(commitWorkTree(repo, {amend: true}), {code: 'STORE_SHALLOW'});
});

test('fsck misses the parents of shallow commits nowhere, and everything else as before', async t => {
  const {repo, ids} = await shallowStore(t);
  t.deepEqual(await problems(repo), []);
  const put = async (value: Uint8Array) => {
    const writer = repo.storage.writer();
    writer.put(SHALLOW_KEY, value);
    await writer.commit();
  };
  const [c, d] = [idToBytes(ids.c as ObjectId), idToBytes(ids.d as ObjectId)];
  const {state} = readCommit(repo.objects, ids.c as ObjectId);
  const unknown = idToBytes(ids.a as ObjectId);
  for (const [value, expected] of [
    [c.subarray(1), /list of shallow commits of the store is damaged/],
    [Buffer.concat([c, c]), /list of shallow commits of the store is damaged/],
    [Buffer.concat([c, d].sort(Buffer.compare).reverse()), /list of shallow commits of the store is damaged/],
    [Buffer.alloc(0), /is missing from the store/],
    [d, undefined],
    [Buffer.concat([c, unknown].sort(Buffer.compare)), /list of shallow commits has .* missing from the store/],
    [Buffer.concat([c, idToBytes(state)].sort(Buffer.compare)), /list of shallow commits has /],
    [Buffer.from('garbage'.repeat(64)), /list of shallow commits /],
  ] as const) {
    await put(value);
    const found = await problems(repo);
    if (expected === undefined) t.deepEqual(found, []);
    else
      t.true(
        found.some(message => expected.test(message)),
        found.join('\n'),
      );
  }
});
