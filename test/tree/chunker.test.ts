import {createHash} from 'node:crypto';
import test from 'ava';
import fc from 'fast-check';
import {MAX_CHUNK, MIN_CHUNK, nextCut, SINGLE_LIMIT} from '../../src/tree/chunker.js';
import {noise, prose} from './content-samples.js';

function cutsOf(bytes: Uint8Array): number[] {
  const cuts: number[] = [];
  for (let at = 0; at < bytes.length; cuts.push(at)) at = nextCut(bytes, at, bytes.length, true);
  return cuts;
}

const GEAR = Array.from({length: 256}, (_, i) =>
  createHash('sha256')
    .update(`stone-os gear ${i >> 3}`)
    .digest()
    .readUInt32BE((i & 7) * 4),
);

/** The rule as `docs/format.md` may state it: no skipping, no unrolling, no wrapping arithmetic. */
function ruleCut(bytes: Uint8Array, from: number): number {
  let hash = 0;
  for (let length = 1; from + length <= bytes.length; length++) {
    hash = (hash * 2 + (GEAR[bytes[from + length - 1] as number] as number)) % 2 ** 32;
    if (length === 256 * 1024) return from + length;
    if (length < 16 * 1024) continue;
    if (hash < 2 ** (length <= 52 * 1024 ? 14 : 18)) return from + length;
  }
  return bytes.length;
}

test('cuts are where the rule says', t => {
  for (const bytes of [noise(3 << 20, 3), prose(2 << 20), Buffer.concat([noise(100_000), Buffer.alloc(700_000, 1)])]) {
    const cuts = cutsOf(bytes);
    t.true(cuts.length > 3);
    let from = 0;
    for (const cut of cuts) {
      t.is(cut, ruleCut(bytes, from));
      from = cut;
    }
  }
});

test('chunks are 16 to 256 KiB and 64 KiB on average', t => {
  const bytes = noise(32 << 20);
  const cuts = cutsOf(bytes);
  const sizes = cuts.map((cut, i) => cut - (cuts[i - 1] ?? 0));
  t.true(sizes.slice(0, -1).every(size => size >= MIN_CHUNK && size <= MAX_CHUNK));
  t.is(cuts.at(-1), bytes.length);
  const mean = bytes.length / cuts.length;
  t.true(mean > 58_000 && mean < 73_000, `${mean}`);
});

test('a run of any one byte gives chunks of the greatest size', t => {
  for (let byte = 0; byte < 256; byte++) {
    t.deepEqual(cutsOf(Buffer.alloc(2 * MAX_CHUNK + 5, byte)), [MAX_CHUNK, 2 * MAX_CHUNK, 2 * MAX_CHUNK + 5]);
  }
});

test('a body that repeats a short piece is not cut into small chunks', t => {
  let greatest = 0;
  for (let period = 2; period <= 64; period++) {
    const bytes = Buffer.alloc(4 * MAX_CHUNK, noise(period, period));
    if (nextCut(bytes, 0, bytes.length, true) === MAX_CHUNK) greatest++;
  }
  t.true(greatest >= 60, `${greatest} of 63`);
});

test('law: bytes that have not come yet never move a cut', t => {
  const bytes = Buffer.concat([noise(700_000, 5), prose(400_000), Buffer.alloc(300_000)]);
  fc.assert(
    fc.property(fc.nat(bytes.length - 1), fc.nat(2 * MAX_CHUNK), (from, length) => {
      const to = Math.min(bytes.length, from + length + 1);
      const cut = nextCut(bytes, from, to, false);
      const known = nextCut(bytes, from, bytes.length, true);
      if (cut === -1) {
        t.true(to - from < MAX_CHUNK);
        t.true(to === bytes.length ? known === to : known > to);
        t.is(nextCut(bytes, from, to, true), to);
      } else {
        t.is(cut, known);
        t.is(nextCut(bytes, from, to, true), cut);
      }
    }),
    {numRuns: 500},
  );
});

test('law: where the bytes lie in memory does not matter', t => {
  const bytes = noise(600_000, 9);
  const cut = nextCut(bytes, 0, bytes.length, true);
  for (const shift of [1, 2, 3, 4096]) {
    const moved = new Uint8Array(bytes.length + shift);
    moved.set(bytes, shift);
    t.is(nextCut(moved, shift, moved.length, true), cut + shift);
    t.is(nextCut(moved.subarray(shift), 0, bytes.length, true), cut);
  }
});

test('what is shorter than the minimum is cut only at the end of a body', t => {
  const bytes = noise(MIN_CHUNK - 1);
  t.is(nextCut(bytes, 0, bytes.length, false), -1);
  t.is(nextCut(bytes, 0, bytes.length, true), bytes.length);
  t.is(nextCut(bytes, 10, 11, true), 11);
  t.true(SINGLE_LIMIT > MIN_CHUNK);
});
