// Compares the engine with sqlite3 on random scripts that write: --scripts N, --seed S, --most N.
import {parseArgs} from 'node:util';

const {runScripts, describe} = await import('../dist/test/sql/oracle-writes/run.js');
const options = {
  scripts: {type: 'string', default: '10000'},
  seed: {type: 'string', default: '1'},
  most: {type: 'string', default: '10'},
};
const {values} = parseArgs({options});
const {findings, known, unspecified} = runScripts(Number(values.seed), Number(values.scripts), Number(values.most));
for (const finding of findings) console.log(`${describe(finding)}\n`);
for (const [reason, count] of known) console.log(`known difference, ${count} times: ${reason}`);
if (unspecified > 0) console.log(`left open by SQLite, whose order of rows decides: ${unspecified}`);
console.log(`${values.scripts} scripts, ${findings.length} differences`);
process.exitCode = findings.length > 0 ? 1 : 0;
