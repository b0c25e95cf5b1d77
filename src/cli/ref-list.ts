/** What lists of branches and of tags are asked for: which of them, and in which order. Layer: cli. */
import type {ObjectId} from '../objects/id.js';
import {reachedFrom, reaching} from '../repo/reach.js';
import type {Repository} from '../repo/repository.js';
import {resolveRevision} from '../repo/revisions.js';
import {shellPattern} from '../shell/pattern.js';
import {Flags} from './command.js';

/** The orders of a list; the first unless asked for. */
const ORDERS = ['name', 'time'] as const;

const revisionFlag = (description: string) =>
  Flags.string({description, helpValue: '[REV]', multiple: true, multipleNonGreedy: true});

export const refListFlags = {
  list: Flags.boolean({char: 'l', description: 'List those that match one of the patterns, or all.'}),
  contains: revisionFlag('List those that have this commit (HEAD unless given) in their history.'),
  'no-contains': revisionFlag('List those that do not have this commit (HEAD unless given) in their history.'),
  merged: revisionFlag('List those whose commit is in the history of this one (HEAD unless given).'),
  'no-merged': revisionFlag('List those whose commit is not in the history of this one (HEAD unless given).'),
  sort: Flags.string({
    description: 'The order of a list: by name, or by time with the newest first.',
    options: [...ORDERS],
  }),
};

/** Those of the flags whose revision may be left out, with the one that they then mean: what `lenient` of a command is. */
export const refListLenient = {
  contains: 'HEAD',
  'no-contains': 'HEAD',
  merged: 'HEAD',
  'no-merged': 'HEAD',
} as const;

export const refListCompletes = {
  contains: 'revision',
  'no-contains': 'revision',
  merged: 'revision',
  'no-merged': 'revision',
} as const;

/** What the help of a command says about them. */
export const REF_LIST_HELP =
  'With --list, --contains, --merged, their opposites or --sort the names are patterns as in a shell, in which `*` also stands for slashes. The word after --contains, --merged and their opposites is their revision; as the last word, or before another flag or `--`, they mean HEAD. Given several times, one of the revisions of --contains or --merged is enough, and none of those of --no-contains or --no-merged may fit.';

/** The values of the flags. */
export interface RefListFlags {
  readonly list?: boolean | undefined;
  readonly contains?: readonly string[] | undefined;
  readonly 'no-contains'?: readonly string[] | undefined;
  readonly merged?: readonly string[] | undefined;
  readonly 'no-merged'?: readonly string[] | undefined;
  readonly sort?: string | undefined;
}

/** What is listed: a name for a commit. */
interface Named {
  readonly name: string;
  readonly id: ObjectId;
}

/** Returns whether a list is asked for. */
export function asksForList(flags: RefListFlags): boolean {
  return Object.keys(refListFlags).some(name => flags[name as keyof RefListFlags] !== undefined);
}

/**
 * Returns what of a list matches a pattern, if there are any, and each of the flags: of revisions with one flag one is enough
 * for `contains` and `merged`, and the other two exclude each of theirs. Throws as `resolveRevision`.
 */
export async function selectRefs<T extends Named>(
  repository: Repository,
  entries: readonly T[],
  flags: RefListFlags,
  patterns: readonly string[],
): Promise<T[]> {
  const matchers = patterns.map(shellPattern);
  let left = entries.filter(({name}) => matchers.length === 0 || matchers.some(matches => matches(name)));
  for (const [name, select, wanted] of [
    ['contains', reaching, true],
    ['no-contains', reaching, false],
    ['merged', reachedFrom, true],
    ['no-merged', reachedFrom, false],
  ] as const) {
    const revisions = flags[name];
    if (revisions === undefined) continue;
    const commits: ObjectId[] = [];
    for (const revision of revisions) commits.push((await resolveRevision(repository, revision)).commit);
    const found = select(
      repository,
      left.map(({id}) => id),
      commits,
    );
    left = left.filter(({id}) => found.has(id) === wanted);
  }
  return left;
}

/** Returns a list in the order that is asked for; it comes by name. `timeOf` returns milliseconds since 1970. */
export function sortRefs<T>(entries: readonly T[], {sort}: RefListFlags, timeOf: (entry: T) => number): readonly T[] {
  if (sort !== 'time') return entries;
  const timed = entries.map(entry => ({entry, time: timeOf(entry)}));
  return timed.sort((a, b) => b.time - a.time).map(({entry}) => entry);
}
