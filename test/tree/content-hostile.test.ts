import test from 'ava';
import fc from 'fast-check';
import {isDbosError} from '../../src/errors.js';
import {encodeObject} from '../../src/objects/codec.js';
import {idOf, type ObjectId} from '../../src/objects/id.js';
import {MemoryObjects} from '../../src/objects/memory.js';
import {ContentRef} from '../../src/tree/cell.js';
import {MAX_CHUNK, MIN_CHUNK, nextCut} from '../../src/tree/chunker.js';
import {
  chunkForms,
  chunksOf,
  contentLinks,
  noteChunk,
  readContent,
  readRange,
  readWhole,
  verifyContent,
} from '../../src/tree/content.js';
import {forgeContent, noise} from './content-samples.js';

/** Returns ids that never end a node, and of no object. */
function plainIds(count: number): ObjectId[] {
  const ids: ObjectId[] = [];
  for (let i = 0; ids.length < count; i++) {
    const id = idOf(Buffer.from(`chunk ${i}`));
    if (id.charCodeAt(0) !== 0) ids.push(id);
  }
  return ids;
}

function entries(count: number, size = MIN_CHUNK): {id: ObjectId; size: number}[] {
  return plainIds(count).map(id => ({id, size}));
}

test('malformed content objects are OBJECT_INVALID', t => {
  const id = Buffer.alloc(32, 1);
  const two = Buffer.alloc(64, 1);
  const good = Buffer.from([0x80, 0x80, 0x04, 1]);
  const forged: [string, Buffer][] = [
    ['empty', Buffer.alloc(0)],
    ['no fields', encodeObject('content', [])],
    ['too few fields', encodeObject('content', [0, two])],
    ['too many fields', encodeObject('content', [0, two, good, null])],
    ['another kind', encodeObject('commit', [0, two, good])],
    ['no entries', encodeObject('content', [0, Buffer.alloc(0), Buffer.alloc(0)])],
    ['half an id', encodeObject('content', [0, Buffer.alloc(63, 1), good])],
    ['ids as text', encodeObject('content', [0, 'a'.repeat(64), good])],
    ['level as text', encodeObject('content', ['0', two, good])],
    ['level too high', encodeObject('content', [5, two, good])],
    ['level below 0', encodeObject('content', [-1, two, good])],
    ['too few sizes', encodeObject('content', [0, two, good.subarray(0, 3)])],
    ['too many sizes', encodeObject('content', [0, two, Buffer.concat([good, good])])],
    ['half a size', encodeObject('content', [0, id, Buffer.from([0x80])])],
    ['a size in a longer form', encodeObject('content', [0, id, Buffer.from([0x81, 0x00])])],
    ['a size beyond 2⁵³', encodeObject('content', [0, id, Buffer.alloc(8, 0xff)])],
    ['no size', forgeContent(0, entries(2, 0))],
    ['an empty last chunk', forgeContent(0, [...entries(1), {id: idOf(id), size: 0}])],
    ['a chunk under the minimum', forgeContent(0, entries(2, MIN_CHUNK - 1))],
    ['a chunk over the maximum', forgeContent(0, entries(2, MAX_CHUNK + 1))],
    ['a child under the minimum', forgeContent(1, entries(2, MIN_CHUNK * 256 - 1))],
    ['a child over the maximum', forgeContent(1, entries(2, MAX_CHUNK * 2048 + 1))],
    ['a sum beyond 2⁵³', forgeContent(4, entries(3, Number.MAX_SAFE_INTEGER - 1))],
    ['too many entries', forgeContent(0, entries(2049))],
    [
      'entries after an end',
      forgeContent(0, [...entries(255), {id: '\0'.repeat(32) as ObjectId, size: MIN_CHUNK}, ...entries(1)]),
    ],
  ];
  for (const [name, bytes] of forged) t.throws(() => contentLinks(bytes), {code: 'OBJECT_INVALID'}, name);
  t.is(contentLinks(forgeContent(0, entries(2048))).length, 2048);
  t.is(contentLinks(encodeObject('content', [0, two, good])).length, 2);
});

