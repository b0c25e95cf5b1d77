/** Files of text as rows: what a text looks like, where fields and objects end, and what is no such file. */
import test from 'ava';
import fc from 'fast-check';
import {decodeText, encodeText} from '../../src/bytes.js';
import {DelimitedReader} from '../../src/sql/transfer/delimited-reader.js';
import {delimitedRows} from '../../src/sql/transfer/delimited-rows.js';
import {ElementReader, LineReader} from '../../src/sql/transfer/json-reader.js';
import {jsonRows} from '../../src/sql/transfer/json-rows.js';
import {
  BLOB,
  type ColumnType,
  INTEGER,
  kindOfField,
  kindOfText,
  LONG,
  REAL,
  TEXT,
  typeOfTexts,
  valueOfText,
} from '../../src/sql/transfer/kinds.js';
import {ResultBuffer} from '../../src/sql/transfer/result-buffer.js';
import {csv, tsv} from '../../src/sql/transfer/result-delimited.js';
import type {NamedSource, RowSource} from '../../src/sql/transfer/row-source.js';
import type {Affinity, Value} from '../../src/sql/values/value.js';
import {Real} from '../../src/tree/cell.js';
import {refuses} from '../support/refuses.js';

/** A file that gives at most so many bytes at a time, so that any of its places can be the end of a piece. */
function source(content: string | Uint8Array, most = Number.POSITIVE_INFINITY): NamedSource {
  const bytes = typeof content === 'string' ? encodeText(content) : Buffer.from(content);
  return {
    name: 'file',
    read: (into, at, position) =>
      bytes.copy(into, at, position, Math.min(bytes.length, position + most, position + into.length - at)),
  };
}

function drain<T, R>(steps: Generator<T, R, undefined>): R {
  for (;;) {
    const step = steps.next();
    if (step.done) return step.value;
  }
}

function rowsOf(
  rows: RowSource,
  affinities?: readonly (Affinity | undefined)[],
): {names: string[]; types: ColumnType[]; rows: Value[][]} {
  const columns = drain(rows.inspect(true));
  const wanted =
    affinities ?? columns.map(({type}): Affinity => (type === '' ? 'blob' : (type.toLowerCase() as Affinity)));
  const found: Value[][] = [];
  for (const batch of rows.batches(wanted)) for (const row of batch.rows) found.push([...row]);
  return {names: columns.map(({name}) => name), types: columns.map(({type}) => type), rows: found};
}

function read(text: string): ReturnType<typeof rowsOf> {
  return rowsOf(delimitedRows(source(text), {delimiter: 'csv'}));
}

const KINDS: Readonly<Record<string, number>> = {
  '0': INTEGER,
  '42': INTEGER,
  '-7': INTEGER,
  '999999999999999': INTEGER,
  '9007199254740991': INTEGER,
  '9007199254740993': LONG,
  '-9223372036854775808': LONG,
  '9223372036854775808': TEXT,
  '007': TEXT,
  '-0': TEXT,
  '+1': TEXT,
  '1,000': TEXT,
  ' 1': TEXT,
  '1.50': REAL,
  '0.001': REAL,
  '-0.5': REAL,
  '00.5': TEXT,
  '.5': TEXT,
  '5.': TEXT,
  '12E4': TEXT,
  '1e5': TEXT,
  '1e+21': REAL,
  '1.5e3': REAL,
  '1e999': REAL,
  '1.5e999': TEXT,
  '0.30000000000000004': REAL,
  '3.14159265358979323846': TEXT,
  '0x10': TEXT,
  "x'00ff'": BLOB,
  "x'0'": TEXT,
  "X'00'": TEXT,
  '-': TEXT,
  '1-2': TEXT,
  '1.2.3': TEXT,
  '2024-01-31': TEXT,
  NaN: TEXT,
  Inf: TEXT,
};

test('a text is a number only if it is written as numbers are printed', t => {
  for (const [text, kind] of Object.entries(KINDS)) {
    t.is(kindOfText(text), kind, text);
    const bytes = Buffer.from(`,${text},`);
    t.is(kindOfField(bytes, 1, bytes.length - 1), kind, text);
  }
});

