/**
 * Where nodes end. Whether a node ends after an entry depends on the entry's key and on its place in the node, on
 * nothing else, so that equal rows give equal nodes and a change of values moves no boundary.
 *
 * The chance of an end grows with the node: none before `min`, then a linear hazard, certain at `max`. Sizes then follow
 * a Rayleigh distribution, much narrower than the geometric one of a constant chance. Layer: tree.
 */
import {MAX_TARGET} from './spec.js';

/**
 * Returns MurmurHash3_x86_32 (Austin Appleby, public domain) of the first `length` bytes. It spreads keys well at about
 * a nanosecond a byte. Keys chosen by an enemy can only make nodes as small or as large as the bounds allow.
 */
export function hashKey(bytes: Uint8Array, length: number, seed: number): number {
  let hash = seed;
  const whole = length & ~3;
  for (let i = 0; i < whole; i += 4) {
    let block =
      (bytes[i] as number) |
      ((bytes[i + 1] as number) << 8) |
      ((bytes[i + 2] as number) << 16) |
      ((bytes[i + 3] as number) << 24);
    block = Math.imul(block, 0xcc9e2d51);
    block = (block << 15) | (block >>> 17);
    hash ^= Math.imul(block, 0x1b873593);
    hash = (hash << 13) | (hash >>> 19);
    hash = (Math.imul(hash, 5) + 0xe6546b64) | 0;
  }
  let tail = 0;
  for (let i = length - 1; i >= whole; i--) tail = (tail << 8) | (bytes[i] as number);
  if (whole < length) {
    tail = Math.imul(tail, 0xcc9e2d51);
    tail = (tail << 15) | (tail >>> 17);
    hash ^= Math.imul(tail, 0x1b873593);
  }
  hash ^= length;
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
  return (hash ^ (hash >>> 16)) >>> 0;
}

/** Decides the ends of the nodes of one level. */
export class Splitter {
  /** No node but the last of its level has fewer entries. */
  readonly min: number;
  /** No node has more entries. */
  readonly max: number;
  /** A node of n entries ends after a key whose hash is below `thresholds[n]`. */
  private readonly thresholds: Float64Array;

  private constructor(
    target: number,
    private readonly level: number,
  ) {
    // (3) of builder.ts: an inner node has at least two children, else levels would never end
    this.min = Math.max(level === 0 ? 1 : 2, Math.floor(target / 4));
    this.max = target * 3;
    // a Rayleigh distribution with hazard a·x has the mean √(π / 2a): min + mean is the target
    const slope = Math.PI / (2 * (0.75 * target) * (0.75 * target));
    this.thresholds = Float64Array.from({length: this.max + 1}, (_, n) =>
      n < this.min ? 0 : n >= this.max ? 2 ** 32 : Math.floor(Math.min(1, slope * (n - this.min)) * 2 ** 32),
    );
  }

  /** Returns the splitter of a level; `target` is the mean number of entries of a node. */
  static of(target: number, level: number): Splitter {
    const key = level * (MAX_TARGET + 1) + target;
    let splitter = splitters.get(key);
    if (!splitter) {
      splitter = new Splitter(target, level);
      splitters.set(key, splitter);
    }
    return splitter;
  }

  /** Returns whether a node of `count` entries ends after its last entry, whose key is given. */
  endsAfter(key: Uint8Array, length: number, count: number): boolean {
    const threshold = this.thresholds[count] as number;
    // the level is the seed: else the last key of each node, which has a small hash, would end the parent too
    return threshold > 0 && (threshold === 2 ** 32 || hashKey(key, length, this.level) < threshold);
  }
}

/** Pure tables, a handful for each node size in use. */
const splitters = new Map<number, Splitter>();
