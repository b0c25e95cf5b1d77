/** What a store shows and takes by rights: the rest of it cannot be seen, guessed or named. */
import test, {type ExecutionContext} from 'ava';
import fc from 'fast-check';
import {DbosError} from '../../src/errors.js';
import {idOf, type ObjectId} from '../../src/objects/id.js';
import {MemoryObjects} from '../../src/objects/memory.js';
import {OverlayObjects} from '../../src/objects/overlay.js';
import {createBranch} from '../../src/repo/branches.js';
import {readCommit, writeCommit} from '../../src/repo/commit.js';
import {branchName, branchRef, changeRefs, findRef, type RefName, tagRef} from '../../src/repo/refs.js';
import type {Repository} from '../../src/repo/repository.js';
import {writeTag} from '../../src/repo/tag.js';
import {createTag, listTags} from '../../src/repo/tags.js';
import {editFiles, FILES_TABLE, type FileRow, filesTable, findFile} from '../../src/state/files.js';
import {readState, writeState} from '../../src/state/state.js';
import {readTable, writeTable} from '../../src/state/table.js';
import {BranchPatterns} from '../../src/sync/branch-patterns.js';
import {fetchRemote} from '../../src/sync/fetch.js';
import {listMissing} from '../../src/sync/missing.js';
import {type Parcel, packObjects} from '../../src/sync/parcel.js';
import type {PeerEdit} from '../../src/sync/peer.js';
import {bringIn} from '../../src/sync/pull.js';
import {previewPush, pushRemote} from '../../src/sync/push.js';
import type {Rights, Role} from '../../src/sync/rights.js';
import {accessTo} from '../../src/sync/store-access.js';
import {StorePeer} from '../../src/sync/store-peer.js';
import {TokenBook} from '../../src/sync/token-book.js';
import {createToken, revokeToken} from '../../src/sync/tokens.js';
import {VisiblePart} from '../../src/sync/visible.js';
import {commitContent, commitFiles, type Files, moveHead, START, whole, writeGraph} from '../support/repo.js';
import {bareStore, codeOf, mustBeSound, ORIGIN, sql} from '../support/sync.js';

const TEAM = branchRef(branchName('team/a'));
const KEY = 'a'.repeat(32);

function rights(role: Role, ...patterns: string[]): Rights {
  return {name: 'ci', role, branches: patterns.length === 0 ? undefined : new BranchPatterns(patterns)};
}

function peerOf(repo: Repository, role: Role, ...patterns: string[]): StorePeer {
  return new StorePeer(accessTo(repo), {rights: rights(role, ...patterns)});
}

/** A store with a hidden part, which begins after a commit that a team's branch holds. */
interface World {
  readonly repo: Repository;
  readonly shown: ObjectId;
  readonly hidden: ObjectId;
  readonly tag: ObjectId;
  readonly state: ObjectId;
  readonly table: ObjectId;
  readonly node: ObjectId;
  readonly blob: ObjectId;
}

async function makeWorld(t: ExecutionContext, secret: string): Promise<World> {
  const repo = await bareStore(t);
  const shown = await commitFiles(repo, {shared: 'text of all'});
  await createBranch(repo, 'team/a', shown);
  await createTag(repo, 'shown', shown, {message: 'for all'});
  await sql(
    repo,
    'CREATE TABLE t (id INTEGER PRIMARY KEY, v TEXT)',
    `INSERT INTO t SELECT value, '${secret}' || value FROM generate_series(1, 300)`,
    `INSERT INTO files (path, content) VALUES ('secret', '${secret.repeat(50)}')`,
  );
  const hidden = repo.head().commit as ObjectId;
  await createTag(repo, 'hidden', hidden, {message: 'not for all'});
  await createTag(repo, 'light', hidden);
  const [tag] = [...listTags(repo)].filter(({name}) => name === 'hidden');
  const {state} = readCommit(repo.objects, hidden);
  const tables = readState(repo.objects, state);
  const table = tables.get('t') as ObjectId;
  const files = readTable(repo.objects, tables.get(FILES_TABLE) as ObjectId).root;
  return {
    repo,
    shown,
    hidden,
    tag: findRef(repo.objects, repo.view.refs, tagRef(tag?.name ?? '')) as ObjectId,
    state,
    table,
    node: readTable(repo.objects, table).root as ObjectId,
    blob: findFile(repo.objects, files, 'secret')?.content?.id as ObjectId,
  };
}