test('another form of the same content is invalid', t => {
  const bytes = forgeContent(0, entries(3));
  // the level as a two-byte number in place of a small one
  t.is(bytes[3], 0);
  const longer = Buffer.concat([bytes.subarray(0, 3), Buffer.from([0xcc, 0]), bytes.subarray(4)]);
  t.throws(() => contentLinks(longer), {code: 'OBJECT_INVALID'});
  t.throws(() => contentLinks(Buffer.concat([bytes, Buffer.from([0])])), {code: 'OBJECT_INVALID'});
});

test('law: damaged bytes are an error or another valid object, never a crash', t => {
  const bytes = forgeContent(0, entries(5, 70_000));
  fc.assert(
    fc.property(
      fc.array(fc.tuple(fc.nat(bytes.length - 1), fc.nat(255)), {minLength: 1, maxLength: 4}),
      fc.nat(bytes.length),
      fc.boolean(),
      (edits, length, cut) => {
        const damaged = Buffer.from(cut ? bytes.subarray(0, length) : bytes);
        for (const [at, byte] of edits) if (at < damaged.length) damaged[at] = byte;
        try {
          t.true(contentLinks(damaged).length > 0);
        } catch (error) {
          t.true(isDbosError(error, 'OBJECT_INVALID') || isDbosError(error, 'STORE_FORMAT'), `${error}`);
        }
      },
    ),
    {numRuns: 2000},
  );
});

test('a body that is not what its reference says is invalid', t => {
  const objects = new MemoryObjects();
  const chunk = objects.put(noise(MIN_CHUNK));
  const short = objects.put(noise(100));
  const chunked = (bytes: Buffer, size: number) => new ContentRef(objects.put(bytes), size, true, false);
  const three = [chunk, chunk, chunk, chunk, chunk].map(id => ({id, size: MIN_CHUNK}));
  const cases: [string, ContentRef][] = [
    ['a blob of another size', new ContentRef(short, 99, false, false)],
    ['a blob taken for a list', new ContentRef(short, 100, true, false)],
    ['a list of another size', chunked(forgeContent(0, three), 5 * MIN_CHUNK + 1)],
    ['a chunk of another size', chunked(forgeContent(0, [...three, {id: short, size: 101}]), 5 * MIN_CHUNK + 101)],
    ['a root with one chunk', chunked(forgeContent(0, [{id: chunk, size: MIN_CHUNK}]), MIN_CHUNK)],
    ['a list for a small body', chunked(forgeContent(0, three.slice(0, 4)), 4 * MIN_CHUNK)],
  ];
  for (const [name, ref] of cases) {
    t.throws(() => readWhole(objects, ref), {code: 'OBJECT_INVALID'}, `${name}: whole`);
    t.throws(() => [...readContent(objects, ref)], {code: 'OBJECT_INVALID'}, `${name}: content`);
    t.throws(() => [...readRange(objects, ref, 0, ref.size)], {code: 'OBJECT_INVALID'}, `${name}: range`);
    const codes = new Set([...verifyContent(objects, ref)].map(error => error.code));
    t.deepEqual([...codes], ['OBJECT_INVALID'], `${name}: verify`);
  }
});

test('levels that do not agree are invalid', t => {
  const objects = new MemoryObjects();
  const leaf = entries(2048);
  const size = 2048 * MIN_CHUNK;
  const child = objects.put(forgeContent(0, leaf));
  const above = (level: number, declared: number) => {
    const bytes = forgeContent(level, [
      {id: child, size: declared},
      {id: child, size: declared},
    ]);
    return new ContentRef(objects.put(bytes), 2 * declared, true, false);
  };
  t.is([...chunksOf(objects, above(1, size))].length, 4096);
  t.throws(() => [...chunksOf(objects, above(1, size + 1))], {code: 'OBJECT_INVALID'});
  t.throws(() => [...chunksOf(objects, above(2, size * 256))], {code: 'OBJECT_INVALID'});
});

test('a value that no memory holds is refused before anything is allocated', t => {
  const objects = new MemoryObjects();
  const id = objects.put(forgeContent(4, entries(2, 2 ** 50)));
  const ref = new ContentRef(id, 2 ** 51, true, false);
  t.throws(() => readWhole(objects, ref), {code: 'VALUE_TOO_LARGE'});
  t.throws(() => [...readContent(objects, ref)], {code: 'OBJECT_MISSING'});
});

