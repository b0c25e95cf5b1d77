/** Specs, rows and tables for the tests of the tree: made-up and generated. */
import fc from 'fast-check';
import type {ObjectId} from '../../src/objects/id.js';
import {idOf} from '../../src/objects/id.js';
import {MemoryObjects} from '../../src/objects/memory.js';
import type {Edit} from '../../src/tree/builder.js';
import {type Cell, ContentRef, integerCell, Real, type Row} from '../../src/tree/cell.js';
import {encodeKey} from '../../src/tree/key.js';
import {type Collation, DEFAULT_INNER_ROWS, type TreeSpec} from '../../src/tree/spec.js';

const BINARY = {collation: 'binary', descending: false} as const;

/** As the `files` table: dir, name, type, mode, uid, gid, user, group, mtime, content, target, link, xattrs. */
export const FILES: TreeSpec = {
  keys: [{collation: 'path', descending: false}, BINARY],
  columns: 13,
  leafRows: 64,
  innerRows: DEFAULT_INNER_ROWS,
};

/** One integer as the key and one value. */
export const PAIRS: TreeSpec = {keys: [BINARY], columns: 2, leafRows: 64, innerRows: 64};

/** Five columns: id, name, amount, price, note. */
export const FIVE: TreeSpec = {keys: [BINARY], columns: 5, leafRows: 128, innerRows: 64};

/** Returns a generator of pseudo-random numbers in [0, 1), the same for the same seed (mulberry32). */
export function random(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

export function digest(of: string | number): ObjectId {
  return idOf(Buffer.from(String(of)));
}

/** Returns rows as the `files` table of a tree of source code has them, in key order. */
export function fileRows(count: number, seed = 1): Row[] {
  const next = random(seed);
  const words = 'core test lib util src docs index main parse render state tree node view model api http sync'.split(
    ' ',
  );
  const word = () => words[Math.floor(next() * words.length)] as string;
  const dirs = Array.from({length: Math.max(1, Math.ceil(count / 12))}, (_, i) =>
    Array.from({length: 1 + Math.floor(next() * 5)}, word)
      .concat(`${word()}${i}`)
      .join('/'),
  );
  const rows: Row[] = [];
  for (let i = 0; i < count; i++) {
    rows.push([
      dirs[Math.floor(next() * dirs.length)] as string,
      `${word()}-${word()}${i}.ts`,
      'file',
      next() < 0.1 ? 0o755 : 0o644,
      1000,
      1000,
      'user',
      'staff',
      1_700_000_000_000_000_000n + BigInt(Math.floor(next() * 1e15)) * 1000n,
      new ContentRef(digest(i), Math.floor(next() ** 4 * 100_000), false, false),
      null,
      null,
      null,
    ]);
  }
  return sortRows(FILES, rows);
}

/** Returns the rows in key order, of equal keys the last. */
export function sortRows(spec: TreeSpec, rows: readonly Row[]): Row[] {
  const byKey = new Map<string, Row>();
  for (const row of rows) byKey.set(encodeKey(spec, row).toString('latin1'), row);
  return sorted(byKey);
}

/** Returns the rows of a map under binary keys in key order. */
export function sorted(byKey: ReadonlyMap<string, Row>): Row[] {
  return [...byKey].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, row]) => row);
}

/** Returns edits in key order, of equal keys the last. */
export function editsOf(spec: TreeSpec, changes: readonly (readonly [Row, 'put' | 'remove'])[]): Edit[] {
  const byKey = new Map<string, Edit>();
  for (const [row, kind] of changes) {
    const key = encodeKey(spec, row);
    byKey.set(key.toString('latin1'), {key, row: kind === 'put' ? row : null});
  }
  return [...byKey.values()].sort((a, b) => Buffer.compare(a.key, b.key));
}

/** Counts what is read and written. */
export class CountingObjects extends MemoryObjects {
  reads = 0;
  puts = 0;
  private readonly stored = new Set<ObjectId>();

  /** Returns the ids of all objects that were put. */
  ids(): ReadonlySet<ObjectId> {
    return this.stored;
  }

  override find(id: ObjectId): Uint8Array | undefined {
    this.reads++;
    return super.find(id);
  }

  override put(bytes: Uint8Array): ObjectId {
    this.puts++;
    const id = super.put(bytes);
    this.stored.add(id);
    return id;
  }
}

// ---------------------------------------------------------------------------------------------------- arbitraries

const COLLATIONS: Collation[] = ['binary', 'nocase', 'rtrim', 'path'];

export const anyKeyColumn = fc.record({collation: fc.constantFrom(...COLLATIONS), descending: fc.boolean()});

/** Specs with small nodes, so that few rows make deep trees. */
export const anySpec: fc.Arbitrary<TreeSpec> = fc
  .record({
    keys: fc.array(anyKeyColumn, {minLength: 1, maxLength: 3}),
    values: fc.integer({min: 0, max: 3}),
    leafRows: fc.integer({min: 2, max: 8}),
    innerRows: fc.integer({min: 2, max: 6}),
  })
  .map(({keys, values, ...rest}) => ({keys, columns: keys.length + values, ...rest}));

/** Text of bytes that matter: separators, spaces, case, escapes, beyond ASCII, beyond UTF-16's first plane, no UTF-8. */
export const anyText: fc.Arbitrary<string> = fc.oneof(
  fc
    .array(
      fc.constantFrom('a', 'A', 'b', '/', '.', ' ', '\0', '\x01', '\x02', '-', 'é', '\u{1f600}', '\uffff', '\udcff'),
      {
        maxLength: 5,
      },
    )
    .map(parts => parts.join('')),
  fc.string({maxLength: 12}),
);

export const anyInteger: fc.Arbitrary<number | bigint> = fc
  .oneof(
    fc.integer({min: -3, max: 3}).map(BigInt),
    fc.bigInt({min: -(2n ** 63n), max: 2n ** 63n - 1n}),
    fc
      .tuple(fc.constantFrom(53n, 54n, 62n), fc.bigInt({min: -5n, max: 5n}), fc.boolean())
      .map(([power, near, minus]) => {
        const value = 2n ** power + near;
        return minus ? -value : value;
      }),
  )
  .map(integerCell);

export const anyReal: fc.Arbitrary<number | Real> = fc
  .oneof(
    fc.double({noNaN: true}),
    fc.constantFrom(-0, 0, 1, 2 ** 53, -(2 ** 53), 2 ** 62, 2 ** 63, -(2 ** 63), 0.5, -1.5, Number.MIN_VALUE),
  )
  .map(value => (Number.isSafeInteger(value) ? new Real(value) : value));

export const anyBlob = fc.uint8Array({maxLength: 6});

export const anyRef = fc
  .record({id: fc.nat(20), size: fc.maxSafeNat(), chunked: fc.boolean(), text: fc.boolean()})
  .map(({id, size, chunked, text}) => new ContentRef(digest(id), size, chunked, text));

export const anyKeyCell: fc.Arbitrary<Cell> = fc.oneof(fc.constant(null), anyInteger, anyReal, anyText, anyBlob);

export const anyCell: fc.Arbitrary<Cell> = fc.oneof(anyKeyCell, anyRef, fc.constant(Number.NaN));

/** Rows of a spec whose keys collide now and then. */
export function anyRow(spec: TreeSpec): fc.Arbitrary<Row> {
  const cells = Array.from({length: spec.columns}, (_, i) => (i < spec.keys.length ? anyKeyCell : anyCell));
  return fc.tuple(...cells);
}
