/** How fast bodies are cut, named and packed, against sha2-256 alone: `node dist/test/bench/chunker.bench.js [MiB]`. */
import {randomBytes} from 'node:crypto';
import {idOf} from '../../src/objects/id.js';
import {BodyPacker} from '../../src/tree/bodies.js';
import {nextCut} from '../../src/tree/chunker.js';
import {prose, sourceOf} from '../tree/content-samples.js';

const size = Number(process.argv[2] ?? 128) << 20;
const noise = randomBytes(size);
const text = Buffer.alloc(size, prose(8 << 20));

/** Prints the best of five runs. */
function measure(name: string, run: () => number | string): void {
  let best = Number.POSITIVE_INFINITY;
  let note: number | string = '';
  for (let i = 0; i < 5; i++) {
    const start = performance.now();
    note = run();
    best = Math.min(best, performance.now() - start);
  }
  console.log(`${name.padEnd(34)} ${(size / best / 1000).toFixed(0).padStart(6)} MB/s   ${note}`);
}

function hash(bytes: Buffer): number {
  for (let at = 0; at < bytes.length; at += 65536) idOf(bytes.subarray(at, at + 65536));
  return 0;
}

function cut(bytes: Buffer): string {
  let chunks = 0;
  for (let at = 0; at < bytes.length; chunks++) at = nextCut(bytes, at, bytes.length, true);
  return `${(bytes.length / chunks / 1024).toFixed(1)} KiB on average`;
}

const packer = new BodyPacker();

function pack(bytes: Buffer, body: number, needed: boolean): string {
  const sources = function* () {
    for (let at = 0; at < bytes.length; at += body) yield sourceOf(bytes.subarray(at, at + body));
  };
  const iterator = sources();
  let stored = 0;
  for (let batch = packer.fill(iterator); batch !== undefined; batch = packer.fill(iterator)) {
    for (const frame of packer.pack(batch.ids.map(() => needed))) stored += frame.stored.length;
  }
  return needed ? `stored ${((100 * stored) / bytes.length).toFixed(0)} %` : '';
}

measure('sha2-256 in pieces of 64 KiB', () => `${hash(noise) || ''}`);
measure('cut noise', () => cut(noise));
measure('cut text', () => cut(text));
for (const [name, bytes] of [
  ['noise', noise],
  ['text', text],
] as const) {
  measure(`cut, hash ${name}: one body`, () => pack(bytes, size, false));
  measure(`cut, hash, pack ${name}: one body`, () => pack(bytes, size, true));
  measure(`cut, hash, pack ${name}: 1 MiB bodies`, () => pack(bytes, 1 << 20, true));
  measure(`cut, hash, pack ${name}: 4 KiB bodies`, () => pack(bytes, 4096, true));
}
