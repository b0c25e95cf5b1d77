/** Transfers over HTTP: same ids on both sides, one winner, who did it on record, and every fault of the way a clear error. */
import http from 'node:http';
import net from 'node:net';
import test, {type ExecutionContext} from 'ava';
import {DbosError} from '../../src/errors.js';
import type {ObjectId} from '../../src/objects/id.js';
import {listOperations} from '../../src/repo/operations.js';
import {branchName, branchRef, findRef, remoteRef} from '../../src/repo/refs.js';
import type {Repository} from '../../src/repo/repository.js';
import {fetchRemote} from '../../src/sync/fetch.js';
import {MESSAGES_TYPE} from '../../src/sync/http-channel.js';
import type {Peer} from '../../src/sync/peer.js';
import {bringIn} from '../../src/sync/pull.js';
import {previewPush, pushRemote} from '../../src/sync/push.js';
import {createToken} from '../../src/sync/tokens.js';
import {randomBytes} from '../bench/generated-tree.js';
import {commitFiles, type Files} from '../support/repo.js';
import {type Meddle, proxy, serve} from '../support/server.js';
import {bareStore, codeOf, look, mustBeSound, ORIGIN, sql} from '../support/sync.js';

const MAIN = branchName('main');

function tip(repo: Repository, branch = MAIN): ObjectId | undefined {
  return findRef(repo.objects, repo.view.refs, branchRef(branch));
}

function push(repo: Repository, peer: Peer, branch = MAIN) {
  return pushRemote(repo, peer, ORIGIN, [{name: branchRef(branch), next: tip(repo) as ObjectId}]);
}

async function pull(repo: Repository, peer: Peer): Promise<void> {
  await fetchRemote(repo, peer, ORIGIN);
  await bringIn(repo, {remote: ORIGIN, branch: MAIN});
}

test('two stores that push and pull over a server end with the same commit, and who pushed is on record', async t => {
  const server = await serve(t);
  const [one, two] = [await bareStore(t), await bareStore(t)];
  const peer = server.peer();
  await sql(one, 'CREATE TABLE t (id INTEGER PRIMARY KEY, v)');
  await push(one, peer);
  await pull(two, peer);
  await sql(one, 'INSERT INTO t VALUES (1, 1)');
  await sql(two, 'INSERT INTO t VALUES (2, 2)');
  await push(one, peer);
  t.is(await codeOf(push(two, peer)), 'NOT_FAST_FORWARD');
  await pull(two, peer);
  await push(two, peer);
  await pull(one, peer);
  t.is(tip(one), tip(two));
  t.is((await push(one, peer)).objects, 0);
  await peer.close();
  await look(server.folder, async hub => {
    t.is(tip(hub), tip(one));
    await mustBeSound(hub);
    const [newest] = listOperations(hub);
    t.like(newest, {user: 'token:writer', description: 'pushed here: main'});
    t.regex(newest?.command ?? '', /^push from 127\.0\.0\.1$/);
  });
});

test('of many that push to one branch at once exactly one wins; to different branches all do, and local commands get their turn', async t => {
  const server = await serve(t, {limits: {active: 2, waiting: 3}}, repo =>
    sql(repo, 'CREATE TABLE t (id INTEGER PRIMARY KEY, v)'),
  );
  const stores = await Promise.all(Array.from({length: 6}, () => bareStore(t)));
  for (const [i, repo] of stores.entries()) {
    await pull(repo, server.peer());
    await sql(repo, `INSERT INTO t VALUES (${i}, 'x')`);
  }
  const results = await Promise.all([
    ...stores.map(repo => codeOf(push(repo, server.peer()))),
    ...stores.map((repo, i) =>
      codeOf(
        pushRemote(repo, server.peer(), ORIGIN, [{name: branchRef(branchName(`b${i}`)), next: tip(repo) as ObjectId}]),
      ),
    ),
    look(server.folder, hub => hub.operation.seq),
  ]);
  t.is(results.slice(0, 6).filter(code => code === 'none').length, 1, String(results));
  t.is(results.slice(0, 6).filter(code => code === 'NOT_FAST_FORWARD').length, 5, String(results));
  t.deepEqual(results.slice(6, 12), Array(6).fill('none'));
  await look(server.folder, async hub => {
    for (const [i, repo] of stores.entries()) t.is(tip(hub, branchName(`b${i}`)), tip(repo));
    t.true(stores.some(repo => tip(repo) === tip(hub)));
    await mustBeSound(hub);
  });
});

