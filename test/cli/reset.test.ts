/** Moving branches to other commits: `reset` for HEAD's, `branch -f` for the rest. */
import test from 'ava';
import fc from 'fast-check';
import {makeStore, type Store, short} from './store.js';

const changed = (store: Store) => store.json<{changes: {path: string}[]}>('status').changes.map(({path}) => path);
const tip = (store: Store) => store.json<{id: string}[]>('log', '-n', '1')[0]?.id;

test('reset moves the branch, files and tables back, and undo brings them back', t => {
  const store = makeStore(t);
  const one = store.commit({a: '1\n'}, 'one');
  store.run('query', 'CREATE TABLE t (id INTEGER PRIMARY KEY)', '-m', 'two');
  const three = store.commit({a: '3\n', b: '3\n'}, 'three');
  store.write({other: 'mine\n'});
  const {stderr} = store.try('reset', one);
  t.is(stderr, `Moved main from ${short(three)} to ${short(one)}: 2 commits fewer. \`dbos undo\` brings it back.\n`);
  t.is(store.read('a'), '1\n');
  t.is(store.read('other'), 'mine\n');
  t.deepEqual(changed(store), ['other']);
  t.deepEqual(store.failure('query', 'SELECT * FROM t'), [4, 'TABLE_UNKNOWN']);
  t.is(tip(store), one);
  t.like(store.json('reset', three), {branch: 'main', before: one, head: three, dropped: 0, gained: 2, written: 2});
  store.run('undo');
  store.run('undo');
  t.is(store.read('a'), '3\n');
  t.is(tip(store), three);
  t.regex(store.try('reset', 'HEAD').stderr, /^main is at \w+ already\./);
  t.is(store.json<unknown[]>('op', 'log').length, 8, 'that was no operation');
  t.regex(store.run('fsck'), /no problem/);
});

test('what no commit holds is refused, or saved with --force, or left alone', t => {
  const store = makeStore(t);
  const one = store.commit({a: '1\n', b: '1\n'}, 'one');
  const two = store.commit({a: '2\n'}, 'two');
  store.write({a: 'mine\n'});
  t.deepEqual(store.failure('reset', one), [6, 'WOULD_OVERWRITE']);
  t.is(tip(store), two);
  t.like(store.json('reset', '--keep-files', one), {dropped: 1, gained: 0, written: 0, removed: 0, saved: null});
  t.is(store.read('a'), 'mine\n');
  t.deepEqual(changed(store), ['a']);
  store.run('undo', '--force');
  t.is(store.read('a'), '2\n');
  store.write({a: 'mine again\n'});
  t.like(store.json('reset', '--force', one), {saved: {paths: ['a']}});
  t.is(store.read('a'), '1\n');
  store.run('undo');
  t.is(store.read('a'), 'mine again\n');
});

test('several commits become one', t => {
  const store = makeStore(t);
  store.commit({a: '1\n'}, 'one');
  const two = store.commit({a: '2\n', b: '2\n'}, 'two');
  store.commit({a: '3\n'}, 'three');
  store.run('reset', '--keep-files', 'HEAD~2');
  t.deepEqual(changed(store), ['a', 'b']);
  store.run('commit', '-m', 'all of it');
  t.deepEqual(
    store.json<{message: string}[]>('log').map(({message}) => message),
    ['all of it', 'one'],
  );
  t.is(store.read('a'), '3\n');
  t.deepEqual(store.lines('diff', two, '--name-status'), ['M\ta']);
});

test('a detached HEAD moves by itself, and another branch by branch -f', t => {
  const store = makeStore(t);
  const one = store.commit({a: '1\n'}, 'one');
  const two = store.commit({a: '2\n'}, 'two');
  store.run('branch', 'topic');
  t.deepEqual(store.failure('branch', '-f', 'main', one), [1, 'BRANCH_CURRENT']);
  t.regex(store.try('branch', '-f', 'main', one).stderr, /Move it with `dbos reset`/);
  t.like(store.json('branch', '-f', 'topic', 'HEAD~1'), {name: 'topic', before: two, id: one});
  t.regex(store.try('branch', '-f', 'topic', one).stderr, /^topic is at \w+ already\.$/m);
  t.like(store.json('branch', '-f', 'fresh', one), {name: 'fresh', id: one});
  t.deepEqual(store.failure('branch', '-f'), [2, 'USAGE']);
  t.deepEqual(store.failure('branch', '-f', '-d', 'topic'), [2, 'USAGE']);
  store.run('checkout', two);
  t.like(store.json('reset', 'topic'), {branch: null, before: two, head: one});
  t.is(store.read('a'), '1\n');
  t.like(store.json('branch', '-f', 'main', one), {before: two, id: one});
});

test('bad revisions and what git has are told', t => {
  const store = makeStore(t);
  t.deepEqual(store.failure('reset', 'HEAD'), [4, 'NO_COMMITS']);
  store.commit({a: '1\n'});
  t.deepEqual(store.failure('reset', 'nothing'), [4, 'REVISION_UNKNOWN']);
  t.deepEqual(store.failure('reset'), [2, 'USAGE']);
  t.deepEqual(store.failure('reset', '--force', '--keep-files', 'HEAD'), [2, 'USAGE']);
  t.regex(store.try('reset', '--hard', 'HEAD').stderr, /hint: Leave it out/);
  t.regex(store.try('reset', '--soft', 'HEAD').stderr, /hint: `--keep-files`/);
});

test('law: after a reset the files are those of a checkout, and undo gives back what was', t => {
  const names = ['a', 'b', 'd/c', 'd/e/f'];
  const edit = fc.dictionary(fc.constantFrom(...names), fc.constantFrom('1\n', '2\n', '3\n'), {minKeys: 1});
  fc.assert(
    fc.property(fc.array(edit, {minLength: 2, maxLength: 4}), fc.nat(), (edits, chosen) => {
      const store = makeStore(t);
      const commits = edits.map((files, i) => store.commit({...files, n: `${i}\n`}, `${i}`));
      const target = commits[chosen % commits.length] as string;
      const last = commits.at(-1) as string;
      const contents = () => store.json<{path: string}[]>('ls', '-R').map(({path}) => path);
      const before = contents();
      store.run('reset', target);
      t.deepEqual(changed(store), []);
      t.is(store.run('diff', target), '');
      const files = contents();
      store.run('undo');
      if (target !== last) t.is(tip(store), last);
      else store.run('redo');
      t.deepEqual(contents(), before);
      t.deepEqual(changed(store), []);
      store.run('checkout', target);
      t.deepEqual(contents(), files);
    }),
    {numRuns: 6, endOnFailure: true},
  );
});
