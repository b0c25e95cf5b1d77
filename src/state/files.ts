/**
 * The `files` table: one row for each entry of the tree of files, with the key (dir, name), so a directory is one range
 * and a subtree is one range, and parents come before their children. Layer: state.
 */
import {DbosError} from '../errors.js';
import {invalid} from '../objects/codec.js';
import type {ObjectReader, ObjectSink} from '../objects/store.js';
import {type Cell, ContentRef, integerCell, type Row, sameCell} from '../tree/cell.js';
import {diffTrees} from '../tree/diff.js';
import {editTree} from '../tree/edit.js';
import {afterPrefix, encodeKey, keyRange, pathRange} from '../tree/key.js';
import {countRows, getRow, scanLeaves, scanRows, type TreeRange} from '../tree/read.js';
import type {TreeRoot} from '../tree/spec.js';
import {checkPath, joinPath, nameOf, parentOf} from './path.js';
import {type Schema, treeSpec, writeSchema} from './schema.js';
import type {Table} from './table.js';

/** The name of the table in a state. */
export const FILES_TABLE = 'files';

/** Sockets and devices are not kept. */
export const FILE_TYPES = ['file', 'dir', 'symlink', 'fifo'] as const;
export type FileType = (typeof FILE_TYPES)[number];

/** One entry of the tree of files. */
export interface FileRow {
  /** Names joined by `/`, relative to the root. */
  readonly path: string;
  readonly type: FileType;
  /** Permission bits with setuid, setgid and sticky: 0 to 0o7777. */
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
  readonly user: string | null;
  readonly group: string | null;
  /** Nanoseconds since 1970 when the entry was recorded; a new time alone is no change. */
  readonly mtime: bigint;
  /** The body of a file; null for any other type. */
  readonly content: ContentRef | null;
  /** The target of a symlink; null for any other type. */
  readonly target: string | null;
  /** The first path, in key order, of the files that are hard links of each other; null if there is only one. */
  readonly link: string | null;
  /** Canonical bytes of extended attributes (a ContentRef when large), or null if there are none. */
  readonly xattrs: Uint8Array | ContentRef | null;
}

export const FILES_SCHEMA: Schema = {
  columns: [
    {name: 'dir', type: 'TEXT', notNull: true},
    {name: 'name', type: 'TEXT', notNull: true},
    {name: 'type', type: 'TEXT', notNull: true},
    {name: 'mode', type: 'INTEGER', notNull: true},
    {name: 'uid', type: 'INTEGER', notNull: true},
    {name: 'gid', type: 'INTEGER', notNull: true},
    {name: 'user', type: 'TEXT', notNull: false},
    {name: 'group', type: 'TEXT', notNull: false},
    {name: 'mtime', type: 'INTEGER', notNull: true},
    {name: 'content', type: 'BLOB', notNull: false},
    {name: 'target', type: 'TEXT', notNull: false},
    {name: 'link', type: 'TEXT', notNull: false},
    {name: 'xattrs', type: 'BLOB', notNull: false},
  ],
  key: [
    {collation: 'path', descending: false},
    {collation: 'binary', descending: false},
  ],
  // measured: docs/decisions/0002-node-size.md
  leafRows: 64,
  innerRows: 32,
};

export const FILES_SPEC = treeSpec(FILES_SCHEMA);

const MTIME_COLUMN = 8;
const LINK_COLUMN = 11;

/** Returns the key of a path. */
export function fileKey(path: string): Buffer {
  return encodeKey(FILES_SPEC, [parentOf(path), nameOf(path)]);
}

/** Returns the range of keys of the entries of one directory. */
export function directoryRange(directory: string): TreeRange {
  const gte = encodeKey(FILES_SPEC, [directory]);
  return {gte, lt: afterPrefix(gte)};
}

/** Returns the range of keys that has only a path. */
export function fileRange(path: string): TreeRange {
  return keyRange(fileKey(path));
}

/** Returns the range of keys of everything below a directory. */
export function subtreeRange(directory: string): TreeRange {
  return directory === '' ? {} : pathRange(FILES_SPEC, directory);
}

/** Returns the row of the `files` table for a file. */
export function toRow(file: FileRow): Row {
  return [
    parentOf(file.path),
    nameOf(file.path),
    file.type,
    file.mode,
    file.uid,
    file.gid,
    file.user,
    file.group,
    integerCell(file.mtime),
    file.content,
    file.target,
    file.link,
    file.xattrs,
  ];
}

/** Returns the file of a row of the `files` table. Throws OBJECT_INVALID if a cell is of the wrong type. */
export function fromRow(row: Row): FileRow {
  const [dir, name, type, mode, uid, gid, user, group, mtime, content, target, link, xattrs] = row;
  const file = {
    path: joinPath(textCell(dir), textCell(name)),
    type: textCell(type) as FileType,
    mode: numberCell(mode),
    uid: numberCell(uid),
    gid: numberCell(gid),
    user: textOrNull(user),
    group: textOrNull(group),
    mtime: typeof mtime === 'bigint' ? mtime : BigInt(numberCell(mtime)),
    content: content instanceof ContentRef ? content : nullCell(content),
    target: textOrNull(target),
    link: textOrNull(link),
    xattrs: xattrs instanceof ContentRef || xattrs instanceof Uint8Array ? xattrs : nullCell(xattrs),
  };
  if (!FILE_TYPES.includes(file.type)) throw invalid(`is a row of files with the type ${JSON.stringify(file.type)}`);
  if ((file.type === 'file') !== (file.content !== null) || (file.type === 'symlink') !== (file.target !== null)) {
    throw invalid('is a row of files whose type and content disagree');
  }
  if (file.mode < 0 || file.mode > 0o7777) throw invalid('is a row of files with an impossible mode');
  return file;
}

