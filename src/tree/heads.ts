/**
 * Heads: four bytes of each text of a column that sorts by them, those that come after what all of its texts begin with. A search
 * among them stays within a few lines of memory, where one among the texts themselves waits for each. Layer: tree.
 */
import {TEXT_TAG} from './key.js';
import type {BytesVector} from './vector.js';

export interface Heads {
  /** What all texts begin with. */
  readonly shared: Uint8Array;
  /** For each row the four bytes that follow, as a number; zeros where its text ends. */
  readonly values: Uint32Array;
}

const SIZE = 4;

/** Returns the heads of ascending texts without nulls; undefined where keys have a byte of them in another form. */
export function makeHeads({bytes, offsets, length}: BytesVector): Heads | undefined {
  const start = offsets[0] as number;
  const last = offsets[length - 1] as number;
  const most = Math.min((offsets[1] as number) - start, (offsets[length] as number) - last);
  let skip = 0;
  while (skip < most && bytes[start + skip] === bytes[last + skip])
    if ((bytes[start + skip++] as number) < 2) return undefined;
  const values = new Uint32Array(length);
  for (let row = 0; row < length; row++) {
    const end = offsets[row + 1] as number;
    let at = (offsets[row] as number) + skip;
    let head = 0;
    for (let i = 0; i < SIZE; i++, at++) {
      const byte = at < end ? (bytes[at] as number) : 0;
      if (byte < 2 && at < end) return undefined;
      head = (head << 8) | byte;
    }
    values[row] = head;
  }
  return {shared: bytes.subarray(start, start + skip), values};
}

/**
 * Returns the head of a key, among those of a leaf: texts with a lesser head sort before it, with a greater one behind it; −1 and 2³²
 * where all do. Undefined where heads do not tell.
 */
export function headOf({shared}: Heads, key: Uint8Array): number | undefined {
  if (key[0] !== TEXT_TAG) return undefined;
  const {length} = shared;
  for (let i = 0; i < length; i++) {
    // the end of a text, and bytes that a key has in another form, come before all others
    const difference = (key[i + 1] ?? 0) - (shared[i] as number);
    if (difference !== 0) return difference < 0 ? -1 : 2 ** 32;
  }
  let head = 0;
  let ended = false;
  for (let at = length + 1; at <= length + SIZE; at++) {
    const byte = ended ? 0 : (key[at] ?? 0);
    if (byte === 1) return undefined;
    if (byte === 0) ended = true;
    head = (head << 8) | byte;
  }
  return head >>> 0;
}

/** Returns the first place from `from` on, before `to`, that has `value` or more; `to` if there is none. */
export function firstAtLeast(values: Uint32Array, value: number, from: number, to: number): number {
  let low = from;
  let high = to;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if ((values[middle] as number) < value) low = middle + 1;
    else high = middle;
  }
  return low;
}
