/** Clone, fetch, pull, push and remotes through the program, between work trees and a bare store. */
import {existsSync, mkdirSync, readFileSync, writeFileSync} from 'node:fs';
import {join} from 'node:path';
import test, {type ExecutionContext} from 'ava';
import {randomBytes, randomNumbers} from '../bench/generated-tree.js';
import {dbos, json, mustRun, outcome, start} from '../support/dbos.js';
import {makeTmpDir} from '../support/tmp.js';

interface Result {
  readonly kind: string;
  readonly id: string;
  readonly error: {readonly code: string; readonly data?: unknown};
  readonly updates: readonly {readonly ref: string}[];
  readonly objects: number;
}

/** Returns the folder of a bare store and two clones of it, which have the file `shared`. */
function stores(t: ExecutionContext): {root: string; hub: string; one: string; two: string} {
  const root = makeTmpDir(t);
  const [first, hub, one, two] = ['first', 'hub', 'one', 'two'].map(name => join(root, name)) as [
    string,
    string,
    string,
    string,
  ];
  mkdirSync(first);
  mustRun(first, 'init');
  record(first, 'shared', 'text\n');
  mustRun(root, 'clone', '--bare', 'first', 'hub');
  mustRun(root, 'clone', 'hub', 'one');
  mustRun(root, 'clone', 'hub', 'two');
  return {root, hub, one, two};
}

function record(store: string, name: string, text: string): void {
  writeFileSync(join(store, name), text);
  mustRun(store, 'commit', '-m', `change ${name}`);
}

function head(store: string): string {
  return json<{head: string}>(store, 'status').head;
}

function fails(store: string, ...args: string[]): {status: number | null; code: string} {
  const {status, stdout} = dbos(store, [...args, '--json']);
  return {status, code: (JSON.parse(stdout) as Result).error.code};
}

test('what is pushed by one is pulled by the other, forward and merged', t => {
  const {hub, one, two} = stores(t);
  t.is(readFileSync(join(one, 'shared'), 'utf8'), 'text\n');
  t.true(json<{clean: boolean}>(one, 'status').clean);
  record(one, 'a', 'a\n');
  const pushed = json<Result>(one, 'push');
  t.deepEqual(
    pushed.updates.map(({ref}) => ref),
    ['branches/main'],
  );
  t.is(json<Result>(two, 'pull').kind, 'fast-forward');
  t.is(head(two), head(one));
  t.is(readFileSync(join(two, 'a'), 'utf8'), 'a\n');
  t.is(json<Result>(two, 'pull').kind, 'up-to-date');

  record(one, 'a', 'more\n');
  record(two, 'b', 'b\n');
  mustRun(one, 'push');
  mustRun(two, 'fetch');
  const apart = {upstream: 'origin/main', ahead: 1, behind: 1};
  t.deepEqual(json<{tracking: unknown}>(two, 'status').tracking, apart);
  t.deepEqual(json<{tracking: unknown}[]>(two, 'branch', '-v')[0]?.tracking, apart);
  t.true(mustRun(two, 'status').includes('It follows origin/main, 1 ahead, 1 behind\n'));
  t.deepEqual(fails(two, 'push'), {status: 6, code: 'NOT_FAST_FORWARD'});
  t.deepEqual(fails(two, 'pull', '--ff-only'), {status: 6, code: 'NOT_FAST_FORWARD'});
  const [merged] = [json<Result>(two, 'pull')];
  t.is(merged.kind, 'merge');
  t.is(readFileSync(join(two, 'a'), 'utf8'), 'more\n');
  const [newest] = json<{parents: string[]}[]>(two, 'log', '-n', '1');
  t.is(newest?.parents.length, 2);
  mustRun(two, 'push');
  mustRun(one, 'pull');
  t.is(head(one), head(two));
  for (const store of [hub, one, two]) mustRun(store, 'fsck');
  // each change of refs is an operation
  mustRun(one, 'undo');
  t.not(head(one), head(two));
  t.false(existsSync(join(one, 'b')));
});

test('a pull that conflicts is refused with the list and moves nothing', t => {
  const {one, two} = stores(t);
  record(one, 'shared', 'one\n');
  record(two, 'shared', 'two\n');
  mustRun(one, 'push');
  const before = head(two);
  t.deepEqual(fails(two, 'pull'), {status: 3, code: 'TRANSACTION_CONFLICT'});
  t.is(head(two), before);
  t.is(readFileSync(join(two, 'shared'), 'utf8'), 'two\n');
  // both were seen before: the other side wins only if it is where it was last seen
  const lease = json<Result>(two, 'push', '--force-with-lease');
  t.is(lease.updates.length, 1);
  record(one, 'c', 'c\n');
  t.deepEqual(fails(one, 'push', '--force-with-lease'), {status: 6, code: 'NOT_FAST_FORWARD'});
});

