/** Diff: applying it to the first tree gives the second, it says nothing that is not so, and it skips what is shared. */
import test from 'ava';
import fc from 'fast-check';
import {MemoryObjects} from '../../src/objects/memory.js';
import {buildTree} from '../../src/tree/builder.js';
import type {Row} from '../../src/tree/cell.js';
import {diffTrees} from '../../src/tree/diff.js';
import {editTree} from '../../src/tree/edit.js';
import {encodeKey} from '../../src/tree/key.js';
import {nodesOf} from '../../src/tree/nodes.js';
import {anyRow, anySpec, CountingObjects, editsOf, FILES, fileRows, PAIRS, random, sortRows} from './samples.js';

test('apply(diff(a, b), a) = b, and diff(b, a) is its mirror', t => {
  fc.assert(
    fc.property(
      anySpec.chain(spec => {
        const rows = fc.array(anyRow(spec), {maxLength: 40});
        return fc.tuple(fc.constant(spec), rows, rows, rows);
      }),
      ([spec, shared, left, right]) => {
        const objects = new MemoryObjects();
        const a = buildTree(objects, spec, sortRows(spec, [...shared, ...left]));
        const b = buildTree(objects, spec, sortRows(spec, [...shared, ...right]));
        const forth = [...diffTrees(objects, spec, a, b)];
        const back = [...diffTrees(objects, spec, b, a)];
        const edits = forth.map(({key, after}) => ({key, row: after ?? null}));
        t.is(editTree(objects, spec, a, edits), b);
        t.deepEqual(
          back,
          forth.map(({key, before, after}) => ({key, before: after, after: before})),
        );
      },
    ),
    {numRuns: 300},
  );
});

test('a diff is what differs row by row, within its range', t => {
  const bound = fc.option(fc.nat(200), {nil: undefined});
  const table = fc.dictionary(fc.nat(200).map(String), fc.nat(2), {maxKeys: 120});
  fc.assert(
    fc.property(table, table, bound, bound, (left, right, gte, lt) => {
      const spec = {...PAIRS, leafRows: 4, innerRows: 3};
      const objects = new MemoryObjects();
      const build = (of: Record<string, number>) =>
        buildTree(
          objects,
          spec,
          sortRows(
            spec,
            Object.entries(of).map(([key, value]) => [Number(key), value]),
          ),
        );
      const expected = [...new Set([...Object.keys(left), ...Object.keys(right)])]
        .filter(key => left[key] !== right[key])
        .map(Number)
        .filter(key => (gte === undefined || key >= gte) && (lt === undefined || key < lt))
        .sort((a, b) => a - b)
        .map(key => [key, left[key], right[key]]);
      const range = {
        gte: gte === undefined ? undefined : encodeKey(spec, [gte]),
        lt: lt === undefined ? undefined : encodeKey(spec, [lt]),
      };
      const found = [...diffTrees(objects, spec, build(left), build(right), range)];
      t.deepEqual(
        found.map(({before, after}) => [(before ?? after)?.[0], before?.[1], after?.[1]]),
        expected as unknown[][],
      );
      for (const {key, before, after} of found) t.deepEqual(key, encodeKey(spec, (before ?? after) as Row));
    }),
    {numRuns: 300},
  );
});

test('trees that differ in one row are compared in O(depth) nodes', t => {
  const rows = fileRows(20_000);
  const spec = {...FILES, leafRows: 16, innerRows: 8};
  const objects = new CountingObjects();
  const root = buildTree(objects, spec, rows);
  const levels = nodesOf(objects).root(spec, root as NonNullable<typeof root>).level + 1;
  const next = random(5);
  for (let i = 0; i < 60; i++) {
    const row = [...(rows[Math.floor(next() * rows.length)] as Row)];
    if (i % 3 === 0) row[7] = 'other';
    if (i % 3 === 1) row[1] = `${row[1]}.new`;
    const edited = editTree(objects, spec, root, editsOf(spec, [[row, i % 3 === 2 ? 'remove' : 'put']]));
    const fresh = new CountingObjects();
    for (const id of objects.ids()) fresh.put(objects.read(id));
    fresh.reads = 0;
    t.is([...diffTrees(fresh, spec, root, edited)].length, 1);
    t.true(fresh.reads <= (i % 3 === 0 ? 2 * levels : 6 * levels), `${fresh.reads} reads, ${levels} levels`);
  }
});
