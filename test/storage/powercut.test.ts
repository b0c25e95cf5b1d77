import fs from 'node:fs';
import path from 'node:path';
import test from 'ava';
import fc from 'fast-check';
import {packFrame} from '../../src/storage/frame.js';
import {readJournal} from '../../src/storage/journal.js';
import {LevelStorage} from '../../src/storage/level.js';
import type {Key, Storage, StorageWriter} from '../../src/storage/storage.js';
import {makeTmpDir} from '../support/tmp.js';
import {putFiles, takeFiles, tornFiles} from './level-directory.js';
import {randomFrom, SimulatedDisk} from './simulated-files.js';
import {collect} from './suite.js';

type Phase = 'staging' | 'syncing' | 'publishing' | 'done' | 'discarded';

interface Step {
  readonly sizes: readonly number[];
  readonly frames: readonly number[];
  readonly phase: Phase;
  readonly cut: boolean;
}

const PHASES: readonly Phase[] = ['staging', 'syncing', 'publishing', 'done', 'discarded'];

const anyStep: fc.Arbitrary<Step> = fc.record({
  sizes: fc.array(fc.constantFrom(0, 10, 600, 1500, 9000, 40_000, 90_000), {maxLength: 5}),
  frames: fc.array(fc.constantFrom(1, 50, 4000, 20_000), {maxLength: 3}),
  phase: fc.constantFrom(...PHASES),
  cut: fc.boolean(),
});

/** Commits that go to the journal where they follow others. */
const smallStep: fc.Arbitrary<Step> = fc.record({
  sizes: fc.array(fc.constantFrom(0, 10, 600, 1500, 9000), {minLength: 1, maxLength: 3}),
  frames: fc.constant([]),
  phase: fc.oneof(
    {weight: 2, arbitrary: fc.constant<Phase>('done')},
    {weight: 1, arbitrary: fc.constantFrom(...PHASES)},
  ),
  cut: fc.integer({min: 0, max: 4}).map(n => n === 0),
});

const stepsArbitrary = fc.oneof(
  fc.array(anyStep, {minLength: 1, maxLength: 8}),
  fc.array(fc.oneof({weight: 5, arbitrary: smallStep}, {weight: 1, arbitrary: anyStep}), {minLength: 4, maxLength: 14}),
);

const SEGMENT = 150_000;

