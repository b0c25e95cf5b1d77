/** Values: text forms, conversions, affinity, arithmetic and order are those of SQLite; equal values have one hash key. */
import test from 'ava';
import fc from 'fast-check';
import {compareText} from '../../src/bytes.js';
import {affinityOf, applyAffinity, castValue} from '../../src/sql/values/affinity.js';
import * as arithmetic from '../../src/sql/values/arithmetic.js';
import {
  comparator,
  compareBinary,
  compareNocase,
  equalValues,
  foldCase,
  hashKey,
  hashKeys,
} from '../../src/sql/values/compare.js';
import {isTrue, toBlob, toInteger, toNumber, toNumeric, toPlain, toText, typeOf} from '../../src/sql/values/convert.js';
import {
  integerPrefix,
  numberPrefix,
  parseNumber,
  realLiteral,
  realPrefix,
  realText,
} from '../../src/sql/values/number.js';
import {and3, not3, or3, type Truth, truthOf} from '../../src/sql/values/truth.js';
import type {Affinity, CollationName, Value} from '../../src/sql/values/value.js';
import {realCell, sameCell} from '../../src/tree/cell.js';
import {agree, answerOf, ask, askRows, attempt, literal, oracleMissing} from './values-oracle.js';
import {anyReal, anyTricky, anyValue, combinations, REALS, SAMPLES} from './values-samples.js';

const missing = oracleMissing();
const COLLATIONS: readonly CollationName[] = ['binary', 'nocase', 'rtrim'];

/** Asks the oracle for each expression and says which of our answers differ. */
function differences(cases: readonly {readonly sql: string; readonly ours: () => Value}[], tolerance = 0): string[] {
  const answers = ask(cases.map(({sql}) => sql));
  const found: string[] = [];
  for (const [i, {sql, ours}] of cases.entries()) {
    const mine = attempt(ours);
    if (!agree(mine, answers[i] as string, tolerance)) found.push(`${sql}: ${mine}, sqlite3 ${answers[i]}`);
  }
  return found;
}

function oracle(
  title: string,
  cases: () => readonly {readonly sql: string; readonly ours: () => Value}[],
  tolerance = 0,
): void {
  test(`sqlite3: ${title}`, t => {
    if (missing !== undefined) {
      t.log(missing);
      t.pass();
      return;
    }
    const all = cases();
    t.deepEqual(differences(all, tolerance).slice(0, 40), []);
    t.log(`${all.length} expressions`);
  });
}

oracle('the text of numbers', () => {
  const reals = [...REALS, ...fc.sample(anyReal, {numRuns: 3000, seed: 1})];
  return reals.flatMap(v => {
    const x = toPlain(v) as number;
    // SQLite 3.40 calculates with 64 bits, where the 15th digit of very large and small numbers can go wrong.
    if (x !== 0 && Number.isFinite(x) && Math.abs(Math.log10(Math.abs(x))) > 25) return [];
    return [
      {sql: `CAST(${literal(v)} AS TEXT)`, ours: () => realText(x)},
      {sql: `typeof(${literal(v)})`, ours: () => typeOf(realCell(Number(realLiteral(x).replace('Inf', 'Infinity'))))},
    ];
  });
});

test('a REAL as a literal reads back as itself', t => {
  fc.assert(
    fc.property(anyReal, v => {
      const x = toPlain(v) as number;
      t.is(Number(realLiteral(x).replace('Inf', 'Infinity')) + 0, x + 0);
    }),
    {numRuns: 2000},
  );
  t.is(realLiteral(0.1), '0.1');
  t.is(realLiteral(0.1 + 0.2), '3.00000000000000044408e-01');
});

oracle('conversions', () =>
  SAMPLES.flatMap(v => [
    {sql: `typeof(${literal(v)})`, ours: () => typeOf(v)},
    {sql: `CAST(${literal(v)} AS TEXT)`, ours: () => toText(v)},
    {sql: `CAST(${literal(v)} AS INTEGER)`, ours: () => toInteger(v)},
    {sql: `CAST(${literal(v)} AS BLOB)`, ours: () => castValue(v, 'blob')},
    {sql: `CAST(${literal(v)} AS NUMERIC)`, ours: () => castValue(v, 'numeric')},
    {sql: `+${literal(v)} IS TRUE`, ours: () => (isTrue(v) ? 1 : 0)},
    {sql: `${literal(v)} + 0`, ours: () => arithmetic.add(v, 0)},
    {sql: `-${literal(v)}`, ours: () => arithmetic.negate(v)},
    {sql: `~${literal(v)}`, ours: () => arithmetic.bitNot(v)},
    {sql: `CAST(${literal(v)} AS REAL)`, ours: () => castValue(v, 'real')},
    {sql: `0.0 + ${literal(v)}`, ours: () => (v === null ? null : realCell(toNumber(v)))},
  ]),
);

