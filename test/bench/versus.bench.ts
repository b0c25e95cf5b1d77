/**
 * Whole commands against git, restic and ostree on the same generated tree: every round runs the tools in turn, and the
 * table shows medians and the ratio to git. Fresh folders, nothing is deleted between rounds.
 *
 *     node dist/test/bench/versus.bench.js [--rounds N] [--small] [--dir DIR]
 */
import {spawnSync} from 'node:child_process';
import {appendFileSync, existsSync, mkdirSync, mkdtempSync, readFileSync, renameSync, writeFileSync} from 'node:fs';
import {tmpdir} from 'node:os';
import {join} from 'node:path';
import {fileURLToPath} from 'node:url';
import {parseArgs} from 'node:util';
import {FULL_SHAPE, randomNumbers, type TreeShape, writeTree} from './generated-tree.js';
import {Timings} from './timed.js';

const {values: options} = parseArgs({
  options: {rounds: {type: 'string', default: '3'}, small: {type: 'boolean', default: false}, dir: {type: 'string'}},
});
const rounds = Number(options.rounds);
const shape: TreeShape = options.small
  ? {directories: 600, files: 5000, largeFiles: 2, largeSize: 20 << 20}
  : FULL_SHAPE;
const edits = options.small ? 100 : 1000;
const base = options.dir ?? mkdtempSync(join(tmpdir(), 'dbos-bench-'));
const DBOS = fileURLToPath(new URL('../../bin/dbos.cjs', import.meta.url));

const timings = new Timings(base);
const run = timings.run.bind(timings);
const measure = timings.measure.bind(timings);

function has(tool: string): boolean {
  return spawnSync('sh', ['-c', `command -v ${tool}`]).status === 0;
}

function bytesOf(folder: string): number {
  return Number(
    run(`du -sb "${folder}" > "${base}/du"`, base) && readFileSync(join(base, 'du'), 'utf8').split('\t')[0],
  );
}

const dbos = `"${process.execPath}" "${DBOS}"`;
const treeOf = (tool: string) => join(base, `tree-${tool}`);
console.error(`in ${base}`);
const paths = writeTree(treeOf('git'), shape);
writeTree(treeOf('dbos'), shape);

const gitIdentity = {
  GIT_AUTHOR_NAME: 'a',
  GIT_AUTHOR_EMAIL: 'a@b',
  GIT_COMMITTER_NAME: 'a',
  GIT_COMMITTER_EMAIL: 'a@b',
};

// first commit: a fresh store each round; the last ones stay for what follows
for (let round = 0; round < rounds; round++) {
  for (const [tool, settings] of [
    ['git', ''],
    ['git, compression 0', 'git config core.compression 0'],
  ] as const) {
    const kept = join(base, `git-${round}-${settings === '' ? 'default' : 'zero'}`);
    // collecting garbage in the background would disturb whatever is timed next
    run(`git init -q -b main . && git config gc.auto 0 && ${settings || 'true'}`, treeOf('git'));
    measure('first commit', tool, 'git add -A && git commit -q -m first', treeOf('git'), gitIdentity);
    renameSync(join(treeOf('git'), '.git'), kept);
  }
  run(`${dbos} init`, treeOf('dbos'));
  measure('first commit', 'dbos', `${dbos} commit -m first`, treeOf('dbos'));
  renameSync(join(treeOf('dbos'), '.dbos'), join(base, `dbos-${round}`));
  if (has('restic')) {
    const repository = join(base, `restic-${round}`);
    const env = {RESTIC_PASSWORD: 'x', RESTIC_REPOSITORY: repository, RESTIC_CACHE_DIR: join(base, 'restic-cache')};
    run('restic init -q', base, env);
    measure('first commit', 'restic', 'restic backup -q .', treeOf('git'), env);
  }
  if (has('ostree')) {
    const repository = join(base, `ostree-${round}`);
    run(`ostree init --repo="${repository}" --mode=bare-user`, base);
    measure('first commit', 'ostree', `ostree commit --repo="${repository}" --branch=main .`, treeOf('git'));
  }
}
renameSync(join(base, `git-${rounds - 1}-default`), join(treeOf('git'), '.git'));
renameSync(join(base, `dbos-${rounds - 1}`), join(treeOf('dbos'), '.dbos'));
const sizes = {git: bytesOf(join(treeOf('git'), '.git/objects')), dbos: bytesOf(join(treeOf('dbos'), '.dbos'))};

