/**
 * Compares two directory trees, independently of everything in `src/`: it walks with its own code and takes names, types,
 * bytes, modes, owners, symlink targets, groups of hard links, extended attributes and times from the system.
 */
import {createHash} from 'node:crypto';
import fs from 'node:fs';

export interface CompareOptions {
  /** Compare modification times too, to the precision that a program in Node can set. */
  readonly times?: boolean;
  /** Leave this entry of the top out; `.dbos` unless given. */
  readonly except?: string;
  /** Compare owners; needs root. */
  readonly owners?: boolean;
}

interface Facts {
  readonly kind: string;
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
  readonly size: number;
  readonly content: string;
  readonly mtime: bigint;
  readonly inode: string;
  readonly links: number;
  readonly xattrs: string;
}

interface Attributes {
  listAttributesSync(path: string): string[];
  getAttributeSync(path: string, name: string): Buffer;
}

let attributes: Attributes | undefined;

function kindOf(stat: fs.BigIntStats): string {
  if (stat.isFile()) return 'file';
  if (stat.isDirectory()) return 'directory';
  if (stat.isSymbolicLink()) return 'symlink';
  if (stat.isFIFO()) return 'fifo';
  return stat.isSocket() ? 'socket' : 'device';
}

/** One for all files: a new one for each of 100,000 small ones takes longer than to read them. */
const piece = Buffer.alloc(1 << 20);

function digestFile(path: Buffer): string {
  const digest = createHash('sha512');
  const fd = fs.openSync(path, 'r');
  try {
    for (;;) {
      const read = fs.readSync(fd, piece, 0, piece.length, null);
      if (read === 0) return digest.digest('hex');
      digest.update(piece.subarray(0, read));
    }
  } finally {
    fs.closeSync(fd);
  }
}

function xattrsOf(path: Buffer): string {
  if (attributes === undefined) return '';
  const fd = fs.openSync(path, fs.constants.O_RDONLY | fs.constants.O_NONBLOCK | fs.constants.O_NOFOLLOW);
  try {
    const at = `/proc/self/fd/${fd}`;
    const pairs: string[] = [];
    for (const name of attributes.listAttributesSync(at).sort()) {
      pairs.push(`${name}=${attributes.getAttributeSync(at, name).toString('hex')}`);
    }
    return pairs.join(' ');
  } finally {
    fs.closeSync(fd);
  }
}

function factsOf(path: Buffer): Facts {
  const stat = fs.lstatSync(path, {bigint: true});
  const kind = kindOf(stat);
  return {
    kind,
    mode: Number(stat.mode & 0o7777n),
    uid: Number(stat.uid),
    gid: Number(stat.gid),
    size: kind === 'file' ? Number(stat.size) : 0,
    content:
      kind === 'file' ? digestFile(path) : kind === 'symlink' ? fs.readlinkSync(path, 'buffer').toString('hex') : '',
    mtime: stat.mtimeNs,
    inode: `${stat.dev}:${stat.ino}`,
    links: Number(stat.nlink),
    xattrs: kind === 'file' || kind === 'directory' ? xattrsOf(path) : '',
  };
}

/** Returns the facts of every entry below a directory, by the bytes of its path in latin1. */
function walk(root: string, except: string): Map<string, Facts> {
  const found = new Map<string, Facts>();
  const pending: Buffer[] = [Buffer.alloc(0)];
  for (let inside = pending.pop(); inside !== undefined; inside = pending.pop()) {
    const directory = Buffer.concat([
      Buffer.from(root),
      inside.length > 0 ? Buffer.from('/') : Buffer.alloc(0),
      inside,
    ]);
    for (const name of fs.readdirSync(directory, {encoding: 'buffer'})) {
      if (inside.length === 0 && name.toString('latin1') === except) continue;
      const path = inside.length === 0 ? name : Buffer.concat([inside, Buffer.from('/'), name]);
      const facts = factsOf(Buffer.concat([directory, Buffer.from('/'), name]));
      found.set(path.toString('latin1'), facts);
      if (facts.kind === 'directory') pending.push(path);
    }
  }
  return found;
}

/** Returns the paths that share an inode with a path, in order. */
function groups(entries: Map<string, Facts>): Map<string, string> {
  const byInode = new Map<string, string[]>();
  for (const [path, {inode, kind, links}] of entries) {
    if (kind === 'directory' || links < 2) continue;
    byInode.set(inode, [...(byInode.get(inode) ?? []), path]);
  }
  const result = new Map<string, string>();
  for (const paths of byInode.values()) {
    if (paths.length < 2) continue;
    for (const path of paths) result.set(path, paths.sort().join(' = '));
  }
  return result;
}

/** Node sets times in whole microseconds. */
const TIME_PRECISION_NS = 1000n;

/** Returns every difference between two trees, in words; none if they are the same. */
export async function compareTrees(a: string, b: string, options: CompareOptions = {}): Promise<string[]> {
  attributes ??= (await import('fs-xattr').catch(() => undefined)) as Attributes | undefined;
  const {except = '.dbos', times = false, owners = process.geteuid?.() === 0} = options;
  const left = walk(a, except);
  const right = walk(b, except);
  const differences: string[] = [];
  const leftGroups = groups(left);
  const rightGroups = groups(right);
  for (const [path, facts] of left) {
    const other = right.get(path);
    const shown = JSON.stringify(path);
    if (other === undefined) {
      differences.push(`${shown}: only in ${a}`);
      continue;
    }
    const differ = (what: string, x: unknown, y: unknown) => {
      if (x !== y) differences.push(`${shown}: ${what} ${String(x)} / ${String(y)}`);
    };
    differ('kind', facts.kind, other.kind);
    if (facts.kind !== 'symlink') differ('mode', facts.mode.toString(8), other.mode.toString(8));
    differ('size', facts.size, other.size);
    differ('content', facts.content, other.content);
    differ('xattrs', facts.xattrs, other.xattrs);
    differ('hard links', leftGroups.get(path), rightGroups.get(path));
    if (owners) {
      differ('user', facts.uid, other.uid);
      differ('group', facts.gid, other.gid);
    }
    if (times) {
      const apart = facts.mtime - other.mtime;
      if (apart > TIME_PRECISION_NS || apart < -TIME_PRECISION_NS) differ('time', facts.mtime, other.mtime);
    }
  }
  for (const path of right.keys()) if (!left.has(path)) differences.push(`${JSON.stringify(path)}: only in ${b}`);
  return differences;
}
