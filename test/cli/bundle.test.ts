/** Bundles through the program: made in one store, looked at anywhere, cloned, fetched and pulled from in another. */
import {existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync} from 'node:fs';
import {join} from 'node:path';
import test from 'ava';
import {dbos, json, mustRun} from '../support/dbos.js';
import {makeTmpDir} from '../support/tmp.js';
import {runShell} from './program.js';

interface Bundle {
  readonly head: string | null;
  readonly refs: readonly {readonly ref: string; readonly id: string}[];
  readonly prerequisites: readonly string[];
  readonly objects: number;
  readonly size: number;
  readonly complete: boolean;
}

function fails(cwd: string, ...args: string[]): {status: number | null; code: string} {
  const {status, stdout} = dbos(cwd, [...args, '--json']);
  return {status, code: (JSON.parse(stdout) as {error: {code: string}}).error.code};
}

test('a history is carried in a file, then what came since', t => {
  const root = makeTmpDir(t);
  const first = join(root, 'first');
  const record = (name: string, text: string) => {
    writeFileSync(join(first, name), text);
    mustRun(first, 'commit', '-m', `change ${name}`);
  };
  mkdirSync(first);
  mustRun(first, 'init');
  record('a', 'one\n');
  const [{id} = {id: ''}] = json<{id: string}[]>(first, 'log');
  const made = json<Bundle>(first, 'bundle', 'create', '../x.car', 'main');
  t.deepEqual(made.refs, [{ref: 'branches/main', id}]);
  const {complete, ...verified} = json<Bundle>(root, 'bundle', 'verify', 'x.car');
  t.true(complete);
  t.deepEqual({...verified, file: '../x.car'}, made as unknown as typeof verified & {file: string});
  t.is(readFileSync(join(root, 'x.car')).length, made.size);

  mustRun(root, 'clone', 'x.car');
  const copy = join(root, 'x');
  t.is(readFileSync(join(copy, 'a'), 'utf8'), 'one\n');
  t.deepEqual(json(copy, 'remote', 'ls'), [{name: 'origin', url: join(root, 'x.car')}]);

  record('b', 'two\n');
  mustRun(first, 'tag', 'v1', '-m', 'first');
  mustRun(first, 'bundle', 'create', '../news.car', '--all', '--since', 'main~1');
  const news = mustRun(root, 'bundle', 'ls', 'news.car').split('\n');
  t.regex(news[0] as string, /^branches\/main {2}[a-z2-7]{12} {2}HEAD$/);
  t.regex(news[1] as string, /^tags\/v1 /);
  t.is(news[2], `needs          ${id.slice(9, 21)}`);
  t.false(json<Bundle>(root, 'bundle', 'verify', 'news.car').complete);
  t.deepEqual(fails(root, 'clone', 'news.car', 'failed'), {status: 1, code: 'BUNDLE_PREREQUISITE'});
  t.false(existsSync(join(root, 'failed')));

  // by its path, or as a remote
  const direct = join(root, 'direct');
  mustRun(root, 'clone', 'x.car', 'direct');
  t.deepEqual(fails(direct, 'pull', '../news.car', 'topic'), {status: 4, code: 'REMOTE_REF_UNKNOWN'});
  const pulled = json<{kind: string; upstream: string}>(direct, 'pull', '../news.car');
  t.is(pulled.kind, 'fast-forward');
  t.is(pulled.upstream, `main of ${join(root, 'news.car')}`);
  t.is(readFileSync(join(direct, 'b'), 'utf8'), 'two\n');
  t.deepEqual(fails(direct, 'pull', 'news.car', 'main'), {status: 4, code: 'REMOTE_UNKNOWN'});

  mustRun(copy, 'remote', 'add', 'usb', '../news.car');
  t.true(json<Bundle>(copy, 'bundle', 'verify', '../news.car').complete);
  t.is(json<{kind: string}>(copy, 'pull', 'usb', 'main').kind, 'fast-forward');
  t.is(readFileSync(join(copy, 'b'), 'utf8'), 'two\n');
  t.is(json<{id: string}[]>(copy, 'log', 'v1')[0]?.id, json<{id: string}[]>(first, 'log')[0]?.id as string);
  t.deepEqual(fails(copy, 'push', 'usb', 'main'), {status: 1, code: 'READ_ONLY'});
  mustRun(copy, 'fsck');
});

