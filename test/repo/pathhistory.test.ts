import test from 'ava';
import fc from 'fast-check';
import type {ObjectId} from '../../src/objects/id.js';
import {MemoryObjects} from '../../src/objects/memory.js';
import {readCommit, writeCommit} from '../../src/repo/commit.js';
import {filesRootOf} from '../../src/repo/filesroot.js';
import {walk} from '../../src/repo/history.js';
import {type PathHistoryOptions, pathHistory} from '../../src/repo/pathhistory.js';
import {diffFiles} from '../../src/state/files.js';
import {isWithin} from '../../src/state/path.js';
import {commitContent, type Files, namesOf, START, whole, writeFiles} from '../support/repo.js';

type Commits = Readonly<Record<string, readonly [parents: readonly string[], files: Files]>>;

function build(commits: Commits): {objects: MemoryObjects; ids: Record<string, ObjectId>} {
  const objects = new MemoryObjects();
  const ids: Record<string, ObjectId> = {};
  let time = START;
  for (const [name, [parents, files]] of Object.entries(commits)) {
    const content = commitContent(
      writeFiles(objects, files),
      parents.map(parent => ids[parent] as ObjectId),
      name,
      time++,
    );
    ids[name] = writeCommit(objects, content);
  }
  return {objects, ids};
}

function history(commits: Commits, from: string, paths: readonly string[], options?: PathHistoryOptions): string {
  const {objects, ids} = build(commits);
  const entries = [...pathHistory(whole(objects), {include: [ids[from] as ObjectId]}, paths, options)];
  return namesOf(
    ids,
    entries.map(({id}) => id),
  ).join(' ');
}

const LINE: Commits = {
  a: [[], {x: '1', 'd/y': '1'}],
  b: [['a'], {x: '2', 'd/y': '1'}],
  c: [['b'], {x: '2', 'd/y': '2', 'd/e/z': '1'}],
  d: [['c'], {x: '2', 'd/y': '2'}],
  e: [['d'], {'d/y': '2'}],
  f: [['e'], {x: '2', 'd/y': '2'}],
};

test('the history of a file and of a directory', t => {
  t.is(history(LINE, 'f', ['x']), 'f e b a');
  t.is(history(LINE, 'f', ['d/y']), 'c a');
  t.is(history(LINE, 'f', ['d']), 'd c a');
  t.is(history(LINE, 'f', ['d/e']), 'd c');
  t.is(history(LINE, 'f', ['d/e/z']), 'd c');
  t.is(history(LINE, 'f', ['']), 'f e d c b a');
  t.is(history(LINE, 'e', ['x']), 'e b a');
  t.is(history(LINE, 'f', ['nowhere']), '');
  t.is(history(LINE, 'f', ['x', 'd/e']), 'f e d c b a');
  t.is(history(LINE, 'f', ['d', 'd/e/z']), 'd c a');
});

test('a file that was a directory before keeps that part of its history', t => {
  const commits: Commits = {
    a: [[], {'p/q': '1'}],
    b: [['a'], {'p/q': '2'}],
    c: [['b'], {p: 'file'}],
    d: [['c'], {p: 'other'}],
  };
  t.is(history(commits, 'd', ['p']), 'd c b a');
});

test('a merge counts only if it differs from each parent', t => {
  //  a -- b -- m
  //   \-- c --/
  const side = {a: [[], {x: '1'}], b: [['a'], {x: '2'}], c: [['a'], {x: '1', y: '1'}]} as const;
  t.is(history({...side, m: [['b', 'c'], {x: '2', y: '1'}]}, 'm', ['x']), 'b a');
  t.is(history({...side, m: [['b', 'c'], {x: '3', y: '1'}]}, 'm', ['x']), 'm b a');
  // what the merge threw away is still told
  t.is(history({...side, m: [['b', 'c'], {x: '1', y: '1'}]}, 'm', ['x']), 'b a');
});

test('changes say what happened against the first parent', t => {
  const {objects, ids} = build(LINE);
  const [newest, ...rest] = pathHistory(whole(objects), {include: [ids.f as ObjectId]}, ['d']);
  t.is(rest.length, 2);
  for (let i = 0; i < 2; i++) {
    const changes = [...(newest as NonNullable<typeof newest>).changes];
    t.deepEqual(
      changes.map(({path, before, after}) => [path, before?.type, after?.type]),
      [
        ['d/e', 'dir', undefined],
        ['d/e/z', 'file', undefined],
      ],
    );
  }
});

const RENAMED: Commits = {
  a: [[], {old: 'first', other: 'x'}],
  b: [['a'], {old: 'body', other: 'x'}],
  c: [['b'], {'d/new': 'body', other: 'x'}],
  d: [['c'], {'d/new': 'changed', other: 'x'}],
};

test('renames are followed on request', t => {
  t.is(history(RENAMED, 'd', ['d/new']), 'd c');
  t.is(history(RENAMED, 'd', ['d/new'], {followRenames: true}), 'd c b a');
  const {objects, ids} = build(RENAMED);
  const entries = [...pathHistory(whole(objects), {include: [ids.d as ObjectId]}, ['d/new'], {followRenames: true})];
  t.deepEqual(
    entries.map(({renames}) => renames),
    [[], [{from: 'old', to: 'd/new'}], [], []],
  );
});

