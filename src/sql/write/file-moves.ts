/**
 * Puts changed entries of `files` in their places. A directory that has another path takes along what is in it, but for what
 * the statement itself moves; all leave their places before the first comes to its new one, so paths can be exchanged.
 * Layer: sql.
 */
import {FILES_TABLE, type FileRow, subtreeRange} from '../../state/files.js';
import type {ConflictAction} from '../ast.js';
import {type ChangeFault, constraintFailed} from './change-fault.js';
import type {Run} from './session.js';
import {faultAction} from './table-program.js';

/** An entry of before the statement, and what becomes of it. */
export interface ChangedFile {
  readonly before: FileRow;
  readonly after: FileRow;
}

/**
 * Carries out the changes, and returns those that were: with OR IGNORE not the ones whose path is taken. Throws
 * CONSTRAINT_FAILED for a path that is taken.
 */
export function moveFiles(
  run: Run,
  changes: readonly ChangedFile[],
  or: ConflictAction | undefined,
): readonly ChangedFile[] {
  const {files} = run;
  const moved = changes.filter(({before, after}) => before.path !== after.path);
  if (moved.length === 0) {
    for (const {after} of changes) files.set(after);
    return changes;
  }
  for (const {before} of moved) files.remove(before.path);
  const placed = new Set<string>();
  const done: ChangedFile[] = [];
  for (const change of changes) {
    const {before, after} = change;
    if (before.path !== after.path && files.find(after.path) !== undefined && or !== 'replace') {
      if (or !== 'ignore' || files.find(before.path) !== undefined) throw pathTaken(run, after.path, or);
      files.set(before);
      placed.add(before.path);
      continue;
    }
    files.set(after);
    placed.add(after.path);
    done.push(change);
  }
  takeAlong(run, done, placed);
  return done;
}

/** Moves what is in directories that were moved. */
function takeAlong(run: Run, changes: readonly ChangedFile[], placed: ReadonlySet<string>): void {
  const {files} = run;
  const directories = changes.filter(
    ({before, after}) => before.path !== after.path && before.type === 'dir' && after.type === 'dir',
  );
  // what is in a directory that was moved out of another one goes with the inner one
  directories.sort((a, b) => b.before.path.length - a.before.path.length);
  const taken: FileRow[] = [];
  for (const {before, after} of directories) {
    const below = [...files.scan(subtreeRange(before.path))].filter(({path}) => !placed.has(path));
    for (const entry of below) {
      files.remove(entry.path);
      taken.push({...entry, path: after.path + entry.path.slice(before.path.length)});
    }
  }
  for (const entry of taken) {
    if (files.find(entry.path) !== undefined) throw pathTaken(run, entry.path, undefined);
    files.set(entry);
  }
}

/** Returns the error for a path that another entry has. */
export function pathTaken(run: Run, path: string, or: ConflictAction | undefined): ChangeFault {
  return constraintFailed(
    `UNIQUE constraint failed: files.path (${JSON.stringify(path)})`,
    run.at,
    'There is an entry at this path already: replace it with OR REPLACE, or change it with ON CONFLICT (path) DO UPDATE.',
    {table: FILES_TABLE, path},
    faultAction(or),
  );
}
