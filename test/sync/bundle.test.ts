/** Bundles carry histories between stores: both sides end with the same ids, what is in them follows from the history alone, nothing hostile gets in. */
import {lstatSync, readdirSync, readFileSync, symlinkSync, writeFileSync} from 'node:fs';
import {join} from 'node:path';
import {fileURLToPath} from 'node:url';
import {CarReader as IpldReader} from '@ipld/car';
import test, {type ExecutionContext} from 'ava';
import fc from 'fast-check';
import {unpack} from 'msgpackr';
import {DbosError, type ErrorCode} from '../../src/errors.js';
import {encodeObject, fieldOfId, wideInteger} from '../../src/objects/codec.js';
import {type Cid, formatId, idOf, type ObjectId, shortId} from '../../src/objects/id.js';
import {MemoryObjects} from '../../src/objects/memory.js';
import {createBranch} from '../../src/repo/branches.js';
import {readCommit, writeCommit} from '../../src/repo/commit.js';
import {branchName, branchRef, findRef, listRefs, REMOTES, type RefName, shortName} from '../../src/repo/refs.js';
import type {Repository} from '../../src/repo/repository.js';
import {createTag} from '../../src/repo/tags.js';
import {readState, writeState} from '../../src/state/state.js';
import {readTable, writeTable} from '../../src/state/table.js';
import {allRefs, createBundle, refsNamed} from '../../src/sync/bundle-create.js';
import {BundleFile} from '../../src/sync/bundle-file.js';
import {type BundleManifest, bundleTips, encodeManifest} from '../../src/sync/bundle-manifest.js';
import {BundlePeer} from '../../src/sync/bundle-peer.js';
import {verifyBundle} from '../../src/sync/bundle-verify.js';
import {type CarBlock, encodeCarHeader, encodeCarSection} from '../../src/sync/car.js';
import {cloneStore} from '../../src/sync/clone.js';
import {fetchRemote} from '../../src/sync/fetch.js';
import {Clock, commitContent, commitFiles, moveHead, START, testContext} from '../support/repo.js';
import {bareStore, mustBeSound, ORIGIN, sql} from '../support/sync.js';
import {makeTmpDir} from '../support/tmp.js';

const MAIN = branchName('main');

function tip(repo: Repository, branch = MAIN): ObjectId {
  return findRef(repo.objects, repo.view.refs, branchRef(branch)) as ObjectId;
}

/** Writes a bundle of all refs and returns its path. */
async function bundleOf(t: ExecutionContext, repo: Repository, since: readonly ObjectId[] = []): Promise<string> {
  const path = join(makeTmpDir(t), 'x.car');
  await createBundle(repo, {path, name: 'x.car'}, {refs: allRefs(repo), since});
  return path;
}

function open(path: string): BundleFile {
  return BundleFile.open({path, name: 'x.car', temporary: ''});
}

async function verify(path: string, own?: Repository): Promise<boolean> {
  const file = open(path);
  try {
    return (await verifyBundle(file, own)).complete;
  } finally {
    file.close();
  }
}

async function fetch(repo: Repository, path: string) {
  const peer = BundlePeer.open(path, repo);
  try {
    return await fetchRemote(repo, peer, ORIGIN);
  } finally {
    await peer.close();
  }
}

async function fails(
  t: ExecutionContext,
  work: () => Promise<unknown>,
  code: ErrorCode,
  message?: string,
): Promise<DbosError> {
  const error = await t.throwsAsync(work, {instanceOf: DbosError}, message);
  t.is((error as DbosError).code, code, message);
  return error as DbosError;
}

/** Returns what branches and tags hold, those of the remote by their own names. */
function seen(repo: Repository, remote: boolean): Record<string, ObjectId> {
  const refs = remote
    ? listRefs(repo.objects, repo.view.refs, `${REMOTES}${ORIGIN}/`)
    : listRefs(repo.objects, repo.view.refs);
  const held: Record<string, ObjectId> = {};
  for (const {name, id} of refs) held[remote ? name.slice(`${REMOTES}${ORIGIN}/`.length) : shortName(name)] = id;
  return held;
}

/** Returns the objects of a bundle. */
function blocksOf(path: string): CarBlock[] {
  const file = open(path);
  const blocks = [...file.objects()];
  file.close();
  return blocks;
}

