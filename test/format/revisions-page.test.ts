import {readFileSync} from 'node:fs';
import test from 'ava';
import type {ObjectId} from '../../src/objects/id.js';
import {walk} from '../../src/repo/history.js';
import {branchName, branchRef} from '../../src/repo/refs.js';
import {Repository} from '../../src/repo/repository.js';
import {resolveRange, resolveRevision} from '../../src/repo/revisions.js';
import {createTag} from '../../src/repo/tags.js';
import {parseTime} from '../../src/repo/time.js';
import {Clock, HOUR, makeRepo, namesOf, START, testContext, writeGraph} from '../support/repo.js';
import {makeTmpDir} from '../support/tmp.js';

const PAGE = readFileSync(new URL('../../../docs/revisions.md', import.meta.url), 'utf8');

/** Returns the lines of the table of a section: what stands in backquotes, and the second column. */
function tableOf(section: string, head: string): [text: string, meaning: string][] {
  const [, body = ''] = PAGE.split(`\n## ${section}\n`);
  const [, rows = ''] = (body.split('\n## ')[0] as string).split(`\n${head}\n|---|---|\n`);
  return [...rows.matchAll(/^\| `([^`]*)` \|(.*)\|$/gm)].map(([, text, meaning]) => [
    text as string,
    (meaning as string).trim(),
  ]);
}

async function setMain(repo: Repository, next: ObjectId): Promise<void> {
  await repo.begin().publish({
    kind: 'normal',
    refs: [{name: branchRef(branchName('main')), expected: {kind: 'any'}, next}],
  });
}

test('steps and ranges of docs/revisions.md', async t => {
  const {repo} = await makeRepo(t);
  const transaction = repo.begin();
  const graph = {a: [], b: ['a'], c: ['b'], x: ['b'], y: ['x'], m: ['c', 'y']};
  const ids = writeGraph(transaction.objects, graph) as Record<string, ObjectId>;
  const refs = [
    ['main', 'm'],
    ['side', 'y'],
  ] as const;
  await transaction.publish({
    kind: 'normal',
    refs: refs.map(([name, commit]) => ({
      name: branchRef(branchName(name)),
      expected: {kind: 'absent'},
      next: ids[commit] as ObjectId,
    })),
  });
  await createTag(repo, 'v1', ids.b as ObjectId);
  await createTag(repo, 'note', ids.c as ObjectId, {message: 'a note'});
  const steps = tableOf('Steps', '| revision | commit |');
  t.is(steps.length, 15);
  for (const [text, commit] of steps) {
    t.deepEqual(namesOf(ids, [(await resolveRevision(repo, text)).commit]), [commit], text);
  }
  const ranges = tableOf('Ranges', '| range | commits |');
  t.is(ranges.length, 6);
  for (const [text, commits] of ranges) {
    const found = [...walk(repo, await resolveRange(repo, text))].map(({id}) => id);
    t.deepEqual(namesOf(ids, found).sort(), commits.split(' ').filter(Boolean).sort(), text);
  }
});

test('the past of a branch as docs/revisions.md tells it', async t => {
  const clock = new Clock();
  clock.time = START - 2.5 * HOUR;
  const repo = await Repository.init(makeTmpDir(t), {bare: true, branch: 'main'}, testContext(clock));
  t.teardown(() => repo.close());
  const transaction = repo.begin();
  const ids = writeGraph(transaction.objects, {a: [], b: ['a'], c: ['b']}) as Record<string, ObjectId>;
  await transaction.flush();
  transaction.discard();
  for (const commit of ['a', 'b', 'c']) {
    await setMain(repo, ids[commit] as ObjectId);
    clock.advance(HOUR);
  }
  clock.time = START;
  const past = tableOf('The past of a branch', '| revision | commit |');
  t.is(past.length, 11);
  for (const [text, commit] of past) {
    t.deepEqual(namesOf(ids, [(await resolveRevision(repo, text)).commit]), [commit], text);
  }
});

test('times of docs/revisions.md', async t => {
  const zone = () => 0;
  const times = tableOf('Times', '| time | means |');
  t.is(times.length, 13);
  for (const [text, time] of times) t.is(new Date(await parseTime(text, START, zone)).toISOString(), time, text);
  const forms = [...PAGE.matchAll(/^\| (?:ISO 8601|seconds since 1970|words|more words, in English) \| (.*) \|$/gm)];
  t.is(forms.length, 4);
  for (const [, examples = ''] of forms) {
    for (const [, text = ''] of examples.matchAll(/`([^`]*)`/g)) await t.notThrowsAsync(parseTime(text, START, zone));
  }
});