test('after a power cut every commit is there, and what was not committed is all there or not at all', async t => {
  const seen = new Set<string>();
  await fc.assert(
    fc.asyncProperty(stepsArbitrary, fc.nat(), async (steps, seed) => {
      const random = randomFrom(seed);
      let disk = new SimulatedDisk();
      let directory = makeTmpDir(t);
      const open = () => LevelStorage.open(directory, {createIfMissing: true, fileSystem: disk, segmentLimit: SEGMENT});
      let storage = await open();
      let committed = new Map<Key, string>();
      for (const [number, step] of steps.entries()) {
        const level = path.join(directory, 'level');
        const before = takeFiles(level);
        const witnessBefore = readWitness(directory);
        const next = new Map(committed);
        const writer = storage.writer();
        stage(writer, step, number, next, random);
        let left = disk.afterPowerCut(random);
        let atRecord = false;
        let files = before;
        if (step.phase === 'discarded') writer.discard();
        if (step.phase === 'discarded' || step.phase === 'staging') {
          left = disk.afterPowerCut(random);
        } else {
          let isTaken = false;
          if (step.phase === 'syncing') {
            disk.beforeSync = name => {
              left = disk.afterPowerCut(random);
              // what a disk has written before it was asked to may be all of a record
              atRecord = name === 'journal';
            };
          } else if (step.phase === 'publishing') {
            disk.beforeWrite = (name, position) => {
              if (name !== 'journal' || position > 0) return;
              // the journal begins anew when the batch in the index is durable, so there is no power cut in which it has and the batch is torn
              left = disk.afterPowerCut(random);
              isTaken = true;
            };
          }
          await writer.commit();
          disk.beforeSync = undefined;
          disk.beforeWrite = undefined;
          if (step.phase !== 'syncing') {
            if (!isTaken) left = disk.afterPowerCut(random);
            const after = takeFiles(level);
            files = step.phase === 'done' ? after : tornFiles(before, after, random);
          }
          if (isJournaled(disk)) seen.add('journal');
        }
        if (step.cut) {
          // it is written when the batch is durable, so only a power cut after that finds it, or what is left of it
          const witness = step.phase === 'done' ? readWitness(directory) : witnessBefore;
          await storage.close();
          disk = left;
          directory = makeTmpDir(t);
          putFiles(path.join(directory, 'level'), files);
          putWitness(directory, tornWitness(witnessBefore, witness, random));
          storage = await open();
          const found = new Map(await collect(storage, {}));
          const outcome = same(found, next) ? 'new' : same(found, committed) ? 'old' : 'broken';
          if (step.phase === 'done') t.is(outcome, 'new');
          else if (step.phase !== 'publishing' && !atRecord)
            t.true(same(found, committed), `${step.phase} left ${outcome}`);
          t.not(outcome, 'broken');
          seen.add(`${step.phase} ${outcome}`);
          committed = found;
          t.deepEqual([...storage.checkLog()], []);
          committed = await writeMore(storage, committed);
        } else if (step.phase === 'staging') {
          writer.discard();
        } else if (step.phase !== 'discarded') {
          committed = next;
        }
      }
      t.true(same(new Map(await collect(storage, {})), committed));
      await storage.close();
      storage = await open();
      t.true(same(new Map(await collect(storage, {})), committed));
      t.deepEqual([...storage.checkLog()], []);
      await storage.close();
      return true;
    }),
    {numRuns: 60},
  );
  // The simulation is worth something only if power cuts do take something away.
  t.true(
    ['done new', 'publishing old', 'staging old', 'journal'].every(each => seen.has(each)),
    [...seen].join(),
  );
});

/** Returns whether the journal has what the index has not. */
function isJournaled(disk: SimulatedDisk): boolean {
  return readJournal('', disk).length > 0;
}

function readWitness(directory: string): Buffer | undefined {
  const file = path.join(directory, 'witness');
  return fs.existsSync(file) ? fs.readFileSync(file) : undefined;
}

function putWitness(directory: string, witness: Buffer | undefined): void {
  if (witness !== undefined) fs.writeFileSync(path.join(directory, 'witness'), witness);
}

/** Returns what a power cut leaves of a file that is never synced. */
function tornWitness(before: Buffer | undefined, after: Buffer | undefined, random: () => number): Buffer | undefined {
  const fate = random();
  if (after === undefined || fate < 0.5) return after;
  if (fate < 0.7) return before;
  if (fate < 0.8) return Buffer.alloc(after.length);
  const cut = Math.floor(random() * after.length);
  const rest = fate < 0.9 ? before?.subarray(cut) : undefined;
  return Buffer.concat([after.subarray(0, cut), rest ?? Buffer.alloc(0)]);
}

function stage(writer: StorageWriter, step: Step, number: number, model: Map<Key, string>, random: () => number): void {
  for (const [i, size] of step.sizes.entries()) {
    const value = noise(size, random);
    writer.put(`put ${number} ${i}`, value);
    model.set(`put ${number} ${i}`, value.toString('latin1'));
  }
  for (const [i, size] of step.frames.entries()) {
    const entries = [0, 1, 2].map(j => ({
      key: `frame ${number} ${i} ${j}`,
      value: j === 1 ? noise(size, random) : Buffer.alloc(size, j),
    }));
    writer.putFrame(packFrame(entries));
    for (const {key, value} of entries) model.set(key, value.toString('latin1'));
  }
  const victim = [...model.keys()].find(() => random() < 0.1);
  if (victim !== undefined) {
    writer.delete(victim);
    model.delete(victim);
  }
}

