/** A store whose folder may not be written is read all the same, also while somebody else writes there. */
import {spawnSync} from 'node:child_process';
import fs from 'node:fs';
import {tmpdir} from 'node:os';
import path from 'node:path';
import test, {type ExecutionContext} from 'ava';
import {LevelStorage} from '../../src/storage/level.js';
import {copyToRead, isWritable} from '../../src/storage/read-only.js';
import {Witness} from '../../src/storage/witness.js';
import {UNCOVERED} from '../support/coverage.js';
import {environment, mustRun, type Outcome, PROGRAM} from '../support/dbos.js';
import {makeTmpDir} from '../support/tmp.js';

const NOBODY = 65534;

/** Takes away from everybody, or gives back to the owner, the right to write in a folder and all that is in it. */
function setWritable(folder: string, writable: boolean): void {
  const mode = writable ? 'u+w' : 'a-w';
  spawnSync('chmod', ['-R', mode, folder]);
}

/** Runs `dbos` as somebody who may read everything and write nothing in `folder`. */
function asReader(cwd: string, ...args: string[]): Outcome {
  const user = process.getuid?.() === 0 ? {uid: NOBODY, gid: NOBODY} : {};
  const env = environment(UNCOVERED);
  const {status, stdout, stderr} = spawnSync(process.execPath, [PROGRAM, ...args], {
    cwd,
    env,
    encoding: 'utf8',
    ...user,
  });
  return {status, stdout, stderr};
}

function lentStore(t: ExecutionContext): string {
  const outer = makeTmpDir(t);
  fs.chmodSync(outer, 0o755);
  const folder = path.join(outer, 'project');
  fs.mkdirSync(folder, {mode: 0o755});
  fs.writeFileSync(path.join(folder, 'a.txt'), 'one\n');
  mustRun(folder, 'init');
  mustRun(folder, 'commit', '-m', 'first');
  fs.writeFileSync(path.join(folder, 'a.txt'), 'two\n');
  mustRun(folder, 'commit', '-m', 'second');
  mustRun(folder, 'query', "CREATE TABLE t (id INTEGER PRIMARY KEY, v TEXT); INSERT INTO t VALUES (1, 'x'), (2, 'y')");
  mustRun(outer, 'clone', '--bare', 'project', 'far');
  mustRun(folder, 'remote', 'add', 'far', '../far');
  mustRun(folder, 'fetch', 'far');
  mustRun(folder, 'branch', '-u', 'far/main');
  mustRun(folder, 'config', 'color.ui', 'never');
  setWritable(path.join(folder, '.dbos'), false);
  t.teardown(() => setWritable(path.join(folder, '.dbos'), true));
  return folder;
}

test('whoever may not write in a store reads it, clones it and is told what cannot be changed', t => {
  const folder = lentStore(t);
  const before = fs.readdirSync(path.join(folder, '.dbos', 'level')).sort();
  const reads = (...args: string[]): string => {
    const {status, stdout, stderr} = asReader(folder, ...args);
    t.is(status, 0, `${args.join(' ')}: ${stderr}`);
    return stdout;
  };
  t.regex(reads('log'), /first/);
  t.regex(reads('query', 'SELECT sum(id) AS n FROM t', '--format', 'csv'), /^n\r?\n3\r?\n/);
  t.is(reads('cat', 'a.txt', '--at', 'HEAD~3'), 'one\n');
  t.regex(reads('status'), /Nothing changed/);
  t.regex(reads('diff', 'HEAD~3', 'HEAD~2'), /\+two/);
  t.regex(reads('fsck'), /no problem/);
  const changes = [
    ['query', "INSERT INTO t VALUES (3, 'z')"],
    ['branch', 'other'],
    ['restore', '--source', 'HEAD~3', 'a.txt'],
    ['checkout', 'HEAD~3'],
    ['undo'],
    ['config', 'core.lockTimeout', '5'],
    ['config', '--unset', 'color.ui'],
    ['remote', 'add', 'other', '../other'],
    ['remote', 'set-url', 'far', '../elsewhere'],
    ['remote', 'rm', 'far'],
    ['branch', '--unset-upstream', 'main'],
    ['token', 'create', '--name', 'ci'],
  ];
  const [sentence] = /The store at .*$/m.exec(asReader(folder, 'undo').stderr) ?? [];
  for (const args of changes) {
    const {status, stderr} = asReader(folder, ...args);
    t.is(status, 1, args.join(' '));
    t.regex(stderr, /can only be read.*READ_ONLY/, args.join(' '));
    t.true(stderr.includes(`${sentence}`) && stderr.includes('hint: Clone it into a folder of your own'), stderr);
  }
  t.is(fs.readFileSync(path.join(folder, 'a.txt'), 'utf8'), 'two\n');
  const mine = makeTmpDir(t);
  fs.chmodSync(mine, 0o777);
  const cloned = asReader(mine, 'clone', folder, 'mine');
  t.is(cloned.status, 0, cloned.stderr);
  t.is(fs.readFileSync(path.join(mine, 'mine', 'a.txt'), 'utf8'), 'two\n');
  const pushed = asReader(path.join(mine, 'mine'), 'push', 'origin', 'main:x');
  t.not(pushed.status, 0);
  t.deepEqual(fs.readdirSync(path.join(folder, '.dbos', 'level')).sort(), before);
  t.deepEqual(
    fs.readdirSync(tmpdir()).filter(name => name.startsWith('dbos-read-') && isNobodys(path.join(tmpdir(), name))),
    [],
    'nothing is left behind',
  );
});

