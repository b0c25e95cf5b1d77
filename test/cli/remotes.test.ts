/** What those who come from git do with remotes: listing, renaming, URLs in place of names, and dry runs. */
import {existsSync, mkdirSync, readFileSync, writeFileSync} from 'node:fs';
import {join} from 'node:path';
import test, {type ExecutionContext} from 'ava';
import {makeTmpDir} from '../support/tmp.js';
import {makeStore, Store} from './store.js';

/** A store with a tagged commit and a branch, a bare clone of it, and a clone of that. */
interface Stores {
  readonly root: string;
  readonly hub: Store;
  readonly one: Store;
}

function stores(t: ExecutionContext): Stores {
  const root = makeTmpDir(t);
  const [first, hub, one] = ['first', 'hub', 'one'].map(name => new Store(join(root, name))) as [Store, Store, Store];
  mkdirSync(first.directory);
  first.run('init');
  first.commit({shared: 'text\n'}, 'first');
  first.run('branch', 'side');
  const outer = new Store(root);
  outer.run('clone', '--bare', 'first', 'hub');
  outer.run('clone', 'hub', 'one');
  return {root, hub, one};
}

/** Returns the error that a command prints for people. */
function told(store: Store, ...args: string[]): string {
  return store.try(...args).stderr;
}

test('remote alone lists the remotes, with -v their URLs', t => {
  const {root, one} = stores(t);
  one.run('remote', 'add', 'mirror', 'https://example.org/project');
  one.run('bundle', 'create', '../all.car', '--all');
  one.run('remote', 'add', 'stick', '../all.car');
  t.is(one.run('remote'), 'mirror\norigin\nstick\n');
  t.deepEqual(one.lines('remote', '-v'), [
    'mirror\thttps://example.org/project (fetch)',
    'mirror\thttps://example.org/project (push)',
    `origin\t${join(root, 'hub')} (fetch)`,
    `origin\t${join(root, 'hub')} (push)`,
    `stick\t${join(root, 'all.car')} (fetch)`,
  ]);
  t.deepEqual(one.json('remote'), one.json('remote', 'ls'));
  t.deepEqual(one.json('remote', '-v'), one.json('remote', 'ls'));
  t.is(makeStore(t).run('remote'), '');
});

test('a word behind remote that is no command of it is refused, with the one that was meant', t => {
  const {one} = stores(t);
  t.deepEqual(one.failure('remote', 'remove', 'origin'), [2, 'USAGE']);
  t.regex(told(one, 'remote', 'remove', 'origin'), /dbos remote rm NAME/);
  t.regex(told(one, 'remote', 'renam', 'a', 'b'), /Did you mean 'remote rename'\?/);
  t.regex(told(one, 'remote', 'get-url', 'origin'), /dbos remote show NAME/);
  t.regex(told(one, 'remote', 'prune', 'origin'), /dbos fetch --prune NAME/);
  t.regex(told(one, 'remote', '-x'), /Unknown flag/);
  t.is(one.run('remote'), 'origin\n');
});

