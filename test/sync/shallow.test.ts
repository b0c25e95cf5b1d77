/** Transfers with shallow stores on either side: history is cut off exactly where it was asked for, and goes on from there. */
import test, {type ExecutionContext} from 'ava';
import fc from 'fast-check';
import {DbosError, type ErrorCode} from '../../src/errors.js';
import type {ObjectId} from '../../src/objects/id.js';
import type {ObjectSink} from '../../src/objects/store.js';
import {readCommit, writeCommit} from '../../src/repo/commit.js';
import {walk} from '../../src/repo/history.js';
import {type BranchName, branchRef, findRef, listRefs, type RefName} from '../../src/repo/refs.js';
import type {Repository} from '../../src/repo/repository.js';
import {writeTag} from '../../src/repo/tag.js';
import {FILES_TABLE} from '../../src/state/files.js';
import {readState, writeState} from '../../src/state/state.js';
import {readTable, writeTable} from '../../src/state/table.js';
import {BranchPatterns} from '../../src/sync/branch-patterns.js';
import {allRefs, createBundle} from '../../src/sync/bundle-create.js';
import {BundlePeer} from '../../src/sync/bundle-peer.js';
import {type FetchOptions, fetchRemote} from '../../src/sync/fetch.js';
import {WHOLE_DEPTH} from '../../src/sync/journal.js';
import type {Parcel} from '../../src/sync/parcel.js';
import type {FetchRequest, Peer, PushRequest, Sending} from '../../src/sync/peer.js';
import {pushRemote} from '../../src/sync/push.js';
import {accessTo} from '../../src/sync/store-access.js';
import {StorePeer} from '../../src/sync/store-peer.js';
import {commitContent, START, writeFiles} from '../support/repo.js';
import {serve} from '../support/server.js';
import {bareStore, mustBeSound, ORIGIN} from '../support/sync.js';
import {makeTmpDir} from '../support/tmp.js';

const branch = (name: string): RefName => branchRef(name as BranchName);

/** Commits a file on a branch, after some other commits. */
async function commit(repo: Repository, name: string, on: string, parents: readonly ObjectId[]): Promise<ObjectId> {
  const transaction = repo.begin();
  const state = writeFiles(transaction.objects, {file: name, [`d/${name}`]: 'same', shared: 'x'.repeat(2000)});
  const id = writeCommit(transaction.objects, commitContent(state, parents, name, START));
  await transaction.publish({kind: 'normal', refs: [{name: branch(on), expected: {kind: 'any'}, next: id}]});
  return id;
}

async function tag(repo: Repository, name: string, target: ObjectId): Promise<void> {
  const transaction = repo.begin();
  const id = writeTag(transaction.objects, {
    target,
    name,
    tagger: {name: 'Ada', email: 'ada@example.org', time: START, zone: 0},
    message: name,
  });
  const refs = [{name: `tags/${name}` as RefName, expected: {kind: 'absent'} as const, next: id}];
  await transaction.publish({kind: 'normal', refs});
}

/** Returns a bare store with commits on main, the newest first, and their ids. */
async function line(t: ExecutionContext, length: number): Promise<{hub: Repository; ids: ObjectId[]}> {
  const hub = await bareStore(t);
  const ids: ObjectId[] = [];
  for (let i = 0; i < length; i++) ids.unshift(await commit(hub, `c${i}`, 'main', ids.slice(0, 1)));
  return {hub, ids};
}

const fetch = (repo: Repository, from: Repository, options: FetchOptions = {}) =>
  fetchRemote(repo, StorePeer.of(from), ORIGIN, options);

function push(repo: Repository, to: Repository, name: string, next: ObjectId) {
  return pushRemote(repo, StorePeer.of(to), ORIGIN, [{name: branch(name), next}]);
}

function tipsOf(repo: Repository, folder: 'branches/' | 'remotes/origin/'): Map<string, ObjectId> {
  return new Map(
    Array.from(listRefs(repo.objects, repo.view.refs, folder), ({name, id}) => [name.slice(folder.length), id]),
  );
}

function history(repo: Repository, tips: Iterable<ObjectId>): ObjectId[] {
  return Array.from(walk(repo, {include: [...tips]}), ({id}) => id);
}

/** Returns the commits that are among the first `depth` of any line from a tip. */
function within(repo: Repository, tips: Iterable<ObjectId>, depth: number): Set<ObjectId> {
  const found = new Set<ObjectId>();
  let level = [...tips];
  for (let i = 0; i < depth; i++) {
    for (const id of level) found.add(id);
    level = level.flatMap(id => (repo.shallow.has(id) ? [] : readCommit(repo.objects, id).parents));
  }
  return found;
}