/** Sends a request as it is, without what a client would mend. */
function raw(
  t: ExecutionContext,
  url: string,
  path: string,
  options: http.RequestOptions & {readonly body?: Uint8Array} = {},
): Promise<{status: number; headers: http.IncomingHttpHeaders; text: string}> {
  const {hostname, port} = new URL(url);
  return new Promise((resolve, reject) => {
    const request = http.request({hostname, port, path, method: 'POST', ...options}, async response => {
      const parts: Buffer[] = [];
      for await (const part of response) parts.push(part as Buffer);
      resolve({
        status: response.statusCode ?? 0,
        headers: response.headers,
        text: Buffer.concat(parts).toString('latin1'),
      });
    });
    request.on('error', reject);
    t.timeout(60_000);
    request.end(options.body);
  });
}

test('what is no call has an HTTP status, a code and a hint', async t => {
  const lines: string[] = [];
  const server = await serve(t, {log: line => lines.push(line)}, repo => sql(repo, 'CREATE TABLE secret (id)'));
  const authorization = `Bearer ${server.token}`;
  const type = {'content-type': MESSAGES_TYPE};
  const expect = async (path: string, options: Parameters<typeof raw>[3], status: number, code: string) => {
    const answer = await raw(t, server.url, path, options);
    t.is(answer.status, status, `${path} ${answer.text}`);
    const {error} = JSON.parse(answer.text) as {error: {code: string; message: string; hint: string}};
    t.is(error.code, code, path);
    t.truthy(error.message && error.hint);
    return answer;
  };
  const unknown = await expect('/v1/refs', {}, 401, 'TOKEN_REQUIRED');
  t.is(unknown.headers['www-authenticate'], 'Bearer');
  await expect('/v1/refs', {headers: {authorization: 'Bearer x'}}, 401, 'TOKEN_INVALID');
  await expect('/v1/refs', {headers: {authorization: `Basic ${server.token}`}}, 401, 'TOKEN_REQUIRED');
  // a store that is not there is told from one that is by nothing
  for (const headers of [{}, {authorization: 'Bearer x'}, {authorization: `${authorization.slice(0, -1)}~`}]) {
    const [there, nowhere] = [
      await raw(t, server.url, '/v1/refs', {headers}),
      await raw(t, server.url, '/other/v1/refs', {headers}),
    ];
    t.deepEqual([nowhere.status, nowhere.text], [there.status, there.text]);
  }
  await expect('/v1/nothing', {headers: {authorization}}, 404, 'STORE_NOT_FOUND');
  await expect('/v2/refs', {headers: {authorization}}, 404, 'STORE_NOT_FOUND');
  await expect('/v1/refs', {headers: {authorization}, method: 'GET'}, 404, 'STORE_NOT_FOUND');
  for (const path of ['/../v1/refs', '/%2e%2e/%2e%2e/v1/refs', '/..%2f..%2fetc/v1/refs', '//v1/refs', '/%00/v1/refs']) {
    await expect(path, {}, 401, 'TOKEN_REQUIRED');
  }
  await expect(
    '/v1/has',
    {headers: {authorization, 'content-type': 'text/plain'}, body: Buffer.from('x')},
    400,
    'TRANSFER_INVALID',
  );
  const send = {headers: {authorization, ...type}};
  await expect('/v1/has', {...send, body: Buffer.from('garbage that is long enough')}, 400, 'TRANSFER_INVALID');
  await expect('/v1/has', {...send, body: Buffer.alloc(3)}, 400, 'CONNECTION_BROKEN');
  await expect('/v1/push', {...send, body: Buffer.alloc(8)}, 400, 'TRANSFER_INVALID');
  t.is((await raw(t, server.url, '/healthz', {method: 'GET'})).status, 200);
  const metrics = await raw(t, server.url, '/metrics', {method: 'GET'});
  t.regex(metrics.text, /^dbos_http_requests_total\{call="refs",status="401"\} \d+$/m);
  t.regex(metrics.text, /^dbos_access_refused_total [1-9]/m);
  const logged = lines.map(line => JSON.parse(line) as Record<string, unknown>);
  t.true(logged.some(({status, code}) => status === 401 && code === 'TOKEN_INVALID'));
  t.false(lines.join('').includes(server.token));
});

