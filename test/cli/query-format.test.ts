/** How the rows of a query are printed: each form of each value, and what a reader of the form gets back. */
import test from 'ava';
import fc from 'fast-check';
import {decodeText} from '../../src/bytes.js';
import {FORMATS, type FormatName, type FormatOptions, formatOfFile} from '../../src/cli/result-format.js';
import {createStyle} from '../../src/cli/style.js';
import {displayWidth} from '../../src/cli/table.js';
import {Database} from '../../src/sql/query.js';
import {PART_BYTES, ResultBuffer} from '../../src/sql/transfer/result-buffer.js';
import {valueText} from '../../src/sql/transfer/value-text.js';
import type {Value} from '../../src/sql/values/value.js';
import {integerCell, Real, realCell} from '../../src/tree/cell.js';
import {loadTables, memoryCatalog} from '../support/sqlcatalog.js';

type Rows = readonly (readonly Value[])[];

/** Returns the bytes of a result, as a text in which a byte that is not UTF-8 is a surrogate. */
function print(format: FormatName, columns: readonly string[], rows: Rows, options: Partial<FormatOptions> = {}) {
  const out = new ResultBuffer();
  const writer = FORMATS[format](out, {
    columns,
    header: true,
    nullText: undefined,
    style: createStyle(false),
    ...options,
  });
  writer.begin();
  for (const row of rows) writer.row(row);
  writer.end();
  return decodeText(out.take());
}

const VALUES: readonly (readonly [Value, {json: string; text: string}])[] = [
  [0, {json: '0', text: '0'}],
  [-7, {json: '-7', text: '-7'}],
  [2 ** 53 - 1, {json: '9007199254740991', text: '9007199254740991'}],
  [-(2 ** 53 - 1), {json: '-9007199254740991', text: '-9007199254740991'}],
  [1e9, {json: '1000000000', text: '1000000000'}],
  [999999999, {json: '999999999', text: '999999999'}],
  [2n ** 63n - 1n, {json: '9223372036854775807', text: '9223372036854775807'}],
  [-(2n ** 63n), {json: '-9223372036854775808', text: '-9223372036854775808'}],
  [0.5, {json: '0.5', text: '0.5'}],
  [0.1 + 0.2, {json: '0.30000000000000004', text: '0.3'}],
  [new Real(1), {json: '1.0', text: '1.0'}],
  [new Real(-0), {json: '-0.0', text: '0.0'}],
  [2 ** 60, {json: '1152921504606847000.0', text: '1.15292150460685e+18'}],
  [1e300, {json: '1e+300', text: '1.0e+300'}],
  [Number.POSITIVE_INFINITY, {json: '1e999', text: 'Inf'}],
  [Number.NEGATIVE_INFINITY, {json: '-1e999', text: '-Inf'}],
  ['text', {json: '"text"', text: 'text'}],
  ['é漢😀', {json: '"é漢😀"', text: 'é漢😀'}],
  [Buffer.from([0, 255]), {json: '{"base64":"AP8="}', text: "x'00ff'"}],
  [Buffer.from([]), {json: '{"base64":""}', text: "x''"}],
];

test('every value has its form in JSON and in text', t => {
  for (const [value, {json, text}] of VALUES) {
    t.is(print('ndjson', ['v'], [[value]]), `{"v":${json}}\n`);
    t.is(print('json', ['v'], [[value]]), `[\n{"v":${json}}\n]`);
    for (const format of ['csv', 'tsv', 'list'] as const) t.is(print(format, ['v'], [[value]]), `v\n${text}\n`, format);
    t.is(print('line', ['v'], [[value]]), `v = ${text}\n`);
    t.is(print('markdown', ['v'], [[value]]), `| v |\n|---|\n| ${text} |\n`);
    t.is(
      print('table', ['v'], [[value]])
        .split('\n')[2]
        ?.trim(),
      text,
    );
  }
});

test('NULL is told from the empty text', t => {
  const rows = [[null, '']];
  const columns = ['a', 'b'];
  t.is(print('csv', columns, rows), 'a,b\n,""\n');
  t.is(print('tsv', columns, rows), 'a\tb\n\\N\t\n');
  t.is(print('list', columns, rows), 'a|b\n|\n');
  t.is(print('table', columns, rows), 'a     b\n----  -\nNULL\n');
  t.is(print('markdown', columns, rows), '| a | b |\n|---|---|\n| NULL |  |\n');
  t.is(print('line', columns, rows), 'a = NULL\nb = \n');
  t.is(print('ndjson', columns, rows, {nullText: '-'}), '{"a":null,"b":""}\n');
  for (const format of ['csv', 'tsv', 'list', 'table', 'markdown', 'line'] as const) {
    t.regex(print(format, columns, rows, {nullText: '-?-'}), /-\?-/, format);
  }
});

