// The whole check: linter, layers, dead code, docs, then every test with coverage. Arguments are passed to ava.
import {spawn} from 'node:child_process';
import {mkdirSync, rmSync} from 'node:fs';
import {resolve} from 'node:path';
import {fileURLToPath} from 'node:url';
import {countTests} from './counts.mjs';
import {reportCoverage} from './coverage.mjs';

process.chdir(fileURLToPath(new URL('..', import.meta.url)));

const bin = name => `node_modules/.bin/${name}`;

/** Runs a command, shows and returns what it prints. */
function run(title, command, args, env = {}) {
  const began = Date.now();
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, {stdio: ['ignore', 'pipe', 'inherit'], env: {...process.env, ...env}});
    let output = '';
    child.stdout.on('data', data => {
      output += data;
      process.stdout.write(data);
    });
    child.on('error', reject);
    child.on('close', code => {
      console.log(`${code === 0 ? 'ok' : 'FAILED'}: ${title} (${((Date.now() - began) / 1000).toFixed(1)} s)`);
      resolve({code, output});
    });
  });
}

const failed = [];
async function check(title, command, args) {
  const {code} = await run(title, command, args);
  if (code !== 0) failed.push(title);
}

const only = process.argv.slice(2);
if (only.length === 0) {
  await check('lint', bin('biome'), ['check', '--error-on-warnings', '.']);
  await check('layers', bin('depcruise'), ['--config', '.dependency-cruiser.cjs', 'src', 'commands']);
  await check('dead code', bin('knip'), []);
  await check('docs', process.execPath, ['.ci/docs.mjs']);
}

/** The share of the lines of src/ and commands/ that must run, in percent. */
const COVERED = 90;

const whole = only.length === 0;
const COVERAGE = 'coverage/tmp';
rmSync('coverage', {recursive: true, force: true});
mkdirSync(COVERAGE, {recursive: true});
const {code, output} = await run('tests', bin('ava'), only, whole ? {NODE_V8_COVERAGE: resolve(COVERAGE)} : {});
if (code !== 0) failed.push('tests');
if (whole) {
  const began = Date.now();
  const enough = reportCoverage(COVERAGE) >= COVERED;
  if (!enough) failed.push('coverage');
  console.log(`${enough ? 'ok' : 'FAILED'}: coverage (${((Date.now() - began) / 1000).toFixed(1)} s)`);
}
const tests = countTests(output, code);
if (failed.length > 0) console.log(`FAILED: ${failed.join(', ')}`);
console.log(`${tests.passed} passed, ${tests.failed + failed.filter(title => title !== 'tests').length} failed`);
process.exit(failed.length > 0 ? 1 : 0);
