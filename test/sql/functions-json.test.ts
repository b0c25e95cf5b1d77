import test from 'ava';
import fc from 'fast-check';
import {isDbosError} from '../../src/errors.js';
import type {AggregateFunction} from '../../src/sql/functions/function.js';
import {
  boxElement,
  boxJson,
  extractJson,
  JSON_AGGREGATES,
  JSON_SCALARS,
  JSON_TABLE_FUNCTIONS,
  JsonText,
  type JsonValue,
  jsonArrow,
  jsonArrowText,
  RETURNS_JSON,
  TAKES_JSON,
} from '../../src/sql/functions/json.js';
import type {Value} from '../../src/sql/values/value.js';
import {Real, realCell} from '../../src/tree/cell.js';
import {askSqlite, CONTEXT, find, literal, outcome} from './functions-oracle.js';

function call(name: string, ...args: JsonValue[]): Value {
  return find(JSON_SCALARS, name).call(CONTEXT, ...(args as Value[]));
}

function rows(name: string, ...args: Value[]): Value[][] {
  const found = JSON_TABLE_FUNCTIONS.find(each => each.name === name);
  return [...(found?.bind([]).call(args) ?? [])].map(row => [...row]);
}

// ---------------------------------------------------------------------------------------------------- random JSON

const space = fc.constantFrom('', '', '', ' ', '\n\t');
const number = fc.constantFrom(
  ...['0', '-0', '1', '-5', '1.0', '1.50', '-0.0', '1e5', '1E-5', '9223372036854775807', '9223372036854775808'],
  ...['-9223372036854775808', '123456789012345678', '100000000000000000000', '1e400', '0.1'],
);
const string = fc.constantFrom(
  ...['"x"', '""', '"a\\"b"', '"\\u0041\\n"', '"é😀"', '"\\ud83d\\ude00"', '"\\ud800"', '"\\/\\\\"', '"[1]"'],
);
const keys = ['a', 'b', 'c', 'a b', '', '1', 'é', 'A1', '_z'];

/** JSON texts with unique keys in each object. */
const json: fc.Arbitrary<string> = fc.letrec<{value: string; array: string; object: string}>(tie => ({
  value: fc.oneof(
    {depthSize: 'small', withCrossShrink: true},
    fc.constantFrom('null', 'true', 'false'),
    number,
    string,
    tie('array'),
    tie('object'),
  ),
  array: fc
    .tuple(fc.array(fc.tuple(space, tie('value')), {maxLength: 3}), space)
    .map(([items, end]) => `[${items.map(item => item.join('')).join(',')}${end}]`),
  object: fc
    .tuple(fc.subarray(keys), fc.array(fc.tuple(space, tie('value'), space), {minLength: 9, maxLength: 9}))
    .map(([names, values]) => {
      const members = names.slice(0, 3).map((name, index) => {
        const [before, value, after] = values[index] as [string, string, string];
        return `${before}"${name}"${after}:${value}${after}`;
      });
      return `{${members.join(',')}}`;
    }),
})).value;

const mutated = fc
  .tuple(json, fc.nat(), fc.constantFrom('', ...'{}[],:"\\0123eE-tn \n'), fc.nat(2))
  .map(([text, at, insert, remove]) => {
    // By characters: half a surrogate pair is no text.
    const characters = [...text];
    characters.splice(at % (characters.length + 1), remove, insert);
    return characters.join('');
  });

const step = fc.constantFrom('.a', '.b', '.c', '."a b"', '[0]', '[1]', '[2]', '[#-1]', '[#]', '."a"', '.é', '.1');
const path = fc.array(step, {maxLength: 3}).map(steps => `$${steps.join('')}`);
const faulty = fc.constantFrom('$.', '$[x]', '$.a[', 'a', '$a', '$."a', '', '$.b.', '$[#-]');
const scalar = fc.constantFrom<Value>(null, 1, -5, realCell(1), 1.5, 'x', 'it"s\n', '[1]', 12345678901234567n);

