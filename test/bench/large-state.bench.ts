/**
 * What does not depend on the size: branch, tag and undo without file changes in a bare store whose state has a million
 * files, each as a whole process, against the same commands in an empty store and an empty command.
 *
 *     node dist/test/bench/large-state.bench.js [files] [rounds]
 */
import {spawnSync} from 'node:child_process';
import {mkdtempSync} from 'node:fs';
import {tmpdir} from 'node:os';
import {join} from 'node:path';
import {fileURLToPath} from 'node:url';
import {idOf} from '../../src/objects/id.js';
import {writeCommit} from '../../src/repo/commit.js';
import {branchName, branchRef} from '../../src/repo/refs.js';
import {Repository} from '../../src/repo/repository.js';
import {editFiles, FILES_TABLE, type FileEdit, filesTable} from '../../src/state/files.js';
import {writeState} from '../../src/state/state.js';
import {writeTable} from '../../src/state/table.js';
import {ContentRef} from '../../src/tree/cell.js';

const files = Number(process.argv[2] ?? 1_000_000);
const rounds = Number(process.argv[3] ?? 15);
const base = mkdtempSync(join(tmpdir(), 'dbos-large-'));
const DBOS = fileURLToPath(new URL('../../bin/dbos.cjs', import.meta.url));
const body = Buffer.from('body');

function edits(count: number): FileEdit[] {
  const attributes = {mode: 0o644, uid: 0, gid: 0, user: 'root', group: 'root', target: null, link: null, xattrs: null};
  const content = new ContentRef(idOf(body), body.length, false, false);
  const list: FileEdit[] = [];
  for (let i = 0; i < count; i++) {
    const directory = `d${Math.floor(i / 100)}`;
    if (i % 100 === 0) {
      const file = {...attributes, path: directory, type: 'dir' as const, mtime: 0n, content: null};
      list.push({path: directory, file});
    }
    const path = `${directory}/f${i}`;
    list.push({path, file: {...attributes, path, type: 'file', mtime: BigInt(i), content}});
  }
  return list;
}

async function store(directory: string, count: number): Promise<void> {
  const context = {
    now: () => Date.now(),
    zone: () => 0,
    identity: () => ({name: 'a', email: 'a@b'}),
    user: 'a',
    host: 'h',
    pid: process.pid,
    command: 'bench',
  };
  const repo = await Repository.init(directory, {bare: true}, context);
  for (const [index, size] of [count, count + 1].entries()) {
    const transaction = repo.begin();
    const {objects} = transaction;
    objects.put(body);
    const table = writeTable(objects, filesTable(objects, editFiles(objects, null, edits(size))));
    const signature = {name: 'a', email: 'a@b', time: index, zone: 0};
    const parent = repo.head().commit;
    const id = writeCommit(objects, {
      state: writeState(objects, new Map([[FILES_TABLE, table]])),
      parents: parent === undefined ? [] : [parent],
      author: signature,
      committer: signature,
      message: `${size} files`,
      cause: 'bench',
    });
    const name = branchRef(branchName('main'));
    await transaction.publish({kind: 'normal', refs: [{name, expected: {kind: 'any'}, next: id}]});
  }
  await repo.close();
}

function time(cwd: string, args: readonly string[]): number {
  const began = process.hrtime.bigint();
  const done = spawnSync(process.execPath, args, {cwd, encoding: 'utf8'});
  if (done.status !== 0) throw new Error(`${args.join(' ')}: ${done.stdout}${done.stderr}`);
  return Number(process.hrtime.bigint() - began) / 1e6;
}

const median = (list: number[]) => list.sort((a, b) => a - b)[Math.floor(list.length / 2)] as number;

const large = join(base, 'large');
const tiny = join(base, 'tiny');
await store(large, files);
await store(tiny, 0);
const times = new Map<string, number[]>();
for (let round = 0; round < rounds; round++) {
  for (const [title, cwd, args] of [
    ['node -e 0', base, ['-e', '0']],
    ['empty command (dbos --version)', base, [DBOS, '--version']],
    ['branch, 2 files', tiny, [DBOS, 'branch', `b${round}`]],
    ['branch', large, [DBOS, 'branch', `b${round}`]],
    ['tag, 2 files', tiny, [DBOS, 'tag', `t${round}`]],
    ['tag', large, [DBOS, 'tag', `t${round}`]],
    ['undo, 2 files', tiny, [DBOS, 'undo']],
    ['undo', large, [DBOS, 'undo']],
  ] as const) {
    times.set(title, [...(times.get(title) ?? []), time(cwd, args)]);
  }
}
const empty = median(times.get('empty command (dbos --version)') as number[]);
console.log(`| command, ${files} files | median ms | over the empty command |\n|---|---|---|`);
for (const [title, list] of times) {
  console.log(`| ${title} | ${median(list).toFixed(1)} | ${(median(list) - empty).toFixed(1)} |`);
}
