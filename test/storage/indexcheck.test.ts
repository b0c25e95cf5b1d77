/** The check of LevelDB's files: whatever is flipped is told, or harmless, or refused when the store is opened. */
import {randomBytes} from 'node:crypto';
import fs from 'node:fs';
import path from 'node:path';
import test from 'ava';
import fc from 'fast-check';
import {isDbosError} from '../../src/errors.js';
import {crc32c, maskedCrc32c} from '../../src/storage/crc32c.js';
import {checkIndexFiles, type IndexFileProblem} from '../../src/storage/indexcheck.js';
import {LevelStorage} from '../../src/storage/level.js';
import {readRecords} from '../../src/storage/recordlog.js';
import {unpackSnappy} from '../../src/storage/snappy.js';
import {makeTmpDir} from '../support/tmp.js';

const open = (directory: string, createIfMissing = false) => LevelStorage.open(directory, {createIfMissing});

/** Commits values that the index holds itself; a key for each, with a common start so that lists of blocks compress. */
async function commitSmall(storage: LevelStorage, first: number, count: number, value: () => Buffer): Promise<void> {
  const writer = storage.writer();
  for (let i = first; i < first + count; i++) writer.put(`some/key/that/is/long ${i}`.padEnd(60, '.'), value());
  await writer.commit();
}

/** Makes a store with two tables, one of random values, and batches in the write-ahead log, one over several blocks. */
async function makeStore(directory: string): Promise<void> {
  let storage = await open(directory, true);
  await commitSmall(storage, 0, 2000, () => Buffer.alloc(100, 'text'));
  await storage.close();
  storage = await open(directory);
  await commitSmall(storage, 2000, 60, () => randomBytes(300));
  await storage.close();
  storage = await open(directory);
  await commitSmall(storage, 3000, 3, () => randomBytes(300));
  await commitSmall(storage, 3100, 300, () => randomBytes(300));
  await commitSmall(storage, 3500, 3, () => randomBytes(300));
  await storage.close();
}

const check = (directory: string): IndexFileProblem[] => [...checkIndexFiles(directory)];

function filesOf(directory: string, pattern: RegExp): string[] {
  const level = path.join(directory, 'level');
  return fs
    .readdirSync(level)
    .filter(name => pattern.test(name))
    .map(name => path.join(level, name));
}

test('a sound store has no problem, open or closed', async t => {
  const directory = makeTmpDir(t);
  await makeStore(directory);
  t.is(filesOf(directory, /\.ldb$/).length, 2);
  t.deepEqual(check(directory), []);
  const storage = await open(directory);
  await commitSmall(storage, 4000, 10, () => randomBytes(900));
  t.deepEqual(check(directory), []);
  await storage.close();
  t.deepEqual(check(directory), []);
  t.deepEqual(check(makeTmpDir(t)), [], 'what is missing is for the open to tell');
});

test('law: whatever bit of a table is flipped, the file is named with a place at or before it', async t => {
  const directory = makeTmpDir(t);
  await makeStore(directory);
  for (const table of filesOf(directory, /\.ldb$/)) {
    const bytes = fs.readFileSync(table);
    // all of the footer and the lists of blocks before it, and places all over the rest
    const near = fc.integer({min: Math.max(0, bytes.length - 600), max: bytes.length - 1});
    fc.assert(
      fc.property(fc.oneof(fc.nat(bytes.length - 1), near), fc.nat(7), (at, bit) => {
        const flipped = Buffer.from(bytes);
        flipped[at] = (flipped[at] as number) ^ (1 << bit);
        fs.writeFileSync(table, flipped);
        const problems = check(directory);
        return (
          problems.length >= 1 &&
          problems.every(({file}) => file === `level/${path.basename(table)}`) &&
          (problems[0]?.offset as number) <= at
        );
      }),
      {numRuns: 400},
    );
    fs.writeFileSync(table, bytes);
  }
  t.deepEqual(check(directory), []);
});

