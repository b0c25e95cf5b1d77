/**
 * Two machines, each with a home, settings and a network of its own: network namespaces that a cable joins. What one pushes the
 * other pulls over http, https and ssh, and both end with the same commit. Where there may be no namespaces, or there is no
 * sshd, that is logged; an ssh that runs its command here is tried everywhere.
 */
import {spawn, spawnSync} from 'node:child_process';
import {chmodSync, existsSync, mkdirSync, readFileSync, writeFileSync} from 'node:fs';
import {join} from 'node:path';
import test, {type ExecutionContext} from 'ava';
import {environment, type Outcome, PROGRAM} from '../support/dbos.js';
import {startServing} from '../support/serving.js';
import {makeTmpDir} from '../support/tmp.js';

function run(command: string, ...args: string[]): string {
  const {status, stdout, stderr, error} = spawnSync(command, args, {encoding: 'utf8'});
  if (status !== 0) throw new Error(`${command} ${args.join(' ')}: ${error?.message ?? stderr}`);
  return stdout;
}

/** A machine: commands run in its network, with its home. */
class Machine {
  readonly home: string;
  readonly within: readonly string[];
  readonly env: Record<string, string>;

  constructor(
    root: string,
    readonly name: string,
    namespace?: string,
  ) {
    this.home = join(root, name);
    mkdirSync(this.home);
    this.within = namespace === undefined ? [] : ['ip', 'netns', 'exec', namespace];
    this.env = {HOME: this.home, XDG_CONFIG_HOME: join(this.home, '.config'), DBOS_AUTHOR_NAME: name};
  }

  path(...names: string[]): string {
    return join(this.home, ...names);
  }

  try(directory: string, args: readonly string[], extra: {env?: Record<string, string>; input?: string} = {}): Outcome {
    const words = [...this.within, process.execPath, PROGRAM, ...args];
    const {status, stdout, stderr} = spawnSync(words[0] as string, words.slice(1), {
      cwd: this.path(directory),
      env: environment({...this.env, ...extra.env}),
      input: extra.input ?? '',
      encoding: 'utf8',
    });
    return {status, stdout, stderr};
  }

  dbos(directory: string, ...args: string[]): string {
    const {status, stdout, stderr} = this.try(directory, args);
    if (status !== 0) throw new Error(`${this.name}: dbos ${args.join(' ')}: exit ${status}\n${stdout}${stderr}`);
    return stdout;
  }

  head(directory: string): string {
    return (JSON.parse(this.dbos(directory, 'log', '-n', '1', '--json')) as {id: string}[])[0]?.id as string;
  }

  rows(directory: string): unknown {
    return JSON.parse(this.dbos(directory, 'query', '--json', 'SELECT * FROM stock ORDER BY id'));
  }
}

let worlds = 0;

/** Returns two machines that a cable joins, and the address of the first; undefined where that is not permitted. */
function machines(t: ExecutionContext): {alpha: Machine; beta: Machine; address: string} | undefined {
  const world = `dbos${process.pid}-${worlds++}`;
  const names: [string, string] = [`${world}a`, `${world}b`];
  const added = spawnSync('ip', ['netns', 'add', names[0]], {encoding: 'utf8'});
  if (added.status !== 0) {
    t.log(`skipped: no network namespaces here (${added.error?.message ?? added.stderr.trim()})`);
    t.pass();
    return undefined;
  }
  t.teardown(() => spawnSync('ip', ['netns', 'del', names[0]]));
  run('ip', 'netns', 'add', names[1]);
  t.teardown(() => spawnSync('ip', ['netns', 'del', names[1]]));
  run('ip', '-n', names[0], 'link', 'add', 'cable', 'type', 'veth', 'peer', 'name', 'cable', 'netns', names[1]);
  for (const [i, name] of names.entries()) {
    run('ip', '-n', name, 'addr', 'add', `10.99.0.${i + 1}/24`, 'dev', 'cable');
    for (const device of ['cable', 'lo']) run('ip', '-n', name, 'link', 'set', device, 'up');
  }
  const root = makeTmpDir(t);
  return {
    alpha: new Machine(root, 'alpha', names[0]),
    beta: new Machine(root, 'beta', names[1]),
    address: '10.99.0.1',
  };
}

