import test from 'ava';
import fc from 'fast-check';
import {DATE_FUNCTIONS, nowText} from '../../src/sql/functions/date.js';
import type {Value} from '../../src/sql/values/value.js';
import {realCell} from '../../src/tree/cell.js';
import {askSqlite, CONTEXT, find, literal, outcome} from './functions-oracle.js';

function call(name: string, ...args: Value[]): Value {
  const found = find(DATE_FUNCTIONS, name);
  return found.strict && args.includes(null) ? null : found.call(CONTEXT, ...args);
}

const digits = (width: number, max: number, min = 0) => fc.integer({min, max}).map(n => String(n).padStart(width, '0'));

const date = fc
  .tuple(fc.oneof(digits(4, 9999), digits(4, 2040, 2000), fc.constant('1900')), digits(2, 13, 1), digits(2, 32, 1))
  .map(parts => parts.join('-'));
const time = fc
  .tuple(
    digits(2, 25),
    digits(2, 60),
    fc.option(fc.tuple(digits(2, 60), fc.constantFrom('', '.5', '.125', '.9995', '.0005', '.123456789')), {nil: null}),
  )
  .map(([hour, minute, second]) => `${hour}:${minute}${second === null ? '' : `:${second.join('')}`}`);
const zone = fc.constantFrom('', '', '', 'Z', ' z', '+02:00', '-11:30', ' +14:59', '+15:00');
const timeValue: fc.Arbitrary<Value> = fc.oneof(
  date,
  fc.tuple(date, fc.constantFrom(' ', 'T', '  ', ''), time, zone).map(parts => parts.join('')),
  fc.tuple(time, zone).map(parts => parts.join('')),
  fc.double({min: 1_721_060, max: 5_373_490, noNaN: true}).map(realCell),
  fc.integer({min: -1_000_000_000, max: 4_000_000_000}),
  fc.constantFrom<Value>(null, '', 'x', '2458849.5', ' 2458849.5 ', '2020-01-01 ', '12:00:', '-1', 253402300799, 1e11),
);
const modifier: fc.Arbitrary<Value> = fc.oneof(
  fc
    .tuple(
      fc.constantFrom('+', '-', ''),
      fc.oneof(digits(1, 100), digits(1, 100_000), fc.constantFrom('1.5', '0.25', '1e2', '.5', '1.')),
      fc.constantFrom(' ', '  ', ''),
      fc.constantFrom(
        'day',
        'days',
        'hour',
        'hours',
        'minutes',
        'seconds',
        'second',
        'month',
        'months',
        'years',
        'YEAR',
      ),
    )
    .map(parts => parts.join('')),
  fc.constantFrom('start of month', 'start of year', 'start of day', 'Start Of Day', 'start of week'),
  fc.constantFrom('weekday 0', 'weekday 1', 'weekday 6', 'weekday 7', 'weekday 1.5', 'weekday  2', 'weekday'),
  fc.constantFrom('unixepoch', 'julianday', 'auto'),
  fc.tuple(fc.constantFrom('+', '-', ''), time).map(parts => parts.join('')),
  fc.constantFrom<Value>(null, '', 'x', '+', 5, '+1 day ', '++1 day', '+1 da'),
);
const format = fc
  .array(
    fc.constantFrom('%d', '%f', '%H', '%j', '%J', '%m', '%M', '%s', '%S', '%w', '%W', '%Y', '%%', '-', 'x', '%q'),
    {
      maxLength: 5,
    },
  )
  .map(parts => parts.join(''));

test('the date functions agree with sqlite3', t => {
  const calls = fc.sample(
    fc.tuple(
      fc.constantFrom('date', 'time', 'datetime', 'julianday', 'unixepoch', 'strftime'),
      format,
      timeValue,
      fc.array(modifier, {maxLength: 3}),
    ),
    {numRuns: 4000, seed: 24},
  );
  const args = calls.map(([name, pattern, first, modifiers]) => [
    ...(name === 'strftime' ? [pattern] : []),
    first,
    ...modifiers,
  ]);
  const texts = calls.map(([name], index) => `${name}(${(args[index] as Value[]).map(literal).join(', ')})`);
  const wanted = askSqlite(texts);
  if (wanted === undefined) {
    t.log('sqlite3 is not installed');
    t.pass();
    return;
  }
  for (const [index, [name]] of calls.entries()) {
    const got = outcome(() => call(name, ...(args[index] as Value[])));
    if (got !== wanted[index]) t.fail(`${texts[index]}: ${got}, not ${wanted[index]}`);
  }
  t.pass();
});

// What SQLite 3.50 gives; the versions before it lack these.
test('modifiers and letters of newer versions', t => {
  t.is(call('date', '2020-01-31', '+1 month', 'floor'), '2020-02-29');
  t.is(call('date', '2020-01-31', '+1 month', 'ceiling'), '2020-03-02');
  t.is(call('date', '2020-02-29', '+1 year', 'floor'), '2021-02-28');
  t.is(call('datetime', '2020-01-31', '+0001-02-03 04:05'), '2021-04-03 04:05:00');
  t.is(call('datetime', '2020-01-31', '-0001-02-03'), '2018-11-28 00:00:00');
  t.is(call('datetime', '2020-01-31', '+0001-12-03'), null);
  t.is(call('datetime', '2020-01-01 00:00:00.999', 'subsec'), '2020-01-01 00:00:00.999');
  t.deepEqual(call('unixepoch', '2020-01-01 00:00:00.999', 'subsec'), 1577836800.999);
  t.is(
    call('strftime', '%e|%F|%G|%g|%I|%k|%l|%p|%P|%R|%T|%u|%U|%V', '2021-01-03 15:04:05.678'),
    ' 3|2021-01-03|2020|20|03|15| 3|PM|pm|15:04|15:04:05|7|01|53',
  );
  t.is(call('strftime', '%I %l %u %w %U %W', '2023-01-01'), '12 12 7 0 01 00');
  t.is(call('strftime', '%s', '2020-01-01 00:00:01.5', 'subsec'), '1577836801.500');
  t.is(call('strftime', '%Y', '-0001-01-01'), '-001');
  t.is(call('timediff', '2023-02-15', '2023-03-15'), '-0000-01-00 00:00:00.000');
  t.is(call('timediff', '2021-03-01 12:34:56.789', '2020-02-29'), '+0001-00-00 12:34:56.789' as Value);
  t.is(call('timediff', '2020-12-31', '2020-02-29'), '+0000-10-02 00:00:00.000');
  t.is(call('timediff', null, '2020-01-01'), null);
  t.is(call('timediff', 'x', '2020-01-01'), null);
});

