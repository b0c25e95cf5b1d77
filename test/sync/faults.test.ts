/**
 * Ways and ends that fail: the connection cut at every message, either end killed at any moment, connections on which nothing
 * moves. Always there is a clear error, both stores are sound and as before or after, and running it again completes it.
 */
import {existsSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync} from 'node:fs';
import {join} from 'node:path';
import {Transform} from 'node:stream';
import test from 'ava';
import {DbosError} from '../../src/errors.js';
import type {ObjectId} from '../../src/objects/id.js';
import {branchName, branchRef, findRef, type RefName, remoteRef} from '../../src/repo/refs.js';
import type {Repository} from '../../src/repo/repository.js';
import {fetchRemote} from '../../src/sync/fetch.js';
import {HttpChannel} from '../../src/sync/http-channel.js';
import type {Received} from '../../src/sync/journal.js';
import type {Parcel} from '../../src/sync/parcel.js';
import type {Peer} from '../../src/sync/peer.js';
import {pushRemote} from '../../src/sync/push.js';
import {RemotePeer} from '../../src/sync/remote-peer.js';
import {serveStdio} from '../../src/sync/server/stdio-server.js';
import {StreamChannel} from '../../src/sync/stdio.js';
import {createToken} from '../../src/sync/tokens.js';
import {randomBytes, randomNumbers} from '../bench/generated-tree.js';
import {mustRun, outcome, start} from '../support/dbos.js';
import {Clock, commitFiles, type Files, testContext} from '../support/repo.js';
import {type Meddle, proxy, serve} from '../support/server.js';
import {startServing} from '../support/serving.js';
import {bareStore, codeOf, look, mustBeSound, ORIGIN, sql} from '../support/sync.js';
import {makeTmpDir} from '../support/tmp.js';

const MAIN = branchName('main');

function tip(repo: Repository, ref: RefName = branchRef(MAIN)): ObjectId | undefined {
  return findRef(repo.objects, repo.view.refs, ref);
}

function push(repo: Repository, peer: Peer) {
  return pushRemote(repo, peer, ORIGIN, [{name: branchRef(MAIN), next: tip(repo) as ObjectId}]);
}

/** Two lines between a client and `dbos serve --stdio` that are cut before a message, or in the midst of it. */
class Cable {
  /** Messages and ends that began to pass. */
  messages = 0;
  readonly up = this.line(0);
  /** After the greeting. */
  readonly down = this.line(8);
  private cut = false;

  constructor(
    private readonly at: number,
    private readonly midst: boolean,
  ) {}

  private line(greeting: number): Transform {
    let left = greeting;
    return new Transform({
      transform: (chunk: Buffer, _encoding, done) => {
        for (let from = 0; from < chunk.length && !this.cut; ) {
          if (left === 0) {
            // a header comes whole: it is written at once
            left = 8 + chunk.readUInt32BE(from);
            if (this.messages++ === this.at) {
              if (this.midst) this.lineOf(greeting).push(chunk.subarray(from, from + (left >> 1)));
              this.cut = true;
              this.up.push(null);
              this.down.push(null);
              break;
            }
          }
          const part = chunk.subarray(from, from + left);
          this.lineOf(greeting).push(part);
          left -= part.length;
          from += part.length;
        }
        done();
      },
    });
  }

  private lineOf(greeting: number): Transform {
    return greeting === 0 ? this.up : this.down;
  }
}

/** Returns a store as a peer at the other end of a cable, with what waits for its end. */
function cabled(folder: string, cable: Cable): {peer: Peer; ended: Promise<void>} {
  const context = testContext(new Clock(), {lockTimeout: 20_000});
  const ended = serveStdio(folder, context, {input: cable.up, output: cable.down});
  const failure = async (cause: unknown) => new DbosError('CONNECTION_BROKEN', 'The cable was cut.', {cause});
  return {peer: new RemotePeer(new StreamChannel(cable.down, cable.up, failure, async () => undefined)), ended};
}

