/**
 * The lexer of SQL: one token at a time, by character codes, in time linear in the text. It never throws: what is no
 * token has a kind of its own. Tokens are as SQLite cuts them, digit separators included. Layer: sql.
 */
import {hashCharacter, T, wordKind} from './token.js';

const WORD = 1;
const DIGIT = 2;
const HEX = 4;
const SPACE = 8;

/** What an ASCII character may be part of. */
const CLASS = new Uint8Array(128);
for (let code = 0; code < 128; code++) {
  const character = String.fromCharCode(code);
  if (/[A-Za-z0-9_$]/.test(character)) CLASS[code] = WORD;
  if (/[0-9]/.test(character)) CLASS[code] = (CLASS[code] as number) | DIGIT;
  if (/[0-9A-Fa-f]/.test(character)) CLASS[code] = (CLASS[code] as number) | HEX;
  if (/[\t\n\v\f\r ]/.test(character)) CLASS[code] = SPACE;
}

const VERTICAL_TAB = 11;
const DOUBLE_QUOTE = 34;
const DOLLAR = 36;
const QUOTE = 39;
const LEFT_PAREN = 40;
const RIGHT_PAREN = 41;
const STAR = 42;
const PLUS = 43;
const MINUS = 45;
const DOT = 46;
const SLASH = 47;
const ZERO = 48;
const COLON = 58;
const SEMICOLON = 59;
const LESS = 60;
const EQUAL = 61;
const GREATER = 62;
const QUESTION = 63;
const AT = 64;
const LEFT_BRACKET = 91;
const UNDERSCORE = 95;
const BACKTICK = 96;
const LETTER_E = 101;
const LETTER_X = 120;
const BAR = 124;
const BYTE_ORDER_MARK = 0xfeff;

function is(code: number, mask: number): boolean {
  return code < 128 && ((CLASS[code] as number) & mask) !== 0;
}

/** Characters of names: letters, digits, _ and $, and everything beyond ASCII. (Past the end there is NaN.) */
function isWord(code: number): boolean {
  return code >= 128 || is(code, WORD);
}

export class Lexer {
  /** The kind of the token, and where it stands. */
  kind: number = T.end;
  from: number;
  to: number;

  constructor(
    readonly source: string,
    at: number,
  ) {
    this.from = at;
    this.to = at;
  }

  /** Moves on to the next token; white space and comments are none. */
  scan(): void {
    const {source} = this;
    let at = this.to;
    for (;;) {
      const code = source.charCodeAt(at);
      // a vertical tab is white space only behind other white space, as in SQLite
      if (code === 32 || (is(code, SPACE) && code !== VERTICAL_TAB) || code === BYTE_ORDER_MARK) {
        at++;
        while (is(source.charCodeAt(at), SPACE)) at++;
      } else if (code === MINUS && source.charCodeAt(at + 1) === MINUS) {
        const end = source.indexOf('\n', at + 2);
        at = end < 0 ? source.length : end + 1;
      } else if (code === SLASH && source.charCodeAt(at + 1) === STAR) {
        const end = source.indexOf('*/', at + 2);
        if (end < 0) {
          this.from = at;
          this.token(T.openComment, source.length);
          return;
        }
        at = end + 2;
      } else {
        this.from = at;
        this.scanToken(code, at);
        return;
      }
    }
  }

  /** Ends the token, whose kind is known now. */
  private token(kind: number, to: number): number {
    this.kind = kind;
    this.to = to;
    return kind;
  }

  private scanToken(code: number, from: number): number {
    if (code >= 128 || (is(code, WORD) && !is(code, DIGIT) && code !== DOLLAR)) {
      // x'…'
      if (isHexMark(code) && this.source.charCodeAt(from + 1) === QUOTE) return this.scanBlob(from);
      return this.scanWord(code, from);
    }
    return is(code, DIGIT) ? this.scanNumber(from) : this.scanSign(code, from);
  }

  private scanWord(first: number, from: number): number {
    const {source} = this;
    let hash = hashCharacter(0, first);
    let at = from + 1;
    for (let code = source.charCodeAt(at); isWord(code); code = source.charCodeAt(++at)) {
      hash = hashCharacter(hash, code);
    }
    return this.token(wordKind(source, from, at, hash), at);
  }

