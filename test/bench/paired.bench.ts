/**
 * One command of this build against git and against another build, in turn, on the trees that `versus.bench.js --dir DIR` has
 * left: medians of wall and CPU time, and peak memory. CPU time says more where other work runs on the machine.
 *
 *     node dist/test/bench/paired.bench.js --dir DIR --other OTHER/dist/bin/dbos.cjs --work status|edits|switch [--rounds N]
 */
import {spawnSync} from 'node:child_process';
import {appendFileSync, readFileSync} from 'node:fs';
import {join} from 'node:path';
import {fileURLToPath} from 'node:url';
import {parseArgs} from 'node:util';
import {randomNumbers} from './generated-tree.js';

const {values: options} = parseArgs({
  options: {
    dir: {type: 'string', default: '.'},
    other: {type: 'string'},
    work: {type: 'string', default: 'status'},
    rounds: {type: 'string', default: '9'},
  },
});
const rounds = Number(options.rounds);
const dbos = (file: string) => `"${process.execPath}" "${file}"`;
const commands = new Map([['git', 'git']]);
if (options.other !== undefined) commands.set('other', dbos(options.other));
commands.set('this', dbos(fileURLToPath(new URL('../../bin/dbos.cjs', import.meta.url))));
const env = {
  ...process.env,
  GIT_AUTHOR_NAME: 'a',
  GIT_AUTHOR_EMAIL: 'a@b',
  GIT_COMMITTER_NAME: 'a',
  GIT_COMMITTER_EMAIL: 'a@b',
};
const treeOf = (tool: string) => join(options.dir, tool === 'git' ? 'tree-git' : 'tree-dbos');

interface Run {
  readonly wall: number;
  readonly cpu: number;
  readonly memory: number;
}

function run(line: string, cwd: string): Run {
  spawnSync('sync');
  const report = join(options.dir, 'paired');
  const began = process.hrtime.bigint();
  const done = spawnSync('/usr/bin/time', ['-f', '%U %S %M', '-o', report, 'sh', '-c', line], {cwd, env});
  const wall = Number(process.hrtime.bigint() - began) / 1e6;
  if (done.status !== 0) throw new Error(`${line}: ${done.stderr}`);
  const [user, system, memory] = readFileSync(report, 'utf8').trim().split(/\s+/).map(Number) as [
    number,
    number,
    number,
  ];
  return {wall, cpu: (user + system) * 1000, memory: memory / 1024};
}

const listed = spawnSync('git', ['ls-files'], {cwd: treeOf('git'), encoding: 'utf8', maxBuffer: 1 << 30}).stdout;
const paths = listed.split('\n').filter(path => /(^|\/)f[0-9a-z]+\.\w+$/.test(path));
const random = randomNumbers(Date.now() >>> 0);

/** Makes what the command has to do, and returns its line. */
function prepare(tool: string, command: string): string {
  const isGit = tool === 'git';
  if (options.work === 'edits') {
    const chosen = new Set<string>();
    while (chosen.size < 1000) chosen.add(paths[Math.floor(random() * paths.length)] as string);
    for (const path of chosen) appendFileSync(join(treeOf(tool), path), `edit ${random()}\n`);
    return isGit ? 'git add -A && git commit -q -m edit' : `${command} commit -m edit`;
  }
  if (options.work === 'switch') {
    const {stdout} = spawnSync('sh', ['-c', isGit ? 'git branch --show-current' : `${command} branch --json`], {
      cwd: treeOf(tool),
      encoding: 'utf8',
    });
    const branches = isGit ? [] : (JSON.parse(stdout) as {name: string; current: boolean}[]);
    const here = isGit ? stdout.trim() : branches.find(({current}) => current)?.name;
    return `${command} switch ${isGit ? '-q ' : ''}${here === 'near' ? 'main' : 'near'}`;
  }
  return isGit ? 'git status --porcelain' : `${command} status`;
}

const results = new Map<string, Run[]>();
for (let round = 0; round < rounds; round++) {
  for (const [tool, command] of commands) {
    results.set(tool, [...(results.get(tool) ?? []), run(prepare(tool, command), treeOf(tool))]);
  }
}
const median = (numbers: number[]) => numbers.sort((a, b) => a - b)[numbers.length >> 1] as number;
const git = median((results.get('git') ?? []).map(({wall}) => wall));
console.log(`| ${options.work} | ms | CPU ms | MB | ratio |\n|---|---|---|---|---|`);
for (const [tool, runs] of results) {
  const [wall, cpu, memory] = (['wall', 'cpu', 'memory'] as const).map(key => median(runs.map(each => each[key])));
  const cells = [wall, cpu, memory].map(number => (number as number).toFixed(0));
  console.log(`| ${tool} | ${cells.join(' | ')} | ${((wall as number) / git).toFixed(2)} |`);
}