test('law: a flipped bit of the write-ahead log or the MANIFEST is told, refused, or loses nothing', async t => {
  const original = makeTmpDir(t);
  await makeStore(original);
  const other = makeTmpDir(t);
  fs.cpSync(original, other, {recursive: true});
  const storage = await open(other);
  const keys: string[] = [];
  for await (const [key] of storage.range({})) keys.push(key);
  await storage.close();
  let told = 0;
  let refused = 0;
  for (const pattern of [/\.log$/, /^MANIFEST/]) {
    const [file] = filesOf(original, pattern) as [string];
    const size = fs.statSync(file).size;
    t.true(size > 100);
    const offsets = Array.from({length: 40}, (_, i) => (i < 12 ? i : Math.floor((i * size) / 40)));
    for (const at of [...offsets, size - 1, size - 500].filter(place => place >= 0 && place < size)) {
      const directory = makeTmpDir(t);
      fs.cpSync(original, directory, {recursive: true});
      const [copy] = filesOf(directory, pattern) as [string];
      const bytes = fs.readFileSync(copy);
      bytes[at] = (bytes[at] as number) ^ (1 << (at % 8));
      fs.writeFileSync(copy, bytes);
      const problems = check(directory);
      if (problems.length > 0) {
        const [{file, offset, problem}] = problems as [IndexFileProblem];
        // where a flipped length hides the last entry of a MANIFEST, it names tables that are gone
        const named = file === `level/${path.basename(copy)}` && offset <= at;
        t.true(
          named || (copy.includes('MANIFEST') && problem === 'the file is missing'),
          `${file} ${offset} ${problem}`,
        );
        told++;
        continue;
      }
      try {
        const again = await open(directory);
        const found: string[] = [];
        for await (const [key] of again.range({})) found.push(key);
        await again.close();
        t.true(
          keys.every(key => found.includes(key)),
          `byte ${at} of ${copy}`,
        );
      } catch (error) {
        t.true(isDbosError(error, 'STORE_CORRUPT'), `${error}`);
        refused++;
      }
    }
  }
  t.true(told > 60, `${told} ${refused}`);
});

test('damage is told for each block, and the rest is still looked at', async t => {
  const directory = makeTmpDir(t);
  await makeStore(directory);
  const [table, other] = filesOf(directory, /\.ldb$/).sort((a, b) => fs.statSync(b).size - fs.statSync(a).size) as [
    string,
    string,
  ];
  for (const [file, places] of [
    [table, [10, 6000]],
    [other, [100]],
  ] as const) {
    const bytes = fs.readFileSync(file);
    for (const at of places) bytes[at] = (bytes[at] as number) ^ 4;
    fs.writeFileSync(file, bytes);
  }
  const problems = check(directory);
  t.is(problems.length, 3, JSON.stringify(problems));
  t.true(problems.every(({problem}) => problem === 'a block has a wrong checksum'));
});

test('a table that is missing, cut short or too long is told', async t => {
  const directory = makeTmpDir(t);
  await makeStore(directory);
  const [table] = filesOf(directory, /\.ldb$/) as [string];
  const bytes = fs.readFileSync(table);
  for (const damaged of [undefined, Buffer.alloc(0), bytes.subarray(0, 30), bytes.subarray(0, -1), [bytes, bytes]]) {
    if (damaged === undefined) fs.rmSync(table);
    else fs.writeFileSync(table, Array.isArray(damaged) ? Buffer.concat(damaged) : damaged);
    t.is(check(directory).length, 1);
  }
  fs.writeFileSync(table, bytes);
  t.deepEqual(check(directory), []);
  fs.writeFileSync(path.join(directory, 'level/CURRENT'), 'MANIFEST-999999\n');
  t.is(check(directory)[0]?.problem, 'the file is missing');
  fs.writeFileSync(path.join(directory, 'level/CURRENT'), 'nonsense');
  t.is(check(directory)[0]?.file, 'level/CURRENT');
});

test('what a process leaves that died is no damage: a half-written table, the start of a batch', async t => {
  const directory = makeTmpDir(t);
  await makeStore(directory);
  const [table] = filesOf(directory, /\.ldb$/) as [string];
  fs.writeFileSync(path.join(directory, 'level/000900.ldb'), fs.readFileSync(table).subarray(0, 5000));
  fs.writeFileSync(path.join(directory, 'level/000001.log'), randomBytes(100));
  const [log] = filesOf(directory, /\.log$/).slice(-1) as [string];
  const whole = fs.readFileSync(log);
  for (const end of [whole.length - 1, whole.length - 900, 40_000, 32_768 + 3, 3]) {
    fs.writeFileSync(log, whole.subarray(0, end));
    t.deepEqual(check(directory), [], `${end}`);
  }
  fs.writeFileSync(log, Buffer.concat([whole, Buffer.alloc(50_000)]));
  t.deepEqual(check(directory), [], 'zeros where the file had grown');
  fs.writeFileSync(log, Buffer.concat([whole.subarray(0, 32_768), Buffer.alloc(32_768), whole.subarray(65_536)]));
  t.regex(check(directory)[0]?.problem ?? '', /^there are zeros where a record should be/);
});

