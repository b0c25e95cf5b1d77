/** `dbos fsck`: what is damaged, and what it takes with it. */
import {createHash} from 'node:crypto';
import {readdirSync, readFileSync, writeFileSync} from 'node:fs';
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