/** What an error tells. */
async function told(work: Promise<unknown>): Promise<unknown> {
  const error = await work.then(
    () => undefined,
    (reason: unknown) => reason,
  );
  if (!(error instanceof DbosError)) throw new Error(`no error, or another: ${error}`);
  const {code, message, hint, data, cause} = error;
  return {code, message, hint, data, cause: String(cause)};
}

test('only branches that match are shown, and the tags of their commits', async t => {
  const {repo, shown, hidden, tag, state, blob} = await makeWorld(t, 'x');
  const peer = peerOf(repo, 'admin', 'team/*');
  const refs = await peer.refs();
  t.deepEqual([...refs.refs.keys()], [TEAM, tagRef('shown')]);
  t.like(refs, {head: undefined, partial: true});
  t.deepEqual(await peer.has([shown, hidden, tag, state, blob, idOf(Buffer.from('?'))]), [
    true,
    ...Array(5).fill(false),
  ]);
  const all = await peerOf(repo, 'read').refs();
  t.is(all.refs.size, 5);
  t.like(all, {head: 'main', partial: undefined});
  t.is((await peerOf(repo, 'read', 'main').refs()).head, branchName('main'));
  // what is merged into a visible branch is visible from then on
  await repo.begin().publish({kind: 'normal', refs: [{name: TEAM, expected: {kind: 'any'}, next: hidden}]});
  t.is((await peer.refs()).refs.size, 4);
  t.deepEqual(await peer.has([hidden]), [true]);
});

test('law: what is visible is what the visible branches reach', async t => {
  const node = fc.array(fc.nat(100), {maxLength: 3});
  const ref = fc.tuple(fc.nat(100), fc.boolean());
  await fc.assert(
    fc.asyncProperty(
      fc.array(node, {minLength: 1, maxLength: 14}),
      fc.array(ref, {maxLength: 4}),
      async (nodes, refs) => {
        const parentsOf = new Map<string, string[]>();
        for (const [i, parents] of nodes.entries()) {
          parentsOf.set(`${i}`, i === 0 ? [] : [...new Set(parents.map(each => `${each % i}`))]);
        }
        const objects = new MemoryObjects();
        const ids = writeGraph(objects, Object.fromEntries(parentsOf));
        const names = Object.keys(ids);
        const branches = refs.map(([at, open], i) => ({
          name: `branches/${open ? 'open' : 'closed'}/${i}` as RefName,
          at: names[at % names.length] as string,
        }));
        const tags = names.map(at => ({name: `tags/${at}` as RefName, at}));
        const changes = [...branches, ...tags].map(({name, at}) => ({name, before: null, after: ids[at] as ObjectId}));
        const view = {refs: changeRefs(objects, null, changes)};
        const repo = {...whole(objects), view, head: () => ({branch: branchName('open/0')})} as unknown as Repository;
        const part = await VisiblePart.of(repo, rights('read', 'open/*'));
        const expected = new Set<string>();
        const add = (at: string): void => {
          if (expected.has(at)) return;
          expected.add(at);
          for (const parent of parentsOf.get(at) ?? []) add(parent);
        };
        for (const {name, at} of branches) if (name.startsWith('branches/open/')) add(at);
        const shown = [...part.refs.refs.keys()].filter(name => name.startsWith('tags/')).sort();
        t.deepEqual(shown, [...expected].map(at => `tags/${at}`).sort());
        for (const at of names) t.is(await part.has(objects, ids[at] as ObjectId), expected.has(at));
      },
    ),
    {numRuns: 200, seed: 5},
  );
});