test('remotes, their revisions, tags, new branches, deletion and pruning', t => {
  const {root, one, two} = stores(t);
  t.deepEqual(json(one, 'remote', 'ls'), [{name: 'origin', url: join(root, 'hub')}]);
  t.is(json<{id: string}[]>(one, 'log', 'origin/main')[0]?.id, head(one));
  mustRun(one, 'switch', '-c', 'topic');
  record(one, 'd', 'd\n');
  mustRun(one, 'tag', 'v1', '-m', 'first');
  mustRun(one, 'push', '-u', 'origin', 'topic', 'v1');
  mustRun(two, 'fetch');
  t.is(json<{branches: {name: string}[]}>(two, 'remote', 'show').branches.length, 2);
  t.is(json<{id: string}[]>(two, 'log', 'v1')[0]?.id, head(one));
  mustRun(two, 'switch', '-c', 'topic', 'origin/topic');
  mustRun(one, 'push', '--delete', 'origin', 'topic');
  t.deepEqual(fails(one, 'push', '--delete', 'origin', 'topic'), {status: 4, code: 'REMOTE_REF_UNKNOWN'});
  t.is(json<Result>(two, 'fetch', '--prune').updates.length, 1);
  t.is(dbos(two, ['log', 'origin/topic']).status, 4);

  mustRun(two, 'remote', 'add', 'other', '../one');
  mustRun(two, 'fetch', '--all');
  t.is(json<{id: string}[]>(two, 'log', 'other/topic')[0]?.id, head(one));
  mustRun(two, 'remote', 'set-url', 'other', '../nowhere');
  t.deepEqual(fails(two, 'fetch', 'other'), {status: 1, code: 'STORE_NOT_FOUND'});
  t.deepEqual(fails(two, 'remote', 'add', 'other', '../one'), {status: 1, code: 'REMOTE_EXISTS'});
  t.deepEqual(fails(two, 'remote', 'add', 'net', 'ftp://example.org/x'), {status: 2, code: 'REMOTE_URL_INVALID'});
  mustRun(two, 'remote', 'rm', 'other');
  t.deepEqual(fails(two, 'fetch', 'other'), {status: 4, code: 'REMOTE_UNKNOWN'});
  t.is(dbos(two, ['log', 'other/topic']).status, 4);
  mustRun(two, 'fsck');
});

test('branches of remotes are listed, shown at their commits, followed and switched to', t => {
  const {one, two} = stores(t);
  const tracking = (name: string) =>
    json<{name: string; tracking: {upstream: string} | null}[]>(two, 'branch', '-v').find(each => each.name === name)
      ?.tracking?.upstream;
  mustRun(one, 'switch', '-c', 'topic');
  record(one, 'd', 'd\n');
  mustRun(one, 'push', 'origin', 'topic');
  mustRun(one, 'branch', 'more');
  mustRun(one, 'push', 'origin', 'more');
  mustRun(two, 'fetch');
  t.is(mustRun(two, 'branch', '-r'), '  origin/main\n  origin/more\n  origin/topic\n');
  t.deepEqual(
    json<{name: string; remote?: string}[]>(two, 'branch', '-a', '-v').map(({name, remote}) => [name, remote]),
    [
      ['main', undefined],
      ['origin/main', 'origin'],
      ['origin/more', 'origin'],
      ['origin/topic', 'origin'],
    ],
  );
  t.regex(mustRun(two, 'log', '--oneline', 'origin/topic'), /^\w+ \(origin\/more, origin\/topic\) change d\n/);
  const subjects = (...args: string[]) => json<{message: string}[]>(two, 'log', ...args).map(({message}) => message);
  t.deepEqual(subjects(), ['change shared']);
  t.deepEqual(subjects('--all'), ['change d', 'change shared']);
  t.deepEqual(subjects('main', 'origin/topic'), ['change d', 'change shared']);
  t.deepEqual(subjects('main', 'main..origin/topic'), ['change d']);
  t.regex(mustRun(two, 'log', '--oneline'), /\(HEAD -> main, origin\/main\)/);

  t.regex(dbos(two, ['checkout', 'topic']).stderr, /Did you mean 'origin\/topic'\? `dbos switch topic` makes it/);
  const switched = dbos(two, ['switch', 'topic']);
  t.is(switched.stderr, 'Switched to the new branch topic, which follows origin/topic.\n');
  t.is(head(two), head(one));
  t.is(tracking('topic'), 'origin/topic');
  mustRun(two, 'branch', '-m', 'theme');
  t.is(tracking('theme'), 'origin/topic');
  t.like(json<object>(two, 'branch', 'again', 'origin/more'), {name: 'again', upstream: 'origin/more'});
  t.is(tracking('again'), 'origin/more');
  t.like(json<object>(two, 'switch', '-c', 'third', 'origin/more'), {created: true, upstream: 'origin/more'});
  t.is(tracking('third'), 'origin/more');
  mustRun(two, 'branch', 'plain', 'origin/more~0');
  t.is(tracking('plain'), undefined);

  t.deepEqual(json(two, 'branch', '-u', 'origin/main'), {name: 'third', upstream: 'origin/main'});
  t.is(tracking('third'), 'origin/main');
  t.deepEqual(json(two, 'branch', '--unset-upstream', 'again'), {name: 'again', upstream: null});
  t.is(tracking('again'), undefined);
  t.deepEqual(fails(two, 'branch', '-u', 'origin/mani'), {status: 4, code: 'REMOTE_REF_UNKNOWN'});
  t.deepEqual(fails(two, 'branch', '-r', 'x'), {status: 2, code: 'USAGE'});
  t.is(mustRun(two, '__complete', 'bash', 'log', 'origin/t'), 'origin/topic\n');

  mustRun(two, 'remote', 'add', 'other', '../one');
  mustRun(two, 'fetch', 'other');
  t.regex(
    dbos(two, ['switch', 'more']).stderr,
    /several remotes.*\n.*`dbos switch -c more origin\/more`; .*other\/more/,
  );
});

