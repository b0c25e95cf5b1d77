/** Keys: their order is SQLite's, equal cells give equal keys, prefixes are ranges, decoding gives equal cells. */
import test from 'ava';
import fc from 'fast-check';
import {encodeText} from '../../src/bytes.js';
import {isDbosError} from '../../src/errors.js';
import {type Cell, ContentRef, Real} from '../../src/tree/cell.js';
import {
  afterPrefix,
  compareNumber,
  compareText,
  decodeKey,
  encodeKey,
  leadingNumber,
  MAX_KEY_BYTES,
  pathRange,
} from '../../src/tree/key.js';
import type {Collation, KeyColumn, TreeSpec} from '../../src/tree/spec.js';
import {anyKeyCell, anyKeyColumn, anyText, digest} from './samples.js';

function specOf(...keys: KeyColumn[]): TreeSpec {
  return {keys, columns: keys.length, leafRows: 8, innerRows: 8};
}

/** Compares an exact number with an exact number, as fractions are compared: in units of 2⁻¹⁰⁷⁴. */
function exact(cell: number | bigint | Real): bigint | number {
  const value = cell instanceof Real ? cell.value : cell;
  if (typeof value === 'bigint') return value << 1074n;
  if (!Number.isFinite(value)) return value;
  if (Number.isInteger(value)) return BigInt(value) << 1074n;
  let scaled = value;
  let shift = 0;
  while (!Number.isInteger(scaled)) {
    scaled *= 2;
    shift++;
  }
  return BigInt(scaled) << BigInt(1074 - shift);
}

function rank(cell: Cell): number {
  if (cell === null) return 0;
  if (typeof cell === 'string') return 2;
  return cell instanceof Uint8Array ? 3 : 1;
}

function collate(collation: Collation, text: string): Buffer {
  const bytes = encodeText(collation === 'rtrim' ? text.replace(/ +$/, '') : text);
  if (collation === 'nocase') return Buffer.from(bytes.map(byte => (byte >= 65 && byte <= 90 ? byte + 32 : byte)));
  return bytes;
}

/** The order as the documentation states it, written without any encoding. */
function compareCells({collation, descending}: KeyColumn, a: Cell, b: Cell): number {
  const order = (() => {
    if (rank(a) !== rank(b)) return rank(a) - rank(b);
    if (a === null || b === null) return 0;
    if (typeof a === 'string') {
      const left = [...collate(collation, a)];
      const right = [...collate(collation, b as string)];
      const place = (byte: number) => (collation === 'path' && byte === 0x2f ? -1 : byte);
      for (let i = 0; i < left.length && i < right.length; i++) {
        if (left[i] !== right[i]) return place(left[i] as number) - place(right[i] as number);
      }
      return left.length - right.length;
    }
    if (a instanceof Uint8Array) return Buffer.compare(a, b as Uint8Array);
    const left = exact(a as number);
    const right = exact(b as number);
    return left < right ? -1 : left > right ? 1 : 0;
  })();
  return descending ? -order : order;
}

test('keys sort as their cells do', t => {
  fc.assert(
    fc.property(fc.array(anyKeyColumn, {minLength: 1, maxLength: 3}), fc.infiniteStream(anyKeyCell), (keys, cells) => {
      const spec = specOf(...keys);
      const a = keys.map(() => cells.next().value as Cell);
      const b = keys.map((_, i) => (i === 0 && keys.length > 1 ? a[0] : (cells.next().value as Cell)) as Cell);
      const expected =
        keys.map((key, i) => compareCells(key, a[i] as Cell, b[i] as Cell)).find(order => order !== 0) ?? 0;
      return Math.sign(Buffer.compare(encodeKey(spec, a), encodeKey(spec, b))) === Math.sign(expected);
    }),
    {numRuns: 3000},
  );
  t.pass();
});

test('integers and reals sort exactly, also where doubles are sparse', t => {
  const spec = specOf({collation: 'binary', descending: false});
  const ascending: Cell[] = [
    null,
    Number.NEGATIVE_INFINITY,
    -1e300,
    -(2n ** 63n),
    -(2n ** 63n) + 1n,
    -(2n ** 53n) - 1n,
    -(2 ** 53) + 1,
    -1.5,
    -1,
    -Number.MIN_VALUE,
    0,
    Number.MIN_VALUE,
    0.5,
    1,
    1.5,
    2 ** 53 - 1,
    2n ** 53n,
    2n ** 53n + 1n,
    2n ** 53n + 2n,
    2n ** 62n,
    2n ** 62n + 1n,
    2n ** 63n - 1n,
    2 ** 63,
    1e300,
    Number.POSITIVE_INFINITY,
    '',
    Buffer.alloc(0),
  ];
  for (let i = 1; i < ascending.length; i++) {
    const order = Buffer.compare(encodeKey(spec, [ascending[i - 1] as Cell]), encodeKey(spec, [ascending[i] as Cell]));
    t.is(order, -1, `${i}`);
  }
});

