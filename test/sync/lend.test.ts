/** While a fetch or a push waits for the other store, other processes have this one; what they do there meanwhile is neither lost nor undone. */
import test from 'ava';
import type {ObjectId} from '../../src/objects/id.js';
import {branchName, branchRef, findRef, type RefName, remoteRef} from '../../src/repo/refs.js';
import type {Repository} from '../../src/repo/repository.js';
import {fetchRemote} from '../../src/sync/fetch.js';
import type {Parcel} from '../../src/sync/parcel.js';
import type {FetchRequest, Peer, PushRequest, Sending} from '../../src/sync/peer.js';
import {pushRemote} from '../../src/sync/push.js';
import '../../src/sync/repository-sync.js';
import {addRemote} from '../../src/sync/remotes.js';
import {StorePeer} from '../../src/sync/store-peer.js';
import {randomBytes} from '../bench/generated-tree.js';
import {commitFiles} from '../support/repo.js';
import {bareStore, codeOf, look, mustBeSound, ORIGIN, sql} from '../support/sync.js';

const MAIN = branchName('main');
const TRACKED = remoteRef(ORIGIN, MAIN);

/** A peer that has something done before it sends the first parcel, the list of them, and each one after so many; as it does before it takes them. */
class Slow implements Peer {
  private readonly honest: Peer;

  constructor(
    from: Repository,
    private readonly meanwhile: (when: number) => Promise<void>,
    private readonly every = 100,
  ) {
    this.honest = StorePeer.of(from);
  }

  refs() {
    return this.honest.refs();
  }

  has(ids: Parameters<Peer['has']>[0]) {
    return this.honest.has(ids);
  }

  async fetch(request: FetchRequest): Promise<Sending> {
    await this.meanwhile(-1);
    const sending = await this.honest.fetch(request);
    return {...sending, parcels: this.slowly(sending.parcels)};
  }

  private async *slowly(parcels: AsyncIterable<Parcel>): AsyncGenerator<Parcel> {
    let sent = 0;
    for await (const parcel of parcels) {
      if (sent++ % this.every === 0) await this.meanwhile(sent);
      yield parcel;
    }
  }

  received(key: string) {
    return this.honest.received(key);
  }

  check(edits: Parameters<Peer['check']>[0]) {
    return this.honest.check(edits);
  }

  push(request: PushRequest, parcels: AsyncIterable<Parcel>) {
    return this.honest.push(request, this.slowly(parcels));
  }

  async close(): Promise<void> {}
}

const held = (repo: Repository, ref: RefName) => findRef(repo.objects, repo.view.refs, ref);

/** Commits some 22 MB that do not compress, more than is stored at once. */
function commitMany(repo: Repository): Promise<unknown> {
  const files = Array.from({length: 500}, (_, i) => [`f${i}`, Buffer.from(randomBytes(i, 45_000)).toString('base64')]);
  return commitFiles(repo, Object.fromEntries(files));
}

test('others commit while a fetch waits, and it ends with what both brought', async t => {
  const [from, to] = [await bareStore(t), await bareStore(t)];
  await commitMany(from);
  await sql(to, 'CREATE TABLE t (id INTEGER PRIMARY KEY)');
  const {store} = to.location;
  let rows = 0;
  const peer = new Slow(from, () => look(store, async repo => sql(repo, `INSERT INTO t VALUES (${++rows})`)));
  const fetched = await fetchRemote(to, peer, ORIGIN, {lend: true});
  t.true(rows > 3, `${rows}`);
  t.is(held(to, TRACKED), held(from, branchRef(MAIN)));
  t.deepEqual(
    fetched.updates.map(({ref, before}) => [ref, before]),
    [[TRACKED, null]],
  );
  await sql(to, `INSERT INTO t SELECT 1000 WHERE (SELECT count(*) FROM t) = ${rows}`);
  await sql(to, "SELECT CASE WHEN (SELECT max(id) FROM t) = 1000 THEN 1 ELSE abs('lost') END");
  await mustBeSound(to);
});

test('two fetches of the same at once both end well, also if one has tags that the other brought', async t => {
  const [from, to] = [await bareStore(t), await bareStore(t)];
  await commitMany(from);
  const {store} = to.location;
  let others = 0;
  const peer = new Slow(from, async when => {
    if (when !== 101) return;
    others++;
    await look(store, async repo => {
      await fetchRemote(repo, StorePeer.of(from), ORIGIN);
      const transaction = repo.begin();
      const tag = {
        name: 'tags/v1' as RefName,
        expected: {kind: 'absent'} as const,
        next: held(from, branchRef(MAIN)) as never,
      };
      await transaction.publish({kind: 'normal', description: 'tag', refs: [tag]});
    });
  });
  const {updates} = await fetchRemote(to, peer, ORIGIN, {lend: true});
  // it is not let go of any more
  await new Promise(resolve => setTimeout(resolve, 400));
  t.is(others, 1);
  t.deepEqual(updates, [], 'the other one has said it all');
  t.is(held(to, TRACKED), held(from, branchRef(MAIN)));
  t.is(held(to, 'tags/v1' as RefName), held(from, branchRef(MAIN)));
  await mustBeSound(to);
});

