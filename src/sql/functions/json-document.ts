/**
 * JSON text read into a flat list of nodes that point into the text: no object graph, so every number, string and key
 * stays as it was written. The whole text is checked; JSON5 is taken, as by SQLite since 3.42, and is told from
 * standard JSON. A node of an object's key stands right before that of its value. Layer: sql.
 */
import {DbosError} from '../../errors.js';

export const NULL = 0;
export const TRUE = 1;
export const FALSE = 2;
export const INTEGER = 3;
/** An integer as only JSON5 writes it: hexadecimal, or with a plus sign. */
export const LOOSE_INTEGER = 4;
export const REAL = 5;
/** A number as only JSON5 writes it: Infinity, a plus sign, no digits on one side of the point. */
export const LOOSE_REAL = 6;
/** A string without escapes. */
export const PLAIN = 7;
/** A string with escapes of standard JSON. */
export const ESCAPED = 8;
/** A string as only JSON5 writes it: in single quotes, with other escapes, or with control characters. */
export const LOOSE = 9;
/** A key without quotes. */
export const BARE = 10;
export const ARRAY = 11;
export const OBJECT = 12;

/** Deeper nesting is malformed, as in SQLite. */
const MAX_DEPTH = 1000;

const STRIDE = 4;

/** Parsed JSON. Nodes have numbers from 0, the root, in the order of the text. */
export class JsonDocument {
  constructor(
    readonly text: string,
    /** For each node its kind, the start and end of its text, and the number of the node after it and all within it. */
    private readonly nodes: readonly number[] | Int32Array,
    /** Whether there is no white space between tokens and nothing but standard JSON: the text is as it would be written. */
    readonly compact: boolean,
    /** Whether the text is standard JSON. */
    readonly standard: boolean,
  ) {}

  kind(node: number): number {
    return this.nodes[node * STRIDE] as number;
  }

  start(node: number): number {
    return this.nodes[node * STRIDE + 1] as number;
  }

  end(node: number): number {
    return this.nodes[node * STRIDE + 2] as number;
  }

  /** Returns the node after this one and all within it. */
  next(node: number): number {
    return this.nodes[node * STRIDE + 3] as number;
  }

  /** Returns the text of the node as it was written. */
  source(node: number): string {
    return this.text.slice(this.start(node), this.end(node));
  }
}

const WORD = /(?:infinity|inf|[qs]?nan)(?![a-z0-9])/iy;
/** Letters of keys without quotes: ASCII's, and all beyond ASCII that is no white space. */
const LETTER =
  'A-Za-z_$\\x80-\\x9f\\xa1-\\u167f\\u1681-\\u1fff\\u200b-\\u2027\\u202a-\\u202e\\u2030-\\u205e\\u2060-\\u2fff\\u3001-\\ufefe\\uff00-\\uffff';
const NAME = new RegExp(`(?:[${LETTER}]|\\\\u[0-9a-fA-F]{4})(?:[0-9${LETTER}]|\\\\u[0-9a-fA-F]{4})*`, 'y');
/** Keys that SQLite takes for values, and so refuses. */
const NOT_A_NAME = /^(?:true|false|null|infinity|inf|[qs]?nan)$/i;
const JSON5_SPACE = /[\t-\r \xa0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000\ufeff]/;
const HEX = /[0-9a-fA-F]+/y;
const HEX_2 = /[0-9a-fA-F]{2}/y;
const HEX_4 = /[0-9a-fA-F]{4}/y;

function matchesAt(pattern: RegExp, text: string, at: number): boolean {
  pattern.lastIndex = at;
  return pattern.test(text);
}

function isDigit(unit: number): boolean {
  return unit >= 48 && unit <= 57;
}

/** Where nodes are collected; each scan begins it anew. */
let scratch: number[] = new Array<number>(1024).fill(0);

/** Nodes of more numbers than this are kept as an Int32Array, which takes half the memory but longer to make. */
const MANY = 1 << 16;

class Scanner {
  at = 0;
  private count = 0;
  private compact = true;
  private standard = true;

  constructor(private readonly text: string) {}