test('a rename that changed the content is followed if someone recognises it', t => {
  const commits: Commits = {
    a: [[], {old: 'one'}],
    b: [['a'], {new: 'two', more: 'three'}],
    c: [['b'], {new: 'two'}],
  };
  t.is(history(commits, 'c', ['new'], {followRenames: true}), 'b');
  const findSource: NonNullable<PathHistoryOptions['findSource']> = (added, deleted) => {
    t.is(added.path, 'new');
    t.deepEqual(
      deleted.map(({path}) => path),
      ['old'],
    );
    return deleted[0];
  };
  t.is(history(commits, 'c', ['new'], {followRenames: true, findSource}), 'b a');
});

test('a rename on one side of a merge leaves the other side its name', t => {
  //  a -- b (renames) -- m
  //   \-- c (edits) ----/
  const commits: Commits = {
    a: [[], {old: 'body', k: '0'}],
    b: [['a'], {new: 'body', k: '0'}],
    c: [['a'], {old: 'edited', k: '0'}],
    m: [['b', 'c'], {new: 'body', k: '0'}],
  };
  t.is(history(commits, 'm', ['new'], {followRenames: true}), 'b a');
});

const files = fc.dictionary(fc.constantFrom('x', 'd/y', 'd/z', 'd/e/w', 'dd/y', 'v'), fc.constantFrom('1', '2'), {
  maxKeys: 5,
});
const commits = fc
  .array(fc.tuple(fc.array(fc.nat(1000), {maxLength: 2}), files), {minLength: 1, maxLength: 15})
  .map(list =>
    Object.fromEntries(
      list.map(([picks, content], i) => [
        `c${i}`,
        [i === 0 ? [] : [...new Set(picks.map(pick => `c${pick % i}`))], content],
      ]),
    ),
  ) as fc.Arbitrary<Commits>;

test('law: the history of paths is the walk, kept where a full comparison finds a difference from every parent', t => {
  fc.assert(
    fc.property(commits, fc.subarray(['x', 'd', 'd/y', 'd/e', 'dd', ''], {minLength: 1}), (graph, paths) => {
      const {objects, ids} = build(graph);
      const include = [Object.values(ids).at(-1) as ObjectId];
      const rootOf = (id: ObjectId) => filesRootOf(objects, readCommit(objects, id).state);
      const expected = [...walk(whole(objects), {include})].filter(({id, commit}) => {
        const parents = commit.parents.length > 0 ? commit.parents.map(rootOf) : [null];
        return parents.every(parent =>
          [...diffFiles(objects, parent, rootOf(id))].some(({path}) => paths.some(wanted => isWithin(path, wanted))),
        );
      });
      t.deepEqual(
        namesOf(
          ids,
          [...pathHistory(whole(objects), {include}, paths)].map(({id}) => id),
        ),
        namesOf(
          ids,
          expected.map(({id}) => id),
        ),
      );
    }),
    {numRuns: 200},
  );
});

test('law: so it is in trees of several levels, whatever was added and removed around the path', t => {
  const edit = fc.record({n: fc.nat(699), kind: fc.constantFrom('set', 'set', 'remove', 'near'), value: fc.nat(2)});
  fc.assert(
    fc.property(fc.array(edit, {minLength: 10, maxLength: 40}), fc.nat(699), (edits, target) => {
      const pathOf = (n: number) => `d${n % 13}/e${n % 3}/f${n}`;
      const wanted = pathOf(target);
      const current = new Map(Array.from({length: 700}, (_, n) => [pathOf(n), '0']));
      const objects = new MemoryObjects();
      const ids: ObjectId[] = [];
      edits.forEach(({n, kind, value}, i) => {
        if (kind === 'near') current.set(value === 0 ? wanted : `${wanted}${value}`, `${n % 2}`);
        else if (kind === 'remove') current.delete(pathOf(n));
        else current.set(pathOf(n), `${value}`);
        const state = writeFiles(objects, Object.fromEntries(current));
        ids.push(writeCommit(objects, commitContent(state, ids.slice(-1), `${i}`, START + i)));
      });
      const include = ids.slice(-1);
      const rootOf = (id: ObjectId) => filesRootOf(objects, readCommit(objects, id).state);
      for (const path of [wanted, `d${target % 13}`, `d${target % 13}/e${target % 3}`]) {
        const expected = [...ids].reverse().filter(id => {
          const [parent] = readCommit(objects, id).parents;
          const changes = diffFiles(objects, parent === undefined ? null : rootOf(parent), rootOf(id));
          return [...changes].some(change => isWithin(change.path, path));
        });
        t.deepEqual(
          [...pathHistory(whole(objects), {include}, [path])].map(({id}) => id),
          expected,
        );
      }
    }),
    {numRuns: 10},
  );
});
