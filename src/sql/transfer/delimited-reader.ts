/**
 * CSV and TSV, record by record, as places in a piece of memory: no string is made of a field that nobody wants. CSV is RFC
 * 4180 with any line ends; TSV has escapes (`\t`, `\n`, `\r`, `\\`, `\N` for NULL) and no quotes. Layer: sql.
 */
import {decodeText} from '../../bytes.js';
import {invalidImport} from './fault.js';
import {type ByteSource, Window} from './window.js';

const TAB = 0x09;
const LINE_FEED = 0x0a;
const RETURN = 0x0d;
const QUOTE = 0x22;
const COMMA = 0x2c;
const BACKSLASH = 0x5c;

/** How a field is written. */
const PLAIN = 0;
const QUOTED = 1;
/** With quotes in it that are written twice. */
const DOUBLED = 2;
const ESCAPED = 3;
/** Not written at all: the record ends before it. */
const MISSING = 4;

const ESCAPES: Readonly<Record<string, string>> = {'\\t': '\t', '\\n': '\n', '\\r': '\r', '\\\\': '\\'};

export type Delimiter = 'csv' | 'tsv';

export class DelimitedReader {
  private readonly window: Window;
  private readonly quotes: boolean;
  private readonly separator: number;
  /** For each byte whether it is more than a part of a field without quotes. */
  private readonly special = new Uint8Array(256);
  /** Where the fields of the record begin and end, without their quotes. */
  readonly starts: number[] = [];
  readonly ends: number[] = [];
  private readonly forms: number[] = [];
  /** How many fields the record has. */
  count = 0;
  /** The line on which the record begins. */
  line = 1;
  private next = 0;
  private lines = 0;

  /** `separator` is the byte between fields: that of the form unless given. */
  constructor(input: ByteSource, delimiter: Delimiter, separator: number = delimiter === 'csv' ? COMMA : TAB) {
    this.window = new Window(input);
    this.quotes = delimiter === 'csv';
    this.separator = separator;
    for (const byte of [this.separator, LINE_FEED, RETURN]) this.special[byte] = 1;
    if (!this.quotes) this.special[BACKSLASH] = 1;
  }

  /** The memory that the record stands in. */
  get bytes(): Buffer {
    return this.window.bytes;
  }

  /** How many bytes of the file have been read, up to the record's end. */
  get offset(): number {
    return this.window.offset;
  }

  /** Reads the next record, and returns whether there was one. Throws IMPORT_INVALID for a quote that is out of place. */
  read(): boolean {
    const {window} = this;
    for (;;) {
      if (window.at === window.end && window.whole) return false;
      if (this.scan()) break;
      window.fill();
    }
    this.line = window.line;
    window.advance(this.next, this.lines);
    return true;
  }

  /** Gives the record so many fields; those that it lacks are NULL. */
  fill(width: number): void {
    for (; this.count < width; this.count++) {
      this.starts[this.count] = 0;
      this.ends[this.count] = 0;
      this.forms[this.count] = MISSING;
    }
  }

  /** Whether the record is an empty line. */
  get isEmptyLine(): boolean {
    return this.count === 1 && this.starts[0] === this.ends[0] && this.forms[0] === PLAIN;
  }

  /** Whether a field is NULL: nothing in CSV, \N in TSV, or one that is missing. */
  isNull(field: number): boolean {
    if (this.forms[field] === MISSING) return true;
    const start = this.starts[field] as number;
    const size = (this.ends[field] as number) - start;
    if (this.quotes) return size === 0 && this.forms[field] === PLAIN;
    return size === 2 && this.bytes[start] === BACKSLASH && this.bytes[start + 1] === 0x4e;
  }

  /** Whether a field stands in quotes. */
  isQuoted(field: number): boolean {
    return this.forms[field] === QUOTED || this.forms[field] === DOUBLED;
  }

  /** Whether the bytes of a field are its value. */
  isVerbatim(field: number): boolean {
    return (this.forms[field] as number) <= QUOTED;
  }

  /** Returns a field as text. */
  text(field: number): string {
    const start = this.starts[field] as number;
    const end = this.ends[field] as number;
    const text = decoded(this.bytes, start, end);
    const form = this.forms[field] as number;
    if (form <= QUOTED) return text;
    if (form === DOUBLED) return text.replaceAll('""', '"');
    return text.replace(/\\[tnr\\]/g, written => ESCAPES[written] as string);
  }

  /** Finds the fields of the record that begins at the window's place; returns false where more must be read first. */
  private scan(): boolean {
    const {window, separator, special, quotes, starts, ends, forms} = this;
    const {bytes, end, whole} = window;
    let {at} = window;
    let count = 0;
    let lines = 0;
    for (;;) {
      let form = PLAIN;
      let start = at;
      let stop: number;
      if (quotes && at < end && bytes[at] === QUOTE) {
        form = QUOTED;
        const opened = lines;
        start = ++at;
        for (;;) {
          if (at >= end) {
            if (!whole) return false;
            throw invalidImport(
              'a quote is not closed.',
              'Write a quote inside of quotes twice.',
              window.line + opened,
            );
          }
          const byte = bytes[at] as number;
          if (byte === QUOTE) {
            if (at + 1 >= end && !whole) return false;
            if (at + 1 >= end || bytes[at + 1] !== QUOTE) break;
            form = DOUBLED;
            at += 2;
            continue;
          }
          if (byte === LINE_FEED) lines++;
          at++;
        }
        stop = at++;
        const after = bytes[at];
        if (at < end && after !== separator && after !== LINE_FEED && after !== RETURN) {
          throw invalidImport(
            'text follows a closing quote.',
            'Write a quote inside of quotes twice.',
            window.line + lines,
          );
        }
      } else {
        for (; at < end; at++) {
          const byte = bytes[at] as number;
          if (special[byte] === 0) continue;
          if (byte === BACKSLASH) form = ESCAPED;
          else if (byte !== RETURN || at + 1 >= end || bytes[at + 1] === LINE_FEED) break;
        }
        stop = at;
      }
      if (at >= end && !whole) return false;
      starts[count] = start;
      ends[count] = stop;
      forms[count] = form;
      count++;
      if (at < end && bytes[at] === separator) {
        at++;
        continue;
      }
      if (at < end && bytes[at] === RETURN) {
        at++;
        if (at >= end && !whole) return false;
      }
      if (at < end && bytes[at] === LINE_FEED) {
        at++;
        lines++;
      }
      this.next = at;
      this.count = count;
      this.lines = lines;
      return true;
    }
  }
}

/** `Buffer.toString` without what it does before: it takes twice as long for short texts. */
function asciiSlice(bytes: Buffer, start: number, end: number): string {
  return (bytes as Buffer & {latin1Slice(start: number, end: number): string}).latin1Slice(start, end);
}

/** Short texts are tried as ASCII first, which is quicker than to call the decoder. */
const SHORT = 24;

function decoded(bytes: Buffer, start: number, end: number): string {
  if (end - start <= SHORT) {
    let high = 0;
    for (let i = start; i < end; i++) high |= bytes[i] as number;
    if (high < 0x80) return asciiSlice(bytes, start, end);
  }
  return decodeText(bytes.subarray(start, end));
}
