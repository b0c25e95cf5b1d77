/** `dbos ls` and `dbos cat`: files of commits, whatever is on disk. */
import {spawnSync} from 'node:child_process';
import {chmodSync, cpSync, mkdirSync, rmSync, symlinkSync, utimesSync, writeFileSync} from 'node:fs';
import {join} from 'node:path';
import test from 'ava';
import {PROGRAM} from '../support/dbos.js';
import {makeTmpDir} from '../support/tmp.js';
import {runShell} from './program.js';
import {makeStore, Store} from './store.js';

const ODD = Buffer.from([0x6f, 0xff, 0x0a]);

test('ls lists a directory of a commit', t => {
  const store = makeStore(t);
  const path = (name: string) => join(store.directory, name);
  store.write({'src/b': 'four', 'src/lib/c': '', top: 'x'});
  symlinkSync('src/b', path('link'));
  writeFileSync(Buffer.concat([Buffer.from(`${store.directory}/`), ODD]), '');
  chmodSync(path('src'), 0o2750);
  chmodSync(path('src/b'), 0o4711);
  chmodSync(path('src/lib'), 0o1777);
  for (const name of ['src/b', 'src/lib']) utimesSync(path(name), 1_700_000_000, 1_700_000_000);
  store.commit({});
  rmSync(path('src'), {recursive: true});
  t.deepEqual(store.lines('ls'), ['link', '"o\\377\\n"', 'src/', 'top']);
  t.deepEqual(store.lines('ls', 'src'), ['b', 'lib/']);
  t.deepEqual(store.lines('ls', '-R', 'src'), ['b', 'lib/', 'lib/c']);
  t.deepEqual(store.lines('ls', 'top'), ['top']);
  const [b, lib] = store.lines('ls', '-l', 'src');
  t.regex(b as string, /^-rws--x--x {2}\S+ +\S+ +4 {2}2023-11-14 22:13 {2}b$/);
  t.regex(lib as string, /^drwxrwxrwt .* {2}2023-11-14 22:13 {2}lib\/$/);
  t.regex(store.lines('ls', '-l')[0] as string, /^lrwxrwxrwx .* {2}link -> src\/b$/);
  const [entry] = store.json<Record<string, unknown>[]>('ls', 'src');
  t.like(entry, {path: 'src/b', type: 'file', mode: '4711', size: 4, mtime: '2023-11-14T22:13:20.000000000Z'});
  t.like(store.json<Record<string, unknown>[]>('ls')[1], {path: 'o\udcff\n'});
});

test('a path is read in the current directory, or in a revision', t => {
  const store = makeStore(t);
  store.commit({'src/a': 'old'});
  store.commit({'src/a': 'new', 'HEAD:x': 'colon'});
  const inside = new Store(join(store.directory, 'src'));
  t.is(inside.run('cat', 'a'), 'new');
  t.is(inside.run('cat', 'a', '--at', 'HEAD~1'), 'old');
  t.is(inside.run('cat', 'main~1:src/a'), 'old');
  t.is(inside.run('cat', 'HEAD~1:./a', 'HEAD:src/a'), 'oldnew');
  t.is(store.run('cat', 'HEAD:x'), 'colon', 'a path that exists wins');
  t.is(store.run('cat', `${new Date().toISOString()}:src/a`), 'new', 'a time has colons');
  t.deepEqual(store.lines('ls', 'HEAD~1:'), ['src/']);
});

test('cat prints bytes as they are, the target of a link, and JSON', t => {
  const store = makeStore(t);
  const bytes = Buffer.from([0, 255, 10, 13]);
  writeFileSync(join(store.directory, 'raw'), bytes);
  symlinkSync('no\nwhere', join(store.directory, 'link'));
  store.commit({text: 'grün\n'});
  const {stdout} = spawnSync(process.execPath, [PROGRAM, 'cat', 'raw', 'text', 'link'], {cwd: store.directory});
  t.deepEqual(stdout, Buffer.concat([bytes, Buffer.from('grün\nno\nwhere')]));
  t.deepEqual(store.json('cat', 'raw', 'text'), [
    {path: 'raw', size: 4, encoding: 'base64', content: bytes.toString('base64')},
    {path: 'text', size: 6, encoding: 'utf8', content: 'grün\n'},
  ]);
});

test('a reader that goes away ends ls and cat quietly', t => {
  const store = makeStore(t);
  mkdirSync(join(store.directory, 'many'));
  for (let i = 0; i < 3000; i++) writeFileSync(join(store.directory, `many/a-rather-long-name-${i}`), '');
  store.commit({big: 'line\n'.repeat(400_000)});
  const script = `dbos ls many | head -n 1; echo \${PIPESTATUS[0]}; dbos cat big | head -n 1; echo \${PIPESTATUS[0]}`;
  const {stdout, stderr} = runShell(script, {cwd: store.directory});
  t.is(stderr, '');
  t.is(stdout, 'a-rather-long-name-0\n0\nline\n0\n');
});

test('what is not there, and what is no file', t => {
  const store = makeStore(t);
  t.deepEqual(store.failure('ls'), [4, 'NO_COMMITS']);
  store.commit({'src/a': ''});
  t.deepEqual(store.failure('ls', 'nope'), [4, 'PATH_UNKNOWN']);
  t.deepEqual(store.failure('ls', '--at', 'nope'), [4, 'REVISION_UNKNOWN']);
  t.deepEqual(store.failure('cat', 'HEAD:nope'), [4, 'PATH_UNKNOWN']);
  t.deepEqual(store.failure('cat', 'src'), [1, 'PATH_NOT_FILE']);
  t.deepEqual(store.failure('cat', '.'), [1, 'PATH_NOT_FILE']);
  t.deepEqual(store.failure('cat', '/etc/passwd'), [2, 'PATH_INVALID']);
  t.deepEqual(store.failure('cat'), [2, 'USAGE']);
});

test('a bare store has files without a work tree', t => {
  const store = makeStore(t);
  store.commit({'src/a': 'text', top: ''});
  const bare = new Store(makeTmpDir(t));
  cpSync(join(store.directory, '.dbos'), join(bare.directory, 'copy'), {recursive: true});
  const copy = new Store(join(bare.directory, 'copy'));
  t.deepEqual(copy.lines('ls'), ['src/', 'top']);
  t.is(copy.run('cat', 'src/a'), 'text');
  t.is(copy.run('cat', 'main:src/a'), 'text');
  t.deepEqual(copy.failure('status'), [1, 'STORE_BARE']);
});
