/**
 * Unpacks Snappy (`format_description.txt` of google/snappy), which LevelDB compresses blocks with: the check of its
 * tables has to read their index blocks, and must not rely on LevelDB for it. Layer: storage.
 */
import {ByteReader} from '../bytes.js';

/** The most that 3 bytes stand for is a copy of 64, so nothing unpacks to more than this many times its length. */
const GREATEST_RATIO = 32;

/** Returns the unpacked bytes. Throws a `RangeError` for what is not Snappy. */
export function unpackSnappy(bytes: Uint8Array): Buffer {
  const reader = new ByteReader(bytes);
  const length = reader.varint();
  if (length > bytes.length * GREATEST_RATIO) throw new RangeError('impossible length');
  const out = Buffer.allocUnsafe(length);
  let at = 0;
  while (reader.remaining > 0) {
    const tag = reader.u8();
    const kind = tag & 3;
    const high = tag >>> 2;
    if (kind === 0) {
      const size = 1 + (high < 60 ? high : littleEndian(reader, high - 59));
      if (size > length - at) throw new RangeError('more than was announced');
      at += reader.bytes(size).copy(out, at);
      continue;
    }
    const size = kind === 1 ? 4 + (high & 7) : 1 + high;
    const offset =
      kind === 1 ? (tag >>> 5) * 256 + reader.u8() : kind === 2 ? littleEndian(reader, 2) : littleEndian(reader, 4);
    if (offset === 0 || offset > at || size > length - at) throw new RangeError('a copy from nowhere');
    // byte by byte, since a copy may reach into what it writes
    for (const end = at + size; at < end; at++) out[at] = out[at - offset] as number;
  }
  if (at !== length) throw new RangeError('less than was announced');
  return out;
}

function littleEndian(reader: ByteReader, size: number): number {
  return reader.bytes(size).readUIntLE(0, size);
}
