/**
 * The rules that rows of `files` keep together: every entry is in a directory, only directories have entries, and hard links
 * are links of one file. A version is held against one that keeps them, so only what changed is looked at. Layer: state.
 */
import type {ObjectReader} from '../objects/store.js';
import {sameCell} from '../tree/cell.js';
import {countRange} from '../tree/read.js';
import type {TreeRoot} from '../tree/spec.js';
import {diffFiles, FILES_SPEC, type FileRow, findFile, scanFiles, subtreeRange} from './files.js';
import {parentOf} from './path.js';

/** An entry that breaks a rule. */
export interface WrongEntry {
  readonly path: string;
  /** A sentence without a full stop. */
  readonly problem: string;
}

/** Yields the entries of `root` that break a rule, where they differ from `base`; undefined is progress and nothing else. */
export function* wrongEntries(
  reader: ObjectReader,
  root: TreeRoot,
  base: TreeRoot,
): Generator<WrongEntry | undefined, void, undefined> {
  if (root === null) return;
  /** First names of hard links that are gone: whatever still points at them is wrong. */
  const gone = new Set<string>();
  let directory = '';
  for (const {path, before, after} of diffFiles(reader, base, root)) {
    yield undefined;
    const parent = parentOf(path);
    if (after && parent !== directory && parent !== '') {
      if (findFile(reader, root, parent)?.type !== 'dir') yield {path, problem: `'${path}' is not in a directory`};
      directory = parent;
    }
    if (before?.type === 'dir' && after?.type !== 'dir') {
      if (countRange(reader, FILES_SPEC, root, subtreeRange(path)) > 0) {
        yield {path, problem: `'${path}' is no directory but has entries`};
      }
    }
    if (after && after.link !== null) {
      const problem = linkProblem(reader, root, after);
      if (problem) yield {path, problem};
    }
    if (before?.link === path && after?.link !== path) gone.add(path);
  }
  if (gone.size === 0) return;
  for (const {path, link} of scanFiles(reader, root)) {
    if (link !== null && gone.has(link)) yield {path, problem: `'${path}' is a hard link of '${link}', which is none`};
    yield undefined;
  }
}

function linkProblem(reader: ObjectReader, root: TreeRoot, file: FileRow): string | undefined {
  const {path, link} = file;
  if (link === null || link === path) return undefined;
  const first = findFile(reader, root, link);
  if (first?.link === link && first.type === file.type && sameCell(first.content, file.content)) return undefined;
  return `'${path}' is a hard link of '${link}', which is none or another file`;
}