test('a push names HEAD, says what follows, and leads from the words of git', t => {
  const {one} = stores(t);
  mustRun(one, 'switch', '-c', 'topic');
  t.is(json<Result>(one, 'push', 'origin', 'HEAD').updates[0]?.ref, 'branches/topic');
  t.is(dbos(one, ['push', '-u']).stderr, 'origin has it already.\ntopic follows origin/topic.\n');
  t.regex(
    dbos(one, ['push', 'origin', 'topic:theme']).stderr,
    /same name in both stores.*\n.*`dbos branch theme topic`/,
  );
  t.regex(dbos(one, ['push', 'origin', ':topic']).stderr, /`dbos push --delete REMOTE topic`/);
  t.regex(dbos(one, ['push', '--delete', 'topic']).stderr, /Name the remote first/);
  t.regex(dbos(one, ['push', '../hub']).stderr, /`dbos remote add NAME URL`; `dbos fetch` and `dbos pull` take/);

  record(one, 'e', 'e\n');
  t.notRegex(mustRun(one, 'undo'), /Other stores/);
  mustRun(one, 'redo');
  mustRun(one, 'push');
  t.regex(mustRun(one, 'undo'), /^Undid: push to origin .*\ntopic is at \w+\.\nOther stores stay as they are\.\n$/);
});

test('a push takes the work tree of the other store along, or is refused', t => {
  const root = makeTmpDir(t);
  const first = join(root, 'first');
  const copy = join(root, 'copy');
  mkdirSync(first);
  mustRun(first, 'init');
  record(first, 'f', 'one\n');
  mustRun(root, 'clone', 'first', 'copy');
  record(copy, 'f', 'two\n');
  writeFileSync(join(first, 'f'), 'precious\n');
  t.deepEqual(fails(copy, 'push'), {status: 6, code: 'WOULD_OVERWRITE'});
  t.is(readFileSync(join(first, 'f'), 'utf8'), 'precious\n');
  writeFileSync(join(first, 'f'), 'one\n');
  mustRun(copy, 'push');
  t.is(readFileSync(join(first, 'f'), 'utf8'), 'two\n');
  t.true(json<{clean: boolean}>(first, 'status').clean);
  t.deepEqual(fails(copy, 'push', '--delete', 'origin', 'main'), {status: 1, code: 'BRANCH_CURRENT'});
  // a clone that fails leaves nothing
  t.deepEqual(fails(root, 'clone', '-b', 'nowhere', 'first', 'failed'), {status: 4, code: 'REMOTE_REF_UNKNOWN'});
  t.false(existsSync(join(root, 'failed')));
  t.deepEqual(fails(root, 'clone', 'first', 'copy'), {status: 1, code: 'PATH_EXISTS'});
});

