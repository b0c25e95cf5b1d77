/** Damage: every kind is found and named, the rest of the tree is still looked at, and hostile nodes harm no reader. */
import test from 'ava';
import fc from 'fast-check';
import {ByteWriter} from '../../src/bytes.js';
import {isDbosError} from '../../src/errors.js';
import {decodeObject, encodeObject} from '../../src/objects/codec.js';
import type {ObjectId} from '../../src/objects/id.js';
import {MemoryObjects} from '../../src/objects/memory.js';
import {buildTree} from '../../src/tree/builder.js';
import {ContentRef, type Row} from '../../src/tree/cell.js';
import {compareNodes} from '../../src/tree/compare-nodes.js';
import {diffTrees} from '../../src/tree/diff.js';
import {editTree} from '../../src/tree/edit.js';
import {encodeKey} from '../../src/tree/key.js';
import {linksOf} from '../../src/tree/links.js';
import {type Child, decodeNode, encodeInner, encodeLeaf, type InnerNode, readShape} from '../../src/tree/node.js';
import {countRange, getRow, rowAt, scanRows} from '../../src/tree/read.js';
import type {TreeRoot, TreeSpec} from '../../src/tree/spec.js';
import {MAX_CELL_BYTES} from '../../src/tree/vector.js';
import {type VerifiedNodes, verifyTree} from '../../src/tree/verify.js';
import {CountingObjects, digest, FILES, fileRows, PAIRS} from './samples.js';

const SMALL: TreeSpec = {...PAIRS, leafRows: 4, innerRows: 4};

function pairs(from: number, to: number): Row[] {
  return Array.from({length: to - from}, (_, i): Row => [from + i, 0]);
}

function leafOf(objects: MemoryObjects, rows: readonly Row[]): Child {
  const columns = [0, 1].map(column => rows.map(row => row[column] as number));
  const id = objects.put(encodeLeaf(columns, rows.length));
  return {id, rows: rows.length, key: encodeKey(SMALL, rows[rows.length - 1] as Row)};
}

function innerOf(objects: MemoryObjects, level: number, children: readonly Child[]): Child {
  const rows = children.reduce((sum, child) => sum + child.rows, 0);
  return {id: objects.put(encodeInner(level, children)), rows, key: (children.at(-1) as Child).key};
}

function problems(objects: MemoryObjects, root: ObjectId, spec = SMALL): string[] {
  return [...verifyTree(objects, spec, root)].map(({code, problem}) => (code === 'OBJECT_INVALID' ? problem : code));
}

/** Leaves that end where they should, of the keys 0 to `rows` − 1. */
function soundLeaves(objects: MemoryObjects, rows: number): Child[] {
  const root = buildTree(objects, SMALL, pairs(0, rows)) as ObjectId;
  const collect = (id: ObjectId): Child[] => {
    const node = decodeNode(SMALL, objects.read(id)) as InnerNode;
    const children = Array.from({length: node.count}, (_, i) => node.childAt(i));
    return node.level === 1 ? children : children.flatMap(child => collect(child.id));
  };
  return collect(root);
}

test('sound trees have no problems', t => {
  const objects = new MemoryObjects();
  t.deepEqual([...verifyTree(objects, SMALL, null)], []);
  t.deepEqual(problems(objects, buildTree(objects, SMALL, pairs(0, 500)) as ObjectId), []);
  t.deepEqual(problems(objects, buildTree(objects, FILES, fileRows(3000)) as ObjectId, FILES), []);
});

