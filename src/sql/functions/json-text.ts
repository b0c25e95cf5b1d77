/**
 * JSON text and SQL values, each from the other: what a node is as a value, and how values and documents are written.
 * Documents are written without white space and with numbers and strings as they were, JSON5 as standard JSON.
 * A lone surrogate that is escaped becomes the three bytes that SQLite makes of it. Layer: sql.
 */
import {DbosError} from '../../errors.js';
import {MAX_INTEGER, MIN_INTEGER, Real, realCell} from '../../tree/cell.js';
import {realText} from '../values/number.js';
import type {Value} from '../values/value.js';
import {
  ARRAY,
  BARE,
  ESCAPED,
  FALSE,
  INTEGER,
  type JsonDocument,
  LOOSE,
  LOOSE_INTEGER,
  LOOSE_REAL,
  NULL,
  OBJECT,
  PLAIN,
  REAL,
  TRUE,
} from './json-document.js';

/** A text that is known to be JSON, written without white space: a result of one JSON function given to another. */
export class JsonText {
  constructor(readonly text: string) {}
}

/** An argument of the functions that tell JSON from text. */
export type JsonValue = Value | JsonText;

const SHORT_ESCAPES: ReadonlyMap<number, string> = new Map([
  [8, '\\b'],
  [9, '\\t'],
  [10, '\\n'],
  [12, '\\f'],
  [13, '\\r'],
  [34, '\\"'],
  [92, '\\\\'],
]);

function escaped(unit: number): string {
  return SHORT_ESCAPES.get(unit) ?? `\\u${unit.toString(16).padStart(4, '0')}`;
}

