import {randomBytes} from 'node:crypto';
import fs from 'node:fs';
import path from 'node:path';
import {Worker} from 'node:worker_threads';
import test, {type ExecutionContext} from 'ava';
import fc from 'fast-check';
import {Level} from 'level';
import {isDbosError} from '../../src/errors.js';
import {FRAME_HEADER, packFrame, unpackPayload} from '../../src/storage/frame.js';
import {LevelStorage} from '../../src/storage/level.js';
import {LogReader} from '../../src/storage/logreader.js';
import {SEGMENT_HEADER} from '../../src/storage/segment.js';
import type {Location} from '../../src/storage/storage.js';
import {makeTmpDir} from '../support/tmp.js';

const SEGMENT = 200_000;
const open = (directory: string, createIfMissing = false) =>
  LevelStorage.open(directory, {createIfMissing, segmentLimit: SEGMENT});

/** Makes a store with values in stored and in compressed frames over several segments; returns what they are. */
async function makeStore(directory: string): Promise<Map<string, Buffer>> {
  const storage = await open(directory, true);
  const values = new Map<string, Buffer>();
  const writer = storage.writer();
  for (let i = 0; i < 12; i++) {
    const value = randomBytes(45_000);
    values.set(`stored ${i}`, value);
    writer.put(`stored ${i}`, value);
    const entries = Array.from({length: 10}, (_, j) => ({
      key: `packed ${i} ${j}`,
      value: Buffer.alloc(3000, `${i} ${j} `),
    }));
    for (const entry of entries) values.set(entry.key, entry.value);
    writer.putFrame(packFrame(entries));
  }
  values.set('small', Buffer.from('small'));
  writer.put('small', Buffer.from('small'));
  await writer.commit();
  await storage.close();
  return values;
}

function segments(directory: string): string[] {
  const log = path.join(directory, 'log');
  return fs
    .readdirSync(log)
    .sort()
    .map(name => path.join(log, name));
}

/** What a user is told: a whole sentence. */
const SENTENCE = /^[A-Z].*[^.]\.$/s;
const CORRUPT = {code: 'STORE_CORRUPT', message: SENTENCE};

/** Reads every key; returns how many give their value, and fails on anything but the value or STORE_CORRUPT. */
function countSound(t: ExecutionContext, storage: LevelStorage, values: ReadonlyMap<string, Buffer>): number {
  let sound = 0;
  for (const [key, value] of values) {
    try {
      const found = storage.get(key);
      if (found && value.equals(found)) sound++;
      // A value in a stored frame is checked by whoever knows its hash.
      else if (found?.length !== value.length || !key.startsWith('stored')) t.fail(key);
    } catch (error) {
      if (!isDbosError(error, 'STORE_CORRUPT')) t.fail(`${key}: ${error}`);
      else t.regex(error.message, SENTENCE);
    }
  }
  return sound;
}

test('a flipped byte anywhere in the log is reported, and reading it is safe', async t => {
  const directory = makeTmpDir(t);
  const values = await makeStore(directory);
  const files = segments(directory);
  t.true(files.length >= 3);
  const storage = await open(directory);
  t.deepEqual([...storage.checkLog()], []);
  await storage.close();
  await fc.assert(
    fc.asyncProperty(
      fc.nat(files.length - 1),
      fc.double({min: 0, max: 1, maxExcluded: true, noNaN: true}),
      fc.integer({min: 1, max: 255}),
      async (file, at, flip) => {
        const name = files[file] as string;
        const bytes = fs.readFileSync(name);
        const offset = Math.floor(at * bytes.length);
        const damaged = Buffer.from(bytes);
        damaged[offset] = (damaged[offset] as number) ^ flip;
        fs.writeFileSync(name, damaged);
        const reopened = await open(directory);
        const problems = [...reopened.checkLog()];
        const sound = countSound(t, reopened, values);
        await reopened.close();
        fs.writeFileSync(name, bytes);
        return (
          problems.length === 1 &&
          problems[0]?.segment === file + 1 &&
          problems[0].offset <= offset &&
          sound >= values.size - 10
        );
      },
    ),
    {numRuns: 60},
  );
});

