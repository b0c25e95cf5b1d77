import test from 'ava';
import {isDbosError} from '../../src/errors.js';
import type {Expr, Select, Statement} from '../../src/sql/ast.js';
import {isComplete, parseExpression, parseScript, parseStatement, statements} from '../../src/sql/parser/parser.js';
import {SAMPLES} from './parser-samples.js';
import {printExpr, printSelect, printSource} from './print-sql.js';

const shape = (sql: string) => printExpr(parseExpression(sql));

function query(sql: string): Select {
  const statement = parseStatement(sql);
  if (statement.kind !== 'select') throw new TypeError(`${statement.kind}: ${sql}`);
  return statement;
}

const printed = (sql: string) => printSelect(query(sql));

function source(sql: string) {
  const {body} = query(`SELECT * FROM ${sql}`);
  return body.kind === 'core' && body.source ? body.source : undefined;
}

const from = (sql: string) => {
  const item = source(sql);
  return item && printSource(item);
};

/** Returns a statement without its spans, in a form that compares and prints. */
function bare(statement: unknown): unknown {
  return JSON.parse(
    JSON.stringify(statement, function (this: Record<string, unknown>, key, value) {
      if ((key === 'from' || key === 'to') && typeof value === 'number') return undefined;
      return typeof this[key] === 'bigint' ? `${value}n` : value;
    }),
  );
}

test('operators bind as in SQLite', t => {
  const cases: Record<string, string> = {
    'a OR b AND c': '(a OR (b AND c))',
    'a AND b OR c AND d': '((a AND b) OR (c AND d))',
    'NOT a = b': '(NOT (a = b))',
    'NOT a AND b': '((NOT a) AND b)',
    'a = NOT b = c': '(a = (NOT (b = c)))',
    '- NOT a + b': '(- (NOT (a + b)))',
    'NOT a NOT LIKE b = c': '(NOT ((a NOT LIKE b) = c))',
    'a = b < c': '(a = (b < c))',
    'a < b = c < d': '((a < b) = (c < d))',
    'a == b != c <> d': '(((a = b) <> c) <> d)',
    'a IS b = c': '((a IS b) = c)',
    'a IS NOT b = c': '((a IS NOT b) = c)',
    'a IS NOT NOT b': '(a IS NOT (NOT b))',
    'a IS NOT b < c': '(a IS NOT (b < c))',
    'a IS NULL = b': '((a ISNULL) = b)',
    'a IS NULL + 1': '(a IS (NULL + 1))',
    'a IS (NULL)': '(a ISNULL)',
    'a IS NOT DISTINCT FROM b': '(a IS b)',
    'a IS DISTINCT FROM b': '(a IS NOT b)',
    'a IS DISTINCT FROM NULL': '(a NOTNULL)',
    'a NOT NULL': '(a NOTNULL)',
    'a = b NOT NULL': '((a = b) NOTNULL)',
    'a + b NOT NULL': '((a + b) NOTNULL)',
    'a AND b NOT NULL': '(a AND (b NOTNULL))',
    'a ISNULL NOTNULL': '((a ISNULL) NOTNULL)',
    'a LIKE b LIKE c': '((a LIKE b) LIKE c)',
    'a LIKE b ESCAPE c = d': '((a LIKE b ESCAPE c) = d)',
    'a LIKE b < c ESCAPE d < e': '(a LIKE (b < c) ESCAPE (d < e))',
    'a BETWEEN b AND c AND d': '((a BETWEEN b AND c) AND d)',
    'a BETWEEN b = c AND d = e': '((a BETWEEN (b = c) AND d) = e)',
    'a BETWEEN NOT b AND c': '(a BETWEEN (NOT b) AND c)',
    'a BETWEEN b BETWEEN c AND d AND e': '(a BETWEEN (b BETWEEN c AND d) AND e)',
    'a IN (b) = c': '((a IN (b)) = c)',
    'a NOT IN (b) IN (c)': '((a NOT IN (b)) IN (c))',
    'a & b | c << d >> e': '((((a & b) | c) << d) >> e)',
    'a + b & c': '((a + b) & c)',
    'a - b + c': '((a - b) + c)',
    'a * b / c % d': '(((a * b) / c) % d)',
    'a * b || c': '(a * (b || c))',
    'a || b -> c ->> d': '(((a || b) -> c) ->> d)',
    '- a || b': '((- a) || b)',
    '~ a -> b': '((~ a) -> b)',
    '- a COLLATE c': '((- a) COLLATE c)',
    'a || b COLLATE c': '(a || (b COLLATE c))',
    'a COLLATE b COLLATE c': '((a COLLATE b) COLLATE c)',
    '- - + ~ a': '(- (- (+ (~ a))))',
    '(a, b) = (c, d)': '((a, b) = (c, d))',
  };
  for (const [sql, expected] of Object.entries(cases)) t.is(shape(sql), expected, sql);
});

