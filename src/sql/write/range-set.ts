/**
 * A set of ranges of keys that has a bound: what is too much becomes one range that has all of it, and long keys are cut, which
 * makes a range greater. So a key that was added is in the set for ever; one that was not may be, too. Layer: sql.
 */
import {compareBytes} from '../../bytes.js';
import type {ReadRange} from '../../repo/opentransaction.js';
import {afterPrefix} from '../../tree/key.js';
import type {TreeRange} from '../../tree/read.js';

/** Ranges that do not touch; more become one. */
const MAX_RANGES = 256;
/** Bytes of the end of a range. */
const LONGEST = 128;

export class RangeSet {
  private list: ReadRange[];

  constructor(ranges: readonly ReadRange[] = []) {
    this.list = [...ranges];
  }

  /** In order; they do not touch. */
  get ranges(): readonly ReadRange[] {
    return this.list;
  }

  /** Whether every key is in it. */
  get isAll(): boolean {
    const [only] = this.list;
    return only !== undefined && only.gte === null && only.lt === null;
  }

  /** Adds the keys of a range, and returns whether the set is another one now. */
  add(range: TreeRange): boolean {
    const {list} = this;
    let gte = range.gte === undefined ? null : range.gte.subarray(0, LONGEST);
    let lt = endOf(range.lt);
    if (gte && lt && compareBytes(gte, lt) >= 0) return false;
    const from = this.firstEndingAt(gte);
    const first = list[from];
    if (first && startsBefore(first.gte, gte) && endsAfter(first.lt, lt)) return false;
    let to = from;
    for (; to < list.length; to++) {
      const next = list[to] as ReadRange;
      if (lt !== null && next.gte !== null && compareBytes(next.gte, lt) > 0) break;
      if (startsBefore(next.gte, gte)) gte = next.gte;
      if (endsAfter(next.lt, lt)) lt = next.lt;
    }
    // the bytes may be those of somebody who writes others in their place
    list.splice(from, to - from, {gte: gte && Buffer.from(gte), lt: lt && Buffer.from(lt)});
    if (list.length > MAX_RANGES) {
      this.list = [{gte: (list[0] as ReadRange).gte, lt: (list.at(-1) as ReadRange).lt}];
    }
    return true;
  }

  /** Returns whether a key is in the set. */
  has(key: Uint8Array): boolean {
    // a range that ends with the key does not have it
    for (let i = this.firstEndingAt(key); i < this.list.length; i++) {
      const {gte, lt} = this.list[i] as ReadRange;
      if (gte !== null && compareBytes(gte, key) > 0) return false;
      if (lt === null || compareBytes(lt, key) > 0) return true;
    }
    return false;
  }

  /** Returns the place of the first range that does not end before a key. */
  private firstEndingAt(key: Uint8Array | null): number {
    if (key === null) return 0;
    let [low, high] = [0, this.list.length];
    while (low < high) {
      const middle = (low + high) >> 1;
      const {lt} = this.list[middle] as ReadRange;
      if (lt !== null && compareBytes(lt, key) < 0) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}

/** Returns the end of a range, or a greater one that is short; null for none. */
function endOf(lt: Uint8Array | undefined): Uint8Array | null {
  if (lt === undefined || lt.length <= LONGEST) return lt ?? null;
  const start = lt.subarray(0, LONGEST);
  return start.every(byte => byte === 0xff) ? null : afterPrefix(start);
}

function startsBefore(a: Uint8Array | null, b: Uint8Array | null): boolean {
  return a === null || (b !== null && compareBytes(a, b) <= 0);
}

function endsAfter(a: Uint8Array | null, b: Uint8Array | null): boolean {
  return a === null || (b !== null && compareBytes(a, b) >= 0);
}
