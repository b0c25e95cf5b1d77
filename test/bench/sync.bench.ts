/**
 * Clone, push and fetch between a server and a client on this machine, in turn with git over `git daemon`: the same generated tree,
 * whole processes. What git serves is packed, as it is after `git gc`. `dbos serve` speaks HTTP and asks for a token; the git protocol asks for nothing.
 *
 *     node dist/test/bench/sync.bench.js [--rounds N] [--small] [--rows N] [--dir DIR]
 */
import {type ChildProcess, spawn} from 'node:child_process';
import {appendFileSync, mkdirSync, mkdtempSync, readFileSync} from 'node:fs';
import {connect} from 'node:net';
import {tmpdir} from 'node:os';
import {join} from 'node:path';
import {fileURLToPath} from 'node:url';
import {parseArgs} from 'node:util';
import {FULL_SHAPE, randomNumbers, type TreeShape, writeTree} from './generated-tree.js';
import {Timings} from './timed.js';

const {values: options} = parseArgs({
  options: {
    rounds: {type: 'string', default: '3'},
    rows: {type: 'string', default: '1000000'},
    small: {type: 'boolean', default: false},
    dir: {type: 'string'},
  },
});
const rounds = Number(options.rounds);
const shape: TreeShape = options.small
  ? {directories: 600, files: 5000, largeFiles: 2, largeSize: 20 << 20}
  : FULL_SHAPE;
const edits = options.small ? 100 : 1000;
const base = options.dir ?? mkdtempSync(join(tmpdir(), 'dbos-bench-'));
const DBOS = fileURLToPath(new URL('../../bin/dbos.cjs', import.meta.url));
const dbos = `"${process.execPath}" "${DBOS}"`;
const timings = new Timings(base);
const PORTS = {git: 9418, dbos: 9420, rows: 9421};
/** Seconds after which a server stops by itself. */
const LONGEST = 3600;
const identity = {GIT_AUTHOR_NAME: 'a', GIT_AUTHOR_EMAIL: 'a@b', GIT_COMMITTER_NAME: 'a', GIT_COMMITTER_EMAIL: 'a@b'};

const servers: ChildProcess[] = [];
process.on('exit', () => {
  for (const server of servers) server.kill();
});

async function start(port: number, command: string, ...args: string[]): Promise<void> {
  servers.push(spawn(command, args, {stdio: ['ignore', 'ignore', 'inherit']}));
  for (let tries = 0; ; tries++) {
    const open = await new Promise<boolean>(resolve => {
      const socket = connect(port, '127.0.0.1', () => resolve(true));
      socket.on('error', () => resolve(false));
      socket.on('connect', () => socket.destroy());
    });
    if (open) return;
    if (tries === 100) throw new Error(`${command} does not listen`);
    await new Promise(resolve => setTimeout(resolve, 100));
  }
}

/** Serves a store and returns what a client needs to push to it. */
async function serve(store: string, port: number): Promise<{DBOS_TOKEN: string}> {
  timings.run(`${dbos} token create --name bench --role write --json > "${base}/token"`, store);
  const {token} = JSON.parse(readFileSync(join(base, 'token'), 'utf8')) as {token: string};
  await start(
    port,
    process.execPath,
    DBOS,
    'serve',
    store,
    '--port',
    `${port}`,
    '--stop-after',
    `${LONGEST}`,
    '--quiet',
  );
  return {DBOS_TOKEN: token};
}

console.error(`in ${base}`);
const tree = join(base, 'tree');
const paths = writeTree(tree, shape);
timings.run('git init -q -b main . && git config gc.auto 0 && git add -A && git commit -q -m first', tree, identity);
timings.run(`echo .git > .dbosignore && ${dbos} init && ${dbos} commit -m first`, tree);
timings.run('git clone -q --bare tree hub.git && git -C hub.git config gc.auto 0 && git -C hub.git repack -adq', base);
timings.run(`${dbos} clone -q --bare tree hub`, base);
await start(
  PORTS.git,
  'git',
  'daemon',
  `--base-path=${base}`,
  '--export-all',
  '--enable=receive-pack',
  `--port=${PORTS.git}`,
  '--listen=127.0.0.1',
  '--reuseaddr',
);
const access = await serve(join(base, 'hub'), PORTS.dbos);

const tools = [
  ['git', 'git', `git://127.0.0.1:${PORTS.git}/hub.git`, identity],
  ['dbos', dbos, `http://127.0.0.1:${PORTS.dbos}`, access],
] as const;

for (let round = 0; round < rounds; round++) {
  for (const [tool, command, url, env] of tools) {
    timings.measure('clone', tool, `${command} clone -q ${url} ${tool}-${round}`, base, env);
  }
}
const copyOf = (tool: string) => join(base, `${tool}-${rounds - 1}`);
for (const [tool, command, , env] of tools) timings.run(`${command} status`, copyOf(tool), env);
for (let round = 0; round < rounds; round++) {
  const random = randomNumbers(1000 + round);
  const chosen = new Set<string>();
  while (chosen.size < edits) chosen.add(paths[Math.floor(random() * paths.length)] as string);
  for (const [tool, command, , env] of tools) {
    for (const path of chosen) appendFileSync(join(copyOf(tool), path), `edit ${round} ${path}\n`);
    timings.run(`${command} commit -q ${tool === 'git' ? '-a' : ''} -m ${round}`, copyOf(tool), env);
    timings.measure(`push of ${edits} changed files`, tool, `${command} push -q`, copyOf(tool), env);
  }
}
for (let round = 0; round < 5 * rounds; round++) {
  timings.measure('start', 'node -e 0', `"${process.execPath}" -e 0`, base);
  for (const [tool, command, , env] of tools) {
    timings.measure('fetch of nothing', tool, `${command} fetch -q`, copyOf(tool), env);
  }
}

const rows = join(base, 'rows');
mkdirSync(rows);
timings.run(`${dbos} init`, rows);
const script = `CREATE TABLE t (id INTEGER PRIMARY KEY, name TEXT, v REAL);
INSERT INTO t SELECT value, 'row ' || value, value * 1.5 FROM generate_series(1, ${options.rows});`;
timings.run(`${dbos} query -q "${script}" && cd .. && ${dbos} clone -q --bare rows row-hub`, rows);
const rowAccess = await serve(join(base, 'row-hub'), PORTS.rows);
timings.run(`${dbos} remote add origin http://127.0.0.1:${PORTS.rows}`, rows);
const bytes: number[] = [];
for (let round = 0; round < 5 * rounds; round++) {
  const id = 1 + Math.floor(randomNumbers(round)() * Number(options.rows));
  timings.run(`${dbos} query -q "UPDATE t SET v = -${round + 1} WHERE id = ${id}"`, rows);
  timings.measure(
    `push of one row of ${options.rows}`,
    'dbos',
    `${dbos} push --json > "${base}/pushed"`,
    rows,
    rowAccess,
  );
  bytes.push((JSON.parse(readFileSync(join(base, 'pushed'), 'utf8')) as {bytes: number}).bytes);
}

timings.print(work =>
  work === 'start' || work.startsWith('push of one row')
    ? timings.seconds('start', 'node -e 0')
    : timings.seconds(work, 'git'),
);
console.log(`\nA push of one row sends ${Math.min(...bytes)} to ${Math.max(...bytes)} bytes of objects.`);
process.exit();
