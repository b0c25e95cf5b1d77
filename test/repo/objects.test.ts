import test from 'ava';
import fc from 'fast-check';
import {isDbosError} from '../../src/errors.js';
import {decodeObject, encodeObject, type Field, wideInteger} from '../../src/objects/codec.js';
import {idOf, idToBytes} from '../../src/objects/id.js';
import type {ObjectKind} from '../../src/objects/kinds.js';
import {MemoryObjects} from '../../src/objects/memory.js';
import {decodeCommit, decodeCommitHeader, readCommit, writeCommit} from '../../src/repo/commit.js';
import {type AffectedTable, type Operation, readOperation, writeOperation} from '../../src/repo/operation.js';
import {branchName, branchRef, HEAD, remoteName, tagRef} from '../../src/repo/refs.js';
import {fieldOfSignature, type Signature} from '../../src/repo/signature.js';
import {decodeTag, peel, writeTag} from '../../src/repo/tag.js';
import {readView, writeView} from '../../src/repo/view.js';
import {START} from '../support/repo.js';

const id = fc.uint8Array({minLength: 32, maxLength: 32}).map(bytes => idOf(bytes));
/** Any text that stands for bytes, also for such as are not UTF-8. */
const text = fc.oneof(fc.string({unit: 'binary'}), fc.constant('a\udc80'), fc.constant(''));
const signature: fc.Arbitrary<Signature> = fc.record({
  name: text,
  email: text,
  time: fc.integer({min: -8.64e15, max: 8.64e15}),
  zone: fc.integer({min: -1440, max: 1440}),
});

test('law: what is written is what is read', t => {
  const commit = fc.record({
    state: id,
    parents: fc.constant([]),
    author: signature,
    committer: signature,
    message: text,
    cause: fc.option(text),
  });
  fc.assert(
    fc.property(commit, signature, text, id, (content, tagger, message, target) => {
      const objects = new MemoryObjects();
      const first = writeCommit(objects, content);
      t.deepEqual(readCommit(objects, first), {...content, generation: 1});
      const second = writeCommit(objects, {...content, parents: [first]});
      const third = writeCommit(objects, {...content, parents: [first, second]});
      t.is(readCommit(objects, third).generation, 3);
      const tag = {target, name: 'v1', tagger, message};
      t.deepEqual(decodeTag(objects.read(writeTag(objects, tag))), tag);
      const view = {refs: target, head: {branch: branchName('main')}};
      t.deepEqual(readView(objects, writeView(objects, view)), view);
    }),
  );
});

const OPERATION: Operation = {
  seq: 2 ** 40,
  parent: idOf(Buffer.from('parent')),
  view: idOf(Buffer.from('view')),
  time: START,
  zone: -210,
  user: 'u\udcff',
  host: 'h',
  pid: 7,
  command: 'dbos x',
  kind: 'undo',
  description: '',
  refChanges: [{name: tagRef('v'), before: null, after: idOf(Buffer.from('a'))}],
  headBefore: {branch: branchName('main')},
  headAfter: {detached: idOf(Buffer.from('a'))},
  undo: {target: idOf(Buffer.from('t')), position: idOf(Buffer.from('p')), below: null},
  transaction: 'T1',
  sql: 'SELECT \udcff',
  affected: [
    {ref: HEAD, table: 'files', added: 2 ** 40, modified: 0, deleted: 1},
    {ref: branchRef(branchName('main')), table: 'a', added: 0, modified: 0, deleted: 0},
    {ref: branchRef(branchName('main')), table: 'b', added: 0, modified: 0, deleted: 0},
  ],
  remoteRenames: [{from: remoteName('a'), to: remoteName('b')}],
};
const [ON_HEAD, TABLE_A, TABLE_B] = OPERATION.affected as readonly AffectedTable[];

test('operations are read as they were written', t => {
  const objects = new MemoryObjects();
  const written = writeOperation(objects, OPERATION);
  t.deepEqual(readOperation(objects, written), {id: written, ...OPERATION});
});

const some: Field = idToBytes(idOf(Buffer.from('some')));
const who = fieldOfSignature({name: 'n', email: 'e', time: START, zone: 0});
const at = (time: number): Field => ['n', 'e', wideInteger(time), 0];
const beyond: Field = Buffer.from('7fffffffffffffff', 'hex');