test('literals have the values of SQLite', t => {
  const cases: Record<string, string> = {
    '9007199254740991': '9007199254740991',
    '9007199254740993': '9007199254740993',
    '9223372036854775807': '9223372036854775807',
    '-9223372036854775808': '-9223372036854775808',
    '-(9223372036854775808)': '-9223372036854775808',
    '- 9223372036854775808.0': '(- 9223372036854776000.0)',
    '9223372036854775808': '9223372036854776000.0',
    '1.0': '1.0',
    '.5': '0.5',
    '5.': '5.0',
    '1e3': '1000.0',
    '1E-3': '0.001',
    '9e999': '9e999',
    '0x10': '16',
    '0XffffFFFFffffFFFF': '-1',
    '0x000000000000000000001': '1',
    '1_000_000': '1000000',
    '1_0.2_5e1_0': '102500000000.0',
    '0xf_f': '255',
    "'it''s'": "'it''s'",
    "x'00Ff'": "x'00ff'",
    "X''": "x''",
    '"a""b"': '"a""b"',
    '[a b]': '`a b`',
    '`a``b`': '`a``b`',
    TRUE: '`TRUE`',
    current_timestamp: 'CURRENT_TIMESTAMP',
  };
  for (const [sql, expected] of Object.entries(cases)) t.is(shape(sql), expected, sql);
  t.is(shape('  é_ä$1 '), '`é_ä$1`');
  const name = parseExpression('"a"');
  t.true(name.kind === 'column' && name.name.quoted);
  const other = parseExpression('[a]');
  t.true(other.kind === 'column' && !other.name.quoted);
});

test('parameters are numbered in each statement', t => {
  const numbers = (sql: string) => {
    const {body} = query(sql);
    const exprs: Expr[] = body.kind === 'core' ? body.columns.map(column => (column as {expr: Expr}).expr) : [];
    return exprs.map(expr => (expr.kind === 'parameter' ? `${expr.number}${expr.name ?? ''}` : expr.kind));
  };
  t.deepEqual(numbers('SELECT ?, ?5, ?, :a, @a, :a, $a::b(c), ?2, ?'), [
    '1',
    '5',
    '6',
    '7:a',
    '8@a',
    '7:a',
    '9$a::b(c)',
    '2',
    '10',
  ]);
  const [, second] = parseScript('SELECT ?, :x; SELECT :x');
  t.deepEqual(bare(second), bare(parseStatement('SELECT :x')));
});

