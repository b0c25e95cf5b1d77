/** Entries of a state as `ls` shows them: mode letters, long lines, JSON. Layer: cli. */
import type {FileRow, FileType} from '../state/files.js';
import {quotePath} from '../state/quote.js';
import type {Style} from './style.js';
import {displayWidth} from './table.js';

const TYPE_LETTERS: Readonly<Record<FileType, string>> = {file: '-', dir: 'd', symlink: 'l', fifo: 'p'};

/** Returns type and permissions as `ls -l` writes them: `drwxr-sr-t`. */
export function modeLetters(type: FileType, mode: number): string {
  const three = (shift: number, special: number, letter: string) => {
    const bits = mode >> shift;
    const execute = (bits & 1) !== 0;
    const last = (mode & special) === 0 ? (execute ? 'x' : '-') : execute ? letter : letter.toUpperCase();
    return `${bits & 4 ? 'r' : '-'}${bits & 2 ? 'w' : '-'}${last}`;
  };
  return `${TYPE_LETTERS[type]}${three(6, 0o4000, 's')}${three(3, 0o2000, 's')}${three(0, 0o1000, 't')}`;
}

/** Returns a time in nanoseconds as ISO 8601 in UTC, exactly. */
export function isoNanoseconds(time: bigint): string {
  const fraction = ((time % 1_000_000_000n) + 1_000_000_000n) % 1_000_000_000n;
  const seconds = new Date(Number((time - fraction) / 1_000_000n)).toISOString().slice(0, -5);
  return `${seconds}.${`${fraction}`.padStart(9, '0')}Z`;
}

/** Returns an entry as scripts get it. */
export function entryJson(row: FileRow): Readonly<Record<string, unknown>> {
  const {path, type, mode, uid, gid, user, group, mtime, content, target, link} = row;
  return {
    path,
    type,
    mode: mode.toString(8).padStart(4, '0'),
    uid,
    gid,
    user,
    group,
    size: content?.size ?? null,
    mtime: isoNanoseconds(mtime),
    target,
    link,
  };
}

/** Returns a name with the colour of its type, a directory with a slash. */
export function entryName(row: FileRow, name: string, style: Style): string {
  if (row.type === 'dir') return style.blue(quotePath(`${name}/`));
  if (row.type === 'symlink') return style.cyan(quotePath(name));
  if (row.type === 'fifo') return style.yellow(quotePath(name));
  return row.mode & 0o111 ? style.green(quotePath(name)) : quotePath(name);
}

/** The columns of a long listing that are as wide as their widest cell. */
export class LongColumns {
  private user = 0;
  private group = 0;
  private size = 0;

  private cells(row: FileRow): [user: string, group: string, size: string] {
    return [quotePath(row.user ?? `${row.uid}`), quotePath(row.group ?? `${row.gid}`), `${row.content?.size ?? '-'}`];
  }

  /** Makes room for an entry. */
  fit(row: FileRow): void {
    const [user, group, size] = this.cells(row);
    this.user = Math.max(this.user, displayWidth(user));
    this.group = Math.max(this.group, displayWidth(group));
    this.size = Math.max(this.size, size.length);
  }

  /** Returns the line of an entry. */
  line(row: FileRow, name: string, time: string, style: Style): string {
    const [user, group, size] = this.cells(row);
    const pad = (text: string, width: number) => text + ' '.repeat(width - displayWidth(text));
    const owner = `${pad(user, this.user)}  ${pad(group, this.group)}`;
    const target = row.target === null ? '' : ` -> ${quotePath(row.target)}`;
    const head = `${modeLetters(row.type, row.mode)}  ${owner}  ${size.padStart(this.size)}  ${time}`;
    return `${head}  ${entryName(row, name, style)}${target}`;
  }
}
