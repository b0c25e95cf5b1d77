/**
 * Benchmarks of the tree: `node dist/test/bench/tree.bench.js [nodes]`. With `nodes` it measures node sizes instead: the speed
 * of scans against the bytes that a commit of one row writes. All in memory, so what is measured is the tree.
 */
import {idOf, type ObjectId} from '../../src/objects/id.js';
import {MemoryObjects} from '../../src/objects/memory.js';
import {buildTree, type Edit} from '../../src/tree/builder.js';
import type {Row} from '../../src/tree/cell.js';
import {diffTrees} from '../../src/tree/diff.js';
import {editTree} from '../../src/tree/edit.js';
import {encodeKey} from '../../src/tree/key.js';
import {getRow, scanLeaves, scanRows} from '../../src/tree/read.js';
import type {TreeRoot, TreeSpec} from '../../src/tree/spec.js';
import {verifyTree} from '../../src/tree/verify.js';
import {FILES, FIVE, fileRows, random} from '../tree/samples.js';

/** What is written over the objects of another, in memory as it came, and counted; without decoded nodes to begin with. */
class BenchObjects extends MemoryObjects {
  written = 0;
  private readonly own = new Map<ObjectId, Uint8Array>();

  constructor(private readonly below?: MemoryObjects) {
    super();
  }

  override find(id: ObjectId): Uint8Array | undefined {
    const bytes = this.own.get(id);
    if (bytes === undefined) return this.below?.find(id);
    if (idOf(bytes) !== id) throw new TypeError('bytes changed after they were put');
    return bytes;
  }

  override put(bytes: Uint8Array): ObjectId {
    this.written += bytes.length;
    const id = idOf(bytes);
    this.own.set(id, bytes);
    return id;
  }
}

/** Prints the best of some runs in milliseconds, and a rate if there is a number of things. */
function measure(title: string, action: () => unknown, things = 0, runs = 7): number {
  let best = Number.POSITIVE_INFINITY;
  for (let i = 0; i < runs; i++) {
    const start = performance.now();
    action();
    best = Math.min(best, performance.now() - start);
  }
  const rate = things > 0 ? `${((things / best) * 1000).toExponential(2)}/s` : '';
  console.log(`${title.padEnd(56)} ${best.toFixed(2).padStart(9)} ms  ${rate}`);
  return best;
}

function edits(spec: TreeSpec, rows: readonly Row[], change: (row: Row) => Row | null): Edit[] {
  return rows
    .map(row => {
      const changed = change(row);
      return {key: encodeKey(spec, changed ?? row), row: changed};
    })
    .sort((a, b) => Buffer.compare(a.key, b.key));
}

const touched = (row: Row): Row => row.with(8, (row[8] as bigint) + 1n);
const renamed = (row: Row): Row => row.with(1, `${row[1] as string}.new`);

function benchFiles(): void {
  const rows = fileRows(56_000);
  const scattered = rows.filter((_, i) => i % 56 === 0);
  const objects = new BenchObjects();
  const root = buildTree(objects, FILES, rows);
  measure('files: build 56,000 rows of 13 columns', () => buildTree(new BenchObjects(), FILES, rows), 56_000);
  for (const [title, change] of [
    ['values', touched],
    ['inserts', renamed],
    ['deletes', () => null],
  ] as const) {
    const list = edits(FILES, scattered, change);
    measure(`files: 1,000 scattered ${title}, cold`, () => editTree(new BenchObjects(objects), FILES, root, list));
    const edited = editTree(objects, FILES, root, list);
    measure(`files: diff of 1,000 scattered ${title}, warm`, () => count(diffTrees(objects, FILES, root, edited)));
  }
  const one = edits(FILES, [rows[30_000] as Row], touched);
  measure('files: one value, warm', () => editTree(objects, FILES, root, one), 0, 200);
  measure('files: verify', () => count(verifyTree(objects, FILES, root)), 56_000, 3);
}

