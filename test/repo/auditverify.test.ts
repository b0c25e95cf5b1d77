import test, {type ExecutionContext} from 'ava';
import {digestText, formatId, idToBytes, type ObjectId} from '../../src/objects/id.js';
import {ObjectWriter, objectKey} from '../../src/objects/store.js';
import {verifyOperations} from '../../src/repo/auditverify.js';
import {createBranch} from '../../src/repo/branches.js';
import {entriesOf, OPERATION_KEYS, operationKey, REF_KEYS} from '../../src/repo/indexes.js';
import {type Operation, type StoredOperation, writeOperation} from '../../src/repo/operation.js';
import {listOperations} from '../../src/repo/operations.js';
import {branchName} from '../../src/repo/refs.js';
import type {Repository} from '../../src/repo/repository.js';
import {headChange} from '../../src/repo/transaction.js';
import {planUndo} from '../../src/repo/undo.js';
import {readView} from '../../src/repo/view.js';
import {commitFiles, HOUR, makeRepo, START} from '../support/repo.js';

/** A store with some operations of each kind. */
async function storeOf(t: ExecutionContext): Promise<Repository> {
  const {repo, clock} = await makeRepo(t);
  for (let i = 0; i < 6; i++) {
    clock.advance(HOUR);
    await commitFiles(repo, {a: `${i}`});
    if (i === 2) await createBranch(repo, 'side', repo.head().commit as ObjectId);
    if (i === 4) await repo.begin().publish(planUndo(repo).publication);
  }
  return repo;
}

const at = (repo: Repository, seq: number) =>
  [...listOperations(repo)].find(operation => operation.seq === seq) as StoredOperation;

/** Changes keys of the store behind its back, and returns what a check finds. */
async function tampered(repo: Repository, changes: ReadonlyMap<string, Uint8Array | null>, since?: string) {
  const writer = repo.storage.writer();
  for (const [key, value] of changes) {
    if (value === null) writer.delete(key);
    else writer.put(key, value);
  }
  await writer.commit();
  const {problems, operations} = await verifyOperations(repo, {since});
  return {problems: problems.map(({code, seq, message}) => `${code} ${seq} ${message}`), operations};
}

test('a log that is whole is proved, all of it or since an operation', async t => {
  const repo = await storeOf(t);
  const {operation} = repo;
  const all = await verifyOperations(repo);
  t.like(all, {operations: operation.seq + 1, problems: []});
  t.deepEqual([all.newest?.id, all.oldest?.seq], [operation.id, 0]);
  for (const name of [formatId, digestText, (id: ObjectId) => digestText(id).slice(0, 12).toUpperCase()]) {
    for (const seq of [0, 3, operation.seq]) {
      const some = await verifyOperations(repo, {since: name(at(repo, seq).id)});
      t.like(some, {operations: operation.seq + 1 - seq, problems: []});
      t.is(some.oldest?.seq, seq);
    }
  }
  await t.throwsAsync(verifyOperations(repo, {since: '@~3'}), {code: 'OPERATION_UNKNOWN'});
  await t.throwsAsync(verifyOperations(repo, {since: 'bagaqiera'}), {code: 'OPERATION_UNKNOWN'});
  const elsewhere = await verifyOperations(repo, {since: 'aaaaaaaaaaaaaaaa'});
  t.deepEqual(
    elsewhere.problems.map(({code}) => code),
    ['OPERATION_UNKNOWN'],
  );
});

test('an operation that was replaced or removed is named', async t => {
  const repo = await storeOf(t);
  const {id, view} = at(repo, 4);
  const bytes = Buffer.from(repo.objects.read(id));
  const forged = Buffer.from(bytes);
  forged.write('eve', forged.indexOf('ada'), 'latin1');
  const since = formatId(at(repo, 6).id);
  const cases: [Map<string, Uint8Array | null>, RegExp][] = [
    [new Map([[objectKey(id), forged]]), /^OBJECT_CORRUPT 4 Operation 4 cannot be read/],
    [new Map([[objectKey(id), null]]), /^OBJECT_MISSING 4 Operation 4 cannot be read/],
    [new Map([[objectKey(view), null]]), /^OBJECT_MISSING 4 The view of operation 4 cannot be read/],
  ];
  for (const [changes, expected] of cases) {
    const back = new Map([...changes.keys()].map(key => [key, repo.storage.get(key) as Uint8Array]));
    const {problems, operations} = await tampered(repo, changes);
    t.is(problems.length, 1);
    t.regex(problems[0] as string, expected);
    t.is(operations, repo.operation.seq - 5);
    // nobody asked about what is older
    t.deepEqual((await verifyOperations(repo, {since})).problems, []);
    t.deepEqual((await tampered(repo, back)).problems, []);
  }
});