test('who asks for what is hidden hears the same as for what is not there', async t => {
  const {repo, shown, ...hidden} = await makeWorld(t, 'x');
  const peer = peerOf(repo, 'read', 'team/*');
  const nothing = await told(peer.fetch({wants: [idOf(Buffer.from('?'))], common: []}));
  t.like(nothing, {code: 'REMOTE_REF_UNKNOWN'});
  const {hidden: commit, tag, state, table, node, blob} = hidden;
  for (const id of [commit, tag, state, table, node, blob]) {
    t.deepEqual(await told(peer.fetch({wants: [id], common: []})), nothing);
    t.deepEqual(await told(peer.fetch({wants: [shown], common: [id]})), nothing);
  }
  // what a visible commit reaches cannot be asked for by itself either
  const {state: inner} = readCommit(repo.objects, shown);
  t.deepEqual(await told(peer.fetch({wants: [inner], common: []})), nothing);
  const tag2 = findRef(repo.objects, repo.view.refs, tagRef('shown')) as ObjectId;
  t.true((await peer.fetch({wants: [shown, tag2], common: []})).total > 4);
});

/** Objects that somebody makes on top of what a store has. */
class Forgery extends OverlayObjects {
  readonly made: ObjectId[] = [];

  override put(bytes: Uint8Array): ObjectId {
    const id = super.put(bytes);
    this.made.push(id);
    return id;
  }

  *parcels(): Generator<Parcel> {
    const kind = (id: ObjectId) => ((this.read(id)[0] as number) >= 0x90 ? 'structure' : 'blob');
    yield* packObjects(
      this,
      this.made.map(id => ({id, kind: kind(id)})),
      0,
    );
  }
}

/** Ways to get at something by naming it in objects of one's own; each returns what the branch is to hold. */
const ATTACKS: Readonly<Record<string, (own: Forgery, world: World) => ObjectId>> = {
  'the commit itself': (_own, {hidden}) => hidden,
  'its state': (own, {shown, state}) => commit(own, state, [shown]),
  'its state, without history': (own, {state}) => commit(own, state, []),
  'as a parent': (own, {shown, hidden}) => commit(own, readCommit(own, shown).state, [hidden]),
  'as the second parent': (own, {shown, hidden}) => commit(own, readCommit(own, shown).state, [shown, hidden]),
  'by a tag': (own, {hidden}) => {
    const tagger = {name: 'Eve', email: 'eve@example.org', time: START, zone: 0};
    return writeTag(own, {target: hidden, name: 'x', tagger, message: 'x'});
  },
  'its table': (own, {shown, table}) => {
    const tables = readState(own, readCommit(own, shown).state);
    return commit(own, writeState(own, new Map([...tables, ['t', table]])), [shown]);
  },
  'the rows of its table': (own, {shown, table}) => {
    const tables = readState(own, readCommit(own, shown).state);
    own.put(own.read(table));
    return commit(own, writeState(own, new Map([...tables, ['t', table]])), [shown]);
  },
  'its file': (own, world) => commit(own, fileState(own, world), [world.shown]),
  'a state in place of a parent': (own, {shown, state}) => confused(own, shown, state),
  'a blob in place of a parent': (own, {shown, blob}) => confused(own, shown, blob),
  'a blob in place of a table': (own, {shown, blob}) => commit(own, writeState(own, new Map([['t', blob]])), [shown]),
  'a node in place of a state': (own, {shown, node}) => commit(own, node, [shown]),
};

function commit(own: Forgery, state: ObjectId, parents: readonly ObjectId[]): ObjectId {
  return writeCommit(own, commitContent(state, parents, 'mine', START));
}

