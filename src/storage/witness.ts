/**
 * The witness: a small file beside LevelDB that tells how many batches were committed, so that a store whose LevelDB has
 * silently lost its last ones is not taken for an older store. Byte for byte: "DBOSWIT", version (1 byte), number of
 * batches (8, little-endian), CRC-32C of these 16 (4). It is written in place after LevelDB has synced a batch and is
 * never synced itself: so it may be behind or torn, and then says nothing, but never ahead. Layer: storage.
 */
import fs from 'node:fs';
import {join} from 'node:path';
import {DbosError} from '../errors.js';
import {crc32c} from './crc32c.js';

const NAME = 'witness';
const MAGIC = Buffer.from('DBOSWIT\x01', 'latin1');
const LENGTH = 20;

/** Writes the witness of the store at `root`; keeps the file open from the first time on. */
export class Witness {
  private readonly bytes = Buffer.alloc(LENGTH);
  private file: number | undefined;

  constructor(private readonly root: string) {
    MAGIC.copy(this.bytes);
  }

  /** Writes how many batches are durable. */
  write(commits: number): void {
    const {bytes} = this;
    bytes.writeUInt32LE(commits % 2 ** 32, 8);
    bytes.writeUInt32LE(Math.floor(commits / 2 ** 32), 12);
    bytes.writeUInt32LE(crc32c(bytes.subarray(0, 16)), 16);
    try {
      this.file ??= fs.openSync(witnessPath(this.root), fs.constants.O_WRONLY | fs.constants.O_CREAT, 0o644);
      fs.writeSync(this.file, bytes, 0, LENGTH, 0);
    } catch {
      // On a full disk, say: the commit is durable all the same, and an older witness says nothing false.
    }
  }

  close(): void {
    if (this.file !== undefined) fs.closeSync(this.file);
    this.file = undefined;
  }
}

/** Throws STORE_CORRUPT if the witness of the store at `root` knows of more batches than the index has. */
export function checkWitness(root: string, commits: number): void {
  const path = witnessPath(root);
  let bytes: Buffer;
  try {
    bytes = fs.readFileSync(path);
  } catch {
    return;
  }
  if (bytes.length !== LENGTH) return;
  // asked first, since it is what nearly always decides
  const known = bytes.readUInt32LE(8) + bytes.readUInt32LE(12) * 2 ** 32;
  if (known <= commits || !isWhole(bytes)) return;
  const lost = known - commits === 1 ? 'its last write' : `its last ${known - commits} writes`;
  throw new DbosError('STORE_CORRUPT', `The index of the store at ${root} is damaged and has lost ${lost}.`, {
    hint: `Restore the store from a copy; or remove the file ${path} to go on with what is left.`,
    data: {path, commits, known},
  });
}

function isWhole(bytes: Buffer): boolean {
  return bytes.compare(MAGIC, 0, 8, 0, 8) === 0 && bytes.readUInt32LE(16) === crc32c(bytes.subarray(0, 16));
}

/** Removes a witness that the store at `root` has from before. */
export function removeWitness(root: string): void {
  fs.rmSync(witnessPath(root), {force: true});
}

function witnessPath(root: string): string {
  return join(root, NAME);
}
