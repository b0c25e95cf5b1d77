/** Fetch, push and pull between stores: both sides end with the same ids, what is sent follows the change, nothing hostile gets in. */
import {existsSync, readdirSync, readFileSync, utimesSync, writeFileSync} from 'node:fs';
import {join} from 'node:path';
import test, {type ExecutionContext} from 'ava';
import fc from 'fast-check';
import {DbosError, isDbosError} from '../../src/errors.js';
import {encodeObject, fieldOfId, wideInteger} from '../../src/objects/codec.js';
import {idOf, type ObjectId} from '../../src/objects/id.js';
import {writeCommit} from '../../src/repo/commit.js';
import {branchName, branchRef, findRef, type RefName, remoteRef} from '../../src/repo/refs.js';
import type {Repository} from '../../src/repo/repository.js';
import {editFiles, FILES_TABLE, type FileRow, filesTable, findFile} from '../../src/state/files.js';
import {readState, writeState} from '../../src/state/state.js';
import {readTable, writeTable} from '../../src/state/table.js';
import {fetchRemote} from '../../src/sync/fetch.js';
import {Journal} from '../../src/sync/journal.js';
import type {Listed} from '../../src/sync/missing.js';
import {type Parcel, packObjects} from '../../src/sync/parcel.js';
import type {FetchRequest, Peer, PushRequest, Sending} from '../../src/sync/peer.js';
import {bringIn} from '../../src/sync/pull.js';
import {pushRemote} from '../../src/sync/push.js';
import {StorePeer} from '../../src/sync/store-peer.js';
import {ContentRef} from '../../src/tree/cell.js';
import {randomBytes} from '../bench/generated-tree.js';
import {commitContent, commitFiles, START, writeFiles} from '../support/repo.js';
import {bareStore, mustBeSound, ORIGIN, sql} from '../support/sync.js';

const MAIN = branchName('main');
const UPSTREAM = {remote: ORIGIN, branch: MAIN};

function tip(repo: Repository): ObjectId | undefined {
  return findRef(repo.objects, repo.view.refs, branchRef(MAIN));
}

async function pull(repo: Repository, from: Repository): Promise<void> {
  await fetchRemote(repo, StorePeer.of(from), ORIGIN);
  await bringIn(repo, UPSTREAM);
}

function push(repo: Repository, to: Repository) {
  return pushRemote(repo, StorePeer.of(to), ORIGIN, [{name: branchRef(MAIN), next: tip(repo) as ObjectId}]);
}

test('after any edits, pushes and pulls all stores end with the same commit, and are sound', async t => {
  const step = fc.record({
    who: fc.constantFrom(0, 1),
    what: fc.constantFrom('row', 'file', 'push', 'pull'),
    n: fc.nat(20),
  });
  await fc.assert(
    fc.asyncProperty(fc.array(step, {maxLength: 14}), async steps => {
      const [hub, one, two] = [await bareStore(t), await bareStore(t), await bareStore(t)];
      await sql(one, 'CREATE TABLE t (id INTEGER PRIMARY KEY, v TEXT UNIQUE)');
      await push(one, hub);
      await pull(two, hub);
      for (const [i, {who, what, n}] of steps.entries()) {
        const repo = who === 0 ? one : two;
        const key = 2 * n + who;
        if (what === 'row') await sql(repo, `INSERT OR REPLACE INTO t VALUES (${key}, 'v${key} ${i}')`);
        else if (what === 'file') {
          const body = 'x'.repeat(n * 10_000);
          await sql(repo, `INSERT OR REPLACE INTO files (path, content) VALUES ('f${key}', '${i}${body}')`);
        } else if (what === 'pull') await pull(repo, hub);
        else {
          await push(repo, hub).catch(error => {
            if (!isDbosError(error, 'NOT_FAST_FORWARD')) throw error;
          });
        }
      }
      for (const repo of [one, two, one]) {
        await pull(repo, hub);
        await push(repo, hub);
      }
      await pull(two, hub);
      t.is(tip(one), tip(hub));
      t.is(tip(two), tip(hub));
      for (const repo of [hub, one, two]) {
        await mustBeSound(repo);
        await repo.close();
      }
    }),
    {numRuns: 12, seed: 7},
  );
});

