import test from 'ava';
import fc from 'fast-check';
import {idOf, type ObjectId} from '../../src/objects/id.js';
import {MemoryObjects} from '../../src/objects/memory.js';
import {
  branchName,
  branchRef,
  changeRefs,
  diffRefs,
  findRef,
  listRefs,
  type RefChange,
  type RefName,
  shortName,
  tagRef,
} from '../../src/repo/refs.js';

for (const name of [
  'main',
  'a/b',
  'feature-2',
  'v1.3',
  'ä/ö',
  'A_b',
  'x@y',
  '@@',
  'heads',
  'HEADS',
  'a{b',
  '日本',
  'lock',
]) {
  test(`'${name}' can name a branch`, t => {
    t.is(branchRef(branchName(name)), `branches/${name}` as RefName);
    t.is(tagRef(name), `tags/${name}` as RefName);
    t.is(shortName(tagRef(name)), name);
  });
}

const REFUSED = [
  '',
  '@',
  'HEAD',
  '-x',
  '/a',
  'a/',
  'a//b',
  '.a',
  'a/.b',
  'a.',
  'a..b',
  'a b',
  'a~1',
  'a^',
  'a:b',
  'a?',
  'a*',
  'a[b',
  'a\\b',
  'a@{1}',
  'a.lock',
  'a.lock/b',
  'a\nb',
  'a\x7fb',
  'a\0b',
  '\udcff',
  'x'.repeat(256),
  'ä'.repeat(128),
];
for (const name of REFUSED) {
  test(`${JSON.stringify(name.slice(0, 20))} (${name.length}) cannot name a branch`, t => {
    t.throws(() => branchName(name), {code: 'REF_NAME_INVALID'});
    t.throws(() => tagRef(name), {code: 'REF_NAME_INVALID'});
  });
}

const id = (n: number): ObjectId => idOf(Buffer.from(String(n)));

test('refs are listed by folder, in the order of their names', t => {
  const objects = new MemoryObjects();
  const names = ['tags/v2', 'branches/main', 'tags/v1', 'branches/a/b', 'branches/ä'] as RefName[];
  const refs = changeRefs(
    objects,
    null,
    names.map((name, i) => ({name, before: null, after: id(i)})),
  );
  t.deepEqual(
    [...listRefs(objects, refs)].map(({name}) => String(name)),
    ['branches/a/b', 'branches/main', 'branches/ä', 'tags/v1', 'tags/v2'],
  );
  t.deepEqual(
    [...listRefs(objects, refs, 'tags/')].map(ref => ref.id),
    [id(2), id(0)],
  );
  t.is([...listRefs(objects, refs, 'branches/')].length, 3);
  t.is(findRef(objects, refs, names[1] as RefName), id(1));
  t.is(findRef(objects, refs, 'branches/mai' as RefName), undefined);
});

const refMap = fc
  .uniqueArray(fc.tuple(fc.stringMatching(/^[a-c]{1,3}$/), fc.nat(3)), {selector: ([name]) => name, maxLength: 200})
  .map(entries => new Map(entries.map(([name, n]) => [branchRef(branchName(name)), id(n)])));

test('law: applying the difference of two sets of refs to the first gives the second, to the byte', t => {
  fc.assert(
    fc.property(refMap, refMap, (a, b) => {
      const objects = new MemoryObjects();
      const write = (map: Map<RefName, ObjectId>) =>
        changeRefs(
          objects,
          null,
          [...map].map(([name, after]) => ({name, before: null, after})),
        );
      const rootA = write(a);
      const rootB = write(b);
      const changes: RefChange[] = [...diffRefs(objects, rootA, rootB)];
      for (const {name, before, after} of changes) {
        t.is(before, a.get(name) ?? null);
        t.is(after, b.get(name) ?? null);
      }
      t.is(changeRefs(objects, rootA, changes), rootB);
    }),
    {numRuns: 50},
  );
});

test('changing one of 10,000 refs writes a few nodes', t => {
  const objects = new MemoryObjects();
  const all = Array.from({length: 10_000}, (_, i) => ({name: `tags/${i}` as RefName, before: null, after: id(i)}));
  const refs = changeRefs(objects, null, all);
  const before = objects.size;
  changeRefs(objects, refs, [{name: 'branches/new' as RefName, before: null, after: id(1)}]);
  t.true(objects.size - before <= 4, `${objects.size - before} objects`);
});