  /** Returns the document, or undefined with `at` at the fault. */
  scan(): JsonDocument | undefined {
    const open: number[] = [];
    let inObject = false;
    for (;;) {
      // A value is to come, in an object after its key.
      let unit = this.space();
      if (unit === 123 || unit === 91) {
        if (open.length === MAX_DEPTH) return undefined;
        open.push(this.count);
        inObject = unit === 123;
        this.add(inObject ? OBJECT : ARRAY, this.at, 0);
        this.at++;
        unit = this.space();
        if (unit !== (inObject ? 125 : 93)) {
          if (inObject && !this.key(unit)) return undefined;
          continue;
        }
      } else if (!this.scalar(unit)) return undefined;
      // A value has ended, or a container is about to.
      for (;;) {
        const container = open[open.length - 1];
        unit = this.space();
        if (container === undefined) {
          // Text ends at a NUL for SQLite.
          if (this.at < this.text.length && unit !== 0) return undefined;
          return this.document();
        }
        const close = inObject ? 125 : 93;
        if (unit === 44) {
          this.at++;
          unit = this.space();
          if (unit !== close) {
            if (inObject && !this.key(unit)) return undefined;
            break;
          }
          this.loose();
        }
        if (unit !== close) return undefined;
        this.at++;
        scratch[container * STRIDE + 2] = this.at;
        scratch[container * STRIDE + 3] = this.count;
        open.pop();
        const outer = open[open.length - 1];
        inObject = outer !== undefined && scratch[outer * STRIDE] === OBJECT;
      }
    }
  }

  private document(): JsonDocument {
    const length = this.count * STRIDE;
    let nodes: number[] | Int32Array;
    if (length <= MANY) nodes = scratch.slice(0, length);
    else {
      nodes = new Int32Array(length);
      for (let i = 0; i < length; i++) nodes[i] = scratch[i] as number;
      scratch = scratch.slice(0, 1024);
    }
    return new JsonDocument(this.text, nodes, this.compact, this.standard);
  }

  private loose(): void {
    this.compact = false;
    this.standard = false;
  }

  private add(kind: number, start: number, end: number): void {
    const at = this.count * STRIDE;
    if (at + STRIDE > scratch.length) {
      scratch = scratch.concat(new Array<number>(scratch.length).fill(0));
    }
    scratch[at] = kind;
    scratch[at + 1] = start;
    scratch[at + 2] = end;
    scratch[at + 3] = ++this.count;
  }

  /** Skips white space and comments; returns the UTF-16 unit after it, NaN at the end. */
  private space(): number {
    const {text} = this;
    for (;;) {
      const unit = text.charCodeAt(this.at);
      if (unit === 32 || unit === 10 || unit === 13 || unit === 9) {
        this.compact = false;
        this.at++;
      } else if (unit === 47) {
        const end = this.comment();
        if (end < 0) return unit;
        this.loose();
        this.at = end;
      } else if ((unit > 125 || unit === 11 || unit === 12) && JSON5_SPACE.test(text.charAt(this.at))) {
        this.loose();
        this.at++;
      } else return unit;
    }
  }

  /** Returns the end of the comment at hand, or -1. */
  private comment(): number {
    const {text, at} = this;
    if (text.startsWith('/*', at)) {
      const end = text.indexOf('*/', at + 2);
      return end < 0 ? -1 : end + 2;
    }
    if (!text.startsWith('//', at)) return -1;
    for (let i = at + 2; i < text.length; i++) {
      const unit = text.charCodeAt(i);
      if (unit === 10 || unit === 13 || unit === 0x2028 || unit === 0x2029) return i;
    }
    return text.length;
  }

  /** Takes the key of a member and the colon after it. */
  private key(unit: number): boolean {
    if (unit === 34 || unit === 39) {
      if (!this.string(unit)) return false;
    } else {
      NAME.lastIndex = this.at;
      const name = NAME.exec(this.text)?.[0];
      if (name === undefined || NOT_A_NAME.test(name)) return false;
      this.loose();
      this.add(BARE, this.at, this.at + name.length);
      this.at += name.length;
    }
    if (this.space() !== 58) return false;
    this.at++;
    return true;
  }

  private scalar(unit: number): boolean {
    if (unit === 34 || unit === 39) return this.string(unit);
    if (isDigit(unit) || unit === 45 || unit === 43 || unit === 46) return this.number(unit);
    const {text, at} = this;
    if (text.startsWith('true', at)) return this.word(TRUE, 4);
    if (text.startsWith('false', at)) return this.word(FALSE, 5);
    if (text.startsWith('null', at)) return this.word(NULL, 4);
    WORD.lastIndex = at;
    const word = WORD.exec(text)?.[0];
    if (word === undefined) return false;
    this.loose();
    return this.word(/nan/i.test(word) ? NULL : LOOSE_REAL, word.length);
  }

  private word(kind: number, length: number): boolean {
    this.add(kind, this.at, this.at + length);
    this.at += length;
    return true;
  }

