/** Lists of branches and tags: by pattern, by history, in an order. */
import {join} from 'node:path';
import test, {type ExecutionContext} from 'ava';
import {mustRun} from '../support/dbos.js';
import {makeTmpDir} from '../support/tmp.js';
import {full, light} from './program.js';
import {makeStore, Store, short} from './store.js';

/**
 * Returns a store on main, with the commits that its branches are at.
 *
 *     one ── two       one: old, fix/a, v1    two: main, v2 (annotated)
 *        └── three     three: fix/b, w1
 */
function makeForked(t: ExecutionContext): {store: Store; one: string; two: string; three: string} {
  const store = makeStore(t);
  const one = store.commit({a: '1'}, 'one');
  for (const name of ['old', 'fix/a']) store.run('branch', name);
  store.run('tag', 'v1');
  store.run('switch', '-c', 'fix/b');
  const three = store.commit({b: '1'}, 'three');
  store.run('tag', 'w1');
  store.run('switch', 'main');
  const two = store.commit({a: '2'}, 'two');
  store.run('tag', 'v2', '-m', 'second');
  return {store, one, two, three};
}

function cloneOf(t: ExecutionContext, {directory}: Store): Store {
  const copy = new Store(join(makeTmpDir(t), 'copy'));
  mustRun(directory, 'clone', directory, copy.directory);
  return copy;
}

test('branches by what they have and what has them', t => {
  const {store, one, two, three} = makeForked(t);
  const branches = (...args: string[]) => store.json<{name: string}[]>('branch', ...args).map(({name}) => name);
  t.deepEqual(branches('--merged'), ['fix/a', 'main', 'old']);
  t.deepEqual(branches('--merged', 'fix/b'), ['fix/a', 'fix/b', 'old']);
  t.deepEqual(branches('--merged=old'), ['fix/a', 'old']);
  t.deepEqual(branches('--no-merged'), ['fix/b']);
  t.deepEqual(branches('--no-merged', 'old'), ['fix/b', 'main']);
  t.deepEqual(branches('--contains'), ['main']);
  t.deepEqual(branches('--contains', short(one)), ['fix/a', 'fix/b', 'main', 'old']);
  t.deepEqual(branches('--contains', 'w1'), ['fix/b']);
  t.deepEqual(branches('--no-contains'), ['fix/a', 'fix/b', 'old']);
  t.deepEqual(branches('--no-contains', 'HEAD~1'), []);
  // all of the flags must fit, and of several revisions one
  t.deepEqual(branches('--contains', three, '--contains', two), ['fix/b', 'main']);
  t.deepEqual(branches('--no-contains', three, '--no-contains', two), ['fix/a', 'old']);
  t.deepEqual(branches('--contains', 'old', '--no-merged', 'old', '--no-contains'), ['fix/b']);
  t.deepEqual(branches('--merged', 'main', '--no-merged', 'old'), ['main']);
  // what follows the revision are patterns; without one they stand behind `--`
  t.deepEqual(branches('--merged', 'main', 'fix/*', 'nothing'), ['fix/a']);
  t.deepEqual(branches('--merged', '--', 'o*'), ['old']);
  t.deepEqual(store.lines('branch', '--no-merged', '-v'), [`  fix/b  ${short(three)}  three`]);
  t.deepEqual(store.lines('branch', '--contains'), ['* main']);
});

test('branches by pattern, and in order of time', t => {
  const {store, one} = makeForked(t);
  t.deepEqual(store.lines('branch', '-l', 'fix*'), ['  fix/a', '  fix/b']);
  t.deepEqual(store.lines('branch', '--list', '*[!a-l]', 'fix/b'), ['  fix/b', '* main']);
  t.deepEqual(store.lines('branch', '-l', 'old'), ['  old']);
  t.deepEqual(store.lines('branch', '-l', 'ol'), []);
  t.deepEqual(store.json('branch', '-l', 'ol'), []);
  t.deepEqual(store.lines('branch', '-l'), store.lines('branch'));
  t.deepEqual(store.lines('branch', '-v', '-l', 'o*'), [`  old  ${short(one)}  one`]);
  t.deepEqual(store.lines('branch', '--sort', 'name'), store.lines('branch'));
  t.deepEqual(store.lines('branch', '--sort', 'time'), ['* main', '  fix/b', '  fix/a', '  old']);
  t.deepEqual(store.lines('branch', '--sort', 'time', 'f*'), ['  fix/b', '  fix/a']);
});

