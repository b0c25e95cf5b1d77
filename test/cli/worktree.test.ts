/** `dbos status`, `commit` and `restore`. */
import {existsSync, mkdirSync, rmSync, symlinkSync, writeFileSync} from 'node:fs';
import {createServer} from 'node:net';
import {join} from 'node:path';
import test from 'ava';
import {dbos} from '../support/dbos.js';
import {PROGRAM, runShell} from './program.js';
import {makeStore, Store, short} from './store.js';

interface CommitJson {
  readonly id: string | null;
  readonly branch: string | null;
  readonly parents: string[];
  readonly changes: {added: number; modified: number; deleted: number};
}

interface StatusJson {
  readonly branch: string | null;
  readonly head: string | null;
  readonly clean: boolean;
  readonly changes: {path: string; change: string}[];
}

test('commit tells what it recorded, status what is left', t => {
  const store = makeStore(t);
  t.like(store.json<StatusJson>('status'), {branch: 'main', head: null, clean: true, changes: []});
  t.deepEqual(store.lines('status'), ['On branch main, no commits yet', 'Nothing to commit.']);
  store.write({a: '1', b: '1', 'd/e/f': '1', 'd/g': '1', c: '1'});
  const text = store.lines('commit', '-m', 'one');
  t.regex(text[0] as string, /^\[main \(first commit\) \w{12}\] one$/);
  t.is(text[1], ' 7 added');
  const {head} = store.json<StatusJson>('status');
  rmSync(join(store.directory, 'd'), {recursive: true});
  rmSync(join(store.directory, 'b'));
  symlinkSync('a', join(store.directory, 'b'));
  store.write({a: 'changed', 'new\nname': '', 'n/x': '', 'n/y': ''});
  t.deepEqual(store.json<StatusJson>('status').changes, [
    {path: 'a', change: 'modified'},
    {path: 'b', change: 'typechange'},
    {path: 'd', change: 'deleted'},
    {path: 'd/e', change: 'deleted'},
    {path: 'd/e/f', change: 'deleted'},
    {path: 'd/g', change: 'deleted'},
    {path: 'n', change: 'added'},
    {path: 'n/x', change: 'added'},
    {path: 'n/y', change: 'added'},
    {path: 'new\nname', change: 'added'},
  ]);
  t.deepEqual(store.lines('status').slice(0, -2), [
    'On branch main',
    '',
    'Changed since HEAD:',
    '  M  a',
    '  T  b',
    '  D  d/  (and 3 entries in it)',
    '  A  n/  (and 2 entries in it)',
    '  A  "new\\nname"',
  ]);
  t.is(store.lines('status', '--all').length, 3 + 10 + 2);
  const committed = store.json<CommitJson>('commit', '-m', 'two');
  t.like(committed, {branch: 'main', parents: [head], changes: {added: 4, modified: 2, deleted: 4}});
  t.deepEqual(store.lines('status'), ['On branch main', 'Nothing changed.']);
});

test('nothing to commit is no failure', t => {
  const store = makeStore(t);
  store.commit({a: '1'});
  t.like(store.json<CommitJson>('commit', '-m', 'none'), {id: null, branch: 'main'});
  t.is(store.run('commit', '-m', 'none'), 'Nothing to commit.\n');
});

test('paths limit commit and status, and are read in the current directory', t => {
  const store = makeStore(t);
  store.commit({a: '1', 'd/b': '1', 'd/c': '1'});
  store.write({a: '2', 'd/b': '2', 'd/c': '2'});
  const inside = new Store(join(store.directory, 'd'));
  t.deepEqual(inside.json<StatusJson>('status', 'b', '../a').changes, [
    {path: 'a', change: 'modified'},
    {path: 'd/b', change: 'modified'},
  ]);
  t.deepEqual(inside.json<CommitJson>('commit', '-m', 'part', 'b').changes, {added: 0, modified: 1, deleted: 0});
  t.deepEqual(store.json<StatusJson>('status', 'd').changes, [{path: 'd/c', change: 'modified'}]);
});

test('a commit is amended, with another author, time and message of several paragraphs', t => {
  const store = makeStore(t);
  const first = store.commit({a: '1'}, 'one');
  store.commit({a: '2'}, 'two');
  store.write({a: '3'});
  const amended = store.json<CommitJson>('commit', '--amend');
  t.deepEqual(amended.parents, [first]);
  store.run('commit', '--amend', '-m', 'new', '-m', 'more', '--author', 'Bob <b@c>', '--date', '2001-02-03 04:05:06');
  const [newest] = store.json<{author: {name: string; email: string}; time: string; message: string}[]>('log');
  t.like(newest, {author: {name: 'Bob', email: 'b@c'}, time: '2001-02-03T04:05:06+00:00', message: 'new\n\nmore'});
  t.is(store.json<unknown[]>('log').length, 2);
});

