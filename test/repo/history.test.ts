import test from 'ava';
import fc from 'fast-check';
import {encodeObject} from '../../src/objects/codec.js';
import type {ObjectId} from '../../src/objects/id.js';
import {idToBytes} from '../../src/objects/id.js';
import {MemoryObjects} from '../../src/objects/memory.js';
import type {ObjectReader} from '../../src/objects/store.js';
import {readCommit} from '../../src/repo/commit.js';
import {isAncestor, mergeBases, walk} from '../../src/repo/history.js';
import {reachedFrom, reaching} from '../../src/repo/reach.js';
import {fieldOfSignature} from '../../src/repo/signature.js';
import {type Graph, namesOf, START, whole, writeGraph} from '../support/repo.js';

/** Counts the objects that are read. */
function counting(objects: ObjectReader): {objects: ObjectReader; reads: () => number} {
  let reads = 0;
  const reader: ObjectReader = {
    read: id => {
      reads++;
      return objects.read(id);
    },
    find: id => objects.find(id),
    has: id => objects.has(id),
    locate: id => objects.locate(id),
  };
  return {objects: reader, reads: () => reads};
}

function names(ids: Record<string, ObjectId>, entries: Iterable<{id: ObjectId}>): string {
  return namesOf(
    ids,
    [...entries].map(({id}) => id),
  ).join(' ');
}

//  a -- b ------ d -- f
//   \    \      /
//    c    -- e0
const GRAPH: Graph = {a: [], b: ['a'], c: ['a'], e0: ['b'], d: ['b', 'e0'], f: ['d']};

test('a log is newest first, with parents after children', t => {
  const objects = new MemoryObjects();
  const ids = writeGraph(objects, GRAPH);
  t.is(names(ids, walk(whole(objects), {include: [ids.f as ObjectId]})), 'f d e0 b a');
  t.is(names(ids, walk(whole(objects), {include: [ids.f as ObjectId, ids.c as ObjectId]})), 'f d e0 c b a');
  t.is(names(ids, walk(whole(objects), {include: [ids.f as ObjectId], exclude: [ids.e0 as ObjectId]})), 'f d');
  t.is(names(ids, walk(whole(objects), {include: [ids.c as ObjectId], exclude: [ids.f as ObjectId]})), 'c');
  t.is(names(ids, walk(whole(objects), {include: [ids.a as ObjectId], exclude: [ids.f as ObjectId]})), '');
  t.is(
    names(ids, walk(whole(objects), {include: [ids.f as ObjectId, ids.f as ObjectId, ids.a as ObjectId]})),
    'f d e0 b a',
  );
  t.throws(() => writeGraph(objects, {a: [], b: ['a', 'a']}), {instanceOf: TypeError});
});

test('clocks that were wrong do not put a parent before its child', t => {
  const objects = new MemoryObjects();
  // b is the parent of c, and younger by the clock than both heads
  const ids = writeGraph(objects, {a: [], b: ['a'], c: ['b'], d: ['b', 'c']}, {a: 4000, b: 9000, c: 1000, d: 10_000});
  t.is(names(ids, walk(whole(objects), {include: [ids.d as ObjectId]})), 'd c b a');
});

test('the first commit of a log costs one read, and each further one of a line one more', t => {
  const objects = new MemoryObjects();
  const line: Record<string, string[]> = {c0: []};
  for (let i = 1; i < 100; i++) line[`c${i}`] = [`c${i - 1}`];
  const ids = writeGraph(objects, line);
  const {objects: counted, reads} = counting(objects);
  const log = walk(whole(counted), {include: [ids.c99 as ObjectId]});
  t.is(log.next().value?.id, ids.c99);
  t.is(reads(), 1);
  for (let i = 98; i > 88; i--) t.is(log.next().value?.id, ids[`c${i}`] as ObjectId);
  t.is(reads(), 11);
  const near = counting(objects);
  t.false(isAncestor(whole(near.objects), ids.c99 as ObjectId, ids.c98 as ObjectId));
  t.true(isAncestor(whole(near.objects), ids.c97 as ObjectId, ids.c99 as ObjectId));
  t.true(near.reads() < 10);
});

test('the start of a log over an old branch does not read the young one to its end', t => {
  const objects = new MemoryObjects();
  //  c0 -- c1 … c99 -- m
  //    \---------- x --/
  const graph: Record<string, string[]> = {c0: []};
  for (let i = 1; i < 100; i++) graph[`c${i}`] = [`c${i - 1}`];
  const ids = writeGraph(objects, {...graph, x: ['c0'], m: ['c99', 'x']}, {x: START});
  const {objects: counted, reads} = counting(objects);
  const log = walk(whole(counted), {include: [ids.m as ObjectId]});
  t.is(
    namesOf(
      ids,
      [log.next(), log.next(), log.next()].map(({value}) => value?.id as ObjectId),
    ).join(' '),
    'm c99 c98',
  );
  t.true(reads() < 8, `${reads()} reads`);
});