test('the check goes on after damage', async t => {
  const directory = makeTmpDir(t);
  await makeStore(directory);
  const [first, second] = segments(directory) as [string, string];
  const bytes = fs.readFileSync(first);
  bytes[SEGMENT_HEADER] = 0;
  bytes[bytes.length - 1] = (bytes.at(-1) as number) ^ 1;
  fs.writeFileSync(first, bytes);
  const more = fs.readFileSync(second);
  more[60_000] = (more[60_000] as number) ^ 1;
  fs.writeFileSync(second, more);
  const storage = await open(directory);
  t.deepEqual(
    [...storage.checkLog()].map(({segment}) => segment),
    [1, 1, 2],
  );
  await storage.close();
});

test('a segment that is missing or cut short is reported, and the rest is still read', async t => {
  for (const damage of ['missing', 'short', 'at a frame', 'empty'] as const) {
    const directory = makeTmpDir(t);
    const values = await makeStore(directory);
    const [first] = segments(directory) as [string];
    const {size} = fs.statSync(first);
    if (damage === 'missing') fs.rmSync(first);
    else if (damage === 'short') fs.truncateSync(first, size - 1000);
    else if (damage === 'empty') fs.truncateSync(first, 0);
    else fs.truncateSync(first, SEGMENT_HEADER);
    const storage = await open(directory);
    const problems = [...storage.checkLog()];
    t.true(
      problems.length > 0 && problems.every(problem => problem.segment === 1),
      `${damage}: ${JSON.stringify(problems)}`,
    );
    const sound = countSound(t, storage, values);
    t.true(sound > 20 && sound < values.size, damage);
    const writer = storage.writer();
    writer.put('after', Buffer.alloc(5000, 'a'));
    await writer.commit();
    t.is(storage.get('after')?.length, 5000);
    await storage.close();
  }
});

test('a log that is shorter than the last commit left it does not open', async t => {
  const directory = makeTmpDir(t);
  await makeStore(directory);
  const last = segments(directory).at(-1) as string;
  fs.truncateSync(last, fs.statSync(last).size - 1);
  await t.throwsAsync(open(directory), CORRUPT);
  fs.rmSync(last);
  await t.throwsAsync(open(directory), CORRUPT);
  await t.throwsAsync(open(directory), CORRUPT, 'the lock was given up');
});

test('what lies past the end of the log is no damage, and the next writer clears it away', async t => {
  const directory = makeTmpDir(t);
  const values = await makeStore(directory);
  const last = segments(directory).at(-1) as string;
  const {size} = fs.statSync(last);
  fs.appendFileSync(last, randomBytes(50_000));
  const next = path.join(directory, 'log', `${String(segments(directory).length + 1).padStart(8, '0')}.log`);
  fs.writeFileSync(next, randomBytes(10_000));
  const storage = await open(directory);
  t.deepEqual([...storage.checkLog()], []);
  t.is(countSound(t, storage, values), values.size);
  t.is(fs.statSync(last).size, size + 50_000, 'a reader changes nothing');
  const writer = storage.writer();
  writer.put('after', Buffer.alloc(2000));
  await writer.commit();
  t.true(fs.statSync(last).size < size + 5000);
  t.false(fs.existsSync(next));
  t.deepEqual([...storage.checkLog()], []);
  await storage.close();
});

