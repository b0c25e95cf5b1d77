/**
 * `.dbosignore` at any level of a work tree, with the rules of gitignore: a file's patterns are relative to its directory,
 * a deeper file overrides, the last pattern that matches decides. The parser is loaded when the first such file is met.
 * Layer: worktree.
 */
import {hash} from 'node:crypto';
import type {Ignore} from 'ignore';
import {decodeText} from '../bytes.js';

export const IGNORE_FILE = '.dbosignore';

let parser: ((options: {ignorecase: boolean; allowRelativePaths: boolean}) => Ignore) | undefined;

/** Loads the parser of patterns. Must have been awaited before the first `IgnoreRules` is made. */
export async function loadIgnoreParser(): Promise<void> {
  parser = (await import('ignore')).default as unknown as typeof parser;
}

/** Returns whether the parser of patterns is loaded. */
export function hasIgnoreParser(): boolean {
  return parser !== undefined;
}

/** The rules in force in a directory: those of its own file, then those of the directories above. */
export class IgnoreRules {
  /** A number that stands for all patterns in force, from 1 to 2³² − 1. */
  readonly version: number;
  private readonly patterns: Ignore;
  /** The length of the prefix that paths lose before they are matched. */
  private readonly cut: number;

  constructor(
    directory: string,
    content: Uint8Array,
    private readonly outer: IgnoreRules | undefined,
  ) {
    if (parser === undefined) throw new TypeError('the parser of ignore patterns is not loaded');
    this.patterns = parser({ignorecase: false, allowRelativePaths: true}).add(decodeText(content));
    this.cut = directory === '' ? 0 : directory.length + 1;
    const digest = hash('sha256', Buffer.concat([Buffer.from(`${outer?.version ?? 0} `), content]), 'buffer');
    this.version = digest.readUInt32LE(0) || 1;
  }

  /** Returns whether an entry below this directory is ignored. */
  ignores(path: string, directory: boolean): boolean {
    const inside = path.slice(this.cut);
    const {ignored, unignored} = this.patterns.test(directory ? `${inside}/` : inside);
    if (ignored) return true;
    return unignored ? false : (this.outer?.ignores(path, directory) ?? false);
  }
}