test('expressions of every form', t => {
  const cases: Record<string, string> = {
    'a IN ()': '(a IN ())',
    'a IN (1, 2)': '(a IN (1, 2))',
    'a IN (SELECT 1)': '(a IN (SELECT 1))',
    'a IN ((SELECT 1))': '(a IN ((SELECT 1)))',
    'a NOT IN s.t': '(a NOT IN s.t)',
    'a IN f(1)': '(a IN f(1))',
    '(a, b) IN (VALUES (1, 2))': '((a, b) IN (VALUES (1, 2)))',
    'CASE a WHEN b THEN c ELSE d END': 'CASE a WHEN b THEN c ELSE d END',
    'CASE WHEN a THEN b WHEN c THEN d END': 'CASE WHEN a THEN b WHEN c THEN d END',
    'CAST(a AS varchar ( 10 ))': 'CAST(a AS varchar ( 10 ))',
    'CAST(a AS unsigned\n  big /* x */ int)': 'CAST(a AS unsigned big int)',
    'f()': 'f()',
    'f(*)': 'f(*)',
    'f(DISTINCT a, b ORDER BY c DESC NULLS LAST)': 'f(DISTINCT a, b ORDER BY c DESC NULLS LAST)',
    'f(ALL a)': 'f(a)',
    'f(a) FILTER (WHERE b) OVER w': 'f(a) FILTER (WHERE b) OVER w',
    'f(a) filter': 'f(a)',
    'EXISTS (SELECT 1)': 'EXISTS (SELECT 1)',
    'NOT EXISTS (SELECT 1)': '(NOT EXISTS (SELECT 1))',
    '(SELECT 1)': '(SELECT 1)',
    "RAISE(ABORT, 'x')": "RAISE(ABORT, 'x')",
    'RAISE(IGNORE)': 'RAISE(IGNORE)',
    "'a'.b": 'a.b',
    's.t.c': 's.t.c',
    'a NOT GLOB b': '(a NOT GLOB b)',
    'a REGEXP b': '(a REGEXP b)',
    'a MATCH b': '(a MATCH b)',
    'replace(a, b, c)': '`replace`(a, b, c)',
    'left(a)': '`left`(a)',
  };
  for (const [sql, expected] of Object.entries(cases)) {
    if (sql === 'f(a) filter') t.is(printed(`SELECT ${sql}`), 'SELECT f(a) AS `filter`');
    else t.is(shape(sql), expected, sql);
  }
});

test('windows', t => {
  t.is(
    shape('f() OVER (w PARTITION BY a, b ORDER BY c ROWS 1 PRECEDING)'),
    'f() OVER (w PARTITION BY a, b ORDER BY c ROWS BETWEEN 1 PRECEDING AND CURRENT ROW EXCLUDE NO OTHERS)',
  );
  t.is(
    shape('f() OVER (RANGE BETWEEN UNBOUNDED PRECEDING AND UNBOUNDED FOLLOWING EXCLUDE TIES)'),
    'f() OVER (RANGE BETWEEN UNBOUNDED PRECEDING AND UNBOUNDED FOLLOWING EXCLUDE TIES)',
  );
  t.is(
    shape('f() OVER (GROUPS BETWEEN a - 1 PRECEDING AND b FOLLOWING EXCLUDE GROUP)'),
    'f() OVER (GROUPS BETWEEN (a - 1) PRECEDING AND b FOLLOWING EXCLUDE GROUP)',
  );
  t.is(shape('f() OVER ()'), 'f() OVER ()');
  t.is(
    printed('SELECT f() OVER w FROM t WINDOW w AS (ORDER BY a), x AS (w)'),
    'SELECT f() OVER w FROM t WINDOW w AS (ORDER BY a), x AS (w)',
  );
  // words that are keywords only in their place
  t.is(printed('SELECT over, filter AS window FROM window'), 'SELECT `over`, `filter` AS `window` FROM `window`');
  for (const frame of [
    'ROWS 1 FOLLOWING',
    'ROWS BETWEEN CURRENT ROW AND 1 PRECEDING',
    'ROWS BETWEEN 1 FOLLOWING AND CURRENT ROW',
  ]) {
    t.throws(() => parseExpression(`f() OVER (${frame})`), {message: /^unsupported frame specification/}, frame);
  }
});