test('the time of the statement', t => {
  t.is(call('datetime'), '2024-02-29 12:34:56');
  t.is(call('datetime', 'NOW', 'subsec'), '2024-02-29 12:34:56.789');
  t.is(call('time', 'subsec'), '12:34:56.789');
  t.is(call('unixepoch', 'now'), 1709210096);
  t.is(nowText(CONTEXT, 'date'), '2024-02-29');
  t.is(nowText(CONTEXT, 'time'), '12:34:56');
  t.is(nowText(CONTEXT, 'timestamp'), '2024-02-29 12:34:56');
});

// Central European time, by its rule since 1996; what sqlite3 gives for it.
test('local time', t => {
  const zone = (at: number): number => {
    const year = new Date(at).getUTCFullYear();
    const lastSunday = (month: number) => {
      const end = new Date(Date.UTC(year, month + 1, 0, 1));
      return end.getTime() - end.getUTCDay() * 86_400_000;
    };
    return at >= lastSunday(2) && at < lastSunday(9) ? 120 : 60;
  };
  const datetime = (...args: Value[]) => find(DATE_FUNCTIONS, 'datetime').call({...CONTEXT, zone}, ...args);
  t.is(datetime('2020-07-01 12:00', 'localtime'), '2020-07-01 14:00:00');
  t.is(datetime('2020-01-01 12:00', 'localtime'), '2020-01-01 13:00:00');
  t.is(datetime('2020-07-01 12:00', 'utc'), '2020-07-01 10:00:00');
  t.is(datetime('2020-07-01 12:00', 'utc', 'utc'), '2020-07-01 10:00:00');
  t.is(datetime('2020-07-01 12:00Z', 'utc'), '2020-07-01 12:00:00');
  t.is(datetime('2020-07-01 12:00Z', 'localtime', 'utc'), '2020-07-01 14:00:00');
  t.is(datetime('2020-07-01 12:00', 'localtime', 'localtime'), '2020-07-01 16:00:00');
  t.is(datetime('2020-07-01 12:00', 'utc', 'localtime', 'utc'), '2020-07-01 12:00:00');
  t.is(datetime('2020-03-29 02:30', 'utc'), '2020-03-29 00:30:00', 'a time that does not exist');
  t.is(datetime('2020-10-25 02:30', 'utc'), '2020-10-25 01:30:00', 'a time that is there twice');
  t.is(datetime(0, 'unixepoch', 'utc'), '1969-12-31 23:00:00');
});

test('the ends of the range', t => {
  t.is(call('datetime', 0), '-4713-11-24 12:00:00');
  t.is(call('datetime', '-4713-11-24 11:59:59'), null);
  t.is(call('datetime', '9999-12-31 23:59:59'), '9999-12-31 23:59:59');
  t.is(call('datetime', '9999-12-31 23:59:59', '+1 second'), null);
  t.is(call('datetime', '2020-01-01', '+1e10 days'), null);
  t.is(call('date', '2020-02-31'), '2020-02-31', 'as written');
  t.is(call('date', '2020-02-31', '+0 days'), '2020-03-02');
});

const moments = fc
  .integer({min: Date.UTC(0, 0, 1), max: Date.UTC(2200, 0, 1)})
  .map(ms => new Date(ms).toISOString().replace('T', ' ').replace('Z', ''));

test('JavaScript and SQL have the same calendar', t => {
  fc.assert(
    fc.property(fc.integer({min: -62_167_219_200_000, max: 253_402_300_799_999}), ms => {
      const iso = new Date(ms).toISOString();
      const text = `${iso.slice(0, 10)} ${iso.slice(11, 23)}`;
      t.is(call('datetime', realCell(ms / 1000), 'unixepoch', 'subsec'), text);
      t.is(call('unixepoch', text), Math.floor(ms / 1000));
    }),
  );
});

test('a time and the difference of another from it give the other', t => {
  fc.assert(
    fc.property(moments, moments, (a, b) => {
      t.is(call('datetime', b, call('timediff', a, b), 'subsec'), a);
    }),
  );
});

test('any text and number is a time or none', t => {
  const anything = fc.oneof(
    timeValue,
    fc.string({unit: 'binary', maxLength: 12}),
    fc.array(fc.constantFrom(...'0123456789-: .TZ+'), {maxLength: 24}).map(parts => parts.join('')),
    fc.double({noNaN: true}).map(realCell),
  );
  fc.assert(
    fc.property(anything, fc.array(fc.oneof(anything, modifier), {maxLength: 3}), (first, modifiers) => {
      const result = call('datetime', first, ...modifiers);
      t.true(result === null || /^-?\d{4}-\d\d-\d\d \d\d:\d\d:\d\d(\.\d{3})?$/.test(result as string), String(result));
    }),
    {numRuns: 3000},
  );
});
