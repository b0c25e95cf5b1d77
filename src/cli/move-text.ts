/** What a command did to the work tree: as JSON, and as the messages and warnings that go with it. Layer: cli. */
import {formatId, type ObjectId, shortId} from '../objects/id.js';
import {readCommit} from '../repo/commit.js';
import type {Repository} from '../repo/repository.js';
import type {Head} from '../repo/view.js';
import {quotePath} from '../state/quote.js';
import type {WorkTreeMove} from '../worktree/move.js';
import type {SkippedEntry, UnreadablePath} from '../worktree/scan.js';
import {subjectOf} from './commit-text.js';
import {formatCount} from './progress.js';

const LISTED = 10;

/** Returns a count with its noun: `1 path`, `2,000 paths`. */
export function counted(count: number, one: string, many = `${one}s`): string {
  return `${formatCount(count)} ${count === 1 ? one : many}`;
}

/** Returns the move as scripts get it. */
export function moveJson(move: WorkTreeMove | undefined): Readonly<Record<string, unknown>> {
  const {written = 0, removed = 0, kept = [], notSet = {owners: 0, xattrs: 0, times: 0}, saved} = move ?? {};
  return {
    written,
    removed,
    kept,
    notSet,
    saved: saved ? {commit: formatId(saved.commit), operation: formatId(saved.operation.id), paths: saved.paths} : null,
  };
}

/** Returns where an automatic commit is and how to get it back; `undo` tells whether `dbos undo` does it. */
export function savedNote({saved}: WorkTreeMove, undo: boolean): string[] {
  if (saved === undefined) return [];
  const restore = `\`dbos op restore ${shortId(saved.operation.id)}\``;
  const them = saved.paths.length === 1 ? 'it' : 'them';
  return [
    `Saved ${counted(saved.paths.length, 'path')} in the automatic commit ${shortId(saved.commit)}; ${
      undo ? `\`dbos undo\` now, or ${restore} later,` : restore
    } brings ${them} back.`,
  ];
}

/** Returns which commit was left, if HEAD was detached: no branch may have it. */
export function leftNote(
  repository: Repository,
  {previous, commit}: {previous: Head; commit?: ObjectId | undefined},
): string[] {
  const left = previous.branch === undefined ? previous.commit : undefined;
  if (left === undefined || left === commit) return [];
  return [`HEAD was at ${shortId(left)}: ${subjectOf(readCommit(repository.objects, left).message)}`];
}

/** Returns what restoring paths from a commit did. */
export function restoredText({written, removed}: WorkTreeMove, commit: ObjectId): string {
  if (written + removed === 0) return `Nothing to restore: that is what ${shortId(commit)} has.`;
  const from = `from ${shortId(commit)}`;
  if (written === 0) return `Removed ${counted(removed, 'path')}, which ${shortId(commit)} has not.`;
  return `Restored ${counted(written, 'path')}${removed === 0 ? '' : ` and removed ${formatCount(removed)}`} ${from}.`;
}

/** Returns a sentence for each thing that is not as the commit says. */
export function moveWarnings({notSet, kept}: WorkTreeMove): string[] {
  const {owners, xattrs, times} = notSet;
  const warnings: string[] = [];
  if (owners > 0) warnings.push(`The owner of ${counted(owners, 'entry', 'entries')} could not be set: only root may.`);
  if (xattrs > 0) warnings.push(`Extended attributes of ${counted(xattrs, 'entry', 'entries')} could not be set.`);
  if (times > 0) warnings.push(`The time of ${counted(times, 'entry', 'entries')} could not be set.`);
  if (kept.length > 0)
    warnings.push(listed(kept.length === 1 ? 'This directory stays' : 'These directories stay', kept));
  return warnings;
}

function listed(what: string, paths: readonly string[]): string {
  const shown = paths.slice(0, LISTED).map(quotePath).join(', ');
  const more = paths.length > LISTED ? ` and ${paths.length - LISTED} more` : '';
  return `${what}, because of what is untracked in it: ${shown}${more}`;
}

/** Returns a sentence for each entry of the work tree that no commit gets. */
export function leftOutWarnings(skipped: readonly SkippedEntry[], unreadable: readonly UnreadablePath[]): string[] {
  const warnings = [
    ...unreadable.map(({path, code}) => `Cannot read ${quotePath(path)} (${code}).`),
    ...skipped.map(({path, reason}) => `Left out ${quotePath(path)}: it is a ${reason}.`),
  ];
  if (warnings.length <= LISTED) return warnings;
  return [...warnings.slice(0, LISTED), `${warnings.length - LISTED} more entries are left out.`];
}
