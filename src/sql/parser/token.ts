/**
 * The kinds of tokens, as small numbers, and what the grammar knows of each: which words are keywords, and which of
 * them are names wherever they cannot be keywords (SQLite's fallback rule). Layer: sql.
 */

/** Kinds that are no keywords. From `unknown` on they are mistakes, for which the parser has sentences. */
export const T = {
  end: 0,
  identifier: 1,
  /** "x", [x] or `x`. */
  quoted: 2,
  string: 3,
  blob: 4,
  integer: 5,
  real: 6,
  parameter: 7,
  comma: 8,
  leftParen: 9,
  rightParen: 10,
  dot: 11,
  semicolon: 12,
  star: 13,
  plus: 14,
  minus: 15,
  slash: 16,
  percent: 17,
  equal: 18,
  notEqual: 19,
  less: 20,
  lessEqual: 21,
  greater: 22,
  greaterEqual: 23,
  shiftLeft: 24,
  shiftRight: 25,
  ampersand: 26,
  bar: 27,
  concat: 28,
  tilde: 29,
  arrow: 30,
  doubleArrow: 31,
  unknown: 32,
  openString: 33,
  openQuoted: 34,
  openComment: 35,
  badNumber: 36,
  badBlob: 37,
  badParameter: 38,
} as const;

/** Keywords, numbered from 64. */
export const K = {
  ABORT: 64,
  ACTION: 65,
  ADD: 66,
  AFTER: 67,
  ALL: 68,
  ALTER: 69,
  ALWAYS: 70,
  ANALYZE: 71,
  AND: 72,
  AS: 73,
  ASC: 74,
  ATTACH: 75,
  AUTOINCREMENT: 76,
  BEFORE: 77,
  BEGIN: 78,
  BETWEEN: 79,
  BY: 80,
  CASCADE: 81,
  CASE: 82,
  CAST: 83,
  CHECK: 84,
  COLLATE: 85,
  COLUMN: 86,
  COMMIT: 87,
  CONFLICT: 88,
  CONSTRAINT: 89,
  CREATE: 90,
  CROSS: 91,
  CURRENT: 92,
  CURRENT_DATE: 93,
  CURRENT_TIME: 94,
  CURRENT_TIMESTAMP: 95,
  DATABASE: 96,
  DEFAULT: 97,
  DEFERRABLE: 98,
  DEFERRED: 99,
  DELETE: 100,
  DESC: 101,
  DETACH: 102,
  DISTINCT: 103,
  DO: 104,
  DROP: 105,
  EACH: 106,
  ELSE: 107,
  END: 108,
  ESCAPE: 109,
  EXCEPT: 110,
  EXCLUDE: 111,
  EXCLUSIVE: 112,
  EXISTS: 113,
  EXPLAIN: 114,
  FAIL: 115,
  FILTER: 116,
  FIRST: 117,
  FOLLOWING: 118,
  FOR: 119,
  FOREIGN: 120,
  FROM: 121,
  FULL: 122,
  GENERATED: 123,
  GLOB: 124,
  GROUP: 125,
  GROUPS: 126,
  HAVING: 127,
  IF: 128,
  IGNORE: 129,
  IMMEDIATE: 130,
  IN: 131,
  INDEX: 132,
  INDEXED: 133,
  INITIALLY: 134,
  INNER: 135,
  INSERT: 136,
  INSTEAD: 137,
  INTERSECT: 138,
  INTO: 139,
  IS: 140,
  ISNULL: 141,
  JOIN: 142,
  KEY: 143,
  LAST: 144,
  LEFT: 145,
  LIKE: 146,
  LIMIT: 147,
  MATCH: 148,
  MATERIALIZED: 149,
  NATURAL: 150,
  NO: 151,
  NOT: 152,
  NOTHING: 153,
  NOTNULL: 154,
  NULL: 155,
  NULLS: 156,
  OF: 157,
  OFFSET: 158,
  ON: 159,
  OR: 160,
  ORDER: 161,
  OTHERS: 162,
  OUTER: 163,
  OVER: 164,
  PARTITION: 165,
  PLAN: 166,
  PRAGMA: 167,
  PRECEDING: 168,
  PRIMARY: 169,
  QUERY: 170,
  RAISE: 171,
  RANGE: 172,
  RECURSIVE: 173,
  REFERENCES: 174,
  REGEXP: 175,
  REINDEX: 176,
  RELEASE: 177,
  RENAME: 178,
  REPLACE: 179,
  RESTRICT: 180,
  RETURNING: 181,
  RIGHT: 182,
  ROLLBACK: 183,
  ROW: 184,
  ROWS: 185,
  SAVEPOINT: 186,
  SELECT: 187,
  SET: 188,
  TABLE: 189,
  TEMP: 190,
  TEMPORARY: 191,
  THEN: 192,
  TIES: 193,
  TO: 194,
  TRANSACTION: 195,
  TRIGGER: 196,
  UNBOUNDED: 197,
  UNION: 198,
  UNIQUE: 199,
  UPDATE: 200,
  USING: 201,
  VACUUM: 202,
  VALUES: 203,
  VIEW: 204,
  VIRTUAL: 205,
  WHEN: 206,
  WHERE: 207,
  WINDOW: 208,
  WITH: 209,
  WITHOUT: 210,
} as const;