test('what is said of damage names the store, not the folder that was made to read it', t => {
  const folder = lentStore(t);
  const store = path.join(folder, '.dbos');
  const level = path.join(store, 'level');
  const [manifest = ''] = fs.readdirSync(level).filter(name => name.startsWith('MANIFEST-'));
  const knowing = new Witness(store);
  const damages: Readonly<Record<string, () => void>> = {
    'no manifest': () => fs.rmSync(path.join(level, manifest)),
    'a manifest of something else': () => fs.writeFileSync(path.join(level, manifest), Buffer.alloc(100, 7)),
    'a pointer to nothing': () => fs.writeFileSync(path.join(level, 'CURRENT'), 'MANIFEST-999999\n'),
    'lost commits': () => knowing.write(1_000_000),
    'a lost log': () => fs.rmSync(path.join(store, 'log'), {recursive: true}),
  };
  for (const [what, damage] of Object.entries(damages)) {
    const whole = makeTmpDir(t);
    fs.cpSync(store, path.join(whole, 'store'), {recursive: true});
    setWritable(store, true);
    damage();
    knowing.close();
    setWritable(store, false);
    for (const args of [['cat', 'a.txt'], ['log', '--json'], ['fsck']]) {
      const {status, stdout, stderr} = asReader(folder, ...args);
      t.not(status, 0, `${what}: ${args.join(' ')}`);
      t.notRegex(stdout + stderr, /dbos-read-/, what);
      if (args[0] !== 'fsck') t.true((stdout + stderr).includes(store), `${what}: ${stdout}${stderr}`);
    }
    setWritable(store, true);
    fs.rmSync(store, {recursive: true});
    fs.cpSync(path.join(whole, 'store'), store, {recursive: true});
    setWritable(store, false);
  }
});

function isNobodys(folder: string): boolean {
  return fs.statSync(folder, {throwIfNoEntry: false})?.uid === NOBODY;
}

test('law: a copy that is made while somebody writes is the store after one of the commits', async t => {
  const directory = makeTmpDir(t);
  const storage = await LevelStorage.open(directory, {createIfMissing: true});
  t.true(isWritable(directory));
  const commit = async (number: number) => {
    const writer = storage.writer();
    writer.put(`n ${number}`, Buffer.alloc(600 + (number % 7) * 3000, `${number} `));
    writer.put('newest', Buffer.from(`${number}`));
    if (number > 2) writer.delete(`n ${number - 2}`);
    await writer.commit();
  };
  let made = 0;
  let isOver = false;
  const writing = (async () => {
    while (!isOver) await commit(++made);
  })();
  const seen = new Set<number>();
  while (made < 3) await new Promise(done => setImmediate(done));
  for (let i = 0; i < 25; i++) {
    const least = made - 1;
    const copy = await copyToRead(directory);
    const most = made + 1;
    fs.symlinkSync(path.join(directory, 'log'), path.join(copy, 'log'));
    const read = await LevelStorage.open(copy, {createIfMissing: false});
    const number = Number(Buffer.from(read.get('newest') ?? []).toString());
    t.true(number >= least && number <= most, `${number} of ${least} to ${most}`);
    t.true(read.has(`n ${number}`) && read.has(`n ${number - 1}`) && !read.has(`n ${number - 2}`));
    t.false(read.has(`n ${number + 1}`));
    t.is(read.get(`n ${number}`)?.length, 600 + (number % 7) * 3000);
    await read.close();
    fs.rmSync(copy, {recursive: true});
    seen.add(number);
  }
  isOver = true;
  await writing;
  await storage.close();
  t.true(seen.size > 10);
});
