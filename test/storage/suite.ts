/**
 * The contract of a storage, as tests that run on every backend.
 */
import {randomBytes} from 'node:crypto';
import test, {type ExecutionContext} from 'ava';
import fc from 'fast-check';
import {packFrame} from '../../src/storage/frame.js';
import type {Frame, Key, KeyRange, Storage, StorageWriter} from '../../src/storage/storage.js';

/** A storage under test: how to open a new one, and how to close it and open what it has kept, if it keeps anything. */
export interface Subject {
  readonly storage: Storage;
  reopen?(): Promise<Subject>;
}

export type OpenSubject = (t: ExecutionContext) => Promise<Subject>;

/** Values of every size that is treated in its own way: inline, gathered, on their own, several pieces. */
const SIZES = [0, 1, 500, 1023, 1024, 1025, 5000, 32_768, 32_769, 65_536, 65_537, 300_000];

export async function collect(storage: Storage, range: KeyRange): Promise<[Key, string][]> {
  const rows: [Key, string][] = [];
  for await (const [key, value] of storage.range(range)) rows.push([key, Buffer.from(value).toString('latin1')]);
  return rows;
}

function text(value: Uint8Array | undefined): string | undefined {
  return value === undefined ? undefined : Buffer.from(value).toString('latin1');
}

function frameOf(entries: [Key, Uint8Array][]): Frame {
  return packFrame(entries.map(([key, value]) => ({key, value})));
}

