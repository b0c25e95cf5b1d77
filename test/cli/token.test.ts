/** token, login and logout through the program. */
import {once} from 'node:events';
import {existsSync, readdirSync, readFileSync, statSync, writeFileSync} from 'node:fs';
import {join} from 'node:path';
import {PassThrough, type Readable} from 'node:stream';
import test from 'ava';
import {askHidden} from '../../src/cli/hidden-input.js';
import {dbos, outcome, start} from '../support/dbos.js';
import {makeTmpDir} from '../support/tmp.js';
import {type Failed, makeStore, Store} from './store.js';

interface TokenJson {
  readonly token: string;
  readonly name: string;
  readonly role: string;
  readonly branches: readonly string[] | null;
  readonly expires: string | null;
}

test('a token is made, listed and revoked', t => {
  const store = makeStore(t);
  const made = store.json<TokenJson>(
    'token',
    'create',
    '--name',
    'ci',
    '--role=write',
    '--branch=team/*',
    '-b',
    'main',
  );
  t.regex(made.token, /^dbos_[a-z2-7]{16}_[a-z2-7]{52}$/);
  t.like(made, {name: 'ci', role: 'write', branches: ['team/*', 'main'], expires: null});
  const plain = store.try('token', 'create', '--name', 'me', '--expires', 'in 30 days');
  t.regex(plain.stdout, /^dbos_[a-z2-7]{16}_[a-z2-7]{52}\n$/);
  t.regex(plain.stderr, /not shown again/);
  t.false(plain.stderr.includes('dbos_'));
  const listed = store.json<TokenJson[]>('token', 'ls');
  t.deepEqual(
    listed.map(({name, role}) => `${name} ${role}`),
    ['ci write', 'me read'],
  );
  const days = (Date.parse(listed[1]?.expires ?? '') - Date.now()) / 86_400_000;
  t.true(days > 28 && days < 31, `${days}`);
  const text = store.run('token', 'ls');
  t.regex(text, /^ci +write +team\/\* main +never expires\nme +read +all branches +expires in /);
  t.false(JSON.stringify(listed).includes(made.token.slice(22)) || text.includes('dbos_'));

  t.deepEqual(store.failure('token', 'create', '--name', 'ci'), [1, 'TOKEN_EXISTS']);
  t.deepEqual(store.failure('token', 'create', '--name', 'x', '--branch', 'a b'), [2, 'REF_NAME_INVALID']);
  t.deepEqual(store.failure('token', 'create', '--name', 'x', '--expires', 'yesterday'), [2, 'TIME_INVALID']);
  t.deepEqual(store.failure('token', 'create', '--name', 'x', '--role', 'root'), [2, 'USAGE']);
  t.deepEqual(store.failure('token', 'create'), [2, 'USAGE']);
  t.like(store.json<object>('token', 'revoke', 'ci'), {name: 'ci', revoked: true});
  t.deepEqual(store.failure('token', 'revoke', 'ci'), [4, 'TOKEN_UNKNOWN']);
  t.is(store.lines('token', 'ls').length, 1);
});

test('of tokens that several processes make at once none is lost', async t => {
  const store = makeStore(t);
  const names = ['a', 'b', 'c', 'd'];
  const done = await Promise.all(
    names.map(name => outcome(start(store.directory, ['token', 'create', '--name', name]))),
  );
  for (const {status, stderr} of done) t.is(status, 0, stderr);
  t.deepEqual(
    store
      .json<TokenJson[]>('token', 'ls')
      .map(({name}) => name)
      .sort(),
    names,
  );
  t.is(statSync(join(store.directory, '.dbos', 'tokens')).mode & 0o777, 0o600);
  t.deepEqual(
    readdirSync(join(store.directory, '.dbos')).filter(name => name.startsWith('tokens')),
    ['tokens'],
  );
});

