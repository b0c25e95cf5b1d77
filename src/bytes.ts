/**
 * Bytes and text. Text is a JavaScript string that stands for any byte sequence: valid UTF-8 decodes as usual, and each
 * byte that is not part of valid UTF-8 becomes the lone surrogate U+DC00 + byte (as in PEP 383), so `decodeText` and
 * `encodeText` are each other's inverse for every byte sequence. Names of files need that.
 * Also: binary strings (one character per byte), comparison, and a reader and writer of packed numbers.
 * Layer: below every other.
 */

/** Returns the bytes of a text; the inverse of `decodeText`. Throws a `TypeError` for a surrogate that stands for no byte. */
export function encodeText(text: string): Buffer {
  if (isWellFormed(text)) return Buffer.from(text, 'utf8');
  const parts: Buffer[] = [];
  let from = 0;
  for (let i = 0; i < text.length; i++) {
    const unit = text.charCodeAt(i);
    if (unit < 0xd800 || unit > 0xdfff) continue;
    if (unit < 0xdc00) {
      const next = text.charCodeAt(i + 1);
      if (!(next >= 0xdc00 && next <= 0xdfff)) throw new TypeError(`lone surrogate at ${i} stands for no byte`);
      i++;
      continue;
    }
    if (unit < 0xdc80 || unit > 0xdcff) throw new TypeError(`lone surrogate at ${i} stands for no byte`);
    if (i > from) parts.push(Buffer.from(text.slice(from, i), 'utf8'));
    parts.push(Buffer.from([unit & 0xff]));
    from = i + 1;
  }
  if (from < text.length) parts.push(Buffer.from(text.slice(from), 'utf8'));
  return Buffer.concat(parts);
}

/** Returns the text of any bytes: UTF-8 where it is valid, a lone surrogate U+DC80–U+DCFF for each other byte. */
export function decodeText(bytes: Uint8Array): string {
  const buffer = asBuffer(bytes);
  const text = buffer.toString('utf8');
  if (!text.includes('\ufffd')) return text;
  return decodeCarefully(buffer);
}

function decodeCarefully(bytes: Buffer): string {
  let text = '';
  let from = 0;
  let i = 0;
  while (i < bytes.length) {
    const size = sequenceLength(bytes, i);
    if (size > 0) {
      i += size;
      continue;
    }
    text += bytes.toString('utf8', from, i) + String.fromCharCode(0xdc00 + (bytes[i] as number));
    i++;
    from = i;
  }
  return text + bytes.toString('utf8', from, bytes.length);
}

/** Returns the length of the valid UTF-8 sequence at `i` (Unicode 15, table 3-7), or 0 if there is none. */
function sequenceLength(bytes: Uint8Array, i: number): number {
  const first = bytes[i] as number;
  if (first < 0x80) return 1;
  if (first < 0xc2 || first > 0xf4) return 0;
  const second = bytes[i + 1] ?? 0;
  const continues = (offset: number) => ((bytes[i + offset] ?? 0) & 0xc0) === 0x80;
  if (first < 0xe0) return continues(1) ? 2 : 0;
  if (first < 0xf0) {
    const low = first === 0xe0 ? 0xa0 : 0x80;
    const high = first === 0xed ? 0x9f : 0xbf;
    return second >= low && second <= high && continues(2) ? 3 : 0;
  }
  const low = first === 0xf0 ? 0x90 : 0x80;
  const high = first === 0xf4 ? 0x8f : 0xbf;
  return second >= low && second <= high && continues(2) && continues(3) ? 4 : 0;
}

const ANY_SURROGATE = /[\ud800-\udfff]/;

/** Returns whether the text has no lone surrogate: whether it came from valid UTF-8. */
export function isWellFormed(text: string): boolean {
  return text.isWellFormed();
}