test('tables, joins and times', t => {
  const cases: Record<string, string> = {
    'a, b': 'a, b',
    'a JOIN b ON x JOIN c USING (y, z)': 'a INNER JOIN b ON x INNER JOIN c USING (y, z)',
    'a LEFT JOIN b': 'a LEFT JOIN b',
    'a LEFT OUTER JOIN b': 'a LEFT JOIN b',
    'a OUTER LEFT NATURAL JOIN b': 'a NATURAL LEFT JOIN b',
    'a FULL OUTER JOIN b, c RIGHT JOIN d': 'a FULL JOIN b, c RIGHT JOIN d',
    'a NATURAL JOIN b CROSS JOIN c INNER JOIN d': 'a NATURAL INNER JOIN b CROSS JOIN c INNER JOIN d',
    'a LEFT JOIN (b JOIN c)': 'a LEFT JOIN (b INNER JOIN c)',
    '(a, b) x': '(a, b) AS x',
    '(a) x': 'a AS x',
    '((a y)) JOIN b': 'a AS y INNER JOIN b',
    '(SELECT 1) x, (VALUES (1))': '(SELECT 1) AS x, (VALUES (1))',
    'f(1, a) x, s.g()': 'f(1, a) AS x, s.g()',
    't INDEXED BY i, u AS x NOT INDEXED': 't INDEXED BY i, u AS x NOT INDEXED',
    't \'x\', u "y"': 't AS x, u AS "y"',
    "t AS OF 'main~2' AS x": "t AS OF 'main~2' AS x",
    "t AS OF 'main~2' x, u": "t AS OF 'main~2' AS x, u",
    't AS OF ?1 JOIN t AS OF :when AS y ON 1': 't AS OF ?1 INNER JOIN t AS OF :when AS y ON 1',
    "t FOR SYSTEM_TIME AS OF '2020' x": "t AS OF '2020' AS x",
    't AS OF 5': 't AS OF 5',
    "t AS OF (1 || 'x') y": "t AS OF (1 || 'x') AS y",
    "t AS OF datetime('now', '-1 day') x": "t AS OF `datetime`('now', '-1 day') AS x",
    't AS OF CURRENT_TIMESTAMP x': 't AS OF CURRENT_TIMESTAMP AS x',
    't AS OF "main" x': 't AS OF "main" AS x',
    "f(1) AS OF 'x' y": "f(1) AS OF 'x' AS y",
    't AS of': 't AS of',
    't of': 't AS of',
    't AS of, u': 't AS of, u',
    't AS of JOIN u AS of ON 1': 't AS of INNER JOIN u AS of ON 1',
    't AS of NOT INDEXED': 't AS of NOT INDEXED',
    't FOR, u': 't AS `FOR`, u',
  };
  for (const [sql, expected] of Object.entries(cases)) t.is(from(sql), expected, sql);
  t.is(printed('SELECT * FROM t AS of WHERE 1'), 'SELECT * FROM t AS of WHERE 1');
});

test('queries', t => {
  t.is(printed('SELECT ALL a, t.*, *, b x, c AS "y" FROM t'), 'SELECT a, t.*, *, b AS x, c AS "y" FROM t');
  t.is(printed('SELECT 1 LIMIT 2, 3'), 'SELECT 1 LIMIT 3 OFFSET 2');
  t.is(printed('SELECT 1 LIMIT 2 OFFSET 3'), 'SELECT 1 LIMIT 2 OFFSET 3');
  t.is(
    printed('SELECT a UNION SELECT b UNION ALL VALUES (1) EXCEPT SELECT c ORDER BY 1'),
    'SELECT a UNION SELECT b UNION ALL VALUES (1) EXCEPT SELECT c ORDER BY 1',
  );
  const {body} = query('SELECT a UNION SELECT b UNION ALL SELECT c');
  t.is(body.kind === 'compound' && body.left.kind, 'compound');
  t.is(
    printed('WITH RECURSIVE x(n) AS NOT MATERIALIZED (SELECT 1), y AS MATERIALIZED (SELECT 2) SELECT * FROM x'),
    'WITH RECURSIVE x(n) AS NOT MATERIALIZED (SELECT 1), y AS MATERIALIZED (SELECT 2) SELECT * FROM x',
  );
  t.is(
    printed('SELECT DISTINCT a FROM t WHERE b GROUP BY c, d HAVING e ORDER BY f DESC NULLS FIRST, g ASC, h NULLS LAST'),
    'SELECT DISTINCT a FROM t WHERE b GROUP BY c, d HAVING e ORDER BY f DESC NULLS FIRST, g, h NULLS LAST',
  );
});