/** Returns a state with a file whose body is the hidden one. */
function fileState(own: Forgery, {repo, shown, hidden}: World): ObjectId {
  const {objects} = repo;
  const [here, there] = [shown, hidden].map(id => {
    const table = readState(objects, readCommit(objects, id).state).get(FILES_TABLE) as ObjectId;
    return readTable(objects, table).root;
  });
  const file = findFile(objects, there ?? null, 'secret') as FileRow;
  const root = editFiles(own, here ?? null, [{path: 'mine', file: {...file, path: 'mine'}}]);
  return writeState(own, new Map([[FILES_TABLE, writeTable(own, filesTable(own, root))]]));
}

/** Returns a commit with something else as its parent. */
function confused(own: Forgery, shown: ObjectId, parent: ObjectId): ObjectId {
  const bytes = Buffer.from(own.read(commit(own, readCommit(own, shown).state, [shown])));
  own.made.pop();
  const at = bytes.indexOf(Buffer.from(shown, 'latin1'));
  Buffer.from(parent, 'latin1').copy(bytes, at);
  return own.put(bytes);
}

async function* stream(parcels: Iterable<Parcel>, end?: Error): AsyncGenerator<Parcel> {
  yield* parcels;
  if (end) throw end;
}

test('nothing hidden is got, or found to be there, by pushing objects that name it', async t => {
  // two worlds that differ in what is hidden: what is named is here in the one and nowhere in the other
  const [here, elsewhere] = [await makeWorld(t, 'x'), await makeWorld(t, 'y')];
  t.is(here.shown, elsewhere.shown);
  const {repo} = here;
  const operation = repo.operation.id;
  for (const [way, attack] of Object.entries(ATTACKS)) {
    const outcomes: unknown[] = [];
    for (const world of [here, elsewhere]) {
      const peer = new StorePeer(accessTo(repo), {rights: rights('admin', 'team/*'), flushBytes: 1});
      const own = new Forgery(world.repo.objects);
      const next = attack(own, world);
      const edits: PeerEdit[] = [{name: TEAM, expected: here.shown, next}];
      const request = {key: KEY, skipped: 0, edits};
      const cut = await told(peer.push(request, stream(own.parcels(), new DbosError('STORE_IO', 'The line is cut.'))));
      const received = await peer.received(KEY);
      const went = await told(peer.push({...request, skipped: received?.count ?? 0}, stream([])));
      const again = await told(peer.push(request, stream(own.parcels())));
      const has = await peer.has([next, ...own.made]);
      outcomes.push({cut, count: received?.count, went, again, has, left: await peer.received(KEY)});
    }
    const [seen] = outcomes as [{again: {code: string}; has: boolean[]}];
    t.deepEqual(outcomes[0], outcomes[1], way);
    t.is(seen.again.code, 'TRANSFER_INVALID', way);
    t.false(seen.has.some(Boolean), way);
    t.is(repo.operation.id, operation, way);
  }
  // the same objects are taken from somebody who may see everything
  const own = new Forgery(repo.objects);
  const next = ATTACKS['its file']?.(own, here) as ObjectId;
  const edits: PeerEdit[] = [{name: TEAM, expected: here.shown, next}];
  await peerOf(repo, 'write').push({key: KEY, skipped: 0, edits}, stream(own.parcels()));
  await mustBeSound(repo);
});

test('one token does not go on with what another has sent', async t => {
  const {repo, shown} = await makeWorld(t, 'x');
  const own = new Forgery(repo.objects);
  const next = commit(own, readCommit(own, shown).state, [shown]);
  const edits: PeerEdit[] = [{name: TEAM, expected: shown, next}];
  const cut = stream(own.parcels(), new DbosError('STORE_IO', 'The line is cut.'));
  await t.throwsAsync(peerOf(repo, 'write', 'team/*').push({key: KEY, skipped: 0, edits}, cut), {message: /cut/});
  const other = new StorePeer(accessTo(repo), {rights: {...rights('write', 'team/*'), name: 'other'}});
  t.is(await other.received(KEY), undefined);
  t.like(await told(other.push({key: KEY, skipped: 1, edits}, stream([]))), {code: 'TRANSFER_INVALID'});
  const peer = peerOf(repo, 'write', 'team/*');
  t.like(await peer.received(KEY), {count: 1});
  await peer.push({key: KEY, skipped: 1, edits}, stream([]));
  t.is(findRef(repo.objects, repo.view.refs, TEAM), next);
  t.is(repo.operation.description, 'pushed here: team/a');
});

