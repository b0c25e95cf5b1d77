/**
 * Names that a word stands for: `*`, `?` and `[…]` as in sh, name by name of a path, against the entries of a state. A name
 * that begins with a dot is matched only by a pattern that does. Layer: shell.
 */
import {globMatcher, type Matcher} from '../sql/functions/pattern.js';
import type {Part, Word} from './words.js';

/** Returns the words of a path: the parts between unquoted or quoted slashes; a leading slash is an empty first one. */
function segmentsOf({parts}: Word): Part[][] {
  const segments: Part[][] = [[]];
  for (const {text, quoted} of parts) {
    for (const [i, piece] of text.split('/').entries()) {
      if (i > 0) segments.push([]);
      if (piece !== '') segments.at(-1)?.push({text: piece, quoted});
    }
  }
  return segments;
}

/** Returns what tells the names that match, or undefined if the segment is a plain name. */
function matcherOf(parts: readonly Part[]): Matcher | undefined {
  if (!parts.some(({text, quoted}) => !quoted && /[*?[]/.test(text))) return undefined;
  const glob = parts.map(({text, quoted}) => (quoted ? literal(text) : globOf(text))).join('');
  const matches = globMatcher(glob);
  const hidden = parts[0]?.text.startsWith('.') === true;
  return name => (hidden || !name.startsWith('.')) && matches(name);
}

function literal(text: string): string {
  return text.replace(/[*?[]/g, '[$&]');
}

/** Returns unquoted text as SQL's GLOB has it, where a set is negated by `^` only and a bracket that is not closed matches nothing. */
function globOf(text: string): string {
  return text.replace(/\[([!^]?)(\]?[^\]]*)(\]?)/g, (whole, negation: string, set: string, end: string) =>
    end === '' ? literal(whole) : `[${negation && '^'}${set}]`,
  );
}

/** Returns what tells the texts that a pattern matches which is no path: in it `*` and `?` also stand for slashes and dots. */
export function shellPattern(pattern: string): Matcher {
  return globMatcher(globOf(pattern));
}

/** What patterns are matched against. Paths have no leading slash; the root is `''`. */
export interface Names {
  /** Returns the names of the entries of a directory, in order; none if it is no directory. */
  list(directory: string): Iterable<string>;
  exists(path: string): boolean;
}

/**
 * Returns the paths that match a pattern, as they would be typed (relative if the word is), in order; none if nothing
 * matches. `resolve` returns the path in the state for what is typed so far.
 */
export function expandPattern(word: Word, names: Names, resolve: (typed: string) => string): string[] {
  let found: string[] = [''];
  const segments = segmentsOf(word);
  for (const [i, segment] of segments.entries()) {
    const last = i === segments.length - 1;
    const matches = matcherOf(segment);
    const plain = segment.map(({text}) => text).join('');
    const next: string[] = [];
    for (const typed of found) {
      if (matches) {
        for (const name of names.list(resolve(typed))) if (matches(name)) next.push(typed + name);
      } else next.push(typed + plain);
    }
    found = last ? next : next.map(typed => `${typed}/`);
  }
  return found.filter(typed => names.exists(resolve(typed)));
}