test('clone -b takes a tag, at which HEAD is on no branch then: whole, shallow, bare and from a bundle', t => {
  const root = makeTmpDir(t);
  const outer = new Store(root);
  const store = new Store(join(root, 'project'));
  mkdirSync(store.directory);
  store.run('init');
  store.commit({f: '1'}, 'one');
  const tagged = store.commit({f: '2'}, 'two');
  store.run('tag', 'v1', '-m', 'annotated');
  store.run('tag', 'light');
  store.commit({f: '3'}, 'three');
  store.run('bundle', 'create', '../all.car', '--all');
  store.run('bundle', 'create', '../tag.car', 'v1');
  const ways: readonly (readonly [tag: string, from: string, ...flags: string[]])[] = [
    ['v1', 'project'],
    ['light', 'project'],
    ['v1', 'project', '--depth', '1'],
    ['light', 'project', '--depth', '1'],
    ['v1', 'all.car'],
    ['light', 'all.car'],
    ['v1', 'tag.car'],
    ['v1', 'project', '--bare'],
  ];
  for (const [at, [tag, from, ...flags]] of ways.entries()) {
    const cloned = outer.json<{branch: null; head: string}>('clone', '-b', tag, ...flags, from, `copy${at}`);
    t.like(cloned, {branch: null, head: tagged}, `${at}`);
    const copy = new Store(join(root, `copy${at}`));
    t.is(copy.json<{id: string}[]>('log')[0]?.id, tagged);
    t.is(copy.json<unknown[]>('log').length, flags.includes('--depth') ? 1 : 2);
    copy.run('fsck');
    if (flags.includes('--bare')) continue;
    t.is(copy.read('f'), '2');
    t.like(copy.json('status'), {branch: null, clean: true});
    t.deepEqual(copy.json('branch'), []);
  }
  t.regex(
    told(outer, 'clone', '-b', 'light', 'project', 'told'),
    /at light.*\n.*HEAD is on no branch; `dbos switch -c/,
  );
  // what comes later comes as in any other clone
  const shallow = new Store(join(root, 'copy2'));
  store.commit({f: '4'}, 'four');
  shallow.run('fetch');
  t.is(shallow.run('cat', 'f', '--at', 'origin/main'), '4');
  shallow.run('fetch', '--unshallow');
  t.is(shallow.json<unknown[]>('log', 'origin/main').length, 4);
  shallow.run('fsck');
});

test('clone -b prefers a branch, and knows near names of branches and tags', t => {
  const {root, hub, one} = stores(t);
  one.run('switch', '-q', '-c', 'both');
  one.commit({shared: 'branch\n'}, 'of the branch');
  one.run('tag', 'both', 'main');
  one.run('tag', 'release-1');
  one.run('push', 'origin', 'both');
  const outer = new Store(root);
  t.like(outer.json('clone', '-b', 'both', 'one', 'copy'), {branch: 'both'});
  t.is(new Store(join(root, 'copy')).read('shared'), 'branch\n');
  t.deepEqual(outer.failure('clone', '-b', 'relaese-1', 'one', 'no'), [4, 'REMOTE_REF_UNKNOWN']);
  t.regex(told(outer, 'clone', '-b', 'relaese-1', 'one', 'no'), /Did you mean 'release-1'\?/);
  t.regex(told(outer, 'clone', '-b', 'sid', hub.directory, 'no'), /Did you mean 'side'\?/);
  t.regex(told(outer, 'clone', '-b', 'qqqqqq', 'one', 'no'), /Name one that it has/);
  t.deepEqual(outer.failure('clone', '-b', '', 'one', 'no'), [2, 'REF_NAME_INVALID']);
  t.false(existsSync(join(root, 'no')));
});

interface Fetched {
  readonly remote: string | null;
  readonly url?: string;
  readonly updates: readonly {readonly ref: string; readonly before: string | null; readonly after: string | null}[];
}

function newest(store: Store, revision: string): string | undefined {
  return store.json<{id: string}[]>('log', '-n', '1', revision)[0]?.id;
}

test('a fetch from a URL brings branches and tags as FETCH_HEAD, without a remote', t => {
  const {root, hub, one} = stores(t);
  const first = newest(one, 'main');
  one.run('switch', '-c', 'topic');
  const topic = one.commit({new: 'n\n'}, 'topic');
  one.run('tag', 'v1', '-m', 'annotated');
  const two = new Store(join(root, 'two'));
  new Store(root).run('clone', 'hub', 'two');
  two.run('remote', 'rm', 'origin');
  t.deepEqual(two.failure('log', 'FETCH_HEAD'), [4, 'REVISION_UNKNOWN']);
  t.regex(told(two, 'log', 'FETCH_HEAD'), /hint: Fetch one with `dbos fetch URL BRANCH`/);

  const fetched = two.json<Fetched>('fetch', '../one', 'topic');
  t.is(fetched.remote, null);
  t.is(fetched.url, one.directory);
  t.deepEqual(fetched.updates, [{ref: 'remotes/FETCH_HEAD/topic', before: null, after: topic}]);
  t.is(newest(two, 'FETCH_HEAD'), topic);
  t.is(newest(two, 'FETCH_HEAD/topic'), topic);
  t.is(newest(two, 'FETCH_HEAD~'), first);
  t.is(newest(two, 'FETCH_HEAD@{0}'), topic);
  t.regex(two.run('diff', 'HEAD', 'FETCH_HEAD'), /\+n\n/);
  t.is(two.run('remote'), '');
  t.deepEqual(two.json('branch', '-r'), []);
  // only what was asked for: no tag came
  t.deepEqual(two.json('tag'), []);
  two.run('fsck');

  // the next one takes its place, and undo brings it back
  t.regex(two.run('fetch', '../one', 'main', 'v1'), /^FETCH_HEAD\/main {2}new, \w+\nFETCH_HEAD\/v1 {2}new, \w+\n$/);
  t.is(newest(two, 'FETCH_HEAD/v1'), topic);
  t.deepEqual(two.failure('log', 'FETCH_HEAD'), [1, 'REVISION_AMBIGUOUS']);
  t.regex(told(two, 'log', 'FETCH_HEAD'), /Name one of them: FETCH_HEAD\/main, FETCH_HEAD\/v1\./);
  t.is(two.try('log', 'FETCH_HEAD/topic').status, 4);
  two.run('undo');
  t.is(newest(two, 'FETCH_HEAD'), topic);

  // without a branch it is the current one, also of a bundle or a server's folder named by a word alone
  one.run('bundle', 'create', '../topic.car', 'topic');
  const outer = new Store(root);
  outer.run('init');
  outer.run('fetch', 'topic.car', 'topic');
  t.is(newest(outer, 'FETCH_HEAD'), topic);
  outer.run('fetch', 'one');
  t.is(newest(outer, 'FETCH_HEAD'), topic);
  outer.run('fetch', `file://${hub.directory}`);
  t.is(newest(outer, 'FETCH_HEAD'), first);
  outer.run('remote', 'add', 'one', 'hub');
  t.is(outer.json<Fetched>('fetch', 'one').remote, 'one');

  // everything that takes a revision takes it
  two.run('merge', 'FETCH_HEAD');
  t.is(two.read('new'), 'n\n');
  two.run('switch', '-c', 'mine', 'FETCH_HEAD');
  t.deepEqual(two.json<Fetched>('fetch', '../one', 'topic').updates, []);
  two.run('fsck');
});

test('what a fetch from a URL cannot do is refused, and nothing changes', t => {
  const {root, one} = stores(t);
  const before = one.json<unknown[]>('op', 'log').length;
  t.deepEqual(one.failure('fetch', '../hub', 'sdie'), [4, 'REMOTE_REF_UNKNOWN']);
  t.regex(told(one, 'fetch', '../hub', 'sdie'), /Did you mean 'side'\?/);
  t.deepEqual(one.failure('fetch', '../hub', 'main', 'no'), [4, 'REMOTE_REF_UNKNOWN']);
  t.deepEqual(one.failure('fetch', '../hub', 'a b'), [2, 'REF_NAME_INVALID']);
  t.deepEqual(one.failure('fetch', '../nowhere'), [1, 'STORE_NOT_FOUND']);
  t.deepEqual(one.failure('fetch', '.'), [2, 'USAGE']);
  t.deepEqual(one.failure('fetch', 'https://user:secret@example.org/x'), [2, 'REMOTE_URL_SECRET']);
  t.deepEqual(one.failure('fetch', '../hub', '--prune'), [2, 'USAGE']);
  t.deepEqual(one.failure('fetch', '../hub', '--all'), [2, 'USAGE']);
  t.deepEqual(one.failure('fetch', '../hub', '-'), [2, 'USAGE']);
  t.deepEqual(one.failure('fetch', '../hub', 'main', '-'), [2, 'USAGE']);
  t.deepEqual(one.failure('fetch', 'nowhere', 'main'), [4, 'REMOTE_UNKNOWN']);
  t.deepEqual(one.failure('fetch', ''), [4, 'REMOTE_UNKNOWN']);
  t.deepEqual(one.failure('fetch', 'origin', 'main'), [2, 'USAGE']);
  t.regex(told(one, 'fetch', 'origin', 'main'), /All branches of a remote come at once: leave out main/);
  t.deepEqual(one.failure('remote', 'add', 'FETCH_HEAD', '../hub'), [2, 'REF_NAME_INVALID']);
  const empty = new Store(join(root, 'empty'));
  mkdirSync(empty.directory);
  empty.run('init');
  t.deepEqual(one.failure('fetch', '../empty'), [4, 'REMOTE_REF_UNKNOWN']);
  t.is(one.json<unknown[]>('op', 'log').length, before);
});

test('remote rename moves refs, upstreams and the URL in one operation, and undo takes it back', t => {
  const {root, one} = stores(t);
  one.run('switch', 'side');
  const before = one.json<unknown[]>('op', 'log').length;
  const seen = newest(one, 'origin/main');
  const remotes = (name: string) => [{name, url: join(root, 'hub')}];
  const followed = () => one.json<{tracking: {upstream: string}}>('status').tracking.upstream;
  t.like(one.json('remote', 'rename', 'origin', 'upstream'), {from: 'origin', ...remotes('upstream')[0]});
  t.is(one.json<unknown[]>('op', 'log').length, before + 1);
  t.deepEqual(one.json('remote'), remotes('upstream'));
  t.is(newest(one, 'upstream/main'), seen);
  t.is(one.try('log', 'origin/main').status, 4);
  t.is(followed(), 'upstream/side');
  one.commit({more: 'm\n'}, 'more');
  t.regex(told(one, 'push'), /^Pushed to upstream: /);
  one.run('undo');
  one.run('undo');
  one.run('undo');
  t.deepEqual(one.json('remote'), remotes('origin'));
  t.is(newest(one, 'origin/main'), seen);
  t.is(one.try('log', 'upstream/main').status, 4);
  t.is(followed(), 'origin/side');
  one.run('redo');
  t.deepEqual(one.json('remote'), remotes('upstream'));
  t.is(followed(), 'upstream/side');
  one.run('op', 'restore', '@~1');
  t.deepEqual(one.json('remote'), remotes('origin'));
  t.is(one.try('log', 'upstream/main').status, 4);
  one.run('fsck');
  one.run('audit', 'verify');
});

test('a rename that cannot be, or cannot be taken back, is refused and changes nothing', t => {
  const {one} = stores(t);
  one.run('remote', 'add', 'other', '../other');
  const before = one.json('op', 'log');
  t.deepEqual(one.failure('remote', 'rename', 'orign', 'x'), [4, 'REMOTE_UNKNOWN']);
  t.regex(told(one, 'remote', 'rename', 'orign', 'x'), /Did you mean 'origin'\?/);
  t.deepEqual(one.failure('remote', 'rename', 'origin', 'other'), [1, 'REMOTE_EXISTS']);
  t.deepEqual(one.failure('remote', 'rename', 'origin', 'origin'), [1, 'REMOTE_EXISTS']);
  t.deepEqual(one.failure('remote', 'rename', 'origin', 'a/b'), [2, 'REF_NAME_INVALID']);
  t.deepEqual(one.failure('remote', 'rename', 'origin', ''), [2, 'REF_NAME_INVALID']);
  t.deepEqual(one.failure('remote', 'rename', 'origin', 'FETCH_HEAD'), [2, 'REF_NAME_INVALID']);
  t.deepEqual(one.failure('remote', 'rename', 'origin', 'x'.repeat(254)), [2, 'REF_NAME_INVALID']);
  t.deepEqual(one.failure('remote', 'rename', 'origin'), [2, 'USAGE']);
  t.deepEqual(one.json('op', 'log'), before);
  one.run('remote', 'rename', 'origin', 'upstream');
  one.run('remote', 'rename', 'other', 'origin');
  one.run('undo');
  one.run('remote', 'add', 'origin', '../new');
  t.deepEqual(one.failure('undo'), [1, 'REMOTE_EXISTS']);
  t.is(one.run('remote'), 'origin\nother\nupstream\n');
  one.run('log', 'upstream/main');
  one.run('remote', 'rm', 'origin');
  one.run('undo');
  t.is(one.run('remote'), 'origin\nother\n');
  t.regex(told(one, 'remote', 'mv', 'a', 'b'), /dbos remote rename OLD NEW/);
});

interface Preview {
  readonly updates: readonly {readonly ref: string; readonly refused: string | null}[];
  readonly error?: {readonly code: string; readonly data: Preview};
}

test('push --dry-run tells what a push would do with its exit status, and changes nothing anywhere', t => {
  const {root, hub, one} = stores(t);
  const two = new Store(join(root, 'two'));
  new Store(root).run('clone', 'hub', 'two');
  two.commit({shared: 'two\n'}, 'of two');
  two.run('tag', 'v1');
  two.run('push', 'origin', 'main', 'v1');
  one.commit({shared: 'one\n'}, 'of one');
  one.run('switch', '-c', 'topic');
  one.commit({new: 'n\n'}, 'topic');
  one.run('tag', 'v1');
  const tree = new Store(join(root, 'tree'));
  new Store(root).run('clone', 'hub', 'tree');
  one.run('remote', 'add', 'tree', '../tree');
  one.run('bundle', 'create', '../all.car', '--all');
  one.run('remote', 'add', 'car', '../all.car');
  const logs = () => [hub, one, tree].map(store => store.json('op', 'log'));

  t.regex(one.run('push', '-n'), /^topic {2}new, \w+\n$/);
  t.regex(told(one, 'push', '-n', '-u', 'origin', 'topic'), /^Would push to origin: \d+ objects\.\ntopic would follow/);
  one.run('branch', 'side', 'origin/side');
  t.is(told(one, 'push', '-n', 'origin', 'side'), 'origin has it already.\n');
  one.run('branch', '-D', 'side');
  t.regex(one.try('push', '-n', '--all', '--tags', 'origin').stdout, /^main .*refused: 'main' of origin has commits/m);
  const mixed = JSON.parse(one.try('push', '-n', '--all', '--tags', '--json', 'origin').stdout) as Preview;
  t.deepEqual(
    mixed.error?.data.updates.map(({ref, refused}) => [ref, refused]),
    [
      ['branches/main', 'NOT_FAST_FORWARD'],
      ['branches/topic', null],
      ['tags/v1', 'NOT_FAST_FORWARD'],
    ],
  );

  // each is refused or not as the push itself, which undo takes back here and there
  const cases: readonly (readonly [code: string | undefined, ...args: string[]])[] = [
    ['NOT_FAST_FORWARD', 'origin', 'main'],
    ['NOT_FAST_FORWARD', 'origin', 'topic', 'v1'],
    ['NOT_FAST_FORWARD', '--force-with-lease', 'origin', 'main'],
    ['REMOTE_REF_UNKNOWN', '--delete', 'origin', 'nothing'],
    ['BRANCH_CURRENT', '--delete', 'tree', 'main'],
    ['REMOTE_UNKNOWN', 'nowhere'],
    ['BRANCH_UNKNOWN', 'origin', 'nothing'],
    ['READ_ONLY', 'car', 'topic'],
    [undefined, '--delete', 'origin', 'side'],
    [undefined, '-u', 'origin', 'topic'],
    [undefined, '--force-with-lease', 'origin', 'v1'],
  ];
  one.run('fetch', 'tree');
  for (const [code, ...args] of cases) {
    const before = logs();
    const upstreams = one.json('branch', '-v');
    const preview = one.try('push', '--json', '--dry-run', ...args);
    t.deepEqual(logs(), before, args.join(' '));
    t.deepEqual(one.json('branch', '-v'), upstreams);
    const pushed = one.try('push', '--json', ...args);
    t.is(preview.status, pushed.status, `${args.join(' ')}: ${preview.stdout} ${pushed.stdout}`);
    const [foretold, real] = [preview, pushed].map(({stdout}) => JSON.parse(stdout) as Preview) as [Preview, Preview];
    t.is(foretold.error?.code, code, args.join(' '));
    t.is(real.error?.code, code, args.join(' '));
    if (code === undefined)
      t.deepEqual(
        foretold.updates.map(({refused: _, ...update}) => update),
        [...real.updates] as never,
      );
  }

  // files in the way, in the work tree of a store on this machine
  one.run('switch', 'topic');
  one.run('merge', 'origin/main', '--prefer', 'ours');
  one.run('fetch');
  one.run('merge', 'origin/main', '--prefer', 'ours');
  one.run('branch', '-D', 'main');
  one.run('branch', 'main');
  t.is(one.try('push', '-n', 'tree', 'main').status, 0);
  tree.write({new: 'mine\n'});
  for (const flags of [['-n'], []]) {
    t.deepEqual(one.failure('push', ...flags, 'tree', 'main'), [6, 'WOULD_OVERWRITE']);
    t.is(tree.read('new'), 'mine\n');
  }
  const shallow = new Store(join(root, 'shallow'));
  const empty = new Store(join(root, 'empty'));
  new Store(root).run('clone', '--depth', '1', 'two', 'shallow');
  mkdirSync(empty.directory);
  empty.run('init', '--bare');
  shallow.run('remote', 'add', 'empty', '../empty');
  for (const flags of [['-n'], []])
    t.deepEqual(shallow.failure('push', ...flags, 'empty', 'main'), [1, 'STORE_SHALLOW']);
});

test('a rename that was killed before the settings were written is completed by running it again', t => {
  const {one} = stores(t);
  const config = join(one.directory, '.dbos', 'config.json');
  const before = readFileSync(config);
  const seen = newest(one, 'origin/main');
  one.run('remote', 'rename', 'origin', 'upstream');
  const after = readFileSync(config);
  writeFileSync(config, before);
  one.run('log', 'upstream/main');
  one.run('remote', 'rename', 'origin', 'upstream');
  t.deepEqual(readFileSync(config), after);
  t.is(newest(one, 'upstream/main'), seen);
  one.run('fsck');
});
