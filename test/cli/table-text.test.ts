/** Changes of tables as text. */
import test from 'ava';
import {createStyle} from '../../src/cli/style.js';
import {StateTables} from '../../src/cli/table-change-text.js';
import type {ObjectId} from '../../src/objects/id.js';
import {MemoryObjects} from '../../src/objects/memory.js';
import {WorkingState} from '../../src/sql/write/working-state.js';
import {WritableDatabase} from '../../src/sql/write/writable-database.js';

const EMPTY = {findTable: () => undefined, findFunction: () => undefined, names: () => []};
const style = createStyle(false);

function run(objects: MemoryObjects, state: ObjectId | undefined, ...statements: string[]): ObjectId {
  const working = new WorkingState(objects, state);
  const database = new WritableDatabase(working, EMPTY);
  for (const statement of statements) database.prepare(statement).all();
  return working.write();
}

async function linesOf(
  objects: MemoryObjects,
  before: ObjectId | undefined,
  after: ObjectId,
  form: 'changes' | 'patch' | 'stat' | 'name-status' = 'changes',
  rows?: number,
): Promise<string[]> {
  const lines: string[] = [];
  const tables = new StateTables(objects, before, after, undefined);
  for await (const line of tables.lines(form, {style, rows})) lines.push(line);
  return lines;
}

/** What GNU patch takes for the beginning of a patch of any kind, with the indentation and marks of mails that it skips. */
const PATCH = /^[ \tX]*(- )*(---|\+\+\+|\*\*\*|@@|Index:|Prereq:|diff |rename |new file|deleted file|\d+(,\d+)?[acd])/;

test('whatever a table holds, no line steers a terminal or is one of a patch', async t => {
  const objects = new MemoryObjects();
  const evil = [
    '--- a/f',
    '+++ b/f',
    '@@ -1 +1 @@',
    '1d',
    '*** x',
    '- - --- a/f',
    'Index: f',
    '\u001b[31mred',
    '\u202e',
  ];
  const text = evil.join('\n');
  const a = run(
    objects,
    undefined,
    `CREATE TABLE "${text}"(id INTEGER PRIMARY KEY, "${text}" TEXT /*\n${text}\n*/, b)`,
    `INSERT INTO "${text}" VALUES (1, '${text}', x'00'), (2, CAST(x'ff00' AS TEXT), 1e999)`,
  );
  const b = run(
    objects,
    a,
    `UPDATE "${text}" SET b = '${text}'`,
    `DELETE FROM "${text}" WHERE id = 2`,
    `ALTER TABLE "${text}" ADD COLUMN "- --- a/f" DEFAULT '--- a/f'`,
    `CREATE VIEW "1d" AS SELECT '\n${text}'`,
  );
  for (const [before, after] of [
    [undefined, a],
    [a, b],
    [b, a],
  ] as const) {
    for (const form of ['changes', 'stat', 'name-status', 'patch'] as const) {
      const lines = await linesOf(objects, before, after, form);
      t.true(lines.length > 0);
      for (const line of lines) {
        t.notRegex(line, PATCH);
        t.false(line.includes('\n'));
        // the text of a definition as SQL is what it is
        if (form !== 'patch') t.notRegex(line, /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u202e]/);
      }
    }
  }
});

test('long values show where they differ, wide rows and many rows how much is left', async t => {
  const objects = new MemoryObjects();
  const columns = Array.from({length: 30}, (_, i) => `c${i}`);
  const common = 'long '.repeat(400);
  const a = run(
    objects,
    undefined,
    `CREATE TABLE t(id INTEGER PRIMARY KEY, ${columns.join(', ')})`,
    `INSERT INTO t(id, c0) VALUES (1, '${common}before')`,
    'INSERT INTO t(id, c1) SELECT 100 + row_number() OVER (), 0 FROM (VALUES (1), (2), (3), (4)), (VALUES (1), (2), (3), (4))',
  );
  const b = run(objects, a, `UPDATE t SET c0 = '${common}after' WHERE id = 1`, 'UPDATE t SET c1 = 1 WHERE id > 1');
  const lines = await linesOf(objects, a, b, 'changes', 3);
  t.deepEqual(lines, [
    'table t: 17 rows modified',
    "  ~ id=1  c0: …g long long before' → …g long long after'",
    '  ~ id=101  c1: 0 → 1',
    '  ~ id=102  c1: 0 → 1',
    '  … 14 more rows',
  ]);
  const [, , , first] = await linesOf(objects, undefined, a);
  t.regex(first as string, /^ {2}\+ id=101 {2}c0=NULL {2}c1=0 .* c18=NULL {2}… 11 more columns$/);
});
