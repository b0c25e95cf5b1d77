import test from 'ava';
import fc from 'fast-check';
import {idOf, type ObjectId} from '../../src/objects/id.js';
import {MemoryObjects} from '../../src/objects/memory.js';
import {objectKey} from '../../src/objects/store.js';
import {unpackPayload} from '../../src/storage/frame.js';
import type {Frame} from '../../src/storage/storage.js';
import {type BodyBatch, BodyPacker, type BodySource, BodyWriter, writeBodies} from '../../src/tree/bodies.js';
import type {ContentRef} from '../../src/tree/cell.js';
import {SINGLE_LIMIT} from '../../src/tree/chunker.js';
import {chunksOf, type PackedBody, verifyContent} from '../../src/tree/content.js';
import {noise, prose, readAll, refOf, sourceOf} from './content-samples.js';

function write(objects: MemoryObjects, bytes: Uint8Array): ContentRef {
  const writer = new BodyWriter(objects);
  const ref = writer.write(bytes, false);
  writer.flush();
  return ref;
}

test('law: the same bytes give the same reference, however they are streamed and whatever came before', t => {
  const parts = [noise(1_500_000, 2), prose(1_500_000), Buffer.alloc(1_500_000)];
  const piece = fc.record({
    part: fc.nat(2),
    from: fc.nat(1_000_000),
    size: fc.oneof(fc.nat(2000), fc.integer({min: SINGLE_LIMIT - 1, max: SINGLE_LIMIT + 1}), fc.nat(1_500_000)),
    steps: fc.array(fc.oneof(fc.integer({min: 100, max: 9000}), fc.integer({min: 1, max: 2_000_000})), {
      minLength: 1,
      maxLength: 5,
    }),
  });
  fc.assert(
    fc.property(fc.array(piece, {minLength: 1, maxLength: 8}), pieces => {
      const bodies = pieces.map(({part, from, size}) => (parts[part] as Buffer).subarray(from, from + size));
      const objects = new MemoryObjects();
      const sources = bodies.map((bytes, i) => sourceOf(bytes, pieces[i]?.steps));
      const refs = [...writeBodies(objects, sources)].map(refOf);
      t.is(refs.length, bodies.length);
      for (const [i, ref] of refs.entries()) {
        const bytes = bodies[i] as Buffer;
        t.deepEqual(ref, write(new MemoryObjects(), bytes));
        t.true(readAll(objects, ref).equals(bytes));
        t.deepEqual([...verifyContent(objects, ref)], []);
      }
    }),
    {numRuns: 40},
  );
});

test('a body larger than a batch streams through', t => {
  const bytes = noise(11_000_000, 4);
  const packer = new BodyPacker();
  const sources = [bytes.subarray(0, 10), bytes, bytes.subarray(5)].map(body => sourceOf(body)).values();
  const objects = new MemoryObjects();
  const bodies: PackedBody[] = [];
  let batches = 0;
  for (let batch = packer.fill(sources); batch; batch = packer.fill(sources)) {
    batches++;
    const frames = packer.pack(batch.ids.map(id => !objects.has(id)));
    t.true(frames.reduce((sum, frame) => sum + frame.rawLength, 0) <= 4 << 20);
    for (const frame of frames) objects.putFrame(frame);
    for (const content of batch.contents) objects.put(content);
    bodies.push(...batch.bodies);
  }
  t.true(batches >= 5);
  t.is(bodies.length, 3);
  t.true(readAll(objects, refOf(bodies[1] as PackedBody)).equals(bytes));
  t.true(readAll(objects, refOf(bodies[2] as PackedBody)).equals(bytes.subarray(5)));
});

function allBatches(packer: BodyPacker, sources: Iterable<BodySource>, keep: (id: ObjectId) => boolean) {
  const batches: BodyBatch[] = [];
  const frames: Frame[] = [];
  const iterator = sources[Symbol.iterator]();
  for (let batch = packer.fill(iterator); batch; batch = packer.fill(iterator)) {
    batches.push(batch);
    frames.push(...packer.pack(batch.ids.map(keep)));
  }
  return {batches, frames};
}

test('only the chunks that are needed are packed, each once', t => {
  const bodies = [noise(1000, 1), noise(1000, 2), noise(1000, 1), noise(300_000, 3), noise(300_000, 3)];
  const known = idOf(noise(1000, 2));
  const {batches, frames} = allBatches(
    new BodyPacker(),
    bodies.map(body => sourceOf(body)),
    id => id !== known,
  );
  t.is(batches.length, 1);
  t.is(batches[0]?.bodies.length, 5);
  const ids = batches.flatMap(batch => batch.ids);
  t.is(new Set(ids).size, ids.length);
  const keys = frames.flatMap(frame => frame.entries.map(entry => entry.key));
  t.deepEqual(
    keys.sort(),
    batches[0]?.ids
      .filter(id => id !== known)
      .map(objectKey)
      .sort(),
  );
});

