/** Names, times, tables, sizes and suggestions as people read them. */
import test from 'ava';
import fc from 'fast-check';
import {decodeText} from '../../src/bytes.js';
import {formatBytes, formatCount, progressLine} from '../../src/cli/progress.js';
import {createStyle, wantsColor} from '../../src/cli/style.js';
import {alignRows, displayWidth} from '../../src/cli/table.js';
import {isoTime, relativeTime} from '../../src/cli/time.js';
import {formatTime} from '../../src/repo/time.js';
import {plainText, quotePath} from '../../src/state/quote.js';

test('paths are quoted only where they must be', t => {
  const cases: [string, string][] = [
    ['a/b c.txt', 'a/b c.txt'],
    ['größe/文件', 'größe/文件'],
    ['a\nb', '"a\\nb"'],
    ['a"b\\c', '"a\\"b\\\\c"'],
    ['\u001b[2J', '"\\033[2J"'],
    ['\u009b', '"\\302\\233"'],
    ['\u202egpj', '"\\342\\200\\256gpj"'],
    [decodeText(Buffer.from([0x61, 0xff, 0x62])), '"a\\377b"'],
    ['', ''],
  ];
  for (const [path, quoted] of cases) t.is(quotePath(path), quoted);
});

test('a quoted path is one line of harmless text that names one path only', t => {
  const bytes = fc.uint8Array({maxLength: 20});
  const text = fc.oneof(bytes.map(decodeText), fc.string({unit: 'binary', maxLength: 12}));
  fc.assert(
    fc.property(text, text, (a, b) => {
      t.notRegex(quotePath(a), /[\p{Cc}\p{Cs}\u202a-\u202e\u2066-\u2069]/u);
      t.is(quotePath(a) === quotePath(b), a === b);
    }),
  );
});

test('messages keep their lines', t => {
  t.is(plainText('a\n\tb\u001b[0m\r'), 'a\n\tb\\033[0m\\r');
});

test('times', t => {
  const ms = Date.UTC(2025, 2, 1, 13, 5, 9);
  t.is(formatTime(ms, 60), '2025-03-01 14:05:09 +01:00');
  t.is(isoTime(ms, -570), '2025-03-01T03:35:09-09:30');
  t.is(isoTime(ms, 0), '2025-03-01T13:05:09+00:00');
  t.is(new Date(isoTime(ms)).getTime(), ms);
});

test('distances of times', t => {
  const now = 1_000_000_000_000;
  const cases: [number, string][] = [
    [20, 'just now'],
    [90, '1 minute ago'],
    [7200, '2 hours ago'],
    [86_400 * 6, '6 days ago'],
    [86_400 * 8, '1 week ago'],
    [86_400 * 800, '2 years ago'],
    [-7200, 'in 2 hours'],
  ];
  for (const [seconds, text] of cases) t.is(relativeTime(now - seconds * 1000, now), text);
});

test('tables are aligned by what a terminal shows', t => {
  const {red} = createStyle(true);
  t.deepEqual(
    alignRows(
      [
        ['a', '10', 'x'],
        ['文件', '5', ''],
        [red('bc'), '123', 'y'],
      ],
      [1],
    ),
    ['a      10  x', '文件    5', `${red('bc')}    123  y`],
  );
  t.is(displayWidth('e\u0301'), 1);
});

test('sizes and counts', t => {
  const sizes: [number, string][] = [
    [0, '0 B'],
    [999, '999 B'],
    [1000, '1.00 KB'],
    [12_345, '12.3 KB'],
    [999_600, '1.00 MB'],
    [1_240_000_000, '1.24 GB'],
  ];
  for (const [bytes, text] of sizes) t.is(formatBytes(bytes), text);
  t.is(formatCount(1_234_567), '1,234,567');
});

test('a line of progress', t => {
  t.is(
    progressLine({label: 'Reading files', done: 5000, total: 20_000, bytes: 50_000_000}, 2000),
    'Reading files  5,000/20,000  25%  50.0 MB  25.0 MB/s  0:06 left',
  );
  t.is(progressLine({label: 'Checking', done: 100}, 1000), 'Checking  100  100/s');
  t.regex(progressLine({label: 'x', done: 1, total: 7300}, 1000), /2:01:39 left$/);
});

test('colours are for terminals, unless asked for or against', t => {
  const wants = (env: NodeJS.ProcessEnv, terminal: boolean, noColor = false) =>
    wantsColor({noColor, terminal: () => terminal, env});
  t.true(wants({}, true));
  t.false(wants({}, false));
  t.false(wants({NO_COLOR: '1'}, true));
  t.true(wants({NO_COLOR: ''}, true));
  t.true(wants({FORCE_COLOR: '1', NO_COLOR: '1'}, false));
  t.false(wants({FORCE_COLOR: '0'}, true));
  t.false(wants({TERM: 'dumb'}, true));
  t.false(wants({FORCE_COLOR: '1'}, true, true));
  t.true(wantsColor({noColor: false, terminal: () => false, env: {}, setting: 'always'}));
  t.false(wantsColor({noColor: false, terminal: () => true, env: {}, setting: 'never'}));
  t.is(createStyle(false).red('x'), 'x');
  t.is(createStyle(true).red('x'), '\u001b[31mx\u001b[39m');
});