test('missing and damaged nodes are named with their keys, and the rest is still checked', t => {
  const objects = new MemoryObjects();
  const root = buildTree(objects, SMALL, pairs(0, 300)) as ObjectId;
  const leaves = soundLeaves(objects, 300);
  const gone = leaves[3] as Child;
  const bad = leaves[9] as Child;
  const last = leaves.at(-1) as Child;
  const damaged = new (class extends MemoryObjects {
    override find(id: ObjectId) {
      return id === gone.id || id === last.id ? undefined : objects.find(id);
    }
    override read(id: ObjectId) {
      // a store that did not check the hash would hand this out
      return id === bad.id ? encodeObject('node', [0, 3, 2, Buffer.from([1, 1, 0, 0])]) : super.read(id);
    }
  })();
  const found = [...verifyTree(damaged, SMALL, root)];
  t.deepEqual(new Set(found.map(({id}) => id)), new Set([gone.id, bad.id, last.id]));
  const missing = found.find(({id}) => id === gone.id);
  t.is(missing?.code, 'OBJECT_MISSING');
  t.deepEqual(missing?.lastKey, gone.key);
  t.deepEqual(missing?.firstKey, leaves[2]?.key);
});

test('nodes of a wrong level, count or key are refused by readers and named by the check', t => {
  const objects = new MemoryObjects();
  const leaves = soundLeaves(objects, 40);
  const [a, b] = leaves as [Child, Child];
  const read = (root: Child) => [...scanRows(objects, SMALL, root.id)];

  const inner = innerOf(objects, 1, [a, b]);
  const skipped = innerOf(objects, 2, [a, b]);
  t.throws(() => read(skipped), {code: 'OBJECT_INVALID'});
  t.regex(problems(objects, skipped.id).join(), /level 0 under level 2/);
  const mixed = innerOf(objects, 2, [inner, leaves[2] as Child]);
  t.throws(() => read(mixed), {code: 'OBJECT_INVALID'});

  const miscounted = innerOf(objects, 1, [{...a, rows: a.rows + 1}, b]);
  t.throws(() => read(miscounted), {code: 'OBJECT_INVALID'});
  t.regex(problems(objects, miscounted.id).join(), /rows and its parent says/);

  const wrongKey = innerOf(objects, 1, [{...a, key: encodeKey(SMALL, [0.5])}, b]);
  t.regex(problems(objects, wrongKey.id).join(), /greatest key/);
  const wrongInnerKey = innerOf(objects, 2, [
    {...inner, key: encodeKey(SMALL, [0.5])},
    innerOf(objects, 1, leaves.slice(2, 4)),
  ]);
  t.throws(() => read(wrongInnerKey), {code: 'OBJECT_INVALID'});

  const overlap = innerOf(objects, 1, [leafOf(objects, pairs(0, 5)), leafOf(objects, pairs(3, 9))]);
  t.regex(problems(objects, overlap.id).join(), /before its left neighbour ends/);
});

test('what the builder would not have made is named', t => {
  const objects = new MemoryObjects();
  const leaves = soundLeaves(objects, 100);
  const first = leaves[0] as Child;
  t.regex(problems(objects, innerOf(objects, 1, [first]).id).join(), /only one child/);

  const merged = leafOf(objects, pairs(0, first.rows + 1));
  t.regex(problems(objects, merged.id).join(), /goes on where it should end/);

  const cut = first.rows - 1;
  const short = innerOf(objects, 1, [leafOf(objects, pairs(0, cut)), leafOf(objects, pairs(cut, first.rows))]);
  t.regex(problems(objects, short.id).join(), /ends where it should go on/);

  const unsorted = objects.put(
    encodeLeaf(
      [
        [2, 1],
        [0, 0],
      ],
      2,
    ),
  );
  t.regex(problems(objects, unsorted).join(), /do not ascend/);

  // a null bitmap without a null: the same cells, other bytes
  const body = Buffer.from([11, 11, 0x82, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]);
  const odd = objects.put(
    encodeObject('node', [0, 1, 2, Buffer.from([12, 1, ...body.subarray(2, 5), ...Buffer.alloc(9), 0])]),
  );
  t.regex(problems(objects, odd).join(), /canonical/);
});