/** A call, and the SQL of it. */
interface Call {
  readonly sql: string;
  readonly run: () => Value;
}

function callOf(name: string, ...args: JsonValue[]): Call {
  const texts = args.map(arg => (arg instanceof JsonText ? `json(${literal(arg.text)})` : literal(arg)));
  const boxed = args.map(arg => (arg instanceof JsonText ? boxJson(call('json', arg.text)) : arg));
  return {sql: `${name}(${texts.join(', ')})`, run: () => call(name, ...boxed)};
}

const argument = fc.oneof(
  scalar,
  json.map(text => new JsonText(text)),
);
/** A path that is not the root: at the root SQLite 3.40 gives the value itself, not its JSON. */
const inner = path.filter(text => text !== '$');

const calls: fc.Arbitrary<Call> = fc.oneof(
  fc.tuple(fc.constantFrom('json', 'json_valid', 'json_type'), mutated).map(([name, text]) => callOf(name, text)),
  fc.tuple(fc.constantFrom('json', 'json_type', 'json_array_length'), json).map(([name, text]) => callOf(name, text)),
  fc
    .tuple(fc.constantFrom('json_extract', 'json_type', 'json_array_length'), json, fc.oneof(path, path, faulty))
    .map(([name, text, at]) => callOf(name, text, at)),
  fc.tuple(json, path, path).map(([text, a, b]) => callOf('json_extract', text, a, b)),
  fc
    .tuple(fc.constantFrom('json_set', 'json_insert', 'json_replace'), json, inner, argument)
    // SQLite 3.40 does not append at [#] in what it has just made.
    .filter(([, , at]) => !at.includes('#'))
    .map(([name, text, at, value]) => callOf(name, text, at, value)),
  fc.tuple(json, inner).map(([text, at]) => callOf('json_remove', text, at)),
  fc.tuple(json, json).map(([a, b]) => callOf('json_patch', a, b)),
  fc.array(argument, {maxLength: 3}).map(args => callOf('json_array', ...args)),
  fc.tuple(fc.constantFrom(...keys), argument).map(([key, value]) => callOf('json_object', key, value)),
  argument.map(value => callOf('json_quote', value)),
  fc
    .tuple(fc.constantFrom('->', '->>'), json, fc.oneof(fc.constantFrom<Value>(0, 1, 'a', 'é', 'a b', '[#-1]'), path))
    .map(([operator, text, side]) => ({
      sql: `${literal(text)} ${operator} ${literal(side)}`,
      run: () => (operator === '->' ? jsonArrow(text, side) : jsonArrowText(text, side)),
    })),
);

test('the JSON functions agree with sqlite3', t => {
  const sample = fc.sample(calls, {numRuns: 5000, seed: 24});
  const wanted = askSqlite(sample.map(({sql}) => sql));
  if (wanted === undefined) {
    t.log('sqlite3 is not installed');
    t.pass();
    return;
  }
  for (const [index, {sql, run}] of sample.entries()) {
    const got = outcome(run);
    // What is JSON5 is malformed for SQLite before 3.42.
    if (got !== wanted[index] && wanted[index] !== 'error malformed JSON') {
      t.fail(`${sql}: ${got}, not ${wanted[index]}`);
    }
  }
  t.pass();
});

test('json_each and json_tree agree with sqlite3', t => {
  const names = ['key', 'value', 'type', 'atom', 'id', 'parent', 'fullkey', 'path'];
  const sample = fc.sample(fc.tuple(fc.constantFrom('json_each', 'json_tree'), json), {numRuns: 400, seed: 24});
  const row = `json_array(${names.map(name => `CASE typeof(${name}) WHEN 'text' THEN hex(${name}) ELSE ${name} END`)})`;
  const wanted = askSqlite(
    sample.map(([name, text]) => `(SELECT json_group_array(json(${row})) FROM ${name}(${literal(text)}))`),
  );
  if (wanted === undefined) {
    t.log('sqlite3 is not installed');
    t.pass();
    return;
  }
  for (const [index, [name, text]] of sample.entries()) {
    const got = rows(name, text).map(values => {
      const args = values.slice(0, 8).map(value => {
        if (typeof value !== 'string') return value;
        const written = outcome(() => value);
        return written.slice('text '.length).toUpperCase();
      });
      return boxJson(call('json_array', ...args));
    });
    // Infinity is no JSON in SQLite 3.40.
    const json = outcome(() => call('json_array', ...got));
    if (json !== wanted[index] && !text.includes('1e400')) t.fail(`${name}(${text}): ${json}, not ${wanted[index]}`);
  }
  t.pass();
});