test('garbage in the index is STORE_CORRUPT or a report, never more', async t => {
  const directory = makeTmpDir(t);
  const values = await makeStore(directory);
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.tuple(fc.constantFrom(0, 1, 2, 3, 255), fc.uint8Array({maxLength: 30})), {
        minLength: 1,
        maxLength: 50,
      }),
      async garbage => {
        const level = new Level<Buffer, Buffer>(path.join(directory, 'level'), {
          keyEncoding: 'buffer',
          valueEncoding: 'buffer',
        });
        for (const [i, [tag, bytes]] of garbage.entries())
          await level.put(Buffer.from(`bad ${i}`), Buffer.from([tag, ...bytes]));
        await level.put(Buffer.from('empty'), Buffer.alloc(0));
        // Far more than the log holds, in a frame that exists.
        await level.put(
          Buffer.from('huge'),
          Buffer.from([1, 1, 20, 0, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f]),
        );
        await level.close();
        const storage = await open(directory);
        for (const key of ['empty', 'huge', ...garbage.keys()].map(name =>
          typeof name === 'number' ? `bad ${name}` : name,
        )) {
          try {
            storage.get(key);
          } catch (error) {
            if (!isDbosError(error, 'STORE_CORRUPT')) throw error;
          }
        }
        const reported: string[] = [];
        for await (const {key} of storage.checkIndex()) reported.push(key);
        t.true(reported.includes('empty') && reported.includes('huge'));
        t.false(reported.some(key => values.has(key)));
        await storage.close();
      },
    ),
    {numRuns: 20},
  );
  const level = new Level<Buffer, Buffer>(path.join(directory, 'level'), {
    keyEncoding: 'buffer',
    valueEncoding: 'buffer',
  });
  await level.put(Buffer.alloc(0), Buffer.from([9, 9, 9]));
  await level.close();
  await t.throwsAsync(open(directory), CORRUPT);
});

test('an index that lost its files is not taken for a new store', async t => {
  const directory = makeTmpDir(t);
  await t.throwsAsync(open(directory), {code: 'STORE_NOT_FOUND'});
  await t.throwsAsync(open(path.join(directory, 'none')), {code: 'STORE_NOT_FOUND'});
  t.deepEqual(fs.readdirSync(directory), [], 'looking for a store makes nothing');
  await makeStore(directory);
  fs.rmSync(path.join(directory, 'level', 'CURRENT'));
  await t.throwsAsync(open(directory), CORRUPT);
  await t.throwsAsync(open(directory, true), CORRUPT);
  fs.rmSync(path.join(directory, 'level'), {recursive: true});
  await t.throwsAsync(open(directory, true), CORRUPT);
});

test('a damaged manifest is STORE_CORRUPT', async t => {
  const directory = makeTmpDir(t);
  await makeStore(directory);
  const level = path.join(directory, 'level');
  for (const name of fs.readdirSync(level)) {
    if (name.startsWith('MANIFEST')) fs.writeFileSync(path.join(level, name), randomBytes(500));
  }
  await t.throwsAsync(open(directory), CORRUPT);
});

test('another thread reads what a location points to', async t => {
  const directory = makeTmpDir(t);
  const values = await makeStore(directory);
  const storage = await open(directory);
  const locations = [...values.keys()].map(key => storage.locate(key)).filter(location => location !== undefined);
  t.is(locations.length, values.size - 1, 'the small one is in the index');
  const source = `
    const {workerData, parentPort} = require('node:worker_threads');
    import(workerData.module).then(({LogReader}) => {
      const reader = new LogReader(workerData.directory);
      parentPort.postMessage(workerData.locations.map(location => Buffer.from(reader.read(location)).toString('latin1')));
    });`;
  const module = new URL('../../src/storage/logreader.js', import.meta.url).href;
  const worker = new Worker(source, {eval: true, workerData: {module, directory: storage.logDirectory, locations}});
  const read = await new Promise<string[]>((resolve, reject) => worker.once('message', resolve).once('error', reject));
  t.deepEqual(
    read,
    [...values].filter(([key]) => key !== 'small').map(([, value]) => value.toString('latin1')),
  );
  await storage.close();
});

