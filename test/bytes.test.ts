import test from 'ava';
import fc from 'fast-check';
import {
  ByteReader,
  ByteWriter,
  compareBytes,
  compareText,
  decodeText,
  encodeText,
  fromBinary,
  isWellFormed,
  toBinary,
} from '../src/bytes.js';

// bytes that are often nearly UTF-8: random bytes hit few multi-byte sequences
const nearlyUtf8 = fc.oneof(
  fc.uint8Array({maxLength: 40}),
  fc
    .array(
      fc.oneof(
        fc.string({unit: 'binary'}).map(text => Buffer.from(text)),
        fc.uint8Array({maxLength: 3}),
      ),
      {
        maxLength: 8,
      },
    )
    .map(parts => Buffer.concat(parts)),
);

test('decodeText and encodeText are inverse for any bytes', t => {
  fc.assert(
    fc.property(nearlyUtf8, bytes => {
      const text = decodeText(bytes);
      t.deepEqual([...encodeText(text)], [...bytes]);
      t.is(isWellFormed(text), Buffer.from(Buffer.from(bytes).toString('utf8')).equals(bytes));
    }),
    {numRuns: 2000},
  );
});

test('a replacement character that was there stays, next to broken bytes too', t => {
  const bytes = Buffer.concat([Buffer.from('\ufffd'), Buffer.from([0xff, 0xe2, 0x82]), Buffer.from('€')]);
  const text = decodeText(bytes);
  t.is(text, '\ufffd\udcff\udce2\udc82€');
  t.deepEqual(encodeText(text), bytes);
});

test('overlong forms, surrogates and values over U+10FFFF are not UTF-8', t => {
  for (const bytes of [
    [0xc0, 0x80],
    [0xed, 0xa0, 0x80],
    [0xf4, 0x90, 0x80, 0x80],
    [0xe0, 0x80, 0x80],
    [0xf0, 0x80, 0x80, 0x80],
  ]) {
    t.false(isWellFormed(decodeText(Uint8Array.from(bytes))));
    t.deepEqual([...encodeText(decodeText(Uint8Array.from(bytes)))], bytes);
  }
});

test('a surrogate that stands for no byte is a TypeError', t => {
  t.throws(() => encodeText('a\ud800b'), {instanceOf: TypeError});
  t.throws(() => encodeText('\udc00'), {instanceOf: TypeError});
});

test('compareText is the order of the bytes', t => {
  fc.assert(
    fc.property(nearlyUtf8, nearlyUtf8, (a, b) => {
      t.is(Math.sign(compareText(decodeText(a), decodeText(b))), Math.sign(compareBytes(a, b)));
    }),
    {numRuns: 2000},
  );
});

test('binary strings hold any bytes', t => {
  fc.assert(fc.property(fc.uint8Array(), bytes => t.deepEqual([...fromBinary(toBinary(bytes))], [...bytes])));
});

test('ByteReader reads what ByteWriter wrote', t => {
  fc.assert(
    fc.property(
      fc.maxSafeNat(),
      fc.uint8Array(),
      fc.bigInt(-(2n ** 63n), 2n ** 63n - 1n),
      fc.double(),
      (n, bytes, big, real) => {
        const writer = new ByteWriter(1)
          .u8(7)
          .varint(n)
          .sized(bytes)
          .i64(big)
          .f64(real)
          .u32(0xfffffffe)
          .binary('\xff\0');
        const reader = new ByteReader(writer.finish());
        t.is(reader.u8(), 7);
        t.is(reader.varint(), n);
        t.deepEqual([...reader.sized()], [...bytes]);
        t.is(reader.i64(), big);
        t.is(reader.f64(), real);
        t.is(reader.u32(), 0xfffffffe);
        t.is(reader.binary(2), '\xff\0');
        t.is(reader.remaining, 0);
        t.throws(() => reader.u8(), {instanceOf: RangeError});
      },
    ),
  );
});

test('a varint that is too long, too large or padded is refused', t => {
  for (const bytes of [[0x80, 0x00], Array(9).fill(0xff), [0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f], [0x80]]) {
    t.throws(() => new ByteReader(Uint8Array.from(bytes)).varint(), {instanceOf: RangeError});
  }
});

test('a length beyond the end is refused before anything is taken', t => {
  t.throws(() => new ByteReader(Uint8Array.from([0xff, 0xff, 0xff, 0x0f, 1])).sized(), {instanceOf: RangeError});
});
