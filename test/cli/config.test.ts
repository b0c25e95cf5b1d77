/** `dbos config`: the store's settings, the user's, and the defaults. */
import {writeFileSync} from 'node:fs';
import {join} from 'node:path';
import test from 'ava';
import {dbos} from '../support/dbos.js';
import {makeTmpDir} from '../support/tmp.js';
import {makeStore} from './store.js';

test('a setting is written, read, listed and removed', t => {
  const store = makeStore(t);
  t.deepEqual(store.json('config', 'user.name', 'Ada'), {key: 'user.name', value: 'Ada', scope: 'store'});
  t.is(store.run('config', 'USER.name'), 'Ada\n');
  t.deepEqual(store.json('config'), {
    'color.ui': 'auto',
    'core.lockTimeout': 30,
    'init.defaultBranch': 'main',
    'ssh.command': 'ssh',
    'ssh.dbos': 'dbos',
    'user.name': 'Ada',
  });
  t.true(store.lines('config', '--list').includes('user.name           Ada   (store)'));
  t.is(store.try('config', '--unset', 'user.name').status, 0);
  t.like(store.try('config', 'user.name'), {status: 1, stdout: '', stderr: ''});
  t.like(store.try('config', '--unset', 'user.name'), {status: 1});
});

test('settings of the user need no store, and the store wins', t => {
  const home = makeTmpDir(t);
  const env = {XDG_CONFIG_HOME: home};
  const run = (cwd: string, ...args: string[]) => dbos(cwd, ['config', ...args], {env});
  t.is(run(home, '--user', 'color.ui', 'never').status, 0);
  t.is(run(home, 'color.ui').stdout, 'never\n');
  const store = makeStore(t);
  t.is(run(store.directory, 'color.ui', 'always').status, 0);
  t.is(run(store.directory, 'color.ui').stdout, 'always\n');
  t.is(run(store.directory, '--user', 'color.ui').stdout, 'never\n');
  t.is(run(store.directory, '--user', '--list').stdout, 'color.ui  never  (user)\n');
  t.is(run(store.directory, '--user', 'core.pager').status, 1);
});

test('wrong names, values and uses', t => {
  const store = makeStore(t);
  t.deepEqual(store.failure('config', 'user.nme'), [4, 'CONFIG_UNKNOWN']);
  t.deepEqual(store.failure('config', 'core.lockTimeout', 'abc'), [2, 'CONFIG_INVALID']);
  t.regex(store.try('config', 'core.lockTimeout', 'abc').stderr, /not "abc"/);
  t.deepEqual(store.failure('config', '--unset'), [2, 'USAGE']);
  t.deepEqual(store.failure('config', '--list', 'user.name'), [2, 'USAGE']);
  const outside = dbos(makeTmpDir(t), ['config', 'user.name', 'Ada']);
  t.is(outside.status, 1);
  t.regex(outside.stderr, /STORE_NOT_FOUND/);
});

test('a value of the wrong type in the file can be put right with the command', t => {
  const store = makeStore(t);
  writeFileSync(join(store.directory, '.dbos/config.json'), '{"core.lockTimeout": "long"}');
  t.is(store.try('branch').status, 2);
  store.run('config', 'core.lockTimeout', '5');
  t.is(store.try('branch').status, 0);
});
