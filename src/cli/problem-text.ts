/** Problems that fsck finds, as lines for people. Layer: cli. */
import {digestText, parseId} from '../objects/id.js';
import type {Problem} from '../repo/fsck.js';
import {plainText, quotePath} from '../state/quote.js';
import type {Style} from './style.js';

/** Returns the short form of an id in text. */
function short(id: string): string {
  const parsed = parseId(id);
  return parsed === undefined ? id : digestText(parsed.id).slice(0, 12);
}

function rangeText([after, upTo]: readonly [string | null, string | null]): string {
  if (after === null && upTo === null) return 'all';
  if (after === null) return `up to ${quotePath(upTo as string)}`;
  return upTo === null ? `after ${quotePath(after)}` : `after ${quotePath(after)}, up to ${quotePath(upTo)}`;
}

/** Returns a problem with what it affects: refs, commits and paths. */
export function problemLines(problem: Problem, style: Style): string[] {
  const {message, refs = [], commits = [], commitCount = commits.length, paths = [], pathRange} = problem;
  const lines = [`${style.red('damaged:')} ${plainText(message)}`];
  if (refs.length > 0) lines.push(`  affects refs: ${refs.map(plainText).join(', ')}`);
  if (commits.length > 0) {
    const more = commitCount > commits.length ? ` and ${commitCount - commits.length} more` : '';
    lines.push(`  affects commits: ${commits.map(short).join(', ')}${more}`);
  }
  for (const path of paths) lines.push(`  affects path: ${quotePath(path)}`);
  if (pathRange !== undefined) lines.push(`  affects paths: ${rangeText(pathRange)}`);
  return lines;
}
