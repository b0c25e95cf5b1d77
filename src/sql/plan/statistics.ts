/**
 * How many rows have the same values in the first key columns of a tree, found out by looking at some of them: so there are
 * no statistics to be stored, or to be out of date. Layer: sql.
 */
import type {Buffer} from 'node:buffer';
import type {ObjectReader} from '../../objects/store.js';
import {afterPrefix, encodeKey} from '../../tree/key.js';
import {countRange, countRows, rowAt} from '../../tree/read.js';
import type {TreeRoot, TreeSpec} from '../../tree/spec.js';

/** Rows that are looked at. */
const SAMPLES = 12;

const REMEMBERED = 1000;

/** A root stands for its rows, so what was found out holds for ever. */
const known = new Map<string, number>();

/** Returns how many rows of a tree, on average over all rows, agree with a row in the first key columns. */
export function rowsAlike(reader: ObjectReader, spec: TreeSpec, root: TreeRoot, columns: number): number {
  if (root === null) return 1;
  const name = `${root}${columns}`;
  let alike = known.get(name);
  if (alike === undefined) {
    alike = sample(reader, spec, root, columns);
    if (known.size >= REMEMBERED) known.clear();
    known.set(name, alike);
  }
  return alike;
}

function sample(reader: ObjectReader, spec: TreeSpec, root: TreeRoot, columns: number): number {
  const rows = countRows(reader, spec, root);
  let sum = 0;
  let last: Buffer | undefined;
  let count = 0;
  for (let i = 0; i < SAMPLES; i++) {
    const row = rowAt(reader, spec, root, Math.floor((rows * (i + 0.5)) / SAMPLES));
    if (row === undefined) continue;
    const gte = encodeKey(spec, row.slice(0, columns));
    if (last === undefined || !last.equals(gte)) count = countRange(reader, spec, root, {gte, lt: afterPrefix(gte)});
    last = gte;
    sum += count;
  }
  return Math.max(1, sum / SAMPLES);
}
