/**
 * Runs the tour of the README line by line: each `$` line in a shell with `dbos` on its path, and each line below it must be part
 * of what the command prints, up to a `…`.
 */
import {spawnSync} from 'node:child_process';
import {chmodSync, mkdirSync, readFileSync, writeFileSync} from 'node:fs';
import {join} from 'node:path';
import {fileURLToPath} from 'node:url';
import test from 'ava';
import {environment, PROGRAM} from '../support/dbos.js';
import {makeTmpDir} from '../support/tmp.js';

const README = fileURLToPath(new URL('../../../README.md', import.meta.url));

test('the tour of the README does what it says', t => {
  const tour = /<!-- tour[^\n]*\n```console\n([\s\S]*?)```/.exec(readFileSync(README, 'utf8'))?.[1] as string;
  const root = makeTmpDir(t);
  const bin = join(root, 'bin');
  const work = join(root, 'work');
  mkdirSync(bin);
  mkdirSync(work);
  writeFileSync(join(bin, 'dbos'), `#!/bin/sh\nexec "${process.execPath}" "${PROGRAM}" "$@"\n`);
  chmodSync(join(bin, 'dbos'), 0o755);
  const env = environment();
  let printed = '';
  let commands = 0;
  for (const line of tour.trimEnd().split('\n')) {
    if (line.startsWith('$ ')) {
      const done = spawnSync('sh', ['-c', `${line.slice(2)} 2>&1`], {
        cwd: work,
        env: {...env, PATH: `${bin}:${env.PATH}`},
        encoding: 'utf8',
      });
      printed = done.stdout;
      commands++;
      t.is(done.status, 0, `${line}\n${printed}`);
    } else {
      for (const part of line.split('…')) t.true(printed.includes(part.trim()), `${line}\nis not in\n${printed}`);
    }
  }
  t.true(commands > 10);
});
