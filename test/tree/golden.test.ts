/**
 * Golden roots: any change of them is a change of the format. `DBOS_WRITE_GOLDEN=1 npx ava dist/test/tree/golden.test.js`
 * writes the file anew.
 */
import {readFileSync, writeFileSync} from 'node:fs';
import test from 'ava';
import {formatId} from '../../src/objects/id.js';
import {MemoryObjects} from '../../src/objects/memory.js';
import {buildTree} from '../../src/tree/builder.js';
import {ContentRef, Real, type Row} from '../../src/tree/cell.js';
import type {TreeSpec} from '../../src/tree/spec.js';
import {digest, FILES, fileRows, sortRows} from './samples.js';

const file = new URL('../../../fixtures/golden/tree.json', import.meta.url);
const SIZES = [0, 1, 10, 100, 1000, 10_000, 100_000];

/** Every type and every collation. */
const MIXED: TreeSpec = {
  keys: [
    {collation: 'nocase', descending: true},
    {collation: 'rtrim', descending: false},
    {collation: 'binary', descending: true},
  ],
  columns: 7,
  leafRows: 32,
  innerRows: 16,
};

function mixedRow(i: number): Row {
  return [
    `Group ${i % 23}`,
    i % 5 === 0 ? null : `é${i % 101}`,
    i % 3 === 0 ? i / 4 : i,
    i % 2 === 0 ? (BigInt(i) ** 6n % 2n ** 62n) + 2n ** 61n : i,
    i % 7 === 0 ? Buffer.from([i & 0xff]) : `text ${i % 9}`,
    new Real(i),
    i % 4 === 0 ? new ContentRef(digest(i), i, i % 8 === 0, true) : null,
  ];
}

function rootsOf(spec: TreeSpec, rows: (count: number) => readonly Row[]): Record<string, string | null> {
  return Object.fromEntries(
    SIZES.map(size => {
      const root = buildTree(new MemoryObjects(), spec, rows(size));
      return [String(size), root && formatId(root)];
    }),
  );
}

test('the roots of known rows never change', t => {
  const actual = {
    files: rootsOf(FILES, count => fileRows(count)),
    mixed: rootsOf(MIXED, count =>
      sortRows(
        MIXED,
        Array.from({length: count}, (_, i) => mixedRow(i)),
      ),
    ),
  };
  if (process.env.DBOS_WRITE_GOLDEN) writeFileSync(file, `${JSON.stringify(actual, null, 2)}\n`);
  t.deepEqual(actual, JSON.parse(readFileSync(file, 'utf8')));
});