/** Writes a bundle by hand: nothing of it need fit. */
function forge(
  path: string,
  manifest: BundleManifest | Uint8Array,
  blocks: readonly (Cid & {readonly bytes: Uint8Array})[],
  roots?: readonly ObjectId[],
): void {
  const first = manifest instanceof Uint8Array ? manifest : encodeManifest(manifest);
  const tips = roots ?? (manifest instanceof Uint8Array ? [] : bundleTips(manifest));
  const cids = [idOf(first), ...tips].map(id => ({id, codec: 'messagepack'}) as const);
  const all = [{id: idOf(first), codec: 'messagepack' as const, bytes: first}, ...blocks];
  const sections = all.flatMap(({id, codec, bytes}) => [encodeCarSection({id, codec}, bytes.length), bytes]);
  writeFileSync(path, Buffer.concat([encodeCarHeader(cids), ...sections]));
}

/** Returns a store with two branches, two sorts of tags, a table with an index, small files and one in chunks. */
async function sampleStore(t: ExecutionContext): Promise<Repository> {
  const repo = await bareStore(t);
  await sql(
    repo,
    'CREATE TABLE t (id INTEGER PRIMARY KEY, v TEXT UNIQUE)',
    "INSERT INTO t SELECT value, 'row ' || value FROM generate_series(1, 100)",
    "INSERT INTO files (path, content) VALUES ('f', 'text')",
  );
  await createTag(repo, 'v1', tip(repo), {message: 'first'});
  await createBranch(repo, 'topic', tip(repo));
  await sql(repo, "UPDATE t SET v = 'other' WHERE id = 50");
  await createTag(repo, 'light', tip(repo), {});
  return repo;
}

test('after any edits, whatever is carried by bundles is the same on both sides, and sound', async t => {
  const step = fc.record({
    what: fc.constantFrom('row', 'row', 'file', 'switch', 'tag', 'carry'),
    n: fc.nat(9),
  });
  await fc.assert(
    fc.asyncProperty(fc.array(step, {maxLength: 12}), async steps => {
      const [from, to] = [await bareStore(t), await bareStore(t)];
      await sql(from, 'CREATE TABLE t (id INTEGER PRIMARY KEY, v TEXT UNIQUE)');
      for (const [i, {what, n}] of [...steps, {what: 'row', n: 0}, {what: 'carry', n: 0}].entries()) {
        const {branch, commit} = from.head();
        if (what === 'row') await sql(from, `INSERT OR REPLACE INTO t VALUES (${n}, 'v${n} ${i}')`);
        else if (what === 'file') {
          await sql(
            from,
            `INSERT OR REPLACE INTO files (path, content) VALUES ('f${n}', '${i}${'x'.repeat(n * 20_000)}')`,
          );
        } else if (what === 'tag') await createTag(from, `t${i}`, commit as ObjectId, n < 5 ? {} : {message: 'a tag'});
        else if (what === 'switch') {
          const other = branch === MAIN ? 'topic' : 'main';
          if (findRef(from.objects, from.view.refs, branchRef(branchName(other))) === undefined) {
            await createBranch(from, other, commit as ObjectId);
          }
          await moveHead(from, other);
        } else {
          const since = Object.values(seen(to, true));
          const path = await bundleOf(t, from, since).catch(error => {
            if (!(error instanceof DbosError) || error.code !== 'BUNDLE_EMPTY') throw error;
            return undefined;
          });
          if (path === undefined) continue;
          t.true(await verify(path, to));
          t.is(await verify(path), open(path).manifest.prerequisites.length === 0);
          await fetch(to, path);
          const now = seen(from, false);
          for (const [name, id] of Object.entries(seen(to, true))) t.is(now[name], id);
        }
      }
      const whole = await bundleOf(t, from);
      const directory = makeTmpDir(t);
      const {repo: copy} = await cloneStore(whole, directory, {bare: true}, testContext(new Clock()));
      t.deepEqual(seen(copy, false), seen(from, false));
      // what a store holds makes the bundle, not how it came to it
      t.true(readFileSync(await bundleOf(t, copy)).equals(readFileSync(whole)));
      for (const repo of [to, copy, from]) {
        await mustBeSound(repo);
        await repo.close();
      }
    }),
    {numRuns: 12, seed: 5},
  );
});