// ---------------------------------------------------------------------------------------------------- JSON5 and newer functions

// What SQLite 3.50 gives.
test('JSON5 is read, and written as JSON', t => {
  const cases: readonly (readonly [string, string])[] = [
    ["{a:1,b$_:2,$x:3,é:4,'q':5,}", '{"a":1,"b$_":2,"$x":3,"é":4,"q":5}'],
    ['[+1,+1.5,.5,5.,-.5,+.5e3,0x1F,-0x1f,1.e5]', '[1,1.5,0.5,5.0,-0.5,0.5e3,31,-31,1.0e5]'],
    ['[Infinity,-Infinity,+Infinity,NaN,QNaN,inf,INF]', '[9e999,-9e999,9e999,null,null,9e999,9e999]'],
    [`'it\\'s "q" \\x41 \\0 \\u0041 \\/'`, '"it\'s \\"q\\" \\u0041 \\u0000 \\u0041 \\/"'],
    ['"a\\\nb\\\r\nc\\\u2028d"', '"abcd"'],
    ['["a\tb\u0001"]', '["a\\tb\\u0001"]'],
    ['/* c */ [1, // x\n 2] // end', '[1,2]'],
    ['\ufeff\u00a0\v[1\u3000]', '[1]'],
    ['{a\\u0062 :1}', '{"a\\u0062":1}'],
    ['{abc\u00a0:1}', '{"abc":1}'],
  ];
  for (const [text, standard] of cases) {
    t.is(call('json', text), standard);
    t.is(call('json_valid', text), 0, text);
    t.is(call('json_valid', text, 2), 1, text);
  }
  for (const text of [
    '[,]',
    '{,}',
    '[1,,2]',
    '[01]',
    '[-01]',
    '[1e]',
    '[-]',
    '[.]',
    '[+-5]',
    '[0x]',
    '[+NaN]',
    '[tru]',
    '',
  ]) {
    t.is(call('json_valid', text, 3), 0, text);
  }
  for (const text of [
    '{true:1}',
    '{NaN:1}',
    '{1:2}',
    '{a-b:2}',
    '"\\a"',
    "'\\01'",
    '"\\u12g4"',
    '/* [1]',
    '[1]x',
    '{"a":1 "b":2}',
  ]) {
    t.is(call('json_valid', text, 3), 0, text);
  }
  t.is(call('json_extract', '{a\\u0062:1}', '$.ab'), 1);
  t.is(call('json_extract', '[0x7FFFFFFFFFFFFFFF]', '$[0]'), 2n ** 63n - 1n);
  t.is(call('json_type', '[.5]', '$[0]'), 'real');
  t.is(call('json_type', '[NaN]', '$[0]'), 'null');
  t.is(call('json_extract', "'\\v\\x41'", '$'), '\vA');
});

