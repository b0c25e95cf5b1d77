/** Archives are those of CARv1: what `@ipld/car` writes of the same blocks is the same, each reads the other's, and nothing hostile gets by. */
import {CarReader as IpldReader, CarWriter as IpldWriter} from '@ipld/car';
import test, {type ExecutionContext} from 'ava';
import fc from 'fast-check';
import {CID} from 'multiformats/cid';
import {ByteWriter} from '../../src/bytes.js';
import {DbosError} from '../../src/errors.js';
import {type Cid, formatId, idOf} from '../../src/objects/id.js';
import {CarReader, type CarSource, encodeCarHeader, encodeCarSection} from '../../src/sync/car.js';
import {randomBytes} from '../bench/generated-tree.js';
import {refuses} from '../support/refuses.js';

interface Block extends Cid {
  readonly bytes: Uint8Array;
}

function blockOf(bytes: Uint8Array, blob: boolean): Block {
  return {id: idOf(bytes), codec: blob ? 'raw' : 'messagepack', bytes};
}

function write(roots: readonly Cid[], blocks: readonly Block[]): Buffer {
  const parts = blocks.flatMap(block => [encodeCarSection(block, block.bytes.length), block.bytes]);
  return Buffer.concat([encodeCarHeader(roots), ...parts]);
}

function cidOf({id, codec}: Cid): CID {
  return CID.parse(formatId(id, codec));
}

async function ipldWrite(roots: readonly Cid[], blocks: readonly Block[]): Promise<Buffer> {
  const {writer, out} = IpldWriter.create(roots.map(cidOf));
  const written = (async () => {
    for (const block of blocks) await writer.put({cid: cidOf(block), bytes: block.bytes});
    await writer.close();
  })();
  const parts: Uint8Array[] = [];
  for await (const part of out) parts.push(part);
  await written;
  return Buffer.concat(parts);
}

function sourceOf(bytes: Buffer): CarSource {
  return {name: 'x.car', size: bytes.length, read: (into, at, position) => bytes.copy(into, at, position)};
}

function read(bytes: Buffer): {roots: readonly Cid[]; blocks: Block[]} {
  const reader = new CarReader(sourceOf(bytes));
  const blocks: Block[] = [];
  for (let block = reader.next(); block !== undefined; block = reader.next()) {
    const {id, codec, bytes: own, offset} = block;
    if (!bytes.subarray(offset, offset + own.length).equals(own)) throw new Error('the offset of a block is wrong');
    blocks.push({id, codec, bytes: own});
  }
  return {roots: reader.roots, blocks};
}

/** Holds ours against theirs, both ways. */
async function agrees(t: ExecutionContext, roots: readonly Cid[], blocks: readonly Block[]): Promise<void> {
  const ours = write(roots, blocks);
  t.true(ours.equals(await ipldWrite(roots, blocks)));
  const theirs = await IpldReader.fromBytes(ours);
  t.is(theirs.version, 1);
  t.deepEqual(
    (await theirs.getRoots()).map(String),
    roots.map(root => formatId(root.id, root.codec)),
  );
  const seen: Block[] = [];
  for await (const {cid, bytes} of theirs.blocks()) {
    const block = blocks[seen.length] as Block;
    t.is(`${cid}`, formatId(block.id, block.codec));
    seen.push({...block, bytes});
  }
  const again = read(ours);
  t.deepEqual(
    again.roots,
    roots.map(({id, codec}) => ({id, codec})),
  );
  for (const list of [seen, again.blocks]) {
    t.is(list.length, blocks.length);
    t.true(list.every(({bytes}, i) => Buffer.compare(bytes, blocks[i]?.bytes as Uint8Array) === 0));
  }
}

test('what @ipld/car writes of the same blocks is byte for byte the same, and each reads what the other writes', async t => {
  const block = fc.tuple(fc.uint8Array({maxLength: 300}), fc.boolean()).map(([bytes, blob]) => blockOf(bytes, blob));
  await fc.assert(
    fc.asyncProperty(fc.array(block, {maxLength: 8}), fc.array(block, {maxLength: 30}), (blocks, roots) =>
      agrees(t, roots, blocks),
    ),
    {numRuns: 60, seed: 11},
  );
});

test('many roots, and blocks that cross what is in memory at once', async t => {
  const small = Array.from({length: 300}, (_, i) => blockOf(randomBytes(i, 100 + i), i % 2 === 0));
  await agrees(t, small, small);
  const sizes = [1 << 20, 3_000_000, 0, (1 << 20) - 40, 1, 2_500_000, 70_000];
  await agrees(
    t,
    [],
    sizes.map((size, i) => blockOf(randomBytes(i, size), true)),
  );
});

