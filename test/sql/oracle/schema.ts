/**
 * Random tables with data that find the edges of SQLite's typing: integers around 2⁵³ and 2⁶³, texts that look like
 * numbers, characters beyond the basic plane, values that are equal and yet not the same.
 */
import type {Affinity, CollationName} from '../../../src/sql/values/value.js';
import type {Random} from './random.js';

/** What the values of a column are mostly about, so that queries make sense more often than by accident. */
export type Topic = 'small' | 'integer' | 'money' | 'real' | 'text' | 'word' | 'blob' | 'date' | 'json' | 'mixed';

export interface Column {
  /** As it is written in SQL, quoted where it has to be. */
  readonly name: string;
  readonly type: string;
  readonly affinity: Affinity;
  readonly collation: CollationName;
  readonly notNull: boolean;
  readonly topic: Topic;
}

export interface Table {
  readonly name: string;
  readonly columns: readonly Column[];
  /** The columns that tell one row from all others. */
  readonly key: readonly string[];
  readonly create: string;
  /** Literals of SQL, a row each. */
  readonly rows: readonly (readonly string[])[];
}

export interface View {
  readonly name: string;
  readonly create: string;
  readonly columns: readonly Column[];
}

export interface Schema {
  readonly tables: readonly Table[];
  readonly views: readonly View[];
}

const SMALL = ['0', '1', '2', '3', '4', '5', '-1', '-2', '7', '10'];
const LARGE = [
  '2147483647',
  '-2147483648',
  '2147483648',
  '4294967296',
  '9007199254740991',
  '9007199254740992',
  '9007199254740993',
  '-9007199254740993',
  '9223372036854775807',
  '9223372036854775806',
  '(-9223372036854775807 - 1)',
  '-9223372036854775807',
  '4611686018427387904',
];
const MONEY = ['0.5', '1.5', '-2.5', '10.25', '99.75', '0.125', '3.5', '-0.25', '7.75'];
const REALS = [
  '0.1',
  '-0.0',
  '3.0',
  '1e10',
  '1.5e15',
  '9007199254740992.0',
  '1e18',
  '9.5e18',
  '-9223372036854775808.0',
  '1e-5',
  '2.5e-10',
  '123456.789',
  '1e100',
  '-1e20',
];
const WORDS = ["'a'", "'b'", "'c'", "'abc'", "'abd'", "'xyz'", "'foo'", "'bar baz'", "'q'", "'A'", "'Abc'", "'b '"];
const TEXTS = [
  "''",
  "'A'",
  "'a '",
  "'ABC'",
  "'Abc  '",
  "' abc'",
  "'x%y'",
  "'x_y'",
  "'x\\y'",
  "'[ab]*'",
  "'12'",
  "'12.5'",
  "' 12 '",
  "'12abc'",
  "'1e2'",
  "'0x10'",
  "'-0'",
  "'-0.0'",
  "'+5'",
  "'.5'",
  "'5.'",
  "'1e'",
  "'9223372036854775807'",
  "'9223372036854775808'",
  "'-9223372036854775808'",
  "'9007199254740993'",
  "'1_000'",
  "'inf'",
  "'nan'",
  "'NULL'",
  "'true'",
  "'it''s'",
  "'é'",
  "'É'",
  "'ß'",
  "'naïve'",
  "'日本語'",
  "'😀'",
  "'z😀z'",
  "'～'",
  "'e\u0301'",
  "'tab\there'",
];
const BLOBS = ["x''", "x'61'", "x'616263'", "x'FF'", "x'C3A9'", "x'3132'", "x'F09F9880'", "x'41ff42'"];
const DATES = [
  "'2024-02-29'",
  "'2024-02-29 12:34:56'",
  "'2023-12-31T23:59:59.999'",
  "'2000-01-01 00:00'",
  "'1969-07-20 20:17:40'",
  "'2024-03-31 01:30:00+02:00'",
  "'2024-06-15T08:00:00Z'",
  "'12:30:45'",
  '2460370.5',
  '0',
  '1709210096',
  "'2024-13-01'",
  "'not a date'",
  "'2021-01-31'",
];
const JSONS = [
  `'{"a":1,"b":[1,2,{"c":null}]}'`,
  `'[1,2.5,"x",true,null]'`,
  `'"str"'`,
  "'12'",
  "'null'",
  "'{}'",
  "'[]'",
  `'{"a":{"b":{"c":[10,20,30]}},"d":"é😀","e f":1e3}'`,
  `'[[1],[2,3],[]]'`,
  `'{"a":"tab\\tquote\\"","b":false,"a2":-0.5}'`,
  `' [ 1 , 2 ] '`,
  `'{"a":9223372036854775807,"b":1.0}'`,
];

