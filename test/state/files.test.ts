import test from 'ava';
import fc from 'fast-check';
import {compareBytes, compareText} from '../../src/bytes.js';
import {idOf} from '../../src/objects/id.js';
import {MemoryObjects} from '../../src/objects/memory.js';
import {
  diffFiles,
  directoryRange,
  editFiles,
  FILES_SPEC,
  type FileRow,
  fileKey,
  filesTable,
  findFile,
  fromRow,
  sameFile,
  scanFiles,
  subtreeRange,
} from '../../src/state/files.js';
import {isWithin, parentOf} from '../../src/state/path.js';
import {buildTree} from '../../src/tree/builder.js';
import {ContentRef, type Row} from '../../src/tree/cell.js';

function file(path: string, over: Partial<FileRow> = {}): FileRow {
  const body = Buffer.from(path);
  return {
    path,
    type: 'file',
    mode: 0o644,
    uid: 0,
    gid: 0,
    user: 'root',
    group: 'root',
    mtime: 1_700_000_000_123_456_789n,
    content: new ContentRef(idOf(body), body.length, false, false),
    target: null,
    link: null,
    xattrs: null,
    ...over,
  };
}

const name = fc.oneof(
  fc.constantFrom('a', 'b', 'a-b', 'a.b', 'a b', 'é', 'a\udcff', 'A', '~', '\x01', '\x02', '!', '日本'),
  fc.string({unit: fc.constantFrom('a', 'b', '-', '0'), minLength: 1, maxLength: 3}),
);
const path = fc.array(name, {minLength: 1, maxLength: 4}).map(names => names.join('/'));
const paths = fc.uniqueArray(path, {maxLength: 60});

function store(list: readonly string[]) {
  const objects = new MemoryObjects();
  const root = editFiles(
    objects,
    null,
    list.map(entry => ({path: entry, file: file(entry)})),
  );
  return {objects, root};
}

/** The order that the key promises: names of the directory one by one, then the name. */
function order(a: string, b: string): number {
  const [left, right] = [a, b].map(entry => [parentOf(entry).split('/'), entry]);
  const [da, db] = [left?.[0] as string[], right?.[0] as string[]];
  for (let i = 0; i < Math.min(da.length, db.length); i++) {
    const compared = compareText(da[i] as string, db[i] as string);
    if (compared !== 0) return compared;
  }
  return da.length - db.length || compareText(a, b);
}

test('a row comes back as it was, whatever its type', t => {
  const objects = new MemoryObjects();
  const rows = [
    file('a'),
    file('d', {type: 'dir', content: null, mode: 0o1777}),
    file('d/s', {type: 'symlink', content: null, target: '../no\udcffwhere', mode: 0o777}),
    file('d/p', {type: 'fifo', content: null, user: null, group: null}),
    file('d/x', {xattrs: Buffer.from('x'), link: 'd/w', mode: 0o6755, uid: 4_294_967_294, mtime: -1n}),
    file('d/y', {xattrs: new ContentRef(idOf(Buffer.alloc(1)), 5000, false, false)}),
    file('z', {mtime: 2n ** 63n - 1n, content: new ContentRef(idOf(Buffer.alloc(2)), 2 ** 40, true, false)}),
  ];
  const root = editFiles(
    objects,
    null,
    rows.map(row => ({path: row.path, file: row})),
  );
  for (const row of rows) t.deepEqual(findFile(objects, root, row.path), row);
  t.is(findFile(objects, root, 'd/none'), undefined);
  t.is(findFile(objects, root, ''), undefined);
});

test('directories and subtrees are single ranges, and parents come before their children', t => {
  fc.assert(
    fc.property(paths, path, (list, probe) => {
      const {objects, root} = store(list);
      const all = [...scanFiles(objects, root)].map(row => row.path);
      t.deepEqual(all, [...list].sort(order));
      for (const directory of [parentOf(probe), probe]) {
        const inside = [...scanFiles(objects, root, directoryRange(directory))].map(row => row.path);
        t.deepEqual(
          inside,
          all.filter(entry => parentOf(entry) === directory),
        );
        const below = [...scanFiles(objects, root, subtreeRange(directory))].map(row => row.path);
        t.deepEqual(
          below,
          all.filter(entry => entry !== directory && isWithin(entry, directory)),
        );
      }
    }),
  );
});

