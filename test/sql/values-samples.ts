/** Values that have gone wrong in engines like this one, and arbitrary ones. */
import fc from 'fast-check';
import {decodeText} from '../../src/bytes.js';
import type {Value} from '../../src/sql/values/value.js';
import {integerCell, Real, realCell} from '../../src/tree/cell.js';

const bytes = (...list: number[]) => Uint8Array.from(list);

export const INTEGERS: readonly Value[] = [
  0,
  1,
  -1,
  2,
  3,
  -3,
  7,
  10,
  63,
  64,
  -64,
  65,
  255,
  2 ** 31 - 1,
  2 ** 31,
  -(2 ** 31),
  2 ** 32,
  94906267,
  3037000500,
  Number.MAX_SAFE_INTEGER,
  Number.MIN_SAFE_INTEGER,
  2n ** 53n,
  2n ** 53n + 1n,
  -(2n ** 53n) - 1n,
  2n ** 62n,
  2n ** 63n - 1n,
  -(2n ** 63n),
  -(2n ** 63n) + 1n,
  4611686018427388000n,
];

export const REALS: readonly Value[] = [
  0,
  -0,
  1,
  -1,
  0.5,
  -0.5,
  1.5,
  2.5,
  -2.5,
  0.1,
  0.30000000000000004,
  1e-5,
  1e-4,
  123456.789,
  1e14,
  1e15,
  1e16,
  123456789012345680,
  2 ** 53,
  2 ** 53 + 2,
  2 ** 62,
  2 ** 63,
  -(2 ** 63),
  1e20,
  -1e20,
  1e100,
  1.5e300,
  5e-324,
  1.7976931348623157e308,
  Infinity,
  -Infinity,
  999999999999999.9,
  2.675,
  9007199254740991,
].map(realCell);

export const TEXTS: readonly string[] = [
  '',
  ' ',
  'a',
  'A',
  'b',
  'abc',
  'ABC',
  'abc  ',
  'é',
  'É',
  'ß',
  '\u{1f600}',
  '\uffff',
  '\u{10ffff}',
  '\ue000',
  '0',
  '-0',
  '1',
  '12',
  ' 12 ',
  '12abc',
  '+5',
  '-5',
  '1.0',
  '1.',
  '.5',
  '.',
  '-',
  '+',
  '1e3',
  '1e',
  '1e+',
  '1.5e3x',
  '1e400',
  '0x10',
  '-1e-400',
  '9223372036854775807',
  '9223372036854775808',
  '-9223372036854775808',
  '-9223372036854775809',
  '9007199254740993',
  '00012',
  '1 2',
  '\t1\n',
  '1\u00a0',
  '0.1',
  '1e15',
  'Inf',
  'nan',
  "it's",
  'a%b',
  '_x',
  '123456789012345678901234567890',
  decodeText(bytes(0xff)),
  decodeText(bytes(0x80, 0x61)),
  decodeText(bytes(0xc3)),
  'z\u{1f600}y',
];

export const BLOBS: readonly Uint8Array[] = [
  bytes(),
  bytes(0),
  bytes(1, 2),
  bytes(0x31),
  bytes(0x31, 0x2e, 0x35),
  bytes(0xc3, 0xa9),
  bytes(0xff),
  bytes(0x61, 0x62, 0x63),
];

export const SAMPLES: readonly Value[] = [null, ...INTEGERS, ...REALS, ...TEXTS, ...BLOBS];

/** Returns every n-th combination of the lists, from a start. */
export function combinations<T>(lists: readonly (readonly T[])[], step: number, start = 0): T[][] {
  const total = lists.reduce((product, list) => product * list.length, 1);
  const found: T[][] = [];
  for (let i = start; i < total; i += step) {
    let rest = i;
    found.push(
      lists.map(list => {
        const item = list[rest % list.length] as T;
        rest = Math.floor(rest / list.length);
        return item;
      }),
    );
  }
  return found;
}

const anyInteger = fc.oneof(
  fc.integer({min: -3, max: 3}),
  fc.maxSafeInteger(),
  fc.bigInt({min: -(2n ** 63n), max: 2n ** 63n - 1n}).map(integerCell),
  fc.bigInt({min: 2n ** 53n - 3n, max: 2n ** 53n + 3n}).map(integerCell),
);
export const anyReal = fc.oneof(
  fc.double({noNaN: true}).map(realCell),
  fc.integer({min: -3, max: 3}).map(realCell),
  fc.bigInt({min: 2n ** 53n - 3n, max: 2n ** 53n + 3n}).map(value => realCell(Number(value))),
);
/** Texts of characters that sort differently by units and by bytes, and bytes that are no UTF-8. */
export const anyTricky: fc.Arbitrary<string> = fc
  .array(
    fc.constantFrom(
      'a',
      'B',
      'b',
      ' ',
      '0',
      'é',
      '\u0130',
      '\u212a',
      '\ud7ff',
      '\ue000',
      '\uffff',
      '\u{10000}',
      '\u{10ffff}',
      'ff',
      '80',
      'c3',
      'a9',
    ),
    {
      maxLength: 6,
    },
  )
  .map(parts =>
    decodeText(
      Buffer.concat(
        parts.map(part =>
          part.length === 2 && /^[0-9a-f]+$/.test(part) ? Buffer.from(part, 'hex') : Buffer.from(part),
        ),
      ),
    ),
  );
const anyBlob = fc.uint8Array({maxLength: 3});
export const anyValue: fc.Arbitrary<Value> = fc.oneof(
  fc.constantFrom<Value>(null, 0, 1, new Real(1), new Real(-0), 'a', 'A', 'a '),
  anyInteger,
  anyReal,
  anyTricky,
  anyBlob,
  fc.constantFrom(...SAMPLES),
);
