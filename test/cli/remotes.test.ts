/** What those who come from git do with remotes: listing, renaming, URLs in place of names, and dry runs. */
import {existsSync, mkdirSync} from 'node:fs';
import {join} from 'node:path';
import test, {type ExecutionContext} from 'ava';
import {makeTmpDir} from '../support/tmp.js';
import {makeStore, Store} from './store.js';

/** A store with a tagged commit and a branch, a bare clone of it, and a clone of that. */
interface Stores {
  readonly root: string;
  readonly hub: Store;
  readonly one: Store;
}

function stores(t: ExecutionContext): Stores {
  const root = makeTmpDir(t);
  const [first, hub, one] = ['first', 'hub', 'one'].map(name => new Store(join(root, name))) as [Store, Store, Store];
  mkdirSync(first.directory);
  first.run('init');
  first.commit({shared: 'text\n'}, 'first');
  first.run('branch', 'side');
  const outer = new Store(root);
  outer.run('clone', '--bare', 'first', 'hub');
  outer.run('clone', 'hub', 'one');
  return {root, hub, one};
}

/** Returns the error that a command prints for people. */
function told(store: Store, ...args: string[]): string {
  return store.try(...args).stderr;
}

test('remote alone lists the remotes, with -v their URLs', t => {
  const {root, one} = stores(t);
  one.run('remote', 'add', 'mirror', 'https://example.org/project');
  one.run('bundle', 'create', '../all.car', '--all');
  one.run('remote', 'add', 'stick', '../all.car');
  t.is(one.run('remote'), 'mirror\norigin\nstick\n');
  t.deepEqual(one.lines('remote', '-v'), [
    'mirror\thttps://example.org/project (fetch)',
    'mirror\thttps://example.org/project (push)',
    `origin\t${join(root, 'hub')} (fetch)`,
    `origin\t${join(root, 'hub')} (push)`,
    `stick\t${join(root, 'all.car')} (fetch)`,
  ]);
  t.deepEqual(one.json('remote'), one.json('remote', 'ls'));
  t.deepEqual(one.json('remote', '-v'), one.json('remote', 'ls'));
  t.is(makeStore(t).run('remote'), '');
});

test('a word behind remote that is no command of it is refused, with the one that was meant', t => {
  const {one} = stores(t);
  t.deepEqual(one.failure('remote', 'remove', 'origin'), [2, 'USAGE']);
  t.regex(told(one, 'remote', 'remove', 'origin'), /Did you mean 'remote rm'\?/);
  t.regex(told(one, 'remote', 'get-url', 'origin'), /dbos remote show NAME/);
  t.regex(told(one, 'remote', 'prune', 'origin'), /dbos fetch --prune NAME/);
  t.regex(told(one, 'remote', '-x'), /Unknown flag/);
  t.is(one.run('remote'), 'origin\n');
});

test('clone -b takes a tag, at which HEAD is on no branch then: whole, shallow, bare and from a bundle', t => {
  const root = makeTmpDir(t);
  const outer = new Store(root);
  const store = new Store(join(root, 'project'));
  mkdirSync(store.directory);
  store.run('init');
  store.commit({f: '1'}, 'one');
  const tagged = store.commit({f: '2'}, 'two');
  store.run('tag', 'v1', '-m', 'annotated');
  store.run('tag', 'light');
  store.commit({f: '3'}, 'three');
  store.run('bundle', 'create', '../all.car', '--all');
  store.run('bundle', 'create', '../tag.car', 'v1');
  const ways: readonly (readonly [tag: string, from: string, ...flags: string[]])[] = [
    ['v1', 'project'],
    ['light', 'project'],
    ['v1', 'project', '--depth', '1'],
    ['light', 'project', '--depth', '1'],
    ['v1', 'all.car'],
    ['light', 'all.car'],
    ['v1', 'tag.car'],
    ['v1', 'project', '--bare'],
  ];
  for (const [at, [tag, from, ...flags]] of ways.entries()) {
    const cloned = outer.json<{branch: null; head: string}>('clone', '-b', tag, ...flags, from, `copy${at}`);
    t.like(cloned, {branch: null, head: tagged}, `${at}`);
    const copy = new Store(join(root, `copy${at}`));
    t.is(copy.json<{id: string}[]>('log')[0]?.id, tagged);
    t.is(copy.json<unknown[]>('log').length, flags.includes('--depth') ? 1 : 2);
    copy.run('fsck');
    if (flags.includes('--bare')) continue;
    t.is(copy.read('f'), '2');
    t.like(copy.json('status'), {branch: null, clean: true});
    t.deepEqual(copy.json('branch'), []);
  }
  t.regex(
    told(outer, 'clone', '-b', 'light', 'project', 'told'),
    /at light.*\n.*HEAD is on no branch; `dbos switch -c/,
  );
  // what comes later comes as in any other clone
  const shallow = new Store(join(root, 'copy2'));
  store.commit({f: '4'}, 'four');
  shallow.run('fetch');
  t.is(shallow.run('cat', 'f', '--at', 'origin/main'), '4');
  shallow.run('fetch', '--unshallow');
  t.is(shallow.json<unknown[]>('log', 'origin/main').length, 4);
  shallow.run('fsck');
});

test('clone -b prefers a branch, and knows near names of branches and tags', t => {
  const {root, hub, one} = stores(t);
  one.run('switch', '-q', '-c', 'both');
  one.commit({shared: 'branch\n'}, 'of the branch');
  one.run('tag', 'both', 'main');
  one.run('tag', 'release-1');
  one.run('push', 'origin', 'both');
  const outer = new Store(root);
  t.like(outer.json('clone', '-b', 'both', 'one', 'copy'), {branch: 'both'});
  t.is(new Store(join(root, 'copy')).read('shared'), 'branch\n');
  t.deepEqual(outer.failure('clone', '-b', 'relaese-1', 'one', 'no'), [4, 'REMOTE_REF_UNKNOWN']);
  t.regex(told(outer, 'clone', '-b', 'relaese-1', 'one', 'no'), /Did you mean 'release-1'\?/);
  t.regex(told(outer, 'clone', '-b', 'sid', hub.directory, 'no'), /Did you mean 'side'\?/);
  t.regex(told(outer, 'clone', '-b', 'qqqqqq', 'one', 'no'), /Name one that it has/);
  t.deepEqual(outer.failure('clone', '-b', '', 'one', 'no'), [2, 'REF_NAME_INVALID']);
  t.false(existsSync(join(root, 'no')));
});