test('a HEAD on no branch is in the list that it fits in', t => {
  const {store, one} = makeForked(t);
  store.run('checkout', 'v1');
  const detached = `* (detached at ${short(one)})`;
  t.deepEqual(store.lines('branch'), [detached, '  fix/a', '  fix/b', '  main', '  old']);
  t.deepEqual(store.lines('branch', '--merged'), [detached, '  fix/a', '  old']);
  t.deepEqual(store.lines('branch', '--no-merged'), ['  fix/b', '  main']);
  t.deepEqual(store.lines('branch', '-l', '*a*'), ['  fix/a', '  main']);
});

test('tags by what they have and what has them, by pattern, and in order of time', t => {
  const {store, one, two} = makeForked(t);
  const tags = (...args: string[]) => store.json<{name: string}[]>('tag', ...args).map(({name}) => name);
  t.deepEqual(tags('-l', 'v*'), ['v1', 'v2']);
  t.deepEqual(tags('-l', '?1', 'v2'), ['v1', 'v2', 'w1']);
  t.deepEqual(tags('--list'), ['v1', 'v2', 'w1']);
  t.deepEqual(tags('-l', 'x'), []);
  t.deepEqual(tags('--contains', 'old'), ['v1', 'v2', 'w1']);
  t.deepEqual(tags('--contains'), ['v2']);
  t.deepEqual(tags('--no-contains'), ['v1', 'w1']);
  t.deepEqual(tags('--merged', 'fix/b'), ['v1', 'w1']);
  t.deepEqual(tags('--merged', 'fix/b', 'v*'), ['v1']);
  t.deepEqual(tags('--no-merged', '-l', '*'), ['w1']);
  t.deepEqual(tags('--sort', 'time'), ['v2', 'w1', 'v1']);
  t.deepEqual(store.lines('tag', '--merged'), [`v1  ${short(one)}  one`, `v2  ${short(two)}  second`]);
});

test('tags are deleted at once, or none', t => {
  const {store} = makeForked(t);
  t.deepEqual(store.failure('tag', '-d', 'v1', 'nope', 'w1'), [4, 'TAG_UNKNOWN']);
  t.is(store.lines('tag').length, 3);
  t.is(store.try('tag', '-d', 'v1', 'w1').stderr, 'Deleted tags v1, w1. `dbos undo` brings them back.\n');
  t.is(store.lines('tag').length, 1);
  store.run('undo');
  t.is(store.lines('tag').length, 3);
  t.deepEqual(store.json('tag', '-d', 'v1', 'v1', 'v2'), {name: 'v1', names: ['v1', 'v1', 'v2'], deleted: true});
  t.deepEqual(store.lines('op', 'log', '--oneline', '-n', '1')[0]?.includes('delete tags v1, v2'), true);
});

test('wrong questions', t => {
  const {store} = makeForked(t);
  t.deepEqual(store.failure('branch', '--merged', 'nowhere'), [4, 'REVISION_UNKNOWN']);
  t.deepEqual(store.failure('branch', '--contains', ''), [2, 'REVISION_INVALID']);
  t.deepEqual(store.failure('tag', '--no-contains', 'nowhere'), [4, 'REVISION_UNKNOWN']);
  t.deepEqual(store.failure('branch', '--sort', 'size'), [2, 'USAGE']);
  for (const list of [['-l'], ['--merged'], ['--sort', 'time']]) {
    for (const change of ['-d', '-D', '-m', '--unset-upstream']) {
      t.deepEqual(store.failure('branch', change, 'old', ...list), [2, 'USAGE'], `${change} ${list}`);
    }
    t.deepEqual(store.failure('tag', '-d', 'v1', ...list), [2, 'USAGE']);
    t.deepEqual(store.failure('tag', 'v3', '-m', 'text', ...list), [2, 'USAGE']);
  }
  t.is(
    store.try('branch', '-r', 'main').stderr.split('\n')[0],
    "error: To list the branches like 'main', add --list (USAGE)",
  );
  t.deepEqual(store.failure('tag', 'a', 'main', 'b'), [2, 'USAGE']);
  t.is(store.lines('branch').length, 4);
  const empty = makeStore(t);
  t.deepEqual(empty.failure('branch', '--merged'), [4, 'NO_COMMITS']);
  t.deepEqual(empty.json('branch', '-l', '*'), []);
});