const POOLS: Readonly<Record<Topic, readonly (readonly string[])[]>> = {
  small: [SMALL],
  integer: [SMALL, SMALL, LARGE],
  money: [MONEY],
  real: [MONEY, REALS],
  word: [WORDS],
  text: [WORDS, TEXTS],
  blob: [BLOBS],
  date: [DATES],
  json: [JSONS],
  mixed: [SMALL, LARGE, MONEY, REALS, WORDS, TEXTS, BLOBS],
};

/** Returns a literal of a topic. */
export function literal(random: Random, topic: Topic): string {
  return random.pick(random.pick(POOLS[topic]));
}

const TYPES: Readonly<Record<Topic, readonly (readonly [string, Affinity])[]>> = {
  small: [
    ['INTEGER', 'integer'],
    ['INT', 'integer'],
    ['NUMERIC', 'numeric'],
    ['SMALLINT', 'integer'],
  ],
  integer: [
    ['INTEGER', 'integer'],
    ['BIGINT', 'integer'],
    ['NUMERIC', 'numeric'],
    ['', 'blob'],
  ],
  money: [
    ['DECIMAL(10,2)', 'numeric'],
    ['REAL', 'real'],
    ['FLOAT', 'real'],
  ],
  real: [
    ['REAL', 'real'],
    ['DOUBLE PRECISION', 'real'],
    ['NUMERIC', 'numeric'],
    ['', 'blob'],
  ],
  word: [
    ['TEXT', 'text'],
    ['VARCHAR(20)', 'text'],
    ['CLOB', 'text'],
  ],
  text: [
    ['TEXT', 'text'],
    ['CHARACTER(8)', 'text'],
    ['', 'blob'],
  ],
  blob: [
    ['BLOB', 'blob'],
    ['', 'blob'],
  ],
  date: [
    ['DATETIME', 'numeric'],
    ['TEXT', 'text'],
    ['', 'blob'],
  ],
  json: [
    ['TEXT', 'text'],
    ['JSON', 'numeric'],
  ],
  mixed: [
    ['', 'blob'],
    ['BLOB', 'blob'],
    ['NUMERIC', 'numeric'],
    ['TEXT', 'text'],
    ['REAL', 'real'],
    ['INT', 'integer'],
    ['STRING', 'numeric'],
    ['CHARINT', 'integer'],
  ],
};

const NAMES = ['a', 'b', 'c', 'd', 'e', 'f', '"group"', '"two words"', 'Mixed'];

const TOPICS: readonly (readonly [number, Topic])[] = [
  [6, 'small'],
  [3, 'integer'],
  [3, 'money'],
  [2, 'real'],
  [4, 'word'],
  [3, 'text'],
  [1, 'blob'],
  [1, 'date'],
  [1, 'json'],
  [2, 'mixed'],
];

function randomColumn(random: Random, name: string, index: number): Column {
  // the first columns of all tables are alike, so that joins find something
  const topic: Topic = index === 0 ? 'small' : index === 1 ? random.pick(['small', 'word']) : random.weighted(TOPICS);
  const [type, affinity] = random.pick(TYPES[topic]);
  const textual = topic === 'word' || topic === 'text' || topic === 'mixed';
  const collation: CollationName =
    textual && random.chance(0.35) ? random.pick(['nocase', 'nocase', 'rtrim']) : 'binary';
  return {name, type, affinity, collation, notNull: random.chance(0.15), topic};
}

function definition(column: Column): string {
  const collate = column.collation === 'binary' ? '' : ` COLLATE ${column.collation.toUpperCase()}`;
  return `${column.name} ${column.type}${column.notNull ? ' NOT NULL' : ''}${collate}`.replaceAll('  ', ' ');
}