test('what a token sends while it is revoked moves nothing', async t => {
  const {repo, shown} = await makeWorld(t, 'x');
  const {text} = await createToken(repo, {name: 'ci', role: 'write'});
  const book = new TokenBook(repo.location.store, repo.context.now);
  const peer = new StorePeer(accessTo(repo), {rights: await book.rightsOf(text), confirm: () => book.rightsOf(text)});
  const push = (own: Forgery, expected: ObjectId, next: ObjectId, meanwhile = () => {}) => {
    const parcels = async function* () {
      yield* own.parcels();
      meanwhile();
    };
    return peer.push({key: KEY, skipped: 0, edits: [{name: TEAM, expected, next}]}, parcels());
  };
  const own = new Forgery(repo.objects);
  const {state} = readCommit(repo.objects, shown);
  const [one, two] = [commit(own, state, [shown]), commit(own, state, [shown, own.made[0] as ObjectId])];
  await push(own, shown, one);
  const revoked = push(own, one, two, () => void revokeToken(repo, 'ci'));
  t.like(await told(revoked), {code: 'TOKEN_INVALID'});
  t.is(findRef(repo.objects, repo.view.refs, TEAM), one);
});

test('roles and patterns are held before anything is read', async t => {
  const {repo, shown, hidden} = await makeWorld(t, 'x');
  const operation = repo.operation.id;
  const unread = (): AsyncIterable<Parcel> => ({
    [Symbol.asyncIterator]: () => ({next: () => Promise.reject(new Error('it was read'))}),
  });
  const refused = async (peer: StorePeer, edit: PeerEdit) =>
    told(peer.push({key: KEY, skipped: 0, edits: [edit]}, unread()));
  const writer = peerOf(repo, 'write', 'team/*');
  const main = branchRef(branchName('main'));
  const cases: [peer: StorePeer, edit: PeerEdit][] = [
    [peerOf(repo, 'read'), {name: TEAM, expected: shown, next: hidden}],
    [writer, {name: TEAM, expected: shown, next: null}],
    [writer, {name: tagRef('mine'), expected: null, next: hidden}],
    [peerOf(repo, 'admin', 'team/*'), {name: tagRef('hidden'), expected: hidden, next: null}],
  ];
  for (const [peer, edit] of cases) t.like(await refused(peer, edit), {code: 'ACCESS_DENIED'});
  // outside the patterns a branch that is there and one that is not are refused alike
  const [there, nowhere] = ['main', 'none'].map(name => branchRef(branchName(name)));
  for (const expected of [null, hidden]) {
    for (const next of [shown, null]) {
      const answers = [];
      for (const name of [there, nowhere] as RefName[]) answers.push(await refused(writer, {name, expected, next}));
      const [one, two] = answers.map(each => JSON.stringify(each).replaceAll(/main|none/g, 'NAME'));
      t.is(one, two);
    }
  }
  t.is(repo.operation.id, operation);
  // everything is visible, and yet nothing goes back
  const back: PeerEdit = {name: main, expected: hidden, next: shown};
  t.like(await told(peerOf(repo, 'write').push({key: KEY, skipped: 0, edits: [back]}, stream([]))), {
    code: 'ACCESS_DENIED',
  });
  t.is(repo.operation.id, operation);
  const late: PeerEdit = {name: main, expected: shown, next: shown};
  t.like(await told(peerOf(repo, 'write').push({key: KEY, skipped: 0, edits: [late]}, stream([]))), {
    code: 'NOT_FAST_FORWARD',
  });
  await peerOf(repo, 'admin').push({key: KEY, skipped: 0, edits: [back]}, stream([]));
  t.is(findRef(repo.objects, repo.view.refs, main), shown);
});

