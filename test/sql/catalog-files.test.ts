import test from 'ava';
import fc from 'fast-check';
import {compareText, decodeText, encodeText} from '../../src/bytes.js';
import {formatId, idOf} from '../../src/objects/id.js';
import {MemoryObjects} from '../../src/objects/memory.js';
import {filesSource} from '../../src/sql/catalog/files-source.js';
import type {Constraint, TreeSource} from '../../src/sql/source.js';
import type {Value} from '../../src/sql/values/value.js';
import {editFiles, type FileRow} from '../../src/state/files.js';
import {pathProblem} from '../../src/state/path.js';
import {encodeXattrs} from '../../src/state/xattrs.js';
import {BodyWriter} from '../../src/tree/bodies.js';
import {ContentRef, Real} from '../../src/tree/cell.js';
import type {TreeRange} from '../../src/tree/read.js';
import {readRows} from './sources.js';

const BASE = {uid: 0, gid: 0, user: 'root', group: null, mtime: 0n, target: null, link: null, xattrs: null} as const;

function sourceOf(objects: MemoryObjects, files: readonly FileRow[]): TreeSource {
  return filesSource(
    objects,
    editFiles(
      objects,
      null,
      files.map(file => ({path: file.path, file})),
    ),
    files.length,
  );
}

function named(source: TreeSource): Record<string, Value>[] {
  return readRows(source).map(row => Object.fromEntries(source.columns.map(({name}, i) => [name, row[i] as Value])));
}

test('the columns of files', t => {
  const objects = new MemoryObjects();
  const bodies = new BodyWriter(objects);
  const body = (bytes: string | Uint8Array) => bodies.write(Buffer.from(bytes as string), false);
  const large = Buffer.alloc(300_000, 'line of text\n');
  const file = {...BASE, type: 'file', mode: 0o644} as const;
  const xattrs = encodeXattrs(
    new Map([
      ['user.note', Buffer.from('é"')],
      ['security.x', Buffer.from([0, 255])],
    ]),
  );
  const source = sourceOf(objects, [
    {...BASE, path: 'etc', type: 'dir', mode: 0o755, content: null, mtime: -1_500_000_000n},
    {...file, path: 'etc/passwd', content: body('root:x\n'), mtime: 1_715_769_000_123_456_789n, xattrs},
    {...file, path: 'etc/binary', content: body(Uint8Array.of(1, 0, 2)), mtime: 2_000_000_000n},
    {...file, path: 'etc/latin1', content: body(Uint8Array.of(0xe9)), link: 'etc/a'},
    {...file, path: 'etc/large', content: body(large)},
    {...file, path: 'etc/empty', content: body('')},
    {...BASE, path: 'sh', type: 'symlink', mode: 0o777, content: null, target: 'bin/dash'},
  ]);
  bodies.flush();
  t.deepEqual(
    source.columns.filter(({hidden}) => !hidden).map(({name}) => name),
    'path dir name type mode uid gid user group mtime size content content_id target xattrs'.split(' '),
  );
  t.deepEqual(
    source.columns.filter(({hidden}) => hidden).map(({name}) => name),
    ['link', 'mtime_ns'],
  );
  const rows = new Map(named(source).map(row => [row.path, row]));
  t.deepEqual([...rows.keys()], ['etc', 'sh', 'etc/binary', 'etc/empty', 'etc/large', 'etc/latin1', 'etc/passwd']);
  const get = (path: string, ...names: string[]) => names.map(name => rows.get(path)?.[name]);
  t.deepEqual(get('etc', 'dir', 'name', 'type', 'mode', 'size', 'content', 'content_id', 'mtime'), [
    '',
    'etc',
    'dir',
    0o755,
    null,
    null,
    null,
    -1.5,
  ]);
  t.deepEqual(get('etc/passwd', 'dir', 'name', 'size', 'content', 'xattrs', 'mtime', 'mtime_ns'), [
    'etc',
    'passwd',
    7,
    'root:x\n',
    '{"security.x":{"base64":"AP8="},"user.note":"é\\""}',
    1715769000.1234567,
    1_715_769_000_123_456_789n,
  ]);
  t.is(rows.get('etc/passwd')?.content_id, formatId(idOf(Buffer.from('root:x\n')), 'raw'));
  t.deepEqual(Uint8Array.from(rows.get('etc/binary')?.content as Uint8Array), Uint8Array.of(1, 0, 2));
  t.deepEqual(rows.get('etc/binary')?.mtime, new Real(2));
  t.true(rows.get('etc/latin1')?.content instanceof Uint8Array);
  t.is(rows.get('etc/latin1')?.link, 'etc/a');
  t.is(rows.get('etc/large')?.content, large.toString());
  t.regex(`${rows.get('etc/large')?.content_id}`, /^bagaqiera/);
  t.deepEqual(get('etc/empty', 'size', 'content'), [0, '']);
  t.deepEqual(get('sh', 'type', 'size', 'target', 'xattrs'), ['symlink', null, 'bin/dash', null]);
});

