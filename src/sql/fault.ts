/**
 * Errors of SQL and where they stand: an error carries offsets into its source text, and `locate` adds what a person
 * needs, the line with a caret under the token. Layer: sql.
 */
import {DbosError, type ErrorCode} from '../errors.js';
import type {Span} from './ast.js';
import {statementAt} from './parser/complete.js';

interface FaultDetails {
  readonly hint?: string | undefined;
  readonly data?: Readonly<Record<string, unknown>> | undefined;
  readonly cause?: unknown;
}

/** Returns an error whose data has the offsets `from` and `to` of the span, in UTF-16 units, if there is one. */
export function sqlError(code: ErrorCode, message: string, span?: Span, details: FaultDetails = {}): DbosError {
  const {hint, data, cause} = details;
  return new DbosError(code, message, {
    ...(hint === undefined ? {} : {hint}),
    ...(cause === undefined ? {} : {cause}),
    data: span === undefined ? {...data} : {from: span.from, to: span.to, ...data},
  });
}

/** The widest excerpt, in characters. */
const WIDTH = 100;
/** What is kept in front of a token that stands far right. */
const LEAD = 40;

/**
 * Returns the error with `line` and `column` (from 1, in characters), `excerpt` (the line, and below it a caret under
 * the token) and, in a script of several, `statement` (from 1) added to its data. An error that has no offsets, or has
 * been located already, is returned as it is.
 */
export function locate(error: DbosError, source: string): DbosError {
  const {from, to, line: known} = error.data;
  if (typeof from !== 'number' || typeof to !== 'number' || known !== undefined) return error;
  const at = Math.min(Math.max(from, 0), source.length);
  const lineStart = at === 0 ? 0 : source.lastIndexOf('\n', at - 1) + 1;
  const newline = source.indexOf('\n', at);
  let lineEnd = newline < 0 ? source.length : newline;
  if (lineEnd > at && source[lineEnd - 1] === '\r') lineEnd--;
  const tokenEnd = Math.min(Math.max(to, at), lineEnd);
  const {statement, several} = statementAt(source, at);
  return new DbosError(error.code, error.message, {
    ...(error.hint === undefined ? {} : {hint: error.hint}),
    ...(error.cause === undefined ? {} : {cause: error.cause}),
    data: {
      ...error.data,
      ...(several ? {statement} : {}),
      line: linesBefore(source, at) + 1,
      column: lengthOf(source, lineStart, at) + 1,
      excerpt: excerptOf(source, lineStart, at, tokenEnd, lineEnd),
    },
  });
}

function linesBefore(source: string, at: number): number {
  let lines = 0;
  for (let end = source.indexOf('\n'); end >= 0 && end < at; end = source.indexOf('\n', end + 1)) lines++;
  return lines;
}

/** Returns how many characters stand between two offsets. */
function lengthOf(source: string, from: number, to: number): number {
  let length = 0;
  for (let at = from; at < to; at += (source.codePointAt(at) as number) > 0xffff ? 2 : 1) length++;
  return length;
}

/** Returns the line, windowed if it is long, and below it a caret line for the part from `from` to `to`. */
function excerptOf(source: string, lineStart: number, from: number, to: number, lineEnd: number): string {
  // twice the width in UTF-16 units holds all the characters that can be shown
  const near = Math.max(lineStart, from - 2 * WIDTH);
  const before = [...source.slice(near, from)].map(visible);
  const token = [...source.slice(from, Math.min(to, from + 2 * WIDTH))].map(visible);
  const after = [...source.slice(to, Math.min(lineEnd, to + 2 * WIDTH))].map(visible);
  let lead = '';
  let tail = '';
  if (near > lineStart || before.length + token.length + after.length > WIDTH) {
    if (before.length > LEAD && before.length + Math.min(token.length, LEAD) > WIDTH - LEAD) {
      before.splice(0, before.length - LEAD);
      lead = '…';
    }
    const room = WIDTH - before.length;
    if (token.length + after.length > room || to + 2 * WIDTH < lineEnd) tail = '…';
    token.splice(room);
    after.splice(room - token.length);
  }
  const shown = `${lead}${before.join('')}${token.join('')}${after.join('')}${tail}`;
  // tabs stay, so that the caret stands under the token however wide they are
  const indent = before.map(character => (character === '\t' ? '\t' : ' ')).join('');
  return `${shown}\n${lead && ' '}${indent}^${'~'.repeat(Math.max(token.length - 1, 0))}`;
}

const UNPRINTABLE = /[\p{Cc}\p{Cs}\u2028\u2029\u202a-\u202e\u2066-\u2069]/u;

/** Returns the character, or a stand-in for one that a terminal would obey. */
function visible(character: string): string {
  return character !== '\t' && UNPRINTABLE.test(character) ? '\ufffd' : character;
}
