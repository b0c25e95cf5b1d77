/** Bodies, sources and forged objects for the tests of chunker, content objects and bodies. */
import {encodeObject} from '../../src/objects/codec.js';
import type {ObjectId} from '../../src/objects/id.js';
import type {ObjectReader} from '../../src/objects/store.js';
import type {BodySource} from '../../src/tree/bodies.js';
import {ContentRef} from '../../src/tree/cell.js';
import {readContent} from '../../src/tree/content.js';

/** Returns bytes that look random: the words of xorshift32 (Marsaglia 2003), little-endian. */
export function noise(size: number, seed = 1): Buffer {
  const bytes = Buffer.alloc(Math.ceil(size / 4) * 4);
  let word = seed;
  for (let i = 0; i < bytes.length; i += 4) {
    word ^= word << 13;
    word ^= word >>> 17;
    word ^= word << 5;
    bytes.writeInt32LE(word | 0, i);
  }
  return bytes.subarray(0, size);
}

/** Returns text of `size` bytes: words in an order that does not repeat. */
export function prose(size: number): Buffer {
  const words = 'stone tree leaf branch commit state table row cell key of the and a is in its own time again'.split(
    ' ',
  );
  const order = noise(Math.ceil(size / 3) + 64, 7);
  const parts: string[] = [];
  let length = 0;
  for (let i = 0; length < size; i++) {
    const word = `${words[(order[i] as number) % words.length]}${(order[i] as number) % 13 === 0 ? '.\n' : ' '}`;
    parts.push(word);
    length += word.length;
  }
  return Buffer.from(parts.join('').slice(0, size), 'latin1');
}

/** Returns a source of `bytes` whose reads give at most as many bytes as `steps` say, in turn. */
export function sourceOf(bytes: Uint8Array, steps: readonly number[] = [Number.MAX_SAFE_INTEGER]): BodySource {
  let at = 0;
  let turn = 0;
  return {
    read(target, offset, length) {
      const size = Math.min(length, steps[turn++ % steps.length] as number, bytes.length - at);
      target.set(bytes.subarray(at, at + size), offset);
      at += size;
      return size;
    },
  };
}

export function readAll(reader: ObjectReader, ref: ContentRef): Buffer {
  return Buffer.concat([...readContent(reader, ref)]);
}

export function refOf(body: {id: ObjectId; size: number; chunked: boolean}): ContentRef {
  return new ContentRef(body.id, body.size, body.chunked, false);
}

/** Returns the bytes of a content object with any entries, right or wrong. */
export function forgeContent(level: number, entries: readonly {id: ObjectId; size: number}[]): Buffer {
  return encodeObject('content', [
    level,
    Buffer.from(entries.map(entry => entry.id).join(''), 'latin1'),
    Buffer.from(entries.flatMap(entry => varint(entry.size))),
  ]);
}

function varint(value: number): number[] {
  return value < 0x80 ? [value] : [(value % 0x80) | 0x80, ...varint(Math.floor(value / 0x80))];
}
