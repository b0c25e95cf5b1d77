// The main job on real input: the project's own installed packages, some thousand files. Shows every command that it runs.
import {spawnSync} from 'node:child_process';
import {
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import {tmpdir} from 'node:os';
import {join} from 'node:path';
import {fileURLToPath} from 'node:url';

const root = fileURLToPath(new URL('..', import.meta.url));
const {compareTrees} = await import('../dist/test/support/compare.js');
const base = mkdtempSync(join(tmpdir(), 'dbos-demo-'));
const tree = join(base, 'project');
const untouched = join(base, 'untouched');
const home = join(base, 'home');
mkdirSync(home);

function say(text) {
  console.log(`\n\x1b[1m# ${text}\x1b[0m`);
}

function dbos(...args) {
  const shown = args.map(arg => (/^[\w@%+=:,./~-]+$/.test(arg) ? arg : `'${arg.replaceAll("'", "'\\''")}'`)).join(' ');
  console.log(`$ dbos ${shown}`);
  const done = spawnSync(process.execPath, [join(root, 'dist/bin/dbos.cjs'), ...args], {
    cwd: tree,
    encoding: 'utf8',
    env: {
      ...process.env,
      HOME: home,
      XDG_CONFIG_HOME: home,
      DBOS_AUTHOR_NAME: 'Demo',
      DBOS_AUTHOR_EMAIL: 'demo@example.org',
    },
  });
  const lines = (done.stdout + done.stderr).trimEnd().split('\n');
  console.log(lines.slice(0, 14).join('\n') + (lines.length > 14 ? `\n… ${lines.length - 14} more lines` : ''));
  if (done.status !== 0) throw new Error(`dbos ${shown}: exit ${done.status}`);
  return done.stdout;
}

async function prove(what, a, b) {
  const differences = await compareTrees(a, b);
  if (differences.length > 0) throw new Error(`${what}: ${differences.slice(0, 5).join('; ')}`);
  console.log(`✔ ${what}`);
}

/** The packages as CSV: name, version, license. */
function packagesOf(folder) {
  const rows = [];
  for (const name of readdirSync(folder)) {
    const file = join(folder, name, 'package.json');
    if (!existsSync(file)) continue;
    const {version, license} = JSON.parse(readFileSync(file, 'utf8'));
    rows.push(
      [name, version, typeof license === 'string' ? license : ''].map(text => JSON.stringify(text ?? '')).join(','),
    );
  }
  return `name,version,license\n${rows.join('\n')}\n`;
}

let ok = false;
try {
  say('A real directory: the packages that this project uses');
  cpSync(join(root, 'node_modules'), tree, {recursive: true, verbatimSymlinks: true, preserveTimestamps: true});
  cpSync(tree, untouched, {recursive: true, verbatimSymlinks: true, preserveTimestamps: true});
  const count = readdirSync(tree, {recursive: true}).length;
  console.log(`${count} entries in ${tree}`);

  say('Record all of it');
  dbos('init');
  dbos('commit', '-m', 'the packages as they came');
  dbos('status');

  say('Change it on a branch of its own');
  dbos('switch', '-c', 'experiment');
  const readme = join(tree, 'level/README.md');
  writeFileSync(readme, readFileSync(readme, 'utf8').replace('# level', '# level, as tried out'));
  renameSync(join(tree, 'level/LICENSE'), join(tree, 'level/LICENSE.txt'));
  rmSync(join(tree, 'msgpackr'), {recursive: true});
  const before = new Date();
  writeFileSync(join(tree, 'notes.txt'), 'does everything still work without msgpackr?\n');
  dbos('status');
  dbos('diff', '--', 'level');
  dbos('commit', '-m', 'try without msgpackr');
  dbos('log', '--stat', '-n', '1');
  dbos('diff', 'main', 'experiment', '--name-status', '--', 'level', 'notes.txt');
  const changed = join(base, 'changed');
  cpSync(tree, changed, {recursive: true, verbatimSymlinks: true, filter: path => !path.endsWith('.dbos')});

  say('Back to main: the tree is what it was');
  dbos('switch', 'main');
  await prove('main restored: names, types, bytes, modes, owners and links are identical', tree, untouched);

  say('And to the experiment again');
  dbos('switch', 'experiment');
  await prove('experiment restored', tree, changed);

  say('Back in time: what the experiment was before its commit; nothing is lost, and the way back is told');
  dbos('checkout', before.toISOString());
  await prove('the past restored', tree, untouched);
  dbos('switch', 'main');

  say('A mistake, and its undoing');
  rmSync(join(tree, 'ava'), {recursive: true});
  dbos('commit', '-m', 'oops');
  dbos('undo');
  await prove('the undone deletion is back', tree, untouched);

  say('Who did what');
  dbos('op', 'log', '-n', '5');
  dbos('history', 'level/README.md');
  dbos('log', '--graph', '--oneline', 'experiment');

  say('All of it in SQL, as it is and as it was');
  dbos(
    'query',
    '--format',
    'table',
    'SELECT dir, count(*) AS files, sum(size) AS bytes FROM files GROUP BY dir ORDER BY bytes DESC LIMIT 5',
  );
  dbos(
    'query',
    '--format',
    'table',
    "SELECT change, path FROM diff('files', 'main', 'experiment') WHERE path LIKE 'level/%'",
  );

  say('A table beside the files, from the packages themselves, changed in a transaction that others do not see');
  const packages = join(base, 'packages.csv');
  writeFileSync(packages, packagesOf(tree));
  dbos('import', packages, '--key', 'name');
  dbos(
    'query',
    '--format',
    'table',
    'SELECT license, count(*) AS packages FROM packages GROUP BY license ORDER BY packages DESC LIMIT 3',
  );
  const {id} = JSON.parse(dbos('begin', '-m', 'one spelling of a license', '--json'));
  dbos('query', '--txn', id, "UPDATE packages SET license = 'MIT License' WHERE license = 'MIT'");
  dbos('query', '--format', 'table', "SELECT count(*) AS still_mit FROM packages WHERE license = 'MIT'");
  dbos('commit', '--txn', id);
  dbos('diff', 'HEAD~', 'HEAD', '--stat');
  dbos('audit', '--table', 'packages');

  say('Every object is what its name says');
  dbos('fsck');
  ok = true;
} finally {
  if (ok) rmSync(base, {recursive: true, force: true});
  else console.error(`left for inspection: ${base}`);
}
console.log('\nThe demo ran to its end.');