test('json_error_position, json_pretty and the flags of json_valid', t => {
  const places: readonly (readonly [string, number])[] = [
    ['[1,2]', 0],
    ['[1,2', 5],
    ['{"a":1,]', 8],
    ['', 1],
    ['"\\x"', 3],
    ['["éa",x]', 7],
    ['["😀",x]', 6],
    ['{a:1}', 0],
    ['  x', 3],
    ['{"a":tru}', 6],
  ];
  for (const [text, place] of places) t.is(call('json_error_position', text), place, text);
  t.is(call('json_error_position', null), null);
  t.is(
    call('json_pretty', '{"a":[1,{"b":null}],"c":{},"d":[]}'),
    '{\n    "a": [\n        1,\n        {\n            "b": null\n        }\n    ],\n    "c": {},\n    "d": []\n}',
  );
  t.is(call('json_pretty', '[1,2]', '--'), '[\n--1,\n--2\n]');
  t.is(call('json_pretty', '[1]', null), '[\n    1\n]');
  t.is(call('json_valid', null), 0);
  t.is(call('json_valid', '{}', 4), 0);
  t.true(
    isDbosError(
      t.throws(() => call('json_valid', '{}', 16)),
      'SQL_VALUE',
    ),
  );
});

test('a label on the right of ->', t => {
  t.is(jsonArrow('{"a.b":1,"a":{"b":2}}', 'a.b'), '1');
  t.is(jsonArrow('{"a":{"b":2}}', 'a.b'), '2');
  t.is(jsonArrow('{"1":5}', '1'), '5');
  t.is(jsonArrow('[7,8]', '1'), '8');
  t.is(jsonArrow('[7,8]', -1), '8');
  t.is(jsonArrow('[7,8]', 1.5), null);
  t.is(jsonArrow('{"1.5":3}', 1.5), '3');
  t.is(jsonArrow('{"a":"x"}', 'a'), '"x"');
  t.is(jsonArrowText('{"a":"x"}', 'a'), 'x');
  t.is(jsonArrow('{"a":null}', 'a'), 'null');
  t.is(jsonArrowText('{"a":null}', 'a'), null);
  t.is(jsonArrow(null, 'a'), null);
  t.is(jsonArrow('{}', null), null);
  t.true(
    isDbosError(
      t.throws(() => jsonArrow('{"":1}', '')),
      'SQL_VALUE',
    ),
  );
});

// ---------------------------------------------------------------------------------------------------- values

test('numbers and strings keep what they are', t => {
  const text = '[1.0,1e5,-0,-0.0,1E+5,123456789012345678901234567890,"\\u0041\\/"]';
  t.is(call('json', ` ${text} `), text);
  t.deepEqual(call('json_extract', text, '$[0]'), new Real(1));
  t.is(call('json_extract', text, '$[2]'), 0);
  t.deepEqual(call('json_extract', text, '$[3]'), new Real(-0));
  t.is(call('json_extract', text, '$[5]'), 1.2345678901234568e29);
  t.is(call('json_extract', '[9223372036854775807]', '$[0]'), 2n ** 63n - 1n);
  t.is(call('json_extract', '["a\\u0000b"]', '$[0]'), 'a\0b');
  t.is(call('json_extract', '["\\ud800x"]', '$[0]'), '\udced\udca0\udc80x', 'three bytes that are no UTF-8');
  t.is(call('json_extract', '["\\ud83d\\ud83d\\ude00"]', '$[0]'), '\udced\udca0\udcbd😀');
  t.is(call('json_extract', '["\udcff"]', '$[0]'), '\udcff', 'a byte that is no UTF-8');
  t.is(call('json_quote', '\udcff\n"\u0001'), '"\udcff\\n\\"\\u0001"');
  t.is(call('json_array', 1, realCell(2), null, 'x"y', Infinity), '[1,2.0,null,"x\\"y",9.0e+999]');
  t.is(call('json_extract', '{"b":1,"10":2,"2":3,"b":4}', '$'), '{"b":1,"10":2,"2":3,"b":4}', 'order and duplicates');
  t.is(call('json_extract', '{"b":1,"b":4}', '$.b'), 1);
  t.is(call('json', '{"a":1}\0x'), '{"a":1}', 'text ends at a NUL');
});