test('frames and content objects own their memory and outlive the batch', t => {
  const bodies = [noise(9_000_000, 5), prose(3_000_000), ...Array.from({length: 500}, (_, i) => noise(i * 3, i + 1))];
  const {batches, frames} = allBatches(
    new BodyPacker(),
    bodies.map(body => sourceOf(body)),
    () => true,
  );
  t.true(batches.length >= 3);
  const buffers = new Set<ArrayBufferLike>();
  for (const frame of frames) {
    t.is(frame.stored.byteLength, frame.stored.buffer.byteLength);
    buffers.add(frame.stored.buffer);
    const raw = unpackPayload(frame.codec, frame.rawLength, frame.stored);
    let at = 0;
    for (const {key, length} of frame.entries) {
      if (objectKey(idOf(raw.subarray(at, at + length))) !== key) t.fail('the bytes changed');
      at += length;
    }
    t.true(frame.rawLength <= 65536 || frame.entries.length === 1);
  }
  t.is(buffers.size, frames.length);
  for (const batch of batches) {
    for (const content of batch.contents) t.is(content.byteLength, content.buffer.byteLength);
  }
  t.notThrows(() =>
    structuredClone({batches, frames}, {transfer: frames.map(frame => frame.stored.buffer as ArrayBuffer)}),
  );
});

test('small bodies share frames and text is compressed', t => {
  const bodies = Array.from({length: 100}, (_, i) => prose(2000 + i));
  const {frames} = allBatches(
    new BodyPacker(),
    bodies.map(body => sourceOf(body)),
    () => true,
  );
  t.true(frames.length <= 5, `${frames.length}`);
  const stored = frames.reduce((sum, frame) => sum + frame.stored.length, 0);
  t.true(stored < 100_000, `${stored}`);
});

test('empty bodies end a batch too, and nothing is nothing', t => {
  const empty: BodySource = {read: () => 0};
  const {batches} = allBatches(new BodyPacker(), Array(10_000).fill(empty), () => true);
  t.is(batches.length, 3);
  t.is(
    batches.reduce((sum, batch) => sum + batch.bodies.length, 0),
    10_000,
  );
  t.deepEqual(batches[0]?.bodies[0], {id: idOf(Buffer.alloc(0)), size: 0, chunked: false});
  t.is(new BodyPacker().fill([].values()), undefined);
});

test('a source is pulled only when the one before has ended', t => {
  const events: string[] = [];
  function* sources(): Generator<BodySource, void, undefined> {
    for (const size of [10, 5_000_000, 0]) {
      const inner = sourceOf(noise(size));
      let ended = false;
      yield {
        read(target, offset, length) {
          t.false(ended);
          t.true(length > 0);
          const read = inner.read(target, offset, length);
          ended = read === 0;
          return read;
        },
      };
      t.true(ended);
      events.push(`closed ${size}`);
    }
  }
  const {batches} = allBatches(new BodyPacker(), sources(), () => true);
  t.deepEqual(events, ['closed 10', 'closed 5000000', 'closed 0']);
  t.deepEqual(
    batches.flatMap(batch => batch.bodies.map(body => body.size)),
    [10, 5_000_000, 0],
  );
});

test('what a source throws passes through, and the packer can be used again', t => {
  const packer = new BodyPacker();
  const bytes = noise(6_000_000, 8);
  for (const failAfter of [0, 50_000, 5_000_000]) {
    const good = sourceOf(bytes, [100_000]);
    let given = 0;
    const failing: BodySource = {
      read(target, offset, length) {
        if (given >= failAfter) throw new Error('unplugged');
        const read = good.read(target, offset, length);
        given += read;
        return read;
      },
    };
    t.throws(() => allBatches(packer, [sourceOf(bytes.subarray(0, 99)), failing], () => true), {message: 'unplugged'});
    const {batches} = allBatches(packer, [sourceOf(bytes)], () => true);
    t.deepEqual(refOf(batches.at(-1)?.bodies[0] as PackedBody), write(new MemoryObjects(), bytes));
  }
});

test('a writer of values shares frames and writes nothing twice', t => {
  const frames: Frame[] = [];
  class Counting extends MemoryObjects {
    override putFrame(frame: Frame): void {
      frames.push(frame);
      super.putFrame(frame);
    }
  }
  const objects = new Counting();
  const writer = new BodyWriter(objects);
  const values = Array.from({length: 60}, (_, i) => prose(3000 + (i % 30)));
  const refs = values.map(value => writer.write(value, true));
  const zeros = writer.write(Buffer.alloc(3 << 20), false);
  t.is(frames.length, 0);
  writer.flush();
  t.is(
    frames.reduce((sum, frame) => sum + frame.entries.length, 0),
    30 + new Set([...chunksOf(objects, zeros)].map(chunk => chunk.id)).size,
  );
  t.true(frames.length <= 4);
  for (const [i, ref] of refs.entries()) t.true(readAll(objects, ref).equals(values[i] as Buffer));
  frames.length = 0;
  for (const value of values) writer.write(value, true);
  writer.flush();
  t.is(frames.length, 0);
  // many bytes are handed over before the last flush
  writer.write(noise(20 << 20), false);
  t.true(frames.length > 10);
});