test('bytes and texts look alike, and integers print as they were written', t => {
  const text = fc.stringMatching(/^[-+]?[0-9]{0,20}(\.[0-9]{0,20})?([eE][-+]?[0-9]{1,3})?$/);
  fc.assert(
    fc.property(
      text.filter(each => each !== ''),
      each => {
        const kind = kindOfText(each);
        const bytes = Buffer.from(each);
        t.is(kindOfField(bytes, 0, bytes.length), kind, each);
        const value = valueOfText(each, kind);
        if (kind === INTEGER || kind === LONG) t.is(String(value), each);
        if (kind === REAL) t.is(value instanceof Real ? value.value : value, Number(each));
      },
    ),
    {numRuns: 2000},
  );
});

test('columns have the type that fits all of their values', t => {
  t.is(typeOfTexts(0), 'TEXT');
  t.is(typeOfTexts(INTEGER | LONG), 'INTEGER');
  t.is(typeOfTexts(INTEGER | REAL), 'REAL');
  t.is(typeOfTexts(LONG | REAL), 'TEXT');
  t.is(typeOfTexts(INTEGER | TEXT), 'TEXT');
  t.is(typeOfTexts(BLOB), 'BLOB');
  t.is(typeOfTexts(BLOB | INTEGER), 'TEXT');
  t.deepEqual(read('id,zip,price,note,none\n1,00501,1.5,a,\n2,10001,2,,\n'), {
    names: ['id', 'zip', 'price', 'note', 'none'],
    types: ['INTEGER', 'TEXT', 'REAL', 'TEXT', 'TEXT'],
    rows: [
      [1, '00501', 1.5, 'a', null],
      [2, '10001', new Real(2), null, null],
    ],
  });
});

test('CSV: line ends, quotes, byte order mark, empty lines', t => {
  t.deepEqual(read('\ufeffa,b\r\n1,"x ""y"", z"\r\n\r\n2,"line\r\ntwo"').rows, [
    [1, 'x "y", z'],
    [2, 'line\r\ntwo'],
  ]);
  t.deepEqual(read('a\n1\n\n2\n').rows, [[1], [null], [2]], 'of one column an empty line is NULL');
  t.deepEqual(read('a,b\n,""\n').rows, [[null, '']]);
  t.deepEqual(read('a,,a"b\n1,2,3"4\n'), {
    names: ['a', 'column2', 'a"b'],
    types: ['INTEGER', 'INTEGER', 'TEXT'],
    rows: [[1, 2, '3"4']],
  });
  t.deepEqual(read('a,b\n').rows, []);
  t.deepEqual(read('a\0,b'.replace('\0', '')).types, ['TEXT', 'TEXT']);
  t.deepEqual(read('a\nx\0y\n').rows, [['x\0y']]);
  t.deepEqual(rowsOf(delimitedRows(source(Buffer.from('a\nab\xff\n', 'latin1')), {delimiter: 'csv'})).rows, [
    ['ab\udcff'],
  ]);
});

test('TSV: escapes and no quotes', t => {
  const {rows} = rowsOf(delimitedRows(source('a\tb\n"q\\t\\n\\\\x\\z\t\\N\n\t\\r\n'), {delimiter: 'tsv'}));
  t.deepEqual(rows, [
    ['"q\t\n\\x\\z', null],
    ['', '\r'],
  ]);
});