test('a connection that is cut at any message leaves both stores sound, and the next try is whole', async t => {
  const [hub, here, there] = [await bareStore(t), await bareStore(t), await bareStore(t)];
  await sql(here, 'CREATE TABLE t (id INTEGER PRIMARY KEY, v TEXT)');
  const folder = hub.location.store;
  await hub.close();
  const through = async (at: number, work: (peer: Peer) => Promise<unknown>) => {
    const cable = new Cable(at >> 1, at % 2 === 1);
    const {peer, ended} = cabled(folder, cable);
    const code = await codeOf(work(peer));
    await peer.close();
    await ended;
    return {code, messages: cable.messages};
  };
  await through(2000, peer => push(here, peer));
  let most = 1;
  for (let at = 0; at < 2 * most; at++) {
    await sql(here, `INSERT INTO t VALUES (${at}, '${'x'.repeat(2000)}')`);
    const before = await look(folder, repo => tip(repo));
    const pushed = await through(at, peer => push(here, peer));
    const after = await look(folder, repo => tip(repo));
    if (pushed.code === 'none') t.is(after, tip(here));
    else t.is(pushed.code, 'CONNECTION_BROKEN');
    t.true(after === before || after === tip(here), `${at}`);
    const whole = await through(2000, peer => push(here, peer));
    t.is(whole.code, 'none');
    const operation = there.operation.id;
    const fetched = await through(at, peer => fetchRemote(there, peer, ORIGIN));
    if (fetched.code !== 'none') t.deepEqual([fetched.code, there.operation.id], ['CONNECTION_BROKEN', operation]);
    const fetchedWhole = await through(2000, peer => fetchRemote(there, peer, ORIGIN));
    t.is(fetchedWhole.code, 'none');
    t.is(tip(there, remoteRef(ORIGIN, MAIN)), tip(here));
    most = Math.max(most, whole.messages, fetchedWhole.messages);
  }
  t.true(most > 14, `${most}`);
  await mustBeSound(there);
  await look(folder, mustBeSound);
});

/** Returns files of 60 kB that do not compress well. */
function filesOf(count: number, seed: number): Files {
  const text = (i: number) => Buffer.from(randomBytes(seed * 1000 + i, 45_000)).toString('base64');
  return Object.fromEntries(Array.from({length: count}, (_, i) => [`f${i}`, text(i)]));
}

test('a server that is killed at any moment loses nothing that arrived, and what is sent again is only the rest', async t => {
  const random = randomNumbers(11);
  const hub = await bareStore(t);
  const {text: token} = await createToken(hub, {name: 'writer', role: 'write'});
  const folder = hub.location.store;
  await hub.close();
  const here = await bareStore(t);
  // the commits before the last are there before its files are
  await sql(here, ...Array.from({length: 20}, (_, i) => `INSERT INTO files (path, content) VALUES ('g${i}', '${i}')`));
  await commitFiles(here, filesOf(150, 1));
  const there = await bareStore(t);
  let resumed = 0;
  let killed = 0;
  for (let round = 0; round < 8; round++) {
    const server = await startServing(t, folder, ['--port', '0']);
    const calls = new RemotePeer(new HttpChannel(server.url, {token}));
    const last = round === 7;
    const killing = async function* (parcels: AsyncIterable<Parcel>, after: number): AsyncGenerator<Parcel> {
      let sent = 0;
      for await (const parcel of parcels) {
        yield parcel;
        sent += parcel.stored.length;
        if (sent > after) server.child.kill('SIGKILL');
        // else the system would hold megabytes that the server has not seen
        await new Promise(resolve => setTimeout(resolve, 4));
      }
    };
    let received: Received | undefined;
    const peer: Peer = {
      refs: () => calls.refs(),
      has: ids => calls.has(ids),
      fetch: request => calls.fetch(request),
      received: async key => {
        received = await calls.received(key);
        return received;
      },
      check: edits => calls.check(edits),
      push: (request, parcels) => {
        t.is(request.skipped, received?.count ?? 0);
        if (request.skipped > 0) resumed++;
        return calls.push(request, last ? parcels : killing(parcels, 4e6 + random() * 3e6));
      },
      close: () => calls.close(),
    };
    if (round % 2 === 1 && !last) setTimeout(() => server.child.kill('SIGKILL'), 30 + random() * 300);
    const work = round % 2 === 0 || last ? push(here, peer) : fetchRemote(there, peer, ORIGIN);
    const code = await codeOf(work);
    t.regex(code, last ? /^none$/ : /^(none|CONNECTION_BROKEN|CONNECTION_FAILED)$/);
    if (code !== 'none') killed++;
    if (last) await fetchRemote(there, peer, ORIGIN);
    await peer.close();
    await server.stop();
    await look(folder, repo => {
      t.true([undefined, tip(here)].includes(tip(repo)));
      return mustBeSound(repo);
    });
  }
  t.true(killed > 1 && resumed > 0, `${killed} of 7 were cut off, ${resumed} pushes went on behind what was there`);
  t.is(tip(there, remoteRef(ORIGIN, MAIN)), tip(here));
  await mustBeSound(there);
});