/** Returns what a key compares by: equal keys have equal texts (more than SQLite finds equal, which does no harm). */
function keyText(literals: readonly string[]): string {
  return literals.map(text => text.toLowerCase().replaceAll(/[ '.+-]|\.0\b/g, '')).join('|');
}

function randomTable(random: Random, name: string, size: number): Table {
  const names = random.chance(0.8) ? NAMES.slice(0, 6) : NAMES;
  const columns = ['a', 'b', ...random.sample(names.slice(2), random.integer(1, 4))].map((column, index) =>
    randomColumn(random, column, index),
  );
  const kind = random.weighted([
    [4, 'rowid'],
    [4, 'plain'],
    [2, 'unique'],
    [2, 'without rowid'],
  ] as const);
  const definitions = columns.map(definition);
  let key: string[] = ['rowid'];
  let tail = '';
  let keyColumns: Column[] = [];
  if (kind === 'rowid') {
    columns.unshift({
      name: 'id',
      type: 'INTEGER',
      affinity: 'integer',
      collation: 'binary',
      notNull: true,
      topic: 'small',
    });
    definitions.unshift('id INTEGER PRIMARY KEY');
    key = ['id'];
  } else if (kind === 'without rowid' || kind === 'unique') {
    const distinct = columns.filter(({topic}) => topic === 'small' || topic === 'integer' || topic === 'word');
    keyColumns = random.sample(distinct, random.integer(1, 2));
    key = keyColumns.map(column => column.name);
    const terms = keyColumns.map(column => `${column.name}${random.chance(0.2) ? ' DESC' : ''}`);
    definitions.push(`PRIMARY KEY (${terms.join(', ')})`);
    if (kind === 'without rowid') tail = ' WITHOUT ROWID';
  }
  const create = `CREATE TABLE ${name} (${definitions.join(', ')})${tail}`;
  const rows: string[][] = [];
  const taken = new Set<string>();
  for (let i = 0; i < size; i++) {
    const row = columns.map(column => {
      if (column.name === 'id' && kind === 'rowid') return random.chance(0.05) ? `${1_000_000 + i}` : `${i + 1}`;
      const mayBeNull = !column.notNull && !keyColumns.includes(column);
      if (mayBeNull && random.chance(0.15)) return 'NULL';
      if (mayBeNull && random.chance(0.03)) return literal(random, 'mixed');
      return literal(random, column.topic);
    });
    if (keyColumns.length > 0) {
      const text = keyText(keyColumns.map(column => row[columns.indexOf(column)] as string));
      if (taken.has(text)) continue;
      taken.add(text);
    }
    rows.push(row);
  }
  return {name, columns, key, create, rows: random.sample(rows, rows.length)};
}

function randomView(random: Random, name: string, table: Table): View {
  const chosen = random.sample(table.columns, random.integer(2, 3));
  const [first] = chosen as [Column];
  const where = random.chance(0.5) ? ` WHERE ${first.name} IS NOT NULL` : '';
  const named = random.chance(0.3);
  const columns = chosen.map((column, index) => (named ? {...column, name: `v${index}`} : column));
  const header = named ? ` (${columns.map(column => column.name).join(', ')})` : '';
  const list = chosen.map(column => column.name).join(', ');
  return {name, columns, create: `CREATE VIEW ${name}${header} AS SELECT ${list} FROM ${table.name}${where}`};
}

/** Returns some tables, one of them without rows now and then, and a view or two. */
export function randomSchema(random: Random): Schema {
  const tables = random.times(random.integer(3, 4), index =>
    randomTable(random, `t${index}`, random.chance(0.05) ? 0 : random.integer(3, index === 0 ? 30 : 12)),
  );
  const views = random.times(random.integer(1, 2), index => randomView(random, `v${index}`, random.pick(tables)));
  return {tables, views};
}

/** Returns the statements that make the schema. */
export function setupOf({tables, views}: Schema): string[] {
  return [
    ...tables.flatMap(({name, create, rows}) => [
      create,
      ...rows.map(row => `INSERT INTO ${name} VALUES (${row.join(', ')})`),
    ]),
    ...views.map(view => view.create),
  ];
}
