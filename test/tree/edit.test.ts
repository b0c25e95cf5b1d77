/** The tree as a whole: history independence, the cost of edits, and where nodes end. */
import test from 'ava';
import fc from 'fast-check';
import {toBinary} from '../../src/bytes.js';
import {MemoryObjects} from '../../src/objects/memory.js';
import {buildTree} from '../../src/tree/builder.js';
import type {Row} from '../../src/tree/cell.js';
import {editTree} from '../../src/tree/edit.js';
import {encodeKey} from '../../src/tree/key.js';
import {nodesOf} from '../../src/tree/nodes.js';
import {scanLeaves, scanRows} from '../../src/tree/read.js';
import type {TreeRoot, TreeSpec} from '../../src/tree/spec.js';
import {hashKey} from '../../src/tree/splitter.js';
import {verifyTree} from '../../src/tree/verify.js';
import {
  anyRow,
  anySpec,
  CountingObjects,
  editsOf,
  FILES,
  fileRows,
  PAIRS,
  random,
  sorted,
  sortRows,
} from './samples.js';

/** Applies batches of edits and holds every root against the one built from the final rows. */
function followsModel(spec: TreeSpec, batches: readonly (readonly (readonly [Row, 'put' | 'remove'])[])[]): boolean {
  const objects = new MemoryObjects();
  const model = new Map<string, Row>();
  let root: TreeRoot = null;
  for (const batch of batches) {
    const edits = editsOf(spec, batch);
    for (const {key, row} of edits) {
      if (row) model.set(toBinary(key), row);
      else model.delete(toBinary(key));
    }
    root = editTree(objects, spec, root, edits);
    if (root !== buildTree(new MemoryObjects(), spec, sorted(model))) return false;
    for (const _ of verifyTree(objects, spec, root)) return false;
  }
  const cleared = editsOf(
    spec,
    sorted(model).map(row => [row, 'remove'] as const),
  );
  return editTree(objects, spec, root, cleared) === null;
}

test('any history of edits ends in the root of its rows: any spec, any cells', t => {
  fc.assert(
    fc.property(
      anySpec.chain(spec =>
        fc.tuple(
          fc.constant(spec),
          fc.array(fc.array(fc.tuple(anyRow(spec), fc.constantFrom('put', 'put', 'remove')), {maxLength: 12}), {
            maxLength: 5,
          }),
        ),
      ),
      ([spec, batches]) => followsModel(spec, batches as [Row, 'put' | 'remove'][][]),
    ),
    {numRuns: 400},
  );
  t.pass();
});

test('any history of edits ends in the root of its rows: deep trees of few keys', t => {
  const small = fc.record({leafRows: fc.integer({min: 2, max: 8}), innerRows: fc.integer({min: 2, max: 5})});
  const batch = fc.oneof(
    // scattered changes
    fc.array(fc.tuple(fc.nat(300), fc.nat(3), fc.constantFrom('put', 'remove')), {maxLength: 10}),
    // runs of rows that come, change or go
    fc
      .tuple(fc.nat(300), fc.nat(120), fc.nat(3), fc.constantFrom('put', 'remove'))
      .map(([from, size, value, kind]) => Array.from({length: size}, (_, i) => [from + i, value, kind] as const)),
  );
  fc.assert(
    fc.property(small, fc.array(batch, {maxLength: 8}), ({leafRows, innerRows}, batches) => {
      const spec = {...PAIRS, leafRows, innerRows};
      return followsModel(
        spec,
        batches.map(changes => changes.map(([key, value, kind]) => [[key, value], kind as 'put' | 'remove'] as const)),
      );
    }),
    {numRuns: 400},
  );
  t.pass();
});

test('one row at a time, up to a deep tree and down to nothing', t => {
  const spec = {...PAIRS, leafRows: 4, innerRows: 3};
  const next = random(7);
  const keys = Array.from({length: 500}, (_, i) => i).sort(() => next() - 0.5);
  const objects = new MemoryObjects();
  const model = new Map<string, Row>();
  let root: TreeRoot = null;
  const step = (key: number, row: Row | null, i: number) => {
    const bytes = encodeKey(spec, [key]);
    if (row) model.set(bytes.toString('latin1'), row);
    else model.delete(bytes.toString('latin1'));
    root = editTree(objects, spec, root, [{key: bytes, row}]);
    if (i % 7 === 0 && root !== buildTree(new MemoryObjects(), spec, sorted(model))) t.fail(`step ${i}`);
  };
  keys.forEach((key, i) => {
    step(key, [key, 0], i);
  });
  t.true(nodesOf(objects).root(spec, root as unknown as NonNullable<TreeRoot>).level >= 4);
  keys.toReversed().forEach((key, i) => {
    step(key, null, i);
  });
  t.is(root, null);
});