test('crafted nodes are OBJECT_INVALID at once', t => {
  const leaf = (...fields: Parameters<typeof encodeObject>[1]) => encodeObject('node', fields);
  const body = Buffer.from([1, 1, 0, 0]);
  const id = Buffer.alloc(32);
  const hostile = {
    empty: Buffer.alloc(0),
    'no rows': leaf(0, 0, 2, body),
    'more rows than a leaf can have': leaf(0, 13, 2, body),
    'huge count': leaf(0, 0xffffffff, 2, body),
    'other columns': leaf(0, 1, 3, Buffer.from([1, 1, 1, 0, 0, 0])),
    'huge columns': leaf(0, 1, 0xffffff, body),
    'lengths beyond the body': leaf(0, 1, 2, Buffer.from([1, 0xff, 0xff, 0xff, 0xff, 0x0f, 0, 0])),
    'bytes after the vectors': leaf(0, 1, 2, Buffer.concat([body, body])),
    'a level beyond all trees': leaf(61, 1, Buffer.concat([id, body])),
    'an inner node without a body': leaf(1, 1),
    'more children than bytes': leaf(1, 9, id),
    'keys beyond the body': leaf(1, 1, Buffer.concat([id, Buffer.from([10, 1, 1, 1, 0, 0, 0, 0, 0, 0, 0, 0, 1, 200])])),
    'a child without rows': leaf(1, 1, Buffer.concat([id, Buffer.from([10, 1, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0])])),
    'another kind': encodeObject('table', [0, 1, 2, body]),
  };
  for (const [name, bytes] of Object.entries(hostile)) {
    t.throws(() => decodeNode(SMALL, bytes), {code: 'OBJECT_INVALID'}, name);
  }
  t.notThrows(() => decodeNode(SMALL, leaf(0, 1, 2, body)));
});

test('a leaf whose keys cannot be keys, or whose cells are too large, is OBJECT_INVALID to every reader', t => {
  const objects = new MemoryObjects();
  const withNaN = objects.put(
    encodeLeaf(
      [
        [Number.NaN, 2],
        [0, 0],
      ],
      2,
    ),
  );
  t.throws(() => getRow(objects, SMALL, withNaN, encodeKey(SMALL, [1])), {code: 'OBJECT_INVALID'});
  t.throws(() => editTree(objects, SMALL, withNaN, [{key: encodeKey(SMALL, [1]), row: [1, 1]}]), {
    code: 'OBJECT_INVALID',
  });
  t.regex(problems(objects, withNaN).join(), /key that cannot be one/);
  const size = MAX_CELL_BYTES + 1;
  const large = Buffer.concat([Buffer.from([5, 4]), Buffer.from(Uint32Array.of(size).buffer), Buffer.alloc(size)]);
  const key = Buffer.concat([Buffer.from([1, 1]), Buffer.alloc(8)]);
  const body = Buffer.concat([new ByteWriter().varint(key.length).varint(large.length).finish(), key, large]);
  const tooLarge = objects.put(encodeObject('node', [0, 1, 2, body]));
  t.throws(() => [...scanRows(objects, SMALL, tooLarge)], {code: 'OBJECT_INVALID'});
  t.regex(problems(objects, tooLarge).join(), /too large/);
});

test('keys of an inner node must ascend', t => {
  const objects = new MemoryObjects();
  const [a, b] = soundLeaves(objects, 40) as [Child, Child];
  const bytes = encodeInner(1, [b, a]);
  t.throws(() => decodeNode(SMALL, bytes), {code: 'OBJECT_INVALID'});
});