function benchFive(): void {
  const size = 1_000_000;
  const rows = Array.from(
    {length: size},
    (_, i): Row => [i * 3, `customer ${(i * 7919) % size}`, i % 1000, i / 7, i % 5 === 0 ? 'closed' : 'open'],
  );
  let objects = new BenchObjects();
  let root: TreeRoot = null;
  const build = () => {
    objects = new BenchObjects();
    root = buildTree(objects, FIVE, rows);
  };
  measure('1M rows × 5: build', build, size, 3);
  const next = random(1);
  const keys = Array.from({length: 20_000}, () => encodeKey(FIVE, [Math.floor(next() * size) * 3]));
  const getAll = (of: readonly Buffer[]) => {
    for (const key of of) getRow(objects, FIVE, root, key);
  };
  measure('1M rows × 5: getRow, any key', () => getAll(keys), keys.length);
  const near = keys.slice(0, 1000);
  measure('1M rows × 5: getRow, 1,000 keys again and again', () => getAll(near), 1000);
  measure('1M rows × 5: rows', () => count(scanRows(objects, FIVE, root)), size, 3);
  const sum = () => {
    let total = 0;
    for (const {leaf, from, to} of scanLeaves(objects, FIVE, root)) {
      const column = leaf.column(2);
      if (column.kind !== 'integer') throw new TypeError('not integers');
      for (let i = from; i < to; i++) total += column.values[i] as number;
    }
    return total;
  };
  measure('1M rows × 5: sum of one column by leaves', sum, size);
}

function count(things: Iterable<unknown>): number {
  let total = 0;
  for (const _ of things) total++;
  return total;
}

/** The speed of scans against the bytes that a commit of one row writes. */
function benchNodeSizes(): void {
  const rows = fileRows(56_000);
  const next = random(9);
  const some = Array.from({length: 300}, () => rows[Math.floor(next() * rows.length)] as Row);
  console.log(
    'leafRows innerRows | leaf bytes levels | one value: bytes, ms | one insert: bytes | scan M rows/s, column M rows/s | store MB',
  );
  for (const leafRows of [16, 32, 48, 64, 96, 128, 256]) {
    for (const innerRows of [32, 64, 128]) {
      const spec = {...FILES, leafRows, innerRows};
      const objects = new BenchObjects();
      const root = buildTree(objects, spec, rows);
      const built = objects.written;
      let leafBytes = 0;
      let leaves = 0;
      for (const {leaf} of scanLeaves(objects, spec, root)) {
        leaves++;
        for (let column = 0; column < spec.columns; column++) leafBytes += leaf.vectorBytes(column).length;
      }
      const cost = (change: (row: Row) => Row | null) => {
        const lists = some.map(row => edits(spec, [row], change));
        const before = objects.written;
        const start = performance.now();
        for (const list of lists) editTree(objects, spec, root, list);
        return {bytes: (objects.written - before) / some.length, ms: (performance.now() - start) / some.length};
      };
      const value = cost(touched);
      const insert = cost(renamed);
      const best = (action: () => unknown) => {
        let least = Number.POSITIVE_INFINITY;
        for (let i = 0; i < 4; i++) {
          const start = performance.now();
          action();
          least = Math.min(least, performance.now() - start);
        }
        return rows.length / least / 1000;
      };
      const cold = () => new BenchObjects(objects);
      const scan = best(() => count(scanRows(cold(), spec, root)));
      const column = best(() => {
        for (const {leaf} of scanLeaves(cold(), spec, root)) leaf.column(8);
      });
      console.log(
        `${String(leafRows).padStart(8)} ${String(innerRows).padStart(9)} | ${(leafBytes / leaves).toFixed(0).padStart(10)} | ` +
          `${value.bytes.toFixed(0).padStart(8)} ${value.ms.toFixed(3)} | ${insert.bytes.toFixed(0).padStart(8)} | ` +
          `${scan.toFixed(2).padStart(6)} ${column.toFixed(1).padStart(6)} | ${(built / 1e6).toFixed(2)}`,
      );
    }
  }
}

if (process.argv[2] === 'nodes') benchNodeSizes();
else {
  benchFiles();
  benchFive();
}