test('values are read in any order, many of them from frames that are no longer kept', async t => {
  const directory = makeTmpDir(t);
  const storage = await LevelStorage.open(directory, {createIfMissing: true});
  const writer = storage.writer();
  const expected: [Location, string][] = [];
  for (let i = 0; i < 30; i++) {
    const noise = i % 2 === 0;
    const entries = Array.from({length: 4}, (_, j) => ({
      key: `${i} ${j}`,
      value: Buffer.concat([
        Buffer.from(`${i} ${j}`),
        noise ? randomBytes(30_000) : Buffer.alloc(i === 29 ? 2_000_000 : 300_000, 'x'),
      ]),
    }));
    writer.putFrame(packFrame(entries));
  }
  await writer.commit();
  for (let i = 0; i < 30; i++)
    for (let j = 0; j < 4; j++) expected.push([storage.locate(`${i} ${j}`) as Location, `${i} ${j}`]);
  const reader = new LogReader(storage.logDirectory);
  fc.assert(
    fc.property(fc.array(fc.nat(expected.length - 1), {maxLength: 60}), order =>
      order.every(i => {
        const [location, start] = expected[i] as [Location, string];
        const value = reader.read(location);
        return value.length === location.length && Buffer.from(value.subarray(0, start.length)).toString() === start;
      }),
    ),
    {numRuns: 30},
  );
  // a frame as it stands there unpacks to its values
  for (let i = 0; i < expected.length; i += 4) {
    const [location] = expected[i] as [Location, string];
    const {codec, rawLength, stored, lengths} = reader.readFrame(location);
    t.is(lengths[0], location.length);
    const values = unpackPayload(codec, rawLength, stored);
    t.deepEqual(Buffer.from(values.subarray(0, lengths[0])), Buffer.from(reader.read(location)));
    t.throws(() => reader.readFrame({...location, frame: location.frame + 1}), CORRUPT);
  }
  t.throws(() => reader.read({...(expected[0] as [Location, string])[0], segment: 7}), CORRUPT);
  reader.close();
  await storage.close();
});

test('what is read along with values in a row is what stands beside them in the log', async t => {
  const directory = makeTmpDir(t);
  let storage = await LevelStorage.open(directory, {createIfMissing: true});
  const writer = storage.writer();
  const values = Array.from({length: 300}, (_, i) => Buffer.concat([Buffer.from(`${i} `), randomBytes(2000 + i)]));
  values.forEach((value, i) => {
    writer.put(`${i}`, value);
  });
  await writer.commit();
  await storage.close();
  // a damaged table says nothing of its frame, and takes nothing else along
  for (const damaged of [false, true]) {
    if (damaged) flipTableOfFirstFrame(directory, values);
    storage = await LevelStorage.open(directory, {createIfMissing: false});
    const known = new Set(values.map(value => value.toString('latin1')));
    const beside = new Set<string>();
    let asked = 0;
    for (const [i, value] of values.entries()) {
      const text = value.toString('latin1');
      if (beside.has(text)) continue;
      asked++;
      const found = storage.get(`${i}`, {
        add: other => {
          const bytes = Buffer.from(other).toString('latin1');
          t.true(known.has(bytes));
          beside.add(bytes);
        },
      });
      t.is(Buffer.from(found as Uint8Array).toString('latin1'), text);
    }
    // frames of 64 KiB hold about 30 each; of the first one three are read on their own
    t.true(damaged ? asked > 30 && asked < 80 : asked < 30, `${asked} were asked for`);
    await storage.close();
  }
});

function flipTableOfFirstFrame(directory: string, values: readonly Buffer[]): void {
  const log = path.join(directory, 'log', '00000001.log');
  const bytes = fs.readFileSync(log);
  const first = bytes.indexOf(values[0] as Buffer);
  const table = first + bytes.readUInt32LE(first - FRAME_HEADER + 4);
  bytes[table] = (bytes[table] as number) ^ 1;
  fs.writeFileSync(log, bytes);
}