/** Declares the tests of the contract for one backend. */
export function storageSuite(title: string, open: OpenSubject): void {
  test(`${title}: values of every size come back`, async t => {
    const {storage} = await open(t);
    const writer = storage.writer();
    const values = SIZES.map(size => randomBytes(size));
    for (const [i, value] of values.entries()) writer.put(`k${i}`, value);
    for (const [i, value] of values.entries())
      t.deepEqual(text(writer.get(`k${i}`)), value.toString('latin1'), 'staged');
    t.is(storage.get('k5'), undefined, 'nothing is visible before the commit');
    await writer.commit();
    for (const [i, value] of values.entries()) t.is(text(storage.get(`k${i}`)), value.toString('latin1'));
    t.deepEqual(
      storage.getMany(['k3', 'none', 'k9']).map(value => value?.length),
      [1023, undefined, 65_536],
    );
    t.true(storage.has('k0'));
    t.false(storage.has('k'));
    t.is(storage.get('none'), undefined);
  });

  test(`${title}: what is put may change afterwards`, async t => {
    const {storage} = await open(t);
    const writer = storage.writer();
    for (const size of [10, 2000, 100_000]) {
      const value = Buffer.alloc(size, 1);
      writer.put(`k${size}`, value);
      value.fill(2);
    }
    await writer.commit();
    for (const size of [10, 2000, 100_000])
      t.deepEqual(Buffer.from(storage.get(`k${size}`) ?? []), Buffer.alloc(size, 1));
  });

  test(`${title}: frames, compressed and not, give their values`, async t => {
    const {storage} = await open(t);
    const writer = storage.writer();
    const words = Array.from({length: 200}, (_, i): [Key, Buffer] => [`w${i}`, Buffer.from(`word ${i} `.repeat(i))]);
    const noise = Array.from({length: 20}, (_, i): [Key, Buffer] => [`n${i}`, randomBytes(i * 700)]);
    const packed = frameOf(words);
    const stored = frameOf(noise);
    t.is(packed.codec, 'brotli');
    t.is(stored.codec, 'stored');
    writer.putFrame(packed);
    writer.putFrame(stored);
    writer.putFrame({codec: 'stored', rawLength: 0, stored: Buffer.alloc(0), entries: []});
    for (const [key, value] of words) t.true(value.equals(writer.get(key) as Uint8Array), 'staged');
    await writer.commit();
    for (const [key, value] of [...words, ...noise]) t.true(value.equals(storage.get(key) as Uint8Array), key);
  });

  test(`${title}: a frame whose lengths disagree is a bug of the caller`, async t => {
    const {storage} = await open(t);
    const writer = storage.writer();
    const stored = Buffer.alloc(10);
    t.throws(() => writer.putFrame({codec: 'stored', rawLength: 10, stored, entries: [{key: 'a', length: 9}]}), {
      instanceOf: TypeError,
    });
    t.throws(() => writer.putFrame({codec: 'stored', rawLength: 9, stored, entries: [{key: 'a', length: 9}]}), {
      instanceOf: TypeError,
    });
    t.throws(() => writer.put('', stored), {instanceOf: TypeError});
    t.throws(() => writer.put('k'.repeat(1025), stored), {instanceOf: TypeError});
    writer.put('k'.repeat(1024), stored);
    await writer.commit();
    t.true(storage.has('k'.repeat(1024)));
  });

  test(`${title}: a later change of a key counts, staged and committed`, async t => {
    const {storage} = await open(t);
    const writer = storage.writer();
    writer.put('a', Buffer.from('one'));
    writer.put('a', Buffer.alloc(2000, 'x'));
    writer.put('b', Buffer.alloc(2000, 'y'));
    writer.put('b', Buffer.from('two'));
    writer.put('c', Buffer.from('three'));
    writer.delete('c');
    t.is(writer.get('c'), undefined);
    t.false(writer.has('c'));
    await writer.commit();
    t.is(storage.get('a')?.length, 2000);
    t.is(text(storage.get('b')), 'two');
    t.false(storage.has('c'));
    writer.delete('a');
    t.true(storage.has('a'));
    await writer.commit();
    t.false(storage.has('a'));
    await writer.commit();
    t.true(storage.has('b'), 'a commit with nothing staged changes nothing');
  });

  test(`${title}: discard forgets everything staged`, async t => {
    const {storage} = await open(t);
    const writer = storage.writer();
    writer.put('kept', Buffer.alloc(5000, 1));
    await writer.commit();
    writer.put('small', Buffer.from('x'));
    writer.put('large', randomBytes(200_000));
    writer.putFrame(frameOf([['framed', Buffer.alloc(9000, 'z')]]));
    writer.delete('kept');
    t.true(writer.stagedBytes > 0);
    writer.discard();
    t.is(writer.stagedBytes, 0);
    t.false(writer.has('large'));
    t.true(writer.has('kept'));
    writer.putFrame(frameOf([['next', Buffer.alloc(9000, 'n')]]));
    t.is(text(writer.get('next')), 'n'.repeat(9000));
    await writer.commit();
    t.deepEqual(
      (await collect(storage, {})).map(([key]) => key),
      ['kept', 'next'],
    );
    t.is(text(storage.get('next')), 'n'.repeat(9000));
    t.is(text(storage.get('kept')), '\x01'.repeat(5000));
  });

  test(`${title}: two writers stage side by side`, async t => {
    const {storage} = await open(t);
    const one = storage.writer();
    const two = storage.writer();
    one.put('one', randomBytes(100_000));
    two.put('two', randomBytes(100_000));
    one.put('one more', randomBytes(2000));
    await one.commit();
    t.false(storage.has('two'));
    t.is(two.get('two')?.length, 100_000);
    const expected = text(two.get('two'));
    two.put('two more', randomBytes(2000));
    await two.commit();
    t.is(text(storage.get('two')), expected);
    one.put('lost', randomBytes(100_000));
    two.put('also lost', randomBytes(100_000));
    one.discard();
    two.discard();
    one.put('three', Buffer.alloc(70_000, '3'));
    await one.commit();
    t.is(text(storage.get('three')), '3'.repeat(70_000));
    t.is(text(storage.get('two')), expected);
  });

  test(`${title}: a range is the state when it began`, async t => {
    const {storage} = await open(t);
    const writer = storage.writer();
    for (let i = 0; i < 3000; i++) writer.put(`k${String(i).padStart(4, '0')}`, Buffer.from(`v${i}`));
    await writer.commit();
    const iterator = storage.range({gte: 'k0001'})[Symbol.asyncIterator]();
    const first = await iterator.next();
    t.is(first.value?.[0], 'k0001');
    writer.delete('k1999');
    writer.put('k1998', Buffer.alloc(3000, 'n'));
    await writer.commit();
    const rows: string[] = [];
    for (let row = await iterator.next(); !row.done; row = await iterator.next())
      rows.push(`${row.value[0]}=${text(row.value[1])}`);
    t.is(rows.length, 2998);
    t.true(rows.includes('k1999=v1999'));
    t.true(rows.includes('k1998=v1998'));
  });

  test(`${title}: bytes of every value may stand in keys, in byte order`, async t => {
    const {storage} = await open(t);
    const writer = storage.writer();
    const keys = Array.from({length: 256}, (_, i) => String.fromCharCode(i));
    for (const key of [...keys].reverse()) writer.put(key, Buffer.from(key, 'latin1'));
    await writer.commit();
    t.deepEqual(
      await collect(storage, {}),
      keys.map(key => [key, key]),
    );
  });

  test(`${title}: closing twice is fine, and a closed storage refuses`, async t => {
    const {storage} = await open(t);
    await storage.close();
    await storage.close();
    t.throws(() => storage.get('a'), {instanceOf: TypeError});
    t.throws(() => storage.writer(), {instanceOf: TypeError});
  });

  test(`${title}: behaves as a map does`, async t => {
    await fc.assert(
      fc.asyncProperty(fc.array(commandArbitrary, {maxLength: 30}), async commands => {
        let subject = await open(t);
        let writer = subject.storage.writer();
        const model: Model = {committed: new Map(), staged: new Map()};
        for (const command of commands) {
          if (command.kind === 'reopen') {
            if (subject.reopen === undefined) continue;
            subject = await subject.reopen();
            writer = subject.storage.writer();
            model.staged = new Map(model.committed);
          } else {
            await apply(command, writer, model);
          }
          await compare(t, subject.storage, writer, model);
        }
        await subject.storage.close();
        return true;
      }),
      {numRuns: 40},
    );
  });
}