test('what is wrong with a file is told with its line', t => {
  const wrong: readonly [text: string, line: number | undefined, words: RegExp][] = [
    ['', undefined, /is empty/],
    ['\n\n', undefined, /is empty/],
    ['a,b\n1,2\n3\n', 3, /^Line 3: 1 field for 2 columns/],
    ['a,b\n1,"x\ny"\n3,4,5\n', 4, /^Line 4: 3 fields/],
    ['a,b\n1,2\n3,"x\n\n\n', 3, /^Line 3: a quote is not closed/],
    ['a,b\n1,"x"y\n', 2, /^Line 2: text follows a closing quote/],
    ['a,b,A\n', 1, /^Line 1: two columns are called A/],
    ['\n\nid,\udcff\n', 3, /^Line 3: the name of column 2 is not valid UTF-8/],
  ];
  for (const [text, line, words] of wrong) {
    const error = refuses(t, () => read(text), 'IMPORT_INVALID', text);
    t.regex(error.message, words);
    t.is(error.data.line, line);
  }
  for (const order of [Buffer.from('\ufeffa,b\n', 'utf16le'), Buffer.from('\ufeffa,b\n', 'utf16le').swap16()]) {
    t.regex(
      refuses(t, () => rowsOf(delimitedRows(source(order), {delimiter: 'csv'})), 'IMPORT_INVALID').message,
      /UTF-16/,
    );
  }
  for (const [start, words, hint] of [
    [[0x1f, 0x8b, 8, 0], /^The file is compressed \(gzip\), not text/, /gunzip < FILE/],
    [[0x50, 0x4b, 3, 4], /^The file is a ZIP archive/, /spreadsheet/],
  ] as const) {
    for (const names of [undefined, 'numbered'] as const) {
      const form = {delimiter: 'csv', names} as const;
      const error = refuses(t, () => rowsOf(delimitedRows(source(Buffer.from(start)), form)), 'IMPORT_INVALID');
      t.regex(error.message, words);
      t.regex(error.hint as string, hint);
    }
  }
  const long = `a\n${'9'.repeat(60)}\n`;
  t.regex(
    refuses(t, () => rowsOf(delimitedRows(source(long), {delimiter: 'csv'}), ['integer']), 'IMPORT_INVALID').message,
    /^Line 2: the integer 9{40}… has more than 64 bits/,
  );
  t.deepEqual(rowsOf(delimitedRows(source('a\n007\n+5\n-0\n'), {delimiter: 'csv'}), ['integer']).rows, [
    [7],
    ['+5'],
    [0],
  ]);
});