test('flipped bytes never crash a reader, an edit, a diff or the check', t => {
  const objects = new MemoryObjects();
  const rows = fileRows(400);
  const spec = {...FILES, leafRows: 8, innerRows: 4};
  const root = buildTree(objects, spec, rows) as ObjectId;
  const other = editTree(objects, spec, root, [{key: encodeKey(spec, rows[200] as Row), row: null}]);
  const ids = [...reachable(objects, root)];
  const key = encodeKey(spec, rows[123] as Row);
  const soundly = (action: () => unknown): boolean => {
    try {
      action();
      return true;
    } catch (error) {
      return (
        isDbosError(error, 'OBJECT_INVALID') ||
        isDbosError(error, 'STORE_FORMAT') ||
        isDbosError(error, 'OBJECT_MISSING')
      );
    }
  };
  fc.assert(
    fc.property(fc.nat(), fc.array(fc.tuple(fc.nat(), fc.nat(255)), {minLength: 1, maxLength: 3}), (which, flips) => {
      const target = ids[which % ids.length] as ObjectId;
      const bytes = Buffer.from(objects.read(target));
      for (const [at, mask] of flips) bytes[at % bytes.length] = (bytes[at % bytes.length] as number) ^ mask;
      const damaged = new (class extends MemoryObjects {
        override read(id: ObjectId) {
          return id === target ? bytes : objects.read(id);
        }
      })();
      return (
        soundly(() => [...scanRows(damaged, spec, root)]) &&
        soundly(() => [...scanRows(damaged, spec, root, {reverse: true, lt: key})]) &&
        soundly(() => getRow(damaged, spec, root, key)) &&
        soundly(() => countRange(damaged, spec, root, {gte: key})) &&
        soundly(() => rowAt(damaged, spec, root, 200)) &&
        soundly(() => [...diffTrees(damaged, spec, root, other)]) &&
        soundly(() => [...diffTrees(damaged, spec, root, null)]) &&
        soundly(() => editTree(damaged, spec, root, [{key, row: null}])) &&
        soundly(() => linksOf(bytes)) &&
        soundly(() => [...verifyTree(damaged, spec, root)])
      );
    }),
    {numRuns: 400},
  );
  t.pass();
});

test('law: beside the version before it a tree is found as wrong as by itself', t => {
  const objects = new MemoryObjects();
  const spec = {...FILES, leafRows: 8, innerRows: 4};
  const rows = fileRows(200);
  const before = buildTree(objects, spec, rows) as ObjectId;
  const changed = rows.slice(50, 120).map((row): Row => row.map((cell, i) => (i === 3 ? 0o600 : cell)));
  const edits = changed.map(row => ({key: encodeKey(spec, row), row}));
  edits.push({key: encodeKey(spec, rows[150] as Row), row: null as never});
  const root = editTree(objects, spec, before, edits) as ObjectId;
  const ids = [...reachable(objects, root)];
  const found = (reader: MemoryObjects, base: TreeRoot) =>
    [...verifyTree(reader, spec, root, undefined, undefined, base)].map(({id, code, problem}) => ({id, code, problem}));
  t.deepEqual(found(objects, before), []);
  let wrong = 0;
  fc.assert(
    fc.property(fc.nat(), fc.nat(), fc.integer({min: 1, max: 255}), (which, at, mask) => {
      const target = ids[which % ids.length] as ObjectId;
      const bytes = Buffer.from(objects.read(target));
      bytes[at % bytes.length] = (bytes[at % bytes.length] as number) ^ mask;
      const damaged = new (class extends MemoryObjects {
        override read(id: ObjectId) {
          return id === target ? bytes : objects.read(id);
        }
      })();
      // what the versions share is damaged in both
      if (reachableSet(objects, before).has(target)) return true;
      const alone = found(damaged, null);
      if (alone.length > 0) wrong++;
      return JSON.stringify(alone) === JSON.stringify(found(damaged, before));
    }),
    {numRuns: 500},
  );
  t.true(wrong > 100, `${wrong}`);
});

function reachableSet(objects: MemoryObjects, id: ObjectId): ReadonlySet<ObjectId> {
  return new Set(reachable(objects, id));
}

function* reachable(objects: MemoryObjects, id: ObjectId): Generator<ObjectId> {
  yield id;
  for (const link of linksOf(objects.read(id))) if (link.kind === 'node') yield* reachable(objects, link.id);
}

