/** Table functions whose arguments are columns of other tables of the same FROM clause, and names of joined columns. */
import test from 'ava';
import {Session} from './slt/session.js';

const SETUP = `
  CREATE TABLE t(id INTEGER PRIMARY KEY, x TEXT);
  INSERT INTO t VALUES (1, '[10,20]'), (2, '[30]'), (3, '[]');
  CREATE TABLE a(k TEXT COLLATE NOCASE, n); INSERT INTO a VALUES ('Abc', 1), ('x', 2);
  CREATE TABLE b(k TEXT, m); INSERT INTO b VALUES ('abc', 3), ('y', 4)`;

function session(): Session {
  const made = new Session();
  made.execute(SETUP);
  return made;
}

const EACH = [
  [1, 10],
  [1, 20],
  [2, 30],
];

const ANSWERS: readonly (readonly [string, unknown])[] = [
  ['SELECT t.id, j.value FROM t, json_each(t.x) j ORDER BY 1, 2', EACH],
  ['SELECT t.id, j.value FROM json_each(t.x) j, t ORDER BY 1, 2', EACH],
  ["SELECT t.id, j.value FROM json_each(k.value) j, json_each('[' || t.x || ']') k, t ORDER BY 1, 2", EACH],
  ['SELECT t.id, j.value FROM t LEFT JOIN json_each(t.x) j ORDER BY 1, 2', [...EACH, [3, null]]],
  ['SELECT t.id, j.value FROM t FULL JOIN json_each(t.x) j ORDER BY 1, 2', [...EACH, [3, null]]],
  [
    'SELECT t.id, j.value FROM t LEFT JOIN json_each(t.x) j ON j.value > 15 ORDER BY 1',
    [
      [1, 20],
      [2, 30],
      [3, null],
    ],
  ],
  [
    'SELECT t.id, j.value FROM json_each(u.x) j LEFT JOIN t ON t.id * 10 = j.value, t u ORDER BY 2',
    [
      [1, 10],
      [2, 20],
      [3, 30],
    ],
  ],
  ['SELECT (SELECT sum(value) FROM json_each(x)) FROM t ORDER BY id', [[30], [30], [null]]],
  // the joined column of a RIGHT JOIN is that on the right, of a FULL JOIN whichever there is
  [
    'SELECT k, a.k FROM a RIGHT JOIN b USING (k) ORDER BY m',
    [
      ['abc', 'Abc'],
      ['y', null],
    ],
  ],
  [
    'SELECT k, n, m FROM a FULL JOIN b USING (k) ORDER BY n IS NULL, n',
    [
      ['Abc', 1, 3],
      ['x', 2, null],
      ['y', null, 4],
    ],
  ],
  // a compound compares by the first collation that an arm has
  ["SELECT count(*) FROM (SELECT 'ABC' UNION SELECT k FROM a)", [[2]]],
  ["SELECT count(*) FROM (SELECT m || '' FROM b UNION SELECT upper(k) FROM a UNION SELECT k FROM a)", [[4]]],
];

for (const [sql, rows] of ANSWERS) test(sql, t => t.deepEqual(session().execute(sql), rows as never));

test('a function that needs what cannot come before it is refused', t => {
  const refused = [
    'SELECT * FROM json_each(k.value) j, json_each(j.value) k',
    'SELECT * FROM json_each(value)',
    'SELECT * FROM t RIGHT JOIN json_each(t.x)',
    'SELECT * FROM json_each(t.x) FULL JOIN t',
    'SELECT * FROM t LEFT JOIN json_each(u.x) ON 1 LEFT JOIN t u ON u.id = t.id',
  ];
  for (const sql of refused) t.throws(() => session().execute(sql), {code: 'SQL_MISUSE'}, sql);
  t.throws(() => session().execute('SELECT * FROM t, json_each(x), t u'), {code: 'SQL_NAME_AMBIGUOUS'});
});

test('beside a RIGHT or FULL JOIN a condition means what is joined by then', t => {
  const refused = [
    'SELECT * FROM t JOIN a ON m RIGHT JOIN b',
    'SELECT * FROM t JOIN a ON k RIGHT JOIN b USING (k)',
    'SELECT * FROM t RIGHT JOIN a JOIN b ON id = y JOIN (SELECT 1 y)',
  ];
  for (const sql of refused) {
    const error = t.throws(() => session().execute(sql), {code: 'SQL_MISUSE'}, sql);
    t.regex(error.message, /^ON clause references tables to its right/);
  }
  t.deepEqual(session().execute('SELECT n FROM t JOIN a ON m = 4 AND id = 1 JOIN b ORDER BY n'), [[1], [2]]);
});