test('a revision that is left out is HEAD, for both parsers, and the word after the flag is it else', async t => {
  for (const [words, flags, names] of [
    [['--merged'], {merged: ['HEAD']}, undefined],
    [['--merged', 'x', 'y'], {merged: ['x']}, ['y']],
    [['--merged', '-a'], {merged: ['HEAD'], all: true}, undefined],
    [['--merged', '--', 'y'], {merged: ['HEAD']}, ['y']],
    [['--merged=x', 'y'], {merged: ['x']}, ['y']],
    [['y', '--contains', '--no-merged', 'x'], {contains: ['HEAD'], 'no-merged': ['x']}, ['y']],
    [['--contains', 'x', '--contains'], {contains: ['x', 'HEAD']}, undefined],
    [['-l', '--', '--merged'], {list: true}, ['--merged']],
  ] as const) {
    for (const parser of [light, full]) {
      const parsed = await parser.parse(['branch', ...words]);
      t.deepEqual({...parsed?.flags}, flags, words.join(' '));
      t.deepEqual(parsed?.args.names, names as unknown, words.join(' '));
    }
  }
});

test('branches of remotes are listed and selected like others', t => {
  const {store} = makeForked(t);
  const copy = cloneOf(t, store);
  t.deepEqual(copy.lines('branch', '-a', '-l', '*fix/*'), ['  origin/fix/a', '  origin/fix/b']);
  t.deepEqual(copy.lines('branch', '-r', '--no-merged'), ['  origin/fix/b']);
  t.deepEqual(copy.lines('branch', '-a', '--contains'), ['* main', '  origin/main']);
  t.deepEqual(copy.lines('branch', '-r', '-l', 'main'), []);
});

test('what a branch followed is forgotten when it is deleted, and a new one of its name follows nothing', t => {
  const {store} = makeForked(t);
  const copy = cloneOf(t, store);
  const follows = () => {
    const [branch] = copy.json<{tracking: {upstream: string} | null}[]>('branch', '-v', '-l', 'topic');
    return branch?.tracking?.upstream;
  };
  const upstreams = () => (JSON.parse(copy.read('.dbos/config.json')) as {upstreams: object}).upstreams;
  copy.run('branch', 'topic', 'origin/old');
  t.is(follows(), 'origin/old');
  t.is(
    copy.try('branch', '-d', 'topic').stderr,
    'Deleted branch topic. `dbos undo` brings it back, but not what was followed.\n',
  );
  t.deepEqual(upstreams(), {main: 'origin/main'});
  copy.run('undo');
  t.is(follows(), undefined);
  t.is(copy.try('branch', '-d', 'topic').stderr, 'Deleted branch topic. `dbos undo` brings it back.\n');

  // what was taken back or renamed leaves nothing to a new one either, however it is made
  for (const leave of [() => copy.run('undo'), () => copy.run('branch', '-m', 'topic', 'renamed')]) {
    for (const make of [
      ['branch', 'topic'],
      ['branch', 'topic', 'main'],
      ['switch', '-c', 'topic'],
      ['branch', '-m', 'other', 'topic'],
    ]) {
      copy.run('branch', 'other');
      copy.run('branch', 'topic', 'origin/old');
      leave();
      copy.run(...make);
      t.is(follows(), undefined, make.join(' '));
      copy.run('switch', 'main');
      for (const name of ['topic', 'other', 'renamed']) copy.try('branch', '-D', name);
    }
  }
  t.deepEqual(upstreams(), {main: 'origin/main'});
  // a refused deletion forgets nothing, and a rename takes along what is followed
  copy.run('branch', 'topic', 'origin/fix/b');
  t.deepEqual(copy.failure('branch', '-d', 'topic'), [6, 'BRANCH_UNMERGED']);
  t.is(follows(), 'origin/fix/b');
  copy.run('branch', '-m', 'topic', 'renamed');
  copy.run('branch', '-m', 'renamed', 'topic');
  t.is(follows(), 'origin/fix/b');
});
