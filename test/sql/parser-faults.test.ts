import test from 'ava';
import {DbosError, isDbosError} from '../../src/errors.js';
import {locate, sqlError} from '../../src/sql/fault.js';
import {parseScript} from '../../src/sql/parser/parser.js';

function faultOf(sql: string): DbosError {
  try {
    parseScript(sql);
  } catch (error) {
    if (isDbosError(error)) return error;
    throw error;
  }
  throw new TypeError(`no error: ${sql}`);
}

test('syntax errors say what was found, and what was expected', t => {
  const cases: Record<string, string> = {
    'SELECT a FORM t': 'near "FORM": syntax error, expected FROM.',
    'SELECT a FROM t WEHRE b': 'near "WEHRE": syntax error, expected WHERE.',
    'SELECT a FROM t gruop BY b': 'near "gruop": syntax error, expected GROUP.',
    'SELECT a FROM t LIMT 5': 'near "LIMT": syntax error, expected LIMIT.',
    'SELECT a LIEK 5': 'near "LIEK": syntax error, expected LIKE.',
    'SELECT a FROM t ORDER YB b': 'near "YB": syntax error, expected BY.',
    'SELECT a FROM t LEFT JION u': 'near "JION": syntax error, expected JOIN.',
    'selct 1': 'near "selct": syntax error, expected SELECT.',
    'INSRET INTO t VALUES (1)': 'near "INSRET": syntax error, expected INSERT.',
    'CREATE TABEL t(a)': 'near "TABEL": syntax error, expected TABLE.',
    'DELETE t': 'near "t": syntax error, expected FROM.',
    'SELECT CASE a TEHN 1 END': 'near "TEHN": syntax error, expected WHEN.',
    SELECT: 'incomplete input, expected DISTINCT, ALL, "*" or an expression.',
    'SELECT (1': 'incomplete input, expected "," or ")".',
    'SELECT 1 2': 'near "2": syntax error.',
    'SELECT a FROM': 'incomplete input, expected "(" or a name.',
    'SELECT a b c': 'near "c": syntax error.',
    'SELECT * FROM a LEFT INNER JOIN b': 'unknown join type: LEFT INNER.',
    'SELECT * FROM a ON 1': 'a JOIN clause is required before ON.',
    'SELECT * FROM a NATURAL JOIN b ON 1': 'a NATURAL join may not have an ON or USING clause.',
    'SELECT 1 ORDER BY 1 UNION SELECT 2': 'ORDER BY clause should come after UNION not before.',
    "SELECT 'abc": "unrecognized token: the string 'abc has no end.",
    'SELECT "abc': 'unrecognized token: the name "abc has no end.',
    'SELECT [abc': 'unrecognized token: the name [abc has no end.',
    'SELECT /* abc': 'The comment that begins here has no end.',
    'SELECT ^': 'unrecognized token: "^".',
    'SELECT \0': 'unrecognized token: "U+0000".',
    'SELECT 1x': 'unrecognized token: "1x" is no number.',
    'SELECT 1__0': 'unrecognized token: "1__0" is no number.',
    "SELECT x'0'": 'unrecognized token: "x\'0\'" is no blob.',
    'SELECT :': 'unrecognized token: ":" is no parameter.',
    'SELECT 0x10000000000000000': 'hex literal too big: 0x10000000000000000.',
    'SELECT ?0': 'variable number must be between ?1 and ?250000.',
    "SELECT a FROM t x AS OF 'main'": 'near "AS": syntax error, AS OF stands before the alias.',
    'SELECT a FROM t AS OF main': 'near "main": syntax error, expected a revision or time.',
    'CREATE TABLE t(a) WITHOUT rowids': 'unknown table option: rowids.',
    'CREATE TRIGGER r DELETE ON t BEGIN DELETE FROM s.t; END':
      'qualified table names are not allowed on INSERT, UPDATE, and DELETE statements within triggers.',
    'CREATE TRIGGER r DELETE ON t BEGIN DELETE FROM t RETURNING a; END': 'cannot use RETURNING in a trigger.',
    'CREATE INDEX i ON t(a NULLS FIRST)': 'unsupported use of NULLS FIRST.',
  };
  for (const [sql, message] of Object.entries(cases)) t.is(faultOf(sql).message, message, sql);
});

test('hints', t => {
  t.regex(faultOf('.tables').hint ?? '', /`dbos shell`/);
  t.is(faultOf('SELECT a FORM t').hint, "Did you mean 'FROM'?");
  t.is(faultOf('SELECT a FROM order').hint, 'order is a keyword; a name of that spelling stands in double quotes.');
  t.is(faultOf('SELECT a FROM t AS OF main').hint, "Write it in quotes: AS OF 'main'.");
  t.is(faultOf('INSERT INTO t SELECT * FROM u ON CONFLICT DO NOTHING').hint, 'Put WHERE true in front of ON CONFLICT.');
});

test('an error is located once', t => {
  const sql = "SELECT 1;\nSELECT\ta, 'é𝔸' FORM t;";
  const error = locate(faultOf(sql), sql);
  t.like(error.data, {
    statement: 2,
    line: 2,
    column: 16,
    excerpt: "SELECT\ta, 'é𝔸' FORM t;\n      \t        ^~~~",
    expected: ['FROM'],
  });
  t.is(locate(error, sql), error);
  const other = new DbosError('SQL_VALUE', 'integer overflow.');
  t.is(locate(other, sql), other);
  t.is(locate(faultOf('SELECT ^'), 'SELECT ^').data.statement, undefined);
  const kept = sqlError('SQL_MISUSE', 'wrong.', {from: 1, to: 3}, {hint: 'h', data: {name: 'x'}});
  t.like(locate(kept, 'SELECT 1'), {code: 'SQL_MISUSE', hint: 'h', message: 'wrong.'});
  t.like(locate(kept, 'SELECT 1').data, {name: 'x', from: 1, to: 3, excerpt: 'SELECT 1\n ^~'});
});

test('excerpts of the first line, the last one, long lines and odd characters', t => {
  const excerpt = (sql: string) => String(locate(faultOf(sql), sql).data.excerpt);
  t.is(excerpt('^'), '^\n^');
  t.is(excerpt('SELECT (1\n\n'), 'SELECT (1\n         ^');
  t.is(excerpt("SELECT 1,\r\n  'x\r\ny"), "  'x\n  ^");
  t.is(excerpt('SELECT \u001b[0m 1 ^'), 'SELECT \ufffd[0m 1 ^\n       ^');
  for (const [before, after] of [
    ['x'.repeat(500), ''],
    ['x'.repeat(500), 'y'.repeat(500)],
    ['𝔸'.repeat(70), '𝔸'.repeat(70)],
    ['x'.repeat(50), 'y'.repeat(30)],
    ['x'.repeat(99), ''],
  ] as const) {
    const sql = `SELECT "${before}" ^ "${after}"`;
    const [line, carets] = excerpt(sql)
      .split('\n')
      .map(text => [...text]);
    if (!line || !carets) return t.fail();
    t.true(line.length <= 102, `${line.length}`);
    t.is(line[carets.indexOf('^')], '^');
    t.is(line[0] === '…', before.length > 90);
  }
  const long = `SELECT 1 "${'z'.repeat(300)}" 2 3`;
  t.true(
    excerpt(long)
      .split('\n')
      .every(line => line.length <= 102),
  );
  const word = `SELECT 1 x ${'z'.repeat(300)}`;
  t.is(excerpt(word).split('\n')[1], `           ^${'~'.repeat(88)}`);
});