test('result columns have their text as SQLite has it', t => {
  const sql = "SELECT a  +  b, ( 1 ) x, max(a,b) /* c */ , 'é', t . a\n FROM t";
  const {body} = query(sql);
  const texts = body.kind === 'core' ? body.columns.map(column => (column.kind === 'expr' ? column.text : '*')) : [];
  t.deepEqual(texts, ['a  +  b', '( 1 )', 'max(a,b) /* c */', "'é'", 't . a']);
});

test('changes', t => {
  t.like(bare(parseStatement('REPLACE INTO s.t AS x (a, b) VALUES (1, 2)')), {
    kind: 'insert',
    or: 'replace',
    table: {schema: {text: 's'}, name: {text: 't'}},
    alias: {text: 'x'},
    columns: [{text: 'a'}, {text: 'b'}],
    source: {body: {kind: 'values'}},
  });
  const defaults = parseStatement('INSERT OR IGNORE INTO t DEFAULT VALUES RETURNING *');
  t.like(bare(defaults), {or: 'ignore', returning: [{kind: 'star'}]});
  t.is(defaults.kind === 'insert' && defaults.source, undefined);
  t.like(
    bare(
      parseStatement(
        'INSERT INTO t SELECT 1 ON CONFLICT (a COLLATE nocase DESC) WHERE b DO UPDATE SET a = 1, (b, c) = (2, 3) WHERE d ON CONFLICT DO NOTHING',
      ),
    ),
    {
      upserts: [
        {
          target: [{expr: {kind: 'column'}, collation: {text: 'nocase'}, descending: true}],
          targetWhere: {kind: 'column'},
          set: [{columns: [{text: 'a'}]}, {columns: [{text: 'b'}, {text: 'c'}], value: {kind: 'row'}}],
          where: {kind: 'column'},
        },
        {target: []},
      ],
    },
  );
  t.like(
    bare(
      parseStatement(
        'WITH x AS (SELECT 1) UPDATE OR FAIL t AS y INDEXED BY i SET a = 1 FROM u WHERE b RETURNING a ORDER BY c LIMIT 1',
      ),
    ),
    {
      kind: 'update',
      with: {tables: [{name: {text: 'x'}}]},
      or: 'fail',
      table: {alias: {text: 'y'}, indexedBy: {text: 'i'}},
      source: {kind: 'table'},
      returning: [{kind: 'expr', text: 'a'}],
      limit: {kind: 'literal', value: 1},
    },
  );
  t.like(bare(parseStatement('DELETE FROM t NOT INDEXED WHERE a')), {kind: 'delete', table: {notIndexed: true}});
});