test('a push changes branches and tags, each once, and nothing else', async t => {
  const {repo, shown} = await makeWorld(t, 'x');
  const operation = repo.operation.id;
  const edit = (name: string): PeerEdit => ({name: name as RefName, expected: null, next: shown});
  const wrong = ['remotes/origin/main', 'transactions/T1', 'HEAD', 'branches/', 'branches/a b', '../x', ''];
  for (const edits of [...wrong.map(name => [edit(name)]), [edit('branches/x'), edit('branches/x')]]) {
    for (const peer of [StorePeer.of(repo), peerOf(repo, 'admin')]) {
      const answer = await told(peer.push({key: KEY, skipped: 0, edits}, stream([])));
      t.like(answer, {code: 'TRANSFER_INVALID'}, edits[0]?.name);
    }
  }
  t.is(repo.operation.id, operation);
});

test('a body that stands in another branch is sent again to who must bring everything', async t => {
  const {repo: hub, shown} = await makeWorld(t, 'x');
  const here = await bareStore(t);
  const peer = peerOf(hub, 'write', 'team/*');
  await fetchRemote(here, peer, ORIGIN);
  const push = async (name: string, files: Files) => {
    await createBranch(here, name, shown);
    await moveHead(here, name);
    const next = await commitFiles(here, files);
    return {next, ...(await pushRemote(here, peer, ORIGIN, [{name: branchRef(branchName(name)), next}]))};
  };
  const one = await push('team/a', {shared: 'text of all', body: 'b'.repeat(500)});
  const two = await push('team/b', {body: 'b'.repeat(500), more: 'c'});
  const scope = {wants: [two.next], common: [one.next]};
  t.is((await listMissing(here, scope)).list.length, two.objects - 1);
  t.is(findRef(hub.objects, hub.view.refs, branchRef(branchName('team/b'))), two.next);
  await mustBeSound(hub);
});

test('history that begins anew is taken, whatever visible branch it shares its content with', async t => {
  const {repo: hub, shown} = await makeWorld(t, 'x');
  const here = await bareStore(t);
  const peer = peerOf(hub, 'write', 'team/*');
  await fetchRemote(here, peer, ORIGIN);
  const push = (name: string, next: ObjectId) =>
    pushRemote(here, peer, ORIGIN, [{name: branchRef(branchName(name)), next}]);
  const files = {shared: 'text of all', body: 'b'.repeat(500)};
  for (const name of ['team/b', 'team/c', 'team/d', 'team/z']) {
    await createBranch(here, name, shown);
    await moveHead(here, name);
    await push(name, await commitFiles(here, {...files, [name]: name}));
  }
  const last = await commitFiles(here, files, 'last');
  await push('team/z', last);
  const transaction = here.begin();
  const {state} = readCommit(here.objects, last);
  const first = writeCommit(transaction.objects, commitContent(state, [], 'begins anew', START));
  await transaction.publish({
    kind: 'normal',
    refs: [{name: branchRef(branchName('anew')), expected: {kind: 'absent'}, next: first}],
  });
  await push('team/anew', first);
  t.is(findRef(hub.objects, hub.view.refs, branchRef(branchName('team/anew'))), first);
  await mustBeSound(hub);
});