test('law: a fetch brings history as deep as was asked for; whatever follows, both stores are sound and go on', async t => {
  const step = fc.record({
    what: fc.constantFrom('commit', 'commit', 'fetch', 'fetch', 'deepen', 'push', 'push', 'whole', 'clone'),
    on: fc.constantFrom('main', 'side', 'new'),
    parents: fc.array(fc.nat(1000), {minLength: 1, maxLength: 2}),
    depth: fc.integer({min: 1, max: 5}),
  });
  const graph = fc.array(fc.tuple(fc.array(fc.nat(1000), {maxLength: 2}), fc.constantFrom('main', 'side', 'other')), {
    minLength: 1,
    maxLength: 10,
  });
  await fc.assert(
    fc.asyncProperty(
      graph,
      fc.integer({min: 1, max: 4}),
      fc.array(step, {maxLength: 8}),
      async (list, depth, steps) => {
        const [hub, one] = [await bareStore(t), await bareStore(t)];
        const all: ObjectId[] = [];
        const pick = (picks: readonly number[], from: readonly ObjectId[]) =>
          from.length === 0 ? [] : [...new Set(picks.map(each => from[each % from.length] as ObjectId))];
        for (const [i, [picks, on]] of list.entries()) all.push(await commit(hub, `h${i}`, on, pick(picks, all)));
        const same = (repo: Repository, from: Repository) => {
          t.deepEqual(tipsOf(repo, 'remotes/origin/'), tipsOf(from, 'branches/'));
        };
        const check = async (repo: Repository) => {
          await mustBeSound(repo);
          const tips = [...tipsOf(repo, 'remotes/origin/').values(), ...tipsOf(repo, 'branches/').values()];
          const there = new Set(history(repo, tips));
          for (const id of there) {
            const {parents} = readCommit(repo.objects, id);
            if (!repo.shallow.has(id)) t.true(parents.every(parent => there.has(parent)));
            else t.true(parents.length > 0);
          }
        };
        const deepen = async (repo: Repository, from: Repository, to: number) => {
          await fetch(repo, from, {depth: to, prune: true});
          same(repo, from);
          const there = new Set(history(repo, tipsOf(repo, 'remotes/origin/').values()));
          for (const id of within(from, tipsOf(from, 'branches/').values(), to)) t.true(there.has(id));
        };
        await deepen(one, hub, depth);
        const tips = tipsOf(hub, 'branches/').values();
        const came = history(one, tipsOf(one, 'remotes/origin/').values());
        t.deepEqual(came.sort(), [...within(hub, tips, depth)].sort(), 'and nothing more');
        await check(one);
        for (const [i, {what, on, parents, depth: to}] of steps.entries()) {
          if (what === 'commit') all.push(await commit(hub, `s${i}`, on, pick(parents, all)));
          else if (what === 'fetch') {
            await fetch(one, hub, {prune: true});
            same(one, hub);
          } else if (what === 'deepen') await deepen(one, hub, to);
          else if (what === 'whole') {
            await fetch(one, hub, {depth: WHOLE_DEPTH, prune: true});
            same(one, hub);
            const [ours, theirs] = [tipsOf(one, 'remotes/origin/').values(), tipsOf(hub, 'branches/').values()];
            t.deepEqual(history(one, ours).sort(), history(hub, theirs).sort());
          } else if (what === 'clone') {
            const two = await bareStore(t);
            await deepen(two, one, to);
            await check(two);
            await two.close();
          } else {
            const there = history(one, tipsOf(one, 'remotes/origin/').values());
            const id = await commit(one, `p${i}`, `p${i}`, pick(parents, there));
            await push(one, hub, `p${i}`, id);
            t.is(findRef(hub.objects, hub.view.refs, branch(`p${i}`)), id);
            all.push(id);
          }
          await check(one);
          await mustBeSound(hub);
          t.is(hub.shallow.size, 0);
        }
        for (const repo of [hub, one]) await repo.close();
      },
    ),
    {numRuns: 14, seed: 11},
  );
});

