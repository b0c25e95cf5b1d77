/**
 * A deterministic tree of files for benchmarks: text and data in the sizes of a real system, and some large files, half of
 * them random and half text. The same arguments give the same bytes everywhere.
 */
import {createCipheriv} from 'node:crypto';
import {mkdirSync, writeFileSync} from 'node:fs';
import {join} from 'node:path';

export interface TreeShape {
  readonly directories: number;
  readonly files: number;
  readonly largeFiles: number;
  /** Size of a large file in bytes. */
  readonly largeSize: number;
}

/** The tree that the bars of `docs/benchmarks.md` are measured on: about 600 MB. */
export const FULL_SHAPE: TreeShape = {directories: 6000, files: 50_000, largeFiles: 20, largeSize: 20 << 20};

/** Returns a generator of numbers from 0 to 1 (mulberry32). */
export function randomNumbers(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

function prose(random: () => number, size: number): Buffer {
  const words = Array.from({length: 4000}, () => {
    const length = 2 + Math.floor(random() * 9);
    return Array.from({length}, () => String.fromCharCode(97 + Math.floor(random() * random() * 26))).join('');
  });
  const parts: string[] = [];
  for (let total = 0; total < size; ) {
    const word = words[Math.floor(random() * random() * words.length)] as string;
    parts.push(word, random() < 0.1 ? '\n' : ' ');
    total += word.length + 1;
  }
  return Buffer.from(parts.join('').slice(0, size));
}

/** Returns incompressible bytes that depend on the seed alone. */
export function randomBytes(seed: number, size: number): Buffer {
  const key = Buffer.alloc(16);
  key.writeUInt32LE(seed);
  return createCipheriv('aes-128-ctr', key, Buffer.alloc(16)).update(Buffer.alloc(size));
}

/** Writes the tree into `root` and returns the paths of its small files, relative to it. */
export function writeTree(root: string, shape: TreeShape, seed = 1): string[] {
  const random = randomNumbers(seed);
  const pool = prose(random, 8 << 20);
  mkdirSync(root, {recursive: true});
  const directories: string[] = [];
  for (let i = 0; i < shape.directories; i++) {
    const parent = i < 30 ? '' : (directories[Math.floor(random() * Math.min(i, 600))] as string);
    const directory = join(parent, `d${i.toString(36)}`);
    directories.push(directory);
    mkdirSync(join(root, directory));
  }
  const paths: string[] = [];
  for (let i = 0; i < shape.files; i++) {
    const size = Math.min(200_000, Math.floor(Math.exp(5 + random() * 2 + random() * 2.5 + random())));
    const from = Math.floor(random() * (pool.length - size));
    const suffix = ['.c', '.txt', '.json', '.h'][i % 4];
    const path = join(directories[Math.floor(random() * directories.length)] as string, `f${i.toString(36)}${suffix}`);
    const head = Buffer.from(`file ${i} ${random()}\n`);
    writeFileSync(join(root, path), Buffer.concat([head, pool.subarray(from, from + size)]));
    paths.push(path);
  }
  for (let i = 0; i < shape.largeFiles; i++) {
    const body = i % 2 === 0 ? randomBytes(i, shape.largeSize) : Buffer.alloc(shape.largeSize);
    for (let at = 0; i % 2 === 1 && at < body.length; ) {
      const length = 100 + Math.floor(random() * 4000);
      const from = Math.floor(random() * (pool.length - length));
      at += pool.copy(body, at, from, from + length);
    }
    writeFileSync(join(root, `large${i}.bin`), body);
  }
  return paths;
}