test('definitions', t => {
  const table = parseStatement(`CREATE TEMP TABLE IF NOT EXISTS s.t(
    a INTEGER PRIMARY KEY DESC ON CONFLICT FAIL AUTOINCREMENT,
    b  varchar( 10 ) NOT NULL DEFAULT 'x' COLLATE nocase UNIQUE,
    c DEFAULT (1 + 2) CONSTRAINT n CHECK ( a > 0 ),
    d INT GENERATED ALWAYS AS (a * 2) STORED, e AS (1), f DEFAULT -5 DEFAULT word DEFAULT true,
    g REFERENCES u(x) ON DELETE SET NULL ON UPDATE CASCADE NOT NULL DEFERRABLE INITIALLY DEFERRED,
    PRIMARY KEY (a, b DESC), CONSTRAINT m FOREIGN KEY (a) REFERENCES v ON DELETE NO ACTION DEFERRABLE UNIQUE (c) ON CONFLICT IGNORE
  ) STRICT, WITHOUT ROWID`);
  if (table.kind !== 'createTable') return t.fail();
  t.like(bare(table), {temporary: true, ifNotExists: true, withoutRowid: true, strict: true});
  t.deepEqual(
    table.columns.map(
      ({name, type, constraints}) => `${name.text}:${type}:${constraints.map(({kind}) => kind).join()}`,
    ),
    [
      'a:INTEGER:primaryKey',
      'b:varchar( 10 ):notNull,default,collate,unique',
      'c::default,check',
      'd:INT:generated',
      'e::generated',
      'f::default,default,default',
      'g::references,notNull',
    ],
  );
  const constraints = table.columns.flatMap(column => column.constraints);
  t.deepEqual(
    constraints.filter(each => 'text' in each).map(each => ('text' in each ? each.text : '')),
    ["'x'", '1 + 2', 'a > 0', 'a * 2', '1', '-5', 'word', 'true'],
  );
  t.like(
    constraints.find(({kind}) => kind === 'references'),
    {
      foreignKey: {onDelete: 'set null', onUpdate: 'cascade', deferred: true},
    },
  );
  t.like(
    constraints.find(({kind}) => kind === 'check'),
    {name: {text: 'n'}},
  );
  t.deepEqual(
    table.constraints.map(({kind, name}) => `${kind} ${name?.text}`),
    ['primaryKey undefined', 'foreignKey m', 'unique undefined'],
  );
  t.like(bare(parseStatement("CREATE UNIQUE INDEX i ON t(a, 'b' DESC, lower(c)) WHERE d")), {
    unique: true,
    columns: [
      {expr: {kind: 'column'}},
      {expr: {kind: 'column', name: {text: 'b'}}, descending: true},
      {expr: {kind: 'call'}},
    ],
  });
  t.like(bare(parseStatement('CREATE VIEW v(a, b) AS SELECT 1, 2')), {
    kind: 'createView',
    columns: [{text: 'a'}, {text: 'b'}],
  });
  t.like(
    bare(
      parseStatement(
        'CREATE TRIGGER r INSTEAD OF UPDATE OF a, b ON v FOR EACH ROW WHEN new.a BEGIN SELECT 1; DELETE FROM t; END',
      ),
    ),
    {
      time: 'instead of',
      event: 'update',
      columns: [{text: 'a'}, {text: 'b'}],
      body: [{kind: 'select'}, {kind: 'delete'}],
    },
  );
  t.like(bare(parseStatement('ALTER TABLE t RENAME a TO b')), {
    action: 'renameColumn',
    column: {text: 'a'},
    newName: {text: 'b'},
  });
  t.like(bare(parseStatement('ALTER TABLE t RENAME TO b')), {action: 'renameTable', newName: {text: 'b'}});
  t.like(bare(parseStatement('ALTER TABLE t ADD a INT')), {action: 'addColumn', definition: {type: 'INT'}});
  t.like(bare(parseStatement('ALTER TABLE t DROP COLUMN a')), {action: 'dropColumn', column: {text: 'a'}});
  t.like(bare(parseStatement('DROP INDEX IF EXISTS s.i')), {kind: 'drop', what: 'index', ifExists: true});
});

