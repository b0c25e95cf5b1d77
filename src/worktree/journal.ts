/**
 * The journal of a checkout: from before the first change on disk until after the last, `.dbos/checkout.json` names the
 * roots that the work tree is moving between. If the process dies, the next command removes the files that are not
 * complete (they have the mode UNFINISHED), and what equals the target counts as committed. Layer: worktree.
 */
import {readFileSync, renameSync, unlinkSync, writeFileSync} from 'node:fs';
import {formatId, parseId} from '../objects/id.js';
import type {ObjectReader} from '../objects/store.js';
import {diffFiles, scanFiles} from '../state/files.js';
import {pathProblem} from '../state/path.js';
import type {TreeRoot} from '../tree/spec.js';
import {fsPath} from './fspath.js';
import {S_IFREG} from './listing.js';
import {Parents} from './parents.js';
import {Selection} from './selection.js';
import {UNFINISHED} from './writefile.js';

/** A move of the work tree that has begun. */
export interface Journal {
  readonly from: TreeRoot;
  readonly to: TreeRoot;
  /** The paths that it is limited to; none for all. With paths, anything of `to` in them may be written. */
  readonly paths: readonly string[] | undefined;
  /** Milliseconds since 1970. */
  readonly time: number;
}

function journalPath(store: string): string {
  return `${store}/checkout.json`;
}

/** Writes the journal; from then on the work tree may be between two roots. */
export function writeJournal(store: string, journal: Journal): void {
  const {from, to, paths, time} = journal;
  const text = JSON.stringify({from: from && formatId(from), to: to && formatId(to), paths, time});
  const temporary = `${journalPath(store)}.${process.pid}`;
  writeFileSync(temporary, text);
  renameSync(temporary, journalPath(store));
}

/** Removes the journal. */
export function removeJournal(store: string): void {
  try {
    unlinkSync(journalPath(store));
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
  }
}

/** Returns the journal of a move that did not end, or undefined if there is none. */
export function findJournal(store: string): Journal | undefined {
  let text: string;
  try {
    text = readFileSync(journalPath(store), 'utf8');
  } catch {
    return undefined;
  }
  try {
    const {from, to, paths, time} = JSON.parse(text);
    const known = Array.isArray(paths) && paths.every(path => typeof path === 'string');
    return {from: rootOf(from), to: rootOf(to), paths: known ? paths : undefined, time: Number(time)};
  } catch {
    // it is written in one piece, so this is no journal of ours
    return undefined;
  }
}

function rootOf(text: unknown): TreeRoot {
  if (typeof text !== 'string') return null;
  const parsed = parseId(text);
  if (parsed === undefined) throw new TypeError('not an id');
  return parsed.id;
}

/** Removes the files that an interrupted move left incomplete, and returns its journal; undefined if there is none. */
export function cleanInterrupted(reader: ObjectReader, root: string, store: string): Journal | undefined {
  const journal = findJournal(store);
  if (journal === undefined) return undefined;
  const parents = new Parents(root);
  for (const path of targetsOf(reader, journal)) {
    if (pathProblem(path) === undefined && isUnfinished(parents.lstat(path)?.mode)) unlinkSync(fsPath(root, path));
  }
  return journal;
}

/** Returns whether a mode is that of an incomplete file, whatever umask took from it. */
function isUnfinished(mode: number | undefined): boolean {
  return mode !== undefined && (mode & ~0o600) === (S_IFREG | (UNFINISHED & ~0o600));
}

function* targetsOf(reader: ObjectReader, {from, to, paths}: Journal): Generator<string> {
  if (paths === undefined) {
    for (const {path, after} of diffFiles(reader, from, to)) if (after?.type === 'file') yield path;
    return;
  }
  const selection = new Selection(paths);
  for (const {path, type} of scanFiles(reader, to)) if (type === 'file' && selection.includes(path)) yield path;
}
