import test from 'ava';
import fc from 'fast-check';
import {isDbosError} from '../../src/errors.js';
import {
  anyText,
  asAnyText,
  asArray,
  asBytes,
  asCount,
  asFields,
  asId,
  asIdOrNull,
  asInteger,
  asString,
  asWideInteger,
  decodeObject,
  encodeObject,
  type Field,
  isCanonical,
  kindOf,
  wideInteger,
} from '../../src/objects/codec.js';
import {OBJECT_KINDS, type ObjectKind} from '../../src/objects/kinds.js';

const field: fc.Arbitrary<Field> = fc.letrec<{field: Field}>(tie => ({
  field: fc.oneof(
    {maxDepth: 4},
    fc.constant(null),
    fc.integer({min: -0x80000000, max: 0xffffffff}).map(n => n || 0),
    fc.string({unit: 'grapheme'}),
    fc.uint8Array(),
    fc.array(tie('field'), {maxLength: 5}),
  ),
})).field;

const kind = fc.constantFrom(...(Object.keys(OBJECT_KINDS) as ObjectKind[]));

function plain(value: unknown): unknown {
  if (value instanceof Uint8Array) return {bytes: [...value]};
  return Array.isArray(value) ? value.map(plain) : value;
}

test('decode ∘ encode = id, and the kind can be seen', t => {
  fc.assert(
    fc.property(kind, fc.array(field), (name, fields) => {
      const bytes = encodeObject(name, fields);
      t.deepEqual(plain(decodeObject(bytes, name)), plain(fields));
      t.is(kindOf(bytes), name);
    }),
  );
});

test('what has no canonical form is refused', t => {
  for (const bad of [
    -0,
    0.5,
    Number.NaN,
    2 ** 32,
    -(2 ** 31) - 1,
    '\ud800',
    undefined,
    true,
    {},
    1n,
    new Float64Array(1),
  ]) {
    t.throws(() => encodeObject('state', [bad as Field]), {instanceOf: TypeError}, String(bad));
    t.throws(() => encodeObject('state', [[[bad as Field]]]), {instanceOf: TypeError}, String(bad));
  }
});

test('a number that is too large is refused with the name of what writes it', t => {
  t.throws(() => encodeObject('state', [2 ** 40]), {
    message: new RegExp(`write larger numbers with ${wideInteger.name}$`),
  });
});

test('another kind, a newer version, or no object at all is a clear error', t => {
  const bytes = encodeObject('state', [[]]);
  t.throws(() => decodeObject(bytes, 'commit'), {code: 'OBJECT_INVALID'});
  const newer = Buffer.from(bytes);
  newer[2] = 9;
  t.throws(() => decodeObject(newer, 'state'), {code: 'STORE_FORMAT'});
  for (const bad of [
    '',
    '\xc1',
    '\x93',
    '\x80',
    'hello',
    '\xdd\xff\xff\xff\xff',
    '\xc6\xff\xff\xff\xff',
    `${'\x91'.repeat(50)}\x01`,
  ]) {
    t.throws(() => decodeObject(Buffer.from(bad, 'latin1'), 'state'), {code: 'OBJECT_INVALID'}, JSON.stringify(bad));
  }
});

test('a newer version is named as such, whatever forms it has', t => {
  // a float, a map, an extension, a boolean, a 64-bit integer
  for (const field of ['cb3ff8000000000000', '81a16101', 'd40100', 'c3', 'cf0000000000000001', 'ff']) {
    for (const version of ['02', '7f', 'cc80', 'cd0100', 'ce00010000']) {
      for (const start of ['9305', 'dc000305', 'dd0000000305']) {
        const bytes = Buffer.from(start + version + field, 'hex');
        const number = Number.parseInt(version.slice(version.length > 2 ? 2 : 0), 16);
        t.throws(() => decodeObject(bytes, 'state'), {
          code: 'STORE_FORMAT',
          message: new RegExp(`version ${number}\\.$`),
        });
        t.throws(() => decodeObject(bytes, 'commit'), {code: 'OBJECT_INVALID'});
      }
    }
    t.throws(() => decodeObject(Buffer.from(`920501${field}`, 'hex'), 'state'), {code: 'OBJECT_INVALID'});
  }
  for (const bad of ['9105', '9205', '9205cd', '9205ce00', '9205c0', '9205a131', '9205ff']) {
    t.throws(() => decodeObject(Buffer.from(bad, 'hex'), 'state'), {code: 'OBJECT_INVALID'}, bad);
  }
});

