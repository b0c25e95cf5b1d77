import {type ChildProcess, spawn} from 'node:child_process';
import {once} from 'node:events';
import fs from 'node:fs';
import path from 'node:path';
import {fileURLToPath} from 'node:url';
import test, {type ExecutionContext} from 'ava';
import {isDbosError} from '../../src/errors.js';
import {LevelStorage} from '../../src/storage/level.js';
import {makeTmpDir} from '../support/tmp.js';
import {commitNumber, isAbsent, isWhole} from './numbered.js';

const CHILD = fileURLToPath(new URL('child.js', import.meta.url));

function start(t: ExecutionContext, ...args: string[]): ChildProcess {
  const child = spawn(process.execPath, [CHILD, ...args], {stdio: ['ignore', 'pipe', 'inherit']});
  t.teardown(() => {
    child.kill('SIGKILL');
  });
  return child;
}

async function makeStore(t: ExecutionContext): Promise<string> {
  const directory = makeTmpDir(t);
  await (await LevelStorage.open(directory, {createIfMissing: true})).close();
  return directory;
}

async function holding(t: ExecutionContext, directory: string): Promise<ChildProcess> {
  const child = start(t, 'hold', directory);
  await once(child.stdout as NodeJS.EventEmitter, 'data');
  return child;
}

test('a store in use is waited for, then given up with the name of the holder', async t => {
  const directory = await makeStore(t);
  const child = await holding(t, directory);
  const error = await t.throwsAsync(LevelStorage.open(directory, {createIfMissing: false, lockTimeout: 150}));
  if (!isDbosError(error, 'STORE_LOCKED')) return t.fail(`${error}`);
  t.regex(error.message, new RegExp(`process ${child.pid} \\(child hold\\)`));
  t.is((error.data.holder as {pid?: number}).pid, child.pid);
  t.is(error.exitStatus, 5);
});

test('a holder that dies blocks nobody', async t => {
  const directory = await makeStore(t);
  const child = await holding(t, directory);
  const opening = LevelStorage.open(directory, {createIfMissing: false});
  child.kill('SIGKILL');
  const storage = await opening;
  t.is(commitNumber(storage), 0);
  await storage.close();
});

test('the holder is not named when its note is damaged or it is gone', async t => {
  const directory = await makeStore(t);
  await holding(t, directory);
  for (const note of ['{"pid":', '{}', 'null', '{"pid":-1,"command":"x"}', '{"pid":999999999,"command":"x"}']) {
    fs.writeFileSync(path.join(directory, 'holder'), note);
    const error = await t.throwsAsync(LevelStorage.open(directory, {createIfMissing: false, lockTimeout: 0}));
    t.regex(error?.message ?? '', /^The store is in use by another process\.$/);
  }
});

test('the second opening in the same process waits, and leaves the lock as it is', async t => {
  const directory = await makeStore(t);
  const link = path.join(makeTmpDir(t), 'link');
  fs.symlinkSync(directory, link);
  const storage = await LevelStorage.open(directory, {createIfMissing: false, holder: 'first'});
  for (const name of [directory, link]) {
    const error = await t.throwsAsync(LevelStorage.open(name, {createIfMissing: false, lockTimeout: 20}), {
      code: 'STORE_LOCKED',
    });
    t.regex(error?.message ?? '', /first/);
  }
  const child = start(t, 'count', directory);
  const second = LevelStorage.open(link, {createIfMissing: false});
  t.is(child.exitCode, null, 'the other process still waits');
  t.is(commitNumber(storage), 0);
  await storage.close();
  await (await second).close();
  if (child.exitCode === null) await once(child, 'exit');
  t.is(child.exitCode, 0);
});

test('many processes at once each get their turn', async t => {
  const directory = await makeStore(t);
  const children = Array.from({length: 8}, () => start(t, 'count', directory, '4'));
  await Promise.all(children.map(child => once(child, 'exit')));
  t.deepEqual(
    children.map(child => child.exitCode),
    children.map(() => 0),
  );
  const storage = await LevelStorage.open(directory, {createIfMissing: false});
  t.is(commitNumber(storage), 32);
  await storage.close();
});

test('a process that is killed leaves whole commits only', async t => {
  const directory = await makeStore(t);
  let last = 0;
  for (let round = 0; round < 6; round++) {
    const child = start(t, 'write', directory);
    let printed = last;
    child.stdout?.on('data', chunk => {
      printed = Number(String(chunk).trim().split('\n').at(-1));
    });
    await once(child.stdout as NodeJS.EventEmitter, 'data');
    await new Promise(resolve => setTimeout(resolve, 5 + Math.random() * 60));
    child.kill('SIGKILL');
    await once(child, 'close');
    const storage = await LevelStorage.open(directory, {createIfMissing: false});
    const number = commitNumber(storage);
    t.true(number >= printed, 'what was reported is there');
    for (let i = last + 1; i <= number; i++) t.true(isWhole(storage, i), `commit ${i}`);
    t.true(isAbsent(storage, number + 1));
    t.deepEqual([...storage.checkLog()], []);
    await storage.close();
    last = number;
  }
  t.true(last > 0);
});
