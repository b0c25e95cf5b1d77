import test from 'ava';
import fc from 'fast-check';
import {encodeObject} from '../../src/objects/codec.js';
import {idOf, idToBytes} from '../../src/objects/id.js';
import {MemoryObjects} from '../../src/objects/memory.js';
import {isView, readDefinition, writeDefinition} from '../../src/state/definition.js';
import {isStoreFolder, pathProblem} from '../../src/state/path.js';
import {readSchema, type Schema, treeSpec, writeSchema} from '../../src/state/schema.js';
import {findTable, readState, writeState} from '../../src/state/state.js';
import {readTable, readTableRoot, writeTable} from '../../src/state/table.js';
import {decodeXattrs, encodeXattrs} from '../../src/state/xattrs.js';

/** Returns what some work returns, or the code of what it throws. */
function either(work: () => unknown): unknown {
  try {
    return work();
  } catch (error) {
    return (error as {code?: string}).code;
  }
}

const id = fc.uint8Array({minLength: 1, maxLength: 8}).map(bytes => idOf(bytes));

test('a state depends on its tables, not on the order in which they were set', t => {
  fc.assert(
    fc.property(fc.dictionary(fc.string({minLength: 1}), id), tables => {
      const objects = new MemoryObjects();
      const entries = Object.entries(tables);
      const state = writeState(objects, new Map(entries));
      t.is(writeState(objects, new Map([...entries].reverse())), state);
      t.deepEqual(new Map([...readState(objects, state)].sort()), new Map([...entries].sort()));
    }),
  );
});

test('one table is found as in the decoded state, whatever the bytes', t => {
  const names = fc.constantFrom('files', 'a', 'other');
  fc.assert(
    fc.property(
      fc.oneof(fc.dictionary(names, id, {maxKeys: 3}), fc.record({files: id})),
      fc.nat(60),
      fc.nat(255),
      (tables, place, flip) => {
        const objects = new MemoryObjects();
        const whole = objects.read(writeState(objects, new Map(Object.entries(tables))));
        const changed = Buffer.from(whole);
        changed[place % changed.length] = (changed[place % changed.length] as number) ^ flip;
        for (const bytes of [whole, changed, changed.subarray(0, -1), Buffer.concat([whole, Buffer.of(0)])]) {
          const state = objects.put(bytes);
          for (const name of ['files', 'a']) {
            t.is(
              either(() => findTable(objects, state, name)),
              either(() => readState(objects, state).get(name)),
            );
          }
        }
      },
    ),
  );
});

test('the root of a table is that of the decoded table, whatever the bytes', t => {
  const rows = fc.oneof(fc.constant(0), fc.integer({min: 1, max: 300}), fc.integer({min: 1, max: 2 ** 40}));
  fc.assert(
    fc.property(id, id, rows, fc.nat(120), fc.nat(255), (schema, root, count, place, flip) => {
      const objects = new MemoryObjects();
      const whole = objects.read(writeTable(objects, {schema, root: count === 0 ? null : root, rows: count}));
      const changed = Buffer.from(whole);
      changed[place % changed.length] = (changed[place % changed.length] as number) ^ flip;
      for (const bytes of [whole, changed, changed.subarray(0, -1), Buffer.concat([whole, Buffer.of(0)])]) {
        const table = objects.put(bytes);
        t.is(
          either(() => readTableRoot(objects, table)),
          either(() => readTable(objects, table).root),
        );
      }
    }),
    {numRuns: 2000},
  );
});

test('a state whose tables are out of order or twice is refused', t => {
  const objects = new MemoryObjects();
  const table = idToBytes(idOf(Buffer.alloc(1)));
  for (const names of [
    ['b', 'a'],
    ['a', 'a'],
  ]) {
    const state = objects.put(encodeObject('state', [names.map(name => [name, table])]));
    t.throws(() => readState(objects, state), {code: 'OBJECT_INVALID'});
  }
});

