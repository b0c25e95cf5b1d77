import fs from 'node:fs';
import {join} from 'node:path';
import test from 'ava';
import {Config, SETTINGS, type SettingName, settingName} from '../../src/repo/config.js';
import {makeTmpDir} from '../support/tmp.js';

function files(directory: string) {
  return {store: join(directory, 'store.json'), user: join(directory, 'home/config.json')};
}

test("the store's settings win over the user's, and these over defaults", t => {
  const paths = files(makeTmpDir(t));
  const config = new Config(paths);
  t.is(config.get('color.ui'), 'auto');
  t.is(config.get('user.name'), undefined);
  config.set('color.ui', 'never', 'user');
  t.is(config.get('color.ui'), 'never');
  config.set('color.ui', 'always', 'store');
  t.deepEqual(new Config(paths).entry('color.ui'), {key: 'color.ui', value: 'always', scope: 'store'});
  t.true(config.unset('color.ui', 'store'));
  t.false(config.unset('color.ui', 'store'));
  t.is(new Config(paths).get('color.ui'), 'never');
  t.deepEqual(
    new Config(paths).list().map(({key, scope}) => [key, scope]),
    [
      ['color.ui', 'user'],
      ['core.lockTimeout', 'default'],
      ['init.defaultBranch', 'default'],
      ['ssh.command', 'default'],
      ['ssh.dbos', 'default'],
    ],
  );
});

test('values are checked by type', t => {
  const config = new Config(files(makeTmpDir(t)));
  config.set('core.lockTimeout', '2.5', 'store');
  t.is(config.get('core.lockTimeout'), 2.5);
  for (const [key, text] of [
    ['core.lockTimeout', 'soon'],
    ['core.lockTimeout', '-1'],
    ['core.lockTimeout', ''],
    ['core.lockTimeout', 'Infinity'],
    ['color.ui', 'blue'],
  ] as const) {
    t.throws(() => config.set(key, text, 'store'), {code: 'CONFIG_INVALID'}, `${key} ${text}`);
  }
  t.is(config.get('core.lockTimeout'), 2.5);
});

test('keys that this version does not know are kept; files are replaced whole', t => {
  const paths = files(makeTmpDir(t));
  fs.writeFileSync(paths.store, '{"future.key": [1], "user.name": "Ada"}');
  new Config(paths).set('user.email', 'ada@example.org', 'store');
  t.deepEqual(JSON.parse(fs.readFileSync(paths.store, 'utf8')), {
    'future.key': [1],
    'user.email': 'ada@example.org',
    'user.name': 'Ada',
  });
  t.deepEqual(fs.readdirSync(join(paths.store, '..')), ['store.json']);
});

for (const text of ['', '{', '[]', 'null', '3']) {
  test(`a settings file with ${JSON.stringify(text)} is CONFIG_INVALID`, t => {
    const paths = files(makeTmpDir(t));
    fs.writeFileSync(paths.store, text);
    const error = t.throws(() => new Config(paths).get('color.ui'), {code: 'CONFIG_INVALID'});
    t.true(error.message.includes(paths.store));
  });
}

test('a value of the wrong type in a file is CONFIG_INVALID when it is asked for', t => {
  const paths = files(makeTmpDir(t));
  fs.writeFileSync(paths.store, '{"core.lockTimeout": "x"}');
  const config = new Config(paths);
  t.is(config.get('color.ui'), 'auto');
  t.throws(() => config.get('core.lockTimeout'), {code: 'CONFIG_INVALID', message: /core\.lockTimeout/});
});

test('names are found in any case, and near ones are suggested', t => {
  t.is(settingName('USER.NAME'), 'user.name');
  const error = t.throws(() => settingName('user.nmae'), {code: 'CONFIG_UNKNOWN'}) as Error & {
    data: unknown;
    hint: string;
  };
  t.deepEqual(error.data, {key: 'user.nmae', nearest: ['user.name']});
  t.regex(error.hint, /user\.name/);
});

test('every default has the type of its setting', t => {
  const config = new Config({store: undefined, user: undefined});
  for (const key of Object.keys(SETTINGS) as SettingName[]) t.notThrows(() => config.entry(key));
  t.throws(() => config.set('user.name', 'x', 'user'), {code: 'CONFIG_INVALID'});
});