  private scanSign(code: number, from: number): number {
    const next = this.source.charCodeAt(from + 1);
    switch (code) {
      case 44:
        return this.token(T.comma, from + 1);
      case LEFT_PAREN:
        return this.token(T.leftParen, from + 1);
      case RIGHT_PAREN:
        return this.token(T.rightParen, from + 1);
      case QUOTE:
        return this.scanQuoted("'", from, T.string, T.openString);
      case DOT:
        return is(next, DIGIT) ? this.scanNumber(from) : this.token(T.dot, from + 1);
      case EQUAL:
        return this.token(T.equal, next === EQUAL ? from + 2 : from + 1);
      case STAR:
        return this.token(T.star, from + 1);
      case SEMICOLON:
        return this.token(T.semicolon, from + 1);
      case PLUS:
        return this.token(T.plus, from + 1);
      case MINUS:
        if (next !== GREATER) return this.token(T.minus, from + 1);
        if (this.source.charCodeAt(from + 2) === GREATER) return this.token(T.doubleArrow, from + 3);
        return this.token(T.arrow, from + 2);
      case SLASH:
        return this.token(T.slash, from + 1);
      case 37:
        return this.token(T.percent, from + 1);
      case LESS:
        if (next === EQUAL) return this.token(T.lessEqual, from + 2);
        if (next === GREATER) return this.token(T.notEqual, from + 2);
        if (next === LESS) return this.token(T.shiftLeft, from + 2);
        return this.token(T.less, from + 1);
      case GREATER:
        if (next === EQUAL) return this.token(T.greaterEqual, from + 2);
        if (next === GREATER) return this.token(T.shiftRight, from + 2);
        return this.token(T.greater, from + 1);
      case 33:
        return next === EQUAL ? this.token(T.notEqual, from + 2) : this.token(T.unknown, from + 1);
      case 38:
        return this.token(T.ampersand, from + 1);
      case BAR:
        return next === BAR ? this.token(T.concat, from + 2) : this.token(T.bar, from + 1);
      case 126:
        return this.token(T.tilde, from + 1);
      case DOUBLE_QUOTE:
        return this.scanQuoted('"', from, T.quoted, T.openQuoted);
      case BACKTICK:
        return this.scanQuoted('`', from, T.quoted, T.openQuoted);
      case LEFT_BRACKET: {
        const end = this.source.indexOf(']', from + 1);
        if (end < 0) return this.token(T.openQuoted, this.source.length);
        return this.token(T.quoted, end + 1);
      }
      case QUESTION: {
        let at = from + 1;
        while (is(this.source.charCodeAt(at), DIGIT)) at++;
        return this.token(T.parameter, at);
      }
      case COLON:
      case AT:
      case DOLLAR:
        return this.scanParameter(from);
      default:
        if (from >= this.source.length) return this.token(T.end, from);
        return this.token(T.unknown, from + 1);
    }
  }

  private scanQuoted(quote: string, from: number, kind: number, open: number): number {
    const {source} = this;
    for (let at = from + 1; ; ) {
      const end = source.indexOf(quote, at);
      if (end < 0) return this.token(open, source.length);
      if (source[end + 1] !== quote) return this.token(kind, end + 1);
      at = end + 2;
    }
  }

  private scanBlob(from: number): number {
    const {source} = this;
    let at = from + 2;
    while (is(source.charCodeAt(at), HEX)) at++;
    if (source.charCodeAt(at) === QUOTE && (at - from) % 2 === 0) return this.token(T.blob, at + 1);
    const end = source.indexOf("'", at);
    if (end < 0) return this.token(T.openString, source.length);
    return this.token(T.badBlob, end + 1);
  }

  /** Names may hold `::`, and end with anything but white space in parentheses: `$a::b(c)`. */
  private scanParameter(from: number): number {
    const {source} = this;
    let at = from + 1;
    let kind: number = T.badParameter;
    for (;;) {
      const code = source.charCodeAt(at);
      if (isWord(code)) {
        kind = T.parameter;
        at++;
      } else if (code === COLON && source.charCodeAt(at + 1) === COLON) {
        at += 2;
      } else if (code === LEFT_PAREN && kind === T.parameter) {
        do at++;
        while (at < source.length && source.charCodeAt(at) !== RIGHT_PAREN && !is(source.charCodeAt(at), SPACE));
        if (source.charCodeAt(at) === RIGHT_PAREN) at++;
        else kind = T.badParameter;
        return this.token(kind, at);
      } else {
        return this.token(kind, at);
      }
    }
  }

  private scanNumber(from: number): number {
    const {source} = this;
    let kind: number = T.integer;
    let at: number;
    if (
      source.charCodeAt(from) === ZERO &&
      isHexMark(source.charCodeAt(from + 1)) &&
      is(source.charCodeAt(from + 2), HEX)
    ) {
      at = this.digits(from + 2, HEX);
    } else {
      at = this.digits(from, DIGIT);
      if (source.charCodeAt(at) === DOT) {
        kind = T.real;
        at = this.digits(at + 1, DIGIT);
      }
      if ((source.charCodeAt(at) | 32) === LETTER_E) {
        const sign = source.charCodeAt(at + 1);
        const first = sign === PLUS || sign === MINUS ? at + 2 : at + 1;
        if (is(source.charCodeAt(first), DIGIT)) {
          kind = T.real;
          at = this.digits(first, DIGIT);
        }
      }
    }
    if (isWord(source.charCodeAt(at))) {
      kind = T.badNumber;
      while (isWord(source.charCodeAt(at))) at++;
    }
    return this.token(kind, at);
  }

  /** Returns the end of the digits; a separator stands between two of them. */
  private digits(from: number, mask: number): number {
    const {source} = this;
    for (let at = from; ; at++) {
      const code = source.charCodeAt(at);
      if (is(code, mask)) continue;
      if (code !== UNDERSCORE || at === from || !is(source.charCodeAt(at + 1), mask)) return at;
      at++;
    }
  }
}

function isHexMark(code: number): boolean {
  return (code | 32) === LETTER_X;
}