/** Returns bytes after their length. */
function sized(...parts: Uint8Array[]): Buffer {
  return new ByteWriter().sized(Buffer.concat(parts)).finish();
}

test('what is no archive, or not of version 1, or claims what cannot be, is refused in one sentence', t => {
  const block = blockOf(Buffer.from('some bytes of a block'), true);
  const good = write([block], [block, blockOf(Buffer.alloc(50, 1), false)]);
  const header = encodeCarHeader([block]);
  const item = header.subarray(1);
  const changed = (at: number, value: number) => {
    const bytes = Buffer.from(item);
    bytes[at] = value;
    return sized(bytes);
  };
  const foreign = CID.parse('bafybeigdyrzt5sfp7udm7hu76uh7y26nf3efuylqabf3oclgtqy55fbzdi').bytes;
  const cases: Record<string, Buffer> = {
    empty: Buffer.alloc(0),
    text: Buffer.from('this is a text file, and no archive\n'.repeat(9)),
    zeros: Buffer.alloc(100),
    'a header of no bytes': sized(),
    'a header that is cut off': header.subarray(0, 20),
    'a header that is longer than the file': Buffer.concat([Buffer.from([0xff, 0x7f]), item]),
    'a header of 2⁵⁶ bytes': Buffer.concat([Buffer.from('ffffffffffffff7f', 'hex'), item]),
    'a length that never ends': Buffer.alloc(100, 0xff),
    'a length in a longer form': Buffer.concat([Buffer.from([0x80 | item.length, 0]), item]),
    'bytes behind the map': sized(item, Buffer.from([0])),
    'a map of three': changed(0, 0xa3),
    'another key': changed(2, 'R'.charCodeAt(0)),
    'more roots than there are': changed(7, 0x9a),
    'another tag': changed(9, 43),
    'a root of another codec': changed(14, 0x70),
    'a root in a longer form': sized(item.subarray(0, 10), Buffer.from([0x59, 0]), item.subarray(11)),
    'a root of another kind': sized(
      Buffer.from('a265726f6f747381d82a58', 'hex'),
      Buffer.from([foreign.length + 1, 0]),
      foreign,
      Buffer.from('6776657273696f6e01', 'hex'),
    ),
    'version 0': changed(item.length - 1, 0),
    'version 3': changed(item.length - 1, 3),
    'version 2': Buffer.concat([Buffer.from('0aa16776657273696f6e02', 'hex'), Buffer.alloc(40)]),
    'a version that is text': changed(item.length - 1, 0x61),
    'a block of no bytes': Buffer.concat([header, Buffer.from([0])]),
    'a block shorter than a CID': Buffer.concat([header, sized(Buffer.from([1, 0x55, 0x12]))]),
    'a block of 2⁵⁶ bytes': Buffer.concat([header, Buffer.from('ffffffffffffff7f', 'hex'), Buffer.alloc(99)]),
    'a block with a foreign CID': Buffer.concat([header, sized(foreign, Buffer.from('x'))]),
    'a block with other bytes': Buffer.concat([header, encodeCarSection(block, 3), Buffer.from('xyz')]),
  };
  for (const [what, bytes] of Object.entries(cases)) {
    const error = refuses(t, () => read(bytes), 'BUNDLE_INVALID', what);
    t.regex(error.message, /^'x\.car' is no sound bundle: [^\n]*\.$/, what);
  }
  t.is(read(good).blocks.length, 2);
  t.regex(refuses(t, () => read(cases['version 2'] as Buffer), 'BUNDLE_INVALID').message, /version 2/);
  const ends = new Set([header.length, good.length - encodeCarSection(block, 50).length - 51]);
  for (let length = 0; length < good.length; length++) {
    if (ends.has(length)) continue;
    refuses(t, () => read(good.subarray(0, length)), 'BUNDLE_INVALID', `cut at ${length}`);
  }
});

test('a length is believed only as far as the file goes, before anything is allocated', t => {
  // a file that says of itself that it is large, and has nothing
  const head = Buffer.concat([encodeCarHeader([]), new ByteWriter().varint(2 ** 40).finish()]);
  let asked = 0;
  const source: CarSource = {
    name: 'x.car',
    size: 2 ** 41,
    read(into, at, position) {
      asked = Math.max(asked, into.length);
      return position < head.length ? head.copy(into, at, position) : into.fill(1, at).length - at;
    },
  };
  const reader = new CarReader(source);
  refuses(t, () => reader.next(), 'BUNDLE_INVALID');
  t.true(asked <= 2 ** 20);
  // what the file itself has to say is no word on the archive
  const broken = () => {
    throw new DbosError('FILE_UNREADABLE', 'The stick was pulled out.');
  };
  refuses(t, () => new CarReader({...source, read: broken}), 'FILE_UNREADABLE');
});
