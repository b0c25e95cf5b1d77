import test from 'ava';
import {idOf} from '../../src/objects/id.js';
import {MemoryObjects} from '../../src/objects/memory.js';
import {ObjectStore, ObjectWriter, objectKey} from '../../src/objects/store.js';
import {MemoryStorage} from '../../src/storage/memory.js';

test('an object is there once it is committed, and staged objects can be read before', async t => {
  const storage = new MemoryStorage();
  const store = new ObjectStore(storage);
  const writer = storage.writer();
  const sink = new ObjectWriter(writer);
  const id = sink.put(Buffer.from('hello'));
  t.is(Buffer.from(sink.read(id)).toString(), 'hello');
  t.false(store.has(id));
  t.throws(() => store.read(id), {code: 'OBJECT_MISSING'});
  await writer.commit();
  t.is(Buffer.from(store.read(id)).toString(), 'hello');
  t.is(store.find(idOf(Buffer.from('other'))), undefined);
});

test('an object that exists is not staged again', async t => {
  const storage = new MemoryStorage();
  const writer = storage.writer();
  const sink = new ObjectWriter(writer);
  sink.put(Buffer.alloc(100));
  const staged = writer.stagedBytes;
  sink.put(Buffer.alloc(100));
  t.is(writer.stagedBytes, staged);
  await writer.commit();
  sink.put(Buffer.alloc(100));
  t.is(writer.stagedBytes, 0);
});

test('bytes that do not match their id are an error at the first touch', async t => {
  const storage = new MemoryStorage();
  const id = idOf(Buffer.from('right'));
  const writer = storage.writer();
  writer.put(objectKey(id), Buffer.from('wrong'));
  await writer.commit();
  t.throws(() => new ObjectStore(storage).read(id), {code: 'OBJECT_CORRUPT'});
});

test('objects in memory copy what they are given', t => {
  const objects = new MemoryObjects();
  const bytes = Buffer.from('abc');
  const id = objects.put(bytes);
  bytes.fill(0);
  t.is(Buffer.from(objects.read(id)).toString(), 'abc');
  t.is(objects.size, 1);
});
