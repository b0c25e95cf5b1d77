/**
 * The operators of expressions and how tightly they bind, as in SQLite. Layer: sql.
 */
import type {BinaryOperator, MatchOperator} from '../ast.js';
import {K, T} from './token.js';

// The levels of precedence. NOT is odd: as a prefix it lets an infix NOT (NOT LIKE, NOT NULL, …) of its own level in.
const OR = 1;
export const AND = 2;
export const NOT = 3;
const INFIX_NOT = 4;
export const EQUALITY = 5;
const ORDER = 6;
const BITS = 7;
const SUM = 8;
const PRODUCT = 9;
const CONCAT = 10;
const COLLATE = 11;
export const PREFIX = 12;

/** The level of each infix and postfix operator; 0 is none. */
export const LEVEL = new Uint8Array(256);
/** The operators that simply stand between two operands. */
export const INFIX: (BinaryOperator | undefined)[] = new Array(256).fill(undefined);
for (const [kind, level, operator] of [
  [K.OR, OR, 'or'],
  [K.AND, AND, 'and'],
  [T.equal, EQUALITY, '='],
  [T.notEqual, EQUALITY, '<>'],
  [T.less, ORDER, '<'],
  [T.lessEqual, ORDER, '<='],
  [T.greater, ORDER, '>'],
  [T.greaterEqual, ORDER, '>='],
  [T.ampersand, BITS, '&'],
  [T.bar, BITS, '|'],
  [T.shiftLeft, BITS, '<<'],
  [T.shiftRight, BITS, '>>'],
  [T.plus, SUM, '+'],
  [T.minus, SUM, '-'],
  [T.star, PRODUCT, '*'],
  [T.slash, PRODUCT, '/'],
  [T.percent, PRODUCT, '%'],
  [T.concat, CONCAT, '||'],
  [T.arrow, CONCAT, '->'],
  [T.doubleArrow, CONCAT, '->>'],
] as const) {
  LEVEL[kind] = level;
  INFIX[kind] = operator;
}
for (const kind of [K.IS, K.LIKE, K.GLOB, K.REGEXP, K.MATCH, K.BETWEEN, K.IN, K.ISNULL, K.NOTNULL])
  LEVEL[kind] = EQUALITY;
LEVEL[K.NOT] = INFIX_NOT;
LEVEL[K.COLLATE] = COLLATE;

export const MATCHES: readonly (readonly [kind: number, operator: MatchOperator])[] = [
  [K.LIKE, 'like'],
  [K.GLOB, 'glob'],
  [K.REGEXP, 'regexp'],
  [K.MATCH, 'match'],
];
