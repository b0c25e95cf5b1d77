/**
 * Measures the storage on disk; run with `node dist/test/bench/storage.bench.js [megabytes]`. Prints the median of three
 * runs in milliseconds, and rates where they say more.
 */
import {randomBytes} from 'node:crypto';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import {packFrame} from '../../src/storage/frame.js';
import {LevelStorage} from '../../src/storage/level.js';
import {LogReader} from '../../src/storage/logreader.js';
import type {Location} from '../../src/storage/storage.js';

const MEGABYTES = Number(process.argv[2] ?? 400);
const BODY = 65_536;
const bodies = (MEGABYTES * 2 ** 20) / BODY;

function report(what: string, times: readonly number[], note = ''): void {
  const median = times.toSorted((a, b) => a - b)[times.length >> 1] as number;
  console.log(`${what.padEnd(58)}${median.toFixed(1).padStart(9)} ms  ${note}`.trimEnd());
}

async function measure(what: string, run: (storage: LevelStorage) => Promise<void>, megabytes = 0): Promise<void> {
  const times: number[] = [];
  for (let i = 0; i < 3; i++) {
    const directory = fs.mkdtempSync(path.join(os.tmpdir(), 'dbos-bench-'));
    const storage = await LevelStorage.open(directory, {createIfMissing: true});
    const start = performance.now();
    await run(storage);
    times.push(performance.now() - start);
    await storage.close();
    fs.rmSync(directory, {recursive: true});
  }
  const median = times.toSorted((a, b) => a - b)[1] as number;
  report(what, times, megabytes > 0 ? `${((megabytes * 1000) / median).toFixed(0)} MB/s` : '');
}

const noise = randomBytes(BODY * 16);
const words = Buffer.from(
  Array.from({length: 60_000}, (_, i) => `const value${i % 977} = compute(${(i * 7919) % 100_003});\n`).join(''),
);

function body(source: Buffer, i: number): Buffer {
  const from = (i * 4099) % (source.length - BODY);
  return source.subarray(from, from + BODY);
}

async function writeBodies(storage: LevelStorage, source: Buffer): Promise<number> {
  const writer = storage.writer();
  let longest = 0;
  for (let i = 0; i < bodies; i++) {
    const frame = packFrame([{key: `o${String(i).padStart(32, '0')}`, value: body(source, i)}]);
    const start = performance.now();
    writer.putFrame(frame);
    longest = Math.max(longest, performance.now() - start);
    // Lets the loop turn, as a pipeline does.
    if (i % 64 === 0) await new Promise(resolve => setImmediate(resolve));
  }
  await writer.commit();
  return longest;
}

let longest = 0;
await measure(
  `write ${MEGABYTES} MB incompressible, 64 KiB bodies`,
  async storage => {
    longest = Math.max(longest, await writeBodies(storage, noise));
  },
  MEGABYTES,
);
report('  longest stall of the main thread in one putFrame', [longest]);
await measure(
  `write ${MEGABYTES} MB compressible, packed in the same thread`,
  async storage => {
    await writeBodies(storage, words);
  },
  MEGABYTES,
);
await measure('100,000 small puts in one commit', async storage => {
  const writer = storage.writer();
  for (let i = 0; i < 100_000; i++) writer.put(`o${String(i * 7919).padStart(32, '0')}`, noise.subarray(i, i + 100));
  await writer.commit();
});
await measure(
  '50,000 puts of 4 KB in one commit',
  async storage => {
    const writer = storage.writer();
    for (let i = 0; i < 50_000; i++) writer.put(`o${String(i * 7919).padStart(32, '0')}`, noise.subarray(i, i + 4000));
    await writer.commit();
  },
  200,
);
await measure('200 commits of one row each (5 values of 2 KB)', async storage => {
  for (let i = 0; i < 200; i++) {
    const writer = storage.writer();
    for (let j = 0; j < 5; j++) writer.put(`o${i} ${j}`, noise.subarray(i, i + 2000));
    await writer.commit();
  }
});

const directory = fs.mkdtempSync(path.join(os.tmpdir(), 'dbos-bench-'));
const storage = await LevelStorage.open(directory, {createIfMissing: true});
const writer = storage.writer();
for (const [name, source] of [
  ['noise', noise],
  ['words', words],
] as const) {
  for (let i = 0; i < 50_000; i += 12) {
    const entries = Array.from({length: 12}, (_, j) => ({
      key: `${name} ${i + j}`,
      value: body(source, i + j).subarray(0, 5000),
    }));
    writer.putFrame(packFrame(entries));
  }
}
await writer.commit();
for (const name of ['noise', 'words']) {
  const keys = Array.from({length: 50_000}, (_, i) => `${name} ${i}`);
  const locate: number[] = [];
  const sequential: number[] = [];
  const random: number[] = [];
  for (let run = 0; run < 3; run++) {
    let start = performance.now();
    const locations = keys.map(key => storage.locate(key) as Location);
    locate.push(performance.now() - start);
    const reader = new LogReader(storage.logDirectory);
    start = performance.now();
    for (const location of locations) reader.read(location);
    sequential.push(performance.now() - start);
    reader.close();
    start = performance.now();
    for (let i = 0; i < 5000; i++) storage.get(keys[(i * 7919) % keys.length] as string);
    random.push(performance.now() - start);
  }
  report(`${name}: locate 50,000 values`, locate);
  report(`${name}: read 50,000 values of 5 KB in order`, sequential);
  report(`${name}: get 5,000 of them at random`, random);
}
await storage.close();

const opening: number[] = [];
const closing: number[] = [];
for (let i = 0; i < 21; i++) {
  let start = performance.now();
  const opened = await LevelStorage.open(directory, {createIfMissing: false, holder: 'bench'});
  opened.get('noise 1');
  opening.push(performance.now() - start);
  start = performance.now();
  await opened.close();
  closing.push(performance.now() - start);
}
report('open and get one value', opening);
report('close', closing);
fs.rmSync(directory, {recursive: true});