test('commands', t => {
  const kinds: Record<string, Record<string, unknown>> = {
    'BEGIN IMMEDIATE TRANSACTION': {kind: 'begin', mode: 'immediate'},
    END: {kind: 'commit'},
    'ROLLBACK TRANSACTION TO SAVEPOINT s': {kind: 'rollback', savepoint: {text: 's'}},
    'RELEASE s': {kind: 'release', name: {text: 's'}},
    'PRAGMA s.p = -5': {kind: 'pragma', value: {kind: 'unary'}},
    'PRAGMA p(on)': {kind: 'pragma', value: {text: 'on'}},
    VACUUM: {kind: 'vacuum'},
    'REINDEX t': {kind: 'reindex', name: {name: {text: 't'}}},
    ANALYZE: {kind: 'analyze'},
    'EXPLAIN SELECT 1': {kind: 'explain', mode: 'plan', statement: {kind: 'select'}},
    'EXPLAIN QUERY PLAN DELETE FROM t': {kind: 'explain', mode: 'plan', statement: {kind: 'delete'}},
    'EXPLAIN ANALYZE SELECT 1': {kind: 'explain', mode: 'analyze', statement: {kind: 'select'}},
    'EXPLAIN ANALYZE': {kind: 'explain', mode: 'plan', statement: {kind: 'analyze'}},
    'EXPLAIN ANALYZE replace': {kind: 'explain', mode: 'plan', statement: {kind: 'analyze'}},
  };
  for (const [sql, expected] of Object.entries(kinds)) t.like(bare(parseStatement(sql)), expected, sql);
  for (const sql of ["ATTACH 'f' AS x", 'DETACH x', "VACUUM INTO 'f'", 'CREATE VIRTUAL TABLE t USING f']) {
    t.throws(() => parseStatement(sql), {code: 'SQL_UNSUPPORTED'}, sql);
  }
});

test('scripts run statement by statement', t => {
  const sql = ';; SELECT 1 ; -- one\n INSERT INTO t VALUES (2);SELECT 3';
  const found = [...statements(sql)];
  t.deepEqual(
    found.map(({from: start, to}) => sql.slice(start, to)),
    ['SELECT 1', 'INSERT INTO t VALUES (2)', 'SELECT 3'],
  );
  t.deepEqual(
    parseScript(sql).map(({kind}) => kind),
    ['select', 'insert', 'select'],
  );
  t.deepEqual(parseScript(' ; -- nothing'), []);
  // what is right comes before what is wrong, even if that is no token at all
  for (const wrong of ['SELECT 1; SELECT FROM', 'SELECT 1; ^', "SELECT 1; 'x"]) {
    const each = statements(wrong);
    t.like(each.next().value, {statement: {kind: 'select'}});
    const error = t.throws(() => each.next());
    t.true(isDbosError(error, 'SQL_SYNTAX') && (error.data.from as number) >= 10, wrong);
  }
  // and what comes after it, if it may
  const codes: unknown[] = [];
  const broken = "SELECT 1; SELECT FROM; CREATE TRIGGER r AFTER x; SELECT 1; END; ; ^; SELECT 2; 'x; SELECT 3";
  const right = [...statements(broken, error => codes.push(isDbosError(error) && error.code))];
  t.deepEqual(
    right.map(({from, to}) => broken.slice(from, to)),
    ['SELECT 1', 'SELECT 2'],
  );
  t.is(codes.length, 4);
  t.throws(() => parseStatement('SELECT 1; SELECT 2'), {message: /more than one statement/});
  t.throws(() => parseStatement('  '), {message: /no statement/});
  t.notThrows(() => parseStatement('SELECT 1 ; ;'));
});

test('a text is complete behind a `;` that ends a statement', t => {
  const complete = [
    'SELECT 1;',
    ';',
    "SELECT ';'; -- ;x",
    'CREATE TRIGGER r AFTER INSERT ON t BEGIN SELECT 1; END;',
    'create temp trigger r delete on t begin select 1; end ; ',
    'EXPLAIN CREATE TRIGGER r DELETE ON t BEGIN SELECT 1; END;',
    'CREATE TABLE trigger(a);',
  ];
  const incomplete = [
    '',
    'SELECT 1',
    "SELECT ';",
    'SELECT ";',
    'SELECT [;',
    'SELECT 1 /* ;',
    'SELECT 1 -- ;',
    'SELECT 1; SELECT',
    'CREATE TRIGGER r AFTER INSERT ON t BEGIN SELECT 1;',
    'CREATE TRIGGER r AFTER INSERT ON t BEGIN SELECT 1; END',
    'CREATE TEMPORARY TRIGGER r AFTER INSERT ON t BEGIN SELECT CASE WHEN 1 THEN 2 END;',
    'EXPLAIN QUERY PLAN CREATE TRIGGER r DELETE ON t BEGIN SELECT 1;',
  ];
  for (const sql of complete) t.true(isComplete(sql), sql);
  for (const sql of incomplete) t.false(isComplete(sql), sql);
});

