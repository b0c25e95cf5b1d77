/**
 * Benchmarks of history: 5,000 commits of one edit each over 50,000 files; the history of a file, of a directory, with
 * renames, a whole log, its first commit and a merge base, in a process of their own each so that nothing is warm.
 *
 *     node dist/test/bench/history.bench.js [commits] [files] [rounds]
 */
import {spawnSync} from 'node:child_process';
import {mkdtempSync, rmSync} from 'node:fs';
import {tmpdir} from 'node:os';
import {join} from 'node:path';
import {fileURLToPath} from 'node:url';
import type {ObjectId} from '../../src/objects/id.js';
import {writeCommit} from '../../src/repo/commit.js';
import {findStore} from '../../src/repo/location.js';
import {branchName, branchRef} from '../../src/repo/refs.js';
import {Repository} from '../../src/repo/repository.js';
import {editFiles, FILES_TABLE, type FileRow, filesTable} from '../../src/state/files.js';
import {writeState} from '../../src/state/state.js';
import {writeTable} from '../../src/state/table.js';
import {ContentRef} from '../../src/tree/cell.js';

const context = {
  now: () => Date.now(),
  zone: () => 0,
  identity: () => ({name: 'a', email: 'a@b'}),
  user: 'a',
  host: 'h',
  pid: process.pid,
  command: 'bench',
};

async function build(directory: string, commits: number, files: number): Promise<void> {
  const repo = await Repository.init(directory, {bare: true}, context);
  const transaction = repo.begin();
  const {objects} = transaction;
  const row = (path: string, text: string): FileRow => {
    const bytes = Buffer.from(text);
    const content = new ContentRef(objects.put(bytes), bytes.length, false, false);
    const base = {uid: 0, gid: 0, user: 'root', group: 'root', target: null, link: null, xattrs: null};
    return {...base, path, type: 'file', mode: 0o644, mtime: 0n, content};
  };
  const directories = Math.ceil(files / 8);
  const pathOf = (i: number) => `dir${i % directories}/file${i}`;
  const edits = Array.from({length: files}, (_, i) => ({path: pathOf(i), file: row(pathOf(i), `${i}`)}));
  const folders = Array.from({length: directories}, (_, i) => {
    const path = `dir${i}`;
    return {path, file: {...row(path, ''), type: 'dir', mode: 0o755, content: null} as FileRow};
  });
  let root = editFiles(objects, null, [...edits, ...folders]);
  let parent: ObjectId | undefined;
  for (let i = 0; i < commits; i++) {
    // a step that visits all files in no order
    const path = pathOf((i * 7919) % files);
    root = editFiles(objects, root, [{path, file: row(path, `change ${i}`)}]);
    const state = writeState(objects, new Map([[FILES_TABLE, writeTable(objects, filesTable(objects, root))]]));
    const signature = {name: 'Ada Lovelace', email: 'ada@example.org', time: 1.7e12 + i * 60_000, zone: 60};
    parent = writeCommit(objects, {
      state,
      parents: parent === undefined ? [] : [parent],
      author: signature,
      committer: signature,
      message: `change ${i}\n`,
      cause: null,
    });
    if (transaction.stagedBytes > 32 << 20) await transaction.flush();
  }
  const edit = {name: branchRef(branchName('main')), expected: {kind: 'any'}, next: parent as ObjectId} as const;
  await transaction.publish({kind: 'normal', refs: [edit]});
  await repo.close();
}

const JOBS = [
  'open and read HEAD',
  'log -n 1',
  'log',
  'history of a file',
  'history of a directory',
  'history following renames',
  'merge base of HEAD and HEAD~2500',
  'fsck',
] as const;

async function run(job: (typeof JOBS)[number], directory: string): Promise<void> {
  const repo = await Repository.open(findStore(directory), context);
  const head = repo.head().commit as ObjectId;
  let count = 0;
  if (job.startsWith('log') || job.startsWith('history') || job.startsWith('merge')) {
    const {mergeBases, walk} = await import('../../src/repo/history.js');
    if (job.startsWith('log')) {
      for (const _entry of walk(repo, {include: [head]})) if (++count === 1 && job === 'log -n 1') break;
    } else if (job.startsWith('history')) {
      const {pathHistory} = await import('../../src/repo/pathhistory.js');
      const options = {followRenames: job.endsWith('renames')};
      const path = job.endsWith('directory') ? 'dir7' : 'dir7/file7';
      for (const _entry of pathHistory(repo, {include: [head]}, [path], options)) count++;
    } else {
      const {resolveRevision} = await import('../../src/repo/revisions.js');
      count = mergeBases(repo, head, (await resolveRevision(repo, 'HEAD~2500')).commit).length;
    }
  } else if (job === 'fsck') {
    const {fsck} = await import('../../src/repo/fsck.js');
    for await (const _problem of fsck(repo)) count++;
  }
  await repo.close();
  const memory = Math.round(process.resourceUsage().maxRSS / 1024);
  process.stdout.write(`${count} found, ${memory} MB`);
}

async function main(): Promise<void> {
  const commits = Number(process.argv[2] ?? 5000);
  const files = Number(process.argv[3] ?? 50_000);
  const rounds = Number(process.argv[4] ?? 7);
  const directory = mkdtempSync(join(tmpdir(), 'dbos-history-'));
  try {
    await build(directory, commits, files);
    const time = (args: readonly string[]): [milliseconds: number, output: string] => {
      const start = performance.now();
      const {stdout, stderr, status} = spawnSync(process.execPath, args, {encoding: 'utf8'});
      if (status !== 0) throw new Error(stderr);
      return [performance.now() - start, stdout];
    };
    const report = (name: string, args: readonly string[]) => {
      const runs = Array.from({length: rounds}, () => time(args)).sort(([a], [b]) => a - b);
      const [median, output] = runs[rounds >> 1] as [number, string];
      console.log(`${name.padEnd(36)} ${median.toFixed(0).padStart(6)} ms  ${output}`);
    };
    console.log(`${commits} commits over ${files} files; medians of ${rounds} whole processes`);
    report('node -e 0', ['-e', '0']);
    for (const job of JOBS) report(job, [fileURLToPath(import.meta.url), '--job', job, directory]);
  } finally {
    rmSync(directory, {recursive: true, force: true});
  }
}

if (process.argv[2] === '--job') await run(process.argv[3] as (typeof JOBS)[number], process.argv[4] as string);
else await main();
