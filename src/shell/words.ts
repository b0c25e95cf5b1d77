/**
 * The text of a shell line, cut into commands and words: quotes, backslashes, `;`, `&&`, `>`, `>>` and comments, with the
 * meaning that sh gives them. Every piece knows its place in the text. Layer: shell.
 */
import {DbosError} from '../errors.js';

/** A piece of a word: quoted text means itself, in the other `*`, `?`, `[` and a leading `~` mean more. */
export interface Part {
  readonly text: string;
  readonly quoted: boolean;
}

export interface Word {
  readonly parts: readonly Part[];
  readonly from: number;
  readonly to: number;
}

/** Where the output of a command goes. */
export interface Redirection {
  readonly target: Word;
  readonly append: boolean;
}

export interface ShellCommand {
  readonly words: readonly Word[];
  readonly redirection: Redirection | undefined;
  /** Whether it runs only if the one before it did its work: it stands after `&&`. */
  readonly dependent: boolean;
  /** As it was typed. */
  readonly text: string;
}

/** A text as it was read: `open` tells what must still be closed before it can run. */
export type Reading =
  | {readonly commands: readonly ShellCommand[]; readonly open?: undefined}
  | {readonly commands?: undefined; readonly open: "'" | '"' | '\\' | '&&'};

/** Returns the text of a word without its quotes. */
export function textOf({parts}: Word): string {
  return parts.map(part => part.text).join('');
}

/** Returns whether a word stands for the names that match it. */
export function isPattern({parts}: Word): boolean {
  return parts.some(({text, quoted}) => !quoted && /[*?[]/.test(text));
}

/** Returns the commands of a text, none for an empty one. Throws SHELL_SYNTAX for what can never become commands. */
export function readCommands(text: string): Reading {
  return new Reader(text).read();
}

class Reader {
  private at = 0;

  constructor(private readonly text: string) {}

  read(): Reading {
    const commands: ShellCommand[] = [];
    let dependent = false;
    for (;;) {
      // after && the command may stand on the next line
      this.skip(dependent ? /[ \t\r\n]/ : undefined);
      const from = this.at;
      const read = this.command();
      if ('open' in read) return read;
      const {words, redirection} = read;
      const empty = words.length === 0 && redirection === undefined;
      const separator = this.separator();
      if (empty && separator === '' && dependent) return {open: '&&'};
      if (empty && (dependent || separator === '&&')) throw this.unexpected(separator);
      if (words.length === 0 && redirection !== undefined) throw this.unexpected('>');
      if (!empty) {
        const end = this.at - separator.length;
        commands.push({words, redirection, dependent, text: this.text.slice(from, end).trim()});
      }
      if (separator === '') return {commands};
      dependent = separator === '&&';
    }
  }

  /** Passes blanks, and a comment up to the end of its line. */
  private skip(blank = /[ \t\r]/): void {
    const {text} = this;
    while (blank.test(text[this.at] ?? '')) this.at++;
    if (text[this.at] !== '#') return;
    while (this.at < text.length && text[this.at] !== '\n') this.at++;
    this.skip(blank);
  }

  private separator(): '' | ';' | '&&' {
    const {text} = this;
    const first = text[this.at];
    if (first === undefined) return '';
    if (first === ';' || first === '\n') {
      this.at++;
      return ';';
    }
    if (text.startsWith('&&', this.at)) {
      this.at += 2;
      return '&&';
    }
    throw this.unexpected(first);
  }

  private command(): Pick<ShellCommand, 'words' | 'redirection'> | (Reading & {readonly open: string}) {
    const words: Word[] = [];
    let redirection: Redirection | undefined;
    for (;;) {
      this.skip();
      const {text} = this;
      const next = text[this.at];
      if (next === undefined || /[;\n&|<]/.test(next)) return {words, redirection};
      if (next !== '>') {
        const word = this.word();
        if ('open' in word) return word;
        words.push(word);
        continue;
      }
      if (redirection) throw this.unexpected('>');
      const append = text.startsWith('>>', this.at);
      this.at += append ? 2 : 1;
      this.skip();
      if (/^[;\n&|<>]?$/.test(text[this.at] ?? '')) throw this.unexpected(text[this.at] ?? '');
      const target = this.word();
      if ('open' in target) return target;
      redirection = {target, append};
    }
  }

  private word(): Word | (Reading & {readonly open: string}) {
    const {text} = this;
    const from = this.at;
    const parts: Part[] = [];
    const add = (piece: string, quoted: boolean): void => {
      const last = parts.at(-1);
      if (last?.quoted === quoted) parts[parts.length - 1] = {text: last.text + piece, quoted};
      else parts.push({text: piece, quoted});
    };
    for (;;) {
      const next = text[this.at];
      if (next === undefined || /[ \t\r\n;&|<>]/.test(next)) return {parts, from, to: this.at};
      this.at++;
      if (next === '\\') {
        const escaped = text[this.at];
        if (escaped === undefined) return {open: '\\'};
        this.at++;
        // a line that goes on
        if (escaped !== '\n') add(escaped, true);
      } else if (next === "'") {
        const end = text.indexOf("'", this.at);
        if (end < 0) return {open: "'"};
        add(text.slice(this.at, end), true);
        this.at = end + 1;
      } else if (next === '"') {
        const inside = this.doubleQuoted();
        if (inside === undefined) return {open: '"'};
        add(inside, true);
      } else add(next, false);
    }
  }

  /** Returns what stands up to the closing quote, which is passed; undefined if there is none. */
  private doubleQuoted(): string | undefined {
    const {text} = this;
    let inside = '';
    for (; this.at < text.length; this.at++) {
      const next = text[this.at] as string;
      if (next === '"') {
        this.at++;
        return inside;
      }
      const escaped = text[this.at + 1];
      if (next !== '\\' || escaped === undefined || !/["\\$`\n]/.test(escaped)) inside += next;
      else {
        this.at++;
        if (escaped !== '\n') inside += escaped;
      }
    }
    return undefined;
  }

  private unexpected(found: string): DbosError {
    const what = found === '' || found === '\n' ? 'the end of the line' : `'${found}'`;
    const known = found === '|' || found === '<' || found === '&';
    return new DbosError('SHELL_SYNTAX', `There is no command where ${what} stands.`, {
      hint: known
        ? 'Quote it if it is part of a word; there are no pipes, input redirections or background commands here.'
        : 'Commands are separated by ; or &&, and > or >> is followed by one path.',
      data: {at: this.at},
    });
  }
}
