/**
 * An entry on disk as a row would have it, and the comparison with the row that it has. What this account could not have
 * set when it checked the row out is no difference: other owners, and attributes outside `user.*`, for anyone but root.
 * Layer: worktree.
 */
import {readlinkSync} from 'node:fs';
import {decodeText} from '../bytes.js';
import type {ObjectReader} from '../objects/store.js';
import type {FileRow, FileType} from '../state/files.js';
import {decodeXattrs, encodeXattrs} from '../state/xattrs.js';
import {ContentRef} from '../tree/cell.js';
import {readWhole} from '../tree/content.js';
import type {FileStat} from './filesource.js';
import {fsPath} from './fspath.js';
import {S_IFDIR, S_IFIFO, S_IFLNK, S_IFMT, S_IFREG} from './listing.js';
import {groups, users} from './owners.js';
import {readXattrs} from './xattr.js';

/** Everything of a row but its content and its link. */
export interface EntryMeta {
  readonly type: FileType;
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
  readonly user: string | null;
  readonly group: string | null;
  readonly mtime: bigint;
  readonly target: string | null;
  /** Undefined where attributes cannot be read at all. */
  readonly xattrs: Uint8Array | null | undefined;
}

/** Returns the type that a mode stands for, or undefined for what no state keeps. */
export function typeOfMode(mode: number): FileType | undefined {
  switch (mode & S_IFMT) {
    case S_IFREG:
      return 'file';
    case S_IFDIR:
      return 'dir';
    case S_IFLNK:
      return 'symlink';
    case S_IFIFO:
      return 'fifo';
    default:
      return undefined;
  }
}

type Status = Pick<FileStat, 'mode' | 'uid' | 'gid' | 'mtimeNs'>;

/** Returns what stands at a path, given its status. Throws what the system throws when a symlink cannot be read. */
export function readEntry(root: string, path: string, stat: Status): EntryMeta {
  const type = typeOfMode(stat.mode) as FileType;
  const full = fsPath(root, path);
  return {
    type,
    mode: stat.mode & 0o7777,
    uid: stat.uid,
    gid: stat.gid,
    user: users.nameOf(stat.uid),
    group: groups.nameOf(stat.gid),
    mtime: stat.mtimeNs,
    target: type === 'symlink' ? decodeText(readlinkSync(full, 'buffer')) : null,
    xattrs: type === 'file' || type === 'dir' ? readXattrs(full) : null,
  };
}

/** Returns whether this process may give files away. */
export function isPrivileged(): boolean {
  return process.geteuid?.() === 0;
}

/** Returns whether an entry is what its row says, but for content, link and time. */
export function matchesRow(reader: ObjectReader, row: FileRow, entry: EntryMeta): boolean {
  if (row.type !== entry.type || row.target !== entry.target) return false;
  const owned =
    sameOwner(row.user, row.uid, entry.user, entry.uid) && sameOwner(row.group, row.gid, entry.group, entry.gid);
  const privileged = isPrivileged();
  if (!owned && privileged) return false;
  // what is not ours to give away does not get the bits that act in the owner's name
  const ignored = entry.type === 'symlink' ? 0o7777 : owned ? 0 : 0o6000;
  if ((row.mode | ignored) !== (entry.mode | ignored)) return false;
  return sameXattrs(reader, row.xattrs, entry.xattrs, privileged);
}

/** Names count where both are known: the same account may have another number elsewhere. */
function sameOwner(rowName: string | null, rowId: number, name: string | null, id: number): boolean {
  return rowName !== null && name !== null ? rowName === name : rowId === id;
}

function sameXattrs(
  reader: ObjectReader,
  row: FileRow['xattrs'],
  entry: Uint8Array | null | undefined,
  privileged: boolean,
): boolean {
  if (entry === undefined || (row === null && entry === null)) return true;
  const kept = row instanceof ContentRef ? readWhole(reader, row) : row;
  if (kept !== null && entry !== null && Buffer.compare(kept, entry) === 0) return true;
  if (privileged) return false;
  return Buffer.compare(ownXattrs(kept), ownXattrs(entry)) === 0;
}

/** Returns the canonical bytes of those attributes that any owner may set. */
function ownXattrs(bytes: Uint8Array | null): Uint8Array {
  if (bytes === null) return Buffer.alloc(0);
  return encodeXattrs(new Map([...decodeXattrs(bytes)].filter(([name]) => name.startsWith('user.'))));
}

/** Returns the row of an entry. What this account cannot tell apart from the row before stays as it was there. */
export function rowOf(
  path: string,
  entry: EntryMeta,
  before: FileRow | undefined,
  content: ContentRef | null,
  link: string | null,
  xattrs: FileRow['xattrs'],
): FileRow {
  const {type, mode, uid, gid, user, group, mtime, target} = entry;
  const row = {path, type, mode, uid, gid, user, group, mtime, content, target, link, xattrs};
  if (before === undefined || before.type !== type || isPrivileged()) return row;
  const owned = sameOwner(before.user, before.uid, user, uid) && sameOwner(before.group, before.gid, group, gid);
  if (owned) return {...row, uid: before.uid, gid: before.gid};
  const {uid: oldUid, gid: oldGid, user: oldUser, group: oldGroup} = before;
  return {...row, mode: mode | (before.mode & 0o6000), uid: oldUid, gid: oldGid, user: oldUser, group: oldGroup};
}