test('what was cut off comes with a branch that forked off below, and in full when it is asked for', async t => {
  const {hub, ids} = await line(t, 8);
  const [one, two] = [await bareStore(t), await bareStore(t)];
  for (const repo of [one, two]) await fetch(repo, hub, {depth: 2});
  t.deepEqual([...one.shallow], [ids[1]]);
  const side = await commit(hub, 'side', 'side', [ids[5] as ObjectId]);
  await fetch(one, hub);
  t.is(history(one, [side]).length, 4);
  // the fork has its history, but what lies between is still cut off
  t.deepEqual([...one.shallow], [ids[1]]);
  await commit(hub, 'next', 'next', [ids[2] as ObjectId]);
  await fetch(one, hub);
  t.is(one.shallow.size, 0);
  t.is(history(one, [ids[0] as ObjectId]).length, 8);

  t.is((await fetch(two, hub, {depth: 4})).updates.length, 2);
  const {operation} = two;
  await fetch(two, hub, {depth: WHOLE_DEPTH});
  t.is(two.shallow.size, 0);
  t.is(two.operation.id, operation.id, 'no ref has moved');
  t.is(history(two, [ids[0] as ObjectId]).length, 8);
  t.is((await fetch(two, hub, {depth: 1})).objects, 0);
  t.is(two.shallow.size, 0, 'nothing is taken away');
  for (const repo of [one, two]) await mustBeSound(repo);
});

test('of tags only those come to a shallow store whose commits are there, until it is whole', async t => {
  const {hub, ids} = await line(t, 6);
  await tag(hub, 'old', ids[4] as ObjectId);
  await tag(hub, 'new', ids[0] as ObjectId);
  const one = await bareStore(t);
  const tags = () => Array.from(listRefs(one.objects, one.view.refs, 'tags/'), ({name}) => name).join(' ');
  await fetch(one, hub, {depth: 2});
  t.is(tags(), 'tags/new');
  await tag(hub, 'second', ids[1] as ObjectId);
  await fetch(one, hub);
  t.is(tags(), 'tags/new tags/second');
  t.is((await fetch(one, hub)).objects, 0);
  await fetch(one, hub, {depth: WHOLE_DEPTH});
  t.is(tags(), 'tags/new tags/old tags/second');
  await mustBeSound(one);
});

test('what is sent for a depth does not grow with history, nor with what is there already', async t => {
  const {hub} = await line(t, 30);
  const one = await bareStore(t);
  const first = await fetch(one, hub, {depth: 1});
  t.true(first.objects < 10, `${first.objects} objects`);
  const [tip] = tipsOf(hub, 'branches/').values();
  const middle = await commit(hub, 'middle', 'main', [tip as ObjectId]);
  await commit(hub, 'last', 'main', [middle]);
  const next = await fetch(one, hub, {depth: 1});
  // not the bodies that both have
  t.true(next.objects < first.objects, `${next.objects} objects`);
  await mustBeSound(one);
});

test('a store that did not ask for it takes no history that is cut off, and gives none to one that lacks it', async t => {
  const {hub, ids} = await line(t, 5);
  const [shallow, full] = [await bareStore(t), await bareStore(t)];
  await fetch(shallow, hub, {depth: 2});
  const tip = await commit(shallow, 'mine', 'main', [ids[0] as ObjectId]);
  const {operation} = full;
  await t.throwsAsync(fetch(full, shallow), {code: 'STORE_SHALLOW'});
  await t.throwsAsync(fetch(full, shallow, {depth: WHOLE_DEPTH}), {code: 'STORE_SHALLOW'});
  await t.throwsAsync(push(shallow, full, 'main', tip), {code: 'STORE_SHALLOW'});
  t.is(full.operation.id, operation.id);
  t.is(full.shallow.size, 0);
  await fetch(full, hub);
  await fetch(full, shallow);
  t.is(full.shallow.size, 0);
  await push(shallow, hub, 'main', tip);
  // a shallow store is pushed what lies below where it ends
  const side = await commit(full, 'side', 'side', [ids[3] as ObjectId]);
  await push(full, shallow, 'side', side);
  t.is(history(shallow, [side]).length, 3);
  for (const repo of [hub, full, shallow]) await mustBeSound(repo);
});

/** A peer that changes what it answers to a fetch. */
class Altered implements Peer {
  constructor(
    private readonly honest: Peer,
    private readonly alter: (sending: Sending) => Sending,
  ) {}

  refs() {
    return this.honest.refs();
  }

  has(ids: readonly ObjectId[]) {
    return this.honest.has(ids);
  }

  async fetch(request: FetchRequest): Promise<Sending> {
    return this.alter(await this.honest.fetch(request));
  }

  received(key: string) {
    return this.honest.received(key);
  }

  check(edits: Parameters<Peer['check']>[0]) {
    return this.honest.check(edits);
  }

  push(request: PushRequest, parcels: AsyncIterable<Parcel>) {
    return this.honest.push(request, parcels);
  }

  async close(): Promise<void> {}
}