test('JSON of one function is JSON for another, text is a string', t => {
  t.true(RETURNS_JSON.has('json') && !RETURNS_JSON.has('json_extract') && TAKES_JSON.has('json_array'));
  t.is(call('json_array', boxJson('[1]'), '[1]', boxJson(null)), '[[1],"[1]",null]');
  t.is(call('json_set', '{}', '$.a', boxJson('{"b":1}'), '$.a.c', 2), '{"a":{"b":1,"c":2}}');
  t.is(call('json_quote', boxJson('[1]')), '[1]');
  t.is(call('json_object', 'a', boxJson('{}'), 'b', '{}'), '{"a":{},"b":"{}"}');
  t.deepEqual(extractJson(CONTEXT, '[[1]]', '$[0]'), new JsonText('[1]'));
  t.is(extractJson(CONTEXT, '["[1]"]', '$[0]'), '[1]');
  t.deepEqual(extractJson(CONTEXT, '[2]', '$[0]', '$[1]'), new JsonText('[2,null]'));
  t.deepEqual(boxElement('[1]', 'array'), new JsonText('[1]'));
  t.is(boxElement('[1]', 'text'), '[1]');
});

test('edits that SQLite 3.40 does otherwise', t => {
  t.is(call('json_set', '{"a":1}', '$', 'x'), '"x"');
  t.is(call('json_set', '{}', '$.g[#]', 7), '{"g":[7]}');
  t.is(call('json_set', '[1,2]', '$[2]', 3, '$[5]', 5, '$[#]', 6, '$[#-1]', 7), '[1,2,3,7]');
  t.is(call('json_remove', '{"a":1,"a":2}', '$.a', '$.a'), '{}');
  t.is(call('json_patch', '{"a":1}', '{"a":3,"a":4,"b":1,"b":null}'), '{"a":4}');
  t.is(call('json_extract', '{"a\\"b":1}', '$."a\\"b"'), 1);
  t.is(call('json_set', '{}', '$."x\\u0041"', 1, '$.y"', 2), '{"x\\u0041":1,"y\\"":2}');
});

test('errors', t => {
  const fails = (code: 'SQL_VALUE' | 'SQL_MISUSE', message: string, run: () => unknown) => {
    const error = t.throws(run);
    t.true(isDbosError(error, code));
    t.is(error?.message, message);
  };
  fails('SQL_VALUE', 'malformed JSON.', () => call('json', '{"a":1'));
  fails('SQL_VALUE', "JSON path error near '[x]'.", () => call('json_extract', '[]', '$[x]'));
  fails('SQL_VALUE', "JSON path error near 'it''s'.", () => call('json_extract', '[]', "it's"));
  fails('SQL_VALUE', 'JSON cannot hold BLOB values.', () => call('json_array', new Uint8Array(1)));
  fails('SQL_VALUE', 'json_object() labels must be TEXT.', () => call('json_object', 1, 2));
  fails('SQL_MISUSE', 'json_object() requires an even number of arguments.', () => call('json_object', 'a'));
  fails('SQL_MISUSE', 'json_set() needs an odd number of arguments.', () => call('json_set', '{}', '$.a'));
  t.is(call('json_extract', '{"a":1}', '$.b.'), null, 'a path that is wrong only where the walk does not come');
});

test('nesting has a limit', t => {
  const nested = (depth: number) => '['.repeat(depth) + ']'.repeat(depth);
  t.is(call('json_valid', nested(1000)), 1);
  t.is(call('json_valid', nested(1001)), 0);
  t.is(call('json_valid', '['.repeat(1_000_000)), 0);
  t.is(call('json', `[ ${nested(999)}]`), nested(1000));
  t.is(call('json_patch', '{}', `{"a":${nested(999)}}`), `{"a":${nested(999)}}`);
});

// ---------------------------------------------------------------------------------------------------- laws