test('records are put together from their parts, and lost ones are told once', t => {
  const part = (type: number, text: string) => {
    const body = Buffer.from(`${String.fromCharCode(type)}${text}`, 'latin1');
    const header = Buffer.alloc(6);
    header.writeUInt32LE(maskedCrc32c(body));
    header.writeUInt16LE(text.length, 4);
    return Buffer.concat([header, body]);
  };
  const read = (...parts: Buffer[]) =>
    [...readRecords(Buffer.concat(parts))].map(event => ('record' in event ? `${event.record}` : event.problem));
  t.deepEqual(read(part(1, 'a'), part(2, 'b'), part(3, 'c'), part(4, 'd'), part(1, '')), ['a', 'bcd', '']);
  t.deepEqual(read(part(2, 'b'), part(3, 'c')), []);
  t.deepEqual(read(part(2, 'b'), part(1, 'c')), ['a record lacks its end', 'c']);
  t.deepEqual(read(part(4, 'b'), part(1, 'c')), ['a record lacks its start', 'c']);
  t.deepEqual(read(part(9, 'b')), ['a record is of an unknown type']);
  const block = Buffer.concat([part(1, 'x'), part(2, 'y'.repeat(32_768 - 8 - 7))]);
  t.deepEqual(read(block, part(4, 'z'), part(1, 'a')), ['x', `${'y'.repeat(32_768 - 15)}z`, 'a']);
  const damaged = Buffer.from(block);
  damaged[100] = 1;
  t.deepEqual(read(damaged, part(3, 'y'), part(4, 'z'), part(1, 'a')), ['x', 'a record has a wrong checksum', 'a']);
});

test('CRC-32C and Snappy are those of their descriptions', t => {
  t.is(crc32c(Buffer.from('123456789')), 0xe3069283);
  t.is(crc32c(Buffer.from('6789'), crc32c(Buffer.from('12345'))), 0xe3069283);
  t.is(crc32c(Buffer.alloc(32)), 0x8a9136aa);
  const unpack = (...bytes: number[]) => `${unpackSnappy(Buffer.from(bytes))}`;
  t.is(unpack(0), '');
  t.is(unpack(3, 2 << 2, 97, 98, 99), 'abc');
  // copies with offsets of 11, 16 and 32 bits, the first over what it writes itself
  t.is(unpack(8, 0, 97, ((7 - 4) << 2) | 1, 1), 'aaaaaaaa');
  t.is(unpack(5, 1 << 2, 97, 98, ((3 - 1) << 2) | 2, 2, 0), 'ababa');
  t.is(unpack(5, 1 << 2, 97, 98, ((3 - 1) << 2) | 3, 2, 0, 0, 0), 'ababa');
  const long = randomBytes(70_000);
  for (const [tag, size] of [
    [60, 1],
    [61, 2],
    [62, 3],
    [63, 4],
  ] as const) {
    const bytes = long.subarray(0, Math.min(long.length, 256 ** size));
    const length = Buffer.alloc(size);
    length.writeUIntLE(bytes.length - 1, 0, size);
    const total = Buffer.from([(bytes.length & 0x7f) | 0x80, ((bytes.length >> 7) & 0x7f) | 0x80, bytes.length >> 14]);
    // a varint in its shortest form
    const start = bytes.length < 16_384 ? Buffer.from([total[0] as number, bytes.length >> 7]) : total;
    t.deepEqual(unpackSnappy(Buffer.concat([start, Buffer.from([tag << 2]), length, bytes])), bytes);
  }
  for (const bad of [[], [3], [3, 0, 97], [1, 1 << 2, 97, 98], [4, 0, 97, 2, 0, 0], [4, 0, 97, 6, 5, 0], [4, 1, 1]]) {
    t.throws(() => unpackSnappy(Buffer.from(bad)), {instanceOf: RangeError}, `${bad}`);
  }
  t.throws(() => unpackSnappy(Buffer.from([0xff, 0xff, 0xff, 0xff, 0x0f, 0])), {instanceOf: RangeError});
});
