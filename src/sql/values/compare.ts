/**
 * The order of values: NULL, numbers by their exact value, texts by a collation, blobs by their bytes. Also keys for hash
 * tables under which equal values, and no others, meet. No affinity is applied here. Layer: sql.
 */
import {encodeText, toBinary} from '../../bytes.js';
import {Real} from '../../tree/cell.js';
import type {CollationName, Value} from './value.js';

/** Returns less than, equal to or greater than 0 as `a` sorts before, with or after `b`. */
export type Comparator = (a: Value, b: Value) => number;

/** Compares with texts by their bytes. */
export function compareBinary(a: Value, b: Value): number {
  if (typeof a === 'number' && typeof b === 'number') return a < b ? -1 : a > b ? 1 : 0;
  if (typeof a === 'string' && typeof b === 'string') return compareTexts(a, b);
  return compareOthers(a, b);
}

/** Compares with texts by their bytes, where A to Z are a to z. */
export function compareNocase(a: Value, b: Value): number {
  if (typeof a === 'string' && typeof b === 'string') return compareFolded(a, b);
  return compareOthers(a, b);
}

/** Compares with texts by their bytes, but without the spaces at their ends. */
export function compareRtrim(a: Value, b: Value): number {
  if (typeof a === 'string' && typeof b === 'string') return compareTexts(withoutSpaces(a), withoutSpaces(b));
  return compareOthers(a, b);
}

/** Returns the comparator of a collation. */
export function comparator(collation: CollationName): Comparator {
  return collation === 'binary' ? compareBinary : collation === 'nocase' ? compareNocase : compareRtrim;
}

/** Returns whether two values are equal, texts byte by byte; NULL equals NULL. */
export function equalValues(a: Value, b: Value): boolean {
  if (a === b) return true;
  if (typeof a === typeof b && typeof a !== 'object') return false;
  return a !== null && b !== null && compareOthers(a, b) === 0;
}

function rank(v: Value): number {
  if (typeof v === 'string') return 2;
  if (v === null) return 0;
  return v instanceof Uint8Array ? 3 : 1;
}

/** Compares values that are not both texts. */
function compareOthers(a: Value, b: Value): number {
  const rankA = rank(a);
  const rankB = rank(b);
  if (rankA !== rankB) return rankA - rankB;
  if (rankA === 1) {
    // JavaScript compares a number with a bigint exactly.
    const x = a instanceof Real ? a.value : (a as number | bigint);
    const y = b instanceof Real ? b.value : (b as number | bigint);
    return x < y ? -1 : x > y ? 1 : 0;
  }
  return rankA === 3 ? Buffer.compare(a as Uint8Array, b as Uint8Array) : 0;
}

// A loop over UTF-16 units takes as long as `<` on texts that differ early, and unlike `<` it knows where they differ:
// only there a surrogate can make the order of units another one than that of bytes.
function compareTexts(a: string, b: string): number {
  if (a === b) return 0;
  const length = Math.min(a.length, b.length);
  for (let i = 0; i < length; i++) {
    const x = a.charCodeAt(i);
    const y = b.charCodeAt(i);
    if (x !== y) return x < 0xd800 && y < 0xd800 ? x - y : compareAt(a, b, i);
  }
  return a.length - b.length;
}

function compareFolded(a: string, b: string): number {
  const length = Math.min(a.length, b.length);
  for (let i = 0; i < length; i++) {
    let x = a.charCodeAt(i);
    let y = b.charCodeAt(i);
    if (x === y) continue;
    if (x >= 65 && x <= 90) x += 32;
    if (y >= 65 && y <= 90) y += 32;
    if (x !== y) return x < 0xd800 && y < 0xd800 ? x - y : compareAt(a, b, i);
  }
  return a.length - b.length;
}

/** Compares by bytes two texts whose first differing unit is at `i`. */
function compareAt(a: string, b: string, i: number): number {
  const before = i > 0 ? a.charCodeAt(i - 1) : 0;
  const from = before >= 0xd800 && before <= 0xdbff ? i - 1 : i;
  return Buffer.compare(bytesAt(a, from), bytesAt(b, from));
}

/** Returns the first bytes of the text from a unit on: more than a character has, which is enough to tell two apart. */
function bytesAt(text: string, from: number): Buffer {
  const last = text.charCodeAt(from + 7);
  return encodeText(text.slice(from, last >= 0xd800 && last <= 0xdbff ? from + 9 : from + 8));
}

function withoutSpaces(text: string): string {
  let end = text.length;
  while (end > 0 && text.charCodeAt(end - 1) === 32) end--;
  return end === text.length ? text : text.slice(0, end);
}

const NOT_ASCII = /[^\x00-\x7f]/;

/** Returns the text with A to Z as a to z, and nothing else changed. */
export function foldCase(text: string): string {
  return NOT_ASCII.test(text) ? text.replace(/[A-Z]+/g, letters => letters.toLowerCase()) : text.toLowerCase();
}

/**
 * Returns a key for Map and Set, the same for equal values and for no others: numbers as numbers where a double holds
 * them, texts as themselves (folded as the collation wants), blobs as strings that are no texts.
 */
export function hashKey(v: Value, collation: CollationName): null | number | bigint | string {
  if (typeof v === 'number' || v === null) return v;
  if (typeof v === 'string')
    return collation === 'binary' ? v : collation === 'nocase' ? foldCase(v) : withoutSpaces(v);
  if (typeof v === 'bigint') {
    const near = Number(v);
    return BigInt(near) === v ? near : v;
  }
  if (v instanceof Real) return v.value + 0;
  // A text never has a high surrogate before such a unit.
  return `\ud800${toBinary(v)}`;
}

/** Returns a key for several values, the same for lists of equal values and for no others of that length. */
export function hashKeys(values: readonly Value[], collations: readonly CollationName[]): string {
  let key = '';
  for (let i = 0; i < values.length; i++) {
    const part = hashKey(values[i] as Value, collations[i] ?? 'binary');
    // Each part says where it ends: a number by its comma (an exact one by its `n`), a text by its length.
    if (typeof part === 'number') key += `${part},`;
    else if (typeof part === 'string') key += `"${part.length}:${part}`;
    else key += part === null ? '~' : `${part}n`;
  }
  return key;
}