test('JSON is read as JavaScript reads it', t => {
  fc.assert(
    fc.property(fc.json(), fc.constantFrom(undefined, 1, '\t'), (text, indent) => {
      const spaced = JSON.stringify(JSON.parse(text), null, indent);
      t.is(call('json', spaced), JSON.stringify(JSON.parse(text)));
      t.is(call('json_valid', spaced), 1);
      t.deepEqual(JSON.parse(call('json_pretty', text) as string), JSON.parse(text));
    }),
  );
  fc.assert(
    fc.property(
      fc.string({unit: 'binary'}).filter(text => text.isWellFormed()),
      text => {
        t.is(call('json_quote', text), call('json', call('json_quote', text)));
        t.is(call('json_extract', call('json_quote', text), '$'), text);
        t.is(JSON.parse(call('json_quote', text) as string), text);
      },
    ),
  );
});

test('each row of json_tree is what its path leads to', t => {
  fc.assert(
    fc.property(json, text => {
      for (const [, value, type, , , , fullkey] of rows('json_tree', text)) {
        t.deepEqual(call('json_extract', text, fullkey as string), value as Value);
        t.is(call('json_type', text, fullkey as string), type as Value);
      }
    }),
  );
});

test('json_tree from a path', t => {
  const text = '{"a":{"x y":[1,2,{"c":3}]}}';
  t.deepEqual(
    rows('json_tree', text, '$.a."x y"[#-1]').map(row => [row[0], row[1], row[6], row[7]]),
    [
      [null, '{"c":3}', '$.a."x y"[2]', '$.a."x y"'],
      ['c', 3, '$.a."x y"[2].c', '$.a."x y"[2]'],
    ],
  );
  t.deepEqual(
    rows('json_each', text, '$."a"').map(row => [row[0], row[5], row[6], row[7], row[8], row[9]]),
    [['x y', null, '$."a"."x y"', '$."a"', text, '$."a"']],
  );
  t.deepEqual(rows('json_each', text, '$.b'), []);
  t.deepEqual(rows('json_each', null), []);
  t.deepEqual(rows('json_each', '[]', null), []);
  t.deepEqual(rows('json_each'), []);
});

function aggregate(name: string): AggregateFunction {
  return JSON_AGGREGATES.find(each => each.name === name) as AggregateFunction;
}

test('aggregates, also in frames that slide', t => {
  const object = aggregate('json_group_object').create(CONTEXT);
  t.is(object.value(), '{}');
  object.step('a', 1);
  object.step(null, 2);
  object.step(5, 'x');
  t.is(object.value(), '{"a":1,"5":"x"}', 'no member for the key NULL');
  object.inverse?.('a', 1);
  object.inverse?.(null, 2);
  t.is(object.value(), '{"5":"x"}');
  fc.assert(
    fc.property(fc.array(fc.oneof(fc.integer(), fc.constant('a,]')), {maxLength: 20}), fc.nat(20), (values, width) => {
      const array = aggregate('json_group_array').create(CONTEXT);
      values.forEach((value, index) => {
        array.step(value);
        if (index >= width) array.inverse?.(values[index - width] as Value);
        const frame = values.slice(Math.max(0, index - width + 1), index + 1);
        t.is(array.value(), JSON.stringify(frame));
      });
    }),
  );
});

test('any text is JSON or malformed', t => {
  const anything = fc.oneof(
    mutated,
    fc.string({unit: 'binary', maxLength: 20}),
    fc.array(fc.constantFrom(...'{}[],:"\'\\0123.eE+-xuInfNa \n/*$#'), {maxLength: 20}).map(parts => parts.join('')),
  );
  const values = fc.oneof(anything, path, faulty);
  fc.assert(
    fc.property(anything, values, argument, (text, at, value) => {
      const position = call('json_error_position', text);
      t.is(position === 0, call('json_valid', text, 3) === 1);
      if (position === 0) {
        const standard = call('json', text);
        t.is(call('json_valid', standard), 1, text);
        t.is(call('json', standard), standard);
      } else t.true((position as number) >= 1 && (position as number) <= text.length + 1);
      outcome(() => call('json_extract', text, at));
      outcome(() => call('json_set', text, at, value, at, value));
      outcome(() => call('json_remove', text, at));
      outcome(() => call('json_patch', text, at));
      outcome(() => jsonArrow(text, at));
    }),
    {numRuns: 3000},
  );
});
