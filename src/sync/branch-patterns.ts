/**
 * Patterns of branch names, which say what a token gives access to. `*` and `?` stand for characters of one part of a name,
 * `[a-z]` and `[^a-z]` for one of a set, and `**` as the last part for any parts: `team/*` is `team/a`, `team/**` also
 * `team/a/b`. Matching takes time that grows with the pattern times the name. Layer: sync.
 */
import {encodeText} from '../bytes.js';
import {DbosError, isDbosError} from '../errors.js';
import {type BranchName, branchName} from '../repo/refs.js';
import {globMatcher, type Matcher} from '../sql/functions/pattern.js';

const MAX_PATTERNS = 100;
const MAX_BYTES = 255;
const WILDCARD = /\*|\?|\[\^?\]?[^\]]*\]/g;
/** As the last part it stands for one or more. */
const REST = '**';

/** One pattern, part by part. */
interface Parts {
  readonly matchers: readonly Matcher[];
  readonly open: boolean;
}

export class BranchPatterns {
  private readonly patterns: readonly Parts[];

  /** Throws REF_NAME_INVALID for a pattern that no branch could match, or too many. */
  constructor(readonly texts: readonly string[]) {
    if (texts.length === 0 || texts.length > MAX_PATTERNS) {
      throw new DbosError('REF_NAME_INVALID', `There must be 1 to ${MAX_PATTERNS} patterns of branches.`, {
        hint: 'Give branches a common beginning, and name that: `team/**`.',
      });
    }
    this.patterns = texts.map(partsOf);
  }

  /** Returns whether a branch matches one of them. */
  match(branch: BranchName): boolean {
    const parts = branch.split('/');
    return this.patterns.some(
      ({matchers, open}) =>
        (open ? parts.length > matchers.length : parts.length === matchers.length) &&
        matchers.every((matches, i) => matches(parts[i] as string)),
    );
  }
}

function partsOf(pattern: string): Parts {
  const parts = pattern.split('/');
  const open = parts.at(-1) === REST;
  if (open) parts.pop();
  if (parts.some(part => part.includes(REST))) throw invalid(pattern, "'**' is the last part of a name or none");
  if (encodeText(pattern).length > MAX_BYTES) throw invalid(pattern, `it is longer than ${MAX_BYTES} bytes`);
  try {
    if (parts.length > 0) branchName(parts.map(part => part.replace(WILDCARD, 'x')).join('/'));
  } catch (error) {
    if (!isDbosError(error)) throw error;
    throw invalid(pattern, 'no branch can have such a name', error);
  }
  return {matchers: parts.map(globMatcher), open};
}

function invalid(pattern: string, why: string, cause?: unknown): DbosError {
  return new DbosError('REF_NAME_INVALID', `${JSON.stringify(pattern)} is no pattern of branches: ${why}.`, {
    hint: 'Write for example main, release-?, team/* or team/**.',
    data: {pattern},
    cause,
  });
}
