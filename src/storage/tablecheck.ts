/**
 * Checks a table of LevelDB (`doc/table_format.md` of google/leveldb) without LevelDB, which may end the process over a
 * damaged one: the footer, the checksum of every block, and that the blocks fill the file, so that there is no byte
 * whose change goes unnoticed. Layer: storage.
 */
import fs from 'node:fs';
import {ByteReader} from '../bytes.js';
import {systemCode} from '../errors.js';
import {maskedCrc32c} from './crc32c.js';
import {fileFailure} from './failure.js';
import {unpackSnappy} from './snappy.js';

/** A damaged place of a file: the byte in it, and one clause that says what is wrong. */
export interface FileProblem {
  readonly offset: number;
  readonly problem: string;
}

/** Where the contents of a block are; its trailer follows. */
interface Handle {
  readonly offset: number;
  readonly size: number;
}

const FOOTER = 48;
/** Two handles and zeros; the magic number follows. */
const FOOTER_HANDLES = 40;
const MAGIC = Buffer.from('57fb808b247547db', 'hex');
/** One byte for the compression, four for the masked CRC-32C of contents and compression. */
const TRAILER = 5;
const SNAPPY = 1;

/** Yields what is damaged in a table; `size` is the length that it must have, if that is known. */
export function* checkTable(path: string, size: number | undefined): Generator<FileProblem, void, undefined> {
  let file: number;
  try {
    file = fs.openSync(path, 'r');
  } catch (error) {
    yield {offset: 0, problem: readFailure(error, path) ?? 'the file is missing'};
    return;
  }
  try {
    yield* new TableCheck(file).check(size);
  } catch (error) {
    yield {offset: 0, problem: readFailure(error, path) ?? 'the file is missing'};
  } finally {
    fs.closeSync(file);
  }
}

/** Returns why the disk does not give a file; undefined if there is none. Throws STORE_IO for what is no damage. */
export function readFailure(error: unknown, path: string): string | undefined {
  const code = systemCode(error);
  if (code === undefined) throw error;
  if (code === 'ENOENT') return undefined;
  if (code === 'EIO') return 'the disk cannot read it';
  throw fileFailure(error, path);
}

class TableCheck {
  private readonly length: number;

  constructor(private readonly file: number) {
    this.length = fs.fstatSync(file).size;
  }

  *check(size: number | undefined): Generator<FileProblem, void, undefined> {
    const {length} = this;
    if (size !== undefined && length !== size) {
      yield {offset: Math.min(length, size), problem: `the file has ${length} bytes instead of ${size}`};
      return;
    }
    const footer = this.readFooter();
    if (footer === undefined) {
      yield {offset: Math.max(0, length - FOOTER), problem: 'the footer is damaged'};
      return;
    }
    const handles: Handle[] = [];
    for (const list of footer) {
      const block = this.readBlock(list);
      const entries = block && handlesOf(block);
      if (entries === undefined) {
        yield {offset: list.offset, problem: 'a list of blocks is damaged'};
        return;
      }
      handles.push(...entries);
    }
    handles.sort((a, b) => a.offset - b.offset);
    const end = footer[0].offset;
    let at = 0;
    for (const handle of handles) {
      if (handle.offset !== at || at + handle.size + TRAILER > end) break;
      if (this.readBlock(handle) === undefined) yield {offset: at, problem: 'a block has a wrong checksum'};
      at += handle.size + TRAILER;
    }
    if (at !== end) yield {offset: at, problem: 'the blocks do not follow one another'};
  }

  /** Returns where the lists of blocks are that the footer names, of filters and of data; undefined if it is damaged. */
  private readFooter(): readonly [Handle, Handle] | undefined {
    if (this.length < FOOTER) return undefined;
    const bytes = this.read({offset: this.length - FOOTER, size: FOOTER});
    if (bytes === undefined || bytes.compare(MAGIC, 0, 8, FOOTER_HANDLES) !== 0) return undefined;
    try {
      const reader = new ByteReader(bytes);
      const lists = [readHandle(reader), readHandle(reader)] as const;
      const [filters, data] = lists;
      // the lists are the last blocks of the file, and what is left before the magic number is zeros
      const fits =
        filters.offset + filters.size + TRAILER === data.offset &&
        data.offset + data.size + TRAILER === this.length - FOOTER &&
        bytes.subarray(reader.offset, FOOTER_HANDLES).every(byte => byte === 0);
      return fits ? lists : undefined;
    } catch (error) {
      if (error instanceof RangeError) return undefined;
      throw error;
    }
  }

  /** Returns a block with its trailer, if its checksum is right. */
  private readBlock({offset, size}: Handle): Buffer | undefined {
    const block = this.read({offset, size: size + TRAILER});
    return block?.readUInt32LE(size + 1) === maskedCrc32c(block?.subarray(0, size + 1) ?? NOTHING) ? block : undefined;
  }

  private read({offset, size}: Handle): Buffer | undefined {
    const bytes = Buffer.allocUnsafe(size);
    let done = 0;
    while (done < size) {
      const count = fs.readSync(this.file, bytes, done, size - done, offset + done);
      if (count === 0) return undefined;
      done += count;
    }
    return bytes;
  }
}

const NOTHING = Buffer.alloc(0);

function readHandle(reader: ByteReader): Handle {
  return {offset: reader.varint(), size: reader.varint()};
}

/**
 * Returns the handles that a block holds as its values; undefined if it is malformed. A block is entries (varints: length
 * of the part of the key before that is shared, of the rest, of the value; the rest, the value), then the places of some
 * of them and their number, 4 bytes each.
 */
function handlesOf(block: Buffer): Handle[] | undefined {
  try {
    const raw = block.subarray(0, block.length - TRAILER);
    const type = block[raw.length] as number;
    if (type > SNAPPY) return undefined;
    const contents = type === SNAPPY ? unpackSnappy(raw) : raw;
    const restarts = contents.readUInt32LE(contents.length - 4);
    const entries = new ByteReader(contents.subarray(0, Math.max(0, contents.length - 4 * (restarts + 1))));
    const handles: Handle[] = [];
    while (entries.remaining > 0) {
      entries.varint();
      const rest = entries.varint();
      const value = entries.varint();
      entries.bytes(rest);
      handles.push(readHandle(new ByteReader(entries.bytes(value))));
    }
    return handles;
  } catch (error) {
    if (error instanceof RangeError) return undefined;
    throw error;
  }
}
