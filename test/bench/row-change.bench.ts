/**
 * What one changed row costs: stores with one table of 10,000 rows and with two, then commits that change one row each;
 * how much the store grows, and which objects that is. Sizes are the lengths of all files of the store's folder.
 *
 *     node dist/test/bench/row-change.bench.js [rows]
 */
import {mkdtempSync, readdirSync, rmSync, statSync} from 'node:fs';
import {tmpdir} from 'node:os';
import {join} from 'node:path';
import {kindOf} from '../../src/objects/codec.js';
import type {ObjectId} from '../../src/objects/id.js';
import type {ObjectSink} from '../../src/objects/store.js';
import {readCommit, writeCommit} from '../../src/repo/commit.js';
import {findStore} from '../../src/repo/location.js';
import {branchName, branchRef} from '../../src/repo/refs.js';
import {Repository} from '../../src/repo/repository.js';
import type {Transaction} from '../../src/repo/transaction.js';
import {FILES_SCHEMA, FILES_TABLE} from '../../src/state/files.js';
import {newSchema, type Schema, treeSpec, writeSchema} from '../../src/state/schema.js';
import {readState, writeState} from '../../src/state/state.js';
import {readTable, writeTable} from '../../src/state/table.js';
import type {Frame} from '../../src/storage/storage.js';
import {buildTree} from '../../src/tree/builder.js';
import {ContentRef, type Row} from '../../src/tree/cell.js';
import {editTree} from '../../src/tree/edit.js';
import {encodeKey} from '../../src/tree/key.js';
import {countRows} from '../../src/tree/read.js';
import {digest, fileRows, random} from '../tree/samples.js';

const ROWS = Number(process.argv[2] ?? 10_000);
const MAIN = branchRef(branchName('main'));

let clock = Date.UTC(2024, 4, 15);
const context = {
  now: () => (clock += 60_000),
  zone: () => 120,
  identity: () => ({name: 'Ada Lovelace', email: 'ada@example.org'}),
  user: 'ada',
  host: 'engine',
  pid: process.pid,
  command: 'dbos commit -m change',
};

/** A table of a store and how one of its rows changes. */
interface Sample {
  readonly name: string;
  readonly schema: Schema;
  readonly rows: readonly Row[];
  readonly change: (row: Row, time: number) => Row;
}

const SALES: Schema = newSchema(
  [
    {name: 'id', type: 'INTEGER', notNull: true},
    {name: 'name', type: 'TEXT', notNull: true},
    {name: 'amount', type: 'REAL', notNull: false},
    {name: 'note', type: 'TEXT', notNull: false},
    {name: 'city', type: 'TEXT', notNull: false},
  ],
  [{collation: 'binary', descending: false}],
);

function salesRows(): Row[] {
  const next = random(7);
  const letters = 'abcdefghijklmnopqrstuvwxyz';
  const word = (least: number, more: number) =>
    Array.from({length: least + Math.floor(next() * more)}, () => letters[Math.floor(next() * 26)]).join('');
  const cities = Array.from({length: 200}, () => word(5, 8));
  return Array.from({length: ROWS}, (_, i) => [
    i + 1,
    `${word(4, 5)} ${word(5, 7)}`,
    Math.round(next() * 1e6) / 100 + 0.005,
    `${word(3, 6)} ${word(3, 6)} ${word(3, 6)}`,
    cities[Math.floor(next() * cities.length)] as string,
  ]);
}

const sales: Sample = {
  name: 'sales',
  schema: SALES,
  rows: salesRows(),
  change: (row, time) => row.with(2, time + 0.25),
};

const files: Sample = {
  name: FILES_TABLE,
  schema: FILES_SCHEMA,
  rows: fileRows(ROWS),
  change: (row, time) =>
    row.with(8, BigInt(time) * 1_000_000n).with(9, new ContentRef(digest(time), time % 100_000, false, false)),
};

/** Counts the objects that are put, by kind; trees tell leaves from inner nodes. */
class Counted implements ObjectSink {
  readonly bytes = new Map<string, number>();

  constructor(private readonly sink: ObjectSink) {}

  put(bytes: Uint8Array): ObjectId {
    const kind = kindOf(bytes) ?? 'blob';
    // the third element of a node is its level
    this.count(kind !== 'node' ? kind : bytes[3] === 0 ? 'leaf' : 'inner nodes', bytes.length);
    return this.sink.put(bytes);
  }

  count(what: string, bytes: number): void {
    this.bytes.set(what, (this.bytes.get(what) ?? 0) + bytes);
  }

  read(id: ObjectId): Uint8Array {
    return this.sink.read(id);
  }

  find(id: ObjectId): Uint8Array | undefined {
    return this.sink.find(id);
  }

  has(id: ObjectId): boolean {
    return this.sink.has(id);
  }

  locate(id: ObjectId) {
    return this.sink.locate(id);
  }

  putFrame(frame: Frame): void {
    this.sink.putFrame(frame);
  }
}

/** Writes a state and the commit of it, and publishes that. */
async function commitState(
  repo: Repository,
  transaction: Transaction,
  objects: ObjectSink,
  tables: ReadonlyMap<string, ObjectId>,
  message: string,
): Promise<void> {
  const {commit} = repo.head();
  const signature = {...context.identity(), time: context.now(), zone: 120};
  const next = writeCommit(objects, {
    state: writeState(objects, tables),
    parents: commit === undefined ? [] : [commit],
    author: signature,
    committer: signature,
    message,
    cause: null,
  });
  const expected = commit === undefined ? ({kind: 'absent'} as const) : ({kind: 'equals', id: commit} as const);
  await transaction.publish({
    kind: 'normal',
    description: `commit: ${message}`,
    refs: [{name: MAIN, expected, next}],
  });
}

