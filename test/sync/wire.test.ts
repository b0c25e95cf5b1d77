/** Messages: what is written is read back however the bytes are cut, and nothing else is. */
import {Readable} from 'node:stream';
import test from 'ava';
import fc from 'fast-check';
import {DbosError} from '../../src/errors.js';
import type {Field} from '../../src/objects/codec.js';
import {answer, withTicks} from '../../src/sync/answer.js';
import type {Peer} from '../../src/sync/peer.js';
import {CALLS, readFetchCall, readParcel, readPushCall, readRefs} from '../../src/sync/protocol.js';
import {encodeMessage, encodeMessages, MESSAGE, type Message, MessageReader} from '../../src/sync/wire.js';
import {codeOf} from '../support/sync.js';

async function bytesOf(messages: readonly Message[]): Promise<Buffer> {
  const parts: Uint8Array[] = [];
  for await (const part of encodeMessages(messages)) parts.push(part);
  return Buffer.concat(parts);
}

/** Returns a reader of bytes that come in pieces of so many. */
function readerOf(bytes: Uint8Array, piece = bytes.length, most?: number): MessageReader {
  const pieces: Uint8Array[] = [];
  for (let at = 0; at < bytes.length; at += Math.max(1, piece))
    pieces.push(bytes.subarray(at, at + Math.max(1, piece)));
  return new MessageReader(Readable.from(pieces, {objectMode: true}), most);
}

async function all(reader: MessageReader): Promise<Message[]> {
  const messages: Message[] = [];
  for await (const message of reader.messages()) messages.push(message);
  return messages;
}

const field: fc.Arbitrary<Field> = fc.letrec<{field: Field}>(tie => ({
  field: fc.oneof(
    {depthSize: 'small'},
    fc.constant(null),
    fc.nat(0xffffffff),
    fc.string({unit: 'grapheme'}),
    fc.uint8Array({maxLength: 300}).map(bytes => Buffer.from(bytes)),
    fc.array(tie('field'), {maxLength: 4}),
  ),
})).field;
const messages = fc.array(
  fc
    .tuple(fc.constantFrom(MESSAGE.call, MESSAGE.parcel), fc.array(field, {maxLength: 4}))
    .map(([kind, fields]): Message => [kind, ...fields]),
  {maxLength: 6},
);

test('messages are read back, however their bytes are cut', async t => {
  await fc.assert(
    fc.asyncProperty(messages, fc.integer({min: 1, max: 200}), async (sent, piece) => {
      const reader = readerOf(Buffer.concat([await bytesOf(sent), await bytesOf(sent)]), piece);
      t.deepEqual(await all(reader), sent);
      t.true(await reader.hasMore());
      t.deepEqual(await all(reader), sent);
      t.false(await reader.hasMore());
    }),
    {numRuns: 60},
  );
});

test('bytes that are cut off or changed never pass for messages', async t => {
  await fc.assert(
    fc.asyncProperty(messages, fc.nat(), fc.integer({min: 1, max: 255}), async (sent, at, change) => {
      const bytes = await bytesOf(sent);
      const cut = at % bytes.length;
      t.is(await codeOf(all(readerOf(bytes.subarray(0, cut)))), 'CONNECTION_BROKEN');
      const flipped = Buffer.from(bytes);
      flipped[cut] = (flipped[cut] as number) ^ change;
      t.regex(await codeOf(all(readerOf(flipped))), /^(CONNECTION_BROKEN|TRANSFER_INVALID)$/);
    }),
    {numRuns: 100},
  );
});

test('an error of the other side is thrown with what it says, after the messages before it', async t => {
  const parts: Uint8Array[] = [];
  const failing = async function* (): AsyncGenerator<Message> {
    yield [MESSAGE.call, 1];
    throw new DbosError('NOT_FAST_FORWARD', 'No.', {hint: 'Pull.', data: {ref: 'branches/main'}});
  };
  for await (const part of encodeMessages(failing())) parts.push(part);
  const reader = readerOf(Buffer.concat(parts));
  const got = reader.messages();
  t.deepEqual((await got.next()).value, [MESSAGE.call, 1]);
  const error = await t.throwsAsync(got.next(), {instanceOf: DbosError});
  t.like(error, {code: 'NOT_FAST_FORWARD', message: 'No.', hint: 'Pull.', data: {ref: 'branches/main'}});
  t.false(await reader.hasMore());
  const told = (fields: readonly Field[]) => all(readerOf(encodeMessage([MESSAGE.error, ...fields])));
  t.is(await codeOf(told(['NO_SUCH_CODE', 'x', null, '{}'])), 'REMOTE_FAILED');
  t.is(await codeOf(told(['toString', 'x', null, '{'])), 'REMOTE_FAILED');
  t.is(await codeOf(told([7])), 'TRANSFER_INVALID');
  const long = await t.throwsAsync(told(['STORE_IO', 'x'.repeat(1e6), 'y'.repeat(1e6), 'z']));
  t.true((long as DbosError).message.length + ((long as DbosError).hint as string).length < 10_000);
});

