/** The witness: a store that has lost its last commits says so instead of passing for an older one. */
import fs from 'node:fs';
import path from 'node:path';
import test from 'ava';
import {isDbosError} from '../../src/errors.js';
import {LevelStorage} from '../../src/storage/level.js';
import {makeTmpDir} from '../support/tmp.js';

const open = (directory: string, createIfMissing = false) => LevelStorage.open(directory, {createIfMissing});

/** Commits each value under its number, all in one session, and closes the store. */
async function commitAll(directory: string, values: readonly Buffer[], first = 0): Promise<void> {
  const storage = await open(directory, true);
  for (const [i, value] of values.entries()) {
    const writer = storage.writer();
    writer.put(`${first + i}`, value);
    await writer.commit();
  }
  await storage.close();
}

/** Flips a bit in the middle of the last batch of LevelDB's write-ahead log, whose batches are of one size. */
function flipLastBatch(directory: string, batches: number): void {
  const level = path.join(directory, 'level');
  const [name] = fs.readdirSync(level).filter(file => file.endsWith('.log')) as [string];
  const file = path.join(level, name);
  const bytes = fs.readFileSync(file);
  const at = bytes.length - Math.floor(bytes.length / batches / 2);
  bytes[at] = (bytes[at] as number) ^ 1;
  fs.writeFileSync(file, bytes);
}

const large = (text: string) => Buffer.alloc(3000, text);

test('commits that the index has lost are STORE_CORRUPT, again and again, and nothing is truncated', async t => {
  const directory = makeTmpDir(t);
  await commitAll(directory, [large('a')]);
  await commitAll(directory, [large('b'), large('c'), large('d')], 1);
  const log = path.join(directory, 'log/00000001.log');
  const {size} = fs.statSync(log);
  flipLastBatch(directory, 3);
  for (let i = 0; i < 3; i++) {
    const error = await t.throwsAsync(open(directory));
    t.true(isDbosError(error, 'STORE_CORRUPT'));
    t.regex(error?.message ?? '', /has lost its last write\.$/);
    t.regex(isDbosError(error) ? (error.hint ?? '') : '', /copy.*remove the file .*witness/);
  }
  t.is(fs.statSync(log).size, size);
  fs.rmSync(path.join(directory, 'witness'));
  const storage = await open(directory);
  t.deepEqual(
    ['0', '1', '2', '3'].map(key => storage.has(key)),
    [true, true, true, false],
  );
  const writer = storage.writer();
  writer.put('3', large('e'));
  await writer.commit();
  await storage.close();
  await (await open(directory)).close();
});

test('the number of commits that are lost is told', async t => {
  const directory = makeTmpDir(t);
  await commitAll(directory, [large('a'), large('b'), large('c')]);
  for (const name of fs.readdirSync(path.join(directory, 'level'))) {
    if (name.endsWith('.log')) fs.truncateSync(path.join(directory, 'level', name));
  }
  const error = await t.throwsAsync(open(directory), {message: /lost its last 3 writes\.$/});
  t.true(isDbosError(error, 'STORE_CORRUPT') && error.data.commits === 0 && error.data.known === 3);
});

test('a witness that is behind, torn, garbage or gone says nothing', async t => {
  const directory = makeTmpDir(t);
  const witness = path.join(directory, 'witness');
  await commitAll(directory, [large('a')]);
  const older = fs.readFileSync(witness);
  await commitAll(directory, [large('b')], 1);
  const newer = fs.readFileSync(witness);
  t.is(newer.length, 20);
  t.notDeepEqual(older, newer);
  const wrong = Buffer.from(newer);
  wrong[9] = 1;
  const version = Buffer.from(newer);
  version[7] = 2;
  for (const bytes of [older, Buffer.alloc(0), newer.subarray(0, 12), Buffer.alloc(20), wrong, version]) {
    fs.writeFileSync(witness, bytes);
    const storage = await open(directory);
    t.is(storage.get('1')?.length, 3000);
    await storage.close();
    t.deepEqual(fs.readFileSync(witness), bytes, 'who only reads writes nothing');
  }
  fs.rmSync(witness);
  await (await open(directory)).close();
  t.false(fs.existsSync(witness));
  await commitAll(directory, [large('c')], 2);
  t.is(fs.readFileSync(witness).readBigUInt64LE(8), 3n);
});

test('a witness that cannot be written fails no commit', async t => {
  const directory = makeTmpDir(t);
  await commitAll(directory, [large('a')]);
  fs.rmSync(path.join(directory, 'witness'));
  fs.mkdirSync(path.join(directory, 'witness'));
  await commitAll(directory, [large('b')], 1);
  const again = await open(directory);
  t.is(again.get('1')?.length, 3000);
  await again.close();
});

test('a new store is not held against the witness of one that was there before', async t => {
  const directory = makeTmpDir(t);
  await commitAll(directory, [large('a'), large('b')]);
  for (const folder of ['level', 'log']) fs.rmSync(path.join(directory, folder), {recursive: true});
  await commitAll(directory, [large('c')]);
  const storage = await open(directory);
  t.deepEqual([storage.has('0'), storage.has('1')], [true, false]);
  await storage.close();
});
