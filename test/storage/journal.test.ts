/** The journal: whatever LevelDB loses of commits that it did not sync is there when the store is opened again. */
import {randomBytes} from 'node:crypto';
import fs from 'node:fs';
import path from 'node:path';
import test from 'ava';
import {diskFiles} from '../../src/storage/files.js';
import {JOURNAL_LENGTH, readJournal} from '../../src/storage/journal.js';
import {LevelStorage} from '../../src/storage/level.js';
import {makeTmpDir} from '../support/tmp.js';
import {type Files, putFiles, takeFiles} from './level-directory.js';
import {randomFrom} from './simulated-files.js';
import {collect} from './suite.js';

const NEW = {createIfMissing: true};
const OLD = {createIfMissing: false};

/** It does not compress, so that LevelDB takes its time for a table. */
const NOISE = randomBytes(200_000);

function bytesOf(number: number, size: number): Buffer {
  return NOISE.subarray((number * 37) % 100_000).subarray(0, size);
}

/** Commits a value of its own, one that changes each time, and removes that of the commit before the last. */
async function commit(storage: LevelStorage, number: number, size = 3000, stays = 0): Promise<void> {
  const writer = storage.writer();
  writer.put(`n ${number}`, bytesOf(number, size));
  writer.put('newest', Buffer.from(`${number}`));
  if (number > 2) writer.delete(`n ${number - 2}`);
  if (stays > 0) writer.put(`stays ${number}`, bytesOf(number, stays));
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

test('the index takes in many commits at once, and until then the journal has them', async t => {
  const size = 10_000;
  const stays = 20_000;
  const directory = makeTmpDir(t);
  const storage = await LevelStorage.open(directory, NEW);
  const random = randomFrom(5);
  const level = path.join(directory, 'level');
  const logs = new Set<string>();
  const lengthOfLogs = () => {
    const names = fs.readdirSync(level).filter(name => name.endsWith('.log'));
    for (const name of names) logs.add(name);
    return names.map(name => `${name} ${fs.statSync(path.join(level, name)).size}`).join();
  };
  let written = 0;
  let longest = 0;
  for (let number = 1; number <= 1500; number++) {
    const before = lengthOfLogs();
    await commit(storage, number, size, stays);
    if (lengthOfLogs() !== before) written++;
    if (number < 4) continue;
    longest = Math.max(longest, fs.statSync(path.join(directory, 'journal')).size);
    // in the middle of it, and while LevelDB makes a table of what is in a log
    if (random() > (before.includes(',') ? 0.3 : 0.01)) continue;
    const copy = storeOf(t, directory, takeFiles(level), journalOf(directory));
    const again = await LevelStorage.open(copy, OLD);
    t.is(newest(again, size), number);
    for (let i = 1; i <= number; i++) if (again.get(`stays ${i}`)?.length !== stays) t.fail(`${i} of ${number}`);
    await again.close();
  }
  // 64 commits fill the journal
  t.true(written < 40 && logs.size > 1, `${written} times, ${logs.size} logs`);
  t.true(longest <= JOURNAL_LENGTH + 256 * 1024);
  const records = readJournal(directory, diskFiles).length;
  t.true(records > 1);
  await collect(storage, {limit: 1});
  t.deepEqual(readJournal(directory, diskFiles), [], 'whoever walks over the index finds everything there');
  await commit(storage, 1501, size);
  t.is(readJournal(directory, diskFiles).length, 1);
  await storage.close();
  t.true(journalOf(directory).length <= 64 * 1024);
  const last = await LevelStorage.open(directory, OLD);
  t.is(newest(last, size), 1501);
  await last.close();
});

test('commits, walks over the index and closing at once wait for each other', async t => {
  const directory = makeTmpDir(t);
  const storage = await LevelStorage.open(directory, NEW);
  for (let number = 1; number <= 3; number++) await commit(storage, number);
  for (let number = 4; number <= 40; number++) {
    const before = collect(storage, {});
    const during = commit(storage, number);
    const after = collect(storage, {limit: 2});
    const counts = (await Promise.all([before, after, during]))
      .slice(0, 2)
      .map(entries => (entries as unknown[]).length);
    t.is(counts[1], 2);
    t.true((counts[0] as number) >= 3);
    t.is(newest(storage), number);
  }
  const last = commit(storage, 41);
  const closing = storage.close();
  await Promise.all([last, closing]);
  const again = await LevelStorage.open(directory, OLD);
  t.is(newest(again), 41);
  await again.close();
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
