/** Reading: single rows, ranges both ways, counts, rows by number, columns; each held against the sorted rows. */
import {readFileSync, writeFileSync} from 'node:fs';
import test from 'ava';
import fc from 'fast-check';
import {MemoryObjects} from '../../src/objects/memory.js';
import {ObjectStore, ObjectWriter} from '../../src/objects/store.js';
import {LevelStorage} from '../../src/storage/level.js';
import {buildTree} from '../../src/tree/builder.js';
import type {Cell, Row} from '../../src/tree/cell.js';
import {afterPrefix, encodeKey} from '../../src/tree/key.js';
import {nodesOf} from '../../src/tree/nodes.js';
import {
  countRange,
  countRows,
  getRow,
  type LeafRange,
  leavesIn,
  leavesOfPrefix,
  rowAt,
  scanLeaves,
  scanRows,
} from '../../src/tree/read.js';
import {defaultLeafRows, type TreeSpec} from '../../src/tree/spec.js';
import {makeTmpDir} from '../support/tmp.js';
import {CountingObjects, FIVE, PAIRS} from './samples.js';

const SMALL = {...PAIRS, leafRows: 4, innerRows: 3};

test('ranges, counts and rows by number agree with the sorted rows', t => {
  const bound = fc.option(fc.integer({min: -5, max: 305}), {nil: undefined});
  fc.assert(
    fc.property(fc.uniqueArray(fc.nat(300), {maxLength: 150}), bound, bound, (keys, gte, lt) => {
      const objects = new MemoryObjects();
      const rows = keys.sort((a, b) => a - b).map((key): Row => [key, `${key}`]);
      const root = buildTree(objects, SMALL, rows);
      const expected = rows.filter(
        ([key]) => (gte === undefined || (key as number) >= gte) && (lt === undefined || (key as number) < lt),
      );
      const range = {
        gte: gte === undefined ? undefined : encodeKey(SMALL, [gte]),
        lt: lt === undefined ? undefined : encodeKey(SMALL, [lt]),
      };
      t.deepEqual([...scanRows(objects, SMALL, root, range)], expected);
      t.deepEqual([...scanRows(objects, SMALL, root, {...range, reverse: true})], expected.toReversed());
      for (const reverse of [false, true]) {
        const parts = [...leavesIn(objects, SMALL, root, {...range, reverse})];
        const found = parts.flatMap(({leaf, from, to}) =>
          Array.from({length: to - from}, (_, i) => leaf.row(reverse ? to - 1 - i : from + i)),
        );
        t.deepEqual(found, reverse ? expected.toReversed() : expected);
      }
      t.is(countRange(objects, SMALL, root, range), expected.length);
      t.is(countRows(objects, SMALL, root), rows.length);
      for (let n = -1; n <= rows.length; n++) t.deepEqual(rowAt(objects, SMALL, root, n), rows[n]);
      for (let key = -1; key <= 301; key++) {
        const row = rows.find(([of]) => of === key);
        t.deepEqual(getRow(objects, SMALL, root, encodeKey(SMALL, [key])), row);
      }
    }),
    {numRuns: 60},
  );
});

test('the rows of a key that begins with some cells are those of its range, however often they are asked for', t => {
  const key = {collation: 'binary', descending: false} as const;
  const few = fc.constantFrom(
    '',
    'a',
    'ab',
    'abc',
    'abcdefgh',
    'abcdefghi',
    'abd',
    'b',
    '\0',
    'a\0',
    'a\u0001',
    'ab\u0002',
    'é',
  );
  const text = fc.oneof(
    few,
    fc.tuple(few, few).map(([a, b]) => a + b),
    fc.string({maxLength: 3}),
  );
  const first: fc.Arbitrary<Cell> = fc.oneof(
    text,
    fc.integer({min: -3, max: 6}),
    fc.constantFrom(null, 1.5, 2n ** 60n),
  );
  const columns = fc.constantFrom<fc.Arbitrary<Cell>>(text, fc.integer({min: -3, max: 6}), first);
  const spec = fc
    .record({
      collation: fc.constantFrom('binary' as const, 'nocase' as const),
      descending: fc.boolean(),
      leafRows: fc.constantFrom(4, 40),
    })
    .map(({leafRows, ...own}): TreeSpec => ({keys: [own, key], columns: 3, leafRows, innerRows: 3}));
  fc.assert(
    fc.property(
      spec,
      columns.chain(cell => fc.array(fc.tuple(cell, fc.nat(20)), {maxLength: 120})),
      fc.array(first, {maxLength: 12}),
      (made, pairs, asked) => {
        const objects = new MemoryObjects();
        const rows = new Map(
          pairs.map((pair): [string, Row] => [encodeKey(made, pair).toString('latin1'), [...pair, 0]]),
        );
        const sorted = [...rows].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, row]) => row);
        const root = buildTree(objects, made, sorted);
        const cellsOf = (parts: Iterable<LeafRange>) =>
          [...parts].flatMap(({leaf, from, to}) => Array.from({length: to - from}, (_, i) => leaf.row(from + i)));
        for (const cells of [...asked, ...sorted.map(([cell]) => cell as Cell)].flatMap(cell => [[cell], [cell, 3]])) {
          const gte = encodeKey(made, cells);
          const expected = cellsOf(scanLeaves(objects, made, root, {gte, lt: afterPrefix(gte)}));
          t.deepEqual(cellsOf(leavesOfPrefix(objects, made, root, cells)), expected);
        }
      },
    ),
    {numRuns: 200},
  );
  t.deepEqual([...leavesOfPrefix(new MemoryObjects(), SMALL, null, ['x'])], []);
  t.deepEqual([...leavesOfPrefix(new MemoryObjects(), SMALL, null, ['x'.repeat(70_000)])], []);
});