test('a peer hides no history from who did not ask for a depth, and nothing but parents from who did', async t => {
  const {hub, ids} = await line(t, 4);
  const all = ids.flatMap(id => [id, readCommit(hub.objects, id).state]);
  const refuses = async (alter: (sending: Sending) => Sending, code: ErrorCode, options: FetchOptions = {}) => {
    const repo = await bareStore(t);
    const {operation} = repo;
    const peer = new Altered(StorePeer.of(hub), alter);
    const error = await t.throwsAsync(fetchRemote(repo, peer, ORIGIN, options), {instanceOf: DbosError});
    t.is((error as DbosError).code, code);
    t.is(repo.operation.id, operation.id);
    await mustBeSound(repo);
  };
  await refuses(sending => ({...sending, shallow: [ids[1] as ObjectId]}), 'STORE_SHALLOW');
  const without = (kind: 'blobs' | 'structure') => (sending: Sending) => ({
    ...sending,
    shallow: all,
    parcels: (async function* () {
      for await (const parcel of sending.parcels) if (parcel.blobs !== (kind === 'blobs')) yield parcel;
    })(),
  });
  await refuses(without('blobs'), 'TRANSFER_INVALID', {depth: 2});
  await refuses(without('structure'), 'TRANSFER_INVALID', {depth: 2});
  await refuses(sending => ({...sending, shallow: []}), 'TRANSFER_INVALID', {depth: 2});
});

test('a fetch of some depth that broke off goes on, and gets in the way of no other', async t => {
  const {hub, ids} = await line(t, 6);
  const breaks = (repo: Repository, options: FetchOptions) => {
    const peer = new Altered(StorePeer.of(hub), sending => ({
      ...sending,
      parcels: (async function* () {
        let left = sending.total;
        for await (const parcel of sending.parcels) {
          yield parcel;
          left -= parcel.lengths.length;
          // before what the newest commit alone has
          if (left < 8) throw new DbosError('STORE_IO', 'The line is cut.');
        }
      })(),
    }));
    return t.throwsAsync(fetchRemote(repo, peer, ORIGIN, options), {message: 'The line is cut.'});
  };
  const [same, whole] = [await bareStore(t), await bareStore(t)];
  for (const repo of [same, whole]) {
    await breaks(repo, {depth: 2});
    t.deepEqual([...repo.shallow], [ids[1]], 'it is durable and marked as what it is');
    await mustBeSound(repo);
  }
  t.true((await fetch(same, hub, {depth: 2})).objects < 8);
  t.is(history(same, [ids[0] as ObjectId]).length, 2);
  await fetch(whole, hub);
  t.is(whole.shallow.size, 0);
  t.is(history(whole, [ids[0] as ObjectId]).length, 6);

  await breaks(same, {depth: WHOLE_DEPTH});
  t.is(history(same, [ids[0] as ObjectId]).length, 2, 'nothing shows what came');
  await fetch(same, hub);
  t.is(history(same, [ids[0] as ObjectId]).length, 2);
  await fetch(same, hub, {depth: WHOLE_DEPTH});
  t.is(history(same, [ids[0] as ObjectId]).length, 6);
  for (const repo of [same, whole]) await mustBeSound(repo);
});

test('parents of a shallow commit that are not sound are refused when they come', async t => {
  const {hub, ids} = await line(t, 3);
  const [first, second] = [ids[0] as ObjectId, ids[1] as ObjectId];
  const evil: Record<string, (objects: ObjectSink) => ObjectId> = {
    // nobody can tell from the commit alone
    'a generation that does not follow': objects => {
      const bytes = Buffer.from(objects.read(first));
      const at = bytes.indexOf(Buffer.from(second, 'latin1')) + 32;
      t.is(bytes[at], 3);
      bytes[at] = 9;
      return objects.put(bytes);
    },
    'a wrong number of rows': objects => {
      const state = new Map(readState(objects, readCommit(objects, second).state));
      const table = readTable(objects, state.get(FILES_TABLE) as ObjectId);
      state.set(FILES_TABLE, writeTable(objects, {...table, rows: 7}));
      const wrong = writeCommit(objects, commitContent(writeState(objects, state), [second], 'wrong', START));
      return writeCommit(objects, commitContent(readCommit(objects, first).state, [wrong], 'right', START));
    },
  };
  for (const [what, make] of Object.entries(evil)) {
    const [from, one] = [await bareStore(t), await bareStore(t)];
    await fetch(from, hub);
    const transaction = from.begin();
    const id = make(transaction.objects);
    const refs = [{name: branch('main'), expected: {kind: 'absent'} as const, next: id}];
    await transaction.publish({kind: 'normal', refs});
    await fetch(one, from, {depth: 1});
    t.deepEqual([...one.shallow], [id], what);
    await mustBeSound(one);
    const {operation} = one;
    await t.throwsAsync(fetch(one, from, {depth: 2}), {code: 'TRANSFER_INVALID'}, what);
    t.is(one.operation.id, operation.id, what);
    t.deepEqual([...one.shallow], [id], what);
    await mustBeSound(one);
  }
});