test('what cannot be made or read is refused', t => {
  const root = makeTmpDir(t);
  mustRun(root, 'init');
  writeFileSync(join(root, 'a'), 'precious\n');
  t.deepEqual(fails(root, 'bundle', 'create', 'x.car', 'main'), {status: 4, code: 'REVISION_UNKNOWN'});
  t.deepEqual(fails(root, 'bundle', 'create', 'x.car', '--all'), {status: 1, code: 'BUNDLE_EMPTY'});
  mustRun(root, 'commit', '-m', 'one');
  t.deepEqual(fails(root, 'bundle', 'create', 'x.car'), {status: 2, code: 'USAGE'});
  t.deepEqual(fails(root, 'bundle', 'create', 'x.car', 'main', '--all'), {status: 2, code: 'USAGE'});
  t.deepEqual(fails(root, 'bundle', 'create', 'a', 'main'), {status: 1, code: 'PATH_EXISTS'});
  t.is(readFileSync(join(root, 'a'), 'utf8'), 'precious\n');
  t.deepEqual(fails(root, 'bundle', 'verify', 'a'), {status: 1, code: 'BUNDLE_INVALID'});
  t.deepEqual(fails(root, 'bundle', 'ls', 'nowhere'), {status: 4, code: 'PATH_UNKNOWN'});
  t.deepEqual(fails(root, 'clone', 'a', 'copy'), {status: 1, code: 'BUNDLE_INVALID'});
  t.false(existsSync(join(root, 'copy')));
});

test('a bundle goes through pipes', t => {
  const root = makeTmpDir(t);
  const first = join(root, 'first');
  mkdirSync(first);
  mustRun(first, 'init');
  writeFileSync(join(first, 'a'), 'one\n');
  mustRun(first, 'commit', '-m', 'first');
  const {size} = json<Bundle>(first, 'bundle', 'create', '../x.car', 'main');
  const piped = runShell(
    'dbos -C first bundle create - main | tee y.car | dbos bundle verify - --json && dbos bundle ls - < y.car && head -c 99 y.car | dbos bundle ls -',
    {cwd: root},
  );
  t.regex(piped.stderr, /BUNDLE_INVALID/);
  const [verified, listed] = piped.stdout.split('\n') as [string, string];
  t.like(JSON.parse(verified), {size, complete: true});
  t.regex(listed, /^branches\/main /);
  t.deepEqual(readFileSync(join(root, 'y.car')), readFileSync(join(root, 'x.car')));
  t.deepEqual(fails(first, 'bundle', 'create', '-', 'main'), {status: 2, code: 'USAGE'});
});

test('clones, fetches and pulls take a bundle from a pipe', t => {
  const root = makeTmpDir(t);
  const first = join(root, 'first');
  const script = (text: string) => runShell(text, {cwd: root});
  mkdirSync(first);
  mustRun(first, 'init');
  writeFileSync(join(first, 'a'), 'one\n');
  mustRun(first, 'commit', '-m', 'first');
  const cloned = script('dbos -C first bundle create - --all | dbos clone - copy --json');
  t.is(cloned.status, 0, cloned.stderr);
  const copy = join(root, 'copy');
  t.is(readFileSync(join(copy, 'a'), 'utf8'), 'one\n');
  t.deepEqual(json(copy, 'remote', 'ls'), [{name: 'origin', url: '-'}]);
  t.deepEqual(fails(copy, 'pull'), {status: 2, code: 'REMOTE_URL_INVALID'});
  t.deepEqual(fails(copy, 'push'), {status: 1, code: 'READ_ONLY'});

  writeFileSync(join(first, 'a'), 'two\n');
  mustRun(first, 'commit', '-m', 'second');
  const news = 'dbos -C first bundle create - main --since main~1';
  const fetched = script(`${news} | dbos -C copy fetch origin - --json`);
  t.is((JSON.parse(fetched.stdout) as {updates: unknown[]}).updates.length, 1, fetched.stdout);
  t.is((JSON.parse(script(`${news} | dbos -C copy fetch - --json`).stdout) as {objects: number}).objects, 0);
  const pulled = script(`${news} | dbos -C copy pull - main --json`);
  t.like(JSON.parse(pulled.stdout), {kind: 'fast-forward', upstream: 'main of stdin'});
  t.is(readFileSync(join(copy, 'a'), 'utf8'), 'two\n');

  // nothing is left of a pipe
  t.deepEqual(
    readdirSync(join(copy, '.dbos')).filter(name => name.startsWith('dbos-import')),
    [],
  );
  t.is(script('echo nothing | dbos clone - failed').status, 1);
  t.false(existsSync(join(root, 'failed')));
  t.deepEqual(fails(root, 'clone', '-'), {status: 2, code: 'USAGE'});
  t.regex(
    script('dbos clone <(dbos -C first bundle create - --all) failed').stderr,
    /STORE_NOT_FOUND.*give - in its place/s,
  );
  t.deepEqual(fails(copy, 'fetch', 'origin', 'x.car'), {status: 2, code: 'USAGE'});
});
