/** `dbos switch` and `checkout`: HEAD moves, and the work tree with it. */
import {existsSync, statSync, utimesSync} from 'node:fs';
import {join} from 'node:path';
import test from 'ava';
import {makeStore, short} from './store.js';

test('switch brings the files of the branch', t => {
  const store = makeStore(t);
  const first = store.commit({a: '1'}, 'one');
  t.like(store.json<object>('switch', '-c', 'feature'), {branch: 'feature', head: first, created: true});
  const second = store.commit({a: '2', b: 'new'}, 'two');
  t.is(store.try('switch', 'main').stderr, 'Switched to branch main.\n');
  t.is(store.read('a'), '1');
  t.false(existsSync(join(store.directory, 'b')));
  t.like(store.json<object>('switch', 'feature'), {branch: 'feature', head: second, written: 2, removed: 0});
  t.is(store.try('switch', 'feature').stderr, 'Already on branch feature.\n');
  t.like(store.json<object>('switch', '-c', 'fix', 'main'), {branch: 'fix', head: first});
  t.is(store.read('a'), '1');
});

test('switch - goes back to the branch before', t => {
  const store = makeStore(t);
  store.commit({a: '1'});
  t.deepEqual(store.failure('switch', '-'), [4, 'BRANCH_UNKNOWN']);
  store.run('switch', '-c', 'one');
  store.run('switch', '-c', 'two');
  t.like(store.json<object>('switch', '-'), {branch: 'one'});
  t.like(store.json<object>('switch', '-'), {branch: 'two'});
  store.run('branch', '-D', 'one');
  t.like(store.json<object>('switch', '-'), {branch: 'main'});
  store.run('checkout', 'main~0');
  t.like(store.json<object>('switch', '-'), {branch: 'main'});
});

test('several branches are deleted at once, or none', t => {
  const store = makeStore(t);
  store.commit({a: '1'});
  for (const name of ['x', 'y', 'z']) store.run('branch', name);
  t.deepEqual(store.failure('branch', '-d', 'x', 'nope', 'z'), [4, 'BRANCH_UNKNOWN']);
  t.deepEqual(store.json('branch', '-d', 'x', 'y', 'z'), {name: 'x', names: ['x', 'y', 'z'], deleted: true});
  t.deepEqual(store.lines('branch'), ['* main']);
  store.run('undo');
  t.is(store.lines('branch').length, 4);
  t.deepEqual(store.failure('branch', 'a', 'main', 'b'), [2, 'USAGE']);
});

test('switch names what is wrong', t => {
  const store = makeStore(t);
  store.commit({a: '1'});
  store.run('tag', 'v1');
  t.deepEqual(store.failure('switch', 'nope'), [4, 'BRANCH_UNKNOWN']);
  t.deepEqual(store.failure('switch', '-c', 'main'), [1, 'BRANCH_EXISTS']);
  t.deepEqual(store.failure('switch', '-c', 'a..b'), [2, 'REF_NAME_INVALID']);
  t.deepEqual(store.failure('switch', 'main', 'v1'), [2, 'USAGE']);
  t.regex(store.try('switch', 'v1').stderr, /'v1' is a tag, not a branch.*\nhint: .*`dbos switch -c NAME \w{12}`/);
  t.regex(store.try('switch', 'main~0').stderr, /'main~0' is a commit, not a branch/);
});

test('what no commit holds is refused, all of it listed, and nothing is touched', t => {
  const store = makeStore(t);
  store.commit({a: '1', same: '1'});
  store.run('switch', '-c', 'other');
  store.commit({a: '2', b: '2', same: '2'});
  store.run('switch', 'main');
  store.write({a: 'mine', b: 'untracked'});
  const {status, stdout} = store.try('switch', 'other', '--json');
  t.is(status, 6);
  t.like(JSON.parse(stdout), {error: {code: 'WOULD_OVERWRITE', data: {paths: ['a', 'b']}}});
  t.is(store.read('same'), '1');
  const {stderr} = store.try('switch', 'other', '--force');
  const [, commit, operation] =
    /^Saved 2 paths in the automatic commit (\w+); `dbos undo` now, or `dbos op restore (\w+)` later, brings them back\.$/m.exec(
      stderr,
    ) ?? [];
  t.truthy(commit, stderr);
  t.is(store.read('a'), '2');
  t.regex(store.run('undo'), new RegExp(`^main is at ${commit}, the automatic commit`, 'm'));
  t.is(store.read('a'), 'mine');
  t.is(store.read('b'), 'untracked');
  store.run('undo');
  store.run('op', 'restore', operation as string);
  t.is(store.read('a'), 'mine');
});

test('checkout of a commit, a tag or a time detaches, and says how to return', t => {
  const store = makeStore(t);
  const first = store.commit({a: '1'}, 'one');
  store.run('tag', 'v1');
  const second = store.commit({a: '2'}, 'two');
  const {stderr} = store.try('checkout', short(first));
  t.regex(stderr, /^HEAD is now at \w{12}, on no branch: one\nTo go back: `dbos switch main` returns/);
  t.is(store.read('a'), '1');
  // who is there already makes no operation of it
  const operations = store.json<unknown[]>('op', 'log').length;
  t.regex(store.try('checkout', 'v1').stderr, /^HEAD is already at \w{12}, on no branch: one\nTo go back: /);
  t.like(store.json<object>('checkout', 'v1'), {branch: null, head: first, written: 0});
  t.is(store.json<unknown[]>('op', 'log').length, operations);
  store.run('switch', 'main');
  t.like(store.json<object>('checkout', 'v1'), {branch: null, head: first, written: 1});
  const alone = store.commit({a: '3'}, 'alone');
  t.regex(
    store.try('checkout', 'main').stderr,
    new RegExp(`^HEAD was at ${short(alone)}: alone\nSwitched to branch main`),
  );
  t.like(store.json<object>('checkout', 'now'), {branch: null, head: second});
  t.like(store.json<object>('checkout', 'branches/main'), {branch: 'main'});
  t.like(store.json<object>('checkout', 'HEAD'), {branch: 'main', head: second, written: 0});
  t.deepEqual(store.failure('checkout', '2001-01-01'), [4, 'REVISION_UNKNOWN']);
  t.deepEqual(store.failure('checkout', 'nope'), [4, 'REVISION_UNKNOWN']);
  t.deepEqual(store.failure('checkout'), [2, 'USAGE']);
});

test('checkout of paths leaves HEAD where it is', t => {
  const store = makeStore(t);
  const first = store.commit({a: '1', b: '1'});
  store.commit({a: '2', b: '2'});
  t.like(store.json<object>('checkout', 'HEAD~1', '--', 'a'), {branch: 'main', source: first, written: 1});
  t.is(store.read('a'), '1');
  t.is(store.read('b'), '2');
  store.run('checkout', '--force', '--', 'a');
  t.is(store.read('a'), '2');
  t.deepEqual(store.failure('checkout', 'HEAD~1', '--', 'nope'), [4, 'PATH_UNKNOWN']);
});

test('times come back on request', t => {
  const store = makeStore(t);
  store.write({a: '1'});
  utimesSync(join(store.directory, 'a'), 1_000_000_000, 1_000_000_000);
  store.commit({}, 'one');
  store.commit({a: '2'}, 'two');
  const seconds = () => Math.floor(statSync(join(store.directory, 'a')).mtimeMs / 1000);
  store.run('checkout', 'HEAD~1');
  t.not(seconds(), 1_000_000_000);
  store.run('switch', 'main');
  store.run('checkout', 'HEAD~1', '--restore-times');
  t.is(seconds(), 1_000_000_000);
});