test('versions of a table that share a set are checked once', t => {
  const objects = new CountingObjects();
  const root = buildTree(objects, SMALL, pairs(0, 2000)) as ObjectId;
  const next = editTree(objects, SMALL, root, [{key: encodeKey(SMALL, [700]), row: [700, 1]}]) as ObjectId;
  const seen: VerifiedNodes = new Map();
  t.deepEqual([...verifyTree(objects, SMALL, root, seen)], []);
  objects.reads = 0;
  t.deepEqual([...verifyTree(objects, SMALL, next, seen)], []);
  // the nodes on the way to the change, and their neighbours not at all
  t.true(objects.reads < 12, `${objects.reads}`);
});

test('a node that was checked is still held against each of its places', t => {
  const objects = new CountingObjects();
  const leaves = soundLeaves(objects, 100);
  const [a, b, c] = leaves as [Child, Child, Child];
  const seen: VerifiedNodes = new Map();
  const check = (root: ObjectId) => [...verifyTree(objects, SMALL, root, seen)].map(({problem}) => problem);
  const pair = innerOf(objects, 1, [a, b]);
  t.deepEqual(check(pair.id), []);
  t.regex(check(innerOf(objects, 1, [{...a, rows: a.rows + 1}, b]).id).join(), /^The node has \d+ rows/);
  t.regex(check(innerOf(objects, 1, [{...a, key: encodeKey(SMALL, [0.5])}, b]).id).join(), /^The greatest key/);
  t.regex(check(innerOf(objects, 2, [a, b]).id).join(), /level 0 under level 2/);
  // c begins within b, as the left edge of a subtree that was sound elsewhere
  const right = innerOf(objects, 1, [c, leaves[3] as Child]);
  t.deepEqual(check(right.id), []);
  const wide = leafOf(objects, pairs(0, a.rows + b.rows + 1));
  const left = innerOf(objects, 1, [wide, {...wide, key: encodeKey(SMALL, [a.rows + b.rows + 0.5])}]);
  const overlap = [...verifyTree(objects, SMALL, innerOf(objects, 2, [left, right]).id, seen)];
  t.deepEqual(
    overlap.filter(({id}) => id === right.id || id === c.id).map(({problem}) => problem),
    ['The node begins before its left neighbour ends'],
  );
  // one child is sound at the right edge, and never at the root
  const single = innerOf(objects, 1, [leaves[4] as Child]);
  check(innerOf(objects, 2, [right, single]).id);
  objects.reads = 0;
  t.deepEqual(check(single.id), ['The root has only one child']);
  t.is(objects.reads, 0);
});

/** Returns every node of a tree. */
function allNodes(objects: MemoryObjects, root: TreeRoot): Set<ObjectId> {
  const nodes = new Set<ObjectId>();
  const visit = (id: ObjectId): void => {
    nodes.add(id);
    for (const link of linksOf(objects.read(id))) if (link.kind === 'node') visit(link.id);
  };
  if (root !== null) visit(root);
  return nodes;
}

test('comparing nodes tells exactly those that other trees do not have', t => {
  const edit = fc.record({key: fc.nat(700), value: fc.option(fc.nat(3))});
  fc.assert(
    fc.property(fc.nat(600), fc.array(edit, {maxLength: 40}), fc.nat(600), (rows, edits, other) => {
      const objects = new MemoryObjects();
      const before = buildTree(objects, SMALL, pairs(0, rows));
      const third = buildTree(objects, SMALL, pairs(other, 700));
      const keyed = new Map(edits.map(({key, value}) => [key, value]));
      const sorted = [...keyed].sort(([a], [b]) => a - b);
      const rowsOf = sorted.map(([key, value]) => ({
        key: encodeKey(SMALL, [key]),
        row: value === null ? null : [key, value],
      }));
      const after = editTree(objects, SMALL, before, rowsOf);
      const {own, shared, otherLeaves} = compareNodes(objects, after, [before, third]);
      const known = new Set([...allNodes(objects, before), ...allNodes(objects, third)]);
      const nodes = allNodes(objects, after);
      t.deepEqual(own.flat().sort(), [...nodes].filter(id => !known.has(id)).sort());
      const below = [...shared].flatMap(id => [...allNodes(objects, id)]);
      t.deepEqual([...own.flat(), ...below].sort(), [...nodes].sort());
      t.true(otherLeaves.every(id => known.has(id) && !shared.has(id)));
    }),
    {numRuns: 100, seed: 3},
  );
});

