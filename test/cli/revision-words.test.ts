/** Paths without `--`: what of the words of diff, log and show is a revision, and what a path. */
import {rmSync} from 'node:fs';
import {join} from 'node:path';
import test, {type ExecutionContext} from 'ava';
import {dbos} from '../support/dbos.js';
import {makeStore, type Store, short} from './store.js';

/** Returns a store with two commits, v1 and HEAD, that both change `top` and `dir/x`, and a work tree that does so too. */
function makeChanged(t: ExecutionContext): {store: Store; one: string; two: string} {
  const store = makeStore(t);
  const one = store.commit({top: '1\n', 'dir/x': '1\n'}, 'one');
  store.run('tag', 'v1');
  const two = store.commit({top: '2\n', 'dir/x': '2\n', other: '2\n'}, 'two');
  store.write({top: '3\n', 'dir/x': '3\n'});
  return {store, one, two};
}

const names = (store: Store, ...args: string[]) => store.lines('diff', '--name-status', ...args);

test('a word that is no revision is a path, and so are all after it', t => {
  const {store, one, two} = makeChanged(t);
  t.deepEqual(names(store, 'top'), ['M\ttop']);
  t.deepEqual(names(store, 'v1', 'dir'), ['M\tdir/x']);
  t.deepEqual(names(store, 'v1', 'HEAD', 'dir', 'other'), ['M\tdir/x', 'A\tother']);
  t.deepEqual(names(store, 'v1..', 'top', 'dir/x'), ['M\ttop', 'M\tdir/x']);
  for (const args of [['v1', 'HEAD', 'dir'], ['v1..HEAD', 'dir'], ['dir']]) {
    const cut = args.indexOf('dir');
    t.is(
      store.run('diff', ...args),
      store.run('diff', ...args.slice(0, cut), '--', ...args.slice(cut)),
      args.join(' '),
    );
  }
  t.deepEqual(
    store.lines('log', '--oneline', 'other').map(line => line.slice(0, 12)),
    [short(two)],
  );
  t.deepEqual(
    store.lines('log', '--oneline', 'v1', 'top', 'dir').map(line => line.slice(0, 12)),
    [short(one)],
  );
  t.is(store.run('show', 'dir'), store.run('show', 'HEAD', '--', 'dir'));
  t.is(store.run('show', 'v1', 'dir/x'), store.run('show', 'v1', '--', 'dir/x'));
  const below = dbos(join(store.directory, 'dir'), ['diff', '--name-status', 'x', '../top']);
  t.is(below.stdout, 'M\ttop\nM\tdir/x\n');
  t.is(dbos(join(store.directory, 'dir'), ['log', '--oneline', '.']).stdout.split('\n').length, 3);
});

test('what is gone from the work tree is a path for as long as HEAD has it, and in a bare store too', t => {
  const {store} = makeChanged(t);
  rmSync(join(store.directory, 'other'));
  t.deepEqual(names(store, 'other'), ['D\tother']);
  store.run('commit', '-m', 'three');
  t.deepEqual(store.failure('log', 'other'), [4, 'REVISION_UNKNOWN']);
  t.is(store.lines('log', '--oneline', '--', 'other').length, 2);
  store.run('clone', '--bare', '.', 'bare');
  t.is(dbos(join(store.directory, 'bare'), ['log', '--oneline', 'dir/x']).stdout.trim().split('\n').length, 3);
});

test('what is both is a revision, unless it stands behind a path or --', t => {
  const {store, one} = makeChanged(t);
  store.write({v1: 'a file\n'});
  t.deepEqual(names(store, 'v1'), names(store, one));
  t.deepEqual(names(store, '--', 'v1'), ['A\tv1']);
  t.deepEqual(names(store, 'top', 'v1'), ['M\ttop', 'A\tv1']);
});

test('what is neither, and what stands in the wrong place, is told', t => {
  const {store} = makeChanged(t);
  t.deepEqual(store.failure('diff', 'nothing'), [4, 'REVISION_UNKNOWN']);
  t.deepEqual(store.failure('diff', 'v1', 'nothing'), [4, 'REVISION_UNKNOWN']);
  t.deepEqual(store.failure('diff', 'top', 'nothing'), [2, 'USAGE']);
  t.regex(store.try('diff', 'top', 'HEAD').stderr, /'top' is a path, and 'HEAD' after it is not/);
  t.deepEqual(store.failure('diff', 'v1', 'HEAD', 'v1'), [2, 'USAGE']);
  t.deepEqual(store.failure('show', 'v1', 'HEAD'), [2, 'USAGE']);
  t.deepEqual(store.failure('log', '--all', 'v1', 'top'), [2, 'USAGE']);
  t.is(store.lines('log', '--all', '--oneline', 'top').length, 2);
  // behind -- nothing is a revision, and before it nothing is a path
  t.deepEqual(store.failure('log', 'top', '--'), [4, 'REVISION_UNKNOWN']);
  t.deepEqual(store.failure('diff', '../elsewhere'), [4, 'REVISION_UNKNOWN']);
  t.is(store.run('diff', ''), store.run('diff', 'HEAD'));
});
