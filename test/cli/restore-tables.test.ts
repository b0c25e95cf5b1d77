/** `dbos restore --table`: tables are what they were in another commit, as a commit, or nothing changes. */
import test from 'ava';
import {makeStore} from './store.js';

const SCHEMA = `
  CREATE TABLE country (code TEXT PRIMARY KEY, name TEXT);
  CREATE TABLE city (id INTEGER PRIMARY KEY, name TEXT UNIQUE, country TEXT REFERENCES country(code));
  CREATE INDEX city_name ON city(name);
  CREATE VIEW big AS SELECT name FROM city WHERE id > 1;
  INSERT INTO country VALUES ('at', 'Austria'), ('fr', 'France');
  INSERT INTO city VALUES (1, 'Wien', 'at'), (2, 'Graz', 'at'), (3, 'Lyon', 'fr')`;

function cities(t: Parameters<typeof makeStore>[0]) {
  const store = makeStore(t);
  store.commit({'notes.txt': 'one'});
  store.run('query', SCHEMA);
  store.run('tag', 'v1');
  return store;
}

test('a table comes back with its rows, columns and indexes, and everything else stays', t => {
  const store = cities(t);
  store.commit({'notes.txt': 'two'});
  store.run(
    'query',
    "DELETE FROM city WHERE id < 3; ALTER TABLE city ADD COLUMN size INT; INSERT INTO country VALUES ('it', 'Italia')",
  );
  store.run('query', 'DROP INDEX city_name');
  const before = store.json<{objects: number}>('fsck').objects;
  t.true(before > 0);
  const head = store.json<{id: string}[]>('log', '-n', '1')[0]?.id;
  const {id} = store.json<{source: string; id: string}>('restore', '-s', 'v1', '--table', 'CITY', '-m', 'as it was');
  t.not(id, head);
  const [newest] = store.json<{id: string; message: string; cause: string}[]>('log', '-n', '1');
  t.is(newest?.id, id);
  t.is(newest?.message, 'as it was');
  t.is(newest?.cause, 'restore');
  t.deepEqual(store.json('query', 'SELECT * FROM city'), store.json('query', '--at', 'v1', 'SELECT * FROM city'));
  t.is(store.run('schema', 'city'), store.run('schema', 'city', '--at', 'v1'));
  t.is(store.json<unknown[]>('query', 'SELECT * FROM country').length, 3);
  t.is(store.run('cat', 'notes.txt'), 'two');
  t.regex(store.run('fsck'), /no problem/);
  // law: nothing else differs, and once more changes nothing
  t.is(store.run('diff', 'v1', 'HEAD', '--table', 'city'), '');
  t.is(store.json<{id: string | null}>('restore', '-s', 'v1', '-t', 'city').id, null);
  store.run('undo');
  t.is(store.json<unknown[]>('query', 'SELECT * FROM city').length, 1);
});

test('tables and views that were dropped come back, together if they refer to each other', t => {
  const store = cities(t);
  store.run('query', 'DROP VIEW big; DROP TABLE city; DROP TABLE country');
  const alone = store.try('restore', '-s', 'v1', '--table', 'city');
  t.is(alone.status, 3);
  t.regex(alone.stderr, /TRANSACTION_CONFLICT/);
  t.regex(alone.stderr, /Restore the tables together that refer to each other/);
  t.deepEqual(
    store.json<{name: string}[]>('table', 'ls').map(({name}) => name),
    ['files'],
  );
  store.run('restore', '-s', 'v1', '-t', 'city', '-t', 'country', '-t', 'big');
  t.deepEqual(store.json('query', 'SELECT * FROM big'), [{name: 'Graz'}, {name: 'Lyon'}]);
  t.not(store.try('query', "INSERT INTO city VALUES (9, 'X', 'zz')").status, 0);
  t.regex(store.run('fsck'), /no problem/);
});

test('what would break a rule of another table is refused, and so is what is not there', t => {
  const store = cities(t);
  store.run('query', "INSERT INTO country VALUES ('it', 'Italia'); INSERT INTO city VALUES (4, 'Roma', 'it')");
  const head = store.json<{id: string}[]>('log', '-n', '1')[0]?.id;
  const refused = store.try('restore', '-s', 'v1', '--table', 'country');
  t.is(refused.status, 3);
  t.regex(refused.stderr, /FOREIGN KEY/);
  for (const [args, message, status] of [
    [['-s', 'v1', '-t', 'citty'], /no table citty in \w+ \(TABLE_UNKNOWN\)\n.*Is it 'city'/, 4],
    [['-s', 'v1', '-t', 'files'], /Files are restored by their paths/, 4],
    [['-t', 'city'], /USAGE/, 2],
    [['-s', 'v1', '-t', 'city', 'notes.txt'], /Name either files and directories, or tables/, 2],
    [['-s', 'v1'], /Name either files and directories, or tables/, 2],
    [['-m', 'x', 'notes.txt'], /A message is for the commit/, 2],
    [['-s', 'v1', '-f', '-t', 'city'], /USAGE/, 2],
  ] as const) {
    const done = store.try('restore', ...args);
    t.regex(done.stderr, message, args.join(' '));
    t.is(done.status, status, args.join(' '));
  }
  t.is(store.json<{id: string}[]>('log', '-n', '1')[0]?.id, head);
});