test('a bundle is a CAR archive of the objects, and holds with --since what is new', async t => {
  const repo = await sampleStore(t);
  const path = await bundleOf(t, repo);
  const archive = await IpldReader.fromBytes(readFileSync(path));
  const file = open(path);
  file.close();
  const {refs, head, prerequisites, objects} = file.manifest;
  t.is(head, MAIN);
  t.deepEqual([...refs.keys()], ['branches/main', 'branches/topic', 'tags/light', 'tags/v1']);
  t.deepEqual(prerequisites, []);
  t.is((await archive.getRoots()).length, 1 + new Set(refs.values()).size);
  const [root] = await archive.getRoots();
  const first = await archive.get(root as NonNullable<typeof root>);
  // as docs/format.md has it
  t.deepEqual(unpack(first?.bytes as Uint8Array), [
    12,
    1,
    Array.from(refs, ([name, id]) => [name, Buffer.from(id, 'latin1')]),
    'main',
    [],
    Buffer.from(objects.toString(16).padStart(16, '0'), 'hex'),
  ]);
  let count = -1;
  for await (const {cid, bytes} of archive.blocks()) {
    t.is(`${cid}`, formatId(idOf(bytes), cid.code === 0x55 ? 'raw' : 'messagepack'));
    count++;
  }
  t.is(count, objects);

  const topic = branchName('topic');
  const later = await bundleOf(t, repo, [tip(repo, topic)]);
  const news = open(later).manifest;
  t.deepEqual(news.prerequisites, [tip(repo, topic)]);
  // a leaf, leaves and roots of the index, the table, the state, the commit, and the tag
  t.true(news.objects < 10 && news.objects < objects / 2);
  const known = new Set(blocksOf(path).map(({id}) => id));
  t.true(blocksOf(later).every(({id}) => known.has(id)));

  const main = new Map([[branchRef(MAIN), tip(repo)]]);
  const nothing = {refs: main, since: [tip(repo)]};
  await fails(t, () => createBundle(repo, {path: later, name: 'x.car'}, nothing), 'BUNDLE_EMPTY');
  // a branch that stands on what is there already travels, and its commit is needed
  const both = {refs: allRefs(repo), since: [tip(repo)]};
  const {manifest} = await createBundle(repo, {path: later, name: 'x.car'}, both);
  t.deepEqual([...manifest.prerequisites], [tip(repo), tip(repo, topic)].sort());
  t.is(manifest.objects, 1);
});

test('revisions name branches and tags', async t => {
  const repo = await sampleStore(t);
  const names = async (...revisions: string[]) => [...(await refsNamed(repo, revisions)).keys()];
  t.deepEqual(await names('HEAD', 'topic', 'v1', 'branches/main'), ['branches/main', 'branches/topic', 'tags/v1']);
  for (const text of ['main~1', formatId(tip(repo))]) await fails(t, () => names(text), 'REVISION_INVALID', text);
  await fails(t, () => names('nowhere'), 'REVISION_UNKNOWN');
  await moveHead(repo, {detached: tip(repo)});
  await fails(t, () => names('HEAD'), 'REVISION_INVALID');
});

test('a bundle that goes on from what is not there says what, and moves nothing', async t => {
  const [repo, to] = [await sampleStore(t), await bareStore(t)];
  const topic = tip(repo, branchName('topic'));
  const path = await bundleOf(t, repo, [topic]);
  const operation = to.operation.id;
  for (const work of [() => fetch(to, path), () => verify(path, to)]) {
    const {data, message} = await fails(t, work, 'BUNDLE_PREREQUISITE');
    t.deepEqual(data.commits, [formatId(topic)]);
    t.true(message.includes(shortId(topic)));
  }
  t.is(to.operation.id, operation);
  t.false(await verify(path));
  await fetch(to, await bundleOf(t, repo));
  t.true(await verify(path, to));
  await mustBeSound(to);
});

test('what a store has does not come out of the file again', async t => {
  const [repo, to] = [await sampleStore(t), await bareStore(t)];
  const first = await fetch(to, await bundleOf(t, repo));
  t.true(first.objects > 15);
  await sql(repo, 'INSERT INTO t VALUES (1000, NULL)');
  const second = await fetch(to, await bundleOf(t, repo));
  t.true(second.objects < 10);
  await mustBeSound(to);
});

