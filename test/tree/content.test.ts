import {readFileSync} from 'node:fs';
import test from 'ava';
import fc from 'fast-check';
import {formatId, idOf, type ObjectId} from '../../src/objects/id.js';
import {MemoryObjects} from '../../src/objects/memory.js';
import {BodyWriter} from '../../src/tree/bodies.js';
import {ContentRef} from '../../src/tree/cell.js';
import {MAX_CHUNK, MIN_CHUNK, SINGLE_LIMIT} from '../../src/tree/chunker.js';
import {
  ContentBuilder,
  chunksOf,
  contentLinks,
  readContent,
  readRange,
  readWhole,
  verifyContent,
  zeroChunkId,
} from '../../src/tree/content.js';
import {noise, prose, readAll, refOf} from './content-samples.js';

function write(objects: MemoryObjects, bytes: Uint8Array, text = false): ContentRef {
  const writer = new BodyWriter(objects);
  const ref = writer.write(bytes, text);
  writer.flush();
  return ref;
}

const GOLDEN_BODIES: Record<string, () => Buffer> = {
  empty: () => Buffer.alloc(0),
  'one byte': () => Buffer.from([42]),
  '64 KiB of noise': () => noise(64 << 10),
  '64 KiB + 1 of noise': () => noise((64 << 10) + 1),
  '1 MiB of noise': () => noise(1 << 20),
  '1 MiB of prose': () => prose(1 << 20),
  '20 MiB of noise': () => noise(20 << 20),
  '5 MiB of zeros': () => Buffer.alloc(5 << 20),
};

test('golden: the ids of bodies never change', t => {
  const golden = JSON.parse(
    readFileSync(new URL('../../../fixtures/golden/content.json', import.meta.url), 'utf8'),
  ) as Record<string, unknown>;
  const found: Record<string, unknown> = {};
  for (const [name, make] of Object.entries(GOLDEN_BODIES)) {
    const objects = new MemoryObjects();
    const ref = write(objects, make());
    found[name] = {
      id: formatId(ref.id, ref.chunked ? 'messagepack' : 'raw'),
      size: ref.size,
      chunks: [...chunksOf(objects, ref)].length,
    };
  }
  const objects = new MemoryObjects();
  const ref = build(objects, names(5000));
  found['5000 chunks of given ids'] = {id: formatId(ref.id), size: ref.size, objects: objects.size};
  t.deepEqual(found, golden);
});

test('law: what is written is read', t => {
  const sizes = [0, 1, MIN_CHUNK, SINGLE_LIMIT - 1, SINGLE_LIMIT, SINGLE_LIMIT + 1, MAX_CHUNK - 1, MAX_CHUNK];
  for (const size of [...sizes, MAX_CHUNK + 1, 3_000_000]) {
    for (const bytes of [noise(size, size + 1), prose(size), Buffer.alloc(size)]) {
      const objects = new MemoryObjects();
      const ref = write(objects, bytes);
      t.is(ref.size, size);
      t.true(readAll(objects, ref).equals(bytes));
      t.true(Buffer.from(readWhole(objects, ref)).equals(bytes));
      t.deepEqual([...verifyContent(objects, ref)], []);
      if (size <= SINGLE_LIMIT) t.is(ref.id, idOf(bytes));
    }
  }
});

test('law: a range is the slice', t => {
  const bytes = Buffer.concat([noise(900_000), Buffer.alloc(900_000), prose(300_000)]);
  const objects = new MemoryObjects();
  const big = write(objects, bytes);
  const small = write(objects, bytes.subarray(0, 1000));
  t.true(big.chunked);
  t.false(small.chunked);
  fc.assert(
    fc.property(fc.nat(bytes.length + 100), fc.nat(bytes.length + 100), fc.boolean(), (from, to, chunked) => {
      const whole = chunked ? bytes : bytes.subarray(0, 1000);
      const range = Buffer.concat([...readRange(objects, chunked ? big : small, from, to)]);
      t.true(range.equals(whole.subarray(from, Math.max(from, to))));
    }),
  );
});

test('a range reads only what holds it', t => {
  const objects = new MemoryObjects();
  const ref = write(objects, noise(4 << 20));
  let reads = 0;
  const counting = {
    read: (id: ObjectId) => {
      reads++;
      return objects.read(id);
    },
    find: (id: ObjectId) => objects.find(id),
    has: (id: ObjectId) => objects.has(id),
    locate: () => undefined,
  };
  t.is(Buffer.concat([...readRange(counting, ref, 2_000_000, 2_000_001)]).length, 1);
  t.is(reads, 2);
});

