/** `dbos merge` through the program: branches of one store are brought together. */
import {existsSync, mkdirSync, readFileSync, rmSync, writeFileSync} from 'node:fs';
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

test('conflicts are listed and settled: all of them, for a path, for a table', t => {
  const store = makeTmpDir(t);
  const lines = (changes: Record<number, string>) => Array.from({length: 9}, (_, i) => `${changes[i] ?? i}\n`).join('');
  const write = (name: string, text: string) => writeFileSync(join(store, name), text);
  const read = (name: string) => readFileSync(join(store, name), 'utf8');
  mustRun(store, 'init');
  mkdirSync(join(store, 'etc'));
  mkdirSync(join(store, 'gone'));
  write('text', lines({}));
  write('etc/a', 'base\n');
  write('gone/a', 'base\n');
  mustRun(store, 'query', 'CREATE TABLE t(id INTEGER PRIMARY KEY, a); INSERT INTO t VALUES (1, 0)');
  mustRun(store, 'commit', '-m', 'base');
  mustRun(store, 'switch', '-c', 'side');
  write('text', lines({1: 'theirs', 7: 'theirs'}));
  write('etc/a', 'theirs\n');
  write('gone/b', 'theirs\n');
  mustRun(store, 'query', 'UPDATE t SET a = 2');
  mustRun(store, 'commit', '-m', 'theirs');
  mustRun(store, 'switch', 'main');
  write('text', lines({1: 'ours', 4: 'ours'}));
  write('etc/a', 'ours\n');
  rmSync(join(store, 'gone'), {recursive: true});
  mustRun(store, 'query', 'UPDATE t SET a = 1');
  mustRun(store, 'commit', '-m', 'ours');

  const {status, stderr} = dbos(store, ['merge', 'side']);
  t.is(status, 3);
  t.regex(
    stderr,
    /in 3 places \(TRANSACTION_CONFLICT\)\n {2}the file text: .*\n {2}the file etc\/a: .*\n {2}t \(1\) has a = 1 here/,
  );
  t.regex(stderr, /--prefer ours/);
  t.is(dbos(store, ['merge', '--ours', 'etc', 'side']).status, 3);

  const settled = json<Merged & {settled: {count: number}}>(
    store,
    'merge',
    'side',
    '--prefer',
    'theirs',
    '--ours',
    't',
    '--ours',
    'etc',
  );
  t.like(settled, {kind: 'merge', settled: {count: 4}});
  t.is(read('text'), lines({1: 'theirs', 4: 'ours', 7: 'theirs'}));
  t.is(read('etc/a'), 'ours\n');
  t.is(read('gone/b'), 'theirs\n');
  t.is(mustRun(store, 'query', 'SELECT a FROM t'), '{"a":1}\n');
  mustRun(store, 'fsck');
  mustRun(store, 'undo');
  t.is(read('text'), lines({1: 'ours', 4: 'ours'}));
  const done = dbos(store, ['merge', 'side', '--prefer', 'ours']);
  t.regex(done.stderr, /Merged side into main: \w+\.\nThe preferred side was taken in 4 places\./);
  t.false(existsSync(join(store, 'gone')));
  t.is(dbos(store, ['merge', 'side', '--prefer', 'mine']).status, 2);
});
