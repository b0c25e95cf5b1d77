/**
 * CRC-32 from zlib, which loads at the first use: most commands only read, and what they read is named by its hash.
 * Layer: storage.
 */
import type zlib from 'node:zlib';

let loaded: typeof zlib | undefined;

/** Returns Node's zlib; loading it takes about half a millisecond. */
export function loadZlib(): typeof zlib {
  loaded ??= process.getBuiltinModule('node:zlib');
  return loaded;
}

/** Returns the CRC-32 of the bytes, or of `before` (its CRC) and the bytes after one another. */
export function crc32(bytes: Uint8Array, before = 0): number {
  return loadZlib().crc32(bytes, before);
}
