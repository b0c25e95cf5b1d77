/** Merging trees: the laws, on generated tables, and that the cost follows the changes. */
import test from 'ava';
import fc from 'fast-check';
import {MemoryObjects} from '../../src/objects/memory.js';
import {buildTree} from '../../src/tree/builder.js';
import type {Row} from '../../src/tree/cell.js';
import {editTree} from '../../src/tree/edit.js';
import {encodeKey} from '../../src/tree/key.js';
import {changedRows, mergeTrees, type RowVersions, type SettleRow} from '../../src/tree/merge.js';
import {CountingObjects, PAIRS, random, sortRows} from './samples.js';

const SPEC = {...PAIRS, leafRows: 4, innerRows: 3};

type Pairs = Readonly<Record<string, number>>;

const table = fc.dictionary(fc.nat(60).map(String), fc.nat(3), {maxKeys: 40});

function build(objects: MemoryObjects, pairs: Pairs) {
  const rows = Object.entries(pairs).map(([key, value]): Row => [Number(key), value]);
  return buildTree(objects, SPEC, sortRows(SPEC, rows));
}

const never: SettleRow = () => {
  throw new Error('nothing is changed on both sides');
};

test('what one side changed is taken, and both sides agree', t => {
  fc.assert(
    fc.property(table, table, table, (base, left, right) => {
      const objects = new MemoryObjects();
      const conflicts: RowVersions[] = [];
      const roots = {base: build(objects, base), ours: build(objects, left), theirs: build(objects, right)};
      // a rule that does not ask which side is which
      const settle: SettleRow = row => {
        conflicts.push(row);
        return [(row.ours ?? row.theirs ?? [])[0] ?? null, 99];
      };
      const merged = mergeTrees(objects, SPEC, roots, settle);
      const expected: Record<string, number> = {};
      const both: number[] = [];
      for (const key of new Set([...Object.keys(base), ...Object.keys(left), ...Object.keys(right)])) {
        const [b, l, r] = [base[key], left[key], right[key]];
        const value = l === r || r === b ? l : l === b ? r : 99;
        if (value !== undefined) expected[key] = value;
        if (l !== r && r !== b && l !== b) both.push(Number(key));
      }
      t.is(merged, build(objects, expected));
      t.deepEqual(
        conflicts.map(({ours, theirs, base: old}) => (ours ?? theirs ?? old)?.[0]),
        both.sort((a, b) => a - b),
      );
      t.is(mergeTrees(objects, SPEC, {...roots, ours: roots.theirs, theirs: roots.ours}, settle), merged);
      t.is(mergeTrees(objects, SPEC, {...roots, theirs: roots.base}, never), roots.ours);
      t.is(mergeTrees(objects, SPEC, {...roots, theirs: roots.ours}, never), roots.ours);
    }),
    {numRuns: 300},
  );
});

test('disjoint changes are both applied, from a few nodes', t => {
  const objects = new CountingObjects();
  const next = random(3);
  const rows = Array.from({length: 50_000}, (_, key): Row => [key, Math.floor(next() * 1000)]);
  const spec = {...PAIRS, leafRows: 32, innerRows: 16};
  const base = buildTree(objects, spec, rows);
  const edit = (key: number, row: Row | null) => ({key: encodeKey(spec, [key]), row});
  const ours = [edit(7, [7, -1]), edit(40_000, null)];
  const theirs = [edit(9, [9, -2]), edit(60_000, [60_000, -3])];
  const roots = {base, ours: editTree(objects, spec, base, ours), theirs: editTree(objects, spec, base, theirs)};
  objects.reads = 0;
  const merged = mergeTrees(objects, spec, roots, never);
  t.true(objects.reads < 100, `${objects.reads} nodes were read`);
  t.is(merged, editTree(objects, spec, roots.ours, theirs));
  const keys = [...changedRows(objects, spec, roots)].map(({ours: a, theirs: b, base: c}) => (a ?? b ?? c)?.[0]);
  t.deepEqual(keys, [7, 9, 40_000, 60_000]);
});
