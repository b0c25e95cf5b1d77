/** Scripts of SQL that are read in parts: what they give, and where their mistakes stand, is as if they were read whole. */
import {mkdtempSync, rmSync, writeFileSync} from 'node:fs';
import {tmpdir} from 'node:os';
import {join} from 'node:path';
import test from 'ava';
import fc from 'fast-check';
import {decodeText, encodeText} from '../../src/bytes.js';
import {QueryResult} from '../../src/cli/query-result.js';
import type {FormatName} from '../../src/cli/result-format.js';
import {createStyle} from '../../src/cli/style.js';
import {openText, readText} from '../../src/cli/text-source.js';
import {Database} from '../../src/sql/query.js';
import {memoryCatalog} from '../support/sqlcatalog.js';

const directory = mkdtempSync(join(tmpdir(), 'dbos-script-'));
test.after.always(() => rmSync(directory, {recursive: true}));
let files = 0;

function fileOf(bytes: Uint8Array): string {
  const name = `${files++}.sql`;
  writeFileSync(join(directory, name), bytes);
  return name;
}

/** Runs a script that is read in parts of so many bytes; returns what it prints and where it fails. */
async function run(text: string, format: FormatName, goesOn: boolean, size?: number) {
  const failures: unknown[] = [];
  const result = new QueryResult(new Database(memoryCatalog(new Map())), {
    sql: openText(fileOf(encodeText(text)), directory, '--file', size),
    parameters: [],
    format,
    header: true,
    nullText: undefined,
    style: createStyle(false),
    timeout: undefined,
    failed: goesOn ? error => failures.push(placeOf(error)) : undefined,
    timed: false,
    each: parts => parts,
  });
  let printed = '';
  try {
    for await (const part of result.parts()) printed += decodeText(part);
  } catch (error) {
    failures.push(placeOf(error));
  }
  // the errors that stand in JSON have an excerpt, of which a part has less
  return {printed: format === 'json' && goesOn ? printed.length > 0 : printed, failures, rows: result.rows};
}

function placeOf(error: unknown) {
  const {code, message, data} = error as {code: string; message: string; data: Record<string, unknown>};
  const {from, to, line, column, statement = 1} = data;
  return {code, message, from, to, line, column, statement};
}

const statement = fc.constantFrom(
  'SELECT 1 AS one;',
  "SELECT ';' AS a, '\n;''' AS b;",
  'VALUES (1, 2), (3, 4);',
  ';',
  ' ',
  '\n',
  '-- a comment; with a semicolon\n',
  '/* SELECT 0;\n */',
  'SELECT "é漢😀" AS x;',
  "SELECT 'é漢😀' AS x;",
  'EXPLAIN SELECT 1;',
  'SELECT 1 +;',
  'SELECT abs(1, 2);',
  'SELECT nothing FROM nowhere;',
  'CREATE TRIGGER r AFTER INSERT ON t BEGIN SELECT 1; SELECT 2; END;',
  'SELECT 1; ^ ;',
  'SELECT 9223372036854775807 + abs(-9223372036854775807 - 1);',
);
const lastOne = fc.constantFrom(
  '',
  'SELECT 2 AS two',
  "SELECT 'open",
  '/* open',
  'SELECT',
  '"open',
  '-- end',
  'CREATE',
);

test('law: a script that is read in parts does what it does as a whole', async t => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(statement, {maxLength: 12}),
      lastOne,
      fc.integer({min: 1, max: 40}),
      fc.constantFrom<FormatName>('ndjson', 'json', 'list'),
      fc.boolean(),
      async (list, last, size, format, goesOn) => {
        const text = list.join('') + last;
        t.deepEqual(await run(text, format, goesOn, size), await run(text, format, goesOn), text);
      },
    ),
    {numRuns: 300},
  );
});

test('what a part ends with may be the beginning of a comment', async t => {
  for (const text of [';VALUES (1, 2), (3, 4);-- end', 'SELECT 1; /* no more */', '/* one */ SELECT 1 -- end\n;']) {
    const whole = await run(text, 'json', false);
    for (let size = 1; size <= text.length; size++) {
      t.deepEqual(await run(text, 'json', false, size), whole, `${text} in parts of ${size}`);
    }
  }
});

test('law: the parts of a text are the text, whatever its bytes', t => {
  fc.assert(
    fc.property(fc.uint8Array({maxLength: 60}), fc.integer({min: 1, max: 20}), (bytes, size) => {
      const name = fileOf(bytes);
      let parts = openText(name, directory, '--file', size);
      let {text} = parts;
      while (parts.next) {
        parts = parts.next();
        text += parts.text;
      }
      t.is(text, decodeText(bytes));
      t.is(readText(name, directory, '--file'), text);
    }),
  );
});

test('a file that is not there, and one that is none', t => {
  t.throws(() => openText('nothing', directory, '--file'), {message: "There is no file 'nothing'."});
  t.throws(() => readText('.', directory, '--file'), {code: 'FILE_UNREADABLE', message: /^'\.' cannot be read/});
});
