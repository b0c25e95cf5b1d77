import {spawnSync} from 'node:child_process';
import {randomBytes} from 'node:crypto';
import fs from 'node:fs';
import path from 'node:path';
import test, {type ExecutionContext} from 'ava';
import {isDbosError} from '../../src/errors.js';
import {LevelStorage} from '../../src/storage/level.js';
import {makeTmpDir} from '../support/tmp.js';
import {SimulatedDisk} from './simulated-files.js';

test('when the log is full the commit fails, nothing is visible, and the store goes on', async t => {
  const disk = new SimulatedDisk();
  const directory = makeTmpDir(t);
  const storage = await LevelStorage.open(directory, {createIfMissing: true, fileSystem: disk, segmentLimit: 100_000});
  const writer = storage.writer();
  const value = randomBytes(60_000);
  writer.put('before', value);
  await writer.commit();
  disk.capacity = 250_000;
  writer.put('small', Buffer.from('x'));
  const error = t.throws(() => {
    for (let i = 0; i < 10; i++) writer.put(`large ${i}`, randomBytes(60_000));
  });
  t.true(isDbosError(error, 'STORE_FULL'));
  t.regex((error as Error).message, /^The disk that holds .* is full\.$/);
  t.throws(() => writer.put('more', Buffer.alloc(1)), {code: 'STORE_FULL'});
  await t.throwsAsync(writer.commit(), {code: 'STORE_FULL'}, 'half of what was staged must not be committed');
  t.false(storage.has('small'));
  writer.discard();
  t.true(storage.size() < 250_000 + 100_000, 'the room is given free');
  writer.put('small', Buffer.from('y'));
  writer.put('fits', value);
  await writer.commit();
  t.true(value.equals(storage.get('fits') ?? Buffer.alloc(0)));
  t.true(value.equals(storage.get('before') ?? Buffer.alloc(0)));
  t.false(storage.has('large 0'));
  t.deepEqual([...storage.checkLog()], []);
  await storage.close();
});

test('values that are gathered meet the full disk at the commit', async t => {
  const disk = new SimulatedDisk();
  const storage = await LevelStorage.open(makeTmpDir(t), {createIfMissing: true, fileSystem: disk});
  const writer = storage.writer();
  disk.capacity = 10;
  writer.put('a', Buffer.alloc(2000));
  await t.throwsAsync(writer.commit(), {code: 'STORE_FULL'});
  t.false(storage.has('a'));
  writer.discard();
  disk.capacity = 10_000;
  writer.put('a', Buffer.alloc(2000, 1));
  await writer.commit();
  t.is(storage.get('a')?.length, 2000);
  await storage.close();
});

test('a value that fits into no segment is refused, and the rest is kept', async t => {
  const storage = await LevelStorage.open(makeTmpDir(t), {createIfMissing: true, segmentLimit: 10_000});
  const writer = storage.writer();
  writer.put('a', Buffer.alloc(3000));
  t.throws(() => writer.put('b', Buffer.alloc(40_000)), {code: 'VALUE_TOO_LARGE'});
  await writer.commit();
  t.is(storage.get('a')?.length, 3000);
  t.false(storage.has('b'));
  await storage.close();
});

/** Returns a directory on a disk of its own of this size, or undefined where that is not permitted. */
function mountSmallDisk(t: ExecutionContext, size: string): string | undefined {
  const directory = makeTmpDir(t);
  const mounted = spawnSync('mount', ['-t', 'tmpfs', '-o', `size=${size}`, 'tmpfs', directory]);
  if (mounted.status !== 0) {
    t.log('no disk could be mounted here, so a disk that is really full was not tried');
    t.pass();
    return undefined;
  }
  t.teardown(() => {
    spawnSync('umount', ['-l', directory]);
  });
  return directory;
}

test('a disk that is really full: in the log', async t => {
  const disk = mountSmallDisk(t, '4m');
  if (disk === undefined) return;
  const storage = await LevelStorage.open(path.join(disk, 'store'), {createIfMissing: true});
  const writer = storage.writer();
  writer.put('before', Buffer.alloc(100_000, 'b'));
  await writer.commit();
  await t.throwsAsync(
    async () => {
      for (let i = 0; i < 100; i++) writer.put(`large ${i}`, randomBytes(100_000));
      await writer.commit();
    },
    {code: 'STORE_FULL'},
  );
  writer.discard();
  writer.put('after', Buffer.alloc(100_000, 'a'));
  await writer.commit();
  await storage.close();
  const again = await LevelStorage.open(path.join(disk, 'store'), {createIfMissing: false});
  t.is(Buffer.from(again.get('before') ?? []).toString(), 'b'.repeat(100_000));
  t.is(Buffer.from(again.get('after') ?? []).toString(), 'a'.repeat(100_000));
  t.false(again.has('large 0'));
  t.deepEqual([...again.checkLog()], []);
  await again.close();
});