test('what encodes is canonical, and another form of the same is not', t => {
  fc.assert(fc.property(kind, fc.array(field), (name, fields) => isCanonical(encodeObject(name, fields))));
  t.true(isCanonical(Buffer.from('93050190', 'hex')));
  for (const other of ['dc0003050190', 'dd00000003050190', '93cc050190', '93050190'.replace('90', 'dc0000')]) {
    t.false(isCanonical(Buffer.from(other, 'hex')), other);
  }
  for (const other of ['d90161', 'da000161', 'c5000161', 'd005', 'd1ffff', 'cd0001', 'ce0000ffff', 'a1ff']) {
    const bytes = Buffer.from(`930501${other}`, 'hex');
    t.is(decodeObject(bytes, 'state').length, 1);
    t.false(isCanonical(bytes), other);
  }
});

test('damaged bytes decode to something or to an error, never to anything else', t => {
  fc.assert(
    fc.property(kind, fc.array(field), fc.nat(), fc.integer({min: 0, max: 255}), (name, fields, position, byte) => {
      const bytes = Buffer.from(encodeObject(name, fields));
      bytes[position % bytes.length] = byte;
      try {
        t.true(Array.isArray(decodeObject(bytes, name)));
      } catch (error) {
        t.true(isDbosError(error), String(error));
      }
    }),
    {numRuns: 3000},
  );
});

test('a truncated or extended object is refused', t => {
  fc.assert(
    fc.property(kind, fc.array(field, {minLength: 1}), (name, fields) => {
      const bytes = encodeObject(name, fields);
      t.throws(() => decodeObject(bytes.subarray(0, bytes.length - 1), name), {code: 'OBJECT_INVALID'});
      t.throws(() => decodeObject(Buffer.concat([bytes, Buffer.from([0])]), name), {code: 'OBJECT_INVALID'});
    }),
  );
});

test('field readers take their own type only', t => {
  const values: unknown[] = [null, -1, 1.5, 'a', Buffer.alloc(32), Buffer.alloc(3), [], Buffer.of(255)];
  const readers: [(value: unknown) => unknown, unknown[]][] = [
    [value => asArray(value), [values[6]]],
    [value => asBytes(value), [values[4], values[5], values[7]]],
    [value => asCount(value), []],
    [value => asInteger(value), [values[1]]],
    [value => asString(value), ['a']],
    [value => asId(value), [values[4]]],
    [value => asIdOrNull(value), [null, values[4]]],
    [value => asAnyText(value), ['a', values[7]]],
    [value => asFields(value, 0), [values[6]]],
    [value => asWideInteger(value), []],
  ];
  for (const [read, accepted] of readers) {
    for (const value of values) {
      if (accepted.includes(value)) t.notThrows(() => read(value));
      else t.throws(() => read(value), {code: 'OBJECT_INVALID'});
    }
  }
});

test('wide integers and any text come back', t => {
  fc.assert(fc.property(fc.maxSafeInteger(), n => t.is(asWideInteger(wideInteger(n)), n || 0)));
  fc.assert(fc.property(fc.string({unit: 'grapheme'}), text => t.is(asAnyText(anyText(text)), text)));
  t.is(asAnyText(anyText('a\udcff')), 'a\udcff');
  t.is(anyText('\udcc3\udca9'), 'é', 'what is text when it is put together is text');
  t.throws(() => asWideInteger(Buffer.alloc(8, 0x7f)), {code: 'OBJECT_INVALID'});
});
