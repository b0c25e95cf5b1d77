/**
 * CRC-32C (Castagnoli), which LevelDB has in its files, and the witness has because it is there at once: zlib takes half
 * a millisecond to load. Layer: storage.
 */

const POLYNOMIAL = 0x82_f6_3b_78;
/** Below this many bytes making the table takes longer than doing without. */
const SHORT = 64;
let table: Uint32Array | undefined;

/** Returns the CRC-32C of the bytes, or of `before` (its CRC) and the bytes after one another. */
export function crc32c(bytes: Uint8Array, before = 0): number {
  let crc = ~before;
  if (table === undefined && bytes.length < SHORT) {
    for (let i = 0; i < bytes.length; i++) crc = shiftByte((crc ^ (bytes[i] as number)) & 0xff) ^ (crc >>> 8);
    return ~crc >>> 0;
  }
  table ??= Uint32Array.from({length: 256}, (_, byte) => shiftByte(byte));
  for (let i = 0; i < bytes.length; i++) crc = (table[(crc ^ (bytes[i] as number)) & 0xff] as number) ^ (crc >>> 8);
  return ~crc >>> 0;
}

/** Returns the CRC as LevelDB writes it: rotated and shifted, since the CRC of bytes that hold a CRC is a weak one. */
export function maskedCrc32c(bytes: Uint8Array): number {
  const crc = crc32c(bytes);
  return (((crc >>> 15) | (crc << 17)) + 0xa2_82_ea_d8) >>> 0;
}

function shiftByte(byte: number): number {
  let crc = byte;
  for (let bit = 0; bit < 8; bit++) crc = crc & 1 ? (crc >>> 1) ^ POLYNOMIAL : crc >>> 1;
  return crc;
}