async function writeMore(storage: Storage, committed: Map<Key, string>): Promise<Map<Key, string>> {
  const writer = storage.writer();
  const value = Buffer.alloc(50_000, 'more');
  writer.put('more', value);
  await writer.commit();
  return new Map(committed).set('more', value.toString('latin1'));
}

function noise(size: number, random: () => number): Buffer {
  const bytes = Buffer.alloc(size);
  for (let i = 0; i + 4 <= size; i += 4) bytes.writeUInt32LE(Math.floor(random() * 2 ** 32), i);
  return bytes;
}

function same(a: ReadonlyMap<Key, string>, b: ReadonlyMap<Key, string>): boolean {
  return a.size === b.size && [...a].every(([key, value]) => b.get(key) === value);
}

test('a failed sync fails the commit, and a later writer starts from what was durable', async t => {
  const disk = new SimulatedDisk();
  const storage = await LevelStorage.open(makeTmpDir(t), {createIfMissing: true, fileSystem: disk});
  const writer = storage.writer();
  writer.put('a', Buffer.alloc(5000, 'a'));
  await writer.commit();
  writer.put('b', Buffer.alloc(50_000, 'b'));
  disk.beforeSync = () => {
    throw Object.assign(new Error('EIO: simulated'), {code: 'EIO'});
  };
  await t.throwsAsync(writer.commit(), {code: 'STORE_IO'});
  disk.beforeSync = undefined;
  await t.throwsAsync(writer.commit(), {code: 'STORE_IO'}, 'what was lost must not count later');
  t.false(storage.has('b'));
  writer.discard();
  writer.put('c', Buffer.alloc(5000, 'c'));
  await writer.commit();
  t.is(Buffer.from(storage.get('c') ?? []).toString(), 'c'.repeat(5000));
  t.is(Buffer.from(storage.get('a') ?? []).toString(), 'a'.repeat(5000));
  t.deepEqual([...storage.checkLog()], []);
  await storage.close();
});

test('a small commit after the first one needs no sync of the log, and one with more than its limit does', async t => {
  const disk = new SimulatedDisk();
  const directory = makeTmpDir(t);
  const open = () => LevelStorage.open(directory, {createIfMissing: true, fileSystem: disk});
  let storage = await open();
  let syncs = 0;
  disk.beforeSync = name => {
    if (name !== 'journal') syncs++;
  };
  const model = new Map<Key, string>();
  const commit = async (...sizes: readonly number[]) => {
    syncs = 0;
    const writer = storage.writer();
    for (const size of sizes) {
      const key = `${model.size}`;
      const value = Buffer.alloc(size, key);
      writer.put(key, Buffer.alloc(1100));
      writer.put(key, value);
      model.set(key, value.toString('latin1'));
    }
    writer.put('gone', Buffer.alloc(2000));
    writer.delete('gone');
    await writer.commit();
    for (const [key, value] of model) t.is(Buffer.from(storage.get(key) ?? []).toString('latin1'), value);
    t.false(storage.has('gone'));
    return syncs;
  };
  t.true((await commit(2000, 3000)) > 0, 'the first commit');
  t.is(await commit(5000, 6000, 1024, 10), 0);
  t.is(await commit(25_000), 0);
  t.true((await commit(20_000, 20_000)) > 0);
  t.true((await commit(40_000)) > 0);
  t.true((await commit(2000, 40_000)) > 0, 'the log has a part of it');
  t.is(await commit(2000), 0);
  await storage.close();
  storage = await open();
  t.is(storage.locate('3'), undefined);
  t.true((await commit(2000)) > 0, 'the first commit');
  t.deepEqual([...storage.checkLog()], []);
  for await (const problem of storage.checkIndex()) t.fail(problem.problem);
  await storage.close();
});