test('what is sent follows the change: one row of many, one line of a large file', async t => {
  const [here, there] = [await bareStore(t), await bareStore(t)];
  const body = Array.from({length: 60_000}, (_, i) => `line ${i} ${(i * 7919) % 10007}`).join('\n');
  await sql(
    here,
    'CREATE TABLE t (id INTEGER PRIMARY KEY, v TEXT)',
    "INSERT INTO t SELECT value, 'row ' || value FROM generate_series(1, 50000)",
    `INSERT INTO files (path, content) VALUES ('large', '${body}')`,
  );
  const whole = await push(here, there);
  await sql(here, "UPDATE t SET v = 'other' WHERE id = 25000");
  const row = await push(here, there);
  // a leaf, the path above it, table, state and commit
  t.true(row.objects <= 7, `${row.objects} objects`);
  t.true(row.bytes < whole.bytes / 20);
  await sql(here, `UPDATE files SET content = '${body.replace('line 30000 ', 'line thirty ')}' WHERE path = 'large'`);
  const line = await push(here, there);
  t.true(line.objects <= 9, `${line.objects} objects`);
  await sql(here, "INSERT INTO files (path, content) SELECT 'copy', content FROM files WHERE path = 'large'");
  const copy = await push(here, there);
  // the content object is the only one that the search has no room for
  t.true(copy.objects <= 8, `${copy.objects} objects`);
  t.true(copy.bytes < 5000, `${copy.bytes} bytes`);
  t.is((await push(here, there)).objects, 0);
  const third = await bareStore(t);
  await fetchRemote(third, StorePeer.of(there), ORIGIN);
  await sql(here, "UPDATE t SET v = 'again' WHERE id = 1");
  await push(here, there);
  const fetched = await fetchRemote(third, StorePeer.of(there), ORIGIN);
  t.true(fetched.objects <= 7, `${fetched.objects} objects`);
  await mustBeSound(third);
});

test('of two that push to one branch exactly one wins', async t => {
  const [hub, one, two] = [await bareStore(t), await bareStore(t), await bareStore(t)];
  await sql(one, 'CREATE TABLE t (id INTEGER PRIMARY KEY)');
  await push(one, hub);
  await pull(two, hub);
  await sql(one, 'INSERT INTO t VALUES (1)');
  await sql(two, 'INSERT INTO t VALUES (2)');
  // both have looked at the refs before either has moved them
  const peer = StorePeer.of(hub);
  const refs = await peer.refs();
  const late: Peer = {
    refs: async () => refs,
    has: ids => peer.has(ids),
    fetch: request => peer.fetch(request),
    received: key => peer.received(key),
    check: edits => peer.check(edits),
    push: (request, parcels) => peer.push(request, parcels),
    close: async () => undefined,
  };
  const name = branchRef(MAIN);
  await pushRemote(one, late, ORIGIN, [{name, next: tip(one) as ObjectId}]);
  const lost = await t.throwsAsync(pushRemote(two, late, ORIGIN, [{name, next: tip(two) as ObjectId}]), {
    instanceOf: DbosError,
  });
  t.is((lost as DbosError).code, 'NOT_FAST_FORWARD');
  t.is(tip(hub), tip(one));
  await mustBeSound(hub);
});

test('a pull that conflicts moves nothing and tells what conflicts', async t => {
  const [hub, one, two] = [await bareStore(t), await bareStore(t), await bareStore(t)];
  await sql(one, 'CREATE TABLE t (id INTEGER PRIMARY KEY, v)', 'INSERT INTO t VALUES (1, 0)');
  await push(one, hub);
  await pull(two, hub);
  await sql(one, 'UPDATE t SET v = 1');
  await sql(two, 'UPDATE t SET v = 2');
  await push(one, hub);
  const before = tip(two);
  const error = await t.throwsAsync(pull(two, hub), {instanceOf: DbosError});
  t.is((error as DbosError).code, 'TRANSACTION_CONFLICT');
  t.is((error as DbosError).data.count, 1);
  t.is(tip(two), before);
});

/** A peer that changes what a store sends. */
class Tampered implements Peer {
  constructor(
    private readonly honest: Peer,
    private readonly change: (parcel: Parcel) => Parcel | undefined,
    private readonly list?: {readonly from: Repository; readonly objects: readonly Listed[]},
  ) {}

