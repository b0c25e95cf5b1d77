/** Processes that compete: none loses what it committed. The full size of the first test is `test/bench/transfers.bench.ts`. */
import test from 'ava';
import {json, mustRun, outcome, start} from '../support/dbos.js';
import {makeTmpDir} from '../support/tmp.js';
import {runTransfers} from './transfers.js';

test('transfers by four processes, some of them killed: nothing is lost, nothing comes or goes', async t => {
  const {wrong, acknowledged} = await runTransfers(makeTmpDir(t), {processes: 4, transactions: 12, kills: 4});
  t.deepEqual(wrong, []);
  t.is(acknowledged, 48);
});

test('20 writers at once lose nothing', async t => {
  const root = makeTmpDir(t);
  mustRun(root, 'init');
  mustRun(root, 'query', 'CREATE TABLE n(x INTEGER); INSERT INTO n VALUES (0)');
  const writers = Array.from({length: 20}, () => outcome(start(root, ['query', 'UPDATE n SET x = x + 1'])));
  for (const {status, stderr} of await Promise.all(writers)) t.is(status, 0, stderr);
  t.deepEqual(json(root, 'query', 'SELECT x FROM n'), [{x: 20}]);
});
