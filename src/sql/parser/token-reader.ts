/**
 * The parser's hold on its tokens: the current one, the taking of it, names, and the error where none fits. A text is
 * parsed without notes first; where it goes wrong, it is parsed again with notes of what was possible. Layer: sql.
 */
import type {ErrorCode} from '../../errors.js';
import type {Name, QualifiedName, Span} from '../ast.js';
import {sqlError} from '../fault.js';
import {type Expectation, illegalToken, isPlainWord} from './expectation.js';
import {Lexer} from './lexer.js';
import {unquote} from './literals.js';
import {FLAGS, INDEXED_WORD, JOIN_WORD, K, NAME, STRING, T} from './token.js';

/** Thrown by a parser that keeps no notes, where the text goes wrong. */
export const GOES_WRONG = new Error('parse the text again, with notes');

/** Expressions, queries and joins may be nested this deep: twice as deep as SQLite's parser takes, and far from the end of a stack. */
const MAX_DEPTH = 200;

export class TokenReader {
  /** The current token. */
  protected kind: number = T.end;
  protected from = 0;
  protected to = 0;
  /** The token before it. */
  protected previousKind: number = T.end;
  protected previousFrom = 0;
  protected previousTo = 0;
  private depth = 0;
  private readonly lexer: Lexer;

  constructor(
    protected readonly source: string,
    at: number,
    private readonly notes: Expectation | undefined,
  ) {
    this.lexer = new Lexer(source, at);
    this.to = at;
    this.advance();
    this.previousKind = T.end;
    this.previousTo = at;
  }

  // ------------------------------------------------------------------------------------------------ moving on

  protected advance(): void {
    this.previousKind = this.kind;
    this.previousFrom = this.from;
    this.previousTo = this.to;
    const {lexer} = this;
    lexer.scan();
    this.kind = lexer.kind;
    this.from = lexer.from;
    this.to = lexer.to;
    if (this.kind === K.OVER || this.kind === K.FILTER || this.kind === K.WINDOW) this.resolveWindowWord();
    else if (this.kind >= T.unknown && this.kind <= T.badParameter)
      throw illegalToken(this.source, this.kind, this.span());
  }

  /** OVER, FILTER and WINDOW are keywords only in the company that SQLite asks for, else names. */
  private resolveWindowWord(): void {
    const [next, second] = this.peek2();
    let keyword: boolean;
    if (this.kind === K.WINDOW) keyword = isName(next) && second === K.AS;
    else if (this.previousKind !== T.rightParen) keyword = false;
    else keyword = next === T.leftParen || (this.kind === K.OVER && isName(next));
    if (!keyword) this.kind = T.identifier;
  }

  /** Returns the kind of the token after the current one. */
  protected peek(): number {
    const {lexer} = this;
    lexer.scan();
    const {kind} = lexer;
    this.backtrack();
    return kind;
  }

  /** Returns the kinds of the two tokens after the current one. */
  protected peek2(): [number, number] {
    const {lexer} = this;
    lexer.scan();
    const {kind} = lexer;
    if (kind !== T.end) lexer.scan();
    const second = lexer.kind;
    this.backtrack();
    return [kind, second];
  }

  private backtrack(): void {
    this.lexer.from = this.from;
    this.lexer.to = this.to;
  }

  protected span(): Span {
    return {from: this.from, to: this.to};
  }

  /** Returns whether the current token is of this kind. */
  protected at(kind: number): boolean {
    if (this.kind === kind) return true;
    this.notes?.noteKind(this.from, kind);
    return false;
  }

  /** Takes a token of this kind, if it is the current one. */
  protected accept(kind: number): boolean {
    if (this.kind === kind) {
      this.advance();
      return true;
    }
    this.notes?.noteKind(this.from, kind);
    return false;
  }

  protected expect(kind: number): void {
    if (!this.accept(kind)) this.fail();
  }

  protected list<Item>(item: () => Item): Item[] {
    const items = [item()];
    while (this.accept(T.comma)) items.push(item());
    return items;
  }

  protected inParens<Item>(item: () => Item): Item {
    this.expect(T.leftParen);
    const result = item();
    this.expect(T.rightParen);
    return result;
  }

  // ------------------------------------------------------------------------------------------------ names

  /** Whether the current token can be a name behind nothing: an alias, or a word of a type. */
  protected atPlainName(): boolean {
    if (((FLAGS[this.kind] as number) & (NAME | STRING)) !== 0) return true;
    this.notes?.noteWords(this.from, 'a name');
    return false;
  }

  /** Whether the current token can be a name where a name must stand. */
  protected atName(): boolean {
    if (((FLAGS[this.kind] as number) & (NAME | STRING | JOIN_WORD | INDEXED_WORD)) !== 0) return true;
    this.notes?.noteWords(this.from, 'a name');
    return false;
  }

  protected name(): Name {
    if (!this.atName()) this.fail();
    return this.takeName();
  }

  /** Takes the current token as a name, whatever it is. */
  protected takeName(): Name {
    const {source, kind, from, to} = this;
    const text = kind === T.quoted || kind === T.string ? unquote(source, from, to) : source.slice(from, to);
    const quoted = kind === T.quoted && source.charCodeAt(from) === 34;
    this.advance();
    return {text, quoted, from, to};
  }

  protected qualifiedName(): QualifiedName {
    const first = this.name();
    if (!this.accept(T.dot)) return {schema: undefined, name: first, from: first.from, to: first.to};
    const name = this.name();
    return {schema: first, name, from: first.from, to: name.to};
  }

  // ------------------------------------------------------------------------------------------------ going wrong

  /** Notes what could stand here, for the sentence about what does; a misspelt word may mean one of the keywords. */
  protected expecting(words: string, keywords?: readonly number[]): void {
    this.notes?.noteWords(this.from, words, keywords);
  }

  protected expectingOperators(): void {
    this.notes?.noteOperators(this.from);
  }

  /** Throws the error for the current token, which nothing expects. */
  protected fail(): never {
    if (this.notes === undefined) throw GOES_WRONG;
    const token = this.kind === T.end ? {from: this.previousTo, to: this.previousTo} : this.span();
    const previous = isPlainWord(this.previousKind) ? {from: this.previousFrom, to: this.previousTo} : undefined;
    throw this.notes.unexpected(this.source, this.from, token, previous, this.isReserved());
  }

  /** Whether the current token is a keyword that is a name only in quotes. */
  private isReserved(): boolean {
    return this.kind >= K.ABORT && FLAGS[this.kind] === 0;
  }

  /** Throws an error of its own words. */
  protected refuse(code: ErrorCode, message: string, span: Span, hint: string): never {
    throw sqlError(code, message, span, {hint});
  }

  /** Counts a level of nesting; `leave` ends it. */
  protected enter(): void {
    if (++this.depth <= MAX_DEPTH) return;
    this.refuse(
      'SQL_LIMIT',
      `The statement is nested more than ${MAX_DEPTH} levels deep.`,
      this.span(),
      'Take it apart, with WITH for example.',
    );
  }

  protected leave(): void {
    this.depth--;
  }
}

/** Whether SQLite's lexer would take the kind for a name, looking ahead. */
function isName(kind: number): boolean {
  return ((FLAGS[kind] as number) & (NAME | STRING | JOIN_WORD)) !== 0 || kind === K.WINDOW || kind === K.OVER;
}