test('messages that are too long, or no messages, are refused before they take memory', async t => {
  const bytes = await bytesOf([[MESSAGE.call, Buffer.alloc(5000)]]);
  t.is(await codeOf(all(readerOf(bytes, 100, 4000))), 'TRANSFER_INVALID');
  const huge = Buffer.alloc(8);
  huge.writeUInt32BE(0xffffffff, 0);
  t.is(await codeOf(all(readerOf(huge))), 'TRANSFER_INVALID');
  for (const fields of [[], ['text'], [null]] as unknown as Message[]) {
    t.is(await codeOf(all(readerOf(encodeMessage(fields)))), 'TRANSFER_INVALID');
  }
});

test('whatever fields a call has, it is answered or refused, never misunderstood', async t => {
  const peer: Peer = {
    refs: async () => ({head: undefined, refs: new Map(), tagged: new Map(), shallow: []}),
    has: async ids => ids.map(() => false),
    fetch: async () => ({total: 0, skipped: 0, parcels: (async function* () {})(), shallow: []}),
    received: async () => undefined,
    check: async () => undefined,
    push: async (_request, parcels) => {
      for await (const _parcel of parcels);
    },
    close: async () => undefined,
  };
  await fc.assert(
    fc.asyncProperty(fc.constantFrom(...CALLS), messages, async (call, request) => {
      const run = async (): Promise<void> => {
        const asked = (async function* () {
          yield* request;
        })();
        for await (const _message of answer(peer, call, asked));
      };
      t.regex(await codeOf(run()), /^(none|TRANSFER_INVALID)$/);
    }),
    {numRuns: 200},
  );
});

test('answers that do not add up are refused', async t => {
  const id = Buffer.alloc(32, 1);
  const refs = (...answers: Message[]) =>
    readRefs(
      (async function* () {
        yield* answers;
      })(),
    );
  const none = Buffer.alloc(0);
  const first = (head: string | null, count: number): Message => [MESSAGE.call, head, count, 0, none];
  const good: Message = [MESSAGE.call, [['branches/main', id, null]]];
  t.is(await codeOf(refs(first('main', 1), good)), 'none');
  t.is(await codeOf(refs(first('main', 2), good)), 'TRANSFER_INVALID');
  t.is(await codeOf(refs(first('main', 0), good)), 'TRANSFER_INVALID');
  t.is(await codeOf(refs(first('main', 1e9), good)), 'TRANSFER_INVALID');
  t.is(await codeOf(refs(first('../x', 1), good)), 'TRANSFER_INVALID');
  t.is(await codeOf(refs()), 'TRANSFER_INVALID');
  t.is(await codeOf(refs([MESSAGE.call, 'main', 1, 0, Buffer.alloc(31)], good)), 'TRANSFER_INVALID');
  const fetch = (depth: unknown, shallow: unknown) => () =>
    readFetchCall([MESSAGE.call, id, none, 0, null, depth, shallow] as unknown as Message);
  t.deepEqual(fetch(3, id)().shallow?.length, 1);
  for (const [depth, shallow] of [
    [-1, none],
    [2 ** 32, none],
    ['1', none],
    [1, Buffer.alloc(31)],
    [1, null],
  ]) {
    t.throws(fetch(depth, shallow), {code: 'TRANSFER_INVALID'});
  }
  for (const name of [
    'remotes/origin/main',
    'branches/../x',
    'branches/',
    'transactions/T1',
    `branches/${'x'.repeat(2000)}`,
  ]) {
    t.is(await codeOf(refs(first(null, 1), [MESSAGE.call, [[name, id, null]]])), 'TRANSFER_INVALID', name);
  }
  const key = '0'.repeat(32);
  const edit = ['branches/main', null, id];
  t.notThrows(() => readPushCall([MESSAGE.call, key, 0, [edit]]));
  for (const call of [
    ['../../etc/passwd', 0, [edit]],
    [key, 0, []],
    [key, 0, [edit, edit]],
    [key, 0, [['branches/main', null, Buffer.alloc(31)]]],
  ] as const) {
    t.throws(() => readPushCall([MESSAGE.call, ...(call as unknown as Field[])]), {code: 'TRANSFER_INVALID'});
  }
  t.throws(() => readParcel([MESSAGE.parcel, 1, 9, 0, Buffer.alloc(0), Buffer.alloc(0)]), {code: 'TRANSFER_INVALID'});
  t.throws(() => readParcel([MESSAGE.parcel, 1, 0, 0, Buffer.alloc(3), Buffer.alloc(0)]), {code: 'TRANSFER_INVALID'});
});

test('where an answer takes its time there are ticks, and whoever stops listening stops it', async t => {
  let ended = false;
  let release = (): void => undefined;
  const released = new Promise<void>(resolve => {
    release = resolve;
  });
  const slow = (async function* (): AsyncGenerator<Message> {
    try {
      await released;
      yield [MESSAGE.call, 1];
      yield [MESSAGE.call, 2];
    } finally {
      ended = true;
    }
  })();
  const kinds: number[] = [];
  for await (const [kind] of withTicks(slow, 1)) {
    kinds.push(kind);
    if (kinds.length === 3) release();
    if (kind !== MESSAGE.tick) break;
  }
  t.deepEqual(kinds.slice(0, 3), [MESSAGE.tick, MESSAGE.tick, MESSAGE.tick]);
  t.is(kinds.at(-1), MESSAGE.call);
  t.true(ended);
});