function textCell(cell: Cell | undefined): string {
  if (typeof cell !== 'string') throw invalid('is a row of files without a text where one must be');
  return cell;
}

function textOrNull(cell: Cell | undefined): string | null {
  return cell === null ? null : textCell(cell);
}

function numberCell(cell: Cell | undefined): number {
  if (typeof cell !== 'number' || !Number.isInteger(cell)) {
    throw invalid('is a row of files without a number where one must be');
  }
  return cell;
}

function nullCell(cell: Cell | undefined): null {
  if (cell !== null) throw invalid('is a row of files with a value of the wrong type');
  return null;
}

/** Returns whether two entries are the same but for their time. */
export function sameFile(a: FileRow, b: FileRow): boolean {
  return (
    a.type === b.type &&
    a.mode === b.mode &&
    a.uid === b.uid &&
    a.gid === b.gid &&
    a.user === b.user &&
    a.group === b.group &&
    a.target === b.target &&
    a.link === b.link &&
    sameCell(a.content, b.content) &&
    sameCell(a.xattrs, b.xattrs)
  );
}

function sameRow(a: Row, b: Row): boolean {
  for (let i = 0; i < a.length; i++) {
    if (i !== MTIME_COLUMN && !sameCell(a[i] as Cell, b[i] as Cell)) return false;
  }
  return true;
}

/** Returns the entry at a path, or undefined. The root itself has none. */
export function findFile(reader: ObjectReader, root: TreeRoot, path: string): FileRow | undefined {
  if (path === '') return undefined;
  const row = getRow(reader, FILES_SPEC, root, fileKey(path));
  return row && fromRow(row);
}

/** Yields the entries of a range (all without one) in key order. */
export function* scanFiles(reader: ObjectReader, root: TreeRoot, range: TreeRange = {}): Generator<FileRow> {
  for (const row of scanRows(reader, FILES_SPEC, root, range)) yield fromRow(row);
}

/** Yields the files whose `link` is one of these, in key order. Other columns of the tree are not decoded. */
export function* linkedFiles(
  reader: ObjectReader,
  root: TreeRoot,
  links: ReadonlySet<string>,
): Generator<FileRow, void, undefined> {
  for (const {leaf, from, to} of scanLeaves(reader, FILES_SPEC, root)) {
    for (let i = from; i < to; i++) {
      const link = leaf.cell(LINK_COLUMN, i);
      if (typeof link === 'string' && links.has(link)) yield fromRow(leaf.row(i));
    }
  }
}

/** A new entry for a path, or null to remove it. */
export interface FileEdit {
  readonly path: string;
  readonly file: FileRow | null;
}

/** Returns the root after the edits, in any order, each path at most once. Throws NAME_UNSAFE for a path that cannot stand in a state. */
export function editFiles(sink: ObjectSink, root: TreeRoot, edits: readonly FileEdit[]): TreeRoot {
  const keyed = edits.map(({path, file}) => {
    if (file) checkPath(path);
    return {key: fileKey(path), row: file && toRow(file)};
  });
  keyed.sort((a, b) => Buffer.compare(a.key, b.key));
  return editTree(sink, FILES_SPEC, root, keyed);
}

/** One changed path: only `after` if added, only `before` if deleted. */
export interface FileChange {
  readonly path: string;
  readonly before: FileRow | undefined;
  readonly after: FileRow | undefined;
}

/** Yields the entries of a range that differ, in key order; a new time alone is no difference. */
export function* diffFiles(
  reader: ObjectReader,
  a: TreeRoot,
  b: TreeRoot,
  range: TreeRange = {},
): Generator<FileChange> {
  for (const {before, after} of diffTrees(reader, FILES_SPEC, a, b, range)) {
    if (before && after && sameRow(before, after)) continue;
    const old = before && fromRow(before);
    const now = after && fromRow(after);
    yield {path: ((now ?? old) as FileRow).path, before: old, after: now};
  }
}

/** Returns the `files` table with this root, and writes its schema. */
export function filesTable(sink: ObjectSink, root: TreeRoot): Table {
  return {schema: writeSchema(sink, FILES_SCHEMA), root, rows: countRows(sink, FILES_SPEC, root)};
}

/** Returns the words for a type in a sentence. */
export function typeName(type: FileType): string {
  return {file: 'file', dir: 'directory', symlink: 'symbolic link', fifo: 'named pipe'}[type];
}

/** Throws PATH_UNKNOWN for a path that a state does not have. */
export function unknownPath(path: string, where: string): DbosError {
  return new DbosError('PATH_UNKNOWN', `There is no '${path}' in ${where}.`, {
    hint: 'See `dbos ls` for the entries of a directory, or `dbos history PATH` for its past.',
    data: {path},
  });
}
