/**
 * Identical restoration of a real system directory of over 50,000 entries, through the built program, told by a comparer
 * that shares no code with it. The directory is a copy of parts of /usr, so that no store is made in the system itself.
 */
import {spawnSync} from 'node:child_process';
import {existsSync, mkdirSync, readdirSync, renameSync} from 'node:fs';
import {join} from 'node:path';
import test from 'ava';
import {compareTrees} from '../support/compare.js';
import {json, mustRun} from '../support/dbos.js';
import {makeTmpDir} from '../support/tmp.js';

const ENTRIES = 50_000;
const PARTS = ['/usr/share', '/usr/include', '/usr/lib', '/usr/bin'];

test('a system directory comes back identically, with its times', async t => {
  t.timeout(600_000);
  const base = makeTmpDir(t);
  const original = join(base, 'original');
  const restored = join(base, 'restored');
  mkdirSync(original);
  mkdirSync(restored);
  for (const part of PARTS) {
    if (!existsSync(part) || readdirSync(original, {recursive: true}).length > ENTRIES) continue;
    const copied = spawnSync('cp', ['-a', part, original], {encoding: 'utf8'});
    t.is(copied.status, 0, copied.stderr);
  }
  mustRun(original, 'init');
  const {changes} = json<{changes: {added: number}}>(original, 'commit', '-m', 'system');
  t.log(`${changes.added} entries`);
  t.true(changes.added > ENTRIES || !existsSync('/usr/share'));
  t.true(json<{clean: boolean}>(original, 'status').clean);
  t.is(json<{id: string | null}>(original, 'commit', '-m', 'again').id, null);

  renameSync(join(original, '.dbos'), join(restored, '.dbos'));
  mustRun(restored, 'checkout', 'main', '--restore-times', '--', '.');
  t.deepEqual(await compareTrees(original, restored, {times: true}), []);
  t.true(json<{clean: boolean}>(restored, 'status').clean);
});