test('verify finds cuts at other places than the chunker makes', t => {
  const objects = new MemoryObjects();
  const bytes = noise(1_000_000, 21);
  const first = nextCut(bytes, 0, bytes.length, true);
  const list = (...cuts: number[]) => {
    const all = [0, ...cuts];
    const chunks = cuts.map((cut, i) => bytes.subarray(all[i], cut));
    const content = forgeContent(
      0,
      chunks.map(chunk => ({id: objects.put(chunk), size: chunk.length})),
    );
    return new ContentRef(objects.put(content), cuts.at(-1) as number, true, false);
  };
  const second = nextCut(bytes, first, bytes.length, true);
  t.deepEqual([...verifyContent(objects, list(first, second, second + 10))], []);
  // the chunk after the wrong cut ends where it would anyway
  t.is([...verifyContent(objects, list(first - 1, second, second + 10))].length, 1);
  t.is([...verifyContent(objects, list(second, second + 10))].length, 1);
  // a blob that should be a list
  const big = bytes.subarray(0, first + 100_000);
  t.is([...verifyContent(objects, new ContentRef(objects.put(big), big.length, false, false))].length, 1);
});

test('law: what is noted of chunks in hand is what verify finds out by reading them', t => {
  const bytes = noise(600_000, 23);
  const cuts: number[] = [];
  for (let at = 0; at < bytes.length; at = cuts.at(-1) as number) cuts.push(nextCut(bytes, at, bytes.length, true));
  const place = fc.oneof(fc.constantFrom(...cuts), fc.integer({min: 1, max: bytes.length}));
  fc.assert(
    fc.property(fc.uniqueArray(place, {minLength: 2, maxLength: 6}), fc.boolean(), (places, single) => {
      const objects = new MemoryObjects();
      const noted = new Set<string>();
      const put = (from: number, to: number) => {
        const chunk = bytes.subarray(from, to);
        const id = objects.put(chunk);
        noteChunk(id, chunk.length, chunkForms(chunk), noted);
        return {id, size: chunk.length};
      };
      const ends = places.sort((a, b) => a - b);
      const size = ends.at(-1) as number;
      const chunks = ends.map((end, i) => put(ends[i - 1] ?? 0, end));
      const ref = single
        ? new ContentRef(put(0, size).id, size, false, false)
        : new ContentRef(objects.put(forgeContent(0, chunks)), size, true, false);
      const read = [...verifyContent(objects, ref)].map(({message}) => message);
      t.deepEqual(
        [...verifyContent(objects, ref, noted)].map(({message}) => message),
        read,
      );
    }),
    {numRuns: 100},
  );
});

test('verify names every damage, and checks what is shared once', t => {
  const objects = new MemoryObjects();
  const bytes = noise(400_000, 22);
  const cut = nextCut(bytes, 0, bytes.length, true);
  const good = {id: objects.put(bytes.subarray(0, cut)), size: cut};
  const lost = plainIds(3).map(id => ({id, size: MIN_CHUNK}));
  const content = forgeContent(0, [good, ...lost]);
  const ref = new ContentRef(objects.put(content), cut + 3 * MIN_CHUNK, true, false);
  const seen = new Set<string>();
  t.deepEqual(
    [...verifyContent(objects, ref, seen)].map(error => error.code),
    Array(3).fill('OBJECT_MISSING'),
  );
  let reads = 0;
  const counting = {
    ...{find: () => undefined, has: () => false, locate: () => undefined},
    read: (id: ObjectId) => {
      reads++;
      return objects.read(id);
    },
  };
  t.is([...verifyContent(counting, ref, seen)].length, 3);
  t.is(reads, 4);
});

test('verify finds nodes that end where they should not', t => {
  const objects = new MemoryObjects();
  const zeros = objects.put(Buffer.alloc(MAX_CHUNK));
  const node = (count: number) =>
    objects.put(
      forgeContent(
        0,
        Array.from({length: count}, () => ({id: zeros, size: MAX_CHUNK})),
      ),
    );
  const root = (counts: readonly number[]) => {
    const children = counts.map(count => ({id: node(count), size: count * MAX_CHUNK}));
    const size = children.reduce((sum, child) => sum + child.size, 0);
    return new ContentRef(objects.put(forgeContent(1, children)), size, true, false);
  };
  t.deepEqual([...verifyContent(objects, root([2048, 2048, 1]))], []);
  t.deepEqual(
    [...verifyContent(objects, root([2048, 300, 2048]))].map(error => error.code),
    ['OBJECT_INVALID'],
  );
});