/** A random history of up to 25 commits, with clocks that are often wrong. */
const history = fc
  .array(fc.tuple(fc.array(fc.nat(1000), {maxLength: 3}), fc.nat(20)), {minLength: 1, maxLength: 25})
  .map(list => {
    const graph: Record<string, string[]> = {};
    const times: Record<string, number> = {};
    list.forEach(([picks, time], i) => {
      graph[`c${i}`] = i === 0 ? [] : [...new Set(picks.map(pick => `c${pick % i}`))];
      times[`c${i}`] = START + time * 1000;
    });
    return {graph, times, size: list.length};
  });

function ancestorsOf(graph: Graph, name: string, found = new Set<string>()): Set<string> {
  if (found.has(name)) return found;
  found.add(name);
  for (const parent of graph[name] as string[]) ancestorsOf(graph, parent, found);
  return found;
}

const picks = fc.array(fc.nat(1000), {minLength: 1, maxLength: 3});

test('law: a walk gives exactly the range, each commit once and before its parents; of those ready the newest', t => {
  fc.assert(
    fc.property(history, picks, fc.array(fc.nat(1000), {maxLength: 2}), ({graph, times, size}, include, exclude) => {
      const objects = new MemoryObjects();
      const ids = writeGraph(objects, graph, times);
      const at = (i: number) => ids[`c${i % size}`] as ObjectId;
      const log = namesOf(
        ids,
        [...walk(whole(objects), {include: include.map(at), exclude: exclude.map(at)})].map(({id}) => id),
      );
      const wanted = new Set(include.flatMap(i => [...ancestorsOf(graph, `c${i % size}`)]));
      for (const i of exclude) for (const name of ancestorsOf(graph, `c${i % size}`)) wanted.delete(name);
      t.deepEqual([...log].sort(), [...wanted].sort());
      const position = new Map(log.map((name, i) => [name, i]));
      const children = new Map<string, string[]>([...wanted].map(name => [name, []]));
      for (const name of log) {
        for (const parent of graph[name] as string[]) {
          children.get(parent)?.push(name);
          t.true((position.get(parent) ?? size) > (position.get(name) as number), `${parent} before ${name}`);
        }
      }
      // whatever was ready when a commit was chosen was not newer
      log.forEach((name, i) => {
        for (const later of log.slice(i + 1)) {
          const ready = (children.get(later) as string[]).every(child => (position.get(child) as number) < i);
          if (ready) t.true((times[later] as number) <= (times[name] as number), `${later} is newer than ${name}`);
        }
      });
    }),
    {numRuns: 200},
  );
});

test('law: merge bases and ancestors are those of the definition', t => {
  fc.assert(
    fc.property(history, fc.nat(1000), fc.nat(1000), ({graph, times, size}, i, j) => {
      const objects = new MemoryObjects();
      const ids = writeGraph(objects, graph, times);
      const [a, b] = [`c${i % size}`, `c${j % size}`];
      const [ofA, ofB] = [ancestorsOf(graph, a), ancestorsOf(graph, b)];
      const common = [...ofA].filter(name => ofB.has(name));
      const best = common.filter(name => !common.some(other => other !== name && ancestorsOf(graph, other).has(name)));
      const found = namesOf(ids, mergeBases(whole(objects), ids[a] as ObjectId, ids[b] as ObjectId));
      t.deepEqual([...found].sort(), best.sort());
      t.is(isAncestor(whole(objects), ids[a] as ObjectId, ids[b] as ObjectId), ofB.has(a));
    }),
    {numRuns: 300},
  );
});