test('a body that no value can hold is an error where it is read, and only there', t => {
  const objects = new MemoryObjects();
  const content = new ContentRef(idOf(Buffer.from('x')), 1_000_000_001, true, false);
  const source = sourceOf(objects, [{...BASE, path: 'huge', type: 'file', mode: 0o600, content}]);
  const origin = source.origins[source.columns.findIndex(({name}) => name === 'content')];
  t.throws(() => origin?.kind === 'computed' && origin.compute(content), {code: 'SQL_VALUE', message: /too big/});
  const size = source.origins[source.columns.findIndex(({name}) => name === 'size')];
  t.is(size?.kind === 'computed' ? size.compute(content) : undefined, 1_000_000_001);
});

// ---------------------------------------------------------------------------------------------------- ranges

const PATH = 0;
const DIR = 1;
const NAME = 2;

/** Returns whether a text meets a condition, by the meaning of the operators alone. */
function meets(text: string, operator: Constraint['operator'], value: string): boolean {
  const order = compareText(text, value);
  switch (operator) {
    case '=':
      return order === 0;
    case '<':
      return order < 0;
    case '<=':
      return order <= 0;
    case '>':
      return order > 0;
    case '>=':
      return order >= 0;
    case 'prefix':
      return encodeText(text).subarray(0, encodeText(value).length).equals(encodeText(value));
    case 'prefix nocase': {
      const fold = (s: string) => decodeText(encodeText(s.replace(/[A-Z]/g, letter => letter.toLowerCase())));
      return fold(text).startsWith(fold(value));
    }
  }
}

const name = fc
  .oneof(
    {
      weight: 4,
      arbitrary: fc.string({
        unit: fc.constantFrom('a', 'b', 'B', 'é', '-', '.', '0', ' ', '~', '\u0001', '\u{1f600}', '\udcff', '\udc80'),
        minLength: 1,
        maxLength: 3,
      }),
    },
    {weight: 1, arbitrary: fc.constantFrom('a', 'ab', 'a-', 'etc', 'usr')},
  )
  .map(text => decodeText(encodeText(text)))
  .filter(text => pathProblem(text) === undefined);
const path = fc.array(name, {minLength: 1, maxLength: 4}).map(names => names.join('/'));
const wanted = fc.oneof(
  path,
  path.map(text => `${text}/`),
  path.map(text => text.slice(0, -1)).filter(text => text.isWellFormed()),
  fc.constantFrom('', '/', '/a', 'a//b', 'a\0', 'é', '\u{10ffff}', '\udcff'),
);
const operator = fc.constantFrom<Constraint['operator']>('=', '<', '<=', '>', '>=', 'prefix', 'prefix nocase');
const condition = fc.record({column: fc.constantFrom(PATH, DIR, NAME), operator, value: wanted});