test('a tree in a log is read the same again and again, with few lookups, and damage is found', async t => {
  const directory = makeTmpDir(t);
  const rows = Array.from({length: 20_000}, (_, i): Row => [i, `${(i * 7919) % 10_007} of a text ${i}`]);
  const spec = {...PAIRS, leafRows: 100, innerRows: 8};
  let storage = await LevelStorage.open(directory, {createIfMissing: true});
  const writer = storage.writer();
  const root = buildTree(new ObjectWriter(writer), spec, rows);
  await writer.commit();
  await storage.close();
  const reopen = async () => {
    storage = await LevelStorage.open(directory, {createIfMissing: false});
    const objects = new ObjectStore(storage);
    nodesOf(objects).widen();
    return objects;
  };
  let objects = await reopen();
  const lookups: string[] = [];
  const get = storage.get.bind(storage);
  storage.get = (key, beside) => {
    lookups.push(key);
    return get(key, beside);
  };
  const some = {gte: encodeKey(spec, [5000]), lt: encodeKey(spec, [9000])};
  t.deepEqual([...scanRows(objects, spec, root, some)], rows.slice(5000, 9000));
  for (let pass = 0; pass < 3; pass++) t.deepEqual([...scanRows(objects, spec, root)], rows);
  t.deepEqual([...scanRows(objects, spec, root, {reverse: true})], rows.toReversed());
  t.true(lookups.length < 200, `${lookups.length} lookups`);
  await storage.close();
  const log = `${directory}/log/00000001.log`;
  const bytes = readFileSync(log);
  const at = bytes.indexOf('of a text 12345');
  bytes[at] = 0x4f;
  writeFileSync(log, bytes);
  objects = await reopen();
  t.throws(() => [...scanRows(objects, spec, root)], {code: 'OBJECT_CORRUPT'});
  await storage.close();
});

test('law: what is kept of a scan that is passing is right for good, among others that go on', t => {
  const directory = makeTmpDir(t);
  const spec = {...FIVE, leafRows: 40, innerRows: 8};
  const cellOf = fc.oneof(
    fc.string({minLength: 40, maxLength: 60}),
    fc.uint8Array({minLength: 40, maxLength: 60}).map(bytes => Buffer.from(bytes)),
    fc.constant(null),
    fc.integer(),
    fc.double({noNaN: true}),
  );
  return fc.assert(
    fc.asyncProperty(
      fc.array(cellOf, {minLength: 4, maxLength: 30}),
      fc.nat(2),
      fc.boolean(),
      async (some, depth, reverse) => {
        // columns of one type and of many, long enough for several frames
        const rows = Array.from({length: 3000}, (_, i): Row => {
          const cell = (k: number) => some[(i * 7 + k * k) % some.length] as Cell;
          return [i, `text ${i} of a row`, some[i % 2] as Cell, Buffer.from(`blob ${i} of a row`), cell(i % 5)];
        });
        const storage = await LevelStorage.open(directory, {createIfMissing: true});
        const writer = storage.writer();
        const root = buildTree(new ObjectWriter(writer), spec, rows);
        await writer.commit();
        const objects = new ObjectStore(storage);
        nodesOf(objects).widen();
        const seen: Row[][] = [];
        const scan = (level: number): void => {
          const found: Row[] = [];
          seen.push(found);
          let leaves = 0;
          for (const {leaf, from, to} of scanLeaves(objects, spec, root, {passing: true, reverse})) {
            const columns = [0, 1, 2, 3, 4].map(column => leaf.column(column));
            if (level > 0 && ++leaves === 20) scan(level - 1);
            const part = Array.from({length: to - from}, (_, i) =>
              columns.map((vector, column) => (i % 2 === 0 ? vector.cell(from + i) : leaf.cell(column, from + i))),
            );
            found.push(...(reverse ? part.toReversed() : part));
          }
        };
        scan(depth);
        t.is(seen.length, depth + 1);
        for (const found of seen) t.deepEqual(found, reverse ? rows.toReversed() : rows);
        // what was kept on the way is right, too
        t.deepEqual([...scanRows(objects, spec, root)], rows);
        await storage.close();
      },
    ),
    {numRuns: 15, endOnFailure: true},
  );
});