test('law: what is reached from commits, and what reaches them, is that of the definition', t => {
  fc.assert(
    fc.property(
      history,
      fc.array(fc.nat(1000), {maxLength: 8}),
      fc.array(fc.nat(1000), {maxLength: 3}),
      fc.array(fc.nat(1000), {maxLength: 2}),
      ({graph, times, size}, candidates, others, shallow) => {
        const objects = new MemoryObjects();
        const ids = writeGraph(objects, graph, times);
        const name = (i: number) => `c${i % size}`;
        const at = (i: number) => ids[name(i)] as ObjectId;
        const cut = new Set(shallow.map(name));
        const held = Object.fromEntries(Object.entries(graph).map(([each, to]) => [each, cut.has(each) ? [] : to]));
        const source = {objects, shallow: new Set(shallow.map(at))};
        const reaches = (from: string, to: string) => ancestorsOf(held, from).has(to);
        const selected = (fits: (candidate: string, other: string) => boolean) =>
          [...new Set(candidates.map(name))].filter(each => others.some(other => fits(each, name(other)))).sort();
        const found = (of: Set<ObjectId>) => namesOf(ids, of).sort();
        const arrays = [candidates.map(at), others.map(at)] as const;
        t.deepEqual(
          found(reachedFrom(source, ...arrays)),
          selected((candidate, tip) => reaches(tip, candidate)),
        );
        t.deepEqual(
          found(reaching(source, ...arrays)),
          selected((candidate, target) => reaches(candidate, target)),
        );
      },
    ),
    {numRuns: 300},
  );
});

test('of many branches every commit is read once, and none that is older than what is asked for', t => {
  const objects = new MemoryObjects();
  const graph: Record<string, string[]> = {c0: []};
  for (let i = 1; i < 1000; i++) graph[`c${i}`] = [`c${i - 1}`];
  const branches = Array.from({length: 200}, (_, i) => `b${i}`);
  for (const [i, name] of branches.entries()) graph[name] = [`c${i * 5}`];
  const ids = writeGraph(objects, graph);
  const id = (name: string) => ids[name] as ObjectId;
  const tips = branches.map(id);
  const contains = counting(objects);
  t.is(reaching(whole(contains.objects), tips, [id('c0')]).size, 200);
  t.true(contains.reads() <= 1 + 1000 + 200, `${contains.reads()} reads`);
  const recent = counting(objects);
  t.deepEqual(namesOf(ids, reaching(whole(recent.objects), tips, [id('c990')])), ['b198', 'b199']);
  t.true(recent.reads() < 230, `${recent.reads()} reads`);
  const merged = counting(objects);
  t.is(reachedFrom(whole(merged.objects), [...tips, ...tips.map((_, i) => id(`c${i * 5}`))], [id('c999')]).size, 200);
  t.true(merged.reads() <= 400 + 1000, `${merged.reads()} reads`);
  const near = counting(objects);
  t.deepEqual(namesOf(ids, reachedFrom(whole(near.objects), [id('c995'), id('b199')], [id('c999')])), ['c995']);
  t.true(near.reads() < 10, `${near.reads()} reads`);
});

test('a deep history needs no deep stack', t => {
  const objects = new MemoryObjects();
  const graph: Record<string, string[]> = {c0: []};
  for (let i = 1; i < 20_000; i++) graph[`c${i}`] = [`c${i - 1}`];
  const state = writeGraph(objects, {x: []});
  const signature = fieldOfSignature({name: '', email: '', time: START, zone: 0});
  let id = state.x as ObjectId;
  const first = id;
  const stateBytes = idToBytes(readCommit(objects, id).state);
  for (let generation = 2; generation <= 20_000; generation++) {
    id = objects.put(encodeObject('commit', [stateBytes, [idToBytes(id)], generation, signature, signature, '', null]));
  }
  let count = 0;
  for (const _entry of walk(whole(objects), {include: [id]})) count++;
  t.is(count, 20_000);
  t.true(isAncestor(whole(objects), first, id));
  t.deepEqual(reachedFrom(whole(objects), [first], [id]), new Set([first]));
  t.deepEqual(reaching(whole(objects), [id], [first]), new Set([id]));
  t.deepEqual(mergeBases(whole(objects), first, id), [first]);
});

test('a wrong generation is found where it is met', t => {
  const objects = new MemoryObjects();
  const ids = writeGraph(objects, {a: [], b: ['a']});
  const signature = fieldOfSignature({name: '', email: '', time: START, zone: 0});
  const state = idToBytes(readCommit(objects, ids.a as ObjectId).state);
  for (const generation of [2, 4, 1000]) {
    const fields = [state, [idToBytes(ids.b as ObjectId)], generation, signature, signature, '', null];
    const id = objects.put(encodeObject('commit', fields));
    t.throws(() => [...walk(whole(objects), {include: [id]})], {code: 'OBJECT_INVALID'});
    t.throws(() => mergeBases(whole(objects), id, ids.a as ObjectId), {code: 'OBJECT_INVALID'});
    t.throws(() => reachedFrom(whole(objects), [ids.a as ObjectId], [id]), {code: 'OBJECT_INVALID'});
    t.throws(() => reaching(whole(objects), [id], [ids.a as ObjectId]), {code: 'OBJECT_INVALID'});
  }
});