  refs() {
    return this.honest.refs();
  }

  has(ids: readonly ObjectId[]) {
    return this.honest.has(ids);
  }

  async fetch(request: FetchRequest): Promise<Sending> {
    if (this.list === undefined) {
      const sending = await this.honest.fetch(request);
      return {...sending, parcels: this.tamper(sending.parcels)};
    }
    const {from, objects} = this.list;
    return {
      total: objects.length,
      skipped: 0,
      parcels: this.tamper(packObjects(from.objects, objects, 0)),
      shallow: [],
    };
  }

  private async *tamper(parcels: AsyncIterable<Parcel> | Iterable<Parcel>): AsyncGenerator<Parcel> {
    for await (const parcel of parcels) {
      const changed = this.change(parcel);
      if (changed) yield changed;
    }
  }

  received(key: string) {
    return this.honest.received(key);
  }

  check(edits: Parameters<Peer['check']>[0]) {
    return this.honest.check(edits);
  }

  push(request: PushRequest, parcels: AsyncIterable<Parcel>) {
    return this.honest.push(request, this.tamper(parcels));
  }

  async close(): Promise<void> {}
}

async function refusesFrom(t: ExecutionContext, repo: Repository, peer: Peer, message: string): Promise<void> {
  const operation = repo.operation.id;
  const error = await t.throwsAsync(fetchRemote(repo, peer, ORIGIN), {instanceOf: DbosError}, message);
  t.is((error as DbosError).code, 'TRANSFER_INVALID', message);
  t.is(repo.operation.id, operation, message);
}

test('parcels that are forged, cut off or left out are refused, and the next fetch is whole', async t => {
  const [from, to] = [await bareStore(t), await bareStore(t)];
  await sql(
    from,
    'CREATE TABLE t (id INTEGER PRIMARY KEY, v TEXT)',
    "INSERT INTO t SELECT value, 'row ' || value FROM generate_series(1, 3000)",
    `INSERT INTO files (path, content) VALUES ('f', 'text ${'y'.repeat(3000)}')`,
  );
  const honest = StorePeer.of(from);
  let parcels = 0;
  const {parcels: sent} = await honest.fetch({wants: [tip(from) as ObjectId], common: []});
  for await (const _parcel of sent) parcels++;
  for (let at = 0; at < parcels; at++) {
    const nth = (change: (parcel: Parcel) => Parcel | undefined) => {
      let i = 0;
      return new Tampered(honest, parcel => (i++ === at ? change(parcel) : parcel));
    };
    const flip = (parcel: Parcel) => {
      const stored = Uint8Array.from(parcel.stored);
      stored[stored.length >> 1] = (stored[stored.length >> 1] as number) ^ 1;
      return {...parcel, stored};
    };
    await refusesFrom(t, to, nth(flip), `parcel ${at} flipped`);
    await refusesFrom(
      t,
      to,
      nth(() => undefined),
      `parcel ${at} left out`,
    );
    await refusesFrom(
      t,
      to,
      nth(parcel => ({...parcel, stored: parcel.stored.subarray(1)})),
      `parcel ${at} cut off`,
    );
    await refusesFrom(
      t,
      to,
      nth(parcel => ({...parcel, rawLength: 2 ** 40})),
      `parcel ${at} huge`,
    );
    await refusesFrom(
      t,
      to,
      nth(parcel => ({...parcel, lengths: [...parcel.lengths, -1]})),
      `parcel ${at} negative`,
    );
  }
  await fetchRemote(to, honest, ORIGIN);
  await mustBeSound(to);
});

