/** The memory that a server has for what clients send: it is shared in turn, never exceeded, and nobody can keep it from others. */

import http from 'node:http';
import {text} from 'node:stream/consumers';
import {setTimeout as sleep} from 'node:timers/promises';
import test from 'ava';
import fc from 'fast-check';
import type {ObjectId} from '../../src/objects/id.js';
import {branchName, branchRef} from '../../src/repo/refs.js';
import type {Parcel} from '../../src/sync/parcel.js';
import {pushCall} from '../../src/sync/protocol.js';
import {LEAST_MEMORY, MemoryBudget, MOST_MESSAGE, RequestRoom} from '../../src/sync/server/memory.js';
import {encodeMessage} from '../../src/sync/wire.js';
import {pushGreedily} from '../support/greedy.js';
import {loadServer} from '../support/loaded-server.js';
import {serve} from '../support/server.js';
import {codeOf} from '../support/sync.js';

const MB = 2 ** 20;
const MOST = MOST_MESSAGE.push;
const EDIT = {name: branchRef(branchName('b')), expected: null, next: '\x07'.repeat(32) as ObjectId};
const PUSH = {key: 'c'.repeat(32), skipped: 0, edits: [EDIT]};

test('law: what is taken stays within the budget, in turn, and all of it comes back', async t => {
  const step = fc.record({
    request: fc.nat(7),
    what: fc.constantFrom('message', 'open', 'done', 'leave'),
    size: fc.nat(MOST),
  });
  await fc.assert(
    fc.asyncProperty(fc.array(step, {maxLength: 60}), fc.integer({min: 0, max: 200 * MB}), async (steps, more) => {
      const total = LEAST_MEMORY + more;
      const budget = new MemoryBudget(total, 8);
      t.true(budget.shares >= 1 && budget.shares <= 8);
      const rooms = Array.from({length: budget.shares}, () => new RequestRoom(budget, 'push', 1000));
      // what each request waits for; it does one thing after the other
      const doing = new Map<RequestRoom, Promise<unknown>>();
      for (const {request, what, size} of steps) {
        const room = rooms[request % rooms.length] as RequestRoom;
        if (what === 'leave') room.leave();
        if (doing.has(room) || what === 'leave') continue;
        room.done();
        if (what === 'done') continue;
        const work = codeOf(room[what](size)).then(() => doing.delete(room));
        doing.set(room, work);
        await new Promise(setImmediate);
        t.true(budget.used(rooms.length) <= total);
      }
      // whoever has something gives it back in the end, so all get their turn
      while (doing.size > 0) {
        for (const room of rooms) if (!doing.has(room)) room.done();
        await new Promise(setImmediate);
      }
      for (const room of rooms) room.done();
      t.is(budget.used(0), 0);
      t.is(budget.waiting, 0);
    }),
    {numRuns: 200},
  );
});

test('the larger one that waits is not passed by smaller ones, and who leaves makes way', async t => {
  const budget = new MemoryBudget(LEAST_MEMORY, 8);
  t.is(budget.shares, 1);
  const [first, second, third] = Array.from({length: 3}, () => new RequestRoom(budget, 'push', 1000)) as [
    RequestRoom,
    RequestRoom,
    RequestRoom,
  ];
  await first.message(MOST / 2);
  const order: string[] = [];
  const large = second.message(MOST).then(() => order.push('large'));
  const small = third.message(2 * MB).then(() => order.push('small'));
  await new Promise(setImmediate);
  t.deepEqual([order, budget.waiting], [[], 2]);
  second.leave();
  await t.throwsAsync(large, {code: 'CONNECTION_BROKEN'});
  await small;
  t.deepEqual([order, budget.waiting], [['small'], 0]);
  await t.throwsAsync(second.message(2 * MB), {code: 'CONNECTION_BROKEN'});
});

async function* parcelOf(size: number): AsyncGenerator<Parcel> {
  yield {blobs: true, codec: 'stored', rawLength: size, stored: Buffer.alloc(size), lengths: [size]};
}

test('who lets a great message trickle in keeps its memory until others need it', async t => {
  // there are two places for requests, and memory for one great message
  const idle = 2000;
  const server = await serve(t, {limits: {idle, memory: LEAST_MEMORY + 3 * MB}});
  const request = http.request(`${server.url}/v1/push`, {
    method: 'POST',
    headers: {'content-type': 'application/vnd.dbos.v1', authorization: `Bearer ${server.token}`},
  });
  const answer = new Promise<string>((resolve, reject) => {
    request.on('error', reject);
    request.on('response', response => {
      text(response).then(resolve, reject);
    });
  });
  const header = Buffer.alloc(8);
  header.writeUInt32BE(60 * MB, 0);
  request.write(encodeMessage(pushCall(PUSH)));
  request.write(header);
  let said = '';
  answer.then(
    told => {
      said = told;
    },
    error => {
      said = `${error}`;
    },
  );
  const trickle = setInterval(() => request.write('x'), 50);
  t.teardown(() => {
    clearInterval(trickle);
    request.destroy();
  });
  const readMetrics = async () => (await fetch(`${server.url}/metrics`)).text();
  const used = /^dbos_request_memory_bytes\{kind="used"\} \d{9}$/m;
  // on a busy machine it takes a while to arrive
  while (!used.test(await readMetrics())) await sleep(50);
  await sleep(1.5 * idle);
  t.is(said, '');
  const metrics = await readMetrics();
  t.regex(metrics, used);
  t.regex(metrics, /^dbos_request_memory_waiting 0$/m);
  // it is taken, and found to be no commit
  t.is(await codeOf(server.peer().push({...PUSH, key: 'd'.repeat(32)}, parcelOf(8 * MB))), 'TRANSFER_INVALID');
  t.regex(await answer, /REMOTE_BUSY/);
});

test('a server that would have less memory than one message needs does not start', async t => {
  t.is(await codeOf(serve(t, {limits: {memory: LEAST_MEMORY - 1}})), 'SERVER_FAILED');
});

test('32 that send as much as they may take no more memory of a server than it has for them, and others lose nothing', async t => {
  let answers: readonly string[] = [];
  const report = await loadServer(t, 3, 3, 1, async (url, token) => {
    answers = await pushGreedily(url, token, 32);
  });
  t.deepEqual(report.wrong, []);
  t.is(report.pulled, 3);
  t.deepEqual([...new Set(answers)], ['TRANSFER_INVALID']);
  const {megabytes} = report;
  t.log(`${megabytes} MB in ${report.seconds} s`);
  t.true(megabytes === undefined || megabytes <= 500, `${megabytes} MB`);
});