const FIRST_KEYWORD = K.ABORT;
const KEYWORDS = Object.keys(K);

/** Returns the keyword of a kind, or undefined if it is none. */
export function keywordOf(kind: number): string | undefined {
  return KEYWORDS[kind - FIRST_KEYWORD];
}

/** The token is a name wherever the grammar has no keyword of this kind. */
export const NAME = 1;
/** LEFT, CROSS and the like: names in expressions and after AS, but never an alias by themselves. */
export const JOIN_WORD = 2;
/** INDEXED, likewise. */
export const INDEXED_WORD = 4;
export const STRING = 8;

/** What a kind may stand for besides itself: the sum of the flags above. */
export const FLAGS = new Uint8Array(256);
FLAGS[T.identifier] = NAME;
FLAGS[T.quoted] = NAME;
FLAGS[T.string] = STRING;
FLAGS[K.INDEXED] = INDEXED_WORD;
for (const kind of [K.CROSS, K.FULL, K.INNER, K.LEFT, K.NATURAL, K.OUTER, K.RIGHT]) FLAGS[kind] = JOIN_WORD;
// biome-ignore format: a list of words
for (const kind of [
  K.ABORT, K.ACTION, K.AFTER, K.ALWAYS, K.ANALYZE, K.ASC, K.ATTACH, K.BEFORE, K.BEGIN, K.BY, K.CASCADE, K.CAST,
  K.COLUMN, K.CONFLICT, K.CURRENT, K.CURRENT_DATE, K.CURRENT_TIME, K.CURRENT_TIMESTAMP, K.DATABASE, K.DEFERRED, K.DESC,
  K.DETACH, K.DO, K.EACH, K.END, K.EXCLUDE, K.EXCLUSIVE, K.EXPLAIN, K.FAIL, K.FIRST, K.FOLLOWING, K.FOR, K.GENERATED,
  K.GLOB, K.GROUPS, K.IF, K.IGNORE, K.IMMEDIATE, K.INITIALLY, K.INSTEAD, K.KEY, K.LAST, K.LIKE, K.MATCH,
  K.MATERIALIZED, K.NO, K.NULLS, K.OF, K.OFFSET, K.OTHERS, K.PARTITION, K.PLAN, K.PRAGMA, K.PRECEDING, K.QUERY, K.RAISE,
  K.RANGE, K.RECURSIVE, K.REGEXP, K.REINDEX, K.RELEASE, K.RENAME, K.REPLACE, K.RESTRICT, K.ROLLBACK, K.ROW, K.ROWS,
  K.SAVEPOINT, K.TEMP, K.TEMPORARY, K.TIES, K.TRIGGER, K.UNBOUNDED, K.VACUUM, K.VIEW, K.VIRTUAL, K.WITH, K.WITHOUT,
]) FLAGS[kind] = NAME;

// ---------------------------------------------------------------------------------------------------- lookup

const SLOTS = 1024;
const MAX_KEYWORD = Math.max(...KEYWORDS.map(word => word.length));
const slots = new Uint8Array(SLOTS);
const letters = KEYWORDS.map(word => Uint8Array.from(word, letter => letter.charCodeAt(0) | 32));

/** Returns the hash of a word with one more character: ASCII letters count without their case. */
export function hashCharacter(hash: number, code: number): number {
  return (Math.imul(hash, 31) + (code | 32)) | 0;
}

for (let index = 0; index < KEYWORDS.length; index++) {
  let hash = 0;
  for (const code of letters[index] as Uint8Array) hash = hashCharacter(hash, code);
  let slot = (hash ^ (hash >>> 10)) & (SLOTS - 1);
  while (slots[slot] !== 0) slot = (slot + 1) & (SLOTS - 1);
  slots[slot] = index + FIRST_KEYWORD;
}

/** Returns the kind of the word at `from`, whose characters have this hash: a keyword's, or that of an identifier. */
export function wordKind(source: string, from: number, to: number, hash: number): number {
  const length = to - from;
  if (length < 2 || length > MAX_KEYWORD) return T.identifier;
  for (let slot = (hash ^ (hash >>> 10)) & (SLOTS - 1); ; slot = (slot + 1) & (SLOTS - 1)) {
    const kind = slots[slot] as number;
    if (kind === 0) return T.identifier;
    const word = letters[kind - FIRST_KEYWORD] as Uint8Array;
    if (word.length !== length) continue;
    let at = 0;
    while (at < length && (source.charCodeAt(from + at) | 32) === word[at]) at++;
    if (at === length) return kind;
  }
}