interface Model {
  committed: Map<Key, string>;
  staged: Map<Key, string>;
}

type Command =
  | {readonly kind: 'put'; readonly key: Key; readonly size: number; readonly fill: number}
  | {readonly kind: 'frame'; readonly keys: readonly Key[]; readonly size: number; readonly noise: boolean}
  | {readonly kind: 'delete'; readonly key: Key}
  | {readonly kind: 'commit' | 'discard' | 'reopen'};

const keyArbitrary = fc.constantFrom('\0', 'a', 'a\0', 'ab', 'b', '\xff', '\xff\xff', 'o'.repeat(100));
const commandArbitrary: fc.Arbitrary<Command> = fc.oneof(
  {
    weight: 5,
    arbitrary: fc.record({
      kind: fc.constant('put' as const),
      key: keyArbitrary,
      size: fc.constantFrom(...SIZES),
      fill: fc.nat(255),
    }),
  },
  {
    weight: 3,
    arbitrary: fc.record({
      kind: fc.constant('frame' as const),
      keys: fc.uniqueArray(keyArbitrary, {maxLength: 5}),
      size: fc.constantFrom(0, 10, 3000, 40_000),
      noise: fc.boolean(),
    }),
  },
  {weight: 2, arbitrary: fc.record({kind: fc.constant('delete' as const), key: keyArbitrary})},
  {weight: 3, arbitrary: fc.record({kind: fc.constantFrom('commit' as const, 'discard' as const, 'reopen' as const)})},
);

async function apply(command: Command, writer: StorageWriter, model: Model): Promise<void> {
  switch (command.kind) {
    case 'put': {
      const value = Buffer.alloc(command.size, command.fill);
      writer.put(command.key, value);
      model.staged.set(command.key, value.toString('latin1'));
      break;
    }
    case 'frame': {
      const values = command.keys.map((key, i): [Key, Buffer] => [
        key,
        command.noise ? randomBytes(command.size) : Buffer.alloc(command.size, `${i}`),
      ]);
      writer.putFrame(frameOf(values));
      for (const [key, value] of values) model.staged.set(key, value.toString('latin1'));
      break;
    }
    case 'delete':
      writer.delete(command.key);
      model.staged.delete(command.key);
      break;
    case 'commit':
      await writer.commit();
      model.committed = new Map(model.staged);
      break;
    default:
      writer.discard();
      model.staged = new Map(model.committed);
  }
}

async function compare(t: ExecutionContext, storage: Storage, writer: StorageWriter, model: Model): Promise<void> {
  for (const key of ['\0', 'a', 'a\0', 'ab', 'b', '\xff', '\xff\xff', 'o'.repeat(100), 'absent']) {
    if (text(storage.get(key)) !== model.committed.get(key)) t.fail(`committed ${JSON.stringify(key)}`);
    if (text(writer.get(key)) !== model.staged.get(key)) t.fail(`staged ${JSON.stringify(key)}`);
    if (storage.has(key) !== model.committed.has(key) || writer.has(key) !== model.staged.has(key)) t.fail('has');
  }
  const sorted = [...model.committed].sort(([a], [b]) => (a < b ? -1 : 1));
  t.deepEqual(await collect(storage, {}), sorted);
  t.deepEqual(await collect(storage, {reverse: true, limit: 2}), sorted.toReversed().slice(0, 2));
  const inner = sorted.filter(([key]) => key >= 'a' && key < 'b');
  t.deepEqual(await collect(storage, {gte: 'a', lt: 'b'}), inner);
  t.deepEqual(await collect(storage, {gte: 'a', lt: 'b', reverse: true, limit: 1}), inner.toReversed().slice(0, 1));
  t.deepEqual(await collect(storage, {limit: 0}), []);
}
