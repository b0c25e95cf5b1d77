/** What the whole check counts of the tests that ran. */
import test from 'ava';

interface Counts {
  countTests(output: string, code: number | null): {readonly passed: number; readonly failed: number};
}

test('tests that passed are counted also where one failed', async t => {
  const {countTests} = (await import(new URL('../../../.ci/counts.mjs', import.meta.url).href)) as Counts;
  const lines = [
    '  ✔ tree › edit › one (1.1s)',
    '    ℹ ✔ a log',
    '  ✘ [fail]: tree › edit › two Error thrown in test',
    '  ✔ tree › edit › three',
    '  - [skip] tree › edit › four',
    '  ─',
    '  tree › edit › two',
    '  1 test failed',
  ];
  t.deepEqual(countTests(lines.join('\n'), 1), {passed: 2, failed: 1});
  t.deepEqual(countTests('  ✔ one\n  ─\n\n  1 test passed\n', 0), {passed: 1, failed: 0});
  t.deepEqual(countTests('  ✔ one\n  ✘ a.test.js exited with a non-zero exit code: 1\n', 1), {passed: 1, failed: 1});
});
