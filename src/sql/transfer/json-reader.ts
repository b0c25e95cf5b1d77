/**
 * Finds the objects of a JSON file, one after the other: a line each, or the elements of one array. Only one of them is in
 * memory. Layer: sql.
 */
import {decodeText} from '../../bytes.js';
import {invalidImport} from './fault.js';
import {type ByteSource, Window} from './window.js';

const LINE_FEED = 0x0a;
const QUOTE = 0x22;
const COMMA = 0x2c;
const OPEN_LIST = 0x5b;
const BACKSLASH = 0x5c;
const CLOSE_LIST = 0x5d;
const OPEN = 0x7b;
const CLOSE = 0x7d;

const OBJECT_HINT =
  'If each line is an object, give --format ndjson; else take the rows out: jq .NAME FILE | dbos import - --format json --table NAME';

function isSpace(byte: number | undefined): boolean {
  return byte === 0x20 || byte === LINE_FEED || byte === 0x0d || byte === 0x09;
}

abstract class TextReader {
  protected readonly window: Window;
  /** What `next` found, and the line on which it begins. */
  text = '';
  line = 1;

  constructor(input: ByteSource) {
    this.window = new Window(input);
  }

  /** Reads the next value; returns whether there was one. */
  abstract next(): boolean;

  get offset(): number {
    return this.window.offset;
  }

  protected take(end: number): void {
    const {window} = this;
    this.line = window.line;
    this.text = decodeText(window.bytes.subarray(window.at, end));
  }
}

/** The lines of a file that are not empty. */
export class LineReader extends TextReader {
  next(): boolean {
    const {window} = this;
    for (;;) {
      const end = this.lineEnd();
      if (end === window.at && window.at === window.end) return false;
      this.take(end);
      const ended = end < window.end;
      window.advance(ended ? end + 1 : end, ended ? 1 : 0);
      if (this.text.trim() !== '') return true;
    }
  }

  private lineEnd(): number {
    const {window} = this;
    let seen = 0;
    for (;;) {
      const found = window.bytes.indexOf(LINE_FEED, window.at + seen);
      if (found >= 0 && found < window.end) return found;
      seen = window.end - window.at;
      if (window.whole) return window.end;
      window.fill();
    }
  }
}

/** The elements of an array that is the whole file. */
export class ElementReader extends TextReader {
  private place: 'before' | 'first' | 'later' | 'after' = 'before';
  private lines = 0;

  next(): boolean {
    if (this.place === 'before') this.expect(OPEN_LIST, '`[`');
    if (this.place === 'after') return false;
    const byte = this.peek();
    if (byte === CLOSE_LIST) {
      this.skip();
      this.place = 'after';
      if (this.peek() !== undefined) throw this.broken('something follows the array.');
      return false;
    }
    if (this.place === 'later') {
      if (byte !== COMMA) throw this.broken('`,` or `]` is missing.');
      this.skip();
      this.peek();
    }
    const {window} = this;
    const end = this.elementEnd();
    this.take(end);
    window.advance(end, this.lines);
    this.place = 'later';
    return true;
  }

  private expect(byte: number, what: string): void {
    const found = this.peek();
    if (found === OPEN) throw invalidImport('this is an object, not an array.', OBJECT_HINT, this.window.line);
    if (found !== byte) throw this.broken(`${what} is missing.`);
    this.skip();
    this.place = 'first';
  }

  private broken(message: string): Error {
    return invalidImport(message, 'The file must be one array of objects, or an object a line.', this.window.line);
  }

  private skip(): void {
    this.window.advance(this.window.at + 1, 0);
  }

  /** Returns the next byte that is no white space; undefined at the end. */
  private peek(): number | undefined {
    const {window} = this;
    for (;;) {
      while (window.at < window.end) {
        const byte = window.bytes[window.at] as number;
        if (!isSpace(byte)) return byte;
        window.advance(window.at + 1, byte === LINE_FEED ? 1 : 0);
      }
      if (window.whole) return undefined;
      window.fill();
    }
  }

  /** Returns where the element that begins here ends, and counts its lines. What it is, is not looked at. */
  private elementEnd(): number {
    const {window} = this;
    let at = 0;
    let depth = 0;
    this.lines = 0;
    let quoted = false;
    for (;;) {
      for (; window.at + at < window.end; at++) {
        const byte = window.bytes[window.at + at] as number;
        if (byte === LINE_FEED) this.lines++;
        if (quoted) {
          if (byte === BACKSLASH) at++;
          else if (byte === QUOTE) quoted = false;
        } else if (byte === QUOTE) quoted = true;
        else if (byte === OPEN || byte === OPEN_LIST) depth++;
        else if (depth === 0 && (byte === COMMA || byte === CLOSE_LIST)) return window.at + at;
        else if (byte === CLOSE || byte === CLOSE_LIST) depth--;
      }
      if (window.whole) throw this.broken('the array does not end.');
      window.fill();
    }
  }
}