test('limits: body, rate, tries without a token, a server that only reads', async t => {
  const fill = (repo: Repository) => sql(repo, 'CREATE TABLE t (id INTEGER PRIMARY KEY)');
  const here = await bareStore(t);
  await commitFiles(here, {large: 'x', larger: Buffer.from(randomBytes(1, 200_000)).toString('base64')});
  const small = await serve(t, {limits: {body: 100_000}});
  t.is(await codeOf(push(here, small.peer())), 'REQUEST_TOO_LARGE');
  const readOnly = await serve(t, {readOnly: true, publicRead: true}, fill);
  const other = {name: branchRef(branchName('other')), next: tip(here) as ObjectId};
  t.is(await codeOf(pushRemote(here, readOnly.peer(), ORIGIN, [other])), 'READ_ONLY');
  const anybody = readOnly.peer(readOnly.url, {token: undefined as unknown as string});
  t.true((await anybody.refs()).refs.has(branchRef(MAIN)));
  // refused before its body is read, which is more than what waits on the way
  const large = await bareStore(t);
  await commitFiles(large, {large: Buffer.from(randomBytes(2, 12_000_000)).toString('base64')});
  const elsewhere = {name: branchRef(branchName('large')), next: tip(large) as ObjectId};
  t.is(await codeOf(pushRemote(large, anybody, ORIGIN, [elsewhere])), 'READ_ONLY');
  const slow = await serve(t, {limits: {rate: 3, refusals: 2}, publicRead: true}, fill);
  const statuses = [];
  for (let i = 0; i < 5; i++) statuses.push((await raw(t, slow.url, '/v1/refs')).status);
  t.deepEqual(statuses, [200, 200, 200, 429, 429]);
  const guarded = await serve(t, {limits: {refusals: 2}}, fill);
  const refused = [];
  const authorization = `Bearer ${guarded.token}`;
  for (let i = 0; i < 3; i++) refused.push((await raw(t, guarded.url, '/v1/refs')).status);
  t.deepEqual(refused, [401, 401, 429]);
  t.is((await raw(t, guarded.url, '/v1/refs', {headers: {authorization}})).status, 429);
});

test('a token of a branch does not show or take others', async t => {
  const server = await serve(t, {}, async repo => {
    await sql(repo, 'CREATE TABLE t (id INTEGER PRIMARY KEY)');
  });
  const [one, limited] = [await bareStore(t), await bareStore(t)];
  const text = await look(
    server.folder,
    async hub => (await createToken(hub, {name: 'team', role: 'write', branches: ['team/*']})).text,
  );
  const team = server.peer(server.url, {token: text});
  t.like(await team.refs(), {refs: new Map(), partial: true});
  t.like(await server.peer().refs(), {partial: false});
  await pull(one, server.peer());
  t.deepEqual(await team.has([tip(one) as ObjectId]), [false]);
  await sql(limited, 'CREATE TABLE u (id INTEGER PRIMARY KEY)');
  t.is(await codeOf(push(limited, team)), 'ACCESS_DENIED');
  const name = branchRef(branchName('team/x'));
  await pushRemote(limited, team, ORIGIN, [{name, next: tip(limited) as ObjectId}]);
  t.deepEqual([...(await team.refs()).refs.keys()], [name]);
  t.is(await codeOf(Promise.resolve(team.fetch({wants: [tip(one) as ObjectId], common: []}))), 'REMOTE_REF_UNKNOWN');
});

/** Returns what cuts the connection before its byte `at`; only the first time. */
function cutAt(at: number): Meddle {
  let done = false;
  return (bytes, from) => {
    if (done || from + bytes.length <= at) return bytes;
    done = true;
    return undefined;
  };
}

/** Returns what flips a bit of the byte `at` of the first connection. */
function flipAt(at: number): Meddle {
  let done = false;
  return (bytes, from) => {
    if (done || from + bytes.length <= at) return bytes;
    done = true;
    const changed = Buffer.from(bytes);
    changed[at - from] = (changed[at - from] as number) ^ 4;
    return changed;
  };
}

