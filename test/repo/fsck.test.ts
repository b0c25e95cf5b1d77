import fs from 'node:fs';
import {join} from 'node:path';
import type {ExecutionContext} from 'ava';
import test from 'ava';
import {isDbosError} from '../../src/errors.js';
import {encodeObject, type Field} from '../../src/objects/codec.js';
import {formatId, idOf, idToBytes, type ObjectId} from '../../src/objects/id.js';
import {ObjectWriter, objectKey} from '../../src/objects/store.js';
import {createBranch} from '../../src/repo/branches.js';
import {readCommit, writeCommit} from '../../src/repo/commit.js';
import {fsck, type Problem} from '../../src/repo/fsck.js';
import {walk} from '../../src/repo/history.js';
import {operationKey} from '../../src/repo/indexes.js';
import {findStore} from '../../src/repo/location.js';
import {writeOperation} from '../../src/repo/operation.js';
import {listOperations} from '../../src/repo/operations.js';
import {branchName, branchRef, findRef, tagRef} from '../../src/repo/refs.js';
import {Repository} from '../../src/repo/repository.js';
import {fieldOfSignature} from '../../src/repo/signature.js';
import {writeTag} from '../../src/repo/tag.js';
import {createTag} from '../../src/repo/tags.js';
import {planUndo} from '../../src/repo/undo.js';
import {FILES_SCHEMA, FILES_SPEC, FILES_TABLE, type FileRow, findFile} from '../../src/state/files.js';
import {nameOf, parentOf} from '../../src/state/path.js';
import {writeSchema} from '../../src/state/schema.js';
import {readState, writeState} from '../../src/state/state.js';
import {readTable, type Table, writeTable} from '../../src/state/table.js';
import {buildTree} from '../../src/tree/builder.js';
import {ContentRef, type Row} from '../../src/tree/cell.js';
import {
  Clock,
  commitContent,
  commitFiles,
  type Files,
  makeRepo,
  moveHead,
  START,
  testContext,
} from '../support/repo.js';

async function check(repo: Repository): Promise<Problem[]> {
  const problems: Problem[] = [];
  for await (const problem of fsck(repo)) problems.push(problem);
  return problems;
}

/** Many small files, so that the tree has several levels. */
function manyFiles(changes: Files = {}): Files {
  const files: Record<string, string> = {};
  for (let i = 0; i < 400; i++) files[`d${i % 20}/f${i}`] = `text ${i}`;
  return {...files, ...changes};
}

/** A store with two branches, a tag, an undo, and some hundred files. */
async function build(t: ExecutionContext): Promise<{repo: Repository; directory: string; commits: ObjectId[]}> {
  const {repo, directory, clock} = await makeRepo(t);
  const commits = [await commitFiles(repo, manyFiles(), 'one')];
  clock.advance(1000);
  commits.push(await commitFiles(repo, manyFiles({'d3/f3': 'changed'}), 'two'));
  await createBranch(repo, 'old', commits[0] as ObjectId);
  await createTag(repo, 'v1', commits[1] as ObjectId, {message: 'first'});
  clock.advance(1000);
  commits.push(await commitFiles(repo, manyFiles({'new/file': 'x'}), 'three'));
  await moveHead(repo, {detached: commits[0] as ObjectId});
  await repo.begin().publish(planUndo(repo).publication);
  return {repo, directory, commits};
}

/** Replaces or removes an object under its id. */
async function spoil(repo: Repository, id: ObjectId, bytes: Uint8Array | null): Promise<void> {
  const writer = repo.storage.writer();
  if (bytes === null) writer.delete(objectKey(id));
  else writer.put(objectKey(id), bytes);
  await writer.commit();
}

function spoiled(bytes: Uint8Array): Buffer {
  const copy = Buffer.from(bytes);
  copy[copy.length >> 1] = (copy[copy.length >> 1] as number) ^ 0x55;
  return copy;
}