oracle('arithmetic', () => {
  const operators: readonly [string, (a: Value, b: Value) => Value][] = [
    ['+', arithmetic.add],
    ['-', arithmetic.subtract],
    ['*', arithmetic.multiply],
    ['/', arithmetic.divide],
    ['%', arithmetic.remainder],
    ['&', arithmetic.bitAnd],
    ['|', arithmetic.bitOr],
    ['<<', arithmetic.shiftLeft],
    ['>>', arithmetic.shiftRight],
    ['||', arithmetic.concat],
  ];
  return operators.flatMap(([operator, apply], n) =>
    combinations([SAMPLES, SAMPLES], 7, n % 7).map(([a, b]) => ({
      sql: `${literal(a as Value)} ${operator} ${literal(b as Value)}`,
      ours: () => apply(a as Value, b as Value),
    })),
  );
});

oracle('the order of values', () =>
  COLLATIONS.flatMap((collation, n) =>
    combinations([SAMPLES, SAMPLES], 5, n).flatMap(([a, b]) => {
      const [x, y] = [literal(a as Value), literal(b as Value)];
      const order = () => Math.sign(comparator(collation)(a as Value, b as Value));
      if (a === null || b === null) return [];
      return [{sql: `(+${x} > +${y} COLLATE ${collation}) - (+${x} < +${y} COLLATE ${collation})`, ours: order}];
    }),
  ),
);

oracle('comparisons with a number', () =>
  combinations([SAMPLES, SAMPLES], 17).flatMap(([a = null, b = null]) => {
    if (a === null || b === null) return [];
    // Against an operand of a numeric affinity, the other operand takes it too.
    const ours = () => (compareBinary(castValue(a, 'real'), applyAffinity(b, 'numeric')) < 0 ? 1 : 0);
    return [{sql: `CAST(${literal(a)} AS REAL) < ${literal(b)}`, ours}];
  }),
);

const COLUMN_TYPES: readonly [string, Affinity][] = [
  ['INT', 'integer'],
  ['DECIMAL(10,2)', 'numeric'],
  ['DOUBLE PRECISION', 'real'],
  ['VARCHAR(10)', 'text'],
  ['', 'blob'],
  ['FLOATING POINT', 'integer'],
  ['CHARINT', 'integer'],
  ['STRING', 'numeric'],
  ['blobtext', 'text'],
];

test('sqlite3: values in columns', t => {
  if (missing !== undefined) {
    t.pass(missing);
    return;
  }
  const values = [...SAMPLES, ...fc.sample(anyValue, {numRuns: 300, seed: 2})];
  const before = COLUMN_TYPES.flatMap(([type], n) => [
    `CREATE TABLE t${n}(i, x ${type});`,
    `INSERT INTO t${n} VALUES ${values.map((v, i) => `(${i}, ${literal(v)})`).join(', ')};`,
  ]);
  const answers = askRows(
    COLUMN_TYPES.map((_, n) => `SELECT x FROM t${n} ORDER BY i`),
    before,
  );
  const wrong: string[] = [];
  for (const [n, [type, affinity]] of COLUMN_TYPES.entries()) {
    t.is(affinityOf(type), affinity, type);
    for (const [i, v] of values.entries()) {
      const ours = answerOf(applyAffinity(v, affinity));
      const theirs = answers[n]?.[i] as string;
      if (!agree(ours, theirs, 1e-15)) wrong.push(`${literal(v)} in ${type}: ${ours}, sqlite3 ${theirs}`);
    }
  }
  t.deepEqual(wrong.slice(0, 40), []);
});

