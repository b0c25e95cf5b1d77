/**
 * What the grammar would have taken where a text goes wrong, gathered while the text is parsed for the second time (the
 * first time costs nothing), and the sentence made of it. Layer: sql.
 */
import type {DbosError} from '../../errors.js';
import {didYouMean, nearestNames} from '../../repo/nearest.js';
import type {Span} from '../ast.js';
import {sqlError} from '../fault.js';
import {K, keywordOf, T} from './token.js';

/** Signs as sentences name them. */
const SIGNS: Readonly<Record<number, string>> = {
  [T.end]: 'the end',
  [T.comma]: '","',
  [T.leftParen]: '"("',
  [T.rightParen]: '")"',
  [T.dot]: '"."',
  [T.semicolon]: '";"',
  [T.star]: '"*"',
  [T.equal]: '"="',
};

/** Operators that are words: found as misspelt words, but not listed, since they may stand behind any expression. */
const OPERATORS = [
  'AND',
  'BETWEEN',
  'COLLATE',
  'GLOB',
  'IN',
  'IS',
  'ISNULL',
  'LIKE',
  'MATCH',
  'NOT',
  'NOTNULL',
  'OR',
  'REGEXP',
];

/** A longer list helps nobody. */
const MAX_LISTED = 6;
const MAX_SHOWN = 40;

interface Place {
  readonly at: number;
  readonly listed: Set<string>;
  readonly keywords: Set<string>;
}

export class Expectation {
  /** What was possible at the last two tokens: all that an error needs. */
  private last: Place | undefined;
  private before: Place | undefined;

  /** Notes that a token of this kind was possible at an offset. */
  noteKind(at: number, kind: number): void {
    const keyword = keywordOf(kind);
    const place = this.place(at);
    if (keyword !== undefined) place.keywords.add(keyword);
    place.listed.add(keyword ?? SIGNS[kind] ?? 'another token');
  }

  /** Notes that this was possible at an offset, such as 'an expression'; it may begin with one of the keywords. */
  noteWords(at: number, words: string, keywords: readonly number[] = []): void {
    const place = this.place(at);
    place.listed.add(words);
    for (const kind of keywords) place.keywords.add(keywordOf(kind) as string);
  }

  noteOperators(at: number): void {
    const {keywords} = this.place(at);
    for (const keyword of OPERATORS) keywords.add(keyword);
  }

  /**
   * Returns the error for the token at an offset, which nothing expects; `token` is the part to show. `previous` is the
   * word before it: it may have been taken as a name though it was meant as a keyword.
   */
  unexpected(source: string, at: number, token: Span, previous: Span | undefined, reserved: boolean): DbosError {
    const text = source.slice(token.from, token.to);
    const own = this.misspelt(text, at, 2);
    if (own.length > 0) return fault(token, text, own, didYouMean(own));
    if (previous !== undefined) {
      const word = source.slice(previous.from, previous.to);
      const meant = this.misspelt(word, previous.from, 3);
      if (meant.length > 0) return fault(previous, word, meant, didYouMean(meant));
    }
    const listed = [...(this.find(at)?.listed ?? [])];
    const quote = reserved && (listed.includes('a name') || listed.includes('an expression'));
    const hint = quote
      ? `${text} is a keyword; a name of that spelling stands in double quotes.`
      : text === '.' && listed.includes('a statement')
        ? 'Commands with a dot are those of `dbos shell`; here `SELECT name FROM tables` lists the tables.'
        : /^[a-z]/i.test(text) && listed.includes('a statement')
          ? '`SELECT name FROM tables` lists the tables, `PRAGMA table_info(NAME)` the columns of one; docs/sql.md has the language.'
          : undefined;
    return fault(token, text, listed.length > MAX_LISTED ? [] : listed, hint);
  }

  private find(at: number): Place | undefined {
    return [this.last, this.before].find(place => place?.at === at);
  }

  private place(at: number): Place {
    if (this.last?.at === at) return this.last;
    this.before = this.last;
    this.last = {at, listed: new Set(), keywords: new Set()};
    return this.last;
  }

  /** Returns the keywords that were possible at the offset and that the word may have meant. */
  private misspelt(word: string, at: number, least: number): string[] {
    const keywords = this.find(at)?.keywords;
    if (keywords === undefined || word.length < least || !/^[A-Za-z_]+$/.test(word)) return [];
    return nearestNames(word, keywords).filter(keyword => keyword.length >= least && keyword !== word.toUpperCase());
  }
}

function fault(token: Span, text: string, expected: readonly string[], hint: string | undefined): DbosError {
  const found = text === '' ? 'incomplete input' : `near "${shorten(text)}": syntax error`;
  const message = expected.length === 0 ? `${found}.` : `${found}, expected ${alternatives(expected)}.`;
  return sqlError('SQL_SYNTAX', message, token, {
    hint,
    data: expected.length === 0 ? {} : {expected},
  });
}

function alternatives(words: readonly string[]): string {
  const last = words[words.length - 1] as string;
  return words.length === 1 ? last : `${words.slice(0, -1).join(', ')} or ${last}`;
}

/** Returns the token as a sentence shows it. */
function shorten(text: string): string {
  const line = text.replace(/\s+/g, ' ');
  return line.length <= MAX_SHOWN ? line : `${line.slice(0, MAX_SHOWN).replace(/[\ud800-\udbff]$/, '')}…`;
}

/** Returns the error for a token that is none. */
export function illegalToken(source: string, kind: number, token: Span): DbosError {
  const text = source.slice(token.from, token.to);
  const start = {from: token.from, to: Math.min(token.from + 1, token.to)};
  switch (kind) {
    case T.openString:
      return sqlError('SQL_SYNTAX', `unrecognized token: the string ${shorten(text)} has no end.`, start, {
        hint: "Close it with ' and write a quote within it twice.",
      });
    case T.openQuoted: {
      const quote = text[0] === '[' ? ']' : text[0];
      return sqlError('SQL_SYNTAX', `unrecognized token: the name ${shorten(text)} has no end.`, start, {
        hint: `Close it with ${quote}.`,
      });
    }
    case T.openComment:
      return sqlError(
        'SQL_SYNTAX',
        'The comment that begins here has no end.',
        {from: token.from, to: token.from + 2},
        {
          hint: 'Close it with */.',
        },
      );
    case T.badNumber:
      return sqlError('SQL_SYNTAX', `unrecognized token: "${shorten(text)}" is no number.`, token, {
        hint: 'A name that begins with a digit must stand in double quotes.',
      });
    case T.badBlob:
      return sqlError('SQL_SYNTAX', `unrecognized token: "${shorten(text)}" is no blob.`, token, {
        hint: "A blob is an even number of hexadecimal digits: x'01ff'.",
      });
    case T.badParameter:
      return sqlError('SQL_SYNTAX', `unrecognized token: "${shorten(text)}" is no parameter.`, token, {
        hint: 'Parameters are ?, ?1, :name, @name and $name.',
      });
    default: {
      const code = source.codePointAt(token.from) as number;
      const shown = code < 32 || code === 127 ? `U+${code.toString(16).toUpperCase().padStart(4, '0')}` : text;
      return sqlError('SQL_SYNTAX', `unrecognized token: "${shown}".`, token);
    }
  }
}

/** Whether a token of this kind may be a misspelt keyword. */
export function isPlainWord(kind: number): boolean {
  return kind === T.identifier || kind >= K.ABORT;
}