/** Makes the store `hub` on a machine, with a table and a file. */
function makeHub(machine: Machine): void {
  mkdirSync(machine.path('hub'));
  machine.dbos('hub', 'init');
  writeFileSync(machine.path('hub', 'notes'), 'first\n');
  machine.dbos('hub', 'commit', '-m', 'notes');
  machine.dbos(
    'hub',
    'query',
    "CREATE TABLE stock (id INTEGER PRIMARY KEY, name TEXT, n INTEGER); INSERT INTO stock VALUES (1, 'nut', 1), (2, 'bolt', 2)",
  );
}

/** Clones `hub` of one machine to the other by a URL, lets both change the same table, and brings them together. */
function exchange(t: ExecutionContext, alpha: Machine, beta: Machine, url: string): void {
  beta.dbos('.', 'clone', url, 'copy');
  t.is(beta.head('copy'), alpha.head('hub'));
  // the same row in other columns, a row that one of them adds, and a file
  alpha.dbos('hub', 'query', "UPDATE stock SET n = n + 10 WHERE id = 1; INSERT INTO stock VALUES (3, 'nail', 3)");
  beta.dbos('copy', 'query', "UPDATE stock SET name = 'lock nut' WHERE id = 1");
  writeFileSync(beta.path('copy', 'notes'), 'second\n');
  beta.dbos('copy', 'commit', '-m', 'notes');
  const refused = beta.try('copy', ['push', '--json']);
  t.is(refused.status, 6, refused.stderr);
  t.is((JSON.parse(refused.stdout) as {error: {code: string}}).error.code, 'NOT_FAST_FORWARD');
  t.is((JSON.parse(beta.dbos('copy', 'pull', '--json')) as {kind: string}).kind, 'merge');
  beta.dbos('copy', 'push');
  t.is(beta.head('copy'), alpha.head('hub'));
  t.deepEqual(alpha.rows('hub'), beta.rows('copy'));
  t.deepEqual(alpha.rows('hub'), [
    {id: 1, name: 'lock nut', n: 11},
    {id: 2, name: 'bolt', n: 2},
    {id: 3, name: 'nail', n: 3},
  ]);
  // the branch is checked out there
  t.is(readFileSync(alpha.path('hub', 'notes'), 'utf8'), 'second\n');
  alpha.dbos('hub', 'fsck');
  beta.dbos('copy', 'fsck');
}

/** Gives a machine a token of the hub for a server. */
function logIn(alpha: Machine, beta: Machine, url: string): void {
  const token = alpha.dbos('hub', 'token', 'create', '--name', 'beta', '--role', 'write');
  const {status, stderr} = beta.try('.', ['login', url], {input: token});
  if (status !== 0) throw new Error(stderr);
}

test('over http', async t => {
  const world = machines(t);
  if (world === undefined) return;
  const {alpha, beta, address} = world;
  makeHub(alpha);
  const url = `http://${address}:7400`;
  const server = await startServing(t, alpha.path('hub'), ['--host', address, '--port', '7400'], alpha);
  t.is(server.url, url);
  const stranger = beta.try('.', ['clone', url, 'copy', '--json']);
  t.is((JSON.parse(stranger.stdout) as {error: {code: string}}).error.code, 'TOKEN_REQUIRED');
  logIn(alpha, beta, url);
  exchange(t, alpha, beta, url);
  const [pushed] = JSON.parse(alpha.dbos('hub', 'op', 'log', '--json')) as {user: string; command: string}[];
  t.like(pushed, {user: 'token:beta', command: 'push from 10.99.0.2'});
  t.true(server.requests.every(({status}) => status < 500));
});

test('over https, with a certificate that only the client is told of', async t => {
  const world = machines(t);
  if (world === undefined) return;
  const {alpha, beta, address} = world;
  makeHub(alpha);
  const [cert, key] = [alpha.path('cert.pem'), alpha.path('key.pem')];
  const subject = ['-subj', '/CN=alpha', '-addext', `subjectAltName=IP:${address}`];
  const made = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-days', '2'];
  run('openssl', 'req', '-x509', ...made, ...subject, '-keyout', key, '-out', cert);
  const url = `https://${address}:7400`;
  const tls = ['--tls-cert', cert, '--tls-key', key];
  const server = await startServing(t, alpha.path('hub'), ['--host', address, '--port', '7400', ...tls], alpha);
  t.is(server.url, url);
  logIn(alpha, beta, url);
  const untrusted = beta.try('.', ['clone', url, 'copy', '--json']);
  const {error} = JSON.parse(untrusted.stdout) as {error: {code: string; message: string; hint: string}};
  t.is(error.code, 'CONNECTION_FAILED');
  t.regex(error.message, /certificate/);
  t.regex(error.hint, /NODE_EXTRA_CA_CERTS/);
  t.false(existsSync(beta.path('copy')));
  beta.env.NODE_EXTRA_CA_CERTS = cert;
  exchange(t, alpha, beta, url);
});

