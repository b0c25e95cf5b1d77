/**
 * Records a work tree: from the files on disk and a base root to the root that a commit holds. Rows that did not change
 * stay as they were, with their time. Either everything selected is recorded as it was at one look, or nothing is.
 * Layer: worktree.
 */
import {DbosError} from '../errors.js';
import type {ObjectSink} from '../objects/store.js';
import type {AffectedTable} from '../repo/operation.js';
import {branchRef, HEAD} from '../repo/refs.js';
import type {Head} from '../repo/view.js';
import {diffFiles, editFiles, FILES_TABLE, type FileEdit} from '../state/files.js';
import type {TreeRoot} from '../tree/spec.js';
import {type Difference, type Examination, type ExamineOptions, examine} from './examine.js';
import {otherNames, separatedLinks, touchedLinks} from './link-groups.js';
import {UNKNOWN} from './listing.js';
import type {UnreadablePath} from './scan.js';

export interface RecordOptions extends ExamineOptions {
  readonly sink: ObjectSink;
  /** Leave unreadable entries as they were in the base instead of failing. */
  readonly skipUnreadable: boolean;
}

export interface ChangeCounts {
  readonly added: number;
  readonly modified: number;
  readonly deleted: number;
}

export interface Recording {
  /** The base with the changes. */
  readonly root: TreeRoot;
  readonly changes: ChangeCounts;
  readonly differences: readonly Difference[];
  /** For the stat cache, once `root` is what HEAD has. */
  readonly examination: Examination;
}

/** Returns what an operation affects that commits the changes of a recording on HEAD. */
export function affectedFiles({branch}: Head, changes: ChangeCounts): readonly AffectedTable[] {
  if (changes.added + changes.modified + changes.deleted === 0) return [];
  return [{ref: branch === undefined ? HEAD : branchRef(branch), table: FILES_TABLE, ...changes}];
}

const LISTED = 10;
/** Edits given to the tree at a time. */
const EDITS = 65_536;

/**
 * Stages the bodies and nodes of what changed, and returns the new root. Throws FILE_UNREADABLE or FILE_CHANGING with the
 * paths in `data.paths`, PATH_UNKNOWN, INTERRUPTED, and what the sink throws.
 */
export async function record(options: RecordOptions): Promise<Recording> {
  const examination = await examine(options);
  const {unreadable, changing, differences} = examination;
  if (unreadable.length > 0 && !options.skipUnreadable) throw unreadableError(unreadable);
  if (changing.length > 0) throw changingError(changing);
  const byPath = new Map(differences.map(({path, after}) => [path, {path, file: after ?? null}]));
  const edits: FileEdit[] = [...byPath.values()];
  byPath.clear();
  // names of files that are left out may be hard links of others
  const partial = !options.selection.all || unreadable.length > 0;
  const links = partial ? touchedLinks(differences) : new Set<string>();
  if (links.size === 0) {
    return {
      root: await edited(options.sink, options.base, edits),
      changes: countsOf(differences),
      differences,
      examination,
    };
  }
  return {...(await recordLinks(options, examination, edits, links)), differences, examination};
}

/** Returns the root after the edits and after what hard links need besides, and how much of the base changed. */
async function recordLinks(
  {sink, base, root: directory}: RecordOptions,
  {differences, listing}: Examination,
  edits: readonly FileEdit[],
  links: ReadonlySet<string>,
): Promise<Pick<Recording, 'root' | 'changes'>> {
  const others = otherNames(sink, base, directory, differences);
  const named = await edited(sink, base, [...edits, ...others.map(file => ({path: file.path, file}))]);
  const separated = separatedLinks(sink, named, base, links);
  const root = await edited(
    sink,
    named,
    separated.map(file => ({path: file.path, file})),
  );
  for (const {path} of [...others, ...separated]) {
    const entry = listing.findEntry(path);
    if (entry >= 0) listing.state[entry] = UNKNOWN;
  }
  const changes = {added: 0, modified: 0, deleted: 0};
  for (const {before, after} of diffFiles(sink, base, root)) {
    changes[before === undefined ? 'added' : after === undefined ? 'deleted' : 'modified']++;
  }
  return {root, changes};
}

/** Returns how many paths differ in which way. */
function countsOf(differences: readonly Difference[]): ChangeCounts {
  const changes = {added: 0, modified: 0, deleted: 0};
  for (const {change} of differences) changes[change === 'typechange' ? 'modified' : change]++;
  return changes;
}

async function edited(sink: ObjectSink, base: TreeRoot, edits: readonly FileEdit[]): Promise<TreeRoot> {
  let root = base;
  for (let from = 0; from < edits.length; from += EDITS) {
    root = editFiles(sink, root, edits.slice(from, from + EDITS));
    if (from + EDITS < edits.length) await new Promise(setImmediate);
  }
  return root;
}

function unreadableError(unreadable: readonly UnreadablePath[]): DbosError {
  const paths = unreadable.map(({path}) => path);
  const one = unreadable.length === 1;
  return new DbosError(
    'FILE_UNREADABLE',
    `${one ? 'An entry' : `${unreadable.length} entries`} cannot be read: ${listPaths(paths)}${one ? ` (${unreadable[0]?.code})` : ''}.`,
    {
      hint: 'Change the permissions, or leave them out with --skip-unreadable. Nothing was committed.',
      data: {paths, codes: unreadable.map(({code}) => code)},
    },
  );
}

function changingError(paths: readonly string[]): DbosError {
  return new DbosError(
    'FILE_CHANGING',
    `${paths.length === 1 ? 'A file' : `${paths.length} files`} kept changing while being read: ${listPaths(paths)}.`,
    {hint: 'Stop what writes there, or list it in .dbosignore, and try again. Nothing was committed.', data: {paths}},
  );
}

/** Returns the first ten paths in words, and how many more there are. */
export function listPaths(paths: readonly string[]): string {
  const shown = paths.slice(0, LISTED).map(path => (path === '' ? 'the work tree' : `'${path}'`));
  const more = paths.length - shown.length;
  return more > 0 ? `${shown.join(', ')} and ${more} more` : shown.join(', ');
}