test('whatever run of rows goes, with or without a change to what stays', t => {
  for (let size = 1; size < 90; size += 1 + (size >> 4)) {
    const spec = {...PAIRS, leafRows: 2, innerRows: 2};
    const rows = Array.from({length: size}, (_, i): Row => [i, 0]);
    const objects = new MemoryObjects();
    const root = buildTree(objects, spec, rows);
    for (let cut = 0; cut <= size; cut++) {
      for (const [from, to] of [
        [0, cut],
        [cut, size],
        [cut >> 1, cut],
      ] as const) {
        const stay = rows.filter((_, i) => i < from || i >= to);
        for (const touched of [undefined, stay.at(-1), stay[0]]) {
          const changes = rows.slice(from, to).map(row => [row, 'remove'] as [Row, 'put' | 'remove']);
          if (touched) changes.push([[touched[0] as number, 1], 'put']);
          const result = stay.map((row): Row => (row === touched ? [row[0] as number, 1] : row));
          const edited = editTree(objects, spec, root, editsOf(spec, changes));
          if (edited !== buildTree(new MemoryObjects(), spec, result)) t.fail(`${size} rows, ${from} to ${to} removed`);
        }
      }
    }
  }
  t.pass();
});

test('keys chosen so that every hash is a boundary, or none is, keep the bounds and the law', t => {
  const spec = {...PAIRS, leafRows: 8, innerRows: 8};
  const pick = (wanted: (hash: number) => boolean) => {
    const rows: Row[] = [];
    for (let i = 0; rows.length < 400; i++) {
      const key = encodeKey(spec, [i]);
      if (wanted(hashKey(key, key.length, 0))) rows.push([i, null]);
    }
    return rows;
  };
  for (const [rows, size] of [
    [pick(hash => hash < 2 ** 27), 3],
    [pick(hash => hash >= 2 ** 32 - 2 ** 27), 24],
  ] as const) {
    const objects = new MemoryObjects();
    const root = buildTree(objects, spec, rows);
    const sizes = [...scanLeaves(objects, spec, root)].map(({leaf}) => leaf.count);
    t.true(
      sizes.slice(0, -1).every(count => (size === 24 ? count >= 20 : count <= 4)),
      sizes.join(' '),
    );
    const half = rows.filter((_, i) => i % 2 === 0);
    const rest = rows.filter((_, i) => i % 2 === 1);
    const edited = editTree(
      objects,
      spec,
      buildTree(objects, spec, half),
      editsOf(
        spec,
        rest.map(row => [row, 'put']),
      ),
    );
    t.is(edited, root);
  }
});

test('a change of values moves no boundary', t => {
  fc.assert(
    fc.property(
      fc.uniqueArray(fc.nat(1000), {minLength: 1, maxLength: 200}),
      fc.infiniteStream(fc.string()),
      (keys, values) => {
        const spec = {...PAIRS, leafRows: 5, innerRows: 4};
        const shape = (value: () => string) => {
          const objects = new MemoryObjects();
          const root = buildTree(
            objects,
            spec,
            sortRows(
              spec,
              keys.map(key => [key, value()]),
            ),
          );
          return [...scanLeaves(objects, spec, root)]
            .map(({leaf}) => leaf.keyAt(leaf.count - 1).toString('hex'))
            .join();
        };
        return shape(() => 'same') === shape(() => values.next().value);
      },
    ),
    {numRuns: 100},
  );
  t.pass();
});

