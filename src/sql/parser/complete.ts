/**
 * Where statements end, without parsing them: for shells, and to say in which statement of a script an error stands.
 * A `;` ends a statement unless it stands within CREATE TRIGGER, which ends with `; END;`. Layer: sql.
 */
import {Lexer} from './lexer.js';
import {K, T} from './token.js';

/** What has been read of the statement. */
type Reading = 'nothing' | 'explain' | 'create' | 'other' | 'trigger' | 'trigger;' | 'trigger; end';

class Boundaries {
  private reading: Reading = 'nothing';
  /** How many statements that say something have begun. */
  begun = 0;

  get between(): boolean {
    return this.reading === 'nothing';
  }

  take(kind: number): void {
    if (this.reading === 'nothing' && kind !== T.semicolon) this.begun++;
    this.reading = this.after(kind);
  }

  private after(kind: number): Reading {
    switch (this.reading) {
      case 'trigger':
        return kind === T.semicolon ? 'trigger;' : 'trigger';
      case 'trigger;':
        if (kind === T.semicolon) return 'trigger;';
        return kind === K.END ? 'trigger; end' : 'trigger';
      case 'trigger; end':
        return kind === T.semicolon ? 'nothing' : 'trigger';
      default:
        if (kind === T.semicolon) return 'nothing';
    }
    switch (this.reading) {
      case 'nothing':
        if (kind === K.EXPLAIN) return 'explain';
        return kind === K.CREATE ? 'create' : 'other';
      case 'explain':
        if (kind === K.CREATE) return 'create';
        return kind === K.QUERY || kind === K.PLAN || kind === K.ANALYZE ? 'explain' : 'other';
      case 'create':
        if (kind === K.TEMP || kind === K.TEMPORARY) return 'create';
        return kind === K.TRIGGER ? 'trigger' : 'other';
      default:
        return 'other';
    }
  }
}

/** Returns whether the text ends behind a complete statement: a `;` outside strings, comments and bodies of triggers. */
export function isComplete(sql: string): boolean {
  const lexer = new Lexer(sql, 0);
  const boundaries = new Boundaries();
  let ended = false;
  for (lexer.scan(); lexer.kind !== T.end; lexer.scan()) {
    if (lexer.kind === T.openString || lexer.kind === T.openQuoted || lexer.kind === T.openComment) return false;
    boundaries.take(lexer.kind);
    ended = lexer.kind === T.semicolon;
  }
  return ended && boundaries.between;
}

/** Returns where the statement ends that begins at an offset or behind it: behind its `;`, or undefined if it has none. */
export function endOfStatement(sql: string, offset: number): number | undefined {
  const lexer = new Lexer(sql, offset);
  const boundaries = new Boundaries();
  for (lexer.scan(); lexer.kind !== T.end; lexer.scan()) {
    boundaries.take(lexer.kind);
    if (boundaries.begun > 0 && boundaries.between) return lexer.to;
  }
  return undefined;
}

/**
 * Returns the number, from 1, of the statement at an offset, and whether the script has several. Of a text that is not the `whole` script
 * the last token counts only if something follows: it may go on as another one, `-` as a comment.
 */
export function statementAt(sql: string, offset: number, whole = true): {statement: number; several: boolean} {
  const lexer = new Lexer(sql, 0);
  const boundaries = new Boundaries();
  let statement = 1;
  for (lexer.scan(); lexer.kind !== T.end; lexer.scan()) {
    if (!whole && lexer.to === sql.length) break;
    boundaries.take(lexer.kind);
    if (lexer.from <= offset) statement = Math.max(boundaries.begun, 1);
    else if (boundaries.begun > 1) break;
  }
  return {statement, several: boundaries.begun > 1};
}
