/** A small part of the differential test of scripts that write, where there is a sqlite3. */
import test from 'ava';
import {sqliteVersion} from '../oracle/sqlite.js';
import {describe, runScripts} from './run.js';

test('scripts that define and change tables do what they do in sqlite3', t => {
  if (sqliteVersion() === undefined) {
    t.log('there is no sqlite3');
    t.pass();
    return;
  }
  const {findings} = runScripts(1, 80, 3);
  t.deepEqual(findings.map(describe), []);
});
