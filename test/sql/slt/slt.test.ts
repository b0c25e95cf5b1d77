/** sqllogictest: its format, and a part of its files where they are there. */
import {createHash} from 'node:crypto';
import {basename} from 'node:path';
import {fileURLToPath} from 'node:url';
import test from 'ava';
import {scriptFolder} from './command.js';
import {DATABASE_SCRIPTS} from './database-engine.js';
import {formatValue, realText} from './result.js';
import {runScript, type ScriptEngine} from './runner.js';
import {findScripts, parseScript, readScript} from './script.js';

const HASH = createHash('md5').update('(empty)\n1\n2\n3\nNULL\nx\n').digest('hex');

const SAMPLE = `
# a comment
hash-threshold 3

statement ok
CREATE TABLE t (a INTEGER, b TEXT)

statement ok
INSERT INTO t VALUES (1, 'x'), (2, NULL), (3, '')

statement error
SELECT nosuch FROM t

skipif sqlite
statement ok
this is for others

onlyif sqlite # a reason
query IT rowsort label-1
SELECT a, b
FROM t WHERE a > 1
----
2
NULL
3
(empty)

query I nosort
SELECT a FROM t ORDER BY a DESC
----
3
2
1

query IT valuesort
SELECT a, b FROM t
----
6 values hashing to ${HASH}

onlyif mysql
halt

query R nosort
SELECT a / 2.0 FROM t WHERE a = 1
----
0.500

halt

statement ok
never seen
`;

test('scripts are read with their conditions', t => {
  const {records} = parseScript('sample', SAMPLE);
  t.deepEqual(
    records.map(record => record.kind),
    ['statement', 'statement', 'statement', 'query', 'query', 'query', 'query'],
  );
  const query = records[3];
  if (query?.kind !== 'query') throw new TypeError('not the query');
  t.is(query.sql, 'SELECT a, b\nFROM t WHERE a > 1');
  t.deepEqual(query.types, ['I', 'T']);
  t.is(query.sort, 'rowsort');
  t.is(query.label, 'label-1');
  t.deepEqual(query.expected, ['2', 'NULL', '3', '(empty)']);
  t.throws(() => parseScript('bad', 'nonsense here\n'), {message: /line 1/});
});

test('a script runs, and what is wrong is found', t => {
  const good = runScript(DATABASE_SCRIPTS, parseScript('sample', SAMPLE));
  t.deepEqual(good.failures, []);
  t.is(good.passed, 7);
  const wrong = SAMPLE.replace('3\n2\n1', '3\n1\n2').replace(
    HASH,
    HASH.replace(/^./, first => (first === '0' ? '1' : '0')),
  );
  const bad = runScript(DATABASE_SCRIPTS, parseScript('sample', wrong));
  t.deepEqual(
    bad.failures.map(({record}) => record.sql),
    ['SELECT a FROM t ORDER BY a DESC', 'SELECT a, b FROM t'],
  );
});

test('what an engine cannot do is counted apart, and a label means one result', t => {
  const script = parseScript(
    'labels',
    'query I nosort x\nSELECT 1\n----\n1\n\nquery I nosort x\nSELECT 2\n----\n2\n\nstatement ok\nVACUUM\n',
  );
  const engine: ScriptEngine = {
    run: () => [
      {kind: 'rows', rows: [[1]]},
      {kind: 'rows', rows: [[2]]},
      {kind: 'not run', reason: 'VACUUM'},
    ],
  };
  const {passed, failures, notRun} = runScript(engine, script);
  t.is(passed, 1);
  t.deepEqual(
    failures.map(({message}) => message),
    ['another result than before for label x'],
  );
  t.deepEqual([...notRun], [['VACUUM', 1]]);
});

test('a statement that should fail and does not is a failure, and so is one that should not', t => {
  const script = parseScript('statements', 'statement error\nSELECT 1\n\nstatement ok\nSELECT nosuch\n');
  t.is(runScript(DATABASE_SCRIPTS, script).failed, 2);
});

test('values are written as the types say', t => {
  t.is(formatValue(null, 'I'), 'NULL');
  t.is(formatValue('12abc', 'I'), '12');
  t.is(formatValue('abc', 'I'), '0');
  t.is(formatValue(-2.9, 'I'), '-2');
  t.is(formatValue(2n ** 63n - 1n, 'I'), '9223372036854775807');
  t.is(formatValue(1, 'R'), '1.000');
  t.is(formatValue('2.5x', 'R'), '2.500');
  t.is(formatValue(-(2n ** 63n), 'R'), '-9223372036854776000.000');
  t.is(formatValue(1.5, 'T'), '1.5');
  t.is(formatValue('', 'T'), '(empty)');
  t.is(formatValue('a\té', 'T'), 'a@@@');
  t.deepEqual([1e15, 1e14, 0.1, 1e-5, 123.456, -2e20].map(realText), [
    '1.0e+15',
    '100000000000000.0',
    '0.1',
    '1.0e-05',
    '123.456',
    '-2.0e+20',
  ]);
});

const QUICK = ['evidence_', 'select1', 'random_aggregates_slt_good_1.', 'index_view_10_slt_good_2'];

const folder = scriptFolder(fileURLToPath(new URL('../../../..', import.meta.url)));
const paths = findScripts(folder).filter(path => QUICK.some(start => basename(path).startsWith(start)));
if (paths.length === 0) test(`no test files in ${basename(folder)}`, t => t.pass());
for (const path of paths) {
  test(`sqllogictest: ${basename(path)}`, t => {
    const {failures, passed, notRun} = runScript(DATABASE_SCRIPTS, readScript(path));
    const reasons = [...notRun].map(([reason, count]) => `${reason} (${count})`);
    t.log(`${passed} passed, not run: ${reasons.join(', ') || 'none'}`);
    t.deepEqual(
      failures.slice(0, 3).map(({record, message}) => `line ${record.line}: ${record.sql}\n${message}`),
      [],
    );
  });
}