test('cells that are equal in SQLite are one key', t => {
  const key = (collation: Collation, cell: Cell) =>
    encodeKey(specOf({collation, descending: false}), [cell]).toString('hex');
  t.is(key('binary', 1), key('binary', new Real(1)));
  t.is(key('binary', 0), key('binary', new Real(-0)));
  t.is(key('binary', 2n ** 60n), key('binary', 2 ** 60));
  t.is(key('nocase', 'Straße'), key('nocase', 'sTRAße'));
  t.not(key('nocase', 'É'), key('nocase', 'é'));
  t.is(key('rtrim', 'a  '), key('rtrim', 'a'));
  t.not(key('rtrim', ' a'), key('rtrim', 'a'));
  t.not(key('binary', 'a'), key('binary', Buffer.from('a')));
});

test('the bytes of keys never change', t => {
  const key = (column: KeyColumn, cell: Cell) => encodeKey(specOf(column), [cell]).toString('hex');
  const ascending: KeyColumn = {collation: 'binary', descending: false};
  t.is(key(ascending, null), '05');
  t.is(key(ascending, 1), '10bff0000000000000');
  t.is(key(ascending, -1), '10400fffffffffffff');
  t.is(key(ascending, 2n ** 53n + 1n), '10c3400000000000000001');
  t.is(key(ascending, 'a\0\x01\x02'), '20610101010202'.concat('00'));
  t.is(key(ascending, Buffer.from([0, 255])), '300101ff00');
  t.is(key({collation: 'path', descending: false}, 'a/b\0\x01\x02\x03'), '2061016202010202020303'.concat('00'));
  t.is(key({collation: 'binary', descending: true}, 'a'), 'df9eff');
});

test('a prefix of the columns is a prefix of the bytes, and exactly a range', t => {
  fc.assert(
    fc.property(fc.array(anyKeyColumn, {minLength: 2, maxLength: 3}), fc.infiniteStream(anyKeyCell), (keys, cells) => {
      const spec = specOf(...keys);
      const a = keys.map(() => cells.next().value as Cell);
      const b = keys.map((_, i) => (i === 1 ? a[1] : (cells.next().value as Cell)) as Cell);
      const prefix = encodeKey(spec, a.slice(0, 1));
      const inRange = (key: Buffer) => Buffer.compare(prefix, key) <= 0 && Buffer.compare(key, afterPrefix(prefix)) < 0;
      const sameFirst = compareCells(keys[0] as KeyColumn, a[0] as Cell, b[0] as Cell) === 0;
      return inRange(encodeKey(spec, a)) && inRange(encodeKey(spec, b)) === sameFirst;
    }),
    {numRuns: 2000},
  );
  t.pass();
});

test('a path range has the path and what is under it, nothing else', t => {
  const spec = specOf({collation: 'path', descending: false}, {collation: 'binary', descending: false});
  fc.assert(
    fc.property(anyText, anyText, anyText, (path, other, name) => {
      for (const candidate of [other, path, `${path}/${other}`, `${path}${other}`]) {
        const {gte, lt} = pathRange(spec, path);
        const key = encodeKey(spec, [candidate, name]);
        const within = Buffer.compare(gte, key) <= 0 && Buffer.compare(key, lt) < 0;
        const bytes = encodeText(candidate);
        const own = encodeText(path);
        const starts = bytes.subarray(0, own.length).equals(own);
        if (within !== (starts && (bytes.length === own.length || bytes[own.length] === 0x2f))) return false;
      }
      return true;
    }),
    {numRuns: 2000},
  );
  t.throws(() => pathRange(specOf({collation: 'binary', descending: false}), 'a'), {instanceOf: TypeError});
});

test('a decoded key is an equal key', t => {
  fc.assert(
    fc.property(fc.array(anyKeyColumn, {minLength: 1, maxLength: 3}), fc.infiniteStream(anyKeyCell), (keys, cells) => {
      const spec = specOf(...keys);
      const key = encodeKey(
        spec,
        keys.map(() => cells.next().value as Cell),
      );
      return encodeKey(spec, decodeKey(spec, key)).equals(key);
    }),
    {numRuns: 2000},
  );
  t.deepEqual(decodeKey(specOf({collation: 'path', descending: true}), Buffer.from('df9efeff', 'hex')), ['a/']);
});