test('a range has every row that meets the conditions, and its parts lie in it', t => {
  const objects = new MemoryObjects();
  let narrowed = 0;
  fc.assert(
    fc.property(
      fc.uniqueArray(path, {maxLength: 40}),
      fc.array(condition, {minLength: 1, maxLength: 4}),
      (paths, conditions) => {
        const source = sourceOf(
          objects,
          paths.map(each => ({...BASE, path: each, type: 'dir', mode: 0o755, content: null})),
        );
        const values = conditions.map(({value}) => value);
        const plan = source.planRange?.(conditions);
        if (plan === undefined) {
          t.true(conditions.every(({column}) => column === NAME));
          return;
        }
        const given = plan.uses.map(i => values[i] as string);
        const accepted = (rows: Value[][]) =>
          rows
            .filter(row =>
              conditions.every(({column, operator, value}) => meets(row[column] as string, operator, value)),
            )
            .map(row => row[PATH]);
        const all = readRows(source);
        const hull = plan.range(given);
        const within = hull === undefined ? [] : readRows(source, [hull]);
        t.deepEqual(accepted(within), accepted(all), JSON.stringify(conditions));
        const parts = plan.ranges?.(given) as readonly TreeRange[];
        const inParts = readRows(source, parts);
        t.deepEqual(accepted(inParts), accepted(all), JSON.stringify(conditions));
        if (inParts.length < all.length) narrowed++;
        // in order, and without a row twice
        t.deepEqual(
          inParts.map(row => row[PATH]),
          all.map(row => row[PATH]).filter(each => inParts.some(row => row[PATH] === each)),
        );
      },
    ),
    {numRuns: 1500},
  );
  t.true(narrowed > 500, `${narrowed}`);
});

test('ranges leave out what they can', t => {
  const objects = new MemoryObjects();
  const dirs = ['bin', 'boot', 'etc', 'etc/ssh', 'etc/ssh/keys', 'etc/ssl', 'etc-old', 'home', 'usr', 'usr/lib', 'var'];
  const paths = dirs.flatMap(dir => [dir, `${dir}/file`, `${dir}/sshd`]);
  const source = sourceOf(
    objects,
    [...new Set(paths)].map(each => ({...BASE, path: each, type: 'dir', mode: 0o755, content: null})),
  );
  const read = (...conditions: [column: number, operator: Constraint['operator'], value: Value][]) => {
    const plan = source.planRange?.(conditions.map(([column, operator]) => ({column, operator})));
    const values = plan?.uses.map(i => conditions[i]?.[2] as Value) ?? [];
    return readRows(source, plan?.ranges?.(values)).map(row => row[PATH]);
  };
  t.deepEqual(read([PATH, '=', 'etc/ssh']), ['etc/ssh']);
  t.deepEqual(read([DIR, '=', 'etc'], [NAME, '=', 'file']), ['etc/file']);
  t.deepEqual(read([DIR, '=', 'etc'], [NAME, 'prefix', 'ssh']), ['etc/ssh', 'etc/sshd']);
  t.deepEqual(read([DIR, '=', 'etc']), ['etc/file', 'etc/ssh', 'etc/sshd', 'etc/ssl']);
  const ssh = [
    'etc/ssh',
    'etc/sshd',
    'etc/ssh/file',
    'etc/ssh/keys',
    'etc/ssh/sshd',
    'etc/ssh/keys/file',
    'etc/ssh/keys/sshd',
  ];
  t.deepEqual(read([PATH, 'prefix', 'etc/ssh']), ssh);
  t.deepEqual(read([PATH, 'prefix nocase', 'Etc/']), read([PATH, 'prefix', 'etc/']));
  t.deepEqual(read([PATH, 'prefix', 'etc/ssh/']), ssh.slice(2));
  t.deepEqual(read([PATH, '>=', 'etc/ssh/'], [PATH, '<', 'etc/ssh0']), ssh.slice(1));
  t.is(read([DIR, 'prefix', 'etc/']).length, 7);
  t.deepEqual(read([PATH, '=', null]), []);
  t.deepEqual(read([PATH, '=', Buffer.from('etc')]), []);
  t.is(read([PATH, '<', Buffer.from('etc')]).length, new Set(paths).size);
  t.is(read([PATH, '=', 'x'.repeat(100_000)]).length, new Set(paths).size);
  t.is(source.planRange?.([{column: NAME, operator: '='}]), undefined);
  t.is(source.planRange?.([{column: PATH, operator: '='}])?.rows, 1);
});