test('printing what was parsed, and parsing that, is the same', t => {
  for (const sql of SAMPLES) {
    const statement = parseStatement(sql);
    if (statement.kind !== 'select') continue;
    const again = printSelect(statement);
    t.is(printed(again), again, sql);
  }
});

test('every node stands within the one that holds it', t => {
  const walk = (node: unknown, low: number, high: number, sql: string): void => {
    if (node === null || typeof node !== 'object' || node instanceof Uint8Array) return;
    const {from: start, to} = node as {from?: unknown; to?: unknown};
    let [inner, outer] = [low, high];
    if (typeof start === 'number' && typeof to === 'number') {
      t.true(low <= start && start <= to && to <= high, `${start}–${to} in ${low}–${high}: ${sql}`);
      [inner, outer] = [start, to];
    }
    for (const child of Object.values(node)) walk(child, inner, outer, sql);
  };
  for (const sql of SAMPLES) walk(parseStatement(`  ${sql} ; `), 2, sql.length + 2, sql);
  const {body} = query('SELECT (1 + 2) * 3, - x');
  const [product] = body.kind === 'core' ? body.columns : [];
  t.like(product, {from: 7, to: 18});
});

test('long chains are no trouble, and too long ones an error', t => {
  const repeat = (count: number, separator: string, item = 'a') => Array(count).fill(item).join(separator);
  for (const separator of [' AND ', ' OR ', '||', ' + ', ' = '])
    t.notThrows(() => parseExpression(repeat(1000, separator)));
  t.notThrows(() => parseStatement(repeat(5000, ' UNION ALL ', 'SELECT 1')));
  t.notThrows(() => parseStatement(`SELECT * FROM ${repeat(64, ', ')}`));
  t.notThrows(() => parseStatement(`VALUES ${repeat(100_000, ',', '(1)')}`));
  for (const sql of [repeat(1002, '||'), `(${repeat(600, '+')})${'+a'.repeat(600)}`]) {
    t.throws(() => parseExpression(sql), {code: 'SQL_LIMIT'});
  }
  t.throws(() => parseStatement(repeat(6000, ' UNION ', 'SELECT 1')), {code: 'SQL_LIMIT'});
  t.throws(() => parseStatement(`SELECT * FROM ${repeat(65, ', ')}`), {code: 'SQL_LIMIT'});
});

test('nesting has a limit, not the stack', t => {
  const nests: [string, string][] = [
    ['(', ')'],
    ['- ', ''],
    ['NOT ', ''],
    ['f(', ')'],
    ['a IN (', ')'],
    ['CASE WHEN 1 THEN ', ' END'],
    ['CAST(', ' AS int)'],
    ['(SELECT ', ')'],
    ['EXISTS (SELECT * FROM (', ') )'],
    ['a BETWEEN ', ' AND 2'],
    ['', ' BETWEEN 1 AND 2'],
    ['a OR b AND c = d < e & f + g * h || (', ')'],
    ['f() OVER (ORDER BY ', ')'],
  ];
  for (const [open, close] of nests) {
    for (const depth of [2000, 200_000]) {
      const sql = `SELECT ${open.repeat(depth)}1${close.repeat(depth)}`;
      const error = t.throws(() => parseStatement(sql), undefined, open);
      t.true(isDbosError(error, 'SQL_LIMIT') || isDbosError(error, 'SQL_SYNTAX'), String(error));
    }
  }
  t.notThrows(() => parseExpression(`${'('.repeat(190)}1${')'.repeat(190)}`));
  const deep: Statement = parseStatement(`${'SELECT * FROM ('.repeat(90)}SELECT 1${')'.repeat(90)}`);
  t.is(deep.kind, 'select');
});