  private number(first: number): boolean {
    const {text} = this;
    const start = this.at;
    let i = start;
    let kind = INTEGER;
    let loose = first === 43;
    if (first === 45 || first === 43) i++;
    const unit = text.charCodeAt(i);
    if (unit === 48 && (text.charCodeAt(i + 1) | 32) === 120) {
      if (!matchesAt(HEX, text, i + 2)) return false;
      i = HEX.lastIndex;
      loose = true;
    } else if (isDigit(unit) || unit === 46) {
      const whole = i;
      while (isDigit(text.charCodeAt(i))) i++;
      // No zeros before other digits.
      if (unit === 48 && i > whole + 1) return false;
      if (text.charCodeAt(i) === 46) {
        kind = REAL;
        const digits = i + 1;
        for (i = digits; isDigit(text.charCodeAt(i)); ) i++;
        if (i === digits && unit === 46) return false;
        if (i === digits || unit === 46) loose = true;
      }
      if ((text.charCodeAt(i) | 32) === 101) {
        kind = REAL;
        i++;
        const sign = text.charCodeAt(i);
        if (sign === 43 || sign === 45) i++;
        if (!isDigit(text.charCodeAt(i))) return false;
        while (isDigit(text.charCodeAt(i))) i++;
      }
    } else {
      if (i === start) return false;
      WORD.lastIndex = i;
      const word = WORD.exec(text)?.[0];
      if (word === undefined || /nan/i.test(word)) return false;
      kind = REAL;
      loose = true;
      i += word.length;
    }
    if (loose) this.loose();
    this.add(loose ? kind + 1 : kind, start, i);
    this.at = i;
    return true;
  }

  private string(quote: number): boolean {
    const {text} = this;
    const start = this.at;
    let kind = quote === 34 ? PLAIN : LOOSE;
    let i = start + 1;
    for (;;) {
      const unit = text.charCodeAt(i);
      if (unit === quote) break;
      if (unit === 92) {
        const length = escapeLength(text, i);
        if (length === 0) {
          this.at = i + 1;
          return false;
        }
        if (kind === PLAIN) kind = ESCAPED;
        if (length < 0) kind = LOOSE;
        i += Math.abs(length);
      } else if (unit >= 32) i++;
      else if (unit > 0) {
        kind = LOOSE;
        i++;
      } else {
        this.at = i;
        return false;
      }
    }
    if (kind === LOOSE) this.loose();
    this.add(kind, start, i + 1);
    this.at = i + 1;
    return true;
  }
}

/** Returns the length of an escape, negative if only JSON5 has it, 0 if there is no such escape. */
function escapeLength(text: string, at: number): number {
  switch (text.charCodeAt(at + 1)) {
    case 34: // "
    case 47: // /
    case 92: // \
    case 98: // b
    case 102: // f
    case 110: // n
    case 114: // r
    case 116: // t
      return 2;
    case 117: // u
      return matchesAt(HEX_4, text, at + 2) ? 6 : 0;
    case 39: // '
    case 118: // v
    case 10:
    case 0x2028:
    case 0x2029:
      return -2;
    case 13:
      return text.charCodeAt(at + 2) === 10 ? -3 : -2;
    case 48: // 0
      return isDigit(text.charCodeAt(at + 2)) ? 0 : -2;
    case 120: // x
      return matchesAt(HEX_2, text, at + 2) ? -4 : 0;
    default:
      return 0;
  }
}

/** Returns the document, or where the first fault of the text is, in UTF-16 units. */
export function scanJson(text: string): JsonDocument | number {
  const scanner = new Scanner(text);
  return scanner.scan() ?? scanner.at;
}

/** Documents that were read last: the calls for one row, and often for the next, have the same text. */
const recent: JsonDocument[] = [];
const RECENT = 4;
/** Longer texts are not kept. */
const RECENT_LENGTH = 4 << 20;

/** Returns the document of a text, or undefined if it is malformed. */
export function findJson(text: string): JsonDocument | undefined {
  for (const document of recent) if (document.text === text) return document;
  const document = scanJson(text);
  if (typeof document === 'number') return undefined;
  if (text.length <= RECENT_LENGTH) {
    if (recent.length === RECENT) recent.pop();
    recent.unshift(document);
  }
  return document;
}

/** Returns the document of a text. Throws if it is malformed. */
export function readJson(text: string): JsonDocument {
  const document = findJson(text);
  if (document === undefined) {
    throw new DbosError('SQL_VALUE', 'malformed JSON.', {
      hint: 'json_error_position() tells where the fault is; json_valid() tells which texts are JSON.',
    });
  }
  return document;
}