test('a reader of columns gets vectors of the whole leaf', t => {
  const objects = new MemoryObjects();
  const rows = Array.from({length: 1000}, (_, i): Row => [i, `n${i}`, i % 7, i + 0.5, i % 2 === 0 ? null : 'odd']);
  const root = buildTree(objects, FIVE, rows);
  let at = 0;
  for (const {leaf, from, to} of scanLeaves(objects, FIVE, root)) {
    const amounts = leaf.column(2);
    const prices = leaf.column(3);
    const names = leaf.column(1);
    if (amounts.kind !== 'integer' || prices.kind !== 'real' || names.kind !== 'text') return t.fail();
    for (let i = from; i < to; i++, at++) {
      t.is(amounts.values[i], at % 7);
      t.is(prices.values[i], at + 0.5);
      t.is(names.bytes.toString('utf8', names.offsets[i], names.offsets[i + 1]), `n${at}`);
      t.deepEqual(leaf.row(i), rows[at]);
      t.deepEqual(leaf.keyAt(i), encodeKey(FIVE, rows[at] as Row));
    }
  }
  t.is(at, 1000);
});

test('one row costs one way down, a count the root', t => {
  const writer = new CountingObjects();
  const rows = Array.from({length: 5000}, (_, i): Row => [i, i]);
  const root = buildTree(writer, SMALL, rows);
  writer.reads = 0;
  t.is(countRows(writer, SMALL, root), 5000);
  t.is(writer.reads, 1);
  t.deepEqual(getRow(writer, SMALL, root, encodeKey(SMALL, [4321])), [4321, 4321]);
  t.true(writer.reads <= 12, `${writer.reads}`);
  const before = writer.reads;
  t.deepEqual(getRow(writer, SMALL, root, encodeKey(SMALL, [4321])), [4321, 4321]);
  t.is(writer.reads, before, 'decoded nodes are kept');
});

test('the empty tree', t => {
  const objects = new MemoryObjects();
  t.is(buildTree(objects, PAIRS, []), null);
  t.is(countRows(objects, PAIRS, null), 0);
  t.is(countRange(objects, PAIRS, null, {}), 0);
  t.is(getRow(objects, PAIRS, null, encodeKey(PAIRS, [1])), undefined);
  t.is(rowAt(objects, PAIRS, null, 0), undefined);
  t.deepEqual([...scanRows(objects, PAIRS, null)], []);
});

test('leaves of a new table are about 4 KiB', t => {
  t.is(defaultLeafRows(['INTEGER', 'VARCHAR(20)', 'INT', 'DOUBLE', 'TEXT']), 102);
  t.is(defaultLeafRows(['INTEGER']), 256);
  t.is(defaultLeafRows(Array.from({length: 100}, () => 'BLOB')), 16);
  const objects = new MemoryObjects();
  const spec = {...FIVE, leafRows: defaultLeafRows(['INTEGER', 'TEXT', 'INTEGER', 'REAL', 'TEXT'])};
  const rows = Array.from(
    {length: 10_000},
    (_, i): Row => [i * 3, `customer ${i}`, i % 1000, i / 7, 'a note of a few words'],
  );
  let leaves = 0;
  let bytes = 0;
  for (const {leaf} of scanLeaves(objects, spec, buildTree(objects, spec, rows))) {
    leaves++;
    for (let column = 0; column < spec.columns; column++) bytes += leaf.vectorBytes(column).length;
  }
  t.true(bytes / leaves > 2000 && bytes / leaves < 8000, `${bytes / leaves}`);
});