test('a message is needed, and the author, the date and the paths must be right', t => {
  const store = makeStore(t);
  store.write({a: '1'});
  t.deepEqual(store.failure('commit'), [2, 'MESSAGE_MISSING']);
  t.regex(store.try('commit').stderr, /MESSAGE_MISSING/);
  t.deepEqual(store.failure('commit', '-m', ' '), [2, 'MESSAGE_MISSING']);
  t.deepEqual(store.failure('commit', '--amend', '-m', 'x'), [4, 'NO_COMMITS']);
  t.deepEqual(store.failure('commit', '-m', 'x', 'nope'), [4, 'PATH_UNKNOWN']);
  t.deepEqual(store.failure('commit', '-m', 'x', '..'), [2, 'PATH_INVALID']);
  t.deepEqual(store.failure('commit', '-m', 'x', '.dbos'), [2, 'PATH_INVALID']);
  t.deepEqual(store.failure('commit', '-m', 'x', '--author', 'Bob'), [2, 'IDENTITY_INVALID']);
  t.deepEqual(store.failure('commit', '-m', 'x', '--date', 'nonsense'), [2, 'TIME_INVALID']);
  t.is(store.json<StatusJson>('status').head, null);
});

test('on a terminal the editor asks for the message', t => {
  const store = makeStore(t);
  store.write({a: '1', editor: '#!/bin/sh\ncp "$1" seen; echo "from the editor" > "$1"\n'});
  const {status, stdout} = runShell(`script -qec "'${process.execPath}' '${PROGRAM}' commit a" /dev/null < /dev/null`, {
    cwd: store.directory,
    env: {DBOS_EDITOR: 'sh ./editor', NO_COLOR: '1'},
  });
  t.is(status, 0, stdout);
  t.regex(stdout, /^\[main \(first commit\) \w{12}\] from the editor\r?$/m);
  t.regex(store.read('seen'), /^\n\n# Write the message[\s\S]*# On branch main\. Changes:\n# {3}A {2}a\n$/);
});

test('what cannot be recorded is told', async t => {
  const store = makeStore(t);
  const server = createServer();
  await new Promise<void>(done => server.listen(join(store.directory, 'sock\n'), done));
  store.write({a: '1'});
  const {status, stderr} = store.try('commit', '-m', 'x');
  server.close();
  t.is(status, 0);
  t.is(stderr, 'warning: Left out "sock\\n": it is a socket.\n');
});

test('restore takes back a deletion, and refuses to lose a change', t => {
  const store = makeStore(t);
  const first = store.commit({a: '1', 'd/b': '1'});
  rmSync(join(store.directory, 'd'), {recursive: true});
  t.like(store.json<object>('restore', 'd'), {source: first, written: 2, removed: 0, saved: null});
  t.is(store.read('d/b'), '1');
  store.write({a: 'mine', 'd/b': 'mine'});
  const {status, stdout} = store.try('restore', '.', '--json');
  t.is(status, 6);
  t.like(JSON.parse(stdout), {error: {code: 'WOULD_OVERWRITE', data: {paths: ['a', 'd/b']}}});
  const {saved} = store.json<{saved: {paths: string[]}}>('restore', '--force', '.');
  t.deepEqual(saved.paths, ['a', 'd/b']);
  t.is(store.read('a'), '1');
  store.run('undo');
  t.is(store.read('a'), 'mine');
});

test('restore from another commit writes and removes, and status shows it', t => {
  const store = makeStore(t);
  store.commit({a: '1'});
  store.commit({a: '2', late: ''});
  store.run('restore', '--source', 'HEAD~1', 'a', 'late');
  t.is(store.read('a'), '1');
  t.false(existsSync(join(store.directory, 'late')));
  t.deepEqual(store.json<StatusJson>('status').changes, [
    {path: 'a', change: 'modified'},
    {path: 'late', change: 'deleted'},
  ]);
  store.run('restore', '--force', '.');
  t.is(store.read('a'), '2');
  t.true(existsSync(join(store.directory, 'late')));
  t.deepEqual(store.failure('restore', 'nope'), [4, 'PATH_UNKNOWN']);
  t.deepEqual(store.failure('restore'), [2, 'USAGE']);
});

test('a reader that goes away ends status quietly', t => {
  const store = makeStore(t);
  mkdirSync(join(store.directory, 'd'));
  store.commit({});
  for (let i = 0; i < 3000; i++) writeFileSync(join(store.directory, `d/a-rather-long-name-${i}`), '');
  const {stdout, stderr} = runShell(`dbos status | head -n 1; echo \${PIPESTATUS[0]}`, {cwd: store.directory});
  t.is(stderr, '');
  t.is(stdout, 'On branch main\n0\n');
});

test('--quiet prints nothing, and the status of a detached HEAD says how to return', t => {
  const store = makeStore(t);
  store.write({a: '1'});
  t.deepEqual(dbos(store.directory, ['commit', '-qm', 'x']).status, 0);
  store.write({a: '2'});
  t.deepEqual(dbos(store.directory, ['commit', '-q', '-m', 'x']), {status: 0, stdout: '', stderr: ''});
  store.run('checkout', 'HEAD~1', '-q');
  const {head} = store.json<{head: string}>('status');
  t.is(store.lines('status')[0], `HEAD is detached at ${short(head)}`);
  t.regex(store.lines('status')[1] as string, /`dbos switch main` returns/);
});
