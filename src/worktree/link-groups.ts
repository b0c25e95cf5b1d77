/**
 * Hard links where not all of a work tree is recorded: some names of a file may be left out. Guarantee: in the tree that
 * comes of it files share their `link` only if they are alike, and it is the first of their paths. Layer: worktree.
 */
import {lstatSync} from 'node:fs';
import {systemCode} from '../errors.js';
import type {ObjectReader} from '../objects/store.js';
import {type FileRow, findFile, linkedFiles, sameFile} from '../state/files.js';
import type {TreeRoot} from '../tree/spec.js';
import type {Difference} from './examine.js';
import {fsPath} from './fspath.js';

/** Returns the links that files with these differences have or had. */
export function touchedLinks(differences: readonly Difference[]): ReadonlySet<string> {
  const links = new Set<string>();
  for (const {before, after} of differences) {
    if (before?.link) links.add(before.link);
    if (after?.link) links.add(after.link);
  }
  return links;
}

/**
 * Returns rows for names that were left out, of files that changed under another name: those that are links of one file in
 * `base` and still are on disk, below `directory`.
 */
export function otherNames(
  reader: ObjectReader,
  base: TreeRoot,
  directory: string,
  differences: readonly Difference[],
): FileRow[] {
  const changed = new Map<string, FileRow[]>();
  for (const {before, after} of differences) {
    if (!before?.link || !after?.link) continue;
    const rows = changed.get(before.link);
    if (rows === undefined) changed.set(before.link, [after]);
    else rows.push(after);
  }
  if (changed.size === 0) return [];
  const recorded = new Set(differences.map(({path}) => path));
  const found: FileRow[] = [];
  for (const file of linkedFiles(reader, base, new Set(changed.keys()))) {
    const {path, link} = file;
    if (recorded.has(path)) continue;
    const inode = inodeOf(directory, path);
    const same = changed
      .get(link as string)
      ?.find(row => inode !== undefined && inodeOf(directory, row.path) === inode);
    if (same !== undefined) found.push({...same, path});
  }
  return found;
}

/** Returns device and inode of a path, or undefined if nothing is there or can be seen. */
function inodeOf(directory: string, path: string): string | undefined {
  try {
    const {dev, ino} = lstatSync(fsPath(directory, path), {bigint: true});
    return `${dev} ${ino}`;
  } catch (error) {
    if (systemCode(error) === undefined) throw error;
    return undefined;
  }
}

/**
 * Returns the rows of `root` that need another `link` for the guarantee, with it: of files that share one of these links and
 * are unlike, each kind becomes a group of its own. A row comes back as it is in `base` where it differs in nothing else.
 */
export function separatedLinks(
  reader: ObjectReader,
  root: TreeRoot,
  base: TreeRoot,
  links: ReadonlySet<string>,
): FileRow[] {
  const groups: FileRow[][] = [];
  for (const file of linkedFiles(reader, root, links)) {
    const group = groups.find(([first]) => sameFile(first as FileRow, file));
    if (group === undefined) groups.push([file]);
    else group.push(file);
  }
  const changed: FileRow[] = [];
  for (const group of groups) {
    const link = group.length === 1 ? null : (group[0] as FileRow).path;
    for (const file of group) {
      if (file.link === link) continue;
      const row = {...file, link};
      const before = findFile(reader, base, file.path);
      changed.push(before !== undefined && sameFile(before, row) ? before : row);
    }
  }
  return changed;
}
