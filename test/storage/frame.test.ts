import {randomBytes} from 'node:crypto';
import zlib from 'node:zlib';
import test from 'ava';
import fc from 'fast-check';
import {
  decodeFrameHeader,
  encodeFrame,
  PACKED_LIMIT,
  packFrame,
  tableProblem,
  unpackPayload,
} from '../../src/storage/frame.js';

test('what is packed unpacks to the values', t => {
  const value = fc.oneof(
    fc.uint8Array({maxLength: 300}),
    fc.nat(20_000).map(size => new Uint8Array(randomBytes(size))),
    fc.nat(20_000).map(size => new Uint8Array(Buffer.alloc(size, 'some text '))),
  );
  fc.assert(
    fc.property(fc.array(value, {minLength: 1, maxLength: 8}), values => {
      const frame = packFrame(values.map((bytes, i) => ({key: `${i}`, value: bytes})));
      const payload = unpackPayload(frame.codec, frame.rawLength, frame.stored);
      if (!Buffer.concat(values).equals(payload)) return false;
      const {header, table} = encodeFrame(frame);
      const decoded = decodeFrameHeader(header);
      return (
        decoded !== undefined &&
        tableProblem(decoded, table) === undefined &&
        decoded.codec === frame.codec &&
        decoded.storedLength === frame.stored.length &&
        decoded.entryCount === values.length
      );
    }),
  );
  t.pass();
});

test('what compresses is compressed, what does not is left alone', t => {
  const codecOf = (value: Uint8Array) => packFrame([{key: 'k', value}]).codec;
  const text = Buffer.from(Array.from({length: 5000}, (_, i) => `line ${i * 7919} of a text\n`).join(''));
  t.is(codecOf(text), 'brotli');
  t.is(codecOf(text.subarray(0, 300)), 'brotli');
  t.is(codecOf(Buffer.alloc(100_000)), 'brotli');
  t.is(codecOf(randomBytes(100_000)), 'stored');
  t.is(codecOf(zlib.gzipSync(text)), 'stored');
  t.is(codecOf(randomBytes(500)), 'stored');
  t.is(codecOf(Buffer.alloc(0)), 'stored');
  t.is(codecOf(Buffer.alloc(PACKED_LIMIT + 1)), 'stored', 'more than anyone would unpack');
});

test('every flipped bit of a header or a table is noticed', t => {
  const {header, table} = encodeFrame(
    packFrame([
      {key: 'a', value: Buffer.alloc(700)},
      {key: 'b', value: Buffer.alloc(5)},
    ]),
  );
  const sound = decodeFrameHeader(header);
  if (sound === undefined) return t.fail();
  for (let bit = 0; bit < header.length * 8; bit++) {
    const damaged = Buffer.from(header);
    damaged[bit >> 3] = (damaged[bit >> 3] as number) ^ (1 << (bit & 7));
    t.is(decodeFrameHeader(damaged), undefined, `bit ${bit}`);
  }
  for (let bit = 0; bit < table.length * 8; bit++) {
    const damaged = Buffer.from(table);
    damaged[bit >> 3] = (damaged[bit >> 3] as number) ^ (1 << (bit & 7));
    t.not(tableProblem(sound, damaged), undefined, `bit ${bit}`);
  }
});

test('hostile payloads are refused, whatever they claim', t => {
  const bomb = zlib.brotliCompressSync(Buffer.alloc(50_000_000));
  for (const claim of [0, 100, 1_000_000, 2 ** 32 - 1, 2 ** 50]) {
    t.throws(() => unpackPayload('brotli', claim, bomb), {code: 'STORE_CORRUPT'}, `${claim}`);
  }
  fc.assert(
    fc.property(fc.uint8Array({maxLength: 200}), fc.nat(5000), (bytes, rawLength) => {
      try {
        return unpackPayload('brotli', rawLength, bytes).length === rawLength;
      } catch (error) {
        return (error as {code?: string}).code === 'STORE_CORRUPT';
      }
    }),
  );
  t.throws(() => unpackPayload('stored', 3, Buffer.alloc(4)), {code: 'STORE_CORRUPT'});
});
