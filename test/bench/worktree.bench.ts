/**
 * Benchmarks of the work tree layer, inside one process: `node dist/test/bench/worktree.bench.js [FOLDER]`. It makes the tree of
 * `generated-tree.ts` in a new directory of FOLDER (the system's for temporary files unless given) and removes it only at
 * the end: ext4 avoids inodes that were freed within the last minutes, so whatever is made after a large removal is slow.
 */
import {spawnSync} from 'node:child_process';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import {Repository} from '../../src/repo/repository.js';
import {commitWorkTree} from '../../src/worktree/commit.js';
import {restorePaths} from '../../src/worktree/restore.js';
import {Scan} from '../../src/worktree/scan.js';
import {loadStatCache, saveStatCache} from '../../src/worktree/statcache.js';
import {readStatus} from '../../src/worktree/status.js';
import {switchBranch} from '../../src/worktree/switch.js';
import {Clock, testContext} from '../support/repo.js';
import {FULL_SHAPE, writeTree} from './generated-tree.js';

async function measure(title: string, action: () => unknown, runs = 1): Promise<void> {
  const times: number[] = [];
  for (let i = 0; i < runs; i++) {
    const start = performance.now();
    await action();
    times.push(performance.now() - start);
  }
  times.sort((a, b) => a - b);
  const peak = process.resourceUsage().maxRSS / 1024;
  const median = times[times.length >> 1] as number;
  console.log(`${title.padEnd(52)} ${median.toFixed(1).padStart(9)} ms   peak ${peak.toFixed(0)} MB so far`);
}

const folder = fs.mkdtempSync(path.join(process.argv[2] ?? os.tmpdir(), 'dbos-bench-'));
try {
  const tree = path.join(folder, 'tree');
  const files = writeTree(tree, FULL_SHAPE);
  const context = testContext(new Clock());
  let repo = await Repository.init(tree, {bare: false}, context);
  const {store} = repo.location;
  const scan = (cached = loadStatCache(store)) =>
    new Scan({root: tree, store, cached: cached?.listing, tracked: () => new Set()}).run();

  await measure('scan without a stat cache', () => scan(), 3);
  await measure('first commit', () => commitWorkTree(repo, {message: 'first'}));
  await new Promise(resolve => setTimeout(resolve, 100));
  await measure('status after it', () => readStatus(repo));
  await measure('status, nothing changed', () => readStatus(repo), 5);
  await measure('load the stat cache', () => loadStatCache(store), 5);
  const cached = loadStatCache(store);
  if (cached === undefined) throw new Error('there is no stat cache');
  await measure('save the stat cache', () => saveStatCache(store, cached.root, cached.listing, Date.now()), 5);

  await switchBranch(repo, 'edits', {create: true});
  for (let i = 0; i < 1000; i++) fs.appendFileSync(path.join(tree, files[i * 50] as string), `edit ${i}`);
  await measure('status, 1,000 scattered edits', () => readStatus(repo));
  await measure('commit of 1,000 scattered edits', () => commitWorkTree(repo, {message: 'edits'}));
  await measure(
    'switch between branches 1,000 files apart, twice',
    async () => {
      await switchBranch(repo, 'main');
      await switchBranch(repo, 'edits');
    },
    3,
  );
  await repo.close();

  const copy = path.join(folder, 'copy');
  fs.mkdirSync(copy);
  spawnSync('cp', ['-a', store, path.join(copy, '.dbos')]);
  fs.rmSync(path.join(copy, '.dbos', 'statcache'));
  repo = await Repository.open({store: path.join(copy, '.dbos'), workTree: copy}, context);
  await measure('checkout into an empty directory', () => restorePaths(repo, {paths: ['']}));
  await measure('status after it', () => readStatus(repo));
  await repo.close();
} finally {
  fs.rmSync(folder, {recursive: true, force: true});
}