const tools = [
  ['git', 'git', gitIdentity],
  ['dbos', dbos, {}],
] as const;

function edit(round: number): void {
  const random = randomNumbers(1000 + round);
  const chosen = new Set<string>();
  while (chosen.size < edits) chosen.add(paths[Math.floor(random() * paths.length)] as string);
  for (const [tool] of tools) {
    for (const path of chosen) appendFileSync(join(treeOf(tool), path), `edit ${round} ${path}\n`);
  }
}

for (const [tool, command] of tools) run(`${command} branch before && ${command} status`, treeOf(tool));
for (let round = 0; round < rounds; round++) {
  edit(round);
  for (const [tool, command, env] of tools) {
    const line = tool === 'git' ? `git add -A && git commit -q -m ${round}` : `${command} commit -m ${round}`;
    measure(`commit of ${edits} scattered edits`, tool, line, treeOf(tool), env);
  }
}
for (const [tool, command] of tools) {
  run(`${command} branch near main~1 && sleep 0.1 && ${command} status && ${command} status`, treeOf(tool));
}
for (let round = 0; round < rounds * 2; round++) {
  for (const [tool, command] of tools) {
    const line = tool === 'git' ? 'git status --porcelain' : `${command} status`;
    measure('status, warm, nothing changed', tool, line, treeOf(tool));
  }
}
for (let round = 0; round < rounds * 2; round++) {
  for (const [tool, command] of tools) {
    const quiet = tool === 'git' ? '-q ' : '';
    const to = round % 2 === 0 ? 'near' : 'main';
    measure(`switch, ${edits} files apart`, tool, `${command} switch ${quiet}${to}`, treeOf(tool));
  }
}
for (let round = 0; round < rounds; round++) {
  for (const [tool, command] of tools) {
    const empty = join(base, `empty-${tool}-${round}`);
    mkdirSync(empty);
    const folder = tool === 'git' ? '.git' : '.dbos';
    renameSync(join(treeOf(tool), folder), join(empty, folder));
    const line = tool === 'git' ? 'git checkout -q -f HEAD -- .' : `${command} restore .`;
    measure('checkout into an empty directory', tool, line, empty);
    run(`${command} status`, empty);
    renameSync(join(empty, folder), join(treeOf(tool), folder));
  }
}

// a small store: what every command pays
const small = {git: join(base, 'small-git'), dbos: join(base, 'small-dbos')};
for (const [tool, command, env] of tools) {
  mkdirSync(small[tool]);
  writeFileSync(join(small[tool], 'a.txt'), 'a\n');
  const add = tool === 'git' ? 'git add -A && ' : '';
  run(`${command} init && ${add}${command} commit -m one`, small[tool], env);
}
for (let round = 0; round < 15; round++) {
  measure('start', 'node -e 0', `"${process.execPath}" -e 0`, base);
  for (const command of ['log -n 1', 'branch', 'status']) {
    measure(command, 'git', `git ${command}`, small.git);
    measure(command, 'dbos', `${dbos} ${command}`, small.dbos);
  }
}

timings.print(work =>
  ['start', 'log -n 1', 'branch', 'status'].includes(work)
    ? timings.seconds('start', 'node -e 0')
    : timings.seconds(work, 'git'),
);
console.log(
  `\nStore after the first commit: ${sizes.dbos} bytes; git's objects: ${sizes.git}; ratio ${(sizes.dbos / sizes.git).toFixed(2)}`,
);
if (!existsSync(DBOS)) throw new Error('build first');