test('a client that is killed at any moment changes nothing, and its command completes when it is run again', async t => {
  const random = randomNumbers(5);
  let calls = 0;
  const server = await serve(t, {log: () => calls++}, repo => commitFiles(repo, filesOf(150, 2)));
  const root = makeTmpDir(t);
  const env = {DBOS_TOKEN: server.token};
  const again = async (directory: string, args: readonly string[]) => {
    for (let kills = 0; kills < 3; kills++) {
      const before = calls;
      const child = start(directory, args, {env});
      const ended = outcome(child);
      while (calls === before && child.exitCode === null) await new Promise(resolve => setTimeout(resolve, 5));
      await new Promise(resolve => setTimeout(resolve, random() * 200));
      child.kill('SIGKILL');
      await ended;
    }
    return outcome(start(directory, args, {env}));
  };
  const cloned = await again(root, ['clone', '--bare', server.url, 'copy']);
  // one that was through before it could be killed has left a whole clone
  if (cloned.status !== 0) t.regex(cloned.stderr, /PATH_EXISTS/);
  const copy = join(root, 'copy');
  mustRun(copy, 'fsck');
  const rows = "SELECT 'n' || value, hex(randomblob(30000)) FROM generate_series(1, 100)";
  mustRun(copy, 'query', `INSERT INTO files (path, content) ${rows}`);
  const pushed = await again(copy, ['push']);
  t.is(pushed.status, 0, pushed.stderr);
  // those that have gone hold no place
  for (const active = /requests_active 0$/m; ; await new Promise(resolve => setTimeout(resolve, 50))) {
    const metrics = await fetch(`${server.url}/metrics`);
    if (active.test(await metrics.text())) break;
  }
  await look(copy, async clone => {
    await mustBeSound(clone);
    await look(server.folder, async hub => {
      await mustBeSound(hub);
      t.is(tip(hub), tip(clone));
    });
  });
});

/** Returns what passes so many bytes of a direction and then keeps all others. */
function stalling(after: number): Meddle {
  return (bytes, at) => bytes.subarray(0, Math.max(0, after - at));
}