const HOSTILE: readonly (readonly [title: string, kind: ObjectKind, fields: readonly Field[]])[] = [
  ['no fields', 'commit', []],
  ['a field too many', 'commit', [some, [], 1, who, who, '', null, 0]],
  ['a state that is no id', 'commit', ['x', [], 1, who, who, '', null]],
  ['a short id', 'commit', [Buffer.alloc(31), [], 1, who, who, '', null]],
  ['a parent twice', 'commit', [some, [some, some], 2, who, who, '', null]],
  ['thousands of parents', 'commit', [some, Array.from({length: 2000}, () => some), 2, who, who, '', null]],
  ['generation 0', 'commit', [some, [], 0, who, who, '', null]],
  ['generation 2 without parents', 'commit', [some, [], 2, who, who, '', null]],
  ['generation 1 with parents', 'commit', [some, [some], 1, who, who, '', null]],
  ['a time beyond all dates', 'commit', [some, [], 1, at(8.64e15 + 1), who, '', null]],
  ['a time beyond all numbers', 'commit', [some, [], 1, ['n', 'e', beyond, 0], who, '', null]],
  ['a zone of a week', 'commit', [some, [], 1, ['n', 'e', wideInteger(0), 10_080], who, '', null]],
  ['a signature that is a text', 'commit', [some, [], 1, 'me', who, '', null]],
  ['a long signature', 'commit', [some, [], 1, ['n', 'e', wideInteger(0), 0, 0], who, '', null]],
  ['bytes for a message that is text', 'commit', [some, [], 1, who, who, Buffer.from('text'), null]],
  ['a message that is a number', 'commit', [some, [], 1, who, who, 5, null]],
  ['no target', 'tag', [null, 'v', who, '']],
  ['no name', 'tag', [some, 5, who, '']],
  ['too few fields', 'tag', [some, 'v', who]],
  ['no head', 'view', [null, null]],
  ['a head of an unknown kind', 'view', [null, [2, 'main']]],
  ['a branch named HEAD', 'view', [null, [0, 'HEAD']]],
  ['a branch with a newline', 'view', [null, [0, 'a\nb']]],
  ['a detached head without id', 'view', [null, [1, 'x']]],
  ['a head with more', 'view', [null, [0, 'main', 1]]],
  ['refs that are no id', 'view', [5, [0, 'main']]],
];

for (const [title, kind, fields] of HOSTILE) {
  test(`a ${kind} with ${title} is OBJECT_INVALID`, t => {
    const objects = new MemoryObjects();
    const bad = objects.put(encodeObject(kind, fields));
    const read = {commit: readCommit, tag: peel, view: readView}[kind as 'commit' | 'tag' | 'view'];
    t.throws(() => read(objects, bad), {code: 'OBJECT_INVALID'});
  });
}

const OPERATION_CHANGES: readonly (readonly [title: string, changes: Partial<Record<keyof Operation, unknown>>])[] = [
  ['a parent for the first', {seq: 0}],
  ['no parent for a later one', {parent: null}],
  ['kind init later on', {kind: 'init'}],
  ['an undo that says nothing', {undo: null}],
  ['a normal one that undoes', {kind: 'normal'}],
  ['an undo without position', {undo: {...OPERATION.undo, position: null}}],
  ['a restore with a position', {kind: 'restore'}],
  ['a ref outside its folders', {refChanges: [{name: 'main', before: null, after: null}]}],
  ['a ref with an impossible name', {refChanges: [{name: 'tags/a..b', before: null, after: null}]}],
  ['an impossible zone', {zone: 5000}],
  ['tables in another order', {affected: [ON_HEAD, TABLE_B, TABLE_A]}],
  ['a table twice', {affected: [TABLE_A, TABLE_A]}],
  ['fewer than no rows', {affected: [{...TABLE_A, added: -1}]}],
  ['tables of a ref outside its folders', {affected: [{...TABLE_A, ref: 'main'}]}],
  ['a transaction that is no text', {transaction: 5}],
  ['a remote in two parts', {remoteRenames: [{from: 'a', to: 'b/c'}]}],
  ['a remote without a name', {remoteRenames: [{from: '', to: 'b'}]}],
];
for (const [title, changes] of OPERATION_CHANGES) {
  test(`an operation with ${title} is OBJECT_INVALID`, t => {
    const objects = new MemoryObjects();
    const bad = writeOperation(objects, {...OPERATION, ...changes} as Operation);
    t.throws(() => readOperation(objects, bad), {code: 'OBJECT_INVALID'});
  });
}