const schema: Schema = {
  columns: [
    {name: 'id', type: 'INTEGER', notNull: true},
    {name: 'note', type: '', notNull: false},
  ],
  key: [{collation: 'nocase', descending: true}],
  leafRows: 100,
  innerRows: 50,
};

test('a schema comes back as it was', t => {
  const objects = new MemoryObjects();
  t.deepEqual(readSchema(objects, writeSchema(objects, schema)), schema);
  const defined = {...schema, definition: 'CREATE TABLE t(a, b)'};
  t.deepEqual(readSchema(objects, writeSchema(objects, defined)), defined);
  t.deepEqual(treeSpec(schema), {keys: schema.key, columns: 2, leafRows: 100, innerRows: 50});
});

test('an impossible schema is refused', t => {
  const objects = new MemoryObjects();
  const column = (name: string) => [name, 'TEXT', 0];
  const part = [0, 0];
  for (const fields of [
    [[column('a')], [], 10, 10],
    [[column('a')], [part, part], 10, 10],
    [[column('a'), column('a')], [part], 10, 10],
    [[column('a')], [part], 1, 10],
    [[column('a')], [part], 10, 0],
    [[column('a')], [part], 10, 100_000],
    [[column('a')], [[4, 0]], 10, 10],
    [[column('a')], [[0, 2]], 10, 10],
    [[[1, 2, 3]], [part], 10, 10],
    [[]],
  ]) {
    const bad = objects.put(encodeObject('schema', fields));
    t.throws(() => readSchema(objects, bad), {code: 'OBJECT_INVALID'}, JSON.stringify(fields));
  }
});

test('a table comes back as it was, and its count must fit its root', t => {
  const objects = new MemoryObjects();
  const some = idOf(Buffer.alloc(1));
  for (const table of [
    {schema: some, root: some, rows: 2 ** 40},
    {schema: some, root: null, rows: 0},
  ]) {
    t.deepEqual(readTable(objects, writeTable(objects, table)), table);
  }
  for (const table of [
    {schema: some, root: some, rows: 0},
    {schema: some, root: null, rows: 1},
  ]) {
    const bad = writeTable(objects, table);
    t.throws(() => readTable(objects, bad), {code: 'OBJECT_INVALID'});
  }
  const negative = writeTable(objects, {schema: some, root: some, rows: -1});
  t.throws(() => readTable(objects, negative), {code: 'OBJECT_INVALID'});
});

test('more fields or longer entries than there are are refused', t => {
  const objects = new MemoryObjects();
  const some = idToBytes(idOf(Buffer.alloc(1)));
  const rows = Buffer.from([0, 0, 0, 0, 0, 0, 0, 1]);
  const column = ['a', 'TEXT', 0];
  const readers = {state: readState, table: readTable, schema: readSchema, definition: readDefinition};
  const index = ['i', some, some, rows];
  const sound = [
    ['state', [[['a', some]]]],
    ['table', [some, some, rows, [index], [['t', some]]]],
    ['definition', ['CREATE VIEW v AS SELECT 1', [['t', some]]]],
    ['schema', [[column], [[0, 0]], 10, 10, 'CREATE TABLE t(a TEXT)']],
  ] as const;
  t.notThrows(() => readSchema(objects, objects.put(encodeObject('schema', [[column], [[0, 0]], 10, 10]))));
  t.notThrows(() => readTable(objects, objects.put(encodeObject('table', [some, some, rows, []]))));
  t.notThrows(() => readDefinition(objects, objects.put(encodeObject('definition', ['CREATE VIEW v AS SELECT 1']))));
  for (const [kind, fields] of sound) {
    t.notThrows(() => readers[kind](objects, objects.put(encodeObject(kind, fields))));
    const longer = objects.put(encodeObject(kind, [...fields, null]));
    t.throws(() => readers[kind](objects, longer), {code: 'OBJECT_INVALID', message: /number of fields/});
  }
  for (const [kind, fields] of [
    ['state', [[['a', some, 0]]]],
    ['state', [[['a']]]],
    ['schema', [[[...column, 0]], [[0, 0]], 10, 10]],
    ['schema', [[column], [[0, 0, 0]], 10, 10]],
    ['table', [some, some, rows, [[...index, 0]]]],
    ['table', [some, some, rows, [], [['t', some, 0]]]],
  ] as const) {
    const bad = objects.put(encodeObject(kind, fields));
    t.throws(() => readers[kind](objects, bad), {code: 'OBJECT_INVALID', message: /number of fields/});
  }
});