test('bytes that are not UTF-8 stay bytes, or are escapes', t => {
  const rows = [['a\udcffb']];
  for (const format of ['csv', 'tsv', 'list'] as const) t.is(print(format, ['v'], rows), 'v\na\udcffb\n');
  t.is(print('ndjson', ['v'], rows), '{"v":"a\\udcffb"}\n');
  t.is(print('table', ['v'], rows), 'v\n------\na\\377b\n');
  t.is(print('line', ['v'], rows), 'v = a\\377b\n');
  t.is(print('markdown', ['v'], rows), '| v |\n|---|\n| a\\\\377b |\n');
});

test('without a header', t => {
  const rows = [[1, 'x']];
  const options = {header: false};
  t.is(print('csv', ['a', 'b'], rows, options), '1,x\n');
  t.is(print('tsv', ['a', 'b'], rows, options), '1\tx\n');
  t.is(print('list', ['a', 'b'], rows, options), '1|x\n');
  t.is(print('table', ['a long name', 'b'], rows, options), '1  x\n');
});

test('no rows: the header alone, and an empty array', t => {
  t.is(print('json', ['a'], []), '[]');
  t.is(print('ndjson', ['a'], []), '');
  t.is(print('csv', ['a'], []), 'a\n');
  t.is(print('table', ['a'], []), 'a\n-\n');
  t.is(print('markdown', ['a'], []), '| a |\n|---|\n');
  t.is(print('line', ['a'], []), '');
});

test('columns of one name keep all of their values in JSON', t => {
  t.is(print('ndjson', ['a', 'a', 'b', 'a'], [[1, 2, 3, 4]]), '{"a":1,"a:1":2,"b":3,"a:2":4}\n');
  t.is(print('ndjson', ['a', 'a', 'a:1'], [[1, 2, 3]]), '{"a":1,"a:2":2,"a:1":3}\n');
  t.is(print('ndjson', ['__proto__', 'é"'], [[1, 2]]), '{"__proto__":1,"é\\"":2}\n');
});

test('csv quotes what needs it', t => {
  const rows = [['a,b', 'a"b', 'a\nb', 'a\r', ' a ', "'"]];
  t.is(print('csv', ['x,y', 'b', 'c', 'd', 'e', 'f'], rows), '"x,y",b,c,d,e,f\n"a,b","a""b","a\nb","a\r", a ,\'\n');
});

test('tables align by display width, numbers to the right', t => {
  const rows = [
    [1, '漢字', 'e\u0301', '✅'],
    [-22.5, 'a', null, 'b'],
  ];
  const lines = print('table', ['n', 'wide', 'accent', 'z'], rows).split('\n');
  t.deepEqual(lines, [
    '    n  wide  accent  z',
    '-----  ----  ------  --',
    '    1  漢字  e\u0301       ✅',
    '-22.5  a     NULL    b',
    '',
  ]);
});

test('a table keeps the widths of its first rows, and wide values stick out', t => {
  const rows = Array.from({length: 1002}, (_, i): Value[] => [i === 1001 ? 'longer' : 'x', i]);
  const lines = print('table', ['a', 'b'], rows).split('\n');
  t.is(lines[2], 'x    0');
  t.is(lines[1002], 'x  1000');
  t.is(lines[1003], 'longer  1001');
  const wide = print(
    'table',
    ['a', 'b'],
    [
      ['x'.repeat(5000), 1],
      ['y', 2],
    ],
  ).split('\n');
  t.is(wide[3], `y${' '.repeat(119)}  2`);
});

test('several lines of a value stay below each other', t => {
  t.is(print('line', ['id', 'text'], [[1, 'a\nb\u001b[0m']]), '  id = 1\ntext = a\n       b\\033[0m\n');
  t.is(
    print('line', ['a'], [[1], [2]]),
    `a = 1

a = 2
`,
  );
  t.is(print('markdown', ['a|b'], [['x|y\n<b>\\']]), '| a\\|b |\n|---|\n| x\\|y<br>&lt;b>\\\\ |\n');
});

test('colours are only around what is not data', t => {
  const style = createStyle(true);
  t.is(
    print('table', ['a', 'b'], [[null, 'x']], {style}),
    '\u001b[1ma\u001b[22m     \u001b[1mb\u001b[22m\n\u001b[2m----  -\u001b[22m\n\u001b[2mNULL\u001b[22m  x\n',
  );
});

