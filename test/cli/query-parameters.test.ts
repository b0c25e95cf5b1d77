/** What `--param` makes of its words. */
import test from 'ava';
import {parseParameters} from '../../src/cli/query-parameters.js';
import {Real} from '../../src/tree/cell.js';

test('a value is what it looks like', t => {
  const cases: [string, unknown][] = [
    ['5', 5],
    ['-5', -5],
    ['0', 0],
    ['9223372036854775807', 2n ** 63n - 1n],
    ['9223372036854775808', 2 ** 63],
    ['1.5', 1.5],
    ['1.0', new Real(1)],
    ['1e3', new Real(1000)],
    ['-2.5E-1', -0.25],
    ["x'00ff'", Buffer.from([0, 255])],
    ["X''", Buffer.from([])],
    ['', ''],
    ['null', 'null'],
    ['007', '007'],
    ['+1', '+1'],
    ['1.', '1.'],
    ['.5', '.5'],
    [' 5', ' 5'],
    ['5\n', '5\n'],
    ["x'0'", "x'0'"],
    ['a=b', 'a=b'],
    ['Infinity', 'Infinity'],
    ['0x10', '0x10'],
  ];
  for (const [text, value] of cases)
    t.deepEqual(parseParameters([`n=${text}`]), Object.assign(Object.create(null), {n: value}), text);
});

test('a type is taken as it is said', t => {
  const cases: [string, unknown][] = [
    ['n:text=5', '5'],
    ['n:TEXT=', ''],
    ['n:integer=007', 7],
    ['n:integer=+5', 5],
    ['n:real=5', new Real(5)],
    ['n:real=.5', 0.5],
    ['n:blob=00ff', Buffer.from([0, 255])],
    ["n:blob=x'00'", Buffer.from([0])],
    ['n:null', null],
    ['n:null=', null],
    [':n=5', 5],
    ['$n:text=5', '5'],
    ['@n=a:b=c', 'a:b=c'],
    ['n=x\ny', 'x\ny'],
  ];
  for (const [word, value] of cases) t.deepEqual(parseParameters([word]).n, value, word);
  t.deepEqual(Object.keys(parseParameters(['b=1', '__proto__=2', '1=3'])), ['1', 'b', '__proto__']);
});

test('what gives no value is refused', t => {
  for (const word of [
    'n',
    '=5',
    'n:',
    'n:text',
    'n:int=5',
    'n:integer=x',
    'n:integer=9223372036854775808',
    'n:real=x',
    'n:blob=0',
    'n:null=0',
    'a b=1',
    'n:constructor=1',
  ]) {
    t.throws(() => parseParameters([word]), {code: 'SQL_PARAMETER'}, word);
  }
  t.throws(() => parseParameters(['a=1', ':a=2']), {code: 'SQL_PARAMETER', message: /twice/});
});
