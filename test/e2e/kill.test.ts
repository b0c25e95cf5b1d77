/**
 * Kills the program with SIGKILL at random moments. Whatever was being done, afterwards the store opens, fsck is clean, and
 * everything that a command reported as done is there.
 */
import {mkdirSync, writeFileSync} from 'node:fs';
import {join} from 'node:path';
import test from 'ava';
import {randomBytes, randomNumbers} from '../bench/generated-tree.js';
import {json, mustRun, type Outcome, outcome, start} from '../support/dbos.js';
import {makeTmpDir} from '../support/tmp.js';

const KILLS = 200;

/** Several pieces of a body. */
const LARGE = 1 << 20;

interface Commit {
  readonly id: string;
}

test('200 kills lose nothing that was reported as done, and damage nothing', async t => {
  const root = makeTmpDir(t);
  const random = randomNumbers(42);
  const pick = <T>(list: readonly T[]) => list[Math.floor(random() * list.length)] as T;
  mustRun(root, 'init');
  for (let i = 0; i < 150; i++) {
    mkdirSync(join(root, `d${i % 10}`), {recursive: true});
    writeFileSync(join(root, `d${i % 10}/f${i}`), `file ${i}\n`.repeat(i));
  }
  writeFileSync(join(root, 'large'), randomBytes(1, LARGE));
  mustRun(root, 'commit', '-m', 'first');
  mustRun(root, 'branch', 'other');

  let usual = 200;
  const reported = new Set<string>();
  let kills = 0;
  let done = 0;
  for (let round = 0; kills < KILLS; round++) {
    for (let i = 0; i < 20; i++)
      writeFileSync(join(root, `d${i % 10}/f${Math.floor(random() * 150)}`), `${round} ${i}\n`);
    if (round % 5 === 0) writeFileSync(join(root, 'large'), randomBytes(round, LARGE));
    const command = pick([
      ['commit', '-m', `round ${round}`],
      ['commit', '-m', `round ${round}`],
      ['commit', '--amend', '-m', `amended ${round}`],
      ['checkout', '--force', 'main~1'],
      ['checkout', '--force', 'main'],
      ['checkout', '--force', 'other'],
      ['undo', '--force'],
      ['redo', '--force'],
    ]);
    const child = start(root, [...command, '--json']);
    // every fourth command may end, and tells how long the life of one is; the others are hit anywhere in theirs
    const spared = round % 4 === 0;
    const began = performance.now();
    const timer = spared ? undefined : setTimeout(() => child.kill('SIGKILL'), random() * usual * 1.2);
    const result: Outcome = await outcome(child);
    clearTimeout(timer);
    if (spared) usual = (usual + performance.now() - began) / 2;
    if (result.status === null) kills++;
    else done++;
    if (command[0] === 'commit' && result.status === 0) {
      const {id} = JSON.parse(result.stdout) as {id: string | null};
      if (id !== null) reported.add(id);
    }
    if (round % 10 === 9) {
      const report = json<{problems: unknown[]}>(root, 'fsck');
      t.deepEqual(report.problems, [], `after round ${round}: ${command.join(' ')}`);
    }
  }
  t.log(`${kills} kills, ${done} commands ended by themselves, ${reported.size} commits reported`);
  t.true(reported.size > 0);
  t.deepEqual(json<{problems: unknown[]}>(root, 'fsck').problems, []);
  const script = join(makeTmpDir(t), 'shows');
  writeFileSync(script, [...reported].map(id => `show ${id} --json\n`).join(''));
  const shown = mustRun(root, 'shell', script).trimEnd().split('\n');
  t.deepEqual(
    shown.map(line => (JSON.parse(line) as Commit).id),
    [...reported],
  );
});