test('the name of a file tells the form', t => {
  t.is(formatOfFile('a/b.c.csv'), 'csv');
  t.is(formatOfFile('x.JSONL'), 'ndjson');
  t.is(formatOfFile('x.md'), 'markdown');
  for (const name of ['x', 'csv', 'x.toString', 'x.', 'a.csv/b']) t.is(formatOfFile(name), undefined, name);
});

const bytes = fc.uint8Array({maxLength: 12});
const text = fc.oneof(bytes.map(decodeText), fc.string({unit: 'binary', maxLength: 12}), fc.string());
const cell: fc.Arbitrary<Value> = fc.oneof(
  fc.constant(null),
  fc.integer(),
  fc.bigInt({min: -(2n ** 63n), max: 2n ** 63n - 1n}).map(integerCell),
  fc.double({noNaN: true}).map(realCell),
  text,
  bytes.map(array => Buffer.from(array)),
);
const rowsOf = (columns: number) => fc.array(fc.array(cell, {minLength: columns, maxLength: columns}), {maxLength: 8});

/** Returns a value as JSON reads it, with the text of each number. */
function readJson(source: string): unknown {
  // numbers become texts with a mark, for a double cannot hold them
  const marked = source.replace(
    /("(?:[^"\\]|\\.)*")|(-?\d[\d.eE+-]*)/g,
    (_, string, number) => string ?? `"#${number}"`,
  );
  return JSON.parse(marked);
}

function expectedJson(value: Value): unknown {
  if (value === null || typeof value === 'string') return value;
  if (value instanceof Uint8Array) return {base64: Buffer.from(value).toString('base64')};
  if (typeof value === 'bigint' || Number.isSafeInteger(value)) return `#${value}`;
  return value instanceof Real ? value.value : value;
}

