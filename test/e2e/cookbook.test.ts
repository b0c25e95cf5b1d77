/**
 * Runs every query of docs/sql.md through the built program on a copy of /etc and /usr/share/doc that changed over ten
 * days, and compares the answers to some with what Node finds in the directory itself.
 */
import {spawnSync} from 'node:child_process';
import {createHash} from 'node:crypto';
import {
  appendFileSync,
  chmodSync,
  existsSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import {dirname, join, normalize} from 'node:path';
import {fileURLToPath} from 'node:url';
import test, {type ExecutionContext} from 'ava';
import {locationFor} from '../../src/repo/location.js';
import {Repository} from '../../src/repo/repository.js';
import {commitWorkTree} from '../../src/worktree/commit.js';
import {dbos} from '../support/dbos.js';
import {makeTmpDir} from '../support/tmp.js';

const PAGE = fileURLToPath(new URL('../../../docs/sql.md', import.meta.url));
const HOUR = 3_600_000;
const DAY = 24 * HOUR;

type Row = Readonly<Record<string, unknown>>;

interface Recipe {
  /** The text above it. */
  readonly question: string;
  readonly sql: string;
}

function recipes(): Recipe[] {
  const found: Recipe[] = [];
  const page = readFileSync(PAGE, 'utf8');
  for (const {1: sql, index} of page.matchAll(/^```sql\n([\s\S]*?)^```$/gm)) {
    const question = page.slice(0, index).trimEnd().split('\n\n').at(-1) ?? '';
    found.push({question: question.replaceAll('\n', ' '), sql: sql as string});
  }
  return found;
}

/** The context of somebody at a time. */
function context(name: string, time: number) {
  return {
    now: () => time,
    zone: () => 0,
    identity: () => ({name, email: `${name.toLowerCase()}@example.org`}),
    user: name.toLowerCase(),
    host: 'engine',
    pid: 1,
    command: 'dbos commit',
  };
}

/** Copies what there is of the system into `root`, with a few entries that every recipe finds something in. */
function makeSystem(t: ExecutionContext, root: string): void {
  const write = (path: string, text: string) => {
    mkdirSync(dirname(join(root, path)), {recursive: true});
    writeFileSync(join(root, path), text);
  };
  for (const part of ['/etc', '/usr/share/doc']) {
    mkdirSync(join(root, dirname(part)), {recursive: true});
    // what others may not read stays away
    const copied = existsSync(part)
      ? spawnSync('cp', ['-a', part, join(root, dirname(part))], {encoding: 'utf8'})
      : null;
    if (copied !== null && copied.status !== 0) t.log(copied.stderr.split('\n', 1)[0]);
  }
  write('etc/passwd', 'root:x:0:0:root:/root:/bin/bash\nada:x:1000:1000:Ada:/home/ada:/bin/sh\n');
  write('etc/hosts.test', '127.0.0.1 localhost\n');
  write('etc/hostname', 'engine\n');
  write('etc/resolv.test', 'options x\nnameserver 10.0.0.1\n');
  write('opt/tool/bin/tool', 'a program');
  chmodSync(join(root, 'opt/tool/bin/tool'), 0o4755);
  write('opt/tool/open', 'the same body');
  write('opt/tool/open.copy', 'the same body');
  chmodSync(join(root, 'opt/tool/open'), 0o666);
  write('opt/tool/ odd', '');
  write('opt/tool/line\nbreak', '');
  write('opt/gone', 'soon');
  symlinkSync('../tool/open', join(root, 'opt/tool/leads'));
  symlinkSync('../../nowhere/x', join(root, 'opt/tool/astray'));
}

/** Makes the store with three commits, and a change that is not committed. */
async function makeHistory(t: ExecutionContext, root: string): Promise<void> {
  const now = Date.now();
  const ada = context('Ada', now - 10 * DAY);
  const first = await Repository.init(root, {bare: false, branch: 'main'}, ada);
  await commitWorkTree(first, {message: 'the system', skipUnreadable: true});
  await first.close();
  const commit = async (name: string, time: number, message: string) => {
    const repo = await Repository.open(locationFor(root, false), context(name, time));
    t.truthy((await commitWorkTree(repo, {message, skipUnreadable: true})).id);
    await repo.close();
  };
  appendFileSync(join(root, 'etc/passwd'), 'grace:x:1001:1001:Grace:/home/grace:/bin/sh\n');
  writeFileSync(join(root, 'etc/hosts.test'), '127.0.0.1 engine\n');
  rmSync(join(root, 'opt/gone'));
  await commit('Grace', now - 30 * HOUR, 'another user');
  appendFileSync(join(root, 'etc/passwd'), 'alan:x:1002:1002:Alan:/home/alan:/bin/sh\n');
  writeFileSync(join(root, 'etc/new.conf'), 'new = 1\n');
  chmodSync(join(root, 'etc/hostname'), 0o600);
  await commit('Ada', now - HOUR, 'a third user');
}

interface Entry {
  readonly path: string;
  readonly type: 'file' | 'dir' | 'symlink' | 'other';
  readonly mode: number;
  readonly size: number;
}

/** Returns everything below a directory; unlike Node's own recursion this one follows no symlink. */
function walk(root: string, folder = ''): Entry[] {
  return readdirSync(join(root, folder)).flatMap(name => {
    const path = join(folder, name);
    if (path === '.dbos') return [];
    const stat = lstatSync(join(root, path));
    const type = stat.isFile() ? 'file' : stat.isDirectory() ? 'dir' : stat.isSymbolicLink() ? 'symlink' : 'other';
    const entry: Entry = {path, type, mode: stat.mode & 0o7777, size: stat.size};
    return type === 'dir' ? [entry, ...walk(root, path)] : [entry];
  });
}

const octal = (mode: number) => mode.toString(8).padStart(4, '0');
const byText = (a: string, b: string) => Buffer.compare(Buffer.from(a), Buffer.from(b));

test('every query of the page answers, on a real directory', async t => {
  t.timeout(600_000);
  const root = makeTmpDir(t);
  makeSystem(t, root);
  await makeHistory(t, root);
  const entries = walk(root);
  const files = entries.filter(({type}) => type === 'file');
  t.log(`${entries.length} entries`);
  const hashes = new Map<string, string>();
  const etc = new Map<string, string>();
  for (const {path, size} of files) {
    const body = readFileSync(join(root, path));
    if (size > 0) hashes.set(path, createHash('sha256').update(body).digest('hex'));
    if (path.startsWith('etc/')) etc.set(path, body.toString('latin1'));
  }
  writeFileSync(join(root, 'etc/hostname'), 'difference\n');
  rmSync(join(root, 'etc/new.conf'));

  const answers = new Map<string, readonly Row[]>();
  for (const {question, sql} of recipes()) {
    const {status, stdout, stderr} = dbos(root, ['query', '--json'], {input: sql});
    t.is(status, 0, `${question}\n${sql}\n${stdout}${stderr}`);
    if (status === 0) answers.set(question, JSON.parse(stdout) as Row[]);
  }
  t.true(answers.size >= 30);

  /** Returns the answer to the question that begins so. */
  const answer = (beginning: string): readonly Row[] => {
    const found = [...answers].filter(([question]) => question.startsWith(beginning));
    t.is(found.length, 1, beginning);
    return found[0]?.[1] ?? [];
  };
  const column = (rows: readonly Row[], name: string) => rows.map(row => row[name]);
  const sorted = (paths: readonly string[]) => [...paths].sort(byText);

  t.deepEqual(
    answer('Programs that run').map(({path, mode}) => `${path} ${mode}`),
    sorted(files.filter(({mode}) => mode & 0o6000).map(({path, mode}) => `${path} ${octal(mode)}`)),
  );
  t.deepEqual(
    column(answer('What everybody may write'), 'path'),
    sorted(
      entries
        .filter(({type, mode}) => mode & 2 && (type === 'file' || (type === 'dir' && !(mode & 0o1000))))
        .map(({path}) => path),
    ),
  );
  t.deepEqual(
    column(answer('The largest files'), 'size'),
    files
      .map(({size}) => size)
      .sort((a, b) => b - a)
      .slice(0, 20),
  );

  const totals = new Map<string, {files: number; bytes: number}>();
  for (const {path, size} of files) {
    for (let dir = dirname(path); ; dir = dirname(dir)) {
      const name = dir === '.' ? '/' : dir;
      const total = totals.get(name) ?? {files: 0, bytes: 0};
      totals.set(name, {files: total.files + 1, bytes: total.bytes + size});
      if (dir === '.') break;
    }
  }
  const largest = [...totals].sort((a, b) => b[1].bytes - a[1].bytes || byText(a[0], b[0])).slice(0, 20);
  t.deepEqual(
    answer('The largest directories'),
    largest.map(([dir, total]) => ({dir, ...total})),
  );

  const bodies = new Map<string, string[]>();
  for (const [path, hash] of hashes) bodies.set(hash, [...(bodies.get(hash) ?? []), path]);
  const same = [...bodies.values()].filter(({length}) => length > 1);
  t.deepEqual(sorted(column(answer('All files with the same body'), 'path') as string[]), sorted(same.flat()));
  t.is(answer('Bodies that are there').length, Math.min(20, same.length));

  const paths = new Set(entries.map(({path}) => path));
  const astray = entries.filter(({path, type}) => {
    if (type !== 'symlink') return false;
    const target = readlinkSync(join(root, path));
    const end = normalize(join(dirname(path), target)).replace(/\/$/, '');
    return !target.startsWith('/') && end !== '.' && !end.startsWith('..') && !paths.has(end);
  });
  t.deepEqual(column(answer('Relative symlinks'), 'path'), sorted(astray.map(({path}) => path)));
  t.true(astray.some(({path}) => path === 'opt/tool/astray'));

  t.deepEqual(answer('What changed in `/etc`'), [
    {change: 'modified', path: 'etc/hostname'},
    {change: 'added', path: 'etc/new.conf'},
    {change: 'modified', path: 'etc/passwd'},
  ]);
  t.deepEqual(answer('How many files were'), [{table_name: 'files', added: 1, modified: 3, deleted: 1}]);
  t.deepEqual(column(answer('Modes and owners'), 'mode_now'), ['0600']);
  t.deepEqual(column(answer('What is gone'), 'path'), ['opt/gone']);
  t.deepEqual(column(answer('Which old version'), 'path'), ['etc/hosts.test']);
  t.deepEqual(answer('What is not committed'), [
    {change: 'modified', path: 'etc/hostname', size: 7},
    {change: 'deleted', path: 'etc/new.conf', size: 8},
  ]);
  t.deepEqual(column(answer('Files that have grown'), 'path'), ['etc/passwd']);

  t.deepEqual(
    answer('Who changed this file').map(({author_name, change, summary}) => [author_name, change, summary]),
    [
      ['Ada', 'modified', 'a third user'],
      ['Grace', 'modified', 'another user'],
      ['Ada', 'added', 'the system'],
    ],
  );
  t.deepEqual(
    answer('Files changed by each').map(({author_name, files, changes}) => [author_name, files, changes]),
    [
      ['Ada', entries.filter(({type}) => type !== 'other').length + 1, entries.length + 1 + 2],
      ['Grace', 3, 3],
    ],
  );
  t.deepEqual(answer('Files that change most')[0], {path: 'etc/passwd', changes: 2, people: 2});
  // the file is as it was ten days ago, when it was recorded
  t.deepEqual(answer('Who changed `/etc/hosts`'), []);
  const {sql: audit} = recipes().find(({question}) => question.startsWith('Who changed `/etc/hosts`')) as Recipe;
  const {stdout: audited} = dbos(root, ['query', '--json'], {input: audit.replaceAll('etc/hosts', 'etc/passwd')});
  t.deepEqual(
    (JSON.parse(audited) as Row[]).map(({user, command, ref, summary}) => [user, command, ref, summary]),
    [
      ['ada', 'dbos commit', 'branches/main', 'a third user'],
      ['grace', 'dbos commit', 'branches/main', 'another user'],
    ],
  );
  t.deepEqual(
    answer('How many rows of each').map(({user, table_name, modified, deleted}) => [
      user,
      table_name,
      modified,
      deleted,
    ]),
    [
      ['ada', 'files', 2, 0],
      ['grace', 'files', 2, 1],
    ],
  );
  t.deepEqual(column(answer('Commits per day'), 'commits'), [1, 1, 1]);
  t.deepEqual(column(answer('The last commit of'), 'summary'), ['a third user']);
  t.deepEqual(column(answer('The last change of'), 'path').slice(0, 3), ['etc/hostname', 'etc/new.conf', 'etc/passwd']);

  const withWord = [...etc].filter(([, text]) => /nameserver/i.test(text)).map(([path]) => path);
  t.true(withWord.includes('etc/resolv.test'));
  t.deepEqual(column(answer('Files in which a word'), 'path'), sorted(withWord));
  t.deepEqual(
    column(answer('Users of a system'), 'user')
      .slice(0, 1)
      .concat(column(answer('Users of a system'), 'uid').at(-1)),
    ['root', 1002],
  );
  const lines = answer('The lines in which').filter(({path}) => path === 'etc/passwd');
  t.deepEqual(lines, [{path: 'etc/passwd', number: 1, line: 'root:x:0:0:root:/root:/bin/bash'}]);
  t.deepEqual(sorted(column(answer('Names that will'), 'path') as string[]).slice(-2), [
    'opt/tool/ odd',
    'opt/tool/line\nbreak',
  ]);
  t.is((column(answer('The directories as'), 'directory') as string[]).filter(line => !line.startsWith(' ')).length, 3);

  const [tree] = answer('All of it as one');
  const document = JSON.parse(tree?.tree as string) as Record<string, {name: string; size: number}[]>;
  t.deepEqual(
    sorted(Object.entries(document).flatMap(([dir, list]) => list.map(({name}) => join(dir, name)))),
    sorted(files.map(({path}) => path)),
  );
});
