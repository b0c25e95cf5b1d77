/** The journal: whatever LevelDB loses of commits that it did not sync is there when the store is opened again. */
import {randomBytes} from 'node:crypto';
import fs from 'node:fs';
import path from 'node:path';
import test from 'ava';
import {diskFiles} from '../../src/storage/files.js';
import {JOURNAL_LIMIT, readJournal} from '../../src/storage/journal.js';
import {LevelStorage} from '../../src/storage/level.js';
import {makeTmpDir} from '../support/tmp.js';
import {type Files, putFiles, takeFiles} from './level-directory.js';
import {randomFrom} from './simulated-files.js';

const NEW = {createIfMissing: true};
const OLD = {createIfMissing: false};

/** It does not compress, so that LevelDB takes its time for a table. */
const NOISE = randomBytes(200_000);

function bytesOf(number: number, size: number): Buffer {
  return NOISE.subarray((number * 37) % 100_000).subarray(0, size);
}

/** Commits a value of its own, one that changes each time, and removes that of the commit before the last. */
async function commit(storage: LevelStorage, number: number, size = 3000): Promise<void> {
  const writer = storage.writer();
  writer.put(`n ${number}`, bytesOf(number, size));
  writer.put('newest', Buffer.from(`${number}`));
  if (number > 2) writer.delete(`n ${number - 2}`);
  await writer.commit();
}

/** Returns the number of the last commit, after a check that all of it is there and nothing of another one. */
function newest(storage: LevelStorage, size = 3000): number {
  const number = Number(Buffer.from(storage.get('newest') ?? []).toString());
  for (let i = Math.max(0, number - 4); i < number + 3; i++) {
    const expected = i === number || (i === number - 1 && i > 0) ? bytesOf(i, size) : undefined;
    const found = storage.get(`n ${i}`);
    if (!(expected === undefined ? found === undefined : found && expected.equals(found))) return Number.NaN;
  }
  return number;
}

/** Returns a new store with files of another one: of its index, and its journal. */
function storeOf(t: Parameters<typeof makeTmpDir>[0], from: string, level: Files, journal: Buffer): string {
  const directory = makeTmpDir(t);
  fs.cpSync(path.join(from, 'log'), path.join(directory, 'log'), {recursive: true});
  putFiles(path.join(directory, 'level'), level);
  fs.writeFileSync(path.join(directory, 'journal'), journal);
  return directory;
}

const journalOf = (directory: string) => fs.readFileSync(path.join(directory, 'journal'));

test('of a journal that is cut short or damaged, all commits before the damage are there', async t => {
  const directory = makeTmpDir(t);
  const storage = await LevelStorage.open(directory, NEW);
  for (let number = 1; number <= 2; number++) await commit(storage, number);
  const level = takeFiles(path.join(directory, 'level'));
  for (let number = 3; number <= 30; number++) await commit(storage, number);
  const journal = journalOf(directory);
  const ends: number[] = [];
  for (let at = 0; journal.readUInt32LE(at) !== 0; ) {
    at += 24 + journal.readUInt32LE(at + 4);
    ends.push(at);
  }
  t.is(ends.length, 28);
  const random = randomFrom(3);
  const whole = ends.at(-1) as number;
  for (let i = 0; i < 60; i++) {
    const at = i < 5 ? (ends[i * 5] as number) : i === 5 ? 0 : Math.floor(random() * whole);
    const damaged = Buffer.from(journal);
    if (i % 2 === 0) damaged.fill(0, at);
    else damaged[at] = (damaged[at] as number) ^ (1 << Math.floor(random() * 8));
    const copy = storeOf(t, directory, level, i % 4 === 0 ? journal.subarray(0, at) : damaged);
    const again = await LevelStorage.open(copy, OLD);
    t.is(newest(again), 2 + ends.filter(end => end <= at).length, `damaged at ${at}`);
    await commit(again, 99);
    await again.close();
  }
  await storage.close();
  t.deepEqual(readJournal(directory, diskFiles), [], 'the index has everything');
  const last = await LevelStorage.open(directory, OLD);
  t.is(newest(last), 30);
  await last.close();
});