test('JSON gives back every value, with its type', t => {
  fc.assert(
    fc.property(rowsOf(3), rows => {
      const lines = print('ndjson', ['a', 'b', 'c'], rows).split('\n');
      t.is(lines.pop(), '');
      t.deepEqual(readJson(print('json', ['a', 'b', 'c'], rows)), lines.map(readJson));
      for (const [i, line] of lines.entries()) {
        t.notRegex(line, /[\p{Cc}\p{Cs}\u2028\u2029]/u);
        const object = readJson(line) as Record<string, unknown>;
        for (const [at, name] of ['a', 'b', 'c'].entries()) {
          const expected = expectedJson(rows[i]?.[at] as Value);
          const found = object[name];
          if (typeof expected === 'number') {
            // a REAL shows that it is one
            t.regex(found as string, /^#.*[.eE]/);
            t.true(Object.is(Number((found as string).slice(1)), expected), `${found} ${expected}`);
          } else t.deepEqual(found, expected);
        }
      }
    }),
  );
});

/** Reads RFC 4180; a field without quotes that is empty is NULL. */
function readCsv(source: string): (string | null)[][] {
  const rows: (string | null)[][] = [];
  let at = 0;
  while (at < source.length) {
    const row: (string | null)[] = [];
    for (;;) {
      if (source[at] === '"') {
        let field = '';
        for (at++; source[at] !== '"' || source[at + 1] === '"'; at++) {
          if (source[at] === '"') at++;
          field += source[at];
        }
        at++;
        row.push(field);
      } else {
        const end = source.slice(at).search(/[,\n]/) + at;
        row.push(end === at ? null : source.slice(at, end));
        at = end;
      }
      if (source[at++] === '\n') break;
    }
    rows.push(row);
  }
  return rows;
}

const UNESCAPED: Readonly<Record<string, string>> = {t: '\t', n: '\n', r: '\r', '\\': '\\'};

function readTsv(source: string): (string | null)[][] {
  const lines = source.split('\n').slice(0, -1);
  const plain = (field: string) => field.replace(/\\(.)/g, (_, sign) => UNESCAPED[sign] as string);
  return lines.map(row => row.split('\t').map(field => (field === '\\N' ? null : plain(field))));
}

test('csv and tsv give back every value as text', t => {
  fc.assert(
    fc.property(rowsOf(2), rows => {
      const expected = rows.map(row => row.map(value => (value === null ? null : valueText(value))));
      t.deepEqual(readCsv(print('csv', ['a', 'b'], rows, {header: false})), expected);
      t.deepEqual(readTsv(print('tsv', ['a', 'b'], rows, {header: false})), expected);
    }),
  );
});

test('a row of a table is one line that cannot steer the terminal', t => {
  fc.assert(
    fc.property(rowsOf(3), text, (rows, name) => {
      for (const format of ['table', 'markdown'] as const) {
        const lines = print(format, [name, 'b', 'c'], rows).split('\n');
        t.is(lines.length, rows.length + 3);
        for (const line of lines) t.notRegex(line, /[\p{Cc}\p{Cs}\u202a-\u202e\u2066-\u2069]/u);
      }
    }),
  );
});

test('parts end with rows, and a large value makes a large part', t => {
  const out = new ResultBuffer();
  const writer = FORMATS.ndjson(out, {columns: ['a'], header: true, nullText: undefined});
  const huge = 'é'.repeat(PART_BYTES);
  writer.row([huge]);
  t.is(out.length, 2 * PART_BYTES + 9);
  t.is(out.take().toString(), `{"a":"${huge}"}\n`);
  t.is(out.length, 0);
  writer.row(['x'.repeat(600)]);
  writer.row(['y'.repeat(511)]);
  t.is(out.take().toString(), `{"a":"${'x'.repeat(600)}"}\n{"a":"${'y'.repeat(511)}"}\n`);
});

test('many numbers fill a part to its end without a gap', t => {
  const out = new ResultBuffer();
  const writer = FORMATS.csv(out, {columns: ['a'], header: false, nullText: undefined});
  const numbers = Array.from({length: 60_000}, (_, i) => (i % 2 ? -1 : 1) * i ** 3);
  for (const number of numbers) writer.row([number]);
  t.is(out.take().toString(), numbers.map(number => `${number === 0 ? 0 : number}\n`).join(''));
});

test('widths count columns of the terminal', t => {
  t.is(displayWidth('✅⌚'), 4);
  t.is(displayWidth('한'), 2);
  t.is(displayWidth('\u1112\u1161\u11ab'), 2);
});

test('columns of leaves are printed as their values are', t => {
  const values = [
    (i: number) => `${i % 5 === 0 ? 'NULL' : i * 1000}`,
    (i: number) => (i % 4 === 0 ? 'NULL' : `'text ${'x'.repeat(i % 40)} ${i}'`),
    (i: number) => [`'a'`, `''`, `'b"c\\'`, 'NULL'][i % 4] as string,
    (i: number) => (i % 3 === 0 ? `'é漢😀 ${i}, "'` : `'line\n${i}'`),
    (i: number) => `${i % 2 === 0 ? i : i / 8}e0`,
    (i: number) => (i % 7 === 0 ? '9223372036854775807' : `-${i}`),
    (i: number) => [`x'00ff'`, `'mixed'`, '1.5', '7', 'NULL'][i % 5] as string,
    () => `'same'`,
    (i: number) => (i === 1500 ? `'${'long '.repeat(600)}'` : `'short'`),
  ];
  const columns = ['a INT', 'b TEXT', 'c TEXT', 'd TEXT', 'e REAL', 'f INT', 'g', 'h TEXT', 'i TEXT'];
  const rows = Array.from({length: 3000}, (_, i) => `(${i}, ${values.map(value => value(i)).join(', ')})`);
  const tables = `CREATE TABLE t(id INTEGER PRIMARY KEY, ${columns.join(', ')}); INSERT INTO t VALUES ${rows.join(', ')};`;
  const database = new Database(memoryCatalog(loadTables(tables)));
  for (const sql of [
    'SELECT * FROM t',
    'SELECT b, id, b FROM t',
    'SELECT x.i AS y FROM (SELECT * FROM t) x ORDER BY x.id',
  ]) {
    const statement = database.prepare(sql);
    const names = statement.columns.map(({name}) => name);
    for (const format of ['ndjson', 'json', 'csv', 'tsv', 'list'] as const) {
      const out = new ResultBuffer();
      const writer = FORMATS[format](out, {
        columns: names,
        header: true,
        nullText: undefined,
      });
      let printed = '';
      writer.begin();
      for (const leaf of statement.leaves() ?? []) {
        for (let row = leaf.from; row < leaf.to; ) {
          row = writer.leafRows?.(leaf, row) ?? Number.NaN;
          if (out.length >= PART_BYTES) printed += decodeText(out.take());
        }
      }
      writer.end();
      printed += decodeText(out.take());
      t.is(printed, print(format, names, statement.all()), `${sql} as ${format}`);
    }
  }
  for (const sql of [
    'SELECT id + 1 FROM t',
    'SELECT id FROM t WHERE a > 5',
    'SELECT a FROM t ORDER BY a',
    'SELECT id FROM t LIMIT 1',
  ])
    t.is(database.prepare(sql).leaves(), undefined, sql);
});