/** Returns a Buffer over the same memory. */
export function asBuffer(bytes: Uint8Array): Buffer {
  return Buffer.isBuffer(bytes) ? bytes : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

/** Returns the bytes as a binary string: one character, U+0000 to U+00FF, for each byte. */
export function toBinary(bytes: Uint8Array): string {
  return asBuffer(bytes).toString('latin1');
}

/** Returns the bytes of a binary string. */
export function fromBinary(binary: string): Buffer {
  return Buffer.from(binary, 'latin1');
}

/** Returns less than, equal to or greater than 0 as `a` sorts before, with or after `b`, byte by byte. */
export function compareBytes(a: Uint8Array, b: Uint8Array): number {
  return Buffer.compare(a, b);
}

/** Compares two texts by their bytes (which differs from JavaScript's order where surrogates are involved). */
export function compareText(a: string, b: string): number {
  if (!ANY_SURROGATE.test(a) && !ANY_SURROGATE.test(b)) return a < b ? -1 : a > b ? 1 : 0;
  return Buffer.compare(encodeText(a), encodeText(b));
}

/** A growing byte buffer: little-endian fixed numbers, LEB128 varints, and byte strings with their length before them. */
export class ByteWriter {
  private buffer: Buffer;
  length = 0;

  constructor(capacity = 256) {
    this.buffer = Buffer.allocUnsafe(capacity);
  }

  private reserve(size: number): void {
    if (this.length + size <= this.buffer.length) return;
    const grown = Buffer.allocUnsafe(Math.max(this.buffer.length * 2, this.length + size));
    this.buffer.copy(grown, 0, 0, this.length);
    this.buffer = grown;
  }

  u8(value: number): this {
    this.reserve(1);
    this.buffer[this.length++] = value;
    return this;
  }

  u32(value: number): this {
    this.reserve(4);
    this.length = this.buffer.writeUInt32LE(value, this.length);
    return this;
  }

  i64(value: bigint): this {
    this.reserve(8);
    this.length = this.buffer.writeBigInt64LE(value, this.length);
    return this;
  }

  f64(value: number): this {
    this.reserve(8);
    this.length = this.buffer.writeDoubleLE(value, this.length);
    return this;
  }

  /** Writes a whole number from 0 to 2⁵³ − 1 as LEB128. */
  varint(value: number): this {
    this.reserve(8);
    let rest = value;
    while (rest >= 0x80) {
      this.buffer[this.length++] = (rest % 0x80) | 0x80;
      rest = Math.floor(rest / 0x80);
    }
    this.buffer[this.length++] = rest;
    return this;
  }

  /** Appends `size` bytes, which are to be filled in before anything else is written, and returns them. */
  room(size: number): Buffer {
    this.reserve(size);
    const at = this.length;
    this.length += size;
    return this.buffer.subarray(at, at + size);
  }

  bytes(bytes: Uint8Array): this {
    this.reserve(bytes.length);
    this.buffer.set(bytes, this.length);
    this.length += bytes.length;
    return this;
  }

  /** Appends bytes `from` to `to` − 1. */
  range(bytes: Buffer, from: number, to: number): this {
    this.reserve(to - from);
    this.length += bytes.copy(this.buffer, this.length, from, to);
    return this;
  }

  binary(text: string): this {
    this.reserve(text.length);
    this.length += this.buffer.write(text, this.length, 'latin1');
    return this;
  }

  /** Writes the length as a varint, then the bytes. */
  sized(bytes: Uint8Array): this {
    return this.varint(bytes.length).bytes(bytes);
  }

  /** Returns what was written; a view that later writes may overwrite only after the buffer has grown. */
  finish(): Buffer {
    return this.buffer.subarray(0, this.length);
  }
}

/** Reads what `ByteWriter` wrote. Every method throws a `RangeError` past the end; callers turn it into their error. */
export class ByteReader {
  readonly buffer: Buffer;

  constructor(
    bytes: Uint8Array,
    public offset = 0,
    private readonly end = bytes.length,
  ) {
    this.buffer = asBuffer(bytes);
  }

  get remaining(): number {
    return this.end - this.offset;
  }

  private advance(size: number): number {
    if (!(size >= 0 && size <= this.remaining)) throw new RangeError('read past the end');
    const at = this.offset;
    this.offset += size;
    return at;
  }

  u8(): number {
    return this.buffer[this.advance(1)] as number;
  }

  u32(): number {
    return this.buffer.readUInt32LE(this.advance(4));
  }

  i64(): bigint {
    return this.buffer.readBigInt64LE(this.advance(8));
  }

  f64(): number {
    return this.buffer.readDoubleLE(this.advance(8));
  }

  varint(): number {
    let value = 0;
    let scale = 1;
    for (let i = 0; i < 8; i++) {
      const byte = this.u8();
      value += (byte & 0x7f) * scale;
      if (byte < 0x80) {
        if (value > Number.MAX_SAFE_INTEGER || (byte === 0 && i > 0)) break;
        return value;
      }
      scale *= 0x80;
    }
    throw new RangeError('malformed varint');
  }

  bytes(size: number): Buffer {
    const at = this.advance(size);
    return this.buffer.subarray(at, at + size);
  }

  /** Passes over so many bytes, and returns where they are. */
  skip(size: number): number {
    return this.advance(size);
  }

  binary(size: number): string {
    const at = this.advance(size);
    return this.buffer.toString('latin1', at, at + size);
  }

  sized(): Buffer {
    return this.bytes(this.varint());
  }
}

/** No larger piece of scratch memory is kept. */
const MAX_SCRATCH = 2 ** 20;

/** Memory that is used again and again. */
export class Scratch {
  private memory: Buffer | undefined;

  /** Returns memory of so many bytes, which the next call takes back. */
  room(length: number): Buffer {
    if (length > MAX_SCRATCH) return Buffer.allocUnsafe(length);
    if (this.memory === undefined || this.memory.length < length) {
      this.memory = Buffer.allocUnsafeSlow(Math.min(MAX_SCRATCH, length * 2));
    }
    return this.memory.subarray(0, length);
  }

  release(): void {
    this.memory = undefined;
  }
}
