/** What commands that merge are told about conflicts, and what they tell of those that were settled. Layer: cli. */
import type {StoreLocation} from '../repo/location.js';
import type {Place, Preferences} from '../sql/merge/preference.js';
import {conflictJson} from '../sql/merge/transaction-conflict.js';
import type {MergeConflict} from '../state/conflict.js';
import type {Side} from '../tree/merge.js';
import {Flags} from './command.js';
import {counted} from './move-text.js';
import {statePath} from './paths.js';

/** Settled conflicts in JSON; there may be a million. */
const TOLD = 100;

export const preferFlags = {
  prefer: Flags.string({
    description: 'Where both changed the same, take what is here (ours) or there (theirs).',
    options: ['ours', 'theirs'],
  }),
  ours: Flags.string({
    description: 'Take what is here for this path or table (repeatable).',
    multiple: true,
    multipleNonGreedy: true,
    helpValue: 'PLACE',
  }),
  theirs: Flags.string({
    description: 'Take what is there for this path or table (repeatable).',
    multiple: true,
    multipleNonGreedy: true,
    helpValue: 'PLACE',
  }),
};

export const mergeFlags = {
  'ff-only': Flags.boolean({description: 'Only move forward: make no merge.'}),
  ...preferFlags,
};

/** Returns what the flags say; paths are relative to `directory`. Throws PATH_INVALID. */
export function mergePreferences(
  flags: {
    readonly prefer?: string | undefined;
    readonly ours?: readonly string[] | undefined;
    readonly theirs?: readonly string[] | undefined;
  },
  location: StoreLocation,
  directory: string,
): Preferences {
  const places = (words: readonly string[] = []): Place[] =>
    words.map(word => ({table: word, path: statePath(location, directory, word)}));
  return {prefer: flags.prefer as Side | undefined, ours: places(flags.ours), theirs: places(flags.theirs)};
}

/** Returns what to say of conflicts that were settled, if there are any. */
export function settledNotes(settled: readonly MergeConflict[]): string[] {
  return settled.length === 0 ? [] : [`The preferred side was taken in ${counted(settled.length, 'place')}.`];
}

export function settledJson(settled: readonly MergeConflict[]): Readonly<Record<string, unknown>> {
  return {settled: {count: settled.length, conflicts: settled.slice(0, TOLD).map(conflictJson)}};
}