test('an edit of one row reads and writes O(depth) nodes', t => {
  const rows = fileRows(20_000);
  const spec = {...FILES, leafRows: 16, innerRows: 8};
  const objects = new CountingObjects();
  const root = buildTree(objects, spec, rows);
  const levels = nodesOf(objects).root(spec, root as NonNullable<TreeRoot>).level + 1;
  t.true(levels >= 4);
  const next = random(3);
  const cost = {value: 0, insert: 0, remove: 0};
  const most = {value: 0, insert: 0, remove: 0};
  const times = 100;
  for (let i = 0; i < times; i++) {
    for (const kind of ['value', 'insert', 'remove'] as const) {
      const row = [...(rows[Math.floor(next() * rows.length)] as Row)];
      if (kind === 'value') row[7] = 'other';
      if (kind === 'insert') row[1] = `${row[1]}.new`;
      objects.reads = 0;
      objects.puts = 0;
      editTree(objects, spec, root, [{key: encodeKey(spec, row), row: kind === 'remove' ? null : row}]);
      cost[kind] += objects.puts;
      most[kind] = Math.max(most[kind], objects.puts);
      t.true(objects.reads <= 4 * levels, `${objects.reads} reads`);
    }
  }
  t.is(most.value, levels, 'a value: one node of each level');
  t.true(cost.insert / times <= levels + 2, `${cost.insert / times} written for a row that comes`);
  t.true(cost.remove / times <= levels + 2, `${cost.remove / times} written for a row that goes`);
  t.true(Math.max(most.insert, most.remove) <= 4 * levels);
});

test('edits without effect keep the root and write nothing', t => {
  const objects = new CountingObjects();
  const rows = fileRows(500);
  const root = buildTree(objects, FILES, rows);
  objects.puts = 0;
  t.is(
    editTree(
      objects,
      FILES,
      root,
      editsOf(
        FILES,
        rows.map(row => [row, 'put']),
      ),
    ),
    root,
  );
  t.is(editTree(objects, FILES, root, [{key: encodeKey(FILES, ['no', 'such']), row: null}]), root);
  t.is(editTree(objects, FILES, root, []), root);
  t.is(editTree(objects, FILES, null, [{key: encodeKey(FILES, ['no', 'such']), row: null}]), null);
  t.is(objects.puts, 0);
});

test('a key column may change within its key', t => {
  const spec: TreeSpec = {keys: [{collation: 'nocase', descending: false}], columns: 1, leafRows: 4, innerRows: 4};
  const objects = new MemoryObjects();
  const rows = Array.from({length: 50}, (_, i): Row => [`Name${i}`]);
  const root = buildTree(objects, spec, sortRows(spec, rows));
  const upper = rows.map((row): Row => [(row[0] as string).toUpperCase()]);
  const edited = editTree(
    objects,
    spec,
    root,
    editsOf(
      spec,
      upper.map(row => [row, 'put']),
    ),
  );
  t.deepEqual([...scanRows(objects, spec, edited)], sortRows(spec, upper));
  t.is(edited, buildTree(objects, spec, sortRows(spec, upper)));
});

test('rows and edits out of order, and edits under a wrong key, are bugs of the caller', t => {
  const objects = new MemoryObjects();
  const key = (of: number) => encodeKey(PAIRS, [of]);
  t.throws(
    () =>
      buildTree(objects, PAIRS, [
        [2, 0],
        [1, 0],
      ]),
    {instanceOf: TypeError},
  );
  t.throws(
    () =>
      buildTree(objects, PAIRS, [
        [1, 0],
        [1, 0],
      ]),
    {instanceOf: TypeError},
  );
  t.throws(() => buildTree(objects, PAIRS, [[1]]), {instanceOf: TypeError});
  t.throws(() => buildTree(objects, {...PAIRS, leafRows: 1}, []), {instanceOf: TypeError});
  t.throws(
    () =>
      editTree(objects, PAIRS, null, [
        {key: key(2), row: [2, 0]},
        {key: key(1), row: null},
      ]),
    {instanceOf: TypeError},
  );
  t.throws(() => editTree(objects, PAIRS, null, [{key: key(2), row: [1, 0]}]), {instanceOf: TypeError});
  t.throws(() => buildTree(objects, PAIRS, [[Number.NaN, 0]]), {code: 'ROW_INVALID'});
});

test('MurmurHash3 is the published one', t => {
  const hash = (text: string, seed: number) => hashKey(Buffer.from(text), Buffer.byteLength(text), seed);
  t.is(hash('', 0), 0);
  t.is(hash('', 1), 0x514e28b7);
  t.is(hash('test', 0), 0xba6bd213);
  t.is(hash('Hello, world!', 0x9747b28c), 0x24884cba);
  t.is(hash('The quick brown fox jumps over the lazy dog', 0), 0x2e4ff723);
});
