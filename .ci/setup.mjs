// Makes a fresh clone ready: installs the locked dependencies if they are not there, and builds what changed.
import {spawnSync} from 'node:child_process';
import {existsSync, readdirSync, readFileSync, statSync} from 'node:fs';
import {join} from 'node:path';
import {fileURLToPath} from 'node:url';

const root = fileURLToPath(new URL('..', import.meta.url));
process.chdir(root);

function run(command, args) {
  const done = spawnSync(command, args, {stdio: 'inherit'});
  if (done.error) throw done.error;
  if (done.status !== 0) process.exit(done.status ?? 1);
}

/** Returns whether every package of the lock file that belongs on this machine is installed in the locked version. */
function installed() {
  if (!existsSync('node_modules/.package-lock.json')) return false;
  const wanted = JSON.parse(readFileSync('package-lock.json', 'utf8')).packages;
  const there = JSON.parse(readFileSync('node_modules/.package-lock.json', 'utf8')).packages;
  return Object.entries(wanted).every(
    ([path, entry]) => path === '' || there[path]?.version === entry.version || (entry.optional && !there[path]),
  );
}

function newest(paths) {
  let time = 0;
  for (const path of paths) {
    if (!existsSync(path)) continue;
    const stat = statSync(path);
    if (!stat.isDirectory()) time = Math.max(time, stat.mtimeMs);
    else for (const name of readdirSync(path)) time = Math.max(time, newest([join(path, name)]));
  }
  return time;
}

const STAMP = 'dist/.built';
if (!installed()) {
  // `npm ci` wants the packages of every platform in the lock file, and a registry need not have all of them
  const clean = spawnSync('npm', ['ci', '--no-audit', '--no-fund'], {stdio: ['ignore', 'inherit', 'ignore']});
  if (clean.status !== 0) run('npm', ['install', '--no-save', '--no-audit', '--no-fund']);
}
const sources = newest(['src', 'commands', 'test', '.ci', 'package.json', 'tsconfig.json', 'package-lock.json']);
if (!existsSync(STAMP) || statSync(STAMP).mtimeMs < sources) run(process.execPath, ['.ci/build.mjs']);
