/** `dbos tag`. */
import test from 'ava';
import {makeStore, short} from './store.js';

test('tags are made, listed, moved and deleted', t => {
  const store = makeStore(t);
  const first = store.commit({a: '1'}, 'one\n\nmore');
  const second = store.commit({a: '2'}, 'two');
  t.deepEqual(store.json('tag', 'v1', 'HEAD~1'), {name: 'v1', id: first});
  t.deepEqual(store.json('tag', 'v2', '-m', 'second\nof all'), {name: 'v2', id: second, message: 'second\nof all'});
  t.deepEqual(store.lines('tag'), [`v1  ${short(first)}  one`, `v2  ${short(second)}  second`]);
  t.deepEqual(store.json('tag'), [
    {name: 'v1', id: first},
    {name: 'v2', id: second, message: 'second\nof all'},
  ]);
  t.deepEqual(store.failure('tag', 'v1'), [1, 'TAG_EXISTS']);
  t.deepEqual(store.json('tag', 'v1', '-f'), {name: 'v1', id: second});
  t.deepEqual(store.json('tag', '-d', 'v1'), {name: 'v1', names: ['v1'], deleted: true});
  t.deepEqual(
    store.json<{name: string}[]>('tag').map(({name}) => name),
    ['v2'],
  );
});

test('wrong uses of tags', t => {
  const store = makeStore(t);
  t.deepEqual(store.failure('tag', 'v1'), [4, 'NO_COMMITS']);
  t.deepEqual(store.failure('tag', '-d', 'v1'), [4, 'TAG_UNKNOWN']);
  t.deepEqual(store.failure('tag', 'v1', 'nowhere'), [4, 'REVISION_UNKNOWN']);
  t.deepEqual(store.failure('tag', '-d'), [2, 'USAGE']);
  t.deepEqual(store.failure('tag', 'v1', '-m', ''), [2, 'MESSAGE_MISSING']);
  t.deepEqual(store.json('tag'), []);
});
