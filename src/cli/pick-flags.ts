/** What commands that take back or repeat one commit are told, and what they tell. Layer: cli. */
import {formatId, type ObjectId, shortId} from '../objects/id.js';
import {readCommit} from '../repo/commit.js';
import type {StoreLocation} from '../repo/location.js';
import type {Repository} from '../repo/repository.js';
import type {MergedCommit} from '../worktree/merge-commit.js';
import type {PickOptions} from '../worktree/pick.js';
import {Flags, messageFlag} from './command.js';
import {subjectOf} from './commit-text.js';
import {mergePreferences, preferFlags, settledJson, settledNotes} from './merge-flags.js';
import {moveJson, moveWarnings} from './move-text.js';

export const pickFlags = {
  ...messageFlag,
  parent: Flags.integer({
    description: 'Of a merge: against which of its commits its change is seen, from 1.',
    helpValue: 'N',
  }),
  ...preferFlags,
};

/** Returns what the flags say; paths are relative to `directory`. Throws PATH_INVALID. */
export function pickOptions(
  flags: Parameters<typeof mergePreferences>[0] & {
    readonly message?: readonly string[] | undefined;
    readonly parent?: number | undefined;
  },
  location: StoreLocation,
  directory: string,
): PickOptions {
  const {parent, message} = flags;
  return {...mergePreferences(flags, location, directory), parent, message: message?.join('\n\n')};
}

/** Returns what to say: `did` is what was done with the commit `id`. */
export function pickNotes(
  repo: Repository,
  did: string,
  id: ObjectId,
  picked: MergedCommit | undefined,
): {readonly notes: readonly string[]; readonly warnings: readonly string[]} {
  if (!picked) return {notes: ['There is nothing to change: no commit was made.'], warnings: []};
  const {commit, settled, move} = picked;
  const subject = subjectOf(readCommit(repo.objects, commit).message);
  return {
    notes: [`${did} ${shortId(id)}: ${shortId(commit)} ${subject}`, ...settledNotes(settled)],
    warnings: moveWarnings(move),
  };
}

export function pickJson(id: ObjectId, picked: MergedCommit | undefined): Readonly<Record<string, unknown>> {
  return {
    of: formatId(id),
    id: picked ? formatId(picked.commit) : null,
    ...settledJson(picked?.settled ?? []),
    ...moveJson(picked?.move),
  };
}