const TO_ESCAPE = /["\\\0-\x1f]/;

/** Returns a text as a string of JSON. */
export function quoteJson(text: string): string {
  if (!TO_ESCAPE.test(text)) return `"${text}"`;
  return `"${text.replace(/["\\\0-\x1f]/g, character => escaped(character.charCodeAt(0)))}"`;
}

/** Returns the JSON of a value. Throws for a blob. */
export function jsonOf(value: JsonValue): string {
  if (typeof value === 'string') return quoteJson(value);
  if (typeof value === 'number') return Number.isSafeInteger(value) ? String(value) : realJson(value);
  if (value === null) return 'null';
  if (typeof value === 'bigint') return String(value);
  if (value instanceof JsonText) return value.text;
  if (value instanceof Real) return realJson(value.value);
  throw new DbosError('SQL_VALUE', 'JSON cannot hold BLOB values.', {
    hint: 'Make a text of the value first, with hex() or CAST(… AS TEXT).',
  });
}

/** Returns a REAL as JSON, which has no infinity: a number that is too great for a double reads back as it. */
function realJson(x: number): string {
  if (Number.isFinite(x)) return realText(x);
  return x > 0 ? '9.0e+999' : '-9.0e+999';
}

/** Returns the text that a string or key of JSON stands for. */
export function stringOf(document: JsonDocument, node: number): string {
  const {text} = document;
  const start = document.start(node);
  const end = document.end(node);
  const kind = document.kind(node);
  if (kind === PLAIN) return text.slice(start + 1, end - 1);
  return kind === BARE ? unescaped(text.slice(start, end)) : unescaped(text.slice(start + 1, end - 1));
}

const ESCAPE =
  /\\(?:u[dD][89abAB]([0-9a-fA-F]{2})\\u[dD]([c-fC-F][0-9a-fA-F]{2})|u([0-9a-fA-F]{4})|x([0-9a-fA-F]{2})|\r\n|([\s\S]))/g;

function unescaped(body: string): string {
  if (!body.includes('\\')) return body;
  return body.replace(ESCAPE, (whole, _low, _high, unicode?: string, hex?: string, letter?: string) => {
    if (unicode !== undefined) return textOfUnit(Number.parseInt(unicode, 16));
    if (hex !== undefined) return String.fromCharCode(Number.parseInt(hex, 16));
    if (letter !== undefined) return textOfLetter(letter);
    if (whole.length !== 12) return '';
    return String.fromCharCode(Number.parseInt(whole.slice(2, 6), 16), Number.parseInt(whole.slice(8), 16));
  });
}

/** Returns the text of a UTF-16 unit that stands alone. */
function textOfUnit(unit: number): string {
  if (unit < 0xd800 || unit > 0xdfff) return String.fromCharCode(unit);
  // The bytes of such a "character" are no valid UTF-8, hence a lone surrogate for each byte.
  return String.fromCharCode(0xdced, 0xdc80 | ((unit >> 6) & 0x3f), 0xdc80 | (unit & 0x3f));
}

function textOfLetter(letter: string): string {
  switch (letter) {
    case 'b':
      return '\b';
    case 'f':
      return '\f';
    case 'n':
      return '\n';
    case 'r':
      return '\r';
    case 't':
      return '\t';
    case 'v':
      return '\v';
    case '0':
      return '\0';
    case '\n':
    case '\r':
    case '\u2028':
    case '\u2029':
      return '';
    default:
      return letter;
  }
}

/** Returns a string as only JSON5 writes it as standard JSON does. */
function standardString(source: string): string {
  const body = source.slice(1, -1).replace(/\\(?:x([0-9a-fA-F]{2})|\r\n|[\s\S])|["\0-\x1f]/g, (part, hex?: string) => {
    if (hex !== undefined) return `\\u00${hex}`;
    if (part.length === 1) return escaped(part.charCodeAt(0));
    switch (part.charAt(1)) {
      case "'":
        return "'";
      case 'v':
        return '\\u000b';
      case '0':
        return '\\u0000';
      case '\n':
      case '\r':
      case '\u2028':
      case '\u2029':
        return '';
      default:
        return part;
    }
  });
  return `"${body}"`;
}

/** Returns a number as only JSON5 writes it as standard JSON does. */
function standardNumber(source: string): string {
  const sign = source.startsWith('-') ? '-' : '';
  const size = source.replace(/^[+-]/, '');
  if (/^0x/i.test(size)) return `${sign}${BigInt(size)}`;
  if (/^i/i.test(size)) return `${sign}9e999`;
  return sign + size.replace(/^\./, '0.').replace(/\.(?!\d)/, '.0');
}

/** Returns a scalar or key as standard JSON. */
export function scalarJson(document: JsonDocument, node: number): string {
  switch (document.kind(node)) {
    case NULL:
      return 'null';
    case LOOSE_INTEGER:
    case LOOSE_REAL:
      return standardNumber(document.source(node));
    case LOOSE:
      return standardString(document.source(node));
    case BARE:
      return `"${document.source(node)}"`;
    default:
      return document.source(node);
  }
}

/** Returns a node with all within it as standard JSON without white space. */
export function nodeJson(document: JsonDocument, node: number): string {
  if (document.compact) return document.source(node);
  const kind = document.kind(node);
  if (kind !== ARRAY && kind !== OBJECT) return scalarJson(document, node);
  const end = document.next(node);
  let text = kind === ARRAY ? '[' : '{';
  for (let child = node + 1; child < end; child = document.next(child)) {
    if (child > node + 1) text += ',';
    if (kind === OBJECT) {
      text += `${scalarJson(document, child)}:`;
      child++;
    }
    text += nodeJson(document, child);
  }
  return text + (kind === ARRAY ? ']' : '}');
}

/** Returns a node as JSON on many lines, each level further in. */
export function prettyJson(document: JsonDocument, node: number, indent: string, margin = '\n'): string {
  const kind = document.kind(node);
  if (kind !== ARRAY && kind !== OBJECT) return scalarJson(document, node);
  const end = document.next(node);
  if (end === node + 1) return kind === ARRAY ? '[]' : '{}';
  const inner = margin + indent;
  let text = kind === ARRAY ? '[' : '{';
  for (let child = node + 1; child < end; child = document.next(child)) {
    text += child > node + 1 ? `,${inner}` : inner;
    if (kind === OBJECT) {
      text += `${scalarJson(document, child)}: `;
      child++;
    }
    text += prettyJson(document, child, indent, inner);
  }
  return text + margin + (kind === ARRAY ? ']' : '}');
}

/** Returns the value that a node is in SQL: for an array or object its JSON. */
export function nodeValue(document: JsonDocument, node: number): Value {
  switch (document.kind(node)) {
    case NULL:
      return null;
    case TRUE:
      return 1;
    case FALSE:
      return 0;
    case INTEGER:
    case LOOSE_INTEGER:
      return integerValue(scalarJson(document, node));
    case REAL:
    case LOOSE_REAL:
      return realCell(Number(scalarJson(document, node)));
    case PLAIN:
    case ESCAPED:
    case LOOSE:
    case BARE:
      return stringOf(document, node);
    default:
      return nodeJson(document, node);
  }
}

/** Returns an INTEGER, or a REAL beyond 64 bits. */
function integerValue(digits: string): Value {
  const value = Number(digits);
  // Adding 0 makes 0 of −0, which is no INTEGER.
  if (Number.isSafeInteger(value)) return value + 0;
  const exact = BigInt(digits);
  return exact >= MIN_INTEGER && exact <= MAX_INTEGER ? exact : value;
}

/** Returns the type of a node, as json_type() names it. */
export function nodeType(document: JsonDocument, node: number): string {
  switch (document.kind(node)) {
    case NULL:
      return 'null';
    case TRUE:
      return 'true';
    case FALSE:
      return 'false';
    case INTEGER:
    case LOOSE_INTEGER:
      return 'integer';
    case REAL:
    case LOOSE_REAL:
      return 'real';
    case ARRAY:
      return 'array';
    case OBJECT:
      return 'object';
    default:
      return 'text';
  }
}