const texts = fc.oneof(
  fc.string({unit: 'binary', maxLength: 8}),
  fc.stringMatching(/^[",\r\n\t\\Nx ]{0,8}$/),
  fc.uint8Array({maxLength: 6}).map(bytes => decodeText(bytes)),
);

for (const [name, form] of Object.entries({csv, tsv})) {
  test(`${name} that is written is read as the same texts, wherever the pieces end`, t => {
    const tables = fc.integer({min: 1, max: 4}).chain(width => {
      return fc.array(fc.array(fc.option(texts), {minLength: width, maxLength: width}), {maxLength: 6});
    });
    fc.assert(
      fc.property(tables, fc.integer({min: 1, max: 9}), (rows, most) => {
        const [first = ['a']] = rows;
        const out = new ResultBuffer();
        const columns = first.map((_, i) => `c${i}`);
        const writer = form(out, {columns, header: true, nullText: undefined});
        writer.begin();
        for (const row of rows) writer.row(row);
        const bytes = Buffer.from(out.take());
        const found = rowsOf(
          delimitedRows(source(bytes, most), {delimiter: name as 'csv' | 'tsv'}),
          columns.map(() => 'text' as const),
        );
        t.deepEqual(found.rows, rows);
      }),
      {numRuns: 500},
    );
  });
}

test('each record knows its line', t => {
  const reader = new DelimitedReader(source('h\n1\n"a\n\nb"\n2\r\n3', 1), 'csv');
  const lines: [number, string][] = [];
  while (reader.read()) lines.push([reader.line, reader.text(0)]);
  t.deepEqual(lines, [
    [1, 'h'],
    [2, '1'],
    [3, 'a\n\nb'],
    [6, '2'],
    [7, '3'],
  ]);
});

test('a value of many megabytes, and 2,000 columns', t => {
  const large = 'x'.repeat(3 << 20);
  t.deepEqual(read(`a,b\n1,"${large}""${large}"\n`).rows, [[1, `${large}"${large}`]]);
  const names = Array.from({length: 2000}, (_, i) => `c${i}`);
  const wide = read(`${names.join(',')}\n${names.map((_, i) => i).join(',')}\n`);
  t.deepEqual(wide.rows, [names.map((_, i) => i)]);
});

// -------------------------------------------------------------------------------------------------- JSON

function readJson(text: string, form: 'json' | 'ndjson' = 'ndjson', most?: number): ReturnType<typeof rowsOf> {
  return rowsOf(jsonRows(source(text, most), form));
}

test('JSON: values keep their types and digits', t => {
  const found = readJson(
    '{"i":1,"r":1.0,"s":"7","b":true,"n":null,"l":[1, 2.0],"o":{"a":{}},"x":{"base64":"AP8="}}\n' +
      '\n{"i":9007199254740993,"r":2,"s":"\\udcff\\ud800","b":false,"x":null,"more":1e3}\n',
  );
  t.deepEqual(found.names, ['i', 'r', 's', 'b', 'n', 'l', 'o', 'x', 'more']);
  t.deepEqual(found.types, ['INTEGER', 'REAL', 'TEXT', 'INTEGER', 'TEXT', 'TEXT', 'TEXT', 'BLOB', 'REAL']);
  t.deepEqual(found.rows, [
    [1, new Real(1), '7', 1, null, '[1,2.0]', '{"a":{}}', Buffer.from([0, 255]), null],
    [9007199254740993n, 2, '\udcff\ufffd', 0, null, null, null, null, new Real(1000)],
  ]);
  t.deepEqual(readJson('{"a":1}\n{"a":"x"}\n').types, [''], 'values of several types keep theirs');
  t.deepEqual(readJson('{"a":123456789012345678901}').rows, [['123456789012345678901']]);
  t.deepEqual(readJson('{"__proto__":1,"a":-0,"a":2}').rows, [[1, 2]]);
});

test('JSON: an array is read element by element, wherever the pieces end', t => {
  const rows = fc.array(fc.record({a: fc.string({unit: 'binary', maxLength: 5}), b: fc.jsonValue({maxDepth: 2})}), {
    maxLength: 4,
  });
  fc.assert(
    fc.property(rows, fc.integer({min: 1, max: 7}), fc.constantFrom('', '\n', ' \t'), (objects, most, space) => {
      const text = JSON.stringify(objects, undefined, space);
      const reader = new ElementReader(source(text, most));
      const found: unknown[] = [];
      while (reader.next()) found.push(JSON.parse(reader.text));
      t.deepEqual(found, JSON.parse(text) as unknown[]);
      const lines = new LineReader(source(objects.map(each => `${JSON.stringify(each)}\r\n`).join('\n'), most));
      for (const object of objects) {
        t.true(lines.next());
        t.deepEqual(JSON.parse(lines.text), JSON.parse(JSON.stringify(object)));
      }
      t.false(lines.next());
    }),
    {numRuns: 300},
  );
});

test('CSV may have another separator', t => {
  const text = 'a;b\n"x;y";1,5\n;"2"\n';
  t.deepEqual(rowsOf(delimitedRows(source(text), {delimiter: 'csv', separator: 0x3b})).rows, [
    ['x;y', '1,5'],
    [null, '2'],
  ]);
  t.deepEqual(rowsOf(delimitedRows(source('a\tb\n"1\t2"\t3\n'), {delimiter: 'csv', separator: 0x09})).rows, [
    ['1\t2', 3],
  ]);
});

test('a file without a header has numbered columns, or those that are given', t => {
  const numbered = (text: string) => rowsOf(delimitedRows(source(text), {delimiter: 'csv', names: 'numbered'}));
  t.deepEqual(numbered('\n1,x\n\n2,\n'), {
    names: ['c1', 'c2'],
    types: ['INTEGER', 'TEXT'],
    rows: [
      [1, 'x'],
      [2, null],
    ],
  });
  t.deepEqual(numbered('\ufeff1\n').rows, [[1]]);
  const named = (text: string, delimiter: 'csv' | 'tsv' = 'csv') =>
    rowsOf(delimitedRows(source(text), {delimiter, names: ['id', 'name']}));
  t.deepEqual(named('1\t\\N\n', 'tsv'), {names: ['id', 'name'], types: ['INTEGER', 'TEXT'], rows: [[1, null]]});
  t.deepEqual(named('').rows, []);
  const wrong: readonly [read: () => unknown, message: RegExp, hint: RegExp][] = [
    [() => numbered(''), /is empty/, /--columns/],
    [() => numbered('1,2\n\n3\n'), /^Line 3: 1 field for 2 columns/, /--fill/],
    [() => numbered('1;2\n'), /^Line 1: no comma is in it/, /--separator ';'/],
    [() => named('1,2\n1,2,3\n'), /^Line 2: 3 fields for 2 columns/, /--columns/],
    [() => named('1\t2\n'), /^Line 1: 1 field for 2 columns/, /--separator tab/],
  ];
  for (const [work, message, hint] of wrong) {
    const error = refuses(t, work, 'IMPORT_INVALID');
    t.regex(error.message, message);
    t.regex(error.hint as string, hint);
  }
});

test('lines may lack their last fields where that is asked for', t => {
  const filled = (text: string, delimiter: 'csv' | 'tsv', affinities?: Affinity[]) =>
    rowsOf(delimitedRows(source(text), {delimiter, fill: true}), affinities);
  const {types, rows} = filled('a,b,c,d\n1,"x ""y""",2.5,z\n2\n\n3,\n4,w,1.5\n', 'csv');
  t.deepEqual(types, ['INTEGER', 'TEXT', 'REAL', 'TEXT']);
  t.deepEqual(rows, [
    [1, 'x "y"', 2.5, 'z'],
    [2, null, null, null],
    [3, null, null, null],
    [4, 'w', 1.5, null],
  ]);
  const every: Affinity[] = ['text', 'integer', 'real', 'text', 'blob', 'numeric'];
  t.deepEqual(filled('a\tb\tc\td\te\tf\nx\t1\t2.5\t\\t\t5\t6\nx\n', 'tsv', every).rows[1], [
    'x',
    null,
    null,
    null,
    null,
    null,
  ]);
  const error = refuses(t, () => filled('a,b\n1\n1,2,3\n', 'csv'), 'IMPORT_INVALID');
  t.regex(error.message, /^Line 3: 3 fields for 2 columns/);
});

test('what is wrong with JSON is told with its line', t => {
  const deep = '['.repeat(1500) + ']'.repeat(1500);
  const wrong: readonly ['json' | 'ndjson', string, RegExp][] = [
    ['ndjson', '{"a":1}\n{"a":\n{"a":2}\n', /^Line 2: this is no JSON/],
    ['ndjson', '{"a":1}\n\n[1]\n', /^Line 3: this is no object/],
    ['ndjson', 'null', /^Line 1: this is no object/],
    ['ndjson', `{"a":${deep}}`, /^Line 1: this JSON is nested too deeply/],
    ['ndjson', '', /has no columns/],
    ['ndjson', '{}\n', /has no columns/],
    ['ndjson', '{"a":1,"A":2}', /the keys "a" and "A" are one name/],
    ['ndjson', '{"":1}', /no name of a column/],
    ['json', '1', /^Line 1: `\[` is missing/],
    ['json', '\n{"a":1}', /^Line 2: this is an object, not an array/],
    ['json', '[\n{"a":1}\n{"a":2}]', /^Line 2: this is no JSON/],
    ['json', '[{"a":1},\n{"a":', /^Line 2: the array does not end/],
    ['json', '[{"a":1}]\n]', /^Line 2: something follows the array/],
    ['json', '[{"a":1},]', /no JSON/],
  ];
  for (const [form, text, words] of wrong) {
    t.regex(refuses(t, () => readJson(text, form), 'IMPORT_INVALID', text.slice(0, 40)).message, words);
  }
});