test('on a connection where nothing moves both ends give up, and the place at the server is free again', async t => {
  const requests: string[] = [];
  const limits = {active: 1, waiting: 0, idle: 1500};
  const server = await serve(t, {limits, log: line => requests.push(line)}, repo => commitFiles(repo, filesOf(60, 3)));
  const here = await bareStore(t);
  await fetchRemote(here, server.peer(), ORIGIN);
  await here.begin().publish({
    kind: 'normal',
    refs: [{name: branchRef(MAIN), expected: {kind: 'absent'}, next: tip(here, remoteRef(ORIGIN, MAIN)) as ObjectId}],
  });
  await commitFiles(here, filesOf(60, 4));
  for (const [what, meddle] of [
    ['a push that stops', {up: stalling(300_000)}],
    ['a push whose answer does not come', {down: stalling(1000)}],
    ['a fetch that stops', {down: stalling(300_000)}],
    ['a request that never comes', {up: stalling(10)}],
  ] as const) {
    const url = await proxy(t, server.url, meddle);
    const peer = server.peer(url, {idleTimeout: 1000});
    const there = await bareStore(t);
    const work = what.includes('fetch') ? fetchRemote(there, peer, ORIGIN) : push(here, peer);
    // the answer of a push is asked for again, over another connection
    if (what.includes('answer')) await t.notThrowsAsync(work);
    else {
      const error = await t.throwsAsync(work, {instanceOf: DbosError}, what);
      t.is((error as DbosError).code, 'CONNECTION_BROKEN', what);
      // signs of life still come while a push stops: then it is the server that ends it
      t.regex((error as DbosError).message, what.includes('push') ? /broke off/ : /nothing moved for 1 s/, what);
    }
    // the proxy still holds its connection to the server open
    const good = server.peer();
    const other = await bareStore(t);
    await fetchRemote(other, good, ORIGIN);
    await good.close();
    await peer.close();
  }
  t.is((await push(here, server.peer())).objects, 0);
  for (const line of requests) t.true((JSON.parse(line) as {status: number}).status < 500, line);
  await look(server.folder, mustBeSound);
});

test('a clone that is killed while it writes files goes on when it is run again, and keeps what is not of it', async t => {
  const texts = Array.from({length: 4000}, (_, i) => [`f${i}`, `text ${i}\n`] as const);
  const server = await serve(t, {}, repo => commitFiles(repo, Object.fromEntries(texts)));
  const root = makeTmpDir(t);
  const env = {DBOS_TOKEN: server.token};
  const copy = join(root, 'copy');
  const args = ['clone', server.url, 'copy'];
  const journal = join(copy, '.dbos', 'checkout.json');
  // a file that is not whole is sticky
  const isWhole = (each: string) => {
    const stat = statSync(join(copy, each), {throwIfNoEntry: false});
    return each !== '.dbos' && stat !== undefined && (stat.mode & 0o1000) === 0;
  };
  const written = () => (existsSync(copy) ? readdirSync(copy).find(isWhole) : undefined);
  let killed = false;
  for (let tries = 0; !killed && tries < 30; tries++) {
    const child = start(root, args, {env});
    const ended = outcome(child);
    while (child.exitCode === null && written() === undefined) await new Promise(resolve => setTimeout(resolve, 1));
    child.kill('SIGKILL');
    await ended;
    killed = existsSync(journal);
    // on a busy machine it may be through before it can be killed
    if (!killed) rmSync(copy, {recursive: true, force: true});
  }
  t.true(killed);
  // somebody else's file is not written over, nor removed with what was refused
  const name = written() as string;
  const path = join(copy, name);
  const text = readFileSync(path);
  writeFileSync(path, 'mine');
  writeFileSync(join(copy, 'other'), 'mine too');
  const refused = await outcome(start(root, [...args, '--json'], {env}));
  t.is(refused.status, 6);
  t.like(JSON.parse(refused.stdout).error, {code: 'WOULD_OVERWRITE', data: {paths: [name]}});
  t.is(readFileSync(path, 'utf8'), 'mine');
  rmSync(path);
  const other = await outcome(start(root, ['clone', `${server.url}/x`, 'copy', '--json'], {env}));
  t.like(JSON.parse(other.stdout).error, {code: 'PATH_EXISTS'});
  const cloned = await outcome(start(root, args, {env}));
  t.is(cloned.status, 0, cloned.stderr);
  t.deepEqual(readFileSync(path), text);
  t.like(JSON.parse(mustRun(copy, 'status', '--json')), {changes: [{path: 'other'}]});
  mustRun(copy, 'fsck');
  t.is(JSON.parse((await outcome(start(root, [...args, '--json'], {env}))).stdout).error.code, 'PATH_EXISTS');
});