test('a sound store has no problems, and all of it is read', async t => {
  const {repo} = await build(t);
  let objects = 0;
  const problems: Problem[] = [];
  for await (const problem of fsck(repo, {
    progress: progress => {
      objects = progress.objects;
    },
  })) {
    problems.push(problem);
  }
  t.deepEqual(problems, []);
  t.true(objects > 400, `${objects} objects`);
});

test('a new store is sound', async t => {
  t.deepEqual(await check((await makeRepo(t)).repo), []);
});

test('a damaged or missing body is named with its paths, commits and refs', async t => {
  for (const missing of [false, true]) {
    const {repo, commits} = await build(t);
    const [one, two, three] = commits as [ObjectId, ObjectId, ObjectId];
    const body = findFile(repo.objects, repo.filesRoot(two), 'd3/f3')?.content?.id as ObjectId;
    await spoil(repo, body, missing ? null : Buffer.from('other'));
    const problems = await check(repo);
    t.is(problems.length, 1);
    const {code, object, kind, table, paths, commits: affected, commitCount, refs, message} = problems[0] as Problem;
    t.is(code, missing ? 'OBJECT_MISSING' : 'OBJECT_CORRUPT');
    t.deepEqual({object, kind, table, paths}, {object: formatId(body), kind: 'body', table: 'files', paths: ['d3/f3']});
    t.deepEqual(affected, [formatId(two)]);
    t.is(commitCount, 1);
    // main goes through it, and old does not
    t.deepEqual([...(refs as string[])].sort(), ['HEAD', 'main', 'v1']);
    t.true(message.includes('d3/f3'));
    t.is(readCommit(repo.objects, three).parents[0], two);
    t.not(one, two);
  }
});

test('a damaged node is named with the paths that it holds, and the rest is still checked', async t => {
  const {repo, commits} = await build(t);
  const {seen, reader} = recording(repo);
  findFile(reader, repo.filesRoot(commits[2]), 'd7/f7');
  const leaf = seen.at(-1) as ObjectId;
  const body = findFile(repo.objects, repo.filesRoot(commits[0]), 'd19/f399')?.content?.id as ObjectId;
  await spoil(repo, leaf, spoiled(repo.objects.read(leaf)));
  await spoil(repo, body, null);
  const problems = await check(repo);
  t.deepEqual(problems.map(({object}) => object).sort(), [formatId(leaf), formatId(body)].sort());
  const node = problems.find(({object}) => object === formatId(leaf)) as Problem;
  t.is(node.code, 'OBJECT_CORRUPT');
  t.is(node.commitCount, 3);
  t.deepEqual([...(node.refs as string[])].sort(), ['HEAD', 'main', 'old', 'v1']);
  const [after, upTo] = node.pathRange as [string, string];
  t.true((after === null || after < 'd7/f7') && upTo >= 'd7/f7', `${after} ${upTo}`);
});

/** A reader that remembers what it read. */
function recording(repo: Repository) {
  const seen: ObjectId[] = [];
  const {objects} = repo;
  const reader = {
    read(id: ObjectId) {
      seen.push(id);
      return objects.read(id);
    },
    find: (id: ObjectId) => objects.find(id),
    has: (id: ObjectId) => objects.has(id),
    locate: (id: ObjectId) => objects.locate(id),
  };
  return {seen, reader};
}

test('every damaged object is found, whatever it is, and nothing crashes', async t => {
  const {repo, commits} = await build(t);
  const objects: ObjectId[] = [];
  for await (const [key] of repo.storage.range({gte: 'o', lt: 'p'})) objects.push(key.slice(1) as ObjectId);
  // bodies are all alike: every 20th of them will do
  const sample = objects.filter(
    (id, i) => i % 20 === 0 || idOf(repo.objects.read(id)) !== id || repo.objects.read(id).length > 64,
  );
  t.true(sample.length > 30);
  for (const id of sample) {
    const bytes = Buffer.from(repo.objects.read(id));
    await spoil(repo, id, spoiled(bytes));
    const problems = await check(repo);
    t.true(
      problems.some(({object, code}) => object === formatId(id) && code === 'OBJECT_CORRUPT'),
      formatId(id),
    );
    await spoil(repo, id, null);
    t.true(
      (await check(repo)).some(({object}) => object === formatId(id)),
      formatId(id),
    );
    await spoil(repo, id, bytes);
  }
  t.deepEqual(await check(repo), []);
  t.is([...walk(repo, {include: [commits[2] as ObjectId]})].length, 3);
});