test('over HTTP the depth, what is cut off and what is of a tag get through', async t => {
  const ids: ObjectId[] = [];
  const server = await serve(t, {}, async hub => {
    for (let i = 0; i < 4; i++) ids.unshift(await commit(hub, `c${i}`, 'main', ids.slice(0, 1)));
    await tag(hub, 'old', ids[3] as ObjectId);
    await tag(hub, 'new', ids[0] as ObjectId);
  });
  const peer = server.peer();
  const one = await bareStore(t);
  await fetchRemote(one, peer, ORIGIN, {depth: 2});
  t.deepEqual([...one.shallow], [ids[1]]);
  t.is(history(one, [ids[0] as ObjectId]).length, 2);
  t.is(findRef(one.objects, one.view.refs, 'tags/old' as RefName), undefined);
  t.not(findRef(one.objects, one.view.refs, 'tags/new' as RefName), undefined);
  const next = await commit(one, 'mine', 'main', ids.slice(0, 1));
  await pushRemote(one, peer, ORIGIN, [{name: branch('main'), next}]);
  await fetchRemote(one, peer, ORIGIN, {depth: WHOLE_DEPTH});
  t.is(one.shallow.size, 0);
  t.is(history(one, [next]).length, 5);
  t.not(findRef(one.objects, one.view.refs, 'tags/old' as RefName), undefined);
  await mustBeSound(one);
  await peer.close();
});

test('whoever sees some branches only gets and changes the history of these, at any depth', async t => {
  const {hub, ids} = await line(t, 5);
  const team = await commit(hub, 'team', 'team/a', [ids[2] as ObjectId]);
  await commit(hub, 'hidden', 'main', ids.slice(0, 1));
  const patterns = new BranchPatterns(['team/*']);
  const peer = new StorePeer(accessTo(hub), {rights: {name: 'ann', role: 'write', branches: patterns}});
  const one = await bareStore(t);
  await fetchRemote(one, peer, ORIGIN, {depth: 2});
  t.deepEqual([...one.shallow], [ids[2]]);
  const next = await commit(one, 'mine', 'team/a', [team]);
  await pushRemote(one, peer, ORIGIN, [{name: branch('team/a'), next}]);
  await fetchRemote(one, peer, ORIGIN, {depth: WHOLE_DEPTH});
  t.is(one.shallow.size, 0);
  t.is(history(one, [next]).length, 5);
  t.false(one.objects.has(ids[1] as ObjectId));
  // a commit that is shallow here says nothing of what is hidden there
  const asked = {wants: [next], common: [next], depth: 9, shallow: [ids[0] as ObjectId]};
  t.is((await peer.fetch(asked)).total, 0);
  for (const repo of [hub, one]) await mustBeSound(repo);
});

test('a bundle of a shallow store is for those who have what it lacks, and one of a whole store makes a shallow one whole', async t => {
  const {hub, ids} = await line(t, 4);
  await tag(hub, 'old', ids[3] as ObjectId);
  const [shallow, empty] = [await bareStore(t), await bareStore(t)];
  await fetch(shallow, hub, {depth: 2});
  const next = await commit(shallow, 'mine', 'main', ids.slice(0, 1));
  const folder = makeTmpDir(t);
  const bundle = async (repo: Repository) => {
    const path = `${folder}/${repo === hub ? 'whole' : 'part'}.car`;
    await createBundle(repo, {path, name: path}, {refs: allRefs(repo), since: []});
    return (into: Repository, options: FetchOptions = {}) =>
      fetchRemote(into, BundlePeer.open(path, into), ORIGIN, options);
  };
  const [part, whole] = [await bundle(shallow), await bundle(hub)];
  await t.throwsAsync(part(empty), {code: 'BUNDLE_PREREQUISITE'});
  await t.throwsAsync(whole(empty, {depth: 1}), {code: 'USAGE'});
  await part(hub);
  t.is(history(hub, [next]).length, 5);
  await whole(shallow);
  t.is(shallow.shallow.size, 0);
  t.is(history(shallow, [next]).length, 5);
  t.not(findRef(shallow.objects, shallow.view.refs, 'tags/old' as RefName), undefined);
  for (const repo of [hub, shallow, empty]) await mustBeSound(repo);
});