test('login keeps a token from stdin or a file, logout forgets it; neither needs a store', t => {
  const folder = makeTmpDir(t);
  const env = {XDG_CONFIG_HOME: join(folder, 'config')};
  const run = (args: string[], input?: string) => dbos(folder, args, {env, ...(input !== undefined && {input})});
  const token = `dbos_${'a'.repeat(16)}_${'b'.repeat(52)}`;
  const done = run(['login', 'https://Example.org/', '--json'], `${token}\n`);
  t.is(done.status, 0, done.stderr);
  t.deepEqual(JSON.parse(done.stdout), {url: 'https://example.org'});
  writeFileSync(join(folder, 'token.txt'), `${token}\r\n`);
  const warned = run(['login', 'http://example.org/x', '--token-file', 'token.txt']);
  t.is(warned.status, 0);
  t.regex(warned.stderr, /warning: .*not encrypted/);
  t.notRegex(done.stderr + warned.stdout + warned.stderr, /bbbb/);
  const kept = join(folder, 'config', 'dbos', 'credentials');
  const files = readdirSync(kept);
  t.is(files.length, 2);
  for (const name of files) {
    t.is(statSync(join(kept, name)).mode & 0o777, 0o600);
    t.true(readFileSync(join(kept, name), 'utf8').includes(token));
  }
  const failure = (args: string[], input?: string) => {
    const {status, stdout} = run([...args, '--json'], input);
    t.notRegex(stdout, /bbbb/);
    return [status, JSON.parse(stdout).error.code];
  };
  t.deepEqual(failure(['login', 'https://example.org'], 'no token'), [1, 'TOKEN_INVALID']);
  t.deepEqual(failure(['login', 'example.org'], token), [2, 'REMOTE_URL_INVALID']);
  t.deepEqual(failure(['login', 'https://example.org', '--token-file', 'none']), [4, 'PATH_UNKNOWN']);
  t.deepEqual(failure(['clone', `https://u:${token}@example.org/x`]), [2, 'REMOTE_URL_SECRET']);
  t.is(run(['logout', 'https://example.org']).status, 0);
  t.deepEqual(failure(['logout', 'https://example.org']), [4, 'LOGIN_UNKNOWN']);
  t.is(readdirSync(kept).length, 1);
});

test('a token for some branches clones, pulls and pushes those from a server, until it is revoked', async t => {
  const store = makeStore(t);
  const first = store.commit({shared: 'text'});
  store.run('branch', 'team/a');
  store.commit({secret: 'for few'});
  const token = store.run('token', 'create', '--name', 'ci', '--role', 'write', '--branch', 'team/*').trim();
  const server = start(store.directory, ['serve', '--port', '0', '--stop-after', '120']);
  t.teardown(() => server.kill());
  const [line] = (await once(server.stdout as Readable, 'data')) as [Buffer];
  const {listening: url} = JSON.parse(line.toString().split('\n', 1)[0] ?? '') as {listening: string};
  server.stdout?.resume();

  const folder = makeTmpDir(t);
  const env = {XDG_CONFIG_HOME: join(folder, 'config')};
  const code = (cwd: string, args: string[], extra: Record<string, string> = {}) => {
    const {stdout} = dbos(cwd, [...args, '--json'], {env: {...env, ...extra}});
    return (JSON.parse(stdout) as Partial<Failed>).error?.code ?? 'done';
  };
  t.is(code(folder, ['clone', url, 'copy']), 'TOKEN_REQUIRED');
  t.is(dbos(folder, ['login', url], {env, input: token}).status, 0);
  t.is(code(folder, ['clone', url, 'copy'], {DBOS_TOKEN: token.replace(/.$/, '')}), 'TOKEN_INVALID');
  t.is(code(folder, ['clone', url, 'copy']), 'done');
  const copy = new Store(join(folder, 'copy'));
  t.deepEqual(
    copy.json<{name: string; id: string}[]>('branch').map(({name, id}) => [name, id]),
    [['team/a', first]],
  );
  t.false(existsSync(join(copy.directory, 'secret')));
  const mine = copy.commit({mine: 'x'});
  t.is(code(copy.directory, ['push']), 'done');
  copy.run('branch', 'other');
  t.is(code(copy.directory, ['push', 'origin', 'other']), 'ACCESS_DENIED');
  t.is(store.json<{id: string}[]>('log', 'team/a')[0]?.id, mine);
  t.regex(store.run('op', 'log'), /token:ci/);
  store.run('token', 'revoke', 'ci');
  t.is(code(copy.directory, ['fetch']), 'TOKEN_INVALID');
  const recorded = store.run('audit', '--json') + copy.run('audit', '--json') + copy.run('config');
  t.false(recorded.includes(token.slice(22)));
});

test('what is typed is taken and not shown; Ctrl-C and the end of input stop', async t => {
  const type = async (keys: string) => {
    const input = new PassThrough();
    const shown: string[] = [];
    const answer = askHidden('Token: ', input, text => shown.push(text));
    setImmediate(() => input.end(keys));
    const [result] = await Promise.allSettled([answer]);
    return {result, shown: shown.join('')};
  };
  const typed = await type('secrex\u007ft\r');
  t.deepEqual(typed, {result: {status: 'fulfilled', value: 'secret'}, shown: 'Token: \n'});
  t.like((await type('secr\u0003')).result, {status: 'rejected'});
  t.deepEqual((await type('')).result, {status: 'fulfilled', value: ''});
});