test('objects that are whole and not sound are refused', async t => {
  const [from, to] = [await bareStore(t), await bareStore(t)];
  await sql(
    from,
    'CREATE TABLE t (id INTEGER PRIMARY KEY, v TEXT UNIQUE)',
    "INSERT INTO t SELECT value, 'row ' || value FROM generate_series(1, 500)",
    "INSERT INTO files (path, content) VALUES ('f', 'text')",
    "INSERT INTO files (path, content) SELECT 'd' || value, 'body ' || value FROM generate_series(1, 40)",
  );
  await fetchRemote(to, StorePeer.of(from), ORIGIN);
  const good = tip(from) as ObjectId;
  const name = 'branches/evil' as RefName;
  const evil: Record<string, (objects: Parameters<typeof writeCommit>[0]) => ObjectId> = {
    'a wrong number of rows': objects => {
      const state = new Map(readState(objects, stateOf(good)));
      const table = readTable(objects, state.get('t') as ObjectId);
      state.set('t', writeTable(objects, {...table, rows: 7}));
      return writeCommit(objects, commitContent(writeState(objects, state), [good], 'x', START));
    },
    'an index of another version': objects => {
      const state = new Map(readState(objects, stateOf(good)));
      const table = readTable(objects, state.get('t') as ObjectId);
      const indexes = table.indexes?.map(index => ({...index, root: null, rows: 0})) ?? [];
      state.set('t', writeTable(objects, {...table, indexes}));
      return writeCommit(objects, commitContent(writeState(objects, state), [good], 'x', START));
    },
    'a root that is another kind of object': objects => {
      const state = new Map(readState(objects, stateOf(good)));
      const table = readTable(objects, state.get('t') as ObjectId);
      state.set('t', writeTable(objects, {...table, root: good}));
      return writeCommit(objects, commitContent(writeState(objects, state), [good], 'x', START));
    },
    'files without their directory': objects => {
      const whole = readState(objects, writeFiles(objects, {'a/b': 'text'})).get(FILES_TABLE) as ObjectId;
      const root = editFiles(objects, readTable(objects, whole).root, [{path: 'a', file: null}]);
      const state = writeState(objects, new Map([[FILES_TABLE, writeTable(objects, filesTable(objects, root))]]));
      return writeCommit(objects, commitContent(state, [good], 'x', START));
    },
    'a body that did not come, among many that are here': objects => {
      const {root} = readTable(objects, readState(objects, stateOf(good)).get(FILES_TABLE) as ObjectId);
      const file = {
        ...(findFile(objects, root, 'd7') as FileRow),
        content: new ContentRef(idOf(Buffer.from('nowhere')), 7, false, false),
      };
      const edited = editFiles(objects, root, [{path: 'd7', file}]);
      const state = writeState(objects, new Map([[FILES_TABLE, writeTable(objects, filesTable(objects, edited))]]));
      return writeCommit(objects, commitContent(state, [good], 'x', START));
    },
    'a generation that does not follow': objects => {
      const signature = [wideInteger(START), 0, 'Ada', 'ada@example.org'];
      const fields = [fieldOfId(stateOf(good)), [fieldOfId(good)], 900, signature, signature, 'x', null];
      return objects.put(encodeObject('commit', fields));
    },
    'an operation': () => from.operation.id,
    'a state': () => stateOf(good),
  };
  const stateOf = (commit: ObjectId): ObjectId =>
    Buffer.from(from.objects.read(commit).subarray(5, 37)).toString('latin1') as ObjectId;
  for (const [what, make] of Object.entries(evil)) {
    const transaction = from.begin();
    const id = make(transaction.objects);
    const before = findRef(from.objects, from.view.refs, name);
    await transaction.publish({
      kind: 'normal',
      refs: [{name, expected: before === undefined ? {kind: 'absent'} : {kind: 'equals', id: before}, next: id}],
    });
    const honest = StorePeer.of(from);
    // the sender of an unsound history cannot walk it: this one sends what the ref holds, and what that names
    const sends = new Tampered(honest, parcel => parcel, {from, objects: lacking(from, to, id)});
    await refusesFrom(t, to, sends, what);
  }
  await mustBeSound(to);
});

/** Returns the objects of one store that another lacks, each that was just written, in any order that is children first. */
function lacking(from: Repository, to: Repository, id: ObjectId): Listed[] {
  const list: Listed[] = [];
  const visit = (each: ObjectId): void => {
    if (to.objects.has(each) || list.some(listed => listed.id === each)) return;
    const bytes = Buffer.from(from.objects.read(each));
    for (let at = 0; at + 34 <= bytes.length; at++) {
      if (bytes[at] !== 0xc4 || bytes[at + 1] !== 32) continue;
      const link = bytes.toString('latin1', at + 2, at + 34) as ObjectId;
      if (from.objects.has(link)) visit(link);
    }
    list.push({id: each, kind: 'structure'});
  };
  visit(id);
  return list;
}

