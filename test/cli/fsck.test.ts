/** `dbos fsck`: what is damaged, and what it takes with it. */
import {createHash} from 'node:crypto';
import {readdirSync, readFileSync, rmSync, writeFileSync} from 'node:fs';
import {join} from 'node:path';
import test from 'ava';
import {makeStore} from './store.js';

interface Report {
  readonly objects: number;
  readonly bytes: number;
  readonly problems: readonly {code: string; paths?: string[]; refs?: string[]; commits?: string[]}[];
}

test('a sound store has no problem', t => {
  const store = makeStore(t);
  store.commit({a: 'text'});
  const {objects, bytes, problems} = store.json<Report>('fsck');
  t.true(objects > 0 && bytes > 0);
  t.deepEqual(problems, []);
  t.regex(store.run('fsck'), /^Checked \d+ objects, .*: no problem\.\n$/);
});

test('a damaged body is told with its path, commits and refs', t => {
  const store = makeStore(t);
  const digests = Array.from({length: 1000}, (_, at) => createHash('sha256').update(`${at}`).digest('hex'));
  const id = store.commit({'d/damaged': digests.join('\n'), sound: 'x'});
  const folder = join(store.directory, '.dbos/log');
  const [segment] = readdirSync(folder);
  const file = join(folder, segment as string);
  const bytes = readFileSync(file);
  // small objects are in the index, so the log is this body and little else
  const middle = bytes.length >> 1;
  bytes[middle] = (bytes[middle] as number) ^ 0xff;
  writeFileSync(file, bytes);
  const {status, stdout} = store.try('fsck', '--json');
  t.is(status, 1);
  const {problems} = JSON.parse(stdout) as Report;
  const damaged = problems.find(problem => problem.paths?.includes('d/damaged'));
  t.true(damaged?.refs?.includes('main'));
  t.true(damaged?.commits?.includes(id));
  const text = store.try('fsck');
  t.is(text.status, 1);
  t.regex(text.stdout, /^damaged: /);
  t.regex(text.stdout, / {2}affects refs: HEAD, main\n {2}affects commits: \w{12}\n {2}affects path: d\/damaged\n/);
  t.regex(text.stdout, /\nChecked \d+ objects, .*: \d+ problems?\.\n$/);
});

/** Returns the only file of the index whose name fits. */
function indexFile(directory: string, pattern: RegExp): string {
  const folder = join(directory, '.dbos/level');
  return join(
    folder,
    readdirSync(folder)
      .filter(name => pattern.test(name))
      .sort()
      .at(-1) as string,
  );
}

function flip(file: string, at: number): void {
  const bytes = readFileSync(file);
  bytes[at] = (bytes[at] as number) ^ 1;
  writeFileSync(file, bytes);
}

test('a damaged table of the index is told with its place, and LevelDB never sees it', t => {
  const store = makeStore(t);
  store.commit({a: 'text'});
  store.run('status');
  const table = indexFile(store.directory, /\.ldb$/);
  for (const at of [3, readFileSync(table).length - 1]) {
    flip(table, at);
    const current = readFileSync(join(store.directory, '.dbos/level/CURRENT'), 'utf8');
    const {status, stdout, stderr} = store.try('fsck');
    t.is(status, 1);
    t.regex(
      stdout,
      /^damaged: The index is damaged in the file level\/\d{6}\.ldb at byte \d+: .*\.\nChecked 0 objects/,
    );
    t.regex(stderr, /not checked.*copy/);
    const report = JSON.parse(store.try('fsck', '--json').stdout) as Report;
    t.deepEqual(
      report.problems.map(({code}) => code),
      ['STORE_CORRUPT'],
    );
    t.is(readFileSync(join(store.directory, '.dbos/level/CURRENT'), 'utf8'), current, 'the store was not opened');
    flip(table, at);
  }
  t.deepEqual(store.json<Report>('fsck').problems, []);
});

test('a damaged write-ahead log is told while it is there, and what it held is missed afterwards', t => {
  const store = makeStore(t);
  store.commit({a: 'text'});
  const log = indexFile(store.directory, /\.log$/);
  flip(log, readFileSync(log).length >> 1);
  const told = store.try('fsck');
  t.is(told.status, 1);
  t.regex(told.stdout, /^damaged: The index is damaged in the file level\/\d{6}\.log at byte 0: /);
  t.regex(store.try('log').stderr, /has lost its last (write|\d+ writes) .*\n.*witness/);
  t.deepEqual(store.failure('log'), [1, 'STORE_CORRUPT']);
  t.deepEqual(store.failure('fsck'), [1, 'STORE_CORRUPT']);
  rmSync(join(store.directory, '.dbos/witness'));
  t.deepEqual(store.json<Report>('fsck').problems, []);
  t.deepEqual(store.json<readonly unknown[]>('op', 'log').length, 1);
});
