/**
 * The table of the benchmarks of SQL, the same for this program and for sqlite3, in three versions: `v1`, `v2` with 1,000 rows
 * changed, and `v3` with one more. The same seed gives the same rows everywhere.
 */
import {spawnSync} from 'node:child_process';
import {closeSync, openSync, rmSync, writeSync} from 'node:fs';
import {join} from 'node:path';
import type {ObjectId} from '../../src/objects/id.js';
import type {ObjectSink} from '../../src/objects/store.js';
import {writeCommit} from '../../src/repo/commit.js';
import type {RepoContext} from '../../src/repo/context.js';
import {branchName, branchRef} from '../../src/repo/refs.js';
import {Repository} from '../../src/repo/repository.js';
import {createTag} from '../../src/repo/tags.js';
import {defineTable} from '../../src/sql/catalog/table-definition.js';
import {writeTableRows} from '../../src/sql/catalog/table-rows.js';
import {parseStatement} from '../../src/sql/parser/parser.js';
import {writeState} from '../../src/state/state.js';
import {writeTable} from '../../src/state/table.js';
import {realCell} from '../../src/tree/cell.js';
import {randomNumbers} from './generated-tree.js';

export const CREATE = 'CREATE TABLE t (id INTEGER PRIMARY KEY, path TEXT, size INT, hash TEXT, mtime REAL)';

/** How many rows differ between the first two versions. */
export const CHANGED = 1000;

export interface BenchRow {
  readonly id: number;
  readonly path: string;
  readonly size: number;
  readonly hash: string;
  readonly mtime: number;
}

export type Version = 1 | 2 | 3;

const WORDS = 'core test lib util src docs index main parse render state tree node view model api http sync'.split(' ');
const SUFFIXES = ['ts', 'js', 'c', 'h', 'md', 'json', 'txt', 'so'];

function hexDigits(random: () => number): string {
  let digits = '';
  while (digits.length < 32) {
    digits += Math.floor(random() * 2 ** 32)
      .toString(16)
      .padStart(8, '0');
  }
  return digits;
}

/** Yields the rows of a version, by ascending id. There are 1,000 directories `/srv/vol/d0000` … */
export function* benchRows(count: number, version: Version): Generator<BenchRow> {
  const random = randomNumbers(7);
  const word = () => WORDS[Math.floor(random() * WORDS.length)] as string;
  const step = Math.max(1, Math.floor(count / CHANGED));
  for (let id = 1; id <= count; id++) {
    const directory = `d${String(Math.floor(random() * 1000)).padStart(4, '0')}`;
    const suffix = SUFFIXES[Math.floor(random() * SUFFIXES.length)] as string;
    const path = `/srv/vol/${directory}/${word()}/${word()}/${word()}-${id.toString(36)}.${suffix}`;
    const size = Math.floor(random() ** 4 * 1_000_000);
    const hash = hexDigits(random);
    const mtime = 1.6e9 + Math.floor(random() * 1e11) / 1000;
    const changed = (version >= 2 && id % step === 0 && id / step <= CHANGED) || (version === 3 && id === 1);
    yield {id, path, size: changed ? size + 1 : size, hash, mtime: changed ? mtime + 100_000 : mtime};
  }
}

async function commitVersion(
  repo: Repository,
  write: (objects: ObjectSink) => ObjectId,
  parent: ObjectId | undefined,
  version: Version,
): Promise<ObjectId> {
  const transaction = repo.begin();
  const state = write(transaction.objects);
  const signature = {name: 'Ada', email: 'ada@example.org', time: 1.7e12 + version * 60_000, zone: 0};
  const next = writeCommit(transaction.objects, {
    state,
    parents: parent === undefined ? [] : [parent],
    author: signature,
    committer: signature,
    message: `version ${version}\n`,
    cause: null,
  });
  const edit = {name: branchRef(branchName('main')), expected: {kind: 'any'}, next} as const;
  await transaction.publish({kind: 'normal', refs: [edit]});
  return next;
}

/** Makes a bare store with the three versions as commits with tags. */
export async function writeStore(directory: string, rows: number, context: RepoContext): Promise<void> {
  const repo = await Repository.init(directory, {bare: true, branch: 'main'}, context);
  const statement = parseStatement(CREATE);
  if (statement.kind !== 'createTable') throw new TypeError('not CREATE TABLE');
  const definition = defineTable(statement, CREATE);
  let parent: ObjectId | undefined;
  for (const version of [1, 2, 3] as const) {
    const values = function* () {
      for (const {id, path, size, hash, mtime} of benchRows(rows, version)) {
        yield [id, path, size, hash, realCell(mtime)];
      }
    };
    const write = (objects: ObjectSink) =>
      writeState(objects, new Map([['t', writeTable(objects, writeTableRows(objects, definition, values()))]]));
    parent = await commitVersion(repo, write, parent, version);
    await createTag(repo, `v${version}`, parent);
  }
  await repo.close();
}

/** Writes a database of sqlite3 with the first version as `v1` and the second as `t`. */
export function writeSqlite(path: string, rows: number): void {
  const text = `${path}.csv`;
  for (const [table, version] of [
    ['v1', 1],
    ['t', 2],
  ] as const) {
    const file = openSync(text, 'w');
    let lines: string[] = [];
    for (const row of benchRows(rows, version)) {
      lines.push(`${row.id},${row.path},${row.size},${row.hash},${row.mtime}\n`);
      if (lines.length < 10_000) continue;
      writeSync(file, lines.join(''));
      lines = [];
    }
    writeSync(file, lines.join(''));
    closeSync(file);
    const input = `${CREATE.replace(' t ', ` ${table} `)};\n.mode csv\n.import '${text}' ${table}\n`;
    const done = spawnSync('sqlite3', [path], {input, encoding: 'utf8'});
    if (done.status !== 0 || done.stderr !== '') throw new Error(done.stderr);
  }
  rmSync(text);
}

export function storePath(base: string): string {
  return join(base, 'store');
}

export function sqlitePath(base: string): string {
  return join(base, 'bench.sqlite');
}