/** Commits files of some 45 kB each, whose text does not compress to less than the size of a flush. */
function commitMany(repo: Repository): Promise<unknown> {
  const files = Array.from({length: 500}, (_, i) => [`f${i}`, Buffer.from(randomBytes(i, 45_000)).toString('base64')]);
  return commitFiles(repo, Object.fromEntries(files));
}

/** Returns a change of parcels that breaks off after so many objects. */
function breakAfter(objects: number): (parcel: Parcel) => Parcel {
  let sent = 0;
  return parcel => {
    sent += parcel.lengths.length;
    if (sent > objects) throw new DbosError('STORE_IO', 'The line is cut.');
    return parcel;
  };
}

test('what came before a fetch broke off is not sent again, also if the other store has gone on', async t => {
  const [from, to] = [await bareStore(t), await bareStore(t)];
  await commitMany(from);
  const honest = StorePeer.of(from);
  const operation = to.operation.id;
  for (const [objects, goesOn] of [
    [200, false],
    [150, true],
  ] as const) {
    const breaks = new Tampered(honest, breakAfter(objects));
    await t.throwsAsync(fetchRemote(to, breaks, ORIGIN), {message: 'The line is cut.'});
    t.is(to.operation.id, operation);
    if (goesOn) await sql(from, "INSERT INTO files (path, content) VALUES ('later', 'x')");
  }
  const rest = await fetchRemote(to, honest, ORIGIN);
  t.true(rest.objects < 200, `${rest.objects} objects`);
  t.true(to.objects.has(tip(from) as ObjectId));
  t.deepEqual(Journal.unfinished(to.location.store), []);
  await mustBeSound(to);
});

test('what came before a push broke off is not sent again', async t => {
  const [here, there] = [await bareStore(t), await bareStore(t)];
  await commitMany(here);
  await sql(here, ...Array.from({length: 130}, (_, i) => `INSERT INTO files (path, content) VALUES ('g${i}', '${i}')`));
  const honest = StorePeer.of(there);
  const wish = {name: branchRef(MAIN), next: tip(here) as ObjectId};
  const operation = there.operation.id;
  await t.throwsAsync(pushRemote(here, new Tampered(honest, breakAfter(400)), ORIGIN, [wish]), {
    message: 'The line is cut.',
  });
  t.is(there.operation.id, operation);
  const rest = await push(here, there);
  t.true(rest.objects > 600 && rest.objects < 1000, `${rest.objects} objects`);
  t.is(tip(there), tip(here));
  await mustBeSound(there);
});

test('a journal that is cut off, forged or of another transfer costs only what is sent again', async t => {
  const [from, to] = [await bareStore(t), await bareStore(t)];
  await commitMany(from);
  const honest = StorePeer.of(from);
  const folder = join(to.location.store, 'incoming');
  const spoil: Record<string, (bytes: Buffer) => Uint8Array> = {
    'half an id less': bytes => bytes.subarray(0, -16),
    'nothing left': () => Buffer.alloc(0),
    'another last id': bytes => Buffer.concat([bytes.subarray(0, -1), Buffer.from([(bytes.at(-1) as number) ^ 1])]),
    'more than there is': bytes => Buffer.concat([bytes, bytes.subarray(-320)]),
    'not a journal': bytes => Buffer.alloc(bytes.length, 7),
    'counts beyond its end': bytes => Buffer.concat([bytes.subarray(0, 16), Buffer.alloc(16, 255), bytes.subarray(32)]),
  };
  for (const [what, change] of Object.entries(spoil)) {
    await t.throwsAsync(
      fetchRemote(to, new Tampered(honest, breakAfter(200)), ORIGIN),
      {message: 'The line is cut.'},
      what,
    );
    for (const name of readdirSync(folder)) writeFileSync(join(folder, name), change(readFileSync(join(folder, name))));
  }
  const old = join(folder, 'f'.repeat(32));
  writeFileSync(old, '');
  utimesSync(old, 0, 0);
  await fetchRemote(to, honest, ORIGIN);
  t.is(findRef(to.objects, to.view.refs, remoteRef(ORIGIN, MAIN)), tip(from));
  t.false(existsSync(old));
  await mustBeSound(to);
});