test('an edit in the middle of 20 MB keeps almost every chunk', t => {
  const bytes = noise(20_000_000, 11);
  const edited = Buffer.concat([bytes.subarray(0, 10_000_000), Buffer.from('inserted'), bytes.subarray(10_000_000)]);
  const objects = new MemoryObjects();
  const before = new Set([...chunksOf(objects, write(objects, bytes))].map(chunk => chunk.id));
  const after = [...chunksOf(objects, write(objects, edited))];
  const kept = after.filter(chunk => before.has(chunk.id)).length;
  t.true(kept / after.length >= 0.95, `${kept} of ${after.length}`);
});

test('text keeps its flag and shares its bytes with blobs', t => {
  const objects = new MemoryObjects();
  const text = write(objects, prose(500_000), true);
  const blob = write(objects, prose(500_000), false);
  t.true(text.text);
  t.false(blob.text);
  t.is(text.id, blob.id);
});

test('the inside of a hole is the zero chunk', t => {
  const objects = new MemoryObjects();
  const bytes = Buffer.concat([noise(100_000), Buffer.alloc(3 << 20), noise(100_000)]);
  const zeros = [...chunksOf(objects, write(objects, bytes))].filter(chunk => chunk.id === zeroChunkId());
  t.true(zeros.length >= 10, `${zeros.length}`);
  t.true(zeros.every(chunk => bytes.subarray(chunk.offset, chunk.offset + chunk.size).every(byte => byte === 0)));
});

/** Chunks that exist only by name: enough to build levels without the bytes. */
function names(count: number, seed = 1): {id: ObjectId; size: number}[] {
  const bytes = noise(count * 4, seed);
  return Array.from({length: count}, (_, i) => ({
    id: idOf(bytes.subarray(i * 4, i * 4 + 4)),
    size: SINGLE_LIMIT + (bytes.readUInt16LE(i * 4) & 0x7fff),
  }));
}

function build(objects: MemoryObjects, chunks: readonly {id: ObjectId; size: number}[]): ContentRef {
  const builder = new ContentBuilder(bytes => objects.put(bytes));
  for (const {id, size} of chunks) builder.add(id, size);
  return refOf(builder.finish());
}

test('long lists of chunks have levels, and every chunk is found in them', t => {
  for (const count of [2, 255, 256, 257, 2048, 2049, 5000, 300_000]) {
    const objects = new MemoryObjects();
    const chunks = names(count);
    const ref = build(objects, chunks);
    let offset = 0;
    let i = 0;
    for (const found of chunksOf(objects, ref)) {
      const {id, size} = chunks[i++] as {id: ObjectId; size: number};
      if (found.id !== id || found.size !== size || found.offset !== offset) t.fail(`chunk ${i} of ${count}`);
      offset += size;
    }
    t.is(i, count);
    t.is(offset, ref.size);
    t.true(objects.size <= Math.ceil(count / 256) + Math.ceil(count / 256 ** 2) + 2);
  }
});

test('a local edit of a huge body rewrites one object a level', t => {
  const chunks = names(300_000);
  const objects = new MemoryObjects();
  const ref = build(objects, chunks);
  const before = objects.size;
  t.true(before > 300);
  t.is(contentLinks(objects.read(ref.id))[0]?.chunked, true);
  for (const [at, remove, insert] of [
    [150_000, 1, 2],
    [0, 0, 1],
    [299_999, 1, 0],
    [77_777, 3, 0],
  ] as const) {
    const edited = chunks.slice();
    edited.splice(at, remove, ...names(insert, 99));
    const size = objects.size;
    build(objects, edited);
    // a level's cuts meet again after the first cut that both have: mostly at once
    t.true(objects.size - size <= 9, `${objects.size - size} new objects of ${before}`);
  }
});

test('law: content objects depend on the chunks alone', t => {
  const objects = new MemoryObjects();
  const builder = new ContentBuilder(bytes => objects.put(bytes));
  fc.assert(
    fc.property(fc.nat(6000), fc.nat(), (count, seed) => {
      const chunks = names(count + 1, seed + 1);
      for (const {id, size} of chunks) builder.add(id, size);
      // a builder that was used before and a new one agree
      t.deepEqual(refOf(builder.finish()), build(objects, chunks));
    }),
    {numRuns: 20},
  );
});

test('links are the chunks, or the content objects below', t => {
  const objects = new MemoryObjects();
  const flat = build(objects, names(20));
  t.deepEqual(
    contentLinks(objects.read(flat.id)),
    names(20).map(({id, size}) => new ContentRef(id, size, false, false)),
  );
  const high = build(objects, names(5000));
  let size = 0;
  for (const link of contentLinks(objects.read(high.id))) {
    t.true(link.chunked);
    t.is(
      contentLinks(objects.read(link.id)).reduce((sum, chunk) => sum + chunk.size, 0),
      link.size,
    );
    size += link.size;
  }
  t.is(size, high.size);
});

test('a body whose chunks are missing says so', t => {
  const ref = build(new MemoryObjects(), names(10));
  t.throws(() => [...readContent(new MemoryObjects(), ref)], {code: 'OBJECT_MISSING'});
});
