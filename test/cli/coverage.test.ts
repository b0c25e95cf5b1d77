/** The coverage gate: what no process ran is not counted, also where it lies in a bundle that one has loaded. */
import {join} from 'node:path';
import test from 'ava';
import {makeTmpDir} from '../support/tmp.js';
import {runDbos} from './program.js';

interface Coverage {
  linesRun(folder: string): {
    readonly lines: ReadonlyMap<string, ReadonlyMap<number, boolean>>;
    readonly reports: number;
  };
}

test('a line counts only if it ran', async t => {
  const {linesRun} = (await import(new URL('../../../.ci/coverage.mjs', import.meta.url).href)) as Coverage;
  const folder = join(makeTmpDir(t), 'reports');
  t.is(runDbos(['completion', 'bash'], {env: {NODE_V8_COVERAGE: folder}}).status, 0);
  const {lines, reports} = linesRun(folder);
  t.is(reports, 1);
  const share = (source: string) => {
    const ran = [...(lines.get(source)?.values() ?? [])];
    return ran.filter(Boolean).length / ran.length;
  };
  t.true(share('commands/completion.ts') > 0.7, `${share('commands/completion.ts')}`);
  // names of a module are set up where the bundle begins
  t.true(share('commands/status.ts') < 0.05);
  t.true(share('src/sql/exec/sorts-code.ts') < 0.05);
  // no bundle holds it
  t.is(share('src/index.ts'), 0);
});
