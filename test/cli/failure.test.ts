/** What a failed command prints and how it exits. */
import test from 'ava';
import {describeFailure, failureJson, failureText} from '../../src/cli/failure.js';
import {createStyle} from '../../src/cli/style.js';
import {DbosError} from '../../src/errors.js';
import {runDbos, runShell} from './program.js';
import {makeStore, short} from './store.js';

const plain = createStyle(false);

test('wrong usage is status 2, one sentence and a hint', t => {
  const cases: [string[], string, RegExp][] = [
    [['compltion'], 'error: There is no command compltion (USAGE)', /^hint: Did you mean 'completion'\?$/],
    [['add'], 'error: There is no command add (USAGE)', /^hint: There is no staging area/],
    [['zzz'], 'error: There is no command zzz (USAGE)', /^hint: See `dbos help` for all commands\.$/],
    [['completion'], 'error: Missing argument SHELL (USAGE)', /^hint: See `dbos help completion`\.$/],
    [['completion', 'bash', '--jso'], 'error: Unknown flag: --jso (USAGE)', /^hint: Did you mean '--json'\? See/],
    [['completion', 'bash', 'x'], 'error: Unexpected argument: x (USAGE)', /^hint: See/],
    [['completion', 'tcsh'], 'error: Expected tcsh to be one of: bash, zsh, fish (USAGE)', /^hint: See/],
    [['commit', '-am', 'x'], 'error: Unknown flag: -am (USAGE)', /records everything that changed, so leave it out/],
    [['checkout', '-b', 'x'], 'error: Unknown flag: -b (USAGE)', /^hint: `dbos switch -c NAME/],
    [['push', '-f'], 'error: Unknown flag: -f (USAGE)', /^hint: `--force-with-lease`/],
    [['undo', 'x'], 'error: Unexpected argument: x (USAGE)', /`dbos op restore OPERATION`/],
    [['completion', 'bash', '-C'], 'error: Flag --directory expects a value (USAGE)', /^hint: See/],
  ];
  for (const [args, error, hint] of cases) {
    const {status, stdout, stderr} = runDbos(args);
    t.is(status, 2, args.join(' '));
    t.is(stdout, '');
    const lines = stderr.split('\n');
    t.is(lines[0], error);
    t.regex(lines[1] as string, hint);
    t.is(lines.length, 3);
  }
});

test('what is no revision but a path, a number of commits or a file of a commit leads to how that is said', t => {
  const store = makeStore(t);
  store.commit({'notes.txt': '1'});
  for (const [args, hint] of [
    [['checkout', 'notes.txt'], /write `--` before paths, as in `dbos checkout -- notes\.txt`/],
    [['log', '-3'], /^hint: Say `-n 3`\.$/m],
    [['show', 'HEAD:notes.txt'], /`dbos cat notes\.txt --at HEAD`/],
    [['checkout', '-'], /`dbos switch -`/],
    [['log', 'mian'], /Did you mean 'main'/],
  ] as const) {
    t.regex(store.try(...args).stderr, hint, args.join(' '));
  }
});

test('a table that is named like a file leads to what does that for tables', t => {
  const store = makeStore(t);
  store.commit({a: '1'});
  store.run('query', 'CREATE TABLE city(id INTEGER PRIMARY KEY, name TEXT); INSERT INTO city VALUES (1, 1), (2, 2)');
  store.run('tag', 'v1');
  store.run('query', 'DELETE FROM city WHERE id = 1; INSERT INTO city VALUES (3, 3)');
  t.regex(store.try('cat', 'city').stderr, /'city' is a table: `dbos query "SELECT \* FROM city"`/);
  t.regex(store.try('history', 'city').stderr, /`dbos history --table city`/);
  t.regex(store.try('restore', 'other').stderr, /^hint: See `dbos ls`/m);
  const command = /`dbos (restore [^`]*)`/.exec(store.try('restore', '--source', 'v1', 'city').stderr)?.[1];
  store.run(...(command as string).replace('REVISION', 'v1').split(' '));
  t.deepEqual(store.json('query', 'SELECT id FROM city'), [{id: 1}, {id: 2}]);
});

test('a table that is there no more leads to the commit that dropped it, and to what it was', t => {
  const store = makeStore(t);
  store.commit({a: '1'});
  store.run('query', 'CREATE TABLE city(id INTEGER PRIMARY KEY)');
  store.run('query', 'INSERT INTO city VALUES (7)');
  const [{id: had}] = store.json<[{id: string}]>('log', '-n', '1');
  store.run('query', 'DROP TABLE city');
  const [{id: dropped}] = store.json<[{id: string}]>('log', '-n', '1');
  store.commit({a: '2'});
  const back = `dbos restore --source ${short(had)} --table city`;
  const hint = `hint: Commit ${short(dropped)} dropped it: \`${back}\` brings it back, and FROM city AS OF '${short(had)}' reads it.`;
  for (const sql of ['SELECT * FROM city', 'DELETE FROM city', 'INSERT INTO city VALUES (1)']) {
    t.true(store.try('query', sql).stderr.includes(hint), sql);
  }
  t.true(store.try('schema', 'city').stderr.includes(hint));
  t.true(store.try('restore', 'city').stderr.includes(`hint: 'city' was a table: \`${back}\` brings it back.`));
  t.deepEqual(store.json('query', `SELECT * FROM city AS OF '${short(had)}'`), [{id: 7}]);
  t.regex(store.try('query', 'SELECT * FROM never').stderr, /^hint: See `SELECT name FROM tables`\.$/m);
  store.run(...back.split(' ').slice(1));
  t.deepEqual(store.json('query', 'SELECT * FROM city'), [{id: 7}]);
  // what is spelled like one that is there is most likely that one
  t.regex(store.try('query', 'SELECT * FROM citi').stderr, /Did you mean 'city'/);
});

test('with --json the error is the one value on stdout', t => {
  for (const args of [
    ['compltion', '--json'],
    ['--json', 'completion'],
    ['completion', 'bash', '--jso', '--json'],
  ]) {
    const {status, stdout, stderr} = runDbos(args);
    t.is(status, 2);
    t.is(stderr, '');
    const {error} = JSON.parse(stdout) as {error: Record<string, unknown>};
    t.is(error.code, 'USAGE');
    t.is(typeof error.message, 'string');
    t.is(typeof error.hint, 'string');
  }
});

test('--json behind -- is an argument', t => {
  const {stdout, stderr} = runDbos(['completion', '--', '--json']);
  t.is(stdout, '');
  t.regex(stderr, /^error: Expected --json to be one of/);
});

test('an error of the library keeps its code, its hint and its status', t => {
  const error = new DbosError('WOULD_OVERWRITE', 'two files would be overwritten.', {
    hint: 'Commit them.',
    data: {paths: ['a', 'b\n']},
  });
  const failure = describeFailure(error, 'switch');
  t.is(failure.exitStatus, 6);
  t.is(
    failureText(failure, plain, false),
    'error: two files would be overwritten (WOULD_OVERWRITE)\n  a\n  "b\\n"\nhint: Commit them.\n',
  );
  t.deepEqual(failureJson(failure), {
    error: {
      code: 'WOULD_OVERWRITE',
      message: 'two files would be overwritten.',
      hint: 'Commit them.',
      data: {paths: ['a', 'b\n']},
    },
  });
});

test('an error in SQL shows where it stands', t => {
  const data = {from: 7, to: 10, line: 1, column: 8, excerpt: 'select siz from files\n       ^~~'};
  const failure = describeFailure(new DbosError('COLUMN_UNKNOWN', 'no such column: siz.', {hint: 'Look.', data}));
  t.is(
    failureText(failure, plain, false),
    'error: no such column: siz (COLUMN_UNKNOWN)\n  select siz from files\n         ^~~\nhint: Look.\n',
  );
  t.deepEqual(failureJson(failure).error, {
    code: 'COLUMN_UNKNOWN',
    message: 'no such column: siz.',
    hint: 'Look.',
    position: {line: 1, column: 8},
    excerpt: data.excerpt,
    data: {from: 7, to: 10},
  });
  const later = describeFailure(
    new DbosError('SQL_SYNTAX', 'x.', {data: {line: 3, column: 1, excerpt: '\u001b[2J\n^'}}),
  );
  t.is(failureText(later, plain, false), 'error: x (SQL_SYNTAX)\n  line 3:\n  \\033[2J\n  ^\n');
});

test('a long list of paths is cut for people', t => {
  const paths = Array.from({length: 50}, (_, at) => `f${at}`);
  const text = failureText(describeFailure(new DbosError('WOULD_OVERWRITE', 'no', {data: {paths}})), plain, false);
  t.is(text.split('\n').length, 1 + 20 + 1 + 1);
  t.regex(text, /… and 30 more/);
});

test('conflicts are listed for people where they are several, and a long list is cut', t => {
  const textOf = (count: number) => {
    const conflicts = Array.from({length: Math.min(count, 100)}, (_, at) => ({
      kind: 'cell',
      message: `t (${at}) has\nx`,
    }));
    return failureText(
      describeFailure(new DbosError('TRANSACTION_CONFLICT', 'No.', {data: {conflicts, count}})),
      plain,
      false,
    );
  };
  t.is(textOf(1), 'error: No (TRANSACTION_CONFLICT)\n');
  t.is(textOf(2), 'error: No (TRANSACTION_CONFLICT)\n  t (0) has\\nx\n  t (1) has\\nx\n');
  t.is(textOf(5000).split('\n').length, 1 + 20 + 1 + 1);
  t.regex(textOf(5000), /… and 4980 more/);
});

test('anything else is a bug: status 1, no stack unless it is asked for', t => {
  const failure = describeFailure(new TypeError('x is not a function\nand more'));
  t.is(failure.code, 'BUG');
  t.is(failure.exitStatus, 1);
  const text = failureText(failure, plain, false);
  t.regex(text, /^error: Unexpected failure, TypeError: x is not a function \(BUG\)\nhint: .*report.*\n$/);
  t.regex(failureText(failure, plain, true), /\n {4}at /);
  t.is(describeFailure('text').message, 'Unexpected failure, text.');
});

test('a failure of the system is no bug', t => {
  const error = Object.assign(new Error('EACCES: permission denied'), {code: 'EACCES', syscall: 'open'});
  t.is(describeFailure(error).code, 'STORE_IO');
  t.is(describeFailure(Object.assign(error, {code: 'ENOSPC'})).code, 'STORE_FULL');
});

test('causes are in the stack', t => {
  const error = new DbosError('STORE_IO', 'outer', {cause: new Error('inner')});
  t.regex(failureText(describeFailure(error), plain, true), /caused by: Error: inner/);
});

test('names cannot steer the terminal', t => {
  const text = failureText(describeFailure(new DbosError('PATH_UNKNOWN', 'no \u001b[31mfile')), plain, false);
  t.is(text, 'error: no \\033[31mfile (PATH_UNKNOWN)\n');
});

test('a reader that goes away is no error', t => {
  const {stderr} = runShell('{ sleep 0.2; dbos completion bash; echo "status $?" >&2; } | :');
  t.is(stderr, 'status 0\n');
});

test('arguments that are not UTF-8 keep their bytes', t => {
  const {stdout} = runShell(`dbos completion "$(printf 'a\\377b')" --json`);
  t.regex((JSON.parse(stdout) as {error: {message: string}}).error.message, /^Expected a\udcffb to be one of/);
});