test('a file is replaced as a whole, and only if it is a bundle', async t => {
  const repo = await sampleStore(t);
  const directory = makeTmpDir(t);
  const [path, link, other] = ['x.car', 'link.car', 'notes'].map(name => join(directory, name)) as [
    string,
    string,
    string,
  ];
  const request = {refs: allRefs(repo), since: []};
  await createBundle(repo, {path, name: 'x.car'}, request);
  const before = readFileSync(path);
  await createBundle(repo, {path, name: 'x.car'}, request);
  t.true(readFileSync(path).equals(before));
  symlinkSync('x.car', link);
  await sql(repo, 'INSERT INTO t VALUES (1000, NULL)');
  await createBundle(repo, {path: link, name: 'link.car'}, {...request, refs: allRefs(repo)});
  t.true(lstatSync(link).isSymbolicLink());
  t.false(readFileSync(path).equals(before));

  writeFileSync(other, 'precious');
  await fails(t, () => createBundle(repo, {path: other, name: 'notes'}, request), 'PATH_EXISTS');
  await fails(t, () => createBundle(repo, {path: directory, name: 'folder'}, request), 'PATH_EXISTS');
  await fails(t, () => createBundle(repo, {path: join(directory, 'no/x.car'), name: 'no'}, request), 'FILE_UNWRITABLE');
  t.is(readFileSync(other, 'utf8'), 'precious');
  // who is stopped while the file is written leaves the one that was there, and no part of another
  const whole = readFileSync(path);
  const stops = {
    progress: ({label}: {readonly label: string}) => {
      if (label === 'Writing objects') throw new Error('stopped');
    },
  };
  await t.throwsAsync(createBundle(repo, {path, name: 'x.car'}, request, stops), {message: 'stopped'});
  t.true(readFileSync(path).equals(whole));
  t.deepEqual(readdirSync(directory).sort(), ['link.car', 'notes', 'x.car']);
});

test('a file that is cut off, has a bit flipped, or goes on, is refused, and moves nothing', async t => {
  const [repo, to] = [await sampleStore(t), await bareStore(t)];
  const whole = await bundleOf(t, repo);
  const bytes = readFileSync(whole);
  const path = join(makeTmpDir(t), 'x.car');
  const operation = to.operation.id;
  const refused = async (content: Uint8Array, what: string, work: () => Promise<unknown>) => {
    writeFileSync(path, content);
    await fails(t, work, 'BUNDLE_INVALID', what);
  };
  for (let at = 0; at < bytes.length; at += at < 400 ? 3 : 1 + Math.floor(bytes.length / 150)) {
    const flipped = Buffer.from(bytes);
    flipped[at] = (flipped[at] as number) ^ (1 << (at % 8));
    await refused(flipped, `flipped at ${at}`, () => verify(path));
    await refused(bytes.subarray(0, at), `cut at ${at}`, () => verify(path));
  }
  for (const at of [20, 700, bytes.length - 1]) {
    const flipped = Buffer.from(bytes);
    flipped[at] = (flipped[at] as number) ^ 1;
    await refused(flipped, `flipped at ${at}`, () => fetch(to, path));
    await refused(bytes.subarray(0, at), `cut at ${at}`, () => fetch(to, path));
  }
  // the last one is a block as it should be, of one byte
  const block = '2501551220' + '6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d00';
  for (const tail of ['00', '01', 'ffffffffffffff7f', block]) {
    await refused(Buffer.concat([bytes, Buffer.from(tail, 'hex')]), `followed by ${tail}`, () => fetch(to, path));
  }
  t.is(to.operation.id, operation);
  await fetch(to, whole);
  await mustBeSound(to);
});

test('archives whose parts do not fit each other are refused', async t => {
  const repo = await sampleStore(t);
  const whole = await bundleOf(t, repo);
  const file = open(whole);
  file.close();
  const {manifest} = file;
  const blocks = blocksOf(whole);
  const path = join(makeTmpDir(t), 'x.car');
  const [first, second] = blocks as [CarBlock, CarBlock];
  const fields = (refs: unknown[], head: string | null, prerequisites: ObjectId[], objects: number) =>
    encodeObject('bundle', [refs as never, head, prerequisites.map(fieldOfId), wideInteger(objects)]);
  const ref = (name: string, id = tip(repo)) => [name, fieldOfId(id)];
  const cases: Record<string, () => void> = {
    'a block that comes twice': () => forge(path, manifest, [first, ...blocks.slice(0, -1)]),
    'a block too few': () => forge(path, manifest, blocks.slice(1)),
    'a block too many': () => forge(path, {...manifest, objects: manifest.objects - 1}, blocks),
    'a root that is not there': () => forge(path, {...manifest, objects: 2}, [first, second]),
    'no roots': () => forge(path, manifest, blocks, []),
    'roots in another order': () => forge(path, manifest, blocks, bundleTips(manifest).reverse()),
    'children after their parents': () => forge(path, manifest, blocks.toReversed()),
    'a first block of another kind': () => forge(path, repo.objects.read(tip(repo)), blocks, []),
    'refs that are not in order': () =>
      forge(path, fields([ref('tags/a'), ref('branches/b')], null, [], 1), [first], [tip(repo)]),
    'a ref twice': () => forge(path, fields([ref('tags/a'), ref('tags/a')], null, [], 1), [first], [tip(repo)]),
    'no refs': () => forge(path, fields([], null, [], 1), [first]),
    'a ref of another folder': () => forge(path, fields([ref('remotes/o/a')], null, [], 1), [first], [tip(repo)]),
    'a name that leads elsewhere': () => forge(path, fields([ref('branches/../a')], null, [], 1), [first], [tip(repo)]),
    'a HEAD that is not there': () => forge(path, fields([ref('branches/a')], 'b', [], 1), [first], [tip(repo)]),
    'prerequisites that are not in order': () =>
      forge(path, fields([ref('tags/a')], null, [second.id, first.id].sort().reverse(), 1), [first], [tip(repo)]),
    'no objects': () => forge(path, fields([ref('tags/a')], null, [tip(repo)], 0), []),
    'another form': () => {
      // a list in the long form
      const bytes = Buffer.from(encodeManifest(manifest));
      const long = Buffer.concat([
        bytes.subarray(0, 3),
        Buffer.from([0xdc, 0, 0x0f & (bytes[3] as number)]),
        bytes.subarray(4),
      ]);
      forge(path, long, blocks, bundleTips(manifest));
    },
    'a field more': () => forge(path, encodeObject('bundle', [[], null, [], wideInteger(1), null]), [first]),
  };
  for (const [what, make] of Object.entries(cases)) {
    make();
    await fails(t, () => verify(path), 'BUNDLE_INVALID', what);
  }
  // this one reads the same from the other side
  forge(path, manifest, blocks);
  t.true(readFileSync(path).equals(readFileSync(whole)));
  const newer = Buffer.from(encodeManifest(manifest));
  newer[2] = 2;
  forge(path, newer, blocks);
  await fails(t, () => verify(path), 'STORE_FORMAT');
});