test('a disk that is really full: in the index', async t => {
  const disk = mountSmallDisk(t, '5m');
  if (disk === undefined) return;
  const ballast = path.join(disk, 'ballast');
  fs.writeFileSync(ballast, Buffer.alloc(3_500_000, 1));
  const store = path.join(disk, 'store');
  let storage = await LevelStorage.open(store, {createIfMissing: true});
  let committed = 0;
  const commitOne = async (number: number) => {
    const writer = storage.writer();
    for (let i = 0; i < 60; i++) writer.put(`${number} ${i}`, randomBytes(900));
    await writer.commit();
  };
  const check = (count: number) => {
    for (let number = 0; number < count; number++) {
      for (let i = 0; i < 60; i++) t.is(storage.get(`${number} ${i}`)?.length, 900);
    }
    t.false(storage.has(`${count} 0`) || storage.has(`${count} 59`));
  };
  const error = await t.throwsAsync(async () => {
    for (; committed < 100; committed++) await commitOne(committed);
  });
  t.true(isDbosError(error, 'STORE_FULL'), `${error}`);
  t.true(committed > 0);
  await storage.close();

  const full = await LevelStorage.open(store, {createIfMissing: false}).catch((failure: unknown) => failure);
  if (full instanceof LevelStorage) await full.close();
  else t.true(isDbosError(full, 'STORE_FULL'), `${full}`);

  fs.rmSync(ballast);
  storage = await LevelStorage.open(store, {createIfMissing: false});
  check(committed);
  await commitOne(committed);
  check(committed + 1);
  await storage.close();
});

test('room that appears while a commit fails leaves all of it or nothing', async t => {
  for (let round = 0; round < 8; round++) {
    const disk = mountSmallDisk(t, '3m');
    if (disk === undefined) return;
    const ballast = path.join(disk, 'ballast');
    const store = path.join(disk, 'store');
    let storage = await LevelStorage.open(store, {createIfMissing: true});
    const writer = storage.writer();
    writer.put('a', Buffer.alloc(5000, 'a'));
    await writer.commit();
    const {bavail, bsize} = fs.statfsSync(disk);
    fs.writeFileSync(ballast, Buffer.alloc(bavail * bsize - 120_000, 1));
    writer.put('b', Buffer.alloc(5000, 'b'));
    for (let i = 0; i < 300; i++) writer.put(`b ${i}`, randomBytes(900));
    // Looks again and again whether the disk is full, and makes room some steps later.
    let wait = round;
    const timer = setInterval(() => {
      if (fs.statfsSync(disk).bavail === 0 && wait-- <= 0) fs.rmSync(ballast, {force: true});
    });
    const failure = await writer.commit().catch((error: unknown) => error);
    clearInterval(timer);
    fs.rmSync(ballast, {force: true});
    t.true(failure === undefined || isDbosError(failure, 'STORE_FULL'), `${failure}`);
    if (failure !== undefined) writer.discard();
    const usable = isUsable(storage);
    t.log(failure === undefined ? 'committed' : usable ? 'failed and went on' : 'failed and was closed');
    if (!usable) {
      await storage.close();
      storage = await LevelStorage.open(store, {createIfMissing: false});
    }
    const whole = failure === undefined;
    if (whole) t.is(storage.get('b 299')?.length, 900);
    for (let i = 0; i < 300; i++) t.is(storage.has(`b ${i}`), storage.has('b'));
    if (usable) t.is(storage.has('b'), whole);
    t.is(Buffer.from(storage.get('a') ?? []).toString(), 'a'.repeat(5000));
    const next = storage.writer();
    next.put('c', Buffer.alloc(50_000, 'c'));
    await next.commit();
    t.is(Buffer.from(storage.get('c') ?? []).toString(), 'c'.repeat(50_000));
    if (whole) t.is(Buffer.from(storage.get('b') ?? []).toString(), 'b'.repeat(5000));
    t.deepEqual([...storage.checkLog()], []);
    await storage.close();
  }
});

function isUsable(storage: LevelStorage): boolean {
  try {
    storage.get('a');
    return true;
  } catch (error) {
    if (isDbosError(error, 'STORE_FULL')) return false;
    throw error;
  }
}
