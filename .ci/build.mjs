// Builds dist/: `--quick` transpiles only (no type check), `--if-possible` does nothing where the build tools are missing.
import {spawnSync} from 'node:child_process';
import {existsSync, readdirSync, rmSync, writeFileSync} from 'node:fs';
import {join} from 'node:path';
import {fileURLToPath} from 'node:url';

const root = fileURLToPath(new URL('..', import.meta.url));
process.chdir(root);

if (process.argv.includes('--if-possible') && !existsSync('node_modules/typescript/package.json')) process.exit(0);

function sources(folder) {
  return readdirSync(folder, {recursive: true})
    .map(String)
    .filter(name => name.endsWith('.ts'))
    .map(name => join(folder, name));
}

if (process.argv.includes('--quick')) {
  // what tsc believes to have written is no longer there
  rmSync('dist/.tsbuildinfo', {force: true});
  const {build} = await import('esbuild');
  await build({
    entryPoints: ['src', 'commands', 'test'].flatMap(sources),
    outdir: 'dist',
    outbase: '.',
    format: 'esm',
    platform: 'node',
    target: 'node20',
    sourcemap: true,
    logLevel: 'warning',
  });
} else {
  const done = spawnSync(process.execPath, ['node_modules/typescript/bin/tsc', '-p', '.'], {stdio: 'inherit'});
  if (done.status !== 0) process.exit(done.status ?? 1);
}
if (existsSync('.ci/bundle.mjs')) await (await import('./bundle.mjs')).bundle();
writeFileSync('dist/.built', '');
