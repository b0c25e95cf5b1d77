/** Temporary directories that vanish with their test. */
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import type {ExecutionContext} from 'ava';

/** Returns the real path of a new, empty directory that is removed at the end of the test, whatever is in it by then. */
export function makeTmpDir(t: Pick<ExecutionContext, 'teardown'>): string {
  const directory = fs.realpathSync(fs.mkdtempSync(path.join(os.tmpdir(), 'dbos-test-')));
  t.teardown(() => {
    fs.rmSync(directory, {recursive: true, force: true, maxRetries: 5});
  });
  return directory;
}
