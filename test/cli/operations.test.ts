/** `dbos op`, `undo` and `redo`. */
import test from 'ava';
import {makeStore, short} from './store.js';

interface OperationJson {
  readonly id: string;
  readonly command: string;
  readonly description: string;
  readonly refs: readonly {ref: string; before: string | null; after: string | null}[];
  readonly head: {before: unknown; after: unknown};
}

test('the log says who did what, and what moved from where to where', t => {
  const store = makeStore(t);
  const first = store.commit({a: '1'}, 'one');
  const second = store.commit({a: '2'}, "it's two");
  store.run('checkout', 'HEAD~1');
  const log = store.json<OperationJson[]>('op', 'log');
  t.is(log.length, 4);
  const [moved, committed, , made] = log as [OperationJson, OperationJson, OperationJson, OperationJson];
  t.deepEqual(moved.head, {before: {branch: 'main'}, after: {detached: first}});
  t.deepEqual(committed.refs, [{ref: 'branches/main', before: first, after: second}]);
  t.is(committed.command, "dbos commit --json -m 'it'\\''s two'");
  t.like(made, {kind: 'init', parent: null, head: {before: null, after: {branch: 'main'}}});
  t.deepEqual(store.json('op', 'log', '-n', '1'), [moved]);
  t.deepEqual(store.json('op', 'show', '@~1'), committed);
  t.deepEqual(store.json('op', 'show', short(made.id)), made);
  const text = store.lines('op', 'show', '@~1');
  t.is(text[0], `operation ${short(committed.id)}`);
  t.regex(text[1] as string, /^Time: {4}\d{4}-\d\d-\d\d \d\d:\d\d:\d\d \+00:00$/);
  t.regex(text[2] as string, /^By: {6}\S+@\S+, process \d+$/);
  t.deepEqual(text.slice(-2), [
    `    branch  main  ${short(first)} -> ${short(second)}`,
    '    table  files  1 modified  on main',
  ]);
  t.is(store.lines('op', 'show').at(-1), `    HEAD    main -> detached at ${short(first)}`);
  const lines = store.lines('op', 'log', '--oneline');
  t.is(lines.length, 4);
  t.regex(lines[1] as string, /^\w{12} \S+ \S+ \S+@\S+ commit: it's two$/);
  t.deepEqual(store.lines('op', 'log', '-n', '0'), []);
  t.deepEqual(store.failure('op', 'show', 'nope'), [4, 'OPERATION_UNKNOWN']);
  t.deepEqual(store.failure('op', 'log', '-n', 'x'), [2, 'USAGE']);
});

test('undo and redo say what they did, and bring the work tree along', t => {
  const store = makeStore(t);
  const first = store.commit({a: '1'}, 'one');
  const second = store.commit({a: '2'}, 'two');
  const undone = store.json<{undone: OperationJson; head: string}>('undo');
  t.is(undone.undone.description, 'commit: two');
  t.is(undone.head, first);
  t.is(store.read('a'), '1');
  const [text, where] = store.lines('redo');
  t.regex(text as string, /^Redid: commit: two \(\w{12}, `dbos commit --json -m two`, just now\)\.$/);
  t.is(where, `main is at ${short(second)}.`);
  t.is(store.read('a'), '2');
  t.deepEqual(store.failure('redo'), [1, 'NOTHING_TO_REDO']);
  store.run('undo');
  t.is(store.lines('undo')[1], 'main has no commits.');
  t.deepEqual(store.failure('undo'), [1, 'NOTHING_TO_UNDO']);
});

test('op restore goes to any operation, and back', t => {
  const store = makeStore(t);
  const first = store.commit({a: '1'});
  store.commit({a: '2'});
  store.run('tag', 'v1');
  const done = store.json<{restored: OperationJson; head: string; written: number}>('op', 'restore', '@~2');
  t.like(done, {head: first, written: 1});
  t.is(store.read('a'), '1');
  t.deepEqual(store.json('tag'), []);
  store.run('undo');
  t.is(store.read('a'), '2');
  t.is(store.json<unknown[]>('tag').length, 1);
  t.deepEqual(store.failure('op', 'restore', '@~99'), [4, 'OPERATION_UNKNOWN']);
});

test('undo refuses to lose a change, and saves it when forced', t => {
  const store = makeStore(t);
  store.commit({a: '1'});
  store.commit({a: '2'});
  store.write({a: 'mine'});
  t.deepEqual(store.failure('undo'), [6, 'WOULD_OVERWRITE']);
  const {saved} = store.json<{saved: {commit: string; operation: string; paths: string[]}}>('undo', '--force');
  t.deepEqual(saved.paths, ['a']);
  t.is(store.read('a'), '1');
  store.run('op', 'restore', short(saved.operation));
  t.is(store.read('a'), 'mine');
});
