import test from 'ava';
import {formatTime, looksLikeTime, parseTime} from '../../src/repo/time.js';
import {DAY, HOUR, START} from '../support/repo.js';

const UTC = () => 0;
/** Central European time: UTC+1, and UTC+2 from the last Sunday of March to the last Sunday of October 2024. */
const CET = (time: number) => (time >= Date.UTC(2024, 2, 31, 1) && time < Date.UTC(2024, 9, 27, 1) ? 120 : 60);

const MIDNIGHT = Date.UTC(2024, 4, 15);

const TIMES: readonly (readonly [text: string, time: number])[] = [
  ['now', START],
  [' NOW ', START],
  ['2024-05-01', Date.UTC(2024, 4, 1)],
  ['2024-05-01 14:00', Date.UTC(2024, 4, 1, 14)],
  ['2024-05-01T14:00:05', Date.UTC(2024, 4, 1, 14, 0, 5)],
  ['2024-05-01T14:00:05.25', Date.UTC(2024, 4, 1, 14, 0, 5, 250)],
  ['2024-05-01T14:00:05.123456789Z', Date.UTC(2024, 4, 1, 14, 0, 5, 123)],
  ['2024-05-01T14:00Z', Date.UTC(2024, 4, 1, 14)],
  ['2024-05-01T14:00+02:00', Date.UTC(2024, 4, 1, 12)],
  ['2024-05-01 14:00 -0330', Date.UTC(2024, 4, 1, 17, 30)],
  ['2024-05-01T14:00+02', Date.UTC(2024, 4, 1, 12)],
  ['0050-01-01', new Date('0050-01-01T00:00:00Z').getTime()],
  ['@1700000000', 1_700_000_000_000],
  ['@1700000000.5', 1_700_000_000_500],
  ['@-5', -5000],
  ['yesterday', START - DAY],
  ['yesterday 14:00', MIDNIGHT - 10 * HOUR],
  ['yesterday at 9:05', MIDNIGHT - DAY + 9 * HOUR + 5 * 60_000],
  ['today', MIDNIGHT],
  ['today 08:00', MIDNIGHT + 8 * HOUR],
  ['2 hours ago', START - 2 * HOUR],
  ['an hour ago', START - HOUR],
  ['90 seconds ago', START - 90_000],
  ['3 weeks ago', START - 21 * DAY],
  ['last week', START - 7 * DAY],
  ['a month ago', Date.UTC(2024, 3, 15, 10, 30)],
  ['last year', Date.UTC(2023, 4, 15, 10, 30)],
  ['5 months ago', Date.UTC(2023, 11, 15, 10, 30)],
  // by chrono-node; START is a Wednesday
  ['two hours ago', START - 2 * HOUR],
  ['last tuesday 14:00', Date.UTC(2024, 4, 14, 14)],
  ['last tuesday', Date.UTC(2024, 4, 14)],
  ['monday', Date.UTC(2024, 4, 13)],
  ['friday', Date.UTC(2024, 4, 10)],
  ['friday 13:00', Date.UTC(2024, 4, 10, 13)],
  ['noon', Date.UTC(2024, 4, 14, 12)],
  ['14:00', Date.UTC(2024, 4, 14, 14)],
  ['9:00', Date.UTC(2024, 4, 15, 9)],
  ['may 3 2024 5pm', Date.UTC(2024, 4, 3, 17)],
  ['3 May 2023', Date.UTC(2023, 4, 3)],
  ['dec 24', Date.UTC(2023, 11, 24)],
  ['2024/05/01', Date.UTC(2024, 4, 1)],
  ['5 days ago at 10:00', Date.UTC(2024, 4, 10, 10)],
];

for (const [text, time] of TIMES) {
  test(`'${text}' is ${new Date(time).toISOString()}`, async t => {
    t.is(new Date(await parseTime(text, START, UTC)).toISOString(), new Date(time).toISOString());
    t.true(looksLikeTime(text));
  });
}

const NO_TIMES = [
  '',
  'main',
  'soon',
  '2024-02-30',
  '2024-13-01',
  '2024-05-01T24:00',
  '2024-05-01T14:60',
  '2024-05-01T14:00+25:00',
  'v1.3',
  'fix-12',
  'yesterday 25:00',
  '@',
  '@x',
  '@1e9',
  '99999999999',
  'between monday and friday',
  '@9999999999999',
  '12',
];
for (const text of NO_TIMES) {
  test(`${JSON.stringify(text)} is no time`, async t => {
    await t.throwsAsync(parseTime(text, START, UTC), {code: 'TIME_INVALID'});
  });
}

test('times without a zone are local, also over changes of the clocks', async t => {
  const at = async (text: string, now = START) => new Date(await parseTime(text, now, CET)).toISOString();
  t.is(await at('2024-05-01 14:00'), '2024-05-01T12:00:00.000Z');
  t.is(await at('2024-01-01 14:00'), '2024-01-01T13:00:00.000Z');
  t.is(await at('2024-05-01T14:00Z'), '2024-05-01T14:00:00.000Z');
  t.is(await at('jan 5 2024 14:00'), '2024-01-05T13:00:00.000Z');
  // a day before is the same time of day, which is 23 hours before here
  t.is(await at('yesterday', Date.UTC(2024, 2, 31, 10)), '2024-03-30T11:00:00.000Z');
  t.is(await at('24 hours ago', Date.UTC(2024, 2, 31, 10)), '2024-03-30T10:00:00.000Z');
  // 02:30 came twice in October, and never in March
  t.is(await at('2024-10-27 02:30'), '2024-10-27T00:30:00.000Z');
  t.is(await at('2024-03-31 02:30'), '2024-03-31T01:30:00.000Z');
  t.is(await at('a month ago', Date.UTC(2024, 2, 30, 11)), '2024-02-29T11:00:00.000Z');
});

test('times are shown in a zone', t => {
  t.is(formatTime(START, 120), '2024-05-15 12:30:00 +02:00');
  t.is(formatTime(START, -210), '2024-05-15 07:00:00 -03:30');
  t.is(formatTime(8.64e15, 60), '+275760-09-13 00:00:00 +01:00');
});