test('a broken chain of operations is followed by the index, and what lies behind is still checked', async t => {
  const {repo, commits} = await build(t);
  const log = [...listOperations(repo)];
  const {id} = log[2] as (typeof log)[number];
  const state = readCommit(repo.objects, commits[0] as ObjectId).state;
  await spoil(repo, id, Buffer.from('nonsense'));
  await spoil(repo, state, null);
  const problems = await check(repo);
  t.deepEqual(problems.map(problem => [problem.code, problem.object, problem.kind]).sort(), [
    ['OBJECT_CORRUPT', formatId(id), 'operation'],
    ['OBJECT_MISSING', formatId(state), 'state'],
  ]);
});

test('a store whose newest operation is damaged can still be checked', async t => {
  const {repo, directory} = await build(t);
  await spoil(repo, repo.operation.id, Buffer.from('nonsense'));
  await repo.close();
  const again = await Repository.open(findStore(directory), testContext(new Clock()));
  t.throws(() => again.head(), {code: 'OBJECT_CORRUPT'});
  t.deepEqual(
    (await check(again)).map(({kind}) => kind),
    ['operation'],
  );
  await again.close();
});

test('the cell and the entries of the indexes are checked', async t => {
  const {repo} = await build(t);
  const keys: string[] = [];
  for await (const [key] of repo.storage.range({gte: 'p', lt: 's'})) keys.push(key);
  t.true(keys.length > 10);
  for (const key of ['c', ...keys]) {
    const value = Buffer.from(repo.storage.get(key) as Uint8Array);
    for (const bad of [null, spoiled(value), Buffer.from('x')]) {
      const writer = repo.storage.writer();
      if (bad === null) writer.delete(key);
      else writer.put(key, bad);
      await writer.commit();
      t.true((await check(repo)).length > 0, JSON.stringify(key));
    }
    const writer = repo.storage.writer();
    writer.put(key, value);
    await writer.commit();
  }
  const extra = repo.storage.writer();
  extra.put(`rbranches/ghost\0${'\0'.repeat(8)}`, Buffer.alloc(8));
  await extra.commit();
  const problems = await check(repo);
  t.deepEqual(
    problems.map(({code}) => code),
    ['STORE_CORRUPT'],
  );
  t.regex((problems[0] as Problem).message, /index of refs/);
});

const ROW = {mode: 0o644, uid: 0, gid: 0, user: null, group: null, mtime: 0n, target: null, link: null, xattrs: null};

function rowOf(row: FileRow): Row {
  const {path, type, mode, uid, gid, user, group, mtime, content, target, link, xattrs} = row;
  return [
    parentOf(path),
    nameOf(path),
    type,
    mode,
    uid,
    gid,
    user,
    group,
    Number(mtime),
    content,
    target,
    link,
    xattrs,
  ];
}

/** Commits rows of files that no command would write. */
async function commitRows(
  repo: Repository,
  rows: (body: ContentRef) => readonly FileRow[],
  change: (table: Table) => Table = table => table,
): Promise<ObjectId> {
  const transaction = repo.begin();
  const {objects} = transaction;
  const body = new ContentRef(objects.put(Buffer.from('body')), 4, false, false);
  const root = buildTree(objects, FILES_SPEC, rows(body).map(rowOf));
  const table = change({schema: writeSchema(objects, FILES_SCHEMA), root, rows: rows(body).length});
  const state = writeState(objects, new Map([[FILES_TABLE, writeTable(objects, table)]]));
  const id = writeCommit(objects, commitContent(state, [], 'hostile', START));
  const edit = {name: branchRef(branchName('main')), expected: {kind: 'any'}, next: id} as const;
  await transaction.publish({kind: 'normal', refs: [edit]});
  return id;
}