test('indexes and definitions come back, and their order does not count', t => {
  const objects = new MemoryObjects();
  const [a, b] = [idOf(Buffer.from('a')), idOf(Buffer.from('b'))];
  const table = {
    schema: a,
    root: b,
    rows: 3,
    indexes: [
      {name: 'i', schema: a, root: null, rows: 0},
      {name: 'j', schema: b, root: a, rows: 3},
    ],
    triggers: [
      {name: 'on', id: a},
      {name: 'off', id: b},
    ],
  };
  const id = writeTable(objects, table);
  t.is(
    writeTable(objects, {...table, indexes: [...table.indexes].reverse(), triggers: [...table.triggers].reverse()}),
    id,
  );
  t.deepEqual(readTable(objects, id), {...table, triggers: [...table.triggers].reverse()});
  // a table that has none is what it was before there were any
  const plain = {schema: a, root: b, rows: 3};
  t.is(writeTable(objects, {...plain, indexes: [], triggers: []}), writeTable(objects, plain));
  t.deepEqual(readTable(objects, writeTable(objects, plain)), plain);
  const definition = {sql: 'CREATE VIEW v AS SELECT 1', triggers: [{name: 't', id: a}]};
  t.deepEqual(readDefinition(objects, writeDefinition(objects, definition)), definition);
  t.true(isView(objects, writeDefinition(objects, definition)));
  t.false(isView(objects, id));
  const [some, rows] = [idToBytes(a), Buffer.from([0, 0, 0, 0, 0, 0, 0, 1])];
  for (const fields of [
    [
      some,
      some,
      rows,
      [
        ['b', some, some, rows],
        ['a', some, some, rows],
      ],
    ],
    [
      some,
      some,
      rows,
      [
        ['a', some, some, rows],
        ['a', some, some, rows],
      ],
    ],
    [some, some, rows, [['a', some, null, rows]]],
    [some, some, rows, [], []],
  ]) {
    const bad = objects.put(encodeObject('table', fields));
    t.throws(() => readTable(objects, bad), {code: 'OBJECT_INVALID'});
  }
});

test('extended attributes come back, and their bytes do not depend on the order', t => {
  fc.assert(
    fc.property(fc.dictionary(fc.string({minLength: 1}), fc.uint8Array()), attributes => {
      const entries = Object.entries(attributes);
      const bytes = encodeXattrs(new Map(entries));
      t.deepEqual(encodeXattrs(new Map([...entries].reverse())), bytes);
      const read = decodeXattrs(bytes);
      t.is(read.size, entries.length);
      for (const [name, value] of entries) t.deepEqual([...(read.get(name) ?? [])], [...value]);
    }),
  );
  t.throws(() => decodeXattrs(Buffer.from([5, 1])), {code: 'OBJECT_INVALID'});
});

test("the store's folder is recognised in every disguise that a file system undoes", t => {
  for (const name of ['.dbos', '.DBOS', '.Dbos', '.dbos.', '.dbos ', '.dbos. .', '.d\u200cbos'])
    t.true(isStoreFolder(name), name);
  for (const name of ['dbos', '.dbosignore', '.dbo', '.dbosx', 'a.dbos']) t.false(isStoreFolder(name), name);
});

test('a name may be anything but what would lead elsewhere', t => {
  for (const path of ['a', 'a/b', '...', ' ', '\n', '-', 'a\\b', 'C:', '\udcff', 'é'.repeat(127)])
    t.is(pathProblem(path), undefined, path);
  for (const path of ['', 'a/', '/a', 'a//b', '.', '..', 'a/..', 'a\0', '.dbos/x', 'é'.repeat(128)])
    t.truthy(pathProblem(path), path);
});