test('an operation with more in one of its lists is OBJECT_INVALID', t => {
  const objects = new MemoryObjects();
  const fields = decodeObject(objects.read(writeOperation(objects, OPERATION)), 'operation') as Field[];
  const [changes, undo, affected] = [fields[11] as Field[][], fields[14] as Field[], fields[17] as Field[][]];
  const withField = (number: number, value: Field) => {
    const changed = fields.map((field, i) => (i === number ? value : field));
    return objects.put(encodeObject('operation', changed));
  };
  t.notThrows(() => readOperation(objects, withField(11, changes)));
  for (const bad of [
    withField(11, [[...(changes[0] as Field[]), null]]),
    withField(11, [(changes[0] as Field[]).slice(0, 2)]),
    withField(14, [...undo, null]),
    withField(14, undo.slice(0, 2)),
    withField(17, [[...(affected[0] as Field[]), null]]),
    withField(17, [(affected[0] as Field[]).slice(0, 4)]),
    withField(18, [['a', 'b', 'c']]),
    withField(18, [['a']]),
  ]) {
    t.throws(() => readOperation(objects, bad), {code: 'OBJECT_INVALID', message: /number of fields/});
  }
});

test('an operation of the version for renames of remotes that has none is OBJECT_INVALID', t => {
  const objects = new MemoryObjects();
  const fields = decodeObject(objects.read(writeOperation(objects, OPERATION)), 'operation') as Field[];
  const bad = objects.put(encodeObject('operation', [...fields.slice(0, 18), []]));
  t.throws(() => readOperation(objects, bad), {code: 'OBJECT_INVALID'});
});

test('law: the header of a commit is what its whole says', t => {
  const generation = fc.oneof(fc.integer({min: 2, max: 300}), fc.integer({min: 2, max: 0xffffffff}));
  fc.assert(
    fc.property(fc.uniqueArray(id, {maxLength: 20}), generation, signature, signature, (parents, number, a, b) => {
      const fields = [
        some,
        parents.map(idToBytes),
        parents.length === 0 ? 1 : number,
        fieldOfSignature(a),
        fieldOfSignature(b),
      ];
      const bytes = encodeObject('commit', [...fields, 'message', null]);
      const {state, generation: told, committer} = decodeCommit(bytes);
      t.deepEqual(decodeCommitHeader(bytes), {state, parents, generation: told, time: committer.time});
    }),
  );
});

test('law: any flipped byte of an object is read as something valid or is an error with a code', t => {
  const objects = new MemoryObjects();
  const commit = writeCommit(objects, {
    state: idOf(Buffer.from('s')),
    parents: [],
    author: {name: 'n', email: 'e', time: START, zone: 60},
    committer: {name: 'n', email: 'e', time: START, zone: 60},
    message: 'a message',
    cause: 'amend',
  });
  const operation = writeOperation(objects, OPERATION);
  let errors = 0;
  for (const whole of [commit, operation]) {
    const bytes = Buffer.from(objects.read(whole));
    for (let i = 0; i < bytes.length; i++) {
      for (const bit of [1, 0x80, 0xff]) {
        const flipped = Buffer.from(bytes);
        flipped[i] = (flipped[i] as number) ^ bit;
        try {
          if (whole === commit) {
            decodeCommitHeader(flipped);
            decodeCommit(flipped);
          }
          if (whole === operation) readOperation(objects, objects.put(flipped));
        } catch (error) {
          if (!isDbosError(error)) throw error;
          errors++;
        }
      }
    }
  }
  t.true(errors > 100);
});

test('a tag of a tag, of a blob, or of nothing is no commit', t => {
  const objects = new MemoryObjects();
  const blob = objects.put(Buffer.from('text'));
  const tagger = {name: '', email: '', time: 0, zone: 0};
  t.throws(() => peel(objects, blob), {code: 'REVISION_INVALID'});
  const ofBlob = writeTag(objects, {target: blob, name: 'x', tagger, message: ''});
  t.throws(() => peel(objects, ofBlob), {code: 'OBJECT_INVALID'});
  const ofTag = writeTag(objects, {target: ofBlob, name: 'x', tagger, message: ''});
  t.throws(() => peel(objects, ofTag), {code: 'OBJECT_INVALID'});
  const ofNothing = writeTag(objects, {target: idOf(Buffer.from('?')), name: 'x', tagger, message: ''});
  t.throws(() => peel(objects, ofNothing), {code: 'OBJECT_MISSING'});
});
