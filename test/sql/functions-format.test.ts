import test from 'ava';
import fc from 'fast-check';
import {isDbosError} from '../../src/errors.js';
import {FORMAT_FUNCTIONS, formatText} from '../../src/sql/functions/format.js';
import {toInteger} from '../../src/sql/values/convert.js';
import type {Value} from '../../src/sql/values/value.js';
import {integerCell, realCell} from '../../src/tree/cell.js';
import {askSqlite, CONTEXT, find, literal, outcome} from './functions-oracle.js';

const reals = fc.oneof(
  fc.double({noNaN: true}),
  fc.integer({min: -100_000, max: 100_000}).map(i => i / 100),
  fc.tuple(fc.integer({min: 0, max: 999}), fc.integer({min: 0, max: 999})).map(([a, b]) => Number(`${a}.${b}5`)),
  fc.tuple(fc.integer({min: 1, max: 99}), fc.integer({min: -25, max: 25})).map(([a, e]) => Number(`${a}e${e}`)),
  fc.constantFrom(0, 0.5, 1.5, 2.5, 1e15, 1e16, 1e22, 1e23, 1e99, 1e100, Infinity, -Infinity),
);
// The shell does not read the literals of very great and small numbers exactly.
const isExact = (x: number) => x === 0 || Math.abs(x) === Infinity || (Math.abs(x) > 1e-100 && Math.abs(x) < 1e100);
const real = reals.filter(isExact).map(x => realCell(x === 0 ? 0 : x));
const integer = fc.oneof(
  fc.integer({min: -1000, max: 1000}),
  fc.bigInt({min: -(2n ** 63n), max: 2n ** 63n - 1n}).map(integerCell),
);
const text = fc.oneof(
  fc.constantFrom('z', 'abc', "it's", 'é', '日本語', 'a"b', '😀x', '12', '-3.5', '1e3x', 'x\0y', "''"),
  fc.string({minLength: 1, maxLength: 6}).filter(each => !each.includes('\0')),
);
const value: fc.Arbitrary<Value> = fc.oneof(real, integer, text, fc.constant(null));

const conversion = fc
  .record({
    flags: fc.array(fc.constantFrom('-', '+', ' ', '#', '0', '!'), {maxLength: 3}).map(flags => flags.join('')),
    width: fc.option(fc.oneof(fc.integer({min: 1, max: 25}).map(String), fc.constant('*')), {nil: ''}),
    precision: fc.option(
      fc.oneof(
        fc.integer({min: 0, max: 30}).map(n => `.${n}`),
        fc.constantFrom('.*', '.'),
      ),
      {nil: ''},
    ),
    size: fc.constantFrom('', '', '', 'l', 'll', 'lll'),
    kind: fc.constantFrom(...'diufffeEgGgxXosqQwpzr%yn'),
    comma: fc.boolean(),
    before: fc.constantFrom('', 'a', '%%', 'é', ' '),
  })
  .map(({flags, width, precision, size, kind, comma, before}) => {
    const comma_ = comma && 'diu'.includes(kind) ? ',' : '';
    return `${before}%${flags}${comma_}${width}${precision}${size}${kind}`;
  });

/** Returns whether the value is a width to show. */
const isSmall = (arg: Value) => Math.abs(Number(toInteger(arg) ?? 0)) < 100;

const printf = find(FORMAT_FUNCTIONS, 'printf');
const call = (...args: Value[]): Value => printf.call(CONTEXT, ...args);

test('printf agrees with sqlite3', t => {
  const calls = fc.sample(
    fc
      .tuple(
        fc.oneof(
          fc.array(conversion, {minLength: 1, maxLength: 2}).map(parts => parts.join('')),
          fc
            .array(fc.constantFrom(...'%%%-+ #0!,123.*ldfsxgeqQw%az\'"é'), {maxLength: 12})
            .map(parts => parts.join(''))
            // Wide enough to show what is to be shown.
            .filter(format => !/\d{4}/.test(format)),
        ),
        fc.array(value, {maxLength: 5}),
      )
      .filter(([format, args]) => !format.includes('*') || args.every(isSmall)),
    {numRuns: 4000, seed: 24},
  );
  const texts = calls.map(([format, args]) => `printf(${[format, ...args].map(literal).join(', ')})`);
  const wanted = askSqlite(texts);
  if (wanted === undefined) {
    t.log('sqlite3 is not installed');
    t.pass();
    return;
  }
  for (const [index, [format, args]] of calls.entries()) {
    const got = outcome(() => call(format, ...args));
    if (got !== wanted[index])
      t.fail(`${`printf(${[format, ...args].map(literal).join(', ')})`}: ${got}, not ${wanted[index]}`);
  }
  t.pass();
});

test('results that no random call would find', t => {
  t.is(call(), null);
  t.is(call(null, 1), null);
  t.is(call(''), null);
  t.is(call('%s', ''), '');
  t.is(call('a%yb', 1), 'a');
  t.is(call('%.2f %.2f', 1.005, 2.675), '1.01 2.68');
  t.is(call('%.20f', 0.3), '0.29999999999999990000');
  t.is(call('%!.30f', 0.1), '0.10000000000000000555111512');
  t.is(call('%010f|%-6f|', Infinity, -Infinity), '       Inf|-Inf  |');
  t.is(call('%,d %,d', 1234567, -(2n ** 63n)), '1,234,567 -9,223,372,036,854,775,808');
  t.is(call('%x', -1), 'ffffffffffffffff');
  t.is(call('%.4s|%!.4s', 'éééé', 'éééé'), 'éé|éééé');
  t.is(call('%.1s', 'é'), '\udcc3', 'half of a character');
  t.is(call('%r %r %r %r', 1, 2, 13, 23), '1st 2nd 13th 23rd');
  t.is(call('%.3c|%5c|%-3c|', 'é', 'xy', 7), 'ééé|    x|7  |');
  t.is(call('%c', ''), '');
  t.is(call('%s', new Uint8Array([97, 98])), 'ab');
  t.is(formatText('%d%%', [7]), '7%');
  t.is(find(FORMAT_FUNCTIONS, 'format').call(CONTEXT, '%d', 5), '5');
});

test('widths and precisions that are too great are refused', t => {
  for (const format of ['%2147483648d', '%.1000000000d', '%-999999999s', '%.999999999f', '%999999999%']) {
    t.true(
      isDbosError(
        t.throws(() => call(format, 1)),
        'SQL_VALUE',
      ),
      format,
    );
  }
  t.true(
    isDbosError(
      t.throws(() => call('%*d', 2_000_000_000, 1)),
      'SQL_VALUE',
    ),
  );
  t.is((call('%1000d', 1) as string).length, 1000);
});

test('any format gives a text or NULL', t => {
  fc.assert(
    fc.property(fc.string({unit: 'binary', maxLength: 20}), fc.array(value, {maxLength: 4}), (format, args) => {
      const result = call(format, ...args);
      t.true(result === null || typeof result === 'string');
    }),
    {numRuns: 1000},
  );
});

test('%d is the integer, %.15e nearly the real', t => {
  fc.assert(fc.property(fc.maxSafeInteger(), i => t.is(call('%d', i), String(i))));
  fc.assert(
    fc.property(fc.double({min: -1e300, max: 1e300, noNaN: true}), x => {
      const text = call('%.14e', realCell(x)) as string;
      t.true(Math.abs(Number(text) - x) <= Math.abs(x) * 1e-14 + 1e-320, `${x} is not ${text}`);
    }),
  );
});