test('a pull does not merge into a branch that HEAD came to meanwhile', async t => {
  const [from, to] = [await bareStore(t), await bareStore(t)];
  await sql(from, 'CREATE TABLE t (id INTEGER PRIMARY KEY)');
  addRemote(to, ORIGIN, from.location.store);
  await from.close();
  await to.pull('origin');
  const before = to.head().commit;
  await look(from.location.store, repo => sql(repo, 'INSERT INTO t VALUES (1)'));
  const fetch = to.fetch.bind(to);
  to.fetch = async (...args) => {
    const fetched = await fetch(...args);
    const refs = [{name: branchRef(branchName('b')), expected: {kind: 'absent'} as const, next: before as never}];
    await to.begin().publish({kind: 'normal', description: 'b', refs, head: {branch: branchName('b')}});
    return fetched;
  };
  t.is(await codeOf(to.pull('origin', {lend: true})), 'REF_MOVED');
  t.is(to.head().commit, before);
  t.is(held(to, branchRef(MAIN)), before);
});

test('a store that does not come back is told, and the next fetch goes on', async t => {
  const [from, to] = [await bareStore(t), await bareStore(t)];
  await commitMany(from);
  const {store} = to.location;
  const other: {repo?: Repository} = {};
  const peer = new Slow(from, async when => {
    if (when === 301) await look(store, repo => repo.view);
    if (when === 401) {
      // somebody takes it for long
      const {Repository: opener} = await import('../../src/repo/repository.js');
      other.repo = await opener.open({store, workTree: undefined}, {...to.context, lockTimeout: 20_000});
    }
  });
  const impatient = {...to.context, lockTimeout: 300};
  await to.close();
  const {Repository: opener} = await import('../../src/repo/repository.js');
  const repo = await opener.open({store, workTree: undefined}, impatient);
  t.is(await codeOf(fetchRemote(repo, peer, ORIGIN, {lend: true})), 'STORE_LOCKED');
  await repo.close();
  t.truthy(other.repo);
  t.is(held(other.repo as Repository, TRACKED), undefined);
  const rest = await fetchRemote(other.repo as Repository, StorePeer.of(from), ORIGIN);
  t.true(rest.objects > 0);
  t.is(held(other.repo as Repository, TRACKED), held(from, branchRef(MAIN)));
  await mustBeSound(other.repo as Repository);
  await other.repo?.close();
});

test('others commit while a push waits, and it sends what it began with', async t => {
  const [from, to] = [await bareStore(t), await bareStore(t)];
  await commitMany(from);
  await sql(from, 'CREATE TABLE t (id INTEGER PRIMARY KEY)');
  const tip = held(from, branchRef(MAIN)) as ObjectId;
  const {store} = from.location;
  let rows = 0;
  const peer = new Slow(to, () => look(store, async repo => sql(repo, `INSERT INTO t VALUES (${++rows})`)));
  await pushRemote(from, peer, ORIGIN, [{name: branchRef(MAIN), next: tip}], {lend: true});
  t.true(rows > 3, `${rows}`);
  t.is(held(to, branchRef(MAIN)), tip);
  t.is(held(from, TRACKED), tip);
  t.not(held(from, branchRef(MAIN)), tip);
  await sql(from, `INSERT INTO t SELECT 1000 WHERE (SELECT count(*) FROM t) = ${rows}`);
  await sql(from, "SELECT CASE WHEN (SELECT max(id) FROM t) = 1000 THEN 1 ELSE abs('lost') END");
  for (const repo of [from, to]) await mustBeSound(repo);
});

test('what others have seen of the other store while a push waited stays', async t => {
  const [from, to] = [await bareStore(t), await bareStore(t)];
  await commitMany(from);
  const first = held(from, branchRef(MAIN)) as ObjectId;
  await sql(from, 'CREATE TABLE t (id INTEGER PRIMARY KEY)');
  const tip = held(from, branchRef(MAIN)) as ObjectId;
  const {store} = from.location;
  const peer = new Slow(to, async when => {
    if (when !== 101) return;
    await look(store, async repo => {
      const refs = [{name: TRACKED, expected: {kind: 'absent'} as const, next: first}];
      await repo.begin().publish({kind: 'normal', description: 'fetch', refs});
    });
  });
  await pushRemote(from, peer, ORIGIN, [{name: branchRef(MAIN), next: tip}], {lend: true});
  t.is(held(to, branchRef(MAIN)), tip);
  t.is(held(from, TRACKED), first);
});

test('a push whose store does not come back is told so, and the next one goes on behind what came', async t => {
  const [from, to] = [await bareStore(t), await bareStore(t)];
  await commitMany(from);
  const tip = held(from, branchRef(MAIN)) as ObjectId;
  const {store} = from.location;
  await from.close();
  const {Repository: opener} = await import('../../src/repo/repository.js');
  const other: {repo?: Repository} = {};
  const peer = new Slow(to, async when => {
    // somebody takes it for long
    if (when === 301)
      other.repo = await opener.open({store, workTree: undefined}, {...from.context, lockTimeout: 20_000});
  });
  const repo = await opener.open({store, workTree: undefined}, {...from.context, lockTimeout: 300});
  const wishes = [{name: branchRef(MAIN), next: tip}];
  t.is(await codeOf(pushRemote(repo, peer, ORIGIN, wishes, {lend: true})), 'STORE_LOCKED');
  await repo.close();
  t.is(held(to, branchRef(MAIN)), undefined);
  const rest = await pushRemote(other.repo as Repository, StorePeer.of(to), ORIGIN, wishes);
  t.true(rest.objects > 0);
  t.is(held(to, branchRef(MAIN)), tip);
  await mustBeSound(to);
  await other.repo?.close();
});