test('a log that was cut off, and entries of the indexes that were changed, are named', async t => {
  const repo = await storeOf(t);
  const older = at(repo, 5);
  const key = operationKey(3);
  const entry = Buffer.from(repo.storage.get(key) as Uint8Array);
  entry[20] = (entry[20] as number) ^ 1;
  let ref = '';
  for await (const [found] of repo.storage.range(REF_KEYS)) ref ||= found;
  const cases: [Map<string, Uint8Array | null>, RegExp][] = [
    [
      new Map([['c', idToBytes(older.id)]]),
      /^STORE_CORRUPT 5 The index knows operation 6, but the log ends with operation 5/,
    ],
    [new Map([['c', null]]), /^STORE_CORRUPT undefined The store has lost its newest operation\.$/],
    [new Map([['c', idToBytes(older.view)]]), /^OBJECT_INVALID undefined The newest operation cannot be read/],
    [new Map([[key, entry]]), /^STORE_CORRUPT 3 The index entry for operation 3 tells of another one\.$/],
    [new Map([[key, null]]), /^STORE_CORRUPT 3 The index entry for operation 3 is missing\.$/],
    [new Map([[ref, null]]), /is missing\.$/],
    [
      new Map([[`${ref.slice(0, -8)}\0\0\0\0\0\0\0\x05`, repo.storage.get(ref) as Uint8Array]]),
      /tells of another one|instead of/,
    ],
  ];
  for (const [changes, expected] of cases) {
    const back = new Map([...changes.keys()].map(each => [each, repo.storage.get(each) ?? null]));
    const {problems} = await tampered(repo, changes);
    t.regex(problems[0] as string, expected);
    t.deepEqual((await tampered(repo, back)).problems, []);
  }
});

/** Writes the log anew from an operation on, with all that belongs to it, so that it agrees with itself. */
async function rewrite(repo: Repository, from: number, change: (operation: StoredOperation) => Partial<Operation>) {
  const writer = repo.storage.writer();
  const objects = new ObjectWriter(writer);
  for await (const [key] of repo.storage.range({gte: operationKey(from), lt: OPERATION_KEYS.lt})) writer.delete(key);
  const old = [...listOperations(repo)].reverse();
  let parent = from === 0 ? null : (old[from - 1] as StoredOperation).id;
  for (const operation of old.slice(from)) {
    const {id: _, ...content} = {...operation, parent, ...change(operation)};
    const id = writeOperation(objects, content);
    const before =
      operation.seq === 0 ? undefined : readView(repo.objects, (old[operation.seq - 1] as StoredOperation).view);
    const head = headChange(objects, before, readView(repo.objects, content.view));
    for (const [key, value] of entriesOf({id, ...content}, head)) writer.put(key, value);
    parent = id;
  }
  writer.put('c', idToBytes(parent as ObjectId));
  await writer.commit();
}

test('a log that was written anew needs an id that is known from elsewhere', async t => {
  const repo = await storeOf(t);
  const first = formatId(at(repo, 0).id);
  const known = formatId(at(repo, 6).id);
  await rewrite(repo, 4, operation => (operation.seq === 4 ? {user: 'eve'} : {}));
  t.deepEqual((await verifyOperations(repo)).problems, []);
  t.deepEqual((await verifyOperations(repo, {since: first})).problems, []);
  const {problems} = await verifyOperations(repo, {since: known});
  t.deepEqual(
    problems.map(({code}) => code),
    ['OPERATION_UNKNOWN'],
  );
});

test('an operation that does not fit its neighbours or its view is named, though its hash is right', async t => {
  const side = {branch: branchName('side')};
  const changes: [(seq: number) => Partial<Operation>, RegExp][] = [
    [() => ({time: START - 1}), /is not as it was made: it is older than the one before it\.$/],
    [seq => ({seq: seq + 5}), /is not as it was made: it follows operation \d+\.$/],
    [() => ({refChanges: []}), /the refs that it tells of are not those that moved\.$/],
    [() => ({headAfter: side}), /its HEAD is not that of its view\.$/],
    [() => ({headBefore: side}), /the HEAD before it is not that of the view before\.$/],
  ];
  for (const [change, expected] of changes) {
    const repo = await storeOf(t);
    const last = repo.operation.seq;
    await rewrite(repo, last, ({seq}) => change(seq));
    const {problems, operations} = await verifyOperations(repo);
    t.is(operations, 0);
    t.regex(problems[0]?.message ?? '', expected);
  }
});
