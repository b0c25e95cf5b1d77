/**
 * CARv1 (ipld.io/specs/transport/car/carv1): blocks, each with its CID, in one file that the tools of IPLD read. A header says
 * which of them are the roots. Reading is one pass in bounded memory, and nothing is trusted: lengths are held against what
 * is left of the file before anything is allocated, and every block is hashed. Layer: sync.
 */
import {ByteReader, ByteWriter, compareBytes} from '../bytes.js';
import {DbosError} from '../errors.js';
import {type Cid, encodeCid, findCid, formatId, idOf} from '../objects/id.js';

export interface CarBlock extends Cid {
  /** May share memory with other blocks. */
  readonly bytes: Uint8Array;
  /** Where the bytes stand in the file. */
  readonly offset: number;
}

/** What is read: a file, as `Input` has it. */
export interface CarSource {
  /** What the user calls it. */
  readonly name: string;
  readonly size: number;
  /** Reads bytes from a position into a buffer, as many as fit; returns how many. */
  read(into: Buffer, at: number, position: number): number;
}

/** The bytes of a block, and of the header: no object that can be made is larger. */
const MOST_BYTES = 2 ** 28;
const VERSION = 1;
const CHUNK = 1024 * 1024;
const MOST_VARINT = 8;
const MOST_CID = 37;

/** CBOR: majors of the items that a header has, the text of its keys, and the tag of a CID. */
const BYTES = 2;
const ARRAY = 4;
const MAP = 5;
const TAG = 6;
const ROOTS_KEY = Buffer.from('\x65roots', 'latin1');
const VERSION_KEY = Buffer.from('\x67version', 'latin1');
const CID_TAG = 42;

/** Returns the header of an archive, with its length before it. */
export function encodeCarHeader(roots: readonly Cid[]): Buffer {
  return new ByteWriter().sized(headerItem(roots)).finish();
}

/** Returns what stands before the bytes of a block: the length, and its CID. */
export function encodeCarSection(cid: Cid, size: number): Buffer {
  const bytes = encodeCid(cid);
  return new ByteWriter(64)
    .varint(bytes.length + size)
    .bytes(bytes)
    .finish();
}

/** Returns `{"roots": […], "version": 1}` in DAG-CBOR. */
function headerItem(roots: readonly Cid[]): Buffer {
  const writer = new ByteWriter();
  writeHead(writer, MAP, 2);
  writer.bytes(ROOTS_KEY);
  writeHead(writer, ARRAY, roots.length);
  for (const root of roots) {
    const cid = encodeCid(root);
    writeHead(writer, TAG, CID_TAG);
    writeHead(writer, BYTES, cid.length + 1);
    // the prefix of binary multibase
    writer.u8(0).bytes(cid);
  }
  return writer.bytes(VERSION_KEY).u8(VERSION).finish();
}

/** Writes the head of a CBOR item in its shortest form. */
function writeHead(writer: ByteWriter, major: number, value: number): void {
  const type = major << 5;
  if (value < 24) writer.u8(type | value);
  else if (value < 0x100) writer.u8(type | 24).u8(value);
  else if (value < 0x10000) writer.u8(type | 25).bytes(Buffer.from([value >> 8, value & 0xff]));
  else {
    const bytes = Buffer.allocUnsafe(4);
    bytes.writeUInt32BE(value);
    writer.u8(type | 26).bytes(bytes);
  }
}

/** Reads the value of the head of a CBOR item; its form is for the caller to check. Throws a `RangeError` for another item. */
function readHead(reader: ByteReader, major: number): number {
  const first = reader.u8();
  const info = first & 0x1f;
  if (first >> 5 !== major || info > 26) throw new RangeError('another item');
  return info < 24 ? info : reader.bytes(1 << (info - 24)).readUIntBE(0, 1 << (info - 24));
}

/** Returns the roots of a header, or the other version that it has. Throws a `RangeError` if it is none. */
function readHeader(bytes: Buffer): {readonly roots: readonly Cid[]} | {readonly version: number} {
  const reader = new ByteReader(bytes);
  const expect = (key: Buffer) => {
    if (compareBytes(reader.bytes(key.length), key) !== 0) throw new RangeError('another key');
  };
  const keys = readHead(reader, MAP);
  const roots: Cid[] = [];
  if (keys === 2) {
    expect(ROOTS_KEY);
    for (let left = readHead(reader, ARRAY); left > 0; left--) {
      if (readHead(reader, TAG) !== CID_TAG) throw new RangeError('another tag');
      const text = reader.bytes(readHead(reader, BYTES));
      const cid = findCid(text.subarray(1));
      if (cid === undefined || cid.size + 1 !== text.length) throw new RangeError('another CID');
      roots.push({id: cid.id, codec: cid.codec});
    }
  } else if (keys !== 1) throw new RangeError('another map');
  expect(VERSION_KEY);
  const version = readHead(reader, 0);
  // the header of version 2 has nothing else
  if (version !== VERSION) return {version};
  // there is one form only
  if (compareBytes(headerItem(roots), bytes) !== 0) throw new RangeError('another form');
  return {roots};
}

