/**
 * Makes a merged tree of files one that there can be, by the side that is preferred: an entry in a directory that the other side
 * removed comes with its directory, or is removed too. Layer: state.
 */
import type {ObjectSink} from '../objects/store.js';
import type {Side, Versions} from '../tree/merge.js';
import type {TreeRoot} from '../tree/spec.js';
import {editFiles, type FileEdit, findFile, scanFiles, subtreeRange} from './files.js';
import {type WrongEntry, wrongEntries} from './filetree.js';
import {parentOf} from './path.js';

/** What is mended may show that something else is wrong: each round goes up or down the tree. */
const ROUNDS = 8;

/** Returns the tree, and what was wrong with it; entries without a preferred side stay as they are. */
export function mendFiles(
  sink: ObjectSink,
  merged: TreeRoot,
  sides: Versions<TreeRoot>,
  prefer: (path: string) => Side | undefined,
): {readonly root: TreeRoot; readonly mended: readonly WrongEntry[]} {
  const mended = new Map<string, WrongEntry>();
  let root = merged;
  for (let round = 0; round < ROUNDS; round++) {
    const edits = new Map<string, FileEdit>();
    for (const wrong of [...wrongEntries(sink, root, sides.theirs), ...wrongEntries(sink, root, sides.ours)]) {
      const side = wrong && prefer(wrong.path);
      if (wrong === undefined || side === undefined) continue;
      mended.set(wrong.path, wrong);
      for (const edit of editsFor(sink, root, sides[side], wrong.path)) edits.set(edit.path, edit);
    }
    if (edits.size === 0) break;
    root = editFiles(sink, root, [...edits.values()]);
  }
  // of a directory and what is in it the latter tells all
  const above = new Set([...mended.keys()].map(parentOf));
  return {root, mended: [...mended.values()].filter(({path}) => !above.has(path))};
}

/** Yields what makes an entry, or the directories it is in, as a side has them. */
function* editsFor(
  sink: ObjectSink,
  root: TreeRoot,
  side: TreeRoot,
  path: string,
): Generator<FileEdit, void, undefined> {
  const parent = parentOf(path);
  if (isDirectory(sink, root, parent)) yield {path, file: findFile(sink, side, path) ?? null};
  else if (isDirectory(sink, side, parent)) {
    for (let above = parent; !isDirectory(sink, root, above); above = parentOf(above)) {
      yield {path: above, file: findFile(sink, side, above) ?? null};
    }
  } else for (const {path: inside} of scanFiles(sink, root, subtreeRange(parent))) yield {path: inside, file: null};
}

function isDirectory(sink: ObjectSink, root: TreeRoot, path: string): boolean {
  return path === '' || findFile(sink, root, path)?.type === 'dir';
}
