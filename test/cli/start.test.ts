/** How the program starts: from any folder, through a link, with and without its code cache, and without oclif. */
import {chmodSync, copyFileSync, mkdirSync, readdirSync, readFileSync, symlinkSync, writeFileSync} from 'node:fs';
import {join} from 'node:path';
import test from 'ava';
import {UNCOVERED} from '../support/coverage.js';
import {makeTmpDir} from '../support/tmp.js';
import {BIN, runDbos} from './program.js';

const COMMAND = ['completion', 'bash'];
const EXPECTED = runDbos(COMMAND).stdout;

function copyProgram(folder: string): string {
  mkdirSync(folder, {recursive: true});
  for (const name of ['dbos.cjs', 'light.cjs']) copyFileSync(join(BIN, name), join(folder, name));
  return join(folder, 'dbos.cjs');
}

const caches = (folder: string) => readdirSync(folder).filter(name => name.endsWith('.cache'));

test('a usual command needs the start and the first script alone', t => {
  const program = copyProgram(makeTmpDir(t));
  t.like(runDbos(COMMAND, {program, env: UNCOVERED}), {status: 0, stdout: EXPECTED, stderr: ''});
});

test('the first run writes a code cache, and a bad one does no harm', t => {
  const folder = makeTmpDir(t);
  const program = copyProgram(folder);
  const run = () => runDbos(COMMAND, {program, env: UNCOVERED});
  run();
  const [cache, ...more] = caches(folder);
  t.truthy(cache);
  t.deepEqual(more, []);
  t.like(run(), {status: 0, stdout: EXPECTED, stderr: ''});
  const path = join(folder, cache as string);
  const whole = readFileSync(path);
  for (const bytes of [Buffer.alloc(0), whole.subarray(0, 1000), Buffer.alloc(whole.length)]) {
    writeFileSync(path, bytes);
    t.like(run(), {status: 0, stdout: EXPECTED, stderr: ''});
  }
});

test('the build makes a code cache for each script of the light program', t => {
  const kinds = new Set(caches(BIN).map(name => name.split('.', 1)[0]));
  t.deepEqual([...kinds].sort(), ['light', 'more', 'query']);
});

test('a folder that cannot be written is no problem', t => {
  const folder = makeTmpDir(t);
  const program = copyProgram(folder);
  // A folder in the place of the cache stops root as well.
  runDbos(COMMAND, {program, env: UNCOVERED});
  const [cache] = caches(folder);
  const second = join(folder, 'second');
  copyProgram(second);
  mkdirSync(join(second, cache as string));
  chmodSync(second, 0o555);
  t.like(runDbos(COMMAND, {program: join(second, 'dbos.cjs'), env: UNCOVERED}), {
    status: 0,
    stdout: EXPECTED,
    stderr: '',
  });
  chmodSync(second, 0o755);
  t.deepEqual(readdirSync(second).sort(), ['dbos.cjs', 'light.cjs', cache as string].sort());
});

test('a link to the program works', t => {
  const link = join(makeTmpDir(t), 'dbos');
  symlinkSync(join(BIN, 'dbos.cjs'), link);
  t.like(runDbos(COMMAND, {program: link}), {status: 0, stdout: EXPECTED});
  t.like(runDbos(['help'], {program: link}), {status: 0});
});

test('dbos --version and dbos alone', t => {
  t.regex(runDbos(['--version']).stdout, /^stone-os\/\d+\.\d+\.\d+ \S+ node-v\d/);
  t.deepEqual(Object.keys(JSON.parse(runDbos(['--version', '--json']).stdout) as object), ['name', 'version']);
  const {status, stdout} = runDbos([]);
  t.is(status, 0);
  t.regex(stdout, /\nCOMMANDS\n/);
  t.notRegex(stdout, /__complete/);
});
