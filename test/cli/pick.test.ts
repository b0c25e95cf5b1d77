/** `dbos revert` and `dbos cherry-pick` through the program. */
import {readFileSync, writeFileSync} from 'node:fs';
import {join} from 'node:path';
import test from 'ava';
import {dbos, json, mustRun} from '../support/dbos.js';
import {makeTmpDir} from '../support/tmp.js';

test('a commit is taken back and done on another branch, or what stands in the way is told', t => {
  const store = makeTmpDir(t);
  const file = join(store, 'f');
  const lines = (changes: Record<number, string>) => Array.from({length: 9}, (_, i) => `${changes[i] ?? i}\n`).join('');
  const commit = (changes: Record<number, string>, message: string) => {
    writeFileSync(file, lines(changes));
    mustRun(store, 'commit', '-m', message);
  };
  mustRun(store, 'init');
  commit({}, 'base');
  commit({1: 'bad'}, 'a change');
  commit({1: 'bad', 7: 'good'}, 'another');
  const {stderr} = dbos(store, ['revert', 'HEAD~1']);
  t.regex(stderr, /^Took back \w{12}: \w{12} Revert "a change"\n$/);
  t.is(readFileSync(file, 'utf8'), lines({7: 'good'}));
  const [newest] = json<{cause: string; message: string}[]>(store, 'log', '-n', '1');
  t.is(newest?.cause, 'revert');
  t.regex(newest?.message ?? '', /^Revert "a change"\n\nThis takes back commit \w{12}\.$/);
  t.like(json(store, 'revert', 'HEAD~2'), {id: null, written: 0});
  t.regex(dbos(store, ['revert', 'HEAD~2']).stderr, /nothing to change/);

  mustRun(store, 'switch', '-c', 'side', 'HEAD~3');
  t.is(readFileSync(file, 'utf8'), lines({}));
  t.like(json(store, 'cherry-pick', 'main~1', '-m', 'taken over'), {settled: {count: 0, conflicts: []}, written: 1});
  t.is(readFileSync(file, 'utf8'), lines({7: 'good'}));
  commit({7: 'better'}, 'mine');
  const refused = dbos(store, ['cherry-pick', 'main~1']);
  t.is(refused.status, 3);
  t.regex(
    refused.stderr,
    /^error: What \w{12} changed conflicts with what 'side' has now: the file f: .*\nhint: Nothing/,
  );
  t.regex(dbos(store, ['cherry-pick', 'main~1', '--theirs', 'f']).stderr, /The preferred side was taken in 1 place\./);
  t.is(readFileSync(file, 'utf8'), lines({7: 'good'}));
  mustRun(store, 'undo');
  t.is(readFileSync(file, 'utf8'), lines({7: 'better'}));

  mustRun(store, 'merge', 'main', '--prefer', 'ours');
  t.is(dbos(store, ['revert', 'HEAD']).status, 2);
  mustRun(store, 'revert', 'HEAD', '--parent', '1');
  t.is(dbos(store, ['revert', 'nowhere']).status, 4);
  mustRun(store, 'fsck');
});
