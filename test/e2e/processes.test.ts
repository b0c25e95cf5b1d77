/**
 * Many processes on one store: all succeed, and nobody loses a commit.
 */
import {mkdirSync, writeFileSync} from 'node:fs';
import {join} from 'node:path';
import test from 'ava';
import {json, mustRun, outcome, start} from '../support/dbos.js';
import {makeTmpDir} from '../support/tmp.js';

test('50 commands started at once all succeed, and every commit is in the log', async t => {
  const root = makeTmpDir(t);
  mustRun(root, 'init');
  for (let i = 0; i < 50; i++) {
    mkdirSync(join(root, `d${i}`));
    writeFileSync(join(root, `d${i}/file`), `${i}\n`);
  }
  const commands = Array.from({length: 50}, (_, i) => {
    if (i % 5 === 3) return ['log', '--json'];
    if (i % 5 === 4) return ['status', '--json'];
    return ['commit', '-m', `commit ${i}`, `d${i}`, '--json'];
  });
  const results = await Promise.all(commands.map(command => outcome(start(root, command))));
  const ids: string[] = [];
  for (const [i, result] of results.entries()) {
    const tolerated = commands[i]?.[0] === 'log' && result.stdout.includes('NO_COMMITS');
    if (!tolerated) t.is(result.status, 0, `${commands[i]?.join(' ')}: ${result.stdout}${result.stderr}`);
    if (commands[i]?.[0] === 'commit') ids.push((JSON.parse(result.stdout) as {id: string}).id);
  }
  const log = new Set(json<{id: string}[]>(root, 'log').map(commit => commit.id));
  t.is(ids.length, 30);
  for (const id of ids) t.true(log.has(id));
  t.deepEqual(json<{problems: unknown[]}>(root, 'fsck').problems, []);
});

test('a holder that was killed does not block the next command', async t => {
  const root = makeTmpDir(t);
  mustRun(root, 'init');
  for (let i = 0; i < 400; i++) writeFileSync(join(root, `f${i}`), `${i}\n`.repeat(500));
  const child = start(root, ['commit', '-m', 'slow']);
  await new Promise(resolve => setTimeout(resolve, 90));
  child.kill('SIGKILL');
  await outcome(child);
  t.truthy(json<{id: string}>(root, 'commit', '-m', 'again').id);
});
