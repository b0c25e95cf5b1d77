/**
 * Names and messages from a store, made safe to show in listings, patches and messages. Guarantee: what is returned has no
 * control character, no direction override and no byte that is not UTF-8, so a name stays within its line and cannot steer
 * a terminal. Layer: state.
 */
import {encodeText} from '../bytes.js';

// C0, DEL, C1, the overrides of the bidirectional algorithm, line separators, and bytes that are not UTF-8 (see bytes.ts).
const UNSAFE = /[\u0000-\u001f\u007f-\u009f\u200e\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff]/;
const UNSAFE_POINT = new RegExp(UNSAFE.source, 'u');

const ESCAPES: Readonly<Record<string, string>> = {
  '\u0007': '\\a',
  '\b': '\\b',
  '\t': '\\t',
  '\n': '\\n',
  '\v': '\\v',
  '\f': '\\f',
  '\r': '\\r',
  '"': '\\"',
  '\\': '\\\\',
};

function octal(text: string): string {
  let escaped = '';
  for (const byte of encodeText(text)) escaped += `\\${byte.toString(8).padStart(3, '0')}`;
  return escaped;
}

/**
 * Returns a path for a line of output: as it is, or in double quotes with C escapes if it holds a quote, a backslash or
 * anything unsafe (as git does, with `core.quotePath=false`: other Unicode stays readable).
 */
export function quotePath(path: string): string {
  if (!UNSAFE.test(path) && !path.includes('"') && !path.includes('\\')) return path;
  let quoted = '';
  for (const point of path) quoted += ESCAPES[point] ?? (UNSAFE_POINT.test(point) ? octal(point) : point);
  return `"${quoted}"`;
}

/** Returns text of a message or a name with all that is unsafe, line breaks and tabs apart, written as escapes. */
export function plainText(text: string): string {
  if (!UNSAFE.test(text)) return text;
  let plain = '';
  for (const point of text) {
    const keep = point === '\n' || point === '\t' || !UNSAFE_POINT.test(point);
    plain += keep ? point : (ESCAPES[point] ?? octal(point));
  }
  return plain;
}