test('objects that are whole and not sound are refused', async t => {
  const [repo, to] = [await sampleStore(t), await bareStore(t)];
  const good = await bundleOf(t, repo);
  await fetch(to, good);
  const path = join(makeTmpDir(t), 'x.car');
  const evil = new MemoryObjects();
  for (const {bytes} of blocksOf(good)) evil.put(bytes);
  const state = new Map(readState(evil, readCommit(evil, tip(repo)).state));
  const sound = state.get('t') as ObjectId;
  const table = readTable(evil, sound);
  state.set('t', writeTable(evil, {...table, rows: 7}));
  const signature = [wideInteger(START), 0, 'Ada', 'ada@example.org'];
  const stateId = writeState(evil, state);
  const cases: Record<string, readonly ObjectId[]> = {
    'a wrong number of rows': [
      state.get('t') as ObjectId,
      stateId,
      writeCommit(evil, commitContent(stateId, [tip(repo)], 'x', START)),
    ],
    'a generation that does not follow': [
      evil.put(
        encodeObject('commit', [
          fieldOfId(readCommit(evil, tip(repo)).state),
          [fieldOfId(tip(repo))],
          900,
          signature,
          signature,
          'x',
          null,
        ]),
      ),
    ],
    'a branch that holds a state': [writeState(evil, new Map([['u', sound]]))],
    'an operation': [evil.put(repo.objects.read(repo.operation.id))],
  };
  const operation = to.operation.id;
  for (const [what, ids] of Object.entries(cases)) {
    const refs = new Map([['branches/evil' as RefName, ids.at(-1) as ObjectId]]);
    const blocks = ids.map(id => ({id, codec: 'messagepack' as const, bytes: evil.read(id)}));
    forge(path, {head: undefined, refs, prerequisites: [tip(repo)], objects: ids.length}, blocks);
    await fails(t, () => verify(path, to), 'BUNDLE_INVALID', what);
    await fails(t, () => fetch(to, path), 'TRANSFER_INVALID', what);
    t.is(to.operation.id, operation, what);
  }
  await mustBeSound(to);
});

const FIXTURE = fileURLToPath(new URL('../../../fixtures/golden/bundle.json', import.meta.url));

test('a bundle is written as it always was', async t => {
  const repo = await bareStore(t);
  const commit = await commitFiles(repo, {'a/b': 'text'});
  await createTag(repo, 'v1', commit, {message: 'first'});
  await commitFiles(repo, {'a/b': 'other text'});
  const path = join(makeTmpDir(t), 'x.car');
  await createBundle(repo, {path, name: 'x.car'}, {refs: allRefs(repo), since: [commit]});
  const hex = readFileSync(path).toString('hex');
  if (process.env.DBOS_UPDATE_FIXTURES) writeFileSync(FIXTURE, `${JSON.stringify({'version 1': {hex}}, null, 2)}\n`);
  const golden = JSON.parse(readFileSync(FIXTURE, 'utf8')) as Record<string, {readonly hex: string}>;
  t.is(hex, golden['version 1']?.hex ?? '');
});