test('law: what an honest client pushes within its branches is taken', async t => {
  const what = fc.constantFrom('row', 'file', 'copy', 'rename', 'other branch');
  const step = fc.record({what, n: fc.nat(9), push: fc.boolean()});
  await fc.assert(
    fc.asyncProperty(fc.array(step, {minLength: 1, maxLength: 6}), async steps => {
      const {repo: hub, hidden} = await makeWorld(t, 'x');
      const here = await bareStore(t);
      const peer = peerOf(hub, 'write', 'team/*');
      await fetchRemote(here, peer, ORIGIN);
      await bringIn(here, {remote: ORIGIN, branch: branchName('team/a')});
      t.false(here.objects.has(hidden));
      await sql(here, 'CREATE TABLE u (id INTEGER PRIMARY KEY, v TEXT)');
      const push = (name: string) =>
        pushRemote(here, peer, ORIGIN, [{name: branchRef(branchName(name)), next: here.head().commit as ObjectId}]);
      for (const [i, {what: each, n, push: pushes}] of steps.entries()) {
        if (each === 'row') await sql(here, `INSERT OR REPLACE INTO u VALUES (${n}, 'v${i}')`);
        else if (each === 'file') {
          const body = `${i} ${'line of text '.repeat(n * 9000)}`;
          await sql(here, `INSERT OR REPLACE INTO files (path, content) VALUES ('f${n}', '${body}')`);
        } else if (each === 'copy') {
          await sql(
            here,
            `INSERT INTO files (path, content) SELECT path || '-${i}', content FROM files WHERE type = 'file'`,
          );
        } else if (each === 'rename') await sql(here, `CREATE TABLE w${i} AS SELECT * FROM u`);
        else await push(`team/${n}`);
        if (pushes) await push('team/a');
      }
      await push('team/a');
      t.is(findRef(hub.objects, hub.view.refs, TEAM), here.head().commit);
      t.is(hub.head().commit, hidden);
      await mustBeSound(hub);
      await here.close();
      await hub.close();
    }),
    {numRuns: 10, seed: 11},
  );
});

test('law: a preview of a push says what the push is refused for, and changes nothing', async t => {
  const OLD = branchRef(branchName('old'));
  const ref = fc.constantFrom(TEAM, OLD, branchRef(branchName('main')), branchRef(branchName('new')), tagRef('v1'));
  const wish = fc.record({name: ref, to: fc.constantFrom('old', 'newer', 'side', null)});
  const who = fc.record({
    role: fc.constantFrom<Role>('read', 'write', 'admin'),
    patterns: fc.constantFrom<string[]>([], ['team/*'], ['old', 'new', 'main']),
    readOnly: fc.nat(5).map(number => number === 0),
  });
  const outcomes = new Set<string>();
  await fc.assert(
    fc.asyncProperty(
      who,
      fc.uniqueArray(wish, {minLength: 1, maxLength: 3, selector: ({name}) => name}),
      fc.boolean(),
      async ({role, patterns, readOnly}, wishes, withLease) => {
        const [hub, here] = [await bareStore(t), await bareStore(t)];
        const old = await commitFiles(hub, {f: '1'});
        for (const name of ['team/a', 'old']) await createBranch(hub, name, old);
        await createTag(hub, 'v1', old);
        await fetchRemote(here, StorePeer.of(hub), ORIGIN);
        await moveHead(here, {detached: old});
        const newer = await commitFiles(here, {f: '2'});
        await moveHead(here, {detached: old});
        const side = await commitFiles(here, {f: '3'});
        const ids = {old, newer, side};
        const asked = wishes.map(({name, to}) => ({name, next: to && ids[to]}));
        const peer = new StorePeer(accessTo(hub), {rights: rights(role, ...patterns), readOnly});
        const before = [hub.operation.id, here.operation.id];
        const preview = await previewPush(here, peer, ORIGIN, asked, {withLease});
        t.deepEqual([hub.operation.id, here.operation.id], before);
        const foretold = preview.refusal?.code ?? 'none';
        const pushed = pushRemote(here, peer, ORIGIN, asked, {withLease});
        t.is(foretold, await codeOf(pushed));
        if (foretold === 'none') {
          const {updates, objects} = await pushed;
          t.deepEqual(
            preview.updates.map(({refusal: _, ...update}) => update),
            [...updates],
          );
          t.is(preview.objects, objects);
        }
        outcomes.add(foretold);
      },
    ),
    {numRuns: 150},
  );
  for (const code of ['none', 'ACCESS_DENIED', 'READ_ONLY', 'NOT_FAST_FORWARD', 'BRANCH_CURRENT']) {
    t.true(outcomes.has(code), code);
  }
});
