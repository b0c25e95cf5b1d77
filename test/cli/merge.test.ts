/** `dbos merge` through the program: branches of one store are brought together. */
import {existsSync, readFileSync, writeFileSync} from 'node:fs';
import {join} from 'node:path';
import test from 'ava';
import {dbos, json, mustRun} from '../support/dbos.js';
import {makeTmpDir} from '../support/tmp.js';

interface Merged {
  readonly kind: string;
  readonly before: string | null;
  readonly id: string;
}

test('a branch is merged forward, by row and cell, or not at all', t => {
  const store = makeTmpDir(t);
  const query = (sql: string) => mustRun(store, 'query', sql);
  const fails = (...args: string[]) => {
    const {status, stdout} = dbos(store, [...args, '--json']);
    return {status, error: (JSON.parse(stdout) as {error: {code: string; hint: string}}).error};
  };
  mustRun(store, 'init');
  query('CREATE TABLE t(id INTEGER PRIMARY KEY, a, b); INSERT INTO t VALUES (1, 1, 1), (2, 2, 2)');
  mustRun(store, 'switch', '-c', 'side');
  query('UPDATE t SET a = 9 WHERE id = 1');
  writeFileSync(join(store, 'f'), 'side\n');
  mustRun(store, 'commit', '-m', 'a file');
  mustRun(store, 'switch', '-c', 'forward', 'main');
  t.is(json<Merged>(store, 'merge', 'side').kind, 'fast-forward');
  t.is(json<Merged>(store, 'merge', 'main').kind, 'up-to-date');

  mustRun(store, 'switch', 'main');
  query('UPDATE t SET b = 8 WHERE id = 1');
  t.false(existsSync(join(store, 'f')));
  t.like(fails('merge', '--ff-only', 'side'), {status: 6, error: {code: 'NOT_FAST_FORWARD'}});
  const {kind, before, id} = json<Merged>(store, 'merge', 'side');
  t.is(kind, 'merge');
  t.is(query('SELECT a, b FROM t WHERE id = 1'), '{"a":9,"b":8}\n');
  t.is(readFileSync(join(store, 'f'), 'utf8'), 'side\n');
  const [newest] = json<{id: string; parents: string[]; cause: string}[]>(store, 'log', '-n', '1');
  t.like(newest, {id, cause: 'merge'});
  t.is(newest?.parents[0], before as string);
  mustRun(store, 'undo');
  t.false(existsSync(join(store, 'f')));

  query('UPDATE t SET a = 7 WHERE id = 1');
  const conflict = fails('merge', 'side');
  t.like(conflict, {status: 3, error: {code: 'TRANSACTION_CONFLICT'}});
  t.regex(conflict.error.hint, /^Nothing has moved/);
  query('UPDATE t SET a = 9 WHERE id = 1');
  t.is(json<Merged>(store, 'merge', 'side').kind, 'merge');
  mustRun(store, 'fsck');

  t.like(fails('merge', 'nowhere'), {status: 4, error: {code: 'REVISION_UNKNOWN'}});
  mustRun(store, 'checkout', 'side~1');
  t.like(fails('merge', 'main'), {status: 4, error: {code: 'UPSTREAM_MISSING'}});
});
