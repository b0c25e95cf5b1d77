// The whole check: linter, layers, dead code, docs, then every test with coverage. Arguments are passed to ava.
import {spawn} from 'node:child_process';
import {rmSync} from 'node:fs';
import {fileURLToPath} from 'node:url';

process.chdir(fileURLToPath(new URL('..', import.meta.url)));

const bin = name => `node_modules/.bin/${name}`;

/** Runs a command, shows and returns what it prints. */
function run(title, command, args) {
  const began = Date.now();
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, {stdio: ['ignore', 'pipe', 'inherit']});
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
rmSync('coverage', {recursive: true, force: true});
const ava = only.length === 0 ? [bin('c8'), bin('ava')] : [bin('ava'), ...only];
const {code, output} = await run('tests', ava[0], ava.slice(1));
if (code !== 0) failed.push('tests');
const count = word => Number(new RegExp(`(\\d+) tests? ${word}`).exec(output)?.[1] ?? 0);
if (failed.length > 0) console.log(`FAILED: ${failed.join(', ')}`);
console.log(`${count('passed')} passed, ${count('failed') + failed.filter(title => title !== 'tests').length} failed`);
process.exit(failed.length > 0 ? 1 : 0);