test('a way that cuts off or flips bits gives a clear error or what was meant, and the next try is whole', async t => {
  const server = await serve(t, {}, repo => commitFiles(repo, {base: 'text'}));
  const [here, there] = [await bareStore(t), await bareStore(t)];
  await pull(here, server.peer());
  // an error that is not one of ours, or a state that is not whole, fails the test
  for (let round = 0; round < 24; round++) {
    const at = 10 + round * 97;
    await sql(here, `INSERT INTO files (path, content) VALUES ('f${round}', '${'y'.repeat(600 + round)} ${round}')`);
    const fault = round % 2 === 0 ? cutAt(at) : flipAt(at);
    const meddle = round % 4 < 2 ? {up: fault} : {down: fault};
    const bad = server.peer(await proxy(t, server.url, meddle), {token: server.token, idleTimeout: 2000});
    const pushed = await codeOf(push(here, bad));
    t.regex(
      pushed,
      /^(none|CONNECTION_BROKEN|CONNECTION_FAILED|TRANSFER_INVALID|STORE_NOT_FOUND|TOKEN_INVALID|TOKEN_REQUIRED)$/,
      `round ${round}`,
    );
    await bad.close();
    const worse = server.peer(await proxy(t, server.url, {down: fault}), {token: server.token, idleTimeout: 2000});
    await codeOf(fetchRemote(there, worse, ORIGIN));
    await worse.close();
    const good = server.peer();
    await push(here, good);
    await fetchRemote(there, good, ORIGIN);
    t.is(findRef(there.objects, there.view.refs, remoteRef(ORIGIN, MAIN)), tip(here), `round ${round}: ${pushed}`);
    await good.close();
  }
  await mustBeSound(there);
  await look(server.folder, mustBeSound);
});