test('numbers at the begin of a text, and texts that are numbers', t => {
  t.is(parseNumber('12abc'), undefined);
  t.is(parseNumber(' 12 '), 12);
  t.true(sameCell(parseNumber('1e3') as Value, realCell(1000)));
  t.is(parseNumber('9007199254740993'), 9007199254740993n);
  t.is(parseNumber('9223372036854775808'), 2 ** 63);
  t.is(parseNumber('-0'), 0);
  t.is(parseNumber(''), undefined);
  t.is(parseNumber('1\0'), undefined);
  t.is(numberPrefix('1e3x'), 1000);
  t.is(numberPrefix('x'), 0);
  t.is(integerPrefix('99999999999999999999'), 2n ** 63n - 1n);
  t.is(realPrefix('1.5e3x'), 1500);
});

test('a comparison is a total order, and agrees with equality and hash keys', t => {
  for (const collation of COLLATIONS) {
    const compare = comparator(collation);
    fc.assert(
      fc.property(anyValue, anyValue, anyValue, (a, b, c) => {
        const ab = Math.sign(compare(a, b));
        t.is(Math.sign(compare(b, a)) + ab, 0);
        if (ab <= 0 && compare(b, c) <= 0) t.true(compare(a, c) <= 0);
        t.is(hashKey(a, collation) === hashKey(b, collation), ab === 0);
        if (collation === 'binary') t.is(equalValues(a, b), ab === 0);
        const both: CollationName[] = [collation, collation];
        const same = ab === 0 && compare(b, c) === 0;
        t.is(hashKeys([a, b], both) === hashKeys([b, c], both), same);
      }),
      {numRuns: 5000},
    );
  }
});

test('hash keys of several values do not run together', t => {
  const lists: Value[][] = [
    ['1,', 2],
    [1, ',2'],
    ['a', ''],
    ['', 'a'],
    [null, '~'],
    ['~', null],
    [2 ** 62, 1],
    [4611686018427388000n, 1],
    [new Uint8Array([97]), ''],
    ['a"1:b', 'c'],
    ['a', '"1:bc'],
  ];
  t.is(new Set(lists.map(list => hashKeys(list, ['binary', 'binary']))).size, lists.length);
});

test('texts sort as their bytes do', t => {
  fc.assert(
    fc.property(anyTricky, anyTricky, (a, b) => {
      t.is(Math.sign(compareBinary(a, b)), Math.sign(compareText(a, b)));
      t.is(Math.sign(compareNocase(a, b)), Math.sign(compareText(foldCase(a), foldCase(b))));
    }),
    {numRuns: 5000},
  );
});

test('two texts put together are the text of their bytes', t => {
  fc.assert(
    fc.property(anyTricky, anyTricky, (a, b) => {
      const bytes = Buffer.concat([toBlob(a) as Uint8Array, toBlob(b) as Uint8Array]);
      t.is(arithmetic.concat(a, b), toText(bytes));
    }),
    {numRuns: 2000},
  );
});

test('results have one form each', t => {
  fc.assert(
    fc.property(anyValue, anyValue, (a, b) => {
      const {add, subtract, multiply, divide, remainder, bitAnd, bitOr, shiftLeft, shiftRight} = arithmetic;
      for (const apply of [add, subtract, multiply, divide, remainder, bitAnd, bitOr, shiftLeft, shiftRight]) {
        const result = apply(a, b);
        if (typeof result === 'number') t.false(Number.isNaN(result) || Object.is(result, -0));
        if (typeof result === 'bigint') t.true(result > 9007199254740991n || result < -9007199254740991n);
        if (result !== null && typeof result === 'object') t.true(Number.isSafeInteger(toPlain(result)));
      }
    }),
    {numRuns: 2000},
  );
});

test('three-valued logic', t => {
  const truths: readonly Truth[] = [1, 0, null];
  t.deepEqual(
    truths.flatMap(a => truths.map(b => and3(a, b))),
    [1, 0, null, 0, 0, 0, null, 0, null],
  );
  t.deepEqual(
    truths.flatMap(a => truths.map(b => or3(a, b))),
    [1, 1, 1, 1, 0, null, 1, null, null],
  );
  t.deepEqual(truths.map(not3), [0, 1, null]);
  t.deepEqual([null, 0, 0.5, 'x', '1x'].map(truthOf), [null, 0, 1, 0, 1]);
  t.is(toNumeric('1e3x') instanceof Object, true);
});