/** Says how dbos is run on the machine that ssh reaches. */
function remoteDbos({env}: Machine): string {
  const words = Object.entries(env).map(([name, value]) => `${name}='${value}'`);
  return `env ${words.join(' ')} '${process.execPath}' '${PROGRAM}'`;
}

test('over ssh, to an sshd', async t => {
  if (!existsSync('/usr/sbin/sshd') || process.getuid?.() !== 0) {
    t.log('skipped: no sshd that can be started here');
    t.pass();
    return;
  }
  const world = machines(t);
  if (world === undefined) return;
  const {alpha, beta, address} = world;
  makeHub(alpha);
  for (const path of [alpha.path('host'), beta.path('id')])
    run('ssh-keygen', '-q', '-t', 'ed25519', '-N', '', '-f', path);
  const known = beta.path('known_hosts');
  writeFileSync(known, `[${address}]:7422 ${readFileSync(alpha.path('host.pub'), 'utf8')}`);
  const authorized = alpha.path('authorized_keys');
  writeFileSync(authorized, readFileSync(beta.path('id.pub')));
  // where it keeps its unprivileged part from everything
  mkdirSync('/run/sshd', {recursive: true, mode: 0o755});
  const options = {
    HostKey: alpha.path('host'),
    AuthorizedKeysFile: authorized,
    PidFile: 'none',
    StrictModes: 'no',
    UsePAM: 'no',
    PasswordAuthentication: 'no',
    PermitRootLogin: 'prohibit-password',
  };
  const settings = Object.entries(options).flatMap(([name, value]) => ['-o', `${name}=${value}`]);
  const words = [...alpha.within, '/usr/sbin/sshd', '-D', '-e', '-f', '/dev/null', '-p', '7422', ...settings];
  const sshd = spawn(words[0] as string, words.slice(1), {stdio: ['ignore', 'ignore', 'pipe']});
  t.teardown(() => sshd.kill('SIGKILL'));
  let said = '';
  await new Promise<void>((resolve, reject) => {
    sshd.stderr.on('data', part => {
      said += part;
      if (said.includes('listening')) resolve();
    });
    sshd.on('close', () => reject(new Error(said)));
  });
  const ssh = `ssh -F /dev/null -i ${beta.path('id')} -o UserKnownHostsFile=${known} -o BatchMode=yes -o LogLevel=ERROR`;
  beta.dbos('.', 'config', '--user', 'ssh.command', ssh);
  beta.dbos('.', 'config', '--user', 'ssh.dbos', remoteDbos(alpha));
  exchange(t, alpha, beta, `ssh://root@${address}:7422${alpha.path('hub')}`);
  const [pushed] = JSON.parse(alpha.dbos('hub', 'op', 'log', '--json')) as {user: string; description: string}[];
  t.like(pushed, {user: 'root', description: 'pushed here: main'});
});

test('over an ssh that runs its command here', t => {
  const root = makeTmpDir(t);
  const [alpha, beta] = [new Machine(root, 'alpha'), new Machine(root, 'beta')];
  makeHub(alpha);
  const ssh = join(root, 'ssh');
  writeFileSync(ssh, `#!/bin/sh\nfor last; do :; done\necho "$@" >> '${root}/calls'\nexec sh -c "$last"\n`);
  chmodSync(ssh, 0o755);
  beta.dbos('.', 'config', '--user', 'ssh.command', ssh);
  beta.dbos('.', 'config', '--user', 'ssh.dbos', remoteDbos(alpha));
  exchange(t, alpha, beta, `ada@alpha.example:${alpha.path('hub')}`);
  t.regex(readFileSync(join(root, 'calls'), 'utf8'), /^ada@alpha\.example env HOME=/);
  // a shell that says something at login, and one that does not know the command
  const failure = () => {
    const {stdout} = beta.try('copy', ['fetch', '--json']);
    return (JSON.parse(stdout) as {error: {code: string}}).error.code;
  };
  writeFileSync(ssh, '#!/bin/sh\necho "Welcome to alpha, it is a nice machine."\n');
  t.is(failure(), 'CONNECTION_FAILED');
  writeFileSync(ssh, '#!/bin/sh\nexit 127\n');
  t.is(failure(), 'CONNECTION_BROKEN');
});