test('a key sorts before the keys of what lies below', t => {
  fc.assert(
    fc.property(path, name, (entry, child) => t.true(compareBytes(fileKey(entry), fileKey(`${entry}/${child}`)) < 0)),
  );
});

test('the same files give the same root, in whatever order they came and went', t => {
  fc.assert(
    fc.property(paths, paths, fc.infiniteStream(fc.nat()), (kept, removed, random) => {
      const gone = removed.filter(entry => !kept.includes(entry));
      const {objects, root} = store(kept);
      const steps = [...kept, ...gone]
        .map(entry => ({entry, at: random.next().value as number}))
        .sort((a, b) => a.at - b.at);
      let built = editFiles(
        objects,
        null,
        steps.map(({entry}) => ({path: entry, file: file(entry, {mode: 0o600})})),
      );
      for (const {entry} of steps) {
        built = editFiles(objects, built, [{path: entry, file: kept.includes(entry) ? file(entry) : null}]);
      }
      t.is(built, root);
    }),
    {numRuns: 30},
  );
});

test('a new time alone is no change; apply(diff(a, b), a) = b but for times', t => {
  const edit = fc.record({
    path,
    kind: fc.constantFrom('time' as const, 'mode' as const, 'remove' as const, 'link' as const),
  });
  fc.assert(
    fc.property(paths, fc.uniqueArray(edit, {selector: one => one.path, maxLength: 20}), (list, edits) => {
      const {objects, root} = store(list);
      const after = editFiles(
        objects,
        root,
        edits.map(({path: entry, kind}) => {
          if (kind === 'remove') return {path: entry, file: null};
          if (kind === 'mode') return {path: entry, file: file(entry, {mode: 0o600})};
          if (kind === 'link') return {path: entry, file: file(entry, {link: 'a'})};
          return {path: entry, file: file(entry, {mtime: 5n})};
        }),
      );
      const changes = [...diffFiles(objects, root, after)];
      for (const {path: entry, before, after: now} of changes) {
        t.deepEqual(before, findFile(objects, root, entry));
        t.deepEqual(now, findFile(objects, after, entry));
        t.false(before !== undefined && now !== undefined && sameFile(before, now));
      }
      const applied = editFiles(
        objects,
        root,
        changes.map(({path: entry, after: now}) => ({path: entry, file: now ?? null})),
      );
      t.deepEqual([...diffFiles(objects, applied, after)], []);
    }),
  );
});

test('a path that would lead outside is refused when it is written', t => {
  for (const bad of [
    '',
    '..',
    'a/../b',
    '/a',
    'a//b',
    'a/',
    '.dbos',
    'x/.DBOS',
    'a\0b',
    './a',
    'n'.repeat(256),
    '.dbos .',
  ]) {
    t.throws(
      () => editFiles(new MemoryObjects(), null, [{path: bad, file: file('a', {path: bad})}]),
      {code: 'NAME_UNSAFE'},
      bad,
    );
  }
});

test('a row that makes no sense is an error when it is read', t => {
  const good: Row = ['', 'a', 'dir', 0o755, 0, 0, null, null, 0, null, null, null, null];
  t.notThrows(() => fromRow(good));
  const ref = new ContentRef(idOf(Buffer.alloc(0)), 0, false, false);
  for (const [column, cell] of [
    [0, 5],
    [1, null],
    [2, 'socket'],
    [2, 'file'],
    [2, 'symlink'],
    [3, 0o10000],
    [3, -1],
    [3, 'x'],
    [4, 1.5],
    [8, 'x'],
    [9, ref],
    [9, 7],
    [10, 'target'],
    [12, 'text'],
  ] as const) {
    const row = [...good];
    row[column] = cell;
    t.throws(() => fromRow(row), {code: 'OBJECT_INVALID'}, `column ${column}: ${String(cell)}`);
  }
});

test('the table of files counts its rows', t => {
  const {objects, root} = store(['a', 'b', 'c/d']);
  t.is(filesTable(objects, root).rows, 3);
  t.is(filesTable(objects, null).rows, 0);
  t.is(buildTree(objects, FILES_SPEC, []), null);
});