test('bytes that are no key are OBJECT_INVALID', t => {
  fc.assert(
    fc.property(fc.array(anyKeyColumn, {minLength: 1, maxLength: 2}), fc.uint8Array({maxLength: 14}), (keys, bytes) => {
      try {
        decodeKey(specOf(...keys), bytes);
        return true;
      } catch (error) {
        return isDbosError(error, 'OBJECT_INVALID');
      }
    }),
    {numRuns: 5000},
  );
  t.pass();
});

test('what cannot be a key is refused', t => {
  const spec = specOf({collation: 'binary', descending: false});
  t.is(t.throws(() => encodeKey(spec, [Number.NaN]), {message: /NaN/})?.name, 'DbosError');
  t.throws(() => encodeKey(spec, [new Real(Number.NaN)]), {code: 'ROW_INVALID'});
  t.throws(() => encodeKey(spec, [new ContentRef(digest(1), 1, false, true)]), {code: 'ROW_INVALID'});
  t.throws(() => encodeKey(spec, ['x'.repeat(MAX_KEY_BYTES)]), {code: 'VALUE_TOO_LARGE'});
  t.notThrows(() => encodeKey(spec, ['x'.repeat(MAX_KEY_BYTES - 2)]));
  t.throws(() => encodeKey(spec, ['\ud800']), {instanceOf: TypeError});
});

test('a text compared by its bytes sorts as its key does', t => {
  const text = fc.oneof(
    fc.string({unit: fc.constantFrom('a', 'b', '\0', '\u0001', '\u0002', 'é', '\u{1f600}', '\udc80'), maxLength: 5}),
    fc.string({maxLength: 3}),
  );
  const ascending: KeyColumn = {collation: 'binary', descending: false};
  const pair = specOf(ascending, ascending);
  const other = fc.oneof(text, text, fc.constantFrom<Cell>(null, 1, new Uint8Array([97])));
  const cut = fc.oneof(fc.constant(100), fc.nat(8));
  fc.assert(
    fc.property(text, other, fc.nat(2), cut, (a, b, rest, length) => {
      const bytes = encodeText(a);
      const key = encodeKey(pair, [b, rest]).subarray(0, 1 + length);
      const order = compareText(bytes, 0, bytes.length, key);
      const whole = Buffer.compare(encodeKey(pair, [a, 1]), key);
      if (order !== 0) t.is(Math.sign(order), whole);
      else t.true(a === b || /[\0\u0001]/.test(a));
    }),
    {numRuns: 2000},
  );
});

test('an integer compared with the number that a key begins with sorts as its key does', t => {
  const integer = fc.oneof(
    fc.integer({min: -3, max: 3}),
    fc.maxSafeInteger(),
    fc.constantFrom(2 ** 53 - 1, 1 - 2 ** 53),
  );
  const other = fc.oneof(
    integer,
    fc.double({noNaN: true}),
    fc.bigInt({min: -(2n ** 63n), max: 2n ** 63n - 1n}),
    fc.constantFrom<Cell>(null, 'a', 2 ** 53, -(2 ** 53), Number.POSITIVE_INFINITY),
  );
  const ascending: KeyColumn = {collation: 'binary', descending: false};
  const one = specOf(ascending);
  const pair = specOf(ascending, ascending);
  fc.assert(
    fc.property(
      integer,
      other,
      fc.nat(2),
      fc.boolean(),
      fc.boolean(),
      fc.nat(12),
      (a, b, rest, whole, after, length) => {
        const full = whole ? encodeKey(one, [b]) : encodeKey(pair, [b, rest]);
        const key = after ? afterPrefix(full) : full.subarray(0, 1 + length);
        const number = leadingNumber(key);
        if (number === undefined) {
          t.true(typeof b !== 'number' || Math.abs(b) >= 2 ** 53 - 1 || key.length < 9);
          return;
        }
        const order = compareNumber(a, number, key);
        for (const cells of [[a], [a, 1]]) {
          const exact = Buffer.compare(encodeKey(cells.length === 1 ? one : pair, cells), key);
          if (order !== 0) t.is(order < 0, exact < 0);
          else t.is(a, number);
        }
      },
    ),
    {numRuns: 2000},
  );
});