/** Returns the error for a file that is not what it should be; `what` continues "is no sound bundle:". */
export function invalidBundle(name: string, what: string, cause?: unknown): DbosError {
  return new DbosError('BUNDLE_INVALID', `'${name}' is no sound bundle: ${what}.`, {
    hint: 'Nothing was changed. Copy the file again, or make another one with `dbos bundle create`.',
    data: {path: name},
    cause,
  });
}

/** An archive that is read from its start to its end. */
export class CarReader {
  readonly roots: readonly Cid[];
  private readonly window: Window;

  /** Reads the header. Throws BUNDLE_INVALID, and as the source. */
  constructor(private readonly source: CarSource) {
    const {name, size} = source;
    if (size === 0) throw invalidBundle(name, 'it is empty');
    this.window = new Window(source);
    let header: ReturnType<typeof readHeader> | undefined;
    try {
      header = readHeader(this.window.take(this.length()));
    } catch (error) {
      if (!(error instanceof RangeError)) throw error;
      throw invalidBundle(name, 'it is no CAR archive of dbos', error);
    }
    if ('version' in header) {
      throw invalidBundle(name, `it is a CAR archive of version ${header.version}, which dbos does not read`);
    }
    this.roots = header.roots;
  }

  /** Returns the next block, or undefined at the end. Throws BUNDLE_INVALID, and as the source. */
  next(): CarBlock | undefined {
    const {window} = this;
    const {name} = this.source;
    if (window.left === 0) return undefined;
    const at = window.position;
    let length: number;
    try {
      length = this.length();
    } catch (error) {
      if (!(error instanceof RangeError)) throw error;
      throw invalidBundle(name, `the block at byte ${at} has an impossible length, or is cut off`, error);
    }
    const cid = findCid(window.ahead(Math.min(length, MOST_CID)));
    if (cid === undefined) throw invalidBundle(name, `the block at byte ${at} has a CID that is none of an object`);
    const {id, codec, size} = cid;
    const offset = window.position + size;
    const bytes = window.take(length).subarray(size);
    if (idOf(bytes) !== id) throw invalidBundle(name, `the bytes of ${formatId(id, codec)} are damaged`);
    return {id, codec, bytes, offset};
  }

  /** Reads a length that the file can have. Throws a `RangeError`. */
  private length(): number {
    const {window} = this;
    const reader = new ByteReader(window.ahead(MOST_VARINT));
    const length = reader.varint();
    window.skip(reader.offset);
    if (length > window.left || length > MOST_BYTES) throw new RangeError('a length beyond the end');
    return length;
  }
}

/** The part of a file that is in memory, moving forward. What it gave stays as it is. */
class Window {
  private bytes: Buffer = Buffer.alloc(0);
  private at = 0;
  /** Where `bytes` end in the file. */
  private end = 0;

  constructor(private readonly source: CarSource) {}

  get position(): number {
    return this.end - this.bytes.length + this.at;
  }

  get left(): number {
    return this.source.size - this.position;
  }

  /** Returns the next bytes, fewer at the end of the file, and stays where it is. */
  ahead(size: number): Buffer {
    const wanted = Math.min(size, this.left);
    if (this.bytes.length - this.at < wanted) this.fill(wanted);
    return this.bytes.subarray(this.at, this.at + wanted);
  }

  skip(size: number): void {
    this.at += size;
  }

  /** Returns the next bytes, of which there are as many, and goes behind them. */
  take(size: number): Buffer {
    const bytes = this.ahead(size);
    this.skip(size);
    return bytes;
  }

  private fill(wanted: number): void {
    const rest = this.bytes.subarray(this.at);
    const bytes = Buffer.allocUnsafeSlow(Math.min(Math.max(wanted, CHUNK), this.left));
    rest.copy(bytes);
    for (let at = rest.length; at < bytes.length; ) {
      const count = this.source.read(bytes, at, this.end);
      if (count === 0) throw invalidBundle(this.source.name, 'it became shorter while it was read');
      at += count;
      this.end += count;
    }
    this.bytes = bytes;
    this.at = 0;
  }
}
