/** What those who come from git do with remotes: listing, renaming, URLs in place of names, and dry runs. */
import {mkdirSync} from 'node:fs';
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
