// Bundles the command line into dist/bin: dbos.cjs (start), light.cjs with query.cjs and more.cjs (all commands without oclif), full.cjs (with oclif),
// one file for each `src/**/*worker.ts`, and manifest.json (commands, flags and arguments, read from the classes once, here).
import {spawnSync} from 'node:child_process';
import {createHash} from 'node:crypto';
import {
  chmodSync,
  closeSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import {createRequire} from 'node:module';
import {tmpdir} from 'node:os';
import {dirname, join} from 'node:path';
import {fileURLToPath, pathToFileURL} from 'node:url';
import {build} from 'esbuild';
import {pack, readChunks} from './pack.mjs';

const root = fileURLToPath(new URL('..', import.meta.url));
const out = join(root, 'dist/bin');

/** The commands by id: `commands/op/log.ts` is `op:log`. */
function commandFiles() {
  const files = readdirSync(join(root, 'commands'), {recursive: true}).map(String);
  const sources = files.filter(name => name.endsWith('.ts')).sort();
  return Object.fromEntries(sources.map(name => [name.slice(0, -3).replaceAll(/[\\/]/g, ':'), name]));
}

function commandTable() {
  const rows = Object.entries(commandFiles()).map(
    ([id, name]) => `  ${JSON.stringify(id)}: () => import('./commands/${name.replaceAll('\\', '/')}'),`,
  );
  return `const table = {\n${rows.join('\n')}\n};`;
}

const LIGHT = `
import {readArguments} from './src/cli/arguments.ts';
import {crash, main as run, parse as parseWith} from './src/cli/light-program.ts';
${commandTable()}
export const main = (argv, full) => run(table, argv, full);
export const parse = argv => parseWith(table, argv);
export {crash, readArguments};
`;

const FULL = `
import {main as run, parse as parseWith} from './src/cli/full-program.ts';
import manifest from './dist/bin/manifest.json';
import {join} from 'node:path';
${commandTable()}
const place = {manifest, root: join(__dirname, '../..')};
export const main = argv => run(table, argv, place);
export const parse = argv => parseWith(table, argv, place);
`;

/** Where the native addons are at run time: in a node_modules folder beside or above the bundle. */
const PACKAGE_FILE = `
const {existsSync} = require('node:fs');
const {dirname, join} = require('node:path');
function packageFile(name, file) {
  for (let at = __dirname; ; at = dirname(at)) {
    const path = join(at, 'node_modules', name, file);
    if (existsSync(path)) return path;
    if (dirname(at) === at) throw Object.assign(new Error('cannot find ' + name), {code: 'MODULE_NOT_FOUND'});
  }
}
function addon(path) {
  const module = {exports: {}};
  process.dlopen(module, path);
  return module.exports;
}
`;

// The package's own way (node-gyp-build) scans folders; the usual platforms need no search. musl has another file.
const LEVEL_BINDING = `${PACKAGE_FILE}
const PREBUILT = {
  'linux-x64': 'linux-x64/classic-level.node',
  'linux-arm64': 'linux-arm64/classic-level.armv8.node',
  'darwin-x64': 'darwin-x64+arm64/classic-level.node',
  'darwin-arm64': 'darwin-x64+arm64/classic-level.node',
  'win32-x64': 'win32-x64/classic-level.node',
};
function load() {
  const file = PREBUILT[process.platform + '-' + process.arch];
  if (file && !existsSync('/etc/alpine-release')) {
    try {
      return addon(packageFile('classic-level', 'prebuilds/' + file));
    } catch {}
  }
  return require('node:module').createRequire(__filename)('classic-level/binding.js');
}
module.exports = load();
`;

const addons = {
  name: 'addons',
  setup(bundle) {
    bundle.onLoad({filter: /[\\/]classic-level[\\/]binding\.js$/}, () => ({contents: LEVEL_BINDING}));
    bundle.onLoad({filter: /[\\/]fs-xattr[\\/]index\.js$/}, ({path}) => {
      const source = readFileSync(path, 'utf8');
      const contents = source
        .replace(/^import \{ createRequire \}.*$/m, PACKAGE_FILE)
        .replace(/^const addon = .*$/m, "const binding = addon(packageFile('fs-xattr', 'build/Release/xattr.node'));")
        .replaceAll('addon.', 'binding.');
      return {contents};
    });
  },
};

const common = {
  minifyWhitespace: true,
  minifySyntax: true,
  absWorkingDir: root,
  bundle: true,
  platform: 'node',
  format: 'cjs',
  target: 'node20',
  // A script that `vm` runs cannot import; whatever stays outside the bundle is required.
  supported: {'dynamic-import': false},
  charset: 'ascii',
  // not named in the bundle, else Node copies it into the coverage report of each process
  sourcemap: 'external',
  sourcesContent: false,
  legalComments: 'none',
  logLevel: 'warning',
  define: {'import.meta.url': 'bundleUrl'},
  banner: {js: "const bundleUrl = require('node:url').pathToFileURL(__filename).href;"},
  external: [
    // oclif uses it to run commands from source, which this program never does.
    'typescript',
    // it reads its WebAssembly from beside itself
    'node-sqlite3-wasm',
    // only a server needs them
    'fastify',
    '@fastify/rate-limit',
    'prom-client',
    ...(existsSync(join(root, 'node_modules/fs-xattr/build/Release/xattr.node')) ? [] : ['fs-xattr']),
  ],
  plugins: [addons],
};

/** Writes what the classes of the commands say of themselves, as oclif's own manifest does. */
async function writeManifest() {
  const oclif = dirname(createRequire(import.meta.url).resolve('@oclif/core'));
  const {cacheCommand} = createRequire(import.meta.url)(join(oclif, 'util/cache-command.js'));
  const commands = {};
  for (const [id, name] of Object.entries(commandFiles())) {
    const url = pathToFileURL(join(root, 'dist/commands', name.replace(/ts$/, 'js')));
    const {default: command} = await import(url.href);
    commands[id] = {...(await cacheCommand(Object.assign(command, {id}))), id, pluginName: 'stone-os'};
  }
  writeFileSync(join(out, 'manifest.json'), `${JSON.stringify({commands}, null, 1)}\n`);
}

/**
 * Commands that are run when the program is built: what the first group needs is in the first script, what the next one
 * needs besides in the second, and the rest in the third. What they use of it is in the code caches.
 */
const GROUPS = {
  light: [
    ['init'],
    ['status'],
    ['commit', '-m', 'first'],
    ['log', '-n', '1'],
    ['log', '--oneline'],
    ['show'],
    ['diff'],
    ['ls'],
    ['cat', 'file'],
    ['branch', 'other'],
    ['branch'],
    ['switch', 'other'],
    ['tag', 'v1'],
    ['tag'],
    ['config', 'user.name'],
    ['op', 'log'],
    ['history', 'file'],
    ['undo'],
    ['redo'],
    ['status', '--json'],
    ['begin', '-m', 'second'],
    ['txn', 'ls'],
    ['commit'],
    ['remote', 'ls'],
    ['token', 'ls'],
    ['completion', 'bash'],
    ['__complete', 'bash', 'sta'],
    ['__complete', 'bash', 'switch', ''],
  ],
  query: [
    "SELECT path, size FROM files WHERE path LIKE '%e%' AND size > 1 ORDER BY size DESC LIMIT 10",
    'SELECT dir, count(*), sum(size) FROM files GROUP BY dir HAVING count(*) > 0 ORDER BY 2 DESC',
    'SELECT a.path FROM files AS a JOIN files AS b ON a.path = b.path AND a.size <> b.size',
    'SELECT * FROM files',
    "SELECT change, path FROM diff('files', 'HEAD', 'HEAD')",
  ].map(sql => ['query', sql]),
  more: [
    ['clone', '.', '../copy'],
    ['-C', '../copy', 'fetch'],
    ['-C', '../copy', 'branch', 'third'],
    ['-C', '../copy', 'push', 'origin', 'third'],
  ],
};

/** Runs commands in the folder where this process is; what they print goes to the file `printed`. */
async function runCommands({main}, commands, printed) {
  for (const words of commands) {
    // `commit` ends the transaction that was begun last
    const transaction =
      words[0] === 'commit' ? readFileSync(printed, 'utf8').match(/Transaction (T\w+)/)?.[1] : undefined;
    const named = transaction === undefined ? words : [...words, '--txn', transaction];
    await main(named, () => ({main: async () => {}}));
  }
}

/**
 * Uses the light program as `ownProcess` says: `parts` prints for each chunk that ran the first group that needed it, `caches`
 * makes the code caches for this Node.
 */
async function use(purpose, build, printed) {
  const {LightScripts} = await import('../dist/src/cli/lightscript.js');
  const scripts = new LightScripts(out, build);
  const light = scripts.load();
  const parts = {};
  for (const [group, commands] of Object.entries(GROUPS)) {
    await runCommands(light, commands, printed);
    if (purpose === 'caches') scripts.writeCaches();
    for (const name of light.made.keys()) parts[name] ??= group;
  }
  if (purpose === 'parts') writeFileSync(printed, JSON.stringify(parts));
  process.exit(0);
}

/** Returns what a process of this script prints that uses the light program in a new folder, for a purpose. */
function ownProcess(purpose, build) {
  const folder = mkdtempSync(join(tmpdir(), 'dbos-build-'));
  const printed = join(folder, 'printed');
  const stdout = openSync(printed, 'a');
  try {
    const tree = join(folder, 'tree');
    mkdirSync(tree);
    writeFileSync(join(tree, 'file'), 'one\n');
    const words = [fileURLToPath(import.meta.url), '--use', purpose, build, printed];
    const env = {...process.env, NODE_V8_COVERAGE: '', DBOS_TXN: ''};
    const {status} = spawnSync(process.execPath, words, {cwd: tree, env, stdio: ['ignore', stdout, 'ignore']});
    if (status !== 0) throw new Error(`the bundle could not be used: a process ended with ${status}`);
    return readFileSync(printed, 'utf8');
  } finally {
    closeSync(stdout);
    rmSync(folder, {recursive: true, force: true});
  }
}

/** Writes the light program: first as one script, which tells what the commands need of it, then in its parts. */
async function bundleLight(stdin) {
  const {banner, supported, ...options} = common;
  const {outputFiles} = await build({
    ...options,
    stdin,
    alias: {'@oclif/core': './src/cli/light-oclif.ts'},
    format: 'esm',
    splitting: true,
    outdir: join(out, 'chunks'),
    write: false,
  });
  const chunks = readChunks(outputFiles);
  const write = partOf => {
    for (const [name, {code, map}] of Object.entries(pack(chunks, 'stdin.js', out, Object.keys(GROUPS), partOf))) {
      writeFileSync(join(out, `${name}.cjs`), code);
      writeFileSync(join(out, `${name}.cjs.map`), map);
    }
  };
  write(() => 'light');
  const parts = JSON.parse(ownProcess('parts', 'none'));
  write(name => parts[name] ?? 'more');
}

async function bundleAll() {
  mkdirSync(out, {recursive: true});
  for (const name of readdirSync(out)) if (name.endsWith('.cache')) rmSync(join(out, name));
  await writeManifest();
  const stdin = contents => ({contents, resolveDir: root, sourcefile: 'program.ts', loader: 'ts'});
  // CommonJS like the rest, although named .js: `new URL('./someworker.js', import.meta.url)` holds in src and here.
  writeFileSync(join(out, 'package.json'), '{"type": "commonjs"}\n');
  const sources = readdirSync(join(root, 'src'), {recursive: true}).map(String);
  const workers = sources.filter(name => /worker\.ts$/.test(name)).map(name => join('src', name));
  await Promise.all([
    bundleLight(stdin(LIGHT)),
    build({...common, stdin: stdin(FULL), outfile: join(out, 'full.cjs')}),
    build({...common, entryPoints: workers, entryNames: '[name]', outdir: out}),
  ]);
  const hash = createHash('sha256');
  for (const name of Object.keys(GROUPS)) hash.update(readFileSync(join(out, `${name}.cjs`)));
  const buildId = hash.digest('hex').slice(0, 16);
  await build({
    ...common,
    entryPoints: ['src/cli/entry.ts'],
    outfile: join(out, 'dbos.cjs'),
    define: {BUILD: JSON.stringify(buildId)},
    banner: {js: '#!/usr/bin/env node'},
  });
  chmodSync(join(out, 'dbos.cjs'), 0o755);
  ownProcess('caches', buildId);
}

/** Bundles. A quick build goes on without a bundle, so that a layer can be tested while another does not compile. */
export async function bundle() {
  try {
    await bundleAll();
  } catch (error) {
    if (!process.argv.includes('--quick')) throw error;
    console.warn(`no bundle: ${error.message}`);
  }
}

if (process.argv[2] === '--use') await use(...process.argv.slice(3));