test('LevelDB may lose the end of each of its logs, also of one that it has left behind', async t => {
  const size = 30_000;
  const directory = makeTmpDir(t);
  const storage = await LevelStorage.open(directory, NEW);
  const random = randomFrom(5);
  const level = path.join(directory, 'level');
  const durable = new Map<string, number>();
  let logs = new Set<string>();
  let cuts = 0;
  let longest = 0;
  for (let number = 1; number <= 1500; number++) {
    await commit(storage, number, size);
    const journal = fs.existsSync(path.join(directory, 'journal')) ? journalOf(directory) : Buffer.alloc(24);
    longest = Math.max(longest, journal.length);
    const records = readJournal(directory, diskFiles).length;
    if (number < 4 || (records > 1 && number % 140 !== 0)) continue;
    // the batch of the commit goes into the index while work goes on: an iterator waits for it
    await storage.range({limit: 1})[Symbol.asyncIterator]().next();
    const files = new Map(takeFiles(level));
    const found = [...files.keys()].filter(name => name.endsWith('.log')).sort();
    logs = new Set([...logs, ...found]);
    const lengthOf = (name: string) => (files.get(name) as Buffer).length;
    const [before, current = ''] = found.length > 1 ? found.slice(-2) : [undefined, found[0]];
    if (records <= 1) {
      // the index has been synced, which is: the log that it wrote then, so all but the batch of this commit, which is a bit longer
      durable.set(current, Math.max(0, lengthOf(current) - size));
      // LevelDB may have begun a log with that batch
      if (before !== undefined && lengthOf(current) < 2 * size) durable.set(before, lengthOf(before));
    }
    // just after the index has been synced, while LevelDB writes a table of a log that it has left behind, and now and then
    if (found.length === 1 && number % 140 !== 0) continue;
    for (const name of found) {
      const bytes = files.get(name) as Buffer;
      const kept = durable.get(name) ?? 0;
      files.set(name, bytes.subarray(0, kept + Math.floor(random() * (bytes.length - kept))));
    }
    const copy = storeOf(t, directory, files, journal);
    const again = await LevelStorage.open(copy, OLD);
    t.is(newest(again, size), number);
    await again.close();
    cuts++;
  }
  t.true(cuts > 8 && logs.size > 1, `${cuts} cuts, ${logs.size} logs`);
  t.true(longest <= JOURNAL_LIMIT + 256 * 1024);
  await storage.close();
  t.true(journalOf(directory).length <= 64 * 1024);
  const last = await LevelStorage.open(directory, OLD);
  t.is(newest(last, size), 1500);
  await last.close();
});

test('a journal from before is ignored, and commits that neither has are told', async t => {
  const directory = makeTmpDir(t);
  let storage = await LevelStorage.open(directory, NEW);
  await commit(storage, 1);
  const early = takeFiles(path.join(directory, 'level'));
  for (let number = 2; number <= 6; number++) await commit(storage, number);
  const before = journalOf(directory);
  await storage.close();
  storage = await LevelStorage.open(directory, OLD);
  await commit(storage, 7);
  await storage.close();
  fs.writeFileSync(path.join(directory, 'journal'), before);
  storage = await LevelStorage.open(directory, OLD);
  t.is(newest(storage), 7);
  await storage.close();

  const copy = storeOf(t, directory, early, before);
  await t.throwsAsync(LevelStorage.open(copy, OLD), {code: 'STORE_CORRUPT', message: /has lost 1 commit/});
  fs.rmSync(path.join(copy, 'level'), {recursive: true});
  fs.rmSync(path.join(copy, 'log'), {recursive: true});
  const fresh = await LevelStorage.open(copy, NEW);
  t.false(fresh.has('newest'), 'a new store has nothing of one that was there before');
  await fresh.close();
});

test('few commits, and large ones, need no journal', async t => {
  const directory = makeTmpDir(t);
  let storage = await LevelStorage.open(directory, NEW);
  for (let number = 1; number <= 2; number++) await commit(storage, number);
  await storage.close();
  t.false(fs.existsSync(path.join(directory, 'journal')));
  storage = await LevelStorage.open(directory, OLD);
  for (let number = 3; number <= 8; number++) await commit(storage, number, number % 2 === 0 ? 3000 : 80_000);
  const recorded = () => readJournal(directory, diskFiles).map(({commit: each}) => each);
  t.deepEqual(recorded(), [8]);
  const writer = storage.writer();
  for (let i = 0; i < 10_000; i++) writer.put(`many ${i}`, Buffer.from('x'));
  await writer.commit();
  t.deepEqual(recorded(), []);
  for (let i = 0; i < 10_000; i++) writer.delete(`many ${i}`);
  await writer.commit();
  t.deepEqual(recorded(), []);
  await storage.close();
});