async function build(directory: string, samples: readonly Sample[]): Promise<void> {
  const repo = await Repository.init(directory, {bare: true, branch: 'main'}, context);
  const transaction = repo.begin();
  const {objects} = transaction;
  const tables = new Map<string, ObjectId>();
  for (const {name, schema, rows} of samples) {
    const root = buildTree(objects, treeSpec(schema), rows);
    tables.set(name, writeTable(objects, {schema: writeSchema(objects, schema), root, rows: rows.length}));
  }
  await commitState(repo, transaction, objects, tables, 'the tables as they begin');
  await repo.close();
}

/** Commits one changed row of a sample, and returns the bytes of what that put. */
async function changeRow(repo: Repository, sample: Sample, at: number): Promise<Map<string, number>> {
  const transaction = repo.begin();
  const objects = new Counted(transaction.objects);
  const state = readState(objects, readCommit(objects, repo.head().commit as ObjectId).state);
  const table = readTable(objects, state.get(sample.name) as ObjectId);
  const spec = treeSpec(sample.schema);
  const row = sample.change(sample.rows[at] as Row, clock);
  const root = editTree(objects, spec, table.root, [{key: encodeKey(spec, row), row}]);
  if (root === table.root || countRows(objects, spec, root) !== table.rows) throw new Error('not one changed row');
  const tables = new Map(state).set(sample.name, writeTable(objects, {...table, root}));
  await commitState(repo, transaction, objects, tables, `change row ${at}`);
  objects.count('operation', repo.objects.read(repo.operation.id).length);
  objects.count('view', repo.objects.read(repo.operation.view).length);
  objects.count('refs', repo.objects.read(repo.view.refs as ObjectId).length);
  return objects.bytes;
}

/** Returns the lengths of the files of the value log, and of all others. */
function sizeOf(directory: string): {readonly log: number; readonly rest: number} {
  const size = {log: 0, rest: 0};
  for (const name of readdirSync(directory, {recursive: true}).map(String)) {
    const stat = statSync(join(directory, name));
    if (stat.isFile()) size[name.startsWith('log/') ? 'log' : 'rest'] += stat.size;
  }
  return size;
}

async function withStore(directory: string, use: (repo: Repository) => Promise<void>): Promise<void> {
  const repo = await Repository.open(findStore(directory), context);
  await use(repo);
  await repo.close();
}

interface Growth {
  readonly title: string;
  readonly before: number;
  /** Each commit, in bytes. */
  readonly log: number;
  readonly rest: number;
  /** The bytes of all objects of the commit that put most. */
  readonly most: number;
}

const objects = new Map<string, ReadonlyMap<string, number>>();

/** Makes a store of the samples and returns how it grows by commits that change one row of the first one. */
async function grow(
  samples: readonly Sample[],
  commits: number,
  how: 'one process' | 'a process each',
): Promise<Growth> {
  const directory = mkdtempSync(join(tmpdir(), 'dbos-bench-'));
  try {
    const [sample] = samples as [Sample];
    const {name, rows} = sample;
    await build(directory, samples);
    // what LevelDB does when it is opened again belongs to the store before
    for (let i = 0; i < 3; i++) await withStore(directory, async () => undefined);
    const before = sizeOf(directory);
    const total = new Map<string, number>();
    let most = 0;
    const commit = async (repo: Repository, i: number) => {
      // a step that visits all rows in no order
      const put = await changeRow(repo, sample, ((i + 1) * 7919) % rows.length);
      for (const [what, bytes] of put) total.set(what, (total.get(what) ?? 0) + bytes / commits);
      most = Math.max(most, sum(put));
    };
    if (how === 'one process') {
      await withStore(directory, async repo => {
        for (let i = 0; i < commits; i++) await commit(repo, i);
      });
    } else {
      for (let i = 0; i < commits; i++) await withStore(directory, repo => commit(repo, i));
    }
    await withStore(directory, async () => undefined);
    const after = sizeOf(directory);
    const title = `${samples.map(each => each.name).join(' and ')}: ${commits} ${commits === 1 ? 'commit' : 'commits'}, ${how}`;
    objects.set(name, total);
    return {
      title,
      before: before.log + before.rest,
      log: (after.log - before.log) / commits,
      rest: (after.rest - before.rest) / commits,
      most,
    };
  } finally {
    rmSync(directory, {recursive: true, force: true});
  }
}

function sum(sizes: ReadonlyMap<string, number>): number {
  let total = 0;
  for (const size of sizes.values()) total += size;
  return total;
}

const bytes = (value: number) => Math.round(value).toLocaleString('en');

console.log(
  `Tables of ${ROWS} rows; \`sales\` has ${SALES.leafRows} rows in a leaf, \`files\` ${FILES_SCHEMA.leafRows}.\n`,
);
console.log(
  '| store, and commits of one changed row each | store before | log, a commit | LevelDB, a commit | added |',
);
console.log('|---|---|---|---|---|---|');
for (const samples of [[sales], [files], [sales, files]]) {
  for (const [commits, how] of [
    [1, 'one process'],
    [100, 'one process'],
    [100, 'a process each'],
    [1000, 'one process'],
  ] as const) {
    const {title, before, log, rest, most} = await grow(samples, commits, how);
    const share = (((log + rest) / before) * 100).toFixed(2);
    console.log(
      `| ${title} | ${bytes(before)} B | ${bytes(log)} B | ${bytes(rest)} B | ${share} % | ${bytes(most)} B |`,
    );
  }
}
for (const [name, put] of objects) {
  console.log(`\nObjects of a commit that changes a row of \`${name}\`:\n\n| object | bytes |\n|---|---|`);
  for (const [what, size] of put) console.log(`| ${what} | ${bytes(size)} |`);
  console.log(`| all | ${bytes(sum(put))} |`);
}