test('a server that stops, and one that is not there', async t => {
  const server = await serve(t, {}, repo => commitFiles(repo, {base: 'text'}));
  const here = await bareStore(t);
  const peer = server.peer();
  await pull(here, peer);
  await server.close(0);
  await sql(here, "INSERT INTO files (path, content) VALUES ('a', 'b')");
  const error = await t.throwsAsync(push(here, peer), {instanceOf: DbosError});
  t.is((error as DbosError).code, 'CONNECTION_FAILED');
  t.regex((error as DbosError).hint ?? '', /dbos serve/);
  // one that does not speak TLS, and one that hangs up on who does not
  const plain = await serve(t);
  const {url} = plain;
  const untold = await t.throwsAsync(plain.peer(url.replace('http:', 'https:')).refs(), {instanceOf: DbosError});
  t.like(untold, {code: 'CONNECTION_FAILED'});
  t.regex(`${untold?.message} ${(untold as DbosError).hint}`, /does not answer with TLS.*http:\/\//);
  const rude = net.createServer(socket => void socket.once('data', () => socket.end()));
  await new Promise<void>(resolve => rude.listen(0, '127.0.0.1', resolve));
  t.teardown(() => rude.close());
  const hungUp = server.peer(`http://127.0.0.1:${(rude.address() as {port: number}).port}`).refs();
  t.regex(((await t.throwsAsync(hungUp, {instanceOf: DbosError})) as DbosError).hint ?? '', /https:\/\//);
  // something else that speaks HTTP
  const other = http.createServer((_request, response) => response.writeHead(302, {location: 'http://evil/'}).end());
  await new Promise<void>(resolve => other.listen(0, '127.0.0.1', resolve));
  t.teardown(() => other.close());
  const {port} = other.address() as {port: number};
  const moved = await t.throwsAsync(server.peer(`http://127.0.0.1:${port}`).refs(), {instanceOf: DbosError});
  t.is((moved as DbosError).code, 'CONNECTION_FAILED');
  t.regex((moved as DbosError).message, /has moved to 'http:\/\/evil\/'/);
});

test('a push that takes its time goes on while the server says that it is still there', async t => {
  const lines: string[] = [];
  // signs of life come every 750 ms
  const server = await serve(t, {limits: {idle: 3000}, log: line => lines.push(line)});
  const here = await bareStore(t);
  await commitFiles(here, filesOf(6));
  const slow = server.peer();
  const peer: Peer = {
    refs: () => slow.refs(),
    has: ids => slow.has(ids),
    fetch: request => slow.fetch(request),
    received: key => slow.received(key),
    check: edits => slow.check(edits),
    push: (request, parcels) => slow.push(request, pausing(parcels, 300)),
    close: () => slow.close(),
  };
  await push(here, peer);
  await look(server.folder, hub => t.is(tip(hub), tip(here)));
  t.true(lines.some(line => line.includes('/push') && (JSON.parse(line) as {ms: number}).ms > 1000));
});

test('a push that a busy server turns away is made again whole', async t => {
  const lines: string[] = [];
  const server = await serve(t, {limits: {active: 1, waiting: 0}, log: line => lines.push(line)});
  const here = await bareStore(t);
  await commitFiles(here, filesOf(6));
  const calls = server.peer();
  const peer: Peer = {
    refs: () => calls.refs(),
    has: ids => calls.has(ids),
    fetch: request => calls.fetch(request),
    received: key => calls.received(key),
    check: edits => calls.check(edits),
    push: async (request, parcels) => {
      const headers = {authorization: `Bearer ${server.token}`, 'content-type': MESSAGES_TYPE};
      const holds = http.request(`${server.url}/v1/push`, {method: 'POST', headers});
      holds.on('error', () => undefined);
      holds.flushHeaders();
      while (!/requests_active 1$/m.test((await raw(t, server.url, '/metrics', {method: 'GET'})).text));
      const pushed = calls.push(request, parcels);
      while (!lines.some(line => line.includes('"status":429'))) await new Promise(resolve => setTimeout(resolve, 20));
      holds.destroy();
      await pushed;
    },
    close: () => calls.close(),
  };
  await push(here, peer);
  await look(server.folder, hub => t.is(tip(hub), tip(here)));
});

/** Returns so many files of 60 kB that do not compress well: a parcel each. */
function filesOf(count: number): Files {
  const text = (i: number) => Buffer.from(randomBytes(i, 45_000)).toString('base64');
  return Object.fromEntries(Array.from({length: count}, (_, i) => [`f${i}`, text(i)]));
}

async function* pausing<T>(items: AsyncIterable<T>, ms: number): AsyncGenerator<T> {
  for await (const item of items) {
    await new Promise(resolve => setTimeout(resolve, ms));
    yield item;
  }
}

test('who is refused while still sending hears why', async t => {
  const server = await serve(t);
  const here = await bareStore(t);
  await commitFiles(here, filesOf(200));
  const text = await look(server.folder, async hub => (await createToken(hub, {name: 'reader', role: 'read'})).text);
  for (let round = 0; round < 5; round++) {
    const reader = server.peer(server.url, {token: text});
    t.is(await codeOf(push(here, reader)), 'ACCESS_DENIED');
    await reader.close();
  }
});

test('a server says what a push would be refused for, without any of its objects', async t => {
  const lines: string[] = [];
  const server = await serve(t, {log: line => lines.push(line)}, repo => commitFiles(repo, {f: '1'}));
  const here = await bareStore(t);
  const peer = server.peer();
  await pull(here, peer);
  const base = tip(here) as ObjectId;
  await commitFiles(here, {f: '2'});
  const {operation} = here;
  const main = branchRef(MAIN);
  const preview = (next: ObjectId | null, to: Peer = peer) => previewPush(here, to, ORIGIN, [{name: main, next}]);
  t.like(await preview(tip(here) as ObjectId), {
    refusal: undefined,
    updates: [{ref: main, before: base, after: tip(here)}],
  });
  t.is((await preview(null)).refusal?.code, 'ACCESS_DENIED');
  const stranger = server.peer(server.url, {token: undefined});
  t.is(await codeOf(preview(tip(here) as ObjectId, stranger)), 'TOKEN_REQUIRED');
  t.is(here.operation.id, operation.id);
  await look(server.folder, hub => t.is(tip(hub), base));
  t.false(lines.some(line => line.includes('/v1/push')));
  t.true((await push(here, peer)).objects > 0);
});