test('of two that push at once exactly one wins, and two that push to each other do not wait for ever', async t => {
  const {hub, one, two} = stores(t);
  record(one, 'x', 'x\n');
  record(two, 'y', 'y\n');
  const done = await Promise.all([one, two].map(store => outcome(start(store, ['push']))));
  t.deepEqual(done.map(({status}) => status).sort(), [0, 6]);
  t.true([head(one), head(two)].includes(json<{id: string}[]>(hub, 'log')[0]?.id as string));

  for (const [store, other] of [
    [one, '../two'],
    [two, '../one'],
  ] as const) {
    mustRun(store, 'config', 'core.lockTimeout', '4');
    mustRun(store, 'remote', 'add', 'other', other);
    mustRun(store, 'branch', `of-${store === one ? 'one' : 'two'}`);
  }
  const crossed = await Promise.all([
    outcome(start(one, ['push', 'other', 'of-one'])),
    outcome(start(two, ['push', 'other', 'of-two'])),
  ]);
  t.true(crossed.some(({status}) => status === 0));
  t.true(crossed.every(({status}) => status === 0 || status === 5));
  for (const store of [hub, one, two]) mustRun(store, 'fsck');
});

test('a transfer that is killed shows nothing, damages nothing, and is done by running it again', async t => {
  const {hub, one, two} = stores(t);
  const random = randomNumbers(5);
  for (let i = 0; i < 60; i++) writeFileSync(join(one, `large${i}`), randomBytes(i, 400_000));
  mustRun(one, 'commit', '-m', 'large');
  for (const [store, command] of [
    [one, 'push'],
    [two, 'pull'],
  ] as const) {
    const before = json<{id: string}[]>(hub, 'log')[0]?.id;
    for (let kills = 0; kills < 4; kills++) {
      const child = start(store, [command]);
      const timer = setTimeout(() => child.kill('SIGKILL'), 150 + random() * 500);
      const {status} = await outcome(child);
      clearTimeout(timer);
      if (status === null && command === 'push')
        t.true([before, head(one)].includes(json<{id: string}[]>(hub, 'log')[0]?.id));
    }
    mustRun(store, command);
    for (const each of [hub, store]) mustRun(each, 'fsck');
  }
  t.is(head(two), head(one));
  t.true(json<{clean: boolean}>(two, 'status').clean);
});

test('a clone of some depth has that much of history, takes part as others do, and is made whole', t => {
  const {root, one, two} = stores(t);
  for (const name of ['a', 'b', 'c']) record(one, name, `${name}\n`);
  mustRun(one, 'push');
  const cloned = json<{shallow: boolean}>(root, 'clone', '--depth', '2', 'hub', 'short');
  t.true(cloned.shallow);
  const short = join(root, 'short');
  t.is(readFileSync(join(short, 'a'), 'utf8'), 'a\n');
  const log = json<{id: string; parents: string[]; shallow?: boolean}[]>(short, 'log');
  t.deepEqual(
    log.map(({parents, shallow}) => [parents.length, shallow]),
    [
      [1, undefined],
      [0, true],
    ],
  );
  t.regex(mustRun(short, 'log', '--oneline'), /^\w+ \(HEAD.*\) change c\n\w+ \(shallow\) change b\n$/);
  t.regex(mustRun(short, 'show', 'HEAD~'), /^commit \w+ \(shallow\)\n/);
  t.deepEqual(fails(short, 'show', 'HEAD~2'), {status: 4, code: 'REVISION_UNKNOWN'});
  const count = 'SELECT (SELECT count(*) FROM commits) AS c, (SELECT count(*) FROM commit_parents) AS p';
  t.deepEqual(json(short, 'query', count, '--format', 'json'), [{c: 2, p: 1}]);
  record(short, 'd', 'd\n');
  mustRun(short, 'push');
  mustRun(two, 'pull');
  t.is(head(two), head(short));
  mustRun(root, 'clone', 'short', 'shorter');
  t.true(mustRun(join(root, 'shorter'), 'log', '--oneline').includes('(shallow)'));
  t.deepEqual(fails(two, 'fetch', '--depth', '0'), {status: 2, code: 'USAGE'});
  t.false(json<{shallow: boolean}>(short, 'fetch', '--unshallow').shallow);
  t.is(json<unknown[]>(short, 'log').length, 5);
  for (const store of [short, join(root, 'shorter')])
    t.deepEqual(json<{problems: unknown[]}>(store, 'fsck').problems, []);
});
