/** Many clients at once: nothing is lost, nothing fails, memory is bounded. The full size is `test/bench/load.bench.ts`. */
import test from 'ava';
import {loadServer} from '../support/loaded-server.js';

test('10 that push to branches of their own and 40 that pull at once', async t => {
  const {wrong, pulled, statuses, megabytes} = await loadServer(t, 10, 40, 2);
  t.deepEqual(wrong, []);
  t.is(pulled, 40);
  t.deepEqual(Object.keys(statuses), ['200']);
  t.true(megabytes === undefined || megabytes <= 500, `${megabytes} MB`);
});