const file = (path: string, content: ContentRef, more: Partial<FileRow> = {}): FileRow => ({
  ...ROW,
  path,
  type: 'file',
  content,
  ...more,
});
const folder = (path: string): FileRow => ({...ROW, path, type: 'dir', content: null});

const HOSTILE_ROWS: readonly (readonly [
  title: string,
  rows: (body: ContentRef) => readonly FileRow[],
  message: RegExp,
])[] = [
  ['a name that climbs', body => [file('..', body)], /another directory/],
  ["the store's folder", body => [file('.DBOS', body)], /store's own folder/],
  ['a name with NUL', body => [file('a\0b', body)], /NUL/],
  ['an entry without its directory', body => [file('a/b', body)], /not in a directory/],
  ['an entry below a file', body => [file('a', body), file('a/b', body)], /not in a directory/],
  ['a link to nothing', body => [file('b', body, {link: 'a'})], /hard link of 'a'/],
  ['a link to another file', body => [file('a', body), file('b', body, {link: 'a'})], /hard link of 'a'/],
  ['a file without content', _body => [{...folder('a'), type: 'file'}], /disagree/],
  ['an impossible mode', body => [file('a', body, {mode: 0o10000})], /mode/],
  ['malformed attributes', body => [file('a', body, {xattrs: Buffer.from([5, 1])})], /attributes/],
  ['a body of another size', body => [file('a', new ContentRef(body.id, 5, false, false))], /5/],
];

for (const [title, rows, message] of HOSTILE_ROWS) {
  test(`files with ${title} are reported`, async t => {
    const {repo} = await makeRepo(t);
    const id = await commitRows(repo, rows);
    const problems = await check(repo);
    t.is(problems.length, 1, JSON.stringify(problems));
    t.regex((problems[0] as Problem).message, message);
    t.deepEqual((problems[0] as Problem).commits, [formatId(id)]);
  });
}

test('files that are links of each other are sound', async t => {
  const {repo} = await makeRepo(t);
  await commitRows(repo, body => [file('a', body, {link: 'a'}), file('b', body, {link: 'a'}), folder('d')]);
  t.deepEqual(await check(repo), []);
});

test('a wrong row count is reported', async t => {
  const {repo} = await makeRepo(t);
  await commitRows(
    repo,
    body => [file('a', body)],
    table => ({...table, rows: 2}),
  );
  const problems = await check(repo);
  t.deepEqual(
    problems.map(({kind, code}) => [kind, code]),
    [['table', 'OBJECT_INVALID']],
  );
});

test('a wrong generation and a view that is not what the operation says are reported', async t => {
  const {repo} = await makeRepo(t);
  const first = await commitFiles(repo, {a: '1'});
  const {state} = readCommit(repo.objects, first);
  const who = fieldOfSignature({name: '', email: '', time: START, zone: 0});
  const fields: Field[] = [idToBytes(state), [idToBytes(first)], 7, who, who, '', null];
  const transaction = repo.begin();
  const forged = transaction.objects.put(encodeObject('commit', fields));
  const edit = {name: branchRef(branchName('main')), expected: {kind: 'any'}, next: forged} as const;
  await transaction.publish({kind: 'normal', refs: [edit]});
  const problems = await check(repo);
  t.deepEqual(
    problems.map(({kind, object}) => [kind, object]),
    [['commit', formatId(forged)]],
  );
  t.is(findRef(repo.objects, repo.view.refs, branchRef(branchName('main'))), forged);
  t.is(readTable(repo.objects, [...readState(repo.objects, state).values()][0] as ObjectId).rows, 1);
});

test('objects in another form than the canonical one are reported, and what lies behind them is still checked', async t => {
  const {repo} = await makeRepo(t);
  const sound = await commitFiles(repo, {a: '1'});
  const transaction = repo.begin();
  const {objects} = transaction;
  /** Writes an object with the number of its fields in another form. */
  const loosely = (bytes: Uint8Array) =>
    objects.put(Buffer.concat([Buffer.from([0xdc, 0, (bytes[0] as number) & 15]), bytes.subarray(1)]));
  const commit = readCommit(objects, sound);
  const table = readTable(objects, readState(objects, commit.state).get(FILES_TABLE) as ObjectId);
  const schema = loosely(objects.read(table.schema));
  const tableId = loosely(objects.read(writeTable(objects, {...table, schema})));
  const state = loosely(objects.read(writeState(objects, new Map([[FILES_TABLE, tableId]]))));
  const id = loosely(objects.read(writeCommit(objects, {...commit, state, parents: [sound]})));
  const who = {name: 'Ada', email: '', time: START, zone: 0};
  const tag = loosely(objects.read(writeTag(objects, {target: id, name: 'v', tagger: who, message: ''})));
  await transaction.publish({kind: 'normal', refs: [{name: tagRef('v'), expected: {kind: 'any'}, next: tag}]});
  const problems = await check(repo);
  const expected = [
    ['commit', id],
    ['schema', schema],
    ['state', state],
    ['table', tableId],
    ['tag', tag],
  ] as const;
  t.deepEqual(
    problems.map(({kind, object}) => [kind, object]).sort(),
    expected.map(([kind, object]) => [kind, formatId(object)]),
  );
  t.true(problems.every(({code, message}) => code === 'OBJECT_INVALID' && /canonical/.test(message)));
});

test('operations and views in another form than the canonical one are reported', async t => {
  const {repo} = await makeRepo(t);
  await commitFiles(repo, {a: '1'});
  const {operation} = repo;
  const writer = repo.storage.writer();
  const objects = new ObjectWriter(writer);
  const loosely = (bytes: Uint8Array, head: readonly number[]) =>
    objects.put(Buffer.concat([Buffer.from(head), bytes.subarray(1)]));
  const view = loosely(objects.read(operation.view), [0xdc, 0, 4]);
  const last = objects.read(writeOperation(objects, {...operation, view}));
  t.is(last[0], 0xdc);
  const id = objects.put(Buffer.concat([Buffer.from([0xdd, 0, 0, 0, 20]), last.subarray(3)]));
  writer.put('c', idToBytes(id));
  writer.put(
    operationKey(operation.seq),
    Buffer.concat([(repo.storage.get(operationKey(operation.seq)) as Buffer).subarray(0, 8), idToBytes(id)]),
  );
  await writer.commit();
  const problems = await check(repo);
  t.deepEqual(problems.map(({kind, object}) => [kind, object]).sort(), [
    ['operation', formatId(id)],
    ['view', formatId(view)],
  ]);
});

test('law: whatever byte of the value log is flipped, fsck says so, and no read crashes', async t => {
  const {repo, directory} = await makeRepo(t);
  await commitFiles(repo, {...manyFiles(), big: 'x'.repeat(40_000), other: 'y'.repeat(3000)});
  await commitFiles(repo, {...manyFiles(), big: 'x'.repeat(50_000)});
  await repo.close();
  const folderOfLog = join(directory, '.dbos/log');
  const [name] = fs.readdirSync(folderOfLog).sort() as [string];
  const log = join(folderOfLog, name);
  const bytes = fs.readFileSync(log);
  t.true(bytes.length > 10_000);
  const step = Math.max(1, Math.floor(bytes.length / 150));
  for (let at = 0; at < bytes.length; at += at < 200 ? 7 : step) {
    const flipped = Buffer.from(bytes);
    flipped[at] = (flipped[at] as number) ^ (1 << (at % 8));
    fs.writeFileSync(log, flipped);
    let again: Repository;
    try {
      again = await Repository.open(findStore(directory), testContext(new Clock()));
    } catch (error) {
      t.true(isDbosError(error, 'STORE_CORRUPT'), `byte ${at}`);
      continue;
    }
    t.true((await check(again)).length > 0, `byte ${at}`);
    try {
      for (const {commit} of walk(again, {include: [again.head().commit as ObjectId]})) t.truthy(commit);
    } catch (error) {
      t.true(isDbosError(error), `byte ${at}: ${error}`);
    }
    await again.close();
  }
});