test('of nodes that sound trees have the edges are read, and each is held against its place', t => {
  const objects = new CountingObjects();
  const root = buildTree(objects, SMALL, pairs(0, 5000)) as ObjectId;
  const next = editTree(objects, SMALL, root, [{key: encodeKey(SMALL, [2700]), row: [2700, 1]}]) as ObjectId;
  const {shared} = compareNodes(objects, next, [root]);
  objects.reads = 0;
  t.deepEqual([...verifyTree(objects, SMALL, next, new Map(), shared)], []);
  t.true(objects.reads < allNodes(objects, next).size / 8, `${objects.reads}`);

  // the first leaf of a sound node begins before what now stands at its left ends
  const leaves = soundLeaves(objects, 100);
  const [a, b, c, d] = leaves as [Child, Child, Child, Child];
  const right = innerOf(objects, 1, [c, d]);
  const wide = leafOf(objects, pairs(0, a.rows + b.rows + 1));
  const left = innerOf(objects, 1, [wide]);
  const overlap = innerOf(objects, 2, [left, right]);
  const found = [...verifyTree(objects, SMALL, overlap.id, new Map(), new Set([right.id, c.id, d.id]))];
  t.true(found.some(({id, problem}) => id !== left.id && problem === 'The node begins before its left neighbour ends'));
  // a sound node under another level, with another number of rows
  const lower = [...verifyTree(objects, SMALL, innerOf(objects, 2, [a, b]).id, new Map(), new Set([a.id, b.id]))];
  t.regex(lower.map(({problem}) => problem).join(), /level 0 under level 2/);
  const more = innerOf(objects, 1, [{...a, rows: a.rows + 1}, b]);
  t.regex(
    [...verifyTree(objects, SMALL, more.id, new Map(), new Set([a.id]))].map(each => each.problem).join(),
    /rows/,
  );
});

test('links are the children of inner nodes and the bodies of leaves', t => {
  const objects = new MemoryObjects();
  const leaves = soundLeaves(objects, 40);
  const inner = innerOf(objects, 1, leaves.slice(0, 2));
  t.deepEqual(
    linksOf(objects.read(inner.id)),
    leaves.slice(0, 2).map(({id}) => ({id, kind: 'node'})),
  );
  const rows: Row[] = [
    [1, new ContentRef(digest('a'), 5, false, true)],
    [2, null],
    [3, new ContentRef(digest('b'), 500_000, true, false)],
    [4, 'inline'],
  ];
  const root: TreeRoot = buildTree(objects, {...PAIRS, leafRows: 64}, rows);
  t.deepEqual(linksOf(objects.read(root as ObjectId)), [
    {id: digest('a'), kind: 'blob'},
    {id: digest('b'), kind: 'content'},
  ]);
});

test('the shape of a node is what its decoded fields say, whatever the bytes', t => {
  const count = fc.constantFrom(1, 2, 127, 128, 255, 256, 3000);
  fc.assert(
    fc.property(fc.nat(2), count, fc.nat(400), fc.nat(12), fc.nat(255), (level, rows, size, place, flip) => {
      const body = Buffer.alloc(size + rows * 32, 1);
      const bytes = encodeObject('node', level === 0 ? [0, rows, size % 4, body] : [level, rows, body]);
      bytes[place] = (bytes[place] as number) ^ flip;
      let shape: ReturnType<typeof readShape>;
      try {
        shape = readShape(bytes);
      } catch {
        return;
      }
      const fields = decodeObject(bytes, 'node');
      t.deepEqual([shape.level, shape.count, shape.body], [fields[0], fields[1], fields[fields.length - 1]]);
      t.is(fields.length, shape.level === 0 ? 4 : 3);
    }),
    {numRuns: 3000},
  );
});
